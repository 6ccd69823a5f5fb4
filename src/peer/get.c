/*
 * Who waits for which documents: gets, sync, and the thread "seeker" that looks for holders while
 * something is wanted: peers from the RS and what they hold from themselves, once a second or when
 * the downloads have nothing left to try.
 */
#include "internal.h"

#include <stdlib.h>
#include <string.h>

#define SEEK_EVERY_US CLOCK_US_PER_S
#define FEW 32 /* documents looked up one by one rather than by a walk */

/* A get under way; lives on its caller's stack. */
struct get {
    struct pool *pool;
    const uint32_t *rfcs; /* ascending */
    bool *open;           /* of each: neither here nor given up */
    size_t count, left;
    struct peer_result result;
    struct get *next;
};

struct gets {
    struct peer *peer;
    struct thread seeker;

    struct lock lock;
    struct cond changed;
    struct get *list; /* guarded by lock, as all below */
    bool sync;
    bool stop;
    bool look_now;
    bool starting; /* somebody makes the common pool */
    /* What is wanted and not yet offered by whom we know looks as if nobody had it. So plans (want,
     * then offer what is known) and giving up exclude each other, and nothing is given up before a
     * whole round of seeking has passed. */
    size_t planning;  /* plans being made */
    uint64_t planned; /* plans ever begun */
    bool giving_up;
};

/* Numbers, growing. */
struct numbers {
    uint32_t *n;
    size_t count, cap;
    enum di_err err;
};

enum di_err gets_new(struct peer *p, struct gets **out)
{
    struct gets *g = calloc(1, sizeof(*g));
    if (g == NULL)
        return DI_NOMEM;
    g->peer = p;
    lock_init(&g->lock);
    cond_init(&g->changed);
    *out = g;
    return DI_OK;
}

void gets_free(struct gets *g)
{
    if (g == NULL)
        return;
    cond_fini(&g->changed);
    lock_fini(&g->lock);
    free(g);
}

void gets_wake(struct gets *g)
{
    lock_acquire(&g->lock);
    cond_broadcast(&g->changed);
    lock_release(&g->lock);
}

void gets_on_stuck(struct gets *g)
{
    lock_acquire(&g->lock);
    g->look_now = true;
    cond_broadcast(&g->changed);
    lock_release(&g->lock);
}

/* ---- outcomes -------------------------------------------------------------------------------- */

