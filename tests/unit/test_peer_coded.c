/* Compressed answers: who gets them, what is taken of others', over real sockets in one process. */
#include "peer_world.h"

#include "p2pdi/base/coding.h"
#include "p2pdi/sched/sched.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SIZE 60000

/* A peer that holds RFC 8609 and some more. */
static void start_holder(struct node *n, enum peer_compress compress)
{
    node_init(n, "holder");
    n->compress = compress;
    node_write(n, 8609, 1, SIZE);
    for (uint32_t i = 1; i <= 20; i++)
        node_write(n, i, i, 1000 * i);
    node_start(n, &world);
    assert_int_equal(peer_register(n->peer, WORLD_WAIT_US), DI_OK);
    assert_int_equal(peer_wait_rfcs(n->peer, 21, WORLD_WAIT_US), DI_OK);
}

/* An answer on a connection of its own. */
struct answer {
    char *head; /* NUL behind the body, too */
    const char *body;
    size_t len;
};

static struct answer ask(const struct node *n, const char *lines)
{
    char text[1000];
    size_t len = 0;
    struct answer a;
    snprintf(text, sizeof(text), "%s\r\nConnection: close\r\n\r\n", lines);
    a.head = raw_exchange(peer_addr(n->peer), text, &len);
    char *end = strstr(a.head, "\r\n\r\n");
    assert_non_null(end);
    end[2] = '\0';
    a.body = end + 4;
    a.len = len - (size_t)(a.body - a.head);
    return a;
}

static bool has(const struct answer *a, const char *line)
{
    char whole[200];
    snprintf(whole, sizeof(whole), "\r\n%s\r\n", line);
    return strstr(a->head, whole) != NULL;
}

static void must_be(const struct answer *a, const char *first_line, enum coding c)
{
    char line[100];
    snprintf(line, sizeof(line), "Content-Encoding: %s", coding_name(c));
    if (strncmp(a->head, first_line, strlen(first_line)) != 0 ||
        (c == CODING_IDENTITY ? strstr(a->head, "Content-Encoding") != NULL : !has(a, line)))
        fail_msg("expected %s and %s: %s", first_line, line, a->head);
}

/* The body decodes to the document that holders write. */
static void must_decode_to(const struct answer *a, uint32_t rfc, uint64_t seed, size_t size)
{
    struct buf text;
    size_t len = 0;
    char *want = help_document(rfc, "Document 8609 <&>", seed, size, &len);
    buf_init(&text, (size_t)1 << 24);
    assert_int_equal(coding_decode(a->body, a->len, &text), DI_OK);
    assert_int_equal(text.len, len);
    assert_memory_equal(buf_bytes(&text), want, len);
    buf_fini(&text);
    free(want);
}

/* ---- serving --------------------------------------------------------------------------------- */

static void this_machine_gets_plain_bytes(void **state)
{
    (void)state;
    struct node a, b;
    struct seen done;
    start_holder(&a, PEER_COMPRESS_AUTO);
    struct answer r = ask(&a, "GET RFC 8609 P2P-DI/1.0\r\nAccept-Encoding: zstd");
    must_be(&r, "P2P-DI/1.0 200 ", CODING_IDENTITY);
    free(r.head);
    r = ask(&a, "GET RFC-Index P2P-DI/1.0\r\nAccept-Encoding: zstd");
    must_be(&r, "P2P-DI/1.0 200 ", CODING_IDENTITY);
    free(r.head);
    node_init(&b, "b");
    node_start(&b, &world);
    assert_int_equal(node_get(&b, 8609, NULL).done, 1);
    assert_int_equal(node_seen(&b, PEER_EV_DONE, 8609, &done), 1);
    assert_int_equal(done.ev.wire_bytes, done.ev.bytes);
    assert_int_equal(STATS_GET(peer_stats(a.peer), encoded_total), 0);
    node_fini(&b);
    node_fini(&a);
}

