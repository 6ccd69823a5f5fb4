/*
 * Takes the picture in README.md: runs the real program (an RS, three peers that hold generated
 * documents, one that downloads them) on pseudo-terminals and writes the last one's cells as SVG to
 * standard output. Lines, bars and braille become shapes, so that no font can shift them. One thread.
 * Run by screenshot.sh, in whose terminal description faint text is the alternative font: libvterm
 * knows no faint.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "p2pdi/lab/lab.h"
#include "vt.h"

#define ROWS 34
#define COLS 112
#define HOLDERS 3
#define DOCUMENTS 120
#define ENOUGH 75 /* that are done when the picture is taken, */
#define ACTIVE 7  /* and at most that many are under way */

#define CELL_W 8.4
#define CELL_H 17.0
#define MARGIN 12.0
#define BASELINE 12.8
#define FONT_SIZE 14

/* ---- the picture ------------------------------------------------------------------------------- */

static const char background[] = "#16191f", foreground[] = "#d3d7de", faint[] = "#7d8590";
static const char *const palette[16] = {
    "#484f58", "#ff7b72", "#56d364", "#e3b341", "#79c0ff", "#d2a8ff", "#56d4dd", "#d3d7de",
    "#6e7681", "#ffa198", "#7ee787", "#f2cc60", "#a5d6ff", "#e2c5ff", "#76e3ea", "#ffffff",
};

struct look {
    const char *fg, *bg; /* bg NULL: the picture's */
    bool bold, underline;
};

static const char *colour(const VTermColor *c, const char *otherwise)
{
    bool plain = VTERM_COLOR_IS_DEFAULT_FG(c) || VTERM_COLOR_IS_DEFAULT_BG(c);

    return !plain && VTERM_COLOR_IS_INDEXED(c) && c->indexed.idx < 16 ? palette[c->indexed.idx]
                                                                      : otherwise;
}

static struct look look_of(const VTermScreenCell *cell)
{
    struct look l = {.fg = colour(&cell->fg, cell->attrs.font != 0 ? faint : foreground),
                     .bg = colour(&cell->bg, NULL),
                     .bold = cell->attrs.bold,
                     .underline = cell->attrs.underline != 0};

    if (cell->attrs.reverse)
        l = (struct look){.fg = l.bg != NULL ? l.bg : background, .bg = l.fg, .bold = l.bold};
    return l;
}

static bool same_look(const struct look *a, const struct look *b)
{
    return a->fg == b->fg && a->bg == b->bg && a->bold == b->bold && a->underline == b->underline;
}

static void put_rect(double x, double y, double w, double h, const char *fill)
{
    printf("<rect x=\"%.2f\" y=\"%.2f\" width=\"%.2f\" height=\"%.2f\" fill=\"%s\" "
           "shape-rendering=\"crispEdges\"/>\n",
           x, y, w, h, fill);
}

/* Arms of a line's sign from the middle of its cell: left, right, up, down. */
static unsigned arms_of(uint32_t c)
{
    static const struct {
        uint32_t sign;
        unsigned arms;
    } signs[] = {{0x2500, 3}, {0x2502, 12}, {0x250c, 10}, {0x2510, 9},  {0x2514, 6},
                 {0x2518, 5}, {0x251c, 14}, {0x2524, 13}, {0x252c, 11}, {0x2534, 7}};

    for (size_t i = 0; i < sizeof(signs) / sizeof(signs[0]); i++)
        if (signs[i].sign == c)
            return signs[i].arms;
    return 0;
}

static void put_braille(uint32_t c, double x, double y, const char *fill)
{
    static const int column[8] = {0, 0, 0, 1, 1, 1, 0, 1}, row[8] = {0, 1, 2, 0, 1, 2, 3, 3};

    for (int i = 0; i < 8; i++)
        if ((c >> i & 1) != 0)
            printf("<circle cx=\"%.2f\" cy=\"%.2f\" r=\"1.1\" fill=\"%s\"/>\n",
                   x + CELL_W * (0.25 + 0.5 * column[i]), y + CELL_H * (0.125 + 0.25 * row[i]),
                   fill);
}

