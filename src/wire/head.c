/* Lines and fields of a head, and the first line of a request (PROTOCOL.md). Pure, any thread. */
#include "head.h"

#include <string.h>

static const struct slice field_names[HEAD_FIELD_COUNT] = {
#define X(name, word) [HEAD_##name] = {(word), sizeof(word) - 1},
    HEAD_FIELD_MAP(X)
#undef X
};

const char *head_field_name(enum head_field id)
{
    return field_names[id].p;
}

bool head_is_token(struct slice s)
{
    /* A bit for each of ASCII: letters, digits and !#$%&'*+-.^_`|~ (RFC 9110, 5.6.2). */
    static const uint64_t allowed[2] = {0x03ff6cfa00000000, 0x57ffffffc7fffffe};

    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];
        if (c >= 128 || !(allowed[c / 64] >> (c % 64) & 1))
            return false;
    }
    return s.n > 0;
}

struct slice head_take_line(struct slice *rest)
{
    const char *lf = rest->n > 0 ? memchr(rest->p, '\n', rest->n) : NULL;
    struct slice line = *rest;

    if (lf == NULL) {
        *rest = (struct slice){rest->p + rest->n, 0};
        return line;
    }
    line.n = (size_t)(lf - rest->p);
    rest->p += line.n + 1;
    rest->n -= line.n + 1;
    if (line.n > 0 && line.p[line.n - 1] == '\r')
        line.n--;
    return line;
}

/* ---- the first line -------------------------------------------------------------------------- */

