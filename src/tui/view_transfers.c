/* The peer's downloads, each with its timer, and the curves of how they came in. */
#include "views.h"

#include "p2pdi/base/clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct snap_transfer *of(const void *row)
{
    return row;
}

/* So far, or from first to last. */
static int64_t duration_us(const struct snap_transfer *t, int64_t now_us)
{
    if (t->start_us == 0)
        return -1;
    return (t->end_us != 0 ? t->end_us : now_us) - t->start_us;
}

static void number_format(const struct grid_moment *m, const void *row, char out[GRID_CELL_SIZE])
{
    (void)m;
    snprintf(out, GRID_CELL_SIZE, "%u", of(row)->rfc);
}

static uint64_t number_key(const void *row)
{
    return of(row)->rfc;
}

static void from_format(const struct grid_moment *m, const void *row, char out[GRID_CELL_SIZE])
{
    (void)m;
    out[0] = '\0';
    if (of(row)->from != 0)
        snprintf(out, GRID_CELL_SIZE, "%u", of(row)->from);
    else if (of(row)->state != SNAP_TRANSFER_QUEUED && of(row)->addr.port != 0)
        addr_format(&of(row)->addr, out);
}

static uint64_t from_key(const void *row)
{
    return of(row)->from;
}

static void size_format(const struct grid_moment *m, const void *row, char out[GRID_CELL_SIZE])
{
    (void)m;
    view_format_rate(out, of(row)->size_bytes);
}

static uint64_t size_key(const void *row)
{
    return of(row)->size_bytes;
}

/* All of it, or in a word, or only that. */
static void failed_format(const struct snap_transfer *t, int w, char out[GRID_CELL_SIZE])
{
    snprintf(out, GRID_CELL_SIZE, "failed: %s", shared_text_str(t->why));
    if (text_cells(out) > w && t->word != NULL)
        snprintf(out, GRID_CELL_SIZE, "failed: %s", t->word);
    if (text_cells(out) > w && t->word != NULL)
        snprintf(out, GRID_CELL_SIZE, "%s", t->word);
}

#define PERCENT_CELLS 5

static void draw_progress(const struct grid_moment *m, const void *row, int y, int x, int w,
                          unsigned style)
{
    const struct snap_transfer *t = of(row);
    unsigned reverse = style & STYLE_REVERSE;
    char word[GRID_CELL_SIZE] = "";
    int bar = w - PERCENT_CELLS;

    (void)m;
    if (t->state == SNAP_TRANSFER_FAILED || t->state == SNAP_TRANSFER_QUEUED) {
        if (t->state == SNAP_TRANSFER_QUEUED)
            snprintf(word, sizeof(word), "queued");
        else
            failed_format(t, w, word);
        draw_field(y, x, w, (t->state == SNAP_TRANSFER_FAILED ? STYLE_BAD : STYLE_DIM) | reverse,
                   word, false, NULL);
        return;
    }

    bool done = t->state == SNAP_TRANSFER_DONE;
    uint64_t have = done ? t->size_bytes : t->have_bytes;
    uint64_t percent = t->size_bytes > 0 ? have * 100 / t->size_bytes : done ? 100 : 0;

    if (done)
        snprintf(word, sizeof(word), "done");
    else
        snprintf(word, sizeof(word), "%llu%%", (unsigned long long)(percent < 100 ? percent : 100));
    if (bar >= 4)
        draw_bar(y, x, bar, done ? STYLE_GOOD : STYLE_BUSY, done ? 1 : have,
                 done ? 1 : t->size_bytes); /* in reverse, full would look empty */
    else
        bar = 0;
    draw_field(y, x + bar, w - bar, STYLE_TEXT | reverse, word, true, NULL);
}

/*
 * As a screen lists them: what comes now, what was asked for, the latest first; what waits; what failed;
 * what is done.
 */
static uint64_t progress_key(const void *row)
{
    const uint64_t latest = (UINT64_C(1) << 59) - 1;
    const struct snap_transfer *t = of(row);
    uint64_t state = (uint64_t)t->state << 60;
    uint64_t at = (uint64_t)(t->end_us != 0 ? t->end_us : t->start_us);

    if (t->state == SNAP_TRANSFER_QUEUED)
        return state | t->rfc;
    if (t->state == SNAP_TRANSFER_ACTIVE && t->have_bytes == 0)
        state |= UINT64_C(1) << 59;
    return state | (latest - (at & latest));
}

