/*
 * A TCP proxy on loopback that makes a network as bad as wished: slow, far, in pieces, unreliable. One
 * thread, one poll loop.
 *
 *   tool_proxy UPSTREAM_PORT [--delay MS] [--rate BYTES] [--piece BYTES] [--faults PERCENT] [--only FAULT]
 *              [--within BYTES] [--stall MS] [--seed N]
 *
 * Each way: bytes arrive MS later (so a round trip costs twice that), at most BYTES a second, no more than
 * so many in one segment. Of the connections, PERCENT suffer a fault, drawn from the seed: after a number
 * of bytes of the server's, below --within, it is reset, closed, closed in one way (the server's), or
 * stalls (for good, or for --stall); or it is reset at once.
 *
 * Prints "port N" and ends with its standard input. Peers are listed with the address that they register
 * from and the port that they name: whoever registers N puts the proxy in that peer's place.
 */
#include "p2pdi/base/clock.h"
#include "p2pdi/base/random.h"

#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define PAIRS_MAX 1024
#define BYTES_MAX ((size_t)64 << 10) /* on the way, each way: a power of two */
#define STAMPS_MAX 256

#define FAULTS(X)                                                                                  \
    X(RESET, "reset")                                                                              \
    X(CLOSE, "close")                                                                              \
    X(HALF, "half")                                                                                \
    X(STALL, "stall")                                                                              \
    X(REFUSE, "refuse")

enum fault {
#define X(name, text) name,
    FAULTS(X)
#undef X
        NO_FAULT
};

/*
 *      passed           stamped bytes                        read
 *       | may go on from its time on | ... | came last        |
 */
struct way {
    int from, to;
    char bytes[BYTES_MAX]; /* ring */
    uint64_t read, passed; /* ever */
    struct {
        uint64_t upto;
        int64_t at_us;
    } stamps[STAMPS_MAX]; /* ring: bytes up to there may go on at that time */
    size_t stamp_first, stamp_count;
    int64_t next_us; /* the rate allows no more before */
    bool ended;      /* its source has, and is not read any more */
    bool closed;     /* and that was passed on */
};

struct pair {
    bool used;
    struct way up, down; /* to the server, from it */
    enum fault fault;
    uint64_t fault_at; /* bytes down */
    int64_t still_until_us;
};

static struct pair pairs[PAIRS_MAX];
static int64_t delay_us;
static uint64_t rate, piece = BYTES_MAX, within = 100000;
static int64_t stall_us = INT64_MAX;
static unsigned faults_percent;
static enum fault only = NO_FAULT;
static struct prng prng;
static uint16_t upstream;

static void die(const char *what)
{
    (void)fprintf(stderr, "tool_proxy: %s: %s\n", what, strerror(errno));
    _Exit(1);
}

static struct sockaddr_in loopback(uint16_t port)
{
    return (struct sockaddr_in){
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr = {htonl(INADDR_LOOPBACK)}};
}

/* ---- one way --------------------------------------------------------------------------------- */

static size_t room(const struct way *w)
{
    return w->stamp_count == STAMPS_MAX ? 0 : BYTES_MAX - (size_t)(w->read - w->passed);
}

/* false: the connection broke. */
static bool take(struct way *w, int64_t now_us)
{
    size_t at = (size_t)(w->read % BYTES_MAX), len = room(w);
    ssize_t n =
        recv(w->from, w->bytes + at, len < BYTES_MAX - at ? len : BYTES_MAX - at, MSG_DONTWAIT);

    if (n < 0)
        return errno == EAGAIN;
    if (n == 0)
        w->ended = true;
    w->read += (uint64_t)n;
    size_t last = (w->stamp_first + w->stamp_count++) % STAMPS_MAX;
    w->stamps[last].upto = w->read;
    w->stamps[last].at_us = now_us + delay_us;
    return true;
}

/* When something may go on; INT64_MAX: there is nothing. */
static int64_t ready_us(const struct way *w)
{
    if (w->stamp_count == 0)
        return INT64_MAX;

    int64_t at_us = w->stamps[w->stamp_first].at_us;

    return at_us > w->next_us ? at_us : w->next_us;
}

