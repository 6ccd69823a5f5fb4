/* A run as a plot: seconds since the start against number of RFCs, a curve for each peer. Pure. */
#include "internal.h"
#include "svg.h"

#include "p2pdi/report/report.h"

#include <stdio.h>

#define WIDTH (900 * PX)
#define LEFT (72 * PX)
#define RIGHT (190 * PX) /* room for the curves' names */
#define TOP (124 * PX)
#define BOTTOM (62 * PX)
#define HEIGHT_MIN (360 * PX)
#define LABEL_GAP (17 * PX)
#define TICKS 8

struct plot {
    const struct experiment *e;
    enum experiment_task task;
    int64_t width, height;     /* of the area inside the margins */
    int64_t files_max, us_max; /* at its right and upper edges */
};

static int64_t x_of(const struct plot *p, size_t files)
{
    return LEFT + p->width * (int64_t)files / p->files_max;
}

static int64_t y_of(const struct plot *p, int64_t us)
{
    return TOP + p->height - svg_scale(us, p->us_max, p->height);
}

static const struct experiment_peer *slowest_of(const struct experiment *e,
                                                enum experiment_task task)
{
    return &e->runs[task]->peer[run_totals(e, task).slowest];
}

/* The slowest peer of the centralised run is drawn behind the others for comparison, unless it would
 * squeeze them to the ground. */
static const struct experiment_peer *reference(const struct plot *p, int64_t own_max)
{
    if (p->task == EXPERIMENT_CENTRALISED || p->e->runs[EXPERIMENT_CENTRALISED] == NULL)
        return NULL;

    const struct experiment_peer *slowest = slowest_of(p->e, EXPERIMENT_CENTRALISED);

    return slowest->elapsed_us / 4 <= own_max ? slowest : NULL;
}

static void put_axes(struct buf *out, const struct plot *p)
{
    int64_t us_step = nice_step(p->us_max, TICKS);
    int64_t files_step = nice_step(p->files_max, 10);
    int64_t ground = TOP + p->height;
    char text[SECONDS_SIZE];

    for (int64_t us = 0; us <= p->us_max; us += us_step) {
        int64_t y = y_of(p, us);

        svg_line(out, LEFT, y, LEFT + p->width, y, us == 0 ? "axis" : "grid");
        seconds_format(us, step_decimals(us_step), text);
        svg_text(out, LEFT - 10 * PX, y + 4 * PX, SVG_END, "tick", text);
    }
    for (int64_t files = 0; files <= p->files_max; files += files_step) {
        int64_t x = x_of(p, (size_t)files);

        svg_line(out, x, ground, x, ground + 5 * PX, "axis");
        snprintf(text, sizeof(text), "%lld", (long long)files);
        svg_text(out, x, ground + 20 * PX, SVG_MIDDLE, "tick", text);
    }
    svg_text(out, 24 * PX, TOP - 18 * PX, SVG_START, "unit", "seconds");
    svg_text(out, LEFT + p->width / 2, ground + 44 * PX, SVG_MIDDLE, "unit",
             "RFCs received and verified");
}

static void put_curve(struct buf *out, const struct plot *p, const struct experiment_peer *peer,
                      const char *css_class, size_t dashes)
{
    static const char *const dash[] = {"", "7 4", "2 4", "9 4 2 4", "14 4"};

    buf_printf(out, "<polyline class=\"%s\"", css_class);
    if (dashes > 0)
        buf_printf(out, " stroke-dasharray=\"%s\"", dash[dashes % 5]);
    buf_append_str(out, " points=\"");
    svg_number(out, x_of(p, 0));
    buf_append_char(out, ',');
    svg_number(out, y_of(p, 0));
    for (size_t k = 0; k < peer->count; k++) {
        buf_append_char(out, ' ');
        svg_number(out, x_of(p, k + 1));
        buf_append_char(out, ',');
        svg_number(out, y_of(p, peer->files[k].at_us));
    }
    /* Up at the end: all are there, not all are on disk yet. */
    buf_append_char(out, ' ');
    svg_number(out, x_of(p, peer->count));
    buf_append_char(out, ',');
    svg_number(out, y_of(p, peer->elapsed_us));
    buf_append_str(out, "\"/>\n");
}

struct label {
    size_t peer;   /* NO_PEER: the centralised run */
    int64_t end_x; /* of the curve */
    int64_t end_y;
    int64_t y; /* of the name */
};

#define NO_PEER SIZE_MAX

static size_t add_label(const struct plot *p, struct label *labels, size_t count, size_t index,
                        const struct experiment_peer *peer)
{
    struct label l = {
        .peer = index, .end_x = x_of(p, peer->count), .end_y = y_of(p, peer->elapsed_us)};
    size_t at = count;

    for (; at > 0 && labels[at - 1].end_y > l.end_y; at--)
        labels[at] = labels[at - 1];
    l.y = l.end_y;
    labels[at] = l;
    return count + 1;
}

