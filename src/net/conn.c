/* A connection's state word, slot, life and deadlines. The owner runs it, if not said otherwise. */
#include "conn.h"

#include "server_impl.h"

#include "p2pdi/base/clock.h"

#include <assert.h>
#include <linux/sockios.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>

#define STATE_FREE 0U
#define STATE_IDLE 1U
#define STATE_BUSY 2U
#define STATE_MASK 3U
#define NEWS_MASK 0xfffffffcU

#define LINGER_US (2 * CLOCK_US_PER_S)
#define HALF_CLOSED_US (2 * CLOCK_US_PER_S)

static uint64_t pack(uint32_t generation, unsigned low)
{
    return (uint64_t)generation << 32 | low;
}

/* ---- the word ---- */

uint32_t net_conn_generation(const struct net_conn *c)
{
    return (uint32_t)(atomic_load_explicit(&c->word, memory_order_relaxed) >> 32);
}

enum net_claim net_conn_claim(struct net_conn *c, uint32_t generation, unsigned news)
{
    uint64_t word = atomic_load_explicit(&c->word, memory_order_relaxed);

    for (;;) {
        unsigned state = (unsigned)word & STATE_MASK;
        uint64_t next = word | news;

        if ((uint32_t)(word >> 32) != generation || state == STATE_FREE)
            return CLAIM_STALE;
        if (state == STATE_IDLE)
            next = (next & ~(uint64_t)STATE_MASK) | STATE_BUSY;
        if (atomic_compare_exchange_weak_explicit(&c->word, &word, next, memory_order_acq_rel,
                                                  memory_order_relaxed))
            return state == STATE_IDLE ? CLAIM_OWNED : CLAIM_NOTED;
    }
}

bool net_conn_release(struct net_conn *c)
{
    uint32_t generation = net_conn_generation(c);
    uint64_t word = pack(generation, STATE_BUSY);

    return atomic_compare_exchange_strong_explicit(&c->word, &word, pack(generation, STATE_IDLE),
                                                   memory_order_release, memory_order_relaxed);
}

enum net_claim net_conn_deliver(struct net_conn *c, struct net_mail *m)
{
    uint64_t word = atomic_load_explicit(&c->word, memory_order_acquire);

    /* Only the listener sets that bit, so it stays clear until net_conn_claim. */
    if ((uint32_t)(word >> 32) != m->token.generation || word & NEWS_ANSWER)
        return CLAIM_STALE;
    c->mail = m;
    return net_conn_claim(c, m->token.generation, NEWS_ANSWER);
}

void net_conn_abandon(struct net_conn *c, uint32_t generation)
{
    if (net_conn_claim(c, generation, NEWS_LOST) != CLAIM_OWNED)
        return;
    /* Not a thread that may close: the sweep finds it. */
    do {
        net_conn_hear(c);
        c->gone = true;
        atomic_store_explicit(&c->deadline_us, 0, memory_order_relaxed);
    } while (!net_conn_release(c));
}

static void take_answer(struct net_conn *c, struct net_mail *m)
{
    if (!c->parked) { /* answered twice */
        net_mail_free(m);
        return;
    }
    c->parked = false;
    STATS_ADD(c->server->stats, connections_parked, -1);
    c->advanced = true;
    if (c->out == NULL)
        c->out = net_output_new();
    if (c->out == NULL) {
        c->gone = true;
    } else {
        net_output_take(c->out, &m->answer);
        for (size_t i = 0; i < m->count; i++)
            net_output_share(c->out, m->piece[i].bytes, m->piece[i].len, m->piece[i].release,
                             m->piece[i].arg);
        m->count = 0;
    }
    net_mail_free(m);
}

void net_conn_hear(struct net_conn *c)
{
    uint64_t word = atomic_load_explicit(&c->word, memory_order_acquire);
    unsigned news = (unsigned)word & NEWS_MASK;

    if (news == 0)
        return;

    /* To be read before the bit goes: then the listener may put the next answer there. */
    struct net_mail *mail = news & NEWS_ANSWER ? c->mail : NULL;

    atomic_fetch_and_explicit(&c->word, ~(uint64_t)news, memory_order_acq_rel);
    if (mail != NULL)
        take_answer(c, mail);
    if (news & (NEWS_INPUT | NEWS_END | NEWS_GONE))
        c->readable = true;
    if (news & NEWS_END && !c->half_closed) {
        c->half_closed = true;
        c->advanced = true;
    }
    if (news & (NEWS_GONE | NEWS_LOST))
        c->gone = true;
    if (news & NEWS_ROOM) {
        /* It may be reading that had to write first. */
        c->readable = true;
        if (c->blocked_on == EPOLLOUT)
            c->blocked_on = 0;
    }
    if (news & NEWS_INPUT && c->blocked_on == EPOLLIN)
        c->blocked_on = 0;
}

/* ---- slots ---- */

struct net_conn *net_slot_take(struct net_server *s)
{
    struct net_conn *c = s->free;

    if (c == NULL)
        c = atomic_exchange_explicit(&s->freed, NULL, memory_order_acquire);
    if (c != NULL) {
        s->free = c->next;
        return c;
    }
    if (s->used == s->cfg.connections_max)
        return NULL;
    return &s->conns[s->used++];
}

/* Closer. */
static void give_slot(struct net_server *s, struct net_conn *c)
{
    struct net_conn *head = atomic_load_explicit(&s->freed, memory_order_relaxed);

    do
        c->next = head;
    while (!atomic_compare_exchange_weak_explicit(&s->freed, &head, c, memory_order_release,
                                                  memory_order_relaxed));
}

