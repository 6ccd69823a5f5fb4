/* A peer's screen: downloads, as events tell of them and as far as they are. Under the view's lock. */
#include "snapshot.h"

#include <stdlib.h>

/* ---- transfers: by events ------------------------------------------------------------------------ */

/*
 * The row of that document's latest download, for writing; NULL: no memory. fresh: of one that begins. It gets a
 * row of its own if the last one came to its end, but goes on in that of one that failed: `sync` tries for ever.
 */
static struct snap_transfer *transfer_locked(struct peer_view *v, uint32_t rfc, bool fresh)
{
    struct rows *rows = &v->board.content.transfers;
    lock_assert_held(&v->lock);
    struct place *p = view_place_find(v->transfers, rfc);
    if (p != NULL) {
        const struct snap_transfer *old = rows_at(rows, p->row);
        if (!fresh || old->state != SNAP_TRANSFER_DONE)
            return rows_edit(rows, p->row);
    }
    struct snap_transfer *t = rows_append(rows);
    if (t == NULL)
        return NULL;
    t->rfc = rfc;
    if (p != NULL)
        p->row = (uint32_t)(rows->count - 1);
    else if (view_place_add(&v->transfers, rfc, rows->count - 1) == NULL)
        (void)rows_remove(rows, rows->count - 1);
    return p != NULL || view_place_find(v->transfers, rfc) != NULL ? t : NULL;
}

static void on_start_locked(struct peer_view *v, const struct peer_event *ev)
{
    struct snap_peer_status *s = &v->board.content.peer;
    v->starts++;
    if (s->run_start_us == 0 || s->run_end_us != 0) {
        s->run_start_us = ev->at_us;
        s->run_end_us = 0;
        s->sum_us = 0;
        s->bytes = s->wire_bytes = 0;
    }
    struct snap_transfer *t = transfer_locked(v, ev->rfc, true);
    if (t == NULL)
        return;
    shared_text_unref(t->why);
    *t = (struct snap_transfer){
        .rfc = ev->rfc,
        .addr = ev->addr,
        .state = SNAP_TRANSFER_ACTIVE,
        .size_bytes = ev->bytes,
        .start_us = ev->at_us,
    };
}

static void on_done_locked(struct peer_view *v, const struct peer_event *ev)
{
    struct snap_peer_status *s = &v->board.content.peer;
    struct snap_transfer *t = transfer_locked(v, ev->rfc, false);
    s->sum_us += ev->us;
    s->bytes += ev->bytes;
    s->wire_bytes += ev->wire_bytes;
    /* The end was taken for reached a moment too early. */
    if (s->run_end_us != 0 && s->run_end_us < ev->at_us)
        s->run_end_us = ev->at_us;
    if (t == NULL)
        return;
    t->addr = ev->addr;
    t->state = SNAP_TRANSFER_DONE;
    t->cancelled = false;
    t->size_bytes = t->have_bytes = ev->bytes;
    t->wire_bytes = ev->wire_bytes;
    t->end_us = ev->at_us;
    t->start_us = ev->at_us - ev->us;
}

/* word: for where there is no room for why. */
static void end_badly_locked(struct peer_view *v, const struct peer_event *ev, const char *why,
                             const char *word)
{
    struct snap_transfer *t = transfer_locked(v, ev->rfc, false);
    if (t == NULL || t->state == SNAP_TRANSFER_DONE)
        return;
    t->state = SNAP_TRANSFER_FAILED;
    t->cancelled = ev->kind == PEER_EV_DROPPED;
    t->end_us = ev->at_us;
    if (t->start_us == 0)
        t->start_us = ev->at_us;
    shared_text_unref(t->why);
    t->why = shared_text_new(slice_of(why));
    t->word = word;
}

static void on_failed_locked(struct peer_view *v, const struct peer_event *ev)
{
    enum sched_why why = ev->count > 0 ? ev->tried[ev->count - 1].why : SCHED_NOT_FOUND;
    if (ev->count > 0)
        end_badly_locked(v, ev, sched_why_text(why), sched_why_word(why));
    else
        end_badly_locked(v, ev, "nobody has it", "no holder");
}

void view_on_transfer_locked(struct peer_view *v, const struct peer_event *ev)
{
    lock_assert_held(&v->lock);
    if (ev->kind == PEER_EV_START)
        on_start_locked(v, ev);
    else if (ev->kind == PEER_EV_DONE)
        on_done_locked(v, ev);
    else if (ev->kind == PEER_EV_FAILED)
        on_failed_locked(v, ev);
    else if (ev->kind == PEER_EV_DROPPED)
        end_badly_locked(v, ev, "cancelled", "cancelled");
}

/* ---- transfers: how far they are ----------------------------------------------------------------- */

static bool copy_flight(void *arg, const struct peer_transfer *t)
{
    struct view_flights *f = arg;
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

void view_copy_flights(struct view_flights *f, struct peer *p)
{
    *f = (struct view_flights){0};
    peer_walk_transfers(p, copy_flight, f);
}

static void count_bytes(struct peer_view *v, const struct snap_transfer *t)
{
    struct holder_row *h = view_holder(v, &t->addr);
    if (h != NULL)
        h->bytes += t->have_bytes;
}

/* Progress, and the ids of holders. An active one that does not fly waits for another holder, or the disk. */
void view_look_at_flights_locked(struct peer_view *v, const struct view_flights *f, size_t pending,
                                 bool over)
{
    struct snap_peer_status *s = &v->board.content.peer;
    struct rows *rows = &v->board.content.transfers;
    lock_assert_held(&v->lock);
    for (size_t i = 0; i < f->count; i++) {
        const struct peer_transfer *t = &f->list[i];
        struct place *p = view_place_find(v->transfers, t->rfc);
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
        struct holder_row *h = view_holder(v, &t->addr);
        if (h != NULL && h->peer != 0 && h->peer != t->from) {
            struct snap_transfer *row = rows_edit(rows, i);
            if (row != NULL)
                row->from = h->peer;
        }
        t = rows_at(rows, i);
        s->active += t->state == SNAP_TRANSFER_ACTIVE;
        s->done += t->state == SNAP_TRANSFER_DONE;
        s->failed += t->state == SNAP_TRANSFER_FAILED && !t->cancelled; /* as the get counts */
        count_bytes(v, t);
    }
    s->queued = pending > s->active ? pending - s->active : 0;
    if (over && s->run_start_us != 0 && s->run_end_us == 0) {
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
                row->word = "cancelled";
                row->cancelled = true;
            }
        }
        if (s->run_end_us < s->run_start_us)
            s->run_end_us = s->run_start_us;
        s->active = 0;
    }
}
