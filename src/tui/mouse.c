/* What the mouse does, once it is switched on. In the thread of tui_run. */
#include "app.h"

#include "p2pdi/base/clock.h"

#include <ncurses.h>

#define DOUBLE_CLICK_US (400 * CLOCK_US_PER_MS)
#define WHEEL_ROWS 3
/* A press whose release is there already comes as a click. */
#define PRESSED                                                                                    \
    (BUTTON1_PRESSED | BUTTON1_CLICKED | BUTTON1_DOUBLE_CLICKED | BUTTON1_TRIPLE_CLICKED)

static void wheel(struct app *a, struct grid *under, bool up)
{
    enum key_action action = up ? KEY_DO_UP : KEY_DO_DOWN;

    for (int i = 0; i < WHEEL_ROWS; i++) {
        if (a->help.open)
            help_key(&a->help, action);
        else if (a->reader.document != NULL)
            reader_key(&a->reader, action);
        else if (a->dash.kind == TUI_DEMO)
            a->dash.demo_top += up ? -1 : 1;
    }
    if (!a->help.open && a->reader.document == NULL && under != NULL)
        grid_move(under, up ? -WHEEL_ROWS : WHEEL_ROWS);
}

/* curses, told not to wait for clicks, sees a double one only if all of it is there already. */
static bool is_double_click(struct app *a, const MEVENT *ev)
{
    int64_t now_us = clock_mono_us();
    bool again =
        (ev->bstate & (BUTTON1_DOUBLE_CLICKED | BUTTON1_TRIPLE_CLICKED)) != 0 ||
        (now_us - a->click_us < DOUBLE_CLICK_US && ev->y == a->click_y && ev->x == a->click_x);

    a->click_us = again ? 0 : now_us;
    a->click_y = ev->y;
    a->click_x = ev->x;
    return again;
}

static void click_in_reader(struct app *a, const MEVENT *ev)
{
    uint32_t rfc;

    if (reader_click(&a->reader, ev->y, ev->x) && reader_link(&a->reader, &rfc))
        act_open(a, rfc);
}

void app_mouse(struct app *a)
{
    MEVENT ev;

    /* In a prompt it could change what the prompt is about. */
    if (getmouse(&ev) != OK || a->prompt.kind != PROMPT_CLOSED)
        return;

    enum pane p = dash_pane_at(&a->dash, ev.y, ev.x);
    struct grid *t = dash_has_table(&a->dash, p) ? &a->dash.table[p] : NULL;
    size_t position;

    a->message[0] = '\0';
    if ((ev.bstate & (BUTTON4_PRESSED | BUTTON5_PRESSED)) != 0) {
        wheel(a, t, (ev.bstate & BUTTON4_PRESSED) != 0);
    } else if ((ev.bstate & PRESSED) == 0 || a->help.open) {
        return;
    } else if (a->reader.document != NULL) {
        click_in_reader(a, &ev);
    } else if (t != NULL) {
        dash_focus(&a->dash, p);
        if (!grid_position_at(t, ev.y, &position))
            return;
        grid_move_to(t, position);
        if (is_double_click(a, &ev))
            app_open_row(a);
    }
}
