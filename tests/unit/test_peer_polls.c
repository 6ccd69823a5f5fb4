/* Long polls of a peer's index: what changed is made once for all who wait for the same. */
/* ld: -Wl,--wrap=wire_index_row_format,--wrap=coding_encode,--wrap=net_server_wake,--wrap=waiters_add */
#include "../../src/peer/internal.h"
#include "peer_world.h"

#include "p2pdi/service/service.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WAITING 60
#define ROWS 200
/* Who comes to wait a moment after the others may be told in a round of his own. */
#define ROUNDS 4

static struct node node;
static _Atomic(size_t) rows_written, bodies_encoded, wakes;
/* The number that is taken out before the next one who waits is entered; 0: none. */
static _Atomic(uint32_t) dropped_before_waiting;

void __real_wire_index_row_format(struct buf *b, const struct wire_index_row *row);
void __wrap_wire_index_row_format(struct buf *b, const struct wire_index_row *row);
enum di_err __real_coding_encode(enum coding c, int level, const void *bytes, size_t len,
                                 struct buf *out);
enum di_err __wrap_coding_encode(enum coding c, int level, const void *bytes, size_t len,
                                 struct buf *out);

void __wrap_wire_index_row_format(struct buf *b, const struct wire_index_row *row)
{
    atomic_fetch_add(&rows_written, 1);
    __real_wire_index_row_format(b, row);
}

enum di_err __wrap_coding_encode(enum coding c, int level, const void *bytes, size_t len,
                                 struct buf *out)
{
    atomic_fetch_add(&bodies_encoded, 1);
    return __real_coding_encode(c, level, bytes, len, out);
}

void __real_net_server_wake(struct net_server *s);
void __wrap_net_server_wake(struct net_server *s);

void __wrap_net_server_wake(struct net_server *s)
{
    atomic_fetch_add(&wakes, 1);
    __real_net_server_wake(s);
}

enum di_err __real_waiters_add(struct waiters *w, struct net_token token, int64_t deadline_us,
                               void *request);
enum di_err __wrap_waiters_add(struct waiters *w, struct net_token token, int64_t deadline_us,
                               void *request);

enum di_err __wrap_waiters_add(struct waiters *w, struct net_token token, int64_t deadline_us,
                               void *request)
{
    uint32_t rfc = atomic_exchange(&dropped_before_waiting, 0);
    if (rfc != 0)
        catalog_own_drop(node.peer->catalog, rfc);
    return __real_waiters_add(w, token, deadline_us, request);
}

static int start(void **state)
{
    (void)state;
    world_start(&world);
    node_init(&node, "polled");
    node_write(&node, 7, 1, 300);
    node.compress = PEER_COMPRESS_ALWAYS;
    node_start(&node, &world);
    assert_int_equal(peer_wait_rfcs(node.peer, 1, WORLD_WAIT_US), DI_OK);
    return 0;
}

static int stop(void **state)
{
    (void)state;
    node_fini(&node);
    world_stop(&world);
    return 0;
}

/* ---- who waits ------------------------------------------------------------------------------- */

static struct net_stream *wait_for_news(enum rfc_scope scope, bool zstd, unsigned wait_s)
{
    char version[CHANGES_VERSION_SIZE], text[300];
    struct net_stream *s = NULL;
    int64_t deadline_us = clock_mono_us() + WORLD_WAIT_US;
    catalog_version(node.peer->catalog, scope, version);
    snprintf(text, sizeof(text),
             "GET RFC-Index P2P-DI/1.0\r\n%s%sSince: %s\r\nWait: %u\r\nConnection: close\r\n\r\n",
             scope == RFC_SCOPE_OWN ? "Scope: own\r\n" : "",
             zstd ? "Accept-Encoding: zstd\r\n" : "", version, wait_s);
    assert_int_equal(net_stream_open(peer_addr(node.peer), deadline_us, NULL, &s), DI_OK);
    assert_int_equal(net_stream_send(s, text, strlen(text), deadline_us), DI_OK);
    return s;
}

static void expect_waiting(int64_t count)
{
    int64_t deadline_us = clock_mono_us() + WORLD_WAIT_US;
    while (STATS_GET(&node.peer->stats, connections_parked) != count) {
        assert_true(clock_mono_us() < deadline_us);
        clock_nap();
    }
}

struct told {
    char head[600];
    struct buf rows;
};

static void read_answer(struct net_stream *s, struct told *out)
{
    char chunk[65536];
    size_t got = 0;
    struct buf all;
    int64_t deadline_us = clock_mono_us() + WORLD_WAIT_US;
    buf_init(&all, 1 << 20);
    buf_init(&out->rows, 1 << 20);
    while (net_stream_recv(s, chunk, sizeof(chunk), &got, deadline_us) == DI_OK)
        buf_append(&all, chunk, got);
    net_stream_close(s);
    const char *end = memmem(buf_bytes(&all), all.len, "\r\n\r\n", 4);
    assert_non_null(end);
    size_t head_len = (size_t)(end + 4 - buf_bytes(&all));
    assert_true(head_len < sizeof(out->head));
    memcpy(out->head, buf_bytes(&all), head_len);
    out->head[head_len] = '\0';
    const char *body = end + 4;
    size_t len = all.len - head_len;
    if (strstr(out->head, "Content-Encoding: zstd\r\n") != NULL)
        assert_int_equal(coding_decode(body, len, &out->rows), DI_OK);
    else
        buf_append(&out->rows, body, len);
    buf_fini(&all);
}

