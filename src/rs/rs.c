/* Life of the registration server: opens store and port, restores records, dispatches requests,
 * stops in reverse. */
#include "internal.h"

#include "p2pdi/base/clock.h"
#include "p2pdi/base/log.h"
#include "p2pdi/base/random.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RECORDS_MAX_DEFAULT 1000000
#define STOP_GRACE_US CLOCK_US_PER_S
#define LISTS_HELD_MAX ((uint64_t)64 << 20)

/* A method that is not here belongs to the other end. */
static void (*const handlers[WIRE_METHOD_COUNT])(struct rs_request *q) = {
    [WIRE_REGISTER] = rs_on_register,     [WIRE_LEAVE] = rs_on_leave,
    [WIRE_KEEP_ALIVE] = rs_on_keep_alive, [WIRE_PQUERY] = rs_on_pquery,
    [WIRE_HTTP_GET] = rs_on_http,         [WIRE_HTTP_HEAD] = rs_on_http,
};

void rs_trace(struct rs *rs, bool received, const struct addr *remote, const char *bytes,
              size_t len)
{
    if (rs->trace == NULL)
        return;
    struct buf shown;
    buf_init(&shown, len + WIRE_HEAD_MAX);
    service_mask_cookies(&shown, bytes, len);
    if (buf_status(&shown) == DI_OK) {
        lock_acquire(&rs->trace_lock);
        rs->trace(rs->trace_arg, received, remote, buf_bytes(&shown), shown.len);
        lock_release(&rs->trace_lock);
    }
    buf_fini(&shown);
}

void rs_send(struct rs_request *q, struct buf *head, struct buf *body)
{
    if (buf_status(head) != DI_OK || (body != NULL && buf_status(body) != DI_OK)) {
        buf_fini(head);
        if (body != NULL)
            buf_fini(body);
        rs_send_error(q, 500, "out of memory");
        return;
    }
    rs_trace(q->rs, false, net_conn_remote(q->conn), buf_bytes(head), head->len);
    net_conn_send_buf(q->conn, head);
    if (body != NULL) {
        rs_trace(q->rs, false, net_conn_remote(q->conn), buf_bytes(body), body->len);
        net_conn_send_buf(q->conn, body);
    }
    service_close_if_asked(q->conn, q->wire);
}

void rs_send_parts(struct rs_request *q, struct buf *head, struct service_page *page,
                   const struct rs_list_part *parts)
{
    if (buf_status(head) != DI_OK) {
        rs_send(q, head, NULL);
        return;
    }
    rs_trace(q->rs, false, net_conn_remote(q->conn), buf_bytes(head), head->len);
    net_conn_send_buf(q->conn, head);
    for (size_t i = 0; i < 2; i++) {
        struct slice part = parts->part[i];
        if (part.n == 0)
            continue;
        rs_trace(q->rs, false, net_conn_remote(q->conn), part.p, part.n);
        net_conn_send_shared(q->conn, part.p, part.n, service_page_unref, service_page_ref(page));
    }
    service_close_if_asked(q->conn, q->wire);
}

void rs_list_fault(struct wire_fault *fault, enum di_err err)
{
    if (err == DI_LIMIT)
        wire_fault_set(fault, 503, "too many lists are being read: try again in a second");
    else
        wire_fault_set(fault, 500, "%s", di_err_text(err));
}

void rs_send_list_error(struct rs_request *q, enum di_err err)
{
    struct wire_fault fault;
    rs_list_fault(&fault, err);
    rs_send_error(q, fault.status, fault.text);
}

void rs_send_error(struct rs_request *q, int status, const char *text)
{
    STATS_ADD(&q->rs->stats, request_errors_total, 1);
    q->status = status;
    struct wire_fault fault;
    wire_fault_set(&fault, status, "%s", text);
    if (q->rs->trace != NULL) {
        struct buf shown;
        buf_init(&shown, WIRE_HEAD_MAX);
        wire_error_format(&shown, q->wire->form, &fault);
        rs_trace(q->rs, false, net_conn_remote(q->conn), buf_bytes(&shown), shown.len);
        buf_fini(&shown);
    }
    service_send_fault(q->conn, q->wire, &fault);
}

static void on_message(void *ctx, struct net_conn *c, const char *message, size_t len)
{
    struct rs *rs = ctx;
    struct wire_request wire = {0};
    struct wire_fault fault = {0};
    struct rs_request q = {
        .rs = rs,
        .conn = c,
        .wire = &wire,
        .now_us = clock_mono_us(),
        .wall_s = clock_wall_s(),
        .status = 200,
    };
    rs_trace(rs, true, net_conn_remote(c), message, len);
    int status = wire_request_parse(message, len, &wire, &fault);
    if (status != 0)
        rs_send_error(&q, status, fault.text);
    else if (handlers[wire.method] == NULL)
        rs_send_error(&q, 405, "a registration server does not answer this: ask a peer");
    else
        handlers[wire.method](&q);
    rs_view_note(&q, status == 0);
}

static void on_dropped(void *ctx, struct net_token token)
{
    struct rs *rs = ctx;
    waiters_drop(rs->waiters, token);
}

static void on_tick(void *ctx, int64_t now_us)
{
    struct rs *rs = ctx;
    lock_acquire(&rs->lock);
    rs_expire_locked(rs, now_us, clock_wall_s());
    lock_release(&rs->lock);
    rs_lists_forget_old(rs->lists, now_us);
    rs_offer_news(rs, now_us);
}

