/* The RS's records on disk: what was reported durable is there again, whatever happens. */
#include "store_help.h"

#include "p2pdi/base/clock.h"
#include "p2pdi/base/random.h"
#include "p2pdi/store/records.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define KILL_PEERS 2000000
#define NOW_S INT64_C(1700000000)

static char dir[256];
static char path[512];

static int make_dir(void **state)
{
    (void)state;
    help_make_dir(dir, "records");
    (void)snprintf(path, sizeof path, "%s/records.db", dir);
    return 0;
}

static struct record_store *open_store(void)
{
    struct record_store *s = NULL;
    char why[256] = "";
    enum di_err err = record_store_open_sqlite(path, &s, why);
    if (err != DI_OK)
        fail_msg("open: %s", why);
    return s;
}

static void make_record(struct stored_record *r, uint32_t peer)
{
    char cookie[32];
    memset(r, 0, sizeof *r);
    int n = snprintf(cookie, sizeof cookie, "cookie %u", peer);
    assert_int_equal(sha256_of(cookie, (size_t)n, &r->record.cookie), DI_OK);
    r->record.peer = peer;
    r->record.addr = addr_ipv4(192, 0, 2, (uint8_t)peer, (uint16_t)(40000 + peer % 1000));
    r->record.active = true;
    r->record.ttl_s = PEER_TTL_S;
    r->record.last_registered_s = NOW_S - 5;
    (void)snprintf(r->record.name, sizeof r->record.name, "host-%u", peer);
    (void)snprintf(r->record.os, sizeof r->record.os, "Linux");
    r->stamps[0] = (struct peer_stamp){.at_s = NOW_S - PEER_WINDOW_S - 10, .count = 7};
    r->stamps[1] = (struct peer_stamp){.at_s = NOW_S - 5, .count = 2};
    r->stamp_count = 2;
}

struct waiter {
    struct lock lock;
    struct cond cond;
    int waiting;
    enum di_err err;
};

static void on_durable(void *arg, enum di_err err)
{
    struct waiter *w = arg;
    lock_acquire(&w->lock);
    w->waiting--;
    if (err != DI_OK)
        w->err = err;
    cond_signal(&w->cond);
    lock_release(&w->lock);
}

static enum di_err put_all_and_wait(struct record_store *s, const struct stored_record *r,
                                    size_t count)
{
    struct waiter w = {.waiting = 1};
    lock_init(&w.lock);
    cond_init(&w.cond);
    enum di_err err = s->ops->put(s, r, count, NOW_S, on_durable, &w);
    lock_acquire(&w.lock);
    while (err == DI_OK && w.waiting > 0)
        cond_wait(&w.cond, &w.lock);
    lock_release(&w.lock);
    cond_fini(&w.cond);
    lock_fini(&w.lock);
    return err != DI_OK ? err : w.err;
}

static enum di_err put_and_wait(struct record_store *s, const struct stored_record *r)
{
    return put_all_and_wait(s, r, 1);
}

struct loaded {
    struct stored_record *record; /* those seen, in the store's order */
    size_t count, cap;
};

static enum di_err on_loaded(void *arg, const struct stored_record *r)
{
    struct loaded *l = arg;
    if (l->count == l->cap) {
        l->cap = l->cap == 0 ? 16 : 2 * l->cap;
        l->record = realloc(l->record, l->cap * sizeof *l->record);
        assert_non_null(l->record);
    }
    l->record[l->count++] = *r;
    return DI_OK;
}

static void load_at(int64_t wall_s, struct loaded *l)
{
    struct record_store *s = open_store();
    *l = (struct loaded){0};
    assert_int_equal(s->ops->load(s, wall_s, on_loaded, l), DI_OK);
    s->ops->close(s);
}

static void a_record_comes_back_as_it_was_put(void **state)
{
    (void)state;
    struct stored_record r;
    struct loaded l;
    struct record_store *s = open_store();
    make_record(&r, 7);
    assert_int_equal(put_and_wait(s, &r), DI_OK);
    assert_true(s->ops->size_bytes(s) > 0);
    s->ops->close(s);

    load_at(NOW_S + 200, &l);
    assert_int_equal(l.count, 1);
    const struct peer_record *back = &l.record[0].record;
    assert_int_equal(back->peer, 7);
    assert_true(sha256_equal(&back->cookie, &r.record.cookie));
    assert_true(addr_equal(&back->addr, &r.record.addr));
    assert_true(back->active);
    assert_int_equal(back->ttl_s, PEER_TTL_S - 200);
    assert_int_equal(back->registrations, 2); /* the others are older than 30 days */
    assert_int_equal(back->last_registered_s, NOW_S - 5);
    assert_string_equal(back->name, "host-7");
    assert_string_equal(back->os, "Linux");
    assert_int_equal(l.record[0].stamp_count, 2);
    assert_int_equal(l.record[0].stamps[0].count, 7);
    assert_int_equal(l.record[0].stamps[0].at_s, r.stamps[0].at_s);
    free(l.record);
}

