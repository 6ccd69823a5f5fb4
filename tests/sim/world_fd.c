/*
 * Descriptors, epoll, poll and eventfd over sockets and files of the world, in place of the
 * system's. In the world's one thread; the current task's process is whose they are.
 */
#include "world_fd.h"

#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <linux/sockios.h>
#include <linux/tcp.h>

static struct fd *fds;
static size_t fd_count;

int fd_new(enum fd_kind kind)
{
    size_t i = 0;

    while (i < fd_count && fds[i].kind != FD_FREE)
        i++;
    if (i == fd_count) {
        fd_count = 2 * fd_count + 64;
        fds = must(realloc(fds, fd_count * sizeof(*fds)));
        memset(fds + i, 0, (fd_count - i) * sizeof(*fds));
    }
    fds[i] = (struct fd){.kind = kind, .proc = task_proc()};
    fds[i].proc->fds++;
    return FD_FIRST + (int)i;
}

struct fd *fd_of(int fd)
{
    size_t i = (size_t)(fd - FD_FIRST);

    if (fd < FD_FIRST || i >= fd_count || fds[i].kind == FD_FREE)
        return NULL;
    CHECK(fds[i].proc == task_proc(), "a descriptor of another process is used");
    return &fds[i];
}

struct fd *fd_must(int fd, enum fd_kind kind)
{
    struct fd *f = fd_of(fd);

    CHECK(f != NULL && f->kind == kind, "a call for descriptor %d, which is not of that kind", fd);
    if (f == NULL || f->kind != kind)
        abort();
    return f;
}

void fds_free(void)
{
    for (size_t i = 0; i < fd_count; i++) {
        if (fds[i].kind == FD_FILE)
            inode_unref(fds[i].inode);
        if (fds[i].kind == FD_EPOLL) {
            while (fds[i].epoll->watches != NULL) {
                struct watch *next = fds[i].epoll->watches->next;

                free(fds[i].epoll->watches);
                fds[i].epoll->watches = next;
            }
            free(fds[i].epoll);
        }
    }
    free(fds);
    fds = NULL;
    fd_count = 0;
}

/* ---- readiness ------------------------------------------------------------------------------- */

void fd_edge(void *watch)
{
    struct watch *a = watch;

    a->is_pending = true;
    task_wake(a->epoll);
}

static unsigned level_of(const struct fd *f)
{
    switch (f->kind) {
    case FD_SOCK:
        return sock_level(f->sock);
    case FD_EVENT:
        return f->count > 0 ? EPOLLIN | EPOLLOUT : EPOLLOUT;
    default:
        return EPOLLIN | EPOLLOUT;
    }
}

static void unwatch(struct watch *a)
{
    struct watch **at = &a->epoll->watches;

    while (*at != a)
        at = &(*at)->next;
    *at = a->next;
    free(a);
}

static void **mark_of(struct fd *f)
{
    return f->kind == FD_SOCK ? sock_watch(f->sock) : (void **)&f->watch;
}

/* The declarations that the linker puts in place of the system's. */
int __wrap_epoll_create1(int flags);
int __wrap_epoll_ctl(int epoll_fd, int op, int fd, struct epoll_event *ev);
int __wrap_epoll_wait(int epoll_fd, struct epoll_event *events, int max, int timeout_ms);
int __wrap_poll(struct pollfd *p, nfds_t n, int timeout_ms);
int __wrap_ppoll(struct pollfd *p, nfds_t n, const struct timespec *timeout, const sigset_t *mask);
int __wrap_eventfd(unsigned count, int flags);
int __wrap_eventfd_read(int fd, eventfd_t *count);
int __wrap_eventfd_write(int fd, eventfd_t count);
int __wrap_socket(int family, int type, int protocol);
int __wrap_setsockopt(int fd, int level, int name, const void *value, socklen_t len);
int __wrap_getsockopt(int fd, int level, int name, void *value, socklen_t *len);
int __wrap_bind(int fd, const struct sockaddr *sa, socklen_t len);
int __wrap_listen(int fd, int backlog);
int __wrap_connect(int fd, const struct sockaddr *sa, socklen_t len);
int __wrap_accept4(int fd, struct sockaddr *sa, socklen_t *len, int flags);
int __wrap_getsockname(int fd, struct sockaddr *sa, socklen_t *len);
int __wrap_shutdown(int fd, int how);
int __wrap_ioctl(int fd, unsigned long what, ...);
ssize_t __wrap_recv(int fd, void *bytes, size_t len, int flags);
ssize_t __wrap_send(int fd, const void *bytes, size_t len, int flags);
ssize_t __wrap_sendmsg(int fd, const struct msghdr *m, int flags);
ssize_t __wrap_sendfile(int out, int in, off_t *at, size_t len);

