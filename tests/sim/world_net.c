/*
 * The network: TCP connections whose bytes take their time, in order within a connection and in any
 * order between connections. Hosts can be cut from each other (what is under way waits, and breaks
 * in the end), connections can break or go silent on both sides. In the world's one thread.
 */
#include "world_impl.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#define SEND_BUFFER ((size_t)96 << 10)
#define RETRY_US (300 * MS)        /* what did not arrive is sent again */
#define PATIENCE_US (100 * SECOND) /* and then the connection is given up */
#define BACKLOG 64

enum segment_kind { SEG_DATA, SEG_FIN, SEG_RESET, SEG_SYN, SEG_ACCEPTED, SEG_REFUSED };

struct segment {
    enum segment_kind kind;
    int64_t due_us, since_us;
    size_t len;
    struct segment *next;
    char bytes[];
};

struct sock {
    struct proc *proc; /* whose it is; NULL: the world's own */
    struct host *host;
    struct addr local, remote;
    struct sock *other; /* NULL: not yet, or nobody */
    bool is_listening, is_connected;
    bool is_closed; /* by its owner, or its owner is gone */
    bool is_silent; /* nothing goes in or out any more, and nobody is told */
    bool sent_fin, got_fin, got_reset;
    bool wants_room;
    bool is_running; /* the event for the head of the queue is due */
    int error;
    char *in; /* what arrived and was not read */
    size_t in_at, in_len, in_room;
    struct segment *first, **end; /* on their way from here */
    size_t under_way;
    uint64_t rate; /* bytes/s */
    struct sock *backlog[BACKLOG];
    size_t backlog_count;
    void *watch;
    struct sock *next;          /* in w.socks */
    struct sock *next_listener; /* in listeners */
};

static struct sock *listeners;

struct sock *sock_new(void)
{
    struct sock *s = must(calloc(1, sizeof(*s)));
    static const uint64_t rates[] = {40000, 1000000, 20000000, 1000000000};

    s->proc = w.current != NULL ? task_proc() : NULL;
    s->host = s->proc != NULL ? s->proc->host : NULL;
    s->end = &s->first;
    s->rate = rates[prng_below(&w.prng, 4)];
    s->next = w.socks;
    w.socks = s;
    return s;
}

void net_free(void)
{
    listeners = NULL;
    while (w.socks != NULL) {
        struct sock *s = w.socks;

        w.socks = s->next;
        while (s->first != NULL) {
            struct segment *g = s->first;

            s->first = g->next;
            free(g);
        }
        free(s->in);
        free(s);
    }
}

static bool is_ghost(const struct sock *s)
{
    return s->proc != NULL && s->proc->is_ghost;
}

static void edge(struct sock *s)
{
    if (s->is_closed)
        return;
    task_wake(s);
    if (s->watch != NULL)
        fd_edge(s->watch);
}

static void fail(struct sock *s, int error)
{
    s->got_reset = true;
    if (s->error == 0)
        s->error = error;
    edge(s);
}

/* ---- on the way ------------------------------------------------------------------------------ */

static void run_head(void *arg);

static void schedule_head(struct sock *s)
{
    if (s->first == NULL || s->is_running)
        return;
    s->is_running = true;
    world_at(s->first->due_us, run_head, s);
}

static int64_t delay_us(const struct sock *s, size_t len)
{
    int64_t us = between(50, 2 * MS) + (int64_t)((uint64_t)len * SECOND / s->rate);

    if (chance(100))
        us += between(0, 60 * MS);
    if (chance(2))
        us += between(0, 4 * SECOND);
    return us;
}

static void post(struct sock *s, enum segment_kind kind, const void *bytes, size_t len)
{
    struct segment *g = must(malloc(sizeof(*g) + len));

    *g = (struct segment){
        .kind = kind, .since_us = w.now_us, .due_us = w.now_us + delay_us(s, len), .len = len};
    if (len > 0)
        memcpy(g->bytes, bytes, len);
    *s->end = g;
    s->end = &g->next;
    s->under_way += len;
    schedule_head(s);
}

