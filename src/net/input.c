/* A connection's input: bounded, in the thread's scratch while it is used. The owner runs it. */
#include "server_impl.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#define INPUT_MIN 64

void net_input_drop(struct net_input *in)
{
    if (in->cap > 0)
        free(in->data);
    *in = (struct net_input){0};
}

bool net_input_keep(struct net_input *in)
{
    if (in->len == 0) {
        net_input_drop(in);
        return true;
    }
    if (in->cap > 0)
        return true;

    uint32_t cap = in->len < INPUT_MIN ? INPUT_MIN : in->len;
    char *data = malloc(cap);

    if (data == NULL)
        return false;
    memcpy(data, in->data + in->start, in->len);
    *in = (struct net_input){.data = data, .len = in->len, .cap = cap};
    return true;
}

void net_input_consume(struct net_input *in, size_t n)
{
    assert(n <= in->len);
    in->start += (uint32_t)n;
    in->len -= (uint32_t)n;
}

/* Behind what is held, which is on the heap. */
static bool append(struct net_input *in, const char *bytes, size_t n)
{
    uint32_t need = in->len + (uint32_t)n;

    assert(in->cap > 0);
    if (in->start > 0) {
        memmove(in->data, in->data + in->start, in->len);
        in->start = 0;
    }
    if (need > in->cap) {
        uint32_t cap = 2 * in->cap > need ? 2 * in->cap : need;
        char *data = realloc(in->data, cap);

        if (data == NULL)
            return false;
        in->data = data;
        in->cap = cap;
    }
    memcpy(in->data + in->len, bytes, n);
    in->len = need;
    return true;
}

static enum net_io_status receive(struct net_conn *c, struct net_tools *t, size_t *got)
{
    enum net_io_status status = c->io.ops->recv(&c->io, t->scratch, sizeof(t->scratch), got);

    if (status == NET_IO_WANT_READ || status == NET_IO_WANT_WRITE) {
        c->readable = false;
        if (status == NET_IO_WANT_WRITE)
            c->blocked_on = EPOLLOUT;
    }
    if (status != NET_IO_OK)
        return status;
    t->received += (int64_t)*got;
    /* With the end already announced, no further news would come of it. */
    if (*got < sizeof(t->scratch) && c->io.ops->short_means_dry && !c->half_closed)
        c->readable = false;
    return NET_IO_OK;
}

enum net_io_status net_conn_read(struct net_conn *c, struct net_tools *t)
{
    size_t got = 0;

    /* What is held must not be overwritten. */
    if (!net_input_keep(&c->in))
        return NET_IO_ERROR;

    enum net_io_status status = receive(c, t, &got);

    if (status != NET_IO_OK)
        return status;
    if (c->in.len == 0)
        c->in = (struct net_input){.data = t->scratch, .len = (uint32_t)got};
    else if (!append(&c->in, t->scratch, got))
        return NET_IO_ERROR;
    return NET_IO_OK;
}

enum net_io_status net_conn_discard(struct net_conn *c, struct net_tools *t)
{
    size_t got = 0;
    enum net_io_status status;

    net_input_drop(&c->in);
    status = receive(c, t, &got);
    c->skip_left -= got < c->skip_left ? got : c->skip_left;
    return status;
}

enum net_next net_conn_next(struct net_conn *c)
{
    const struct net_server *s = c->server;

    if (c->framed)
        return NEXT_MESSAGE;
    if (c->skip_left > 0) {
        size_t n = c->skip_left < c->in.len ? (size_t)c->skip_left : c->in.len;

        net_input_consume(&c->in, n);
        c->skip_left -= n;
        c->advanced = c->advanced || c->skip_left == 0;
    }
    if (c->in.len == 0)
        return NEXT_MORE;

    switch (s->service.frame(s->ctx, &c->frame, c->in.data + c->in.start, c->in.len)) {
    case NET_WHOLE:
        assert(c->frame.message_len > 0 && c->frame.message_len <= c->in.len);
        c->framed = c->advanced = true;
        return NEXT_MESSAGE;
    case NET_MORE:
        return c->in.len < s->cfg.message_max ? NEXT_MORE : NEXT_BAD;
    case NET_BAD:
        break;
    }
    return NEXT_BAD;
}
