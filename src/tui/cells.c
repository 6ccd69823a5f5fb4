/*
 * Text into cells. Strings come from outside: cleaned at their entry, but as wide, as empty or as
 * stacked as they like. Here each character gets exactly the cells that wcwidth says, or a sign in its
 * place, so that no column moves. In the thread of tui_run.
 */
#include "cells.h"

#include "p2pdi/base/text.h"
#include "screen.h"

#include <ncurses.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

/* A cell's base character and those that combine with it; curses takes no more. */
#define STACK_MAX (CCHARW_MAX - 1)

static struct {
    attr_t attr;
    short pair, colour; /* pair 0: the terminal's own colours */
} styles[STYLES];

static void set_style(enum style s, attr_t mono, attr_t coloured, short colour, bool colours)
{
    styles[s].attr = colours ? coloured : mono;
    styles[s].pair = 0;
    if (colours && colour >= 0 && (int)s < COLOR_PAIRS) {
        styles[s].pair = (short)s;
        init_pair((short)s, colour, -1);
    }
}

void cells_start(bool colours)
{
    if (colours) {
        start_color();
        use_default_colors();
    }
    set_style(STYLE_TEXT, A_NORMAL, A_NORMAL, -1, colours);
    set_style(STYLE_DIM, A_DIM, A_DIM, -1, colours);
    set_style(STYLE_HEAD, A_BOLD, A_BOLD, -1, colours);
    set_style(STYLE_TITLE, A_BOLD, A_BOLD, COLOR_CYAN, colours);
    set_style(STYLE_FRAME, A_NORMAL, A_DIM, -1, colours);
    set_style(STYLE_GOOD, A_NORMAL, A_NORMAL, COLOR_GREEN, colours);
    set_style(STYLE_BUSY, A_BOLD, A_BOLD, COLOR_YELLOW, colours);
    set_style(STYLE_BAD, A_BOLD | A_UNDERLINE, A_BOLD, COLOR_RED, colours);
    set_style(STYLE_LINK, A_UNDERLINE, A_UNDERLINE, COLOR_CYAN, colours);
    set_style(STYLE_MATCH, A_REVERSE, A_REVERSE, COLOR_YELLOW, colours);
    set_style(STYLE_CURVE_1, A_NORMAL, A_NORMAL, COLOR_GREEN, colours);
    set_style(STYLE_CURVE_2, A_NORMAL, A_NORMAL, COLOR_CYAN, colours);
    set_style(STYLE_CURVE_3, A_NORMAL, A_NORMAL, COLOR_YELLOW, colours);
    set_style(STYLE_CURVE_4, A_NORMAL, A_NORMAL, COLOR_MAGENTA, colours);
}

/* ---- characters -------------------------------------------------------------------------------- */

/*
 * One character as it will be shown: its width, and what stands for it. Joiners, selectors and tags
 * change how terminals draw their neighbours, each in its own way: they are left out.
 */
static int shown(uint32_t cp, wchar_t *out)
{
    const struct glyphs *g = screen_glyphs();

    *out = (wchar_t)cp;
    if (cp >= 0x20 && cp < 0x7f)
        return 1;
    if (cp == 0xad) {
        *out = L'-';
        return 1;
    }
    if ((cp >= 0x200b && cp <= 0x200f) || (cp >= 0x2060 && cp <= 0x206f) ||
        (cp >= 0xfe00 && cp <= 0xfe0f) || cp == 0xfeff || cp >= 0xe0000)
        return -1;

    int w = g->utf8 ? wcwidth((wchar_t)cp) : -1;

    /* The console gives a cell of its own to what should stand over the letter before. */
    if (w == 0 && !g->fine)
        return -1;
    if (w >= 0)
        return w;
    *out = g->utf8 && wcwidth(0xfffd) == 1 ? 0xfffd : L'?';
    return 1;
}

static int next_shown(struct slice *s, wchar_t *out)
{
    uint32_t cp;
    size_t n = text_utf8_next(*s, &cp);

    s->p += n;
    s->n -= n;
    return shown(cp, out);
}