static void documents_travel_compressed_and_count_so(void **state)
{
    (void)state;
    struct node a, b;
    struct seen done;
    start_holder(&a, PEER_COMPRESS_ALWAYS);
    node_init(&b, "b");
    node_start(&b, &world);
    struct peer_result r = node_get_all(&b);
    assert_int_equal(r.done, 21);
    for (uint32_t i = 1; i <= 20; i++)
        assert_true(node_holds(&b, i, i, 1000 * i));
    assert_true(node_holds(&b, 8609, 1, SIZE));
    assert_int_equal(node_seen(&b, PEER_EV_DONE, 8609, &done), 1);
    assert_true(done.ev.bytes >= SIZE);
    assert_in_range(done.ev.wire_bytes, 1, done.ev.bytes * 3 / 4);
    /* 21 documents, and the table that named them. */
    assert_true(STATS_GET(peer_stats(a.peer), encoded_total) >= 22);
    node_fini(&b);
    node_fini(&a);
}

static void never_neither_asks_nor_sends(void **state)
{
    (void)state;
    struct node a, b;
    struct fake f;
    struct seen done;
    start_holder(&a, PEER_COMPRESS_NEVER);
    struct answer r = ask(&a, "GET RFC 8609 P2P-DI/1.0\r\nAccept-Encoding: zstd");
    must_be(&r, "P2P-DI/1.0 200 ", CODING_IDENTITY);
    free(r.head);
    r = ask(&a, "GET /rfc/8609.txt HTTP/1.1\r\nAccept-Encoding: gzip");
    must_be(&r, "HTTP/1.1 200 ", CODING_IDENTITY);
    free(r.head);
    fake_start(&f, &world, FAKE_FRAME, 70, 5, SIZE);
    node_init(&b, "b");
    b.compress = PEER_COMPRESS_NEVER;
    node_start(&b, &world);
    assert_int_equal(node_get(&b, 70, NULL).done, 1);
    assert_int_equal(f.zstd_asked, 0);
    assert_int_equal(node_seen(&b, PEER_EV_DONE, 70, &done), 1);
    assert_int_equal(done.ev.wire_bytes, done.ev.bytes);
    node_fini(&b);
    fake_stop(&f);
    node_fini(&a);
}

static void range_between_peers_is_answered_as_asked(void **state)
{
    (void)state;
    struct node a;
    start_holder(&a, PEER_COMPRESS_ALWAYS);
    struct answer r =
        ask(&a, "GET RFC 8609 P2P-DI/1.0\r\nAccept-Encoding: zstd\r\nRange: bytes=100-299");
    must_be(&r, "P2P-DI/1.0 206 ", CODING_IDENTITY);
    assert_int_equal(r.len, 200);
    free(r.head);
    r = ask(&a, "GET RFC 8609 P2P-DI/1.0\r\nAccept-Encoding: zstd");
    must_be(&r, "P2P-DI/1.0 200 ", CODING_ZSTD);
    assert_non_null(strstr(r.head, "\r\nSHA-256: "));
    assert_true(r.len < SIZE * 3 / 4);
    must_decode_to(&r, 8609, 1, SIZE);
    free(r.head);
    /* gzip is for HTTP. */
    r = ask(&a, "GET RFC 8609 P2P-DI/1.0\r\nAccept-Encoding: gzip");
    must_be(&r, "P2P-DI/1.0 200 ", CODING_IDENTITY);
    free(r.head);
    node_fini(&a);
}

static void tables_go_compressed_whole_and_in_parts(void **state)
{
    (void)state;
    struct node a;
    struct buf text;
    char request[300];
    buf_init(&text, (size_t)1 << 20);
    start_holder(&a, PEER_COMPRESS_ALWAYS);
    struct answer plain = ask(&a, "GET RFC-Index P2P-DI/1.0");
    struct answer r = ask(&a, "GET RFC-Index P2P-DI/1.0\r\nAccept-Encoding: zstd");
    must_be(&r, "P2P-DI/1.0 200 ", CODING_ZSTD);
    assert_true(r.len < plain.len);
    assert_int_equal(coding_decode(r.body, r.len, &text), DI_OK);
    assert_int_equal(text.len, plain.len);
    assert_memory_equal(buf_bytes(&text), plain.body, plain.len);

    /* What came since. */
    char *version = strstr(r.head, "Index-Version: ");
    assert_non_null(version);
    version += strlen("Index-Version: ");
    version[strcspn(version, "\r")] = '\0';
    snprintf(request, sizeof(request),
             "GET RFC-Index P2P-DI/1.0\r\nAccept-Encoding: zstd\r\nSince: %s", version);
    for (uint32_t i = 101; i <= 120; i++)
        node_write(&a, i, i, 300);
    assert_int_equal(peer_wait_rfcs(a.peer, 41, WORLD_WAIT_US), DI_OK);
    struct answer d = ask(&a, request);
    must_be(&d, "P2P-DI/1.0 200 ", CODING_ZSTD);
    assert_true(has(&d, "Delta: yes"));
    buf_clear(&text);
    assert_int_equal(coding_decode(d.body, d.len, &text), DI_OK);
    buf_append_char(&text, '\0');
    assert_non_null(strstr(buf_bytes(&text), "\n101\t"));
    assert_non_null(strstr(buf_bytes(&text), "\n120\t"));
    assert_null(strstr(buf_bytes(&text), "\n20\t"));
    buf_fini(&text);
    free(d.head);
    free(r.head);
    free(plain.head);
    node_fini(&a);
}