/* At most upto bytes ever. false: the connection broke. */
static bool pass_on(struct way *w, uint64_t upto, int64_t now_us)
{
    while (w->stamp_count > 0 && ready_us(w) <= now_us) {
        uint64_t end = w->stamps[w->stamp_first].upto;
        size_t at = (size_t)(w->passed % BYTES_MAX);
        size_t len = (size_t)((end < upto ? end : upto) - w->passed);

        if (len > BYTES_MAX - at)
            len = BYTES_MAX - at;
        if (len > piece)
            len = (size_t)piece;
        if (len > 0) {
            ssize_t n = send(w->to, w->bytes + at, len, MSG_DONTWAIT | MSG_NOSIGNAL);

            if (n < 0)
                return errno == EAGAIN;
            w->passed += (uint64_t)n;
            if (rate > 0)
                w->next_us = (w->next_us > now_us ? w->next_us : now_us) +
                             (int64_t)((uint64_t)n * CLOCK_US_PER_S / rate);
        }
        if (w->passed == end) {
            w->stamp_first = (w->stamp_first + 1) % STAMPS_MAX;
            w->stamp_count--;
        } else if (len == 0) {
            return true; /* upto */
        }
    }
    if (w->ended && w->stamp_count == 0 && !w->closed) {
        w->closed = true;
        (void)shutdown(w->to, SHUT_WR);
    }
    return true;
}

/* ---- pairs ----------------------------------------------------------------------------------- */

static void end_pair(struct pair *p, bool reset)
{
    struct linger l = {.l_onoff = 1};

    if (reset) {
        (void)setsockopt(p->down.to, SOL_SOCKET, SO_LINGER, &l, sizeof(l));
        (void)setsockopt(p->up.to, SOL_SOCKET, SO_LINGER, &l, sizeof(l));
    }
    (void)close(p->down.to);
    (void)close(p->up.to);
    p->used = false;
}

static void suffer(struct pair *p, int64_t now_us)
{
    enum fault fault = p->fault;

    p->fault = NO_FAULT;
    switch (fault) {
    case RESET:
    case REFUSE:
        end_pair(p, true);
        break;
    case CLOSE:
        end_pair(p, false);
        break;
    case HALF:
        (void)shutdown(p->down.to, SHUT_WR);
        p->down.closed = p->down.ended = true;
        p->down.stamp_count = 0;
        break;
    case STALL:
        p->still_until_us = stall_us == INT64_MAX ? INT64_MAX : now_us + stall_us;
        break;
    case NO_FAULT:
        break;
    }
}

static void draw_fault(struct pair *p)
{
    p->fault = NO_FAULT;
    if (prng_below(&prng, 100) >= faults_percent)
        return;
    p->fault = (enum fault)prng_below(&prng, NO_FAULT);
    if (only != NO_FAULT)
        p->fault = only;
    p->fault_at = p->fault == REFUSE ? 0 : prng_below(&prng, within);
}

