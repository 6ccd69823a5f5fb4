/*
 * Where a message ends (PROTOCOL.md, "Framed messages"). Pure; the listener thread runs it on what has
 * come so far.
 *
 * Bytes are looked at once, in order, and nothing is looked at ahead: the verdict falls at one byte,
 * whatever the pieces are that the bytes come in. f->scanned is all that is kept between calls.
 */
#include "head.h"

#include <string.h>

typedef bool check_first(struct wire_frame *f, struct slice line);
typedef bool check_fields(struct wire_frame *f, struct slice head);

/* The line that ends in the LF at data[end]; without its CRLF. */
static struct slice line_before(const char *data, size_t end)
{
    const char *lf = memrchr(data, '\n', end);
    const char *start = lf == NULL ? data : lf + 1;

    return (struct slice){start, (size_t)(data + end - start) - 1};
}

/* Printable, or beyond ASCII. */
static bool is_text(unsigned char c)
{
    return (c >= ' ' && c != 0x7f) || c == '\t';
}

static bool check_byte(struct wire_frame *f, const char *data, size_t at)
{
    unsigned char c = (unsigned char)data[at];
    bool after_cr = at > 0 && data[at - 1] == '\r';

    if (c == '\n' && !after_cr)
        wire_fault_set(&f->fault, 400, "byte %zu of the head is an LF without a CR", at);
    else if (c != '\n' && after_cr)
        wire_fault_set(&f->fault, 400, "byte %zu of the head is a CR without an LF", at - 1);
    else if (!is_text(c) && c != '\r' && c != '\n')
        wire_fault_set(&f->fault, 400, "byte %zu of the head is a control character", at);
    return f->fault.status == 0;
}

static enum wire_verdict scan(struct wire_frame *f, const char *data, size_t len,
                              check_first *first, check_fields *fields)
{
    size_t end = len < WIRE_HEAD_MAX ? len : WIRE_HEAD_MAX;

    while (f->scanned < end) {
        size_t at = f->scanned++;
        struct slice line;
        struct head_line field;

        if (!check_byte(f, data, at))
            return WIRE_BAD;
        if (data[at] == '\n') {
            line = line_before(data, at);
            if (line.p == data) {
                if (!first(f, line))
                    return WIRE_BAD;
            } else if (line.n == 0) {
                f->head_len = at + 1;
                return fields(f, (struct slice){data, f->head_len}) ? WIRE_WHOLE : WIRE_BAD;
            } else if (!head_parse_field(line, 0, &field, &f->fault)) {
                return WIRE_BAD;
            }
        } else if (data[at] != '\r') {
            while (f->scanned < end && is_text((unsigned char)data[f->scanned]))
                f->scanned++;
        }
    }
    if (end < WIRE_HEAD_MAX)
        return WIRE_MORE;
    wire_fault_set(&f->fault, 431, "the head is longer than %d bytes", WIRE_HEAD_MAX);
    return WIRE_BAD;
}

/* Content-Length into f->body_len. */
static bool measure_body(struct wire_frame *f, struct slice head, uint64_t max, bool *has_length)
{
    static const uint32_t known = HEAD_BIT(HEAD_CONTENT_LENGTH) | HEAD_BIT(HEAD_TRANSFER_ENCODING);
    struct head_walk walk = {.rest = head};
    struct head_line field;

    *has_length = false;
    (void)head_take_line(&walk.rest);
    while (head_walk_next(&walk, known, &field, &f->fault)) {
        if (field.id == HEAD_TRANSFER_ENCODING) {
            wire_fault_set(&f->fault, 400, "Transfer-Encoding is not known here");
            return false;
        }
        if (field.id != HEAD_CONTENT_LENGTH)
            continue;
        *has_length = true;
        if (!text_parse_u64(field.value, UINT64_MAX, &f->body_len)) {
            wire_fault_set(&f->fault, 400, "Content-Length is not a number of bytes");
            return false;
        }
        if (f->body_len > max) {
            wire_fault_set(&f->fault, 413, "the body is longer than %llu bytes",
                           (unsigned long long)max);
            return false;
        }
    }
    return f->fault.status == 0;
}

/* ---- requests -------------------------------------------------------------------------------- */

static bool check_request_first(struct wire_frame *f, struct slice line)
{
    struct head_first first;
    return head_parse_first(line, &first, &f->fault) == 0;
}

static bool check_request_fields(struct wire_frame *f, struct slice head)
{
    bool has_length;
    return measure_body(f, head, WIRE_REQUEST_BODY_MAX, &has_length);
}

/* A first line that is not whole yet: framed documents do not begin with a slash. */
static enum wire_form guess_form(const char *data, size_t len)
{
    static const char *const prefixes[] = {"GET /", "HEAD /", "GET http://", "HEAD http://"};

    for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++) {
        size_t n = strlen(prefixes[i]);
        if (len >= n && memcmp(data, prefixes[i], n) == 0)
            return WIRE_HTTP;
    }
    return WIRE_FRAMED;
}

/* The form of the request of which so much has been looked at. */
static enum wire_form find_form(const char *data, size_t len)
{
    struct slice rest = {data, len};
    struct head_first first;
    struct wire_fault fault;

    if (len == 0 || memchr(data, '\n', len) == NULL)
        return guess_form(data, len);
    (void)head_parse_first(head_take_line(&rest), &first, &fault);
    return first.form;
}

enum wire_verdict wire_request_frame(struct wire_frame *f, const char *data, size_t len)
{
    enum wire_verdict v = scan(f, data, len, check_request_first, check_request_fields);

    f->form = find_form(data, f->scanned);
    return v;
}

/* ---- responses ------------------------------------------------------------------------------- */

static bool check_response_first(struct wire_frame *f, struct slice line)
{
    int status;
    return head_parse_status(line, &status, &f->fault);
}

static bool check_response_fields(struct wire_frame *f, struct slice head)
{
    bool has_length;
    int status;

    (void)head_parse_status(head, &status, &f->fault);
    if (!measure_body(f, head, INT64_MAX, &has_length))
        return false;
    if (has_length && (status == 204 || status == 304)) {
        wire_fault_set(&f->fault, 400, "an answer %d has a Content-Length", status);
        return false;
    }
    return true;
}

enum wire_verdict wire_response_frame(struct wire_frame *f, const char *data, size_t len)
{
    return scan(f, data, len, check_response_first, check_response_fields);
}
