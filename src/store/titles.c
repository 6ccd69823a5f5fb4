/*
 * A document's title from its own head. RFCs begin with one or more blocks of header lines, in
 * two columns or at the right margin (organisation and number, authors and date); the block after
 * them, centred, is the title, sometimes in two blocks; then "Abstract" or "Status of" follow.
 * The oldest ones vary; what cannot be made out gives no title.
 */
#include "titles.h"

#include <ctype.h>
#include <string.h>

#define BLOCK_LINES 8   /* a longer block is text */
#define TITLE_BLOCKS 3  /* that a title may have */
#define HEADER_BLOCKS 8 /* that may come before it */
#define LINE_SIZE 160
#define TAB_WIDTH 8
#define LABEL_REST 8  /* between a label's word and its colon: "Obsoletes RFCs:" */
#define COLUMN_GAP 4  /* spaces between two columns of a header */
#define RIGHT_FROM 30 /* a line that begins here or later and ends ... */
#define RIGHT_TO 60   /* ... here or later stands at the right margin */
#define PAGE_WIDTH 72
#define OFF_CENTRE_MAX 20 /* of the lines of a title, in columns */
#define CENTRED_FROM 6    /* title lines of a second block begin here or later */

/* Lines without empty ones between, without blanks at their ends, with tabs as spaces. */
struct block {
    struct slice line[BLOCK_LINES];
    size_t count;
    bool longer; /* more lines than fit */
    char text[BLOCK_LINES][LINE_SIZE];
};

/* Copies line with tabs as spaces and without blanks at its end. */
static struct slice clean_line(struct slice line, char out[LINE_SIZE])
{
    size_t n = 0;
    for (size_t i = 0; i < line.n && n < LINE_SIZE; i++) {
        if (line.p[i] != '\t')
            out[n++] = line.p[i];
        else
            do
                out[n++] = ' ';
            while (n % TAB_WIDTH != 0 && n < LINE_SIZE);
    }
    while (n > 0 && isspace((unsigned char)out[n - 1]))
        n--;
    return (struct slice){out, n};
}

static size_t indent_of(struct slice line)
{
    size_t n = 0;
    while (n < line.n && line.p[n] == ' ')
        n++;
    return n;
}

/* Under or around a title: "-----", "=====". */
static bool is_ruler(struct slice line)
{
    for (size_t i = 0; i < line.n; i++)
        if (strchr("-=_*~+ ", line.p[i]) == NULL)
            return false;
    return true;
}

/* The next block of *rest; false at the end. Form feeds separate blocks too. */
static bool next_block(struct slice *rest, struct block *out)
{
    out->count = 0;
    out->longer = false;
    while (rest->p != NULL) {
        struct slice line = slice_split(*rest, '\n', rest);
        bool page_ends = memchr(line.p, '\f', line.n) != NULL;
        size_t at = out->count < BLOCK_LINES ? out->count : BLOCK_LINES - 1;
        char spare[LINE_SIZE];
        line = clean_line(line, out->count < BLOCK_LINES ? out->text[at] : spare);
        if (line.n == 0 || page_ends) {
            if (out->count > 0)
                return true;
        } else if (out->count < BLOCK_LINES) {
            out->line[out->count++] = line;
        } else {
            out->longer = true;
        }
    }
    return out->count > 0;
}

static bool starts_with(struct slice s, const char *word)
{
    size_t n = strlen(word);
    return s.n >= n && slice_equal_nocase((struct slice){s.p, n}, slice_of(word));
}

/* A label at the left of the header: "Category: Informational", "NIC #7131". */
static bool is_label(struct slice line)
{
    static const char *const labels[] = {"Request for Comments",
                                         "RFC",
                                         "NWG/RFC",
                                         "NIC",
                                         "Category",
                                         "Updates",
                                         "Obsoletes",
                                         "ISSN",
                                         "STD",
                                         "BCP",
                                         "FYI",
                                         "IEN"};
    if (starts_with(line, "Network Working Group"))
        return true;
    for (size_t i = 0; i < sizeof labels / sizeof labels[0]; i++) {
        size_t n = strlen(labels[i]);
        size_t end = line.n < n + LABEL_REST ? line.n : n + LABEL_REST;
        if (starts_with(line, labels[i]) &&
            (memchr(line.p + n, ':', end - n) != NULL || memchr(line.p + n, '#', end - n) != NULL))
            return true;
    }
    return false;
}

static bool is_header_line(struct slice line)
{
    size_t indent = indent_of(line);
    if (indent >= RIGHT_FROM && line.n >= RIGHT_TO)
        return true;
    size_t gap = 0;
    for (size_t i = indent; i < line.n; i++) {
        gap = line.p[i] == ' ' ? gap + 1 : 0;
        if (gap >= COLUMN_GAP)
            return true;
    }
    return indent < CENTRED_FROM && is_label(slice_trim(line));
}

