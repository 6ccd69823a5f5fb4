/* Titles from rfc-index.txt, in the form of 2020 and that of 2026. */
#include "../../src/store/rfc_index_txt.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

static struct rfc_titles *parse(const char *text)
{
    struct rfc_titles *t = NULL;
    assert_int_equal(rfc_titles_parse(slice_of(text), &t), DI_OK);
    return t;
}

static void assert_entry(const char *entry, const char *expect)
{
    struct rfc_titles *t = parse(entry);
    const char *title = rfc_titles_find(t, 7);
    assert_non_null(title);
    assert_string_equal(title, expect);
    rfc_titles_free(t);
}

static void both_forms_are_read(void **state)
{
    (void)state;
    struct rfc_titles *t =
        parse("                              RFC INDEX\n"
              "RFC citations appear in this format:\n\n"
              "  ####  Title of RFC.  Author 1, Author 2.  Issue date.\n\n"
              "  9915 An Example in the Preface. T. Nobody. January 2026. (Format: TXT)\n\n"
              "0001 Host Software. S. Crocker. April 1969. (Format: TXT=21088 bytes)\n"
              "     (Status: UNKNOWN) (DOI: 10.17487/RFC0001) \n\n"
              "0014 Not Issued.\n\n"
              "1034 Domain names - concepts and facilities. P. Mockapetris. November\n"
              "     1987. (Format: TXT, HTML) (Obsoletes RFC882, RFC883, RFC973)\n\n"
              "10001 Operational Guidelines for DNS Transport in Mixed IPv4/IPv6\n"
              "     Environments. Momoka, T. Fiebig. August 2026. (Format: HTML, TXT,\n"
              "     PDF, XML)");
    assert_int_equal(rfc_titles_count(t), 3);
    assert_string_equal(rfc_titles_find(t, 1), "Host Software");
    assert_null(rfc_titles_find(t, 14));
    assert_string_equal(rfc_titles_find(t, 1034), "Domain names - concepts and facilities");
    assert_string_equal(rfc_titles_find(t, 10001),
                        "Operational Guidelines for DNS Transport in Mixed IPv4/IPv6 Environments");
    assert_null(rfc_titles_find(t, 9915));
    assert_null(rfc_titles_find(t, 0));
    rfc_titles_free(t);
    assert_null(rfc_titles_find(NULL, 1));
}

static void titles_end_where_the_authors_begin(void **state)
{
    (void)state;
    assert_entry(
        "7 Correction to Report No. 1822 (NIC NO 7958). A.M. McKenzie. May 1972. (Format: TXT)",
        "Correction to Report No. 1822 (NIC NO 7958)");
    assert_entry("7 Conversations with S. Crocker (UCLA). E. Meyer. April 1970. (Format: TXT)",
                 "Conversations with S. Crocker (UCLA)");
    assert_entry("7 U.S. Government Internet Domain Names. Federal Networking Council. June 1995. "
                 "(Format: TXT)",
                 "U.S. Government Internet Domain Names");
    assert_entry(
        "7 RFC List by Number. Network Information Center. Stanford. June 1971. (Format: TXT)",
        "RFC List by Number");
    assert_entry("7 RTP Payload Format for ITU-T Rec. H.263 Video (H.263+). C. Bormann, L. Cline. "
                 "October 1998. (Format: TXT)",
                 "RTP Payload Format for ITU-T Rec. H.263 Video (H.263+)");
    assert_entry("7 Application Aspects. M-K. Shin, Ed., Y-G. Hong. May 2005. (Format: TXT)",
                 "Application Aspects");
    assert_entry(
        "7 RTP: A Transport Protocol. Audio-Video Transport Working Group, H. Schulzrinne. "
        "January 1996. (Format: TXT)",
        "RTP: A Transport Protocol");
    assert_entry("7 What Is It?. A. Author. May 2005. (Format: TXT)", "What Is It?");
}

static void wrapped_lines_are_joined(void **state)
{
    (void)state;
    assert_entry(
        "7 Protocol for Providing the Connectionless-\n     mode Network Service. A. B. May 1.",
        "Protocol for Providing the Connectionless-mode Network Service");
    assert_entry("7 RFC index -\n     December 5, 1973. N. Center. December 1973.",
                 "RFC index - December 5, 1973");
    assert_entry("7 With Carriage\r\n     Returns. A. Author. May 2005.\r\n\r\n",
                 "With Carriage Returns");
}

