/*
 * The peer list: PQUERY and what its answers, whole or what changed, make of the neighbours.
 * Whatever thread asks.
 */
#include "neighbours.h"

#include <stdlib.h>
#include <string.h>

#define SAMPLE 64 /* of a crowd, once LIST_MAX of it are known */

/* Addresses on the heap. Zeroed: none. */
struct addresses {
    struct addr *a;
    size_t count;
};

/* What one answer of the RS did. */
struct changes_seen {
    struct addresses gone;
    struct addresses back; /* registered anew */
    bool changed;
};

/* One that does not fit into memory is missing: others find out in time. */
static void add_address(struct addresses *s, const struct addr *a)
{
    struct addr *more = realloc(s->a, (s->count + 1) * sizeof(*more));
    if (more == NULL)
        return;
    s->a = more;
    s->a[s->count++] = *a;
}

/* ---- the list of the RS ---------------------------------------------------------------------- */

static void unlist_locked(struct neighbours *n, struct neighbour *e, struct changes_seen *seen)
{
    lock_assert_held(&n->lock);
    if (!e->listed)
        return;
    add_address(&seen->gone, &e->addr);
    seen->changed = true;
    e->listed = false;
    e->version[0] = '\0';
    n->active--;
    neighbours_release_locked(n, e);
}

/* It was known at another port: a peer id is at one place. */
static void unlist_others_locked(struct neighbours *n, const struct wire_peer_row *row,
                                 struct changes_seen *seen)
{
    struct neighbour *e = NULL, *next = NULL;
    HASH_ITER (hh, n->table, e, next) {
        if (e->listed && e->row.peer == row->peer && !addr_equal(&e->addr, &row->addr))
            unlist_locked(n, e, seen);
    }
}

static enum di_err take_row_locked(struct neighbours *n, const struct wire_peer_row *row,
                                   bool delta, int64_t now_us, struct changes_seen *seen)
{
    lock_assert_held(&n->lock);
    struct neighbour *e = neighbours_find_locked(n, &row->addr);
    if (!row->active) {
        if (e != NULL && e->row.peer == row->peer)
            unlist_locked(n, e, seen);
        else
            unlist_others_locked(n, row, seen);
        return DI_OK;
    }
    if (neighbours_is_self_locked(n, &row->addr))
        return DI_OK;
    if (delta && (e == NULL || !e->listed))
        unlist_others_locked(n, row, seen);
    e = neighbours_get_locked(n, &row->addr);
    if (e == NULL)
        return DI_NOMEM;
    if (!e->listed || e->row.peer != row->peer) {
        n->active += e->listed ? 0 : 1;
        seen->changed = true;
    } else if (e->row.last_registered_s != row->last_registered_s ||
               e->row.registrations != row->registrations) {
        add_address(&seen->back, &e->addr);
    }
    e->row = *row;
    e->listed = true;
    e->seen = n->lists;
    e->expires_us = now_us + row->ttl_s * CLOCK_US_PER_S;
    return DI_OK;
}

/* Forgets those whom this list does not name: all, or if it is a sample those never asked. */
static void unlist_unseen_locked(struct neighbours *n, bool sample, struct changes_seen *seen)
{
    struct neighbour *e = NULL, *next = NULL;
    lock_assert_held(&n->lock);
    HASH_ITER (hh, n->table, e, next) {
        if (e->seen != n->lists && (!sample || (!e->asking && !e->asked)))
            unlist_locked(n, e, seen);
    }
}

/* body.p NULL: nobody is active. */
static enum di_err take_rows_locked(struct neighbours *n, struct slice body, bool delta,
                                    bool sample, struct changes_seen *seen)
{
    struct wire_rows cursor = {0};
    struct wire_peer_row row;
    int64_t now_us = clock_mono_us();
    n->lists += delta ? 0 : 1;
    while (body.p != NULL && wire_peer_rows_next(&cursor, body, &row)) {
        enum di_err err = take_row_locked(n, &row, delta, now_us, seen);
        if (err != DI_OK)
            return err;
    }
    if (cursor.fault[0] != '\0')
        return DI_PROTOCOL;
    if (!delta)
        unlist_unseen_locked(n, sample, seen);
    return DI_OK;
}

