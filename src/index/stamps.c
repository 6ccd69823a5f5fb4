/* The sliding window of registrations. Pure. */
#include "stamps.h"

#include <stdlib.h>
#include <string.h>

#define OLDER_MAX (PEER_STAMPS_MAX - 1)

void stamps_fini(struct stamps *s)
{
    free(s->older);
    *s = (struct stamps){.last_s = STAMPS_NEVER};
}

static bool is_within(int64_t at_s, int64_t wall_s)
{
    return at_s > wall_s - PEER_WINDOW_S;
}

static uint32_t add_capped(uint32_t a, uint32_t b)
{
    return a > UINT32_MAX - b ? UINT32_MAX : a + b;
}

static size_t older_count(const struct stamps *s)
{
    return s->older != NULL ? s->older->count : 0;
}

static enum di_err resize(struct stamps *s, size_t room)
{
    struct older_stamps *o = realloc(s->older, sizeof(*o) + room * sizeof(o->at[0]));

    if (o == NULL)
        return DI_NOMEM;
    if (s->older == NULL)
        o->count = 0;
    s->older = o;
    return DI_OK;
}

enum di_err stamps_reserve(struct stamps *s)
{
    size_t count = older_count(s);

    if (s->last_s == STAMPS_NEVER || count == OLDER_MAX)
        return DI_OK;
    return resize(s, count + 1);
}

static void drop_first(struct older_stamps *o, size_t gone)
{
    o->count -= gone;
    memmove(o->at, o->at + gone, o->count * sizeof(o->at[0]));
}

/* By how much what is counted at i would be misdated if it were counted with the next. */
static double misdating(const struct older_stamps *o, size_t i)
{
    return o->at[i].count * ((double)o->at[i + 1].at_s - (double)o->at[i].at_s);
}

/* Makes room where it costs the window least. */
static void merge_two(struct older_stamps *o)
{
    size_t at = 0;

    for (size_t i = 1; i + 1 < o->count; i++)
        if (misdating(o, i) < misdating(o, at))
            at = i;
    o->at[at + 1].count = add_capped(o->at[at + 1].count, o->at[at].count);
    o->count--;
    memmove(&o->at[at], &o->at[at + 1], (o->count - at) * sizeof(o->at[0]));
}

static void age(struct older_stamps *o, int64_t wall_s)
{
    size_t gone = 0;

    while (gone < o->count && !is_within(o->at[gone].at_s, wall_s))
        gone++;
    if (gone > 0)
        drop_first(o, gone);
    /* The wall clock was set back: what lies in its future would never leave the window. */
    for (size_t i = o->count; i > 0 && o->at[i - 1].at_s > wall_s; i--)
        o->at[i - 1].at_s = wall_s;
}

void stamps_add(struct stamps *s, int64_t wall_s)
{
    struct older_stamps *o = s->older;

    if (o != NULL) { /* reserved as soon as there is a last one */
        age(o, wall_s);
        if (is_within(s->last_s, wall_s)) {
            if (o->count == OLDER_MAX)
                merge_two(o);
            o->at[o->count++] =
                (struct peer_stamp){.at_s = s->last_s < wall_s ? s->last_s : wall_s, .count = 1};
        }
    }
    s->last_s = wall_s;
}

uint32_t stamps_count(const struct stamps *s, int64_t wall_s)
{
    uint32_t n = s->last_s != STAMPS_NEVER && is_within(s->last_s, wall_s) ? 1 : 0;

    for (size_t i = older_count(s); i > 0 && is_within(s->older->at[i - 1].at_s, wall_s); i--)
        n = add_capped(n, s->older->at[i - 1].count);
    return n;
}

size_t stamps_copy(const struct stamps *s, struct peer_stamp out[PEER_STAMPS_MAX])
{
    size_t count = older_count(s);

    if (s->last_s == STAMPS_NEVER)
        return 0;
    for (size_t i = 0; i < count; i++)
        out[i] = s->older->at[i];
    out[count] = (struct peer_stamp){.at_s = s->last_s, .count = 1};
    return count + 1;
}

enum di_err stamps_set(struct stamps *s, const struct peer_stamp *stored, size_t count)
{
    if (count > PEER_STAMPS_MAX) {
        stored += count - PEER_STAMPS_MAX;
        count = PEER_STAMPS_MAX;
    }
    if (count > 1) {
        if (resize(s, count - 1) != DI_OK)
            return DI_NOMEM;
        memcpy(s->older->at, stored, (count - 1) * sizeof(*stored));
        s->older->count = count - 1;
    }
    s->last_s = stored[count - 1].at_s;
    return DI_OK;
}
