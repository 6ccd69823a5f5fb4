/* What the rows of screens own, and the board that snapshots are taken of. The writer serialises. */
#include "p2pdi/stats/snapshot.h"

#include <stdlib.h>
#include <string.h>

const char *snap_request_word(enum snap_request_kind kind)
{
    static const char *const words[] = {
#define X(name, word) word,
        SNAP_REQUEST_MAP(X)
#undef X
    };

    return (size_t)kind < sizeof(words) / sizeof(words[0]) ? words[kind] : "?";
}

static void record_retain(void *row)
{
    struct snap_record *r = row;

    shared_text_ref(r->name);
    shared_text_ref(r->os);
}

static void record_release(void *row)
{
    struct snap_record *r = row;

    shared_text_unref(r->name);
    shared_text_unref(r->os);
}

static void rfc_retain(void *row)
{
    shared_text_ref(((struct snap_rfc *)row)->title);
}

static void rfc_release(void *row)
{
    shared_text_unref(((struct snap_rfc *)row)->title);
}

static void transfer_retain(void *row)
{
    shared_text_ref(((struct snap_transfer *)row)->why);
}

static void transfer_release(void *row)
{
    shared_text_unref(((struct snap_transfer *)row)->why);
}

static void line_retain(void *row)
{
    shared_text_ref(((struct snap_line *)row)->text);
}

static void line_release(void *row)
{
    shared_text_unref(((struct snap_line *)row)->text);
}

const struct rows_type snap_record_type = {sizeof(struct snap_record), record_retain,
                                           record_release};
const struct rows_type snap_request_type = {sizeof(struct snap_request), NULL, NULL};
const struct rows_type snap_peer_type = {sizeof(struct snap_peer), NULL, NULL};
const struct rows_type snap_rfc_type = {sizeof(struct snap_rfc), rfc_retain, rfc_release};
const struct rows_type snap_transfer_type = {sizeof(struct snap_transfer), transfer_retain,
                                             transfer_release};
const struct rows_type snap_line_type = {sizeof(struct snap_line), line_retain, line_release};

/* Member of snap_content, its type. */
#define TABLE_MAP(X)                                                                               \
    X(peers, snap_peer_type)                                                                       \
    X(rfcs, snap_rfc_type)                                                                         \
    X(transfers, snap_transfer_type)                                                               \
    X(records, snap_record_type)                                                                   \
    X(requests, snap_request_type)                                                                 \
    X(log, snap_line_type)

void snap_history_push(struct snap_history *h, int64_t value)
{
    if (h->count == SNAP_SAMPLES) {
        memmove(h->sample, h->sample + 1, (SNAP_SAMPLES - 1) * sizeof(h->sample[0]));
        h->count--;
    }
    h->sample[h->count++] = value;
}

static void content_fini(struct snap_content *c)
{
#define X(table, type) rows_fini(&c->table);
    TABLE_MAP(X)
#undef X
    shared_text_unref(c->rs.store);
    shared_text_unref(c->demo.text);
}

void snap_board_init(struct snap_board *b)
{
    *b = (struct snap_board){0};
#define X(table, type) rows_init(&b->content.table, &(type));
    TABLE_MAP(X)
#undef X
}

void snap_board_fini(struct snap_board *b)
{
    content_fini(&b->content);
}

void snap_board_touch(struct snap_board *b)
{
    b->status_version++;
}

void snap_board_log(struct snap_board *b, enum snap_level level, int64_t at_s, struct slice text)
{
    char clean[1024];
    size_t n = text_clean(clean, sizeof(clean), text);
    struct shared_text *t = shared_text_new((struct slice){clean, n});
    struct snap_line *line = t == NULL ? NULL : rows_append(&b->content.log);

    if (line == NULL) {
        shared_text_unref(t);
        return;
    }
    *line = (struct snap_line){.at_s = at_s, .level = level, .text = t};
    rows_drop_front(&b->content.log, SNAP_LOG_MAX);
}

struct snapshot *snap_board_snapshot(const struct snap_board *b)
{
    struct snapshot *s = malloc(sizeof(*s));
    enum di_err err = DI_OK;

    if (s == NULL)
        return NULL;
    atomic_init(&s->refs, 1);
    s->version = b->status_version;
    s->content.peer = b->content.peer;
    s->content.rs = b->content.rs;
    s->content.demo = b->content.demo;
    shared_text_ref(s->content.rs.store);
    shared_text_ref(s->content.demo.text);
#define X(table, type)                                                                             \
    s->version += b->content.table.version;                                                        \
    if (rows_share(&b->content.table, &s->content.table) != DI_OK)                                 \
        err = DI_NOMEM;
    TABLE_MAP(X)
#undef X
    if (err != DI_OK) {
        snapshot_unref(s);
        return NULL;
    }
    return s;
}

void snapshot_unref(struct snapshot *s)
{
    if (s != NULL && atomic_fetch_sub_explicit(&s->refs, 1, memory_order_acq_rel) == 1) {
        content_fini(&s->content);
        free(s);
    }
}
