/* Downloads: peers, and holders that misbehave, over real sockets in one process. */
#include "peer_world.h"

#include "p2pdi/base/clock.h"

#include "../../src/store/names.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <poll.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

static bool was_tried(const struct seen *s, const struct addr *holder, enum sched_why why)
{
    for (size_t i = 0; i < s->ev.count && i < WORLD_TRIED; i++)
        if (addr_equal(&s->tried[i].holder, holder) && s->tried[i].why == why)
            return true;
    return false;
}

static void one_peer_gets_all_from_another(void **state)
{
    (void)state;
    struct node a, b;
    struct seen done, complete;
    node_init(&a, "a");
    node_init(&b, "b");
    for (uint32_t i = 0; i < 40; i++)
        node_write(&a, 8586 + i, i, 2000 + 3000 * i);
    node_write(&b, 8586, 0, 2000); /* held already */
    node_start(&a, &world);
    node_start(&b, &world);
    node_join(&a);
    assert_int_equal(peer_wait_rfcs(a.peer, 40, WORLD_WAIT_US), DI_OK);

    struct peer_result r = node_get_all(&b);
    assert_int_equal(r.done, 39);
    assert_int_equal(r.failed, 0);
    assert_int_equal(node_seen(&b, PEER_EV_REGISTERED, 0, NULL), 1); /* by the get */
    for (uint32_t i = 0; i < 40; i++)
        assert_true(node_holds(&b, 8586 + i, i, 2000 + 3000 * i));
    assert_int_equal(node_seen(&b, PEER_EV_DONE, 0, NULL), 39);
    assert_int_equal(node_seen(&b, PEER_EV_START, 8600, NULL), 1);
    assert_int_equal(node_seen(&b, PEER_EV_DONE, 8600, &done), 1);
    assert_true(addr_equal(&done.ev.addr, peer_addr(a.peer)));
    assert_int_equal(done.ev.bytes, done.ev.wire_bytes);
    assert_int_equal(node_seen(&b, PEER_EV_COMPLETE, 0, &complete), 1);
    assert_int_equal(complete.ev.files, 39);
    assert_int_equal(complete.ev.bytes, r.bytes);
    assert_int_equal(STATS_GET(peer_stats(b.peer), downloads_done_total), 39);
    /* What was got is offered at once. */
    assert_int_equal(peer_wait_rfcs(b.peer, 40, WORLD_WAIT_US), DI_OK);
    /* Nothing more to get: complete all the same. */
    r = node_get_all(&b);
    assert_int_equal(r.done + r.failed, 0);
    assert_int_equal(node_seen(&b, PEER_EV_COMPLETE, 0, NULL), 2);
    node_fini(&b);
    node_fini(&a);
}

static void what_is_known_is_not_given_up_while_it_is_planned(void **state)
{
    (void)state;
    struct node a, b;
    node_init(&a, "a");
    node_init(&b, "b");
    for (uint32_t i = 1; i <= 400; i++)
        node_write(&a, i, i, 400);
    node_start(&a, &world);
    node_start(&b, &world);
    node_join(&a);
    assert_int_equal(peer_wait_rfcs(a.peer, 400, WORLD_WAIT_US), DI_OK);
    struct peer_result r = node_get_all(&b);
    assert_int_equal(r.failed, 0);
    assert_int_equal(r.done, 400);
    node_fini(&b);
    node_fini(&a);
}

static void the_connection_that_brought_the_index_brings_documents(void **state)
{
    (void)state;
    struct fake holder;
    struct node b;
    node_init(&b, "b");
    fake_start(&holder, &world, FAKE_HONEST, 87, 5, 50000);
    node_start(&b, &world);
    assert_int_equal(node_get(&b, 87, NULL).done, 1);
    assert_int_not_equal(holder.index_port, 0);
    assert_int_equal(holder.document_port, holder.index_port);
    node_fini(&b);
    fake_stop(&holder);
}

static bool take_transfer(void *arg, const struct peer_transfer *t)
{
    *(struct peer_transfer *)arg = *t;
    return true;
}

static void transfers_can_be_watched(void **state)
{
    (void)state;
    struct fake stalls;
    struct node b;
    struct peer_transfer t = {0};
    int64_t deadline_us = clock_mono_us() + WORLD_WAIT_US;
    node_init(&b, "b");
    fake_start(&stalls, &world, FAKE_STALLS, 86, 5, 50000);
    stalls.bytes = 1000;
    node_start(&b, &world);
    assert_int_equal(peer_sync(b.peer), DI_OK);
    while (t.have_bytes < 1000 && clock_mono_us() < deadline_us)
        peer_walk_transfers(b.peer, take_transfer, &t);
    assert_int_equal(t.rfc, 86);
    assert_int_equal(t.have_bytes, 1000);
    assert_int_equal(t.size_bytes, stalls.size);
    assert_true(addr_equal(&t.holder, &stalls.addr));
    assert_false(t.done);
    node_fini(&b);
    fake_stop(&stalls);
}

