/* Titles from the heads of documents, old and new. */
#include "store_help.h"

#include "../../src/store/rfc_index_txt.h"
#include "../../src/store/titles.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>
#include <ctype.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HEADER                                                                                     \
    "Network Working Group                                          A. Author\n"                   \
    "Request for Comments: 9                                      Institution\n"                   \
    "                                                                May 2026\n"

static void assert_title(const char *head, const char *expect)
{
    char title[LIBRARY_TITLE_SIZE];
    bool found = title_from_head(slice_of(head), title);
    assert_string_equal(title, expect);
    assert_int_equal(found, expect[0] != '\0');
}

static void old_and_new_heads_give_titles(void **state)
{
    (void)state;
    assert_title("\n\n\n" HEADER "\n\n                A Plain Title\n\nAbstract\n\n   Text.\n",
                 "A Plain Title");
    assert_title("\xEF\xBB\xBF\n\n\n" HEADER "\n\n       Na\xC3\xAFve Title\n\nAbstract\n",
                 "Na\xC3\xAFve Title");
    assert_title(HEADER "\r\n\r\n         With Carriage Returns\r\n\r\nAbstract\r\n",
                 "With Carriage Returns");
    assert_title(HEADER "\n\n                       A Title of Two\n                        Whole "
                        "Lines\n\nStatus of This Memo\n",
                 "A Title of Two Whole Lines");
    assert_title(
        HEADER "\n\n          Part One of the Series\n\n            The Second Block\n\nAbstract\n",
        "Part One of the Series The Second Block");
    assert_title(HEADER "\n\n          First Block\n\n            Another\n\n   Text follows.\n",
                 "First Block");
    assert_title(HEADER "\n\n                               Underlined\n                           "
                        "    ----------\n\nAbstract\n",
                 "Underlined");
    assert_title(HEADER "\n\n                 Ends in a Stop.\n\nAbstract\n", "Ends in a Stop");
}

static void headers_of_several_blocks_are_passed_over(void **state)
{
    (void)state;
    assert_title(HEADER "\n"
                        "                                                               B. Second\n"
                        "                                                              University\n"
                        "                                                               July 2023\n"
                        "\n\n            The Title\n\nAbstract\n",
                 "The Title");
    assert_title("RFC: 791\n   \n   \n                      INTERNET PROTOCOL\n   \n",
                 "INTERNET PROTOCOL");
    assert_title("Network\tWorking\tGroup\t\t\t\t\t\t R. Lang\nRequest\tfor Comments: 1292\n\n"
                 "\t     A Catalog of Things\n\nStatus of this Memo\n",
                 "A Catalog of Things");
    assert_title(HEADER "                      No Empty Line\n\nStatus of this Memo\n\n   This\n",
                 "No Empty Line");
}

static void words_that_also_begin_headings_may_begin_titles(void **state)
{
    (void)state;
    assert_title(HEADER "\n\n   Abstract Syntax Notation X\n\nAbstract\n",
                 "Abstract Syntax Notation X");
    assert_title(HEADER "\n\n     Introduction to Everything\n\nAbstract\n",
                 "Introduction to Everything");
    assert_title(HEADER "\n\n   Updates to RFC 7 Regarding Lists\n\nAbstract\n",
                 "Updates to RFC 7 Regarding Lists");
    assert_title(HEADER "\n\n             vCard Something\n\nAbstract\n", "vCard Something");
}

static void what_has_no_title_gives_none(void **state)
{
    (void)state;
    assert_title("", "");
    assert_title("\n\n\n", "");
    assert_title("one line", "");
    assert_title(HEADER, "");
    assert_title(HEADER "\n\nAbstract\n\n   Text.\n", "");
    assert_title(HEADER
                 "\n\n   We have noticed a possible deadlock situation which may arise using\n"
                 "   the protocol.\n\n",
                 "");
    assert_title("\xEF\xBB\xBF", "");
    assert_title("\f\f\f\n\f", "");
}

static void bytes_from_outside_are_cleaned_and_bounded(void **state)
{
    (void)state;
    assert_title(HEADER "\n\n           Red \x1b[31m and \xFF\n\nAbstract\n",
                 "Red [31m and \xEF\xBF\xBD");
    char head[4096];
    char title[LIBRARY_TITLE_SIZE];
    int n = snprintf(head, sizeof head, "%s\n\n", HEADER);
    for (int line = 0; line < 7; line++)
        n += snprintf(head + n, sizeof head - (size_t)n, "   %069d\n", line);
    assert_true(title_from_head((struct slice){head, (size_t)n}, title));
    assert_int_equal(strlen(title), LIBRARY_TITLE_SIZE - 1);
    /* Cut anywhere: no title or some, never a read beyond. */
    for (size_t cut = 0; cut < (size_t)n; cut++) {
        char *exact = malloc(cut + 1);
        memcpy(exact, head, cut);
        (void)title_from_head((struct slice){exact, cut}, title);
        free(exact);
    }
}

