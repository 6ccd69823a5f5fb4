/* Whose turn it is to be served. Pure, under the caller's lock. */
#include "p2pdi/sched/turns.h"

#include "p2pdi/base/hash.h"

#include <stdlib.h>
#include <utlist.h>

#define WAITING_MAX 64 /* more are only served when there is nobody to point them to */
/* Of one address, while others want them. */
#define HOST_TURNS (TURNS_AT_A_TIME / 4)
#define HOST_WAITING (WAITING_MAX / 4)

struct turn {
    struct addr peer;
    int64_t began_us, asked_us;
};

/* Whom a document was served to last, as a whole. */
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

static size_t of_host(const struct turn *list, size_t count, const struct addr *peer)
{
    size_t n = 0;

    for (size_t i = 0; i < count; i++)
        n += addr_same_host(&list[i].peer, peer);
    return n;
}

/* Does who waits there, or would, have a turn within what is its address's share? */
static bool is_within(const struct turns *t, size_t at, const struct addr *peer)
{
    return of_host(t->turn, t->taken, peer) + of_host(t->waiting, at, peer) < HOST_TURNS;
}

/* How many come before who waits there: those within their share, then the others. */
static size_t count_before(const struct turns *t, size_t at, const struct addr *peer)
{
    bool is_ours = is_within(t, at, peer);
    size_t n = 0;

    if (t->waits == 0)
        return 0;
    for (size_t i = 0; i < t->waits; i++) {
        bool is_theirs = is_within(t, i, &t->waiting[i].peer);

        n += i != at && (is_theirs == is_ours ? i < at : is_theirs);
    }
    return n;
}

/* The first, or from the back the last, of an address that has more than that many; count: none. */
static size_t find_greedy(const struct turn *list, size_t count, size_t share, bool from_back)
{
    for (size_t n = 0; n < count; n++) {
        size_t i = from_back ? count - 1 - n : n;

        if (of_host(list, count, &list[i].peer) > share)
            return i;
    }
    return count;
}

/* How many turns are more than their addresses' shares. */
static size_t count_excess(const struct turns *t)
{
    size_t n = 0;

    for (size_t i = 0; i < t->taken; i++)
        n += of_host(t->turn, i, &t->turn[i].peer) >= HOST_TURNS;
    return n;
}

/* Is there a turn that is free, or for who is within his share one that is more than another's? */
static bool make_room(struct turns *t, size_t at, const struct addr *peer)
{
    size_t room = TURNS_AT_A_TIME - t->taken;

    if (is_within(t, at, peer))
        room += count_excess(t);
    if (count_before(t, at, peer) >= room)
        return false;
    if (t->taken == TURNS_AT_A_TIME)
        drop(t->turn, &t->taken, find_greedy(t->turn, t->taken, HOST_TURNS, false));
    return true;
}

static void wait_for_one(struct turns *t, const struct addr *peer, int64_t now_us)
{
    if (t->waits == WAITING_MAX) {
        size_t ours = of_host(t->waiting, t->waits, peer);
        size_t greedy = find_greedy(t->waiting, t->waits, ours + 1, true);

        if (greedy < t->waits)
            drop(t->waiting, &t->waits, greedy);
    }
    if (t->waits < WAITING_MAX)
        t->waiting[t->waits++] = (struct turn){*peer, now_us, now_us};
}

/* Has the peer a turn, or does it get one that nobody has waited for longer? */
static bool has_turn(struct turns *t, const struct addr *peer, int64_t now_us)
{
    struct turn *u = find(t->turn, t->taken, peer), *waits;
    size_t at;

    if (u != NULL) {
        u->asked_us = now_us;
        return true;
    }
    waits = find(t->waiting, t->waits, peer);
    at = waits != NULL ? (size_t)(waits - t->waiting) : t->waits;
    if (make_room(t, at, peer)) {
        if (waits != NULL)
            drop(t->waiting, &t->waits, at);
        t->turn[t->taken++] = (struct turn){*peer, now_us, now_us};
        return true;
    }
    if (waits != NULL)
        waits->asked_us = now_us;
    else
        wait_for_one(t, peer, now_us);
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

bool turns_take(struct turns *t, const struct addr *peer, uint32_t rfc, bool is_whole,
                int64_t now_us, struct addr *other)
{
    struct served *s = NULL;

    end_turns(t, now_us);
    HASH_FIND(hh, t->table, &rfc, sizeof(rfc), s);
    if (!has_turn(t, peer, now_us) && s != NULL && !addr_equal(&s->to, peer)) {
        *other = s->to;
        return false;
    }
    if (is_whole)
        remember(t, s, rfc, peer);
    return true;
}
