/* SHA-256 by OpenSSL; the algorithm is fetched once for the process. */
#ifndef P2PDI_BASE_SHA256_H
#define P2PDI_BASE_SHA256_H

#include "p2pdi/base/err.h"
#include "p2pdi/base/text.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sha256 {
    uint8_t byte[32];
};

#define SHA256_HEX_SIZE 65

struct sha256_stream;

/* One running hash; use by one thread at a time. DI_NOMEM. */
enum di_err sha256_stream_new(struct sha256_stream **out) DI_MUST_CHECK;
void sha256_stream_free(struct sha256_stream *s);
enum di_err sha256_stream_update(struct sha256_stream *s, const void *data, size_t len)
    DI_MUST_CHECK;
/* The digest of what was fed since _new or the last _finish; the stream starts anew. */
enum di_err sha256_stream_finish(struct sha256_stream *s, struct sha256 *out) DI_MUST_CHECK;
/* In one go. */
enum di_err sha256_of(const void *data, size_t len, struct sha256 *out) DI_MUST_CHECK;

/* Constant time. */
bool sha256_equal(const struct sha256 *a, const struct sha256 *b);
void sha256_format(const struct sha256 *d, char out[SHA256_HEX_SIZE]); /* lower-case hex */
bool sha256_parse(struct slice hex, struct sha256 *out);               /* 64 digits, either case */

#endif
