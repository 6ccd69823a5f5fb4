/* Which holder to link to, and which document to ask it for. Pure, under the caller's lock. */
#include "internal.h"

#include <stdlib.h>
#include <utlist.h>

/* ---- choosing a holder ----------------------------------------------------------------------- */

struct choice {
    struct holder *holder;
    struct doc *claim;
    unsigned ties;
    int64_t retry_us;
};

static void not_before(struct choice *c, int64_t at_us)
{
    if (at_us < c->retry_us)
        c->retry_us = at_us;
}

/*
 * A ready document of the holder that no link is being opened for. There are at most as many others
 * as there are links.
 */
static struct doc *unclaimed(const struct sched *s, const struct holder *h, int64_t now_us,
                             struct choice *c)
{
    size_t most = HASH_COUNT(s->links) + 1;

    for (size_t i = 0; i < ready_count(&h->ready) && i < most; i++) {
        struct doc *d = offer_of(h->ready.at[i])->doc;

        if (d->claimed_until_us <= now_us)
            return d;
        not_before(c, d->claimed_until_us);
    }
    return NULL;
}

static bool is_less_loaded(const struct holder *a, const struct holder *b)
{
    if (a->links + a->requests != b->links + b->requests)
        return a->links + a->requests < b->links + b->requests;
    return a->failures + a->lates < b->failures + b->lates;
}

static unsigned links_max(const struct sched *s, const struct holder *h)
{
    return h->is_fast ? s->cfg.links_per_holder_max : 1;
}

static void consider(struct sched *s, struct holder *h, struct doc *d, int64_t now_us,
                     struct choice *c)
{
    if (h->is_connecting || h->links >= links_max(s, h))
        return;
    if (h->not_before_us > now_us) {
        not_before(c, h->not_before_us);
        return;
    }
    if (d == NULL)
        d = unclaimed(s, h, now_us, c);
    if (d == NULL)
        return;
    if (c->holder != NULL && is_less_loaded(c->holder, h))
        return;
    if (c->holder == NULL || is_less_loaded(h, c->holder))
        c->ties = 0;
    if (prng_below(&s->prng, ++c->ties) == 0) {
        c->holder = h;
        c->claim = d;
    }
}

/*
 * One document at a time: only its holders matter, and only while none of them has a link already.
 */
static void choose_serial(struct sched *s, int64_t now_us, struct choice *c)
{
    struct doc *d = s->requests == 0 ? plan_first(s) : NULL;
    struct offer *o;

    if (d == NULL)
        return;
    if (d->claimed_until_us > now_us) {
        not_before(c, d->claimed_until_us);
        return;
    }
    DL_FOREACH2(d->offers, o, doc_next)
    if (ready_has(&o->ready) && o->holder->links > 0 && !o->holder->is_connecting)
        return;
    DL_FOREACH2(d->offers, o, doc_next)
    if (ready_has(&o->ready))
        consider(s, o->holder, d, now_us, c);
}

/* Counts like a connection that failed: memory that does not come back must have an end, too. */
static enum di_err no_memory(struct sched *s, struct holder *h, int64_t now_us, int64_t *retry_us)
{
    link_holder_failed(s, h, SCHED_LOCAL, 1, now_us);
    *retry_us = h->not_before_us;
    return DI_NOMEM;
}

