/*
 * Requests as bytes. Whatever the pieces are that they come in, the verdict is the same; a request that
 * is understood says the same after it has been written out again.
 */
#include "p2pdi/wire/message.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
    if (!holds)
        abort();
}

static bool same_bytes(struct slice a, struct slice b)
{
    return (a.p == NULL) == (b.p == NULL) && slice_equal(a, b);
}

static void must_say_the_same(const struct wire_request *a, const struct wire_request *b)
{
    must(a->method == b->method && a->rfc == b->rfc && a->close == b->close);
    must(slice_equal(a->host, b->host) && slice_equal(a->os, b->os));
    must(a->has_port == b->has_port && a->port == b->port);
    must(a->has_cookie == b->has_cookie && a->cookie == b->cookie);
    must(same_bytes(a->since, b->since) && a->wait_s == b->wait_s && a->limit == b->limit);
    must(a->scope_own == b->scope_own && a->accept == b->accept);
    must(a->range.kind == b->range.kind && a->range.first == b->range.first &&
         a->range.last == b->range.last);
    must(a->has_if_none_match == b->has_if_none_match && a->has_if_match == b->has_if_match);
    must(a->if_none_match_any == b->if_none_match_any && a->if_match_any == b->if_match_any);
    must(slice_equal(a->if_none_match, b->if_none_match) && slice_equal(a->if_match, b->if_match));
    must(same_bytes(a->nonce, b->nonce));
}

/* Inside the bytes parsed, or one of the parser's own constants. */
static void must_lie_within(struct slice s, const char *bytes, size_t len)
{
    if (s.p >= bytes && s.p <= bytes + len)
        must(s.n <= (size_t)(bytes + len - s.p));
    else
        must(s.n <= 1);
}

static void parse(const char *head, size_t len)
{
    struct wire_request r, back;
    struct wire_fault fault;
    struct wire_frame f = {0};
    struct buf out;
    int status = wire_request_parse(head, len, &r, &fault);

    must(status == fault.status && (status == 0) == (fault.text[0] == '\0'));
    must(status == 0 || status == 400 || status == 405 || status == 431 || status == 505);
    if (status != 0)
        return;
    must_lie_within(r.target, head, len);
    must_lie_within(r.host, head, len);
    must_lie_within(r.since, head, len);
    must_lie_within(r.if_none_match, head, len);
    if (r.form == WIRE_HTTP) {
        must(r.target.n > 0 && r.target.p[0] == '/');
        return;
    }

    buf_init(&out, (size_t)4 * WIRE_HEAD_MAX);
    wire_request_format(&out, &r);
    must(buf_status(&out) == DI_OK);
    must(wire_request_parse(buf_bytes(&out), out.len, &back, &fault) == 0);
    must_say_the_same(&r, &back);
    /* What we write is what we would take; it is longer than what was read by a few blanks at most. */
    if (out.len <= WIRE_HEAD_MAX) {
        must(wire_request_frame(&f, buf_bytes(&out), out.len) == WIRE_WHOLE);
        must(f.head_len == out.len);
    }
    buf_fini(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *bytes = (const char *)data;
    struct wire_frame whole = {0}, pieces = {0};
    enum wire_verdict v = wire_request_frame(&whole, bytes, size);
    enum wire_verdict w = WIRE_MORE;
    /* The sizes of the pieces come from the bytes, too. */
    size_t step = size > 0 ? 1 + data[size - 1] % (size / 4 + 1) : 1;

    for (size_t n = 0; n <= size && w == WIRE_MORE;
         n = n < size && n + step > size ? size : n + step) {
        pieces = (struct wire_frame){.scanned = pieces.scanned};
        w = wire_request_frame(&pieces, bytes, n);
    }
    must(v == w && whole.scanned == pieces.scanned && whole.form == pieces.form);
    must(whole.head_len == pieces.head_len && whole.body_len == pieces.body_len);
    must(whole.fault.status == pieces.fault.status);
    must(strcmp(whole.fault.text, pieces.fault.text) == 0);
    must((v == WIRE_BAD) == (whole.fault.status != 0));
    must(v != WIRE_MORE || size < WIRE_HEAD_MAX);
    if (v == WIRE_WHOLE) {
        must(whole.head_len <= size && whole.head_len <= WIRE_HEAD_MAX);
        must(whole.body_len <= WIRE_REQUEST_BODY_MAX);
        parse(bytes, whole.head_len);
    }
    /* Heads that no framing has looked at: safe, if not meaningful. */
    struct wire_request r;
    struct wire_fault fault;
    must(wire_request_parse(bytes, size, &r, &fault) == fault.status);
    return 0;
}
