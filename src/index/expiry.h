/*
 * Ageing: a wheel with a slot for each second, so that setting, renewing and dropping cost the same
 * however many entries there are. Whole seconds of monotonic time: what has ttl_s left at any
 * moment of second t is gone when second t + ttl_s begins. TTLs are at most EXPIRY_TTL_MAX_S.
 */
#ifndef P2PDI_SRC_INDEX_EXPIRY_H
#define P2PDI_SRC_INDEX_EXPIRY_H

#include <stddef.h>
#include <stdint.h>

#define EXPIRY_TTL_MAX_S 7200
#define EXPIRY_SLOTS 8192 /* a power of two above the longest TTL */

struct expiry_node {
    struct expiry_node *next;
    struct expiry_node **link; /* what points here; NULL: not on the wheel */
    int64_t at_s;
};

struct expiry {
    struct expiry_node *slots[EXPIRY_SLOTS];
    size_t count;
    int64_t soonest_s; /* nothing runs out before */
};

/* An expiry that is all zero is empty; so is a node. */

/* Puts n on the wheel, or moves it there. */
void expiry_set(struct expiry *x, struct expiry_node *n, uint32_t ttl_s, int64_t now_us);
void expiry_clear(struct expiry *x, struct expiry_node *n);
/* Takes out one that has run out; NULL if there is none (left). */
struct expiry_node *expiry_pop(struct expiry *x, int64_t now_us);
/* When the next one runs out; INT64_MAX: nothing is on the wheel. */
int64_t expiry_next_us(struct expiry *x);
/* 0: run out, though perhaps not popped yet. */
uint32_t expiry_left_s(const struct expiry_node *n, int64_t now_us);

#endif
