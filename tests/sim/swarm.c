/* The simulated swarm. One thread. */
#include "swarm.h"

#include "p2pdi/base/clock.h"
#include "p2pdi/base/random.h"
#include "p2pdi/index/peer_index.h"
#include "p2pdi/index/rfc_index.h"
#include "p2pdi/sched/sched.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define THREADS 4 /* of each peer */
#define WINDOW 6
#define LINKS_MAX 2 /* of a peer to one holder */
#define WALL_S INT64_C(1790000000)
#define MS INT64_C(1000)
#define SECOND INT64_C(1000000)
#define POLL_US SECOND
#define PATIENCE_US (5 * SECOND) /* all have registered by then */
#define RENEW_US (600 * SECOND)
#define END_US (1800 * SECOND)
#define LONG_END_US (10800 * SECOND)
#define NOBODY UINT32_MAX

enum role {
    HONEST,
    VANISHING, /* crashes, perhaps comes back */
    LEAVING,   /* the same, but says so to the RS */
    LIAR,      /* offers what is right, delivers something else */
    FORGER,    /* offers editions of its own, and does not even deliver those */
    BUSY,      /* mostly has no time */
    FLAKY,     /* breaks off in the middle */
    EMPTY,     /* offers what it does not have */
    ROLES
};

/* A document on its way: whose bytes it is made of, which the scheduler must not know. */
struct part {
    uint64_t have;
    bool is_corrupt;
    bool is_of_several; /* or of an earlier run */
    uint32_t from;
};

struct task {
    bool is_open, is_up;
    uint32_t link, holder;
    uint32_t generation; /* of events: what was for an earlier link is void */
    struct sched_request queue[WINDOW];
    size_t queued;
};

/* What a peer thinks of another one. */
struct view {
    bool is_listed, is_gone, is_shunned, is_asked;
    char version[CHANGES_VERSION_SIZE];
};

struct peer {
    enum role role;
    bool is_alive, is_finished;
    struct addr addr;
    struct sha256 cookie;
    struct rfc_index *index;
    struct sched *sched;
    bool is_serial;
    uint32_t serial_last;
    struct task tasks[THREADS];
    struct view *views;
    struct part *parts;
    bool *is_wanted, *is_under_way;
    int64_t retry_us;
    unsigned answers_due;
};

enum event_kind { POLL, ANSWER, CONNECTED, DELIVERED, RETRY, VANISH, COME_BACK };

struct event {
    int64_t at_us;
    uint64_t order;
    enum event_kind kind;
    uint32_t who, other, generation;
};

struct world {
    const struct swarm_config *cfg;
    struct swarm_result *result;
    struct prng prng;
    int64_t now_us;
    struct peer_index *rs;
    struct peer *peers;
    bool has_anchor; /* peer 0 is honest, stays, and holds everything */
    struct event *heap;
    size_t heap_count, heap_room;
    uint64_t order;
};

__attribute__((format(printf, 2, 3))) static void broken(struct world *w, const char *fmt, ...)
{
    va_list ap;

    if (w->result->broken[0] != '\0')
        return;
    va_start(ap, fmt);
    (void)vsnprintf(w->result->broken, sizeof(w->result->broken), fmt, ap);
    va_end(ap);
}

#define CHECK(w, condition, ...)                                                                   \
    do {                                                                                           \
        if (!(condition))                                                                          \
            broken((w), __VA_ARGS__);                                                              \
    } while (0)

static void *must(void *p)
{
    if (p == NULL)
        abort();
    return p;
}

static void must_do(enum di_err err)
{
    if (err != DI_OK)
        abort();
}

static bool chance(struct world *w, unsigned percent)
{
    return prng_below(&w->prng, 100) < percent;
}

static int64_t between(struct world *w, int64_t low, int64_t high)
{
    return low + (int64_t)prng_below(&w->prng, (uint64_t)(high - low + 1));
}

static void note(struct world *w, uint64_t what)
{
    w->result->digest = (w->result->digest ^ what) * UINT64_C(0x100000001b3);
}

/* ---- events --------------------------------------------------------------------------------------- */

static bool is_earlier(const struct event *a, const struct event *b)
{
    return a->at_us != b->at_us ? a->at_us < b->at_us : a->order < b->order;
}