static void keep_one(uint32_t peer)
{
    struct stored_record r;
    struct record_store *s = open_store();
    make_record(&r, peer);
    assert_int_equal(put_and_wait(s, &r), DI_OK);
    s->ops->close(s);
}

static void the_ttl_is_clamped_whatever_the_clock_says(void **state)
{
    (void)state;
    struct loaded l;
    keep_one(1);

    load_at(NOW_S - 86400, &l);
    assert_int_equal(l.record[0].record.ttl_s, PEER_TTL_S);
    free(l.record);
    load_at(NOW_S + PEER_TTL_S, &l);
    assert_int_equal(l.record[0].record.ttl_s, 0);
    assert_false(l.record[0].record.active);
    free(l.record);
}

static void a_clock_that_was_wrong_extends_a_ttl_once(void **state)
{
    (void)state;
    struct loaded l;
    keep_one(1);
    for (int64_t later_s = 0; later_s <= PEER_TTL_S; later_s += PEER_TTL_S / 2) {
        load_at(NOW_S - 86400 + later_s, &l);
        assert_int_equal(l.record[0].record.ttl_s, PEER_TTL_S - later_s);
        free(l.record);
    }
}

static void records_come_back_in_the_order_of_their_ids(void **state)
{
    (void)state;
    struct loaded l;
    for (uint32_t peer = 20; peer > 0; peer--)
        keep_one(peer);
    load_at(NOW_S, &l);
    assert_int_equal(l.count, 20);
    for (size_t i = 0; i < l.count; i++)
        assert_int_equal(l.record[i].record.peer, i + 1);
    free(l.record);
}

static void a_renewal_moves_the_expiry_of_active_ones_only(void **state)
{
    (void)state;
    struct stored_record a, b, unknown;
    struct loaded l;
    struct record_store *s = open_store();
    make_record(&a, 1);
    make_record(&b, 2);
    make_record(&unknown, 3);
    b.record.active = false;
    b.record.ttl_s = 0;
    assert_int_equal(put_and_wait(s, &a), DI_OK);
    assert_int_equal(put_and_wait(s, &b), DI_OK);
    assert_int_equal(s->ops->renew(s, &a.record.cookie, NOW_S + 50), DI_OK);
    assert_int_equal(s->ops->renew(s, &a.record.cookie, NOW_S + 100), DI_OK);
    assert_int_equal(s->ops->renew(s, &b.record.cookie, NOW_S + 100), DI_OK);
    assert_int_equal(s->ops->renew(s, &unknown.record.cookie, NOW_S + 100), DI_OK);
    s->ops->close(s);

    load_at(NOW_S + 100, &l);
    assert_int_equal(l.count, 2);
    for (size_t i = 0; i < l.count; i++)
        assert_int_equal(l.record[i].record.ttl_s, l.record[i].record.peer == 1 ? PEER_TTL_S : 0);
    free(l.record);
}

static int64_t stored_expiry(sqlite3 *db)
{
    sqlite3_stmt *stmt = NULL;
    assert_int_equal(sqlite3_prepare_v2(db, "SELECT expires_s FROM peer", -1, &stmt, NULL),
                     SQLITE_OK);
    assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
    int64_t expires_s = sqlite3_column_int64(stmt, 0);
    sqlite3_finalize(stmt);
    return expires_s;
}

