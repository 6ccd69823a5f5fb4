/* Lines broken at words. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "../../src/cli/wrap.h"

static void assert_wraps(const char *text, size_t columns, const char *want)
{
    struct buf b;

    buf_init(&b, 4096);
    wrap_append(&b, slice_of(text), columns);
    buf_append_char(&b, '\0');
    assert_string_equal(buf_bytes(&b), want);
    buf_fini(&b);
}

static void what_fits_stays(void **state)
{
    (void)state;
    assert_wraps("", 10, "");
    assert_wraps("\n\n", 10, "\n\n");
    assert_wraps("0123456789\nabc", 10, "0123456789\nabc");
    assert_wraps("  01 345  7\n", 11, "  01 345  7\n");
    assert_wraps("any length of line whatever", SIZE_MAX, "any length of line whatever");
    assert_wraps("\xc3\xa4\xc3\xb6 \xc3\xbc\xc3\x9f", 5, "\xc3\xa4\xc3\xb6 \xc3\xbc\xc3\x9f");
}

static void long_lines_are_broken_at_words(void **state)
{
    (void)state;
    assert_wraps("one two three\nfour", 7, "one two\nthree\nfour");
    assert_wraps("one two three\n", 8, "one two\nthree\n");
    assert_wraps("averylongword and", 5, "averylongword\nand");
    assert_wraps("a averylongword", 5, "a\naverylongword");
    assert_wraps("  averylongword", 5, "  averylongword");
}

static void what_is_broken_off_goes_on_below_its_column(void **state)
{
    (void)state;
    assert_wraps("ok  name  the quick brown fox jumps\n", 31,
                 "ok  name  the quick brown fox\n          jumps\n");
    assert_wraps("    try: the quick brown fox jumps over", 30,
                 "    try: the quick brown fox\n    jumps over");
    /* In too little room it begins at the left. */
    assert_wraps("ok  name  the quick brown fox", 20, "ok  name  the quick\nbrown fox");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_fits_stays),
        cmocka_unit_test(long_lines_are_broken_at_words),
        cmocka_unit_test(what_is_broken_off_goes_on_below_its_column),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
