/*
 * Parked long polls: which connections wait for news, and until when. Workers add; only the
 * listener thread offers and drops, so the listener may look at a waiter without the lock that
 * guards the list's ends.
 */
#include "p2pdi/base/thread.h"
#include "p2pdi/service/service.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <utlist.h>

struct waiter {
    struct net_token token;
    int64_t deadline_us;
    void *request;
    struct waiter *prev, *next;
};

struct waiters {
    size_t slots;
    _Atomic(size_t) count; /* of those that wait, also while they are offered */
    struct lock lock;
    struct waiter *list;      /* guarded by lock */
    struct waiter *by_slot[]; /* guarded by lock; a connection waits for one answer at a time */
};

enum di_err waiters_new(size_t slots, struct waiters **out)
{
    struct waiters *w = calloc(1, sizeof(*w) + slots * sizeof(w->by_slot[0]));
    if (w == NULL)
        return DI_NOMEM;
    w->slots = slots;
    lock_init(&w->lock);
    *out = w;
    return DI_OK;
}

static void waiter_free(struct waiters *w, struct waiter *e)
{
    atomic_fetch_sub(&w->count, 1);
    free(e->request);
    free(e);
}

void waiters_free(struct waiters *w)
{
    if (w == NULL)
        return;
    struct waiter *e;
    struct waiter *next;
    DL_FOREACH_SAFE (w->list, e, next) {
        DL_DELETE(w->list, e);
        waiter_free(w, e);
    }
    lock_fini(&w->lock);
    free(w);
}

bool waiters_is_empty(const struct waiters *w)
{
    return atomic_load(&w->count) == 0;
}

enum di_err waiters_add(struct waiters *w, struct net_token token, int64_t deadline_us,
                        void *request)
{
    struct waiter *e = calloc(1, sizeof(*e));
    if (e == NULL)
        return DI_NOMEM;
    *e = (struct waiter){.token = token, .deadline_us = deadline_us, .request = request};
    bool added = false;
    lock_acquire(&w->lock);
    if (token.slot < w->slots && w->by_slot[token.slot] == NULL) {
        w->by_slot[token.slot] = e;
        DL_APPEND(w->list, e);
        atomic_fetch_add(&w->count, 1);
        added = true;
    }
    lock_release(&w->lock);
    if (!added) {
        free(e);
        return DI_LIMIT;
    }
    /* cppcheck-suppress memleak ; it is in by_slot */
    return DI_OK;
}

void waiters_drop(struct waiters *w, struct net_token token)
{
    lock_acquire(&w->lock);
    struct waiter *e = token.slot < w->slots ? w->by_slot[token.slot] : NULL;
    if (e != NULL && e->token.generation == token.generation) {
        w->by_slot[token.slot] = NULL;
        DL_DELETE(w->list, e);
    } else {
        e = NULL;
    }
    lock_release(&w->lock);
    if (e != NULL)
        waiter_free(w, e);
}

void waiters_offer(struct waiters *w, int64_t now_us,
                   bool (*decide)(void *arg, struct net_token token, void *request, bool expired),
                   void *arg)
{
    /* decide() takes other locks and posts answers: it runs on a list that nobody else sees. */
    lock_acquire(&w->lock);
    struct waiter *all = w->list;
    w->list = NULL;
    lock_release(&w->lock);

    struct waiter *stay = NULL;
    struct waiter *e;
    struct waiter *next;
    DL_FOREACH_SAFE (all, e, next) {
        DL_DELETE(all, e);
        /* Once answered, the connection's next request may wait in the same slot: make room first.
         */
        lock_acquire(&w->lock);
        w->by_slot[e->token.slot] = NULL;
        lock_release(&w->lock);
        if (decide(arg, e->token, e->request, now_us >= e->deadline_us))
            waiter_free(w, e);
        else
            DL_APPEND(stay, e);
    }
    lock_acquire(&w->lock);
    DL_FOREACH (stay, e) {
        w->by_slot[e->token.slot] = e;
    }
    DL_CONCAT(stay, w->list);
    w->list = stay;
    lock_release(&w->lock);
}
