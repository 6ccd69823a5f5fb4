/*
 * A set of pointers that are found by key: open addressing with linear probing, 8 bytes a slot, at
 * most so many eighths full. uthash spends 56 bytes an item, which a million registered peers
 * cannot afford twice. Keys come from the network: hash functions build on hash_bytes(). Pure.
 */
#ifndef P2PDI_SRC_INDEX_TABLE_H
#define P2PDI_SRC_INDEX_TABLE_H

#include "p2pdi/base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct table {
    uint32_t (*hash)(const void *item);
    void **slots;
    size_t size; /* of slots: 0 or a power of two */
    size_t count;
    unsigned
        eighths; /* full; then it doubles, which is a pause: two that grow together should differ */
};

void table_init(struct table *t, uint32_t (*hash)(const void *item), unsigned eighths);
/* Frees the slots, not the items. */
void table_fini(struct table *t);
/* Room for so many more items. DI_NOMEM. */
enum di_err table_reserve(struct table *t, size_t more) DI_MUST_CHECK;
/* Adds an item whose key is not there; room was reserved. */
void table_add(struct table *t, void *item);
/* Takes out an item that is there. Its key must still be what it was. */
void table_remove(struct table *t, const void *item);
/* The item with that hash for which same(item, key); NULL if there is none. */
void *table_find(const struct table *t, uint32_t hash,
                 bool (*same)(const void *item, const void *key), const void *key);
/*
 * Some item, to empty the table; NULL if there is none. Walk on with the same *at, 0 at the start.
 */
void *table_next(const struct table *t, size_t *at);

#endif