static void after(struct world *w, int64_t delay_us, enum event_kind kind, uint32_t who,
                  uint32_t other, uint32_t generation)
{
    struct event e = {w->now_us + delay_us, ++w->order, kind, who, other, generation};
    size_t at = w->heap_count++;

    if (w->heap_count > w->heap_room) {
        w->heap_room = w->heap_room * 2 + 64;
        w->heap = must(realloc(w->heap, w->heap_room * sizeof(*w->heap)));
    }
    for (; at > 0 && is_earlier(&e, &w->heap[(at - 1) / 2]); at = (at - 1) / 2)
        w->heap[at] = w->heap[(at - 1) / 2];
    w->heap[at] = e;
}

static struct event pop(struct world *w)
{
    struct event first = w->heap[0], last = w->heap[--w->heap_count];
    size_t at = 0;

    for (;;) {
        size_t child = 2 * at + 1;

        if (child >= w->heap_count)
            break;
        if (child + 1 < w->heap_count && is_earlier(&w->heap[child + 1], &w->heap[child]))
            child++;
        if (!is_earlier(&w->heap[child], &last))
            break;
        w->heap[at] = w->heap[child];
        at = child;
    }
    w->heap[at] = last;
    return first;
}

/* ---- documents ------------------------------------------------------------------------------------ */

static uint64_t size_of(uint32_t rfc)
{
    return rfc % 17 == 0 ? 400000 : 2000 + rfc * 7919 % 90000;
}

/* by: NOBODY for the true edition, else the peer that made it up. */
static struct sha256 edition_of(uint32_t rfc, uint32_t by)
{
    struct sha256 sha = {{0}};

    memcpy(sha.byte, &rfc, sizeof(rfc));
    memcpy(sha.byte + 4, &by, sizeof(by));
    return sha;
}

static void hold(struct world *w, uint32_t who, uint32_t rfc, const struct sha256 *edition)
{
    struct rfc_entry e = {
        .rfc = rfc, .size_bytes = size_of(rfc), .sha256 = *edition, .title = "A document"};

    must_do(rfc_index_own_put(w->peers[who].index, &e));
}

static struct addr addr_of(uint32_t who)
{
    return addr_ipv4(10, 0, (uint8_t)(who >> 8), (uint8_t)who, 4000);
}

static uint32_t peer_at(const struct addr *addr)
{
    return (uint32_t)addr->ip[14] << 8 | addr->ip[15];
}

/* As in the library: parts of several editions lie side by side. */
static struct part *part_of(const struct world *w, const struct peer *p, uint32_t rfc,
                            const struct sha256 *edition)
{
    uint32_t by = NOBODY;

    memcpy(&by, edition->byte + 4, sizeof(by));
    return &p->parts[rfc * (w->cfg->peers + 1) + (by == NOBODY ? w->cfg->peers : by)];
}

/* ---- links ---------------------------------------------------------------------------------------- */

static void close_task(struct world *w, uint32_t who, struct task *t, enum sched_why why)
{
    struct peer *p = &w->peers[who];

    for (size_t i = 0; i < t->queued; i++)
        p->is_under_way[t->queue[i].rfc] = false;
    sched_link_closed(p->sched, t->link, why, w->now_us);
    t->is_open = false;
    t->is_up = false;
    t->queued = 0;
    t->generation++;
    note(w, 0x10 + why);
}

static void check_request(struct world *w, uint32_t who, const struct task *t,
                          const struct sched_request *q)
{
    struct peer *p = &w->peers[who];
    struct view *v = &p->views[t->holder];
    struct part *part = part_of(w, p, q->rfc, &q->edition);

    CHECK(w, p->is_wanted[q->rfc], "peer %u asks for %u, which it does not want", who, q->rfc);
    CHECK(w, !p->is_under_way[q->rfc], "peer %u asks twice for %u at a time", who, q->rfc);
    CHECK(w, !v->is_gone, "peer %u asks %u, which is gone", who, t->holder);
    CHECK(w, !v->is_shunned, "peer %u asks %u, which it should shun", who, t->holder);
    CHECK(w, q->size_bytes == size_of(q->rfc) && q->offset + q->len == q->size_bytes,
          "peer %u asks for bytes of %u that do not exist", who, q->rfc);
    CHECK(w, q->offset == 0 || part->have >= q->offset,
          "peer %u goes on with bytes of %u that are not there", who, q->rfc);
    CHECK(w, t->queued < WINDOW, "peer %u: window too large", who);
    if (p->is_serial) {
        for (int i = 0; i < THREADS; i++)
            CHECK(w, p->tasks[i].queued == 0, "peer %u: two at a time in serial mode", who);
    }
}

