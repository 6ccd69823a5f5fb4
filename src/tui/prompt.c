/* The line editor. Characters are code points, drawn by their widths. In the thread of tui_run. */
#include "prompt.h"

#include "keys.h"
#include "p2pdi/base/text.h"
#include "screen.h"

#include <ncurses.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void prompt_init(struct prompt *p, prompt_words_fn *words, void *arg)
{
    *p = (struct prompt){.words = words, .words_arg = arg};
}

void prompt_fini(struct prompt *p)
{
    for (size_t k = 0; k < PROMPT_KINDS; k++)
        for (size_t i = 0; i < p->history_count[k]; i++)
            free(p->history[k][i]);
}

void prompt_open(struct prompt *p, enum prompt_kind kind, const char *label)
{
    p->kind = kind;
    snprintf(p->label, sizeof(p->label), "%s", label);
    p->len = 0;
    p->at = 0;
    p->hint[0] = '\0';
    p->history_at = p->history_count[kind];
}

/* ---- text ----------------------------------------------------------------------------------------- */

static size_t put_utf8(char *out, uint32_t c)
{
    if (c < 0x80) {
        out[0] = (char)c;
        return 1;
    }
    if (c < 0x800) {
        out[0] = (char)(0xc0 | c >> 6);
        out[1] = (char)(0x80 | (c & 0x3f));
        return 2;
    }
    if (c < 0x10000) {
        out[0] = (char)(0xe0 | c >> 12);
        out[1] = (char)(0x80 | (c >> 6 & 0x3f));
        out[2] = (char)(0x80 | (c & 0x3f));
        return 3;
    }
    out[0] = (char)(0xf0 | c >> 18);
    out[1] = (char)(0x80 | (c >> 12 & 0x3f));
    out[2] = (char)(0x80 | (c >> 6 & 0x3f));
    out[3] = (char)(0x80 | (c & 0x3f));
    return 4;
}

static void text_of(const struct prompt *p, size_t from, size_t to, char out[PROMPT_SIZE])
{
    size_t n = 0;

    for (size_t i = from; i < to; i++)
        n += put_utf8(out + n, p->text[i]);
    out[n] = '\0';
}

void prompt_text(const struct prompt *p, char out[PROMPT_SIZE])
{
    text_of(p, 0, p->len, out);
}

static void insert(struct prompt *p, uint32_t c)
{
    if (p->len == PROMPT_CHARS)
        return;
    memmove(p->text + p->at + 1, p->text + p->at, (p->len - p->at) * sizeof(p->text[0]));
    p->text[p->at++] = c;
    p->len++;
}

static void erase_range(struct prompt *p, size_t from, size_t to)
{
    memmove(p->text + from, p->text + to, (p->len - to) * sizeof(p->text[0]));
    p->len -= to - from;
    p->at = from;
}

static void set_text(struct prompt *p, const char *utf8)
{
    struct slice s = slice_of(utf8);

    p->len = 0;
    p->at = 0;
    while (s.n > 0) {
        uint32_t c;
        size_t n = text_utf8_next(s, &c);

        s.p += n;
        s.n -= n;
        insert(p, c);
    }
}

static size_t word_start(const struct prompt *p)
{
    size_t i = p->at;

    while (i > 0 && p->text[i - 1] != ' ' && p->text[i - 1] != ';')
        i--;
    return i;
}

/* ---- history ------------------------------------------------------------------------------------- */

static void history_add(struct prompt *p)
{
    char line[PROMPT_SIZE];
    size_t n = p->history_count[p->kind];
    char **history = p->history[p->kind];

    prompt_text(p, line);
    if (line[0] == '\0' || (n > 0 && strcmp(history[n - 1], line) == 0))
        return;

    char *copy = strdup(line);

    if (copy == NULL)
        return;
    if (n == PROMPT_HISTORY) {
        free(history[0]);
        memmove(history, history + 1, (PROMPT_HISTORY - 1) * sizeof(char *));
        n--;
    }
    history[n] = copy;
    p->history_count[p->kind] = n + 1;
}

static enum prompt_outcome history_go(struct prompt *p, bool back)
{
    size_t count = p->history_count[p->kind];

    if (back ? p->history_at == 0 : p->history_at >= count)
        return PROMPT_MORE;
    p->history_at += back ? (size_t)-1 : 1;
    set_text(p, p->history_at < count ? p->history[p->kind][p->history_at] : "");
    return PROMPT_CHANGED;
}

/* ---- completion ---------------------------------------------------------------------------------- */

static enum prompt_outcome complete(struct prompt *p)
{
    size_t start = word_start(p), fits = 0;
    char before[PROMPT_SIZE], word[PROMPT_SIZE], common[128] = "";
    const char *candidate;

