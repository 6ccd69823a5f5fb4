/* Kernel randomness, and xoshiro256** (Blackman, Vigna) seeded through splitmix64. */
#include "p2pdi/base/random.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>

void random_secret(void *bytes, size_t len)
{
    char *p = bytes;

    while (len > 0) {
        ssize_t n = getrandom(p, len, 0);

        if (n < 0) {
            if (errno == EINTR)
                continue;
            abort(); /* No system call, no secrets: going on would hand out guessable cookies. */
        }
        p += n;
        len -= (size_t)n;
    }
}

uint64_t random_cookie(void)
{
    uint64_t cookie = 0;

    while (cookie == 0) {
        random_secret(&cookie, sizeof(cookie));
        cookie &= INT64_MAX;
    }
    return cookie;
}

void prng_seed(struct prng *p, uint64_t seed)
{
    for (int i = 0; i < 4; i++) {
        seed += UINT64_C(0x9e3779b97f4a7c15);

        uint64_t z = seed;

        z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
        z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
        p->state[i] = z ^ (z >> 31);
    }
}

static uint64_t rotl(uint64_t x, unsigned n)
{
    return (x << n) | (x >> (64 - n));
}

uint64_t prng_next(struct prng *p)
{
    uint64_t *s = p->state;
    uint64_t result = rotl(s[1] * 5, 7) * 9;
    uint64_t t = s[1] << 17;

    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = rotl(s[3], 45);
    return result;
}

uint64_t prng_below(struct prng *p, uint64_t n)
{
    /* The lowest 2^64 mod n values would make some results likelier than others. */
    uint64_t skip = (UINT64_MAX - n + 1) % n;
    uint64_t x = prng_next(p);

    while (x < skip)
        x = prng_next(p);
    return x % n;
}

double prng_unit(struct prng *p)
{
    return (double)(prng_next(p) >> 11) * 0x1.0p-53;
}
