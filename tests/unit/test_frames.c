/* The cache of compressed documents: made once, bounded, references outlive it. */
#include "p2pdi/store/frames.h"

#include "store_help.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define DOCUMENTS 20
#define SIZE ((size_t)30000)
#define WRITTEN_TO (DOCUMENTS + 1)
#define TIME_PUT_BACK (DOCUMENTS + 2)

static char dir[256];
static struct help_library lib;

static int open_library(void **state)
{
    (void)state;
    char state_dir[256];
    help_make_dir(dir, "frames");
    help_make_dir(state_dir, "frames-state");
    for (uint32_t n = 1; n <= TIME_PUT_BACK; n++) {
        char name[32];
        size_t len = 0;
        char *text = help_document(n, "Frames", n, SIZE, &len);
        snprintf(name, sizeof(name), "rfc%u.txt", n);
        help_write_file(dir, name, text, len);
        free(text);
    }
    /* One that does not shrink. */
    unsigned char noise[5000];
    uint32_t x = 7;
    for (size_t i = 0; i < sizeof(noise); i++) {
        x = x * 1664525 + 1013904223;
        noise[i] = (unsigned char)(x >> 24);
    }
    help_write_file(dir, "rfc100.txt", noise, sizeof(noise));
    help_library_open(&lib, dir, state_dir);
    return 0;
}

static int close_library(void **state)
{
    (void)state;
    help_library_close(&lib);
    return 0;
}

static enum di_err make(struct frames *f, uint32_t rfc, enum coding c, struct frame **out)
{
    struct library_file *file = NULL;
    const struct library_doc *doc = library_get(lib.lib, rfc, LIBRARY_TXT);
    assert_non_null(doc);
    assert_int_equal(library_file_open(lib.lib, doc, &file), DI_OK);
    enum di_err err = frames_make(f, doc, file, c, NULL, 3, out);
    library_file_release(file);
    library_doc_unref(doc);
    return err;
}

static struct sha256 digest_of(uint32_t rfc)
{
    const struct library_doc *doc = library_get(lib.lib, rfc, LIBRARY_TXT);
    assert_non_null(doc);
    struct sha256 d = doc->sha256;
    library_doc_unref(doc);
    return d;
}

static void must_decode(uint32_t rfc, const struct frame *fr)
{
    struct sha256 want = digest_of(rfc), got;
    struct buf text;
    buf_init(&text, 1 << 20);
    assert_int_equal(coding_decode(frame_bytes(fr), frame_size(fr), &text), DI_OK);
    assert_int_equal(sha256_of(buf_bytes(&text), text.len, &got), DI_OK);
    assert_true(sha256_equal(&got, &want));
    buf_fini(&text);
}

static struct frames_stats stats_of(struct frames *f)
{
    struct frames_stats s;
    frames_stats(f, &s);
    return s;
}

static void frame_is_made_once_and_found(void **state)
{
    (void)state;
    struct frames *f = NULL;
    struct frame *a = NULL, *b = NULL;
    struct sha256 d = digest_of(3);
    assert_int_equal(frames_new(1 << 20, &f), DI_OK);
    assert_null(frames_get(f, &d, CODING_ZSTD, NULL));
    assert_int_equal(make(f, 3, CODING_ZSTD, &a), DI_OK);
    must_decode(3, a);
    assert_int_equal(make(f, 3, CODING_ZSTD, &b), DI_OK);
    assert_ptr_equal(a, b);
    frame_unref(b);
    b = frames_get(f, &d, CODING_ZSTD, NULL);
    assert_ptr_equal(a, b);
    /* The other coding of the same document is another thing. */
    assert_null(frames_get(f, &d, CODING_GZIP, NULL));
    assert_int_equal(stats_of(f).made, 1);
    frame_unref(a);
    frame_unref(b);
    frames_free(f);
}

