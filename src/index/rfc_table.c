/* Documents, editions, holders and entries: finding, making, freeing. Pure. */
#include "rfc_table.h"

#include "p2pdi/base/hash.h"

#include <stdlib.h>
#include <string.h>
#include <utlist.h>

_Static_assert(sizeof(struct rfc_edition_key) == 48, "a key with padding cannot be hashed");

static uint32_t hash_number(const void *item)
{
    const struct document *d = item;
    return hash_bytes(&d->rfc, sizeof(d->rfc));
}

static bool same_number(const void *item, const void *key)
{
    const struct document *d = item;
    const uint32_t *rfc = key;
    return d->rfc == *rfc;
}

static uint32_t hash_edition(const void *item)
{
    const struct edition *ed = item;
    return hash_bytes(&ed->key, sizeof(ed->key));
}

static bool same_edition(const void *item, const void *key)
{
    const struct edition *ed = item;
    return memcmp(&ed->key, key, sizeof(ed->key)) == 0;
}

static uint32_t hash_holder(const void *item)
{
    const struct holder *h = item;
    return hash_bytes(&h->addr, sizeof(h->addr));
}

static bool same_holder(const void *item, const void *key)
{
    const struct holder *h = item;
    return addr_equal(&h->addr, key);
}

/* Both live as long as the entry and never move: their addresses are as good as their keys. */
struct entry_key {
    const struct document *document;
    const struct holder *holder;
};

static uint32_t hash_entry(const void *item)
{
    const struct entry *e = item;
    struct entry_key key = {e->document, e->holder};
    return hash_bytes(&key, sizeof(key));
}

static bool same_entry(const void *item, const void *key)
{
    const struct entry *e = item;
    const struct entry_key *k = key;
    return e->document == k->document && e->holder == k->holder;
}

void rfc_table_init(struct rfc_table *t)
{
    *t = (struct rfc_table){.is_ordered = true};
    table_init(&t->documents, hash_number, 6);
    table_init(&t->editions, hash_edition, 6);
    table_init(&t->holders, hash_holder, 6);
    table_init(&t->entries, hash_entry, 6);
}

static void free_items(struct table *t)
{
    size_t at = 0;
    void *item;

    while ((item = table_next(t, &at)) != NULL)
        free(item);
}

void rfc_table_fini(struct rfc_table *t)
{
    for (size_t i = 0; i < t->order_count; i++) {
        if (t->order[i] != NULL)
            free(t->order[i]->own);
        free(t->order[i]);
    }
    free_items(&t->holders);
    free_items(&t->entries);

    struct edition *ed;

    for (size_t at = 0; (ed = table_next(&t->editions, &at)) != NULL;)
        free(ed->title);
    free_items(&t->editions);
    table_fini(&t->documents);
    table_fini(&t->editions);
    table_fini(&t->holders);
    table_fini(&t->entries);
    free(t->order);
}

struct document *rfc_table_document(const struct rfc_table *t, uint32_t rfc)
{
    return table_find(&t->documents, hash_bytes(&rfc, sizeof(rfc)), same_number, &rfc);
}

struct holder *rfc_table_holder(const struct rfc_table *t, const struct addr *addr)
{
    return table_find(&t->holders, hash_bytes(addr, sizeof(*addr)), same_holder, addr);
}

struct entry *rfc_table_entry(const struct rfc_table *t, const struct document *d,
                              const struct holder *h)
{
    struct entry_key key = {d, h};

    return table_find(&t->entries, hash_bytes(&key, sizeof(key)), same_entry, &key);
}

/* ---- order ----------------------------------------------------------------------------------- */

static int compare_numbers(const void *a, const void *b)
{
    const struct document *const *x = a, *const *y = b;
    return ((*x)->rfc > (*y)->rfc) - ((*x)->rfc < (*y)->rfc);
}

void rfc_table_sort(struct rfc_table *t)
{
    size_t to = 0;

    if (t->is_ordered && t->order_count == t->documents.count)
        return;
    for (size_t i = 0; i < t->order_count; i++)
        if (t->order[i] != NULL)
            t->order[to++] = t->order[i];
    t->order_count = to;
    if (!t->is_ordered)
        qsort(t->order, t->order_count, sizeof(struct document *), compare_numbers);
    for (size_t i = 0; i < t->order_count; i++)
        t->order[i]->order_at = i;
    t->is_ordered = true;
}

static void order_append(struct rfc_table *t, struct document *d)
{
    const struct document *last = t->order_count > 0 ? t->order[t->order_count - 1] : NULL;

    if (t->order_count > 0 && (last == NULL || last->rfc > d->rfc))
        t->is_ordered = false;
    d->order_at = t->order_count;
    t->order[t->order_count++] = d;
}

static enum di_err order_reserve(struct rfc_table *t)
{
    if (t->order_count < t->order_room)
        return DI_OK;
    if (t->documents.count < t->order_count / 2) {
        rfc_table_sort(t);
        return DI_OK;
    }

    size_t room = t->order_room != 0 ? t->order_room * 2 : 16;
    struct document **order = realloc(t->order, room * sizeof(struct document *));

    if (order == NULL)
        return DI_NOMEM;
    t->order = order;
    t->order_room = room;
    return DI_OK;
}

/* ---- parts: made without references, freed when the last one goes ---------------------------- */

static void document_release(struct rfc_table *t, struct document *d)
{
    if (d == NULL || d->entries != NULL || d->own != NULL)
        return;
    table_remove(&t->documents, d);
    t->order[d->order_at] = NULL;
    free(d);
}

static enum di_err document_get(struct rfc_table *t, uint32_t rfc, struct document **out)
{
    *out = rfc_table_document(t, rfc);
    if (*out != NULL)
        return DI_OK;
    if (order_reserve(t) != DI_OK || table_reserve(&t->documents, 1) != DI_OK)
        return DI_NOMEM;

