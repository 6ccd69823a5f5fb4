/*
 * Serving a document, framed or over HTTP: conditions, ranges, head, and the bytes from memory or
 * by sendfile, or compressed. Worker threads.
 */
#include "internal.h"

#include "p2pdi/base/clock.h"
#include "p2pdi/service/service.h"

#include <stdio.h>

#define HEAD_MAX ((size_t)2048)

/* weak: other bytes stand for the document in what it is sent as. */
static void append_identity(struct buf *head, enum wire_form form, const struct library_doc *doc,
                            bool weak)
{
    char hex[SHA256_HEX_SIZE];
    char date[TEXT_HTTP_DATE_SIZE];
    sha256_format(&doc->sha256, hex);
    text_format_http_date(doc->mtime_s, date);
    if (form == WIRE_HTTP) {
        buf_append_str(head, weak ? "ETag: W/\"" : "ETag: \"");
        buf_append(head, hex, sizeof(hex) - 1);
        buf_append_str(head, weak ? "\"\r\n" : "\"\r\nAccept-Ranges: bytes\r\n");
    } else {
        wire_head_field(head, "SHA-256", hex);
    }
    wire_head_field(head, "Last-Modified", date);
}

static void send_not_modified(struct job *j, const struct library_doc *doc)
{
    struct buf head;
    buf_init(&head, HEAD_MAX);
    wire_head_begin(&head, j->wire->form, 304);
    append_identity(&head, j->wire->form, doc, coded_may_be(j, doc->format));
    if (coded_may_vary(doc->format))
        coded_fields(&head, j->wire->form, CODING_IDENTITY);
    service_connection_field(&head, j->wire);
    wire_head_end(&head);
    job_send_head(j, &head);
}

static void send_bad_range(struct job *j, const struct library_doc *doc)
{
    static const char text[] = "the range lies beyond the document's end\n";
    char range[40];
    struct buf head;
    snprintf(range, sizeof(range), "bytes */%ju", (uintmax_t)doc->size_bytes);
    buf_init(&head, HEAD_MAX);
    wire_head_begin(&head, j->wire->form, 416);
    wire_head_field(&head, "Content-Range", range);
    wire_head_field(&head, "Content-Type", "text/plain; charset=utf-8");
    wire_head_field_u64(&head, "Content-Length", sizeof(text) - 1);
    service_connection_field(&head, j->wire);
    wire_head_end(&head);
    if (j->wire->method != WIRE_HTTP_HEAD)
        buf_append(&head, text, sizeof(text) - 1);
    STATS_ADD(&j->peer->stats, request_errors_total, 1);
    job_send_head(j, &head);
}

static void send_location(struct job *j, const struct addr *other)
{
    static const char text[] = "others are being served: this peer has got it\n";
    char where[ADDR_TEXT_SIZE];
    struct buf head;
    addr_format(other, where);
    buf_init(&head, HEAD_MAX);
    wire_head_begin(&head, j->wire->form, 302);
    wire_head_field(&head, "Location", where);
    wire_head_field(&head, "Content-Type", "text/plain; charset=utf-8");
    wire_head_field_u64(&head, "Content-Length", sizeof(text) - 1);
    service_connection_field(&head, j->wire);
    wire_head_end(&head);
    buf_append(&head, text, sizeof(text) - 1);
    job_send_head(j, &head);
}

/* Conditions are met: head, and what is left of the answer through send. */
static void begin(struct job *j, const struct library_doc *doc, int status, enum coding c,
                  uint64_t len, struct buf *head)
{
    enum wire_form form = j->wire->form;
    buf_init(head, HEAD_MAX);
    wire_head_begin(head, form, status);
    append_identity(head, form, doc, c != CODING_IDENTITY);
    wire_head_field(head, "Content-Type", library_format_mime(doc->format));
    wire_head_field_u64(head, "Content-Length", len);
    if (coded_may_vary(doc->format))
        coded_fields(head, form, c);
}

static void send_begun(struct job *j, struct buf *head)
{
    service_connection_field(head, j->wire);
    wire_head_end(head);
    sink_trace(&j->peer->sink, false, net_conn_remote(j->conn), buf_bytes(head), head->len, NULL,
               0);
    net_conn_send(j->conn, buf_bytes(head), head->len);
    buf_fini(head);
    STATS_ADD(&j->peer->stats, getrfc_total, 1);
}

/* Takes the frame. */
static void send_frame(struct job *j, const struct library_doc *doc, enum coding c,
                       struct frame *frame)
{
    struct buf head;
    begin(j, doc, 200, c, frame_size(frame), &head);
    send_begun(j, &head);
    if (j->wire->method == WIRE_HTTP_HEAD)
        frame_unref(frame);
    else
        net_conn_send_shared(j->conn, frame_bytes(frame), frame_size(frame), frame_unref, frame);
    service_close_if_asked(j->conn, j->wire);
    STATS_ADD(&j->peer->stats, encoded_total, 1);
}