static void send_requests(struct world *w, uint32_t who, struct task *t)
{
    struct peer *p = &w->peers[who];
    bool was_idle = t->queued == 0;
    struct sched_request q;

    while (sched_next(p->sched, t->link, w->now_us, &q)) {
        struct part *part = part_of(w, p, q.rfc, &q.edition);

        check_request(w, who, t, &q);
        if (t->queued == WINDOW)
            return;
        if (q.offset == 0) {
            if (part->have > 0)
                w->result->failovers++;
            *part = (struct part){.from = t->holder};
        } else if (part->from != t->holder) {
            part->is_of_several = true;
            w->result->failovers++;
        }
        part->have = q.offset;
        p->is_under_way[q.rfc] = true;
        t->queue[t->queued++] = q;
        note(w, ((uint64_t)who << 40) + ((uint64_t)t->holder << 20) + q.rfc);
    }
    if (t->queued == 0)
        close_task(w, who, t, SCHED_CLOSED);
    else if (was_idle)
        after(w, between(w, 2 * MS, 40 * MS) + (int64_t)t->queue[0].len / 10, DELIVERED, who,
              (uint32_t)(t - p->tasks), t->generation);
}

static void open_links(struct world *w, uint32_t who)
{
    struct peer *p = &w->peers[who];
    struct addr addr;
    int64_t retry_us = INT64_MAX;

    for (int i = 0; i < THREADS; i++) {
        struct task *t = &p->tasks[i];
        unsigned links = 0;

        if (t->is_open)
            continue;
        if (sched_link_open(p->sched, w->now_us, &addr, &t->link, &retry_us) != DI_OK)
            break;
        t->is_open = true;
        t->holder = peer_at(&addr);
        for (int j = 0; j < THREADS; j++)
            links += p->tasks[j].is_open && p->tasks[j].holder == t->holder;
        CHECK(w, links <= LINKS_MAX, "peer %u: %u links to one holder", who, links);
        CHECK(w, !p->views[t->holder].is_gone, "peer %u connects to %u, which is gone", who,
              t->holder);
        after(w,
              w->peers[t->holder].is_alive || chance(w, 50) ? between(w, MS, 80 * MS) : 3 * SECOND,
              CONNECTED, who, (uint32_t)i, t->generation);
    }
    CHECK(w, retry_us > w->now_us, "peer %u should ask again in the past", who);
    if (retry_us != INT64_MAX && (p->retry_us <= w->now_us || retry_us < p->retry_us)) {
        p->retry_us = retry_us;
        after(w, retry_us - w->now_us, RETRY, who, 0, 0);
    }
}

static void on_connected(struct world *w, uint32_t who, struct task *t, int64_t took_us)
{
    (void)took_us;
    if (!w->peers[t->holder].is_alive) {
        close_task(w, who, t, chance(w, 50) ? SCHED_REFUSED : SCHED_TIMEOUT);
        return;
    }
    t->is_up = true;
    sched_link_up(w->peers[who].sched, t->link);
    send_requests(w, who, t);
}

/* The first request of the queue came to its end otherwise than by the link's. */
static void shift(struct world *w, uint32_t who, struct task *t)
{
    w->peers[who].is_under_way[t->queue[0].rfc] = false;
    t->queued--;
    memmove(t->queue, t->queue + 1, t->queued * sizeof(t->queue[0]));
    if (t->queued > 0)
        after(w, between(w, 0, 3 * MS) + (int64_t)t->queue[0].len / 10, DELIVERED, who,
              (uint32_t)(t - w->peers[who].tasks), t->generation);
}

static void fail(struct world *w, uint32_t who, struct task *t, enum sched_why why, uint64_t kept)
{
    sched_on_failed(w->peers[who].sched, t->link, t->queue[0].id, why, kept,
                    why == SCHED_BUSY ? between(w, 0, 2 * SECOND) : 0, w->now_us);
    note(w, 0x20 + why);
    shift(w, who, t);
}

