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
#define TABLE "text/tab-separated-values; charset=utf-8"

/* What an answer's body depends on, but for its coding. */
struct question {
    enum rfc_scope scope;
    struct addr local;
    char since[CHANGES_VERSION_SIZE]; /* empty: the whole, once the first scan is through */
};

/* A parked question. */
struct poll {
    struct question asked;
    struct addr remote;
    bool close;
    enum coding coding;
};

static struct question question_of(const struct job *j)
{
    const struct slice since = j->wire->since;
    struct question q = {.scope = j->wire->scope_own ? RFC_SCOPE_OWN : RFC_SCOPE_ALL,
                         .local = *net_conn_local(j->conn)};
    /* No version of ours is longer: who has another one gets the whole. */
    if (since.n > 0 && since.n < sizeof(q.since))
        memcpy(q.since, since.p, since.n);
    return q;
}

static bool is_same(const struct question *a, const struct question *b)
{
    return a->scope == b->scope && strcmp(a->since, b->since) == 0 &&
           addr_equal(&a->local, &b->local);
}

/* The body as things stand: what changed, or the whole where that is asked for or due instead. */
static enum di_err answer(struct peer *p, const struct question *q, struct listing **out)
{
    if (q->since[0] != '\0') {
        enum di_err err = listing_since(p, q->scope, slice_of(q->since), &q->local, out);
        if (err != DI_NOT_FOUND)
            return err;
    }
    enum listing_kind kind = q->scope == RFC_SCOPE_OWN ? LISTING_OWN_ROWS : LISTING_ROWS;
    return listing_get(p->listings, kind, &q->local, out);
}

static bool is_news(const struct listing *l)
{
    return l->text.len > 0;
}

/* The head, and the body that goes behind it: empty behind a 304. */
static const struct buf *begin(struct buf *head, struct listing *l, enum coding c, bool close)
{
    const struct buf *body = listing_coded(l, &c);
    buf_init(head, PEER_PAGE_MAX);
    wire_head_begin(head, WIRE_FRAMED, is_news(l) ? 200 : 304);
    wire_head_field(head, "Index-Version", l->version);
    if (is_news(l)) {
        if (l->delta)
            wire_head_field(head, "Delta", "yes");
        wire_head_field(head, "Content-Type", TABLE);
        wire_head_field_u64(head, "Content-Length", body->len);
        coded_fields(head, WIRE_FRAMED, c);
    }
    if (close)
        wire_head_field(head, "Connection", "close");
    wire_head_end(head);
    return body;
}

/* Takes the listing. */
static void send_listing(struct job *j, struct listing *l)
{
    struct buf head;
    const struct buf *body = begin(&head, l, coded_table(j), j->wire->close);
    if (is_news(l)) {
        job_send_listing(j, &head, l, body);
    } else {
        listing_unref(l);
        job_send_head(j, &head);
    }
}

/* Is there something to tell that was not there when we looked, at that version? */
static bool has_news_since(struct peer *p, const struct question *q, const char *seen)
{
    char version[CHANGES_VERSION_SIZE];
    if (q->since[0] == '\0')
        return p->scanned;
    catalog_version(p->catalog, q->scope, version);
    return strcmp(version, seen) != 0;
}

/*
 * Nothing to tell yet, at the version that was seen: true if the connection waits until there is, at most
 * for wait_us.
 */
static bool park(struct job *j, const struct question *q, const char *seen, int64_t wait_us)
{
    const struct wire_request *w = j->wire;
    struct poll *poll = malloc(sizeof(*poll));
    if (poll == NULL)
        return false;
    *poll = (struct poll){
        .asked = *q,
        .remote = *net_conn_remote(j->conn),
        .close = w->close,
        .coding = coded_table(j),
    };
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
    /* What changed between our look and the parking must not be missed; else all who wait already need
     * not be looked at because of one more. */
    if (has_news_since(j->peer, q, seen))
        net_server_wake(j->peer->server);
    return true;
}

