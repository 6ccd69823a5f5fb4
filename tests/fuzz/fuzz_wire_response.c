/*
 * Answers as bytes, as a client meets them: the verdict does not depend on the pieces, and what is
 * believed keeps the bounds that callers build on.
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

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *bytes = (const char *)data;
    struct wire_frame whole = {0}, pieces = {0};
    enum wire_verdict v = wire_response_frame(&whole, bytes, size);
    enum wire_verdict w = WIRE_MORE;
    size_t step = size > 0 ? 1 + data[size - 1] % (size / 4 + 1) : 1;
    struct wire_response r;
    struct wire_fault fault;
    enum di_err err;

    for (size_t n = 0; n <= size && w == WIRE_MORE;
         n = n < size && n + step > size ? size : n + step) {
        pieces = (struct wire_frame){.scanned = pieces.scanned};
        w = wire_response_frame(&pieces, bytes, n);
    }
    must(v == w && whole.scanned == pieces.scanned);
    must(whole.head_len == pieces.head_len && whole.body_len == pieces.body_len);
    must(strcmp(whole.fault.text, pieces.fault.text) == 0);
    must((v == WIRE_BAD) == (whole.fault.status != 0));

    err = wire_response_parse(bytes, v == WIRE_WHOLE ? whole.head_len : size, &r, &fault);
    must((err == DI_OK) == (fault.status == 0) && (err == DI_OK || err == DI_PROTOCOL));
    if (err != DI_OK)
        return 0;
    must(r.status >= 100 && r.status <= 599);
    must(!r.has_ttl || r.ttl_s <= WIRE_TTL_MAX_S);
    must(!r.has_cookie || r.cookie <= INT64_MAX);
    must(r.status != 206 || r.has_content_range);
    must(!r.has_content_range || (r.range_first <= r.range_last && r.range_last < r.range_total));
    if (v == WIRE_WHOLE) {
        must(r.content_length == whole.body_len && whole.body_len <= INT64_MAX);
        must((r.status != 204 && r.status != 304) || !r.has_content_length);
    }
    return 0;
}
