/* The two tables that travel as bodies (PROTOCOL.md, "Rows"). Pure, any thread. */
#include "p2pdi/wire/rows.h"

#include "p2pdi/wire/message.h"

#include <stdio.h>
#include <string.h>

#define PEER_HEADER "Hostname\tPeer\tActive\tTTL\tPort\tRegistrations\tLast-Registered\tReachable"
#define INDEX_HEADER "RFC\tTitle\tHostname\tPort\tTTL\tSize\tSHA-256"
#define PEER_COLUMNS 8
#define INDEX_COLUMNS 7

static const char *const reachable_words[] = {
    [WIRE_REACHABLE_UNKNOWN] = "unknown",
    [WIRE_REACHABLE_YES] = "yes",
    [WIRE_REACHABLE_NO] = "no",
};

const char *wire_reachable_word(enum wire_reachable r)
{
    return reachable_words[r];
}

/* ---- out ------------------------------------------------------------------------------------- */

void wire_peer_header_format(struct buf *out)
{
    buf_append_str(out, PEER_HEADER "\n");
}

void wire_index_header_format(struct buf *out)
{
    buf_append_str(out, INDEX_HEADER "\n");
}

static void append_host(struct buf *out, const struct addr *a)
{
    char host[ADDR_HOST_SIZE];

    addr_format_host(a, host);
    buf_append_str(out, host);
    buf_append_char(out, '\t');
}

static void append_number(struct buf *out, uint64_t n)
{
    buf_append_u64(out, n);
    buf_append_char(out, '\t');
}

void wire_peer_row_format(struct buf *out, const struct wire_peer_row *row)
{
    char when[TEXT_RFC3339_SIZE];

    append_host(out, &row->addr);
    append_number(out, row->peer);
    append_number(out, row->active);
    append_number(out, row->ttl_s);
    append_number(out, row->addr.port);
    append_number(out, row->registrations);
    text_format_rfc3339(row->last_registered_s, when);
    buf_append_str(out, when);
    buf_append_char(out, '\t');
    buf_append_str(out, wire_reachable_word(row->reachable));
    buf_append_char(out, '\n');
}

void wire_index_row_format(struct buf *out, const struct wire_index_row *row)
{
    char hex[SHA256_HEX_SIZE];

    append_number(out, row->rfc);
    buf_append_str(out, row->title);
    buf_append_char(out, '\t');
    append_host(out, &row->holder);
    append_number(out, row->holder.port);
    append_number(out, row->ttl_s);
    append_number(out, row->size_bytes);
    sha256_format(&row->sha256, hex);
    buf_append_str(out, hex);
    buf_append_char(out, '\n');
}

/* ---- in -------------------------------------------------------------------------------------- */

static bool fail(struct wire_rows *c, const char *what)
{
    (void)snprintf(c->fault, sizeof(c->fault), "line %zu: %s", c->line, what);
    return false;
}

/* The next line, without its end. false: there is none, or it is not ended. */
static bool take_line(struct wire_rows *c, struct slice body, struct slice *line)
{
    const char *start, *lf;

    if (c->fault[0] != '\0' || c->offset >= body.n)
        return false;
    start = body.p + c->offset;
    lf = memchr(start, '\n', body.n - c->offset);
    c->line++;
    if (lf == NULL)
        return fail(c, "it is cut off");
    *line = (struct slice){start, (size_t)(lf - start)};
    c->offset += line->n + 1;
    return true;
}

/* A line of at least count columns; what is to the right of those is for later versions. */
static bool take_columns(struct wire_rows *c, struct slice line, struct slice *columns,
                         size_t count)
{
    struct slice rest = line;

    for (size_t i = 0; i < count; i++) {
        if (rest.p == NULL)
            return fail(c, "columns are missing");
        columns[i] = slice_split(rest, '\t', &rest);
    }
    return true;
}

