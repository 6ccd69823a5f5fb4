/* Chunks of rows that snapshots share, and what becomes of them when the writer goes on. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "p2pdi/base/random.h"
#include "p2pdi/base/thread.h"
#include "p2pdi/stats/snapshot.h"

static void fill(struct rows *r, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        struct snap_record *row = rows_append(r);
        char name[16];

        assert_non_null(row);
        snprintf(name, sizeof(name), "n%u", i);
        row->peer = i;
        row->name = shared_text_new(slice_of(name));
    }
}

static const struct snap_record *at(const struct rows *r, size_t i)
{
    return rows_at(r, i);
}

static void a_snapshot_keeps_what_it_saw(void **state)
{
    struct rows writer, seen;

    (void)state;
    rows_init(&writer, &snap_record_type);
    fill(&writer, 1000);
    assert_int_equal(rows_share(&writer, &seen), DI_OK);
    for (size_t i = 0; i < 1000; i += 7) {
        struct snap_record *row = rows_edit(&writer, i);

        row->peer += 5000;
        shared_text_unref(row->name);
        row->name = shared_text_new(SLICE("other"));
    }
    fill(&writer, 300);
    assert_true(rows_remove(&writer, 3));
    assert_int_equal(seen.count, 1000);
    for (size_t i = 0; i < 1000; i++) {
        char name[16];

        snprintf(name, sizeof(name), "n%zu", i);
        assert_int_equal(at(&seen, i)->peer, i);
        assert_string_equal(shared_text_str(at(&seen, i)->name), name);
    }
    assert_int_equal(at(&writer, 7)->peer, 5007);
    rows_fini(&writer);
    assert_string_equal(shared_text_str(at(&seen, 999)->name), "n999");
    rows_fini(&seen);
}

static void only_what_changes_is_cloned(void **state)
{
    struct rows writer, seen;

    (void)state;
    rows_init(&writer, &snap_record_type);
    fill(&writer, 1000);
    assert_int_equal(rows_share(&writer, &seen), DI_OK);
    assert_non_null(rows_edit(&writer, 300));
    assert_ptr_equal(writer.chunks[0], seen.chunks[0]);
    assert_ptr_not_equal(writer.chunks[1], seen.chunks[1]);
    assert_ptr_equal(writer.chunks[2], seen.chunks[2]);

    /* Once more: it is the writer's alone already. */
    struct rows_chunk *own = writer.chunks[1];

    assert_non_null(rows_edit(&writer, 301));
    assert_ptr_equal(writer.chunks[1], own);
    rows_fini(&writer);
    rows_fini(&seen);
}

static void dropping_at_the_front_keeps_the_numbers(void **state)
{
    struct rows r;

    (void)state;
    rows_init(&r, &snap_record_type);
    fill(&r, 1000);
    rows_drop_front(&r, 500);
    assert_in_range(r.count, 500, 500 + ROWS_PER_CHUNK);
    for (size_t i = 0; i < r.count; i++)
        assert_int_equal(at(&r, i)->peer, r.first + i);
    rows_clear(&r);
    assert_int_equal(r.first, 1000);
    rows_fini(&r);
}

/* Against an array: appends, edits, removals, snapshots in between, a printed seed. */
static void it_does_as_an_array_does(void **state)
{
    uint32_t model[3000], kept[3000];
    size_t count = 0, kept_count = 0;
    struct rows r, seen = {0};
    struct prng prng;

    (void)state;
    prng_seed(&prng, 17);
    rows_init(&r, &snap_record_type);
    for (uint32_t step = 0; step < 20000; step++) {
        uint64_t dice = prng_below(&prng, 100);

        if (dice < 50 && count < 3000) {
            ((struct snap_record *)rows_append(&r))->peer = step;
            model[count++] = step;
        } else if (dice < 70 && count > 0) {
            size_t i = (size_t)prng_below(&prng, count);

            ((struct snap_record *)rows_edit(&r, i))->peer = step;
            model[i] = step;
        } else if (dice < 98 && count > 0) {
            size_t i = (size_t)prng_below(&prng, count);

            assert_true(rows_remove(&r, i));
            model[i] = model[--count];
        } else if (dice >= 98) {
            for (size_t i = 0; i < kept_count; i++)
                assert_int_equal(at(&seen, i)->peer, kept[i]);
            if (seen.type != NULL)
                rows_fini(&seen);
            assert_int_equal(rows_share(&r, &seen), DI_OK);
            memcpy(kept, model, count * sizeof(model[0]));
            kept_count = count;
        }
        assert_int_equal(r.count, count);
    }
    for (size_t i = 0; i < count; i++)
        assert_int_equal(at(&r, i)->peer, model[i]);
    rows_fini(&r);
    rows_fini(&seen);
}

/* A reader frees snapshots while the writer goes on: for ThreadSanitizer and the leak check. */
struct shared {
    struct lock lock;
    struct snap_board board; /* guarded by lock */
    _Atomic(bool) stop;
};

static void read_snapshots(void *arg)
{
    struct shared *s = arg;

    while (!atomic_load(&s->stop)) {
        lock_acquire(&s->lock);
        struct snapshot *seen = snap_board_snapshot(&s->board);
        lock_release(&s->lock);
        uint64_t sum = 0;

        for (size_t i = 0; i < seen->content.records.count; i++)
            sum += at(&seen->content.records, i)->peer +
                   strlen(shared_text_str(at(&seen->content.records, i)->name));
        assert_true(sum < UINT64_MAX);
        snapshot_unref(seen);
    }
}

static void reader_and_writer_share(void **state)
{
    struct shared s = {.stop = false};
    struct thread reader;

    (void)state;
    lock_init(&s.lock);
    snap_board_init(&s.board);
    fill(&s.board.content.records, 2000);
    assert_int_equal(thread_start(&reader, "reader", read_snapshots, &s), DI_OK);
    for (uint32_t i = 0; i < 3000; i++) {
        lock_acquire(&s.lock);
        struct snap_record *row = rows_edit(&s.board.content.records, i * 37 % 2000);

        shared_text_unref(row->name);
        row->name = shared_text_new(SLICE("new"));
        snap_board_log(&s.board, SNAP_INFO, i, SLICE("a line \033[1m"));
        lock_release(&s.lock);
    }
    atomic_store(&s.stop, true);
    thread_join(&reader);
    assert_in_range(s.board.content.log.count, SNAP_LOG_MAX, SNAP_LOG_MAX + ROWS_PER_CHUNK);
    assert_string_equal(
        shared_text_str(((const struct snap_line *)rows_at(&s.board.content.log, 0))->text),
        "a line  [1m");
    snap_board_fini(&s.board);
    lock_fini(&s.lock);
}

static void versions_tell_changes(void **state)
{
    struct snap_board b;

    (void)state;
    snap_board_init(&b);
    struct snapshot *one = snap_board_snapshot(&b), *two = snap_board_snapshot(&b);

    assert_int_equal(one->version, two->version);
    snapshot_unref(two);
    snap_board_touch(&b);
    two = snap_board_snapshot(&b);
    assert_int_not_equal(one->version, two->version);
    snapshot_unref(one);
    snapshot_unref(two);
    snapshot_unref(NULL);
    snap_board_fini(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_snapshot_keeps_what_it_saw),
        cmocka_unit_test(only_what_changes_is_cloned),
        cmocka_unit_test(dropping_at_the_front_keeps_the_numbers),
        cmocka_unit_test(it_does_as_an_array_does),
        cmocka_unit_test(reader_and_writer_share),
        cmocka_unit_test(versions_tell_changes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
