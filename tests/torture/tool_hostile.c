/*
 * Peers that misbehave, many in one process: each registers at a registration server, announces the
 * documents of a directory, and then does what its name says.
 *
 *   tool_hostile RS_PORT DIR BEHAVIOUR[=COUNT]...      (no BEHAVIOUR: prints them all, one a line)
 *
 * Prints "BEHAVIOUR 127.0.0.1:PORT" for each once all are registered, and ends with its standard input.
 * A thread a connection: here a worker may wait, that is the point.
 */
#include "p2pdi/base/clock.h"
#include "p2pdi/base/coding.h"
#include "p2pdi/base/random.h"
#include "p2pdi/net/stream.h"
#include "p2pdi/wire/message.h"
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
#include <time.h>
#include <unistd.h>

#define DOCUMENTS_MAX 4096
#define TRICKLE_BYTES 200 /* ten times a second: just above what counts as dead */
#define TRICKLE_MS 100
#define BOMB_BYTES ((size_t)64 << 20)
#define ROW_COPIES 50

struct document {
    uint32_t rfc;
    char *bytes;
    size_t len;
    struct sha256 sha256;
};

/* One connection that somebody made to one of us. */
struct conn {
    int fd;
    struct hostile *self;
    struct prng random;
    struct wire_request request;
};

struct hostile {
    const struct behaviour *does;
    int listener;
    uint16_t port;
};

struct behaviour {
    const char *name;
    /* The rows of its table; NULL: the truth. */
    void (*rows)(struct conn *c, struct buf *out);
    /* Answers GET RFC n, from byte `first` on; false: the connection ends. */
    bool (*document)(struct conn *c, const struct document *d, size_t first);
    /* Instead of any answer at all; NULL: behaves until it is asked for a document. */
    void (*connection)(struct conn *c);
};

static struct document documents[DOCUMENTS_MAX];
static size_t document_count;
static struct buf bomb;

static void die(const char *what)
{
    (void)fprintf(stderr, "tool_hostile: %s\n", what);
    _Exit(1);
}

static void pause_ms(int64_t ms)
{
    struct timespec t = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};

    (void)nanosleep(&t, NULL);
}

static bool put(struct conn *c, const void *bytes, size_t len)
{
    const char *at = bytes;

    while (len > 0) {
        ssize_t n = send(c->fd, at, len, MSG_NOSIGNAL);

        if (n <= 0)
            return false;
        at += n;
        len -= (size_t)n;
    }
    return true;
}

/* Until the other side has had enough. */
static void wait_for_end(struct conn *c)
{
    char bytes[512];

    while (recv(c->fd, bytes, sizeof(bytes), 0) > 0)
        continue;
}

/* ---- honest parts ---------------------------------------------------------------------------- */

static void head(struct buf *out, int status, uint64_t len)
{
    buf_init(out, (size_t)1 << 30);
    wire_head_begin(out, WIRE_FRAMED, status);
    wire_head_field_u64(out, "Content-Length", len);
}

static bool finish(struct conn *c, struct buf *out, const void *body, size_t len)
{
    wire_head_end(out);
    bool sent = put(c, buf_bytes(out), out->len) && put(c, body, len);

    buf_fini(out);
    return sent;
}

static void document_head(struct buf *out, const struct document *d, size_t first)
{
    char hex[SHA256_HEX_SIZE];
    char range[80];

    head(out, first > 0 ? 206 : 200, d->len - first);
    sha256_format(&d->sha256, hex);
    wire_head_field(out, "SHA-256", hex);
    wire_head_field(out, "Content-Type", "text/plain");
    if (first > 0) {
        (void)snprintf(range, sizeof(range), "bytes %zu-%zu/%zu", first, d->len - 1, d->len);
        wire_head_field(out, "Content-Range", range);
    }
}

/* The right head and so much of the right body. */
static bool begin_document(struct conn *c, const struct document *d, size_t first, size_t upto)
{
    struct buf out;

    document_head(&out, d, first);
    return finish(c, &out, d->bytes + first, upto > first ? upto - first : 0);
}

static struct wire_index_row row_of(const struct conn *c, const struct document *d)
{
    struct wire_index_row r = {.rfc = d->rfc,
                               .ttl_s = WIRE_TTL_MAX_S,
                               .holder = addr_ipv4(127, 0, 0, 1, c->self->port),
                               .size_bytes = d->len,
                               .sha256 = d->sha256};

    (void)snprintf(r.title, sizeof(r.title), "Document %u", d->rfc);
    return r;
}

static void true_rows(struct conn *c, struct buf *out)
{
    for (size_t i = 0; i < document_count; i++) {
        struct wire_index_row r = row_of(c, &documents[i]);

        wire_index_row_format(out, &r);
    }
}

