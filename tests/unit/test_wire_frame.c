/* Where messages end, what is refused and at which byte; the same however the bytes are cut. */
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
#define BYTES(text) (text), sizeof(text) - 1
#define ALL 0 /* the verdict falls at the last byte */

struct request_case {
    const char *bytes;
    size_t len;
    enum wire_verdict verdict;
    int status;
    enum wire_form form;
    size_t falls_after; /* bytes after which the verdict falls; ALL: all of them */
    size_t head_len;    /* this and the next: of whole ones */
    uint64_t body_len;
};

static const struct request_case requests[] = {
    /* whole */
    {BYTES("LEAVE " F "\r\n"), WIRE_WHOLE, 0, WIRE_FRAMED, ALL, 20, 0},
    {BYTES("GET RFC 8609 " F "Host: h\r\nOS:\r\n\r\n"), WIRE_WHOLE, 0, WIRE_FRAMED, ALL, 41, 0},
    {BYTES("LEAVE " F "\r\nLEAVE " F "\r\n"), WIRE_WHOLE, 0, WIRE_FRAMED, 20, 20, 0},
    {BYTES("LEAVE " F "Content-Length: 5\r\n\r\nabcde"), WIRE_WHOLE, 0, WIRE_FRAMED, 39, 39, 5},
    {BYTES("LEAVE " F "content-LENGTH:0007 \t\r\n\r\n"), WIRE_WHOLE, 0, WIRE_FRAMED, ALL, 43, 7},
    {BYTES("LEAVE " F "Content-Length: 1048576\r\n\r\n"), WIRE_WHOLE, 0, WIRE_FRAMED, ALL, 45,
     1048576},
    {BYTES("LEAVE " F "X: \t\x80\xff \xc3\xa9\r\n\r\n"), WIRE_WHOLE, 0, WIRE_FRAMED, ALL, 31, 0},
    {BYTES("GET / " H "\r\n"), WIRE_WHOLE, 0, WIRE_HTTP, ALL, 18, 0},
    {BYTES("GET / HTTP/1.0\r\n\r\n"), WIRE_WHOLE, 0, WIRE_HTTP, ALL, 18, 0},
    {BYTES("GET / HTTP/1.9\r\n\r\n"), WIRE_WHOLE, 0, WIRE_HTTP, ALL, 18, 0},
    {BYTES("POST /x " H "Content-Length: 3\r\n\r\nabc"), WIRE_WHOLE, 0, WIRE_HTTP, 39, 39, 3},
    {BYTES("NONE-OF-OURS " F "\r\n"), WIRE_WHOLE, 0, WIRE_FRAMED, ALL, 27, 0},
    /* not yet */
    {BYTES(""), WIRE_MORE, 0, WIRE_FRAMED, ALL, 0, 0},
    {BYTES("LEAVE P2P-DI/1.0"), WIRE_MORE, 0, WIRE_FRAMED, ALL, 0, 0},
    {BYTES("LEAVE P2P-DI/1.0\r"), WIRE_MORE, 0, WIRE_FRAMED, ALL, 0, 0},
    {BYTES("LEAVE " F), WIRE_MORE, 0, WIRE_FRAMED, ALL, 0, 0},
    {BYTES("LEAVE " F "\r"), WIRE_MORE, 0, WIRE_FRAMED, ALL, 0, 0},
    {BYTES("LEAVE " F "no colon yet"), WIRE_MORE, 0, WIRE_FRAMED, ALL, 0, 0},
    {BYTES("GET /rfc/1.txt"), WIRE_MORE, 0, WIRE_HTTP, ALL, 0, 0},
    {BYTES("HEAD /rfc/1.txt"), WIRE_MORE, 0, WIRE_HTTP, ALL, 0, 0},
    {BYTES("GET http://h/"), WIRE_MORE, 0, WIRE_HTTP, ALL, 0, 0},
    {BYTES("GET / " H), WIRE_MORE, 0, WIRE_HTTP, ALL, 0, 0},
    /* first lines */
    {BYTES("\r\n"), WIRE_BAD, 400, WIRE_FRAMED, 2, 0, 0},
    {BYTES("\rLEAVE"), WIRE_BAD, 400, WIRE_FRAMED, 2, 0, 0},
    {BYTES("hello\r\nworld"), WIRE_BAD, 400, WIRE_FRAMED, 7, 0, 0},
    {BYTES(F "\r\n"), WIRE_BAD, 400, WIRE_FRAMED, 12, 0, 0},
    {BYTES("GET /\r\n\r\n"), WIRE_BAD, 400, WIRE_FRAMED, 7, 0, 0},
    {BYTES("LEAVE P2P-DI/1.0 \r\n\r\n"), WIRE_BAD, 400, WIRE_FRAMED, 19, 0, 0},
    {BYTES("LEAVE P2P-DI/1.0 Host: h Cookie: 76 40001 \r\n"), WIRE_BAD, 400, WIRE_FRAMED, 44, 0, 0},
    {BYTES("LEAVE p2p-di/1.0\r\n\r\n"), WIRE_BAD, 400, WIRE_FRAMED, 18, 0, 0},
    {BYTES("LEAVE P2P-DI/10\r\n\r\n"), WIRE_BAD, 400, WIRE_FRAMED, 17, 0, 0},
    {BYTES("LEAVE P2P-DI/1.00\r\n\r\n"), WIRE_BAD, 400, WIRE_FRAMED, 19, 0, 0},
    {BYTES("LEAVE P2P-DI/x.0\r\n\r\n"), WIRE_BAD, 400, WIRE_FRAMED, 18, 0, 0},
    {BYTES("LEAVE P2P-DI/:.0\r\n\r\n"), WIRE_BAD, 400, WIRE_FRAMED, 18, 0, 0},
    {BYTES("LEAVE P2P-DI/1./\r\n\r\n"), WIRE_BAD, 400, WIRE_FRAMED, 18, 0, 0},
    {BYTES("LEAVE P2P-DI/1x0\r\n\r\n"), WIRE_BAD, 400, WIRE_FRAMED, 18, 0, 0},
    {BYTES("LEAVE P2P-DI/1.x\r\n\r\n"), WIRE_BAD, 400, WIRE_FRAMED, 18, 0, 0},
    {BYTES("GET / HTTP/11\r\n\r\n"), WIRE_BAD, 400, WIRE_FRAMED, 15, 0, 0},
    {BYTES("P2P-DI/1.0 200 OK\r\n\r\n"), WIRE_BAD, 400, WIRE_FRAMED, 19, 0, 0},
    {BYTES("LEAVE P2P-DI/2.0\r\n\r\n"), WIRE_BAD, 505, WIRE_FRAMED, 18, 0, 0},
    {BYTES("LEAVE P2P-DI/1.1\r\n\r\n"), WIRE_BAD, 505, WIRE_FRAMED, 18, 0, 0},
    {BYTES("LEAVE P2P-DI/0.9\r\n\r\n"), WIRE_BAD, 505, WIRE_FRAMED, 18, 0, 0},
    {BYTES("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), WIRE_BAD, 505, WIRE_HTTP, 16, 0, 0},
    {BYTES("GET / HTTP/0.9\r\n\r\n"), WIRE_BAD, 505, WIRE_HTTP, 16, 0, 0},
    /* bytes */
    {BYTES("\x16\x03\x01\x02\x00\x01"), WIRE_BAD, 400, WIRE_FRAMED, 1, 0, 0},
    {BYTES("LEAVE\0 " F "\r\n"), WIRE_BAD, 400, WIRE_FRAMED, 6, 0, 0},
    {BYTES("LEAVE P2P-DI/1.0\n\n"), WIRE_BAD, 400, WIRE_FRAMED, 17, 0, 0},
    {BYTES("\nLEAVE " F "\r\n"), WIRE_BAD, 400, WIRE_FRAMED, 1, 0, 0},
    {BYTES("LEAVE P2P-DI/1.0\rX"), WIRE_BAD, 400, WIRE_FRAMED, 18, 0, 0},
    {BYTES("LEAVE P2P-DI/1.0\r\r\n"), WIRE_BAD, 400, WIRE_FRAMED, 18, 0, 0},
    {BYTES("LEAVE " F "\r\r\n"), WIRE_BAD, 400, WIRE_FRAMED, 20, 0, 0},
    {BYTES("LEAVE " F "Host: a\rb\r\n\r\n"), WIRE_BAD, 400, WIRE_FRAMED, 27, 0, 0},
    {BYTES("LEAVE " F "Host: a\nb\r\n\r\n"), WIRE_BAD, 400, WIRE_FRAMED, 26, 0, 0},
    {BYTES("LEAVE " F "Host: a\0\r\n\r\n"), WIRE_BAD, 400, WIRE_FRAMED, 26, 0, 0},
    {BYTES("LEAVE " F "Host: \x7f\r\n\r\n"), WIRE_BAD, 400, WIRE_FRAMED, 25, 0, 0},
    {BYTES("GET / HTTP/1.1\n\n"), WIRE_BAD, 400, WIRE_HTTP, 15, 0, 0},
    {BYTES("GET /\x01"), WIRE_BAD, 400, WIRE_HTTP, 6, 0, 0},
    {BYTES("GET / " H "A: \x1b[2J\r\n"), WIRE_BAD, 400, WIRE_HTTP, 20, 0, 0},
    /* fields */
    {BYTES("LEAVE " F "no colon\r\n\r\n"), WIRE_BAD, 400, WIRE_FRAMED, 28, 0, 0},
    {BYTES("LEAVE " F " Host: h\r\n\r\n"), WIRE_BAD, 400, WIRE_FRAMED, 28, 0, 0},
    {BYTES("LEAVE " F "\tHost: h\r\n\r\n"), WIRE_BAD, 400, WIRE_FRAMED, 28, 0, 0},
    {BYTES("LEAVE " F "Host: h\r\n folded\r\n\r\n"), WIRE_BAD, 400, WIRE_FRAMED, 36, 0, 0},
    {BYTES("LEAVE " F ": h\r\n\r\n"), WIRE_BAD, 400, WIRE_FRAMED, 23, 0, 0},
    {BYTES("LEAVE " F "Host : h\r\n\r\n"), WIRE_BAD, 400, WIRE_FRAMED, 28, 0, 0},
    {BYTES("LEAVE " F "Ho st: h\r\n\r\n"), WIRE_BAD, 400, WIRE_FRAMED, 28, 0, 0},
    {BYTES("LEAVE " F "H\xc3\xb6st: h\r\n\r\n"), WIRE_BAD, 400, WIRE_FRAMED, 28, 0, 0},
    {BYTES("LEAVE " F "H(st: h\r\n\r\n"), WIRE_BAD, 400, WIRE_FRAMED, 27, 0, 0},
    {BYTES("GET / " H "no colon\r\n"), WIRE_BAD, 400, WIRE_HTTP, ALL, 0, 0},
    /* lengths */
    {BYTES("LEAVE " F "Content-Length: 1\r\nContent-Length: 1\r\n\r\n"), WIRE_BAD, 400, WIRE_FRAMED,
     ALL, 0, 0},
    {BYTES("LEAVE " F "Content-Length:\r\n\r\n"), WIRE_BAD, 400, WIRE_FRAMED, ALL, 0, 0},
    {BYTES("LEAVE " F "Content-Length: -1\r\n\r\n"), WIRE_BAD, 400, WIRE_FRAMED, ALL, 0, 0},
    {BYTES("LEAVE " F "Content-Length: +1\r\n\r\n"), WIRE_BAD, 400, WIRE_FRAMED, ALL, 0, 0},
    {BYTES("LEAVE " F "Content-Length: 1, 1\r\n\r\n"), WIRE_BAD, 400, WIRE_FRAMED, ALL, 0, 0},
    {BYTES("LEAVE " F "Content-Length: 0x1\r\n\r\n"), WIRE_BAD, 400, WIRE_FRAMED, ALL, 0, 0},
    {BYTES("LEAVE " F "Content-Length: 1048577\r\n\r\n"), WIRE_BAD, 413, WIRE_FRAMED, ALL, 0, 0},
    {BYTES("LEAVE " F "Content-Length: 18446744073709551615\r\n\r\n"), WIRE_BAD, 413, WIRE_FRAMED,
     ALL, 0, 0},
    {BYTES("LEAVE " F "Content-Length: 18446744073709551616\r\n\r\n"), WIRE_BAD, 400, WIRE_FRAMED,
     ALL, 0, 0},
    {BYTES("LEAVE " F "Content-Length: 99999999999999999999999\r\n\r\n"), WIRE_BAD, 400,
     WIRE_FRAMED, ALL, 0, 0},
    {BYTES("LEAVE " F "Transfer-Encoding: chunked\r\n\r\n"), WIRE_BAD, 400, WIRE_FRAMED, ALL, 0, 0},
    {BYTES("POST / " H "transfer-encoding: chunked\r\nContent-Length: 1\r\n\r\n"), WIRE_BAD, 400,
     WIRE_HTTP, ALL, 0, 0},
};

static void check_request(const struct request_case *c)
{
    struct wire_frame f;
    enum wire_verdict v;
    bool same = wire_feed_all_ways(wire_request_frame, &f, c->bytes, c->len, &v);

    if (!same)
        fail_msg("\"%s\": the verdict depends on the cut", c->bytes);
    if (v != c->verdict || f.fault.status != c->status)
        fail_msg("\"%s\": verdict %d, status %d (%s)", c->bytes, (int)v, f.fault.status,
                 f.fault.text);
    if (f.form != c->form)
        fail_msg("\"%s\": form %d", c->bytes, (int)f.form);
    if (f.scanned != (c->falls_after == ALL ? c->len : c->falls_after))
        fail_msg("\"%s\": the verdict falls after %zu bytes", c->bytes, f.scanned);
    if (v == WIRE_WHOLE && (f.head_len != c->head_len || f.body_len != c->body_len))
        fail_msg("\"%s\": head %zu, body %llu", c->bytes, f.head_len,
                 (unsigned long long)f.body_len);
    if ((c->status != 0) != (f.fault.text[0] != '\0') || strchr(f.fault.text, '\n') != NULL)
        fail_msg("\"%s\": not one line says what is wrong: \"%s\"", c->bytes, f.fault.text);
}

static void requests_end_where_they_should(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(requests) / sizeof(requests[0]); i++)
        check_request(&requests[i]);
}

/* ---- limits ---------------------------------------------------------------------------------- */

/* "LEAVE P2P-DI/1.0", one field that fills it up to size bytes in all. */
static char *head_of_size(size_t size)
{
    static const char front[] = "LEAVE " F "X: ";
    char *head = malloc(size);

    assert_non_null(head);
    memset(head, 'x', size);
    memcpy(head, front, sizeof(front) - 1);
    memcpy(head + size - 4, "\r\n\r\n", 4);
    return head;
}

static void heads_end_within_8192_bytes(void **state)
{
    struct wire_frame f;
    enum wire_verdict v;
    char *head = head_of_size(WIRE_HEAD_MAX);

    (void)state;
    assert_true(wire_feed_all_ways(wire_request_frame, &f, head, WIRE_HEAD_MAX, &v));
    assert_int_equal(v, WIRE_WHOLE);
    assert_int_equal(f.head_len, WIRE_HEAD_MAX);
    free(head);

    head = head_of_size(WIRE_HEAD_MAX + 1);
    assert_true(wire_feed_all_ways(wire_request_frame, &f, head, WIRE_HEAD_MAX + 1, &v));
    assert_int_equal(v, WIRE_BAD);
    assert_int_equal(f.fault.status, 431);
    assert_int_equal(f.form, WIRE_FRAMED);
    assert_int_equal(f.scanned, WIRE_HEAD_MAX);
    free(head);
}

static void endless_first_lines_are_refused_in_the_form_they_seem_to_have(void **state)
{
    static const struct {
        const char *front;
        enum wire_form form;
    } cases[] = {{"GET /", WIRE_HTTP},        {"HEAD /", WIRE_HTTP},     {"GET http://", WIRE_HTTP},
                 {"HEAD http://", WIRE_HTTP}, {"GET RFC ", WIRE_FRAMED}, {"", WIRE_FRAMED}};
    static char line[WIRE_HEAD_MAX * 4];
    struct wire_frame f;
    enum wire_verdict v;

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        memset(line, 'a', sizeof(line));
        memcpy(line, cases[i].front, strlen(cases[i].front));
        assert_true(wire_feed_all_ways(wire_request_frame, &f, line, WIRE_HEAD_MAX + 2, &v));
        assert_int_equal(v, WIRE_BAD);
        assert_int_equal(f.fault.status, 431);
        assert_int_equal(f.form, cases[i].form);
        f = (struct wire_frame){0};
        assert_int_equal(wire_request_frame(&f, line, sizeof(line)), WIRE_BAD);
        assert_int_equal(f.scanned, WIRE_HEAD_MAX);
        f = (struct wire_frame){0};
        assert_int_equal(wire_request_frame(&f, line, WIRE_HEAD_MAX - 1), WIRE_MORE);
    }
}

