/*
 * Our registration: REGISTER, LEAVE, KEEP-ALIVE, the cookie, and the thread "registrar" that renews
 * and comes back with jittered back-off when the RS was gone. Exchanges that change the registration
 * take turns (`busy`); the lock itself is never held while waiting for the RS.
 */
#include "internal.h"

#include "p2pdi/base/log.h"
#include "p2pdi/base/random.h"

#include <stdlib.h>

#define BACKOFF_FIRST_US CLOCK_US_PER_S
#define BACKOFF_LAST_US (60 * CLOCK_US_PER_S)
#define LINGER_US (CLOCK_US_PER_S / 2)
#define LEAVE_BEFORE_US (300 * CLOCK_US_PER_MS) /* the end: time for what comes after it */

struct registrar {
    struct peer *peer;
    struct thread thread;

    struct lock lock;
    struct cond changed;
    bool stop;
    bool leaving; /* for good: the last exchange */
    bool busy;    /* somebody registers, leaves or renews */
    bool wanted;  /* the user wants us to be registered */
    bool begun;   /* the thread's next exchange is one that somebody may await */
    enum di_err begun_err;
    bool registered;
    bool complained; /* an outage is reported once */
    bool has_cookie;
    uint64_t cookie;
    uint32_t peer_id, ttl_s;
    enum wire_reachable reachable;
    int64_t renewed_us; /* when the TTL started */
    int64_t due_us;     /* when the thread acts next */
    int64_t backoff_us; /* before the next try; 0: the last one went well */
    struct prng prng;
};

enum di_err registrar_new(struct peer *p, struct registrar **out)
{
    struct registrar *r = calloc(1, sizeof(*r));
    if (r == NULL)
        return DI_NOMEM;
    r->peer = p;
    lock_init(&r->lock);
    cond_init(&r->changed);
    prng_seed(&r->prng, p->cfg.seed);
    enum di_err err = state_cookie_load(p->cfg.state, &r->cookie);
    r->has_cookie = err == DI_OK;
    if (err != DI_OK && err != DI_NOT_FOUND)
        log_write(LOG_WARN, "the kept cookie cannot be used, registering as new: %s",
                  di_err_text(err));
    *out = r;
    return DI_OK;
}

void registrar_free(struct registrar *r)
{
    if (r == NULL)
        return;
    cond_fini(&r->changed);
    lock_fini(&r->lock);
    free(r);
}

/* Uniform in [1/2, 3/2) of us, so that those who lost the RS together do not come back together. */
static int64_t jitter_locked(struct registrar *r, int64_t us)
{
    lock_assert_held(&r->lock);
    return us / 2 + (int64_t)prng_below(&r->prng, (uint64_t)us);
}

void registrar_sign(struct registrar *r, struct wire_request *request)
{
    lock_acquire(&r->lock);
    request->has_cookie = r->has_cookie;
    request->cookie = r->cookie;
    lock_release(&r->lock);
}

void registrar_on_silence(struct registrar *r)
{
    lock_acquire(&r->lock);
    int64_t soon_us = clock_mono_us() + jitter_locked(r, BACKOFF_FIRST_US);
    if (r->wanted && soon_us < r->due_us) {
        r->due_us = soon_us;
        cond_broadcast(&r->changed);
    }
    lock_release(&r->lock);
}

/* ---- exchanges that change the registration -------------------------------------------------- */

static enum di_err call(struct registrar *r, struct wire_request *q, int64_t deadline_us,
                        struct reply *out)
{
    lock_acquire(&r->lock);
    /* Leaving goes on after the cancel. And a REGISTER that was sent may be carried out: without its
     * answer there would be a record that nobody can take back. */
    struct patience patience = {.deadline_us = deadline_us,
                                .waker = r->leaving ? NULL : r->peer->waker,
                                .linger_us = q->method == WIRE_REGISTER ? LINGER_US : 0};
    lock_release(&r->lock);
    return rs_call(r->peer->rs, q, &patience, out);
}

static enum di_err claim(struct registrar *r, int64_t deadline_us)
{
    enum di_err err = DI_OK;
    lock_acquire(&r->lock);
    while (r->busy && err == DI_OK) {
        if (peer_is_cancelled(r->peer) && !r->stop)
            err = DI_CANCELLED;
        else if (!cond_wait_until(&r->changed, &r->lock, deadline_us) && r->busy)
            err = DI_TIMEOUT;
    }
    if (err == DI_OK)
        r->busy = true;
    lock_release(&r->lock);
    return err;
}

