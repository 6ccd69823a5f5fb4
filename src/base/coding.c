/*
 * Content codings by libzstd and zlib. Any thread: each keeps a context to compress and a decoder of whole
 * bodies, which go with it. To make one costs libzstd a question to the processor what it can do, and
 * a virtual one takes longer to answer that than to decode a few kilobytes.
 */
#define ZLIB_CONST
#include "p2pdi/base/coding.h"

#include "p2pdi/base/thread.h"

#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>
#include <zstd.h>
#include <zstd_errors.h>

#define WINDOW_LOG_MAX 23 /* 8 MiB: "reliability: decompression bombs" */
/* What a large body has blown up beyond that is not kept; 50 KB at level 9 need less. */
#define CONTEXT_KEPT ((size_t)1 << 20)
#define OUT_BYTES ((size_t)128 << 10)
#define MAGIC_SIZE 4 /* of a frame */

const char *coding_name(enum coding c)
{
    switch (c) {
    case CODING_ZSTD:
        return "zstd";
    case CODING_GZIP:
        return "gzip";
    case CODING_DCZ:
        return "dcz";
    case CODING_IDENTITY:
        break;
    }
    return "identity";
}

uint64_t coding_bound(uint64_t len)
{
    /* Spelled out for 64 bits: ZSTD_compressBound() takes a size_t. It has room for dcz's head, too. */
    return len + (len >> 8) + 1024;
}

/* ---- dictionaries ---------------------------------------------------------------------------- */

/* RFC 9842: to zstd a frame to be skipped; the dictionary's digest is in it. */
#define DCZ_MAGIC_SIZE 8
#define DCZ_HEAD_SIZE (DCZ_MAGIC_SIZE + sizeof(struct sha256))
static const unsigned char dcz_magic[DCZ_MAGIC_SIZE] = {0x5e, 0x2a, 0x4d, 0x18, 0x20, 0, 0, 0};
/* What begins with that libzstd takes for a dictionary with tables of its own. */
static const unsigned char trained_magic[] = {0x37, 0xa4, 0x30, 0xec};

#define DICT_LEVELS 4 /* those of one dictionary that are kept */

struct coding_dict {
    _Atomic(unsigned) refs;
    unsigned char head[DCZ_HEAD_SIZE];
    struct sha256 id;

    struct lock lock;
    ZSTD_DDict *decode; /* guarded by lock until it is made; then constant, as those below */
    struct {
        int level;
        ZSTD_CDict *dict;
    } encode[DICT_LEVELS];

    size_t len;
    unsigned char bytes[];
};

enum di_err coding_dict_new(const void *bytes, size_t len, const struct sha256 *id,
                            struct coding_dict **out)
{
    if (len < sizeof(trained_magic) || memcmp(bytes, trained_magic, sizeof(trained_magic)) == 0)
        return DI_INVALID;
    struct coding_dict *d = calloc(1, sizeof(*d) + len);
    if (d == NULL)
        return DI_NOMEM;
    atomic_init(&d->refs, 1);
    d->id = *id;
    memcpy(d->head, dcz_magic, DCZ_MAGIC_SIZE);
    memcpy(d->head + DCZ_MAGIC_SIZE, id->byte, sizeof(id->byte));
    lock_init(&d->lock);
    d->len = len;
    memcpy(d->bytes, bytes, len);
    *out = d;
    return DI_OK;
}

struct coding_dict *coding_dict_ref(struct coding_dict *d)
{
    (void)atomic_fetch_add_explicit(&d->refs, 1, memory_order_relaxed);
    return d;
}

void coding_dict_unref(struct coding_dict *d)
{
    if (d == NULL || atomic_fetch_sub_explicit(&d->refs, 1, memory_order_acq_rel) != 1)
        return;
    for (size_t i = 0; i < DICT_LEVELS; i++)
        (void)ZSTD_freeCDict(d->encode[i].dict);
    (void)ZSTD_freeDDict(d->decode);
    lock_fini(&d->lock);
    free(d);
}

