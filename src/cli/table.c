/* Tables of peers, documents, transfers. Main thread; pure but for the time zone. */
#include "table.h"

#include "batch.h"
#include "events.h"

#include "p2pdi/base/json.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define TITLES_MAX ((size_t)1 << 30)
#define HOLDERS_MOST 6 /* shown in a line of the index */

/* Room for one more; false (and *failed) without memory. */
static bool grow(void **rows, size_t *room, size_t count, size_t size, bool *failed)
{
    if (count < *room)
        return true;
    size_t more = *room == 0 ? 64 : *room * 2;
    void *grown = reallocarray(*rows, more, size);
    if (grown == NULL) {
        *failed = true;
        return false;
    }
    *rows = grown;
    *room = more;
    return true;
}

/* ---- peers ---------------------------------------------------------------------------------------- */

bool peer_table_add(void *arg, const struct wire_peer_row *row)
{
    struct peer_table *t = arg;
    void *rows = t->rows;
    bool fits = grow(&rows, &t->room, t->count, sizeof(*row), &t->failed);
    t->rows = rows;
    if (fits)
        t->rows[t->count++] = *row;
    return fits;
}

void peer_table_fini(struct peer_table *t)
{
    free(t->rows);
    *t = (struct peer_table){0};
}

static int by_peer(const void *a, const void *b)
{
    const struct wire_peer_row *x = a, *y = b;
    return (x->peer > y->peer) - (x->peer < y->peer);
}

static void sort_peers(struct peer_table *t)
{
    if (t->count > 1)
        qsort(t->rows, t->count, sizeof(t->rows[0]), by_peer);
}

/* As the original showed it: "Tue Oct  1 20:33:53 2019". */
static void format_local_time(int64_t wall_s, char out[32])
{
    time_t t = (time_t)wall_s;
    struct tm tm;

    if (localtime_r(&t, &tm) == NULL || strftime(out, 32, "%a %b %e %H:%M:%S %Y", &tm) == 0)
        snprintf(out, 32, "%" PRId64, wall_s);
}

void peer_table_text(struct peer_table *t, struct buf *out)
{
    size_t widest = strlen("Hostname");

    sort_peers(t);
    for (size_t i = 0; i < t->count; i++) {
        char host[ADDR_HOST_SIZE];
        addr_format_host(&t->rows[i].addr, host);
        if (strlen(host) > widest)
            widest = strlen(host);
    }
    buf_printf(out, "%-*s  %6s  Active Flag  %5s  Listening Port  Registrations  %s\n", (int)widest,
               "Hostname", "Peer", "TTL", "Most Recent Registration");
    for (size_t i = 0; i < t->count; i++) {
        const struct wire_peer_row *r = &t->rows[i];
        char host[ADDR_HOST_SIZE], when[32];
        addr_format_host(&r->addr, host);
        format_local_time(r->last_registered_s, when);
        buf_printf(out, "%-*s  %6" PRIu32 "  %-11s  %5" PRIu32 "  %14u  %13" PRIu32 "  %s\n",
                   (int)widest, host, r->peer, r->active ? "Active" : "Inactive", r->ttl_s,
                   (unsigned)r->addr.port, r->registrations, when);
    }
}

void peer_table_json(struct peer_table *t, struct buf *out, int64_t since_start_us)
{
    sort_peers(t);
    struct peer_event ev = {
        .kind = PEER_EV_PEERS, .at_us = since_start_us, .rows = t->rows, .count = t->count};
    event_format_json(out, &ev, 0);
}

/* ---- index ---------------------------------------------------------------------------------------- */

void index_table_init(struct index_table *t, struct slice pattern)
{
    *t = (struct index_table){.pattern = pattern};
    buf_init(&t->titles, TITLES_MAX);
}

void index_table_fini(struct index_table *t)
{
    buf_fini(&t->titles);
    free(t->rows);
    *t = (struct index_table){0};
}

