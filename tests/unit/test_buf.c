/* The byte buffer: order, bounds, sticking errors. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "p2pdi/base/buf.h"
#include "p2pdi/base/random.h"

/* ld: -Wl,--wrap=malloc */

void *__real_malloc(size_t size);
void *__wrap_malloc(size_t size);
static int fail_mallocs;

void *__wrap_malloc(size_t size)
{
    if (fail_mallocs > 0 && fail_mallocs-- > 0)
        return NULL;
    return size > SIZE_MAX / 4 ? NULL : __real_malloc(size); /* sanitizers call that a bug */
}

static void assert_holds(const struct buf *b, const char *want)
{
    assert_int_equal(b->len, strlen(want));
    assert_memory_equal(buf_bytes(b), want, b->len);
}

static void empty_buffer_has_bytes_to_point_at(void **state)
{
    struct buf b;

    (void)state;
    buf_init(&b, 10);
    assert_non_null(buf_bytes(&b));
    assert_int_equal(b.len, 0);
    buf_append(&b, NULL, 0);
    assert_int_equal(buf_status(&b), DI_OK);
    buf_fini(&b);
}

static void appends_keep_their_order(void **state)
{
    struct buf b;

    (void)state;
    buf_init(&b, 1000);
    buf_append(&b, "GET", 3);
    buf_append_char(&b, ' ');
    buf_append_str(&b, "RFC ");
    buf_append_u64(&b, 8650);
    buf_printf(&b, " %s/%d.%d", "P2P-DI", 1, 0);
    assert_int_equal(buf_status(&b), DI_OK);
    assert_holds(&b, "GET RFC 8650 P2P-DI/1.0");
    buf_fini(&b);
    assert_int_equal(b.len, 0);
    buf_append_str(&b, "again");
    assert_holds(&b, "again");
    buf_fini(&b);
}

static void numbers_have_all_their_digits(void **state)
{
    struct buf b;

    (void)state;
    buf_init(&b, 100);
    buf_append_u64(&b, 0);
    buf_append_char(&b, ' ');
    buf_append_u64(&b, UINT64_MAX);
    assert_holds(&b, "0 18446744073709551615");
    buf_fini(&b);
}

static void exactly_max_fits_and_one_more_does_not(void **state)
{
    struct buf b;

    (void)state;
    buf_init(&b, 5);
    buf_append_str(&b, "12345");
    assert_int_equal(buf_status(&b), DI_OK);
    buf_append_char(&b, '6');
    assert_int_equal(buf_status(&b), DI_LIMIT);
    assert_holds(&b, "12345");
    buf_fini(&b);
}

static void an_error_sticks_until_cleared(void **state)
{
    struct buf b;

    (void)state;
    buf_init(&b, 5);
    buf_append_str(&b, "too long");
    buf_append_str(&b, "ok");
    assert_int_equal(b.len, 0);
    assert_int_equal(buf_status(&b), DI_LIMIT);
    assert_null(buf_reserve(&b, 1));
    buf_clear(&b);
    buf_append_str(&b, "ok");
    assert_int_equal(buf_status(&b), DI_OK);
    assert_holds(&b, "ok");
    buf_fini(&b);
}

static void huge_requests_do_not_wrap(void **state)
{
    struct buf b;

    (void)state;
    buf_init(&b, SIZE_MAX);
    buf_append_str(&b, "abc");
    assert_null(buf_reserve(&b, SIZE_MAX));
    assert_int_equal(buf_status(&b), DI_LIMIT);
    buf_clear(&b);
    assert_null(buf_reserve(&b, SIZE_MAX));
    assert_int_equal(buf_status(&b), DI_NOMEM);
    buf_fini(&b);
}

static void running_out_of_memory_leaves_the_contents(void **state)
{
    struct buf b;
    char block[1000];

    (void)state;
    memset(block, 'x', sizeof(block));
    buf_init(&b, 10000);
    buf_append_str(&b, "kept");
    fail_mallocs = 1;
    buf_append(&b, block, sizeof(block));
    fail_mallocs = 0;
    assert_int_equal(buf_status(&b), DI_NOMEM);
    assert_holds(&b, "kept");
    buf_fini(&b);
}

static void long_printf_is_whole(void **state)
{
    struct buf b;
    char word[3001];

    (void)state;
    memset(word, 'w', 3000);
    word[3000] = '\0';
    buf_init(&b, 3002);
    buf_printf(&b, "<%s>", word);
    assert_int_equal(buf_status(&b), DI_OK);
    assert_int_equal(b.len, 3002);
    assert_int_equal(buf_bytes(&b)[3001], '>');
    buf_printf(&b, "%s", word);
    assert_int_equal(buf_status(&b), DI_LIMIT);
    buf_fini(&b);
}

static void reserve_and_commit_append(void **state)
{
    struct buf b;

    (void)state;
    buf_init(&b, 100);
    buf_append_str(&b, "ab");
    char *room = buf_reserve(&b, 50);
    assert_non_null(room);
    memcpy(room, "cd", 2);
    buf_commit(&b, 2);
    assert_holds(&b, "abcd");
    buf_fini(&b);
}

static void detach_hands_over_what_is_held(void **state)
{
    struct buf b;
    char *bytes, *block;
    size_t len;

    (void)state;
    buf_init(&b, 100);
    assert_null(buf_detach(&b, &bytes, &len));
    assert_int_equal(len, 0);
    buf_append_str(&b, "hello");
    buf_consume(&b, 2);
    block = buf_detach(&b, &bytes, &len);
    assert_int_equal(len, 3);
    assert_memory_equal(bytes, "llo", 3);
    assert_int_equal(b.len, 0);
    free(block);
    buf_append_str(&b, "new");
    assert_holds(&b, "new");
    buf_fini(&b);
}

/* Against a plain array: whatever is appended and consumed, the bytes are right, memory is bounded. */
static void a_queue_of_bytes_never_mixes_them_up(void **state)
{
    enum { MAX = 3000 };
    struct buf b;
    struct prng p;
    uint64_t in = 0, out = 0;

    (void)state;
    prng_seed(&p, 1);
    buf_init(&b, MAX);
    for (int i = 0; i < 20000; i++) {
        if (prng_below(&p, 2) == 0) {
            size_t n = prng_below(&p, 400);

            if (b.len + n > MAX)
                continue;
            char *to = buf_reserve(&b, n);
            assert_non_null(to);
            for (size_t k = 0; k < n; k++)
                to[k] = (char)(uint8_t)(in++ * 7);
            buf_commit(&b, n);
        } else {
            size_t n = prng_below(&p, b.len + 1);

            for (size_t k = 0; k < n; k++)
                assert_int_equal((uint8_t)buf_bytes(&b)[k], (uint8_t)(out++ * 7));
            buf_consume(&b, n);
        }
        assert_true(b.cap <= 2 * MAX);
    }
    assert_true(out > 100000);
    buf_fini(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(empty_buffer_has_bytes_to_point_at),
        cmocka_unit_test(appends_keep_their_order),
        cmocka_unit_test(numbers_have_all_their_digits),
        cmocka_unit_test(exactly_max_fits_and_one_more_does_not),
        cmocka_unit_test(an_error_sticks_until_cleared),
        cmocka_unit_test(huge_requests_do_not_wrap),
        cmocka_unit_test(running_out_of_memory_leaves_the_contents),
        cmocka_unit_test(long_printf_is_whole),
        cmocka_unit_test(reserve_and_commit_append),
        cmocka_unit_test(detach_hands_over_what_is_held),
        cmocka_unit_test(a_queue_of_bytes_never_mixes_them_up),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