int __wrap_epoll_create1(int flags)
{
    int fd = fd_new(FD_EPOLL);

    (void)flags;
    fd_must(fd, FD_EPOLL)->epoll = must(calloc(1, sizeof(struct epoll)));
    return fd;
}

int __wrap_epoll_ctl(int epoll_fd, int op, int fd, struct epoll_event *ev)
{
    struct epoll *e = fd_must(epoll_fd, FD_EPOLL)->epoll;
    struct fd *f = fd_of(fd);
    void **mark = mark_of(f);
    struct watch *a = *mark;

    CHECK((a == NULL) == (op == EPOLL_CTL_ADD), "epoll_ctl for what is %s there",
          a == NULL ? "not" : "already");
    if (a == NULL) {
        a = must(calloc(1, sizeof(*a)));
        a->epoll = e;
        a->fd = fd;
        a->next = e->watches;
        e->watches = a;
        *mark = a;
    }
    a->events = ev->events | EPOLLERR | EPOLLHUP;
    a->data = ev->data.u64;
    a->is_pending = (level_of(f) & a->events) != 0;
    if (a->is_pending)
        task_wake(e);
    return 0;
}

static int collect(struct epoll *e, struct epoll_event *events, int max)
{
    int n = 0;

    for (struct watch *a = e->watches; a != NULL && n < max; a = a->next) {
        uint32_t now = level_of(&fds[a->fd - FD_FIRST]) & a->events;

        if (now == 0 || ((a->events & EPOLLET) != 0 && !a->is_pending))
            continue;
        a->is_pending = false;
        events[n++] = (struct epoll_event){.events = now, .data.u64 = a->data};
    }
    /* Those that came together are told in any order. */
    for (int i = n - 1; i > 0; i--) {
        int k = (int)prng_below(&w.prng, (uint64_t)i + 1);
        struct epoll_event t = events[i];

        events[i] = events[k];
        events[k] = t;
    }
    return n;
}

int __wrap_epoll_wait(int epoll_fd, struct epoll_event *events, int max, int timeout_ms)
{
    struct epoll *e = fd_must(epoll_fd, FD_EPOLL)->epoll;
    int64_t due_us = timeout_ms < 0 ? NEVER : w.now_us + timeout_ms * MS;

    if (chance(100))
        task_yield();
    for (;;) {
        int n = collect(e, events, max);

        if (n > 0 || timeout_ms == 0)
            return n;
        if (!task_wait(e, NULL, due_us))
            return collect(e, events, max);
    }
}

static const void *key_of(struct fd *f)
{
    return f == NULL ? NULL : f->kind == FD_SOCK ? (const void *)f->sock : (const void *)f;
}

static int look(struct pollfd *p, nfds_t n)
{
    int found = 0;

    for (nfds_t i = 0; i < n; i++) {
        unsigned level = p[i].fd < 0 ? 0 : level_of(fd_of(p[i].fd));

        /* EPOLLIN is POLLIN, and so on. */
        p[i].revents = (short)(level & ((unsigned)p[i].events | POLLERR | POLLHUP));
        found += p[i].revents != 0;
    }
    return found;
}

