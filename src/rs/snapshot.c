/*
 * What the RS's screen shows: a board whose rows follow the records, the last requests, and rates.
 * Written by workers (records under rs.lock, then the view's lock; requests under the view's
 * alone), read by the screen's thread.
 */
#include "internal.h"

#include "p2pdi/stats/snapshot.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NO_ROW UINT32_MAX

struct rs_view {
    void (*news)(void *arg);
    void *news_arg;
    _Atomic(bool) told; /* since the last snapshot */

    struct lock lock;
    struct snap_board board; /* guarded by lock, as all below */
    uint32_t *row_of;        /* by peer id */
    size_t row_of_count;
    int64_t second_us, minute_us; /* when the last sample was taken */
    int64_t sampled[SNAP_REQUEST_KINDS], sampled_errors, sampled_registrations;
    int64_t registrations; /* in the minute that has not ended */
    uint64_t store_bytes;
};

static void tell(struct rs_view *v)
{
    if (!atomic_load_explicit(&v->told, memory_order_relaxed) && !atomic_exchange(&v->told, true))
        v->news(v->news_arg);
}

/* ---- records --------------------------------------------------------------------------------- */

static bool make_room(struct rs_view *v, uint32_t peer)
{
    if (peer < v->row_of_count)
        return true;

    size_t count = v->row_of_count == 0 ? 1024 : v->row_of_count;
    while (count <= peer)
        count *= 2;
    uint32_t *more = realloc(v->row_of, count * sizeof(*more));
    if (more == NULL)
        return false;
    for (size_t i = v->row_of_count; i < count; i++)
        more[i] = NO_ROW;
    v->row_of = more;
    v->row_of_count = count;
    return true;
}

static void set_text(struct shared_text **t, const char *text)
{
    if (*t != NULL && strcmp(shared_text_str(*t), text) == 0)
        return;
    shared_text_unref(*t);
    *t = text[0] == '\0' ? NULL : shared_text_new(slice_of(text));
}

/* Lack of memory leaves the row as it was: only the screen suffers. */
static void put_locked(struct rs_view *v, const struct peer_record *r)
{
    struct rows *rows = &v->board.content.records;
    lock_assert_held(&v->lock);
    if (r->peer > UINT32_MAX / 8 || !make_room(v, r->peer))
        return;
    struct snap_record *row = NULL;
    if (v->row_of[r->peer] == NO_ROW) {
        row = rows_append(rows);
        if (row == NULL)
            return;
        v->row_of[r->peer] = (uint32_t)(rows->count - 1);
    } else {
        row = rows_edit(rows, v->row_of[r->peer]);
        if (row == NULL)
            return;
    }
    row->peer = r->peer;
    row->registrations = r->registrations;
    row->addr = r->addr;
    row->active = r->active;
    row->expires_us = r->expires_us;
    row->last_registered_s = r->last_registered_s;
    set_text(&row->name, r->name);
    set_text(&row->os, r->os);
}

void rs_view_put(struct rs *rs, const struct peer_record *r)
{
    struct rs_view *v = rs->view;
    if (v == NULL)
        return;
    lock_acquire(&v->lock);
    put_locked(v, r);
    lock_release(&v->lock);
    tell(v);
}

static bool put_first(void *arg, const struct peer_record *r)
{
    put_locked(arg, r);
    return true;
}

/* Records were given up for newer ones: begins anew. Holding rs->lock. */
static void fill(struct rs *rs, struct rs_view *v)
{
    lock_acquire(&v->lock);
    rows_clear(&v->board.content.records);
    for (size_t i = 0; i < v->row_of_count; i++)
        v->row_of[i] = NO_ROW;
    peer_index_walk(rs->index, PEER_WALK_ALL, clock_mono_us(), clock_wall_s(), put_first, v);
    lock_release(&v->lock);
}

/* ---- requests -------------------------------------------------------------------------------- */

static enum snap_request_kind kind_of(const struct wire_request *w)
{
    switch (w->method) {
    case WIRE_REGISTER:
        return SNAP_REQUEST_REGISTER;
    case WIRE_LEAVE:
        return SNAP_REQUEST_LEAVE;
    case WIRE_KEEP_ALIVE:
        return SNAP_REQUEST_KEEPALIVE;
    case WIRE_PQUERY:
        return SNAP_REQUEST_PQUERY;
    case WIRE_HTTP_GET:
    case WIRE_HTTP_HEAD:
        return SNAP_REQUEST_HTTP;
    default:
        return SNAP_REQUEST_OTHER;
    }
}

void rs_view_note(const struct rs_request *q, bool understood)
{
    struct rs_view *v = q->rs->view;
    if (v == NULL)
        return;
    lock_acquire(&v->lock);
    struct snap_request *row = rows_append(&v->board.content.requests);
    if (row != NULL) {
        *row = (struct snap_request){
            .at_s = q->wall_s,
            .peer = q->peer,
            .addr = *net_conn_remote(q->conn),
            .kind = understood ? kind_of(q->wire) : SNAP_REQUEST_OTHER,
            .status = q->status,
        };
        rows_drop_front(&v->board.content.requests, SNAP_REQUESTS_MAX);
    }
    lock_release(&v->lock);
    tell(v);
}

void rs_view_log(struct rs *rs, int level, struct slice line)
{
    struct rs_view *v = rs->view;
    lock_acquire(&v->lock);
    snap_board_log(&v->board, (enum snap_level)level, clock_wall_s(), line);
    lock_release(&v->lock);
    tell(v);
}

