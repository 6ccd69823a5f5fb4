/*
 * What a peer's screen shows. Events write transfers under the view's lock, from any thread; peers and
 * index are looked up by the screen's thread when it takes a snapshot. The view's lock is a leaf: no
 * function of the peer is called under it.
 */
#include "internal.h"

#include "p2pdi/base/hash.h"
#include "p2pdi/stats/snapshot.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#define SHARE 10 /* looking at the whole index may take this part of the time */

/* Where a document's row is. */
struct place {
    UT_hash_handle hh;
    uint32_t rfc;
    uint32_t row;
    uint64_t seen; /* pass in which it was there */
};

/* A holder, as the screen names it. */
struct holder_row {
    UT_hash_handle hh;
    struct addr addr;
    uint32_t peer; /* 0: unknown */
    uint32_t documents;
    uint64_t bytes, bytes_before; /* that came from it */
};

struct peer_view {
    void (*news)(void *arg);
    void *news_arg;
    _Atomic(bool) told; /* since the last snapshot */

    struct lock lock;
    struct snap_board board; /* transfers, log, peer: guarded by lock */
    struct place *transfers; /* guarded by lock */
    uint64_t done_bytes;     /* guarded by lock: documents that came whole */
    bool index_changed;      /* guarded by lock */

    /* Of the screen's thread, as the board's peers and rfcs. */
    struct place *rfcs;
    struct holder_row *holders;
    char index_version[CHANGES_VERSION_SIZE];
    int64_t indexed_at_us, index_cost_us;
    uint64_t pass;
    bool was_pending;
    int64_t second_us;
    uint64_t down_before, up_before;
};

static void tell(struct peer_view *v)
{
    if (!atomic_load_explicit(&v->told, memory_order_relaxed) && !atomic_exchange(&v->told, true))
        v->news(v->news_arg);
}

static struct place *find_place(struct place *table, uint32_t rfc)
{
    struct place *p = NULL;
    HASH_FIND(hh, table, &rfc, sizeof(rfc), p);
    return p;
}

static struct place *add_place(struct place **table, uint32_t rfc, size_t row)
{
    struct place *p = calloc(1, sizeof(*p));
    if (p == NULL)
        return NULL;
    p->rfc = rfc;
    p->row = (uint32_t)row;
    HASH_ADD(hh, *table, rfc, sizeof(p->rfc), p);
    if (!hash_was_added(p)) {
        free(p);
        return NULL;
    }
    return p;
}

static void free_places(struct place **table)
{
    struct place *p = *table;
    HASH_CLEAR(hh, *table);
    while (p != NULL) {
        struct place *next = p->hh.next;
        free(p);
        p = next;
    }
}

/* ---- transfers: by events ------------------------------------------------------------------------ */

/* The row of that document's latest download, for writing; NULL: no memory. */
static struct snap_transfer *transfer_locked(struct peer_view *v, uint32_t rfc, bool fresh)
{
    struct rows *rows = &v->board.content.transfers;
    lock_assert_held(&v->lock);
    struct place *p = find_place(v->transfers, rfc);
    if (p != NULL) {
        const struct snap_transfer *old = rows_at(rows, p->row);
        if (!fresh || old->state == SNAP_TRANSFER_ACTIVE || old->state == SNAP_TRANSFER_QUEUED)
            return rows_edit(rows, p->row);
    }
    struct snap_transfer *t = rows_append(rows);
    if (t == NULL)
        return NULL;
    t->rfc = rfc;
    if (p != NULL)
        p->row = (uint32_t)(rows->count - 1);
    else if (add_place(&v->transfers, rfc, rows->count - 1) == NULL)
        (void)rows_remove(rows, rows->count - 1);
    return p != NULL || find_place(v->transfers, rfc) != NULL ? t : NULL;
}

static void on_start_locked(struct peer_view *v, const struct peer_event *ev)
{
    struct snap_peer_status *s = &v->board.content.peer;
    if (s->run_start_us == 0 || s->run_end_us != 0) {
        s->run_start_us = ev->at_us;
        s->run_end_us = 0;
        s->sum_us = 0;
        s->bytes = s->wire_bytes = 0;
    }
    struct snap_transfer *t = transfer_locked(v, ev->rfc, true);
    if (t == NULL)
        return;
    t->addr = ev->addr;
    t->state = SNAP_TRANSFER_ACTIVE;
    t->size_bytes = ev->bytes;
    t->start_us = ev->at_us;
}

