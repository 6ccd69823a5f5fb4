/* The registration server over real sockets: every message of PROTOCOL.md "Peer to RS", restart,
 * long polls, pages. */
#include "p2pdi/base/clock.h"
#include "p2pdi/net/stream.h"
#include "p2pdi/rs/rs.h"
#include "p2pdi/wire/message.h"
#include "p2pdi/wire/rows.h"

#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define SOON (clock_mono_us() + 20 * CLOCK_US_PER_S)

struct fixture {
    char dir[64];
    size_t records_max; /* 0: the default */
    struct rs *rs;
};

static void start(struct fixture *f)
{
    struct rs_config cfg = {
        .records_max = f->records_max,
        .listen = addr_ipv4(127, 0, 0, 1, 0),
        .state = f->dir,
        .workers = 2,
    };
    char why[256] = "";
    enum di_err err = rs_start(&cfg, &f->rs, why);
    if (err != DI_OK)
        fail_msg("rs_start: %s", why);
}

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    assert_non_null(f);
    snprintf(f->dir, sizeof(f->dir), "%s", "/tmp/test_rs.XXXXXX");
    assert_non_null(mkdtemp(f->dir));
    start(f);
    *state = f;
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
    struct fixture *f = *state;
    rs_stop(f->rs);
    nftw(f->dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
    free(f);
    return 0;
}

struct client {
    struct net_stream *stream;
    struct buf in;
    size_t heard;           /* bytes of the last answer */
    struct wire_response r; /* of the last answer; points into in */
    char body[4096];
};

static void client_open(struct client *c, const struct fixture *f)
{
    memset(c, 0, sizeof(*c));
    buf_init(&c->in, 1 << 20);
    assert_int_equal(net_stream_open(rs_addr(f->rs), SOON, NULL, &c->stream), DI_OK);
}

static void client_close(struct client *c)
{
    net_stream_close(c->stream);
    buf_fini(&c->in);
}

static void tell(struct client *c, const char *request)
{
    assert_int_equal(net_stream_send(c->stream, request, strlen(request), SOON), DI_OK);
}

static void more(struct client *c)
{
    char chunk[4096];
    size_t got = 0;
    assert_int_equal(net_stream_recv(c->stream, chunk, sizeof(chunk), &got, SOON), DI_OK);
    buf_append(&c->in, chunk, got);
    assert_int_equal(buf_status(&c->in), DI_OK);
}

/* Reads one whole answer; the one before is forgotten. */
static int hear(struct client *c)
{
    struct wire_frame frame = {0};
    enum wire_verdict verdict;
    buf_consume(&c->in, c->heard);
    while ((verdict = wire_response_frame(&frame, buf_bytes(&c->in), c->in.len)) == WIRE_MORE)
        more(c);
    assert_int_equal(verdict, WIRE_WHOLE);
    c->heard = frame.head_len + (size_t)frame.body_len;
    while (c->in.len < c->heard)
        more(c);
    struct wire_fault fault = {0};
    if (wire_response_parse(buf_bytes(&c->in), frame.head_len, &c->r, &fault) != DI_OK)
        fail_msg("%s", fault.text);
    assert_true(frame.body_len < sizeof(c->body));
    memcpy(c->body, buf_bytes(&c->in) + frame.head_len, (size_t)frame.body_len);
    c->body[frame.body_len] = '\0';
    return c->r.status;
}

static int ask(struct client *c, const char *request)
{
    tell(c, request);
    return hear(c);
}

static uint64_t join(struct client *c, unsigned port)
{
    char request[200];
    snprintf(request, sizeof(request), "REGISTER P2P-DI/1.0\r\nHost: test\r\nPort: %u\r\n\r\n",
             port);
    assert_int_equal(ask(c, request), 200);
    assert_true(c->r.has_cookie && c->r.has_peer && c->r.has_ttl);
    assert_int_equal(c->r.ttl_s, 7200);
    assert_true(slice_equal(c->r.reachable, SLICE("unknown")));
    return c->r.cookie;
}

static int ask_with(struct client *c, const char *method, uint64_t cookie, const char *more_fields)
{
    char request[400];
    snprintf(request, sizeof(request), "%s P2P-DI/1.0\r\nCookie: %llu\r\n%s\r\n", method,
             (unsigned long long)cookie, more_fields);
    return ask(c, request);
}