static void wire_format(const struct grid_moment *m, const void *row, char out[GRID_CELL_SIZE])
{
    const struct snap_transfer *t = of(row);
    uint64_t bytes = t->state == SNAP_TRANSFER_DONE ? t->size_bytes : t->have_bytes;

    (void)m;
    out[0] = '\0';
    if (t->wire_bytes > 0 && bytes > 0)
        snprintf(out, GRID_CELL_SIZE, "%.1fx", (double)bytes / (double)t->wire_bytes);
}

static uint64_t wire_key(const void *row)
{
    const struct snap_transfer *t = of(row);

    return t->wire_bytes > 0 ? t->have_bytes * 1000 / t->wire_bytes : 0;
}

static uint64_t rate_of(const struct snap_transfer *t, int64_t now_us)
{
    int64_t us = duration_us(t, now_us);
    double bytes = (double)(t->state == SNAP_TRANSFER_DONE ? t->size_bytes : t->have_bytes);

    return us > 0 ? (uint64_t)(bytes * 1e6 / (double)us) : 0;
}

static void rate_format(const struct grid_moment *m, const void *row, char out[GRID_CELL_SIZE])
{
    char rate[GRID_CELL_SIZE];

    view_format_rate(rate, rate_of(of(row), m->now_us));
    snprintf(out, GRID_CELL_SIZE, "%.10s%s", rate, rate[0] != '\0' ? "/s" : "");
}

static uint64_t rate_key(const void *row)
{
    return of(row)->end_us != 0 ? rate_of(of(row), 0) : 0;
}

static void time_format(const struct grid_moment *m, const void *row, char out[GRID_CELL_SIZE])
{
    int64_t us = duration_us(of(row), m->now_us);

    out[0] = '\0';
    if (us >= 0)
        text_human_duration_us(us, out);
}

static uint64_t time_key(const void *row)
{
    const struct snap_transfer *t = of(row);

    return t->end_us != 0 ? (uint64_t)(t->end_us - t->start_us) : 0;
}

static void total_format(const struct grid_moment *m, const void *row, char out[GRID_CELL_SIZE])
{
    const struct snap_transfer *t = of(row);
    int64_t begin = m->content->peer.run_start_us;

    out[0] = '\0';
    if (t->end_us >= begin && t->end_us != 0 && begin != 0)
        text_human_duration_us(t->end_us - begin, out);
    else if (t->state == SNAP_TRANSFER_ACTIVE && begin != 0)
        text_human_duration_us(m->now_us - begin, out);
}

static uint64_t total_key(const void *row)
{
    return (uint64_t)of(row)->end_us;
}

static size_t describe(const void *row, char out[GRID_TEXT_SIZE])
{
    static const char *const states[] = {"active", "queued", "failed", "done"};
    const struct snap_transfer *t = of(row);
    size_t n = describe_u64(out, 0, t->rfc);

    n = describe_word(out, n, states[t->state]);
    n = describe_addr(out, n, &t->addr);
    return describe_word(out, n, shared_text_str(t->why));
}

static const struct grid_column columns[] = {
    {.title = "rfc",
     .width = 5,
     .rank = 9,
     .right = true,
     .format = number_format,
     .key = number_key},
    {.title = "from", .width = 5, .rank = 6, .right = true, .format = from_format, .key = from_key},
    {.title = "size",
     .width = 5,
     .rank = 4,
     .right = true,
     .falling = true,
     .format = size_format,
     .key = size_key},
    {.title = "progress",
     .width = GRID_FLEX_MIN,
     .most = GRID_ALL,
     .rank = 8,
     .format = total_format,
     .draw = draw_progress,
     .key = progress_key},
    {.title = "wire",
     .width = 5,
     .rank = 2,
     .right = true,
     .falling = true,
     .format = wire_format,
     .key = wire_key},
    {.title = "rate",
     .width = 6,
     .rank = 3,
     .right = true,
     .falling = true,
     .format = rate_format,
     .key = rate_key},
    {.title = "time", .width = 7, .rank = 7, .right = true, .format = time_format, .key = time_key},
    {.title = "total",
     .width = 7,
     .rank = 1,
     .right = true,
     .format = total_format,
     .key = total_key},
};

