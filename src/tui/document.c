/*
 * Reads RFC text. Old ones are pages: a footer, a form feed, a header between two lines of one
 * paragraph. Those go, and with them all blank lines around; what is left joins up or is kept apart by
 * one. Newer ones have a byte order mark and no pages. Pure.
 */
#include "document.h"

#include "p2pdi/base/text.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define LINE_MAX_BYTES 1024
#define TAB_STOP 8
#define TOP_LINES 16 /* where a document says what it obsoletes */

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static size_t indent_of(const char *s)
{
    return strspn(s, " ");
}

static bool is_blank(const char *s)
{
    return s[indent_of(s)] == '\0';
}

/* ---- lines ------------------------------------------------------------------------------------------ */

static enum di_err add_line(struct document *d, const char *text)
{
    if (d->count == d->cap) {
        size_t cap = d->cap == 0 ? 256 : 2 * d->cap;
        char **more = realloc(d->lines, cap * sizeof(char *));

        if (more == NULL)
            return DI_NOMEM;
        d->lines = more;
        d->cap = cap;
    }
    d->lines[d->count] = strdup(text);
    if (d->lines[d->count] == NULL)
        return DI_NOMEM;
    d->count++;
    return DI_OK;
}

static void drop_last(struct document *d)
{
    free(d->lines[--d->count]);
}

static void drop_blank_end(struct document *d)
{
    while (d->count > 0 && is_blank(d->lines[d->count - 1]))
        drop_last(d);
}

/* "Kempf   Standards Track   [Page 12]" */
static bool is_page_footer(const char *s)
{
    const char *at = strstr(s, "[Page ");
    const char *end = at == NULL ? NULL : strchr(at, ']');

    return end != NULL && is_blank(end + 1);
}

/* "RFC 8609   CCNx TLV   July 2019" */
static bool is_page_header(const char *s)
{
    return strncmp(s, "RFC ", 4) == 0 && is_digit(s[4 + strspn(s + 4, " ")]) &&
           strstr(s, "  ") != NULL;
}

/* Does the sentence go on over the page break? */
static bool goes_on(const char *before, const char *after)
{
    size_t n = strlen(before);
    return n > 0 && strchr(".:;!?)", before[n - 1]) == NULL &&
           indent_of(before) == indent_of(after) && indent_of(after) > 0 &&
           after[indent_of(after)] >= 'a' && after[indent_of(after)] <= 'z';
}

/* One line as it lies in the file: tabs to blanks, overstrikes away, then clean. */
static void clean_line(struct slice s, char out[LINE_MAX_BYTES])
{
    char flat[LINE_MAX_BYTES];
    size_t n = 0;

    while (s.n > 0 && (s.p[s.n - 1] == '\r' || s.p[s.n - 1] == ' '))
        s.n--;
    for (size_t i = 0; i < s.n && n < sizeof(flat) - TAB_STOP; i++) {
        if (s.p[i] == '\t') {
            do
                flat[n++] = ' ';
            while (n % TAB_STOP != 0);
        } else if (s.p[i] == '\b') {
            n -= n > 0;
        } else if (s.p[i] != '\f') {
            flat[n++] = s.p[i];
        }
    }
    text_clean(out, LINE_MAX_BYTES, (struct slice){flat, n});
}

static enum di_err read_lines(struct document *d, struct slice rest)
{
    bool after_break = false;
    char line[LINE_MAX_BYTES];
    enum di_err err = DI_OK;

