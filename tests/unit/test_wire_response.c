/* What answers say to a client, and which it does not believe. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "wire_pieces.h"

#define HEX "0123456789abcdef0123456789abcdef0123456789abcdef0123456789ABCDEF"
#define LOW "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define E "\r\n"

static void describe(struct buf *out, const struct wire_response *r)
{
    char hex[SHA256_HEX_SIZE];

    buf_printf(out, "%d", r->status);
    if (r->has_content_length)
        buf_printf(out, " length=%llu", (unsigned long long)r->content_length);
    if (r->has_cookie)
        buf_printf(out, " cookie=%llu", (unsigned long long)r->cookie);
    if (r->has_peer)
        buf_printf(out, " peer=%u", r->peer);
    if (r->has_ttl)
        buf_printf(out, " ttl=%u", r->ttl_s);
    if (r->reachable.n > 0)
        buf_printf(out, " reachable=%.*s", (int)r->reachable.n, r->reachable.p);
    if (r->has_active_peers)
        buf_printf(out, " active=%llu", (unsigned long long)r->active_peers);
    if (r->index_version.n > 0)
        buf_printf(out, " version=%.*s", (int)r->index_version.n, r->index_version.p);
    if (r->delta)
        buf_append_str(out, " delta");
    if (r->has_sha256) {
        sha256_format(&r->sha256, hex);
        buf_printf(out, " sha256=%s", hex);
    }
    if (r->has_content_range)
        buf_printf(out, " range=%llu-%llu/%llu", (unsigned long long)r->range_first,
                   (unsigned long long)r->range_last, (unsigned long long)r->range_total);
    if (r->encoding != WIRE_IDENTITY)
        buf_append_str(out, r->encoding == WIRE_ZSTD   ? " zstd"
                            : r->encoding == WIRE_GZIP ? " gzip"
                                                       : " dcz");
    if (r->location.n > 0)
        buf_printf(out, " location=%.*s", (int)r->location.n, r->location.p);
    if (r->has_retry_after)
        buf_printf(out, " retry=%u", r->retry_after_s);
    if (r->nonce.n > 0)
        buf_printf(out, " nonce=%.*s", (int)r->nonce.n, r->nonce.p);
    if (r->close)
        buf_append_str(out, " close");
    buf_append_char(out, '\0');
}

/* All but "P2P-DI/1.0 ". says NULL: not believed. */
static const struct {
    const char *bytes;
    const char *says;
} cases[] = {
    {"200 OK" E E, "200"},
    {"200 OK" E "Cookie: 76" E "Peer: 3" E "TTL: 7200" E "Reachable: unknown" E E,
     "200 cookie=76 peer=3 ttl=7200 reachable=unknown"},
    {"200 OK" E "cookie: 9223372036854775807" E "Peer: 4294967295" E "TTL: 0" E
     "Reachable: yes" E E,
     "200 cookie=9223372036854775807 peer=4294967295 ttl=0 reachable=yes"},
    {"200 OK" E "Reachable: no" E E, "200 reachable=no"},
    {"200 OK" E "Active-Peers: 2" E "Index-Version: a.1" E "Delta: yes" E "Content-Length: 5" E E,
     "200 length=5 active=2 version=a.1 delta"},
    {"204 No Active Peers" E "Active-Peers: 0" E "Index-Version: a.2" E E,
     "204 active=0 version=a.2"},
    {"304 Not Modified" E "Index-Version: a.2" E E, "304 version=a.2"},
    {"206 Partial Content" E "Content-Range: bytes 0-4/5" E "SHA-256: " HEX E
     "Content-Encoding: zstd" E E,
     "206 sha256=" LOW " range=0-4/5 zstd"},
    {"206 Partial Content" E
     "Content-Range: bytes 18446744073709551613-18446744073709551614/18446744073709551615" E E,
     "206 range=18446744073709551613-18446744073709551614/18446744073709551615"},
    {"206 Partial Content" E "Content-Range: bytes 4-4/5" E E, "206 range=4-4/5"},
    {"416 Range Not Satisfiable" E "Content-Range: bytes */5" E E, "416"},
    {"200 OK" E "Content-Encoding: gzip" E E, "200 gzip"},
    {"200 OK" E "Content-Encoding: dcz" E E, "200 dcz"},
    {"200 OK" E "Content-Encoding: identity" E E, "200"},
    {"302 Found" E "Location: 192.0.2.1:40001" E E, "302 location=192.0.2.1:40001"},
    {"503 Service Unavailable" E "Retry-After: 1" E "Connection: close" E E, "503 retry=1 close"},
    {"200 OK" E "Nonce: n" E "Connection: keep-alive" E E, "200 nonce=n"},
    {"200 OK" E "X-New: 1" E "Port: x" E "Host: y" E "X-New: 2" E E, "200"},
    {"299 New" E E, "299"},
    {"200 " E E, "200"},

    {"200" E E, NULL},
    {"20 OK" E E, NULL},
    {"200 OK" E "no colon" E E, NULL},
    {"200 OK" E "Content-Length: 9223372036854775808" E E, NULL},
    {"200 OK" E "Content-Length:" E E, NULL},
    {"200 OK" E "Cookie: 9223372036854775808" E E, NULL},
    {"200 OK" E "Cookie: x" E E, NULL},
    {"200 OK" E "Cookie: 1" E "Cookie: 1" E E, NULL},
    {"200 OK" E "Peer: 4294967296" E E, NULL},
    {"200 OK" E "TTL: 7201" E E, NULL},
    {"200 OK" E "TTL: -1" E E, NULL},
    {"200 OK" E "Reachable: maybe" E E, NULL},
    {"200 OK" E "Active-Peers: 18446744073709551616" E E, NULL},
    {"200 OK" E "Delta: no" E E, NULL},
    {"200 OK" E "SHA-256: 00" E E, NULL},
    {"200 OK" E "Content-Encoding: br" E E, NULL},
    {"200 OK" E "Retry-After: Sun, 01 Aug 2026 00:00:00 GMT" E E, NULL},
    {"206 Partial Content" E E, NULL},
    {"206 Partial Content" E "Content-Range: bytes" E E, NULL},
    {"206 Partial Content" E "Content-Range: lines 0-4/5" E E, NULL},
    {"206 Partial Content" E "Content-Range: bytes 0-4" E E, NULL},
    {"206 Partial Content" E "Content-Range: bytes 4/5" E E, NULL},
    {"206 Partial Content" E "Content-Range: bytes -4/5" E E, NULL},
    {"206 Partial Content" E "Content-Range: bytes 0-x/5" E E, NULL},
    {"206 Partial Content" E "Content-Range: bytes 0-4/*" E E, NULL},
    {"206 Partial Content" E "Content-Range: bytes 0-5/5" E E, NULL},
    {"206 Partial Content" E "Content-Range: bytes 3-2/5" E E, NULL},
    {"206 Partial Content" E "Content-Range: bytes 0-0/18446744073709551616" E E, NULL},
};

