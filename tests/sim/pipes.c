/* Peers behind links of limited rate: the world and its events. One thread. */
#include "pipes_world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define END_US (10000 * SECOND)

void *pipes_must(void *p)
{
    if (p == NULL)
        abort();
    return p;
}

void pipes_after(struct world *w, int64_t delay_us, enum event_kind kind, uint32_t who,
                 uint32_t other, uint32_t generation, uint32_t amount)
{
    agenda_add(&w->agenda, (struct agenda_event){.at_us = w->now_us + delay_us,
                                                 .kind = kind,
                                                 .who = who,
                                                 .other = other,
                                                 .generation = generation,
                                                 .amount = amount});
}

void pipes_meet_with(struct world *w, uint32_t who, uint32_t other)
{
    w->peers[who].met[other / 8] |= (uint8_t)(1u << other % 8);
}

struct addr pipes_addr(uint32_t who)
{
    return addr_ipv4(10, 0, (uint8_t)(who >> 8), (uint8_t)who, 4000);
}

struct sha256 pipes_edition(uint32_t rfc)
{
    struct sha256 sha = {{0}};

    memcpy(sha.byte, &rfc, sizeof(rfc));
    return sha;
}

static void on_event(struct world *w, const struct agenda_event *e)
{
    struct peer *p = &w->peers[e->who];

    switch ((enum event_kind)e->kind) {
    case START:
        pipes_begin(w, e->who);
        break;
    case SENT:
        pipes_on_sent(w, e->who);
        return;
    case CAME:
        if (p->task[e->other].generation == e->generation)
            pipes_on_came(w, e->who, &p->task[e->other], e->amount);
        break;
    case REQUESTED:
        if (p->task[e->other].generation == e->generation)
            pipes_on_requested(w, e->who, &p->task[e->other], e->amount);
        return;
    case CONNECTED:
        if (p->task[e->other].generation == e->generation)
            pipes_on_connected(w, e->who, &p->task[e->other]);
        break;
    case PUBLISHED:
        pipes_on_published(w, e->who);
        return;
    case ASKED:
        pipes_on_asked(w, e->who, e->other, e->amount);
        return;
    case TOLD:
        pipes_on_told(w, e->who, e->other, e->amount);
        break;
    case LISTEN:
        pipes_listen(w, e->who, e->other);
        return;
    case ROUND:
        pipes_on_round(w, e->who);
        return;
    case RETRY:
        break;
    }
    pipes_work(w, e->who);
}

/* Like RFCs: 600 of them have 33.7 MB, and shrink to a quarter or so. */
static void draw_docs(struct world *w)
{
    for (unsigned i = 1; i <= w->cfg.docs; i++) {
        if (w->cfg.doc != NULL) {
            w->doc[i] = w->cfg.doc[i - 1];
            continue;
        }
        double u = prng_unit(&w->prng);
        w->doc[i].size_bytes = (uint64_t)(8000 + 144000 * u * u);
        w->doc[i].wire_bytes = (uint64_t)((double)w->doc[i].size_bytes * 0.26);
    }
}

static void peer_init(struct world *w, uint32_t i)
{
    struct peer *p = &w->peers[i];
    struct sched_config cfg = {.window_max = w->cfg.window_max, .links_per_holder_max = LINKS};
    double rate = w->cfg.rate_bps;

    if (i == 0 && w->cfg.rate_first_bps > 0)
        rate = w->cfg.rate_first_bps;
    if (i == w->cfg.peers - 1 && w->cfg.rate_last_bps > 0)
        rate = w->cfg.rate_last_bps;
    /* Heads of frames, and what acknowledges the other way. */
    rate *= 1448.0 / 1514 * 0.98;
    p->up_us = p->down_us = 8e6 / rate;
    if (sched_new(&cfg, prng_next(&w->prng), &p->sched) != DI_OK)
        abort();
    p->holds = pipes_must(calloc(w->cfg.docs + 1, 1));
    p->known = pipes_must(calloc(w->cfg.docs + 1, 1));
    p->own = pipes_must(calloc(w->cfg.docs + 1, sizeof(*p->own)));
    p->met = pipes_must(calloc(w->cfg.peers / 8 + 1, 1));
    if (turns_new(&p->turns) != DI_OK)
        abort();
    p->turn_client = p->last_client = NOBODY;
    p->complete_us = -1;
    for (uint32_t rfc = 1; rfc <= w->cfg.docs; rfc++) {
        if (w->cfg.task == 1 ? i == 0 : rfc % w->cfg.peers == i) {
            p->holds[rfc] = p->known[rfc] = true;
            p->own[p->own_count++] = rfc;
        } else {
            if (sched_want(p->sched, rfc, NULL) != DI_OK)
                abort();
            p->want++;
        }
    }
    if (p->want > 0)
        w->incomplete++;
    pipes_after(w, START_US + (int64_t)prng_below(&w->prng, 10 * MS), START, i, 0, 0, 0);
}

