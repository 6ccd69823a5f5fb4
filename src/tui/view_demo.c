/* The demo's screen: who gets how much from whom, the runs side by side, and the comparison at the end. */
#include "views.h"

#include "footer.h"

#include <stdio.h>
#include <string.h>

#define RATE_CELLS 7
#define UPLINK_CELLS 10
#define PLOT_ROWS 7  /* of the plot, where not all peers have room beside it */
#define PLOT_LEAST 5 /* below that it shows nothing */
/* What comes after the task in the header: "checking every file", the time, "q quit". */
#define HEADER_REST (2 + 19 + 2 + 8 + 2 + 6)

static const struct snap_demo *of(const struct grid_moment *m)
{
    return &m->content->demo;
}

static int64_t elapsed_us(const struct grid_moment *m)
{
    const struct snap_demo *d = of(m);
    int64_t last = 0;

    if (d->start_us == 0)
        return 0;
    if (d->running)
        return m->now_us - d->start_us;
    for (size_t i = 0; i < d->peers; i++)
        last = d->peer[i].end_us > last ? d->peer[i].end_us : last;
    return last;
}

/* The part of r below its first h rows becomes r; those are returned. */
static struct rect cut_top(struct rect *r, int h)
{
    struct rect top = {r->y, r->x, h < r->h ? h : r->h, r->w};

    r->y += top.h;
    r->h -= top.h;
    return top;
}

static bool has_frame(struct rect r)
{
    return r.h >= 3 && r.w >= 24;
}

static struct rect frame(struct rect r, const char *title)
{
    if (!has_frame(r))
        return r;
    draw_frame(r, title, false);
    return (struct rect){r.y + 1, r.x + 2, r.h - 2, r.w - 4};
}

/*
 * Puts the first of the lines right, of which so many rows are shown, and tells in the frame's lower edge
 * which they are; false: all of them.
 */
static bool settle(struct rect r, int *top, int rows, int lines)
{
    int last = lines > rows ? lines - rows : 0;
    char place[48];

    *top = *top > last ? last : *top < 0 ? 0 : *top;
    if (last == 0 || !has_frame(r))
        return last > 0;
    snprintf(place, sizeof(place), " %d-%d/%d ", *top + 1, *top + rows, lines);
    if (text_cells(place) + 4 <= r.w)
        draw_text(r.y + r.h - 1, r.x + r.w - 2 - text_cells(place), text_cells(place), STYLE_DIM,
                  place);
    return true;
}

static void format_run(const struct snap_demo *d, int w, char *out, size_t size)
{
    const char *title = experiment_task_title(d->task);
    int n = snprintf(out, size, "%zu of %zu", d->run, d->runs);

    if (n + 2 + text_cells(title) + HEADER_REST <= w)
        snprintf(out + n, size - (size_t)n, ": %s", title);
}

/* The way out, what is going on and since when outlast all else where it is narrow. */
static void draw_header(struct rect r, const struct grid_moment *m)
{
    const struct snap_demo *d = of(m);
    struct view_part parts[5] = {{0}};
    char duration[TEXT_HUMAN_SIZE] = "";

    if (r.h < 1)
        return;
    if (d->start_us != 0)
        text_human_duration_us(elapsed_us(m), duration);
    parts[0] = (struct view_part){.rank = 50, .style = STYLE_TITLE, .text = "P2P-DI demo"};
    parts[1] = (struct view_part){.rank = 60, .style = STYLE_HEAD};
    if (d->text != NULL)
        snprintf(parts[1].text, sizeof(parts[1].text), "who was faster");
    else if (d->runs > 0)
        format_run(d, r.w, parts[1].text, sizeof(parts[1].text));
    parts[2] = (struct view_part){.rank = 80, .style = STYLE_BUSY};
    parts[3] = (struct view_part){.rank = 70, .style = STYLE_HEAD};
    if (d->text == NULL) {
        snprintf(parts[2].text, sizeof(parts[2].text), "%s", d->doing);
        snprintf(parts[3].text, sizeof(parts[3].text), "%s", duration);
    }
    parts[4] = (struct view_part){.rank = 1090, .style = STYLE_DIM, .text = "q quit"};
    view_draw_parts(r, parts, 5, 2);
}

/* ---- peers ------------------------------------------------------------------------------------- */

/* What there is room for; 0: left out. */
struct widths {
    int bar, files, down, up, uplink, time;
};

static struct widths widths_for(int w, const struct snap_demo *d)
{
    struct widths to = {.files = 9};
    int left = w - 3 - 1 - to.files - 1;

