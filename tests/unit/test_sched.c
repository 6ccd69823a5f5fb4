/* The scheduler's policy, event by event. Swarms of them are in tests/sim. */
/* ld: -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc,--wrap=strndup */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "p2pdi/sched/sched.h"

#include "../support/failing_alloc.h"

#define S INT64_C(1000000)
#define SIZE 100000u

static struct sched *make_with(unsigned window, unsigned links, bool serial, uint64_t seed)
{
    struct sched_config cfg = {
        .window_max = window, .links_per_holder_max = links, .serial = serial};
    struct sched *s = NULL;

    assert_int_equal(sched_new(&cfg, seed, &s), DI_OK);
    return s;
}

static struct sched *make(void)
{
    return make_with(4, 2, false, 1);
}

static struct addr addr_of(unsigned holder)
{
    return addr_ipv4(10, 1, (uint8_t)(holder >> 8), (uint8_t)holder, 40000);
}

static void want(struct sched *s, uint32_t rfc)
{
    assert_int_equal(sched_want(s, rfc, NULL), DI_OK);
}

static void offer_other(struct sched *s, uint32_t rfc, unsigned holder, uint8_t edition)
{
    struct addr a = addr_of(holder);
    struct sha256 sha = {{edition}};

    assert_int_equal(sched_on_offer(s, rfc, &a, SIZE, &sha), DI_OK);
}

static void offer(struct sched *s, uint32_t rfc, unsigned holder)
{
    offer_other(s, rfc, holder, 1);
}

struct opened {
    uint32_t link;
    unsigned holder; /* 0: none was to be had */
    int64_t retry_us;
};

static struct opened open_at(struct sched *s, int64_t now_us)
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
static struct opened up_at(struct sched *s, int64_t now_us)
{
    struct opened o = open_at(s, now_us);

    assert_int_not_equal(o.holder, 0);
    sched_link_up(s, o.link);
    return o;
}

static struct sched_request next_at(struct sched *s, struct opened o, int64_t now_us)
{
    struct sched_request q;

    assert_true(sched_next(s, o.link, now_us, &q));
    assert_int_equal(q.offset + q.len, q.size_bytes);
    return q;
}

static bool has_next(struct sched *s, struct opened o, int64_t now_us)
{
    struct sched_request q;

    return sched_next(s, o.link, now_us, &q);
}

static void failed(struct sched *s, struct opened o, struct sched_request q, enum sched_why why,
                   uint64_t kept, int64_t now_us)
{
    sched_on_failed(s, o.link, q.id, why, kept, 0, now_us);
}

static size_t pop_one(struct sched *s, uint32_t rfc, struct sched_tried *tried, size_t max)
{
    uint32_t popped = 0;
    size_t count = 0;

    assert_true(sched_pop_exhausted(s, 0, &popped, tried, max, &count));
    assert_int_equal(popped, rfc);
    return count;
}

static bool is_exhausted(struct sched *s)
{
    uint32_t rfc;
    size_t count;

    return sched_pop_exhausted(s, 0, &rfc, NULL, 0, &count);
}

/* ---- choosing --------------------------------------------------------------------------------- */

static void the_rarest_document_comes_first(void **state)
{
    struct sched *s = make_with(16, 1, false, 1);

    (void)state;
    for (uint32_t rfc = 1; rfc <= 5; rfc++)
        want(s, rfc);
    /* Holder 1 has all, holder h the documents up to 6 - h: 5 is the rarest. */
    for (unsigned h = 1; h <= 5; h++)
        for (uint32_t rfc = 1; rfc <= 6 - h; rfc++)
            offer(s, rfc, h);

    struct opened o;

    do {
        o = open_at(s, 0);
    } while (o.holder != 1);
    sched_link_up(s, o.link);
    for (uint32_t rfc = 5; rfc >= 1; rfc--) {
        struct sched_request q = next_at(s, o, 0);

        assert_int_equal(q.rfc, rfc);
        sched_on_done(s, o.link, q.id, 0);
    }
    assert_int_equal(sched_pending(s), 0);
    sched_free(s);
    sched_free(NULL);
}

static void what_gets_rarer_moves_forward(void **state)
{
    struct sched *s = make_with(16, 1, false, 1);
    struct addr gone = addr_of(2);

    (void)state;
    want(s, 1);
    want(s, 2);
    for (unsigned h = 1; h <= 3; h++) {
        offer(s, 1, h);
        offer(s, 2, h);
    }
    offer(s, 1, 4);
    offer(s, 2, 5);
    offer(s, 2, 6);
    /* 1 has four holders, 2 has five; then 5 and 6 leave, and 2 has three. */
    gone = addr_of(5);
    sched_on_holder_gone(s, &gone);
    gone = addr_of(6);
    sched_on_holder_gone(s, &gone);

    struct opened o = open_at(s, 0);

    while (o.holder > 3)
        o = open_at(s, 0);
    sched_link_up(s, o.link);
    assert_int_equal(next_at(s, o, 0).rfc, 2);
    sched_free(s);
}

static void ties_are_drawn_at_random_and_replayed_by_seed(void **state)
{
    unsigned first[21] = {0};
    enum { SEEDS = 2000 };

    (void)state;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        uint32_t chosen[2];

        for (int run = 0; run < 2; run++) {
            struct sched *s = make_with(1, 1, false, seed);

            for (uint32_t rfc = 1; rfc <= 20; rfc++) {
                want(s, rfc);
                offer(s, rfc, 1);
            }
            chosen[run] = next_at(s, up_at(s, 0), 0).rfc;
            sched_free(s);
        }
        assert_int_equal(chosen[0], chosen[1]);
        first[chosen[0]]++;
    }
    for (uint32_t rfc = 1; rfc <= 20; rfc++) /* 100 expected, 10 the standard deviation */
        assert_in_range(first[rfc], 55, 150);
}

static void links_go_to_the_least_loaded_holder(void **state)
{
    struct sched *s = make_with(4, 2, false, 3);
    unsigned links[4] = {0};

    (void)state;
    for (uint32_t rfc = 1; rfc <= 100; rfc++) {
        want(s, rfc);
        for (unsigned h = 1; h <= 3; h++)
            offer(s, rfc, h);
    }
    for (int i = 0; i < 3; i++)
        links[up_at(s, 0).holder]++;
    for (unsigned h = 1; h <= 3; h++)
        assert_int_equal(links[h], 1);
    for (int i = 0; i < 3; i++)
        links[up_at(s, 0).holder]++;
    for (unsigned h = 1; h <= 3; h++)
        assert_int_equal(links[h], 2);
    assert_int_equal(open_at(s, 0).holder, 0); /* links_per_holder_max */
    assert_true(sched_is_busy(s));
    sched_free(s);
}

