/*
 * The limit of what a server sends. Who has a portion may send it; who gets none waits here for its
 * turn, first come, first served, and the listener hands out portions as time brings them. A
 * connection that waits is BUSY and belongs to this queue, as one that waits for a worker belongs
 * to the pool's: news are noted meanwhile, no deadline runs, no thread waits.
 */
#ifndef P2PDI_NET_THROTTLE_H
#define P2PDI_NET_THROTTLE_H

#include "pool.h"

#include "p2pdi/base/bucket.h"

struct net_throttle {
    uint64_t portion; /* constant; 0: no limit */
    struct lock lock;
    /* Below: under lock. */
    struct bucket bucket;
    struct net_jobs waiting;
    unsigned sharing; /* connections that are sending, or wait for a portion */
};

void net_throttle_init(struct net_throttle *t, uint64_t rate);
void net_throttle_fini(struct net_throttle *t);

/* Worker, owner of c. A portion for c at once; false: it has to wait for its turn. */
bool net_throttle_take(struct net_throttle *t, struct net_conn *c);
/* Owner. c has nothing to send now: what it has left goes back. */
void net_throttle_return(struct net_throttle *t, struct net_conn *c);
/* Any thread. So many bytes went without asking. */
void net_throttle_spend(struct net_throttle *t, uint64_t n);
/* Owner, who is it no longer. true: it is the first, which the listener does not know of. */
bool net_throttle_wait(struct net_throttle *t, struct net_conn *c);

/* Listener. Those whose turn has come, each with its portion, join jobs. */
void net_throttle_grant(struct net_throttle *t, int64_t now_us, struct net_jobs *jobs);
/* Listener. When it has to look again; INT64_MAX: nobody waits. */
int64_t net_throttle_when(struct net_throttle *t);
/* Listener, at the end. NULL: nobody waits. */
struct net_conn *net_throttle_drop(struct net_throttle *t);

#endif
