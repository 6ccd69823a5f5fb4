/* Breaks lines at words. Any thread. */
#include "wrap.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/ioctl.h>

#define NARROW 20 /* columns that a part must have to go on below its first word */

static bool starts_character(char c)
{
    return ((unsigned char)c & 0xc0U) != 0x80;
}

/* Where the last column begins among the first `most` characters. */
static size_t column_of(struct slice line, size_t most)
{
    size_t column = 0, at = 0;

    for (size_t i = 0; i < line.n && column < most; i++) {
        bool gap = i >= 2 && line.p[i - 1] == ' ' && line.p[i - 2] == ' ';
        if (gap && line.p[i] != ' ')
            at = column;
        column += starts_character(line.p[i]);
    }
    return at;
}

/* Bytes up to the last space that leaves at most `most` characters; if there is none, up to the first one. */
static size_t fitting(struct slice line, size_t most)
{
    size_t column = 0, end = 0, first = 0;

    while (first < line.n && line.p[first] == ' ')
        first++;
    for (size_t i = 0; i < line.n; i++) {
        if (i > first && line.p[i] == ' ' && line.p[i - 1] != ' ') {
            if (column > most)
                return end > 0 ? end : i;
            end = i;
        }
        column += starts_character(line.p[i]);
    }
    return column <= most || end == 0 ? line.n : end;
}

static void append_line(struct buf *out, struct slice line, size_t columns)
{
    size_t hang = column_of(line, columns);
    size_t room = columns;

    if (hang + NARROW > columns)
        hang = 0;
    for (;;) {
        size_t n = fitting(line, room);
        buf_append(out, line.p, n);
        line = (struct slice){line.p + n, line.n - n};
        while (line.n > 0 && line.p[0] == ' ')
            line = (struct slice){line.p + 1, line.n - 1};
        if (line.n == 0)
            return;
        buf_printf(out, "\n%*s", (int)hang, "");
        room = columns - hang;
    }
}

void wrap_append(struct buf *out, struct slice text, size_t columns)
{
    while (text.p != NULL && text.n > 0) {
        struct slice rest = {0};
        append_line(out, slice_split(text, '\n', &rest), columns);
        if (rest.p != NULL)
            buf_append_char(out, '\n');
        text = rest;
    }
}

size_t wrap_columns(int fd)
{
    struct winsize w;

    return ioctl(fd, TIOCGWINSZ, &w) == 0 && w.ws_col > 0 ? w.ws_col : SIZE_MAX;
}
