/*
 * The peer's RFC index behind its lock: what is held here (told by the library's thread) and what
 * others said they hold (told by whoever asked them). Any thread.
 */
#include "internal.h"

#include "p2pdi/base/random.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CATALOG_ENTRIES_MAX 1000000

struct catalog {
    struct peer *peer;

    struct lock lock;
    struct cond owned_changed;
    struct rfc_index *index; /* guarded by lock */
    int64_t next_expiry_us;  /* guarded by lock */
};

enum di_err catalog_new(struct peer *p, struct catalog **out)
{
    struct catalog *c = calloc(1, sizeof(*c));
    if (c == NULL)
        return DI_NOMEM;
    uint64_t run = 0;
    random_secret(&run, sizeof(run));
    enum di_err err = rfc_index_new(run, CATALOG_ENTRIES_MAX, &c->index);
    if (err != DI_OK) {
        free(c);
        return err;
    }
    c->peer = p;
    c->next_expiry_us = INT64_MAX;
    lock_init(&c->lock);
    cond_init(&c->owned_changed);
    *out = c;
    return DI_OK;
}

void catalog_free(struct catalog *c)
{
    if (c == NULL)
        return;
    rfc_index_free(c->index);
    cond_fini(&c->owned_changed);
    lock_fini(&c->lock);
    free(c);
}

/* Takes the lock; entries that ran out are gone then. Returns the time. */
static int64_t enter(struct catalog *c)
{
    int64_t now_us = clock_mono_us();
    lock_acquire(&c->lock);
    if (now_us >= c->next_expiry_us)
        c->next_expiry_us = rfc_index_expire(c->index, now_us);
    return now_us;
}

void catalog_count(struct catalog *c, struct catalog_counts *out)
{
    (void)enter(c);
    *out = (struct catalog_counts){
        .documents = rfc_index_documents(c->index),
        .entries = rfc_index_entries(c->index),
        .owned = rfc_index_owned(c->index),
    };
    lock_release(&c->lock);
}

bool catalog_has(struct catalog *c, uint32_t rfc)
{
    lock_acquire(&c->lock);
    bool has = rfc_index_has_own(c->index, rfc);
    lock_release(&c->lock);
    return has;
}

static void own_changed_locked(struct catalog *c)
{
    lock_assert_held(&c->lock);
    STATS_SET(&c->peer->stats, documents_held, (int64_t)rfc_index_owned(c->index));
    cond_broadcast(&c->owned_changed);
}

void catalog_own_put(struct catalog *c, const struct library_doc *doc)
{
    struct rfc_entry e = {
        .rfc = doc->rfc,
        .own = true,
        .ttl_s = RFC_TTL_S,
        .size_bytes = doc->size_bytes,
        .sha256 = doc->sha256,
        .title = doc->title,
    };
    (void)enter(c);
    enum di_err err = rfc_index_own_put(c->index, &e);
    own_changed_locked(c);
    lock_release(&c->lock);
    if (err != DI_OK) {
        char what[40];
        snprintf(what, sizeof(what), "RFC %" PRIu32 " is not offered", doc->rfc);
        peer_emit_trouble(c->peer, what, err);
    }
    serve_on_change(c->peer);
}

void catalog_own_drop(struct catalog *c, uint32_t rfc)
{
    lock_acquire(&c->lock);
    rfc_index_own_drop(c->index, rfc);
    own_changed_locked(c);
    lock_release(&c->lock);
    serve_on_change(c->peer);
}

enum di_err catalog_wait_owned(struct catalog *c, size_t n, int64_t deadline_us)
{
    enum di_err err = DI_OK;
    lock_acquire(&c->lock);
    while (rfc_index_owned(c->index) < n) {
        if (peer_is_cancelled(c->peer)) {
            err = DI_CANCELLED;
            break;
        }
        if (!cond_wait_until(&c->owned_changed, &c->lock, deadline_us) &&
            rfc_index_owned(c->index) < n) {
            err = DI_TIMEOUT;
            break;
        }
    }
    lock_release(&c->lock);
    return err;
}