    if (p->kind != PROMPT_COMMAND || p->words == NULL)
        return PROMPT_MORE;
    text_of(p, 0, start, before);
    text_of(p, start, p->at, word);
    p->hint[0] = '\0';
    for (size_t i = 0; (candidate = p->words(p->words_arg, before, i)) != NULL; i++) {
        size_t used = strlen(p->hint);

        if (strncmp(candidate, word, strlen(word)) != 0)
            continue;
        if (fits++ == 0)
            snprintf(common, sizeof(common), "%s", candidate);
        for (size_t k = 0; common[k] != '\0'; k++)
            if (common[k] != candidate[k])
                common[k] = '\0';
        if (used + strlen(candidate) + 3 < sizeof(p->hint))
            snprintf(p->hint + used, sizeof(p->hint) - used, "%s%s", used > 0 ? "  " : "",
                     candidate);
    }
    if (fits == 0)
        return PROMPT_MORE;
    for (const char *c = common + strlen(word); *c != '\0'; c++)
        insert(p, (unsigned char)*c);
    if (fits == 1) {
        insert(p, ' ');
        p->hint[0] = '\0';
    }
    return PROMPT_CHANGED;
}

/* ---- keys ----------------------------------------------------------------------------------------- */

static enum prompt_outcome close_prompt(struct prompt *p, enum prompt_outcome outcome)
{
    if (outcome == PROMPT_DONE && p->kind != PROMPT_QUESTION)
        history_add(p);
    p->kind = PROMPT_CLOSED;
    return outcome;
}

static enum prompt_outcome edit(struct prompt *p, int key)
{
    size_t len = p->len;

    switch (key) {
    case KEY_LEFT:
    case KEY_CTRL('b'):
        p->at -= p->at > 0;
        break;
    case KEY_RIGHT:
    case KEY_CTRL('f'):
        p->at += p->at < p->len;
        break;
    case KEY_HOME:
    case KEY_CTRL('a'):
        p->at = 0;
        break;
    case KEY_END:
    case KEY_CTRL('e'):
        p->at = p->len;
        break;
    case KEY_BACKSPACE:
    case 127:
    case 8:
        if (p->at > 0)
            erase_range(p, p->at - 1, p->at);
        break;
    case KEY_DC:
    case KEY_CTRL('d'):
        if (p->at < p->len)
            erase_range(p, p->at, p->at + 1);
        break;
    case KEY_CTRL('u'):
        erase_range(p, 0, p->at);
        break;
    case KEY_CTRL('k'):
        p->len = p->at;
        break;
    case KEY_CTRL('w'): {
        size_t from = p->at;

        while (from > 0 && p->text[from - 1] == ' ')
            from--;
        while (from > 0 && p->text[from - 1] != ' ')
            from--;
        erase_range(p, from, p->at);
        break;
    }
    default:
        break;
    }
    return p->len != len ? PROMPT_CHANGED : PROMPT_MORE;
}

enum prompt_outcome prompt_key(struct prompt *p, int key, uint32_t ch)
{
    if (key == KEY_ESC || key == KEY_CTRL('c') || key == KEY_CTRL('g'))
        return close_prompt(p, PROMPT_DROPPED);
    if (p->kind == PROMPT_QUESTION) {
        if (key == 'y' || key == 'Y')
            return close_prompt(p, PROMPT_DONE);
        return key == 'n' || key == 'N' || key == 'q' ? close_prompt(p, PROMPT_DROPPED)
                                                      : PROMPT_MORE;
    }
    if (key == '\t')
        return complete(p);
    p->hint[0] = '\0';
    switch (key) {
    case '\r':
    case '\n':
    case KEY_ENTER:
        /* The text stays readable for the caller: closing only ends the typing. */
        return close_prompt(p, PROMPT_DONE);
    case KEY_UP:
    case KEY_CTRL('p'):
        return history_go(p, true);
    case KEY_DOWN:
    case KEY_CTRL('n'):
        return history_go(p, false);
    default:
        break;
    }
    if (ch >= 0x20 && ch != 0x7f && !(ch >= 0x80 && ch < 0xa0)) {
        insert(p, ch);
        return PROMPT_CHANGED;
    }
    /* An empty line and Backspace: out, as in vi. */
    if (p->len == 0 && (key == KEY_BACKSPACE || key == 127 || key == 8))
        return close_prompt(p, PROMPT_DROPPED);
    return edit(p, key);
}

void prompt_draw(const struct prompt *p, int y, int w)
{
    char text[PROMPT_SIZE];
    int label = draw_text(y, 0, w, STYLE_TEXT | STYLE_BOLD, p->label);
    int room = w - label;

    draw_blank(y, label, room, STYLE_TEXT);
    if (p->kind == PROMPT_QUESTION) {
        screen_cursor(y, label);
        return;
    }
    text_of(p, 0, p->at, text);

    int at = text_cells(text);
    int skip = room > 1 && at > room - 1 ? at - (room - 1) : 0;

    prompt_text(p, text);
    draw_text_from(y, label, room, STYLE_TEXT, text, skip, NULL);
    if (p->hint[0] != '\0')
        draw_field(y - 1, 0, w, STYLE_TEXT | STYLE_REVERSE, p->hint, false, NULL);
    screen_cursor(y, label + at - skip);
}
