/* Slices, numbers, sizes and durations in and out of text. Pure. */
#include "p2pdi/base/text.h"

#include <stdio.h>
#include <string.h>

#define DURATION_MAX_US (INT64_C(9999) * 3600 * 1000000) /* what fits the columns of a table */

struct slice slice_of(const char *str)
{
    return (struct slice){str, strlen(str)};
}

bool slice_equal(struct slice a, struct slice b)
{
    return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

static char lower(char c)
{
    if (c >= 'A' && c <= 'Z')
        c = (char)(c - 'A' + 'a');
    return c;
}

bool slice_equal_nocase(struct slice a, struct slice b)
{
    if (a.n != b.n)
        return false;
    for (size_t i = 0; i < a.n; i++) {
        if (lower(a.p[i]) != lower(b.p[i]))
            return false;
    }
    return true;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

struct slice slice_trim(struct slice s)
{
    while (s.n > 0 && is_blank(s.p[0])) {
        s.p++;
        s.n--;
    }
    while (s.n > 0 && is_blank(s.p[s.n - 1]))
        s.n--;
    return s;
}

struct slice slice_split(struct slice s, char sep, struct slice *rest)
{
    const char *at = s.n == 0 ? NULL : memchr(s.p, sep, s.n);

    if (at == NULL) {
        *rest = (struct slice){NULL, 0};
        return s;
    }

    size_t before = (size_t)(at - s.p);

    *rest = (struct slice){at + 1, s.n - before - 1};
    return (struct slice){s.p, before};
}

bool text_parse_u64(struct slice s, uint64_t max, uint64_t *out)
{
    uint64_t value = 0;

    if (s.n == 0)
        return false;
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] < '0' || s.p[i] > '9')
            return false;

        uint64_t digit = (uint64_t)(s.p[i] - '0');

        if (value > max / 10 || digit > max - value * 10)
            return false;
        value = value * 10 + digit;
    }
    *out = value;
    return true;
}

bool text_parse_size(struct slice s, uint64_t *out_bytes)
{
    static const char units[] = "kmgt";
    const char *unit = s.n > 0 ? strchr(units, lower(s.p[s.n - 1])) : NULL;
    uint64_t factor = 1, value = 0;

    if (unit != NULL && *unit != '\0') {
        s.n--;
        for (const char *u = units; u <= unit; u++)
            factor *= 1000;
    }
    if (!text_parse_u64(s, UINT64_MAX / factor, &value))
        return false;
    *out_bytes = value * factor;
    return true;
}

void text_human_bytes(uint64_t bytes, char out[TEXT_HUMAN_SIZE])
{
    static const char units[] = "BKMGTPE";
    uint64_t scale = 1;
    size_t unit = 0;

    /* Up to the next unit as soon as rounding would print 1000. */
    while (unit < sizeof(units) - 2 && bytes >= 1000 * scale - (unit == 0 ? 0 : scale / 2)) {
        scale *= 1000;
        unit++;
    }

    uint64_t tenths = unit == 0 ? 0 : bytes / (scale / 10) + (bytes % (scale / 10) >= scale / 20);

    if (unit == 0)
        snprintf(out, TEXT_HUMAN_SIZE, "%uB", (unsigned)bytes);
    else if (tenths < 100)
        snprintf(out, TEXT_HUMAN_SIZE, "%u.%u%c", (unsigned)(tenths / 10), (unsigned)(tenths % 10),
                 units[unit]);
    else
        snprintf(out, TEXT_HUMAN_SIZE, "%u%c",
                 (unsigned)(bytes / scale + (bytes % scale >= scale / 2)), units[unit]);
}

void text_human_duration_us(int64_t us, char out[TEXT_HUMAN_SIZE])
{
    if (us < 0)
        us = 0;
    if (us > DURATION_MAX_US)
        us = DURATION_MAX_US;

    int64_t ms_tenths = us / 100 + (us % 100 >= 50);
    int64_t s_hundredths = us / 10000 + (us % 10000 >= 5000);
    int64_t s = us / 1000000 + (us % 1000000 >= 500000);

    if (us < 1000)
        snprintf(out, TEXT_HUMAN_SIZE, "%dus", (int)us);
    else if (ms_tenths < 10000)
        snprintf(out, TEXT_HUMAN_SIZE, "%d.%dms", (int)(ms_tenths / 10), (int)(ms_tenths % 10));
    else if (s_hundredths < 6000)
        snprintf(out, TEXT_HUMAN_SIZE, "%d.%02ds", (int)(s_hundredths / 100),
                 (int)(s_hundredths % 100));
    else if (s < 3600)
        snprintf(out, TEXT_HUMAN_SIZE, "%d:%02d", (int)(s / 60), (int)(s % 60));
    else
        snprintf(out, TEXT_HUMAN_SIZE, "%d:%02d:%02d", (int)(s / 3600), (int)(s / 60 % 60),
                 (int)(s % 60));
}
