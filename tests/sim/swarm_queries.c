/* Registering, peer lists and indexes in the simulated swarm. One thread. */
#include "swarm_world.h"

#include <stdlib.h>

struct asking {
    struct world *w;
    uint32_t who, other;
    bool is_all;
};

static void offer(struct peer *p, const struct rfc_entry *e)
{
    struct view *v = &p->views[swarm_peer_at(&e->holder)];

    if (!v->is_listed)
        return;
    if (p->is_wanted[e->rfc])
        v->is_gone = false;
    swarm_must_do(sched_on_offer(p->sched, e->rfc, &e->holder, e->size_bytes, &e->sha256));
}

static void take(const struct asking *a, const struct rfc_entry *e, bool first_hand)
{
    struct peer *p = &a->w->peers[a->who];

    swarm_must_do(rfc_index_learn(p->index, e, first_hand, a->w->now_us));
    CHECK(a->w, !first_hand || rfc_index_knows(p->index, e) == !e->withdrawn,
          "peer %u does not believe peer %u itself", a->who, a->other);
    if (!e->withdrawn && rfc_index_knows(p->index, e))
        offer(p, e);
}

/* What a forger says of others: that they have something else, or nothing any more. */
static void take_rumours(const struct asking *a)
{
    struct world *w = a->w;

    for (int i = 0; i < 20; i++) {
        uint32_t rfc = 1 + (uint32_t)prng_below(&w->prng, w->cfg->docs);
        uint32_t of = (uint32_t)prng_below(&w->prng, w->cfg->peers);
        struct rfc_entry e = {.rfc = rfc,
                              .withdrawn = swarm_chance(w, 30),
                              .ttl_s = RFC_TTL_S,
                              .holder = w->peers[of].addr,
                              .size_bytes = swarm_size_of(rfc),
                              .sha256 = swarm_edition_of(rfc, a->other),
                              .title = ""};

        if (of != a->who && of != a->other)
            take(a, &e, false);
    }
}

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
    take(a, &e, first_hand);
    return true;
}

static void give_up(struct world *w, uint32_t who)
{
    struct peer *p = &w->peers[who];
    struct sched_tried tried[8];
    size_t count = 0;
    uint32_t rfc = 0;

    while (sched_pop_exhausted(p->sched, &rfc, tried, 8, &count)) {
        CHECK(w, p->is_wanted[rfc], "peer %u gives up %u, which it did not want", who, rfc);
        CHECK(w, !w->has_anchor || (p->only[rfc] != NOBODY && p->only[rfc] != 0),
              "peer %u gives up %u, which peer 0 has", who, rfc);
        for (size_t i = 0; i < count && i < 8; i++) {
            enum role role = w->peers[swarm_peer_at(&tried[i].holder)].role;

            CHECK(w,
                  (tried[i].why != SCHED_MISMATCH && tried[i].why != SCHED_SHUNNED) ||
                      role == LIAR || role == FORGER,
                  "peer %u blames an honest one for %u", who, rfc);
        }
        p->is_wanted[rfc] = false;
        w->result->exhausted++;
        swarm_note(w, 0x30 + rfc);
    }
}

static bool is_stuck(struct world *w, struct peer *p)
{
    struct addr addr;
    uint32_t link = 0;
    int64_t retry_us = INT64_MAX;

    if (sched_pending(p->sched) == 0 || sched_is_busy(p->sched) || w->now_us < PATIENCE_US)
        return false;
    swarm_open_links(w, (uint32_t)(p - w->peers));
    if (sched_is_busy(p->sched))
        return false;
    if (sched_link_open(p->sched, w->now_us, &addr, &link, &retry_us) == DI_OK) {
        swarm_broken(w, "there was work, and nobody did it");
        return false;
    }
    return retry_us == INT64_MAX;
}

void swarm_on_answer(struct world *w, uint32_t who, uint32_t other)
{
    struct peer *p = &w->peers[who], *q = &w->peers[other];
    struct view *v = &p->views[other];
    struct asking a = {
        .w = w, .who = who, .other = other, .is_all = swarm_chance(w, w->cfg->peers > 20 ? 1 : 10)};

    v->is_asked = false;
    p->answers_due--;
    if (q->is_alive && v->is_listed) {
        if (a.is_all) {
            rfc_index_full_begin(p->index, &q->addr);
            rfc_index_walk(q->index, RFC_SCOPE_ALL, w->now_us, take_row, &a);
            rfc_index_full_end(p->index, &q->addr);
            if (q->role == FORGER)
                take_rumours(&a);
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
    uint32_t other = swarm_peer_at(&r->addr);

    CHECK(l->w, r->active && r->ttl_s >= 1 && r->ttl_s <= PEER_TTL_S, "RS: TTL of %u s", r->ttl_s);
    if (other != l->who)
        l->is_active[other] = true;
    return true;
}

int64_t swarm_wall_s(const struct world *w)
{
    return WALL_S + w->now_us / SECOND + w->wall_jump_s;
}

/* Whoever asked within the last two hours is active, whatever the wall clock did meanwhile. */
static void check_listing(struct world *w, uint32_t who, const bool *is_active)
{
    for (uint32_t i = 0; i < w->cfg->peers; i++) {
        const struct peer *p = &w->peers[i];
        int64_t ago_us = w->now_us - p->polled_us;

        if (i == who)
            continue;
        if (p->polled_us < 0 || ago_us > PEER_TTL_S * SECOND)
            CHECK(w, !is_active[i], "RS: peer %u is listed, but ran out", i);
        else if (p->is_alive && ago_us < (PEER_TTL_S - 1) * SECOND)
            CHECK(w, is_active[i], "RS: peer %u is alive, but not listed", i);
    }
}

void swarm_on_poll(struct world *w, uint32_t who)
{
    struct peer *p = &w->peers[who];
    struct peer_record record;
    struct listing l = {w, who, swarm_must(calloc(w->cfg->peers, sizeof(bool)))};
    int64_t wall_s;

    if (swarm_chance(w, 5))
        w->wall_jump_s = swarm_between(w, -86400, 86400);
    wall_s = swarm_wall_s(w);

    if (!p->is_alive) {
        free(l.is_active);
        return;
    }
    (void)peer_index_expire(w->rs, w->now_us, wall_s, NULL, NULL);
    if (peer_index_renew(w->rs, &p->cookie, w->now_us, wall_s, &record) != DI_OK)
        swarm_must_do(peer_index_register(w->rs, &p->cookie, &p->addr, "sim", "sim", w->now_us,
                                          wall_s, &record));
    CHECK(w, record.ttl_s == PEER_TTL_S, "RS: renewed to %u s", record.ttl_s);
    p->polled_us = w->now_us;
    peer_index_walk(w->rs, PEER_WALK_ACTIVE, w->now_us, wall_s, take_peer, &l);
    check_listing(w, who, l.is_active);
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
            swarm_after(w, swarm_between(w, MS, 100 * MS), ANSWER, who, i, 0);
        }
    }
    free(l.is_active);

    if (p->answers_due == 0 && is_stuck(w, p))
        give_up(w, who);
    p->is_finished = sched_pending(p->sched) == 0;
    if (!p->is_finished || w->cfg->is_long)
        swarm_after(w, p->is_finished ? RENEW_US : POLL_US, POLL, who, 0, 0);
}
