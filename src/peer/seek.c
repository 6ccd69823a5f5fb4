/*
 * The thread "seeker": while something is wanted it looks for holders. A round asks the RS for
 * peers and them for what they hold, then gives up what nobody can deliver. After it the seeker
 * listens for news (long polls) until the next round is due or the downloads have nothing to try.
 */
#include "internal.h"

#include <stdlib.h>

#define ROUND_EVERY_US CLOCK_US_PER_S
#define LISTEN_S 2
#define LISTEN_GRACE_US CLOCK_US_PER_S /* an answer that takes longer is had in the next round */
/* Neighbours in a round, besides those near: in turn; more while something lacks a holder. */
#define ASKED_BESIDES 4
#define ASKED_IN_NEED 48

struct seeker {
    struct peer *peer;
    struct thread thread;
    struct net_waker *interrupt; /* ends the listening */

    struct lock lock;
    struct cond changed;
    size_t needed; /* gets under way; guarded by lock, as all below */
    bool sync;
    bool stop;
    bool look_now;  /* a round is due */
    bool listening; /* interrupt is looked at */
    /* What is wanted and not yet offered by those we know of looks as if nobody had it. So plans
     * (want, then offer what is known) and giving up exclude each other, and nothing is given up
     * before a whole round has passed since the last plan. */
    size_t planning;  /* plans being made */
    uint64_t planned; /* plans ever begun */
    int64_t planned_us;
    bool giving_up;
};

enum di_err seeker_new(struct peer *p, struct seeker **out)
{
    struct seeker *s = calloc(1, sizeof(*s));
    if (s == NULL)
        return DI_NOMEM;
    enum di_err err = net_waker_new(&s->interrupt);
    if (err != DI_OK) {
        free(s);
        return err;
    }
    s->peer = p;
    lock_init(&s->lock);
    cond_init(&s->changed);
    *out = s;
    return DI_OK;
}

void seeker_free(struct seeker *s)
{
    if (s == NULL)
        return;
    cond_fini(&s->changed);
    lock_fini(&s->lock);
    net_waker_free(s->interrupt);
    free(s);
}

static void stir_locked(struct seeker *s)
{
    lock_assert_held(&s->lock);
    cond_broadcast(&s->changed);
    if (s->listening)
        net_waker_wake(s->interrupt);
}

void seeker_wake(struct seeker *s)
{
    lock_acquire(&s->lock);
    stir_locked(s);
    lock_release(&s->lock);
}

void seeker_on_stuck(struct seeker *s)
{
    lock_acquire(&s->lock);
    s->look_now = true;
    stir_locked(s);
    lock_release(&s->lock);
}

void seeker_need(struct seeker *s, bool more)
{
    lock_acquire(&s->lock);
    if (more)
        s->needed++;
    else
        s->needed--;
    if (s->needed <= (more ? 1 : 0))
        stir_locked(s);
    lock_release(&s->lock);
}

void seeker_sync(struct seeker *s)
{
    lock_acquire(&s->lock);
    s->sync = true;
    s->look_now = true;
    stir_locked(s);
    lock_release(&s->lock);
}

/* ---- plans ----------------------------------------------------------------------------------- */

static enum di_err want(struct peer *p, struct pool *pool, const struct numbers *order,
                        const struct numbers *sorted, const struct addr *only)
{
    struct offer *offers = NULL;
    struct offer own;
    size_t count = 0;
    if (select_dictionary(p, &own))
        pool_have(pool, &own);
    enum di_err err = pool_plan_begin(pool, order, only);
    if (err == DI_OK)
        err = select_offers(p, sorted, &offers, &count);
    if (err == DI_OK)
        downloads_offer(p->downloads, offers, count);
    pool_plan_end(pool);
    free(offers);
    return err;
}

enum di_err seeker_plan(struct seeker *s, struct pool *pool, const struct numbers *order,
                        const struct numbers *sorted, const struct addr *only)
{
    lock_acquire(&s->lock);
    s->planning++;
    s->planned++;
    s->planned_us = clock_mono_us();
    while (s->giving_up)
        cond_wait(&s->changed, &s->lock);
    lock_release(&s->lock);
    enum di_err err = want(s->peer, pool, order, sorted, only);
    lock_acquire(&s->lock);
    s->planning--;
    lock_release(&s->lock);
    return err;
}

/* sync: what is offered and not here is wanted. */
static enum di_err want_offered(struct peer *p, struct offer *offers, size_t count)
{
    struct numbers numbers = {0};
    struct pool *pool = NULL;
    enum di_err err = downloads_pool(p->downloads, &pool);
    if (err != DI_OK)
        return err;
    for (size_t i = 0; i < count; i++)
        if (!catalog_has(p->catalog, offers[i].rfc))
            numbers_add(&numbers, offers[i].rfc);
    err = pool_plan_begin(pool, &numbers, NULL);
    downloads_offer(p->downloads, offers, count);
    pool_plan_end(pool);
    err = err != DI_OK ? err : numbers.err;
    numbers_fini(&numbers);
    return err;
}

void seeker_on_offers(struct seeker *s, struct offer *offers, size_t count)
{
    lock_acquire(&s->lock);
    bool sync = s->sync;
    lock_release(&s->lock);
    if (!sync) {
        downloads_offer(s->peer->downloads, offers, count);
        return;
    }
    enum di_err err = want_offered(s->peer, offers, count);
    if (err != DI_OK)
        peer_emit_trouble(s->peer, "what is new was not planned", err);
}

