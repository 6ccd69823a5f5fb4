/* Sync: what appears is downloaded, and what comes after it was turned off. */
#include "peer_world.h"

#include "p2pdi/base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <poll.h>

static bool take_transfer(void *arg, const struct peer_transfer *t)
{
    *(struct peer_transfer *)arg = *t;
    return true;
}

static struct peer_status status_of(const struct node *n)
{
    struct peer_status s;
    peer_status(n->peer, &s);
    return s;
}

static void sync_tells_once_what_it_tries_in_vain_and_does_not_give_up(void **state)
{
    struct fake holder;
    struct node n;
    (void)state;
    node_init(&n, "n");
    fake_start(&holder, &world, FAKE_WRONG_STATUS, 84, 5, 60000);
    node_start(&n, &world);
    assert_int_equal(peer_sync(n.peer), DI_OK);
    int64_t deadline_us = clock_mono_us() + WORLD_WAIT_US;
    while (holder.document_requests < 3 && clock_mono_us() < deadline_us)
        (void)poll(NULL, 0, 10);
    assert_in_range(holder.document_requests, 3, 100);
    assert_int_equal(node_seen(&n, PEER_EV_FAILED, 84, NULL), 1);
    /* Who waits for it is told, of course. */
    assert_int_equal(node_get(&n, 84, NULL).failed, 1);
    assert_int_equal(node_seen(&n, PEER_EV_FAILED, 84, NULL), 2);
    holder.manner = FAKE_HONEST;
    node_wait(&n, PEER_EV_DONE, 84, 1);
    assert_int_equal(node_seen(&n, PEER_EV_FAILED, 84, NULL), 2);
    node_fini(&n);
    fake_stop(&holder);
}

static void after_sync_what_appears_is_known_but_not_downloaded(void **state)
{
    struct fake stalls;
    struct node a, b;
    struct peer_transfer t = {0};
    (void)state;
    node_init(&a, "a");
    node_init(&b, "b");
    node_write(&a, 1, 1, 2000);
    node_start(&a, &world);
    fake_start(&stalls, &world, FAKE_STALLS, 86, 5, 50000);
    stalls.bytes = 1000;
    node_start(&b, &world);
    node_join(&a);
    assert_int_equal(peer_sync(b.peer), DI_OK);
    node_wait(&b, PEER_EV_DONE, 1, 1);
    while (t.rfc != 86 || t.have_bytes < 1000)
        peer_walk_transfers(b.peer, take_transfer, &t);
    assert_true(status_of(&b).syncing);

    peer_sync_end(b.peer);
    assert_false(status_of(&b).syncing);
    node_write(&a, 2, 2, 2000);
    while (status_of(&b).documents < 3)
        (void)poll(NULL, 0, 10);
    assert_int_equal(status_of(&b).held, 1);
    assert_int_equal(status_of(&b).pending, 1);
    assert_int_equal(node_seen(&b, PEER_EV_START, 2, NULL), 0);
    /* What was wanted by then is given up as ever. */
    fake_stop(&stalls);
    node_wait(&b, PEER_EV_FAILED, 86, 1);
    while (status_of(&b).pending > 0)
        (void)poll(NULL, 0, 10);
    node_fini(&b);
    node_fini(&a);
}

static void after_sync_nobody_is_asked_when_all_is_here(void **state)
{
    struct fake holder;
    struct node n;
    size_t asked = 0;
    (void)state;
    node_init(&n, "n");
    fake_start(&holder, &world, FAKE_HONEST, 85, 5, 50000);
    node_start(&n, &world);
    assert_int_equal(peer_sync(n.peer), DI_OK);
    node_wait(&n, PEER_EV_DONE, 85, 1);
    peer_sync_end(n.peer);
    /* Who listens to one that always has news asks again and again. */
    for (int i = 0; i < 10 && asked != holder.index_requests; i++) {
        asked = holder.index_requests;
        (void)poll(NULL, 0, 1000);
    }
    assert_int_equal(holder.index_requests, asked);
    node_fini(&n);
    fake_stop(&holder);
}

static void news_come_over_a_kept_connection(void **state)
{
    (void)state;
    struct node a, b;
    node_init(&a, "a");
    node_init(&b, "b");
    node_write(&a, 1, 1, 2000);
    node_start(&a, &world);
    node_start(&b, &world);
    node_join(&a);
    assert_int_equal(peer_sync(b.peer), DI_OK);
    node_wait(&b, PEER_EV_DONE, 1, 1);
    int64_t before = STATS_GET(peer_stats(a.peer), connections_accepted_total);
    for (uint32_t i = 2; i <= 21; i++) {
        node_write(&a, i, i, 2000);
        node_wait(&b, PEER_EV_DONE, i, 1);
    }
    /* Listening begins anew every two seconds. */
    assert_in_range(STATS_GET(peer_stats(a.peer), connections_accepted_total) - before, 0, 5);
    node_fini(&b);
    node_fini(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(sync_tells_once_what_it_tries_in_vain_and_does_not_give_up,
                                        world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(after_sync_what_appears_is_known_but_not_downloaded,
                                        world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(after_sync_nobody_is_asked_when_all_is_here, world_setup,
                                        world_teardown),
        cmocka_unit_test_setup_teardown(news_come_over_a_kept_connection, world_setup,
                                        world_teardown),
    };
    return cmocka_run_group_tests_name("peer_sync", tests, NULL, NULL);
}
