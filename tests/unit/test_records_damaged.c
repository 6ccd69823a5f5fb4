/* Records that are damaged, of others, or of the future: refused with the command that mends it, never emptied. */
#include "records_help.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Opening is refused, and the command that the refusal names makes it possible. */
static void assert_refused_and_mended(void)
{
    struct record_store *s = NULL;
    char why[256] = "";
    char aside[600];
    assert_int_equal(record_store_open_sqlite(records_path, &s, why), DI_CORRUPT);
    const char *command = strstr(why, "cd '");
    assert_non_null(command);
    assert_int_equal(system(command), 0);
    (void)snprintf(aside, sizeof aside, "%s/damaged-records.db", records_dir);
    assert_int_equal(access(aside, F_OK), 0);
    s = records_open();
    s->ops->close(s);
}

static void what_is_no_database_is_refused(void **state)
{
    (void)state;
    char text[9000];
    memset(text, 'x', sizeof text);
    help_write_file(records_dir, "records.db", text, sizeof text);
    assert_refused_and_mended();
}

static void run_sql(const char *sql)
{
    sqlite3 *db = NULL;
    assert_int_equal(sqlite3_open(records_path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

static void the_database_of_another_program_is_refused(void **state)
{
    (void)state;
    run_sql("CREATE TABLE t (a); INSERT INTO t VALUES (1)");
    assert_refused_and_mended();
}

static void a_schema_from_the_future_is_refused(void **state)
{
    (void)state;
    struct record_store *s = records_open();
    s->ops->close(s);
    run_sql("PRAGMA user_version = 99");
    assert_refused_and_mended();
}

static void an_emptied_file_is_no_new_registry(void **state)
{
    (void)state;
    struct record_store *s = records_open();
    s->ops->close(s);
    assert_int_equal(truncate(records_path, 0), 0);
    assert_refused_and_mended();
}

/* SQLite would delete the log, with all that was registered since the last start. */
static void a_log_without_its_file_is_no_new_registry(void **state)
{
    (void)state;
    char log[600], aside[600], why[256];
    struct record_store *s = NULL;
    (void)snprintf(log, sizeof log, "%s-wal", records_path);
    help_write_text(records_dir, "records.db-wal", "what a log holds");
    assert_int_equal(record_store_open_sqlite(records_path, &s, why), DI_CORRUPT);
    assert_int_equal(access(log, F_OK), 0);
    assert_int_equal(system(strstr(why, "cd '")), 0);
    (void)snprintf(aside, sizeof aside, "%s/damaged-records.db-wal", records_dir);
    assert_int_equal(access(aside, F_OK), 0);
    s = records_open();
    s->ops->close(s);
}

/* What was left by one that died while it made the file. */
static void half_a_new_file_is_in_nobodys_way(void **state)
{
    (void)state;
    help_write_text(records_dir, "records.db.new", "half");
    help_write_text(records_dir, "records.db.new-journal", "half");
    struct record_store *s = records_open();
    s->ops->close(s);
    assert_false(help_exists(records_dir, "records.db.new"));
}

static void a_damaged_page_is_noticed(void **state)
{
    (void)state;
    struct record_store *s = records_open();
    struct stored_record r;
    for (uint32_t i = 1; i <= 200; i++) {
        records_make(&r, i);
        assert_int_equal(s->ops->put(s, &r, 1, NOW_S, NULL, NULL), DI_OK);
    }
    s->ops->close(s);
    char noise[4096];
    memset(noise, 0xA5, sizeof noise);
    int fd = open(records_path, O_WRONLY);
    assert_int_equal(pwrite(fd, noise, sizeof noise, 3 * 4096), (ssize_t)sizeof noise);
    close(fd);
    assert_refused_and_mended();
}

static void a_row_that_is_not_ours_is_noticed_while_loading(void **state)
{
    (void)state;
    struct records_loaded l = {0};
    struct record_store *s = records_open();
    s->ops->close(s);
    run_sql("INSERT INTO peer VALUES (x'00', 1, x'00', 1, 1, 1, 1, 'a', 'b', x'')");
    s = records_open();
    assert_int_equal(s->ops->load(s, NOW_S, 100, records_on_loaded, &l), DI_CORRUPT);
    s->ops->close(s);
    free(l.record);
}

/* Each field of a row, as nothing of ours writes it. */
static void each_field_of_a_row_is_checked(void **state)
{
    (void)state;
    static const char *const damages[] = {
        "cookie = x'00'",
        "cookie = 'text'",
        "peer = 0",
        "peer = -1",
        "peer = 4294967296",
        "peer = 'one'",
        "ip = x'7f000001'",
        "ip = ''",
        "port = 65536",
        "port = -1",
        "port = 1.5",
        "active = 2",
        "active = 'yes'",
        "expires_s = -1",
        "expires_s = 'soon', active = 0",
        "last_registered_s = -1",
        "last_registered_s = 'now'",
        "stamps = x'00'",
        "stamps = zeroblob(12 * 10000)",
    };
    char sql[200];
    for (size_t i = 0; i < sizeof damages / sizeof damages[0]; i++) {
        struct records_loaded l = {0};
        (void)unlink(records_path);
        records_keep_one(7);
        (void)snprintf(sql, sizeof sql, "UPDATE peer SET %s", damages[i]);
        run_sql(sql);
        struct record_store *s = records_open();
        enum di_err err = s->ops->load(s, NOW_S, 100, records_on_loaded, &l);
        s->ops->close(s);
        if (err != DI_CORRUPT)
            fail_msg("%s: %s", damages[i], di_err_text(err));
        free(l.record);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(what_is_no_database_is_refused, records_make_dir),
        cmocka_unit_test_setup(the_database_of_another_program_is_refused, records_make_dir),
        cmocka_unit_test_setup(a_schema_from_the_future_is_refused, records_make_dir),
        cmocka_unit_test_setup(an_emptied_file_is_no_new_registry, records_make_dir),
        cmocka_unit_test_setup(a_log_without_its_file_is_no_new_registry, records_make_dir),
        cmocka_unit_test_setup(half_a_new_file_is_in_nobodys_way, records_make_dir),
        cmocka_unit_test_setup(a_damaged_page_is_noticed, records_make_dir),
        cmocka_unit_test_setup(a_row_that_is_not_ours_is_noticed_while_loading, records_make_dir),
        cmocka_unit_test_setup(each_field_of_a_row_is_checked, records_make_dir),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
