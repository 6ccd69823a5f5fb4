/*
 * The RS's registry: one record for each peer that ever registered (PROTOCOL.md, "Peer to
 * RS"). Time, digests of cookies and seeds come as arguments: no clock, no randomness, no I/O,
 * no lock. The caller serialises; visitors must not call back into the index. Monotonic time rules
 * TTLs, in whole seconds; wall-clock time is only shown, stored and counted in the 30-day window.
 *
 * Two records never are active at one address: a REGISTER from an address that another record is
 * active at (a peer that lost its cookie) makes that one inactive, since there cannot be two
 * servers on a port.
 */
#ifndef P2PDI_INDEX_PEER_INDEX_H
#define P2PDI_INDEX_PEER_INDEX_H

#include "p2pdi/base/addr.h"
#include "p2pdi/base/err.h"
#include "p2pdi/base/sha256.h"
#include "p2pdi/index/changes.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PEER_TTL_S 7200
#define PEER_WINDOW_S (INT64_C(30) * 24 * 3600)
#define PEER_NAME_SIZE 64
#define PEER_STAMPS_MAX 256 /* registration times kept; beyond, two neighbours count as one */

struct peer_index;

/* One registration time, and how many are counted at it. */
struct peer_stamp {
    int64_t at_s;
    uint32_t count;
};

/* A record as others see it: a copy. */
struct peer_record {
    uint32_t peer;        /* public id, from 1, stable for a cookie */
    struct sha256 cookie; /* digest of the cookie's decimal text; never shown */
    struct addr addr;     /* host the registration came from; port announced */
    bool active;
    uint32_t ttl_s;            /* left, 1 to 7200; 0 if inactive */
    int64_t expires_us;        /* monotonic; only while active */
    uint32_t registrations;    /* in the last 30 days */
    int64_t last_registered_s; /* wall clock */
    char name[PEER_NAME_SIZE]; /* Host as sent, cleaned: display only */
    char os[PEER_NAME_SIZE];
};

/* run: random, marks versions of this process. records_max: beyond it the record goes that has been
 * inactive for longest; DI_LIMIT if all are active. */
enum di_err peer_index_new(uint64_t run, size_t records_max, struct peer_index **out) DI_MUST_CHECK;
void peer_index_free(struct peer_index *ix);

/*
 * Restores a record from the store before the first query; copies. It is active for another ttl_s
 * (at most 7200; 0: inactive; expires_us is not looked at), unless another one restored as active
 * at that address registered later. Restore in ascending order of peer: that is the order of
 * PEER_WALK_ALL, and in which inactive ones are dropped when there are too many. DI_EXISTS (that
 * cookie), DI_INVALID (no peer id), DI_LIMIT (as many are active; its peer id is not given to another),
 * DI_NOMEM.
 */
enum di_err peer_index_restore(struct peer_index *ix, const struct peer_record *from,
                               const struct peer_stamp *stamps, size_t count, int64_t now_us)
    DI_MUST_CHECK;

/* The record of that cookie. DI_NOT_FOUND. */
enum di_err peer_index_find(struct peer_index *ix, const struct sha256 *cookie, int64_t now_us,
                            int64_t wall_s, struct peer_record *out) DI_MUST_CHECK;
/* The active record at that address: the one that a register with another cookie makes inactive.
 * DI_NOT_FOUND. */
enum di_err peer_index_find_addr(struct peer_index *ix, const struct addr *addr, int64_t now_us,
                                 int64_t wall_s, struct peer_record *out) DI_MUST_CHECK;
/* REGISTER: makes or revives a record, TTL 7200, one more registration. DI_LIMIT, DI_NOMEM: nothing
 * happened. */
enum di_err peer_index_register(struct peer_index *ix, const struct sha256 *cookie,
                                const struct addr *addr, const char *name, const char *os,
                                int64_t now_us, int64_t wall_s, struct peer_record *out)
    DI_MUST_CHECK;
/* Of the record that went last because there were too many its cookie, told once; false: none did since. */
bool peer_index_dropped(struct peer_index *ix, struct sha256 *cookie);
/* LEAVE: inactive now. DI_NOT_FOUND (no such cookie); leaving twice is fine. */
enum di_err peer_index_leave(struct peer_index *ix, const struct sha256 *cookie, int64_t now_us,
                             int64_t wall_s, struct peer_record *out) DI_MUST_CHECK;
/* KEEP-ALIVE, PQUERY with cookie: TTL 7200 if active; not a change. DI_NOT_FOUND (no such cookie),
 * DI_CLOSED (inactive; *out is filled). */
enum di_err peer_index_renew(struct peer_index *ix, const struct sha256 *cookie, int64_t now_us,
                             int64_t wall_s, struct peer_record *out) DI_MUST_CHECK;
/*
 * Deactivates what ran out by now, 10,000 at most; returns when the next one will, or earlier: in
 * the past if there are more (INT64_MAX: none). Call it before queries: records that ran out are
 * shown inactive in any case, but until then they are counted by peer_index_active and are no
 * change. expired (may be NULL) sees each one.
 */
int64_t peer_index_expire(struct peer_index *ix, int64_t now_us, int64_t wall_s,
                          void (*expired)(void *arg, const struct peer_record *r), void *arg);

size_t peer_index_active(const struct peer_index *ix);
size_t peer_index_known(const struct peer_index *ix);
void peer_index_version(const struct peer_index *ix, char out[CHANGES_VERSION_SIZE]);
/* Copies the record's registration times, oldest first, for the store; returns how many. */
size_t peer_index_stamps(struct peer_index *ix, const struct sha256 *cookie,
                         struct peer_stamp out[PEER_STAMPS_MAX]);

/* ALL: in ascending order of peer; ACTIVE: in no order. */
enum peer_walk { PEER_WALK_ACTIVE, PEER_WALK_ALL };
/* Calls visit for records until it returns false. */
void peer_index_walk(struct peer_index *ix, enum peer_walk which, int64_t now_us, int64_t wall_s,
                     bool (*visit)(void *arg, const struct peer_record *r), void *arg);
/*
 * Only records that changed after `version`, in the order of their last change, departed ones with
 * active false; false: version not known, or more peers have departed since than a whole answer is
 * worth.
 */
bool peer_index_walk_since(struct peer_index *ix, struct slice version, int64_t now_us,
                           int64_t wall_s, bool (*visit)(void *arg, const struct peer_record *r),
                           void *arg);
/*
 * A fair random sample of at most n active records, `but` (peer id, 0 none) left out. seed drives
 * it.
 */
void peer_index_sample(struct peer_index *ix, size_t n, uint32_t but, uint64_t seed, int64_t now_us,
                       int64_t wall_s, bool (*visit)(void *arg, const struct peer_record *r),
                       void *arg);

#endif
