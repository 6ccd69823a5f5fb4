/*
 * One link: takes documents from one holder, with several requests under way, hands what comes to the
 * intake, verifies. Runs on a pool's thread ("fetch N"); holds no lock.
 *
 * Requests go out in order and answers come back in that order: the ring holds the flights that are
 * asked for and not answered, oldest first.
 */
#include "intake.h"

#include <stdlib.h>
#include <string.h>

#define FETCH_LOW 4 /* answers outstanding, below which more is asked for in any case */
#define CONNECT_US (5 * CLOCK_US_PER_S)
#define SILENCE_US (10 * CLOCK_US_PER_S) /* no byte for that long: the holder is given up */
#define RATE_MIN 1000                    /* bytes a second, on average after SILENCE_US */
#define SKIP_MAX ((uint64_t)64 << 10)    /* longer bodies of useless answers close the link */
#define BUSY_RETRY_US CLOCK_US_PER_S

struct session {
    struct link *link;
    struct client *client;
    struct flight *ring[FETCH_WINDOW];
    size_t first, count;
    struct flight *now; /* whose answer is waited for or comes */
    struct intake *in;
    bool proven;     /* the connection has carried an answer: its end may be mere idleness */
    bool late;       /* others would bring it sooner: the link ends */
    int64_t look_us; /* when that is to be asked */
};

static enum sched_why why_of(const struct session *s, enum di_err err)
{
    if (s->late)
        return SCHED_SLOW;
    switch (err) {
    case DI_REFUSED:
        return SCHED_REFUSED;
    case DI_UNREACHABLE:
        return SCHED_UNREACHABLE;
    case DI_TIMEOUT:
        return SCHED_TIMEOUT;
    case DI_PROTOCOL:
        return SCHED_PROTOCOL;
    case DI_NOMEM:
    case DI_LIMIT:
        return SCHED_LOCAL;
    default:
        return SCHED_CLOSED;
    }
}

/* ---- the ring -------------------------------------------------------------------------------- */

static void push(struct session *s, struct flight *f)
{
    s->ring[(s->first + s->count++) % FETCH_WINDOW] = f;
}

static struct flight *pop(struct session *s)
{
    struct flight *f = s->ring[s->first];
    s->first = (s->first + 1) % FETCH_WINDOW;
    s->count--;
    return f;
}

/* ---- asking ---------------------------------------------------------------------------------- */

/* Behind the last byte that it brings. */
static uint64_t end_of(const struct flight *f)
{
    return f->request.offset + f->request.len;
}

static void format_request(struct session *s, const struct flight *f, struct buf *out)
{
    char host[ADDR_HOST_SIZE];
    char etag[SHA256_HEX_SIZE + 2] = "\"";
    sha256_format(&f->request.edition, etag + 1);
    etag[SHA256_HEX_SIZE] = '"';
    addr_format_host(&s->link->holder, host);
    struct wire_request q = {
        .form = WIRE_FRAMED,
        .method = WIRE_GET_RFC,
        .rfc = f->request.rfc,
        .host = slice_of(host),
        .has_if_match = true,
        .if_match = {etag, SHA256_HEX_SIZE + 1},
        .has_port = true,
        .port = s->link->peer->addr.port,
    };
    /* A part of a document is asked for as it is: a frame begins at the first byte. */
    bool whole = !f->helps && f->have == 0;
    if (!whole) {
        q.range = (struct wire_range){
            .kind = WIRE_RANGE_FROM_TO, .first = f->have, .last = end_of(f) - 1};
    } else if (s->link->peer->cfg.compress != PEER_COMPRESS_NEVER) {
        q.accept = WIRE_ZSTD;
        q.has_dictionary = f->dict != NULL;
        q.dictionary_rfc = f->request.dictionary_rfc;
        q.dictionary = f->request.dictionary;
    }
    wire_request_format(out, &q);
}

/* Where those put their ranges that help with it; NULL: nobody can. */
static struct library_tail *tail_for(struct link *l, const struct sched_request *r)
{
    if (r->size_bytes < SCHED_HELP_MIN || l->pool->serial)
        return NULL;
    struct library_tail *kept = link_kept_tail(l, r);
    return kept != NULL ? kept : library_tail_new(l->peer->library, r->size_bytes);
}

