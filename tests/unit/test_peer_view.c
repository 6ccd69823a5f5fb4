/* When a peer's screen takes a run of downloads for over, and how long it says that it took. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../../src/peer/snapshot.h"

static void no_news(void *arg)
{
    (void)arg;
}

static void tell(struct peer_view *v, enum peer_event_kind kind, uint32_t rfc, int64_t at_us)
{
    peer_view_on_event(v, &(struct peer_event){.kind = kind,
                                               .rfc = rfc,
                                               .at_us = at_us,
                                               .addr = addr_ipv4(127, 0, 0, 1, 40000),
                                               .bytes = 1000,
                                               .us = kind == PEER_EV_DONE ? 500 : 0});
}

static void look(struct peer_view *v, bool over)
{
    struct view_flights none = {0};

    lock_acquire(&v->lock);
    view_look_at_flights_locked(v, &none, 0, over);
    lock_release(&v->lock);
}

static void a_run_ends_with_its_last_document(void **state)
{
    struct peer_view *v;

    (void)state;
    assert_int_equal(peer_view_new(no_news, NULL, &v), DI_OK);

    const struct snap_peer_status *s = &v->board.content.peer;

    tell(v, PEER_EV_START, 1, 1000);
    tell(v, PEER_EV_START, 2, 1100);
    tell(v, PEER_EV_DONE, 1, 2000);
    look(v, false); /* the second one is on its way to the disk */
    assert_int_equal(s->run_end_us, 0);
    assert_int_equal(s->active, 1);
    tell(v, PEER_EV_DONE, 2, 5000);
    look(v, true);
    assert_int_equal(s->run_start_us, 1000);
    assert_int_equal(s->run_end_us, 5000);
    assert_int_equal(s->sum_us, 1000);
    assert_int_equal(s->done, 2);

    /* The next one is a run of its own. */
    tell(v, PEER_EV_START, 3, 9000);
    assert_int_equal(s->run_start_us, 9000);
    assert_int_equal(s->run_end_us, 0);
    peer_view_free(v);
}

static void an_end_that_was_seen_too_early_is_put_right(void **state)
{
    struct peer_view *v;

    (void)state;
    assert_int_equal(peer_view_new(no_news, NULL, &v), DI_OK);

    const struct snap_peer_status *s = &v->board.content.peer;

    tell(v, PEER_EV_START, 1, 1000);
    tell(v, PEER_EV_START, 2, 1100);
    tell(v, PEER_EV_DONE, 1, 2000);
    look(v, true);
    assert_int_equal(s->failed, 0); /* cut off, as if cancelled */
    assert_int_equal(s->active, 0);
    tell(v, PEER_EV_DONE, 2, 5000);
    look(v, true);
    assert_int_equal(s->run_end_us, 5000);
    assert_int_equal(s->done, 2);
    assert_int_equal(s->failed, 0);
    peer_view_free(v);
}

/* Its row says so; a get counts it neither as done nor as failed. */
static void what_was_cancelled_has_not_failed(void **state)
{
    struct peer_view *v = NULL;

    (void)state;
    assert_int_equal(peer_view_new(no_news, NULL, &v), DI_OK);

    const struct snap_peer_status *s = &v->board.content.peer;

    for (uint32_t rfc = 1; rfc <= 3; rfc++)
        tell(v, PEER_EV_START, rfc, 1000);
    tell(v, PEER_EV_DONE, 1, 2000);
    tell(v, PEER_EV_DROPPED, 2, 3000);
    tell(v, PEER_EV_DROPPED, 4, 3000); /* before it began */
    tell(v, PEER_EV_FAILED, 3, 4000);
    look(v, true);
    assert_int_equal(s->done, 1);
    assert_int_equal(s->failed, 1);

    const struct snap_transfer *t = rows_at(&v->board.content.transfers, 1);

    assert_int_equal(t->state, SNAP_TRANSFER_FAILED);
    assert_string_equal(t->word, "cancelled");

    /* Wanted again, it may still fail or come. */
    tell(v, PEER_EV_START, 2, 5000);
    tell(v, PEER_EV_FAILED, 2, 6000);
    tell(v, PEER_EV_DONE, 4, 6000);
    look(v, true);
    assert_int_equal(s->done, 2);
    assert_int_equal(s->failed, 2);
    peer_view_free(v);
}

/* Each reason has one, also those that come later, and none is too long for a column. */
static void every_reason_has_a_word(void **state)
{
    struct peer_view *v = NULL;

    (void)state;
    assert_int_equal(peer_view_new(no_news, NULL, &v), DI_OK);
    for (int why = 0; why <= SCHED_SHUNNED; why++) {
        struct sched_tried tried = {.why = (enum sched_why)why};

        peer_view_on_event(v, &(struct peer_event){.kind = PEER_EV_START, .rfc = 1, .at_us = 1});
        peer_view_on_event(
            v, &(struct peer_event){
                   .kind = PEER_EV_FAILED, .rfc = 1, .at_us = 2, .tried = &tried, .count = 1});

        const struct snap_transfer *t = rows_at(&v->board.content.transfers, 0);

        assert_non_null(t->word);
        assert_in_range(strlen(t->word), 4, 10);
    }
    peer_view_free(v);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_run_ends_with_its_last_document),
        cmocka_unit_test(an_end_that_was_seen_too_early_is_put_right),
        cmocka_unit_test(what_was_cancelled_has_not_failed),
        cmocka_unit_test(every_reason_has_a_word),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
