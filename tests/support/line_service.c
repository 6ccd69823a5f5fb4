/* The service and client of line_service.h. serve() runs in workers, the rest in the test. */
#include "line_service.h"

#include "p2pdi/base/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#define WAIT_US (10 * CLOCK_US_PER_S)
#define FDS_MAX 8192 /* more than a test opens */
#define ZEROS_MAX ((size_t)1 << 20)

/* ---- the service ---- */

static void hold(struct line_service *ls)
{
    lock_acquire(&ls->lock);
    ls->holding++;
    cond_broadcast(&ls->changed);
    while (!ls->let_go)
        cond_wait(&ls->changed, &ls->lock);
    lock_release(&ls->lock);
}

static enum net_verdict frame(void *ctx, struct net_frame *f, const char *data, size_t len)
{
    if (data[0] == '!')
        return NET_BAD;
    if (len == 6 && memcmp(data, "stall\n", 6) == 0)
        hold(ctx);

    const char *end = memchr(data + f->scanned, '\n', len - f->scanned);

    f->scanned = len;
    if (end == NULL)
        return NET_MORE;
    f->message_len = (size_t)(end - data) + 1;
    if (len > 5 && memcmp(data, "body ", 5) == 0)
        f->skip_len = strtoull(data + 5, NULL, 10);
    return NET_WHOLE;
}

static void give_back(void *arg)
{
    struct line_service *ls = arg;

    lock_acquire(&ls->lock);
    ls->released++;
    lock_release(&ls->lock);
}

static void borrow(struct line_service *ls)
{
    lock_acquire(&ls->lock);
    ls->borrowed++;
    lock_release(&ls->lock);
}

static void send_zeros(struct line_service *ls, struct net_conn *c, uint64_t n)
{
    while (n > 0) {
        size_t piece = n < ls->zeros_len ? (size_t)n : ls->zeros_len;

        borrow(ls);
        net_conn_send_shared(c, ls->zeros, piece, give_back, ls);
        n -= piece;
    }
}

static void park(struct line_service *ls, struct net_conn *c)
{
    struct net_token token = net_conn_park(c);

    lock_acquire(&ls->lock);
    ls->tokens[ls->parked++ % TOKENS_MAX] = token;
    cond_broadcast(&ls->changed);
    lock_release(&ls->lock);
}

static void answer(struct line_service *ls, struct net_token token, const char *text)
{
    struct buf b;

    buf_init(&b, 1000);
    buf_append_str(&b, text);
    net_server_answer(ls->server, token, &b);
    buf_fini(&b);
}

static void be_slow(struct line_service *ls)
{
    int64_t until_us = clock_mono_us() + 10 * CLOCK_US_PER_MS;

    while (clock_mono_us() < until_us)
        line_nap();
    lock_acquire(&ls->lock);
    ls->slow++;
    lock_release(&ls->lock);
}

static void serve(void *ctx, struct net_conn *c, const char *message, size_t len)
{
    struct line_service *ls = ctx;
    char line[LINE_MAX_BYTES + 1];
    struct buf b;

    if (len > LINE_MAX_BYTES)
        abort();
    memcpy(line, message, len);
    line[len] = '\0';
    buf_init(&b, LINE_MAX_BYTES);
    if (strncmp(line, "echo ", 5) == 0) {
        net_conn_send(c, line + 5, len - 5);
    } else if (strncmp(line, "close ", 6) == 0) {
        buf_append(&b, line + 6, len - 6);
        net_conn_send_buf(c, &b);
        net_conn_close_after(c);
    } else if (strncmp(line, "zeros ", 6) == 0) {
        send_zeros(ls, c, strtoull(line + 6, NULL, 10));
    } else if (strcmp(line, "file\n") == 0) {
        net_conn_send(c, "file:", 5);
        borrow(ls);
        net_conn_send_file(c, ls->file_fd, 0, ls->file_len, give_back, ls);
        net_conn_send(c, "\n", 1);
    } else if (strncmp(line, "body ", 5) == 0) {
        net_conn_send(c, "ok\n", 3);
    } else if (strcmp(line, "park\n") == 0) {
        park(ls, c);
    } else if (strcmp(line, "self\n") == 0) {
        struct net_token token = net_conn_park(c);

        net_conn_close_after(c);
        answer(ls, token, "self\n");
    } else if (strcmp(line, "hold\n") == 0) {
        hold(ls);
        net_conn_send(c, "held\n", 5);
    } else if (strcmp(line, "last\n") == 0) {
        hold(ls);
        net_conn_send(c, "last\n", 5);
        net_conn_close_after(c);
    } else if (strcmp(line, "slow\n") == 0) {
        be_slow(ls);
        net_conn_send(c, "slow\n", 5);
    } else if (strcmp(line, "slows\n") == 0) {
        lock_acquire(&ls->lock);
        buf_printf(&b, "%u\n", ls->slow);
        lock_release(&ls->lock);
        net_conn_send_buf(c, &b);
    } else if (strcmp(line, "local\n") == 0) {
        char text[ADDR_TEXT_SIZE];

        addr_format(net_conn_local(c), text);
        buf_printf(&b, "%s\n", text);
        net_conn_send_buf(c, &b);
    } else {
        net_conn_send(c, "what?\n", 6);
    }
    buf_fini(&b);
}

