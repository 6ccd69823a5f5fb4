/*
 * What `peers`, `index`, `transfers`, `status`, `p2pdi ls` and `p2pdi peers` print: text tables, or
 * events. Collected first, printed at once. Main thread.
 */
#ifndef P2PDI_CLI_TABLE_H
#define P2PDI_CLI_TABLE_H

#include "p2pdi/base/buf.h"
#include "p2pdi/peer/peer.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* ---- peers --------------------------------------------------------------------------------------- */

struct peer_table {
    struct wire_peer_row *rows; /* owned */
    size_t count, room;
    bool failed; /* out of memory: rows are missing */
};
/* A visitor for peer_walk_peers and the like; arg is the table. */
bool peer_table_add(void *arg, const struct wire_peer_row *row);
void peer_table_fini(struct peer_table *t);
/* Sorts by peer id. The original's table: one line each, after a heading. */
void peer_table_text(struct peer_table *t, struct buf *out);
void peer_table_json(struct peer_table *t, struct buf *out, int64_t since_start_us);

/* ---- index ---------------------------------------------------------------------------------------- */

struct index_row {
    uint32_t rfc, ttl_s;
    bool own;
    struct addr holder;
    uint64_t size_bytes;
    struct sha256 sha256;
    size_t title; /* offset in titles */
};

struct index_table {
    struct slice pattern;   /* only what fits is added; n 0: all. Borrowed */
    struct index_row *rows; /* owned */
    size_t count, room;
    struct buf titles;
    bool failed;
};
void index_table_init(struct index_table *t, struct slice pattern);
void index_table_fini(struct index_table *t);
/* Visitors; arg is the table. */
bool index_table_add(void *arg, const struct rfc_entry *e);
bool index_table_add_row(void *arg, const struct wire_index_row *row);
/*
 * Sorts. A line for each edition of a document, with who holds it: peer ids where peers knows them. Returns how
 * many different documents there are.
 */
size_t index_table_text(struct index_table *t, const struct peer_table *peers, struct buf *out);
/* An `entry` for each holder of each document, then `index`. */
size_t index_table_json(struct index_table *t, struct buf *out, int64_t since_start_us);

/* ---- transfers, status ----------------------------------------------------------------------------- */

struct transfer_lines {
    struct buf *out;
    bool json;
    int64_t since_start_us;
};
/* A visitor; arg is a struct transfer_lines. */
bool transfer_lines_add(void *arg, const struct peer_transfer *t);
void transfer_lines_head(struct transfer_lines *l);
void status_text(const struct peer_status *s, struct buf *out);
void status_json(const struct peer_status *s, struct buf *out, int64_t since_start_us);

#endif
