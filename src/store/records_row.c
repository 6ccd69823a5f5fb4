/* Records in and out of rows. */
#include "records_row.h"

#include "sqlite_util.h"

#include "p2pdi/base/text.h"

#include <string.h>

/* A stamp: its time and how many are counted at it, 8 and 4 bytes, the lowest first. */
#define STAMP_BYTES 12

static void store_number(uint8_t *to, uint64_t n, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++)
        to[i] = (uint8_t)(n >> (8 * i));
}

static uint64_t load_number(const uint8_t *from, size_t bytes)
{
    uint64_t n = 0;
    for (size_t i = 0; i < bytes; i++)
        n |= (uint64_t)from[i] << (8 * i);
    return n;
}

size_t record_row_stamps_size(const struct stored_record *r)
{
    return r->forgotten ? 0 : r->stamp_count * STAMP_BYTES;
}

void record_row_from(struct record_row *row, const struct stored_record *r, int64_t wall_s,
                     uint8_t *stamps)
{
    row->forgotten = r->forgotten;
    row->record = r->record;
    row->expires_s = r->record.active ? wall_s + r->record.ttl_s : wall_s;
    row->stamps = stamps;
    row->stamps_bytes = record_row_stamps_size(r);
    for (size_t i = 0; i < row->stamps_bytes / STAMP_BYTES; i++) {
        store_number(stamps + i * STAMP_BYTES, (uint64_t)r->stamps[i].at_s, 8);
        store_number(stamps + i * STAMP_BYTES + 8, r->stamps[i].count, 4);
    }
}

enum di_err record_row_write(sqlite3_stmt *put, const struct record_row *row)
{
    const struct peer_record *r = &row->record;
    (void)sqlite3_bind_blob(put, 1, &r->cookie, sizeof r->cookie, SQLITE_STATIC);
    (void)sqlite3_bind_int64(put, 2, r->peer);
    (void)sqlite3_bind_blob(put, 3, r->addr.ip, sizeof r->addr.ip, SQLITE_STATIC);
    (void)sqlite3_bind_int(put, 4, r->addr.port);
    (void)sqlite3_bind_int(put, 5, r->active);
    (void)sqlite3_bind_int64(put, 6, row->expires_s);
    (void)sqlite3_bind_int64(put, 7, r->last_registered_s);
    (void)sqlite3_bind_text(put, 8, r->name, -1, SQLITE_STATIC);
    (void)sqlite3_bind_text(put, 9, r->os, -1, SQLITE_STATIC);
    (void)sqlite3_bind_blob(put, 10, row->stamps, (int)row->stamps_bytes, SQLITE_STATIC);
    return sqlite_step(put);
}

enum di_err record_row_delete(sqlite3_stmt *forget, const struct record_row *row)
{
    (void)sqlite3_bind_blob(forget, 1, &row->record.cookie, sizeof row->record.cookie,
                            SQLITE_STATIC);
    return sqlite_step(forget);
}

static bool read_blob(sqlite3_stmt *row, int column, void *out, size_t size)
{
    const void *bytes = sqlite3_column_blob(row, column);
    if (bytes == NULL || sqlite3_column_bytes(row, column) != (int)size)
        return false;
    memcpy(out, bytes, size);
    return true;
}

static bool read_number(sqlite3_stmt *row, int column, int64_t max, int64_t *out)
{
    *out = sqlite3_column_int64(row, column);
    return sqlite3_column_type(row, column) == SQLITE_INTEGER && *out >= 0 && *out <= max;
}

/* Cleaned again: what is on the disk is input as well. */
static bool read_name(sqlite3_stmt *row, int column, char out[PEER_NAME_SIZE])
{
    const char *text = (const char *)sqlite3_column_text(row, column);
    if (text == NULL)
        return false;
    (void)text_clean(out, PEER_NAME_SIZE,
                     (struct slice){text, (size_t)sqlite3_column_bytes(row, column)});
    return true;
}

static bool read_stamps(sqlite3_stmt *row, int column, struct stored_record *out)
{
    const uint8_t *bytes = sqlite3_column_blob(row, column);
    size_t len = (size_t)sqlite3_column_bytes(row, column);
    out->stamp_count = len / STAMP_BYTES;
    if (len % STAMP_BYTES != 0 || out->stamp_count > PEER_STAMPS_MAX)
        return false;
    for (size_t i = 0; i < out->stamp_count; i++) {
        out->stamps[i].at_s = (int64_t)load_number(bytes + i * STAMP_BYTES, 8);
        out->stamps[i].count = (uint32_t)load_number(bytes + i * STAMP_BYTES + 8, 4);
    }
    return true;
}

static uint32_t count_recent(const struct stored_record *r, int64_t wall_s)
{
    uint32_t n = 0;
    for (size_t i = 0; i < r->stamp_count; i++)
        if (r->stamps[i].at_s > wall_s - PEER_WINDOW_S)
            n += r->stamps[i].count;
    return n;
}

enum di_err record_row_read(sqlite3_stmt *row, int64_t wall_s, struct stored_record *out)
{
    struct peer_record *r = &out->record;
    int64_t peer = 0, port = 0, active = 0, expires_s = 0;
    memset(r, 0, sizeof *r);
    out->forgotten = false;
    if (!read_blob(row, 0, &r->cookie, sizeof r->cookie) ||
        !read_number(row, 1, UINT32_MAX, &peer) || peer == 0 ||
        !read_blob(row, 2, r->addr.ip, sizeof r->addr.ip) ||
        !read_number(row, 3, UINT16_MAX, &port) || !read_number(row, 4, 1, &active) ||
        !read_number(row, 5, INT64_MAX, &expires_s) ||
        !read_number(row, 6, INT64_MAX, &r->last_registered_s) || !read_name(row, 7, r->name) ||
        !read_name(row, 8, r->os) || !read_stamps(row, 9, out))
        return DI_CORRUPT;
    r->peer = (uint32_t)peer;
    r->addr.port = (uint16_t)port;
    /* A clock that jumped must neither end nor prolong a registration beyond its TTL. */
    int64_t left_s = expires_s - wall_s;
    if (active == 1 && left_s > 0)
        r->ttl_s = left_s > PEER_TTL_S ? PEER_TTL_S : (uint32_t)left_s;
    r->active = r->ttl_s > 0;
    r->registrations = count_recent(out, wall_s);
    return DI_OK;
}
