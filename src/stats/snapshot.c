/* Rows in chunks that writer and snapshots share. Writers serialise themselves; snapshots: any thread. */
#include "p2pdi/stats/snapshot.h"

#include <stdalign.h>
#include <stdlib.h>
#include <string.h>

/*
 * used: how many rows exist, seen by the writer and by whoever frees the chunk. The writer appends to
 * a chunk that is shared: nobody else looks at rows beyond its own count.
 */
struct rows_chunk {
    _Atomic(uint32_t) refs;
    uint32_t used;
    alignas(max_align_t) unsigned char bytes[];
};

struct shared_text *shared_text_new(struct slice s)
{
    if (s.n >= UINT32_MAX)
        return NULL;

    struct shared_text *t = malloc(sizeof(*t) + s.n + 1);

    if (t == NULL)
        return NULL;
    atomic_init(&t->refs, 1);
    t->len = (uint32_t)s.n;
    if (s.n > 0)
        memcpy(t->str, s.p, s.n);
    t->str[s.n] = '\0';
    return t;
}

struct shared_text *shared_text_ref(struct shared_text *t)
{
    if (t != NULL)
        atomic_fetch_add_explicit(&t->refs, 1, memory_order_relaxed);
    return t;
}

void shared_text_unref(struct shared_text *t)
{
    if (t != NULL && atomic_fetch_sub_explicit(&t->refs, 1, memory_order_acq_rel) == 1)
        free(t);
}

const char *shared_text_str(const struct shared_text *t)
{
    return t == NULL ? "" : t->str;
}

static void *chunk_row(const struct rows *r, struct rows_chunk *c, size_t i)
{
    return c->bytes + i * r->type->size;
}

static struct rows_chunk *chunk_new(const struct rows *r)
{
    struct rows_chunk *c = malloc(sizeof(*c) + ROWS_PER_CHUNK * r->type->size);

    if (c != NULL) {
        atomic_init(&c->refs, 1);
        c->used = 0;
    }
    return c;
}

static void chunk_unref(const struct rows *r, struct rows_chunk *c)
{
    if (atomic_fetch_sub_explicit(&c->refs, 1, memory_order_acq_rel) != 1)
        return;
    if (r->type->release != NULL)
        for (size_t i = 0; i < c->used; i++)
            r->type->release(chunk_row(r, c, i));
    free(c);
}

/* Makes chunk i the writer's alone. */
static struct rows_chunk *chunk_own(struct rows *r, size_t i)
{
    struct rows_chunk *old = r->chunks[i];

    if (atomic_load_explicit(&old->refs, memory_order_acquire) == 1)
        return old;

    struct rows_chunk *c = chunk_new(r);

    if (c == NULL)
        return NULL;
    c->used = old->used;
    memcpy(c->bytes, old->bytes, old->used * r->type->size);
    if (r->type->retain != NULL)
        for (size_t k = 0; k < c->used; k++)
            r->type->retain(chunk_row(r, c, k));
    r->chunks[i] = c;
    chunk_unref(r, old);
    return c;
}

void rows_init(struct rows *r, const struct rows_type *type)
{
    *r = (struct rows){.type = type};
}

void rows_clear(struct rows *r)
{
    for (size_t i = 0; i < r->chunk_count; i++)
        chunk_unref(r, r->chunks[i]);
    r->first += r->count;
    r->chunk_count = 0;
    r->count = 0;
    r->version++;
}

void rows_fini(struct rows *r)
{
    rows_clear(r);
    free(r->chunks);
    r->chunks = NULL;
    r->chunk_cap = 0;
}

const void *rows_at(const struct rows *r, size_t i)
{
    return chunk_row(r, r->chunks[i / ROWS_PER_CHUNK], i % ROWS_PER_CHUNK);
}

void *rows_edit(struct rows *r, size_t i)
{
    struct rows_chunk *c = chunk_own(r, i / ROWS_PER_CHUNK);

    if (c == NULL)
        return NULL;
    r->version++;
    return chunk_row(r, c, i % ROWS_PER_CHUNK);
}

void *rows_append(struct rows *r)
{
    if (r->count == r->chunk_count * ROWS_PER_CHUNK) {
        if (r->chunk_count == r->chunk_cap) {
            size_t cap = r->chunk_cap == 0 ? 4 : 2 * r->chunk_cap;
            struct rows_chunk **more = realloc(r->chunks, cap * sizeof(struct rows_chunk *));

            if (more == NULL)
                return NULL;
            r->chunks = more;
            r->chunk_cap = cap;
        }

        struct rows_chunk *c = chunk_new(r);

        if (c == NULL)
            return NULL;
        r->chunks[r->chunk_count++] = c;
    }

    struct rows_chunk *c = r->chunks[r->chunk_count - 1];
    void *row = chunk_row(r, c, c->used);

    memset(row, 0, r->type->size);
    c->used++;
    r->count++;
    r->version++;
    return row;
}

bool rows_remove(struct rows *r, size_t i)
{
    size_t last = r->count - 1;
    struct rows_chunk *to = chunk_own(r, i / ROWS_PER_CHUNK);
    struct rows_chunk *from = to == NULL ? NULL : chunk_own(r, last / ROWS_PER_CHUNK);

    if (from == NULL)
        return false;

    void *gone = chunk_row(r, to, i % ROWS_PER_CHUNK);

    if (r->type->release != NULL)
        r->type->release(gone);
    if (i != last)
        memcpy(gone, chunk_row(r, from, last % ROWS_PER_CHUNK), r->type->size);
    from->used--;
    r->count--;
    r->version++;
    if (from->used == 0)
        chunk_unref(r, r->chunks[--r->chunk_count]);
    return true;
}

void rows_drop_front(struct rows *r, size_t max)
{
    while (r->count >= max + ROWS_PER_CHUNK) {
        chunk_unref(r, r->chunks[0]);
        r->chunk_count--;
        memmove(r->chunks, r->chunks + 1, r->chunk_count * sizeof(struct rows_chunk *));
        r->count -= ROWS_PER_CHUNK;
        r->first += ROWS_PER_CHUNK;
        r->version++;
    }
}

enum di_err rows_share(const struct rows *r, struct rows *out)
{
    *out = *r;
    out->chunk_cap = r->chunk_count;
    out->chunks = NULL;
    if (r->chunk_count == 0)
        return DI_OK;
    out->chunks = malloc(r->chunk_count * sizeof(struct rows_chunk *));
    if (out->chunks == NULL) {
        rows_init(out, r->type);
        return DI_NOMEM;
    }
    for (size_t i = 0; i < r->chunk_count; i++) {
        out->chunks[i] = r->chunks[i];
        atomic_fetch_add_explicit(&r->chunks[i]->refs, 1, memory_order_relaxed);
    }
    return DI_OK;
}
