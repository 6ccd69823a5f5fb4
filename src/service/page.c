/* Bodies that many are answered with. Any thread; who asks for a coding that is being made waits for it. */
#include "p2pdi/service/page.h"

#include "p2pdi/base/coding.h"
#include "p2pdi/base/thread.h"
#include "p2pdi/service/service.h"

#include <stdlib.h>

#define HEAD_MAX ((size_t)4096)
#define ENCODED_MIN 512 /* less is one packet either way */

struct service_page {
    _Atomic(unsigned) refs;
    _Atomic(uint64_t) *alive;
    struct buf text;

    struct lock lock;
    struct buf coded[CODING_GZIP + 1]; /* guarded by lock until it has a length: then constant */
};

struct service_page *service_page_new(struct buf *text, _Atomic(uint64_t) *alive)
{
    struct service_page *p = calloc(1, sizeof(*p));
    if (p == NULL)
        return NULL;
    p->refs = 1;
    p->alive = alive;
    p->text = *text;
    buf_init(text, text->max);
    for (size_t i = 0; i <= CODING_GZIP; i++)
        buf_init(&p->coded[i], p->text.len);
    lock_init(&p->lock);
    if (alive != NULL)
        atomic_fetch_add(alive, p->text.len);
    return p;
}

struct service_page *service_page_ref(struct service_page *p)
{
    atomic_fetch_add_explicit(&p->refs, 1, memory_order_relaxed);
    return p;
}

void service_page_unref(void *page)
{
    struct service_page *p = page;
    if (p == NULL || atomic_fetch_sub_explicit(&p->refs, 1, memory_order_acq_rel) != 1)
        return;
    if (p->alive != NULL)
        atomic_fetch_sub(p->alive, p->text.len);
    for (size_t i = 0; i <= CODING_GZIP; i++)
        buf_fini(&p->coded[i]);
    buf_fini(&p->text);
    lock_fini(&p->lock);
    free(p);
}

const struct buf *service_page_text(const struct service_page *p)
{
    return &p->text;
}

static enum coding wanted(const struct wire_request *r)
{
    if (r->accept & WIRE_ZSTD)
        return CODING_ZSTD;
    return r->accept & WIRE_GZIP ? CODING_GZIP : CODING_IDENTITY;
}

/* The body in coding *c, or the text itself (*c says so) if that fails or does not pay. */
static const struct buf *coded_as(struct service_page *p, enum coding *c)
{
    struct buf *coded = &p->coded[*c];
    bool good = false;
    if (*c != CODING_IDENTITY && p->text.len >= ENCODED_MIN) {
        lock_acquire(&p->lock);
        good = coded->len > 0 || coding_encode(*c, CODING_LEVEL_FAST, buf_bytes(&p->text),
                                               p->text.len, coded) == DI_OK;
        lock_release(&p->lock);
    }
    if (!good)
        *c = CODING_IDENTITY;
    return good ? coded : &p->text;
}

void service_page_send(struct net_conn *c, const struct wire_request *r, const char *type,
                       struct service_page *p)
{
    enum coding coding = wanted(r);
    const struct buf *body = coded_as(p, &coding);
    struct buf head;
    buf_init(&head, HEAD_MAX);
    wire_head_begin(&head, r->form, 200);
    wire_head_field(&head, "Content-Type", type);
    wire_head_field_u64(&head, "Content-Length", body->len);
    if (coding != CODING_IDENTITY)
        wire_head_field(&head, "Content-Encoding", coding_name(coding));
    wire_head_field(&head, "Vary", "Accept-Encoding");
    wire_head_field(&head, "Cache-Control", "no-cache");
    wire_head_field(&head, "X-Content-Type-Options", "nosniff");
    service_connection_field(&head, r);
    wire_head_end(&head);
    net_conn_send_buf(c, &head);
    if (r->method == WIRE_HTTP_HEAD)
        service_page_unref(p);
    else
        net_conn_send_shared(c, buf_bytes(body), body->len, service_page_unref, p);
    service_close_if_asked(c, r);
}
