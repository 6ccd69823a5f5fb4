/*
 * GET RFC-Index (PROTOCOL.md "Changes"): the whole, what changed since, or nothing until something
 * does. Workers answer at once or park the connection; the listener's tick answers the parked ones.
 */
#include "internal.h"

#include "p2pdi/service/service.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#define HEAD_MAX ((size_t)2048)
#define SCAN_WAIT_US                                                                               \
    (5 * CLOCK_US_PER_S) /* a library that takes longer is told as far as it is known */
/* A longer delta is not sent: the asker gets the whole index, of which all askers share one copy. */
#define DELTA_MAX ((size_t)64 << 10)
#define TABLE "text/tab-separated-values; charset=utf-8"

/* A parked question. */
struct poll {
    struct peer *peer;
    struct addr remote, local;
    enum rfc_scope scope;
    bool close;
    enum coding coding;
    char since[CHANGES_VERSION_SIZE]; /* empty: the whole, once the first scan is through */
};

static void begin(struct buf *head, int status, const char *version, bool delta, enum coding c,
                  uint64_t len)
{
    buf_init(head, PEER_PAGE_MAX);
    wire_head_begin(head, WIRE_FRAMED, status);
    wire_head_field(head, "Index-Version", version);
    if (status == 304)
        return;
    if (delta)
        wire_head_field(head, "Delta", "yes");
    wire_head_field(head, "Content-Type", TABLE);
    wire_head_field_u64(head, "Content-Length", len);
    coded_fields(head, WIRE_FRAMED, c);
}

static void end(struct buf *head, bool close)
{
    if (close)
        wire_head_field(head, "Connection", "close");
    wire_head_end(head);
}

static void send_whole(struct job *j, enum rfc_scope scope)
{
    struct listing *l = NULL;
    enum listing_kind kind = scope == RFC_SCOPE_OWN ? LISTING_OWN_ROWS : LISTING_ROWS;
    enum di_err err = listing_get(j->peer->listings, kind, net_conn_local(j->conn), &l);
    if (err != DI_OK) {
        job_send_error(j, 500, di_err_text(err));
        return;
    }
    enum coding c = coded_table(j);
    const struct buf *body = listing_coded(l, &c);
    struct buf head;
    begin(&head, 200, l->version, false, c, body->len);
    end(&head, j->wire->close);
    job_send_listing(j, &head, l, body);
}

/* News are many and small, and each is made for one asker: encoded as fast as can be. */
static void encode_rows(struct buf *rows, enum coding *c)
{
    struct buf coded;
    buf_init(&coded, rows->len);
    if (*c != CODING_IDENTITY && buf_status(rows) == DI_OK && rows->len >= CODED_MIN &&
        coding_encode(*c, CODING_LEVEL_FAST, buf_bytes(rows), rows->len, &coded) == DI_OK) {
        buf_fini(rows);
        *rows = coded;
        return;
    }
    buf_fini(&coded);
    *c = CODING_IDENTITY;
}

/*
 * The answer to a Since as things stand, in one buffer. DI_NOT_FOUND: that version is not known, or
 * too much changed since; the whole is due. *changed false: a 304.
 */
static enum di_err answer_since(struct peer *p, enum rfc_scope scope, struct slice since,
                                const struct addr *local, bool close, enum coding c,
                                struct buf *out, bool *changed)
{
    struct buf rows;
    char version[CHANGES_VERSION_SIZE];
    buf_init(&rows, DELTA_MAX);
    if (!listing_delta(p, scope, since, local, &rows, version, changed) ||
        buf_status(&rows) == DI_LIMIT) {
        buf_fini(&rows);
        return DI_NOT_FOUND;
    }
    encode_rows(&rows, &c);
    begin(out, *changed ? 200 : 304, version, true, c, rows.len);
    end(out, close);
    if (*changed)
        buf_append(out, buf_bytes(&rows), rows.len);
    enum di_err err = buf_status(&rows) != DI_OK ? buf_status(&rows) : buf_status(out);
    buf_fini(&rows);
    if (err != DI_OK)
        buf_fini(out);
    return err;
}

