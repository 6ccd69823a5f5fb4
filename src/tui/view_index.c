/* The peer's index of documents: what is here, what is known of, who holds it. */
#include "views.h"

#include <stdio.h>

static const struct snap_rfc *rfc_of(const void *row)
{
    return row;
}

static void state_format(const struct grid_moment *m, const void *row, char out[GRID_CELL_SIZE])
{
    const struct glyphs *g = screen_glyphs();
    enum snap_rfc_state s = rfc_of(row)->state;

    (void)m;
    snprintf(out, GRID_CELL_SIZE, "%s",
             s == SNAP_RFC_HELD     ? g->held
             : s == SNAP_RFC_WANTED ? g->wanted
                                    : g->known);
}

static unsigned state_style(const void *row)
{
    enum snap_rfc_state s = rfc_of(row)->state;

    return s == SNAP_RFC_HELD ? STYLE_GOOD : s == SNAP_RFC_WANTED ? STYLE_BUSY : STYLE_TEXT;
}

static uint64_t state_key(const void *row)
{
    return (uint64_t)rfc_of(row)->state;
}

static void number_format(const struct grid_moment *m, const void *row, char out[GRID_CELL_SIZE])
{
    (void)m;
    snprintf(out, GRID_CELL_SIZE, "%u", rfc_of(row)->rfc);
}

static uint64_t number_key(const void *row)
{
    return rfc_of(row)->rfc;
}

static void title_format(const struct grid_moment *m, const void *row, char out[GRID_CELL_SIZE])
{
    (void)m;
    snprintf(out, GRID_CELL_SIZE, "%s", shared_text_str(rfc_of(row)->title));
}

static const char *title_text(const void *row)
{
    return shared_text_str(rfc_of(row)->title);
}

static void size_format(const struct grid_moment *m, const void *row, char out[GRID_CELL_SIZE])
{
    (void)m;
    view_format_rate(out, rfc_of(row)->size_bytes);
}

static uint64_t size_key(const void *row)
{
    return rfc_of(row)->size_bytes;
}

static void holders_format(const struct grid_moment *m, const void *row, char out[GRID_CELL_SIZE])
{
    const struct snap_rfc *r = rfc_of(row);
    size_t n = 0, listed = 0;

    (void)m;
    out[0] = '\0';
    for (; listed < r->holders && listed < SNAP_HOLDERS_MAX && r->holder[listed] != 0; listed++)
        n += (size_t)snprintf(out + n, GRID_CELL_SIZE - n, "%s%u", listed > 0 ? "," : "",
                              r->holder[listed]);
    if (listed < r->holders)
        snprintf(out + n, GRID_CELL_SIZE - n, "%s%zu", listed > 0 ? ",+" : "", r->holders - listed);
}

static uint64_t holders_key(const void *row)
{
    return rfc_of(row)->holders;
}

static uint64_t identity(const void *row)
{
    return rfc_of(row)->rfc;
}

static size_t describe(const void *row, char out[GRID_TEXT_SIZE])
{
    static const char *const states[] = {"known", "wanted", "here"};
    const struct snap_rfc *r = rfc_of(row);
    size_t n = describe_word(out, describe_u64(out, 0, r->rfc), shared_text_str(r->title));

    return describe_word(out, n, states[r->state]);
}

static const struct grid_column columns[] = {
    {.title = "",
     .width = 1,
     .rank = 8,
     .falling = true,
     .format = state_format,
     .style = state_style,
     .key = state_key},
    {.title = "rfc",
     .width = 5,
     .rank = 9,
     .right = true,
     .format = number_format,
     .key = number_key},
    {.title = "title",
     .width = GRID_FLEX_MIN,
     .most = GRID_ALL,
     .rank = 7,
     .format = title_format,
     .text = title_text},
    {.title = "size",
     .width = 5,
     .rank = 1,
     .right = true,
     .falling = true,
     .format = size_format,
     .key = size_key},
    {.title = "peers",
     .width = 7,
     .rank = 5,
     .right = true,
     .format = holders_format,
     .key = holders_key},
};

const struct grid_type view_index = {
    .columns = columns,
    .column_count = sizeof(columns) / sizeof(columns[0]),
    .sort = 1,
    .hint = "nothing known yet: i gets the indexes",
    .identity = identity,
    .describe = describe,
};