/* Applies an answer to the question that said since or limit. */
static enum di_err take_answer(struct neighbours *n, const struct reply *reply, const char *since,
                               uint64_t limit, struct changes_seen *seen)
{
    const struct wire_response *head = &reply->head;
    struct slice body = {buf_bytes(&reply->body), reply->body.len};
    enum di_err err = DI_OK;

    if (head->status == 304)
        return DI_OK;
    if (head->index_version.n == 0 || head->index_version.n >= CHANGES_VERSION_SIZE)
        return DI_PROTOCOL;
    lock_acquire(&n->lock);
    if (head->delta && strcmp(n->version, since) != 0) {
        /* Somebody else asked meanwhile and knows more. */
        lock_release(&n->lock);
        return DI_OK;
    }
    if (head->status == 204)
        body.p = NULL;
    bool delta = head->status == 200 && head->delta;
    uint64_t active = head->has_active_peers ? head->active_peers : 0;
    bool sample = limit > 0 && active > limit;
    err = take_rows_locked(n, body, delta, sample, seen);
    n->crowd = active > LIST_MAX ? active : 0;
    n->version[0] = '\0';
    if (err == DI_OK && !sample && n->crowd == 0) {
        memcpy(n->version, head->index_version.p, head->index_version.n);
        n->version[head->index_version.n] = '\0';
    }
    STATS_SET(&n->peer->stats, peers_active, (int64_t)n->active);
    STATS_SET(&n->peer->stats, peers_known, (int64_t)HASH_COUNT(n->table));
    lock_release(&n->lock);
    return err;
}

/* The rows of all listed ones, TTLs as of now. Heap array. */
static enum di_err copy_rows(struct neighbours *n, struct wire_peer_row **out, size_t *count)
{
    int64_t now_us = clock_mono_us();
    enum di_err err = DI_OK;
    size_t at = 0;
    lock_acquire(&n->lock);
    struct wire_peer_row *rows = malloc((n->active + 1) * sizeof(*rows));
    if (rows != NULL) {
        struct neighbour *e = NULL, *next = NULL;
        HASH_ITER (hh, n->table, e, next) {
            if (!e->listed || at >= n->active)
                continue;
            rows[at] = e->row;
            int64_t left_us = e->expires_us - now_us;
            rows[at++].ttl_s = left_us > 0 ? (uint32_t)(left_us / CLOCK_US_PER_S) : 0;
        }
    } else {
        err = DI_NOMEM;
    }
    lock_release(&n->lock);
    *out = rows;
    *count = at;
    return err;
}

void neighbours_tell_company(struct neighbours *n)
{
    struct peer_status own = {0};
    struct sched_company company = {0};
    struct neighbour *e = NULL, *next = NULL;
    registrar_status(n->peer->registrar, &own);
    company.self = own.peer_id;
    lock_acquire(&n->lock);
    HASH_ITER (hh, n->table, e, next) {
        if (e->listed && company.count < SCHED_COMPANY_MAX)
            company.others[company.count++] = e->row.peer;
    }
    lock_release(&n->lock);
    downloads_set_company(n->peer->downloads, &company);
}

static int by_peer(const void *a, const void *b)
{
    const struct wire_peer_row *x = a, *y = b;
    return (x->peer > y->peer) - (x->peer < y->peer);
}

static enum di_err emit_peers(struct neighbours *n)
{
    struct wire_peer_row *rows = NULL;
    size_t count = 0;
    enum di_err err = copy_rows(n, &rows, &count);
    if (err != DI_OK)
        return err;
    qsort(rows, count, sizeof(*rows), by_peer);
    peer_emit(n->peer, (struct peer_event){.kind = PEER_EV_PEERS, .rows = rows, .count = count});
    free(rows);
    return DI_OK;
}

