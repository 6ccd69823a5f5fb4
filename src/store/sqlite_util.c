/* SQLite: opening checked, running fixed statements. Whoever owns the connection runs it. */
#include "sqlite_util.h"

#include "beneath.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PATH_SIZE 4200

enum di_err sqlite_to_err(sqlite3 *db, int rc)
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
    case SQLITE_ERROR: /* of statements that are fixed: tables or format are not ours */
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
    case SQLITE_FORMAT:
        return DI_CORRUPT;
    case SQLITE_IOERR: /* also where there is no room for the file that SQLite shares */
        return sqlite3_system_errno(db) == ENOSPC ? DI_NO_SPACE : DI_IO;
    default:
        return DI_IO;
    }
}

enum di_err sqlite_run(sqlite3 *db, const char *sql)
{
    return sqlite_to_err(db, sqlite3_exec(db, sql, NULL, NULL, NULL));
}

enum di_err sqlite_prepare(sqlite3 *db, const char *sql, sqlite3_stmt **out)
{
    return sqlite_to_err(db, sqlite3_prepare_v3(db, sql, -1, SQLITE_PREPARE_PERSISTENT, out, NULL));
}

enum di_err sqlite_step(sqlite3_stmt *stmt)
{
    int rc = sqlite3_step(stmt);
    enum di_err err = sqlite_to_err(sqlite3_db_handle(stmt), rc);
    (void)sqlite3_reset(stmt);
    return err;
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
        err = rc == SQLITE_DONE ? DI_CORRUPT : sqlite_to_err(db, rc);
    (void)sqlite3_finalize(stmt);
    return err;
}

static enum di_err check_schema(sqlite3 *db, const struct sqlite_schema *schema)
{
    int id = 0, version = 0;
    enum di_err err = query_int(db, "PRAGMA application_id", &id);
    if (err == DI_OK)
        err = query_int(db, "PRAGMA user_version", &version);
    if (err == DI_OK && (id != schema->application_id || version != schema->version))
        err = DI_CORRUPT;
    return err;
}

static bool has_log(const char *path)
{
    struct stat st;
    char name[PATH_SIZE + 8];
    (void)snprintf(name, sizeof name, "%s-wal", path);
    return stat(name, &st) == 0 && st.st_size > 0;
}

/* ---- making a new one ----------------------------------------------------------------------- */

static enum di_err write_schema(sqlite3 *db, const struct sqlite_schema *schema)
{
    char pragmas[96];
    (void)snprintf(pragmas, sizeof pragmas, "PRAGMA application_id = %d; PRAGMA user_version = %d",
                   schema->application_id, schema->version);
    enum di_err err = sqlite_run(db, "BEGIN IMMEDIATE");
    if (err == DI_OK)
        err = sqlite_run(db, schema->create);
    if (err == DI_OK)
        err = sqlite_run(db, pragmas);
    if (err == DI_OK)
        err = sqlite_run(db, "COMMIT"); /* there is no log yet: in the file, synced */
    return err;
}

/* Made by us first, so that it is nobody else's to read from the beginning. */
static enum di_err make_file(const char *path, const struct sqlite_schema *schema)
{
    sqlite3 *db = NULL;
    (void)unlink(path);
    int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return di_err_from_errno(errno);
    (void)close(fd);
    int rc = sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);
    enum di_err err = sqlite_to_err(db, rc);
    /* Half of one is thrown away: it needs no journal, which could be taken for the next one's. */
    if (err == DI_OK)
        err = sqlite_run(db, "PRAGMA journal_mode = MEMORY");
    if (err == DI_OK)
        err = write_schema(db, schema);
    (void)sqlite3_close_v2(db);
    if (err != DI_OK)
        (void)unlink(path);
    return err;
}

/* Where the file is not there. It appears with its tables or not at all: then one that is empty, or
 * a log without its file, is damage and not a beginning. */
static enum di_err make_new(const char *path, const struct sqlite_schema *schema)
{
    char name[PATH_SIZE + 8];
    if (has_log(path))
        return DI_CORRUPT;
    (void)snprintf(name, sizeof name, "%s.new", path);
    enum di_err err = make_file(name, schema);
    if (err == DI_OK && rename(name, path) != 0)
        err = di_err_from_errno(errno);
    return err == DI_OK ? beneath_sync_parent(path) : err;
}

/*
 * SQLite would read the missing end of the last page as zeros: of a digest or a name. While there is a
 * log, it may have that page.
 */
static enum di_err check_size(sqlite3 *db, const char *path)
{
    struct stat st;
    int pages = 0, page_bytes = 0;
    enum di_err err = query_int(db, "PRAGMA page_count", &pages);
    if (err == DI_OK)
        err = query_int(db, "PRAGMA page_size", &page_bytes);
    if (err == DI_OK && stat(path, &st) != 0)
        err = di_err_from_errno(errno);
    if (err == DI_OK && st.st_size < (off_t)pages * page_bytes)
        err = DI_CORRUPT;
    return err;
}

/* Read from the header: of a format that a later SQLite writes, or damaged there. What look_at could
 * not open for writing does not come this far. */
static bool may_only_be_read(sqlite3 *db)
{
    return sqlite3_db_readonly(db, "main") == 1;
}

/* DI_NOT_FOUND: to be made. SQLite would take an empty file for a new one. */
static enum di_err look_at(const char *path)
{
    struct stat st;
    int fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return errno == ENOENT ? DI_NOT_FOUND : di_err_from_errno(errno);
    enum di_err err = fstat(fd, &st) == 0 ? DI_OK : di_err_from_errno(errno);
    (void)close(fd);
    return err == DI_OK && st.st_size == 0 ? DI_CORRUPT : err;
}

enum di_err sqlite_open_checked(const char *path, const struct sqlite_schema *schema, sqlite3 **out)
{
    sqlite3 *db = NULL;
    if (strlen(path) >= PATH_SIZE)
        return DI_LIMIT;
    bool logged = has_log(path);
    enum di_err err = look_at(path);
    if (err == DI_NOT_FOUND)
        err = make_new(path, schema);
    if (err != DI_OK)
        return err;
    int rc = sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);
    err = sqlite_to_err(db, rc);
    if (err == DI_OK)
        err = sqlite_run(db, "PRAGMA journal_mode = WAL");
    if (err == DI_OK)
        err = check_schema(db, schema);
    if (err == DI_OK && may_only_be_read(db))
        err = DI_CORRUPT;
    if (err == DI_OK && !logged)
        err = check_size(db, path);
    if (err != DI_OK) {
        (void)sqlite3_close_v2(db);
        return err;
    }
    *out = db;
    return DI_OK;
}