/* err: of opening the part. */
static void stay_on_ground(struct link *l, const struct sched_request *r, enum di_err err)
{
    if (err == DI_IN_USE) {
        link_cannot(l, r, SCHED_BUSY, BUSY_RETRY_US);
        return;
    }
    peer_emit_unstored(l->peer, err);
    link_cannot(l, r, SCHED_LOCAL, 0);
}

/* Opens the part; NULL if the request has come to its end by that. */
static struct flight *take_off(struct session *s, const struct sched_request *r)
{
    struct link *l = s->link;
    struct flight *f = calloc(1, sizeof(*f));
    if (f == NULL)
        return NULL;
    f->request = *r;
    f->holder = l->holder;
    enum di_err err =
        library_part_open(l->peer->library, r->rfc, &r->edition, r->size_bytes, &f->part, &f->have);
    if (err != DI_OK) {
        free(f);
        stay_on_ground(l, r, err);
        return NULL;
    }
    f->resumed = f->have > 0;
    if (r->dictionary_rfc != 0 && l->peer->cfg.compress != PEER_COMPRESS_NEVER)
        f->dict = dictionary_get(l->peer->dictionaries, r->dictionary_rfc, &r->dictionary, false);
    f->tail = tail_for(l, r);
    link_takes_off(l, f);
    return f;
}

/* It sent what it had not announced; the scheduler shuns it too. */
static void blame(struct session *s, struct flight *f)
{
    struct peer *p = s->link->peer;
    STATS_ADD(&p->stats, mismatches_total, 1);
    neighbours_shun(p->neighbours, &f->holder);
    library_part_discard(f->part);
    link_failed(s->link, f, SCHED_MISMATCH, 0, 0);
}

static void fail_here(struct session *s, struct flight *f, enum di_err err)
{
    peer_emit_unstored(s->link->peer, err);
    library_part_keep(f->part);
    link_failed(s->link, f, SCHED_LOCAL, f->have, 0);
}

/*
 * All bytes are there. true: f has ended, well or not. false: what an earlier flight had left was
 * wrong, for which this holder is not to blame: f starts again at its first byte.
 */
static bool conclude(struct session *s, struct flight *f)
{
    enum di_err err = library_part_verify(f->part);
    if (err == DI_MISMATCH && f->resumed) {
        err = library_part_reset(f->part);
        if (err == DI_OK) {
            f->resumed = false;
            link_restarts(s->link, f);
            return false;
        }
    }
    if (err == DI_OK) {
        intake_keep_frame(s->in);
        link_done(s->link, f);
    } else if (err == DI_MISMATCH) {
        blame(s, f);
    } else {
        fail_here(s, f, err);
    }
    return true;
}

/* A range of what others are busy with. */
static void help(struct session *s, struct buf *out)
{
    struct sched_request r;
    struct library_tail *tail = NULL;
    if (!link_help(s->link, &r, &tail))
        return;
    struct flight *f = calloc(1, sizeof(*f));
    if (f == NULL) {
        (void)library_tail_unref(tail);
        return; /* the link ends, and with it what it was to bring */
    }
    *f = (struct flight){
        .request = r, .holder = s->link->holder, .helps = true, .tail = tail, .have = r.offset};
    push(s, f);
    format_request(s, f, out);
}

/* Asks for as much as the scheduler allows. */
static enum di_err fill_window(struct session *s)
{
    struct buf out;
    struct sched_request r;
    buf_init(&out, (size_t)FETCH_WINDOW * WIRE_HEAD_MAX);
    while (s->count < FETCH_WINDOW && link_next(s->link, &r)) {
        if (catalog_has(s->link->peer->catalog, r.rfc)) {
            link_needless(s->link, &r);
            continue;
        }
        struct flight *f = take_off(s, &r);
        if (f == NULL || (f->have == r.size_bytes && conclude(s, f)))
            continue;
        push(s, f);
        format_request(s, f, &out);
    }
    if (s->count == 0)
        help(s, &out);
    enum di_err err = DI_OK;
    if (out.len > 0)
        err = client_send(s->client, &out, clock_mono_us() + SILENCE_US);
    buf_fini(&out);
    return err;
}