/* ---- what the rows say ----------------------------------------------------------------------- */

/* An edition of its own, which it really has. */
static char *forged(const struct conn *c, const struct document *d)
{
    char *bytes = malloc(d->len + 1);

    if (bytes == NULL)
        die("out of memory");
    memcpy(bytes, d->bytes, d->len);
    bytes[c->self->port % d->len] ^= 1;
    return bytes;
}

static void forged_rows(struct conn *c, struct buf *out)
{
    for (size_t i = 0; i < document_count; i++) {
        struct wire_index_row r = row_of(c, &documents[i]);
        char *bytes = forged(c, &documents[i]);

        if (sha256_of(bytes, documents[i].len, &r.sha256) != DI_OK)
            die("no SHA-256");
        free(bytes);
        wire_index_row_format(out, &r);
    }
}

static void false_sizes(struct conn *c, struct buf *out)
{
    for (size_t i = 0; i < document_count; i++) {
        struct wire_index_row r = row_of(c, &documents[i]);

        r.size_bytes = i % 2 == 0 ? r.size_bytes + 1 : UINT64_C(1) << 26;
        wire_index_row_format(out, &r);
    }
}

/* Other editions each time, and each row many times. */
static void many_rows(struct conn *c, struct buf *out)
{
    for (size_t i = 0; i < document_count; i++) {
        struct wire_index_row r = row_of(c, &documents[i]);

        for (unsigned k = 0; k < ROW_COPIES; k++) {
            if (k % 2 == 0)
                r.sha256.byte[k % sizeof(r.sha256.byte)] ^=
                    (uint8_t)(1 + prng_below(&c->random, 255));
            wire_index_row_format(out, &r);
        }
    }
}

static void negative_ttls(struct conn *c, struct buf *out)
{
    char hex[SHA256_HEX_SIZE];

    for (size_t i = 0; i < document_count; i++) {
        const struct document *d = &documents[i];

        sha256_format(&d->sha256, hex);
        buf_printf(out, "%u\tDocument\t127.0.0.1\t%u\t-%zu\t%zu\t%s\n", d->rfc, c->self->port,
                   i + 1, d->len, hex);
    }
}

/* ---- what comes instead of the document ------------------------------------------------------ */

static bool lies(struct conn *c, const struct document *d, size_t first)
{
    struct buf out;
    char *wrong = malloc(d->len + 1);

    if (wrong == NULL)
        die("out of memory");
    memcpy(wrong, d->bytes, d->len);
    wrong[first + prng_below(&c->random, d->len - first)] ^= 1;
    document_head(&out, d, first);
    bool sent = finish(c, &out, wrong + first, d->len - first);

    free(wrong);
    return sent;
}

static bool forges(struct conn *c, const struct document *d, size_t first)
{
    struct document other = {.rfc = d->rfc, .bytes = forged(c, d), .len = d->len};
    bool sent = sha256_of(other.bytes, other.len, &other.sha256) == DI_OK &&
                begin_document(c, &other, first, other.len);

    free(other.bytes);
    return sent;
}

static bool stalls(struct conn *c, const struct document *d, size_t first)
{
    size_t upto = d->len - d->len / 100 - 1;

    if (begin_document(c, d, first, upto))
        wait_for_end(c);
    return false;
}

static bool trickles(struct conn *c, const struct document *d, size_t first)
{
    bool goes_on = begin_document(c, d, first, first);

    for (size_t at = first; goes_on && at < d->len; at += TRICKLE_BYTES) {
        pause_ms(TRICKLE_MS);
        goes_on = put(c, d->bytes + at, d->len - at < TRICKLE_BYTES ? d->len - at : TRICKLE_BYTES);
    }
    return goes_on;
}

static bool says_nothing(struct conn *c, const struct document *d, size_t first)
{
    (void)d;
    (void)first;
    wait_for_end(c);
    return false;
}

static bool closes(struct conn *c, const struct document *d, size_t first)
{
    (void)begin_document(c, d, first, first + (d->len - first) / 2);
    return false;
}

static bool resets(struct conn *c, const struct document *d, size_t first)
{
    struct linger l = {.l_onoff = 1};

    (void)setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &l, sizeof(l));
    return closes(c, d, first);
}

static bool never_ends_its_head(struct conn *c, const struct document *d, size_t first)
{
    struct buf out;
    bool goes_on = true;

    document_head(&out, d, first);
    goes_on = put(c, buf_bytes(&out), out.len);
    buf_fini(&out);
    while (goes_on)
        goes_on = put(c, "X-More: and more\r\n", 18);
    return false;
}

static bool redirects(struct conn *c, const struct document *d, size_t first)
{
    char to[32];
    struct buf out;

    (void)d;
    (void)first;
    head(&out, 302, 0);
    (void)snprintf(to, sizeof(to), "127.0.0.1:%u", c->self->port);
    wire_head_field(&out, "Location", to);
    return finish(c, &out, "", 0);
}

