/*
 * Downloads: pools of threads ("fetch N") that carry out what their scheduler decides. One lock for
 * all schedulers and lists here; it is never held across I/O. A thread without work waits for an
 * event or for the time that the scheduler named.
 */
#include "download.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#define LINKS_PER_HOLDER 2
#define KEPT_IDLE_US (10 * CLOCK_US_PER_S) /* a connection without work is kept that long */
#define TRANSFERS_KEPT 1024                /* finished ones that can be looked at */
#define TRIED_MAX 64
#define LANDINGS_MAX 256 /* verified, not yet durable: each has a descriptor */

struct pool {
    struct downloads *owner;
    struct sched *sched;
    struct cond work;
    bool serial;
    bool stop;
    bool stuck_told; /* nothing new happened since seeker_on_stuck */
    size_t thread_count;
    struct thread *threads;
    struct flight *flights;
    struct pool *prev, *next;
};

struct downloads {
    struct peer *peer;

    struct lock lock;
    struct pool *pools;  /* guarded by lock, as all below and everything in pools */
    struct pool *common; /* of pools; NULL before the first use */
    struct cond made;
    bool making; /* somebody makes the common one */
    uint64_t seed;
    struct peer_transfer *finished; /* ring */
    size_t finished_count;          /* ever */
    struct cond landed;
    size_t landings;
};

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

/* Something happened that may make more possible. */
static void stir_locked(struct pool *pool)
{
    lock_assert_held(&pool->owner->lock);
    pool->stuck_told = false;
    cond_broadcast(&pool->work);
}

/* ---- threads --------------------------------------------------------------------------------- */

/* Wanted, but nothing under way and nothing to try. */
static bool is_stuck_locked(struct pool *pool)
{
    lock_assert_held(&pool->owner->lock);
    return sched_pending(pool->sched) > 0 && !sched_is_busy(pool->sched);
}

/* No work: waits for some. Closes the kept connection when it has been idle for long. */
static void rest_locked(struct pool *pool, int64_t retry_us, struct client **kept)
{
    struct downloads *d = pool->owner;
    lock_assert_held(&d->lock);
    bool tell = retry_us == INT64_MAX && !pool->stuck_told && is_stuck_locked(pool);
    if (tell) {
        pool->stuck_told = true;
        lock_release(&d->lock);
        seeker_on_stuck(d->peer->seeker);
        lock_acquire(&d->lock);
        if (!pool->stuck_told || pool->stop)
            return;
    }
    int64_t idle_us = *kept == NULL ? INT64_MAX : clock_mono_us() + KEPT_IDLE_US;
    int64_t until_us = retry_us < idle_us ? retry_us : idle_us;
    if (until_us == INT64_MAX) {
        cond_wait(&pool->work, &d->lock);
    } else if (!cond_wait_until(&pool->work, &d->lock, until_us) && until_us == idle_us) {
        struct client *idle = *kept;
        *kept = NULL;
        lock_release(&d->lock);
        client_close(idle);
        lock_acquire(&d->lock);
    }
}

static void run(void *arg)
{
    struct pool *pool = arg;
    struct downloads *d = pool->owner;
    struct client *kept = NULL;

    lock_acquire(&d->lock);
    while (!pool->stop) {
        struct link l = {.pool = pool, .peer = d->peer};
        int64_t retry_us = INT64_MAX;
        if (sched_link_open(pool->sched, clock_mono_us(), &l.holder, &l.id, &retry_us) != DI_OK) {
            rest_locked(pool, retry_us, &kept);
            continue;
        }
        lock_release(&d->lock);
        fetch_run(&l, &kept);
        lock_acquire(&d->lock);
        cond_broadcast(&pool->work);
    }
    lock_release(&d->lock);
    client_close(kept);
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
    cond_fini(&d->landed);
    cond_fini(&d->made);
    lock_fini(&d->lock);
    free(d->finished);
    free(d);
}

