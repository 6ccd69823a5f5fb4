/*
 * A peer's life: what is made and started in which order, and stopped in reverse. The caller's
 * thread.
 */
#include "internal.h"

#include "p2pdi/base/random.h"
#include "p2pdi/service/service.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STOP_US (1500 * CLOCK_US_PER_MS) /* from the cancel to the end; a busy machine adds to it */
#define STOP_GRACE_US CLOCK_US_PER_S /* for answers that are under way; or what is left of that */
#define STOP_GRACE_MIN_US (100 * CLOCK_US_PER_MS)
#define DOWNLOADS_DEFAULT 8
#define WORKERS_DEFAULT 4
#define LINK_RATE_MIN 4000 /* bytes/s: on who takes less others may close */
#define POLL_S 5           /* wait for peers: how long the RS holds an answer back */

/* ---- the library's news ---------------------------------------------------------------------- */

static void on_added(void *arg, const struct library_doc *doc)
{
    struct peer *p = arg;
    catalog_own_put(p->catalog, doc);
}

static void on_removed(void *arg, uint32_t rfc)
{
    struct peer *p = arg;
    catalog_own_drop(p->catalog, rfc);
}

static void on_scanned(void *arg, size_t documents)
{
    struct peer *p = arg;
    (void)documents;
    p->scanned = true;
    gets_wake(p->gets);
    serve_on_change(p);
}

static const struct library_events library_events = {
    .added = on_added,
    .removed = on_removed,
    .scanned = on_scanned,
};

/* ---- start and stop -------------------------------------------------------------------------- */

static enum di_err make_parts(struct peer *p)
{
    enum di_err err = net_waker_new(&p->waker);
    if (err == DI_OK)
        err = net_limit_new(p->cfg.down_rate, &p->down);
    if (err == DI_OK)
        err = catalog_new(p, &p->catalog);
    if (err == DI_OK)
        err = frames_new(PEER_FRAMES_BYTES, &p->frames);
    if (err == DI_OK)
        err = dictionaries_new(p, &p->dictionaries);
    if (err == DI_OK)
        err = turns_new(&p->turns);
    if (err == DI_OK)
        err = listings_new(p, &p->listings);
    if (err == DI_OK)
        err = waiters_new(PEER_CONNECTIONS, &p->waiters);
    if (err == DI_OK)
        err = neighbours_new(p, &p->neighbours);
    if (err == DI_OK)
        err = rs_client_new(p, &p->rs);
    if (err == DI_OK)
        err = registrar_new(p, &p->registrar);
    if (err == DI_OK)
        err = downloads_new(p, &p->downloads);
    if (err == DI_OK)
        err = seeker_new(p, &p->seeker);
    if (err == DI_OK)
        err = gets_new(p, &p->gets);
    return err;
}

static enum di_err listen_there(struct peer *p, char why[256])
{
    struct net_server_config cfg = {
        .listen = p->cfg.listen,
        .workers = p->cfg.workers,
        .connections_max = PEER_CONNECTIONS,
        .message_max = WIRE_HEAD_MAX,
        .idle_us = PEER_IDLE_US,
        .send_rate_max = p->cfg.up_rate,
        .name = "peer",
        .addr = &p->addr, /* workers read it from their first request on */
    };
    enum di_err err = net_server_start(&cfg, &peer_service, p, &p->stats, &p->server, why);
    if (err == DI_OK)
        p->listening = true;
    return err;
}

static enum di_err open_library(struct peer *p, char why[256])
{
    struct library_config cfg = {
        .dir = p->cfg.library,
        .state = p->cfg.state->path,
        .write = true,
    };
    struct library *lib = NULL;
    enum di_err err = library_open(&cfg, &library_events, p, &lib, why);
    if (err == DI_OK)
        p->library = lib;
    return err;
}

