/*
 * What becomes of requests: a link's thread tells how they go, and what has come whole lands by way
 * of the library, whose thread tells when it is durable and visible. What nobody can
 * deliver is given up on the seeker's thread.
 */
#include "download.h"

#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#define TRIED_MAX 64
#define TAILS_MAX 16 /* kept for the next flight, each a descriptor */

/* ---- tails ----------------------------------------------------------------------------------- */

/* Frees it, and counts what others brought to no use. Under no lock. */
static void flight_free(struct peer *p, struct flight *f)
{
    STATS_ADD(&p->stats, download_unused_bytes_total, (int64_t)library_tail_unref(f->tail));
    coding_dict_unref(f->dict);
    free(f);
}

void flights_free(struct peer *p, struct flight *list)
{
    struct flight *f = NULL, *next = NULL;
    DL_FOREACH_SAFE (list, f, next)
        flight_free(p, f);
}

/* Nobody goes on with the tail of f: gone gets f. */
static void give_tail_up_locked(struct pool *pool, struct flight *f, struct flight **gone)
{
    const struct sched_request *r = &f->request;
    lock_assert_held(&pool->owner->lock);
    /* What was in it must not be taken for here, should the edition's turn come again. */
    sched_on_help_lost(pool->sched, r->rfc, r->size_bytes, &r->edition);
    DL_APPEND(*gone, f);
}

static void lose_tail_locked(struct pool *pool, struct flight *kept, struct flight **gone)
{
    lock_assert_held(&pool->owner->lock);
    DL_DELETE(pool->tails, kept);
    give_tail_up_locked(pool, kept, gone);
}

void pool_drop_tails_locked(struct pool *pool, uint32_t rfc, struct flight **gone)
{
    struct flight *f = NULL, *next = NULL;
    lock_assert_held(&pool->owner->lock);
    DL_FOREACH_SAFE (pool->tails, f, next)
        if (f->request.rfc == rfc)
            lose_tail_locked(pool, f, gone);
}

/*
 * Is there something of others in its tail, or on its way there? Else it would only cost a descriptor: a
 * holder may list any number of large documents and refuse them all.
 */
static bool is_tail_of_use_locked(const struct pool *pool, const struct flight *f)
{
    const struct sched_request *r = &f->request;
    lock_assert_held(&pool->owner->lock);
    return f->tail != NULL && sched_is_wanted(pool->sched, r->rfc) &&
           sched_is_helped(pool->sched, r->rfc, r->size_bytes, &r->edition);
}

/*
 * It failed. What others brought may complete the next one of its edition: it is kept for that, unless
 * many are kept already. gone gets whom nobody goes on with.
 */
static void flight_ends_locked(struct pool *pool, struct flight *f, struct flight **gone)
{
    struct flight *kept = NULL;
    size_t count = 0;
    lock_assert_held(&pool->owner->lock);
    DL_DELETE(pool->flights, f);
    if (is_tail_of_use_locked(pool, f)) {
        DL_COUNT(pool->tails, kept, count);
        if (count >= TAILS_MAX)
            lose_tail_locked(pool, pool->tails, gone);
        DL_APPEND(pool->tails, f);
    } else {
        give_tail_up_locked(pool, f, gone);
    }
    pool_stir_locked(pool);
}

/* ---- giving up ------------------------------------------------------------------------------- */

static struct remark *remark_locked(struct downloads *d, uint32_t rfc)
{
    struct remark *m = NULL;
    lock_assert_held(&d->lock);
    HASH_FIND(hh, d->remarks, &rfc, sizeof(rfc), m);
    return m;
}

/* NULL: no memory. */
static struct remark *make_remark_locked(struct downloads *d, uint32_t rfc)
{
    struct remark *m = remark_locked(d, rfc);
    if (m != NULL)
        return m;
    m = calloc(1, sizeof(*m));
    if (m == NULL)
        return NULL;
    m->rfc = rfc;
    HASH_ADD(hh, d->remarks, rfc, sizeof(m->rfc), m);
    if (hash_was_added(m))
        return m;
    free(m);
    return NULL;
}

