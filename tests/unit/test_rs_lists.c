/* Who is registered, as text: made once for all who ask, whole or with one row left out, never too many at a time. */
/* ld: -Wl,--wrap=text_format_rfc3339,--wrap=malloc,--wrap=calloc,--wrap=realloc,--wrap=strndup */
#include "../../src/rs/internal.h"
#include "../support/failing_alloc.h"

#include "p2pdi/net/stream.h"

#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define SOON (clock_mono_us() + 20 * CLOCK_US_PER_S)
#define MANY 2000 /* of such a list nobody gets a copy of his own */

static char dir[64];
static struct rs *rs;
static uint32_t last;

/* Rows of any form that were written. */
static _Atomic(size_t) written;

void __real_text_format_rfc3339(int64_t at_s, char out[TEXT_RFC3339_SIZE]);
void __wrap_text_format_rfc3339(int64_t at_s, char out[TEXT_RFC3339_SIZE]);

void __wrap_text_format_rfc3339(int64_t at_s, char out[TEXT_RFC3339_SIZE])
{
    atomic_fetch_add(&written, 1);
    __real_text_format_rfc3339(at_s, out);
}

static int setup(void **state)
{
    struct rs_config cfg = {.listen = addr_ipv4(127, 0, 0, 1, 0), .state = dir, .workers = 2};
    char why[256] = "";
    (void)state;
    snprintf(dir, sizeof(dir), "%s", "/tmp/test_rs_lists.XXXXXX");
    assert_non_null(mkdtemp(dir));
    if (rs_start(&cfg, &rs, why) != DI_OK)
        fail_msg("rs_start: %s", why);
    last = 0;
    return 0;
}

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
    (void)st;
    (void)flag;
    (void)ftw;
    return remove(path);
}

