/* What a peer makes of odd answers: of a registration server, and of holders. */
#include "canned.h"
#include "peer_world.h"

#include "p2pdi/base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

static struct canned rs, holder;
static struct node node;

static int start(void **state)
{
    (void)state;
    canned_start(&rs);
    canned_start(&holder);
    canned_say(&rs, WIRE_REGISTER, REGISTERED, NULL);
    canned_say(&rs, WIRE_LEAVE, OK, NULL);
    canned_say(&rs, WIRE_PQUERY, NOBODY, NULL);
    world.rs_addr = rs.addr;
    node_init(&node, "a");
    node_start(&node, &world);
    return 0;
}

static int stop(void **state)
{
    (void)state;
    node_fini(&node);
    canned_stop(&holder);
    canned_stop(&rs);
    return 0;
}

static enum di_err enrol(void)
{
    return peer_register(node.peer, WORLD_WAIT_US);
}

static struct peer_status status(void)
{
    struct peer_status s;
    peer_status(node.peer, &s);
    return s;
}

/* ---- the registration server ----------------------------------------------------------------- */

static void a_busy_server_is_asked_again_when_it_says(void **state)
{
    (void)state;
    canned_say(&rs, WIRE_REGISTER, P "503 Service Unavailable" E "Retry-After: 2" E E, REGISTERED);
    int64_t begin_us = clock_mono_us();
    assert_int_equal(enrol(), DI_OK);
    assert_true(clock_mono_us() - begin_us >= 2 * CLOCK_US_PER_S);
    assert_int_equal(rs.asked[WIRE_REGISTER], 2);
    /* Not before the patience ends: then it is told at once. */
    canned_say(&rs, WIRE_KEEP_ALIVE, P "429 Too Many Requests" E "Retry-After: 3600" E E, NULL);
    begin_us = clock_mono_us();
    assert_int_equal(peer_keepalive(node.peer, WORLD_WAIT_US), DI_BUSY);
    assert_true(clock_mono_us() - begin_us < WORLD_WAIT_US);
    assert_int_equal(rs.asked[WIRE_KEEP_ALIVE], 1);
}

static void a_busy_server_that_names_no_time_is_asked_after_a_second(void **state)
{
    static const char *const busy[] = {P "503 Service Unavailable" E E,
                                       P "503 Service Unavailable" E "Retry-After: 0" E E};
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        canned_say(&rs, WIRE_REGISTER, busy[i], REGISTERED);
        int64_t begin_us = clock_mono_us();
        assert_int_equal(enrol(), DI_OK);
        assert_true(clock_mono_us() - begin_us >= CLOCK_US_PER_S);
    }
}

/* ---- a server that has lost its records ---- */

/* It knows us no more and cannot take us yet: the next try comes by itself, and soon. */
static void who_is_not_known_any_more_tries_until_it_is(void **state)
{
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        canned_say(&rs, WIRE_REGISTER, REGISTERED, NULL);
        assert_int_equal(enrol(), DI_OK);
        canned_say(&rs, WIRE_REGISTER, FAILURE, REGISTERED);
        canned_say(&rs, WIRE_PQUERY, UNKNOWN, NOBODY);
        canned_say(&rs, WIRE_KEEP_ALIVE, i == 1 ? UNKNOWN : P "404 Not Found" E E, NULL);
        if (i == 0)
            assert_int_equal(peer_pquery(node.peer, WORLD_WAIT_US), DI_OK); /* without a cookie */
        else
            assert_int_not_equal(peer_keepalive(node.peer, WORLD_WAIT_US), DI_OK);
        canned_wait(&rs, WIRE_REGISTER, 2);
        while (!peer_is_registered(node.peer))
            clock_nap();
    }
}

static enum di_err asked, kept;

static void ask_aside(void *arg)
{
    (void)arg;
    asked = peer_pquery(node.peer, WORLD_WAIT_US);
}

static void keep_aside(void *arg)
{
    (void)arg;
    kept = peer_keepalive(node.peer, WORLD_WAIT_US);
}

