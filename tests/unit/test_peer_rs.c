/* A peer and its registration server: registering, renewing, coming back, the peer list, and cancelling. */
/* ld: -Wl,--wrap=downloads_set_company */
#include "peer_world.h"

#include "p2pdi/base/clock.h"
#include "p2pdi/sched/sched.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* By what number the scheduler was told last that others know this peer. */
static _Atomic(uint32_t) company_self;

struct downloads;
void __real_downloads_set_company(struct downloads *d, const struct sched_company *company);
void __wrap_downloads_set_company(struct downloads *d, const struct sched_company *company);

void __wrap_downloads_set_company(struct downloads *d, const struct sched_company *company)
{
    company_self = company->self;
    __real_downloads_set_company(d, company);
}

static uint32_t peer_id(struct node *n)
{
    struct peer_status s;
    peer_status(n->peer, &s);
    return s.peer_id;
}

/* The RS again at the same port; with lost records if dir is another one. */
static void restart_rs(bool lost)
{
    char why[256];
    char dir[256];
    help_make_dir(dir, "rs-new");
    rs_stop(world.rs);
    struct rs_config cfg = {
        .listen = world.rs_addr, .state = lost ? dir : world.rs_dir, .workers = 2};
    if (rs_start(&cfg, &world.rs, why) != DI_OK)
        fail_msg("rs: %s", why);
}

static void registered_peer_has_an_id_and_a_ttl(void **state)
{
    (void)state;
    struct node a;
    struct seen ev;
    struct peer_status s;
    node_init(&a, "a");
    node_start(&a, &world);
    assert_false(peer_is_registered(a.peer));
    assert_int_equal(peer_keepalive(a.peer, WORLD_WAIT_US), DI_NOT_FOUND);
    assert_int_equal(peer_register(a.peer, WORLD_WAIT_US), DI_OK);
    assert_true(peer_is_registered(a.peer));
    assert_int_equal(node_seen(&a, PEER_EV_REGISTERED, 0, &ev), 1);
    assert_int_equal(ev.ev.ttl_s, 7200);
    peer_status(a.peer, &s);
    assert_int_equal(s.peer_id, ev.ev.peer_id);
    assert_true(s.ttl_s > 7000);
    assert_int_equal(peer_keepalive(a.peer, WORLD_WAIT_US), DI_OK);
    assert_int_equal(peer_leave(a.peer, WORLD_WAIT_US), DI_OK);
    assert_false(peer_is_registered(a.peer));
    assert_int_equal(node_seen(&a, PEER_EV_LEFT, 0, NULL), 1);
    node_fini(&a);
}

static void cookie_is_kept_and_never_shown(void **state)
{
    (void)state;
    struct node a;
    uint64_t cookie = 0;
    char digits[32];
    node_init(&a, "a");
    node_start(&a, &world);
    assert_int_equal(peer_register(a.peer, WORLD_WAIT_US), DI_OK);
    uint32_t id = peer_id(&a);
    assert_int_equal(state_cookie_load(&a.state, &cookie), DI_OK);
    node_stop(&a);
    node_start(&a, &world);
    assert_int_equal(peer_register(a.peer, WORLD_WAIT_US), DI_OK);
    assert_int_equal(peer_id(&a), id);
    snprintf(digits, sizeof(digits), "%ju", (uintmax_t)cookie);
    assert_non_null(memmem(buf_bytes(&a.trace), a.trace.len, "Cookie: ****", 12));
    assert_null(memmem(buf_bytes(&a.trace), a.trace.len, digits, strlen(digits)));
    node_fini(&a);
}

/* Those who begin together share by lots: all must know each other by the same numbers. */
static void lots_are_drawn_by_the_number_that_others_know_us_by(void **state)
{
    (void)state;
    struct node a, b;
    node_init(&a, "a");
    node_init(&b, "b");
    node_start(&a, &world);
    node_start(&b, &world);
    assert_int_equal(peer_register(a.peer, WORLD_WAIT_US), DI_OK);
    assert_int_equal(peer_pquery(b.peer, WORLD_WAIT_US), DI_OK);
    assert_int_equal(peer_register(b.peer, WORLD_WAIT_US), DI_OK);
    assert_int_equal(company_self, peer_id(&b));
    node_fini(&b);
    node_fini(&a);
}

