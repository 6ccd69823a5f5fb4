/*
 * What an experiment measured, as plain data: the lab fills it, the reports draw it. Also where it
 * stands while it runs. Pure.
 */
#ifndef P2PDI_STATS_EXPERIMENT_H
#define P2PDI_STATS_EXPERIMENT_H

#include "p2pdi/base/err.h"
#include "p2pdi/base/text.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define EXPERIMENT_PEERS_MAX 64

/* X(NAME, option value, file name, title): in the order in which they run. */
#define EXPERIMENT_TASK_MAP(X)                                                                     \
    X(CENTRALISED, "1", "task1-centralised", "Task 1, centralised")                                \
    X(BEST, "2", "task2-best", "Task 2, distributed, best case")                                   \
    X(WORST, "2worst", "task2-worst", "Task 2, distributed, worst case")                           \
    X(SWARM, "3", "task3-swarm", "Task 3, swarm")

enum experiment_task {
#define X(name, option, file, title) EXPERIMENT_##name,
    EXPERIMENT_TASK_MAP(X)
#undef X
        EXPERIMENT_TASKS
};

#define EXPERIMENT_BIT(task) (1u << (task))
#define EXPERIMENT_ALL ((1u << EXPERIMENT_TASKS) - 1)

/* "task1-centralised": names of files. */
const char *experiment_task_name(enum experiment_task task);
/* "Task 1, centralised". */
const char *experiment_task_title(enum experiment_task task);
/* A sentence: who holds what, and who asks whom. */
const char *experiment_task_line(enum experiment_task task);
/* The value of --task ("1", "2", "2worst", "3", "all", or several with commas) as EXPERIMENT_BITs. */
bool experiment_parse_tasks(struct slice s, unsigned *out);

/* One document that a peer downloaded. */
struct experiment_file {
    uint32_t rfc;
    uint32_t holder; /* the peer it came from: 0 is P0 */
    uint64_t bytes, wire_bytes;
    int64_t us;           /* its own time: from the request until it was there and verified */
    int64_t at_us;        /* when that was, since the run's start */
    int64_t published_us; /* when it was also safe on disk and offered to others */
};

struct experiment_peer {
    struct experiment_file *files; /* in order of arrival; owned */
    size_t count;
    int64_t elapsed_us; /* the run's start (one for all peers) to its last document; 0 if none */
};

struct experiment_run {
    enum experiment_task task;
    struct experiment_peer peer[EXPERIMENT_PEERS_MAX]; /* the first experiment.peers are used */
};

struct experiment {
    char machine[160];   /* "Linux 6.1 x86_64, 2 CPUs: Intel ..." */
    char version[64];    /* of p2pdi */
    char documents[256]; /* "60 RFCs from DIR", "60 generated documents" */
    int64_t started_s;   /* wall clock */
    uint64_t seed;
    uint64_t up_bps; /* what each peer might send a second; 0: any amount */
    size_t peers;
    size_t files;                                  /* that each downloading peer gets in a run */
    struct experiment_run *runs[EXPERIMENT_TASKS]; /* by task; NULL: not run; owned */
};

/* Frees what e owns and clears it. */
/* How many tasks were run. */
size_t experiment_runs(const struct experiment *e);
void experiment_drop_run(struct experiment *e, enum experiment_task task);
void experiment_fini(struct experiment *e);

/* Where a run stands. */
enum experiment_phase {
    EXPERIMENT_PREPARING, /* documents are laid out, processes start and find each other */
    EXPERIMENT_RUNNING,
    EXPERIMENT_CHECKING /* what arrived is compared with the source */
};

struct experiment_progress {
    enum experiment_task task;
    enum experiment_phase phase;
    size_t run, runs;   /* this is the run-th (from 1) of so many */
    size_t peers;       /* bars to draw */
    size_t registered;  /* of them, with the RS */
    size_t files;       /* that each downloading peer gets */
    int64_t elapsed_us; /* since the run's start */
    uint64_t up_bps;    /* what each peer may send a second; 0: any amount */
    struct {
        size_t done;    /* of files */
        uint64_t bytes; /* received */
        uint64_t sent;  /* of that, by all: what came from this one */
        bool downloads; /* false: only serves in this run */
    } peer[EXPERIMENT_PEERS_MAX];
};

#endif
