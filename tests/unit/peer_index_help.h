/* Short words for what the tests of the registry do all the time. */
#ifndef P2PDI_TESTS_UNIT_PEER_INDEX_HELP_H
#define P2PDI_TESTS_UNIT_PEER_INDEX_HELP_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "p2pdi/index/peer_index.h"

#define S INT64_C(1000000)
#define WALL INT64_C(1790000000)
#define DAY INT64_C(86400)

static inline struct peer_index *make(size_t records_max)
{
    struct peer_index *ix = NULL;

    assert_int_equal(peer_index_new(42, records_max, &ix), DI_OK);
    return ix;
}

static inline struct sha256 cookie_of(uint32_t n)
{
    struct sha256 cookie = {{0}};

    memcpy(cookie.byte, &n, sizeof(n));
    return cookie;
}

static inline struct addr addr_of(uint32_t n)
{
    return addr_ipv4(10, 1, (uint8_t)(n >> 8), (uint8_t)n, 40000);
}

static inline struct peer_record enrol(struct peer_index *ix, uint32_t n, int64_t now_us,
                                       int64_t wall_s)
{
    struct sha256 cookie = cookie_of(n);
    struct addr addr = addr_of(n);
    struct peer_record r;

    assert_int_equal(peer_index_register(ix, &cookie, &addr, "host", "Linux", now_us, wall_s, &r),
                     DI_OK);
    return r;
}

static inline struct peer_record look(struct peer_index *ix, uint32_t n, int64_t now_us,
                                      int64_t wall_s)
{
    struct sha256 cookie = cookie_of(n);
    struct peer_record r;

    assert_int_equal(peer_index_find(ix, &cookie, now_us, wall_s, &r), DI_OK);
    return r;
}

static inline enum di_err renew(struct peer_index *ix, uint32_t n, int64_t now_us)
{
    struct sha256 cookie = cookie_of(n);
    struct peer_record r;

    return peer_index_renew(ix, &cookie, now_us, WALL, &r);
}

static inline enum di_err leave(struct peer_index *ix, uint32_t n, int64_t now_us)
{
    struct sha256 cookie = cookie_of(n);
    struct peer_record r;

    return peer_index_leave(ix, &cookie, now_us, WALL, &r);
}

struct seen {
    size_t count, limit;
    struct peer_record at[3000];
};

static inline bool see(void *arg, const struct peer_record *r)
{
    struct seen *s = arg;

    assert_true(s->count < sizeof(s->at) / sizeof(s->at[0]));
    s->at[s->count++] = *r;
    return s->limit == 0 || s->count < s->limit;
}

static struct seen seen;

static inline void see_expired(void *arg, const struct peer_record *r)
{
    (void)see(arg, r);
}

static inline size_t walk(struct peer_index *ix, enum peer_walk which, int64_t now_us)
{
    seen.count = 0;
    seen.limit = 0;
    peer_index_walk(ix, which, now_us, WALL, see, &seen);
    return seen.count;
}

static inline bool walk_since(struct peer_index *ix, const char *version, int64_t now_us)
{
    seen.count = 0;
    seen.limit = 0;
    return peer_index_walk_since(ix, slice_of(version), now_us, WALL, see, &seen);
}

#endif