static void answers_say_what_they_say(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct wire_response r;
        struct wire_fault fault;
        struct wire_frame f;
        enum wire_verdict v;
        char bytes[512];
        size_t n = (size_t)snprintf(bytes, sizeof(bytes), "P2P-DI/1.0 %s", cases[i].bytes);
        enum di_err err = wire_response_parse(bytes, n, &r, &fault);
        struct buf text;

        assert_true(wire_feed_all_ways(wire_response_frame, &f, bytes, n, &v));
        if (cases[i].says == NULL) {
            if (err != DI_PROTOCOL || fault.text[0] == '\0' || fault.status == 0)
                fail_msg("\"%s\" was believed", cases[i].bytes);
            continue;
        }
        if (err != DI_OK || fault.status != 0)
            fail_msg("\"%s\": %s", cases[i].bytes, fault.text);
        assert_int_equal(v, WIRE_WHOLE);
        assert_int_equal(f.head_len, n);
        assert_int_equal(f.body_len, r.content_length);
        buf_init(&text, 10000);
        describe(&text, &r);
        assert_int_equal(buf_status(&text), DI_OK);
        assert_string_equal(buf_bytes(&text), cases[i].says);
        buf_fini(&text);
    }
}

/* ---- answers out -------------------------------------------------------------------------------- */

static const int statuses[] = {
#define X(code, phrase) code,
    WIRE_STATUS_MAP(X)
#undef X
};

static void every_status_has_its_line_in_both_forms(void **state)
{
    static const struct {
        int status;
        const char *phrase;
    } some[] = {{200, "OK"},
                {204, "No Active Peers"},
                {431, "Request Header Fields Too Large"},
                {299, "Unknown"}};

    (void)state;
    for (size_t i = 0; i < sizeof(some) / sizeof(some[0]); i++)
        assert_string_equal(wire_status_phrase(some[i].status), some[i].phrase);
    for (size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++) {
        char want[100];
        struct buf out;
        const char *phrase = wire_status_phrase(statuses[i]);

        buf_init(&out, 1000);
        wire_head_begin(&out, WIRE_FRAMED, statuses[i]);
        wire_head_begin(&out, WIRE_HTTP, statuses[i]);
        buf_append_char(&out, '\0');
        (void)snprintf(want, sizeof(want), "P2P-DI/1.0 %d %s\r\nHTTP/1.1 %d %s\r\n", statuses[i],
                       phrase, statuses[i], statuses[i] == 204 ? "No Content" : phrase);
        assert_string_equal(buf_bytes(&out), want);
        buf_fini(&out);
    }
}

