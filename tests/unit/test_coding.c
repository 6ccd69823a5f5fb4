/* Content codings: what is encoded decodes again, and what others send is bounded. */
#define ZLIB_CONST
#include "p2pdi/base/coding.h"
#include "p2pdi/base/thread.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#define MIB ((size_t)1 << 20)

static char *text_of(size_t len)
{
    char *text = malloc(len + 1);
    uint32_t x = 1;
    assert_non_null(text);
    for (size_t i = 0; i < len; i++) {
        x = x * 1664525 + 1013904223;
        text[i] = "the quick brown fox "[(x >> 24) % 20];
    }
    text[len] = '\0';
    return text;
}

/* Fed in pieces of step bytes into a buffer. */
struct intake {
    struct buf got;
    size_t calls;
    enum di_err refuse;
};

static enum di_err put(void *arg, const void *bytes, size_t len)
{
    struct intake *in = arg;
    in->calls++;
    buf_append(&in->got, bytes, len);
    return in->refuse != DI_OK ? in->refuse : buf_status(&in->got);
}

static enum di_err count_only(void *arg, const void *bytes, size_t len)
{
    (void)bytes;
    *(uint64_t *)arg += len;
    return DI_OK;
}

static enum di_err feed(struct decoder *d, const struct buf *frame, size_t step, uint64_t max,
                        struct intake *in)
{
    enum di_err err = DI_OK;
    buf_init(&in->got, 64 * MIB);
    assert_int_equal(decoder_begin(d, NULL, max), DI_OK);
    for (size_t at = 0; at < frame->len && err == DI_OK; at += step) {
        size_t n = frame->len - at < step ? frame->len - at : step;
        err = decoder_feed(d, buf_bytes(frame) + at, n, put, in);
    }
    return err;
}

/* A block of just that size, so that a byte too many is noticed. */
static enum di_err whole(struct decoder *d, struct coding_dict *dict, const struct buf *frame,
                         size_t size, const char *text)
{
    char *out = malloc(size > 0 ? size : 1);
    assert_non_null(out);
    assert_int_equal(decoder_begin(d, dict, size), DI_OK);
    enum di_err err = decoder_whole(d, buf_bytes(frame), frame->len, out);
    if (err == DI_OK) {
        assert_true(decoder_is_complete(d));
        assert_memory_equal(out, text, size);
    }
    free(out);
    return err;
}

static void encode(const char *text, size_t len, struct buf *out)
{
    buf_init(out, 64 * MIB);
    assert_int_equal(coding_encode(CODING_ZSTD, 3, text, len, out), DI_OK);
}

static void frame_decodes_in_pieces_of_any_size(void **state)
{
    (void)state;
    static const size_t sizes[] = {0, 1, 1000, 128 << 10, 3 * MIB + 7};
    static const size_t steps[] = {1000000000, 65536, 1000, 7};
    struct decoder *d = NULL;
    assert_int_equal(decoder_new(&d), DI_OK);
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        char *text = text_of(sizes[i]);
        struct buf frame;
        encode(text, sizes[i], &frame);
        for (size_t k = 0; k < sizeof(steps) / sizeof(steps[0]); k++) {
            struct intake in = {0};
            assert_int_equal(feed(d, &frame, steps[k], sizes[i], &in), DI_OK);
            assert_true(decoder_is_complete(d));
            assert_int_equal(in.got.len, sizes[i]);
            assert_memory_equal(buf_bytes(&in.got), text, sizes[i]);
            buf_fini(&in.got);
        }
        assert_int_equal(whole(d, NULL, &frame, sizes[i], text), DI_OK);
        assert_int_equal(whole(d, NULL, &frame, sizes[i] + 1, text), DI_PROTOCOL);
        if (sizes[i] > 0)
            assert_int_equal(whole(d, NULL, &frame, sizes[i] - 1, text), DI_PROTOCOL);
        buf_fini(&frame);
        free(text);
    }
    decoder_free(d);
}