static int compare_numbers(const void *a, const void *b)
{
    const uint32_t *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

/* Closes that document of the get; false if it does not wait for it. */
static bool close_one_locked(struct gets *g, struct get *get, uint32_t rfc)
{
    lock_assert_held(&g->lock);
    const uint32_t *at = bsearch(&rfc, get->rfcs, get->count, sizeof(*get->rfcs), compare_numbers);
    if (at == NULL || !get->open[at - get->rfcs])
        return false;
    get->open[at - get->rfcs] = false;
    if (--get->left == 0)
        cond_broadcast(&g->changed);
    return true;
}

void gets_on_done(struct gets *g, uint32_t rfc, uint64_t bytes)
{
    lock_acquire(&g->lock);
    for (struct get *get = g->list; get != NULL; get = get->next) {
        if (close_one_locked(g, get, rfc)) {
            get->result.done++;
            get->result.bytes += bytes;
        }
    }
    lock_release(&g->lock);
}

void gets_on_here(struct gets *g, uint32_t rfc)
{
    lock_acquire(&g->lock);
    for (struct get *get = g->list; get != NULL; get = get->next)
        (void)close_one_locked(g, get, rfc);
    lock_release(&g->lock);
}

void gets_on_failed(struct gets *g, const struct pool *pool, uint32_t rfc, bool nobody,
                    bool mismatch)
{
    lock_acquire(&g->lock);
    for (struct get *get = g->list; get != NULL; get = get->next) {
        if (get->pool == pool && close_one_locked(g, get, rfc)) {
            get->result.failed++;
            get->result.nobody += nobody ? 1 : 0;
            get->result.mismatch += mismatch ? 1 : 0;
        }
    }
    lock_release(&g->lock);
}

/* ---- numbers --------------------------------------------------------------------------------- */

static void add_number(struct numbers *s, uint32_t n)
{
    if (s->err != DI_OK)
        return;
    if (s->count == s->cap) {
        size_t cap = s->cap == 0 ? 64 : 2 * s->cap;
        uint32_t *more = realloc(s->n, cap * sizeof(*more));
        if (more == NULL) {
            s->err = DI_NOMEM;
            return;
        }
        s->n = more;
        s->cap = cap;
    }
    s->n[s->count++] = n;
}

/* Which rows of the index a range means. */
struct selection {
    struct numbers *numbers;
    uint32_t first, last;
    const struct addr *from; /* NULL: whoever */
    uint32_t own;            /* the own row of a number comes before others */
};

static bool select_row(void *arg, const struct rfc_entry *e)
{
    struct selection *s = arg;
    if (e->own)
        s->own = e->rfc;
    if (e->rfc > s->last)
        return false;
    bool wanted = e->rfc >= s->first && e->rfc != s->own &&
                  (s->from == NULL || addr_equal(s->from, &e->holder));
    size_t count = s->numbers->count;
    if (wanted && (count == 0 || s->numbers->n[count - 1] != e->rfc))
        add_number(s->numbers, e->rfc);
    return s->numbers->err == DI_OK;
}

static void select_known(struct peer *p, uint32_t first, uint32_t last, const struct addr *from,
                         struct numbers *out)
{
    char version[CHANGES_VERSION_SIZE];
    struct selection s = {.numbers = out, .first = first, .last = last, .from = from};
    catalog_walk(p->catalog, RFC_SCOPE_ALL, version, select_row, &s);
}

/* What the get means, in the order asked for. */
static enum di_err select_wanted(struct peer *p, const struct peer_get *what, struct numbers *out)
{
    const struct addr *from = what->has_from ? &what->from : NULL;
    if (what->all)
        select_known(p, 1, WIRE_RFC_MAX, from, out);
    for (size_t i = 0; i < what->count && !what->all; i++) {
        const struct peer_range *r = &what->ranges[i];
        if (r->first != r->last)
            select_known(p, r->first, r->last, from, out);
        else if (!catalog_has(p->catalog, r->first))
            add_number(out, r->first);
    }
    return out->err;
}

/* ---- offers that are known already ----------------------------------------------------------- */

struct offering {
    struct offer *offers;
    size_t count, cap;
    const uint32_t *rfcs; /* ascending */
    size_t rfc_count;
    enum di_err err;
};

static bool collect_offer(void *arg, const struct rfc_entry *e)
{
    struct offering *o = arg;
    if (e->own ||
        bsearch(&e->rfc, o->rfcs, o->rfc_count, sizeof(*o->rfcs), compare_numbers) == NULL)
        return true;
    if (o->count == o->cap) {
        size_t cap = o->cap == 0 ? 64 : 2 * o->cap;
        struct offer *more = realloc(o->offers, cap * sizeof(*more));
        if (more == NULL) {
            o->err = DI_NOMEM;
            return false;
        }
        o->offers = more;
        o->cap = cap;
    }
    o->offers[o->count++] = (struct offer){
        .rfc = e->rfc, .holder = e->holder, .size_bytes = e->size_bytes, .sha256 = e->sha256};
    return true;
}

static enum di_err offer_known(struct peer *p, const uint32_t *rfcs, size_t count)
{
    char version[CHANGES_VERSION_SIZE];
    struct offering o = {.rfcs = rfcs, .rfc_count = count};
    if (count <= FEW) {
        for (size_t i = 0; i < count; i++)
            catalog_find(p->catalog, rfcs[i], collect_offer, &o);
    } else {
        catalog_walk(p->catalog, RFC_SCOPE_ALL, version, collect_offer, &o);
    }
    if (o.err == DI_OK)
        downloads_offer(p->downloads, o.offers, o.count);
    free(o.offers);
    return o.err;
}

/* ---- the seeker ------------------------------------------------------------------------------ */

/* Everything that is known of and not here is wanted. */
static void want_all(struct gets *g)
{
    struct peer *p = g->peer;
    struct numbers all = {0};
    struct pool *pool = NULL;
    select_known(p, 1, WIRE_RFC_MAX, NULL, &all);
    enum di_err err = all.err;
    if (err == DI_OK && all.count > 0)
        err = downloads_pool(p->downloads, &pool);
    if (err == DI_OK && pool != NULL)
        err = pool_want(pool, all.n, all.count, NULL);
    if (err == DI_OK && pool != NULL)
        err = offer_known(p, all.n, all.count);
    free(all.n);
    if (err != DI_OK)
        peer_emit_error(p, "sync", di_err_text(err), "");
}

/* Wants those, and tells who is known to hold them. */
static enum di_err plan(struct gets *g, struct pool *pool, const struct numbers *order,
                        const uint32_t *sorted, size_t count, const struct addr *only)
{
    lock_acquire(&g->lock);
    g->planning++;
    g->planned++;
    while (g->giving_up)
        cond_wait(&g->changed, &g->lock);
    lock_release(&g->lock);
    enum di_err err = pool_want(pool, order->n, order->count, only);
    if (err == DI_OK)
        err = offer_known(g->peer, sorted, count);
    lock_acquire(&g->lock);
    g->planning--;
    lock_release(&g->lock);
    return err;
}

static void give_up(struct gets *g, uint64_t planned_before)
{
    lock_acquire(&g->lock);
    g->giving_up = g->planning == 0 && g->planned == planned_before;
    bool go = g->giving_up;
    g->look_now = g->look_now || !go;
    lock_release(&g->lock);
    if (!go)
        return;
    downloads_give_up(g->peer->downloads);
    lock_acquire(&g->lock);
    g->giving_up = false;
    cond_broadcast(&g->changed);
    lock_release(&g->lock);
}

/* Looks for holders once; what has none after that is given up. */
static void seek(struct gets *g, bool sync, bool *rs_silent)
{
    struct peer *p = g->peer;
    lock_acquire(&g->lock);
    uint64_t planned = g->planned;
    lock_release(&g->lock);
    bool changed = false;
    int64_t deadline_us = clock_mono_us() + PEER_CALL_US;
    enum di_err err = neighbours_ask(p->neighbours, 0, false, deadline_us, &changed);
    if (err == DI_OK) {
        *rs_silent = false;
    } else if (!*rs_silent && err != DI_CANCELLED) {
        *rs_silent = true;
        (void)registrar_report(p->registrar, "no news of other peers; going on with those known",
                               err);
    }
    /* Who does not answer says so in the outcome of what depends on it. */
    query_all(p, RFC_SCOPE_OWN, deadline_us);
    if (sync)
        want_all(g);
    give_up(g, planned);
}

static void run(void *arg)
{
    struct gets *g = arg;
    int64_t next_us = 0;
    bool rs_silent = false; /* and it was reported */
    lock_acquire(&g->lock);
    while (!g->stop) {
        if ((g->list == NULL && !g->sync) || peer_is_cancelled(g->peer)) {
            cond_wait(&g->changed, &g->lock);
            next_us = clock_mono_us() + SEEK_EVERY_US;
        } else if (!g->look_now && clock_mono_us() < next_us) {
            (void)cond_wait_until(&g->changed, &g->lock, next_us);
        } else {
            bool sync = g->sync;
            g->look_now = false;
            lock_release(&g->lock);
            seek(g, sync, &rs_silent);
            lock_acquire(&g->lock);
            next_us = clock_mono_us() + SEEK_EVERY_US;
        }
    }
    lock_release(&g->lock);
}

enum di_err gets_start(struct gets *g)
{
    return thread_start(&g->seeker, "seeker", run, g);
}

void gets_stop(struct gets *g)
{
    lock_acquire(&g->lock);
    g->stop = true;
    cond_broadcast(&g->changed);
    lock_release(&g->lock);
    thread_join(&g->seeker);
}

/* ---- a get ----------------------------------------------------------------------------------- */

static enum di_err wait_scanned(struct gets *g)
{
    lock_acquire(&g->lock);
    while (!g->peer->scanned && !peer_is_cancelled(g->peer))
        cond_wait(&g->changed, &g->lock);
    lock_release(&g->lock);
    return peer_is_cancelled(g->peer) ? DI_CANCELLED : DI_OK;
}

/* "Asks for peers and indexes if there are none"; registers if need be. */
static enum di_err prepare(struct peer *p, const struct addr *from)
{
    int64_t deadline_us = clock_mono_us() + PEER_CALL_US;
    bool changed = false;
    enum di_err err = DI_OK;
    if (from != NULL)
        neighbours_add_named(p->neighbours, from);
    if (!peer_is_registered(p))
        err = registrar_register(p->registrar, deadline_us);
    if (err == DI_OK && neighbours_active(p->neighbours) == 0)
        err = neighbours_ask(p->neighbours, 0, false, deadline_us, &changed);
    if (err != DI_OK) {
        (void)registrar_report(p->registrar, "joining failed", err);
        /* Without the RS it goes on with whom one knows, if there is anyone. */
        if (err == DI_CANCELLED || (from == NULL && neighbours_active(p->neighbours) == 0))
            return err;
    }
    struct catalog_counts n;
    catalog_count(p->catalog, &n);
    if (from != NULL)
        query_one(p, from, RFC_SCOPE_OWN, 0, deadline_us);
    else if (n.entries == n.owned)
        query_all(p, RFC_SCOPE_OWN, deadline_us);
    return peer_is_cancelled(p) ? DI_CANCELLED : DI_OK;
}

static enum di_err pool_for(struct gets *g, bool serial, struct pool **out)
{
    struct downloads *d = g->peer->downloads;
    if (serial)
        return downloads_serial_pool(d, out);
    lock_acquire(&g->lock);
    while (g->starting)
        cond_wait(&g->changed, &g->lock);
    g->starting = true;
    lock_release(&g->lock);
    enum di_err err = downloads_pool(d, out);
    lock_acquire(&g->lock);
    g->starting = false;
    cond_broadcast(&g->changed);
    lock_release(&g->lock);
    return err;
}

static void sort_unique(struct numbers *s)
{
    size_t kept = 0;
    qsort(s->n, s->count, sizeof(*s->n), compare_numbers);
    for (size_t i = 0; i < s->count; i++)
        if (kept == 0 || s->n[kept - 1] != s->n[i])
            s->n[kept++] = s->n[i];
    s->count = kept;
}

/* Waits until each of the get's documents is here or given up. */
static enum di_err await(struct gets *g, struct get *get)
{
    enum di_err err = DI_OK;
    lock_acquire(&g->lock);
    while (get->left > 0 && err == DI_OK) {
        if (peer_is_cancelled(g->peer))
            err = DI_CANCELLED;
        else
            cond_wait(&g->changed, &g->lock);
    }
    struct get **at = &g->list;
    while (*at != get)
        at = &(*at)->next;
    *at = get->next;
    lock_release(&g->lock);
    return err;
}

/* order: as asked for; get->rfcs the same, ascending. */
static enum di_err download(struct gets *g, struct get *get, const struct numbers *order,
                            const struct peer_get *what)
{
    struct peer *p = g->peer;
    enum di_err err = pool_for(g, what->serial, &get->pool);
    if (err != DI_OK)
        return err;
    lock_acquire(&g->lock);
    get->next = g->list;
    g->list = get;
    cond_broadcast(&g->changed);
    lock_release(&g->lock);
    err = plan(g, get->pool, order, get->rfcs, get->count, what->has_from ? &what->from : NULL);
    if (err != DI_OK) {
        lock_acquire(&g->lock);
        get->left = 0;
        lock_release(&g->lock);
    }
    enum di_err waited = await(g, get);
    if (what->serial)
        downloads_serial_pool_end(p->downloads, get->pool);
    return err != DI_OK ? err : waited;
}

static enum di_err get_documents(struct peer *p, const struct peer_get *what, struct get *get)
{
    struct numbers order = {0};
    struct numbers sorted = {0};
    enum di_err err = wait_scanned(p->gets);
    if (err == DI_OK)
        err = prepare(p, what->has_from ? &what->from : NULL);
    if (err == DI_OK)
        err = select_wanted(p, what, &order);
    for (size_t i = 0; err == DI_OK && i < order.count; i++)
        add_number(&sorted, order.n[i]);
    if (err == DI_OK)
        err = sorted.err;
    if (err == DI_OK && sorted.count > 0) {
        sort_unique(&sorted);
        get->open = malloc(sorted.count * sizeof(*get->open));
        if (get->open == NULL) {
            err = DI_NOMEM;
        } else {
            memset(get->open, true, sorted.count * sizeof(*get->open));
            get->rfcs = sorted.n;
            get->count = get->left = sorted.count;
            err = download(p->gets, get, &order, what);
        }
    }
    free(get->open);
    free(sorted.n);
    free(order.n);
    return err;
}

enum di_err peer_get(struct peer *p, const struct peer_get *what, struct peer_result *result)
{
    int64_t start_us = clock_mono_us();
    struct get get = {0};
    enum di_err err = get_documents(p, what, &get);
    get.result.us = clock_mono_us() - start_us;
    peer_emit(p, (struct peer_event){.kind = PEER_EV_COMPLETE,
                                     .files = get.result.done,
                                     .bytes = get.result.bytes,
                                     .us = get.result.us});
    *result = get.result;
    return err;
}

enum di_err peer_sync(struct peer *p)
{
    enum di_err err = wait_scanned(p->gets);
    if (err == DI_OK)
        err = prepare(p, NULL);
    if (err != DI_OK)
        return err;
    lock_acquire(&p->gets->lock);
    p->gets->sync = true;
    p->gets->look_now = true;
    cond_broadcast(&p->gets->changed);
    lock_release(&p->gets->lock);
    return DI_OK;
}

enum di_err gets_sleep(struct gets *g, int64_t until_us)
{
    lock_acquire(&g->lock);
    while (!peer_is_cancelled(g->peer) && cond_wait_until(&g->changed, &g->lock, until_us))
        continue;
    lock_release(&g->lock);
    return peer_is_cancelled(g->peer) ? DI_CANCELLED : DI_OK;
}
