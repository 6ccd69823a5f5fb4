/*
 * Downloads: pools of threads ("fetch N") that carry out what their scheduler decides. One lock for
 * all schedulers and lists here; it is never held across I/O. A thread without work waits for an
 * event or for the time that the scheduler named.
 */
#include "intake.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#define LINKS_PER_HOLDER 2

enum di_err downloads_new(struct peer *p, struct downloads **out)
{
    struct downloads *d = calloc(1, sizeof(*d));
    if (d == NULL)
        return DI_NOMEM;
    d->finished = calloc(TRANSFERS_KEPT, sizeof(*d->finished));
    if (d->finished == NULL) {
        free(d);
        return DI_NOMEM;
    }
    d->peer = p;
    d->seed = p->cfg.seed;
    lock_init(&d->lock);
    cond_init(&d->landed);
    cond_init(&d->made);
    *out = d;
    return DI_OK;
}

void pool_stir_locked(struct pool *pool)
{
    lock_assert_held(&pool->owner->lock);
    pool->turn = POOL_STIRRED;
    /* Who finds work wakes the next: rarely is there some for all that rest. */
    cond_signal(&pool->work);
}

/* ---- threads --------------------------------------------------------------------------------- */

/* Wanted, but nothing under way and nothing to try. */
static bool is_stuck_locked(struct pool *pool)
{
    lock_assert_held(&pool->owner->lock);
    return pool->plans == 0 && sched_pending(pool->sched) > 0 && !sched_is_busy(pool->sched);
}

/* No work: waits for some, and closes a connection that was without for long. */
static void rest_locked(struct pool *pool, int64_t retry_us, struct intake *in)
{
    struct downloads *d = pool->owner;
    lock_assert_held(&d->lock);
    bool tell = retry_us == INT64_MAX && pool->turn == POOL_STIRRED && is_stuck_locked(pool);
    if (tell) {
        pool->turn = POOL_STUCK;
        lock_release(&d->lock);
        seeker_on_stuck(d->peer->seeker);
        lock_acquire(&d->lock);
        if (pool->turn != POOL_STUCK || pool->stop)
            return; /* it may have been stirred while nobody waited */
    }
    int64_t idle_us = spares_when(&d->spares);
    int64_t until_us = retry_us < idle_us ? retry_us : idle_us;
    if (until_us == INT64_MAX || sched_pending(pool->sched) == 0)
        intake_fini(in); /* a peer at rest is small */
    if (until_us == INT64_MAX)
        cond_wait(&pool->work, &d->lock);
    else
        (void)cond_wait_until(&pool->work, &d->lock, until_us);
    struct client *idle = spares_expire(&d->spares, clock_mono_us());
    if (idle != NULL) {
        lock_release(&d->lock);
        client_close(idle);
        lock_acquire(&d->lock);
    }
}

/* Leaves the lock meanwhile. */
static void work_locked(struct pool *pool, struct link *l, struct intake *in)
{
    struct downloads *d = pool->owner;
    lock_assert_held(&d->lock);
    struct client *kept = spares_take(&d->spares, &l->holder);
    cond_signal(&pool->work);
    lock_release(&d->lock);
    fetch_run(l, in, &kept);
    downloads_keep(d, kept);
    lock_acquire(&d->lock);
}

static void run(void *arg)
{
    struct pool *pool = arg;
    struct downloads *d = pool->owner;
    struct intake in = {0};

    lock_acquire(&d->lock);
    while (!pool->stop) {
        struct link l = {.pool = pool, .peer = d->peer};
        int64_t retry_us = INT64_MAX;
        if (sched_link_open(pool->sched, clock_mono_us(), &l.holder, &l.id, &retry_us) == DI_OK)
            work_locked(pool, &l, &in);
        else
            rest_locked(pool, retry_us, &in);
    }
    lock_release(&d->lock);
    intake_fini(&in);
}

static void pool_stop(struct pool *pool)
{
    lock_acquire(&pool->owner->lock);
    pool->stop = true;
    cond_broadcast(&pool->work);
    lock_release(&pool->owner->lock);
    for (size_t i = 0; i < pool->thread_count; i++)
        thread_join(&pool->threads[i]);
}

static void pool_free(struct pool *pool)
{
    /* Its threads have ended: no lock. */
    flights_free(pool->owner->peer, pool->tails);
    sched_free(pool->sched);
    cond_fini(&pool->work);
    free(pool->threads);
    free(pool);
}

