/* The registration server (PROTOCOL.md, "Peer to RS"). Handlers over wire, peer index,
 * record store and net. */
#ifndef P2PDI_RS_RS_H
#define P2PDI_RS_RS_H

#include "p2pdi/base/addr.h"
#include "p2pdi/base/err.h"
#include "p2pdi/index/peer_index.h"
#include "p2pdi/stats/counters.h"

#include <stdbool.h>
#include <stdint.h>

struct rs;
struct snapshot;

/* Messages as they came and went, values of cookies masked. Any thread, one call at a time. */
typedef void rs_trace_fn(void *arg, bool received, const struct addr *remote, const char *bytes,
                         size_t len);

struct rs_config {
    struct addr listen; /* default port 65423 */
    const char *state;  /* directory, exists and is locked by the caller */
    unsigned workers;   /* 0: default */
    size_t records_max; /* 0: default 1,000,000 */
    rs_trace_fn *trace; /* NULL: none */
    void *trace_arg;
    /*
     * NULL: no screen, rs_snapshot must not be called. Else called when a snapshot would show
     * something new, at most once between two of them. Any thread; quick; must not call back.
     */
    void (*news)(void *arg);
    void *news_arg;
};

/* Opens the store, restores the records, listens. why gets a sentence on failure. */
enum di_err rs_start(const struct rs_config *cfg, struct rs **out, char why[256]) DI_MUST_CHECK;
/* Answers what is under way, commits, closes, frees. */
void rs_stop(struct rs *rs);
const struct addr *rs_addr(const struct rs *rs);
/* What a screen shows (stats/snapshot.h), one reference; NULL: no memory. Call it once a second at
 * least. One thread at a time. */
struct snapshot *rs_snapshot(struct rs *rs);
/* A line for the screen's log; level as enum snap_level. Any thread. */
void rs_view_log(struct rs *rs, int level, struct slice line);
/* The records in order of peer id, until visit returns false. It runs under the server's lock: it is quick,
 * and calls nothing of this file. Any thread. */
void rs_walk(struct rs *rs, bool (*visit)(void *arg, const struct peer_record *r), void *arg);

#endif
