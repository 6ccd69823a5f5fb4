/* The registry at its bounds: full, out of ids, out of memory, more stamps than places, walks that are ended. */
/* ld: -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc,--wrap=strndup */
#include "../support/failing_alloc.h"
#include "peer_index_help.h"

static enum di_err enrol_err(struct peer_index *ix, uint32_t n)
{
    struct sha256 cookie = cookie_of(n);
    struct addr addr = addr_of(n);
    struct peer_record r;

    return peer_index_register(ix, &cookie, &addr, "host", "Linux", 0, WALL, &r);
}

static struct peer_record stored(uint32_t n)
{
    return (struct peer_record){.cookie = cookie_of(n),
                                .peer = n,
                                .addr = addr_of(n),
                                .active = true,
                                .ttl_s = 100,
                                .last_registered_s = WALL,
                                .name = "host",
                                .os = "Linux"};
}

static void a_full_registry_refuses_while_all_are_active(void **state)
{
    struct peer_index *ix = make(3);
    struct peer_record r = stored(4);

    (void)state;
    for (uint32_t n = 1; n <= 3; n++)
        enrol(ix, n, 0, WALL);
    assert_int_equal(enrol_err(ix, 4), DI_LIMIT);
    assert_int_equal(peer_index_restore(ix, &r, NULL, 0, 0), DI_LIMIT);
    assert_int_equal(peer_index_known(ix), 3);
    /* One that has left makes place. */
    assert_int_equal(leave(ix, 2, S), DI_OK);
    assert_int_equal(peer_index_restore(ix, &r, NULL, 0, S), DI_OK);
    assert_int_equal(peer_index_known(ix), 3);
    assert_int_equal(walk(ix, PEER_WALK_ACTIVE, S), 3);
    assert_int_equal(renew(ix, 2, S), DI_NOT_FOUND);
    peer_index_free(ix);
}

static void who_is_dropped_is_told_once(void **state)
{
    struct peer_index *ix = make(2);
    struct sha256 cookie, first = cookie_of(1);

    (void)state;
    enrol(ix, 1, 0, WALL);
    enrol(ix, 2, 0, WALL);
    assert_int_equal(leave(ix, 1, S), DI_OK);
    assert_false(peer_index_dropped(ix, &cookie));
    enrol(ix, 3, S, WALL);
    assert_true(peer_index_dropped(ix, &cookie));
    assert_true(sha256_equal(&cookie, &first));
    assert_false(peer_index_dropped(ix, &cookie));
    peer_index_free(ix);
}

static void the_id_of_one_that_had_no_room_is_not_given_away(void **state)
{
    struct peer_index *ix = make(1);
    struct peer_record r = stored(7);

    (void)state;
    enrol(ix, 1, 0, WALL);
    assert_int_equal(peer_index_restore(ix, &r, NULL, 0, 0), DI_LIMIT);
    assert_int_equal(leave(ix, 1, S), DI_OK);
    assert_int_equal(enrol(ix, 2, S, WALL).peer, 8);
    peer_index_free(ix);
}

static void ids_end_rather_than_begin_again(void **state)
{
    struct peer_index *ix = make(10);
    struct peer_record r = stored(1);

    (void)state;
    r.peer = UINT32_MAX - 1;
    assert_int_equal(peer_index_restore(ix, &r, NULL, 0, 0), DI_OK);
    assert_int_equal(enrol(ix, 2, 0, WALL).peer, UINT32_MAX);
    assert_int_equal(enrol_err(ix, 3), DI_LIMIT);
    /* Whoever is known may come back. */
    assert_int_equal(enrol_err(ix, 1), DI_OK);
    r.peer = 0;
    r.cookie = cookie_of(9);
    assert_int_equal(peer_index_restore(ix, &r, NULL, 0, 0), DI_INVALID);
    peer_index_free(ix);
}

static void of_more_stamps_than_places_the_latest_stay(void **state)
{
    enum { N = PEER_STAMPS_MAX + 5 };
    struct peer_index *ix = make(10);
    struct peer_record r = stored(1);
    struct peer_stamp stamps[N], kept[PEER_STAMPS_MAX];

    (void)state;
    for (size_t i = 0; i < N; i++)
        stamps[i] = (struct peer_stamp){.at_s = WALL + (int64_t)i, .count = 1};
    r.last_registered_s = WALL + N - 1;
    assert_int_equal(peer_index_restore(ix, &r, stamps, N, 0), DI_OK);
    assert_int_equal(peer_index_stamps(ix, &r.cookie, kept), PEER_STAMPS_MAX);
    assert_true(kept[0].at_s == WALL + 5);
    assert_true(kept[PEER_STAMPS_MAX - 1].at_s == WALL + N - 1);
    assert_int_equal(look(ix, 1, 0, WALL + N).registrations, PEER_STAMPS_MAX);
    peer_index_free(ix);
}

