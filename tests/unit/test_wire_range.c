/* Ranges against bodies, and digests in conditions. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "p2pdi/base/random.h"
#include "p2pdi/wire/message.h"

#include <string.h>

#define MAX UINT64_MAX

static void ranges_are_cut_to_the_body(void **state)
{
    static const struct {
        struct wire_range range;
        uint64_t total;
        int status;
        uint64_t first, len;
    } cases[] = {
        {{WIRE_RANGE_NONE, 0, 0}, 0, 200, 0, 0},
        {{WIRE_RANGE_NONE, 0, 0}, 10, 200, 0, 10},
        {{WIRE_RANGE_FROM_TO, 0, 0}, 10, 206, 0, 1},
        {{WIRE_RANGE_FROM_TO, 0, 9}, 10, 206, 0, 10},
        {{WIRE_RANGE_FROM_TO, 3, 5}, 10, 206, 3, 3},
        {{WIRE_RANGE_FROM_TO, 9, 9}, 10, 206, 9, 1},
        {{WIRE_RANGE_FROM_TO, 9, 10}, 10, 206, 9, 1},
        {{WIRE_RANGE_FROM_TO, 9, MAX}, 10, 206, 9, 1},
        {{WIRE_RANGE_FROM_TO, 0, MAX}, 10, 206, 0, 10},
        {{WIRE_RANGE_FROM_TO, 0, MAX}, MAX, 206, 0, MAX},
        {{WIRE_RANGE_FROM_TO, 10, 10}, 10, 416, 0, 0},
        {{WIRE_RANGE_FROM_TO, MAX, MAX}, 10, 416, 0, 0},
        {{WIRE_RANGE_FROM_TO, 0, 0}, 0, 416, 0, 0},
        {{WIRE_RANGE_FROM, 0, 0}, 10, 206, 0, 10},
        {{WIRE_RANGE_FROM, 9, 0}, 10, 206, 9, 1},
        {{WIRE_RANGE_FROM, 10, 0}, 10, 416, 0, 0},
        {{WIRE_RANGE_FROM, MAX, 0}, 10, 416, 0, 0},
        {{WIRE_RANGE_SUFFIX, 0, 1}, 10, 206, 9, 1},
        {{WIRE_RANGE_SUFFIX, 0, 10}, 10, 206, 0, 10},
        {{WIRE_RANGE_SUFFIX, 0, MAX}, 10, 206, 0, 10},
        {{WIRE_RANGE_SUFFIX, 0, 0}, 10, 416, 0, 0},
        {{WIRE_RANGE_SUFFIX, 0, 5}, 0, 416, 0, 0},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        uint64_t first = 77, len = 77;
        int status = wire_range_apply(&cases[i].range, cases[i].total, &first, &len);

        if (status != cases[i].status ||
            (status != 416 && (first != cases[i].first || len != cases[i].len)))
            fail_msg("case %zu: %d, %llu bytes from %llu", i, status, (unsigned long long)len,
                     (unsigned long long)first);
    }
}

/* For small bodies: what a range means, byte by byte. */
static bool is_in(const struct wire_range *r, uint64_t total, uint64_t at)
{
    switch (r->kind) {
    case WIRE_RANGE_FROM_TO:
        return at >= r->first && at <= r->last;
    case WIRE_RANGE_FROM:
        return at >= r->first;
    case WIRE_RANGE_SUFFIX:
        return total - at <= r->last;
    default:
        return true;
    }
}

static void ranges_hold_the_bytes_that_they_name(void **state)
{
    struct prng p;

    (void)state;
    prng_seed(&p, 206);
    for (int round = 0; round < 20000; round++) {
        struct wire_range r = {.kind = (enum wire_range_kind)prng_below(&p, 4)};
        uint64_t total = prng_below(&p, 12), first = 0, len = 0;
        int status;

        r.first = prng_below(&p, 14);
        r.last = r.kind == WIRE_RANGE_SUFFIX ? prng_below(&p, 14) : r.first + prng_below(&p, 14);
        status = wire_range_apply(&r, total, &first, &len);
        if (status == 416)
            len = 0;
        else
            assert_true(r.kind == WIRE_RANGE_NONE || len > 0);
        for (uint64_t at = 0; at < total; at++)
            assert_int_equal(at >= first && at - first < len, is_in(&r, total, at));
    }
}

#define A "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define B "00112233445566778899aabbccddeeff00112233445566778899aabbccddee00"

static void digests_are_found_in_lists(void **state)
{
    static const struct {
        const char *field;
        bool matches;
    } cases[] = {
        {"\"" A "\"", true},
        {"W/\"" A "\"", true},
        {" \"x\" , \"" B "\",W/\"" A "\" ", true},
        {"\"00112233445566778899AABBCCDDEEFF00112233445566778899AABBCCDDEEFF\"", true},
        {"\"" B "\"", false},
        {A, false},
        {"\"" A, false},
        {A "\"", false},
        {"'" A "'", false},
        {"\"" A "'", false},
        {"w/\"" A "\"", false},
        {"W\"" A "\"", false},
        {"Wx\"" A "\"", false},
        {"\"" A "-gzip\"", false},
        {"\"zz112233445566778899aabbccddeeff00112233445566778899aabbccddeeff\"", false},
        {"*", false},
        {"W/", false},
        {",,", false},
        {"", false},
    };
    struct sha256 a;

    (void)state;
    assert_true(sha256_parse(SLICE(A), &a));
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        if (wire_etag_matches(slice_of(cases[i].field), &a) != cases[i].matches)
            fail_msg("%s", cases[i].field);
    }
    assert_false(wire_etag_matches((struct slice){NULL, 0}, &a));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ranges_are_cut_to_the_body),
        cmocka_unit_test(ranges_hold_the_bytes_that_they_name),
        cmocka_unit_test(digests_are_found_in_lists),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
