/*
 * The RS's registry: one record for each peer that ever registered (system.md, "Registration server").
 * Time, cookies' digests and messages come as arguments: no clock, no randomness, no I/O, no lock. The caller
 * serialises. Monotonic time rules TTLs; wall-clock time is only shown, stored and counted in the 30-day window.
 */
#ifndef P2PDI_INDEX_PEER_INDEX_H
#define P2PDI_INDEX_PEER_INDEX_H

#include "p2pdi/base/addr.h"
#include "p2pdi/base/sha256.h"
#include "p2pdi/index/changes.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PEER_TTL_S 7200
#define PEER_WINDOW_S (INT64_C(30) * 24 * 3600)
#define PEER_NAME_SIZE 64
#define PEER_STAMPS_MAX 256 /* registration times kept; beyond, the two oldest are counted as one place */

struct peer_index;

/* One registration time, and how many are counted at it. */
struct peer_stamp {
    int64_t at_s;
    uint32_t count;
};

/* A record as others see it: a copy. */
struct peer_record {
    uint32_t peer;             /* public id, from 1, stable for a cookie */
    struct sha256 cookie;      /* digest of the cookie's decimal text; never shown */
    struct addr addr;          /* host the registration came from; port announced */
    bool active;
    uint32_t ttl_s;            /* left, 0 if inactive */
    int64_t expires_us;        /* monotonic; only while active */
    uint32_t registrations;    /* in the last 30 days */
    int64_t last_registered_s; /* wall clock */
    char name[PEER_NAME_SIZE]; /* Host as sent, cleaned: display only */
    char os[PEER_NAME_SIZE];
};

/* run: random, marks versions of this process. records_max: DI_LIMIT beyond (inactive, oldest go first). */
enum di_err peer_index_new(uint64_t run, size_t records_max, struct peer_index **out) DI_MUST_CHECK;
void peer_index_free(struct peer_index *ix);

/* Restores a record from the store (stamps copied); expiry is clamped to now .. now + TTL. */
enum di_err peer_index_restore(struct peer_index *ix, const struct peer_record *r,
                               const struct peer_stamp *stamps, size_t count,
                               int64_t now_us) DI_MUST_CHECK;

/* The record of that cookie. DI_NOT_FOUND. */
enum di_err peer_index_find(struct peer_index *ix, const struct sha256 *cookie, int64_t now_us,
                            int64_t wall_s, struct peer_record *out) DI_MUST_CHECK;
/* REGISTER: makes or revives a record, TTL 7200, one more registration. DI_LIMIT, DI_NOMEM. */
enum di_err peer_index_register(struct peer_index *ix, const struct sha256 *cookie,
                                const struct addr *addr, const char *name, const char *os,
                                int64_t now_us, int64_t wall_s,
                                struct peer_record *out) DI_MUST_CHECK;
/* LEAVE: inactive now. DI_NOT_FOUND (no such cookie); leaving twice is fine. */
enum di_err peer_index_leave(struct peer_index *ix, const struct sha256 *cookie, int64_t now_us,
                             int64_t wall_s, struct peer_record *out) DI_MUST_CHECK;
/* KEEP-ALIVE, PQUERY with cookie: TTL 7200 if active. DI_NOT_FOUND (no such cookie), DI_CLOSED (inactive: out is filled). */
enum di_err peer_index_renew(struct peer_index *ix, const struct sha256 *cookie, int64_t now_us,
                             int64_t wall_s, struct peer_record *out) DI_MUST_CHECK;
/* Deactivates what ran out by now; returns when the next one will (INT64_MAX: none). Call before queries.
 * expired (may be NULL) sees each one. */
int64_t peer_index_expire(struct peer_index *ix, int64_t now_us, int64_t wall_s,
                          void (*expired)(void *arg, const struct peer_record *r), void *arg);

size_t peer_index_active(const struct peer_index *ix);
size_t peer_index_known(const struct peer_index *ix);
void peer_index_version(const struct peer_index *ix, char out[CHANGES_VERSION_SIZE]);
/* Copies the record's registration times (at most PEER_STAMPS_MAX) for the store. */
size_t peer_index_stamps(struct peer_index *ix, const struct sha256 *cookie,
                         struct peer_stamp out[PEER_STAMPS_MAX]);

/* Calls visit for records until it returns false. */
enum peer_walk { PEER_WALK_ACTIVE, PEER_WALK_ALL };
void peer_index_walk(struct peer_index *ix, enum peer_walk which, int64_t now_us, int64_t wall_s,
                     bool (*visit)(void *arg, const struct peer_record *r), void *arg);
/* Only records that changed after `version`, departed ones with active false; false: version not known. */
bool peer_index_walk_since(struct peer_index *ix, struct slice version, int64_t now_us,
                           int64_t wall_s, bool (*visit)(void *arg, const struct peer_record *r),
                           void *arg);
/* A fair random sample of at most n active records, `but` (peer id, 0 none) left out. seed drives it. */
void peer_index_sample(struct peer_index *ix, size_t n, uint32_t but, uint64_t seed, int64_t now_us,
                       int64_t wall_s, bool (*visit)(void *arg, const struct peer_record *r),
                       void *arg);

#endif
