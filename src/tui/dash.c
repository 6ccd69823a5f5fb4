/* Both dashboards: which table is in which pane, and the drawing of all that is visible. */
#include "dash.h"

#include "footer.h"

#include <stdio.h>
#include <string.h>

static const struct grid_type *type_of(enum tui_kind kind, enum pane p)
{
    static const struct grid_type *const types[2][PANE_FOCUS_MAX] = {
        [TUI_PEER] = {&view_peers, &view_index, &view_transfers, &view_log},
        [TUI_RS] = {&view_records, NULL, &view_requests, &view_log},
    };

    return types[kind][p];
}

static const struct rows *rows_of(enum tui_kind kind, enum pane p, const struct snap_content *s)
{
    const struct rows *rows[2][PANE_FOCUS_MAX] = {
        [TUI_PEER] = {&s->peers, &s->rfcs, &s->transfers, &s->log},
        [TUI_RS] = {&s->records, NULL, &s->requests, &s->log},
    };

    return rows[kind][p];
}

bool dash_has_table(const struct dash *d, enum pane p)
{
    return d->kind != TUI_DEMO && p < PANE_FOCUS_MAX && type_of(d->kind, p) != NULL;
}

void dash_init(struct dash *d, enum tui_kind kind)
{
    *d = (struct dash){.kind = kind, .focus = kind == TUI_PEER ? PANE_2 : PANE_1};
    for (enum pane p = PANE_1; p < PANE_FOCUS_MAX; p++)
        if (dash_has_table(d, p))
            grid_init(&d->table[p], type_of(kind, p));
}

void dash_fini(struct dash *d)
{
    for (enum pane p = PANE_1; p < PANE_FOCUS_MAX; p++)
        if (dash_has_table(d, p))
            grid_fini(&d->table[p]);
    view_curves_fini(&d->curves);
}

void dash_update(struct dash *d, const struct snap_content *s, int64_t now_us)
{
    for (enum pane p = PANE_1; p < PANE_FOCUS_MAX; p++)
        if (dash_has_table(d, p))
            grid_update(&d->table[p], rows_of(d->kind, p, s), now_us);
    if (d->kind != TUI_RS)
        view_curves_update(&d->curves, s, now_us);
}

struct grid *dash_table(struct dash *d)
{
    return dash_has_table(d, d->focus) ? &d->table[d->focus] : NULL;
}

void dash_focus(struct dash *d, enum pane p)
{
    d->focus = p;
}

bool dash_focus_sideways(struct dash *d, int by)
{
    const struct rect *here = &d->layout.pane[d->focus];

    for (enum pane p = PANE_1; p < PANE_FOCUS_MAX; p++) {
        const struct rect *r = &d->layout.pane[p];
        bool beside = by < 0 ? r->x + r->w <= here->x : r->x >= here->x + here->w;

        if (r->h > 0 && p != d->focus && beside && r->y <= here->y && r->y + r->h > here->y) {
            d->focus = p;
            return true;
        }
    }
    return false;
}

enum pane dash_pane_at(const struct dash *d, int y, int x)
{
    for (enum pane p = PANE_1; p < PANES; p++) {
        const struct rect *r = &d->layout.pane[p];

        if (y >= r->y && y < r->y + r->h && x >= r->x && x < r->x + r->w)
            return p;
    }
    return PANES;
}

/* ---- titles ---------------------------------------------------------------------------------------- */

/* What the table says of itself: filter, marks. Comes first, for it was just done. */
static void title_table(const struct grid *t, char out[GRID_WORD_SIZE + 64])
{
    size_t n = 0;

    out[0] = '\0';
    if (t->filter[0] != '\0')
        n = (size_t)snprintf(out, GRID_WORD_SIZE + 64, "  \\%s: %zu", t->filter, t->shown);
    if (t->mark_count > 0)
        snprintf(out + n, GRID_WORD_SIZE + 64 - n, "  %zu marked", t->mark_count);
}