static void on_done_locked(struct peer_view *v, const struct peer_event *ev)
{
    struct snap_peer_status *s = &v->board.content.peer;
    struct snap_transfer *t = transfer_locked(v, ev->rfc, false);
    v->done_bytes += ev->bytes;
    s->sum_us += ev->us;
    s->bytes += ev->bytes;
    s->wire_bytes += ev->wire_bytes;
    if (t == NULL)
        return;
    t->addr = ev->addr;
    t->state = SNAP_TRANSFER_DONE;
    t->size_bytes = t->have_bytes = ev->bytes;
    t->wire_bytes = ev->wire_bytes;
    t->end_us = ev->at_us;
    t->start_us = ev->at_us - ev->us;
}

static void on_failed_locked(struct peer_view *v, const struct peer_event *ev)
{
    struct snap_transfer *t = transfer_locked(v, ev->rfc, false);
    if (t == NULL)
        return;
    const char *why =
        ev->count > 0 ? sched_why_text(ev->tried[ev->count - 1].why) : "nobody has it";
    t->state = SNAP_TRANSFER_FAILED;
    t->end_us = ev->at_us;
    if (t->start_us == 0)
        t->start_us = ev->at_us;
    shared_text_unref(t->why);
    t->why = shared_text_new(slice_of(why));
}

void peer_view_on_event(struct peer_view *v, const struct peer_event *ev)
{
    lock_acquire(&v->lock);
    if (ev->kind == PEER_EV_START)
        on_start_locked(v, ev);
    else if (ev->kind == PEER_EV_DONE)
        on_done_locked(v, ev);
    else if (ev->kind == PEER_EV_FAILED)
        on_failed_locked(v, ev);
    else if (ev->kind == PEER_EV_INDEX || ev->kind == PEER_EV_PEERS)
        v->index_changed = true;
    lock_release(&v->lock);
    tell(v);
}

void peer_view_log(struct peer_view *v, int level, struct slice line)
{
    lock_acquire(&v->lock);
    snap_board_log(&v->board, (enum snap_level)level, clock_wall_s(), line);
    lock_release(&v->lock);
    tell(v);
}

/* ---- holders and peers --------------------------------------------------------------------------- */

static struct holder_row *holder_of(struct peer_view *v, const struct addr *a)
{
    struct holder_row *h = NULL;
    HASH_FIND(hh, v->holders, a, sizeof(*a), h);
    if (h != NULL)
        return h;
    h = calloc(1, sizeof(*h));
    if (h == NULL)
        return NULL;
    h->addr = *a;
    HASH_ADD(hh, v->holders, addr, sizeof(h->addr), h);
    if (!hash_was_added(h)) {
        free(h);
        return NULL;
    }
    return h;
}

struct peer_walk_state {
    struct peer_view *v;
    int64_t now_us;
    size_t count;
};

static bool see_peer(void *arg, const struct wire_peer_row *row)
{
    struct peer_walk_state *w = arg;
    struct rows *rows = &w->v->board.content.peers;
    struct holder_row *h = holder_of(w->v, &row->addr);
    if (!row->active)
        return true;
    if (h != NULL)
        h->peer = row->peer;

    int64_t expires_us = w->now_us + (int64_t)row->ttl_s * CLOCK_US_PER_S;
    struct snap_peer want = {.peer = row->peer,
                             .documents = h != NULL ? h->documents : 0,
                             .addr = row->addr,
                             .reachable = (enum snap_reachable)row->reachable,
                             .expires_us = expires_us,
                             .down_bps = h != NULL ? h->bytes - h->bytes_before : 0};
    if (w->count < rows->count) {
        const struct snap_peer *is = rows_at(rows, w->count);
        /* The TTL comes in whole seconds: while it runs down as it should, its end stays. */
        if (is->peer == want.peer && llabs(is->expires_us - expires_us) < 3 * CLOCK_US_PER_S / 2)
            want.expires_us = is->expires_us;
        bool same = is->peer == want.peer && is->documents == want.documents &&
                    addr_equal(&is->addr, &want.addr) && is->reachable == want.reachable &&
                    is->expires_us == want.expires_us && is->down_bps == want.down_bps;
        struct snap_peer *to = same ? NULL : rows_edit(rows, w->count);
        if (to != NULL)
            *to = want;
    } else {
        struct snap_peer *to = rows_append(rows);
        if (to == NULL)
            return false;
        *to = want;
    }
    w->count++;
    return true;
}

static void look_at_peers(struct peer_view *v, struct peer *p, int64_t now_us)
{
    struct peer_walk_state w = {.v = v, .now_us = now_us};
    peer_walk_peers(p, see_peer, &w);
    while (v->board.content.peers.count > w.count &&
           rows_remove(&v->board.content.peers, v->board.content.peers.count - 1))
        continue;
}