static void unclaim(struct registrar *r)
{
    lock_acquire(&r->lock);
    r->busy = false;
    cond_broadcast(&r->changed);
    lock_release(&r->lock);
}

static void renewed_locked(struct registrar *r, uint32_t ttl_s)
{
    lock_assert_held(&r->lock);
    int64_t ttl_us = ttl_s * CLOCK_US_PER_S;
    r->ttl_s = ttl_s;
    r->renewed_us = clock_mono_us();
    r->backoff_us = 0;
    r->complained = false;
    r->due_us = r->renewed_us + ttl_us / 4 + jitter_locked(r, ttl_us / 12 + 1);
}

/* The RS does not count on us any more. If we want to be registered it is the thread's turn, unless
 * somebody else does it first. */
static void lapsed_locked(struct registrar *r)
{
    lock_assert_held(&r->lock);
    r->registered = false;
    r->due_us = 0;
    cond_broadcast(&r->changed);
}

void registrar_on_listed(struct registrar *r, uint32_t ttl_s, int64_t asked_us)
{
    lock_acquire(&r->lock);
    if (r->registered && ttl_s > 0)
        renewed_locked(r, ttl_s);
    else if (r->registered && r->renewed_us < asked_us)
        lapsed_locked(r);
    lock_release(&r->lock);
}

static void forget_cookie(struct registrar *r, uint64_t cookie)
{
    lock_acquire(&r->lock);
    bool ours = r->has_cookie && r->cookie == cookie;
    if (ours) {
        r->has_cookie = false;
        lapsed_locked(r);
    }
    lock_release(&r->lock);
    if (ours && state_cookie_forget(r->peer->cfg.state) != DI_OK)
        log_write(LOG_WARN, "the old cookie could not be removed");
}

/* Takes what the RS handed out; the cookie is kept before anyone relies on it. */
static enum di_err accept_registration(struct registrar *r, const struct wire_response *head)
{
    /* One that runs out at once would be renewed without a pause. */
    if (!head->has_cookie || !head->has_ttl || head->ttl_s == 0 || !head->has_peer)
        return DI_PROTOCOL;
    enum di_err err = state_cookie_save(r->peer->cfg.state, head->cookie);
    if (err != DI_OK)
        log_write(LOG_WARN, "the cookie could not be kept: %s", di_err_text(err));
    enum wire_reachable reachable = WIRE_REACHABLE_UNKNOWN;
    if (slice_equal(head->reachable, SLICE("yes")))
        reachable = WIRE_REACHABLE_YES;
    else if (slice_equal(head->reachable, SLICE("no")))
        reachable = WIRE_REACHABLE_NO;
    lock_acquire(&r->lock);
    r->has_cookie = true;
    r->cookie = head->cookie;
    bool renumbered = r->peer_id != head->peer;
    r->peer_id = head->peer;
    r->reachable = reachable;
    r->registered = true;
    renewed_locked(r, head->ttl_s);
    lock_release(&r->lock);
    if (renumbered)
        neighbours_tell_company(r->peer->neighbours);
    peer_emit(r->peer, (struct peer_event){.kind = PEER_EV_REGISTERED,
                                           .peer_id = head->peer,
                                           .ttl_s = head->ttl_s,
                                           .reachable = reachable});
    return DI_OK;
}

/* REGISTER, with the cookie if there is one. "Unknown cookie: 401, registers again without." */
static enum di_err exchange_register(struct registrar *r, int64_t deadline_us)
{
    for (int i = 0; i < 2; i++) {
        struct wire_request q = {.method = WIRE_REGISTER};
        struct reply reply;
        enum di_err err = call(r, &q, deadline_us, &reply);
        if (err != DI_OK)
            return err;
        int status = reply.head.status;
        err = status == 200 ? accept_registration(r, &reply.head) : reply_fault(&reply);
        reply_fini(&reply);
        if (status != 401 || !q.has_cookie)
            return err;
        forget_cookie(r, q.cookie);
    }
    return DI_PROTOCOL;
}

static enum di_err exchange_leave(struct registrar *r, int64_t deadline_us)
{
    struct wire_request q = {.method = WIRE_LEAVE};
    struct reply reply;
    enum di_err err = call(r, &q, deadline_us, &reply);
    if (err != DI_OK)
        return err;
    /* Not known there (any more) is as good as having left. */
    err = reply.head.status == 200 || reply.head.status == 401 ? DI_OK : reply_fault(&reply);
    reply_fini(&reply);
    if (err != DI_OK)
        return err;
    lock_acquire(&r->lock);
    lapsed_locked(r); /* somebody may have wanted to be registered meanwhile */
    lock_release(&r->lock);
    peer_emit(r->peer, (struct peer_event){.kind = PEER_EV_LEFT});
    return DI_OK;
}

