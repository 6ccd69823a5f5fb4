/*
 * What screens draw: immutable snapshots, cheap to take at 100,000 rows. A writer keeps a board and
 * changes it under a lock of its own; a snapshot shares the board's chunks of rows, and the writer
 * clones a chunk only if it changes one that a snapshot still shares. Times that run (TTLs, timers)
 * are stored as points on the monotonic clock, so that counting them needs no new snapshot.
 *
 *   writer's table     chunk 0   chunk 1'  chunk 2      1' was cloned after the snapshot
 *   snapshot           chunk 0   chunk 1   chunk 2
 */
#ifndef P2PDI_STATS_SNAPSHOT_H
#define P2PDI_STATS_SNAPSHOT_H

#include "p2pdi/base/addr.h"
#include "p2pdi/base/err.h"
#include "p2pdi/base/text.h"
#include "p2pdi/stats/experiment.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* ---- strings that rows share ------------------------------------------------------------------ */

/* An immutable string with a count of references; already clean (text_clean). */
struct shared_text {
    _Atomic(uint32_t) refs;
    uint32_t len;
    char str[];
};

/* One reference, for the caller; NULL: no memory. */
struct shared_text *shared_text_new(struct slice s);
/* NULL is fine in all three; any thread. */
struct shared_text *shared_text_ref(struct shared_text *t);
void shared_text_unref(struct shared_text *t);
const char *shared_text_str(const struct shared_text *t); /* "" for NULL */

/* ---- tables of rows ---------------------------------------------------------------------------- */

#define ROWS_PER_CHUNK 256

/* What a table's rows are. retain and release count what a row refers to; NULL: it owns nothing. */
struct rows_type {
    size_t size;
    void (*retain)(void *row);
    void (*release)(void *row);
};

struct rows_chunk;

/*
 * A table, or a snapshot's share of one. Rows have no order of their own; `first` counts what was
 * dropped at the front, so that first + i names a row for good. `version` moves with every change.
 */
struct rows {
    const struct rows_type *type;
    struct rows_chunk **chunks;
    size_t chunk_count, chunk_cap;
    size_t count;
    uint64_t first;
    uint64_t version;
};

void rows_init(struct rows *r, const struct rows_type *type);
void rows_fini(struct rows *r);
/* Row i (i < count); valid as long as the snapshot, or until the writer's next change. */
const void *rows_at(const struct rows *r, size_t i);

/* The writer's: under the writer's lock. NULL: no memory, nothing changed. */
void *rows_edit(struct rows *r, size_t i);
void *rows_append(struct rows *r); /* a zeroed row at the end */
/* Removes row i: the last one takes its place. false: no memory. */
bool rows_remove(struct rows *r, size_t i);
void rows_clear(struct rows *r);
/* Drops whole chunks at the front until at most max rows (and up to a chunk more) are left. */
void rows_drop_front(struct rows *r, size_t max);
/* Shares all chunks with *out (uninitialised before). DI_NOMEM. */
enum di_err rows_share(const struct rows *r, struct rows *out) DI_MUST_CHECK;

/* ---- rows ---------------------------------------------------------------------------------------- */

enum snap_reachable { SNAP_REACHABLE_UNKNOWN, SNAP_REACHABLE_YES, SNAP_REACHABLE_NO };

/* RS: a record. */
struct snap_record {
    uint32_t peer;
    uint32_t registrations; /* in the last 30 days */
    struct addr addr;
    bool active;
    enum snap_reachable reachable;
    int64_t expires_us;        /* monotonic; only while active */
    int64_t last_registered_s; /* wall clock */
    struct shared_text *name, *os;
};

/* RS: messages it counts and keeps the last of. X(NAME, word). */
#define SNAP_REQUEST_MAP(X)                                                                        \
    X(REGISTER, "REGISTER")                                                                        \
    X(KEEPALIVE, "KEEP-ALIVE")                                                                     \
    X(PQUERY, "PQUERY")                                                                            \
    X(LEAVE, "LEAVE")                                                                              \
    X(HTTP, "HTTP")                                                                                \
    X(OTHER, "other")
enum snap_request_kind {
#define X(name, word) SNAP_REQUEST_##name,
    SNAP_REQUEST_MAP(X)
#undef X
        SNAP_REQUEST_KINDS
};
const char *snap_request_word(enum snap_request_kind kind);

/* RS: one of the last requests. */
struct snap_request {
    int64_t at_s;  /* wall clock */
    uint32_t peer; /* 0: not known */
    struct addr addr;
    enum snap_request_kind kind;
    int status;
};

/* Peer: another peer. */
struct snap_peer {
    uint32_t peer;
    uint32_t documents; /* that it is known to hold */
    struct addr addr;
    bool asked;  /* for its index */
    bool failed; /* to answer, the last time */
    enum snap_reachable reachable;
    int64_t expires_us;  /* monotonic */
    uint64_t down_bps;   /* bytes a second that come from it now */
    uint64_t sent_bytes; /* of documents, to it */
};

enum snap_rfc_state { SNAP_RFC_KNOWN, SNAP_RFC_WANTED, SNAP_RFC_HELD };
#define SNAP_HOLDERS_MAX 6

/* Peer: a document of the index. */
struct snap_rfc {
    uint32_t rfc;
    enum snap_rfc_state state;
    uint64_t size_bytes;
    uint32_t holders;                  /* others that hold it */
    uint32_t holder[SNAP_HOLDERS_MAX]; /* peer ids of the first of them, ascending */
    struct shared_text *title;
};

