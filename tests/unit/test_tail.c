/* What comes of a document from its back, beside its part. */
#include "store_help.h"

#include "p2pdi/base/log.h"
#include "p2pdi/base/random.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>
#include <dirent.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#define SIZE 400000
#define CUT 150000

static char dir[256], state_dir[256];
static struct help_library h;
static char content[SIZE];
static struct sha256 digest;

static int open_library(void **state)
{
    (void)state;
    struct prng r;
    prng_seed(&r, 7);
    for (size_t i = 0; i < sizeof content; i++)
        content[i] = (char)prng_next(&r);
    assert_int_equal(sha256_of(content, sizeof content, &digest), DI_OK);
    help_make_dir(dir, "lib");
    help_make_dir(state_dir, "state");
    log_set_level(LOG_ERROR);
    (void)signal(SIGXFSZ, SIG_IGN);
    help_library_open(&h, dir, state_dir);
    return 0;
}

static int close_library(void **state)
{
    (void)state;
    help_library_close(&h);
    return 0;
}

static struct library_part *open_part(uint64_t expect_have)
{
    struct library_part *p = NULL;
    uint64_t have = 0;
    assert_int_equal(library_part_open(h.lib, 8609, &digest, SIZE, &p, &have), DI_OK);
    assert_int_equal(have, expect_have);
    return p;
}

static struct library_tail *new_tail(void)
{
    struct library_tail *t = library_tail_new(h.lib, SIZE);
    assert_non_null(t);
    return t;
}

static void write_tail(struct library_tail *t, size_t from, size_t to)
{
    assert_int_equal(library_tail_write(t, from, content + from, to - from), DI_OK);
}

static size_t count_files(void)
{
    size_t n = 0;
    DIR *d = opendir(dir);
    assert_non_null(d);
    for (const struct dirent *e; (e = readdir(d)) != NULL;)
        n += strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0;
    (void)closedir(d);
    return n;
}

static void what_came_from_the_back_completes_the_part(void **state)
{
    (void)state;
    uint64_t took = 0;
    struct library_part *p = open_part(0);
    struct library_tail *t = new_tail(), *other = library_tail_ref(t);
    write_tail(t, 300000, SIZE);
    write_tail(other, CUT, 300000);
    assert_int_equal(library_part_append(p, content, CUT + 5), DI_OK);
    assert_int_equal(library_part_take_tail(p, t, &took), DI_OK);
    assert_int_equal(took, SIZE - CUT - 5);
    assert_int_equal(library_part_verify(p), DI_OK);
    /* Five bytes came twice. */
    assert_int_equal(library_tail_unref(t), 0);
    assert_int_equal(library_tail_unref(other), 5);
    library_part_discard(p);
}

static void a_lie_in_it_is_noticed(void **state)
{
    (void)state;
    uint64_t took = 0;
    struct library_part *p = open_part(0);
    struct library_tail *t = new_tail();
    write_tail(t, CUT, SIZE);
    assert_int_equal(library_tail_write(t, SIZE - 3, "lie", 3), DI_OK);
    assert_int_equal(library_part_append(p, content, CUT), DI_OK);
    assert_int_equal(library_part_take_tail(p, t, &took), DI_OK);
    assert_int_equal(library_part_verify(p), DI_MISMATCH);
    (void)library_tail_unref(t);
    library_part_discard(p);
}

/* As after a kill: the next owner finds the bytes up to the first that is missing, and no more. */
static void the_part_never_holds_more_than_came_from_the_front(void **state)
{
    (void)state;
    struct library_part *p = open_part(0);
    struct library_tail *t = new_tail();
    write_tail(t, CUT, SIZE);
    assert_int_equal(library_part_append(p, content, CUT - 10), DI_OK);
    assert_int_equal(count_files(), 1);
    library_part_keep(p);
    p = open_part(CUT - 10);
    assert_int_equal(library_tail_unref(t), SIZE - CUT);
    library_part_discard(p);
    assert_int_equal(count_files(), 0);
}

static void nothing_is_taken_where_nothing_was_written(void **state)
{
    (void)state;
    uint64_t took = 1;
    struct library_part *p = open_part(0);
    struct library_tail *t = new_tail();
    assert_int_not_equal(library_part_take_tail(p, t, &took), DI_OK);
    assert_int_equal(took, 0);
    /* Its end is missing. */
    write_tail(t, 0, 1000);
    assert_int_equal(library_part_take_tail(p, t, &took), DI_IO);
    assert_int_equal(took, 1000);
    assert_int_equal(library_part_append(p, content + 1000, SIZE - 1000), DI_OK);
    assert_int_equal(library_part_verify(p), DI_OK);
    (void)library_tail_unref(t);
    library_part_discard(p);
}

static void more_than_the_document_is_refused(void **state)
{
    (void)state;
    struct library_tail *t = new_tail();
    assert_int_equal(library_tail_write(t, SIZE, "x", 1), DI_LIMIT);
    assert_int_equal(library_tail_write(t, UINT64_MAX, "x", 1), DI_LIMIT);
    assert_int_equal(library_tail_write(t, SIZE - 1, "xy", 2), DI_LIMIT);
    assert_int_equal(library_tail_unref(t), 0);
    assert_int_equal(library_tail_unref(NULL), 0);

    /* What would not fit on the disk twice comes from one holder, and no other is asked. */
    assert_null(library_tail_new(h.lib, UINT64_MAX / 2));
}

/* Beyond the limit of a file's size: as on a full disk. */
static void what_cannot_be_written_is_an_error(void **state)
{
    (void)state;
    struct rlimit before, small;
    uint64_t took = 0;
    struct library_part *p = open_part(0);
    struct library_tail *t = new_tail();
    write_tail(t, 0, SIZE);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    small = (struct rlimit){.rlim_cur = 200000, .rlim_max = before.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    enum di_err written = library_tail_write(t, 200000, "x", 1);
    enum di_err taken = library_part_take_tail(p, t, &took);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    assert_int_not_equal(written, DI_OK);
    assert_int_not_equal(taken, DI_OK);
    assert_in_range(took, 0, 200000);
    (void)library_tail_unref(t);
    library_part_discard(p);
}

int main(void)
{
#define TAIL_TEST(f) cmocka_unit_test_setup_teardown(f, open_library, close_library)
    const struct CMUnitTest tests[] = {
        TAIL_TEST(what_came_from_the_back_completes_the_part),
        TAIL_TEST(a_lie_in_it_is_noticed),
        TAIL_TEST(the_part_never_holds_more_than_came_from_the_front),
        TAIL_TEST(nothing_is_taken_where_nothing_was_written),
        TAIL_TEST(what_cannot_be_written_is_an_error),
        TAIL_TEST(more_than_the_document_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
