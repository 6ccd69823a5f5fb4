/* The listening socket: opening it, accepting from it, and pausing when descriptors run out. */
#ifndef P2PDI_NET_ACCEPT_H
#define P2PDI_NET_ACCEPT_H

#include "p2pdi/base/addr.h"
#include "p2pdi/base/err.h"

#include <stdbool.h>
#include <stdint.h>

#define NET_WHY_SIZE 160

struct net_acceptor {
    int fd;
    int spare_fd; /* given up for a moment to turn away a client for which there is no descriptor */
    bool paused;
    int64_t resume_us;
    int64_t pause_us; /* how long the last pause was; 0: none since all went well */
};

enum net_accepted {
    ACCEPTED,
    ACCEPTED_NONE,
    ACCEPTED_SPARE, /* on the spare descriptor: to be turned away; restore in the end */
    ACCEPTED_FAILED /* no descriptor, no memory: pause */
};

/* Binds and listens; *bound is where. why as in net_server_start. */
enum di_err net_acceptor_open(struct net_acceptor *a, const struct addr *listen, struct addr *bound,
                              char why[NET_WHY_SIZE]) DI_MUST_CHECK;
void net_acceptor_close(struct net_acceptor *a);

enum net_accepted net_acceptor_take(struct net_acceptor *a, int *fd, struct addr *remote);
void net_acceptor_restore(struct net_acceptor *a);

/* Accepting starts again by itself after 10 ms, doubling up to 100 ms while it does not help. */
void net_acceptor_pause(struct net_acceptor *a, int epoll_fd, int64_t now_us);
void net_acceptor_resume(struct net_acceptor *a, int epoll_fd);

#endif
