/* Short words for what the tests of the RFC index do all the time. */
#ifndef P2PDI_TESTS_UNIT_RFC_INDEX_HELP_H
#define P2PDI_TESTS_UNIT_RFC_INDEX_HELP_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "p2pdi/index/rfc_index.h"

#define S INT64_C(1000000)

static inline struct rfc_index *make(size_t entries_max)
{
    struct rfc_index *ix = NULL;

    assert_int_equal(rfc_index_new(42, entries_max, &ix), DI_OK);
    return ix;
}

static inline struct addr addr_of(unsigned holder)
{
    return addr_ipv4(10, 1, 2, (uint8_t)holder, 40000);
}

/* edition: any number; it becomes the SHA-256 and the size. */
static inline struct rfc_entry row(uint32_t rfc, unsigned holder, uint8_t edition, uint32_t ttl_s)
{
    return (struct rfc_entry){.rfc = rfc,
                              .ttl_s = ttl_s,
                              .holder = addr_of(holder),
                              .size_bytes = 1000u + edition,
                              .sha256 = {{edition}},
                              .title = "On Documents"};
}

static inline void learn(struct rfc_index *ix, uint32_t rfc, unsigned holder, uint8_t edition,
                         uint32_t ttl_s, int64_t now_us)
{
    struct rfc_entry e = row(rfc, holder, edition, ttl_s);

    assert_int_equal(rfc_index_learn(ix, &e, true, now_us), DI_OK);
}

static inline void hear(struct rfc_index *ix, uint32_t rfc, unsigned holder, uint8_t edition,
                        uint32_t ttl_s, int64_t now_us)
{
    struct rfc_entry e = row(rfc, holder, edition, ttl_s);

    assert_int_equal(rfc_index_learn(ix, &e, false, now_us), DI_OK);
}

static inline void own(struct rfc_index *ix, uint32_t rfc, uint8_t edition)
{
    struct rfc_entry e = row(rfc, 0, edition, 0);

    assert_int_equal(rfc_index_own_put(ix, &e), DI_OK);
}

struct seen {
    size_t count;
    struct rfc_entry at[4000];
    char title[RFC_TITLE_SIZE]; /* the last one's */
};

static struct seen seen;

static inline bool see(void *arg, const struct rfc_entry *e)
{
    struct seen *s = arg;

    assert_true(s->count < sizeof(s->at) / sizeof(s->at[0]));
    assert_true(strlen(e->title) < RFC_TITLE_SIZE);
    memcpy(s->title, e->title, strlen(e->title) + 1);
    s->at[s->count++] = *e;
    return true;
}

static inline bool see_one(void *arg, const struct rfc_entry *e)
{
    (void)see(arg, e);
    return false;
}

static inline size_t walk(struct rfc_index *ix, enum rfc_scope scope, int64_t now_us)
{
    seen.count = 0;
    rfc_index_walk(ix, scope, now_us, see, &seen);
    return seen.count;
}

static inline size_t find(struct rfc_index *ix, uint32_t rfc, int64_t now_us)
{
    seen.count = 0;
    rfc_index_find(ix, rfc, now_us, see, &seen);
    return seen.count;
}

static inline bool walk_since(struct rfc_index *ix, enum rfc_scope scope, const char *version,
                              int64_t now_us)
{
    seen.count = 0;
    return rfc_index_walk_since(ix, scope, slice_of(version), now_us, see, &seen);
}

#endif
