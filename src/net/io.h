/*
 * The one door through which net reads and sends. Plain TCP is behind it now; an encrypted
 * connection may have to read in order to write, and may hold input that epoll cannot see.
 */
#ifndef P2PDI_NET_IO_H
#define P2PDI_NET_IO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/uio.h>

enum net_io_status {
    NET_IO_OK,
    NET_IO_WANT_READ,  /* not now: try again when the socket can be read */
    NET_IO_WANT_WRITE, /* not now: try again when the socket has room */
    NET_IO_END,        /* the other side sends no more */
    NET_IO_ERROR       /* broken; errno says how */
};

struct net_io {
    const struct net_io_ops *ops;
    void *session; /* what the operations keep of a connection; NULL for plain TCP */
    int fd;
};

/*
 * None of these waits. Input that was taken from the socket and not yet handed out is nothing that
 * epoll would tell of: so recv is called until it says NET_IO_WANT_READ.
 */
struct net_io_ops {
    /* Fewer bytes than asked for mean that there are no more, or no room for more, too. */
    bool short_means_dry;
    /* NET_IO_OK: at least one byte. */
    enum net_io_status (*recv)(struct net_io *io, void *bytes, size_t cap, size_t *got);
    /* more: further bytes follow at once, so that a small packet may wait for them. */
    enum net_io_status (*sendv)(struct net_io *io, struct iovec *v, int count, bool more,
                                size_t *sent);
    /* From a file; *sent == 0 with NET_IO_OK: the file ends here. NULL: only sendv can send. */
    enum net_io_status (*sendfile)(struct net_io *io, int fd, uint64_t offset, size_t len,
                                   size_t *sent);
    /* What is sent from now on is the last: its packet waits for end or close, which come at once, and
     * says that too. NULL: it goes by itself. */
    void (*hold)(struct net_io *io);
    /* Is there such input? NULL: never. */
    bool (*has_input)(const struct net_io *io);
    /* Says that nothing more will be sent. */
    void (*end)(struct net_io *io);
    /* Frees the session and closes the descriptor. */
    void (*close)(struct net_io *io);
};

/* For sending: the system's vector has no const, though what it points at is only read. */
static inline struct iovec net_iovec(const void *bytes, size_t len)
{
    struct iovec v = {.iov_len = len};

    memcpy(&v.iov_base, &bytes, sizeof(bytes));
    return v;
}

/* TCP as it is. SIGPIPE must be ignored: sendfile() has no other way. */
extern const struct net_io_ops net_io_plain;

#endif
