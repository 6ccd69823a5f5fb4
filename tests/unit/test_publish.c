/* Publishing: the order of data, name and directory; what failures leave behind. */
/* ld: -Wl,--wrap=fdatasync,--wrap=syncfs,--wrap=renameat,--wrap=fsync,--wrap=clock_mono_us */
#include "store_help.h"

#include "p2pdi/base/clock.h"
#include "p2pdi/base/log.h"

#include "../../src/store/names.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- the system calls, recorded and made to fail -------------------------------------------- */

enum step { DATA_SYNCED, ALL_SYNCED, RENAMED, DIRECTORY_SYNCED, TOLD };

struct call {
    enum step step;
    ino_t inode; /* of the file; 0 where it is all */
};

static struct lock calls_lock = LOCK_INITIALIZER;
static struct call calls[4096];
static size_t call_count;
static _Atomic int fail_fdatasync, fail_syncfs, fail_renameat, fail_fsync; /* errno, 0: do not */

int __real_fdatasync(int fd);
int __real_syncfs(int fd);
int __real_renameat(int from_dir, const char *from, int to_dir, const char *to);
int __real_fsync(int fd);
int __wrap_fdatasync(int fd);
int __wrap_syncfs(int fd);
int __wrap_renameat(int from_dir, const char *from, int to_dir, const char *to);
int __wrap_fsync(int fd);

static void record(enum step step, ino_t inode)
{
    lock_acquire(&calls_lock);
    if (call_count < sizeof calls / sizeof calls[0])
        calls[call_count++] = (struct call){step, inode};
    lock_release(&calls_lock);
}

static ino_t inode_of(int fd)
{
    struct stat st;
    return fstat(fd, &st) == 0 ? st.st_ino : 0;
}

/* What comes from the hash cache is not of interest: its files are not in the library's
 * directory. */
static bool is_directory(int fd)
{
    struct stat st;
    return fstat(fd, &st) == 0 && S_ISDIR(st.st_mode);
}

static int fail_with(int errnum)
{
    errno = errnum;
    return -1;
}

/* A disk that takes its time, until it is let go. */
static sem_t disk_reached, disk_goes_on;
static atomic_bool disk_is_slow;

static void wait_for_disk(void)
{
    if (!disk_is_slow)
        return;
    (void)sem_post(&disk_reached);
    while (sem_wait(&disk_goes_on) != 0)
        continue;
}

int __wrap_fdatasync(int fd)
{
    wait_for_disk();
    if (fail_fdatasync != 0)
        return fail_with(fail_fdatasync);
    int rc = __real_fdatasync(fd);
    record(DATA_SYNCED, inode_of(fd));
    return rc;
}

int __wrap_syncfs(int fd)
{
    if (fail_syncfs != 0)
        return fail_with(fail_syncfs);
    int rc = __real_syncfs(fd);
    record(ALL_SYNCED, 0);
    return rc;
}

int __wrap_renameat(int from_dir, const char *from, int to_dir, const char *to)
{
    struct stat st;
    if (fail_renameat != 0)
        return fail_with(fail_renameat);
    ino_t inode = fstatat(from_dir, from, &st, AT_SYMLINK_NOFOLLOW) == 0 ? st.st_ino : 0;
    int rc = __real_renameat(from_dir, from, to_dir, to);
    record(RENAMED, inode);
    return rc;
}

int __wrap_fsync(int fd)
{
    if (!is_directory(fd))
        return __real_fsync(fd);
    if (fail_fsync != 0)
        return fail_with(fail_fsync);
    int rc = __real_fsync(fd);
    record(DIRECTORY_SYNCED, inode_of(fd));
    return rc;
}

/* A clock that stands still, an hour ahead: what waits for it waits as long as the test wants. */
static _Atomic int64_t still_us; /* 0: it goes */

int64_t __real_clock_mono_us(void);
int64_t __wrap_clock_mono_us(void);

int64_t __wrap_clock_mono_us(void)
{
    int64_t us = still_us;
    return us != 0 ? us : __real_clock_mono_us();
}

static void stop_clock(void)
{
    still_us = __real_clock_mono_us() + 3600 * CLOCK_US_PER_S;
}

