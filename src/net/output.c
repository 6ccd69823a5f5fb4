/* The send queue of a connection. The thread that owns the connection runs it. */
#include "output.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define VECTORS 64
#define FILE_CHUNK ((size_t)1 << 20)
#define READ_CHUNK 16384 /* where sendfile() cannot be used */

struct net_output *net_output_new(void)
{
    struct net_output *o = malloc(sizeof(*o));

    if (o == NULL)
        return NULL;
    o->pieces = o->own;
    o->first = o->count = 0;
    o->cap = OUTPUT_PIECES;
    o->size = 0;
    o->failed = false;
    o->copied = 0;
    return o;
}

static void release(const struct net_piece *p)
{
    if (p->release != NULL)
        p->release(p->arg);
}

void net_output_free(struct net_output *o)
{
    if (o == NULL)
        return;
    for (size_t i = o->first; i < o->count; i++)
        release(&o->pieces[i]);
    if (o->pieces != o->own)
        free(o->pieces);
    free(o);
}

static bool grow(struct net_output *o)
{
    assert(o->cap > 0);
    if (o->first > 0) {
        memmove(o->pieces, o->pieces + o->first, (o->count - o->first) * sizeof(*o->pieces));
        o->count -= o->first;
        o->first = 0;
        return true;
    }

    struct net_piece *more = malloc(2 * o->cap * sizeof(*more));

    if (more == NULL)
        return false;
    memcpy(more, o->pieces, o->count * sizeof(*more));
    if (o->pieces != o->own)
        free(o->pieces);
    o->pieces = more;
    o->cap *= 2;
    return true;
}

static void add(struct net_output *o, const struct net_piece *p)
{
    if (p->len == 0) {
        release(p);
        return;
    }
    if (o->count == o->cap && !grow(o)) {
        o->failed = true;
        release(p);
        return;
    }
    o->pieces[o->count++] = *p;
    o->size += p->len;
}

static bool ends_at(const struct net_piece *p, const char *at)
{
    return p->bytes != NULL && p->release == NULL && p->bytes + p->len == at;
}

void net_output_copy(struct net_output *o, const void *bytes, size_t len)
{
    struct net_piece p = {.len = len, .fd = -1};

    if (len == 0)
        return;
    if (len <= OUTPUT_COPY - o->copied) {
        char *at = o->copy + o->copied;
        memcpy(at, bytes, len);
        o->copied += len;
        if (o->count > o->first && ends_at(&o->pieces[o->count - 1], at)) {
            o->pieces[o->count - 1].len += len;
            o->size += len;
            return;
        }
        p.bytes = at;
    } else {
        char *copy = malloc(len);

        if (copy == NULL) {
            o->failed = true;
            return;
        }
        memcpy(copy, bytes, len);
        p.bytes = copy;
        p.release = free;
        p.arg = copy;
    }
    add(o, &p);
}

void net_output_take(struct net_output *o, struct buf *b)
{
    if (buf_status(b) != DI_OK) {
        o->failed = true;
        buf_fini(b);
        return;
    }

    char *bytes;
    size_t len;
    char *block = buf_detach(b, &bytes, &len);

    add(o,
        &(struct net_piece){.bytes = bytes, .len = len, .release = free, .arg = block, .fd = -1});
}

void net_output_share(struct net_output *o, const void *bytes, size_t len,
                      void (*release_fn)(void *arg), void *arg)
{
    add(o, &(struct net_piece){
               .bytes = bytes, .len = len, .release = release_fn, .arg = arg, .fd = -1});
}

void net_output_file(struct net_output *o, int fd, uint64_t offset, uint64_t len,
                     void (*release_fn)(void *arg), void *arg)
{
    add(o, &(struct net_piece){
               .offset = offset, .len = len, .release = release_fn, .arg = arg, .fd = fd});
}

/* n bytes went out, all of them of the first pieces. */
static void drop(struct net_output *o, uint64_t n)
{
    o->size -= n;
    while (n > 0) {
        struct net_piece *p = &o->pieces[o->first];

        if (n < p->len) {
            p->len -= n;
            p->offset += n;
            if (p->bytes != NULL)
                p->bytes += n;
            return;
        }
        n -= p->len;
        release(p);
        o->first++;
    }
    if (o->first == o->count)
        o->first = o->count = o->copied = 0;
}

/* Each of these sends at most budget bytes, which is not 0. */
static enum net_io_status send_memory(struct net_output *o, struct net_io *io, uint64_t budget,
                                      size_t *sent, size_t *asked)
{
    struct iovec v[VECTORS];
    int n = 0;
    size_t i = o->first;

    *asked = 0;
    for (; i < o->count && n < VECTORS && *asked < budget && o->pieces[i].bytes != NULL; i++, n++) {
        uint64_t left = budget - *asked;

        v[n] = net_iovec(o->pieces[i].bytes,
                         (size_t)(o->pieces[i].len < left ? o->pieces[i].len : left));
        *asked += v[n].iov_len;
    }
    /* What the budget holds back does not follow at once. */
    return io->ops->sendv(io, v, n, i < o->count && *asked < budget, sent);
}

/* A piece of a file for which there is no sendfile(). */
static enum net_io_status send_read(const struct net_piece *p, struct net_io *io, uint64_t len,
                                    bool more, size_t *sent, size_t *asked)
{
    char chunk[READ_CHUNK];
    size_t want = len < sizeof(chunk) ? (size_t)len : sizeof(chunk);
    ssize_t n;

    do
        n = pread(p->fd, chunk, want, (off_t)p->offset);
    while (n < 0 && errno == EINTR);
    if (n < 0)
        return NET_IO_ERROR;
    *sent = 0;
    *asked = (size_t)n;
    if (n == 0)
        return NET_IO_OK;

    struct iovec v = net_iovec(chunk, (size_t)n);

    return io->ops->sendv(io, &v, 1, more || (uint64_t)n < len, sent);
}

static enum net_io_status send_file(struct net_output *o, struct net_io *io, uint64_t budget,
                                    size_t *sent, size_t *asked)
{
    const struct net_piece *p = &o->pieces[o->first];
    uint64_t len = p->len < budget ? p->len : budget;
    enum net_io_status status;

    *sent = 0;
    if (io->ops->sendfile == NULL) {
        status = send_read(p, io, len, len < budget && o->first + 1 < o->count, sent, asked);
    } else {
        status = io->ops->sendfile(io, p->fd, p->offset,
                                   len < FILE_CHUNK ? (size_t)len : FILE_CHUNK, sent);
        /* It may send less than asked for reasons of its own: only the next call knows. */
        *asked = *sent;
    }
    if (status == NET_IO_OK && *sent == 0) {
        errno = EIO; /* the file got shorter: what was announced cannot be kept */
        return NET_IO_ERROR;
    }
    return status;
}

enum net_io_status net_output_flush(struct net_output *o, struct net_io *io, uint64_t budget,
                                    uint64_t *sent)
{
    uint64_t end = o->size > budget ? o->size - budget : 0;

    if (o->failed) {
        errno = ENOMEM;
        return NET_IO_ERROR;
    }
    while (o->size > end) {
        size_t n = 0, asked = 0;
        enum net_io_status status = o->pieces[o->first].bytes != NULL
                                        ? send_memory(o, io, o->size - end, &n, &asked)
                                        : send_file(o, io, o->size - end, &n, &asked);

        if (status != NET_IO_OK)
            return status;
        *sent += n;
        drop(o, n);
        if (n < asked && io->ops->short_means_dry)
            return NET_IO_WANT_WRITE;
    }
    return NET_IO_OK;
}
