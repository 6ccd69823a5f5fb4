/*
 * Limits of what a server sends and of what streams receive, over real sockets. What is asserted
 * holds on a machine of any load: never faster than the limit. How much slower is only told.
 */
/* ld: -Wl,--wrap=net_limit_leave */
#include "../../src/net/limit.h"
#include "../support/line_service.h"

#include "p2pdi/base/clock.h"
#include "p2pdi/net/stream.h"

#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#define RATE UINT64_C(2000000)
#define PORTION (RATE / 100)
#define LATE (clock_mono_us() + 10 * CLOCK_US_PER_S)

static struct line_service *start(uint64_t rate)
{
    struct net_server_config cfg = line_config();

    cfg.send_rate_max = rate;
    return line_service_start(&cfg);
}

/* At most the rate for that time, and 5%. */
static void assert_not_faster(const char *who, uint64_t bytes, uint64_t rate, int64_t took_us)
{
    double share = (double)bytes / ((double)rate * (double)took_us / (double)CLOCK_US_PER_S);

    print_message("%s: %.1f%% of the limit in %.2f s\n", who, 100 * share, (double)took_us / 1e6);
    assert_true(share <= 1.05);
}

static int64_t timed_out(const struct line_service *ls)
{
    return STATS_GET(&ls->stats, connections_timed_out_total);
}

/* ---- sending ---- */

#define BULK 3

/* Takes what has come on any of them; waits for it until then. */
static void take_some(const int fds[BULK], uint64_t got[BULK], int64_t until_us)
{
    static char bytes[65536];
    struct pollfd p[BULK];
    int64_t left_us = until_us - clock_mono_us();

    for (size_t i = 0; i < BULK; i++)
        p[i] = (struct pollfd){.fd = fds[i], .events = POLLIN};
    if (left_us <= 0 || poll(p, BULK, (int)(left_us / CLOCK_US_PER_MS) + 1) <= 0)
        return;
    for (size_t i = 0; i < BULK; i++) {
        ssize_t n = p[i].revents != 0 ? recv(fds[i], bytes, sizeof(bytes), MSG_DONTWAIT) : 0;

        got[i] += n > 0 ? (uint64_t)n : 0;
    }
}

/* One of them reads a file, which leaves by another way. */
static void several_readers_share_a_limit_equally(void **state)
{
    struct line_service *ls = start(RATE);
    char path[] = "/tmp/p2pdi-test-XXXXXX";
    int64_t start_us = clock_mono_us();
    int fds[BULK];
    uint64_t got[BULK] = {0}, least = UINT64_MAX, most = 0, sum = 0;

    (void)state;
    ls->file_fd = mkstemp(path);
    ls->file_len = 100000000;
    assert_true(ls->file_fd >= 0);
    unlink(path);
    assert_int_equal(ftruncate(ls->file_fd, (off_t)ls->file_len), 0);
    for (size_t i = 0; i < BULK; i++) {
        fds[i] = line_connect(net_server_addr(ls->server));
        line_send(fds[i], i == 0 ? "file\n" : "zeros 100000000\n");
    }
    while (clock_mono_us() < start_us + 3 * CLOCK_US_PER_S / 2)
        take_some(fds, got, start_us + 3 * CLOCK_US_PER_S / 2);

    int64_t took_us = clock_mono_us() - start_us;

    for (size_t i = 0; i < BULK; i++) {
        least = got[i] < least ? got[i] : least;
        most = got[i] > most ? got[i] : most;
        sum += got[i];
        close(fds[i]);
    }
    assert_not_faster("three readers", sum, RATE, took_us);
    print_message("of them %llu to %llu bytes each\n", (unsigned long long)least,
                  (unsigned long long)most);
    assert_true(most * 10 <= least * 13);

    int file_fd = ls->file_fd;

    line_service_stop(ls);
    close(file_fd);
}

struct drain {
    int fds[BULK];
    _Atomic(bool) stop;
};

static void drain(void *arg)
{
    struct drain *d = arg;
    uint64_t got[BULK] = {0};

    while (!d->stop)
        take_some(d->fds, got, clock_mono_us() + 50 * CLOCK_US_PER_MS);
}

static int by_size(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

    return (x > y) - (x < y);
}