static int poll_until(struct pollfd *p, nfds_t n, int64_t due_us)
{
    const void *keys[2] = {NULL, NULL};

    CHECK(n <= 2, "poll for %ju descriptors", (uintmax_t)n);
    /* By number and not by pointer: the table may move. */
    for (nfds_t i = 0; i < n && i < 2; i++)
        if (p[i].fd >= 0)
            keys[i] = fd_of(p[i].fd)->kind == FD_SOCK ? key_of(fd_of(p[i].fd))
                                                      : (const void *)(uintptr_t)p[i].fd;
    for (;;) {
        int found = look(p, n);

        if (found > 0 || due_us <= w.now_us)
            return found;
        if (!task_wait(keys[0], keys[1], due_us))
            return look(p, n);
    }
}

int __wrap_poll(struct pollfd *p, nfds_t n, int timeout_ms)
{
    return poll_until(p, n, timeout_ms < 0 ? NEVER : w.now_us + timeout_ms * MS);
}

int __wrap_ppoll(struct pollfd *p, nfds_t n, const struct timespec *timeout, const sigset_t *mask)
{
    (void)mask;
    return poll_until(p, n,
                      timeout == NULL
                          ? NEVER
                          : w.now_us + timeout->tv_sec * SECOND + (timeout->tv_nsec + 999) / 1000);
}

int __wrap_eventfd(unsigned count, int flags)
{
    int fd = fd_new(FD_EVENT);

    (void)flags;
    fd_must(fd, FD_EVENT)->count = count;
    return fd;
}

int __wrap_eventfd_read(int fd, eventfd_t *count)
{
    struct fd *f = fd_must(fd, FD_EVENT);

    if (f->count == 0) {
        errno = EAGAIN;
        return -1;
    }
    *count = f->count;
    f->count = 0;
    return 0;
}

int __wrap_eventfd_write(int fd, eventfd_t count)
{
    struct fd *f = fd_must(fd, FD_EVENT);

    f->count += count;
    task_wake((const void *)(uintptr_t)fd);
    if (f->watch != NULL)
        fd_edge(f->watch);
    return 0;
}

/* ---- sockets --------------------------------------------------------------------------------- */

static struct addr addr_from(const struct sockaddr *sa)
{
    struct sockaddr_in in;
    struct addr a = addr_ipv4(0, 0, 0, 0, 0);

    memcpy(&in, sa, sizeof(in));
    memcpy(a.ip + 12, &in.sin_addr, 4);
    a.port = ntohs(in.sin_port);
    return a;
}

static void addr_into(const struct addr *a, struct sockaddr *sa, socklen_t *len)
{
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(a->port)};

    memcpy(&in.sin_addr, a->ip + 12, 4);
    memcpy(sa, &in, sizeof(in));
    *len = sizeof(in);
}

int __wrap_socket(int family, int type, int protocol)
{
    CHECK(family == AF_INET && (type & SOCK_NONBLOCK) != 0 && protocol == 0, "another socket");

    int fd = fd_new(FD_SOCK);

    fd_must(fd, FD_SOCK)->sock = sock_new();
    return fd;
}

int __wrap_setsockopt(int fd, int level, int name, const void *value, socklen_t len)
{
    (void)fd_must(fd, FD_SOCK);
    (void)level;
    (void)name;
    (void)value;
    (void)len;
    return 0;
}

int __wrap_getsockopt(int fd, int level, int name, void *value, socklen_t *len)
{
    struct sock *s = fd_must(fd, FD_SOCK)->sock;

    if (level == SOL_SOCKET && name == SO_ERROR) {
        int error = sock_take_error(s);

        memcpy(value, &error, sizeof(error));
        return 0;
    }
    CHECK(level == IPPROTO_TCP && name == TCP_INFO, "an option that is not known here");

    struct tcp_info info = {.tcpi_delivery_rate = sock_rate(s)};

    memcpy(value, &info, *len < sizeof(info) ? *len : sizeof(info));
    return 0;
}

int __wrap_bind(int fd, const struct sockaddr *sa, socklen_t len)
{
    struct addr a = addr_from(sa);

    (void)len;
    return sock_bind(fd_must(fd, FD_SOCK)->sock, &a);
}

int __wrap_listen(int fd, int backlog)
{
    (void)backlog;
    return sock_listen(fd_must(fd, FD_SOCK)->sock);
}

int __wrap_connect(int fd, const struct sockaddr *sa, socklen_t len)
{
    struct addr a = addr_from(sa);

    (void)len;
    return sock_connect(fd_must(fd, FD_SOCK)->sock, &a);
}

