/* A record as a row of the table `peer`: one b-tree, keyed by the cookie's digest. No thread of
 * its own. */
#ifndef P2PDI_STORE_RECORDS_ROW_H
#define P2PDI_STORE_RECORDS_ROW_H

#include "p2pdi/store/records.h"

#include <sqlite3.h>

/* expires_s (when it runs out, or left) and last_registered_s: wall clock; stamps: see STAMP_BYTES
 * in records_row.c. */
#define RECORDS_CREATE                                                                             \
    "CREATE TABLE peer ("                                                                          \
    "cookie BLOB PRIMARY KEY, peer INTEGER NOT NULL, ip BLOB NOT NULL, port INTEGER NOT NULL,"     \
    "active INTEGER NOT NULL, expires_s INTEGER NOT NULL, last_registered_s INTEGER NOT NULL,"     \
    "name TEXT NOT NULL, os TEXT NOT NULL, stamps BLOB NOT NULL) WITHOUT ROWID"
/* At ?1, of a row. Without the highest id the next start would give it to another. */
#define RECORDS_MAY_GO "(active = 0 OR expires_s <= ?1) AND peer < (SELECT max(peer) FROM peer)"
#define RECORDS_DELETE_OLD                                                                         \
    "DELETE FROM peer WHERE " RECORDS_MAY_GO " AND max(expires_s, last_registered_s) <= ?2"
#define RECORDS_DELETE_MORE                                                                        \
    "DELETE FROM peer WHERE cookie IN (SELECT cookie FROM peer WHERE " RECORDS_MAY_GO              \
    " ORDER BY peer LIMIT max(0, (SELECT count(*) FROM peer) - ?2))"
/* In the order that peer_index_restore wants. */
#define RECORDS_SELECT                                                                             \
    "SELECT cookie, peer, ip, port, active, expires_s, last_registered_s, name, os, stamps FROM "  \
    "peer ORDER BY peer"
#define RECORDS_PUT "INSERT OR REPLACE INTO peer VALUES (?1,?2,?3,?4,?5,?6,?7,?8,?9,?10)"
/* What a clock that was wrong has put too far away. */
#define RECORDS_CLAMP "UPDATE peer SET expires_s = ?1 WHERE active = 1 AND expires_s > ?1"
#define RECORDS_FORGET "DELETE FROM peer WHERE cookie = ?1"
#define RECORDS_RENEW "UPDATE peer SET expires_s = ?2 WHERE cookie = ?1 AND active = 1"

/* A record on its way to the table, without what it does not use of stored_record's 4 KiB. */
struct record_row {
    bool forgotten;
    struct peer_record record;
    int64_t expires_s;
    size_t stamps_bytes;
    uint8_t *stamps;
};

/* Bytes that r's stamps need. */
size_t record_row_stamps_size(const struct stored_record *r);
/* stamps: room for them, the caller's, as long as the row lives. */
void record_row_from(struct record_row *row, const struct stored_record *r, int64_t wall_s,
                     uint8_t *stamps);
enum di_err record_row_write(sqlite3_stmt *put, const struct record_row *row) DI_MUST_CHECK;
/* forget: a statement of RECORDS_FORGET. */
enum di_err record_row_delete(sqlite3_stmt *forget, const struct record_row *row) DI_MUST_CHECK;
/* The row that a statement of RECORDS_SELECT stands at. DI_CORRUPT: not one of ours. */
enum di_err record_row_read(sqlite3_stmt *row, int64_t wall_s, struct stored_record *out)
    DI_MUST_CHECK;

#endif