static size_t rows_of(const struct client *c, struct wire_peer_row *last)
{
    struct wire_rows cursor = {0};
    struct wire_peer_row row;
    size_t n = 0;
    while (wire_peer_rows_next(&cursor, slice_of(c->body), &row)) {
        *last = row;
        n++;
    }
    assert_string_equal(cursor.fault, "");
    return n;
}

static bool count_one(void *arg, const struct peer_record *r)
{
    (void)r;
    ++*(size_t *)arg;
    return true;
}

static size_t count_known(const struct fixture *f)
{
    size_t n = 0;
    rs_walk(f->rs, count_one, &n);
    return n;
}

static void a_peer_comes_is_seen_by_others_and_leaves(void **state)
{
    struct fixture *f = *state;
    struct client a;
    struct client b;
    struct wire_peer_row row;
    client_open(&a, f);
    client_open(&b, f);
    uint64_t first = join(&a, 40001);
    assert_int_equal(ask_with(&a, "PQUERY", first, ""), 204);
    assert_int_equal(a.r.active_peers, 0);
    uint64_t second = join(&b, 40002);
    assert_int_not_equal(first, second);

    assert_int_equal(ask_with(&a, "PQUERY", first, ""), 200);
    assert_int_equal(a.r.active_peers, 1);
    assert_int_equal(rows_of(&a, &row), 1);
    assert_int_equal(row.addr.port, 40002);
    assert_true(row.active);
    assert_int_equal(row.registrations, 1);
    assert_null(strstr(a.body, "test")); /* Host is no identity */

    assert_int_equal(ask_with(&b, "LEAVE", second, ""), 200);
    assert_int_equal(ask_with(&b, "LEAVE", second, ""), 200);
    assert_int_equal(ask_with(&a, "PQUERY", first, ""), 204);
    assert_int_equal(ask_with(&b, "KEEP-ALIVE", second, ""), 404);
    assert_int_equal(ask_with(&a, "KEEP-ALIVE", first, ""), 200);
    assert_int_equal(a.r.ttl_s, 7200);
    client_close(&a);
    client_close(&b);
}

static void a_query_without_cookie_leaves_nobody_out(void **state)
{
    struct fixture *f = *state;
    struct client c;
    struct wire_peer_row row;
    client_open(&c, f);
    join(&c, 40001);
    assert_int_equal(ask(&c, "PQUERY P2P-DI/1.0\r\nHost: x\r\n\r\n"), 200);
    assert_int_equal(rows_of(&c, &row), 1);
    client_close(&c);
}

static void the_same_cookie_keeps_its_record(void **state)
{
    struct fixture *f = *state;
    struct client c;
    struct wire_peer_row row;
    client_open(&c, f);
    uint64_t cookie = join(&c, 40001);
    uint32_t id = c.r.peer;
    assert_int_equal(ask_with(&c, "LEAVE", cookie, ""), 200);
    assert_int_equal(ask_with(&c, "REGISTER", cookie, "Port: 40007\r\n"), 200);
    assert_int_equal(c.r.peer, id);
    assert_int_equal(c.r.cookie, cookie);
    assert_int_equal(ask(&c, "PQUERY P2P-DI/1.0\r\n\r\n"), 200);
    assert_int_equal(rows_of(&c, &row), 1);
    assert_int_equal(row.addr.port, 40007);
    assert_int_equal(row.registrations, 2);
    client_close(&c);
}

/* A REGISTER of an earlier run that comes late moves the record to a port where nobody listens. */
static void a_record_is_renewed_and_left_only_from_its_own_port(void **state)
{
    struct fixture *f = *state;
    struct client c;
    struct wire_peer_row row;
    client_open(&c, f);
    uint64_t cookie = join(&c, 40002);
    assert_int_equal(ask_with(&c, "REGISTER", cookie, "Port: 40001\r\n"), 200);

    assert_int_equal(ask_with(&c, "KEEP-ALIVE", cookie, "Port: 40002\r\n"), 404);
    assert_int_equal(ask_with(&c, "KEEP-ALIVE", cookie, "Port: 40001\r\n"), 200);
    assert_int_equal(ask_with(&c, "KEEP-ALIVE", cookie, ""), 200);
    assert_int_equal(ask_with(&c, "LEAVE", cookie, "Port: 40002\r\n"), 200);
    assert_int_equal(ask(&c, "PQUERY P2P-DI/1.0\r\n\r\n"), 200);
    assert_int_equal(rows_of(&c, &row), 1);
    assert_int_equal(row.addr.port, 40001);
    assert_int_equal(ask_with(&c, "LEAVE", cookie, "Port: 40001\r\n"), 200);
    assert_int_equal(ask(&c, "PQUERY P2P-DI/1.0\r\n\r\n"), 204);
    client_close(&c);
}

