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
void link_holder_failed(struct sched *s, struct holder *h, enum sched_why why, unsigned weight,
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

/* It is well, but others have their turn first: that is no failure, unless it never ends. */
static void holder_rest(struct sched *s, struct holder *h, int64_t until_us)
{
    if (until_us <= h->busy_until_us)
        return;
    h->busy_until_us = until_us;
    delay_links(h, until_us);
    if (++h->rests < RESTS_MAX)
        return;
    h->rests = RESTS_MAX - 1;
    plan_fail_holder(s, h, SCHED_ELSEWHERE);
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

/* It is slow, not broken: others come first for a while. */
static void holder_late(struct sched *s, struct holder *h, int64_t now_us)
{
    if (now_us >= h->not_before_us)
        delay_links(h, now_us + backoff_us(s, ++h->lates));
}

static void holder_shun(struct sched *s, struct holder *h)
{
    h->state = HOLDER_SHUNNED;
    plan_fail_holder(s, h, SCHED_SHUNNED);
}

/* ---- requests -------------------------------------------------------------------------------- */

struct request *link_request(const struct link *l, uint32_t id)
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
    if (kept < r->have)
        help_forget(r->edition);
    r->edition->have = kept < r->edition->size_bytes ? kept : r->edition->size_bytes;
}

void link_answer_for_all(struct request *r, const struct holder *h)
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
    uint64_t from = r->offset;

    if (o != NULL && o->edition != r->edition)
        o = NULL; /* by now the holder offers something else */
    /* What a suspect one brought is thrown away when another takes its turn: it must come further. */
    if (o != NULL && r->edition->is_suspect && o->reached > from)
        from = o->reached;
    if (o != NULL && kept > o->reached)
        o->reached = kept;

    bool progress = kept >= from + PROGRESS_BYTES;

    l->is_faulted = true;
    switch (why) {
    case SCHED_BUSY:
        holder_busy(s, h, retry_after_us, now_us);
        break;
    case SCHED_ELSEWHERE:
        l->is_faulted = false;
        holder_rest(s, h, now_us + retry_after_us);
        break;
    case SCHED_REFUSED:
    case SCHED_UNREACHABLE:
    case SCHED_TIMEOUT:
    case SCHED_CLOSED:
        if (progress)
            h->failures = 0;
        else if (o != NULL && ++o->failures >= FAILURES_MAX)
            plan_fail_offer(s, o, why);
        link_holder_failed(s, h, why, 1, now_us);
        break;
    case SCHED_PROTOCOL:
        if (o != NULL)
            plan_fail_offer(s, o, why);
        link_holder_failed(s, h, why, 1, now_us);
        break;
    case SCHED_SLOW:
        holder_late(s, h, now_us);
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

struct link *link_find(const struct sched *s, uint32_t id)
{
    struct link *l = NULL;

    HASH_FIND(hh, s->links, &id, sizeof(id), l);
    return l;
}

void sched_on_resumed(struct sched *s, uint32_t link, uint32_t id, uint64_t have)
{
    const struct link *l = link_find(s, link);
    struct request *r = l != NULL ? link_request(l, id) : NULL;

    if (r == NULL)
        return;
    r->offset = r->have = r->mark = have;
    r->is_answerable = false;
    r->edition->kept_from = KEPT_UNKNOWN;
}

void sched_on_progress(struct sched *s, uint32_t link, uint32_t id, uint64_t have, int64_t now_us)
{
    const struct link *l = link_find(s, link);
    struct request *r = l != NULL ? link_request(l, id) : NULL;

    if (r == NULL)
        return;
    /* Begun again, as if asked for now. If others had a part in what was wrong, they have none any more. */
    if (have < r->have) {
        r->edition->is_suspect = r->edition->is_suspect || r->edition->help.here != 0;
        help_forget(r->edition);
        r->asked_us = r->mark_us = now_us;
        r->mark = have;
    }
    if (have < r->offset)
        link_answer_for_all(r, l->holder);
    r->have = have;
    help_note_progress(r, now_us);
}

/* An answer came: how many requests should be under way? */
static void measure(const struct sched *s, struct link *l, const struct request *r, int64_t now_us)
{
    int64_t took_us = now_us - late_turn_us(l, r), waited_us = now_us - r->asked_us;

    l->answered_us = now_us;
    if (l->round_trip_us == 0 || waited_us < l->round_trip_us)
        l->round_trip_us = waited_us;
    l->answer_us = l->answer_us == 0 ? took_us : (7 * l->answer_us + took_us) / 8;
    if (l->answer_us == 0)
        l->answer_us = 1;

    int64_t wanted = 1 + (l->round_trip_us + WINDOW_AHEAD_US) / l->answer_us;

    l->holder->is_fast = wanted > s->cfg.window_max;
    if (l->window < wanted && l->window < s->cfg.window_max)
        l->window++;
    else if (l->window > wanted && l->window > 1)
        l->window--;
}

bool sched_on_done(struct sched *s, uint32_t link, uint32_t id, int64_t now_us)
{
    struct link *l = link_find(s, link);
    struct request *r = l != NULL ? link_request(l, id) : NULL;

    if (r == NULL)
        return false;

    struct doc *d = r->doc;
    struct holder *h = l->holder;
    bool was_fast = h->is_fast;

    l->delivered++;
    l->is_faulted = false;
    late_learn(s, l, r, now_us);
    measure(s, l, r, now_us);
    h->failures = 0;
    h->lates = 0;
    h->busies = 0;
    h->rests = 0;
    sched_have(s, d->rfc, r->edition->size_bytes, &r->edition->sha256);
    if (!d->is_dropped) {
        d->is_dropped = true;
        s->pending--;
    }
    request_end(s, l, r);
    return h->is_fast && !was_fast && h->links < s->cfg.links_per_holder_max;
}

void sched_on_failed(struct sched *s, uint32_t link, uint32_t id, enum sched_why why, uint64_t kept,
                     int64_t retry_after_us, int64_t now_us)
{
    struct link *l = link_find(s, link);
    struct request *r = l != NULL ? link_request(l, id) : NULL;

    if (r == NULL)
        return;
    l->answered_us = now_us;
    blame(s, l, r, why, kept, retry_after_us, now_us);
    keep(r, why == SCHED_MISMATCH ? 0 : kept);
    request_end(s, l, r);
}

void sched_on_unwanted(struct sched *s, uint32_t link, uint32_t id, uint64_t kept, int64_t now_us)
{
    struct link *l = link_find(s, link);
    struct request *r = l != NULL ? link_request(l, id) : NULL;

    if (r == NULL)
        return;
    l->answered_us = now_us;
    keep(r, kept);
    request_end(s, l, r);
}

/* ---- links ----------------------------------------------------------------------------------- */

static void free_link(struct sched *s, struct link *l)
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
    struct link *l = link_find(s, link);
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
    struct link *l = link_find(s, link);

    if (l == NULL)
        return;
    help_end(s, l, false, now_us);
    if (!l->is_up) {
        /* A timeout has cost seconds already. */
        link_holder_failed(s, l->holder, why, why == SCHED_TIMEOUT ? 2 : 1, now_us);
    } else if (l->requests != NULL && is_to_blame(l, l->requests, why)) {
        if (why == SCHED_LOCAL)
            /* Of this link, not of the document. */
            link_holder_failed(s, l->holder, why, 1, now_us);
        else
            blame(s, l, l->requests, why, l->requests->have, 0, now_us);
    }
    while (l->requests != NULL) {
        struct request *r = l->requests;

        keep(r, why == SCHED_MISMATCH ? 0 : r->have);
        request_end(s, l, r);
    }
    free_link(s, l);
}
