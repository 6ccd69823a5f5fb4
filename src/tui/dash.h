/* A dashboard: its panes, what has the focus, how they are drawn; or the demo, which has neither. In the thread of tui_run. */
#ifndef P2PDI_TUI_DASH_H
#define P2PDI_TUI_DASH_H

#include "layout.h"
#include "p2pdi/tui/tui.h"
#include "views.h"

struct dash {
    enum tui_kind kind;
    struct grid table[PANE_FOCUS_MAX]; /* by pane; the RS's second pane has none */
    struct layout layout;
    enum pane focus;
    bool alone; /* only the pane in focus is shown */
    struct view_curves curves;
    int demo_top; /* of its table, then of its text */
    bool demo_over;
};

void dash_init(struct dash *d, enum tui_kind kind);
void dash_fini(struct dash *d);
/* A snapshot to show from now on; it lives until the next call. */
void dash_update(struct dash *d, const struct snap_content *s, int64_t now_us);
/* The table in focus, NULL: none there. */
struct grid *dash_table(struct dash *d);
bool dash_has_table(const struct dash *d, enum pane p);
void dash_focus(struct dash *d, enum pane p);
/* The pane beside the one in focus; false: none there. */
bool dash_focus_sideways(struct dash *d, int by);
void dash_draw(struct dash *d, const struct grid_moment *m);
/* The pane at a place of the screen; PANES: none. */
enum pane dash_pane_at(const struct dash *d, int y, int x);

#endif