/* KEEP-ALIVE; "record inactive: 404, register again". */
static enum di_err exchange_keepalive(struct registrar *r, int64_t deadline_us)
{
    struct wire_request q = {.method = WIRE_KEEP_ALIVE};
    struct reply reply;
    enum di_err err = call(r, &q, deadline_us, &reply);
    if (err != DI_OK)
        return err;
    int status = reply.head.status;
    uint32_t ttl_s = reply.head.has_ttl ? reply.head.ttl_s : RFC_TTL_S;
    err = reply_fault(&reply);
    reply_fini(&reply);
    if (status == 200 && ttl_s > 0) {
        lock_acquire(&r->lock);
        renewed_locked(r, ttl_s);
        lock_release(&r->lock);
        return DI_OK;
    }
    if (status != 401 && status != 404)
        return err;
    if (status == 401) {
        forget_cookie(r, q.cookie);
    } else {
        lock_acquire(&r->lock);
        lapsed_locked(r);
        lock_release(&r->lock);
    }
    return exchange_register(r, deadline_us);
}

static enum di_err register_now(struct registrar *r, int64_t deadline_us)
{
    lock_acquire(&r->lock);
    r->wanted = true;
    r->due_us = deadline_us; /* the thread leaves it to us until then */
    lock_release(&r->lock);
    enum di_err err = claim(r, deadline_us);
    if (err != DI_OK)
        return err;
    err = exchange_register(r, deadline_us);
    if (err != DI_OK) {
        lock_acquire(&r->lock);
        r->complained = true; /* the caller does */
        r->due_us = clock_mono_us() + jitter_locked(r, BACKOFF_FIRST_US);
        lock_release(&r->lock);
    }
    unclaim(r);
    return err;
}

void registrar_begin(struct registrar *r)
{
    lock_acquire(&r->lock);
    r->wanted = true;
    r->begun = true;
    r->begun_err = DI_CANCELLED;
    r->due_us = 0;
    r->complained = true; /* who awaits it does */
    cond_broadcast(&r->changed);
    lock_release(&r->lock);
}

enum di_err registrar_await(struct registrar *r, int64_t deadline_us)
{
    enum di_err err = DI_OK;
    lock_acquire(&r->lock);
    /* Whoever registered us meanwhile: the thread then has nothing to do for a long time. */
    while (r->begun && !r->registered && err == DI_OK) {
        if (peer_is_cancelled(r->peer))
            err = DI_CANCELLED;
        else if (!cond_wait_until(&r->changed, &r->lock, deadline_us) && r->begun)
            err = DI_TIMEOUT;
    }
    if (err == DI_OK && !r->registered)
        err = r->begun_err;
    lock_release(&r->lock);
    return err;
}

static bool is_to_register(struct registrar *r)
{
    lock_acquire(&r->lock);
    bool to_register = r->wanted && !r->registered;
    lock_release(&r->lock);
    return to_register;
}

enum di_err registrar_on_unknown(struct registrar *r, uint64_t cookie, int64_t deadline_us)
{
    forget_cookie(r, cookie);
    if (!is_to_register(r))
        return DI_OK;
    enum di_err err = claim(r, deadline_us);
    if (err != DI_OK)
        return err;
    if (is_to_register(r)) /* nobody else did meanwhile, nor did the user leave */
        err = exchange_register(r, deadline_us);
    unclaim(r);
    return err;
}

/* ---- peer.h ---------------------------------------------------------------------------------- */

enum di_err peer_register(struct peer *p, int64_t timeout_us)
{
    enum di_err err = register_now(p->registrar, clock_mono_us() + timeout_us);
    return rs_report(p->rs, "registering failed", err);
}

enum di_err peer_leave(struct peer *p, int64_t timeout_us)
{
    struct registrar *r = p->registrar;
    int64_t deadline_us = clock_mono_us() + timeout_us;
    lock_acquire(&r->lock);
    r->wanted = false;
    r->begun = false; /* the thread may not have come to it, and will not now */
    r->begun_err = DI_CANCELLED;
    cond_broadcast(&r->changed);
    lock_release(&r->lock);
    enum di_err err = claim(r, deadline_us);
    if (err == DI_OK) {
        if (peer_is_registered(p))
            err = exchange_leave(r, deadline_us);
        unclaim(r);
    }
    return rs_report(r->peer->rs, "leaving failed", err);
}

