/* Client connections: deadlines, wake-ups, ends, and what the errors are called. */
#include "p2pdi/base/clock.h"
#include "p2pdi/base/thread.h"
#include "p2pdi/net/stream.h"

#include <netdb.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

/* ld: -Wl,--wrap=getaddrinfo */

int __real_getaddrinfo(const char *node, const char *service, const struct addrinfo *hints,
                       struct addrinfo **res);
int __wrap_getaddrinfo(const char *node, const char *service, const struct addrinfo *hints,
                       struct addrinfo **res);

static bool resolver_knows_nothing;

int __wrap_getaddrinfo(const char *node, const char *service, const struct addrinfo *hints,
                       struct addrinfo **res)
{
    return resolver_knows_nothing ? EAI_AGAIN : __real_getaddrinfo(node, service, hints, res);
}

#define SOON (clock_mono_us() + 20 * CLOCK_US_PER_MS)
#define LATE (clock_mono_us() + 10 * CLOCK_US_PER_S)

/* A listening socket on 127.0.0.1. */
static int listen_somewhere(struct addr *at, int backlog)
{
    struct sockaddr_in in = {.sin_family = AF_INET};
    socklen_t len = sizeof(in);
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&in, sizeof(in)), 0);
    assert_int_equal(listen(fd, backlog), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&in, &len), 0);
    *at = addr_ipv4(127, 0, 0, 1, ntohs(in.sin_port));
    return fd;
}

struct pair {
    int listener, peer;
    struct net_waker *waker;
    struct net_stream *stream;
};

static int connect_pair(void **state)
{
    struct pair *p = calloc(1, sizeof(*p));
    struct addr to;

    assert_non_null(p);
    signal(SIGPIPE, SIG_IGN);
    p->listener = listen_somewhere(&to, 8);
    assert_int_equal(net_waker_new(&p->waker), DI_OK);
    assert_int_equal(net_stream_open(&to, LATE, p->waker, &p->stream), DI_OK);
    assert_true(addr_equal(net_stream_remote(p->stream), &to));
    p->peer = accept(p->listener, NULL, NULL);
    assert_true(p->peer >= 0);
    *state = p;
    return 0;
}

static int close_pair(void **state)
{
    struct pair *p = *state;

    net_stream_close(p->stream);
    net_waker_free(p->waker);
    if (p->peer >= 0)
        close(p->peer);
    close(p->listener);
    free(p);
    return 0;
}

static void close_peer(struct pair *p)
{
    close(p->peer);
    p->peer = -1;
}

static void bytes_go_both_ways(void **state)
{
    struct pair *p = *state;
    char got[16];
    size_t n;

    assert_int_equal(net_stream_send(p->stream, "hello", 5, LATE), DI_OK);
    assert_int_equal(recv(p->peer, got, sizeof(got), MSG_WAITALL | MSG_DONTWAIT), 5);
    assert_memory_equal(got, "hello", 5);
    assert_int_equal(send(p->peer, "you", 3, 0), 3);
    assert_int_equal(net_stream_recv(p->stream, got, sizeof(got), &n, LATE), DI_OK);
    assert_int_equal(n, 3);
    assert_memory_equal(got, "you", 3);
}

static void what_is_there_is_had_even_when_it_is_late(void **state)
{
    struct pair *p = *state;
    char got[16];
    size_t n;

    assert_int_equal(send(p->peer, "you", 3, 0), 3);
    assert_int_equal(net_stream_recv(p->stream, got, sizeof(got), &n, 0), DI_OK);
    assert_int_equal(n, 3);
}

static void receiving_ends_at_the_deadline(void **state)
{
    struct pair *p = *state;
    int64_t deadline = SOON;
    char got[16];
    size_t n;

    assert_int_equal(net_stream_recv(p->stream, got, sizeof(got), &n, deadline), DI_TIMEOUT);
    assert_int_equal(n, 0);
    assert_true(clock_mono_us() >= deadline);
}

static void sending_ends_at_the_deadline(void **state)
{
    struct pair *p = *state;
    size_t len = 50000000;
    char *much = calloc(1, len);
    int64_t deadline = SOON;

    assert_non_null(much);
    assert_int_equal(net_stream_send(p->stream, much, len, deadline), DI_TIMEOUT);
    assert_true(clock_mono_us() >= deadline);
    free(much);
}

static void the_end_is_told_from_silence(void **state)
{
    struct pair *p = *state;
    char got[16];
    size_t n;

    assert_true(net_stream_is_idle_alive(p->stream));
    assert_int_equal(send(p->peer, "x", 1, 0), 1);
    assert_int_equal(shutdown(p->peer, SHUT_WR), 0);
    assert_int_equal(net_stream_recv(p->stream, got, sizeof(got), &n, LATE), DI_OK);
    assert_int_equal(net_stream_recv(p->stream, got, sizeof(got), &n, LATE), DI_CLOSED);
    assert_false(net_stream_is_idle_alive(p->stream));
}

static void unasked_bytes_make_it_unfit(void **state)
{
    struct pair *p = *state;

    assert_int_equal(send(p->peer, "x", 1, 0), 1);
    assert_false(net_stream_is_idle_alive(p->stream));
}

static void a_reset_is_closed(void **state)
{
    struct pair *p = *state;
    struct linger reset = {.l_onoff = 1};
    char got[16];
    size_t n;

    assert_int_equal(setsockopt(p->peer, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset)), 0);
    close_peer(p);
    assert_int_equal(net_stream_recv(p->stream, got, sizeof(got), &n, LATE), DI_CLOSED);
    assert_int_equal(net_stream_send(p->stream, "x", 1, LATE), DI_CLOSED);
    assert_false(net_stream_is_idle_alive(p->stream));
}

