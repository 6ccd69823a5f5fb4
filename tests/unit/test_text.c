/* Slices, numbers, sizes, durations and dates in and out of text. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "p2pdi/base/random.h"
#include "p2pdi/base/text.h"

static void slices_compare_by_bytes(void **state)
{
    (void)state;
    assert_true(slice_equal(SLICE("RFC"), SLICE("RFC")));
    assert_false(slice_equal(SLICE("RFC"), SLICE("RFCs")));
    assert_false(slice_equal(SLICE("RFC"), SLICE("rfc")));
    assert_true(slice_equal_nocase(SLICE("Content-Length"), SLICE("cONTENT-lENGTH")));
    assert_false(slice_equal_nocase(SLICE("@"), SLICE("`"))); /* 32 apart as letters are */
    assert_false(slice_equal_nocase(SLICE("\xc4"), SLICE("\xe4")));
    assert_true(slice_equal((struct slice){NULL, 0}, SLICE("")));
}

static void trimming_takes_blanks_at_both_ends_only(void **state)
{
    (void)state;
    assert_true(slice_equal(slice_trim(SLICE(" \t a b\t ")), SLICE("a b")));
    assert_true(slice_equal(slice_trim(SLICE("\r\n")), SLICE("\r\n")));
    assert_int_equal(slice_trim(SLICE(" \t ")).n, 0);
    assert_int_equal(slice_trim((struct slice){NULL, 0}).n, 0);
}

static void splitting_tells_an_empty_rest_from_none(void **state)
{
    struct slice rest;

    (void)state;
    assert_true(slice_equal(slice_split(SLICE("a:b:c"), ':', &rest), SLICE("a")));
    assert_true(slice_equal(rest, SLICE("b:c")));
    assert_true(slice_equal(slice_split(SLICE("a:"), ':', &rest), SLICE("a")));
    assert_non_null(rest.p);
    assert_int_equal(rest.n, 0);
    assert_true(slice_equal(slice_split(SLICE("a"), ':', &rest), SLICE("a")));
    assert_null(rest.p);
    assert_int_equal(slice_split((struct slice){NULL, 0}, ':', &rest).n, 0);
    assert_null(rest.p);
}

static void numbers_are_digits_only_and_never_wrap(void **state)
{
    static const char *const bad[] = {"",
                                      "-1",
                                      "+1",
                                      " 1",
                                      "1 ",
                                      "0x1",
                                      "1e3",
                                      "12a",
                                      "18446744073709551616",
                                      "99999999999999999999999"};
    uint64_t n = 5;

    (void)state;
    assert_true(text_parse_u64(SLICE("0"), 0, &n));
    assert_int_equal(n, 0);
    assert_true(text_parse_u64(SLICE("18446744073709551615"), UINT64_MAX, &n));
    assert_true(n == UINT64_MAX);
    assert_true(text_parse_u64(SLICE("0000000000000000000000008650"), 9999, &n));
    assert_int_equal(n, 8650);
    assert_false(text_parse_u64(SLICE("65536"), 65535, &n));
    assert_true(text_parse_u64(SLICE("65535"), 65535, &n));
    assert_false(text_parse_u64(SLICE("1"), 0, &n));
    assert_false(text_parse_u64((struct slice){"1\0", 2}, 100, &n));
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        n = 5;
        if (text_parse_u64(slice_of(bad[i]), UINT64_MAX, &n))
            fail_msg("\"%s\" was taken for a number", bad[i]);
        assert_int_equal(n, 5);
    }
}

static void sizes_are_powers_of_a_thousand(void **state)
{
    uint64_t n;

    (void)state;
    assert_true(text_parse_size(SLICE("500k"), &n));
    assert_int_equal(n, 500000);
    assert_true(text_parse_size(SLICE("10M"), &n));
    assert_int_equal(n, 10000000);
    assert_true(text_parse_size(SLICE("1g"), &n));
    assert_int_equal(n, 1000000000);
    assert_true(text_parse_size(SLICE("42"), &n));
    assert_int_equal(n, 42);
    assert_false(text_parse_size(SLICE("k"), &n));
    assert_false(text_parse_size(SLICE("1kb"), &n));
    assert_false(text_parse_size(SLICE("18446744073709551615k"), &n));
    assert_true(text_parse_size(SLICE("18446744073g"), &n));
    assert_false(text_parse_size(SLICE("18446744074g"), &n));
}

static void dates_agree_with_the_c_library(void **state)
{
    struct prng p;
    char text[TEXT_RFC3339_SIZE], http[TEXT_HTTP_DATE_SIZE], want[64];

    (void)state;
    prng_seed(&p, 3);
    for (int i = 0; i < 20000; i++) {
        time_t t = (time_t)prng_below(&p, UINT64_C(315569519999)) - INT64_C(62167219200);
        struct tm tm;
        int64_t back;

        text_format_rfc3339(t, text);
        gmtime_r(&t, &tm);
        snprintf(want, sizeof(want), "%04d-%02d-%02dT%02d:%02d:%02dZ", tm.tm_year + 1900,
                 tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec);
        assert_string_equal(text, want);
        assert_true(text_parse_rfc3339(slice_of(text), &back));
        assert_true(back == t);

        /* No test sets a locale: names are English. strftime() writes years as they are. */
        size_t n = strftime(want, sizeof(want), "%a, %d %b ", &tm);
        snprintf(want + n, sizeof(want) - n, "%04d %02d:%02d:%02d GMT", tm.tm_year + 1900,
                 tm.tm_hour, tm.tm_min, tm.tm_sec);
        text_format_http_date(t, http);
        assert_string_equal(http, want);
    }
}

