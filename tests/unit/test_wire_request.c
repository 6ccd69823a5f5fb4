/*
 * What requests say, and what is wrong with those that are refused; the same however they are cut, and
 * formatting is parsing backwards.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "p2pdi/base/random.h"
#include "wire_pieces.h"

#define F "P2P-DI/1.0\r\n"
#define H "HTTP/1.1\r\n"
#define E "\r\n"
#define HASH "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

/* Everything that a request says, in words, so that a table can hold it. */
static void describe(struct buf *out, const struct wire_request *r)
{
    buf_printf(out, "%s %s", r->form == WIRE_HTTP ? "http" : "framed",
               wire_method_words(r->method));
    if (r->form == WIRE_HTTP)
        buf_printf(out, " 1.%u %.*s", r->http_minor, (int)r->target.n, r->target.p);
    if (r->method == WIRE_GET_RFC)
        buf_printf(out, " %u", r->rfc);
    if (r->host.n > 0)
        buf_printf(out, " host=%.*s", (int)r->host.n, r->host.p);
    if (r->os.n > 0)
        buf_printf(out, " os=%.*s", (int)r->os.n, r->os.p);
    if (r->has_port)
        buf_printf(out, " port=%u", r->port);
    if (r->has_cookie)
        buf_printf(out, " cookie=%llu", (unsigned long long)r->cookie);
    if (r->since.p != NULL)
        buf_printf(out, " since=%.*s", (int)r->since.n, r->since.p);
    if (r->wait_s > 0)
        buf_printf(out, " wait=%u", r->wait_s);
    if (r->limit > 0)
        buf_printf(out, " limit=%llu", (unsigned long long)r->limit);
    if (r->scope_own)
        buf_append_str(out, " own");
    if (r->accept & WIRE_ZSTD)
        buf_append_str(out, " zstd");
    if (r->accept & WIRE_GZIP)
        buf_append_str(out, " gzip");
    if (r->has_dictionary)
        buf_printf(out, " dictionary=%u,%02x%02x", r->dictionary_rfc, r->dictionary.byte[0],
                   r->dictionary.byte[31]);
    if (r->range.kind == WIRE_RANGE_FROM_TO)
        buf_printf(out, " range=%llu..%llu", (unsigned long long)r->range.first,
                   (unsigned long long)r->range.last);
    if (r->range.kind == WIRE_RANGE_FROM)
        buf_printf(out, " range=%llu..", (unsigned long long)r->range.first);
    if (r->range.kind == WIRE_RANGE_SUFFIX)
        buf_printf(out, " range=..%llu", (unsigned long long)r->range.last);
    if (r->has_if_none_match)
        buf_printf(out, " if-none-match%s=%.*s", r->if_none_match_any ? "(any)" : "",
                   (int)r->if_none_match.n, r->if_none_match.p);
    if (r->has_if_match)
        buf_printf(out, " if-match%s=%.*s", r->if_match_any ? "(any)" : "", (int)r->if_match.n,
                   r->if_match.p);
    if (r->nonce.p != NULL)
        buf_printf(out, " nonce=%.*s", (int)r->nonce.n, r->nonce.p);
    if (r->close)
        buf_append_str(out, " close");
    buf_append_char(out, '\0');
}

struct request_case {
    const char *bytes;
    int status;       /* 0: says is what it says */
    const char *says; /* "close": of a refused one, that the connection ends */
};

