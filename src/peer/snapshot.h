/*
 * What the files of a peer's view share. Events write transfers under the view's lock, from any thread;
 * peers and index are looked up by the screen's thread when it takes a snapshot. The view's lock is a
 * leaf: no function of the peer is called under it.
 */
#ifndef P2PDI_PEER_SNAPSHOT_H
#define P2PDI_PEER_SNAPSHOT_H

#include "internal.h"

#include "p2pdi/base/hash.h"
#include "p2pdi/stats/snapshot.h"

#include <stdatomic.h>

/* Where a document's row is. */
struct place {
    UT_hash_handle hh;
    uint32_t rfc;
    uint32_t row;
    uint64_t seen; /* pass in which it was there */
};

/* A holder, as the screen names it. */
struct holder_row {
    UT_hash_handle hh;
    struct addr addr;
    uint32_t peer; /* 0: unknown */
    uint32_t documents;
    bool asked, failed;    /* for its index; to answer, the last time */
    uint64_t bytes;        /* that came from it, */
    uint64_t bytes_before; /* until the last second began */
    uint64_t bps;          /* in the last second */
    uint64_t sent;         /* bytes of documents, to it */
};

struct peer_view {
    void (*news)(void *arg);
    void *news_arg;
    _Atomic(bool) told; /* since the last snapshot */

    struct lock lock;
    struct snap_board board; /* transfers, log, peer: guarded by lock */
    struct place *transfers; /* guarded by lock */
    uint64_t starts;         /* guarded by lock: downloads that began */
    bool index_changed;      /* guarded by lock */

    /* Of the screen's thread, as the board's peers and rfcs. */
    struct place *rfcs;
    struct holder_row *holders;
    char index_version[CHANGES_VERSION_SIZE];
    int64_t indexed_at_us, index_cost_us;
    uint64_t pass;
    bool was_pending;
    int64_t second_us;
    uint64_t down_before, up_before;
};

/* A copy of what is under way. */
struct view_flights {
    struct peer_transfer *list;
    size_t count, cap;
};

/* ---- places: by number of the document; NULL: not there, or no memory ------------------------------ */

struct place *view_place_find(struct place *table, uint32_t rfc);
struct place *view_place_add(struct place **table, uint32_t rfc, size_t row);

/* ---- snapshot_index.c: the screen's thread --------------------------------------------------------- */

/* The holder at that address, made if need be; NULL: no memory. */
struct holder_row *view_holder(struct peer_view *v, const struct addr *a);
void view_look_at_peers(struct peer_view *v, struct peer *p, int64_t now_us);
void view_look_at_index(struct peer_view *v, struct peer *p, int64_t now_us);
/* What is wanted and not under way: its state in the index. */
void view_look_at_wanted(struct peer_view *v, struct peer *p, size_t pending);

/* ---- snapshot_transfers.c -------------------------------------------------------------------------- */

/* START, DONE or FAILED. */
void view_on_transfer_locked(struct peer_view *v, const struct peer_event *ev);
/* Copies what is under way, for the next one; f->list is for free(). */
void view_copy_flights(struct view_flights *f, struct peer *p);
/* Progress, and the ids of holders. over: nothing was pending or under way, and nothing has begun since. */
void view_look_at_flights_locked(struct peer_view *v, const struct view_flights *f, size_t pending,
                                 bool over);

#endif
