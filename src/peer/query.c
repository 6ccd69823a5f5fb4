/*
 * RFCQuery: asks peers for their index, merges what they say, and tells the downloads who offers
 * what. Whatever thread asks, and "ask N" for many at once.
 */
#include "internal.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define ROWS_AT_ONCE 128
#define ASKERS_MAX 64 /* so many silent ones hold up nobody */
/* How long after news of a neighbour more is asked for: a tenth of how long it has been going on. */
#define NEWS_MIN_US (10 * CLOCK_US_PER_MS)
#define NEWS_MAX_US (50 * CLOCK_US_PER_MS)
#define NEWS_SHARE 20 /* or that many times what taking them in has cost */
#define NEWS_REST_US                                                                               \
    (200 * CLOCK_US_PER_MS) /* who would have to rest longer is heard in the next round */

/* One answer being merged. */
struct merge {
    struct peer *peer;
    const struct addr *from;
    bool own; /* all rows are its own: Scope: own */
};

/*
 * "A peer writes its own rows with the address the connection came in on and its listening port;
 * who receives them puts the holder it asked in that place." Rows about ourselves we know better.
 */
static bool take_row(const struct merge *m, struct wire_index_row *row, struct rfc_entry *e)
{
    if (!m->own && !addr_equal(&row->holder, m->from) &&
        neighbours_is_self(m->peer->neighbours, &row->holder))
        return false;
    if (row->rfc == 0 || row->rfc > WIRE_RFC_MAX || row->size_bytes > LIBRARY_DOCUMENT_MAX)
        return false;
    *e = (struct rfc_entry){
        .rfc = row->rfc,
        .ttl_s = row->ttl_s,
        .withdrawn = row->ttl_s == 0,
        .holder = m->own ? *m->from : row->holder,
        .size_bytes = row->size_bytes,
        .sha256 = row->sha256,
        .title = row->title,
    };
    return true;
}

static enum di_err merge_some(const struct merge *m, const struct rfc_entry *entries, size_t count)
{
    struct offer offers[ROWS_AT_ONCE];
    bool believed[ROWS_AT_ONCE];
    size_t offered = 0;
    enum di_err err = catalog_merge_add(m->peer->catalog, entries, count, m->from, believed);
    if (err != DI_OK)
        return err;
    for (size_t i = 0; i < count; i++) {
        const struct rfc_entry *e = &entries[i];
        if (!e->withdrawn && believed[i])
            offers[offered++] = (struct offer){.rfc = e->rfc,
                                               .holder = e->holder,
                                               .size_bytes = e->size_bytes,
                                               .sha256 = e->sha256};
    }
    seeker_on_offers(m->peer->seeker, offers, offered);
    return DI_OK;
}

/* Is all of it as it should be, and no more than one holder may have? */
static bool is_table(const struct merge *m, struct slice body)
{
    struct wire_index_row row;
    struct wire_rows cursor = {0};
    size_t count = 0;
    while (wire_index_rows_next(&cursor, body, &row))
        count++;
    return cursor.fault[0] == '\0' && (!m->own || count <= RFC_HOLDER_ENTRIES_MAX);
}

static enum di_err merge_rows(const struct merge *m, struct slice body)
{
    struct wire_index_row *rows = malloc(ROWS_AT_ONCE * sizeof(*rows));
    struct rfc_entry entries[ROWS_AT_ONCE];
    struct wire_rows cursor = {0};
    size_t count = 0;
    bool looked = false; /* at all of a table that is merged in parts */
    enum di_err err = DI_OK;

    if (rows == NULL)
        return DI_NOMEM;
    while (err == DI_OK && wire_index_rows_next(&cursor, body, &rows[count])) {
        if (take_row(m, &rows[count], &entries[count]))
            count++;
        if (count == ROWS_AT_ONCE) {
            if (!looked && !is_table(m, body))
                err = DI_PROTOCOL;
            looked = true;
            if (err == DI_OK)
                err = merge_some(m, entries, count);
            count = 0;
        }
    }
    if (err == DI_OK && cursor.fault[0] != '\0')
        err = DI_PROTOCOL;
    if (err == DI_OK)
        err = merge_some(m, entries, count);
    free(rows);
    return err;
}

