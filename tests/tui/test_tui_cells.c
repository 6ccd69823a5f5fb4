/* What hostile strings and poor terminals do to the cells: nothing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "vt.h"

/* Each frame stands in one column, whatever the titles are. */
static void hostile_titles_move_no_column(void **state)
{
    static const int widths[] = {40, 80, 81, 103, 200};
    struct vt v;

    (void)state;
    for (size_t i = 0; i < sizeof(widths) / sizeof(widths[0]); i++) {
        int cols = widths[i], left = 0;

        vt_start(&v, SCENE_HOSTILE, 24, cols, "xterm-256color", "C.UTF-8", NULL);
        vt_wait(&v, "wide");
        int top = vt_find(&v, "RFC index");

        while (vt_read(&v, 100))
            ;
        while (left < cols && vt_cell(&v, top, left).chars[0] != 0x2510)
            left++;
        for (int y = top + 1; y < 22; y++) {
            VTermScreenCell first = vt_cell(&v, y, 0), last = vt_cell(&v, y, left);

            if (first.chars[0] == 0x2514)
                break;
            assert_int_equal(first.chars[0], 0x2502);
            assert_int_equal(last.chars[0], 0x2502);
        }
        vt_stop(&v);
    }
}

static void no_control_or_format_character_reaches_a_cell(void **state)
{
    struct vt v;

    (void)state;
    vt_start(&v, SCENE_HOSTILE, 40, 120, "xterm-256color", "C.UTF-8", NULL);
    vt_wait(&v, "evil");
    while (vt_read(&v, 100))
        ;
    for (int y = 0; y < v.rows; y++)
        for (int x = 0; x < v.cols; x++) {
            VTermScreenCell cell = vt_cell(&v, y, x);

            for (size_t i = 0; i < VTERM_MAX_CHARS_PER_CELL && cell.chars[i] != 0; i++) {
                uint32_t c = cell.chars[i];

                if (c == (uint32_t)-1)
                    break;
                assert_true(c >= 0x20 && !(c >= 0x7f && c < 0xa0));
                assert_false((c >= 0x200b && c <= 0x200f) || (c >= 0x202a && c <= 0x202e));
                assert_false(c >= 0x2066 && c <= 0x2069);
            }
        }
    vt_stop(&v);
}

static bool only_ascii(struct vt *v)
{
    for (int y = 0; y < v->rows; y++)
        for (int x = 0; x < v->cols; x++)
            if (vt_cell(v, y, x).chars[0] > 0x7e)
                return false;
    return true;
}

static void without_utf8_all_is_ascii(void **state)
{
    static const char *const terminals[][2] = {
        {"vt100", "C"}, {"xterm-256color", "C"}, {"linux", "C"}, {"screen", "C"}};
    struct vt v;

    (void)state;
    for (size_t i = 0; i < sizeof(terminals) / sizeof(terminals[0]); i++) {
        vt_start(&v, SCENE_HOSTILE, 24, 80, terminals[i][0], terminals[i][1], NULL);
        vt_wait(&v, "Peers (5)");
        vt_wait(&v, "-+");
        while (vt_read(&v, 100))
            ;
        assert_true(only_ascii(&v));
        vt_wait(&v, "H  8586");
        vt_stop(&v);
    }
}

/* Blocks, circles, triangles, braille, accents put over letters. */
static bool needs_a_large_font(uint32_t c)
{
    return (c >= 0x2580 && c <= 0x25ff) || (c >= 0x2800 && c <= 0x28ff) || c == 0x2026 ||
           (c >= 0x300 && c <= 0x36f);
}

