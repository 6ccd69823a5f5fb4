/* The RS's records, the requests it had last, and its rates. */
#include "views.h"

#include <stdio.h>
#include <string.h>

static const struct snap_record *record(const void *row)
{
    return row;
}

static void peer_format(const struct grid_moment *m, const void *row, char out[GRID_CELL_SIZE])
{
    (void)m;
    snprintf(out, GRID_CELL_SIZE, "%u", record(row)->peer);
}

static uint64_t peer_key(const void *row)
{
    return record(row)->peer;
}

static void addr_cell(const struct grid_moment *m, const void *row, char out[GRID_CELL_SIZE])
{
    (void)m;
    /* The port says something only while the peer is active. */
    if (record(row)->active)
        addr_format(&record(row)->addr, out);
    else
        addr_format_host(&record(row)->addr, out);
}

static uint64_t addr_key(const void *row)
{
    const struct addr *a = &record(row)->addr;
    uint64_t key = 0;

    for (size_t i = addr_is_ipv4(a) ? 10 : 2; i < (addr_is_ipv4(a) ? 16 : 8); i++)
        key = key << 8 | a->ip[i];
    return key << 16 | a->port;
}

static void active_format(const struct grid_moment *m, const void *row, char out[GRID_CELL_SIZE])
{
    (void)m;
    snprintf(out, GRID_CELL_SIZE, "%s", record(row)->active ? "active" : "gone");
}

static uint64_t active_key(const void *row)
{
    return record(row)->active;
}

static void ttl_format(const struct grid_moment *m, const void *row, char out[GRID_CELL_SIZE])
{
    if (record(row)->active)
        view_format_ttl(out, record(row)->expires_us - m->now_us);
    else
        snprintf(out, GRID_CELL_SIZE, "-");
}

static uint64_t ttl_key(const void *row)
{
    return record(row)->active ? (uint64_t)record(row)->expires_us : 0;
}

static void registrations_format(const struct grid_moment *m, const void *row,
                                 char out[GRID_CELL_SIZE])
{
    (void)m;
    snprintf(out, GRID_CELL_SIZE, "%u", record(row)->registrations);
}

static uint64_t registrations_key(const void *row)
{
    return record(row)->registrations;
}

static void last_format(const struct grid_moment *m, const void *row, char out[GRID_CELL_SIZE])
{
    (void)m;
    view_format_clock(out, record(row)->last_registered_s, true);
}

static uint64_t last_key(const void *row)
{
    return (uint64_t)record(row)->last_registered_s;
}

static void reachable_format(const struct grid_moment *m, const void *row, char out[GRID_CELL_SIZE])
{
    (void)m;
    snprintf(out, GRID_CELL_SIZE, "%s", view_reachable(record(row)->reachable));
}

static uint64_t reachable_key(const void *row)
{
    return (uint64_t)record(row)->reachable;
}

static void name_format(const struct grid_moment *m, const void *row, char out[GRID_CELL_SIZE])
{
    (void)m;
    snprintf(out, GRID_CELL_SIZE, "%s", shared_text_str(record(row)->name));
}

static const char *name_text(const void *row)
{
    return shared_text_str(record(row)->name);
}

static void os_format(const struct grid_moment *m, const void *row, char out[GRID_CELL_SIZE])
{
    (void)m;
    snprintf(out, GRID_CELL_SIZE, "%s", shared_text_str(record(row)->os));
}

static const char *os_text(const void *row)
{
    return shared_text_str(record(row)->os);
}

static uint64_t identity(const void *row)
{
    return record(row)->peer;
}

static unsigned style(const void *row)
{
    return record(row)->active ? STYLE_TEXT : STYLE_DIM;
}

static size_t describe(const void *row, char out[GRID_TEXT_SIZE])
{
    const struct snap_record *r = record(row);
    size_t n = describe_addr(out, describe_u64(out, 0, r->peer), &r->addr);

    n = describe_word(out, n, r->active ? "active" : "gone");
    n = describe_word(out, n, shared_text_str(r->name));
    return describe_word(out, n, shared_text_str(r->os));
}

static const struct grid_column columns[] = {
    {.title = "id", .width = 7, .rank = 9, .right = true, .format = peer_format, .key = peer_key},
    {.title = "address", .width = 21, .most = 47, .rank = 8, .format = addr_cell, .key = addr_key},
    {.title = "state",
     .width = 6,
     .rank = 7,
     .falling = true,
     .format = active_format,
     .key = active_key},
    {.title = "ttl", .width = 7, .rank = 6, .right = true, .format = ttl_format, .key = ttl_key},
    {.title = "reach", .width = 6, .rank = 2, .format = reachable_format, .key = reachable_key},
    {.title = "regs",
     .width = 5,
     .rank = 4,
     .right = true,
     .falling = true,
     .format = registrations_format,
     .key = registrations_key},
    {.title = "last registration",
     .width = 19,
     .rank = 5,
     .falling = true,
     .format = last_format,
     .key = last_key},
    {.title = "name",
     .width = GRID_FLEX_MIN,
     .most = 40,
     .rank = 3,
     .format = name_format,
     .text = name_text},
    {.title = "os", .width = 16, .most = 40, .rank = 1, .format = os_format, .text = os_text},
};

