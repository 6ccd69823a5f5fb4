/*
 * The simulated swarm's inside: the world and its events (swarm.c), transfers (swarm_links.c), the
 * RS and the queries between peers (swarm_queries.c).
 */
#ifndef P2PDI_TESTS_SIM_SWARM_WORLD_H
#define P2PDI_TESTS_SIM_SWARM_WORLD_H

#include "p2pdi/base/random.h"
#include "p2pdi/index/peer_index.h"
#include "p2pdi/index/rfc_index.h"
#include "p2pdi/sched/sched.h"

#include "agenda.h"
#include "swarm.h"

#define THREADS 4 /* of each peer */
#define WINDOW 6
#define LINKS_MAX 2 /* of a peer to one holder */
#define WALL_S INT64_C(1790000000)
#define MS INT64_C(1000)
#define SECOND INT64_C(1000000)
#define POLL_US SECOND
#define PATIENCE_US (5 * SECOND) /* all have registered by then */
#define RENEW_US (600 * SECOND)
#define END_US (1800 * SECOND)
#define LONG_END_US (10800 * SECOND)
#define NOBODY UINT32_MAX

enum role {
    HONEST,
    VANISHING, /* crashes, perhaps comes back */
    LEAVING,   /* the same, but says so to the RS */
    LIAR,      /* offers what is right, delivers something else */
    FORGER,    /* offers editions of its own, does not even deliver those, and spreads rumours */
    BUSY,      /* mostly has no time */
    FLAKY,     /* breaks off in the middle */
    EMPTY,     /* offers what it does not have */
    ROLES
};

/* A document on its way: whose bytes it is made of, which the scheduler must not know. */
struct part {
    uint64_t have;
    bool is_corrupt;
    bool is_of_several;
    uint32_t from;
};

struct task {
    bool is_open, is_up;
    uint32_t link, holder;
    uint32_t generation; /* of events: what was for an earlier link is void */
    struct sched_request queue[WINDOW];
    size_t queued;
};

/* What a peer thinks of another one. */
struct view {
    bool is_listed, is_gone, is_shunned, is_asked;
    char version[CHANGES_VERSION_SIZE];
};

struct peer {
    enum role role;
    bool is_alive, is_finished;
    struct addr addr;
    struct sha256 cookie;
    struct rfc_index *index;
    struct sched *sched;
    bool is_serial;
    int64_t polled_us; /* last; -1: never */
    struct task tasks[THREADS];
    struct view *views;
    struct part *parts;
    bool *is_wanted, *is_under_way;
    uint32_t *only; /* the one it may come from; NOBODY: anyone */
    int64_t retry_us;
    unsigned answers_due;
};

enum event_kind { POLL, ANSWER, CONNECTED, DELIVERED, RETRY, VANISH, COME_BACK };

struct world {
    const struct swarm_config *cfg;
    struct swarm_result *result;
    struct prng prng;
    int64_t now_us;
    int64_t wall_jump_s; /* how wrong the wall clock is just now */
    struct peer_index *rs;
    struct peer *peers;
    bool has_anchor; /* peer 0 is honest, stays, and holds everything */
    struct agenda agenda;
};

#define CHECK(w, condition, ...)                                                                   \
    do {                                                                                           \
        if (!(condition))                                                                          \
            swarm_broken((w), __VA_ARGS__);                                                        \
    } while (0)

/* ---- swarm.c --------------------------------------------------------------------------------- */

void swarm_broken(struct world *w, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void *swarm_must(void *p);
void swarm_must_do(enum di_err err);
bool swarm_chance(struct world *w, unsigned percent);
int64_t swarm_between(struct world *w, int64_t low, int64_t high);
/* Into the digest. */
void swarm_note(struct world *w, uint64_t what);
void swarm_after(struct world *w, int64_t delay_us, enum event_kind kind, uint32_t who,
                 uint32_t other, uint32_t generation);
uint64_t swarm_size_of(uint32_t rfc);
/* by: NOBODY for the true edition, else the peer that made it up. */
struct sha256 swarm_edition_of(uint32_t rfc, uint32_t by);
void swarm_hold(struct world *w, uint32_t who, uint32_t rfc, const struct sha256 *edition);
uint32_t swarm_peer_at(const struct addr *addr);
/* As in the library: parts of several editions lie side by side. */
struct part *swarm_part_of(const struct world *w, const struct peer *p, uint32_t rfc,
                           const struct sha256 *edition);

/* ---- swarm_links.c --------------------------------------------------------------------------- */

void swarm_open_links(struct world *w, uint32_t who);
void swarm_close_task(struct world *w, uint32_t who, struct task *t, enum sched_why why);
void swarm_on_connected(struct world *w, uint32_t who, struct task *t);
void swarm_on_delivered(struct world *w, uint32_t who, struct task *t);

/* ---- swarm_queries.c ------------------------------------------------------------------------- */

int64_t swarm_wall_s(const struct world *w);
void swarm_on_poll(struct world *w, uint32_t who);
void swarm_on_answer(struct world *w, uint32_t who, uint32_t other);

#endif