static void a_holder_gets_no_second_link_before_the_first_is_up(void **state)
{
    struct sched *s = make();

    (void)state;
    want(s, 1);
    want(s, 2);
    offer(s, 1, 1);
    offer(s, 2, 1);

    struct opened o = open_at(s, 0);

    assert_int_equal(o.holder, 1);
    assert_int_equal(open_at(s, 0).holder, 0);
    assert_false(has_next(s, o, 0)); /* nor requests */
    sched_link_up(s, o.link);
    assert_int_equal(open_at(s, 0).holder, 1);
    sched_free(s);
}

/* One document, many holders: threads do not all connect at once, but none waits for a dead one either. */
static void another_holder_is_tried_when_connecting_takes_long(void **state)
{
    struct sched *s = make();

    (void)state;
    want(s, 1);
    for (unsigned h = 1; h <= 5; h++)
        offer(s, 1, h);

    struct opened a = open_at(s, 0), b = open_at(s, 1000);

    assert_int_not_equal(a.holder, 0);
    assert_int_equal(b.holder, 0);
    assert_in_range(b.retry_us, 100000, S);
    b = open_at(s, b.retry_us);
    assert_int_not_equal(b.holder, 0);
    assert_int_not_equal(b.holder, a.holder);
    sched_free(s);
}

static void the_window_opens_with_success_and_closes_at_the_end(void **state)
{
    struct sched *s = make_with(8, 1, false, 1);
    struct opened a, b;
    struct sched_request q[100];
    size_t n = 0;

    (void)state;
    for (uint32_t rfc = 1; rfc <= 40; rfc++) {
        want(s, rfc);
        offer(s, rfc, 1);
        offer(s, rfc, 2);
    }
    a = up_at(s, 0);
    b = up_at(s, 0);
    assert_int_not_equal(a.holder, b.holder);
    while (sched_next(s, a.link, 0, &q[n]))
        n++;
    assert_int_equal(n, 2);
    for (size_t i = 0; i < 34; i++) {
        sched_on_done(s, a.link, q[i].id, 0);
        while (sched_next(s, a.link, 0, &q[n]))
            n++;
        assert_true(n - i - 1 <= 8);
    }
    /* Six are left for two links: three each, though the window has room for eight. */
    assert_int_equal(sched_pending(s), 6);
    assert_int_equal(n, 34 + 3);
    while (sched_next(s, b.link, 0, &q[n]))
        n++;
    assert_int_equal(n, 34 + 3 + 2);
    sched_free(s);
}

/* ---- failing over ----------------------------------------------------------------------------- */

static void another_holder_goes_on_where_one_stopped(void **state)
{
    struct sched *s = make();

    (void)state;
    want(s, 1);
    offer(s, 1, 1);

    struct opened a = up_at(s, 0);
    struct sched_request q = next_at(s, a, 0);

    assert_int_equal(q.offset, 0);
    sched_on_progress(s, a.link, q.id, 30000, 0);
    sched_on_progress(s, a.link, q.id, 70000, 0);
    offer(s, 1, 2);
    sched_link_closed(s, a.link, SCHED_CLOSED, 0);

    struct opened b = up_at(s, 0); /* 1 is backed off */

    assert_int_equal(b.holder, 2);
    q = next_at(s, b, 0);
    assert_int_equal(q.offset, 70000);
    failed(s, b, q, SCHED_TIMEOUT, 80000, 0);
    assert_int_equal(next_at(s, b, 0).offset, 80000);
    sched_free(s);
}

/* Each link breaks after some progress with its first request. Were the one behind it blamed, it would
 * soon have failed for good. */
static void the_first_of_several_requests_is_to_blame(void **state)
{
    struct sched *s = make_with(2, 1, false, 1);
    struct addr a = addr_of(1);
    struct sha256 sha = {{1}};
    unsigned behind[3] = {0};
    int64_t now_us = 0;

    (void)state;
    for (uint32_t rfc = 1; rfc <= 2; rfc++) {
        want(s, rfc);
        assert_int_equal(sched_on_offer(s, rfc, &a, 1400000, &sha), DI_OK);
    }
    while (sched_pending(s) == 2) {
        struct opened o = up_at(s, now_us);
        struct sched_request first = next_at(s, o, now_us), second = next_at(s, o, now_us);

        behind[second.rfc]++;
        if (first.len <= 70000) {
            sched_on_done(s, o.link, first.id, now_us);
            continue;
        }
        /* Told once or twice: that the request failed, and that the link is closed. */
        if (now_us / S % 120 == 0)
            sched_on_progress(s, o.link, first.id, first.offset + 70000, now_us);
        else
            failed(s, o, first, SCHED_TIMEOUT, first.offset + 70000, now_us);
        sched_link_closed(s, o.link, SCHED_CLOSED, now_us);
        now_us += 60 * S;
        assert_false(is_exhausted(s));
    }
    assert_true(behind[1] > 4 && behind[2] > 4);
    sched_free(s);
}

static void a_server_that_closes_after_each_answer_is_not_to_blame(void **state)
{
    struct sched *s = make_with(8, 1, false, 1);

    (void)state;
    for (uint32_t rfc = 1; rfc <= 200; rfc++) {
        want(s, rfc);
        offer(s, rfc, 1);
    }
    for (uint32_t i = 0; i < 200; i++) {
        struct opened o = up_at(s, i); /* at once: no back-off */
        struct sched_request q = next_at(s, o, i);

        while (has_next(s, o, i))
            continue;
        sched_on_done(s, o.link, q.id, i);
        sched_link_closed(s, o.link, SCHED_CLOSED, i);
    }
    assert_int_equal(sched_pending(s), 0);
    assert_false(sched_is_busy(s));
    sched_free(s);
}

static void what_failed_here_comes_last_here(void **state)
{
    struct sched *s = make_with(1, 2, false, 1);

    (void)state;
    for (uint32_t rfc = 1; rfc <= 10; rfc++) {
        want(s, rfc);
        offer(s, rfc, 1);
    }

    struct opened a = up_at(s, 0), b = up_at(s, 0);
    struct sched_request q = next_at(s, a, 0);
    uint32_t bad = q.rfc;

    failed(s, a, q, SCHED_TIMEOUT, 0, 0);
    sched_link_closed(s, a.link, SCHED_TIMEOUT, 0);
    for (int i = 0; i < 9; i++) {
        q = next_at(s, b, 0);
        assert_int_not_equal(q.rfc, bad);
        sched_on_done(s, b.link, q.id, 0);
    }
    assert_int_equal(next_at(s, b, 0).rfc, bad);
    sched_free(s);
}

