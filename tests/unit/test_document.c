/* RFC text as the reader shows it: page breaks, contents, references; and the panes at all sizes. */
/* ld: -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc,--wrap=strndup */
#include "../support/failing_alloc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "../../src/tui/document.h"
#include "../../src/tui/layout.h"
#include "p2pdi/base/random.h"

static struct document *read_text(uint32_t rfc, const char *text)
{
    struct document *d = NULL;

    assert_int_equal(document_new(rfc, text, strlen(text), &d), DI_OK);
    return d;
}

static void page_breaks_are_folded(void **state)
{
    struct document *d = read_text(1, "   A sentence that goes\n\n\n"
                                      "Author            Informational            [Page 1]\n\f\n"
                                      "RFC 1             Title                   May 1999\n\n\n"
                                      "   on here. It ends.\n\n\n"
                                      "Author            Informational            [Page 2]\n\f\n"
                                      "RFC 1             Title                   May 1999\n\n"
                                      "   Another one.\n");

    (void)state;
    assert_int_equal(d->count, 4);
    assert_string_equal(d->lines[0], "   A sentence that goes");
    assert_string_equal(d->lines[1], "   on here. It ends.");
    assert_string_equal(d->lines[2], "");
    assert_string_equal(d->lines[3], "   Another one.");
    document_free(d);
}

static void what_is_not_text_goes(void **state)
{
    struct document *d = read_text(1, "\xef\xbb\xbf"
                                      "Title\r\n\n\n\n\n\tTab \033[2Jend\nbold b\bbold\n");

    (void)state;
    assert_string_equal(d->lines[0], "Title");
    assert_int_equal(d->count, 5);
    assert_string_equal(d->lines[3], "        Tab  [2Jend");
    assert_string_equal(d->lines[4], "bold bold");
    document_free(d);
}

static void headings_make_the_contents(void **state)
{
    struct document *d = read_text(
        1, "Network Working Group          A. B.\nRequest for Comments: 1\n\n"
           "Abstract\n\n   Words.\n\nTable of Contents\n\n   1. Intro .... 3\n\n"
           "1.  Introduction\n\n   Words.\n\n1.2.  Deeper   5\n\n1.3.  Terms\n\n   Words.\n\n"
           "Appendix A.  More\n\n   Words.\n12. not alone\n");

    (void)state;
    assert_int_equal(d->heading_count, 5);
    assert_string_equal(d->lines[d->headings[2].line], "1.  Introduction");
    assert_string_equal(d->lines[d->headings[3].line], "1.3.  Terms");
    assert_int_equal(d->headings[3].depth, 1);
    assert_string_equal(d->lines[d->headings[4].line], "Appendix A.  More");
    document_free(d);
}

static bool is_heading(const char *line)
{
    char text[200];

    snprintf(text, sizeof(text), "Top\n\n%s\n\n   Words.\n", line);

    struct document *d = read_text(1, text);
    bool is = d->heading_count == 1 && d->headings[0].line == 2;

    document_free(d);
    return is;
}

static void what_looks_like_a_heading_is_one(void **state)
{
    static const char *const headings[] = {
        "1. A",        "1 A",        "12.3.4 Title",    "A.1. More",  "B. Title",
        "Appendix A.", "Appendix Z", "ACKNOWLEDGMENTS", "References", "Editor's Address",
    };
    static const char *const others[] = {
        "1.",
        "1. ",
        "1234. Year",
        "1.Title",
        "Appendix a",
        "Appendix 1",
        "A.",
        "Some words",
        "1. A ..... 5",
        "1. A . . . 5",
        "1.  A    5",
        "H. Petrov         Informational         [Page 4]", /* a footer, wherever it stands */
        "1. 1234567890123456789012345678901234567890123456789012345678901234567890123456",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(headings) / sizeof(headings[0]); i++)
        if (!is_heading(headings[i]))
            fail_msg("no heading: %s", headings[i]);
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
        if (is_heading(others[i]))
            fail_msg("a heading: %s", others[i]);
}