int __wrap_accept4(int fd, struct sockaddr *sa, socklen_t *len, int flags)
{
    struct sock *s = sock_accept(fd_must(fd, FD_SOCK)->sock);

    (void)flags;
    if (s == NULL) {
        errno = EAGAIN;
        return -1;
    }

    int made = fd_new(FD_SOCK);

    fd_must(made, FD_SOCK)->sock = s;
    addr_into(sock_remote(s), sa, len);
    return made;
}

int __wrap_getsockname(int fd, struct sockaddr *sa, socklen_t *len)
{
    addr_into(sock_local(fd_must(fd, FD_SOCK)->sock), sa, len);
    return 0;
}

int __wrap_shutdown(int fd, int how)
{
    (void)how;
    sock_end(fd_must(fd, FD_SOCK)->sock);
    return 0;
}

int __wrap_ioctl(int fd, unsigned long what, ...)
{
    va_list ap;

    CHECK(what == SIOCOUTQ, "an ioctl that is not known here");
    va_start(ap, what);
    *va_arg(ap, int *) = (int)sock_unsent(fd_must(fd, FD_SOCK)->sock);
    va_end(ap);
    return 0;
}

ssize_t __wrap_recv(int fd, void *bytes, size_t len, int flags)
{
    if (chance(30))
        task_yield();
    return sock_recv(fd_must(fd, FD_SOCK)->sock, bytes, len, (flags & MSG_PEEK) != 0);
}

ssize_t __wrap_send(int fd, const void *bytes, size_t len, int flags)
{
    (void)flags;
    if (chance(30))
        task_yield();
    return sock_send(fd_must(fd, FD_SOCK)->sock, bytes, len);
}

ssize_t __wrap_sendmsg(int fd, const struct msghdr *m, int flags)
{
    ssize_t done = 0;

    (void)flags;
    for (size_t i = 0; i < m->msg_iovlen; i++) {
        const struct iovec *v = &m->msg_iov[i];
        ssize_t n = sock_send(fd_must(fd, FD_SOCK)->sock, v->iov_base, v->iov_len);

        if (n < 0)
            return done > 0 ? done : n;
        done += n;
        if ((size_t)n < v->iov_len)
            break;
    }
    return done;
}

ssize_t __wrap_sendfile(int out, int in, off_t *at, size_t len)
{
    char chunk[16384];
    ssize_t done = 0;

    while ((size_t)done < len) {
        size_t want = len - (size_t)done < sizeof(chunk) ? len - (size_t)done : sizeof(chunk);
        ssize_t n = inode_read(fd_must(in, FD_FILE)->inode, chunk, want, (uint64_t)*at);
        ssize_t sent = n <= 0 ? n : sock_send(fd_must(out, FD_SOCK)->sock, chunk, (size_t)n);

        if (sent <= 0)
            return done > 0 ? done : sent;
        done += sent;
        *at += sent;
        if (sent < n)
            break;
    }
    return done;
}

/* ---- closing --------------------------------------------------------------------------------- */

void fd_free(int fd)
{
    struct fd *f = fd_of(fd);

    if (f == NULL) {
        world_broken("descriptor %d is closed, which is not open", fd);
        return;
    }
    switch (f->kind) {
    case FD_SOCK:
        if (*sock_watch(f->sock) != NULL)
            unwatch(*sock_watch(f->sock));
        *sock_watch(f->sock) = NULL;
        sock_close(f->sock);
        break;
    case FD_EVENT:
        if (f->watch != NULL)
            unwatch(f->watch);
        break;
    case FD_EPOLL:
        while (f->epoll->watches != NULL) {
            *mark_of(&fds[f->epoll->watches->fd - FD_FIRST]) = NULL;
            unwatch(f->epoll->watches);
        }
        free(f->epoll);
        break;
    case FD_FILE:
        inode_unlock(f->inode, (const void *)(uintptr_t)fd);
        inode_unref(f->inode);
        break;
    case FD_NULL:
    case FD_FREE:
        break;
    }
    f->proc->fds--;
    *f = (struct fd){0};
}
