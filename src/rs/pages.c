/* What a browser, a script or Prometheus gets from the RS (PROTOCOL.md "HTTP"). Worker threads.
 * Cookies never appear. */
#include "internal.h"

static void send_list(struct rs_request *q, enum rs_list_kind kind, const char *type)
{
    struct rs_list *l = NULL;
    enum di_err err = rs_list_get(q->rs, kind, &l);
    if (err != DI_OK) {
        rs_send_list_error(q, err);
        return;
    }
    service_page_send(q->conn, q->wire, type, service_page_ref(rs_list_page(l)));
    rs_list_unref(l);
}

static void send_home(struct rs_request *q)
{
    send_list(q, RS_LIST_HTML, "text/html; charset=utf-8");
}

static void send_tsv(struct rs_request *q)
{
    send_list(q, RS_LIST_ROWS, "text/tab-separated-values; charset=utf-8");
}

static void send_json(struct rs_request *q)
{
    send_list(q, RS_LIST_JSON, "application/json");
}

static void send_metrics(struct rs_request *q)
{
    struct buf body;
    buf_init(&body, RS_PAGE_MAX);
    lock_acquire(&q->rs->lock);
    rs_expire_locked(q->rs, q->now_us, q->wall_s);
    lock_release(&q->rs->lock);
    stats_format_prometheus(&body, &q->rs->stats, "rs");
    service_send_page(q->conn, q->wire, "text/plain; version=0.0.4; charset=utf-8", &body);
}

static const struct {
    const char *path;
    void (*send)(struct rs_request *q);
} pages[] = {
    {"/", send_home},
    {"/peers.tsv", send_tsv},
    {"/peers.json", send_json},
    {"/metrics", send_metrics},
};

void rs_on_http(struct rs_request *q)
{
    for (size_t i = 0; i < sizeof(pages) / sizeof(pages[0]); i++) {
        if (!slice_equal(q->wire->target, slice_of(pages[i].path)))
            continue;
        STATS_ADD(&q->rs->stats, http_total, 1);
        pages[i].send(q);
        return;
    }
    rs_send_error(q, 404, "there is no such page: /, /peers.tsv, /peers.json, /metrics");
}