static void errors_that_leave_the_stream_in_doubt_close(void **state)
{
    static const int closing[] = {400, 408, 413, 431, 503, 505};

    (void)state;
    for (size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++) {
        bool closes = false;
        for (size_t j = 0; j < sizeof(closing) / sizeof(closing[0]); j++)
            closes |= closing[j] == statuses[i];
        assert_int_equal(wire_status_closes(statuses[i]), closes);
    }
}

static void assert_error(enum wire_form form, int status, const char *what, const char *want)
{
    struct wire_fault fault;
    struct buf out;

    wire_fault_set(&fault, status, "%s", what);
    buf_init(&out, 4096);
    wire_error_format(&out, form, &fault);
    buf_append_char(&out, '\0');
    assert_int_equal(buf_status(&out), DI_OK);
    assert_string_equal(buf_bytes(&out), want);
    buf_fini(&out);
}

static void errors_say_what_was_wrong(void **state)
{
    (void)state;
    assert_error(WIRE_FRAMED, 404, "no RFC 1 here",
                 "P2P-DI/1.0 404 Not Found\r\nContent-Type: text/plain; charset=utf-8\r\n"
                 "Content-Length: 14\r\n\r\nno RFC 1 here\n");
    assert_error(WIRE_HTTP, 400, "",
                 "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\n"
                 "Content-Length: 1\r\nConnection: close\r\n\r\n\n");
    assert_error(WIRE_FRAMED, 503, "busy",
                 "P2P-DI/1.0 503 Service Unavailable\r\nContent-Type: text/plain; charset=utf-8\r\n"
                 "Content-Length: 5\r\nRetry-After: 1\r\nConnection: close\r\n\r\nbusy\n");
    assert_error(WIRE_HTTP, 429, "slow",
                 "HTTP/1.1 429 Too Many Requests\r\nContent-Type: text/plain; charset=utf-8\r\n"
                 "Content-Length: 5\r\nRetry-After: 1\r\n\r\nslow\n");
    assert_error(WIRE_HTTP, 405, "no",
                 "HTTP/1.1 405 Method Not Allowed\r\nContent-Type: text/plain; charset=utf-8\r\n"
                 "Content-Length: 3\r\nAllow: GET, HEAD\r\n\r\nno\n");
    assert_error(WIRE_FRAMED, 405, "no",
                 "P2P-DI/1.0 405 Method Not Allowed\r\nContent-Type: text/plain; charset=utf-8\r\n"
                 "Content-Length: 3\r\n\r\nno\n");
}

static void long_faults_are_cut_to_their_room(void **state)
{
    struct wire_fault fault;

    (void)state;
    wire_fault_set(&fault, 400, "%0500d", 1);
    assert_int_equal(strlen(fault.text), sizeof(fault.text) - 1);
}

static void fields_of_answers_never_end_their_line(void **state)
{
    struct buf out;

    (void)state;
    buf_init(&out, 1000);
    wire_head_field(&out, "Nonce", "a\r\nSet: 1");
    wire_head_field(&out, "Empty", "");
    wire_head_field_u64(&out, "TTL", UINT64_MAX);
    wire_head_end(&out);
    buf_append_char(&out, '\0');
    assert_string_equal(buf_bytes(&out),
                        "Nonce: a  Set: 1\r\nEmpty: \r\nTTL: 18446744073709551615\r\n\r\n");
    buf_fini(&out);
}

static void what_an_error_says_parses(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++) {
        struct wire_response r;
        struct wire_fault fault, wrong;
        struct wire_frame f = {0};
        struct buf out;

        if (statuses[i] < 400)
            continue;
        wire_fault_set(&fault, statuses[i], "what was wrong with what");
        buf_init(&out, 4096);
        wire_error_format(&out, WIRE_FRAMED, &fault);
        assert_int_equal(wire_response_frame(&f, buf_bytes(&out), out.len), WIRE_WHOLE);
        assert_int_equal(f.head_len + f.body_len, out.len);
        assert_int_equal(wire_response_parse(buf_bytes(&out), f.head_len, &r, &wrong), DI_OK);
        assert_int_equal(r.status, statuses[i]);
        assert_int_equal(r.close, wire_status_closes(statuses[i]));
        buf_fini(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_say_what_they_say),
        cmocka_unit_test(every_status_has_its_line_in_both_forms),
        cmocka_unit_test(errors_that_leave_the_stream_in_doubt_close),
        cmocka_unit_test(errors_say_what_was_wrong),
        cmocka_unit_test(long_faults_are_cut_to_their_room),
        cmocka_unit_test(fields_of_answers_never_end_their_line),
        cmocka_unit_test(what_an_error_says_parses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