/* ---- values ---------------------------------------------------------------------------------- */

static int64_t since(int64_t *before, int64_t now)
{
    int64_t more = now - *before;
    *before = now;
    return more;
}

/* A sample for each second that has gone by; what came meanwhile counts in the last of them. */
static void sample_locked(struct rs_view *v, int64_t now_us)
{
    struct snap_rs_status *s = &v->board.content.rs;
    lock_assert_held(&v->lock);
    if (now_us - v->second_us > SNAP_SAMPLES * CLOCK_US_PER_S)
        v->second_us = now_us - SNAP_SAMPLES * CLOCK_US_PER_S;
    while (now_us - v->second_us >= CLOCK_US_PER_S) {
        v->second_us += CLOCK_US_PER_S;
        bool last = now_us - v->second_us < CLOCK_US_PER_S;
        for (size_t k = 0; k < SNAP_REQUEST_KINDS; k++)
            snap_history_push(&s->rate[k], last ? since(&v->sampled[k], s->requests[k]) : 0);
        snap_history_push(&s->error_rate, last ? since(&v->sampled_errors, s->errors) : 0);
        snap_board_touch(&v->board);
    }
    /* The current minute is the last sample, and grows. */
    v->registrations += since(&v->sampled_registrations, s->requests[SNAP_REQUEST_REGISTER]);
    struct snap_history *h = &s->registrations;
    if (h->count == 0 || now_us - v->minute_us >= 60 * CLOCK_US_PER_S) {
        if (h->count == 60) {
            memmove(h->sample, h->sample + 1, 59 * sizeof(h->sample[0]));
            h->count--;
        }
        if (h->count > 0)
            v->registrations = 0;
        v->minute_us = now_us;
        snap_history_push(h, 0);
    }
    h->sample[h->count - 1] = v->registrations;
}

static void status_locked(struct rs *rs, struct rs_view *v, int64_t now_us)
{
    struct snap_rs_status *s = &v->board.content.rs;
    int64_t errors = s->errors, connections = s->connections;
    uint64_t store_bytes = s->store_bytes;
    size_t active = s->active, known = s->known;
    lock_assert_held(&v->lock);
    s->requests[SNAP_REQUEST_REGISTER] = STATS_GET(&rs->stats, register_total);
    s->requests[SNAP_REQUEST_LEAVE] = STATS_GET(&rs->stats, leave_total);
    s->requests[SNAP_REQUEST_KEEPALIVE] = STATS_GET(&rs->stats, keepalive_total);
    s->requests[SNAP_REQUEST_PQUERY] = STATS_GET(&rs->stats, pquery_total);
    s->requests[SNAP_REQUEST_HTTP] = STATS_GET(&rs->stats, http_total);
    s->errors = STATS_GET(&rs->stats, request_errors_total);
    s->refused = STATS_GET(&rs->stats, connections_refused_total) +
                 STATS_GET(&rs->stats, jobs_rejected_total);
    s->connections = STATS_GET(&rs->stats, connections_open);
    s->addr = *rs_addr(rs);
    s->active = (size_t)STATS_GET(&rs->stats, peers_active);
    s->known = (size_t)STATS_GET(&rs->stats, peers_known);
    s->store_bytes = v->store_bytes;
    if (errors != s->errors || connections != s->connections || store_bytes != s->store_bytes ||
        active != s->active || known != s->known)
        snap_board_touch(&v->board);
    sample_locked(v, now_us);
}

struct snapshot *rs_snapshot(struct rs *rs)
{
    struct rs_view *v = rs->view;
    int64_t now_us = clock_mono_us();
    atomic_store(&v->told, false);

    lock_acquire(&rs->lock);
    rs_expire_locked(rs, now_us, clock_wall_s());
    size_t known = peer_index_known(rs->index);
    /* Only this thread and those that hold rs->lock change the number of rows. */
    if (v->board.content.records.count > known + known / 64 + 16)
        fill(rs, v);
    lock_release(&rs->lock);

    uint64_t store_bytes =
        rs->store->ops->size_bytes != NULL ? rs->store->ops->size_bytes(rs->store) : 0;
    lock_acquire(&v->lock);
    v->store_bytes = store_bytes;
    status_locked(rs, v, now_us);
    struct snapshot *s = snap_board_snapshot(&v->board);
    lock_release(&v->lock);
    return s;
}

/* ---- life ------------------------------------------------------------------------------------ */

enum di_err rs_view_start(struct rs *rs, const struct rs_config *cfg)
{
    struct rs_view *v = calloc(1, sizeof(*v));
    char store[160];
    if (v == NULL)
        return DI_NOMEM;
    v->news = cfg->news;
    v->news_arg = cfg->news_arg;
    v->second_us = v->minute_us = clock_mono_us();
    lock_init(&v->lock);
    snap_board_init(&v->board);
    v->board.content.rs.start_us = rs->started_us;
    char raw[128];
    snprintf(raw, sizeof(raw), "%s", cfg->state);
    (void)text_clean(store, sizeof(store), slice_of(raw));
    v->board.content.rs.store = shared_text_new(slice_of(store));
    lock_acquire(&rs->lock);
    fill(rs, v);
    rs->view = v;
    lock_release(&rs->lock);
    return DI_OK;
}

void rs_view_free(struct rs *rs)
{
    struct rs_view *v = rs->view;
    if (v == NULL)
        return;
    rs->view = NULL;
    snap_board_fini(&v->board);
    free(v->row_of);
    lock_fini(&v->lock);
    free(v);
}
