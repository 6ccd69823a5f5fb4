/*
 * The peers that we know of: from the RS (PQUERY, whole or what changed), and those that the user
 * named. Any thread; the list lives behind its lock.
 */
#include "internal.h"

#include "p2pdi/base/hash.h"

#include <stdlib.h>
#include <string.h>

#define SELF_MAX 16 /* addresses of our own that we remember */

struct neighbour {
    struct addr addr; /* key */
    struct wire_peer_row row;
    bool listed; /* by the RS, active */
    bool named;  /* by the user */
    bool asking; /* somebody asks it for its index now */
    bool asked;  /* somebody did */
    enum di_err outcome;
    bool shunned; /* sent what it had not announced */
    int64_t expires_us;
    uint64_t seen;                      /* the list in which it stood last */
    char version[CHANGES_VERSION_SIZE]; /* of its own rows as we have them; empty: none */
    UT_hash_handle hh;
};

struct neighbours {
    struct peer *peer;

    struct lock lock;
    struct neighbour *table;            /* guarded by lock, as all below */
    size_t active;                      /* listed ones */
    uint64_t lists;                     /* whole lists received */
    char version[CHANGES_VERSION_SIZE]; /* of the list; empty: none yet */
    struct addr self[SELF_MAX];
    size_t self_count;
};

/* What one answer of the RS did. */
struct changes_seen {
    struct addr *gone; /* heap */
    size_t gone_count;
    bool changed;
};

enum di_err neighbours_new(struct peer *p, struct neighbours **out)
{
    struct neighbours *n = calloc(1, sizeof(*n));
    if (n == NULL)
        return DI_NOMEM;
    n->peer = p;
    lock_init(&n->lock);
    *out = n;
    return DI_OK;
}

void neighbours_free(struct neighbours *n)
{
    if (n == NULL)
        return;
    struct neighbour *e = n->table;
    HASH_CLEAR(hh, n->table);
    while (e != NULL) {
        struct neighbour *next = e->hh.next;
        free(e);
        e = next;
    }
    lock_fini(&n->lock);
    free(n);
}

static struct neighbour *find_locked(struct neighbours *n, const struct addr *a)
{
    struct neighbour *e = NULL;
    lock_assert_held(&n->lock);
    HASH_FIND(hh, n->table, a, sizeof(*a), e);
    return e;
}

static struct neighbour *find_or_add_locked(struct neighbours *n, const struct addr *a)
{
    struct neighbour *e = find_locked(n, a);
    if (e != NULL)
        return e;
    e = calloc(1, sizeof(*e));
    if (e == NULL)
        return NULL;
    e->addr = *a;
    e->row.addr = *a;
    HASH_ADD(hh, n->table, addr, sizeof(e->addr), e);
    if (!hash_was_added(e)) {
        free(e);
        return NULL;
    }
    return e;
}

/* May it be asked and downloaded from? Reachable: no and low ports never, whoever says so. */
static bool is_usable(const struct neighbour *e)
{
    return (e->named || (e->listed && e->row.reachable != WIRE_REACHABLE_NO)) &&
           e->addr.port >= PEER_PORT_MIN && !e->shunned;
}

static bool is_self_locked(struct neighbours *n, const struct addr *a)
{
    lock_assert_held(&n->lock);
    if (a->port != n->peer->addr.port)
        return false;
    if (addr_is_loopback(a) || addr_same_host(a, &n->peer->addr))
        return true;
    for (size_t i = 0; i < n->self_count; i++)
        if (addr_same_host(a, &n->self[i]))
            return true;
    return false;
}

bool neighbours_is_self(struct neighbours *n, const struct addr *a)
{
    lock_acquire(&n->lock);
    bool self = is_self_locked(n, a);
    lock_release(&n->lock);
    return self;
}

void neighbours_note_self(struct neighbours *n, const struct addr *local)
{
    lock_acquire(&n->lock);
    bool known = false;
    for (size_t i = 0; i < n->self_count && !known; i++)
        known = addr_same_host(local, &n->self[i]);
    if (!known && n->self_count < SELF_MAX)
        n->self[n->self_count++] = *local;
    lock_release(&n->lock);
}

/* ---- the list of the RS ---------------------------------------------------------------------- */