/* ---- backing off ------------------------------------------------------------------------------ */

static void backing_off_doubles_with_jitter(void **state)
{
    int64_t low[4] = {INT64_MAX, INT64_MAX, INT64_MAX, INT64_MAX}, high[4] = {0};

    (void)state;
    for (uint64_t seed = 1; seed <= 200; seed++) {
        struct sched *s = make_with(1, 1, false, seed);
        int64_t now_us = 7 * S;

        want(s, 1);
        offer(s, 1, 1);
        for (int i = 0; i < 3; i++) {
            struct opened o = open_at(s, now_us);

            assert_int_equal(o.holder, 1);
            sched_link_closed(s, o.link, SCHED_REFUSED, now_us);
            o = open_at(s, now_us);
            assert_int_equal(o.holder, 0);

            int64_t delay_us = o.retry_us - now_us;

            low[i] = delay_us < low[i] ? delay_us : low[i];
            high[i] = delay_us > high[i] ? delay_us : high[i];
            assert_int_equal(open_at(s, o.retry_us - 1).holder, 0);
            now_us = o.retry_us;
        }
        sched_free(s);
    }
    for (int i = 0; i < 3; i++) {
        int64_t most = 250000 << i;

        assert_in_range(low[i], most / 2, most / 2 + most / 20);
        assert_in_range(high[i], most - most / 20, most);
    }
}

static void a_holder_that_refuses_four_times_has_failed(void **state)
{
    struct sched *s = make();
    struct sched_tried tried[4];
    int64_t now_us = 0;

    (void)state;
    want(s, 1);
    want(s, 2);
    offer(s, 1, 1);
    offer(s, 2, 1);
    for (int i = 0; i < 4; i++) {
        struct opened o = open_at(s, now_us);

        assert_int_equal(o.holder, 1);
        assert_false(is_exhausted(s));
        sched_link_closed(s, o.link, SCHED_REFUSED, now_us);
        now_us += 60 * S;
    }
    assert_int_equal(open_at(s, now_us).holder, 0);
    assert_true(open_at(s, now_us).retry_us == INT64_MAX);
    assert_int_equal(pop_one(s, 1, tried, 4), 1);
    assert_int_equal(tried[0].why, SCHED_REFUSED);
    /* Telling again changes nothing, but what is wanted later gets a try. */
    offer(s, 2, 1);
    assert_int_equal(open_at(s, now_us).holder, 0);
    want(s, 3);
    offer(s, 3, 1);

    struct opened o = open_at(s, now_us);

    assert_int_equal(o.holder, 1);
    sched_link_closed(s, o.link, SCHED_REFUSED, now_us);
    assert_int_equal(pop_one(s, 2, tried, 4), 1);
    assert_int_equal(pop_one(s, 3, tried, 4), 1);
    assert_int_equal(sched_pending(s), 0);
    /* However often: the pauses do not grow any more. */
    for (uint32_t rfc = 4; rfc < 20; rfc++) {
        want(s, rfc);
        offer(s, rfc, 1);
        now_us += 2 * S;
        o = open_at(s, now_us);
        assert_int_equal(o.holder, 1);
        sched_link_closed(s, o.link, SCHED_REFUSED, now_us);
        assert_int_equal(pop_one(s, rfc, tried, 4), 1);
    }
    sched_free(s);
}

static void back_off_outlives_the_documents_and_ends_with_success(void **state)
{
    struct sched *s = make();
    int64_t now_us = 0;

    (void)state;
    for (int round = 0; round < 5; round++) {
        for (int i = 0; i < 3; i++) {
            want(s, 1);
            offer(s, 1, 1);
            sched_link_closed(s, open_at(s, now_us).link, SCHED_REFUSED, now_us);
            sched_drop(s, 1);
            want(s, 1);
            offer(s, 1, 1);
            assert_int_equal(open_at(s, now_us).holder, 0);
            now_us += 60 * S;
        }
        assert_false(is_exhausted(s));

        struct opened o = up_at(s, now_us);

        sched_on_done(s, o.link, next_at(s, o, now_us).id, now_us);
        sched_link_closed(s, o.link, SCHED_CLOSED, now_us);
    }
    /* Who was gone and is back is tried at once. */
    struct addr a = addr_of(1);

    want(s, 1);
    offer(s, 1, 1);
    sched_link_closed(s, open_at(s, now_us).link, SCHED_REFUSED, now_us);
    sched_on_holder_gone(s, &a);
    offer(s, 1, 1);
    assert_int_equal(open_at(s, now_us).holder, 1);
    sched_free(s);
}

static void of_two_idle_holders_the_better_one_is_asked(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 20; seed++) {
        struct sched *s = make_with(1, 1, false, seed);

        want(s, 1);
        offer(s, 1, 1);
        sched_link_closed(s, open_at(s, 0).link, SCHED_REFUSED, 0);
        offer(s, 1, 2);
        assert_int_equal(open_at(s, 60 * S).holder, 2);
        sched_free(s);
    }
}

static void trouble_here_is_not_the_documents(void **state)
{
    struct sched *s = make();
    struct sched_tried tried;

    (void)state;
    want(s, 1);
    offer(s, 1, 1);
    for (int i = 0; i < 4; i++) {
        struct opened o = up_at(s, i * 60 * S);

        (void)next_at(s, o, i * 60 * S);
        assert_false(is_exhausted(s));
        sched_link_closed(s, o.link, SCHED_LOCAL, i * 60 * S);
        assert_int_equal(open_at(s, i * 60 * S).holder, 0);
    }
    assert_int_equal(pop_one(s, 1, &tried, 1), 1);
    assert_int_equal(tried.why, SCHED_LOCAL);
    sched_free(s);
}

static void timeouts_weigh_double(void **state)
{
    struct sched *s = make();

    (void)state;
    want(s, 1);
    offer(s, 1, 1);
    sched_link_closed(s, open_at(s, 0).link, SCHED_TIMEOUT, 0);
    assert_false(is_exhausted(s));
    sched_link_closed(s, open_at(s, 60 * S).link, SCHED_TIMEOUT, 60 * S);
    assert_true(is_exhausted(s));
    sched_free(s);
}

static void several_links_that_break_together_are_one_incident(void **state)
{
    struct sched *s = make_with(1, 8, false, 1);
    struct opened o[8];

    (void)state;
    for (uint32_t rfc = 1; rfc <= 20; rfc++) {
        want(s, rfc);
        offer(s, rfc, 1);
    }
    for (int i = 0; i < 8; i++) {
        o[i] = up_at(s, 0);
        (void)next_at(s, o[i], 0);
    }
    for (int i = 0; i < 8; i++)
        sched_link_closed(s, o[i].link, SCHED_CLOSED, i * 1000);
    assert_false(is_exhausted(s));
    assert_int_equal(sched_pending(s), 20);
    assert_int_equal(open_at(s, 60 * S).holder, 1);
    sched_free(s);
}

