/* SipHash-1-3 (Aumasson, Bernstein) under a key drawn once for the process. Any thread. */
#include "p2pdi/base/hash.h"

#include "p2pdi/base/random.h"

#include <pthread.h>
#include <string.h>

static pthread_once_t key_once = PTHREAD_ONCE_INIT;
static uint64_t hash_key[2];

static void draw_key(void)
{
    random_secret(hash_key, sizeof(hash_key));
}

static inline uint64_t rotl(uint64_t x, unsigned n)
{
    return (x << n) | (x >> (64 - n));
}

static inline void sip_round(uint64_t v[4])
{
    v[0] += v[1];
    v[2] += v[3];
    v[1] = rotl(v[1], 13) ^ v[0];
    v[3] = rotl(v[3], 16) ^ v[2];
    v[0] = rotl(v[0], 32);
    v[2] += v[1];
    v[0] += v[3];
    v[1] = rotl(v[1], 17) ^ v[2];
    v[3] = rotl(v[3], 21) ^ v[0];
    v[2] = rotl(v[2], 32);
}

/* The last bytes of the message, little end first, under its length. */
static uint64_t last_word(const uint8_t *tail, size_t len)
{
    uint64_t word = (uint64_t)len << 56;

    for (size_t i = 0; i < len % 8; i++)
        word |= (uint64_t)tail[i] << (8 * i);
    return word;
}

static uint64_t load_le64(const uint8_t *p)
{
    uint64_t word = 0;

    for (unsigned i = 0; i < 8; i++)
        word |= (uint64_t)p[i] << (8 * i);
    return word;
}

uint64_t hash_sip13(const uint64_t key[2], const void *bytes, size_t len)
{
    const uint8_t *p = bytes;
    uint64_t v[4] = {
        key[0] ^ UINT64_C(0x736f6d6570736575),
        key[1] ^ UINT64_C(0x646f72616e646f6d),
        key[0] ^ UINT64_C(0x6c7967656e657261),
        key[1] ^ UINT64_C(0x7465646279746573),
    };

    for (size_t i = 0; i < len / 8; i++, p += 8) {
        uint64_t word = load_le64(p);

        v[3] ^= word;
        sip_round(v);
        v[0] ^= word;
    }

    uint64_t word = last_word(p, len);

    v[3] ^= word;
    sip_round(v);
    v[0] ^= word;
    v[2] ^= 0xff;
    for (int i = 0; i < 3; i++)
        sip_round(v);
    return v[0] ^ v[1] ^ v[2] ^ v[3];
}

uint32_t hash_bytes(const void *key, size_t len)
{
    pthread_once(&key_once, draw_key);

    uint64_t h = hash_sip13(hash_key, key, len);

    return (uint32_t)(h ^ (h >> 32));
}
