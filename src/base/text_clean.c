/* UTF-8 from outside, made harmless for terminals, logs and tables. Pure. */
#include "p2pdi/base/text.h"

#include <string.h>

#define REPLACEMENT 0xfffd

static bool is_continuation(char c)
{
    return ((uint8_t)c & 0xc0) == 0x80;
}

/*
 * Unicode, table 3-7: the first byte says how many follow and which second bytes are well formed
 * (no overlong forms, no surrogates, nothing past U+10FFFF). Returns the length, 0 for no first byte.
 */
static size_t sequence_of(uint8_t first, uint8_t *second_min, uint8_t *second_max)
{
    *second_min = 0x80;
    *second_max = 0xbf;
    if (first < 0x80)
        return 1;
    if (first >= 0xc2 && first <= 0xdf)
        return 2;
    if (first >= 0xe0 && first <= 0xef) {
        if (first == 0xe0)
            *second_min = 0xa0;
        else if (first == 0xed)
            *second_max = 0x9f;
        return 3;
    }
    if (first >= 0xf0 && first <= 0xf4) {
        if (first == 0xf0)
            *second_min = 0x90;
        else if (first == 0xf4)
            *second_max = 0x8f;
        return 4;
    }
    return 0;
}

size_t text_utf8_next(struct slice s, uint32_t *cp)
{
    static const uint8_t first_bits[] = {0, 0x7f, 0x1f, 0x0f, 0x07};
    uint8_t second_min, second_max;
    uint8_t first = (uint8_t)s.p[0];
    size_t len = sequence_of(first, &second_min, &second_max);
    uint32_t value = first & first_bits[len];

    *cp = REPLACEMENT;
    if (len == 0)
        return 1;
    for (size_t i = 1; i < len; i++) {
        if (i == s.n || !is_continuation(s.p[i]) ||
            (i == 1 && ((uint8_t)s.p[1] < second_min || (uint8_t)s.p[1] > second_max)))
            return i;
        value = value << 6 | ((uint8_t)s.p[i] & 0x3f);
    }
    *cp = value;
    return len;
}

/* Moves the cursor, breaks the line, or turns the direction of what follows. */
static bool is_harmful(uint32_t cp)
{
    return cp < 0x20 || (cp >= 0x7f && cp <= 0x9f) || cp == 0x061c || cp == 0x200e ||
           cp == 0x200f || (cp >= 0x2028 && cp <= 0x202e) || (cp >= 0x2066 && cp <= 0x2069);
}

size_t text_clean(char *dst, size_t dst_size, struct slice src)
{
    size_t used = 0;
    bool in_run = false; /* of harmful characters */

    if (dst_size == 0)
        return 0;
    while (src.n > 0) {
        uint32_t cp;
        size_t taken = text_utf8_next(src, &cp);
        bool harmful = is_harmful(cp);
        struct slice put = {src.p, taken};

        if (harmful)
            put = SLICE(" ");
        else if (cp == REPLACEMENT)
            put = SLICE("\xef\xbf\xbd");
        if (!(harmful && in_run)) {
            if (put.n >= dst_size - used)
                break;
            memcpy(dst + used, put.p, put.n);
            used += put.n;
        }
        in_run = harmful;
        src.p += taken;
        src.n -= taken;
    }
    dst[used] = '\0';
    return used;
}
