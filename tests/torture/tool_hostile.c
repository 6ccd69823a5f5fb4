/*
 * Peers that misbehave, many in one process: each registers at a registration server, announces the
 * documents of a directory, and then does what its name says.
 *
 *   tool_hostile RS_PORT DIR BEHAVIOUR[=COUNT]...      (no BEHAVIOUR: prints them all, one a line)
 *
 * Prints "BEHAVIOUR 127.0.0.1:PORT" for each once all are registered, and ends with its standard input.
 * A thread a connection: here a worker may wait, that is the point.
 */
#include "hostile.h"

#include "p2pdi/base/clock.h"
#include "p2pdi/net/stream.h"
#include "p2pdi/wire/rows.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* ---- serving --------------------------------------------------------------------------------- */

static bool answer_index(struct conn *c)
{
    const struct behaviour *b = c->self->does;
    struct buf rows, out;
    bool sent;

    if (c->request.since.p != NULL && !b->always_new) {
        pause_ms((int64_t)c->request.wait_s * 1000);
        buf_init(&out, WIRE_HEAD_MAX);
        wire_head_begin(&out, WIRE_FRAMED, 304);
        wire_head_field(&out, "Index-Version", "1");
        return finish(c, &out, "", 0);
    }
    buf_init(&rows, SIZE_MAX);
    wire_index_header_format(&rows);
    (b->rows != NULL ? b->rows : true_rows)(c, &rows);
    head(&out, 200, rows.len);
    wire_head_field(&out, "Index-Version", "1");
    wire_head_field(&out, "Content-Type", "text/tab-separated-values; charset=utf-8");
    sent = finish(c, &out, buf_bytes(&rows), rows.len);
    buf_fini(&rows);
    return sent;
}

static bool answer(struct conn *c)
{
    struct buf out;
    const struct wire_request *q = &c->request;

    switch (q->method) {
    case WIRE_PROBE:
        head(&out, 200, 0);
        buf_printf(&out, "Nonce: %.*s\r\n", (int)q->nonce.n, q->nonce.p);
        return finish(c, &out, "", 0);
    case WIRE_GET_INDEX:
        return answer_index(c);
    case WIRE_GET_RFC:
        for (size_t i = 0; i < document_count; i++) {
            const struct document *d = &documents[i];
            size_t first = q->range.kind == WIRE_RANGE_FROM_TO ? (size_t)q->range.first : 0;

            if (d->rfc == q->rfc)
                return first < d->len && c->self->does->document(c, d, first);
        }
        head(&out, 404, 0);
        return finish(c, &out, "", 0);
    default:
        return false;
    }
}

static void *serve(void *arg)
{
    struct conn *c = arg;
    char bytes[WIRE_HEAD_MAX];
    size_t len = 0;
    bool goes_on = c->self->does->connection == NULL;

    if (!goes_on)
        c->self->does->connection(c);
    while (goes_on) {
        struct wire_frame frame = {0};
        struct wire_fault fault;
        ssize_t n = 1;

        while (n > 0 && wire_request_frame(&frame, bytes, len) == WIRE_MORE) {
            n = recv(c->fd, bytes + len, sizeof(bytes) - len, 0);
            len += n > 0 ? (size_t)n : 0;
        }
        goes_on = n > 0 && frame.head_len > 0 &&
                  wire_request_parse(bytes, frame.head_len, &c->request, &fault) == 0 && answer(c);
        len -= frame.head_len;
        memmove(bytes, bytes + frame.head_len, len);
    }
    (void)close(c->fd);
    free(c);
    return NULL;
}

static void *listen_on(void *arg)
{
    struct hostile *h = arg;
    pthread_attr_t attr;

    (void)pthread_attr_init(&attr);
    (void)pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
    (void)pthread_attr_setstacksize(&attr, (size_t)256 << 10);
    for (uint64_t seed = h->port;; seed += 65536) {
        struct conn *c = calloc(1, sizeof(*c));
        pthread_t id;

        if (c == NULL)
            die("out of memory");
        *c = (struct conn){.fd = accept(h->listener, NULL, NULL), .self = h};
        if (c->fd < 0)
            die("accept");
        prng_seed(&c->random, seed);
        if (pthread_create(&id, &attr, serve, c) != 0)
            die("no thread");
    }
    return NULL;
}

/* ---- the start ------------------------------------------------------------------------------- */