static void counts_of_stamps_are_capped_and_do_not_wrap(void **state)
{
    struct peer_index *ix = make(10);
    struct peer_record r = stored(1);
    struct peer_stamp stamps[] = {{.at_s = WALL, .count = UINT32_MAX - 1},
                                  {.at_s = WALL + 1, .count = UINT32_MAX - 1},
                                  {.at_s = WALL + 2, .count = 1}};

    (void)state;
    assert_int_equal(peer_index_restore(ix, &r, stamps, 3, 0), DI_OK);
    assert_true(look(ix, 1, 0, WALL + 3).registrations == UINT32_MAX);
    peer_index_free(ix);
}

static void walks_end_where_the_visitor_says(void **state)
{
    struct peer_index *ix = make(20);
    char before[CHANGES_VERSION_SIZE];

    (void)state;
    peer_index_version(ix, before);
    for (uint32_t n = 1; n <= 10; n++)
        enrol(ix, n, 0, WALL);
    seen = (struct seen){.limit = 4};
    peer_index_walk(ix, PEER_WALK_ALL, 0, WALL, see, &seen);
    assert_int_equal(seen.count, 4);
    seen = (struct seen){.limit = 3};
    assert_true(peer_index_walk_since(ix, slice_of(before), 0, WALL, see, &seen));
    assert_int_equal(seen.count, 3);
    seen = (struct seen){.limit = 2};
    peer_index_sample(ix, 8, 0, 1, 0, WALL, see, &seen);
    assert_int_equal(seen.count, 2);
    peer_index_free(ix);
}

static void each_lack_of_memory_leaves_all_as_it_was(void **state)
{
    struct peer_index *ix = make(5000);
    struct peer_stamp stamps[2] = {{.at_s = WALL, .count = 1}, {.at_s = WALL + 1, .count = 1}};

    (void)state;
    /* Many, so that tables grow. */
    for (uint32_t n = 1; n <= 300; n++) {
        enum di_err err = DI_NOMEM;

        for (int k = 1; err != DI_OK; k++) {
            struct peer_record r = stored(n);

            failing_alloc_at(k);
            err = n % 2 == 0 ? enrol_err(ix, n) : peer_index_restore(ix, &r, stamps, 2, 0);
            assert_int_equal(failing_alloc_off(), err == DI_NOMEM);
            assert_int_equal(peer_index_known(ix), err == DI_OK ? n : n - 1);
        }
    }
    assert_int_equal(walk(ix, PEER_WALK_ACTIVE, 0), 300);
    /* Somebody known comes back under another name. */
    for (int k = 1;; k++) {
        struct sha256 cookie = cookie_of(7);
        struct addr addr = addr_of(7);
        struct peer_record r;

        failing_alloc_at(k);
        enum di_err err = peer_index_register(ix, &cookie, &addr, "other", "BSD", 0, WALL + 9, &r);
        if (!failing_alloc_off()) {
            assert_int_equal(err, DI_OK);
            break;
        }
        assert_int_equal(err, DI_NOMEM);
        assert_int_equal(look(ix, 7, 0, WALL + 10).registrations, 2);
    }
    assert_string_equal(look(ix, 7, 0, WALL + 10).name, "other");
    assert_int_equal(look(ix, 7, 0, WALL + 10).registrations, 3);
    peer_index_free(ix);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_full_registry_refuses_while_all_are_active),
        cmocka_unit_test(who_is_dropped_is_told_once),
        cmocka_unit_test(the_id_of_one_that_had_no_room_is_not_given_away),
        cmocka_unit_test(ids_end_rather_than_begin_again),
        cmocka_unit_test(of_more_stamps_than_places_the_latest_stay),
        cmocka_unit_test(counts_of_stamps_are_capped_and_do_not_wrap),
        cmocka_unit_test(walks_end_where_the_visitor_says),
        cmocka_unit_test(each_lack_of_memory_leaves_all_as_it_was),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