static const struct request_case cases[] = {
    /* each message */
    {"REGISTER " F "Host: 10.0.0.1" E "Port: 40001" E E, 0,
     "framed REGISTER host=10.0.0.1 port=40001"},
    {"REGISTER " F "Host: h" E "Port: 65535" E "Cookie: 9223372036854775807" E "OS: Linux 6.1" E E,
     0, "framed REGISTER host=h os=Linux 6.1 port=65535 cookie=9223372036854775807"},
    {"REGISTER " F "port: 00001" E E, 0, "framed REGISTER port=1"},
    {"LEAVE " F "Cookie: 0" E E, 0, "framed LEAVE cookie=0"},
    {"LEAVE " F E, 0, "framed LEAVE"},
    {"KEEP-ALIVE " F "COOKIE:76" E E, 0, "framed KEEP-ALIVE cookie=76"},
    {"PQUERY " F E, 0, "framed PQUERY"},
    {"PQUERY " F "Cookie: 76" E "Since: a.1" E "Wait: 60" E E, 0,
     "framed PQUERY cookie=76 since=a.1 wait=60"},
    {"PQUERY " F "Since:" E "Wait: 0" E E, 0, "framed PQUERY since="},
    {"PQUERY " F "Wait: 61" E E, 0, "framed PQUERY wait=60"},
    {"PQUERY " F "Wait: 18446744073709551615" E E, 0, "framed PQUERY wait=60"},
    {"PQUERY " F "Limit: 1" E E, 0, "framed PQUERY limit=1"},
    {"PQUERY " F "Limit: 18446744073709551615" E E, 0, "framed PQUERY limit=18446744073709551615"},
    {"GET RFC-Index " F E, 0, "framed GET RFC-Index"},
    {"GET RFC-INDEX " F "Scope: own" E "Accept-Encoding: zstd" E E, 0,
     "framed GET RFC-Index own zstd"},
    {"GET rfc-index " F "Scope: OWN" E E, 0, "framed GET RFC-Index own"},
    {"GET RFC 8609 " F "Host: h" E "OS: o" E E, 0, "framed GET RFC 8609 host=h os=o"},
    {"GET rfc 00000000008609 " F E, 0, "framed GET RFC 8609"},
    {"GET RFC 0 " F E, 0, "framed GET RFC 0"},
    {"GET RFC 99999999 " F E, 0, "framed GET RFC 99999999"},
    {"GET RFC 1 " F "Range: bytes=0-0" E E, 0, "framed GET RFC 1 range=0..0"},
    {"GET RFC 1 " F "Range: bytes=5-18446744073709551615" E E, 0,
     "framed GET RFC 1 range=5..18446744073709551615"},
    {"GET RFC 1 " F "If-None-Match: \"ab\"" E "If-Match: *" E E, 0,
     "framed GET RFC 1 if-none-match=\"ab\" if-match(any)=*"},
    {"GET RFC 1 " F "If-None-Match: *" E "If-Match: \"a\", \"b\"" E E, 0,
     "framed GET RFC 1 if-none-match(any)=* if-match=\"a\", \"b\""},
    {"GET RFC 1 " F "Accept-Encoding: zstd" E "Dictionary: 8549 " HASH E E, 0,
     "framed GET RFC 1 zstd dictionary=8549,01ef"},
    {"GET RFC 1 " F "dictionary: 99999999 " HASH E E, 0,
     "framed GET RFC 1 dictionary=99999999,01ef"},
    {"GET /rfc/1 " H "Dictionary: x" E E, 0, "http GET 1.1 /rfc/1"},
    {"GET RFC 1 " F "Dictionary: 0 " HASH E E, 400, ""},
    {"GET RFC 1 " F "Dictionary: 100000000 " HASH E E, 400, ""},
    {"GET RFC 1 " F "Dictionary: 8549" E E, 400, ""},
    {"GET RFC 1 " F "Dictionary: 8549  " HASH E E, 400, ""},
    {"GET RFC 1 " F "Dictionary: 8549 " HASH "0" E E, 400, ""},
    {"GET RFC 1 " F "Dictionary: " HASH E E, 400, ""},
    {"PROBE " F "Nonce: 0a1b~!" E E, 0, "framed PROBE nonce=0a1b~!"},
    /* fields around */
    {"LEAVE " F "X-New: 1" E "Sincere: 1" E E, 0, "framed LEAVE"},
    {"LEAVE " F "X-New: 1" E "X-New: 2" E E, 0, "framed LEAVE"},
    {"LEAVE " F "If-Range: x" E "Peer: -" E "TTL: x" E E, 0, "framed LEAVE"},
    {"LEAVE " F "Host: \t a  b \t" E E, 0, "framed LEAVE host=a  b"},
    {"LEAVE " F "Connection: close" E E, 0, "framed LEAVE close"},
    {"LEAVE " F "Connection: x, CLOSE ,y" E E, 0, "framed LEAVE close"},
    {"LEAVE " F "Connection: close" E "Connection: keep-alive" E E, 0, "framed LEAVE close"},
    {"LEAVE " F "Connection: closed" E E, 0, "framed LEAVE"},
    {"LEAVE " F "Content-Length: 3" E E, 0, "framed LEAVE"},
    {"LEAVE " F "Accept-Encoding: gzip" E "Accept-Encoding: br , Zstd;q=0.5" E E, 0,
     "framed LEAVE zstd gzip"},
    {"LEAVE " F "Accept-Encoding: gzip;q=0, zstd; Q=0.000, *, identity" E E, 0, "framed LEAVE"},
    {"LEAVE " F "Accept-Encoding: gzip;q=0.001, zstd;q=00x" E E, 0, "framed LEAVE zstd gzip"},
    {"LEAVE " F "Accept-Encoding: gzip;level=0, zstd;q" E E, 0, "framed LEAVE zstd gzip"},
    {"LEAVE " F "Accept-Encoding: gzip;q:0, zstd;q=1" E E, 0, "framed LEAVE zstd gzip"},
    {"LEAVE " F "Accept-Encoding:" E E, 0, "framed LEAVE"},
    /* HTTP */
    {"GET / " H E, 0, "http GET 1.1 /"},
    {"HEAD /rfc/8609.txt " H "Host: h:1" E E, 0, "http HEAD 1.1 /rfc/8609.txt host=h:1"},
    {"GET / HTTP/1.0" E E, 0, "http GET 1.0 / close"},
    {"GET / HTTP/1.0" E "Connection: keep-alive" E E, 0, "http GET 1.0 / close"},
    {"GET / HTTP/1.7" E E, 0, "http GET 1.1 /"},
    {"GET / " H "Connection: close" E E, 0, "http GET 1.1 / close"},
    {"GET /a?b=c?d " H E, 0, "http GET 1.1 /a"},
    {"GET /? " H E, 0, "http GET 1.1 /"},
    {"GET http://h:80/a/b?c " H E, 0, "http GET 1.1 /a/b"},
    {"GET http://h/ab " H E, 0, "http GET 1.1 /ab"},
    {"GET HTTP://h " H E, 0, "http GET 1.1 /"},
    {"GET / " H "Cookie: a=b" E "Port: x" E "Limit: 0" E "Since: 1" E E, 0, "http GET 1.1 /"},
    {"GET / " H "Accept-Encoding: gzip, deflate, br, zstd" E E, 0, "http GET 1.1 / zstd gzip"},
    {"GET / " H "Range: bytes=0-499" E E, 0, "http GET 1.1 / range=0..499"},
    {"GET / " H "Range: BYTES=500-" E E, 0, "http GET 1.1 / range=500.."},
    {"GET / " H "Range: bytes=-500" E E, 0, "http GET 1.1 / range=..500"},
    {"GET / " H "Range: bytes=-0" E E, 0, "http GET 1.1 / range=..0"},
    {"GET / " H "Range: bytes=0-1,3-4" E E, 0, "http GET 1.1 /"},
    {"GET / " H "Range: bytes=0-1,3-" E E, 0, "http GET 1.1 /"},
    {"GET / " H "Range: bytes=-" E E, 0, "http GET 1.1 /"},
    {"GET / " H "Range: bytes=--1" E E, 0, "http GET 1.1 /"},
    {"GET / " H "Range: bytes=" E E, 0, "http GET 1.1 /"},
    {"GET / " H "Range: bytes=5" E E, 0, "http GET 1.1 /"},
    {"GET / " H "Range: bytes=x-5" E E, 0, "http GET 1.1 /"},
    {"GET / " H "Range: bytes=5-4" E E, 0, "http GET 1.1 /"},
    {"GET / " H "Range: bytes=0-18446744073709551616" E E, 0, "http GET 1.1 /"},
    {"GET / " H "Range: lines=0-1" E E, 0, "http GET 1.1 /"},
    {"GET / " H "Range:" E E, 0, "http GET 1.1 /"},
    {"GET / " H "If-Range: \"x\"" E "Range: bytes=0-1" E E, 0, "http GET 1.1 /"},
    {"GET / " H "Range: bytes=0-1" E "If-Range: \"x\"" E E, 0, "http GET 1.1 /"},
    {"GET / " H "If-None-Match: W/\"x\"" E E, 0, "http GET 1.1 / if-none-match=W/\"x\""},
    /* first lines that are wrong */
    {"register " F "Port: 1" E E, 405, ""},
    {"FETCH RFC 1 " F E, 405, ""},
    {"FETCH " F "Connection: close" E E, 405, "close"},
    {"FETCH " F "Port: x" E E, 400, ""},
    {"GETRFC 1 " F E, 405, ""},
    {"get RFC 1 " F E, 405, ""},
    {"FE(CH " F E, 400, ""},
    {" " F E, 400, ""},
    {"  " F E, 400, ""},
    {"GET " F E, 400, ""},
    {"GET RFC " F E, 400, ""},
    {"GET RFC  " F E, 400, ""},
    {"GET  RFC 1 " F E, 400, ""},
    {"GET RFC  1 " F E, 400, ""},
    {"GET RFC 1  " F E, 400, ""},
    {"GET RFC\t1 " F E, 400, ""},
    {"GET RFC 1 2 " F E, 400, ""},
    {"GET RFC -1 " F E, 400, ""},
    {"GET RFC x " F E, 400, ""},
    {"GET RFC 100000000 " F E, 400, ""},
    {"GET RFC 4294967297 " F E, 400, ""},
    {"GET RFC 18446744073709551617 " F E, 400, ""},
    {"GET RFC-Index 1 " F E, 400, ""},
    {"GET RFCs " F E, 400, ""},
    {"GET /rfc/1.txt " F E, 400, ""},
    {"LEAVE now " F E, 400, ""},
    {"REGISTER  " F "Port: 1" E E, 400, ""},
    {"LEAVE P2P-DI/2.0" E E, 505, ""},
    {"POST / " H E, 405, ""},
    {"POST / " H "Connection: close" E E, 405, "close"},
    {"DELETE /rfc/1.txt HTTP/1.0" E E, 405, "close"},
    {"OPTIONS * " H E, 405, ""},
    {"get / " H E, 405, ""},
    {"GET " H E, 400, ""},
    {"GET  " H E, 400, ""},
    {"GET  / " H E, 400, ""},
    {"GET /a b " H E, 400, ""},
    {"GET /\xc3\xa9 " H E, 400, ""},
    {"GET /a\tb " H E, 400, ""},
    {"GET rfc/1.txt " H E, 400, ""},
    {"GET * " H E, 400, ""},
    {"GET https://h/ " H E, 400, ""},
    {"G(T / " H E, 400, ""},
    {"GET / HTTP/3.0" E E, 505, ""},
    {"GET / HTTP/1" E E, 400, ""},
    /* fields that are wrong */
    {"REGISTER " F E, 400, ""},
    {"REGISTER " F "Port: 0" E E, 400, ""},
    {"REGISTER " F "Port: 65536" E E, 400, ""},
    {"REGISTER " F "Port: 4295007297" E E, 400, ""},
    {"REGISTER " F "Port:" E E, 400, ""},
    {"REGISTER " F "Port: -1" E E, 400, ""},
    {"REGISTER " F "Port: 80 80" E E, 400, ""},
    {"REGISTER " F "Port: 1" E "Port: 1" E E, 400, ""},
    {"LEAVE " F "Cookie: 9223372036854775808" E E, 400, ""},
    {"LEAVE " F "Cookie: 18446744073709551617" E E, 400, ""},
    {"LEAVE " F "Cookie:" E E, 400, ""},
    {"LEAVE " F "Cookie: 7 6" E E, 400, ""},
    {"LEAVE " F "Cookie: 76" E "cookie: 76" E E, 400, ""},
    {"PQUERY " F "Wait: -1" E E, 400, ""},
    {"PQUERY " F "Wait: 18446744073709551616" E E, 400, ""},
    {"PQUERY " F "Limit: 0" E E, 400, ""},
    {"PQUERY " F "Limit: 5" E "Since: x" E E, 400, ""},
    {"PQUERY " F "Wait: 5" E "Limit: 5" E E, 400, ""},
    {"GET RFC-Index " F "Scope: all" E E, 400, ""},
    {"GET RFC 1 " F "Range: bytes=0-" E E, 400, ""},
    {"GET RFC 1 " F "Range: bytes=-1" E E, 400, ""},
    {"GET RFC 1 " F "Range: bytes=2-1" E E, 400, ""},
    {"GET RFC 1 " F "Range: bytes=0-1,2-3" E E, 400, ""},
    {"GET RFC 1 " F "Range: BYTES=0-1" E E, 400, ""},
    {"GET RFC 1 " F "Range: bytes=0-18446744073709551616" E E, 400, ""},
    {"GET RFC 1 " F "Range: x" E E, 400, ""},
    {"PROBE " F E, 400, ""},
    {"PROBE " F "Nonce:" E E, 400, ""},
    {"PROBE " F "Nonce: a b" E E, 400, ""},
    {"PROBE " F "Nonce: \xc3\xa9" E E, 400, ""},
    {"PROBE " F "Nonce: 1234567890123456789012345678901234567890123456789012345678901234" E E, 0,
     "framed PROBE nonce=1234567890123456789012345678901234567890123456789012345678901234"},
    {"PROBE " F "Nonce: 12345678901234567890123456789012345678901234567890123456789012345" E E, 400,
     ""},
    {"GET / " H "Host: a" E "Host: b" E E, 400, ""},
    {"GET / " H "Transfer-Encoding: chunked" E E, 400, ""},
};