/* One PQUERY. *unknown: the RS does not know the cookie. */
static enum di_err ask_once(struct neighbours *n, const struct patience *patience,
                            struct changes_seen *seen, bool *unknown, uint64_t *cookie)
{
    char since[CHANGES_VERSION_SIZE];
    lock_acquire(&n->lock);
    memcpy(since, n->version, sizeof(since));
    struct wire_request q = {.method = WIRE_PQUERY};
    if (since[0] == '\0' && !n->whole)
        q.limit = n->crowd > 0 ? SAMPLE : LIST_MAX;
    n->whole = false;
    lock_release(&n->lock);
    if (since[0] != '\0') {
        q.since = slice_of(since);
        q.wait_s = patience->wait_s;
    }
    struct reply reply;
    int64_t asked_us = clock_mono_us();
    enum di_err err = rs_call(n->peer->rs, &q, patience, &reply);
    if (err != DI_OK)
        return err;
    *cookie = q.cookie;
    *unknown = reply.head.status == 401 && q.has_cookie;
    switch (reply.head.status) {
    case 200:
    case 204:
    case 304:
        if (q.has_cookie && reply.head.has_ttl)
            registrar_on_listed(n->peer->registrar, reply.head.ttl_s, asked_us);
        err = take_answer(n, &reply, since, q.limit, seen);
        break;
    default:
        err = *unknown ? DI_OK : reply_fault(&reply);
    }
    reply_fini(&reply);
    return err;
}

enum di_err neighbours_ask(struct neighbours *n, const struct patience *patience, bool always,
                           bool *changed)
{
    struct changes_seen seen = {0};
    bool unknown = false;
    uint64_t cookie = 0;
    enum di_err err = ask_once(n, patience, &seen, &unknown, &cookie);
    if (err == DI_OK && unknown) {
        err = registrar_on_unknown(n->peer->registrar, cookie, patience->deadline_us);
        if (err == DI_OK)
            err = ask_once(n, patience, &seen, &unknown, &cookie);
        if (err == DI_OK && unknown)
            err = DI_PROTOCOL;
    }
    for (size_t i = 0; i < seen.gone.count; i++) {
        catalog_drop_holder(n->peer->catalog, &seen.gone.a[i]);
        downloads_holder_gone(n->peer->downloads, &seen.gone.a[i]);
    }
    for (size_t i = 0; i < seen.back.count; i++)
        downloads_holder_back(n->peer->downloads, &seen.back.a[i]);
    free(seen.gone.a);
    free(seen.back.a);
    if (seen.changed)
        neighbours_tell_company(n);
    if (err == DI_OK && (always || seen.changed))
        err = emit_peers(n);
    *changed = seen.changed;
    return err;
}

/* ---- peer.h ---------------------------------------------------------------------------------- */

enum di_err peer_pquery(struct peer *p, int64_t timeout_us)
{
    bool changed = false;
    struct patience patience = {.deadline_us = clock_mono_us() + timeout_us, .waker = p->waker};
    enum di_err err = neighbours_ask(p->neighbours, &patience, true, &changed);
    return rs_report(p->rs, "the peer list could not be had", err);
}

void peer_walk_peers(struct peer *p, bool (*visit)(void *arg, const struct wire_peer_row *row),
                     void *arg)
{
    struct wire_peer_row *rows = NULL;
    size_t count = 0;
    if (copy_rows(p->neighbours, &rows, &count) != DI_OK)
        return;
    qsort(rows, count, sizeof(*rows), by_peer);
    for (size_t i = 0; i < count && visit(arg, &rows[i]); i++)
        continue;
    free(rows);
}

enum di_err peer_resolve(struct peer *p, struct slice word, struct addr *out)
{
    struct neighbours *n = p->neighbours;
    uint64_t id = 0;
    enum di_err err = DI_NOT_FOUND;
    if (!text_parse_u64(word, UINT32_MAX, &id))
        return addr_parse(word, out) && out->port != 0 ? DI_OK : DI_NOT_FOUND;
    lock_acquire(&n->lock);
    struct neighbour *e = NULL, *next = NULL;
    HASH_ITER (hh, n->table, e, next) {
        if (e->listed && e->row.peer == id) {
            *out = e->addr;
            err = DI_OK;
        }
    }
    lock_release(&n->lock);
    return err;
}
