/* Whose turn it is under a server's limit: the queue alone, with connections that are none. */
#include "../../src/net/throttle.h"

#include "p2pdi/base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define SLOW 1000                   /* 1.5 s for a portion: what the clock adds does not matter */
#define FAST UINT64_C(100000000000) /* as much as anybody wants at any time */

static struct net_conn conns[3];

static void start(struct net_throttle *t, uint64_t rate)
{
    for (size_t i = 0; i < 3; i++)
        conns[i] = (struct net_conn){0};
    net_throttle_init(t, rate);
}

static void nobody_passes_those_who_wait(void **state)
{
    struct net_throttle t;
    struct net_jobs jobs;
    int64_t now_us = clock_mono_us();

    (void)state;
    start(&t, SLOW);
    net_jobs_init(&jobs);
    assert_true(net_throttle_when(&t) == INT64_MAX);
    assert_true(net_throttle_take(&t, &conns[0]));
    assert_int_equal(conns[0].allowance, 1500);
    assert_false(net_throttle_take(&t, &conns[1]));
    assert_true(net_throttle_wait(&t, &conns[1]));
    net_throttle_return(&t, &conns[0]);
    /* Now there is a portion: the listener's to give. */
    assert_false(net_throttle_take(&t, &conns[2]));
    assert_false(net_throttle_wait(&t, &conns[2]));
    assert_true(net_throttle_when(&t) <= clock_mono_us());
    net_throttle_grant(&t, now_us, &jobs);
    assert_ptr_equal(net_jobs_take(&jobs), &conns[1]);
    assert_int_equal(conns[1].allowance, 1500);
    assert_null(net_jobs_take(&jobs));
    assert_true(net_throttle_when(&t) > clock_mono_us());
    net_throttle_grant(&t, clock_mono_us() + 2 * CLOCK_US_PER_S, &jobs);
    assert_ptr_equal(net_jobs_take(&jobs), &conns[2]);
    assert_true(net_throttle_when(&t) == INT64_MAX);
    net_throttle_fini(&t);
}

/* Enough for many portions at that rate. */
static void let_time_pass(void)
{
    int64_t end_us = clock_mono_us() + 100;

    while (clock_mono_us() < end_us)
        ;
}

/* The other may be waiting for a worker. */
static void who_shares_gets_one_portion_at_a_time(void **state)
{
    struct net_throttle t;

    (void)state;
    start(&t, FAST);
    assert_true(net_throttle_take(&t, &conns[0]));
    let_time_pass();
    conns[0].allowance = 0;
    assert_true(net_throttle_take(&t, &conns[0]));
    assert_true(net_throttle_take(&t, &conns[1]));
    conns[0].allowance = 0;
    assert_false(net_throttle_take(&t, &conns[0]));
    net_throttle_return(&t, &conns[1]);
    assert_int_equal(conns[1].allowance, 0);
    assert_true(net_throttle_take(&t, &conns[0]));
    net_throttle_fini(&t);
}

static void what_waits_at_the_end_is_handed_out(void **state)
{
    struct net_throttle t;

    (void)state;
    start(&t, SLOW);
    assert_null(net_throttle_drop(&t));
    net_throttle_spend(&t, 1500);
    for (size_t i = 0; i < 3; i++) {
        assert_false(net_throttle_take(&t, &conns[i]));
        (void)net_throttle_wait(&t, &conns[i]);
    }
    for (size_t i = 0; i < 3; i++)
        assert_ptr_equal(net_throttle_drop(&t), &conns[i]);
    assert_null(net_throttle_drop(&t));
    net_throttle_fini(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nobody_passes_those_who_wait),
        cmocka_unit_test(who_shares_gets_one_portion_at_a_time),
        cmocka_unit_test(what_waits_at_the_end_is_handed_out),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
