/* Where a key goes, and what a frame is made of. In the thread of tui_run. */
#include "app.h"

#include <ncurses.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define MESSAGE_US (4 * INT64_C(1000000))

/* Where keys go now. */
static enum key_context where_keys_go(const struct app *a)
{
    return a->help.open                 ? KEY_IN_HELP
           : a->reader.document != NULL ? KEY_IN_READER
           : a->dash.kind == TUI_PEER   ? KEY_IN_PEER
           : a->dash.kind == TUI_DEMO   ? KEY_IN_DEMO
                                        : KEY_IN_RS;
}

void app_say(struct app *a, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(a->message, sizeof(a->message), fmt, ap);
    va_end(ap);
    a->message_level = SNAP_ANSWER;
    a->message_until_us = a->moment.now_us + MESSAGE_US;
    a->dirty = true;
}

/* At the bottom, all of it, until the next key. */
static void show_line(struct app *a, enum snap_level level, const char *text)
{
    app_say(a, "%s", text);
    a->message_level = level;
    a->message_until_us = INT64_MAX;
}

static bool has_message(const struct app *a)
{
    return a->message[0] != '\0' && a->moment.now_us < a->message_until_us;
}

/* ---- prompts --------------------------------------------------------------------------------------- */

/* What search works on: the table, the document, or the help. */
static char *search_word(struct app *a)
{
    struct grid *t = dash_table(&a->dash);

    return a->help.open                 ? a->help.search
           : a->reader.document != NULL ? a->reader.search
           : t != NULL                  ? t->search
                                        : NULL;
}

static bool search(struct app *a, bool forward, bool from_here)
{
    struct grid *t = dash_table(&a->dash);

    if (a->help.open)
        return help_search(&a->help, forward, from_here);
    if (a->reader.document != NULL)
        return reader_search(&a->reader, forward, from_here);
    return t != NULL && grid_search(t, forward, from_here);
}

/* Where one is among all that was found. */
static void tell_search(struct app *a, bool found)
{
    size_t at = 0, of = 0;

    if (!found) {
        app_say(a, "not found: %s", search_word(a));
        return;
    }
    if (a->help.open)
        help_matches(&a->help, &at, &of);
    else if (a->reader.document != NULL)
        reader_matches(&a->reader, &at, &of);
    else
        grid_matches(dash_table(&a->dash), &at, &of);
    app_say(a, "/%s: %zu of %zu", search_word(a), at, of);
}

static void search_again(struct app *a, bool forward)
{
    const char *word = search_word(a);

    if (word == NULL || word[0] == '\0')
        app_say(a, "search for something first: /");
    else
        tell_search(a, search(a, forward, false));
}

/* Where search goes on from, and puts one. */
static size_t place(struct app *a)
{
    struct grid *t = dash_table(&a->dash);

    return a->help.open                 ? a->help.top
           : a->reader.document != NULL ? a->reader.top
           : t != NULL                  ? t->cursor
                                        : 0;
}

static void go_back_to(struct app *a, size_t where)
{
    if (a->help.open)
        a->help.top = where;
    else if (a->reader.document != NULL)
        a->reader.top = where;
    else if (dash_table(&a->dash) != NULL)
        grid_move_to(dash_table(&a->dash), where);
}

static void open_prompt(struct app *a, enum prompt_kind kind)
{
    struct grid *t = dash_table(&a->dash);
    const char *label = kind == PROMPT_COMMAND ? ":" : kind == PROMPT_SEARCH ? "/" : "\\";

    if (kind == PROMPT_SEARCH ? search_word(a) == NULL : kind == PROMPT_FILTER && t == NULL) {
        app_say(a, "this pane has no rows: 1 goes to the peers");
        return;
    }
    a->before[0] = '\0';
    a->place_before = place(a);
    if (kind != PROMPT_COMMAND)
        snprintf(a->before, sizeof(a->before), "%s",
                 kind == PROMPT_SEARCH ? search_word(a) : t->filter);
    prompt_open(&a->prompt, kind, label);
}

static void set_word(struct app *a, enum prompt_kind kind, const char *word)
{
    if (kind == PROMPT_SEARCH) {
        snprintf(search_word(a), GRID_WORD_SIZE, "%s", word);
        search(a, true, true);
    } else if (kind == PROMPT_FILTER) {
        grid_set_filter(dash_table(&a->dash), word);
    }
}

static void answered(struct app *a)
{
    enum app_question question = a->question;
    char line[32];

    a->question = ASK_NOTHING;
    if (question == ASK_QUIT) {
        a->over = true;
    } else if (question == ASK_LEAVE) {
        act_command(a, "leave");
    } else if (question == ASK_FETCH) {
        snprintf(line, sizeof(line), "get %u", a->question_rfc);
        act_command(a, line);
    }
}

