/* What is drawn at the edges of a screen, beyond them, and in rectangles too small for it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../../src/tui/help.h"
#include "../../src/tui/plot.h"
#include "../../src/tui/prompt.h"
#include "../../src/tui/reader.h"
#include "../../src/tui/views.h"
#include "sheet.h"

#include <stdio.h>
#include <string.h>

#define ROWS 10
#define WIDTH 30

static void text_outside_the_screen_is_left_out(void **state)
{
    (void)state;
    sheet_open(ROWS, WIDTH, "C.UTF-8");
    assert_int_equal(draw_text(-1, 0, 5, STYLE_TEXT, "above"), 0);
    assert_int_equal(draw_text(ROWS, 0, 5, STYLE_TEXT, "below"), 0);
    assert_int_equal(draw_text(0, -1, 5, STYLE_TEXT, "left"), 0);
    assert_int_equal(draw_text(0, WIDTH, 5, STYLE_TEXT, "right"), 0);
    assert_int_equal(draw_text(0, 0, 0, STYLE_TEXT, "nowhere"), 0);
    assert_int_equal(draw_text(0, 0, -3, STYLE_TEXT, "nowhere"), 0);
    draw_blank(-1, 0, 5, STYLE_REVERSE);
    draw_blank(ROWS, 0, 5, STYLE_REVERSE);
    assert_int_equal(sheet_used(), 0);
    /* What sticks out is cut. */
    assert_int_equal(draw_text(1, WIDTH - 3, 20, STYLE_TEXT, "abcdef"), 3);
    assert_string_equal(sheet_row(1) + WIDTH - 3, "ab…");
    draw_text(2, 0, 5, STYLE_TEXT, "aaaaa");
    draw_blank(2, -2, 4, STYLE_TEXT);
    assert_string_equal(sheet_row(2), "  aaa");
    screen_cursor(ROWS + 5, WIDTH + 5);
    screen_cursor(-1, 0);
    sheet_close();
}

static void characters_take_the_cells_that_they_are_counted_as(void **state)
{
    static const struct {
        const char *text, *shown;
        int skip, cells;
    } cases[] = {
        {"soft\u00adhyphen", "soft-hyphen", 0, 11},
        {"a\u200bb\u2060c\ufe0fd\ufeffe\U000e0041f", "abcdef", 0, 6},
        {"\u0301abc", "abc", 0, 3}, /* nothing before it to combine with */
        {"e\u0301\u0302\u0303\u0304\u0305\u0306x", "e\u0301\u0302\u0303x", 0, 2},
        {"\u65e5\u672cx", " \u672cx", 1, 5}, /* half of it is still to be seen: a blank */
        {"\x01\xff!", "\ufffd\ufffd!", 0, 3},
    };

    (void)state;
    sheet_open(ROWS, WIDTH, "C.UTF-8");
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        int n = draw_text_from(0, 0, WIDTH, STYLE_TEXT, cases[i].text, cases[i].skip, NULL);

        assert_int_equal(text_cells(cases[i].text), cases[i].cells);
        assert_int_equal(n, cases[i].cells - cases[i].skip);
        assert_string_equal(sheet_row(0), cases[i].shown);
        screen_erase();
    }
    sheet_close();
}

static void lines_are_broken_where_they_can_be(void **state)
{
    (void)state;
    sheet_open(ROWS, WIDTH, "C.UTF-8");
    assert_int_equal(text_fit("", 5), 0);
    assert_int_equal(text_fit("two words", 6), 4);
    assert_int_equal(text_fit("unbroken", 3), 3);
    assert_int_equal(text_fit("  lead", 4), 4); /* blanks before the first word are no place */
    assert_int_equal(text_fit("one\ntwo", 9), 3);
    assert_int_equal(text_fit("\u65e5\u672c", 1), 3); /* one at least, or there would be no end */

    struct rect r = {0, 0, 3, 12};

    /* What a line is broken into stands under its first word, unless that is far to the right. */
    assert_int_equal(draw_wrapped(r, STYLE_TEXT, "  some longer\n         far", 0), 3);
    assert_string_equal(sheet_row(0), "  some");
    assert_string_equal(sheet_row(1), "  longer");
    assert_string_equal(sheet_row(2), "         far");
    screen_erase();
    assert_int_equal(draw_wrapped(r, STYLE_TEXT, "a\nb\nc\nd\ne", 3), 5);
    assert_string_equal(sheet_row(0), "d");
    assert_string_equal(sheet_row(1), "e");
    sheet_close();
}

