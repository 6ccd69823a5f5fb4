/* Which holder, which document, how many at a time. */
#include "sched_help.h"

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
    for (int i = 0; i < 3; i++) {
        struct opened o = up_at(s, 0);

        links[o.holder]++;
        answered_at(s, o, 0);
    }
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

static void a_second_link_is_for_holders_that_one_cannot_keep_busy(void **state)
{
    struct sched *s = make();
    int64_t now_us = 0;

    (void)state;
    for (uint32_t rfc = 1; rfc <= 50; rfc++) {
        want(s, rfc);
        offer(s, rfc, 1);
    }

    struct opened o = open_at(s, 0);

    assert_int_equal(o.holder, 1);
    assert_int_equal(open_at(s, 0).holder, 0);
    assert_false(has_next(s, o, 0)); /* nor requests */
    sched_link_up(s, o.link);
    assert_int_equal(open_at(s, 0).holder, 0); /* it is not known yet */
    for (int i = 0; i < 10; i++, now_us += 100000)
        assert_false(sched_on_done(s, o.link, next_at(s, o, now_us).id, now_us + 100000));
    assert_int_equal(open_at(s, now_us).holder, 0); /* its link is full */

    int told = 0;

    for (int i = 0; i < 30; i++, now_us += 100)
        told += sched_on_done(s, o.link, next_at(s, o, now_us).id, now_us + 100);
    assert_int_equal(told, 1); /* when it became so */
    assert_int_equal(open_at(s, now_us).holder, 1);
    sched_free(s);
}

/*
 * One document, many holders: threads do not all connect at once, but none waits for a dead one
 * either.
 */
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

/*
 * A holder at such a distance that answers, one after the other, as fast as it can: how many requests are under
 * way after a while?
 */
static unsigned settled_window(int64_t round_trip_us, int64_t answer_us)
{
    struct sched *s = make_with(64, 1, false, 1);
    struct sched_request q[600];
    int64_t due_us[600], free_us = 0, now_us = 0;
    size_t asked = 0, answered = 0;

    for (uint32_t rfc = 1; rfc <= 600; rfc++) {
        want(s, rfc);
        offer(s, rfc, 1);
    }

    struct opened o = up_at(s, 0);

    for (;;) {
        for (; sched_next(s, o.link, now_us, &q[asked]); asked++) {
            int64_t there_us = now_us + round_trip_us;

            free_us = (free_us > there_us ? free_us : there_us) + answer_us;
            due_us[asked] = free_us;
        }
        if (answered == 400)
            break;
        now_us = due_us[answered];
        sched_on_done(s, o.link, q[answered++].id, now_us);
    }
    sched_free(s);
    return (unsigned)(asked - answered);
}

static void the_window_is_what_is_answered_soon(void **state)
{
    (void)state;
    /* Near and slow, as a first holder whose link five share: next to nothing is asked for early. */
    assert_in_range(settled_window(300, 6000), 3, 5);
    /* Far: the way there and back is full all the time. */
    assert_in_range(settled_window(50000, 6000), 50 / 6 + 2, 2 * 50 / 6 + 6);
    /* Near and fast. */
    assert_int_equal(settled_window(100, 100), 64);
}

/* Five begin at once with the same wishes; nobody hears what the others get. */
static void those_who_begin_together_begin_with_different_documents(void **state)
{
    unsigned taken[101] = {0};

    (void)state;
    for (uint32_t self = 1; self <= 5; self++) {
        struct sched *s = make_with(1, 1, false, 1);
        struct sched_company company = {.self = self};

        for (uint32_t other = 1; other <= 5; other++)
            if (other != self)
                company.others[company.count++] = other;
        for (uint32_t rfc = 1; rfc <= 100; rfc++) {
            want(s, rfc);
            offer(s, rfc, 1);
        }
        sched_set_company(s, &company);

        struct opened o = up_at(s, 0);

        for (int i = 0; i < 10; i++) {
            struct sched_request q = next_at(s, o, 0);

            assert_int_equal(taken[q.rfc]++, 0);
            sched_on_done(s, o.link, q.id, 0);
        }
        sched_free(s);
    }
}

static void whose_turn_it_is_yields_to_what_is_rarer(void **state)
{
    struct sched *s = make_with(1, 1, false, 1);
    struct sched_company company = {.self = 1, .others = {2, 3, 4, 5}, .count = 4};

    (void)state;
    sched_set_company(s, &company);
    for (uint32_t rfc = 1; rfc <= 40; rfc++) {
        want(s, rfc);
        offer(s, rfc, 1);
        if (rfc <= 30)
            offer(s, rfc, 2);
    }

    struct opened o = up_at(s, 0);

    if (o.holder == 2)
        o = up_at(s, 0);
    assert_int_equal(o.holder, 1);
    for (int i = 0; i < 10; i++) {
        struct sched_request q = next_at(s, o, 0);

        assert_true(q.rfc > 30);
        sched_on_done(s, o.link, q.id, 0);
    }
    sched_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_rarest_document_comes_first),
        cmocka_unit_test(what_gets_rarer_moves_forward),
        cmocka_unit_test(ties_are_drawn_at_random_and_replayed_by_seed),
        cmocka_unit_test(links_go_to_the_least_loaded_holder),
        cmocka_unit_test(a_second_link_is_for_holders_that_one_cannot_keep_busy),
        cmocka_unit_test(another_holder_is_tried_when_connecting_takes_long),
        cmocka_unit_test(the_window_opens_with_success_and_closes_at_the_end),
        cmocka_unit_test(the_window_is_what_is_answered_soon),
        cmocka_unit_test(those_who_begin_together_begin_with_different_documents),
        cmocka_unit_test(whose_turn_it_is_yields_to_what_is_rarer),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