static void a_query_tells_its_owner_the_ttl_of_its_record(void **state)
{
    struct fixture *f = *state;
    struct client c;
    client_open(&c, f);
    uint64_t cookie = join(&c, 40001);
    assert_int_equal(ask_with(&c, "PQUERY", cookie, ""), 204);
    assert_false(c.r.has_ttl);
    assert_int_equal(ask_with(&c, "PQUERY", cookie, "Port: 40001\r\n"), 204);
    assert_true(c.r.has_ttl);
    assert_int_equal(c.r.ttl_s, 7200);
    assert_int_equal(ask_with(&c, "PQUERY", cookie, "Port: 40002\r\n"), 204);
    assert_true(c.r.has_ttl);
    assert_int_equal(c.r.ttl_s, 0);
    assert_int_equal(ask_with(&c, "LEAVE", cookie, ""), 200);
    assert_int_equal(ask_with(&c, "PQUERY", cookie, "Port: 40001\r\n"), 204);
    assert_true(c.r.has_ttl);
    assert_int_equal(c.r.ttl_s, 0);
    client_close(&c);
}

static void wrong_requests_get_their_status_and_the_next_is_served(void **state)
{
    struct fixture *f = *state;
    struct client c;
    static const struct {
        const char *request;
        int status;
        bool closes;
    } cases[] = {
        {"REGISTER P2P-DI/1.0\r\nHost: x\r\n\r\n", 400, true},
        {"REGISTER P2P-DI/1.0\r\nPort: 0\r\n\r\n", 400, true},
        {"REGISTER P2P-DI/1.0\r\nPort: 80\r\n\r\n", 400, true},
        {"REGISTER P2P-DI/1.0\r\nPort: 65536\r\n\r\n", 400, true},
        {"REGISTER P2P-DI/1.0\r\nPort: 40001\r\nCookie: 12345\r\n\r\n", 401, false},
        {"LEAVE P2P-DI/1.0\r\nCookie: 12345\r\n\r\n", 401, false},
        {"LEAVE P2P-DI/1.0\r\n\r\n", 401, false},
        {"KEEP-ALIVE P2P-DI/1.0\r\nCookie: 9223372036854775807\r\n\r\n", 401, false},
        {"KEEP-ALIVE P2P-DI/1.0\r\nCookie: 9223372036854775808\r\n\r\n", 400, true},
        {"PQUERY P2P-DI/1.0\r\nCookie: 12345\r\n\r\n", 401, false},
        {"PQUERY P2P-DI/1.0\r\nLimit: 5\r\nWait: 5\r\n\r\n", 400, true},
        {"GET RFC 8609 P2P-DI/1.0\r\n\r\n", 405, false},
        {"GET RFC-Index P2P-DI/1.0\r\n\r\n", 405, false},
        {"DANCE P2P-DI/1.0\r\n\r\n", 405, false},
        {"PQUERY P2P-DI/2.0\r\n\r\n", 505, true},
        {"hello\r\n\r\n", 400, true},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        client_open(&c, f);
        int status = ask(&c, cases[i].request);
        if (status != cases[i].status)
            fail_msg("case %zu: %d, not %d", i, status, cases[i].status);
        assert_true(strlen(c.body) > 5 && strchr(c.body, '\n') == c.body + strlen(c.body) - 1);
        if (cases[i].closes) {
            char byte;
            size_t got;
            assert_int_equal(net_stream_recv(c.stream, &byte, 1, &got, SOON), DI_CLOSED);
        } else {
            assert_int_equal(ask(&c, "PQUERY P2P-DI/1.0\r\n\r\n"), 204);
        }
        client_close(&c);
    }
}

