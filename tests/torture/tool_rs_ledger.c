/*
 * Registers, registers again and leaves at a registration server from many threads, and keeps a ledger
 * of what was acknowledged. The server may die at any moment; afterwards the ledger is compared.
 *
 *   tool_rs_ledger THREADS PER_SECOND SEED
 *
 * Commands on standard input, each answered by one line that begins with its word:
 *   load PORT   begins with the server at that port of 127.0.0.1
 *   check PORT  after its death: compares what was touched since the last check
 *   all PORT    compares everything
 * Exits 1 with a line on standard error when the server forgot something, or refused.
 */
#include "p2pdi/base/clock.h"
#include "p2pdi/base/random.h"
#include "p2pdi/base/thread.h"
#include "p2pdi/net/stream.h"
#include "p2pdi/wire/message.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define THREADS_MAX 64
#define PORT_FIRST 1024
#define PORTS (65536 - PORT_FIRST)
#define PATIENCE_US (60 * CLOCK_US_PER_S)

enum state { ACTIVE, LEFT, EITHER }; /* EITHER: the server died before it answered */

/* The registry keeps one active record for an address: each entry has a port of its own. */
struct entry {
    uint64_t cookie;
    uint32_t peer;
    uint16_t port;
    enum state state;
    bool touched;
};

struct worker {
    struct thread thread;
    struct net_stream *stream; /* NULL: it could not connect */
    struct prng random;
    struct entry *entries;
    size_t count, room;
    size_t acknowledged;
};

static struct worker workers[THREADS_MAX];
static unsigned thread_count;
static int64_t period_us;
static struct addr rs;
static _Atomic(uint32_t) port_next;

static void die(const char *what, const char *why)
{
    (void)fprintf(stderr, "tool_rs_ledger: %s: %s\n", what, why);
    _Exit(1);
}

/* One request, one answer. Anything but DI_OK: the server is gone. */
static enum di_err call(struct net_stream *s, enum wire_method method, const struct entry *e,
                        struct wire_response *out)
{
    static _Thread_local char bytes[WIRE_HEAD_MAX];
    int64_t deadline_us = clock_mono_us() + PATIENCE_US;
    struct wire_request q = {.form = WIRE_FRAMED,
                             .method = method,
                             .has_port = method == WIRE_REGISTER,
                             .port = e->port,
                             .has_cookie = e->cookie != 0,
                             .cookie = e->cookie};
    struct wire_frame frame = {0};
    struct wire_fault fault;
    struct buf b;
    size_t len = 0, got = 0;

    buf_init(&b, WIRE_HEAD_MAX);
    wire_request_format(&b, &q);
    enum di_err err = net_stream_send(s, buf_bytes(&b), b.len, deadline_us);
    buf_fini(&b);
    enum wire_verdict verdict = WIRE_MORE;
    while (err == DI_OK && (verdict == WIRE_MORE || len < frame.head_len + frame.body_len)) {
        err = net_stream_recv(s, bytes + len, sizeof(bytes) - len, &got, deadline_us);
        len += err == DI_OK ? got : 0;
        if (verdict == WIRE_MORE)
            verdict = wire_response_frame(&frame, bytes, len);
        if (verdict == WIRE_BAD)
            die(wire_method_words(method), frame.fault.text);
    }
    if (err == DI_TIMEOUT)
        die(wire_method_words(method), "no answer");
    if (err != DI_OK)
        return err;
    if (wire_response_parse(bytes, frame.head_len, out, &fault) != DI_OK)
        die(wire_method_words(method), fault.text);
    return DI_OK;
}

static void expect(int status, const struct wire_response *r, enum wire_method method)
{
    char why[40];
    (void)snprintf(why, sizeof(why), "answered with %d", r->status);
    if (r->status != status)
        die(wire_method_words(method), why);
}

/* ---- load ------------------------------------------------------------------------------------ */

static bool register_new(struct worker *w)
{
    struct wire_response r;
    struct entry e = {.port = (uint16_t)(PORT_FIRST + atomic_fetch_add(&port_next, 1)),
                      .state = ACTIVE,
                      .touched = true};
    if (call(w->stream, WIRE_REGISTER, &e, &r) != DI_OK)
        return false;
    expect(200, &r, WIRE_REGISTER);
    e.cookie = r.cookie;
    e.peer = r.peer;
    if (w->count == w->room) {
        w->room = w->room == 0 ? 64 : 2 * w->room;
        w->entries = realloc(w->entries, w->room * sizeof(*w->entries));
        if (w->entries == NULL)
            die("the ledger", "out of memory");
    }
    w->entries[w->count++] = e;
    return true;
}

static bool change(struct worker *w)
{
    struct entry *e = &w->entries[prng_below(&w->random, w->count)];
    bool leave = e->state == ACTIVE && prng_below(&w->random, 2) == 0;
    enum wire_method method = leave ? WIRE_LEAVE : WIRE_REGISTER;
    enum state aim = leave ? LEFT : ACTIVE;
    struct wire_response r;

    e->touched = true;
    e->state = e->state == aim ? aim : EITHER;
    if (call(w->stream, method, e, &r) != DI_OK)
        return false;
    expect(200, &r, method);
    if (!leave && (r.peer != e->peer || r.cookie != e->cookie))
        die("REGISTER", "came back as another peer");
    e->state = aim;
    return true;
}

