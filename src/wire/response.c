/* Responses out of bytes, framed form only: what our client sides read. Pure; any thread. */
#include "head.h"

static const uint32_t known_fields =
    HEAD_BIT(HEAD_ACTIVE_PEERS) | HEAD_BIT(HEAD_CONNECTION) | HEAD_BIT(HEAD_CONTENT_ENCODING) |
    HEAD_BIT(HEAD_CONTENT_LENGTH) | HEAD_BIT(HEAD_CONTENT_RANGE) | HEAD_BIT(HEAD_COOKIE) |
    HEAD_BIT(HEAD_DELTA) | HEAD_BIT(HEAD_INDEX_VERSION) | HEAD_BIT(HEAD_LOCATION) |
    HEAD_BIT(HEAD_NONCE) | HEAD_BIT(HEAD_PEER) | HEAD_BIT(HEAD_REACHABLE) |
    HEAD_BIT(HEAD_RETRY_AFTER) | HEAD_BIT(HEAD_SHA256) | HEAD_BIT(HEAD_TTL);

static bool parse_u32(struct slice value, uint32_t max, uint32_t *out)
{
    uint64_t n;

    if (!text_parse_u64(value, max, &n))
        return false;
    *out = (uint32_t)n;
    return true;
}

/* "bytes first-last/total" */
static bool parse_content_range(struct slice value, struct wire_response *r)
{
    struct slice range, total, last;
    struct slice unit = slice_split(value, ' ', &range);
    struct slice first = slice_split(slice_split(range, '/', &total), '-', &last);

    r->has_content_range = slice_equal_nocase(unit, SLICE("bytes")) &&
                           text_parse_u64(first, UINT64_MAX, &r->range_first) &&
                           text_parse_u64(last, UINT64_MAX, &r->range_last) &&
                           text_parse_u64(total, UINT64_MAX, &r->range_total) &&
                           r->range_first <= r->range_last && r->range_last < r->range_total;
    return r->has_content_range;
}

static bool parse_encoding(struct slice value, enum wire_encoding *out)
{
    if (slice_equal_nocase(value, SLICE("zstd")))
        *out = WIRE_ZSTD;
    else if (slice_equal_nocase(value, SLICE("gzip")))
        *out = WIRE_GZIP;
    else if (slice_equal_nocase(value, SLICE("dcz")))
        *out = WIRE_DCZ;
    else
        return slice_equal_nocase(value, SLICE("identity"));
    return true;
}

static bool parse_field(struct head_line line, struct wire_response *r)
{
    switch (line.id) {
    case HEAD_ACTIVE_PEERS:
        r->has_active_peers = text_parse_u64(line.value, UINT64_MAX, &r->active_peers);
        return r->has_active_peers;
    case HEAD_CONNECTION:
        r->close |= head_list_has(line.value, "close");
        return true;
    case HEAD_CONTENT_ENCODING:
        return parse_encoding(line.value, &r->encoding);
    case HEAD_CONTENT_LENGTH:
        r->has_content_length = text_parse_u64(line.value, INT64_MAX, &r->content_length);
        return r->has_content_length;
    case HEAD_CONTENT_RANGE:
        /* With 416 it tells only the size. */
        return r->status != 206 || parse_content_range(line.value, r);
    case HEAD_COOKIE:
        r->has_cookie = text_parse_u64(line.value, INT64_MAX, &r->cookie);
        return r->has_cookie;
    case HEAD_DELTA:
        r->delta = slice_equal_nocase(line.value, SLICE("yes"));
        return r->delta;
    case HEAD_INDEX_VERSION:
        r->index_version = line.value;
        return true;
    case HEAD_LOCATION:
        r->location = line.value;
        return true;
    case HEAD_NONCE:
        r->nonce = line.value;
        return true;
    case HEAD_PEER:
        r->has_peer = parse_u32(line.value, UINT32_MAX, &r->peer);
        return r->has_peer;
    case HEAD_REACHABLE:
        r->reachable = line.value;
        return slice_equal_nocase(line.value, SLICE("yes")) ||
               slice_equal_nocase(line.value, SLICE("no")) ||
               slice_equal_nocase(line.value, SLICE("unknown"));
    case HEAD_RETRY_AFTER:
        r->has_retry_after = parse_u32(line.value, UINT32_MAX, &r->retry_after_s);
        return r->has_retry_after;
    case HEAD_SHA256:
        r->has_sha256 = sha256_parse(line.value, &r->sha256);
        return r->has_sha256;
    case HEAD_TTL:
        r->has_ttl = parse_u32(line.value, WIRE_TTL_MAX_S, &r->ttl_s);
        return r->has_ttl;
    default:
        return true;
    }
}

enum di_err wire_response_parse(const char *head, size_t len, struct wire_response *out,
                                struct wire_fault *fault)
{
    struct head_walk walk = {.rest = {head, len}};
    struct head_line line;

    *out = (struct wire_response){0};
    *fault = (struct wire_fault){0};
    if (!head_parse_status(head_take_line(&walk.rest), &out->status, fault))
        return DI_PROTOCOL;
    while (head_walk_next(&walk, known_fields, &line, fault)) {
        if (!parse_field(line, out)) {
            wire_fault_set(fault, 400, "the answer's %s is wrong", head_field_name(line.id));
            return DI_PROTOCOL;
        }
    }
    if (fault->status != 0)
        return DI_PROTOCOL;
    if (out->status == 206 && !out->has_content_range) {
        wire_fault_set(fault, 400, "an answer 206 has no Content-Range");
        return DI_PROTOCOL;
    }
    return DI_OK;
}
