/*
 * A peer: serves its library, learns what others hold, downloads. One struct peer has one port.
 *
 * Calls that talk to others wait until their deadline at most; they are for the batch interpreter's
 * or a screen's helper thread. Results and news come as events through one sink, from any of the
 * peer's threads, one at a time. A sink must not call back into the peer.
 */
#ifndef P2PDI_PEER_PEER_H
#define P2PDI_PEER_PEER_H

#include "p2pdi/base/addr.h"
#include "p2pdi/base/err.h"
#include "p2pdi/base/sha256.h"
#include "p2pdi/index/rfc_index.h"
#include "p2pdi/sched/sched.h"
#include "p2pdi/stats/counters.h"
#include "p2pdi/store/state.h"
#include "p2pdi/wire/rows.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct peer;

/*
 * What happened (man page, "EVENTS"). Pointers are valid during the call. Times in
 * microseconds on the monotonic clock.
 */
enum peer_event_kind {
    PEER_EV_LISTENING,  /* addr */
    PEER_EV_REGISTERED, /* peer_id, ttl_s, reachable */
    PEER_EV_LEFT,
    PEER_EV_PEERS, /* rows, count: all others known active */
    PEER_EV_INDEX, /* documents, entries */
    PEER_EV_START, /* rfc, addr = holder, bytes and sha256 as announced */
    PEER_EV_DONE,  /* rfc, addr = holder, bytes, wire_bytes, sha256, us from the request to the last
                       * byte; comes after rename and sync */
    PEER_EV_FAILED,   /* rfc, tried, count: who was asked, and why it did not come from there;
                       * why: nothing can be stored here, NULL if it can */
    PEER_EV_DROPPED,  /* rfc: by peer_drop */
    PEER_EV_COMPLETE, /* files, bytes, us: once per get */
    PEER_EV_ERROR     /* what, why, hint */
};

struct peer_event {
    enum peer_event_kind kind;
    int64_t at_us;
    struct addr addr;
    uint32_t rfc;
    uint64_t bytes, wire_bytes;
    int64_t us;
    struct sha256 sha256;
    uint32_t peer_id, ttl_s;
    enum wire_reachable reachable;
    const struct wire_peer_row *rows;
    const struct sched_tried *tried;
    size_t count;
    size_t documents, entries, files;
    const char *what, *why, *hint;
};

typedef void peer_event_fn(void *arg, const struct peer_event *ev);
/*
 * Messages as they came and went on any connection of the peer (heads and row bodies; documents as
 * their head), values of cookies masked. Serialised with the events.
 */
typedef void peer_trace_fn(void *arg, bool received, const struct addr *remote, const char *bytes,
                           size_t len);

#define PEER_RS_MAX 8

/* When documents and tables are sent compressed to other peers (and asked for so). */
enum peer_compress {
    PEER_COMPRESS_AUTO, /* where the link is slower than the compressor */
    PEER_COMPRESS_ALWAYS,
    PEER_COMPRESS_NEVER
};

struct peer_config {
    struct addr rs[PEER_RS_MAX]; /* tried in order */
    size_t rs_count;
    struct addr listen;
    const char *library;           /* directory */
    const struct state_dir *state; /* opened (locked) by the caller, outlives the peer */
    unsigned workers, downloads;
    enum peer_compress compress;
    uint64_t up_rate;   /* bytes/s that its port sends at most, to all together; 0: no limit */
    uint64_t down_rate; /* bytes/s that it receives at most, documents and lists; 0: no limit */
    uint64_t seed;      /* of random policy choices; 0: from the kernel */
    peer_event_fn *on_event;
    peer_trace_fn *trace; /* may be NULL */
    void *arg;            /* of both */
};

/*
 * Listens (PEER_EV_LISTENING), starts its threads, scans the library in the background. Copies what
 * cfg points to, but for state. why gets a sentence on failure.
 */
enum di_err peer_start(const struct peer_config *cfg, struct peer **out, char why[256])
    DI_MUST_CHECK;
/*
 * Leaves the RS if registered (at most two seconds), stops all threads, frees. Unfinished downloads
 * keep their parts. No other call may be under way: peer_cancel first and let them return.
 */
void peer_stop(struct peer *p);
/* Makes every waiting call return DI_CANCELLED from now on. Any thread, not in a signal handler. */
void peer_cancel(struct peer *p);
const struct addr *peer_addr(const struct peer *p);
const struct stats_counters *peer_stats(const struct peer *p);

/*
 * ---- to the RS. Wait at most timeout_us. DI_REFUSED, DI_UNREACHABLE, DI_TIMEOUT, DI_CLOSED,
 * DI_PROTOCOL, DI_CANCELLED; errors are events too. ----------------------------------------------
 */

/*
 * From now on registered, even if it fails for now: a thread renews, and registers again with
 * jittered back-off when the RS was gone.
 */
enum di_err peer_register(struct peer *p, int64_t timeout_us) DI_MUST_CHECK;
enum di_err peer_leave(struct peer *p, int64_t timeout_us) DI_MUST_CHECK;
enum di_err peer_keepalive(struct peer *p, int64_t timeout_us) DI_MUST_CHECK;
bool peer_is_registered(struct peer *p);
/* Replaces the peer list. DI_OK also for none active. */
enum di_err peer_pquery(struct peer *p, int64_t timeout_us) DI_MUST_CHECK;