static void refuse(void *ctx, enum net_refusal why, const char *data, size_t len, struct buf *out)
{
    static const char *const words[] = {
        [NET_REFUSE_BAD] = "bad\n",
        [NET_REFUSE_TIMEOUT] = "timeout\n",
        [NET_REFUSE_BUSY] = "busy\n",
    };

    (void)ctx;
    if (len > 5 && memcmp(data, "name ", 5) == 0)
        buf_append(out, data + 5, len - 5);
    buf_append_str(out, words[why]);
}

static void on_dropped(void *ctx, struct net_token token)
{
    struct line_service *ls = ctx;

    (void)token;
    lock_acquire(&ls->lock);
    ls->dropped++;
    cond_broadcast(&ls->changed);
    lock_release(&ls->lock);
}

static void on_tick(void *ctx, int64_t now_us)
{
    struct line_service *ls = ctx;

    (void)now_us;
    lock_acquire(&ls->lock);
    ls->ticks++;
    cond_broadcast(&ls->changed);
    lock_release(&ls->lock);
}

struct net_server_config line_config(void)
{
    return (struct net_server_config){
        .listen = addr_ipv4(127, 0, 0, 1, 0),
        .workers = 2,
        .message_max = LINE_MAX_BYTES,
        .name = "line",
    };
}

struct line_service *line_service_start(const struct net_server_config *cfg)
{
    static const struct net_service service = {
        .frame = frame,
        .serve = serve,
        .refuse = refuse,
        .dropped = on_dropped,
        .tick = on_tick,
    };
    struct line_service *ls = calloc(1, sizeof(*ls));
    char why[160] = "";

    assert_non_null(ls);
    signal(SIGPIPE, SIG_IGN);
    ls->file_fd = -1;
    ls->zeros_len = ZEROS_MAX;
    ls->zeros = calloc(1, ls->zeros_len);
    assert_non_null(ls->zeros);
    lock_init(&ls->lock);
    cond_init(&ls->changed);
    if (net_server_start(cfg, &service, ls, &ls->stats, &ls->server, why) != DI_OK)
        fail_msg("%s", why);
    return ls;
}

void line_service_stop(struct line_service *ls)
{
    net_server_stop(ls->server, CLOCK_US_PER_S);
    line_service_free(ls);
}

static void stop(void *arg)
{
    struct line_service *ls = arg;

    net_server_stop(ls->server, WAIT_US);
}

void line_service_stop_in_thread(struct line_service *ls, struct thread *t)
{
    assert_int_equal(thread_start(t, "stopper", stop, ls), DI_OK);
}

void line_service_free(struct line_service *ls)
{
    net_server_free(ls->server);
    assert_int_equal(ls->borrowed, ls->released);
    assert_int_equal(STATS_GET(&ls->stats, connections_open), 0);
    assert_int_equal(STATS_GET(&ls->stats, connections_parked), 0);
    cond_fini(&ls->changed);
    lock_fini(&ls->lock);
    free(ls->zeros);
    free(ls);
}

static void wait_for_count(struct line_service *ls, const unsigned *count, unsigned n)
{
    int64_t end = clock_mono_us() + WAIT_US;
    bool in_time = true;

    lock_acquire(&ls->lock);
    while (*count < n && in_time)
        in_time = cond_wait_until(&ls->changed, &ls->lock, end);
    lock_release(&ls->lock);
    if (!in_time)
        fail_msg("waited in vain for %u", n);
}

void line_service_wait_parked(struct line_service *ls, unsigned n)
{
    wait_for_count(ls, &ls->parked, n);
}

void line_service_wait_dropped(struct line_service *ls, unsigned n)
{
    wait_for_count(ls, &ls->dropped, n);
}

void line_service_wait_holding(struct line_service *ls, unsigned n)
{
    wait_for_count(ls, &ls->holding, n);
}

void line_service_let_go(struct line_service *ls)
{
    lock_acquire(&ls->lock);
    ls->let_go = true;
    cond_broadcast(&ls->changed);
    lock_release(&ls->lock);
}

void line_service_answer(struct line_service *ls, unsigned n, const char *text)
{
    lock_acquire(&ls->lock);
    struct net_token token = ls->tokens[n];

    lock_release(&ls->lock);
    answer(ls, token, text);
}