static void stopping_leaves(void **state)
{
    (void)state;
    struct node a, b;
    struct seen ev;
    node_init(&a, "a");
    node_init(&b, "b");
    node_start(&a, &world);
    node_start(&b, &world);
    assert_int_equal(peer_register(a.peer, WORLD_WAIT_US), DI_OK);
    assert_int_equal(peer_register(b.peer, WORLD_WAIT_US), DI_OK);
    assert_int_equal(peer_pquery(b.peer, WORLD_WAIT_US), DI_OK);
    assert_int_equal(node_seen(&b, PEER_EV_PEERS, 0, &ev), 1);
    assert_int_equal(ev.ev.count, 1);
    node_stop(&a);
    assert_int_equal(node_seen(&a, PEER_EV_LEFT, 0, NULL), 1);
    assert_int_equal(peer_pquery(b.peer, WORLD_WAIT_US), DI_OK);
    assert_int_equal(node_seen(&b, PEER_EV_PEERS, 0, &ev), 2);
    assert_int_equal(ev.ev.count, 0);
    node_fini(&b);
    node_fini(&a);
}

static bool take_row(void *arg, const struct wire_peer_row *row)
{
    *(struct wire_peer_row *)arg = *row;
    return true;
}

static void peer_list_resolves_ids_and_addresses(void **state)
{
    (void)state;
    struct node a, b;
    struct wire_peer_row row = {0};
    struct addr found;
    char word[ADDR_TEXT_SIZE];
    node_init(&a, "a");
    node_init(&b, "b");
    node_start(&a, &world);
    node_start(&b, &world);
    assert_int_equal(peer_register(a.peer, WORLD_WAIT_US), DI_OK);
    assert_int_equal(peer_wait_peers(b.peer, 1, WORLD_WAIT_US), DI_OK);
    peer_walk_peers(b.peer, take_row, &row);
    assert_true(addr_equal(&row.addr, peer_addr(a.peer)));
    snprintf(word, sizeof(word), "%u", row.peer);
    assert_int_equal(peer_resolve(b.peer, slice_of(word), &found), DI_OK);
    assert_true(addr_equal(&found, peer_addr(a.peer)));
    assert_int_equal(peer_resolve(b.peer, SLICE("4711"), &found), DI_NOT_FOUND);
    assert_int_equal(peer_resolve(b.peer, SLICE("x:1"), &found), DI_NOT_FOUND);
    addr_format(peer_addr(a.peer), word);
    assert_int_equal(peer_resolve(b.peer, slice_of(word), &found), DI_OK);
    assert_true(addr_equal(&found, peer_addr(a.peer)));
    node_fini(&b);
    node_fini(&a);
}

static void own_row_is_never_listed(void **state)
{
    (void)state;
    struct node a;
    struct seen ev;
    node_init(&a, "a");
    node_start(&a, &world);
    assert_int_equal(peer_register(a.peer, WORLD_WAIT_US), DI_OK);
    assert_int_equal(peer_pquery(a.peer, WORLD_WAIT_US), DI_OK);
    assert_int_equal(node_seen(&a, PEER_EV_PEERS, 0, &ev), 1);
    assert_int_equal(ev.ev.count, 0);
    node_fini(&a);
}

static void rs_that_lost_its_records_is_told_again(void **state)
{
    (void)state;
    struct node a, b;
    node_init(&a, "a");
    node_init(&b, "b");
    node_start(&a, &world);
    node_start(&b, &world);
    assert_int_equal(peer_register(a.peer, WORLD_WAIT_US), DI_OK);
    assert_int_equal(peer_register(b.peer, WORLD_WAIT_US), DI_OK);
    restart_rs(false);
    assert_int_equal(peer_wait_peers(b.peer, 1, WORLD_WAIT_US), DI_OK);
    assert_int_equal(node_seen(&a, PEER_EV_REGISTERED, 0, NULL), 1);
    restart_rs(true);
    assert_int_equal(peer_keepalive(a.peer, WORLD_WAIT_US), DI_OK);
    assert_int_equal(node_seen(&a, PEER_EV_REGISTERED, 0, NULL), 2);
    /* The other one finds out by asking for the list. */
    assert_int_equal(peer_pquery(b.peer, WORLD_WAIT_US), DI_OK);
    assert_int_equal(node_seen(&b, PEER_EV_REGISTERED, 0, NULL), 2);
    assert_int_equal(peer_wait_peers(b.peer, 1, WORLD_WAIT_US), DI_OK);
    node_fini(&b);
    node_fini(&a);
}

