/* See peer_world.h. */
#include "peer_world.h"

#include "p2pdi/base/clock.h"
#include "p2pdi/base/coding.h"
#include "p2pdi/net/stream.h"
#include "p2pdi/service/service.h"
#include "p2pdi/wire/rows.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct addr any_port(void)
{
    return addr_ipv4(127, 0, 0, 1, 0);
}

void world_start(struct world *w)
{
    char why[256];
    signal(SIGPIPE, SIG_IGN);
    help_make_dir(w->rs_dir, "rs");
    struct rs_config cfg = {.listen = any_port(), .state = w->rs_dir, .workers = 2};
    if (rs_start(&cfg, &w->rs, why) != DI_OK)
        fail_msg("rs: %s", why);
    w->rs_addr = *rs_addr(w->rs);
}

void world_stop(struct world *w)
{
    rs_stop(w->rs);
    w->rs = NULL;
}

struct world world;

int world_setup(void **state)
{
    (void)state;
    world_start(&world);
    return 0;
}

int world_teardown(void **state)
{
    (void)state;
    world_stop(&world);
    return 0;
}

/* ---- nodes ----------------------------------------------------------------------------------- */

static void on_event(void *arg, const struct peer_event *ev)
{
    struct node *n = arg;
    if (n->view != NULL)
        peer_view_on_event(n->view, ev);
    lock_acquire(&n->lock);
    if (n->count == n->cap) {
        n->cap = n->cap == 0 ? 64 : 2 * n->cap;
        n->seen = realloc(n->seen, n->cap * sizeof(*n->seen));
        assert_non_null(n->seen);
    }
    struct seen *s = &n->seen[n->count++];
    *s = (struct seen){.ev = *ev};
    for (size_t i = 0; ev->tried != NULL && i < ev->count && i < WORLD_TRIED; i++)
        s->tried[i] = ev->tried[i];
    snprintf(s->what, sizeof(s->what), "%s", ev->what == NULL ? "" : ev->what);
    snprintf(s->why, sizeof(s->why), "%s", ev->why == NULL ? "" : ev->why);
    cond_broadcast(&n->cond);
    lock_release(&n->lock);
}

static void on_trace(void *arg, bool received, const struct addr *remote, const char *bytes,
                     size_t len)
{
    struct node *n = arg;
    (void)remote;
    lock_acquire(&n->lock);
    buf_append_str(&n->trace, received ? "<<" : ">>");
    buf_append(&n->trace, bytes, len);
    lock_release(&n->lock);
}

void node_init(struct node *n, const char *name)
{
    char state[64];
    *n = (struct node){0};
    snprintf(state, sizeof(state), "%s.state", name);
    help_make_dir(n->dir, name);
    help_make_dir(n->state_root, state);
    lock_init(&n->lock);
    cond_init(&n->cond);
    buf_init(&n->trace, (size_t)16 << 20);
}

static char *make_document(uint32_t rfc, uint64_t seed, size_t size, size_t *len)
{
    char title[40];
    snprintf(title, sizeof(title), "Document %u <&>", rfc);
    return help_document(rfc, title, seed, size, len);
}

void node_write(struct node *n, uint32_t rfc, uint64_t seed, size_t size)
{
    char name[32];
    size_t len = 0;
    char *bytes = make_document(rfc, seed, size, &len);
    snprintf(name, sizeof(name), "rfc%u.txt", rfc);
    help_write_file(n->dir, name, bytes, len);
    free(bytes);
}

bool node_holds(struct node *n, uint32_t rfc, uint64_t seed, size_t size)
{
    char path[300];
    size_t len = 0;
    char *bytes = make_document(rfc, seed, size, &len);
    char *there = malloc(len + 1);
    snprintf(path, sizeof(path), "%s/rfc%u.txt", n->dir, rfc);
    FILE *f = fopen(path, "rb");
    size_t got = f == NULL ? 0 : fread(there, 1, len + 1, f);
    bool same = f != NULL && got == len && memcmp(bytes, there, len) == 0;
    if (f != NULL)
        fclose(f);
    free(there);
    free(bytes);
    return same;
}