static void serial_get_keeps_the_order(void **state)
{
    (void)state;
    struct node a, b;
    static const uint32_t order[] = {30, 10, 20, 40, 15};
    struct peer_range ranges[5];
    node_init(&a, "a");
    node_init(&b, "b");
    for (size_t i = 0; i < 5; i++) {
        node_write(&a, order[i], i, 1000);
        ranges[i] = (struct peer_range){order[i], order[i]};
    }
    node_start(&a, &world);
    node_start(&b, &world);
    node_join(&a);
    assert_int_equal(peer_wait_rfcs(a.peer, 5, WORLD_WAIT_US), DI_OK);
    struct peer_get what = {.ranges = ranges, .count = 5, .serial = true};
    struct peer_result r;
    assert_int_equal(peer_get(b.peer, &what, &r), DI_OK);
    assert_int_equal(r.done, 5);
    size_t at = 0;
    for (size_t i = 0; i < b.count; i++)
        if (b.seen[i].ev.kind == PEER_EV_START)
            assert_int_equal(b.seen[i].ev.rfc, order[at++]);
    assert_int_equal(at, 5);
    node_fini(&b);
    node_fini(&a);
}

static void rest_comes_from_another_when_a_holder_dies(void **state)
{
    (void)state;
    struct fake dying, honest;
    struct node b;
    size_t size = 100000, cut = 30000;
    node_init(&b, "b");
    fake_start(&dying, &world, FAKE_DIES, 77, 5, size);
    dying.bytes = cut;
    node_start(&b, &world);
    assert_int_equal(peer_sync(b.peer), DI_OK);
    /* The dying one is asked before there is another. */
    node_wait(&b, PEER_EV_START, 77, 1);
    fake_start(&honest, &world, FAKE_HONEST, 77, 5, size);
    node_wait(&b, PEER_EV_DONE, 77, 1);
    assert_true(node_holds(&b, 77, 5, size));
    assert_true(dying.document_requests >= 1);
    assert_true(honest.document_requests >= 1);
    /* From the byte where it stopped. */
    assert_true(honest.range_first >= cut);
    node_fini(&b);
    fake_stop(&dying);
    fake_stop(&honest);
}

static void lie_is_never_visible_and_the_next_holder_serves(void **state)
{
    (void)state;
    struct fake liar, honest;
    struct node b;
    node_init(&b, "b");
    fake_start(&liar, &world, FAKE_LIES, 78, 5, 20000);
    node_start(&b, &world);
    assert_int_equal(peer_sync(b.peer), DI_OK);
    node_wait(&b, PEER_EV_START, 78, 1);
    fake_start(&honest, &world, FAKE_HONEST, 78, 5, 20000);
    node_wait(&b, PEER_EV_DONE, 78, 1);
    assert_true(node_holds(&b, 78, 5, 20000));
    assert_int_equal(liar.document_requests, 1);
    assert_int_equal(honest.document_requests, 1);
    assert_int_equal(STATS_GET(peer_stats(b.peer), mismatches_total), 1);
    node_fini(&b);
    fake_stop(&liar);
    fake_stop(&honest);
}

static void only_liars_means_mismatch(void **state)
{
    (void)state;
    struct fake one, two;
    struct node b;
    struct seen failed;
    node_init(&b, "b");
    fake_start(&one, &world, FAKE_LIES, 79, 5, 20000);
    fake_start(&two, &world, FAKE_LIES, 79, 5, 20000);
    node_start(&b, &world);
    struct peer_result r = node_get(&b, 79, NULL);
    assert_int_equal(r.done, 0);
    assert_int_equal(r.failed, 1);
    assert_int_equal(r.mismatch, 1);
    assert_int_equal(r.nobody, 0);
    assert_int_equal(node_seen(&b, PEER_EV_FAILED, 79, &failed), 1);
    assert_int_equal(failed.ev.count, 2);
    assert_true(was_tried(&failed, &one.addr, SCHED_MISMATCH));
    assert_true(was_tried(&failed, &two.addr, SCHED_MISMATCH));
    assert_false(help_exists(b.dir, "rfc79.txt"));
    node_fini(&b);
    fake_stop(&one);
    fake_stop(&two);
}

