/*
 * Where the RS keeps its records: an interface, so that the same registry exists on SQLite now
 * and on Redis later. Calls never wait for the disk: they queue, and the store's one writer
 * thread commits what has gathered in one transaction.
 */
#ifndef P2PDI_STORE_RECORDS_H
#define P2PDI_STORE_RECORDS_H

#include "p2pdi/base/err.h"
#include "p2pdi/index/peer_index.h"

#include <stddef.h>
#include <stdint.h>

/* A record and when it registered, as stored. ttl_s and expiry travel as wall-clock time inside
 * the store. */
struct stored_record {
    bool forgotten; /* only put: the record of that cookie is deleted, nothing else here counts */
    struct peer_record record;
    struct peer_stamp stamps[PEER_STAMPS_MAX];
    size_t stamp_count;
};

struct record_store;

struct record_store_ops {
    /*
     * All records in ascending order of peer, before the first put; ttl_s recomputed from the stored
     * wall-clock expiry, clamped to 0..7200. Deleted before that are those that have been inactive for
     * PEER_WINDOW_S, and the inactive ones with the lowest ids as long as there are more than keep_max
     * in all; never the one with the highest id, so that no id is given twice. If it fails nothing was
     * changed on disk.
     */
    enum di_err (*load)(struct record_store *s, int64_t wall_s, size_t keep_max,
                        enum di_err (*visit)(void *arg, const struct stored_record *r), void *arg);
    /* Copies the records, at least one, which are stored or deleted all or none, and returns. durable(arg,
     * err) is called by the writer thread once they are on disk (or failed); NULL: nobody waits.
     * DI_NOMEM; DI_LIMIT: the queue is full. Then nothing was taken and durable is not called. */
    enum di_err (*put)(struct record_store *s, const struct stored_record *records, size_t count,
                       int64_t wall_s, void (*durable)(void *arg, enum di_err err), void *arg);
    /* KEEP-ALIVE and PQUERY: only the TTL starts anew, as of wall_s. Nobody waits: written up to
     * a second later, only the newest of a cookie. DI_LIMIT: the queue is full (the next renewal
     * makes up for it). */
    enum di_err (*renew)(struct record_store *s, const struct sha256 *cookie, int64_t wall_s);
    /* Bytes in use on disk, for the dashboard. */
    uint64_t (*size_bytes)(struct record_store *s);
    /* Commits what is queued, calls every durable, closes, frees. */
    void (*close)(struct record_store *s);
};

struct record_store {
    const struct record_store_ops *ops;
};

/* SQLite in WAL mode at path. A damaged file is refused with the command that mends it in why,
 * never emptied. */
enum di_err record_store_open_sqlite(const char *path, struct record_store **out, char why[256])
    DI_MUST_CHECK;

#endif
