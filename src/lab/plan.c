/* The tasks of the experiment. Pure. */
#include "plan.h"

static bool is_distributed(enum experiment_task task)
{
    return task == EXPERIMENT_BEST || task == EXPERIMENT_WORST;
}

struct plan_share plan_share(enum experiment_task task, size_t peer, size_t peers,
                             size_t group_size)
{
    if (is_distributed(task))
        return (struct plan_share){peer * group_size, group_size};
    return (struct plan_share){0, peer == 0 ? peers * group_size : 0};
}

bool plan_downloads(enum experiment_task task, size_t peer)
{
    return is_distributed(task) || peer != 0;
}

size_t plan_rounds(enum experiment_task task, size_t peers)
{
    switch (task) {
    case EXPERIMENT_BEST:
        return peers - 1;
    case EXPERIMENT_WORST:
        return peers;
    case EXPERIMENT_CENTRALISED:
    case EXPERIMENT_SWARM:
    case EXPERIMENT_TASKS:
        break;
    }
    return 1;
}

bool plan_get(enum experiment_task task, size_t round, size_t peer, size_t peers,
              struct plan_get *out)
{
    switch (task) {
    case EXPERIMENT_CENTRALISED:
        *out = (struct plan_get){.from = 0, .only_group = PLAN_ALL_BUT_OWN};
        return peer != 0;
    case EXPERIMENT_BEST:
        /* In each round another permutation: every peer asks one and serves one. */
        out->from = (peer + round + 1) % peers;
        break;
    case EXPERIMENT_WORST:
        out->from = round;
        break;
    case EXPERIMENT_SWARM:
    case EXPERIMENT_TASKS:
        *out = (struct plan_get){.from = PLAN_ANYONE, .only_group = PLAN_ALL_BUT_OWN};
        return peer != 0;
    }
    out->only_group = out->from;
    return out->from != peer;
}
