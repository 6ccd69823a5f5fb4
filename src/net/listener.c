/*
 * The listener thread: takes events from epoll, reads what arrives, keeps deadlines, delivers
 * answers to parked requests. It never waits for anything but epoll, and sleeps without bound while
 * there is no connection.
 */
#include "server_impl.h"

#include "p2pdi/base/clock.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>

#define EVENTS 256
#define ACCEPT_ROUND 128
#define TICK_US CLOCK_US_PER_S
#define SWEEP_MIN_US (5 * CLOCK_US_PER_MS)
#define STOP_LOOK_US (10 * CLOCK_US_PER_MS)
#define REFUSAL_MAX 4096

struct loop {
    struct net_server *s;
    struct net_jobs jobs; /* pushed together at the end of a round */
    int64_t now_us;       /* of the round */
    int64_t sweep_us;     /* between sweeps */
    int64_t next_sweep_us;
    int64_t next_tick_us;
};

static void close_conn(struct net_conn *c)
{
    struct net_server *s = c->server;

    if (c->parked && s->service.dropped != NULL) {
        struct net_token token = {net_conn_slot(c, s->conns), net_conn_generation(c)};

        s->service.dropped(s->ctx, token);
    }
    net_conn_close(c);
}

static void take_turn(struct loop *l, struct net_conn *c)
{
    switch (net_conn_turn(c, l->s->tools)) {
    case TURN_RELEASED:
        break;
    case TURN_QUEUE:
        net_jobs_add(&l->jobs, c);
        break;
    case TURN_THROTTLE:
        net_server_throttle(l->s, c);
        break;
    case TURN_CLOSE:
        close_conn(c);
        break;
    }
}

static void push_jobs(struct loop *l)
{
    struct net_server *s = l->s;
    struct net_jobs full;
    struct net_conn *c;

    net_pool_push(&s->pool, &l->jobs);
    if (l->jobs.first == NULL)
        return;

    net_jobs_init(&full);
    while ((c = net_jobs_take(&l->jobs)) != NULL)
        net_jobs_add(&full, c);
    while ((c = net_jobs_take(&full)) != NULL) {
        STATS_ADD(s->stats, jobs_rejected_total, 1);
        net_conn_refuse(c, NET_REFUSE_BUSY);
        take_turn(l, c);
    }
    /* A refusal that did not fit into the socket is not new work: all are taken. */
    net_pool_push(&s->pool, &l->jobs);
}

/* ---- accepting ---- */

/* There is no slot or descriptor for this client: it is told so, if it listens at once. */
static void turn_away(struct net_server *s, int fd)
{
    struct net_io io = {.ops = &net_io_plain, .fd = fd};
    struct buf answer;
    size_t n;

    STATS_ADD(s->stats, connections_refused_total, 1);
    /* Errors come in the form of the request, if it is there already. */
    if (io.ops->recv(&io, s->tools->scratch, sizeof(s->tools->scratch), &n) != NET_IO_OK)
        n = 0;
    buf_init(&answer, REFUSAL_MAX);
    s->service.refuse(s->ctx, NET_REFUSE_BUSY, s->tools->scratch, n, &answer);
    if (answer.len > 0) {
        struct iovec v = net_iovec(buf_bytes(&answer), answer.len);

        (void)io.ops->sendv(&io, &v, 1, false, &n);
    }
    buf_fini(&answer);
    io.ops->end(&io);
    /* Something unread would make the close a reset. */
    for (int i = 0; i < 4; i++)
        if (io.ops->recv(&io, s->tools->scratch, sizeof(s->tools->scratch), &n) != NET_IO_OK)
            break;
    io.ops->close(&io);
}

static void accept_round(struct loop *l)
{
    struct net_server *s = l->s;
    bool full = false, again = true;
    struct net_jobs fresh;
    struct net_conn *c;

    net_jobs_init(&fresh);
    for (int i = 0; i < ACCEPT_ROUND && again; i++) {
        struct addr remote;
        int fd = -1;

        switch (net_acceptor_take(&s->acceptor, &fd, &remote)) {
        case ACCEPTED:
            c = full ? NULL : net_slot_take(s);
            if (c != NULL) {
                net_conn_open(c, s, fd, &remote);
                net_jobs_add(&fresh, c);
            } else {
                turn_away(s, fd);
                full = true;
            }
            break;
        case ACCEPTED_SPARE:
            /* It is free again afterwards: for the others that wait, to be told the same. */
            turn_away(s, fd);
            STATS_ADD(s->stats, accept_paused_total, 1);
            full = true;
            break;
        case ACCEPTED_FAILED:
            STATS_ADD(s->stats, accept_paused_total, 1);
            full = true;
            again = false;
            break;
        case ACCEPTED_NONE:
            again = false;
            break;
        }
    }
    net_acceptor_restore(&s->acceptor);
    /* Clients that come back at once must not keep the listener from its work. */
    if (full)
        net_acceptor_pause(&s->acceptor, s->epoll_fd, l->now_us);
    else
        s->acceptor.pause_us = 0;
    /* Only now, since by now more of them have sent their request. */
    while ((c = net_jobs_take(&fresh)) != NULL)
        take_turn(l, c);
}

