/*
 * Where things go at each size of the screen. Pure. Below 80x24 columns go (the tables see to that),
 * then panes: what is left is the pane in focus.
 */
#ifndef P2PDI_TUI_LAYOUT_H
#define P2PDI_TUI_LAYOUT_H

#include "screen.h"

#include <stdbool.h>
#include <stddef.h>

enum pane { PANE_1, PANE_2, PANE_3, PANE_4, PANE_PLOT, PANES };
#define PANE_FOCUS_MAX 4 /* the plot cannot be entered */

struct layout {
    struct rect header, footer;
    struct rect pane[PANES]; /* with their frames; h == 0: not shown */
    bool framed;             /* too small for frames: titles are left out */
};

/* lines: how many rows pane 1 would like to show. */
void layout_peer(struct layout *l, int rows, int cols, enum pane focus, bool alone, size_t lines);
void layout_rs(struct layout *l, int rows, int cols, enum pane focus, bool alone);
/* What is inside the frame. */
struct rect layout_inside(const struct layout *l, enum pane p);

#endif