bool index_table_add(void *arg, const struct rfc_entry *e)
{
    struct index_table *t = arg;

    if (e->withdrawn || (t->pattern.n > 0 && !batch_pattern_fits(t->pattern, e->rfc, e->title)))
        return true;
    void *rows = t->rows;
    bool fits = grow(&rows, &t->room, t->count, sizeof(t->rows[0]), &t->failed);
    t->rows = rows;
    if (!fits)
        return false;
    t->rows[t->count++] = (struct index_row){.rfc = e->rfc,
                                             .ttl_s = e->ttl_s,
                                             .own = e->own,
                                             .holder = e->holder,
                                             .size_bytes = e->size_bytes,
                                             .sha256 = e->sha256,
                                             .title = t->titles.len};
    buf_append(&t->titles, e->title, strlen(e->title) + 1);
    if (buf_status(&t->titles) != DI_OK) {
        t->count--;
        t->failed = true;
    }
    return !t->failed;
}

bool index_table_add_row(void *arg, const struct wire_index_row *row)
{
    struct rfc_entry e = {.rfc = row->rfc,
                          .ttl_s = row->ttl_s,
                          .holder = row->holder,
                          .size_bytes = row->size_bytes,
                          .sha256 = row->sha256,
                          .title = row->title,
                          .withdrawn = row->ttl_s == 0};
    return index_table_add(arg, &e);
}

static int by_document(const void *a, const void *b)
{
    const struct index_row *x = a, *y = b;

    if (x->rfc != y->rfc)
        return x->rfc < y->rfc ? -1 : 1;
    int order = memcmp(&x->sha256, &y->sha256, sizeof(x->sha256));
    if (order != 0)
        return order;
    if (x->own != y->own)
        return x->own ? -1 : 1;
    return addr_compare(&x->holder, &y->holder);
}

static void sort_index(struct index_table *t)
{
    if (t->count > 1)
        qsort(t->rows, t->count, sizeof(t->rows[0]), by_document);
}

static void append_holder(char *out, size_t size, const struct index_row *r,
                          const struct peer_table *peers)
{
    char text[ADDR_TEXT_SIZE];
    size_t used = strlen(out);
    const char *comma = used == 0 ? "" : ",";

    if (r->own) {
        snprintf(out + used, size - used, "%shere", comma);
        return;
    }
    for (size_t i = 0; i < peers->count; i++) {
        if (addr_equal(&peers->rows[i].addr, &r->holder)) {
            snprintf(out + used, size - used, "%s%" PRIu32, comma, peers->rows[i].peer);
            return;
        }
    }
    addr_format(&r->holder, text);
    snprintf(out + used, size - used, "%s%s", comma, text);
}

/* How many rows from i on are about the same content of the same document. */
static size_t edition_len(const struct index_table *t, size_t i)
{
    size_t n = 1;
    while (i + n < t->count && t->rows[i + n].rfc == t->rows[i].rfc &&
           memcmp(&t->rows[i + n].sha256, &t->rows[i].sha256, sizeof(struct sha256)) == 0)
        n++;
    return n;
}

static size_t count_documents(const struct index_table *t)
{
    size_t documents = 0;
    for (size_t i = 0; i < t->count; i++)
        if (i == 0 || t->rows[i].rfc != t->rows[i - 1].rfc)
            documents++;
    return documents;
}

size_t index_table_text(struct index_table *t, const struct peer_table *peers, struct buf *out)
{
    sort_index(t);
    buf_printf(out, "%8s  %5s  %-14s  %s\n", "RFC", "Size", "Held by peers", "Title");
    for (size_t i = 0; i < t->count;) {
        char holders[HOLDERS_MOST * (ADDR_TEXT_SIZE + 1) + 32] = "";
        char size[TEXT_HUMAN_SIZE];
        size_t n = edition_len(t, i);

        for (size_t j = 0; j < n && j < HOLDERS_MOST; j++)
            append_holder(holders, sizeof(holders), &t->rows[i + j], peers);
        if (n > HOLDERS_MOST) {
            size_t used = strlen(holders);
            snprintf(holders + used, sizeof(holders) - used, ",+%zu", n - HOLDERS_MOST);
        }
        text_human_bytes(t->rows[i].size_bytes, size);
        buf_printf(out, "%8" PRIu32 "  %5s  %-14s  %s\n", t->rows[i].rfc, size, holders,
                   buf_bytes(&t->titles) + t->rows[i].title);
        i += n;
    }
    return count_documents(t);
}

