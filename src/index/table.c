/* Open addressing for both indexes. Pure. */
#include "table.h"

#include <assert.h>
#include <stdlib.h>

#define TABLE_SIZE_MIN 16
#define AHEAD 16

void table_init(struct table *t, uint32_t (*hash)(const void *item), unsigned eighths)
{
    *t = (struct table){.hash = hash, .eighths = eighths};
}

void table_fini(struct table *t)
{
    free(t->slots);
    t->slots = NULL;
    t->size = 0;
    t->count = 0;
}

static size_t home(const struct table *t, const void *item)
{
    return t->hash(item) & (t->size - 1);
}

static size_t after(const struct table *t, size_t at)
{
    return (at + 1) & (t->size - 1);
}

static void put(struct table *t, void *item)
{
    size_t at = home(t, item);

    while (t->slots[at] != NULL)
        at = after(t, at);
    t->slots[at] = item;
}

enum di_err table_reserve(struct table *t, size_t more)
{
    size_t want = t->count + more, size = t->size != 0 ? t->size : TABLE_SIZE_MIN;

    while (want > size / 8 * t->eighths)
        size *= 2;
    if (size == t->size)
        return DI_OK;

    void **slots = calloc(size, sizeof(*slots));

    if (slots == NULL)
        return DI_NOMEM;

    struct table old = *t;

    t->slots = slots;
    t->size = size;
    for (size_t i = 0; i < old.size; i++) {
        /*
         * Hashing looks at the item: a cache miss each, which a million of them would make a pause.
         */
        if (i + AHEAD < old.size && old.slots[i + AHEAD] != NULL)
            __builtin_prefetch(old.slots[i + AHEAD]);
        if (old.slots[i] != NULL)
            put(t, old.slots[i]);
    }
    free(old.slots);
    return DI_OK;
}

void table_add(struct table *t, void *item)
{
    assert(t->count < t->size / 8 * t->eighths);
    put(t, item);
    t->count++;
}

void table_remove(struct table *t, const void *item)
{
    size_t hole = home(t, item);

    while (t->slots[hole] != item) {
        assert(t->slots[hole] != NULL);
        hole = after(t, hole);
    }
    /* What follows moves up, unless the hole lies before the slot it belongs to. */
    for (size_t at = after(t, hole); t->slots[at] != NULL; at = after(t, at)) {
        size_t distance = (at - home(t, t->slots[at])) & (t->size - 1);

        if (distance >= ((at - hole) & (t->size - 1))) {
            t->slots[hole] = t->slots[at];
            hole = at;
        }
    }
    t->slots[hole] = NULL;
    t->count--;
}

void *table_find(const struct table *t, uint32_t hash,
                 bool (*same)(const void *item, const void *key), const void *key)
{
    if (t->size == 0)
        return NULL;
    for (size_t at = hash & (t->size - 1); t->slots[at] != NULL; at = after(t, at))
        if (same(t->slots[at], key))
            return t->slots[at];
    return NULL;
}

void *table_next(const struct table *t, size_t *at)
{
    while (*at < t->size) {
        void *item = t->slots[(*at)++];

        if (item != NULL)
            return item;
    }
    return NULL;
}
