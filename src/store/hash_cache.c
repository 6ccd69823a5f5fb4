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
    sqlite3 *db;
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

static enum di_err open_db(const char *path, struct hash_cache *hc)
{
    enum di_err err = sqlite_open_checked(path, &schema, &hc->db);
    /* NORMAL: a power cut may cost the last rows, never the file; 512 KiB of pages are plenty. */
    if (err == DI_OK)
        err = sqlite_run(hc->db, "PRAGMA synchronous = NORMAL; PRAGMA cache_size = -512;"
                                 "PRAGMA locking_mode = EXCLUSIVE");
    if (err == DI_OK)
        err = sqlite_prepare(hc->db, "INSERT OR REPLACE INTO hash VALUES (?1,?2,?3,?4,?5,?6,?7)",
                             &hc->put);
    if (err == DI_OK)
        err = sqlite_prepare(hc->db, "DELETE FROM hash WHERE name = ?1", &hc->drop);
    return err;
}

static void close_db(struct hash_cache *hc)
{
    (void)sqlite3_finalize(hc->put);
    (void)sqlite3_finalize(hc->drop);
    (void)sqlite3_close_v2(hc->db);
    *hc = (struct hash_cache){0};
}

static void delete_files(const char *path)
{
    static const char *const suffixes[] = {"", "-wal", "-shm", "-journal"};
    for (size_t i = 0; i < sizeof suffixes / sizeof suffixes[0]; i++) {
        char name[PATH_SIZE + 16];
        (void)snprintf(name, sizeof name, "%s%s", path, suffixes[i]);
        (void)unlink(name);
    }
}

enum di_err hash_cache_open(const char *state_dir, struct hash_cache **out)
{
    char path[PATH_SIZE];
    int n = snprintf(path, sizeof path, "%s/hashes.db", state_dir);
    if (n < 0 || (size_t)n >= sizeof path)
        return DI_LIMIT;
    struct hash_cache *hc = calloc(1, sizeof *hc);
    if (hc == NULL)
        return DI_NOMEM;
    enum di_err err = open_db(path, hc);
    if (err == DI_CORRUPT) {
        log_write(LOG_WARN, "hash cache %s is damaged or of another version: made anew", path);
        close_db(hc);
        delete_files(path);
        err = open_db(path, hc);
    }
    if (err != DI_OK) {
        close_db(hc);
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

void hash_cache_load(struct hash_cache *hc, void (*visit)(void *arg, const struct hash_row *row),
                     void *arg)
{
    sqlite3_stmt *stmt = NULL;
    if (sqlite_prepare(
            hc->db, "SELECT name, inode, size_bytes, mtime_ns, ctime_ns, sha256, title FROM hash",
            &stmt) != DI_OK)
        return;
    int rc;
    while ((rc = sqlite3_step(stmt)) == SQLITE_ROW) {
        struct hash_row row = {
            .name = (const char *)sqlite3_column_text(stmt, 0),
            .id = {.inode = (uint64_t)sqlite3_column_int64(stmt, 1),
                   .size_bytes = (uint64_t)sqlite3_column_int64(stmt, 2),
                   .mtime_ns = sqlite3_column_int64(stmt, 3),
                   .ctime_ns = sqlite3_column_int64(stmt, 4)},
            .title = (const char *)sqlite3_column_text(stmt, 6),
        };
        const void *digest = sqlite3_column_blob(stmt, 5);
        if (digest == NULL || row.name == NULL || row.title == NULL ||
            sqlite3_column_bytes(stmt, 5) != (int)sizeof row.sha256)
            continue;
        memcpy(&row.sha256, digest, sizeof row.sha256);
        visit(arg, &row);
    }
    if (rc != SQLITE_DONE)
        log_write(LOG_WARN, "hash cache: reading ended early (%s)", sqlite3_errstr(rc));
    (void)sqlite3_finalize(stmt);
}

enum di_err hash_cache_begin(struct hash_cache *hc)
{
    return sqlite_run(hc->db, "BEGIN");
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

enum di_err hash_cache_commit(struct hash_cache *hc)
{
    enum di_err err = sqlite_run(hc->db, "COMMIT");
    if (err != DI_OK && !sqlite3_get_autocommit(hc->db))
        (void)sqlite3_exec(hc->db, "ROLLBACK", NULL, NULL, NULL);
    return err;
}
