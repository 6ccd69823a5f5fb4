/*
 * Gets: which documents somebody waits for, and how it went. The caller's thread waits; outcomes
 * come from the library's (done) and the seeker's (failed).
 */
#include "internal.h"

#include "p2pdi/base/log.h"

#include <stdlib.h>
#include <string.h>

#define ASKED_FIRST 48 /* neighbours that are not near, before the first document is asked for */
#define ANSWERS_MIN_US (50 * CLOCK_US_PER_MS) /* for the others' once there is one */

/* A get under way; lives on its caller's stack. */
struct get {
    struct pool *pool;
    struct numbers rfcs; /* ascending */
    bool *open;          /* of each: neither here nor given up */
    size_t left;
    struct peer_result result;
    struct get *next;
};

struct gets {
    struct peer *peer;

    struct lock lock;
    struct cond changed;
    struct get *list; /* guarded by lock, as all below */
    uint64_t news;    /* how often others have told what they hold */
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

void gets_on_offers(struct gets *g)
{
    lock_acquire(&g->lock);
    g->news++;
    cond_broadcast(&g->changed);
    lock_release(&g->lock);
}

enum di_err gets_sleep(struct gets *g, int64_t until_us)
{
    lock_acquire(&g->lock);
    while (!peer_is_cancelled(g->peer) && cond_wait_until(&g->changed, &g->lock, until_us))
        continue;
    lock_release(&g->lock);
    return peer_is_cancelled(g->peer) ? DI_CANCELLED : DI_OK;
}

/* ---- outcomes -------------------------------------------------------------------------------- */

/* Where the get notes that it waits for that document; NULL: it does not. */
static bool *open_locked(struct gets *g, const struct get *get, uint32_t rfc)
{
    lock_assert_held(&g->lock);
    const uint32_t *at = bsearch(&rfc, get->rfcs.n, get->rfcs.count, sizeof(rfc), numbers_compare);
    return at != NULL && get->open[at - get->rfcs.n] ? &get->open[at - get->rfcs.n] : NULL;
}

bool gets_wait_for(struct gets *g, const struct pool *pool, uint32_t rfc)
{
    bool waits = false;
    lock_acquire(&g->lock);
    for (const struct get *get = g->list; get != NULL; get = get->next)
        waits = waits || ((pool == NULL || get->pool == pool) && open_locked(g, get, rfc) != NULL);
    lock_release(&g->lock);
    return waits;
}

/* Closes that document of the get; false if it does not wait for it. */
static bool close_one_locked(struct gets *g, struct get *get, uint32_t rfc)
{
    bool *open = open_locked(g, get, rfc);
    if (open == NULL)
        return false;
    *open = false;
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

void gets_forgo(struct gets *g, uint32_t rfc)
{
    lock_acquire(&g->lock);
    for (struct get *get = g->list; get != NULL; get = get->next)
        (void)close_one_locked(g, get, rfc);
    lock_release(&g->lock);
}

void gets_on_failed(struct gets *g, const struct pool *pool, uint32_t rfc, struct failure why)
{
    lock_acquire(&g->lock);
    for (struct get *get = g->list; get != NULL; get = get->next) {
        if ((pool == NULL || get->pool == pool) && close_one_locked(g, get, rfc)) {
            get->result.failed++;
            get->result.nobody += why.nobody ? 1 : 0;
            get->result.mismatch += why.mismatch ? 1 : 0;
            get->result.local += why.local ? 1 : 0;
        }
    }
    lock_release(&g->lock);
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

/* ---- asking first ---------------------------------------------------------------------------- */

/* All are asked, by a thread of its own, so that who is silent holds up nobody. */
struct asking {
    struct peer *peer;
    struct thread thread; /* not started: nothing is asked */
    bool done;            /* guarded by the gets' lock */
};

static bool is_anything_known(struct peer *p)
{
    struct catalog_counts n;
    catalog_count(p->catalog, &n);
    return n.entries > n.owned;
}

/* Most answer at once; those that do not have more time if nothing is known without them. */
static void ask_all(void *arg)
{
    struct asking *a = arg;
    struct peer *p = a->peer;
    int64_t start_us = clock_mono_us();
    enum di_err err = DI_OK;
    do {
        int64_t now_us = clock_mono_us();
        struct patience little = {.deadline_us = now_us + PEER_CALL_US,
                                  .first_us = now_us + PEER_PROMPT_US,
                                  .waker = p->waker};
        err = query_all(p, RFC_SCOPE_OWN, ASKED_FIRST, &little);
    } while (err != DI_CANCELLED && err != DI_NOMEM && !is_anything_known(p) &&
             !neighbours_all_asked(p->neighbours, start_us));
    if (!is_anything_known(p) && neighbours_any_unheard(p->neighbours)) {
        struct patience more = {.deadline_us = clock_mono_us() + PEER_CALL_US, .waker = p->waker};
        (void)query_unheard(p, RFC_SCOPE_OWN, &more);
    }
    lock_acquire(&p->gets->lock);
    a->done = true;
    cond_broadcast(&p->gets->changed);
    lock_release(&p->gets->lock);
}

/* Until all have answered, or some have and the rest takes three times as long. */
static void wait_for_answers(struct asking *a)
{
    struct gets *g = a->peer->gets;
    int64_t start_us = clock_mono_us(), until_us = INT64_MAX;
    bool go_on = true;
    while (go_on) {
        lock_acquire(&g->lock);
        uint64_t news = g->news;
        lock_release(&g->lock);
        bool some = is_anything_known(a->peer);
        if (some && until_us == INT64_MAX) {
            int64_t more_us = 3 * (clock_mono_us() - start_us);
            until_us = clock_mono_us() + (more_us > ANSWERS_MIN_US ? more_us : ANSWERS_MIN_US);
        }
        lock_acquire(&g->lock);
        if (!a->done && g->news == news)
            (void)cond_wait_until(&g->changed, &g->lock, until_us);
        go_on = !a->done && clock_mono_us() < until_us;
        lock_release(&g->lock);
    }
}

static void asking_begin(struct asking *a)
{
    if (thread_start(&a->thread, "asking", ask_all, a) == DI_OK)
        wait_for_answers(a);
    else
        ask_all(a);
}

/*
 * "Asks for peers and indexes if there are none"; registers if need be, meanwhile: that takes the RS
 * a write to its disk. *joining: what came of it is to be seen by join.
 *
 * Where the numbers are given nobody's answer is waited for: the seeker asks, and who answers first is
 * downloaded from first. NULL: whatever there will be. Else asking may go on when it returns.
 */
static enum di_err prepare(struct peer *p, const struct peer_get *what, bool *joining,
                           struct asking *asking)
{
    const struct addr *from = what != NULL && what->has_from ? &what->from : NULL;
    struct patience patience = {.deadline_us = clock_mono_us() + PEER_CALL_US, .waker = p->waker};
    bool changed = false;
    enum di_err err = DI_OK;
    if (from != NULL)
        neighbours_add_named(p->neighbours, from);
    *joining = !peer_is_registered(p);
    if (*joining)
        registrar_begin(p->registrar);
    if (neighbours_active(p->neighbours) == 0)
        err = neighbours_ask(p->neighbours, &patience, false, &changed);
    if (err != DI_OK) {
        *joining = false;
        (void)rs_report(p->rs, "joining failed", err);
        /* Without the RS it goes on with whom one knows, if there is anyone. */
        if (err == DI_CANCELLED || (from == NULL && neighbours_active(p->neighbours) == 0))
            return err;
    }
    /* Who does not answer says so in the outcome of what depends on it. */
    patience.deadline_us = clock_mono_us() + PEER_CALL_US; /* the RS may have taken its time */
    if (from != NULL)
        query_one(p, from, RFC_SCOPE_OWN, &patience, &changed);
    else if (what != NULL && !is_anything_known(p) && !select_is_final(p, what))
        asking_begin(asking);
    return peer_is_cancelled(p) ? DI_CANCELLED : DI_OK;
}

/* Without it one is not found by others, but what was wanted may well be here. */
static void join(struct peer *p)
{
    enum di_err err = registrar_await(p->registrar, clock_mono_us() + PEER_CALL_US);
    (void)rs_report(p->rs, "registering failed", err);
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
    lock_release(&g->lock);
    return err;
}

static void enlist(struct gets *g, struct get *get)
{
    lock_acquire(&g->lock);
    get->next = g->list;
    g->list = get;
    lock_release(&g->lock);
}

static void delist(struct gets *g, struct get *get)
{
    lock_acquire(&g->lock);
    struct get **at = &g->list;
    while (*at != get)
        at = &(*at)->next;
    *at = get->next;
    lock_release(&g->lock);
}

/* order: as asked for; get->rfcs is the same, ascending. */
static enum di_err download(struct gets *g, struct get *get, const struct numbers *order,
                            const struct peer_get *what)
{
    struct peer *p = g->peer;
    enum di_err err = what->serial ? downloads_serial_pool(p->downloads, &get->pool)
                                   : downloads_pool(p->downloads, &get->pool);
    if (err != DI_OK)
        return err;
    downloads_allow(p->downloads, order);
    enlist(g, get);
    err = seeker_plan(p->seeker, get->pool, order, &get->rfcs, what->has_from ? &what->from : NULL);
    if (downloads_lack_holders(p->downloads))
        seeker_look(p->seeker); /* its first round, before it listens */
    seeker_need(p->seeker, true);
    if (err == DI_OK)
        err = await(g, get);
    seeker_need(p->seeker, false);
    delist(g, get);
    if (what->serial)
        downloads_serial_pool_end(p->downloads, get->pool);
    return err;
}

/* Those that the get means, as far as is known, but for those that it had before. */
static enum di_err get_known(struct peer *p, const struct peer_get *what, struct get *get,
                             struct numbers *had)
{
    struct numbers order = {0};
    enum di_err err = select_wanted(p, what, &order);
    numbers_remove(&order, had);
    if (err == DI_OK)
        err = numbers_sorted(&order, &get->rfcs);
    if (err == DI_OK && order.count > 0) {
        get->left = get->rfcs.count;
        get->open = malloc(get->left * sizeof(*get->open));
        if (get->open == NULL) {
            err = DI_NOMEM;
        } else {
            memset(get->open, true, get->left * sizeof(*get->open));
            err = download(p->gets, get, &order, what);
        }
    }
    free(get->open);
    numbers_fini(&order);
    for (size_t i = 0; i < get->rfcs.count; i++)
        numbers_add(had, get->rfcs.n[i]);
    if (had->count > 0)
        qsort(had->n, had->count, sizeof(*had->n), numbers_compare);
    numbers_fini(&get->rfcs);
    get->open = NULL;
    return err == DI_OK ? had->err : err;
}

static enum di_err get_documents(struct peer *p, const struct peer_get *what, struct get *get)
{
    struct numbers had = {0};
    struct asking asking = {.peer = p};
    bool joining = false;
    enum di_err err = wait_scanned(p->gets);
    if (err == DI_OK)
        err = prepare(p, what, &joining, &asking);
    if (err != DI_OK) {
        thread_join(&asking.thread);
        return err;
    }
    err = get_known(p, what, get, &had);
    /* "all" is also what those have who were not heard at once. */
    if (asking.thread.started) {
        thread_join(&asking.thread);
        err = err == DI_OK ? get_known(p, what, get, &had) : err;
    }
    if (err == DI_OK && !what->has_from && !select_is_final(p, what) &&
        neighbours_any_unheard(p->neighbours)) {
        log_write(LOG_WARN, "asking once more who did not answer; that may take 10 s");
        struct patience more = {.deadline_us = clock_mono_us() + PEER_CALL_US, .waker = p->waker};
        (void)query_unheard(p, RFC_SCOPE_OWN, &more);
        err = peer_is_cancelled(p) ? DI_CANCELLED : get_known(p, what, get, &had);
    }
    if (joining)
        join(p);
    numbers_fini(&had);
    if (err != DI_OK && err != DI_CANCELLED)
        peer_emit_trouble(p, "the downloads were not planned", err);
    return err;
}

enum di_err peer_get(struct peer *p, const struct peer_get *what, struct peer_result *result)
{
    int64_t start_us = clock_mono_us();
    struct get get = {0};
    enum di_err err = get_documents(p, what, &get);
    get.result.us = clock_mono_us() - start_us;
    get.result.unheard = neighbours_any_unheard(p->neighbours);
    peer_emit(p, (struct peer_event){.kind = PEER_EV_COMPLETE,
                                     .files = get.result.done,
                                     .bytes = get.result.bytes,
                                     .us = get.result.us});
    *result = get.result;
    return err;
}

void peer_watch(struct peer *p)
{
    seeker_watch(p->seeker);
}

void peer_sync_end(struct peer *p)
{
    seeker_sync(p->seeker, false);
}

enum di_err peer_sync(struct peer *p)
{
    bool joining = false;
    enum di_err err = wait_scanned(p->gets);
    if (err == DI_OK)
        err = prepare(p, NULL, &joining, NULL);
    if (err == DI_OK)
        seeker_sync(p->seeker, true);
    if (joining)
        join(p);
    return err;
}
