/*
 * What the RS promised. Its connections are read with the project's own parser, as bytes go in and
 * out; from requests and answers follows what must, may and must not be so of each record. In the
 * world's one thread.
 *
 * A record is known from the answer that carried its cookie. State: requests that change it and are
 * not answered yet make it EITHER; an answer to the only one under way makes it ACTIVE or INACTIVE.
 */
#include "world_impl.h"

#include "p2pdi/base/buf.h"
#include "p2pdi/index/peer_index.h"
#include "p2pdi/rs/rs.h"
#include "p2pdi/wire/message.h"
#include "p2pdi/wire/rows.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RECORDS_MAX 512
#define REQUESTS_MAX 16
#define STREAM_MAX ((size_t)1 << 20)
#define WRITTEN_US (4 * SECOND) /* a renewal is on disk by then */
#define SLACK_S 2               /* whole seconds here and there */

enum record_state { EITHER, ACTIVE, INACTIVE };

struct record {
    uint64_t cookie;
    struct sha256 digest;
    uint32_t id;
    unsigned host;
    uint16_t port;
    enum record_state state;
    int64_t since_us;              /* that state is certain */
    int64_t high_us;               /* its TTL started then at the latest */
    int64_t low_us;                /* and then at the earliest, if it is active */
    int64_t safe_us, candidate_us; /* the same, of what is on disk */
    unsigned jumps;                /* of the RS's clock when it was written last */
    unsigned starts;               /* of the RS since: each may cost a second */
};

struct request {
    enum wire_method method;
    bool has_cookie, is_part, overlaps;
    uint64_t cookie, seq;
    unsigned host;
    uint16_t port;
    int64_t came_us;
};

struct stream {
    struct sock *sock;
    struct buf in, out;
    bool is_over; /* nothing more of it can be understood */
    struct request requests[REQUESTS_MAX];
    size_t count;
    struct stream *next;
};

static struct {
    struct record record[RECORDS_MAX];
    size_t count;
    struct stream *streams;
    uint64_t seq[HOSTS_MAX];         /* of the last request that changes something */
    unsigned outstanding[HOSTS_MAX]; /* such requests */
    int64_t doubt_us[HOSTS_MAX];     /* until then one without an answer may still be acted on */
} r;

static bool changes(enum wire_method m)
{
    return m == WIRE_REGISTER || m == WIRE_LEAVE;
}

static struct record *by_cookie(uint64_t cookie)
{
    for (size_t i = 0; i < r.count; i++)
        if (r.record[i].cookie == cookie)
            return &r.record[i];
    return NULL;
}

static struct record *by_id(uint32_t id)
{
    for (size_t i = 0; i < r.count; i++)
        if (r.record[i].id == id)
            return &r.record[i];
    return NULL;
}

static void set_state(struct record *x, enum record_state state)
{
    x->state = state;
    x->since_us = w.now_us;
    world_tell("RS: peer %u is %s", x->id,
               state == EITHER   ? "either"
               : state == ACTIVE ? "active"
                                 : "inactive");
}

/* ---- streams --------------------------------------------------------------------------------- */

static struct stream *stream_of(struct sock *s)
{
    for (struct stream *t = r.streams; t != NULL; t = t->next)
        if (t->sock == s)
            return t;

    struct stream *t = must(calloc(1, sizeof(*t)));

    t->sock = s;
    buf_init(&t->in, STREAM_MAX);
    buf_init(&t->out, STREAM_MAX);
    t->next = r.streams;
    r.streams = t;
    return t;
}

static void settle(const struct request *q)
{
    if (changes(q->method))
        r.outstanding[q->host]--;
}

static void stream_free(struct stream *t)
{
    struct stream **at = &r.streams;

    while (*at != t)
        at = &(*at)->next;
    *at = t->next;
    for (size_t i = 0; i < t->count; i++) {
        settle(&t->requests[i]);
        r.doubt_us[t->requests[i].host] = w.now_us + 10 * SECOND;
    }
    buf_fini(&t->in);
    buf_fini(&t->out);
    free(t);
}

