/*
 * What could be asked of whom: documents, their editions, the offers. Pure, under the caller's
 * lock.
 */
#include "internal.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

/* ---- which offers are ready ------------------------------------------------------------------ */

/*
 * The dictionary first, then rare documents; what failed here before comes last, so that others get
 * to try it.
 */
static unsigned bucket_of(const struct offer *o)
{
    unsigned holders = o->edition->live;

    if (o->failures == 0 && o->doc->is_first)
        return 0;
    if (o->failures > 0 || holders > RARE_MAX)
        return READY_LAST;
    return 1 + (holders > 0 ? holders - 1 : 0) * (TURN_MAX + 1) + o->doc->turn;
}

/* Everyone who wants a document draws lots in the same way: the least one's it is. */
static uint64_t lot(uint32_t rfc, uint32_t id)
{
    uint64_t x = (uint64_t)rfc << 32 | id;

    x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
    return x ^ (x >> 31);
}

static unsigned turn_of(const struct sched *s, uint32_t rfc)
{
    uint64_t mine = lot(rfc, s->company.self);
    unsigned turn = 0;

    for (size_t i = 0; i < s->company.count && turn < TURN_MAX; i++)
        turn += lot(rfc, s->company.others[i]) < mine;
    return turn;
}

/* An offer's failures changed. */
static void place(struct offer *o)
{
    if (ready_has(&o->ready))
        ready_put(&o->holder->ready, &o->ready, bucket_of(o));
}

static void place_all(const struct doc *d)
{
    struct offer *o;

    DL_FOREACH2(d->offers, o, doc_next)
    place(o);
}

/* ---- the dictionary -------------------------------------------------------------------------- */

bool sched_is_better_dictionary(uint64_t size_bytes, const struct sha256 *edition,
                                const struct sha256 *than)
{
    return size_bytes >= SCHED_DICTIONARY_MIN && size_bytes <= SCHED_DICTIONARY_MAX &&
           (than == NULL || memcmp(edition->byte, than->byte, sizeof(edition->byte)) < 0);
}

static const struct sha256 *dictionary(const struct sched *s)
{
    return s->dictionary_rfc != 0 ? &s->dictionary : NULL;
}

/* Would it be a better one than what is here, and than that other one? */
static bool may_be_first(const struct sched *s, const struct doc *d, const struct doc *other)
{
    const struct edition *ed = d->current;
    const struct sha256 *than = other != NULL ? &other->current->sha256 : dictionary(s);

    return ed != NULL && !d->is_dropped &&
           sched_is_better_dictionary(ed->size_bytes, &ed->sha256, than);
}

static void set_first(struct sched *s, struct doc *d)
{
    struct doc *was = s->first;

    if (was == d)
        return;
    s->first = d;
    if (was != NULL) {
        was->is_first = false;
        place_all(was);
    }
    if (d != NULL) {
        d->is_first = true;
        place_all(d);
    }
}

static void find_first(struct sched *s)
{
    struct doc *best = NULL;

    for (struct doc *d = s->docs; d != NULL; d = d->hh.next)
        if (may_be_first(s, d, best))
            best = d;
    set_first(s, best);
}

/* It has another edition than before. */
static void consider_first(struct sched *s, struct doc *d)
{
    if (d == s->first)
        find_first(s);
    else if (may_be_first(s, d, s->first))
        set_first(s, d);
}

void sched_have(struct sched *s, uint32_t rfc, uint64_t size_bytes, const struct sha256 *edition)
{
    if (!sched_is_better_dictionary(size_bytes, edition, dictionary(s)))
        return;
    s->dictionary_rfc = rfc;
    s->dictionary = *edition;
    if (s->first != NULL && !may_be_first(s, s->first, NULL))
        set_first(s, NULL);
}

/* ---- documents wanted ------------------------------------------------------------------------ */

static void list(struct sched *s, struct doc *d)
{
    struct offer *o;

    DL_FOREACH2(d->offers, o, doc_next)
    if (o->is_live && o->edition == d->current)
        ready_put(&o->holder->ready, &o->ready, bucket_of(o));
    d->is_listed = true;
    s->listed++;
    consider_first(s, d);
    if (d->order_at < s->order_from)
        s->order_from = d->order_at;
}

