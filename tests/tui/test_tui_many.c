/* 100,000 records: they scroll, sort and filter; times are printed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>

#include "../../src/tui/grid.h"
#include "../../src/tui/views.h"
#include "p2pdi/base/clock.h"
#include "vt.h"

static int64_t timed(struct grid *t, void (*act)(struct grid *t))
{
    int64_t begin_us = clock_mono_us();

    act(t);
    grid_selected(t); /* it is worked out when asked for */
    return clock_mono_us() - begin_us;
}

static void sort_next(struct grid *t)
{
    grid_sort_by(t, 1);
}

static void filter_name(struct grid *t)
{
    grid_set_filter(t, "host-12");
}

static void filter_none(struct grid *t)
{
    grid_set_filter(t, "");
}

static void search_missing(struct grid *t)
{
    snprintf(t->search, sizeof(t->search), "nowhere to be found");
    assert_false(grid_search(t, true, false));
}

static void sorting_and_filtering(void **state)
{
    struct snap_board board;
    struct snapshot *snapshot;
    struct grid t;

    (void)state;
    snap_board_init(&board);
    model_fill(&board, SCENE_RS_MANY, MODEL_NOW_US);

    int64_t begin_us = clock_mono_us();

    snapshot = snap_board_snapshot(&board);
    print_message("snapshot of 100,000 rows: %lld us\n", (long long)(clock_mono_us() - begin_us));
    assert_non_null(snapshot);
    grid_init(&t, &view_records);
    grid_update(&t, &snapshot->content.records, MODEL_NOW_US);
    assert_int_equal(t.shown, 100000);
    for (size_t c = 0; c < view_records.column_count; c++) {
        int64_t us = timed(&t, sort_next);
        const struct grid_column *column = &view_records.columns[t.sort];

        print_message("sort by %s: %lld us\n", column->title, (long long)us);
        for (size_t i = 1; i < t.shown && column->key != NULL; i++) {
            uint64_t a = column->key(grid_shown(&t, i - 1)), b = column->key(grid_shown(&t, i));

            assert_true(column->falling ? a >= b : a <= b);
        }
    }
    print_message("filter: %lld us\n", (long long)timed(&t, filter_name));
    assert_in_range(t.shown, 500, 2000);
    print_message("no filter: %lld us\n", (long long)timed(&t, filter_none));
    print_message("search in vain: %lld us\n", (long long)timed(&t, search_missing));
    grid_fini(&t);
    snapshot_unref(snapshot);
    snap_board_fini(&board);
}

static void on_the_screen(void **state)
{
    struct vt v;

    (void)state;
    vt_start(&v, SCENE_RS_MANY, 40, 120, "xterm-256color", "C.UTF-8", NULL);
    vt_wait(&v, "Peers (100000)");
    vt_send(&v, "G");
    vt_wait(&v, "100000/100000");
    vt_send(&v, "g>>>>>>>");
    vt_wait(&v, "name↑");
    vt_wait(&v, "host-00000");

    int64_t begin_us = clock_mono_us();

    vt_send(&v, "\\host-777\r");
    vt_wait(&v, "\\host-777: 1");
    print_message("filter typed to filter seen: %lld us\n",
                  (long long)(clock_mono_us() - begin_us));
    vt_stop(&v);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sorting_and_filtering),
        cmocka_unit_test(on_the_screen),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