static void unknown_document_names_who_was_asked(void **state)
{
    (void)state;
    struct node a, b;
    struct seen failed, complete;
    node_init(&a, "a");
    node_init(&b, "b");
    node_write(&a, 1, 1, 500);
    node_start(&a, &world);
    node_start(&b, &world);
    node_join(&a);
    struct peer_result r = node_get(&b, 31337, NULL);
    assert_int_equal(r.failed, 1);
    assert_int_equal(r.nobody, 1);
    assert_int_equal(r.mismatch, 0);
    assert_int_equal(node_seen(&b, PEER_EV_FAILED, 31337, &failed), 1);
    assert_true(was_tried(&failed, peer_addr(a.peer), SCHED_NOT_FOUND));
    assert_int_equal(node_seen(&b, PEER_EV_COMPLETE, 0, &complete), 1);
    assert_int_equal(complete.ev.files, 0);
    node_fini(&b);
    node_fini(&a);
}

static void part_of_an_earlier_run_is_continued(void **state)
{
    (void)state;
    struct fake dying, honest;
    struct node b;
    size_t size = 400000, cut = 40000;
    node_init(&b, "b");
    fake_start(&dying, &world, FAKE_DIES, 80, 5, size);
    dying.bytes = cut;
    node_start(&b, &world);
    struct peer_result r = node_get(&b, 80, NULL);
    assert_int_equal(r.failed, 1);
    node_stop(&b);
    fake_stop(&dying);

    fake_start(&honest, &world, FAKE_HONEST, 80, 5, size);
    node_start(&b, &world);
    r = node_get(&b, 80, NULL);
    assert_int_equal(r.done, 1);
    assert_true(node_holds(&b, 80, 5, size));
    assert_int_equal(honest.document_requests, 1);
    assert_true(honest.range_first >= cut);
    node_fini(&b);
    fake_stop(&honest);
}

static void part_path(const struct node *n, const struct fake *f, char out[400])
{
    char name[NAME_PART_SIZE];
    name_format_part(f->rfc, &f->sha256, name);
    snprintf(out, 400, "%s/%s", n->dir, name);
}

/* Another process has its part: it is tried again and again, which is no beginning. */
static void what_another_process_brings_does_not_start(void **state)
{
    (void)state;
    struct fake honest;
    struct node b;
    char path[400];
    node_init(&b, "b");
    fake_start(&honest, &world, FAKE_HONEST, 91, 5, 20000);
    part_path(&b, &honest, path);
    int other = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    assert_true(other >= 0);
    assert_int_equal(flock(other, LOCK_EX | LOCK_NB), 0);
    node_start(&b, &world);
    assert_int_equal(peer_sync(b.peer), DI_OK);
    while (honest.index_requests == 0)
        (void)poll(NULL, 0, 10);
    (void)poll(NULL, 0, 1500); /* once more at least */
    assert_int_equal(node_seen(&b, PEER_EV_START, 91, NULL), 0);
    assert_int_equal(honest.document_requests, 0);
    (void)close(other);
    node_wait(&b, PEER_EV_DONE, 91, 1);
    assert_int_equal(node_seen(&b, PEER_EV_START, 91, NULL), 1);
    node_fini(&b);
    fake_stop(&honest);
}

static void what_cannot_be_stored_fails_without_a_start(void **state)
{
    (void)state;
    struct fake honest;
    struct node b;
    struct seen failed;
    char path[400];
    node_init(&b, "b");
    fake_start(&honest, &world, FAKE_HONEST, 92, 5, 20000);
    part_path(&b, &honest, path);
    assert_int_equal(mkdir(path, 0700), 0); /* no file can be made there */
    node_start(&b, &world);
    assert_int_equal(node_get(&b, 92, NULL).failed, 1);
    assert_int_equal(node_seen(&b, PEER_EV_START, 92, NULL), 0);
    assert_int_equal(node_seen(&b, PEER_EV_FAILED, 92, &failed), 1);
    assert_true(was_tried(&failed, &honest.addr, SCHED_LOCAL));
    assert_int_equal(honest.document_requests, 0);
    node_fini(&b);
    fake_stop(&honest);
}

static void on_added(void *arg, const struct library_doc *doc)
{
    (void)arg;
    (void)doc;
}

static void on_removed(void *arg, uint32_t rfc)
{
    (void)arg;
    (void)rfc;
}

static void on_scanned(void *arg, size_t documents)
{
    (void)arg;
    (void)documents;
}

