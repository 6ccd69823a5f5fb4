/* What a peer makes of the peer lists that a registration server gives out: whole ones, and what changed. */
#include "canned.h"
#include "peer_world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

static struct canned rs;
static struct node node;

static int start(void **state)
{
    (void)state;
    canned_start(&rs);
    canned_say(&rs, WIRE_REGISTER, REGISTERED, NULL);
    canned_say(&rs, WIRE_LEAVE, OK, NULL);
    world.rs_addr = rs.addr;
    node_init(&node, "a");
    node_start(&node, &world);
    return 0;
}

static int stop(void **state)
{
    (void)state;
    node_fini(&node);
    canned_stop(&rs);
    return 0;
}

/* Rows of peers at 192.0.2.1, where nobody is. */
#define ROW(peer, active, port, registrations)                                                     \
    "192.0.2.1\t" peer "\t" active "\t7200\t" port "\t" registrations                              \
    "\t2026-11-27T12:00:00Z\tyes\n"

static enum di_err ask(const char *head, const char *rows)
{
    static char answer[2][2000];
    static size_t turn;
    /* Two by turns: the one before may be on its way still. */
    char *text = answer[turn++ % 2];

    snprintf(text, sizeof(answer[0]), P "200 OK" E "%s" E "Content-Length: %zu" E E "%s", head,
             strlen(PEERS_HEADER) + strlen(rows), "");
    strcat(text, PEERS_HEADER);
    strcat(text, rows);
    canned_say(&rs, WIRE_PQUERY, text, NULL);
    return peer_pquery(node.peer, WORLD_WAIT_US);
}

#define WHOLE "Index-Version: a.1" E "Active-Peers: 2"
#define CHANGED "Index-Version: a.2" E "Active-Peers: 2" E "Delta: yes"

/* The port of the peer of that number, 0: there is none. */
static unsigned port_of(const char *peer)
{
    struct addr a;

    return peer_resolve(node.peer, slice_of(peer), &a) == DI_OK ? a.port : 0;
}

static size_t count_peers(void)
{
    struct seen ev = {0};

    assert_true(node_seen(&node, PEER_EV_PEERS, 0, &ev) > 0);
    return ev.ev.count;
}

static void a_peer_that_moved_is_at_one_place(void **state)
{
    (void)state;
    assert_int_equal(ask(WHOLE, ROW("5", "1", "4001", "1") ROW("6", "1", "4002", "1")), DI_OK);
    assert_int_equal(count_peers(), 2);
    assert_int_equal(port_of("5"), 4001);
    assert_int_equal(ask(CHANGED, ROW("5", "1", "4005", "2")), DI_OK);
    assert_int_equal(count_peers(), 2);
    assert_int_equal(port_of("5"), 4005);
    assert_int_equal(port_of("6"), 4002);
    /* A place that another one takes over. */
    assert_int_equal(
        ask("Index-Version: a.3" E "Active-Peers: 2" E "Delta: yes", ROW("7", "1", "4002", "1")),
        DI_OK);
    assert_int_equal(count_peers(), 2);
    assert_int_equal(port_of("6"), 0);
    assert_int_equal(port_of("7"), 4002);
}

static void who_left_is_gone_wherever_it_is_said_to_have_been(void **state)
{
    (void)state;
    assert_int_equal(ask(WHOLE, ROW("5", "1", "4001", "1") ROW("6", "1", "4002", "1")), DI_OK);
    assert_int_equal(ask(CHANGED, ROW("5", "0", "4001", "1") ROW("6", "0", "4009", "2")), DI_OK);
    assert_int_equal(count_peers(), 0);
    assert_int_equal(port_of("5"), 0);
    assert_int_equal(port_of("6"), 0);
    /* Once more, and one that was never there: no matter. */
    assert_int_equal(ask(CHANGED, ROW("5", "0", "4001", "1") ROW("9", "0", "4010", "1")), DI_OK);
    assert_int_equal(count_peers(), 0);
}

static void a_whole_list_drops_whom_it_does_not_name(void **state)
{
    (void)state;
    assert_int_equal(ask(WHOLE, ROW("5", "1", "4001", "1") ROW("6", "1", "4002", "1")), DI_OK);
    assert_int_equal(ask("Index-Version: b.1" E "Active-Peers: 1", ROW("6", "1", "4002", "2")),
                     DI_OK);
    assert_int_equal(count_peers(), 1);
    assert_int_equal(port_of("5"), 0);
    assert_int_equal(port_of("6"), 4002);
}

/* Of a crowd only some are named, each time others. */
static void a_sample_drops_nobody_that_was_asked(void **state)
{
#define SAMPLE "Index-Version: a.1" E "Active-Peers: 1000"
    struct canned six; /* hangs up on whoever asks */
    char rows[300];

    (void)state;
    canned_start(&six);
    snprintf(rows, sizeof(rows),
             ROW("5", "1", "4001", "1") "127.0.0.1\t6\t1\t7200\t%u\t1\t2026-11-27T12:00:00Z\tyes\n",
             six.addr.port);
    assert_int_equal(ask(SAMPLE, rows), DI_OK);
    assert_int_equal(count_peers(), 2);
    assert_int_equal(peer_rfcquery(node.peer, &six.addr, WORLD_WAIT_US), DI_CLOSED);
    assert_int_equal(ask(SAMPLE, ROW("7", "1", "4003", "1")), DI_OK);
    assert_int_equal(count_peers(), 2);
    assert_int_equal(port_of("5"), 0);
    assert_int_equal(port_of("6"), six.addr.port);
    assert_int_equal(port_of("7"), 4003);
    canned_stop(&six);
}