/* Draws what is no letter; false: it is one. */
static bool put_shape(uint32_t c, double x, double y, const char *fill)
{
    unsigned arms = arms_of(c);
    double cx = x + CELL_W / 2, cy = y + CELL_H / 2;

    if (c == 0 || c == ' ')
        return true;
    if (c >= 0x2581 && c < 0x2588) {
        double h = CELL_H * (c - 0x2580) / 8;

        put_rect(x, y + CELL_H - h, CELL_W, h, fill);
        return true;
    }
    if (c >= 0x2588 && c <= 0x258f) {
        /* Bars of neighbouring rows stay apart. */
        put_rect(x, y + 1, CELL_W * (0x2590 - c) / 8, CELL_H - 2, fill);
        return true;
    }
    if (c >= 0x2800 && c < 0x2900) {
        put_braille(c - 0x2800, x, y, fill);
        return true;
    }
    if ((arms & 3) != 0)
        put_rect((arms & 1) != 0 ? x : cx - 0.5, cy - 0.5,
                 CELL_W * ((arms & 3) == 3 ? 1 : 0.5) + ((arms & 3) == 3 ? 0 : 0.5), 1, fill);
    if ((arms & 12) != 0)
        put_rect(cx - 0.5, (arms & 4) != 0 ? y : cy - 0.5, 1,
                 CELL_H * ((arms & 12) == 12 ? 1 : 0.5) + ((arms & 12) == 12 ? 0 : 0.5), fill);
    return arms != 0;
}

static void put_letter(uint32_t c)
{
    if (c < 0x80 && strchr("&<>\"", (int)c) == NULL)
        putchar((int)c);
    else
        printf("&#%u;", c);
}

/* Letters of one look, from col on: returns how many cells they take. */
static int put_letters(struct vt *v, int row, int col, const struct look *l)
{
    double y = MARGIN + row * CELL_H;
    int end = col, last = col;

    /* A blank between words belongs to them, two end them. */
    for (; end < COLS; end++) {
        VTermScreenCell cell = vt_cell(v, row, end);
        struct look other = look_of(&cell);
        uint32_t c = cell.chars[0];
        bool blank = c == 0 || c == ' ';

        if (!same_look(l, &other) || (blank && end - last > 1) ||
            (!blank && (c == UINT32_MAX || (c >= 0x2500 && c < 0x25a0) || c >= 0x2800)))
            break;
        if (!blank)
            last = end;
    }
    printf("<text x=\"%.2f\" y=\"%.2f\" textLength=\"%.2f\" fill=\"%s\"%s%s>",
           MARGIN + col * CELL_W, y + BASELINE, (last + 1 - col) * CELL_W, l->fg,
           l->bold ? " font-weight=\"bold\"" : "",
           l->underline ? " text-decoration=\"underline\"" : "");
    for (int i = col; i <= last; i++) {
        VTermScreenCell cell = vt_cell(v, row, i);

        put_letter(cell.chars[0] == 0 ? ' ' : cell.chars[0]);
    }
    printf("</text>\n");
    return last + 1 - col;
}

static void put_row(struct vt *v, int row)
{
    double y = MARGIN + row * CELL_H;

    for (int col = 0, run = 1; col < COLS; col += run, run = 1) {
        VTermScreenCell cell = vt_cell(v, row, col);
        const char *bg = look_of(&cell).bg;

        for (; bg != NULL && col + run < COLS; run++) {
            cell = vt_cell(v, row, col + run);
            if (look_of(&cell).bg != bg)
                break;
        }
        if (bg != NULL)
            put_rect(MARGIN + col * CELL_W, y, run * CELL_W, CELL_H, bg);
    }
    for (int col = 0, run = 1; col < COLS; col += run, run = 1) {
        VTermScreenCell cell = vt_cell(v, row, col);
        struct look l = look_of(&cell);

        if (cell.chars[0] == UINT32_MAX)
            continue; /* the right half of a wide one */
        if (!put_shape(cell.chars[0], MARGIN + col * CELL_W, y, l.fg))
            run = put_letters(v, row, col, &l);
    }
}

static void put_picture(struct vt *v)
{
    double w = COLS * CELL_W + 2 * MARGIN, h = ROWS * CELL_H + 2 * MARGIN;

    printf("<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%.0f\" height=\"%.0f\" "
           "viewBox=\"0 0 %.0f %.0f\" font-family=\"'DejaVu Sans Mono','Liberation Mono',Menlo,"
           "Consolas,monospace\" font-size=\"%d\" xml:space=\"preserve\">\n"
           "<title>The dashboard of a p2pdi peer</title>\n"
           "<rect width=\"100%%\" height=\"100%%\" rx=\"8\" fill=\"%s\" stroke=\"%s\"/>\n",
           w, h, w, h, FONT_SIZE, background, palette[0]);
    for (int row = 0; row < ROWS; row++)
        put_row(v, row);
    printf("</svg>\n");
}

