/* Sends, reads answers, holds them against the lines. Runs in tests, one thread. */
#include "play.h"

#include "pattern.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define ANSWER_MS 30000
#define FIELDS_MAX 32
#define HELD_MAX ((size_t)1 << 20)

struct client {
    int fd;    /* -1: not connected */
    bool head; /* the last request was a HEAD: its answer has no body */
    struct buf in;
};

struct play {
    const struct dialogue *d;
    uint16_t port;
    bool byte_by_byte;
    struct client clients[DIALOGUE_CONNECTIONS];
    struct pattern_values values;
    char *why;
};

static bool wrong(struct play *p, unsigned number, const char *what, struct slice came)
{
    int n = snprintf(p->why, PLAY_WHY_SIZE, "PROTOCOL.md:%u: %s", number, what);

    if (came.n > 0)
        (void)snprintf(p->why + n, PLAY_WHY_SIZE - (size_t)n, "; what came:\n%.*s",
                       (int)(came.n < 3000 ? came.n : 3000), came.p);
    return false;
}

static struct slice held(const struct client *c)
{
    return (struct slice){buf_bytes(&c->in), c->in.len};
}

/* ---- bytes ------------------------------------------------------------------------------------- */

static bool connect_client(struct client *c, uint16_t port)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port)};
    int on = 1;

    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    return c->fd >= 0 && connect(c->fd, (const struct sockaddr *)&to, sizeof(to)) == 0 &&
           setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) == 0;
}

/* A server that has heard enough may close before the end: then its answer counts, not our failure. */
static void send_bytes(struct client *c, const char *bytes, size_t len, bool byte_by_byte)
{
    size_t step = byte_by_byte ? 1 : len;

    for (size_t at = 0; at < len;) {
        ssize_t n = send(c->fd, bytes + at, len - at < step ? len - at : step, MSG_NOSIGNAL);
        if (n <= 0)
            return;
        at += (size_t)n;
    }
}

enum more { MORE_BYTES, MORE_END, MORE_NOTHING };

static enum more receive_more(struct client *c)
{
    struct pollfd ready = {.fd = c->fd, .events = POLLIN};
    char *room = buf_reserve(&c->in, 4096);
    ssize_t n;

    if (room == NULL || poll(&ready, 1, ANSWER_MS) <= 0)
        return MORE_NOTHING;
    n = recv(c->fd, room, 4096, 0);
    if (n < 0)
        return errno == ECONNRESET ? MORE_END : MORE_NOTHING;
    buf_commit(&c->in, (size_t)n);
    return n > 0 ? MORE_BYTES : MORE_END;
}

/* ---- what the client says ------------------------------------------------------------------------ */

static struct client *client_of(struct play *p, const struct dialogue_line *line)
{
    struct client *c = &p->clients[line->connection];

    if (c->fd < 0 && !connect_client(c, p->port)) {
        (void)wrong(p, line->number, strerror(errno), (struct slice){0});
        return NULL;
    }
    return c;
}

/* All that is said in one breath goes out at once. */
static bool say(struct play *p, size_t *at)
{
    const struct dialogue_line *line = &p->d->lines[*at];
    unsigned connection = line->connection;
    struct client *c = client_of(p, line);
    struct buf out;
    bool ok = c != NULL;

    buf_init(&out, HELD_MAX * 4);
    for (; ok && *at < p->d->count && line->kind == DIALOGUE_SEND && line->connection == connection;
         line = &p->d->lines[++*at]) {
        if (!pattern_expand(line->text, &p->values, &out)) {
            ok = wrong(p, line->number, "this line cannot be sent", (struct slice){0});
            break;
        }
        if (!line->open_end)
            buf_append_str(&out, line->body ? "\n" : "\r\n");
        if (*at + 1 == p->d->count) {
            ++*at;
            break;
        }
    }
    if (ok) {
        c->head = out.len > 5 && memcmp(buf_bytes(&out), "HEAD ", 5) == 0;
        send_bytes(c, buf_bytes(&out), out.len, p->byte_by_byte);
    }
    buf_fini(&out);
    return ok;
}

