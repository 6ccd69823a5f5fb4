/*
 * Compressed documents of others: whatever comes, and however it is cut, no more comes out than was
 * allowed, and the same. The first bytes of the input choose limit and pieces, the rest is the frame.
 */
#include "p2pdi/base/coding.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define HEAD 3
#define DCZ_HEAD ((size_t)40) /* RFC 9842 */
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

static enum di_err decode(struct decoder *d, struct coding_dict *dict, const uint8_t *frame,
                          size_t len, size_t step, struct buf *out)
{
    enum di_err err = DI_OK;
    must(decoder_begin(d, dict, out->max) == DI_OK);
    for (size_t at = 0; at < len && err == DI_OK; at += step)
        err = decoder_feed(d, frame + at, len - at < step ? len - at : step, put, out);
    return err;
}

/* Of what is encoded against it. */
static struct coding_dict *make_dict(struct buf *head)
{
    static const char text[] = "Network Working Group                Request for Comments: 42\n";
    static const struct sha256 id = {{1, 2, 3}};
    struct coding_dict *dict = NULL;
    must(coding_dict_new(text, sizeof(text), &id, &dict) == DI_OK);
    buf_init(head, 1024);
    must(coding_encode_dcz(dict, 1, "", 0, head) == DI_OK && head->len > DCZ_HEAD);
    return dict;
}

/* What it became survives being encoded. */
static void there_and_back(struct decoder *d, struct coding_dict *dict, const struct buf *text)
{
    struct buf frame, back;
    buf_init(&frame, 2 * MAX + 2048);
    buf_init(&back, text->len);
    if (dict != NULL)
        must(coding_encode_dcz(dict, 1, buf_bytes(text), text->len, &frame) == DI_OK);
    else
        must(coding_encode(CODING_ZSTD, 1, buf_bytes(text), text->len, &frame) == DI_OK);
    must(frame.len <= coding_bound(text->len));
    must(decode(d, dict, (const uint8_t *)buf_bytes(&frame), frame.len, frame.len, &back) == DI_OK);
    must(decoder_is_complete(d) && back.len == text->len);
    must(memcmp(buf_bytes(&back), buf_bytes(text), back.len) == 0);
    buf_fini(&frame);
    buf_fini(&back);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct decoder *d;
    static struct coding_dict *known;
    static struct buf head;
    if (size < HEAD || (d == NULL && decoder_new(&d) != DI_OK))
        return 0;
    if (known == NULL)
        known = make_dict(&head);
    size_t max = (size_t)data[0] << 12 | data[1];
    size_t step = 1 + (data[2] & 0x7f);
    struct coding_dict *dict = data[2] & 0x80 ? known : NULL;
    struct buf in, whole, pieces, once;
    buf_init(&in, size + DCZ_HEAD);
    buf_init(&whole, max);
    buf_init(&pieces, max);
    buf_init(&once, max);
    /* Its head is not found by chance. */
    if (dict != NULL)
        buf_append(&in, buf_bytes(&head), DCZ_HEAD);
    buf_append(&in, data + HEAD, size - HEAD);
    data = (const uint8_t *)buf_bytes(&in);
    size = in.len;

    enum di_err a = decode(d, dict, data, size, size + 1, &whole);
    bool a_complete = a == DI_OK && decoder_is_complete(d);
    enum di_err b = decode(d, dict, data, size, step, &pieces);
    bool b_complete = b == DI_OK && decoder_is_complete(d);
    /* That a frame is damaged may be noticed sooner or later, according to how it is cut. */
    must(a_complete == b_complete);
    if (a_complete) {
        must(whole.len == max && pieces.len == max);
        must(memcmp(buf_bytes(&whole), buf_bytes(&pieces), max) == 0);
    }
    /* All at once it is the same. */
    if (max > 0) {
        char *text = malloc(max);
        must(text != NULL && decoder_begin(d, dict, max) == DI_OK);
        enum di_err w = decoder_whole(d, data, size, text);
        must((w == DI_OK) == a_complete);
        must(w != DI_OK || memcmp(text, buf_bytes(&whole), max) == 0);
        free(text);
    }
    /* In one go it is what was decoded in pieces; what needs a dictionary is nothing without. */
    enum di_err c = coding_decode(data, size, &once);
    must(dict != NULL ? c != DI_OK : !a_complete || (c == DI_OK && once.len == max));
    if (c == DI_OK)
        there_and_back(d, NULL, &once);
    if (dict != NULL && a_complete)
        there_and_back(d, dict, &whole);
    buf_fini(&in);
    buf_fini(&whole);
    buf_fini(&pieces);
    buf_fini(&once);
    return 0;
}
