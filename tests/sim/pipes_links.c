/* Links of limited rate, and the transfers over them. One thread. */
#include "pipes_world.h"

#include <stdlib.h>
#include <string.h>

static struct pipes_request *at(struct task *t, unsigned i)
{
    return &t->ring[(t->first + i) % WINDOW];
}

/* ---- a link out ------------------------------------------------------------------------------ */

static int64_t ceil_us(double us)
{
    int64_t whole = (int64_t)us;

    return us > (double)whole ? whole + 1 : whole;
}

static bool has_to_send(struct task *t)
{
    return t->is_open && t->sending < t->count && at(t, t->sending)->has_come &&
           t->in_flight < t->window;
}

static void take_turn(struct world *w, uint32_t holder, uint32_t client, struct task *t)
{
    struct peer *h = &w->peers[holder];
    uint32_t task = (uint32_t)(t - w->peers[client].task);

    if (t->in_turn || !has_to_send(t))
        return;
    t->in_turn = true;
    t->next_client = NOBODY;
    if (h->turn_client == NOBODY) {
        h->turn_client = client;
        h->turn_task = task;
    } else {
        struct task *last = &w->peers[h->last_client].task[h->last_task];
        last->next_client = client;
        last->next_task = task;
    }
    h->last_client = client;
    h->last_task = task;
    h->turn_count++;
}

/* Bytes arrive at the other side's link, behind what is queued there. */
static void arrive(struct world *w, uint32_t to, uint32_t bytes, struct agenda_event then)
{
    struct peer *p = &w->peers[to];
    double at_us = (double)(w->now_us + LATENCY_US);

    if (p->down_free_us < at_us)
        p->down_free_us = at_us;
    p->down_free_us += p->down_us * bytes;
    then.at_us = ceil_us(p->down_free_us);
    agenda_add(&w->agenda, then);
}

/* The holder comes to a request: what will it answer? */
static void begin(struct world *w, uint32_t holder, uint32_t client, struct pipes_request *r)
{
    struct peer *h = &w->peers[holder];
    struct addr asker = pipes_addr(client), other;
    uint32_t rfc = r->q.rfc;

    r->begun = true;
    r->to_send = r->to_come = 200;
    if (!h->known[rfc]) {
        r->outcome = LACKS;
    } else if (!w->cfg.is_patient &&
               !turns_take(h->turns, &asker, rfc, r->q.len == r->q.size_bytes, w->now_us, &other)) {
        r->outcome = ELSEWHERE;
    } else {
        r->outcome = SERVED;
        r->to_send = r->to_come = w->doc[rfc].wire_bytes * r->q.len / r->q.size_bytes + HEAD_BYTES;
        w->result->document_bytes += (double)r->to_send;
        if (holder == 0)
            w->result->left_first += (double)r->to_send;
    }
}

static void send_piece(struct world *w, uint32_t holder)
{
    struct peer *h = &w->peers[holder];
    uint32_t client = h->turn_client;
    struct task *t = &w->peers[client].task[h->turn_task];
    uint32_t sent = 0;

    h->turn_client = t->next_client;
    h->turn_task = t->next_task;
    h->turn_count--;
    t->in_turn = false;
    /* A piece may hold several small answers. */
    while (sent < w->piece_bytes && has_to_send(t)) {
        struct pipes_request *r = at(t, t->sending);
        uint64_t part;

        if (!r->begun)
            begin(w, holder, client, r);
        part = w->piece_bytes - sent;
        if (part > r->to_send)
            part = r->to_send;
        r->to_send -= part;
        sent += (uint32_t)part;
        if (r->to_send == 0)
            t->sending++;
    }
    t->in_flight += sent;
    take_turn(w, holder, client, t);
    if (sent > 0) {
        uint32_t task = (uint32_t)(t - w->peers[client].task);

        /* Cut through: it comes out of the other link at the earliest when the last byte is in. */
        w->now_us += ceil_us(h->up_us * sent);
        arrive(w, client, sent,
               (struct agenda_event){.kind = CAME,
                                     .who = client,
                                     .other = task,
                                     .generation = t->generation,
                                     .amount = sent});
        w->now_us -= ceil_us(h->up_us * sent);
        pipes_after(w, ceil_us(h->up_us * sent), SENT, holder, 0, 0, 0);
        h->is_sending = true;
    }
}

static void send_next(struct world *w, uint32_t who)
{
    struct peer *p = &w->peers[who];

    p->is_sending = false;
    if (p->notes_count > 0 &&
        (p->notes[p->notes_from].due_us <= w->now_us || p->turn_client == NOBODY)) {
        struct note n = p->notes[p->notes_from++];
        int64_t took_us = ceil_us(p->up_us * n.bytes);

        if (--p->notes_count == 0)
            p->notes_from = 0;
        w->now_us += took_us;
        arrive(w, n.to, n.bytes, n.then);
        w->now_us -= took_us;
        pipes_after(w, took_us, SENT, who, 0, 0, 0);
        p->is_sending = true;
        return;
    }
    while (!p->is_sending && p->turn_client != NOBODY)
        send_piece(w, who);
}

void pipes_on_sent(struct world *w, uint32_t who)
{
    send_next(w, who);
}