static void a_renewal_is_written_within_about_a_second(void **state)
{
    (void)state;
    struct stored_record r;
    sqlite3 *db = NULL;
    struct record_store *s = open_store();
    make_record(&r, 1);
    assert_int_equal(put_and_wait(s, &r), DI_OK);
    assert_int_equal(sqlite3_open_v2(path, &db, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_busy_timeout(db, 10000), SQLITE_OK);
    int64_t start_us = clock_mono_us();
    for (int i = 1; i <= 1000; i++) /* one row, whatever their number */
        assert_int_equal(s->ops->renew(s, &r.record.cookie, NOW_S + i), DI_OK);
    while (stored_expiry(db) != NOW_S + 1000 + PEER_TTL_S)
        if (clock_mono_us() - start_us > 30 * CLOCK_US_PER_S)
            fail_msg("not written after 30 s");
    sqlite3_close(db);
    s->ops->close(s);
}

static void a_later_put_goes_before_an_earlier_renewal(void **state)
{
    (void)state;
    struct stored_record r;
    struct loaded l;
    struct record_store *s = open_store();
    make_record(&r, 1);
    assert_int_equal(put_and_wait(s, &r), DI_OK);
    assert_int_equal(s->ops->renew(s, &r.record.cookie, NOW_S + 500), DI_OK);
    r.record.ttl_s = 100; /* as of NOW_S */
    assert_int_equal(s->ops->put(s, &r, 1, NOW_S, NULL, NULL), DI_OK);
    s->ops->close(s);
    load_at(NOW_S, &l);
    assert_int_equal(l.record[0].record.ttl_s, 100);
    free(l.record);
}

/* The second row is refused once, whatever the first one was. */
static void what_is_put_together_is_stored_all_or_none(void **state)
{
    (void)state;
    struct stored_record r[2];
    struct loaded l;
    sqlite3 *db = NULL;
    make_record(&r[0], 1);
    make_record(&r[1], 2);
    keep_one(1);
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db,
                                  "CREATE TRIGGER refuse BEFORE INSERT ON peer WHEN NEW.peer = 2 "
                                  "BEGIN SELECT RAISE(ABORT, 'no'); END",
                                  NULL, NULL, NULL),
                     SQLITE_OK);
    r[0].record.ttl_s = 100;
    for (int allowed = 0; allowed <= 1; allowed++) {
        struct record_store *s = open_store();
        assert_int_equal(put_all_and_wait(s, r, 2) == DI_OK, allowed);
        s->ops->close(s);
        load_at(NOW_S, &l);
        assert_int_equal(l.count, 1 + allowed);
        assert_int_equal(l.record[0].record.ttl_s == 100, allowed);
        free(l.record);
        assert_int_equal(sqlite3_exec(db, "DROP TRIGGER IF EXISTS refuse", NULL, NULL, NULL),
                         SQLITE_OK);
    }
    sqlite3_close(db);
}

