/*
 * A peer's RFC index: merging, ageing, changes. Pure; runs in whichever thread holds the peer's
 * lock.
 */
#include "p2pdi/index/rfc_index.h"

#include "expiry.h"
#include "rfc_table.h"

#include <stdlib.h>
#include <utlist.h>

_Static_assert(RFC_TTL_S <= EXPIRY_TTL_MAX_S, "the wheel is too small");

/*
 * Withdrawn entries that a delta can still tell of, beyond as many as there are others: a delta
 * with more of them would be longer than a whole answer.
 */
#define WITHDRAWN_SLACK 1024

/*
 * Entries of one scope: how many are there, and those that are withdrawn but still to be told of.
 */
struct scope {
    size_t live;
    struct entry *withdrawn; /* oldest first */
    size_t withdrawn_count;
};

struct rfc_index {
    struct rfc_table table;
    struct scope own, learned;
    size_t second_hand; /* of learned.live */
    size_t entries_max;
    size_t documents; /* with an entry that is not withdrawn */
    struct changes changes_all, changes_own;
    struct expiry expiry;
};

enum di_err rfc_index_new(uint64_t run, size_t entries_max, struct rfc_index **out)
{
    struct rfc_index *ix = calloc(1, sizeof(*ix));

    if (ix == NULL)
        return DI_NOMEM;
    rfc_table_init(&ix->table);
    /* Two runs, so that a version of one scope means nothing in the other. */
    changes_init(&ix->changes_all, run);
    changes_init(&ix->changes_own, run ^ 1);
    ix->entries_max = entries_max;
    *out = ix;
    return DI_OK;
}

static struct scope *scope_of(struct rfc_index *ix, const struct entry *e)
{
    return e->holder != NULL ? &ix->learned : &ix->own;
}

static struct own_entry *own_of(struct entry *e)
{
    return (struct own_entry *)(void *)e;
}

/* Of an entry that is withdrawn, or never was more. */
static void entry_free(struct rfc_index *ix, struct entry *e)
{
    struct scope *s = scope_of(ix, e);

    if (e->all.sequence != 0) {
        DL_DELETE(s->withdrawn, e);
        s->withdrawn_count--;
        changes_forget(&ix->changes_all, &e->all);
        if (e->holder == NULL)
            changes_forget(&ix->changes_own, &own_of(e)->own);
    }
    rfc_table_remove(&ix->table, e);
}

static void touch(struct rfc_index *ix, struct entry *e)
{
    changes_touch(&ix->changes_all, &e->all);
    if (e->holder == NULL)
        changes_touch(&ix->changes_own, &own_of(e)->own);
}

static void enter(struct rfc_index *ix, struct entry *e)
{
    struct scope *s = scope_of(ix, e);

    if (e->all.sequence != 0) {
        DL_DELETE(s->withdrawn, e);
        s->withdrawn_count--;
    }
    e->withdrawn = false;
    s->live++;
    if (e->holder != NULL) {
        DL_APPEND(e->holder->entries, e);
        e->holder->live++;
    }
    if (e->document->live++ == 0)
        ix->documents++;
}

static void count_hand(struct rfc_index *ix, const struct entry *e, bool more)
{
    if (e->first_hand)
        e->holder->first_hand += more ? 1 : UINT32_MAX;
    else
        ix->second_hand += more ? 1 : SIZE_MAX;
}

/* The entry is gone, but deltas tell so. May free others that were withdrawn long ago. */
static void withdraw(struct rfc_index *ix, struct entry *e)
{
    struct scope *s = scope_of(ix, e);

    if (e->holder != NULL) {
        count_hand(ix, e, false);
        expiry_clear(&ix->expiry, &e->expiry);
        DL_DELETE(e->holder->entries, e);
        e->holder->live--;
    }
    e->withdrawn = true;
    s->live--;
    if (--e->document->live == 0)
        ix->documents--;
    touch(ix, e);
    DL_APPEND(s->withdrawn, e);
    s->withdrawn_count++;
    while (s->withdrawn_count > s->live + WITHDRAWN_SLACK)
        entry_free(ix, s->withdrawn);
}

void rfc_index_free(struct rfc_index *ix)
{
    if (ix == NULL)
        return;
    rfc_table_fini(&ix->table);
    free(ix);
}

/* ---- own ------------------------------------------------------------------------------------- */

enum di_err rfc_index_own_put(struct rfc_index *ix, const struct rfc_entry *row)
{
    struct rfc_entry own = *row;
    struct entry *e = NULL;
    bool is_other = false;

