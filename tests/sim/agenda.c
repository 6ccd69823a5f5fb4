/* A binary heap of events. One thread. */
#include "agenda.h"

#include <stdlib.h>

static bool is_earlier(const struct agenda_event *a, const struct agenda_event *b)
{
    return a->at_us != b->at_us ? a->at_us < b->at_us : a->order < b->order;
}

void agenda_fini(struct agenda *a)
{
    free(a->heap);
    *a = (struct agenda){0};
}

void agenda_add(struct agenda *a, struct agenda_event e)
{
    size_t at = a->count++;

    if (a->count > a->room) {
        a->room = a->room * 2 + 64;
        a->heap = realloc(a->heap, a->room * sizeof(*a->heap));
        if (a->heap == NULL)
            abort();
    }
    e.order = ++a->order;
    for (; at > 0 && is_earlier(&e, &a->heap[(at - 1) / 2]); at = (at - 1) / 2)
        a->heap[at] = a->heap[(at - 1) / 2];
    a->heap[at] = e;
}

bool agenda_next(struct agenda *a, struct agenda_event *out)
{
    if (a->count == 0)
        return false;

    struct agenda_event last = a->heap[--a->count];
    size_t at = 0;

    *out = a->heap[0];
    for (;;) {
        size_t child = 2 * at + 1;

        if (child >= a->count)
            break;
        if (child + 1 < a->count && is_earlier(&a->heap[child + 1], &a->heap[child]))
            child++;
        if (!is_earlier(&a->heap[child], &last))
            break;
        a->heap[at] = a->heap[child];
        at = child;
    }
    a->heap[at] = last;
    return true;
}
