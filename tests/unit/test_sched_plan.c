/* Wrong content and who is to blame for it; editions. */
#include "sched_help.h"

#include "../../src/sched/internal.h"

/* ---- wrong content --------------------------------------------------------------------------- */

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

        assert_true(sched_pop_exhausted(s, &rfc, tried, 2, &count));
        assert_int_equal(count, 1);
        assert_int_equal(tried[0].why, rfc == q.rfc ? SCHED_MISMATCH : SCHED_SHUNNED);
    }
    sched_free(s);
}

/* So many bytes of a document came, then the link broke. */
static void break_off(struct sched *s, struct opened o, uint64_t bytes)
{
    sched_on_progress(s, o.link, next_at(s, o, 0).id, bytes, 0);
    sched_link_closed(s, o.link, SCHED_CLOSED, 0);
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
    sched_on_progress(s, b.link, q.id, SIZE, 0);
    failed(s, b, q, SCHED_MISMATCH, 0, 0);

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

/* Each starts anew, brings enough to look useful, and breaks off: there is an end to that. */
static void two_that_never_bring_a_suspect_document_to_its_end_are_given_up(void **state)
{
    struct sched *s = make();
    struct opened o = {0};
    int64_t now_us = 0;
    int turns = 0;

    (void)state;
    want(s, 1);
    offer(s, 1, 1);
    o = up_at(s, 0);
    sched_on_progress(s, o.link, next_at(s, o, 0).id, 50000, 0);
    sched_link_closed(s, o.link, SCHED_CLOSED, 0);
    offer(s, 1, 2);
    o = up_at(s, 0);
    failed(s, o, next_at(s, o, 0), SCHED_MISMATCH, 0, 0);
    sched_link_closed(s, o.link, SCHED_CLOSED, 0);

    while (!sched_has_exhausted(s)) {
        now_us += 60 * S;
        o = open_at(s, now_us);
        if (o.holder == 0)
            continue;
        sched_link_up(s, o.link);
        sched_on_progress(s, o.link, next_at(s, o, now_us).id, 150000, now_us);
        sched_link_closed(s, o.link, SCHED_CLOSED, now_us);
        assert_in_range(++turns, 1, 20);
    }
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

static void who_starts_again_answers_for_all(void **state)
{
    struct sched *s = make();

    (void)state;
    want(s, 1);
    offer(s, 1, 2);
    break_off(s, up_at(s, 0), 60000);
    offer(s, 1, 1);

    struct opened o = up_at(s, 0);
    struct sched_request q = next_at(s, o, 0);

    assert_int_equal(o.holder, 1);
    assert_int_equal(q.offset, 60000);
    sched_on_progress(s, o.link, q.id, 0, 0);
    sched_on_progress(s, o.link, q.id, SIZE, 0);
    failed(s, o, q, SCHED_MISMATCH, 0, 0);
    assert_false(has_next(s, o, 0));
    assert_int_equal(open_at(s, 60 * S).holder, 2);
    sched_free(s);
}

static void bytes_of_an_earlier_run_are_nobodys(void **state)
{
    struct sched *s = make();

    (void)state;
    want(s, 1);
    offer(s, 1, 1);

    struct opened o = up_at(s, 0);
    struct sched_request q = next_at(s, o, 0);

    sched_on_resumed(s, o.link, q.id, 70000);
    failed(s, o, q, SCHED_MISMATCH, 0, 0);
    assert_int_equal(next_at(s, o, 0).offset, 0);
    sched_free(s);
}

/* ---- holders --------------------------------------------------------------------------------- */

/* In a swarm where peers come and go there is no end of them. */
static void a_holder_that_failed_and_is_gone_is_forgotten(void **state)
{
    struct sched *s = make();
    struct addr a = addr_of(1);

    (void)state;
    /* One that never failed is forgotten with what it offered. */
    want(s, 3);
    offer(s, 3, 3);
    sched_drop(s, 3);
    assert_int_equal(HASH_COUNT(s->holders), 0);

    want(s, 1);
    offer(s, 1, 1);
    sched_link_closed(s, open_at(s, 0).link, SCHED_REFUSED, 0);
    sched_drop(s, 1);
    assert_int_equal(HASH_COUNT(s->holders), 1);
    sched_on_holder_gone(s, &a);
    assert_int_equal(HASH_COUNT(s->holders), 0);

    /* Gone while a link to it is being made. */
    want(s, 2);
    offer(s, 2, 1);

    struct opened o = open_at(s, 0);

    sched_on_holder_gone(s, &a);
    sched_drop(s, 2);
    assert_int_equal(HASH_COUNT(s->holders), 1);
    sched_link_closed(s, o.link, SCHED_REFUSED, 0);
    assert_int_equal(HASH_COUNT(s->holders), 0);
    sched_free(s);
}

/* ---- editions -------------------------------------------------------------------------------- */

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
        offer_other(s, 1, begun, begun);
        break_off(s, up_at(s, 0), 500);
        offer_other(s, 1, 3 - begun, 3 - begun);
        assert_int_equal(up_at(s, 60 * S).holder, begun);
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_delivers_wrong_content_is_shunned_for_everything),
        cmocka_unit_test(nobody_is_blamed_for_the_bytes_of_others),
        cmocka_unit_test(two_that_never_bring_a_suspect_document_to_its_end_are_given_up),
        cmocka_unit_test(bytes_of_the_same_holder_in_this_run_are_its_own),
        cmocka_unit_test(bytes_of_an_earlier_run_are_nobodys),
        cmocka_unit_test(who_starts_again_answers_for_all),
        cmocka_unit_test(a_holder_that_failed_and_is_gone_is_forgotten),
        cmocka_unit_test(the_edition_of_most_holders_comes_first_then_the_others),
        cmocka_unit_test(a_majority_that_grows_later_is_heeded),
        cmocka_unit_test(what_fails_after_a_correction_was_the_old_edition),
        cmocka_unit_test(of_two_editions_the_one_begun_is_finished),
        cmocka_unit_test(a_holder_may_correct_itself_a_few_times),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
