/* Tables without a screen: cursor, order, filter, search, marks; and each allocation fails once. */
/* ld: -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc,--wrap=strndup */
#include "../support/failing_alloc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "../../src/tui/grid.h"

struct line {
    uint64_t id, number;
    char name[24];
};

static uint64_t line_id(const void *row)
{
    return ((const struct line *)row)->id;
}

static uint64_t line_number(const void *row)
{
    return ((const struct line *)row)->number;
}

static const char *line_name(const void *row)
{
    return ((const struct line *)row)->name;
}

static size_t describe(const void *row, char out[GRID_TEXT_SIZE])
{
    return describe_word(out, describe_u64(out, 0, line_number(row)), line_name(row));
}

static bool is_wanted(const void *row, uint64_t argument)
{
    return argument == 0 || line_number(row) >= argument;
}

static const struct grid_column columns[] = {
    {.title = "number", .width = 8, .key = line_number},
    {.title = "name", .width = 8, .text = line_name},
};

/* As they come, unless a test sorts them. */
static const struct grid_type plain = {
    .columns = columns, .column_count = 2, .sort = 2, .identity = line_id, .describe = describe};
static const struct grid_type log_like = {
    .columns = columns, .column_count = 2, .sort = 2, .describe = describe, .at_bottom = true};
static const struct grid_type chosen = {.columns = columns,
                                        .column_count = 2,
                                        .sort = 0,
                                        .identity = line_id,
                                        .describe = describe,
                                        .wanted = is_wanted};

static const struct rows_type lines = {.size = sizeof(struct line)};
static struct rows rows;
static struct grid t;

static int start(void **state)
{
    (void)state;
    rows_init(&rows, &lines);
    grid_init(&t, &plain);
    return 0;
}

static int stop(void **state)
{
    (void)state;
    grid_fini(&t);
    rows_fini(&rows);
    return 0;
}

static void add(uint64_t id, uint64_t number, const char *name)
{
    struct line *l = rows_append(&rows);

    assert_non_null(l);
    *l = (struct line){.id = id, .number = number};
    snprintf(l->name, sizeof(l->name), "%s", name);
}

/* The numbers as they are shown, each with a blank behind. */
static const char *shown(void)
{
    static char out[400];
    size_t n = 0;

    out[0] = '\0';
    (void)grid_selected(&t);
    for (size_t i = 0; i < t.shown; i++)
        n += (size_t)snprintf(out + n, sizeof(out) - n, "%d ", (int)line_number(grid_shown(&t, i)));
    assert_null(grid_shown(&t, t.shown));
    return out;
}

static uint64_t selected(void)
{
    const void *row = grid_selected(&t);

    return row == NULL ? 0 : line_number(row);
}

static void an_empty_table_has_nothing_selected(void **state)
{
    size_t at = 1, of = 1;

    (void)state;
    assert_null(grid_selected(&t)); /* before there were rows at all */
    assert_null(grid_shown(&t, 0));
    grid_update(&t, &rows, 1);
    assert_null(grid_selected(&t));
    grid_move(&t, 3);
    grid_move(&t, -3);
    grid_mark(&t);
    assert_int_equal(t.mark_count, 0);
    assert_false(grid_walk_marked(&t, NULL, NULL));
    assert_false(grid_search(&t, true, true));
    snprintf(t.search, sizeof(t.search), "x");
    assert_false(grid_search(&t, true, true));
    grid_matches(&t, &at, &of);
    assert_int_equal(of, 0);
    assert_false(grid_shift(&t, -1));
    assert_false(grid_shift(&t, 1));
}

