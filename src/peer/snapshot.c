/*
 * What a peer's screen shows: the view's life, news, and the snapshot. See snapshot.h for its locking.
 */
#include "snapshot.h"

#include <stdlib.h>

static void tell(struct peer_view *v)
{
    if (!atomic_load_explicit(&v->told, memory_order_relaxed) && !atomic_exchange(&v->told, true))
        v->news(v->news_arg);
}

struct place *view_place_find(struct place *table, uint32_t rfc)
{
    struct place *p = NULL;
    HASH_FIND(hh, table, &rfc, sizeof(rfc), p);
    return p;
}

struct place *view_place_add(struct place **table, uint32_t rfc, size_t row)
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

/* ---- news ---------------------------------------------------------------------------------------- */

void peer_view_on_event(struct peer_view *v, const struct peer_event *ev)
{
    lock_acquire(&v->lock);
    view_on_transfer_locked(v, ev);
    if (ev->kind == PEER_EV_INDEX || ev->kind == PEER_EV_PEERS)
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

/* ---- snapshot ------------------------------------------------------------------------------------ */

static void sample_locked(struct peer_view *v, struct peer *p, int64_t now_us)
{
    struct snap_peer_status *s = &v->board.content.peer;
    int64_t s_gone = (now_us - v->second_us) / CLOCK_US_PER_S;
    lock_assert_held(&v->lock);
    if (s_gone < 1)
        return;

    uint64_t down = 0, up = (uint64_t)STATS_GET(&p->stats, bytes_sent_total);
    for (struct holder_row *h = v->holders; h != NULL; h = h->hh.next) {
        down += h->bytes;
        h->bps = h->bytes > h->bytes_before ? (h->bytes - h->bytes_before) / (uint64_t)s_gone : 0;
        h->bytes_before = h->bytes;
    }
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

static void status_locked(struct peer_view *v, struct peer *p, const struct peer_status *is,
                          int64_t now_us)
{
    struct snap_peer_status *s = &v->board.content.peer;
    int64_t expires_us = now_us + (int64_t)is->ttl_s * CLOCK_US_PER_S;
    lock_assert_held(&v->lock);
    if (s->registered != is->registered || s->rs_silent != is->rs_silent ||
        s->peer != is->peer_id || s->known != is->documents || s->held != is->held ||
        s->syncing != is->syncing || s->reachable != (enum snap_reachable)is->reachable)
        snap_board_touch(&v->board);
    s->peer = is->peer_id;
    s->addr = *peer_addr(p);
    s->rs = is->rs;
    s->registered = is->registered;
    s->rs_silent = is->rs_silent;
    s->reachable = (enum snap_reachable)is->reachable;
    s->syncing = is->syncing;
    if (llabs(s->expires_us - expires_us) >= 3 * CLOCK_US_PER_S / 2)
        s->expires_us = expires_us;
    s->known = is->documents;
    s->held = is->held;
}

struct snapshot *peer_view_snapshot(struct peer_view *v, struct peer *p)
{
    struct peer_status status;
    struct view_flights flights;
    int64_t now_us = clock_mono_us();

    atomic_store(&v->told, false);
    lock_acquire(&v->lock);
    uint64_t starts = v->starts;
    lock_release(&v->lock);
    peer_status(p, &status);
    view_look_at_peers(v, p, now_us);
    view_look_at_index(v, p, now_us);
    view_look_at_wanted(v, p, status.pending);
    view_copy_flights(&flights, p);

    lock_acquire(&v->lock);
    bool over = status.pending == 0 && flights.count == 0 && v->starts == starts;
    view_look_at_flights_locked(v, &flights, status.pending, over);
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