static void dates_at_the_edges_are_right(void **state)
{
    static const struct {
        int64_t s;
        const char *text, *http;
    } cases[] = {
        {0, "1970-01-01T00:00:00Z", "Thu, 01 Jan 1970 00:00:00 GMT"},
        {-1, "1969-12-31T23:59:59Z", "Wed, 31 Dec 1969 23:59:59 GMT"},
        {784111777, "1994-11-06T08:49:37Z", "Sun, 06 Nov 1994 08:49:37 GMT"},
        {1767323045, "2026-01-02T03:04:05Z", "Fri, 02 Jan 2026 03:04:05 GMT"},
        {951782400, "2000-02-29T00:00:00Z", "Tue, 29 Feb 2000 00:00:00 GMT"},
        {INT64_MIN, "0000-01-01T00:00:00Z", "Sat, 01 Jan 0000 00:00:00 GMT"},
        {-62162121600, "0000-02-29T00:00:00Z", "Tue, 29 Feb 0000 00:00:00 GMT"},
        {-62135596800, "0001-01-01T00:00:00Z", "Mon, 01 Jan 0001 00:00:00 GMT"},
        {INT64_MAX, "9999-12-31T23:59:59Z", "Fri, 31 Dec 9999 23:59:59 GMT"},
    };
    char text[TEXT_RFC3339_SIZE], http[TEXT_HTTP_DATE_SIZE];

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        text_format_rfc3339(cases[i].s, text);
        assert_string_equal(text, cases[i].text);
        text_format_http_date(cases[i].s, http);
        assert_string_equal(http, cases[i].http);
    }
}

static void what_is_no_date_is_refused(void **state)
{
    static const char *const bad[] = {
        "",
        "2026-01-02",
        "2026-01-02T03:04:05",
        "2026-01-02T03:04:05z",
        "2026-01-02 03:04:05Z",
        "2026-13-02T03:04:05Z",
        "2026-00-02T03:04:05Z",
        "2026-01-00T03:04:05Z",
        "2026-04-31T03:04:05Z",
        "2026-02-29T03:04:05Z",
        "1900-02-29T03:04:05Z",
        "2026-01-02T24:04:05Z",
        "2026-01-02T03:60:05Z",
        "2026-01-02T03:04:60Z",
        "2026-01-02T03:04:05+00:00",
        "+026-01-02T03:04:05Z",
        "2026-1 -02T03:04:05Z",
    };
    int64_t s;

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        if (text_parse_rfc3339(slice_of(bad[i]), &s))
            fail_msg("\"%s\" was taken for a date", bad[i]);
    }
}

static void bytes_are_shown_in_five_characters(void **state)
{
    static const struct {
        uint64_t bytes;
        const char *text;
    } cases[] = {
        {0, "0B"},           {999, "999B"},       {1000, "1.0K"},          {1049, "1.0K"},
        {1050, "1.1K"},      {9949, "9.9K"},      {9950, "10K"},           {83400, "83K"},
        {999499, "999K"},    {999500, "1.0M"},    {3100000, "3.1M"},       {515000000, "515M"},
        {999500000, "1.0G"}, {UINT64_MAX, "18E"}, {1500000000000, "1.5T"},
    };
    char text[TEXT_HUMAN_SIZE];
    struct prng p;

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        text_human_bytes(cases[i].bytes, text);
        assert_string_equal(text, cases[i].text);
    }
    prng_seed(&p, 5);
    for (int i = 0; i < 20000; i++) {
        uint64_t bytes = prng_next(&p) >> prng_below(&p, 64);

        text_human_bytes(bytes, text);
        assert_true(strlen(text) <= 5);
        /* What is printed is within rounding of what was given. */
        char *unit;
        double shown = strtod(text, &unit);
        for (const char *u = "BKMGTPE"; *u != *unit; u++)
            shown *= 1000;
        assert_true(shown >= (double)bytes * 0.94 && shown <= (double)bytes * 1.06);
    }
}

static void durations_are_shown_with_the_fitting_unit(void **state)
{
    static const struct {
        int64_t us;
        const char *text;
    } cases[] = {
        {-5, "0us"},
        {0, "0us"},
        {842, "842us"},
        {999, "999us"},
        {1000, "1.0ms"},
        {39000, "39.0ms"},
        {999949, "999.9ms"},
        {999950, "1.00s"},
        {1051502, "1.05s"},
        {59994999, "59.99s"},
        {59995000, "1:00"},
        {133000000, "2:13"},
        {3599499999, "59:59"},
        {3599500000, "1:00:00"},
        {7188000000, "1:59:48"},
        {INT64_MAX, "9999:00:00"},
    };
    char text[TEXT_HUMAN_SIZE];

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        text_human_duration_us(cases[i].us, text);
        assert_string_equal(text, cases[i].text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(slices_compare_by_bytes),
        cmocka_unit_test(trimming_takes_blanks_at_both_ends_only),
        cmocka_unit_test(splitting_tells_an_empty_rest_from_none),
        cmocka_unit_test(numbers_are_digits_only_and_never_wrap),
        cmocka_unit_test(sizes_are_powers_of_a_thousand),
        cmocka_unit_test(dates_agree_with_the_c_library),
        cmocka_unit_test(dates_at_the_edges_are_right),
        cmocka_unit_test(what_is_no_date_is_refused),
        cmocka_unit_test(bytes_are_shown_in_five_characters),
        cmocka_unit_test(durations_are_shown_with_the_fitting_unit),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
