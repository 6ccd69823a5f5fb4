/* What a peer's screen is shown of the others, of the index and of downloads, while these come and go. */
#include "canned.h"
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

static int make_news(void **state)
{
    (void)state;
    lock_init(&news.lock);
    cond_init(&news.cond);
    return 0;
}

static int drop_news(void **state)
{
    (void)state;
    cond_fini(&news.cond);
    lock_fini(&news.lock);
    return 0;
}

static int start(void **state)
{
    (void)state;
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

static uint64_t sent_to(const struct addr *a)
{
    const struct rows *rows = &look()->peers;
    for (size_t i = 0; i < rows->count; i++) {
        const struct snap_peer *p = rows_at(rows, i);
        if (addr_equal(&p->addr, a))
            return p->sent_bytes;
    }
    fail_msg("not in the list");
    return 0;
}

static void what_is_watched_is_seen_as_it_happens(void **state)
{
    struct node other;
    (void)state;
    node_start(&node, &world);
    assert_int_equal(peer_register(node.peer, WORLD_WAIT_US), DI_OK);
    assert_int_equal(peer_pquery(node.peer, WORLD_WAIT_US), DI_OK);
    peer_watch(node.peer);
    assert_int_equal(look()->peers.count, 0);

    node_start(&holder, &world);
    assert_int_equal(peer_wait_rfcs(holder.peer, 3, WORLD_WAIT_US), DI_OK);
    assert_int_equal(peer_register(holder.peer, WORLD_WAIT_US), DI_OK);
    UNTIL(look()->peers.count == 1);
    UNTIL(look()->rfcs.count == 3);

    node_init(&other, "other");
    node_start(&other, &world);
    assert_int_equal(node_get(&other, 8602, NULL).done, 1);
    UNTIL(look()->peers.count == 2);
    UNTIL(rfc_row(8602)->holders == 2);
    assert_int_equal(look()->transfers.count, 0); /* it only looks on */

    assert_int_equal(node_get(&node, 8601, NULL).done, 1);
    assert_int_equal(sent_to(peer_addr(other.peer)), 0);
    assert_int_equal(node_get(&other, 8601, peer_addr(node.peer)).done, 1);
    UNTIL(sent_to(peer_addr(other.peer)) == 200000);
    assert_int_equal(sent_to(peer_addr(holder.peer)), 0);

    node_fini(&other);
    UNTIL(look()->peers.count == 1);
    UNTIL(rfc_row(8602)->holders == 1);
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
    assert_string_equal(t->word, "bad hash");
    assert_true(t->end_us >= t->start_us && t->start_us > 0);
    assert_int_equal(look()->peer.failed, 1);
    /* Once more: the same row. */
    assert_int_equal(node_get(&node, 90001, &liar.addr).failed, 1);
    assert_int_equal(look()->transfers.count, 1);
    fake_stop(&liar);
}

/* `sync` tries for ever. */
static void a_download_tried_again_goes_on_in_its_row(void **state)
{
    struct fake dying;
    (void)state;
    node_start(&node, &world);
    fake_start(&dying, &world, FAKE_DIES, 90002, 1, 50000);
    dying.bytes = 20000;
    assert_int_equal(peer_register(node.peer, WORLD_WAIT_US), DI_OK);
    assert_int_equal(node_get(&node, 90002, NULL).failed, 1);
    UNTIL(transfer_row(90002) != NULL && transfer_row(90002)->state == SNAP_TRANSFER_FAILED);
    dying.bytes = 100000; /* dies no more */
    assert_int_equal(node_get(&node, 90002, NULL).done, 1);
    UNTIL(transfer_row(90002)->state == SNAP_TRANSFER_DONE);
    assert_null(transfer_row(90002)->why);
    assert_int_equal(look()->transfers.count, 1);
    assert_int_equal(look()->peer.failed, 0);
    fake_stop(&dying);
}

/* ---- lists and indexes that are made up ----------------------------------------------------- */

#define SHA "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static struct canned told_rs, told_holder;

static int start_told(void **state)
{
    (void)state;
    canned_start(&told_rs);
    canned_start(&told_holder);
    canned_say(&told_rs, WIRE_LEAVE, OK, NULL);
    world.rs_addr = told_rs.addr;
    node_init(&node, "node");
    assert_int_equal(peer_view_new(on_news, NULL, &node.view), DI_OK);
    node_start(&node, &world);
    return 0;
}

static int stop_told(void **state)
{
    (void)state;
    snapshot_unref(shown);
    shown = NULL;
    node_fini(&node);
    peer_view_free(node.view);
    canned_stop(&told_holder);
    canned_stop(&told_rs);
    return 0;
}

static const struct snap_peer *peer_at(size_t i)
{
    return rows_at(&shown->content.peers, i);
}

/* Says head, the length of the rows, and these. */
static void say(struct canned *c, enum wire_method method, const char *head, const char *rows)
{
    static char answers[6][4000];
    static size_t turn;
    char *text = answers[turn++ % 6]; /* those before may be on their way still */

    snprintf(text, sizeof(answers[0]), P "200 OK" E "%s" E "Content-Length: %zu" E E "%s", head,
             strlen(rows), rows);
    canned_say(c, method, text, NULL);
}

static void list(const char *rows)
{
    char table[2000];

    snprintf(table, sizeof(table), PEERS_HEADER "%s", rows);
    say(&told_rs, WIRE_PQUERY, "Index-Version: a.1" E "Active-Peers: 2", table);
    assert_int_equal(peer_pquery(node.peer, WORLD_WAIT_US), DI_OK);
    (void)look();
}

#define PEER(id, port, ttl, reachable)                                                             \
    "192.0.2.1\t" id "\t1\t" ttl "\t" port "\t1\t2026-11-27T12:00:00Z\t" reachable "\n"

static void rows_of_peers_follow_the_list(void **state)
{
    (void)state;
    list(PEER("5", "4001", "7200", "yes") PEER("8", "4002", "7200", "no"));
    assert_int_equal(shown->content.peers.count, 2);
    assert_int_equal(peer_at(0)->peer, 5);
    assert_int_equal(peer_at(0)->reachable, SNAP_REACHABLE_YES);
    assert_int_equal(peer_at(1)->reachable, SNAP_REACHABLE_NO);

    int64_t expires_us = peer_at(0)->expires_us;

    list(PEER("5", "4003", "7200", "yes") PEER("8", "4002", "600", "unknown"));
    assert_int_equal(peer_at(0)->addr.port, 4003);
    assert_int_equal(peer_at(1)->reachable, SNAP_REACHABLE_UNKNOWN);
    assert_true(peer_at(1)->expires_us < expires_us);
    /* One comes before them, and the last one goes. */
    list(PEER("3", "4009", "7200", "yes") PEER("5", "4003", "7200", "yes"));
    assert_int_equal(peer_at(0)->peer, 3);
    assert_int_equal(peer_at(1)->peer, 5);
    list(PEER("5", "4003", "7200", "yes"));
    assert_int_equal(shown->content.peers.count, 1);
    assert_int_equal(peer_at(0)->peer, 5);
}

static void ask_holder(const char *rows)
{
    char table[3000];

    snprintf(table, sizeof(table), "RFC\tTitle\tHostname\tPort\tTTL\tSize\tSHA-256\n%s", rows);
    say(&told_holder, WIRE_GET_INDEX, "Index-Version: b.1", table);
    assert_int_equal(peer_rfcquery(node.peer, &told_holder.addr, WORLD_WAIT_US), DI_OK);
}

static void who_was_asked_and_fails_to_answer_is_marked(void **state)
{
    char row[200];

    (void)state;
    snprintf(row, sizeof(row), "127.0.0.1\t5\t1\t7200\t%u\t1\t2026-11-27T12:00:00Z\tyes\n",
             told_holder.addr.port);
    list(row);
    assert_false(peer_at(0)->asked);
    ask_holder("");
    (void)look();
    assert_true(peer_at(0)->asked);
    assert_false(peer_at(0)->failed);
    canned_say(&told_holder, WIRE_GET_INDEX,
               P "500 Internal Server Error" E "Content-Length: 0" E E, NULL);
    assert_int_not_equal(peer_rfcquery(node.peer, &told_holder.addr, WORLD_WAIT_US), DI_OK);
    (void)look();
    assert_true(peer_at(0)->asked);
    assert_true(peer_at(0)->failed);
}

static void rows_of_documents_name_holders_in_order(void **state)
{
    char rows[2500];
    size_t n = 0;

    (void)state;
    list(PEER("9", "4001", "7200", "yes") PEER("5", "4002", "7200", "yes")
             PEER("7", "4003", "7200", "yes"));
    /* Held by these, and by more that no list names. */
    for (unsigned i = 1; i <= 12; i++)
        n += (size_t)snprintf(rows + n, sizeof(rows) - n,
                              "8609\tTitle\t192.0.2.1\t%u\t7200\t5\t" SHA "\n", 4000 + i);
    n +=
        (size_t)snprintf(rows + n, sizeof(rows) - n, "8610\t\t192.0.2.1\t4001\t7200\t5\t" SHA "\n");
    ask_holder(rows);
    UNTIL(rfc_row(8609) != NULL);
    assert_int_equal(rfc_row(8609)->holders, 12);
    assert_int_equal(rfc_row(8609)->holder[0], 5);
    assert_int_equal(rfc_row(8609)->holder[1], 7);
    assert_int_equal(rfc_row(8609)->holder[2], 9);
    assert_int_equal(rfc_row(8609)->holder[3], 0);
    assert_int_equal(rfc_row(8610)->holders, 1);
    assert_string_equal(shared_text_str(rfc_row(8610)->title), "");
    assert_int_equal(rfc_row(8609)->state, SNAP_RFC_KNOWN);
    assert_string_equal(shared_text_str(rfc_row(8609)->title), "Title");
    UNTIL(look()->peers.count == 3 && peer_at(2)->documents == 2); /* number 9 */
    assert_int_equal(peer_at(0)->documents, 1);
}

int main(void)
{
#define TOLD_TEST(f) cmocka_unit_test_setup_teardown(f, start_told, stop_told)
#define SHOWN_TEST(f) cmocka_unit_test_setup_teardown(f, start, stop)
    const struct CMUnitTest tests[] = {
        SHOWN_TEST(peers_and_documents_come_and_go),
        SHOWN_TEST(what_is_watched_is_seen_as_it_happens),
        SHOWN_TEST(a_slow_download_is_seen_growing_and_can_be_dropped),
        SHOWN_TEST(a_failed_download_says_why),
        SHOWN_TEST(a_download_tried_again_goes_on_in_its_row),
        TOLD_TEST(rows_of_peers_follow_the_list),
        TOLD_TEST(who_was_asked_and_fails_to_answer_is_marked),
        TOLD_TEST(rows_of_documents_name_holders_in_order),
    };
    return cmocka_run_group_tests(tests, make_news, drop_news);
}