/* Makes a pool and adds it to the list. */
static enum di_err pool_new(struct downloads *d, unsigned threads, bool serial, struct pool **out)
{
    struct sched_config cfg = {
        .window_max = serial ? 1 : FETCH_WINDOW,
        .links_per_holder_max = LINKS_PER_HOLDER,
        .serial = serial,
        .help = !serial,
    };
    struct pool *pool = calloc(1, sizeof(*pool));
    if (pool == NULL)
        return DI_NOMEM;
    *pool = (struct pool){.owner = d, .serial = serial, .thread_count = threads};
    cond_init(&pool->work);
    pool->threads = calloc(threads, sizeof(*pool->threads));
    enum di_err err = pool->threads == NULL ? DI_NOMEM : sched_new(&cfg, d->seed, &pool->sched);
    if (err != DI_OK) {
        pool_free(pool);
        return err;
    }
    lock_acquire(&d->lock);
    sched_set_company(pool->sched, &d->company);
    DL_APPEND(d->pools, pool);
    lock_release(&d->lock);
    for (size_t i = 0; i < threads && err == DI_OK; i++) {
        char name[16];
        snprintf(name, sizeof(name), "fetch %u", (unsigned)i % 1000);
        err = thread_start(&pool->threads[i], name, run, pool);
    }
    /* Fewer threads than wished for will do, none will not. */
    if (err != DI_OK && !pool->threads[0].started) {
        downloads_serial_pool_end(d, pool);
        return err;
    }
    *out = pool;
    return DI_OK;
}

enum di_err downloads_pool(struct downloads *d, struct pool **out)
{
    enum di_err err = DI_OK;
    lock_acquire(&d->lock);
    while (d->making)
        cond_wait(&d->made, &d->lock);
    if (d->common == NULL) {
        struct pool *pool = NULL;
        d->making = true;
        lock_release(&d->lock);
        err = pool_new(d, d->peer->cfg.downloads, false, &pool);
        lock_acquire(&d->lock);
        d->common = pool;
        d->making = false;
        cond_broadcast(&d->made);
    }
    *out = d->common;
    lock_release(&d->lock);
    return err;
}

enum di_err downloads_serial_pool(struct downloads *d, struct pool **out)
{
    return pool_new(d, 1, true, out);
}

void downloads_serial_pool_end(struct downloads *d, struct pool *pool)
{
    pool_stop(pool);
    lock_acquire(&d->lock);
    DL_DELETE(d->pools, pool);
    lock_release(&d->lock);
    pool_free(pool);
}

void downloads_stop(struct downloads *d)
{
    struct pool *pool = NULL;
    DL_FOREACH (d->pools, pool)
        pool_stop(pool);
}

void downloads_free(struct downloads *d)
{
    if (d == NULL)
        return;
    struct pool *pool = NULL, *next = NULL;
    DL_FOREACH_SAFE (d->pools, pool, next) {
        DL_DELETE(d->pools, pool);
        pool_free(pool);
    }
    for (struct client *c; (c = spares_expire(&d->spares, INT64_MAX)) != NULL;)
        client_close(c);
    struct remark *m = d->remarks, *other = NULL;
    HASH_CLEAR(hh, d->remarks);
    for (; m != NULL; m = other) {
        other = m->hh.next;
        free(m);
    }
    cond_fini(&d->landed);
    cond_fini(&d->made);
    lock_fini(&d->lock);
    free(d->finished);
    free(d);
}

/* ---- connections ----------------------------------------------------------------------------- */

struct client *downloads_borrow(struct downloads *d, const struct addr *holder)
{
    lock_acquire(&d->lock);
    struct client *c = spares_take(&d->spares, holder);
    lock_release(&d->lock);
    return c;
}

void downloads_keep(struct downloads *d, struct client *c)
{
    lock_acquire(&d->lock);
    bool first = spares_when(&d->spares) == INT64_MAX;
    struct client *gone = spares_put(&d->spares, c, clock_mono_us());
    if (gone == NULL)
        gone = spares_expire(&d->spares, clock_mono_us());
    if (first && c != NULL && d->pools != NULL)
        cond_signal(&d->pools->work); /* who rests closes it when its time is over */
    lock_release(&d->lock);
    client_close(gone);
}

void downloads_close_unused(struct downloads *d)
{
    struct client *c = NULL;
    do {
        lock_acquire(&d->lock);
        c = d->pools == NULL ? spares_expire(&d->spares, INT64_MAX) : NULL;
        lock_release(&d->lock);
        client_close(c);
    } while (c != NULL);
}

/* ---- what others tell ------------------------------------------------------------------------ */

static enum di_err offer_locked(struct downloads *d, const struct offer *offers, size_t count)
{
    enum di_err err = DI_OK;
    struct pool *pool = NULL;
    lock_assert_held(&d->lock);
    DL_FOREACH (d->pools, pool) {
        for (size_t i = 0; i < count && err == DI_OK; i++)
            err = sched_on_offer(pool->sched, offers[i].rfc, &offers[i].holder,
                                 offers[i].size_bytes, &offers[i].sha256);
        pool_stir_locked(pool);
    }
    return err;
}

