/* The ageing wheel against a list of when what runs out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "p2pdi/base/random.h"

#include "../../src/index/expiry.h"

#define NODES 50
#define S INT64_C(1000000)

static struct expiry wheel;
static struct expiry_node nodes[NODES];
static int64_t due_s[NODES]; /* 0: not on the wheel */

static void set(size_t i, uint32_t ttl_s, int64_t now_us)
{
    expiry_set(&wheel, &nodes[i], ttl_s, now_us);
    due_s[i] = now_us / S + (ttl_s < EXPIRY_TTL_MAX_S ? ttl_s : EXPIRY_TTL_MAX_S);
}

static void pop_all(int64_t now_us)
{
    struct expiry_node *n;

    while ((n = expiry_pop(&wheel, now_us)) != NULL) {
        assert_true(due_s[n - nodes] != 0 && due_s[n - nodes] <= now_us / S);
        due_s[n - nodes] = 0;
    }

    int64_t soonest_s = INT64_MAX;
    size_t count = 0;

    for (size_t i = 0; i < NODES; i++) {
        if (due_s[i] == 0) {
            assert_int_equal(expiry_left_s(&nodes[i], now_us), 0);
            continue;
        }
        assert_true(due_s[i] > now_us / S);
        assert_true(expiry_left_s(&nodes[i], now_us) == due_s[i] - now_us / S);
        soonest_s = due_s[i] < soonest_s ? due_s[i] : soonest_s;
        count++;
    }
    assert_int_equal(wheel.count, count);
    /* It may say too early, when what was soonest has been renewed, but never too late. */
    assert_true(count == 0 ? expiry_next_us(&wheel) == INT64_MAX
                           : expiry_next_us(&wheel) <= soonest_s * S);
}

static void run(uint64_t seed, int64_t step_s)
{
    struct prng prng;
    int64_t now_us = (int64_t)seed * 999 * S;

    memset(&wheel, 0, sizeof(wheel));
    memset(nodes, 0, sizeof(nodes));
    memset(due_s, 0, sizeof(due_s));
    prng_seed(&prng, seed);
    for (int step = 0; step < 3000; step++) {
        size_t i = prng_below(&prng, NODES);

        now_us += (int64_t)prng_below(&prng, (uint64_t)(step_s * S));
        if (prng_below(&prng, 3) > 0) {
            set(i, (uint32_t)(1 + prng_below(&prng, 8000)), now_us);
        } else {
            expiry_clear(&wheel, &nodes[i]);
            due_s[i] = 0;
        }
        /* Not always: what ran out meanwhile may lie in a slot with what is set now. */
        if (prng_below(&prng, 4) == 0)
            pop_all(now_us);
    }
}

static void what_runs_out_is_popped_in_time_and_nothing_else(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 10; seed++)
        run(seed, 100);
}

static void even_if_nobody_popped_for_a_turn_of_the_wheel(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 10; seed++)
        run(seed, 10000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_runs_out_is_popped_in_time_and_nothing_else),
        cmocka_unit_test(even_if_nobody_popped_for_a_turn_of_the_wheel),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
