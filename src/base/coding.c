/*
 * Content codings by libzstd and zlib. Any thread: each that compresses keeps one zstd context,
 * which goes with the thread.
 */
#define ZLIB_CONST
#include "p2pdi/base/coding.h"

#include <limits.h>
#include <pthread.h>
#include <stdlib.h>
#include <zlib.h>
#include <zstd.h>
#include <zstd_errors.h>

#define WINDOW_LOG_MAX 23 /* 8 MiB: "reliability: decompression bombs" */
/* A context that a large body has blown up beyond that is not kept; 50 KB at level 9 need less. */
#define CONTEXT_KEPT ((size_t)1 << 20)
#define OUT_BYTES ((size_t)128 << 10)

const char *coding_name(enum coding c)
{
    switch (c) {
    case CODING_ZSTD:
        return "zstd";
    case CODING_GZIP:
        return "gzip";
    case CODING_IDENTITY:
        break;
    }
    return "identity";
}

uint64_t coding_bound(uint64_t len)
{
    /* Spelled out for 64 bits: ZSTD_compressBound() takes a size_t. */
    return len + (len >> 8) + 1024;
}

/* ---- encoding -------------------------------------------------------------------------------- */

static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_key_t key;
static bool has_key;

static void free_context(void *context)
{
    ZSTD_freeCCtx(context);
}

static void make_key(void)
{
    has_key = pthread_key_create(&key, free_context) == 0;
}

static ZSTD_CCtx *take_context(void)
{
    (void)pthread_once(&once, make_key);
    ZSTD_CCtx *context = has_key ? pthread_getspecific(key) : NULL;
    return context != NULL ? context : ZSTD_createCCtx();
}

static void give_context_back(ZSTD_CCtx *context)
{
    bool keep = has_key && ZSTD_sizeof_CCtx(context) <= CONTEXT_KEPT;
    if (!keep || pthread_setspecific(key, context) != 0) {
        if (has_key)
            (void)pthread_setspecific(key, NULL);
        ZSTD_freeCCtx(context);
    }
}

static enum di_err encode_zstd(int level, const void *bytes, size_t len, char *out, size_t cap,
                               size_t *used)
{
    ZSTD_CCtx *context = take_context();
    if (context == NULL)
        return DI_NOMEM;
    size_t n = ZSTD_CCtx_setParameter(context, ZSTD_c_compressionLevel, level);
    if (!ZSTD_isError(n))
        n = ZSTD_compress2(context, out, cap, bytes, len);
    give_context_back(context);
    if (ZSTD_isError(n))
        return ZSTD_getErrorCode(n) == ZSTD_error_dstSize_tooSmall ? DI_LIMIT : DI_NOMEM;
    *used = n;
    return DI_OK;
}

static enum di_err encode_gzip(int level, const void *bytes, size_t len, char *out, size_t cap,
                               size_t *used)
{
    z_stream z = {
        .next_in = bytes, .avail_in = (uInt)len, .next_out = (Bytef *)out, .avail_out = (uInt)cap};
    if (len > UINT_MAX || cap > UINT_MAX)
        return DI_LIMIT;
    /* 15 + 16: the largest window, in gzip's wrapping. */
    if (deflateInit2(&z, level, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) != Z_OK)
        return DI_NOMEM;
    int status = deflate(&z, Z_FINISH);
    *used = z.total_out;
    (void)deflateEnd(&z);
    return status == Z_STREAM_END ? DI_OK : DI_LIMIT;
}

enum di_err coding_encode(enum coding c, int level, const void *bytes, size_t len, struct buf *out)
{
    if (buf_status(out) != DI_OK)
        return buf_status(out);
    size_t cap = (size_t)coding_bound(len);
    if (cap > out->max - out->len)
        cap = out->max - out->len;
    char *room = buf_reserve(out, cap);
    if (room == NULL)
        return buf_status(out);
    size_t used = 0;
    enum di_err err = DI_INVALID;
    if (c == CODING_ZSTD)
        err = encode_zstd(level, bytes, len, room, cap, &used);
    else if (c == CODING_GZIP)
        err = encode_gzip(level, bytes, len, room, cap, &used);
    if (err == DI_OK)
        buf_commit(out, used);
    return err;
}

