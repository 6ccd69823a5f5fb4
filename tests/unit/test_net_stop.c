/* How the server stops: what is under way ends first, for as long as the grace lasts; also under load. */
#include "../support/line_service.h"

#include "p2pdi/base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

static void stopping_lets_jobs_end_and_answers_flush(void **state)
{
    struct net_server_config cfg = line_config();

    (void)state;
    cfg.workers = 1;

    struct line_service *ls = line_service_start(&cfg);
    int held = line_connect(net_server_addr(ls->server));
    int reader = line_connect_narrow(net_server_addr(ls->server));
    int idle = line_connect(net_server_addr(ls->server));
    int parked = line_connect(net_server_addr(ls->server));
    struct thread stopper;

    line_send(parked, "park\n");
    line_service_wait_parked(ls, 1);
    line_send(reader, "zeros 10000000\n");
    line_expect_zeros(reader, 1);
    line_send(held, "hold\n");
    line_service_wait_holding(ls, 1);
    line_service_stop_in_thread(ls, &stopper);
    /* Idle ones go at once, before the job has ended. */
    line_expect_end(idle, false);
    line_service_let_go(ls);
    line_expect(held, "held\n");
    line_expect_end(held, false);
    line_expect_zeros(reader, 9999999);
    line_expect_end(reader, false);
    line_expect_end(parked, false);
    thread_join(&stopper);
    assert_int_equal(ls->dropped, 1);
    line_service_free(ls);
    close(held);
    close(reader);
    close(idle);
    close(parked);
}

static void stopping_does_not_wait_beyond_the_grace(void **state)
{
    struct net_server_config cfg = line_config();
    struct line_service *ls = line_service_start(&cfg);
    int fd = line_connect_narrow(net_server_addr(ls->server));
    int64_t start_us;

    (void)state;
    line_send(fd, "zeros 50000000\n");
    line_expect_zeros(fd, 1);
    start_us = clock_mono_us();
    net_server_stop(ls->server, 50 * CLOCK_US_PER_MS);
    assert_in_range(clock_mono_us() - start_us, 50 * CLOCK_US_PER_MS, 5 * CLOCK_US_PER_S);
    line_service_free(ls);
    close(fd);
}

struct hammer {
    struct thread thread;
    struct addr to;
    _Atomic(bool) *enough;
};

static void hammer(void *arg)
{
    struct hammer *h = arg;

    while (!atomic_load(h->enough)) {
        int fd = line_try_connect(&h->to);
        char got[64];

        for (int i = 0; fd >= 0 && i < 20; i++) {
            const char *request = i % 4 == 3 ? "park\n" : "echo a\nzeros 1000\necho b\n";

            if (send(fd, request, strlen(request), MSG_NOSIGNAL) <= 0 ||
                recv(fd, got, sizeof(got), 0) <= 0)
                break;
        }
        if (fd >= 0)
            close(fd);
    }
}

static void answer_all(void *arg)
{
    struct line_service *ls = arg;
    unsigned next = 0;

    while (!atomic_load(&ls->no_more_answers)) {
        lock_acquire(&ls->lock);
        unsigned parked = ls->parked;

        lock_release(&ls->lock);
        for (; next < parked; next++)
            line_service_answer(ls, next % TOKENS_MAX, "answer\n");
        line_nap();
    }
}

static void stops_under_load(void **state)
{
    enum { CLIENTS = 8 };

    (void)state;
    for (int round = 0; round < 10; round++) {
        _Atomic(bool) enough = false;
        struct net_server_config cfg = line_config();
        struct line_service *ls = line_service_start(&cfg);
        struct hammer h[CLIENTS];
        struct thread answerer;

        assert_int_equal(thread_start(&answerer, "answerer", answer_all, ls), DI_OK);
        for (int i = 0; i < CLIENTS; i++) {
            h[i].to = *net_server_addr(ls->server);
            h[i].enough = &enough;
            assert_int_equal(thread_start(&h[i].thread, "client", hammer, &h[i]), DI_OK);
        }
        WAIT_UNTIL(STATS_GET(&ls->stats, requests_total) > 200 * (round + 1));
        net_server_stop(ls->server, 20 * CLOCK_US_PER_MS);
        atomic_store(&enough, true);
        atomic_store(&ls->no_more_answers, true);
        for (int i = 0; i < CLIENTS; i++)
            thread_join(&h[i].thread);
        thread_join(&answerer);
        line_service_free(ls);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(stopping_lets_jobs_end_and_answers_flush),
        cmocka_unit_test(stopping_does_not_wait_beyond_the_grace),
        cmocka_unit_test(stops_under_load),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
