/*
 * Each allocation of the store fails once, the first, the second and so on, until none is left to
 * fail: the call says so, or a document stays out; nothing crashes, hangs or leaks.
 */
/* ld: -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc,--wrap=strndup */
#include "../support/failing_alloc.h"
#include "store_help.h"

#include "p2pdi/base/log.h"
#include "p2pdi/store/records.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define NOW_S INT64_C(1700000000)

static char dir[256], state_dir[256];

static void ignore_line(void *arg, enum log_level level, const char *line)
{
    (void)arg;
    (void)level;
    (void)line;
}

static int make_dirs(void **state)
{
    (void)state;
    help_make_dir(dir, "lib");
    help_make_dir(state_dir, "state");
    log_set_sink(ignore_line, NULL);
    return 0;
}

struct word {
    sem_t said;
    enum di_err err;
};

static void on_done(void *arg, enum di_err err)
{
    struct word *w = arg;
    w->err = err;
    (void)sem_post(&w->said);
}

static enum di_err publish_one(struct library *lib, const struct sha256 *digest, const char *text)
{
    struct library_part *p = NULL;
    uint64_t have = 0;
    enum di_err err = library_part_open(lib, 9, digest, strlen(text), &p, &have);
    if (err == DI_OK && have < strlen(text))
        err = library_part_append(p, text + have, strlen(text) - have);
    if (err == DI_OK)
        err = library_part_verify(p);
    if (err != DI_OK) {
        library_part_keep(p);
        return err;
    }
    struct word word;
    assert_int_equal(sem_init(&word.said, 0, 0), 0);
    library_publish(lib, p, "A Title", on_done, &word);
    assert_int_equal(sem_wait(&word.said), 0);
    return word.err;
}

static enum di_err read_one(struct library *lib, uint32_t rfc)
{
    const struct library_doc *d = library_get(lib, rfc, LIBRARY_TXT);
    struct library_file *f = NULL;
    if (d == NULL)
        return DI_NOT_FOUND;
    enum di_err err = DI_OK;
    for (int i = 0; i < 3 && err == DI_OK; i++) {
        err = library_file_open(lib, d, &f);
        if (err == DI_OK)
            library_file_release(f);
    }
    library_doc_unref(d);
    return err;
}

/* The first that went wrong; everything is closed again. */
static enum di_err use_library(const struct sha256 *digest)
{
    struct library *lib = NULL;
    char why[256] = "";
    struct library_config cfg = {.dir = dir, .state = state_dir, .write = true, .hashers = 2};
    enum di_err err = library_open(&cfg, &help_ignore_events, NULL, &lib, why);
    if (err != DI_OK) {
        assert_string_not_equal(why, "");
        return err;
    }
    library_wait_scanned(lib);
    err = publish_one(lib, digest, "published");
    for (uint32_t rfc = 1; rfc <= 3 && err == DI_OK; rfc++)
        err = read_one(lib, rfc);
    library_close(lib);
    return err;
}

static void forget(const char *directory, const char *name)
{
    char path[512];
    (void)snprintf(path, sizeof path, "%s/%s", directory, name);
    (void)unlink(path);
}

static void a_library_survives_each_failure(void **state)
{
    (void)state;
    struct sha256 digest;
    assert_int_equal(sha256_of("published", 9, &digest), DI_OK);
    help_write_text(dir, "rfc1.txt", "one");
    help_write_text(dir, "rfc0002.txt", "two");
    help_write_text(dir, "3_three.txt", "three");
    help_write_text(dir, "rfc-index.txt",
                    "1 Host Software. S. Crocker. April 1969. (Format: TXT)\n");
    for (int cached = 0; cached < 2; cached++) {
        int failures = 0;
        for (int n = 1;; n++) {
            forget(dir, "rfc9.txt");
            if (cached == 0)
                forget(state_dir, "hashes.db");
            failing_alloc_at(n);
            (void)use_library(&digest);
            if (!failing_alloc_off())
                break;
            failures++;
        }
        assert_true(failures > 20);
        assert_int_equal(use_library(&digest), DI_OK);
    }
}

static enum di_err ignore_record(void *arg, const struct stored_record *r)
{
    (void)r;
    ++*(int *)arg;
    return DI_OK;
}

static enum di_err use_records(void)
{
    static struct stored_record r;
    struct record_store *s = NULL;
    struct word word;
    char path[512], why[256] = "";
    int count = 0;
    (void)snprintf(path, sizeof path, "%s/records.db", state_dir);
    enum di_err err = record_store_open_sqlite(path, &s, why);
    if (err != DI_OK) {
        assert_string_not_equal(why, "");
        return err;
    }
    err = s->ops->load(s, NOW_S, 100, ignore_record, &count);
    assert_int_equal(sem_init(&word.said, 0, 0), 0);
    r.record.peer = 1;
    r.record.active = true;
    r.stamp_count = 1;
    if (err == DI_OK)
        err = s->ops->put(s, &r, 1, NOW_S, on_done, &word);
    if (err == DI_OK) {
        assert_int_equal(sem_wait(&word.said), 0);
        err = word.err;
    }
    if (err == DI_OK)
        err = s->ops->renew(s, &r.record.cookie, NOW_S);
    s->ops->close(s);
    return err;
}

static void the_records_survive_each_failure(void **state)
{
    (void)state;
    int failures = 0;
    for (int n = 1;; n++) {
        failing_alloc_at(n);
        enum di_err err = use_records();
        if (!failing_alloc_off())
            break;
        assert_int_equal(err, DI_NOMEM);
        failures++;
    }
    assert_true(failures > 3);
    assert_int_equal(use_records(), DI_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_library_survives_each_failure, make_dirs),
        cmocka_unit_test_setup(the_records_survive_each_failure, make_dirs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
