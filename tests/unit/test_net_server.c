/* The server's behaviour as a client sees it: framing, answers, parking, closing. */
#include "../support/line_service.h"

#include "p2pdi/base/clock.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

static int start(void **state)
{
    struct net_server_config cfg = line_config();

    *state = line_service_start(&cfg);
    return 0;
}

static int stop(void **state)
{
    line_service_stop(*state);
    return 0;
}

static const struct addr *addr_of(void **state)
{
    struct line_service *ls = *state;

    return net_server_addr(ls->server);
}

static void answers_one_request(void **state)
{
    int fd = line_connect(addr_of(state));

    line_send(fd, "echo hello\n");
    line_expect(fd, "hello\n");
    close(fd);
}

static void answers_pipelined_requests_in_order(void **state)
{
    enum { N = 5000 };
    int fd = line_connect(addr_of(state));
    char *all = malloc(N * 16);
    size_t len = 0;

    assert_non_null(all);
    for (int i = 0; i < N; i++)
        len += (size_t)snprintf(all + len, 16, "echo %d\n", i);
    /* The server stops reading while we do not: but this much fits into the buffers between us. */
    line_send_bytes(fd, all, len);
    for (int i = 0; i < N; i++) {
        char want[16];

        snprintf(want, sizeof(want), "%d\n", i);
        line_expect(fd, want);
    }
    free(all);
    close(fd);
}

static void takes_a_request_byte_by_byte(void **state)
{
    static const char text[] = "echo one\necho two\n";
    int fd = line_connect(addr_of(state));

    for (size_t i = 0; i < sizeof(text) - 1; i++)
        line_send_bytes(fd, text + i, 1);
    line_expect(fd, "one\ntwo\n");
    close(fd);
}

static void answers_who_sends_no_more(void **state)
{
    int fd = line_connect(addr_of(state));

    line_send(fd, "echo a\nzeros 3000000\necho b\n");
    shutdown(fd, SHUT_WR);
    line_expect(fd, "a\n");
    line_expect_zeros(fd, 3000000);
    line_expect(fd, "b\n");
    line_expect_end(fd, false);
    close(fd);
}

static void closes_after_the_answer(void **state)
{
    int fd = line_connect(addr_of(state));

    line_send(fd, "close bye\necho unheard\n");
    line_expect(fd, "bye\n");
    line_expect_end(fd, false);
    close(fd);
}

/* What the client sent too much has arrived, but nobody has read it when the server closes. */
static void what_comes_too_late_makes_no_reset(void **state)
{
    struct line_service *ls = *state;
    int fd = line_connect(addr_of(state));

    line_send(fd, "last\n");
    line_service_wait_holding(ls, 1);
    line_send(fd, "echo unheard\n");
    line_service_let_go(ls);
    line_expect(fd, "last\n");
    line_expect_end(fd, false);
    close(fd);
}

static void skips_a_body_and_goes_on(void **state)
{
    static char body[1 << 20];
    int fd = line_connect(addr_of(state));

    memset(body, '!', sizeof(body));
    line_send(fd, "body 1048576\n");
    line_send_bytes(fd, body, sizeof(body));
    line_send(fd, "echo after\nbody 0\nbody 3\n!!!echo end\n");
    line_expect(fd, "ok\nafter\nok\nok\nend\n");
    close(fd);
}

static void refuses_what_is_bad(void **state)
{
    int fd = line_connect(addr_of(state));

    line_send(fd, "echo fine\n!\n");
    line_expect(fd, "fine\nbad\n");
    line_expect_end(fd, false);
    close(fd);
}

static void refuses_an_endless_line(void **state)
{
    static char line[LINE_MAX_BYTES + 1];
    int fd = line_connect(addr_of(state));

    memset(line, 'x', sizeof(line));
    line_send_bytes(fd, line, sizeof(line));
    line_expect(fd, "bad\n");
    line_expect_end(fd, false);
    close(fd);
}

/* All of it is sent before anything is read: a reset would have destroyed the answer by then. */
static void who_sends_a_megabyte_of_garbage_sees_the_answer(void **state)
{
    static char garbage[1 << 20];
    int fd = line_connect(addr_of(state));

    memset(garbage, '!', sizeof(garbage));
    line_send_bytes(fd, garbage, sizeof(garbage));
    line_expect(fd, "bad\n");
    line_expect_end(fd, false);
    close(fd);
}

static void sends_a_file(void **state)
{
    struct line_service *ls = *state;
    char path[] = "/tmp/p2pdi-test-XXXXXX";
    int fd;

    ls->file_fd = mkstemp(path);
    assert_true(ls->file_fd >= 0);
    unlink(path);
    ls->file_len = 20000000;
    assert_int_equal(ftruncate(ls->file_fd, (off_t)ls->file_len), 0);
    fd = line_connect(addr_of(state));
    line_send(fd, "file\necho after\n");
    line_expect(fd, "file:");
    line_expect_zeros(fd, ls->file_len);
    line_expect(fd, "\nafter\n");
    close(fd);
    close(ls->file_fd);
}

