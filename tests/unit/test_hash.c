/* SipHash-1-3, and uthash over it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <stdlib.h>

#include "p2pdi/base/hash.h"

/* ld: -Wl,--wrap=malloc */

void *__real_malloc(size_t size);
void *__wrap_malloc(size_t size);
static int fail_at; /* this malloc from now fails; 0: none */

void *__wrap_malloc(size_t size)
{
    if (fail_at > 0 && --fail_at == 0)
        return NULL;
    return __real_malloc(size);
}

/* From a second implementation, itself checked on the published vector of SipHash-2-4: key
 * 00 01 .. 0f, message 00 01 02 .. */
static void known_values_come_out(void **state)
{
    static const struct {
        size_t len;
        uint64_t hash;
    } cases[] = {
        {0, UINT64_C(0xabac0158050fc4dc)},  {1, UINT64_C(0xc9f49bf37d57ca93)},
        {7, UINT64_C(0xd3927d989bb11140)},  {8, UINT64_C(0x369095118d299a8e)},
        {9, UINT64_C(0x25a48eb36c063de4)},  {15, UINT64_C(0xd320d86d2a519956)},
        {16, UINT64_C(0xcc4fdd1a7d908b66)}, {63, UINT64_C(0x9d199062b7bbb3a8)},
    };
    static const uint64_t key[2] = {UINT64_C(0x0706050403020100), UINT64_C(0x0f0e0d0c0b0a0908)};
    uint8_t message[64];

    (void)state;
    for (size_t i = 0; i < sizeof(message); i++)
        message[i] = (uint8_t)i;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        assert_true(hash_sip13(key, message, cases[i].len) == cases[i].hash);
}

static void every_byte_and_the_length_count(void **state)
{
    uint8_t message[64] = {0};
    uint32_t before = hash_bytes(message, sizeof(message));

    (void)state;
    assert_int_equal(hash_bytes(message, sizeof(message)), before);
    for (size_t i = 0; i < sizeof(message); i++) {
        message[i] ^= 1;
        assert_int_not_equal(hash_bytes(message, sizeof(message)), before);
        message[i] ^= 1;
        assert_int_not_equal(hash_bytes(message, i), before);
    }
}

/* Keys as an adversary of a plain hash would choose them spread evenly: chi-squared over 256 bins. */
static void sequential_keys_spread_over_buckets(void **state)
{
    unsigned bins[256] = {0};
    double chi = 0;

    (void)state;
    for (uint32_t i = 0; i < 25600; i++) {
        uint32_t key = i << 16;

        bins[hash_bytes(&key, sizeof(key)) & 255]++;
    }
    for (size_t i = 0; i < 256; i++)
        chi += ((double)bins[i] - 100) * ((double)bins[i] - 100) / 100;
    assert_true(chi < 400); /* 255 expected, deviation 23: one in 10^9 */
}

struct item {
    uint32_t key;
    UT_hash_handle hh;
};

static void a_failed_add_is_seen_and_leaves_the_table_whole(void **state)
{
    enum { COUNT = 2000 };
    struct item *table = NULL, *items = calloc(COUNT, sizeof(*items)), *found;
    unsigned added = 0, refused = 0;

    (void)state;
    for (uint32_t i = 0; i < COUNT; i++) {
        items[i].key = i;
        fail_at = i % 2 == 0 ? 1 : 0;
        HASH_ADD(hh, table, key, sizeof(items[i].key), &items[i]);
        fail_at = 0;
        if (hash_was_added(&items[i]))
            added++;
        else
            refused++;
    }
    assert_int_equal(added + refused, COUNT);
    assert_true(refused > 0);
    assert_int_equal(HASH_COUNT(table), added);
    for (uint32_t i = 0; i < COUNT; i++) {
        HASH_FIND(hh, table, &i, sizeof(i), found);
        assert_true((found != NULL) == hash_was_added(&items[i]));
    }
    HASH_CLEAR(hh, table);
    free(items);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_values_come_out),
        cmocka_unit_test(every_byte_and_the_length_count),
        cmocka_unit_test(sequential_keys_spread_over_buckets),
        cmocka_unit_test(a_failed_add_is_seen_and_leaves_the_table_whole),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
