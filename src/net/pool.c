/*
 * The worker pool. Whoever pushes wakes one worker; a worker that leaves jobs behind wakes the
 * next, but no more of them than there are processors: further ones would only take turns with
 * them. Those are woken when jobs have waited for a millisecond, since a worker may be held up by
 * the disk.
 */
#include "pool.h"

#include "server_impl.h"

#include "p2pdi/base/clock.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>

#define PATIENCE_US CLOCK_US_PER_MS

void net_jobs_init(struct net_jobs *j)
{
    j->first = NULL;
    j->end = &j->first;
}

void net_jobs_add(struct net_jobs *j, struct net_conn *c)
{
    c->next = NULL;
    *j->end = c;
    j->end = &c->next;
}

struct net_conn *net_jobs_take(struct net_jobs *j)
{
    struct net_conn *c = j->first;

    if (c == NULL)
        return NULL;
    j->first = c->next;
    if (j->first == NULL)
        j->end = &j->first;
    return c;
}

/* True: the caller is to signal, after the lock. One worker at a time is on its way up. */
static bool wants_waking_locked(struct net_pool *p)
{
    if (p->waiting == 0 || p->idle == 0 || p->waking || p->count - p->idle >= p->at_once)
        return false;
    p->waking = true;
    return true;
}

/* A message that nobody has begun with can be refused; everything else must go on. */
static bool is_new_work(const struct net_conn *c)
{
    return c->framed && c->out == NULL;
}

void net_pool_push(struct net_pool *p, struct net_jobs *j)
{
    struct net_jobs refused;
    struct net_conn *c;
    bool wake;

    if (j->first == NULL)
        return;
    net_jobs_init(&refused);
    lock_acquire(&p->lock);
    while ((c = net_jobs_take(j)) != NULL) {
        if (p->waiting >= p->queue_max && is_new_work(c)) {
            net_jobs_add(&refused, c);
        } else {
            net_jobs_add(&p->jobs, c);
            p->waiting++;
        }
    }
    wake = wants_waking_locked(p);
    lock_release(&p->lock);
    if (wake)
        cond_signal(&p->wake);
    while ((c = net_jobs_take(&refused)) != NULL)
        net_jobs_add(j, c);
}

/* Worker. To the end of the queue, full or not: the others first. */
static void requeue(struct net_pool *p, struct net_conn *c)
{
    bool wake;

    lock_acquire(&p->lock);
    net_jobs_add(&p->jobs, c);
    p->waiting++;
    wake = wants_waking_locked(p);
    lock_release(&p->lock);
    if (wake)
        cond_signal(&p->wake);
}

void net_pool_wait_drained(struct net_pool *p)
{
    bool in_time = true;

    lock_acquire(&p->lock);
    if (p->waiting > 0) {
        int64_t deadline_us = clock_mono_us() + PATIENCE_US;

        while (p->waiting > 0 && in_time) {
            p->listener_waits = true;
            in_time = cond_wait_until(&p->drained, &p->lock, deadline_us);
        }
        p->listener_waits = false;
        if (p->waiting > 0 && p->idle > 0)
            cond_broadcast(&p->wake);
    }
    lock_release(&p->lock);
}

/* Until there is a job, or the pool stops. */
static void idle_locked(struct net_pool *p)
{
    p->idle++;
    if (p->listener_waits) {
        p->listener_waits = false;
        /* Not under the lock: the listener would wake up only to wait for that. It may even come
         * with jobs before this thread has fallen asleep. */
        lock_release(&p->lock);
        cond_signal(&p->drained);
        lock_acquire(&p->lock);
    }
    while (!p->stop && p->waiting == 0) {
        cond_wait(&p->wake, &p->lock);
        p->waking = false; /* even if another one was quicker to take the job */
    }
    p->waking = false;
    p->idle--;
}

/* NULL: the pool stops. */
static struct net_conn *wait_for_job(struct net_pool *p)
{
    struct net_conn *c = NULL;
    bool wake_next;

    lock_acquire(&p->lock);
    if (!p->stop && p->waiting == 0)
        idle_locked(p);
    if (!p->stop) {
        c = net_jobs_take(&p->jobs);
        p->waiting--;
    }
    wake_next = wants_waking_locked(p);
    lock_release(&p->lock);
    if (wake_next)
        cond_signal(&p->wake);
    return c;
}

static void run_worker(void *arg)
{
    struct net_worker *w = arg;
    struct net_conn *c;

    while ((c = wait_for_job(w->pool)) != NULL) {
        struct net_server *s = c->server;

        switch (net_conn_turn(c, w->tools)) {
        case TURN_RELEASED:
            break;
        case TURN_QUEUE:
            requeue(w->pool, c);
            break;
        case TURN_THROTTLE:
            net_server_throttle(s, c);
            break;
        case TURN_CLOSE:
            net_conn_close(c);
            break;
        }
        net_tools_count(w->tools, s->stats);
    }
}

static unsigned count_processors(void)
{
    cpu_set_t set;

    return sched_getaffinity(0, sizeof(set), &set) == 0 ? (unsigned)CPU_COUNT(&set) : 1;
}

enum di_err net_pool_start(struct net_pool *p, unsigned workers, unsigned queue_max,
                           const char *name)
{
    enum di_err err = DI_OK;

    *p = (struct net_pool){.queue_max = queue_max, .at_once = count_processors()};
    net_jobs_init(&p->jobs);
    lock_init(&p->lock);
    cond_init(&p->wake);
    cond_init(&p->drained);
    p->workers = calloc(workers, sizeof(*p->workers));
    if (p->workers == NULL)
        err = DI_NOMEM;
    for (unsigned i = 0; err == DI_OK && i < workers; i++) {
        struct net_worker *w = &p->workers[i];
        char thread_name[16];

        w->pool = p;
        w->tools = net_tools_new(false);
        p->count++;
        snprintf(thread_name, sizeof(thread_name), "%.8s-w%u", name, (i + 1) % 1000);
        err = w->tools == NULL ? DI_NOMEM : thread_start(&w->thread, thread_name, run_worker, w);
    }
    if (err != DI_OK) {
        net_pool_stop(p);
        net_pool_free(p);
    }
    return err;
}

void net_pool_stop(struct net_pool *p)
{
    lock_acquire(&p->lock);
    p->stop = true;
    cond_broadcast(&p->wake);
    lock_release(&p->lock);
    for (unsigned i = 0; i < p->count; i++)
        thread_join(&p->workers[i].thread);
}

void net_pool_free(struct net_pool *p)
{
    for (unsigned i = 0; i < p->count; i++)
        net_tools_free(p->workers[i].tools);
    free(p->workers);
    cond_fini(&p->drained);
    cond_fini(&p->wake);
    lock_fini(&p->lock);
}