static void paragraphs_are_joined_over_pages_only_where_they_go_on(void **state)
{
    static const struct {
        const char *before, *after;
        size_t count;
    } cases[] = {
        {"   goes on", "   here", 2},    {"   ends.", "   here", 3},  {"   goes on", "   Here", 3},
        {"   goes on", "      here", 3}, {"at the margin", "too", 3}, {"   goes on", "   {here", 3},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char text[200];

        snprintf(text, sizeof(text), "%s\n\fRFC x\nRFC 1  Title  May 1999\n\n%s\n", cases[i].before,
                 cases[i].after);

        struct document *d = read_text(1, text);

        /* "RFC x" has no number: it is no header, and stands between them. */
        assert_string_equal(d->lines[0], cases[i].before);
        assert_string_equal(d->lines[d->count - 1], cases[i].after);
        document_free(d);
        snprintf(text, sizeof(text), "%s\n\f\nRFC 1  Title  May 1999\n\n%s\n", cases[i].before,
                 cases[i].after);
        d = read_text(1, text);
        if (d->count != cases[i].count)
            fail_msg("%zu lines: %s|%s", d->count, cases[i].before, cases[i].after);
        document_free(d);
    }
}

static void a_long_line_is_cut(void **state)
{
    char text[3000];

    (void)state;
    memset(text, 'x', sizeof(text));
    text[sizeof(text) - 1] = '\0';

    struct document *d = read_text(1, text);

    assert_int_equal(d->count, 1);
    assert_in_range(strlen(d->lines[0]), 900, 1100);
    document_free(d);
}

static void each_allocation_may_fail(void **state)
{
    char text[4000] = "";

    (void)state;
    for (int i = 0; i < 500; i++)
        strcat(text, i % 4 == 0 ? "1. Title\n" : "\n");
    for (int n = 1;; n++) {
        struct document *d = NULL;

        failing_alloc_at(n);

        enum di_err err = document_new(1, text, strlen(text), &d);

        if (!failing_alloc_off()) {
            assert_int_equal(err, DI_OK);
            assert_true(d->count > 256 && d->heading_count > 32);
            document_free(d);
            break;
        }
        assert_int_equal(err, DI_NOMEM);
        assert_null(d);
    }
}

static void references_are_found(void **state)
{
    struct document *d =
        read_text(8609, "See RFC 793, [RFC2119] and RFC-1 but not RFC 8609, RFCs, RFC\n"
                        "   791 or RFC 12345678.\n");
    struct document_link links[8];

    (void)state;
    assert_int_equal(document_links(d, 0, links, 8), 3);
    assert_int_equal(links[0].rfc, 793);
    assert_int_equal(links[0].from, 4);
    assert_int_equal(links[0].to, 11);
    assert_int_equal(links[1].rfc, 2119);
    assert_int_equal(links[2].rfc, 1);
    assert_int_equal(document_links(d, 1, links, 8), 1);
    assert_int_equal(links[0].rfc, 791);
    assert_int_equal(document_links(d, 0, links, 1), 1);
    document_free(d);
}

/* Any bytes: lines are clean, nothing is out of bounds (for the sanitizers). */
static void any_bytes_can_be_read(void **state)
{
    static const char pieces[][16] = {"\f",       "\n",    "RFC ", "123",   "[Page 1]", "   ",
                                      "\x80\xff", "\t",    "\b",   "1.  A", "\r\n",     "....",
                                      "Abstract", "\033[", "A",    ""};
    struct prng prng;
    char text[2048];

    (void)state;
    prng_seed(&prng, 5);
    for (int round = 0; round < 300; round++) {
        size_t n = 0;

        while (n < sizeof(text) - 16) {
            const char *piece = pieces[prng_below(&prng, 16)];

            memcpy(text + n, piece, strlen(piece));
            n += strlen(piece);
            if (*piece == '\0')
                text[n++] = (char)prng_below(&prng, 256);
        }

        struct document *d = NULL;
        struct document_link links[4];

        assert_int_equal(document_new(1, text, n, &d), DI_OK);
        for (size_t i = 0; i < d->count; i++) {
            for (const char *c = d->lines[i]; *c != '\0'; c++)
                assert_true((unsigned char)*c >= 0x20 && *c != 0x7f);
            document_links(d, i, links, 4);
        }
        document_free(d);
    }
}

