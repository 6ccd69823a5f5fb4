/* Links and transfers of the simulated swarm, with all that goes wrong on them. One thread. */
#include "swarm_world.h"

#include <string.h>

void swarm_close_task(struct world *w, uint32_t who, struct task *t, enum sched_why why)
{
    struct peer *p = &w->peers[who];

    for (size_t i = 0; i < t->queued; i++)
        p->is_under_way[t->queue[i].rfc] = false;
    sched_link_closed(p->sched, t->link, why, w->now_us);
    t->is_open = false;
    t->is_up = false;
    t->queued = 0;
    t->generation++;
    swarm_note(w, 0x10 + why);
}

static void check_request(struct world *w, uint32_t who, const struct task *t,
                          const struct sched_request *q)
{
    struct peer *p = &w->peers[who];
    struct view *v = &p->views[t->holder];
    struct part *part = swarm_part_of(w, p, q->rfc, &q->edition);

    CHECK(w, p->is_wanted[q->rfc], "peer %u asks for %u, which it does not want", who, q->rfc);
    CHECK(w, !p->is_under_way[q->rfc], "peer %u asks twice for %u at a time", who, q->rfc);
    CHECK(w, p->only[q->rfc] == NOBODY || p->only[q->rfc] == t->holder,
          "peer %u asks %u for %u, which is to come from another one", who, t->holder, q->rfc);
    CHECK(w, !v->is_gone, "peer %u asks %u, which is gone", who, t->holder);
    CHECK(w, !v->is_shunned, "peer %u asks %u, which it should shun", who, t->holder);
    CHECK(w, q->size_bytes == swarm_size_of(q->rfc) && q->offset + q->len == q->size_bytes,
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
        struct part *part = swarm_part_of(w, p, q.rfc, &q.edition);

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
        swarm_note(w, ((uint64_t)who << 40) + ((uint64_t)t->holder << 20) + q.rfc);
    }
    if (t->queued == 0)
        swarm_close_task(w, who, t, SCHED_CLOSED);
    else if (was_idle)
        swarm_after(w, swarm_between(w, 2 * MS, 40 * MS) + (int64_t)t->queue[0].len / 10, DELIVERED,
                    who, (uint32_t)(t - p->tasks), t->generation);
}

void swarm_open_links(struct world *w, uint32_t who)
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
        t->holder = swarm_peer_at(&addr);
        for (int j = 0; j < THREADS; j++)
            links += p->tasks[j].is_open && p->tasks[j].holder == t->holder;
        CHECK(w, links <= LINKS_MAX, "peer %u: %u links to one holder", who, links);
        CHECK(w, !p->views[t->holder].is_gone, "peer %u connects to %u, which is gone", who,
              t->holder);
        swarm_after(w,
                    w->peers[t->holder].is_alive || swarm_chance(w, 50)
                        ? swarm_between(w, MS, 80 * MS)
                        : 3 * SECOND,
                    CONNECTED, who, (uint32_t)i, t->generation);
    }
    CHECK(w, retry_us > w->now_us, "peer %u should ask again in the past", who);
    if (retry_us != INT64_MAX && (p->retry_us <= w->now_us || retry_us < p->retry_us)) {
        p->retry_us = retry_us;
        swarm_after(w, retry_us - w->now_us, RETRY, who, 0, 0);
    }
}

void swarm_on_connected(struct world *w, uint32_t who, struct task *t)
{
    if (!w->peers[t->holder].is_alive) {
        swarm_close_task(w, who, t, swarm_chance(w, 50) ? SCHED_REFUSED : SCHED_TIMEOUT);
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
        swarm_after(w, swarm_between(w, 0, 3 * MS) + (int64_t)t->queue[0].len / 10, DELIVERED, who,
                    (uint32_t)(t - w->peers[who].tasks), t->generation);
}

static void fail(struct world *w, uint32_t who, struct task *t, enum sched_why why, uint64_t kept)
{
    sched_on_failed(w->peers[who].sched, t->link, t->queue[0].id, why, kept,
                    why == SCHED_BUSY ? swarm_between(w, 0, 2 * SECOND) : 0, w->now_us);
    swarm_note(w, 0x20 + why);
    shift(w, who, t);
}

static void some_bytes(struct world *w, uint32_t who, const struct task *t, bool corrupt)
{
    struct peer *p = &w->peers[who];
    const struct sched_request *q = &t->queue[0];
    struct part *part = swarm_part_of(w, p, q->rfc, &q->edition);
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
    struct part *part = swarm_part_of(w, p, q.rfc, &q.edition);

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
    swarm_hold(w, who, q.rfc, &q.edition);
    shift(w, who, t);
}

struct looking {
    const struct sched_request *request;
    bool has_any, has_it;
};

static bool look(void *arg, const struct rfc_entry *row)
{
    struct looking *l = arg;

    if (row->own) {
        l->has_any = true;
        l->has_it = sha256_equal(&row->sha256, &l->request->edition);
    }
    return true;
}

void swarm_on_delivered(struct world *w, uint32_t who, struct task *t)
{
    struct peer *p = &w->peers[who];
    const struct peer *holder = &w->peers[t->holder];
    bool bad = holder->role == LIAR || holder->role == FORGER;

    if (!holder->is_alive || (holder->role == FLAKY && swarm_chance(w, 70))) {
        some_bytes(w, who, t, bad);
        if (holder->is_alive && swarm_chance(w, 50))
            fail(w, who, t, SCHED_TIMEOUT,
                 swarm_part_of(w, p, t->queue[0].rfc, &t->queue[0].edition)->have);
        swarm_close_task(w, who, t, SCHED_CLOSED);
        return;
    }
    if (holder->role == BUSY && swarm_chance(w, 70)) {
        fail(w, who, t, SCHED_BUSY,
             swarm_part_of(w, p, t->queue[0].rfc, &t->queue[0].edition)->have);
        swarm_close_task(w, who, t, SCHED_CLOSED);
        return;
    }

    struct looking l = {.request = &t->queue[0]};

    rfc_index_find(holder->index, t->queue[0].rfc, w->now_us, look, &l);
    if (!l.has_it || (holder->role == EMPTY && swarm_chance(w, 80))) {
        fail(w, who, t, l.has_any ? SCHED_CHANGED : SCHED_NOT_FOUND,
             swarm_part_of(w, p, t->queue[0].rfc, &t->queue[0].edition)->have);
    } else {
        on_whole(w, who, t, bad);
    }
    send_requests(w, who, t);
}