/* ---- index --------------------------------------------------------------------------------------- */

/* The document whose rows are coming by: they are together, its own row first. */
struct index_walk_state {
    struct peer_view *v;
    struct snap_rfc doc;
    char title[RFC_TITLE_SIZE];
};

static bool same_rfc(const struct snap_rfc *a, const struct snap_rfc *b)
{
    return a->state == b->state && a->size_bytes == b->size_bytes && a->holders == b->holders &&
           memcmp(a->holder, b->holder, sizeof(a->holder)) == 0;
}

static void put_rfc(struct index_walk_state *w)
{
    struct peer_view *v = w->v;
    struct rows *rows = &v->board.content.rfcs;
    struct snap_rfc *d = &w->doc;
    if (d->rfc == 0)
        return;

    struct place *p = find_place(v->rfcs, d->rfc);
    struct snap_rfc *row = NULL;
    if (p == NULL) {
        row = rows_append(rows);
        if (row == NULL)
            return;
        row->rfc = d->rfc;
        p = add_place(&v->rfcs, d->rfc, rows->count - 1);
        if (p == NULL) {
            (void)rows_remove(rows, rows->count - 1);
            return;
        }
    } else {
        const struct snap_rfc *is = rows_at(rows, p->row);
        if (d->state == SNAP_RFC_KNOWN && is->state == SNAP_RFC_WANTED)
            d->state = SNAP_RFC_WANTED; /* until look_at_wanted says otherwise */
        p->seen = v->pass;
        if (same_rfc(is, d) && strcmp(shared_text_str(is->title), w->title) == 0)
            return;
        row = rows_edit(rows, p->row);
        if (row == NULL)
            return;
    }
    p->seen = v->pass;
    row->state = d->state;
    row->size_bytes = d->size_bytes;
    row->holders = d->holders;
    memcpy(row->holder, d->holder, sizeof(row->holder));
    if (row->title == NULL || strcmp(shared_text_str(row->title), w->title) != 0) {
        shared_text_unref(row->title);
        row->title = shared_text_new(slice_of(w->title));
    }
}

static bool see_entry(void *arg, const struct rfc_entry *e)
{
    struct index_walk_state *w = arg;
    if (e->rfc != w->doc.rfc) {
        put_rfc(w);
        w->doc = (struct snap_rfc){.rfc = e->rfc};
        w->title[0] = '\0';
    }
    if (w->title[0] == '\0' && e->title != NULL)
        (void)text_clean(w->title, sizeof(w->title), slice_of(e->title));
    if (w->doc.size_bytes == 0)
        w->doc.size_bytes = e->size_bytes;
    if (e->own) {
        w->doc.state = SNAP_RFC_HELD;
        return true;
    }
    struct holder_row *h = holder_of(w->v, &e->holder);
    if (h != NULL)
        h->documents++;
    if (h != NULL && h->peer != 0) {
        /* Ascending; the last ones fall off. */
        uint32_t peer = h->peer;
        for (size_t i = 0; i < SNAP_HOLDERS_MAX && peer != 0; i++)
            if (w->doc.holder[i] == 0 || w->doc.holder[i] > peer) {
                uint32_t swap = w->doc.holder[i];
                w->doc.holder[i] = peer;
                peer = swap;
            }
    }
    w->doc.holders++;
    return true;
}

static void drop_unseen(struct peer_view *v)
{
    struct rows *rows = &v->board.content.rfcs;
    struct place *p = NULL, *next = NULL;
    HASH_ITER (hh, v->rfcs, p, next) {
        if (p->seen == v->pass)
            continue;
        const struct snap_rfc *last = rows_at(rows, rows->count - 1);
        struct place *moved = find_place(v->rfcs, last->rfc);
        if (!rows_remove(rows, p->row))
            continue;
        if (moved != NULL)
            moved->row = p->row;
        HASH_DEL(v->rfcs, p);
        free(p);
    }
}

static void look_at_index(struct peer_view *v, struct peer *p, int64_t now_us)
{
    char version[CHANGES_VERSION_SIZE];
    catalog_version(p->catalog, RFC_SCOPE_ALL, version);
    lock_acquire(&v->lock);
    bool changed = v->index_changed || strcmp(version, v->index_version) != 0;
    bool due = now_us - v->indexed_at_us >= SHARE * v->index_cost_us;
    if (changed && due)
        v->index_changed = false;
    lock_release(&v->lock);
    if (!changed || !due)
        return;

    int64_t begin_us = clock_mono_us();
    struct index_walk_state w = {.v = v};
    for (struct holder_row *h = v->holders; h != NULL; h = h->hh.next)
        h->documents = 0;
    v->pass++;
    catalog_walk(p->catalog, RFC_SCOPE_ALL, v->index_version, see_entry, &w);
    put_rfc(&w);
    drop_unseen(v);
    v->indexed_at_us = now_us;
    v->index_cost_us = clock_mono_us() - begin_us;
}