const struct grid_type view_records = {
    .columns = columns,
    .column_count = sizeof(columns) / sizeof(columns[0]),
    .sort = 0,
    .hint = "nobody has registered yet",
    .identity = identity,
    .describe = describe,
    .style = style,
};

/* ---- last requests --------------------------------------------------------------------------------- */

static const struct snap_request *request(const void *row)
{
    return row;
}

static void at_format(const struct grid_moment *m, const void *row, char out[GRID_CELL_SIZE])
{
    (void)m;
    view_format_clock(out, request(row)->at_s, true);
}

static uint64_t at_key(const void *row)
{
    return (uint64_t)request(row)->at_s;
}

static void who_format(const struct grid_moment *m, const void *row, char out[GRID_CELL_SIZE])
{
    (void)m;
    if (request(row)->peer != 0)
        snprintf(out, GRID_CELL_SIZE, "%u", request(row)->peer);
    else
        snprintf(out, GRID_CELL_SIZE, "-");
}

static uint64_t who_key(const void *row)
{
    return request(row)->peer;
}

static void kind_format(const struct grid_moment *m, const void *row, char out[GRID_CELL_SIZE])
{
    (void)m;
    snprintf(out, GRID_CELL_SIZE, "%s", snap_request_word(request(row)->kind));
}

static uint64_t kind_key(const void *row)
{
    return (uint64_t)request(row)->kind;
}

static void status_format(const struct grid_moment *m, const void *row, char out[GRID_CELL_SIZE])
{
    (void)m;
    snprintf(out, GRID_CELL_SIZE, "%d", request(row)->status);
}

static uint64_t status_key(const void *row)
{
    return (uint64_t)request(row)->status;
}

static void remote_format(const struct grid_moment *m, const void *row, char out[GRID_CELL_SIZE])
{
    (void)m;
    addr_format(&request(row)->addr, out);
}

static uint64_t remote_key(const void *row)
{
    return request(row)->addr.port;
}

static unsigned status_style(const void *row)
{
    return request(row)->status >= 400 ? STYLE_BAD : STYLE_GOOD;
}

static bool of_peer(const void *row, uint64_t peer)
{
    return peer == 0 || request(row)->peer == peer;
}

static size_t describe_request(const void *row, char out[GRID_TEXT_SIZE])
{
    const struct snap_request *r = request(row);
    size_t n = describe_u64(out, 0, r->peer);

    n = describe_word(out, n, snap_request_word(r->kind));
    return describe_addr(out, describe_u64(out, n, (uint64_t)r->status), &r->addr);
}

static const struct grid_column request_columns[] = {
    {.title = "when", .width = 19, .rank = 7, .format = at_format, .key = at_key},
    {.title = "peer", .width = 7, .rank = 6, .right = true, .format = who_format, .key = who_key},
    {.title = "request", .width = 10, .rank = 9, .format = kind_format, .key = kind_key},
    {.title = "answer",
     .width = 7,
     .rank = 8,
     .right = true,
     .format = status_format,
     .style = status_style,
     .key = status_key},
    {.title = "from",
     .width = 21,
     .most = GRID_ALL,
     .rank = 5,
     .format = remote_format,
     .key = remote_key},
};

const struct grid_type view_requests = {
    .columns = request_columns,
    .column_count = sizeof(request_columns) / sizeof(request_columns[0]),
    .sort = sizeof(request_columns) / sizeof(request_columns[0]),
    .hint = "no requests yet",
    .at_bottom = true,
    .describe = describe_request,
    .wanted = of_peer,
};

int view_draw_record(struct rect r, const struct snap_record *rec, const struct grid_moment *m)
{
    char text[GRID_TEXT_SIZE], addr[GRID_CELL_SIZE], ttl[GRID_CELL_SIZE], last[GRID_CELL_SIZE];

    addr_cell(m, rec, addr);
    ttl_format(m, rec, ttl);
    last_format(m, rec, last);
    snprintf(text, sizeof(text),
             "%s at %.60s  TTL %.20s  reachable %s  %u registration%s in 30 days, the last %.30s  "
             "name %.256s  os %.256s",
             rec->active ? "active" : "gone", addr, ttl, view_reachable(rec->reachable),
             rec->registrations, rec->registrations == 1 ? "" : "s", last,
             rec->name != NULL ? shared_text_str(rec->name) : "-",
             rec->os != NULL ? shared_text_str(rec->os) : "-");
    r.h /= 2;

    int lines = draw_wrapped(r, style(rec), text, 0);

    return lines < r.h ? lines : r.h;
}

