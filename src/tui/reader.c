/* Reading a document: moving, references, table of contents, drawing. In the thread of tui_run. */
#include "reader.h"

#include "footer.h"

#include <stdio.h>
#include <string.h>

#define LINKS_MAX 16
#define SHIFT 8

void reader_init(struct reader *r)
{
    *r = (struct reader){.page = 1};
}

void reader_fini(struct reader *r)
{
    document_free(r->document);
    r->document = NULL;
}

void reader_show_again(struct reader *r, struct document *d, size_t top)
{
    document_free(r->document);
    r->document = d;
    r->top = top;
    r->shift = 0;
    r->has_link = false;
    r->has_found = false;
    r->contents = false;
}

void reader_show(struct reader *r, struct document *d)
{
    if (r->document != NULL) {
        if (r->depth == READER_STACK)
            memmove(r->stack, r->stack + 1, --r->depth * sizeof(r->stack[0]));
        r->stack[r->depth++] = (struct reader_place){r->document->rfc, r->top};
    }
    reader_show_again(r, d, 0);
}

bool reader_back(struct reader *r, struct reader_place *out)
{
    if (r->depth == 0)
        return false;
    *out = r->stack[--r->depth];
    return true;
}

void reader_close(struct reader *r)
{
    reader_fini(r);
    r->depth = 0;
    r->search[0] = '\0';
}

/* ---- moving ----------------------------------------------------------------------------------------- */

static size_t last_top(const struct reader *r)
{
    return r->document->count > r->page ? r->document->count - r->page : 0;
}

static void scroll_by(struct reader *r, int64_t by)
{
    size_t last = last_top(r);

    if (by < 0)
        r->top -= (size_t)-by < r->top ? (size_t)-by : r->top;
    else
        r->top = r->top + (size_t)by < last ? r->top + (size_t)by : last;
}

/* A line into view, a little below the top. */
static void show_line(struct reader *r, size_t line)
{
    if (line >= r->top && line < r->top + r->page)
        return;
    r->top = line > r->page / 4 ? line - r->page / 4 : 0;
    scroll_by(r, 0);
    if (r->top > last_top(r))
        r->top = last_top(r);
}

static bool is_visible(const struct reader *r, size_t line)
{
    return line >= r->top && line < r->top + r->page;
}

static void choose_link(struct reader *r, bool forward)
{
    struct document_link links[LINKS_MAX];
    size_t count = r->document->count;
    bool from_chosen = r->has_link && is_visible(r, r->link_line);
    size_t line = from_chosen ? r->link_line : forward ? r->top : r->top + r->page - 1;

    if (line >= count)
        line = count == 0 ? 0 : count - 1;
    if (from_chosen) {
        size_t n = document_links(r->document, line, links, LINKS_MAX);

        if (forward ? r->link_index + 1 < n : r->link_index > 0) {
            r->link_index += forward ? 1 : (size_t)-1;
            return;
        }
        line = (line + (forward ? 1 : count - 1)) % count;
    }
    for (size_t i = 0; i < count; i++) {
        size_t n = document_links(r->document, line, links, LINKS_MAX);

        if (n > 0) {
            r->has_link = true;
            r->link_line = line;
            r->link_index = forward ? 0 : n - 1;
            show_line(r, line);
            return;
        }
        line = (line + (forward ? 1 : count - 1)) % count;
    }
}

bool reader_link(const struct reader *r, uint32_t *rfc)
{
    struct document_link links[LINKS_MAX];

    if (!r->has_link || !is_visible(r, r->link_line) ||
        document_links(r->document, r->link_line, links, LINKS_MAX) <= r->link_index)
        return false;
    *rfc = links[r->link_index].rfc;
    return true;
}

static bool has_search(const struct reader *r, size_t line)
{
    return text_find_nocase(r->document->lines[line], r->search) != NULL;
}

bool reader_search(struct reader *r, bool forward, bool from_here)
{
    size_t count = r->document->count;

    size_t start = r->has_found && is_visible(r, r->found_line) ? r->found_line : r->top;

    if (r->search[0] == '\0' || count == 0)
        return false;
    for (size_t i = from_here ? 0 : 1; i <= count; i++) {
        size_t line = (forward ? start + i : start + count - i % count) % count;

        if (has_search(r, line)) {
            r->has_found = true;
            r->found_line = line;
            show_line(r, line);
            return true;
        }
    }
    return false;
}

