/* Token bucket in virtual time: rate, what is kept, debts, extremes. */
#include "p2pdi/base/bucket.h"
#include "p2pdi/base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define START INT64_C(123456789)

/* Somebody who takes portions whenever they are there and looks every step_us: bytes in that time. */
static uint64_t taken_in(uint64_t rate, int64_t step_us, int64_t time_us)
{
    struct bucket b;
    uint64_t sum = 0;

    bucket_init(&b, rate, START);
    for (int64_t t = 0; t <= time_us; t += step_us)
        while (bucket_take(&b, bucket_portion(&b), START + t))
            sum += bucket_portion(&b);
    return sum;
}

static void the_rate_holds_however_often_one_looks(void **state)
{
    static const uint64_t rates[] = {1000, 33333, 500000, 2000000, 125000000, 10000000000};
    static const int64_t steps_us[] = {1, 7, 1000, 9999, 10000};

    (void)state;
    for (size_t i = 0; i < sizeof(rates) / sizeof(rates[0]); i++) {
        for (size_t j = 0; j < sizeof(steps_us) / sizeof(steps_us[0]); j++) {
            struct bucket b;
            int64_t time_us = steps_us[j] < 1000 ? CLOCK_US_PER_S : 10 * CLOCK_US_PER_S;
            uint64_t due = rates[i] * (uint64_t)(time_us / CLOCK_US_PER_S);
            uint64_t sum = taken_in(rates[i], steps_us[j], time_us);

            bucket_init(&b, rates[i], 0);
            /* It starts with a portion; at the end less than one is left, or one look is missing. */
            assert_true(sum <= due + bucket_portion(&b));
            assert_true(sum + bucket_portion(&b) + rates[i] * (uint64_t)steps_us[j] / 1000000 >=
                        due);
        }
    }
}

/* Waiting exactly as long as it says is enough, and a microsecond less is not. */
static void it_says_when(void **state)
{
    struct bucket b;
    int64_t now_us = START;

    (void)state;
    bucket_init(&b, 777777, now_us);
    for (int i = 0; i < 1000; i++) {
        uint64_t n = 1 + (uint64_t)i * 13 % bucket_portion(&b);

        while (bucket_take(&b, n, now_us))
            ;
        int64_t at_us = bucket_when(&b, n);
        assert_true(at_us > now_us);
        assert_false(bucket_take(&b, n, at_us - 1));
        assert_true(bucket_take(&b, n, at_us));
        now_us = at_us;
    }
    /* A thousand such waits have lost nothing to rounding. */
    assert_true(bucket_when(&b, 0) <= now_us);
}

static void a_pause_saves_little(void **state)
{
    struct bucket b;
    uint64_t sum = 0;

    (void)state;
    bucket_init(&b, 1000000, START);
    while (bucket_take(&b, 100, START + 3600 * CLOCK_US_PER_S))
        sum += 100;
    assert_int_equal(sum, 20000);
}

/* Who waits may come late: what is held then can be more, and less again. */
static void lateness_is_made_up_for(void **state)
{
    struct bucket b;

    (void)state;
    bucket_init(&b, 1000000, START);
    bucket_hold(&b, 500000, START);
    assert_true(bucket_take(&b, 10000, START));
    assert_true(bucket_take(&b, 15000, START + 400000));
    assert_true(bucket_take(&b, 15000, START + 400000));
    bucket_hold(&b, BUCKET_PAUSE_US, START + 400000);
    assert_int_equal(b.level, 20000 * INT64_C(1000000));
    bucket_hold(&b, 500000, START + 1000000);
    assert_int_equal(b.level, 20000 * INT64_C(1000000)); /* not for the time before */
}

static void debts_are_paid_first(void **state)
{
    struct bucket b;

    (void)state;
    bucket_init(&b, 100000, START);
    bucket_spend(&b, 1500 + 100000, START); /* the first portion, and a second's worth */
    assert_int_equal(bucket_when(&b, 0), START + CLOCK_US_PER_S);
    assert_false(bucket_take(&b, 1, START + CLOCK_US_PER_S));
    assert_true(bucket_take(&b, 1, START + CLOCK_US_PER_S + 10));
}

static void what_comes_back_can_be_taken_again(void **state)
{
    struct bucket b;

    (void)state;
    bucket_init(&b, 100000, START);
    assert_true(bucket_take(&b, 1500, START));
    bucket_return(&b, 1000);
    assert_false(bucket_take(&b, 1001, START));
    assert_true(bucket_take(&b, 1000, START));
    for (int i = 0; i < 100; i++)
        bucket_return(&b, 1500);
    assert_true(bucket_take(&b, 3000, START));
    assert_false(bucket_take(&b, 1, START)); /* not more than it holds */
}

static void time_never_runs_back(void **state)
{
    struct bucket b;

    (void)state;
    bucket_init(&b, 100000, START);
    assert_true(bucket_take(&b, 1500, START));
    assert_false(bucket_take(&b, 1, START - CLOCK_US_PER_S));
    assert_false(bucket_take(&b, 1, START));
    assert_true(bucket_take(&b, 1, START + 10));
}

static void no_rate_is_no_limit(void **state)
{
    struct bucket b;

    (void)state;
    bucket_init(&b, 0, START);
    for (int i = 0; i < 1000; i++)
        assert_true(bucket_take(&b, UINT64_C(1) << 40, START));
    bucket_spend(&b, UINT64_C(1) << 40, START);
    assert_int_equal(bucket_when(&b, 1), START);
}

static void extremes_do_not_overflow(void **state)
{
    struct bucket b;

    (void)state;
    bucket_init(&b, UINT64_MAX, 0);
    assert_true(b.rate == BUCKET_RATE_MAX);
    assert_true(bucket_take(&b, 1, INT64_MAX / 2));
    assert_true(b.level > 0 && b.level <= b.full);
    bucket_spend(&b, BUCKET_RATE_MAX, INT64_MAX / 2);
    assert_true(b.level < 0);
    assert_true(bucket_take(&b, 1, INT64_MAX));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_rate_holds_however_often_one_looks),
        cmocka_unit_test(it_says_when),
        cmocka_unit_test(a_pause_saves_little),
        cmocka_unit_test(lateness_is_made_up_for),
        cmocka_unit_test(debts_are_paid_first),
        cmocka_unit_test(what_comes_back_can_be_taken_again),
        cmocka_unit_test(time_never_runs_back),
        cmocka_unit_test(no_rate_is_no_limit),
        cmocka_unit_test(extremes_do_not_overflow),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