static void bytes_behind_the_end_are_refused(void **state)
{
    (void)state;
    char *text = text_of(5000);
    struct decoder *d = NULL;
    struct buf frame;
    assert_int_equal(decoder_new(&d), DI_OK);
    encode(text, 5000, &frame);
    buf_append_char(&frame, 'x');
    for (size_t step = frame.len; step > 0; step /= 2) {
        struct intake in = {0};
        assert_int_equal(feed(d, &frame, step, 5000, &in), DI_PROTOCOL);
        buf_fini(&in.got);
    }
    assert_int_equal(whole(d, NULL, &frame, 5000, text), DI_PROTOCOL);
    /* Nor a second frame. */
    struct buf twice;
    buf_init(&twice, MIB);
    buf_append(&twice, buf_bytes(&frame), frame.len - 1);
    buf_append(&twice, buf_bytes(&frame), frame.len - 1);
    struct intake in = {0};
    assert_int_equal(feed(d, &twice, 10000, 10000, &in), DI_PROTOCOL);
    assert_int_equal(whole(d, NULL, &twice, 10000, text), DI_PROTOCOL);
    buf_fini(&in.got);
    buf_fini(&twice);
    buf_fini(&frame);
    free(text);
    decoder_free(d);
}

static void frame_cut_anywhere_is_not_complete(void **state)
{
    (void)state;
    char *text = text_of(3000);
    struct decoder *d = NULL;
    struct buf frame;
    assert_int_equal(decoder_new(&d), DI_OK);
    encode(text, 3000, &frame);
    size_t all = frame.len;
    for (size_t len = 0; len < all; len++) {
        struct intake in = {0};
        frame.len = len;
        assert_int_equal(whole(d, NULL, &frame, 3000, text), DI_PROTOCOL);
        assert_int_equal(feed(d, &frame, 100, 3000, &in), DI_OK);
        assert_false(decoder_is_complete(d));
        assert_true(in.got.len <= 3000);
        buf_fini(&in.got);
    }
    frame.len = all;
    buf_fini(&frame);
    free(text);
    decoder_free(d);
}

static void another_size_than_announced_is_noticed(void **state)
{
    (void)state;
    char *text = text_of(300000);
    struct decoder *d = NULL;
    struct buf frame;
    assert_int_equal(decoder_new(&d), DI_OK);
    encode(text, 300000, &frame);
    struct intake in = {0};
    assert_int_equal(feed(d, &frame, 4096, 299999, &in), DI_PROTOCOL);
    assert_true(in.got.len <= 299999);
    buf_fini(&in.got);
    assert_int_equal(feed(d, &frame, 4096, 300001, &in), DI_OK);
    assert_false(decoder_is_complete(d));
    buf_fini(&in.got);
    buf_fini(&frame);
    free(text);
    decoder_free(d);
}

static void noise_is_no_frame(void **state)
{
    (void)state;
    struct decoder *d = NULL;
    struct buf noise;
    assert_int_equal(decoder_new(&d), DI_OK);
    buf_init(&noise, MIB);
    buf_append_str(&noise, "HTTP/1.1 200 OK, and whatever else is no frame");
    struct intake in = {0};
    assert_int_equal(feed(d, &noise, 5, 1000, &in), DI_PROTOCOL);
    buf_fini(&in.got);
    /* A frame to be skipped, and the beginning of the format of 2016 (no limits there). */
    static const char *const others[] = {"\x50\x2a\x4d\x18\x01", "\x26\xb5\x2f\xfd\x04"};
    for (size_t i = 0; i < 2; i++) {
        buf_clear(&noise);
        buf_append(&noise, others[i], 5);
        assert_int_equal(feed(d, &noise, 5, 1000, &in), DI_PROTOCOL);
        buf_fini(&in.got);
    }
    buf_fini(&noise);
    decoder_free(d);
}

static void failure_of_the_taker_is_handed_on(void **state)
{
    (void)state;
    char *text = text_of(1000);
    struct decoder *d = NULL;
    struct buf frame;
    assert_int_equal(decoder_new(&d), DI_OK);
    encode(text, 1000, &frame);
    struct intake in = {.refuse = DI_NO_SPACE};
    assert_int_equal(feed(d, &frame, 1000, 1000, &in), DI_NO_SPACE);
    assert_int_equal(in.calls, 1);
    buf_fini(&in.got);
    buf_fini(&frame);
    free(text);
    decoder_free(d);
}

