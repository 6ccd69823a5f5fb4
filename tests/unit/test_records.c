/* The RS's records on disk: what was reported durable is there again, whatever happens. */
#include "records_help.h"

#include "p2pdi/base/clock.h"
#include "p2pdi/base/random.h"

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

static void a_record_comes_back_as_it_was_put(void **state)
{
    (void)state;
    struct stored_record r;
    struct records_loaded l;
    struct record_store *s = records_open();
    records_make(&r, 7);
    assert_int_equal(records_put(s, &r), DI_OK);
    assert_true(s->ops->size_bytes(s) > 0);
    s->ops->close(s);

    records_load_at(NOW_S + 200, &l);
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

static void the_ttl_is_clamped_whatever_the_clock_says(void **state)
{
    (void)state;
    struct records_loaded l;
    records_keep_one(1);

    records_load_at(NOW_S - 86400, &l);
    assert_int_equal(l.record[0].record.ttl_s, PEER_TTL_S);
    free(l.record);
    records_load_at(NOW_S + PEER_TTL_S, &l);
    assert_int_equal(l.record[0].record.ttl_s, 0);
    assert_false(l.record[0].record.active);
    free(l.record);
}

static void a_clock_that_was_wrong_extends_a_ttl_once(void **state)
{
    (void)state;
    struct records_loaded l;
    records_keep_one(1);
    for (int64_t later_s = 0; later_s <= PEER_TTL_S; later_s += PEER_TTL_S / 2) {
        records_load_at(NOW_S - 86400 + later_s, &l);
        assert_int_equal(l.record[0].record.ttl_s, PEER_TTL_S - later_s);
        free(l.record);
    }
}

static void records_come_back_in_the_order_of_their_ids(void **state)
{
    (void)state;
    struct records_loaded l;
    for (uint32_t peer = 20; peer > 0; peer--)
        records_keep_one(peer);
    records_load_at(NOW_S, &l);
    assert_int_equal(l.count, 20);
    for (size_t i = 0; i < l.count; i++)
        assert_int_equal(l.record[i].record.peer, i + 1);
    free(l.record);
}

static void a_renewal_moves_the_expiry_of_active_ones_only(void **state)
{
    (void)state;
    struct stored_record a, b, unknown;
    struct records_loaded l;
    struct record_store *s = records_open();
    records_make(&a, 1);
    records_make(&b, 2);
    records_make(&unknown, 3);
    b.record.active = false;
    b.record.ttl_s = 0;
    assert_int_equal(records_put(s, &a), DI_OK);
    assert_int_equal(records_put(s, &b), DI_OK);
    assert_int_equal(s->ops->renew(s, &a.record.cookie, NOW_S + 50), DI_OK);
    assert_int_equal(s->ops->renew(s, &a.record.cookie, NOW_S + 100), DI_OK);
    assert_int_equal(s->ops->renew(s, &b.record.cookie, NOW_S + 100), DI_OK);
    assert_int_equal(s->ops->renew(s, &unknown.record.cookie, NOW_S + 100), DI_OK);
    s->ops->close(s);

    records_load_at(NOW_S + 100, &l);
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
    struct record_store *s = records_open();
    records_make(&r, 1);
    assert_int_equal(records_put(s, &r), DI_OK);
    assert_int_equal(sqlite3_open_v2(records_path, &db, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
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
    struct records_loaded l;
    struct record_store *s = records_open();
    records_make(&r, 1);
    assert_int_equal(records_put(s, &r), DI_OK);
    assert_int_equal(s->ops->renew(s, &r.record.cookie, NOW_S + 500), DI_OK);
    r.record.ttl_s = 100; /* as of NOW_S */
    assert_int_equal(s->ops->put(s, &r, 1, NOW_S, NULL, NULL), DI_OK);
    s->ops->close(s);
    records_load_at(NOW_S, &l);
    assert_int_equal(l.record[0].record.ttl_s, 100);
    free(l.record);
}

/* The second row is refused once, whatever the first one was. */
static void what_is_put_together_is_stored_all_or_none(void **state)
{
    (void)state;
    struct stored_record r[2];
    struct records_loaded l;
    sqlite3 *db = NULL;
    records_make(&r[0], 1);
    records_make(&r[1], 2);
    records_keep_one(1);
    assert_int_equal(sqlite3_open(records_path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db,
                                  "CREATE TRIGGER refuse BEFORE INSERT ON peer WHEN NEW.peer = 2 "
                                  "BEGIN SELECT RAISE(ABORT, 'no'); END",
                                  NULL, NULL, NULL),
                     SQLITE_OK);
    r[0].record.ttl_s = 100;
    for (int allowed = 0; allowed <= 1; allowed++) {
        struct record_store *s = records_open();
        assert_int_equal(records_put_all(s, r, 2) == DI_OK, allowed);
        s->ops->close(s);
        records_load_at(NOW_S, &l);
        assert_int_equal(l.count, 1 + allowed);
        assert_int_equal(l.record[0].record.ttl_s == 100, allowed);
        free(l.record);
        assert_int_equal(sqlite3_exec(db, "DROP TRIGGER IF EXISTS refuse", NULL, NULL, NULL),
                         SQLITE_OK);
    }
    sqlite3_close(db);
}

static void who_is_forgotten_goes_with_what_is_put_together_with_it(void **state)
{
    (void)state;
    struct stored_record r[3];
    struct records_loaded l;
    for (uint32_t i = 0; i < 3; i++)
        records_make(&r[i], i + 1);
    struct record_store *s = records_open();
    assert_int_equal(records_put_all(s, r, 2), DI_OK);
    assert_int_equal(s->ops->renew(s, &r[1].record.cookie, NOW_S), DI_OK);
    r[1].forgotten = true;
    assert_int_equal(records_put_all(s, r + 1, 2), DI_OK);
    assert_int_equal(records_put(s, &r[1]), DI_OK); /* twice is as good as once */
    s->ops->close(s);
    records_load_at(NOW_S, &l);
    assert_int_equal(l.count, 2);
    assert_int_equal(l.record[0].record.peer, 1);
    assert_int_equal(l.record[1].record.peer, 3);
    free(l.record);
}

static void keep_inactive(uint32_t peer, int64_t registered_s, int64_t left_s)
{
    struct stored_record r;
    struct record_store *s = records_open();
    records_make(&r, peer);
    r.record.active = false;
    r.record.ttl_s = 0;
    r.record.last_registered_s = registered_s;
    assert_int_equal(s->ops->put(s, &r, 1, left_s, NULL, NULL), DI_OK);
    s->ops->close(s);
}

static void assert_loaded(int64_t wall_s, size_t keep_max, const char *ids)
{
    struct records_loaded l;
    char got[200] = "";
    size_t len = 0;
    records_load_most(wall_s, keep_max, &l);
    for (size_t i = 0; i < l.count; i++)
        len += (size_t)snprintf(got + len, sizeof got - len, " %u", l.record[i].record.peer);
    assert_string_equal(got, ids);
    free(l.record);
}

static void who_was_away_for_thirty_days_is_deleted_but_for_the_highest_id(void **state)
{
    (void)state;
    const int64_t long_ago_s = NOW_S - PEER_WINDOW_S, later_s = NOW_S + PEER_WINDOW_S;
    keep_inactive(1, long_ago_s, long_ago_s);
    keep_inactive(2, long_ago_s + 1, long_ago_s); /* registered within the window */
    keep_inactive(3, long_ago_s, NOW_S - 100);    /* was there for long, and left a moment ago */
    keep_inactive(5, long_ago_s, long_ago_s);
    assert_loaded(NOW_S, 100, " 2 3 5");
    assert_loaded(NOW_S - 86400, 100, " 2 3 5"); /* on disk as well */
    records_keep_one(4);                         /* ran out without leaving */
    assert_loaded(later_s, 100, " 4 5");
    assert_loaded(later_s + PEER_TTL_S, 100, " 5");
}

static void of_too_many_the_inactive_with_the_lowest_ids_are_deleted(void **state)
{
    (void)state;
    for (uint32_t peer = 1; peer <= 6; peer += 2)
        records_keep_one(peer);
    for (uint32_t peer = 2; peer <= 6; peer += 2)
        keep_inactive(peer, NOW_S - 50, NOW_S);
    assert_loaded(NOW_S, 6, " 1 2 3 4 5 6");
    assert_loaded(NOW_S, 5, " 1 3 4 5 6");
    assert_loaded(NOW_S, 1, " 1 3 5 6");
    assert_loaded(NOW_S, 100, " 1 3 5 6");
}

static enum di_err refuse(void *arg, const struct stored_record *r)
{
    (void)arg;
    (void)r;
    return DI_NOMEM;
}

static void what_cannot_be_loaded_stays_as_it_was(void **state)
{
    (void)state;
    keep_inactive(1, 0, 0);
    records_keep_one(2);
    struct record_store *s = records_open();
    assert_int_equal(s->ops->load(s, NOW_S, 100, refuse, NULL), DI_NOMEM);
    s->ops->close(s);
    assert_loaded(0, 100, " 1 2");
}

static void only_the_digest_of_the_cookie_is_kept(void **state)
{
    (void)state;
    sqlite3 *db = NULL;
    sqlite3_stmt *stmt = NULL;
    struct record_store *s = records_open();
    s->ops->close(s);
    assert_int_equal(sqlite3_open_v2(records_path, &db, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
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
    assert_int_equal(stat(records_path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
}

/* ---- faults --------------------------------------------------------------------------------- */

static void a_full_disk_is_reported_and_later_puts_succeed(void **state)
{
    (void)state;
    struct rlimit before, small;
    struct stored_record r;
    struct records_loaded l;
    struct record_store *s = records_open();
    records_make(&r, 1);
    assert_int_equal(records_put(s, &r), DI_OK);

    /* A limit on the size of files stands in for the disk's. */
    void (*old)(int) = signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    small = before;
    small.rlim_cur = 4096;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    records_make(&r, 2);
    enum di_err err = records_put(s, &r);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    (void)signal(SIGXFSZ, old);
    assert_int_not_equal(err, DI_OK);

    records_make(&r, 3);
    assert_int_equal(records_put(s, &r), DI_OK);
    s->ops->close(s);
    records_load_at(NOW_S, &l);
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
    if (record_store_open_sqlite(records_path, &s, why) != DI_OK)
        _exit(2);
    for (uint32_t peer = first; peer < KILL_PEERS; peer++) {
        struct stored_record r;
        struct reporter *w = malloc(sizeof *w);
        records_make(&r, peer);
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

        struct record_store *s = records_open();
        assert_int_equal(s->ops->load(s, NOW_S, KILL_PEERS, mark_seen, NULL), DI_OK);
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
        cmocka_unit_test_setup(a_record_comes_back_as_it_was_put, records_make_dir),
        cmocka_unit_test_setup(the_ttl_is_clamped_whatever_the_clock_says, records_make_dir),
        cmocka_unit_test_setup(a_clock_that_was_wrong_extends_a_ttl_once, records_make_dir),
        cmocka_unit_test_setup(records_come_back_in_the_order_of_their_ids, records_make_dir),
        cmocka_unit_test_setup(a_renewal_moves_the_expiry_of_active_ones_only, records_make_dir),
        cmocka_unit_test_setup(a_renewal_is_written_within_about_a_second, records_make_dir),
        cmocka_unit_test_setup(a_later_put_goes_before_an_earlier_renewal, records_make_dir),
        cmocka_unit_test_setup(what_is_put_together_is_stored_all_or_none, records_make_dir),
        cmocka_unit_test_setup(who_is_forgotten_goes_with_what_is_put_together_with_it,
                               records_make_dir),
        cmocka_unit_test_setup(who_was_away_for_thirty_days_is_deleted_but_for_the_highest_id,
                               records_make_dir),
        cmocka_unit_test_setup(of_too_many_the_inactive_with_the_lowest_ids_are_deleted,
                               records_make_dir),
        cmocka_unit_test_setup(what_cannot_be_loaded_stays_as_it_was, records_make_dir),
        cmocka_unit_test_setup(only_the_digest_of_the_cookie_is_kept, records_make_dir),
        cmocka_unit_test_setup(a_full_disk_is_reported_and_later_puts_succeed, records_make_dir),
        cmocka_unit_test_setup(nothing_durable_is_lost_by_kill, records_make_dir),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