static void some_bytes(struct world *w, uint32_t who, const struct task *t, bool corrupt)
{
    struct peer *p = &w->peers[who];
    const struct sched_request *q = &t->queue[0];
    struct part *part = part_of(w, p, q->rfc, &q->edition);
    uint64_t more = prng_below(&w->prng, q->len + 1);

    if (more == 0)
        return;
    part->have += more;
    part->is_corrupt |= corrupt;
    sched_on_progress(p->sched, t->link, q->id, part->have, w->now_us);
}

static void on_whole(struct world *w, uint32_t who, struct task *t, bool corrupt)
{
    struct peer *p = &w->peers[who];
    const struct sched_request q = t->queue[0];
    struct part *part = part_of(w, p, q.rfc, &q.edition);

    part->have = q.size_bytes;
    part->is_corrupt |= corrupt && q.len > 0;
    if (part->is_corrupt) {
        /* Whoever sent all of it is to blame; the others must not be. */
        if (!part->is_of_several)
            p->views[t->holder].is_shunned = true;
        CHECK(w,
              part->is_of_several || w->peers[t->holder].role == LIAR ||
                  w->peers[t->holder].role == FORGER,
              "an honest peer would be shunned");
        *part = (struct part){0};
        w->result->mismatches++;
        fail(w, who, t, SCHED_MISMATCH, 0);
        return;
    }
    CHECK(w, p->is_wanted[q.rfc], "peer %u is done with %u twice", who, q.rfc);
    CHECK(w, part == &p->parts[q.rfc * (w->cfg->peers + 1) + w->cfg->peers],
          "peer %u is done with a forged edition of %u", who, q.rfc);
    p->is_wanted[q.rfc] = false;
    w->result->done++;
    sched_on_done(p->sched, t->link, q.id, w->now_us);
    CHECK(w, !sched_is_wanted(p->sched, q.rfc), "%u is done and wanted", q.rfc);
    hold(w, who, q.rfc, &q.edition);
    shift(w, who, t);
}

static void on_delivered(struct world *w, uint32_t who, struct task *t)
{
    struct peer *p = &w->peers[who];
    const struct peer *holder = &w->peers[t->holder];
    bool bad = holder->role == LIAR || holder->role == FORGER;

    if (!holder->is_alive || (holder->role == FLAKY && chance(w, 30))) {
        some_bytes(w, who, t, bad);
        if (holder->is_alive && chance(w, 50))
            fail(w, who, t, SCHED_TIMEOUT,
                 part_of(w, p, t->queue[0].rfc, &t->queue[0].edition)->have);
        close_task(w, who, t, SCHED_CLOSED);
        return;
    }
    if (holder->role == BUSY && chance(w, 70)) {
        fail(w, who, t, SCHED_BUSY, part_of(w, p, t->queue[0].rfc, &t->queue[0].edition)->have);
        close_task(w, who, t, SCHED_CLOSED);
        return;
    }
    if (holder->role == EMPTY && chance(w, 80)) {
        fail(w, who, t, chance(w, 50) ? SCHED_NOT_FOUND : SCHED_CHANGED,
             part_of(w, p, t->queue[0].rfc, &t->queue[0].edition)->have);
    } else {
        on_whole(w, who, t, bad);
    }
    send_requests(w, who, t);
}

/* ---- queries -------------------------------------------------------------------------------------- */

struct asking {
    struct world *w;
    uint32_t who, other;
    bool is_all;
};

static bool take_row(void *arg, const struct rfc_entry *row)
{
    struct asking *a = arg;
    struct peer *p = &a->w->peers[a->who];
    struct rfc_entry e = *row;
    bool first_hand = row->own;

    CHECK(a->w, row->ttl_s <= RFC_TTL_S && (row->ttl_s > 0 || row->withdrawn), "TTL of %u s",
          row->ttl_s);
    if (row->own)
        e.holder = a->w->peers[a->other].addr;
    if (addr_equal(&e.holder, &p->addr))
        return true;
    must_do(rfc_index_learn(p->index, &e, first_hand, a->w->now_us));
    if (e.withdrawn)
        return true;

    uint32_t holder = peer_at(&e.holder);

    if (p->views[holder].is_listed) {
        if (p->is_wanted[e.rfc])
            p->views[holder].is_gone = false;
        must_do(sched_on_offer(p->sched, e.rfc, &e.holder, e.size_bytes, &e.sha256));
    }
    return true;
}

