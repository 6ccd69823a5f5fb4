/*
 * A bounded, growing byte buffer.
 *
 *      data          data + start     data + start + len     data + cap
 *       | consumed    | held bytes     | free                 |
 *
 * Writers do not check each append: the first failure sticks and buf_status() tells at the end.
 */
#ifndef P2PDI_BASE_BUF_H
#define P2PDI_BASE_BUF_H

#include "p2pdi/base/err.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

struct buf {
    char *data;
    size_t start;
    size_t len;
    size_t cap;
    size_t max; /* held bytes never exceed this */
    enum di_err err;
};

/* An empty buffer that will hold at most max bytes. Allocates nothing. */
void buf_init(struct buf *b, size_t max);
/* Frees the memory; the buffer is empty and usable again. */
void buf_fini(struct buf *b);
/* Forgets contents and error, keeps the memory. */
void buf_clear(struct buf *b);

/* The held bytes, not NUL-terminated; valid until the next call that writes. */
static inline const char *buf_bytes(const struct buf *b)
{
    return b->data == NULL ? "" : b->data + b->start;
}
/* DI_OK, or the first failure since buf_init/buf_clear: DI_NOMEM, or DI_LIMIT (max exceeded). */
static inline enum di_err buf_status(const struct buf *b)
{
    return b->err;
}

/* Append; on failure nothing is added and the error sticks. */
void buf_append(struct buf *b, const void *bytes, size_t len);
void buf_append_str(struct buf *b, const char *str);
void buf_append_char(struct buf *b, char c);
void buf_append_u64(struct buf *b, uint64_t n);
void buf_printf(struct buf *b, const char *fmt, ...) DI_PRINTF(2, 3);
void buf_vprintf(struct buf *b, const char *fmt, va_list ap) DI_PRINTF(2, 0);

/* Room for want more bytes, to be filled and then claimed by buf_commit; NULL on failure. */
char *buf_reserve(struct buf *b, size_t want);
void buf_commit(struct buf *b, size_t used);
/* Drops n bytes (n <= len) from the front. */
void buf_consume(struct buf *b, size_t n);
/* Hands the heap block over to the caller (held bytes at *bytes, of *len; free() the returned block). */
char *buf_detach(struct buf *b, char **bytes, size_t *len);

#endif
