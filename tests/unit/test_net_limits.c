/* What the server does with those who are slow, too many, or gone: deadlines, workers, caps. */
#include "../support/line_service.h"

#include "p2pdi/base/clock.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static struct line_service *start_with(struct net_server_config cfg)
{
    return line_service_start(&cfg);
}

static int64_t timed_out(const struct line_service *ls)
{
    return STATS_GET(&ls->stats, connections_timed_out_total);
}

static int64_t is_open(const struct line_service *ls)
{
    return STATS_GET(&ls->stats, connections_open);
}

/* ---- deadlines ---- */

static void half_a_line_gets_a_timeout_answer(void **state)
{
    struct net_server_config cfg = line_config();

    (void)state;
    cfg.head_us = 30 * CLOCK_US_PER_MS;

    struct line_service *ls = start_with(cfg);
    int fd = line_connect(net_server_addr(ls->server));

    line_send(fd, "echo hal");
    line_expect(fd, "timeout\n");
    line_expect_end(fd, false);
    assert_int_equal(timed_out(ls), 1);
    close(fd);
    line_service_stop(ls);
}

/* The deadline is that of the whole line: each byte alone comes in time. */
static void a_trickled_line_gets_a_timeout_answer(void **state)
{
    struct net_server_config cfg = line_config();
    bool answered = false;

    (void)state;
    cfg.head_us = 100 * CLOCK_US_PER_MS;

    struct line_service *ls = start_with(cfg);
    int fd = line_connect(net_server_addr(ls->server));

    line_send(fd, "echo ");
    for (int i = 0; i < 10000 && !answered; i++) {
        char byte;

        (void)!send(fd, "x", 1, MSG_NOSIGNAL);
        line_nap();
        answered = recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 1;
    }
    line_expect(fd, "timeout\n");
    close(fd);
    line_service_stop(ls);
}

static void an_idle_connection_is_closed_without_a_word(void **state)
{
    struct net_server_config cfg = line_config();

    (void)state;
    cfg.idle_us = 30 * CLOCK_US_PER_MS;

    struct line_service *ls = start_with(cfg);
    int never = line_connect(net_server_addr(ls->server));
    int once = line_connect(net_server_addr(ls->server));

    line_send(once, "echo once\n");
    line_expect(once, "once\n");
    line_expect_end(once, false);
    line_expect_end(never, false);
    assert_int_equal(timed_out(ls), 2);
    close(never);
    close(once);
    line_service_stop(ls);
}

static void a_body_that_stays_away_ends_the_connection(void **state)
{
    struct net_server_config cfg = line_config();

    (void)state;
    cfg.head_us = 30 * CLOCK_US_PER_MS;

    struct line_service *ls = start_with(cfg);
    int fd = line_connect(net_server_addr(ls->server));

    line_send(fd, "body 100\nnot all of it");
    line_expect(fd, "ok\n");
    line_expect_end(fd, true);
    close(fd);
    line_service_stop(ls);
}

static void a_parked_connection_has_no_deadline(void **state)
{
    struct net_server_config cfg = line_config();

    (void)state;
    cfg.idle_us = cfg.head_us = cfg.send_us = 20 * CLOCK_US_PER_MS;

    struct line_service *ls = start_with(cfg);
    int idle = line_connect(net_server_addr(ls->server));
    int fd = line_connect(net_server_addr(ls->server));

    line_send(fd, "park\nhalf");
    line_service_wait_parked(ls, 1);
    /* The idle one is closed by the same sweeps that could have closed this one, three times. */
    for (int i = 0; i < 3; i++) {
        line_expect_end(idle, false);
        close(idle);
        idle = line_connect(net_server_addr(ls->server));
    }
    line_service_answer(ls, 0, "late\n");
    line_expect(fd, "late\ntimeout\n");
    close(fd);
    close(idle);
    line_service_stop(ls);
}

/* The same, with a client that has said that it will send no more. */
static void a_parked_connection_may_be_half_closed(void **state)
{
    struct net_server_config cfg = line_config();

    (void)state;
    cfg.idle_us = 20 * CLOCK_US_PER_MS;

    struct line_service *ls = start_with(cfg);
    int fd = line_connect(net_server_addr(ls->server));

    line_send(fd, "park\n");
    line_service_wait_parked(ls, 1);
    shutdown(fd, SHUT_WR);
    for (int i = 0; i < 3; i++) {
        int idle = line_connect(net_server_addr(ls->server));

        line_expect_end(idle, false);
        close(idle);
    }
    line_service_answer(ls, 0, "late\n");
    line_expect(fd, "late\n");
    line_expect_end(fd, false);
    close(fd);
    line_service_stop(ls);
}