/* ---- header, rates ----------------------------------------------------------------------------------- */

void view_draw_rs_header(struct rect r, const struct grid_moment *m)
{
    const struct snap_rs_status *s = &m->content->rs;
    struct view_part parts[7] = {{0}};
    char text[ADDR_TEXT_SIZE], uptime[GRID_CELL_SIZE];
    size_t n = 0;

    parts[n] = (struct view_part){.rank = 90, .style = STYLE_TITLE};
    snprintf(parts[n++].text, sizeof(parts->text), "P2P-DI");
    view_format_own(text, &s->addr);
    parts[n] = (struct view_part){.rank = 60, .style = STYLE_HEAD};
    snprintf(parts[n++].text, sizeof(parts->text), "RS %s", text);
    parts[n] = (struct view_part){.rank = 80, .style = STYLE_GOOD};
    snprintf(parts[n++].text, sizeof(parts->text), "%zu active", s->active);
    parts[n] = (struct view_part){.rank = 70, .style = STYLE_TEXT};
    snprintf(parts[n++].text, sizeof(parts->text), "%zu known", s->known);
    view_format_ttl(uptime, m->now_us - s->start_us);
    parts[n] = (struct view_part){.rank = 50, .style = STYLE_TEXT};
    snprintf(parts[n++].text, sizeof(parts->text), "up %.20s", uptime);
    parts[n] = (struct view_part){.rank = 1030, .style = STYLE_DIM};
    snprintf(parts[n++].text, sizeof(parts->text), "? help  q quit");
    view_draw_parts(r, parts, n, 2);
}

static void draw_rate(struct rect r, const char *name, const struct snap_history *h, int64_t total,
                      unsigned style)
{
    int64_t now = h->count > 0 ? h->sample[h->count - 1] : 0;
    char text[80];

    if (r.w >= 60)
        snprintf(text, sizeof(text), "%-11s%7lld/s %10lld  ", name, (long long)now,
                 (long long)total);
    else
        snprintf(text, sizeof(text), "%-11s%6lld/s ", name, (long long)now);

    int n = draw_text(r.y, r.x, r.w, now > 0 ? STYLE_TEXT : STYLE_DIM, text);

    draw_sparkline(r.y, r.x + n, r.w - n, style, h);
}

void view_draw_rates(struct rect r, const struct grid_moment *m)
{
    const struct snap_rs_status *s = &m->content->rs;
    bool two = r.w >= 76;
    int w = two ? (r.w - 3) / 2 : r.w;
    char text[160], size[TEXT_HUMAN_SIZE];
    struct rect line = {r.y, r.x, 1, w};

    for (int k = 0; k < SNAP_REQUEST_HTTP && k < r.h; k++, line.y++)
        draw_rate(line, snap_request_word((enum snap_request_kind)k), &s->rate[k], s->requests[k],
                  STYLE_CURVE_2);
    if (!two)
        line.x = r.x;
    else
        line = (struct rect){r.y, r.x + w + 3, 1, w};
    if (line.y < r.y + r.h)
        draw_rate(line, snap_request_word(SNAP_REQUEST_HTTP), &s->rate[SNAP_REQUEST_HTTP],
                  s->requests[SNAP_REQUEST_HTTP], STYLE_CURVE_2);
    line.y++;
    if (line.y < r.y + r.h)
        draw_rate(line, "errors", &s->error_rate, s->errors, STYLE_BAD);
    line.y++;
    if (line.y < r.y + r.h) {
        int64_t hour = 0;

        for (size_t i = 0; i < s->registrations.count; i++)
            hour += s->registrations.sample[i];
        snprintf(text, sizeof(text), "registrations %lld/h  ", (long long)hour);

        int n = draw_text(line.y, line.x, line.w, STYLE_TEXT, text);

        draw_sparkline(line.y, line.x + n, line.w - n, STYLE_CURVE_1, &s->registrations);
    }
    line.y++;
    if (line.y < r.y + r.h) {
        text_human_bytes(s->store_bytes, size);
        snprintf(text, sizeof(text), "%lld open, store %s in %.100s", (long long)s->connections,
                 size, shared_text_str(s->store));
        draw_text(line.y, line.x, line.w, STYLE_TEXT, text);
    }
}
