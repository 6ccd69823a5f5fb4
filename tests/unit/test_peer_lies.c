/* Peers that are silent, and indexes that lie: neither may keep a peer from what honest ones have. */
#include "canned.h"
#include "peer_world.h"

#include "p2pdi/base/clock.h"
#include "p2pdi/base/coding.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define SIZE 60000
#define SILENT 80
/* Some fifty are asked at a time, and a second is enough for one that says nothing. */
#define SILENT_US (9 * CLOCK_US_PER_S)
#define INDEX_HEADER "RFC\tTitle\tHostname\tPort\tTTL\tSize\tSHA-256\n"

/* ---- silence --------------------------------------------------------------------------------- */

/* Registers a port on which whoever asks is accepted by the kernel and hears nothing. */
static int register_silent(void)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(at);
    char request[100];
    size_t got = 0;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof(at)), 0);
    assert_int_equal(listen(fd, 64), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &len), 0);
    snprintf(request, sizeof(request),
             "REGISTER P2P-DI/1.0\r\nPort: %u\r\nConnection: close\r\n\r\n", ntohs(at.sin_port));

    char *answer = raw_exchange(&world.rs_addr, request, &got);

    assert_non_null(strstr(answer, " 200 "));
    free(answer);
    return fd;
}

/* One holder of 500, and so many who say nothing before it. */
static void among_the_silent(void (*attempt)(struct node *n))
{
    struct fake holder;
    struct node n;
    int fds[SILENT];

    for (size_t i = 0; i < SILENT; i++)
        fds[i] = register_silent();
    fake_start(&holder, &world, FAKE_HONEST, 500, 5, SIZE);
    node_init(&n, "n");
    node_start(&n, &world);
    attempt(&n);
    assert_true(node_holds(&n, 500, 5, SIZE));
    node_fini(&n);
    fake_stop(&holder);
    for (size_t i = 0; i < SILENT; i++)
        assert_int_equal(close(fds[i]), 0);
}

static void get_one(struct node *n)
{
    int64_t start_us = clock_mono_us();

    assert_int_equal(node_get(n, 500, NULL).done, 1);
    assert_in_range(clock_mono_us() - start_us, 0, SILENT_US);
}

static void silent_peers_do_not_take_the_time_of_one_that_answers(void **state)
{
    (void)state;
    among_the_silent(get_one);
}

static void get_all(struct node *n)
{
    struct peer_result r = node_get_all(n);

    assert_int_equal(r.done, 1);
    assert_int_equal(r.failed, 0);
    assert_true(r.unheard);
}

static void everything_is_had_of_one_that_answers_among_the_silent(void **state)
{
    (void)state;
    among_the_silent(get_all);
}

/* ---- lies ------------------------------------------------------------------------------------ */

static void append_row(struct buf *out, uint32_t rfc, const struct addr *holder, uint64_t size)
{
    buf_printf(out, "%" PRIu32 "\tT\t127.0.0.1\t%u\t7200\t%" PRIu64 "\t%064x\n", rfc,
               (unsigned)holder->port, size, (unsigned)rfc);
}

/* An answer with that table as it is; its bytes are the caller's. */
static void say_index(struct canned *c, struct buf *answer, const struct buf *table)
{
    buf_init(answer, (size_t)1 << 26);
    buf_printf(answer, P "200 OK" E "Index-Version: b.1" E "Content-Length: %zu" E E, table->len);
    buf_append(answer, buf_bytes(table), table->len);
    canned_say_bytes(c, WIRE_GET_INDEX, buf_bytes(answer), answer->len);
}

static void nothing_of_a_table_is_believed_that_is_wrong_at_its_end(void **state)
{
    struct canned liar;
    struct buf table, answer;
    struct node n;

    (void)state;
    canned_start(&liar);
    buf_init(&table, (size_t)1 << 20);
    buf_append_str(&table, INDEX_HEADER);
    for (uint32_t rfc = 1; rfc <= 1000; rfc++)
        append_row(&table, rfc, &liar.addr, SIZE);
    buf_append_str(&table, "1001\tT\n");
    say_index(&liar, &answer, &table);
    node_init(&n, "n");
    node_start(&n, &world);
    assert_int_equal(peer_rfcquery(n.peer, &liar.addr, WORLD_WAIT_US), DI_PROTOCOL);
    assert_int_equal(node_get(&n, 5, &liar.addr).failed, 1);
    assert_int_equal(liar.asked[WIRE_GET_RFC], 0);
    node_fini(&n);
    canned_stop(&liar);
    buf_fini(&table);
    buf_fini(&answer);
}