/* From the top down, each as near to its curve's end as the others allow. */
static void spread_labels(const struct plot *p, struct label *labels, size_t count)
{
    for (size_t i = 1; i < count; i++) {
        if (labels[i].y < labels[i - 1].y + LABEL_GAP)
            labels[i].y = labels[i - 1].y + LABEL_GAP;
    }
    /* Half of what a crowd was pushed down it moves up again. */
    for (size_t i = count; i-- > 0;) {
        labels[i].y -= (labels[i].y - labels[i].end_y) / 2;
        if (i + 1 < count && labels[i].y > labels[i + 1].y - LABEL_GAP)
            labels[i].y = labels[i + 1].y - LABEL_GAP;
    }
    /* Then back between the upper edge and the axis, where there is room for all. */
    for (size_t i = 0; i < count; i++) {
        int64_t first = TOP + (int64_t)i * LABEL_GAP;

        if (labels[i].y < first)
            labels[i].y = first;
    }
    for (size_t i = 0; i < count; i++) {
        int64_t last = TOP + p->height - (int64_t)(count - 1 - i) * LABEL_GAP;

        if (labels[i].y > last)
            labels[i].y = last;
    }
}

#define EN_SPACE "\xe2\x80\x82"

static void put_label(struct buf *out, const struct plot *p, const struct label *l, int64_t us,
                      bool is_slowest)
{
    char name[PEER_NAME_SIZE], time[SECONDS_SIZE], text[80], css_class[32] = "tick";

    seconds_format_short(us, time);
    if (l->peer == NO_PEER) {
        snprintf(text, sizeof(text), "centralised" EN_SPACE "%s", time);
    } else {
        peer_name(l->peer, name);
        snprintf(text, sizeof(text), "%s" EN_SPACE "%s%s", name, time,
                 is_slowest ? EN_SPACE "slowest" : "");
        snprintf(css_class, sizeof(css_class), "f%u%s", (unsigned)(l->peer % SVG_COLOURS),
                 is_slowest ? " strong" : "");
    }
    svg_line(out, l->end_x + 4 * PX, l->end_y, LEFT + p->width + 22 * PX, l->y, "leader");
    svg_text(out, LEFT + p->width + 26 * PX, l->y + 4 * PX, SVG_START, css_class, text);
}

static void put_labels(struct buf *out, const struct plot *p, const struct experiment_peer *ref)
{
    struct label labels[EXPERIMENT_PEERS_MAX + 1];
    const struct experiment_run *run = p->e->runs[p->task];
    size_t count = 0, slowest = run_totals(p->e, p->task).slowest;

    for (size_t i = 0; i < p->e->peers; i++) {
        if (run->peer[i].count > 0)
            count = add_label(p, labels, count, i, &run->peer[i]);
    }
    if (ref != NULL)
        count = add_label(p, labels, count, NO_PEER, ref);
    spread_labels(p, labels, count);
    for (size_t i = 0; i < count; i++) {
        const struct experiment_peer *peer =
            labels[i].peer == NO_PEER ? ref : &run->peer[labels[i].peer];

        put_label(out, p, &labels[i], peer->elapsed_us, labels[i].peer == slowest);
    }
}

void report_svg_run(struct buf *out, const struct experiment *e, enum experiment_task task)
{
    struct run_totals totals = run_totals(e, task);
    struct plot p = {.e = e, .task = task, .width = WIDTH - LEFT - RIGHT};
    char sub[400], links[LINKS_SIZE];

    p.height = (int64_t)(totals.downloaders + 1) * LABEL_GAP;
    if (p.height < HEIGHT_MIN)
        p.height = HEIGHT_MIN;
    for (size_t i = 0; i < e->peers; i++) {
        const struct experiment_peer *peer = &e->runs[task]->peer[i];

        if ((int64_t)peer->count > p.files_max)
            p.files_max = (int64_t)peer->count;
        if (peer->elapsed_us > p.us_max)
            p.us_max = peer->elapsed_us;
    }

    const struct experiment_peer *ref = reference(&p, p.us_max);

    if (ref != NULL && ref->elapsed_us > p.us_max)
        p.us_max = ref->elapsed_us;
    if (ref != NULL && (int64_t)ref->count > p.files_max)
        p.files_max = (int64_t)ref->count;
    if (p.us_max < 1)
        p.us_max = 1;
    if (p.files_max < 1)
        p.files_max = 1;

    svg_begin(out, WIDTH, TOP + p.height + BOTTOM, experiment_task_title(task),
              "Seconds since the start against number of RFCs, one curve for each peer");
    svg_text(out, 24 * PX, 36 * PX, SVG_START, "title", experiment_task_title(task));
    svg_text(
        out, 24 * PX, 58 * PX, SVG_START, "sub",
        "Time until a peer had received so many RFCs; the last rise: until all were safe on disk.");
    links_format(e, links);
    snprintf(sub, sizeof(sub), "%zu peers; %s; %s", e->peers, links, e->documents);
    svg_text(out, 24 * PX, 77 * PX, SVG_START, "sub", sub);
    put_axes(out, &p);
    if (ref != NULL)
        put_curve(out, &p, ref, "ref", 0);
    for (size_t i = 0; i < e->peers; i++) {
        char css_class[16];

        if (e->runs[task]->peer[i].count == 0)
            continue;
        snprintf(css_class, sizeof(css_class), "curve s%u", (unsigned)(i % SVG_COLOURS));
        put_curve(out, &p, &e->runs[task]->peer[i], css_class, i / SVG_COLOURS);
    }
    put_labels(out, &p, ref);
    svg_end(out);
}
