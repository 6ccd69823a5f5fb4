/*
 * A document's title from its own head. RFCs begin with a block of header lines (organisation and number at the left,
 * authors and date at the right); the next block, centred, is the title, and after it comes "Abstract" or "Status of".
 */
#include "titles.h"

#include <ctype.h>
#include <string.h>

#define TITLE_LINES_MAX 6

struct lines {
    struct slice rest;
};

/* The next line without its end and without blanks around it; p NULL at the end. Form feeds end lines. */
static struct slice next_line(struct lines *l)
{
    if (l->rest.p == NULL)
        return (struct slice){NULL, 0};
    struct slice line = slice_split(l->rest, '\n', &l->rest);
    while (line.n > 0 && (line.p[line.n - 1] == '\r' || line.p[line.n - 1] == '\f'))
        line.n--;
    return line;
}

static bool is_blank(struct slice line)
{
    return slice_trim(line).n == 0;
}

static bool starts_with(struct slice s, const char *word)
{
    size_t n = strlen(word);
    return s.n >= n && slice_equal_nocase((struct slice){s.p, n}, slice_of(word));
}

/* Headings that come after a title: a block that begins with one is no title. */
static bool is_heading(struct slice line)
{
    static const char *const headings[] = {"status of", "abstract", "table of contents",
                                           "copyright"};
    for (size_t i = 0; i < sizeof headings / sizeof headings[0]; i++)
        if (starts_with(line, headings[i]))
            return true;
    return false;
}

bool title_from_head(struct slice head, char out[LIBRARY_TITLE_SIZE])
{
    out[0] = '\0';
    if (head.n >= 3 && memcmp(head.p, "\xEF\xBB\xBF", 3) == 0)
        head = (struct slice){head.p + 3, head.n - 3};
    struct lines lines = {head};
    struct slice line = next_line(&lines);
    while (line.p != NULL && is_blank(line))
        line = next_line(&lines);
    while (line.p != NULL && !is_blank(line)) /* the header */
        line = next_line(&lines);
    while (line.p != NULL && is_blank(line))
        line = next_line(&lines);

    char title[LIBRARY_TITLE_SIZE];
    size_t len = 0;
    for (int n = 0; line.p != NULL && !is_blank(line) && n < TITLE_LINES_MAX; n++) {
        struct slice words = slice_trim(line);
        if (is_heading(words))
            break;
        if (len > 0 && len < sizeof title)
            title[len++] = ' ';
        size_t room = sizeof title - len;
        size_t take = words.n < room ? words.n : room;
        memcpy(title + len, words.p, take);
        len += take;
        line = next_line(&lines);
    }
    return text_clean(out, LIBRARY_TITLE_SIZE, (struct slice){title, len}) > 0;
}