/* ---- what the server answers ----------------------------------------------------------------------- */

/* One answer as the document has it: lines first .. last, those from body on being its body. */
struct wanted {
    size_t first, body, end;
};

static bool find_wanted(struct play *p, size_t at, struct wanted *w)
{
    const struct dialogue_line *lines = p->d->lines;

    *w = (struct wanted){.first = at};
    while (at < p->d->count && lines[at].kind == DIALOGUE_EXPECT && !lines[at].body &&
           lines[at].text.n > 0)
        at++;
    if (at == p->d->count || lines[at].kind != DIALOGUE_EXPECT || lines[at].body)
        return wrong(p, lines[w->first].number, "this head has no empty line at its end",
                     (struct slice){0});
    if (at - w->first > FIELDS_MAX)
        return wrong(p, lines[w->first].number, "this head has too many fields", (struct slice){0});
    w->body = ++at;
    while (at < p->d->count && lines[at].kind == DIALOGUE_EXPECT && lines[at].body)
        at++;
    w->end = at;
    return true;
}

/* Waits until a whole head is there; *len is up to and including its empty line. */
static bool await_head(struct play *p, struct client *c, unsigned number, size_t *len)
{
    for (;;) {
        const char *end = memmem(buf_bytes(&c->in), c->in.len, "\r\n\r\n", 4);
        if (end != NULL) {
            *len = (size_t)(end - buf_bytes(&c->in)) + 4;
            return true;
        }
        switch (receive_more(c)) {
        case MORE_BYTES:
            break;
        case MORE_END:
            return wrong(p, number, "the server closed instead of this answer", held(c));
        case MORE_NOTHING:
            return wrong(p, number, "no answer came", held(c));
        }
    }
}

static struct slice take_line(struct slice *rest)
{
    struct slice line = slice_split(*rest, '\n', rest);

    if (line.n > 0 && line.p[line.n - 1] == '\r')
        line.n--;
    return line;
}

/* Fields in any order; every one that came must be shown, and the other way round. */
static bool match_fields(struct play *p, const struct wanted *w, struct slice head,
                         uint64_t *body_len)
{
    const struct dialogue_line *lines = p->d->lines;
    bool used[FIELDS_MAX] = {false};
    struct slice rest = head;

    *body_len = 0;
    if (!pattern_match(lines[w->first].text, take_line(&rest), &p->values))
        return wrong(p, lines[w->first].number, "another first line was answered", head);
    for (struct slice field = take_line(&rest); field.n > 0; field = take_line(&rest)) {
        static const char length[] = "Content-Length: ";
        size_t n = sizeof(length) - 1;
        size_t i = w->first + 1;
        while (i < w->body - 1 &&
               (used[i - w->first] || !pattern_match(lines[i].text, field, &p->values)))
            i++;
        if (i == w->body - 1) {
            char what[200];
            (void)snprintf(what, sizeof(what), "not in the document: \"%.*s\"",
                           (int)(field.n < 150 ? field.n : 150), field.p);
            return wrong(p, lines[w->first].number, what, head);
        }
        used[i - w->first] = true;
        if (field.n > n && memcmp(field.p, length, n) == 0 &&
            !text_parse_u64((struct slice){field.p + n, field.n - n}, HELD_MAX, body_len))
            return wrong(p, lines[i].number, "this length cannot be", head);
    }
    for (size_t i = w->first + 1; i < w->body - 1; i++) {
        if (!used[i - w->first])
            return wrong(p, lines[i].number, "this field is missing or different", head);
    }
    return true;
}

