/* Runs in tests, one thread. */
#include "pattern.h"

#include <stdlib.h>
#include <string.h>

static const char *find(const struct pattern_values *v, struct slice name)
{
    for (size_t i = 0; i < v->count; i++) {
        if (slice_equal(slice_of(v->at[i].name), name))
            return v->at[i].value;
    }
    return NULL;
}

bool pattern_bind(struct pattern_values *v, struct slice name, struct slice value)
{
    if (v->count == PATTERN_VALUES || name.n == 0 || name.n >= PATTERN_NAME_SIZE ||
        value.n >= PATTERN_VALUE_SIZE)
        return false;
    memcpy(v->at[v->count].name, name.p, name.n);
    v->at[v->count].name[name.n] = '\0';
    memcpy(v->at[v->count].value, value.p, value.n);
    v->at[v->count].value[value.n] = '\0';
    v->count++;
    return true;
}

/* ---- to be sent -------------------------------------------------------------------------------- */

static int hex_digit(char c)
{
    static const char digits[] = "0123456789abcdef";
    const char *at = c == '\0' ? NULL : strchr(digits, c);
    return at == NULL ? -1 : (int)(at - digits);
}

/* "64*x" */
static bool repeat(struct slice inside, const struct pattern_values *v, struct buf *out)
{
    struct slice text;
    struct slice number = slice_split(inside, '*', &text);
    uint64_t times;

    if (text.p == NULL || !text_parse_u64(number, 1 << 20, &times))
        return false;
    for (uint64_t i = 0; i < times; i++) {
        if (!pattern_expand(text, v, out))
            return false;
    }
    return true;
}

bool pattern_expand(struct slice text, const struct pattern_values *v, struct buf *out)
{
    for (size_t i = 0; i < text.n; i++) {
        if (text.p[i] == '\\') {
            if (text.n - i < 4 || text.p[i + 1] != 'x' || hex_digit(text.p[i + 2]) < 0 ||
                hex_digit(text.p[i + 3]) < 0)
                return false;
            buf_append_char(out, (char)(hex_digit(text.p[i + 2]) * 16 + hex_digit(text.p[i + 3])));
            i += 3;
        } else if (text.p[i] == '{') {
            const char *end = memchr(text.p + i, '}', text.n - i);
            if (end == NULL)
                return false;
            struct slice inside = {text.p + i + 1, (size_t)(end - text.p) - i - 1};
            const char *value = find(v, inside);
            if (value != NULL)
                buf_append_str(out, value);
            else if (!repeat(inside, v, out))
                return false;
            i = (size_t)(end - text.p);
        } else {
            buf_append_char(out, text.p[i]);
        }
    }
    return buf_status(out) == DI_OK;
}

/* ---- held against what came ---------------------------------------------------------------------- */

static struct slice skip(struct slice s, size_t n)
{
    return (struct slice){s.p + n, s.n - n};
}

/* Tries the shortest value first; patterns are short, so that trying is cheap. */
bool pattern_match(struct slice pattern, struct slice text, struct pattern_values *v)
{
    size_t bound = v->count;

    while (pattern.n > 0 && pattern.p[0] != '{') {
        if (text.n == 0 || text.p[0] != pattern.p[0])
            return false;
        pattern = skip(pattern, 1);
        text = skip(text, 1);
    }
    if (pattern.n == 0)
        return text.n == 0;

    const char *end = memchr(pattern.p, '}', pattern.n);
    if (end == NULL)
        return false;
    struct slice name = {pattern.p + 1, (size_t)(end - pattern.p) - 1};
    struct slice rest = skip(pattern, name.n + 2);
    const char *value = find(v, name);
    if (value != NULL) {
        size_t n = strlen(value);
        return text.n >= n && memcmp(text.p, value, n) == 0 &&
               pattern_match(rest, skip(text, n), v);
    }
    for (size_t n = 1; n <= text.n; n++) {
        if (!slice_equal(name, SLICE("any")) && !pattern_bind(v, name, (struct slice){text.p, n}))
            return false;
        if (pattern_match(rest, skip(text, n), v))
            return true;
        v->count = bound;
    }
    return false;
}
