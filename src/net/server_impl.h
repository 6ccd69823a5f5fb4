/* A server's insides, as its files share them. */
#ifndef P2PDI_NET_SERVER_IMPL_H
#define P2PDI_NET_SERVER_IMPL_H

#include "accept.h"
#include "conn.h"
#include "mailbox.h"
#include "pool.h"
#include "throttle.h"

#include "p2pdi/base/thread.h"

struct net_server {
    struct net_server_config cfg; /* with the defaults filled in */
    struct net_service service;
    void *ctx;
    struct stats_counters *stats;
    struct addr addr;
    const struct net_io_ops *io_ops; /* of every connection */
    int epoll_fd;
    struct net_mailbox box;
    struct net_pool pool;
    struct net_throttle throttle;
    struct net_acceptor acceptor;
    struct thread listener;
    struct net_tools *tools; /* the listener's */
    _Atomic(bool) stopping;
    int64_t stop_us; /* once stopping: when the grace is over */
    _Atomic(unsigned) open;

    /* Slots: handed out by the listener alone, given back by whoever closes. */
    struct net_conn *conns;
    uint32_t used;                    /* listener: slots below were used at least once */
    struct net_conn *free;            /* listener */
    _Atomic(struct net_conn *) freed; /* pushed by anybody, taken as a whole by the listener */
};

/* Listener. NULL: all are in use. */
struct net_conn *net_slot_take(struct net_server *s);

/* epoll_data: slot and generation of a connection, or one of these with generation 0. */
#define EVENT_LISTEN UINT32_MAX
#define EVENT_MAILBOX (UINT32_MAX - 1)

static inline uint64_t net_event_pack(uint32_t slot, uint32_t generation)
{
    return (uint64_t)generation << 32 | slot;
}
static inline uint32_t net_conn_slot(const struct net_conn *c, const struct net_conn *first)
{
    return (uint32_t)(c - first);
}

/* Called by the owner, which gives c up: it waits for its portion of the limit. */
void net_server_throttle(struct net_server *s, struct net_conn *c);
/* The listener thread. */
void net_listener_run(void *arg);

#endif