static void who_takes_nothing_is_closed(void **state)
{
    struct net_server_config cfg = line_config();

    (void)state;
    cfg.send_us = 50 * CLOCK_US_PER_MS;

    struct line_service *ls = start_with(cfg);
    int fd = line_connect_narrow(net_server_addr(ls->server));

    line_send(fd, "zeros 50000000\n");
    WAIT_UNTIL(timed_out(ls) == 1);
    WAIT_UNTIL(is_open(ls) == 0);
    assert_true(line_drain(fd) < 50000000);
    close(fd);
    line_service_stop(ls);
}

static void who_takes_enough_is_not(void **state)
{
    enum { N = 20000000 };
    struct net_server_config cfg = line_config();
    static char got[4096];
    uint64_t have = 0;

    (void)state;
    cfg.send_us = CLOCK_US_PER_S; /* longer than a loaded machine lets us rest */
    cfg.send_rate_min = 10000;

    struct line_service *ls = start_with(cfg);
    int fd = line_connect_narrow(net_server_addr(ls->server));
    char request[32];

    snprintf(request, sizeof(request), "zeros %d\n", N);
    line_send(fd, request);
    /* Slowly for some times send_us, then all at once. */
    for (int64_t end = clock_mono_us() + 3 * cfg.send_us; clock_mono_us() < end;) {
        ssize_t n = recv(fd, got, sizeof(got), 0);

        assert_true(n > 0);
        have += (uint64_t)n;
        line_nap();
    }
    assert_true(have < N);
    line_expect_zeros(fd, N - have);
    assert_int_equal(timed_out(ls), 0);
    close(fd);
    line_service_stop(ls);
}

/* ---- workers ---- */

static void idle_and_half_said_connections_hold_no_worker(void **state)
{
    enum { N = 1000 };
    static int fds[N];
    struct line_service *ls = start_with(line_config());
    int fd;

    (void)state;
    for (int i = 0; i < N; i++) {
        fds[i] = line_connect(net_server_addr(ls->server));
        if (i % 2 == 0)
            line_send(fds[i], "echo ");
    }
    WAIT_UNTIL(is_open(ls) == N);
    fd = line_connect(net_server_addr(ls->server));
    line_send(fd, "echo through\n");
    line_expect(fd, "through\n");
    for (int i = 0; i < N; i += 2) {
        line_send(fds[i], "late\n");
        line_expect(fds[i], "late\n");
    }
    for (int i = 0; i < N; i++)
        close(fds[i]);
    close(fd);
    line_service_stop(ls);
}

static void slow_readers_hold_no_worker(void **state)
{
    struct net_server_config cfg = line_config();
    char path[] = "/tmp/p2pdi-test-XXXXXX";
    int slow[4], fd;

    (void)state;
    cfg.workers = 1;

    struct line_service *ls = start_with(cfg);

    ls->file_fd = mkstemp(path);
    assert_true(ls->file_fd >= 0);
    unlink(path);
    ls->file_len = 50000000;
    assert_int_equal(ftruncate(ls->file_fd, (off_t)ls->file_len), 0);
    for (int i = 0; i < 4; i++) {
        slow[i] = line_connect_narrow(net_server_addr(ls->server));
        line_send(slow[i], i % 2 == 0 ? "file\n" : "echo zeros\nzeros 50000000\n");
        line_expect(slow[i], i % 2 == 0 ? "file:" : "zeros\n");
    }
    fd = line_connect(net_server_addr(ls->server));
    line_send(fd, "echo through\n");
    line_expect(fd, "through\n");
    line_expect_zeros(slow[0], 50000000);
    line_expect(slow[0], "\n");
    for (int i = 0; i < 4; i++)
        close(slow[i]);
    close(fd);
    close(ls->file_fd);
    line_service_stop(ls);
}

