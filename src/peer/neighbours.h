/*
 * Between neighbours.c (the table: who may be asked and used, and how that went) and peer_list.c
 * (what the RS says of them). Only these two include it.
 */
#ifndef P2PDI_PEER_NEIGHBOURS_H
#define P2PDI_PEER_NEIGHBOURS_H

#include "internal.h"

#include "p2pdi/base/hash.h"
#include "p2pdi/base/random.h"

/*
 * However many peers there are, so many are known of at a time (of more the RS names a fair sample,
 * and those that were asked for their index stay), and so many are near: listened to, and asked in
 * each round.
 */
#define LIST_MAX 256
#define NEAR_MAX 8
#define SELF_MAX 16 /* addresses of our own that we remember */

struct neighbour {
    struct addr addr; /* key */
    struct wire_peer_row row;
    bool listed; /* by the RS, active */
    bool named;  /* by the user */
    bool asking; /* somebody asks it for its index now */
    bool asked;  /* somebody did */
    int64_t asked_us;
    enum di_err outcome;
    bool shunned;        /* sent what it had not announced */
    uint64_t sent_bytes; /* of documents, to it */
    bool near;
    int64_t expires_us;
    uint64_t seen;                      /* the list in which it stood last */
    char version[CHANGES_VERSION_SIZE]; /* of its own rows as we have them; empty: none */
    UT_hash_handle hh;
};

struct neighbours {
    struct peer *peer;

    struct lock lock;
    struct neighbour *table; /* guarded by lock, as all below */
    struct prng prng;
    size_t active;                      /* listed ones */
    uint64_t crowd;                     /* active ones if they are more than LIST_MAX; else 0 */
    bool whole;                         /* all of a crowd are asked for, this once */
    uint64_t lists;                     /* whole lists received */
    char version[CHANGES_VERSION_SIZE]; /* of the list; empty: none yet */
    struct addr self[SELF_MAX];
    size_t self_count;
};

struct neighbour *neighbours_find_locked(struct neighbours *n, const struct addr *a);
/* NULL: no memory. */
struct neighbour *neighbours_get_locked(struct neighbours *n, const struct addr *a);
/* Forgets it unless something about it is worth remembering. */
void neighbours_release_locked(struct neighbours *n, struct neighbour *e);
bool neighbours_is_self_locked(struct neighbours *n, const struct addr *a);

#endif
