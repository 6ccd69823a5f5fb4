/*
 * Filter and sort: which rows a table shows, in which order. 100,000 rows take some milliseconds:
 * numbers, and texts eight bytes at a time, go through a radix sort. In the thread of tui_run.
 */
#include "grid.h"

#include <stdlib.h>
#include <string.h>

struct item {
    uint64_t key;
    uint32_t row;
};

uint64_t grid_identity(const struct grid *t, size_t row)
{
    return t->type->identity != NULL ? t->type->identity(rows_at(t->rows, row))
                                     : t->rows->first + row;
}

static unsigned char fold(char c)
{
    return (unsigned char)(c >= 'A' && c <= 'Z' ? c | 0x20 : c);
}

/* Eight bytes of a text from `skip` on, so that they compare as one number. */
static uint64_t text_key(const char *text, size_t skip)
{
    uint64_t key = 0;
    size_t i = 0;

    for (; i < skip; i++)
        if (text[i] == '\0')
            return 0;
    text += skip;
    for (i = 0; i < 8 && text[i] != '\0'; i++)
        key = key << 8 | fold(text[i]);
    return i == 0 ? 0 : key << (8 * (8 - i));
}

/* ---- sorting: stable, so that equal rows stay in the order in which they came ------------------- */

#define FEW 128

static void sort_few(struct item *items, size_t n)
{
    for (size_t i = 1; i < n; i++) {
        struct item moved = items[i];
        size_t k = i;

        for (; k > 0 && items[k - 1].key > moved.key; k--)
            items[k] = items[k - 1];
        items[k] = moved;
    }
}

/* By bytes of the key, lowest first; bytes in which all agree cost nothing. */
static void sort_many(struct item *items, struct item *spare, size_t n)
{
    size_t counts[8][256] = {{0}};
    struct item *from = items, *to = spare;

    for (size_t i = 0; i < n; i++)
        for (size_t b = 0; b < 8; b++)
            counts[b][items[i].key >> (8 * b) & 0xff]++;
    for (size_t b = 0; b < 8; b++) {
        size_t at = 0;

        if (counts[b][items[0].key >> (8 * b) & 0xff] == n)
            continue;
        for (size_t v = 0; v < 256; v++) {
            size_t count = counts[b][v];

            counts[b][v] = at;
            at += count;
        }
        for (size_t i = 0; i < n; i++)
            to[counts[b][from[i].key >> (8 * b) & 0xff]++] = from[i];

        struct item *swap = from;

        from = to;
        to = swap;
    }
    if (from != items)
        memcpy(items, from, n * sizeof(*items));
}

static void sort_items(struct item *items, struct item *spare, size_t n)
{
    if (n <= FEW)
        sort_few(items, n);
    else
        sort_many(items, spare, n);
}

/* Rows whose texts agree in their first `skip` bytes, by the rest. */
static void sort_few_texts(const struct grid *t, bool falling, struct item *items, size_t n,
                           size_t skip)
{
    const char *(*text)(const void *row) = t->type->columns[t->sort].text;

    for (size_t i = 1; i < n; i++) {
        struct item moved = items[i];
        const char *s = text(rows_at(t->rows, moved.row)) + skip;
        size_t k = i;

        for (; k > 0; k--) {
            int by = strcasecmp(text(rows_at(t->rows, items[k - 1].row)) + skip, s);

            if (falling ? by >= 0 : by <= 0)
                break;
            items[k] = items[k - 1];
        }
        items[k] = moved;
    }
}

/* Texts eight bytes at a time: those that agree so far are sorted by the next eight. */
static void sort_texts(const struct grid *t, bool falling, struct item *items, struct item *spare,
                       size_t n, size_t skip)
{
    const struct grid_column *column = &t->type->columns[t->sort];
    uint64_t turn = falling ? UINT64_MAX : 0;

    for (size_t i = 0; i < n; i++)
        items[i].key = text_key(column->text(rows_at(t->rows, items[i].row)), skip) ^ turn;
    sort_items(items, spare, n);
    for (size_t i = 0, run; i < n; i += run) {
        for (run = 1; i + run < n && items[i + run].key == items[i].key; run++)
            ;
        if (run > 1 && ((items[i].key ^ turn) & 0xff) != 0) { /* none of them has ended */
            if (run <= 8)
                sort_few_texts(t, falling, items + i, run, skip + 8);
            else
                sort_texts(t, falling, items + i, spare, run, skip + 8);
        }
    }
}