static void unlist_locked(struct neighbours *n, struct neighbour *e, struct changes_seen *seen)
{
    lock_assert_held(&n->lock);
    if (!e->listed)
        return;
    struct addr *more = realloc(seen->gone, (seen->gone_count + 1) * sizeof(*more));
    if (more != NULL) {
        seen->gone = more;
        seen->gone[seen->gone_count++] = e->addr;
    }
    seen->changed = true;
    e->listed = false;
    e->version[0] = '\0';
    n->active--;
    /* One that is being asked, or that the user named, stays known. */
    if (!e->asking && !e->named && !e->shunned) {
        HASH_DEL(n->table, e);
        free(e);
    }
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
    struct neighbour *e = find_locked(n, &row->addr);
    if (!row->active) {
        if (e != NULL && e->row.peer == row->peer)
            unlist_locked(n, e, seen);
        else
            unlist_others_locked(n, row, seen);
        return DI_OK;
    }
    if (is_self_locked(n, &row->addr))
        return DI_OK;
    if (delta && (e == NULL || !e->listed))
        unlist_others_locked(n, row, seen);
    e = find_or_add_locked(n, &row->addr);
    if (e == NULL)
        return DI_NOMEM;
    if (!e->listed || e->row.peer != row->peer) {
        n->active += e->listed ? 0 : 1;
        seen->changed = true;
    }
    e->row = *row;
    e->listed = true;
    e->seen = n->lists;
    e->expires_us = now_us + row->ttl_s * CLOCK_US_PER_S;
    return DI_OK;
}

/* body.p NULL: nobody is active. */
static enum di_err take_rows_locked(struct neighbours *n, struct slice body, bool delta,
                                    struct changes_seen *seen)
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
    if (!delta) {
        struct neighbour *e = NULL, *next = NULL;
        HASH_ITER (hh, n->table, e, next) {
            if (e->seen != n->lists)
                unlist_locked(n, e, seen);
        }
    }
    return DI_OK;
}