static struct sock *find_listener(const struct addr *a)
{
    for (struct sock *s = listeners; s != NULL; s = s->next_listener)
        if (!s->is_closed && !is_ghost(s) && addr_equal(&s->local, a))
            return s;
    return NULL;
}

static struct host *host_of(const struct addr *a)
{
    return a->ip[15] >= 1 && a->ip[15] <= w.hosts ? &w.host[a->ip[15] - 1] : NULL;
}

static void arrive_syn(struct sock *s)
{
    struct sock *l = find_listener(&s->remote);

    if (l == NULL || l->backlog_count == BACKLOG) {
        fail(s, ECONNREFUSED);
        return;
    }

    struct sock *other = sock_new();

    other->proc = l->proc;
    other->host = l->host;
    other->local = l->local;
    other->remote = s->local;
    other->is_connected = true;
    other->other = s;
    other->rate = s->rate;
    s->other = other;
    l->backlog[l->backlog_count++] = other;
    edge(l);
    post(other, SEG_ACCEPTED, NULL, 0);
}

static void take_bytes(struct sock *s, const struct segment *g)
{
    if (s->in_at == s->in_len)
        s->in_at = s->in_len = 0;
    if (s->in_len + g->len > s->in_room) {
        s->in_room = 2 * s->in_room + g->len;
        s->in = must(realloc(s->in, s->in_room));
    }
    memcpy(s->in + s->in_len, g->bytes, g->len);
    s->in_len += g->len;
}

/* Segment g of s arrives at the other side. */
static void arrive(struct sock *s, const struct segment *g)
{
    struct sock *o = s->other;

    if (g->kind == SEG_SYN) {
        arrive_syn(s);
        return;
    }
    if (o == NULL)
        return;
    if (o->is_closed && g->kind != SEG_RESET) {
        /* There is nobody any more. */
        if (!s->got_reset && !s->is_closed)
            fail(s, g->kind == SEG_DATA ? ECONNRESET : 0);
        return;
    }
    world_note((uint64_t)g->kind << 32 | g->len);
    switch (g->kind) {
    case SEG_DATA:
        take_bytes(o, g);
        break;
    case SEG_FIN:
        o->got_fin = true;
        break;
    case SEG_RESET:
        fail(o, ECONNRESET);
        break;
    case SEG_ACCEPTED:
        o->is_connected = true;
        break;
    case SEG_SYN:
    case SEG_REFUSED:
        break;
    }
    edge(o);
}

/* Can bytes of s get there now? */
static bool is_open_way(const struct sock *s)
{
    const struct host *to = host_of(&s->remote);

    return to != NULL && to->is_up && s->host->is_up && !w.cut[s->host->at][to->at];
}

static void run_head(void *arg)
{
    struct sock *s = arg;
    struct segment *g = s->first;

    s->is_running = false;
    if (g == NULL)
        return;
    if (s->is_silent || is_ghost(s)) {
        /* Swallowed; under_way stays, as nobody ever acknowledges it. */
        s->first = g->next;
        if (s->first == NULL)
            s->end = &s->first;
        free(g);
        schedule_head(s);
        return;
    }
    if (!is_open_way(s)) {
        if (w.now_us - g->since_us > PATIENCE_US) {
            fail(s, ETIMEDOUT);
            s->is_silent = true;
            g->due_us = w.now_us;
        } else {
            g->due_us = w.now_us + RETRY_US + between(0, RETRY_US);
        }
        schedule_head(s);
        return;
    }
    s->first = g->next;
    if (s->first == NULL)
        s->end = &s->first;
    s->under_way -= g->len;
    arrive(s, g);
    free(g);
    if (s->first != NULL && s->first->due_us < w.now_us)
        s->first->due_us = w.now_us;
    schedule_head(s);
    if (s->wants_room && s->under_way < SEND_BUFFER / 2) {
        s->wants_room = false;
        edge(s);
    }
}