enum di_err pool_plan_begin(struct pool *pool, const struct numbers *rfcs, const struct addr *only)
{
    enum di_err err = DI_OK;
    lock_acquire(&pool->owner->lock);
    pool->plans++;
    for (size_t i = 0; i < rfcs->count && err == DI_OK; i++)
        if (!downloads_is_landing_locked(pool->owner, rfcs->n[i]))
            err = sched_want(pool->sched, rfcs->n[i], only);
    lock_release(&pool->owner->lock);
    return err;
}

void pool_plan_end(struct pool *pool)
{
    lock_acquire(&pool->owner->lock);
    pool->plans--;
    pool_stir_locked(pool);
    lock_release(&pool->owner->lock);
}

void pool_have(struct pool *pool, const struct offer *own)
{
    lock_acquire(&pool->owner->lock);
    sched_have(pool->sched, own->rfc, own->size_bytes, &own->sha256);
    lock_release(&pool->owner->lock);
}

void downloads_offer(struct downloads *d, struct offer *offers, size_t count)
{
    count = neighbours_filter(d->peer->neighbours, offers, count);
    if (count == 0)
        return;
    lock_acquire(&d->lock);
    enum di_err err = offer_locked(d, offers, count);
    lock_release(&d->lock);
    if (err != DI_OK)
        peer_emit_trouble(d->peer, "a download was not planned", err);
}

void downloads_holder_gone(struct downloads *d, const struct addr *holder)
{
    struct pool *pool = NULL;
    lock_acquire(&d->lock);
    DL_FOREACH (d->pools, pool) {
        sched_on_holder_gone(pool->sched, holder);
        pool_stir_locked(pool);
    }
    lock_release(&d->lock);
}

void downloads_holder_back(struct downloads *d, const struct addr *holder)
{
    struct pool *pool = NULL;
    lock_acquire(&d->lock);
    DL_FOREACH (d->pools, pool) {
        sched_forgive(pool->sched, holder);
        pool_stir_locked(pool);
    }
    lock_release(&d->lock);
}

void downloads_set_company(struct downloads *d, const struct sched_company *company)
{
    struct pool *pool = NULL;
    lock_acquire(&d->lock);
    d->company = *company;
    DL_FOREACH (d->pools, pool)
        sched_set_company(pool->sched, company);
    lock_release(&d->lock);
}

void downloads_drop(struct downloads *d, uint32_t rfc)
{
    struct pool *pool = NULL;
    struct flight *gone = NULL;
    lock_acquire(&d->lock);
    DL_FOREACH (d->pools, pool) {
        if (sched_is_wanted(pool->sched, rfc)) {
            sched_drop(pool->sched, rfc);
            pool_stir_locked(pool);
        }
        pool_drop_tails_locked(pool, rfc, &gone);
    }
    lock_release(&d->lock);
    flights_free(d->peer, gone);
}

size_t downloads_pending(struct downloads *d)
{
    size_t pending = 0;
    struct pool *pool = NULL;
    lock_acquire(&d->lock);
    DL_FOREACH (d->pools, pool)
        pending += sched_pending(pool->sched);
    pending += HASH_COUNT(d->landings);
    lock_release(&d->lock);
    return pending;
}

bool downloads_lack_holders(struct downloads *d)
{
    bool lack = false;
    struct pool *pool = NULL;
    lock_acquire(&d->lock);
    DL_FOREACH (d->pools, pool)
        lack = lack || sched_has_exhausted(pool->sched);
    lock_release(&d->lock);
    return lack;
}

void downloads_on_round(struct downloads *d)
{
    struct pool *pool = NULL;
    lock_acquire(&d->lock);
    DL_FOREACH (d->pools, pool)
        pool->turn = POOL_ASKED;
    lock_release(&d->lock);
}

bool downloads_are_stuck(struct downloads *d)
{
    bool stuck = false;
    struct pool *pool = NULL;
    lock_acquire(&d->lock);
    DL_FOREACH (d->pools, pool)
        stuck = stuck || (pool->turn == POOL_STUCK && is_stuck_locked(pool));
    lock_release(&d->lock);
    return stuck;
}

void downloads_wanted(struct downloads *d, const uint32_t *rfcs, size_t count, bool *out)
{
    lock_acquire(&d->lock);
    for (size_t i = 0; i < count; i++) {
        struct pool *pool = NULL;
        out[i] = false;
        DL_FOREACH (d->pools, pool)
            out[i] = out[i] || sched_is_wanted(pool->sched, rfcs[i]);
    }
    lock_release(&d->lock);
}

void downloads_wake(struct downloads *d)
{
    struct pool *pool = NULL;
    lock_acquire(&d->lock);
    DL_FOREACH (d->pools, pool)
        pool_stir_locked(pool);
    lock_release(&d->lock);
}