/* What a server would do with these bytes: framing first, then parsing. */
static int judge(const char *bytes, struct wire_request *r, struct wire_fault *fault)
{
    struct wire_frame f;
    enum wire_verdict v;

    if (!wire_feed_all_ways(wire_request_frame, &f, bytes, strlen(bytes), &v))
        fail_msg("\"%s\": the verdict depends on the cut", bytes);
    if (v == WIRE_MORE)
        fail_msg("\"%s\": has no end", bytes);
    if (v == WIRE_BAD) {
        *r = (struct wire_request){.form = f.form};
        *fault = f.fault;
        return f.fault.status;
    }
    return wire_request_parse(bytes, f.head_len, r, fault);
}

static void requests_say_what_they_say(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct request_case *c = &cases[i];
        struct wire_request r;
        struct wire_fault fault;
        struct buf text;
        int status = judge(c->bytes, &r, &fault);

        if (status != c->status || fault.status != c->status)
            fail_msg("\"%s\": status %d (%s)", c->bytes, status, fault.text);
        if ((status == 0) != (fault.text[0] == '\0'))
            fail_msg("\"%s\": \"%s\"", c->bytes, fault.text);
        if (r.form != (strstr(c->bytes, "HTTP/1.") != NULL || strstr(c->bytes, "HTTP/3.") != NULL
                           ? WIRE_HTTP
                           : WIRE_FRAMED))
            fail_msg("\"%s\": form %d", c->bytes, (int)r.form);
        if (status != 0) {
            assert_int_equal(r.close, strcmp(c->says, "close") == 0);
            continue;
        }
        buf_init(&text, 10000);
        describe(&text, &r);
        assert_int_equal(buf_status(&text), DI_OK);
        assert_string_equal(buf_bytes(&text), c->says);
        buf_fini(&text);
    }
}

