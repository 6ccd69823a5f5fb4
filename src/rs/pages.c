/* What a browser, a script or Prometheus gets from the RS (PROTOCOL.md "HTTP"). Worker threads.
 * Cookies never appear. */
#include "internal.h"

#include "p2pdi/base/json.h"
#include "p2pdi/wire/rows.h"

#include <string.h>

#define HTML_ROWS_MAX 1000

struct page {
    struct buf *body;
    size_t rows;
};

static bool add_tsv(void *arg, const struct peer_record *r)
{
    struct page *page = arg;
    struct wire_peer_row row = {
        .addr = r->addr,
        .peer = r->peer,
        .active = r->active,
        .ttl_s = r->ttl_s,
        .registrations = r->registrations,
        .last_registered_s = r->last_registered_s,
    };
    wire_peer_row_format(page->body, &row);
    return true;
}

static bool add_json(void *arg, const struct peer_record *r)
{
    struct buf *b = ((struct page *)arg)->body;
    char host[ADDR_HOST_SIZE];
    char when[TEXT_RFC3339_SIZE];
    addr_format_host(&r->addr, host);
    text_format_rfc3339(r->last_registered_s, when);
    json_object_begin(b, NULL);
    json_text(b, "host", host);
    json_u64(b, "peer", r->peer);
    json_bool(b, "active", r->active);
    json_u64(b, "ttl", r->ttl_s);
    json_u64(b, "port", r->addr.port);
    json_u64(b, "registrations", r->registrations);
    json_text(b, "last_registered", when);
    json_text(b, "reachable", wire_reachable_word(WIRE_REACHABLE_UNKNOWN));
    json_text(b, "name", r->name);
    json_text(b, "os", r->os);
    json_object_end(b);
    return true;
}

static bool add_html(void *arg, const struct peer_record *r)
{
    struct page *page = arg;
    struct buf *b = page->body;
    char at[ADDR_TEXT_SIZE];
    char when[TEXT_RFC3339_SIZE];
    addr_format(&r->addr, at);
    text_format_rfc3339(r->last_registered_s, when);
    buf_printf(b, "<tr><td>%u<td>", r->peer);
    if (r->active)
        buf_printf(b, "<a href=\"http://%s/\">%s</a>", at, at);
    else
        buf_append_str(b, at);
    buf_append_str(b, "<td>");
    service_append_html(b, r->name);
    buf_printf(b, "<td>%s<td>%u<td>%u<td>%s\n", r->active ? "active" : "inactive", r->ttl_s,
               r->registrations, when);
    return ++page->rows < HTML_ROWS_MAX;
}

static void walk(struct rs_request *q, enum peer_walk which,
                 bool (*visit)(void *arg, const struct peer_record *r), struct page *page)
{
    struct rs *rs = q->rs;
    lock_acquire(&rs->lock);
    rs_expire_locked(rs, q->now_us, q->wall_s);
    peer_index_walk(rs->index, which, q->now_us, q->wall_s, visit, page);
    lock_release(&rs->lock);
}

static void make_home(struct rs_request *q, struct buf *body)
{
    struct page page = {.body = body};
    buf_append_str(
        body, "<!doctype html>\n<html lang=\"en\"><meta charset=\"utf-8\">"
              "<meta name=\"viewport\" content=\"width=device-width\">"
              "<title>P2P-DI registration server</title>\n"
              "<style>body{font:1rem/1.5 system-ui,sans-serif;margin:2rem;color-scheme:light dark}"
              "td,th{text-align:left;padding:0 1.5em 0 0}</style>\n"
              "<h1>P2P-DI registration server</h1>\n"
              "<p>As text: <a href=\"/peers.tsv\">peers.tsv</a>, "
              "<a href=\"/peers.json\">peers.json</a>, <a href=\"/metrics\">metrics</a>.</p>\n"
              "<table><tr><th>peer<th>address<th>name<th>state<th>TTL<th>registrations (30 days)"
              "<th>last registration\n");
    walk(q, PEER_WALK_ALL, add_html, &page);
    buf_append_str(body, "</table>\n");
    if (page.rows == HTML_ROWS_MAX)
        buf_printf(body, "<p>The first %d records; peers.tsv has all active ones.</p>\n",
                   HTML_ROWS_MAX);
    else if (page.rows == 0)
        buf_append_str(body, "<p>No peer has registered yet.</p>\n");
}

static void make_tsv(struct rs_request *q, struct buf *body)
{
    struct page page = {.body = body};
    wire_peer_header_format(body);
    walk(q, PEER_WALK_ACTIVE, add_tsv, &page);
}

static void make_json(struct rs_request *q, struct buf *body)
{
    struct page page = {.body = body};
    json_object_begin(body, NULL);
    json_array_begin(body, "peers");
    walk(q, PEER_WALK_ACTIVE, add_json, &page);
    json_array_end(body);
    json_object_end(body);
    buf_append_char(body, '\n');
}

static void make_metrics(struct rs_request *q, struct buf *body)
{
    lock_acquire(&q->rs->lock);
    rs_expire_locked(q->rs, q->now_us, q->wall_s);
    lock_release(&q->rs->lock);
    stats_format_prometheus(body, &q->rs->stats, "rs");
}

static const struct {
    const char *path;
    const char *type;
    void (*make)(struct rs_request *q, struct buf *body);
} pages[] = {
    {"/", "text/html; charset=utf-8", make_home},
    {"/peers.tsv", "text/tab-separated-values; charset=utf-8", make_tsv},
    {"/peers.json", "application/json", make_json},
    {"/metrics", "text/plain; version=0.0.4; charset=utf-8", make_metrics},
};

void rs_on_http(struct rs_request *q)
{
    for (size_t i = 0; i < sizeof(pages) / sizeof(pages[0]); i++) {
        if (!slice_equal(q->wire->target, slice_of(pages[i].path)))
            continue;
        struct buf body;
        buf_init(&body, RS_PAGE_MAX);
        pages[i].make(q, &body);
        STATS_ADD(&q->rs->stats, http_total, 1);
        service_send_page(q->conn, q->wire, pages[i].type, &body);
        return;
    }
    rs_send_error(q, 404, "there is no such page: /, /peers.tsv, /peers.json, /metrics");
}
