/*
 * The RS's registry: registering, leaving, renewing, running out. Pure; runs in whichever thread holds
 * the RS's lock.
 */
#include "p2pdi/base/hash.h"

#include "peer_record.h"

#include <stdlib.h>
#include <string.h>

_Static_assert(PEER_TTL_S <= EXPIRY_TTL_MAX_S, "the wheel is too small");

/*
 * Departed peers that a delta can still tell of, beyond as many as are active: a delta with more of
 * them would be longer than a whole answer.
 */
#define DEPARTED_SLACK 1024

/* A million that run out in one second shall not make a pause. */
#define EXPIRE_AT_ONCE 10000

/* Cookies are drawn by the RS, so nobody chooses their digests. */
static uint32_t hash_digest(const struct sha256 *cookie)
{
    uint32_t hash;

    memcpy(&hash, cookie->byte, sizeof(hash));
    return hash;
}

static uint32_t hash_cookie(const void *item)
{
    const struct record *r = item;
    return hash_digest(&r->cookie);
}

static bool same_cookie(const void *item, const void *key)
{
    const struct record *r = item;
    return sha256_equal(&r->cookie, key);
}

static uint32_t hash_addr(const void *item)
{
    const struct record *r = item;
    return hash_bytes(&r->addr, sizeof(r->addr));
}

static bool same_addr(const void *item, const void *key)
{
    const struct record *r = item;
    return addr_equal(&r->addr, key);
}

enum di_err peer_index_new(uint64_t run, size_t records_max, struct peer_index **out)
{
    struct peer_index *ix = calloc(1, sizeof(*ix));

    if (ix == NULL)
        return DI_NOMEM;
    table_init(&ix->by_cookie, hash_cookie, 6);
    table_init(&ix->by_addr, hash_addr, 5);
    changes_init(&ix->changes, run);
    ix->records_max = records_max < INACTIVE ? records_max : INACTIVE - 1;
    *out = ix;
    return DI_OK;
}

static void record_free(struct record *r)
{
    if (r == NULL)
        return;
    stamps_fini(&r->stamps);
    free(r->names);
    free(r);
}

void peer_index_free(struct peer_index *ix)
{
    if (ix == NULL)
        return;
    for (size_t i = 0; i < ix->all_count; i++)
        record_free(ix->all[i]);
    free(ix->all);
    free(ix->active);
    table_fini(&ix->by_addr);
    table_fini(&ix->by_cookie);
    free(ix);
}

struct record *peer_record_find(const struct peer_index *ix, const struct sha256 *cookie)
{
    return table_find(&ix->by_cookie, hash_digest(cookie), same_cookie, cookie);
}

struct record *peer_record_find_addr(const struct peer_index *ix, const struct addr *addr)
{
    return table_find(&ix->by_addr, hash_bytes(addr, sizeof(*addr)), same_addr, addr);
}

/* ---- becoming active and inactive ------------------------------------------------------------ */

static void idle_append(struct peer_index *ix, struct record *r)
{
    r->idle.older = ix->newest_idle;
    r->idle.newer = NULL;
    if (ix->newest_idle != NULL)
        ix->newest_idle->idle.newer = r;
    else
        ix->oldest_idle = r;
    ix->newest_idle = r;
}

static void idle_remove(struct peer_index *ix, struct record *r)
{
    if (r->change.sequence != 0) {
        ix->departed_count--;
        if (ix->oldest_departed == r)
            ix->oldest_departed = r->idle.newer;
    }
    if (r->idle.older != NULL)
        r->idle.older->idle.newer = r->idle.newer;
    else
        ix->oldest_idle = r->idle.newer;
    if (r->idle.newer != NULL)
        r->idle.newer->idle.older = r->idle.older;
    else
        ix->newest_idle = r->idle.older;
}

static void forget_departed(struct peer_index *ix)
{
    while (ix->departed_count > ix->active_count + DEPARTED_SLACK) {
        struct record *r = ix->oldest_departed;

        ix->oldest_departed = r->idle.newer;
        if (r->change.sequence == 0)
            continue; /* restored as it is */
        changes_forget(&ix->changes, &r->change);
        ix->departed_count--;
    }
}

static void deactivate(struct peer_index *ix, struct record *r)
{
    struct record *last = ix->active[--ix->active_count];

    ix->active[r->active_at] = last;
    last->active_at = r->active_at;
    r->active_at = INACTIVE;
    table_remove(&ix->by_addr, r);
    expiry_clear(&ix->expiry, &r->expiry);
    idle_append(ix, r);
    changes_touch(&ix->changes, &r->change);
    ix->departed_count++;
    if (ix->oldest_departed == NULL)
        ix->oldest_departed = r;
    forget_departed(ix);
}