static void give_up(struct world *w, uint32_t who)
{
    struct peer *p = &w->peers[who];
    struct sched_tried tried[8];
    size_t count = 0;
    uint32_t rfc = 0;

    while (sched_pop_exhausted(p->sched, w->now_us, &rfc, tried, 8, &count)) {
        CHECK(w, p->is_wanted[rfc], "peer %u gives up %u, which it did not want", who, rfc);
        CHECK(w, !w->has_anchor, "peer %u gives up %u, which peer 0 has", who, rfc);
        for (size_t i = 0; i < count && i < 8; i++) {
            enum role role = w->peers[peer_at(&tried[i].holder)].role;

            CHECK(w,
                  (tried[i].why != SCHED_MISMATCH && tried[i].why != SCHED_SHUNNED) ||
                      role == LIAR || role == FORGER,
                  "peer %u blames an honest one for %u", who, rfc);
        }
        p->is_wanted[rfc] = false;
        w->result->exhausted++;
        note(w, 0x30 + rfc);
    }
}

static bool is_stuck(struct world *w, struct peer *p)
{
    struct addr addr;
    uint32_t link = 0;
    int64_t retry_us = INT64_MAX;

    if (sched_pending(p->sched) == 0 || sched_is_busy(p->sched) || w->now_us < PATIENCE_US)
        return false;
    open_links(w, (uint32_t)(p - w->peers));
    if (sched_is_busy(p->sched))
        return false;
    if (sched_link_open(p->sched, w->now_us, &addr, &link, &retry_us) == DI_OK) {
        broken(w, "there was work, and nobody did it");
        return false;
    }
    return retry_us == INT64_MAX;
}

static void on_answer(struct world *w, uint32_t who, uint32_t other)
{
    struct peer *p = &w->peers[who], *q = &w->peers[other];
    struct view *v = &p->views[other];
    struct asking a = {
        .w = w, .who = who, .other = other, .is_all = chance(w, w->cfg->peers > 20 ? 1 : 10)};

    v->is_asked = false;
    p->answers_due--;
    if (q->is_alive && v->is_listed) {
        if (a.is_all) {
            rfc_index_full_begin(p->index, &q->addr);
            rfc_index_walk(q->index, RFC_SCOPE_ALL, w->now_us, take_row, &a);
            rfc_index_full_end(p->index, &q->addr);
        } else {
            /* A withdrawn own row is first hand too: it comes with own set. */
            bool delta = rfc_index_walk_since(q->index, RFC_SCOPE_OWN, slice_of(v->version),
                                              w->now_us, take_row, &a);

            if (delta) {
                rfc_index_renew(p->index, &q->addr, w->now_us);
            } else {
                rfc_index_full_begin(p->index, &q->addr);
                rfc_index_walk(q->index, RFC_SCOPE_OWN, w->now_us, take_row, &a);
                rfc_index_full_end(p->index, &q->addr);
            }
            rfc_index_version(q->index, RFC_SCOPE_OWN, v->version);
        }
    }
    /* A fresh query has brought nothing that could be tried. */
    if (p->answers_due == 0 && is_stuck(w, p))
        give_up(w, who);
}

struct listing {
    struct world *w;
    uint32_t who;
    bool *is_active;
};

static bool take_peer(void *arg, const struct peer_record *r)
{
    struct listing *l = arg;
    uint32_t other = peer_at(&r->addr);

    CHECK(l->w, r->active && r->ttl_s >= 1 && r->ttl_s <= PEER_TTL_S, "RS: TTL of %u s", r->ttl_s);
    if (other != l->who)
        l->is_active[other] = true;
    return true;
}

static bool view_again(void *arg, const struct rfc_entry *row)
{
    struct asking *a = arg;
    const struct peer *p = &a->w->peers[a->who];

    if (row->own || !p->is_wanted[row->rfc])
        return true;

    uint32_t holder = peer_at(&row->holder);

    if (p->views[holder].is_listed) {
        p->views[holder].is_gone = false;
        must_do(sched_on_offer(p->sched, row->rfc, &row->holder, row->size_bytes, &row->sha256));
    }
    return true;
}