static void the_cursor_stays_with_its_row(void **state)
{
    (void)state;
    for (uint64_t i = 1; i <= 5; i++)
        add(i, 10 * i, "a");
    grid_update(&t, &rows, 1);
    assert_int_equal(selected(), 10);
    grid_move(&t, 2);
    assert_int_equal(selected(), 30);
    /* The last row comes to the place of one that goes; the selected one went elsewhere. */
    assert_true(rows_remove(&rows, 0));
    grid_update(&t, &rows, 2);
    assert_string_equal(shown(), "50 20 30 40 ");
    assert_int_equal(selected(), 30);
    t.reverse = true;
    t.stale = true;
    assert_string_equal(shown(), "40 30 20 50 ");
    assert_int_equal(selected(), 30);
    /* When it goes itself, the cursor stays where it was, or at the end. */
    grid_move_to(&t, 99);
    assert_int_equal(selected(), 50);
    assert_true(rows_remove(&rows, 0));
    grid_update(&t, &rows, 3);
    assert_string_equal(shown(), "30 20 40 ");
    assert_int_equal(selected(), 40);
    grid_move(&t, -99);
    assert_int_equal(selected(), 30);
}

static void what_stays_at_the_end_does_until_one_moves(void **state)
{
    (void)state;
    grid_init(&t, &log_like);
    for (uint64_t i = 1; i <= 3; i++)
        add(0, i, "line");
    grid_update(&t, &rows, 1);
    assert_int_equal(selected(), 3);
    add(0, 4, "line");
    grid_update(&t, &rows, 2);
    assert_int_equal(selected(), 4);
    grid_move(&t, -1);
    add(0, 5, "line");
    grid_update(&t, &rows, 3);
    assert_int_equal(selected(), 3);
    grid_move(&t, 9);
    add(0, 6, "line");
    grid_update(&t, &rows, 4);
    assert_int_equal(selected(), 6);
}

static void rows_are_sorted_by_each_column_and_as_they_come(void **state)
{
    (void)state;
    add(1, 20, "bravo");
    add(2, 10, "Alpha");
    add(3, 30, "charlie-twenty-one");
    add(4, 40, "charlie-twenty");
    grid_update(&t, &rows, 1);
    assert_string_equal(shown(), "20 10 30 40 ");
    grid_sort_by(&t, 1);
    assert_string_equal(shown(), "10 20 30 40 ");
    grid_sort_by(&t, 1);
    assert_string_equal(shown(), "10 20 40 30 ");
    grid_sort_reverse(&t);
    assert_string_equal(shown(), "30 40 20 10 ");
    grid_sort_by(&t, 1); /* around the end, and not in reverse any more */
    assert_string_equal(shown(), "10 20 30 40 ");
    grid_sort_by(&t, -1);
    assert_string_equal(shown(), "10 20 40 30 ");
    t.sort = 2;
    grid_sort_by(&t, -1); /* from the left of all */
    assert_int_equal(t.sort, 1);
    /* Texts that differ late, and many of them. */
    for (int i = 0; i < 300; i++) {
        char name[24];

        snprintf(name, sizeof(name), "charlie-twenty-%03d", (i * 7) % 300);
        add((uint64_t)(10 + i), (uint64_t)(1000 + (i * 7) % 300), name);
    }
    grid_update(&t, &rows, INT64_MAX);
    (void)grid_selected(&t);
    for (size_t i = 1; i < t.shown; i++)
        assert_true(strcasecmp(line_name(grid_shown(&t, i - 1)), line_name(grid_shown(&t, i))) <=
                    0);
}

static void filter_and_argument_leave_rows_out(void **state)
{
    (void)state;
    grid_init(&t, &chosen);
    add(1, 20, "bravo");
    add(2, 10, "alpha");
    add(3, 30, "Alphabet");
    grid_update(&t, &rows, 1);
    assert_string_equal(shown(), "10 20 30 ");
    grid_set_argument(&t, 15);
    grid_set_argument(&t, 15);
    assert_string_equal(shown(), "20 30 ");
    grid_set_filter(&t, "ALPHA");
    assert_string_equal(shown(), "30 ");
    grid_set_argument(&t, 0);
    assert_string_equal(shown(), "10 30 ");
    grid_set_filter(&t, "nobody");
    assert_string_equal(shown(), "");
    assert_null(grid_selected(&t));
}