static void single_fields_may_stand_once(void **state)
{
    static const struct {
        const char *line;
        bool list;
    } fields[] = {
        {"Accept-Encoding: zstd", true},
        {"Connection: close", true},
        {"Content-Length: 0", false},
        {"Cookie: 1", false},
        {"Dictionary: 1 " HASH, false},
        {"Host: h", false},
        {"If-Match: *", false},
        {"If-None-Match: *", false},
        {"Limit: 1", false},
        {"Nonce: n", false},
        {"OS: o", false},
        {"Port: 1", false},
        {"Range: bytes=0-1", false},
        {"Scope: own", false},
        {"Since: 1", false},
        {"Wait: 1", false},
        {"X-Other: 1", true},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
        struct wire_request r;
        struct wire_fault fault;
        char bytes[200];

        (void)snprintf(bytes, sizeof(bytes), "LEAVE " F "%s\r\nX: y\r\n\r\n", fields[i].line);
        assert_int_equal(judge(bytes, &r, &fault), 0);
        (void)snprintf(bytes, sizeof(bytes), "LEAVE " F "%s\r\nX: y\r\n%s\r\n\r\n", fields[i].line,
                       fields[i].line);
        assert_int_equal(judge(bytes, &r, &fault), fields[i].list ? 0 : 400);
    }
}

