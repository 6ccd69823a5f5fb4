/*
 * Who is registered, as text: rows, JSON, a page. A list is made once for all who ask for it and shared,
 * however slowly they read. rs.lock is held for copying the records only. Worker and listener threads.
 */
#include "internal.h"

#include "p2pdi/base/json.h"
#include "p2pdi/wire/rows.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#define HTML_ROWS_MAX 1000
/* TTLs run down, and records are renewed, while a list is kept. */
#define AGE_MAX_US CLOCK_US_PER_S
/* A list of fewer rows is made anew for each change; a longer one may be as old as that. */
#define EXACT_ROWS 1000

struct row_at {
    uint32_t peer;
    uint32_t at; /* in the text */
};

struct rs_list {
    _Atomic(unsigned) refs;
    char version[CHANGES_VERSION_SIZE];
    struct service_page *page;
    size_t count;        /* rows */
    struct row_at *rows; /* RS_LIST_ROWS: each, and the end of the text */
};

struct form {
    /* Bytes of all that somebody has, or that is kept; without encodings, which are at most as long. */
    _Atomic(uint64_t) alive;
    struct lock making;   /* held while one is made: the others who want it wait */
    struct rs_list *list; /* guarded by rs_lists.lock, as made_us; NULL: none is kept */
    int64_t made_us;
};

struct rs_lists {
    uint64_t held_max; /* bytes of lists of one form */
    struct lock lock;
    struct form form[RS_LISTS];
};

/* The records as they were at one moment. */
struct records {
    struct peer_record *at;
    size_t count, room;
};

static bool copy_record(void *arg, const struct peer_record *r)
{
    struct records *all = arg;
    if (all->count == all->room)
        return false;
    all->at[all->count++] = *r;
    return true;
}

/* ---- rows ------------------------------------------------------------------------------------ */

static void add_row(struct buf *b, const struct peer_record *r)
{
    struct wire_peer_row row;
    rs_row_of(r, &row);
    wire_peer_row_format(b, &row);
}

static void add_json(struct buf *b, const struct peer_record *r)
{
    char host[ADDR_HOST_SIZE];
    char when[TEXT_RFC3339_SIZE];
    addr_format_host(&r->addr, host);
    text_format_rfc3339(r->last_registered_s, when);
    json_object_begin(b, NULL);
    json_text(b, "host", host);
    json_u64(b, "peer", r->peer);
    json_bool(b, "active", r->active);
    json_u64(b, "ttl", r->ttl_s);
    json_u64(b, "port", r->addr.port);
    json_u64(b, "registrations", r->registrations);
    json_text(b, "last_registered", when);
    json_text(b, "reachable", wire_reachable_word(WIRE_REACHABLE_UNKNOWN));
    json_text(b, "name", r->name);
    json_text(b, "os", r->os);
    json_object_end(b);
}

static void add_html(struct buf *b, const struct peer_record *r)
{
    char at[ADDR_TEXT_SIZE];
    char when[TEXT_RFC3339_SIZE];
    addr_format(&r->addr, at);
    text_format_rfc3339(r->last_registered_s, when);
    buf_printf(b, "<tr><td>%u<td>", r->peer);
    if (r->active)
        buf_printf(b, "<a href=\"http://%s/\">%s</a>", at, at);
    else
        buf_append_str(b, at);
    buf_append_str(b, "<td>");
    service_append_html(b, r->name);
    buf_printf(b, "<td>%s<td>%u<td>%u<td>%s\n", r->active ? "active" : "inactive", r->ttl_s,
               r->registrations, when);
}

/* ---- whole texts ----------------------------------------------------------------------------- */

static void make_rows(struct rs_list *l, const struct records *all, struct buf *b)
{
    l->rows = calloc(all->count + 1, sizeof(*l->rows));
    if (l->rows == NULL) {
        b->err = DI_NOMEM;
        return;
    }
    wire_peer_header_format(b);
    for (size_t i = 0; i < all->count; i++) {
        l->rows[i] = (struct row_at){all->at[i].peer, (uint32_t)b->len};
        add_row(b, &all->at[i]);
    }
    l->rows[all->count].at = (uint32_t)b->len;
}

