/* Links, requests and their outcomes. Pure, under the caller's lock. */
#include "internal.h"

#include <stdlib.h>
#include <utlist.h>

/* ---- failing --------------------------------------------------------------------------------- */

/* Doubles with each failure; jitter keeps many peers from coming back in step. */
static int64_t backoff_us(struct sched *s, unsigned failures)
{
    int64_t delay_us = BACKOFF_MIN_US;

    for (unsigned i = 1; i < failures && delay_us < BACKOFF_MAX_US; i++)
        delay_us *= 2;
    if (delay_us > BACKOFF_MAX_US)
        delay_us = BACKOFF_MAX_US;
    return delay_us / 2 + (int64_t)prng_below(&s->prng, (uint64_t)(delay_us / 2) + 1);
}

static void delay_links(struct holder *h, int64_t until_us)
{
    if (until_us > h->not_before_us)
        h->not_before_us = until_us;
}

/* The connection was of no use. Several that break within one back-off are one incident. */
static void holder_failed(struct sched *s, struct holder *h, enum sched_why why, unsigned weight,
                          int64_t now_us)
{
    if (now_us < h->not_before_us)
        return;
    h->failures += weight;
    delay_links(h, now_us + backoff_us(s, h->failures));
    if (h->failures < FAILURES_MAX)
        return;
    /* What it offers later on gets one chance, not four. */
    h->failures = FAILURES_MAX - 1;
    plan_fail_holder(s, h, why);
}

static void holder_busy(struct sched *s, struct holder *h, int64_t retry_after_us, int64_t now_us)
{
    int64_t wait_us = retry_after_us < RETRY_AFTER_MAX_US ? retry_after_us : RETRY_AFTER_MAX_US;

    if (now_us < h->busy_until_us)
        return;
    h->busies++;

    int64_t backoff = backoff_us(s, h->busies);

    h->busy_until_us = now_us + (wait_us > backoff ? wait_us : backoff);
    delay_links(h, h->busy_until_us);
    if (h->busies < BUSY_MAX)
        return;
    h->busies = BUSY_MAX - 1;
    plan_fail_holder(s, h, SCHED_BUSY);
}

static void holder_shun(struct sched *s, struct holder *h)
{
    h->state = HOLDER_SHUNNED;
    plan_fail_holder(s, h, SCHED_SHUNNED);
}

/* ---- requests -------------------------------------------------------------------------------- */

static struct request *find_request(const struct link *l, uint32_t id)
{
    struct request *r;

    DL_FOREACH (l->requests, r)
        if (r->id == id)
            return r;
    return NULL;
}

/* The request's end; its document is listed again unless it was dropped, then it is forgotten. */
static void request_end(struct sched *s, struct link *l, struct request *r)
{
    struct doc *d = r->doc;

    DL_DELETE(l->requests, r);
    l->under_way--;
    l->holder->requests--;
    s->requests--;
    free(r);
    d->request = NULL;
    if (d->is_dropped)
        plan_forget(s, d);
    else
        plan_settle(s, d);
}

static void keep(struct request *r, uint64_t kept)
{
    r->edition->have = kept < r->edition->size_bytes ? kept : r->edition->size_bytes;
}

/* All bytes of it are this holder's. */
static void answer_for_all(struct request *r, const struct holder *h)
{
    r->is_answerable = true;
    r->edition->kept_from = KEPT_ONE_HOLDER;
    r->edition->kept_holder = h->addr;
}

/* Offers fail, holders are blamed; the request stays. */
static void blame(struct sched *s, struct link *l, const struct request *r, enum sched_why why,
                  uint64_t kept, int64_t retry_after_us, int64_t now_us)
{
    struct holder *h = l->holder;
    struct offer *o = plan_find_offer(r->doc, h);
    bool progress = kept >= r->offset + PROGRESS_BYTES;

    if (o != NULL && o->edition != r->edition)
        o = NULL; /* by now the holder offers something else */
    l->is_faulted = true;
    switch (why) {
    case SCHED_BUSY:
        holder_busy(s, h, retry_after_us, now_us);
        break;
    case SCHED_REFUSED:
    case SCHED_UNREACHABLE:
    case SCHED_TIMEOUT:
    case SCHED_CLOSED:
        if (progress)
            h->failures = 0;
        else if (o != NULL && ++o->failures >= FAILURES_MAX)
            plan_fail_offer(s, o, why);
        holder_failed(s, h, why, 1, now_us);
        break;
    case SCHED_PROTOCOL:
        if (o != NULL)
            plan_fail_offer(s, o, why);
        holder_failed(s, h, why, 1, now_us);
        break;
    case SCHED_MISMATCH:
        l->is_faulted = false;
        if (r->is_answerable) {
            if (o != NULL)
                plan_fail_offer(s, o, why);
            holder_shun(s, h);
        } else {
            r->edition->is_suspect = true;
        }
        break;
    case SCHED_LOCAL:
        if (o != NULL)
            plan_fail_offer(s, o, why);
        r->doc->is_hopeless = true;
        break;
    case SCHED_NOT_FOUND:
    case SCHED_CHANGED:
    case SCHED_LEFT:
    case SCHED_SHUNNED:
        l->is_faulted = false;
        if (o != NULL)
            plan_fail_offer(s, o, why);
        break;
    }
}

/* ---- outcomes -------------------------------------------------------------------------------- */

static struct link *find_link(const struct sched *s, uint32_t id)
{
    struct link *l = NULL;