static void on_poll(struct world *w, uint32_t who)
{
    struct peer *p = &w->peers[who];
    struct peer_record record;
    struct listing l = {w, who, must(calloc(w->cfg->peers, sizeof(bool)))};
    int64_t wall_s = WALL_S + w->now_us / SECOND;

    if (!p->is_alive) {
        free(l.is_active);
        return;
    }
    (void)peer_index_expire(w->rs, w->now_us, wall_s, NULL, NULL);
    if (peer_index_renew(w->rs, &p->cookie, w->now_us, wall_s, &record) != DI_OK)
        must_do(peer_index_register(w->rs, &p->cookie, &p->addr, "sim", "sim", w->now_us, wall_s,
                                    &record));
    CHECK(w, record.ttl_s == PEER_TTL_S, "RS: renewed to %u s", record.ttl_s);
    peer_index_walk(w->rs, PEER_WALK_ACTIVE, w->now_us, wall_s, take_peer, &l);
    for (uint32_t i = 0; i < w->cfg->peers; i++) {
        struct view *v = &p->views[i];

        if (v->is_listed && !l.is_active[i]) {
            v->is_gone = true;
            v->version[0] = '\0';
            rfc_index_drop_holder(p->index, &w->peers[i].addr);
            sched_on_holder_gone(p->sched, &w->peers[i].addr);
        }
        v->is_listed = l.is_active[i];
        if (v->is_listed && !v->is_asked) {
            v->is_asked = true;
            p->answers_due++;
            after(w, between(w, MS, 100 * MS), ANSWER, who, i, 0);
        }
    }
    free(l.is_active);

    struct asking a = {.w = w, .who = who};

    rfc_index_walk(p->index, RFC_SCOPE_ALL, w->now_us, view_again, &a);
    if (p->answers_due == 0 && is_stuck(w, p))
        give_up(w, who);
    p->is_finished = sched_pending(p->sched) == 0;
    if (!p->is_finished || w->cfg->is_long)
        after(w, p->is_finished ? RENEW_US : POLL_US, POLL, who, 0, 0);
}

/* ---- life ----------------------------------------------------------------------------------------- */

static void on_vanish(struct world *w, uint32_t who)
{
    struct peer *p = &w->peers[who];
    struct peer_record record;

    p->is_alive = false;
    /* Its own downloads end; what it had asked others for is of no interest. */
    for (int i = 0; i < THREADS; i++)
        if (p->tasks[i].is_open)
            close_task(w, who, &p->tasks[i], SCHED_LOCAL);
    for (uint32_t rfc = 1; rfc <= w->cfg->docs; rfc++) {
        sched_drop(p->sched, rfc);
        p->is_wanted[rfc] = false;
    }
    CHECK(w, sched_pending(p->sched) == 0, "dropped, but pending");
    CHECK(w, !sched_is_busy(p->sched), "all links are closed, but busy");
    if (p->role == LEAVING)
        must_do(
            peer_index_leave(w->rs, &p->cookie, w->now_us, WALL_S + w->now_us / SECOND, &record));
    if (chance(w, 60))
        after(w, between(w, SECOND, 20 * SECOND), COME_BACK, who, 0, 0);
}

static void on_event(struct world *w, const struct event *e)
{
    struct peer *p = &w->peers[e->who];
    struct task *t = &p->tasks[e->kind == CONNECTED || e->kind == DELIVERED ? e->other : 0];

    switch (e->kind) {
    case POLL:
        on_poll(w, e->who);
        break;
    case ANSWER:
        on_answer(w, e->who, e->other);
        break;
    case CONNECTED:
        if (t->generation == e->generation)
            on_connected(w, e->who, t, 0);
        break;
    case DELIVERED:
        if (t->generation == e->generation)
            on_delivered(w, e->who, t);
        break;
    case RETRY:
        break;
    case VANISH:
        on_vanish(w, e->who);
        break;
    case COME_BACK:
        p->is_alive = true;
        after(w, 0, POLL, e->who, 0, 0);
        break;
    }
    if (p->is_alive)
        open_links(w, e->who);
}

static enum role draw_role(struct world *w, uint32_t who)
{
    if (who == 0 && w->has_anchor)
        return HONEST;
    return chance(w, 50) ? HONEST : (enum role)prng_below(&w->prng, ROLES);
}

