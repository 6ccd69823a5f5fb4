/* Digests and titles from earlier runs, in SQLite. Run by the library's thread. */
#include "hash_cache.h"

#include "sqlite_util.h"

#include "p2pdi/base/log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PATH_SIZE 4200

struct hash_cache {
    char path[PATH_SIZE];
    sqlite3 *db; /* NULL: could not be made anew either */
    sqlite3_stmt *put;
    sqlite3_stmt *drop;
};

static const struct sqlite_schema schema = {
    .application_id = 0x50324448, /* "P2DH" */
    .version = 1,
    .create = "CREATE TABLE hash ("
              "name TEXT PRIMARY KEY, inode INTEGER NOT NULL, size_bytes INTEGER NOT NULL,"
              "mtime_ns INTEGER NOT NULL, ctime_ns INTEGER NOT NULL, sha256 BLOB NOT NULL,"
              "title TEXT NOT NULL) WITHOUT ROWID",
};

static void close_db(struct hash_cache *hc)
{
    (void)sqlite3_finalize(hc->put);
    (void)sqlite3_finalize(hc->drop);
    (void)sqlite3_close_v2(hc->db);
    hc->put = NULL;
    hc->drop = NULL;
    hc->db = NULL;
}

static enum di_err open_db(struct hash_cache *hc)
{
    enum di_err err = sqlite_open_checked(hc->path, &schema, &hc->db);
    /* NORMAL: a power cut may cost the last rows, never the file; 512 KiB of pages are plenty. */
    if (err == DI_OK)
        err = sqlite_run(hc->db, "PRAGMA synchronous = NORMAL; PRAGMA cache_size = -512");
    if (err == DI_OK)
        err = sqlite_prepare(hc->db, "INSERT OR REPLACE INTO hash VALUES (?1,?2,?3,?4,?5,?6,?7)",
                             &hc->put);
    if (err == DI_OK)
        err = sqlite_prepare(hc->db, "DELETE FROM hash WHERE name = ?1", &hc->drop);
    if (err != DI_OK)
        close_db(hc);
    return err;
}

static enum di_err make_anew(struct hash_cache *hc)
{
    static const char *const suffixes[] = {"", "-wal", "-shm", "-journal"};
    log_write(LOG_WARN, "the hash cache %s is damaged or of another version: made anew", hc->path);
    close_db(hc);
    for (size_t i = 0; i < sizeof suffixes / sizeof suffixes[0]; i++) {
        char name[PATH_SIZE + 16];
        (void)snprintf(name, sizeof name, "%s%s", hc->path, suffixes[i]);
        (void)unlink(name);
    }
    return open_db(hc);
}

enum di_err hash_cache_open(const char *state_dir, struct hash_cache **out)
{
    struct hash_cache *hc = calloc(1, sizeof *hc);
    if (hc == NULL)
        return DI_NOMEM;
    int n = snprintf(hc->path, sizeof hc->path, "%s/hashes.db", state_dir);
    enum di_err err = n < 0 || (size_t)n >= sizeof hc->path ? DI_LIMIT : open_db(hc);
    if (err == DI_CORRUPT)
        err = make_anew(hc);
    if (err != DI_OK) {
        free(hc);
        return err;
    }
    *out = hc;
    return DI_OK;
}

void hash_cache_close(struct hash_cache *hc)
{
    if (hc == NULL)
        return;
    close_db(hc);
    free(hc);
}

static bool read_row(sqlite3_stmt *stmt, struct hash_row *out)
{
    *out = (struct hash_row){
        .name = (const char *)sqlite3_column_text(stmt, 0),
        .id = {.inode = (uint64_t)sqlite3_column_int64(stmt, 1),
               .size_bytes = (uint64_t)sqlite3_column_int64(stmt, 2),
               .mtime_ns = sqlite3_column_int64(stmt, 3),
               .ctime_ns = sqlite3_column_int64(stmt, 4)},
        .title = (const char *)sqlite3_column_text(stmt, 6),
    };
    const void *digest = sqlite3_column_blob(stmt, 5);
    if (digest == NULL || out->name == NULL || out->title == NULL ||
        sqlite3_column_bytes(stmt, 5) != (int)sizeof out->sha256)
        return false;
    memcpy(&out->sha256, digest, sizeof out->sha256);
    return true;
}

enum di_err hash_cache_load(struct hash_cache *hc,
                            void (*visit)(void *arg, const struct hash_row *row), void *arg)
{
    static const char select[] =
        "SELECT name, inode, size_bytes, mtime_ns, ctime_ns, sha256, title FROM hash";
    sqlite3_stmt *stmt = NULL;
    enum di_err err = hc->db == NULL ? DI_IO : sqlite_prepare(hc->db, select, &stmt);
    while (err == DI_OK) {
        int rc = sqlite3_step(stmt);
        if (rc == SQLITE_DONE)
            break;
        struct hash_row row;
        /* Lengths that are damaged ask for too much; were it true, the cache is not worth more. */
        bool is_damaged = rc == SQLITE_NOMEM || rc == SQLITE_TOOBIG;
        if (rc != SQLITE_ROW && !is_damaged)
            err = sqlite_to_err(hc->db, rc);
        else if (!is_damaged && read_row(stmt, &row))
            visit(arg, &row);
        else
            err = DI_CORRUPT;
    }
    (void)sqlite3_finalize(stmt);
    if (err == DI_CORRUPT && make_anew(hc) != DI_OK)
        log_write(LOG_WARN, "%s could not be made anew", hc->path);
    return err;
}

enum di_err hash_cache_begin(struct hash_cache *hc)
{
    return hc->db == NULL ? DI_IO : sqlite_run(hc->db, "BEGIN");
}

enum di_err hash_cache_put(struct hash_cache *hc, const struct hash_row *row)
{
    (void)sqlite3_bind_text(hc->put, 1, row->name, -1, SQLITE_STATIC);
    (void)sqlite3_bind_int64(hc->put, 2, (sqlite3_int64)row->id.inode);
    (void)sqlite3_bind_int64(hc->put, 3, (sqlite3_int64)row->id.size_bytes);
    (void)sqlite3_bind_int64(hc->put, 4, row->id.mtime_ns);
    (void)sqlite3_bind_int64(hc->put, 5, row->id.ctime_ns);
    (void)sqlite3_bind_blob(hc->put, 6, &row->sha256, sizeof row->sha256, SQLITE_STATIC);
    (void)sqlite3_bind_text(hc->put, 7, row->title, -1, SQLITE_STATIC);
    return sqlite_step(hc->put);
}

enum di_err hash_cache_drop(struct hash_cache *hc, const char *name)
{
    (void)sqlite3_bind_text(hc->drop, 1, name, -1, SQLITE_STATIC);
    return sqlite_step(hc->drop);
}

enum di_err hash_cache_end(struct hash_cache *hc, enum di_err so_far)
{
    enum di_err err = so_far == DI_OK ? sqlite_run(hc->db, "COMMIT") : so_far;
    if (hc->db != NULL && sqlite3_get_autocommit(hc->db) == 0)
        (void)sqlite3_exec(hc->db, "ROLLBACK", NULL, NULL, NULL);
    if (err == DI_CORRUPT && make_anew(hc) != DI_OK)
        log_write(LOG_WARN, "%s could not be made anew", hc->path);
    return err;
}