static void a_table_that_a_few_bytes_stand_for_is_none(void **state)
{
    struct canned liar;
    struct buf table, frame, answer;
    struct node n;

    (void)state;
    canned_start(&liar);
    buf_init(&table, (size_t)1 << 24);
    buf_init(&frame, (size_t)1 << 24);
    buf_init(&answer, (size_t)1 << 24);
    buf_append_str(&table, INDEX_HEADER);
    while (table.len < (size_t)8 << 20)
        append_row(&table, 5, &liar.addr, SIZE);
    assert_int_equal(coding_encode(CODING_ZSTD, 3, buf_bytes(&table), table.len, &frame), DI_OK);
    assert_in_range(frame.len, 1, table.len / 200);
    buf_printf(&answer,
               P "200 OK" E "Index-Version: b.1" E "Content-Encoding: zstd" E
                 "Content-Length: %zu" E E,
               frame.len);
    buf_append(&answer, buf_bytes(&frame), frame.len);
    canned_say_bytes(&liar, WIRE_GET_INDEX, buf_bytes(&answer), answer.len);
    node_init(&n, "n");
    node_start(&n, &world);
    assert_int_equal(peer_rfcquery(n.peer, &liar.addr, WORLD_WAIT_US), DI_PROTOCOL);
    node_fini(&n);
    canned_stop(&liar);
    buf_fini(&table);
    buf_fini(&frame);
    buf_fini(&answer);
}

/* The holder is busy as long as another one says of it that it has something else. */
static void what_others_say_of_a_holder_does_not_count_against_its_own_word(void **state)
{
    struct fake holder;
    struct canned liar;
    struct buf table, answer;
    struct node n;
    struct seen index;

    (void)state;
    node_init(&n, "n");
    fake_start(&holder, &world, FAKE_BUSY, 500, 5, SIZE);
    canned_start(&liar);
    buf_init(&table, (size_t)1 << 20);
    buf_append_str(&table, INDEX_HEADER);
    append_row(&table, 500, &holder.addr, SIZE);
    say_index(&liar, &answer, &table);
    node_start(&n, &world);
    assert_int_equal(peer_sync(n.peer), DI_OK);

    int64_t deadline_us = clock_mono_us() + WORLD_WAIT_US;

    while (holder.document_requests == 0 && clock_mono_us() < deadline_us)
        (void)poll(NULL, 0, 5);
    assert_int_equal(peer_rfcquery(n.peer, &liar.addr, WORLD_WAIT_US), DI_OK);
    assert_int_equal(node_seen(&n, PEER_EV_INDEX, 0, &index), 1);
    assert_int_equal(index.ev.entries, 1);
    holder.manner = FAKE_HONEST;
    node_wait(&n, PEER_EV_DONE, 500, 1);
    assert_int_equal(node_seen(&n, PEER_EV_FAILED, 0, NULL), 0);
    assert_true(node_holds(&n, 500, 5, SIZE));
    node_fini(&n);
    fake_stop(&holder);
    canned_stop(&liar);
    buf_fini(&table);
    buf_fini(&answer);
}

int main(void)
{
#define LIES_TEST(f) cmocka_unit_test_setup_teardown(f, world_setup, world_teardown)
    const struct CMUnitTest tests[] = {
        LIES_TEST(silent_peers_do_not_take_the_time_of_one_that_answers),
        LIES_TEST(everything_is_had_of_one_that_answers_among_the_silent),
        LIES_TEST(nothing_of_a_table_is_believed_that_is_wrong_at_its_end),
        LIES_TEST(a_table_that_a_few_bytes_stand_for_is_none),
        LIES_TEST(what_others_say_of_a_holder_does_not_count_against_its_own_word),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
