/* Lists the table of keys, section by section. In the thread of tui_run. */
#include "help.h"

#include <stdio.h>
#include <string.h>

#define LINE_SIZE 160

/* Line i of the help, "" for a blank one, as a title or not; false: past the end. */
static bool line_at(size_t wanted, char out[LINE_SIZE], bool *title, unsigned *contexts)
{
    size_t count, line = 0;
    const struct key_row *rows = keys_table(&count);

    *title = false;
    *contexts = KEY_IN_ANY;
    for (size_t s = 0; s < KEY_SECTIONS; s++) {
        if (line++ == wanted) {
            snprintf(out, LINE_SIZE, "%s", keys_section_title((enum key_section)s));
            *title = true;
            return true;
        }
        for (size_t i = 0; i < count; i++)
            if (rows[i].section == s && line++ == wanted) {
                snprintf(out, LINE_SIZE, "  %-10s %s", rows[i].shown, rows[i].what);
                *contexts = rows[i].contexts;
                return true;
            }
        if (line++ == wanted) {
            out[0] = '\0';
            return true;
        }
    }
    return false;
}

static size_t line_count(void)
{
    size_t count;

    keys_table(&count);
    return count + (size_t)2 * KEY_SECTIONS - 1;
}

static size_t last_top(const struct help *h)
{
    return line_count() > h->page ? line_count() - h->page : 0;
}

bool help_key(struct help *h, enum key_action action)
{
    size_t last = last_top(h);

    switch (action) {
    case KEY_DO_UP:
        h->top -= h->top > 0;
        return true;
    case KEY_DO_DOWN:
        h->top += h->top < last;
        return true;
    case KEY_DO_PAGE_UP:
        h->top -= h->top < h->page ? h->top : h->page;
        return true;
    case KEY_DO_PAGE_DOWN:
    case KEY_DO_PAGE_SPACE:
        h->top = h->top + h->page < last ? h->top + h->page : last;
        return true;
    case KEY_DO_TOP:
        h->top = 0;
        return true;
    case KEY_DO_BOTTOM:
        h->top = last;
        return true;
    case KEY_DO_BACK:
    case KEY_DO_CLOSE:
    case KEY_DO_HELP:
        h->open = false;
        h->search[0] = '\0';
        return true;
    default:
        return false;
    }
}

bool help_search(struct help *h, bool forward, bool from_here)
{
    size_t count = line_count();
    char line[LINE_SIZE];
    bool title, seen = h->found >= h->top && h->found < h->top + h->page;
    unsigned contexts;
    size_t start = seen ? h->found : h->top;

    if (h->search[0] == '\0')
        return false;
    for (size_t i = from_here ? 0 : 1; i <= count; i++) {
        size_t at = (forward ? start + i : start + count - i % count) % count;

        if (line_at(at, line, &title, &contexts) && text_find_nocase(line, h->search) != NULL) {
            h->found = at;
            if (at < h->top || at >= h->top + h->page)
                h->top = at < last_top(h) ? at : last_top(h);
            return true;
        }
    }
    return false;
}

void help_matches(const struct help *h, size_t *at, size_t *of)
{
    char line[LINE_SIZE];
    bool title;
    unsigned contexts;

    *at = *of = 0;
    for (size_t i = 0; line_at(i, line, &title, &contexts); i++) {
        if (text_find_nocase(line, h->search) == NULL)
            continue;
        ++*of;
        if (i <= h->found)
            *at = *of;
    }
}

void help_draw(struct help *h, struct rect r)
{
    char line[LINE_SIZE];
    bool title;
    unsigned contexts;
    struct rect body = r;

    if (r.h > 2) {
        draw_field(r.y, r.x, r.w, STYLE_HEAD | STYLE_REVERSE,
                   " P2P-DI: keys        (Esc or q closes, / searches)", false, NULL);
        body.y++;
        body.h--;
    }
    h->page = body.h > 0 ? (size_t)body.h : 1;
    if (h->top > last_top(h))
        h->top = last_top(h);
    for (size_t i = 0; i < (size_t)body.h && line_at(h->top + i, line, &title, &contexts); i++) {
        unsigned style = title                          ? STYLE_TITLE
                         : (contexts & h->context) != 0 ? STYLE_TEXT
                                                        : STYLE_DIM;

        if (h->search[0] != '\0' && h->top + i == h->found)
            style |= STYLE_BOLD | STYLE_UNDERLINE;

        draw_text_from(body.y + (int)i, body.x, body.w, style, line, 0, h->search);
    }
}
