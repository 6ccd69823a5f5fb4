/* Cursor, marks, search and drawing of tables. In the thread of tui_run. */
#include "grid.h"

#include "p2pdi/base/clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Sorting again may take this part of the time at most. */
#define ORDER_SHARE 10

void grid_init(struct grid *t, const struct grid_type *type)
{
    *t = (struct grid){.type = type, .sort = type->sort, .pinned = true, .stale = true, .page = 1};
}

void grid_fini(struct grid *t)
{
    free(t->order);
    free(t->marks);
}

static size_t row_at(const struct grid *t, size_t position)
{
    return t->order != NULL ? t->order[position] : position;
}

const void *grid_shown(const struct grid *t, size_t position)
{
    return t->rows == NULL || position >= t->shown ? NULL : rows_at(t->rows, row_at(t, position));
}

/* ---- cursor -------------------------------------------------------------------------------------- */

static void remember(struct grid *t)
{
    if (t->cursor < t->shown)
        t->cursor_id = grid_identity(t, row_at(t, t->cursor));
}

/* After a new order: the cursor goes where its row is now, or stays where it was. */
static void find_again(struct grid *t)
{
    size_t last = t->shown == 0 ? 0 : t->shown - 1;

    if (t->pinned) {
        t->cursor = t->type->at_bottom ? last : 0;
    } else {
        bool there = t->cursor < t->shown && grid_identity(t, row_at(t, t->cursor)) == t->cursor_id;

        for (size_t i = 0; !there && i < t->shown; i++)
            if (grid_identity(t, row_at(t, i)) == t->cursor_id) {
                /* The screen moves along, so that the eye keeps the row. */
                size_t above = t->cursor >= t->top ? t->cursor - t->top : 0;

                t->cursor = i;
                t->top = i >= above ? i - above : 0;
                there = true;
            }
        if (t->cursor > last)
            t->cursor = last;
    }
    remember(t);
}

void grid_update(struct grid *t, const struct rows *rows, int64_t now_us)
{
    bool shrunk = rows->count < t->ordered_count || rows->first != t->ordered_first;
    bool changed = rows->version != t->ordered_version;

    t->rows = rows;
    if (!t->stale && !changed)
        return;
    if (!t->stale && !shrunk && t->order != NULL &&
        now_us - t->ordered_at_us < ORDER_SHARE * t->order_cost_us)
        return;

    int64_t begin_us = clock_mono_us();

    if (grid_order(t) != DI_OK) {
        free(t->order); /* as the rows come, then: anything else would point nowhere */
        t->order = NULL;
        t->shown = rows->count;
    }
    t->order_cost_us = clock_mono_us() - begin_us;
    t->ordered_at_us = now_us;
    t->ordered_version = rows->version;
    t->ordered_first = rows->first;
    t->ordered_count = rows->count;
    t->stale = false;
    find_again(t);
}

/* Order and filter were changed: worked out when somebody asks, so that a burst of keys costs once. */
static void settle(struct grid *t)
{
    if (t->stale && t->rows != NULL)
        grid_update(t, t->rows, t->ordered_at_us);
}

const void *grid_selected(struct grid *t)
{
    settle(t);
    return grid_shown(t, t->cursor);
}

void grid_move_to(struct grid *t, size_t position)
{
    settle(t);

    size_t last = t->shown == 0 ? 0 : t->shown - 1;

    t->cursor = position > last ? last : position;
    t->pinned = t->type->at_bottom ? t->cursor == last : t->cursor == 0;
    remember(t);
}

void grid_move(struct grid *t, int64_t by)
{
    settle(t);
    if (by < 0 && (size_t)-by > t->cursor)
        grid_move_to(t, 0);
    else
        grid_move_to(t, t->cursor + (size_t)by);
}

bool grid_shift(struct grid *t, int by)
{
    int to = t->shift + by;

    if (to < 0 || (by > 0 && (!t->narrow || (size_t)to + 1 >= t->type->column_count)))
        return false;
    t->shift = to;
    return true;
}

/* ---- order --------------------------------------------------------------------------------------- */

void grid_sort_by(struct grid *t, int by)
{
    size_t n = t->type->column_count;

    if (t->sort >= n)
        t->sort = by > 0 ? 0 : n - 1;
    else
        t->sort = (t->sort + (by > 0 ? 1 : n - 1)) % n;
    t->reverse = false;
    t->stale = true;
}

void grid_sort_reverse(struct grid *t)
{
    t->reverse = !t->reverse;
    t->stale = true;
}

void grid_set_filter(struct grid *t, const char *word)
{
    snprintf(t->filter, sizeof(t->filter), "%s", word);
    t->stale = true;
}