static void since_tells_what_changed_and_no_more(void **state)
{
    struct fixture *f = *state;
    struct client a;
    struct client b;
    struct client other;
    struct wire_peer_row row;
    char since[100];
    client_open(&a, f);
    client_open(&b, f);
    uint64_t first = join(&a, 40001);
    uint64_t second = join(&b, 40002);
    assert_int_equal(ask_with(&a, "PQUERY", first, ""), 200);
    snprintf(since, sizeof(since), "Since: %.*s\r\n", (int)a.r.index_version.n,
             a.r.index_version.p);
    assert_int_equal(ask_with(&a, "PQUERY", first, since), 304);
    assert_int_equal(ask_with(&b, "KEEP-ALIVE", second, ""), 200);
    assert_int_equal(ask_with(&a, "PQUERY", first, since), 304); /* a renewal is no news */
    assert_int_equal(ask_with(&b, "LEAVE", second, ""), 200);
    assert_int_equal(ask_with(&a, "PQUERY", first, since), 204); /* everybody departed */
    assert_int_equal(a.r.active_peers, 0);
    /* One of two departs: only that is told. */
    assert_int_equal(ask_with(&b, "REGISTER", second, "Port: 40002\r\n"), 200);
    client_open(&other, f);
    join(&other, 40003);
    assert_int_equal(ask_with(&a, "PQUERY", first, ""), 200);
    snprintf(since, sizeof(since), "Since: %.*s\r\n", (int)a.r.index_version.n,
             a.r.index_version.p);
    assert_int_equal(ask_with(&b, "LEAVE", second, ""), 200);
    assert_int_equal(ask_with(&a, "PQUERY", first, since), 200);
    assert_true(a.r.delta);
    assert_int_equal(a.r.active_peers, 1);
    assert_int_equal(rows_of(&a, &row), 1);
    assert_false(row.active);
    assert_int_equal(row.ttl_s, 0);
    client_close(&other);
    /* Another run's version: everything, not marked. */
    assert_int_equal(ask_with(&b, "REGISTER", second, "Port: 40002\r\n"), 200);
    assert_int_equal(ask_with(&a, "PQUERY", first, "Since: 1.1\r\n"), 200);
    assert_false(a.r.delta);
    client_close(&a);
    client_close(&b);
}

static void a_waiting_query_hears_of_the_change(void **state)
{
    struct fixture *f = *state;
    struct client a;
    struct client b;
    struct wire_peer_row row;
    char fields[120];
    client_open(&a, f);
    client_open(&b, f);
    uint64_t first = join(&a, 40001);
    assert_int_equal(ask_with(&a, "PQUERY", first, ""), 204);
    char version[64];
    snprintf(version, sizeof(version), "%.*s", (int)a.r.index_version.n, a.r.index_version.p);
    snprintf(fields, sizeof(fields),
             "PQUERY P2P-DI/1.0\r\nCookie: %llu\r\nSince: %s\r\nWait: 60\r\n\r\n",
             (unsigned long long)first, version);
    int64_t from_us = clock_mono_us();
    /* Behind the one that waits, another is pipelined: answers come in order. */
    tell(&a, fields);
    tell(&a, "LEAVE P2P-DI/1.0\r\nCookie: 1\r\n\r\n");
    join(&b, 40002);
    assert_int_equal(hear(&a), 200);
    assert_true(a.r.delta);
    assert_int_equal(rows_of(&a, &row), 1);
    assert_int_equal(row.addr.port, 40002);
    assert_true(clock_mono_us() - from_us < 30 * CLOCK_US_PER_S);
    assert_int_equal(hear(&a), 401);
    /* Nothing changes: 304 when the time is up. */
    assert_int_equal(ask_with(&a, "PQUERY", first, ""), 200);
    snprintf(fields, sizeof(fields), "Wait: 1\r\nSince: %.*s\r\n", (int)a.r.index_version.n,
             a.r.index_version.p);
    assert_int_equal(ask_with(&a, "PQUERY", first, fields), 304);
    client_close(&a);
    client_close(&b);
}

