/*
 * The limit of what streams receive. Bytes are paid for after they came: the next are received once
 * nothing is owed any more. So streams get their portions in turn, and none waits with the lock.
 */
#include "limit.h"

#include "p2pdi/base/bucket.h"
#include "p2pdi/base/thread.h"

#include <stdlib.h>

#define LATE_US (250 * CLOCK_US_PER_MS)
#define OWED_MAX_US (5 * CLOCK_US_PER_S)

struct net_limit {
    uint64_t portion; /* constant */
    struct lock lock;
    /* Below: under lock. */
    struct bucket bucket;
    unsigned joined; /* streams that have something to receive */
};

enum di_err net_limit_new(uint64_t rate, struct net_limit **out)
{
    struct net_limit *l = NULL;

    *out = NULL;
    if (rate == 0)
        return DI_OK;
    l = calloc(1, sizeof(*l));
    if (l == NULL)
        return DI_NOMEM;
    lock_init(&l->lock);
    bucket_init(&l->bucket, rate, clock_mono_us());
    l->portion = bucket_portion(&l->bucket);
    *out = l;
    return DI_OK;
}

void net_limit_free(struct net_limit *l)
{
    if (l == NULL)
        return;
    lock_fini(&l->lock);
    free(l);
}

uint64_t net_limit_portion(const struct net_limit *l)
{
    return l->portion;
}

int64_t net_limit_take(struct net_limit *l, bool *joined, uint64_t n)
{
    int64_t now_us = clock_mono_us();

    lock_acquire(&l->lock);
    if (!*joined && l->joined++ == 0)
        bucket_hold(&l->bucket, LATE_US, now_us);
    *joined = true;
    bucket_spend(&l->bucket, n, now_us);
    int64_t at_us = bucket_when(&l->bucket, 0);
    lock_release(&l->lock);
    return at_us;
}

void net_limit_leave(struct net_limit *l, bool *joined)
{
    if (!*joined)
        return;

    int64_t now_us = clock_mono_us();

    lock_acquire(&l->lock);
    if (--l->joined == 0)
        bucket_hold(&l->bucket, BUCKET_PAUSE_US, now_us);
    lock_release(&l->lock);
    *joined = false;
}

void net_limit_spend(struct net_limit *l, uint64_t n)
{
    if (l == NULL)
        return;

    int64_t now_us = clock_mono_us();

    lock_acquire(&l->lock);
    bucket_spend(&l->bucket, n, now_us);

    int64_t too_much_us = bucket_when(&l->bucket, 0) - now_us - OWED_MAX_US;

    if (too_much_us > 0)
        bucket_return(&l->bucket, (uint64_t)too_much_us * l->bucket.rate / CLOCK_US_PER_S);
    lock_release(&l->lock);
}