/* Room was reserved in active and by_addr. */
static void activate(struct peer_index *ix, struct record *r, uint32_t ttl_s, int64_t now_us)
{
    r->active_at = (uint32_t)ix->active_count;
    ix->active[ix->active_count++] = r;
    table_add(&ix->by_addr, r);
    r->expiry = (struct expiry_node){0};
    expiry_set(&ix->expiry, &r->expiry, ttl_s, now_us);
}

/* ---- making and dropping records ------------------------------------------------------------- */

static enum di_err grow(struct record ***array, size_t *room, size_t need)
{
    if (need <= *room)
        return DI_OK;

    size_t more = *room != 0 ? *room * 2 : 16;
    struct record **p = realloc(*array, more * sizeof(struct record *));

    if (p == NULL)
        return DI_NOMEM;
    *array = p;
    *room = more;
    return DI_OK;
}

static void close_holes(struct peer_index *ix)
{
    size_t to = 0;

    for (size_t i = 0; i < ix->all_count; i++) {
        if (ix->all[i] == NULL)
            continue;
        ix->all[to] = ix->all[i];
        ix->all[to]->all_at = (uint32_t)to;
        to++;
    }
    ix->all_count = to;
}

static void drop(struct peer_index *ix, struct record *r)
{
    idle_remove(ix, r);
    changes_forget(&ix->changes, &r->change);
    table_remove(&ix->by_cookie, r);
    ix->has_dropped = true;
    ix->dropped = r->cookie;
    ix->all[r->all_at] = NULL;
    record_free(r);
}

static enum di_err reserve(struct peer_index *ix)
{
    if (ix->all_count == ix->all_room && ix->by_cookie.count < ix->all_count - ix->all_count / 8)
        close_holes(ix);

    enum di_err err = grow(&ix->all, &ix->all_room, ix->all_count + 1);

    if (err == DI_OK)
        err = grow(&ix->active, &ix->active_room, ix->active_count + 1);
    if (err == DI_OK)
        err = table_reserve(&ix->by_cookie, 1);
    if (err == DI_OK)
        err = table_reserve(&ix->by_addr, 1);
    return err;
}

static enum di_err set_names(char **names, const char *name, const char *os)
{
    size_t name_len = strnlen(name, PEER_NAME_SIZE - 1), os_len = strnlen(os, PEER_NAME_SIZE - 1);

    if (*names != NULL && strlen(*names) == name_len && memcmp(*names, name, name_len) == 0 &&
        strlen(*names + name_len + 1) == os_len && memcmp(*names + name_len + 1, os, os_len) == 0)
        return DI_OK;

    char *p = malloc(name_len + os_len + 2);

    if (p == NULL)
        return DI_NOMEM;
    memcpy(p, name, name_len);
    p[name_len] = '\0';
    memcpy(p + name_len + 1, os, os_len);
    p[name_len + 1 + os_len] = '\0';
    free(*names);
    *names = p;
    return DI_OK;
}

static enum di_err record_new(const struct sha256 *cookie, uint32_t peer, const char *name,
                              const char *os, struct record **out)
{
    struct record *r = calloc(1, sizeof(*r));

    if (r == NULL)
        return DI_NOMEM;
    r->cookie = *cookie;
    r->peer = peer;
    r->active_at = INACTIVE;
    r->stamps.last_s = STAMPS_NEVER;
    if (set_names(&r->names, name, os) != DI_OK) {
        free(r);
        return DI_NOMEM;
    }
    *out = r;
    return DI_OK;
}

static void note_id(struct peer_index *ix, uint32_t peer)
{
    if (peer > ix->peer_last)
        ix->peer_last = peer;
}

/*
 * Enters a new record, which the caller then activates or appends to the idle ones. Room was
 * reserved.
 */
static void enter(struct peer_index *ix, struct record *r)
{
    table_add(&ix->by_cookie, r);
    r->all_at = (uint32_t)ix->all_count;
    ix->all[ix->all_count++] = r;
    note_id(ix, r->peer);
}

enum di_err peer_index_restore(struct peer_index *ix, const struct peer_record *from,
                               const struct peer_stamp *stamps, size_t count, int64_t now_us)
{
    if (from->peer == 0)
        return DI_INVALID;
    if (peer_record_find(ix, &from->cookie) != NULL)
        return DI_EXISTS;

    bool full = ix->by_cookie.count >= ix->records_max;

    if (full && ix->oldest_idle == NULL) {
        note_id(ix, from->peer);
        return DI_LIMIT;
    }
    if (reserve(ix) != DI_OK)
        return DI_NOMEM;

    struct record *r = NULL;

    if (record_new(&from->cookie, from->peer, from->name, from->os, &r) != DI_OK)
        return DI_NOMEM;

    struct peer_stamp last = {.at_s = from->last_registered_s, .count = 1};

    if (stamps_set(&r->stamps, count > 0 ? stamps : &last, count > 0 ? count : 1) != DI_OK) {
        record_free(r);
        return DI_NOMEM;
    }
    r->addr = from->addr;
    if (full)
        drop(ix, ix->oldest_idle);
    enter(ix, r);

    struct record *other = peer_record_find_addr(ix, &r->addr);
    bool active = from->active && from->ttl_s > 0;

    if (active && other != NULL && other->stamps.last_s > r->stamps.last_s)
        active = false;
    if (!active) {
        idle_append(ix, r);
        return DI_OK;
    }
    if (other != NULL)
        deactivate(ix, other);
    activate(ix, r, from->ttl_s, now_us);
    return DI_OK;
}

