/* PQUERY: who is there, what changed since, and long polls for it (PROTOCOL.md "Changes"). Worker
 * threads; news by the listener. */
#include "internal.h"

#include "p2pdi/base/random.h"
#include "p2pdi/wire/rows.h"

#include <stdlib.h>
#include <string.h>

#define HEAD_MAX ((size_t)4096)

/* What a PQUERY asks for, apart from its connection: kept while it is parked. */
struct question {
    enum wire_form form;
    bool close;
    uint32_t self; /* peer id of the asker, 0: none */
    uint16_t port; /* where the asker listens; 0: it does not say, and is not told its TTL */
    struct sha256 cookie;
    uint64_t limit;
    char since[CHANGES_VERSION_SIZE]; /* empty: everything */
    struct addr remote;
};

struct rows {
    struct buf *body;
    uint32_t self;
    size_t count; /* rows written */
};

static bool add_row(void *arg, const struct peer_record *r)
{
    struct rows *rows = arg;
    if (r->peer == rows->self)
        return true;
    struct wire_peer_row row = {
        .addr = r->addr,
        .peer = r->peer,
        .active = r->active,
        .ttl_s = r->ttl_s,
        .registrations = r->registrations,
        .last_registered_s = r->last_registered_s,
        .reachable = WIRE_REACHABLE_UNKNOWN,
    };
    wire_peer_row_format(rows->body, &row);
    rows->count++;
    return true;
}

struct answer {
    int status;
    struct buf head, body;
};

static void answer_free(struct answer *a)
{
    buf_fini(&a->head);
    buf_fini(&a->body);
}

/* Everybody who is active, or a fair sample of them. */
static void add_active_locked(struct rs *rs, const struct question *k, int64_t now_us,
                              int64_t wall_s, struct rows *rows)
{
    if (k->limit == 0) {
        peer_index_walk(rs->index, PEER_WALK_ACTIVE, now_us, wall_s, add_row, rows);
        return;
    }
    uint64_t seed = 0;
    random_secret(&seed, sizeof(seed));
    peer_index_sample(rs->index, (size_t)k->limit, k->self, seed, now_us, wall_s, add_row, rows);
}

/* The answer as things stand. 304: nothing changed that the asker may see. Holding rs->lock. */
static void answer_make_locked(struct rs *rs, const struct question *k, int64_t now_us,
                               int64_t wall_s, struct answer *a)
{
    lock_assert_held(&rs->lock);
    buf_init(&a->head, RS_PAGE_MAX);
    buf_init(&a->body, RS_PAGE_MAX);
    struct rows rows = {.body = &a->body, .self = k->self};
    char version[CHANGES_VERSION_SIZE];
    peer_index_version(rs->index, version);
    struct peer_record self;
    bool self_active = k->self != 0 &&
                       peer_index_find(rs->index, &k->cookie, now_us, wall_s, &self) == DI_OK &&
                       self.active;
    size_t active = peer_index_active(rs->index) - (self_active ? 1 : 0);
    bool delta = false;

    wire_peer_header_format(&a->body);
    if (k->since[0] != '\0')
        delta =
            peer_index_walk_since(rs->index, slice_of(k->since), now_us, wall_s, add_row, &rows);
    if (delta && rows.count == 0) {
        a->status = 304;
    } else if (active == 0) {
        a->status = 204; /* which says of everybody that they departed */
    } else {
        a->status = 200;
    }
    if (a->status == 200 && !delta)
        add_active_locked(rs, k, now_us, wall_s, &rows);
    if (a->status != 200)
        buf_clear(&a->body);

    wire_head_begin(&a->head, k->form, a->status);
    if (k->self != 0 && k->port != 0)
        wire_head_field_u64(&a->head, "TTL",
                            self_active && self.addr.port == k->port ? self.ttl_s : 0);
    wire_head_field_u64(&a->head, "Active-Peers", active);
    wire_head_field(&a->head, "Index-Version", version);
    if (a->status == 200) {
        if (delta)
            wire_head_field(&a->head, "Delta", "yes");
        wire_head_field(&a->head, "Content-Type", "text/tab-separated-values; charset=utf-8");
        wire_head_field_u64(&a->head, "Content-Length", a->body.len);
    }
    if (k->close)
        wire_head_field(&a->head, "Connection", "close");
    wire_head_end(&a->head);
}

/* Nothing to tell yet: parks the connection until there is, or until wait is over. false: could
 * not, answer now. */