static void frames_of_any_size(void **state)
{
    (void)state;
    sheet_open(ROWS, WIDTH, "C.UTF-8");
    draw_frame((struct rect){0, 0, 0, 9}, "none", false);
    draw_frame((struct rect){0, 0, 5, 1}, "none", false);
    assert_int_equal(sheet_used(), 0);
    draw_frame((struct rect){0, 0, 1, 6}, "title", false);
    assert_string_equal(sheet_row(0), "┌────┐");
    assert_int_equal(sheet_used(), 1);
    draw_frame((struct rect){2, 0, 2, 9}, "title", true);
    assert_string_equal(sheet_row(2), "┌ title ┐");
    assert_string_equal(sheet_row(3), "└───────┘");
    draw_frame((struct rect){5, 0, 3, 9}, "", false);
    assert_string_equal(sheet_row(5), "┌───────┐");
    assert_string_equal(sheet_row(6), "│       │");
    draw_frame((struct rect){5, 10, 3, 9}, NULL, false);
    assert_string_equal(sheet_row(5), "┌───────┐ ┌───────┐");
    sheet_close();
}

static void bars_and_sparks_of_nothing(void **state)
{
    struct snap_history h = {0};

    (void)state;
    sheet_open(ROWS, WIDTH, "C.UTF-8");
    draw_bar(0, 0, 4, STYLE_TEXT, 7, 0);
    assert_int_equal(sheet_used(), 0);
    draw_bar(0, 0, 4, STYLE_TEXT, 9, 3);
    assert_string_equal(sheet_row(0), "████");
    draw_bar(1, 0, 4, STYLE_TEXT, 3, 8);
    assert_string_equal(sheet_row(1), "█▌");
    assert_int_equal(draw_sparkline(2, 0, 5, STYLE_TEXT, &h), 0);
    snap_history_push(&h, 0);
    snap_history_push(&h, 50);
    snap_history_push(&h, 100);
    assert_int_equal(draw_sparkline(2, 0, 0, STYLE_TEXT, &h), 0);
    assert_int_equal(sheet_used(), 2);
    assert_int_equal(draw_sparkline(2, 0, 2, STYLE_TEXT, &h), 100); /* the last two */
    assert_string_equal(sheet_row(2), "▅█");
    sheet_close();
}

static void curves_are_drawn_where_there_is_room(void **state)
{
    static const int64_t values[] = {1000000, 2000000, 3000000};
    static const struct plot_curve curves[] = {{7, values, 3}, {8, values, 0}, {9, values, 1}};
    static const int64_t nothing[] = {0};
    static const struct plot_curve flat[] = {{7, nothing, 1}};
    struct rect all = {0, 0, ROWS, WIDTH};

    (void)state;
    sheet_open(ROWS, WIDTH, "C.UTF-8");
    plot_draw(all, curves, 0);
    plot_draw(all, curves + 1, 1);
    plot_draw(all, flat, 1);
    plot_draw((struct rect){0, 0, 1, WIDTH}, curves, 3);
    plot_draw((struct rect){0, 0, ROWS, 7}, curves, 3);
    assert_int_equal(sheet_used(), 0);
    plot_draw(all, curves, 3);
    assert_non_null(strstr(sheet_row(0), "3.00s"));
    assert_non_null(strstr(sheet_row(0), "7"));
    assert_non_null(strstr(sheet_row(ROWS - 1), "3 RFCs"));
    screen_erase();
    plot_draw((struct rect){0, 0, 2, 8}, curves + 2, 1);
    assert_non_null(strstr(sheet_row(1), "1 RFC"));
    sheet_close();
    /* Without UTF-8 each curve has a letter. */
    sheet_open(ROWS, WIDTH, "C");
    plot_draw(all, curves, 3);
    assert_non_null(strstr(sheet_row(ROWS / 2), "a"));
    assert_non_null(strstr(sheet_row(0), "a:7"));
    sheet_close();
}

static void a_line_scrolls_with_what_is_typed(void **state)
{
    struct prompt p;

    (void)state;
    sheet_open(ROWS, WIDTH, "C.UTF-8");
    prompt_init(&p, NULL, NULL);
    prompt_open(&p, PROMPT_COMMAND, ":");
    for (int i = 0; i < 40; i++)
        assert_int_equal(prompt_key(&p, 'a' + i % 26, (uint32_t)('a' + i % 26)), PROMPT_CHANGED);
    prompt_draw(&p, 5, WIDTH);
    assert_string_equal(sheet_row(5), ":mnopqrstuvwxyzabcdefghijklmn");
    snprintf(p.hint, sizeof(p.hint), "one  two");
    prompt_draw(&p, 5, 1); /* no room for a single character */
    assert_string_equal(sheet_row(4), "…");
    prompt_open(&p, PROMPT_QUESTION, "Sure? ");
    prompt_draw(&p, 6, WIDTH);
    assert_string_equal(sheet_row(6), "Sure?");
    prompt_fini(&p);
    sheet_close();
}