void records_free(void)
{
    while (r.streams != NULL)
        stream_free(r.streams);
    memset(&r, 0, sizeof(r));
}

void records_on_lost(struct sock *s)
{
    for (struct stream *t = r.streams; t != NULL; t = t->next) {
        if (t->sock == s) {
            stream_free(t);
            return;
        }
    }
}

/* ---- what one record may look like ----------------------------------------------------------- */

/* Since when the answer was being made up: from_us. */
static void check_shown(uint32_t id, bool active, uint32_t ttl_s, int64_t from_us)
{
    const struct record *x = by_id(id);

    CHECK(ttl_s <= PEER_TTL_S && active == (ttl_s > 0), "RS: peer %u, active %d, TTL %u s", id,
          active, ttl_s);
    if (x == NULL || !active)
        return;

    int64_t age_s = (from_us - x->high_us) / SECOND - SLACK_S * (1 + (int64_t)x->starts);

    CHECK(x->state != INACTIVE || x->since_us >= from_us, "RS: peer %u came back by no message",
          id);
    CHECK(age_s <= PEER_TTL_S, "RS: peer %u ran out and is active", id);
    CHECK(age_s <= 0 || (int64_t)ttl_s <= PEER_TTL_S - age_s,
          "RS: peer %u has a TTL of %u s, %" PRId64 " s after its last message", id, ttl_s, age_s);
}

static bool must_be_active(const struct record *x, int64_t from_us)
{
    return x->state == ACTIVE && x->since_us < from_us &&
           w.now_us - x->low_us < (PEER_TTL_S - SLACK_S * (1 + (int64_t)x->starts)) * SECOND;
}

/* ---- requests -------------------------------------------------------------------------------- */

static void note_request(struct stream *t, const struct wire_request *q)
{
    unsigned h = sock_remote(t->sock)->ip[15] - 1U;
    struct record *x = q->has_cookie ? by_cookie(q->cookie) : NULL;
    struct request made = {
        .method = q->method,
        .has_cookie = q->has_cookie,
        .cookie = q->cookie,
        .is_part = q->since.p != NULL || q->limit != 0,
        .host = h,
        .port = q->port,
        .came_us = w.now_us,
    };

    if (x != NULL && q->method != WIRE_LEAVE)
        x->high_us = w.now_us;
    if (changes(q->method)) {
        made.overlaps = r.outstanding[h]++ > 0 || w.now_us < r.doubt_us[h];
        made.seq = ++r.seq[h];
        for (size_t i = 0; i < r.count; i++) {
            struct record *y = &r.record[i];
            bool mine = y == x;

            if (y->host != h || (q->method == WIRE_LEAVE && !mine) ||
                (q->method == WIRE_REGISTER && y->state == (mine ? ACTIVE : INACTIVE)))
                continue;
            set_state(y, EITHER);
        }
    }
    if (t->count == REQUESTS_MAX)
        t->is_over = true;
    else
        t->requests[t->count++] = made;
}

void records_on_received(struct sock *s, const void *bytes, size_t len)
{
    struct stream *t = stream_of(s);
    struct wire_request q;
    struct wire_fault fault;

    buf_append(&t->in, bytes, len);
    while (!t->is_over) {
        struct wire_frame f = {0};
        enum wire_verdict v = wire_request_frame(&f, buf_bytes(&t->in), t->in.len);

        if (v == WIRE_MORE)
            return;
        if (v == WIRE_BAD || wire_request_parse(buf_bytes(&t->in), f.head_len, &q, &fault) != 0) {
            t->is_over = true;
            return;
        }
        note_request(t, &q);
        buf_consume(&t->in, f.head_len);
    }
}

/* ---- answers --------------------------------------------------------------------------------- */

static void renewed(struct record *x, int64_t came_us)
{
    x->high_us = w.now_us;
    x->low_us = came_us;
    if (came_us - x->candidate_us > WRITTEN_US) {
        x->safe_us = x->candidate_us;
        x->candidate_us = came_us;
    }
}