/* ---- to peers ------------------------------------------------------------------------------ */

/*
 * Gets the whole index of one peer (NULL: of every known active peer, in parallel) and merges it.
 * The first error if all failed; DI_OK where nobody is known.
 */
enum di_err peer_rfcquery(struct peer *p, const struct addr *from, int64_t timeout_us)
    DI_MUST_CHECK;
/* PEER as a user writes it: peer id of a known one, or a numeric HOST:PORT. DI_NOT_FOUND. */
enum di_err peer_resolve(struct peer *p, struct slice word, struct addr *out) DI_MUST_CHECK;

/* ---- downloads ----------------------------------------------------------------------------- */

struct peer_range {
    uint32_t first, last;
};
struct peer_get {
    /* Single numbers are asked for by name; longer ranges mean what is known of in them. */
    const struct peer_range *ranges;
    size_t count;
    bool all; /* all that is known of and not here ("all", "missing") */
    bool has_from;
    struct addr from; /* only this holder */
    bool serial;
};
struct peer_result {
    size_t done, failed;
    size_t nobody;   /* of the failed: nothing that was asked for had a holder */
    size_t mismatch; /* of the failed: ended on a hash mismatch */
    size_t local;    /* of the failed: could not be written here */
    bool unheard;    /* a peer that may hold something has not answered */
    uint64_t bytes;
    int64_t us;
};
/*
 * Downloads: waits until all are here or exhausted (man page, "get"). Registers first if need be.
 * DI_OK also with failures: see result. DI_CANCELLED. If the RS cannot be asked and nobody is known, the
 * error of asking it. With serial it is one document at a time, in the order asked for.
 * PEER_EV_COMPLETE comes in each case.
 */
enum di_err peer_get(struct peer *p, const struct peer_get *what, struct peer_result *result)
    DI_MUST_CHECK;
/* From now on downloads whatever appears. */
enum di_err peer_sync(struct peer *p) DI_MUST_CHECK;
/* No more. What was wanted by then still comes. */
void peer_sync_end(struct peer *p);
/*
 * From now on it learns who comes and goes, and who gets what, as it happens, also while nothing is
 * downloaded: for a screen. By long polls; while nothing is new a round of questions a minute.
 */
void peer_watch(struct peer *p);

/* ---- waiting and looking ------------------------------------------------------------------- */

/*
 * Until n other active peers are known (asking the RS again) / n RFCs are held. timeout_us < 0: for
 * ever. DI_TIMEOUT, DI_CANCELLED.
 */
enum di_err peer_wait_peers(struct peer *p, size_t n, int64_t timeout_us) DI_MUST_CHECK;
enum di_err peer_wait_rfcs(struct peer *p, size_t n, int64_t timeout_us) DI_MUST_CHECK;

/* Copies of rows until visit returns false; no lock is held during visit. */
void peer_walk_peers(struct peer *p, bool (*visit)(void *arg, const struct wire_peer_row *row),
                     void *arg);
void peer_walk_index(struct peer *p, bool (*visit)(void *arg, const struct rfc_entry *e),
                     void *arg);

struct peer_transfer {
    uint32_t rfc;
    struct addr holder;
    uint64_t size_bytes, have_bytes;
    int64_t us; /* so far, or of the whole if done */
    bool done;
};
void peer_walk_transfers(struct peer *p, bool (*visit)(void *arg, const struct peer_transfer *t),
                         void *arg);

struct peer_status {
    bool registered;
    bool rs_silent; /* the last call to the RS had no answer */
    uint32_t peer_id;
    struct addr rs;
    uint32_t ttl_s;
    enum wire_reachable reachable;
    size_t peers, documents, held;
    size_t pending; /* documents that are to come, until they are safe on the disk */
    bool scanned;
    bool syncing; /* between peer_sync and peer_sync_end */
};
void peer_status(struct peer *p, struct peer_status *out);

/* The text of a document that is held, for free(). DI_NOT_FOUND, DI_IO, DI_NOMEM. */
enum di_err peer_read(struct peer *p, uint32_t rfc, char **bytes, size_t *len) DI_MUST_CHECK;
/*
 * It shall not be downloaded any more, by peer_sync neither: what is on its way ends, and is resumed should a
 * peer_get want it. Whoever waits for it in peer_get goes on without.
 */
void peer_drop(struct peer *p, uint32_t rfc);

/* ---- what a screen shows (stats/snapshot.h) ------------------------------------------------ */

struct peer_view;
struct snapshot;

/*
 * Made before the peer, so that it sees all events. news(arg): a snapshot would show something new;
 * called at most once between two snapshots, by any thread; quick, must not call back.
 */
enum di_err peer_view_new(void (*news)(void *arg), void *arg, struct peer_view **out) DI_MUST_CHECK;
void peer_view_free(struct peer_view *v);
/* For the peer's sink to hand on. */
void peer_view_on_event(struct peer_view *v, const struct peer_event *ev);
/* A line for its log; level as enum snap_level. Any thread. */
void peer_view_log(struct peer_view *v, int level, struct slice line);
/* One reference; NULL: no memory. One thread, once a second at least. */
struct snapshot *peer_view_snapshot(struct peer_view *v, struct peer *p);

#endif