void node_start(struct node *n, const struct world *w)
{
    char why[256];
    if (state_dir_open(n->state_root, "peer", &n->state, why) != DI_OK)
        fail_msg("state: %s", why);
    struct peer_config cfg = {
        .rs = {w->rs_addr},
        .rs_count = 1,
        .listen = any_port(),
        .library = n->dir,
        .state = &n->state,
        .workers = 2,
        .downloads = 4,
        .compress = n->compress,
        .up_rate = n->up_rate,
        .down_rate = n->down_rate,
        .seed = 1,
        .on_event = on_event,
        .trace = on_trace,
        .arg = n,
    };
    if (peer_start(&cfg, &n->peer, why) != DI_OK)
        fail_msg("peer: %s", why);
}

void node_stop(struct node *n)
{
    peer_stop(n->peer);
    n->peer = NULL;
    state_dir_close(&n->state);
}

void node_fini(struct node *n)
{
    if (n->peer != NULL)
        node_stop(n);
    free(n->seen);
    buf_fini(&n->trace);
    cond_fini(&n->cond);
    lock_fini(&n->lock);
}

struct peer_result node_get(struct node *n, uint32_t rfc, const struct addr *from)
{
    struct peer_range range = {rfc, rfc};
    struct peer_get what = {.ranges = &range, .count = 1, .has_from = from != NULL};
    struct peer_result result;
    if (from != NULL)
        what.from = *from;
    assert_int_equal(peer_get(n->peer, &what, &result), DI_OK);
    return result;
}

struct peer_result node_get_all(struct node *n)
{
    struct peer_get what = {.all = true};
    struct peer_result result;
    assert_int_equal(peer_get(n->peer, &what, &result), DI_OK);
    return result;
}

static size_t count_locked(struct node *n, enum peer_event_kind kind, uint32_t rfc,
                           struct seen *last)
{
    size_t count = 0;
    for (size_t i = 0; i < n->count; i++) {
        const struct seen *s = &n->seen[i];
        if (s->ev.kind != kind || (rfc != 0 && s->ev.rfc != rfc))
            continue;
        count++;
        if (last != NULL)
            *last = *s;
    }
    return count;
}

size_t node_seen(struct node *n, enum peer_event_kind kind, uint32_t rfc, struct seen *last)
{
    lock_acquire(&n->lock);
    size_t count = count_locked(n, kind, rfc, last);
    lock_release(&n->lock);
    return count;
}

void node_join(struct node *n)
{
    assert_int_equal(peer_register(n->peer, WORLD_WAIT_US), DI_OK);
}

void node_wait(struct node *n, enum peer_event_kind kind, uint32_t rfc, size_t count)
{
    int64_t deadline_us = clock_mono_us() + WORLD_WAIT_US;
    lock_acquire(&n->lock);
    while (count_locked(n, kind, rfc, NULL) < count) {
        if (!cond_wait_until(&n->cond, &n->lock, deadline_us))
            fail_msg("no event of kind %d for %u", (int)kind, rfc);
    }
    lock_release(&n->lock);
}

/* ---- fakes ------------------------------------------------------------------------------------ */

static void fake_index(struct fake *f, struct net_conn *c)
{
    struct buf rows, out;
    struct wire_index_row row = {
        .rfc = f->rfc,
        .ttl_s = 7200,
        .holder = f->addr,
        .size_bytes = f->size,
        .sha256 = f->sha256,
        .title = "A fake's",
    };
    buf_init(&rows, 1 << 20);
    buf_init(&out, 1 << 20);
    wire_index_header_format(&rows);
    for (; row.rfc <= f->rfc + f->more; row.rfc++)
        wire_index_row_format(&rows, &row);
    if (f->manner == FAKE_WRONG_ROWS)
        buf_append_str(&rows, "90001\tnothing more\n");
    wire_head_begin(&out, WIRE_FRAMED, 200);
    wire_head_field(&out, "Index-Version", "1.1");
    wire_head_field_u64(&out, "Content-Length", rows.len);
    wire_head_end(&out);
    buf_append(&out, buf_bytes(&rows), rows.len);
    net_conn_send_buf(c, &out);
    buf_fini(&rows);
}

