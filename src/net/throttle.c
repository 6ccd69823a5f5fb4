/* Who may send now, under a limit. Workers and listener; the lock is held for a few instructions. */
#include "throttle.h"

#include "p2pdi/base/clock.h"

void net_throttle_init(struct net_throttle *t, uint64_t rate)
{
    lock_init(&t->lock);
    bucket_init(&t->bucket, rate, clock_mono_us());
    t->portion = rate == 0 ? 0 : bucket_portion(&t->bucket);
    net_jobs_init(&t->waiting);
    t->sharing = 0;
}

void net_throttle_fini(struct net_throttle *t)
{
    lock_fini(&t->lock);
}

/*
 * While somebody has something to send, time in which the machine did not come to it is made up for;
 * time in which nobody had is not.
 */
#define LATE_US (500 * CLOCK_US_PER_MS)

bool net_throttle_take(struct net_throttle *t, struct net_conn *c)
{
    int64_t now_us = clock_mono_us();

    lock_acquire(&t->lock);
    bool comes = !c->sharing;

    if (comes && t->sharing++ == 0)
        bucket_hold(&t->bucket, LATE_US, now_us);
    c->sharing = true;
    /*
     * Though there may be enough: not past those who wait, nor a second time while others share, who
     * may be about to come back from a worker.
     */
    bool taken = t->waiting.first == NULL && (comes || t->sharing == 1) &&
                 bucket_take(&t->bucket, t->portion, now_us);
    lock_release(&t->lock);
    if (taken)
        c->allowance = t->portion;
    return taken;
}

void net_throttle_return(struct net_throttle *t, struct net_conn *c)
{
    if (!c->sharing)
        return;

    int64_t now_us = clock_mono_us();

    lock_acquire(&t->lock);
    bucket_return(&t->bucket, c->allowance);
    if (--t->sharing == 0)
        bucket_hold(&t->bucket, BUCKET_PAUSE_US, now_us);
    lock_release(&t->lock);
    c->allowance = 0;
    c->sharing = false;
}

void net_throttle_spend(struct net_throttle *t, uint64_t n)
{
    int64_t now_us = clock_mono_us();

    lock_acquire(&t->lock);
    bucket_spend(&t->bucket, n, now_us);
    lock_release(&t->lock);
}

bool net_throttle_wait(struct net_throttle *t, struct net_conn *c)
{
    lock_acquire(&t->lock);
    bool first = t->waiting.first == NULL;

    net_jobs_add(&t->waiting, c);
    lock_release(&t->lock);
    return first;
}

void net_throttle_grant(struct net_throttle *t, int64_t now_us, struct net_jobs *jobs)
{
    if (t->portion == 0)
        return;
    lock_acquire(&t->lock);
    while (t->waiting.first != NULL && bucket_take(&t->bucket, t->portion, now_us)) {
        struct net_conn *c = net_jobs_take(&t->waiting);

        c->allowance = t->portion;
        net_jobs_add(jobs, c);
    }
    lock_release(&t->lock);
}

int64_t net_throttle_when(struct net_throttle *t)
{
    int64_t at_us = INT64_MAX;

    if (t->portion == 0)
        return at_us;
    lock_acquire(&t->lock);
    if (t->waiting.first != NULL)
        at_us = bucket_when(&t->bucket, t->portion);
    lock_release(&t->lock);
    return at_us;
}

struct net_conn *net_throttle_drop(struct net_throttle *t)
{
    lock_acquire(&t->lock);
    struct net_conn *c = net_jobs_take(&t->waiting);
    lock_release(&t->lock);
    return c;
}
