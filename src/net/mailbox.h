/* How other threads talk to the listener: answers to parked requests, wake-ups. */
#ifndef P2PDI_NET_MAILBOX_H
#define P2PDI_NET_MAILBOX_H

#include "conn.h"

#include "p2pdi/base/thread.h"

struct net_mailbox {
    int event_fd; /* readable while somebody wants a sleeping listener to wake up */
    struct lock lock;
    /* Below: under lock. */
    struct net_mail *first;
    struct net_mail **end;
    bool asleep; /* the listener is, or is about to: who has news must write to event_fd */
    bool tick;   /* net_server_wake() */
    bool closed; /* nothing is accepted any more */
};

/* What the listener finds in it. */
struct net_post {
    struct net_mail *mail;
    bool tick;
};

enum di_err net_mailbox_init(struct net_mailbox *b) DI_MUST_CHECK;
void net_mailbox_fini(struct net_mailbox *b);

/* Any thread. Takes m; false: closed, m is still the caller's. */
bool net_mailbox_post(struct net_mailbox *b, struct net_mail *m);
void net_mailbox_tick(struct net_mailbox *b);
/* The listener looks around. */
void net_mailbox_wake(struct net_mailbox *b);

/* Listener. */
struct net_post net_mailbox_take(struct net_mailbox *b);
/* Listener. May it sleep? false: there is something to take. */
bool net_mailbox_sleep(struct net_mailbox *b);
/* Listener, after epoll_wait(). signalled: event_fd was readable. */
void net_mailbox_woken(struct net_mailbox *b, bool signalled);
/* Listener. From now on nothing is taken. */
void net_mailbox_close(struct net_mailbox *b);

#endif