/* From all there is to say to what fits nearly everywhere: words go, numbers stay. */
enum title_form { TITLE_WHOLE, TITLE_NO_ZEROS, TITLE_NO_NAME, TITLE_SHORT, TITLE_FORMS };

static void title_transfers(const char *table, const struct snap_peer_status *s,
                            enum title_form form, char *out, size_t size)
{
    const struct {
        size_t n;
        const char *word, *short_word;
        bool always;
    } counts[] = {{s->active, "active", "act", true},
                  {s->done, "done", "done", true},
                  {s->failed, "failed", "fail", true},
                  {s->queued, "queued", "wait", false}};
    const char *name = form < TITLE_NO_NAME ? s->syncing ? " Transfers, sync" : " Transfers"
                       : s->syncing         ? " sync"
                                            : ":";
    int n = snprintf(out, size, "3%s%s", name, table);
    const char *gap = "  ";

    for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
        if (counts[i].n == 0 && (form > TITLE_WHOLE || !counts[i].always))
            continue;
        n += snprintf(out + n, size - (size_t)n, "%s%zu %s", gap, counts[i].n,
                      form == TITLE_SHORT ? counts[i].short_word : counts[i].word);
        gap = " ";
    }
}

static void title_plot(const struct grid_moment *m, enum title_form form, char *out, size_t size)
{
    const struct snap_peer_status *s = &m->content->peer;
    int64_t end = s->run_end_us != 0 ? s->run_end_us : m->now_us;
    const char *name = form < TITLE_NO_NAME ? "Cumulative time" : "Time";
    char total[TEXT_HUMAN_SIZE], sum[TEXT_HUMAN_SIZE];

    snprintf(out, size, "%s", name);
    if (s->run_start_us == 0)
        return;
    text_human_duration_us(end - s->run_start_us, total);
    text_human_duration_us(s->sum_us, sum);
    snprintf(out, size, "%s  total %s sum %s", name, total, sum);
}

static void title_peer(enum pane p, const char *table, const struct grid_moment *m,
                       enum title_form form, char *out, size_t size)
{
    const struct snap_peer_status *s = &m->content->peer;

    switch (p) {
    case PANE_1:
        snprintf(out, size, "1 Peers%s (%zu)", table, m->content->peers.count);
        break;
    case PANE_2:
        snprintf(out, size, "2%s%s (%zu%s, %zu here)", form < TITLE_NO_NAME ? " RFC index" : ":",
                 table, s->known, form < TITLE_SHORT ? " known" : "", s->held);
        break;
    case PANE_3:
        title_transfers(table, s, form, out, size);
        break;
    case PANE_4:
        snprintf(out, size, "4 Log%s", table);
        break;
    default:
        title_plot(m, form, out, size);
        break;
    }
}

/* The first form that fits. */
static void title_peer_fit(enum pane p, const char *table, const struct grid_moment *m, int w,
                           char *out, size_t size)
{
    for (enum title_form form = TITLE_WHOLE; form < TITLE_FORMS; form++) {
        title_peer(p, table, m, form, out, size);
        if (text_cells(out) <= w)
            return;
    }
}

static void title_rs(const struct dash *d, enum pane p, const char *table,
                     const struct grid_moment *m, char *out, size_t size)
{
    uint64_t chosen = d->table[PANE_3].argument;

    switch (p) {
    case PANE_1:
        snprintf(out, size, "1 Peers%s (%zu)", table, m->content->records.count);
        break;
    case PANE_2:
        snprintf(out, size, "2 Requests a second");
        break;
    case PANE_3:
        if (chosen != 0)
            snprintf(out, size, "3 Peer %llu: last requests%s", (unsigned long long)chosen, table);
        else
            snprintf(out, size, "3 Last requests%s", table);
        break;
    default:
        snprintf(out, size, "4 Log%s", table);
        break;
    }
}