/* ---- the scene --------------------------------------------------------------------------------- */

static const char *dir;
static char rs_address[64];

static void path(char out[400], const char *name, unsigned number)
{
    snprintf(out, 400, "%s/%s%u", dir, name, number);
}

/* Each document is with two of the holders. */
static void make_library(unsigned holder)
{
    char library[400], file[440];

    path(library, "share", holder);
    assert_int_equal(mkdir(library, 0700), 0);
    for (uint32_t i = 0; i < DOCUMENTS; i++) {
        struct buf text;

        if (i % HOLDERS == holder)
            continue;
        buf_init(&text, (size_t)1 << 22);
        lab_generate_rfc(1, LAB_RFC_FIRST + i, &text);
        snprintf(file, sizeof(file), "%s/rfc%u.txt", library, LAB_RFC_FIRST + i);

        FILE *f = fopen(file, "w");

        assert_non_null(f);
        assert_int_equal(fwrite(buf_bytes(&text), 1, text.len, f), text.len);
        assert_int_equal(fclose(f), 0);
        buf_fini(&text);
    }
}

static void start_rs(struct vt *v)
{
    char state[400], row[VT_LINE];
    const char *argv[] = {getenv("P2PDI"), "rs", "--listen", "127.0.0.1:0", "--state", state, NULL};

    path(state, "state-rs", 0);
    vt_start_program(v, argv, 24, 100, "xterm-256color");
    vt_wait(v, "0 active");
    vt_row(v, 0, row);

    const char *at = strstr(row, "127.0.0.1:");

    assert_non_null(at);
    snprintf(rs_address, sizeof(rs_address), "%.*s", (int)strcspn(at, " "), at);
}

static void start_peer(struct vt *v, unsigned number, const char *up, int rows, int cols,
                       const char *term)
{
    char share[400], state[400];
    const char *argv[] = {getenv("P2PDI"),
                          "peer",
                          "--rs",
                          rs_address,
                          "--listen",
                          "127.0.0.1:0",
                          "--share",
                          share,
                          "--state",
                          state,
                          "--compress",
                          "always", /* as between machines */
                          up != NULL ? "--up" : NULL,
                          up,
                          NULL};

    path(share, "share", number);
    path(state, "state", number);
    vt_start_program(v, argv, rows, cols, term);
}

static void end(struct vt *v)
{
    vt_send(v, "qy");
    vt_wait_end(v);
    vt_stop(v);
}

/* A number in the title of the transfers: what stands before a word. */
static unsigned long count_of(const char *row, const char *word)
{
    const char *at = strstr(row, word);

    while (at != NULL && at > row && at[-1] >= '0' && at[-1] <= '9')
        at--;
    return at == NULL ? 0 : strtoul(at, NULL, 10);
}

/* There is some of everything to be seen. */
static bool is_a_picture(struct vt *v, void *arg)
{
    char row[VT_LINE];
    int y = vt_find(v, "3 Transfers");

    (void)arg;
    if (y < 0)
        return false;
    vt_row(v, y, row);
    if (count_of(row, " done") < ENOUGH || count_of(row, " active") > ACTIVE)
        return false;
    unsigned partial = 0;

    for (y++; y < v->rows; y++) {
        vt_row(v, y, row);
        partial += count_of(row, "%") >= 20 && count_of(row, "%") < 90;
    }
    return partial >= 2;
}

int main(void)
{
    static const char *const up[HOLDERS] = {"45k", "60k", "80k"};
    struct vt rs, holders[HOLDERS], peer;
    char text[64];

    dir = getenv("TMPDIR");
    assert_non_null(dir);
    assert_non_null(getenv("P2PDI"));
    start_rs(&rs);
    for (unsigned i = 0; i < HOLDERS; i++) {
        make_library(i);
        start_peer(&holders[i], i, up[i], 24, 80, "xterm-256color");
        vt_wait(&holders[i], "80 here");
        snprintf(text, sizeof(text), "%u active", i + 1);
        vt_wait(&rs, text);
    }
    start_peer(&peer, HOLDERS, NULL, ROWS, COLS, "screenshot");
    vt_wait(&peer, "(120 known");
    vt_send(&peer, "D");
    vt_send(&peer, "g"); /* any key clears what the last one said */
    vt_wait_for(&peer, "some of everything", is_a_picture, NULL);
    put_picture(&peer);
    end(&peer);
    for (unsigned i = 0; i < HOLDERS; i++)
        end(&holders[i]);
    end(&rs);
    return 0;
}
