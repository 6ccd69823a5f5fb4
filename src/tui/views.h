/* What the panes show: the tables' columns, and what is drawn by hand. In the thread of tui_run. */
#ifndef P2PDI_TUI_VIEWS_H
#define P2PDI_TUI_VIEWS_H

#include "grid.h"
#include "plot.h"

extern const struct grid_type view_peers, view_index, view_transfers, view_log; /* peer */
extern const struct grid_type view_records, view_requests;                      /* RS */

/* Columns that several tables have. out: GRID_CELL_SIZE. */
void view_format_ttl(char *out, int64_t left_us); /* 1:59:48 */
void view_format_rate(char *out, uint64_t bytes_per_s);
void view_format_clock(char *out, int64_t wall_s, bool date);
/* Where one listens: the port alone where that is at every address. out: ADDR_TEXT_SIZE. */
void view_format_own(char *out, const struct addr *a);
const char *view_reachable(enum snap_reachable r);

/* A line of parts, at most 64; those of high rank come first where there is not room for all. */
struct view_part {
    int rank;
    unsigned style;
    char text[120];
};
/* Draws them from the left with gaps of `gap` cells; those of rank > 1000 stand at the right end. */
void view_draw_parts(struct rect r, struct view_part *parts, size_t count, int gap);

/* The cumulative curves of the transfers, one a holder, worked out when the transfers change. */
struct view_curves {
    uint64_t version;
    int64_t start_us, made_at_us, cost_us;
    struct plot_curve *curves;
    size_t count;
    int64_t *values;
};
void view_curves_update(struct view_curves *c, const struct snap_content *s, int64_t now_us);
void view_curves_fini(struct view_curves *c);

void view_draw_peer_header(struct rect r, const struct grid_moment *m);
void view_draw_plot(struct rect r, const struct view_curves *c, const struct grid_moment *m);
void view_draw_rs_header(struct rect r, const struct grid_moment *m);
/* The whole screen of the demo. top: the first line of the table or comparison that is shown, put right. */
void view_draw_demo(struct rect all, const struct view_curves *c, const struct grid_moment *m,
                    int *top);
/* All fields of a record, over as many lines as they take, but half of r at most; returns how many. */
int view_draw_record(struct rect r, const struct snap_record *record, const struct grid_moment *m);
void view_draw_rates(struct rect r, const struct grid_moment *m);

#endif