/* ---- dictionaries ---------------------------------------------------------------------------- */

/* The digest of the document that a holder writes. */
static struct sha256 digest_of(uint32_t rfc, uint64_t seed, size_t size)
{
    struct sha256 digest;
    char title[40];
    size_t len = 0;
    snprintf(title, sizeof(title), "Document %u <&>", rfc);
    char *text = help_document(rfc, title, seed, size, &len);
    assert_int_equal(sha256_of(text, len, &digest), DI_OK);
    free(text);
    return digest;
}

static struct answer ask_with(const struct node *n, uint32_t rfc, uint32_t dictionary,
                              const struct sha256 *digest)
{
    char lines[300], hex[SHA256_HEX_SIZE];
    sha256_format(digest, hex);
    snprintf(lines, sizeof(lines),
             "GET RFC %u P2P-DI/1.0\r\nAccept-Encoding: zstd\r\nDictionary: %u %s", rfc, dictionary,
             hex);
    return ask(n, lines);
}

/* RFC 8609 is the only one of its size: it is fetched first, and what comes then is shorter. */
static void documents_are_compressed_against_one_that_both_have(void **state)
{
    (void)state;
    struct node a, b;
    struct sha256 digest = digest_of(8609, 1, SIZE);
    start_holder(&a, PEER_COMPRESS_ALWAYS);
    node_init(&b, "b");
    b.compress = PEER_COMPRESS_ALWAYS;
    node_start(&b, &world);
    assert_int_equal(node_get(&b, 8609, NULL).done, 1);
    assert_int_equal(node_get_all(&b).done, 20);
    for (uint32_t i = 1; i <= 20; i++)
        assert_true(node_holds(&b, i, i, 1000 * i));

    /* Who has got it hands it on as it came, to those who have the dictionary. */
    struct answer made = ask_with(&a, 20, 8609, &digest);
    struct answer kept = ask_with(&b, 20, 8609, &digest);
    struct answer plain = ask(&a, "GET RFC 20 P2P-DI/1.0\r\nAccept-Encoding: zstd");
    must_be(&made, "P2P-DI/1.0 200 ", CODING_DCZ);
    must_be(&kept, "P2P-DI/1.0 200 ", CODING_DCZ);
    must_be(&plain, "P2P-DI/1.0 200 ", CODING_ZSTD);
    assert_memory_equal(made.body + 8, &digest, sizeof(digest));
    assert_int_equal(kept.len, made.len);
    assert_memory_equal(kept.body, made.body, made.len);
    struct seen done;
    assert_int_equal(node_seen(&b, PEER_EV_DONE, 20, &done), 1);
    assert_int_equal(done.ev.wire_bytes, made.len);
    free(made.head);
    free(kept.head);
    free(plain.head);
    node_fini(&b);
    node_fini(&a);
}

