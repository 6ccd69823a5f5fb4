/*
 * What is done with a connection by the thread that owns it, until there is nothing left to do but
 * wait: send, serve, read, and so on. Workers run it, and the listener until a message is whole.
 */
#include "server_impl.h"

#include <stdlib.h>
#include <sys/epoll.h>

/* After that the others come first. */
#define TURN_MESSAGES 64
#define TURN_READS 32
#define TURN_BYTES (UINT64_C(256) << 10)
#define TURN_US (5 * CLOCK_US_PER_MS) /* no message begins later, whatever it is that takes long */

#define BATCH_BYTES                                                                                \
    (UINT64_C(64) << 10) /* answers to pipelined requests leave together up to here */
#define LINGER_BYTES (UINT64_C(16) << 20)
#define REFUSAL_MAX 4096

struct limits {
    unsigned messages, reads;
    uint64_t bytes;
    int64_t until_us; /* 0: no message yet */
};

enum step { STEP_ON, STEP_WAIT, STEP_QUEUE, STEP_THROTTLE, STEP_CLOSE };

struct net_tools *net_tools_new(bool is_listener)
{
    struct net_tools *t = malloc(sizeof(*t));

    if (t == NULL)
        return NULL;
    t->spare = NULL;
    t->is_listener = is_listener;
    t->received = t->sent = 0;
    return t;
}

void net_tools_free(struct net_tools *t)
{
    if (t != NULL)
        net_output_free(t->spare);
    free(t);
}

void net_tools_count(struct net_tools *t, struct stats_counters *stats)
{
    if (t->received > 0)
        STATS_ADD(stats, bytes_received_total, t->received);
    if (t->sent > 0)
        STATS_ADD(stats, bytes_sent_total, t->sent);
    t->received = t->sent = 0;
}

static bool lend_output(struct net_conn *c, struct net_tools *t)
{
    if (c->out == NULL) {
        c->out = t->spare != NULL ? t->spare : net_output_new();
        t->spare = NULL;
    }
    return c->out != NULL;
}

static void return_output(struct net_conn *c, struct net_tools *t)
{
    if (t->spare == NULL)
        t->spare = c->out;
    else
        net_output_free(c->out);
    c->out = NULL;
}

/* How much may go now: the rest of this turn, and of the server's limit. 0: nothing. */
static uint64_t budget_of(struct net_conn *c, const struct limits *l)
{
    struct net_throttle *t = &c->server->throttle;

    if (t->portion == 0 || c->refused)
        return l->bytes;
    if (c->allowance == 0 && !net_throttle_take(t, c))
        return 0;
    return c->allowance < l->bytes ? c->allowance : l->bytes;
}

static void count_sent(struct net_conn *c, struct net_tools *t, struct limits *l, uint64_t n)
{
    l->bytes -= n;
    t->sent += (int64_t)n;
    if (c->server->throttle.portion == 0)
        return;
    if (c->refused)
        net_throttle_spend(&c->server->throttle, n);
    else
        c->allowance -= n;
}

static enum step flush(struct net_conn *c, struct net_tools *t, struct limits *l)
{
    uint64_t before = c->sent;

    if (t->is_listener && !c->refused)
        return STEP_QUEUE;

    uint64_t budget = budget_of(c, l);

    if (budget == 0)
        return l->bytes == 0 ? STEP_QUEUE : STEP_THROTTLE;

    /* All of it may go now, and nothing comes between it and finish(). */
    if (c->ending == ENDING_CLOSE && !c->parked && budget >= c->out->size &&
        c->io.ops->hold != NULL)
        c->io.ops->hold(&c->io);

    enum net_io_status status = net_output_flush(c->out, &c->io, budget, &c->sent);

    count_sent(c, t, l, c->sent - before);
    switch (status) {
    case NET_IO_OK:
        if (c->out->size > 0)
            return l->bytes == 0 ? STEP_QUEUE : STEP_ON;
        return_output(c, t);
        return STEP_ON;
    case NET_IO_WANT_WRITE:
        c->blocked_on = EPOLLOUT;
        return STEP_WAIT;
    case NET_IO_WANT_READ:
        c->blocked_on = EPOLLIN;
        return STEP_WAIT;
    case NET_IO_END:
    case NET_IO_ERROR:
        break;
    }
    return STEP_CLOSE;
}

static void serve_one(struct net_conn *c)
{
    const struct net_server *s = c->server;
    size_t len = c->frame.message_len;

    c->skip_left = c->frame.skip_len;
    c->framed = false;
    c->frame = (struct net_frame){0};
    STATS_ADD(s->stats, requests_total, 1);
    s->service.serve(s->ctx, c, c->in.data + c->in.start, len);
    net_input_consume(&c->in, len);
}