enum di_err peer_keepalive(struct peer *p, int64_t timeout_us)
{
    struct registrar *r = p->registrar;
    int64_t deadline_us = clock_mono_us() + timeout_us;
    enum di_err err = DI_NOT_FOUND;
    if (peer_is_registered(p)) {
        err = claim(r, deadline_us);
        if (err == DI_OK) {
            err = peer_is_registered(p) ? exchange_keepalive(r, deadline_us) : DI_NOT_FOUND;
            unclaim(r);
        }
    }
    return rs_report(r->peer->rs, "the registration was not renewed", err);
}

bool peer_is_registered(struct peer *p)
{
    lock_acquire(&p->registrar->lock);
    bool registered = p->registrar->registered;
    lock_release(&p->registrar->lock);
    return registered;
}

void registrar_status(struct registrar *r, struct peer_status *out)
{
    lock_acquire(&r->lock);
    int64_t gone_s = (clock_mono_us() - r->renewed_us) / CLOCK_US_PER_S;
    out->registered = r->registered;
    out->peer_id = r->peer_id;
    out->reachable = r->reachable;
    out->ttl_s = r->registered && gone_s < r->ttl_s ? r->ttl_s - (uint32_t)gone_s : 0;
    lock_release(&r->lock);
}

/* ---- the thread ------------------------------------------------------------------------------ */

static void on_failure(struct registrar *r, const char *what, enum di_err err)
{
    lock_acquire(&r->lock);
    /* Slowly: were it doubled, those of many different delays would mix, and more than three times as
     * many as on average would be back in one second. */
    int64_t more_us = r->backoff_us + r->backoff_us / 4;
    if (r->backoff_us == 0)
        more_us = BACKOFF_FIRST_US;
    r->backoff_us = more_us < BACKOFF_LAST_US ? more_us : BACKOFF_LAST_US;
    r->due_us = clock_mono_us() + jitter_locked(r, r->backoff_us);
    bool first = !r->complained;
    r->complained = true;
    lock_release(&r->lock);
    if (first)
        (void)rs_report(r->peer->rs, what, err);
}

static void end_begun(struct registrar *r, enum di_err err)
{
    lock_acquire(&r->lock);
    r->begun = false;
    r->begun_err = err;
    cond_broadcast(&r->changed);
    lock_release(&r->lock);
}

static void act(struct registrar *r)
{
    int64_t deadline_us = clock_mono_us() + PEER_CALL_US;
    enum di_err err = claim(r, deadline_us);
    if (err != DI_OK) {
        end_begun(r, err);
        return;
    }
    lock_acquire(&r->lock);
    bool due = r->wanted && clock_mono_us() >= r->due_us;
    bool registered = r->registered;
    lock_release(&r->lock);
    if (due) {
        err = registered ? exchange_keepalive(r, deadline_us) : exchange_register(r, deadline_us);
        if (err != DI_OK && err != DI_CANCELLED)
            on_failure(r,
                       registered ? "the registration was not renewed; trying again"
                                  : "registering failed; trying again",
                       err);
        end_begun(r, err);
    }
    unclaim(r);
}

static void run(void *arg)
{
    struct registrar *r = arg;
    lock_acquire(&r->lock);
    while (!r->stop) {
        if (!r->wanted || peer_is_cancelled(r->peer)) {
            cond_wait(&r->changed, &r->lock);
        } else if (clock_mono_us() < r->due_us) {
            (void)cond_wait_until(&r->changed, &r->lock, r->due_us);
        } else {
            lock_release(&r->lock);
            act(r);
            lock_acquire(&r->lock);
        }
    }
    lock_release(&r->lock);
}

enum di_err registrar_start(struct registrar *r)
{
    return thread_start(&r->thread, "registrar", run, r);
}

void registrar_wake(struct registrar *r)
{
    lock_acquire(&r->lock);
    cond_broadcast(&r->changed);
    lock_release(&r->lock);
}

void registrar_stop(struct registrar *r)
{
    lock_acquire(&r->lock);
    r->stop = true;
    cond_broadcast(&r->changed);
    lock_release(&r->lock);
    thread_join(&r->thread);
    bool leave = peer_is_registered(r->peer); /* it may have become that just now */
    r->leaving = true;                        /* nobody else runs any more */
    if (leave)
        (void)rs_report(r->peer->rs, "leaving failed",
                        exchange_leave(r, peer_stopped_by_us(r->peer) - LEAVE_BEFORE_US));
}