/* Nothing to tell yet: true if the connection waits until there is, at most for wait_us. */
static bool park(struct job *j, enum rfc_scope scope, int64_t wait_us)
{
    const struct wire_request *w = j->wire;
    struct poll *poll = malloc(sizeof(*poll));
    if (poll == NULL || w->since.n >= sizeof(poll->since)) {
        free(poll);
        return false;
    }
    *poll = (struct poll){
        .peer = j->peer,
        .remote = *net_conn_remote(j->conn),
        .local = *net_conn_local(j->conn),
        .scope = scope,
        .close = w->close,
        .coding = coded_table(j),
    };
    if (w->since.p != NULL)
        memcpy(poll->since, w->since.p, w->since.n);
    service_close_if_asked(j->conn, w);
    struct net_token token = net_conn_park(j->conn);
    if (waiters_add(j->peer->waiters, token, clock_mono_us() + wait_us, poll) != DI_OK) {
        /* Parked is parked: the refusal takes the way that the answer would have taken. */
        struct wire_fault fault;
        struct buf refusal;
        wire_fault_set(&fault, 503, "too many requests are waiting");
        buf_init(&refusal, HEAD_MAX);
        wire_error_format(&refusal, WIRE_FRAMED, &fault);
        net_conn_close_after(j->conn);
        net_server_answer(j->peer->server, token, &refusal);
        buf_fini(&refusal);
        free(poll);
        return true;
    }
    /* What changed between our look and the parking must not be missed. */
    net_server_wake(j->peer->server);
    return true;
}

void serve_index(struct job *j)
{
    const struct wire_request *w = j->wire;
    enum rfc_scope scope = w->scope_own ? RFC_SCOPE_OWN : RFC_SCOPE_ALL;
    bool changed = false;
    struct buf answer;

    STATS_ADD(&j->peer->stats, rfcquery_total, 1);
    neighbours_note_self(j->peer->neighbours, net_conn_local(j->conn));
    if (w->since.p == NULL || w->since.n == 0) {
        /* A peer that has just started would seem to hold less than it does. */
        if (j->peer->scanned || !park(j, scope, SCAN_WAIT_US))
            send_whole(j, scope);
        return;
    }
    enum di_err err = answer_since(j->peer, scope, w->since, net_conn_local(j->conn), w->close,
                                   coded_table(j), &answer, &changed);
    if (err == DI_NOT_FOUND) {
        send_whole(j, scope);
    } else if (err != DI_OK) {
        job_send_error(j, 500, di_err_text(err));
    } else if (!changed && w->wait_s > 0 && park(j, scope, w->wait_s * CLOCK_US_PER_S)) {
        buf_fini(&answer);
    } else {
        job_send_head(j, &answer);
    }
}

/* ---- parked ---------------------------------------------------------------------------------- */

/* So much changed meanwhile that the delta is lost: everything, shared. An error: not answered. */
static enum di_err answer_whole(struct peer *p, const struct poll *poll, struct net_token token)
{
    struct listing *l = NULL;
    struct buf head;
    enum listing_kind kind = poll->scope == RFC_SCOPE_OWN ? LISTING_OWN_ROWS : LISTING_ROWS;
    enum di_err err = listing_get(p->listings, kind, &poll->local, &l);
    if (err != DI_OK)
        return err;
    enum coding c = poll->coding;
    const struct buf *body = listing_coded(l, &c);
    begin(&head, 200, l->version, false, c, body->len);
    end(&head, poll->close);
    err = buf_status(&head);
    if (err != DI_OK) {
        buf_fini(&head);
        listing_unref(l);
        return err;
    }
    sink_trace(&p->sink, false, &poll->remote, buf_bytes(&head), head.len, buf_bytes(&l->text),
               l->text.len);
    struct net_shared rows = {
        .bytes = buf_bytes(body), .len = body->len, .release = listing_unref, .arg = l};
    net_server_answer_shared(p->server, token, &head, &rows, 1);
    buf_fini(&head);
    return DI_OK;
}

static bool decide(void *arg, struct net_token token, void *request, bool expired)
{
    const struct poll *poll = request;
    struct peer *p = arg;
    struct buf answer;
    bool changed = false;
    enum di_err err = DI_NOT_FOUND;
    if (poll->since[0] == '\0') {
        if (!p->scanned && !expired)
            return false;
    } else {
        err = answer_since(p, poll->scope, slice_of(poll->since), &poll->local, poll->close,
                           poll->coding, &answer, &changed);
        if (err == DI_OK && !changed && !expired) {
            buf_fini(&answer);
            return false;
        }
    }
    if (err == DI_NOT_FOUND) {
        err = answer_whole(p, poll, token);
        if (err == DI_OK)
            return true;
    }
    if (err != DI_OK) {
        struct wire_fault fault;
        wire_fault_set(&fault, 500, "%s", di_err_text(err));
        buf_init(&answer, HEAD_MAX);
        wire_error_format(&answer, WIRE_FRAMED, &fault);
    }
    sink_trace(&p->sink, false, &poll->remote, buf_bytes(&answer), answer.len, NULL, 0);
    net_server_answer(p->server, token, &answer);
    buf_fini(&answer);
    return true;
}

void serve_index_offer(struct peer *p, int64_t now_us)
{
    waiters_offer(p->waiters, now_us, decide, p);
}

void serve_on_change(struct peer *p)
{
    /* While starting and stopping there is no server yet or any more; nobody waits then. */
    if (p->listening && !waiters_is_empty(p->waiters))
        net_server_wake(p->server);
}