static void progress_keeps_a_bad_line_going(void **state)
{
    struct sched *s = make();
    struct addr a = addr_of(1);
    struct sha256 sha = {{1}};
    int64_t now_us = 0;
    uint64_t have = 0;

    (void)state;
    want(s, 1);
    assert_int_equal(sched_on_offer(s, 1, &a, 2000000, &sha), DI_OK);
    while (have < 1900000) {
        struct opened o = up_at(s, now_us);
        struct sched_request q = next_at(s, o, now_us);

        assert_int_equal(q.offset, have);
        have += 70000;
        sched_on_progress(s, o.link, q.id, have, now_us);
        sched_link_closed(s, o.link, SCHED_CLOSED, now_us);
        now_us += 60 * S;
    }
    /* But not one that brings a byte at a time. */
    for (int i = 0; i < 4; i++) {
        struct opened o = open_at(s, now_us);

        if (o.holder == 0)
            break;
        sched_link_up(s, o.link);

        struct sched_request q = next_at(s, o, now_us);

        sched_on_progress(s, o.link, q.id, ++have, now_us);
        sched_link_closed(s, o.link, SCHED_CLOSED, now_us);
        now_us += 60 * S;
    }
    assert_true(is_exhausted(s));
    sched_free(s);
}

static void a_busy_holder_is_left_alone_for_as_long_as_it_says(void **state)
{
    struct sched *s = make();

    (void)state;
    for (uint32_t rfc = 1; rfc <= 9; rfc++) {
        want(s, rfc);
        offer(s, rfc, 1);
    }

    struct opened a = up_at(s, 0), b = up_at(s, 0);
    struct sched_request q = next_at(s, a, 0);

    sched_on_failed(s, a.link, q.id, SCHED_BUSY, 0, 5 * S, 0);
    sched_link_closed(s, a.link, SCHED_CLOSED, 0);
    assert_false(has_next(s, b, 5 * S - 1));

    struct opened o = open_at(s, 1);

    assert_int_equal(o.holder, 0);
    assert_true(o.retry_us == 5 * S);
    assert_true(has_next(s, b, 5 * S));
    assert_int_equal(open_at(s, 5 * S).holder, 1);
    sched_free(s);
}

static void who_is_always_busy_fails_in_the_end(void **state)
{
    struct sched *s = make();
    struct sched_tried tried;
    int64_t now_us = 0;
    int asked = 0;

    (void)state;
    want(s, 1);
    offer(s, 1, 1);
    for (;; asked++) {
        struct opened o = open_at(s, now_us);

        if (o.holder == 0 && o.retry_us == INT64_MAX)
            break;
        if (o.holder == 0) {
            now_us = o.retry_us;
            continue;
        }
        sched_link_up(s, o.link);
        /* An absurd Retry-After is not taken at its word. */
        sched_on_failed(s, o.link, next_at(s, o, now_us).id, SCHED_BUSY, 0, INT64_MAX, now_us);
        sched_link_closed(s, o.link, SCHED_CLOSED, now_us);
        assert_true(asked < 100);
    }
    assert_in_range(asked, 8, 40);
    assert_true(now_us < 3600 * S);
    assert_int_equal(pop_one(s, 1, &tried, 1), 1);
    assert_int_equal(tried.why, SCHED_BUSY);
    sched_free(s);
}

/* ---- wrong content ---------------------------------------------------------------------------- */

static void who_delivers_wrong_content_is_shunned_for_everything(void **state)
{
    struct sched *s = make();
    struct sched_tried tried[2];

    (void)state;
    want(s, 1);
    want(s, 2);
    offer(s, 1, 1);
    offer(s, 2, 1);

    struct opened o = up_at(s, 0);
    struct sched_request q = next_at(s, o, 0);

    failed(s, o, q, SCHED_MISMATCH, 0, 0);
    assert_false(has_next(s, o, 0));
    sched_link_closed(s, o.link, SCHED_CLOSED, 0);
    want(s, 3);
    offer(s, 3, 1);
    offer_other(s, 3 - q.rfc, 1, 9); /* another edition does not help */

    struct addr a = addr_of(1);

    sched_on_holder_gone(s, &a);
    sched_forgive(s, &a);
    offer(s, 1, 1);
    offer(s, 2, 1);
    offer(s, 3, 1);
    assert_int_equal(open_at(s, 3600 * S).holder, 0);
    for (int i = 0; i < 3; i++) {
        uint32_t rfc;
        size_t count;

        assert_true(sched_pop_exhausted(s, 0, &rfc, tried, 2, &count));
        assert_int_equal(count, 1);
        assert_int_equal(tried[0].why, rfc == q.rfc ? SCHED_MISMATCH : SCHED_SHUNNED);
    }
    sched_free(s);
}

static void nobody_is_blamed_for_the_bytes_of_others(void **state)
{
    struct sched *s = make();

    (void)state;
    want(s, 1);
    offer(s, 1, 1);

    struct opened a = up_at(s, 0);
    struct sched_request q = next_at(s, a, 0);

    sched_on_progress(s, a.link, q.id, 50000, 0); /* wrong ones */
    sched_link_closed(s, a.link, SCHED_CLOSED, 0);
    offer(s, 1, 2);

    struct opened b = up_at(s, 0);

    assert_int_equal(b.holder, 2);
    q = next_at(s, b, 0);
    assert_int_equal(q.offset, 50000);
    failed(s, b, q, SCHED_MISMATCH, 0, 0);

    /* What the library still has of it is not trusted either. */
    sched_on_partial(s, 1, &(struct sha256){{1}}, 60000);
    /* The same one again, from the start. Now it answers for all of it... */
    q = next_at(s, b, 0);
    assert_int_equal(q.offset, 0);
    sched_on_progress(s, b.link, q.id, 20000, 0);
    sched_link_closed(s, b.link, SCHED_CLOSED, 390000);

    /* ...and so does the other one, who does not go on with its bytes any more. */
    a = up_at(s, 400000);
    assert_int_equal(a.holder, 1);
    q = next_at(s, a, 400000);
    assert_int_equal(q.offset, 0);
    failed(s, a, q, SCHED_MISMATCH, 0, 400000);
    assert_false(has_next(s, a, 400000));
    sched_link_closed(s, a.link, SCHED_CLOSED, 400000);
    b = up_at(s, 60 * S);
    assert_int_equal(b.holder, 2);
    assert_int_equal(next_at(s, b, 60 * S).offset, 0);
    sched_free(s);
}