enum di_err sched_link_open(struct sched *s, int64_t now_us, struct addr *holder, uint32_t *link,
                            int64_t *retry_us)
{
    struct choice c = {.retry_us = INT64_MAX};

    if (s->cfg.serial)
        choose_serial(s, now_us, &c);
    else
        for (struct holder *h = s->holders; h != NULL; h = h->hh.next)
            if (ready_count(&h->ready) > 0)
                consider(s, h, NULL, now_us, &c);
    if (c.holder == NULL && s->cfg.help && !s->cfg.serial)
        c.holder = help_holder(s, now_us, &c.retry_us);
    *retry_us = c.retry_us;
    if (c.holder == NULL)
        return DI_NOT_FOUND;

    struct link *l = calloc(1, sizeof(*l));

    if (l == NULL)
        return no_memory(s, c.holder, now_us, retry_us);
    l->id = ++s->last_link;
    l->holder = c.holder;
    l->window = s->cfg.window_max < WINDOW_START ? s->cfg.window_max : WINDOW_START;
    l->help.piece = -1;
    l->claim = c.claim != NULL ? c.claim->rfc : 0;
    HASH_ADD(hh, s->links, id, sizeof(l->id), l);
    if (!hash_was_added(l)) {
        free(l);
        return no_memory(s, c.holder, now_us, retry_us);
    }
    if (c.claim != NULL)
        c.claim->claimed_until_us = now_us + CLAIM_US;
    c.holder->links++;
    c.holder->is_connecting = true;
    *holder = c.holder->addr;
    *link = l->id;
    return DI_OK;
}

/* ---- choosing a document --------------------------------------------------------------------- */

/* Towards the end a link does not take more than its share, so that the others have work too. */
static bool is_window_full(const struct sched *s, const struct link *l)
{
    size_t share = (s->listed + s->requests + s->links_up - 1) / s->links_up;

    return l->under_way >= l->window || l->under_way >= (share > 0 ? share : 1);
}

static struct offer *choose_offer(struct sched *s, struct holder *h)
{
    const struct ready *r = &h->ready;
    size_t from = 0;

    if (s->cfg.serial) {
        struct doc *d = s->requests == 0 ? plan_first(s) : NULL;
        struct offer *o = d != NULL ? plan_find_offer(d, h) : NULL;

        return o != NULL && ready_has(&o->ready) ? o : NULL;
    }
    for (unsigned b = 0; b < READY_BUCKETS; from = r->end[b++])
        if (r->end[b] > from)
            return offer_of(r->at[from + prng_below(&s->prng, r->end[b] - from)]);
    return NULL;
}

/* Where to start, and who answers for the content. */
static void begin(struct request *r, const struct holder *h)
{
    struct edition *ed = r->edition;
    bool is_same = ed->kept_from == KEPT_ONE_HOLDER && addr_equal(&ed->kept_holder, &h->addr);

    if (ed->have == 0 || is_same || ed->is_suspect) {
        if (!is_same && ed->have > 0) {
            ed->have = 0;
            help_forget(ed);
        }
        link_answer_for_all(r, h);
    } else {
        ed->kept_from = KEPT_UNKNOWN;
    }
    r->offset = ed->have;
    r->have = ed->have;
    r->mark = ed->have;
}

bool sched_next(struct sched *s, uint32_t link, int64_t now_us, struct sched_request *out)
{
    struct link *l = link_find(s, link);

    if (l == NULL || !l->is_up || l->help.piece >= 0 || is_window_full(s, l) ||
        l->holder->busy_until_us > now_us)
        return false;

    struct holder *h = l->holder;
    struct offer *o = choose_offer(s, h);
    struct request *r = o != NULL ? calloc(1, sizeof(*r)) : NULL;

    if (r == NULL) {
        if (o != NULL)
            link_holder_failed(s, h, SCHED_LOCAL, 1, now_us);
        return false;
    }
    r->id = ++s->last_request;
    r->doc = o->doc;
    r->edition = o->edition;
    r->asked_us = now_us;
    r->progress_us = r->mark_us = now_us;
    begin(r, h);
    DL_APPEND(l->requests, r);
    l->under_way++;
    h->requests++;
    s->requests++;
    r->doc->request = r;
    plan_settle(s, r->doc);
    *out = (struct sched_request){
        .id = r->id,
        .rfc = r->doc->rfc,
        .size_bytes = r->edition->size_bytes,
        .edition = r->edition->sha256,
        .offset = r->offset,
        .len = r->edition->size_bytes - r->offset,
        .dictionary_rfc = s->first == NULL && r->edition->size_bytes <= SCHED_DICTIONARY_FOR_MAX
                              ? s->dictionary_rfc
                              : 0,
        .dictionary = s->dictionary,
    };
    return true;
}