/* In the order in which a screen lists them. */
enum snap_transfer_state {
    SNAP_TRANSFER_ACTIVE,
    SNAP_TRANSFER_QUEUED,
    SNAP_TRANSFER_FAILED,
    SNAP_TRANSFER_DONE
};

/* Peer: a download, running or ended. */
struct snap_transfer {
    uint32_t rfc;
    uint32_t from; /* peer id, 0: not known */
    struct addr addr;
    enum snap_transfer_state state;
    uint64_t size_bytes, have_bytes, wire_bytes;
    int64_t start_us, end_us; /* monotonic; end only when done or failed */
    struct shared_text *why;  /* failed */
    const char *word;         /* the same in a word, constant; NULL: none */
    bool cancelled;           /* failed, but only because nobody wanted it any more */
};

/* SNAP_ANSWER: what came of a command of the user's. */
enum snap_level { SNAP_ERROR, SNAP_WARN, SNAP_ANSWER, SNAP_INFO, SNAP_DEBUG };

/* A line for the log pane. */
struct snap_line {
    int64_t at_s; /* wall clock */
    enum snap_level level;
    struct shared_text *text;
};

extern const struct rows_type snap_record_type, snap_request_type, snap_peer_type, snap_rfc_type,
    snap_transfer_type, snap_line_type;

/* ---- values ------------------------------------------------------------------------------------ */

#define SNAP_SAMPLES 120

/* The last samples, oldest first. */
struct snap_history {
    size_t count;
    int64_t sample[SNAP_SAMPLES];
};
void snap_history_push(struct snap_history *h, int64_t value);

struct snap_peer_status {
    uint32_t peer;
    struct addr addr, rs;
    bool registered;
    bool rs_silent; /* the RS did not answer when it was asked last */
    bool syncing;   /* whatever appears is downloaded */
    enum snap_reachable reachable;
    int64_t expires_us;                  /* of our own registration */
    size_t known, held;                  /* documents */
    size_t active, queued, done, failed; /* transfers; cancelled ones have not failed */
    int64_t run_start_us, run_end_us;    /* of the current get; end 0 while it runs */
    int64_t sum_us;                      /* of the individual times of its documents */
    uint64_t bytes, wire_bytes;          /* received by it */
    struct snap_history down, up;        /* bytes a second */
};

struct snap_rs_status {
    struct addr addr;
    int64_t start_us;
    size_t active, known;
    int64_t requests[SNAP_REQUEST_KINDS]; /* since the start */
    int64_t errors, refused;              /* since the start */
    int64_t connections;                  /* open now */
    uint64_t store_bytes;
    struct shared_text *store;                    /* "sqlite /var/lib/..." */
    struct snap_history rate[SNAP_REQUEST_KINDS]; /* a second */
    struct snap_history error_rate;
    struct snap_history registrations; /* a minute, 60 of them */
};

/* Demo: one of its peers. */
struct snap_demo_peer {
    bool downloads;            /* false: only serves in this run */
    size_t done;               /* documents */
    uint64_t down_bps, up_bps; /* now */
    int64_t end_us;            /* when it had all, since the run's start; 0: not yet */
};

struct snap_demo {
    bool running; /* documents are on their way */
    enum experiment_task task;
    size_t run, runs;
    size_t peers, registered;
    size_t files;          /* that each downloading peer gets */
    uint64_t up_limit_bps; /* of each peer; 0: none */
    int64_t start_us;      /* of the run, monotonic; 0: not yet */
    char doing[48];
    struct snap_demo_peer peer[EXPERIMENT_PEERS_MAX];
    int64_t took_us[EXPERIMENT_TASKS]; /* the slowest peer of a run that is over; 0: not run */
    struct shared_text *text;          /* the comparison, at the end */
};

/* ---- board and snapshot ------------------------------------------------------------------------ */

#define SNAP_LOG_MAX 2000
#define SNAP_REQUESTS_MAX 16384

/* What a snapshot shows; a board holds the writer's copy. The peer's, the RS's or the demo's part is used. */
struct snap_content {
    struct rows peers, rfcs, transfers; /* peer */
    struct rows records, requests;      /* RS */
    struct rows log;
    struct snap_peer_status peer;
    struct snap_rs_status rs;
    struct snap_demo demo; /* its transfers: a row a document, from: the peer that got it */
};

struct snapshot {
    _Atomic(uint32_t) refs;
    uint64_t version; /* equal: nothing changed in between */
    struct snap_content content;
};

/* The writer's side: every call under the writer's lock. */
struct snap_board {
    struct snap_content content;
    uint64_t status_version;
};

void snap_board_init(struct snap_board *b);
void snap_board_fini(struct snap_board *b);
/* A value outside the tables changed. */
void snap_board_touch(struct snap_board *b);
/* Appends a line (cleaned here) to the log; lack of memory loses the line. */
void snap_board_log(struct snap_board *b, enum snap_level level, int64_t at_s, struct slice text);
/* A snapshot with one reference, the caller's; NULL: no memory. Costs a pointer for 256 rows. */
struct snapshot *snap_board_snapshot(const struct snap_board *b);

/* Any thread; NULL is fine. */
void snapshot_unref(struct snapshot *s);

#endif
