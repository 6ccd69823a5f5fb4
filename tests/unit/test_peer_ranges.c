/* One large document from several holders: ranges from those that have nothing else to do. */
#include "peer_world.h"

#include "p2pdi/base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <dirent.h>
#include <poll.h>

#define SIZE 1000000
#define RATE UINT64_C(200000)
#define PATIENCE_US (300 * CLOCK_US_PER_S)

/*
 * Who stalls is given up after ten seconds. On a machine that takes so long to find the other holder the
 * others' turn comes too late, and all that shows is that the document arrives: then once more.
 */
static void in_time(bool (*attempt)(void))
{
    for (unsigned i = 0; i < 20; i++) {
        world_start(&world);

        bool is_in_time = attempt();

        world_stop(&world);
        if (is_in_time)
            return;
    }
    fail_msg("twenty times who stalled was given up");
}

static bool take_transfer(void *arg, const struct peer_transfer *t)
{
    *(struct peer_transfer *)arg = *t;
    return true;
}

static void look_again(struct node *n, struct peer_transfer *t)
{
    (void)poll(NULL, 0, 5);
    peer_walk_transfers(n->peer, take_transfer, t);
}

/* Longer than node_wait: some holders are waited for until they are given up. */
static void wait_until_done(struct node *n, uint32_t rfc, struct seen *done)
{
    int64_t deadline_us = clock_mono_us() + PATIENCE_US;

    while (node_seen(n, PEER_EV_DONE, rfc, done) == 0 && clock_mono_us() < deadline_us)
        (void)poll(NULL, 0, 10);
    assert_int_equal(node_seen(n, PEER_EV_DONE, rfc, done), 1);
    assert_true(node_holds(n, rfc, 5, SIZE));
}

/* n wants everything, and that holder, the only one yet, has brought so much of its document. */
static void wait_for_front(struct node *n, size_t bytes)
{
    struct peer_transfer t = {0};
    int64_t deadline_us = clock_mono_us() + PATIENCE_US;

    assert_int_equal(peer_sync(n->peer), DI_OK);
    while (t.have_bytes < bytes && clock_mono_us() < deadline_us)
        look_again(n, &t);
    assert_in_range(t.have_bytes, bytes, SIZE);
}

/* A stalls in its whole document; B, who comes then, brings the rest in pieces. */
static bool stalls_and_is_helped(enum fake_manner manner, size_t at, size_t wait_for,
                                 size_t pieces_min)
{
    struct fake a, b;
    struct node n;
    struct seen done;

    node_init(&n, "n");
    n.compress = PEER_COMPRESS_ALWAYS;
    fake_start(&a, &world, manner, 500, 5, SIZE);
    a.bytes = at;
    node_start(&n, &world);
    wait_for_front(&n, wait_for);
    fake_start(&b, &world, FAKE_HONEST, 500, 5, SIZE);
    wait_until_done(&n, 500, &done);

    bool is_helped = a.document_requests == 1 && b.document_requests >= pieces_min &&
                     addr_equal(&done.ev.addr, &a.addr);

    assert_int_equal(STATS_GET(peer_stats(n.peer), mismatches_total), 0);
    /* The piece in which it stalled came in part twice, if at all. */
    if (is_helped)
        assert_in_range(STATS_GET(peer_stats(n.peer), download_unused_bytes_total), 0, 65536);
    node_fini(&n);
    fake_stop(&a);
    fake_stop(&b);
    return is_helped;
}

static bool try_quarter(void)
{
    return stalls_and_is_helped(FAKE_STALLS, SIZE / 4, SIZE / 4, 10);
}

static void the_rest_of_one_that_stalls_comes_in_pieces_from_another(void **state)
{
    (void)state;
    in_time(try_quarter);
}

static bool try_last_bytes(void)
{
    return stalls_and_is_helped(FAKE_STALLS, SIZE - SIZE / 100, SIZE - SIZE / 100, 1);
}

static void one_that_stalls_at_its_last_bytes_does_not_hold_up_the_end(void **state)
{
    (void)state;
    in_time(try_last_bytes);
}

static bool try_first_byte(void)
{
    return stalls_and_is_helped(FAKE_STALLS, 0, 0, 16);
}

static void one_that_stalls_before_its_first_byte_does_not_hold_up_the_end(void **state)
{
    (void)state;
    in_time(try_first_byte);
}

static bool try_frame(void)
{
    return stalls_and_is_helped(FAKE_FRAME_STALLS, 100000, 1, 2);
}

static void pieces_complete_a_frame_that_stalls(void **state)
{
    (void)state;
    in_time(try_frame);
}

static bool try_lie(void)
{
    struct fake a, liar;
    struct node n;
    struct seen done;

    node_init(&n, "n");
    fake_start(&a, &world, FAKE_STALLS, 501, 5, SIZE);
    a.bytes = SIZE / 4;
    node_start(&n, &world);
    wait_for_front(&n, SIZE / 4);
    a.bytes = 2 * SIZE; /* asked again, it sends all */
    fake_start(&liar, &world, FAKE_LIES, 501, 5, SIZE);
    wait_until_done(&n, 501, &done);

    bool is_again = liar.document_requests > 1 && a.document_requests == 2 && a.range_first == 0 &&
                    addr_equal(&done.ev.addr, &a.addr) &&
                    STATS_GET(peer_stats(n.peer), mismatches_total) == 0;

    node_fini(&n);
    fake_stop(&a);
    fake_stop(&liar);
    return is_again;
}

