/* What takes too long from one holder is taken from another. */
#include "sched_help.h"

static bool is_late(struct sched *s, struct opened o, int64_t now_us)
{
    int64_t again_us = 0;
    bool late = sched_is_late(s, o.link, now_us, &again_us);

    assert_true(again_us > now_us);
    return late;
}

/* The document, which two holders offer, is asked for. */
static struct sched_request ask_one_of_two(struct sched *s, int64_t now_us, struct opened *o)
{
    want(s, 1);
    offer(s, 1, 1);
    offer(s, 1, 2);
    *o = up_at(s, now_us);
    return next_at(s, *o, now_us);
}

/* A document comes in a second: that is the usual. */
static void learn(struct sched *s, uint32_t rfc, unsigned holder)
{
    want(s, rfc);
    offer(s, rfc, holder);

    struct opened o = up_at(s, 0);
    struct sched_request q = next_at(s, o, 0);

    sched_on_progress(s, o.link, q.id, SIZE, S);
    sched_on_done(s, o.link, q.id, S);
    sched_link_closed(s, o.link, SCHED_CLOSED, S);
}

static void silence_is_late_only_if_another_holder_offers_the_document(void **state)
{
    struct sched *s = make();
    (void)state;

    want(s, 1);
    offer(s, 1, 1);

    struct opened o = up_at(s, 0);

    next_at(s, o, 0);
    assert_false(is_late(s, o, 9 * S));
    offer(s, 1, 2);
    assert_true(is_late(s, o, 9 * S));
    sched_free(s);
}

static void what_comes_slowly_is_not_late_before_it_is_known_what_is_usual(void **state)
{
    struct sched *s = make();
    struct opened o;
    struct sched_request q = ask_one_of_two(s, 0, &o);
    (void)state;

    assert_false(is_late(s, o, S));
    assert_true(is_late(s, o, 9 * S));
    sched_on_progress(s, o.link, q.id, 1, 9 * S);
    assert_false(is_late(s, o, 60 * S));
    sched_free(s);
}

static void a_trickle_is_late_and_what_is_usual_is_not(void **state)
{
    struct sched *s = make();
    (void)state;

    learn(s, 7, 3);
    struct opened o;
    struct sched_request q = ask_one_of_two(s, 10 * S, &o);

    sched_on_progress(s, o.link, q.id, SIZE / 100, 12 * S);
    assert_false(is_late(s, o, 12 * S));
    sched_on_progress(s, o.link, q.id, SIZE / 50, 14 * S);
    assert_true(is_late(s, o, 14 * S));
    sched_free(s);
}

/* Of a document that was here but for its end, that end tells what is usual. */
static void bytes_of_an_earlier_run_say_nothing_about_the_holder(void **state)
{
    struct sched *s = make();
    struct opened o;
    struct sched_request q;

    (void)state;
    want(s, 2);
    offer(s, 2, 3);
    o = up_at(s, 0);
    q = next_at(s, o, 0);
    sched_on_resumed(s, o.link, q.id, SIZE - SIZE / 100);
    sched_on_progress(s, o.link, q.id, SIZE, S);
    sched_on_done(s, o.link, q.id, S);
    sched_link_closed(s, o.link, SCHED_CLOSED, S);

    /* A hundredth of a document comes in a second. */
    q = ask_one_of_two(s, S, &o);
    sched_on_progress(s, o.link, q.id, SIZE / 10, 11 * S);
    assert_false(is_late(s, o, 11 * S));
    sched_free(s);
}

static void what_waits_behind_another_document_is_not_late(void **state)
{
    struct sched *s = make();
    (void)state;

    learn(s, 7, 3);
    for (uint32_t rfc = 1; rfc <= 2; rfc++) {
        want(s, rfc);
        offer(s, rfc, 1);
        offer(s, rfc, 2);
    }

    struct opened o = up_at(s, 10 * S);
    struct sched_request first = next_at(s, o, 10 * S);

    next_at(s, o, 10 * S);
    sched_on_done(s, o.link, first.id, 13 * S);
    assert_false(is_late(s, o, 14 * S));
    assert_true(is_late(s, o, 25 * S));
    sched_free(s);
}