static void check_panes(const struct layout *l, int rows, int cols, enum pane focus)
{
    assert_true(l->pane[focus].h > 0 && l->pane[focus].w > 0);
    for (int a = 0; a < PANES; a++) {
        const struct rect *p = &l->pane[a];

        if (p->h == 0)
            continue;
        assert_true(p->y >= 0 && p->x >= 0 && p->y + p->h <= rows && p->x + p->w <= cols);
        assert_true(p->w > 0 && (l->header.h == 0 || p->y > 0));
        assert_true(l->footer.h == 0 || p->y + p->h < rows);
        for (int b = a + 1; b < PANES; b++) {
            const struct rect *q = &l->pane[b];

            assert_true(q->h == 0 || p->y + p->h <= q->y || q->y + q->h <= p->y ||
                        p->x + p->w <= q->x || q->x + q->w <= p->x);
        }
    }
}

static void panes_never_overlap_and_the_focus_is_there(void **state)
{
    struct layout l;

    (void)state;
    for (int rows = 1; rows <= 100; rows++)
        for (int cols = 1; cols <= 300; cols += cols < 120 ? 1 : 13)
            for (int focus = 0; focus < PANE_FOCUS_MAX; focus++) {
                layout_peer(&l, rows, cols, (enum pane)focus, false, (size_t)rows * 3);
                check_panes(&l, rows, cols, (enum pane)focus);
                layout_rs(&l, rows, cols, (enum pane)focus, false);
                check_panes(&l, rows, cols, (enum pane)focus);
                layout_peer(&l, rows, cols, (enum pane)focus, true, 0);
                check_panes(&l, rows, cols, (enum pane)focus);
            }
}

static void lists_of_references(void **state)
{
    struct document *d =
        read_text(9293, "Obsoletes: 793, 9293, 879,\nUpdates: 5961     IETF\n"
                        "RFCs 1011, 1122 and 3168, and RFC 1 and 2 or RFCs in 2022\n");
    struct document_link links[8];

    (void)state;
    assert_int_equal(document_links(d, 0, links, 8), 2);
    assert_int_equal(links[0].rfc, 793);
    assert_int_equal(links[0].from, 11);
    assert_int_equal(links[0].to, 14);
    assert_int_equal(links[1].rfc, 879);
    assert_int_equal(document_links(d, 1, links, 8), 1);
    assert_int_equal(links[0].rfc, 5961);
    assert_int_equal(document_links(d, 2, links, 8), 4);
    assert_int_equal(links[0].rfc, 1011);
    assert_int_equal(links[0].from, 0);
    assert_int_equal(links[1].rfc, 1122);
    assert_int_equal(links[1].from, 11);
    assert_int_equal(links[2].rfc, 3168);
    assert_int_equal(links[3].rfc, 1);
    assert_int_equal(document_links(d, 2, links, 2), 2);
    document_free(d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lists_of_references),
        cmocka_unit_test(page_breaks_are_folded),
        cmocka_unit_test(what_is_not_text_goes),
        cmocka_unit_test(headings_make_the_contents),
        cmocka_unit_test(what_looks_like_a_heading_is_one),
        cmocka_unit_test(paragraphs_are_joined_over_pages_only_where_they_go_on),
        cmocka_unit_test(a_long_line_is_cut),
        cmocka_unit_test(each_allocation_may_fail),
        cmocka_unit_test(references_are_found),
        cmocka_unit_test(any_bytes_can_be_read),
        cmocka_unit_test(panes_never_overlap_and_the_focus_is_there),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