/* The record of the peer whose requests are shown; NULL: of all peers, or it is gone. */
static const struct snap_record *chosen_record(const struct dash *d, const struct rows *records)
{
    const struct grid *t = &d->table[PANE_1];
    uint64_t peer = d->table[PANE_3].argument;
    const struct snap_record *r = grid_shown(t, t->cursor); /* nearly always */

    if (peer == 0 || (r != NULL && r->peer == peer))
        return peer == 0 ? NULL : r;
    for (size_t i = 0; i < records->count; i++) {
        r = rows_at(records, i);
        if (r->peer == peer)
            return r;
    }
    return NULL;
}

static void draw_table(struct dash *d, enum pane p, struct rect inside, const struct grid_moment *m)
{
    struct rect r = d->layout.pane[p];
    char position[48];
    const struct snap_record *chosen =
        d->kind == TUI_RS && p == PANE_3 ? chosen_record(d, &m->content->records) : NULL;

    if (chosen != NULL) {
        struct rect text = {inside.y, inside.x + 1, inside.h, inside.w - 2};
        int used = view_draw_record(text, chosen, m);

        inside.y += used;
        inside.h -= used;
    }
    grid_draw(&d->table[p], inside, p == d->focus, m);
    grid_position_text(&d->table[p], position);

    int w = text_cells(position);

    if (d->layout.framed && w > 0 && w + 4 <= r.w)
        draw_text(r.y + r.h - 1, r.x + r.w - 2 - w, w, STYLE_DIM, position);
}

static void draw_pane(struct dash *d, enum pane p, const struct grid_moment *m)
{
    struct rect inside = layout_inside(&d->layout, p);
    bool focused = p == d->focus;

    if (d->layout.pane[p].h <= 0)
        return;
    if (d->layout.framed) {
        char title[320], table[GRID_WORD_SIZE + 64] = "";

        if (dash_has_table(d, p))
            title_table(&d->table[p], table);
        if (d->kind == TUI_PEER)
            title_peer_fit(p, table, m, d->layout.pane[p].w - 4, title, sizeof(title));
        else
            title_rs(d, p, table, m, title, sizeof(title));
        draw_frame(d->layout.pane[p], title, focused);
    }
    if (dash_has_table(d, p))
        draw_table(d, p, inside, m);
    else if (d->kind == TUI_PEER)
        view_draw_plot(inside, &d->curves, m);
    else
        view_draw_rates(inside, m);
}

static enum footer_place footer_place(const struct dash *d)
{
    static const enum footer_place places[2][PANE_FOCUS_MAX] = {
        [TUI_PEER] = {FOOTER_PEERS, FOOTER_INDEX, FOOTER_TRANSFERS, FOOTER_LOG},
        [TUI_RS] = {FOOTER_RECORDS, FOOTER_RATES, FOOTER_REQUESTS, FOOTER_RS_LOG},
    };

    return places[d->kind][d->focus];
}

static bool is_alone(const struct dash *d)
{
    for (enum pane p = PANE_1; p < PANES; p++)
        if (p != d->focus && d->layout.pane[p].h > 0)
            return false;
    return true;
}

void dash_draw(struct dash *d, const struct grid_moment *m)
{
    int rows = screen_rows(), cols = screen_cols();

    if (d->kind == TUI_DEMO) {
        bool over = m->content->demo.text != NULL;
        if (over != d->demo_over) /* the place in the table is none in the text */
            d->demo_top = 0;
        d->demo_over = over;
        view_draw_demo((struct rect){0, 0, rows, cols}, &d->curves, m, &d->demo_top);
        return;
    }
    if (d->kind == TUI_PEER)
        layout_peer(&d->layout, rows, cols, d->focus, d->alone, m->content->peers.count);
    else
        layout_rs(&d->layout, rows, cols, d->focus, d->alone);
    for (enum pane p = PANE_1; p < PANES; p++)
        draw_pane(d, p, m);
    if (d->layout.header.h > 0) {
        if (d->kind == TUI_PEER)
            view_draw_peer_header(d->layout.header, m);
        else
            view_draw_rs_header(d->layout.header, m);
    }
    if (d->layout.footer.h > 0)
        footer_draw(d->layout.footer, footer_place(d), is_alone(d));
}