static void the_help_is_drawn_in_two_rows(void **state)
{
    struct help h = {.open = true};

    (void)state;
    sheet_open(ROWS, WIDTH, "C.UTF-8");
    help_draw(&h, (struct rect){0, 0, 2, WIDTH});
    assert_int_equal(sheet_used(), 2);
    help_draw(&h, (struct rect){4, 0, 0, WIDTH});
    assert_int_equal(sheet_used(), 2);
    assert_int_equal(h.page, 1);
    help_draw(&h, (struct rect){4, 0, 3, WIDTH});
    assert_non_null(strstr(sheet_row(4), "P2P-DI: keys"));
    sheet_close();
}

static struct document *read_text(const char *text)
{
    struct document *d = NULL;

    assert_int_equal(document_new(1, text, strlen(text), &d), DI_OK);
    return d;
}

static void a_document_is_drawn_in_what_there_is(void **state)
{
    struct rect header = {0, 0, 1, WIDTH}, body = {1, 0, 4, WIDTH}, none = {0};
    struct reader r;

    (void)state;
    sheet_open(ROWS, WIDTH, "C.UTF-8");
    reader_init(&r);
    reader_show(&r, read_text("Top\n\nAbstract\n\n   See RFC 2 and, far to the right, RFC 3.\n"));
    reader_draw(&r, header, body, none);
    assert_string_equal(sheet_row(0), " RFC 1  Abstract           0%");
    assert_string_equal(sheet_row(3), "Abstract");
    reader_draw(&r, (struct rect){0, 0, 1, 9}, body, none); /* no room for how far it is */
    reader_key(&r, KEY_DO_BOTTOM);
    screen_erase();
    reader_draw(&r, none, body, none);
    assert_string_equal(sheet_row(4), "   See RFC 2 and, far to the …");
    /* A click chooses the reference under it, and nothing else does. */
    uint32_t rfc = 0;

    assert_false(reader_click(&r, 0, 7));
    assert_false(reader_click(&r, 5, 7));
    assert_false(reader_click(&r, 4, 6));
    assert_false(reader_click(&r, 4, 12));
    assert_false(reader_link(&r, &rfc));
    assert_true(reader_click(&r, 4, 7));
    assert_true(reader_link(&r, &rfc));
    assert_int_equal(rfc, 2);
    reader_draw(&r, none, none, none);
    assert_int_equal(r.page, 1);
    reader_close(&r);
    sheet_close();
}

static void a_click_beside_the_text_does_nothing(void **state)
{
    struct rect all = {0, 0, ROWS, WIDTH}, none = {0};
    struct reader r;

    (void)state;
    sheet_open(ROWS, WIDTH, "C.UTF-8");
    reader_init(&r);
    reader_show(&r, read_text("Top\n\nAbstract\n\nIntroduction\n\n   Words.\n"));
    reader_draw(&r, none, all, none);
    assert_false(reader_click(&r, 8, 0));
    /* In the contents a click goes there; below them it goes nowhere. */
    assert_true(reader_key(&r, KEY_DO_CONTENTS));
    reader_draw(&r, none, all, none);
    assert_string_equal(sheet_row(1), " Introduction");
    assert_false(reader_click(&r, 2, 0));
    assert_true(r.contents);
    assert_false(reader_click(&r, 1, 0));
    assert_false(r.contents);
    reader_close(&r);
    sheet_close();
}