static bool starts_with(struct slice s, const char *prefix)
{
    size_t n = strlen(prefix);
    return s.n >= n && memcmp(s.p, prefix, n) == 0;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* "digit.digit" */
static bool parse_version(struct slice s, unsigned *major, unsigned *minor)
{
    if (s.n != 3 || !is_digit(s.p[0]) || s.p[1] != '.' || !is_digit(s.p[2]))
        return false;
    *major = (unsigned)(s.p[0] - '0');
    *minor = (unsigned)(s.p[2] - '0');
    return true;
}

int head_parse_first(struct slice line, struct head_first *first, struct wire_fault *fault)
{
    const char *space = line.n > 0 ? memrchr(line.p, ' ', line.n) : NULL;
    struct slice version = {0};
    unsigned major, minor;

    *first = (struct head_first){.form = WIRE_FRAMED};
    if (space != NULL) {
        first->words = (struct slice){line.p, (size_t)(space - line.p)};
        version = (struct slice){space + 1, line.n - first->words.n - 1};
    }

    if (starts_with(version, "P2P-DI/") &&
        parse_version((struct slice){version.p + 7, version.n - 7}, &major, &minor)) {
        if (major != 1 || minor != 0) {
            wire_fault_set(fault, 505, "this server speaks P2P-DI/1.0");
            return 505;
        }
        return 0;
    }
    if (starts_with(version, "HTTP/") &&
        parse_version((struct slice){version.p + 5, version.n - 5}, &major, &minor)) {
        first->form = WIRE_HTTP;
        if (major != 1) {
            wire_fault_set(fault, 505, "this server speaks HTTP/1.1");
            return 505;
        }
        /* A later minor version can be talked to as ours is (RFC 9110, 2.5). */
        first->http_minor = minor > 0;
        return 0;
    }
    if (line.n > 0 && memmem(line.p, line.n, " P2P-DI/1.0 ", 12) != NULL)
        wire_fault_set(fault, 400, "the one-line form is not in this version");
    else
        wire_fault_set(fault, 400, "the first line ends in neither P2P-DI/1.0 nor HTTP/1.1");
    return 400;
}

bool head_parse_status(struct slice line, int *status, struct wire_fault *fault)
{
    static const char version[] = "P2P-DI/1.0 ";
    uint64_t code;

    if (!starts_with(line, version) || line.n < sizeof(version) + 3 ||
        line.p[sizeof(version) + 2] != ' ' ||
        !text_parse_u64((struct slice){line.p + sizeof(version) - 1, 3}, 599, &code) ||
        code < 100) {
        wire_fault_set(fault, 400, "the first line is not P2P-DI/1.0, a status and a phrase");
        return false;
    }
    *status = (int)code;
    return true;
}

/* ---- fields ---------------------------------------------------------------------------------- */

static enum head_field find_field(struct slice name, uint32_t known)
{
    for (; known != 0; known &= known - 1) {
        enum head_field id = (enum head_field)__builtin_ctz(known);
        if (field_names[id].n == name.n && slice_equal_nocase(field_names[id], name))
            return id;
    }
    return HEAD_FIELD_COUNT;
}

bool head_parse_field(struct slice line, uint32_t known, struct head_line *out,
                      struct wire_fault *fault)
{
    const char *colon = memchr(line.p, ':', line.n);
    struct slice name;

    if (line.p[0] == ' ' || line.p[0] == '\t') {
        wire_fault_set(fault, 400, "a line of the head begins with a blank");
        return false;
    }
    if (colon == NULL) {
        wire_fault_set(fault, 400, "a field has no colon");
        return false;
    }
    name = (struct slice){line.p, (size_t)(colon - line.p)};
    if (!head_is_token(name)) {
        wire_fault_set(fault, 400, "a field's name is empty or has a character it may not have");
        return false;
    }
    out->id = find_field(name, known);
    out->value = slice_trim((struct slice){colon + 1, line.n - name.n - 1});
    return true;
}

bool head_walk_next(struct head_walk *w, uint32_t known, struct head_line *out,
                    struct wire_fault *fault)
{
    /* What these say may be spread over several fields. */
    static const uint32_t lists = HEAD_BIT(HEAD_ACCEPT_ENCODING) | HEAD_BIT(HEAD_CONNECTION);
    struct slice line = head_take_line(&w->rest);

    if (line.n == 0)
        return false;
    if (++w->count > WIRE_FIELDS_MAX) {
        wire_fault_set(fault, 431, "the head has more than %d fields", WIRE_FIELDS_MAX);
        return false;
    }
    if (!head_parse_field(line, known, out, fault))
        return false;
    if (out->id == HEAD_FIELD_COUNT)
        return true;
    if (w->seen & ~lists & HEAD_BIT(out->id)) {
        wire_fault_set(fault, 400, "%s stands twice", head_field_name(out->id));
        return false;
    }
    w->seen |= HEAD_BIT(out->id);
    return true;
}

/* ---- lists in values ------------------------------------------------------------------------- */

bool head_list_has(struct slice list, const char *token)
{
    while (list.p != NULL) {
        struct slice item = slice_trim(slice_split(list, ',', &list));
        if (slice_equal_nocase(item, slice_of(token)))
            return true;
    }
    return false;
}

/* ";q=0", "; Q=0.000" */
static bool is_refused(struct slice parameters)
{
    struct slice q = slice_trim(parameters);

    if (q.n < 3 || (q.p[0] != 'q' && q.p[0] != 'Q') || q.p[1] != '=' || q.p[2] != '0')
        return false;
    for (size_t i = 3; i < q.n; i++) {
        if (q.p[i] != '0' && q.p[i] != '.')
            return false;
    }
    return true;
}

unsigned head_parse_accept(struct slice list)
{
    unsigned accept = 0;

    while (list.p != NULL) {
        struct slice parameters;
        struct slice coding =
            slice_trim(slice_split(slice_split(list, ',', &list), ';', &parameters));
        if (is_refused(parameters))
            continue;
        if (slice_equal_nocase(coding, SLICE("zstd")))
            accept |= WIRE_ZSTD;
        else if (slice_equal_nocase(coding, SLICE("gzip")))
            accept |= WIRE_GZIP;
    }
    return accept;
}
