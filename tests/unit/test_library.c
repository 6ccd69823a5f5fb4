/* The library: what is listed, under which title, what can be opened. */
#include "store_help.h"

#include "p2pdi/base/log.h"
#include "p2pdi/base/sha256.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>
#include <fcntl.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

static char dir[256], state_dir[256];
static struct help_library h;

static int make_dirs(void **state)
{
    (void)state;
    help_make_dir(dir, "lib");
    help_make_dir(state_dir, "state");
    log_set_level(LOG_ERROR);
    return 0;
}

static void path_of(char out[512], const char *name)
{
    (void)snprintf(out, 512, "%s/%s", dir, name);
}

static const struct library_doc *get(uint32_t rfc)
{
    const struct library_doc *d = library_get(h.lib, rfc, LIBRARY_TXT);
    if (d == NULL)
        fail_msg("%u is not listed", rfc);
    return d;
}

static void assert_content(uint32_t rfc, const char *text)
{
    struct sha256 expect;
    const struct library_doc *d = get(rfc);
    assert_int_equal(d->size_bytes, strlen(text));
    assert_int_equal(sha256_of(text, strlen(text), &expect), DI_OK);
    assert_true(sha256_equal(&d->sha256, &expect));
    library_doc_unref(d);
}

static void assert_title(uint32_t rfc, const char *title)
{
    const struct library_doc *d = get(rfc);
    assert_string_equal(d->title, title);
    library_doc_unref(d);
}

/* ---- listing -------------------------------------------------------------------------------- */

static void every_kind_of_name_is_listed(void **state)
{
    (void)state;
    help_write_text(dir, "rfc8609.txt", "one");
    help_write_text(dir, "rfc0010.txt", "two");
    help_write_text(dir, "11_Some_title.txt", "three");
    help_write_text(dir, "rfc12.pdf", "four");
    help_write_text(dir, "rfc99999999.txt", "");
    help_write_text(dir, "rfc100000000.txt", "too large a number");
    help_write_text(dir, "notes.txt", "no document");
    help_library_open(&h, dir, state_dir);
    assert_int_equal(library_count(h.lib), 5);
    assert_content(8609, "one");
    assert_content(10, "two");
    assert_content(11, "three");
    assert_content(99999999, "");
    assert_title(10, "RFC 10");
    assert_title(11, "Some title");
    assert_null(library_get(h.lib, 12, LIBRARY_TXT));
    assert_null(library_get(h.lib, 0, LIBRARY_TXT));
    assert_null(library_get(h.lib, UINT32_MAX, LIBRARY_TXT));
    const struct library_doc *pdf = library_get(h.lib, 12, LIBRARY_PDF);
    assert_non_null(pdf);
    library_doc_unref(pdf);
    assert_int_equal(help_event_count(&h), 5); /* four texts and "scanned" */
    assert_int_equal(help_event_at(&h, 4).kind, HELP_SCANNED);
    assert_int_equal(help_event_at(&h, 4).rfc, 5);
    help_library_close(&h);
}

static void of_several_claims_the_best_name_wins(void **state)
{
    (void)state;
    help_write_text(dir, "rfc10.txt", "plain");
    help_write_text(dir, "rfc0010.txt", "padded");
    help_write_text(dir, "10_title.txt", "titled");
    help_write_text(dir, "rfc0011.txt", "padded");
    help_write_text(dir, "11_title.txt", "titled");
    help_write_text(dir, "12_b.txt", "b");
    help_write_text(dir, "12_a.txt", "a");
    help_library_open(&h, dir, state_dir);
    assert_int_equal(library_count(h.lib), 3);
    assert_content(10, "plain");
    assert_content(11, "padded");
    assert_content(12, "a");
    help_library_close(&h);
}