static void acknowledged_records_survive_a_restart(void **state)
{
    struct fixture *f = *state;
    struct client c;
    struct wire_peer_row row;
    client_open(&c, f);
    uint64_t cookie = join(&c, 40001);
    uint32_t id = c.r.peer;
    client_close(&c);
    rs_stop(f->rs);
    start(f);
    client_open(&c, f);
    assert_int_equal(ask(&c, "PQUERY P2P-DI/1.0\r\n\r\n"), 200);
    assert_int_equal(rows_of(&c, &row), 1);
    assert_int_equal(row.peer, id);
    assert_in_range(row.ttl_s, 7150, 7200);
    assert_int_equal(ask_with(&c, "KEEP-ALIVE", cookie, ""), 200);
    assert_int_equal(ask_with(&c, "LEAVE", cookie, ""), 200);
    client_close(&c);
    rs_stop(f->rs);
    start(f);
    client_open(&c, f);
    assert_int_equal(ask_with(&c, "KEEP-ALIVE", cookie, ""), 404);
    client_close(&c);
}

static void whom_another_replaced_does_not_come_back_by_a_restart(void **state)
{
    struct fixture *f = *state;
    struct client c;
    client_open(&c, f);
    uint64_t first = join(&c, 40001);
    uint64_t second = join(&c, 40001); /* the same place: it lost its cookie */
    assert_int_equal(ask_with(&c, "LEAVE", second, ""), 200);
    client_close(&c);
    rs_stop(f->rs);
    start(f);
    client_open(&c, f);
    assert_int_equal(ask(&c, "PQUERY P2P-DI/1.0\r\n\r\n"), 204);
    assert_int_equal(ask_with(&c, "KEEP-ALIVE", first, ""), 404);
    client_close(&c);
}

static void restart(struct fixture *f)
{
    rs_stop(f->rs);
    start(f);
}

static void a_full_registry_starts_again_though_its_places_change_hands(void **state)
{
    struct fixture *f = *state;
    struct client c;
    struct wire_peer_row row;
    f->records_max = 3;
    restart(f);
    client_open(&c, f);
    for (unsigned port = 40001; port <= 40003; port++)
        join(&c, port);
    uint64_t first = join(&c, 40001); /* lost its cookie, and again */
    uint64_t second = join(&c, 40001);
    uint32_t id = c.r.peer;
    assert_int_equal(ask_with(&c, "KEEP-ALIVE", first, ""), 401);
    client_close(&c);

    restart(f);
    client_open(&c, f);
    assert_int_equal(ask(&c, "PQUERY P2P-DI/1.0\r\n\r\n"), 200);
    assert_int_equal(rows_of(&c, &row), 3);
    assert_int_equal(ask_with(&c, "KEEP-ALIVE", first, ""), 401);
    assert_int_equal(ask_with(&c, "KEEP-ALIVE", second, ""), 200);
    join(&c, 40001);
    assert_true(c.r.peer > id);
    client_close(&c);
}

static void whom_the_registry_drops_is_gone_from_disk_as_well(void **state)
{
    struct fixture *f = *state;
    struct client c;
    struct wire_peer_row row;
    f->records_max = 3;
    restart(f);
    client_open(&c, f);
    uint64_t first = join(&c, 40001), last = 0;
    for (int i = 0; i < 20; i++)
        last = join(&c, 40002);
    client_close(&c);
    f->records_max = 100; /* so that all that is on disk comes back */
    restart(f);
    client_open(&c, f);
    assert_int_equal(count_known(f), 3);
    assert_int_equal(ask_with(&c, "KEEP-ALIVE", first, ""), 200);
    assert_int_equal(ask_with(&c, "KEEP-ALIVE", last, ""), 200);
    assert_int_equal(ask(&c, "PQUERY P2P-DI/1.0\r\n\r\n"), 200);
    assert_int_equal(rows_of(&c, &row), 2);
    client_close(&c);
}

static void with_more_active_records_than_may_be_it_starts_all_the_same(void **state)
{
    struct fixture *f = *state;
    struct client c;
    struct wire_peer_row row;
    client_open(&c, f);
    uint64_t first = join(&c, 40001), last = 0;
    for (unsigned port = 40002; port <= 40005; port++)
        last = join(&c, port);
    uint32_t id = c.r.peer;
    client_close(&c);

    f->records_max = 3;
    restart(f);
    client_open(&c, f);
    assert_int_equal(ask(&c, "PQUERY P2P-DI/1.0\r\n\r\n"), 200);
    assert_int_equal(rows_of(&c, &row), 3);
    assert_int_equal(ask_with(&c, "REGISTER", last, "Port: 40005\r\n"), 401);
    assert_int_equal(ask(&c, "REGISTER P2P-DI/1.0\r\nPort: 40005\r\n\r\n"), 503);
    client_close(&c);
    client_open(&c, f);
    assert_int_equal(ask_with(&c, "LEAVE", first, ""), 200);
    join(&c, 40005);
    assert_true(c.r.peer > id);
    client_close(&c);
}