static void only_the_digest_of_the_cookie_is_kept(void **state)
{
    (void)state;
    sqlite3 *db = NULL;
    sqlite3_stmt *stmt = NULL;
    struct record_store *s = open_store();
    s->ops->close(s);
    assert_int_equal(sqlite3_open_v2(path, &db, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(db, "SELECT name FROM pragma_table_info('peer') ORDER BY 1",
                                        -1, &stmt, NULL),
                     SQLITE_OK);
    char columns[256] = "";
    while (sqlite3_step(stmt) == SQLITE_ROW) {
        strncat(columns, (const char *)sqlite3_column_text(stmt, 0), 32);
        strncat(columns, " ", 2);
    }
    sqlite3_finalize(stmt);
    sqlite3_close(db);
    assert_string_equal(columns,
                        "active cookie expires_s ip last_registered_s name os peer port stamps ");
    struct stat st;
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
}

/* ---- what must not be opened ---------------------------------------------------------------- */

/* Opening is refused, and the command that the refusal names makes it possible. */
static void assert_refused_and_mended(void)
{
    struct record_store *s = NULL;
    char why[256] = "";
    char aside[600];
    assert_int_equal(record_store_open_sqlite(path, &s, why), DI_CORRUPT);
    const char *command = strstr(why, "cd '");
    assert_non_null(command);
    assert_int_equal(system(command), 0);
    (void)snprintf(aside, sizeof aside, "%s/damaged-records.db", dir);
    assert_int_equal(access(aside, F_OK), 0);
    s = open_store();
    s->ops->close(s);
}

static void what_is_no_database_is_refused(void **state)
{
    (void)state;
    char text[9000];
    memset(text, 'x', sizeof text);
    help_write_file(dir, "records.db", text, sizeof text);
    assert_refused_and_mended();
}

static void run_sql(const char *sql)
{
    sqlite3 *db = NULL;
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
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
    struct record_store *s = open_store();
    s->ops->close(s);
    run_sql("PRAGMA user_version = 99");
    assert_refused_and_mended();
}

static void an_emptied_file_is_no_new_registry(void **state)
{
    (void)state;
    struct record_store *s = open_store();
    s->ops->close(s);
    assert_int_equal(truncate(path, 0), 0);
    assert_refused_and_mended();
}

/* SQLite would delete the log, with all that was registered since the last start. */
static void a_log_without_its_file_is_no_new_registry(void **state)
{
    (void)state;
    char log[600], aside[600], why[256];
    struct record_store *s = NULL;
    (void)snprintf(log, sizeof log, "%s-wal", path);
    help_write_text(dir, "records.db-wal", "what a log holds");
    assert_int_equal(record_store_open_sqlite(path, &s, why), DI_CORRUPT);
    assert_int_equal(access(log, F_OK), 0);
    assert_int_equal(system(strstr(why, "cd '")), 0);
    (void)snprintf(aside, sizeof aside, "%s/damaged-records.db-wal", dir);
    assert_int_equal(access(aside, F_OK), 0);
    s = open_store();
    s->ops->close(s);
}

/* What was left by one that died while it made the file. */
static void half_a_new_file_is_in_nobodys_way(void **state)
{
    (void)state;
    help_write_text(dir, "records.db.new", "half");
    help_write_text(dir, "records.db.new-journal", "half");
    struct record_store *s = open_store();
    s->ops->close(s);
    assert_false(help_exists(dir, "records.db.new"));
}

static void a_damaged_page_is_noticed(void **state)
{
    (void)state;
    struct record_store *s = open_store();
    struct stored_record r;
    for (uint32_t i = 1; i <= 200; i++) {
        make_record(&r, i);
        assert_int_equal(s->ops->put(s, &r, 1, NOW_S, NULL, NULL), DI_OK);
    }
    s->ops->close(s);
    char noise[4096];
    memset(noise, 0xA5, sizeof noise);
    int fd = open(path, O_WRONLY);
    assert_int_equal(pwrite(fd, noise, sizeof noise, 3 * 4096), (ssize_t)sizeof noise);
    close(fd);
    assert_refused_and_mended();
}

static void a_row_that_is_not_ours_is_noticed_while_loading(void **state)
{
    (void)state;
    struct loaded l = {0};
    struct record_store *s = open_store();
    s->ops->close(s);
    run_sql("INSERT INTO peer VALUES (x'00', 1, x'00', 1, 1, 1, 1, 'a', 'b', x'')");
    s = open_store();
    assert_int_equal(s->ops->load(s, NOW_S, on_loaded, &l), DI_CORRUPT);
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
        struct loaded l = {0};
        (void)unlink(path);
        keep_one(7);
        (void)snprintf(sql, sizeof sql, "UPDATE peer SET %s", damages[i]);
        run_sql(sql);
        struct record_store *s = open_store();
        enum di_err err = s->ops->load(s, NOW_S, on_loaded, &l);
        s->ops->close(s);
        if (err != DI_CORRUPT)
            fail_msg("%s: %s", damages[i], di_err_text(err));
        free(l.record);
    }
}

/* ---- faults --------------------------------------------------------------------------------- */

static void a_full_disk_is_reported_and_later_puts_succeed(void **state)
{
    (void)state;
    struct rlimit before, small;
    struct stored_record r;
    struct loaded l;
    struct record_store *s = open_store();
    make_record(&r, 1);
    assert_int_equal(put_and_wait(s, &r), DI_OK);

    /* A limit on the size of files stands in for the disk's. */
    void (*old)(int) = signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    small = before;
    small.rlim_cur = 4096;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    make_record(&r, 2);
    enum di_err err = put_and_wait(s, &r);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    (void)signal(SIGXFSZ, old);
    assert_int_not_equal(err, DI_OK);

    make_record(&r, 3);
    assert_int_equal(put_and_wait(s, &r), DI_OK);
    s->ops->close(s);
    load_at(NOW_S, &l);
    assert_int_equal(l.count, 2);
    free(l.record);
}

struct reporter {
    int fd;
    uint32_t peer;
};

static void report_durable(void *arg, enum di_err err)
{
    struct reporter *w = arg;
    if (err == DI_OK && write(w->fd, &w->peer, sizeof w->peer) != (ssize_t)sizeof w->peer)
        _exit(3);
    free(w);
}

