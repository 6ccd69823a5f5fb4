/* PQUERY: who is there, what changed since, and long polls for it (PROTOCOL.md "Changes"). Worker
 * threads; news by the listener. */
#include "internal.h"

#include "p2pdi/base/random.h"
#include "p2pdi/wire/rows.h"

#include <stdlib.h>
#include <string.h>

#define HEAD_MAX ((size_t)4096)
/* Rows of a sample, which are made for one asker and kept until he has read them, and of what changed; if
 * that is more he gets everything, of which all askers share one copy. */
#define OWN_ROWS_MAX 1024

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

void rs_row_of(const struct peer_record *r, struct wire_peer_row *row)
{
    *row = (struct wire_peer_row){
        .addr = r->addr,
        .peer = r->peer,
        .active = r->active,
        .ttl_s = r->ttl_s,
        .registrations = r->registrations,
        .last_registered_s = r->last_registered_s,
        .reachable = WIRE_REACHABLE_UNKNOWN,
    };
}

static bool add_row(void *arg, const struct peer_record *r)
{
    struct wire_peer_row row;
    rs_row_of(r, &row);
    wire_peer_row_format(arg, &row);
    return true;
}

/* Nearly all who wait have the same version. */
#define ROUND_KEPT 8

/* One offer to all who wait: those who have the same version get parts of the same list. */
struct round {
    struct rs *rs;
    int64_t now_us, wall_s;
    size_t made;
    struct {
        char since[CHANGES_VERSION_SIZE];
        struct rs_list *list;
    } kept[ROUND_KEPT];
};

struct answer {
    int status; /* 0: everything is due, which everybody gets of one list */
    bool has_ttl;
    uint32_t ttl_s;
    size_t active; /* others */
    char version[CHANGES_VERSION_SIZE];
    bool delta;
    struct buf body;           /* made for this asker */
    struct rs_list *list;      /* or parts of a shared one; NULL: none */
    struct rs_list_part parts; /* of list */
};

static void answer_free(struct answer *a)
{
    buf_fini(&a->body);
    rs_list_unref(a->list);
}

/* A reference to who departed, came or changed. */
static enum di_err news_locked(struct round *r, const char *since, struct rs_list **out)
{
    for (size_t i = 0; i < ROUND_KEPT && i < r->made; i++) {
        if (strcmp(r->kept[i].since, since) != 0)
            continue;
        if (r->kept[i].list == NULL)
            return DI_NOT_FOUND;
        *out = rs_list_ref(r->kept[i].list);
        return DI_OK;
    }
    enum di_err err =
        rs_list_since_locked(r->rs, since, OWN_ROWS_MAX + 1, r->now_us, r->wall_s, out);
    if (err == DI_OK || err == DI_NOT_FOUND) {
        size_t at = r->made++ % ROUND_KEPT;
        rs_list_unref(r->kept[at].list);
        r->kept[at].list = err == DI_OK ? rs_list_ref(*out) : NULL;
        memcpy(r->kept[at].since, since, sizeof(r->kept[at].since));
    }
    return err;
}

static void round_end(struct round *r)
{
    for (size_t i = 0; i < ROUND_KEPT; i++)
        rs_list_unref(r->kept[i].list);
}

static void no_list(struct answer *a)
{
    rs_list_unref(a->list);
    a->list = NULL;
    a->parts = (struct rs_list_part){0};
}

/* What changed, but for the asker itself, as of the round's version. !a->delta: everything is due instead. */
static enum di_err add_changes_locked(struct round *r, const struct question *k, struct answer *a)
{
    if (strcmp(k->since, a->version) == 0) {
        a->delta = true; /* of nothing, as most often when somebody comes to wait */
        return DI_OK;
    }
    enum di_err err = news_locked(r, k->since, &a->list);
    if (err == DI_NOT_FOUND)
        return DI_OK;
    if (err != DI_OK)
        return err;
    rs_list_but(a->list, k->self, &a->parts);
    a->delta = a->parts.count <= OWN_ROWS_MAX;
    if (a->delta)
        memcpy(a->version, rs_list_version(a->list), sizeof(a->version));
    else
        no_list(a);
    return DI_OK;
}