static void unlist(struct sched *s, struct doc *d)
{
    struct offer *o;

    if (!d->is_listed)
        return;
    DL_FOREACH2(d->offers, o, doc_next)
    ready_take(&o->holder->ready, &o->ready);
    d->is_listed = false;
    s->listed--;
}

/*
 * The edition that most holders offer; one that some bytes are here of, if there are several such.
 */
static struct edition *best_edition(const struct doc *d)
{
    struct edition *best = d->current;

    for (struct edition *ed = d->editions; ed != NULL; ed = ed->next)
        if (best == NULL || ed->live > best->live ||
            (ed->live == best->live && ed->have > 0 && best->have == 0))
            best = ed;
    return best != NULL && best->live > 0 ? best : NULL;
}

void plan_settle(struct sched *s, struct doc *d)
{
    bool waits = !d->is_dropped && d->request == NULL;
    struct edition *best = waits && !d->is_hopeless ? best_edition(d) : NULL;
    bool exhausted = waits && best == NULL;

    if (best == NULL || best != d->current)
        unlist(s, d);
    if (best != NULL && !d->is_listed) {
        d->current = best;
        list(s, d);
    }
    if (exhausted && !d->is_exhausted)
        DL_APPEND(s->exhausted, d);
    else if (!exhausted && d->is_exhausted)
        DL_DELETE(s->exhausted, d);
    d->is_exhausted = exhausted;
}

/* One holder more or less: the document is rarer or not in everybody's list. */
static void count_live(struct sched *s, struct offer *o, bool more)
{
    struct doc *d = o->doc;
    struct edition *ed = o->edition;

    if (more)
        ed->live++;
    else
        ed->live--;
    if (d->is_listed && ed == d->current) {
        if (more)
            ready_put(&o->holder->ready, &o->ready, bucket_of(o));
        else
            ready_take(&o->holder->ready, &o->ready);
        if (ed->live <= RARE_MAX + 1)
            place_all(d);
    }
    plan_settle(s, d);
}

void plan_fail_offer(struct sched *s, struct offer *o, enum sched_why why)
{
    o->why = why;
    if (!o->is_live)
        return;
    o->is_live = false;
    count_live(s, o, false);
}

void plan_revive_offer(struct sched *s, struct offer *o)
{
    if (o->is_live)
        return;
    o->is_live = true;
    o->failures = 0;
    count_live(s, o, true);
}

void plan_fail_holder(struct sched *s, struct holder *h, enum sched_why why)
{
    struct offer *o;

    DL_FOREACH2(h->offers, o, holder_next)
    if (o->is_live)
        plan_fail_offer(s, o, why);
}

/* ---- holders --------------------------------------------------------------------------------- */

struct holder *plan_holder(const struct sched *s, const struct addr *addr)
{
    struct holder *h = NULL;

    HASH_FIND(hh, s->holders, addr, sizeof(*addr), h);
    return h;
}

void plan_holder_release(struct sched *s, struct holder *h)
{
    bool has_record =
        h->state == HOLDER_SHUNNED ||
        (h->state == HOLDER_GOOD && (h->failures > 0 || h->busies > 0 || h->lates > 0));

    if (h->offers != NULL || h->links > 0 || has_record)
        return;
    HASH_DELETE(hh, s->holders, h);
    ready_fini(&h->ready);
    free(h);
}

static enum di_err holder_get(struct sched *s, const struct addr *addr, struct holder **out)
{
    struct holder *h = plan_holder(s, addr);

    if (h == NULL) {
        h = calloc(1, sizeof(*h));
        if (h == NULL)
            return DI_NOMEM;
        h->addr = *addr;
        HASH_ADD(hh, s->holders, addr, sizeof(h->addr), h);
        if (!hash_was_added(h)) {
            free(h);
            return DI_NOMEM;
        }
    }
    *out = h;
    return DI_OK;
}