static void draw_documents(struct world *w, uint32_t who)
{
    struct peer *p = &w->peers[who];
    unsigned share = (unsigned)between(w, 0, 50);

    for (uint32_t rfc = 1; rfc <= w->cfg->docs; rfc++) {
        struct sha256 edition = edition_of(rfc, p->role == FORGER && chance(w, 50) ? who : NOBODY);

        if ((who == 0 && w->has_anchor) || (p->role != HONEST && chance(w, 60)) ||
            chance(w, share)) {
            hold(w, who, rfc, &edition);
            continue;
        }
        must_do(sched_want(p->sched, rfc, NULL));
        p->is_wanted[rfc] = true;
        if (chance(w, 10)) {
            edition = edition_of(rfc, NOBODY);

            struct part *part = part_of(w, p, rfc, &edition);

            *part = (struct part){.have = prng_below(&w->prng, size_of(rfc) + 1),
                                  .is_corrupt = chance(w, 30),
                                  .is_of_several = true,
                                  .from = NOBODY};
            sched_on_partial(p->sched, rfc, &edition, part->have);
        }
    }
}

static void world_init(struct world *w)
{
    must_do(peer_index_new(1, 10 * w->cfg->peers, &w->rs));
    w->has_anchor = chance(w, 75);
    w->peers = must(calloc(w->cfg->peers, sizeof(*w->peers)));
    for (uint32_t i = 0; i < w->cfg->peers; i++) {
        struct peer *p = &w->peers[i];
        struct sched_config cfg = {
            .window_max = WINDOW, .links_per_holder_max = LINKS_MAX, .serial = chance(w, 15)};

        p->role = draw_role(w, i);
        p->is_alive = true;
        p->is_serial = cfg.serial;
        p->addr = addr_of(i);
        memcpy(p->cookie.byte, &i, sizeof(i));
        p->views = must(calloc(w->cfg->peers, sizeof(*p->views)));
        p->parts = must(calloc((w->cfg->docs + 1) * (w->cfg->peers + 1), sizeof(*p->parts)));
        p->is_wanted = must(calloc(w->cfg->docs + 1, sizeof(bool)));
        p->is_under_way = must(calloc(w->cfg->docs + 1, sizeof(bool)));
        must_do(rfc_index_new(1000 + i, 1000000, &p->index));
        must_do(sched_new(&cfg, prng_next(&w->prng), &p->sched));
        draw_documents(w, i);
        after(w, between(w, 0, 2 * SECOND), POLL, i, 0, 0);
        if (p->role == VANISHING || p->role == LEAVING)
            after(w, between(w, 3 * SECOND, 12 * SECOND), VANISH, i, 0, 0);
    }
}

static void world_fini(struct world *w)
{
    for (uint32_t i = 0; i < w->cfg->peers; i++) {
        struct peer *p = &w->peers[i];

        sched_free(p->sched);
        rfc_index_free(p->index);
        free(p->views);
        free(p->parts);
        free(p->is_wanted);
        free(p->is_under_way);
    }
    peer_index_free(w->rs);
    free(w->peers);
    free(w->heap);
}

static bool is_over(const struct world *w)
{
    if (w->result->broken[0] != '\0' || w->heap_count == 0)
        return true;
    return w->now_us > (w->cfg->is_long ? LONG_END_US : END_US);
}

bool swarm_run(const struct swarm_config *cfg, struct swarm_result *out)
{
    struct world w = {.cfg = cfg, .result = out};

    *out = (struct swarm_result){.digest = UINT64_C(0xcbf29ce484222325)};
    prng_seed(&w.prng, cfg->seed);
    world_init(&w);
    while (!is_over(&w)) {
        struct event e = pop(&w);

        w.now_us = e.at_us;
        on_event(&w, &e);
        out->steps++;
    }
    for (uint32_t i = 0; i < cfg->peers; i++)
        CHECK(&w, !w.peers[i].is_alive || sched_pending(w.peers[i].sched) == 0,
              "peer %u waits for ever for %zu documents", i, sched_pending(w.peers[i].sched));
    out->virtual_s = (double)w.now_us / SECOND;
    world_fini(&w);
    return out->broken[0] == '\0';
}