/* Merges a 200. A table that is wrong anywhere is not believed anywhere. */
static enum di_err merge_answer(const struct merge *m, const struct reply *reply)
{
    struct catalog *c = m->peer->catalog;
    bool full = !reply->head.delta;
    struct slice body = {buf_bytes(&reply->body), reply->body.len};
    if (reply->head.index_version.n >= CHANGES_VERSION_SIZE)
        return DI_PROTOCOL;
    catalog_merge_begin(c, m->from, full);
    enum di_err err = merge_rows(m, body);
    if (err == DI_OK)
        catalog_merge_end(c, m->from, full);
    else if (err == DI_PROTOCOL)
        catalog_drop_holder(c, m->from);
    return err;
}

/* "": none, or one that is too long. */
static void copy_version(char out[CHANGES_VERSION_SIZE], struct slice v)
{
    size_t len = v.n < CHANGES_VERSION_SIZE ? v.n : 0;
    if (len > 0)
        memcpy(out, v.p, len);
    out[len] = '\0';
}

/*
 * kept NULL: the downloads' connections, which may use it as soon as the answer is here. *reused: it was asked over
 * one that was there.
 */
static enum di_err ask(struct peer *p, const struct addr *from, enum rfc_scope scope,
                       const struct patience *patience, struct client **kept,
                       char version[CHANGES_VERSION_SIZE], bool *changed, bool *reused)
{
    char host[ADDR_HOST_SIZE];
    struct merge m = {.peer = p, .from = from, .own = scope == RFC_SCOPE_OWN};
    struct wire_request q = {.method = WIRE_GET_INDEX, .scope_own = m.own};
    addr_format_host(from, host);
    q.host = slice_of(host);
    q.accept = p->cfg.compress != PEER_COMPRESS_NEVER ? WIRE_ZSTD : 0;
    if (m.own && version[0] != '\0') {
        q.since = slice_of(version);
        q.wait_s = patience->wait_s;
    }
    struct client *shared = kept == NULL ? downloads_borrow(p->downloads, from) : NULL;
    if (shared != NULL)
        client_limit(shared, NULL); /* an index is never held up, but counts: below */
    *reused = (kept != NULL ? *kept : shared) != NULL;
    struct reply reply;
    enum di_err err =
        client_call(&p->sink, from, &q, patience, kept != NULL ? kept : &shared, &reply);
    if (err != DI_OK)
        return err;
    char now[CHANGES_VERSION_SIZE];
    copy_version(now, reply.head.index_version);
    if (kept == NULL) /* what is offered in a moment is asked for over it */
        downloads_keep(p->downloads, reply_release(&reply));
    net_limit_spend(p->down, reply.head.content_length);
    *changed = reply.head.status == 200;
    switch (reply.head.status) {
    case 200:
        err = reply.head.delta && q.since.p == NULL ? DI_PROTOCOL : merge_answer(&m, &reply);
        break;
    case 304:
        if (q.since.p == NULL)
            err = DI_PROTOCOL;
        else
            catalog_renew(p->catalog, from);
        break;
    case 302:
        err = DI_BUSY;
        break;
    default:
        err = reply_fault(&reply);
    }
    /* Only the version of its own rows goes on: a table of all that it knows has another one. */
    if ((*changed && err != DI_OK) || !m.own)
        version[0] = '\0';
    else if (err == DI_OK && now[0] != '\0')
        memcpy(version, now, sizeof(now));
    reply_keep(&reply, kept);
    return err;
}

static enum di_err query_once(struct peer *p, const struct addr *from, enum rfc_scope scope,
                              const struct patience *patience, struct client **kept, bool *changed,
                              bool *reused)
{
    char version[CHANGES_VERSION_SIZE];
    struct patience now = *patience;
    bool silent = false;
    *changed = *reused = false;
    enum di_err err = neighbours_claim(p->neighbours, from, version, &silent);
    if (err != DI_OK)
        return err;
    /* Others wait for the end of the round: once is enough for one that does not answer. */
    if (silent && now.first_us == 0)
        now.first_us = clock_mono_us() + now.wait_s * CLOCK_US_PER_S + PEER_PROMPT_US;
    err = ask(p, from, scope, &now, kept, version, changed, reused);
    neighbours_unclaim(p->neighbours, from, err, version);
    return err;
}

static enum di_err query_over(struct peer *p, const struct addr *from, enum rfc_scope scope,
                              const struct patience *patience, struct client **kept, bool *changed)
{
    bool reused = false;
    enum di_err err = query_once(p, from, scope, patience, kept, changed, &reused);
    if (err != DI_CLOSED || !reused)
        return err;
    /* The connection may have had its time: once more over a new one, but not to who left meanwhile. */
    enum di_err again = query_once(p, from, scope, patience, kept, changed, &reused);
    return again == DI_ACCESS ? err : again;
}

