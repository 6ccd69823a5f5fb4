/*
 * The server side of a port: one listener thread (epoll) and a fixed pool of workers.
 *
 * The listener accepts, reads what is there into the connection's bounded buffer and asks the
 * service where the message ends. Only a whole message makes the connection a job in a bounded
 * queue. A worker serves it and sends without ever blocking; when the socket is full the connection
 * goes back to the listener, which waits for room and queues it again. An idle, slow or hostile
 * connection costs memory, never a worker.
 *
 * Ownership: a connection's state word is IDLE or BUSY (and says what happened meanwhile). Who
 * moves it from IDLE to BUSY owns it and alone may touch or close it.
 *
 * Full: with the queue full a message is answered by refuse(NET_REFUSE_BUSY); with all connections
 * in use further ones are accepted, given that answer and closed. With no descriptor left accepting
 * pauses for 10 to 100 ms. SIGPIPE must be ignored by the program.
 *
 * A limit (send_rate_max) counts what is handed to the system, heads included. Connections that have
 * more to send get portions of 10 ms of it in turn; a short answer comes after one portion of each
 * that was waiting before. What was not used is kept for 20 ms at most.
 *
 * Counted here: connections_*, jobs_rejected, accept_paused, requests (calls of serve()), bytes_*.
 */
#ifndef P2PDI_NET_SERVER_H
#define P2PDI_NET_SERVER_H

#include "p2pdi/base/addr.h"
#include "p2pdi/base/buf.h"
#include "p2pdi/stats/counters.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct net_server;
struct net_conn;

/* Bytes that are borrowed until release(arg), which is called by any thread, exactly once. */
struct net_shared {
    const void *bytes;
    size_t len;
    void (*release)(void *arg);
    void *arg;
};
#define NET_SHARED_MAX 2 /* behind one answer */

/* Names a parked connection; stale once it closed. */
struct net_token {
    uint32_t slot;
    uint32_t generation;
};

enum net_verdict { NET_MORE, NET_WHOLE, NET_BAD };
/* Filled by the service's frame callback; zeroed by the server before each message. */
struct net_frame {
    size_t scanned;     /* the service's own progress mark */
    size_t message_len; /* NET_WHOLE: bytes to hand to serve() */
    uint64_t skip_len;  /* NET_WHOLE: bytes after it that are read and thrown away */
};

enum net_refusal {
    NET_REFUSE_BAD,     /* frame() said NET_BAD */
    NET_REFUSE_TIMEOUT, /* the head did not come whole in time: 408 */
    NET_REFUSE_BUSY     /* queue full or too many connections: 503 */
};

/* What a program puts behind a port. All callbacks must be quick and never block. */
struct net_service {
    /* Listener or worker. Pure: where does the message that starts at data end? */
    enum net_verdict (*frame)(void *ctx, struct net_frame *f, const char *data, size_t len);
    /* Worker. Answers by net_conn_send*, or net_conn_park; may call net_conn_close_after. */
    void (*serve)(void *ctx, struct net_conn *c, const char *message, size_t len);
    /* Listener or worker. Appends the answer to give before closing; data is what came so far. */
    void (*refuse)(void *ctx, enum net_refusal why, const char *data, size_t len, struct buf *out);
    /* Listener. A parked connection is gone; its token is dead. May be NULL. */
    void (*dropped)(void *ctx, struct net_token token);
    /* Listener, once a second while connections are open and after net_server_wake. May be NULL. */
    void (*tick)(void *ctx, int64_t now_us);
};

struct net_server_config {
    struct addr listen;       /* port 0: any; :: listens on IPv4 as well */
    unsigned workers;         /* at least 1 */
    unsigned connections_max; /* 0: from the descriptor limit, never more than that */
    unsigned queue_max;       /* jobs waiting for a worker; 0: connections_max */
    size_t message_max;       /* largest head that frame() may wait for */
    int64_t idle_us;          /* between messages; 0: default 60 s */
    int64_t head_us;          /* first to last byte of a head; 0: default 10 s */
    int64_t send_us;          /* a reader's pace is judged every so often; 0: default 10 s */
    uint64_t send_rate_min;   /* bytes/s it must take on average then; 0: default 1,000 */
    uint64_t send_rate_max;   /* bytes/s to all connections together; 0: no limit */
    const char *name;         /* of the threads, at most 8 characters */
    struct addr *addr; /* what net_server_addr will tell, set before a thread starts; or NULL */
};

/*
 * Binds and starts the threads; *out is set before the first callback runs. service and cfg are
 * copied. On failure why gets a sentence: DI_IN_USE, DI_ACCESS, DI_UNREACHABLE (no such address
 * here), DI_LIMIT, DI_NOMEM.
 */
enum di_err net_server_start(const struct net_server_config *cfg, const struct net_service *service,
                             void *ctx, struct stats_counters *stats, struct net_server **out,
                             char why[160]) DI_MUST_CHECK;
/* Where it listens (the port that was given for 0). */
const struct addr *net_server_addr(const struct net_server *s);
/*
 * Stops accepting, lets jobs end and answers flush for at most grace_us (parked and idle
 * connections are not waited for), closes all, joins the threads. From then on no callback runs and
 * net_server_answer only frees its buffer, so that whoever still has answers coming (a store that
 * commits) can be closed before net_server_free. Not from a callback.
 */
void net_server_stop(struct net_server *s, int64_t grace_us);
/* Frees a server that was stopped; NULL is fine. */
void net_server_free(struct net_server *s);

/* ---- called by serve() on the connection it was given ---------------------------------------- */

const struct addr *net_conn_remote(const struct net_conn *c);
const struct addr *net_conn_local(struct net_conn *c);
/*
 * What the link to the other side takes, in bytes a second, as the system measures it by
 * acknowledgements: the lower of the last sample and the time since the connection began in which
 * there was something to send; 0: not known yet.
 */
uint64_t net_conn_rate(const struct net_conn *c);
/* Copies. Lack of memory closes the connection. */
void net_conn_send(struct net_conn *c, const void *bytes, size_t len);
/* Takes the buffer's memory (leaves it empty). */
void net_conn_send_buf(struct net_conn *c, struct buf *b);
/* Borrows bytes until release(arg) is called, by any thread, exactly once. */
void net_conn_send_shared(struct net_conn *c, const void *bytes, size_t len,
                          void (*release)(void *arg), void *arg);
/*
 * Borrows fd until release(arg), as above: len bytes from offset go out by sendfile. If the file
 * got shorter the connection closes.
 */
void net_conn_send_file(struct net_conn *c, int fd, uint64_t offset, uint64_t len,
                        void (*release)(void *arg), void *arg);
/* The connection closes once everything is out, the answer to a parked request included. */
void net_conn_close_after(struct net_conn *c);
/* No answer now: later messages on this connection wait until net_server_answer. */
struct net_token net_conn_park(struct net_conn *c);

/* ---- any thread ------------------------------------------------------------------------------ */

/*
 * Answers a parked connection, then serves what was pipelined behind. Takes the buffer's memory. A
 * dead token is ignored (the memory is freed). May be called before serve() that parked it has
 * returned. A client that sends no more (shutdown, or gone without a reset) counts as gone after
 * two seconds of being parked.
 */
void net_server_answer(struct net_server *s, struct net_token token, struct buf *answer);
/* The same, with count shared pieces behind it: at most NET_SHARED_MAX. They are the server's from then on. */
void net_server_answer_shared(struct net_server *s, struct net_token token, struct buf *head,
                              const struct net_shared *pieces, size_t count);
/* Makes the next tick() come at once; many calls may end in one tick. */
void net_server_wake(struct net_server *s);

#endif