static void make_json(struct rs_list *l, const struct records *all, struct buf *b)
{
    (void)l;
    json_object_begin(b, NULL);
    json_array_begin(b, "peers");
    for (size_t i = 0; i < all->count; i++)
        add_json(b, &all->at[i]);
    json_array_end(b);
    json_object_end(b);
    buf_append_char(b, '\n');
}

static void make_html(struct rs_list *l, const struct records *all, struct buf *b)
{
    (void)l;
    buf_append_str(
        b, "<!doctype html>\n<html lang=\"en\"><meta charset=\"utf-8\">"
           "<meta name=\"viewport\" content=\"width=device-width\">"
           "<title>P2P-DI registration server</title>\n"
           "<style>body{font:1rem/1.5 system-ui,sans-serif;margin:2rem;color-scheme:light dark}"
           "td,th{text-align:left;padding:0 1.5em 0 0}</style>\n"
           "<h1>P2P-DI registration server</h1>\n"
           "<p>As text: <a href=\"/peers.tsv\">peers.tsv</a>, "
           "<a href=\"/peers.json\">peers.json</a>, <a href=\"/metrics\">metrics</a>.</p>\n"
           "<table><tr><th>peer<th>address<th>name<th>state<th>TTL<th>registrations (30 days)"
           "<th>last registration\n");
    for (size_t i = 0; i < all->count; i++)
        add_html(b, &all->at[i]);
    buf_append_str(b, "</table>\n");
    if (all->count == HTML_ROWS_MAX)
        buf_printf(b, "<p>The first %d records; peers.tsv has all active ones.</p>\n",
                   HTML_ROWS_MAX);
    else if (all->count == 0)
        buf_append_str(b, "<p>No peer has registered yet.</p>\n");
}

static const struct {
    enum peer_walk walk;
    size_t rows_max;
    void (*make)(struct rs_list *l, const struct records *all, struct buf *b);
} kinds[RS_LISTS] = {
    [RS_LIST_ROWS] = {PEER_WALK_ACTIVE, SIZE_MAX, make_rows},
    [RS_LIST_JSON] = {PEER_WALK_ACTIVE, SIZE_MAX, make_json},
    [RS_LIST_HTML] = {PEER_WALK_ALL, HTML_ROWS_MAX, make_html},
};

struct rs_list *rs_list_ref(struct rs_list *l)
{
    atomic_fetch_add_explicit(&l->refs, 1, memory_order_relaxed);
    return l;
}

void rs_list_unref(struct rs_list *l)
{
    if (l == NULL || atomic_fetch_sub_explicit(&l->refs, 1, memory_order_acq_rel) != 1)
        return;
    service_page_unref(l->page);
    free(l->rows);
    free(l);
}

static struct rs_list *list_new(const char *version)
{
    struct rs_list *l = calloc(1, sizeof(*l));
    if (l == NULL)
        return NULL;
    l->refs = 1;
    memcpy(l->version, version, sizeof(l->version));
    return l;
}

/* The text is written, if nothing failed. Takes both. */
static enum di_err list_finish(struct rs_list *l, struct buf *text, _Atomic(uint64_t) *alive,
                               struct rs_list **out)
{
    enum di_err err = buf_status(text);
    if (err == DI_OK) {
        l->page = service_page_new(text, alive);
        err = l->page != NULL ? DI_OK : DI_NOMEM;
    }
    buf_fini(text);
    if (err != DI_OK) {
        rs_list_unref(l);
        return err;
    }
    *out = l;
    return DI_OK;
}

static enum di_err make(struct form *f, enum rs_list_kind kind, const struct records *all,
                        const char *version, struct rs_list **out)
{
    struct rs_list *l = list_new(version);
    if (l == NULL)
        return DI_NOMEM;
    l->count = all->count;
    struct buf text;
    buf_init(&text, RS_PAGE_MAX);
    kinds[kind].make(l, all, &text);
    return list_finish(l, &text, &f->alive, out);
}