/* It is not wanted any more: its answer is not waited for, so the connection ends. f is off the ring. */
static enum di_err forgo(struct session *s, struct flight *f)
{
    library_part_keep(f->part);
    link_forgoes(s->link, f, f->have);
    return DI_CLOSED;
}

/* All that is not answered and still wanted once more, over a new connection. */
static enum di_err ask_again(struct session *s)
{
    struct buf out;
    buf_init(&out, (size_t)FETCH_WINDOW * WIRE_HEAD_MAX);
    for (size_t left = s->count; left > 0; left--) {
        struct flight *f = pop(s);
        if (!f->helps)
            link_look(s->link, f);
        if (f->unwanted) {
            (void)forgo(s, f);
            continue;
        }
        push(s, f);
        format_request(s, f, &out);
    }
    enum di_err err = DI_OK;
    if (s->count > 0)
        err = client_send(s->client, &out, clock_mono_us() + SILENCE_US);
    buf_fini(&out);
    return err;
}

static enum di_err connect_anew(struct session *s)
{
    client_close(s->client);
    s->client = NULL;
    s->proven = false;
    enum di_err err = client_open(&s->link->peer->sink, &s->link->holder, CLIENT_BUFFER,
                                  s->link->peer->waker, clock_mono_us() + CONNECT_US, &s->client);
    if (err == DI_OK)
        client_limit(s->client, s->link->peer->down);
    return err;
}

/* ---- waiting --------------------------------------------------------------------------------- */

/*
 * Waiting for more of an answer has come to until_us. DI_OK: it goes on. DI_TIMEOUT: nothing came for
 * too long, or others would bring it sooner.
 */
static enum di_err wait_on(struct session *s, int64_t deadline_us)
{
    int64_t now_us = clock_mono_us();
    if (now_us >= deadline_us)
        return DI_TIMEOUT;
    enum di_err err = intake_on_time(s->in, now_us);
    if (err != DI_OK)
        return err;
    bool looks = now_us >= s->look_us;
    if (looks)
        s->late = link_is_late(s->link, &s->look_us);
    if (!s->now->helps && (looks || s->now->tail != NULL))
        link_look(s->link, s->now);
    return s->late || s->now->met || s->now->unwanted ? DI_TIMEOUT : DI_OK;
}

static int64_t until_us(const struct session *s, int64_t deadline_us)
{
    int64_t due_us = intake_due_us(s->in);
    if (s->look_us < due_us)
        due_us = s->look_us;
    return due_us < deadline_us ? due_us : deadline_us;
}

static enum di_err wait_head(struct session *s, struct wire_response *head)
{
    int64_t deadline_us = clock_mono_us() + SILENCE_US;
    s->look_us = 0; /* another document's turn */
    enum di_err err = wait_on(s, deadline_us);
    while (err == DI_OK) {
        err = client_head(s->client, head, until_us(s, deadline_us));
        if (err != DI_TIMEOUT)
            return err;
        err = wait_on(s, deadline_us);
    }
    return err;
}

static enum di_err wait_bytes(struct session *s, uint64_t max, const char **bytes, size_t *len)
{
    int64_t deadline_us = clock_mono_us() + SILENCE_US;
    enum di_err err = wait_on(s, deadline_us);
    while (err == DI_OK) {
        err = client_bytes(s->client, max, bytes, len, until_us(s, deadline_us));
        if (err != DI_TIMEOUT)
            return err;
        err = wait_on(s, deadline_us);
    }
    return err;
}

/* ---- answers --------------------------------------------------------------------------------- */

/* The body of an answer that is of no use. */
static enum di_err skip_body(struct session *s, const struct wire_response *head)
{
    if (!head->has_content_length)
        return DI_OK;
    if (head->content_length > SKIP_MAX)
        return DI_CLOSED;
    return client_skip(s->client, head->content_length, clock_mono_us() + SILENCE_US);
}

