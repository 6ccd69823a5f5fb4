/* What the two SQLite files (hash cache, records) have in common: opening checked, running fixed
 * statements. */
#ifndef P2PDI_STORE_SQLITE_UTIL_H
#define P2PDI_STORE_SQLITE_UTIL_H

#include "p2pdi/base/err.h"

#include <sqlite3.h>

/* What names a file of ours: 'P2PD' in application_id, our schema's number in user_version. */
struct sqlite_schema {
    int application_id;
    int version;
    const char *create; /* statements that make the tables of a new file */
};

/* What rc, just returned for db, stands for; db tells what the system said. */
enum di_err sqlite_to_err(sqlite3 *db, int rc);
/*
 * Opens or makes the file in WAL mode, one thread at a time (no mutex of SQLite's), mode 0600.
 * DI_CORRUPT: not a database, damaged, empty, gone while its log is there, or not ours (foreign
 * application_id, or a version from the future).
 */
enum di_err sqlite_open_checked(const char *path, const struct sqlite_schema *schema, sqlite3 **out)
    DI_MUST_CHECK;
/* Runs fixed statements without results. */
enum di_err sqlite_run(sqlite3 *db, const char *sql) DI_MUST_CHECK;
enum di_err sqlite_prepare(sqlite3 *db, const char *sql, sqlite3_stmt **out) DI_MUST_CHECK;
/* One step of a statement that returns no row, then reset. */
enum di_err sqlite_step(sqlite3_stmt *stmt) DI_MUST_CHECK;

#endif