static void on_registered(const struct request *q, const struct wire_response *a)
{
    struct record *x = by_cookie(a->cookie);
    bool certain = !q->overlaps && r.seq[q->host] == q->seq;

    CHECK(a->has_cookie && a->has_peer && a->has_ttl, "RS: an answer to REGISTER lacks a field");
    CHECK(a->ttl_s == PEER_TTL_S, "RS: registered for %u s", a->ttl_s);
    if (q->has_cookie) {
        CHECK(a->cookie == q->cookie && x != NULL && x->id == a->peer,
              "RS: a cookie changes its owner: peer %u", a->peer);
    } else {
        CHECK(x == NULL, "RS: cookie of peer %u handed out again, to %u", x == NULL ? 0 : x->id,
              a->peer);
        CHECK(by_id(a->peer) == NULL, "RS: peer id %u handed out again", a->peer);
        CHECK(r.count < RECORDS_MAX, "too many records for this test");
        if (r.count == RECORDS_MAX)
            return;
        x = &r.record[r.count++];
        *x = (struct record){.cookie = a->cookie, .id = a->peer, .host = q->host};

        char digits[24];
        int n = snprintf(digits, sizeof(digits), "%" PRIu64, a->cookie);

        if (sha256_of(digits, (size_t)n, &x->digest) != DI_OK)
            abort();
    }
    if (x == NULL)
        return;
    x->port = q->port;
    x->high_us = w.now_us;
    x->low_us = x->safe_us = x->candidate_us = q->came_us;
    x->jumps = w.host[0].jumps;
    x->starts = 0;
    set_state(x, certain ? ACTIVE : EITHER);
    for (size_t i = 0; certain && i < r.count; i++) {
        struct record *y = &r.record[i];

        if (y != x && y->host == q->host && y->port == q->port && y->state != INACTIVE)
            set_state(y, INACTIVE);
    }
}

static void check_rows(const struct request *q, struct slice body, bool is_part)
{
    struct wire_rows cursor = {0};
    struct wire_peer_row row;
    bool listed[RECORDS_MAX] = {false};

    while (body.n > 0 && wire_peer_rows_next(&cursor, body, &row)) {
        const struct record *x = by_id(row.peer);

        check_shown(row.peer, row.active, row.ttl_s, q->came_us);
        CHECK(x == NULL || !q->has_cookie || x->cookie != q->cookie,
              "RS: peer %u is listed to itself", row.peer);
        if (x != NULL)
            listed[x - r.record] = true;
    }
    CHECK(cursor.fault[0] == '\0', "RS: rows that its own parser refuses: %s", cursor.fault);
    for (size_t i = 0; i < r.count && !is_part; i++)
        CHECK(listed[i] || !must_be_active(&r.record[i], q->came_us) ||
                  (q->has_cookie && r.record[i].cookie == q->cookie),
              "RS: peer %u is registered and not listed", r.record[i].id);
}

/* From the run that registered last, or from one that does not say. */
static bool is_where(const struct record *x, const struct request *q)
{
    return q->port == 0 || q->port == x->port;
}

static void on_answer(const struct request *q, const struct wire_response *a, struct slice body)
{
    struct record *x = q->has_cookie ? by_cookie(q->cookie) : NULL;
    bool was_certain = x != NULL && x->since_us < q->came_us;

    settle(q);
    if (a->status >= 500)
        return;
    CHECK(a->status != 401 || x == NULL, "RS: the acknowledged peer %u is forgotten",
          x == NULL ? 0 : x->id);
    switch (q->method) {
    case WIRE_REGISTER:
        if (a->status == 200)
            on_registered(q, a);
        break;
    case WIRE_LEAVE:
        if (a->status == 200 && x != NULL && is_where(x, q) && !q->overlaps &&
            r.seq[q->host] == q->seq)
            set_state(x, INACTIVE);
        break;
    case WIRE_KEEP_ALIVE:
        if (a->status == 200 && x != NULL) {
            CHECK(a->has_ttl && a->ttl_s == PEER_TTL_S, "RS: renewed to %u s", a->ttl_s);
            CHECK(x->state != INACTIVE || !was_certain, "RS: peer %u came back by KEEP-ALIVE",
                  x->id);
            CHECK(x->state != ACTIVE || !was_certain || is_where(x, q),
                  "RS: peer %u is renewed at port %u and listed at %u", x->id, q->port, x->port);
            renewed(x, q->came_us);
        }
        CHECK(a->status != 404 || x == NULL || !must_be_active(x, q->came_us) || !is_where(x, q),
              "RS: peer %u is registered and called inactive", x == NULL ? 0 : x->id);
        break;
    case WIRE_PQUERY:
        if (a->status == 200 || a->status == 204)
            check_rows(q, body, q->is_part && a->delta);
        /* It revives nothing that ran out, nor renews what another run registered. */
        if (a->status < 400 && x != NULL && must_be_active(x, q->came_us) && is_where(x, q))
            renewed(x, q->came_us);
        break;
    default:
        break;
    }
}