const struct sha256 *coding_dict_id(const struct coding_dict *d)
{
    return &d->id;
}

/* NULL: no memory, or one level more than are kept. */
static const ZSTD_CDict *dict_for_level(struct coding_dict *d, int level)
{
    const ZSTD_CDict *found = NULL;
    lock_acquire(&d->lock);
    for (size_t i = 0; i < DICT_LEVELS && found == NULL; i++) {
        if (d->encode[i].dict == NULL) {
            d->encode[i].level = level;
            d->encode[i].dict = ZSTD_createCDict(d->bytes, d->len, level);
        }
        if (d->encode[i].level == level)
            found = d->encode[i].dict;
    }
    lock_release(&d->lock);
    return found;
}

static const ZSTD_DDict *dict_to_decode(struct coding_dict *d)
{
    lock_acquire(&d->lock);
    if (d->decode == NULL)
        d->decode = ZSTD_createDDict(d->bytes, d->len);
    const ZSTD_DDict *found = d->decode;
    lock_release(&d->lock);
    return found;
}

struct decoder {
    ZSTD_DCtx *context;
    const struct coding_dict *dict;
    uint64_t left; /* of what it may become */
    size_t
        checked; /* of what it must begin with: dcz's head if there is a dictionary, zstd's magic */
    bool begun;  /* libzstd has got a byte */
    bool ended;
    char out[OUT_BYTES];
};

/* ---- what a thread keeps --------------------------------------------------------------------- */

struct kept {
    ZSTD_CCtx *encode;
    struct decoder *decode;
};

static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_key_t key;
static bool has_key;

static void free_kept(void *arg)
{
    struct kept *k = arg;
    ZSTD_freeCCtx(k->encode);
    decoder_free(k->decode);
    free(k);
}

static void make_key(void)
{
    has_key = pthread_key_create(&key, free_kept) == 0;
}

/* NULL: nothing can be kept. */
static struct kept *kept(void)
{
    (void)pthread_once(&once, make_key);
    struct kept *k = has_key ? pthread_getspecific(key) : NULL;
    if (k != NULL || !has_key)
        return k;
    k = calloc(1, sizeof(*k));
    if (k != NULL && pthread_setspecific(key, k) != 0) {
        free(k);
        k = NULL;
    }
    return k;
}

static ZSTD_CCtx *take_context(void)
{
    struct kept *k = kept();
    ZSTD_CCtx *context = k != NULL ? k->encode : NULL;
    if (context == NULL)
        return ZSTD_createCCtx();
    k->encode = NULL;
    return context;
}

static void give_context_back(ZSTD_CCtx *context)
{
    struct kept *k = kept();
    if (k != NULL && ZSTD_sizeof_CCtx(context) <= CONTEXT_KEPT)
        k->encode = context;
    else
        ZSTD_freeCCtx(context);
}

static enum di_err take_decoder(struct decoder **out)
{
    struct kept *k = kept();
    if (k == NULL || k->decode == NULL)
        return decoder_new(out);
    *out = k->decode;
    k->decode = NULL;
    return DI_OK;
}

static void give_decoder_back(struct decoder *d)
{
    struct kept *k = kept();
    if (k != NULL && ZSTD_sizeof_DCtx(d->context) <= CONTEXT_KEPT)
        k->decode = d;
    else
        decoder_free(d);
}

/* ---- encoding -------------------------------------------------------------------------------- */

