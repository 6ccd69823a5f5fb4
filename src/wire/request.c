/* Requests out of bytes: framed and HTTP (PROTOCOL.md). Pure; workers run it. */
#include "head.h"

#include <string.h>

#define NONCE_MAX 64

static const uint32_t framed_fields =
    HEAD_BIT(HEAD_ACCEPT_ENCODING) | HEAD_BIT(HEAD_CONNECTION) | HEAD_BIT(HEAD_COOKIE) |
    HEAD_BIT(HEAD_DICTIONARY) | HEAD_BIT(HEAD_HOST) | HEAD_BIT(HEAD_IF_MATCH) |
    HEAD_BIT(HEAD_IF_NONE_MATCH) | HEAD_BIT(HEAD_LIMIT) | HEAD_BIT(HEAD_NONCE) | HEAD_BIT(HEAD_OS) |
    HEAD_BIT(HEAD_PORT) | HEAD_BIT(HEAD_RANGE) | HEAD_BIT(HEAD_SCOPE) | HEAD_BIT(HEAD_SINCE) |
    HEAD_BIT(HEAD_WAIT);
/* Cookie and the like mean something else there, or nothing. */
static const uint32_t http_fields = HEAD_BIT(HEAD_ACCEPT_ENCODING) | HEAD_BIT(HEAD_CONNECTION) |
                                    HEAD_BIT(HEAD_HOST) | HEAD_BIT(HEAD_IF_MATCH) |
                                    HEAD_BIT(HEAD_IF_NONE_MATCH) | HEAD_BIT(HEAD_IF_RANGE) |
                                    HEAD_BIT(HEAD_RANGE);

static int fail(struct wire_fault *fault, int status, const char *what)
{
    wire_fault_set(fault, status, "%s", what);
    return status;
}

/* ---- the first line -------------------------------------------------------------------------- */

static int parse_document(struct slice document, struct wire_request *r, struct wire_fault *fault)
{
    struct slice number;
    struct slice word = slice_split(document, ' ', &number);
    uint64_t rfc;

    if (slice_equal_nocase(word, SLICE("RFC-Index")) && number.p == NULL) {
        r->method = WIRE_GET_INDEX;
        return 0;
    }
    if (!slice_equal_nocase(word, SLICE("RFC")) || number.p == NULL)
        return fail(fault, 400, "GET asks for neither RFC-Index nor RFC and a number");
    if (!text_parse_u64(number, WIRE_RFC_MAX, &rfc))
        return fail(fault, 400, "the RFC's number is not one, or too large");
    r->method = WIRE_GET_RFC;
    r->rfc = (uint32_t)rfc;
    return 0;
}

static int parse_framed_first(struct slice words, struct wire_request *r, struct wire_fault *fault)
{
    static const enum wire_method plain[] = {WIRE_REGISTER, WIRE_LEAVE, WIRE_KEEP_ALIVE,
                                             WIRE_PQUERY, WIRE_PROBE};
    struct slice document;
    struct slice method = slice_split(words, ' ', &document);

    if (!head_is_token(method))
        return fail(fault, 400, "the method is empty or has a character it may not have");
    if (slice_equal(method, SLICE("GET"))) {
        if (document.p == NULL)
            return fail(fault, 400, "GET asks for neither RFC-Index nor RFC and a number");
        return parse_document(document, r, fault);
    }
    for (size_t i = 0; i < sizeof(plain) / sizeof(plain[0]); i++) {
        if (!slice_equal(method, slice_of(wire_method_words(plain[i]))))
            continue;
        if (document.p != NULL)
            return fail(fault, 400, "only GET asks for a document");
        r->method = plain[i];
        return 0;
    }
    return fail(fault, 405, "the method is none of this protocol's");
}

/* "/path?query" or "http://host/path?query" into "/path". */
static bool parse_target(struct slice s, struct slice *target)
{
    static const char scheme[] = "http://";
    const char *end;

    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];
        if (c <= ' ' || c >= 0x7f)
            return false;
    }
    if (s.n >= sizeof(scheme) - 1 &&
        slice_equal_nocase((struct slice){s.p, sizeof(scheme) - 1}, SLICE(scheme))) {
        s.p += sizeof(scheme) - 1;
        s.n -= sizeof(scheme) - 1;
        end = memchr(s.p, '/', s.n);
        s = end == NULL ? SLICE("/") : (struct slice){end, s.n - (size_t)(end - s.p)};
    }
    if (s.n == 0 || s.p[0] != '/')
        return false;
    end = memchr(s.p, '?', s.n);
    *target = (struct slice){s.p, end == NULL ? s.n : (size_t)(end - s.p)};
    return true;
}

static int parse_http_first(struct slice words, struct wire_request *r, struct wire_fault *fault)
{
    struct slice rest;
    struct slice method = slice_split(words, ' ', &rest);

    if (!head_is_token(method) || rest.p == NULL)
        return fail(fault, 400, "the first line is not a method, a path and a version");
    if (slice_equal(method, SLICE("GET")))
        r->method = WIRE_HTTP_GET;
    else if (slice_equal(method, SLICE("HEAD")))
        r->method = WIRE_HTTP_HEAD;
    else
        return fail(fault, 405, "over HTTP there are only GET and HEAD");
    if (!parse_target(rest, &r->target))
        return fail(fault, 400, "the path does not begin with a slash or has a blank");
    return 0;
}

/* ---- fields ---------------------------------------------------------------------------------- */

