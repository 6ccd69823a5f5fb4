/*
 * The peers that we know of: who may be asked and downloaded from, and how asking went. Any thread;
 * the table lives behind its lock.
 */
#include "neighbours.h"

#include <stdlib.h>
#include <string.h>

enum di_err neighbours_new(struct peer *p, struct neighbours **out)
{
    struct neighbours *n = calloc(1, sizeof(*n));
    if (n == NULL)
        return DI_NOMEM;
    n->peer = p;
    prng_seed(&n->prng, p->cfg.seed);
    lock_init(&n->lock);
    *out = n;
    return DI_OK;
}

void neighbours_free(struct neighbours *n)
{
    if (n == NULL)
        return;
    struct neighbour *e = n->table;
    HASH_CLEAR(hh, n->table);
    while (e != NULL) {
        struct neighbour *next = e->hh.next;
        free(e);
        e = next;
    }
    lock_fini(&n->lock);
    free(n);
}

struct neighbour *neighbours_find_locked(struct neighbours *n, const struct addr *a)
{
    struct neighbour *e = NULL;
    lock_assert_held(&n->lock);
    HASH_FIND(hh, n->table, a, sizeof(*a), e);
    return e;
}

struct neighbour *neighbours_get_locked(struct neighbours *n, const struct addr *a)
{
    struct neighbour *e = neighbours_find_locked(n, a);
    if (e != NULL)
        return e;
    e = calloc(1, sizeof(*e));
    if (e == NULL)
        return NULL;
    e->addr = *a;
    e->row.addr = *a;
    HASH_ADD(hh, n->table, addr, sizeof(e->addr), e);
    if (!hash_was_added(e)) {
        free(e);
        return NULL;
    }
    return e;
}

void neighbours_release_locked(struct neighbours *n, struct neighbour *e)
{
    lock_assert_held(&n->lock);
    if (e->listed || e->named || e->asking || e->shunned)
        return;
    HASH_DEL(n->table, e);
    free(e);
}

/* May it be asked and downloaded from? Reachable: no and low ports never, whoever says so. */
static bool is_usable(const struct neighbour *e)
{
    return (e->named || (e->listed && e->row.reachable != WIRE_REACHABLE_NO)) &&
           e->addr.port >= PEER_PORT_MIN && !e->shunned;
}

bool neighbours_may_ask(struct neighbours *n, const struct addr *a)
{
    lock_acquire(&n->lock);
    const struct neighbour *e = neighbours_find_locked(n, a);
    bool may = e != NULL && is_usable(e);
    lock_release(&n->lock);
    return may;
}

bool neighbours_is_self_locked(struct neighbours *n, const struct addr *a)
{
    lock_assert_held(&n->lock);
    if (a->port != n->peer->addr.port)
        return false;
    if (addr_is_loopback(a) || addr_same_host(a, &n->peer->addr))
        return true;
    for (size_t i = 0; i < n->self_count; i++)
        if (addr_same_host(a, &n->self[i]))
            return true;
    return false;
}

bool neighbours_is_self(struct neighbours *n, const struct addr *a)
{
    lock_acquire(&n->lock);
    bool self = neighbours_is_self_locked(n, a);
    lock_release(&n->lock);
    return self;
}

void neighbours_note_self(struct neighbours *n, const struct addr *local)
{
    lock_acquire(&n->lock);
    bool known = false;
    for (size_t i = 0; i < n->self_count && !known; i++)
        known = addr_same_host(local, &n->self[i]);
    if (!known && n->self_count < SELF_MAX)
        n->self[n->self_count++] = *local;
    lock_release(&n->lock);
}

/* ---- who may be asked ------------------------------------------------------------------------ */

size_t neighbours_active(struct neighbours *n)
{
    lock_acquire(&n->lock);
    size_t active = n->crowd > 0 ? (size_t)n->crowd : n->active;
    lock_release(&n->lock);
    return active;
}

bool neighbours_is_crowd(struct neighbours *n)
{
    lock_acquire(&n->lock);
    bool crowd = n->crowd > 0;
    lock_release(&n->lock);
    return crowd;
}

void neighbours_want_whole(struct neighbours *n)
{
    lock_acquire(&n->lock);
    n->whole = true;
    lock_release(&n->lock);
}