const struct grid_type view_transfers = {
    .columns = columns,
    .column_count = sizeof(columns) / sizeof(columns[0]),
    .sort = 3,
    .hint = "no downloads yet: d takes an RFC, D all",
    .describe = describe,
};

/* ---- curves ---------------------------------------------------------------------------------------- */

#define CURVES_MAX 26

struct arrival {
    uint32_t from;
    int64_t us;
};

static int compare_arrivals(const void *pa, const void *pb)
{
    const struct arrival *a = pa, *b = pb;

    if (a->from != b->from)
        return a->from < b->from ? -1 : 1;
    return a->us < b->us ? -1 : a->us > b->us;
}

void view_curves_fini(struct view_curves *c)
{
    free(c->curves);
    free(c->values);
    *c = (struct view_curves){0};
}

void view_curves_update(struct view_curves *c, const struct snap_content *s, int64_t now_us)
{
    const struct rows *rows = &s->transfers;
    int64_t begin = s->peer.run_start_us, started = clock_mono_us();
    struct view_curves next = {.version = rows->version, .start_us = begin, .made_at_us = now_us};
    struct arrival *arrivals;
    size_t n = 0;

    if (c->version == rows->version && c->start_us == begin)
        return;
    if (c->start_us == begin && now_us - c->made_at_us < 10 * c->cost_us)
        return;
    arrivals = malloc((rows->count + 1) * sizeof(*arrivals));
    next.values = malloc((rows->count + 1) * sizeof(*next.values));
    next.curves = calloc(CURVES_MAX, sizeof(*next.curves));
    if (arrivals == NULL || next.values == NULL || next.curves == NULL) {
        free(arrivals);
        view_curves_fini(&next);
        return;
    }
    for (size_t i = 0; i < rows->count; i++) {
        const struct snap_transfer *t = rows_at(rows, i);

        if (t->state == SNAP_TRANSFER_DONE && begin != 0 && t->end_us >= begin)
            arrivals[n++] = (struct arrival){t->from, t->end_us - begin};
    }
    qsort(arrivals, n, sizeof(*arrivals), compare_arrivals);
    for (size_t i = 0; i < n; i++) {
        if (i == 0 || arrivals[i].from != arrivals[i - 1].from) {
            if (next.count == CURVES_MAX)
                break;
            next.curves[next.count++] =
                (struct plot_curve){.label = arrivals[i].from, .values_us = next.values + i};
        }
        next.values[i] = arrivals[i].us;
        next.curves[next.count - 1].count++;
    }
    free(arrivals);
    view_curves_fini(c);
    *c = next;
    c->cost_us = clock_mono_us() - started;
}

static void draw_throughput(struct rect r, const char *sign, const struct snap_history *h,
                            unsigned style)
{
    char rate[TEXT_HUMAN_SIZE], text[64];
    int64_t now = h->count > 0 ? h->sample[h->count - 1] : 0;

    text_human_bytes(now > 0 ? (uint64_t)now : 0, rate);
    snprintf(text, sizeof(text), "%s %5s/s ", sign, rate);

    int n = draw_text(r.y, r.x, r.w, STYLE_TEXT, text);

    draw_sparkline(r.y, r.x + n, r.w - n, style, h);
}

void view_draw_plot(struct rect r, const struct view_curves *c, const struct grid_moment *m)
{
    const struct glyphs *g = screen_glyphs();
    struct rect line = {r.y + r.h - 1, r.x, 1, (r.w - 1) / 2};

    if (r.h < 1)
        return;
    draw_throughput(line, g->utf8 ? g->down : "in", &m->content->peer.down, STYLE_CURVE_2);
    line.x += line.w + 1;
    draw_throughput(line, g->utf8 ? g->up : "out", &m->content->peer.up, STYLE_CURVE_1);
    r.h--;
    if (c->count == 0 && r.h > 0)
        draw_wrapped(
            r, STYLE_DIM,
            "Downloads draw a curve here for each peer that they come from: after which time "
            "how many documents were there.",
            0);
    plot_draw(r, c->curves, c->count);
}
