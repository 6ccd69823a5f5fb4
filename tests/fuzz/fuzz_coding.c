/*
 * Compressed documents of others: whatever comes, and however it is cut, no more comes out than was
 * allowed, and the same. The first bytes of the input choose limit and pieces, the rest is the frame.
 */
#include "p2pdi/base/coding.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define HEAD 3
#define MAX ((size_t)1 << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
    if (!holds)
        abort();
}

static enum di_err put(void *arg, const void *bytes, size_t len)
{
    struct buf *out = arg;
    buf_append(out, bytes, len);
    must(buf_status(out) != DI_LIMIT);
    return buf_status(out);
}

static enum di_err decode(struct decoder *d, const uint8_t *frame, size_t len, size_t step,
                          struct buf *out)
{
    enum di_err err = DI_OK;
    decoder_begin(d, out->max);
    for (size_t at = 0; at < len && err == DI_OK; at += step)
        err = decoder_feed(d, frame + at, len - at < step ? len - at : step, put, out);
    return err;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct decoder *d;
    if (size < HEAD || (d == NULL && decoder_new(&d) != DI_OK))
        return 0;
    size_t max = (size_t)data[0] << 12 | data[1];
    size_t step = 1 + data[2];
    struct buf whole, pieces, once;
    buf_init(&whole, max);
    buf_init(&pieces, max);
    buf_init(&once, max);
    data += HEAD;
    size -= HEAD;

    enum di_err a = decode(d, data, size, size + 1, &whole);
    bool a_complete = a == DI_OK && decoder_is_complete(d);
    enum di_err b = decode(d, data, size, step, &pieces);
    bool b_complete = b == DI_OK && decoder_is_complete(d);
    must(a == b && a_complete == b_complete);
    must(!a_complete || whole.len == max);
    if (a == DI_OK) {
        must(whole.len == pieces.len);
        must(memcmp(buf_bytes(&whole), buf_bytes(&pieces), whole.len) == 0);
    }
    /* In one go it is what was decoded in pieces. */
    enum di_err c = coding_decode(data, size, &once);
    must(!a_complete || (c == DI_OK && once.len == max));
    /* What it became survives being encoded. */
    if (c == DI_OK) {
        struct buf frame, back;
        buf_init(&frame, 2 * MAX + 2048);
        buf_init(&back, once.len);
        must(coding_encode(CODING_ZSTD, 1, buf_bytes(&once), once.len, &frame) == DI_OK);
        must(frame.len <= coding_bound(once.len));
        must(coding_decode(buf_bytes(&frame), frame.len, &back) == DI_OK);
        must(back.len == once.len);
        must(memcmp(buf_bytes(&back), buf_bytes(&once), back.len) == 0);
        buf_fini(&frame);
        buf_fini(&back);
    }
    buf_fini(&whole);
    buf_fini(&pieces);
    buf_fini(&once);
    return 0;
}
