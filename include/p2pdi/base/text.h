/* Text: slices, numbers and times in and out, and the cleaning of strings from outside. Pure. */
#ifndef P2PDI_BASE_TEXT_H
#define P2PDI_BASE_TEXT_H

#include "p2pdi/base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Borrowed bytes, not NUL-terminated. */
struct slice {
    const char *p;
    size_t n;
};

#define SLICE(literal) ((struct slice){(literal), sizeof(literal) - 1})
struct slice slice_of(const char *str);
bool slice_equal(struct slice a, struct slice b);
bool slice_equal_nocase(struct slice a, struct slice b); /* ASCII letters only */
struct slice slice_trim(struct slice s);                 /* spaces and tabs at both ends */
/* Splits at the first sep: returns what is before it, *rest what follows (p NULL if there was none). */
struct slice slice_split(struct slice s, char sep, struct slice *rest);

/* Decimal digits only, the whole slice, value <= max; false otherwise, never a wrap. */
bool text_parse_u64(struct slice s, uint64_t max, uint64_t *out);
/* "500k" "10m" "1g" (powers of 1000) or bare, into bytes. */
bool text_parse_size(struct slice s, uint64_t *out_bytes);

/*
 * The character at the front of s (s.n > 0): *cp gets its code point, U+FFFD if the bytes are not
 * UTF-8 (then as many are taken as Unicode recommends to replace by one). Returns the bytes taken.
 */
size_t text_utf8_next(struct slice s, uint32_t *cp);
/*
 * Copies src into dst (dst_size bytes, always NUL-terminated) with everything that could harm a
 * terminal, a log or a table taken out: C0, DEL, C1, bidirectional overrides and isolates become
 * spaces (runs of them one), invalid UTF-8 U+FFFD; cuts only between characters. Returns strlen(dst).
 */
size_t text_clean(char *dst, size_t dst_size, struct slice src);

#define TEXT_RFC3339_SIZE 21 /* "2026-01-02T03:04:05Z" and NUL */
void text_format_rfc3339(int64_t wall_s, char out[TEXT_RFC3339_SIZE]);
bool text_parse_rfc3339(struct slice s, int64_t *out_wall_s);
#define TEXT_HTTP_DATE_SIZE 30 /* "Sun, 06 Nov 1994 08:49:37 GMT" and NUL */
/* Without locale and time zone, which the C library would ask for under a lock. */
void text_format_http_date(int64_t wall_s, char out[TEXT_HTTP_DATE_SIZE]);

#define TEXT_HUMAN_SIZE 16
/* "83K", "3.1M": at most five characters. */
void text_human_bytes(uint64_t bytes, char out[TEXT_HUMAN_SIZE]);
/* "842us", "39.0ms", "1.05s", "2:13", "1:59:48". */
void text_human_duration_us(int64_t us, char out[TEXT_HUMAN_SIZE]);

#endif