static void heads_have_at_most_32_fields(void **state)
{
    char head[1024];
    struct wire_frame f;
    enum wire_verdict v;

    (void)state;
    for (int fields = 31; fields <= 34; fields++) {
        int n = snprintf(head, sizeof(head), "LEAVE " F);
        for (int i = 0; i < fields; i++)
            n += snprintf(head + n, sizeof(head) - (size_t)n, "X%d: y\r\n", i);
        n += snprintf(head + n, sizeof(head) - (size_t)n, "\r\n");
        assert_true(wire_feed_all_ways(wire_request_frame, &f, head, (size_t)n, &v));
        assert_int_equal(v, fields <= WIRE_FIELDS_MAX ? WIRE_WHOLE : WIRE_BAD);
        assert_int_equal(f.fault.status, fields <= WIRE_FIELDS_MAX ? 0 : 431);
    }
}

/* ---- every byte, everywhere ------------------------------------------------------------------ */

/* The grammar of PROTOCOL.md once more, in other words. */
static bool may_stand_in_name(int c)
{
    return c > 0 && c < 128 &&
           strchr("!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ",
                  c) != NULL;
}

static bool may_stand_in_value(int c)
{
    return c == '\t' || (c >= 32 && c != 127);
}

static void each_byte_is_judged_by_its_place(void **state)
{
    struct wire_frame f;
    enum wire_verdict v;

    (void)state;
    for (int c = 0; c < 256; c++) {
        char name[] = "LEAVE " F "Na?me: value\r\n\r\n";
        char value[] = "LEAVE " F "Name: va?lue\r\n\r\n";
        char first[] = "LE?AVE " F "\r\n";

        *strchr(name, '?') = (char)c;
        *strchr(value, '?') = (char)c;
        *strchr(first, '?') = (char)c;
        assert_true(wire_feed_all_ways(wire_request_frame, &f, name, sizeof(name) - 1, &v));
        /* A colon ends the name early, and that is fine. */
        assert_int_equal(v, may_stand_in_name(c) || c == ':' ? WIRE_WHOLE : WIRE_BAD);
        assert_true(wire_feed_all_ways(wire_request_frame, &f, value, sizeof(value) - 1, &v));
        assert_int_equal(v, may_stand_in_value(c) ? WIRE_WHOLE : WIRE_BAD);
        assert_true(wire_feed_all_ways(wire_request_frame, &f, first, sizeof(first) - 1, &v));
        assert_int_equal(v, may_stand_in_value(c) ? WIRE_WHOLE : WIRE_BAD);
    }
}