/* ---- events ---- */

static unsigned news_of(uint32_t events)
{
    unsigned news = 0;

    if (events & EPOLLIN)
        news |= NEWS_INPUT;
    if (events & EPOLLOUT)
        news |= NEWS_ROOM;
    if (events & EPOLLRDHUP)
        news |= NEWS_END;
    if (events & (EPOLLERR | EPOLLHUP))
        news |= NEWS_GONE;
    return news;
}

static void on_event(struct loop *l, const struct epoll_event *ev)
{
    struct net_server *s = l->s;
    uint32_t slot = (uint32_t)ev->data.u64;
    struct net_conn *c = &s->conns[slot];

    if (net_conn_claim(c, (uint32_t)(ev->data.u64 >> 32), news_of(ev->events)) == CLAIM_OWNED)
        take_turn(l, c);
}

static void deliver(struct loop *l, struct net_mail *m)
{
    struct net_server *s = l->s;

    while (m != NULL) {
        struct net_mail *next = m->next;

        if (m->token.slot < s->used) {
            struct net_conn *c = &s->conns[m->token.slot];

            switch (net_conn_deliver(c, m)) {
            case CLAIM_OWNED:
                net_jobs_add(&l->jobs, c);
                break;
            case CLAIM_NOTED:
                break;
            case CLAIM_STALE:
                net_mail_free(m);
                break;
            }
        } else {
            net_mail_free(m);
        }
        m = next;
    }
}

/* ---- deadlines ---- */

static bool reads_fast_enough(struct loop *l, struct net_conn *c)
{
    const struct net_server_config *cfg = &l->s->cfg;
    uint64_t taken = net_conn_taken(c);
    uint64_t least = cfg->send_rate_min * (uint64_t)cfg->send_us / CLOCK_US_PER_S;

    if (taken < c->mark + (least > 0 ? least : 1))
        return false;
    c->advanced = true; /* the next stretch begins */
    return true;
}

/* The listener owns c, and its time is over. */
static void on_deadline(struct loop *l, struct net_conn *c)
{
    struct net_server *s = l->s;

    if (c->gone) {
        close_conn(c);
        return;
    }
    switch ((enum net_phase)c->phase) {
    case PHASE_HEAD:
        STATS_ADD(s->stats, connections_timed_out_total, 1);
        net_conn_refuse(c, NET_REFUSE_TIMEOUT);
        take_turn(l, c);
        return;
    case PHASE_SEND:
        if (reads_fast_enough(l, c)) {
            take_turn(l, c);
            return;
        }
        STATS_ADD(s->stats, connections_timed_out_total, 1);
        break;
    case PHASE_IDLE:
    case PHASE_SKIP:
        STATS_ADD(s->stats, connections_timed_out_total, 1);
        break;
    case PHASE_PARKED:
    case PHASE_LINGER:
        break;
    }
    close_conn(c);
}

static void sweep(struct loop *l)
{
    struct net_server *s = l->s;

    for (uint32_t i = 0; i < s->used; i++) {
        struct net_conn *c = &s->conns[i];

        if (atomic_load_explicit(&c->deadline_us, memory_order_relaxed) > l->now_us ||
            net_conn_claim(c, net_conn_generation(c), 0) != CLAIM_OWNED)
            continue;
        /* Only now it stands still. */
        if (atomic_load_explicit(&c->deadline_us, memory_order_relaxed) > l->now_us)
            take_turn(l, c);
        else
            on_deadline(l, c);
    }
}

/* ---- stopping ---- */

/* Closes what waits for its client. true: nothing is left to be waited for. */
static bool is_quiet(struct loop *l)
{
    struct net_server *s = l->s;
    bool quiet = true;

    for (uint32_t i = 0; i < s->used; i++) {
        struct net_conn *c = &s->conns[i];

        switch (net_conn_claim(c, net_conn_generation(c), 0)) {
        case CLAIM_OWNED:
            /* Now that the server stops, its turn ends by closing if there is nothing to send. */
            if (c->out != NULL || c->lingering)
                quiet = false;
            take_turn(l, c);
            break;
        case CLAIM_NOTED:
            quiet = false;
            break;
        case CLAIM_STALE:
            break;
        }
    }
    return quiet;
}