/* Counted in what the server sends meanwhile, so that the machine's own delays hardly matter. */
static void a_short_answer_comes_after_a_portion_of_each(void **state)
{
    enum { N = 31 };
    struct line_service *ls = start(RATE);
    struct drain d = {.stop = false};
    struct thread t = {0};
    int64_t passed[N];
    int fd = line_connect(net_server_addr(ls->server));

    (void)state;
    for (size_t i = 0; i < BULK; i++) {
        d.fds[i] = line_connect(net_server_addr(ls->server));
        line_send(d.fds[i], "zeros 100000000\n");
    }
    assert_int_equal(thread_start(&t, "drain", drain, &d), DI_OK);
    WAIT_UNTIL(STATS_GET(&ls->stats, bytes_sent_total) > (int64_t)(2 * BULK * PORTION));
    for (int i = 0; i < N; i++) {
        int64_t before = STATS_GET(&ls->stats, bytes_sent_total);

        line_send(fd, "echo short\n");
        line_expect(fd, "short\n");
        passed[i] = STATS_GET(&ls->stats, bytes_sent_total) - before;
    }
    qsort(passed, N, sizeof(passed[0]), by_size);
    print_message("behind %lld bytes in the middle case, %lld in the worst\n",
                  (long long)passed[N / 2], (long long)passed[N - 1]);
    assert_true(passed[N / 2] <= (int64_t)((BULK + 2) * PORTION));
    d.stop = true;
    thread_join(&t);
    for (size_t i = 0; i < BULK; i++)
        close(d.fds[i]);
    close(fd);
    line_service_stop(ls);
}

/* Each gets 3,000 bytes a second, though the server asks of a reader that it takes 30,000. */
static void who_waits_for_the_limit_is_not_slow(void **state)
{
    struct net_server_config cfg = line_config();
    int fds[BULK];

    (void)state;
    cfg.send_rate_max = 9000;
    cfg.send_rate_min = 30000;
    cfg.send_us = 20 * CLOCK_US_PER_MS;

    struct line_service *ls = line_service_start(&cfg);

    for (size_t i = 0; i < BULK; i++) {
        fds[i] = line_connect_narrow(net_server_addr(ls->server));
        line_send(fds[i], "zeros 4000\necho end\n");
    }
    for (size_t i = 0; i < BULK; i++) {
        line_expect_zeros(fds[i], 4000);
        line_expect(fds[i], "end\n");
        close(fds[i]);
    }
    assert_int_equal(timed_out(ls), 0);
    line_service_stop(ls);
}

/* Its bytes go to the others, and what it had borrowed comes back (line_service_free looks). */
static void who_hangs_up_while_waiting_is_forgotten(void **state)
{
    struct line_service *ls = start(30000);
    int fds[BULK];

    (void)state;
    for (size_t i = 0; i < BULK; i++) {
        fds[i] = line_connect(net_server_addr(ls->server));
        line_send(fds[i], "zeros 100000000\n");
    }
    WAIT_UNTIL(STATS_GET(&ls->stats, requests_total) == BULK);
    for (size_t i = 0; i < BULK; i++)
        close(fds[i]);
    WAIT_UNTIL(STATS_GET(&ls->stats, connections_open) == 0);

    int fd = line_connect(net_server_addr(ls->server));

    line_send(fd, "zeros 3000\necho there\n");
    line_expect_zeros(fd, 3000);
    line_expect(fd, "there\n");
    close(fd);
    line_service_stop(ls);
}

/* A hundred portions would take five seconds. */
static void what_an_answer_does_not_need_goes_back(void **state)
{
    struct line_service *ls = start(30000);
    int64_t start_us = clock_mono_us();

    (void)state;
    for (int i = 0; i < 100; i++) {
        int fd = line_connect(net_server_addr(ls->server));

        line_send(fd, "close x\n");
        line_expect(fd, "x\n");
        line_expect_end(fd, false);
        close(fd);
    }
    assert_true(clock_mono_us() - start_us < 4 * CLOCK_US_PER_S);
    line_service_stop(ls);
}