static void connection_close_is_honoured_after_a_durable_answer(void **state)
{
    struct fixture *f = *state;
    struct client c;
    client_open(&c, f);
    assert_int_equal(ask(&c, "REGISTER P2P-DI/1.0\r\nPort: 40001\r\nConnection: close\r\n\r\n"),
                     200);
    char byte;
    size_t got;
    assert_int_equal(net_stream_recv(c.stream, &byte, 1, &got, SOON), DI_CLOSED);
    client_close(&c);
}

/* The whole answer to a request of HTTP, and a NUL. */
static void fetch(const struct fixture *f, const char *method, const char *path, struct buf *all)
{
    struct client c;
    char request[100];
    client_open(&c, f);
    snprintf(request, sizeof(request), "%s %s HTTP/1.1\r\nConnection: close\r\n\r\n", method, path);
    tell(&c, request);
    buf_init(all, 1 << 20);
    enum di_err err;
    do {
        char chunk[1000];
        size_t got = 0;
        err = net_stream_recv(c.stream, chunk, sizeof(chunk), &got, SOON);
        buf_append(all, chunk, got);
    } while (err == DI_OK);
    assert_int_equal(err, DI_CLOSED);
    buf_append_char(all, '\0');
    assert_int_equal(buf_status(all), DI_OK);
    assert_int_equal(strncmp(buf_bytes(all), "HTTP/1.1 200 OK\r\n", 17), 0);
    client_close(&c);
}

static void each_request_is_counted_once(void **state)
{
    struct fixture *f = *state;
    struct client c;
    struct buf page;
    client_open(&c, f);
    join(&c, 40001);
    for (int i = 0; i < 3; i++)
        assert_int_equal(ask(&c, "PQUERY P2P-DI/1.0\r\n\r\n"), 200);
    client_close(&c);
    fetch(f, "GET", "/metrics", &page);
    assert_non_null(strstr(buf_bytes(&page), "\np2pdi_requests_total{role=\"rs\"} 5\n"));
    buf_fini(&page);
}

static void pages_show_peers_and_never_cookies(void **state)
{
    struct fixture *f = *state;
    static const char *const paths[] = {"/", "/peers.tsv", "/peers.json", "/metrics"};
    struct client c;
    client_open(&c, f);
    uint64_t cookie = join(&c, 40001);
    client_close(&c);
    char digits[24];
    snprintf(digits, sizeof(digits), "%llu", (unsigned long long)cookie);
    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
        struct buf all;
        fetch(f, "GET", paths[i], &all);
        assert_non_null(strstr(buf_bytes(&all), i == 3 ? "p2pdi_register_total" : "40001"));
        assert_null(strstr(buf_bytes(&all), digits));
        buf_fini(&all);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        T(a_peer_comes_is_seen_by_others_and_leaves),
        T(a_query_without_cookie_leaves_nobody_out),
        T(the_same_cookie_keeps_its_record),
        T(a_record_is_renewed_and_left_only_from_its_own_port),
        T(a_query_tells_its_owner_the_ttl_of_its_record),
        T(wrong_requests_get_their_status_and_the_next_is_served),
        T(since_tells_what_changed_and_no_more),
        T(a_waiting_query_hears_of_the_change),
        T(acknowledged_records_survive_a_restart),
        T(whom_another_replaced_does_not_come_back_by_a_restart),
        T(a_full_registry_starts_again_though_its_places_change_hands),
        T(whom_the_registry_drops_is_gone_from_disk_as_well),
        T(with_more_active_records_than_may_be_it_starts_all_the_same),
        T(connection_close_is_honoured_after_a_durable_answer),
        T(each_request_is_counted_once),
        T(pages_show_peers_and_never_cookies),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