enum di_err peer_start(const struct peer_config *cfg, struct peer **out, char why[256])
{
    struct peer *p = calloc(1, sizeof(*p));
    snprintf(why, 256, "%s", di_err_text(DI_NOMEM));
    if (p == NULL)
        return DI_NOMEM;
    p->cfg = *cfg;
    p->library_dir = strdup(cfg->library);
    p->cfg.library = p->library_dir;
    p->cfg.workers = cfg->workers != 0 ? cfg->workers : WORKERS_DEFAULT;
    p->cfg.downloads = cfg->downloads != 0 ? cfg->downloads : DOWNLOADS_DEFAULT;
    if (cfg->down_rate != 0 && p->cfg.downloads > 1 + cfg->down_rate / LINK_RATE_MIN)
        p->cfg.downloads = (unsigned)(1 + cfg->down_rate / LINK_RATE_MIN);
    while (p->cfg.seed == 0)
        random_secret(&p->cfg.seed, sizeof(p->cfg.seed));
    lock_init(&p->sink.lock);
    lock_init(&p->turns_lock);
    p->sink.on_event = cfg->on_event;
    p->sink.trace = cfg->trace;
    p->sink.arg = cfg->arg;

    enum di_err err = p->library_dir == NULL ? DI_NOMEM : make_parts(p);
    /* The port first: if it is taken, nothing was made on the disk. */
    if (err == DI_OK)
        err = listen_there(p, why);
    if (err == DI_OK)
        err = open_library(p, why);
    if (err == DI_OK) {
        peer_emit(p, (struct peer_event){.kind = PEER_EV_LISTENING, .addr = p->addr});
        err = registrar_start(p->registrar);
        if (err == DI_OK)
            err = seeker_start(p->seeker);
        if (err != DI_OK)
            snprintf(why, 256, "no thread could be started");
    }
    if (err != DI_OK) {
        peer_stop(p);
        return err;
    }
    *out = p;
    return DI_OK;
}

void peer_cancel(struct peer *p)
{
    int64_t never = 0;
    (void)atomic_compare_exchange_strong(&p->stopped_by_us, &never, clock_mono_us() + STOP_US);
    p->cancelled = true;
    net_waker_wake(p->waker);
    rs_client_wake(p->rs);
    registrar_wake(p->registrar);
    catalog_wake(p->catalog);
    gets_wake(p->gets);
    seeker_wake(p->seeker);
    downloads_wake(p->downloads);
}

/* Who asks and downloads goes first, then the port, then the library, which may still publish. */
static void stop_threads(struct peer *p)
{
    peer_cancel(p);
    seeker_stop(p->seeker);
    downloads_stop(p->downloads);
    registrar_stop(p->registrar);
}

static int64_t grace_us(const struct peer *p)
{
    int64_t left_us = peer_stopped_by_us(p) - clock_mono_us();
    if (left_us > STOP_GRACE_US)
        return STOP_GRACE_US;
    return left_us < STOP_GRACE_MIN_US ? STOP_GRACE_MIN_US : left_us;
}

void peer_stop(struct peer *p)
{
    if (p == NULL)
        return;
    if (p->gets != NULL)
        stop_threads(p);
    p->listening = false;
    if (p->server != NULL)
        net_server_stop(p->server, grace_us(p));
    if (p->library != NULL)
        library_close(p->library);
    net_server_free(p->server);
    gets_free(p->gets);
    seeker_free(p->seeker);
    downloads_free(p->downloads);
    registrar_free(p->registrar);
    rs_client_free(p->rs);
    neighbours_free(p->neighbours);
    waiters_free(p->waiters);
    listings_free(p->listings);
    turns_free(p->turns);
    dictionaries_free(p->dictionaries);
    frames_free(p->frames);
    catalog_free(p->catalog);
    net_limit_free(p->down);
    net_waker_free(p->waker);
    lock_fini(&p->turns_lock);
    lock_fini(&p->sink.lock);
    free(p->library_dir);
    free(p);
}

/* ---- looking --------------------------------------------------------------------------------- */

const struct addr *peer_addr(const struct peer *p)
{
    return &p->addr;
}

const struct stats_counters *peer_stats(const struct peer *p)
{
    return &p->stats;
}

