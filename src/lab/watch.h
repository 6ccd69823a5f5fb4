/* The children of a run, what they have told so far, and the loop that listens to them. */
#ifndef P2PDI_LAB_WATCH_H
#define P2PDI_LAB_WATCH_H

#include "child.h"
#include "run.h"

#include "p2pdi/base/addr.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RS EXPERIMENT_PEERS_MAX /* the server's place behind the peers */
#define CHILDREN (EXPERIMENT_PEERS_MAX + 1)

/* What a child has told us. */
struct told {
    struct child child;
    char library[640];
    struct addr addr;
    bool listening, registered;
    uint64_t peers, rfcs;
    size_t completes; /* get commands done */
    size_t expected;  /* get commands sent */
    int64_t last_complete_t_us;
    int64_t *start_t_us;     /* of each document the last request's; 0: none seen */
    int64_t clock_offset_us; /* our clock - its clock: the least seen, so the promptest line's */
    bool has_offset;
    bool may_end; /* it was told to */
    char complaint[300];
};

struct run {
    const struct lab *lab;
    enum experiment_task task;
    struct experiment_run *out;
    char *why;
    char dir[600];
    char rs[ADDR_TEXT_SIZE];
    int64_t deadline_us;
    int64_t start_us; /* of the first get commands */
    struct told told[CHILDREN];
    struct experiment_progress progress;
    bool changed;
    int64_t shown_us;
};

size_t run_peers(const struct run *r);
/* "P3", "the RS" */
const char *run_name(size_t i, char out[16]);
void run_enter_phase(struct run *r, enum experiment_phase phase);

/*
 * Listens to all children until done(r) holds; r->why says what went wrong: DI_TIMEOUT after
 * limit_s ("what took too long"), DI_CANCELLED, and what a child's lines or end amount to.
 */
enum di_err run_wait(struct run *r, bool (*done)(const struct run *r), int64_t limit_s,
                     const char *what) DI_MUST_CHECK;

#endif