static void random_bytes_get_one_verdict(void **state)
{
    static const char *const words[] = {"GET ",       "RFC ",     "8609", " ",
                                        "P2P-DI/1.0", "HTTP/1.1", "\r\n", "\r\n",
                                        "\r\n\r\n",   "Host",     ":",    "Content-Length: ",
                                        "0",          "1",        "\t",   "\r",
                                        "\n",         "\0",       "/",    "LEAVE "};
    struct prng p;
    struct wire_frame f;
    enum wire_verdict v;
    size_t seen[3] = {0};

    (void)state;
    prng_seed(&p, 20260801);
    for (int round = 0; round < 20000; round++) {
        char text[256];
        size_t n = 0;
        size_t count = prng_below(&p, 14);
        if (prng_below(&p, 2) == 0) {
            n = sizeof("LEAVE " F) - 1;
            memcpy(text, "LEAVE " F, n);
        }
        for (size_t i = 0; i < count; i++) {
            const char *w = words[prng_below(&p, sizeof(words) / sizeof(words[0]))];
            size_t len = *w == '\0' ? 1 : strlen(w);
            memcpy(text + n, w, len);
            n += len;
        }
        assert_true(wire_feed_all_ways(wire_request_frame, &f, text, n, &v));
        assert_true(wire_feed_all_ways(wire_response_frame, &f, text, n, &v));
        f = (struct wire_frame){0};
        seen[wire_request_frame(&f, text, n)]++;
    }
    /* Otherwise nothing was tried. */
    assert_true(seen[WIRE_MORE] > 100 && seen[WIRE_WHOLE] > 100 && seen[WIRE_BAD] > 100);
}