/* ---- calls ----------------------------------------------------------------------------------- */

int sock_bind(struct sock *s, const struct addr *a)
{
    s->local = *a;
    if (s->local.port == 0)
        s->local.port = s->host->next_port++;
    if (find_listener(&s->local) != NULL) {
        errno = EADDRINUSE;
        return -1;
    }
    return 0;
}

int sock_listen(struct sock *s)
{
    s->is_listening = true;
    s->next_listener = listeners;
    listeners = s;
    return 0;
}

int sock_connect(struct sock *s, const struct addr *to)
{
    s->remote = *to;
    s->local = s->host->ip;
    s->local.port = s->host->next_port++;
    if (is_ghost(s) || host_of(to) == NULL) {
        errno = ENETUNREACH;
        return -1;
    }
    if (s->proc != NULL && s->proc->peer != NULL)
        rules_on_connect(s->proc, to);
    post(s, SEG_SYN, NULL, 0);
    errno = EINPROGRESS;
    return -1;
}

struct sock *sock_accept(struct sock *s)
{
    while (s->backlog_count > 0) {
        struct sock *a = s->backlog[0];

        memmove(s->backlog, s->backlog + 1, --s->backlog_count * sizeof(struct sock *));
        if (!a->is_closed)
            return a;
    }
    return NULL;
}

static size_t room_of(const struct sock *s)
{
    size_t used = s->under_way + (s->other == NULL ? 0 : s->other->in_len - s->other->in_at);

    return used >= SEND_BUFFER ? 0 : SEND_BUFFER - used;
}

ssize_t sock_send(struct sock *s, const void *bytes, size_t len)
{
    char *copy = NULL;
    size_t room = room_of(s), done = 0;

    if (is_ghost(s) || s->got_reset || s->sent_fin) {
        errno = s->sent_fin ? EPIPE : ECONNRESET;
        return -1;
    }
    if (room == 0 || !s->is_connected) {
        s->wants_room = true;
        errno = s->is_connected ? EAGAIN : ENOTCONN;
        return -1;
    }
    if (len > room)
        len = room;
    if (s->proc != NULL && s->host->at == 0)
        records_on_sent(s, bytes, len);
    else if (s->proc != NULL)
        rules_on_request(s->proc, &s->remote, bytes, len);
    if (s->host->is_liar && s->remote.ip[15] != 1 && len > 400 && chance(250)) {
        copy = must(malloc(len));
        memcpy(copy, bytes, len);
        copy[between(300, (int64_t)len - 1)] ^= (char)(1 << between(0, 7));
        bytes = copy;
    }
    /* Segments are cut anywhere. */
    while (done < len) {
        size_t n = len - done;

        if (n > 1 && chance(150))
            n = (size_t)between(1, n < 3000 ? (int64_t)n : 3000);
        post(s, SEG_DATA, (const char *)bytes + done, n);
        done += n;
    }
    free(copy);
    return (ssize_t)len;
}

ssize_t sock_recv(struct sock *s, void *bytes, size_t cap, bool peek)
{
    size_t n = s->in_len - s->in_at;

    if (is_ghost(s)) {
        errno = ECONNRESET;
        return -1;
    }
    if (n > 0) {
        if (n > cap)
            n = cap;
        memcpy(bytes, s->in + s->in_at, n);
        if (peek)
            return (ssize_t)n;
        s->in_at += n;
        if (s->proc != NULL && s->host->at == 0)
            records_on_received(s, bytes, n);
        if (s->other != NULL && s->other->wants_room && room_of(s->other) > SEND_BUFFER / 3) {
            s->other->wants_room = false;
            edge(s->other);
        }
        return (ssize_t)n;
    }
    if (s->got_reset && s->error != 0) {
        errno = s->error;
        s->error = 0;
        return -1;
    }
    if (s->got_fin || s->got_reset)
        return 0;
    errno = s->is_connected ? EAGAIN : ENOTCONN;
    return -1;
}

