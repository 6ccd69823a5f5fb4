/* What a peer's screen is shown of the others, of the index and of downloads, while these come and go. */
#include "peer_world.h"

#include "p2pdi/base/clock.h"
#include "p2pdi/stats/snapshot.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

static struct world world;
static struct node holder, node;
static struct snapshot *shown;

static struct {
    struct lock lock;
    struct cond cond;
    bool any;
} news;

static void on_news(void *arg)
{
    (void)arg;
    lock_acquire(&news.lock);
    news.any = true;
    cond_signal(&news.cond);
    lock_release(&news.lock);
}

/* As a screen: until there is something new, or it is time to see how far downloads have come. */
static void wait_for_news(void)
{
    int64_t until_us = clock_mono_us() + 100 * CLOCK_US_PER_MS;
    lock_acquire(&news.lock);
    while (!news.any && cond_wait_until(&news.cond, &news.lock, until_us))
        continue;
    news.any = false;
    lock_release(&news.lock);
}

static int start(void **state)
{
    (void)state;
    lock_init(&news.lock);
    cond_init(&news.cond);
    world_start(&world);
    node_init(&holder, "holder");
    node_init(&node, "node");
    assert_int_equal(peer_view_new(on_news, NULL, &node.view), DI_OK);
    for (uint32_t rfc = 8601; rfc <= 8603; rfc++)
        node_write(&holder, rfc, rfc, 200000);
    return 0;
}

static int stop(void **state)
{
    (void)state;
    snapshot_unref(shown);
    shown = NULL;
    node_fini(&node);
    peer_view_free(node.view);
    node_fini(&holder);
    world_stop(&world);
    cond_fini(&news.cond);
    lock_fini(&news.lock);
    return 0;
}

static const struct snap_content *look(void)
{
    snapshot_unref(shown);
    shown = peer_view_snapshot(node.view, node.peer);
    assert_non_null(shown);
    return &shown->content;
}

static const struct snap_rfc *rfc_row(uint32_t rfc)
{
    const struct rows *rows = &look()->rfcs;
    for (size_t i = 0; i < rows->count; i++) {
        const struct snap_rfc *r = rows_at(rows, i);
        if (r->rfc == rfc)
            return r;
    }
    return NULL;
}

static const struct snap_transfer *transfer_row(uint32_t rfc)
{
    const struct rows *rows = &look()->transfers;
    for (size_t i = 0; i < rows->count; i++) {
        const struct snap_transfer *t = rows_at(rows, i);
        if (t->rfc == rfc)
            return t;
    }
    return NULL;
}

