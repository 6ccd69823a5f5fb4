/*
 * Emits JSON into a buffer; commas are taken care of. Strings from outside come in cleaned. Names are
 * apart from jansson's, which is linked too. Pure.
 */
#ifndef P2PDI_BASE_JSON_H
#define P2PDI_BASE_JSON_H

#include "p2pdi/base/buf.h"
#include "p2pdi/base/text.h"

#include <stdbool.h>
#include <stdint.h>

/* key NULL inside an array and for the outermost value. */
void json_object_begin(struct buf *b, const char *key);
void json_object_end(struct buf *b);
void json_array_begin(struct buf *b, const char *key);
void json_array_end(struct buf *b);
void json_text(struct buf *b, const char *key, const char *value);
void json_slice(struct buf *b, const char *key, struct slice value);
void json_u64(struct buf *b, const char *key, uint64_t value);
void json_i64(struct buf *b, const char *key, int64_t value);
void json_bool(struct buf *b, const char *key, bool value);
/* us microseconds as seconds with six decimals. */
void json_seconds(struct buf *b, const char *key, int64_t us);

#endif