/* ---- several on one connection --------------------------------------------------------------- */

static void pipelined_requests_are_taken_one_by_one(void **state)
{
    static const char bytes[] = "REGISTER " F "Port: 1\r\n\r\n"
                                "LEAVE " F "Content-Length: 2\r\n\r\n\n\n"
                                "GET / " H "\r\n"
                                "PQUERY " F "\r\n"
                                "KEEP";
    static const char *const begin[] = {"REGISTER", "LEAVE", "GET /", "PQUERY"};
    size_t at = 0;
    struct wire_frame f;

    (void)state;
    for (size_t i = 0; i < sizeof(begin) / sizeof(begin[0]); i++) {
        f = (struct wire_frame){0};
        assert_int_equal(wire_request_frame(&f, bytes + at, sizeof(bytes) - 1 - at), WIRE_WHOLE);
        assert_memory_equal(bytes + at, begin[i], strlen(begin[i]));
        at += f.head_len + f.body_len;
    }
    f = (struct wire_frame){0};
    assert_int_equal(wire_request_frame(&f, bytes + at, sizeof(bytes) - 1 - at), WIRE_MORE);
    assert_string_equal(bytes + at, "KEEP");
}

/* ---- responses ------------------------------------------------------------------------------- */

static const struct {
    const char *bytes;
    enum wire_verdict verdict;
    uint64_t body_len;
} responses[] = {
    {"P2P-DI/1.0 200 OK\r\n\r\n", WIRE_WHOLE, 0},
    {"P2P-DI/1.0 200 OK\r\nContent-Length: 9223372036854775807\r\n\r\n", WIRE_WHOLE, INT64_MAX},
    {"P2P-DI/1.0 200 \r\n\r\n", WIRE_WHOLE, 0},
    {"P2P-DI/1.0 599 Odd but allowed\r\n\r\n", WIRE_WHOLE, 0},
    {"P2P-DI/1.0 100 Odd\r\n\r\n", WIRE_WHOLE, 0},
    {"P2P-DI/1.0 204 No Active Peers\r\nActive-Peers: 0\r\n\r\n", WIRE_WHOLE, 0},
    {"P2P-DI/1.0 304 Not Modified\r\n\r\n", WIRE_WHOLE, 0},
    {"P2P-DI/1.0 200 OK\r\n", WIRE_MORE, 0},
    {"P2P-DI/1.0 204 No Active Peers\r\nContent-Length: 0\r\n\r\n", WIRE_BAD, 0},
    {"P2P-DI/1.0 304 Not Modified\r\nContent-Length: 0\r\n\r\n", WIRE_BAD, 0},
    {"P2P-DI/1.0 200 OK\r\nContent-Length: 9223372036854775808\r\n\r\n", WIRE_BAD, 0},
    {"P2P-DI/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", WIRE_BAD, 0},
    {"P2P-DI/1.0 200\r\n\r\n", WIRE_BAD, 0},
    {"P2P-DI/1.0 2000 OK\r\n\r\n", WIRE_BAD, 0},
    {"P2P-DI/1.0 20 OK\r\n\r\n", WIRE_BAD, 0},
    {"P2P-DI/1.0 2x0 OK\r\n\r\n", WIRE_BAD, 0},
    {"P2P-DI/1.0 099 OK\r\n\r\n", WIRE_BAD, 0},
    {"P2P-DI/1.0 600 OK\r\n\r\n", WIRE_BAD, 0},
    {"P2P-DI/1.0  200 OK\r\n\r\n", WIRE_BAD, 0},
    {"P2P-DI/1.1 200 OK\r\n\r\n", WIRE_BAD, 0},
    {"HTTP/1.1 200 OK\r\n\r\n", WIRE_BAD, 0},
    {"SSH-2.0-OpenSSH_9.2p1\r\n", WIRE_BAD, 0},
    {"\r\n", WIRE_BAD, 0},
    {"P2P-DI/1.0 200 OK\n\n", WIRE_BAD, 0},
    {"P2P-DI/1.0 200 OK\r\nno colon\r\n\r\n", WIRE_BAD, 0},
};

