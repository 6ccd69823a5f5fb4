/* The bounded job queue and the workers that take from it. A job is a connection that is BUSY. */
#ifndef P2PDI_NET_POOL_H
#define P2PDI_NET_POOL_H

#include "conn.h"

#include "p2pdi/base/thread.h"

struct net_worker {
    struct net_pool *pool;
    struct net_tools *tools;
    struct thread thread;
};

/* A chain of jobs, linked by net_conn.next. */
struct net_jobs {
    struct net_conn *first;
    struct net_conn **end;
};
void net_jobs_init(struct net_jobs *j);
void net_jobs_add(struct net_jobs *j, struct net_conn *c);
/* NULL: empty. */
struct net_conn *net_jobs_take(struct net_jobs *j);

struct net_pool {
    struct net_worker *workers;
    unsigned count;
    unsigned at_once; /* workers that the processors can run together */
    unsigned queue_max;
    struct lock lock;
    /* Below: under lock. */
    struct cond wake;
    struct cond drained;
    struct net_jobs jobs;
    unsigned waiting;    /* jobs */
    unsigned idle;       /* workers waiting for one */
    bool waking;         /* one of them has been signalled and is not up yet */
    bool listener_waits; /* for drained */
    bool stop;
};

/* Each worker gives its jobs a turn (net_conn_turn). name: of the threads. */
enum di_err net_pool_start(struct net_pool *p, unsigned workers, unsigned queue_max,
                           const char *name) DI_MUST_CHECK;
/* The workers end after the job they are at; joins them. Jobs left over stay in p->jobs. */
void net_pool_stop(struct net_pool *p);
void net_pool_free(struct net_pool *p);

/* Any thread. Takes jobs from j; those that are new work and found the queue full stay in it. */
void net_pool_push(struct net_pool *p, struct net_jobs *j);
/*
 * Listener, before it looks for more. While jobs wait for a worker, reading further ones only makes
 * the two take turns on the processor: it waits until a worker has nothing left, a millisecond at
 * most. A wake-up that glibc lost (bug 25847) is made up for here.
 */
void net_pool_wait_drained(struct net_pool *p);

#endif
