/* Curves in braille (or letters), sparklines, bars. In the thread of tui_run. */
#ifndef P2PDI_TUI_PLOT_H
#define P2PDI_TUI_PLOT_H

#include "p2pdi/stats/snapshot.h"
#include "screen.h"

struct plot_curve {
    uint32_t label;           /* shown at its end */
    const int64_t *values_us; /* ascending: after how long the i-th document was there */
    size_t count;
};

/* Microseconds upward, number of documents to the right. */
void plot_draw(struct rect r, const struct plot_curve *curves, size_t count);
/* The last samples of h in w cells, scaled to the largest of them; returns that. */
int64_t draw_sparkline(int y, int x, int w, unsigned style, const struct snap_history *h);
/* part of whole, in eighths of a cell. */
void draw_bar(int y, int x, int w, unsigned style, uint64_t part, uint64_t whole);

#endif