static void nothing_is_late_while_the_other_holders_are_busy(void **state)
{
    struct sched *s = make_with(1, 1, false, 1);
    (void)state;

    for (uint32_t rfc = 1; rfc <= 2; rfc++) {
        want(s, rfc);
        offer(s, rfc, 1);
        offer(s, rfc, 2);
    }

    struct opened o = up_at(s, 0), other = up_at(s, 0);

    next_at(s, o, 0);
    sched_on_failed(s, other.link, next_at(s, other, 0).id, SCHED_BUSY, 0, 20 * S, 0);
    assert_false(is_late(s, o, 9 * S));
    assert_true(is_late(s, o, 21 * S));
    sched_free(s);
}

static void a_late_document_goes_on_at_its_byte_with_another_holder(void **state)
{
    struct sched *s = make();
    struct opened o;
    struct sched_request q = ask_one_of_two(s, 0, &o);
    (void)state;

    sched_on_progress(s, o.link, q.id, 99000, S);
    failed(s, o, q, SCHED_SLOW, 99000, 3 * S);
    sched_link_closed(s, o.link, SCHED_SLOW, 3 * S);

    struct opened other = up_at(s, 3 * S);

    assert_int_not_equal(other.holder, o.holder);
    assert_int_equal(next_at(s, other, 3 * S).offset, 99000);
    sched_free(s);
}

static void what_is_begun_again_has_its_time_anew(void **state)
{
    struct sched *s = make();
    struct opened o;
    struct sched_request q = ask_one_of_two(s, 0, &o);
    (void)state;

    sched_on_progress(s, o.link, q.id, SIZE, 9 * S);
    sched_on_progress(s, o.link, q.id, 0, 9 * S);
    assert_false(is_late(s, o, 10 * S));
    assert_true(is_late(s, o, 19 * S));
    sched_free(s);
}

static void a_slow_holder_is_tried_again_and_never_given_up(void **state)
{
    struct sched *s = make();
    int64_t now_us = 0;
    unsigned waits = 0;
    (void)state;

    want(s, 1);
    offer(s, 1, 1);
    for (unsigned i = 0; i < 20; i++) {
        struct opened o = open_at(s, now_us);

        if (o.holder == 0) {
            waits++;
            assert_true(o.retry_us > now_us && o.retry_us <= now_us + 31 * S);
            now_us = o.retry_us;
            o = open_at(s, now_us);
        }
        assert_int_equal(o.holder, 1);
        sched_link_up(s, o.link);
        failed(s, o, next_at(s, o, now_us), SCHED_SLOW, 0, now_us);
        sched_link_closed(s, o.link, SCHED_SLOW, now_us);
    }
    /* Each time but the first, and longer and longer. */
    assert_int_equal(waits, 19);
    assert_true(now_us > 100 * S);
    assert_false(is_exhausted(s));
    sched_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(silence_is_late_only_if_another_holder_offers_the_document),
        cmocka_unit_test(what_comes_slowly_is_not_late_before_it_is_known_what_is_usual),
        cmocka_unit_test(a_trickle_is_late_and_what_is_usual_is_not),
        cmocka_unit_test(bytes_of_an_earlier_run_say_nothing_about_the_holder),
        cmocka_unit_test(what_waits_behind_another_document_is_not_late),
        cmocka_unit_test(nothing_is_late_while_the_other_holders_are_busy),
        cmocka_unit_test(a_late_document_goes_on_at_its_byte_with_another_holder),
        cmocka_unit_test(what_is_begun_again_has_its_time_anew),
        cmocka_unit_test(a_slow_holder_is_tried_again_and_never_given_up),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
