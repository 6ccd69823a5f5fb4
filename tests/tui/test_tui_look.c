/* How tables look: widths, the selected row, what is said at the bottom. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(titles_leave_room_for_the_sign_of_sorting),
        cmocka_unit_test(a_selected_row_has_its_bar_as_it_is),
        cmocka_unit_test(long_addresses_are_whole_where_there_is_room),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