static void give_up(struct seeker *s, uint64_t planned_before)
{
    lock_acquire(&s->lock);
    bool go = s->planning == 0 && s->planned == planned_before;
    s->giving_up = go;
    if (!go)
        s->look_now = true;
    lock_release(&s->lock);
    if (!go)
        return;
    downloads_give_up(s->peer->downloads);
    lock_acquire(&s->lock);
    s->giving_up = false;
    cond_broadcast(&s->changed);
    lock_release(&s->lock);
}

/* sync: everything that is known of and not here is wanted. */
static void want_missing(struct seeker *s)
{
    struct peer *p = s->peer;
    struct numbers all = {0};
    struct pool *pool = NULL;
    enum di_err err = select_known(p, 1, WIRE_RFC_MAX, NULL, &all);
    if (err == DI_OK && all.count > 0) {
        err = downloads_pool(p->downloads, &pool);
        if (err == DI_OK)
            err = want(p, pool, &all, &all, NULL);
    }
    numbers_fini(&all);
    if (err != DI_OK)
        peer_emit_trouble(p, "what is missing cannot be planned", err);
}

/* ---- rounds ---------------------------------------------------------------------------------- */

struct news {
    bool rs_silent; /* and that was reported */
};

static void look(struct seeker *s, bool sync, struct news *news)
{
    struct peer *p = s->peer;
    bool changed = false;
    struct patience patience = {.deadline_us = clock_mono_us() + PEER_CALL_US, .waker = p->waker};
    lock_acquire(&s->lock);
    uint64_t planned = s->planned;
    int64_t planned_us = s->planned_us;
    lock_release(&s->lock);

    bool need = downloads_lack_holders(p->downloads);
    bool crowd = neighbours_is_crowd(p->neighbours);
    enum di_err err = DI_OK;
    if (crowd && need && neighbours_all_asked(p->neighbours, planned_us)) {
        neighbours_want_whole(p->neighbours);
        crowd = false;
    }
    if (need) /* whoever is slow may be the one who has it */
        patience.first_us = patience.deadline_us;
    if (need || !crowd)
        err = neighbours_ask(p->neighbours, &patience, false, &changed);
    if (err == DI_OK) {
        news->rs_silent = false;
    } else if (!news->rs_silent && err != DI_CANCELLED) {
        news->rs_silent = true;
        (void)rs_report(p->rs, "no news of other peers; going on with those known", err);
    }
    /* Who does not answer says so in the outcome of what depends on it. */
    err = query_all(p, RFC_SCOPE_OWN, need ? ASKED_IN_NEED : ASKED_BESIDES, &patience);
    if (sync)
        want_missing(s);
    /* Without memory nobody can be asked; what cannot be had then is not waited for. */
    if (err == DI_NOMEM || (!crowd && neighbours_all_asked(p->neighbours, planned_us)))
        give_up(s, planned);
    else if (need)
        seeker_on_stuck(s); /* others may have it */
}

static bool is_idle_locked(const struct seeker *s)
{
    return (s->needed == 0 && !s->sync) || peer_is_cancelled(s->peer);
}

/* As long as the neighbours are listened to. */
static void pass_time(struct seeker *s, int64_t until_us)
{
    lock_acquire(&s->lock);
    while (!s->look_now && !s->stop && !is_idle_locked(s) &&
           cond_wait_until(&s->changed, &s->lock, until_us))
        continue;
    lock_release(&s->lock);
}

/* News as they come: the RS and the neighbours hold their answers back until there is something. */
static void listen_for_news(struct seeker *s, bool sync)
{
    struct peer *p = s->peer;
    bool changed = false;
    struct patience patience = {
        .wait_s = LISTEN_S,
        .deadline_us = clock_mono_us() + LISTEN_S * CLOCK_US_PER_S + LISTEN_GRACE_US,
        .waker = s->interrupt,
    };
    struct listening *l = query_listen_begin(p, &patience);
    if (neighbours_is_crowd(p->neighbours))
        pass_time(s, clock_mono_us() + LISTEN_S * CLOCK_US_PER_S);
    else if (neighbours_ask(p->neighbours, &patience, false, &changed) == DI_OK && changed)
        seeker_on_stuck(s); /* whoever is new has not been asked */
    query_listen_end(l);
    if (sync)
        want_missing(s);
}

/* Leaves the lock meanwhile. */
static void listen_locked(struct seeker *s)
{
    lock_assert_held(&s->lock);
    bool sync = s->sync;
    net_waker_reset(s->interrupt);
    s->listening = true;
    lock_release(&s->lock);
    listen_for_news(s, sync);
    lock_acquire(&s->lock);
    s->listening = false;
}

static void run(void *arg)
{
    struct seeker *s = arg;
    struct news news = {0};
    int64_t next_us = 0;   /* when a round is due */
    bool listened = false; /* since the last round */
    lock_acquire(&s->lock);
    while (!s->stop) {
        if (is_idle_locked(s)) {
            cond_wait(&s->changed, &s->lock);
            /* Whoever begins has asked just before. */
            next_us = clock_mono_us() + ROUND_EVERY_US;
            listened = false;
        } else if (s->look_now || clock_mono_us() >= next_us) {
            bool sync = s->sync;
            s->look_now = false;
            next_us = clock_mono_us() + ROUND_EVERY_US;
            listened = false;
            lock_release(&s->lock);
            look(s, sync, &news);
            lock_acquire(&s->lock);
        } else if (!listened) {
            listened = true;
            listen_locked(s);
        } else {
            (void)cond_wait_until(&s->changed, &s->lock, next_us);
        }
    }
    lock_release(&s->lock);
}

enum di_err seeker_start(struct seeker *s)
{
    return thread_start(&s->thread, "seeker", run, s);
}

void seeker_stop(struct seeker *s)
{
    lock_acquire(&s->lock);
    s->stop = true;
    stir_locked(s);
    lock_release(&s->lock);
    thread_join(&s->thread);
}
