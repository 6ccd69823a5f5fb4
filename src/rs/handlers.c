/*
 * REGISTER, LEAVE, KEEP-ALIVE (PROTOCOL.md "Peer to RS"). Worker threads.
 *
 * REGISTER and LEAVE are answered once their record is on disk: the connection is parked, the
 * store's writer answers it.
 */
#include "internal.h"

#include "p2pdi/base/log.h"
#include "p2pdi/base/random.h"
#include "p2pdi/wire/rows.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define PORT_MIN 1024 /* a peer needs no privileged port; a third party's services have them */
#define HEAD_MAX ((size_t)4096)

/* An answer that waits for the disk. */
struct owed {
    enum di_err err; /* of queueing it */
    struct rs *rs;
    struct net_token token;
    enum wire_form form;
    struct addr remote;
    struct buf answer;
};

static void on_durable(void *arg, enum di_err err)
{
    struct owed *o = arg;
    if (err != DI_OK) {
        struct wire_fault fault;
        wire_fault_set(&fault, 500, "the record could not be stored: %s", di_err_text(err));
        buf_clear(&o->answer);
        wire_error_format(&o->answer, o->form, &fault);
        STATS_ADD(&o->rs->stats, request_errors_total, 1);
        log_write(LOG_ERROR, "rs: a record could not be stored: %s", di_err_text(err));
    }
    rs_trace(o->rs, false, &o->remote, buf_bytes(&o->answer), o->answer.len);
    net_server_answer(o->rs->server, o->token, &o->answer);
    buf_fini(&o->answer);
    free(o);
}

static struct stored_record *next_scratch_locked(struct rs *rs)
{
    lock_assert_held(&rs->lock);
    return &rs->scratch[rs->scratch_count++];
}

/* For the screen and the store. */
static void changed_locked(struct rs *rs, const struct peer_record *r)
{
    struct stored_record *to = next_scratch_locked(rs);
    rs_view_put(rs, r);
    to->forgotten = false;
    to->record = *r;
    to->stamp_count = peer_index_stamps(rs->index, &r->cookie, to->stamps);
}

/*
 * The one whose place another takes (rival, may be NULL) is inactive: its row on disk says that it is
 * active, and would say so again after a restart once the other has left. Whom the index dropped, be
 * it the rival, is deleted there, too. Stored in one transaction with the new record: that one alone
 * would let the rival come back after a restart, these rows alone would displace a peer for a registration
 * that was never acknowledged.
 */
static void displaced_locked(struct rs *rs, struct peer_record *rival)
{
    struct sha256 cookie;
    lock_assert_held(&rs->lock);
    bool dropped = peer_index_dropped(rs->index, &cookie);
    if (dropped) {
        struct stored_record *gone = next_scratch_locked(rs);
        gone->forgotten = true;
        gone->record.cookie = cookie;
    }
    if (rival == NULL)
        return;
    rival->active = false;
    rival->ttl_s = 0;
    rival->expires_us = 0;
    if (dropped && sha256_equal(&cookie, &rival->cookie))
        rs_view_put(rs, rival);
    else
        changed_locked(rs, rival);
}

/*
 * Queues r for the store, behind whom it displaced, and owes the answer; takes the answer. Holding
 * rs->lock, so that the store sees changes in their order. What the store refuses is to be answered by
 * the caller, after the lock.
 */
static enum di_err owe_locked(struct rs_request *q, const struct peer_record *r, struct buf *answer,
                              struct owed **refused)
{
    struct rs *rs = q->rs;
    lock_assert_held(&rs->lock);
    q->peer = r->peer;
    changed_locked(rs, r);
    size_t count = rs->scratch_count;
    rs->scratch_count = 0;
    struct owed *o = malloc(sizeof(*o));
    if (o == NULL || buf_status(answer) != DI_OK) {
        free(o);
        buf_fini(answer);
        return DI_NOMEM;
    }
    *o = (struct owed){
        .rs = rs,
        .form = q->wire->form,
        .remote = *net_conn_remote(q->conn),
        .answer = *answer,
    };
    service_close_if_asked(q->conn, q->wire);
    o->token = net_conn_park(q->conn);
    enum di_err err = rs->store->ops->put(rs->store, rs->scratch, count, q->wall_s, on_durable, o);
    if (err != DI_OK) {
        o->err = err;
        *refused = o;
    }
    return DI_OK;
}

