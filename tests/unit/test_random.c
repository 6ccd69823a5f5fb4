/* Secrets differ, cookies have 63 bits, the seeded generator is the published one and is fair. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "p2pdi/base/random.h"

static void secrets_differ_and_fill_all_bytes(void **state)
{
    uint8_t a[64], b[64];
    uint8_t seen[64] = {0};

    (void)state;
    random_secret(a, sizeof(a));
    random_secret(b, sizeof(b));
    assert_memory_not_equal(a, b, sizeof(a));
    for (int i = 0; i < 20; i++) {
        random_secret(a, sizeof(a));
        for (size_t k = 0; k < sizeof(a); k++)
            seen[k] |= a[k];
    }
    for (size_t k = 0; k < sizeof(seen); k++)
        assert_int_not_equal(seen[k], 0);
    random_secret(NULL, 0);
}

static void cookies_are_positive_and_use_all_63_bits(void **state)
{
    uint64_t ones = 0, zeros = 0;

    (void)state;
    for (int i = 0; i < 200; i++) {
        uint64_t c = random_cookie();

        assert_true(c > 0 && c <= INT64_MAX);
        ones |= c;
        zeros |= ~c;
    }
    assert_true(ones == INT64_MAX);
    assert_true((zeros & INT64_MAX) == INT64_MAX);
}

static void a_seed_is_replayed(void **state)
{
    struct prng a, b;

    (void)state;
    prng_seed(&a, 42);
    prng_seed(&b, 42);
    for (int i = 0; i < 100; i++)
        assert_true(prng_next(&a) == prng_next(&b));
    prng_seed(&b, 43);
    assert_true(prng_next(&a) != prng_next(&b));
}

/* State 1, 2, 3, 4: the sequence that the reference gives. Seed 0: splitmix64's first outputs. */
static void the_sequence_is_the_published_one(void **state)
{
    static const uint64_t want[] = {11520, 0, 1509978240, 1215971899390074240};
    struct prng p = {{1, 2, 3, 4}};

    (void)state;
    for (size_t i = 0; i < sizeof(want) / sizeof(want[0]); i++)
        assert_true(prng_next(&p) == want[i]);
    prng_seed(&p, 0);
    assert_true(p.state[0] == UINT64_C(0xe220a8397b1dcdaf));
    assert_true(p.state[1] == UINT64_C(0x6e789e6aa1b965f4));
}

static void below_is_in_range_and_even(void **state)
{
    struct prng p;
    unsigned bins[7] = {0};

    (void)state;
    prng_seed(&p, 9);
    for (int i = 0; i < 70000; i++) {
        uint64_t x = prng_below(&p, 7);

        assert_true(x < 7);
        bins[x]++;
    }
    for (size_t i = 0; i < 7; i++)
        assert_in_range(bins[i], 9600, 10400);
    for (int i = 0; i < 100; i++) {
        assert_true(prng_below(&p, 1) == 0);
        assert_true(prng_below(&p, UINT64_MAX) < UINT64_MAX);
        assert_true(prng_below(&p, (UINT64_C(1) << 63) + 1) <= UINT64_C(1) << 63);
    }
}

static void unit_is_in_its_half_open_range(void **state)
{
    struct prng p;
    double sum = 0;

    (void)state;
    prng_seed(&p, 4);
    for (int i = 0; i < 100000; i++) {
        double x = prng_unit(&p);

        assert_true(x >= 0 && x < 1);
        sum += x;
    }
    assert_true(sum > 49500 && sum < 50500);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(secrets_differ_and_fill_all_bytes),
        cmocka_unit_test(cookies_are_positive_and_use_all_63_bits),
        cmocka_unit_test(a_seed_is_replayed),
        cmocka_unit_test(the_sequence_is_the_published_one),
        cmocka_unit_test(below_is_in_range_and_even),
        cmocka_unit_test(unit_is_in_its_half_open_range),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
