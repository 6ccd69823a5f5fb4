/*
 * The peer as a web server (PROTOCOL.md "HTTP"): GET and HEAD of what it holds and knows. Worker
 * threads.
 */
#include "internal.h"

#include "p2pdi/service/service.h"

#define HEAD_MAX ((size_t)2048)

static void serve_listing(struct job *j, enum listing_kind kind, const char *type)
{
    struct listing *l = NULL;
    enum di_err err = listing_get(j->peer->listings, kind, net_conn_local(j->conn), &l);
    if (err != DI_OK) {
        job_send_error(j, 500, di_err_text(err));
        return;
    }
    enum coding c = coded_table(j);
    const struct buf *body = listing_coded(l, &c);
    struct buf head;
    buf_init(&head, HEAD_MAX);
    wire_head_begin(&head, WIRE_HTTP, 200);
    wire_head_field(&head, "Content-Type", type);
    wire_head_field_u64(&head, "Content-Length", body->len);
    coded_fields(&head, WIRE_HTTP, c);
    wire_head_field(&head, "Cache-Control", "no-cache");
    wire_head_field(&head, "X-Content-Type-Options", "nosniff");
    service_connection_field(&head, j->wire);
    wire_head_end(&head);
    if (j->wire->method == WIRE_HTTP_HEAD) {
        listing_unref(l);
        job_send_head(j, &head);
    } else {
        job_send_listing(j, &head, l, body);
    }
}

static void serve_page(struct job *j)
{
    serve_listing(j, LISTING_HTML, "text/html; charset=utf-8");
}

static void serve_tsv(struct job *j)
{
    serve_listing(j, LISTING_ROWS, "text/tab-separated-values; charset=utf-8");
}

static void serve_json(struct job *j)
{
    serve_listing(j, LISTING_JSON, "application/json");
}

static void serve_metrics(struct job *j)
{
    struct buf body;
    buf_init(&body, PEER_PAGE_MAX);
    stats_format_prometheus(&body, &j->peer->stats, "peer");
    service_send_page(j->conn, j->wire, "text/plain; version=0.0.4; charset=utf-8", &body);
}

static const struct {
    const char *path;
    void (*serve)(struct job *j);
} pages[] = {
    {"/", serve_page},
    {"/index.tsv", serve_tsv},
    {"/index.json", serve_json},
    {"/metrics", serve_metrics},
};

static bool skip_prefix(struct slice *s, struct slice prefix)
{
    if (s->n < prefix.n || !slice_equal((struct slice){s->p, prefix.n}, prefix))
        return false;
    s->p += prefix.n;
    s->n -= prefix.n;
    return true;
}

/* "/rfc/8609.txt", "/rfc8609.txt" and other formats. */
static bool parse_document(struct slice path, uint32_t *rfc, enum library_format *format)
{
    uint64_t n = 0;
    struct slice suffix;
    if (!skip_prefix(&path, SLICE("/rfc/")) && !skip_prefix(&path, SLICE("/rfc")))
        return false;
    if (!text_parse_u64(slice_split(path, '.', &suffix), WIRE_RFC_MAX, &n) || suffix.p == NULL)
        return false;
    for (enum library_format f = 0; f < LIBRARY_FORMATS; f++) {
        if (slice_equal(suffix, slice_of(library_format_suffix(f)))) {
            *rfc = (uint32_t)n;
            *format = f;
            return true;
        }
    }
    return false;
}

void serve_http(struct job *j)
{
    struct slice path = j->wire->target;
    uint32_t rfc = 0;
    enum library_format format = LIBRARY_TXT;

    STATS_ADD(&j->peer->stats, http_total, 1);
    if (parse_document(path, &rfc, &format)) {
        serve_document(j, rfc, format);
        return;
    }
    for (size_t i = 0; i < sizeof(pages) / sizeof(pages[0]); i++) {
        if (slice_equal(path, slice_of(pages[i].path))) {
            pages[i].serve(j);
            return;
        }
    }
    job_send_error(j, 404, "no such page here: see /");
}
