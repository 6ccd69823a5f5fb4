/* Which file names are documents, and which of several wins. */
#include "../../src/store/names.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>
#include <string.h>

static void documents_are_recognised(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        struct doc_name expect;
    } good[] = {
        {"rfc1.txt", {1, LIBRARY_TXT, NAME_PLAIN}},
        {"rfc8609.pdf", {8609, LIBRARY_PDF, NAME_PLAIN}},
        {"rfc0010.xml", {10, LIBRARY_XML, NAME_PADDED}},
        {"rfc00000000000000000012.html", {12, LIBRARY_HTML, NAME_PADDED}},
        {"rfc99999999.txt", {99999999, LIBRARY_TXT, NAME_PLAIN}},
        {"8609_CCNx_Messages.txt", {8609, LIBRARY_TXT, NAME_TITLED}},
        {"0010_a.b.c.txt", {10, LIBRARY_TXT, NAME_TITLED}},
    };
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        struct doc_name got;
        if (!name_parse_document(good[i].name, &got))
            fail_msg("%s", good[i].name);
        assert_int_equal(got.rfc, good[i].expect.rfc);
        assert_int_equal(got.format, good[i].expect.format);
        assert_int_equal(got.rank, good[i].expect.rank);
    }
}

static void others_are_not(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        ".",
        "..",
        "rfc.txt",
        "rfc0.txt",
        "rfc-1.txt",
        "rfc1",
        "rfc1.txt~",
        "rfc1.TXT",
        "RFC1.txt",
        "rfc1.txt.gz",
        "rfc 1.txt",
        "rfc+1.txt",
        "rfc1a.txt",
        "rfc100000000.txt",
        "rfc4294967297.txt",
        "rfc18446744073709551617.txt",
        "rfc-index.txt",
        "_a.txt",
        "1_.txt",
        "1.txt",
        "0_zero.txt",
        "x1_title.txt",
        ".rfc1.txt",
        "rfc1.text",
        ".rfc1.0000000000000000000000000000000000000000000000000000000000000000.part",
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct doc_name got;
        if (name_parse_document(bad[i], &got))
            fail_msg("%s", bad[i]);
    }
}

static void the_plain_name_wins_then_the_padded_then_the_lowest(void **state)
{
    (void)state;
    assert_true(name_compare(NAME_PLAIN, "rfc10.txt", NAME_PADDED, "rfc0010.txt") < 0);
    assert_true(name_compare(NAME_PADDED, "rfc0010.txt", NAME_TITLED, "0010_a.txt") < 0);
    assert_true(name_compare(NAME_TITLED, "10_a.txt", NAME_TITLED, "10_b.txt") < 0);
    assert_true(name_compare(NAME_TITLED, "10_b.txt", NAME_PLAIN, "rfc10.txt") > 0);
    assert_int_equal(name_compare(NAME_TITLED, "10_b.txt", NAME_TITLED, "10_b.txt"), 0);
}

static void a_name_gives_a_clean_title(void **state)
{
    (void)state;
    char title[LIBRARY_TITLE_SIZE];
    assert_true(name_title("8609_CCNx_Messages_in_TLV.txt", title));
    assert_string_equal(title, "CCNx Messages in TLV");
    assert_true(name_title("1_a\x1b[31m.txt", title));
    assert_string_equal(title, "a [31m");
    assert_false(name_title("rfc8609.txt", title));
    assert_string_equal(title, "");
    assert_false(name_title("1____.txt", title));

    char lengthy[300] = "1_";
    memset(lengthy + 2, 'x', 250);
    memcpy(lengthy + 252, ".txt", 5);
    assert_true(name_title(lengthy, title));
    assert_int_equal(strlen(title), 250);
}

static void part_names_go_there_and_back(void **state)
{
    (void)state;
    struct sha256 edition, back;
    uint32_t rfc = 0;
    char name[NAME_PART_SIZE];
    for (size_t i = 0; i < sizeof edition.byte; i++)
        edition.byte[i] = (uint8_t)(i * 7);
    name_format_part(99999999, &edition, name);
    assert_int_equal(strlen(name), 82);
    assert_int_equal(name[0], '.');
    assert_true(name_parse_part(name, &rfc, &back));
    assert_int_equal(rfc, 99999999);
    assert_true(sha256_equal(&edition, &back));

    static const char *const bad[] = {".rfc1.part", ".rfc1.00.part", "rfc1.txt", ".rfc.x.part", ""};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_false(name_parse_part(bad[i], &rfc, &back));
    name[strlen(name) - 1] = 'x';
    assert_false(name_parse_part(name, &rfc, &back));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(documents_are_recognised),
        cmocka_unit_test(others_are_not),
        cmocka_unit_test(the_plain_name_wins_then_the_padded_then_the_lowest),
        cmocka_unit_test(a_name_gives_a_clean_title),
        cmocka_unit_test(part_names_go_there_and_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
