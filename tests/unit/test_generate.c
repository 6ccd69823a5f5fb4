/* Generated documents: the shape of an RFC, the sizes of RFCs, the same bytes for the same seed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <zlib.h>

#include "p2pdi/base/sha256.h"
#include "p2pdi/lab/lab.h"

static struct buf doc;

static int set_up(void **state)
{
    (void)state;
    buf_init(&doc, 4u << 20);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    buf_fini(&doc);
    return 0;
}

static void generate(uint64_t seed, uint32_t number)
{
    buf_clear(&doc);
    lab_generate_rfc(seed, number, &doc);
    assert_int_equal(buf_status(&doc), DI_OK);
}

static void the_same_seed_gives_the_same_bytes(void **state)
{
    struct sha256 a, b, c, again;

    (void)state;
    generate(1, LAB_RFC_FIRST);
    assert_int_equal(sha256_of(buf_bytes(&doc), doc.len, &a), DI_OK);
    generate(2, LAB_RFC_FIRST);
    assert_int_equal(sha256_of(buf_bytes(&doc), doc.len, &b), DI_OK);
    generate(1, LAB_RFC_FIRST + 1);
    assert_int_equal(sha256_of(buf_bytes(&doc), doc.len, &c), DI_OK);
    assert_false(sha256_equal(&a, &b));
    assert_false(sha256_equal(&a, &c));
    generate(1, LAB_RFC_FIRST);
    assert_int_equal(sha256_of(buf_bytes(&doc), doc.len, &again), DI_OK);
    assert_true(sha256_equal(&a, &again));
}

/* Every page has 58 lines; all but the first begin with the header, all end with the footer. */
static void pages_have_58_lines_header_and_footer(void **state)
{
    (void)state;
    for (uint32_t number = LAB_RFC_FIRST; number < LAB_RFC_FIRST + 30; number++) {
        char want_header[24], want_footer[24];
        size_t page = 1;
        const char *at, *end;

        generate(7, number);
        buf_append_char(&doc, '\0');
        at = buf_bytes(&doc);
        end = at + doc.len - 1;
        snprintf(want_header, sizeof(want_header), "RFC %u ", number);
        for (;; page++) {
            const char *last = at;

            if (page > 1)
                assert_memory_equal(at, want_header, strlen(want_header));
            for (int line = 1; line <= 58; line++) {
                size_t n = strcspn(at, "\n");

                assert_true(n <= 72);
                assert_null(memchr(at, '\f', n));
                assert_true(n == 0 || at[n - 1] != ' ');
                last = at;
                at += n + 1;
            }
            snprintf(want_footer, sizeof(want_footer), "[Page %zu]\n", page);
            assert_memory_equal(at - strlen(want_footer), want_footer, strlen(want_footer));
            assert_int_equal(at - last, 73);
            if (at == end)
                break;
            assert_memory_equal(at, "\f\n", 2);
            at += 2;
        }
    }
}

static void the_contents_name_the_right_pages(void **state)
{
    (void)state;
    for (uint32_t number = LAB_RFC_FIRST; number < LAB_RFC_FIRST + 10; number++) {
        const char *entry;
        unsigned entries = 0;

        generate(3, number);
        buf_append_char(&doc, '\0');
        entry = strstr(buf_bytes(&doc), "Table of Contents\n\n");
        assert_non_null(entry);
        for (entry += 19; *entry == ' ' || *entry == '\n' || entries == 0; entry++) {
            char heading[80];
            const char *dots = strstr(entry, " ...");
            unsigned page = 1;

            if (*entry != ' ' || dots == NULL)
                break;
            snprintf(heading, sizeof(heading), "\n%.*s\n", (int)(dots - entry - 3), entry + 3);

            const char *place = strstr(buf_bytes(&doc), heading);

            assert_non_null(place);
            for (const char *c = buf_bytes(&doc); c < place; c++)
                page += *c == '\f';
            entry = strchr(entry, '\n');
            assert_int_equal(strtoul(entry - 5, NULL, 10), page);
            entries++;
        }
        assert_true(entries >= 1);
    }
}

static void the_head_says_what_it_is(void **state)
{
    (void)state;
    generate(1, 90042);
    buf_append_char(&doc, '\0');
    assert_non_null(strstr(buf_bytes(&doc), "\nRequest for Comments: 90042 "));
    assert_non_null(strstr(buf_bytes(&doc), "It is not an RFC"));
}

static void sizes_are_those_of_rfcs(void **state)
{
    enum { COUNT = 400 };
    static size_t sizes[COUNT];
    unsigned below_median = 0, small = 0, large = 0;

    (void)state;
    for (uint32_t i = 0; i < COUNT; i++) {
        generate(11, LAB_RFC_FIRST + i);
        sizes[i] = doc.len;
        assert_in_range(sizes[i], 4800, 510000);
        below_median += sizes[i] < 45000;
        small += sizes[i] < 16100;
        large += sizes[i] > 125400;
    }
    assert_in_range(below_median, 160, 240);
    assert_in_range(small, 20, 65);
    assert_in_range(large, 20, 65);
}

static void it_compresses_as_text_does(void **state)
{
    uLongf packed_len = 1u << 20;
    Bytef *packed = malloc(packed_len);

    (void)state;
    assert_non_null(packed);
    generate(1, LAB_RFC_FIRST);
    assert_int_equal(compress2(packed, &packed_len, (const Bytef *)buf_bytes(&doc), doc.len, 6),
                     Z_OK);
    assert_in_range(doc.len * 10 / packed_len, 30, 60); /* real ones: 3 to 5 times */
    free(packed);
}

static void a_full_buffer_is_an_error_not_a_crash(void **state)
{
    struct buf small;

    (void)state;
    for (size_t max = 0; max < 3000; max += 100) {
        buf_init(&small, max);
        lab_generate_rfc(1, LAB_RFC_FIRST, &small);
        assert_int_equal(buf_status(&small), DI_LIMIT);
        buf_fini(&small);
    }
}

/* The samples in rfcs/ are what seed 1 gives; from wherever the tests are run. */
static void the_samples_of_the_repository_are_generated(void **state)
{
    char path[1024];
    static char sample[200000];
    const char *file = __FILE__;
    size_t top = strlen(file) - strlen("tests/unit/test_generate.c");

    (void)state;
    for (uint32_t number = LAB_RFC_FIRST; number < LAB_RFC_FIRST + 6; number++) {
        FILE *f;

        snprintf(path, sizeof(path), "%.*srfcs/rfc%u.txt", (int)top, file, number);
        f = fopen(path, "re");
        if (f == NULL) {
            print_message("no %s from here\n", path);
            skip();
        }
        size_t n = fread(sample, 1, sizeof(sample), f);
        fclose(f);
        generate(1, number);
        assert_int_equal(n, doc.len);
        assert_memory_equal(sample, buf_bytes(&doc), n);
    }
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_same_seed_gives_the_same_bytes),
        TEST(the_samples_of_the_repository_are_generated),
        TEST(pages_have_58_lines_header_and_footer),
        TEST(the_contents_name_the_right_pages),
        TEST(the_head_says_what_it_is),
        TEST(sizes_are_those_of_rfcs),
        TEST(it_compresses_as_text_does),
        TEST(a_full_buffer_is_an_error_not_a_crash),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
