/* Moving, searching and following references in a document, without a screen. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "../../src/tui/reader.h"

static struct reader r;

static int start(void **state)
{
    (void)state;
    reader_init(&r);
    return 0;
}

static int stop(void **state)
{
    (void)state;
    reader_close(&r);
    return 0;
}

static void show(uint32_t rfc, const char *text, size_t page)
{
    struct document *d = NULL;

    assert_int_equal(document_new(rfc, text, strlen(text), &d), DI_OK);
    reader_show(&r, d);
    r.page = page;
}

static uint32_t chosen(void)
{
    uint32_t rfc = 0;

    return reader_link(&r, &rfc) ? rfc : 0;
}

#define TEN "one\ntwo\nthree\nfour\nfive\nsix\nseven\neight\nnine\nten\n"

static void a_document_of_nothing_can_be_read(void **state)
{
    size_t at = 1, of = 1, keys;
    const struct key_row *key = keys_table(&keys);

    (void)state;
    show(1, "", 5);
    for (size_t i = 0; i < keys; i++)
        reader_key(&r, key[i].action);
    assert_int_equal(r.top, 0);
    assert_false(r.contents);
    assert_int_equal(chosen(), 0);
    snprintf(r.search, sizeof(r.search), "x");
    assert_false(reader_search(&r, true, true));
    assert_false(reader_search(&r, false, false));
    reader_matches(&r, &at, &of);
    assert_int_equal(of, 0);
}

static void moving_stops_at_both_ends(void **state)
{
    (void)state;
    show(1, TEN, 4);
    reader_key(&r, KEY_DO_UP);
    reader_key(&r, KEY_DO_PAGE_UP);
    assert_int_equal(r.top, 0);
    reader_key(&r, KEY_DO_PAGE_SPACE);
    assert_int_equal(r.top, 3); /* a line of the page before stays */
    reader_key(&r, KEY_DO_PAGE_DOWN);
    reader_key(&r, KEY_DO_PAGE_DOWN);
    assert_int_equal(r.top, 6);
    reader_key(&r, KEY_DO_PAGE_UP);
    assert_int_equal(r.top, 3);
    r.page = 1; /* then a page is a line */
    reader_key(&r, KEY_DO_PAGE_UP);
    assert_int_equal(r.top, 2);
    reader_key(&r, KEY_DO_PAGE_DOWN);
    assert_int_equal(r.top, 3);
    r.page = 20; /* all of it */
    reader_key(&r, KEY_DO_BOTTOM);
    assert_int_equal(r.top, 0);
    for (int i = 0; i < 100; i++)
        reader_key(&r, KEY_DO_RIGHT_TOO);
    assert_in_range(r.shift, 200, 210);
    for (int i = 0; i < 100; i++)
        reader_key(&r, KEY_DO_LEFT);
    assert_int_equal(r.shift, 0);
}

static void references_are_gone_through_both_ways(void **state)
{
    (void)state;
    show(1, "RFC 2 and RFC 3\n-\n-\n-\n-\n-\n-\nRFC 4\n-\n-\n", 3);
    assert_int_equal(chosen(), 0);
    reader_key(&r, KEY_DO_LINK_NEXT);
    assert_int_equal(chosen(), 2);
    reader_key(&r, KEY_DO_LINK_NEXT);
    assert_int_equal(chosen(), 3);
    reader_key(&r, KEY_DO_LINK_NEXT);
    assert_int_equal(chosen(), 4);
    assert_in_range(r.top, 5, 7);
    reader_key(&r, KEY_DO_LINK_NEXT); /* around the end */
    assert_int_equal(chosen(), 2);
    reader_key(&r, KEY_DO_LINK_PREV);
    assert_int_equal(chosen(), 4);
    reader_key(&r, KEY_DO_LINK_PREV);
    assert_int_equal(chosen(), 3);
    reader_key(&r, KEY_DO_LINK_PREV);
    assert_int_equal(chosen(), 2);
    /* One that was scrolled away is not chosen any more: the search begins where one is. */
    reader_key(&r, KEY_DO_BOTTOM);
    assert_int_equal(chosen(), 0);
    reader_key(&r, KEY_DO_LINK_PREV);
    assert_int_equal(chosen(), 4);
    /* From a page that ends below the text, too. */
    r.page = 50;
    r.top = 0;
    r.has_link = false;
    reader_key(&r, KEY_DO_LINK_PREV);
    assert_int_equal(chosen(), 4);
}

