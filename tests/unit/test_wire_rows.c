/* Peer rows and index rows: there and back, and which bodies are not believed, because of which line. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "p2pdi/base/random.h"
#include "p2pdi/wire/message.h"
#include "p2pdi/wire/rows.h"

#define PH "Hostname\tPeer\tActive\tTTL\tPort\tRegistrations\tLast-Registered\tReachable\n"
#define IH "RFC\tTitle\tHostname\tPort\tTTL\tSize\tSHA-256\n"
#define SHA "0011223344556677889900112233445566778899001122334455667788990011"
#define T "2020-01-31T23:59:59Z"
#define P "192.0.2.1\t1\t1\t7200\t40001\t3\t" T "\tyes\n"
#define I "8609\tA Title\t192.0.2.1\t40001\t7200\t83000\t" SHA "\n"

static struct slice exact(const char *text, size_t n)
{
    char *copy = malloc(n > 0 ? n : 1);

    assert_non_null(copy);
    memcpy(copy, text, n);
    return (struct slice){copy, n};
}

static void release(struct slice s)
{
    free((void *)(uintptr_t)s.p);
}

/* ---- both ways ------------------------------------------------------------------------------- */

static void rows_look_like_this(void **state)
{
    struct wire_peer_row peer = {.addr = addr_ipv4(192, 0, 2, 1, 40001),
                                 .peer = 1,
                                 .active = true,
                                 .ttl_s = 7200,
                                 .registrations = 3,
                                 .last_registered_s = 1580515199,
                                 .reachable = WIRE_REACHABLE_YES};
    struct wire_index_row rfc = {.rfc = 8609,
                                 .ttl_s = 7200,
                                 .holder = addr_ipv4(192, 0, 2, 1, 40001),
                                 .size_bytes = 83000,
                                 .title = "A Title"};
    struct buf out;

    (void)state;
    assert_true(sha256_parse(SLICE(SHA), &rfc.sha256));
    buf_init(&out, 4096);
    wire_peer_header_format(&out);
    wire_peer_row_format(&out, &peer);
    wire_index_header_format(&out);
    wire_index_row_format(&out, &rfc);
    buf_append_char(&out, '\0');
    assert_string_equal(buf_bytes(&out), PH P IH I);
    buf_fini(&out);
}

static struct addr random_holder(struct prng *p)
{
    struct addr a = addr_ipv4((uint8_t)(1 + prng_below(p, 223)), (uint8_t)prng_next(p),
                              (uint8_t)prng_next(p), (uint8_t)prng_next(p), 1);

    if (prng_below(p, 2) == 0) {
        for (size_t i = 0; i < sizeof(a.ip); i++)
            a.ip[i] = prng_below(p, 3) == 0 ? 0 : (uint8_t)prng_next(p);
        a.ip[0] = 0x20;
    }
    a.port = (uint16_t)(1 + prng_below(p, 65535));
    return a;
}

static void peer_rows_parse_to_what_was_formatted(void **state)
{
    struct prng p;

    (void)state;
    prng_seed(&p, 7200);
    for (int round = 0; round < 500; round++) {
        struct wire_peer_row rows[20], row;
        size_t count = prng_below(&p, 21), n = 0;
        struct wire_rows c = {0};
        struct buf out;

        buf_init(&out, 1 << 20);
        wire_peer_header_format(&out);
        for (size_t i = 0; i < count; i++) {
            memset(&rows[i], 0, sizeof(rows[i]));
            rows[i].addr = random_holder(&p);
            rows[i].peer = (uint32_t)prng_next(&p);
            rows[i].active = prng_below(&p, 2) == 0;
            rows[i].ttl_s = (uint32_t)prng_below(&p, 7201);
            rows[i].registrations = (uint32_t)prng_next(&p);
            rows[i].last_registered_s = (int64_t)prng_below(&p, 4102444800);
            rows[i].reachable = (enum wire_reachable)prng_below(&p, 3);
            wire_peer_row_format(&out, &rows[i]);
        }
        while (wire_peer_rows_next(&c, (struct slice){buf_bytes(&out), out.len}, &row)) {
            assert_true(n < count);
            assert_true(addr_equal(&row.addr, &rows[n].addr));
            assert_int_equal(row.peer, rows[n].peer);
            assert_int_equal(row.active, rows[n].active);
            assert_int_equal(row.ttl_s, rows[n].ttl_s);
            assert_int_equal(row.registrations, rows[n].registrations);
            assert_int_equal(row.last_registered_s, rows[n].last_registered_s);
            assert_int_equal(row.reachable, rows[n].reachable);
            n++;
        }
        assert_string_equal(c.fault, "");
        assert_int_equal(n, count);
        buf_fini(&out);
    }
}

