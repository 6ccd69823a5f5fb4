/* Heads into bytes: requests, answers field by field, whole error answers (PROTOCOL.md). Pure. */
#include "head.h"

#include <assert.h>
#include <string.h>

/* "name: value"; whatever the value has been through: it never ends its line. */
static void append_line(struct buf *out, struct slice name, struct slice value)
{
    char *to = buf_reserve(out, name.n + value.n + 4);

    if (to == NULL)
        return;
    memcpy(to, name.p, name.n);
    to += name.n;
    *to++ = ':';
    *to++ = ' ';
    for (size_t i = 0; i < value.n; i++) {
        unsigned char c = (unsigned char)value.p[i];
        bool text = (c >= ' ' && c != 0x7f) || c == '\t';
        *to++ = (char)(text ? c : ' ');
    }
    *to++ = '\r';
    *to = '\n';
    buf_commit(out, name.n + value.n + 4);
}

static void append_field(struct buf *out, enum head_field id, struct slice value)
{
    append_line(out, slice_of(head_field_name(id)), value);
}

/* ---- answers --------------------------------------------------------------------------------- */

void wire_head_begin(struct buf *out, enum wire_form form, int status)
{
    const char *phrase = wire_status_phrase(status);

    if (form == WIRE_HTTP) {
        buf_append_str(out, "HTTP/1.1 ");
        if (status == 204)
            phrase = "No Content";
    } else {
        buf_append_str(out, "P2P-DI/1.0 ");
    }
    buf_append_u64(out, (uint64_t)status);
    buf_append_char(out, ' ');
    buf_append_str(out, phrase);
    buf_append(out, "\r\n", 2);
}

void wire_head_field(struct buf *out, const char *name, const char *value)
{
    append_line(out, slice_of(name), slice_of(value));
}

void wire_head_field_u64(struct buf *out, const char *name, uint64_t value)
{
    buf_append_str(out, name);
    buf_append(out, ": ", 2);
    buf_append_u64(out, value);
    buf_append(out, "\r\n", 2);
}

void wire_head_end(struct buf *out)
{
    buf_append(out, "\r\n", 2);
}

void wire_error_format(struct buf *out, enum wire_form form, const struct wire_fault *fault)
{
    wire_head_begin(out, form, fault->status);
    wire_head_field(out, "Content-Type", "text/plain; charset=utf-8");
    wire_head_field_u64(out, "Content-Length", strlen(fault->text) + 1);
    if (fault->status == 405 && form == WIRE_HTTP)
        wire_head_field(out, "Allow", "GET, HEAD");
    if (fault->status == 429 || fault->status == 503)
        wire_head_field_u64(out, "Retry-After", WIRE_RETRY_AFTER_S);
    if (wire_status_closes(fault->status))
        wire_head_field(out, "Connection", "close");
    wire_head_end(out);
    buf_append_str(out, fault->text);
    buf_append_char(out, '\n');
}

/* ---- requests -------------------------------------------------------------------------------- */

static void append_accept(struct buf *out, unsigned accept)
{
    static const char *const codings[] = {"", "zstd", "gzip", "zstd, gzip"};

    if (accept != 0)
        append_field(out, HEAD_ACCEPT_ENCODING, slice_of(codings[accept & 3]));
}

static void append_dictionary(struct buf *out, const struct wire_request *r)
{
    char hex[SHA256_HEX_SIZE];

    sha256_format(&r->dictionary, hex);
    buf_append_str(out, head_field_name(HEAD_DICTIONARY));
    buf_append(out, ": ", 2);
    buf_append_u64(out, r->dictionary_rfc);
    buf_append_char(out, ' ');
    buf_append_str(out, hex);
    buf_append(out, "\r\n", 2);
}

static void append_conditions(struct buf *out, const struct wire_request *r)
{
    if (r->range.kind != WIRE_RANGE_NONE) {
        assert(r->range.kind == WIRE_RANGE_FROM_TO);
        buf_append_str(out, "Range: bytes=");
        buf_append_u64(out, r->range.first);
        buf_append_char(out, '-');
        buf_append_u64(out, r->range.last);
        buf_append(out, "\r\n", 2);
    }
    if (r->has_if_none_match)
        append_field(out, HEAD_IF_NONE_MATCH, r->if_none_match_any ? SLICE("*") : r->if_none_match);
    if (r->has_if_match)
        append_field(out, HEAD_IF_MATCH, r->if_match_any ? SLICE("*") : r->if_match);
}

void wire_request_format(struct buf *out, const struct wire_request *r)
{
    assert(r->form == WIRE_FRAMED && r->method != WIRE_HTTP_GET && r->method != WIRE_HTTP_HEAD);

    buf_append_str(out, wire_method_words(r->method));
    buf_append_char(out, ' ');
    if (r->method == WIRE_GET_RFC) {
        buf_append_u64(out, r->rfc);
        buf_append_char(out, ' ');
    }
    buf_append_str(out, "P2P-DI/1.0\r\n");

    if (r->host.n > 0)
        append_field(out, HEAD_HOST, r->host);
    if (r->os.n > 0)
        append_field(out, HEAD_OS, r->os);
    if (r->has_port)
        wire_head_field_u64(out, head_field_name(HEAD_PORT), r->port);
    if (r->has_cookie)
        wire_head_field_u64(out, head_field_name(HEAD_COOKIE), r->cookie);
    if (r->since.p != NULL)
        append_field(out, HEAD_SINCE, r->since);
    if (r->wait_s > 0)
        wire_head_field_u64(out, head_field_name(HEAD_WAIT), r->wait_s);
    if (r->limit > 0)
        wire_head_field_u64(out, head_field_name(HEAD_LIMIT), r->limit);
    if (r->scope_own)
        append_field(out, HEAD_SCOPE, SLICE("own"));
    append_accept(out, r->accept);
    if (r->has_dictionary)
        append_dictionary(out, r);
    append_conditions(out, r);
    if (r->nonce.n > 0)
        append_field(out, HEAD_NONCE, r->nonce);
    if (r->close)
        append_field(out, HEAD_CONNECTION, SLICE("close"));
    wire_head_end(out);
}