static bool is_header(const struct block *b)
{
    for (size_t i = 0; i < b->count; i++)
        if (is_header_line(b->line[i]))
            return true;
    return false;
}

/* Where the text of a document begins: no title any more. A title may begin with the same word. */
static bool is_heading(struct slice line)
{
    static const char *const headings[] = {"Abstract",        "Introduction", "Overview",
                                           "Preface",         "Contents",     "Table of Contents",
                                           "Copyright Notice"};
    line = slice_trim(line);
    while (line.n > 0 && (isdigit((unsigned char)line.p[0]) || line.p[0] == '.' ||
                          line.p[0] == ' ')) { /* "1.  Introduction" */
        line.p++;
        line.n--;
    }
    while (line.n > 0 && (line.p[line.n - 1] == ':' || line.p[line.n - 1] == '.'))
        line.n--;
    for (size_t i = 0; i < sizeof headings / sizeof headings[0]; i++)
        if (slice_equal_nocase(line, slice_of(headings[i])))
            return true;
    return starts_with(line, "Status of this");
}

static bool is_centred(const struct block *b)
{
    for (size_t i = 0; i < b->count; i++)
        if (indent_of(b->line[i]) < CENTRED_FROM)
            return false;
    return true;
}

static size_t off_centre(struct slice line)
{
    size_t left = indent_of(line);
    size_t right = line.n < PAGE_WIDTH ? PAGE_WIDTH - line.n : 0;
    return left > right ? left - right : right - left;
}

/* Many lines, or several of which one is not centred. */
static bool is_prose(const struct block *b)
{
    for (size_t i = 0; b->count > 1 && i < b->count; i++)
        if (off_centre(b->line[i]) > OFF_CENTRE_MAX)
            return true;
    return b->longer;
}

/* Appends the words of the block's lines from `first` on, up to a heading; returns the new
 * length. */
static size_t append_lines(char title[LIBRARY_TITLE_SIZE], size_t len, const struct block *b,
                           size_t first)
{
    for (size_t i = first; i < b->count && !is_heading(b->line[i]); i++) {
        struct slice line = b->line[i];
        bool space = len > 0; /* one for any number of blanks */
        if (is_ruler(line))
            continue;
        for (size_t k = 0; k < line.n; k++) {
            if (line.p[k] == ' ' || iscntrl((unsigned char)line.p[k])) {
                space = len > 0;
                continue;
            }
            if (len + 2 > LIBRARY_TITLE_SIZE)
                return len;
            if (space)
                title[len++] = ' ';
            space = false;
            title[len++] = line.p[k];
        }
    }
    return len;
}

/* The lines below a header that no empty line separates from it; b->count if there are none. */
static size_t below_header(const struct block *b)
{
    size_t i = b->count;
    if (b->longer)
        return i;
    while (i > 0 && !is_header_line(b->line[i - 1]) && indent_of(b->line[i - 1]) >= CENTRED_FROM)
        i--;
    return i;
}

static size_t find_title(struct slice head, char title[LIBRARY_TITLE_SIZE])
{
    struct block b;
    size_t len = 0;
    bool more = next_block(&head, &b);
    for (int n = 0; more && n < HEADER_BLOCKS && (n == 0 || is_header(&b)); n++) {
        len = append_lines(title, 0, &b, below_header(&b));
        more = next_block(&head, &b);
    }
    if (!more || is_heading(b.line[0]))
        return len;
    if (is_prose(&b))
        return 0;
    len = append_lines(title, 0, &b, 0);
    /* Further blocks belong to it if nothing but centred ones stand before the text. */
    size_t whole = len;
    for (int n = 1; n < TITLE_BLOCKS && next_block(&head, &b); n++) {
        if (starts_with(b.line[0], "Abstract") || starts_with(b.line[0], "Status of"))
            return whole;
        if (b.longer || !is_centred(&b) || is_header(&b))
            break;
        whole = append_lines(title, whole, &b, 0);
    }
    return len;
}

bool title_from_head(struct slice head, char out[LIBRARY_TITLE_SIZE])
{
    char title[LIBRARY_TITLE_SIZE];
    if (head.n >= 3 && memcmp(head.p, "\xEF\xBB\xBF", 3) == 0)
        head = (struct slice){head.p + 3, head.n - 3};
    size_t len = head.n == 0 ? 0 : find_title(head, title);
    if (len > 1 && title[len - 1] == '.')
        len--;
    return text_clean(out, LIBRARY_TITLE_SIZE, (struct slice){title, len}) > 0;
}