/* Takes the file. */
static void send_part(struct job *j, const struct library_doc *doc, struct library_file *file,
                      int status, uint64_t first, uint64_t len)
{
    struct buf head;
    begin(j, doc, status, CODING_IDENTITY, len, &head);
    if (status == 206)
        buf_printf(&head, "Content-Range: bytes %ju-%ju/%ju\r\n", (uintmax_t)first,
                   (uintmax_t)(first + len - 1), (uintmax_t)doc->size_bytes);
    send_begun(j, &head);
    if (j->wire->method == WIRE_HTTP_HEAD || len == 0) {
        library_file_release(file);
    } else {
        const char *bytes = library_file_bytes(file);
        if (bytes != NULL)
            net_conn_send_shared(j->conn, bytes + first, (size_t)len, library_file_release, file);
        else
            net_conn_send_file(j->conn, library_file_fd(file), first, len, library_file_release,
                               file);
    }
    service_close_if_asked(j->conn, j->wire);
}

/*
 * "Encoded answers have a weak ETag and ignore ranges": that is HTTP. Between peers a range is how a
 * download goes on, and is answered as it is asked.
 */
static struct frame *frame_for(const struct job *j, const struct library_doc *doc,
                               const struct library_file *file, enum coding *c)
{
    if (j->wire->form == WIRE_FRAMED && j->wire->range.kind != WIRE_RANGE_NONE)
        return NULL;
    return coded_document(j, doc, file, c);
}

/* 302, if others have their turn and one of them has got it already. For who meets all conditions. */
static bool point_elsewhere(struct job *j, const struct library_doc *doc, int status, uint64_t len)
{
    struct peer *p = j->peer;
    struct addr asker = *net_conn_remote(j->conn);
    struct addr other;
    /* Only our own programs say where they serve, and know where to turn to. */
    if (j->wire->form != WIRE_FRAMED || !j->wire->has_port || status == 416)
        return false;
    asker.port = j->wire->port;
    lock_acquire(&p->turns_lock);
    bool serve =
        turns_take(p->turns, &asker, doc->rfc, len == doc->size_bytes, clock_mono_us(), &other);
    lock_release(&p->turns_lock);
    if (serve) {
        neighbours_on_sent(p->neighbours, &asker, len);
        return false;
    }
    send_location(j, &other);
    return true;
}

static void send_held(struct job *j, const struct library_doc *doc, struct library_file *file)
{
    enum coding c = CODING_IDENTITY;
    uint64_t first = 0;
    uint64_t len = doc->size_bytes;
    int status = wire_range_apply(&j->wire->range, doc->size_bytes, &first, &len);

    if (point_elsewhere(j, doc, status, len)) {
        library_file_release(file);
        return;
    }
    struct frame *frame = frame_for(j, doc, file, &c);
    if (frame == NULL && status != 416) {
        send_part(j, doc, file, status, first, len);
        return;
    }
    if (frame != NULL)
        send_frame(j, doc, c, frame);
    else
        send_bad_range(j, doc);
    library_file_release(file);
}

static void serve_held(struct job *j, struct library *lib, const struct library_doc *doc)
{
    const struct wire_request *w = j->wire;

    if (w->has_if_match && !w->if_match_any && !wire_etag_matches(w->if_match, &doc->sha256)) {
        job_send_error(j, 409, "the document changed since: its SHA-256 is another one");
        return;
    }
    if (w->has_if_none_match &&
        (w->if_none_match_any || wire_etag_matches(w->if_none_match, &doc->sha256))) {
        send_not_modified(j, doc);
        return;
    }
    struct library_file *file = NULL;
    enum di_err err = library_file_open(lib, doc, &file);
    if (err == DI_OK)
        send_held(j, doc, file);
    else if (err == DI_NOT_FOUND)
        job_send_error(j, 404, "the document was here, but is gone");
    else
        job_send_error(j, 500, di_err_text(err));
}

void serve_document(struct job *j, uint32_t rfc, enum library_format format)
{
    struct library *lib = j->peer->library;
    if (lib == NULL) {
        job_send_error(j, 503, "starting: try again in a second");
        return;
    }
    const struct library_doc *doc = library_get(lib, rfc, format);
    if (doc == NULL) {
        char text[80];
        snprintf(text, sizeof(text), "RFC %u is not held here", rfc);
        job_send_error(j, 404, text);
        return;
    }
    serve_held(j, lib, doc);
    library_doc_unref(doc);
}
