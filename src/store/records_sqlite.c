/*
 * The RS's records in SQLite. Callers queue; the thread "records" commits all that has gathered
 * in one transaction and then tells everyone who waits. Durable means: the write-ahead log is
 * synced (WAL, synchronous = FULL).
 *
 * If a transaction fails, those who wait are told; renewals in it are lost, and the next ones of
 * the same peers make up for them.
 *
 * A put supersedes the renewals of its cookie that wait; so those that still wait when a batch is
 * taken are newer than every put in it and are written after them.
 */
#include "p2pdi/store/records.h"

#include "records_row.h"
#include "sqlite_util.h"

#include "p2pdi/base/clock.h"
#include "p2pdi/base/hash.h"
#include "p2pdi/base/log.h"
#include "p2pdi/base/thread.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PUTS_MAX 65536
#define RENEWALS_MAX 1000000
#define RENEW_DELAY_US CLOCK_US_PER_S

/* Looked through at opening; larger files while loading only, which reads every page as well. */
#define QUICK_CHECK_MAX ((uint64_t)16 << 20)

static const struct sqlite_schema schema = {
    .application_id = 0x50325052, /* "P2PR" */
    .version = 1,
    .create = RECORDS_CREATE,
};

struct waiting_put {
    struct waiting_put *next;
    void (*durable)(void *arg, enum di_err err);
    void *arg;
    struct record_row row;
    uint8_t stamps[]; /* row's */
};

struct waiting_renewal {
    struct sha256 cookie;
    int64_t expires_s;
    UT_hash_handle hh;
};

struct batch {
    struct waiting_put *puts;
    struct waiting_renewal *renewals;
};

struct sqlite_store {
    struct record_store base; /* first: what callers hold */
    char *path;
    char *wal_path;
    struct thread thread;

    /* the writer thread's own; before the first put, the loader's */
    sqlite3 *db;
    sqlite3_stmt *put;
    sqlite3_stmt *forget;
    sqlite3_stmt *renew;
    bool failing; /* the last transaction failed: already said */

    struct lock lock;
    /* guarded by lock */
    struct cond work;
    struct waiting_put *puts, *last_put;
    size_t put_count;
    struct waiting_renewal *renewals; /* by cookie */
    int64_t renew_us;                 /* when they are due, if there are any */
    bool closing;
};

static struct sqlite_store *store_of(struct record_store *s)
{
    return (struct sqlite_store *)s;
}

/* ---- callers -------------------------------------------------------------------------------- */

static void drop_renewal_locked(struct sqlite_store *s, const struct sha256 *cookie)
{
    struct waiting_renewal *w = NULL;
    HASH_FIND(hh, s->renewals, cookie, sizeof *cookie, w);
    if (w == NULL)
        return;
    HASH_DELETE(hh, s->renewals, w);
    free(w);
}

static struct waiting_put *waiting_put_new(const struct stored_record *r, int64_t wall_s)
{
    struct waiting_put *w = malloc(sizeof *w + record_row_stamps_size(r));
    if (w == NULL)
        return NULL;
    w->next = NULL;
    w->durable = NULL;
    record_row_from(&w->row, r, wall_s, w->stamps);
    return w;
}

static void free_puts(struct waiting_put *w)
{
    while (w != NULL) {
        struct waiting_put *next = w->next;
        free(w);
        w = next;
    }
}

/* Queued together they are taken in one batch, and so written in one transaction. */
static enum di_err put(struct record_store *base, const struct stored_record *records, size_t count,
                       int64_t wall_s, void (*durable)(void *arg, enum di_err err), void *arg)
{
    struct sqlite_store *s = store_of(base);
    struct waiting_put *first = NULL, *last = NULL;
    assert(count > 0);
    for (size_t i = 0; i < count; i++) {
        struct waiting_put *w = waiting_put_new(&records[i], wall_s);
        if (w == NULL) {
            free_puts(first);
            return DI_NOMEM;
        }
        if (first == NULL)
            first = w;
        else
            last->next = w;
        last = w;
    }
    last->durable = durable;
    last->arg = arg;

    lock_acquire(&s->lock);
    bool full = s->put_count + count > PUTS_MAX;
    if (!full) {
        for (size_t i = 0; i < count; i++)
            drop_renewal_locked(s, &records[i].record.cookie);
        if (s->puts == NULL)
            s->puts = first;
        else
            s->last_put->next = first;
        s->last_put = last;
        s->put_count += count;
        if (s->put_count == count)
            cond_signal(&s->work);
    }
    lock_release(&s->lock);
    if (full)
        free_puts(first);
    return full ? DI_LIMIT : DI_OK;
}

