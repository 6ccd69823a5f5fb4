/* The log pane: where what is logged goes while the screen is up. */
#include "views.h"

#include <stdio.h>

static const struct snap_line *of(const void *row)
{
    return row;
}

static void time_format(const struct grid_moment *m, const void *row, char out[GRID_CELL_SIZE])
{
    (void)m;
    view_format_clock(out, of(row)->at_s, false);
}

static uint64_t time_key(const void *row)
{
    return (uint64_t)of(row)->at_s;
}

static void level_format(const struct grid_moment *m, const void *row, char out[GRID_CELL_SIZE])
{
    static const char letters[] = {[SNAP_ERROR] = 'E',
                                   [SNAP_WARN] = 'W',
                                   [SNAP_ANSWER] = 'I',
                                   [SNAP_INFO] = 'I',
                                   [SNAP_DEBUG] = 'D'};

    (void)m;
    snprintf(out, GRID_CELL_SIZE, "%c", letters[of(row)->level]);
}

static uint64_t level_key(const void *row)
{
    return (uint64_t)of(row)->level;
}

static void text_format(const struct grid_moment *m, const void *row, char out[GRID_CELL_SIZE])
{
    (void)m;
    snprintf(out, GRID_CELL_SIZE, "%s", shared_text_str(of(row)->text));
}

static const char *text_of(const void *row)
{
    return shared_text_str(of(row)->text);
}

static unsigned level_style(const void *row)
{
    return of(row)->level == SNAP_ERROR   ? STYLE_BAD
           : of(row)->level == SNAP_WARN  ? STYLE_BUSY
           : of(row)->level == SNAP_DEBUG ? STYLE_DIM
                                          : STYLE_TEXT;
}

static size_t describe(const void *row, char out[GRID_TEXT_SIZE])
{
    return describe_word(out, 0, text_of(row));
}

static const struct grid_column columns[] = {
    {.title = "time", .width = 8, .rank = 1, .format = time_format, .key = time_key},
    {.title = "",
     .width = 1,
     .rank = 2,
     .format = level_format,
     .style = level_style,
     .key = level_key},
    {.title = "message",
     .width = GRID_FLEX_MIN,
     .most = GRID_ALL,
     .rank = 3,
     .format = text_format,
     .text = text_of},
};

const struct grid_type view_log = {
    .columns = columns,
    .column_count = sizeof(columns) / sizeof(columns[0]),
    .sort = sizeof(columns) / sizeof(columns[0]),
    .hint = "nothing has happened yet",
    .headless = true,
    .at_bottom = true,
    .describe = describe,
};