static void load(const char *dir)
{
    DIR *d = opendir(dir);
    const struct dirent *e;

    if (d == NULL)
        die("cannot open the directory");
    while ((e = readdir(d)) != NULL && document_count < DOCUMENTS_MAX) {
        struct document *doc = &documents[document_count];
        char path[4096], end[8];
        FILE *f;

        if (sscanf(e->d_name, "rfc%u%7s", &doc->rfc, end) != 2 || strcmp(end, ".txt") != 0)
            continue;
        (void)snprintf(path, sizeof(path), "%s/%s", dir, e->d_name);
        f = fopen(path, "rb");
        if (f == NULL || fseek(f, 0, SEEK_END) != 0)
            die(path);
        doc->len = (size_t)ftell(f);
        doc->bytes = malloc(doc->len + 1);
        rewind(f);
        if (doc->bytes == NULL || fread(doc->bytes, 1, doc->len, f) != doc->len)
            die(path);
        (void)fclose(f);
        if (sha256_of(doc->bytes, doc->len, &doc->sha256) != DI_OK)
            die("no SHA-256");
        document_count++;
    }
    (void)closedir(d);
}

static void register_at(uint16_t rs_port, uint16_t port)
{
    struct addr rs = addr_ipv4(127, 0, 0, 1, rs_port);
    int64_t deadline_us = clock_mono_us() + 30 * CLOCK_US_PER_S;
    struct wire_request q = {
        .method = WIRE_REGISTER, .host = slice_of("127.0.0.1"), .has_port = true, .port = port};
    struct net_stream *s = NULL;
    struct buf out;
    char bytes[WIRE_HEAD_MAX];
    size_t got = 0;

    buf_init(&out, WIRE_HEAD_MAX);
    wire_request_format(&out, &q);
    if (net_stream_open(&rs, deadline_us, NULL, &s) != DI_OK ||
        net_stream_send(s, buf_bytes(&out), out.len, deadline_us) != DI_OK ||
        net_stream_recv(s, bytes, sizeof(bytes), &got, deadline_us) != DI_OK || got < 16 ||
        memcmp(bytes, "P2P-DI/1.0 200 ", 15) != 0)
        die("the registration server does not take us");
    buf_fini(&out);
    net_stream_close(s);
}

static void start(const struct behaviour *b, uint16_t rs_port)
{
    struct hostile *h = calloc(1, sizeof(*h));
    struct sockaddr_in sin = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t len = sizeof(sin);
    pthread_t id;

    if (h == NULL)
        die("out of memory");
    h->does = b;
    h->listener = socket(AF_INET, SOCK_STREAM, 0);
    if (h->listener < 0 || bind(h->listener, (struct sockaddr *)&sin, sizeof(sin)) != 0 ||
        listen(h->listener, 128) != 0 ||
        getsockname(h->listener, (struct sockaddr *)&sin, &len) != 0)
        die("cannot listen");
    h->port = ntohs(sin.sin_port);
    if (pthread_create(&id, NULL, listen_on, h) != 0)
        die("no thread");
    register_at(rs_port, h->port);
    (void)printf("%s 127.0.0.1:%u\n", b->name, h->port);
}

int main(int argc, char **argv)
{
    if (argc == 1) {
        for (size_t i = 0; i < behaviour_count; i++)
            (void)puts(behaviours[i].name);
        return 0;
    }
    if (argc < 4)
        die("usage: tool_hostile RS_PORT DIR BEHAVIOUR[=COUNT]...");
    (void)signal(SIGPIPE, SIG_IGN);
    load(argv[2]);
    make_bomb();
    for (int i = 3; i < argc; i++) {
        const char *equals = strchr(argv[i], '=');
        size_t name_len = equals != NULL ? (size_t)(equals - argv[i]) : strlen(argv[i]);
        unsigned long count = equals != NULL ? strtoul(equals + 1, NULL, 10) : 1;
        const struct behaviour *b = behaviours;

        while (b < behaviours + behaviour_count &&
               (strlen(b->name) != name_len || strncmp(b->name, argv[i], name_len) != 0))
            b++;
        if (b == behaviours + behaviour_count)
            die(argv[i]);
        for (; count > 0; count--)
            start(b, (uint16_t)strtoul(argv[1], NULL, 10));
    }
    (void)puts("ready");
    (void)fflush(stdout);
    while (getchar() != EOF)
        continue;
    _Exit(0);
}