/* ---- the library ---------------------------------------------------------------------------- */

static char dir[256], state_dir[256];
static struct help_library h;

static int open_library(void **state)
{
    (void)state;
    help_make_dir(dir, "lib");
    help_make_dir(state_dir, "state");
    log_set_level(LOG_ERROR);
    call_count = 0;
    help_library_open(&h, dir, state_dir);
    return 0;
}

static int close_library(void **state)
{
    (void)state;
    fail_fdatasync = fail_syncfs = fail_renameat = fail_fsync = 0;
    still_us = 0;
    help_library_close(&h);
    return 0;
}

static struct library_part *make_part(uint32_t rfc, const char *text)
{
    struct library_part *p = NULL;
    struct sha256 digest;
    uint64_t have = 0;
    size_t len = strlen(text);
    assert_int_equal(sha256_of(text, len, &digest), DI_OK);
    assert_int_equal(library_part_open(h.lib, rfc, &digest, len, &p, &have), DI_OK);
    assert_int_equal(library_part_append(p, text + have, len - have), DI_OK);
    assert_int_equal(library_part_verify(p), DI_OK);
    return p;
}

static bool part_exists(uint32_t rfc, const char *text)
{
    struct sha256 digest;
    char name[NAME_PART_SIZE];
    assert_int_equal(sha256_of(text, strlen(text), &digest), DI_OK);
    name_format_part(rfc, &digest, name);
    return help_exists(dir, name);
}

static void assert_listed(uint32_t rfc, const char *text)
{
    struct sha256 digest;
    const struct library_doc *d = library_get(h.lib, rfc, LIBRARY_TXT);
    assert_non_null(d);
    assert_int_equal(sha256_of(text, strlen(text), &digest), DI_OK);
    assert_true(sha256_equal(&d->sha256, &digest));
    library_doc_unref(d);
}

/* ---- order ---------------------------------------------------------------------------------- */

struct told {
    sem_t *all;
    ino_t inode;
    atomic_uint *left;
    enum di_err err;
};

static void on_done(void *arg, enum di_err err)
{
    struct told *t = arg;
    t->err = err;
    record(TOLD, t->inode);
    if (atomic_fetch_sub(t->left, 1) == 1)
        (void)sem_post(t->all);
}

/* Publishes so many at once that one batch forms behind the first. */
static void publish_many(unsigned count, struct told *told)
{
    sem_t all;
    atomic_uint left = count;
    struct library_part *part[256];
    assert_int_equal(sem_init(&all, 0, 0), 0);
    for (unsigned i = 0; i < count; i++) {
        char text[32];
        (void)snprintf(text, sizeof text, "document %u", i + 1);
        part[i] = make_part(i + 1, text);
        struct stat st;
        char name[NAME_PART_SIZE], path[512];
        struct sha256 digest;
        assert_int_equal(sha256_of(text, strlen(text), &digest), DI_OK);
        name_format_part(i + 1, &digest, name);
        (void)snprintf(path, sizeof path, "%s/%s", dir, name);
        assert_int_equal(stat(path, &st), 0);
        told[i] = (struct told){.all = &all, .inode = st.st_ino, .left = &left};
    }
    for (unsigned i = 0; i < count; i++)
        library_publish(h.lib, part[i], "", on_done, &told[i]);
    assert_int_equal(sem_wait(&all), 0);
    assert_int_equal(sem_destroy(&all), 0);
}

static size_t find_call(enum step step, ino_t inode, size_t from)
{
    while (from < call_count && (calls[from].step != step || calls[from].inode != inode))
        from++;
    return from;
}

/* Before the rename, the data; after it, the directory; then the word. Returns how many were
 * synced by syncfs. */
