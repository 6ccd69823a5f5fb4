/*
 * The catalog as text: index rows, JSON, a page; whole or what changed since. Whole bodies are kept
 * and shared, so that many who ask the same cost one formatting. Worker and listener threads.
 */
#include "internal.h"

#include "p2pdi/base/json.h"
#include "p2pdi/service/service.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

/* Kept bodies: a few kinds for a few local addresses. */
#define LISTINGS_KEPT 8
/* TTLs of learned rows run down while a body is kept. */
#define LISTING_AGE_US CLOCK_US_PER_S
/* A longer delta is not sent: the asker gets the whole index, of which all askers share one copy. */
#define DELTA_MAX ((size_t)64 << 10)

struct kept {
    struct listing *listing;
    enum listing_kind kind;
    struct addr local;
    int64_t made_us;
};

struct listings {
    struct peer *peer;

    struct lock lock;
    struct kept kept[LISTINGS_KEPT]; /* guarded by lock; listing NULL: free */
};

/* What one walk writes into, and as whom. */
struct writer {
    struct buf *out;
    struct addr local; /* stands as holder of our own rows */
    size_t rows;
};

enum di_err listings_new(struct peer *p, struct listings **out)
{
    struct listings *l = calloc(1, sizeof(*l));
    if (l == NULL)
        return DI_NOMEM;
    l->peer = p;
    lock_init(&l->lock);
    *out = l;
    return DI_OK;
}

void listings_free(struct listings *l)
{
    if (l == NULL)
        return;
    for (size_t i = 0; i < LISTINGS_KEPT; i++)
        listing_unref(l->kept[i].listing);
    lock_fini(&l->lock);
    free(l);
}

struct listing *listing_ref(struct listing *l)
{
    atomic_fetch_add_explicit(&l->refs, 1, memory_order_relaxed);
    return l;
}

void listing_unref(void *listing)
{
    struct listing *l = listing;
    if (l == NULL || atomic_fetch_sub_explicit(&l->refs, 1, memory_order_acq_rel) != 1)
        return;
    for (size_t i = 0; i <= CODING_GZIP; i++)
        buf_fini(&l->coded[i]);
    buf_fini(&l->text);
    lock_fini(&l->lock);
    free(l);
}

/* News are many and small, and most are for few: they are encoded as fast as can be. */
const struct buf *listing_coded(struct listing *l, enum coding *c)
{
    static const int level[] = {[CODING_ZSTD] = 3, [CODING_GZIP] = CODING_LEVEL_FAST};
    struct buf *coded = &l->coded[*c];
    bool good = false;
    if (*c != CODING_IDENTITY && l->text.len >= CODED_MIN) {
        /* Who asks for the same meanwhile waits for it: one core needs milliseconds. */
        lock_acquire(&l->lock);
        good = coded->len > 0 || coding_encode(*c, l->delta ? CODING_LEVEL_FAST : level[*c],
                                               buf_bytes(&l->text), l->text.len, coded) == DI_OK;
        lock_release(&l->lock);
    }
    if (!good)
        *c = CODING_IDENTITY;
    return good ? coded : &l->text;
}

/* ---- rows ------------------------------------------------------------------------------------ */

static const struct addr *holder_of(const struct writer *w, const struct rfc_entry *e)
{
    return e->own ? &w->local : &e->holder;
}

static bool write_row(void *arg, const struct rfc_entry *e)
{
    struct writer *w = arg;
    struct wire_index_row row = {
        .rfc = e->rfc,
        .ttl_s = e->withdrawn ? 0 : e->ttl_s,
        .holder = *holder_of(w, e),
        .size_bytes = e->size_bytes,
        .sha256 = e->sha256,
    };
    /* Only what precedes the NUL counts: the rest of the array need not be written. */
    size_t len = strnlen(e->title, sizeof(row.title) - 1);
    memcpy(row.title, e->title, len);
    row.title[len] = '\0';
    wire_index_row_format(w->out, &row);
    w->rows++;
    return buf_status(w->out) == DI_OK;
}

static bool write_json(void *arg, const struct rfc_entry *e)
{
    struct writer *w = arg;
    char host[ADDR_HOST_SIZE];
    char hex[SHA256_HEX_SIZE];
    addr_format_host(holder_of(w, e), host);
    sha256_format(&e->sha256, hex);
    json_object_begin(w->out, NULL);
    json_u64(w->out, "rfc", e->rfc);
    json_text(w->out, "title", e->title);
    json_text(w->out, "host", host);
    json_u64(w->out, "port", holder_of(w, e)->port);
    json_u64(w->out, "ttl", e->ttl_s);
    json_u64(w->out, "size", e->size_bytes);
    json_text(w->out, "sha256", hex);
    json_object_end(w->out);
    return buf_status(w->out) == DI_OK;
}

static bool write_html(void *arg, const struct rfc_entry *e)
{
    struct writer *w = arg;
    char size[TEXT_HUMAN_SIZE];
    text_human_bytes(e->size_bytes, size);
    buf_printf(w->out, "<tr><td><a href=\"/rfc/%u.txt\">RFC %u</a></td><td>%s</td><td>", e->rfc,
               e->rfc, size);
    service_append_html(w->out, e->title);
    buf_append_str(w->out, "</td></tr>\n");
    w->rows++;
    return buf_status(w->out) == DI_OK;
}

/* ---- whole bodies ---------------------------------------------------------------------------- */

static void make_rows(struct peer *p, enum rfc_scope scope, struct listing *l, struct writer *w)
{
    wire_index_header_format(&l->text);
    catalog_walk(p->catalog, scope, l->version, write_row, w);
}