    HASH_FIND(hh, s->links, &id, sizeof(id), l);
    return l;
}

void sched_on_progress(struct sched *s, uint32_t link, uint32_t id, uint64_t have, int64_t now_us)
{
    const struct link *l = find_link(s, link);
    struct request *r = l != NULL ? find_request(l, id) : NULL;

    (void)now_us; /* for when slow transfers are doubled at the end */
    if (r == NULL)
        return;
    if (have < r->offset)
        answer_for_all(r, l->holder);
    r->have = have;
}

void sched_on_done(struct sched *s, uint32_t link, uint32_t id, int64_t now_us)
{
    struct link *l = find_link(s, link);
    struct request *r = l != NULL ? find_request(l, id) : NULL;

    (void)now_us;
    if (r == NULL)
        return;

    struct doc *d = r->doc;

    l->delivered++;
    l->is_faulted = false;
    if (l->window < s->cfg.window_max)
        l->window++;
    l->holder->failures = 0;
    l->holder->busies = 0;
    if (!d->is_dropped) {
        d->is_dropped = true;
        s->pending--;
    }
    request_end(s, l, r);
}

void sched_on_failed(struct sched *s, uint32_t link, uint32_t id, enum sched_why why, uint64_t kept,
                     int64_t retry_after_us, int64_t now_us)
{
    struct link *l = find_link(s, link);
    struct request *r = l != NULL ? find_request(l, id) : NULL;

    if (r == NULL)
        return;
    blame(s, l, r, why, kept, retry_after_us, now_us);
    keep(r, why == SCHED_MISMATCH ? 0 : kept);
    request_end(s, l, r);
}

/* ---- links ----------------------------------------------------------------------------------- */

void link_free(struct sched *s, struct link *l)
{
    struct holder *h = l->holder;
    struct doc *claimed = plan_doc(s, l->claim);

    if (l->is_up)
        s->links_up--;
    else if (claimed != NULL)
        claimed->claimed_until_us = 0;
    if (!l->is_up)
        h->is_connecting = false;
    h->links--;
    HASH_DELETE(hh, s->links, l);
    free(l);
    plan_holder_release(s, h);
}

void sched_link_up(struct sched *s, uint32_t link)
{
    struct link *l = find_link(s, link);
    struct doc *claimed;

    if (l == NULL || l->is_up)
        return;
    l->is_up = true;
    l->holder->is_connecting = false;
    s->links_up++;
    claimed = plan_doc(s, l->claim);
    if (claimed != NULL)
        claimed->claimed_until_us = 0;
}

/*
 * Servers may close after so many answers, or for a rest: that is no failure of what was not begun.
 */
static bool is_to_blame(const struct link *l, const struct request *first, enum sched_why why)
{
    if (l->is_faulted)
        return false;
    return why != SCHED_CLOSED || l->delivered == 0 || first->have > first->offset;
}

void sched_link_closed(struct sched *s, uint32_t link, enum sched_why why, int64_t now_us)
{
    struct link *l = find_link(s, link);

    if (l == NULL)
        return;
    if (!l->is_up) {
        /* A timeout has cost seconds already. */
        holder_failed(s, l->holder, why, why == SCHED_TIMEOUT ? 2 : 1, now_us);
    } else if (l->requests != NULL && is_to_blame(l, l->requests, why)) {
        if (why == SCHED_LOCAL)
            holder_failed(s, l->holder, why, 1, now_us); /* of this link, not of the document */
        else
            blame(s, l, l->requests, why, l->requests->have, 0, now_us);
    }
    while (l->requests != NULL) {
        struct request *r = l->requests;

        keep(r, why == SCHED_MISMATCH ? 0 : r->have);
        request_end(s, l, r);
    }
    link_free(s, l);
}

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
    return a->failures < b->failures;
}

static void consider(struct sched *s, struct holder *h, struct doc *d, int64_t now_us,
                     struct choice *c)
{
    if (h->is_connecting || h->links >= s->cfg.links_per_holder_max)
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
    *retry_us = c.retry_us;
    if (c.holder == NULL)
        return DI_NOT_FOUND;

    struct link *l = calloc(1, sizeof(*l));

    if (l == NULL)
        return DI_NOMEM;
    l->id = ++s->last_link;
    l->holder = c.holder;
    l->window = s->cfg.window_max < WINDOW_START ? s->cfg.window_max : WINDOW_START;
    l->claim = c.claim->rfc;
    HASH_ADD(hh, s->links, id, sizeof(l->id), l);
    if (!hash_was_added(l)) {
        free(l);
        return DI_NOMEM;
    }
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
        if (!is_same)
            ed->have = 0;
        answer_for_all(r, h);
    } else {
        ed->kept_from = KEPT_UNKNOWN;
    }
    r->offset = ed->have;
    r->have = ed->have;
}

bool sched_next(struct sched *s, uint32_t link, int64_t now_us, struct sched_request *out)
{
    struct link *l = find_link(s, link);

    if (l == NULL || !l->is_up || is_window_full(s, l) || l->holder->busy_until_us > now_us)
        return false;

    struct holder *h = l->holder;
    struct offer *o = choose_offer(s, h);
    struct request *r = o != NULL ? calloc(1, sizeof(*r)) : NULL;

    if (r == NULL)
        return false;
    r->id = ++s->last_request;
    r->doc = o->doc;
    r->edition = o->edition;
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
    };
    return true;
}