void reader_matches(const struct reader *r, size_t *at, size_t *of)
{
    *at = *of = 0;
    for (size_t i = 0; i < r->document->count; i++) {
        if (!has_search(r, i))
            continue;
        ++*of;
        if (i <= r->found_line)
            *at = *of;
    }
}

/* The heading that the top of the screen is under. */
static size_t heading_here(const struct reader *r)
{
    size_t at = 0;

    for (size_t i = 0; i < r->document->heading_count; i++)
        if (r->document->headings[i].line <= r->top)
            at = i;
    return at;
}

static bool contents_key(struct reader *r, enum key_action action)
{
    size_t last = r->document->heading_count - 1;

    switch (action) {
    case KEY_DO_UP:
        r->contents_at -= r->contents_at > 0;
        return true;
    case KEY_DO_DOWN:
        r->contents_at += r->contents_at < last;
        return true;
    case KEY_DO_PAGE_UP:
        r->contents_at -= r->contents_at < r->page ? r->contents_at : r->page;
        return true;
    case KEY_DO_PAGE_DOWN:
    case KEY_DO_PAGE_SPACE:
        r->contents_at = r->contents_at + r->page < last ? r->contents_at + r->page : last;
        return true;
    case KEY_DO_TOP:
        r->contents_at = 0;
        return true;
    case KEY_DO_BOTTOM:
        r->contents_at = last;
        return true;
    case KEY_DO_FOLLOW:
        r->top = r->document->headings[r->contents_at].line;
        if (r->top > last_top(r))
            r->top = last_top(r);
        r->contents = false;
        return true;
    case KEY_DO_CONTENTS:
    case KEY_DO_BACK:
    case KEY_DO_CLOSE:
    case KEY_DO_RETURN:
        r->contents = false;
        return true;
    default:
        return false;
    }
}

bool reader_key(struct reader *r, enum key_action action)
{
    if (r->contents)
        return contents_key(r, action);
    switch (action) {
    case KEY_DO_UP:
        scroll_by(r, -1);
        return true;
    case KEY_DO_DOWN:
        scroll_by(r, 1);
        return true;
    case KEY_DO_PAGE_UP:
        scroll_by(r, -(int64_t)(r->page > 1 ? r->page - 1 : 1));
        return true;
    case KEY_DO_PAGE_DOWN:
    case KEY_DO_PAGE_SPACE:
        scroll_by(r, (int64_t)(r->page > 1 ? r->page - 1 : 1));
        return true;
    case KEY_DO_TOP:
        r->top = 0;
        return true;
    case KEY_DO_BOTTOM:
        r->top = last_top(r);
        return true;
    case KEY_DO_LEFT:
        r->shift = r->shift > SHIFT ? r->shift - SHIFT : 0;
        return true;
    case KEY_DO_RIGHT:
    case KEY_DO_RIGHT_TOO:
        r->shift += r->shift < 200 ? SHIFT : 0;
        return true;
    case KEY_DO_LINK_NEXT:
    case KEY_DO_LINK_PREV:
        if (r->document->count > 0)
            choose_link(r, action == KEY_DO_LINK_NEXT);
        return true;
    case KEY_DO_CONTENTS:
        if (r->document->heading_count > 0) {
            r->contents = true;
            r->contents_at = heading_here(r);
        }
        return true;
    default:
        return false;
    }
}

/* ---- drawing ------------------------------------------------------------------------------------------ */

/* Where on the screen a reference begins, counted from the left of the body. */
static int link_cell(const struct reader *r, const char *text, const struct document_link *link)
{
    char before[1024];

    snprintf(before, sizeof(before), "%.*s", (int)link->from, text);
    return text_cells(before) - r->shift;
}

bool reader_click(struct reader *r, int y, int x)
{
    struct document_link links[LINKS_MAX];
    size_t row = (size_t)(y - r->body.y), line = r->top + row;

    if (y < r->body.y || y >= r->body.y + r->body.h)
        return false;
    if (r->contents) {
        if (r->contents_top + row < r->document->heading_count) {
            r->contents_at = r->contents_top + row;
            contents_key(r, KEY_DO_FOLLOW);
        }
        return false;
    }
    if (line >= r->document->count)
        return false;

    size_t n = document_links(r->document, line, links, LINKS_MAX);

    for (size_t i = 0; i < n; i++) {
        int at = r->body.x + link_cell(r, r->document->lines[line], &links[i]);

        if (x < at || x >= at + (int)(links[i].to - links[i].from))
            continue;
        r->has_link = true;
        r->link_line = line;
        r->link_index = i;
        return true;
    }
    return false;
}

