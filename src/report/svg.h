/* SVG elements with the reports' look. Lengths are tenths of a pixel, so that no locale matters. */
#ifndef P2PDI_REPORT_SVG_H
#define P2PDI_REPORT_SVG_H

#include "p2pdi/base/buf.h"

#include <stdint.h>

#define PX INT64_C(10)

/* Colours that colour-blind readers can tell apart (after Okabe and Ito); then dashes tell. */
#define SVG_COLOURS 7

/* The length of value where max (> 0) has the length full. */
static inline int64_t svg_scale(int64_t value, int64_t max, int64_t full)
{
    return (int64_t)((double)full * (double)value / (double)max);
}

enum svg_anchor { SVG_START, SVG_MIDDLE, SVG_END };

void svg_begin(struct buf *out, int64_t width, int64_t height, const char *title, const char *desc);
void svg_end(struct buf *out);
/* A length as an attribute's value: "12.5". */
void svg_number(struct buf *out, int64_t tenths);
void svg_text(struct buf *out, int64_t x, int64_t y, enum svg_anchor anchor, const char *css_class,
              const char *text);
void svg_line(struct buf *out, int64_t x1, int64_t y1, int64_t x2, int64_t y2,
              const char *css_class);
void svg_rect(struct buf *out, int64_t x, int64_t y, int64_t width, int64_t height,
              const char *css_class);

#endif
