/* Failing over and backing off. */
#include "sched_help.h"

/* ---- failing over ---------------------------------------------------------------------------- */

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

/*
 * Each link breaks after some progress with its first request. Were the one behind it blamed, it
 * would soon have failed for good.
 */
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
    for (uint32_t rfc = 1; rfc <= 11; rfc++) {
        want(s, rfc);
        offer(s, rfc, 1);
    }

    struct opened a = up_at(s, 0);

    answered_at(s, a, 0);

    struct opened b = up_at(s, 0);
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

/* ---- backing off ----------------------------------------------------------------------------- */

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

static void success_makes_up_for_every_failure(void **state)
{
    struct sched *s = make();
    int64_t now_us = 0;

    (void)state;
    for (uint32_t rfc = 1; rfc <= 3; rfc++) {
        want(s, rfc);
        offer(s, rfc, 1);
    }
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < 3; i++, now_us += 60 * S)
            sched_link_closed(s, open_at(s, now_us).link, SCHED_REFUSED, now_us);
        assert_false(is_exhausted(s));

        struct opened o = up_at(s, now_us);

        sched_on_done(s, o.link, next_at(s, o, now_us).id, now_us);
        sched_link_closed(s, o.link, SCHED_CLOSED, now_us);
    }
    assert_int_equal(sched_pending(s), 0);
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
    for (uint32_t rfc = 1; rfc <= 21; rfc++) {
        want(s, rfc);
        offer(s, rfc, 1);
    }
    for (int i = 0; i < 8; i++) {
        o[i] = up_at(s, 0);
        if (i == 0)
            answered_at(s, o[i], 0);
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

    struct opened a = up_at(s, 0);

    answered_at(s, a, 0);

    struct opened b = up_at(s, 0);
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

static void who_points_elsewhere_is_asked_again_after_its_time(void **state)
{
    struct sched *s = make();
    int64_t now_us = 0;

    (void)state;
    for (uint32_t rfc = 1; rfc <= 2; rfc++) {
        want(s, rfc);
        offer(s, rfc, 1);
    }
    for (int i = 0; i < 30; i++) {
        struct opened o = up_at(s, now_us);
        struct sched_request q = next_at(s, o, now_us);

        assert_int_equal(o.holder, 1);
        sched_on_failed(s, o.link, q.id, SCHED_ELSEWHERE, 0, S / 2, now_us);
        assert_false(has_next(s, o, now_us + S / 2 - 1));
        sched_link_closed(s, o.link, SCHED_CLOSED, now_us);
        o = open_at(s, now_us);
        assert_int_equal(o.holder, 0);
        now_us += S / 2;
        assert_true(o.retry_us == now_us);
    }
    /* Whoever else offers it is asked at once. */
    struct opened o = up_at(s, now_us);
    struct sched_request q = next_at(s, o, now_us);

    sched_on_failed(s, o.link, q.id, SCHED_ELSEWHERE, 0, S / 2, now_us);
    sched_link_closed(s, o.link, SCHED_CLOSED, now_us);
    offer(s, q.rfc, 2);
    o = up_at(s, now_us);
    assert_int_equal(o.holder, 2);
    assert_int_equal(next_at(s, o, now_us).rfc, q.rfc);
    sched_free(s);
}

static void who_always_points_elsewhere_fails_in_the_end(void **state)
{
    struct sched *s = make();
    struct sched_tried tried;
    int64_t now_us = 0;
    int asked = 0;

    (void)state;
    want(s, 1);
    offer(s, 1, 1);
    for (; !sched_has_exhausted(s); asked++, now_us += S) {
        struct opened o = up_at(s, now_us);
        struct sched_request q = next_at(s, o, now_us);

        sched_on_failed(s, o.link, q.id, SCHED_ELSEWHERE, 0, S, now_us);
        sched_link_closed(s, o.link, SCHED_CLOSED, now_us);
        assert_true(asked < 100);
    }
    assert_int_equal(asked, 40);
    assert_int_equal(pop_one(s, 1, &tried, 1), 1);
    assert_int_equal(tried.why, SCHED_ELSEWHERE);
    sched_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(another_holder_goes_on_where_one_stopped),
        cmocka_unit_test(the_first_of_several_requests_is_to_blame),
        cmocka_unit_test(a_server_that_closes_after_each_answer_is_not_to_blame),
        cmocka_unit_test(what_failed_here_comes_last_here),
        cmocka_unit_test(backing_off_doubles_with_jitter),
        cmocka_unit_test(a_holder_that_refuses_four_times_has_failed),
        cmocka_unit_test(back_off_outlives_the_documents_and_ends_with_success),
        cmocka_unit_test(success_makes_up_for_every_failure),
        cmocka_unit_test(of_two_idle_holders_the_better_one_is_asked),
        cmocka_unit_test(trouble_here_is_not_the_documents),
        cmocka_unit_test(timeouts_weigh_double),
        cmocka_unit_test(several_links_that_break_together_are_one_incident),
        cmocka_unit_test(progress_keeps_a_bad_line_going),
        cmocka_unit_test(a_busy_holder_is_left_alone_for_as_long_as_it_says),
        cmocka_unit_test(who_is_always_busy_fails_in_the_end),
        cmocka_unit_test(who_points_elsewhere_is_asked_again_after_its_time),
        cmocka_unit_test(who_always_points_elsewhere_fails_in_the_end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
