/*
 * The thread "seeker": while something is wanted, or somebody watches, it looks for holders. A round asks the RS for
 * peers and them for what they hold, then gives up what nobody can deliver. After it the seeker
 * listens for news (long polls) until the next round is due or the downloads have nothing to try.
 */
#include "internal.h"

#include <stdlib.h>
#include <string.h>

#define ROUND_EVERY_US CLOCK_US_PER_S
#define QUIET_ROUND_US (16 * CLOCK_US_PER_S) /* at most: while nothing is new and all is here */
#define WATCH_ROUND_US (60 * CLOCK_US_PER_S) /* the same for who only watches: the polls tell him */
#define LISTEN_S 2                           /* at least */
/* sync: before what could not be had is tried again; doubled as long as nothing comes of it. */
#define AGAIN_FIRST_US (2 * CLOCK_US_PER_S)
#define AGAIN_LAST_US (60 * CLOCK_US_PER_S)
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
    bool ending; /* sync is off: what it had wanted is still looked for, or given up */
    bool watched;
    bool stop;
    bool look_now;  /* a round is due */
    bool looking;   /* one is under way */
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

static void look_now_locked(struct seeker *s)
{
    s->look_now = true;
    stir_locked(s);
}

void seeker_look(struct seeker *s)
{
    lock_acquire(&s->lock);
    look_now_locked(s);
    lock_release(&s->lock);
}

