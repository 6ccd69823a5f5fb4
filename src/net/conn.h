/*
 * One connection: its state word, input, output, and what it is waiting for.
 *
 * The word holds the generation, the news and the state; it is the only field touched by threads
 * that do not own the connection (and deadline_us, which the sweep reads):
 *
 *      63 ........ 32 | 31 ..... 2 | 1 0
 *        generation   |    news    | FREE, IDLE or BUSY
 *
 * Who moves it from IDLE to BUSY owns the connection. News for a BUSY one are noted in the word,
 * and its owner cannot release it before having looked at them: so no event is lost though epoll
 * tells each only once, and no system call is needed to hand a connection back.
 */
#ifndef P2PDI_NET_CONN_H
#define P2PDI_NET_CONN_H

#include "io.h"
#include "output.h"

#include "p2pdi/net/server.h"

#include <stdatomic.h>

#define NET_SCRATCH 16384 /* bytes that one recv() may bring */

enum net_news {
    NEWS_INPUT = 1U << 2,  /* something can be read */
    NEWS_ROOM = 1U << 3,   /* something can be sent */
    NEWS_END = 1U << 4,    /* the other side sends no more */
    NEWS_GONE = 1U << 5,   /* the connection is broken */
    NEWS_ANSWER = 1U << 6, /* net_conn.mail holds the answer to a parked request */
    NEWS_LOST = 1U << 7    /* there was an answer, but no memory to carry it here */
};

/* What a connection that nobody owns waits for; each has its deadline. */
enum net_phase { PHASE_IDLE, PHASE_HEAD, PHASE_SKIP, PHASE_SEND, PHASE_PARKED, PHASE_LINGER };

/* What happens once the output is out. */
enum net_ending {
    ENDING_NONE,
    ENDING_CLOSE, /* close, if nothing unread would turn that into a reset */
    ENDING_LINGER /* read on and throw away, so that the answer arrives before the reset */
};

/*
 * Bytes received and not yet used. Right after recv() they lie in the thread's scratch (cap == 0);
 * what is left when the thread lets go of the connection moves to the heap.
 */
struct net_input {
    char *data;
    uint32_t start;
    uint32_t len;
    uint32_t cap;
};

/* The answer to a parked request on its way. */
struct net_mail {
    struct net_mail *next;
    struct net_token token;
    struct buf answer;
    struct net_shared piece[NET_SHARED_MAX]; /* behind it */
    size_t count;
};
void net_mail_free(struct net_mail *m);

/* What each thread that may own connections keeps at hand. */
struct net_tools {
    struct net_output *spare; /* lent to the connection that is being served */
    bool is_listener;
    int64_t received, sent; /* not yet added to the counters */
    char scratch[NET_SCRATCH];
};

struct net_conn {
    _Atomic(uint64_t) word;
    _Atomic(int64_t) deadline_us;
    /* The owner's, from here on. */
    struct net_server *server;
    struct net_conn *next; /* in the queue, or among the free */
    struct net_io io;
    struct net_mail *mail;  /* written by the listener, only while NEWS_ANSWER is not set */
    struct net_output *out; /* NULL: nothing to send */
    struct net_input in;
    struct net_frame frame;
    uint64_t skip_left; /* bytes to be thrown away: of a body or, lingering, at most */
    uint64_t allowance; /* of the server's limit: bytes it may send, already taken from there */
    uint64_t sent;
    uint64_t mark; /* at the start of the phase: bytes taken by the other side, or to be skipped */
    int64_t since_us; /* start of the phase */
    struct addr remote;
    struct addr local; /* port 0: not asked for yet */
    uint8_t phase, ending;
    uint32_t watched;    /* epoll events asked for; 0: epoll does not know it */
    uint32_t blocked_on; /* EPOLLOUT or EPOLLIN: sending waits for it */
    bool sharing;        /* in the server's limit: until it has nothing to send */
    bool framed;         /* a whole message is at the front of in: frame says how long */
    bool readable;       /* recv() may have something, of which no news will come */
    bool half_closed;    /* the other side sends no more */
    bool gone;           /* broken: to be closed */
    bool parked;         /* waits for net_server_answer */
    bool lingering;      /* all is said; see ENDING_LINGER */
    bool refused;        /* what there is to send is a refusal, short: the listener may send it */
    bool advanced;       /* since the last release a message was completed: the phase starts anew */
};

/* ---- the word ---- */

enum net_claim { CLAIM_OWNED, CLAIM_NOTED, CLAIM_STALE };

/* Any thread. An IDLE connection of that generation becomes the caller's; a BUSY one is told. */
enum net_claim net_conn_claim(struct net_conn *c, uint32_t generation, unsigned news);
/* Listener. Like claim, with m as the news; CLAIM_STALE: m is still the caller's. */
enum net_claim net_conn_deliver(struct net_conn *c, struct net_mail *m);
/* Any thread. The answer to this parked connection was lost: it is to be closed. */
void net_conn_abandon(struct net_conn *c, uint32_t generation);
/* Owner. Takes the news in. */
void net_conn_hear(struct net_conn *c);
/* Owner. The connection is IDLE and not the caller's any more; false: there are news. */
bool net_conn_release(struct net_conn *c);
/* Any thread; changes under everybody's hands but the owner's. */
uint32_t net_conn_generation(const struct net_conn *c);

/* ---- life ---- */

/* Listener. A slot becomes an open connection, owned by the caller; takes fd. */
void net_conn_open(struct net_conn *c, struct net_server *s, int fd, const struct addr *remote);
/* Owner. Closes and gives the slot back. */
void net_conn_close(struct net_conn *c);
/* Owner, about to let go: asks epoll for events, sets the deadline. Short of memory: c->gone. */
void net_conn_settle(struct net_conn *c);
/* Owner. Bytes that the other side's system has acknowledged. */
uint64_t net_conn_taken(const struct net_conn *c);

/* ---- input ---- */

enum net_next { NEXT_MESSAGE, NEXT_MORE, NEXT_BAD };

/* Owner. What is at the front of the input? Bytes to be skipped are dropped. */
enum net_next net_conn_next(struct net_conn *c);
/* Owner. Reads once. */
enum net_io_status net_conn_read(struct net_conn *c, struct net_tools *t);
/* Owner. Reads once and throws away, with what was held; skip_left goes down. */
enum net_io_status net_conn_discard(struct net_conn *c, struct net_tools *t);
void net_input_consume(struct net_input *in, size_t n);
/* Moves what lies in the scratch to the heap, or frees an empty block. false: out of memory. */
bool net_input_keep(struct net_input *in);
void net_input_drop(struct net_input *in);

/* ---- turns ---- */

enum net_turn {
    TURN_RELEASED, /* not the caller's any more */
    TURN_QUEUE,    /* a worker is to go on: in its own turn */
    TURN_THROTTLE, /* it has something to send: when the server's limit allows */
    TURN_CLOSE     /* to be closed by the caller */
};

/*
 * Owner. Does what can be done without waiting: sends, serves, reads. The listener leaves serving
 * and sending (but for refusals) to the workers.
 */
enum net_turn net_conn_turn(struct net_conn *c, struct net_tools *t);
/* Owner. The answer that says why this connection ends is the next to be sent. */
void net_conn_refuse(struct net_conn *c, enum net_refusal why);

struct net_tools *net_tools_new(bool is_listener);
void net_tools_free(struct net_tools *t);
/* Adds what was counted to the server's counters. */
void net_tools_count(struct net_tools *t, struct stats_counters *stats);

#endif
