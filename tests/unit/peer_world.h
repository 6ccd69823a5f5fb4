/*
 * For the tests of peer: a registration server, peers in directories of their own, whose events are
 * kept, and holders that behave as badly as they are told. All in this process, on port 0.
 */
#ifndef TESTS_UNIT_PEER_WORLD_H
#define TESTS_UNIT_PEER_WORLD_H

#include "p2pdi/base/thread.h"
#include "p2pdi/net/server.h"
#include "p2pdi/peer/peer.h"
#include "p2pdi/rs/rs.h"

#include "store_help.h"

#define WORLD_WAIT_US INT64_C(30000000)
#define WORLD_TRIED 8

struct world {
    struct rs *rs;
    struct addr rs_addr;
    char rs_dir[256];
};

/* An event, with what its pointers pointed to. */
struct seen {
    struct peer_event ev;
    struct sched_tried tried[WORLD_TRIED];
    char what[160], why[160];
};

struct node {
    struct peer *peer;
    char dir[256], state_root[256];
    struct state_dir state;
    enum peer_compress compress; /* to be set before node_start, as the rates */
    uint64_t up_rate, down_rate;
    struct peer_view *view; /* gets the events, too, if there is one */

    struct lock lock;
    struct cond cond;
    /* guarded by lock */
    struct seen *seen;
    size_t count, cap;
    struct buf trace;
};

/* For tests that need but one. */
extern struct world world;
int world_setup(void **state);
int world_teardown(void **state);

void world_start(struct world *w);
void world_stop(struct world *w);

/* Makes the directories; node_write puts documents there; node_start starts the peer. */
void node_init(struct node *n, const char *name);
/* A generated document; seed tells editions apart. */
void node_write(struct node *n, uint32_t rfc, uint64_t seed, size_t size);
void node_start(struct node *n, const struct world *w);
/* Stops the peer; it may be started again. */
void node_stop(struct node *n);
void node_fini(struct node *n);
/* Are the bytes of rfcN.txt those of node_write with that seed and size? */
bool node_holds(struct node *n, uint32_t rfc, uint64_t seed, size_t size);
/* Registers it. */
void node_join(struct node *n);
/* get N [from]; the result. */
struct peer_result node_get(struct node *n, uint32_t rfc, const struct addr *from);
struct peer_result node_get_all(struct node *n);
/* How many events of that kind (and number, 0: any) there were; *last is the last one. */
size_t node_seen(struct node *n, enum peer_event_kind kind, uint32_t rfc, struct seen *last);
/* Waits until there were at least count of them. */
void node_wait(struct node *n, enum peer_event_kind kind, uint32_t rfc, size_t count);

/* A holder that is not ours: answers what it is told to, and counts. */
enum fake_manner {
    FAKE_HONEST,
    FAKE_LIES,         /* right head, wrong bytes */
    FAKE_DIES,         /* closes when it comes to the byte number `bytes` of the document */
    FAKE_STALLS,       /* sends nothing more from there on, keeps the connection */
    FAKE_BUSY,         /* 503 */
    FAKE_LACKS,        /* 404 */
    FAKE_WRONG_ROWS,   /* its index does not parse */
    FAKE_WRONG_STATUS, /* answers 200 without the fields */
    /* Compressed, if that is asked for: */
    FAKE_FRAME,      /* as it should be */
    FAKE_FRAME_DIES, /* closes at the byte number `bytes` of the frame */
    FAKE_FRAME_STALLS,
    FAKE_FRAME_CUT,   /* Content-Length and body end before the frame does */
    FAKE_FRAME_LONG,  /* a byte behind the frame */
    FAKE_FRAME_SHORT, /* decodes to less than was announced */
    FAKE_FRAME_BOMB,  /* decodes to more than was announced */
    FAKE_FRAME_DCZ    /* against a dictionary, though none was named */
};

struct fake {
    struct net_server *server;
    struct stats_counters stats;
    struct addr addr;
    enum fake_manner manner;
    _Atomic(size_t) bytes;
    uint32_t rfc;           /* it holds this one */
    _Atomic(uint32_t) more; /* and says the same of so many numbers behind it */
    char *document;
    size_t size;
    struct sha256 sha256;
    _Atomic(size_t) index_requests, document_requests;
    _Atomic(unsigned) index_port, document_port; /* where the first that asked came from */
    _Atomic(size_t) range_first;                 /* of the last document request, 0 if none */
    _Atomic(size_t) zstd_asked;                  /* document requests that would take it */
};

/* Listens and registers. It says it holds the document of node_write(rfc, seed, size). */
void fake_start(struct fake *f, const struct world *w, enum fake_manner manner, uint32_t rfc,
                uint64_t seed, size_t size);
void fake_stop(struct fake *f);

/* Sends bytes to a fresh connection and returns what comes back until it is closed (NUL behind). free() it. */
char *raw_exchange(const struct addr *to, const char *bytes, size_t *len);

#endif
