/* The ways of being hostile: what rows say that are not true, and what comes instead of a document. */
#include "hostile.h"

#include "p2pdi/base/coding.h"
#include "p2pdi/wire/rows.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define TRICKLE_BYTES 200 /* ten times a second: just above what counts as dead */
#define TRICKLE_MS 100
#define BOMB_BYTES ((size_t)64 << 20)
#define ROW_COPIES 50

struct document documents[DOCUMENTS_MAX];
size_t document_count;
static struct buf bomb;

void die(const char *what)
{
    (void)fprintf(stderr, "tool_hostile: %s\n", what);
    _Exit(1);
}

void pause_ms(int64_t ms)
{
    struct timespec t = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};

    (void)nanosleep(&t, NULL);
}

bool put(struct conn *c, const void *bytes, size_t len)
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

void head(struct buf *out, int status, uint64_t len)
{
    buf_init(out, (size_t)1 << 30);
    wire_head_begin(out, WIRE_FRAMED, status);
    wire_head_field_u64(out, "Content-Length", len);
}

bool finish(struct conn *c, struct buf *out, const void *body, size_t len)
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

void true_rows(struct conn *c, struct buf *out)
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

void make_bomb(void)
{
    char *zeros = calloc(1, BOMB_BYTES);

    buf_init(&bomb, SIZE_MAX);
    if (zeros == NULL || coding_encode(CODING_ZSTD, 1, zeros, BOMB_BYTES, &bomb) != DI_OK)
        die("no bomb");
    free(zeros);
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

const struct behaviour behaviours[] = {
    {"lies", NULL, lies, NULL, false},
    {"stalls", NULL, stalls, NULL, false},
    {"trickles", NULL, trickles, NULL, false},
    {"silent", NULL, says_nothing, NULL, false},
    {"mute", NULL, NULL, wait_for_end, false},
    {"babbles", NULL, NULL, babbles, false},
    {"closes", NULL, closes, NULL, false},
    {"resets", NULL, resets, NULL, false},
    {"endless", NULL, never_ends_its_head, NULL, false},
    {"redirects", NULL, redirects, NULL, false},
    {"refuses", NULL, refuses, NULL, false},
    {"ranges", NULL, ranges, NULL, false},
    {"bodiless", NULL, has_no_body, NULL, false},
    {"bombs", NULL, bombs, NULL, false},
    {"gzips", NULL, talks_gzip, NULL, false},
    {"forges", forged_rows, forges, NULL, false},
    {"sizes", false_sizes, lies, NULL, false},
    {"floods", many_rows, lies, NULL, true},
    {"ttls", negative_ttls, lies, NULL, false},
};
const size_t behaviour_count = sizeof(behaviours) / sizeof(behaviours[0]);
