/* How tables look: widths, the selected row, what is said at the bottom. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "../../src/tui/grid.h"
#include "../../src/tui/views.h"
#include "vt.h"

static void titles_leave_room_for_the_sign_of_sorting(void **state)
{
    const struct grid_type *const types[] = {&view_peers, &view_index,   &view_transfers,
                                             &view_log,   &view_records, &view_requests};

    (void)state;
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
        for (size_t c = 0; c < types[i]->column_count; c++)
            assert_in_range(strlen(types[i]->columns[c].title) + 1, 1, types[i]->columns[c].width);
}

/* In reverse a full bar would look like an empty one. */
static void a_selected_row_has_its_bar_as_it_is(void **state)
{
    struct vt v;
    VTermScreenCell bar = {0};

    (void)state;
    vt_start(&v, SCENE_PEER, 24, 103, "xterm-256color", "C.UTF-8", NULL);
    vt_wait(&v, "Peers (5)");
    vt_send(&v, "3");
    vt_wait_reversed(&v, "8634");
    for (int x = 0; x < v.cols; x++) {
        VTermScreenCell cell = vt_cell(&v, vt_find(&v, "8634"), x);

        if (cell.chars[0] == 0x2588)
            bar = cell;
    }
    assert_int_equal(bar.chars[0], 0x2588);
    assert_false(bar.attrs.reverse);
    vt_stop(&v);
}

static void long_addresses_are_whole_where_there_is_room(void **state)
{
    struct vt v;

    (void)state;
    vt_start(&v, SCENE_RS, 24, 80, "xterm-256color", "C.UTF-8", NULL);
    vt_wait(&v, "[2001:db8:1234:5678:9abc:de…");
    vt_resize(&v, 40, 200);
    vt_wait(&v, "[2001:db8:1234:5678:9abc:def0:1234:5678]:40004");
    vt_wait(&v, "Linux 6.1");
    vt_stop(&v);
}

static void the_footer_fits_what_has_the_focus(void **state)
{
    struct vt v;

    (void)state;
    vt_start(&v, SCENE_PEER, 24, 103, "xterm-256color", "C.UTF-8", NULL);
    /* What went wrong before there was a screen comes first. */
    vt_wait(&v, "RFC 8638: connection refused by 192.168.1.55");
    assert_int_equal(vt_find(&v, "RFC 8638: connection refused by 192.168.1.55"), 23);
    vt_send(&v, "\014");
    vt_wait(&v, "[d]ownload");
    vt_wait(&v, "[Enter]read");
    assert_int_equal(vt_find(&v, "[x]cancel"), -1);
    vt_send(&v, "3");
    vt_wait(&v, "[x]cancel");
    vt_send(&v, "1");
    vt_wait(&v, "[Enter]its index");
    vt_send(&v, "4");
    vt_wait(&v, "[Enter]whole line");
    assert_int_equal(vt_find(&v, "[d]ownload"), -1);
    vt_resize(&v, 12, 40); /* the other panes are not to be seen any more */
    vt_wait(&v, "[Tab]pane");
    vt_stop(&v);
}

static void how_to_leave_is_on_the_screen(void **state)
{
    static const enum model_scene scenes[] = {SCENE_EMPTY, SCENE_PEER, SCENE_RS};
    struct vt v;

    (void)state;
    for (size_t i = 0; i < sizeof(scenes) / sizeof(scenes[0]); i++) {
        vt_start(&v, scenes[i], 24, 80, "xterm-256color", "C.UTF-8", NULL);
        vt_wait(&v, "? help  q quit");
        assert_int_equal(vt_find(&v, "? help  q quit"), 0);
        vt_stop(&v);
    }
}

/* What comes in is told by the transfers: the footer is not hidden by each of them. */
static void news_in_the_footer_are_of_use(void **state)
{
    struct vt v;

    (void)state;
    vt_start(&v, SCENE_PEER, 24, 80, "xterm-256color", "C.UTF-8", NULL);
    vt_wait(&v, "8586");
    vt_send(&v, "\014");
    vt_wait(&v, "[d]ownload");
    vt_scene(&v, SCENE_MOVED); /* logs a warning, then that a document came */
    vt_wait(&v, "three more peers");
    assert_int_equal(vt_find(&v, "three more peers"), 23);
    vt_tick(&v, 20 * INT64_C(1000000));
    vt_wait(&v, "[d]ownload");
    vt_stop(&v);
}

static void a_long_line_can_be_read_whole(void **state)
{
    struct vt v;

    (void)state;
    vt_start(&v, SCENE_PEER, 24, 40, "xterm-256color", "C.UTF-8", NULL);
    vt_wait(&v, "8586");
    vt_send(&v, "4");
    vt_wait_reversed(&v, "connection refu…");
    vt_send(&v, "\r");
    vt_wait(&v, "192.168.1.55");
    assert_int_equal(vt_find(&v, "192.168.1.55"), 23);
    assert_int_equal(vt_find(&v, "RFC 8638: connection refused by"), 22);
    vt_tick(&v, 60 * INT64_C(1000000)); /* it stays until a key comes */
    vt_wait(&v, "1:58:48");
    assert_int_equal(vt_find(&v, "192.168.1.55"), 23);
    vt_send(&v, "3G");
    vt_wait_gone(&v, "192.168.1.55");
    vt_stop(&v);

    vt_start(&v, SCENE_PEER, 24, 80, "xterm-256color", "C.UTF-8", NULL);
    vt_wait(&v, "8586");
    vt_send(&v, "3\006");
    vt_wait_reversed(&v, "refused");
    vt_send(&v, "\r");
    vt_wait(&v, "failed: connection refused (d tries again)");
    vt_stop(&v);
}

/* Where the last page cannot scroll any further, the next one found is still the next one. */
static void searching_goes_on_through_the_last_page(void **state)
{
    struct vt v;

    (void)state;
    vt_start(&v, SCENE_PEER, 24, 80, "xterm-256color", "C.UTF-8", NULL);
    vt_wait(&v, "8586");
    vt_send(&v, "\r");
    vt_wait(&v, "A Document Made for Reading");
    vt_send(&v, "/line 5\r"); /* 5, 50 to 59 */
    vt_wait(&v, "/line 5: 1 of 11");
    for (int i = 2; i <= 11; i++) {
        char text[32];

        vt_send(&v, "n");
        snprintf(text, sizeof(text), "/line 5: %d of 11", i);
        vt_wait(&v, text);
    }
    vt_send(&v, "n"); /* around the end */
    vt_wait(&v, "/line 5: 1 of 11");
    vt_send(&v, "q?/quit\rn");
    vt_wait(&v, "/quit: 2 of 2");
    vt_send(&v, "n");
    vt_wait(&v, "/quit: 1 of 2");
    vt_stop(&v);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(titles_leave_room_for_the_sign_of_sorting),
        cmocka_unit_test(a_selected_row_has_its_bar_as_it_is),
        cmocka_unit_test(long_addresses_are_whole_where_there_is_room),
        cmocka_unit_test(the_footer_fits_what_has_the_focus),
        cmocka_unit_test(how_to_leave_is_on_the_screen),
        cmocka_unit_test(news_in_the_footer_are_of_use),
        cmocka_unit_test(a_long_line_can_be_read_whole),
        cmocka_unit_test(searching_goes_on_through_the_last_page),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