static void authors_are_told_from_words_by_their_initials(void **state)
{
    (void)state;
    assert_entry("7 On a Thing. M-K. Shin. May 2001. (Format: TXT)", "On a Thing");
    assert_entry("7 On a Thing. HF. Zhu. May 2001. (Format: TXT)", "On a Thing");
    /* "Inc." is no initial, nor is a lower-case word, nor "H.263". */
    assert_entry("7 By Thing, Inc. Inc. Of it. A. Nobody. May 2001. (Format: TXT)",
                 "By Thing, Inc. Inc. Of it");
    assert_entry("7 Of H. 263 and more. B. Nobody. May 2001. (Format: TXT)", "Of H. 263 and more");
    assert_entry("7 Rev. two of it. Some Body. May 2001. (Format: TXT)", "Rev. two of it");
    assert_entry("7 The U.S. Part. Some Body. May 2001. (Format: TXT)", "The U.S. Part");
    assert_entry("7 The x.S. Some Body. May 2001. (Format: TXT)", "The x.S");
    assert_entry("7 The U-S. Some Body. May 2001. (Format: TXT)", "The U-S");
    assert_entry("7 The U.s. Some Body. May 2001. (Format: TXT)", "The U.s");
    assert_entry("7 Nobody wrote it. (Format: TXT)", "Nobody wrote it");
    assert_entry("7 Without an end", "Without an end");
    assert_entry("7 At the end an A.", "At the end an A.");
    assert_entry("7 A-. Thing -. Some Body. May 2001. (Format: TXT)", "A-");
}

static void lines_that_are_no_entry_end_the_one_before(void **state)
{
    (void)state;
    struct rfc_titles *t =
        parse("0007 Of tabs,\r\n\tand of\r\n   \r\n     what is blank. A. Body. (Format: TXT)\r\n"
              "     and more\n"
              "xyz no number\n"
              "     of nothing\n"
              "0 Of zero. A. Body.\n"
              "99999999999 Of too much. A. Body.\n"
              "8\n"
              "9 \n"
              "10 Ends in a hyphen-\n"
              "     joined. A. Body. (Format: TXT)\n"
              "11 Ends in -\n"
              "     not joined. A. Body. (Format: TXT)");
    assert_string_equal(rfc_titles_find(t, 7), "Of tabs, and of");
    assert_string_equal(rfc_titles_find(t, 10), "Ends in a hyphen-joined");
    assert_string_equal(rfc_titles_find(t, 11), "Ends in - not joined");
    assert_null(rfc_titles_find(t, 8));
    assert_null(rfc_titles_find(t, 9));
    assert_int_equal(rfc_titles_count(t), 3);
    rfc_titles_free(t);
    assert_int_equal(rfc_titles_count(NULL), 0);
}

static void any_text_gives_a_table(void **state)
{
    (void)state;
    static const char *const odd[] = {"",
                                      "\n",
                                      "7",
                                      "7 ",
                                      "7 \n",
                                      "99999999999999999999 x. A. B.",
                                      "0 Zero. A. B.",
                                      "100000000 Too large. A. B.",
                                      "x\n y\n z",
                                      "   indented",
                                      "7  .",
                                      "7 . A. B."};
    for (size_t i = 0; i < sizeof odd / sizeof odd[0]; i++)
        rfc_titles_free(parse(odd[i]));
    struct rfc_titles *t = parse("100000000 Too large. A. B.\n\n0 Zero. A. B.\n");
    assert_int_equal(rfc_titles_count(t), 0);
    rfc_titles_free(t);

    size_t len = 100000; /* an entry without end is cut */
    char *text = malloc(len);
    assert_non_null(text);
    memset(text, 'x', len);
    memcpy(text, "7 ", 2);
    assert_int_equal(rfc_titles_parse((struct slice){text, len}, &t), DI_OK);
    assert_non_null(rfc_titles_find(t, 7));
    assert_true(strlen(rfc_titles_find(t, 7)) < 256);
    rfc_titles_free(t);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_forms_are_read),
        cmocka_unit_test(titles_end_where_the_authors_begin),
        cmocka_unit_test(wrapped_lines_are_joined),
        cmocka_unit_test(authors_are_told_from_words_by_their_initials),
        cmocka_unit_test(lines_that_are_no_entry_end_the_one_before),
        cmocka_unit_test(any_text_gives_a_table),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