/* A frame of len zeros with that window, made without ever having them in memory. */
static void make_bomb(struct buf *out, int window_log, uint64_t len)
{
    static char zeros[1 << 20];
    ZSTD_CCtx *c = ZSTD_createCCtx();
    assert_non_null(c);
    assert_false(ZSTD_isError(ZSTD_CCtx_setParameter(c, ZSTD_c_windowLog, window_log)));
    assert_false(ZSTD_isError(ZSTD_CCtx_setParameter(c, ZSTD_c_compressionLevel, 1)));
    buf_init(out, 64 * MIB);
    for (uint64_t left = len; left > 0;) {
        size_t n = left < sizeof(zeros) ? (size_t)left : sizeof(zeros);
        left -= n;
        ZSTD_inBuffer in = {.src = zeros, .size = n};
        size_t more = 1;
        while (in.pos < in.size || (left == 0 && more != 0)) {
            ZSTD_outBuffer o = {.dst = buf_reserve(out, 65536), .size = 65536};
            more = ZSTD_compressStream2(c, &o, &in, left == 0 ? ZSTD_e_end : ZSTD_e_continue);
            assert_false(ZSTD_isError(more));
            buf_commit(out, o.pos);
        }
    }
    ZSTD_freeCCtx(c);
}

static size_t resident_bytes(void)
{
    char line[200] = "", *end = NULL;
    FILE *f = fopen("/proc/self/statm", "re");
    if (f == NULL) {
        print_message("skipped: needs /proc mounted, to see how much memory is in use\n");
        skip();
    }
    assert_non_null(fgets(line, sizeof(line), f));
    fclose(f);
    (void)strtoul(line, &end, 10);
    return strtoul(end, NULL, 10) * (size_t)sysconf(_SC_PAGESIZE);
}

static void bomb_costs_no_memory(void **state)
{
    (void)state;
    struct decoder *d = NULL;
    struct buf bomb;
    make_bomb(&bomb, 23, UINT64_C(800) << 20);
    assert_in_range(bomb.len, 1, 100 << 10);

    size_t before = resident_bytes();
    uint64_t came = 0;
    assert_int_equal(decoder_new(&d), DI_OK);
    /* Announced as the RFC that it is not. */
    assert_int_equal(decoder_begin(d, NULL, 50000), DI_OK);
    assert_int_equal(decoder_feed(d, buf_bytes(&bomb), bomb.len, count_only, &came), DI_PROTOCOL);
    assert_true(came <= 50000);
    /* Announced as what it is: nothing is held of what was handed on. */
    came = 0;
    assert_int_equal(decoder_begin(d, NULL, UINT64_C(800) << 20), DI_OK);
    assert_int_equal(decoder_feed(d, buf_bytes(&bomb), bomb.len, count_only, &came), DI_OK);
    assert_true(came == UINT64_C(800) << 20 && decoder_is_complete(d));
    size_t after = resident_bytes();
    print_message("%zu bytes become 800 MiB; resident %zu KiB more\n", bomb.len,
                  after > before ? (after - before) >> 10 : 0);
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
    assert_true(after < before + 16 * MIB);
#endif
    decoder_free(d);

    struct buf small;
    buf_init(&small, 50000);
    assert_int_equal(coding_decode(buf_bytes(&bomb), bomb.len, &small), DI_PROTOCOL);
    assert_true(small.len <= 50000);
    buf_fini(&small);
    buf_fini(&bomb);
}

static void window_over_8_mib_is_refused(void **state)
{
    (void)state;
    struct decoder *d = NULL;
    struct buf bomb;
    uint64_t came = 0;
    make_bomb(&bomb, 24, 20 * MIB);
    assert_int_equal(decoder_new(&d), DI_OK);
    assert_int_equal(decoder_begin(d, NULL, 20 * MIB), DI_OK);
    assert_int_equal(decoder_feed(d, buf_bytes(&bomb), bomb.len, count_only, &came), DI_PROTOCOL);
    assert_int_equal(came, 0);
    decoder_free(d);
    buf_fini(&bomb);
}

/* A frame by hand: a window of 2^log bytes, and one block of five as they are. */
static void a_window_is_too_large_in_one_go_as_in_pieces(void **state)
{
    (void)state;
    struct decoder *d = NULL;
    assert_int_equal(decoder_new(&d), DI_OK);
    for (unsigned log = 10; log <= 30; log++) {
        struct buf frame;
        struct intake in = {0};
        enum di_err expect = log <= 23 ? DI_OK : DI_PROTOCOL;
        buf_init(&frame, 100);
        buf_append(&frame, "\x28\xb5\x2f\xfd\0", 5);
        buf_append_char(&frame, (char)((log - 10) << 3));
        buf_append(&frame, "\x29\0\0title", 8);
        assert_int_equal(whole(d, NULL, &frame, 5, "title"), expect);
        assert_int_equal(feed(d, &frame, 3, 5, &in), expect);
        buf_fini(&in.got);
        buf_fini(&frame);
    }
    decoder_free(d);
}

