/* Serial downloads, one holder only, coming and going, giving up, lack of memory. */
/* ld: -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc,--wrap=strndup */
#include "sched_help.h"

#include "../support/failing_alloc.h"

/* ---- serial, only ---------------------------------------------------------------------------- */

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

/* ---- coming and going ------------------------------------------------------------------------ */

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

    assert_true(sched_pop_exhausted(s, &rfc, tried, 2, &count));
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

static void nobody_is_to_blame_for_what_is_not_wanted_any_more(void **state)
{
    struct sched *s = make();

    (void)state;
    want(s, 1);
    offer(s, 1, 1);

    struct opened o = up_at(s, 0);
    struct sched_request q = next_at(s, o, 0);

    sched_on_progress(s, o.link, q.id, 10, 0);
    sched_drop(s, 1);
    sched_on_unwanted(s, o.link, q.id, 10, 0);
    sched_on_unwanted(s, o.link, q.id, 10, 0); /* has ended */
    sched_link_closed(s, o.link, SCHED_CLOSED, 0);
    assert_false(sched_is_busy(s));
    assert_false(is_exhausted(s));

    /* The holder is asked again at once. */
    want(s, 1);
    offer(s, 1, 1);
    o = up_at(s, 0);
    assert_int_equal(o.holder, 1);
    q = next_at(s, o, 0);

    /* Wanted again before its end was told: it is not forgotten. */
    sched_drop(s, 1);
    want(s, 1);
    sched_on_unwanted(s, o.link, q.id, 10, 0);
    assert_int_equal(sched_pending(s), 1);
    assert_int_equal(next_at(s, o, 0).rfc, 1);
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

/* ---- exhaustion ------------------------------------------------------------------------------ */

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
    for (int why = SCHED_REFUSED; why <= SCHED_SHUNNED; why++) {
        assert_true(strlen(sched_why_text((enum sched_why)why)) > 3);
        assert_in_range(strlen(sched_why_word((enum sched_why)why)), 4, 10);
    }
    assert_string_equal(sched_why_text((enum sched_why)(SCHED_SHUNNED + 1)), "unknown");
    assert_string_equal(sched_why_word((enum sched_why)(SCHED_SHUNNED + 1)), "unknown");
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
    struct sched_request other = next_at(s, o, 0);

    assert_int_equal(other.rfc, 3 - q.rfc);
    assert_int_equal(pop_one(s, q.rfc, tried, 3), 1);
    assert_int_equal(tried[0].why, SCHED_LOCAL);
    /* Wanted once more, it gets another chance, from others for lack of a better idea. */
    failed(s, o, other, SCHED_LOCAL, 0, 0);
    want(s, other.rfc);
    assert_false(is_exhausted(s));
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
    assert_false(sched_pop_exhausted(s, &(uint32_t){0}, tried, 1, &(size_t){0}));
    sched_free(s);
}

/* ---- lack of memory -------------------------------------------------------------------------- */

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
        /* No event will say that there is memory again: ask soon. */
        if (err == DI_NOMEM)
            assert_in_range(retry_us, 1, S);
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
        cmocka_unit_test(serial_means_one_at_a_time_in_the_order_asked),
        cmocka_unit_test(serial_goes_on_on_the_same_link_while_it_can),
        cmocka_unit_test(serial_fails_over_before_it_goes_on),
        cmocka_unit_test(only_the_named_holder_is_asked),
        cmocka_unit_test(nothing_more_is_asked_of_who_is_gone),
        cmocka_unit_test(the_forgiven_are_tried_again),
        cmocka_unit_test(what_is_dropped_while_under_way_is_not_asked_for_again),
        cmocka_unit_test(nobody_is_to_blame_for_what_is_not_wanted_any_more),
        cmocka_unit_test(wanting_and_offering_twice_is_fine),
        cmocka_unit_test(the_exhausted_name_whom_they_tried_and_why),
        cmocka_unit_test(a_local_failure_ends_the_document),
        cmocka_unit_test(more_holders_than_enough_are_not_kept),
        cmocka_unit_test(without_memory_nothing_breaks),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