enum di_err query_one(struct peer *p, const struct addr *from, enum rfc_scope scope,
                      const struct patience *patience, bool *changed)
{
    /* What is asked next is documents: over the same connection that is a round trip less. */
    return query_over(p, from, scope, patience, NULL, changed);
}

/* ---- everyone -------------------------------------------------------------------------------- */

/* Threads that ask, and whom. */
struct round {
    struct peer *peer;
    enum rfc_scope scope;
    struct patience patience;
    int64_t start_us; /* patience is for each, as of then; 0: for all together */
    struct addr *who;
    size_t count;
    struct thread threads[ASKERS_MAX];
    _Atomic(size_t) next, failed;
    _Atomic(int) first_error;
};

/* Starts threads for all from the first-th on, as far as there are some. */
static void round_start(struct round *r, void (*ask_on)(void *arg), void *arg, size_t first)
{
    for (size_t i = first; i < r->count && i < ASKERS_MAX; i++) {
        char name[16];
        snprintf(name, sizeof(name), "ask %u", (unsigned)i % 1000);
        if (thread_start(&r->threads[i], name, ask_on, arg) != DI_OK)
            break;
    }
}

static void round_fini(struct round *r)
{
    for (size_t i = 0; i < ASKERS_MAX; i++)
        thread_join(&r->threads[i]);
    free(r->who);
}

/* As if the round began now. */
static struct patience patience_of(const struct round *r)
{
    struct patience p = r->patience;
    int64_t late_us = r->start_us != 0 ? clock_mono_us() - r->start_us : 0;
    p.deadline_us += late_us;
    p.first_us += p.first_us != 0 ? late_us : 0;
    return p;
}

static void ask_next(void *arg)
{
    struct round *r = arg;
    for (;;) {
        bool changed = false;
        size_t at = atomic_fetch_add(&r->next, 1);
        struct patience now = patience_of(r);
        if (at >= r->count || clock_mono_us() >= now.deadline_us || peer_is_cancelled(r->peer))
            return;
        enum di_err err = query_one(r->peer, &r->who[at], r->scope, &now, &changed);
        /* If somebody else is at it, what comes of it is for all. */
        if (err != DI_OK && err != DI_IN_USE) {
            int none = DI_OK;
            atomic_compare_exchange_strong(&r->first_error, &none, (int)err);
            atomic_fetch_add(&r->failed, 1);
        }
    }
}

/* Asks all of it; this thread is one of those who do. */
static enum di_err round_run(struct round *r)
{
    round_start(r, ask_next, r, 1);
    ask_next(r);
    round_fini(r);
    if (peer_is_cancelled(r->peer))
        return DI_CANCELLED;
    return r->count > 0 && r->failed == r->count ? (enum di_err)r->first_error : DI_OK;
}

enum di_err query_all(struct peer *p, enum rfc_scope scope, size_t others,
                      const struct patience *patience)
{
    struct round r = {
        .peer = p, .scope = scope, .patience = *patience, .start_us = clock_mono_us()};
    enum di_err err = neighbours_list(p->neighbours, others, &r.who, &r.count);
    return err == DI_OK ? round_run(&r) : err;
}

enum di_err query_unheard(struct peer *p, enum rfc_scope scope, const struct patience *patience)
{
    struct round r = {.peer = p, .scope = scope, .patience = *patience};
    if (r.patience.first_us == 0)
        r.patience.first_us = patience->deadline_us;
    enum di_err err = neighbours_list_unheard(p->neighbours, &r.who, &r.count);
    return err == DI_OK ? round_run(&r) : err;
}

/* ---- listening ------------------------------------------------------------------------------- */

struct listening {
    struct round round;
    int64_t since_us, until_us;
};

static int64_t news_due(const struct listening *l, int64_t now_us)
{
    int64_t pause_us = (now_us - l->since_us) / 10;
    if (pause_us < NEWS_MIN_US)
        pause_us = NEWS_MIN_US;
    return now_us + (pause_us < NEWS_MAX_US ? pause_us : NEWS_MAX_US);
}

/* Of this thread. */
static int64_t processor_us(void)
{
    struct timespec t = {0};
    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return t.tv_sec * CLOCK_US_PER_S + t.tv_nsec / 1000;
}

