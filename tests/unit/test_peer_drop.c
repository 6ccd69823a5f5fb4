/* Downloads that are cancelled while they are on their way. */
#include "peer_world.h"

#include "p2pdi/base/clock.h"
#include "p2pdi/base/thread.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <poll.h>

#define SIZE 1000000
#define SMALL 100000
#define RATE UINT64_C(200000)
#define PATIENCE_US (60 * CLOCK_US_PER_S)
/* A holder that sends nothing is given up after ten seconds: what ends before was cancelled. */
#define SOON_US (5 * CLOCK_US_PER_S)

/* How many are under way, and how far the last of them is. */
struct under_way {
    size_t count;
    uint64_t have_bytes;
};

static bool count_one(void *arg, const struct peer_transfer *t)
{
    struct under_way *u = arg;

    if (!t->done) {
        u->count++;
        u->have_bytes = t->have_bytes;
    }
    return true;
}

static struct under_way look(struct node *n)
{
    struct under_way u = {0};

    peer_walk_transfers(n->peer, count_one, &u);
    return u;
}

static void wait_for_bytes(struct node *n, uint64_t bytes)
{
    int64_t deadline_us = clock_mono_us() + PATIENCE_US;

    while (look(n).have_bytes < bytes && clock_mono_us() < deadline_us)
        (void)poll(NULL, 0, 5);
    assert_in_range(look(n).have_bytes, bytes, SIZE);
}

struct getting {
    struct node *node;
    struct peer_get what;
    struct peer_result result;
    enum di_err err;
};

static void get(void *arg)
{
    struct getting *g = arg;

    g->err = peer_get(g->node->peer, &g->what, &g->result);
}

/* Silent or slow: the connection ends, the holder is not blamed, and what came is not lost. */
static void one_on_its_way_ends_and_is_resumed_when_wanted_again(void **state)
{
    static const struct peer_range range = {500, 500};
    struct fake a;
    struct node n;
    struct thread thread = {0};
    struct getting g = {.node = &n, .what = {.ranges = &range, .count = 1}};

    (void)state;
    node_init(&n, "n");
    n.compress = PEER_COMPRESS_NEVER;
    fake_start(&a, &world, FAKE_STALLS, 500, 5, SIZE);
    a.bytes = SIZE / 4;
    node_start(&n, &world);
    assert_int_equal(thread_start(&thread, "get", get, &g), DI_OK);
    wait_for_bytes(&n, SIZE / 4);

    int64_t dropped_us = clock_mono_us();

    peer_drop(n.peer, 500);
    thread_join(&thread);
    assert_int_equal(g.err, DI_OK);
    assert_int_equal(g.result.done + g.result.failed, 0);
    assert_int_equal(node_seen(&n, PEER_EV_DROPPED, 500, NULL), 1);
    while (look(&n).count > 0 && clock_mono_us() < dropped_us + PATIENCE_US)
        (void)poll(NULL, 0, 5);
    assert_in_range(clock_mono_us() - dropped_us, 0, SOON_US);

    a.bytes = SIZE;
    assert_int_equal(node_get(&n, 500, NULL).done, 1);
    assert_true(node_holds(&n, 500, 5, SIZE));
    assert_in_range(a.range_first, SIZE / 4, SIZE);
    assert_int_equal(node_seen(&n, PEER_EV_FAILED, 0, NULL), 0);
    node_fini(&n);
    fake_stop(&a);
}

static void sync_does_not_want_it_again(void **state)
{
    struct fake a, b;
    struct node n;

    (void)state;
    node_init(&n, "n");
    n.compress = PEER_COMPRESS_NEVER;
    fake_start(&a, &world, FAKE_STALLS, 500, 5, SIZE);
    a.bytes = SIZE / 4;
    node_start(&n, &world);
    assert_int_equal(peer_sync(n.peer), DI_OK);
    wait_for_bytes(&n, SIZE / 4);
    peer_drop(n.peer, 500);
    a.bytes = SIZE;

    /* It still wants all else: by then it has gone round. */
    size_t requests = a.document_requests;

    fake_start(&b, &world, FAKE_HONEST, 501, 5, SMALL);
    node_wait(&n, PEER_EV_DONE, 501, 1);
    assert_int_equal(a.document_requests, requests);
    assert_int_equal(node_seen(&n, PEER_EV_DONE, 500, NULL), 0);
    assert_int_equal(node_get(&n, 500, NULL).done, 1);
    node_fini(&n);
    fake_stop(&a);
    fake_stop(&b);
}

static void those_behind_it_on_the_same_connection_come_all_the_same(void **state)
{
    static const struct peer_range all = {501, 508};
    struct node holder, n;
    struct thread thread = {0};
    struct getting g = {.node = &n, .what = {.ranges = &all, .count = 1}};

    (void)state;
    node_init(&holder, "holder");
    node_init(&n, "n");
    holder.up_rate = RATE;
    n.compress = PEER_COMPRESS_NEVER;
    for (uint32_t rfc = all.first; rfc <= all.last; rfc++)
        node_write(&holder, rfc, rfc, SMALL);
    node_start(&holder, &world);
    assert_int_equal(peer_register(holder.peer, WORLD_WAIT_US), DI_OK);
    assert_int_equal(peer_wait_rfcs(holder.peer, 8, WORLD_WAIT_US), DI_OK);
    node_start(&n, &world);
    assert_int_equal(thread_start(&thread, "get", get, &g), DI_OK);
    node_wait(&n, PEER_EV_DONE, 0, 1); /* by then several are asked for at once */

    size_t dropped = 0;

    for (uint32_t rfc = all.first; rfc <= all.last; rfc += 2) {
        if (node_seen(&n, PEER_EV_DONE, rfc, NULL) == 0) {
            peer_drop(n.peer, rfc);
            dropped++;
        }
    }
    thread_join(&thread);
    assert_int_equal(g.err, DI_OK);
    assert_int_equal(g.result.failed, 0);
    /* One that had come whole when it was dropped is not thrown away. */
    assert_in_range(node_seen(&n, PEER_EV_DONE, 0, NULL), 8 - dropped, 8 - dropped + 1);
    for (uint32_t rfc = all.first + 1; rfc <= all.last; rfc += 2)
        assert_true(node_holds(&n, rfc, rfc, SMALL));
    assert_int_equal(node_seen(&n, PEER_EV_FAILED, 0, NULL), 0);
    node_fini(&n);
    node_fini(&holder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(one_on_its_way_ends_and_is_resumed_when_wanted_again,
                                        world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(sync_does_not_want_it_again, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(those_behind_it_on_the_same_connection_come_all_the_same,
                                        world_setup, world_teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