static void closes_when_a_file_gets_shorter(void **state)
{
    struct line_service *ls = *state;
    char path[] = "/tmp/p2pdi-test-XXXXXX";
    uint64_t got;
    int fd;

    ls->file_fd = mkstemp(path);
    assert_true(ls->file_fd >= 0);
    unlink(path);
    ls->file_len = 50000000;
    assert_int_equal(ftruncate(ls->file_fd, (off_t)ls->file_len), 0);
    fd = line_connect_narrow(addr_of(state));
    line_send(fd, "file\n");
    line_expect(fd, "file:");
    assert_int_equal(ftruncate(ls->file_fd, 1000), 0);
    got = line_drain(fd);
    assert_true(got < ls->file_len);
    close(fd);
    WAIT_UNTIL(STATS_GET(&ls->stats, connections_open) == 0);
    close(ls->file_fd);
}

static void answers_a_parked_request(void **state)
{
    struct line_service *ls = *state;
    int fd = line_connect(addr_of(state));

    line_send(fd, "echo before\npark\necho behind\n");
    line_service_wait_parked(ls, 1);
    assert_int_equal(STATS_GET(&ls->stats, connections_parked), 1);
    line_service_answer(ls, 0, "answer\n");
    line_expect(fd, "before\nanswer\nbehind\n");
    /* Again on the same connection, with the input coming later. */
    line_send(fd, "park\n");
    line_service_wait_parked(ls, 2);
    line_send(fd, "echo behind\n");
    line_service_answer(ls, 1, "again\n");
    line_expect(fd, "again\nbehind\n");
    close(fd);
}

static void takes_the_answer_before_serve_returned(void **state)
{
    for (int i = 0; i < 200; i++) {
        int fd = line_connect(addr_of(state));

        line_send(fd, "self\n");
        line_expect(fd, "self\n");
        line_expect_end(fd, false);
        close(fd);
    }
}

static void answers_a_parked_request_of_who_sends_no_more(void **state)
{
    struct line_service *ls = *state;
    int fd = line_connect(addr_of(state));

    line_send(fd, "park\n");
    shutdown(fd, SHUT_WR);
    line_service_wait_parked(ls, 1);
    line_service_answer(ls, 0, "answer\n");
    line_expect(fd, "answer\n");
    line_expect_end(fd, false);
    close(fd);
}

