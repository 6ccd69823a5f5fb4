/*
 * The peer's port: what a message asks for decides which handler answers it. Listener and worker
 * threads of net; nothing here waits.
 */
#include "internal.h"

#include "p2pdi/base/log.h"
#include "p2pdi/service/service.h"

#include <stdatomic.h>

#define HEAD_MAX ((size_t)2048)

/* ---- sending --------------------------------------------------------------------------------- */

void job_send_error(struct job *j, int status, const char *text)
{
    struct wire_fault fault;
    wire_fault_set(&fault, status, "%s", text);
    STATS_ADD(&j->peer->stats, request_errors_total, 1);
    if (j->peer->sink.trace != NULL) {
        struct buf shown;
        buf_init(&shown, HEAD_MAX);
        wire_error_format(&shown, j->wire->form, &fault);
        sink_trace(&j->peer->sink, false, net_conn_remote(j->conn), buf_bytes(&shown), shown.len,
                   NULL, 0);
        buf_fini(&shown);
    }
    service_send_fault(j->conn, j->wire, &fault);
}

void job_send_head(struct job *j, struct buf *head)
{
    sink_trace(&j->peer->sink, false, net_conn_remote(j->conn), buf_bytes(head), head->len, NULL,
               0);
    net_conn_send_buf(j->conn, head);
    service_close_if_asked(j->conn, j->wire);
}

void job_send_listing(struct job *j, struct buf *head, struct listing *l, const struct buf *body)
{
    sink_trace(&j->peer->sink, false, net_conn_remote(j->conn), buf_bytes(head), head->len,
               buf_bytes(&l->text), l->text.len);
    net_conn_send_buf(j->conn, head);
    if (body != &l->text)
        STATS_ADD(&j->peer->stats, encoded_total, 1);
    net_conn_send_shared(j->conn, buf_bytes(body), body->len, listing_unref, l);
    service_close_if_asked(j->conn, j->wire);
}

/* ---- handlers -------------------------------------------------------------------------------- */

static void serve_rfc(struct job *j)
{
    serve_document(j, j->wire->rfc, LIBRARY_TXT);
}

/* "PROBE … 200; the Nonce": the RS finds out whether we can be reached. */
static void serve_probe(struct job *j)
{
    char nonce[128];
    size_t len = text_clean(nonce, sizeof(nonce), j->wire->nonce);
    if (len == 0 || len != j->wire->nonce.n) {
        job_send_error(j, 400, "PROBE needs a Nonce of at most 127 printable characters");
        return;
    }
    struct buf head;
    buf_init(&head, HEAD_MAX);
    wire_head_begin(&head, j->wire->form, 200);
    wire_head_field(&head, "Nonce", nonce);
    wire_head_field_u64(&head, "Content-Length", 0);
    service_connection_field(&head, j->wire);
    wire_head_end(&head);
    job_send_head(j, &head);
}

static void serve_elsewhere(struct job *j)
{
    job_send_error(j, 405, "this is a peer: ask a registration server for that");
}

typedef void handler_fn(struct job *j);

static handler_fn *const handlers[WIRE_METHOD_COUNT] = {
    [WIRE_REGISTER] = serve_elsewhere,   [WIRE_LEAVE] = serve_elsewhere,
    [WIRE_KEEP_ALIVE] = serve_elsewhere, [WIRE_PQUERY] = serve_elsewhere,
    [WIRE_GET_INDEX] = serve_index,      [WIRE_GET_RFC] = serve_rfc,
    [WIRE_PROBE] = serve_probe,          [WIRE_HTTP_GET] = serve_http,
    [WIRE_HTTP_HEAD] = serve_http,
};

/* ---- what net calls -------------------------------------------------------------------------- */

static void on_message(void *ctx, struct net_conn *c, const char *message, size_t len)
{
    struct peer *p = ctx;
    struct wire_request wire = {0};
    struct wire_fault fault = {0};
    struct job j = {.peer = p, .conn = c, .wire = &wire};

    sink_trace(&p->sink, true, net_conn_remote(c), message, len, NULL, 0);
    int status = wire_request_parse(message, len, &wire, &fault);
    if (status != 0)
        job_send_error(&j, status, fault.text);
    else if (wire.method >= WIRE_METHOD_COUNT || handlers[wire.method] == NULL)
        job_send_error(&j, 405, "this method is not answered here");
    else
        handlers[wire.method](&j);
}

static void on_dropped(void *ctx, struct net_token token)
{
    struct peer *p = ctx;
    waiters_drop(p->waiters, token);
}

static void on_tick(void *ctx, int64_t now_us)
{
    serve_index_offer(ctx, now_us);
}

const struct net_service peer_service = {
    .frame = service_frame,
    .serve = on_message,
    .refuse = service_refuse,
    .dropped = on_dropped,
    .tick = on_tick,
};
