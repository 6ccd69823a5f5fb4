/*
 * Clients that keep a server busy without asking much: some hold a connection and are silent, some read an
 * answer slowly, some send a request slowly. Whoever is sent away comes back after a second.
 *
 *   tool_crowd PORT
 *
 * Commands on standard input, each answered by one line that begins with its word:
 *   hold IDLE READERS SENDERS PATH   so many of each from now on, on 127.0.0.1; readers ask for PATH
 *   probe PORT COUNT PATH            GETs at that port, one after another, each on a new connection:
 *                                    "probe p50_us p99_us max_us failed"
 *   ask PATH                         every silent client sends one GET: "ask answered refused" (200, anything else)
 *   requests PORT COUNT FILE         so many requests from 8 clients, drawn from the lines of FILE, in which | is
 *                                    the end of a line: "requests answered failed per_second"
 *   count                            "count open sent_away": how many are connected, how often one was sent away
 */
#include "p2pdi/base/clock.h"
#include "p2pdi/base/random.h"
#include "p2pdi/base/thread.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#define MEMBERS_MAX 20000
#define TICK_US (100 * CLOCK_US_PER_MS)
#define COME_BACK_US CLOCK_US_PER_S
#define READ_A_TICK 300 /* 3,000 bytes a second: slow, above what the server puts up with */
#define READER_BUFFER 4096
#define PATIENCE_MS 30000
#define PATH_MAX_LEN 200
#define CLIENTS 8
#define REQUESTS_MAX 32
#define REQUEST_SIZE 400
#define A_CONNECTION 50 /* requests */

enum kind { IDLE, READER, SENDER };

struct member {
    int fd; /* -1: sent away */
    enum kind kind;
    size_t sent;
    int64_t back_us;
};

static uint16_t server_port;
static int epoll_fd;
static struct thread keeper;

static struct lock lock = LOCK_INITIALIZER;
/* guarded by lock */
static struct member members[MEMBERS_MAX];
static size_t member_count;
static size_t sent_away;
static char reader_request[PATH_MAX_LEN + 40];

static void die(const char *what)
{
    (void)fprintf(stderr, "tool_crowd: %s: %s\n", what, strerror(errno));
    _Exit(1);
}

/* ---- one connection --------------------------------------------------------------------------- */

static int dial(uint16_t port, int receive_buffer)
{
    struct sockaddr_in to = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        die("socket");
    if (receive_buffer > 0 &&
        setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof(receive_buffer)) != 0)
        die("setsockopt");
    if (connect(fd, (struct sockaddr *)&to, sizeof(to)) != 0) {
        (void)close(fd);
        return -1;
    }
    return fd;
}

static bool send_text(int fd, const char *text, size_t len)
{
    return send(fd, text, len, MSG_NOSIGNAL) == (ssize_t)len;
}

/* ---- the crowd -------------------------------------------------------------------------------- */

static void join_locked(struct member *m)
{
    struct epoll_event ev = {.events = EPOLLRDHUP | (m->kind == SENDER ? EPOLLIN : 0),
                             .data.u64 = (uint64_t)(m - members)};
    m->fd = dial(server_port, m->kind == READER ? READER_BUFFER : 0);
    m->sent = 0;
    m->back_us = clock_mono_us() + COME_BACK_US;
    if (m->fd < 0)
        return;
    if (m->kind == READER)
        (void)send_text(m->fd, reader_request, strlen(reader_request));
    if (fcntl(m->fd, F_SETFL, O_NONBLOCK) != 0 ||
        epoll_ctl(epoll_fd, EPOLL_CTL_ADD, m->fd, &ev) != 0)
        die("epoll");
}

static void leave_locked(struct member *m)
{
    (void)close(m->fd);
    m->fd = -1;
    m->back_us = clock_mono_us() + COME_BACK_US;
    sent_away++;
}

static void act_locked(struct member *m)
{
    static const char head[] = "PQUERY P2P-DI/1.0\r\nHost: somebody-who-takes-the-time-it-takes";
    char bytes[READ_A_TICK];

    if (m->fd < 0) {
        if (clock_mono_us() >= m->back_us)
            join_locked(m);
    } else if (m->kind == READER) {
        ssize_t n = recv(m->fd, bytes, sizeof(bytes), 0);
        if (n == 0 || (n < 0 && errno != EAGAIN))
            leave_locked(m);
    } else if (m->kind == SENDER && m->sent < sizeof(head) - 1) {
        if (send_text(m->fd, head + m->sent, 1))
            m->sent++;
        else if (errno != EAGAIN)
            leave_locked(m);
    }
}