static void wrong_part_of_an_earlier_run_is_not_blamed_on_the_holder(void **state)
{
    (void)state;
    struct fake honest;
    struct node b;
    char name[160], hex[SHA256_HEX_SIZE];
    struct library *lib = NULL;
    struct library_part *part = NULL;
    struct library_events none = {on_added, on_removed, on_scanned};
    char why[256];
    uint64_t have = 0;

    node_init(&b, "b");
    fake_start(&honest, &world, FAKE_HONEST, 81, 5, 50000);
    /* An earlier run left bytes that are wrong. */
    struct library_config cfg = {.dir = b.dir, .state = b.state_root, .write = true};
    assert_int_equal(library_open(&cfg, &none, NULL, &lib, why), DI_OK);
    assert_int_equal(library_part_open(lib, 81, &honest.sha256, honest.size, &part, &have), DI_OK);
    memset(name, 'x', sizeof(name));
    assert_int_equal(library_part_append(part, name, sizeof(name)), DI_OK);
    library_part_keep(part);
    library_close(lib);
    sha256_format(&honest.sha256, hex);

    node_start(&b, &world);
    struct peer_result r = node_get(&b, 81, NULL);
    assert_int_equal(r.done, 1);
    assert_true(node_holds(&b, 81, 5, 50000));
    assert_int_equal(honest.document_requests, 2);
    assert_int_equal(STATS_GET(peer_stats(b.peer), mismatches_total), 0);
    node_fini(&b);
    fake_stop(&honest);
}

static void holders_that_talk_nonsense_are_named(void **state)
{
    (void)state;
    struct fake rows, status;
    struct node b;
    struct seen failed;
    node_init(&b, "b");
    fake_start(&rows, &world, FAKE_WRONG_ROWS, 82, 5, 1000);
    fake_start(&status, &world, FAKE_WRONG_STATUS, 82, 5, 1000);
    node_start(&b, &world);
    struct peer_result r = node_get(&b, 82, NULL);
    assert_int_equal(r.failed, 1);
    assert_int_equal(node_seen(&b, PEER_EV_FAILED, 82, &failed), 1);
    assert_true(was_tried(&failed, &status.addr, SCHED_PROTOCOL));
    assert_int_equal(rows.document_requests, 0);
    node_fini(&b);
    fake_stop(&rows);
    fake_stop(&status);
}

static void only_the_named_holder_is_asked(void **state)
{
    (void)state;
    struct fake one, two;
    struct node b;
    node_init(&b, "b");
    fake_start(&one, &world, FAKE_HONEST, 83, 5, 1000);
    fake_start(&two, &world, FAKE_HONEST, 83, 5, 1000);
    node_start(&b, &world);
    struct peer_result r = node_get(&b, 83, &two.addr);
    assert_int_equal(r.done, 1);
    assert_int_equal(one.document_requests, 0);
    assert_int_equal(two.document_requests, 1);
    node_fini(&b);
    fake_stop(&one);
    fake_stop(&two);
}

static void peers_that_come_later_help(void **state)
{
    (void)state;
    struct node a, b;
    node_init(&a, "a");
    node_init(&b, "b");
    node_write(&a, 84, 5, 60000);
    node_start(&b, &world);
    assert_int_equal(peer_sync(b.peer), DI_OK);
    node_start(&a, &world);
    node_join(&a);
    node_wait(&b, PEER_EV_DONE, 84, 1);
    assert_true(node_holds(&b, 84, 5, 60000));
    node_fini(&b);
    node_fini(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(one_peer_gets_all_from_another, world_setup,
                                        world_teardown),
        cmocka_unit_test_setup_teardown(what_is_known_is_not_given_up_while_it_is_planned,
                                        world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(transfers_can_be_watched, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(serial_get_keeps_the_order, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(the_connection_that_brought_the_index_brings_documents,
                                        world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(rest_comes_from_another_when_a_holder_dies, world_setup,
                                        world_teardown),
        cmocka_unit_test_setup_teardown(lie_is_never_visible_and_the_next_holder_serves,
                                        world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(only_liars_means_mismatch, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(unknown_document_names_who_was_asked, world_setup,
                                        world_teardown),
        cmocka_unit_test_setup_teardown(what_another_process_brings_does_not_start, world_setup,
                                        world_teardown),
        cmocka_unit_test_setup_teardown(what_cannot_be_stored_fails_without_a_start, world_setup,
                                        world_teardown),
        cmocka_unit_test_setup_teardown(part_of_an_earlier_run_is_continued, world_setup,
                                        world_teardown),
        cmocka_unit_test_setup_teardown(wrong_part_of_an_earlier_run_is_not_blamed_on_the_holder,
                                        world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(holders_that_talk_nonsense_are_named, world_setup,
                                        world_teardown),
        cmocka_unit_test_setup_teardown(only_the_named_holder_is_asked, world_setup,
                                        world_teardown),
        cmocka_unit_test_setup_teardown(peers_that_come_later_help, world_setup, world_teardown),
    };
    return cmocka_run_group_tests_name("peer_get", tests, NULL, NULL);
}