/* A frame that needs a dictionary is another thing than one that needs none, or another. */
static void frames_are_kept_by_dictionary(void **state)
{
    (void)state;
    struct frames *f = NULL;
    struct frame *made = NULL, *found = NULL;
    struct coding_dict *dict[2] = {NULL, NULL};
    struct sha256 d = digest_of(3), id[2];
    char *text[2];
    assert_int_equal(frames_new(1 << 20, &f), DI_OK);
    for (uint32_t i = 0; i < 2; i++) {
        size_t len = 0;
        text[i] = help_document(i + 1, "Frames", i + 1, SIZE, &len);
        assert_int_equal(sha256_of(text[i], len, &id[i]), DI_OK);
        assert_int_equal(coding_dict_new(text[i], len, &id[i], &dict[i]), DI_OK);
        free(text[i]);
    }
    const struct library_doc *doc = library_get(lib.lib, 3, LIBRARY_TXT);
    struct library_file *file = NULL;
    assert_int_equal(library_file_open(lib.lib, doc, &file), DI_OK);
    assert_int_equal(frames_make(f, doc, file, CODING_DCZ, dict[0], 3, &made), DI_OK);
    assert_memory_equal((const char *)frame_bytes(made) + 8, &id[0], sizeof(id[0]));
    found = frames_get(f, &d, CODING_DCZ, dict[0]);
    assert_ptr_equal(found, made);
    frame_unref(found);
    assert_null(frames_get(f, &d, CODING_DCZ, dict[1]));
    assert_null(frames_get(f, &d, CODING_ZSTD, NULL));
    /* One that came is kept in the same way. */
    frames_put(f, &d, SIZE, dict[1], frame_bytes(made), frame_size(made));
    found = frames_get(f, &d, CODING_DCZ, dict[1]);
    assert_non_null(found);
    frame_unref(found);
    frame_unref(made);
    library_file_release(file);
    library_doc_unref(doc);
    coding_dict_unref(dict[0]);
    coding_dict_unref(dict[1]);
    frames_free(f);
}

static void reference_outlives_eviction_and_cache(void **state)
{
    (void)state;
    struct frames *f = NULL;
    struct frame *first = NULL;
    struct sha256 d = digest_of(1);
    assert_int_equal(frames_new(40000, &f), DI_OK);
    assert_int_equal(make(f, 1, CODING_ZSTD, &first), DI_OK);
    for (uint32_t n = 2; n <= DOCUMENTS; n++) {
        struct frame *fr = NULL;
        assert_int_equal(make(f, n, CODING_ZSTD, &fr), DI_OK);
        frame_unref(fr);
        assert_true(stats_of(f).bytes <= 40000);
    }
    assert_null(frames_get(f, &d, CODING_ZSTD, NULL));
    assert_in_range(stats_of(f).count, 1, DOCUMENTS - 1);
    frames_free(f);
    must_decode(1, first);
    frame_unref(first);
}

static void least_recently_used_goes_first(void **state)
{
    (void)state;
    struct frames *f = NULL;
    struct frame *fr = NULL;
    struct sha256 d1 = digest_of(1), d2 = digest_of(2);
    assert_int_equal(frames_new(1 << 20, &f), DI_OK);
    assert_int_equal(make(f, 1, CODING_ZSTD, &fr), DI_OK);
    size_t one = stats_of(f).bytes;
    frame_unref(fr);
    frames_free(f);

    assert_int_equal(frames_new(one * 5 / 2, &f), DI_OK);
    for (uint32_t n = 1; n <= 2; n++) {
        assert_int_equal(make(f, n, CODING_ZSTD, &fr), DI_OK);
        frame_unref(fr);
    }
    frame_unref(frames_get(f, &d1, CODING_ZSTD, NULL));
    assert_int_equal(make(f, 3, CODING_ZSTD, &fr), DI_OK);
    frame_unref(fr);
    fr = frames_get(f, &d1, CODING_ZSTD, NULL);
    assert_non_null(fr);
    frame_unref(fr);
    assert_null(frames_get(f, &d2, CODING_ZSTD, NULL));
    frames_free(f);
}

