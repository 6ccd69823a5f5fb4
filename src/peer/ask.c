/* Single questions over client.c, without a running peer. The asking threads. */
#include "p2pdi/peer/ask.h"

#include "internal.h"

#include <stdlib.h>

struct asker {
    struct sink sink;
    struct net_waker *waker;
};

enum di_err asker_new(peer_trace_fn *trace, void *trace_arg, struct asker **out)
{
    struct asker *a = calloc(1, sizeof(*a));
    if (a == NULL)
        return DI_NOMEM;
    enum di_err err = net_waker_new(&a->waker);
    if (err != DI_OK) {
        free(a);
        return err;
    }
    a->sink.trace = trace;
    a->sink.arg = trace_arg;
    lock_init(&a->sink.lock);
    *out = a;
    return DI_OK;
}

void asker_free(struct asker *a)
{
    if (a == NULL)
        return;
    lock_fini(&a->sink.lock);
    net_waker_free(a->waker);
    free(a);
}

void asker_cancel(struct asker *a)
{
    net_waker_wake(a->waker);
}

/* Asks, and makes an error of every answer but 200 and 204. */
static enum di_err ask(struct asker *a, const struct addr *to, struct wire_request *request,
                       int64_t deadline_us, struct reply *reply)
{
    char host[ADDR_HOST_SIZE];
    addr_format_host(to, host);
    request->host = slice_of(host);
    request->close = true;
    struct patience patience = {.deadline_us = deadline_us, .waker = a->waker};
    enum di_err err = client_call(&a->sink, to, request, &patience, NULL, reply);
    if (err != DI_OK)
        return err;
    int status = reply->head.status;
    if (status == 200 || status == 204)
        return DI_OK;
    err = reply_fault(reply);
    reply_fini(reply);
    return err;
}

enum di_err asker_peers(struct asker *a, const struct addr *rs, int64_t deadline_us,
                        bool (*visit)(void *arg, const struct wire_peer_row *row), void *arg)
{
    struct wire_request request = {.method = WIRE_PQUERY};
    struct wire_peer_row row;
    struct wire_rows cursor = {0};
    struct reply reply;

    enum di_err err = ask(a, rs, &request, deadline_us, &reply);
    if (err != DI_OK)
        return err;
    struct slice body = {buf_bytes(&reply.body), reply.body.len};
    if (reply.head.status == 200) {
        while (wire_peer_rows_next(&cursor, body, &row) && visit(arg, &row))
            ;
        if (cursor.fault[0] != '\0')
            err = DI_PROTOCOL;
    }
    reply_fini(&reply);
    return err;
}

enum di_err asker_index(struct asker *a, const struct addr *peer, int64_t deadline_us,
                        bool (*visit)(void *arg, const struct wire_index_row *row), void *arg)
{
    struct wire_request request = {.method = WIRE_GET_INDEX, .scope_own = true};
    struct wire_index_row row;
    struct wire_rows cursor = {0};
    struct reply reply;

    enum di_err err = ask(a, peer, &request, deadline_us, &reply);
    if (err != DI_OK)
        return err;
    struct slice body = {buf_bytes(&reply.body), reply.body.len};
    bool more = reply.head.status == 200;
    while (more && wire_index_rows_next(&cursor, body, &row)) {
        row.holder = *peer;
        more = visit(arg, &row);
    }
    if (cursor.fault[0] != '\0')
        err = DI_PROTOCOL;
    reply_fini(&reply);
    return err;
}