void pipes_note(struct world *w, uint32_t from, uint32_t to, uint32_t bytes,
                struct agenda_event then)
{
    struct peer *p = &w->peers[from];

    if (p->notes_from + p->notes_count == p->notes_room) {
        if (p->notes_from > 0) {
            memmove(p->notes, p->notes + p->notes_from, p->notes_count * sizeof(*p->notes));
            p->notes_from = 0;
        } else {
            p->notes_room = p->notes_room * 2 + 8;
            p->notes = pipes_must(realloc(p->notes, p->notes_room * sizeof(*p->notes)));
        }
    }
    p->notes[p->notes_from + p->notes_count++] = (struct note){
        .due_us = w->now_us + ceil_us(p->up_us * TCP_QUEUED * (double)p->turn_count),
        .to = to,
        .bytes = bytes,
        .then = then,
    };
    if (!p->is_sending)
        send_next(w, from);
}

/* ---- the client ------------------------------------------------------------------------------ */

static void close_task(struct world *w, uint32_t who, struct task *t)
{
    w->peers[t->holder].clients--;
    sched_link_closed(w->peers[who].sched, t->link, SCHED_CLOSED, w->now_us);
    t->is_open = t->is_up = false;
    t->generation++;
    t->first = t->count = t->sending = 0;
    t->in_flight = 0;
}

static void send_requests(struct world *w, uint32_t who, struct task *t)
{
    struct peer *p = &w->peers[who];
    struct sched_request q;
    unsigned fresh = 0;

    while (t->count < WINDOW && sched_next(p->sched, t->link, w->now_us, &q)) {
        *at(t, t->count++) = (struct pipes_request){.q = q};
        fresh++;
    }
    if (t->count == 0) {
        close_task(w, who, t);
        return;
    }
    if (fresh > 0)
        pipes_note(w, who, t->holder, fresh * REQUEST_BYTES,
                   (struct agenda_event){.kind = REQUESTED,
                                         .who = who,
                                         .other = (uint32_t)(t - p->task),
                                         .generation = t->generation,
                                         .amount = fresh});
}

void pipes_on_connected(struct world *w, uint32_t who, struct task *t)
{
    t->is_up = true;
    t->window = TCP_START;
    sched_link_up(w->peers[who].sched, t->link);
    send_requests(w, who, t);
}

void pipes_on_requested(struct world *w, uint32_t who, struct task *t, unsigned count)
{
    for (unsigned i = 0; i < t->count && count > 0; i++)
        if (!at(t, i)->has_come) {
            at(t, i)->has_come = true;
            count--;
        }
    take_turn(w, t->holder, who, t);
    if (!w->peers[t->holder].is_sending)
        send_next(w, t->holder);
}

static void complete(struct world *w, uint32_t who, struct task *t, struct pipes_request *r)
{
    struct peer *p = &w->peers[who];

    switch (r->outcome) {
    case SERVED:
        sched_on_done(p->sched, t->link, r->q.id, w->now_us);
        p->holds[r->q.rfc] = true;
        pipes_landed(w, who, r->q.rfc);
        break;
    case ELSEWHERE:
        sched_on_failed(p->sched, t->link, r->q.id, SCHED_ELSEWHERE, 0, TURNS_REST_US, w->now_us);
        break;
    case LACKS:
        sched_on_failed(p->sched, t->link, r->q.id, SCHED_NOT_FOUND, 0, 0, w->now_us);
        break;
    }
}

void pipes_on_came(struct world *w, uint32_t who, struct task *t, uint32_t bytes)
{
    bool some = false;

    t->in_flight -= bytes;
    if (t->window < TCP_MAX)
        t->window += bytes;
    while (bytes > 0) {
        struct pipes_request *r = at(t, 0);
        uint64_t part = bytes < r->to_come ? bytes : r->to_come;

        r->to_come -= part;
        bytes -= (uint32_t)part;
        if (r->to_come > 0)
            break;

        struct pipes_request whole = *r;

        t->first = (t->first + 1) % WINDOW;
        t->count--;
        t->sending--;
        complete(w, who, t, &whole);
        some = true;
    }
    take_turn(w, t->holder, who, t);
    if (!w->peers[t->holder].is_sending)
        send_next(w, t->holder);
    if (some)
        send_requests(w, who, t);
}

void pipes_work(struct world *w, uint32_t who)
{
    struct peer *p = &w->peers[who];
    int64_t retry_us = INT64_MAX;
    struct addr addr;

    for (int i = 0; i < TASKS; i++) {
        struct task *t = &p->task[i];

        if (t->is_open)
            continue;
        if (sched_link_open(p->sched, w->now_us, &addr, &t->link, &retry_us) != DI_OK)
            break;
        t->is_open = true;
        t->holder = (uint32_t)addr.ip[14] << 8 | addr.ip[15];
        pipes_meet_with(w, who, t->holder);
        if (++w->peers[t->holder].clients > w->result->clients_max)
            w->result->clients_max = w->peers[t->holder].clients;
        pipes_after(w, CONNECT_US, CONNECTED, who, (uint32_t)i, t->generation, 0);
    }
    if (retry_us != INT64_MAX && (p->retry_us <= w->now_us || retry_us < p->retry_us)) {
        p->retry_us = retry_us;
        pipes_after(w, retry_us - w->now_us, RETRY, who, 0, 0, 0);
    }
}
