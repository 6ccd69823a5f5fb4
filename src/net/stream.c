/*
 * Client connections. Each call is tried first and waits only if it must: in poll(), until the
 * deadline or the waker. One thread at a time runs a stream.
 */
#include "io.h"
#include "limit.h"
#include "sockaddr.h"
#include "waker.h"

#include "p2pdi/base/clock.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

struct net_stream {
    struct net_io io;
    struct net_waker *cancel;
    struct addr remote;
    struct net_limit *limit; /* NULL: none */
    int64_t resume_us;       /* when the limit lets it receive again */
    bool joined;             /* in the limit */
};

static enum di_err error_of(int errnum)
{
    switch (errnum) {
    case EPIPE:
    case ECONNRESET:
    case ECONNABORTED:
        return DI_CLOSED;
    default: {
        enum di_err err = di_err_from_errno(errnum);

        return err == DI_OK ? DI_IO : err;
    }
    }
}

/* Until fd (-1: none) shows one of events, or an error that the next call will name. */
static enum di_err wait_for(const struct net_stream *s, int fd, short events, int64_t deadline_us)
{
    struct pollfd fds[2] = {
        {.fd = fd, .events = events},
        {.fd = s->cancel == NULL ? -1 : net_waker_fd(s->cancel), .events = POLLIN},
    };

    for (;;) {
        int64_t left_us = deadline_us - clock_mono_us();
        struct timespec left = {
            .tv_sec = (time_t)(left_us / CLOCK_US_PER_S),
            .tv_nsec = (long)(left_us % CLOCK_US_PER_S) * 1000,
        };

        if (left_us <= 0)
            return DI_TIMEOUT;

        int n = ppoll(fds, 2, &left, NULL);

        if (n < 0 && errno != EINTR)
            return di_err_from_errno(errno);
        if (n > 0)
            return fds[1].revents != 0 ? DI_CANCELLED : DI_OK;
    }
}

/* The limit's time has come, DI_OK, or the waker's. */
static enum di_err wait_for_turn(const struct net_stream *s, int64_t *deadline_us)
{
    int64_t now_us = s->limit != NULL ? clock_mono_us() : INT64_MAX;

    if (s->resume_us <= now_us)
        return DI_OK;
    if (*deadline_us < INT64_MAX - (s->resume_us - now_us))
        *deadline_us += s->resume_us - now_us;

    enum di_err err = wait_for(s, -1, 0, s->resume_us);

    return err == DI_TIMEOUT ? DI_OK : err;
}

static enum di_err wait_as_told(const struct net_stream *s, enum net_io_status status,
                                int64_t deadline_us)
{
    switch (status) {
    case NET_IO_WANT_READ:
        return wait_for(s, s->io.fd, POLLIN, deadline_us);
    case NET_IO_WANT_WRITE:
        return wait_for(s, s->io.fd, POLLOUT, deadline_us);
    case NET_IO_END:
        return DI_CLOSED;
    case NET_IO_ERROR:
        return error_of(errno);
    case NET_IO_OK:
        break;
    }
    return DI_OK;
}

static enum di_err connect_socket(struct net_stream *s, int64_t deadline_us)
{
    struct sockaddr_storage sa;
    socklen_t len = sockaddr_from_addr(&s->remote, &sa);
    const int on = 1;
    int errnum = 0;

    s->io.fd = socket(sa.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (s->io.fd < 0)
        return errno == EAFNOSUPPORT ? DI_UNREACHABLE : di_err_from_errno(errno);
    if (setsockopt(s->io.fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) != 0)
        return error_of(errno);
    /* After a signal it goes on connecting, too. */
    if (connect(s->io.fd, (struct sockaddr *)&sa, len) == 0)
        return DI_OK;
    if (errno != EINPROGRESS && errno != EINTR)
        return error_of(errno);

    enum di_err err = wait_for(s, s->io.fd, POLLOUT, deadline_us);

    if (err != DI_OK)
        return err;
    len = sizeof(errnum);
    if (getsockopt(s->io.fd, SOL_SOCKET, SO_ERROR, &errnum, &len) != 0)
        return error_of(errno);
    return errnum == 0 ? DI_OK : error_of(errnum);
}

enum di_err net_stream_open(const struct addr *to, int64_t deadline_us, struct net_waker *cancel,
                            struct net_stream **out)
{
    struct net_stream *s;
    enum di_err err;

    *out = NULL;
    if (cancel != NULL && net_waker_is_awake(cancel))
        return DI_CANCELLED;
    s = malloc(sizeof(*s));
    if (s == NULL)
        return DI_NOMEM;
    *s = (struct net_stream){
        .io = {.ops = &net_io_plain, .fd = -1},
        .cancel = cancel,
        .remote = *to,
    };
    err = connect_socket(s, deadline_us);
    if (err != DI_OK) {
        net_stream_close(s);
        return err;
    }
    *out = s;
    return DI_OK;
}

void net_stream_close(struct net_stream *s)
{
    if (s == NULL)
        return;
    if (s->limit != NULL)
        net_limit_leave(s->limit, &s->joined);
    if (s->io.fd >= 0)
        s->io.ops->close(&s->io);
    free(s);
}

void net_stream_limit(struct net_stream *s, struct net_limit *l)
{
    if (s->limit != NULL && s->limit != l)
        net_limit_leave(s->limit, &s->joined);
    s->limit = l;
}

void net_stream_uncancel(struct net_stream *s)
{
    s->cancel = NULL;
}

const struct addr *net_stream_remote(const struct net_stream *s)
{
    return &s->remote;
}

enum di_err net_stream_send(struct net_stream *s, const void *bytes, size_t len,
                            int64_t deadline_us)
{
    const char *at = bytes;

    while (len > 0) {
        struct iovec v = net_iovec(at, len);
        size_t sent = 0;

        if (s->cancel != NULL && net_waker_is_awake(s->cancel))
            return DI_CANCELLED;

        enum net_io_status status = s->io.ops->sendv(&s->io, &v, 1, false, &sent);

        if (status != NET_IO_OK) {
            enum di_err err = wait_as_told(s, status, deadline_us);

            if (err != DI_OK)
                return err;
        }
        at += sent;
        len -= sent;
    }
    return DI_OK;
}

enum di_err net_stream_recv(struct net_stream *s, void *bytes, size_t cap, size_t *got,
                            int64_t deadline_us)
{
    *got = 0;
    if (s->limit != NULL && cap > net_limit_portion(s->limit))
        cap = (size_t)net_limit_portion(s->limit);
    for (;;) {
        enum di_err err = wait_for_turn(s, &deadline_us);

        if (err != DI_OK)
            return err;
        if (s->cancel != NULL && net_waker_is_awake(s->cancel))
            return DI_CANCELLED;

        enum net_io_status status = s->io.ops->recv(&s->io, bytes, cap, got);

        if (s->limit != NULL && status == NET_IO_OK)
            s->resume_us = net_limit_take(s->limit, &s->joined, *got);
        else if (s->limit != NULL)
            net_limit_leave(s->limit, &s->joined);
        if (status == NET_IO_OK)
            return DI_OK;
        err = wait_as_told(s, status, deadline_us);

        if (err != DI_OK)
            return err;
    }
}

bool net_stream_is_idle_alive(struct net_stream *s)
{
    char byte;

    if (s->limit != NULL)
        net_limit_leave(s->limit, &s->joined);
    if (s->io.ops->has_input != NULL && s->io.ops->has_input(&s->io))
        return false;
    return recv(s->io.fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0 && errno == EAGAIN;
}
