/* The simulated swarm: its world, events and lives. One thread. */
#include "swarm_world.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void swarm_broken(struct world *w, const char *fmt, ...)
{
    va_list ap;

    if (w->result->broken[0] != '\0')
        return;
    va_start(ap, fmt);
    (void)vsnprintf(w->result->broken, sizeof(w->result->broken), fmt, ap);
    va_end(ap);
}

void *swarm_must(void *p)
{
    if (p == NULL)
        abort();
    return p;
}

void swarm_must_do(enum di_err err)
{
    if (err != DI_OK)
        abort();
}

bool swarm_chance(struct world *w, unsigned percent)
{
    return prng_below(&w->prng, 100) < percent;
}

int64_t swarm_between(struct world *w, int64_t low, int64_t high)
{
    return low + (int64_t)prng_below(&w->prng, (uint64_t)(high - low + 1));
}

void swarm_note(struct world *w, uint64_t what)
{
    w->result->digest = (w->result->digest ^ what) * UINT64_C(0x100000001b3);
}

/* ---- events ---------------------------------------------------------------------------------- */

void swarm_after(struct world *w, int64_t delay_us, enum event_kind kind, uint32_t who,
                 uint32_t other, uint32_t generation)
{
    agenda_add(&w->agenda, (struct agenda_event){.at_us = w->now_us + delay_us,
                                                 .kind = kind,
                                                 .who = who,
                                                 .other = other,
                                                 .generation = generation});
}

/* ---- documents ------------------------------------------------------------------------------- */

uint64_t swarm_size_of(uint32_t rfc)
{
    return rfc % 17 == 0 ? 400000 : 2000 + rfc * 7919 % 90000;
}

/* by: NOBODY for the true edition, else the peer that made it up. */
struct sha256 swarm_edition_of(uint32_t rfc, uint32_t by)
{
    struct sha256 sha = {{0}};

    memcpy(sha.byte, &rfc, sizeof(rfc));
    memcpy(sha.byte + 4, &by, sizeof(by));
    return sha;
}

void swarm_hold(struct world *w, uint32_t who, uint32_t rfc, const struct sha256 *edition)
{
    struct rfc_entry e = {
        .rfc = rfc, .size_bytes = swarm_size_of(rfc), .sha256 = *edition, .title = "A document"};

    swarm_must_do(rfc_index_own_put(w->peers[who].index, &e));
}

static struct addr addr_of(uint32_t who)
{
    return addr_ipv4(10, 0, (uint8_t)(who >> 8), (uint8_t)who, 4000);
}

uint32_t swarm_peer_at(const struct addr *addr)
{
    return (uint32_t)addr->ip[14] << 8 | addr->ip[15];
}

/* As in the library: parts of several editions lie side by side. */
struct part *swarm_part_of(const struct world *w, const struct peer *p, uint32_t rfc,
                           const struct sha256 *edition)
{
    uint32_t by = NOBODY;

    memcpy(&by, edition->byte + 4, sizeof(by));
    return &p->parts[rfc * (w->cfg->peers + 1) + (by == NOBODY ? w->cfg->peers : by)];
}

/* ---- life ------------------------------------------------------------------------------------ */

static void on_vanish(struct world *w, uint32_t who)
{
    struct peer *p = &w->peers[who];
    struct peer_record record;

    p->is_alive = false;
    /* Its own downloads end; what it had asked others for is of no interest. */
    for (int i = 0; i < THREADS; i++)
        if (p->tasks[i].is_open)
            swarm_close_task(w, who, &p->tasks[i], SCHED_LOCAL);
    for (uint32_t rfc = 1; rfc <= w->cfg->docs; rfc++) {
        sched_drop(p->sched, rfc);
        p->is_wanted[rfc] = false;
    }
    CHECK(w, sched_pending(p->sched) == 0, "dropped, but pending");
    CHECK(w, !sched_is_busy(p->sched), "all links are closed, but busy");
    if (p->role == LEAVING)
        swarm_must_do(peer_index_leave(w->rs, &p->cookie, w->now_us, swarm_wall_s(w), &record));
    if (swarm_chance(w, 60))
        swarm_after(w, swarm_between(w, SECOND, 20 * SECOND), COME_BACK, who, 0, 0);
}

