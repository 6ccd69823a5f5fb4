/* The inside of pipes.h: the world (pipes.c), links and transfers (pipes_links.c), news (pipes_news.c). */
#ifndef P2PDI_TESTS_SIM_PIPES_WORLD_H
#define P2PDI_TESTS_SIM_PIPES_WORLD_H

#include "p2pdi/base/random.h"
#include "p2pdi/sched/sched.h"
#include "p2pdi/sched/turns.h"

#include "agenda.h"
#include "pipes.h"

/* What the product does: threads, window, neighbours (src/peer/download.h, neighbours.h, seek.c, get.c). */
#define TASKS 8
#define WINDOW 16
#define LINKS 2
#define NEAR 8
#define ASKED_FIRST 48
#define ASKED_BESIDES 4
#define ROUND_US (2 * SECOND)
#define NEWS_EVERY_US (20 * MS)
/* What was measured in the lab: bytes of messages, times of the machine. */
#define HEAD_BYTES 330
#define REQUEST_BYTES 260
#define ROW_BYTES 110
#define LATENCY_US 150 /* one way, both links and the bridge */
#define CONNECT_US 400
#define START_US (50 * MS) /* the process, registering, the list, the first indexes' connections */
#define PUBLISH_US (20 * MS)
#define PUBLISH_DOC_US 100
#define TCP_START 14480 /* bytes in flight */
#define TCP_MAX 65536
#define TCP_QUEUED 5792 /* of a connection in the link's queue */

#define MS INT64_C(1000)
#define SECOND INT64_C(1000000)
#define NOBODY UINT32_MAX

enum outcome { SERVED, ELSEWHERE, LACKS };

/* A request that is under way. */
struct pipes_request {
    struct sched_request q;
    enum outcome outcome;
    bool has_come; /* the holder has read it */
    bool begun;
    uint64_t to_send, to_come; /* bytes of the answer */
};

/* A connection: the client's side and the holder's. */
struct task {
    bool is_open, is_up;
    uint32_t link, holder, generation;
    struct pipes_request ring[WINDOW];
    unsigned first, count;
    unsigned sending; /* of count: fully handed to the link */
    uint64_t in_flight, window;
    bool in_turn;                    /* in the holder's list of those with something to send */
    uint32_t next_client, next_task; /* behind it there */
};

/* A neighbour that a peer listens to. */
struct ear {
    uint32_t other;
    size_t seen; /* of its documents */
    int64_t asked_us;
    bool is_near; /* else it is asked now and then, and never waits */
    bool is_asked;
};

struct parked {
    uint32_t who, ear;
};

/* Small messages on their way out: behind what each connection has in the link's queue. */
struct note {
    int64_t due_us;
    uint32_t to, bytes;
    struct agenda_event then;
};

struct peer {
    struct sched *sched;
    double up_us, down_us; /* a byte */
    bool *holds;           /* verified */
    bool *known;           /* offered */
    uint32_t *own;         /* documents offered, in order */
    size_t own_count;
    size_t want, have;
    int64_t complete_us;
    struct task task[TASKS];
    int64_t retry_us;
    /* Its link out: connections with something to send, in turn. */
    uint32_t turn_client, turn_task, last_client, last_task;
    size_t turn_count;
    bool is_sending;
    struct note *notes;
    size_t notes_from, notes_count, notes_room;
    double down_free_us;
    /* Documents on their way to the disk. */
    size_t landing_count, batch;
    bool is_publishing;
    /* Whom it listens to, and who listens to it. */
    struct ear *ears;
    unsigned ear_count;
    struct parked *parked;
    size_t parked_count, parked_room;
    /* Serving. */
    struct turns *turns;
    unsigned clients;
    uint8_t *met; /* a bit for each peer */
};

enum event_kind {
    START,
    SENT,
    CAME,
    REQUESTED,
    CONNECTED,
    PUBLISHED,
    ASKED,
    TOLD,
    LISTEN,
    ROUND,
    RETRY
};

struct world {
    struct pipes_config cfg;
    struct pipes_result *result;
    struct pipes_doc *doc;
    struct prng prng;
    int64_t now_us;
    struct peer *peers;
    struct agenda agenda;
    unsigned incomplete;
    uint32_t piece_bytes;
};

void *pipes_must(void *p);
/* who has asked other for something, or linked to it. */
void pipes_meet_with(struct world *w, uint32_t who, uint32_t other);
void pipes_after(struct world *w, int64_t delay_us, enum event_kind kind, uint32_t who,
                 uint32_t other, uint32_t generation, uint32_t amount);
struct addr pipes_addr(uint32_t who);
struct sha256 pipes_edition(uint32_t rfc);

void pipes_work(struct world *w, uint32_t who);
void pipes_on_connected(struct world *w, uint32_t who, struct task *t);
void pipes_on_requested(struct world *w, uint32_t who, struct task *t, unsigned count);
void pipes_on_sent(struct world *w, uint32_t who);
void pipes_on_came(struct world *w, uint32_t who, struct task *t, uint32_t bytes);
/* A small message; the event happens when it has arrived. */
void pipes_note(struct world *w, uint32_t from, uint32_t to, uint32_t bytes,
                struct agenda_event then);

/* It has the list of the others. */
void pipes_begin(struct world *w, uint32_t who);
void pipes_on_asked(struct world *w, uint32_t holder, uint32_t who, uint32_t ear);
void pipes_on_told(struct world *w, uint32_t who, uint32_t ear, uint32_t rows);
void pipes_listen(struct world *w, uint32_t who, uint32_t ear);
/* Asks a few others once. */
void pipes_on_round(struct world *w, uint32_t who);
void pipes_landed(struct world *w, uint32_t who, uint32_t rfc);
void pipes_on_published(struct world *w, uint32_t who);

#endif
