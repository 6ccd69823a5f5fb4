/* The scheduler's events. Pure, under the caller's lock. */
#include "p2pdi/sched/sched.h"

#include "internal.h"

#include <stdlib.h>
#include <utlist.h>

static const char *const words[] = {
#define X(name, word, text) [SCHED_##name] = (word),
    SCHED_WHY_MAP(X)
#undef X
};

static const char *const texts[] = {
#define X(name, word, text) [SCHED_##name] = (text),
    SCHED_WHY_MAP(X)
#undef X
};

const char *sched_why_text(enum sched_why why)
{
    return (size_t)why < sizeof(texts) / sizeof(texts[0]) ? texts[why] : "unknown";
}

const char *sched_why_word(enum sched_why why)
{
    return (size_t)why < sizeof(words) / sizeof(words[0]) ? words[why] : "unknown";
}

enum di_err sched_new(const struct sched_config *cfg, uint64_t seed, struct sched **out)
{
    struct sched *s = calloc(1, sizeof(*s));

    if (s == NULL)
        return DI_NOMEM;
    s->cfg = *cfg;
    if (s->cfg.window_max == 0 || s->cfg.serial)
        s->cfg.window_max = 1;
    if (s->cfg.links_per_holder_max == 0)
        s->cfg.links_per_holder_max = 1;
    prng_seed(&s->prng, seed);
    *out = s;
    return DI_OK;
}

void sched_free(struct sched *s)
{
    struct holder *h, *next;

    if (s == NULL)
        return;
    while (s->links != NULL)
        sched_link_closed(s, s->links->id, SCHED_LOCAL, 0);
    while (s->docs != NULL)
        plan_forget(s, s->docs);
    h = s->holders;
    HASH_CLEAR(hh, s->holders);
    for (; h != NULL; h = next) {
        next = h->hh.next;
        ready_fini(&h->ready);
        free(h);
    }
    free(s->order);
    free(s);
}

enum di_err sched_want(struct sched *s, uint32_t rfc, const struct addr *only)
{
    struct doc *d = NULL;

    if (plan_want(s, rfc, &d) != DI_OK)
        return DI_NOMEM;
    plan_limit(s, d, only);
    return DI_OK;
}

void sched_drop(struct sched *s, uint32_t rfc)
{
    struct doc *d = plan_doc(s, rfc);

    if (d == NULL || d->is_dropped)
        return;
    if (d->request == NULL) {
        plan_forget(s, d);
        return;
    }
    d->is_dropped = true;
    s->pending--;
}

enum di_err sched_on_offer(struct sched *s, uint32_t rfc, const struct addr *holder,
                           uint64_t size_bytes, const struct sha256 *edition)
{
    struct doc *d = plan_doc(s, rfc);

    if (d == NULL || d->is_dropped || (d->has_only && !addr_equal(&d->only, holder)))
        return DI_OK;
    return plan_offer(s, d, holder, size_bytes, edition);
}

void sched_on_holder_gone(struct sched *s, const struct addr *holder)
{
    struct holder *h = plan_holder(s, holder);

    if (h == NULL || h->state != HOLDER_GOOD)
        return;
    h->state = HOLDER_GONE;
    plan_fail_holder(s, h, SCHED_LEFT);
    plan_holder_release(s, h);
}

void sched_set_company(struct sched *s, const struct sched_company *company)
{
    s->company = *company;
    plan_draw_lots(s);
}

static bool is_forgivable(enum sched_why why)
{
    return why == SCHED_REFUSED || why == SCHED_UNREACHABLE || why == SCHED_TIMEOUT ||
           why == SCHED_CLOSED || why == SCHED_BUSY || why == SCHED_ELSEWHERE || why == SCHED_LEFT;
}

void sched_forgive(struct sched *s, const struct addr *holder)
{
    struct holder *h = plan_holder(s, holder);
    struct offer *o;

    if (h == NULL || h->state == HOLDER_SHUNNED)
        return;
    h->state = HOLDER_GOOD;
    h->failures = 0;
    h->busies = 0;
    h->rests = 0;
    h->lates = 0;
    h->not_before_us = 0;
    h->busy_until_us = 0;
    DL_FOREACH2(h->offers, o, holder_next)
    if (!o->is_live && is_forgivable(o->why))
        plan_revive_offer(s, o);
    plan_holder_release(s, h);
}

bool sched_pop_exhausted(struct sched *s, uint32_t *rfc, struct sched_tried *tried, size_t max,
                         size_t *count)
{
    struct doc *d = s->exhausted;
    const struct offer *o;

    if (d == NULL)
        return false;
    *rfc = d->rfc;
    *count = 0;
    DL_FOREACH2(d->offers, o, doc_next)
    {
        if (o->is_live)
            continue;
        if (*count < max)
            tried[*count] = (struct sched_tried){.holder = o->holder->addr, .why = o->why};
        ++*count;
    }
    plan_forget(s, d);
    return true;
}

bool sched_has_exhausted(const struct sched *s)
{
    return s->exhausted != NULL;
}

size_t sched_pending(const struct sched *s)
{
    return s->pending;
}

bool sched_is_wanted(const struct sched *s, uint32_t rfc)
{
    const struct doc *d = plan_doc(s, rfc);

    return d != NULL && !d->is_dropped;
}

bool sched_is_busy(const struct sched *s)
{
    return s->links != NULL;
}
