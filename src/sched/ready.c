/* Offers parted by rarity. Pure. */
#include "ready.h"

#include <assert.h>
#include <stdlib.h>

enum di_err ready_reserve(struct ready *r, size_t count)
{
    size_t room = r->room != 0 ? r->room : 8;

    if (count <= r->room)
        return DI_OK;
    while (room < count)
        room *= 2;

    struct ready_place **at = realloc(r->at, room * sizeof(struct ready_place *));

    if (at == NULL)
        return DI_NOMEM;
    r->at = at;
    r->room = room;
    return DI_OK;
}

void ready_fini(struct ready *r)
{
    free(r->at);
    *r = (struct ready){0};
}

static void set(struct ready *r, size_t at, struct ready_place *p)
{
    r->at[at] = p;
    p->at = at;
}

static void swap(struct ready *r, size_t a, size_t b)
{
    struct ready_place *p = r->at[a];

    set(r, a, r->at[b]);
    set(r, b, p);
}

/* To the next bucket: it becomes the last of its own, and the border moves over it. */
static void up(struct ready *r, struct ready_place *p)
{
    swap(r, p->at, --r->end[p->bucket]);
    p->bucket++;
}

static void down(struct ready *r, struct ready_place *p)
{
    swap(r, p->at, r->end[p->bucket - 1]++);
    p->bucket--;
}

void ready_put(struct ready *r, struct ready_place *p, unsigned bucket)
{
    assert(bucket < READY_BUCKETS);
    if (!ready_has(p)) {
        assert(ready_count(r) < r->room);
        p->bucket = READY_LAST;
        set(r, r->end[READY_LAST]++, p);
    }
    while (p->bucket < bucket)
        up(r, p);
    while (p->bucket > bucket)
        down(r, p);
}

void ready_take(struct ready *r, struct ready_place *p)
{
    if (!ready_has(p))
        return;
    while (p->bucket < READY_LAST)
        up(r, p);
    swap(r, p->at, --r->end[READY_LAST]);
    p->at = READY_NOT;
}