/* Nobody hands it such heads; it is safe with them all the same. */
static void the_parser_alone_refuses_what_framing_would(void **state)
{
    static const struct {
        const char *bytes;
        int status;
    } heads[] = {
        {"", 400},
        {"\r\n", 400},
        {"LEAVE P2P-DI/1.0", 0},
        {"LEAVE P2P-DI/1.0\nHost: h\nOS: o", 0},
        {"LEAVE " F "no colon", 400},
        {"LEAVE " F " Host: h" E E, 400},
        {"LEAVE " F ":" E E, 400},
        {"PROBE " F "Nonce: \x7f" E E, 400},
        {"PROBE " F "Nonce: \x01" E E, 400},
    };
    char many[512] = "LEAVE " F;
    struct wire_request r;
    struct wire_fault fault;

    (void)state;
    for (size_t i = 0; i < sizeof(heads) / sizeof(heads[0]); i++) {
        size_t n = strlen(heads[i].bytes);
        if (wire_request_parse(heads[i].bytes, n, &r, &fault) != heads[i].status)
            fail_msg("\"%s\": status %d", heads[i].bytes, fault.status);
    }
    assert_int_equal(wire_request_parse(NULL, 0, &r, &fault), 400);

    for (int i = 0; i <= WIRE_FIELDS_MAX; i++)
        (void)strncat(many, "X: y\r\n", sizeof(many) - strlen(many) - 1);
    assert_int_equal(wire_request_parse(many, strlen(many), &r, &fault), 431);
}

