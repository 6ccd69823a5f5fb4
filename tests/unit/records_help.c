/* A store of the RS's records in a directory of its own, for tests. */
#include "records_help.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

char records_dir[256];
char records_path[512];

int records_make_dir(void **state)
{
    (void)state;
    help_make_dir(records_dir, "records");
    (void)snprintf(records_path, sizeof records_path, "%s/records.db", records_dir);
    return 0;
}

struct record_store *records_open(void)
{
    struct record_store *s = NULL;
    char why[256] = "";
    enum di_err err = record_store_open_sqlite(records_path, &s, why);
    if (err != DI_OK)
        fail_msg("open: %s", why);
    return s;
}

void records_make(struct stored_record *r, uint32_t peer)
{
    char cookie[32];
    memset(r, 0, sizeof *r);
    int n = snprintf(cookie, sizeof cookie, "cookie %u", peer);
    assert_int_equal(sha256_of(cookie, (size_t)n, &r->record.cookie), DI_OK);
    r->record.peer = peer;
    r->record.addr = addr_ipv4(192, 0, 2, (uint8_t)peer, (uint16_t)(40000 + peer % 1000));
    r->record.active = true;
    r->record.ttl_s = PEER_TTL_S;
    r->record.last_registered_s = NOW_S - 5;
    (void)snprintf(r->record.name, sizeof r->record.name, "host-%u", peer);
    (void)snprintf(r->record.os, sizeof r->record.os, "Linux");
    r->stamps[0] = (struct peer_stamp){.at_s = NOW_S - PEER_WINDOW_S - 10, .count = 7};
    r->stamps[1] = (struct peer_stamp){.at_s = NOW_S - 5, .count = 2};
    r->stamp_count = 2;
}

struct waiter {
    struct lock lock;
    struct cond cond;
    int waiting;
    enum di_err err;
};

static void on_durable(void *arg, enum di_err err)
{
    struct waiter *w = arg;
    lock_acquire(&w->lock);
    w->waiting--;
    if (err != DI_OK)
        w->err = err;
    cond_signal(&w->cond);
    lock_release(&w->lock);
}

enum di_err records_put_all(struct record_store *s, const struct stored_record *r, size_t count)
{
    struct waiter w = {.waiting = 1};
    lock_init(&w.lock);
    cond_init(&w.cond);
    enum di_err err = s->ops->put(s, r, count, NOW_S, on_durable, &w);
    lock_acquire(&w.lock);
    while (err == DI_OK && w.waiting > 0)
        cond_wait(&w.cond, &w.lock);
    lock_release(&w.lock);
    cond_fini(&w.cond);
    lock_fini(&w.lock);
    return err != DI_OK ? err : w.err;
}

enum di_err records_put(struct record_store *s, const struct stored_record *r)
{
    return records_put_all(s, r, 1);
}

enum di_err records_on_loaded(void *arg, const struct stored_record *r)
{
    struct records_loaded *l = arg;
    if (l->count == l->cap) {
        l->cap = l->cap == 0 ? 16 : 2 * l->cap;
        l->record = realloc(l->record, l->cap * sizeof *l->record);
        assert_non_null(l->record);
    }
    l->record[l->count++] = *r;
    return DI_OK;
}

void records_load_at(int64_t wall_s, struct records_loaded *l)
{
    records_load_most(wall_s, 1000000, l);
}

void records_load_most(int64_t wall_s, size_t keep_max, struct records_loaded *l)
{
    struct record_store *s = records_open();
    *l = (struct records_loaded){0};
    assert_int_equal(s->ops->load(s, wall_s, keep_max, records_on_loaded, l), DI_OK);
    s->ops->close(s);
}

void records_keep_one(uint32_t peer)
{
    struct stored_record r;
    struct record_store *s = records_open();
    records_make(&r, peer);
    assert_int_equal(records_put(s, &r), DI_OK);
    s->ops->close(s);
}