/* The child: registers without end and says through the pipe what is durable. */
static void put_for_ever(int fd, uint32_t first)
{
    struct record_store *s = NULL;
    char why[256];
    if (record_store_open_sqlite(path, &s, why) != DI_OK)
        _exit(2);
    for (uint32_t peer = first; peer < KILL_PEERS; peer++) {
        struct stored_record r;
        struct reporter *w = malloc(sizeof *w);
        make_record(&r, peer);
        *w = (struct reporter){fd, peer};
        while (s->ops->put(s, &r, 1, NOW_S, report_durable, w) == DI_LIMIT)
            (void)sched_yield();
    }
}

static bool reported[KILL_PEERS], seen[KILL_PEERS];
static uint32_t highest_seen;

static enum di_err mark_seen(void *arg, const struct stored_record *r)
{
    (void)arg;
    seen[r->record.peer % KILL_PEERS] = true;
    if (r->record.peer > highest_seen)
        highest_seen = r->record.peer;
    return DI_OK;
}

static void nothing_durable_is_lost_by_kill(void **state)
{
    (void)state;
    struct prng prng;
    uint64_t seed = 0;
    random_secret(&seed, sizeof seed);
    print_message("seed %llu\n", (unsigned long long)seed);
    prng_seed(&prng, seed);
    for (int round = 0; round < 10; round++) {
        uint32_t first = highest_seen + 1; /* new ones in each round */
        int fds[2];
        assert_int_equal(pipe(fds), 0);
        pid_t pid = fork();
        assert_true(pid >= 0);
        if (pid == 0) {
            (void)close(fds[0]);
            put_for_ever(fds[1], first);
        }
        (void)close(fds[1]);
        /* Dies after so many reports, in whatever it is doing then. */
        uint64_t reports = 1 + prng_below(&prng, 3000);
        uint32_t peer = 0;
        for (uint64_t i = 0; i < reports && read(fds[0], &peer, sizeof peer) == sizeof peer; i++)
            reported[peer % KILL_PEERS] = true;
        assert_int_equal(kill(pid, SIGKILL), 0);
        while (read(fds[0], &peer, sizeof peer) == sizeof peer)
            reported[peer % KILL_PEERS] = true;
        (void)close(fds[0]);
        int status = 0;
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(WIFSIGNALED(status));

        struct record_store *s = open_store();
        assert_int_equal(s->ops->load(s, NOW_S, mark_seen, NULL), DI_OK);
        s->ops->close(s);
        for (uint32_t i = 0; i < KILL_PEERS; i++)
            if (reported[i] && !seen[i])
                fail_msg("peer %u was reported durable and is lost", i);
    }
    print_message("%u records\n", highest_seen);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_record_comes_back_as_it_was_put, make_dir),
        cmocka_unit_test_setup(the_ttl_is_clamped_whatever_the_clock_says, make_dir),
        cmocka_unit_test_setup(a_clock_that_was_wrong_extends_a_ttl_once, make_dir),
        cmocka_unit_test_setup(records_come_back_in_the_order_of_their_ids, make_dir),
        cmocka_unit_test_setup(a_renewal_moves_the_expiry_of_active_ones_only, make_dir),
        cmocka_unit_test_setup(a_renewal_is_written_within_about_a_second, make_dir),
        cmocka_unit_test_setup(a_later_put_goes_before_an_earlier_renewal, make_dir),
        cmocka_unit_test_setup(what_is_put_together_is_stored_all_or_none, make_dir),
        cmocka_unit_test_setup(only_the_digest_of_the_cookie_is_kept, make_dir),
        cmocka_unit_test_setup(what_is_no_database_is_refused, make_dir),
        cmocka_unit_test_setup(the_database_of_another_program_is_refused, make_dir),
        cmocka_unit_test_setup(a_schema_from_the_future_is_refused, make_dir),
        cmocka_unit_test_setup(an_emptied_file_is_no_new_registry, make_dir),
        cmocka_unit_test_setup(a_log_without_its_file_is_no_new_registry, make_dir),
        cmocka_unit_test_setup(half_a_new_file_is_in_nobodys_way, make_dir),
        cmocka_unit_test_setup(a_damaged_page_is_noticed, make_dir),
        cmocka_unit_test_setup(a_row_that_is_not_ours_is_noticed_while_loading, make_dir),
        cmocka_unit_test_setup(each_field_of_a_row_is_checked, make_dir),
        cmocka_unit_test_setup(a_full_disk_is_reported_and_later_puts_succeed, make_dir),
        cmocka_unit_test_setup(nothing_durable_is_lost_by_kill, make_dir),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
