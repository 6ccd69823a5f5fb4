/*
 * The titles in the RFC Editor's rfc-index.txt. An entry starts at the first column with its
 * number, goes on in indented lines and ends at an empty one:
 *
 *     0001 Host Software. S. Crocker. April 1969. (Format: TXT=21088 bytes) ...
 *     1 Host Software. S. Crocker. April 1969. (Format: TXT, HTML) (Status:
 *          UNKNOWN) (DOI: 10.17487/RFC1)
 *
 * Nothing marks where a title ends but ". ", which titles contain too: see title_length.
 */
#include "rfc_index_txt.h"

#include "names.h"

#include "p2pdi/base/buf.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define ENTRY_MAX 4096 /* the longest real one has about 700 bytes */
#define TITLES_MAX ((size_t)64 << 20)

struct title_at {
    uint32_t rfc;
    uint32_t offset; /* in text */
};

struct rfc_titles {
    struct title_at *at; /* sorted by number */
    size_t count;
    size_t cap;
    struct buf text; /* titles, each with its NUL */
};

static bool is_upper(char c)
{
    return c >= 'A' && c <= 'Z';
}

/* Does an author's name with initials start here: "S. Crocker", "M-K. Shin", "HF. Zhu", but not
 * "H.263"? */
static bool starts_with_initial(struct slice s)
{
    size_t n = 0;
    while (n < s.n && n < 3 && (isalpha((unsigned char)s.p[n]) || (n > 0 && s.p[n] == '-')))
        n++;
    bool dotted = n > 0 && is_upper(s.p[0]) && n + 1 < s.n && s.p[n] == '.';
    bool short_name = n < 3 || memchr(s.p, '-', n) != NULL; /* not "Inc." */
    return dotted && short_name && !isdigit((unsigned char)s.p[n + 1]);
}

/* Is the word that ends here an abbreviation of single letters, such as "U.S"? */
static bool ends_with_abbreviation(struct slice s)
{
    return s.n >= 3 && is_upper(s.p[s.n - 1]) && s.p[s.n - 2] == '.' && is_upper(s.p[s.n - 3]);
}

/*
 * The title ends at the first ". " that an author with initials follows; where there is none (the
 * author is a body, or a body comes first) at the first ". " that does not belong to an
 * abbreviation.
 */
static size_t title_length(struct slice entry)
{
    size_t first = entry.n;
    for (size_t i = 0; i + 2 < entry.n; i++) {
        if (entry.p[i] != '.' || entry.p[i + 1] != ' ')
            continue;
        if (entry.p[i + 2] == '(') /* ". (Format: ...": what follows are no authors */
            return first < entry.n ? first : i;
        if (starts_with_initial((struct slice){entry.p + i + 2, entry.n - i - 2}))
            return i;
        if (first == entry.n && !islower((unsigned char)entry.p[i + 2]) &&
            !ends_with_abbreviation((struct slice){entry.p, i}))
            first = i;
    }
    return first;
}

static void add(struct rfc_titles *t, struct slice number, struct slice entry)
{
    uint64_t rfc = 0;
    if (!text_parse_u64(number, NAME_RFC_MAX, &rfc) || rfc == 0)
        return;
    char title[LIBRARY_TITLE_SIZE];
    size_t len = text_clean(title, sizeof title, (struct slice){entry.p, title_length(entry)});
    if (len == 0 || strncmp(title, "Not Issued", strlen("Not Issued")) == 0)
        return;
    if (t->count == t->cap) {
        size_t cap = t->cap == 0 ? 1024 : t->cap * 2;
        struct title_at *grown = realloc(t->at, cap * sizeof *grown);
        if (grown == NULL) {
            t->text.err = DI_NOMEM;
            return;
        }
        t->at = grown;
        t->cap = cap;
    }
    t->at[t->count++] = (struct title_at){(uint32_t)rfc, (uint32_t)t->text.len};
    buf_append(&t->text, title, len + 1);
}

/* Appends a line of an entry; "Connectionless-" wraps without a space, "index -" with one. */
static size_t append_line(char *entry, size_t len, struct slice line)
{
    line = slice_trim(line);
    bool hyphen = len >= 2 && entry[len - 1] == '-' && isalpha((unsigned char)entry[len - 2]);
    if (len > 0 && !hyphen && len < ENTRY_MAX)
        entry[len++] = ' ';
    size_t n = line.n < ENTRY_MAX - len ? line.n : ENTRY_MAX - len;
    memcpy(entry + len, line.p, n);
    return len + n;
}

static void parse(struct rfc_titles *t, struct slice text)
{
    char entry[ENTRY_MAX];
    size_t len = 0;
    struct slice number = {NULL, 0};
    while (text.p != NULL) {
        struct slice line = slice_split(text, '\n', &text);
        if (line.n > 0 && line.p[line.n - 1] == '\r')
            line.n--;
        bool indented = line.n > 0 && (line.p[0] == ' ' || line.p[0] == '\t');
        if (indented && number.p != NULL && slice_trim(line).n > 0) {
            len = append_line(entry, len, line);
            continue;
        }
        if (number.p != NULL)
            add(t, number, (struct slice){entry, len});
        struct slice rest;
        number = slice_split(line, ' ', &rest);
        len = 0;
        if (rest.p == NULL || number.n == 0 || !isdigit((unsigned char)number.p[0]))
            number.p = NULL;
        else
            len = append_line(entry, 0, rest);
    }
    if (number.p != NULL)
        add(t, number, (struct slice){entry, len});
}

static int compare_at(const void *a, const void *b)
{
    const struct title_at *x = a;
    const struct title_at *y = b;
    return (x->rfc > y->rfc) - (x->rfc < y->rfc);
}

enum di_err rfc_titles_parse(struct slice text, struct rfc_titles **out)
{
    struct rfc_titles *t = calloc(1, sizeof *t);
    if (t == NULL)
        return DI_NOMEM;
    buf_init(&t->text, TITLES_MAX);
    parse(t, text);
    enum di_err err = buf_status(&t->text);
    if (err != DI_OK) {
        rfc_titles_free(t);
        return err;
    }
    if (t->count > 0)
        qsort(t->at, t->count, sizeof *t->at, compare_at);
    *out = t;
    return DI_OK;
}

void rfc_titles_free(struct rfc_titles *t)
{
    if (t == NULL)
        return;
    buf_fini(&t->text);
    free(t->at);
    free(t);
}

const char *rfc_titles_find(const struct rfc_titles *t, uint32_t rfc)
{
    if (t == NULL || t->count == 0)
        return NULL;
    struct title_at key = {rfc, 0};
    const struct title_at *at = bsearch(&key, t->at, t->count, sizeof *t->at, compare_at);
    return at == NULL ? NULL : buf_bytes(&t->text) + at->offset;
}

size_t rfc_titles_count(const struct rfc_titles *t)
{
    return t == NULL ? 0 : t->count;
}