/* What is wanted and not under way: its state in the index. */
static void look_at_wanted(struct peer_view *v, struct peer *p, size_t pending)
{
    struct rows *rows = &v->board.content.rfcs;
    if (pending == 0 && !v->was_pending)
        return;
    v->was_pending = pending > 0;
    uint32_t *rfcs = malloc((rows->count + 1) * sizeof(*rfcs));
    bool *wanted = malloc((rows->count + 1) * sizeof(*wanted));
    if (rfcs != NULL && wanted != NULL) {
        for (size_t i = 0; i < rows->count; i++)
            rfcs[i] = ((const struct snap_rfc *)rows_at(rows, i))->rfc;
        downloads_wanted(p->downloads, rfcs, rows->count, wanted);
        for (size_t i = 0; i < rows->count; i++) {
            const struct snap_rfc *is = rows_at(rows, i);
            enum snap_rfc_state state = is->state == SNAP_RFC_HELD ? SNAP_RFC_HELD
                                        : wanted[i]                ? SNAP_RFC_WANTED
                                                                   : SNAP_RFC_KNOWN;
            struct snap_rfc *row = is->state == state ? NULL : rows_edit(rows, i);
            if (row != NULL)
                row->state = state;
        }
    }
    free(rfcs);
    free(wanted);
}

/* ---- transfers: how far they are ----------------------------------------------------------------- */

struct flights {
    struct peer_transfer *list;
    size_t count, cap;
};

static bool copy_flight(void *arg, const struct peer_transfer *t)
{
    struct flights *f = arg;
    if (t->done)
        return true;
    if (f->count == f->cap) {
        size_t cap = f->cap == 0 ? 64 : 2 * f->cap;
        struct peer_transfer *more = realloc(f->list, cap * sizeof(*more));
        if (more == NULL)
            return false;
        f->list = more;
        f->cap = cap;
    }
    f->list[f->count++] = *t;
    return true;
}

static void count_bytes(struct peer_view *v, const struct snap_transfer *t)
{
    struct holder_row *h = holder_of(v, &t->addr);
    if (h != NULL)
        h->bytes += t->have_bytes;
}

/* Progress, and the ids of holders. An active one that does not fly waits for another holder, or the disk. */
static void look_at_flights_locked(struct peer_view *v, const struct flights *f, size_t pending)
{
    struct snap_peer_status *s = &v->board.content.peer;
    struct rows *rows = &v->board.content.transfers;
    lock_assert_held(&v->lock);
    for (size_t i = 0; i < f->count; i++) {
        const struct peer_transfer *t = &f->list[i];
        struct place *p = find_place(v->transfers, t->rfc);
        const struct snap_transfer *is = p == NULL ? NULL : rows_at(rows, p->row);
        if (is == NULL || is->state != SNAP_TRANSFER_ACTIVE || is->have_bytes == t->have_bytes)
            continue;
        struct snap_transfer *row = rows_edit(rows, p->row);
        if (row != NULL)
            row->have_bytes = t->have_bytes;
    }
    s->active = s->done = s->failed = 0;
    for (struct holder_row *h = v->holders; h != NULL; h = h->hh.next)
        h->bytes = 0;
    for (size_t i = 0; i < rows->count; i++) {
        const struct snap_transfer *t = rows_at(rows, i);
        struct holder_row *h = holder_of(v, &t->addr);
        if (h != NULL && h->peer != 0 && h->peer != t->from) {
            struct snap_transfer *row = rows_edit(rows, i);
            if (row != NULL)
                row->from = h->peer;
        }
        t = rows_at(rows, i);
        s->active += t->state == SNAP_TRANSFER_ACTIVE;
        s->done += t->state == SNAP_TRANSFER_DONE;
        s->failed += t->state == SNAP_TRANSFER_FAILED;
        count_bytes(v, t);
    }
    s->queued = pending > s->active ? pending - s->active : 0;
    if (pending == 0 && f->count == 0 && s->run_start_us != 0 && s->run_end_us == 0) {
        /* Over: what was cut off in the middle is no longer active. */
        for (size_t i = 0; i < rows->count; i++) {
            const struct snap_transfer *t = rows_at(rows, i);
            s->run_end_us = t->end_us > s->run_end_us ? t->end_us : s->run_end_us;
            struct snap_transfer *row =
                t->state == SNAP_TRANSFER_ACTIVE ? rows_edit(rows, i) : NULL;
            if (row != NULL) {
                row->state = SNAP_TRANSFER_FAILED;
                row->end_us = clock_mono_us();
                row->why = shared_text_new(SLICE("cancelled"));
            }
        }
        if (s->run_end_us < s->run_start_us)
            s->run_end_us = s->run_start_us;
        s->active = 0;
    }
}