static void make_json(struct peer *p, struct listing *l, struct writer *w)
{
    json_array_begin(&l->text, NULL);
    catalog_walk(p->catalog, RFC_SCOPE_ALL, l->version, write_json, w);
    json_array_end(&l->text);
    buf_append_char(&l->text, '\n');
}

static void make_html(struct peer *p, struct listing *l, struct writer *w)
{
    char name[ADDR_TEXT_SIZE];
    addr_format(&w->local, name);
    buf_printf(&l->text,
               "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
               "<title>RFCs at %s</title>\n"
               "<style>body{font-family:sans-serif}td{padding:0 1em 0 0}"
               "td:nth-child(2){text-align:right}</style></head>\n"
               "<body><h1>RFCs at %s</h1>\n<table>\n",
               name, name);
    catalog_walk(p->catalog, RFC_SCOPE_OWN, l->version, write_html, w);
    buf_printf(&l->text,
               "</table>\n<p>%zu here. <a href=\"/index.tsv\">Index</a> of these and of others "
               "known of, <a href=\"/index.json\">as JSON</a>; <a href=\"/metrics\">metrics</a>."
               "</p></body></html>\n",
               w->rows);
}

static struct listing *listing_new(size_t text_max)
{
    struct listing *l = calloc(1, sizeof(*l));
    if (l == NULL)
        return NULL;
    l->refs = 1;
    lock_init(&l->lock);
    buf_init(&l->text, text_max);
    return l;
}

/* The text is written, if nothing failed. Takes l. */
static enum di_err listing_finish(struct listing *l, struct listing **out)
{
    enum di_err err = buf_status(&l->text);
    if (err != DI_OK) {
        listing_unref(l);
        return err;
    }
    for (size_t i = 0; i <= CODING_GZIP; i++)
        buf_init(&l->coded[i], l->text.len); /* longer: of no use */
    *out = l;
    return DI_OK;
}

static enum di_err make(struct peer *p, enum listing_kind kind, const struct addr *local,
                        struct listing **out)
{
    struct listing *l = listing_new(PEER_PAGE_MAX);
    if (l == NULL)
        return DI_NOMEM;
    struct writer w = {.out = &l->text, .local = *local};
    switch (kind) {
    case LISTING_ROWS:
        make_rows(p, RFC_SCOPE_ALL, l, &w);
        break;
    case LISTING_OWN_ROWS:
        make_rows(p, RFC_SCOPE_OWN, l, &w);
        break;
    case LISTING_JSON:
        make_json(p, l, &w);
        break;
    case LISTING_HTML:
        make_html(p, l, &w);
        break;
    case LISTING_KINDS:
        break;
    }
    return listing_finish(l, out);
}

static enum rfc_scope scope_of(enum listing_kind kind)
{
    return kind == LISTING_OWN_ROWS || kind == LISTING_HTML ? RFC_SCOPE_OWN : RFC_SCOPE_ALL;
}

/* The place of that body, or the oldest one. */
static struct kept *place_locked(struct listings *l, enum listing_kind kind,
                                 const struct addr *local)
{
    lock_assert_held(&l->lock);
    struct kept *oldest = &l->kept[0];
    for (size_t i = 0; i < LISTINGS_KEPT; i++) {
        struct kept *k = &l->kept[i];
        if (k->listing != NULL && k->kind == kind && addr_equal(&k->local, local))
            return k;
        if (oldest->listing != NULL && (k->listing == NULL || k->made_us < oldest->made_us))
            oldest = k;
    }
    listing_unref(oldest->listing);
    *oldest = (struct kept){.kind = kind, .local = *local};
    return oldest;
}

enum di_err listing_get(struct listings *l, enum listing_kind kind, const struct addr *local,
                        struct listing **out)
{
    struct addr as = *local;
    as.port = l->peer->addr.port;
    int64_t now_us = clock_mono_us();
    char version[CHANGES_VERSION_SIZE];
    catalog_version(l->peer->catalog, scope_of(kind), version);

    enum di_err err = DI_OK;
    lock_acquire(&l->lock);
    struct kept *k = place_locked(l, kind, &as);
    bool good = k->listing != NULL && strcmp(k->listing->version, version) == 0 &&
                (scope_of(kind) == RFC_SCOPE_OWN || now_us - k->made_us < LISTING_AGE_US);
    if (!good) {
        struct listing *made = NULL;
        err = make(l->peer, kind, &as, &made);
        if (err == DI_OK) {
            listing_unref(k->listing);
            k->listing = made;
            k->made_us = now_us;
        }
    }
    if (err == DI_OK)
        *out = listing_ref(k->listing);
    lock_release(&l->lock);
    return err;
}

enum di_err listing_since(struct peer *p, enum rfc_scope scope, struct slice since,
                          const struct addr *local, struct listing **out)
{
    struct listing *l = listing_new(DELTA_MAX);
    if (l == NULL)
        return DI_NOMEM;
    struct writer w = {.out = &l->text, .local = *local};
    w.local.port = p->addr.port;
    l->delta = true;
    wire_index_header_format(&l->text);
    if (!catalog_walk_since(p->catalog, scope, since, l->version, write_row, &w)) {
        listing_unref(l);
        return DI_NOT_FOUND;
    }
    if (w.rows == 0)
        buf_clear(&l->text);
    enum di_err err = listing_finish(l, out);
    return err == DI_LIMIT ? DI_NOT_FOUND : err;
}