void catalog_wake(struct catalog *c)
{
    lock_acquire(&c->lock);
    cond_broadcast(&c->owned_changed);
    lock_release(&c->lock);
}

/* ---- what others hold ------------------------------------------------------------------------ */

void catalog_merge_begin(struct catalog *c, const struct addr *holder, bool full)
{
    (void)enter(c);
    if (full)
        rfc_index_full_begin(c->index, holder);
    lock_release(&c->lock);
}

enum di_err catalog_merge_add(struct catalog *c, const struct rfc_entry *rows, size_t count,
                              const struct addr *holder, bool *believed)
{
    enum di_err err = DI_OK;
    int64_t now_us = enter(c);
    for (size_t i = 0; i < count && err == DI_OK; i++) {
        bool own = addr_equal(&rows[i].holder, holder);
        err = rfc_index_learn(c->index, &rows[i], own, now_us);
        believed[i] = own || rfc_index_knows(c->index, &rows[i]);
        if (err == DI_LIMIT)
            err = DI_OK; /* full: what does not fit is not known of */
    }
    c->next_expiry_us = rfc_index_expire(c->index, now_us);
    lock_release(&c->lock);
    return err;
}

void catalog_merge_end(struct catalog *c, const struct addr *holder, bool full)
{
    int64_t now_us = enter(c);
    if (full)
        rfc_index_full_end(c->index, holder);
    else
        rfc_index_renew(c->index, holder, now_us);
    lock_release(&c->lock);
    serve_on_change(c->peer);
}

void catalog_renew(struct catalog *c, const struct addr *holder)
{
    int64_t now_us = enter(c);
    rfc_index_renew(c->index, holder, now_us);
    c->next_expiry_us = rfc_index_expire(c->index, now_us);
    lock_release(&c->lock);
}

void catalog_drop_holder(struct catalog *c, const struct addr *holder)
{
    lock_acquire(&c->lock);
    rfc_index_drop_holder(c->index, holder);
    lock_release(&c->lock);
    serve_on_change(c->peer);
}

/* ---- looking --------------------------------------------------------------------------------- */

void catalog_version(struct catalog *c, enum rfc_scope scope, char out[CHANGES_VERSION_SIZE])
{
    (void)enter(c);
    rfc_index_version(c->index, scope, out);
    lock_release(&c->lock);
}

void catalog_walk(struct catalog *c, enum rfc_scope scope, char version[CHANGES_VERSION_SIZE],
                  bool (*visit)(void *arg, const struct rfc_entry *e), void *arg)
{
    int64_t now_us = enter(c);
    rfc_index_version(c->index, scope, version);
    rfc_index_walk(c->index, scope, now_us, visit, arg);
    lock_release(&c->lock);
}

bool catalog_walk_since(struct catalog *c, enum rfc_scope scope, struct slice since,
                        char version[CHANGES_VERSION_SIZE],
                        bool (*visit)(void *arg, const struct rfc_entry *e), void *arg)
{
    int64_t now_us = enter(c);
    rfc_index_version(c->index, scope, version);
    bool known = rfc_index_walk_since(c->index, scope, since, now_us, visit, arg);
    lock_release(&c->lock);
    return known;
}

void catalog_find(struct catalog *c, uint32_t rfc,
                  bool (*visit)(void *arg, const struct rfc_entry *e), void *arg)
{
    int64_t now_us = enter(c);
    rfc_index_find(c->index, rfc, now_us, visit, arg);
    lock_release(&c->lock);
}

static bool take_title(void *arg, const struct rfc_entry *e)
{
    char *out = arg;
    size_t len = strnlen(e->title, RFC_TITLE_SIZE - 1);
    memcpy(out, e->title, len);
    out[len] = '\0';
    return len == 0;
}

void catalog_title(struct catalog *c, uint32_t rfc, char out[RFC_TITLE_SIZE])
{
    out[0] = '\0';
    catalog_find(c, rfc, take_title, out);
}