/* ---- what others tell ------------------------------------------------------------------------ */

enum di_err pool_want(struct pool *pool, const struct numbers *rfcs, const struct addr *only)
{
    enum di_err err = DI_OK;
    lock_acquire(&pool->owner->lock);
    for (size_t i = 0; i < rfcs->count && err == DI_OK; i++)
        err = sched_want(pool->sched, rfcs->n[i], only);
    stir_locked(pool);
    lock_release(&pool->owner->lock);
    return err;
}

void downloads_offer(struct downloads *d, struct offer *offers, size_t count)
{
    enum di_err err = DI_OK;
    struct pool *pool = NULL;
    count = neighbours_filter(d->peer->neighbours, offers, count);
    if (count == 0)
        return;
    lock_acquire(&d->lock);
    DL_FOREACH (d->pools, pool) {
        for (size_t i = 0; i < count && err == DI_OK; i++)
            err = sched_on_offer(pool->sched, offers[i].rfc, &offers[i].holder,
                                 offers[i].size_bytes, &offers[i].sha256);
        stir_locked(pool);
    }
    lock_release(&d->lock);
    if (err != DI_OK)
        peer_emit_error(d->peer, "a download was not planned", di_err_text(err), "");
}

void downloads_holder_gone(struct downloads *d, const struct addr *holder)
{
    struct pool *pool = NULL;
    lock_acquire(&d->lock);
    DL_FOREACH (d->pools, pool) {
        sched_on_holder_gone(pool->sched, holder);
        stir_locked(pool);
    }
    lock_release(&d->lock);
}

void downloads_holder_back(struct downloads *d, const struct addr *holder)
{
    struct pool *pool = NULL;
    lock_acquire(&d->lock);
    DL_FOREACH (d->pools, pool) {
        sched_forgive(pool->sched, holder);
        stir_locked(pool);
    }
    lock_release(&d->lock);
}

void downloads_drop(struct downloads *d, uint32_t rfc)
{
    struct pool *pool = NULL;
    lock_acquire(&d->lock);
    DL_FOREACH (d->pools, pool) {
        if (sched_is_wanted(pool->sched, rfc)) {
            sched_drop(pool->sched, rfc);
            stir_locked(pool);
        }
    }
    lock_release(&d->lock);
}

size_t downloads_pending(struct downloads *d)
{
    size_t pending = 0;
    struct pool *pool = NULL;
    lock_acquire(&d->lock);
    DL_FOREACH (d->pools, pool)
        pending += sched_pending(pool->sched);
    lock_release(&d->lock);
    return pending;
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
        stir_locked(pool);
    lock_release(&d->lock);
}

/* ---- giving up ------------------------------------------------------------------------------- */

static void report_failed(struct peer *p, const struct pool *pool, uint32_t rfc,
                          struct sched_tried *tried, size_t count)
{
    bool nobody = count == 0;
    bool mismatch = false;
    if (nobody)
        count = neighbours_asked(p->neighbours, tried, TRIED_MAX);
    if (count > TRIED_MAX)
        count = TRIED_MAX;
    for (size_t i = 0; i < count; i++) {
        mismatch = mismatch || tried[i].why == SCHED_MISMATCH;
        nobody = nobody && tried[i].why != SCHED_SHUNNED; /* it may well have had it */
    }
    STATS_ADD(&p->stats, downloads_failed_total, 1);
    peer_emit(
        p, (struct peer_event){.kind = PEER_EV_FAILED, .rfc = rfc, .tried = tried, .count = count});
    gets_on_failed(p->gets, pool, rfc, nobody, mismatch);
}

void downloads_give_up(struct downloads *d)
{
    struct sched_tried tried[TRIED_MAX];
    for (;;) {
        uint32_t rfc = 0;
        size_t count = 0;
        struct pool *pool = NULL;
        lock_acquire(&d->lock);
        DL_FOREACH (d->pools, pool) {
            if (sched_pop_exhausted(pool->sched, clock_mono_us(), &rfc, tried, TRIED_MAX, &count))
                break;
        }
        lock_release(&d->lock);
        if (pool == NULL)
            return;
        report_failed(d->peer, pool, rfc, tried, count);
    }
}