/* ---- there and back ---------------------------------------------------------------------------- */

static struct slice random_text(struct prng *p, char *room, size_t max)
{
    size_t n = 1 + prng_below(p, max);

    for (size_t i = 0; i < n; i++)
        room[i] = (char)('!' + prng_below(p, '~' - '!' + 1));
    return (struct slice){room, n};
}

static bool coin(struct prng *p)
{
    return prng_below(p, 2) == 0;
}

/* Large and small numbers alike. */
static uint64_t random_number(struct prng *p, uint64_t max)
{
    uint64_t n = prng_next(p) >> prng_below(p, 64);

    return n % max + 1;
}

static void what_is_formatted_parses_to_the_same(void **state)
{
    struct prng p;

    (void)state;
    prng_seed(&p, 8609);
    for (int round = 0; round < 20000; round++) {
        char room[8][80];
        struct wire_request r = {.method = (enum wire_method)prng_below(&p, WIRE_HTTP_GET)};
        struct wire_request back;
        struct wire_fault fault;
        struct buf out, want, got;

        if (r.method == WIRE_GET_RFC)
            r.rfc = (uint32_t)prng_below(&p, WIRE_RFC_MAX + 1);
        if (coin(&p))
            r.host = random_text(&p, room[0], 60);
        if (coin(&p))
            r.os = random_text(&p, room[1], 60);
        r.has_port = r.method == WIRE_REGISTER || coin(&p);
        r.port = (uint16_t)random_number(&p, 65535);
        r.has_cookie = coin(&p);
        r.cookie = random_number(&p, INT64_MAX);
        if (coin(&p))
            r.since = random_text(&p, room[2], 60);
        r.wait_s = (unsigned)prng_below(&p, WIRE_WAIT_MAX_S + 1);
        if (r.since.p == NULL && r.wait_s == 0)
            r.limit = random_number(&p, UINT64_MAX);
        r.scope_own = coin(&p);
        r.accept = (unsigned)prng_below(&p, 4);
        r.has_dictionary = prng_below(&p, 2) == 1;
        if (r.has_dictionary) {
            r.dictionary_rfc = 1 + (uint32_t)prng_below(&p, WIRE_RFC_MAX);
            for (size_t k = 0; k < sizeof(r.dictionary.byte); k++)
                r.dictionary.byte[k] = (uint8_t)prng_below(&p, 256);
        }
        if (coin(&p)) {
            r.range.kind = WIRE_RANGE_FROM_TO;
            r.range.first = random_number(&p, UINT64_MAX / 2);
            r.range.last = r.range.first + random_number(&p, UINT64_MAX / 2);
        }
        r.has_if_none_match = coin(&p);
        r.if_none_match_any = r.has_if_none_match && coin(&p);
        r.if_none_match = r.if_none_match_any ? SLICE("*") : random_text(&p, room[3], 75);
        r.has_if_match = coin(&p);
        r.if_match_any = r.has_if_match && coin(&p);
        r.if_match = r.if_match_any ? SLICE("*") : random_text(&p, room[4], 75);
        if (slice_equal(r.if_match, SLICE("*")))
            r.if_match_any = true;
        if (slice_equal(r.if_none_match, SLICE("*")))
            r.if_none_match_any = true;
        if (r.method == WIRE_PROBE || coin(&p))
            r.nonce = random_text(&p, room[5], 64);
        r.close = coin(&p);

        buf_init(&out, 8192);
        buf_init(&want, 8192);
        buf_init(&got, 8192);
        wire_request_format(&out, &r);
        assert_int_equal(buf_status(&out), DI_OK);
        if (wire_request_parse(buf_bytes(&out), out.len, &back, &fault) != 0)
            fail_msg("round %d: %s: %.*s", round, fault.text, (int)out.len, buf_bytes(&out));
        describe(&want, &r);
        describe(&got, &back);
        assert_string_equal(buf_bytes(&got), buf_bytes(&want));
        buf_fini(&out);
        buf_fini(&want);
        buf_fini(&got);
    }
}

static void values_do_not_end_their_line(void **state)
{
    static const char host[] = "a\r\nCookie: 1\0\x7f\tb";
    struct wire_request r = {.method = WIRE_LEAVE, .host = {host, sizeof(host) - 1}};
    struct buf out;

    (void)state;
    buf_init(&out, 1000);
    wire_request_format(&out, &r);
    buf_append_char(&out, '\0');
    assert_string_equal(buf_bytes(&out), "LEAVE " F "Host: a  Cookie: 1  \tb\r\n\r\n");
    buf_fini(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(requests_say_what_they_say),
        cmocka_unit_test(single_fields_may_stand_once),
        cmocka_unit_test(the_parser_alone_refuses_what_framing_would),
        cmocka_unit_test(what_is_formatted_parses_to_the_same),
        cmocka_unit_test(values_do_not_end_their_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