/* What an earlier run of a peer sent, and comes only now. */
static void say_late(struct node *n, const char *method, const char *fields)
{
    uint64_t cookie = 0;
    char request[200];
    size_t len = 0;
    assert_int_equal(state_cookie_load(&n->state, &cookie), DI_OK);
    snprintf(request, sizeof(request),
             "%s P2P-DI/1.0\r\nCookie: %ju\r\n%sConnection: close\r\n\r\n", method,
             (uintmax_t)cookie, fields);
    char *answer = raw_exchange(&world.rs_addr, request, &len);
    assert_memory_equal(answer, "P2P-DI/1.0 200", 14);
    free(answer);
}

static void assert_listed_where_it_listens(struct node *n, struct node *other)
{
    struct wire_peer_row row = {0};
    assert_int_equal(peer_wait_peers(other->peer, 1, WORLD_WAIT_US), DI_OK);
    assert_int_equal(peer_pquery(other->peer, WORLD_WAIT_US), DI_OK);
    peer_walk_peers(other->peer, take_row, &row);
    assert_true(addr_equal(&row.addr, peer_addr(n->peer)));
}

static void a_late_register_of_an_earlier_run_is_put_right_by_a_keep_alive(void **state)
{
    (void)state;
    struct node a, b;
    node_init(&a, "a");
    node_init(&b, "b");
    node_start(&a, &world);
    node_start(&b, &world);
    assert_int_equal(peer_register(a.peer, WORLD_WAIT_US), DI_OK);
    say_late(&a, "REGISTER", "Port: 1024\r\n");
    assert_int_equal(peer_keepalive(a.peer, WORLD_WAIT_US), DI_OK);
    assert_int_equal(node_seen(&a, PEER_EV_REGISTERED, 0, NULL), 2);
    assert_listed_where_it_listens(&a, &b);
    say_late(&a, "LEAVE", "Port: 1024\r\n"); /* of the same run */
    assert_int_equal(peer_keepalive(a.peer, WORLD_WAIT_US), DI_OK);
    assert_int_equal(node_seen(&a, PEER_EV_REGISTERED, 0, NULL), 2);
    node_fini(&b);
    node_fini(&a);
}

static void a_late_leave_is_put_right_by_the_next_query(void **state)
{
    (void)state;
    struct node a, b;
    node_init(&a, "a");
    node_init(&b, "b");
    node_start(&a, &world);
    node_start(&b, &world);
    assert_int_equal(peer_register(a.peer, WORLD_WAIT_US), DI_OK);
    say_late(&a, "LEAVE", "");
    assert_int_equal(peer_pquery(a.peer, WORLD_WAIT_US), DI_OK);
    node_wait(&a, PEER_EV_REGISTERED, 0, 2);
    assert_listed_where_it_listens(&a, &b);
    node_fini(&b);
    node_fini(&a);
}

static void rs_that_is_not_there_is_an_error_and_tried_again(void **state)
{
    (void)state;
    struct node a;
    struct seen ev;
    char why[256];
    node_init(&a, "a");
    node_start(&a, &world);
    rs_stop(world.rs);
    assert_int_equal(peer_register(a.peer, WORLD_WAIT_US), DI_REFUSED);
    assert_int_equal(node_seen(&a, PEER_EV_ERROR, 0, &ev), 1);
    assert_non_null(strstr(ev.why, "connection refused"));
    struct peer_range r = {1, 1};
    struct peer_get what = {.ranges = &r, .count = 1};
    struct peer_result result;
    assert_int_equal(peer_get(a.peer, &what, &result), DI_REFUSED);
    assert_int_equal(node_seen(&a, PEER_EV_COMPLETE, 0, NULL), 1);
    struct rs_config cfg = {.listen = world.rs_addr, .state = world.rs_dir, .workers = 2};
    assert_int_equal(rs_start(&cfg, &world.rs, why), DI_OK);
    node_wait(&a, PEER_EV_REGISTERED, 0, 1);
    node_fini(&a);
}

static void waiting_ends_at_its_time(void **state)
{
    (void)state;
    struct node a;
    node_init(&a, "a");
    node_start(&a, &world);
    assert_int_equal(peer_wait_peers(a.peer, 1, 50 * CLOCK_US_PER_MS), DI_TIMEOUT);
    assert_int_equal(peer_wait_rfcs(a.peer, 1, 50 * CLOCK_US_PER_MS), DI_TIMEOUT);
    assert_int_equal(peer_wait_peers(a.peer, 0, 0), DI_OK);
    node_fini(&a);
}

/* ---- cancelling ------------------------------------------------------------------------------ */

struct waiting {
    struct node *node;
    enum di_err (*wait)(struct node *n);
    enum di_err err;
};