/* ---- decoding -------------------------------------------------------------------------------- */

struct decoder {
    ZSTD_DCtx *context;
    uint64_t left;    /* of what it may become */
    unsigned checked; /* of the magic number */
    bool ended;
    char out[OUT_BYTES];
};

enum di_err decoder_new(struct decoder **out)
{
    struct decoder *d = malloc(sizeof(*d));
    if (d == NULL)
        return DI_NOMEM;
    d->context = ZSTD_createDCtx();
    if (d->context == NULL ||
        ZSTD_isError(ZSTD_DCtx_setParameter(d->context, ZSTD_d_windowLogMax, WINDOW_LOG_MAX))) {
        decoder_free(d);
        return DI_NOMEM;
    }
    decoder_begin(d, 0);
    *out = d;
    return DI_OK;
}

void decoder_free(struct decoder *d)
{
    if (d == NULL)
        return;
    ZSTD_freeDCtx(d->context);
    free(d);
}

void decoder_begin(struct decoder *d, uint64_t max)
{
    (void)ZSTD_DCtx_reset(d->context, ZSTD_reset_session_only);
    d->left = max;
    d->checked = 0;
    d->ended = false;
}

/*
 * libzstd would take the formats of its beginnings as well, by decoders that know no limit of the
 * window, and frames to be skipped.
 */
static bool is_magic(struct decoder *d, const unsigned char *bytes, size_t len)
{
    static const unsigned char magic[] = {0x28, 0xb5, 0x2f, 0xfd};
    for (size_t i = 0; i < len && d->checked < sizeof(magic); i++)
        if (bytes[i] != magic[d->checked++])
            return false;
    return true;
}

enum di_err decoder_feed(struct decoder *d, const void *bytes, size_t len,
                         enum di_err (*put)(void *arg, const void *bytes, size_t len), void *arg)
{
    /* Of a frame that comes in one piece libzstd demands other things: so the first byte goes alone. */
    ZSTD_inBuffer in = {.src = bytes, .size = len > 0 && d->checked == 0 ? 1 : len};
    bool full = false; /* more may have been ready than there was room for */
    if (!is_magic(d, bytes, len))
        return DI_PROTOCOL;
    while (in.pos < len || full) {
        ZSTD_outBuffer out = {.dst = d->out, .size = OUT_BYTES};
        if (d->ended)
            return DI_PROTOCOL;
        size_t n = ZSTD_decompressStream(d->context, &out, &in);
        if (ZSTD_isError(n))
            return ZSTD_getErrorCode(n) == ZSTD_error_memory_allocation ? DI_NOMEM : DI_PROTOCOL;
        if (out.pos > d->left)
            return DI_PROTOCOL;
        in.size = len;
        d->left -= out.pos;
        d->ended = n == 0;
        full = out.pos == out.size && !d->ended;
        enum di_err err = out.pos > 0 ? put(arg, d->out, out.pos) : DI_OK;
        if (err != DI_OK)
            return err;
    }
    return DI_OK;
}

bool decoder_is_complete(const struct decoder *d)
{
    return d->ended && d->left == 0;
}

static enum di_err put_into_buf(void *arg, const void *bytes, size_t len)
{
    buf_append(arg, bytes, len);
    return buf_status(arg);
}

enum di_err coding_decode(const void *frame, size_t len, struct buf *out)
{
    struct decoder *d = NULL;
    enum di_err err = decoder_new(&d);
    if (err != DI_OK)
        return err;
    decoder_begin(d, out->max - out->len);
    err = decoder_feed(d, frame, len, put_into_buf, out);
    if (err == DI_OK && !d->ended)
        err = DI_PROTOCOL;
    decoder_free(d);
    return err;
}
