/* Randomness: secrets from the kernel, policy from a seed that can be printed and replayed. */
#ifndef P2PDI_BASE_RANDOM_H
#define P2PDI_BASE_RANDOM_H

#include <stddef.h>
#include <stdint.h>

/* Unpredictable bytes from the kernel; never fails on Linux once booted. Any thread. */
void random_secret(void *bytes, size_t len);
/* 63 unpredictable bits, never 0: what a cookie is. */
uint64_t random_cookie(void);

/* xoshiro256**; not for secrets. One thread at a time. */
struct prng {
    uint64_t state[4];
};
void prng_seed(struct prng *p, uint64_t seed);
uint64_t prng_next(struct prng *p);
/* Uniform in 0 .. n-1; n > 0. */
uint64_t prng_below(struct prng *p, uint64_t n);
/* Uniform in [0, 1). */
double prng_unit(struct prng *p);

#endif