int text_cells(const char *utf8)
{
    struct slice s = slice_of(utf8);
    int cells = 0;
    wchar_t c;

    while (s.n > 0) {
        int w = next_shown(&s, &c);

        cells += w > 0 ? w : 0;
    }
    return cells;
}

const char *text_find_nocase(const char *text, const char *needle)
{
    return strcasestr(text, needle);
}

/* ---- cells ------------------------------------------------------------------------------------- */

static void put(int y, int x, unsigned style, const wchar_t *stack)
{
    unsigned base = style & 0xff;
    attr_t attr = styles[base].attr;
    cchar_t cell;

    /* Dim in reverse is unreadable on many terminals, and the selection must be seen. */
    if ((style & STYLE_REVERSE) != 0)
        attr = (attr & ~A_DIM) ^ A_REVERSE;
    if ((style & STYLE_BOLD) != 0)
        attr = (attr & ~A_DIM) | A_BOLD;
    if ((style & STYLE_UNDERLINE) != 0)
        attr |= A_UNDERLINE;
    if (setcchar(&cell, stack, attr, styles[base].pair, NULL) == OK)
        mvadd_wch(y, x,
                  &cell); /* ERR at the last cell of the screen, which is drawn all the same */
}

static void put_glyph(int y, int x, unsigned style, const char *utf8)
{
    struct slice s = slice_of(utf8);
    wchar_t stack[2] = {L' ', L'\0'};

    if (s.n > 0)
        next_shown(&s, &stack[0]);
    put(y, x, style, stack);
}

int draw_text_from(int y, int x, int w, unsigned style, const char *utf8, int skip,
                   const char *needle)
{
    struct slice s = slice_of(utf8);
    const char *found = needle != NULL && needle[0] != '\0' ? text_find_nocase(utf8, needle) : NULL;
    size_t needle_len = found != NULL ? strlen(needle) : 0;
    int at = 0; /* cell of the string, skipped ones included */
    int drawn = 0;

    if (y < 0 || y >= LINES || x < 0 || x >= COLS)
        return 0;
    if (w > COLS - x)
        w = COLS - x;
    if (w <= 0)
        return 0;

    bool cut = text_cells(utf8) - skip > w;
    int room = cut ? w - 1 : w;

    while (s.n > 0) {
        wchar_t stack[STACK_MAX + 1];
        const char *from = s.p;
        int width = next_shown(&s, &stack[0]);
        size_t used = 1;

        if (width <= 0)
            continue; /* nothing before it to combine with */
        while (s.n > 0) {
            struct slice after = s;
            wchar_t c;
            int more = next_shown(&after, &c);

            if (more > 0)
                break;
            s = after;
            if (more == 0 && used < STACK_MAX)
                stack[used++] = c;
        }
        stack[used] = L'\0';
        if (at < skip) {
            at += width;
            /* Half of a wide one is still to be seen: a blank. */
            for (; drawn < at - skip && drawn < room; drawn++)
                put(y, x + drawn, style, L" ");
            continue;
        }
        if (drawn + width > room)
            break;
        while (found != NULL && from >= found + needle_len)
            found = text_find_nocase(found + needle_len, needle);

        bool hit = found != NULL && from >= found;
        unsigned as = style;

        if (hit)
            as = (style & STYLE_REVERSE) != 0
                     ? style | STYLE_UNDERLINE | STYLE_BOLD
                     : STYLE_MATCH | (style & (STYLE_BOLD | STYLE_UNDERLINE));
        put(y, x + drawn, as, stack);
        drawn += width;
        at += width;
    }
    if (cut) {
        while (drawn < room)
            put(y, x + drawn++, style, L" ");
        put_glyph(y, x + drawn++, style, screen_glyphs()->ellipsis);
    }
    return drawn;
}

int draw_text(int y, int x, int w, unsigned style, const char *utf8)
{
    return draw_text_from(y, x, w, style, utf8, 0, NULL);
}