static enum di_err renew(struct record_store *base, const struct sha256 *cookie, int64_t wall_s)
{
    struct sqlite_store *s = store_of(base);
    enum di_err err = DI_OK;
    struct waiting_renewal *w = NULL;
    lock_acquire(&s->lock);
    HASH_FIND(hh, s->renewals, cookie, sizeof *cookie, w);
    if (w == NULL && HASH_COUNT(s->renewals) >= RENEWALS_MAX) {
        err = DI_LIMIT;
    } else if (w == NULL) {
        w = calloc(1, sizeof *w);
        err = w == NULL ? DI_NOMEM : DI_OK;
        if (w != NULL) {
            w->cookie = *cookie;
            HASH_ADD(hh, s->renewals, cookie, sizeof w->cookie, w);
        }
        if (w != NULL && !hash_was_added(w)) {
            free(w);
            w = NULL;
            err = DI_NOMEM;
        }
        if (w != NULL && HASH_COUNT(s->renewals) == 1) {
            s->renew_us = clock_mono_us() + RENEW_DELAY_US;
            cond_signal(&s->work);
        }
    }
    if (w != NULL)
        w->expires_s = wall_s + PEER_TTL_S;
    lock_release(&s->lock);
    return err;
}

static uint64_t file_size(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 ? (uint64_t)st.st_size : 0;
}

static uint64_t size_bytes(struct record_store *base)
{
    struct sqlite_store *s = store_of(base);
    return file_size(s->path) + file_size(s->wal_path);
}

/* ---- the writer thread ---------------------------------------------------------------------- */

/* Waits for puts, renewals that are due, or the end; takes both kinds. False: closing, and
 * nothing is left. */
static bool take_batch(struct sqlite_store *s, struct batch *out)
{
    lock_acquire(&s->lock);
    while (s->puts == NULL && !s->closing) {
        if (s->renewals == NULL)
            cond_wait(&s->work, &s->lock);
        else if (!cond_wait_until(&s->work, &s->lock, s->renew_us))
            break;
    }
    bool due = s->closing || (s->renewals != NULL && clock_mono_us() >= s->renew_us);
    *out = (struct batch){.puts = s->puts, .renewals = due ? s->renewals : NULL};
    s->puts = NULL;
    s->put_count = 0;
    if (due)
        s->renewals = NULL;
    bool more = !s->closing || out->puts != NULL || out->renewals != NULL;
    lock_release(&s->lock);
    return more;
}

/* Commits if all went well so far. */
static enum di_err end_transaction(sqlite3 *db, enum di_err err)
{
    if (err == DI_OK)
        err = sqlite_run(db, "COMMIT");
    if (err != DI_OK && sqlite3_get_autocommit(db) == 0)
        (void)sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
    return err;
}

static enum di_err write_renewal(struct sqlite_store *s, const struct waiting_renewal *w)
{
    (void)sqlite3_bind_blob(s->renew, 1, &w->cookie, sizeof w->cookie, SQLITE_STATIC);
    (void)sqlite3_bind_int64(s->renew, 2, w->expires_s);
    return sqlite_step(s->renew);
}

static enum di_err write_batch(struct sqlite_store *s, const struct batch *b)
{
    enum di_err err = sqlite_run(s->db, "BEGIN IMMEDIATE");
    for (const struct waiting_put *w = b->puts; w != NULL && err == DI_OK; w = w->next)
        err = w->row.forgotten ? record_row_delete(s->forget, &w->row)
                               : record_row_write(s->put, &w->row);
    for (const struct waiting_renewal *w = b->renewals; w != NULL && err == DI_OK; w = w->hh.next)
        err = write_renewal(s, w);
    return end_transaction(s->db, err);
}