static void to_prompt(struct app *a, int key, uint32_t ch)
{
    enum prompt_kind kind = a->prompt.kind;
    /* Asked whether to quit, who presses the key that quits from anywhere once more means it. */
    bool insists = a->question == ASK_QUIT && keys_find(key, KEY_IN_READER) == KEY_DO_QUIT_TOO;
    enum prompt_outcome outcome = prompt_key(&a->prompt, insists ? 'y' : key, ch);
    char text[PROMPT_SIZE];

    if (outcome == PROMPT_MORE)
        return;
    prompt_text(&a->prompt, text);
    if (kind == PROMPT_QUESTION) {
        if (outcome == PROMPT_DONE)
            answered(a);
        a->question = ASK_NOTHING;
    } else if (outcome == PROMPT_DROPPED) {
        set_word(a, kind, a->before);
        if (kind == PROMPT_SEARCH)
            go_back_to(a, a->place_before);
    } else if (kind == PROMPT_COMMAND) {
        if (outcome == PROMPT_DONE)
            act_command(a, text);
    } else {
        set_word(a, kind, text);
        if (outcome == PROMPT_DONE && kind == PROMPT_SEARCH && text[0] != '\0')
            tell_search(a, search(a, true, true));
    }
}

/* ---- keys of the dashboards ------------------------------------------------------------------------ */

#define SENDING 4000 /* bytes a second; indexes and news alone are less */

static bool is_sending(const struct snap_peer_status *s)
{
    return s->up.count > 0 && s->up.sample[s->up.count - 1] >= SENDING;
}

static void quit(struct app *a)
{
    const struct snap_peer_status *s = &a->moment.content->peer;
    char question[96];

    if (a->dash.kind != TUI_PEER || (s->active + s->queued == 0 && !is_sending(s))) {
        a->over = true;
        return;
    }
    if (s->active + s->queued == 0)
        snprintf(question, sizeof(question), "others are downloading from here. Quit? (y/n) ");
    else if (s->active == 0)
        snprintf(question, sizeof(question), "%zu download%s waiting. Quit? (y/n) ", s->queued,
                 s->queued == 1 ? " is" : "s are");
    else if (s->queued == 0)
        snprintf(question, sizeof(question), "%zu download%s under way. Quit? (y/n) ", s->active,
                 s->active == 1 ? " is" : "s are");
    else
        snprintf(question, sizeof(question), "%zu download%s under way, %zu waiting. Quit? (y/n) ",
                 s->active, s->active == 1 ? " is" : "s are", s->queued);
    a->question = ASK_QUIT;
    prompt_open(&a->prompt, PROMPT_QUESTION, question);
}

static void open_transfer(struct app *a, const struct snap_transfer *t)
{
    char text[GRID_TEXT_SIZE];

    if (t->state != SNAP_TRANSFER_FAILED) {
        act_open(a, t->rfc);
        return;
    }
    if (t->cancelled)
        snprintf(text, sizeof(text), "RFC %u was cancelled (d tries again)", t->rfc);
    else
        snprintf(text, sizeof(text), "RFC %u failed: %.900s (d tries again)", t->rfc,
                 shared_text_str(t->why));
    show_line(a, SNAP_ERROR, text);
}

void app_open_row(struct app *a)
{
    struct grid *t = dash_table(&a->dash);
    const void *row = t == NULL ? NULL : grid_selected(t);
    char line[48];

    if (row == NULL)
        return;
    if (a->dash.focus == PANE_4) {
        show_line(a, ((const struct snap_line *)row)->level,
                  shared_text_str(((const struct snap_line *)row)->text));
    } else if (a->dash.kind == TUI_RS) {
        if (a->dash.focus == PANE_1) {
            grid_set_argument(&a->dash.table[PANE_3], ((const struct snap_record *)row)->peer);
            a->dash.focus = PANE_3;
        }
    } else if (a->dash.focus == PANE_1) {
        snprintf(line, sizeof(line), "rfcquery %u", ((const struct snap_peer *)row)->peer);
        act_command(a, line);
    } else if (a->dash.focus == PANE_2) {
        act_open(a, ((const struct snap_rfc *)row)->rfc);
    } else {
        open_transfer(a, row);
    }
}

/* One thing at a time: what was typed, then marks, then what was made large or opened. */
static void back(struct app *a)
{
    struct grid *t = dash_table(&a->dash);

    if (t != NULL && t->search[0] != '\0')
        t->search[0] = '\0';
    else if (t != NULL && t->filter[0] != '\0')
        grid_set_filter(t, "");
    else if (t != NULL && t->mark_count > 0)
        grid_marks_clear(t);
    else if (a->dash.alone)
        a->dash.alone = false;
    else if (a->dash.kind == TUI_RS && a->dash.focus == PANE_3) {
        grid_set_argument(&a->dash.table[PANE_3], 0);
        a->dash.focus = PANE_1;
    } else
        a->message[0] = '\0';
}

