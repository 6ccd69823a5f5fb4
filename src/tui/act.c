/*
 * What keys of the peer's dashboard do: lines of the batch language, for the marked rows or the one at
 * the cursor. And what leaves the screen for a while. In the thread of tui_run.
 */
#include "app.h"
#include "pager.h"

#include <ncurses.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LINE_BYTES 65536

/* What has a pane of its own is not printed but shown. */
static bool show_pane(struct app *a, struct slice word, struct slice pattern)
{
    static const struct {
        const char *word;
        enum pane pane;
    } shown[] = {{"peers", PANE_1}, {"index", PANE_2}, {"transfers", PANE_3}};
    char filter[GRID_WORD_SIZE];

    for (size_t i = 0; i < (a->dash.kind == TUI_RS ? 1 : sizeof(shown) / sizeof(shown[0])); i++)
        if (slice_equal(word, slice_of(shown[i].word))) {
            dash_focus(&a->dash, shown[i].pane);
            snprintf(filter, sizeof(filter), "%.*s", (int)pattern.n, pattern.p);
            grid_set_filter(dash_table(&a->dash), filter);
            return true;
        }
    return false;
}

/* Does it print a table? The footer has room for one line of it. */
static bool prints(struct slice line)
{
    static const char *const words[] = {"peers", "index", "transfers", "status"};

    while (line.p != NULL && line.n > 0) {
        struct slice rest = {0};
        struct slice word = slice_split(slice_trim(slice_split(line, ';', &line)), ' ', &rest);

        for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
            if (slice_equal(word, slice_of(words[i])))
                return true;
    }
    return false;
}

/* What was printed last is at its end. */
static void show_log(struct app *a)
{
    dash_focus(&a->dash, PANE_4);
    grid_set_filter(dash_table(&a->dash), "");
    grid_move_to(dash_table(&a->dash), SIZE_MAX);
}

void act_command(struct app *a, const char *line)
{
    const char *word = line + strspn(line, " \t");

    if (*word == '\0')
        return;
    if (strcmp(word, "quit") == 0 || strcmp(word, "q") == 0) {
        a->over = true;
        return;
    }
    struct slice pattern = {"", 0};
    struct slice name = slice_split(slice_trim(slice_of(word)), ' ', &pattern);

    pattern = pattern.p == NULL ? SLICE("") : slice_trim(pattern);
    if (strchr(word, ';') == NULL && show_pane(a, name, pattern))
        return;
    if (a->cfg->command == NULL) {
        app_say(a, "here are only the commands peers [PATTERN] and quit");
        return;
    }
    if (prints(slice_of(word)))
        show_log(a);
    app_say(a, ":%s", word);
    a->cfg->command(a->cfg->ctx, word);
}

/* ---- lines made of rows ---------------------------------------------------------------------------- */

struct line {
    struct buf text;
    enum pane pane;
    size_t count;
};

static void add_row(void *arg, const void *row)
{
    struct line *l = arg;
    uint32_t number = l->pane == PANE_1   ? ((const struct snap_peer *)row)->peer
                      : l->pane == PANE_2 ? ((const struct snap_rfc *)row)->rfc
                                          : ((const struct snap_transfer *)row)->rfc;

    buf_append_char(&l->text, ' ');
    buf_append_u64(&l->text, number);
    l->count++;
}

/* The marked rows of the pane in focus, or the one at the cursor, as " 1 2 3"; false: none. */
static bool take_rows(struct app *a, struct line *l)
{
    struct grid *t = dash_table(&a->dash);

    l->pane = a->dash.focus;
    if (t == NULL || l->pane > PANE_3)
        return false;
    if (!grid_walk_marked(t, add_row, l)) {
        if (grid_selected(t) == NULL)
            return false;
        add_row(l, grid_selected(t));
    }
    grid_marks_clear(t);
    return l->count > 0;
}

static void run(struct app *a, struct buf *text)
{
    buf_append_char(text, '\0');
    if (buf_status(text) == DI_OK)
        act_command(a, buf_bytes(text));
    else
        app_say(a, "too many rows are marked for one command");
}

static void get(struct app *a)
{
    struct line l = {0};
    struct buf text;

    buf_init(&l.text, LINE_BYTES);
    buf_init(&text, LINE_BYTES);
    if (!take_rows(a, &l)) {
        app_say(a, "choose an RFC in pane 2, or a peer in pane 1");
    } else if (l.pane == PANE_1) {
        struct slice rest = {buf_bytes(&l.text), l.text.len}, word;

        /* A line for each peer. */
        slice_split(rest, ' ', &rest);
        while (rest.p != NULL) {
            word = slice_split(rest, ' ', &rest);
            buf_clear(&text);
            buf_append_str(&text, "get missing from ");
            buf_append(&text, word.p, word.n);
            run(a, &text);
        }
    } else {
        buf_append_str(&text, "get");
        buf_append(&text, buf_bytes(&l.text), l.text.len);
        run(a, &text);
    }
    buf_fini(&text);
    buf_fini(&l.text);
}

static void rfcquery(struct app *a)
{
    struct grid *peers = &a->dash.table[PANE_1];
    struct line l = {.pane = PANE_1};

    buf_init(&l.text, LINE_BYTES);
    if (!grid_walk_marked(peers, add_row, &l)) {
        act_command(a, "rfcquery all");
    } else {
        struct slice rest = {buf_bytes(&l.text), l.text.len};
        char command[64];

        slice_split(rest, ' ', &rest);
        while (rest.p != NULL) {
            struct slice word = slice_split(rest, ' ', &rest);

            snprintf(command, sizeof(command), "rfcquery %.*s", (int)word.n, word.p);
            act_command(a, command);
        }
        grid_marks_clear(peers);
    }
    buf_fini(&l.text);
}