static void index_rows_parse_to_what_was_formatted(void **state)
{
    static const char *const words[] = {"RFC", " of ", "\xc3\xa9", "\xe2\x82\xac",
                                        "-",   "\\",   "\"",       ""};
    struct prng p;

    (void)state;
    prng_seed(&p, 9823);
    for (int round = 0; round < 500; round++) {
        struct wire_index_row rows[20], row;
        size_t count = prng_below(&p, 21), n = 0;
        struct wire_rows c = {0};
        struct buf out;

        buf_init(&out, 1 << 20);
        wire_index_header_format(&out);
        for (size_t i = 0; i < count; i++) {
            memset(&rows[i], 0, sizeof(rows[i]));
            rows[i].rfc = (uint32_t)(1 + prng_below(&p, WIRE_RFC_MAX));
            rows[i].ttl_s = (uint32_t)prng_below(&p, 7201);
            rows[i].holder = random_holder(&p);
            rows[i].size_bytes = prng_next(&p) >> 1;
            for (size_t b = 0; b < sizeof(rows[i].sha256.byte); b++)
                rows[i].sha256.byte[b] = (uint8_t)prng_next(&p);
            for (uint64_t w = prng_below(&p, 12); w > 0; w--)
                (void)strcat(rows[i].title,
                             words[prng_below(&p, sizeof(words) / sizeof(words[0]))]);
            (void)text_clean(rows[i].title, sizeof(rows[i].title), slice_of(rows[i].title));
            wire_index_row_format(&out, &rows[i]);
        }
        while (wire_index_rows_next(&c, (struct slice){buf_bytes(&out), out.len}, &row)) {
            assert_true(n < count);
            assert_int_equal(row.rfc, rows[n].rfc);
            assert_int_equal(row.ttl_s, rows[n].ttl_s);
            assert_true(addr_equal(&row.holder, &rows[n].holder));
            assert_int_equal(row.size_bytes, rows[n].size_bytes);
            assert_true(sha256_equal(&row.sha256, &rows[n].sha256));
            assert_string_equal(row.title, rows[n].title);
            n++;
        }
        assert_string_equal(c.fault, "");
        assert_int_equal(n, count);
        buf_fini(&out);
    }
}

/* ---- what is believed ------------------------------------------------------------------------- */

struct body_case {
    const char *body;
    size_t rows;
    size_t line; /* that is wrong; 0: none */
};

static void check(const struct body_case *c, bool peers)
{
    struct slice body = exact(c->body, strlen(c->body));
    struct wire_rows rows = {0};
    struct wire_peer_row peer;
    struct wire_index_row rfc;
    char want[32];
    size_t n = 0;

    while (peers ? wire_peer_rows_next(&rows, body, &peer)
                 : wire_index_rows_next(&rows, body, &rfc))
        n++;
    (void)snprintf(want, sizeof(want), "line %zu: ", c->line);
    if (n != c->rows ||
        (c->line == 0 ? rows.fault[0] != '\0' : strncmp(rows.fault, want, strlen(want)) != 0))
        fail_msg("\"%s\": %zu rows, \"%s\"", c->body, n, rows.fault);
    /* Neither the end nor a fault goes away. */
    assert_false(peers ? wire_peer_rows_next(&rows, body, &peer)
                       : wire_index_rows_next(&rows, body, &rfc));
    release(body);
}

