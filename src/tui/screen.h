/*
 * The terminal: taking it, giving it back (also from a crash), cells. All but the crash handler in
 * the thread of tui_run. Positions are clipped: drawing outside the screen does nothing.
 */
#ifndef P2PDI_TUI_SCREEN_H
#define P2PDI_TUI_SCREEN_H

#include "p2pdi/base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct rect {
    int y, x, h, w;
};

/* What a thing means; colour and weight follow from it and from what the terminal has. */
enum style {
    STYLE_TEXT,
    STYLE_DIM,
    STYLE_HEAD,  /* header and footer */
    STYLE_TITLE, /* of a pane */
    STYLE_FRAME,
    STYLE_GOOD,
    STYLE_BUSY,
    STYLE_BAD,
    STYLE_LINK,
    STYLE_MATCH,
    STYLE_CURVE_1,
    STYLE_CURVE_2,
    STYLE_CURVE_3,
    STYLE_CURVE_4,
    STYLES,
    /* Added to one of those. */
    STYLE_REVERSE = 0x100,
    STYLE_BOLD = 0x200,
    STYLE_UNDERLINE = 0x400
};
#define STYLE_CURVES 4

/* Lines, bars and marks, as UTF-8 strings of one cell each. Two choices that do not hang together. */
struct glyphs {
    /* Letters, lines and arrows of UTF-8. */
    bool utf8;
    const char *horizontal, *vertical, *top_left, *top_right, *bottom_left, *bottom_right;
    const char *up, *down;
    /* What needs a large font: blocks, braille, circles, accents put over letters. */
    bool fine;
    const char *ellipsis, *held, *wanted, *known, *mark;
    const char *bar[9];   /* eighths of a cell, empty to full */
    const char *spark[8]; /* low to high */
};

/* Is it a terminal that can be used? why gets a sentence if not. */
bool screen_is_usable(int in_fd, int out_fd, char why[256]);
/* Takes the terminal. DI_INVALID: it cannot do it, why says it. */
enum di_err screen_start(int in_fd, int out_fd, char why[256]) DI_MUST_CHECK;
void screen_end(void);
/* Gives the terminal back for a while (a shell, a pager), and takes it again. */
void screen_leave(void);
void screen_return(void);
/* Asks the terminal for its size; true if it changed. */
bool screen_fit(void);
void screen_repaint(void); /* everything, at the next show */
void screen_show(void);
void screen_erase(void);
bool screen_set_mouse(bool on);
int screen_rows(void);
int screen_cols(void);
const struct glyphs *screen_glyphs(void);

/*
 * The next key: a curses code, or a character in *ch (then KEY_CHARACTER is returned if it is not
 * ASCII, else the character). -1: none now, -2: the terminal is gone.
 */
#define KEY_CHARACTER 0x200000
int screen_key(uint32_t *ch);

/* ---- cells ------------------------------------------------------------------------------------- */

/* Cells that a string takes: wcwidth, what cannot be shown counts as the one sign in its place. */
int text_cells(const char *utf8);
/*
 * Draws from cell `skip` of the string into at most w cells; what is longer ends in an ellipsis. The
 * rest of the w cells is left alone; returns the cells drawn. What contains `needle` (may be NULL,
 * ASCII letters in either case) is emphasised.
 */
int draw_text_from(int y, int x, int w, unsigned style, const char *utf8, int skip,
                   const char *needle);
int draw_text(int y, int x, int w, unsigned style, const char *utf8);
/* As draw_text, blanks up to w cells; right-aligned if right. */
void draw_field(int y, int x, int w, unsigned style, const char *utf8, bool right,
                const char *needle);
/* Bytes of the text that make a line of w cells: up to a newline, or broken after a blank if it can be. */
size_t text_fit(const char *utf8, int w);
/* Draws the text broken into lines, from line `skip` on, as many as r has; returns how many there are. */
int draw_wrapped(struct rect r, unsigned style, const char *utf8, int skip);
void draw_blank(int y, int x, int w, unsigned style);
/* A frame with a title in its upper edge; emphasised if focused. */
void draw_frame(struct rect r, const char *title, bool focused);
/* Where the cursor is seen; y < 0: nowhere. */
void screen_cursor(int y, int x);

/* The first place where needle stands in text, ASCII letters in either case; NULL: none. */
const char *text_find_nocase(const char *text, const char *needle);

#endif
