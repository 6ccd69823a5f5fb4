/* Strings from outside: what may pass, what is taken out, and where a cut may fall. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "p2pdi/base/random.h"
#include "p2pdi/base/text.h"

#define FFFD "\xef\xbf\xbd"

static void assert_cleaned(struct slice in, const char *want)
{
    char out[200];
    size_t n = text_clean(out, sizeof(out), in);

    assert_int_equal(n, strlen(out));
    assert_string_equal(out, want);
}

static void plain_and_foreign_text_passes(void **state)
{
    (void)state;
    assert_cleaned(SLICE("Hypertext Transfer Protocol"), "Hypertext Transfer Protocol");
    assert_cleaned(SLICE("Bj\xc3\xb6rn \xe2\x82\xac \xe6\xbc\xa2 \xf0\x9f\x93\x84"),
                   "Bj\xc3\xb6rn \xe2\x82\xac \xe6\xbc\xa2 \xf0\x9f\x93\x84");
    assert_cleaned(SLICE("two  spaces"), "two  spaces");
    assert_cleaned(SLICE(""), "");
    /* The ends of the ranges: U+00A0, U+D7FF, U+E000, U+10FFFF. */
    assert_cleaned(SLICE("\xc2\xa0\xed\x9f\xbf\xee\x80\x80\xf4\x8f\xbf\xbf"),
                   "\xc2\xa0\xed\x9f\xbf\xee\x80\x80\xf4\x8f\xbf\xbf");
}

static void controls_become_one_space(void **state)
{
    (void)state;
    assert_cleaned(SLICE("a\r\n\t\x1b"
                         "b"),
                   "a b");
    assert_cleaned(SLICE("\x1b[31mred\x1b[0m"), " [31mred [0m");
    assert_cleaned(SLICE("del\x7f"
                         "ete"),
                   "del ete");
    assert_cleaned((struct slice){"nul\0nul", 7}, "nul nul");
    assert_cleaned(SLICE("c1\xc2\x80\xc2\x9b"
                         "31m"),
                   "c1 31m"); /* U+009B is CSI in one byte */
    assert_cleaned(SLICE("\n\n"), " ");
}

static void direction_cannot_be_turned(void **state)
{
    (void)state;
    assert_cleaned(SLICE("a\xe2\x80\xae"
                         "b"),
                   "a b"); /* U+202E override */
    assert_cleaned(SLICE("a\xe2\x80\xaa\xe2\x80\xac"
                         "b"),
                   "a b"); /* U+202A U+202C */
    assert_cleaned(SLICE("a\xe2\x81\xa6"
                         "b\xe2\x81\xa9"),
                   "a b "); /* U+2066 U+2069 isolates */
    assert_cleaned(SLICE("a\xe2\x80\x8f"
                         "b\xd8\x9c"
                         "c"),
                   "a b c"); /* U+200F, U+061C marks */
    assert_cleaned(SLICE("a\xe2\x80\xa8"
                         "b"),
                   "a b"); /* U+2028 line separator */
    assert_cleaned(SLICE("\xe2\x80\xa7\xe2\x80\xaf"), "\xe2\x80\xa7\xe2\x80\xaf"); /* neighbours */
}

/* The table of Unicode's chapter 3, "U+FFFD Substitution of Maximal Subparts". */
static void malformed_utf8_is_replaced_by_maximal_subparts(void **state)
{
    (void)state;
    assert_cleaned(SLICE("\xc0\xaf\xe0\x80\xbf\xf0\x81\x82"
                         "A"),
                   FFFD FFFD FFFD FFFD FFFD FFFD FFFD FFFD "A");
    assert_cleaned(SLICE("\xed\xa0\x80\xed\xbf\xbf\xed\xaf"
                         "A"),
                   FFFD FFFD FFFD FFFD FFFD FFFD FFFD FFFD "A");
    assert_cleaned(SLICE("\xf4\x91\x92\x93\xff"
                         "A\x80\xbf"
                         "B"),
                   FFFD FFFD FFFD FFFD FFFD "A" FFFD FFFD "B");
    assert_cleaned(SLICE("\xe1\x80\xe2\xf0\x91\x92\xf1\xbf"
                         "A"),
                   FFFD FFFD FFFD FFFD "A");
    assert_cleaned(SLICE("cut \xe2\x82"), "cut " FFFD);
    assert_cleaned(SLICE("cut \xf0"), "cut " FFFD);
    assert_cleaned(SLICE("given " FFFD), "given " FFFD);
}

static void a_cut_falls_between_characters(void **state)
{
    char out[8];

    (void)state;
    assert_int_equal(text_clean(out, 8, SLICE("abcdefgh")), 7);
    assert_string_equal(out, "abcdefg");
    assert_int_equal(text_clean(out, 6, SLICE("abc\xe2\x82\xac")), 3);
    assert_string_equal(out, "abc");
    assert_int_equal(text_clean(out, 7, SLICE("abc\xe2\x82\xac")), 6);
    assert_string_equal(out, "abc\xe2\x82\xac");
    assert_int_equal(text_clean(out, 1, SLICE("a")), 0);
    assert_string_equal(out, "");
    out[0] = 'x';
    assert_int_equal(text_clean(out, 0, SLICE("a")), 0);
    assert_int_equal(out[0], 'x');
}

static void decoding_gives_code_points(void **state)
{
    uint32_t cp;

    (void)state;
    assert_int_equal(text_utf8_next(SLICE("A"), &cp), 1);
    assert_int_equal(cp, 'A');
    assert_int_equal(text_utf8_next(SLICE("\xc3\xb6"), &cp), 2);
    assert_int_equal(cp, 0xf6);
    assert_int_equal(text_utf8_next(SLICE("\xe2\x82\xac"), &cp), 3);
    assert_int_equal(cp, 0x20ac);
    assert_int_equal(text_utf8_next(SLICE("\xf0\x9f\x93\x84"), &cp), 4);
    assert_int_equal(cp, 0x1f4c4);
}

/* Whatever comes in, what comes out is valid, harmless, and stays as it is when cleaned again. */
static void random_bytes_come_out_harmless(void **state)
{
    struct prng p;

    (void)state;
    prng_seed(&p, 11);
    for (int i = 0; i < 20000; i++) {
        char in[40], out[130], again[130];
        size_t n = prng_below(&p, sizeof(in) + 1);

        for (size_t k = 0; k < n; k++)
            in[k] =
                (char)(prng_below(&p, 2) == 0 ? prng_below(&p, 256) : 0x80 + prng_below(&p, 64));
        text_clean(out, sizeof(out), (struct slice){in, n});
        text_clean(again, sizeof(again), slice_of(out));
        assert_string_equal(out, again);
        for (const char *c = out; *c != '\0'; c++)
            assert_true((uint8_t)*c >= 0x20 && *c != 0x7f);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plain_and_foreign_text_passes),
        cmocka_unit_test(controls_become_one_space),
        cmocka_unit_test(direction_cannot_be_turned),
        cmocka_unit_test(malformed_utf8_is_replaced_by_maximal_subparts),
        cmocka_unit_test(a_cut_falls_between_characters),
        cmocka_unit_test(decoding_gives_code_points),
        cmocka_unit_test(random_bytes_come_out_harmless),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