/* One worker, held until two wait for it: one that wants half a second of its time, and one behind. */
static void slow_answers_to_one_are_no_long_wait_for_another(void **state)
{
    enum { SLOW = 50 };
    struct net_server_config cfg = line_config();
    char text[SLOW * 5 + 1] = "";
    int held, slow, behind;

    (void)state;
    cfg.workers = 1;

    struct line_service *ls = start_with(cfg);

    for (size_t i = 0; i < SLOW; i++)
        memcpy(text + 5 * i, "slow\n", 6);
    held = line_connect(net_server_addr(ls->server));
    line_send(held, "hold\n");
    line_service_wait_holding(ls, 1);
    slow = line_connect(net_server_addr(ls->server));
    line_send(slow, text);
    WAIT_UNTIL(STATS_GET(&ls->stats, bytes_received_total) == 5 + SLOW * 5);
    behind = line_connect(net_server_addr(ls->server));
    line_send(behind, "slows\n");
    WAIT_UNTIL(STATS_GET(&ls->stats, bytes_received_total) == 5 + SLOW * 5 + 6);
    line_service_let_go(ls);
    line_expect(behind, "1\n");
    line_expect(slow, text); /* it is answered by the same words */
    close(held);
    close(slow);
    close(behind);
    line_service_stop(ls);
}

/* Who asks without end and reads nothing: the server stops reading, so that sending blocks. */
static void who_does_not_read_is_not_read_from(void **state)
{
    static char requests[65536];
    struct line_service *ls = start_with(line_config());
    int fd = line_connect_narrow(net_server_addr(ls->server));
    uint64_t sent = 0;
    int stalled = 0;

    (void)state;
    for (size_t i = 0; i < sizeof(requests); i += 16)
        memcpy(requests + i, "zeros 100000   \n", 16);
    while (stalled < 100 && sent < UINT64_C(100000000)) {
        ssize_t n = send(fd, requests, sizeof(requests), MSG_DONTWAIT | MSG_NOSIGNAL);

        if (n > 0) {
            sent += (uint64_t)n;
            stalled = 0;
        } else {
            stalled++;
            line_nap();
        }
    }
    assert_int_equal(stalled, 100);
    close(fd);
    line_service_stop(ls);
}

static void a_full_queue_answers_busy(void **state)
{
    struct net_server_config cfg = line_config();
    int held, queued, refused;

    (void)state;
    cfg.workers = 1;
    cfg.queue_max = 1;

    struct line_service *ls = start_with(cfg);

    held = line_connect(net_server_addr(ls->server));
    line_send(held, "hold\n");
    line_service_wait_holding(ls, 1);
    queued = line_connect(net_server_addr(ls->server));
    line_send(queued, "echo patience\n");
    WAIT_UNTIL(STATS_GET(&ls->stats, bytes_received_total) == 5 + 14);
    refused = line_connect(net_server_addr(ls->server));
    line_send(refused, "echo now\n");
    line_expect(refused, "busy\n");
    line_expect_end(refused, false);
    assert_int_equal(STATS_GET(&ls->stats, jobs_rejected_total), 1);
    line_service_let_go(ls);
    line_expect(held, "held\n");
    line_expect(queued, "patience\n");
    close(held);
    close(queued);
    close(refused);
    line_service_stop(ls);
}

/* ---- too many connections ---- */

static void beyond_the_cap_the_answer_is_busy(void **state)
{
    struct net_server_config cfg = line_config();
    int fds[3], fd;

    (void)state;
    cfg.connections_max = 3;

    struct line_service *ls = start_with(cfg);

    for (int i = 0; i < 3; i++) {
        fds[i] = line_connect(net_server_addr(ls->server));
        line_send(fds[i], "echo in\n");
        line_expect(fds[i], "in\n");
    }
    fd = line_connect(net_server_addr(ls->server));
    line_expect(fd, "busy\n");
    line_expect_end(fd, true);
    close(fd);
    assert_int_equal(STATS_GET(&ls->stats, connections_refused_total), 1);
    close(fds[0]);
    WAIT_UNTIL(is_open(ls) == 2);
    fd = line_connect(net_server_addr(ls->server));
    line_send(fd, "echo in again\n");
    line_expect(fd, "in again\n");
    close(fd);
    close(fds[1]);
    close(fds[2]);
    line_service_stop(ls);
}

/* Its form decides how it is refused. */
static void what_is_refused_beyond_the_cap_is_looked_at_if_it_is_there(void **state)
{
    struct net_server_config cfg = line_config();

    (void)state;
    cfg.connections_max = 1;

    struct line_service *ls = start_with(cfg);
    int in = line_connect(net_server_addr(ls->server));

    /* Its first line: that is looked at by who accepts. A later one may be by a worker. */
    line_send(in, "stall\n");
    line_service_wait_holding(ls, 1);

    int fd = line_connect(net_server_addr(ls->server));

    line_send(fd, "name it is ");
    line_service_let_go(ls);
    line_expect(fd, "it is busy\n");
    line_expect_end(fd, true);
    close(fd);
    close(in);
    line_service_stop(ls);
}

