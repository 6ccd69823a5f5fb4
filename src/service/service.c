/* Glue between net and wire, for whatever serves. Runs on the listener and worker threads; no
 * state. */
#include "p2pdi/service/service.h"

#include "p2pdi/service/page.h"

#include <string.h>

#define ANSWER_MAX ((size_t)64 << 10)

enum net_verdict service_frame(void *ctx, struct net_frame *f, const char *data, size_t len)
{
    (void)ctx;
    struct wire_frame frame = {.scanned = f->scanned};
    switch (wire_request_frame(&frame, data, len)) {
    case WIRE_MORE:
        f->scanned = frame.scanned;
        return NET_MORE;
    case WIRE_WHOLE:
        f->message_len = frame.head_len;
        f->skip_len = frame.body_len;
        return NET_WHOLE;
    case WIRE_BAD:
        break;
    }
    return NET_BAD;
}

void service_refuse(void *ctx, enum net_refusal why, const char *data, size_t len, struct buf *out)
{
    (void)ctx;
    /* Framing is pure: once more over the same bytes tells the form, and what was wrong. */
    struct wire_frame frame = {0};
    enum wire_verdict verdict = wire_request_frame(&frame, data, len);
    switch (why) {
    case NET_REFUSE_BAD:
        if (verdict != WIRE_BAD)
            wire_fault_set(&frame.fault, 400, "the request could not be understood");
        break;
    case NET_REFUSE_TIMEOUT:
        wire_fault_set(&frame.fault, 408, "the request did not arrive in time");
        break;
    case NET_REFUSE_BUSY:
        wire_fault_set(&frame.fault, 503, "too many requests are waiting: try again in a second");
        break;
    }
    wire_error_format(out, frame.form, &frame.fault);
}

void service_send_fault(struct net_conn *c, const struct wire_request *r,
                        const struct wire_fault *f)
{
    struct buf out;
    buf_init(&out, ANSWER_MAX);
    wire_error_format(&out, r->form, f);
    if (r->form == WIRE_HTTP && r->method == WIRE_HTTP_HEAD) {
        /* The same head, but an answer to HEAD never has a body. */
        const char *bytes = buf_bytes(&out);
        const char *end = memmem(bytes, out.len, "\r\n\r\n", 4);
        net_conn_send(c, bytes, end == NULL ? out.len : (size_t)(end - bytes) + 4);
    } else {
        net_conn_send(c, buf_bytes(&out), out.len);
    }
    buf_fini(&out);
    if (r->close || wire_status_closes(f->status))
        net_conn_close_after(c);
}

void service_connection_field(struct buf *head, const struct wire_request *r)
{
    if (r->close)
        wire_head_field(head, "Connection", "close");
}

void service_close_if_asked(struct net_conn *c, const struct wire_request *r)
{
    if (r->close)
        net_conn_close_after(c);
}

void service_send_page(struct net_conn *c, const struct wire_request *r, const char *type,
                       struct buf *body)
{
    struct service_page *page = buf_status(body) == DI_OK ? service_page_new(body, NULL) : NULL;
    if (page == NULL) {
        buf_fini(body);
        static const struct wire_fault no_memory = {500,
                                                    "the page could not be made: out of memory"};
        service_send_fault(c, r, &no_memory);
        return;
    }
    service_page_send(c, r, type, page);
}

void service_mask_cookies(struct buf *out, const char *bytes, size_t len)
{
    static const char field[] = "cookie:";
    const size_t field_len = sizeof(field) - 1;
    size_t from = 0;
    for (size_t i = 0; i + field_len <= len; i++) {
        if (strncasecmp(bytes + i, field, field_len) != 0)
            continue;
        i += field_len;
        while (i < len && bytes[i] == ' ')
            i++;
        size_t end = i;
        while (end < len && bytes[end] != '\r' && bytes[end] != '\n' && bytes[end] != ' ')
            end++;
        buf_append(out, bytes + from, i - from);
        buf_append_str(out, "****");
        from = end;
        i = end;
    }
    buf_append(out, bytes + from, len - from);
}

void service_append_html(struct buf *out, const char *text)
{
    for (; *text != '\0'; text++) {
        switch (*text) {
        case '&':
            buf_append_str(out, "&amp;");
            break;
        case '<':
            buf_append_str(out, "&lt;");
            break;
        case '>':
            buf_append_str(out, "&gt;");
            break;
        case '"':
            buf_append_str(out, "&quot;");
            break;
        default:
            buf_append_char(out, *text);
        }
    }
}