static void bytes_of_the_same_holder_in_this_run_are_its_own(void **state)
{
    struct sched *s = make();

    (void)state;
    want(s, 1);
    offer(s, 1, 1);

    struct opened o = up_at(s, 0);
    struct sched_request q = next_at(s, o, 0);

    sched_on_progress(s, o.link, q.id, 50000, 0);
    sched_link_closed(s, o.link, SCHED_CLOSED, 0);
    o = up_at(s, 60 * S);
    q = next_at(s, o, 60 * S);
    assert_int_equal(q.offset, 50000);
    failed(s, o, q, SCHED_MISMATCH, 0, 60 * S);
    assert_false(has_next(s, o, 60 * S));
    assert_true(is_exhausted(s));
    sched_free(s);
}

static void bytes_of_an_earlier_run_are_nobodys(void **state)
{
    struct sched *s = make();
    struct sha256 sha = {{1}}, other = {{2}};

    (void)state;
    want(s, 1);
    want(s, 2);
    want(s, 3);
    sched_on_partial(s, 1, &sha, 60000);
    sched_on_partial(s, 2, &other, 60000);
    sched_on_partial(s, 3, &sha, SIZE + 1);
    sched_on_partial(s, 4, &sha, 1);
    for (uint32_t rfc = 1; rfc <= 3; rfc++)
        offer(s, rfc, 1);

    struct opened o = up_at(s, 0);

    for (int i = 0; i < 3; i++) {
        struct sched_request q = next_at(s, o, 0);

        assert_int_equal(q.offset, q.rfc == 1 ? 60000 : 0);
        if (q.rfc != 1) {
            sched_on_done(s, o.link, q.id, 0);
            continue;
        }
        failed(s, o, q, SCHED_MISMATCH, 0, 0);
        q = next_at(s, o, 0);
        assert_int_equal(q.offset, 0);
        sched_on_done(s, o.link, q.id, 0);
    }
    sched_free(s);
}

static void a_whole_part_only_needs_verifying(void **state)
{
    struct sched *s = make();
    struct sha256 sha = {{1}};

    (void)state;
    want(s, 1);
    offer(s, 1, 1);
    sched_on_partial(s, 1, &sha, SIZE);

    struct opened o = up_at(s, 0);
    struct sched_request q = next_at(s, o, 0);

    assert_int_equal(q.offset, SIZE);
    assert_int_equal(q.len, 0);
    sched_on_done(s, o.link, q.id, 0);
    assert_int_equal(sched_pending(s), 0);
    sched_free(s);
}

static void a_part_found_while_asking_is_nobodys_either(void **state)
{
    struct sched *s = make();
    struct sha256 sha = {{1}};

    (void)state;
    want(s, 1);
    offer(s, 1, 1);

    struct opened o = up_at(s, 0);
    struct sched_request q = next_at(s, o, 0);

    sched_on_partial(s, 1, &sha, 70000);
    failed(s, o, q, SCHED_MISMATCH, 0, 0);
    assert_int_equal(next_at(s, o, 0).offset, 0);
    sched_free(s);
}

/* ---- editions --------------------------------------------------------------------------------- */

static void the_edition_of_most_holders_comes_first_then_the_others(void **state)
{
    struct sched *s = make();
    struct sched_tried tried[5];
    unsigned asked[5] = {0};

    (void)state;
    want(s, 1);
    offer_other(s, 1, 1, 66);
    offer_other(s, 1, 2, 77);
    offer_other(s, 1, 3, 5);
    offer_other(s, 1, 4, 5);
    for (int i = 0; i < 4; i++) {
        struct opened o = up_at(s, 0);
        struct sched_request q = next_at(s, o, 0);

        asked[i] = o.holder;
        assert_int_equal(q.edition.byte[0], o.holder == 1 ? 66 : o.holder == 2 ? 77 : 5);
        failed(s, o, q, SCHED_NOT_FOUND, 0, 0);
        sched_link_closed(s, o.link, SCHED_CLOSED, 0);
    }
    assert_true(asked[0] >= 3 && asked[1] >= 3 && asked[2] < 3 && asked[3] < 3);
    assert_int_equal(pop_one(s, 1, tried, 5), 4);
    for (int i = 0; i < 4; i++)
        assert_int_equal(tried[i].why, SCHED_NOT_FOUND);
    sched_free(s);
}

static void a_majority_that_grows_later_is_heeded(void **state)
{
    struct sched *s = make();

    (void)state;
    want(s, 1);
    offer_other(s, 1, 1, 66);
    offer_other(s, 1, 2, 5);
    offer_other(s, 1, 3, 5);
    /* One changes its mind. */
    offer_other(s, 1, 1, 7);
    offer_other(s, 1, 2, 7);

    struct opened o = up_at(s, 0);

    assert_true(o.holder == 1 || o.holder == 2);
    assert_int_equal(next_at(s, o, 0).edition.byte[0], 7);
    sched_free(s);
}

static void what_fails_after_a_correction_was_the_old_edition(void **state)
{
    struct sched *s = make();

    (void)state;
    want(s, 1);
    offer_other(s, 1, 1, 66);

    struct opened o = up_at(s, 0);
    struct sched_request q = next_at(s, o, 0);

    offer_other(s, 1, 1, 5);
    failed(s, o, q, SCHED_CHANGED, 0, 0);
    q = next_at(s, o, 0);
    assert_int_equal(q.edition.byte[0], 5);
    sched_on_done(s, o.link, q.id, 0);
    sched_free(s);
}

static void of_two_editions_the_one_begun_is_finished(void **state)
{
    (void)state;
    for (uint8_t begun = 1; begun <= 2; begun++) {
        struct sched *s = make();

        want(s, 1);
        sched_on_partial(s, 1, &(struct sha256){{begun}}, 500);
        offer_other(s, 1, 1, 1);
        offer_other(s, 1, 2, 2);
        assert_int_equal(up_at(s, 0).holder, begun);
        sched_free(s);
    }
}

static void a_holder_may_correct_itself_a_few_times(void **state)
{
    struct sched *s = make();
    int asked = 0;

    (void)state;
    want(s, 1);
    for (uint8_t edition = 1; edition < 100; edition++) {
        offer_other(s, 1, 1, edition);
        offer_other(s, 1, 1, edition);

        struct opened o = open_at(s, 0);

        if (o.holder == 0)
            break;
        sched_link_up(s, o.link);

        struct sched_request q = next_at(s, o, 0);

        assert_int_equal(q.edition.byte[0], edition);
        failed(s, o, q, SCHED_CHANGED, 0, 0);
        sched_link_closed(s, o.link, SCHED_CLOSED, 0);
        asked++;
    }
    assert_int_equal(asked, 8);
    assert_true(is_exhausted(s));
    sched_free(s);
}