static void a_lie_in_a_piece_is_not_blamed_on_who_brought_the_rest(void **state)
{
    (void)state;
    in_time(try_lie);
}

static bool try_bad_helpers(void)
{
    struct fake a, dies, busy, b;
    struct node n;

    node_init(&n, "n");
    fake_start(&a, &world, FAKE_STALLS, 502, 5, SIZE);
    a.bytes = SIZE / 4;
    node_start(&n, &world);
    wait_for_front(&n, SIZE / 4);
    fake_start(&dies, &world, FAKE_DIES, 502, 5, SIZE);
    dies.bytes = SIZE - 1;
    fake_start(&busy, &world, FAKE_BUSY, 502, 5, SIZE);
    fake_start(&b, &world, FAKE_HONEST, 502, 5, SIZE);
    wait_until_done(&n, 502, NULL);

    bool is_helped = a.document_requests == 1;

    node_fini(&n);
    fake_stop(&a);
    fake_stop(&dies);
    fake_stop(&busy);
    fake_stop(&b);
    return is_helped;
}

static void helpers_that_fail_do_not_matter(void **state)
{
    (void)state;
    in_time(try_bad_helpers);
}

/* The one that brings the document from its front goes while another helps, which then goes on alone. */
static bool try_outlived(void)
{
    struct fake a;
    struct node b, n;
    int64_t deadline_us = clock_mono_us() + PATIENCE_US;

    node_init(&n, "n");
    node_init(&b, "b");
    fake_start(&a, &world, FAKE_STALLS, 504, 5, SIZE);
    a.bytes = SIZE / 4;
    node_start(&n, &world);
    wait_for_front(&n, SIZE / 4);
    node_write(&b, 504, 5, SIZE);
    b.compress = PEER_COMPRESS_NEVER;
    b.up_rate = RATE;
    node_start(&b, &world);
    assert_int_equal(peer_wait_rfcs(b.peer, 1, WORLD_WAIT_US), DI_OK);
    assert_int_equal(peer_register(b.peer, WORLD_WAIT_US), DI_OK);
    while (STATS_GET(peer_stats(b.peer), bytes_sent_total) < SIZE / 4 &&
           clock_mono_us() < deadline_us)
        (void)poll(NULL, 0, 10);
    fake_stop(&a);
    wait_until_done(&n, 504, NULL);
    /* Three quarters, and a piece that came to nothing when the front went. */
    bool is_once = STATS_GET(peer_stats(b.peer), bytes_sent_total) <= SIZE * 3 / 4 + 200000;

    node_fini(&n);
    node_fini(&b);
    return is_once;
}

static void what_helpers_brought_outlives_who_is_helped(void **state)
{
    (void)state;
    in_time(try_outlived);
}

/* Did that holder bring a document from its front? */
static bool was_front(struct node *n, const struct addr *holder)
{
    bool was = false;

    lock_acquire(&n->lock);
    for (size_t i = 0; i < n->count && !was; i++) {
        const struct peer_event *ev = &n->seen[i].ev;

        was = ev->kind == PEER_EV_START && addr_equal(&ev->addr, holder);
    }
    lock_release(&n->lock);
    return was;
}

static bool is_over(struct node *n, uint32_t rfc)
{
    return node_seen(n, PEER_EV_DONE, rfc, NULL) > 0 || node_seen(n, PEER_EV_FAILED, rfc, NULL) > 0;
}

/*
 * What helpers brought of one edition is still there after others failed to bring another one: the last holder
 * has only what they have not. false: it was given up meanwhile, or whoever was to help came too late.
 */