static int teardown(void **state)
{
    (void)state;
    rs_stop(rs);
    nftw(dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
    return 0;
}

/* As many more are registered, which nobody stores. */
static void enrol(uint32_t count)
{
    struct peer_record r;
    lock_acquire(&rs->lock);
    for (uint32_t i = 0; i < count; i++) {
        struct sha256 cookie = {{0}};
        last++;
        memcpy(cookie.byte, &last, sizeof(last));
        struct addr addr = addr_ipv4(10, 0, (uint8_t)(last >> 8), (uint8_t)last, 40000);
        assert_int_equal(peer_index_register(rs->index, &cookie, &addr, "", "", clock_mono_us(),
                                             clock_wall_s(), &r),
                         DI_OK);
    }
    lock_release(&rs->lock);
}

static struct rs_list *get(enum rs_list_kind kind)
{
    struct rs_list *l = NULL;
    assert_int_equal(rs_list_get(rs, kind, &l), DI_OK);
    return l;
}

static void a_short_list_is_shared_until_something_changes(void **state)
{
    (void)state;
    enrol(3);
    for (enum rs_list_kind kind = 0; kind < RS_LISTS; kind++) {
        int64_t from_us = clock_mono_us();
        struct rs_list *first = get(kind), *second = get(kind);
        assert_true(first == second || clock_mono_us() - from_us >= CLOCK_US_PER_S);
        rs_list_unref(second);
        enrol(1);
        second = get(kind);
        assert_ptr_not_equal(first, second);
        assert_string_not_equal(rs_list_version(first), rs_list_version(second));
        rs_list_unref(first);
        rs_list_unref(second);
    }
}

static void a_long_list_is_made_anew_once_a_second(void **state)
{
    (void)state;
    enrol(MANY);
    int64_t from_us = clock_mono_us();
    struct rs_list *first = get(RS_LIST_ROWS), *next = NULL;
    for (size_t made = 1; made < 3;) {
        enrol(1);
        next = get(RS_LIST_ROWS);
        if (next != first) {
            assert_true(clock_mono_us() - from_us >= (int64_t)made * CLOCK_US_PER_S);
            made++;
            rs_list_unref(first);
            first = next;
        } else {
            rs_list_unref(next);
        }
        assert_true(clock_mono_us() - from_us < 30 * CLOCK_US_PER_S);
    }
    rs_list_unref(first);
}

static bool has_row(const struct rs_list_part *p, uint32_t peer, size_t *count)
{
    struct buf whole;
    struct wire_rows cursor = {0};
    struct wire_peer_row row;
    bool found = false;
    buf_init(&whole, 1 << 20);
    for (size_t i = 0; i < 2; i++)
        buf_append(&whole, p->part[i].p, p->part[i].n);
    *count = 0;
    while (wire_peer_rows_next(&cursor, (struct slice){buf_bytes(&whole), whole.len}, &row)) {
        found |= row.peer == peer;
        ++*count;
    }
    assert_string_equal(cursor.fault, "");
    buf_fini(&whole);
    return found;
}

static void any_one_row_can_be_left_out(void **state)
{
    (void)state;
    enrol(5);
    struct rs_list *l = get(RS_LIST_ROWS);
    struct rs_list_part p;
    size_t count = 0;
    for (uint32_t peer = 1; peer <= 5; peer++) {
        rs_list_but(l, 0, &p);
        assert_true(has_row(&p, peer, &count));
        assert_true(count == 5 && p.count == 5);
        rs_list_but(l, peer, &p);
        assert_false(has_row(&p, peer, &count));
        assert_true(count == 4 && p.count == 4);
    }
    rs_list_but(l, 6, &p);
    (void)has_row(&p, 1, &count);
    assert_true(count == 5 && p.count == 5);
    rs_list_unref(l);
}

static void lists_that_nobody_lets_go_of_are_not_made_without_end(void **state)
{
    enum { MOST = 100 };
    (void)state;
    struct rs_list **held = calloc(MOST, sizeof(struct rs_list *));
    assert_non_null(held);
    rs_lists_free(rs->lists);
    assert_int_equal(rs_lists_new(1 << 20, &rs->lists), DI_OK);
    enrol(900);
    size_t made = 0;
    for (size_t count = 0; count < MOST; count++) {
        held[count] = get(RS_LIST_ROWS);
        made += count == 0 || held[count] != held[count - 1];
        enrol(1); /* each is another one */
        lock_acquire(&rs->lock);
        struct sha256 cookie = {{0}};
        struct peer_record r;
        memcpy(cookie.byte, &last, sizeof(last));
        assert_int_equal(peer_index_leave(rs->index, &cookie, clock_mono_us(), clock_wall_s(), &r),
                         DI_OK);
        lock_release(&rs->lock);
    }
    assert_in_range(made, 5, MOST / 2);
    struct rs_list *other = get(RS_LIST_HTML); /* of which there are none */
    rs_list_unref(other);
    const struct rs_list *newest = held[MOST - 1];
    /* Somebody reads it still, but all others are gone. */
    for (size_t i = 0; i < MOST; i++)
        if (held[i] != newest)
            rs_list_unref(held[i]);
    struct rs_list *now = get(RS_LIST_ROWS);
    assert_ptr_not_equal(now, newest);
    rs_list_unref(now);
    for (size_t i = 0; i < MOST; i++)
        if (held[i] == newest)
            rs_list_unref(held[i]);
    free(held);
}

static void without_memory_there_is_no_list_and_then_there_is(void **state)
{
    (void)state;
    enrol(300);
    for (enum rs_list_kind kind = 0; kind < RS_LISTS; kind++) {
        struct rs_list *l = NULL;
        int n = 0;
        bool failed = true;
        while (failed) {
            failing_alloc_at(++n);
            enum di_err err = rs_list_get(rs, kind, &l);
            failed = failing_alloc_off();
            assert_int_equal(err, failed ? DI_NOMEM : DI_OK);
        }
        assert_true(n > 3);
        rs_list_unref(l);
    }
}

/* ---- over the port --------------------------------------------------------------------------- */

static struct net_stream *send_request(const char *request)
{
    struct net_stream *stream = NULL;
    assert_int_equal(net_stream_open(rs_addr(rs), SOON, NULL, &stream), DI_OK);
    assert_int_equal(net_stream_send(stream, request, strlen(request), SOON), DI_OK);
    return stream;
}

/* The whole answer, and a NUL. */
static void read_answer(struct net_stream *stream, struct buf *answer)
{
    char chunk[65536];
    size_t got = 0;
    buf_init(answer, 8 << 20);
    while (net_stream_recv(stream, chunk, sizeof(chunk), &got, SOON) == DI_OK)
        buf_append(answer, chunk, got);
    buf_append_char(answer, '\0');
    assert_int_equal(buf_status(answer), DI_OK);
    net_stream_close(stream);
}

static void ask(const char *request, struct buf *answer)
{
    read_answer(send_request(request), answer);
}

static void whoever_asks_for_everything_costs_no_list_of_his_own(void **state)
{
    static const char *const requests[] = {
        "PQUERY P2P-DI/1.0\r\nConnection: close\r\n\r\n",
        "PQUERY P2P-DI/1.0\r\nLimit: 1000000\r\nConnection: close\r\n\r\n",
        "PQUERY P2P-DI/1.0\r\nSince: 1.1\r\nConnection: close\r\n\r\n",
        "GET /peers.tsv HTTP/1.1\r\nConnection: close\r\n\r\n",
        "GET /peers.json HTTP/1.1\r\nConnection: close\r\n\r\n",
        "HEAD /peers.json HTTP/1.1\r\nConnection: close\r\n\r\n",
        "HEAD /peers.json HTTP/1.1\r\nAccept-Encoding: gzip\r\nConnection: close\r\n\r\n",
    };
    (void)state;
    enrol(MANY);
    for (size_t i = 0; i < sizeof(requests) / sizeof(requests[0]); i++) {
        size_t before = atomic_load(&written);
        int64_t from_us = clock_mono_us();
        for (size_t n = 0; n < 20; n++) {
            struct buf answer;
            ask(requests[i], &answer);
            assert_non_null(strstr(buf_bytes(&answer), " 200 OK\r\n"));
            buf_fini(&answer);
        }
        size_t lists = 1 + (size_t)((clock_mono_us() - from_us) / CLOCK_US_PER_S);
        assert_true(atomic_load(&written) - before <= lists * MANY);
    }
}

static size_t length_of(const struct buf *answer)
{
    const char *field = strstr(buf_bytes(answer), "\r\nContent-Length: ");
    assert_non_null(field);
    return strtoul(field + 18, NULL, 10);
}

static void head_has_the_length_that_get_would_have(void **state)
{
    static const char *const paths[] = {"/", "/peers.tsv", "/peers.json"};
    static const char *const accepts[] = {"identity", "gzip", "zstd"};
    (void)state;
    enrol(1100);
    for (size_t i = 0; i < 9; i++) {
        char request[200];
        struct buf whole, head;
        size_t lengths[2];
        for (size_t k = 0; k < 2; k++) {
            struct buf *to = k == 0 ? &whole : &head;
            snprintf(request, sizeof(request),
                     "%s %s HTTP/1.1\r\nAccept-Encoding: %s\r\nConnection: close\r\n\r\n",
                     k == 0 ? "GET" : "HEAD", paths[i / 3], accepts[i % 3]);
            ask(request, to);
            lengths[k] = length_of(to);
            const char *body = strstr(buf_bytes(to), "\r\n\r\n") + 4;
            size_t len = to->len - 1 - (size_t)(body - buf_bytes(to));
            assert_int_equal(len, k == 0 ? lengths[0] : 0);
        }
        /* TTLs have run down meanwhile. */
        assert_true(lengths[1] > lengths[0] / 2 && lengths[1] < lengths[0] * 2);
        buf_fini(&whole);
        buf_fini(&head);
    }
}

static size_t rows_in(const struct buf *answer)
{
    struct wire_rows cursor = {0};
    struct wire_peer_row row;
    size_t n = 0;
    const char *body = strstr(buf_bytes(answer), "\r\n\r\n") + 4;
    while (wire_peer_rows_next(&cursor, slice_of(body), &row))
        n++;
    assert_string_equal(cursor.fault, "");
    return n;
}

static void so_many_changes_are_told_as_everything(void **state)
{
    char version[CHANGES_VERSION_SIZE], request[200];
    struct buf answer;
    (void)state;
    enrol(500);
    peer_index_version(rs->index, version);
    snprintf(request, sizeof(request),
             "PQUERY P2P-DI/1.0\r\nSince: %s\r\nConnection: close\r\n\r\n", version);
    enrol(1024);
    ask(request, &answer);
    assert_non_null(strstr(buf_bytes(&answer), "Delta: yes"));
    assert_int_equal(rows_in(&answer), 1024);
    buf_fini(&answer);
    enrol(1);
    ask(request, &answer);
    assert_null(strstr(buf_bytes(&answer), "Delta: yes"));
    assert_int_equal(rows_in(&answer), 1525);
    buf_fini(&answer);
}

static void enter(unsigned port, char cookie[80])
{
    char request[200];
    struct buf answer;
    snprintf(request, sizeof(request),
             "REGISTER P2P-DI/1.0\r\nHost: 127.0.0.1\r\nOS: test\r\nPort: %u\r\nConnection: "
             "close\r\n\r\n",
             port);
    ask(request, &answer);
    const char *field = strstr(buf_bytes(&answer), "\r\nCookie: ");
    assert_non_null(field);
    assert_int_equal(sscanf(field, " Cookie: %79s", cookie), 1);
    buf_fini(&answer);
}

/* From port 40001 on. */
static void enter_and_wait(char cookie[][80], struct net_stream *waits[], unsigned count)
{
    char version[CHANGES_VERSION_SIZE];
    for (unsigned i = 0; i < count; i++)
        enter(40001 + i, cookie[i]);
    lock_acquire(&rs->lock);
    peer_index_version(rs->index, version);
    lock_release(&rs->lock);
    for (unsigned i = 0; i < count; i++) {
        char request[500];
        snprintf(request, sizeof(request),
                 "PQUERY P2P-DI/1.0\r\nCookie: %.80s\r\nSince: %s\r\nWait: 60\r\nConnection: "
                 "close\r\n\r\n",
                 cookie[i], version);
        waits[i] = send_request(request);
    }
    while (STATS_GET(&rs->stats, connections_parked) < count)
        clock_nap();
}

static void who_waits_meanwhile_is_told_of_everybody_but_himself(void **state)
{
    enum { WAITING = 4 };
    struct net_stream *waits[WAITING];
    char cookie[WAITING][80];
    (void)state;
    enrol(500);
    enter_and_wait(cookie, waits, WAITING);
    enrol(MANY);
    net_server_wake(rs->server);
    for (unsigned i = 0; i < WAITING; i++) {
        char own[20];
        struct buf answer;
        read_answer(waits[i], &answer);
        assert_null(strstr(buf_bytes(&answer), "Delta: yes"));
        assert_int_equal(rows_in(&answer), 500 + MANY + WAITING - 1);
        snprintf(own, sizeof(own), "\t%u\t", 40001 + i);
        assert_null(strstr(buf_bytes(&answer), own));
        buf_fini(&answer);
    }
}

/* As many more as in enrol(), and those who have these cookies registered once more, all at one moment. */
static void enrol_with(uint32_t count, char cookie[][80], unsigned cookies)
{
    struct peer_record r;
    struct sha256 digest;
    lock_acquire(&rs->lock);
    for (unsigned i = 0; i < cookies; i++) {
        struct addr addr = addr_ipv4(127, 0, 0, 1, (uint16_t)(40001 + i));
        assert_int_equal(sha256_of(cookie[i], strlen(cookie[i]), &digest), DI_OK);
        assert_int_equal(peer_index_register(rs->index, &digest, &addr, "", "test", clock_mono_us(),
                                             clock_wall_s(), &r),
                         DI_OK);
    }
    for (uint32_t i = 0; i < count; i++) {
        struct addr addr = addr_ipv4(10, 1, (uint8_t)(i >> 8), (uint8_t)i, 40000);
        digest = (struct sha256){{1}};
        memcpy(&digest.byte[1], &i, sizeof(i));
        assert_int_equal(peer_index_register(rs->index, &digest, &addr, "", "", clock_mono_us(),
                                             clock_wall_s(), &r),
                         DI_OK);
    }
    lock_release(&rs->lock);
}

static void what_changed_is_written_once_for_all_who_wait(void **state)
{
    enum { WAITING = 40, NEW = 300, ROUNDS = 4 }; /* who parks late is told in a later round */
    struct net_stream *waits[WAITING];
    char cookie[WAITING][80];
    (void)state;
    enter_and_wait(cookie, waits, WAITING);
    size_t before = atomic_load(&written);
    enrol_with(NEW, cookie, WAITING);
    net_server_wake(rs->server);
    for (unsigned i = 0; i < WAITING; i++) {
        char own[20];
        struct buf answer;
        read_answer(waits[i], &answer);
        assert_non_null(strstr(buf_bytes(&answer), "Delta: yes"));
        assert_int_equal(rows_in(&answer), NEW + WAITING - 1);
        snprintf(own, sizeof(own), "\t%u\t", 40001 + i);
        assert_null(strstr(buf_bytes(&answer), own));
        buf_fini(&answer);
    }
    assert_in_range(atomic_load(&written) - before, NEW + WAITING, ROUNDS * (NEW + WAITING));
}

static void a_sample_has_at_most_1024_rows(void **state)
{
    struct buf answer;
    (void)state;
    enrol(MANY);
    ask("PQUERY P2P-DI/1.0\r\nLimit: 1000\r\nConnection: close\r\n\r\n", &answer);
    assert_int_equal(rows_in(&answer), 1000);
    assert_non_null(strstr(buf_bytes(&answer), "Active-Peers: 2000\r\n"));
    buf_fini(&answer);
    ask("PQUERY P2P-DI/1.0\r\nLimit: 1999\r\nConnection: close\r\n\r\n", &answer);
    assert_int_equal(rows_in(&answer), 1024);
    buf_fini(&answer);
    ask("PQUERY P2P-DI/1.0\r\nLimit: 2000\r\nConnection: close\r\n\r\n", &answer);
    assert_int_equal(rows_in(&answer), MANY);
    buf_fini(&answer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        T(a_short_list_is_shared_until_something_changes),
        T(a_long_list_is_made_anew_once_a_second),
        T(any_one_row_can_be_left_out),
        T(lists_that_nobody_lets_go_of_are_not_made_without_end),
        T(without_memory_there_is_no_list_and_then_there_is),
        T(whoever_asks_for_everything_costs_no_list_of_his_own),
        T(head_has_the_length_that_get_would_have),
        T(so_many_changes_are_told_as_everything),
        T(who_waits_meanwhile_is_told_of_everybody_but_himself),
        T(what_changed_is_written_once_for_all_who_wait),
        T(a_sample_has_at_most_1024_rows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