static void what_does_not_shrink_is_sent_as_it_is(void **state)
{
    (void)state;
    struct frames *f = NULL;
    struct frame *fr = NULL;
    struct sha256 d = digest_of(100);
    assert_int_equal(frames_new(1 << 20, &f), DI_OK);
    assert_int_equal(make(f, 100, CODING_ZSTD, &fr), DI_NOT_FOUND);
    /* That is remembered. */
    assert_int_equal(make(f, 100, CODING_ZSTD, &fr), DI_NOT_FOUND);
    assert_int_equal(stats_of(f).made, 1);
    assert_null(frames_get(f, &d, CODING_ZSTD, NULL));
    frames_free(f);
}

static void received_frame_is_kept_as_it_came(void **state)
{
    (void)state;
    struct frames *f = NULL, *other = NULL;
    struct frame *a = NULL;
    struct sha256 d = digest_of(5);
    assert_int_equal(frames_new(1 << 20, &f), DI_OK);
    assert_int_equal(frames_new(1 << 20, &other), DI_OK);
    assert_int_equal(make(f, 5, CODING_ZSTD, &a), DI_OK);
    frames_put(other, &d, SIZE, NULL, frame_bytes(a), frame_size(a));
    frames_put(other, &d, SIZE, NULL, frame_bytes(a), frame_size(a));
    assert_int_equal(stats_of(other).kept, 1);
    assert_int_equal(stats_of(other).made, 0);
    struct frame *b = frames_get(other, &d, CODING_ZSTD, NULL);
    assert_non_null(b);
    assert_int_equal(frame_size(a), frame_size(b));
    assert_memory_equal(frame_bytes(a), frame_bytes(b), frame_size(a));
    frame_unref(b);
    /* A frame that is no shorter than the document is not worth keeping. */
    struct sha256 d6 = digest_of(6);
    frames_put(other, &d6, frame_size(a), NULL, frame_bytes(a), frame_size(a));
    assert_null(frames_get(other, &d6, CODING_ZSTD, NULL));
    /* Nor is one of nothing, or of a document that nobody would compress. */
    frames_put(other, &d6, SIZE, NULL, frame_bytes(a), 0);
    frames_put(other, &d6, FRAMES_DOCUMENT_MAX + 1, NULL, frame_bytes(a), frame_size(a));
    assert_null(frames_get(other, &d6, CODING_ZSTD, NULL));
    assert_int_equal(stats_of(other).kept, 1);
    frame_unref(a);
    frames_free(other);
    frames_free(f);
}

/* One byte of the open file becomes another, until the clock of the file system shows it; or no more than its ctime. */
static void write_in_place(uint32_t rfc)
{
    char path[sizeof(dir) + 20];
    struct stat before, after;
    snprintf(path, sizeof(path), "%s/rfc%u.txt", dir, rfc);
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(fstat(fd, &before), 0);
    do {
        assert_int_equal(pwrite(fd, "X", 1, SIZE / 2), 1);
        assert_int_equal(fstat(fd, &after), 0);
    } while (after.st_mtim.tv_sec == before.st_mtim.tv_sec &&
             after.st_mtim.tv_nsec == before.st_mtim.tv_nsec);
    const struct timespec times[] = {before.st_atim, before.st_mtim};
    if (rfc == TIME_PUT_BACK)
        assert_int_equal(futimens(fd, times), 0);
    assert_int_equal(close(fd), 0);
}

static void must_not_hand_on_changed(uint32_t rfc)
{
    struct frames *f = NULL;
    struct frame *fr = NULL;
    struct library_file *file = NULL;
    const struct library_doc *doc = library_get(lib.lib, rfc, LIBRARY_TXT);
    assert_int_equal(library_file_open(lib.lib, doc, &file), DI_OK);
    write_in_place(rfc);
    assert_int_equal(frames_new(1 << 20, &f), DI_OK);
    assert_int_equal(frames_make(f, doc, file, CODING_ZSTD, NULL, 3, &fr), DI_NOT_FOUND);
    assert_null(frames_get(f, &doc->sha256, CODING_ZSTD, NULL));
    assert_int_equal(stats_of(f).count, 0);
    library_file_release(file);
    library_doc_unref(doc);
    frames_free(f);
}