static bool may_serve(struct limits *l)
{
    int64_t now_us;

    if (l->messages == 0)
        return false;
    now_us = clock_mono_us();
    if (l->until_us == 0)
        l->until_us = now_us + TURN_US;
    return now_us < l->until_us;
}

static enum step serve(struct net_conn *c, struct net_tools *t, struct limits *l)
{
    if (t->is_listener || !may_serve(l))
        return STEP_QUEUE;
    if (!lend_output(c, t))
        return STEP_CLOSE;
    do {
        l->messages--;
        serve_one(c);
    } while (!c->parked && c->ending == ENDING_NONE && !c->out->failed &&
             c->out->size < BATCH_BYTES && may_serve(l) && net_conn_next(c) == NEXT_MESSAGE);
    if (net_output_is_empty(c->out))
        return_output(c, t);
    return STEP_ON;
}

static enum step after_read(enum net_io_status status)
{
    switch (status) {
    case NET_IO_OK:
        return STEP_ON;
    case NET_IO_WANT_READ:
    case NET_IO_WANT_WRITE:
        return STEP_WAIT;
    case NET_IO_END:
    case NET_IO_ERROR:
        break;
    }
    return STEP_CLOSE;
}

static enum step read_more(struct net_conn *c, struct net_tools *t, struct limits *l)
{
    if (atomic_load_explicit(&c->server->stopping, memory_order_relaxed))
        return STEP_CLOSE;
    if (!c->readable)
        return STEP_WAIT;
    if (l->reads == 0)
        return STEP_QUEUE;
    l->reads--;
    return after_read(net_conn_read(c, t));
}

static enum step linger(struct net_conn *c, struct net_tools *t, struct limits *l)
{
    if (c->skip_left == 0)
        return STEP_CLOSE;
    if (!c->readable)
        return STEP_WAIT;
    if (l->reads == 0)
        return STEP_QUEUE;
    l->reads--;
    return after_read(net_conn_discard(c, t));
}

/* All is sent. Closing with something unread would make a reset, which may overtake the answer. */
static enum step finish(struct net_conn *c, struct net_tools *t)
{
    if (c->ending == ENDING_CLOSE && c->skip_left == 0 && c->in.len == 0 &&
        net_conn_discard(c, t) != NET_IO_OK)
        return STEP_CLOSE;
    c->io.ops->end(&c->io);
    net_input_drop(&c->in);
    c->lingering = c->readable = true;
    c->skip_left = LINGER_BYTES;
    return STEP_ON;
}

void net_conn_refuse(struct net_conn *c, enum net_refusal why)
{
    const struct net_server *s = c->server;
    struct buf answer;

    buf_init(&answer, REFUSAL_MAX);
    s->service.refuse(s->ctx, why, c->in.len > 0 ? c->in.data + c->in.start : "", c->in.len,
                      &answer);
    if (c->out == NULL)
        c->out = net_output_new();
    if (c->out != NULL)
        net_output_take(c->out, &answer);
    else
        c->gone = true;
    buf_fini(&answer);
    net_input_drop(&c->in);
    c->framed = false;
    c->frame = (struct net_frame){0};
    c->ending = ENDING_LINGER;
    c->refused = true;
}

static enum step step(struct net_conn *c, struct net_tools *t, struct limits *l)
{
    if (c->gone)
        return STEP_CLOSE;
    if (c->out != NULL)
        return c->blocked_on != 0 ? STEP_WAIT : flush(c, t, l);
    if (c->lingering)
        return linger(c, t, l);
    if (c->parked)
        return STEP_WAIT;
    if (c->ending != ENDING_NONE)
        return finish(c, t);
    switch (net_conn_next(c)) {
    case NEXT_MESSAGE:
        return serve(c, t, l);
    case NEXT_MORE:
        return read_more(c, t, l);
    case NEXT_BAD:
        break;
    }
    net_conn_refuse(c, NET_REFUSE_BAD);
    return STEP_ON;
}

enum net_turn net_conn_turn(struct net_conn *c, struct net_tools *t)
{
    struct limits l = {
        .messages = TURN_MESSAGES,
        .reads = TURN_READS,
        .bytes = TURN_BYTES,
    };
    enum step next;

    for (;;) {
        net_conn_hear(c);
        do
            next = step(c, t, &l);
        while (next == STEP_ON);

        if (next == STEP_QUEUE || next == STEP_THROTTLE) {
            if (!net_input_keep(&c->in)) {
                c->in = (struct net_input){0};
                c->gone = true;
            }
            return next == STEP_QUEUE ? TURN_QUEUE : TURN_THROTTLE;
        }
        if (next == STEP_CLOSE) {
            if (!c->parked || t->is_listener)
                return TURN_CLOSE;
            /* The service is to hear of it, and from the listener: the sweep will find it. */
            c->gone = true;
        }
        net_conn_settle(c);
        if (net_conn_release(c))
            return TURN_RELEASED;
    }
}