static void expect_news(struct net_stream *s, bool zstd, uint32_t first, size_t count)
{
    struct told told;
    struct wire_index_row row;
    struct wire_rows cursor = {0};
    size_t n = 0;
    read_answer(s, &told);
    assert_non_null(strstr(told.head, " 200 OK\r\n"));
    assert_non_null(strstr(told.head, "\r\nDelta: yes\r\n"));
    assert_true(zstd == (strstr(told.head, "\r\nContent-Encoding: zstd\r\n") != NULL));
    struct slice rows = {buf_bytes(&told.rows), told.rows.len};
    for (; wire_index_rows_next(&cursor, rows, &row); n++)
        assert_int_equal(row.rfc, first + n);
    assert_string_equal(cursor.fault, "");
    assert_int_equal(n, count);
    buf_fini(&told.rows);
}

/* One who was asked holds that many more, from that number on. */
static void learn(uint32_t first)
{
    static struct rfc_entry rows[ROWS];
    static bool believed[ROWS];
    struct addr holder = addr_ipv4(10, 0, 0, 1, 5000);
    for (uint32_t i = 0; i < ROWS; i++)
        rows[i] = (struct rfc_entry){.rfc = first + i,
                                     .holder = holder,
                                     .ttl_s = RFC_TTL_S,
                                     .size_bytes = 1000,
                                     .title = "A document"};
    assert_int_equal(catalog_merge_add(node.peer->catalog, rows, ROWS, &holder, believed), DI_OK);
    catalog_merge_end(node.peer->catalog, &holder, false);
}

/* ---- tests ----------------------------------------------------------------------------------- */

static void news_are_made_once_for_all_who_wait(void **state)
{
    struct net_stream *waits[WAITING];
    (void)state;
    for (size_t i = 0; i < WAITING; i++)
        waits[i] = wait_for_news(RFC_SCOPE_ALL, i % 2 == 0, 60);
    expect_waiting(WAITING);
    size_t rows = atomic_load(&rows_written), encoded = atomic_load(&bodies_encoded);
    learn(20000);
    for (size_t i = 0; i < WAITING; i++)
        expect_news(waits[i], i % 2 == 0, 20000, ROWS);
    assert_in_range(atomic_load(&rows_written) - rows, ROWS, ROUNDS * ROWS);
    assert_in_range(atomic_load(&bodies_encoded) - encoded, 1, ROUNDS);
}

static void who_asks_something_else_is_told_something_else(void **state)
{
    (void)state;
    struct net_stream *own = wait_for_news(RFC_SCOPE_OWN, false, 60);
    struct net_stream *all = wait_for_news(RFC_SCOPE_ALL, false, 60);
    expect_waiting(2);
    learn(30000);
    expect_news(all, false, 30000, ROWS);
    expect_waiting(1);
    all = wait_for_news(RFC_SCOPE_ALL, false, 60);
    expect_waiting(2);
    node_write(&node, 8, 1, 300);
    expect_news(own, false, 8, 1);
    expect_news(all, false, 8, 1);
}

static void whose_time_is_over_goes_without_news(void **state)
{
    struct net_stream *waits[2];
    (void)state;
    struct net_stream *longer = wait_for_news(RFC_SCOPE_ALL, false, 60);
    for (size_t i = 0; i < 2; i++)
        waits[i] = wait_for_news(RFC_SCOPE_ALL, false, 1);
    for (size_t i = 0; i < 2; i++) {
        struct told told;
        read_answer(waits[i], &told);
        assert_non_null(strstr(told.head, " 304 "));
        assert_int_equal(told.rows.len, 0);
        buf_fini(&told.rows);
    }
    learn(40000);
    expect_news(longer, false, 40000, ROWS);
}

static void who_comes_to_wait_makes_nobody_look_at_the_others(void **state)
{
    struct net_stream *waits[WAITING];
    (void)state;
    size_t before = atomic_load(&wakes);
    for (size_t i = 0; i < WAITING; i++)
        waits[i] = wait_for_news(RFC_SCOPE_ALL, false, 60);
    expect_waiting(WAITING);
    assert_int_equal(atomic_load(&wakes) - before, 0);
    learn(50000);
    for (size_t i = 0; i < WAITING; i++)
        expect_news(waits[i], false, 50000, ROWS);
}

static void what_changes_while_somebody_comes_to_wait_is_not_missed(void **state)
{
    (void)state;
    size_t before = atomic_load(&wakes);
    atomic_store(&dropped_before_waiting, 8);
    struct net_stream *s = wait_for_news(RFC_SCOPE_ALL, false, 60);
    expect_news(s, false, 8, 1);
    assert_int_equal(atomic_load(&wakes) - before, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(news_are_made_once_for_all_who_wait),
        cmocka_unit_test(who_asks_something_else_is_told_something_else),
        cmocka_unit_test(whose_time_is_over_goes_without_news),
        cmocka_unit_test(who_comes_to_wait_makes_nobody_look_at_the_others),
        cmocka_unit_test(what_changes_while_somebody_comes_to_wait_is_not_missed),
    };
    return cmocka_run_group_tests_name("peer_polls", tests, start, stop);
}