    if (row->rfc == 0)
        return DI_INVALID;
    own.own = true;
    if (rfc_table_put(&ix->table, &own, &e, &is_other) != DI_OK)
        return DI_NOMEM;
    if (e->withdrawn) {
        enter(ix, e);
        is_other = true;
    }
    if (is_other)
        touch(ix, e);
    return DI_OK;
}

void rfc_index_own_drop(struct rfc_index *ix, uint32_t rfc)
{
    const struct document *d = rfc_table_document(&ix->table, rfc);

    if (d != NULL && d->own != NULL && !d->own->entry.withdrawn)
        withdraw(ix, &d->own->entry);
}

/* ---- learned --------------------------------------------------------------------------------- */

static void drop_expired(struct rfc_index *ix, int64_t now_us)
{
    struct expiry_node *n;

    while ((n = expiry_pop(&ix->expiry, now_us)) != NULL)
        withdraw(ix, (struct entry *)(void *)((char *)n - offsetof(struct entry, expiry)));
}

/* The entry that such a row is about, NULL if there is none that is not withdrawn. */
static struct entry *find_live(const struct rfc_index *ix, uint32_t rfc, const struct holder *h)
{
    const struct document *d = rfc_table_document(&ix->table, rfc);
    struct entry *e = d != NULL && h != NULL ? rfc_table_entry(&ix->table, d, h) : NULL;

    return e != NULL && !e->withdrawn ? e : NULL;
}

static bool is_full(const struct rfc_index *ix, const struct holder *h, bool first_hand)
{
    return ix->learned.live >= ix->entries_max ||
           (!first_hand && ix->second_hand >= ix->entries_max / 2) ||
           (h != NULL && h->live >= RFC_HOLDER_ENTRIES_MAX);
}

enum di_err rfc_index_learn(struct rfc_index *ix, const struct rfc_entry *row, bool first_hand,
                            int64_t now_us)
{
    struct rfc_entry learned = *row;
    uint32_t ttl_s = row->withdrawn ? 0 : row->ttl_s < RFC_TTL_S ? row->ttl_s : RFC_TTL_S;

    if (row->rfc == 0)
        return DI_INVALID;
    drop_expired(ix, now_us);

    const struct holder *h = rfc_table_holder(&ix->table, &row->holder);
    struct entry *e = find_live(ix, row->rfc, h);

    if (!first_hand && h != NULL && h->first_hand > 0)
        return DI_OK;
    if (ttl_s == 0) {
        if (e != NULL)
            withdraw(ix, e);
        return DI_OK;
    }
    if (e != NULL && !first_hand && expiry_left_s(&e->expiry, now_us) >= ttl_s)
        return DI_OK;
    if (e == NULL && is_full(ix, h, first_hand))
        return DI_LIMIT;

    bool is_other = false;

    learned.own = false;
    if (rfc_table_put(&ix->table, &learned, &e, &is_other) != DI_OK)
        return DI_NOMEM;
    if (e->withdrawn) {
        enter(ix, e);
        is_other = true;
    } else {
        count_hand(ix, e, false);
    }
    e->first_hand = first_hand;
    count_hand(ix, e, true);
    if (first_hand)
        e->round = e->holder->round;
    expiry_set(&ix->expiry, &e->expiry, ttl_s, now_us);
    if (is_other)
        touch(ix, e);
    return DI_OK;
}

void rfc_index_full_begin(struct rfc_index *ix, const struct addr *holder)
{
    struct holder *h = rfc_table_holder(&ix->table, holder);

    if (h != NULL)
        h->round++;
}

void rfc_index_full_end(struct rfc_index *ix, const struct addr *holder)
{
    struct holder *h = rfc_table_holder(&ix->table, holder);
    struct entry *e, *next;

    if (h == NULL)
        return;
    DL_FOREACH_SAFE (h->entries, e, next)
        if (!e->first_hand || e->round != h->round)
            withdraw(ix, e);
}

void rfc_index_renew(struct rfc_index *ix, const struct addr *holder, int64_t now_us)
{
    drop_expired(ix, now_us);

    struct holder *h = rfc_table_holder(&ix->table, holder);
    struct entry *e;

    if (h == NULL)
        return;
    DL_FOREACH (h->entries, e)
        if (e->first_hand)
            expiry_set(&ix->expiry, &e->expiry, RFC_TTL_S, now_us);
}

void rfc_index_drop_holder(struct rfc_index *ix, const struct addr *holder)
{
    struct holder *h = rfc_table_holder(&ix->table, holder);
    struct entry *e, *next;

    if (h == NULL)
        return;
    DL_FOREACH_SAFE (h->entries, e, next)
        withdraw(ix, e);
}

int64_t rfc_index_expire(struct rfc_index *ix, int64_t now_us)
{
    drop_expired(ix, now_us);
    return expiry_next_us(&ix->expiry);
}