#define UNTIL(condition)                                                                           \
    for (int64_t end_us = clock_mono_us() + WORLD_WAIT_US; !(condition);) {                        \
        if (clock_mono_us() > end_us)                                                              \
            fail_msg("waited in vain: %s", #condition);                                            \
        wait_for_news();                                                                           \
    }

static void meet(void)
{
    node_start(&holder, &world);
    node_start(&node, &world);
    assert_int_equal(peer_wait_rfcs(holder.peer, 3, WORLD_WAIT_US), DI_OK);
    assert_int_equal(peer_register(holder.peer, WORLD_WAIT_US), DI_OK);
    assert_int_equal(peer_register(node.peer, WORLD_WAIT_US), DI_OK);
    assert_int_equal(peer_pquery(node.peer, WORLD_WAIT_US), DI_OK);
    assert_int_equal(peer_rfcquery(node.peer, NULL, WORLD_WAIT_US), DI_OK);
}

static void peers_and_documents_come_and_go(void **state)
{
    (void)state;
    meet();
    UNTIL(look()->rfcs.count == 3);
    assert_int_equal(look()->peers.count, 1);
    const struct snap_peer *p = rows_at(&shown->content.peers, 0);
    assert_true(addr_equal(&p->addr, peer_addr(holder.peer)));
    assert_int_equal(p->documents, 3);
    const struct snap_rfc *r = rfc_row(8602);
    assert_int_equal(r->state, SNAP_RFC_KNOWN);
    assert_int_equal(r->holders, 1);
    assert_int_equal(r->holder[0], p->peer);
    assert_string_equal(shared_text_str(r->title), "Document 8602 <&>");
    assert_true(look()->peer.registered);

    assert_int_equal(node_get(&node, 8602, NULL).done, 1);
    UNTIL(rfc_row(8602)->state == SNAP_RFC_HELD);
    UNTIL(look()->peer.held == 1);
    const struct snap_transfer *t = transfer_row(8602);
    assert_non_null(t);
    assert_int_equal(t->state, SNAP_TRANSFER_DONE);
    assert_int_equal(t->have_bytes, t->size_bytes);

    /* The holder goes, and with it what only it had. */
    node_stop(&holder);
    assert_int_equal(peer_pquery(node.peer, WORLD_WAIT_US), DI_OK);
    UNTIL(look()->rfcs.count == 1);
    UNTIL(look()->peers.count == 0);
    assert_int_equal(rfc_row(8602)->holders, 0);
    assert_null(rfc_row(8601));
}

static uint64_t bytes_come(void)
{
    const struct rows *rows = &look()->transfers;
    uint64_t sum = 0;
    for (size_t i = 0; i < rows->count; i++)
        sum += ((const struct snap_transfer *)rows_at(rows, i))->have_bytes;
    return sum;
}

static enum di_err got;
static struct peer_result result;

static void get_all(void *arg)
{
    struct peer_get what = {.all = true};
    (void)arg;
    got = peer_get(node.peer, &what, &result);
}

/* Here and done, or neither here nor wanted, and failed if it had begun. */
static bool is_settled(uint32_t rfc)
{
    enum snap_rfc_state state = rfc_row(rfc)->state;
    const struct snap_transfer *t = transfer_row(rfc);
    if (state == SNAP_RFC_HELD)
        return t != NULL && t->state == SNAP_TRANSFER_DONE;
    return state == SNAP_RFC_KNOWN && (t == NULL || t->state == SNAP_TRANSFER_FAILED);
}

static void a_slow_download_is_seen_growing_and_can_be_dropped(void **state)
{
    struct thread getter = {0};
    (void)state;
    holder.up_rate = 150000;
    meet();
    assert_int_equal(thread_start(&getter, "get", get_all, NULL), DI_OK);
    UNTIL(look()->transfers.count > 0);
    UNTIL(look()->peer.active > 0 && look()->peer.active + look()->peer.queued == 3);
    UNTIL(rfc_row(8601) != NULL && rfc_row(8601)->state == SNAP_RFC_WANTED &&
          rfc_row(8603)->state == SNAP_RFC_WANTED);
    uint64_t first = 0;
    UNTIL((first = bytes_come()) > 0);
    UNTIL(bytes_come() > first);
    UNTIL(look()->peer.down.count > 0);
    for (uint32_t rfc = 8601; rfc <= 8603; rfc++)
        peer_drop(node.peer, rfc);
    thread_join(&getter);
    assert_int_equal(got, DI_OK);
    assert_int_equal(result.done, 0);
    UNTIL(look()->peer.active == 0 && look()->peer.queued == 0);
    /* What was under way comes all the same; nothing stays wanted. */
    for (uint32_t rfc = 8601; rfc <= 8603; rfc++)
        UNTIL(is_settled(rfc));
}

static void a_failed_download_says_why(void **state)
{
    struct fake liar;
    (void)state;
    node_start(&node, &world);
    fake_start(&liar, &world, FAKE_LIES, 90001, 1, 5000);
    assert_int_equal(peer_register(node.peer, WORLD_WAIT_US), DI_OK);
    assert_int_equal(node_get(&node, 90001, &liar.addr).failed, 1);
    const struct snap_transfer *t = transfer_row(90001);
    assert_non_null(t);
    assert_int_equal(t->state, SNAP_TRANSFER_FAILED);
    assert_non_null(strstr(shared_text_str(t->why), "SHA-256"));
    assert_true(t->end_us >= t->start_us && t->start_us > 0);
    assert_int_equal(look()->peer.failed, 1);
    /* Once more: the same row. */
    assert_int_equal(node_get(&node, 90001, &liar.addr).failed, 1);
    assert_int_equal(look()->transfers.count, 1);
    fake_stop(&liar);
}

int main(void)
{
#define SHOWN_TEST(f) cmocka_unit_test_setup_teardown(f, start, stop)
    const struct CMUnitTest tests[] = {
        SHOWN_TEST(peers_and_documents_come_and_go),
        SHOWN_TEST(a_slow_download_is_seen_growing_and_can_be_dropped),
        SHOWN_TEST(a_failed_download_says_why),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
