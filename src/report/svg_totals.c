/* The runs side by side: the slowest peer's elapsed time, and the sum of all times. Pure. */
#include "internal.h"
#include "svg.h"

#include "p2pdi/report/report.h"

#include <stdio.h>

#define WIDTH (900 * PX)
#define TOP (150 * PX)
#define ROW (38 * PX)
#define BAR (20 * PX)
#define BOTTOM (30 * PX)
#define NAMES (24 * PX)

#define EN_SPACE "\xe2\x80\x82"

struct panel {
    const char *head, *sub;
    int64_t left, width; /* of the longest bar */
    int64_t us[EXPERIMENT_TASKS];
};

static const char *short_name(enum experiment_task task)
{
    static const char *const names[] = {[EXPERIMENT_CENTRALISED] = "Centralised",
                                        [EXPERIMENT_BEST] = "Distributed, best case",
                                        [EXPERIMENT_WORST] = "Distributed, worst case",
                                        [EXPERIMENT_SWARM] = "Swarm"};

    return names[task];
}

static void put_panel(struct buf *out, const struct experiment *e, const struct panel *p)
{
    int64_t max = 1, row = 0;

    for (enum experiment_task t = 0; t < EXPERIMENT_TASKS; t++)
        max = e->runs[t] != NULL && p->us[t] > max ? p->us[t] : max;

    svg_text(out, p->left, TOP - 36 * PX, SVG_START, "head", p->head);
    svg_text(out, p->left, TOP - 19 * PX, SVG_START, "tick", p->sub);
    for (enum experiment_task t = 0; t < EXPERIMENT_TASKS; t++) {
        int64_t y = TOP + row * ROW, length, central = p->us[EXPERIMENT_CENTRALISED];
        char time[SECONDS_SIZE], ratio[SECONDS_SIZE], text[2 * SECONDS_SIZE + 16];

        if (e->runs[t] == NULL)
            continue;
        row++;
        length = svg_scale(p->us[t], max, p->width);
        svg_rect(out, p->left, y, length < PX ? PX : length, BAR,
                 t == EXPERIMENT_CENTRALISED ? "central" : "shared");
        seconds_format_short(p->us[t], time);
        snprintf(text, sizeof(text), "%s", time);
        if (t != EXPERIMENT_CENTRALISED && e->runs[EXPERIMENT_CENTRALISED] != NULL && central > 0) {
            ratio_format(p->us[t], central, ratio);
            snprintf(text, sizeof(text), "%s" EN_SPACE "%s\xc3\x97", time, ratio);
        }
        svg_text(out, p->left + length + 7 * PX, y + 15 * PX, SVG_START, "", text);
    }
    svg_line(out, p->left, TOP - 6 * PX, p->left, TOP + row * ROW - (ROW - BAR) + 6 * PX, "axis");
}

void report_svg_totals(struct buf *out, const struct experiment *e)
{
    struct panel elapsed = {.head = "Until the slowest peer was done",
                            .sub = "what a user waits for",
                            .left = 196 * PX,
                            .width = 220 * PX};
    struct panel sum = {.head = "Sum of all files' times",
                        .sub = "what the original report added up; times overlap",
                        .left = 556 * PX,
                        .width = 220 * PX};
    int64_t rows = 0;
    char sub[512], links[LINKS_SIZE];

    for (enum experiment_task t = 0; t < EXPERIMENT_TASKS; t++) {
        if (e->runs[t] == NULL)
            continue;

        struct run_totals totals = run_totals(e, t);

        elapsed.us[t] = totals.slowest_us;
        sum.us[t] = totals.sum_us;
        rows++;
    }

    svg_begin(out, WIDTH, TOP + rows * ROW + BOTTOM, "Centralised against distributed",
              "Bars of the slowest peer's elapsed time and of the sum of all times, run by run");
    svg_text(out, NAMES, 36 * PX, SVG_START, "title", "Centralised against distributed");
    links_format(e, links);
    snprintf(sub, sizeof(sub), "%zu peers, %zu files each; %s. 1\xc3\x97 is the centralised time.",
             e->peers, e->files, links);
    svg_text(out, NAMES, 58 * PX, SVG_START, "sub", sub);
    svg_text(out, NAMES, 77 * PX, SVG_START, "sub", e->documents);
    rows = 0;
    for (enum experiment_task t = 0; t < EXPERIMENT_TASKS; t++) {
        if (e->runs[t] != NULL)
            svg_text(out, 186 * PX, TOP + rows++ * ROW + 15 * PX, SVG_END, "", short_name(t));
    }
    put_panel(out, e, &elapsed);
    put_panel(out, e, &sum);
    svg_end(out);
}
