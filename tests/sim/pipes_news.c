/* Who hears of what: neighbours, long polls, and documents becoming visible. One thread. */
#include "pipes_world.h"

#include <stdlib.h>

/* ---- listening ------------------------------------------------------------------------------- */

void pipes_listen(struct world *w, uint32_t who, uint32_t ear)
{
    struct ear *e = &w->peers[who].ears[ear];

    e->asked_us = w->now_us;
    e->is_asked = true;
    pipes_meet_with(w, who, e->other);
    w->result->news_messages++;
    w->result->news_bytes += REQUEST_BYTES;
    pipes_note(w, who, e->other, REQUEST_BYTES,
               (struct agenda_event){.kind = ASKED, .who = e->other, .other = who, .amount = ear});
}

static void tell(struct world *w, uint32_t holder, uint32_t who, uint32_t ear)
{
    struct peer *h = &w->peers[holder];
    struct ear *e = &w->peers[who].ears[ear];
    uint32_t rows = (uint32_t)(h->own_count - e->seen);
    uint32_t bytes = 300 + rows * ROW_BYTES;

    w->result->news_messages++;
    w->result->news_bytes += bytes;
    w->result->rows += rows;
    pipes_note(w, holder, who, bytes,
               (struct agenda_event){.kind = TOLD, .who = who, .other = ear, .amount = rows});
}

void pipes_on_asked(struct world *w, uint32_t holder, uint32_t who, uint32_t ear)
{
    struct peer *h = &w->peers[holder];

    if (h->own_count > w->peers[who].ears[ear].seen || !w->peers[who].ears[ear].is_near) {
        tell(w, holder, who, ear);
        return;
    }
    if (h->parked_count == h->parked_room) {
        h->parked_room = h->parked_room * 2 + 4;
        h->parked = pipes_must(realloc(h->parked, h->parked_room * sizeof(*h->parked)));
    }
    h->parked[h->parked_count++] = (struct parked){who, ear};
}

void pipes_on_told(struct world *w, uint32_t who, uint32_t ear, uint32_t rows)
{
    struct peer *p = &w->peers[who];
    struct ear *e = &p->ears[ear];
    const struct peer *h = &w->peers[e->other];
    struct addr addr = pipes_addr(e->other);

    e->is_asked = false;
    for (uint32_t i = 0; i < rows; i++) {
        uint32_t rfc = h->own[e->seen++];
        struct sha256 edition = pipes_edition(rfc);

        if (!p->holds[rfc] &&
            sched_on_offer(p->sched, rfc, &addr, w->doc[rfc].size_bytes, &edition) != DI_OK)
            abort();
    }
    if (p->have == p->want || !e->is_near)
        return;

    int64_t again_us = e->asked_us + NEWS_EVERY_US;

    pipes_after(w, again_us > w->now_us ? again_us - w->now_us : 0, LISTEN, who, ear, 0, 0);
}

/* Draws so many more that it does not know yet. */
static void get_to_know(struct world *w, uint32_t who, unsigned count, bool is_near)
{
    struct peer *p = &w->peers[who];

    p->ears = pipes_must(realloc(p->ears, (p->ear_count + count) * sizeof(*p->ears)));
    while (count > 0 && p->ear_count < w->cfg.peers - 1) {
        uint32_t other = (uint32_t)prng_below(&w->prng, w->cfg.peers);
        bool known = other == who;

        for (unsigned i = 0; i < p->ear_count && !known; i++)
            known = p->ears[i].other == other;
        if (known)
            continue;
        p->ears[p->ear_count] = (struct ear){.other = other, .is_near = is_near};
        pipes_listen(w, who, p->ear_count++);
        count--;
    }
}

void pipes_begin(struct world *w, uint32_t who)
{
    struct peer *p = &w->peers[who];
    struct sched_company company = {.self = who + 1};

    if (p->want == 0)
        return;
    get_to_know(w, who, w->cfg.near, true);
    get_to_know(w, who, ASKED_FIRST, false);
    for (; company.count < p->ear_count && company.count < SCHED_COMPANY_MAX; company.count++)
        company.others[company.count] = p->ears[company.count].other + 1;
    if (!w->cfg.is_alone)
        sched_set_company(p->sched, &company);
    pipes_after(w, ROUND_US, ROUND, who, 0, 0, 0);
}

/* If all are known, those asked longest ago are asked again. */
void pipes_on_round(struct world *w, uint32_t who)
{
    struct peer *p = &w->peers[who];

    if (p->have == p->want)
        return;
    get_to_know(w, who, ASKED_BESIDES, false);
    for (unsigned i = 0; i < ASKED_BESIDES && p->ear_count == w->cfg.peers - 1; i++) {
        unsigned ear = (unsigned)prng_below(&w->prng, p->ear_count);

        if (!p->ears[ear].is_near && !p->ears[ear].is_asked)
            pipes_listen(w, who, ear);
    }
    pipes_after(w, ROUND_US, ROUND, who, 0, 0, 0);
}

/* ---- becoming visible ------------------------------------------------------------------------ */

static void publish(struct world *w, uint32_t who)
{
    struct peer *p = &w->peers[who];

    p->batch = p->landing_count;
    p->is_publishing = p->batch > 0;
    if (p->is_publishing)
        pipes_after(w, PUBLISH_US + (int64_t)p->batch * PUBLISH_DOC_US, PUBLISHED, who, 0, 0, 0);
}

/* Verified: it is offered at once, and becomes durable. */
void pipes_landed(struct world *w, uint32_t who, uint32_t rfc)
{
    struct peer *p = &w->peers[who];

    p->known[rfc] = true;
    p->own[p->own_count++] = rfc;
    for (size_t i = 0; i < p->parked_count; i++)
        tell(w, who, p->parked[i].who, p->parked[i].ear);
    p->parked_count = 0;
    p->landing_count++;
    if (!p->is_publishing)
        publish(w, who);
}

void pipes_on_published(struct world *w, uint32_t who)
{
    struct peer *p = &w->peers[who];

    p->have += p->batch;
    p->landing_count -= p->batch;
    if (p->have == p->want && p->complete_us < 0) {
        p->complete_us = w->now_us;
        w->incomplete--;
    }
    publish(w, who);
}
