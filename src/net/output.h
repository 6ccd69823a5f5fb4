/*
 * What a connection still has to send: bytes copied, taken or borrowed, and pieces of files, in
 * order. Not locked: it belongs to the connection's owner.
 */
#ifndef P2PDI_NET_OUTPUT_H
#define P2PDI_NET_OUTPUT_H

#include "io.h"

#include "p2pdi/base/buf.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define OUTPUT_PIECES 16 /* before the list of pieces needs memory of its own */
#define OUTPUT_COPY 2048 /* bytes of small copies before these do */

/* len bytes at bytes or, if that is NULL, at offset in fd. */
struct net_piece {
    const char *bytes;
    uint64_t offset;
    uint64_t len;
    void (*release)(void *arg);
    void *arg;
    int fd;
};

struct net_output {
    struct net_piece *pieces; /* own, or heap */
    size_t first, count, cap;
    uint64_t size; /* bytes in all pieces */
    bool failed;   /* memory was short: what is here is not what was meant */
    size_t copied; /* of copy */
    struct net_piece own[OUTPUT_PIECES];
    char copy[OUTPUT_COPY];
};

struct net_output *net_output_new(void);
/* Releases what was not sent. NULL is fine. */
void net_output_free(struct net_output *o);

void net_output_copy(struct net_output *o, const void *bytes, size_t len);
/* Takes the buffer's memory and leaves it empty. A buffer in error makes the output fail. */
void net_output_take(struct net_output *o, struct buf *b);
void net_output_share(struct net_output *o, const void *bytes, size_t len,
                      void (*release)(void *arg), void *arg);
void net_output_file(struct net_output *o, int fd, uint64_t offset, uint64_t len,
                     void (*release)(void *arg), void *arg);

static inline bool net_output_is_empty(const struct net_output *o)
{
    return o->size == 0 && !o->failed;
}

/*
 * Sends until all is out (NET_IO_OK, size 0), budget bytes are, and not one more (NET_IO_OK, size > 0), or the
 * socket is full (NET_IO_WANT_...). NET_IO_ERROR: broken, or a file ended early. *sent is added to.
 */
enum net_io_status net_output_flush(struct net_output *o, struct net_io *io, uint64_t budget,
                                    uint64_t *sent);

#endif