static void a_server_stops_while_connections_wait(void **state)
{
    struct net_server_config cfg = line_config();
    int fds[BULK];

    (void)state;
    cfg.send_rate_max = 30000;

    struct line_service *ls = line_service_start(&cfg);

    for (size_t i = 0; i < BULK; i++) {
        fds[i] = line_connect(net_server_addr(ls->server));
        line_send(fds[i], "zeros 100000000\n");
    }
    WAIT_UNTIL(STATS_GET(&ls->stats, requests_total) == BULK);

    int64_t start_us = clock_mono_us();

    net_server_stop(ls->server, 100 * CLOCK_US_PER_MS);
    assert_true(clock_mono_us() - start_us >= 100 * CLOCK_US_PER_MS);
    for (size_t i = 0; i < BULK; i++) {
        (void)line_drain(fds[i]);
        close(fds[i]);
    }
    line_service_free(ls);
}

/* Refusals are sent at once, but they count. */
static void refusals_do_not_wait(void **state)
{
    struct line_service *ls = start(30000);
    int bulk = line_connect(net_server_addr(ls->server));
    int fd = line_connect(net_server_addr(ls->server));

    (void)state;
    line_send(bulk, "zeros 100000000\n");
    WAIT_UNTIL(STATS_GET(&ls->stats, requests_total) == 1);
    line_send(fd, "!\n");
    line_expect(fd, "bad\n");
    close(fd);
    close(bulk);
    line_service_stop(ls);
}

/* ---- receiving ---- */

struct taker {
    struct thread thread;
    struct addr from;
    struct net_limit *limit;
    uint64_t bytes;
    enum di_err err;
};

static void take(void *arg)
{
    struct taker *t = arg;
    struct net_stream *s = NULL;
    char bytes[65536], request[40];
    uint64_t got = 0;

    snprintf(request, sizeof(request), "zeros %llu\n", (unsigned long long)t->bytes);
    t->err = net_stream_open(&t->from, LATE, NULL, &s);
    if (t->err != DI_OK)
        return;
    net_stream_limit(s, t->limit);
    t->err = net_stream_send(s, request, strlen(request), LATE);
    while (t->err == DI_OK && got < t->bytes) {
        size_t n = 0;

        t->err = net_stream_recv(s, bytes, sizeof(bytes), &n, LATE);
        got += n;
    }
    net_stream_close(s);
}

static void streams_share_a_limit(void **state)
{
    struct line_service *ls = start(0);
    struct net_limit *limit = NULL;
    struct taker takers[BULK] = {0};
    int64_t start_us = clock_mono_us();

    (void)state;
    assert_int_equal(net_limit_new(RATE, &limit), DI_OK);
    for (size_t i = 0; i < BULK; i++) {
        takers[i].from = *net_server_addr(ls->server);
        takers[i].limit = limit;
        takers[i].bytes = RATE / 2;
        assert_int_equal(thread_start(&takers[i].thread, "taker", take, &takers[i]), DI_OK);
    }
    for (size_t i = 0; i < BULK; i++) {
        thread_join(&takers[i].thread);
        assert_int_equal(takers[i].err, DI_OK);
    }
    assert_not_faster("three streams", BULK * RATE / 2, RATE, clock_mono_us() - start_us);
    net_limit_free(limit);
    line_service_stop(ls);
}

struct one {
    struct line_service *ls;
    struct net_waker *waker;
    struct net_limit *limit;
    struct net_stream *stream;
};

/* It has asked for so many bytes. */
static struct one start_one(uint64_t rate, unsigned bytes)
{
    struct one o = {.ls = start(0)};
    char request[40];
    int len = snprintf(request, sizeof(request), "zeros %u\n", bytes);

    assert_int_equal(net_waker_new(&o.waker), DI_OK);
    assert_int_equal(net_limit_new(rate, &o.limit), DI_OK);
    assert_int_equal(net_stream_open(net_server_addr(o.ls->server), LATE, o.waker, &o.stream),
                     DI_OK);
    net_stream_limit(o.stream, o.limit);
    assert_int_equal(net_stream_send(o.stream, request, (size_t)len, LATE), DI_OK);
    return o;
}

static void end_one(struct one *o)
{
    net_stream_close(o->stream);
    net_limit_free(o->limit);
    net_waker_free(o->waker);
    line_service_stop(o->ls);
}

