/*
 * One run of an experiment: a fresh RS and fresh peers, one task, everything checked, all ended.
 */
#ifndef P2PDI_LAB_RUN_H
#define P2PDI_LAB_RUN_H

#include "documents.h"

#include "p2pdi/lab/lab.h"

/* Where all runs of an experiment take place. */
struct lab {
    struct lab_config cfg; /* with nothing left at "0: default" */
    struct documents docs;
    char dir[512];   /* temporary */
    uint64_t up_bps; /* each peer's --up; 0: no limit */
    size_t run, runs;
};

/* Fills *out, which is cleared; out->peer[].files may be set also after a failure. */
enum di_err run_task(const struct lab *lab, enum experiment_task task, struct experiment_run *out,
                     char why[512]) DI_MUST_CHECK;

#endif
