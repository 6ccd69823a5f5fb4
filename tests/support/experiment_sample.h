/* A made-up experiment for the tests of reports. */
#ifndef TESTS_EXPERIMENT_SAMPLE_H
#define TESTS_EXPERIMENT_SAMPLE_H

#include "p2pdi/stats/experiment.h"

/* All four tasks with plausible random times; experiment_fini frees it. */
void experiment_sample(struct experiment *e, uint64_t seed, size_t peers, size_t each);

#endif