static void only_regular_files_of_permitted_size_are_listed(void **state)
{
    (void)state;
    char path[512], secret[512];
    (void)snprintf(secret, sizeof secret, "%s/secret", state_dir);
    help_write_text(state_dir, "secret", "outside");
    path_of(path, "rfc1.txt");
    assert_int_equal(symlink(secret, path), 0);
    path_of(path, "rfc2.txt");
    assert_int_equal(mkdir(path, 0755), 0);
    path_of(path, "rfc3.txt");
    assert_int_equal(mkfifo(path, 0644), 0);
    path_of(path, "rfc4.txt");
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
    assert_int_equal(ftruncate(fd, (off_t)LIBRARY_DOCUMENT_MAX + 1), 0);
    close(fd);
    /* The best name is no document: the next one takes the number. */
    help_write_text(dir, "rfc0001.txt", "inside");
    help_library_open(&h, dir, state_dir);
    assert_int_equal(library_count(h.lib), 1);
    assert_content(1, "inside");
    help_library_close(&h);
}

static void titles_come_from_index_then_head_then_name(void **state)
{
    (void)state;
    size_t len = 0;
    char *doc = help_document(5, "Title in the Head", 1, 3000, &len);
    help_write_file(dir, "rfc5.txt", doc, len);
    help_write_file(dir, "6_Title_in_name.txt", doc, len);
    help_write_file(dir, "rfc7.txt", doc, len);
    help_write_text(dir, "8_Title_in_name.txt", "nothing else");
    help_write_text(dir, "rfc9.pdf", "%PDF");
    help_write_text(dir, "rfc-index.txt",
                    "0007 Title in the Index. A. Author. May 2026. (Format: TXT)\n\n"
                    "9 Title of a PDF. A. Author. May 2026. (Format: PDF)\n");
    help_library_open(&h, dir, state_dir);
    assert_title(5, "Title in the Head");
    assert_title(6, "Title in the Head");
    assert_title(7, "Title in the Index");
    assert_title(8, "Title in name");
    const struct library_doc *pdf = library_get(h.lib, 9, LIBRARY_PDF);
    assert_string_equal(pdf->title, "Title of a PDF");
    library_doc_unref(pdf);
    help_library_close(&h);
    free(doc);
}

static void a_directory_is_made_and_what_is_wrong_is_named(void **state)
{
    (void)state;
    char path[512], why[256] = "";
    struct library *lib = NULL;
    path_of(path, "new");
    help_library_open(&h, path, state_dir);
    assert_int_equal(library_count(h.lib), 0);
    help_library_close(&h);
    assert_true(help_exists(dir, "new"));

    path_of(path, "missing/new");
    struct library_config cfg = {.dir = path, .state = state_dir};
    assert_int_equal(library_open(&cfg, &help_ignore_events, NULL, &lib, why), DI_NOT_FOUND);
    assert_non_null(strstr(why, path));
    path_of(path, "file");
    help_write_text(dir, "file", "");
    assert_int_equal(library_open(&cfg, &help_ignore_events, NULL, &lib, why), DI_INVALID);
    assert_non_null(strstr(why, path));
    path_of(path, "locked");
    assert_int_equal(mkdir(path, 0555), 0);
    cfg.write = true;
    enum di_err err = library_open(&cfg, &help_ignore_events, NULL, &lib, why);
    if (geteuid() != 0)
        assert_int_equal(err, DI_ACCESS);
    else
        library_close(lib); /* nothing is forbidden to root */
    library_close(NULL);
}

/* ---- the hash cache ------------------------------------------------------------------------- */

/* Makes the cache say something else, so that it shows when it is used. */
static void falsify_cache(void)
{
    char path[512];
    sqlite3 *db = NULL;
    (void)snprintf(path, sizeof path, "%s/hashes.db", state_dir);
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db,
                                  "UPDATE hash SET sha256 = zeroblob(32), title = 'From the Cache'",
                                  NULL, NULL, NULL),
                     SQLITE_OK);
    assert_int_equal(sqlite3_changes(db), 2);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