static void sideways(struct app *a, int by)
{
    struct grid *t = dash_table(&a->dash);

    if (t == NULL || !grid_shift(t, by))
        dash_focus_sideways(&a->dash, by);
}

static void grid_key(struct grid *t, enum key_action action)
{
    switch (action) {
    case KEY_DO_UP:
        grid_move(t, -1);
        break;
    case KEY_DO_DOWN:
        grid_move(t, 1);
        break;
    case KEY_DO_PAGE_UP:
        grid_move(t, -(int64_t)t->page);
        break;
    case KEY_DO_PAGE_DOWN:
        grid_move(t, t->page);
        break;
    case KEY_DO_TOP:
        grid_move_to(t, 0);
        break;
    case KEY_DO_BOTTOM:
        grid_move_to(t, SIZE_MAX);
        break;
    case KEY_DO_SORT_LEFT:
        grid_sort_by(t, -1);
        break;
    case KEY_DO_SORT_RIGHT:
        grid_sort_by(t, 1);
        break;
    case KEY_DO_SORT_REVERSE:
        grid_sort_reverse(t);
        break;
    case KEY_DO_MARK:
        grid_mark(t);
        grid_move(t, 1);
        break;
    default:
        break;
    }
}

/* Drawing puts right what is too far. */
static void demo_key(struct dash *d, enum key_action action)
{
    int page = screen_rows() / 2;

    d->demo_top += action == KEY_DO_UP          ? -1
                   : action == KEY_DO_DOWN      ? 1
                   : action == KEY_DO_PAGE_UP   ? -page
                   : action == KEY_DO_PAGE_DOWN ? page
                   : action == KEY_DO_TOP       ? -d->demo_top
                   : action == KEY_DO_BOTTOM    ? 10000 - d->demo_top
                                                : 0;
}

static void dash_key(struct app *a, enum key_action action)
{
    struct dash *d = &a->dash;

    switch (action) {
    case KEY_DO_LEFT:
        sideways(a, -1);
        break;
    case KEY_DO_RIGHT:
    case KEY_DO_RIGHT_TOO:
        sideways(a, 1);
        break;
    case KEY_DO_PANE_NEXT:
        dash_focus(d, (enum pane)((d->focus + 1) % PANE_FOCUS_MAX));
        break;
    case KEY_DO_PANE_PREV:
        dash_focus(d, (enum pane)((d->focus + PANE_FOCUS_MAX - 1) % PANE_FOCUS_MAX));
        break;
    case KEY_DO_PANE_1:
    case KEY_DO_PANE_2:
    case KEY_DO_PANE_3:
    case KEY_DO_PANE_4:
        dash_focus(d, (enum pane)(action - KEY_DO_PANE_1));
        break;
    case KEY_DO_ZOOM:
        d->alone = !d->alone;
        break;
    case KEY_DO_FILTER:
        open_prompt(a, PROMPT_FILTER);
        break;
    case KEY_DO_COMMAND:
        open_prompt(a, PROMPT_COMMAND);
        break;
    case KEY_DO_OPEN:
        app_open_row(a);
        break;
    case KEY_DO_BACK:
        back(a);
        break;
    case KEY_DO_QUIT:
        quit(a);
        break;
    default:
        if (d->kind == TUI_DEMO)
            demo_key(d, action);
        if (d->kind == TUI_PEER && act_peer(a, action))
            break;
        if (dash_table(d) != NULL)
            grid_key(dash_table(d), action);
        break;
    }
}

static void reader_action(struct app *a, enum key_action action)
{
    struct reader_place place;
    uint32_t rfc;

    if (reader_key(&a->reader, action))
        return;
    if (action == KEY_DO_FOLLOW) {
        if (reader_link(&a->reader, &rfc))
            act_open(a, rfc);
        else
            app_say(a, "Tab chooses a reference first");
    } else if (action == KEY_DO_RETURN && reader_back(&a->reader, &place)) {
        act_return(a, &place);
    } else if (action == KEY_DO_PAGER) {
        act_pager(a);
    } else if (action == KEY_DO_BACK && a->reader.search[0] != '\0') {
        a->reader.search[0] = '\0';
    } else if (action == KEY_DO_BACK || action == KEY_DO_CLOSE || action == KEY_DO_RETURN) {
        reader_close(&a->reader);
    }
}

/* ---- the key ----------------------------------------------------------------------------------------- */