static int parse_number(struct head_line line, uint64_t min, uint64_t max, uint64_t *out,
                        struct wire_fault *fault)
{
    if (text_parse_u64(line.value, max, out) && *out >= min)
        return 0;
    wire_fault_set(fault, 400, "%s is not a number from %llu to %llu", head_field_name(line.id),
                   (unsigned long long)min, (unsigned long long)max);
    return 400;
}

static int parse_nonce(struct slice value, struct wire_request *r, struct wire_fault *fault)
{
    bool printable = value.n > 0 && value.n <= NONCE_MAX;

    for (size_t i = 0; printable && i < value.n; i++)
        printable = value.p[i] > ' ' && value.p[i] < 0x7f;
    if (!printable)
        return fail(fault, 400, "Nonce is not 1 to 64 printable characters");
    r->nonce = value;
    return 0;
}

/* "number sha-256" */
static int parse_dictionary(struct slice value, struct wire_request *r, struct wire_fault *fault)
{
    struct slice hex;
    uint64_t rfc = 0;

    if (!text_parse_u64(slice_split(value, ' ', &hex), WIRE_RFC_MAX, &rfc) || rfc == 0 ||
        !sha256_parse(hex, &r->dictionary))
        return fail(fault, 400, "Dictionary is not an RFC's number and SHA-256");
    r->dictionary_rfc = (uint32_t)rfc;
    r->has_dictionary = true;
    return 0;
}

static int parse_field(struct head_line line, struct wire_request *r, struct wire_fault *fault)
{
    uint64_t n = 0;
    int status = 0;

    switch (line.id) {
    case HEAD_ACCEPT_ENCODING:
        r->accept |= head_parse_accept(line.value);
        break;
    case HEAD_CONNECTION:
        r->close |= head_list_has(line.value, "close");
        break;
    case HEAD_COOKIE:
        status = parse_number(line, 0, INT64_MAX, &r->cookie, fault);
        r->has_cookie = true;
        break;
    case HEAD_DICTIONARY:
        return parse_dictionary(line.value, r, fault);
    case HEAD_HOST:
        r->host = line.value;
        break;
    case HEAD_IF_MATCH:
        r->if_match = line.value;
        r->has_if_match = true;
        r->if_match_any = slice_equal(line.value, SLICE("*"));
        break;
    case HEAD_IF_NONE_MATCH:
        r->if_none_match = line.value;
        r->has_if_none_match = true;
        r->if_none_match_any = slice_equal(line.value, SLICE("*"));
        break;
    case HEAD_LIMIT:
        return parse_number(line, 1, UINT64_MAX, &r->limit, fault);
    case HEAD_NONCE:
        return parse_nonce(line.value, r, fault);
    case HEAD_OS:
        r->os = line.value;
        break;
    case HEAD_PORT:
        status = parse_number(line, 1, UINT16_MAX, &n, fault);
        r->port = (uint16_t)n;
        r->has_port = true;
        break;
    case HEAD_RANGE:
        if (!head_parse_range(line.value, r->form, &r->range) && r->form == WIRE_FRAMED)
            return fail(fault, 400, "Range is not bytes=first-last");
        break;
    case HEAD_SCOPE:
        if (!slice_equal_nocase(line.value, SLICE("own")))
            return fail(fault, 400, "Scope is not own");
        r->scope_own = true;
        break;
    case HEAD_SINCE:
        r->since = line.value;
        break;
    case HEAD_WAIT:
        status = parse_number(line, 0, UINT64_MAX, &n, fault);
        r->wait_s = n > WIRE_WAIT_MAX_S ? WIRE_WAIT_MAX_S : (unsigned)n;
        break;
    default:
        break;
    }
    return status;
}

/* What a method cannot do without, and what does not go together. */
static int check_fields(const struct wire_request *r, uint32_t seen, struct wire_fault *fault)
{
    if (r->method == WIRE_REGISTER && !r->has_port)
        return fail(fault, 400, "REGISTER needs a Port");
    if (r->method == WIRE_PROBE && r->nonce.p == NULL)
        return fail(fault, 400, "PROBE needs a Nonce");
    if (r->limit != 0 && (seen & (HEAD_BIT(HEAD_SINCE) | HEAD_BIT(HEAD_WAIT))))
        return fail(fault, 400, "Limit goes with neither Since nor Wait");
    return 0;
}

int wire_request_parse(const char *head, size_t len, struct wire_request *out,
                       struct wire_fault *fault)
{
    struct head_walk walk = {.rest = {head, len}};
    struct head_first first;
    struct head_line line;
    int unknown, status;

    *out = (struct wire_request){0};
    *fault = (struct wire_fault){0};
    status = head_parse_first(head_take_line(&walk.rest), &first, fault);
    out->form = first.form;
    out->http_minor = first.http_minor;
    out->close = first.form == WIRE_HTTP && first.http_minor == 0;
    if (status != 0)
        return status;

    unknown = first.form == WIRE_FRAMED ? parse_framed_first(first.words, out, fault)
                                        : parse_http_first(first.words, out, fault);
    if (unknown != 0 && unknown != 405)
        return unknown;

    /* An unknown method leaves the connection open, so its Connection: close counts all the same. */
    struct wire_fault wrong = {0};
    while (head_walk_next(&walk, out->form == WIRE_FRAMED ? framed_fields : http_fields, &line,
                          &wrong)) {
        if (parse_field(line, out, &wrong) != 0)
            break;
    }
    if (wrong.status == 0 && unknown == 0)
        (void)check_fields(out, walk.seen, &wrong);
    if (wrong.status != 0)
        *fault = wrong;
    /* What the range is conditional on is not looked at; without it the whole is always right. */
    if (walk.seen & HEAD_BIT(HEAD_IF_RANGE))
        out->range = (struct wire_range){0};
    return fault->status;
}