static void wake(void *arg)
{
    net_waker_wake(arg);
}

static void a_wake_up_ends_a_wait(void **state)
{
    struct pair *p = *state;
    struct thread t;
    char got[16];
    size_t n;

    assert_int_equal(thread_start(&t, "waker", wake, p->waker), DI_OK);
    assert_int_equal(net_stream_recv(p->stream, got, sizeof(got), &n, LATE), DI_CANCELLED);
    thread_join(&t);
    /* It stays so, for all calls, until reset. */
    assert_int_equal(net_stream_send(p->stream, "x", 1, LATE), DI_CANCELLED);
    net_waker_reset(p->waker);
    assert_int_equal(net_stream_send(p->stream, "x", 1, LATE), DI_OK);
    assert_int_equal(net_stream_recv(p->stream, got, sizeof(got), &n, SOON), DI_TIMEOUT);
}

static void a_waker_that_is_set_lets_nobody_connect(void **state)
{
    struct pair *p = *state;
    struct net_stream *s;

    net_waker_wake(p->waker);
    assert_int_equal(net_stream_open(net_stream_remote(p->stream), LATE, p->waker, &s),
                     DI_CANCELLED);
    assert_null(s);
}

static void nobody_there_is_refused(void **state)
{
    struct addr to;
    struct net_stream *s;

    (void)state;
    close(listen_somewhere(&to, 1));
    assert_int_equal(net_stream_open(&to, LATE, NULL, &s), DI_REFUSED);
    assert_null(s);
}

/* A full backlog drops what comes: the connection is neither made nor refused. */
static void connecting_ends_at_the_deadline(void **state)
{
    struct addr to;
    struct net_stream *kept[16] = {NULL};
    int listener = listen_somewhere(&to, 0);
    enum di_err err = DI_OK;
    size_t n = 0;

    (void)state;
    while (err == DI_OK && n < 16)
        err = net_stream_open(&to, SOON, NULL, &kept[n++]);
    assert_int_equal(err, DI_TIMEOUT);
    for (size_t i = 0; i < 16; i++)
        net_stream_close(kept[i]);
    close(listener);
}

static void numbers_resolve_without_asking(void **state)
{
    struct addr a[4];
    struct addr want = addr_ipv4(192, 0, 2, 7, 4000);
    size_t n;

    (void)state;
    assert_int_equal(net_resolve("192.0.2.7", 4000, a, 4, &n), DI_OK);
    assert_int_equal(n, 1);
    assert_true(addr_equal(&a[0], &want));
    assert_int_equal(net_resolve("2001:db8::7", 4000, a, 4, &n), DI_OK);
    assert_int_equal(n, 1);
    assert_int_equal(a[0].port, 4000);
    assert_false(addr_is_ipv4(&a[0]));
}

static void localhost_is_a_loopback_address(void **state)
{
    struct addr a[4];
    size_t n;

    (void)state;
    assert_int_equal(net_resolve("localhost", 4000, a, 4, &n), DI_OK);
    assert_in_range(n, 1, 4);
    for (size_t i = 0; i < n; i++) {
        assert_true(addr_is_loopback(&a[i]));
        assert_int_equal(a[i].port, 4000);
    }
    assert_int_equal(net_resolve("localhost", 4000, a, 1, &n), DI_OK);
    assert_int_equal(n, 1);
}

/* As in a container that was given no table of hosts. */
static void localhost_is_known_where_the_resolver_knows_nothing(void **state)
{
    struct addr a[4];
    struct addr want = addr_ipv4(127, 0, 0, 1, 4000);
    size_t n;

    (void)state;
    resolver_knows_nothing = true;
    assert_int_equal(net_resolve("LocalHost", 4000, a, 4, &n), DI_OK);
    assert_int_equal(n, 1);
    assert_true(addr_equal(&a[0], &want));
    assert_int_equal(net_resolve("localhost.example", 4000, a, 4, &n), DI_UNREACHABLE);
    assert_int_equal(n, 0);
    resolver_knows_nothing = false;
}

/* Without a name server in reach nobody can tell that there is no such name. */
static void a_name_that_cannot_be_is_not_found(void **state)
{
    struct addr a;
    size_t n = 9;
    enum di_err err = net_resolve("not a name", 4000, &a, 1, &n);

    (void)state;
    assert_true(err == DI_NOT_FOUND || err == DI_UNREACHABLE);
    assert_int_equal(n, 0);
}

int main(void)
{
#define ON_A_PAIR(f) cmocka_unit_test_setup_teardown(f, connect_pair, close_pair)
    const struct CMUnitTest tests[] = {
        ON_A_PAIR(bytes_go_both_ways),
        ON_A_PAIR(what_is_there_is_had_even_when_it_is_late),
        ON_A_PAIR(receiving_ends_at_the_deadline),
        ON_A_PAIR(sending_ends_at_the_deadline),
        ON_A_PAIR(the_end_is_told_from_silence),
        ON_A_PAIR(unasked_bytes_make_it_unfit),
        ON_A_PAIR(a_reset_is_closed),
        ON_A_PAIR(a_wake_up_ends_a_wait),
        ON_A_PAIR(a_waker_that_is_set_lets_nobody_connect),
        cmocka_unit_test(nobody_there_is_refused),
        cmocka_unit_test(connecting_ends_at_the_deadline),
        cmocka_unit_test(numbers_resolve_without_asking),
        cmocka_unit_test(localhost_is_a_loopback_address),
        cmocka_unit_test(localhost_is_known_where_the_resolver_knows_nothing),
        cmocka_unit_test(a_name_that_cannot_be_is_not_found),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