static void forget_remark_locked(struct downloads *d, uint32_t rfc)
{
    struct remark *m = remark_locked(d, rfc);
    if (m != NULL)
        HASH_DEL(d->remarks, m);
    free(m);
}

/* Is it the first time since it was here or somebody waited for it? */
static bool is_news(struct downloads *d, uint32_t rfc)
{
    lock_acquire(&d->lock);
    struct remark *m = make_remark_locked(d, rfc);
    bool news = m == NULL || !m->failed;
    if (m != NULL)
        m->failed = true;
    lock_release(&d->lock);
    return news;
}

void downloads_refuse(struct downloads *d, uint32_t rfc)
{
    lock_acquire(&d->lock);
    struct remark *m = make_remark_locked(d, rfc);
    if (m != NULL)
        m->dropped = true;
    lock_release(&d->lock);
}

void downloads_allow(struct downloads *d, const struct numbers *rfcs)
{
    lock_acquire(&d->lock);
    for (size_t i = 0; i < rfcs->count && d->remarks != NULL; i++)
        forget_remark_locked(d, rfcs->n[i]);
    lock_release(&d->lock);
}

void downloads_leave_out_refused(struct downloads *d, struct numbers *rfcs)
{
    size_t kept = 0;
    lock_acquire(&d->lock);
    for (size_t i = 0; i < rfcs->count; i++) {
        const struct remark *m = remark_locked(d, rfcs->n[i]);
        if (m == NULL || !m->dropped)
            rfcs->n[kept++] = rfcs->n[i];
    }
    rfcs->count = kept;
    lock_release(&d->lock);
}

/* pool NULL: whoever wanted it. */
static void report_failed(struct peer *p, const struct pool *pool, uint32_t rfc,
                          struct sched_tried *tried, size_t count)
{
    struct failure failure = {.nobody = count == 0};
    if (failure.nobody)
        count = neighbours_asked(p->neighbours, tried, TRIED_MAX);
    if (count > TRIED_MAX)
        count = TRIED_MAX;
    for (size_t i = 0; i < count; i++) {
        failure.mismatch = failure.mismatch || tried[i].why == SCHED_MISMATCH;
        failure.local = failure.local || tried[i].why == SCHED_LOCAL;
        if (tried[i].why == SCHED_SHUNNED)
            failure.nobody = false; /* it may well have had it */
    }
    STATS_ADD(&p->stats, downloads_failed_total, 1);
    if (is_news(p->downloads, rfc) || gets_wait_for(p->gets, pool, rfc))
        peer_emit(p, (struct peer_event){
                         .kind = PEER_EV_FAILED, .rfc = rfc, .tried = tried, .count = count});
    gets_on_failed(p->gets, pool, rfc, failure);
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
            if (pool->plans == 0 && /* else it may be offered in a moment */
                sched_pop_exhausted(pool->sched, &rfc, tried, TRIED_MAX, &count))
                break;
        }
        struct flight *gone = NULL;
        if (pool != NULL)
            pool_drop_tails_locked(pool, rfc, &gone);
        lock_release(&d->lock);
        if (pool == NULL)
            return;
        flights_free(d->peer, gone);
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
    pool_stir_locked(l->pool);
    lock_release(&l->pool->owner->lock);
}

bool link_is_late(struct link *l, int64_t *again_us)
{
    lock_acquire(&l->pool->owner->lock);
    bool late = sched_is_late(l->pool->sched, l->id, clock_mono_us(), again_us);
    lock_release(&l->pool->owner->lock);
    return late;
}

struct library_tail *link_kept_tail(struct link *l, const struct sched_request *r)
{
    struct flight *f = NULL;
    struct library_tail *tail = NULL;
    lock_acquire(&l->pool->owner->lock);
    DL_FOREACH (l->pool->tails, f)
        if (f->request.rfc == r->rfc && f->request.size_bytes == r->size_bytes &&
            sha256_equal(&f->request.edition, &r->edition))
            break;
    if (f != NULL) {
        DL_DELETE(l->pool->tails, f);
        tail = f->tail;
        f->tail = NULL;
    }
    lock_release(&l->pool->owner->lock);
    if (f != NULL)
        flight_free(l->peer, f);
    return tail;
}

