/*
 * Swarms of six and of a hundred peers in virtual time (swarm.h). Without arguments what `make
 * check` runs;
 *
 *     test_swarm COUNT [FIRST [PEERS [DOCS]]]     so many seeds from FIRST on, e.g. 10000 1
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "p2pdi/base/text.h"

#include "swarm.h"

static struct swarm_result total;

static bool run(uint64_t seed, unsigned peers, unsigned docs, bool is_long)
{
    struct swarm_config cfg = {.seed = seed, .peers = peers, .docs = docs, .is_long = is_long};
    struct swarm_result r;
    bool good = swarm_run(&cfg, &r);

    if (!good)
        printf("seed %ju, %u peers, %u documents, step %ju, %.6f s: %s\n", (uintmax_t)seed, peers,
               docs, (uintmax_t)r.steps, r.virtual_s, r.broken);
    total.steps += r.steps;
    total.done += r.done;
    total.exhausted += r.exhausted;
    total.mismatches += r.mismatches;
    total.failovers += r.failovers;
    total.virtual_s += r.virtual_s;
    return good;
}

static void report(const char *what)
{
    printf(
        "%s: %ju steps, %.0f virtual s, %u documents done, %u exhausted, %u mismatches, %u taken "
        "over\n",
        what, (uintmax_t)total.steps, total.virtual_s, total.done, total.exhausted,
        total.mismatches, total.failovers);
    total = (struct swarm_result){0};
}

static void six_peers_get_what_can_be_got(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 200; seed++)
        assert_true(run(seed, 6, 40, false));
    /* Otherwise the seeds test less than they seem to. */
    assert_true(total.done > 10000 && total.exhausted > 100 && total.mismatches > 100 &&
                total.failovers > 300);
    report("200 seeds of 6 peers from 1");
}

static void a_hundred_peers_get_what_can_be_got(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 2; seed++)
        assert_true(run(seed, 100, 40, false));
    report("2 seeds of 100 peers from 1");
}

static void what_is_not_renewed_ages_within_bounds(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 10; seed++)
        assert_true(run(seed, 6, 20, true));
    report("10 seeds of 6 peers for three hours from 1");
}

static void a_seed_replays_to_the_last_step(void **state)
{
    struct swarm_config cfg = {.seed = 7, .peers = 10, .docs = 30};
    struct swarm_result a, b;

    (void)state;
    assert_true(swarm_run(&cfg, &a));
    assert_true(swarm_run(&cfg, &b));
    assert_int_equal(a.steps, b.steps);
    assert_true(a.digest == b.digest);
    cfg.seed = 8;
    assert_true(swarm_run(&cfg, &b));
    assert_true(a.digest != b.digest);
}

static uint64_t number(const char *arg)
{
    uint64_t n = 0;

    if (!text_parse_u64(slice_of(arg), UINT64_MAX, &n)) {
        fprintf(stderr, "usage: test_swarm [COUNT [FIRST [PEERS [DOCS]]]]\n");
        exit(2);
    }
    return n;
}

int main(int argc, char **argv)
{
    if (argc > 1) {
        uint64_t count = number(argv[1]), first = argc > 2 ? number(argv[2]) : 1;
        unsigned peers = argc > 3 ? (unsigned)number(argv[3]) : 6;
        unsigned docs = argc > 4 ? (unsigned)number(argv[4]) : 40;
        size_t bad = 0;

        for (uint64_t seed = first; seed < first + count; seed++)
            bad += !run(seed, peers, docs, false);
        report(argv[1]);
        printf("%zu seeds broke an invariant\n", bad);
        return bad > 0;
    }

    const struct CMUnitTest tests[] = {
        cmocka_unit_test(six_peers_get_what_can_be_got),
        cmocka_unit_test(a_hundred_peers_get_what_can_be_got),
        cmocka_unit_test(what_is_not_renewed_ages_within_bounds),
        cmocka_unit_test(a_seed_replays_to_the_last_step),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
