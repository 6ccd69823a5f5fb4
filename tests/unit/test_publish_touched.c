/* Publishing, and somebody else at work in the same directory between the rename and the word. */
/* ld: -Wl,--wrap=fsync */
#include "store_help.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>
#include <errno.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define TEXT "what came and was verified\n"
#define OTHER "what somebody else wrote..\n" /* as long */

static char dir[256], state_dir[256];
static struct help_library h;

/* Done to rfc7.txt before the directory is synced: the name is there, the library does not know yet. */
static void (*_Atomic touch)(const char *path);

int __real_fsync(int fd);
int __wrap_fsync(int fd);

int __wrap_fsync(int fd)
{
    struct stat st;
    char path[300];
    void (*now)(const char *path) = NULL;
    if (fstat(fd, &st) == 0 && S_ISDIR(st.st_mode))
        now = atomic_exchange(&touch, NULL);
    snprintf(path, sizeof(path), "%s/rfc7.txt", dir);
    if (now != NULL)
        now(path);
    return __real_fsync(fd);
}

static int open_library(void **state)
{
    (void)state;
    help_make_dir(dir, "lib");
    help_make_dir(state_dir, "state");
    help_library_open(&h, dir, state_dir);
    return 0;
}

static int close_library(void **state)
{
    (void)state;
    help_library_close(&h);
    return 0;
}

static void on_done(void *arg, enum di_err err)
{
    assert_int_equal(err, DI_OK);
    (void)sem_post(arg);
}

static void publish(void (*meanwhile)(const char *path))
{
    struct library_part *p = NULL;
    struct sha256 digest;
    uint64_t have = 0;
    sem_t done;
    assert_int_equal(sem_init(&done, 0, 0), 0);
    assert_int_equal(sha256_of(TEXT, strlen(TEXT), &digest), DI_OK);
    assert_int_equal(library_part_open(h.lib, 7, &digest, strlen(TEXT), &p, &have), DI_OK);
    assert_int_equal(library_part_append(p, TEXT, strlen(TEXT)), DI_OK);
    assert_int_equal(library_part_verify(p), DI_OK);
    atomic_store(&touch, meanwhile);
    library_publish(h.lib, p, "", on_done, &done);
    while (sem_wait(&done) != 0)
        continue;
    assert_null(atomic_load(&touch));
    (void)sem_destroy(&done);
}

/* Is rfc7.txt listed with the digest of that, and can it be read; or, NULL, not listed? */
static void assert_listed(const char *text)
{
    const struct library_doc *d = library_get(h.lib, 7, LIBRARY_TXT);
    struct library_file *f = NULL;
    struct sha256 digest;
    if (text == NULL) {
        assert_null(d);
        return;
    }
    assert_non_null(d);
    assert_int_equal(sha256_of(text, strlen(text), &digest), DI_OK);
    assert_memory_equal(&d->sha256, &digest, sizeof(digest));
    assert_int_equal(library_file_open(h.lib, d, &f), DI_OK);
    library_file_release(f);
    library_doc_unref(d);
}

/* The digest that was remembered is not believed for another file either. */
static void open_again(void)
{
    help_library_close(&h);
    help_library_open(&h, dir, state_dir);
    library_wait_scanned(h.lib);
}

static void write_text(const char *path, const char *mode)
{
    FILE *f = fopen(path, mode);
    assert_non_null(f);
    assert_true(fputs(OTHER, f) >= 0);
    assert_int_equal(fclose(f), 0);
}

static void leave_alone(const char *path)
{
    assert_int_equal(access(path, R_OK), 0);
}

static void delete (const char *path)
{
    assert_int_equal(unlink(path), 0);
}

static void replace(const char *path)
{
    char other[310];
    snprintf(other, sizeof(other), "%s.other", path);
    write_text(other, "w");
    assert_int_equal(rename(other, path), 0);
}

static void write_in_place(const char *path)
{
    write_text(path, "r+");
}

static void what_nobody_touches_is_listed(void **state)
{
    (void)state;
    publish(leave_alone);
    assert_listed(TEXT);
    open_again();
    assert_listed(TEXT);
}

static void what_was_deleted_is_not_listed(void **state)
{
    (void)state;
    publish(delete);
    assert_listed(NULL);
}

static void what_was_replaced_is_listed_as_what_it_is(void **state)
{
    (void)state;
    publish(replace);
    assert_listed(OTHER);
    open_again();
    assert_listed(OTHER);
}

static void what_was_written_to_is_listed_as_what_it_is(void **state)
{
    (void)state;
    publish(write_in_place);
    assert_listed(OTHER);
    open_again();
    assert_listed(OTHER);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, open_library, close_library)
    const struct CMUnitTest tests[] = {
        T(what_nobody_touches_is_listed),
        T(what_was_deleted_is_not_listed),
        T(what_was_replaced_is_listed_as_what_it_is),
        T(what_was_written_to_is_listed_as_what_it_is),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