static void a_table_that_is_wrong_is_told(void **state)
{
    (void)state;
    assert_int_equal(ask(WHOLE, ROW("5", "1", "4001", "1")), DI_OK);
    assert_int_equal(ask(CHANGED, ROW("6", "1", "4002", "1") ROW("x", "1", "4003", "1")),
                     DI_PROTOCOL);
    assert_int_equal(port_of("5"), 4001);
    /* The next question is for all: what was believed of the wrong one is put right. */
    assert_int_equal(ask(WHOLE, ROW("5", "1", "4001", "1")), DI_OK);
    assert_int_equal(port_of("6"), 0);
}

static void oneself_is_not_among_the_others(void **state)
{
    char row[200];

    (void)state;
    snprintf(row, sizeof(row), "127.0.0.1\t3\t1\t7200\t%u\t1\t2026-11-27T12:00:00Z\tyes\n",
             peer_addr(node.peer)->port);
    assert_int_equal(ask(WHOLE, row), DI_OK);
    assert_int_equal(count_peers(), 0);
}

static void a_cookie_that_is_not_known_any_more_is_replaced(void **state)
{
    (void)state;
    assert_int_equal(peer_register(node.peer, WORLD_WAIT_US), DI_OK);
    canned_say(&rs, WIRE_PQUERY, UNKNOWN, NOBODY);
    assert_int_equal(peer_pquery(node.peer, WORLD_WAIT_US), DI_OK);
    assert_int_equal(rs.asked[WIRE_REGISTER], 2);
    assert_int_equal(rs.asked[WIRE_PQUERY], 2);
    assert_true(peer_is_registered(node.peer));
    /* One that knows no cookie at all is asked twice, not for ever. */
    canned_say(&rs, WIRE_PQUERY, UNKNOWN, NULL);
    assert_int_equal(peer_pquery(node.peer, WORLD_WAIT_US), DI_PROTOCOL);
    assert_int_equal(rs.asked[WIRE_PQUERY], 2);
    /* Nor does it help if registering fails. */
    canned_say(&rs, WIRE_REGISTER, FAILURE, NULL);
    assert_int_equal(peer_pquery(node.peer, WORLD_WAIT_US), DI_REMOTE);
    assert_int_equal(rs.asked[WIRE_PQUERY], 3);
    assert_false(peer_is_registered(node.peer));
}

static void who_left_does_not_register_again_for_a_list(void **state)
{
    (void)state;
    assert_int_equal(peer_register(node.peer, WORLD_WAIT_US), DI_OK);
    assert_int_equal(peer_leave(node.peer, WORLD_WAIT_US), DI_OK);
    canned_say(&rs, WIRE_PQUERY, UNKNOWN, NOBODY);
    assert_int_equal(peer_pquery(node.peer, WORLD_WAIT_US), DI_OK);
    assert_int_equal(rs.asked[WIRE_REGISTER], 1);
    assert_false(peer_is_registered(node.peer));
}

static void words_for_a_peer_are_numbers_or_addresses(void **state)
{
    struct addr a;

    (void)state;
    assert_int_equal(ask(WHOLE, ROW("5", "1", "4001", "1")), DI_OK);
    assert_int_equal(port_of("5"), 4001);
    assert_int_equal(port_of("127.0.0.1:4000"), 4000);
    assert_int_equal(peer_resolve(node.peer, SLICE("127.0.0.1"), &a), DI_NOT_FOUND);
    assert_int_equal(peer_resolve(node.peer, SLICE("127.0.0.1:0"), &a), DI_NOT_FOUND);
    assert_int_equal(peer_resolve(node.peer, SLICE("nobody"), &a), DI_NOT_FOUND);
    assert_int_equal(peer_resolve(node.peer, SLICE("99"), &a), DI_NOT_FOUND);
}

int main(void)
{
#define LIST_TEST(f) cmocka_unit_test_setup_teardown(f, start, stop)
    const struct CMUnitTest tests[] = {
        LIST_TEST(a_peer_that_moved_is_at_one_place),
        LIST_TEST(who_left_is_gone_wherever_it_is_said_to_have_been),
        LIST_TEST(a_whole_list_drops_whom_it_does_not_name),
        LIST_TEST(a_sample_drops_nobody_that_was_asked),
        LIST_TEST(a_table_that_is_wrong_is_told),
        LIST_TEST(oneself_is_not_among_the_others),
        LIST_TEST(a_cookie_that_is_not_known_any_more_is_replaced),
        LIST_TEST(who_left_does_not_register_again_for_a_list),
        LIST_TEST(words_for_a_peer_are_numbers_or_addresses),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
