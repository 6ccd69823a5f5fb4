/* The peer's port as others see it: framed and HTTP requests on raw sockets. */
#include "peer_world.h"

#include "p2pdi/base/clock.h"
#include "p2pdi/net/stream.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SIZE 5000

static struct node node;
static char hex[SHA256_HEX_SIZE];
static char *document;
static size_t size;

static int start(void **state)
{
    (void)state;
    struct sha256 digest;
    world_start(&world);
    node_init(&node, "serving");
    node_write(&node, 8609, 1, SIZE);
    node_write(&node, 7, 1, 300);
    document = help_document(8609, "Document 8609 <&>", 1, SIZE, &size);
    assert_int_equal(sha256_of(document, size, &digest), DI_OK);
    sha256_format(&digest, hex);
    node_start(&node, &world);
    assert_int_equal(peer_wait_rfcs(node.peer, 2, WORLD_WAIT_US), DI_OK);
    return 0;
}

static int stop(void **state)
{
    (void)state;
    node_fini(&node);
    world_stop(&world);
    free(document);
    return 0;
}

/* The answer to what the format says, sent as one piece on a connection that then ends. */
static char *ask(size_t *len, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static char *ask(size_t *len, const char *fmt, ...)
{
    char text[2000];
    size_t ignored = 0;
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    return raw_exchange(peer_addr(node.peer), text, len != NULL ? len : &ignored);
}

static void expect_start(const char *answer, const char *start_with)
{
    if (strncmp(answer, start_with, strlen(start_with)) != 0)
        fail_msg("expected %s, got %.300s", start_with, answer);
}

static void expect_in(const char *answer, const char *part)
{
    if (strstr(answer, part) == NULL)
        fail_msg("expected %s in %.600s", part, answer);
}

static void expect_body(const char *answer, size_t len, const char *body, size_t body_len)
{
    const char *at = strstr(answer, "\r\n\r\n");
    assert_non_null(at);
    at += 4;
    assert_int_equal(len - (size_t)(at - answer), body_len);
    assert_memory_equal(at, body, body_len);
}

static void document_comes_with_its_digest(void **state)
{
    (void)state;
    size_t len = 0;
    char *a = ask(&len, "GET RFC 8609 P2P-DI/1.0\r\nConnection: close\r\n\r\n");
    expect_start(a, "P2P-DI/1.0 200 OK\r\n");
    expect_in(a, hex);
    expect_in(a, "\r\nLast-Modified: ");
    expect_in(a, "\r\nContent-Type: text/plain; charset=utf-8\r\n");
    expect_body(a, len, document, size);
    free(a);
}

static void range_gives_those_bytes(void **state)
{
    (void)state;
    size_t len = 0;
    char range[60];
    char *a = ask(&len, "GET RFC 8609 P2P-DI/1.0\r\nRange: bytes=100-199\r\n"
                        "Connection: close\r\n\r\n");
    expect_start(a, "P2P-DI/1.0 206 ");
    snprintf(range, sizeof(range), "Content-Range: bytes 100-199/%zu\r\n", size);
    expect_in(a, range);
    expect_in(a, hex);
    expect_body(a, len, document + 100, 100);
    free(a);

    a = ask(NULL, "GET RFC 8609 P2P-DI/1.0\r\nRange: bytes=%zu-%zu\r\nConnection: close\r\n\r\n",
            size, size + 1);
    expect_start(a, "P2P-DI/1.0 416 ");
    free(a);
}

static void conditions_are_kept(void **state)
{
    (void)state;
    size_t len = 0;
    char other[SHA256_HEX_SIZE];
    memset(other, 'a', sizeof(other) - 1);
    other[sizeof(other) - 1] = '\0';
    char *a = ask(&len,
                  "GET RFC 8609 P2P-DI/1.0\r\nIf-None-Match: \"%s\"\r\n"
                  "Connection: close\r\n\r\n",
                  hex);
    expect_start(a, "P2P-DI/1.0 304 ");
    assert_null(strstr(a, "Content-Length"));
    expect_body(a, len, "", 0);
    free(a);
    a = ask(NULL, "GET RFC 8609 P2P-DI/1.0\r\nIf-Match: \"%s\"\r\nConnection: close\r\n\r\n",
            other);
    expect_start(a, "P2P-DI/1.0 409 ");
    free(a);
    a = ask(NULL, "GET RFC 8609 P2P-DI/1.0\r\nIf-Match: \"%s\"\r\nConnection: close\r\n\r\n", hex);
    expect_start(a, "P2P-DI/1.0 200 ");
    free(a);
}

static void unheld_document_is_404(void **state)
{
    (void)state;
    char *a = ask(NULL, "GET RFC 9 P2P-DI/1.0\r\nConnection: close\r\n\r\n");
    expect_start(a, "P2P-DI/1.0 404 ");
    expect_in(a, "RFC 9 is not held here\n");
    free(a);
}

static void requests_of_the_rs_are_405(void **state)
{
    (void)state;
    static const char *const methods[] = {"REGISTER", "LEAVE", "KEEP-ALIVE", "PQUERY"};
    for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++) {
        char *a = ask(NULL, "%s P2P-DI/1.0\r\nPort: 4000\r\nConnection: close\r\n\r\n", methods[i]);
        expect_start(a, "P2P-DI/1.0 405 ");
        free(a);
    }
}

