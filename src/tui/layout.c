/* Panes by size. Pure. */
#include "layout.h"

#include <string.h>

#define COLS_FOR_TWO 64 /* columns of panes side by side from here on */
#define ROWS_FOR_MANY 14
#define ROWS_FOR_LOG 30
#define LOG_ROWS 7

/* Header, footer, and the body between them. */
static struct rect begin(struct layout *l, int rows, int cols)
{
    struct rect body = {0, 0, rows, cols};

    memset(l, 0, sizeof(*l));
    if (rows >= 2) {
        l->header = (struct rect){0, 0, 1, cols};
        body.y++;
        body.h--;
    }
    if (rows >= 4) {
        l->footer = (struct rect){rows - 1, 0, 1, cols};
        body.h--;
    }
    l->framed = cols >= 24 && body.h >= 6;
    return body;
}

static int clamp(int value, int low, int high)
{
    return value < low ? low : value > high ? high : value;
}

static struct rect cut_bottom(struct rect *from, int h)
{
    struct rect cut = {from->y + from->h - h, from->x, h, from->w};

    from->h -= h;
    return cut;
}

void layout_peer(struct layout *l, int rows, int cols, enum pane focus, bool alone, size_t lines)
{
    struct rect body = begin(l, rows, cols);

    if (alone || cols < COLS_FOR_TWO || body.h < ROWS_FOR_MANY) {
        l->pane[focus] = body;
        return;
    }
    if (rows >= ROWS_FOR_LOG)
        l->pane[PANE_4] = cut_bottom(&body, LOG_ROWS);

    struct rect left = body, right = body;
    int wanted = lines > 100 ? 100 : (int)lines;

    left.w = cols < 110 ? cols / 2 - 2 : clamp(cols * 9 / 20, 46, 120);
    right.x += left.w;
    right.w -= left.w;
    l->pane[PANE_2] = cut_bottom(&left, left.h - clamp(wanted + 3, 5, left.h * 2 / 5));
    l->pane[PANE_1] = left;

    struct rect *below = &l->pane[focus == PANE_4 && l->pane[PANE_4].h == 0 ? PANE_4 : PANE_PLOT];

    *below = cut_bottom(&right, clamp(right.h * 2 / 5, 7, 24));
    l->pane[PANE_3] = right;
}

void layout_rs(struct layout *l, int rows, int cols, enum pane focus, bool alone)
{
    struct rect body = begin(l, rows, cols);

    if (alone || cols < 40 || body.h < ROWS_FOR_MANY) {
        l->pane[focus] = body;
        return;
    }

    bool log = rows >= ROWS_FOR_LOG;

    l->pane[PANE_2] = (struct rect){body.y, body.x, 6, body.w};
    body.y += 6;
    body.h -= 6;
    if (log)
        l->pane[PANE_4] = cut_bottom(&body, LOG_ROWS);
    if (focus == PANE_3 || (focus == PANE_4 && !log))
        l->pane[focus] = cut_bottom(&body, clamp(body.h / 2, 5, 16));
    l->pane[PANE_1] = body;
}

struct rect layout_inside(const struct layout *l, enum pane p)
{
    struct rect r = l->pane[p];

    if (!l->framed || r.h == 0)
        return r;
    return (struct rect){r.y + 1, r.x + 1, r.h - 2, r.w - 2};
}