static void sleep_until(int64_t at_us)
{
    int64_t left_us = at_us - clock_mono_us();
    struct timespec t = {.tv_sec = left_us / CLOCK_US_PER_S,
                         .tv_nsec = left_us % CLOCK_US_PER_S * 1000};
    if (left_us > 0)
        (void)nanosleep(&t, NULL);
}

/* Until the server dies. */
static void run(void *arg)
{
    struct worker *w = arg;
    int64_t next_us = clock_mono_us() + (int64_t)prng_below(&w->random, (uint64_t)period_us);

    for (bool alive = w->stream != NULL; alive;) {
        sleep_until(next_us);
        next_us += period_us;
        bool fresh = w->count == 0 || prng_below(&w->random, 2) == 0;
        alive =
            fresh && atomic_load(&port_next) < PORTS - THREADS_MAX ? register_new(w) : change(w);
        w->acknowledged += alive;
    }
    net_stream_close(w->stream);
}

/* All are connected before anyone is told: nobody mistakes the server that comes after for this one. */
static void load(void)
{
    for (unsigned i = 0; i < thread_count; i++) {
        workers[i].stream = NULL;
        if (net_stream_open(&rs, clock_mono_us() + PATIENCE_US, NULL, &workers[i].stream) != DI_OK)
            workers[i].stream = NULL;
    }
    for (unsigned i = 0; i < thread_count; i++)
        if (thread_start(&workers[i].thread, "load", run, &workers[i]) != DI_OK)
            die("load", "no thread");
    (void)printf("load\n");
}

/* ---- the ledger ------------------------------------------------------------------------------ */

static void compare(struct net_stream *s, struct entry *e)
{
    struct wire_response r;
    char why[100];

    if (call(s, WIRE_KEEP_ALIVE, e, &r) != DI_OK)
        die("KEEP-ALIVE", "the server does not answer");
    (void)snprintf(why, sizeof(why), "peer %u %s, KEEP-ALIVE is answered with %d", e->peer,
                   e->state == ACTIVE ? "registered"
                   : e->state == LEFT ? "left"
                                      : "was known",
                   r.status);
    if ((r.status != 200 && r.status != 404) || (e->state == ACTIVE && r.status != 200) ||
        (e->state == LEFT && r.status != 404))
        die("acknowledged and forgotten", why);
    e->state = r.status == 200 ? ACTIVE : LEFT;
    e->touched = false;
}

static int by_number(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return x < y ? -1 : x > y;
}

static void no_peer_twice(size_t count)
{
    uint32_t *peers = malloc((count + 1) * sizeof(*peers));
    size_t n = 0;
    if (peers == NULL)
        die("the ledger", "out of memory");
    for (unsigned i = 0; i < thread_count; i++)
        for (size_t k = 0; k < workers[i].count; k++)
            peers[n++] = workers[i].entries[k].peer;
    qsort(peers, n, sizeof(*peers), by_number);
    for (size_t i = 1; i < n; i++)
        if (peers[i] == peers[i - 1])
            die("the ledger", "two peers have the same number");
    free(peers);
}

static void check(const char *word, bool everything)
{
    struct net_stream *s = NULL;
    size_t compared = 0, known = 0, acknowledged = 0;

    for (unsigned i = 0; i < thread_count; i++)
        thread_join(&workers[i].thread);
    if (net_stream_open(&rs, clock_mono_us() + PATIENCE_US, NULL, &s) != DI_OK)
        die(word, "cannot connect");
    for (unsigned i = 0; i < thread_count; i++) {
        struct worker *w = &workers[i];
        known += w->count;
        acknowledged += w->acknowledged;
        for (size_t k = 0; k < w->count; k++) {
            if (!everything && !w->entries[k].touched)
                continue;
            compare(s, &w->entries[k]);
            compared++;
        }
    }
    net_stream_close(s);
    if (everything)
        no_peer_twice(known);
    (void)printf("%s %zu compared, %zu records, %zu acknowledged\n", word, compared, known,
                 acknowledged);
}

int main(int argc, char **argv)
{
    char word[16];
    unsigned port;

    if (argc != 4)
        die("usage", "tool_rs_ledger THREADS PER_SECOND SEED");
    thread_count = (unsigned)strtoul(argv[1], NULL, 10);
    unsigned long rate = strtoul(argv[2], NULL, 10);
    if (thread_count == 0 || thread_count > THREADS_MAX || rate == 0)
        die("usage", "tool_rs_ledger THREADS PER_SECOND SEED");
    period_us = CLOCK_US_PER_S * thread_count / (int64_t)rate;
    for (unsigned i = 0; i < thread_count; i++)
        prng_seed(&workers[i].random, strtoull(argv[3], NULL, 10) + i);
    (void)setvbuf(stdout, NULL, _IOLBF, 0);
    while (scanf("%15s %u", word, &port) == 2) {
        rs = addr_ipv4(127, 0, 0, 1, (uint16_t)port);
        if (strcmp(word, "load") == 0)
            load();
        else
            check(word, strcmp(word, "all") == 0);
    }
    for (unsigned i = 0; i < thread_count; i++)
        free(workers[i].entries);
    return 0;
}