/* ---- serial, only ----------------------------------------------------------------------------- */

static void serial_means_one_at_a_time_in_the_order_asked(void **state)
{
    static const uint32_t order[] = {9, 3, 7, 1, 8, 2};
    struct sched *s = make_with(8, 4, true, 1);

    (void)state;
    for (size_t i = 0; i < 6; i++)
        want(s, order[i]);
    for (uint32_t rfc = 1; rfc <= 9; rfc++) {
        offer(s, rfc, 1);
        if (rfc != 7)
            offer(s, rfc, 2);
    }
    /* 3 has nobody any more: the others do not wait for it. */
    sched_drop(s, 3);
    want(s, 3);
    for (size_t i = 0; i < 6; i++) {
        if (order[i] == 3)
            continue;

        struct opened o = up_at(s, 0);
        struct sched_request q = next_at(s, o, 0);

        assert_int_equal(q.rfc, order[i]);
        assert_false(has_next(s, o, 0));
        assert_int_equal(open_at(s, S).holder, 0);
        sched_on_done(s, o.link, q.id, 0);
        sched_link_closed(s, o.link, SCHED_CLOSED, 0);
    }
    assert_int_equal(pop_one(s, 3, NULL, 0), 0);
    sched_free(s);
}

static void serial_goes_on_on_the_same_link_while_it_can(void **state)
{
    struct sched *s = make_with(8, 4, true, 1);

    (void)state;
    for (uint32_t rfc = 1; rfc <= 3; rfc++) {
        want(s, rfc);
        offer(s, rfc, 1);
        if (rfc != 2)
            offer(s, rfc, 2);
    }

    struct opened o = open_at(s, 0);

    while (o.holder != 2) {
        sched_link_closed(s, o.link, SCHED_CLOSED, -S); /* of another time: no back-off now */
        o = open_at(s, 0);
    }
    sched_link_up(s, o.link);
    sched_on_done(s, o.link, next_at(s, o, 0).id, 0);
    /* 2 is not to be had here, and 3 has to wait for it. */
    assert_false(has_next(s, o, 0));
    sched_link_closed(s, o.link, SCHED_CLOSED, 0);
    o = up_at(s, 0);
    assert_int_equal(o.holder, 1);
    sched_on_done(s, o.link, next_at(s, o, 0).id, 0);
    assert_int_equal(open_at(s, 0).holder, 0); /* though 2 is less loaded: the open link will do */
    assert_int_equal(next_at(s, o, 0).rfc, 3);
    sched_free(s);
}

static void serial_fails_over_before_it_goes_on(void **state)
{
    struct sched *s = make_with(8, 4, true, 1);

    (void)state;
    for (uint32_t rfc = 1; rfc <= 2; rfc++) {
        want(s, rfc);
        offer(s, rfc, 1);
        offer(s, rfc, 2);
    }

    struct opened a = up_at(s, 0);
    struct sched_request q = next_at(s, a, 0);

    sched_on_progress(s, a.link, q.id, 10, 0);
    sched_link_closed(s, a.link, SCHED_CLOSED, 0);

    struct opened b = up_at(s, 0);

    assert_int_not_equal(a.holder, b.holder);
    q = next_at(s, b, 0);
    assert_int_equal(q.rfc, 1);
    assert_int_equal(q.offset, 10);
    sched_free(s);
}

static void only_the_named_holder_is_asked(void **state)
{
    struct sched *s = make();
    struct addr only = addr_of(3);
    struct sched_tried tried[4];

    (void)state;
    assert_int_equal(sched_want(s, 1, &only), DI_OK);
    for (unsigned h = 1; h <= 4; h++)
        offer(s, 1, h);

    struct opened o = up_at(s, 0);

    assert_int_equal(o.holder, 3);
    failed(s, o, next_at(s, o, 0), SCHED_NOT_FOUND, 0, 0);
    sched_link_closed(s, o.link, SCHED_CLOSED, 0);
    assert_int_equal(open_at(s, 0).holder, 0);
    /* Wanted from anyone after all; from another one. */
    want(s, 1);
    offer(s, 1, 2);
    offer(s, 1, 4);
    only = addr_of(4);
    assert_int_equal(sched_want(s, 1, &only), DI_OK);
    o = up_at(s, 0);
    assert_int_equal(o.holder, 4);
    failed(s, o, next_at(s, o, 0), SCHED_NOT_FOUND, 0, 0);
    assert_int_equal(pop_one(s, 1, tried, 4), 1);
    assert_true(addr_equal(&tried[0].holder, &only));
    sched_free(s);
}

/* ---- coming and going ------------------------------------------------------------------------- */

static void nothing_more_is_asked_of_who_is_gone(void **state)
{
    struct sched *s = make();
    struct addr gone = addr_of(1);
    struct sched_tried tried[2];

    (void)state;
    for (uint32_t rfc = 1; rfc <= 4; rfc++) {
        want(s, rfc);
        offer(s, rfc, 1);
    }

    struct opened o = up_at(s, 0);
    struct sched_request a = next_at(s, o, 0), b = next_at(s, o, 0);

    sched_on_holder_gone(s, &gone);
    assert_false(has_next(s, o, 0));
    assert_int_equal(open_at(s, 0).holder, 0);
    /* What is under way may end well or badly. */
    assert_int_equal(sched_pending(s), 4);
    sched_on_done(s, o.link, a.id, 0);
    assert_false(has_next(s, o, 0));
    assert_int_equal(sched_pending(s), 3);
    failed(s, o, b, SCHED_CLOSED, 10, 0);
    sched_link_closed(s, o.link, SCHED_CLOSED, 0);
    /* It comes back and offers one of them. */
    offer(s, b.rfc, 1);
    o = up_at(s, 60 * S);
    assert_int_equal(next_at(s, o, 60 * S).rfc, b.rfc);
    assert_false(has_next(s, o, 60 * S));
    uint32_t rfc;
    size_t count;

    assert_true(sched_pop_exhausted(s, 0, &rfc, tried, 2, &count));
    assert_int_equal(count, 1);
    assert_int_equal(tried[0].why, SCHED_LEFT);
    assert_true(addr_equal(&tried[0].holder, &gone));
    sched_free(s);
}