/* Readers and those who are away have something to do at each tick, senders once a second. */
static void tick(unsigned count)
{
    lock_acquire(&lock);
    for (size_t i = 0; i < member_count; i++)
        if (members[i].fd < 0 || members[i].kind == READER ||
            (members[i].kind == SENDER && (i + count) % 10 == 0))
            act_locked(&members[i]);
    lock_release(&lock);
}

static void keep(void *arg)
{
    struct epoll_event events[256];
    int64_t next_us = clock_mono_us();

    (void)arg;
    for (unsigned count = 0;; count++) {
        int64_t left_us;
        while ((left_us = next_us - clock_mono_us()) > 0) {
            int n = epoll_wait(epoll_fd, events, 256, (int)(left_us / CLOCK_US_PER_MS) + 1);
            lock_acquire(&lock);
            for (int i = 0; i < n; i++) {
                struct member *m = &members[events[i].data.u64];
                /* A reader that still has something to read goes on. */
                if (m->fd >= 0 && m->kind != READER)
                    leave_locked(m);
                else if (m->fd >= 0)
                    (void)epoll_ctl(epoll_fd, EPOLL_CTL_DEL, m->fd, NULL);
            }
            lock_release(&lock);
        }
        tick(count);
        next_us += TICK_US;
    }
}

static void hold(const size_t wanted[3], const char *path)
{
    lock_acquire(&lock);
    (void)snprintf(reader_request, sizeof(reader_request), "GET %s HTTP/1.1\r\nHost: a\r\n\r\n",
                   path);
    for (size_t i = 0; i < member_count; i++)
        if (members[i].fd >= 0)
            (void)close(members[i].fd);
    member_count = 0;
    for (enum kind k = IDLE; k <= SENDER; k++)
        for (size_t i = 0; i < wanted[k] && member_count < MEMBERS_MAX; i++)
            members[member_count++] = (struct member){.fd = -1, .kind = k};
    for (size_t i = 0; i < member_count; i++)
        join_locked(&members[i]);
    sent_away = 0;
    (void)printf("hold %zu\n", member_count);
    lock_release(&lock);
}

static void count_members(void)
{
    size_t open = 0;
    lock_acquire(&lock);
    for (size_t i = 0; i < member_count; i++)
        open += members[i].fd >= 0;
    (void)printf("count %zu %zu\n", open, sent_away);
    lock_release(&lock);
}

/* ---- questions -------------------------------------------------------------------------------- */

/* Reads up to the end of the answer; its status, or 0 if it did not come whole. */
static int take_answer(int fd)
{
    int status = 0;
    char bytes[65536];
    size_t len = 0, whole = 0;
    const char *end = NULL;

    while (whole == 0 || len < whole) {
        struct pollfd ready = {.fd = fd, .events = POLLIN};
        if (poll(&ready, 1, PATIENCE_MS) <= 0)
            return 0;
        /* Only the head is looked at: bytes of the body go over those before them. */
        size_t at = whole == 0 ? len : 0;
        ssize_t n = recv(fd, bytes + at, sizeof(bytes) - 1 - at, 0);
        if (n <= 0)
            return 0;
        len += (size_t)n;
        if (whole != 0)
            continue;
        bytes[len] = '\0';
        end = strstr(bytes, "\r\n\r\n");
        if (end == NULL)
            continue;
        const char *length = strstr(bytes, "\r\nContent-Length: ");
        const char *code = strchr(bytes, ' ');
        status = code == NULL ? 0 : (int)strtol(code, NULL, 10);
        whole = (size_t)(end + 4 - bytes);
        if (length != NULL && length < end)
            whole += strtoul(length + 18, NULL, 10);
    }
    return status;
}

static bool get(int fd, const char *path)
{
    char request[PATH_MAX_LEN + 40];
    int len = snprintf(request, sizeof(request), "GET %s HTTP/1.1\r\nHost: a\r\n\r\n", path);
    return send_text(fd, request, (size_t)len) && take_answer(fd) == 200;
}

static int by_size(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return x < y ? -1 : x > y;
}

static void probe(uint16_t port, size_t count, const char *path)
{
    int64_t *took = calloc(count + 1, sizeof(*took));
    size_t failed = 0;
    if (took == NULL || count == 0)
        die("probe");
    for (size_t i = 0; i < count; i++) {
        int64_t start_us = clock_mono_us();
        int fd = dial(port, 0);
        failed += fd < 0 || !get(fd, path);
        took[i] = clock_mono_us() - start_us;
        if (fd >= 0)
            (void)close(fd);
    }
    qsort(took, count, sizeof(*took), by_size);
    (void)printf("probe %lld %lld %lld %zu\n", (long long)took[count / 2],
                 (long long)took[count * 99 / 100], (long long)took[count - 1], failed);
    free(took);
}

