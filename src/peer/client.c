/*
 * Asking another program: a connection with a buffer of what has come. Heads are parsed strictly,
 * bodies handed on from where they lie. Whatever thread asks; one at a time.
 */
#include "internal.h"

#include <stdlib.h>
#include <string.h>

#define CALL_BUFFER ((size_t)16 << 10)
/* No table becomes longer than that by decoding: half of a row is its digest, which does not compress. */
#define FRAME_RATIO_MAX 100
#define FRAME_LEAST ((size_t)64 << 10)

/*
 *      data        data + start     data + end       data + cap
 *       | consumed  | came, unread   | free           |
 */
struct client {
    struct sink *sink;
    struct net_stream *stream;
    struct addr remote;
    size_t cap, start, end;
    size_t head_len; /* of the head that was parsed last and is still in front */
    char data[];
};

enum di_err client_open(struct sink *sink, const struct addr *to, size_t cap,
                        struct net_waker *waker, int64_t deadline_us, struct client **out)
{
    struct client *c = malloc(sizeof(*c) + cap);
    if (c == NULL)
        return DI_NOMEM;
    *c = (struct client){.sink = sink, .remote = *to, .cap = cap};
    enum di_err err = net_stream_open(to, deadline_us, waker, &c->stream);
    if (err != DI_OK) {
        free(c);
        return err;
    }
    *out = c;
    return DI_OK;
}

void client_limit(struct client *c, struct net_limit *limit)
{
    net_stream_limit(c->stream, limit);
}

void client_close(struct client *c)
{
    if (c == NULL)
        return;
    net_stream_close(c->stream);
    free(c);
}

const struct addr *client_remote(const struct client *c)
{
    return &c->remote;
}

bool client_is_idle_alive(struct client *c)
{
    return c->start + c->head_len == c->end && net_stream_is_idle_alive(c->stream);
}

bool client_has_bytes(const struct client *c)
{
    return c->start + c->head_len < c->end;
}

enum di_err client_send(struct client *c, const struct buf *message, int64_t deadline_us)
{
    if (buf_status(message) != DI_OK)
        return buf_status(message);
    sink_trace(c->sink, false, &c->remote, buf_bytes(message), message->len, NULL, 0);
    return net_stream_send(c->stream, buf_bytes(message), message->len, deadline_us);
}

/* More bytes behind those that are there. DI_PROTOCOL: no room, though nothing whole is there. */
static enum di_err fill(struct client *c, int64_t deadline_us)
{
    if (c->start == c->end) {
        c->start = 0;
        c->end = 0;
    } else if (c->end == c->cap) {
        if (c->start == 0)
            return DI_PROTOCOL;
        memmove(c->data, c->data + c->start, c->end - c->start);
        c->end -= c->start;
        c->start = 0;
    }
    size_t got = 0;
    enum di_err err =
        net_stream_recv(c->stream, c->data + c->end, c->cap - c->end, &got, deadline_us);
    if (err != DI_OK)
        return err;
    c->end += got;
    return DI_OK;
}

static void drop_head(struct client *c)
{
    c->start += c->head_len;
    c->head_len = 0;
}

enum di_err client_head(struct client *c, struct wire_response *out, int64_t deadline_us)
{
    struct wire_frame frame = {0};
    drop_head(c);
    for (;;) {
        switch (wire_response_frame(&frame, c->data + c->start, c->end - c->start)) {
        case WIRE_WHOLE: {
            struct wire_fault fault = {0};
            c->head_len = frame.head_len;
            sink_trace(c->sink, true, &c->remote, c->data + c->start, frame.head_len, NULL, 0);
            return wire_response_parse(c->data + c->start, frame.head_len, out, &fault);
        }
        case WIRE_BAD:
            return DI_PROTOCOL;
        case WIRE_MORE:
            break;
        }
        if (c->end - c->start >= WIRE_HEAD_MAX)
            return DI_PROTOCOL;
        enum di_err err = fill(c, deadline_us);
        if (err != DI_OK)
            return err;
    }
}

enum di_err client_bytes(struct client *c, uint64_t max, const char **bytes, size_t *len,
                         int64_t deadline_us)
{
    drop_head(c);
    if (c->start == c->end) {
        enum di_err err = fill(c, deadline_us);
        if (err != DI_OK)
            return err;
    }
    size_t there = c->end - c->start;
    if (there > max)
        there = (size_t)max;
    *bytes = c->data + c->start;
    *len = there;
    c->start += there;
    return DI_OK;
}

enum di_err client_skip(struct client *c, uint64_t len, int64_t deadline_us)
{
    while (len > 0) {
        const char *bytes = NULL;
        size_t got = 0;
        enum di_err err = client_bytes(c, len, &bytes, &got, deadline_us);
        if (err != DI_OK)
            return err;
        len -= got;
    }
    return DI_OK;
}

