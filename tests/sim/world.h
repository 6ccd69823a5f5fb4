/*
 * A whole swarm in one thread: the real RS and the real peers, as many as wanted, over a system
 * that is made up. Every call by which they reach threads, clocks, randomness, sockets and files is
 * replaced at link time (world_calls.c); what stands behind is virtual time, a scheduler that draws
 * who goes next, a network that delays, cuts and breaks, and disks that lose what was not synced.
 * One seed says all that happens.
 */
#ifndef P2PDI_TESTS_SIM_WORLD_H
#define P2PDI_TESTS_SIM_WORLD_H

#include <stdbool.h>
#include <stdint.h>

/*
 * X(enumerator, name, words of the invariant that it breaks): errors of the program that the world
 * can be told to have. In the order of the lines: a download is published whatever its digest; data
 * is not synced before the rename; the directory not after it; a registration is acknowledged before
 * it is on disk; a TTL is not clamped; a renewal revives who has left; cookies repeat; downloads are
 * not told of holders that left; a get is not told of what failed; a descriptor is not closed.
 */
#define WORLD_PLANT_MAP(X)                                                                         \
    X(UNVERIFIED, "unverified", "wrong hash")                                                      \
    X(UNSYNCED, "unsynced", "wrong hash")                                                          \
    X(DIRECTORY, "directory", "reported done and is not there")                                    \
    X(FORGETFUL, "forgetful", "forgotten")                                                         \
    X(TTL, "ttl", "its own parser refuses")                                                        \
    X(REVIVE, "revive", "came back")                                                               \
    X(COOKIE, "cookie", "handed out again")                                                        \
    X(STALE, "stale", "which left")                                                                \
    X(HANG, "hang", "does not come to its end")                                                    \
    X(LEAK, "leak", "left open")

enum world_plant {
    PLANT_NONE,
#define X(name, word, breaks) PLANT_##name,
    WORLD_PLANT_MAP(X)
#undef X
        PLANT_COUNT
};

struct world_config {
    uint64_t seed;
    enum world_plant plant;
    bool is_told; /* prints what happens */
};

struct world_result {
    char broken[400]; /* the first invariant that did not hold; "" */
    uint64_t steps;   /* times that a thread went on */
    uint64_t digest;  /* of all that happened, in its order */
    double virtual_s;
    unsigned crashes, cuts, resets, halves, jumps, repeats, stops; /* faults */
    unsigned registered, done, failed, lost_writes;
};

/* false: an invariant was broken. One at a time. */
bool world_run(const struct world_config *cfg, struct world_result *out);

#endif