static bool try_editions(void)
{
    struct fake a, x, y, last;
    struct node b, n;
    struct addr helper;
    int64_t deadline_us = clock_mono_us() + PATIENCE_US;

    node_init(&n, "n");
    node_init(&b, "b");
    fake_start(&a, &world, FAKE_STALLS, 505, 5, SIZE);
    a.bytes = SIZE / 4;
    node_start(&n, &world);
    wait_for_front(&n, SIZE / 4);
    node_write(&b, 505, 5, SIZE);
    b.compress = PEER_COMPRESS_NEVER;
    b.up_rate = 2 * RATE;
    node_start(&b, &world);
    assert_int_equal(peer_wait_rfcs(b.peer, 1, WORLD_WAIT_US), DI_OK);
    assert_int_equal(peer_register(b.peer, WORLD_WAIT_US), DI_OK);
    helper = *peer_addr(b.peer);
    fake_start(&x, &world, FAKE_DIES, 505, 6, SIZE);
    fake_start(&y, &world, FAKE_DIES, 505, 6, SIZE);
    while (STATS_GET(peer_stats(b.peer), bytes_sent_total) < SIZE / 8 * 5 &&
           clock_mono_us() < deadline_us)
        (void)poll(NULL, 0, 10);
    node_stop(&b);
    fake_stop(&a);
    /* The second time: then the first one has failed. */
    while (x.document_requests < 2 && y.document_requests < 2 && !is_over(&n, 505) &&
           clock_mono_us() < deadline_us)
        (void)poll(NULL, 0, 10);
    fake_start(&last, &world, FAKE_STALLS, 505, 5, SIZE);
    last.bytes = SIZE / 2;
    while (!is_over(&n, 505) && last.document_requests < 2 && clock_mono_us() < deadline_us)
        (void)poll(NULL, 0, 10);

    bool is_in_time = node_seen(&n, PEER_EV_FAILED, 505, NULL) == 0 && a.document_requests == 1 &&
                      !was_front(&n, &helper) && last.document_requests > 0;

    if (is_in_time) {
        assert_int_equal(last.document_requests, 1);
        assert_in_range(last.range_first, SIZE / 4, SIZE / 2);
        assert_int_equal(node_seen(&n, PEER_EV_DONE, 505, NULL), 1);
        assert_true(node_holds(&n, 505, 5, SIZE));
    }
    node_fini(&n);
    node_fini(&b);
    fake_stop(&x);
    fake_stop(&y);
    fake_stop(&last);
    return is_in_time;
}

static void what_helpers_brought_outlives_another_edition(void **state)
{
    (void)state;
    in_time(try_editions);
}

static size_t open_descriptors(void)
{
    size_t count = 0;
    DIR *dir = opendir("/proc/self/fd");

    assert_non_null(dir);
    while (readdir(dir) != NULL)
        count++;
    (void)closedir(dir);
    return count;
}

/* Another one has them, too, but is busy, so that they stay wanted. */
static void documents_that_are_refused_cost_no_descriptors(void **state)
{
    enum { COUNT = 400 };
    struct fake lacks, busy;
    struct node n;
    size_t before, most = 0;
    int64_t deadline_us = clock_mono_us() + PATIENCE_US;
    (void)state;

    world_start(&world);
    node_init(&n, "n");
    fake_start(&lacks, &world, FAKE_LACKS, 1000, 5, SIZE);
    fake_start(&busy, &world, FAKE_BUSY, 1000, 5, SIZE);
    lacks.more = busy.more = COUNT - 1;
    node_start(&n, &world);
    before = open_descriptors();
    assert_int_equal(peer_sync(n.peer), DI_OK);
    while (lacks.document_requests < COUNT * 9 / 10 && clock_mono_us() < deadline_us) {
        size_t now = open_descriptors();

        most = now > most ? now : most;
        (void)poll(NULL, 0, 1);
    }
    most = open_descriptors() > most ? open_descriptors() : most;
    assert_in_range(lacks.document_requests, COUNT * 9 / 10, COUNT);
    /* Those of a window or two, each with its part. */
    assert_in_range(most, before, before + COUNT / 2);
    node_fini(&n);
    fake_stop(&lacks);
    fake_stop(&busy);
    world_stop(&world);
}

/* Each brings at least a piece: what that is worth in time is for the benchmarks. */
static bool try_three(void)
{
    struct node holder[3], n;

    for (size_t i = 0; i < 3; i++) {
        node_init(&holder[i], "h");
        node_write(&holder[i], 503, 5, SIZE);
        holder[i].compress = PEER_COMPRESS_NEVER;
        holder[i].up_rate = RATE;
        node_start(&holder[i], &world);
        assert_int_equal(peer_register(holder[i].peer, WORLD_WAIT_US), DI_OK);
        assert_int_equal(peer_wait_rfcs(holder[i].peer, 1, WORLD_WAIT_US), DI_OK);
    }
    node_init(&n, "n");
    node_start(&n, &world);
    assert_int_equal(node_get(&n, 503, NULL).done, 1);
    assert_true(node_holds(&n, 503, 5, SIZE));

    bool all_sent = true;

    node_fini(&n);
    for (size_t i = 0; i < 3; i++) {
        all_sent = all_sent && STATS_GET(peer_stats(holder[i].peer), bytes_sent_total) > 65536;
        node_fini(&holder[i]);
    }
    return all_sent;
}

static void three_slow_holders_share_one_document(void **state)
{
    (void)state;
    in_time(try_three);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_rest_of_one_that_stalls_comes_in_pieces_from_another),
        cmocka_unit_test(one_that_stalls_at_its_last_bytes_does_not_hold_up_the_end),
        cmocka_unit_test(one_that_stalls_before_its_first_byte_does_not_hold_up_the_end),
        cmocka_unit_test(pieces_complete_a_frame_that_stalls),
        cmocka_unit_test(a_lie_in_a_piece_is_not_blamed_on_who_brought_the_rest),
        cmocka_unit_test(helpers_that_fail_do_not_matter),
        cmocka_unit_test(what_helpers_brought_outlives_who_is_helped),
        cmocka_unit_test(what_helpers_brought_outlives_another_edition),
        cmocka_unit_test(documents_that_are_refused_cost_no_descriptors),
        cmocka_unit_test(three_slow_holders_share_one_document),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