static void a_document_without_references_has_none_to_choose(void **state)
{
    (void)state;
    show(1, TEN, 4);
    reader_key(&r, KEY_DO_LINK_NEXT);
    reader_key(&r, KEY_DO_LINK_PREV);
    assert_int_equal(chosen(), 0);
    assert_int_equal(r.top, 0);
}

static void a_search_goes_on_from_what_is_seen(void **state)
{
    size_t at, of;

    (void)state;
    show(1, TEN, 3);
    assert_false(reader_search(&r, true, true)); /* for nothing */
    snprintf(r.search, sizeof(r.search), "N");
    assert_true(reader_search(&r, true, true));
    assert_int_equal(r.found_line, 0);
    assert_true(reader_search(&r, true, false));
    assert_int_equal(r.found_line, 6);
    reader_matches(&r, &at, &of);
    assert_int_equal(at, 2);
    assert_int_equal(of, 4);
    assert_true(reader_search(&r, false, false));
    assert_int_equal(r.found_line, 0);
    assert_true(reader_search(&r, false, false)); /* around the beginning */
    assert_int_equal(r.found_line, 9);
    reader_key(&r, KEY_DO_TOP); /* where it was found is out of sight: from the top */
    assert_true(reader_search(&r, true, false));
    assert_int_equal(r.found_line, 6);
    snprintf(r.search, sizeof(r.search), "eleven");
    assert_false(reader_search(&r, true, false));
}

static void the_way_back_is_remembered_so_far(void **state)
{
    struct reader_place place;

    (void)state;
    assert_false(reader_back(&r, &place));
    for (uint32_t rfc = 1; rfc <= READER_STACK + 3; rfc++)
        show(rfc, TEN, 4);
    for (uint32_t i = 0; i < READER_STACK; i++) {
        assert_true(reader_back(&r, &place));
        assert_int_equal(place.rfc, READER_STACK + 2 - i);
    }
    assert_false(reader_back(&r, &place));
}

static void the_contents_go_to_headings(void **state)
{
    (void)state;
    show(1, "Top\n\nAbstract\n\n   Words.\n\n1.  A\n\n   Words.\n\n1.1.  B\n\n   Words.\n", 4);
    assert_int_equal(r.document->heading_count, 3);
    r.top = 6;
    assert_true(reader_key(&r, KEY_DO_CONTENTS));
    assert_int_equal(r.contents_at, 1); /* where one is */
    assert_false(reader_key(&r, KEY_DO_LEFT));
    reader_key(&r, KEY_DO_DOWN);
    reader_key(&r, KEY_DO_DOWN);
    assert_int_equal(r.contents_at, 2);
    reader_key(&r, KEY_DO_PAGE_SPACE);
    assert_int_equal(r.contents_at, 2);
    reader_key(&r, KEY_DO_PAGE_UP);
    reader_key(&r, KEY_DO_UP);
    assert_int_equal(r.contents_at, 0);
    r.page = 1;
    reader_key(&r, KEY_DO_PAGE_DOWN);
    assert_int_equal(r.contents_at, 1);
    r.page = 4;
    reader_key(&r, KEY_DO_BOTTOM);
    assert_true(reader_key(&r, KEY_DO_FOLLOW));
    assert_false(r.contents);
    assert_int_equal(r.top, 9); /* no emptiness below the end */

    static const enum key_action leave[] = {KEY_DO_CONTENTS, KEY_DO_BACK, KEY_DO_CLOSE,
                                            KEY_DO_RETURN};

    for (size_t i = 0; i < sizeof(leave) / sizeof(leave[0]); i++) {
        assert_true(reader_key(&r, KEY_DO_CONTENTS));
        assert_true(reader_key(&r, leave[i]));
        assert_false(r.contents);
        assert_int_equal(r.top, 9);
    }
}

int main(void)
{
#define READER_TEST(f) cmocka_unit_test_setup_teardown(f, start, stop)
    const struct CMUnitTest tests[] = {
        READER_TEST(a_document_of_nothing_can_be_read),
        READER_TEST(moving_stops_at_both_ends),
        READER_TEST(references_are_gone_through_both_ways),
        READER_TEST(a_document_without_references_has_none_to_choose),
        READER_TEST(a_search_goes_on_from_what_is_seen),
        READER_TEST(the_way_back_is_remembered_so_far),
        READER_TEST(the_contents_go_to_headings),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