/* ---- what peers ask for ---------------------------------------------------------------------- */

/* A record of that cookie that is not entered yet, if one may be. */
static enum di_err register_new(struct peer_index *ix, const struct sha256 *cookie, bool has_rival,
                                const char *name, const char *os, struct record **out)
{
    if (ix->by_cookie.count >= ix->records_max && ix->oldest_idle == NULL && !has_rival)
        return DI_LIMIT;
    if (ix->peer_last == UINT32_MAX)
        return DI_LIMIT;
    return record_new(cookie, ix->peer_last + 1, name, os, out);
}

enum di_err peer_index_register(struct peer_index *ix, const struct sha256 *cookie,
                                const struct addr *addr, const char *name, const char *os,
                                int64_t now_us, int64_t wall_s, struct peer_record *out)
{
    struct record *r = peer_record_find(ix, cookie);
    struct record *rival = peer_record_find_addr(ix, addr);
    bool is_new = r == NULL;

    if (reserve(ix) != DI_OK)
        return DI_NOMEM;

    enum di_err err = is_new ? register_new(ix, cookie, rival != NULL, name, os, &r)
                             : set_names(&r->names, name, os);

    if (err != DI_OK)
        return err;
    if (stamps_reserve(&r->stamps) != DI_OK) {
        if (is_new)
            record_free(r);
        return DI_NOMEM;
    }

    /* From here on nothing fails. */
    if (rival != NULL && rival != r)
        deactivate(ix, rival);
    if (is_new) {
        if (ix->by_cookie.count >= ix->records_max)
            drop(ix, ix->oldest_idle);
        enter(ix, r);
    } else if (r->active_at == INACTIVE) {
        idle_remove(ix, r);
    } else {
        table_remove(&ix->by_addr, r);
    }
    r->addr = *addr;
    if (r->active_at == INACTIVE) {
        activate(ix, r, PEER_TTL_S, now_us);
    } else {
        table_add(&ix->by_addr, r);
        expiry_set(&ix->expiry, &r->expiry, PEER_TTL_S, now_us);
    }
    stamps_add(&r->stamps, wall_s);
    changes_touch(&ix->changes, &r->change);
    peer_record_copy(r, now_us, wall_s, out);
    return DI_OK;
}

bool peer_index_dropped(struct peer_index *ix, struct sha256 *cookie)
{
    bool dropped = ix->has_dropped;

    if (dropped)
        *cookie = ix->dropped;
    ix->has_dropped = false;
    return dropped;
}

enum di_err peer_index_leave(struct peer_index *ix, const struct sha256 *cookie, int64_t now_us,
                             int64_t wall_s, struct peer_record *out)
{
    struct record *r = peer_record_find(ix, cookie);

    if (r == NULL)
        return DI_NOT_FOUND;
    if (r->active_at != INACTIVE)
        deactivate(ix, r);
    peer_record_copy(r, now_us, wall_s, out);
    return DI_OK;
}

enum di_err peer_index_renew(struct peer_index *ix, const struct sha256 *cookie, int64_t now_us,
                             int64_t wall_s, struct peer_record *out)
{
    struct record *r = peer_record_find(ix, cookie);

    if (r == NULL)
        return DI_NOT_FOUND;

    bool active = peer_record_is_active(r, now_us);

    if (active)
        expiry_set(&ix->expiry, &r->expiry, PEER_TTL_S, now_us);
    peer_record_copy(r, now_us, wall_s, out);
    return active ? DI_OK : DI_CLOSED;
}

static struct record *record_of_expiry(struct expiry_node *n)
{
    return (struct record *)(void *)((char *)n - offsetof(struct record, expiry));
}

int64_t peer_index_expire(struct peer_index *ix, int64_t now_us, int64_t wall_s,
                          void (*expired)(void *arg, const struct peer_record *r), void *arg)
{
    struct expiry_node *n;

    for (size_t i = 0; i < EXPIRE_AT_ONCE && (n = expiry_pop(&ix->expiry, now_us)) != NULL; i++) {
        struct record *r = record_of_expiry(n);

        deactivate(ix, r);
        if (expired != NULL) {
            struct peer_record copy;

            peer_record_copy(r, now_us, wall_s, &copy);
            expired(arg, &copy);
        }
    }
    return expiry_next_us(&ix->expiry);
}