static unsigned assert_order(unsigned count, const struct told *told)
{
    unsigned by_syncfs = 0;
    ino_t directory = 0;
    struct stat st;
    assert_int_equal(stat(dir, &st), 0);
    directory = st.st_ino;
    /* No lock: all is told, nobody records any more. */
    for (unsigned i = 0; i < count; i++) {
        size_t renamed = find_call(RENAMED, told[i].inode, 0);
        size_t batch = renamed; /* begins after the last directory sync of the one before */
        while (batch > 0 && calls[batch - 1].step != DIRECTORY_SYNCED)
            batch--;
        size_t data = find_call(DATA_SYNCED, told[i].inode, batch);
        size_t all = find_call(ALL_SYNCED, 0, batch);
        size_t synced = find_call(DIRECTORY_SYNCED, directory, renamed);
        size_t word = find_call(TOLD, told[i].inode, 0);
        if (renamed == call_count || word == call_count || synced == call_count ||
            (data > renamed && all > renamed) || word < synced)
            fail_msg("document %u: data %zu, all %zu, renamed %zu, directory %zu, told %zu of %zu",
                     i + 1, data, all, renamed, synced, word, call_count);
        by_syncfs += data > renamed;
    }
    return by_syncfs;
}

static void one_is_synced_renamed_synced_and_told_in_that_order(void **state)
{
    (void)state;
    struct told told[1];
    publish_many(1, told);
    assert_int_equal(told[0].err, DI_OK);
    assert_int_equal(assert_order(1, told), 0);
}

static void many_are_too(void **state)
{
    (void)state;
    static struct told told[200];
    publish_many(200, told);
    for (unsigned i = 0; i < 200; i++)
        assert_int_equal(told[i].err, DI_OK);
    assert_true(assert_order(200, told) >= 100); /* nearly all in few batches */
    assert_int_equal(library_count(h.lib), 200);
    size_t directory_syncs = 0;
    for (size_t i = 0; i < call_count; i++)
        directory_syncs += calls[i].step == DIRECTORY_SYNCED;
    assert_true(directory_syncs < 50);
}

static size_t count_commits(void)
{
    size_t n = 0;
    struct stat st;
    assert_int_equal(stat(dir, &st), 0);
    lock_acquire(&calls_lock);
    for (size_t i = 0; i < call_count; i++)
        n += calls[i].step == DIRECTORY_SYNCED && calls[i].inode == st.st_ino;
    lock_release(&calls_lock);
    return n;
}

static struct library_part *expect_another(void)
{
    struct library_part *p = NULL;
    uint64_t have = 0;
    assert_int_equal(library_part_open(h.lib, 999, &(struct sha256){{9}}, 9, &p, &have), DI_OK);
    return p;
}

/* Publishes RFC n, and waits until it is listed: offers are made every 20 ms of the clock. */
static void publish_one(uint32_t n, struct told *told, sem_t *all, atomic_uint *left)
{
    char text[32];
    (void)snprintf(text, sizeof text, "document %u", n);
    *told = (struct told){.all = all, .left = left, .err = DI_CANCELLED};
    still_us += 21 * CLOCK_US_PER_MS;
    library_publish(h.lib, make_part(n, text), "", on_done, told);
    (void)help_wait_event(&h, HELP_ADDED, n, 0);
}

static void one_waits_for_more_that_comes_but_the_last_waits_for_nothing(void **state)
{
    (void)state;
    struct told told[4];
    sem_t all;
    atomic_uint left = 1;
    assert_int_equal(sem_init(&all, 0, 0), 0);
    stop_clock();
    struct library_part *coming = expect_another();
    publish_one(1, &told[0], &all, &left);
    assert_int_equal(sem_wait(&all), 0); /* the first for long: at once */
    left = 3;
    for (uint32_t n = 2; n <= 4; n++)
        publish_one(n, &told[n - 1], &all, &left);
    assert_int_equal(left, 3);
    library_part_discard(coming);
    assert_int_equal(sem_wait(&all), 0);
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(told[i].err, DI_OK);
    assert_int_equal(count_commits(), 2);
}

static void many_do_not_wait_for_more(void **state)
{
    (void)state;
    static struct told told[130];
    struct rlimit files;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &files), 0);
    if (files.rlim_cur < 1024)
        skip(); /* fewer wait then, since each has a descriptor */
    struct library_part *coming = expect_another();
    stop_clock();
    publish_many(1, told);
    static sem_t all; /* the last are told when the library closes */
    static atomic_uint left = 128;
    assert_int_equal(sem_init(&all, 0, 0), 0);
    for (unsigned i = 0; i < 130; i++) {
        char text[32];
        (void)snprintf(text, sizeof text, "document %u", i + 1);
        told[i] = (struct told){.all = &all, .left = &left};
        library_publish(h.lib, make_part(i + 1, text), "", on_done, &told[i]);
    }
    still_us += 21 * CLOCK_US_PER_MS; /* they are offered */
    assert_int_equal(sem_wait(&all), 0);
    library_part_discard(coming);
}