static void meet(int listener, int64_t now_us)
{
    struct sockaddr_in to = loopback(upstream);
    struct pair *p = pairs;
    int client = accept(listener, NULL, NULL), server = socket(AF_INET, SOCK_STREAM, 0), on = 1;

    if (client < 0 || server < 0)
        die("accept");
    while (p < pairs + PAIRS_MAX && p->used)
        p++;
    if (p == pairs + PAIRS_MAX || connect(server, (struct sockaddr *)&to, sizeof(to)) != 0) {
        (void)close(client);
        (void)close(server);
        return;
    }
    (void)setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    (void)setsockopt(server, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    *p = (struct pair){.used = true};
    p->up.from = p->down.to = client;
    p->up.to = p->down.from = server;
    draw_fault(p);
    if (p->fault == REFUSE)
        suffer(p, now_us);
}

/* Whatever is due. */
static void move(struct pair *p, int64_t now_us)
{
    uint64_t upto = p->fault != NO_FAULT ? p->fault_at : UINT64_MAX;

    if (p->still_until_us > now_us)
        return;
    if (!pass_on(&p->up, UINT64_MAX, now_us) || !pass_on(&p->down, upto, now_us))
        end_pair(p, true);
    else if (p->fault != NO_FAULT && p->down.passed >= p->fault_at)
        suffer(p, now_us);
    else if (p->up.closed && p->down.closed)
        end_pair(p, false);
}

static int64_t due_us(const struct pair *p)
{
    int64_t up_us = ready_us(&p->up), down_us = ready_us(&p->down);
    int64_t at_us = up_us < down_us ? up_us : down_us;

    return at_us > p->still_until_us ? at_us : p->still_until_us;
}

/* ---- the loop -------------------------------------------------------------------------------- */

/* Readable: there is room for more. Writable: what is due did not fit. */
static void watch(struct pollfd *fd, const struct way *in, const struct way *out, bool still,
                  int64_t now_us)
{
    fd->fd = in->from;
    fd->events = 0;
    if (!still && !in->ended && room(in) > 0)
        fd->events |= POLLIN;
    if (!still && ready_us(out) <= now_us)
        fd->events |= POLLOUT;
    if (fd->events == 0)
        fd->fd = -1; /* an end that is not looked at yet must not wake us */
}

/* false: the connection broke. */
static bool may_take(const struct pollfd *fd, struct way *w, int64_t now_us)
{
    bool some = (fd->revents & (POLLIN | POLLHUP | POLLERR)) != 0;

    return (fd->events & POLLIN) == 0 || !some || take(w, now_us);
}

static void run(int listener)
{
    static struct pollfd fds[2 + 2 * PAIRS_MAX];

    for (;;) {
        int64_t now_us = clock_mono_us(), next_us = INT64_MAX;

        fds[0] = (struct pollfd){.fd = STDIN_FILENO, .events = POLLIN};
        fds[1] = (struct pollfd){.fd = listener, .events = POLLIN};
        for (size_t i = 0; i < PAIRS_MAX; i++) {
            struct pair *p = &pairs[i];
            struct pollfd *two = &fds[2 + 2 * i];

            two[0] = two[1] = (struct pollfd){.fd = -1};
            if (p->used)
                move(p, now_us);
            if (!p->used)
                continue;

            bool still = p->still_until_us > now_us;

            watch(&two[0], &p->up, &p->down, still, now_us);
            watch(&two[1], &p->down, &p->up, still, now_us);
            if (due_us(p) > now_us && due_us(p) < next_us)
                next_us = due_us(p);
        }

        struct timespec left = {.tv_sec = (next_us - now_us) / CLOCK_US_PER_S,
                                .tv_nsec = (next_us - now_us) % CLOCK_US_PER_S * 1000};

        if (ppoll(fds, 2 + 2 * PAIRS_MAX, next_us == INT64_MAX ? NULL : &left, NULL) < 0)
            die("poll");
        now_us = clock_mono_us();
        if (fds[0].revents != 0)
            return;
        for (size_t i = 0; i < PAIRS_MAX; i++) {
            struct pair *p = &pairs[i];
            const struct pollfd *two = &fds[2 + 2 * i];

            if (!may_take(&two[0], &p->up, now_us) || !may_take(&two[1], &p->down, now_us))
                end_pair(p, true);
        }
        if (fds[1].revents != 0)
            meet(listener, now_us);
    }
}

static enum fault fault_named(const char *name)
{
    static const char *const names[] = {
#define X(fault, text) text,
        FAULTS(X)
#undef X
    };

    for (size_t i = 0; i < NO_FAULT; i++)
        if (strcmp(names[i], name) == 0)
            return (enum fault)i;
    errno = EINVAL;
    die(name);
    return NO_FAULT;
}

static void take_options(int argc, char **argv)
{
    static const struct option options[] = {
        {"delay", required_argument, NULL, 'd'},
        {"rate", required_argument, NULL, 'r'},
        {"piece", required_argument, NULL, 'p'},
        {"faults", required_argument, NULL, 'f'},
        {"only", required_argument, NULL, 'o'},
        {"within", required_argument, NULL, 'w'},
        {"stall", required_argument, NULL, 't'},
        {"seed", required_argument, NULL, 's'},
        {NULL, 0, NULL, 0},
    };
    int c;

    prng_seed(&prng, 1);
    while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
        uint64_t n = c == '?' ? 0 : strtoull(optarg, NULL, 10);

        switch (c) {
        case 'd':
            delay_us = (int64_t)n * CLOCK_US_PER_MS;
            break;
        case 'r':
            rate = n;
            break;
        case 'p':
            piece = n > 0 ? n : BYTES_MAX;
            break;
        case 'f':
            faults_percent = (unsigned)n;
            break;
        case 'o':
            only = fault_named(optarg);
            break;
        case 'w':
            within = n > 0 ? n : 1;
            break;
        case 't':
            stall_us = (int64_t)n * CLOCK_US_PER_MS;
            break;
        case 's':
            prng_seed(&prng, n);
            break;
        default:
            _Exit(2);
        }
    }
    if (rate > 0 && piece > rate / 100 + 1)
        piece = rate / 100 + 1; /* 10 ms: bytes flow, they do not come in gushes */
    if (optind + 1 != argc) {
        errno = EINVAL;
        die("which port?");
    }
    upstream = (uint16_t)strtoul(argv[optind], NULL, 10);
}

int main(int argc, char **argv)
{
    struct sockaddr_in sin = loopback(0);
    socklen_t len = sizeof(sin);
    int listener = socket(AF_INET, SOCK_STREAM, 0);

    take_options(argc, argv);
    if (listener < 0 || bind(listener, (struct sockaddr *)&sin, sizeof(sin)) != 0 ||
        listen(listener, 256) != 0 || getsockname(listener, (struct sockaddr *)&sin, &len) != 0)
        die("listen");
    (void)printf("port %u\n", ntohs(sin.sin_port));
    (void)fflush(stdout);
    run(listener);
    return 0;
}