size_t index_table_json(struct index_table *t, struct buf *out, int64_t since_start_us)
{
    sort_index(t);
    for (size_t i = 0; i < t->count; i++) {
        const struct index_row *r = &t->rows[i];
        char holder[ADDR_TEXT_SIZE], hex[SHA256_HEX_SIZE];

        event_json_begin(out, "entry", since_start_us);
        json_u64(out, "rfc", r->rfc);
        json_text(out, "title", buf_bytes(&t->titles) + r->title);
        addr_format(&r->holder, holder);
        if (!r->own)
            json_text(out, "from", holder);
        json_bool(out, "own", r->own);
        json_u64(out, "ttl", r->ttl_s);
        json_u64(out, "bytes", r->size_bytes);
        sha256_format(&r->sha256, hex);
        json_text(out, "sha256", hex);
        event_json_end(out);
    }
    struct peer_event ev = {.kind = PEER_EV_INDEX,
                            .at_us = since_start_us,
                            .documents = count_documents(t),
                            .entries = t->count};
    event_format_json(out, &ev, 0);
    return ev.documents;
}

/* ---- transfers, status ---------------------------------------------------------------------------- */

void transfer_lines_head(struct transfer_lines *l)
{
    if (!l->json)
        buf_printf(l->out, "%8s  %-21s  %5s  %5s  %7s  %s\n", "RFC", "From", "Size", "Here", "Time",
                   "State");
}

bool transfer_lines_add(void *arg, const struct peer_transfer *t)
{
    struct transfer_lines *l = arg;
    char from[ADDR_TEXT_SIZE], size[TEXT_HUMAN_SIZE], here[TEXT_HUMAN_SIZE], time[TEXT_HUMAN_SIZE];

    addr_format(&t->holder, from);
    if (l->json) {
        event_json_begin(l->out, "transfer", l->since_start_us);
        json_u64(l->out, "rfc", t->rfc);
        json_text(l->out, "from", from);
        json_u64(l->out, "bytes", t->size_bytes);
        json_u64(l->out, "have", t->have_bytes);
        json_i64(l->out, "us", t->us);
        json_bool(l->out, "finished", t->done);
        event_json_end(l->out);
        return true;
    }
    text_human_bytes(t->size_bytes, size);
    text_human_bytes(t->have_bytes, here);
    text_human_duration_us(t->us, time);
    buf_printf(l->out, "%8" PRIu32 "  %-21s  %5s  %5s  %7s  %s\n", t->rfc, from, size, here, time,
               t->done ? "done" : "running");
    return true;
}

void status_text(const struct peer_status *s, struct buf *out)
{
    char rs[ADDR_TEXT_SIZE];

    addr_format(&s->rs, rs);
    if (s->registered)
        buf_printf(out,
                   "registered: yes, with %s as peer %" PRIu32 ", %" PRIu32
                   " s left, reachable: %s\n",
                   rs, s->peer_id, s->ttl_s, wire_reachable_word(s->reachable));
    else
        buf_printf(out, "registered: no, server %s\n", rs);
    buf_printf(out, "peers: %zu\nRFCs: %zu known, %zu here%s\nwanted: %zu\n", s->peers,
               s->documents, s->held, s->scanned ? "" : " (still looking)", s->pending);
}

void status_json(const struct peer_status *s, struct buf *out, int64_t since_start_us)
{
    char rs[ADDR_TEXT_SIZE];

    addr_format(&s->rs, rs);
    event_json_begin(out, "status", since_start_us);
    json_bool(out, "registered", s->registered);
    json_u64(out, "peer", s->peer_id);
    json_text(out, "rs", rs);
    json_u64(out, "ttl", s->ttl_s);
    json_text(out, "reachable", wire_reachable_word(s->reachable));
    json_u64(out, "peers", s->peers);
    json_u64(out, "rfcs", s->documents);
    json_u64(out, "held", s->held);
    json_u64(out, "pending", s->pending);
    json_bool(out, "scanned", s->scanned);
    event_json_end(out);
}