/* ---- what a link tells ----------------------------------------------------------------------- */

bool link_next(struct link *l, struct sched_request *out)
{
    struct pool *pool = l->pool;
    lock_acquire(&pool->owner->lock);
    bool some = !pool->stop && sched_next(pool->sched, l->id, clock_mono_us(), out);
    lock_release(&pool->owner->lock);
    return some;
}

void link_up(struct link *l)
{
    lock_acquire(&l->pool->owner->lock);
    sched_link_up(l->pool->sched, l->id);
    lock_release(&l->pool->owner->lock);
}

void link_closed(struct link *l, enum sched_why why)
{
    lock_acquire(&l->pool->owner->lock);
    sched_link_closed(l->pool->sched, l->id, why, clock_mono_us());
    stir_locked(l->pool);
    lock_release(&l->pool->owner->lock);
}

void link_takes_off(struct link *l, struct flight *f)
{
    f->start_us = clock_mono_us();
    lock_acquire(&l->pool->owner->lock);
    DL_APPEND(l->pool->flights, f);
    lock_release(&l->pool->owner->lock);
    peer_emit(l->peer, (struct peer_event){.kind = PEER_EV_START,
                                           .rfc = f->request.rfc,
                                           .addr = f->holder,
                                           .bytes = f->request.size_bytes,
                                           .sha256 = f->request.edition});
}

void link_progress(struct link *l, struct flight *f, size_t bytes)
{
    lock_acquire(&l->pool->owner->lock);
    f->have += bytes;
    f->came += bytes;
    sched_on_progress(l->pool->sched, l->id, f->request.id, f->have, clock_mono_us());
    lock_release(&l->pool->owner->lock);
}

void link_restarts(struct link *l, struct flight *f)
{
    lock_acquire(&l->pool->owner->lock);
    f->have = 0;
    sched_on_progress(l->pool->sched, l->id, f->request.id, 0, clock_mono_us());
    lock_release(&l->pool->owner->lock);
}

static struct peer_transfer transfer_of(const struct flight *f, int64_t now_us, bool done)
{
    return (struct peer_transfer){
        .rfc = f->request.rfc,
        .holder = f->holder,
        .size_bytes = f->request.size_bytes,
        .have_bytes = f->have,
        .us = now_us - f->start_us,
        .done = done,
    };
}

/* What the publisher needs to know to tell of it. */
struct landing {
    struct peer *peer;
    const struct pool *pool; /* for identity only */
    uint32_t rfc;
    struct addr holder;
    uint64_t bytes, wire_bytes;
    int64_t us;
    struct sha256 sha256;
};

/* The library's publisher: it is durable and visible now, or it is not. */
static void on_published(void *arg, enum di_err err)
{
    struct landing *g = arg;
    struct peer *p = g->peer;
    if (err == DI_OK) {
        STATS_ADD(&p->stats, downloads_done_total, 1);
        STATS_ADD(&p->stats, download_bytes_total, (int64_t)g->bytes);
        peer_emit(p, (struct peer_event){.kind = PEER_EV_DONE,
                                         .rfc = g->rfc,
                                         .addr = g->holder,
                                         .bytes = g->bytes,
                                         .wire_bytes = g->wire_bytes,
                                         .us = g->us,
                                         .sha256 = g->sha256});
        downloads_drop(p->downloads, g->rfc);
        gets_on_done(p->gets, g->rfc, g->bytes);
    } else {
        struct sched_tried tried[TRIED_MAX] = {{.holder = g->holder, .why = SCHED_LOCAL}};
        peer_emit_error(p, "a document could not be stored", di_err_text(err),
                        "check space and permissions of the library");
        report_failed(p, g->pool, g->rfc, tried, 1);
    }
    lock_acquire(&p->downloads->lock);
    p->downloads->landings--;
    cond_signal(&p->downloads->landed);
    lock_release(&p->downloads->lock);
    free(g);
}

