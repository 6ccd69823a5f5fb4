/* Token bucket. Pure; counted in millionths of a byte, so that nothing is ever rounded away. */
#include "p2pdi/base/bucket.h"

#define UNIT CLOCK_US_PER_S /* of level, in a byte: rate times microseconds */
#define PORTIONS_A_SECOND 100
#define PORTION_MIN 1500
#define PORTION_MAX (UINT64_C(256) << 10)

uint64_t bucket_portion(const struct bucket *b)
{
    uint64_t n = b->rate / PORTIONS_A_SECOND;

    if (n < PORTION_MIN)
        return PORTION_MIN;
    return n < PORTION_MAX ? n : PORTION_MAX;
}

static void refill(struct bucket *b, int64_t now_us)
{
    int64_t rate = (int64_t)b->rate;
    int64_t passed_us = now_us - b->at_us;

    if (passed_us <= 0)
        return;
    b->at_us = now_us;
    if (passed_us > (b->full - b->level) / rate)
        b->level = b->full;
    else
        b->level += passed_us * rate;
}

void bucket_hold(struct bucket *b, int64_t held_us, int64_t now_us)
{
    int64_t least = 2 * (int64_t)bucket_portion(b) * UNIT;

    refill(b, now_us);
    b->full = (int64_t)b->rate * held_us;
    if (b->full < least)
        b->full = least;
    if (b->level > b->full)
        b->level = b->full;
}

void bucket_init(struct bucket *b, uint64_t rate, int64_t now_us)
{
    *b = (struct bucket){.rate = rate < BUCKET_RATE_MAX ? rate : BUCKET_RATE_MAX, .at_us = now_us};
    b->level = (int64_t)bucket_portion(b) * UNIT;
    bucket_hold(b, BUCKET_PAUSE_US, now_us);
}

bool bucket_take(struct bucket *b, uint64_t n, int64_t now_us)
{
    if (b->rate == 0)
        return true;
    refill(b, now_us);
    if (b->level < (int64_t)n * UNIT)
        return false;
    b->level -= (int64_t)n * UNIT;
    return true;
}

void bucket_spend(struct bucket *b, uint64_t n, int64_t now_us)
{
    if (b->rate == 0)
        return;
    refill(b, now_us);
    b->level -= (int64_t)n * UNIT;
}

void bucket_return(struct bucket *b, uint64_t n)
{
    b->level += (int64_t)n * UNIT;
    if (b->level > b->full)
        b->level = b->full;
}

int64_t bucket_when(const struct bucket *b, uint64_t n)
{
    int64_t missing = (int64_t)n * UNIT - b->level;
    int64_t rate = (int64_t)b->rate;

    if (b->rate == 0 || missing <= 0)
        return b->at_us;
    return b->at_us + (missing + rate - 1) / rate;
}