static void add_sample_locked(struct round *r, const struct question *k, struct buf *body)
{
    uint64_t seed = 0;
    size_t n = k->limit < OWN_ROWS_MAX ? (size_t)k->limit : OWN_ROWS_MAX;
    random_secret(&seed, sizeof(seed));
    wire_peer_header_format(body);
    peer_index_sample(r->rs->index, n, k->self, seed, r->now_us, r->wall_s, add_row, body);
}

/* Others, and the asker's TTL. */
static void add_counts_locked(struct round *r, const struct question *k, struct answer *a)
{
    struct peer_record self;
    bool self_active =
        k->self != 0 &&
        peer_index_find(r->rs->index, &k->cookie, r->now_us, r->wall_s, &self) == DI_OK &&
        self.active;
    a->has_ttl = k->self != 0 && k->port != 0;
    if (self_active && self.addr.port == k->port)
        a->ttl_s = self.ttl_s;
    a->active = peer_index_active(r->rs->index) - (self_active ? 1 : 0);
}

/* The answer as things stand. 304: nothing changed that the asker may see. Holding rs->lock. */
static enum di_err answer_decide_locked(struct round *r, const struct question *k, struct answer *a)
{
    lock_assert_held(&r->rs->lock);
    peer_index_version(r->rs->index, a->version);
    add_counts_locked(r, k, a);
    if (k->since[0] != '\0') {
        enum di_err err = add_changes_locked(r, k, a);
        if (err != DI_OK)
            return err;
    }
    if (a->delta && a->parts.count == 0) {
        a->status = 304;
    } else if (a->active == 0) {
        a->status = 204; /* nobody else is active: the asker forgets all whom it knew */
    } else if (a->delta) {
        a->status = 200;
    } else if (k->limit != 0 && (k->limit <= OWN_ROWS_MAX || k->limit < a->active)) {
        add_sample_locked(r, k, &a->body);
        a->status = 200;
    }
    if (a->status != 200)
        no_list(a);
    return buf_status(&a->body);
}

/* Everybody who is active. The list may be of another moment: what it says is told of it. */
static enum di_err answer_whole(struct rs *rs, const struct question *k, struct answer *a)
{
    enum di_err err = rs_list_get(rs, RS_LIST_ROWS, &a->list);
    if (err != DI_OK)
        return err;
    rs_list_but(a->list, k->self, &a->parts);
    memcpy(a->version, rs_list_version(a->list), sizeof(a->version));
    a->active = a->parts.count;
    a->status = a->active != 0 ? 200 : 204;
    if (a->status == 204) {
        rs_list_unref(a->list);
        a->list = NULL;
    }
    return DI_OK;
}

/* Not with rs->lock held. */
static enum di_err answer_make(struct round *r, const struct question *k, struct answer *a)
{
    *a = (struct answer){0};
    buf_init(&a->body, RS_PAGE_MAX);
    lock_acquire(&r->rs->lock);
    rs_expire_locked(r->rs, r->now_us, r->wall_s);
    enum di_err err = answer_decide_locked(r, k, a);
    lock_release(&r->rs->lock);
    return err == DI_OK && a->status == 0 ? answer_whole(r->rs, k, a) : err;
}

static void head_make(const struct question *k, const struct answer *a, struct buf *head)
{
    buf_init(head, RS_PAGE_MAX);
    wire_head_begin(head, k->form, a->status);
    if (a->has_ttl)
        wire_head_field_u64(head, "TTL", a->ttl_s);
    wire_head_field_u64(head, "Active-Peers", a->active);
    wire_head_field(head, "Index-Version", a->version);
    if (a->status == 200) {
        if (a->delta)
            wire_head_field(head, "Delta", "yes");
        wire_head_field(head, "Content-Type", "text/tab-separated-values; charset=utf-8");
        wire_head_field_u64(head, "Content-Length",
                            a->body.len + a->parts.part[0].n + a->parts.part[1].n);
    }
    if (k->close)
        wire_head_field(head, "Connection", "close");
    wire_head_end(head);
}

