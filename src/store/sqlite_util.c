/* SQLite: opening checked, running fixed statements. Whoever owns the connection runs it. */
#include "sqlite_util.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

enum di_err sqlite_to_err(int rc)
{
    switch (rc & 0xff) {
    case SQLITE_OK:
    case SQLITE_ROW:
    case SQLITE_DONE:
        return DI_OK;
    case SQLITE_NOMEM:
        return DI_NOMEM;
    case SQLITE_FULL:
        return DI_NO_SPACE;
    case SQLITE_PERM:
    case SQLITE_READONLY:
    case SQLITE_CANTOPEN:
    case SQLITE_AUTH:
        return DI_ACCESS;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return DI_IN_USE;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
    case SQLITE_FORMAT:
        return DI_CORRUPT;
    default:
        return DI_IO;
    }
}

enum di_err sqlite_run(sqlite3 *db, const char *sql)
{
    return sqlite_to_err(sqlite3_exec(db, sql, NULL, NULL, NULL));
}

enum di_err sqlite_prepare(sqlite3 *db, const char *sql, sqlite3_stmt **out)
{
    return sqlite_to_err(sqlite3_prepare_v3(db, sql, -1, SQLITE_PREPARE_PERSISTENT, out, NULL));
}

enum di_err sqlite_step(sqlite3_stmt *stmt)
{
    int rc = sqlite3_step(stmt);
    (void)sqlite3_reset(stmt);
    return sqlite_to_err(rc);
}

static enum di_err query_int(sqlite3 *db, const char *sql, int *out)
{
    sqlite3_stmt *stmt = NULL;
    enum di_err err = sqlite_prepare(db, sql, &stmt);
    if (err != DI_OK)
        return err;
    int rc = sqlite3_step(stmt);
    if (rc == SQLITE_ROW)
        *out = sqlite3_column_int(stmt, 0);
    else
        err = rc == SQLITE_DONE ? DI_CORRUPT : sqlite_to_err(rc);
    (void)sqlite3_finalize(stmt);
    return err;
}

static enum di_err check_schema(sqlite3 *db, const struct sqlite_schema *schema)
{
    int objects = 0, id = 0, version = 0;
    enum di_err err = query_int(db, "SELECT count(*) FROM sqlite_schema", &objects);
    if (err == DI_OK)
        err = query_int(db, "PRAGMA application_id", &id);
    if (err == DI_OK)
        err = query_int(db, "PRAGMA user_version", &version);
    if (err != DI_OK)
        return err;
    if (objects > 0)
        return id == schema->application_id && version == schema->version ? DI_OK : DI_CORRUPT;
    if (id != 0 || version != 0)
        return DI_CORRUPT;

    char pragmas[96];
    (void)snprintf(pragmas, sizeof pragmas, "PRAGMA application_id = %d; PRAGMA user_version = %d",
                   schema->application_id, schema->version);
    err = sqlite_run(db, "BEGIN IMMEDIATE");
    if (err == DI_OK)
        err = sqlite_run(db, schema->create);
    if (err == DI_OK)
        err = sqlite_run(db, pragmas);
    if (err == DI_OK)
        err = sqlite_run(db, "COMMIT");
    return err;
}

enum di_err sqlite_open_checked(const char *path, const struct sqlite_schema *schema, sqlite3 **out)
{
    /* Made by us first, so that it is nobody else's to read from the beginning. */
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return di_err_from_errno(errno);
    (void)close(fd);

    sqlite3 *db = NULL;
    int rc = sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);
    enum di_err err = sqlite_to_err(rc);
    if (err == DI_OK)
        err = sqlite_run(db, "PRAGMA journal_mode = WAL");
    if (err == DI_OK)
        err = check_schema(db, schema);
    if (err != DI_OK) {
        (void)sqlite3_close_v2(db);
        return err;
    }
    *out = db;
    return DI_OK;
}