    if (left >= 10 + 9) {
        left -= 9;
        to.time = 8;
    }
    if (left >= 10 + RATE_CELLS + 2) {
        left -= RATE_CELLS + 2;
        to.up = RATE_CELLS + 1;
    }
    if (left >= 10 + RATE_CELLS + 2) {
        left -= RATE_CELLS + 2;
        to.down = RATE_CELLS + 1;
    }
    if (d->up_limit_bps > 0 && left >= 16 + UPLINK_CELLS + 1) {
        left -= UPLINK_CELLS + 1;
        to.uplink = UPLINK_CELLS;
    }
    to.bar = left;
    return to;
}

static int put(int y, int x, int w, unsigned style, const char *text, bool right)
{
    if (w <= 0)
        return 0;
    draw_field(y, x, w, style, text, right, NULL);
    return w + 1;
}

static void draw_titles(int y, int x, const struct widths *to)
{
    x += 4;
    x += put(y, x, to->bar, STYLE_DIM, "documents", false);
    x += put(y, x, to->files, STYLE_DIM, "", true);
    x += put(y, x, to->down, STYLE_DIM, "receives", true);
    x += put(y, x, to->up, STYLE_DIM, "sends", true);
    x += put(y, x, to->uplink, STYLE_DIM, "uplink", false);
    put(y, x, to->time, STYLE_DIM, "time", true);
}

static void format_rate(char out[32], uint64_t bps)
{
    char rate[GRID_CELL_SIZE];

    view_format_rate(rate, bps);
    snprintf(out, 32, "%.10s%s", rate, rate[0] != '\0' ? "/s" : "");
}

/* Bar, files and rate of arrival stay empty. */
static int room_without_downloads(const struct widths *to)
{
    return to->bar + 1 + to->files + (to->down > 0 ? 1 + to->down : 0);
}

static void draw_peer(int y, int x, size_t i, const struct widths *to, const struct grid_moment *m)
{
    const struct snap_demo *d = of(m);
    const struct snap_demo_peer *p = &d->peer[i];
    bool done = p->downloads && p->done >= d->files;
    char text[64], duration[TEXT_HUMAN_SIZE] = "";

    snprintf(text, sizeof(text), "P%zu", i);
    x += put(y, x, 3, STYLE_TEXT | STYLE_BOLD, text, false);

    int begin = x;

    if (p->downloads)
        draw_bar(y, x, to->bar, done ? STYLE_GOOD : STYLE_BUSY, p->done, d->files);
    x += to->bar + 1;
    text[0] = '\0';
    if (p->downloads)
        snprintf(text, sizeof(text), "%zu/%zu", p->done, d->files);
    x += put(y, x, to->files, done ? STYLE_GOOD : STYLE_TEXT, text, true);
    format_rate(text, p->down_bps);
    x += put(y, x, to->down, STYLE_TEXT, text, true);
    format_rate(text, p->up_bps);

    /* Whose uplink is full holds the others up. */
    bool full = d->up_limit_bps > 0 && p->up_bps >= d->up_limit_bps / 10 * 9;

    x += put(y, x, to->up, full ? STYLE_BAD : STYLE_TEXT, text, true);
    if (to->uplink > 0) {
        draw_bar(y, x, to->uplink, full ? STYLE_BAD : STYLE_CURVE_2, p->up_bps, d->up_limit_bps);
        x += to->uplink + 1;
    }
    if (p->downloads && d->start_us != 0)
        text_human_duration_us(p->end_us != 0 ? p->end_us : elapsed_us(m), duration);
    put(y, x, to->time, done ? STYLE_GOOD : STYLE_TEXT, duration, true);
    if (!p->downloads)
        draw_text(y, begin, room_without_downloads(to), STYLE_DIM, "holds everything and serves");
}

static void draw_rs(int y, struct rect in, const struct snap_demo *d)
{
    char text[64];

    snprintf(text, sizeof(text), "%zu peers registered; it knows nothing of documents",
             d->registered);
    put(y, in.x, 3, STYLE_TEXT | STYLE_BOLD, "RS", false);
    draw_text(y, in.x + 4, in.w - 4, STYLE_DIM, text);
}

/* The RS and then the peers, from line *top on; false: all of them are to be seen. */
static bool draw_peers(struct rect r, const struct grid_moment *m, int *top)
{
    const struct snap_demo *d = of(m);
    char title[120], rate[TEXT_HUMAN_SIZE];

    text_human_bytes(d->up_limit_bps, rate);
    snprintf(title, sizeof(title), "RS and %zu peers", d->peers);
    if (d->up_limit_bps > 0)
        snprintf(title + strlen(title), sizeof(title) - strlen(title), ", each sends at most %s/s",
                 rate);

    struct rect in = frame(r, title);
    struct widths to = widths_for(in.w, d);
    int lines = (int)d->peers + 1;

    if (in.h > 1) {
        draw_titles(in.y, in.x, &to);
        cut_top(&in, 1);
    }

    bool more = settle(r, top, in.h, lines);

    for (int i = 0; i < in.h && *top + i < lines; i++) {
        if (*top + i == 0)
            draw_rs(in.y + i, in, d);
        else
            draw_peer(in.y + i, in.x, (size_t)(*top + i - 1), &to, m);
    }
    return more;
}