static void on_event(struct world *w, const struct agenda_event *e)
{
    struct peer *p = &w->peers[e->who];
    struct task *t = &p->tasks[e->kind == CONNECTED || e->kind == DELIVERED ? e->other : 0];

    switch ((enum event_kind)e->kind) {
    case POLL:
        swarm_on_poll(w, e->who);
        break;
    case ANSWER:
        swarm_on_answer(w, e->who, e->other);
        break;
    case CONNECTED:
        if (t->generation == e->generation)
            swarm_on_connected(w, e->who, t);
        break;
    case DELIVERED:
        if (t->generation == e->generation)
            swarm_on_delivered(w, e->who, t);
        break;
    case RETRY:
        break;
    case VANISH:
        on_vanish(w, e->who);
        break;
    case COME_BACK:
        p->is_alive = true;
        swarm_after(w, 0, POLL, e->who, 0, 0);
        break;
    }
    if (p->is_alive)
        swarm_open_links(w, e->who);
}

static enum role draw_role(struct world *w, uint32_t who)
{
    if (who == 0 && w->has_anchor)
        return HONEST;
    return swarm_chance(w, 50) ? HONEST : (enum role)prng_below(&w->prng, ROLES);
}

static void draw_documents(struct world *w, uint32_t who)
{
    struct peer *p = &w->peers[who];
    unsigned share = (unsigned)swarm_between(w, 0, 50);

    for (uint32_t rfc = 1; rfc <= w->cfg->docs; rfc++) {
        struct sha256 edition =
            swarm_edition_of(rfc, p->role == FORGER && swarm_chance(w, 50) ? who : NOBODY);

        if ((who == 0 && w->has_anchor) || (p->role != HONEST && swarm_chance(w, 60)) ||
            swarm_chance(w, share)) {
            swarm_hold(w, who, rfc, &edition);
            continue;
        }
        p->only[rfc] = swarm_chance(w, 3) ? (uint32_t)prng_below(&w->prng, w->cfg->peers) : NOBODY;

        struct addr only = addr_of(p->only[rfc]);

        swarm_must_do(sched_want(p->sched, rfc, p->only[rfc] != NOBODY ? &only : NULL));
        p->is_wanted[rfc] = true;
    }
}

static void world_init(struct world *w)
{
    swarm_must_do(peer_index_new(1, 10 * w->cfg->peers, &w->rs));
    w->has_anchor = swarm_chance(w, 75);
    w->peers = swarm_must(calloc(w->cfg->peers, sizeof(*w->peers)));
    for (uint32_t i = 0; i < w->cfg->peers; i++) {
        struct peer *p = &w->peers[i];
        struct sched_config cfg = {
            .window_max = WINDOW, .links_per_holder_max = LINKS_MAX, .serial = swarm_chance(w, 15)};

        p->role = draw_role(w, i);
        p->is_alive = true;
        p->is_serial = cfg.serial;
        p->addr = addr_of(i);
        memcpy(p->cookie.byte, &i, sizeof(i));
        p->views = swarm_must(calloc(w->cfg->peers, sizeof(*p->views)));
        p->parts = swarm_must(calloc((w->cfg->docs + 1) * (w->cfg->peers + 1), sizeof(*p->parts)));
        p->is_wanted = swarm_must(calloc(w->cfg->docs + 1, sizeof(bool)));
        p->is_under_way = swarm_must(calloc(w->cfg->docs + 1, sizeof(bool)));
        p->only = swarm_must(calloc(w->cfg->docs + 1, sizeof(*p->only)));
        p->polled_us = -1;
        swarm_must_do(rfc_index_new(1000 + i, 1000000, &p->index));
        swarm_must_do(sched_new(&cfg, prng_next(&w->prng), &p->sched));
        draw_documents(w, i);
        swarm_after(w, swarm_between(w, 0, 2 * SECOND), POLL, i, 0, 0);
        if (p->role == VANISHING || p->role == LEAVING)
            swarm_after(w, swarm_between(w, 3 * SECOND, 12 * SECOND), VANISH, i, 0, 0);
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
        free(p->only);
    }
    peer_index_free(w->rs);
    free(w->peers);
    agenda_fini(&w->agenda);
}

static bool is_over(const struct world *w)
{
    if (w->result->broken[0] != '\0')
        return true;
    return w->now_us > (w->cfg->is_long ? LONG_END_US : END_US);
}

bool swarm_run(const struct swarm_config *cfg, struct swarm_result *out)
{
    struct world w = {.cfg = cfg, .result = out};
    struct agenda_event e;

    *out = (struct swarm_result){.digest = UINT64_C(0xcbf29ce484222325)};
    prng_seed(&w.prng, cfg->seed);
    world_init(&w);
    while (!is_over(&w) && agenda_next(&w.agenda, &e)) {
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