static void responses_end_where_they_should(void **state)
{
    struct wire_frame f;
    enum wire_verdict v;

    (void)state;
    for (size_t i = 0; i < sizeof(responses) / sizeof(responses[0]); i++) {
        const char *bytes = responses[i].bytes;
        assert_true(wire_feed_all_ways(wire_response_frame, &f, bytes, strlen(bytes), &v));
        if (v != responses[i].verdict || (v == WIRE_BAD) != (f.fault.status != 0))
            fail_msg("\"%s\": verdict %d (%s)", bytes, (int)v, f.fault.text);
        if (v == WIRE_WHOLE && (f.body_len != responses[i].body_len || f.head_len != strlen(bytes)))
            fail_msg("\"%s\": head %zu, body %llu", bytes, f.head_len,
                     (unsigned long long)f.body_len);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(requests_end_where_they_should),
        cmocka_unit_test(heads_end_within_8192_bytes),
        cmocka_unit_test(endless_first_lines_are_refused_in_the_form_they_seem_to_have),
        cmocka_unit_test(heads_have_at_most_32_fields),
        cmocka_unit_test(each_byte_is_judged_by_its_place),
        cmocka_unit_test(random_bytes_get_one_verdict),
        cmocka_unit_test(pipelined_requests_are_taken_one_by_one),
        cmocka_unit_test(responses_end_where_they_should),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