    struct document *d = calloc(1, sizeof(*d));

    if (d == NULL)
        return DI_NOMEM;
    d->rfc = rfc;
    table_add(&t->documents, d);
    order_append(t, d);
    *out = d;
    return DI_OK;
}

static void holder_release(struct rfc_table *t, struct holder *h)
{
    if (h == NULL || h->refs > 0)
        return;
    table_remove(&t->holders, h);
    free(h);
}

static enum di_err holder_get(struct rfc_table *t, const struct addr *addr, struct holder **out)
{
    *out = rfc_table_holder(t, addr);
    if (*out != NULL)
        return DI_OK;
    if (table_reserve(&t->holders, 1) != DI_OK)
        return DI_NOMEM;

    struct holder *h = calloc(1, sizeof(*h));

    if (h == NULL)
        return DI_NOMEM;
    h->addr = *addr;
    table_add(&t->holders, h);
    *out = h;
    return DI_OK;
}

static void edition_release(struct rfc_table *t, struct edition *ed)
{
    if (ed == NULL || ed->refs > 0)
        return;
    table_remove(&t->editions, ed);
    free(ed->title);
    free(ed);
}

static enum di_err edition_get(struct rfc_table *t, const struct rfc_entry *row,
                               struct edition **out)
{
    struct rfc_edition_key key = {
        .size_bytes = row->size_bytes, .sha256 = row->sha256, .rfc = row->rfc};

    *out = table_find(&t->editions, hash_bytes(&key, sizeof(key)), same_edition, &key);
    if (*out != NULL)
        return DI_OK;
    if (table_reserve(&t->editions, 1) != DI_OK)
        return DI_NOMEM;

    struct edition *ed = calloc(1, sizeof(*ed));

    if (ed == NULL)
        return DI_NOMEM;
    ed->key = key;
    ed->title = strndup(row->title != NULL ? row->title : "", RFC_TITLE_SIZE - 1);
    if (ed->title == NULL) {
        free(ed);
        return DI_NOMEM;
    }
    table_add(&t->editions, ed);
    *out = ed;
    return DI_OK;
}

/* Our own title rules; one that was heard fills a gap only. *changed is set if it did. */
static enum di_err edition_retitle(struct edition *ed, const struct rfc_entry *row, bool *changed)
{
    const char *title = row->title != NULL ? row->title : "";

    if (title[0] == '\0' || (!row->own && ed->title[0] != '\0') ||
        strncmp(ed->title, title, RFC_TITLE_SIZE - 1) == 0)
        return DI_OK;

    char *copy = strndup(title, RFC_TITLE_SIZE - 1);

    if (copy == NULL)
        return DI_NOMEM;
    free(ed->title);
    ed->title = copy;
    *changed = true;
    return DI_OK;
}

/* ---- entries --------------------------------------------------------------------------------- */

static enum di_err entry_new(struct rfc_table *t, struct document *d, struct holder *h,
                             struct edition *ed, struct entry **out)
{
    struct entry *e;

    if (h == NULL) {
        struct own_entry *own = calloc(1, sizeof(*own));

        if (own == NULL)
            return DI_NOMEM;
        d->own = own;
        e = &own->entry;
    } else {
        if (table_reserve(&t->entries, 1) != DI_OK)
            return DI_NOMEM;
        e = calloc(1, sizeof(*e));
        if (e == NULL)
            return DI_NOMEM;
        h->refs++;
    }
    ed->refs++;
    e->document = d;
    e->holder = h;
    e->edition = ed;
    e->withdrawn = true;
    if (h != NULL) {
        DL_APPEND2(d->entries, e, doc_prev, doc_next);
        table_add(&t->entries, e);
    }
    *out = e;
    return DI_OK;
}

static struct entry *entry_there(const struct rfc_table *t, const struct document *d,
                                 const struct holder *h)
{
    if (h != NULL)
        return rfc_table_entry(t, d, h);
    return d->own != NULL ? &d->own->entry : NULL;
}

enum di_err rfc_table_put(struct rfc_table *t, const struct rfc_entry *row, struct entry **out,
                          bool *is_other)
{
    struct document *d = NULL;
    struct holder *h = NULL;
    struct edition *ed = NULL;
    struct entry *e = NULL;

    *is_other = false;
    if (document_get(t, row->rfc, &d) != DI_OK || edition_get(t, row, &ed) != DI_OK)
        goto no_memory;
    if (!row->own && holder_get(t, &row->holder, &h) != DI_OK)
        goto no_memory;
    if (edition_retitle(ed, row, is_other) != DI_OK)
        goto no_memory;
    e = entry_there(t, d, h);
    if (e == NULL) {
        if (entry_new(t, d, h, ed, &e) != DI_OK)
            goto no_memory;
    } else if (e->edition != ed) {
        struct edition *old = e->edition;

        e->edition = ed;
        ed->refs++;
        old->refs--;
        edition_release(t, old);
        *is_other = true;
    }
    *out = e;
    return DI_OK;

no_memory:
    holder_release(t, h);
    edition_release(t, ed);
    document_release(t, d);
    return DI_NOMEM;
}

void rfc_table_remove(struct rfc_table *t, struct entry *e)
{
    struct document *d = e->document;
    struct holder *h = e->holder;
    struct edition *ed = e->edition;

    if (h != NULL) {
        table_remove(&t->entries, e);
        DL_DELETE2(d->entries, e, doc_prev, doc_next);
        h->refs--;
    } else {
        d->own = NULL;
    }
    free(e);
    ed->refs--;
    edition_release(t, ed);
    holder_release(t, h);
    document_release(t, d);
}