/* The frame that this manner of holder sends. */
static void fake_frame(const struct fake *f, struct net_conn *c)
{
    size_t size = f->size;
    size_t frame_size = 0;
    char hex[SHA256_HEX_SIZE];
    char *text = calloc(1, f->size + ((size_t)20 << 20));
    struct buf frame, out;
    assert_non_null(text);
    memcpy(text, f->document, f->size);
    if (f->manner == FAKE_FRAME_SHORT)
        size--;
    else if (f->manner == FAKE_FRAME_BOMB)
        size += (size_t)20 << 20;
    buf_init(&frame, (size_t)64 << 20);
    buf_init(&out, (size_t)64 << 20);
    assert_int_equal(coding_encode(CODING_ZSTD, 1, text, size, &frame), DI_OK);
    if (f->manner == FAKE_FRAME_LONG)
        buf_append_char(&frame, 'x');
    frame_size = f->manner == FAKE_FRAME_CUT ? frame.len - 5 : frame.len;
    wire_head_begin(&out, WIRE_FRAMED, 200);
    sha256_format(&f->sha256, hex);
    wire_head_field(&out, "SHA-256", hex);
    wire_head_field(&out, "Content-Encoding", f->manner == FAKE_FRAME_DCZ ? "dcz" : "zstd");
    wire_head_field_u64(&out, "Content-Length", frame_size);
    wire_head_end(&out);
    buf_append(&out, buf_bytes(&frame), frame_size);
    if (f->manner == FAKE_FRAME_DIES || f->manner == FAKE_FRAME_STALLS) {
        net_conn_send(c, buf_bytes(&out), out.len - frame_size + f->bytes);
        if (f->manner == FAKE_FRAME_DIES)
            net_conn_close_after(c);
        buf_fini(&out);
    } else {
        net_conn_send_buf(c, &out);
    }
    buf_fini(&frame);
    free(text);
}

static void fake_document(struct fake *f, struct net_conn *c, const struct wire_request *q)
{
    if (q->accept & WIRE_ZSTD) {
        f->zstd_asked++;
        if (f->manner >= FAKE_FRAME && q->rfc == f->rfc) {
            fake_frame(f, c);
            return;
        }
    }
    if (f->manner == FAKE_FRAME_DIES) {
        /* Nothing more from this one. */
        net_conn_close_after(c);
        return;
    }
    uint64_t first = 0, len = f->size;
    char hex[SHA256_HEX_SIZE];
    struct buf out;
    int status = wire_range_apply(&q->range, f->size, &first, &len);
    f->range_first = (size_t)first;
    buf_init(&out, (size_t)64 << 20);
    if (f->manner == FAKE_BUSY || f->manner == FAKE_LACKS || q->rfc != f->rfc) {
        struct wire_fault fault;
        wire_fault_set(&fault, f->manner == FAKE_BUSY ? 503 : 404, "not now");
        wire_error_format(&out, WIRE_FRAMED, &fault);
        net_conn_send_buf(c, &out);
        if (f->manner != FAKE_LACKS)
            net_conn_close_after(c);
        return;
    }
    wire_head_begin(&out, WIRE_FRAMED, status);
    sha256_format(&f->sha256, hex);
    if (f->manner != FAKE_WRONG_STATUS)
        wire_head_field(&out, "SHA-256", hex);
    if (status == 206)
        buf_printf(&out, "Content-Range: bytes %ju-%ju/%zu\r\n", (uintmax_t)first,
                   (uintmax_t)(first + len - 1), f->size);
    wire_head_field_u64(&out, "Content-Length", len);
    wire_head_end(&out);
    size_t head = out.len;
    buf_append(&out, f->document + first, (size_t)len);
    char *body = out.data + out.start + head;
    if (f->manner == FAKE_LIES)
        body[len / 2] = (char)(body[len / 2] ^ 1);
    bool short_of = f->manner == FAKE_DIES || f->manner == FAKE_STALLS;
    uint64_t until = f->bytes > first ? f->bytes - first : 0;
    if (short_of && until < len)
        len = until;
    net_conn_send(c, buf_bytes(&out), head + (size_t)len);
    if (f->manner == FAKE_DIES)
        net_conn_close_after(c);
    buf_fini(&out);
}