void neighbours_add_named(struct neighbours *n, const struct addr *a)
{
    lock_acquire(&n->lock);
    struct neighbour *e = neighbours_get_locked(n, a);
    if (e != NULL)
        e->named = true;
    lock_release(&n->lock);
}

static bool is_good(const struct neighbour *e)
{
    return is_usable(e) && (!e->asked || e->outcome == DI_OK);
}

/* Who is near stays so while it answers; what is missing is drawn from the others. */
static void choose_near_locked(struct neighbours *n)
{
    size_t missing = NEAR_MAX, others = 0;
    struct neighbour *e = NULL, *next = NULL;
    lock_assert_held(&n->lock);
    HASH_ITER (hh, n->table, e, next) {
        e->near = e->near && is_good(e);
        if (e->near)
            missing--;
        else if (is_good(e))
            others++;
    }
    HASH_ITER (hh, n->table, e, next) {
        if (missing == 0)
            break;
        if (e->near || !is_good(e))
            continue;
        if (prng_below(&n->prng, others--) < missing) {
            e->near = true;
            missing--;
        }
    }
}

static bool is_unheard(const struct neighbour *e)
{
    return e->asked && e->outcome != DI_OK;
}

/* Whom to ask next: those near or named, then those that were not asked for longest. */
struct turn {
    struct addr addr;
    int64_t asked_us;
};

static int by_turn(const void *a, const void *b)
{
    const struct turn *x = a, *y = b;
    return (x->asked_us > y->asked_us) - (x->asked_us < y->asked_us);
}

/* *first of them go before the others. */
static size_t take_turns_locked(struct neighbours *n, struct turn *turns, size_t *first)
{
    size_t count = 0;
    struct neighbour *e = NULL, *next = NULL;
    lock_assert_held(&n->lock);
    *first = 0;
    HASH_ITER (hh, n->table, e, next) {
        if (!is_usable(e))
            continue;
        turns[count] = (struct turn){.addr = e->addr, .asked_us = e->asked_us};
        if (e->near || e->named) {
            struct turn t = turns[*first];
            turns[(*first)++] = turns[count];
            turns[count] = t;
        }
        count++;
    }
    return count;
}

enum di_err neighbours_list(struct neighbours *n, size_t others, struct addr **out, size_t *count)
{
    *count = 0;
    *out = NULL;
    lock_acquire(&n->lock);
    struct turn *turns = malloc((HASH_COUNT(n->table) + 1) * sizeof(*turns));
    size_t first = 0, found = 0;
    if (turns != NULL) {
        choose_near_locked(n);
        found = take_turns_locked(n, turns, &first);
    }
    lock_release(&n->lock);
    struct addr *list = malloc((found + 1) * sizeof(*list));
    if (turns == NULL || list == NULL) {
        free(turns);
        free(list);
        return DI_NOMEM;
    }
    qsort(turns + first, found - first, sizeof(*turns), by_turn);
    if (found - first > others)
        found = first + others;
    for (size_t i = 0; i < found; i++)
        list[(*count)++] = turns[i].addr;
    free(turns);
    *out = list;
    return DI_OK;
}

enum di_err neighbours_list_unheard(struct neighbours *n, struct addr **out, size_t *count)
{
    *count = 0;
    lock_acquire(&n->lock);
    struct neighbour *e = NULL, *next = NULL;
    struct addr *list = malloc((HASH_COUNT(n->table) + 1) * sizeof(*list));
    HASH_ITER (hh, n->table, e, next) {
        if (list != NULL && is_usable(e) && is_unheard(e))
            list[(*count)++] = e->addr;
    }
    lock_release(&n->lock);
    *out = list;
    return list != NULL ? DI_OK : DI_NOMEM;
}

bool neighbours_all_asked(struct neighbours *n, int64_t since_us)
{
    bool all = true;
    struct neighbour *e = NULL, *next = NULL;
    lock_acquire(&n->lock);
    HASH_ITER (hh, n->table, e, next)
        all = all && (!is_usable(e) || e->asked_us >= since_us || e->asking);
    lock_release(&n->lock);
    return all;
}

static bool is_silent(const struct neighbour *e)
{
    return e->asked && e->outcome == DI_TIMEOUT;
}