void grid_set_argument(struct grid *t, uint64_t argument)
{
    if (t->argument != argument) {
        t->argument = argument;
        t->stale = true;
    }
}

static bool has_search(const struct grid *t, size_t position)
{
    char text[GRID_TEXT_SIZE];

    t->type->describe(grid_shown(t, position), text);
    return text_find_nocase(text, t->search) != NULL;
}

bool grid_search(struct grid *t, bool forward, bool from_here)
{
    if (t->search[0] == '\0')
        return false;
    settle(t);
    for (size_t i = from_here ? 0 : 1; i <= t->shown && t->shown > 0; i++) {
        size_t step = i % t->shown;
        size_t at = (forward ? t->cursor + step : t->cursor + t->shown - step) % t->shown;

        if (has_search(t, at)) {
            grid_move_to(t, at);
            return true;
        }
    }
    return false;
}

void grid_matches(const struct grid *t, size_t *at, size_t *of)
{
    *at = *of = 0;
    for (size_t i = 0; i < t->shown; i++) {
        if (!has_search(t, i))
            continue;
        ++*of;
        if (i <= t->cursor)
            *at = *of;
    }
}

/* ---- marks --------------------------------------------------------------------------------------- */

/* Where id is, or would be. */
static size_t mark_place(const struct grid *t, uint64_t id)
{
    size_t low = 0, high = t->mark_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (t->marks[middle] < id)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static bool is_marked(const struct grid *t, uint64_t id)
{
    size_t at = mark_place(t, id);

    return at < t->mark_count && t->marks[at] == id;
}

void grid_mark(struct grid *t)
{
    if (grid_selected(t) == NULL)
        return;

    uint64_t id = grid_identity(t, row_at(t, t->cursor));
    size_t at = mark_place(t, id);

    if (at < t->mark_count && t->marks[at] == id) {
        t->mark_count--;
        memmove(t->marks + at, t->marks + at + 1, (t->mark_count - at) * sizeof(*t->marks));
        return;
    }
    if (t->mark_count == t->mark_cap) {
        size_t cap = t->mark_cap == 0 ? 16 : 2 * t->mark_cap;
        uint64_t *more = realloc(t->marks, cap * sizeof(*more));

        if (more == NULL)
            return;
        t->marks = more;
        t->mark_cap = cap;
    }
    memmove(t->marks + at + 1, t->marks + at, (t->mark_count - at) * sizeof(*t->marks));
    t->marks[at] = id;
    t->mark_count++;
}

void grid_marks_clear(struct grid *t)
{
    t->mark_count = 0;
}

bool grid_walk_marked(const struct grid *t, void (*visit)(void *arg, const void *row), void *arg)
{
    if (t->mark_count == 0 || t->rows == NULL)
        return false;
    for (size_t i = 0; i < t->rows->count; i++)
        if (is_marked(t, grid_identity(t, i)))
            visit(arg, rows_at(t->rows, i));
    return true;
}

/* ---- drawing ------------------------------------------------------------------------------------- */

#define COLUMNS_MAX 16

/* What is left over goes to the columns that can use it, in equal shares. */
static void share_rest(const struct grid_type *type, int rest, int widths[COLUMNS_MAX])
{
    while (rest > 0) {
        int takers = 0;

        for (size_t c = 0; c < type->column_count; c++)
            takers += widths[c] > 0 && widths[c] < type->columns[c].most;
        if (takers == 0)
            return;

        int share = rest < takers ? 1 : rest / takers;

        for (size_t c = 0; c < type->column_count && rest > 0; c++) {
            int room = widths[c] > 0 ? type->columns[c].most - widths[c] : 0;
            int taken = room <= 0 ? 0 : room < share ? room : share;

            widths[c] += taken;
            rest -= taken;
        }
    }
}

/* Widths of the columns that fit into w cells; 0: left out. */
static void fit_columns(struct grid *t, int w, int widths[COLUMNS_MAX])
{
    const struct grid_type *type = t->type;
    bool out[COLUMNS_MAX] = {false};
    int needed = 0;
    size_t left = 0;

    for (size_t c = 0; c < type->column_count; c++) {
        out[c] = c > 0 && (int)c <= t->shift;
        if (out[c])
            continue;
        needed += type->columns[c].width + 1;
        left++;
    }
    t->narrow = false;
    while (needed - 1 > w && left > 1) {
        size_t worst = 0;

        for (size_t c = 1; c < type->column_count; c++)
            if (!out[c] && (out[worst] || type->columns[c].rank < type->columns[worst].rank))
                worst = c;
        out[worst] = true;
        needed -= type->columns[worst].width + 1;
        left--;
        t->narrow = true;
    }
    for (size_t c = 0; c < type->column_count; c++)
        widths[c] = out[c] ? 0 : type->columns[c].width;
    share_rest(type, w - (needed - 1), widths);
    if (left == 1)
        for (size_t c = 0; c < type->column_count; c++)
            if (widths[c] > w)
                widths[c] = w;
}

static void draw_titles(const struct grid *t, int y, int x, const int widths[COLUMNS_MAX])
{
    const struct glyphs *g = screen_glyphs();

    for (size_t c = 0; c < t->type->column_count; c++) {
        const struct grid_column *column = &t->type->columns[c];
        char title[64];

        if (widths[c] <= 0)
            continue;

        bool sorted = c == t->sort;

        snprintf(title, sizeof(title), "%s%s", column->title,
                 !sorted                         ? ""
                 : column->falling != t->reverse ? g->down
                                                 : g->up);
        draw_field(y, x, widths[c], sorted ? STYLE_TEXT | STYLE_BOLD : STYLE_DIM, title,
                   column->right, NULL);
        x += widths[c] + 1;
    }
}

static void draw_row(const struct grid *t, int y, struct rect r, size_t position, bool selected,
                     const int widths[COLUMNS_MAX], const struct grid_moment *m)
{
    size_t index = row_at(t, position);
    const void *row = rows_at(t->rows, index);
    unsigned style = t->type->style != NULL ? t->type->style(row) : STYLE_TEXT;
    unsigned reverse = selected ? STYLE_REVERSE : 0;
    bool marked = is_marked(t, grid_identity(t, index));
    int x = r.x + 1;

    if (marked)
        style |= STYLE_BOLD;
    draw_blank(y, r.x, r.w, style | reverse);
    if (marked)
        draw_text(y, r.x, 1, style | reverse, screen_glyphs()->mark);
    for (size_t c = 0; c < t->type->column_count; c++) {
        const struct grid_column *column = &t->type->columns[c];
        char text[GRID_CELL_SIZE] = "";

        if (widths[c] <= 0)
            continue;

        /* One bar from end to end is what the selected row looks like. */
        unsigned as =
            column->style != NULL && style == STYLE_TEXT && !selected ? column->style(row) : style;

        if (column->draw != NULL) {
            column->draw(m, row, y, x, widths[c], as | reverse);
        } else {
            column->format(m, row, text);
            draw_field(y, x, widths[c], as | reverse, text, column->right, t->search);
        }
        x += widths[c] + 1;
    }
}

void grid_draw(struct grid *t, struct rect r, bool focused, const struct grid_moment *m)
{
    int widths[COLUMNS_MAX] = {0};
    bool titles = !t->type->headless && r.h >= 3;
    int rows = r.h - (titles ? 1 : 0);

    t->page = rows > 0 ? rows : 1;
    t->drawn = r;
    if (r.h < 1 || r.w < 1 || t->rows == NULL)
        return;
    fit_columns(t, r.w - 1, widths);
    if (titles)
        draw_titles(t, r.y, r.x + 1, widths);

    if (t->shown == 0 && rows > 0) {
        const char *hint = t->filter[0] != '\0' ? "nothing matches the filter" : t->type->hint;

        if (hint != NULL)
            draw_wrapped((struct rect){r.y + (titles ? 1 : 0), r.x + 1, rows, r.w - 1}, STYLE_DIM,
                         hint, 0);
    }

    /* The cursor is on the screen, and no more empty rows are than need be. */
    size_t page = (size_t)t->page;

    if (t->cursor < t->top)
        t->top = t->cursor;
    if (t->cursor >= t->top + page)
        t->top = t->cursor - page + 1;
    if (t->top + page > t->shown)
        t->top = t->shown > page ? t->shown - page : 0;
    for (size_t i = 0; i < page && t->top + i < t->shown; i++)
        draw_row(t, r.y + (titles ? 1 : 0) + (int)i, r, t->top + i,
                 focused && t->top + i == t->cursor, widths, m);
}

void grid_position_text(const struct grid *t, char out[48])
{
    out[0] = '\0';
    if (t->shown > (size_t)t->page)
        snprintf(out, 48, "%zu/%zu", t->cursor + 1, t->shown);
}

bool grid_position_at(const struct grid *t, int y, size_t *position)
{
    int line = y - t->drawn.y - (!t->type->headless && t->drawn.h >= 3 ? 1 : 0);

    if (line < 0 || line >= t->page || t->top + (size_t)line >= t->shown)
        return false;
    *position = t->top + (size_t)line;
    return true;
}