static void the_console_has_letters_and_lines_but_no_blocks(void **state)
{
    static const enum model_scene all[] = {SCENE_PEER, SCENE_HOSTILE};
    struct vt v;

    (void)state;
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        vt_start(&v, all[i], 40, 120, "linux", "C.UTF-8", NULL);
        vt_wait(&v, "┌ 1 Peers (5) ─");
        vt_wait(&v, "H  8586");
        vt_wait(&v, all[i] == SCENE_PEER ? "####" : "wide 漢字");
        while (vt_read(&v, 100))
            ;
        for (int y = 0; y < v.rows; y++)
            for (int x = 0; x < v.cols; x++)
                for (int k = 0; k < VTERM_MAX_CHARS_PER_CELL; k++) {
                    uint32_t c = vt_cell(&v, y, x).chars[k];

                    if (c == 0)
                        break;
                    assert_false(needs_a_large_font(c));
                }
        vt_stop(&v);
    }
}

static void all_usual_terminals_do(void **state)
{
    static const char *const terminals[] = {
        "vt100",         "linux",           "screen", "tmux",          "xterm",
        "tmux-256color", "screen-256color", "rxvt",   "xterm-256color"};
    struct vt v;

    (void)state;
    for (size_t i = 0; i < sizeof(terminals) / sizeof(terminals[0]); i++) {
        vt_start(&v, SCENE_PEER, 24, 80, terminals[i], "C.UTF-8", NULL);
        vt_wait(&v, "8586");
        vt_send(&v, "G");
        vt_wait(&v, "8645");
        vt_stop(&v);
        assert_int_equal(v.status, 0);
    }
}

static bool has_colour(struct vt *v)
{
    VTermScreenCell plain = vt_cell(v, 0, v->cols - 1);

    for (int y = 0; y < v->rows; y++)
        for (int x = 0; x < v->cols; x++) {
            VTermScreenCell cell = vt_cell(v, y, x);

            if (!vterm_color_is_equal(&cell.fg, &plain.fg) ||
                !vterm_color_is_equal(&cell.bg, &plain.bg))
                return true;
        }
    return false;
}

static void colours_are_left_out_where_they_are_not_wanted(void **state)
{
    struct vt v;

    (void)state;
    vt_start(&v, SCENE_PEER, 24, 100, "xterm-256color", "C.UTF-8", NULL);
    vt_wait(&v, "8586");
    while (vt_read(&v, 100))
        ;
    assert_true(has_colour(&v));
    vt_stop(&v);

    vt_start(&v, SCENE_PEER, 24, 100, "xterm-256color", "C.UTF-8", "NO_COLOR=1");
    vt_wait(&v, "8586");
    while (vt_read(&v, 100))
        ;
    assert_false(has_colour(&v));
    vt_stop(&v);

    vt_start(&v, SCENE_PEER, 24, 100, "xterm-mono", "C.UTF-8", NULL);
    vt_wait(&v, "8586");
    while (vt_read(&v, 100))
        ;
    assert_false(has_colour(&v));
    vt_stop(&v);
}

/* Held, wanted and known differ by their signs, transfers by words. */
static void no_state_is_told_by_colour_alone(void **state)
{
    struct vt v;

    (void)state;
    vt_start(&v, SCENE_PEER, 30, 100, "xterm-mono", "C.UTF-8", NULL);
    vt_wait(&v, "● ");
    vt_send(&v, "G");
    vt_wait(&v, "○ ");
    vt_send(&v, "kkkkkkkkkkk");
    vt_wait(&v, "◐ ");
    vt_wait(&v, "queued");
    vt_send(&v, "3\006");
    vt_wait(&v, "failed");
    vt_stop(&v);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hostile_titles_move_no_column),
        cmocka_unit_test(no_control_or_format_character_reaches_a_cell),
        cmocka_unit_test(without_utf8_all_is_ascii),
        cmocka_unit_test(the_console_has_letters_and_lines_but_no_blocks),
        cmocka_unit_test(all_usual_terminals_do),
        cmocka_unit_test(colours_are_left_out_where_they_are_not_wanted),
        cmocka_unit_test(no_state_is_told_by_colour_alone),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