/* The document's bytes into its part. */
static enum di_err take_body(struct session *s, uint64_t len)
{
    struct intake *in = s->in;
    int64_t start_us = clock_mono_us();
    uint64_t came = 0;
    while (came < len && !in->flight->met && !in->flight->unwanted) {
        const char *bytes = NULL;
        size_t got = 0;
        enum di_err err = wait_bytes(s, len - came, &bytes, &got);
        if (err == DI_OK)
            err = intake_take(in, bytes, got);
        if (err != DI_OK)
            return err;
        came += got;
        if (in->local != DI_OK && len - came > SKIP_MAX)
            return DI_CLOSED;
        int64_t took_us = clock_mono_us() - start_us;
        if (took_us > SILENCE_US && came * CLOCK_US_PER_S / (uint64_t)took_us < RATE_MIN)
            return DI_TIMEOUT;
    }
    if (came < len && in->flight->unwanted)
        return DI_TIMEOUT;
    /* Less than was announced, or without an end. */
    return in->flight->met ? DI_OK : intake_end(in);
}

/* Is it the edition, and are they the bytes, that were asked for? */
static bool is_expected(const struct flight *f, const struct wire_response *head)
{
    uint64_t size = f->request.size_bytes;
    if (!head->has_content_length || (f->helps && head->status != 206))
        return false;
    if (head->encoding != WIRE_IDENTITY)
        return (head->encoding == WIRE_ZSTD || (head->encoding == WIRE_DCZ && f->dict != NULL)) &&
               head->status == 200 && f->have == 0 && head->content_length <= coding_bound(size);
    if (head->status == 200)
        return head->content_length == size;
    return head->has_content_range && head->range_first == f->have &&
           head->range_last == end_of(f) - 1 && head->range_total == size &&
           head->content_length == end_of(f) - f->have;
}

/* Others have brought the rest: this answer is not waited for, so the connection ends. f is off the ring. */
static enum di_err take_tail(struct session *s, struct flight *f)
{
    uint64_t took = 0;
    enum di_err err = library_part_take_tail(f->part, f->tail, &took);
    intake_drop(s->in); /* what came of it is no frame */
    f->wire += took;
    f->resumed = true; /* a mismatch would have several to blame */
    link_progress(s->link, f, (size_t)took);
    if (err != DI_OK) { /* the next one does without */
        link_restarts(s->link, f);
        library_part_discard(f->part);
        link_failed(s->link, f, SCHED_SLOW, 0, 0);
    } else if (!conclude(s, f)) {
        push(s, f);
    }
    return DI_CLOSED;
}

/* An answer with a range in it. f is off the ring. */
static enum di_err take_range(struct session *s, struct flight *f, const struct wire_response *head)
{
    intake_begin(s->in, f, head);
    enum di_err err = take_body(s, head->content_length);
    link_helped(s->link, f, err == DI_OK && s->in->local == DI_OK);
    intake_drop(s->in);
    return err;
}

/* Asks again for what f lacks. */
static enum di_err ask_rest(struct session *s, struct flight *f)
{
    struct buf out;
    buf_init(&out, WIRE_HEAD_MAX);
    push(s, f);
    format_request(s, f, &out);
    enum di_err err = client_send(s->client, &out, clock_mono_us() + SILENCE_US);
    buf_fini(&out);
    return err;
}

/* An answer with the document in it. f is off the ring. */
static enum di_err take_document(struct session *s, struct flight *f,
                                 const struct wire_response *head)
{
    enum di_err err = DI_OK;
    if (head->status == 200 && f->have > 0) {
        /* It does not do ranges: what we have is not needed. */
        err = library_part_reset(f->part);
        f->resumed = false;
        link_restarts(s->link, f);
    }
    if (err != DI_OK) {
        fail_here(s, f, err);
        return skip_body(s, head);
    }
    intake_begin(s->in, f, head);
    err = take_body(s, head->content_length);
    if (err != DI_OK)
        intake_break(s->in);
    if (s->in->local != DI_OK) {
        fail_here(s, f, s->in->local);
    } else if (err != DI_OK && f->unwanted) {
        err = forgo(s, f);
    } else if (f->met) {
        err = take_tail(s, f);
    } else if (err != DI_OK) {
        library_part_keep(f->part);
        link_failed(s->link, f, why_of(s, err), f->have, 0);
    } else if (!conclude(s, f)) {
        err = ask_rest(s, f);
    }
    intake_drop(s->in);
    return err;
}

static enum sched_why why_of_status(int status)
{
    switch (status) {
    case 404:
        return SCHED_NOT_FOUND;
    case 409:
    case 416:
        return SCHED_CHANGED;
    case 302: /* whom it points to is not followed: others are known from their own word */
        return SCHED_ELSEWHERE;
    case 429:
    case 503:
        return SCHED_BUSY;
    default:
        return SCHED_PROTOCOL;
    }
}