static void the_forgiven_are_tried_again(void **state)
{
    struct sched *s = make();
    struct addr a = addr_of(1);
    int64_t now_us;

    (void)state;
    want(s, 1);
    want(s, 2);
    offer(s, 1, 1);
    offer(s, 2, 1);

    struct opened o = up_at(s, 0);
    struct sched_request q = next_at(s, o, 0);

    failed(s, o, q, SCHED_NOT_FOUND, 0, 0);
    sched_link_closed(s, o.link, SCHED_CLOSED, 0);
    for (int i = 1; i <= 4; i++)
        sched_link_closed(s, open_at(s, i * 60 * S).link, SCHED_REFUSED, i * 60 * S);
    assert_int_equal(open_at(s, 3600 * S).holder, 0);
    sched_forgive(s, &a);
    o = up_at(s, 241 * S);
    assert_int_equal(o.holder, 1);
    uint32_t missing = q.rfc;

    q = next_at(s, o, 241 * S);
    assert_int_equal(q.rfc, 3 - missing); /* not what it does not have */
    assert_false(has_next(s, o, 241 * S));
    assert_true(is_exhausted(s)); /* that */
    /* All that it failed for is forgotten: it gets four tries again and again. */
    now_us = 241 * S;
    for (int i = 0; i < 11; i++) {
        sched_link_closed(s, o.link, SCHED_CLOSED, now_us);
        now_us += 60 * S;
        if (i % 4 == 3) {
            assert_int_equal(open_at(s, now_us).holder, 0);
            sched_forgive(s, &a);
        }
        o = up_at(s, now_us);
        q = next_at(s, o, now_us);
    }
    /* Nor is it busy any more. */
    sched_on_failed(s, o.link, q.id, SCHED_BUSY, 0, 5 * S, now_us);
    sched_link_closed(s, o.link, SCHED_CLOSED, now_us);
    assert_int_equal(open_at(s, now_us).holder, 0);
    sched_forgive(s, &a);
    o = up_at(s, now_us);
    assert_true(has_next(s, o, now_us));
    a = addr_of(99);
    sched_forgive(s, &a);
    sched_on_holder_gone(s, &a);
    sched_free(s);
}

static void what_is_dropped_while_under_way_is_not_asked_for_again(void **state)
{
    struct sched *s = make();

    (void)state;
    want(s, 1);
    want(s, 2);
    offer(s, 1, 1);
    offer(s, 2, 1);
    sched_drop(s, 2);
    sched_drop(s, 3);
    assert_false(sched_is_wanted(s, 2));

    struct opened o = up_at(s, 0);
    struct sched_request q = next_at(s, o, 0);

    sched_drop(s, 1);
    sched_drop(s, 1);
    assert_int_equal(sched_pending(s), 0);
    assert_true(sched_is_busy(s));
    sched_on_progress(s, o.link, q.id, 10, 0);
    failed(s, o, q, SCHED_TIMEOUT, 10, 0);
    assert_false(has_next(s, o, 0));
    assert_false(is_exhausted(s));
    sched_link_closed(s, o.link, SCHED_CLOSED, 0);

    /* Wanted again in the meantime: the request that is under way serves it. */
    want(s, 1);
    offer(s, 1, 1);
    o = up_at(s, 60 * S);
    q = next_at(s, o, 60 * S);
    sched_drop(s, 1);
    want(s, 1);
    assert_int_equal(sched_pending(s), 1);
    assert_false(has_next(s, o, 60 * S));
    sched_on_done(s, o.link, q.id, 60 * S);
    assert_int_equal(sched_pending(s), 0);
    sched_free(s);
}

static void wanting_and_offering_twice_is_fine(void **state)
{
    struct sched *s = make();

    (void)state;
    offer(s, 1, 1); /* not wanted yet: not kept */
    want(s, 1);
    want(s, 1);
    assert_int_equal(sched_pending(s), 1);
    assert_int_equal(open_at(s, 0).holder, 0);
    offer(s, 1, 1);
    offer(s, 1, 1);

    struct opened o = up_at(s, 0);
    struct sched_request q = next_at(s, o, 0);

    offer(s, 1, 1);
    want(s, 1);
    assert_false(has_next(s, o, 0));
    sched_on_done(s, o.link, q.id, 0);
    sched_on_done(s, o.link, q.id, 0);
    failed(s, o, q, SCHED_MISMATCH, 0, 0);
    sched_on_progress(s, o.link, q.id, 5, 0);
    assert_int_equal(sched_pending(s), 0);
    sched_link_closed(s, o.link, SCHED_CLOSED, 0);
    sched_link_closed(s, o.link, SCHED_CLOSED, 0);
    sched_link_up(s, o.link);
    sched_on_done(s, o.link, q.id, 0);
    assert_false(has_next(s, o, 0));
    assert_false(sched_is_busy(s));
    sched_free(s);
}

/* ---- exhaustion ------------------------------------------------------------------------------- */

static void the_exhausted_name_whom_they_tried_and_why(void **state)
{
    static const enum sched_why whys[] = {SCHED_NOT_FOUND, SCHED_PROTOCOL, SCHED_CHANGED};
    struct sched *s = make();
    struct sched_tried tried[3];

    (void)state;
    want(s, 5);
    assert_int_equal(pop_one(s, 5, tried, 3), 0); /* nobody has it */
    assert_int_equal(sched_pending(s), 0);
    want(s, 5);
    for (unsigned h = 1; h <= 3; h++)
        offer(s, 5, h);
    for (int i = 0; i < 3; i++) {
        struct opened o = up_at(s, i * 60 * S);

        assert_false(is_exhausted(s));
        failed(s, o, next_at(s, o, i * 60 * S), whys[o.holder - 1], 0, i * 60 * S);
        sched_link_closed(s, o.link, SCHED_CLOSED, i * 60 * S);
    }
    assert_int_equal(pop_one(s, 5, tried, 2), 3); /* two copied, three there are */
    for (int i = 0; i < 2; i++)
        assert_int_equal(tried[i].why, whys[tried[i].holder.ip[15] - 1]);
    assert_false(is_exhausted(s));
    for (int why = SCHED_REFUSED; why <= SCHED_SHUNNED; why++)
        assert_true(strlen(sched_why_text((enum sched_why)why)) > 3);
    sched_free(s);
}

static void a_local_failure_ends_the_document(void **state)
{
    struct sched *s = make();
    struct sched_tried tried[3];

    (void)state;
    want(s, 1);
    want(s, 2);
    for (unsigned h = 1; h <= 3; h++) {
        offer(s, 1, h);
        offer(s, 2, h);
    }

    struct opened o = up_at(s, 0);
    struct sched_request q = next_at(s, o, 0);

    failed(s, o, q, SCHED_LOCAL, 0, 0);
    assert_int_equal(next_at(s, o, 0).rfc, 3 - q.rfc);
    assert_int_equal(pop_one(s, q.rfc, tried, 3), 1);
    assert_int_equal(tried[0].why, SCHED_LOCAL);
    sched_free(s);
}