static void sample_locked(struct peer_view *v, struct peer *p, int64_t now_us)
{
    struct snap_peer_status *s = &v->board.content.peer;
    lock_assert_held(&v->lock);
    if (now_us - v->second_us < CLOCK_US_PER_S)
        return;

    uint64_t down = 0, up = (uint64_t)STATS_GET(&p->stats, bytes_sent_total);
    for (struct holder_row *h = v->holders; h != NULL; h = h->hh.next) {
        down += h->bytes;
        h->bytes_before = h->bytes;
    }
    int64_t s_gone = (now_us - v->second_us) / CLOCK_US_PER_S;
    uint64_t down_now = down > v->down_before ? down - v->down_before : 0;
    for (int64_t i = 0; i < s_gone && i < SNAP_SAMPLES; i++) {
        bool last = i + 1 == s_gone;
        snap_history_push(&s->down, last ? (int64_t)down_now : 0);
        snap_history_push(&s->up, last ? (int64_t)(up - v->up_before) : 0);
    }
    v->second_us += s_gone * CLOCK_US_PER_S;
    v->down_before = down;
    v->up_before = up;
    snap_board_touch(&v->board);
}

/* ---- snapshot ------------------------------------------------------------------------------------ */

static void status_locked(struct peer_view *v, struct peer *p, const struct peer_status *is,
                          int64_t now_us)
{
    struct snap_peer_status *s = &v->board.content.peer;
    int64_t expires_us = now_us + (int64_t)is->ttl_s * CLOCK_US_PER_S;
    lock_assert_held(&v->lock);
    if (s->registered != is->registered || s->peer != is->peer_id || s->known != is->documents ||
        s->held != is->held || s->reachable != (enum snap_reachable)is->reachable)
        snap_board_touch(&v->board);
    s->peer = is->peer_id;
    s->addr = *peer_addr(p);
    s->rs = is->rs;
    s->registered = is->registered;
    s->reachable = (enum snap_reachable)is->reachable;
    if (llabs(s->expires_us - expires_us) >= 3 * CLOCK_US_PER_S / 2)
        s->expires_us = expires_us;
    s->known = is->documents;
    s->held = is->held;
}

struct snapshot *peer_view_snapshot(struct peer_view *v, struct peer *p)
{
    struct peer_status status;
    struct flights flights = {0};
    int64_t now_us = clock_mono_us();

    atomic_store(&v->told, false);
    peer_status(p, &status);
    look_at_peers(v, p, now_us);
    look_at_index(v, p, now_us);
    look_at_wanted(v, p, status.pending);
    peer_walk_transfers(p, copy_flight, &flights);

    lock_acquire(&v->lock);
    look_at_flights_locked(v, &flights, status.pending);
    status_locked(v, p, &status, now_us);
    sample_locked(v, p, now_us);
    struct snapshot *s = snap_board_snapshot(&v->board);
    lock_release(&v->lock);
    free(flights.list);
    return s;
}

/* ---- life ---------------------------------------------------------------------------------------- */

enum di_err peer_view_new(void (*news)(void *arg), void *arg, struct peer_view **out)
{
    struct peer_view *v = calloc(1, sizeof(*v));
    if (v == NULL)
        return DI_NOMEM;
    v->news = news;
    v->news_arg = arg;
    v->second_us = clock_mono_us();
    lock_init(&v->lock);
    snap_board_init(&v->board);
    *out = v;
    return DI_OK;
}

void peer_view_free(struct peer_view *v)
{
    if (v == NULL)
        return;
    struct holder_row *h = v->holders;
    HASH_CLEAR(hh, v->holders);
    while (h != NULL) {
        struct holder_row *next = h->hh.next;
        free(h);
        h = next;
    }
    free_places(&v->rfcs);
    free_places(&v->transfers);
    snap_board_fini(&v->board);
    lock_fini(&v->lock);
    free(v);
}
