/*
 * Each allocation of a peer's view fails once: a row is missing for a moment or stays as it was, and
 * once there is memory again all is as it should be.
 */
/* ld: -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc,--wrap=strndup */
#include "../support/failing_alloc.h"
#include "peer_world.h"

#include "p2pdi/base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../../src/peer/snapshot.h"

static struct node holder, node;
static struct peer_view *view;
static struct snapshot *shown;

static void no_news(void *arg)
{
    (void)arg;
}

static int start(void **state)
{
    (void)state;
    world_start(&world);
    node_init(&holder, "holder");
    node_init(&node, "node");
    for (uint32_t rfc = 8601; rfc <= 8603; rfc++)
        node_write(&holder, rfc, rfc, 2000);
    node_start(&holder, &world);
    node_start(&node, &world);
    assert_int_equal(peer_wait_rfcs(holder.peer, 3, WORLD_WAIT_US), DI_OK);
    assert_int_equal(peer_register(holder.peer, WORLD_WAIT_US), DI_OK);
    assert_int_equal(peer_pquery(node.peer, WORLD_WAIT_US), DI_OK);
    assert_int_equal(peer_rfcquery(node.peer, NULL, WORLD_WAIT_US), DI_OK);
    return 0;
}

static int stop(void **state)
{
    (void)state;
    node_fini(&node);
    node_fini(&holder);
    world_stop(&world);
    return 0;
}

static void tell(enum peer_event_kind kind, uint32_t rfc)
{
    peer_view_on_event(view, &(struct peer_event){.kind = kind,
                                                  .rfc = rfc,
                                                  .at_us = 1000 * rfc,
                                                  .addr = *peer_addr(holder.peer),
                                                  .bytes = 1000,
                                                  .us = kind == PEER_EV_DONE ? 500 : 0});
}

static bool look(void)
{
    struct snapshot *s = peer_view_snapshot(view, node.peer);

    if (s == NULL)
        return false;
    snapshot_unref(shown);
    shown = s;
    return true;
}

/* As far as a holder has sent it. */
static void progress(uint32_t rfc, uint64_t have)
{
    struct peer_transfer flight = {.rfc = rfc, .have_bytes = have};
    struct view_flights f = {.list = &flight, .count = 1};

    lock_acquire(&view->lock);
    view_look_at_flights_locked(view, &f, 1, false);
    lock_release(&view->lock);
}

/* The latest one: a download that was cut off and began again has two rows. */
static const struct snap_transfer *transfer(uint32_t rfc)
{
    const struct rows *rows = &shown->content.transfers;

    for (size_t i = rows->count; i-- > 0;) {
        const struct snap_transfer *t = rows_at(rows, i);

        if (t->rfc == rfc)
            return t;
    }
    return NULL;
}

/* The three documents, the peer that has them, and that it has three. */
static bool has_index(void)
{
    const struct rows *rfcs = &shown->content.rfcs, *peers = &shown->content.peers;
    size_t count = 0;

    for (size_t i = 0; i < rfcs->count; i++)
        count += ((const struct snap_rfc *)rows_at(rfcs, i))->holders == 1;
    return count == 3 && peers->count == 1 &&
           ((const struct snap_peer *)rows_at(peers, 0))->documents == 3;
}

static void check_all_is_there(void)
{
    int64_t end_us = clock_mono_us() + WORLD_WAIT_US;

    /* The index is looked at again only after ten times as long as that took. */
    do {
        assert_true(clock_mono_us() < end_us);
        tell(PEER_EV_INDEX, 0);
        assert_true(look());
    } while (!has_index());
    assert_int_equal(transfer(1)->state, SNAP_TRANSFER_DONE);
    assert_int_equal(transfer(2)->state, SNAP_TRANSFER_FAILED);
    assert_int_equal(transfer(1)->have_bytes, 1000);
}

/* before: the view has shown something, so that what changes is copied first. */
static bool fail_at(int n, bool before)
{
    assert_int_equal(peer_view_new(no_news, NULL, &view), DI_OK);
    if (before) {
        tell(PEER_EV_START, 1);
        assert_true(look());
        assert_int_equal(shown->content.transfers.count, 1);
    }
    failing_alloc_mine_at(n);
    tell(PEER_EV_START, 1);
    tell(PEER_EV_START, 2);
    progress(1, 300);
    tell(PEER_EV_DONE, 1);
    tell(PEER_EV_FAILED, 2);
    (void)look();

    bool failed = failing_alloc_off();

    tell(PEER_EV_DONE, 1);
    tell(PEER_EV_FAILED, 2);
    check_all_is_there();
    snapshot_unref(shown);
    shown = NULL;
    peer_view_free(view);
    return failed;
}

static void what_did_not_fit_is_shown_later(void **state)
{
    int n = 1;

    (void)state;
    while (fail_at(n, false))
        n++;
    assert_true(n > 10);
    for (n = 1; fail_at(n, true); n++)
        continue;
    assert_true(n > 10);
}

static void without_memory_there_is_no_view(void **state)
{
    (void)state;
    failing_alloc_mine_at(1);
    assert_int_equal(peer_view_new(no_news, NULL, &view), DI_NOMEM);
    assert_true(failing_alloc_off());
    peer_view_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_did_not_fit_is_shown_later),
        cmocka_unit_test(without_memory_there_is_no_view),
    };

    return cmocka_run_group_tests(tests, start, stop);
}
