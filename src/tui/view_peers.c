/* The peer's table of other peers, and its header. */
#include "views.h"

#include <stdio.h>
#include <string.h>

static void peer_format(const struct grid_moment *m, const void *row, char out[GRID_CELL_SIZE])
{
    (void)m;
    snprintf(out, GRID_CELL_SIZE, "%u", ((const struct snap_peer *)row)->peer);
}

static uint64_t peer_key(const void *row)
{
    return ((const struct snap_peer *)row)->peer;
}

static void addr_cell(const struct grid_moment *m, const void *row, char out[GRID_CELL_SIZE])
{
    (void)m;
    addr_format(&((const struct snap_peer *)row)->addr, out);
}

/* Address and port in the order of their bytes, as far as eight of them go. */
static uint64_t addr_key(const void *row)
{
    const struct addr *a = &((const struct snap_peer *)row)->addr;
    uint64_t key = 0;

    for (size_t i = addr_is_ipv4(a) ? 10 : 2; i < (addr_is_ipv4(a) ? 16 : 8); i++)
        key = key << 8 | a->ip[i];
    return key << 16 | a->port;
}

static void ttl_format(const struct grid_moment *m, const void *row, char out[GRID_CELL_SIZE])
{
    view_format_ttl(out, ((const struct snap_peer *)row)->expires_us - m->now_us);
}

static uint64_t ttl_key(const void *row)
{
    return (uint64_t)((const struct snap_peer *)row)->expires_us;
}

static void documents_format(const struct grid_moment *m, const void *row, char out[GRID_CELL_SIZE])
{
    const struct snap_peer *p = row;

    (void)m;
    if (p->failed)
        snprintf(out, GRID_CELL_SIZE, "fails");
    else if (p->asked || p->documents > 0)
        snprintf(out, GRID_CELL_SIZE, "%u", p->documents);
    else
        snprintf(out, GRID_CELL_SIZE, "-");
}

/* What a peer holds that does not answer is of no use; still it sorts before one that was not asked. */
static uint64_t documents_key(const void *row)
{
    const struct snap_peer *p = row;

    return p->failed ? 1 : p->asked || p->documents > 0 ? p->documents + UINT64_C(2) : 0;
}

static void down_format(const struct grid_moment *m, const void *row, char out[GRID_CELL_SIZE])
{
    (void)m;
    view_format_rate(out, ((const struct snap_peer *)row)->down_bps);
}

static uint64_t down_key(const void *row)
{
    return ((const struct snap_peer *)row)->down_bps;
}

static void sent_format(const struct grid_moment *m, const void *row, char out[GRID_CELL_SIZE])
{
    (void)m;
    view_format_rate(out, ((const struct snap_peer *)row)->sent_bytes);
}

static uint64_t sent_key(const void *row)
{
    return ((const struct snap_peer *)row)->sent_bytes;
}

static void reachable_format(const struct grid_moment *m, const void *row, char out[GRID_CELL_SIZE])
{
    (void)m;
    snprintf(out, GRID_CELL_SIZE, "%s", view_reachable(((const struct snap_peer *)row)->reachable));
}

static uint64_t reachable_key(const void *row)
{
    return ((const struct snap_peer *)row)->reachable;
}

static unsigned style(const void *row)
{
    const struct snap_peer *p = row;

    return p->reachable == SNAP_REACHABLE_NO || p->failed ? STYLE_DIM : STYLE_TEXT;
}

static uint64_t identity(const void *row)
{
    return ((const struct snap_peer *)row)->peer;
}

static size_t describe(const void *row, char out[GRID_TEXT_SIZE])
{
    const struct snap_peer *p = row;

    return describe_addr(out, describe_u64(out, 0, p->peer), &p->addr);
}

static const struct grid_column columns[] = {
    {.title = "id", .width = 4, .rank = 9, .right = true, .format = peer_format, .key = peer_key},
    {.title = "address", .width = 21, .most = 47, .rank = 8, .format = addr_cell, .key = addr_key},
    {.title = "ttl", .width = 7, .rank = 4, .right = true, .format = ttl_format, .key = ttl_key},
    {.title = "reach", .width = 6, .rank = 1, .format = reachable_format, .key = reachable_key},
    {.title = "rfcs",
     .width = 5,
     .rank = 6,
     .right = true,
     .falling = true,
     .format = documents_format,
     .key = documents_key},
    {.title = "in/s",
     .width = 5,
     .rank = 5,
     .right = true,
     .falling = true,
     .format = down_format,
     .key = down_key},
    {.title = "sent",
     .width = 5,
     .rank = 3,
     .right = true,
     .falling = true,
     .format = sent_format,
     .key = sent_key},
};

const struct grid_type view_peers = {
    .columns = columns,
    .column_count = sizeof(columns) / sizeof(columns[0]),
    .sort = 0,
    .hint = "nobody known yet: p asks the RS",
    .identity = identity,
    .describe = describe,
    .style = style,
};

void view_draw_peer_header(struct rect r, const struct grid_moment *m)
{
    const struct snap_peer_status *s = &m->content->peer;
    struct view_part parts[10] = {{0}};
    char host[ADDR_TEXT_SIZE], ttl[GRID_CELL_SIZE];
    size_t n = 0;

    parts[n] = (struct view_part){.rank = 90, .style = STYLE_TITLE};
    snprintf(parts[n++].text, sizeof(parts->text), "P2P-DI");
    parts[n] = (struct view_part){.rank = 80, .style = STYLE_HEAD};
    if (s->peer != 0)
        snprintf(parts[n++].text, sizeof(parts->text), "peer %u", s->peer);
    else
        snprintf(parts[n++].text, sizeof(parts->text), "peer -");
    view_format_own(host, &s->addr);
    parts[n] = (struct view_part){.rank = 50, .style = STYLE_TEXT};
    snprintf(parts[n++].text, sizeof(parts->text), "%s", host);
    addr_format_host(&s->rs, host);
    parts[n] = (struct view_part){.rank = s->registered ? 40 : 55, .style = STYLE_TEXT};
    snprintf(parts[n++].text, sizeof(parts->text), " RS %s", host);
    parts[n] = (struct view_part){.rank = 85, .style = s->registered ? STYLE_GOOD : STYLE_BUSY};
    snprintf(parts[n++].text, sizeof(parts->text), "%s",
             s->registered ? "registered" : "not registered");
    if (s->registered) {
        view_format_ttl(ttl, s->expires_us - m->now_us);
        parts[n] = (struct view_part){.rank = 70, .style = STYLE_TEXT};
        snprintf(parts[n++].text, sizeof(parts->text), "TTL %.20s", ttl);
    }
    if (s->registered && s->reachable != SNAP_REACHABLE_UNKNOWN) {
        parts[n] =
            (struct view_part){.rank = s->reachable == SNAP_REACHABLE_NO ? 60 : 45,
                               .style = s->reachable == SNAP_REACHABLE_NO ? STYLE_BAD : STYLE_TEXT};
        snprintf(parts[n++].text, sizeof(parts->text), "reachable %s",
                 view_reachable(s->reachable));
    }
    if (s->rs_silent) {
        parts[n] = (struct view_part){.rank = 87, .style = STYLE_BAD};
        snprintf(parts[n++].text, sizeof(parts->text), "RS does not answer");
    }
    parts[n] = (struct view_part){.rank = 1075, .style = STYLE_DIM};
    snprintf(parts[n++].text, sizeof(parts->text), "? help  q quit");
    view_draw_parts(r, parts, n, 2);
}
