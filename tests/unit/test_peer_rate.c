/* The rates of a peer: what it sends, what it receives. Never faster; how much slower is told. */
#include "peer_world.h"

#include "p2pdi/base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define RATE UINT64_C(400000)
#define DOCUMENTS 8
#define DOCUMENT_SIZE 80000

static void get_all_with(uint64_t up_rate, uint64_t down_rate)
{
    struct node a, b;

    node_init(&a, "a");
    node_init(&b, "b");
    for (uint32_t i = 0; i < DOCUMENTS; i++)
        node_write(&a, 8600 + i, i, DOCUMENT_SIZE);
    /* What goes over the wire is to be what is counted here. */
    a.compress = b.compress = PEER_COMPRESS_NEVER;
    a.up_rate = up_rate;
    b.down_rate = down_rate;
    node_start(&a, &world);
    node_start(&b, &world);
    assert_int_equal(peer_register(a.peer, WORLD_WAIT_US), DI_OK);
    assert_int_equal(peer_wait_rfcs(a.peer, DOCUMENTS, WORLD_WAIT_US), DI_OK);

    int64_t start_us = clock_mono_us();
    struct peer_result r = node_get_all(&b);
    double took_s = (double)(clock_mono_us() - start_us) / 1e6;
    double share = (double)(DOCUMENTS * DOCUMENT_SIZE) / (double)RATE / took_s;

    assert_int_equal(r.done, DOCUMENTS);
    assert_int_equal(r.failed, 0);
    for (uint32_t i = 0; i < DOCUMENTS; i++)
        assert_true(node_holds(&b, 8600 + i, i, DOCUMENT_SIZE));
    print_message("%.1f%% of the limit in %.2f s\n", 100 * share, took_s);
    assert_true(share <= 1.05);
    node_stop(&b);
    node_stop(&a);
    node_fini(&b);
    node_fini(&a);
}

static void a_holder_sends_no_faster(void **state)
{
    (void)state;
    get_all_with(RATE, 0);
}

static void a_receiver_takes_no_faster(void **state)
{
    (void)state;
    get_all_with(0, RATE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_holder_sends_no_faster),
        cmocka_unit_test(a_receiver_takes_no_faster),
    };

    return cmocka_run_group_tests(tests, world_setup, world_teardown);
}