static bool take_row(struct wire_rows *c, struct slice body, const char *header,
                     struct slice *columns, size_t count)
{
    size_t header_len = strlen(header);
    struct slice line;

    if (c->line == 0) {
        if (body.n == 0) {
            c->line = 1;
            return fail(c, "there is no header row");
        }
        if (!take_line(c, body, &line))
            return false;
        if (line.n < header_len || memcmp(line.p, header, header_len) != 0 ||
            (line.n > header_len && line.p[header_len] != '\t'))
            return fail(c, "it is not the header row");
    }
    return take_line(c, body, &line) && take_columns(c, line, columns, count);
}

static bool parse_u32(struct slice s, uint32_t max, uint32_t *out)
{
    uint64_t n;

    if (!text_parse_u64(s, max, &n))
        return false;
    *out = (uint32_t)n;
    return true;
}

/* A host that something can be asked of; 0.0.0.0 and :: are none. */
static bool parse_holder(struct slice host, struct slice port, struct addr *out)
{
    uint64_t n;

    *out = (struct addr){0};
    if (!addr_parse_host(host, out) || addr_is_any(out) || !text_parse_u64(port, UINT16_MAX, &n) ||
        n == 0)
        return false;
    out->port = (uint16_t)n;
    return true;
}

static bool parse_reachable(struct slice s, enum wire_reachable *out)
{
    for (unsigned i = 0; i < sizeof(reachable_words) / sizeof(reachable_words[0]); i++) {
        if (slice_equal(s, slice_of(reachable_words[i]))) {
            *out = (enum wire_reachable)i;
            return true;
        }
    }
    return false;
}

bool wire_peer_rows_next(struct wire_rows *c, struct slice body, struct wire_peer_row *row)
{
    struct slice col[PEER_COLUMNS];
    uint32_t active;

    if (!take_row(c, body, PEER_HEADER, col, PEER_COLUMNS))
        return false;
    *row = (struct wire_peer_row){0};
    if (!parse_holder(col[0], col[4], &row->addr))
        return fail(c, "Hostname and Port are no peer's address");
    if (!parse_u32(col[1], UINT32_MAX, &row->peer))
        return fail(c, "Peer is not a peer id");
    if (!parse_u32(col[2], 1, &active))
        return fail(c, "Active is neither 1 nor 0");
    row->active = active == 1;
    if (!parse_u32(col[3], WIRE_TTL_MAX_S, &row->ttl_s))
        return fail(c, "TTL is not a number up to 7200");
    if (!parse_u32(col[5], UINT32_MAX, &row->registrations))
        return fail(c, "Registrations is not a number");
    if (!text_parse_rfc3339(col[6], &row->last_registered_s))
        return fail(c, "Last-Registered is not a time");
    if (!parse_reachable(col[7], &row->reachable))
        return fail(c, "Reachable is not yes, no or unknown");
    return true;
}

bool wire_index_rows_next(struct wire_rows *c, struct slice body, struct wire_index_row *row)
{
    struct slice col[INDEX_COLUMNS];

    if (!take_row(c, body, INDEX_HEADER, col, INDEX_COLUMNS))
        return false;
    if (!parse_u32(col[0], WIRE_RFC_MAX, &row->rfc) || row->rfc == 0)
        return fail(c, "RFC is not a number of one");
    if (!parse_holder(col[2], col[3], &row->holder))
        return fail(c, "Hostname and Port are no peer's address");
    if (!parse_u32(col[4], WIRE_TTL_MAX_S, &row->ttl_s))
        return fail(c, "TTL is not a number up to 7200");
    if (!text_parse_u64(col[5], INT64_MAX, &row->size_bytes))
        return fail(c, "Size is not a number of bytes");
    if (!sha256_parse(col[6], &row->sha256))
        return fail(c, "SHA-256 is not 64 hexadecimal digits");
    (void)text_clean(row->title, sizeof(row->title), col[1]);
    return true;
}