static void a_search_goes_around_both_ways(void **state)
{
    size_t at, of;

    (void)state;
    add(1, 1, "alpha");
    add(2, 2, "beta");
    add(3, 3, "ALPHABET");
    grid_update(&t, &rows, 1);
    assert_false(grid_search(&t, true, true)); /* for nothing */
    snprintf(t.search, sizeof(t.search), "alpha");
    assert_true(grid_search(&t, true, true));
    assert_int_equal(selected(), 1);
    assert_true(grid_search(&t, true, false));
    assert_int_equal(selected(), 3);
    grid_matches(&t, &at, &of);
    assert_int_equal(at, 2);
    assert_int_equal(of, 2);
    assert_true(grid_search(&t, true, false));
    assert_int_equal(selected(), 1);
    assert_true(grid_search(&t, false, false));
    assert_int_equal(selected(), 3);
    snprintf(t.search, sizeof(t.search), "gamma");
    assert_false(grid_search(&t, false, false));
    assert_int_equal(selected(), 3);
}

static void sum_up(void *arg, const void *row)
{
    *(uint64_t *)arg += line_number(row);
}

static void marks_stay_with_their_rows(void **state)
{
    uint64_t sum = 0;

    (void)state;
    for (uint64_t i = 1; i <= 40; i++)
        add(i, i, "a");
    grid_update(&t, &rows, 1);
    for (size_t i = 40; i-- > 0;) {
        grid_move_to(&t, i);
        grid_mark(&t);
    }
    grid_move_to(&t, 4);
    grid_mark(&t); /* once more: no longer */
    assert_int_equal(t.mark_count, 39);
    assert_true(grid_walk_marked(&t, sum_up, &sum));
    assert_int_equal(sum, 40 * 41 / 2 - 5);
    grid_marks_clear(&t);
    assert_false(grid_walk_marked(&t, sum_up, &sum));
}

static void words_are_cut_where_a_description_ends(void **state)
{
    char out[GRID_TEXT_SIZE];
    char word[GRID_TEXT_SIZE];

    (void)state;
    memset(word, 'x', sizeof(word) - 1);
    word[sizeof(word) - 1] = '\0';

    size_t n = describe_word(out, 0, word);

    assert_true(n < sizeof(out));
    assert_int_equal(strlen(out), n);
    assert_int_equal(describe_word(out, 10, word), n);
    assert_int_equal(strlen(out), n);
}

/* What cannot be sorted is shown as it comes; what cannot be marked is not; later it is made up for. */
static void each_allocation_may_fail(void **state)
{
    (void)state;
    add(1, 20, "bravo");
    add(2, 10, "alpha");
    for (int n = 1;; n++) {
        grid_init(&t, &chosen);
        failing_alloc_at(n);
        grid_update(&t, &rows, 1);
        assert_int_equal(t.shown, 2);
        grid_mark(&t);

        bool failed = failing_alloc_off();

        t.stale = true;
        assert_string_equal(shown(), "10 20 ");
        if (t.mark_count == 0)
            grid_mark(&t);
        assert_int_equal(t.mark_count, 1);
        grid_fini(&t);
        if (!failed)
            break;
    }
    grid_init(&t, &plain);
}

int main(void)
{
#define GRID_TEST(f) cmocka_unit_test_setup_teardown(f, start, stop)
    const struct CMUnitTest tests[] = {
        GRID_TEST(an_empty_table_has_nothing_selected),
        GRID_TEST(the_cursor_stays_with_its_row),
        GRID_TEST(what_stays_at_the_end_does_until_one_moves),
        GRID_TEST(rows_are_sorted_by_each_column_and_as_they_come),
        GRID_TEST(filter_and_argument_leave_rows_out),
        GRID_TEST(a_search_goes_around_both_ways),
        GRID_TEST(marks_stay_with_their_rows),
        GRID_TEST(words_are_cut_where_a_description_ends),
        GRID_TEST(each_allocation_may_fail),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
