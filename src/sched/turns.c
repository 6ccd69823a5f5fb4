/* Whose turn it is to be served. Pure, under the caller's lock. */
#include "p2pdi/sched/turns.h"

#include "p2pdi/base/hash.h"

#include <stdlib.h>
#include <utlist.h>

#define WAITING_MAX 64 /* more are only served when there is nobody to point them to */

struct turn {
    struct addr peer;
    int64_t began_us, asked_us;
};

/* Whom a document was served to last. */
struct served {
    UT_hash_handle hh;
    uint32_t rfc; /* key */
    struct addr to;
    struct served *prev, *next; /* longest ago first */
};

struct turns {
    struct turn turn[TURNS_AT_A_TIME]; /* the first ones are taken */
    struct turn waiting[WAITING_MAX];  /* for one, longest first */
    size_t taken, waits;
    struct served *table, *order;
};

enum di_err turns_new(struct turns **out)
{
    *out = calloc(1, sizeof(**out));
    return *out != NULL ? DI_OK : DI_NOMEM;
}

void turns_free(struct turns *t)
{
    struct served *s, *next;

    if (t == NULL)
        return;
    s = t->order;
    HASH_CLEAR(hh, t->table);
    for (; s != NULL; s = next) {
        next = s->next;
        free(s);
    }
    free(t);
}

static struct turn *find(struct turn *list, size_t count, const struct addr *peer)
{
    for (size_t i = 0; i < count; i++)
        if (addr_equal(&list[i].peer, peer))
            return &list[i];
    return NULL;
}

static void drop(struct turn *list, size_t *count, size_t at)
{
    for (--*count; at < *count; at++)
        list[at] = list[at + 1];
}

/* Those that do not ask any more go, and those that had a turn for long while others wait. */
static void end_turns(struct turns *t, int64_t now_us)
{
    for (size_t i = t->waits; i-- > 0;)
        if (now_us - t->waiting[i].asked_us >= 2 * TURNS_REST_US)
            drop(t->waiting, &t->waits, i);
    for (size_t i = t->taken; i-- > 0;) {
        const struct turn *u = &t->turn[i];
        bool is_long = t->waits > 0 && now_us - u->began_us >= TURNS_LONG_US;

        if (is_long || now_us - u->asked_us >= TURNS_REST_US)
            drop(t->turn, &t->taken, i);
    }
}

/* Has the peer a turn, or does it get one that nobody has waited for longer? */
static bool has_turn(struct turns *t, const struct addr *peer, int64_t now_us)
{
    struct turn *u = find(t->turn, t->taken, peer), *waits;
    size_t before;

    if (u != NULL) {
        u->asked_us = now_us;
        return true;
    }
    waits = find(t->waiting, t->waits, peer);
    before = waits != NULL ? (size_t)(waits - t->waiting) : t->waits;
    if (t->taken + before < TURNS_AT_A_TIME) {
        if (waits != NULL)
            drop(t->waiting, &t->waits, before);
        t->turn[t->taken++] = (struct turn){*peer, now_us, now_us};
        return true;
    }
    if (waits != NULL)
        waits->asked_us = now_us;
    else if (t->waits < WAITING_MAX)
        t->waiting[t->waits++] = (struct turn){*peer, now_us, now_us};
    return false;
}

/* Without memory nobody is pointed to it: all the same to who asks. */
static void remember(struct turns *t, struct served *s, uint32_t rfc, const struct addr *peer)
{
    if (s == NULL && HASH_COUNT(t->table) >= TURNS_SERVED_MAX) {
        s = t->order;
        HASH_DELETE(hh, t->table, s);
        DL_DELETE(t->order, s);
        free(s);
        s = NULL;
    }
    if (s == NULL) {
        s = calloc(1, sizeof(*s));
        if (s == NULL)
            return;
        s->rfc = rfc;
        HASH_ADD(hh, t->table, rfc, sizeof(s->rfc), s);
        if (!hash_was_added(s)) {
            free(s);
            return;
        }
    } else {
        DL_DELETE(t->order, s);
    }
    s->to = *peer;
    DL_APPEND(t->order, s);
}

bool turns_take(struct turns *t, const struct addr *peer, uint32_t rfc, int64_t now_us,
                struct addr *other)
{
    struct served *s = NULL;

    end_turns(t, now_us);
    HASH_FIND(hh, t->table, &rfc, sizeof(rfc), s);
    if (!has_turn(t, peer, now_us) && s != NULL && !addr_equal(&s->to, peer)) {
        *other = s->to;
        return false;
    }
    remember(t, s, rfc, peer);
    return true;
}
