/* Names of the experiments' tasks, and the end of a result. Pure. */
#include "p2pdi/stats/experiment.h"

#include <stdlib.h>

static const struct {
    const char *option, *name, *title;
} tasks[] = {
#define X(upper, option, file, title) [EXPERIMENT_##upper] = {option, file, title},
    EXPERIMENT_TASK_MAP(X)
#undef X
};

const char *experiment_task_name(enum experiment_task task)
{
    return tasks[task].name;
}

const char *experiment_task_title(enum experiment_task task)
{
    return tasks[task].title;
}

static unsigned task_bits(struct slice word)
{
    if (slice_equal(word, SLICE("all")))
        return EXPERIMENT_ALL;
    for (unsigned i = 0; i < EXPERIMENT_TASKS; i++) {
        if (slice_equal(word, slice_of(tasks[i].option)))
            return EXPERIMENT_BIT(i);
    }
    return 0;
}

bool experiment_parse_tasks(struct slice s, unsigned *out)
{
    unsigned bits = 0;
    struct slice rest = s;

    while (rest.p != NULL) {
        unsigned bit = task_bits(slice_split(rest, ',', &rest));

        if (bit == 0)
            return false;
        bits |= bit;
    }
    *out = bits;
    return bits != 0;
}

void experiment_drop_run(struct experiment *e, enum experiment_task task)
{
    if (e->runs[task] == NULL)
        return;
    for (size_t i = 0; i < EXPERIMENT_PEERS_MAX; i++)
        free(e->runs[task]->peer[i].files);
    free(e->runs[task]);
    e->runs[task] = NULL;
}

size_t experiment_runs(const struct experiment *e)
{
    size_t n = 0;

    for (size_t t = 0; t < EXPERIMENT_TASKS; t++)
        n += e->runs[t] != NULL;
    return n;
}

void experiment_fini(struct experiment *e)
{
    for (enum experiment_task t = 0; t < EXPERIMENT_TASKS; t++)
        experiment_drop_run(e, t);
    *e = (struct experiment){0};
}

const char *experiment_task_line(enum experiment_task task)
{
    switch (task) {
    case EXPERIMENT_CENTRALISED:
        return "P0 holds everything; all others take it from P0 at the same time, file by file.";
    case EXPERIMENT_BEST:
        return "Each holds a share; at any time every peer serves exactly one other.";
    case EXPERIMENT_WORST:
        return "Each holds a share; all ask the same holder at the same time, one after another.";
    case EXPERIMENT_SWARM:
        return "P0 holds everything; peers also take from each other what they already have.";
    case EXPERIMENT_TASKS:
        break;
    }
    return "";
}