void line_service_answer_shared(struct line_service *ls, unsigned n, const char *head,
                                const char *shared)
{
    struct buf b;

    lock_acquire(&ls->lock);
    struct net_token token = ls->tokens[n];

    ls->borrowed++;
    lock_release(&ls->lock);
    buf_init(&b, 1000);
    buf_append_str(&b, head);
    net_server_answer_shared(
        ls->server, token, &b,
        &(struct net_shared){
            .bytes = shared, .len = strlen(shared), .release = give_back, .arg = ls},
        1);
    buf_fini(&b);
}

/* ---- the client ---- */

void line_nap(void)
{
    nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
}

static int connect_with(const struct addr *to, int receive_buffer)
{
    struct sockaddr_storage sa = {0};
    socklen_t len;
    struct timeval limit = {.tv_sec = 10};
    const int on = 1;
    int fd;

    if (addr_is_ipv4(to)) {
        struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(to->port)};

        memcpy(&in.sin_addr, to->ip + 12, 4);
        memcpy(&sa, &in, sizeof(in));
        len = sizeof(in);
    } else {
        struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_port = htons(to->port)};

        memcpy(&in6.sin6_addr, to->ip, 16);
        memcpy(&sa, &in6, sizeof(in6));
        len = sizeof(in6);
    }
    fd = socket(sa.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)), 0);
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit)), 0);
    assert_int_equal(setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)), 0);
    if (receive_buffer > 0)
        assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof(int)), 0);
    if (connect(fd, (struct sockaddr *)&sa, len) != 0) {
        close(fd);
        return -1;
    }
    return fd;
}

int line_try_connect(const struct addr *to)
{
    return connect_with(to, 0);
}

int line_connect(const struct addr *to)
{
    int fd = connect_with(to, 0);

    assert_true(fd >= 0);
    return fd;
}

int line_connect_narrow(const struct addr *to)
{
    int fd = connect_with(to, 4096);

    assert_true(fd >= 0);
    return fd;
}

void line_send_bytes(int fd, const void *bytes, size_t len)
{
    const char *at = bytes;

    while (len > 0) {
        ssize_t n = send(fd, at, len, MSG_NOSIGNAL);

        assert_true(n > 0);
        at += n;
        len -= (size_t)n;
    }
}

void line_send(int fd, const char *text)
{
    line_send_bytes(fd, text, strlen(text));
}

void line_expect(int fd, const char *text)
{
    char got[LINE_MAX_BYTES + 1];
    size_t want = strlen(text), have = 0;

    assert_true(want <= LINE_MAX_BYTES);
    while (have < want) {
        ssize_t n = recv(fd, got + have, want - have, 0);

        if (n <= 0)
            fail_msg("expected \"%s\", got \"%.*s\" and then %s", text, (int)have, got,
                     n == 0 ? "the end" : strerror(errno));
        have += (size_t)n;
    }
    got[have] = '\0';
    assert_string_equal(got, text);
}

void line_expect_zeros(int fd, uint64_t n)
{
    static char got[65536];

    while (n > 0) {
        size_t want = n < sizeof(got) ? (size_t)n : sizeof(got);
        ssize_t have = recv(fd, got, want, 0);

        if (have <= 0)
            fail_msg("%llu zeros missing: %s", (unsigned long long)n, strerror(errno));
        for (ssize_t i = 0; i < have; i++)
            assert_int_equal(got[i], 0);
        n -= (uint64_t)have;
    }
}

void line_expect_end(int fd, bool may_reset)
{
    char byte;
    ssize_t n = recv(fd, &byte, 1, 0);

    if (n < 0 && !(may_reset && errno == ECONNRESET))
        fail_msg("expected the end, got %s", strerror(errno));
    assert_true(n <= 0);
}

bool line_gets_an_answer(const struct addr *to)
{
    static const char want[] = "alive\n";
    char got[sizeof(want)] = "";
    int fd = line_connect(to);

    (void)!send(fd, "close alive\n", 12, MSG_NOSIGNAL);
    (void)!recv(fd, got, sizeof(want) - 1, MSG_WAITALL);
    close(fd);
    return strcmp(got, want) == 0;
}

uint64_t line_drain(int fd)
{
    static char got[65536];
    uint64_t total = 0;
    ssize_t n;

    while ((n = recv(fd, got, sizeof(got), 0)) > 0)
        total += (uint64_t)n;
    if (n < 0 && errno == EAGAIN)
        fail_msg("the end never came");
    return total;
}

unsigned line_count_fds(void)
{
    unsigned n = 0;

    for (int fd = 0; fd < FDS_MAX; fd++)
        n += fcntl(fd, F_GETFD) >= 0 ? 1 : 0;
    return n;
}