/* An answer that comes late does not undo what the user wants meanwhile. */
static void who_has_left_is_not_registered_again(void **state)
{
    struct thread keeper = {0}, asker = {0};
    (void)state;
    assert_int_equal(enrol(), DI_OK);
    canned_say(&rs, WIRE_REGISTER, REGISTERED, NULL);
    canned_say(&rs, WIRE_PQUERY, UNKNOWN, NOBODY);
    /* It is its turn for a second, so that the others have to wait. */
    canned_say(&rs, WIRE_KEEP_ALIVE, P "503 Service Unavailable" E "Retry-After: 1" E E, OK);
    assert_int_equal(thread_start(&keeper, "keep", keep_aside, NULL), DI_OK);
    canned_wait(&rs, WIRE_KEEP_ALIVE, 1);
    assert_int_equal(thread_start(&asker, "ask", ask_aside, NULL), DI_OK);
    canned_wait(&rs, WIRE_PQUERY, 1);
    while (peer_is_registered(node.peer))
        clock_nap();
    assert_int_equal(peer_leave(node.peer, WORLD_WAIT_US), DI_OK);
    thread_join(&asker);
    thread_join(&keeper);
    assert_int_equal(rs.asked[WIRE_REGISTER], 0);
    assert_false(peer_is_registered(node.peer));
}

/* ---- several who want something of it at once ---- */

static enum di_err enrolled;

static void enrol_aside(void *arg)
{
    (void)arg;
    enrolled = enrol();
}

/* Somebody registers, and the server is busy for that long. */
static void start_enrolling(struct thread *t, const char *busy)
{
    canned_say(&rs, WIRE_REGISTER, busy, REGISTERED);
    assert_int_equal(thread_start(t, "enrol", enrol_aside, NULL), DI_OK);
    canned_wait(&rs, WIRE_REGISTER, 1);
}

static void a_get_takes_the_registration_that_another_one_brought(void **state)
{
    struct thread other = {0};
    (void)state;
    start_enrolling(&other, P "503 Service Unavailable" E "Retry-After: 1" E E);
    assert_int_equal(node_get(&node, 8609, NULL).nobody, 1);
    assert_true(peer_is_registered(node.peer));
    assert_int_equal(node_seen(&node, PEER_EV_ERROR, 0, NULL), 0);
    thread_join(&other);
    assert_int_equal(enrolled, DI_OK);
    assert_int_equal(rs.asked[WIRE_REGISTER], 2);
}

static void who_cannot_have_its_turn_gives_up_in_time(void **state)
{
    struct thread other = {0};
    (void)state;
    start_enrolling(&other, P "503 Service Unavailable" E "Retry-After: 20" E E);
    assert_int_equal(peer_leave(node.peer, 1000), DI_TIMEOUT);
    assert_int_equal(peer_register(node.peer, 1000), DI_TIMEOUT);
    assert_int_equal(rs.asked[WIRE_LEAVE], 0);
    assert_int_equal(rs.asked[WIRE_REGISTER], 1);
    /* The end does not wait for a server that asks for patience. */
    int64_t begin_us = clock_mono_us();
    peer_cancel(node.peer);
    assert_int_equal(peer_register(node.peer, WORLD_WAIT_US), DI_CANCELLED);
    thread_join(&other);
    assert_int_equal(enrolled, DI_CANCELLED);
    assert_true(clock_mono_us() - begin_us < 15 * CLOCK_US_PER_S);
}

static void what_is_no_registration_is_not_taken_for_one(void **state)
{
    static const char *const answers[] = {
        OK,
        P "200 OK" E "Cookie: 76" E "TTL: 7200" E E,
        P "200 OK" E "Cookie: 76" E "Peer: 3" E E,
        P "200 OK" E "Peer: 3" E "TTL: 7200" E E,
        P "404 Not Found" E E,
        UNKNOWN,
        "HTTP/1.1 200 OK" E E,
        "SSH-2.0-OpenSSH_9.2" E E,
        P "200 OK" E "Content-Length: 1" E "Content-Length: 1" E E,
        P "200 OK" E "Content-Length: 99999999999" E E,
    };
    struct seen ev;
    (void)state;
    for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
        canned_say(&rs, WIRE_REGISTER, answers[i], NULL);
        if (enrol() != DI_PROTOCOL)
            fail_msg("believed: %s", answers[i]);
        assert_false(peer_is_registered(node.peer));
        assert_int_equal(node_seen(&node, PEER_EV_ERROR, 0, &ev), i + 1);
        assert_non_null(strstr(ev.what, "registering failed"));
    }
    canned_say(&rs, WIRE_REGISTER, NULL, NULL);
    assert_int_equal(enrol(), DI_CLOSED);
}