static const struct net_service service = {
    .frame = service_frame,
    .serve = on_message,
    .refuse = service_refuse,
    .dropped = on_dropped,
    .tick = on_tick,
};

static void on_expired(void *arg, const struct peer_record *r)
{
    rs_view_put(arg, r);
}

void rs_expire_locked(struct rs *rs, int64_t now_us, int64_t wall_s)
{
    lock_assert_held(&rs->lock);
    /* Nothing is written: the store keeps the wall-clock expiry, which says the same after a
     * restart. */
    (void)peer_index_expire(rs->index, now_us, wall_s, rs->view != NULL ? on_expired : NULL, rs);
    STATS_SET(&rs->stats, peers_active, (int64_t)peer_index_active(rs->index));
    STATS_SET(&rs->stats, peers_known, (int64_t)peer_index_known(rs->index));
}

struct restoring {
    struct rs *rs;
    size_t left_out;
};

/* Without room the RS starts all the same: who is left out is told so, and registers again. */
static enum di_err restore_record(void *arg, const struct stored_record *r)
{
    struct restoring *a = arg;
    enum di_err err =
        peer_index_restore(a->rs->index, &r->record, r->stamps, r->stamp_count, clock_mono_us());
    if (err != DI_LIMIT)
        return err;
    a->left_out++;
    return DI_OK;
}

static enum di_err open_records(struct rs *rs, const struct rs_config *cfg, size_t records_max,
                                char why[256])
{
    struct restoring restoring = {.rs = rs};
    char path[4096];
    int n = snprintf(path, sizeof(path), "%s/records.db", cfg->state);
    if (n < 0 || (size_t)n >= sizeof(path)) {
        snprintf(why, 256, "the name of the state directory is too long");
        return DI_INVALID;
    }
    enum di_err err = record_store_open_sqlite(path, &rs->store, why);
    if (err != DI_OK)
        return err;
    err = rs->store->ops->load(rs->store, clock_wall_s(), records_max, restore_record, &restoring);
    if (err != DI_OK)
        snprintf(why, 256, "the records could not be read: %s", di_err_text(err));
    else if (restoring.left_out > 0)
        log_write(LOG_WARN, "rs: the registry is full: %zu stored records were left out",
                  restoring.left_out);
    return err;
}

enum di_err rs_start(const struct rs_config *cfg, struct rs **out, char why[256])
{
    uint64_t run = 0;
    random_secret(&run, sizeof(run));
    size_t records_max = cfg->records_max != 0 ? cfg->records_max : RECORDS_MAX_DEFAULT;
    struct rs *rs = calloc(1, sizeof(*rs));
    if (rs == NULL) {
        snprintf(why, 256, "out of memory");
        return DI_NOMEM;
    }
    lock_init(&rs->lock);
    lock_init(&rs->trace_lock);
    rs->trace = cfg->trace;
    rs->trace_arg = cfg->trace_arg;
    rs->started_us = clock_mono_us();

    snprintf(why, 256, "out of memory");
    enum di_err err = peer_index_new(run, records_max, &rs->index);
    if (err == DI_OK)
        err = waiters_new(RS_CONNECTIONS_MAX, &rs->waiters);
    if (err == DI_OK)
        err = rs_lists_new(LISTS_HELD_MAX, &rs->lists);
    if (err == DI_OK)
        err = open_records(rs, cfg, records_max, why);
    if (err == DI_OK && cfg->news != NULL)
        err = rs_view_start(rs, cfg);
    if (err == DI_OK) {
        struct net_server_config net = {
            .listen = cfg->listen,
            .workers = cfg->workers,
            .connections_max = RS_CONNECTIONS_MAX,
            .message_max = WIRE_HEAD_MAX,
            .idle_us = RS_IDLE_US,
            .name = "rs",
        };
        err = net_server_start(&net, &service, rs, &rs->stats, &rs->server, why);
    }
    if (err != DI_OK) {
        rs_stop(rs);
        return err;
    }
    *out = rs;
    return DI_OK;
}

void rs_stop(struct rs *rs)
{
    if (rs == NULL)
        return;
    /* The store owes answers until it is closed: they need a server that ignores them. */
    if (rs->server != NULL)
        net_server_stop(rs->server, STOP_GRACE_US);
    if (rs->store != NULL)
        rs->store->ops->close(rs->store);
    rs_view_free(rs);
    waiters_free(rs->waiters);
    peer_index_free(rs->index);
    lock_fini(&rs->trace_lock);
    lock_fini(&rs->lock);
    net_server_free(rs->server);
    rs_lists_free(rs->lists); /* after the answers that were made of them */
    free(rs);
}

const struct addr *rs_addr(const struct rs *rs)
{
    return net_server_addr(rs->server);
}

void rs_walk(struct rs *rs, bool (*visit)(void *arg, const struct peer_record *r), void *arg)
{
    lock_acquire(&rs->lock);
    int64_t now_us = clock_mono_us();
    int64_t wall_s = clock_wall_s();
    rs_expire_locked(rs, now_us, wall_s);
    peer_index_walk(rs->index, PEER_WALK_ALL, now_us, wall_s, visit, arg);
    lock_release(&rs->lock);
}