/* The connection is parked already: the refusal takes the same way as the answer would have. */
static void answer_refused(struct owed *o)
{
    if (o != NULL)
        on_durable(o, o->err);
}

static void answer_begin(struct buf *answer, const struct rs_request *q)
{
    buf_init(answer, HEAD_MAX);
    wire_head_begin(answer, q->wire->form, 200);
}

static void answer_end(struct buf *answer, const struct rs_request *q)
{
    wire_head_field_u64(answer, "Content-Length", 0);
    service_connection_field(answer, q->wire);
    wire_head_end(answer);
}

/* Digest under which a cookie is looked up and stored. */
static enum di_err cookie_digest(uint64_t cookie, struct sha256 *out)
{
    char digits[24];
    int len = snprintf(digits, sizeof(digits), "%" PRIu64, cookie);
    return sha256_of(digits, (size_t)len, out);
}

static enum di_err request_digest(const struct rs_request *q, struct sha256 *out)
{
    return q->wire->has_cookie ? cookie_digest(q->wire->cookie, out) : DI_NOT_FOUND;
}

static void log_peer(const char *what, const struct peer_record *r)
{
    char at[ADDR_TEXT_SIZE];
    addr_format(&r->addr, at);
    log_write(LOG_INFO, "peer %" PRIu32 " at %s %s", r->peer, at, what);
}

static void clean_name(char out[PEER_NAME_SIZE], struct slice s)
{
    (void)text_clean(out, PEER_NAME_SIZE, s);
}

/*
 * "200; Cookie (decimal, 63 random bits), Peer (public id), TTL, Reachable. Unknown cookie: 401,
 * and the client registers again without. Without Port: 400."
 */
void rs_on_register(struct rs_request *q)
{
    const struct wire_request *w = q->wire;
    struct rs *rs = q->rs;
    if (!w->has_port) {
        rs_send_error(q, 400, "REGISTER needs a Port: the one your RFC server listens on");
        return;
    }
    if (w->port < PORT_MIN) {
        rs_send_error(q, 400, "Port is below 1024: listen on an unprivileged one");
        return;
    }
    uint64_t cookie = w->has_cookie ? w->cookie : random_cookie();
    struct sha256 digest;
    if (cookie_digest(cookie, &digest) != DI_OK) {
        rs_send_error(q, 500, "out of memory");
        return;
    }
    char name[PEER_NAME_SIZE];
    char os[PEER_NAME_SIZE];
    clean_name(name, w->host);
    clean_name(os, w->os);
    struct addr addr = *net_conn_remote(q->conn);
    addr.port = w->port;

    struct peer_record r;
    struct peer_record rival;
    struct owed *refused = NULL;
    enum di_err err = DI_OK;
    lock_acquire(&rs->lock);
    rs_expire_locked(rs, q->now_us, q->wall_s);
    if (w->has_cookie)
        err = peer_index_find(rs->index, &digest, q->now_us, q->wall_s, &r);
    bool has_rival = peer_index_find_addr(rs->index, &addr, q->now_us, q->wall_s, &rival) == DI_OK;
    if (err == DI_OK)
        err = peer_index_register(rs->index, &digest, &addr, name, os, q->now_us, q->wall_s, &r);
    if (err == DI_OK) {
        displaced_locked(rs, has_rival && rival.peer != r.peer ? &rival : NULL);
        struct buf answer;
        answer_begin(&answer, q);
        wire_head_field_u64(&answer, "Cookie", cookie);
        wire_head_field_u64(&answer, "Peer", r.peer);
        wire_head_field_u64(&answer, "TTL", r.ttl_s);
        wire_head_field(&answer, "Reachable", wire_reachable_word(WIRE_REACHABLE_UNKNOWN));
        answer_end(&answer, q);
        err = owe_locked(q, &r, &answer, &refused);
    }
    lock_release(&rs->lock);
    answer_refused(refused);

    switch (err) {
    case DI_OK:
        STATS_ADD(&rs->stats, register_total, 1);
        log_peer("registered", &r);
        net_server_wake(rs->server);
        break;
    case DI_NOT_FOUND:
        rs_send_error(q, 401, "Cookie is not known here: register again without one");
        break;
    case DI_LIMIT:
        rs_send_error(q, 503, "the registry is full");
        break;
    default:
        rs_send_error(q, 500, di_err_text(err));
    }
}