/* ---- the real ones -------------------------------------------------------------------------- */

static size_t read_head(const char *dir, const char *name, char *out, size_t size)
{
    char path[600];
    (void)snprintf(path, sizeof path, "%s/%s", dir, name);
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    size_t n = fread(out, 1, size, f);
    (void)fclose(f);
    return n;
}

static void the_sixty_of_the_experiment_have_titles(void **state)
{
    (void)state;
    char dir[256], title[LIBRARY_TITLE_SIZE];
    static char head[TITLE_HEAD_BYTES];
    if (help_corpus("seed60", dir) == NULL) {
        print_message("../shared/corpus is not there\n");
        skip();
    }
    size_t count = 0;
    DIR *d = opendir(dir);
    assert_non_null(d);
    for (const struct dirent *e; (e = readdir(d)) != NULL;) {
        if (strncmp(e->d_name, "rfc", 3) != 0)
            continue;
        size_t n = read_head(dir, e->d_name, head, sizeof head);
        if (!title_from_head((struct slice){head, n}, title))
            fail_msg("%s has no title", e->d_name);
        count++;
        if (strcmp(e->d_name, "rfc8609.txt") == 0)
            assert_string_equal(title, "Content-Centric Networking (CCNx) Messages in TLV Format");
        if (strcmp(e->d_name, "rfc8650.txt") == 0)
            assert_string_equal(title,
                                "Dynamic Subscription to YANG Events and Datastores over RESTCONF");
    }
    (void)closedir(d);
    assert_int_equal(count, 60);
}

static void normalise(const char *from, char *to)
{
    for (; *from != '\0'; from++)
        if (!isspace((unsigned char)*from))
            *to++ = (char)tolower((unsigned char)*from);
    *to = '\0';
}

/* All RFCs and rfc-index.txt lie in the directory that P2PDI_CORPUS names (unpack.sh all DIR). */
static void heads_agree_with_the_index(void **state)
{
    (void)state;
    const char *dir = getenv("P2PDI_CORPUS");
    if (dir == NULL) {
        print_message("P2PDI_CORPUS does not name a directory with all RFCs and rfc-index.txt\n");
        skip();
    }
    size_t size = (size_t)8 << 20;
    char *text = malloc(size);
    struct rfc_titles *index = NULL;
    assert_non_null(text);
    size_t len = read_head(dir, "rfc-index.txt", text, size);
    assert_int_equal(rfc_titles_parse((struct slice){text, len}, &index), DI_OK);
    static char head[TITLE_HEAD_BYTES];
    size_t agree = 0, compared = 0;
    DIR *d = opendir(dir);
    assert_non_null(d);
    for (const struct dirent *e; (e = readdir(d)) != NULL;) {
        const char *expect =
            strncmp(e->d_name, "rfc", 3) == 0 && isdigit((unsigned char)e->d_name[3])
                ? rfc_titles_find(index, (uint32_t)strtoul(e->d_name + 3, NULL, 10))
                : NULL;
        if (expect == NULL)
            continue;
        char title[LIBRARY_TITLE_SIZE], a[LIBRARY_TITLE_SIZE], b[LIBRARY_TITLE_SIZE];
        size_t n = read_head(dir, e->d_name, head, sizeof head);
        (void)title_from_head((struct slice){head, n}, title);
        normalise(title, a);
        normalise(expect, b);
        agree += strcmp(a, b) == 0;
        compared++;
    }
    (void)closedir(d);
    print_message("%zu of %zu titles agree\n", agree, compared);
    assert_true(compared > 0 && agree * 1000 >= compared * 945);
    rfc_titles_free(index);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(old_and_new_heads_give_titles),
        cmocka_unit_test(headers_of_several_blocks_are_passed_over),
        cmocka_unit_test(words_that_also_begin_headings_may_begin_titles),
        cmocka_unit_test(what_has_no_title_gives_none),
        cmocka_unit_test(bytes_from_outside_are_cleaned_and_bounded),
        cmocka_unit_test(the_sixty_of_the_experiment_have_titles),
        cmocka_unit_test(heads_agree_with_the_index),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
