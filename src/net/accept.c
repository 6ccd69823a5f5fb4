/* The listening socket. Opened by the thread that starts the server, then the listener's. */
#include "accept.h"

#include "server_impl.h"
#include "sockaddr.h"

#include "p2pdi/base/clock.h"
#include "p2pdi/base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

/* Bytes the system takes for a slow reader. It would take megabytes of each, and copy them. */
#define UNSENT_MAX (256 << 10)
#define BACKLOG 4096
#define PAUSE_MIN_US (10 * CLOCK_US_PER_MS)
#define PAUSE_MAX_US (100 * CLOCK_US_PER_MS)

static int open_spare(void)
{
    return open("/dev/null", O_RDONLY | O_CLOEXEC);
}

/* Returns the descriptor, or -1 with errno. */
static int bind_and_listen(const struct addr *a)
{
    struct sockaddr_storage sa;
    socklen_t len = sockaddr_from_addr(a, &sa);
    const int on = 1, off = 0;
    const int unsent = UNSENT_MAX;
    int fd = socket(sa.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (fd < 0)
        return -1;
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) != 0 ||
        (sa.ss_family == AF_INET6 &&
         setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off)) != 0) ||
        /* What is accepted inherits these. */
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) != 0 ||
        setsockopt(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &unsent, sizeof(unsent)) != 0 ||
        bind(fd, (struct sockaddr *)&sa, len) != 0 || listen(fd, BACKLOG) != 0) {
        int errnum = errno;

        close(fd);
        errno = errnum;
        return -1;
    }
    return fd;
}

static bool is_ipv6_missing(int errnum)
{
    return errnum == EAFNOSUPPORT || errnum == EADDRNOTAVAIL || errnum == EPROTONOSUPPORT;
}

enum di_err net_acceptor_open(struct net_acceptor *a, const struct addr *listen, struct addr *bound,
                              char why[NET_WHY_SIZE])
{
    struct sockaddr_storage sa;
    socklen_t len = sizeof(sa);
    enum di_err err;

    *a = (struct net_acceptor){.fd = bind_and_listen(listen), .spare_fd = -1};
    if (a->fd < 0 && addr_is_any(listen) && !addr_is_ipv4(listen) && is_ipv6_missing(errno)) {
        struct addr any4 = addr_ipv4(0, 0, 0, 0, listen->port);

        a->fd = bind_and_listen(&any4);
    }
    if (a->fd < 0 || getsockname(a->fd, (struct sockaddr *)&sa, &len) != 0)
        goto fail;
    if (!sockaddr_to_addr(&sa, bound)) {
        errno = EAFNOSUPPORT;
        goto fail;
    }
    a->spare_fd = open_spare();
    if (a->spare_fd < 0)
        goto fail;
    return DI_OK;

fail:
    err = di_err_from_errno(errno);
    char text[ADDR_TEXT_SIZE];

    addr_format(listen, text);
    snprintf(why, NET_WHY_SIZE, "cannot listen on %s: %s", text, strerror(errno));
    net_acceptor_close(a);
    return err == DI_OK ? DI_IO : err;
}

void net_acceptor_close(struct net_acceptor *a)
{
    if (a->fd >= 0)
        close(a->fd);
    if (a->spare_fd >= 0)
        close(a->spare_fd);
    a->fd = a->spare_fd = -1;
}

/* Is it this one connection that failed, before it was accepted? */
static bool is_passing(int errnum)
{
    switch (errnum) {
    case EINTR:
    case ECONNABORTED:
    case EPROTO:
    case EPERM:
    case ENETDOWN:
    case ENOPROTOOPT:
    case EHOSTDOWN:
    case ENONET:
    case EHOSTUNREACH:
    case EOPNOTSUPP:
    case ENETUNREACH:
        return true;
    default:
        return false;
    }
}

static int accept_one(struct net_acceptor *a, struct addr *remote)
{
    struct sockaddr_storage sa;

    for (int tries = 0; tries < 16; tries++) {
        socklen_t len = sizeof(sa);
        int fd = accept4(a->fd, (struct sockaddr *)&sa, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);

        if (fd >= 0 && sockaddr_to_addr(&sa, remote))
            return fd;
        if (fd >= 0)
            close(fd);
        else if (!is_passing(errno))
            return -1;
    }
    errno = EAGAIN;
    return -1;
}

enum net_accepted net_acceptor_take(struct net_acceptor *a, int *fd, struct addr *remote)
{
    *fd = accept_one(a, remote);
    if (*fd >= 0)
        return ACCEPTED;
    if (errno == EAGAIN)
        return ACCEPTED_NONE;
    if ((errno == EMFILE || errno == ENFILE) && a->spare_fd >= 0) {
        close(a->spare_fd);
        a->spare_fd = -1;
        *fd = accept_one(a, remote);
        if (*fd >= 0)
            return ACCEPTED_SPARE;
        a->spare_fd = open_spare();
    }
    return ACCEPTED_FAILED;
}

void net_acceptor_restore(struct net_acceptor *a)
{
    if (a->spare_fd < 0)
        a->spare_fd = open_spare();
}

void net_acceptor_pause(struct net_acceptor *a, int epoll_fd, int64_t now_us)
{
    struct epoll_event ev = {.data.u64 = EVENT_LISTEN};

    a->pause_us = a->pause_us == 0 ? PAUSE_MIN_US : 2 * a->pause_us;
    if (a->pause_us > PAUSE_MAX_US)
        a->pause_us = PAUSE_MAX_US;
    a->resume_us = now_us + a->pause_us;
    a->paused = epoll_ctl(epoll_fd, EPOLL_CTL_MOD, a->fd, &ev) == 0;
}

void net_acceptor_resume(struct net_acceptor *a, int epoll_fd)
{
    struct epoll_event ev = {.events = EPOLLIN, .data.u64 = EVENT_LISTEN};

    if (a->paused && epoll_ctl(epoll_fd, EPOLL_CTL_MOD, a->fd, &ev) == 0)
        a->paused = false;
}