void link_done(struct link *l, struct flight *f)
{
    struct downloads *d = l->pool->owner;
    int64_t now_us = clock_mono_us();
    char title[RFC_TITLE_SIZE];
    struct landing *g = malloc(sizeof(*g));
    if (g == NULL) {
        library_part_keep(f->part);
        link_failed(l, f, SCHED_LOCAL, f->have, 0);
        return;
    }
    *g = (struct landing){
        .peer = l->peer,
        .pool = l->pool,
        .rfc = f->request.rfc,
        .holder = f->holder,
        .bytes = f->request.size_bytes,
        .wire_bytes = f->wire,
        .us = now_us - f->start_us,
        .sha256 = f->request.edition,
    };
    lock_acquire(&d->lock);
    while (d->landings >= LANDINGS_MAX)
        cond_wait(&d->landed, &d->lock);
    d->landings++;
    sched_on_done(l->pool->sched, l->id, f->request.id, now_us);
    DL_DELETE(l->pool->flights, f);
    d->finished[d->finished_count++ % TRANSFERS_KEPT] = transfer_of(f, now_us, true);
    lock_release(&d->lock);
    catalog_title(l->peer->catalog, g->rfc, title);
    library_publish(l->peer->library, f->part, title, on_published, g);
    free(f);
}

void link_failed(struct link *l, struct flight *f, enum sched_why why, uint64_t kept,
                 int64_t retry_after_us)
{
    lock_acquire(&l->pool->owner->lock);
    sched_on_failed(l->pool->sched, l->id, f->request.id, why, kept, retry_after_us,
                    clock_mono_us());
    DL_DELETE(l->pool->flights, f);
    stir_locked(l->pool);
    lock_release(&l->pool->owner->lock);
    free(f);
}

void link_drops(struct link *l, struct flight *f)
{
    lock_acquire(&l->pool->owner->lock);
    DL_DELETE(l->pool->flights, f);
    lock_release(&l->pool->owner->lock);
    free(f);
}

void link_needless(struct link *l, const struct sched_request *r)
{
    lock_acquire(&l->pool->owner->lock);
    sched_on_done(l->pool->sched, l->id, r->id, clock_mono_us());
    lock_release(&l->pool->owner->lock);
    downloads_drop(l->peer->downloads, r->rfc);
    gets_on_here(l->peer->gets, r->rfc);
}

/* ---- peer.h ---------------------------------------------------------------------------------- */

void peer_walk_transfers(struct peer *p, bool (*visit)(void *arg, const struct peer_transfer *t),
                         void *arg)
{
    struct downloads *d = p->downloads;
    struct pool *pool = NULL;
    struct flight *f = NULL;
    int64_t now_us = clock_mono_us();
    size_t count = 0;

    lock_acquire(&d->lock);
    size_t kept = d->finished_count < TRANSFERS_KEPT ? d->finished_count : TRANSFERS_KEPT;
    size_t room = kept;
    DL_FOREACH (d->pools, pool)
        DL_FOREACH (pool->flights, f)
            room++;
    struct peer_transfer *copy = malloc((room + 1) * sizeof(*copy));
    if (copy != NULL) {
        for (size_t i = d->finished_count - kept; i < d->finished_count; i++)
            copy[count++] = d->finished[i % TRANSFERS_KEPT];
        DL_FOREACH (d->pools, pool)
            DL_FOREACH (pool->flights, f)
                copy[count++] = transfer_of(f, now_us, false);
    }
    lock_release(&d->lock);
    for (size_t i = 0; i < count && visit(arg, &copy[i]); i++)
        continue;
    free(copy);
}
