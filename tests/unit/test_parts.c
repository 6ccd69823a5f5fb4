/* Downloads on their way in: appended, resumed, verified, kept, cleaned. */
/* ld: -Wl,--wrap=fstatat,--wrap=flock */
#include "store_help.h"

#include "p2pdi/base/clock.h"
#include "p2pdi/base/log.h"
#include "p2pdi/base/random.h"

#include "../../src/store/names.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define SIZE 300000

static char dir[256], state_dir[256];
static struct help_library h;
static char content[SIZE];
static struct sha256 digest;

static int open_library(void **state)
{
    (void)state;
    struct prng r;
    prng_seed(&r, 42);
    for (size_t i = 0; i < sizeof content; i++)
        content[i] = (char)prng_next(&r);
    assert_int_equal(sha256_of(content, sizeof content, &digest), DI_OK);
    help_make_dir(dir, "lib");
    help_make_dir(state_dir, "state");
    log_set_level(LOG_ERROR);
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

static void append(struct library_part *p, size_t from, size_t to)
{
    assert_int_equal(library_part_append(p, content + from, to - from), DI_OK);
}

static void part_path(char out[512])
{
    char name[NAME_PART_SIZE];
    name_format_part(8609, &digest, name);
    (void)snprintf(out, 512, "%s/%s", dir, name);
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

static void a_part_is_hidden_until_published(void **state)
{
    (void)state;
    struct library_part *p = open_part(0);
    append(p, 0, SIZE);
    assert_int_equal(library_part_verify(p), DI_OK);
    assert_int_equal(library_part_verify(p), DI_OK);
    assert_int_equal(library_count(h.lib), 0);
    assert_false(help_exists(dir, "rfc8609.txt"));
    assert_int_equal(count_files(), 1);
    library_part_discard(p);
    assert_int_equal(count_files(), 0);
}

static int fail_fstatat; /* with that errno */
static bool append_before_lock;

int __real_fstatat(int dir_fd, const char *name, struct stat *st, int flags);
int __wrap_fstatat(int dir_fd, const char *name, struct stat *st, int flags);
int __real_flock(int fd, int how);
int __wrap_flock(int fd, int how);

int __wrap_fstatat(int dir_fd, const char *name, struct stat *st, int flags)
{
    if (fail_fstatat == 0)
        return __real_fstatat(dir_fd, name, st, flags);
    errno = fail_fstatat;
    return -1;
}

/* As the owner before, that lets go just now. */
int __wrap_flock(int fd, int how)
{
    if (append_before_lock)
        assert_int_equal(pwrite(fd, content, 5000, 0), 5000);
    append_before_lock = false;
    return __real_flock(fd, how);
}

static void a_part_that_cannot_be_looked_at_is_an_error_and_not_in_use(void **state)
{
    (void)state;
    struct library_part *p = NULL;
    uint64_t have = 0;
    fail_fstatat = EIO;
    assert_int_equal(library_part_open(h.lib, 8609, &digest, SIZE, &p, &have), DI_IO);
    fail_fstatat = 0;
    library_part_discard(open_part(0));
}

static void what_another_owner_appended_last_counts(void **state)
{
    (void)state;
    append_before_lock = true;
    struct library_part *p = open_part(5000);
    append(p, 5000, SIZE);
    assert_int_equal(library_part_verify(p), DI_OK);
    library_part_discard(p);
}

static void a_kept_part_goes_on_where_it_stopped(void **state)
{
    (void)state;
    struct library_part *p = open_part(0);
    append(p, 0, 1);
    append(p, 1, 200001);
    library_part_keep(p);
    help_library_close(&h);
    help_library_open(&h, dir, state_dir);
    p = open_part(200001);
    append(p, 200001, SIZE);
    library_part_keep(p);
    p = open_part(SIZE);
    assert_int_equal(library_part_verify(p), DI_OK);
    library_part_discard(p);
    p = open_part(0);
    library_part_keep(p); /* nothing in it: not kept */
    assert_int_equal(count_files(), 0);
}

static void wrong_bytes_are_noticed_and_can_be_thrown_away(void **state)
{
    (void)state;
    struct library_part *p = open_part(0);
    append(p, 0, 1000);
    assert_int_equal(library_part_verify(p), DI_MISMATCH); /* too few */
    append(p, 0, SIZE - 1000);
    assert_int_equal(library_part_verify(p), DI_MISMATCH);
    assert_int_equal(library_part_reset(p), DI_OK);
    append(p, 0, SIZE);
    assert_int_equal(library_part_verify(p), DI_OK);
    library_part_discard(p);
}

static void a_resumed_prefix_that_is_wrong_is_noticed(void **state)
{
    (void)state;
    char path[512];
    part_path(path);
    struct library_part *p = open_part(0);
    append(p, 0, 1000);
    library_part_keep(p);
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    assert_int_equal(pwrite(fd, "\0\0\0\0", 4, 500), 4);
    assert_int_equal(close(fd), 0);
    p = open_part(1000);
    append(p, 1000, SIZE);
    assert_int_equal(library_part_verify(p), DI_MISMATCH);
    assert_int_equal(library_part_reset(p), DI_OK);
    append(p, 0, SIZE);
    assert_int_equal(library_part_verify(p), DI_OK);
    library_part_keep(p);

    assert_int_equal(truncate(path, SIZE + 1), 0); /* longer than the document: begun again */
    p = open_part(0);
    library_part_discard(p);
}

static void more_than_the_document_is_refused(void **state)
{
    (void)state;
    struct library_part *p = open_part(0);
    append(p, 0, SIZE - 10);
    assert_int_equal(library_part_append(p, content, 11), DI_LIMIT);
    append(p, SIZE - 10, SIZE);
    assert_int_equal(library_part_append(p, content, 1), DI_LIMIT);
    assert_int_equal(library_part_append(p, content, SIZE_MAX), DI_LIMIT);
    assert_int_equal(library_part_verify(p), DI_OK);
    library_part_discard(p);
    uint64_t have = 0;
    assert_int_equal(library_part_open(h.lib, 0, &digest, 1, &p, &have), DI_INVALID);
    assert_int_equal(library_part_open(h.lib, 100000000, &digest, 1, &p, &have), DI_INVALID);
    assert_int_equal(library_part_open(h.lib, 1, &digest, LIBRARY_DOCUMENT_MAX + 1, &p, &have),
                     DI_INVALID);
}

static void an_edition_has_one_owner_at_a_time(void **state)
{
    (void)state;
    struct library_part *second = NULL, *other = NULL;
    struct sha256 other_digest = {{7}};
    uint64_t have = 0;
    struct library_part *first = open_part(0);
    append(first, 0, 10);
    assert_int_equal(library_part_open(h.lib, 8609, &digest, SIZE, &second, &have), DI_IN_USE);
    assert_int_equal(library_part_open(h.lib, 8609, &other_digest, SIZE, &other, &have), DI_OK);
    library_part_discard(other);
    library_part_keep(first);
    second = open_part(10);
    library_part_discard(second);
}

static void a_link_in_the_place_of_a_part_is_not_followed(void **state)
{
    (void)state;
    char path[512], target[512];
    struct library_part *p = NULL;
    uint64_t have = 0;
    part_path(path);
    (void)snprintf(target, sizeof target, "%s/target", state_dir);
    help_write_text(state_dir, "target", "precious");
    assert_int_equal(symlink(target, path), 0);
    assert_int_equal(library_part_open(h.lib, 8609, &digest, SIZE, &p, &have), DI_INVALID);
    struct stat st;
    assert_int_equal(stat(target, &st), 0);
    assert_int_equal(st.st_size, 8);
}

static void a_full_disk_leaves_what_was_there(void **state)
{
    (void)state;
    struct rlimit before, small;
    struct library_part *p = open_part(0);
    append(p, 0, 1000);
    /* A limit on the size of files stands in for the disk's: some bytes fit, the rest does not. */
    void (*old)(int) = signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    small = before;
    small.rlim_cur = 100000;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    enum di_err err = library_part_append(p, content + 1000, SIZE - 1000);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    (void)signal(SIGXFSZ, old);
    assert_int_not_equal(err, DI_OK);
    library_part_keep(p);
    p = open_part(1000);
    append(p, 1000, SIZE);
    assert_int_equal(library_part_verify(p), DI_OK);
    library_part_discard(p);
}

static void what_comes_at_once_is_stored_at_once(void **state)
{
    (void)state;
    struct library_part *p = open_part(0);
    assert_int_equal(library_part_fill(p, content), DI_OK);
    assert_int_equal(library_part_verify(p), DI_OK);
    assert_int_equal(library_part_verify(p), DI_OK);
    library_part_keep(p);
    p = open_part(SIZE); /* it is what lies there, too */
    assert_int_equal(library_part_verify(p), DI_OK);
    assert_int_equal(library_part_reset(p), DI_OK);

    content[SIZE - 1] ^= 1;
    assert_int_equal(library_part_fill(p, content), DI_OK);
    assert_int_equal(library_part_verify(p), DI_MISMATCH);
    content[SIZE - 1] ^= 1;
    assert_int_equal(library_part_reset(p), DI_OK);
    append(p, 0, SIZE);
    assert_int_equal(library_part_verify(p), DI_OK);
    library_part_discard(p);
}

static void a_full_disk_keeps_nothing_of_what_comes_at_once(void **state)
{
    (void)state;
    struct rlimit before, small;
    struct library_part *p = open_part(0);
    void (*old)(int) = signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    small = before;
    small.rlim_cur = 100000;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    enum di_err err = library_part_fill(p, content);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    (void)signal(SIGXFSZ, old);
    assert_int_not_equal(err, DI_OK);
    library_part_keep(p);
    assert_int_equal(count_files(), 0);
    p = open_part(0);
    assert_int_equal(library_part_fill(p, content), DI_OK);
    assert_int_equal(library_part_verify(p), DI_OK);
    library_part_discard(p);
}

static void make_old(const char *path)
{
    struct timespec times[2] = {{.tv_sec = clock_wall_s() - 8 * 24 * 3600},
                                {.tv_sec = clock_wall_s() - 8 * 24 * 3600}};
    assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
}

static void old_and_needless_parts_are_deleted_at_the_scan(void **state)
{
    (void)state;
    struct sha256 held, old = {{1}}, young = {{2}}, busy = {{3}};
    char path[512], name[NAME_PART_SIZE];
    assert_int_equal(sha256_of("held", 4, &held), DI_OK);
    help_write_text(dir, "rfc1.txt", "held");
    const struct {
        uint32_t rfc;
        const struct sha256 *edition;
        bool old;
    } parts[] = {{1, &held, false}, {2, &old, true}, {2, &young, false}, {3, &busy, true}};
    for (size_t i = 0; i < 4; i++) {
        name_format_part(parts[i].rfc, parts[i].edition, name);
        help_write_text(dir, name, "bytes");
        (void)snprintf(path, sizeof path, "%s/%s", dir, name);
        if (parts[i].old)
            make_old(path);
    }
    struct library_part *owned = NULL;
    uint64_t have = 0;
    assert_int_equal(library_part_open(h.lib, 3, &busy, 100, &owned, &have), DI_OK);
    struct help_library second;
    help_library_open(&second, dir, state_dir); /* another process, as it were */
    help_library_close(&second);

    name_format_part(1, &held, name);
    assert_false(help_exists(dir, name));
    name_format_part(2, &old, name);
    assert_false(help_exists(dir, name));
    name_format_part(2, &young, name);
    assert_true(help_exists(dir, name));
    name_format_part(3, &busy, name);
    assert_true(help_exists(dir, name));
    library_part_keep(owned);
}

/* ---- killed --------------------------------------------------------------------------------- */

/* The child: appends in pieces and says through the pipe how many bytes are in, those found included:
 * the one before may have been killed when all were and it had not said so. */
static void download_for_ever(int fd)
{
    struct library *lib = NULL;
    char why[256];
    struct library_config cfg = {.dir = dir, .state = state_dir, .write = true};
    if (library_open(&cfg, &help_ignore_events, NULL, &lib, why) != DI_OK)
        _exit(2);
    struct library_part *p = NULL;
    uint64_t have = 0;
    if (library_part_open(lib, 8609, &digest, SIZE, &p, &have) != DI_OK)
        _exit(3);
    while (write(fd, &have, sizeof have) == (ssize_t)sizeof have && have < SIZE) {
        size_t piece = SIZE - have < 1777 ? SIZE - (size_t)have : 1777;
        if (library_part_append(p, content + have, piece) != DI_OK)
            _exit(4);
        have += piece;
    }
    for (;;)
        (void)pause();
}

static void a_killed_download_resumes_with_all_that_was_appended(void **state)
{
    (void)state;
    struct prng r;
    uint64_t seed = 0;
    random_secret(&seed, sizeof seed);
    print_message("seed %llu\n", (unsigned long long)seed);
    prng_seed(&r, seed);
    help_library_close(&h);
    uint64_t last = 0;
    while (last < SIZE) {
        int fds[2];
        assert_int_equal(pipe(fds), 0);
        pid_t pid = fork();
        assert_true(pid >= 0);
        if (pid == 0) {
            (void)close(fds[0]);
            download_for_ever(fds[1]);
        }
        (void)close(fds[1]);
        uint64_t reports = 1 + prng_below(&r, 60), have = 0;
        for (uint64_t i = 0; i < reports && last < SIZE; i++) {
            assert_int_equal(read(fds[0], &have, sizeof have), (ssize_t)sizeof have);
            assert_true(i == 0 ? have >= last : have > last);
            last = have;
        }
        assert_int_equal(kill(pid, SIGKILL), 0);
        while (read(fds[0], &have, sizeof have) == (ssize_t)sizeof have)
            last = have;
        (void)close(fds[0]);
        int status = 0;
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(WIFSIGNALED(status));
        /* The child may have written a piece without living to report it. */
        struct stat st;
        char path[512];
        part_path(path);
        assert_int_equal(stat(path, &st), 0);
        assert_true((uint64_t)st.st_size >= last && (uint64_t)st.st_size <= last + 1777);
    }
    help_library_open(&h, dir, state_dir);
    struct library_part *p = open_part(SIZE);
    assert_int_equal(library_part_verify(p), DI_OK);
    library_part_discard(p);
}

int main(void)
{
#define PART_TEST(f) cmocka_unit_test_setup_teardown(f, open_library, close_library)
    const struct CMUnitTest tests[] = {
        PART_TEST(a_part_is_hidden_until_published),
        PART_TEST(a_kept_part_goes_on_where_it_stopped),
        PART_TEST(a_part_that_cannot_be_looked_at_is_an_error_and_not_in_use),
        PART_TEST(what_another_owner_appended_last_counts),
        PART_TEST(wrong_bytes_are_noticed_and_can_be_thrown_away),
        PART_TEST(a_resumed_prefix_that_is_wrong_is_noticed),
        PART_TEST(more_than_the_document_is_refused),
        PART_TEST(an_edition_has_one_owner_at_a_time),
        PART_TEST(a_link_in_the_place_of_a_part_is_not_followed),
        PART_TEST(a_full_disk_leaves_what_was_there),
        PART_TEST(what_comes_at_once_is_stored_at_once),
        PART_TEST(a_full_disk_keeps_nothing_of_what_comes_at_once),
        PART_TEST(old_and_needless_parts_are_deleted_at_the_scan),
        PART_TEST(a_killed_download_resumes_with_all_that_was_appended),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