    if (rest.n >= 3 && memcmp(rest.p, "\xef\xbb\xbf", 3) == 0)
        rest = (struct slice){rest.p + 3, rest.n - 3};
    while (rest.n > 0 && err == DI_OK) {
        const char *end = memchr(rest.p, '\n', rest.n);
        struct slice raw = {rest.p, end == NULL ? rest.n : (size_t)(end - rest.p)};
        bool breaks = memchr(raw.p, '\f', raw.n) != NULL;

        rest.p += raw.n + (end != NULL);
        rest.n -= raw.n + (end != NULL);
        clean_line(raw, line);
        if (breaks) {
            drop_blank_end(d);
            if (d->count > 0 && is_page_footer(d->lines[d->count - 1]))
                drop_last(d);
            drop_blank_end(d);
            after_break = true;
        }
        if (after_break) {
            if (is_blank(line) || is_page_header(line))
                continue;
            if (d->count > 0 && !goes_on(d->lines[d->count - 1], line))
                err = add_line(d, "");
            after_break = false;
        }
        /* No blank lines at the start, and not more than two in a row. */
        if (is_blank(line) &&
            (d->count == 0 || (d->count >= 2 && is_blank(d->lines[d->count - 1]) &&
                               is_blank(d->lines[d->count - 2]))))
            continue;
        if (err == DI_OK)
            err = add_line(d, line);
    }
    drop_blank_end(d);
    return err;
}

/* ---- table of contents -------------------------------------------------------------------------------- */

/* "3.1.4.  Title": the depth; -1: no such thing. */
static int numbered_depth(const char *s)
{
    int depth = 0;
    const char *p = s;

    if (strncmp(p, "Appendix ", 9) == 0 && p[9] >= 'A' && p[9] <= 'Z')
        return 0;
    if (*p >= 'A' && *p <= 'Z' && p[1] == '.')
        p++;
    else
        while (is_digit(*p))
            p++;
    if (p == s || p - s > 3)
        return -1;
    while (*p == '.' && is_digit(p[1])) {
        depth++;
        for (p++; is_digit(*p);)
            p++;
    }
    if (*p == '.')
        p++;
    return *p == ' ' && p[strspn(p, " ")] != '\0' ? depth : -1;
}

static bool is_contents_row(const char *s)
{
    size_t n = strlen(s);

    return strstr(s, "....") != NULL || strstr(s, ". . .") != NULL ||
           (n > 2 && is_digit(s[n - 1]) && strstr(s, "   ") != NULL);
}

static bool is_known_title(const char *s)
{
    static const char *const titles[] = {
        "Abstract",      "Status of",  "Copyright",      "Table of Contents",
        "Introduction",  "References", "Normative Ref",  "Informative",
        "Acknowledg",    "Author",     "Contributors",   "Security Cons",
        "IANA Cons",     "Index",      "Full Copyright", "Editors' Addr",
        "Editor's Addr", "IESG Note",  "Intellectual",
    };

    for (size_t i = 0; i < sizeof(titles) / sizeof(titles[0]); i++)
        if (strncasecmp(s, titles[i], strlen(titles[i])) == 0)
            return true;
    return false;
}

/*
 * Headings stand at the margin, alone between blank lines, after the block at the top. So does the last
 * footer of a text with no form feed behind it, and "H. Petrov" looks like "H. Title".
 */
static enum di_err find_headings(struct document *d)
{
    size_t start = 0;

    while (start < d->count && !is_blank(d->lines[start]))
        start++;
    for (size_t i = start; i < d->count; i++) {
        const char *s = d->lines[i];

        if (s[0] == ' ' || s[0] == '\0' || strlen(s) > 76 || is_contents_row(s) ||
            is_page_footer(s) || (i > 0 && !is_blank(d->lines[i - 1])))
            continue;

        int depth = numbered_depth(s);

        if (depth < 0 && !is_known_title(s))
            continue;
        if (d->heading_count == d->heading_cap) {
            size_t cap = d->heading_cap == 0 ? 32 : 2 * d->heading_cap;
            struct document_heading *more = realloc(d->headings, cap * sizeof(*more));

            if (more == NULL)
                return DI_NOMEM;
            d->headings = more;
            d->heading_cap = cap;
        }
        d->headings[d->heading_count++] =
            (struct document_heading){.line = i, .depth = depth > 0 ? depth : 0};
    }
    return DI_OK;
}