size_t text_fit(const char *utf8, int w)
{
    struct slice s = slice_of(utf8);
    size_t blank = 0; /* the end of the last one after a word */
    bool word = false;
    int cells = 0;

    while (s.n > 0 && *s.p != '\n') {
        const char *from = s.p;
        wchar_t c;
        int width = next_shown(&s, &c);

        if (*from == ' ' && word)
            blank = (size_t)(s.p - utf8);
        word = word || *from != ' ';
        cells += width > 0 ? width : 0;
        if (cells > w)
            return blank > 0 ? blank : from != utf8 ? (size_t)(from - utf8) : (size_t)(s.p - utf8);
    }
    return (size_t)(s.p - utf8);
}

int draw_wrapped(struct rect r, unsigned style, const char *utf8, int skip)
{
    char line[1024];
    int lines = 0, indent = 0;

    for (; *utf8 != '\0'; lines++) {
        size_t n = text_fit(utf8, r.w - indent), shown = n;

        while (shown > 0 && utf8[shown - 1] == ' ')
            shown--;
        snprintf(line, sizeof(line), "%.*s", (int)shown, utf8);
        if (lines >= skip && lines - skip < r.h)
            draw_text(r.y + lines - skip, r.x + indent, r.w - indent, style, line);
        /* What a line is broken into stands under its first word. */
        if (utf8[n] == '\n')
            indent = 0;
        else if (indent == 0)
            indent = (int)strspn(utf8, " ") < r.w / 2 ? (int)strspn(utf8, " ") : 0;
        utf8 += n;
        utf8 += *utf8 == '\n';
    }
    return lines;
}

void draw_blank(int y, int x, int w, unsigned style)
{
    if (y < 0 || y >= LINES)
        return;
    for (int i = 0; i < w && x + i < COLS; i++)
        if (x + i >= 0)
            put(y, x + i, style, L" ");
}

void draw_field(int y, int x, int w, unsigned style, const char *utf8, bool right,
                const char *needle)
{
    int cells = right ? text_cells(utf8) : 0;
    int lead = right && cells < w ? w - cells : 0;

    draw_blank(y, x, lead, style);

    int drawn = draw_text_from(y, x + lead, w - lead, style, utf8, 0, needle);

    draw_blank(y, x + lead + drawn, w - lead - drawn, style);
}

void draw_frame(struct rect r, const char *title, bool focused)
{
    const struct glyphs *g = screen_glyphs();
    unsigned style = focused ? STYLE_TITLE : STYLE_FRAME;
    int bottom = r.y + r.h - 1, right = r.x + r.w - 1;

    if (r.h < 1 || r.w < 2)
        return;
    for (int x = r.x + 1; x < right; x++) {
        draw_text(r.y, x, 1, style, g->horizontal);
        if (r.h > 1)
            draw_text(bottom, x, 1, style, g->horizontal);
    }
    for (int y = r.y + 1; y < bottom; y++) {
        draw_text(y, r.x, 1, style, g->vertical);
        draw_text(y, right, 1, style, g->vertical);
    }
    draw_text(r.y, r.x, 1, style, g->top_left);
    draw_text(r.y, right, 1, style, g->top_right);
    if (r.h > 1) {
        draw_text(bottom, r.x, 1, style, g->bottom_left);
        draw_text(bottom, right, 1, style, g->bottom_right);
    }
    if (r.w > 6 && title != NULL && title[0] != '\0') {
        draw_blank(r.y, r.x + 1, 1, style);

        int n = draw_text(r.y, r.x + 2, r.w - 4,
                          focused ? (unsigned)STYLE_TITLE : STYLE_TEXT | STYLE_BOLD, title);

        draw_blank(r.y, r.x + 2 + n, 1, style);
    }
}

void screen_erase(void)
{
    erase();
}

void screen_cursor(int y, int x)
{
    if (y < 0) {
        curs_set(0);
        return;
    }
    curs_set(1);
    move(y < LINES ? y : LINES - 1, x < COLS ? x : COLS - 1);
}