static void what_the_server_found_of_reachability_is_kept(void **state)
{
    (void)state;
    canned_say(&rs, WIRE_REGISTER,
               P "200 OK" E "Cookie: 76" E "Peer: 3" E "TTL: 7200" E "Reachable: no" E E,
               P "200 OK" E "Cookie: 76" E "Peer: 3" E "TTL: 7200" E "Reachable: yes" E E);
    assert_int_equal(enrol(), DI_OK);
    assert_int_equal(status().reachable, WIRE_REACHABLE_NO);
    assert_int_equal(enrol(), DI_OK);
    assert_int_equal(status().reachable, WIRE_REACHABLE_YES);
}

static void an_unknown_cookie_is_given_up_once(void **state)
{
    uint64_t cookie = 0;
    (void)state;
    assert_int_equal(enrol(), DI_OK);
    canned_say(&rs, WIRE_REGISTER, UNKNOWN, REGISTERED);
    assert_int_equal(enrol(), DI_OK);
    assert_int_equal(rs.asked[WIRE_REGISTER], 2);
    assert_int_equal(state_cookie_load(&node.state, &cookie), DI_OK);
    canned_say(&rs, WIRE_REGISTER, UNKNOWN, NULL);
    assert_int_equal(enrol(), DI_PROTOCOL);
    assert_int_equal(rs.asked[WIRE_REGISTER], 2);
    assert_int_equal(state_cookie_load(&node.state, &cookie), DI_NOT_FOUND);
}

static void keeping_alive_registers_again_where_that_is_needed(void **state)
{
    (void)state;
    assert_int_equal(enrol(), DI_OK);
    canned_say(&rs, WIRE_KEEP_ALIVE, P "200 OK" E "TTL: 600" E E, OK);
    assert_int_equal(peer_keepalive(node.peer, WORLD_WAIT_US), DI_OK);
    assert_in_range(status().ttl_s, 500, 600);
    assert_int_equal(peer_keepalive(node.peer, WORLD_WAIT_US), DI_OK);
    assert_in_range(status().ttl_s, 7100, 7200); /* it need not say */
    canned_say(&rs, WIRE_REGISTER, REGISTERED, NULL);
    canned_say(&rs, WIRE_KEEP_ALIVE, P "404 Not Found" E E, UNKNOWN);
    assert_int_equal(peer_keepalive(node.peer, WORLD_WAIT_US), DI_OK);
    assert_int_equal(peer_keepalive(node.peer, WORLD_WAIT_US), DI_OK);
    assert_int_equal(rs.asked[WIRE_REGISTER], 2);
    canned_say(&rs, WIRE_KEEP_ALIVE, FAILURE, NULL);
    assert_int_equal(peer_keepalive(node.peer, WORLD_WAIT_US), DI_REMOTE);
}

static void leaving_is_done_when_the_server_knows_nothing_of_one(void **state)
{
    (void)state;
    assert_int_equal(enrol(), DI_OK);
    canned_say(&rs, WIRE_LEAVE, FAILURE, UNKNOWN);
    assert_int_equal(peer_leave(node.peer, WORLD_WAIT_US), DI_REMOTE);
    assert_true(peer_is_registered(node.peer));
    assert_int_equal(peer_leave(node.peer, WORLD_WAIT_US), DI_OK);
    assert_false(peer_is_registered(node.peer));
}

static void a_peer_list_is_believed_or_not(void **state)
{
    static const struct {
        const char *answer;
        enum di_err err;
    } cases[] = {
        {NOBODY, DI_OK},
        {P "204 No Active Peers" E "Active-Peers: 0" E E, DI_PROTOCOL},
        {P "204 No Active Peers" E "Index-Version: "
           "a.12345678901234567890123456789012345678901234567890123456789012345678901234567890" E E,
         DI_PROTOCOL},
        {P "200 OK" E "Index-Version: a.2" E "Active-Peers: 1" E "Content-Length: 5" E E "hello",
         DI_PROTOCOL},
        {P "200 OK" E "Index-Version: a.2" E "Active-Peers: 0" E
           "Content-Length: 70" E E PEERS_HEADER,
         DI_OK},
        {P "304 Not Modified" E "Index-Version: a.2" E E, DI_OK},
        {P "404 Not Found" E E, DI_PROTOCOL},
        {FAILURE, DI_REMOTE},
    };
    (void)state;
    assert_int_equal(sizeof(PEERS_HEADER) - 1, 70);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        canned_say(&rs, WIRE_PQUERY, cases[i].answer, NULL);
        if (peer_pquery(node.peer, WORLD_WAIT_US) != cases[i].err)
            fail_msg("not as expected: %s", cases[i].answer);
    }
}

