/* The bounded byte buffer. Not locked: one owner at a time. */
#include "p2pdi/base/buf.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CAP_MIN 256

void buf_init(struct buf *b, size_t max)
{
    *b = (struct buf){.max = max};
}

void buf_fini(struct buf *b)
{
    free(b->data);
    buf_init(b, b->max);
}

void buf_clear(struct buf *b)
{
    b->start = 0;
    b->len = 0;
    b->err = DI_OK;
}

static size_t next_cap(const struct buf *b, size_t need)
{
    size_t cap = need > SIZE_MAX / 2 ? need : 2 * need;

    if (cap < CAP_MIN)
        cap = CAP_MIN;
    /* Never more than max, unless consumed bytes stand in front: then up to twice as much, so that
     * moving the rest to the front is paid for by at least as many bytes consumed. */
    if (b->start == 0 && cap > b->max && need <= b->max)
        cap = b->max;
    return cap;
}

/* Makes data[start + len .. ] at least want bytes long. */
static enum di_err make_room(struct buf *b, size_t want)
{
    if (want > b->max || b->len > b->max - want)
        return DI_LIMIT;

    size_t need = b->len + want;

    if (b->data != NULL && need <= b->cap - b->start)
        return DI_OK;
    if (b->data != NULL && need <= b->cap && b->start >= b->len) {
        memcpy(b->data, b->data + b->start, b->len);
        b->start = 0;
        return DI_OK;
    }

    size_t cap = next_cap(b, need);
    char *data = malloc(cap == 0 ? 1 : cap);

    if (data == NULL)
        return DI_NOMEM;
    if (b->data != NULL)
        memcpy(data, b->data + b->start, b->len);
    free(b->data);
    b->data = data;
    b->start = 0;
    b->cap = cap;
    return DI_OK;
}

char *buf_reserve(struct buf *b, size_t want)
{
    if (b->err == DI_OK)
        b->err = make_room(b, want);
    return b->err == DI_OK ? b->data + b->start + b->len : NULL;
}

void buf_commit(struct buf *b, size_t used)
{
    assert(used <= b->cap - b->start - b->len);
    b->len += used;
}

void buf_append(struct buf *b, const void *bytes, size_t len)
{
    if (len == 0)
        return;

    char *to = buf_reserve(b, len);

    if (to != NULL) {
        memcpy(to, bytes, len);
        b->len += len;
    }
}

void buf_append_str(struct buf *b, const char *str)
{
    buf_append(b, str, strlen(str));
}

void buf_append_char(struct buf *b, char c)
{
    buf_append(b, &c, 1);
}

void buf_append_u64(struct buf *b, uint64_t n)
{
    char digits[20];
    size_t at = sizeof(digits);

    do {
        digits[--at] = (char)('0' + n % 10);
        n /= 10;
    } while (n > 0);
    buf_append(b, digits + at, sizeof(digits) - at);
}

void buf_vprintf(struct buf *b, const char *fmt, va_list ap)
{
    char small[512];
    va_list again;

    va_copy(again, ap);
    int n = vsnprintf(small, sizeof(small), fmt, ap);

    if (n >= 0 && (size_t)n < sizeof(small)) {
        buf_append(b, small, (size_t)n);
    } else {
        char *big = NULL;

        n = vasprintf(&big, fmt, again);
        if (n >= 0) {
            buf_append(b, big, (size_t)n);
            free(big);
        } else if (b->err == DI_OK) {
            b->err = DI_NOMEM;
        }
    }
    va_end(again);
}

void buf_printf(struct buf *b, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    buf_vprintf(b, fmt, ap);
    va_end(ap);
}

void buf_consume(struct buf *b, size_t n)
{
    assert(n <= b->len);
    b->start += n;
    b->len -= n;
    if (b->len == 0)
        b->start = 0;
}

char *buf_detach(struct buf *b, char **bytes, size_t *len)
{
    char *block = b->data;

    *bytes = block == NULL ? NULL : block + b->start;
    *len = b->len;
    buf_init(b, b->max);
    return block;
}