/* One thread, one neighbour: again and again as long as there is news. */
static void listen_to(void *arg)
{
    struct listening *l = arg;
    struct round *r = &l->round;
    size_t at = atomic_fetch_add(&r->next, 1);
    struct client *kept = NULL;
    enum di_err err = DI_OK;
    bool changed = true;
    while (err == DI_OK && changed && clock_mono_us() < l->until_us) {
        int64_t again_us = news_due(l, clock_mono_us()), before_us = processor_us();
        err = query_over(r->peer, &r->who[at], RFC_SCOPE_OWN, &r->patience, &kept, &changed);
        if (err == DI_IN_USE) { /* what comes of that is for all; then it is listened to again */
            err = DI_OK;
            changed = true;
        }
        int64_t rest_us = NEWS_SHARE * (processor_us() - before_us);
        if (rest_us > NEWS_REST_US)
            break;
        if (clock_mono_us() + rest_us > again_us)
            again_us = clock_mono_us() + rest_us;
        if (err == DI_OK && changed)
            err = gets_sleep(r->peer->gets, again_us);
    }
    client_close(kept);
}

struct listening *query_listen_begin(struct peer *p, const struct patience *patience)
{
    struct listening *l = calloc(1, sizeof(*l));
    if (l == NULL)
        return NULL;
    l->since_us = clock_mono_us();
    l->until_us = l->since_us + patience->wait_s * CLOCK_US_PER_S;
    l->round = (struct round){.peer = p, .patience = *patience};
    if (neighbours_list(p->neighbours, 0, &l->round.who, &l->round.count) != DI_OK) {
        free(l);
        return NULL;
    }
    round_start(&l->round, listen_to, l, 0);
    return l;
}

void query_listen_end(struct listening *l)
{
    if (l == NULL)
        return;
    round_fini(&l->round);
    free(l);
}

/* ---- peer.h ---------------------------------------------------------------------------------- */

static void report(struct peer *p, const struct addr *from, enum di_err err)
{
    char name[ADDR_TEXT_SIZE] = "every known peer";
    char why[160];
    const char *text = di_err_text(err);
    const char *hint = "ask for the peer list again (pquery): the peer may have left";
    if (from != NULL)
        addr_format(from, name);
    if (err == DI_ACCESS && from != NULL && from->port < PEER_PORT_MIN) {
        text = "no peer has a port below 1024";
        hint = "name one of `p2pdi peers`";
    } else if (err == DI_ACCESS) {
        text = "it sent what it had not announced";
        hint = "ask another one: this one is not believed any more";
    } else if (err == DI_BUSY) {
        hint = "ask again in a while";
    } else if (err == DI_PROTOCOL) {
        hint = "what answers there is not a peer: name one of `p2pdi peers`";
    }
    snprintf(why, sizeof(why), "%s: %s", name, text);
    peer_emit_error(p, "no index could be had", why, hint);
}

/* Most answer at once; the others have what time is left. */
static enum di_err ask_everyone(struct peer *p, const struct patience *patience)
{
    struct patience little = *patience;
    little.first_us = clock_mono_us() + PEER_PROMPT_US;
    enum di_err err = query_all(p, RFC_SCOPE_ALL, SIZE_MAX, &little);
    if (err == DI_CANCELLED || !neighbours_any_unheard(p->neighbours))
        return err;
    enum di_err late = query_unheard(p, RFC_SCOPE_ALL, patience);
    return err == DI_OK && late != DI_CANCELLED ? DI_OK : late;
}

enum di_err peer_rfcquery(struct peer *p, const struct addr *from, int64_t timeout_us)
{
    struct patience patience = {.deadline_us = clock_mono_us() + timeout_us, .waker = p->waker};
    bool changed = false;
    enum di_err err = DI_OK;
    if (from != NULL) {
        neighbours_add_named(p->neighbours, from);
        do {
            err = query_one(p, from, RFC_SCOPE_ALL, &patience, &changed);
        } while (err == DI_IN_USE && clock_mono_us() < patience.deadline_us &&
                 gets_sleep(p->gets, clock_mono_us() + NEWS_MIN_US) == DI_OK);
    } else {
        err = ask_everyone(p, &patience);
    }
    downloads_close_unused(p->downloads);
    if (err == DI_OK) {
        struct catalog_counts n;
        catalog_count(p->catalog, &n);
        peer_emit(p, (struct peer_event){
                         .kind = PEER_EV_INDEX, .documents = n.documents, .entries = n.entries});
    } else if (err != DI_CANCELLED) {
        report(p, from, err);
    }
    return err;
}
