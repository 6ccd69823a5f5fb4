/* Plain TCP behind the interface of io.h. Whoever owns the connection runs it. */
#include "io.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <unistd.h>

static enum net_io_status status_of(int errnum, enum net_io_status want)
{
    return errnum == EAGAIN ? want : NET_IO_ERROR;
}

static enum net_io_status plain_recv(struct net_io *io, void *bytes, size_t cap, size_t *got)
{
    ssize_t n;

    do
        n = recv(io->fd, bytes, cap, 0);
    while (n < 0 && errno == EINTR);
    if (n < 0)
        return status_of(errno, NET_IO_WANT_READ);
    *got = (size_t)n;
    return n == 0 ? NET_IO_END : NET_IO_OK;
}

static enum net_io_status plain_sendv(struct net_io *io, struct iovec *v, int count, bool more,
                                      size_t *sent)
{
    int flags = MSG_NOSIGNAL | (more ? MSG_MORE : 0);
    ssize_t n;

    if (count == 1) {
        do
            n = send(io->fd, v->iov_base, v->iov_len, flags);
        while (n < 0 && errno == EINTR);
    } else {
        struct msghdr m = {.msg_iov = v, .msg_iovlen = (size_t)count};

        do
            n = sendmsg(io->fd, &m, flags);
        while (n < 0 && errno == EINTR);
    }
    if (n < 0)
        return status_of(errno, NET_IO_WANT_WRITE);
    *sent = (size_t)n;
    return NET_IO_OK;
}

static enum net_io_status plain_sendfile(struct net_io *io, int fd, uint64_t offset, size_t len,
                                         size_t *sent)
{
    off_t at = (off_t)offset;
    ssize_t n;

    do
        n = sendfile(io->fd, fd, &at, len);
    while (n < 0 && errno == EINTR);
    if (n < 0)
        return status_of(errno, NET_IO_WANT_WRITE);
    *sent = (size_t)n;
    return NET_IO_OK;
}

/* Not MSG_MORE, which sendfile() does not take. Should it fail, there is a packet more. */
static void plain_hold(struct net_io *io)
{
    const int on = 1;

    (void)setsockopt(io->fd, IPPROTO_TCP, TCP_CORK, &on, sizeof(on));
}

static void plain_end(struct net_io *io)
{
    shutdown(io->fd, SHUT_WR);
}

static void plain_close(struct net_io *io)
{
    close(io->fd);
    io->fd = -1;
}

const struct net_io_ops net_io_plain = {
    .short_means_dry = true,
    .recv = plain_recv,
    .sendv = plain_sendv,
    .sendfile = plain_sendfile,
    .hold = plain_hold,
    .end = plain_end,
    .close = plain_close,
};
