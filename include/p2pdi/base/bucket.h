/*
 * A token bucket: how many bytes may go now if there shall be only so many a second. Pure; time is
 * an argument (clock_mono_us). Not locked: who shares one has a lock.
 */
#ifndef P2PDI_BASE_BUCKET_H
#define P2PDI_BASE_BUCKET_H

#include "p2pdi/base/clock.h"

#include <stdbool.h>
#include <stdint.h>

#define BUCKET_RATE_MAX (UINT64_C(1) << 40)

struct bucket {
    uint64_t rate; /* bytes a second; 0: no limit */
    int64_t level; /* millionths of a byte; below 0: owed */
    int64_t full;
    int64_t at_us; /* level is of that time */
};

#define BUCKET_PAUSE_US (20 * CLOCK_US_PER_MS)

/*
 * It starts with one portion and holds what BUCKET_PAUSE_US bring: so much may go at once after a
 * pause. rate 0: no limit; more than BUCKET_RATE_MAX counts as that.
 */
void bucket_init(struct bucket *b, uint64_t rate, int64_t now_us);
/*
 * From now on it holds what so many microseconds (at most a second) bring, two portions at least:
 * so late may those come who wait for it without losing anything.
 */
void bucket_hold(struct bucket *b, int64_t held_us, int64_t now_us);
/* How much to take at a time, by those who share it: 10 ms of it, but 1,500 to 256 Ki bytes. */
uint64_t bucket_portion(const struct bucket *b);
/* Takes n bytes (at most two portions) if they are there. */
bool bucket_take(struct bucket *b, uint64_t n, int64_t now_us);
/* Takes n bytes (at most BUCKET_RATE_MAX) that went anyway: they may be owed afterwards. */
void bucket_spend(struct bucket *b, uint64_t n, int64_t now_us);
/* Puts back what was taken and not needed. */
void bucket_return(struct bucket *b, uint64_t n);
/* When n bytes will be there if nobody takes any: a time that may have passed. */
int64_t bucket_when(const struct bucket *b, uint64_t n);

#endif