void link_cannot(struct link *l, const struct sched_request *r, enum sched_why why,
                 int64_t retry_after_us)
{
    lock_acquire(&l->pool->owner->lock);
    sched_on_failed(l->pool->sched, l->id, r->id, why, 0, retry_after_us, clock_mono_us());
    pool_stir_locked(l->pool);
    lock_release(&l->pool->owner->lock);
}

void link_takes_off(struct link *l, struct flight *f)
{
    f->start_us = clock_mono_us();
    lock_acquire(&l->pool->owner->lock);
    if (f->have > f->request.offset)
        sched_on_resumed(l->pool->sched, l->id, f->request.id, f->have);
    DL_APPEND(l->pool->flights, f);
    if (f->tail != NULL)
        cond_signal(&l->pool->work); /* who rests may help, in a moment */
    lock_release(&l->pool->owner->lock);
    peer_emit(l->peer, (struct peer_event){.kind = PEER_EV_START,
                                           .rfc = f->request.rfc,
                                           .addr = f->holder,
                                           .bytes = f->request.size_bytes,
                                           .sha256 = f->request.edition});
}

static void look_locked(struct link *l, struct flight *f)
{
    lock_assert_held(&l->pool->owner->lock);
    f->met = f->tail != NULL && f->have < f->request.size_bytes &&
             f->have >= sched_rest_from(l->pool->sched, l->id, f->request.id);
    f->unwanted = !sched_is_wanted(l->pool->sched, f->request.rfc);
}

void link_progress(struct link *l, struct flight *f, size_t bytes)
{
    lock_acquire(&l->pool->owner->lock);
    f->have += bytes;
    f->came += bytes;
    sched_on_progress(l->pool->sched, l->id, f->request.id, f->have, clock_mono_us());
    look_locked(l, f);
    lock_release(&l->pool->owner->lock);
}

void link_look(struct link *l, struct flight *f)
{
    lock_acquire(&l->pool->owner->lock);
    look_locked(l, f);
    lock_release(&l->pool->owner->lock);
}

/* The one that brings the document from its front. */
static struct flight *front_locked(struct link *l, const struct sched_request *r)
{
    struct flight *f = NULL;
    lock_assert_held(&l->pool->owner->lock);
    DL_FOREACH (l->pool->flights, f)
        if (f->request.rfc == r->rfc && sha256_equal(&f->request.edition, &r->edition))
            return f;
    return NULL;
}

bool link_help(struct link *l, struct sched_request *out, struct library_tail **tail)
{
    struct pool *pool = l->pool;
    int64_t now_us = clock_mono_us();
    *tail = NULL;
    lock_acquire(&pool->owner->lock);
    if (!pool->stop && sched_help(pool->sched, l->id, now_us, out)) {
        struct flight *f = front_locked(l, out);
        *tail = f != NULL ? library_tail_ref(f->tail) : NULL;
        if (*tail == NULL)
            sched_help_ended(pool->sched, l->id, out->id, false, now_us);
        else
            cond_signal(&pool->work); /* there may be more to help with */
    }
    lock_release(&pool->owner->lock);
    return *tail != NULL;
}

void link_helped(struct link *l, struct flight *f, bool came)
{
    lock_acquire(&l->pool->owner->lock);
    sched_help_ended(l->pool->sched, l->id, f->request.id, came, clock_mono_us());
    lock_release(&l->pool->owner->lock);
    flight_free(l->peer, f);
}