static bool refuses(struct conn *c, const struct document *d, size_t first)
{
    struct buf out;

    (void)d;
    (void)first;
    head(&out, 503, 0);
    wire_head_field(&out, "Retry-After", "4294967295");
    return finish(c, &out, "", 0);
}

static bool ranges(struct conn *c, const struct document *d, size_t first)
{
    struct buf out;
    char hex[SHA256_HEX_SIZE], range[80];
    size_t other = first == 0 ? d->len / 2 : 0;

    head(&out, 206, d->len - other);
    sha256_format(&d->sha256, hex);
    wire_head_field(&out, "SHA-256", hex);
    (void)snprintf(range, sizeof(range), "bytes %zu-%zu/%zu", other, d->len - 1, d->len);
    wire_head_field(&out, "Content-Range", range);
    return finish(c, &out, d->bytes + other, d->len - other);
}

/* Nothing changed, or nobody is there: to a question that asked neither. */
static bool has_no_body(struct conn *c, const struct document *d, size_t first)
{
    struct buf out;

    (void)d;
    (void)first;
    buf_init(&out, WIRE_HEAD_MAX);
    wire_head_begin(&out, WIRE_FRAMED, prng_below(&c->random, 2) == 0 ? 304 : 204);
    return finish(c, &out, "", 0);
}

static bool bombs(struct conn *c, const struct document *d, size_t first)
{
    struct buf out;
    char hex[SHA256_HEX_SIZE];

    (void)first;
    head(&out, 200, bomb.len);
    sha256_format(&d->sha256, hex);
    wire_head_field(&out, "SHA-256", hex);
    wire_head_field(&out, "Content-Encoding", "zstd");
    return finish(c, &out, buf_bytes(&bomb), bomb.len);
}

static bool talks_gzip(struct conn *c, const struct document *d, size_t first)
{
    struct buf out, coded;

    (void)first;
    buf_init(&coded, SIZE_MAX);
    if (coding_encode(CODING_GZIP, 1, d->bytes, d->len, &coded) != DI_OK)
        die("no gzip");
    document_head(&out, d, 0);
    wire_head_field(&out, "Content-Encoding", "gzip");
    bool sent = finish(c, &out, buf_bytes(&coded), coded.len);

    buf_fini(&coded);
    return sent;
}

/* ---- no answers at all ----------------------------------------------------------------------- */

static void babbles(struct conn *c)
{
    char bytes[1024];

    do
        for (size_t i = 0; i < sizeof(bytes); i++)
            bytes[i] = (char)prng_below(&c->random, 256);
    while (put(c, bytes, sizeof(bytes)));
}

static const struct behaviour behaviours[] = {
    {"lies", NULL, lies, NULL},
    {"stalls", NULL, stalls, NULL},
    {"trickles", NULL, trickles, NULL},
    {"silent", NULL, says_nothing, NULL},
    {"mute", NULL, NULL, wait_for_end},
    {"babbles", NULL, NULL, babbles},
    {"closes", NULL, closes, NULL},
    {"resets", NULL, resets, NULL},
    {"endless", NULL, never_ends_its_head, NULL},
    {"redirects", NULL, redirects, NULL},
    {"refuses", NULL, refuses, NULL},
    {"ranges", NULL, ranges, NULL},
    {"bodiless", NULL, has_no_body, NULL},
    {"bombs", NULL, bombs, NULL},
    {"gzips", NULL, talks_gzip, NULL},
    {"forges", forged_rows, forges, NULL},
    {"sizes", false_sizes, lies, NULL},
    {"floods", many_rows, lies, NULL},
    {"ttls", negative_ttls, lies, NULL},
};
#define BEHAVIOURS (sizeof(behaviours) / sizeof(behaviours[0]))

/* ---- serving --------------------------------------------------------------------------------- */

static bool answer_index(struct conn *c)
{
    const struct behaviour *b = c->self->does;
    struct buf rows, out;
    bool sent;

    if (c->request.since.p != NULL && b->rows != many_rows) {
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

static void make_bomb(void)
{
    char *zeros = calloc(1, BOMB_BYTES);

    buf_init(&bomb, SIZE_MAX);
    if (zeros == NULL || coding_encode(CODING_ZSTD, 1, zeros, BOMB_BYTES, &bomb) != DI_OK)
        die("no bomb");
    free(zeros);
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
        for (size_t i = 0; i < BEHAVIOURS; i++)
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

        while (b < behaviours + BEHAVIOURS &&
               (strlen(b->name) != name_len || strncmp(b->name, argv[i], name_len) != 0))
            b++;
        if (b == behaviours + BEHAVIOURS)
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