/* The reference once more over its line, in its own style: only where the line is ASCII up to it. */
static void draw_links(const struct reader *r, size_t line, int y, struct rect body)
{
    struct document_link links[LINKS_MAX];
    const char *text = r->document->lines[line];
    size_t n = document_links(r->document, line, links, LINKS_MAX);
    char part[1024];

    for (size_t i = 0; i < n; i++) {
        if (links[i].to >= sizeof(part))
            break;
        int x = link_cell(r, text, &links[i]);
        size_t len = links[i].to - links[i].from;
        bool chosen = r->has_link && r->link_line == line && r->link_index == i;

        memcpy(part, text + links[i].from, len);
        part[len] = '\0';
        if (x >= 0 && x + (int)len <= body.w)
            draw_text(y, body.x + x, (int)len, STYLE_LINK | (chosen ? STYLE_REVERSE : 0), part);
    }
}

static void draw_document(const struct reader *r, struct rect body)
{
    const struct document *d = r->document;
    size_t heading = heading_here(r);

    for (size_t i = 0; i < (size_t)body.h && r->top + i < d->count; i++) {
        size_t line = r->top + i;
        int y = body.y + (int)i;
        unsigned style = STYLE_TEXT;

        while (heading < d->heading_count && d->headings[heading].line < line)
            heading++;
        if (heading < d->heading_count && d->headings[heading].line == line)
            style |= STYLE_BOLD;
        if (r->search[0] != '\0' && r->has_found && r->found_line == line)
            style |= STYLE_BOLD | STYLE_UNDERLINE;
        draw_text_from(y, body.x, body.w, style, d->lines[line], r->shift, r->search);
        draw_links(r, line, y, body);
    }
}

static void draw_contents(struct reader *r, struct rect body)
{
    const struct document *d = r->document;
    size_t page = (size_t)body.h;

    if (r->contents_at < r->contents_top)
        r->contents_top = r->contents_at;
    if (r->contents_at >= r->contents_top + page)
        r->contents_top = r->contents_at - page + 1;
    for (size_t i = 0; i < page && r->contents_top + i < d->heading_count; i++) {
        const struct document_heading *h = &d->headings[r->contents_top + i];
        bool chosen = r->contents_top + i == r->contents_at;
        unsigned style = STYLE_TEXT | (chosen ? STYLE_REVERSE : 0);
        int indent = 1 + 2 * h->depth;

        draw_blank(body.y + (int)i, body.x, body.w, style);
        draw_text(body.y + (int)i, body.x + indent, body.w - indent, style, d->lines[h->line]);
    }
}

void reader_draw(struct reader *r, struct rect header, struct rect body, struct rect footer)
{
    const struct document *d = r->document;
    size_t last;
    char text[160];

    r->body = body;
    r->page = body.h > 0 ? (size_t)body.h : 1;
    last = last_top(r);
    if (r->top > last)
        r->top = last;
    if (header.h > 0) {
        draw_blank(header.y, header.x, header.w, STYLE_HEAD | STYLE_REVERSE);
        snprintf(text, sizeof(text), " RFC %u%s", d->rfc, r->contents ? "  contents" : "");

        int n = draw_text(header.y, header.x, header.w, STYLE_HEAD | STYLE_REVERSE, text);

        if (d->heading_count > 0 && !r->contents)
            n += draw_text(header.y, header.x + n + 2, header.w - n - 9, STYLE_TEXT | STYLE_REVERSE,
                           d->lines[d->headings[heading_here(r)].line]);
        snprintf(text, sizeof(text), " %3zu%% ", last > 0 ? r->top * 100 / last : 100);
        if (header.w > n + 8)
            draw_text(header.y, header.x + header.w - 6, 6, STYLE_HEAD | STYLE_REVERSE, text);
    }
    if (r->contents)
        draw_contents(r, body);
    else
        draw_document(r, body);
    if (footer.h > 0)
        footer_draw(footer, r->contents ? FOOTER_CONTENTS : FOOTER_READER, false);
}
