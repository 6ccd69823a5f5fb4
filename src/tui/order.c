/*
 * Filter and sort: which rows a table shows, in which order. 100,000 rows take some milliseconds:
 * numbers, or the first bytes of texts, are compared as one integer. In the thread of tui_run.
 */
#include "table.h"

#include <stdlib.h>
#include <string.h>

struct item {
    uint64_t key;
    uint32_t row;
};

struct sorting {
    const struct table *table;
    const struct table_column *column;
    bool falling;
};

uint64_t table_identity(const struct table *t, size_t row)
{
    return t->type->identity != NULL ? t->type->identity(rows_at(t->rows, row))
                                     : t->rows->first + row;
}

static unsigned char fold(char c)
{
    return (unsigned char)(c >= 'A' && c <= 'Z' ? c | 0x20 : c);
}

/* The first eight bytes, so that most comparisons need no look at the rows. */
static uint64_t text_key(const char *text)
{
    uint64_t key = 0;
    size_t i = 0;

    for (; i < 8 && text[i] != '\0'; i++)
        key = key << 8 | fold(text[i]);
    return i == 0 ? 0 : key << (8 * (8 - i));
}

static int compare(const void *pa, const void *pb, void *arg)
{
    const struct item *a = pa, *b = pb;
    const struct sorting *s = arg;
    int sign = s->falling ? -1 : 1;

    if (a->key != b->key)
        return a->key < b->key ? -sign : sign;
    if (s->column->text != NULL) {
        int by_text = strcasecmp(s->column->text(rows_at(s->table->rows, a->row)),
                                 s->column->text(rows_at(s->table->rows, b->row)));

        if (by_text != 0)
            return by_text < 0 ? -sign : sign;
    }
    return a->row < b->row ? -1 : a->row > b->row;
}

static bool passes(const struct table *t, const void *row)
{
    char text[TABLE_TEXT_SIZE];

    if (t->type->wanted != NULL && !t->type->wanted(row, t->argument))
        return false;
    if (t->filter[0] == '\0')
        return true;
    t->type->describe(row, text);
    return text_find_nocase(text, t->filter) != NULL;
}

enum di_err table_order(struct table *t)
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

    struct item *items = malloc((count + 1) * sizeof(*items));
    uint32_t *order = t->order;
    size_t n = 0;

    if (items == NULL)
        return DI_NOMEM;
    if (count > t->order_cap || order == NULL) {
        order = realloc(t->order, (count + 1) * sizeof(*order));
        if (order == NULL) {
            free(items);
            return DI_NOMEM;
        }
        t->order = order;
        t->order_cap = count + 1;
    }

    const struct table_column *column = sorted ? &t->type->columns[t->sort] : NULL;

    for (size_t i = 0; i < count; i++) {
        const void *row = rows_at(t->rows, i);

        if (!passes(t, row))
            continue;
        items[n].row = (uint32_t)i;
        items[n].key = !sorted               ? (uint64_t)i
                       : column->key != NULL ? column->key(row)
                                             : text_key(column->text(row));
        n++;
    }
    if (sorted) {
        struct sorting s = {t, column, column->falling != t->reverse};

        qsort_r(items, n, sizeof(*items), compare, &s);
    }
    for (size_t i = 0; i < n; i++)
        order[i] = items[!sorted && t->reverse ? n - 1 - i : i].row;
    t->shown = n;
    free(items);
    return DI_OK;
}

size_t describe_word(char *out, size_t n, const char *word)
{
    size_t len = strlen(word);

    if (n + len + 2 > TABLE_TEXT_SIZE)
        len = n + 2 > TABLE_TEXT_SIZE ? 0 : TABLE_TEXT_SIZE - n - 2;
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