/* dict may be NULL; with one its level counts. */
static enum di_err encode_zstd(int level, const ZSTD_CDict *dict, const void *bytes, size_t len,
                               char *out, size_t cap, size_t *used)
{
    ZSTD_CCtx *context = take_context();
    if (context == NULL)
        return DI_NOMEM;
    size_t n = ZSTD_CCtx_setParameter(context, ZSTD_c_compressionLevel, level);
    if (!ZSTD_isError(n))
        n = ZSTD_CCtx_refCDict(context, dict);
    if (!ZSTD_isError(n))
        n = ZSTD_compress2(context, out, cap, bytes, len);
    /* It may have failed half way, and the context outlives the dictionary. */
    (void)ZSTD_CCtx_reset(context, ZSTD_reset_session_only);
    (void)ZSTD_CCtx_refCDict(context, NULL);
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

/* Room for what len bytes become, or for what is left of out: DI_OK with *cap, or out's error. */
static enum di_err reserve(struct buf *out, size_t len, char **room, size_t *cap)
{
    if (buf_status(out) != DI_OK)
        return buf_status(out);
    *cap = (size_t)coding_bound(len);
    if (*cap > out->max - out->len)
        *cap = out->max - out->len;
    *room = buf_reserve(out, *cap);
    return *room == NULL ? buf_status(out) : DI_OK;
}

enum di_err coding_encode(enum coding c, int level, const void *bytes, size_t len, struct buf *out)
{
    char *room = NULL;
    size_t cap = 0, used = 0;
    enum di_err err = reserve(out, len, &room, &cap);
    if (err != DI_OK)
        return err;
    if (c == CODING_ZSTD)
        err = encode_zstd(level, NULL, bytes, len, room, cap, &used);
    else if (c == CODING_GZIP)
        err = encode_gzip(level, bytes, len, room, cap, &used);
    else
        err = DI_INVALID;
    if (err == DI_OK)
        buf_commit(out, used);
    return err;
}

enum di_err coding_encode_dcz(struct coding_dict *d, int level, const void *bytes, size_t len,
                              struct buf *out)
{
    char *room = NULL;
    size_t cap = 0, used = 0;
    const ZSTD_CDict *dict = dict_for_level(d, level);
    enum di_err err = dict == NULL ? DI_NOMEM : reserve(out, len, &room, &cap);
    if (err == DI_OK && cap < DCZ_HEAD_SIZE)
        err = DI_LIMIT;
    if (err != DI_OK)
        return err;
    memcpy(room, d->head, DCZ_HEAD_SIZE);
    err = encode_zstd(level, dict, bytes, len, room + DCZ_HEAD_SIZE, cap - DCZ_HEAD_SIZE, &used);
    if (err == DI_OK)
        buf_commit(out, DCZ_HEAD_SIZE + used);
    return err;
}

/* ---- decoding -------------------------------------------------------------------------------- */

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
    enum di_err err = decoder_begin(d, NULL, 0);
    if (err != DI_OK)
        decoder_free(d);
    else
        *out = d;
    return err;
}

void decoder_free(struct decoder *d)
{
    if (d == NULL)
        return;
    ZSTD_freeDCtx(d->context);
    free(d);
}

enum di_err decoder_begin(struct decoder *d, struct coding_dict *dict, uint64_t max)
{
    const ZSTD_DDict *decode = dict != NULL ? dict_to_decode(dict) : NULL;
    d->dict = dict;
    d->left = max;
    d->checked = 0;
    d->begun = d->ended = false;
    if (dict != NULL && decode == NULL)
        return DI_NOMEM;
    (void)ZSTD_DCtx_reset(d->context, ZSTD_reset_session_only);
    return ZSTD_isError(ZSTD_DCtx_refDDict(d->context, decode)) ? DI_NOMEM : DI_OK;
}

/*
 * libzstd would take the formats of its beginnings as well, by decoders that know no limit of the
 * window, and frames to be skipped. *skipped: so many of the bytes are dcz's and not its own.
 */