static void waiting_for_a_turn_is_no_timeout(void **state)
{
    struct one o = start_one(20000, 1000);
    char bytes[65536];
    int64_t start_us = clock_mono_us();

    (void)state;
    net_limit_spend(o.limit, 10000); /* half a second, but for the 3,000 that may be there */
    for (size_t sum = 0, n = 0; sum < 1000; sum += n) {
        assert_int_equal(net_stream_recv(o.stream, bytes, sizeof(bytes), &n, LATE), DI_OK);
        assert_in_range(n, 1, 1500);
    }
    /* There is no more: its 40 ms begin when it may receive again. */
    size_t n = 0;
    assert_int_equal(
        net_stream_recv(o.stream, bytes, sizeof(bytes), &n, clock_mono_us() + 40 * CLOCK_US_PER_MS),
        DI_TIMEOUT);
    assert_true(clock_mono_us() - start_us >= 430 * CLOCK_US_PER_MS);
    end_one(&o);
}

static void a_waker_ends_the_wait_for_a_turn(void **state)
{
    struct one o = start_one(1000, 100000);
    char bytes[65536];
    size_t n = 0;

    (void)state;
    net_limit_spend(o.limit, 100000); /* the next turn is in five seconds */
    assert_int_equal(net_stream_recv(o.stream, bytes, sizeof(bytes), &n, LATE), DI_OK);

    int64_t start_us = clock_mono_us();

    net_waker_wake(o.waker);
    assert_int_equal(net_stream_recv(o.stream, bytes, sizeof(bytes), &n, LATE), DI_CANCELLED);
    assert_true(clock_mono_us() - start_us < 4 * CLOCK_US_PER_S);
    end_one(&o);
}

static void what_came_unasked_is_waited_for_afterwards(void **state)
{
    struct one o = start_one(100000, 100000);
    char bytes[65536];
    size_t n = 0;
    int64_t start_us = clock_mono_us();

    (void)state;
    net_limit_spend(o.limit, 50000);
    assert_int_equal(net_stream_recv(o.stream, bytes, sizeof(bytes), &n, LATE), DI_OK);
    assert_int_equal(net_stream_recv(o.stream, bytes, sizeof(bytes), &n, LATE), DI_OK);
    assert_true(clock_mono_us() - start_us > 470 * CLOCK_US_PER_MS);
    end_one(&o);
    net_limit_spend(NULL, 1);
}

static _Atomic(unsigned) left;

void __real_net_limit_leave(struct net_limit *l, bool *joined);
void __wrap_net_limit_leave(struct net_limit *l, bool *joined);
void __wrap_net_limit_leave(struct net_limit *l, bool *joined)
{
    left += *joined;
    __real_net_limit_leave(l, joined);
}

/* Else the limit would take it for one that receives, for ever. */
static void who_is_taken_from_a_limit_leaves_it(void **state)
{
    struct one o = start_one(100000, 1000);
    char bytes[100];
    size_t n = 0;

    (void)state;
    left = 0;
    assert_int_equal(net_stream_recv(o.stream, bytes, sizeof(bytes), &n, LATE), DI_OK);
    net_stream_limit(o.stream, o.limit);
    assert_int_equal(left, 0);
    net_stream_limit(o.stream, NULL);
    assert_int_equal(left, 1);
    end_one(&o);
    assert_int_equal(left, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(several_readers_share_a_limit_equally),
        cmocka_unit_test(a_short_answer_comes_after_a_portion_of_each),
        cmocka_unit_test(who_waits_for_the_limit_is_not_slow),
        cmocka_unit_test(who_hangs_up_while_waiting_is_forgotten),
        cmocka_unit_test(what_an_answer_does_not_need_goes_back),
        cmocka_unit_test(a_server_stops_while_connections_wait),
        cmocka_unit_test(refusals_do_not_wait),
        cmocka_unit_test(streams_share_a_limit),
        cmocka_unit_test(waiting_for_a_turn_is_no_timeout),
        cmocka_unit_test(a_waker_ends_the_wait_for_a_turn),
        cmocka_unit_test(what_came_unasked_is_waited_for_afterwards),
        cmocka_unit_test(who_is_taken_from_a_limit_leaves_it),
    };

    signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
