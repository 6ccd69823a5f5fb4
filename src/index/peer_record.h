/*
 * What the registry is made of, between its two files: peer_index.c (what peers ask for) and
 * peer_index_look.c (who looks at it). A million records shall fit: a record takes 136 bytes
 * beside its strings, the tables' slots and the two arrays.
 */
#ifndef P2PDI_SRC_INDEX_PEER_RECORD_H
#define P2PDI_SRC_INDEX_PEER_RECORD_H

#include "p2pdi/index/peer_index.h"

#include "expiry.h"
#include "stamps.h"
#include "table.h"

#define INACTIVE UINT32_MAX

struct record {
    struct sha256 cookie;
    struct change change;
    union {
        struct expiry_node expiry; /* while active */
        struct {
            struct record *older, *newer; /* while inactive: by when they became so */
        } idle;
    };
    char *names; /* Host, NUL, OS, NUL */
    struct stamps stamps;
    struct addr addr;
    uint32_t peer;
    uint32_t active_at; /* in ix->active; INACTIVE */
    uint32_t all_at;    /* in ix->all */
};
_Static_assert(sizeof(struct record) <= 136, "a record has grown");

struct peer_index {
    struct table by_cookie;
    struct table by_addr; /* active ones only */
    struct record **active;
    size_t active_count, active_room;
    struct record **all; /* ascending by peer; NULL where one was dropped */
    size_t all_count, all_room;
    struct record *oldest_idle, *newest_idle;
    struct record *oldest_departed; /* idle; those in the ring of changes are this and newer ones */
    size_t departed_count;
    struct expiry expiry;
    struct changes changes;
    size_t records_max;
    uint32_t peer_last;
    bool has_dropped; /* and nobody has asked for it */
    struct sha256 dropped;
};

/* Does it still run at that time? */
bool peer_record_is_active(const struct record *r, int64_t now_us);
void peer_record_copy(const struct record *r, int64_t now_us, int64_t wall_s,
                      struct peer_record *out);
/* NULL: no such cookie. */
struct record *peer_record_find(const struct peer_index *ix, const struct sha256 *cookie);
/* The one that is active there; NULL if none is. */
struct record *peer_record_find_addr(const struct peer_index *ix, const struct addr *addr);

#endif