static void one_go_appends_and_wants_the_end(void **state)
{
    (void)state;
    char *text = text_of(10000);
    struct buf frame, out;
    encode(text, 10000, &frame);
    buf_init(&out, 10003);
    buf_append_str(&out, "abc");
    assert_int_equal(coding_decode(buf_bytes(&frame), frame.len, &out), DI_OK);
    assert_int_equal(out.len, 10003);
    assert_memory_equal(buf_bytes(&out) + 3, text, 10000);
    buf_clear(&out);
    assert_int_equal(coding_decode(buf_bytes(&frame), frame.len - 1, &out), DI_PROTOCOL);
    buf_fini(&out);
    buf_fini(&frame);
    free(text);
}

/* ---- dictionaries ---------------------------------------------------------------------------- */

#define HEAD_BYTES ((size_t)40)

static struct coding_dict *dict_of(const char *text, size_t len)
{
    struct coding_dict *d = NULL;
    struct sha256 id;
    assert_int_equal(sha256_of(text, len, &id), DI_OK);
    assert_int_equal(coding_dict_new(text, len, &id, &d), DI_OK);
    assert_memory_equal(coding_dict_id(d), &id, sizeof(id));
    return d;
}

static enum di_err feed_dcz(struct decoder *d, struct coding_dict *dict, const struct buf *frame,
                            size_t step, uint64_t max, struct buf *out)
{
    enum di_err err = DI_OK;
    struct intake in = {0};
    buf_init(&in.got, 64 * MIB);
    assert_int_equal(decoder_begin(d, dict, max), DI_OK);
    for (size_t at = 0; at < frame->len && err == DI_OK; at += step) {
        size_t n = frame->len - at < step ? frame->len - at : step;
        err = decoder_feed(d, buf_bytes(frame) + at, n, put, &in);
    }
    if (out != NULL)
        *out = in.got;
    else
        buf_fini(&in.got);
    return err;
}

/* RFC 9842: eight bytes, the dictionary's digest, a frame; and it pays. */
static void what_is_known_need_not_be_sent(void **state)
{
    (void)state;
    static const size_t steps[] = {1000000, 1000, 41, 40, 39, 7, 1};
    static const int levels[] = {3, 6, 9, 3};
    size_t len = 60000;
    char *text = text_of(len);
    struct coding_dict *dict = dict_of(text, len / 2);
    struct decoder *d = NULL;
    assert_int_equal(decoder_new(&d), DI_OK);
    for (size_t i = 0; i < sizeof(levels) / sizeof(levels[0]); i++) {
        struct buf frame, plain, back;
        buf_init(&frame, MIB);
        buf_init(&plain, MIB);
        assert_int_equal(coding_encode_dcz(dict, levels[i], text, len, &frame), DI_OK);
        assert_int_equal(coding_encode(CODING_ZSTD, levels[i], text, len, &plain), DI_OK);
        assert_memory_equal(buf_bytes(&frame), "\x5e\x2a\x4d\x18\x20\0\0\0", 8);
        assert_memory_equal(buf_bytes(&frame) + 8, coding_dict_id(dict), 32);
        assert_true(frame.len < plain.len * 2 / 3);
        for (size_t k = 0; k < sizeof(steps) / sizeof(steps[0]); k++) {
            assert_int_equal(feed_dcz(d, dict, &frame, steps[k], len, &back), DI_OK);
            assert_true(decoder_is_complete(d));
            assert_int_equal(back.len, len);
            assert_memory_equal(buf_bytes(&back), text, len);
            buf_fini(&back);
        }
        assert_int_equal(whole(d, dict, &frame, len, text), DI_OK);
        /* The same decoder then takes a frame without. */
        assert_int_equal(feed_dcz(d, NULL, &plain, 1000, len, NULL), DI_OK);
        assert_true(decoder_is_complete(d));
        buf_fini(&frame);
        buf_fini(&plain);
    }
    decoder_free(d);
    coding_dict_unref(dict);
    coding_dict_unref(NULL);
    free(text);
}