static bool wait_for_news(struct rs_request *q, const struct question *k, unsigned wait_s)
{
    struct question *kept = malloc(sizeof(*kept));
    if (kept == NULL)
        return false;
    *kept = *k;
    struct net_token token = net_conn_park(q->conn);
    int64_t deadline_us = q->now_us + wait_s * CLOCK_US_PER_S;
    if (waiters_add(q->rs->waiters, token, deadline_us, kept) != DI_OK) {
        free(kept);
        struct buf busy;
        struct wire_fault fault;
        buf_init(&busy, HEAD_MAX);
        wire_fault_set(&fault, 503, "too many requests are waiting");
        wire_error_format(&busy, k->form, &fault);
        net_conn_close_after(q->conn);
        net_server_answer(q->rs->server, token, &busy);
        buf_fini(&busy);
        return true;
    }
    /* What changed between our look and the parking must not be missed. */
    net_server_wake(q->rs->server);
    return true;
}

/* Who asks, by its cookie; renews its TTL. false: answered with an error. */
static bool recognise(struct rs_request *q, struct question *k)
{
    struct peer_record self;
    enum di_err err = rs_renew(q, &k->cookie, &self);
    if (err == DI_OK || err == DI_CLOSED) {
        k->self = self.peer;
        return true;
    }
    if (err == DI_NOT_FOUND)
        rs_send_error(q, 401, "Cookie is not known here: register again without one");
    else
        rs_send_error(q, 500, di_err_text(err));
    return false;
}

/*
 * "200; Active-Peers (all others active), Index-Version; body: peer rows; the owner of the cookie
 * is not among them and its TTL is renewed if it is active (a query never revives). Wrong cookie:
 * 401; none: allowed, leaves nobody out. 204 where there is none."
 */
void rs_on_pquery(struct rs_request *q)
{
    const struct wire_request *w = q->wire;
    struct rs *rs = q->rs;
    struct question k = {
        .form = w->form,
        .close = w->close,
        .limit = w->limit,
        .port = w->has_port ? w->port : 0,
        .remote = *net_conn_remote(q->conn),
    };
    if (w->limit != 0 && (w->since.p != NULL || w->wait_s != 0)) {
        rs_send_error(q, 400, "Limit goes with neither Since nor Wait");
        return;
    }
    if (w->since.p != NULL && w->since.n < sizeof(k.since))
        memcpy(k.since, w->since.p, w->since.n);
    if (w->has_cookie && !recognise(q, &k))
        return;

    struct answer a;
    lock_acquire(&rs->lock);
    rs_expire_locked(rs, q->now_us, q->wall_s);
    answer_make_locked(rs, &k, q->now_us, q->wall_s, &a);
    lock_release(&rs->lock);
    STATS_ADD(&rs->stats, pquery_total, 1);
    q->status = a.status;

    if (a.status == 304 && w->wait_s != 0 && wait_for_news(q, &k, w->wait_s)) {
        service_close_if_asked(q->conn, w);
        answer_free(&a);
        return;
    }
    if (a.body.len == 0) {
        buf_fini(&a.body);
        rs_send(q, &a.head, NULL);
    } else {
        rs_send(q, &a.head, &a.body);
    }
}

struct offer {
    struct rs *rs;
    int64_t now_us, wall_s;
};

static bool decide(void *arg, struct net_token token, void *request, bool expired)
{
    struct offer *o = arg;
    const struct question *k = request;
    struct rs *rs = o->rs;
    struct answer a;
    lock_acquire(&rs->lock);
    answer_make_locked(rs, k, o->now_us, o->wall_s, &a);
    lock_release(&rs->lock);
    bool ready = expired || a.status != 304;
    if (ready) {
        buf_append(&a.head, buf_bytes(&a.body), a.body.len);
        if (buf_status(&a.head) != DI_OK) {
            struct wire_fault fault;
            wire_fault_set(&fault, 500, "out of memory");
            buf_clear(&a.head);
            wire_error_format(&a.head, k->form, &fault);
        }
        rs_trace(rs, false, &k->remote, buf_bytes(&a.head), a.head.len);
        net_server_answer(rs->server, token, &a.head);
    }
    answer_free(&a);
    return ready;
}

void rs_offer_news(struct rs *rs, int64_t now_us)
{
    struct offer o = {.rs = rs, .now_us = now_us, .wall_s = clock_wall_s()};
    waiters_offer(rs->waiters, now_us, decide, &o);
}
