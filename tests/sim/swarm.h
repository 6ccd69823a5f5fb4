/*
 * A swarm in virtual time, in one thread, from one seed: N peers with the real rfc_index and sched,
 * an RS with the real peer_index, and between them made-up links with delays, holders that vanish
 * and come back, liars, forgers, busy and broken ones. After every step the invariants are checked.
 */
#ifndef P2PDI_TESTS_SIM_SWARM_H
#define P2PDI_TESTS_SIM_SWARM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct swarm_config {
    uint64_t seed;
    unsigned peers, docs;
    bool is_long; /* goes on for three hours, so that what is not renewed ages away */
};

struct swarm_result {
    char broken[256]; /* the first invariant that did not hold; "" */
    uint64_t steps;
    uint64_t digest; /* of all that happened */
    unsigned done, exhausted, mismatches, failovers;
    double virtual_s;
};

/* false: an invariant was broken. */
bool swarm_run(const struct swarm_config *cfg, struct swarm_result *out);

#endif