static void what_needs_another_dictionary_is_refused(void **state)
{
    (void)state;
    char *text = text_of(50000);
    struct coding_dict *dict = dict_of(text, 20000), *other = dict_of(text + 1, 20000);
    struct decoder *d = NULL;
    struct buf frame, plain;
    buf_init(&frame, MIB);
    assert_int_equal(decoder_new(&d), DI_OK);
    assert_int_equal(coding_encode_dcz(dict, 3, text, 50000, &frame), DI_OK);
    encode(text, 50000, &plain);
    assert_int_equal(feed_dcz(d, other, &frame, 1000, 50000, NULL), DI_PROTOCOL);
    assert_int_equal(feed_dcz(d, NULL, &frame, 1000, 50000, NULL), DI_PROTOCOL);
    /* Nor is one that needs none what was announced. */
    assert_int_equal(feed_dcz(d, dict, &plain, 1000, 50000, NULL), DI_PROTOCOL);
    assert_int_equal(whole(d, other, &frame, 50000, text), DI_PROTOCOL);
    assert_int_equal(whole(d, NULL, &frame, 50000, text), DI_PROTOCOL);
    assert_int_equal(whole(d, dict, &plain, 50000, text), DI_PROTOCOL);
    /* Limits hold as ever. */
    assert_int_equal(whole(d, dict, &frame, 49999, text), DI_PROTOCOL);
    assert_int_equal(feed_dcz(d, dict, &frame, 1000, 49999, NULL), DI_PROTOCOL);
    buf_append_char(&frame, 'x');
    assert_int_equal(feed_dcz(d, dict, &frame, 1000, 50000, NULL), DI_PROTOCOL);
    for (size_t cut = 0; cut + 1 < frame.len; cut += 1 + cut / 8) {
        struct buf part;
        buf_init(&part, MIB);
        buf_append(&part, buf_bytes(&frame), cut);
        assert_int_equal(feed_dcz(d, dict, &part, cut + 1, 50000, NULL), DI_OK);
        assert_false(decoder_is_complete(d));
        assert_int_equal(whole(d, dict, &part, 50000, text), DI_PROTOCOL);
        buf_fini(&part);
    }
    /* Each byte of the head counts. */
    for (size_t i = 0; i < HEAD_BYTES + 4; i++) {
        struct buf bad;
        buf_init(&bad, MIB);
        buf_append(&bad, buf_bytes(&frame), i);
        buf_append_char(&bad, (char)(buf_bytes(&frame)[i] ^ 1));
        buf_append(&bad, buf_bytes(&frame) + i + 1, frame.len - i - 1);
        assert_int_equal(feed_dcz(d, dict, &bad, 3, 50000, NULL), DI_PROTOCOL);
        assert_int_equal(whole(d, dict, &bad, 50000, text), DI_PROTOCOL);
        buf_fini(&bad);
    }
    buf_fini(&frame);
    buf_fini(&plain);
    decoder_free(d);
    coding_dict_unref(dict);
    coding_dict_unref(other);
    free(text);
}

static void what_is_no_text_is_no_dictionary(void **state)
{
    (void)state;
    static const struct sha256 id;
    static const char trained[] = "\x37\xa4\x30\xec and tables";
    struct coding_dict *d = NULL;
    assert_int_equal(coding_dict_new(trained, sizeof(trained), &id, &d), DI_INVALID);
    assert_int_equal(coding_dict_new("abc", 3, &id, &d), DI_INVALID);
    assert_null(d);
}

static void too_little_room_for_a_dcz_frame_appends_nothing(void **state)
{
    (void)state;
    char *text = text_of(20000);
    struct coding_dict *dict = dict_of(text, 5000);
    for (size_t max = 0; max < 200; max += 13) {
        struct buf out;
        buf_init(&out, max);
        assert_int_equal(coding_encode_dcz(dict, 3, text, 20000, &out), DI_LIMIT);
        assert_int_equal(out.len, 0);
        buf_fini(&out);
    }
    /* A level more than a dictionary keeps is one too many. */
    struct buf out;
    buf_init(&out, MIB);
    for (int level = 1; level <= 4; level++)
        assert_int_equal(coding_encode_dcz(dict, level, text, 20000, &out), DI_OK);
    assert_int_equal(coding_encode_dcz(dict, 5, text, 20000, &out), DI_NOMEM);
    buf_fini(&out);
    coding_dict_unref(dict);
    free(text);
}