static bool is_current(struct rs *rs, const char *seen)
{
    char version[CHANGES_VERSION_SIZE];
    lock_acquire(&rs->lock);
    peer_index_version(rs->index, version);
    lock_release(&rs->lock);
    return strcmp(version, seen) == 0;
}

/* Nothing to tell yet, at the version that was seen: parks the connection until there is, or until wait is
 * over. false: could not, answer now. */
static bool wait_for_news(struct rs_request *q, const struct question *k, const char *seen,
                          unsigned wait_s)
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
    /* What changed between our look and the parking must not be missed; else all who wait already need
     * not be looked at because of one more. */
    if (!is_current(q->rs, seen))
        net_server_wake(q->rs->server);
    return true;
}

static void answer_send(struct rs_request *q, const struct question *k, struct answer *a)
{
    struct buf head;
    head_make(k, a, &head);
    if (a->list != NULL)
        rs_send_parts(q, &head, rs_list_page(a->list), &a->parts);
    else
        rs_send(q, &head, a->status == 200 ? &a->body : NULL);
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
    struct round r = {.rs = rs, .now_us = q->now_us, .wall_s = q->wall_s};
    enum di_err err = answer_make(&r, &k, &a);
    round_end(&r);
    if (err != DI_OK) {
        answer_free(&a);
        rs_send_list_error(q, err);
        return;
    }
    STATS_ADD(&rs->stats, pquery_total, 1);
    q->status = a.status;
    if (a.status == 304 && w->wait_s != 0 && wait_for_news(q, &k, a.version, w->wait_s))
        service_close_if_asked(q->conn, w);
    else
        answer_send(q, &k, &a);
    answer_free(&a);
}

/* The rows behind the head: the asker's own there, those of a list shared. */
static size_t append_rows(struct rs *rs, const struct question *k, const struct answer *a,
                          struct buf *out, struct net_shared pieces[NET_SHARED_MAX])
{
    size_t count = 0;
    buf_append(out, buf_bytes(&a->body), a->body.len);
    rs_trace(rs, false, &k->remote, buf_bytes(out), out->len);
    for (size_t i = 0; i < 2 && a->list != NULL && buf_status(out) == DI_OK; i++) {
        struct slice part = a->parts.part[i];
        if (part.n == 0)
            continue;
        rs_trace(rs, false, &k->remote, part.p, part.n);
        pieces[count++] = (struct net_shared){
            .bytes = part.p,
            .len = part.n,
            .release = service_page_unref,
            .arg = service_page_ref(rs_list_page(a->list)),
        };
    }
    return count;
}

static void answer_parked(struct rs *rs, const struct question *k, struct net_token token,
                          const struct answer *a, enum di_err err)
{
    struct net_shared pieces[NET_SHARED_MAX];
    struct buf out;
    size_t count = 0;
    buf_init(&out, RS_PAGE_MAX);
    if (err == DI_OK) {
        head_make(k, a, &out);
        count = append_rows(rs, k, a, &out, pieces);
        err = buf_status(&out);
    }
    if (err != DI_OK) {
        struct wire_fault fault;
        rs_list_fault(&fault, err);
        buf_clear(&out);
        wire_error_format(&out, k->form, &fault);
        rs_trace(rs, false, &k->remote, buf_bytes(&out), out.len);
    }
    net_server_answer_shared(rs->server, token, &out, pieces, count);
}

static bool decide(void *arg, struct net_token token, void *request, bool expired)
{
    struct round *r = arg;
    const struct question *k = request;
    struct answer a;
    enum di_err err = answer_make(r, k, &a);
    bool ready = expired || err != DI_OK || a.status != 304;
    if (ready)
        answer_parked(r->rs, k, token, &a, err);
    answer_free(&a);
    return ready;
}

void rs_offer_news(struct rs *rs, int64_t now_us)
{
    struct round r = {.rs = rs, .now_us = now_us, .wall_s = clock_wall_s()};
    waiters_offer(rs->waiters, now_us, decide, &r);
    round_end(&r);
}