struct cancelling {
    struct app *app;
    size_t count;
};

static void cancel_row(void *arg, const void *row)
{
    struct cancelling *c = arg;
    const struct snap_rfc *r = row;
    const struct snap_transfer *t = row;
    bool index = c->app->dash.focus == PANE_2;

    if (index ? r->state != SNAP_RFC_WANTED
              : t->state != SNAP_TRANSFER_ACTIVE && t->state != SNAP_TRANSFER_QUEUED)
        return;
    c->app->cfg->cancel(c->app->cfg->ctx, index ? r->rfc : t->rfc);
    c->count++;
}

static void cancel(struct app *a)
{
    struct grid *t = dash_table(&a->dash);
    struct cancelling c = {.app = a};

    if (a->cfg->cancel == NULL || t == NULL ||
        (a->dash.focus != PANE_2 && a->dash.focus != PANE_3)) {
        app_say(a, "choose a download in pane 3");
        return;
    }
    if (!grid_walk_marked(t, cancel_row, &c)) {
        if (grid_selected(t) == NULL)
            return;
        cancel_row(&c, grid_selected(t));
    }
    grid_marks_clear(t);
    if (c.count > 0)
        app_say(a, "%zu download%s cancelled", c.count, c.count == 1 ? "" : "s");
    else
        app_say(a, "nothing to cancel here: it is not under way");
}

/* `l` lies beside `j` and `k`, which move: while something is under way it asks. */
static void leave(struct app *a)
{
    const struct snap_peer_status *s = &a->moment.content->peer;

    if (s->active + s->queued == 0) {
        act_command(a, "leave");
        return;
    }
    a->question = ASK_LEAVE;
    prompt_open(&a->prompt, PROMPT_QUESTION, "leave the RS during downloads? (y/n) ");
}

bool act_peer(struct app *a, enum key_action action)
{
    switch (action) {
    case KEY_DO_REGISTER:
        act_command(a, "register");
        return true;
    case KEY_DO_LEAVE:
        leave(a);
        return true;
    case KEY_DO_PQUERY:
        act_command(a, "pquery");
        return true;
    case KEY_DO_KEEPALIVE:
        act_command(a, "keepalive");
        return true;
    case KEY_DO_SYNC:
        act_command(a, a->moment.content->peer.syncing ? "sync off" : "sync");
        return true;
    case KEY_DO_GET_ALL:
        act_command(a, "get all");
        return true;
    case KEY_DO_RFCQUERY:
        rfcquery(a);
        return true;
    case KEY_DO_GET:
        get(a);
        return true;
    case KEY_DO_CANCEL:
        cancel(a);
        return true;
    default:
        return false;
    }
}

/* ---- reading --------------------------------------------------------------------------------------- */

/* NULL: it cannot be had, and what that means is on the screen. */
static struct document *read_document(struct app *a, uint32_t rfc)
{
    struct document *d = NULL;
    char *bytes = NULL;
    size_t len = 0;
    enum di_err err =
        a->cfg->open == NULL ? DI_NOT_FOUND : a->cfg->open(a->cfg->ctx, rfc, &bytes, &len);

    if (err == DI_NOT_FOUND) {
        char question[96];

        if (a->cfg->command == NULL) {
            app_say(a, "RFC %u is not here", rfc);
            return NULL;
        }
        snprintf(question, sizeof(question), "RFC %u is not here. Fetch it? (y/n) ", rfc);
        a->question = ASK_FETCH;
        a->question_rfc = rfc;
        prompt_open(&a->prompt, PROMPT_QUESTION, question);
        return NULL;
    }
    if (err == DI_OK)
        err = document_new(rfc, bytes, len, &d);
    free(bytes);
    if (err != DI_OK)
        app_say(a, "RFC %u could not be read: %s", rfc, di_err_text(err));
    return d;
}

void act_open(struct app *a, uint32_t rfc)
{
    struct document *d = read_document(a, rfc);

    if (d != NULL)
        reader_show(&a->reader, d);
}

void act_return(struct app *a, const struct reader_place *place)
{
    struct document *d = read_document(a, place->rfc);

    if (d != NULL)
        reader_show_again(&a->reader, d, place->top);
}

static bool should_stop(void *arg)
{
    const struct app *a = arg;

    return a->cfg->stopping != NULL && a->cfg->stopping(a->cfg->ctx);
}

void act_pager(struct app *a)
{
    enum di_err err;

    screen_leave();
    err = pager_run(a->reader.document, a->cfg->wake_fd, should_stop, a);
    screen_return();
    if (err != DI_OK)
        app_say(a, "$PAGER could not be run");
}

/* ---- the terminal ---------------------------------------------------------------------------------- */

void act_suspend(struct app *a)
{
    screen_leave();
    /* The whole foreground group, as the terminal itself would do it; the shell sees us stop. */
    kill(0, SIGSTOP);
    screen_return();
    a->dirty = true;
}

void act_mouse(struct app *a)
{
    bool wanted = !a->mouse;

    a->mouse = screen_set_mouse(wanted);
    app_say(a, "%s",
            a->mouse ? "mouse on"
            : wanted ? "this terminal reports no mouse"
                     : "mouse off");
}