static void finish_batch(struct batch *b, enum di_err err)
{
    while (b->puts != NULL) {
        struct waiting_put *w = b->puts;
        b->puts = w->next;
        if (w->durable != NULL)
            w->durable(w->arg, err);
        free(w);
    }
    struct waiting_renewal *w = b->renewals;
    HASH_CLEAR(hh, b->renewals);
    while (w != NULL) {
        struct waiting_renewal *next = w->hh.next;
        free(w);
        w = next;
    }
}

/* Once when it begins, once when it is over. */
static void report(struct sqlite_store *s, enum di_err err)
{
    if (err != DI_OK && !s->failing)
        log_write(LOG_ERROR, "records cannot be written to %s: %s (%s); trying on", s->path,
                  di_err_text(err), sqlite3_errmsg(s->db));
    else if (err == DI_OK && s->failing)
        log_write(LOG_WARN, "records are written to %s again", s->path);
    s->failing = err != DI_OK;
}

static void run(void *arg)
{
    struct sqlite_store *s = arg;
    struct batch b;
    while (take_batch(s, &b)) {
        if (b.puts == NULL && b.renewals == NULL)
            continue;
        enum di_err err = write_batch(s, &b);
        report(s, err);
        finish_batch(&b, err);
    }
}

/* ---- opening, loading, closing -------------------------------------------------------------- */

/* What is wrong, and the command that puts the file aside together with its log, if that is
 * there. */
static void say_damaged(const char *path, char why[256])
{
    const char *slash = strrchr(path, '/');
    const char *name = slash == NULL ? path : slash + 1;
    int dir_len = slash == NULL ? 1 : (int)(slash - path);
    (void)snprintf(why, 256,
                   "%.30s is damaged or not ours. To set it aside and begin an empty registry: "
                   "cd '%.*s' && for f in %.30s*; do mv \"$f\" \"damaged-$f\"; done",
                   name, dir_len, slash == NULL ? "." : path, name);
}

/* sql once, with its numbers; those of a statement without a second one are ignored. */
static enum di_err run_once(sqlite3 *db, const char *sql, int64_t first, int64_t second)
{
    sqlite3_stmt *stmt = NULL;
    enum di_err err = sqlite_prepare(db, sql, &stmt);
    if (err != DI_OK)
        return err;
    (void)sqlite3_bind_int64(stmt, 1, first);
    (void)sqlite3_bind_int64(stmt, 2, second);
    err = sqlite_step(stmt);
    (void)sqlite3_finalize(stmt);
    return err;
}

/* On disk, too: else each start would hand out a whole TTL again, and read what nobody asks for. */
static enum di_err tidy(struct sqlite_store *s, int64_t wall_s, size_t keep_max)
{
    enum di_err err = run_once(s->db, RECORDS_CLAMP, wall_s + PEER_TTL_S, 0);
    int before = sqlite3_total_changes(s->db);
    if (err == DI_OK)
        err = run_once(s->db, RECORDS_DELETE_OLD, wall_s, wall_s - PEER_WINDOW_S);
    if (err == DI_OK)
        err = run_once(s->db, RECORDS_DELETE_MORE, wall_s, (int64_t)keep_max);
    int gone = sqlite3_total_changes(s->db) - before;
    if (err == DI_OK && gone > 0)
        log_write(LOG_INFO, "records: %d of peers that are gone were deleted", gone);
    return err;
}

static enum di_err read_all(struct sqlite_store *s, int64_t wall_s,
                            enum di_err (*visit)(void *arg, const struct stored_record *r),
                            void *arg)
{
    sqlite3_stmt *stmt = NULL;
    struct stored_record *r = malloc(sizeof *r);
    enum di_err err = r == NULL ? DI_NOMEM : sqlite_prepare(s->db, RECORDS_SELECT, &stmt);
    while (err == DI_OK) {
        int rc = sqlite3_step(stmt);
        if (rc == SQLITE_DONE)
            break;
        err = rc == SQLITE_ROW ? record_row_read(stmt, wall_s, r) : sqlite_to_err(s->db, rc);
        if (err == DI_OK)
            err = visit(arg, r);
    }
    (void)sqlite3_finalize(stmt);
    free(r);
    return err;
}