static void probe_echoes_the_nonce(void **state)
{
    (void)state;
    char *a = ask(NULL, "PROBE P2P-DI/1.0\r\nNonce: a1b2\r\nConnection: close\r\n\r\n");
    expect_start(a, "P2P-DI/1.0 200 ");
    expect_in(a, "\r\nNonce: a1b2\r\n");
    free(a);
}

static void pipelined_requests_are_answered_in_order(void **state)
{
    (void)state;
    char *a = ask(NULL, "PROBE P2P-DI/1.0\r\nNonce: one\r\n\r\n"
                        "GET RFC 7 P2P-DI/1.0\r\n\r\n"
                        "PROBE P2P-DI/1.0\r\nNonce: two\r\nConnection: close\r\n\r\n");
    const char *one = strstr(a, "Nonce: one");
    const char *seven = strstr(a, "SHA-256: ");
    const char *two = strstr(a, "Nonce: two");
    assert_non_null(one);
    assert_non_null(two);
    assert_true(one < seven && seven < two);
    free(a);
}

/* Nine peers, as their Port says, over one connection so that no time passes between them. */
static void who_has_no_turn_is_pointed_to_one_that_got_it(void **state)
{
    char text[2000] = "";
    size_t len = 0, at = 0;
    char *answer = NULL;
    unsigned served = 0;
    (void)state;
    for (unsigned port = 5001; port <= 5009; port++)
        at += (size_t)snprintf(text + at, sizeof(text) - at,
                               "GET RFC 8609 P2P-DI/1.0\r\nPort: %u\r\n\r\n", port);
    answer = ask(&len,
                 "%sGET RFC 8609 P2P-DI/1.0\r\nPort: 5001\r\n\r\n"
                 "GET RFC 8609 P2P-DI/1.0\r\nConnection: close\r\n\r\n",
                 text);
    for (const char *p = answer; (p = strstr(p, "P2P-DI/1.0 200 OK")) != NULL; p++)
        served++;
    /* Eight, the first of them once more, and one that does not say where it serves. */
    assert_int_equal(served, 10);
    expect_in(answer, "P2P-DI/1.0 302 Found\r\nLocation: 127.0.0.1:5008\r\n");
    free(answer);
}

/* All turns are taken; still nobody has got the other document, for none of these has a body. */
static void who_is_sent_no_document_has_not_got_it(void **state)
{
    char text[2000] = "";
    size_t at = 0;
    char *answer = NULL;
    (void)state;
    for (unsigned port = 5001; port <= 5008; port++)
        at += (size_t)snprintf(text + at, sizeof(text) - at,
                               "GET RFC 8609 P2P-DI/1.0\r\nPort: %u\r\n\r\n", port);
    answer = ask(NULL,
                 "%sGET RFC 7 P2P-DI/1.0\r\nPort: 5009\r\nIf-Match: \"%064d\"\r\n\r\n"
                 "GET RFC 7 P2P-DI/1.0\r\nPort: 5009\r\nIf-None-Match: *\r\n\r\n"
                 "GET RFC 7 P2P-DI/1.0\r\nPort: 5009\r\nRange: bytes=9000-9001\r\n\r\n"
                 "GET RFC 7 P2P-DI/1.0\r\nPort: 5010\r\nConnection: close\r\n\r\n",
                 text, 0);
    expect_in(answer, "P2P-DI/1.0 409 Conflict\r\n");
    expect_in(answer, "P2P-DI/1.0 304 Not Modified\r\n");
    expect_in(answer, "P2P-DI/1.0 416 Range Not Satisfiable\r\n");
    assert_null(strstr(answer, "Location: 127.0.0.1:5009\r\n"));
    free(answer);
}