/* Applies an answer to the question that said since. */
static enum di_err take_answer(struct neighbours *n, const struct reply *reply, const char *since,
                               struct changes_seen *seen)
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
    err = take_rows_locked(n, body, head->status == 200 && head->delta, seen);
    n->version[0] = '\0';
    if (err == DI_OK) {
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

static int by_peer(const void *a, const void *b)
{
    const struct wire_peer_row *x = a, *y = b;
    return (x->peer > y->peer) - (x->peer < y->peer);
}

static void emit_peers(struct neighbours *n)
{
    struct wire_peer_row *rows = NULL;
    size_t count = 0;
    if (copy_rows(n, &rows, &count) != DI_OK)
        return;
    qsort(rows, count, sizeof(*rows), by_peer);
    peer_emit(n->peer, (struct peer_event){.kind = PEER_EV_PEERS, .rows = rows, .count = count});
    free(rows);
}

/* One PQUERY. *unknown: the RS does not know the cookie. */
static enum di_err ask_once(struct neighbours *n, const struct patience *patience,
                            struct changes_seen *seen, bool *unknown, uint64_t *cookie)
{
    char since[CHANGES_VERSION_SIZE];
    lock_acquire(&n->lock);
    memcpy(since, n->version, sizeof(since));
    lock_release(&n->lock);

    struct wire_request q = {.method = WIRE_PQUERY,
                             .wait_s = since[0] == '\0' ? 0 : patience->wait_s};
    if (since[0] != '\0')
        q.since = slice_of(since);
    struct reply reply;
    enum di_err err = registrar_call(n->peer->registrar, &q, patience, &reply);
    if (err != DI_OK)
        return err;
    *cookie = q.cookie;
    *unknown = reply.head.status == 401 && q.has_cookie;
    switch (reply.head.status) {
    case 200:
    case 204:
    case 304:
        if (q.has_cookie)
            registrar_on_renewed(n->peer->registrar);
        err = take_answer(n, &reply, since, seen);
        break;
    default:
        err = *unknown ? DI_OK : DI_PROTOCOL;
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
    for (size_t i = 0; i < seen.gone_count; i++) {
        catalog_drop_holder(n->peer->catalog, &seen.gone[i]);
        downloads_holder_gone(n->peer->downloads, &seen.gone[i]);
    }
    free(seen.gone);
    if (err == DI_OK && (always || seen.changed))
        emit_peers(n);
    *changed = seen.changed;
    return err;
}

/* ---- who may be asked ------------------------------------------------------------------------ */

size_t neighbours_active(struct neighbours *n)
{
    lock_acquire(&n->lock);
    size_t active = n->active;
    lock_release(&n->lock);
    return active;
}

void neighbours_add_named(struct neighbours *n, const struct addr *a)
{
    lock_acquire(&n->lock);
    struct neighbour *e = find_or_add_locked(n, a);
    if (e != NULL)
        e->named = true;
    lock_release(&n->lock);
}

enum di_err neighbours_list(struct neighbours *n, struct addr **out, size_t *count)
{
    enum di_err err = DI_OK;
    *count = 0;
    lock_acquire(&n->lock);
    *out = malloc((HASH_COUNT(n->table) + 1) * sizeof(**out));
    if (*out != NULL) {
        struct neighbour *e = NULL, *next = NULL;
        HASH_ITER (hh, n->table, e, next) {
            if (is_usable(e))
                (*out)[(*count)++] = e->addr;
        }
    } else {
        err = DI_NOMEM;
    }
    lock_release(&n->lock);
    return err;
}

enum di_err neighbours_claim(struct neighbours *n, const struct addr *a,
                             char since[CHANGES_VERSION_SIZE])
{
    enum di_err err = DI_OK;
    lock_acquire(&n->lock);
    struct neighbour *e = find_locked(n, a);
    if (e == NULL || !is_usable(e)) {
        err = DI_ACCESS;
    } else if (e->asking) {
        err = DI_IN_USE;
    } else {
        e->asking = true;
        memcpy(since, e->version, CHANGES_VERSION_SIZE);
    }
    lock_release(&n->lock);
    return err;
}

void neighbours_unclaim(struct neighbours *n, const struct addr *a, enum di_err outcome,
                        const char *version)
{
    lock_acquire(&n->lock);
    struct neighbour *e = find_locked(n, a);
    if (e != NULL) {
        e->asking = false;
        if (outcome != DI_CANCELLED) {
            e->asked = true;
            e->outcome = outcome;
        }
        size_t len = strnlen(version, sizeof(e->version) - 1);
        memcpy(e->version, version, len);
        e->version[len] = '\0';
        if (!e->listed && !e->named && !e->shunned) {
            HASH_DEL(n->table, e);
            free(e);
        }
    }
    lock_release(&n->lock);
}

static enum sched_why why_of(enum di_err outcome)
{
    switch (outcome) {
    case DI_OK:
        return SCHED_NOT_FOUND;
    case DI_REFUSED:
        return SCHED_REFUSED;
    case DI_UNREACHABLE:
        return SCHED_UNREACHABLE;
    case DI_TIMEOUT:
        return SCHED_TIMEOUT;
    case DI_CLOSED:
        return SCHED_CLOSED;
    case DI_LIMIT:
        return SCHED_BUSY;
    default:
        return SCHED_PROTOCOL;
    }
}

size_t neighbours_asked(struct neighbours *n, struct sched_tried *out, size_t max)
{
    size_t count = 0;
    lock_acquire(&n->lock);
    struct neighbour *e = NULL, *next = NULL;
    HASH_ITER (hh, n->table, e, next) {
        if (!e->asked)
            continue;
        enum sched_why why = e->shunned ? SCHED_SHUNNED : why_of(e->outcome);
        if (count < max)
            out[count] = (struct sched_tried){.holder = e->addr, .why = why};
        count++;
    }
    lock_release(&n->lock);
    return count;
}

void neighbours_shun(struct neighbours *n, const struct addr *a)
{
    lock_acquire(&n->lock);
    struct neighbour *e = find_locked(n, a);
    if (e != NULL)
        e->shunned = true;
    lock_release(&n->lock);
    catalog_drop_holder(n->peer->catalog, a);
}

size_t neighbours_filter(struct neighbours *n, struct offer *offers, size_t count)
{
    size_t kept = 0;
    lock_acquire(&n->lock);
    const struct neighbour *last = NULL;
    for (size_t i = 0; i < count; i++) {
        const struct addr *holder = &offers[i].holder;
        if (last == NULL || !addr_equal(&last->addr, holder))
            last = find_locked(n, holder);
        if (last != NULL && is_usable(last))
            offers[kept++] = offers[i];
    }
    lock_release(&n->lock);
    return kept;
}

/* ---- peer.h ---------------------------------------------------------------------------------- */

enum di_err peer_pquery(struct peer *p, int64_t timeout_us)
{
    bool changed = false;
    struct patience patience = {.deadline_us = clock_mono_us() + timeout_us, .waker = p->waker};
    enum di_err err = neighbours_ask(p->neighbours, &patience, true, &changed);
    return registrar_report(p->registrar, "the peer list could not be had", err);
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