/* ---- life ---- */

void net_conn_open(struct net_conn *c, struct net_server *s, int fd, const struct addr *remote)
{
    uint32_t generation = net_conn_generation(c) + 1;

    c->server = s;
    c->next = NULL;
    c->io = (struct net_io){.ops = s->io_ops, .fd = fd};
    c->mail = NULL;
    c->out = NULL;
    c->in = (struct net_input){0};
    c->frame = (struct net_frame){0};
    c->skip_left = c->allowance = c->sent = c->mark = 0;
    c->remote = *remote;
    c->local = (struct addr){0};
    c->phase = PHASE_IDLE;
    c->ending = ENDING_NONE;
    c->watched = c->blocked_on = 0;
    c->sharing = c->framed = c->half_closed = c->gone = c->parked = c->lingering = c->refused =
        false;
    /* The request often comes with the connection. */
    c->readable = c->advanced = true;
    atomic_store_explicit(&c->deadline_us, INT64_MAX, memory_order_relaxed);
    atomic_store_explicit(&c->word, pack(generation, STATE_BUSY), memory_order_release);
    atomic_fetch_add_explicit(&s->open, 1, memory_order_relaxed);
    STATS_ADD(s->stats, connections_accepted_total, 1);
    STATS_ADD(s->stats, connections_open, 1);
}

void net_conn_close(struct net_conn *c)
{
    struct net_server *s = c->server;
    uint64_t word = atomic_exchange_explicit(&c->word, pack(net_conn_generation(c), STATE_FREE),
                                             memory_order_acq_rel);

    assert((word & STATE_MASK) == STATE_BUSY);
    if (word & NEWS_ANSWER)
        net_mail_free(c->mail);
    net_input_drop(&c->in);
    net_output_free(c->out);
    c->out = NULL;
    net_throttle_return(&s->throttle, c);
    c->io.ops->close(&c->io);
    atomic_store_explicit(&c->deadline_us, INT64_MAX, memory_order_relaxed);
    STATS_ADD(s->stats, connections_open, -1);
    if (c->parked)
        STATS_ADD(s->stats, connections_parked, -1);
    give_slot(s, c);
    if (atomic_fetch_sub_explicit(&s->open, 1, memory_order_acq_rel) == 1 &&
        atomic_load_explicit(&s->stopping, memory_order_acquire))
        net_mailbox_wake(&s->box);
}

uint64_t net_conn_taken(const struct net_conn *c)
{
    int queued = 0;

    if (ioctl(c->io.fd, SIOCOUTQ, &queued) != 0 || queued < 0)
        return c->sent;
    return c->sent > (uint64_t)queued ? c->sent - (uint64_t)queued : 0;
}

static enum net_phase phase_of(const struct net_conn *c)
{
    if (c->lingering)
        return PHASE_LINGER;
    if (c->out != NULL)
        return PHASE_SEND;
    if (c->parked)
        return PHASE_PARKED;
    if (c->skip_left > 0)
        return PHASE_SKIP;
    return c->in.len > 0 ? PHASE_HEAD : PHASE_IDLE;
}

static int64_t deadline_of(const struct net_conn *c)
{
    const struct net_server_config *cfg = &c->server->cfg;

    if (c->gone)
        return 0; /* the sweep is to close it */
    switch ((enum net_phase)c->phase) {
    case PHASE_LINGER:
        return c->since_us + LINGER_US;
    case PHASE_SEND:
        return c->since_us + cfg->send_us;
    case PHASE_PARKED:
        /* Who asks with `nc -N` sends no more but reads on; who is gone looks the same. */
        return c->half_closed ? c->since_us + HALF_CLOSED_US : INT64_MAX;
    case PHASE_SKIP:
        return c->since_us + cfg->head_us +
               (int64_t)(c->mark / cfg->send_rate_min) * CLOCK_US_PER_S;
    case PHASE_HEAD:
        return c->since_us + cfg->head_us;
    case PHASE_IDLE:
        break;
    }
    return c->since_us + cfg->idle_us;
}

static bool watch(struct net_conn *c)
{
    uint32_t events = EPOLLIN | EPOLLRDHUP | EPOLLET;

    /* Room is asked for only once it was missed: else each new connection would report it. */
    if (c->blocked_on == EPOLLOUT || c->watched & EPOLLOUT)
        events |= EPOLLOUT;
    if (events == c->watched)
        return true;

    struct net_server *s = c->server;
    struct epoll_event ev = {
        .events = events,
        .data.u64 = net_event_pack(net_conn_slot(c, s->conns), net_conn_generation(c)),
    };
    int op = c->watched == 0 ? EPOLL_CTL_ADD : EPOLL_CTL_MOD;

    if (epoll_ctl(s->epoll_fd, op, c->io.fd, &ev) != 0)
        return false;
    c->watched = events;
    return true;
}

void net_conn_settle(struct net_conn *c)
{
    enum net_phase phase = phase_of(c);

    if (!net_input_keep(&c->in)) {
        c->in = (struct net_input){0};
        c->gone = true;
    }
    net_throttle_return(&c->server->throttle, c);
    if (!watch(c))
        c->gone = true;
    if (phase != c->phase || c->advanced) {
        c->phase = (uint8_t)phase;
        c->advanced = false;
        c->since_us = clock_mono_us();
        c->mark = phase == PHASE_SEND ? net_conn_taken(c) : c->skip_left;
    }
    atomic_store_explicit(&c->deadline_us, deadline_of(c), memory_order_relaxed);
}