static void unchanged_files_are_not_hashed_again(void **state)
{
    (void)state;
    help_write_text(dir, "rfc1.txt", "first");
    help_write_text(dir, "rfc2.txt", "second");
    help_library_open(&h, dir, state_dir);
    help_library_close(&h);
    falsify_cache();
    help_write_text(dir, "rfc2.txt", "second, changed");

    help_library_open(&h, dir, state_dir);
    const struct library_doc *d = get(1);
    assert_true(sha256_equal(&d->sha256, &(struct sha256){{0}}));
    assert_string_equal(d->title, "From the Cache");
    library_doc_unref(d);
    assert_content(2, "second, changed");
    help_library_close(&h);
}

static void a_file_that_changed_again_is_remembered_as_it_is_now(void **state)
{
    (void)state;
    help_write_text(dir, "rfc1.txt", "first");
    help_write_text(dir, "rfc2.txt", "second");
    help_library_open(&h, dir, state_dir);
    size_t before = help_event_count(&h);
    help_write_text(dir, "rfc1.txt", "first, changed");
    (void)help_wait_event(&h, HELP_ADDED, 1, before);
    help_library_close(&h);
    falsify_cache();

    help_library_open(&h, dir, state_dir);
    assert_title(1, "From the Cache");
    help_library_close(&h);
}

static void rows_of_deleted_files_are_forgotten(void **state)
{
    (void)state;
    char path[512];
    sqlite3 *db = NULL;
    sqlite3_stmt *stmt = NULL;
    help_write_text(dir, "rfc1.txt", "first");
    help_write_text(dir, "rfc2.txt", "second");
    help_library_open(&h, dir, state_dir);
    help_library_close(&h);
    path_of(path, "rfc1.txt");
    assert_int_equal(unlink(path), 0);
    help_library_open(&h, dir, state_dir);
    help_library_close(&h);
    (void)snprintf(path, sizeof path, "%s/hashes.db", state_dir);
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(db, "SELECT group_concat(name) FROM hash", -1, &stmt, NULL),
                     SQLITE_OK);
    assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
    assert_string_equal(sqlite3_column_text(stmt, 0), "rfc2.txt");
    sqlite3_finalize(stmt);
    sqlite3_close(db);
}

static void a_broken_cache_only_costs_time(void **state)
{
    (void)state;
    help_write_text(dir, "rfc1.txt", "first");
    help_write_text(state_dir, "hashes.db",
                    "garbage, and enough of it to be looked at as a header "
                    "of a database file of a hundred bytes");
    help_library_open(&h, dir, state_dir);
    assert_content(1, "first");
    help_library_close(&h);
    help_library_open(&h, dir, "/nowhere/at/all");
    assert_content(1, "first");
    help_library_close(&h);
}

/* ---- open files ----------------------------------------------------------------------------- */

static void assert_file(const struct library_doc *d, const char *text)
{
    struct library_file *f = NULL;
    char bytes[256];
    assert_int_equal(library_file_open(h.lib, d, &f), DI_OK);
    assert_int_equal(pread(library_file_fd(f), bytes, sizeof bytes, 0), (ssize_t)strlen(text));
    assert_memory_equal(bytes, text, strlen(text));
    if (library_file_bytes(f) != NULL)
        assert_memory_equal(library_file_bytes(f), text, strlen(text));
    library_file_release(f);
}

static bool is_in_memory(const struct library_doc *d)
{
    struct library_file *f = NULL;
    assert_int_equal(library_file_open(h.lib, d, &f), DI_OK);
    bool there = library_file_bytes(f) != NULL;
    library_file_release(f);
    return there;
}

static void small_documents_in_demand_are_kept_in_memory(void **state)
{
    (void)state;
    static char large[16385];
    help_write_text(dir, "rfc1.txt", "small");
    help_write_file(dir, "rfc2.txt", large, sizeof large);
    help_library_open(&h, dir, state_dir);
    const struct library_doc *small_doc = get(1), *large_doc = get(2);
    assert_false(is_in_memory(small_doc));
    (void)is_in_memory(small_doc);
    assert_true(is_in_memory(small_doc));
    for (int i = 0; i < 5; i++)
        assert_false(is_in_memory(large_doc));
    assert_file(small_doc, "small");
    library_doc_unref(small_doc);
    library_doc_unref(large_doc);
    help_library_close(&h);
}