void serve_index(struct job *j)
{
    struct question q = question_of(j);
    struct listing *l = NULL;

    STATS_ADD(&j->peer->stats, rfcquery_total, 1);
    neighbours_note_self(j->peer->neighbours, net_conn_local(j->conn));
    /* A peer that has just started would seem to hold less than it does. */
    if (q.since[0] == '\0' && !j->peer->scanned && park(j, &q, "", SCAN_WAIT_US))
        return;
    enum di_err err = answer(j->peer, &q, &l);
    if (err != DI_OK)
        job_send_error(j, 500, di_err_text(err));
    else if (!is_news(l) && j->wire->wait_s > 0 &&
             park(j, &q, l->version, j->wire->wait_s * CLOCK_US_PER_S))
        listing_unref(l);
    else
        send_listing(j, l);
}

/* ---- parked ---------------------------------------------------------------------------------- */

/* Nearly all who wait have the same version; there are two scopes, and few addresses of ours. */
#define ROUND_KEPT 8

/* One offer to all who wait: those who ask the same get the same listing, held once. */
struct round {
    struct peer *peer;
    size_t made;
    struct {
        struct question asked;
        struct listing *listing;
    } kept[ROUND_KEPT];
};

/* Borrowed until the next call, or the round's end. */
static enum di_err answer_once(struct round *r, const struct question *q, struct listing **out)
{
    for (size_t i = 0; i < ROUND_KEPT && r->kept[i].listing != NULL; i++) {
        if (is_same(&r->kept[i].asked, q)) {
            *out = r->kept[i].listing;
            return DI_OK;
        }
    }
    enum di_err err = answer(r->peer, q, out);
    if (err == DI_OK) {
        size_t at = r->made++ % ROUND_KEPT;
        listing_unref(r->kept[at].listing);
        r->kept[at].asked = *q;
        r->kept[at].listing = *out;
    }
    return err;
}

/* An error: not answered. */
static enum di_err send_parked(struct peer *p, const struct poll *poll, struct net_token token,
                               struct listing *l)
{
    struct buf head;
    const struct buf *body = begin(&head, l, poll->coding, poll->close);
    enum di_err err = buf_status(&head);
    if (err == DI_OK) {
        sink_trace(&p->sink, false, &poll->remote, buf_bytes(&head), head.len, buf_bytes(&l->text),
                   l->text.len);
        if (body != &l->text)
            STATS_ADD(&p->stats, encoded_total, 1);
        struct net_shared rows = {.bytes = buf_bytes(body),
                                  .len = body->len,
                                  .release = listing_unref,
                                  .arg = listing_ref(l)};
        net_server_answer_shared(p->server, token, &head, &rows, 1);
    }
    buf_fini(&head);
    return err;
}

static void send_failure(struct peer *p, const struct poll *poll, struct net_token token,
                         enum di_err err)
{
    struct wire_fault fault;
    struct buf head;
    wire_fault_set(&fault, 500, "%s", di_err_text(err));
    buf_init(&head, HEAD_MAX);
    wire_error_format(&head, WIRE_FRAMED, &fault);
    sink_trace(&p->sink, false, &poll->remote, buf_bytes(&head), head.len, NULL, 0);
    net_server_answer(p->server, token, &head);
    buf_fini(&head);
}

static bool decide(void *arg, struct net_token token, void *request, bool expired)
{
    struct round *r = arg;
    const struct poll *poll = request;
    struct listing *l = NULL;
    if (poll->asked.since[0] == '\0' && !r->peer->scanned && !expired)
        return false;
    enum di_err err = answer_once(r, &poll->asked, &l);
    if (err == DI_OK && !is_news(l) && !expired)
        return false;
    if (err == DI_OK)
        err = send_parked(r->peer, poll, token, l);
    if (err != DI_OK)
        send_failure(r->peer, poll, token, err);
    return true;
}

void serve_index_offer(struct peer *p, int64_t now_us)
{
    struct round r = {.peer = p};
    waiters_offer(p->waiters, now_us, decide, &r);
    for (size_t i = 0; i < ROUND_KEPT; i++)
        listing_unref(r.kept[i].listing);
}

void serve_on_change(struct peer *p)
{
    /* While starting and stopping there is no server yet or any more; nobody waits then. */
    if (p->listening && !waiters_is_empty(p->waiters))
        net_server_wake(p->server);
}