static void more_holders_than_enough_are_not_kept(void **state)
{
    struct sched *s = make();
    struct sched_tried tried[1];
    size_t failed_count = 0;

    (void)state;
    want(s, 1);
    for (unsigned h = 1; h <= 1000; h++)
        offer(s, 1, h);
    for (;;) {
        struct opened o = open_at(s, 0);

        if (o.holder == 0)
            break;
        sched_link_up(s, o.link);
        failed(s, o, next_at(s, o, 0), SCHED_NOT_FOUND, 0, 0);
        sched_link_closed(s, o.link, SCHED_CLOSED, 0);
        failed_count++;
    }
    assert_in_range(failed_count, 32, 128);
    offer(s, 1, 999); /* heard of again */
    assert_int_equal(up_at(s, 0).holder, 999);
    sched_drop(s, 1);
    assert_false(sched_pop_exhausted(s, 0, &(uint32_t){0}, tried, 1, &(size_t){0}));
    sched_free(s);
}

/* ---- lack of memory --------------------------------------------------------------------------- */

static void without_memory_nothing_breaks(void **state)
{
    struct sched *s = NULL;
    struct sched_config cfg = {.window_max = 4, .links_per_holder_max = 2};
    struct sha256 sha = {{1}};
    struct addr a;
    uint32_t link = 0;
    int64_t retry_us = 0;

    (void)state;
    failing_alloc_at(1);
    assert_int_equal(sched_new(&cfg, 1, &s), DI_NOMEM);
    assert_true(failing_alloc_off());
    s = make();
    for (uint32_t rfc = 1; rfc <= 60; rfc++) {
        enum di_err err = DI_NOMEM;

        for (int k = 1; err != DI_OK; k++) {
            failing_alloc_at(k);
            err = sched_want(s, rfc, NULL);
            assert_true(failing_alloc_off() == (err == DI_NOMEM));
            assert_int_equal(sched_is_wanted(s, rfc), err == DI_OK);
        }
        for (unsigned h = 1; h <= 12; h++) {
            a = addr_of(h);
            err = DI_NOMEM;
            for (int k = 1; err != DI_OK; k++) {
                failing_alloc_at(k);
                err = sched_on_offer(s, rfc, &a, SIZE, &sha);
                assert_true(failing_alloc_off() == (err == DI_NOMEM));
            }
        }
    }
    assert_int_equal(sched_pending(s), 60);

    enum di_err err = DI_NOMEM;

    for (int k = 1; err != DI_OK; k++) {
        failing_alloc_at(k);
        err = sched_link_open(s, 0, &a, &link, &retry_us);
        assert_true(failing_alloc_off() == (err == DI_NOMEM));
        assert_int_equal(sched_is_busy(s), err == DI_OK);
    }
    sched_link_up(s, link);

    struct sched_request q;

    failing_alloc_at(1);
    assert_false(sched_next(s, link, 0, &q));
    assert_true(failing_alloc_off());
    assert_true(sched_next(s, link, 0, &q));
    sched_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_rarest_document_comes_first),
        cmocka_unit_test(what_gets_rarer_moves_forward),
        cmocka_unit_test(ties_are_drawn_at_random_and_replayed_by_seed),
        cmocka_unit_test(links_go_to_the_least_loaded_holder),
        cmocka_unit_test(a_holder_gets_no_second_link_before_the_first_is_up),
        cmocka_unit_test(another_holder_is_tried_when_connecting_takes_long),
        cmocka_unit_test(the_window_opens_with_success_and_closes_at_the_end),
        cmocka_unit_test(another_holder_goes_on_where_one_stopped),
        cmocka_unit_test(the_first_of_several_requests_is_to_blame),
        cmocka_unit_test(a_server_that_closes_after_each_answer_is_not_to_blame),
        cmocka_unit_test(what_failed_here_comes_last_here),
        cmocka_unit_test(backing_off_doubles_with_jitter),
        cmocka_unit_test(a_holder_that_refuses_four_times_has_failed),
        cmocka_unit_test(back_off_outlives_the_documents_and_ends_with_success),
        cmocka_unit_test(of_two_idle_holders_the_better_one_is_asked),
        cmocka_unit_test(trouble_here_is_not_the_documents),
        cmocka_unit_test(timeouts_weigh_double),
        cmocka_unit_test(several_links_that_break_together_are_one_incident),
        cmocka_unit_test(progress_keeps_a_bad_line_going),
        cmocka_unit_test(a_busy_holder_is_left_alone_for_as_long_as_it_says),
        cmocka_unit_test(who_is_always_busy_fails_in_the_end),
        cmocka_unit_test(who_delivers_wrong_content_is_shunned_for_everything),
        cmocka_unit_test(nobody_is_blamed_for_the_bytes_of_others),
        cmocka_unit_test(bytes_of_the_same_holder_in_this_run_are_its_own),
        cmocka_unit_test(bytes_of_an_earlier_run_are_nobodys),
        cmocka_unit_test(a_whole_part_only_needs_verifying),
        cmocka_unit_test(a_part_found_while_asking_is_nobodys_either),
        cmocka_unit_test(the_edition_of_most_holders_comes_first_then_the_others),
        cmocka_unit_test(a_majority_that_grows_later_is_heeded),
        cmocka_unit_test(what_fails_after_a_correction_was_the_old_edition),
        cmocka_unit_test(of_two_editions_the_one_begun_is_finished),
        cmocka_unit_test(a_holder_may_correct_itself_a_few_times),
        cmocka_unit_test(serial_means_one_at_a_time_in_the_order_asked),
        cmocka_unit_test(serial_goes_on_on_the_same_link_while_it_can),
        cmocka_unit_test(serial_fails_over_before_it_goes_on),
        cmocka_unit_test(only_the_named_holder_is_asked),
        cmocka_unit_test(nothing_more_is_asked_of_who_is_gone),
        cmocka_unit_test(the_forgiven_are_tried_again),
        cmocka_unit_test(what_is_dropped_while_under_way_is_not_asked_for_again),
        cmocka_unit_test(wanting_and_offering_twice_is_fine),
        cmocka_unit_test(the_exhausted_name_whom_they_tried_and_why),
        cmocka_unit_test(a_local_failure_ends_the_document),
        cmocka_unit_test(more_holders_than_enough_are_not_kept),
        cmocka_unit_test(without_memory_nothing_breaks),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