static void tells_of_a_parked_client_that_hung_up(void **state)
{
    struct line_service *ls = *state;
    struct linger reset = {.l_onoff = 1};
    int closed = line_connect(addr_of(state));
    int reset_fd = line_connect(addr_of(state));

    line_send(closed, "park\n");
    line_service_wait_parked(ls, 1);
    line_send(reset_fd, "park\n");
    line_service_wait_parked(ls, 2);
    setsockopt(reset_fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
    close(reset_fd);
    line_service_wait_dropped(ls, 1);
    close(closed);
    line_service_wait_dropped(ls, 2);
    /* Dead tokens, whose slots others have taken. */
    int fds[2] = {line_connect(addr_of(state)), line_connect(addr_of(state))};

    for (unsigned i = 0; i < 2; i++) {
        line_send(fds[i], "park\n");
        line_service_wait_parked(ls, 3 + i);
    }
    line_service_answer(ls, 0, "nobody\n");
    line_service_answer(ls, 1, "nobody\n");
    line_service_answer(ls, 2, "somebody\n");
    line_service_answer(ls, 3, "somebody\n");
    for (unsigned i = 0; i < 2; i++) {
        line_expect(fds[i], "somebody\n");
        close(fds[i]);
    }
}

static void a_second_answer_goes_nowhere(void **state)
{
    struct line_service *ls = *state;
    int fd = line_connect(addr_of(state));

    line_send(fd, "park\n");
    line_service_wait_parked(ls, 1);
    line_service_answer(ls, 0, "one\n");
    line_service_answer(ls, 0, "two\n");
    line_expect(fd, "one\n");
    line_service_answer(ls, 0, "two\n");
    line_send(fd, "echo three\npark\n");
    line_expect(fd, "three\n");
    line_service_wait_parked(ls, 2);
    line_service_answer(ls, 1, "four\n");
    line_expect(fd, "four\n");
    close(fd);
}

/* What comes back is counted where the server is freed. */
static void answers_a_parked_request_with_what_is_shared(void **state)
{
    struct line_service *ls = *state;
    int fd = line_connect(addr_of(state));

    line_send(fd, "park\necho behind\n");
    line_service_wait_parked(ls, 1);
    line_service_answer_shared(ls, 0, "head ", "shared\n");
    line_expect(fd, "head shared\nbehind\n");
    line_service_answer_shared(ls, 0, "dead ", "token\n");
    line_send(fd, "park\n");
    line_service_wait_parked(ls, 2);
    close(fd);
    line_service_wait_dropped(ls, 1);
    line_service_answer_shared(ls, 1, "it is ", "gone\n");
}

static void answers_a_thousand_parked_requests_at_once(void **state)
{
    enum { N = 1000 };
    struct line_service *ls = *state;
    static int fds[N];

    for (unsigned i = 0; i < N; i++) {
        fds[i] = line_connect(addr_of(state));
        line_send(fds[i], "park\n");
    }
    line_service_wait_parked(ls, N);
    for (unsigned i = 0; i < N; i++)
        line_service_answer(ls, i, "go\n");
    for (unsigned i = 0; i < N; i++) {
        line_expect(fds[i], "go\n");
        close(fds[i]);
    }
}

static void ticks_when_woken(void **state)
{
    struct line_service *ls = *state;

    net_server_wake(ls->server);
    lock_acquire(&ls->lock);
    while (ls->ticks == 0)
        cond_wait(&ls->changed, &ls->lock);
    lock_release(&ls->lock);
}

static void tells_where_it_listens(void **state)
{
    struct net_server_config cfg = line_config();
    struct addr addr = {.port = 0};

    (void)state;
    cfg.addr = &addr;

    struct line_service *ls = line_service_start(&cfg);

    assert_true(addr_equal(&addr, net_server_addr(ls->server)));
    assert_int_not_equal(addr.port, 0);
    line_service_stop(ls);
}

static void knows_both_ends(void **state)
{
    char want[ADDR_TEXT_SIZE + 1];
    int fd = line_connect(addr_of(state));

    addr_format(addr_of(state), want);
    line_send(fd, "local\n");
    line_expect(fd, want);
    line_expect(fd, "\n");
    close(fd);
}

static void serves_ipv4_and_ipv6_on_one_port(void **state)
{
    struct net_server_config cfg = line_config();
    struct addr a = {.port = 0};
    int probe = socket(AF_INET6, SOCK_STREAM, 0);

    (void)state;
    if (probe < 0) {
        print_message("no IPv6 here\n");
        skip();
    }
    close(probe);
    memset(cfg.listen.ip, 0, sizeof(cfg.listen.ip));

    struct line_service *ls = line_service_start(&cfg);
    struct addr v4 = addr_ipv4(127, 0, 0, 1, net_server_addr(ls->server)->port);
    int fd = line_connect(&v4);

    line_send(fd, "echo four\nlocal\n");
    line_expect(fd, "four\n127.0.0.1:");
    close(fd);
    a.port = v4.port;
    a.ip[15] = 1;
    fd = line_connect(&a);
    line_send(fd, "echo six\nlocal\n");
    line_expect(fd, "six\n[::1]:");
    close(fd);
    line_service_stop(ls);
}

static void says_why_it_cannot_listen(void **state)
{
    struct net_server_config cfg = line_config();
    struct net_server *server;
    struct net_service service = {0};
    struct stats_counters stats = {0};
    char why[160] = "";

    cfg.listen = *addr_of(state);
    assert_int_equal(net_server_start(&cfg, &service, NULL, &stats, &server, why), DI_IN_USE);
    assert_non_null(strstr(why, "127.0.0.1:"));
    assert_non_null(strstr(why, "in use"));
    assert_null(server);
}

int main(void)
{
#define ON_A_SERVER(f) cmocka_unit_test_setup_teardown(f, start, stop)
    const struct CMUnitTest tests[] = {
        ON_A_SERVER(answers_one_request),
        ON_A_SERVER(answers_pipelined_requests_in_order),
        ON_A_SERVER(takes_a_request_byte_by_byte),
        ON_A_SERVER(answers_who_sends_no_more),
        ON_A_SERVER(closes_after_the_answer),
        ON_A_SERVER(what_comes_too_late_makes_no_reset),
        ON_A_SERVER(skips_a_body_and_goes_on),
        ON_A_SERVER(refuses_what_is_bad),
        ON_A_SERVER(refuses_an_endless_line),
        ON_A_SERVER(who_sends_a_megabyte_of_garbage_sees_the_answer),
        ON_A_SERVER(sends_a_file),
        ON_A_SERVER(closes_when_a_file_gets_shorter),
        ON_A_SERVER(answers_a_parked_request),
        ON_A_SERVER(takes_the_answer_before_serve_returned),
        ON_A_SERVER(answers_a_parked_request_of_who_sends_no_more),
        ON_A_SERVER(tells_of_a_parked_client_that_hung_up),
        ON_A_SERVER(a_second_answer_goes_nowhere),
        ON_A_SERVER(answers_a_parked_request_with_what_is_shared),
        ON_A_SERVER(answers_a_thousand_parked_requests_at_once),
        ON_A_SERVER(ticks_when_woken),
        cmocka_unit_test(tells_where_it_listens),
        ON_A_SERVER(knows_both_ends),
        cmocka_unit_test(serves_ipv4_and_ipv6_on_one_port),
        ON_A_SERVER(says_why_it_cannot_listen),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
