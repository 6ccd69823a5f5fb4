/* Starting and stopping a server, and what other threads may ask of it. */
#include "server_impl.h"

#include "p2pdi/base/clock.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <unistd.h>

#define CONNECTIONS_MOST 16384

/* Of the descriptor limit, for what else is open: a quarter for documents that are served (of which
 * no more than this are kept open), and some for all the rest. */
#define DOCUMENT_FDS 4096
#define OTHER_FDS 320
#define IDLE_US (60 * CLOCK_US_PER_S)
#define HEAD_US (10 * CLOCK_US_PER_S)
#define SEND_US (10 * CLOCK_US_PER_S)
#define SEND_RATE_MIN 1000

static unsigned connections_by_limit(void)
{
    struct rlimit limit;
    rlim_t n = CONNECTIONS_MOST;

    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY) {
        rlim_t documents = limit.rlim_cur / 4;
        rlim_t other = limit.rlim_cur / 8 * 3;

        n = limit.rlim_cur - (documents < DOCUMENT_FDS ? documents : DOCUMENT_FDS) -
            (other < OTHER_FDS ? other : OTHER_FDS);
    }
    if (n > CONNECTIONS_MOST)
        return CONNECTIONS_MOST;
    return n < 1 ? 1 : (unsigned)n;
}

static void fill_in(struct net_server_config *cfg)
{
    if (cfg->workers == 0)
        cfg->workers = 1;
    /* Whatever was asked for: connections that leave no descriptor for what they ask for are of no
     * use to anyone. */
    unsigned most = connections_by_limit();
    if (cfg->connections_max == 0 || cfg->connections_max > most)
        cfg->connections_max = most;
    if (cfg->queue_max == 0)
        cfg->queue_max = cfg->connections_max;
    if (cfg->idle_us == 0)
        cfg->idle_us = IDLE_US;
    if (cfg->head_us == 0)
        cfg->head_us = HEAD_US;
    if (cfg->send_us == 0)
        cfg->send_us = SEND_US;
    if (cfg->send_rate_min == 0)
        cfg->send_rate_min = SEND_RATE_MIN;
    if (cfg->name == NULL)
        cfg->name = "net";
}

static enum di_err open_epoll(struct net_server *s)
{
    struct epoll_event listening = {.events = EPOLLIN, .data.u64 = EVENT_LISTEN};
    struct epoll_event mailbox = {.events = EPOLLIN, .data.u64 = EVENT_MAILBOX};

    s->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (s->epoll_fd < 0 || epoll_ctl(s->epoll_fd, EPOLL_CTL_ADD, s->acceptor.fd, &listening) != 0 ||
        epoll_ctl(s->epoll_fd, EPOLL_CTL_ADD, s->box.event_fd, &mailbox) != 0)
        return di_err_from_errno(errno);
    return DI_OK;
}

enum di_err net_server_start(const struct net_server_config *cfg, const struct net_service *service,
                             void *ctx, struct stats_counters *stats, struct net_server **out,
                             char why[NET_WHY_SIZE])
{
    struct net_server *s = calloc(1, sizeof(*s));
    enum di_err err = DI_NOMEM;
    char name[16];

    *out = NULL;
    if (s == NULL)
        goto fail;
    s->cfg = *cfg;
    fill_in(&s->cfg);
    s->service = *service;
    s->ctx = ctx;
    s->stats = stats;
    s->io_ops = &net_io_plain;
    s->epoll_fd = -1;

    /* Memory of slots that were never used is never touched. */
    s->conns = calloc(s->cfg.connections_max, sizeof(*s->conns));
    s->tools = net_tools_new(true);
    if (s->conns == NULL || s->tools == NULL)
        goto fail_memory;
    net_throttle_init(&s->throttle, cfg->send_rate_max);
    err = net_mailbox_init(&s->box);
    if (err != DI_OK)
        goto fail_throttle;
    err = net_acceptor_open(&s->acceptor, &cfg->listen, &s->addr, why);
    if (err != DI_OK) {
        why = NULL; /* said */
        goto fail_mailbox;
    }
    err = open_epoll(s);
    if (err != DI_OK)
        goto fail_epoll;
    *out = s;
    if (cfg->addr != NULL)
        *cfg->addr = s->addr;
    err = net_pool_start(&s->pool, s->cfg.workers, s->cfg.queue_max, s->cfg.name);
    if (err != DI_OK)
        goto fail_epoll;
    snprintf(name, sizeof(name), "%.8s-net", s->cfg.name);
    s->cfg.name = NULL; /* the caller's, and not needed any more */
    err = thread_start(&s->listener, name, net_listener_run, s);
    if (err != DI_OK)
        goto fail_pool;
    return DI_OK;

fail_pool:
    net_pool_stop(&s->pool);
    net_pool_free(&s->pool);
fail_epoll:
    if (s->epoll_fd >= 0)
        close(s->epoll_fd);
    net_acceptor_close(&s->acceptor);
fail_mailbox:
    net_mailbox_fini(&s->box);
fail_throttle:
    net_throttle_fini(&s->throttle);
fail_memory:
    net_tools_free(s->tools);
    free(s->conns);
    free(s);
fail:
    *out = NULL;
    if (why != NULL)
        snprintf(why, NET_WHY_SIZE, "cannot start the server: %s", di_err_text(err));
    return err;
}

const struct addr *net_server_addr(const struct net_server *s)
{
    return &s->addr;
}

void net_server_stop(struct net_server *s, int64_t grace_us)
{
    s->stop_us = clock_mono_us() + grace_us;
    atomic_store_explicit(&s->stopping, true, memory_order_release);
    net_mailbox_wake(&s->box);
    thread_join(&s->listener);
}

void net_server_free(struct net_server *s)
{
    if (s == NULL)
        return;
    net_pool_free(&s->pool);
    close(s->epoll_fd);
    net_mailbox_fini(&s->box);
    net_throttle_fini(&s->throttle);
    net_tools_free(s->tools);
    free(s->conns);
    free(s);
}

void net_server_answer_shared(struct net_server *s, struct net_token token, struct buf *head,
                              const struct net_shared *pieces, size_t count)
{
    struct net_mail *m = malloc(sizeof(*m));

    assert(count <= NET_SHARED_MAX);
    if (m == NULL) {
        /* The answer cannot reach the connection; its client must not wait for it for ever. */
        buf_fini(head);
        for (size_t i = 0; i < count; i++)
            pieces[i].release(pieces[i].arg);
        if (token.slot < s->cfg.connections_max)
            net_conn_abandon(&s->conns[token.slot], token.generation);
        return;
    }
    *m = (struct net_mail){.token = token, .answer = *head, .count = count};
    for (size_t i = 0; i < count; i++)
        m->piece[i] = pieces[i];
    buf_init(head, head->max);
    if (!net_mailbox_post(&s->box, m))
        net_mail_free(m);
}

void net_server_answer(struct net_server *s, struct net_token token, struct buf *answer)
{
    net_server_answer_shared(s, token, answer, NULL, 0);
}

void net_server_throttle(struct net_server *s, struct net_conn *c)
{
    if (net_throttle_wait(&s->throttle, c))
        net_mailbox_wake(&s->box);
}

void net_server_wake(struct net_server *s)
{
    net_mailbox_tick(&s->box);
}