bool neighbours_any_unheard(struct neighbours *n)
{
    bool any = false;
    struct neighbour *e = NULL, *next = NULL;
    lock_acquire(&n->lock);
    HASH_ITER (hh, n->table, e, next)
        any = any || (is_usable(e) && is_unheard(e));
    lock_release(&n->lock);
    return any;
}

enum di_err neighbours_claim(struct neighbours *n, const struct addr *a,
                             char since[CHANGES_VERSION_SIZE], bool *silent)
{
    enum di_err err = DI_OK;
    lock_acquire(&n->lock);
    struct neighbour *e = neighbours_find_locked(n, a);
    if (e == NULL || !is_usable(e)) {
        err = DI_ACCESS;
    } else if (e->asking) {
        err = DI_IN_USE;
    } else {
        e->asking = true;
        *silent = is_silent(e);
        e->asked_us = clock_mono_us();
        memcpy(since, e->version, CHANGES_VERSION_SIZE);
    }
    lock_release(&n->lock);
    return err;
}

void neighbours_unclaim(struct neighbours *n, const struct addr *a, enum di_err outcome,
                        const char *version)
{
    lock_acquire(&n->lock);
    struct neighbour *e = neighbours_find_locked(n, a);
    if (e != NULL) {
        e->asking = false;
        if (outcome != DI_CANCELLED) {
            e->asked = true;
            e->outcome = outcome;
        }
        size_t len = strnlen(version, sizeof(e->version) - 1);
        memcpy(e->version, version, len);
        e->version[len] = '\0';
        neighbours_release_locked(n, e);
    }
    lock_release(&n->lock);
}

static enum sched_why why_of(enum di_err outcome)
{
    switch (outcome) {
    case DI_OK:
        return SCHED_NOT_FOUND;
    case DI_REFUSED:
        return SCHED_REFUSED;
    case DI_UNREACHABLE:
        return SCHED_UNREACHABLE;
    case DI_TIMEOUT:
        return SCHED_TIMEOUT;
    case DI_CLOSED:
        return SCHED_CLOSED;
    case DI_BUSY:
        return SCHED_BUSY;
    default:
        return SCHED_PROTOCOL;
    }
}

size_t neighbours_asked(struct neighbours *n, struct sched_tried *out, size_t max)
{
    size_t count = 0;
    lock_acquire(&n->lock);
    struct neighbour *e = NULL, *next = NULL;
    HASH_ITER (hh, n->table, e, next) {
        if (!e->asked)
            continue;
        enum sched_why why = e->shunned ? SCHED_SHUNNED : why_of(e->outcome);
        if (count < max)
            out[count] = (struct sched_tried){.holder = e->addr, .why = why};
        count++;
    }
    lock_release(&n->lock);
    return count;
}

void neighbours_on_sent(struct neighbours *n, const struct addr *to, uint64_t bytes)
{
    lock_acquire(&n->lock);
    struct neighbour *e = neighbours_find_locked(n, to);
    if (e != NULL)
        e->sent_bytes += bytes;
    lock_release(&n->lock);
}

size_t neighbours_sent(struct neighbours *n, struct sent *out, size_t max)
{
    size_t count = 0;
    lock_acquire(&n->lock);
    struct neighbour *e = NULL, *next = NULL;
    HASH_ITER (hh, n->table, e, next) {
        if (e->sent_bytes == 0)
            continue;
        if (count < max)
            out[count] = (struct sent){.to = e->addr, .bytes = e->sent_bytes};
        count++;
    }
    lock_release(&n->lock);
    return count;
}

void neighbours_shun(struct neighbours *n, const struct addr *a)
{
    lock_acquire(&n->lock);
    struct neighbour *e =
        neighbours_get_locked(n, a); /* it may have left meanwhile, and come back */
    if (e != NULL)
        e->shunned = true;
    lock_release(&n->lock);
    catalog_drop_holder(n->peer->catalog, a);
}

size_t neighbours_filter(struct neighbours *n, struct offer *offers, size_t count)
{
    size_t kept = 0;
    lock_acquire(&n->lock);
    const struct neighbour *last = NULL;
    for (size_t i = 0; i < count; i++) {
        const struct addr *holder = &offers[i].holder;
        if (last == NULL || !addr_equal(&last->addr, holder))
            last = neighbours_find_locked(n, holder);
        if (last != NULL && is_usable(last))
            offers[kept++] = offers[i];
    }
    lock_release(&n->lock);
    return kept;
}