static void it_is_listed_before_it_is_done(void **state)
{
    (void)state;
    assert_int_equal(help_publish(h.lib, 5, "five", 4, "Title from Elsewhere"), DI_OK);
    struct help_event e = help_event_at(&h, help_event_count(&h) - 1);
    assert_int_equal(e.kind, HELP_ADDED);
    assert_int_equal(e.rfc, 5);
    assert_string_equal(e.title, "Title from Elsewhere");
    assert_listed(5, "five");
}

/* ---- before it is safe ---------------------------------------------------------------------- */

static void assert_bytes(const struct library_doc *d, const char *text)
{
    struct library_file *f = NULL;
    char bytes[64] = "";
    assert_int_equal(library_file_open(h.lib, d, &f), DI_OK);
    assert_int_equal(pread(library_file_fd(f), bytes, sizeof bytes - 1, 0), (ssize_t)strlen(text));
    assert_string_equal(bytes, text);
    library_file_release(f);
}

/* Begins to publish RFC 5, "five"; the publisher waits for the disk. */
static void publish_slowly(struct told *told, sem_t *all, atomic_uint *left)
{
    assert_int_equal(sem_init(&disk_reached, 0, 0), 0);
    assert_int_equal(sem_init(&disk_goes_on, 0, 0), 0);
    assert_int_equal(sem_init(all, 0, 0), 0);
    disk_is_slow = true;
    *left = 1;
    *told = (struct told){.all = all, .left = left, .err = DI_CANCELLED};
    library_publish(h.lib, make_part(5, "five"), "", on_done, told);
    assert_int_equal(sem_wait(&disk_reached), 0);
}

static void let_disk_go_on(sem_t *all)
{
    disk_is_slow = false;
    (void)sem_post(&disk_goes_on);
    assert_int_equal(sem_wait(all), 0);
}

static void a_verified_document_is_served_before_it_is_safe(void **state)
{
    (void)state;
    sem_t all;
    atomic_uint left;
    struct told told;
    publish_slowly(&told, &all, &left);

    const struct library_doc *d = library_get(h.lib, 5, LIBRARY_TXT);
    assert_non_null(d);
    assert_bytes(d, "five");
    assert_false(help_exists(dir, "rfc5.txt"));
    assert_int_equal(told.err, DI_CANCELLED); /* nothing said yet */

    let_disk_go_on(&all);
    assert_int_equal(told.err, DI_OK);
    assert_true(help_exists(dir, "rfc5.txt"));
    assert_bytes(d, "five"); /* for who looked it up before */
    library_doc_unref(d);
    assert_listed(5, "five");
    size_t count = help_event_count(&h);
    assert_int_equal(help_wait_event(&h, HELP_ADDED, 5, 0), count - 1); /* once */
}

static void what_could_not_be_made_safe_is_taken_back(void **state)
{
    (void)state;
    sem_t all;
    atomic_uint left;
    struct told told;
    publish_slowly(&told, &all, &left);
    assert_listed(5, "five");
    fail_renameat = EDQUOT;
    let_disk_go_on(&all);
    assert_int_not_equal(told.err, DI_OK);
    assert_null(library_get(h.lib, 5, LIBRARY_TXT));
    (void)help_wait_event(&h, HELP_REMOVED, 5, 0);
}

static void what_it_was_to_replace_is_back_if_that_fails(void **state)
{
    (void)state;
    sem_t all;
    atomic_uint left;
    struct told told;
    help_write_text(dir, "5_title.txt", "titled");
    (void)help_wait_event(&h, HELP_ADDED, 5, 0);
    publish_slowly(&told, &all, &left);
    assert_listed(5, "five");
    size_t from = help_event_count(&h);
    fail_renameat = EDQUOT;
    let_disk_go_on(&all);
    (void)help_wait_event(&h, HELP_ADDED, 5, from);
    assert_listed(5, "titled");
}

