/* Connections without work. Whatever thread holds the owner's lock. */
#include "spares.h"

#include <string.h>

static struct client *take_at(struct spares *s, size_t at)
{
    struct client *c = s->a[at].client;
    s->count--;
    memmove(&s->a[at], &s->a[at + 1], (s->count - at) * sizeof(s->a[0]));
    return c;
}

struct client *spares_take(struct spares *s, const struct addr *holder)
{
    for (size_t i = s->count; i-- > 0;)
        if (addr_equal(client_remote(s->a[i].client), holder))
            return take_at(s, i);
    return NULL;
}

struct client *spares_put(struct spares *s, struct client *c, int64_t now_us)
{
    if (c == NULL)
        return NULL;
    struct client *gone = s->count == SPARES_MAX ? take_at(s, 0) : NULL;
    s->a[s->count].client = c;
    s->a[s->count++].until_us = now_us + SPARES_IDLE_US;
    return gone;
}

struct client *spares_expire(struct spares *s, int64_t now_us)
{
    return s->count > 0 && s->a[0].until_us <= now_us ? take_at(s, 0) : NULL;
}

int64_t spares_when(const struct spares *s)
{
    return s->count > 0 ? s->a[0].until_us : INT64_MAX;
}