void peer_status(struct peer *p, struct peer_status *out)
{
    struct catalog_counts n;
    *out = (struct peer_status){0};
    rs_client_status(p->rs, out);
    registrar_status(p->registrar, out);
    catalog_count(p->catalog, &n);
    out->peers = neighbours_active(p->neighbours);
    out->documents = n.documents;
    out->held = n.owned;
    out->pending = downloads_pending(p->downloads);
    out->scanned = p->scanned;
    out->syncing = seeker_is_syncing(p->seeker);
}

/* A copy of index rows, titles behind them. */
struct rows {
    struct rfc_entry *entries;
    size_t count, cap;
    struct buf titles;
};

static bool copy_row(void *arg, const struct rfc_entry *e)
{
    struct rows *r = arg;
    if (r->count == r->cap) {
        size_t cap = r->cap == 0 ? 256 : 2 * r->cap;
        struct rfc_entry *more = realloc(r->entries, cap * sizeof(*more));
        if (more == NULL)
            return false;
        r->entries = more;
        r->cap = cap;
    }
    r->entries[r->count++] = *e;
    buf_append(&r->titles, e->title, strlen(e->title) + 1);
    return buf_status(&r->titles) == DI_OK;
}

void peer_walk_index(struct peer *p, bool (*visit)(void *arg, const struct rfc_entry *e), void *arg)
{
    struct rows rows = {0};
    char version[CHANGES_VERSION_SIZE];
    buf_init(&rows.titles, PEER_PAGE_MAX);
    catalog_walk(p->catalog, RFC_SCOPE_ALL, version, copy_row, &rows);
    if (buf_status(&rows.titles) == DI_OK) {
        const char *title = buf_bytes(&rows.titles);
        for (size_t i = 0; i < rows.count; i++) {
            rows.entries[i].title = title;
            title += strlen(title) + 1;
            if (!visit(arg, &rows.entries[i]))
                break;
        }
    }
    buf_fini(&rows.titles);
    free(rows.entries);
}

/* ---- waiting --------------------------------------------------------------------------------- */

static int64_t deadline_of(int64_t timeout_us)
{
    int64_t now_us = clock_mono_us();
    return timeout_us < 0 || timeout_us > INT64_MAX - now_us ? INT64_MAX : now_us + timeout_us;
}

enum di_err peer_wait_peers(struct peer *p, size_t n, int64_t timeout_us)
{
    int64_t deadline_us = deadline_of(timeout_us);
    bool complained = false;
    bool asked = false;
    for (;;) {
        int64_t now_us = clock_mono_us();
        if (neighbours_active(p->neighbours) >= n)
            return DI_OK;
        if (peer_is_cancelled(p))
            return DI_CANCELLED;
        if (now_us >= deadline_us)
            return DI_TIMEOUT;
        int64_t left_us = deadline_us - now_us;
        unsigned wait_s =
            left_us < POLL_S * CLOCK_US_PER_S ? (unsigned)(left_us / CLOCK_US_PER_S) : POLL_S;
        int64_t call_us = now_us + POLL_S * CLOCK_US_PER_S + PEER_CALL_US;
        struct patience patience = {.deadline_us = call_us < deadline_us ? call_us : deadline_us,
                                    .waker = p->waker,
                                    .wait_s = wait_s};
        bool changed = false;
        enum di_err err = neighbours_ask(p->neighbours, &patience, false, &changed);
        if (err == DI_CANCELLED)
            return err;
        if (err != DI_OK && !complained && clock_mono_us() < deadline_us) {
            complained = true;
            (void)rs_report(p->rs, "waiting for peers", err);
        }
        /* The first answer tells the version that later ones wait for a change of: until then none is held back. */
        if (err == DI_OK && !asked) {
            asked = true;
            continue;
        }
        /* One that does not hold answers back is asked once a second. */
        int64_t again_us = now_us + CLOCK_US_PER_S;
        if (!changed &&
            gets_sleep(p->gets, again_us < deadline_us ? again_us : deadline_us) != DI_OK)
            return DI_CANCELLED;
    }
}

enum di_err peer_wait_rfcs(struct peer *p, size_t n, int64_t timeout_us)
{
    return catalog_wait_owned(p->catalog, n, deadline_of(timeout_us));
}