static void a_dictionary_that_is_none_here_is_not_used(void **state)
{
    (void)state;
    struct node a;
    struct sha256 digest = digest_of(8609, 1, SIZE), small = digest_of(20, 20, 20000),
                  other = digest_of(8609, 2, SIZE);
    start_holder(&a, PEER_COMPRESS_ALWAYS);
    struct answer r = ask_with(&a, 19, 8608, &digest); /* not held */
    must_be(&r, "P2P-DI/1.0 200 ", CODING_ZSTD);
    free(r.head);
    r = ask_with(&a, 18, 8609, &other); /* another edition */
    must_be(&r, "P2P-DI/1.0 200 ", CODING_ZSTD);
    free(r.head);
    r = ask_with(&a, 17, 20, &small); /* too small for one */
    must_be(&r, "P2P-DI/1.0 200 ", CODING_ZSTD);
    free(r.head);
    r = ask_with(&a, 16, 8609, &digest);
    must_be(&r, "P2P-DI/1.0 200 ", CODING_DCZ);
    free(r.head);
    /* Made before the asker had one: sent as it is rather than made anew. */
    r = ask_with(&a, 19, 8609, &digest);
    must_be(&r, "P2P-DI/1.0 200 ", CODING_ZSTD);
    free(r.head);
    node_fini(&a);
}

/* Else who names another one each time would have each document compressed anew. */
static void others_name_two_dictionaries_and_no_more_for_a_while(void **state)
{
    (void)state;
    struct node a, b;
    node_init(&a, "a");
    a.compress = PEER_COMPRESS_ALWAYS;
    for (uint32_t i = 1; i <= 3; i++)
        node_write(&a, i, i, 40000);
    node_write(&a, 9, 9, 20000);
    node_write(&a, 10, 10, SCHED_DICTIONARY_FOR_MAX + 50000);
    node_start(&a, &world);
    assert_int_equal(peer_register(a.peer, WORLD_WAIT_US), DI_OK);
    assert_int_equal(peer_wait_rfcs(a.peer, 5, WORLD_WAIT_US), DI_OK);
    for (uint32_t i = 1; i <= 3; i++) {
        struct sha256 digest = digest_of(i, i, 40000);
        struct answer r = ask_with(&a, 9, i, &digest);
        must_be(&r, "P2P-DI/1.0 200 ", i <= 2 ? CODING_DCZ : CODING_ZSTD);
        free(r.head);
    }
    /* A long document hardly gets shorter. */
    struct sha256 digest = digest_of(1, 1, 40000);
    struct answer r = ask_with(&a, 10, 1, &digest);
    must_be(&r, "P2P-DI/1.0 200 ", CODING_ZSTD);
    free(r.head);

    /* What it needs itself it gets all the same. */
    node_init(&b, "b");
    b.compress = PEER_COMPRESS_ALWAYS;
    node_write(&b, 20, 20, 20000);
    node_start(&b, &world);
    assert_int_equal(peer_register(b.peer, WORLD_WAIT_US), DI_OK);
    assert_int_equal(node_get_all(&a).done, 1);
    assert_true(node_holds(&a, 20, 20, 20000));
    node_fini(&b);
    node_fini(&a);
}

/* ---- HTTP ------------------------------------------------------------------------------------ */

static void browser_gets_what_it_accepts(void **state)
{
    (void)state;
    static const struct {
        const char *accept;
        enum coding c;
    } cases[] = {
        {"gzip, deflate, br, zstd", CODING_ZSTD},
        {"gzip, deflate", CODING_GZIP},
        {"zstd;q=0, gzip;q=0.5", CODING_GZIP},
        {"gzip;q=0", CODING_IDENTITY},
        {"br", CODING_IDENTITY},
        {"gzip;q=0.000, zstd;q=0.0", CODING_IDENTITY},
    };
    struct node a;
    start_holder(&a, PEER_COMPRESS_AUTO);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char lines[200];
        snprintf(lines, sizeof(lines), "GET /rfc/8609.txt HTTP/1.1\r\nAccept-Encoding: %s",
                 cases[i].accept);
        struct answer r = ask(&a, lines);
        must_be(&r, "HTTP/1.1 200 ", cases[i].c);
        assert_true(has(&r, "Vary: Accept-Encoding"));
        assert_true((strstr(r.head, "\r\nETag: W/\"") != NULL) == (cases[i].c != CODING_IDENTITY));
        if (cases[i].c == CODING_ZSTD)
            must_decode_to(&r, 8609, 1, SIZE);
        if (cases[i].c == CODING_GZIP)
            assert_memory_equal(r.body, "\x1f\x8b", 2);

        /* HEAD: the same head, no body. */
        snprintf(lines, sizeof(lines), "HEAD /rfc/8609.txt HTTP/1.1\r\nAccept-Encoding: %s",
                 cases[i].accept);
        struct answer h = ask(&a, lines);
        assert_int_equal(h.len, 0);
        assert_string_equal(h.head, r.head);
        free(h.head);
        free(r.head);
    }
    node_fini(&a);
}