static void a_look_through_the_directory_leaves_what_is_landing(void **state)
{
    (void)state;
    sem_t all;
    atomic_uint left;
    struct told told;
    publish_slowly(&told, &all, &left);
    /* Of two files of one number the better one goes: the directory is searched for the other. */
    help_write_text(dir, "rfc6.txt", "six");
    size_t at = help_wait_event(&h, HELP_ADDED, 6, 0);
    help_write_text(dir, "6_title.txt", "titled");
    help_write_text(dir, "rfc7.txt", "seven");
    (void)help_wait_event(&h, HELP_ADDED, 7, 0); /* and so the one before it was noticed, too */
    char path[512];
    (void)snprintf(path, sizeof path, "%s/rfc6.txt", dir);
    assert_int_equal(unlink(path), 0);
    (void)help_wait_event(&h, HELP_ADDED, 6, at + 1);
    assert_listed(5, "five");
    let_disk_go_on(&all);
    assert_listed(5, "five");
}

/* ---- what is in the way --------------------------------------------------------------------- */

static void another_edition_is_replaced(void **state)
{
    (void)state;
    assert_int_equal(help_publish(h.lib, 5, "old edition", 11, ""), DI_OK);
    assert_int_equal(help_publish(h.lib, 5, "new", 3, ""), DI_OK);
    assert_listed(5, "new");
    assert_int_equal(library_count(h.lib), 1);
}

static void a_number_held_under_another_name_goes_over(void **state)
{
    (void)state;
    help_write_text(dir, "5_title.txt", "titled");
    (void)help_wait_event(&h, HELP_ADDED, 5, 0);
    assert_int_equal(help_publish(h.lib, 5, "published", 9, ""), DI_OK);
    assert_listed(5, "published");
    assert_true(help_exists(dir, "5_title.txt"));
    help_library_close(&h);
    help_library_open(&h, dir, state_dir);
    assert_listed(5, "published"); /* the same after a restart */
}

static void a_link_of_that_name_is_replaced_and_not_followed(void **state)
{
    (void)state;
    char path[512], target[512];
    (void)snprintf(path, sizeof path, "%s/rfc5.txt", dir);
    (void)snprintf(target, sizeof target, "%s/target", state_dir);
    help_write_text(state_dir, "target", "precious");
    assert_int_equal(symlink(target, path), 0);
    assert_int_equal(help_publish(h.lib, 5, "published", 9, ""), DI_OK);
    struct stat st;
    assert_int_equal(lstat(path, &st), 0);
    assert_true(S_ISREG(st.st_mode));
    assert_int_equal(stat(target, &st), 0);
    assert_int_equal(st.st_size, 8);
}

static void a_directory_of_that_name_is_an_error_and_the_part_stays(void **state)
{
    (void)state;
    char path[512];
    (void)snprintf(path, sizeof path, "%s/rfc5.txt", dir);
    assert_int_equal(mkdir(path, 0755), 0);
    assert_int_not_equal(help_publish(h.lib, 5, "published", 9, ""), DI_OK);
    assert_true(part_exists(5, "published"));
    assert_null(library_get(h.lib, 5, LIBRARY_TXT));
    assert_int_equal(rmdir(path), 0);
    assert_int_equal(help_publish(h.lib, 5, "published", 9, ""), DI_OK);
    assert_listed(5, "published");
}

static void an_unverified_part_is_refused(void **state)
{
    (void)state;
    sem_t all;
    atomic_uint left = 1;
    struct library_part *p = NULL;
    struct sha256 digest = {{1}};
    uint64_t have = 0;
    assert_int_equal(sem_init(&all, 0, 0), 0);
    struct told told = {.all = &all, .left = &left};
    assert_int_equal(library_part_open(h.lib, 5, &digest, 4, &p, &have), DI_OK);
    assert_int_equal(library_part_append(p, "four", 4), DI_OK);
    library_publish(h.lib, p, "", on_done, &told);
    assert_int_equal(sem_wait(&all), 0);
    assert_int_equal(told.err, DI_INVALID);
    assert_false(help_exists(dir, "rfc5.txt"));
}

/* ---- failures ------------------------------------------------------------------------------- */