/* ---- what changed ---------------------------------------------------------------------------- */

struct news {
    struct rs_list *list;
    size_t room, max; /* rows */
    bool too_many;
    struct buf text;
};

static bool add_news(void *arg, const struct peer_record *r)
{
    struct news *n = arg;
    struct rs_list *l = n->list;
    if (l->count == n->max) {
        n->too_many = true;
        return false;
    }
    if (l->count + 1 >= n->room) {
        size_t room = n->room == 0 ? 16 : 2 * n->room;
        struct row_at *rows = realloc(l->rows, room * sizeof(*rows));
        if (rows == NULL) {
            n->text.err = DI_NOMEM;
            return false;
        }
        l->rows = rows;
        n->room = room;
    }
    l->rows[l->count++] = (struct row_at){r->peer, (uint32_t)n->text.len};
    add_row(&n->text, r);
    l->rows[l->count].at = (uint32_t)n->text.len;
    return true;
}

enum di_err rs_list_since_locked(struct rs *rs, const char *since, size_t max, int64_t now_us,
                                 int64_t wall_s, struct rs_list **out)
{
    char version[CHANGES_VERSION_SIZE];
    lock_assert_held(&rs->lock);
    peer_index_version(rs->index, version);
    struct news n = {.list = list_new(version), .max = max};
    if (n.list == NULL)
        return DI_NOMEM;
    buf_init(&n.text, RS_PAGE_MAX);
    wire_peer_header_format(&n.text);
    if (!peer_index_walk_since(rs->index, slice_of(since), now_us, wall_s, add_news, &n) ||
        n.too_many) {
        buf_fini(&n.text);
        rs_list_unref(n.list);
        return DI_NOT_FOUND;
    }
    return list_finish(n.list, &n.text, NULL, out);
}

/* ---- which one an asker gets ----------------------------------------------------------------- */

/* A reference to the one that is kept, if it will do. */
static struct rs_list *kept(struct rs_lists *lists, struct form *f, const char *version,
                            int64_t now_us)
{
    struct rs_list *l = NULL;
    lock_acquire(&lists->lock);
    if (f->list != NULL && now_us - f->made_us < AGE_MAX_US &&
        (f->list->count >= EXACT_ROWS || strcmp(f->list->version, version) == 0)) {
        l = rs_list_ref(f->list);
    }
    lock_release(&lists->lock);
    return l;
}

/* Are so many bytes of older lists still being read that no new one may be made? */
static bool is_full_locked(struct rs_lists *lists, const struct form *f)
{
    lock_assert_held(&lists->lock);
    uint64_t alive = atomic_load(&f->alive);
    uint64_t own = f->list != NULL ? service_page_text(f->list->page)->len : 0;
    return alive > own && alive - own >= lists->held_max;
}

/* Then the newest has to do, however old: a reference, or NULL. */
static struct rs_list *newest_if_full(struct rs_lists *lists, struct form *f, bool *full)
{
    struct rs_list *l = NULL;
    lock_acquire(&lists->lock);
    *full = is_full_locked(lists, f);
    if (*full && f->list != NULL) {
        l = rs_list_ref(f->list);
    }
    lock_release(&lists->lock);
    return l;
}

/* Puts a reference to the list (may be NULL) in the place of the one that was kept. */
static void keep(struct rs_lists *lists, struct form *f, struct rs_list *l, int64_t now_us)
{
    if (l != NULL)
        rs_list_ref(l);
    lock_acquire(&lists->lock);
    struct rs_list *old = f->list;
    f->list = l;
    f->made_us = now_us;
    lock_release(&lists->lock);
    rs_list_unref(old);
}

