/* The arrangements of the experiment, for every number of peers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "../../src/lab/plan.h"

static void the_best_case_is_a_permutation_in_every_round(void **state)
{
    (void)state;
    for (size_t peers = 2; peers <= EXPERIMENT_PEERS_MAX; peers++) {
        assert_int_equal(plan_rounds(EXPERIMENT_BEST, peers), peers - 1);
        for (size_t round = 0; round + 1 < peers; round++) {
            bool serves[EXPERIMENT_PEERS_MAX] = {false};

            for (size_t i = 0; i < peers; i++) {
                struct plan_get get;

                assert_true(plan_get(EXPERIMENT_BEST, round, i, peers, &get));
                assert_int_not_equal(get.from, i);
                assert_int_equal(get.only_group, get.from);
                assert_false(serves[get.from]);
                serves[get.from] = true;
            }
        }
    }
}

static void every_arrangement_brings_every_group_once(void **state)
{
    (void)state;
    for (size_t peers = 2; peers <= EXPERIMENT_PEERS_MAX; peers++) {
        for (enum experiment_task t = EXPERIMENT_BEST; t <= EXPERIMENT_WORST; t++) {
            for (size_t i = 0; i < peers; i++) {
                unsigned got[EXPERIMENT_PEERS_MAX] = {0};

                for (size_t round = 0; round < plan_rounds(t, peers); round++) {
                    struct plan_get get;

                    if (plan_get(t, round, i, peers, &get))
                        got[get.only_group]++;
                }
                for (size_t group = 0; group < peers; group++)
                    assert_int_equal(got[group], group == i ? 0 : 1);
            }
        }
    }
}

static void in_the_worst_case_all_ask_the_same(void **state)
{
    struct plan_get get;

    (void)state;
    for (size_t round = 0; round < 6; round++) {
        for (size_t i = 0; i < 6; i++) {
            assert_int_equal(plan_get(EXPERIMENT_WORST, round, i, 6, &get), i != round);
            assert_int_equal(get.from, round);
        }
    }
}

static void one_holder_has_all_in_the_other_tasks(void **state)
{
    static const enum experiment_task tasks[] = {EXPERIMENT_CENTRALISED, EXPERIMENT_SWARM};
    struct plan_get get;

    (void)state;
    for (size_t k = 0; k < 2; k++) {
        assert_int_equal(plan_share(tasks[k], 0, 6, 10).count, 60);
        assert_int_equal(plan_share(tasks[k], 1, 6, 10).count, 0);
        assert_int_equal(plan_rounds(tasks[k], 6), 1);
        assert_false(plan_get(tasks[k], 0, 0, 6, &get));
        assert_true(plan_get(tasks[k], 0, 5, 6, &get));
        assert_true(get.only_group == PLAN_ALL_BUT_OWN);
        assert_true(get.from == (k == 0 ? 0 : PLAN_ANYONE));
    }
    assert_int_equal(plan_share(EXPERIMENT_BEST, 5, 6, 10).first, 50);
    assert_int_equal(plan_share(EXPERIMENT_WORST, 0, 6, 10).count, 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_best_case_is_a_permutation_in_every_round),
        cmocka_unit_test(every_arrangement_brings_every_group_once),
        cmocka_unit_test(in_the_worst_case_all_ask_the_same),
        cmocka_unit_test(one_holder_has_all_in_the_other_tasks),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