static enum di_err wait_get(struct node *n)
{
    struct peer_range r = {85, 85};
    struct peer_get what = {.ranges = &r, .count = 1};
    struct peer_result result;
    return peer_get(n->peer, &what, &result);
}

static enum di_err wait_peers(struct node *n)
{
    return peer_wait_peers(n->peer, 9, -1);
}

static enum di_err wait_rfcs(struct node *n)
{
    return peer_wait_rfcs(n->peer, 9, -1);
}

static void wait_on_thread(void *arg)
{
    struct waiting *w = arg;
    w->err = w->wait(w->node);
}

static void cancelling_ends_all_waiting(void **state)
{
    (void)state;
    struct node a;
    struct fake stalls;
    struct waiting waits[] = {
        {&a, wait_get, DI_OK}, {&a, wait_peers, DI_OK}, {&a, wait_rfcs, DI_OK}};
    struct thread threads[3] = {0};
    node_init(&a, "a");
    fake_start(&stalls, &world, FAKE_STALLS, 85, 1, 50000);
    stalls.bytes = 1000;
    node_start(&a, &world);
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(thread_start(&threads[i], "wait", wait_on_thread, &waits[i]), DI_OK);
    node_wait(&a, PEER_EV_START, 85, 1);
    int64_t before_us = clock_mono_us();
    peer_cancel(a.peer);
    for (size_t i = 0; i < 3; i++) {
        thread_join(&threads[i]);
        assert_int_equal(waits[i].err, DI_CANCELLED);
    }
    node_stop(&a);
    assert_true(clock_mono_us() - before_us < 5 * CLOCK_US_PER_S);
    node_fini(&a);
    fake_stop(&stalls);
}

/* A server of one connection at a time, by hand: port is set, the descriptor returned. */
static int listen_by_hand(struct addr *at)
{
    struct sockaddr_in sa = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(sa);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&sa, len), 0);
    assert_int_equal(listen(fd, 8), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&sa, &len), 0);
    *at = addr_ipv4(127, 0, 0, 1, ntohs(sa.sin_port));
    return fd;
}

/* Accepts, reads one head, which holds these words. */
static int take_request(int listening, const char *method, const char *field)
{
    char head[2000];
    size_t len = 0;
    int fd = accept4(listening, NULL, NULL, SOCK_CLOEXEC);
    assert_true(fd >= 0);
    do {
        ssize_t n = recv(fd, head + len, sizeof(head) - 1 - len, 0);
        assert_true(n > 0);
        len += (size_t)n;
        head[len] = '\0';
    } while (strstr(head, "\r\n\r\n") == NULL);
    assert_memory_equal(head, method, strlen(method));
    assert_non_null(strstr(head, field));
    return fd;
}

static void answer_by_hand(int fd, const char *text)
{
    assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
    assert_int_equal(close(fd), 0);
}

static enum di_err do_register(struct node *n)
{
    return peer_register(n->peer, WORLD_WAIT_US);
}

static enum di_err do_stop(struct node *n)
{
    node_stop(n);
    return DI_OK;
}

/* A peer whose server is this test: the socket that it listens on. */
static int start_by_hand(struct node *n)
{
    struct world by_hand = {0};
    int listening = listen_by_hand(&by_hand.rs_addr);
    node_init(n, "a");
    node_start(n, &by_hand);
    return listening;
}

/* Otherwise its record would stay active at the server, with a cookie that nobody has. */
static void a_register_that_is_under_way_when_cancelled_is_taken_back(void **state)
{
    (void)state;
    struct node a;
    struct thread thread = {0};
    struct waiting registering = {&a, do_register, DI_OK}, stopping = {&a, do_stop, DI_IO};
    int listening = start_by_hand(&a);
    assert_int_equal(thread_start(&thread, "register", wait_on_thread, &registering), DI_OK);
    int fd = take_request(listening, "REGISTER", "Port: ");
    peer_cancel(a.peer);
    answer_by_hand(fd, "P2P-DI/1.0 200 OK\r\nCookie: 4711\r\nPeer: 1\r\nTTL: 7200\r\n"
                       "Reachable: yes\r\nContent-Length: 0\r\n\r\n");
    thread_join(&thread);
    assert_int_equal(registering.err, DI_OK);
    assert_int_equal(thread_start(&thread, "stop", wait_on_thread, &stopping), DI_OK);
    fd = take_request(listening, "LEAVE", "Cookie: 4711\r\n");
    answer_by_hand(fd, "P2P-DI/1.0 200 OK\r\nContent-Length: 0\r\n\r\n");
    thread_join(&thread);
    assert_int_equal(node_seen(&a, PEER_EV_LEFT, 0, NULL), 1);
    assert_int_equal(close(listening), 0);
    node_fini(&a);
}