static void a_table_is_drawn_in_what_there_is(void **state)
{
    struct snap_board board;
    struct snap_content *content;
    struct grid_moment m = {.now_us = 5000000};
    struct grid t;
    size_t at = 0;

    (void)state;
    sheet_open(ROWS, WIDTH, "C.UTF-8");
    snap_board_init(&board);
    content = &board.content;
    m.content = content;
    grid_init(&t, &view_transfers);
    grid_draw(&t, (struct rect){0, 0, 5, WIDTH}, true, &m); /* before there was a snapshot */
    assert_int_equal(sheet_used(), 0);
    grid_update(&t, &content->transfers, 1);
    grid_draw(&t, (struct rect){0, 0, 0, WIDTH}, true, &m);
    grid_draw(&t, (struct rect){0, 0, 5, 0}, true, &m);
    assert_int_equal(sheet_used(), 0);
    assert_false(grid_position_at(&t, 1, &at));
    grid_draw(&t, (struct rect){0, 0, 1, WIDTH}, true, &m); /* no titles */
    assert_non_null(strstr(sheet_row(0), "no downloads yet"));
    screen_erase();

    struct snap_transfer *row = rows_append(&content->transfers);

    assert_non_null(row);
    *row = (struct snap_transfer){
        .rfc = 8609, .state = SNAP_TRANSFER_ACTIVE, .addr = addr_ipv4(127, 0, 0, 1, 4000)};
    grid_update(&t, &content->transfers, 9000000); /* after a time: ordering costs some */
    grid_draw(&t, (struct rect){0, 0, 5, WIDTH}, true, &m);
    assert_non_null(strstr(sheet_row(1), "8609"));
    assert_non_null(strstr(sheet_row(1), "0%")); /* of nothing */
    assert_false(grid_position_at(&t, 0, &at));  /* the titles */
    assert_false(grid_position_at(&t, 2, &at));
    assert_false(grid_position_at(&t, 9, &at));
    assert_true(grid_position_at(&t, 1, &at));
    assert_int_equal(at, 0);
    grid_fini(&t);
    snap_board_fini(&board);
    sheet_close();
}

static void the_demo_is_drawn_in_what_there_is(void **state)
{
    struct snap_content content = {0};
    struct snap_demo *d = &content.demo;
    struct grid_moment m = {.now_us = 9000000, .content = &content};
    struct view_curves curves = {0};
    int top = -1;

    (void)state;
    sheet_open(ROWS, WIDTH, "C.UTF-8");
    view_draw_demo((struct rect){0, 0, 0, WIDTH}, &curves, &m, &top);
    assert_int_equal(sheet_used(), 0);
    view_draw_demo((struct rect){0, 0, ROWS, WIDTH}, &curves, &m, &top);
    assert_int_equal(sheet_used(), 1); /* nothing has begun */
    d->runs = 6;
    d->run = 1;
    d->peers = 2;
    d->files = 4;
    d->start_us = 1000000;
    d->running = true;
    d->peer[1] = (struct snap_demo_peer){.downloads = true, .done = 1};
    for (int h = 2; h <= ROWS; h++) {
        screen_erase();
        view_draw_demo((struct rect){0, 0, h, WIDTH}, &curves, &m, &top);
        assert_true(sheet_used() <= h);
    }
    assert_non_null(strstr(sheet_row(5), "P0"));
    assert_non_null(strstr(sheet_row(6), "1/4"));
    /* The comparison: the lines that there is room for, from the first one. */
    d->text = shared_text_new(SLICE("one\ntwo\nthree\nfour\nfive\nsix\nseven\neight\n"));
    d->took_us[0] = 2000000;
    d->took_us[1] = 4000000;
    screen_erase();
    view_draw_demo((struct rect){0, 0, 3, WIDTH}, &curves, &m, &top);
    assert_int_equal(top, 0);
    assert_non_null(strstr(sheet_row(1), "one"));
    top = 99;
    view_draw_demo((struct rect){0, 0, ROWS, WIDTH}, &curves, &m, &top);
    assert_int_equal(top, 2);
    assert_non_null(strstr(sheet_row(2), "three"));
    shared_text_unref(d->text);
    sheet_close();
}

static const char *const demo_keys = "[Up Down]scroll [PgUp PgDn]page [Home End]ends";

static void a_demo_of_many_peers_is_scrolled(void **state)
{
    static const int64_t values[] = {1000000, 2000000, 3000000};
    struct plot_curve curve = {7, values, 3};
    struct view_curves curves = {.curves = &curve, .count = 1};
    struct snap_content content = {0};
    struct snap_demo *d = &content.demo;
    struct grid_moment m = {.now_us = 9000000, .content = &content};
    struct rect all = {0, 0, 24, 80};
    int top = 0;

    (void)state;
    sheet_open(24, 80, "C.UTF-8");
    *d = (struct snap_demo){.runs = 3, .run = 1, .peers = 30, .files = 29, .start_us = 1000000};
    /* Half a screen of them is there, beside the plot. */
    view_draw_demo(all, &curves, &m, &top);
    assert_non_null(strstr(sheet_row(3), " RS  "));
    assert_non_null(strstr(sheet_row(14), " P10 "));
    assert_non_null(strstr(sheet_row(15), " 1-12/31 "));
    assert_non_null(strstr(sheet_row(16), "Cumulative time"));
    assert_non_null(strstr(sheet_row(23), demo_keys));
    /* A page further, and to the end. */
    screen_erase();
    top += 12;
    view_draw_demo(all, &curves, &m, &top);
    assert_non_null(strstr(sheet_row(3), " P11 "));
    screen_erase();
    top += 10000;
    d->took_us[0] = 3000000; /* the runs before have room only beside the plot */
    view_draw_demo(all, &curves, &m, &top);
    assert_int_equal(top, 19);
    assert_non_null(strstr(sheet_row(14), " P29 "));
    assert_non_null(strstr(sheet_row(16), "Cumulative time"));
    /* The comparison is shown from its start, wherever the table was. */
    screen_erase();
    d->text = shared_text_new(SLICE("one\ntwo\nthree\n"));
    view_draw_demo(all, &curves, &m, &top);
    assert_int_equal(top, 0);
    assert_null(strstr(sheet_row(23), "scroll"));
    assert_non_null(strstr(sheet_row(23), "[q]uit"));
    shared_text_unref(d->text);
    d->text = NULL;
    d->peers = 4;
    screen_erase();
    view_draw_demo(all, &curves, &m, &top);
    assert_non_null(strstr(sheet_row(8), " P3 "));
    assert_null(strstr(sheet_row(23), "scroll"));
    sheet_close();
}