static void file_changed_in_place_is_not_handed_on(void **state)
{
    (void)state;
    must_not_hand_on_changed(WRITTEN_TO);
    must_not_hand_on_changed(TIME_PUT_BACK);
}

struct rush {
    struct frames *f;
    _Atomic(size_t) ready, failed;
};

static void make_all(void *arg)
{
    struct rush *r = arg;
    /* All at once. */
    atomic_fetch_add(&r->ready, 1);
    while (atomic_load(&r->ready) < 6) {
    }
    for (uint32_t n = 1; n <= DOCUMENTS; n++) {
        struct frame *fr = NULL;
        if (make(r->f, n, CODING_ZSTD, &fr) != DI_OK)
            atomic_fetch_add(&r->failed, 1);
        else
            must_decode(n, fr);
        frame_unref(fr);
    }
}

static void many_threads_compress_each_document_once(void **state)
{
    (void)state;
    struct rush r = {0};
    struct thread t[6];
    assert_int_equal(frames_new(1 << 20, &r.f), DI_OK);
    for (size_t i = 0; i < 6; i++)
        assert_int_equal(thread_start(&t[i], "rush", make_all, &r), DI_OK);
    for (size_t i = 0; i < 6; i++)
        thread_join(&t[i]);
    assert_int_equal(r.failed, 0);
    assert_int_equal(stats_of(r.f).made, DOCUMENTS);
    frames_free(r.f);
}

static void level_follows_the_link(void **state)
{
    (void)state;
    struct frames *f = NULL;
    assert_int_equal(frames_new(1 << 20, &f), DI_OK);
    /* Nothing is known: no reason not to compress. */
    assert_int_equal(frames_level(f, 0, 1), 3);
    assert_int_equal(frames_level(f, UINT64_C(10000000000), 1), 3);
    for (uint32_t n = 1; n <= DOCUMENTS; n++) {
        struct frame *fr = NULL;
        assert_int_equal(make(f, n, CODING_ZSTD, &fr), DI_OK);
        frame_unref(fr);
    }
    /* No compressor keeps up with 1 TB/s; any with a modem. */
    assert_int_equal(frames_level(f, UINT64_C(1000000000000), 1), 0);
    assert_int_equal(frames_level(f, 3000, 1), 9);
    assert_int_equal(frames_level(f, 0, 1), 3);
    /* Many links together are a fast one, but a link alone decides whether it outruns us. */
    assert_int_equal(frames_level(f, 3000, 4000000), 1);
    /* The faster the link, the lower the level, and each has its links. */
    bool seen[10] = {false};
    int was = 9;
    for (uint64_t rate = 3000; rate < UINT64_C(1000000000000); rate += rate / 10) {
        int level = frames_level(f, rate, 1);
        assert_in_range(level, 0, was);
        seen[level] = true;
        was = level;
    }
    assert_true(seen[9] && seen[6] && seen[3] && seen[1] && seen[0]);
    frames_free(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(frame_is_made_once_and_found),
        cmocka_unit_test(frames_are_kept_by_dictionary),
        cmocka_unit_test(reference_outlives_eviction_and_cache),
        cmocka_unit_test(least_recently_used_goes_first),
        cmocka_unit_test(what_does_not_shrink_is_sent_as_it_is),
        cmocka_unit_test(received_frame_is_kept_as_it_came),
        cmocka_unit_test(file_changed_in_place_is_not_handed_on),
        cmocka_unit_test(many_threads_compress_each_document_once),
        cmocka_unit_test(level_follows_the_link),
    };
    return cmocka_run_group_tests(tests, open_library, close_library);
}
