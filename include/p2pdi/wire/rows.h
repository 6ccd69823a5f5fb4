/*
 * The two tables that travel as bodies: peer rows (PQUERY) and index rows (GET RFC-Index), PROTOCOL.md
 * "Rows". Pure. Values are cleaned on the way in; a row that does not parse makes the whole body bad.
 */
#ifndef P2PDI_WIRE_ROWS_H
#define P2PDI_WIRE_ROWS_H

#include "p2pdi/base/addr.h"
#include "p2pdi/base/buf.h"
#include "p2pdi/base/sha256.h"

#define WIRE_TITLE_SIZE 256

enum wire_reachable { WIRE_REACHABLE_UNKNOWN, WIRE_REACHABLE_YES, WIRE_REACHABLE_NO };
const char *wire_reachable_word(enum wire_reachable r);

struct wire_peer_row {
    struct addr addr; /* Hostname and Port */
    uint32_t peer;
    bool active;
    uint32_t ttl_s;
    uint32_t registrations;
    int64_t last_registered_s; /* wall clock */
    enum wire_reachable reachable;
};

struct wire_index_row {
    uint32_t rfc;
    uint32_t ttl_s; /* 0: withdrawn (in a delta) */
    struct addr holder;
    uint64_t size_bytes;
    struct sha256 sha256;
    char title[WIRE_TITLE_SIZE]; /* clean UTF-8 */
};

/* Header row, and one row each. */
void wire_peer_header_format(struct buf *out);
void wire_peer_row_format(struct buf *out, const struct wire_peer_row *row);
void wire_index_header_format(struct buf *out);
void wire_index_row_format(struct buf *out, const struct wire_index_row *row);

/*
 * Walks the rows of a whole body in order. Start with a zeroed cursor; true fills *row and moves on;
 * false: the end, or, if cursor.fault is not empty, something wrong: which line, and what. Checks the
 * header row; passes over more columns to the right. TTL at most 7200, ports 1..65535, hosts numeric and
 * not 0.0.0.0 or ::, rows whole: a body that was cut is wrong.
 */
struct wire_rows {
    size_t offset;
    size_t line;
    char fault[120]; /* empty: none */
};
bool wire_peer_rows_next(struct wire_rows *c, struct slice body, struct wire_peer_row *row);
bool wire_index_rows_next(struct wire_rows *c, struct slice body, struct wire_index_row *row);

#endif
