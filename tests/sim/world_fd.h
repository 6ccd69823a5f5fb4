/* Descriptors of the world, between world_fd.c (sockets, waiting) and world_files.c. */
#ifndef P2PDI_TESTS_SIM_WORLD_FD_H
#define P2PDI_TESTS_SIM_WORLD_FD_H

#include "world_impl.h"

#define FD_FIRST (1 << 20) /* none of the real ones */

enum fd_kind { FD_FREE, FD_FILE, FD_SOCK, FD_EPOLL, FD_EVENT, FD_NULL };

/* One descriptor in one epoll. */
struct watch {
    struct epoll *epoll;
    int fd;
    uint32_t events;
    uint64_t data;
    bool is_pending; /* edge-triggered: something happened since it was last told */
    struct watch *next;
};

struct epoll {
    struct watch *watches;
};

struct fd {
    enum fd_kind kind;
    struct proc *proc;
    struct inode *inode;
    struct sock *sock;
    struct epoll *epoll;
    uint64_t count;      /* FD_EVENT */
    struct watch *watch; /* FD_EVENT */
    uint64_t at;         /* FD_FILE */
    bool is_written;
};

/* A free descriptor of the current process. */
int fd_new(enum fd_kind kind);
/* NULL: there is none of that number. Valid until the next fd_new. */
struct fd *fd_of(int fd);
/* It is a bug of the program if it is of another kind. */
struct fd *fd_must(int fd, enum fd_kind kind);
void fd_free(int fd);

#endif