void link_restarts(struct link *l, struct flight *f)
{
    lock_acquire(&l->pool->owner->lock);
    f->have = 0;
    f->met = false;
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

bool downloads_is_landing_locked(struct downloads *d, uint32_t rfc)
{
    struct landing *g = NULL;
    lock_assert_held(&d->lock);
    HASH_FIND(hh, d->landings, &rfc, sizeof(rfc), g);
    return g != NULL;
}

/* The library's thread: it is durable and visible now, or it is not. */
static void on_published(void *arg, enum di_err err)
{
    struct landing *g = arg;
    struct peer *p = g->peer;
    /* First: a get that finds it landing is told below; one that does not finds it held. */
    lock_acquire(&p->downloads->lock);
    if (hash_was_added(g))
        HASH_DEL(p->downloads->landings, g);
    if (err == DI_OK)
        forget_remark_locked(p->downloads, g->rfc);
    cond_broadcast(&p->downloads->landed);
    lock_release(&p->downloads->lock);
    if (err == DI_OK) {
        p->cannot_store = false;
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
        peer_emit_unstored(p, err);
        report_failed(p, NULL, g->rfc, tried, 1);
    }
    free(g);
}

void link_done(struct link *l, struct flight *f)
{
    struct downloads *d = l->pool->owner;
    int64_t now_us = clock_mono_us();
    char title[RFC_TITLE_SIZE];
    struct landing *g = calloc(1, sizeof(*g));
    if (g == NULL) {
        library_part_keep(f->part);
        link_failed(l, f, SCHED_LOCAL, f->have, 0);
        return;
    }
    *g = (struct landing){
        .peer = l->peer,
        .rfc = f->request.rfc,
        .holder = f->holder,
        .bytes = f->request.size_bytes,
        .wire_bytes = f->wire,
        .us = now_us - f->start_us,
        .sha256 = f->request.edition,
    };
    lock_acquire(&d->lock);
    while (downloads_is_landing_locked(d, g->rfc))
        cond_wait(&d->landed, &d->lock);
    HASH_ADD(hh, d->landings, rfc, sizeof(g->rfc), g);
    if (sched_on_done(l->pool->sched, l->id, f->request.id, now_us))
        pool_stir_locked(l->pool);
    DL_DELETE(l->pool->flights, f);
    d->finished[d->finished_count++ % TRANSFERS_KEPT] = transfer_of(f, now_us, true);
    lock_release(&d->lock);
    catalog_title(l->peer->catalog, g->rfc, title);
    library_publish(l->peer->library, f->part, title, on_published, g);
    flight_free(l->peer, f);
}

void link_failed(struct link *l, struct flight *f, enum sched_why why, uint64_t kept,
                 int64_t retry_after_us)
{
    if (f->helps) {
        link_helped(l, f, false);
        return;
    }
    struct flight *gone = NULL;
    lock_acquire(&l->pool->owner->lock);
    sched_on_failed(l->pool->sched, l->id, f->request.id, why, kept, retry_after_us,
                    clock_mono_us());
    flight_ends_locked(l->pool, f, &gone);
    lock_release(&l->pool->owner->lock);
    flights_free(l->peer, gone);
}

void link_forgoes(struct link *l, struct flight *f, uint64_t kept)
{
    struct flight *gone = NULL;
    lock_acquire(&l->pool->owner->lock);
    sched_on_unwanted(l->pool->sched, l->id, f->request.id, kept, clock_mono_us());
    flight_ends_locked(l->pool, f, &gone);
    lock_release(&l->pool->owner->lock);
    flights_free(l->peer, gone);
}

void link_drops(struct link *l, struct flight *f)
{
    if (f->helps) {
        link_helped(l, f, false);
        return;
    }
    struct flight *gone = NULL;
    lock_acquire(&l->pool->owner->lock);
    flight_ends_locked(l->pool, f, &gone);
    lock_release(&l->pool->owner->lock);
    flights_free(l->peer, gone);
}

void link_needless(struct link *l, const struct sched_request *r)
{
    lock_acquire(&l->pool->owner->lock);
    if (sched_on_done(l->pool->sched, l->id, r->id, clock_mono_us()))
        pool_stir_locked(l->pool);
    bool landing = downloads_is_landing_locked(l->pool->owner, r->rfc);
    lock_release(&l->pool->owner->lock);
    downloads_drop(l->peer->downloads, r->rfc);
    if (!landing) /* else they are told when it is safe */
        gets_forgo(l->peer->gets, r->rfc);
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
