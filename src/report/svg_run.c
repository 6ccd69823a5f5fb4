/* A run as a plot: seconds since the start against number of RFCs, a curve for each peer. Pure. */
#include "internal.h"
#include "svg.h"

#include "p2pdi/report/report.h"

#include <stdio.h>

#define WIDTH (900 * PX)
#define LEFT (72 * PX)
#define RIGHT (190 * PX) /* room for the curves' names */
#define TOP (104 * PX)
#define BOTTOM (62 * PX)
#define HEIGHT_MIN (360 * PX)
#define LABEL_GAP (17 * PX)
#define TICKS 6

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
    /* Through 128ths of the axis only when the product could overflow: runs of a month and more. */
    int64_t up = us < INT64_MAX / p->height ? p->height * us / p->us_max
                                            : p->height * (us / 128) / (p->us_max / 128);

    return TOP + p->height - up;
}

static const struct experiment_peer *slowest_of(const struct experiment *e,
                                                enum experiment_task task)
{
    return &e->runs[task]->peer[run_totals(e, task).slowest];
}

static int64_t last_us(const struct experiment_peer *p)
{
    return p->count == 0 ? 0 : p->files[p->count - 1].at_us;
}

/* The slowest peer of the centralised run is drawn behind the others for comparison, unless it would
 * squeeze them to the ground. */
static const struct experiment_peer *reference(const struct plot *p, int64_t own_max)
{
    if (p->task == EXPERIMENT_CENTRALISED || p->e->runs[EXPERIMENT_CENTRALISED] == NULL)
        return NULL;

    const struct experiment_peer *slowest = slowest_of(p->e, EXPERIMENT_CENTRALISED);

    return last_us(slowest) / 4 <= own_max ? slowest : NULL;
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
    svg_text(out, LEFT - 10 * PX, TOP - 18 * PX, SVG_END, "unit", "seconds");
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
    buf_append_str(out, "\"/>\n");
}

struct label {
    size_t peer;
    int64_t end_y; /* of the curve */
    int64_t y;     /* of the name */
};

/* From the top down; each at its curve's end or as near to it as the others allow. */
static size_t place_labels(const struct plot *p, struct label *labels)
{
    size_t count = 0;

    for (size_t i = 0; i < p->e->peers; i++) {
        const struct experiment_peer *peer = &p->e->runs[p->task]->peer[i];
        int64_t y = y_of(p, last_us(peer));
        size_t at = count;

        if (peer->count == 0)
            continue;
        for (; at > 0 && labels[at - 1].end_y > y; at--)
            labels[at] = labels[at - 1];
        labels[at] = (struct label){i, y, y};
        count++;
    }
    for (size_t i = 1; i < count; i++) {
        if (labels[i].y < labels[i - 1].y + LABEL_GAP)
            labels[i].y = labels[i - 1].y + LABEL_GAP;
    }
    /* Half of what the crowd was pushed down it moves up again, and all that sank below the axis. */
    int64_t limit = TOP + p->height;
    for (size_t i = count; i-- > 0; limit -= LABEL_GAP) {
        int64_t pushed = (labels[i].y - labels[i].end_y) / 2;

        labels[i].y -= pushed;
        if (i + 1 < count && labels[i].y > labels[i + 1].y - LABEL_GAP)
            labels[i].y = labels[i + 1].y - LABEL_GAP;
        if (labels[i].y > limit)
            labels[i].y = limit;
    }
    return count;
}

static void put_labels(struct buf *out, const struct plot *p)
{
    struct label labels[EXPERIMENT_PEERS_MAX];
    size_t count = place_labels(p, labels);
    size_t slowest = run_totals(p->e, p->task).slowest;

    for (size_t i = 0; i < count; i++) {
        const struct experiment_peer *peer = &p->e->runs[p->task]->peer[labels[i].peer];
        int64_t end_x = x_of(p, peer->count);
        char name[PEER_NAME_SIZE], time[SECONDS_SIZE], text[64], css_class[32];
        bool is_slowest = labels[i].peer == slowest;

        peer_name(labels[i].peer, name);
        seconds_format_short(last_us(peer), time);
        snprintf(text, sizeof(text), "%s  %s%s", name, time, is_slowest ? "  slowest" : "");
        snprintf(css_class, sizeof(css_class), "f%u%s", (unsigned)(labels[i].peer % SVG_COLOURS),
                 is_slowest ? " strong" : "");
        svg_line(out, end_x + 4 * PX, labels[i].end_y, LEFT + p->width + 22 * PX, labels[i].y,
                 "leader");
        svg_text(out, LEFT + p->width + 26 * PX, labels[i].y + 4 * PX, SVG_START, css_class, text);
    }
}

void report_svg_run(struct buf *out, const struct experiment *e, enum experiment_task task)
{
    struct run_totals totals = run_totals(e, task);
    struct plot p = {.e = e, .task = task, .width = WIDTH - LEFT - RIGHT};
    char sub[400], time[SECONDS_SIZE];

    p.height = (int64_t)totals.downloaders * LABEL_GAP + LABEL_GAP;
    if (p.height < HEIGHT_MIN)
        p.height = HEIGHT_MIN;
    for (size_t i = 0; i < e->peers; i++) {
        const struct experiment_peer *peer = &e->runs[task]->peer[i];

        if ((int64_t)peer->count > p.files_max)
            p.files_max = (int64_t)peer->count;
        if (last_us(peer) > p.us_max)
            p.us_max = last_us(peer);
    }

    const struct experiment_peer *ref = reference(&p, p.us_max);

    if (ref != NULL && last_us(ref) > p.us_max)
        p.us_max = last_us(ref);
    if (ref != NULL && (int64_t)ref->count > p.files_max)
        p.files_max = (int64_t)ref->count;
    if (p.us_max < 1)
        p.us_max = 1;
    if (p.files_max < 1)
        p.files_max = 1;

    svg_begin(out, WIDTH, TOP + p.height + BOTTOM, experiment_task_title(task),
              "Seconds since the start against number of RFCs, one curve for each peer");
    svg_text(out, 24 * PX, 36 * PX, SVG_START, "title", experiment_task_title(task));
    snprintf(sub, sizeof(sub), "Time since the start until a peer had so many RFCs. %zu peers, %s.",
             e->peers, e->documents);
    svg_text(out, 24 * PX, 58 * PX, SVG_START, "sub", sub);
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
    put_labels(out, &p);
    if (ref != NULL) {
        char text[80];
        int64_t y = TOP + p.height + 44 * PX;

        seconds_format_short(last_us(ref), time);
        snprintf(text, sizeof(text), "centralised, slowest  %s", time);
        svg_line(out, LEFT + p.width - 2 * PX, y - 4 * PX, LEFT + p.width + 22 * PX, y - 4 * PX,
                 "ref");
        svg_text(out, LEFT + p.width + 26 * PX, y, SVG_START, "tick", text);
    }
    svg_end(out);
}
