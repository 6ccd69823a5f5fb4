/*
 * Content codings (PROTOCOL.md, "Compressed bodies"): bodies encoded in one piece as one zstd frame, with or without
 * a dictionary, or as gzip, and a decoder of zstd frames that announces and sends of others can make use
 * neither more memory nor more output than it was allowed. Any thread; a thread keeps what it compresses
 * and decodes whole bodies with.
 */
#ifndef P2PDI_BASE_CODING_H
#define P2PDI_BASE_CODING_H

#include "p2pdi/base/buf.h"
#include "p2pdi/base/sha256.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The numbers of enum wire_encoding. */
enum coding { CODING_IDENTITY = 0, CODING_ZSTD = 1, CODING_GZIP = 2, CODING_DCZ = 4 };

/* For what is sent once and not kept. */
#define CODING_LEVEL_FAST 1

/* "zstd", "gzip", "dcz", "identity": as in Content-Encoding. */
const char *coding_name(enum coding c);
/* The most that len bytes, however chosen, become as one zstd frame. */
uint64_t coding_bound(uint64_t len);

/*
 * Appends bytes, encoded. DI_LIMIT: that is longer than what out may hold; nothing was appended.
 * DI_NOMEM.
 */
enum di_err coding_encode(enum coding c, int level, const void *bytes, size_t len, struct buf *out)
    DI_MUST_CHECK;

/*
 * A text that others are compressed against, as both sides have it: what they have in common with it
 * need not be sent. Immutable, reference-counted, any thread.
 */
struct coding_dict;
/* Copies bytes, whose digest is id. DI_INVALID: libzstd would not take it for a text. DI_NOMEM. */
enum di_err coding_dict_new(const void *bytes, size_t len, const struct sha256 *id,
                            struct coding_dict **out) DI_MUST_CHECK;
struct coding_dict *coding_dict_ref(struct coding_dict *d);
void coding_dict_unref(struct coding_dict *d); /* NULL is fine */
const struct sha256 *coding_dict_id(const struct coding_dict *d);
/*
 * As coding_encode with CODING_DCZ (RFC 9842): the dictionary's digest, then a zstd frame that needs
 * it. What a level needs is made once for a dictionary and kept.
 */
enum di_err coding_encode_dcz(struct coding_dict *d, int level, const void *bytes, size_t len,
                              struct buf *out) DI_MUST_CHECK;

/* One zstd frame on its way in. One thread at a time. */
struct decoder;
enum di_err decoder_new(struct decoder **out) DI_MUST_CHECK;
void decoder_free(struct decoder *d);
/*
 * From here on a new frame comes, which may become max bytes; with dict (which is to stay while it
 * comes) a dcz one, that names just that dictionary. DI_NOMEM: there is none for dict.
 */
enum di_err decoder_begin(struct decoder *d, struct coding_dict *dict, uint64_t max) DI_MUST_CHECK;
/*
 * Takes the next len bytes and hands what they become to put, in pieces that are valid during the
 * call. DI_PROTOCOL: no frame, or one that needs a window over 8 MiB or another dictionary, one that
 * becomes more than max, or bytes behind its end. DI_NOMEM. If put fails, what it returned. After a failure: begin anew.
 */
enum di_err decoder_feed(struct decoder *d, const void *bytes, size_t len,
                         enum di_err (*put)(void *arg, const void *bytes, size_t len), void *arg)
    DI_MUST_CHECK;
/*
 * All len bytes of the frame that begins, in one go: into out, which has room for the max bytes that it
 * must become. Takes what _feed takes, much faster. DI_PROTOCOL, DI_NOMEM.
 */
enum di_err decoder_whole(struct decoder *d, const void *bytes, size_t len, void *out)
    DI_MUST_CHECK;
/* Has the frame come to its end, and to exactly max bytes? */
bool decoder_is_complete(const struct decoder *d);

/* A whole frame in one go: appends what it becomes. DI_PROTOCOL, also for more than out may hold. */
enum di_err coding_decode(const void *frame, size_t len, struct buf *out) DI_MUST_CHECK;

#endif