static enum di_err copy_records_locked(struct rs *rs, enum rs_list_kind kind, int64_t now_us,
                                       int64_t wall_s, struct records *all)
{
    size_t room = kinds[kind].walk == PEER_WALK_ALL ? peer_index_known(rs->index)
                                                    : peer_index_active(rs->index);
    lock_assert_held(&rs->lock);
    if (room > kinds[kind].rows_max)
        room = kinds[kind].rows_max;
    *all = (struct records){.at = malloc((room + 1) * sizeof(*all->at)), .room = room};
    if (all->at == NULL)
        return DI_NOMEM;
    peer_index_walk(rs->index, kinds[kind].walk, now_us, wall_s, copy_record, all);
    return DI_OK;
}

/* form.making is held. */
static enum di_err get(struct rs *rs, enum rs_list_kind kind, struct rs_list **out)
{
    struct rs_lists *lists = rs->lists;
    struct form *f = &lists->form[kind];
    struct records all = {0};
    enum di_err err = DI_OK;
    int64_t now_us = clock_mono_us();
    int64_t wall_s = clock_wall_s();
    char version[CHANGES_VERSION_SIZE];
    bool full = false;

    lock_acquire(&rs->lock);
    rs_expire_locked(rs, now_us, wall_s);
    peer_index_version(rs->index, version);
    *out = kept(lists, f, version, now_us);
    if (*out == NULL)
        *out = newest_if_full(lists, f, &full);
    if (*out == NULL && !full)
        err = copy_records_locked(rs, kind, now_us, wall_s, &all);
    lock_release(&rs->lock);
    if (*out != NULL)
        return DI_OK;
    if (full)
        return DI_LIMIT;

    keep(lists, f, NULL, now_us);
    if (err == DI_OK)
        err = make(f, kind, &all, version, out);
    if (err == DI_OK)
        keep(lists, f, *out, now_us);
    free(all.at);
    return err;
}

enum di_err rs_list_get(struct rs *rs, enum rs_list_kind kind, struct rs_list **out)
{
    struct lock *making = &rs->lists->form[kind].making;
    lock_acquire(making);
    enum di_err err = get(rs, kind, out);
    lock_release(making);
    return err;
}

const char *rs_list_version(const struct rs_list *l)
{
    return l->version;
}

struct service_page *rs_list_page(const struct rs_list *l)
{
    return l->page;
}

void rs_list_but(const struct rs_list *l, uint32_t but, struct rs_list_part *out)
{
    const struct buf *text = service_page_text(l->page);
    const char *bytes = buf_bytes(text);
    *out = (struct rs_list_part){.count = l->count, .part = {{bytes, text->len}, {bytes, 0}}};
    for (size_t i = 0; but != 0 && i < l->count; i++) {
        if (l->rows[i].peer != but)
            continue;
        out->count--;
        out->part[0].n = l->rows[i].at;
        out->part[1] = (struct slice){bytes + l->rows[i + 1].at, text->len - l->rows[i + 1].at};
        return;
    }
}

/* ---- life ------------------------------------------------------------------------------------ */

void rs_lists_forget_old(struct rs_lists *lists, int64_t now_us)
{
    for (size_t i = 0; i < RS_LISTS; i++) {
        struct form *f = &lists->form[i];
        lock_acquire(&lists->lock);
        bool old =
            f->list != NULL && now_us - f->made_us >= AGE_MAX_US && !is_full_locked(lists, f);
        struct rs_list *l = old ? f->list : NULL;
        if (old)
            f->list = NULL;
        lock_release(&lists->lock);
        rs_list_unref(l);
    }
}

enum di_err rs_lists_new(uint64_t held_max, struct rs_lists **out)
{
    struct rs_lists *lists = calloc(1, sizeof(*lists));
    if (lists == NULL)
        return DI_NOMEM;
    lists->held_max = held_max;
    lock_init(&lists->lock);
    for (size_t i = 0; i < RS_LISTS; i++)
        lock_init(&lists->form[i].making);
    *out = lists;
    return DI_OK;
}

void rs_lists_free(struct rs_lists *lists)
{
    if (lists == NULL)
        return;
    for (size_t i = 0; i < RS_LISTS; i++) {
        rs_list_unref(lists->form[i].list);
        lock_fini(&lists->form[i].making);
    }
    lock_fini(&lists->lock);
    free(lists);
}
