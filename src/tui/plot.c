/*
 * Small graphics of characters. A braille cell has 2 by 4 dots, so that curves are smooth where
 * letters would be stairs; where there is no braille each curve is drawn in a letter of its own.
 */
#include "plot.h"

#include <stdio.h>
#include <string.h>

#define PLOT_W_MAX 240
#define PLOT_H_MAX 60

struct canvas {
    int w, h; /* in cells */
    uint8_t dots[PLOT_H_MAX][PLOT_W_MAX];
    uint8_t curve[PLOT_H_MAX][PLOT_W_MAX]; /* who drew there last */
};

/* Dots of a braille cell by column and row, as Unicode numbers them. */
static const uint8_t braille[2][4] = {{0x01, 0x02, 0x04, 0x40}, {0x08, 0x10, 0x20, 0x80}};

static void set_dot(struct canvas *c, int x, int y, size_t curve)
{
    int row = c->h - 1 - y / 4, column = x / 2;

    if (x < 0 || y < 0 || row < 0 || column >= c->w)
        return;
    c->dots[row][column] |= braille[x % 2][3 - y % 4];
    c->curve[row][column] = (uint8_t)curve;
}

static void draw_curve(struct canvas *c, const struct plot_curve *curve, size_t number,
                       size_t x_max, int64_t y_max)
{
    int columns = 2 * c->w, rows = 4 * c->h;
    int before = 0;

    for (int x = 0; x < columns; x++) {
        /* The document whose place on the axis this column is; the curve starts at (0, 0). */
        double place = (double)x * (double)x_max / (double)(columns > 1 ? columns - 1 : 1);
        size_t below = (size_t)place;

        if (below > curve->count || (below == curve->count && place > (double)below))
            break;

        double low = below == 0 ? 0 : (double)curve->values_us[below - 1];
        double high = below < curve->count ? (double)curve->values_us[below] : low;
        double value = low + (high - low) * (place - (double)below);
        int y = (int)(value / (double)y_max * (rows - 1) + 0.5);

        /* No gaps where it is steep. */
        for (int step = x == 0 ? y : before; step <= y; step++)
            set_dot(c, x, step, number);
        before = y;
    }
}

static void put_canvas(struct rect r, const struct canvas *c)
{
    bool fine = screen_glyphs()->fine;

    for (int row = 0; row < c->h; row++)
        for (int column = 0; column < c->w; column++) {
            uint8_t dots = c->dots[row][column], curve = c->curve[row][column];
            char cell[4] = {(char)('a' + curve % 26), '\0'};

            if (dots == 0)
                continue;
            if (fine) { /* U+2800 + dots */
                cell[0] = (char)0xe2;
                cell[1] = (char)(0xa0 | dots >> 6);
                cell[2] = (char)(0x80 | (dots & 0x3f));
                cell[3] = '\0';
            }
            draw_text(r.y + row, r.x + column, 1, STYLE_CURVE_1 + curve % STYLE_CURVES, cell);
        }
}

/* Who is who: at the end of each curve, if there is room. */
static void put_labels(struct rect r, const struct canvas *c, const struct plot_curve *curves,
                       size_t count, size_t x_max, int64_t y_max)
{
    for (size_t i = 0; i < count; i++) {
        char label[24];
        const struct plot_curve *curve = &curves[i];

        if (curve->count == 0)
            continue;

        int x = (int)((double)curve->count / (double)x_max * (c->w - 1)) + 1;
        int y =
            (int)((double)curve->values_us[curve->count - 1] / (double)y_max * (c->h - 1) + 0.5);

        if (screen_glyphs()->fine)
            snprintf(label, sizeof(label), "%u", curve->label);
        else
            snprintf(label, sizeof(label), "%c:%u", (char)('a' + i % 26), curve->label);

        int w = (int)strlen(label);

        if (x + w > r.w)
            x = r.w - w;
        if (x >= 0)
            draw_text(r.y + c->h - 1 - y, r.x + x, w,
                      (STYLE_CURVE_1 + (unsigned)(i % STYLE_CURVES)) | STYLE_BOLD, label);
    }
}

void plot_draw(struct rect r, const struct plot_curve *curves, size_t count)
{
    struct canvas c = {0};
    char top[TEXT_HUMAN_SIZE], right[40];
    size_t x_max = 0;
    int64_t y_max = 0;

    for (size_t i = 0; i < count; i++)
        if (curves[i].count > 0) {
            int64_t last = curves[i].values_us[curves[i].count - 1];

            x_max = curves[i].count > x_max ? curves[i].count : x_max;
            y_max = last > y_max ? last : y_max;
        }
    if (x_max == 0 || y_max <= 0 || r.h < 2 || r.w < 8)
        return;
    c.w = r.w < PLOT_W_MAX ? r.w : PLOT_W_MAX;
    c.h = r.h < PLOT_H_MAX ? r.h : PLOT_H_MAX;
    for (size_t i = 0; i < count; i++)
        draw_curve(&c, &curves[i], i, x_max, y_max);
    put_canvas(r, &c);
    put_labels(r, &c, curves, count, x_max, y_max);

    text_human_duration_us(y_max, top);
    draw_text(r.y, r.x, r.w, STYLE_DIM, top);
    snprintf(right, sizeof(right), "%zu RFC%s", x_max, x_max == 1 ? "" : "s");

    int w = (int)strlen(right);

    draw_text(r.y + r.h - 1, r.x + r.w - w, w, STYLE_DIM, right);
}

int64_t draw_sparkline(int y, int x, int w, unsigned style, const struct snap_history *h)
{
    const struct glyphs *g = screen_glyphs();
    size_t n = w > 0 ? (size_t)w : 0, from;
    int64_t max = 0;

    n = n < h->count ? n : h->count;
    from = h->count - n;
    for (size_t i = from; i < h->count; i++)
        max = h->sample[i] > max ? h->sample[i] : max;
    for (size_t i = 0; i < n; i++) {
        int64_t v = h->sample[from + i];
        int level = max > 0 && v > 0 ? (int)((double)v / (double)max * 7 + 0.5) : 0;

        draw_text(y, x + w - (int)n + (int)i, 1, v > 0 ? style : STYLE_DIM, g->spark[level]);
    }
    return max;
}

void draw_bar(int y, int x, int w, unsigned style, uint64_t part, uint64_t whole)
{
    const struct glyphs *g = screen_glyphs();
    double share = whole > 0 ? (double)(part < whole ? part : whole) / (double)whole : 0;
    int eighths = (int)(share * w * 8);

    for (int i = 0; i < w; i++) {
        int level = eighths - 8 * i;

        level = level < 0 ? 0 : level > 8 ? 8 : level;
        draw_text(y, x + i, 1, style, g->bar[level]);
    }
}
