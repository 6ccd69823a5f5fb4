/* The progress bar of `p2pdi get`: one line, redrawn at most ten times a second. */
#ifndef P2PDI_CLI_PROGRESS_H
#define P2PDI_CLI_PROGRESS_H

#include "events.h"

#include "p2pdi/base/thread.h"
#include "p2pdi/peer/peer.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Is standard error a terminal that can redraw a line? */
bool progress_is_wanted(void);
/* Size of that terminal; 80 x 24 if it does not say. */
void progress_terminal_size(size_t *columns, size_t *rows);

struct progress {
    struct thread thread;
    struct lock lock; /* guards what follows */
    struct cond wake;
    bool stop;
    size_t finished; /* done or failed */
    uint64_t bytes;
    size_t total;          /* its thread only, as is: */
    uint64_t shown;        /* bytes */
    struct events *events; /* the rest is constant */
    struct peer *peer;
    int64_t start_us;
};

void progress_init(struct progress *p, struct events *e);
/* Starts the thread that draws. */
enum di_err progress_start(struct progress *p, struct peer *peer) DI_MUST_CHECK;
/* Takes the bar away. Before peer_stop. */
void progress_stop(struct progress *p);
void progress_fini(struct progress *p);
/* Any thread: counts. */
void progress_on_event(struct progress *p, const struct peer_event *ev);
/*
 * Bytes to show when so many have come of what still runs. Never fewer than before: what came of a document that
 * then failed came all the same. Its thread only.
 */
uint64_t progress_bytes(struct progress *p, uint64_t running);

/* The line, at most columns wide. Pure. */
#define PROGRESS_LINE_SIZE 256
void progress_format(char out[PROGRESS_LINE_SIZE], size_t columns, size_t finished, size_t total,
                     uint64_t bytes, int64_t elapsed_us);

#endif