static void fake_serve(void *ctx, struct net_conn *c, const char *message, size_t len)
{
    struct fake *f = ctx;
    struct wire_request q = {0};
    struct wire_fault fault = {0};
    if (wire_request_parse(message, len, &q, &fault) != 0) {
        net_conn_close_after(c);
    } else if (q.method == WIRE_GET_INDEX) {
        if (f->index_requests++ == 0)
            f->index_port = net_conn_remote(c)->port;
        fake_index(f, c);
    } else if (q.method == WIRE_GET_RFC) {
        if (f->document_requests++ == 0)
            f->document_port = net_conn_remote(c)->port;
        fake_document(f, c, &q);
    }
}

static void fake_register(const struct fake *f, const struct world *w)
{
    char text[100];
    size_t len = 0;
    snprintf(text, sizeof(text), "REGISTER P2P-DI/1.0\r\nPort: %u\r\nConnection: close\r\n\r\n",
             f->addr.port);
    char *answer = raw_exchange(&w->rs_addr, text, &len);
    assert_non_null(strstr(answer, " 200 "));
    free(answer);
}

void fake_start(struct fake *f, const struct world *w, enum fake_manner manner, uint32_t rfc,
                uint64_t seed, size_t size)
{
    static const struct net_service service = {
        .frame = service_frame,
        .serve = fake_serve,
        .refuse = service_refuse,
    };
    struct net_server_config cfg = {
        .listen = any_port(),
        .workers = 2,
        .message_max = WIRE_HEAD_MAX,
        .name = "fake",
    };
    char why[160];
    *f = (struct fake){.manner = manner, .rfc = rfc};
    f->document = make_document(rfc, seed, size, &f->size);
    assert_int_equal(sha256_of(f->document, f->size, &f->sha256), DI_OK);
    assert_int_equal(net_server_start(&cfg, &service, f, &f->stats, &f->server, why), DI_OK);
    f->addr = *net_server_addr(f->server);
    fake_register(f, w);
}

void fake_stop(struct fake *f)
{
    net_server_stop(f->server, 0);
    net_server_free(f->server);
    free(f->document);
}

char *raw_exchange(const struct addr *to, const char *bytes, size_t *len)
{
    struct net_stream *s = NULL;
    int64_t deadline_us = clock_mono_us() + WORLD_WAIT_US;
    size_t cap = 1 << 16, got = 0;
    char *out = malloc(cap + 1);
    assert_non_null(out);
    assert_int_equal(net_stream_open(to, deadline_us, NULL, &s), DI_OK);
    assert_int_equal(net_stream_send(s, bytes, strlen(bytes), deadline_us), DI_OK);
    *len = 0;
    while (net_stream_recv(s, out + *len, cap - *len, &got, deadline_us) == DI_OK) {
        *len += got;
        if (*len == cap) {
            cap *= 2;
            out = realloc(out, cap + 1);
            assert_non_null(out);
        }
    }
    out[*len] = '\0';
    net_stream_close(s);
    return out;
}
