/* The ring of changes: what a delta tells, what versions mean, what is forgotten. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "p2pdi/base/random.h"
#include "p2pdi/index/changes.h"

#define ENTRIES 40

static uint64_t since(const struct changes *c, const char *version)
{
    uint64_t after = UINT64_MAX;

    assert_true(changes_since(c, slice_of(version), &after));
    return after;
}

static void a_delta_tells_each_change_once_in_order(void **state)
{
    struct changes c;
    struct change a = {0}, b = {0}, d = {0};
    char version[CHANGES_VERSION_SIZE];

    (void)state;
    changes_init(&c, 7);
    changes_touch(&c, &a);
    changes_touch(&c, &b);
    changes_version(&c, version);
    assert_null(changes_first_after(&c, since(&c, version)));

    changes_touch(&c, &d);
    changes_touch(&c, &a);
    changes_touch(&c, &d);

    struct change *first = changes_first_after(&c, since(&c, version));

    assert_ptr_equal(first, &a);
    assert_ptr_equal(changes_next(&c, first), &d);
    assert_null(changes_next(&c, &d));
}

static void the_first_version_knows_nothing_and_gets_everything(void **state)
{
    struct changes c;
    struct change a = {0};
    char version[CHANGES_VERSION_SIZE];

    (void)state;
    changes_init(&c, UINT64_MAX);
    changes_version(&c, version);
    changes_touch(&c, &a);
    assert_ptr_equal(changes_first_after(&c, since(&c, version)), &a);
}

static void versions_of_others_are_not_known(void **state)
{
    static const char *const bad[] = {"",
                                      ".",
                                      "1",
                                      "0000000000000007",
                                      "0000000000000007.",
                                      "0000000000000007.x",
                                      "0000000000000007.-1",
                                      "0000000000000007.2",
                                      "0000000000000007.1.1",
                                      "0000000000000007.99999999999999999999",
                                      "0000000000000008.1",
                                      "0000000000000007.01",
                                      "000000000000007.1",
                                      "7.1"};
    struct changes c;
    struct change a = {0};
    uint64_t after;

    (void)state;
    changes_init(&c, 7);
    changes_touch(&c, &a);
    assert_true(changes_since(&c, SLICE("0000000000000007.1"), &after));
    assert_int_equal(after, 1);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_false(changes_since(&c, slice_of(bad[i]), &after));
    assert_false(changes_since(&c, (struct slice){NULL, 0}, &after));
}

static void the_longest_version_fits(void **state)
{
    struct changes c;
    char version[CHANGES_VERSION_SIZE];
    uint64_t after;

    (void)state;
    changes_init(&c, UINT64_MAX);
    c.sequence = UINT64_MAX;
    changes_version(&c, version);
    assert_true(strlen(version) < CHANGES_VERSION_SIZE - 1);
    assert_true(changes_since(&c, slice_of(version), &after));
    assert_true(after == UINT64_MAX);
}

static void who_missed_what_was_forgotten_gets_everything(void **state)
{
    struct changes c;
    struct change a = {0}, b = {0};
    char before[CHANGES_VERSION_SIZE], between[CHANGES_VERSION_SIZE];
    uint64_t after;

    (void)state;
    changes_init(&c, 7);
    changes_version(&c, before);
    changes_touch(&c, &a);
    changes_version(&c, between);
    changes_touch(&c, &b);
    changes_forget(&c, &a);
    assert_int_equal(a.sequence, 0);
    assert_false(changes_since(&c, slice_of(before), &after));
    assert_ptr_equal(changes_first_after(&c, since(&c, between)), &b);

    /* What never was in the ring leaves no gap. */
    changes_forget(&c, &a);
    assert_int_equal(c.forgotten, 1);
}

/* Against a list of who changed when. */
static void deltas_agree_with_a_naive_model(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 50; seed++) {
        struct prng prng;
        struct changes c;
        struct change entry[ENTRIES] = {0};
        uint64_t when[ENTRIES] = {0}, clock = 0, lost = 0;

        prng_seed(&prng, seed);
        changes_init(&c, seed);
        for (int step = 0; step < 400; step++) {
            size_t i = prng_below(&prng, ENTRIES);

            if (prng_below(&prng, 20) > 0) {
                changes_touch(&c, &entry[i]);
                when[i] = ++clock;
            } else {
                changes_forget(&c, &entry[i]);
                lost = when[i] > lost ? when[i] : lost;
                when[i] = 0;
            }

            uint64_t version = prng_below(&prng, clock + 1), after = 0, last = version;
            size_t expected = 0, told = 0;
            char text[CHANGES_VERSION_SIZE];
            struct changes as_of = c;

            as_of.sequence = version;
            changes_version(&as_of, text);
            assert_int_equal(changes_since(&c, slice_of(text), &after), version >= lost);
            if (version < lost)
                continue;
            for (size_t j = 0; j < ENTRIES; j++)
                expected += when[j] > version;
            for (struct change *e = changes_first_after(&c, after); e != NULL;
                 e = changes_next(&c, e)) {
                assert_true(e->sequence > last);
                assert_true(when[e - entry] == e->sequence);
                last = e->sequence;
                told++;
            }
            assert_int_equal(told, expected);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_delta_tells_each_change_once_in_order),
        cmocka_unit_test(the_first_version_knows_nothing_and_gets_everything),
        cmocka_unit_test(versions_of_others_are_not_known),
        cmocka_unit_test(the_longest_version_fits),
        cmocka_unit_test(who_missed_what_was_forgotten_gets_everything),
        cmocka_unit_test(deltas_agree_with_a_naive_model),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