static void anywhere_key(struct app *a, enum key_action action)
{
    switch (action) {
    case KEY_DO_HELP:
        a->help.context = where_keys_go(a);
        a->help.open = true;
        a->help.top = a->help.found = 0;
        break;
    case KEY_DO_SEARCH:
        open_prompt(a, PROMPT_SEARCH);
        break;
    case KEY_DO_SEARCH_NEXT:
    case KEY_DO_SEARCH_PREV:
        search_again(a, action == KEY_DO_SEARCH_NEXT);
        break;
    case KEY_DO_MOUSE:
        act_mouse(a);
        break;
    case KEY_DO_REPAINT:
        screen_repaint();
        break;
    case KEY_DO_SUSPEND:
        act_suspend(a);
        break;
    case KEY_DO_QUIT_TOO:
        quit(a);
        break;
    default:
        if (a->reader.document != NULL)
            reader_action(a, action);
        else
            dash_key(a, action);
        break;
    }
}

void app_key(struct app *a, int key, uint32_t ch)
{
    a->dirty = true;
    if (key == KEY_RESIZE)
        return;
    if (key == KEY_MOUSE) {
        app_mouse(a);
        return;
    }
    if (a->prompt.kind != PROMPT_CLOSED) {
        a->interrupted = a->interrupted || key == KEY_CTRL('c');
        to_prompt(a, key, ch);
        return;
    }
    a->interrupted = key == KEY_CTRL('c');
    a->message[0] = '\0';

    enum key_action action = keys_find(key, where_keys_go(a));

    if (action == KEY_NONE)
        return;
    if (a->help.open && help_key(&a->help, action))
        return;
    anywhere_key(a, action);
}

/* ---- the frame --------------------------------------------------------------------------------------- */

/*
 * News of the log are told in the footer where the log itself is not to be seen: what went wrong, and
 * what came of a command. All else is told by the panes; it would hide the footer for good.
 */
static void tell_log(struct app *a)
{
    const struct snap_content *s = a->moment.content;
    const struct rows *log = &s->log;
    uint64_t end = log->first + log->count, seen = a->log_seen > 0 ? a->log_seen - 1 : 0;
    /* What was said before there was a screen is told if something is wrong. */
    bool quiet = a->dash.kind != TUI_PEER || a->log_seen == 0;
    const struct snap_line *told = NULL;

    a->log_seen = end + 1;
    if (a->dash.layout.pane[PANE_4].h > 0 && where_keys_go(a) != KEY_IN_READER)
        return;
    for (uint64_t i = seen > log->first ? seen : log->first; i < end; i++) {
        const struct snap_line *line = rows_at(log, i - log->first);

        if (line->level <= (quiet ? SNAP_WARN : SNAP_ANSWER) &&
            (told == NULL || line->level <= told->level))
            told = line;
    }
    if (told == NULL || (has_message(a) && a->message_level < told->level))
        return;
    app_say(a, "%s", shared_text_str(told->text));
    a->message_level = told->level;
    if (told->level <= SNAP_WARN)
        a->message_until_us += MESSAGE_US;
}

/* As many lines as it needs, up to half of the screen. */
static void draw_message(const struct app *a, int rows, int cols)
{
    unsigned style = a->message_level == SNAP_ERROR  ? STYLE_BAD
                     : a->message_level == SNAP_WARN ? STYLE_BUSY
                                                     : STYLE_TEXT | STYLE_BOLD;
    struct rect nowhere = {0, 0, 0, cols};
    int lines = draw_wrapped(nowhere, style, a->message, 0), most = rows / 2;
    struct rect r = {rows - (lines < most ? lines : most), 0, lines < most ? lines : most, cols};

    for (int y = r.y; y < rows; y++)
        draw_blank(y, 0, cols, style);
    draw_wrapped(r, style, a->message, 0);
}

void app_draw(struct app *a)
{
    int rows = screen_rows(), cols = screen_cols();
    struct rect all = {0, 0, rows, cols};
    struct rect header = {0, 0, rows >= 3 ? 1 : 0, cols};
    struct rect footer = {rows - 1, 0, rows >= 4 ? 1 : 0, cols};

    screen_erase();
    screen_cursor(-1, 0);
    dash_update(&a->dash, a->moment.content, a->moment.now_us);
    tell_log(a);
    if (a->help.open) {
        help_draw(&a->help, all);
    } else if (a->reader.document != NULL) {
        struct rect body = {header.h, 0, rows - header.h - footer.h, cols};

        reader_draw(&a->reader, header, body, footer);
    } else {
        dash_draw(&a->dash, &a->moment);
    }
    if (a->prompt.kind != PROMPT_CLOSED)
        prompt_draw(&a->prompt, rows - 1, cols);
    else if (has_message(a))
        draw_message(a, rows, cols);
    screen_show();
    a->dirty = false;
}