static void memory_for_documents_is_bounded_and_goes_to_the_hottest(void **state)
{
    (void)state;
    enum { SIZE = 16000, COUNT = 560, FIT = (8 << 20) / SIZE };
    static char bytes[SIZE];
    const struct library_doc *doc[COUNT];
    /* A quarter of the limit is for documents: all of these. */
    struct rlimit before, enough;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    enough = before;
    if (enough.rlim_cur < 4 * COUNT)
        enough.rlim_cur = 4 * COUNT;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &enough), 0);
    for (int i = 0; i < COUNT; i++) {
        char name[32];
        (void)snprintf(name, sizeof name, "rfc%d.txt", i + 1);
        help_write_file(dir, name, bytes, sizeof bytes);
    }
    help_library_open(&h, dir, state_dir);
    int in_memory = 0;
    for (int i = 0; i < COUNT; i++) {
        doc[i] = get((uint32_t)i + 1);
        for (int k = 0; k < 3; k++)
            (void)is_in_memory(doc[i]);
    }
    for (int i = 0; i < COUNT; i++)
        in_memory += is_in_memory(doc[i]);
    assert_int_equal(in_memory, FIT);
    /* One that is asked for again and again gets in. */
    assert_false(is_in_memory(doc[COUNT - 1]));
    for (int k = 0; k < 100; k++)
        (void)is_in_memory(doc[COUNT - 1]);
    assert_true(is_in_memory(doc[COUNT - 1]));
    for (int i = 0; i < COUNT; i++)
        library_doc_unref(doc[i]);
    help_library_close(&h);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
}

static size_t count_open_descriptors(void)
{
    size_t n = 0;
    for (int fd = 0; fd < 1024; fd++)
        n += fcntl(fd, F_GETFD) >= 0;
    return n;
}

static void open_descriptors_are_bounded_by_the_limit(void **state)
{
    (void)state;
    struct rlimit before, small;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    small = before;
    small.rlim_cur = 256;
    for (int i = 1; i <= 200; i++) {
        char name[32];
        (void)snprintf(name, sizeof name, "rfc%d.txt", i);
        help_write_text(dir, name, name);
    }
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &small), 0);
    help_library_open(&h, dir, state_dir);
    size_t at_rest = count_open_descriptors();
    for (int round = 0; round < 2; round++) {
        for (int i = 1; i <= 200; i++) {
            char name[32];
            (void)snprintf(name, sizeof name, "rfc%d.txt", i);
            const struct library_doc *d = get((uint32_t)i);
            assert_file(d, name);
            library_doc_unref(d);
        }
    }
    assert_int_equal(count_open_descriptors(), at_rest + 64);
    help_library_close(&h);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
}

static void a_held_file_outlives_its_replacement_and_the_library(void **state)
{
    (void)state;
    struct library_file *f = NULL;
    char bytes[16];
    help_write_text(dir, "rfc1.txt", "old");
    help_library_open(&h, dir, state_dir);
    const struct library_doc *old = get(1);
    assert_int_equal(library_file_open(h.lib, old, &f), DI_OK);
    assert_int_equal(help_publish(h.lib, 1, "newer", 5, ""), DI_OK);
    assert_content(1, "newer");
    struct library_file *again = NULL;
    assert_int_equal(library_file_open(h.lib, old, &again), DI_NOT_FOUND);
    help_library_close(&h);
    assert_int_equal(pread(library_file_fd(f), bytes, sizeof bytes, 0), 3);
    assert_memory_equal(bytes, "old", 3);
    assert_string_equal(old->title, "RFC 1");
    library_file_release(f);
    library_doc_unref(old);
    library_doc_unref(NULL);
    library_file_release(NULL);
}