/* A server that took the REGISTER and never answers. */
static void a_server_that_hangs_does_not_keep_a_peer_from_ending(void **state)
{
    (void)state;
    struct node a;
    struct thread thread = {0};
    struct waiting registering = {&a, do_register, DI_OK};
    int listening = start_by_hand(&a);
    assert_int_equal(thread_start(&thread, "register", wait_on_thread, &registering), DI_OK);
    int fd = take_request(listening, "REGISTER", "Port: ");
    int64_t before_us = clock_mono_us();
    peer_cancel(a.peer);
    thread_join(&thread);
    assert_int_not_equal(registering.err, DI_OK);
    node_stop(&a);
    assert_true(clock_mono_us() - before_us < 5 * CLOCK_US_PER_S); /* PEER_CALL_US is 10 s */
    assert_int_equal(close(fd), 0);
    assert_int_equal(close(listening), 0);
    node_fini(&a);
}

static enum di_err do_keepalive(struct node *n)
{
    return peer_keepalive(n->peer, WORLD_WAIT_US);
}

/* What the server answers to the one request that comes of it. */
static enum di_err do_by_hand(struct node *n, int listening, enum di_err (*doing)(struct node *n),
                              const char *method, const char *answer)
{
    struct thread thread = {0};
    struct waiting waiting = {n, doing, DI_IO};
    assert_int_equal(thread_start(&thread, "doing", wait_on_thread, &waiting), DI_OK);
    answer_by_hand(take_request(listening, method, "Port: "), answer);
    thread_join(&thread);
    return waiting.err;
}

/* It would be renewed again and again without a pause. */
static void a_server_that_grants_no_time_is_no_server(void **state)
{
    (void)state;
    struct node a;
    int listening = start_by_hand(&a);
    assert_int_equal(do_by_hand(&a, listening, do_register, "REGISTER",
                                "P2P-DI/1.0 200 OK\r\nCookie: 4711\r\nPeer: 1\r\nTTL: 0\r\n"
                                "Reachable: yes\r\nContent-Length: 0\r\n\r\n"),
                     DI_PROTOCOL);
    assert_false(peer_is_registered(a.peer));
    assert_int_equal(do_by_hand(&a, listening, do_register, "REGISTER",
                                "P2P-DI/1.0 200 OK\r\nCookie: 4711\r\nPeer: 1\r\nTTL: 7200\r\n"
                                "Reachable: yes\r\nContent-Length: 0\r\n\r\n"),
                     DI_OK);
    assert_int_equal(do_by_hand(&a, listening, do_keepalive, "KEEP-ALIVE",
                                "P2P-DI/1.0 200 OK\r\nTTL: 0\r\nContent-Length: 0\r\n\r\n"),
                     DI_PROTOCOL);
    assert_int_equal(close(listening), 0);
    node_fini(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(registered_peer_has_an_id_and_a_ttl, world_setup,
                                        world_teardown),
        cmocka_unit_test_setup_teardown(cookie_is_kept_and_never_shown, world_setup,
                                        world_teardown),
        cmocka_unit_test_setup_teardown(lots_are_drawn_by_the_number_that_others_know_us_by,
                                        world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(stopping_leaves, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(peer_list_resolves_ids_and_addresses, world_setup,
                                        world_teardown),
        cmocka_unit_test_setup_teardown(own_row_is_never_listed, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(rs_that_lost_its_records_is_told_again, world_setup,
                                        world_teardown),
        cmocka_unit_test_setup_teardown(
            a_late_register_of_an_earlier_run_is_put_right_by_a_keep_alive, world_setup,
            world_teardown),
        cmocka_unit_test_setup_teardown(a_late_leave_is_put_right_by_the_next_query, world_setup,
                                        world_teardown),
        cmocka_unit_test_setup_teardown(rs_that_is_not_there_is_an_error_and_tried_again,
                                        world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(waiting_ends_at_its_time, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(cancelling_ends_all_waiting, world_setup, world_teardown),
        cmocka_unit_test(a_register_that_is_under_way_when_cancelled_is_taken_back),
        cmocka_unit_test(a_server_that_hangs_does_not_keep_a_peer_from_ending),
        cmocka_unit_test(a_server_that_grants_no_time_is_no_server),
    };
    return cmocka_run_group_tests_name("peer_rs", tests, NULL, NULL);
}