static void http_serves_the_same(void **state)
{
    (void)state;
    static const char *const paths[] = {"/rfc/8609.txt", "/rfc8609.txt"};
    for (size_t i = 0; i < 2; i++) {
        size_t len = 0;
        char *a = ask(&len, "GET %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", paths[i]);
        expect_start(a, "HTTP/1.1 200 OK\r\n");
        expect_in(a, "\r\nETag: \"");
        expect_in(a, hex);
        expect_body(a, len, document, size);
        free(a);
    }
    size_t len = 0;
    char *a = ask(&len, "HEAD /rfc/8609.txt HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    expect_start(a, "HTTP/1.1 200 OK\r\n");
    expect_in(a, "\r\nContent-Length: ");
    expect_body(a, len, "", 0);
    free(a);
    a = ask(&len, "GET /rfc/8609.txt HTTP/1.0\r\n\r\n");
    expect_in(a, "200 OK\r\n");
    expect_body(a, len, document, size);
    free(a);
    a = ask(&len, "GET /rfc/8609.txt HTTP/1.1\r\nHost: x\r\nRange: bytes=-10\r\n"
                  "Connection: close\r\n\r\n");
    expect_start(a, "HTTP/1.1 206 ");
    expect_body(a, len, document + size - 10, 10);
    free(a);
    a = ask(&len,
            "GET /rfc/8609.txt HTTP/1.1\r\nHost: x\r\nIf-None-Match: \"%s\"\r\n"
            "Connection: close\r\n\r\n",
            hex);
    expect_start(a, "HTTP/1.1 304 ");
    free(a);
}

static void http_pages_list_what_is_held(void **state)
{
    (void)state;
    char *a = ask(NULL, "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    expect_start(a, "HTTP/1.1 200 OK\r\n");
    expect_in(a, "\r\nContent-Type: text/html");
    expect_in(a, "<a href=\"/rfc/8609.txt\">");
    expect_in(a, "Document 8609 &lt;&amp;&gt;");
    assert_null(strstr(a, "<&>"));
    free(a);
    a = ask(NULL, "GET /index.tsv HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    expect_in(a, "RFC\tTitle\tHostname\tPort\tTTL\tSize\tSHA-256\n");
    expect_in(a, "\n8609\tDocument 8609 <&>\t127.0.0.1\t");
    free(a);
    a = ask(NULL, "GET /index.json HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    expect_in(a, "\"rfc\":8609");
    expect_in(a, hex);
    free(a);
    a = ask(NULL, "GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    expect_in(a, "p2pdi_documents_held");
    free(a);
    static const char *const nowhere[] = {
        "/x",          "/rfc/",        "/rfc/8609", "/rfc/8609.doc", "/rfc/99999999999.txt",
        "/rfc/-1.txt", "/rfc/../1.txt"};
    for (size_t i = 0; i < sizeof(nowhere) / sizeof(nowhere[0]); i++) {
        a = ask(NULL, "GET %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", nowhere[i]);
        expect_start(a, "HTTP/1.1 404 ");
        free(a);
    }
}

/* ---- the index --------------------------------------------------------------------------------- */

static void version_of(const char *answer, char version[64])
{
    const char *at = strstr(answer, "\r\nIndex-Version: ");
    assert_non_null(at);
    assert_int_equal(sscanf(at, "\r\nIndex-Version: %63[^\r]", version), 1);
}

static void index_tells_what_changed_since(void **state)
{
    (void)state;
    char version[64];
    char row[80];
    char *a = ask(NULL, "GET RFC-Index P2P-DI/1.0\r\nScope: own\r\nConnection: close\r\n\r\n");
    expect_start(a, "P2P-DI/1.0 200 OK\r\n");
    snprintf(row, sizeof(row), "\t127.0.0.1\t%u\t7200\t", peer_addr(node.peer)->port);
    expect_in(a, row);
    assert_null(strstr(a, "Delta"));
    version_of(a, version);
    free(a);

    a = ask(NULL,
            "GET RFC-Index P2P-DI/1.0\r\nScope: own\r\nSince: %s\r\nConnection: close\r\n\r\n",
            version);
    expect_start(a, "P2P-DI/1.0 304 ");
    free(a);

    node_write(&node, 90001, 1, 400);
    assert_int_equal(peer_wait_rfcs(node.peer, 3, WORLD_WAIT_US), DI_OK);
    a = ask(NULL,
            "GET RFC-Index P2P-DI/1.0\r\nScope: own\r\nSince: %s\r\nConnection: close\r\n\r\n",
            version);
    expect_start(a, "P2P-DI/1.0 200 OK\r\n");
    expect_in(a, "\r\nDelta: yes\r\n");
    expect_in(a, "\n90001\t");
    assert_null(strstr(a, "\n8609\t"));
    free(a);

    a = ask(NULL, "GET RFC-Index P2P-DI/1.0\r\nSince: 12.34\r\nConnection: close\r\n\r\n");
    expect_start(a, "P2P-DI/1.0 200 OK\r\n");
    assert_null(strstr(a, "Delta"));
    expect_in(a, "\n8609\t");
    free(a);
}

static void long_poll_is_answered_by_a_new_file(void **state)
{
    (void)state;
    char version[64];
    char text[300];
    char got[4096];
    size_t len = 0, n = 0;
    struct net_stream *s = NULL;
    int64_t deadline_us = clock_mono_us() + WORLD_WAIT_US;

    char *a = ask(NULL, "GET RFC-Index P2P-DI/1.0\r\nScope: own\r\nConnection: close\r\n\r\n");
    version_of(a, version);
    free(a);
    /* The PROBE behind it proves that the poll is parked: it is not answered before. */
    snprintf(text, sizeof(text),
             "PROBE P2P-DI/1.0\r\nNonce: before\r\n\r\n"
             "GET RFC-Index P2P-DI/1.0\r\nScope: own\r\nSince: %s\r\nWait: 25\r\n"
             "Connection: close\r\n\r\n",
             version);
    assert_int_equal(net_stream_open(peer_addr(node.peer), deadline_us, NULL, &s), DI_OK);
    assert_int_equal(net_stream_send(s, text, strlen(text), deadline_us), DI_OK);
    assert_int_equal(net_stream_recv(s, got, sizeof(got) - 1, &n, deadline_us), DI_OK);
    got[n] = '\0';
    expect_in(got, "before");
    assert_null(strstr(got, "Index-Version"));

    int64_t before_us = clock_mono_us();
    node_write(&node, 90002, 1, 400);
    while (net_stream_recv(s, got + len, sizeof(got) - 1 - len, &n, deadline_us) == DI_OK)
        len += n;
    got[len] = '\0';
    net_stream_close(s);
    expect_in(got, "P2P-DI/1.0 200 OK\r\n");
    expect_in(got, "\r\nDelta: yes\r\n");
    expect_in(got, "\n90002\t");
    /* By the file, not by the deadline. */
    assert_true(clock_mono_us() - before_us < 20 * CLOCK_US_PER_S);
}

static void long_poll_ends_with_304(void **state)
{
    (void)state;
    char version[64];
    char *a = ask(NULL, "GET RFC-Index P2P-DI/1.0\r\nScope: own\r\nConnection: close\r\n\r\n");
    version_of(a, version);
    free(a);
    a = ask(NULL,
            "GET RFC-Index P2P-DI/1.0\r\nScope: own\r\nSince: %s\r\nWait: 1\r\n"
            "Connection: close\r\n\r\n",
            version);
    expect_start(a, "P2P-DI/1.0 304 ");
    free(a);
}

/* Else each asker would hold a body of its own for as long as it does not read. */
static void more_news_than_64_kib_are_the_whole(void **state)
{
    enum { MANY = 800 };
    char version[64];
    (void)state;
    char *a = ask(NULL, "GET RFC-Index P2P-DI/1.0\r\nScope: own\r\nConnection: close\r\n\r\n");
    version_of(a, version);
    free(a);
    for (uint32_t rfc = 20000; rfc < 20000 + MANY; rfc++)
        node_write(&node, rfc, 1, 200);
    assert_int_equal(peer_wait_rfcs(node.peer, MANY + 2, WORLD_WAIT_US), DI_OK);
    a = ask(NULL,
            "GET RFC-Index P2P-DI/1.0\r\nScope: own\r\nSince: %s\r\nConnection: close\r\n\r\n",
            version);
    expect_start(a, "P2P-DI/1.0 200 OK\r\n");
    assert_null(strstr(a, "Delta"));
    expect_in(a, "\n8609\t");
    expect_in(a, "\n20700\t");
    free(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(document_comes_with_its_digest),
        cmocka_unit_test(range_gives_those_bytes),
        cmocka_unit_test(conditions_are_kept),
        cmocka_unit_test(unheld_document_is_404),
        cmocka_unit_test(requests_of_the_rs_are_405),
        cmocka_unit_test(probe_echoes_the_nonce),
        cmocka_unit_test(pipelined_requests_are_answered_in_order),
        cmocka_unit_test(who_has_no_turn_is_pointed_to_one_that_got_it),
        cmocka_unit_test(who_is_sent_no_document_has_not_got_it),
        cmocka_unit_test(http_serves_the_same),
        cmocka_unit_test(http_pages_list_what_is_held),
        cmocka_unit_test(index_tells_what_changed_since),
        cmocka_unit_test(long_poll_is_answered_by_a_new_file),
        cmocka_unit_test(long_poll_ends_with_304),
        cmocka_unit_test(more_news_than_64_kib_are_the_whole),
    };
    return cmocka_run_group_tests_name("peer_serve", tests, start, stop);
}