static void a_failed_sync_leaves_nothing_visible(void **state)
{
    (void)state;
    fail_fdatasync = ENOSPC;
    assert_int_equal(help_publish(h.lib, 5, "five", 4, ""), DI_NO_SPACE);
    assert_false(help_exists(dir, "rfc5.txt"));
    assert_false(part_exists(5, "five")); /* its bytes may not be what was written */
    assert_null(library_get(h.lib, 5, LIBRARY_TXT));
    fail_fdatasync = 0;
    assert_int_equal(help_publish(h.lib, 5, "five", 4, ""), DI_OK);
    assert_listed(5, "five");
}

static void a_failed_sync_of_all_falls_back_to_each(void **state)
{
    (void)state;
    static struct told told[100];
    fail_syncfs = EIO; /* of a file that is none of ours */
    publish_many(100, told);
    for (unsigned i = 0; i < 100; i++)
        assert_int_equal(told[i].err, DI_OK);
    assert_int_equal(assert_order(100, told), 0);
}

static void a_failed_rename_keeps_the_part(void **state)
{
    (void)state;
    fail_renameat = EACCES;
    assert_int_equal(help_publish(h.lib, 5, "five", 4, ""), DI_ACCESS);
    assert_false(help_exists(dir, "rfc5.txt"));
    assert_true(part_exists(5, "five"));
    fail_renameat = 0;
    assert_int_equal(help_publish(h.lib, 5, "five", 4, ""), DI_OK);
}

static void a_failed_sync_of_the_directory_is_reported(void **state)
{
    (void)state;
    fail_fsync = EIO;
    assert_int_equal(help_publish(h.lib, 5, "five", 4, ""), DI_IO);
    /* It is there, and whole: the watcher lists it as any file that comes. */
    (void)help_wait_event(&h, HELP_ADDED, 5, 0);
    assert_listed(5, "five");
}

static void closing_publishes_what_waits(void **state)
{
    (void)state;
    static struct told told[50];
    sem_t all;
    atomic_uint left = 50;
    assert_int_equal(sem_init(&all, 0, 0), 0);
    for (unsigned i = 0; i < 50; i++) {
        char text[32];
        (void)snprintf(text, sizeof text, "document %u", i + 1);
        told[i] = (struct told){.all = &all, .left = &left};
        library_publish(h.lib, make_part(i + 1, text), "", on_done, &told[i]);
    }
    help_library_close(&h);
    assert_int_equal(left, 0);
    help_library_open(&h, dir, state_dir);
    assert_int_equal(library_count(h.lib), 50);
}

int main(void)
{
#define PUBLISH_TEST(f) cmocka_unit_test_setup_teardown(f, open_library, close_library)
    const struct CMUnitTest tests[] = {
        PUBLISH_TEST(one_is_synced_renamed_synced_and_told_in_that_order),
        PUBLISH_TEST(many_are_too),
        PUBLISH_TEST(one_waits_for_more_that_comes_but_the_last_waits_for_nothing),
        PUBLISH_TEST(many_do_not_wait_for_more),
        PUBLISH_TEST(it_is_listed_before_it_is_done),
        PUBLISH_TEST(another_edition_is_replaced),
        PUBLISH_TEST(a_number_held_under_another_name_goes_over),
        PUBLISH_TEST(a_link_of_that_name_is_replaced_and_not_followed),
        PUBLISH_TEST(a_directory_of_that_name_is_an_error_and_the_part_stays),
        PUBLISH_TEST(an_unverified_part_is_refused),
        PUBLISH_TEST(a_failed_sync_leaves_nothing_visible),
        PUBLISH_TEST(a_failed_sync_of_all_falls_back_to_each),
        PUBLISH_TEST(a_failed_rename_keeps_the_part),
        PUBLISH_TEST(a_failed_sync_of_the_directory_is_reported),
        PUBLISH_TEST(a_verified_document_is_served_before_it_is_safe),
        PUBLISH_TEST(what_could_not_be_made_safe_is_taken_back),
        PUBLISH_TEST(what_it_was_to_replace_is_back_if_that_fails),
        PUBLISH_TEST(a_look_through_the_directory_leaves_what_is_landing),
        PUBLISH_TEST(closing_publishes_what_waits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
