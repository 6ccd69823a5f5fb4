/*
 * The JSON emitter. It keeps no state: whether a comma is due shows in the last byte of the buffer,
 * because a value never ends in one of the bytes after which none is due.
 */
#include "p2pdi/base/json.h"

#include <string.h>

static void begin_value(struct buf *b, const char *key)
{
    if (b->len > 0 && strchr("{[,:\n", buf_bytes(b)[b->len - 1]) == NULL)
        buf_append_char(b, ',');
    if (key != NULL) {
        json_text(b, NULL, key);
        buf_append_char(b, ':');
    }
}

void json_object_begin(struct buf *b, const char *key)
{
    begin_value(b, key);
    buf_append_char(b, '{');
}

void json_object_end(struct buf *b)
{
    buf_append_char(b, '}');
}

void json_array_begin(struct buf *b, const char *key)
{
    begin_value(b, key);
    buf_append_char(b, '[');
}

void json_array_end(struct buf *b)
{
    buf_append_char(b, ']');
}

/* JSON is UTF-8: what is not becomes U+FFFD, so that a line can always be parsed. */
void json_slice(struct buf *b, const char *key, struct slice value)
{
    begin_value(b, key);
    buf_append_char(b, '"');
    while (value.n > 0) {
        uint32_t cp;
        size_t taken = text_utf8_next(value, &cp);

        if (cp == '"' || cp == '\\') {
            buf_append_char(b, '\\');
            buf_append_char(b, (char)cp);
        } else if (cp < 0x20 || cp == 0x7f) {
            buf_printf(b, "\\u%04x", (unsigned)cp);
        } else if (cp == 0xfffd) {
            buf_append_str(b, "\xef\xbf\xbd");
        } else {
            buf_append(b, value.p, taken);
        }
        value.p += taken;
        value.n -= taken;
    }
    buf_append_char(b, '"');
}

void json_text(struct buf *b, const char *key, const char *value)
{
    json_slice(b, key, slice_of(value));
}

void json_u64(struct buf *b, const char *key, uint64_t value)
{
    begin_value(b, key);
    buf_append_u64(b, value);
}

void json_i64(struct buf *b, const char *key, int64_t value)
{
    begin_value(b, key);
    if (value < 0)
        buf_append_char(b, '-');
    buf_append_u64(b, value < 0 ? 0 - (uint64_t)value : (uint64_t)value);
}

void json_bool(struct buf *b, const char *key, bool value)
{
    begin_value(b, key);
    buf_append_str(b, value ? "true" : "false");
}

void json_seconds(struct buf *b, const char *key, int64_t us)
{
    uint64_t magnitude = us < 0 ? 0 - (uint64_t)us : (uint64_t)us;

    begin_value(b, key);
    if (us < 0)
        buf_append_char(b, '-');
    buf_append_u64(b, magnitude / 1000000);
    buf_printf(b, ".%06u", (unsigned)(magnitude % 1000000));
}