/* ---- looking --------------------------------------------------------------------------------- */

size_t rfc_index_documents(const struct rfc_index *ix)
{
    return ix->documents;
}

size_t rfc_index_entries(const struct rfc_index *ix)
{
    return ix->own.live + ix->learned.live;
}

size_t rfc_index_owned(const struct rfc_index *ix)
{
    return ix->own.live;
}

bool rfc_index_has_own(const struct rfc_index *ix, uint32_t rfc)
{
    const struct document *d = rfc_table_document(&ix->table, rfc);

    return d != NULL && d->own != NULL && !d->own->entry.withdrawn;
}

bool rfc_index_knows(const struct rfc_index *ix, const struct rfc_entry *row)
{
    const struct holder *h = rfc_table_holder(&ix->table, &row->holder);
    const struct entry *e = find_live(ix, row->rfc, h);

    return e != NULL && e->edition->key.size_bytes == row->size_bytes &&
           sha256_equal(&e->edition->key.sha256, &row->sha256);
}

void rfc_index_version(const struct rfc_index *ix, enum rfc_scope scope,
                       char out[CHANGES_VERSION_SIZE])
{
    changes_version(scope == RFC_SCOPE_OWN ? &ix->changes_own : &ix->changes_all, out);
}

static void copy_out(const struct entry *e, int64_t now_us, struct rfc_entry *out)
{
    bool own = e->holder == NULL;

    *out = (struct rfc_entry){
        .rfc = e->document->rfc,
        .own = own,
        .withdrawn = e->withdrawn,
        .size_bytes = e->edition->key.size_bytes,
        .sha256 = e->edition->key.sha256,
        .title = e->edition->title,
    };
    if (!own)
        out->holder = e->holder->addr;
    if (!e->withdrawn)
        out->ttl_s = own ? RFC_TTL_S : expiry_left_s(&e->expiry, now_us);
}

static bool visit_entry(const struct entry *e, int64_t now_us,
                        bool (*visit)(void *arg, const struct rfc_entry *e), void *arg)
{
    struct rfc_entry copy;

    copy_out(e, now_us, &copy);
    return visit(arg, &copy);
}

static bool visit_document(const struct document *d, enum rfc_scope scope, int64_t now_us,
                           bool (*visit)(void *arg, const struct rfc_entry *e), void *arg)
{
    const struct entry *e;

    if (d->own != NULL && !d->own->entry.withdrawn &&
        !visit_entry(&d->own->entry, now_us, visit, arg))
        return false;
    if (scope == RFC_SCOPE_OWN)
        return true;
    DL_FOREACH2(d->entries, e, doc_next)
    if (!e->withdrawn && !visit_entry(e, now_us, visit, arg))
        return false;
    return true;
}

void rfc_index_walk(struct rfc_index *ix, enum rfc_scope scope, int64_t now_us,
                    bool (*visit)(void *arg, const struct rfc_entry *e), void *arg)
{
    drop_expired(ix, now_us);
    rfc_table_sort(&ix->table);
    for (size_t i = 0; i < ix->table.order_count; i++)
        if (!visit_document(ix->table.order[i], scope, now_us, visit, arg))
            return;
}

void rfc_index_find(struct rfc_index *ix, uint32_t rfc, int64_t now_us,
                    bool (*visit)(void *arg, const struct rfc_entry *e), void *arg)
{
    drop_expired(ix, now_us);

    const struct document *d = rfc_table_document(&ix->table, rfc);

    if (d != NULL)
        (void)visit_document(d, RFC_SCOPE_ALL, now_us, visit, arg);
}

static const struct entry *entry_of(struct change *c, enum rfc_scope scope)
{
    if (scope == RFC_SCOPE_OWN)
        return &((struct own_entry *)(void *)((char *)c - offsetof(struct own_entry, own)))->entry;
    return (struct entry *)(void *)((char *)c - offsetof(struct entry, all));
}

bool rfc_index_walk_since(struct rfc_index *ix, enum rfc_scope scope, struct slice version,
                          int64_t now_us, bool (*visit)(void *arg, const struct rfc_entry *e),
                          void *arg)
{
    const struct changes *changes = scope == RFC_SCOPE_OWN ? &ix->changes_own : &ix->changes_all;
    uint64_t after = 0;

    drop_expired(ix, now_us);
    if (!changes_since(changes, version, &after))
        return false;
    for (struct change *c = changes_first_after(changes, after); c != NULL;
         c = changes_next(changes, c))
        if (!visit_entry(entry_of(c, scope), now_us, visit, arg))
            break;
    return true;
}