/* The server runs in a process of its own, which has few descriptors left once it runs: it knows
 * of no limit, as when something else in the process takes them. */
static void serve_with_few_descriptors(int port_out, int stop_in, int paused_out)
{
    struct net_server_config cfg = line_config();
    struct rlimit limit;
    int64_t paused;
    char byte;

    cfg.connections_max = 1000;

    struct line_service *ls = start_with(cfg);

    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        _exit(2);
    limit.rlim_cur = line_count_fds() + 8;
    if (setrlimit(RLIMIT_NOFILE, &limit) != 0)
        _exit(2);
    (void)!write(port_out, &net_server_addr(ls->server)->port, sizeof(uint16_t));
    (void)!read(stop_in, &byte, 1);
    paused = STATS_GET(&ls->stats, accept_paused_total);
    line_service_stop(ls);
    (void)!write(paused_out, &paused, sizeof(paused));
    exit(0); /* not _exit: leaks are looked for, and coverage kept */
}

static void without_descriptors_it_pauses_and_comes_back(void **state)
{
    enum { N = 40 };
    int port[2], stop[2], paused[2], fds[N], status;
    struct addr to = addr_ipv4(127, 0, 0, 1, 0);
    int64_t times = 0;
    pid_t child;

    (void)state;
    assert_int_equal(pipe(port) | pipe(stop) | pipe(paused), 0);
    fflush(NULL);
    child = fork();
    assert_true(child >= 0);
    if (child == 0)
        serve_with_few_descriptors(port[1], stop[0], paused[1]);
    assert_int_equal(read(port[0], &to.port, sizeof(to.port)), sizeof(to.port));
    for (int i = 0; i < N; i++)
        fds[i] = line_connect(&to);
    /* Those that found a place are served, the last is told that there is none. */
    line_send(fds[0], "echo in\n");
    line_expect(fds[0], "in\n");
    line_expect(fds[N - 1], "busy\n");
    for (int i = 0; i < N; i++)
        close(fds[i]);
    /* While the server still learns who is gone it may say that it is busy. */
    WAIT_UNTIL(line_gets_an_answer(&to));
    assert_int_equal(write(stop[1], "", 1), 1);
    assert_int_equal(read(paused[0], &times, sizeof(times)), sizeof(times));
    assert_true(times > 0);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    for (int i = 0; i < 2; i++) {
        close(port[i]);
        close(stop[i]);
        close(paused[i]);
    }
}

static void no_descriptor_stays_behind(void **state)
{
    unsigned before = line_count_fds();

    (void)state;
    for (int round = 0; round < 3; round++) {
        struct line_service *ls = start_with(line_config());

        for (int i = 0; i < 200; i++) {
            int fd = line_connect(net_server_addr(ls->server));

            line_send(fd, i % 3 == 0 ? "!\n" : i % 3 == 1 ? "close a\n" : "echo a\n");
            line_expect(fd, i % 3 == 0 ? "bad\n" : "a\n");
            close(fd);
        }
        WAIT_UNTIL(is_open(ls) == 0);
        line_service_stop(ls);
    }
    assert_int_equal(line_count_fds(), before);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(half_a_line_gets_a_timeout_answer),
        cmocka_unit_test(a_trickled_line_gets_a_timeout_answer),
        cmocka_unit_test(an_idle_connection_is_closed_without_a_word),
        cmocka_unit_test(a_body_that_stays_away_ends_the_connection),
        cmocka_unit_test(a_parked_connection_has_no_deadline),
        cmocka_unit_test(a_parked_connection_may_be_half_closed),
        cmocka_unit_test(who_takes_nothing_is_closed),
        cmocka_unit_test(who_takes_enough_is_not),
        cmocka_unit_test(idle_and_half_said_connections_hold_no_worker),
        cmocka_unit_test(slow_readers_hold_no_worker),
        cmocka_unit_test(slow_answers_to_one_are_no_long_wait_for_another),
        cmocka_unit_test(who_does_not_read_is_not_read_from),
        cmocka_unit_test(a_full_queue_answers_busy),
        cmocka_unit_test(beyond_the_cap_the_answer_is_busy),
        cmocka_unit_test(what_is_refused_beyond_the_cap_is_looked_at_if_it_is_there),
        cmocka_unit_test(without_descriptors_it_pauses_and_comes_back),
        cmocka_unit_test(no_descriptor_stays_behind),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