/* ---- a holder -------------------------------------------------------------------------------- */

#define SHA "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define OTHER "fedcba9876543210fedcba9876543210fedcba9876543210fedcba9876543210"
#define HAS P "200 OK" E "SHA-256: " SHA E

#define INDEX_HEADER "RFC\tTitle\tHostname\tPort\tTTL\tSize\tSHA-256\n"

/* RFC 8609 of 5 bytes. */
static void offer(const char *sha)
{
    static char index[400];
    char fresh[400], rows[200];
    int n = snprintf(rows, sizeof(rows), INDEX_HEADER "8609\tT\t127.0.0.1\t%u\t7200\t5\t%s\n",
                     holder.addr.port, sha);
    snprintf(fresh, sizeof(fresh),
             P "200 OK" E "Index-Version: b.1" E "Content-Length: %d" E E "%s", n, rows);
    /* The same for all of a holder's life: what it may be sending is not written again. */
    if (strcmp(fresh, index) != 0)
        memcpy(index, fresh, sizeof(index));
    canned_say(&holder, WIRE_GET_INDEX, index, NULL);
}

static void what_a_holder_answers_is_named(void **state)
{
    static const struct {
        const char *answer;
        enum sched_why why;
    } cases[] = {
        {P "404 Not Found" E "Content-Length: 4" E E "not\n", SCHED_NOT_FOUND},
        {P "409 Conflict" E E, SCHED_CHANGED},
        {P "416 Range Not Satisfiable" E E, SCHED_CHANGED},
        {P "200 OK" E "SHA-256: " OTHER E "Content-Length: 5" E E "hello", SCHED_CHANGED},
        {FAILURE, SCHED_PROTOCOL},
        {P "200 OK" E "Content-Length: 5" E E "hello", SCHED_PROTOCOL},
        {HAS E, SCHED_PROTOCOL},
        {HAS "Content-Length: 6" E E "hello!", SCHED_PROTOCOL},
        {HAS "Content-Length: 5" E "Content-Encoding: gzip" E E "hello", SCHED_PROTOCOL},
        {P "206 Partial Content" E "SHA-256: " SHA E "Content-Range: bytes 1-4/5" E
           "Content-Length: 4" E E "ello",
         SCHED_PROTOCOL},
        {P "206 Partial Content" E "SHA-256: " SHA E "Content-Range: bytes 0-4/6" E
           "Content-Length: 5" E E "hello",
         SCHED_PROTOCOL},
        {P "206 Partial Content" E "SHA-256: " SHA E "Content-Range: bytes 0-3/5" E
           "Content-Length: 4" E E "hell",
         SCHED_PROTOCOL},
        {P "206 Partial Content" E "SHA-256: " SHA E "Content-Length: 5" E E "hello",
         SCHED_PROTOCOL},
        {P "206 Partial Content" E "SHA-256: " SHA E "Content-Range: bytes 0-4/5" E
           "Content-Length: 5" E "Content-Encoding: zstd" E E "hello",
         SCHED_PROTOCOL},
        {HAS "Content-Length: 99999" E "Content-Encoding: zstd" E E "hello", SCHED_PROTOCOL},
        {HAS "Content-Length: 5" E "Content-Encoding: zstd" E E "hello", SCHED_PROTOCOL},
        {P "404 Not Found" E "Content-Length: 99999" E E "not", SCHED_NOT_FOUND},
        {"nothing of ours" E E, SCHED_PROTOCOL},
        {NULL, SCHED_CLOSED},
        {HAS "Content-Length: 5" E E "hello", SCHED_MISMATCH},
    };
    (void)state;
    offer(SHA);
    assert_int_equal(enrol(), DI_OK);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct seen ev;
        canned_say(&holder, WIRE_GET_RFC, cases[i].answer, NULL);
        struct peer_result result = node_get(&node, 8609, &holder.addr);
        assert_int_equal(result.done, 0);
        assert_int_equal(result.failed, 1);
        assert_int_equal(node_seen(&node, PEER_EV_FAILED, 8609, &ev), i + 1);
        assert_int_equal(ev.ev.count, 1);
        if (ev.tried[0].why != cases[i].why)
            fail_msg("%s: %s", cases[i].answer == NULL ? "closed" : cases[i].answer,
                     sched_why_text(ev.tried[0].why));
        assert_int_equal(result.mismatch, cases[i].why == SCHED_MISMATCH);
    }
}