/* ---- one request, one answer ----------------------------------------------------------------- */

/* The body comes into its own buffer; the head stays in the client's, for its slices. */
static enum di_err read_body(struct client *c, uint64_t len, struct buf *body, int64_t deadline_us)
{
    buf_init(body, PEER_BODY_MAX);
    if (len > PEER_BODY_MAX)
        return DI_PROTOCOL;
    size_t from = c->start + c->head_len;
    size_t there = c->end - from;
    if (there > len)
        there = (size_t)len;
    if (there > 0)
        buf_append(body, c->data + from, there);
    c->end = c->start + c->head_len; /* one answer a connection: nothing of use may follow */
    while (buf_status(body) == DI_OK && body->len < len) {
        size_t got = 0;
        uint64_t left = len - body->len;
        size_t want = left < ((size_t)256 << 10) ? (size_t)left : (size_t)256 << 10;
        char *room = buf_reserve(body, want);
        if (room == NULL)
            break;
        enum di_err err = net_stream_recv(c->stream, room, want, &got, deadline_us);
        if (err != DI_OK)
            return err;
        buf_commit(body, got);
    }
    return buf_status(body);
}

/* What the body stands for, in its place. */
static enum di_err decode_body(struct reply *r)
{
    struct buf text;
    if (r->head.encoding == WIRE_IDENTITY || !r->head.has_content_length)
        return DI_OK;
    if (r->head.encoding != WIRE_ZSTD)
        return DI_PROTOCOL;
    size_t max = FRAME_LEAST + FRAME_RATIO_MAX * r->body.len;
    buf_init(&text, max < PEER_BODY_MAX ? max : PEER_BODY_MAX);
    enum di_err err = coding_decode(buf_bytes(&r->body), r->body.len, &text);
    buf_fini(&r->body);
    r->body = text;
    return err;
}

static int64_t first_by_us(const struct patience *patience)
{
    return patience->first_us != 0 ? patience->first_us : patience->deadline_us;
}

static enum di_err exchange(struct client *c, const struct buf *message,
                            const struct patience *patience, struct reply *out)
{
    int64_t first_us = first_by_us(patience);
    enum di_err err = client_send(c, message, first_us);
    if (err != DI_OK)
        return err;
    err = client_head(c, &out->head, first_us);
    if (err != DI_CANCELLED || patience->linger_us == 0)
        return err;
    net_stream_uncancel(c->stream);
    return client_head(c, &out->head, clock_mono_us() + patience->linger_us);
}

enum di_err client_call(struct sink *sink, const struct addr *to,
                        const struct wire_request *request, const struct patience *patience,
                        struct client **kept, struct reply *out)
{
    int64_t deadline_us = patience->deadline_us;
    struct client *old = kept != NULL ? *kept : NULL;
    enum di_err err = DI_OK;
    struct buf message;
    *out = (struct reply){0};
    buf_init(&message, WIRE_HEAD_MAX);
    buf_init(&out->body, PEER_BODY_MAX);
    wire_request_format(&message, request);
    if (kept != NULL)
        *kept = NULL;
    if (old != NULL && client_is_idle_alive(old))
        out->client = old;
    else
        client_close(old);
    if (out->client == NULL)
        err = client_open(sink, to, kept != NULL ? CLIENT_BUFFER : CALL_BUFFER, patience->waker,
                          first_by_us(patience), &out->client);
    if (err == DI_OK)
        err = exchange(out->client, &message, patience, out);
    if (err == DI_OK && out->head.has_content_length)
        err = read_body(out->client, out->head.content_length, &out->body, deadline_us);
    if (err == DI_OK)
        err = decode_body(out);
    buf_fini(&message);
    if (err != DI_OK) {
        reply_fini(out);
    } else if (out->body.len > 0) {
        sink_trace(sink, true, to, "", 0, buf_bytes(&out->body), out->body.len);
    }
    return err;
}

enum di_err reply_fault(const struct reply *r)
{
    int status = r->head.status;
    if (status == 429 || status == 503)
        return DI_BUSY;
    return status >= 500 ? DI_REMOTE : DI_PROTOCOL;
}

struct client *reply_release(struct reply *r)
{
    struct client *c = r->client;
    if (r->head.close)
        return NULL;
    r->client = NULL;
    return c;
}

void reply_keep(struct reply *r, struct client **kept)
{
    if (kept != NULL)
        *kept = reply_release(r);
    reply_fini(r);
}

void reply_fini(struct reply *r)
{
    buf_fini(&r->body);
    client_close(r->client);
    r->client = NULL;
}
