/* Range, and the digests in If-Match and If-None-Match. Pure, any thread. */
#include "head.h"

#include <string.h>

bool head_parse_range(struct slice value, enum wire_form form, struct wire_range *out)
{
    static const struct slice unit = {"bytes=", 6};
    struct wire_range r = {0};
    struct slice first, last;

    if (value.n < unit.n || !(form == WIRE_HTTP ? slice_equal_nocase : slice_equal)(
                                (struct slice){value.p, unit.n}, unit))
        return false;
    first = slice_split((struct slice){value.p + unit.n, value.n - unit.n}, '-', &last);
    if (last.p == NULL)
        return false;
    if (form == WIRE_HTTP && first.n == 0) {
        r.kind = WIRE_RANGE_SUFFIX;
        if (!text_parse_u64(last, UINT64_MAX, &r.last))
            return false;
    } else if (!text_parse_u64(first, UINT64_MAX, &r.first)) {
        return false;
    } else if (form == WIRE_HTTP && last.n == 0) {
        r.kind = WIRE_RANGE_FROM;
    } else {
        r.kind = WIRE_RANGE_FROM_TO;
        if (!text_parse_u64(last, UINT64_MAX, &r.last) || r.last < r.first)
            return false;
    }
    *out = r;
    return true;
}

int wire_range_apply(const struct wire_range *r, uint64_t total, uint64_t *first, uint64_t *len)
{
    uint64_t from, count;

    if (r->kind == WIRE_RANGE_NONE) {
        *first = 0;
        *len = total;
        return 200;
    }
    if (r->kind == WIRE_RANGE_SUFFIX) {
        count = r->last < total ? r->last : total;
        from = total - count;
    } else {
        from = r->first < total ? r->first : total;
        count = total - from;
        if (r->kind == WIRE_RANGE_FROM_TO && r->last - r->first < count)
            count = r->last - r->first + 1;
    }
    if (count == 0)
        return 416;
    *first = from;
    *len = count;
    return 206;
}

bool wire_etag_matches(struct slice field, const struct sha256 *digest)
{
    struct sha256 named;

    while (field.p != NULL) {
        struct slice tag = slice_trim(slice_split(field, ',', &field));
        if (tag.n > 2 && tag.p[0] == 'W' && tag.p[1] == '/')
            tag = (struct slice){tag.p + 2, tag.n - 2};
        if (tag.n == SHA256_HEX_SIZE + 1 && tag.p[0] == '"' && tag.p[tag.n - 1] == '"' &&
            sha256_parse((struct slice){tag.p + 1, tag.n - 2}, &named) &&
            memcmp(&named, digest, sizeof(named)) == 0)
            return true;
    }
    return false;
}