static void peer_rows_are_believed_or_not(void **state)
{
    static const struct body_case cases[] = {
        {PH, 0, 0},
        {PH P P, 2, 0},
        {PH "192.0.2.1\t4294967295\t0\t0\t1\t4294967295\t" T "\tunknown\n", 1, 0},
        {PH "2001:db8::1\t1\t1\t0\t65535\t0\t" T "\tno\n", 1, 0},
        /* more columns to the right */
        {"Hostname\tPeer\tActive\tTTL\tPort\tRegistrations\tLast-Registered\tReachable\tNew\n"
         "192.0.2.1\t1\t1\t7200\t40001\t3\t" T "\tyes\tx\ty\n" P,
         2, 0},
        {"", 0, 1},
        {"\n", 0, 1},
        {P, 0, 1},
        {IH, 0, 1},
        {"Hostname\n", 0, 1},
        {"Hostname\tPeer\tActive\tTTL\tPort\tRegistrations\tLast-Registered\tReachables\n", 0, 1},
        {"Hostname\tPeer\tActive\tTTL\tPort\tRegistrations\tLast-Registered\tReachable", 0, 1},
        {PH "\n", 0, 2},
        {PH P "\n" P, 1, 3},
        {PH P "192.0.2.1", 1, 3},
        {PH P "192.0.2.1\t1\t1\t7200\t40001\t3\t" T "\tyes", 1, 3},
        {PH "192.0.2.1\t1\t1\t7200\t40001\t3\t" T "\n", 0, 2},
        {PH "localhost\t1\t1\t7200\t40001\t3\t" T "\tyes\n", 0, 2},
        {PH "192.0.2.256\t1\t1\t7200\t40001\t3\t" T "\tyes\n", 0, 2},
        {PH "0.0.0.0\t1\t1\t7200\t40001\t3\t" T "\tyes\n", 0, 2},
        {PH "::\t1\t1\t7200\t40001\t3\t" T "\tyes\n", 0, 2},
        {PH "\t1\t1\t7200\t40001\t3\t" T "\tyes\n", 0, 2},
        {PH "192.0.2.1\t4294967296\t1\t7200\t40001\t3\t" T "\tyes\n", 0, 2},
        {PH "192.0.2.1\t1\t2\t7200\t40001\t3\t" T "\tyes\n", 0, 2},
        {PH "192.0.2.1\t1\tyes\t7200\t40001\t3\t" T "\tyes\n", 0, 2},
        {PH "192.0.2.1\t1\t1\t7201\t40001\t3\t" T "\tyes\n", 0, 2},
        {PH "192.0.2.1\t1\t1\t-1\t40001\t3\t" T "\tyes\n", 0, 2},
        {PH "192.0.2.1\t1\t1\t7200\t0\t3\t" T "\tyes\n", 0, 2},
        {PH "192.0.2.1\t1\t1\t7200\t65536\t3\t" T "\tyes\n", 0, 2},
        {PH "192.0.2.1\t1\t1\t7200\t40001\t\t" T "\tyes\n", 0, 2},
        {PH "192.0.2.1\t1\t1\t7200\t40001\t3\tyesterday\tyes\n", 0, 2},
        {PH "192.0.2.1\t1\t1\t7200\t40001\t3\t" T "\tperhaps\n", 0, 2},
        {PH "192.0.2.1\t1\t1\t7200\t40001\t3\t" T "\tyes\r\n", 0, 2},
        {PH P " 192.0.2.1\t1\t1\t7200\t40001\t3\t" T "\tyes\n", 1, 3},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        check(&cases[i], true);
}

static void index_rows_are_believed_or_not(void **state)
{
    static const struct body_case cases[] = {
        {IH, 0, 0},
        {IH I I, 2, 0},
        {IH "99999999\t\t2001:db8::1\t1\t0\t9223372036854775807\t" SHA "\n", 1, 0},
        {"RFC\tTitle\tHostname\tPort\tTTL\tSize\tSHA-256\tStars\n"
         "1\tT\t192.0.2.1\t1\t0\t0\t" SHA "\t*****\n" I,
         2, 0},
        {"", 0, 1},
        {PH, 0, 1},
        {"rfc\tTitle\tHostname\tPort\tTTL\tSize\tSHA-256\n", 0, 1},
        {IH "0\tT\t192.0.2.1\t1\t0\t0\t" SHA "\n", 0, 2},
        {IH "100000000\tT\t192.0.2.1\t1\t0\t0\t" SHA "\n", 0, 2},
        {IH "RFC1\tT\t192.0.2.1\t1\t0\t0\t" SHA "\n", 0, 2},
        {IH "1\tT\t192.0.2.1\t0\t0\t0\t" SHA "\n", 0, 2},
        {IH "1\tT\texample.org\t1\t0\t0\t" SHA "\n", 0, 2},
        {IH "1\tT\t192.0.2.1\t1\t7201\t0\t" SHA "\n", 0, 2},
        {IH "1\tT\t192.0.2.1\t1\t0\t9223372036854775808\t" SHA "\n", 0, 2},
        {IH "1\tT\t192.0.2.1\t1\t0\t-1\t" SHA "\n", 0, 2},
        {IH "1\tT\t192.0.2.1\t1\t0\t0\t" SHA "0\n", 0, 2},
        {IH "1\tT\t192.0.2.1\t1\t0\t0\t\n", 0, 2},
        {IH "1\tT\t192.0.2.1\t1\t0\t0\n", 0, 2},
        {IH "1\tT\tT\t192.0.2.1\t1\t0\t0\t" SHA "\n", 0, 2},
        {IH I "1\tT", 1, 3},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        check(&cases[i], false);
}

static void titles_are_cleaned_on_the_way_in(void **state)
{
    static const char body[] = IH "1\tRed\x1b\r[31m title\xff\t192.0.2.1\t1\t0\t0\t" SHA "\n";
    struct wire_rows c = {0};
    struct wire_index_row row;
    char *big = malloc(2000);
    int n;

    (void)state;
    assert_true(wire_index_rows_next(&c, (struct slice){body, sizeof(body) - 1}, &row));
    assert_string_equal(row.title, "Red [31m title\xef\xbf\xbd");

    assert_non_null(big);
    n = snprintf(big, 2000, IH "1\t%01000d\t192.0.2.1\t1\t0\t0\t" SHA "\n", 0);
    c = (struct wire_rows){0};
    assert_true(wire_index_rows_next(&c, (struct slice){big, (size_t)n}, &row));
    assert_int_equal(strlen(row.title), WIRE_TITLE_SIZE - 1);
    free(big);
}

static void a_body_cut_short_is_never_a_shorter_body(void **state)
{
    static const char body[] = IH I I;

    (void)state;
    for (size_t n = 0; n < sizeof(body) - 1; n++) {
        struct slice part = exact(body, n);
        struct wire_rows c = {0};
        struct wire_index_row row;
        bool at_line_end = n > 0 && body[n - 1] == '\n';

        while (wire_index_rows_next(&c, part, &row))
            continue;
        assert_int_equal(c.fault[0] == '\0', at_line_end);
        release(part);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_look_like_this),
        cmocka_unit_test(peer_rows_parse_to_what_was_formatted),
        cmocka_unit_test(index_rows_parse_to_what_was_formatted),
        cmocka_unit_test(peer_rows_are_believed_or_not),
        cmocka_unit_test(index_rows_are_believed_or_not),
        cmocka_unit_test(titles_are_cleaned_on_the_way_in),
        cmocka_unit_test(a_body_cut_short_is_never_a_shorter_body),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