/* Between a change and the notice of it the old document must not be served from the new file. */
static void a_file_that_is_not_the_document_is_not_opened(void **state)
{
    (void)state;
    struct library_file *f = NULL;
    char path[512];
    help_write_text(dir, "rfc1.txt", "old");
    help_library_open(&h, dir, state_dir);
    const struct library_doc *d = get(1);
    help_write_text(dir, "rfc1.txt", "something longer");
    assert_int_equal(library_file_open(h.lib, d, &f), DI_NOT_FOUND);
    path_of(path, "rfc1.txt");
    assert_int_equal(unlink(path), 0);
    assert_int_equal(library_file_open(h.lib, d, &f), DI_NOT_FOUND);
    assert_int_equal(symlink("/etc/passwd", path), 0);
    assert_int_equal(library_file_open(h.lib, d, &f), DI_NOT_FOUND);
    library_doc_unref(d);
    help_library_close(&h);
}

/* ---- many threads --------------------------------------------------------------------------- */

static atomic_bool readers_stop;
static atomic_uint reads;

/* What is looked up is whole, whatever happens to it meanwhile. */
static void *read_again_and_again(void *arg)
{
    (void)arg;
    char bytes[64];
    for (uint32_t i = 0; !readers_stop; i++) {
        const struct library_doc *d = library_get(h.lib, 1 + i % 4, LIBRARY_TXT);
        struct library_file *f = NULL;
        if (d == NULL)
            continue;
        if (library_file_open(h.lib, d, &f) == DI_OK) {
            struct sha256 digest;
            ssize_t n = pread(library_file_fd(f), bytes, sizeof bytes, 0);
            const void *kept = library_file_bytes(f);
            if (n != (ssize_t)d->size_bytes || sha256_of(bytes, (size_t)n, &digest) != DI_OK ||
                !sha256_equal(&digest, &d->sha256) ||
                (kept != NULL && memcmp(kept, bytes, (size_t)n) != 0))
                abort();
            library_file_release(f);
            (void)atomic_fetch_add(&reads, 1);
        }
        library_doc_unref(d);
    }
    return NULL;
}

static void readers_see_whole_documents_while_they_are_replaced(void **state)
{
    (void)state;
    pthread_t thread[4];
    readers_stop = false;
    reads = 0;
    help_library_open(&h, dir, state_dir);
    for (int i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&thread[i], NULL, read_again_and_again, NULL), 0);
    for (unsigned i = 0; i < 200 || reads < 100; i++) {
        char text[64];
        int n = snprintf(text, sizeof text, "edition %u of %u", i, i % 4);
        assert_int_equal(help_publish(h.lib, 1 + i % 4, text, (size_t)n, ""), DI_OK);
    }
    readers_stop = true;
    for (int i = 0; i < 4; i++)
        assert_int_equal(pthread_join(thread[i], NULL), 0);
    help_library_close(&h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(every_kind_of_name_is_listed, make_dirs),
        cmocka_unit_test_setup(of_several_claims_the_best_name_wins, make_dirs),
        cmocka_unit_test_setup(only_regular_files_of_permitted_size_are_listed, make_dirs),
        cmocka_unit_test_setup(titles_come_from_index_then_head_then_name, make_dirs),
        cmocka_unit_test_setup(a_directory_is_made_and_what_is_wrong_is_named, make_dirs),
        cmocka_unit_test_setup(unchanged_files_are_not_hashed_again, make_dirs),
        cmocka_unit_test_setup(a_file_that_changed_again_is_remembered_as_it_is_now, make_dirs),
        cmocka_unit_test_setup(rows_of_deleted_files_are_forgotten, make_dirs),
        cmocka_unit_test_setup(a_broken_cache_only_costs_time, make_dirs),
        cmocka_unit_test_setup(small_documents_in_demand_are_kept_in_memory, make_dirs),
        cmocka_unit_test_setup(memory_for_documents_is_bounded_and_goes_to_the_hottest, make_dirs),
        cmocka_unit_test_setup(open_descriptors_are_bounded_by_the_limit, make_dirs),
        cmocka_unit_test_setup(a_held_file_outlives_its_replacement_and_the_library, make_dirs),
        cmocka_unit_test_setup(a_file_that_is_not_the_document_is_not_opened, make_dirs),
        cmocka_unit_test_setup(readers_see_whole_documents_while_they_are_replaced, make_dirs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