static bool is_beginning(struct decoder *d, const unsigned char *bytes, size_t len, size_t *skipped)
{
    static const unsigned char magic[MAGIC_SIZE] = {0x28, 0xb5, 0x2f, 0xfd};
    size_t head = d->dict != NULL ? DCZ_HEAD_SIZE : 0;
    *skipped = d->checked >= head ? 0 : len < head - d->checked ? len : head - d->checked;
    for (size_t i = 0; i < len && d->checked < head + sizeof(magic); i++, d->checked++)
        if (bytes[i] != (d->checked < head ? d->dict->head[d->checked] : magic[d->checked - head]))
            return false;
    return true;
}

static enum di_err error_of(size_t n)
{
    return ZSTD_getErrorCode(n) == ZSTD_error_memory_allocation ? DI_NOMEM : DI_PROTOCOL;
}

enum di_err decoder_feed(struct decoder *d, const void *bytes, size_t len,
                         enum di_err (*put)(void *arg, const void *bytes, size_t len), void *arg)
{
    bool full = false; /* more may have been ready than there was room for */
    size_t skipped = 0;
    if (!is_beginning(d, bytes, len, &skipped))
        return DI_PROTOCOL;
    /* Of a frame that comes in one piece libzstd demands other things: so the first byte goes alone. */
    ZSTD_inBuffer in = {.src = bytes, .pos = skipped, .size = len};
    if (!d->begun && skipped < len)
        in.size = skipped + 1;
    while (in.pos < len || full) {
        ZSTD_outBuffer out = {.dst = d->out, .size = OUT_BYTES};
        if (d->ended)
            return DI_PROTOCOL;
        size_t n = ZSTD_decompressStream(d->context, &out, &in);
        if (ZSTD_isError(n))
            return error_of(n);
        if (out.pos > d->left)
            return DI_PROTOCOL;
        d->begun = true;
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

static enum di_err put_behind(void *arg, const void *bytes, size_t len)
{
    char **at = arg;
    memcpy(*at, bytes, len);
    *at += len;
    return DI_OK;
}

/*
 * libzstd's decoder of whole frames minds neither windows nor the size of blocks. So it only gets those
 * for which that makes no difference: whose window is the document, the document no longer than a block may
 * be, and the frame, and with it each of its blocks, no longer than the document.
 */
static bool is_for_one_call(const struct decoder *d, const unsigned char *frame, size_t len)
{
    static const unsigned char single_segment = 0x20; /* RFC 8878, Frame_Header_Descriptor */
    return d->left <= ZSTD_BLOCKSIZE_MAX && len <= d->left && len > MAGIC_SIZE &&
           (frame[MAGIC_SIZE] & single_segment) != 0;
}

enum di_err decoder_whole(struct decoder *d, const void *bytes, size_t len, void *out)
{
    size_t skipped = d->dict != NULL ? DCZ_HEAD_SIZE : 0;
    const unsigned char *frame = bytes;
    if (len >= skipped)
        frame += skipped;
    if (len < skipped || !is_for_one_call(d, frame, len - skipped)) {
        char *at = out;
        enum di_err err = decoder_feed(d, bytes, len, put_behind, &at);
        return err == DI_OK && !decoder_is_complete(d) ? DI_PROTOCOL : err;
    }
    if (!is_beginning(d, bytes, len, &skipped))
        return DI_PROTOCOL;
    len -= skipped;
    /* It would go on with another frame behind it. */
    if (ZSTD_findFrameCompressedSize(frame, len) != len)
        return DI_PROTOCOL;
    size_t n = ZSTD_decompressDCtx(d->context, out, (size_t)d->left, frame, len);
    if (ZSTD_isError(n))
        return error_of(n);
    d->left -= n;
    d->ended = true;
    return d->left == 0 ? DI_OK : DI_PROTOCOL;
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
    enum di_err err = take_decoder(&d);
    if (err != DI_OK)
        return err;
    err = decoder_begin(d, NULL, out->max - out->len);
    if (err == DI_OK)
        err = decoder_feed(d, frame, len, put_into_buf, out);
    if (err == DI_OK && !d->ended)
        err = DI_PROTOCOL;
    give_decoder_back(d);
    return err;
}