static enum di_err load(struct record_store *base, int64_t wall_s, size_t keep_max,
                        enum di_err (*visit)(void *arg, const struct stored_record *r), void *arg)
{
    struct sqlite_store *s = store_of(base);
    enum di_err err = sqlite_run(s->db, "BEGIN IMMEDIATE");
    if (err == DI_OK)
        err = tidy(s, wall_s, keep_max);
    if (err == DI_OK)
        err = read_all(s, wall_s, visit, arg);
    err = end_transaction(s->db, err);
    if (err == DI_CORRUPT) {
        char why[256];
        say_damaged(s->path, why);
        log_write(LOG_ERROR, "%s", why);
    }
    return err;
}

static void store_free(struct sqlite_store *s)
{
    (void)sqlite3_finalize(s->put);
    (void)sqlite3_finalize(s->forget);
    (void)sqlite3_finalize(s->renew);
    (void)sqlite3_close_v2(s->db);
    cond_fini(&s->work);
    lock_fini(&s->lock);
    free(s->path);
    free(s->wal_path);
    free(s);
}

static void close_store(struct record_store *base)
{
    struct sqlite_store *s = store_of(base);
    lock_acquire(&s->lock);
    s->closing = true;
    cond_signal(&s->work);
    lock_release(&s->lock);
    thread_join(&s->thread);
    store_free(s);
}

static enum di_err quick_check(sqlite3 *db)
{
    sqlite3_stmt *stmt = NULL;
    enum di_err err = sqlite_prepare(db, "PRAGMA quick_check(1)", &stmt);
    if (err != DI_OK)
        return err;
    int rc = sqlite3_step(stmt);
    const char *verdict = rc == SQLITE_ROW ? (const char *)sqlite3_column_text(stmt, 0) : NULL;
    if (rc != SQLITE_ROW)
        err = sqlite_to_err(db, rc);
    else if (verdict == NULL || strcmp(verdict, "ok") != 0)
        err = DI_CORRUPT;
    (void)sqlite3_finalize(stmt);
    return err;
}

static enum di_err open_db(struct sqlite_store *s)
{
    enum di_err err = sqlite_open_checked(s->path, &schema, &s->db);
    if (err == DI_OK)
        err = sqlite_run(s->db, "PRAGMA synchronous = FULL; PRAGMA busy_timeout = 2000;"
                                "PRAGMA journal_size_limit = 67108864");
    if (err == DI_OK && file_size(s->path) <= QUICK_CHECK_MAX)
        err = quick_check(s->db);
    if (err == DI_OK)
        err = sqlite_prepare(s->db, RECORDS_PUT, &s->put);
    if (err == DI_OK)
        err = sqlite_prepare(s->db, RECORDS_FORGET, &s->forget);
    if (err == DI_OK)
        err = sqlite_prepare(s->db, RECORDS_RENEW, &s->renew);
    return err;
}

enum di_err record_store_open_sqlite(const char *path, struct record_store **out, char why[256])
{
    static const struct record_store_ops ops = {
        .load = load, .put = put, .renew = renew, .size_bytes = size_bytes, .close = close_store};
    struct sqlite_store *s = calloc(1, sizeof *s);
    if (s == NULL) {
        (void)snprintf(why, 256, "out of memory");
        return DI_NOMEM;
    }
    s->base.ops = &ops;
    lock_init(&s->lock);
    cond_init(&s->work);
    s->path = strdup(path);
    enum di_err err =
        s->path == NULL || asprintf(&s->wal_path, "%s-wal", path) < 0 ? DI_NOMEM : DI_OK;
    if (err == DI_OK)
        err = open_db(s);
    if (err == DI_OK)
        err = thread_start(&s->thread, "records", run, s);
    if (err != DI_OK) {
        if (err == DI_CORRUPT)
            say_damaged(path, why);
        else
            (void)snprintf(why, 256, "cannot open the records %.160s: %s", path, di_err_text(err));
        store_free(s);
        return err;
    }
    *out = &s->base;
    return DI_OK;
}