static void the_way_out_of_a_demo_is_always_told(void **state)
{
    struct snap_content content = {.demo = {.runs = 3, .run = 2, .peers = 6, .files = 20}};
    struct snap_demo *d = &content.demo;
    struct grid_moment m = {.now_us = 9000000, .content = &content};
    struct view_curves curves = {0};
    int top = 0;

    (void)state;
    d->task = EXPERIMENT_BEST;
    d->running = true;
    d->start_us = 3000000;
    snprintf(d->doing, sizeof(d->doing), "checking every file");
    sheet_open(10, 80, "C.UTF-8");
    view_draw_demo((struct rect){0, 0, 10, 80}, &curves, &m, &top);
    assert_non_null(strstr(sheet_row(0), "2 of 3: Task 2, distributed, best case  checking every "
                                         "file  6.00s"));
    assert_non_null(strstr(sheet_row(0), "  q quit"));
    screen_erase();
    view_draw_demo((struct rect){0, 0, 10, 40}, &curves, &m, &top);
    assert_string_equal(sheet_row(0), "checking every file  6.00s        q quit");
    snprintf(d->doing, sizeof(d->doing), "downloading");
    screen_erase();
    view_draw_demo((struct rect){0, 0, 10, 40}, &curves, &m, &top);
    assert_string_equal(sheet_row(0), "2 of 3  downloading  6.00s        q quit");
    screen_erase();
    view_draw_demo((struct rect){0, 0, 10, 8}, &curves, &m, &top);
    assert_string_equal(sheet_row(0), "  q quit");
    sheet_close();
}

static void throughput_is_drawn_without_downloads(void **state)
{
    struct snap_content content = {0};
    struct grid_moment m = {.now_us = 9000000, .content = &content};
    struct view_curves curves = {0};

    (void)state;
    sheet_open(ROWS, WIDTH, "C.UTF-8");
    view_draw_plot((struct rect){0, 0, 0, WIDTH}, &curves, &m);
    assert_int_equal(sheet_used(), 0);
    view_draw_plot((struct rect){0, 0, 1, WIDTH}, &curves, &m);
    assert_int_equal(sheet_used(), 1);
    assert_non_null(strstr(sheet_row(0), "/s"));
    view_draw_plot((struct rect){2, 0, 6, WIDTH}, &curves, &m);
    assert_non_null(strstr(sheet_row(2), "Downloads draw a curve"));
    sheet_close();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_outside_the_screen_is_left_out),
        cmocka_unit_test(characters_take_the_cells_that_they_are_counted_as),
        cmocka_unit_test(lines_are_broken_where_they_can_be),
        cmocka_unit_test(frames_of_any_size),
        cmocka_unit_test(bars_and_sparks_of_nothing),
        cmocka_unit_test(curves_are_drawn_where_there_is_room),
        cmocka_unit_test(a_line_scrolls_with_what_is_typed),
        cmocka_unit_test(the_help_is_drawn_in_two_rows),
        cmocka_unit_test(a_document_is_drawn_in_what_there_is),
        cmocka_unit_test(a_click_beside_the_text_does_nothing),
        cmocka_unit_test(a_table_is_drawn_in_what_there_is),
        cmocka_unit_test(the_demo_is_drawn_in_what_there_is),
        cmocka_unit_test(a_demo_of_many_peers_is_scrolled),
        cmocka_unit_test(the_way_out_of_a_demo_is_always_told),
        cmocka_unit_test(throughput_is_drawn_without_downloads),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