void records_on_sent(struct sock *s, const void *bytes, size_t len)
{
    struct stream *t = stream_of(s);

    if (sock_proc(s)->is_ghost)
        return;
    buf_append(&t->out, bytes, len);
    while (!t->is_over && t->count > 0) {
        struct wire_frame f = {0};
        struct wire_response a;
        struct wire_fault fault;

        if (wire_response_frame(&f, buf_bytes(&t->out), t->out.len) != WIRE_WHOLE)
            return;

        enum di_err err = wire_response_parse(buf_bytes(&t->out), f.head_len, &a, &fault);

        CHECK(err == DI_OK, "RS: an answer that its own parser refuses: %s", fault.text);
        if (err != DI_OK || t->out.len < f.head_len + a.content_length)
            return;

        struct request q = t->requests[0];

        memmove(t->requests, t->requests + 1, --t->count * sizeof(q));
        on_answer(&q, &a,
                  (struct slice){buf_bytes(&t->out) + f.head_len, (size_t)a.content_length});
        buf_consume(&t->out, f.head_len + (size_t)a.content_length);
    }
}

/* ---- lives of the RS ------------------------------------------------------------------------- */

void records_on_crash(struct proc *p)
{
    while (r.streams != NULL)
        stream_free(r.streams);
    for (unsigned h = 0; h < HOSTS_MAX; h++)
        r.doubt_us[h] = 0;
    for (size_t i = 0; i < r.count; i++) {
        struct record *x = &r.record[i];

        x->candidate_us = x->low_us = p->is_ghost ? x->safe_us : x->low_us;
        x->safe_us = x->low_us;
        x->starts++;
    }
}

struct look {
    int64_t from_us;
    bool is_there[RECORDS_MAX];
    uint32_t last_id;
};

static bool look_at(void *arg, const struct peer_record *p)
{
    struct look *l = arg;
    struct record *x = by_id(p->peer);

    CHECK(p->peer > l->last_id, "RS: peer id %u after %u", p->peer, l->last_id);
    l->last_id = p->peer;
    check_shown(p->peer, p->active, p->ttl_s, l->from_us);
    if (x == NULL)
        return true;
    CHECK(sha256_equal(&p->cookie, &x->digest), "RS: peer %u has another cookie", p->peer);
    CHECK(p->active || !must_be_active(x, l->from_us), "RS: peer %u is registered and not active",
          p->peer);
    l->is_there[x - r.record] = true;
    return true;
}

void records_look(struct proc *p)
{
    struct look l = {.from_us = w.now_us};
    size_t count = r.count;

    rs_walk(p->rs, look_at, &l);
    for (size_t i = 0; i < count && !p->is_ghost; i++)
        CHECK(l.is_there[i], "RS: the acknowledged peer %u is forgotten", r.record[i].id);
}

void records_on_start(struct proc *p)
{
    for (size_t i = 0; i < r.count; i++) {
        struct record *x = &r.record[i];

        if (x->jumps == w.host[0].jumps)
            continue;
        /* The store has wall-clock time: what is left of a TTL after a jump nobody can know. */
        if (x->state == ACTIVE)
            set_state(x, EITHER);
        x->high_us = w.now_us;
        x->jumps = w.host[0].jumps;
    }
    records_look(p);
}