static void ask(const char *path)
{
    size_t answered = 0, refused = 0;
    lock_acquire(&lock);
    for (size_t i = 0; i < member_count; i++) {
        if (members[i].kind != IDLE || members[i].fd < 0)
            continue;
        if (get(members[i].fd, path))
            answered++;
        else
            refused++;
    }
    (void)printf("ask %zu %zu\n", answered, refused);
    lock_release(&lock);
}

/* ---- many requests ---------------------------------------------------------------------------- */

static char requests[REQUESTS_MAX][REQUEST_SIZE];
static size_t request_count;

struct client {
    struct thread thread;
    struct prng random;
    uint16_t port;
    size_t wanted, answered, failed;
};

static void read_requests(const char *path)
{
    FILE *f = fopen(path, "r");
    char line[REQUEST_SIZE / 2];
    if (f == NULL)
        die(path);
    request_count = 0;
    while (request_count < REQUESTS_MAX && fgets(line, sizeof(line), f) != NULL) {
        char *out = requests[request_count++];
        for (const char *p = line; *p != '\0' && *p != '\n'; p++) {
            if (*p == '|')
                *out++ = '\r';
            *out++ = *p == '|' ? '\n' : *p;
        }
        *out = '\0';
    }
    (void)fclose(f);
    if (request_count == 0)
        die(path);
}

/* An answer of any kind but that it is our own trouble. After one that closes it begins anew. */
static void run_client(void *arg)
{
    struct client *c = arg;
    int fd = -1;
    for (size_t i = 0; i < c->wanted; i++) {
        const char *request = requests[prng_below(&c->random, request_count)];
        int status = 0;
        if (fd < 0)
            fd = dial(c->port, 0);
        if (fd >= 0 && send_text(fd, request, strlen(request)))
            status = take_answer(fd);
        if (status == 0 || status >= 500)
            c->failed++;
        else
            c->answered++;
        if (fd >= 0 && (status == 0 || status >= 400 || i % A_CONNECTION == 0)) {
            (void)close(fd);
            fd = -1;
        }
    }
    if (fd >= 0)
        (void)close(fd);
}

static void ask_much(uint16_t port, size_t count, const char *path)
{
    static struct client clients[CLIENTS];
    static uint64_t seed;
    size_t answered = 0, failed = 0;
    int64_t start_us = clock_mono_us();

    read_requests(path);
    for (size_t i = 0; i < CLIENTS; i++) {
        clients[i] = (struct client){.port = port, .wanted = count / CLIENTS};
        prng_seed(&clients[i].random, ++seed);
        if (thread_start(&clients[i].thread, "client", run_client, &clients[i]) != DI_OK)
            die("a client's thread");
    }
    for (size_t i = 0; i < CLIENTS; i++) {
        thread_join(&clients[i].thread);
        answered += clients[i].answered;
        failed += clients[i].failed;
    }
    int64_t us = clock_mono_us() - start_us + 1;
    (void)printf("requests %zu %zu %lld\n", answered, failed,
                 (long long)((int64_t)answered * CLOCK_US_PER_S / us));
}

int main(int argc, char **argv)
{
    struct rlimit limit;
    char word[16], path[PATH_MAX_LEN];
    size_t n[3];

    if (argc != 2 || getrlimit(RLIMIT_NOFILE, &limit) != 0)
        die("tool_crowd PORT");
    limit.rlim_cur = limit.rlim_max;
    (void)setrlimit(RLIMIT_NOFILE, &limit);
    server_port = (uint16_t)strtoul(argv[1], NULL, 10);
    epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (epoll_fd < 0 || thread_start(&keeper, "crowd", keep, NULL) != DI_OK)
        die("the crowd's thread");
    (void)setvbuf(stdout, NULL, _IOLBF, 0);
    while (scanf("%15s", word) == 1) {
        if (strcmp(word, "hold") == 0 && scanf("%zu %zu %zu %199s", &n[0], &n[1], &n[2], path) == 4)
            hold(n, path);
        else if (strcmp(word, "probe") == 0 && scanf("%zu %zu %199s", &n[0], &n[1], path) == 3)
            probe((uint16_t)n[0], n[1], path);
        else if (strcmp(word, "ask") == 0 && scanf("%199s", path) == 1)
            ask(path);
        else if (strcmp(word, "requests") == 0 && scanf("%zu %zu %199s", &n[0], &n[1], path) == 3)
            ask_much((uint16_t)n[0], n[1], path);
        else if (strcmp(word, "count") == 0)
            count_members();
        else
            die(word);
    }
    _Exit(0);
}
