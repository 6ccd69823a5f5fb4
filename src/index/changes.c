/* The ring of changes. Pure; runs in whichever thread holds its owner's lock. */
#include "p2pdi/index/changes.h"

#include <inttypes.h>
#include <stdio.h>

void changes_init(struct changes *c, uint64_t run)
{
    *c = (struct changes){.run = run};
    c->head.prev = &c->head;
    c->head.next = &c->head;
}

static void unlink_change(struct change *e)
{
    e->prev->next = e->next;
    e->next->prev = e->prev;
}

void changes_touch(struct changes *c, struct change *e)
{
    if (e->sequence != 0)
        unlink_change(e);
    e->sequence = ++c->sequence;
    e->prev = c->head.prev;
    e->next = &c->head;
    e->prev->next = e;
    c->head.prev = e;
}

void changes_forget(struct changes *c, struct change *e)
{
    if (e->sequence == 0)
        return;
    unlink_change(e);
    if (e->sequence > c->forgotten)
        c->forgotten = e->sequence;
    e->sequence = 0;
}

void changes_version(const struct changes *c, char out[CHANGES_VERSION_SIZE])
{
    (void)snprintf(out, CHANGES_VERSION_SIZE, "%016" PRIx64 ".%" PRIu64, c->run, c->sequence);
}

bool changes_since(const struct changes *c, struct slice version, uint64_t *after)
{
    char run[17];
    struct slice rest;

    (void)snprintf(run, sizeof(run), "%016" PRIx64, c->run);
    if (!slice_equal(slice_split(version, '.', &rest), slice_of(run)) || rest.p == NULL)
        return false;
    /* Each has one name, as we write it: answers are shared by who names the same. */
    if (rest.n > 1 && rest.p[0] == '0')
        return false;
    return text_parse_u64(rest, c->sequence, after) && *after >= c->forgotten;
}

struct change *changes_first_after(const struct changes *c, uint64_t after)
{
    struct change *first = NULL;

    for (struct change *e = c->head.prev; e != &c->head && e->sequence > after; e = e->prev)
        first = e;
    return first;
}

struct change *changes_next(const struct changes *c, const struct change *e)
{
    return e->next == &c->head ? NULL : e->next;
}
