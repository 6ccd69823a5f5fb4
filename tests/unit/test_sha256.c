/* SHA-256 against the vectors of FIPS 180-4's examples. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "p2pdi/base/sha256.h"

#define ABC "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
#define EMPTY "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
#define MILLION_A "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"

static void assert_digest(const struct sha256 *d, const char *hex)
{
    char text[SHA256_HEX_SIZE];

    sha256_format(d, text);
    assert_string_equal(text, hex);
}

static void one_call_gives_the_published_digests(void **state)
{
    struct sha256 d;

    (void)state;
    assert_int_equal(sha256_of("abc", 3, &d), DI_OK);
    assert_digest(&d, ABC);
    assert_int_equal(sha256_of("", 0, &d), DI_OK);
    assert_digest(&d, EMPTY);
}

static void a_stream_in_pieces_gives_the_same_and_starts_anew(void **state)
{
    struct sha256_stream *s;
    struct sha256 d;
    char block[1000];

    (void)state;
    memset(block, 'a', sizeof(block));
    assert_int_equal(sha256_stream_new(&s), DI_OK);
    for (int i = 0; i < 1000; i++)
        assert_int_equal(sha256_stream_update(s, block, sizeof(block)), DI_OK);
    assert_int_equal(sha256_stream_finish(s, &d), DI_OK);
    assert_digest(&d, MILLION_A);
    assert_int_equal(sha256_stream_update(s, "ab", 2), DI_OK);
    assert_int_equal(sha256_stream_update(s, "c", 1), DI_OK);
    assert_int_equal(sha256_stream_finish(s, &d), DI_OK);
    assert_digest(&d, ABC);
    sha256_stream_free(s);
    sha256_stream_free(NULL);
}

static void hex_is_read_in_either_case_and_only_whole(void **state)
{
    struct sha256 d, e;

    (void)state;
    assert_true(sha256_parse(SLICE(ABC), &d));
    assert_digest(&d, ABC);
    assert_true(sha256_parse(
        SLICE("BA7816BF8F01CFEA414140DE5DAE2223B00361A396177A9CB410FF61F20015AD"), &e));
    assert_true(sha256_equal(&d, &e));
    e.byte[31] ^= 1;
    assert_false(sha256_equal(&d, &e));
    assert_false(sha256_parse(SLICE(""), &d));
    assert_false(sha256_parse(SLICE(ABC "0"), &d));
    assert_false(sha256_parse((struct slice){ABC, 63}, &d));
    assert_false(sha256_parse(
        SLICE("ga7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"), &d));
    assert_digest(&d, ABC);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_call_gives_the_published_digests),
        cmocka_unit_test(a_stream_in_pieces_gives_the_same_and_starts_anew),
        cmocka_unit_test(hex_is_read_in_either_case_and_only_whole),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