void seeker_on_stuck(struct seeker *s)
{
    lock_acquire(&s->lock);
    /* What the round under way brings may be what was missing: its end shows. */
    if (!s->looking && downloads_are_stuck(s->peer->downloads))
        look_now_locked(s);
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

void seeker_watch(struct seeker *s)
{
    lock_acquire(&s->lock);
    if (!s->watched)
        stir_locked(s);
    s->watched = true;
    lock_release(&s->lock);
}

bool seeker_is_syncing(struct seeker *s)
{
    lock_acquire(&s->lock);
    bool sync = s->sync;
    lock_release(&s->lock);
    return sync;
}

void seeker_sync(struct seeker *s, bool on)
{
    lock_acquire(&s->lock);
    s->sync = on;
    s->ending = !on;
    if (on)
        look_now_locked(s);
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
    downloads_leave_out_refused(p->downloads, &numbers);
    err = pool_plan_begin(pool, &numbers, NULL);
    downloads_offer(p->downloads, offers, count);
    pool_plan_end(pool);
    err = err != DI_OK ? err : numbers.err;
    numbers_fini(&numbers);
    return err;
}

void seeker_on_offers(struct seeker *s, struct offer *offers, size_t count)
{
    gets_on_offers(s->peer->gets);
    if (!seeker_is_syncing(s)) {
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

/* ---- rounds ---------------------------------------------------------------------------------- */

/* What the rounds before have shown. The seeker's thread. */
struct rounds {
    int64_t last_us;                    /* when the last one began */
    int64_t pause_us;                   /* between two while no get waits */
    char version[CHANGES_VERSION_SIZE]; /* of the catalog then */
    bool rs_silent;                     /* and that was reported */
    size_t missing;                     /* documents that others have and we have not */
    int64_t again_us, again_pause_us;   /* when these are wanted again */
};

/* Is it time for another try to get count missing ones? At once if fewer are missing than before. */
static bool is_time_again(struct rounds *r, size_t count)
{
    int64_t now_us = clock_mono_us();
    if (count < r->missing)
        r->again_us = r->again_pause_us = 0;
    r->missing = count;
    if (count == 0 || now_us < r->again_us)
        return false;
    int64_t pause_us = r->again_pause_us == 0 ? AGAIN_FIRST_US : 2 * r->again_pause_us;
    r->again_pause_us = pause_us < AGAIN_LAST_US ? pause_us : AGAIN_LAST_US;
    r->again_us = now_us + r->again_pause_us;
    return true;
}

/* sync: everything that is known of and not here is wanted. */
static void want_missing(struct seeker *s, struct rounds *r)
{
    struct peer *p = s->peer;
    struct numbers all = {0};
    struct pool *pool = NULL;
    enum di_err err = select_known(p, 1, WIRE_RFC_MAX, NULL, &all);
    downloads_leave_out_refused(p->downloads, &all);
    if (err == DI_OK && is_time_again(r, all.count)) {
        err = downloads_pool(p->downloads, &pool);
        if (err == DI_OK)
            err = want(p, pool, &all, &all, NULL);
    }
    numbers_fini(&all);
    if (err != DI_OK)
        peer_emit_trouble(p, "what is missing cannot be planned", err);
}

/* Nothing has changed and nothing is missing: the next round has time. */
static void slow_down(struct seeker *s, struct rounds *r)
{
    struct peer *p = s->peer;
    int64_t most_us = seeker_is_syncing(s) || r->rs_silent ? QUIET_ROUND_US : WATCH_ROUND_US;
    char version[CHANGES_VERSION_SIZE];
    catalog_version(p->catalog, RFC_SCOPE_ALL, version);
    bool quiet = strcmp(version, r->version) == 0 && downloads_pending(p->downloads) == 0;
    memcpy(r->version, version, sizeof(version));
    int64_t pause_us = quiet ? 2 * r->pause_us : ROUND_EVERY_US;
    r->pause_us = pause_us < most_us ? pause_us : most_us;
}

static void look(struct seeker *s, struct rounds *r)
{
    struct peer *p = s->peer;
    bool changed = false;
    struct patience patience = {.deadline_us = clock_mono_us() + PEER_CALL_US, .waker = p->waker};
    lock_acquire(&s->lock);
    uint64_t planned = s->planned;
    int64_t planned_us = s->planned_us;
    lock_release(&s->lock);

    downloads_on_round(p->downloads);
    bool need = downloads_lack_holders(p->downloads);
    bool crowd = neighbours_is_crowd(p->neighbours);
    enum di_err err = DI_OK;
    if (crowd && need && neighbours_all_asked(p->neighbours, planned_us)) {
        neighbours_want_whole(p->neighbours);
        crowd = false;
    }
    if (r->rs_silent) /* it has had its ten seconds */
        patience.first_us = clock_mono_us() + PEER_PROMPT_US;
    if (need || !crowd)
        err = neighbours_ask(p->neighbours, &patience, false, &changed);
    if (err == DI_OK) {
        r->rs_silent = false;
    } else if (!r->rs_silent && err != DI_CANCELLED) {
        r->rs_silent = true;
        (void)rs_report(p->rs, "no news of other peers; going on with those known", err);
    }
    /* Who does not answer says so in the outcome of what depends on it. */
    patience.deadline_us = clock_mono_us() + PEER_CALL_US; /* the RS may have taken its time */
    /* Most answer at once; whoever is slow may be the one who has it. */
    patience.first_us = need ? clock_mono_us() + PEER_PROMPT_US : 0;
    err = query_all(p, RFC_SCOPE_OWN, need ? ASKED_IN_NEED : ASKED_BESIDES, &patience);
    if (need && err != DI_CANCELLED && downloads_lack_holders(p->downloads) &&
        neighbours_all_asked(p->neighbours, planned_us) && neighbours_any_unheard(p->neighbours)) {
        patience.deadline_us = patience.first_us = clock_mono_us() + PEER_CALL_US;
        err = query_unheard(p, RFC_SCOPE_OWN, &patience);
    }
    if (changed) /* whoever is back, or new, may bring what could not be had */
        r->again_us = r->again_pause_us = 0;
    if (seeker_is_syncing(s))
        want_missing(s, r);
    /* Without memory nobody can be asked; what cannot be had then is not waited for. */
    if (err == DI_NOMEM || (!crowd && neighbours_all_asked(p->neighbours, planned_us)))
        give_up(s, planned);
    else if (need)
        seeker_look(s); /* others may have it */
    downloads_close_unused(p->downloads);
    slow_down(s, r);
}

static bool is_idle_locked(const struct seeker *s)
{
    bool ending = s->ending && downloads_pending(s->peer->downloads) > 0;
    return (s->needed == 0 && !s->sync && !ending && !s->watched) || peer_is_cancelled(s->peer);
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
static void listen_for_news(struct seeker *s, struct rounds *r)
{
    struct peer *p = s->peer;
    bool changed = false;
    unsigned wait_s = (unsigned)(r->pause_us / CLOCK_US_PER_S);
    if (wait_s < LISTEN_S)
        wait_s = LISTEN_S;
    struct patience patience = {
        .wait_s = wait_s,
        .deadline_us = clock_mono_us() + wait_s * CLOCK_US_PER_S + LISTEN_GRACE_US,
        .waker = s->interrupt,
    };
    struct listening *l = query_listen_begin(p, &patience);
    if (neighbours_is_crowd(p->neighbours))
        pass_time(s, clock_mono_us() + wait_s * CLOCK_US_PER_S);
    else if (neighbours_ask(p->neighbours, &patience, false, &changed) == DI_OK && changed)
        seeker_look(s); /* whoever is new has not been asked */
    if (changed)
        r->again_us = r->again_pause_us = 0;
    query_listen_end(l);
    if (seeker_is_syncing(s))
        want_missing(s, r);
}

/* Leaves the lock meanwhile. */
static void listen_locked(struct seeker *s, struct rounds *r)
{
    lock_assert_held(&s->lock);
    net_waker_reset(s->interrupt);
    s->listening = true;
    lock_release(&s->lock);
    listen_for_news(s, r);
    lock_acquire(&s->lock);
    s->listening = false;
}

static int64_t round_due_us_locked(const struct seeker *s, const struct rounds *r)
{
    return r->last_us + (s->needed > 0 ? ROUND_EVERY_US : r->pause_us);
}

static void run(void *arg)
{
    struct seeker *s = arg;
    struct rounds r = {.pause_us = ROUND_EVERY_US};
    bool listened = false; /* since the last round */
    lock_acquire(&s->lock);
    while (!s->stop) {
        if (is_idle_locked(s)) {
            s->ending = false;
            cond_wait(&s->changed, &s->lock);
            /* Whoever begins has asked just before. */
            r.last_us = clock_mono_us();
            listened = false;
        } else if (s->look_now || clock_mono_us() >= round_due_us_locked(s, &r)) {
            s->look_now = false;
            s->looking = true;
            r.last_us = clock_mono_us();
            listened = false;
            lock_release(&s->lock);
            look(s, &r);
            lock_acquire(&s->lock);
            s->looking = false;
            s->look_now = s->look_now || downloads_are_stuck(s->peer->downloads);
        } else if (!listened) {
            listened = true;
            listen_locked(s, &r);
        } else {
            (void)cond_wait_until(&s->changed, &s->lock, round_due_us_locked(s, &r));
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