static void encoded_answer_ignores_range_and_has_a_weak_tag(void **state)
{
    (void)state;
    struct node a;
    char lines[300];
    start_holder(&a, PEER_COMPRESS_AUTO);
    struct answer r =
        ask(&a, "GET /rfc/8609.txt HTTP/1.1\r\nAccept-Encoding: gzip\r\nRange: bytes=0-9");
    must_be(&r, "HTTP/1.1 200 ", CODING_GZIP);
    assert_null(strstr(r.head, "Accept-Ranges"));
    const char *tag = strstr(r.head, "ETag: ");
    assert_non_null(tag);
    snprintf(lines, sizeof(lines),
             "GET /rfc/8609.txt HTTP/1.1\r\nAccept-Encoding: gzip\r\nIf-None-Match: %.*s",
             (int)strcspn(tag + 6, "\r"), tag + 6);
    struct answer n = ask(&a, lines);
    assert_int_equal(strncmp(n.head, "HTTP/1.1 304 ", 13), 0);
    assert_non_null(strstr(n.head, "\r\nETag: W/\""));
    assert_true(has(&n, "Vary: Accept-Encoding"));
    free(n.head);
    free(r.head);
    r = ask(&a, "GET /rfc/8609.txt HTTP/1.1\r\nRange: bytes=0-9");
    must_be(&r, "HTTP/1.1 206 ", CODING_IDENTITY);
    assert_null(strstr(r.head, "W/\""));
    assert_int_equal(r.len, 10);
    free(r.head);
    node_fini(&a);
}

static void pages_come_compressed(void **state)
{
    (void)state;
    static const char *const pages[] = {"/", "/index.tsv", "/index.json", "/metrics"};
    struct node a;
    start_holder(&a, PEER_COMPRESS_AUTO);
    for (size_t i = 0; i < sizeof(pages) / sizeof(pages[0]); i++) {
        char lines[200];
        struct buf text;
        buf_init(&text, (size_t)1 << 20);
        snprintf(lines, sizeof(lines), "GET %s HTTP/1.1\r\nAccept-Encoding: zstd", pages[i]);
        struct answer r = ask(&a, lines);
        must_be(&r, "HTTP/1.1 200 ", CODING_ZSTD);
        assert_true(has(&r, "Vary: Accept-Encoding"));
        assert_int_equal(coding_decode(r.body, r.len, &text), DI_OK);
        assert_true(text.len > r.len);
        buf_fini(&text);
        free(r.head);
        snprintf(lines, sizeof(lines), "GET %s HTTP/1.1\r\nAccept-Encoding: gzip", pages[i]);
        r = ask(&a, lines);
        must_be(&r, "HTTP/1.1 200 ", CODING_GZIP);
        assert_memory_equal(r.body, "\x1f\x8b", 2);
        free(r.head);
    }
    node_fini(&a);
}

/* ---- fetching -------------------------------------------------------------------------------- */

static void frame_is_handed_on_as_it_came(void **state)
{
    (void)state;
    struct fake f;
    struct node b;
    struct seen done;
    struct buf frame;
    fake_start(&f, &world, FAKE_FRAME, 70, 5, SIZE);
    node_init(&b, "b");
    b.compress = PEER_COMPRESS_ALWAYS;
    node_start(&b, &world);
    assert_int_equal(node_get(&b, 70, NULL).done, 1);
    assert_true(node_holds(&b, 70, 5, SIZE));
    assert_int_equal(f.zstd_asked, 1);

    /* The fake compresses at another level than a peer does, so that one can tell. */
    buf_init(&frame, (size_t)1 << 20);
    assert_int_equal(coding_encode(CODING_ZSTD, 1, f.document, f.size, &frame), DI_OK);
    assert_int_equal(node_seen(&b, PEER_EV_DONE, 70, &done), 1);
    assert_int_equal(done.ev.wire_bytes, frame.len);
    struct answer r = ask(&b, "GET RFC 70 P2P-DI/1.0\r\nAccept-Encoding: zstd");
    must_be(&r, "P2P-DI/1.0 200 ", CODING_ZSTD);
    assert_int_equal(r.len, frame.len);
    assert_memory_equal(r.body, buf_bytes(&frame), frame.len);
    free(r.head);
    buf_fini(&frame);
    node_fini(&b);
    fake_stop(&f);
}