void sock_end(struct sock *s)
{
    if (s->is_connected && !s->sent_fin && !s->got_reset)
        post(s, SEG_FIN, NULL, 0);
    s->sent_fin = true;
}

void sock_close(struct sock *s)
{
    if (s->is_closed)
        return;
    if (s->host->at == 0 && !s->is_listening)
        records_on_lost(s);
    if (s->is_connected && !s->got_reset) {
        if (s->in_len > s->in_at)
            post(s, SEG_RESET, NULL, 0);
        else
            sock_end(s);
    }
    s->is_closed = true;
    s->watch = NULL;
    for (size_t i = 0; i < s->backlog_count; i++)
        sock_close(s->backlog[i]);
    s->backlog_count = 0;
}

unsigned sock_level(const struct sock *s)
{
    unsigned level = 0;

    if (s->is_listening)
        return s->backlog_count > 0 ? EPOLLIN : 0;
    if (is_ghost(s))
        return EPOLLIN | EPOLLOUT | EPOLLERR | EPOLLHUP;
    if (s->in_len > s->in_at || s->got_fin || s->got_reset)
        level |= EPOLLIN;
    if (s->is_connected && room_of(s) > SEND_BUFFER / 3)
        level |= EPOLLOUT;
    if (s->got_fin)
        level |= EPOLLRDHUP;
    if (s->got_reset)
        level |= EPOLLOUT | EPOLLERR | EPOLLHUP | EPOLLRDHUP;
    if (s->got_fin && s->sent_fin)
        level |= EPOLLHUP;
    return level;
}

int sock_take_error(struct sock *s)
{
    int error = s->error;

    s->error = 0;
    return error;
}

size_t sock_unsent(const struct sock *s)
{
    return s->under_way;
}

uint64_t sock_rate(const struct sock *s)
{
    return s->rate == 1000000000 ? 0 : s->rate;
}

const struct addr *sock_local(const struct sock *s)
{
    return &s->local;
}

const struct addr *sock_remote(const struct sock *s)
{
    return &s->remote;
}

struct proc *sock_proc(const struct sock *s)
{
    return s->proc;
}

void **sock_watch(struct sock *s)
{
    return &s->watch;
}

/* ---- faults ---------------------------------------------------------------------------------- */

void net_crash(struct proc *p, bool power)
{
    for (struct sock *s = w.socks; s != NULL; s = s->next) {
        if (s->proc != p || s->is_closed)
            continue;
        edge(s); /* who waits for it shall see that it is over */
        if (power) {
            s->is_closed = true;
            s->is_silent = true;
        } else {
            /* The system closes what the process had open. */
            void *watch = s->watch;

            sock_close(s);
            s->watch = watch;
        }
        s->got_reset = true;
    }
}

void net_fault(void)
{
    struct sock *chosen = NULL;
    uint64_t seen = 0;

    for (struct sock *s = w.socks; s != NULL; s = s->next)
        if (s->is_connected && !s->is_closed && !s->got_reset && !s->is_silent &&
            s->other != NULL && !s->other->is_closed && prng_below(&w.prng, ++seen) == 0)
            chosen = s;
    if (chosen == NULL)
        return;
    if (chance(500)) {
        world_tell("a connection of %u breaks", chosen->host->at);
        w.result->resets++;
        fail(chosen, ECONNRESET);
        fail(chosen->other, ECONNRESET);
    } else {
        world_tell("a connection of %u goes silent", chosen->host->at);
        w.result->halves++;
        chosen->is_silent = true;
        if (chance(500))
            chosen->other->is_silent = true;
    }
}

/* It sends and never reads. */
void net_repeat(struct host *from, const void *bytes, size_t len)
{
    struct sock *s = sock_new();

    s->host = from;
    s->local = from->ip;
    s->local.port = from->next_port++;
    s->remote = w.host[0].ip;
    s->remote.port = RS_PORT;
    post(s, SEG_SYN, NULL, 0);
    post(s, SEG_DATA, bytes, len);
    s->sent_fin = true;
    post(s, SEG_FIN, NULL, 0);
}
