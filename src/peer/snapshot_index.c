/* A peer's screen: other peers and the RFC index, looked up when a snapshot is taken. The screen's thread. */
#include "snapshot.h"

#include <stdlib.h>
#include <string.h>

#define SHARE 10 /* looking at the whole index may take this part of the time */

/* ---- holders and peers --------------------------------------------------------------------------- */

struct holder_row *view_holder(struct peer_view *v, const struct addr *a)
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

/* Who was asked for an index, and who did not answer. Busy is an answer. */
static void look_at_asked(struct peer_view *v, struct peer *p)
{
    size_t max = neighbours_asked(p->neighbours, NULL, 0);
    struct sched_tried *asked = malloc((max + 1) * sizeof(*asked));
    if (asked == NULL)
        return;
    for (struct holder_row *h = v->holders; h != NULL; h = h->hh.next)
        h->asked = h->failed = false;
    size_t count = neighbours_asked(p->neighbours, asked, max);
    for (size_t i = 0; i < count && i < max; i++) {
        struct holder_row *h = view_holder(v, &asked[i].holder);
        if (h == NULL)
            continue;
        h->asked = true;
        h->failed = asked[i].why != SCHED_NOT_FOUND && asked[i].why != SCHED_BUSY;
    }
    free(asked);
}

static void look_at_sent(struct peer_view *v, struct peer *p)
{
    size_t max = neighbours_sent(p->neighbours, NULL, 0);
    struct sent *sent = malloc((max + 1) * sizeof(*sent));
    if (sent == NULL)
        return;
    size_t count = neighbours_sent(p->neighbours, sent, max);
    for (size_t i = 0; i < count && i < max; i++) {
        struct holder_row *h = view_holder(v, &sent[i].to);
        if (h != NULL)
            h->sent = sent[i].bytes;
    }
    free(sent);
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
    struct holder_row *h = view_holder(w->v, &row->addr);
    if (!row->active)
        return true;
    if (h != NULL)
        h->peer = row->peer;

    int64_t expires_us = w->now_us + (int64_t)row->ttl_s * CLOCK_US_PER_S;
    struct snap_peer want = {.peer = row->peer,
                             .documents = h != NULL ? h->documents : 0,
                             .addr = row->addr,
                             .asked = h != NULL && h->asked,
                             .failed = h != NULL && h->failed,
                             .reachable = (enum snap_reachable)row->reachable,
                             .expires_us = expires_us,
                             .down_bps = h != NULL ? h->bps : 0,
                             .sent_bytes = h != NULL ? h->sent : 0};
    if (w->count < rows->count) {
        const struct snap_peer *is = rows_at(rows, w->count);
        /* The TTL comes in whole seconds: while it runs down as it should, its end stays. */
        if (is->peer == want.peer && llabs(is->expires_us - expires_us) < 3 * CLOCK_US_PER_S / 2)
            want.expires_us = is->expires_us;
        bool same = is->peer == want.peer && is->documents == want.documents &&
                    is->asked == want.asked && is->failed == want.failed &&
                    addr_equal(&is->addr, &want.addr) && is->reachable == want.reachable &&
                    is->expires_us == want.expires_us && is->down_bps == want.down_bps &&
                    is->sent_bytes == want.sent_bytes;
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

void view_look_at_peers(struct peer_view *v, struct peer *p, int64_t now_us)
{
    struct peer_walk_state w = {.v = v, .now_us = now_us};
    look_at_asked(v, p);
    look_at_sent(v, p);
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

    struct place *p = view_place_find(v->rfcs, d->rfc);
    struct snap_rfc *row = NULL;
    if (p == NULL) {
        row = rows_append(rows);
        if (row == NULL)
            return;
        row->rfc = d->rfc;
        p = view_place_add(&v->rfcs, d->rfc, rows->count - 1);
        if (p == NULL) {
            (void)rows_remove(rows, rows->count - 1);
            return;
        }
    } else {
        const struct snap_rfc *is = rows_at(rows, p->row);
        if (d->state == SNAP_RFC_KNOWN && is->state == SNAP_RFC_WANTED)
            d->state = SNAP_RFC_WANTED; /* until view_look_at_wanted says otherwise */
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
    struct holder_row *h = view_holder(w->v, &e->holder);
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
        struct place *moved = view_place_find(v->rfcs, last->rfc);
        if (!rows_remove(rows, p->row))
            continue;
        if (moved != NULL)
            moved->row = p->row;
        HASH_DEL(v->rfcs, p);
        free(p);
    }
}

void view_look_at_index(struct peer_view *v, struct peer *p, int64_t now_us)
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

void view_look_at_wanted(struct peer_view *v, struct peer *p, size_t pending)
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