static void break_a_frame_of(size_t size)
{
    struct fake dying, honest;
    struct node b;
    struct seen done;
    node_init(&b, "b");
    fake_start(&dying, &world, FAKE_FRAME_DIES, 77, 5, size);
    struct buf frame;
    buf_init(&frame, (size_t)8 << 20);
    assert_int_equal(coding_encode(CODING_ZSTD, 1, dying.document, dying.size, &frame), DI_OK);
    dying.bytes = frame.len * 3 / 4;
    buf_fini(&frame);
    node_start(&b, &world);
    assert_int_equal(peer_sync(b.peer), DI_OK);
    node_wait(&b, PEER_EV_START, 77, 1);
    fake_start(&honest, &world, FAKE_FRAME, 77, 5, size);
    node_wait(&b, PEER_EV_DONE, 77, 1);
    assert_true(node_holds(&b, 77, 5, size));
    assert_true(honest.document_requests >= 1);
    /* What had been decoded is not asked for again, and what is left not compressed. */
    assert_true(honest.range_first > 0);
    assert_int_equal(honest.zstd_asked, 0);
    assert_int_equal(node_seen(&b, PEER_EV_DONE, 77, &done), 1);
    assert_int_equal(done.ev.wire_bytes, honest.size - honest.range_first);
    node_fini(&b);
    fake_stop(&dying);
    fake_stop(&honest);
}

/* One that comes in pieces, and one that is gathered. */
static void rest_of_a_broken_frame_comes_plain_from_the_next(void **state)
{
    (void)state;
    break_a_frame_of(900000);
    break_a_frame_of(250000);
}

static void bad_frames_are_not_taken(void **state)
{
    (void)state;
    static const enum fake_manner manners[] = {FAKE_FRAME_CUT, FAKE_FRAME_LONG, FAKE_FRAME_SHORT,
                                               FAKE_FRAME_BOMB, FAKE_FRAME_DCZ};
    for (size_t i = 0; i < sizeof(manners) / sizeof(manners[0]); i++) {
        struct fake bad;
        struct node b;
        struct seen failed;
        fake_start(&bad, &world, manners[i], 78, 5, 20000);
        node_init(&b, "b");
        node_start(&b, &world);
        struct peer_result r = node_get(&b, 78, &bad.addr);
        assert_int_equal(r.failed, 1);
        assert_int_equal(node_seen(&b, PEER_EV_FAILED, 78, &failed), 1);
        assert_int_equal(failed.ev.count, 1);
        if (failed.tried[0].why != SCHED_PROTOCOL && failed.tried[0].why != SCHED_MISMATCH)
            fail_msg("manner %d: why %d", (int)manners[i], (int)failed.tried[0].why);
        assert_false(node_holds(&b, 78, 5, 20000));
        node_fini(&b);
        fake_stop(&bad);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(this_machine_gets_plain_bytes, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(documents_travel_compressed_and_count_so, world_setup,
                                        world_teardown),
        cmocka_unit_test_setup_teardown(never_neither_asks_nor_sends, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(range_between_peers_is_answered_as_asked, world_setup,
                                        world_teardown),
        cmocka_unit_test_setup_teardown(tables_go_compressed_whole_and_in_parts, world_setup,
                                        world_teardown),
        cmocka_unit_test_setup_teardown(documents_are_compressed_against_one_that_both_have,
                                        world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(a_dictionary_that_is_none_here_is_not_used, world_setup,
                                        world_teardown),
        cmocka_unit_test_setup_teardown(others_name_two_dictionaries_and_no_more_for_a_while,
                                        world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(browser_gets_what_it_accepts, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(encoded_answer_ignores_range_and_has_a_weak_tag,
                                        world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(pages_come_compressed, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(frame_is_handed_on_as_it_came, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(rest_of_a_broken_frame_comes_plain_from_the_next,
                                        world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(bad_frames_are_not_taken, world_setup, world_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