/* ---- runs -------------------------------------------------------------------------------------- */

static size_t count_runs(const struct snap_demo *d)
{
    size_t n = 0;

    for (size_t t = 0; t < EXPERIMENT_TASKS; t++)
        n += d->took_us[t] > 0;
    return n;
}

static void draw_runs(struct rect r, const struct grid_moment *m)
{
    const struct snap_demo *d = of(m);
    int64_t slowest = 0;

    if (r.h < 3)
        return;

    struct rect in = frame(r, "Until the last peer had everything");
    int names = in.w > 70 ? 36 : in.w / 2, bar = in.w - names - 9;

    for (size_t t = 0; t < EXPERIMENT_TASKS; t++)
        slowest = d->took_us[t] > slowest ? d->took_us[t] : slowest;
    for (size_t t = 0; t < EXPERIMENT_TASKS; t++) {
        char took[TEXT_HUMAN_SIZE];

        if (d->took_us[t] == 0 || in.h < 1)
            continue;
        text_human_duration_us(d->took_us[t], took);
        put(in.y, in.x, names - 1, STYLE_TEXT, experiment_task_title((enum experiment_task)t),
            false);
        if (bar > 3)
            draw_bar(in.y, in.x + names, bar, d->took_us[t] == slowest ? STYLE_BUSY : STYLE_GOOD,
                     (uint64_t)d->took_us[t], (uint64_t)slowest);
        put(in.y, in.x + in.w - 8, 8, STYLE_TEXT | STYLE_BOLD, took, true);
        in.y++;
        in.h--;
    }
}

/* ---- the whole ----------------------------------------------------------------------------------- */

static bool draw_lines(struct rect r, const char *text, int *top)
{
    struct rect in = frame(r, "The comparison");
    struct rect nowhere = {in.y, in.x, 0, in.w};
    bool more = settle(r, top, in.h, draw_wrapped(nowhere, STYLE_TEXT, text, 0));

    draw_wrapped(in, STYLE_TEXT, text, *top);
    return more;
}

static bool draw_comparison(struct rect all, const struct grid_moment *m, int *top)
{
    int runs = (int)count_runs(of(m));

    if (all.h >= runs + 2 + 7)
        draw_runs(cut_top(&all, runs + 2), m);
    return draw_lines(all, shared_text_str(of(m)->text), top);
}

/*
 * How high the table is, of so many rows. Where not all peers have room beside the plot the table is
 * scrolled, by half a screen at once: that much of it is shown, or a page down would jump over peers.
 */
static int peers_rows(const struct snap_demo *d, int rows, int screen)
{
    int whole = (int)d->peers + 4, page = screen / 2 + 3;
    int most = rows - PLOT_ROWS > page ? rows - PLOT_ROWS : page;

    return whole < most ? whole : most;
}

static bool draw_progress(struct rect all, int screen, const struct view_curves *c,
                          const struct grid_moment *m, int *top)
{
    const struct snap_demo *d = of(m);
    int runs = (int)count_runs(d);

    if (all.h >= (int)d->peers + 6) {
        struct rect line = cut_top(&all, 1);

        draw_text(line.y, line.x, line.w, STYLE_DIM, experiment_task_line(d->task));
    }

    bool more = draw_peers(cut_top(&all, peers_rows(d, all.h, screen)), m, top);
    int left = all.h - (runs + 2);

    if (runs > 0 && left >= 0 && (left >= PLOT_LEAST || all.h < PLOT_LEAST))
        draw_runs(cut_top(&all, runs + 2), m);
    if (all.h >= PLOT_LEAST)
        plot_draw(frame(all, "Cumulative time of each peer"), c->curves, c->count);
    return more;
}

void view_draw_demo(struct rect all, const struct view_curves *c, const struct grid_moment *m,
                    int *top)
{
    bool over = of(m)->text != NULL, more;
    struct rect footer = {0};
    int screen = all.h;

    draw_header(cut_top(&all, 1), m);
    if (!over && of(m)->runs == 0)
        return;
    if (all.h >= 4)
        footer = (struct rect){all.y + --all.h, all.x, 1, all.w};
    more = over ? draw_comparison(all, m, top) : draw_progress(all, screen, c, m, top);
    if (footer.h > 0)
        footer_draw(footer, more ? FOOTER_DEMO | FOOTER_DEMO_SCROLLS : FOOTER_DEMO, false);
}