enum di_err document_new(uint32_t rfc, const char *bytes, size_t len, struct document **out)
{
    struct document *d = calloc(1, sizeof(*d));

    *out = NULL;
    if (d == NULL)
        return DI_NOMEM;
    d->rfc = rfc;

    enum di_err err = read_lines(d, (struct slice){bytes, len});

    if (err == DI_OK)
        err = find_headings(d);
    if (err != DI_OK) {
        document_free(d);
        return err;
    }
    *out = d;
    return DI_OK;
}

void document_free(struct document *d)
{
    if (d == NULL)
        return;
    for (size_t i = 0; i < d->count; i++)
        free(d->lines[i]);
    free(d->lines);
    free(d->headings);
    free(d);
}

/* ---- references --------------------------------------------------------------------------------------- */

/* At most six digits at s, not followed by another; returns how many, 0: no number. */
static size_t number_at(const char *s, uint32_t *value)
{
    size_t n = 0;
    uint64_t v;

    while (is_digit(s[n]))
        n++;
    if (n == 0 || n > 6 || !text_parse_u64((struct slice){s, n}, 999999, &v) || v == 0)
        return 0;
    *value = (uint32_t)v;
    return n;
}

static bool ends_in_rfc(const char *s)
{
    size_t n = strlen(s);

    return n >= 3 && strcmp(s + n - 3, "RFC") == 0;
}

/* What stands between two numbers of a list: ", ", " and ", ", or "; 0: the list is over. */
static size_t list_gap(const char *s)
{
    static const char *const gaps[] = {", and ", ", or ", ", ", " and ", " or "};

    for (size_t i = 0; i < sizeof(gaps) / sizeof(gaps[0]); i++) {
        size_t n = strlen(gaps[i]);

        if (strncmp(s, gaps[i], n) == 0 && is_digit(s[n]))
            return n;
    }
    return 0;
}

/* The number, or numbers, at s within a line; the first reference begins at from. Returns the new count. */
static size_t add_numbers(const struct document *d, const char *text, const char *from,
                          const char *s, bool many, struct document_link *out, size_t count,
                          size_t max)
{
    size_t digits, gap;
    uint32_t rfc;

    while (count < max && (digits = number_at(s, &rfc)) > 0) {
        if (rfc != d->rfc)
            out[count++] =
                (struct document_link){(size_t)(from - text), (size_t)(s + digits - text), rfc};
        gap = many ? list_gap(s + digits) : 0;
        if (gap == 0)
            break;
        s += digits + gap;
        from = s;
    }
    return count;
}

/* "Obsoletes: 793, 879", at the top of a document. */
static size_t top_links(const struct document *d, const char *s, struct document_link *out,
                        size_t count, size_t max)
{
    static const char *const words[] = {"Obsoletes: ", "Updates: "};

    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        if (strncmp(s, words[i], strlen(words[i])) == 0) {
            const char *number = s + strlen(words[i]);

            number += indent_of(number);
            return add_numbers(d, s, number, number, true, out, count, max);
        }
    return count;
}

size_t document_links(const struct document *d, size_t line, struct document_link *out, size_t max)
{
    const char *s = d->lines[line];
    size_t count = 0, digits;
    uint32_t rfc;

    if (line > 0 && max > 0 && ends_in_rfc(d->lines[line - 1])) {
        size_t at = indent_of(s);

        digits = number_at(s + at, &rfc);
        if (digits > 0 && rfc != d->rfc)
            out[count++] = (struct document_link){at, at + digits, rfc};
    }
    if (line < TOP_LINES)
        count = top_links(d, s, out, count, max);
    for (const char *p = s; count < max && (p = strstr(p, "RFC")) != NULL;) {
        const char *number = p + 3;
        bool many = *number == 's';

        number += many;
        if (*number == ' ' || *number == '-')
            number++;
        count = add_numbers(d, s, p, number, many, out, count, max);
        p += 3;
    }
    return count;
}