static void gzip_is_what_zlib_takes(void **state)
{
    (void)state;
    char *text = text_of(70000);
    char *back = malloc(70001);
    struct buf out;
    buf_init(&out, MIB);
    assert_int_equal(coding_encode(CODING_GZIP, 6, text, 70000, &out), DI_OK);
    assert_true(out.len < 60000);
    z_stream z = {0};
    z.next_in = (const Bytef *)buf_bytes(&out);
    z.avail_in = (uInt)out.len;
    z.next_out = (Bytef *)back;
    z.avail_out = 70001;
    assert_int_equal(inflateInit2(&z, 15 + 16), Z_OK);
    assert_int_equal(inflate(&z, Z_FINISH), Z_STREAM_END);
    assert_int_equal(z.total_out, 70000);
    assert_memory_equal(back, text, 70000);
    inflateEnd(&z);
    buf_fini(&out);
    free(back);
    free(text);
}

static void too_little_room_appends_nothing(void **state)
{
    (void)state;
    char *text = text_of(10000);
    struct buf out;
    buf_init(&out, 100);
    buf_append_str(&out, "abc");
    assert_int_equal(coding_encode(CODING_ZSTD, 3, text, 10000, &out), DI_LIMIT);
    assert_int_equal(coding_encode(CODING_GZIP, 6, text, 10000, &out), DI_LIMIT);
    assert_int_equal(out.len, 3);
    buf_fini(&out);
    free(text);
}

static void bound_is_one(void **state)
{
    (void)state;
    for (size_t n = 0; n < 100 * MIB; n = n * 3 / 2 + 1)
        assert_true(coding_bound(n) >= ZSTD_compressBound(n));
}

static void encode_some(void *arg)
{
    struct buf out;
    buf_init(&out, MIB);
    for (int i = 0; i < 20; i++) {
        buf_clear(&out);
        assert_int_equal(coding_encode(CODING_ZSTD, 3 + i % 5, arg, 20000, &out), DI_OK);
    }
    buf_fini(&out);
}

static void threads_have_contexts_of_their_own(void **state)
{
    (void)state;
    struct thread t[4];
    char *text = text_of(20000);
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(thread_start(&t[i], "encode", encode_some, text), DI_OK);
    for (size_t i = 0; i < 4; i++)
        thread_join(&t[i]);
    free(text);
}

static void what_is_no_coding_encodes_nothing(void **state)
{
    (void)state;
    struct buf out;
    buf_init(&out, 1000);
    assert_int_equal(coding_encode(CODING_IDENTITY, 1, "text", 4, &out), DI_INVALID);
    assert_int_equal(coding_encode((enum coding)9, 1, "text", 4, &out), DI_INVALID);
    assert_int_equal(out.len, 0);
    assert_string_equal(coding_name((enum coding)9), "identity");
    /* What has failed before stays failed. */
    out.err = DI_NOMEM;
    assert_int_equal(coding_encode(CODING_ZSTD, 1, "text", 4, &out), DI_NOMEM);
    buf_fini(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bomb_costs_no_memory),
        cmocka_unit_test(window_over_8_mib_is_refused),
        cmocka_unit_test(frame_decodes_in_pieces_of_any_size),
        cmocka_unit_test(bytes_behind_the_end_are_refused),
        cmocka_unit_test(frame_cut_anywhere_is_not_complete),
        cmocka_unit_test(another_size_than_announced_is_noticed),
        cmocka_unit_test(noise_is_no_frame),
        cmocka_unit_test(failure_of_the_taker_is_handed_on),
        cmocka_unit_test(a_window_is_too_large_in_one_go_as_in_pieces),
        cmocka_unit_test(one_go_appends_and_wants_the_end),
        cmocka_unit_test(what_is_known_need_not_be_sent),
        cmocka_unit_test(what_needs_another_dictionary_is_refused),
        cmocka_unit_test(what_is_no_text_is_no_dictionary),
        cmocka_unit_test(too_little_room_for_a_dcz_frame_appends_nothing),
        cmocka_unit_test(gzip_is_what_zlib_takes),
        cmocka_unit_test(too_little_room_appends_nothing),
        cmocka_unit_test(bound_is_one),
        cmocka_unit_test(what_is_no_coding_encodes_nothing),
        cmocka_unit_test(threads_have_contexts_of_their_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