/* Of an earlier run, and late: by now its record is listed at another port. */
static bool is_of_another_run(const struct wire_request *w, const struct peer_record *r)
{
    return w->has_port && w->port != r->addr.port;
}

/* "LEAVE … 200". Leaving twice is as good as once. */
void rs_on_leave(struct rs_request *q)
{
    struct rs *rs = q->rs;
    struct sha256 digest;
    struct peer_record r;
    struct owed *refused = NULL;
    bool late = false;
    enum di_err err = request_digest(q, &digest);
    if (err == DI_OK) {
        lock_acquire(&rs->lock);
        rs_expire_locked(rs, q->now_us, q->wall_s);
        err = peer_index_find(rs->index, &digest, q->now_us, q->wall_s, &r);
        late = err == DI_OK && is_of_another_run(q->wire, &r);
        if (err == DI_OK && !late)
            err = peer_index_leave(rs->index, &digest, q->now_us, q->wall_s, &r);
        if (err == DI_OK) {
            struct buf answer;
            answer_begin(&answer, q);
            answer_end(&answer, q);
            err = owe_locked(q, &r, &answer, &refused);
        }
        lock_release(&rs->lock);
        answer_refused(refused);
    }
    if (err == DI_OK) {
        STATS_ADD(&rs->stats, leave_total, 1);
        log_peer(late ? "stays: an earlier one at another port left" : "left", &r);
        net_server_wake(rs->server);
    } else if (err == DI_NOT_FOUND) {
        rs_send_error(q, 401, "Cookie is missing or not known here");
    } else {
        rs_send_error(q, 500, di_err_text(err));
    }
}

enum di_err rs_renew(struct rs_request *q, struct sha256 *digest, struct peer_record *r)
{
    struct rs *rs = q->rs;
    enum di_err err = request_digest(q, digest);
    if (err != DI_OK)
        return err;
    lock_acquire(&rs->lock);
    rs_expire_locked(rs, q->now_us, q->wall_s);
    err = peer_index_find(rs->index, digest, q->now_us, q->wall_s, r);
    if (err == DI_OK && is_of_another_run(q->wire, r))
        err = DI_CLOSED;
    else if (err == DI_OK)
        err = peer_index_renew(rs->index, digest, q->now_us, q->wall_s, r);
    if (err == DI_OK || err == DI_CLOSED)
        q->peer = r->peer;
    if (err == DI_OK)
        rs_view_put(rs, r);
    bool written = err != DI_OK || rs->store->ops->renew(rs->store, digest, q->wall_s) == DI_OK;
    lock_release(&rs->lock);
    if (!written)
        log_write(LOG_WARN, "rs: the store is behind: a renewal was not written");
    return err;
}

/* "KEEP-ALIVE … 200; TTL. Record inactive: 404, register again". */
void rs_on_keep_alive(struct rs_request *q)
{
    struct sha256 digest;
    struct peer_record r;
    enum di_err err = rs_renew(q, &digest, &r);
    switch (err) {
    case DI_OK: {
        struct buf answer;
        answer_begin(&answer, q);
        wire_head_field_u64(&answer, "TTL", r.ttl_s);
        answer_end(&answer, q);
        STATS_ADD(&q->rs->stats, keepalive_total, 1);
        rs_send(q, &answer, NULL);
        break;
    }
    case DI_NOT_FOUND:
        rs_send_error(q, 401, "Cookie is missing or not known here");
        break;
    case DI_CLOSED:
        rs_send_error(q, 404, "the record is inactive, or at another port: register again");
        break;
    default:
        rs_send_error(q, 500, di_err_text(err));
    }
}
