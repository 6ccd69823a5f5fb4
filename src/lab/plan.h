/* Who holds what at the start, and who asks whom when: the tasks of the experiment. Pure. */
#ifndef P2PDI_LAB_PLAN_H
#define P2PDI_LAB_PLAN_H

#include "p2pdi/stats/experiment.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PLAN_ANYONE SIZE_MAX      /* all holders at once */
#define PLAN_ALL_BUT_OWN SIZE_MAX /* all groups but the peer's own */

/* Documents lie in groups of group_size, as many groups as peers. */
struct plan_share {
    size_t first, count; /* documents */
};
struct plan_get {
    size_t from;       /* peer, or PLAN_ANYONE */
    size_t only_group; /* or PLAN_ALL_BUT_OWN */
};

/* What the peer holds before the run. */
struct plan_share plan_share(enum experiment_task task, size_t peer, size_t peers,
                             size_t group_size);
/* False for a peer that only serves. */
bool plan_downloads(enum experiment_task task, size_t peer);
/* A round begins when the one before it is over for all. */
size_t plan_rounds(enum experiment_task task, size_t peers);
/* What the peer asks for in this round (from 0); false: nothing. */
bool plan_get(enum experiment_task task, size_t round, size_t peer, size_t peers,
              struct plan_get *out);

#endif