void plan_draw_lots(struct sched *s)
{
    for (struct doc *d = s->docs; d != NULL; d = d->hh.next) {
        unsigned before = d->turn;

        d->turn = turn_of(s, d->rfc);
        if (d->turn != before)
            place_all(d);
    }
}

/* ---- documents ------------------------------------------------------------------------------- */

struct doc *plan_doc(const struct sched *s, uint32_t rfc)
{
    struct doc *d = NULL;

    HASH_FIND(hh, s->docs, &rfc, sizeof(rfc), d);
    return d;
}

static enum di_err order_reserve(struct sched *s)
{
    if (s->order_count < s->order_room)
        return DI_OK;
    if (HASH_COUNT(s->docs) < s->order_count / 2) {
        size_t to = 0;

        for (size_t i = 0; i < s->order_count; i++) {
            if (s->order[i] == NULL)
                continue;
            s->order[to] = s->order[i];
            s->order[to]->order_at = to;
            to++;
        }
        s->order_count = to;
        s->order_from = 0;
        return DI_OK;
    }

    size_t room = s->order_room != 0 ? s->order_room * 2 : 16;
    struct doc **order = realloc(s->order, room * sizeof(struct doc *));

    if (order == NULL)
        return DI_NOMEM;
    s->order = order;
    s->order_room = room;
    return DI_OK;
}

struct doc *plan_first(struct sched *s)
{
    for (; s->order_from < s->order_count; s->order_from++) {
        struct doc *d = s->order[s->order_from];

        if (d != NULL && d->is_listed)
            return d;
    }
    return NULL;
}

enum di_err plan_want(struct sched *s, uint32_t rfc, struct doc **out)
{
    struct doc *d = plan_doc(s, rfc);

    if (d == NULL) {
        if (order_reserve(s) != DI_OK)
            return DI_NOMEM;
        d = calloc(1, sizeof(*d));
        if (d == NULL)
            return DI_NOMEM;
        d->rfc = rfc;
        d->turn = turn_of(s, rfc);
        HASH_ADD(hh, s->docs, rfc, sizeof(d->rfc), d);
        if (!hash_was_added(d)) {
            free(d);
            return DI_NOMEM;
        }
        d->order_at = s->order_count;
        s->order[s->order_count++] = d;
        s->pending++;
    } else if (d->is_dropped) {
        d->is_dropped = false;
        s->pending++;
    }
    d->is_hopeless = false;
    *out = d;
    return DI_OK;
}

static void offer_free(struct sched *s, struct offer *o)
{
    struct holder *h = o->holder;

    ready_take(&h->ready, &o->ready);
    DL_DELETE2(h->offers, o, holder_prev, holder_next);
    h->offer_count--;
    DL_DELETE2(o->doc->offers, o, doc_prev, doc_next);
    free(o);
    plan_holder_release(s, h);
}

void plan_forget(struct sched *s, struct doc *d)
{
    assert(d->request == NULL);
    unlist(s, d);
    if (d->is_exhausted)
        DL_DELETE(s->exhausted, d);
    while (d->offers != NULL)
        offer_free(s, d->offers);
    while (d->editions != NULL) {
        struct edition *ed = d->editions;

        d->editions = ed->next;
        free(ed);
    }
    if (!d->is_dropped)
        s->pending--;
    s->order[d->order_at] = NULL;
    HASH_DELETE(hh, s->docs, d);
    if (d == s->first) {
        s->first = NULL;
        find_first(s);
    }
    free(d);
}

void plan_limit(struct sched *s, struct doc *d, const struct addr *only)
{
    struct offer *o, *next;

    d->has_only = only != NULL;
    if (only != NULL) {
        d->only = *only;
        DL_FOREACH_SAFE2(d->offers, o, next, doc_next)
        {
            if (addr_equal(&o->holder->addr, only))
                continue;
            plan_fail_offer(s, o, SCHED_LEFT);
            offer_free(s, o);
        }
    }
    plan_settle(s, d);
}

/* ---- offers ---------------------------------------------------------------------------------- */