static bool match_body(struct play *p, const struct wanted *w, struct slice body)
{
    const struct dialogue_line *lines = p->d->lines;
    struct slice rest = body;

    for (size_t i = w->body; i < w->end; i++) {
        if (rest.p == NULL)
            return wrong(p, lines[i].number, "the body is shorter", body);
        bool ends = memchr(rest.p, '\n', rest.n) != NULL;
        struct slice line = slice_split(rest, '\n', &rest);
        if (ends == lines[i].open_end || !pattern_match(lines[i].text, line, &p->values))
            return wrong(p, lines[i].number, "this line of the body is different", body);
    }
    if (rest.n > 0)
        return wrong(p, lines[w->first].number, "the body is longer", body);
    return true;
}

static bool hear(struct play *p, size_t *at)
{
    const struct dialogue_line *line = &p->d->lines[*at];
    struct client *c = client_of(p, line);
    struct wanted w;
    size_t head_len;
    uint64_t body_len;

    if (c == NULL || !find_wanted(p, *at, &w) || !await_head(p, c, line->number, &head_len) ||
        !match_fields(p, &w, (struct slice){buf_bytes(&c->in), head_len}, &body_len))
        return false;
    buf_consume(&c->in, head_len);
    if (c->head)
        body_len = 0;
    while (c->in.len < body_len) {
        if (receive_more(c) != MORE_BYTES)
            return wrong(p, line->number, "the body is cut short", held(c));
    }
    if (!match_body(p, &w, (struct slice){buf_bytes(&c->in), (size_t)body_len}))
        return false;
    buf_consume(&c->in, (size_t)body_len);
    *at = w.end;
    return true;
}

/* ---- the end ------------------------------------------------------------------------------------- */

static void close_client(struct client *c)
{
    if (c->fd >= 0)
        (void)close(c->fd);
    c->fd = -1;
}

static bool hear_end(struct play *p, const struct dialogue_line *line)
{
    struct client *c = client_of(p, line);

    if (c == NULL)
        return false;
    if (c->in.len == 0 && receive_more(c) == MORE_END) {
        close_client(c);
        return true;
    }
    return wrong(p, line->number, "the server did not close", held(c));
}

/* The connection is open, nothing more came, and the next request is understood. */
static bool is_good_for_more(struct play *p, struct client *c)
{
    static const char request[] = "KEEP-ALIVE P2P-DI/1.0\r\n\r\n";
    static const char answer[] = "P2P-DI/1.0 4";
    size_t head_len;

    send_bytes(c, request, sizeof(request) - 1, false);
    if (!await_head(p, c, p->d->number, &head_len))
        return false;
    if (memcmp(buf_bytes(&c->in), answer, sizeof(answer) - 1) != 0)
        return wrong(p, p->d->number, "something came that is not in the dialogue", held(c));
    return true;
}

bool play_dialogue(const struct dialogue *d, uint16_t port, bool byte_by_byte,
                   char why[PLAY_WHY_SIZE])
{
    struct play p = {.d = d, .port = port, .byte_by_byte = byte_by_byte, .why = why};
    char digits[8];
    bool ok = true;

    (void)snprintf(digits, sizeof(digits), "%u", (unsigned)port);
    (void)pattern_bind(&p.values, SLICE("port"), slice_of(digits));
    for (size_t i = 0; i < DIALOGUE_CONNECTIONS; i++) {
        p.clients[i].fd = -1;
        buf_init(&p.clients[i].in, HELD_MAX * 2);
    }
    for (size_t at = 0; ok && at < d->count;) {
        switch (d->lines[at].kind) {
        case DIALOGUE_SEND:
            ok = say(&p, &at);
            break;
        case DIALOGUE_EXPECT:
            ok = hear(&p, &at);
            break;
        case DIALOGUE_CLOSES:
            ok = hear_end(&p, &d->lines[at++]);
            break;
        }
    }
    for (size_t i = 0; i < DIALOGUE_CONNECTIONS; i++) {
        if (ok && p.clients[i].fd >= 0)
            ok = is_good_for_more(&p, &p.clients[i]);
        close_client(&p.clients[i]);
        buf_fini(&p.clients[i].in);
    }
    return ok;
}