static int by_time(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

static unsigned count_met(const struct world *w, const struct peer *p)
{
    unsigned count = 0;

    for (uint32_t i = 0; i < w->cfg.peers; i++)
        count += p->met[i / 8] >> (i % 8) & 1;
    return count;
}

static void sum_up(struct world *w)
{
    struct pipes_result *r = w->result;
    double *at = pipes_must(malloc(w->cfg.peers * sizeof(*at)));
    double own = 0;

    for (uint32_t i = 0; i < w->cfg.peers; i++) {
        const struct peer *p = &w->peers[i];
        unsigned met = count_met(w, p);

        r->wanting += p->want > 0;
        if (p->complete_us >= 0)
            at[r->complete++] = (double)p->complete_us / SECOND;
        r->met += met;
        if (met > r->met_max)
            r->met_max = met;
    }
    qsort(at, r->complete, sizeof(*at), by_time);
    if (r->complete > 0) {
        r->first_s = at[0];
        r->median_s = at[r->complete / 2];
        r->last_s = at[r->complete - 1];
    }
    for (uint32_t rfc = 1; rfc <= w->cfg.docs; rfc++)
        if (w->cfg.task == 1 || rfc % w->cfg.peers == 0)
            own += (double)w->doc[rfc].wire_bytes;
    r->left_first /= own;
    r->document_bytes /= r->wanting;
    r->news_bytes /= r->wanting;
    r->news_messages /= r->wanting;
    r->rows /= r->wanting;
    r->met /= r->wanting;
    free(at);
}

static void peer_fini(struct peer *p)
{
    sched_free(p->sched);
    turns_free(p->turns);
    free(p->holds);
    free(p->known);
    free(p->own);
    free(p->met);
    free(p->notes);
    free(p->ears);
    free(p->parked);
}

void pipes_run(const struct pipes_config *cfg, struct pipes_result *out)
{
    struct world w = {.cfg = *cfg, .result = out};
    struct agenda_event e;

    *out = (struct pipes_result){0};
    /* Few peers: pieces of two frames. Many: there are too many of those, and it does not matter. */
    w.piece_bytes = cfg->peers <= 30 ? 2896 : 16384;
    if (cfg->near == 0)
        w.cfg.near = NEAR;
    if (cfg->window_max == 0)
        w.cfg.window_max = WINDOW;
    prng_seed(&w.prng, cfg->seed);
    w.doc = pipes_must(calloc(cfg->docs + 1, sizeof(*w.doc)));
    w.peers = pipes_must(calloc(cfg->peers, sizeof(*w.peers)));
    draw_docs(&w);
    for (uint32_t i = 0; i < cfg->peers; i++)
        peer_init(&w, i);
    while (w.incomplete > 0 && agenda_next(&w.agenda, &e) && e.at_us < END_US) {
        w.now_us = e.at_us;
        on_event(&w, &e);
        out->events++;
    }
    sum_up(&w);
    for (uint32_t i = 0; i < cfg->peers; i++)
        peer_fini(&w.peers[i]);
    free(w.peers);
    free(w.doc);
    agenda_fini(&w.agenda);
}