struct edition *plan_find_edition(const struct doc *d, uint64_t size_bytes,
                                  const struct sha256 *sha256)
{
    struct edition *ed = d->editions;

    while (ed != NULL && (ed->size_bytes != size_bytes || !sha256_equal(&ed->sha256, sha256)))
        ed = ed->next;
    return ed;
}

static enum di_err edition_get(struct doc *d, uint64_t size_bytes, const struct sha256 *sha256,
                               struct edition **out)
{
    struct edition *ed = plan_find_edition(d, size_bytes, sha256);

    if (ed == NULL) {
        ed = calloc(1, sizeof(*ed));
        if (ed == NULL)
            return DI_NOMEM;
        ed->size_bytes = size_bytes;
        ed->sha256 = *sha256;
        LL_APPEND(d->editions, ed);
    }
    *out = ed;
    return DI_OK;
}

/* They are few: OFFERS_MAX, and those that failed. */
struct offer *plan_find_offer(const struct doc *d, const struct holder *h)
{
    struct offer *o = d->offers;

    while (o != NULL && o->holder != h)
        o = o->doc_next;
    return o;
}

/* As if the holder had been away: the caller makes it live. */
static enum di_err offer_new(struct doc *d, struct holder *h, struct edition *ed,
                             struct offer **out)
{
    if (ready_reserve(&h->ready, h->offer_count + 1) != DI_OK)
        return DI_NOMEM;

    struct offer *o = calloc(1, sizeof(*o));

    if (o == NULL)
        return DI_NOMEM;
    *o = (struct offer){.doc = d,
                        .holder = h,
                        .edition = ed,
                        .ready = {.at = READY_NOT},
                        .why = SCHED_LEFT,
                        .editions = 1};
    DL_APPEND2(d->offers, o, doc_prev, doc_next);
    DL_APPEND2(h->offers, o, holder_prev, holder_next);
    h->offer_count++;
    *out = o;
    return DI_OK;
}

/* The holder offers other content than before. */
static void change_edition(struct sched *s, struct offer *o, struct edition *ed)
{
    plan_fail_offer(s, o, SCHED_CHANGED);
    o->edition = ed;
    o->editions++;
    if (o->holder->state == HOLDER_SHUNNED)
        o->why = SCHED_SHUNNED;
    else
        plan_revive_offer(s, o);
}

/* Is it worth keeping? What is not is dropped before it costs memory. */
static bool is_of_interest(const struct doc *d, const struct offer *o, uint64_t size_bytes,
                           const struct sha256 *sha256)
{
    const struct edition *ed = plan_find_edition(d, size_bytes, sha256);

    if (o == NULL)
        return ed == NULL || ed->live < OFFERS_MAX;
    return o->edition == ed || o->editions < EDITIONS_MAX;
}

enum di_err plan_offer(struct sched *s, struct doc *d, const struct addr *holder,
                       uint64_t size_bytes, const struct sha256 *sha256)
{
    struct holder *h = NULL;
    struct edition *ed = NULL;

    if (holder_get(s, holder, &h) != DI_OK)
        return DI_NOMEM;
    if (h->state == HOLDER_GONE) {
        h->state = HOLDER_GOOD;
        h->failures = 0;
        h->not_before_us = 0;
    }

    struct offer *o = plan_find_offer(d, h);

    if (!is_of_interest(d, o, size_bytes, sha256)) {
        plan_holder_release(s, h);
        return DI_OK;
    }
    if (edition_get(d, size_bytes, sha256, &ed) != DI_OK ||
        (o == NULL && offer_new(d, h, ed, &o) != DI_OK)) {
        plan_holder_release(s, h);
        return DI_NOMEM;
    }
    if (o->edition != ed)
        change_edition(s, o, ed);
    else if (!o->is_live && o->why == SCHED_LEFT && h->state == HOLDER_SHUNNED)
        o->why = SCHED_SHUNNED;
    else if (!o->is_live && o->why == SCHED_LEFT)
        plan_revive_offer(s, o);
    return DI_OK;
}