static void who_refuses_for_now_is_asked_again(void **state)
{
#define HELLO "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"
    static const char *const answers[] = {
        P "503 Service Unavailable" E "Retry-After: 0" E E,
        P "503 Service Unavailable" E E,
        P "429 Too Many Requests" E "Retry-After: 1" E E,
        P "302 Found" E E,
    };
    for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
        offer(HELLO);
        assert_int_equal(enrol(), DI_OK);
        canned_say(&holder, WIRE_GET_RFC, answers[i],
                   P "200 OK" E "SHA-256: " HELLO E "Content-Length: 5" E E "hello");
        if (node_get(&node, 8609, &holder.addr).done != 1)
            fail_msg("not asked again after: %s", answers[i]);
        assert_int_equal(holder.asked[WIRE_GET_RFC], 2);
        (void)stop(state);
        (void)start(state);
    }
}

static void an_index_is_believed_or_not(void **state)
{
    static const struct {
        const char *answer;
        enum di_err err;
    } cases[] = {
        {P "304 Not Modified" E "Index-Version: b.1" E E, DI_PROTOCOL}, /* nothing was known */
        {P "200 OK" E "Content-Length: 3" E E "RFC", DI_PROTOCOL},
        {P "200 OK" E "Content-Length: 3" E "Content-Encoding: zstd" E E "RFC", DI_PROTOCOL},
        {P "200 OK" E "Content-Length: 3" E "Content-Encoding: gzip" E E "RFC", DI_PROTOCOL},
        {P "200 OK" E "Index-Version: b.1" E "Delta: yes" E "Content-Length: 0" E E, DI_PROTOCOL},
        {P "200 OK" E "Index-Version: "
           "b.12345678901234567890123456789012345678901234567890123456789012345678901234567890" E
           "Content-Length: 41" E E INDEX_HEADER,
         DI_PROTOCOL},
        {P "302 Found" E E, DI_BUSY},
        {P "429 Too Many Requests" E E, DI_BUSY},
        {P "503 Service Unavailable" E E, DI_BUSY},
        {P "404 Not Found" E E, DI_PROTOCOL},
        {NULL, DI_CLOSED},
    };
    (void)state;
    assert_int_equal(sizeof(INDEX_HEADER) - 1, 41);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        canned_say(&holder, WIRE_GET_INDEX, cases[i].answer, NULL);
        enum di_err err = peer_rfcquery(node.peer, &holder.addr, WORLD_WAIT_US);
        if (err != cases[i].err)
            fail_msg("%s: %s", cases[i].answer == NULL ? "closed" : cases[i].answer,
                     di_err_text(err));
    }
    offer(SHA);
    assert_int_equal(peer_rfcquery(node.peer, &holder.addr, WORLD_WAIT_US), DI_OK);
}

int main(void)
{
#define ANSWER_TEST(f) cmocka_unit_test_setup_teardown(f, start, stop)
    const struct CMUnitTest tests[] = {
        ANSWER_TEST(a_busy_server_is_asked_again_when_it_says),
        ANSWER_TEST(a_busy_server_that_names_no_time_is_asked_after_a_second),
        ANSWER_TEST(who_is_not_known_any_more_tries_until_it_is),
        ANSWER_TEST(who_has_left_is_not_registered_again),
        ANSWER_TEST(a_get_takes_the_registration_that_another_one_brought),
        ANSWER_TEST(who_cannot_have_its_turn_gives_up_in_time),
        ANSWER_TEST(what_is_no_registration_is_not_taken_for_one),
        ANSWER_TEST(what_the_server_found_of_reachability_is_kept),
        ANSWER_TEST(an_unknown_cookie_is_given_up_once),
        ANSWER_TEST(keeping_alive_registers_again_where_that_is_needed),
        ANSWER_TEST(leaving_is_done_when_the_server_knows_nothing_of_one),
        ANSWER_TEST(a_peer_list_is_believed_or_not),
        ANSWER_TEST(what_a_holder_answers_is_named),
        ANSWER_TEST(who_refuses_for_now_is_asked_again),
        ANSWER_TEST(an_index_is_believed_or_not),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