/* An answer without it. f is off the ring. */
static enum di_err take_refusal(struct session *s, struct flight *f,
                                const struct wire_response *head, enum sched_why why)
{
    int64_t retry_us = why == SCHED_ELSEWHERE ? TURNS_REST_US
                       : why == SCHED_BUSY    ? BUSY_RETRY_US
                                              : 0;
    if (why == SCHED_BUSY && head->has_retry_after)
        retry_us = (int64_t)head->retry_after_s * CLOCK_US_PER_S;
    enum di_err err = skip_body(s, head);
    library_part_keep(f->part);
    link_failed(s->link, f, why, f->have, retry_us);
    return err;
}

/* *resumable: nothing of an answer was lost; it may be asked for again over a new connection. */
static enum di_err take_answer(struct session *s, bool *resumable)
{
    struct wire_response head;
    *resumable = false;
    s->now = s->ring[s->first];
    enum di_err err = wait_head(s, &head);
    if (err != DI_OK && (s->now->met || s->now->unwanted)) {
        err = s->now->unwanted ? forgo(s, pop(s)) : take_tail(s, pop(s));
        *resumable = s->count > 0;
        return err;
    }
    if (err != DI_OK) {
        *resumable = err == DI_CLOSED && s->proven;
        return err;
    }
    s->proven = true;
    struct flight *f = pop(s);
    bool document = head.status == 200 || head.status == 206;
    if (document && head.has_sha256 && !sha256_equal(&head.sha256, &f->request.edition))
        err = take_refusal(s, f, &head, SCHED_CHANGED);
    else if (document && head.has_sha256 && is_expected(f, &head))
        err = f->helps ? take_range(s, f, &head) : take_document(s, f, &head);
    else
        err = take_refusal(s, f, &head, document ? SCHED_PROTOCOL : why_of_status(head.status));
    /* What is behind in the window is not to blame: it is asked for again. */
    *resumable = err == DI_CLOSED && s->count > 0;
    return err;
}

/* ---- the link -------------------------------------------------------------------------------- */

/* Takes up the kept connection if it lives, else opens one. */
static enum di_err connect(struct session *s, struct client **kept)
{
    s->client = *kept;
    *kept = NULL;
    if (s->client != NULL && client_is_idle_alive(s->client)) {
        client_limit(s->client, s->link->peer->down);
        /* Should it turn out dead all the same, the holder is not to blame. */
        s->proven = true;
        return DI_OK;
    }
    return connect_anew(s);
}

static enum di_err work(struct session *s)
{
    for (;;) {
        bool resumable = true;
        enum di_err err = DI_OK;
        /* While answers lie in the buffer, requests gather: several go out in one segment. */
        if (s->count <= FETCH_LOW || !client_has_bytes(s->client))
            err = fill_window(s);
        if (err == DI_OK && s->count == 0)
            return DI_OK;
        if (err == DI_OK)
            err = take_answer(s, &resumable);
        else
            resumable = err == DI_CLOSED && s->proven;
        /* It may have closed because it is leaving, as the RS has told by now. */
        if (err != DI_OK && resumable &&
            neighbours_may_ask(s->link->peer->neighbours, &s->link->holder)) {
            err = connect_anew(s);
            if (err == DI_OK)
                err = ask_again(s);
        }
        if (err != DI_OK)
            return err;
    }
}

void fetch_run(struct link *l, struct intake *in, struct client **kept)
{
    struct session s = {.link = l, .in = in};
    in->link = l;
    enum di_err err = connect(&s, kept);
    if (err == DI_OK) {
        link_up(l);
        err = work(&s);
    }
    enum sched_why why = why_of(&s, err);
    if (s.count > 0) {
        struct flight *f = pop(&s);
        library_part_keep(f->part);
        link_failed(l, f, why, f->have, 0);
    }
    while (s.count > 0) {
        struct flight *f = pop(&s);
        library_part_keep(f->part);
        link_drops(l, f);
    }
    link_closed(l, why);
    in->link = NULL;
    if (err == DI_OK)
        *kept = s.client;
    else
        client_close(s.client);
}