static void close_all(struct loop *l)
{
    struct net_server *s = l->s;
    struct net_conn *c;

    net_mailbox_close(&s->box);
    net_pool_stop(&s->pool);
    while ((c = net_jobs_take(&s->pool.jobs)) != NULL)
        close_conn(c);
    while ((c = net_throttle_drop(&s->throttle)) != NULL)
        close_conn(c);
    for (uint32_t i = 0; i < s->used; i++) {
        c = &s->conns[i];
        if (net_conn_claim(c, net_conn_generation(c), 0) == CLAIM_OWNED)
            close_conn(c);
    }
}

/* ---- the loop ---- */

static int timeout_ms(const struct loop *l)
{
    struct net_server *s = l->s;
    int64_t at = net_throttle_when(&s->throttle);

    if (atomic_load_explicit(&s->open, memory_order_relaxed) > 0 && l->next_sweep_us < at)
        at = l->next_sweep_us;
    if (s->acceptor.paused && s->acceptor.resume_us < at)
        at = s->acceptor.resume_us;
    if (atomic_load_explicit(&s->stopping, memory_order_relaxed))
        at = l->now_us + STOP_LOOK_US;
    if (at == INT64_MAX)
        return -1;
    at -= clock_mono_us();
    return at <= 0 ? 0 : (int)((at + CLOCK_US_PER_MS - 1) / CLOCK_US_PER_MS);
}

static void on_time(struct loop *l, bool tick_now)
{
    struct net_server *s = l->s;
    bool any_open = atomic_load_explicit(&s->open, memory_order_relaxed) > 0;

    if (any_open && l->now_us >= l->next_sweep_us) {
        l->next_sweep_us = l->now_us + l->sweep_us;
        sweep(l);
    }
    if (tick_now || (any_open && l->now_us >= l->next_tick_us)) {
        l->next_tick_us = l->now_us + TICK_US;
        if (s->service.tick != NULL)
            s->service.tick(s->ctx, l->now_us);
    }
    if (s->acceptor.paused && l->now_us >= s->acceptor.resume_us)
        net_acceptor_resume(&s->acceptor, s->epoll_fd);
    net_throttle_grant(&s->throttle, l->now_us, &l->jobs);
}

static void round_of_events(struct loop *l)
{
    struct net_server *s = l->s;
    struct epoll_event events[EVENTS];
    bool accepting = false, signalled = false;

    net_pool_wait_drained(&s->pool);

    int timeout = net_mailbox_sleep(&s->box) ? timeout_ms(l) : 0;
    int n = epoll_wait(s->epoll_fd, events, EVENTS, timeout);

    if (n < 0 && errno != EINTR)
        clock_nap(); /* what is in the mailbox is still seen to, the end of the server above all */
    l->now_us = clock_mono_us();
    for (int i = 0; i < n; i++) {
        if (events[i].data.u64 == EVENT_LISTEN)
            accepting = true;
        else if (events[i].data.u64 == EVENT_MAILBOX)
            signalled = true;
        else
            on_event(l, &events[i]);
    }
    net_mailbox_woken(&s->box, signalled);
    /* Before new connections: a slot must not be handed out with mail for the old one under way. */
    struct net_post post = net_mailbox_take(&s->box);

    deliver(l, post.mail);
    if (accepting && s->acceptor.fd >= 0)
        accept_round(l);
    push_jobs(l);
    on_time(l, post.tick);
    push_jobs(l);
    net_tools_count(s->tools, s->stats);
}

static int64_t sweep_interval_us(const struct net_server_config *cfg)
{
    int64_t us = cfg->idle_us < cfg->head_us ? cfg->idle_us : cfg->head_us;

    us = (us < cfg->send_us ? us : cfg->send_us) / 4;
    if (us > TICK_US)
        return TICK_US;
    return us < SWEEP_MIN_US ? SWEEP_MIN_US : us;
}

void net_listener_run(void *arg)
{
    struct net_server *s = arg;
    struct loop l = {.s = s, .sweep_us = sweep_interval_us(&s->cfg)};

    net_jobs_init(&l.jobs);
    while (!atomic_load_explicit(&s->stopping, memory_order_acquire))
        round_of_events(&l);

    net_acceptor_close(&s->acceptor);
    s->acceptor.paused = false;
    while (!is_quiet(&l) && l.now_us < s->stop_us)
        round_of_events(&l);
    push_jobs(&l);
    close_all(&l);
    net_tools_count(s->tools, s->stats);
}
