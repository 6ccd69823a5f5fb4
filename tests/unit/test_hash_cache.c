/* The hash cache: rows come back, damage is never fatal. */
#include "store_help.h"

#include "../../src/store/hash_cache.h"

#include "p2pdi/base/log.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char dir[256];

static int make_dir(void **state)
{
    (void)state;
    help_make_dir(dir, "cache");
    log_set_level(LOG_ERROR); /* damage is what is tested */
    return 0;
}

static struct hash_cache *open_cache(void)
{
    struct hash_cache *hc = NULL;
    assert_int_equal(hash_cache_open(dir, &hc), DI_OK);
    return hc;
}

static void put_rows(struct hash_cache *hc, unsigned count)
{
    assert_int_equal(hash_cache_begin(hc), DI_OK);
    for (unsigned i = 0; i < count; i++) {
        char name[32], title[64];
        (void)snprintf(name, sizeof name, "rfc%u.txt", i + 1);
        (void)snprintf(title, sizeof title, "Title of %u", i + 1);
        struct hash_row row = {.name = name,
                               .id = {i, UINT64_MAX - i, -5, INT64_MAX},
                               .sha256 = {{(uint8_t)i, 2, 3}},
                               .title = title};
        assert_int_equal(hash_cache_put(hc, &row), DI_OK);
    }
    assert_int_equal(hash_cache_end(hc, DI_OK), DI_OK);
}

struct seen {
    unsigned count;
    bool all_right;
};

static void on_row(void *arg, const struct hash_row *row)
{
    struct seen *s = arg;
    char title[64];
    unsigned i = (unsigned)row->id.inode;
    (void)snprintf(title, sizeof title, "Title of %u", i + 1);
    s->count++;
    s->all_right = s->all_right && row->id.size_bytes == UINT64_MAX - i && row->id.mtime_ns == -5 &&
                   row->id.ctime_ns == INT64_MAX && row->sha256.byte[0] == (uint8_t)i &&
                   strcmp(row->title, title) == 0;
}

static void assert_rows(struct hash_cache *hc, unsigned count)
{
    struct seen s = {.all_right = true};
    assert_int_equal(hash_cache_load(hc, on_row, &s), DI_OK);
    assert_int_equal(s.count, count);
    assert_true(s.all_right);
}

static void rows_come_back_after_closing(void **state)
{
    (void)state;
    struct hash_cache *hc = open_cache();
    assert_rows(hc, 0);
    put_rows(hc, 10);
    put_rows(hc, 10); /* replaces */
    hash_cache_close(hc);
    hc = open_cache();
    assert_rows(hc, 10);
    assert_int_equal(hash_cache_begin(hc), DI_OK);
    assert_int_equal(hash_cache_drop(hc, "rfc3.txt"), DI_OK);
    assert_int_equal(hash_cache_drop(hc, "never there"), DI_OK);
    assert_int_equal(hash_cache_end(hc, DI_OK), DI_OK);
    assert_rows(hc, 9);
    hash_cache_close(hc);
    hash_cache_close(NULL);
}

static void what_failed_halfway_is_taken_back(void **state)
{
    (void)state;
    struct hash_cache *hc = open_cache();
    assert_int_equal(hash_cache_begin(hc), DI_OK);
    struct hash_row row = {.name = "rfc1.txt", .title = ""};
    assert_int_equal(hash_cache_put(hc, &row), DI_OK);
    assert_int_equal(hash_cache_end(hc, DI_IO), DI_IO);
    assert_rows(hc, 0);
    put_rows(hc, 1);
    hash_cache_close(hc);
}

static void assert_made_anew(void)
{
    struct hash_cache *hc = open_cache();
    assert_rows(hc, 0);
    put_rows(hc, 5);
    assert_rows(hc, 5);
    hash_cache_close(hc);
    hc = open_cache();
    assert_rows(hc, 5);
    hash_cache_close(hc);
}

static void what_is_no_database_is_made_anew(void **state)
{
    (void)state;
    help_write_text(dir, "hashes.db",
                    "This is not a database, and longer than a header: "
                    "................................................");
    assert_made_anew();
}

static void another_version_is_made_anew(void **state)
{
    (void)state;
    char path[512];
    sqlite3 *db = NULL;
    hash_cache_close(open_cache());
    (void)snprintf(path, sizeof path, "%s/hashes.db", dir);
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, "PRAGMA user_version = 77", NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
    assert_made_anew();
}

/* SQLite would read the missing byte as a zero: of a digest or a title. */
static void a_file_that_lacks_its_last_byte_is_made_anew(void **state)
{
    (void)state;
    char path[512];
    struct stat st;
    struct hash_cache *hc = open_cache();
    put_rows(hc, 1000);
    hash_cache_close(hc);
    (void)snprintf(path, sizeof path, "%s/hashes.db", dir);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(truncate(path, st.st_size - 1), 0);
    assert_made_anew();
}

/* Byte 18 of SQLite's header: it would open, and refuse every row for good. */
static void a_file_that_may_only_be_read_is_made_anew(void **state)
{
    (void)state;
    char path[512];
    struct hash_cache *hc = open_cache();
    put_rows(hc, 10);
    hash_cache_close(hc);
    (void)snprintf(path, sizeof path, "%s/hashes.db", dir);
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    assert_int_equal(pwrite(fd, "\3", 1, 18), 1);
    assert_int_equal(close(fd), 0);
    assert_made_anew();
}

static void damage_in_the_middle_is_found_while_loading(void **state)
{
    (void)state;
    char path[512], noise[4096];
    struct hash_cache *hc = open_cache();
    put_rows(hc, 1000);
    hash_cache_close(hc);
    memset(noise, 0x5A, sizeof noise);
    (void)snprintf(path, sizeof path, "%s/hashes.db", dir);
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    assert_int_equal(pwrite(fd, noise, sizeof noise, 8 * 4096), (ssize_t)sizeof noise);
    assert_int_equal(close(fd), 0);

    struct seen s = {0};
    hc = open_cache();
    assert_int_equal(hash_cache_load(hc, on_row, &s), DI_CORRUPT);
    hash_cache_close(hc);
    assert_made_anew();
}

static void a_directory_that_is_not_there_is_an_error(void **state)
{
    (void)state;
    struct hash_cache *hc = NULL;
    assert_int_equal(hash_cache_open("/nowhere/at/all", &hc), DI_NOT_FOUND);
    char lengthy[5000];
    memset(lengthy, 'x', sizeof lengthy - 1);
    lengthy[sizeof lengthy - 1] = '\0';
    assert_int_equal(hash_cache_open(lengthy, &hc), DI_LIMIT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(rows_come_back_after_closing, make_dir),
        cmocka_unit_test_setup(what_failed_halfway_is_taken_back, make_dir),
        cmocka_unit_test_setup(what_is_no_database_is_made_anew, make_dir),
        cmocka_unit_test_setup(another_version_is_made_anew, make_dir),
        cmocka_unit_test_setup(a_file_that_lacks_its_last_byte_is_made_anew, make_dir),
        cmocka_unit_test_setup(a_file_that_may_only_be_read_is_made_anew, make_dir),
        cmocka_unit_test_setup(damage_in_the_middle_is_found_while_loading, make_dir),
        cmocka_unit_test_setup(a_directory_that_is_not_there_is_an_error, make_dir),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
