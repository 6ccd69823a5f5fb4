/* SVG elements, and the style sheet for light and dark screens. Pure. */
#include "svg.h"

#include "p2pdi/base/text.h"

#include <string.h>

/* Classes, not variables: renderers without a browser behind them know only those. */
static const char style[] =
    "text{font-family:system-ui,-apple-system,'Segoe UI','Helvetica Neue',Helvetica,Arial,"
    "sans-serif;font-size:13px;fill:#444}\n"
    ".bg{fill:#fff}\n"
    ".title{font-size:20px;font-weight:600;fill:#1a1a1a}\n"
    ".sub,.tick,.unit{fill:#6b6b6b}\n"
    ".tick,.unit{font-size:12px}\n"
    ".head{font-weight:600;fill:#333}\n"
    ".strong{font-weight:600}\n"
    ".grid{stroke:#e8e8e8}\n"
    ".axis{stroke:#9a9a9a}\n"
    ".leader{stroke:#bbb;stroke-width:.75}\n"
    ".curve{fill:none;stroke-width:2;stroke-linejoin:round;stroke-linecap:round}\n"
    ".ref{fill:none;stroke:#a8a8a8;stroke-width:1.5;stroke-dasharray:2 4;stroke-linecap:round}\n"
    ".central{fill:#a3a3a3}\n"
    ".shared{fill:#0072b2}\n"
    ".s0{stroke:#0072b2}.s1{stroke:#d55e00}.s2{stroke:#009e73}.s3{stroke:#b5508c}"
    ".s4{stroke:#c08a00}.s5{stroke:#444}.s6{stroke:#4aa8df}\n"
    ".f0{fill:#0072b2}.f1{fill:#c65600}.f2{fill:#00825f}.f3{fill:#a8447f}"
    ".f4{fill:#9a6f00}.f5{fill:#333}.f6{fill:#2b86ba}\n"
    "@media (prefers-color-scheme:dark){\n"
    "text{fill:#c8c8c8}.bg{fill:#16181c}.title{fill:#f2f2f2}.sub,.tick,.unit{fill:#9a9da3}\n"
    ".head{fill:#ddd}.grid{stroke:#2a2d33}.axis{stroke:#6c7078}.leader{stroke:#555}\n"
    ".ref{stroke:#777}.central{fill:#7d8087}.shared{fill:#5aa9e6}\n"
    ".s0{stroke:#5aa9e6}.s1{stroke:#ff8a4c}.s2{stroke:#34c79b}.s3{stroke:#e495c4}"
    ".s4{stroke:#f0c04e}.s5{stroke:#ddd}.s6{stroke:#a5dcf7}\n"
    ".f0{fill:#5aa9e6}.f1{fill:#ff8a4c}.f2{fill:#34c79b}.f3{fill:#e495c4}"
    ".f4{fill:#f0c04e}.f5{fill:#ddd}.f6{fill:#a5dcf7}\n"
    "}\n";

void svg_number(struct buf *out, int64_t tenths)
{
    uint64_t n = tenths < 0 ? 0 - (uint64_t)tenths : (uint64_t)tenths;

    if (tenths < 0)
        buf_append_char(out, '-');
    buf_append_u64(out, n / 10);
    if (n % 10 != 0) {
        buf_append_char(out, '.');
        buf_append_u64(out, n % 10);
    }
}

static void put_attribute(struct buf *out, const char *name, int64_t tenths)
{
    buf_printf(out, " %s=\"", name);
    svg_number(out, tenths);
    buf_append_char(out, '"');
}

/* What XML 1.0 has no way to say (controls, bytes that are not UTF-8) is left out by text_clean. */
/* Text as XML character data. */
static void escape(struct buf *out, const char *text)
{
    char clean[512];

    text_clean(clean, sizeof(clean), slice_of(text));
    for (const char *c = clean; *c != '\0'; c++) {
        switch (*c) {
        case '<':
            buf_append_str(out, "&lt;");
            break;
        case '>':
            buf_append_str(out, "&gt;");
            break;
        case '&':
            buf_append_str(out, "&amp;");
            break;
        case '"':
            buf_append_str(out, "&quot;");
            break;
        default:
            buf_append_char(out, *c);
        }
    }
}

void svg_begin(struct buf *out, int64_t width, int64_t height, const char *title, const char *desc)
{
    buf_append_str(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
                        "<svg xmlns=\"http://www.w3.org/2000/svg\" role=\"img\" viewBox=\"0 0 ");
    svg_number(out, width);
    buf_append_char(out, ' ');
    svg_number(out, height);
    buf_append_char(out, '"');
    put_attribute(out, "width", width);
    put_attribute(out, "height", height);
    buf_append_str(out, ">\n<title>");
    escape(out, title);
    buf_append_str(out, "</title>\n<desc>");
    escape(out, desc);
    buf_append_str(out, "</desc>\n<style>\n");
    buf_append_str(out, style);
    buf_append_str(out, "</style>\n");
    svg_rect(out, 0, 0, width, height, "bg");
}

void svg_end(struct buf *out)
{
    buf_append_str(out, "</svg>\n");
}

void svg_text(struct buf *out, int64_t x, int64_t y, enum svg_anchor anchor, const char *css_class,
              const char *text)
{
    static const char *const anchors[] = {[SVG_START] = "",
                                          [SVG_MIDDLE] = " text-anchor=\"middle\"",
                                          [SVG_END] = " text-anchor=\"end\""};

    buf_append_str(out, "<text");
    put_attribute(out, "x", x);
    put_attribute(out, "y", y);
    buf_printf(out, "%s class=\"%s\">", anchors[anchor], css_class);
    escape(out, text);
    buf_append_str(out, "</text>\n");
}

void svg_line(struct buf *out, int64_t x1, int64_t y1, int64_t x2, int64_t y2,
              const char *css_class)
{
    buf_append_str(out, "<line");
    put_attribute(out, "x1", x1);
    put_attribute(out, "y1", y1);
    put_attribute(out, "x2", x2);
    put_attribute(out, "y2", y2);
    buf_printf(out, " class=\"%s\"/>\n", css_class);
}

void svg_rect(struct buf *out, int64_t x, int64_t y, int64_t width, int64_t height,
              const char *css_class)
{
    buf_append_str(out, "<rect");
    put_attribute(out, "x", x);
    put_attribute(out, "y", y);
    put_attribute(out, "width", width);
    put_attribute(out, "height", height);
    buf_printf(out, " class=\"%s\"/>\n", css_class);
}