/* How many bytes all texts have in common: "host-00017" and "host-00018" differ late. */
static size_t common_bytes(const struct grid_column *column, const struct rows *rows,
                           const struct item *items, size_t n)
{
    const char *first = n > 0 ? column->text(rows_at(rows, items[0].row)) : "";
    size_t common = strlen(first);

    for (size_t i = 1; i < n && common > 0; i++) {
        const char *other = column->text(rows_at(rows, items[i].row));
        size_t same = 0;

        while (same < common && fold(first[same]) == fold(other[same]))
            same++;
        common = same;
    }
    return common;
}

static void sort_rows(const struct grid *t, struct item *items, struct item *spare, size_t n)
{
    const struct grid_column *column = &t->type->columns[t->sort];
    bool falling = column->falling != t->reverse;

    if (column->key == NULL) {
        sort_texts(t, falling, items, spare, n, common_bytes(column, t->rows, items, n));
        return;
    }
    for (size_t i = 0; i < n; i++)
        items[i].key = column->key(rows_at(t->rows, items[i].row)) ^ (falling ? UINT64_MAX : 0);
    sort_items(items, spare, n);
}

static bool passes(const struct grid *t, const void *row)
{
    char text[GRID_TEXT_SIZE];

    if (t->type->wanted != NULL && !t->type->wanted(row, t->argument))
        return false;
    if (t->filter[0] == '\0')
        return true;
    t->type->describe(row, text);
    return text_find_nocase(text, t->filter) != NULL;
}

enum di_err grid_order(struct grid *t)
{
    size_t count = t->rows->count;
    bool sorted = t->sort < t->type->column_count;

    if (!sorted && t->filter[0] == '\0' && t->type->wanted == NULL && !t->reverse) {
        free(t->order);
        t->order = NULL;
        t->order_cap = 0;
        t->shown = count;
        return DI_OK;
    }

    /* The second half is room for sorting. */
    struct item *items = malloc(2 * (count + 1) * sizeof(*items));
    size_t n = 0;

    if (items == NULL)
        return DI_NOMEM;
    if (count > t->order_cap || t->order == NULL) {
        uint32_t *order = realloc(t->order, (count + 1) * sizeof(*order));

        if (order == NULL) {
            free(items);
            return DI_NOMEM;
        }
        t->order = order;
        t->order_cap = count + 1;
    }
    for (size_t i = 0; i < count; i++)
        if (passes(t, rows_at(t->rows, i)))
            items[n++].row = (uint32_t)i;
    if (sorted)
        sort_rows(t, items, items + count + 1, n);
    for (size_t i = 0; i < n; i++)
        t->order[i] = items[!sorted && t->reverse ? n - 1 - i : i].row;
    t->shown = n;
    free(items);
    return DI_OK;
}

size_t describe_word(char *out, size_t n, const char *word)
{
    size_t len = strlen(word);

    if (n + len + 2 > GRID_TEXT_SIZE)
        len = n + 2 > GRID_TEXT_SIZE ? 0 : GRID_TEXT_SIZE - n - 2;
    memcpy(out + n, word, len);
    out[n + len] = ' ';
    out[n + len + 1] = '\0';
    return n + len + 1;
}

static size_t put_digits(char *out, size_t n, uint64_t value)
{
    char digits[20];
    size_t k = 0;

    do
        digits[k++] = (char)('0' + value % 10);
    while ((value /= 10) > 0);
    while (k > 0)
        out[n++] = digits[--k];
    return n;
}

/* Rows are described 100,000 at a time: these do without printf. Their callers start with little. */
size_t describe_u64(char *out, size_t n, uint64_t value)
{
    n = put_digits(out, n, value);
    out[n] = ' ';
    out[n + 1] = '\0';
    return n + 1;
}

size_t describe_addr(char *out, size_t n, const struct addr *a)
{
    if (!addr_is_ipv4(a)) {
        char text[ADDR_TEXT_SIZE];

        addr_format(a, text);
        return describe_word(out, n, text);
    }
    for (size_t i = 12; i < 16; i++) {
        n = put_digits(out, n, a->ip[i]);
        out[n++] = i < 15 ? '.' : ':';
    }
    return describe_u64(out, n, a->port);
}
