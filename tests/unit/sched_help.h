/* Short words for what the tests of the scheduler do all the time. */
#ifndef P2PDI_TESTS_UNIT_SCHED_HELP_H
#define P2PDI_TESTS_UNIT_SCHED_HELP_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "p2pdi/sched/sched.h"

#define S INT64_C(1000000)
#define SIZE 200000u

static inline struct sched *make_with(unsigned window, unsigned links, bool serial, uint64_t seed)
{
    struct sched_config cfg = {
        .window_max = window, .links_per_holder_max = links, .serial = serial};
    struct sched *s = NULL;

    assert_int_equal(sched_new(&cfg, seed, &s), DI_OK);
    return s;
}

static inline struct sched *make(void)
{
    return make_with(4, 2, false, 1);
}

static inline struct addr addr_of(unsigned holder)
{
    return addr_ipv4(10, 1, (uint8_t)(holder >> 8), (uint8_t)holder, 40000);
}

static inline void want(struct sched *s, uint32_t rfc)
{
    assert_int_equal(sched_want(s, rfc, NULL), DI_OK);
}

static inline void offer_other(struct sched *s, uint32_t rfc, unsigned holder, uint8_t edition)
{
    struct addr a = addr_of(holder);
    struct sha256 sha = {{edition}};

    assert_int_equal(sched_on_offer(s, rfc, &a, SIZE, &sha), DI_OK);
}

static inline void offer(struct sched *s, uint32_t rfc, unsigned holder)
{
    offer_other(s, rfc, holder, 1);
}

struct opened {
    uint32_t link;
    unsigned holder; /* 0: none was to be had */
    int64_t retry_us;
};

static inline struct opened open_at(struct sched *s, int64_t now_us)
{
    struct opened o = {0};
    struct addr a;
    enum di_err err = sched_link_open(s, now_us, &a, &o.link, &o.retry_us);

    if (err == DI_OK)
        o.holder = (unsigned)a.ip[14] << 8 | a.ip[15];
    else
        assert_int_equal(err, DI_NOT_FOUND);
    return o;
}

/* Opens a link to whoever is chosen, and it is up. */
static inline struct opened up_at(struct sched *s, int64_t now_us)
{
    struct opened o = open_at(s, now_us);

    assert_int_not_equal(o.holder, 0);
    sched_link_up(s, o.link);
    return o;
}

static inline struct sched_request next_at(struct sched *s, struct opened o, int64_t now_us)
{
    struct sched_request q;

    assert_true(sched_next(s, o.link, now_us, &q));
    assert_int_equal(q.offset + q.len, q.size_bytes);
    return q;
}

/* One document comes at once: the holder is worth a second link. */
static inline void answered_at(struct sched *s, struct opened o, int64_t now_us)
{
    struct sched_request q = next_at(s, o, now_us);

    sched_on_done(s, o.link, q.id, now_us);
}

static inline bool has_next(struct sched *s, struct opened o, int64_t now_us)
{
    struct sched_request q;

    return sched_next(s, o.link, now_us, &q);
}

static inline void failed(struct sched *s, struct opened o, struct sched_request q,
                          enum sched_why why, uint64_t kept, int64_t now_us)
{
    sched_on_failed(s, o.link, q.id, why, kept, 0, now_us);
}

static inline size_t pop_one(struct sched *s, uint32_t rfc, struct sched_tried *tried, size_t max)
{
    uint32_t popped = 0;
    size_t count = 0;

    assert_true(sched_pop_exhausted(s, &popped, tried, max, &count));
    assert_int_equal(popped, rfc);
    return count;
}

static inline bool is_exhausted(struct sched *s)
{
    uint32_t rfc;
    size_t count;

    return sched_pop_exhausted(s, &rfc, NULL, 0, &count);
}

#endif
