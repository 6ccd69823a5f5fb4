/* The registry: TTLs to the second, restoring, eviction, deltas, samples, lack of memory. */
/* ld: -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc,--wrap=strndup */
#include "peer_index_help.h"

#include "../support/failing_alloc.h"

/* ---- records and TTLs ------------------------------------------------------------------------ */

static void a_record_holds_what_was_registered(void **state)
{
    struct peer_index *ix = make(10);
    struct sha256 cookie = cookie_of(1);
    struct addr addr = addr_of(1);
    struct peer_record r;
    char name[200];

    (void)state;
    memset(name, 'x', sizeof(name) - 1);
    name[sizeof(name) - 1] = '\0';
    assert_int_equal(peer_index_register(ix, &cookie, &addr, name, "", 0, WALL, &r), DI_OK);
    assert_int_equal(r.peer, 1);
    assert_true(addr_equal(&r.addr, &addr));
    assert_true(sha256_equal(&r.cookie, &cookie));
    assert_true(r.active);
    assert_int_equal(r.ttl_s, 7200);
    assert_int_equal(r.registrations, 1);
    assert_true(r.last_registered_s == WALL);
    assert_int_equal(strlen(r.name), PEER_NAME_SIZE - 1);
    assert_string_equal(r.os, "");
    assert_int_equal(peer_index_register(ix, &cookie, &addr, "a", "b", 0, WALL + 5, &r), DI_OK);
    assert_int_equal(r.peer, 1);
    assert_int_equal(r.registrations, 2);
    assert_string_equal(r.name, "a");
    assert_string_equal(r.os, "b");
    assert_int_equal(peer_index_known(ix), 1);
    peer_index_free(ix);
    peer_index_free(NULL);
}

static void a_ttl_runs_from_7200_to_1_and_then_the_peer_is_inactive(void **state)
{
    struct peer_index *ix = make(10);
    int64_t start = 17 * S + 999999;

    (void)state;
    enrol(ix, 1, start, WALL);
    assert_int_equal(look(ix, 1, start, WALL).ttl_s, 7200);
    assert_int_equal(look(ix, 1, start + 1, WALL).ttl_s, 7199);
    for (int64_t t = start; t < 7217 * S; t += 59 * S) {
        struct peer_record r = look(ix, 1, t, WALL);

        assert_true(r.active && r.ttl_s >= 1 && r.ttl_s <= 7200);
        assert_true(r.expires_us > t && r.expires_us <= t + 7200 * S);
    }
    assert_int_equal(look(ix, 1, 7217 * S - 1, WALL).ttl_s, 1);
    assert_int_equal(look(ix, 1, 7217 * S, WALL).ttl_s, 0);
    assert_false(look(ix, 1, 7217 * S, WALL).active);
    assert_int_equal(walk(ix, PEER_WALK_ACTIVE, 7217 * S), 0);
    assert_int_equal(walk(ix, PEER_WALK_ALL, 7217 * S), 1);
    /* A clock that another thread read before must not show more than there ever was. */
    assert_int_equal(look(ix, 1, 0, WALL).ttl_s, 7200);
    peer_index_free(ix);
}

static void expiry_takes_what_ran_out_and_says_when_to_come_back(void **state)
{
    struct peer_index *ix = make(10);

    (void)state;
    assert_true(peer_index_expire(ix, 5 * S, WALL, NULL, NULL) == INT64_MAX);
    enrol(ix, 1, 0, WALL);
    enrol(ix, 2, 10 * S, WALL);
    enrol(ix, 3, 10 * S, WALL);
    assert_int_equal(renew(ix, 3, 20 * S), DI_OK);
    assert_true(peer_index_expire(ix, 100 * S, WALL, NULL, NULL) == 7200 * S);
    assert_int_equal(peer_index_active(ix), 3);

    seen.count = 0;
    seen.limit = 0;
    assert_true(peer_index_expire(ix, 7200 * S, WALL, see_expired, &seen) == 7210 * S);
    assert_int_equal(seen.count, 1);
    assert_int_equal(seen.at[0].peer, 1);
    assert_false(seen.at[0].active);
    assert_true(peer_index_expire(ix, 7219 * S, WALL, NULL, NULL) == 7220 * S);
    assert_int_equal(peer_index_active(ix), 1);
    /* Much later in one go, more than the wheel is long. */
    assert_true(peer_index_expire(ix, 100000 * S, WALL, NULL, NULL) == INT64_MAX);
    assert_int_equal(peer_index_active(ix), 0);
    assert_int_equal(peer_index_known(ix), 3);
    peer_index_free(ix);
}

static void nothing_but_a_registration_revives(void **state)
{
    struct peer_index *ix = make(10);

    (void)state;
    assert_int_equal(renew(ix, 1, 0), DI_NOT_FOUND);
    assert_int_equal(leave(ix, 1, 0), DI_NOT_FOUND);
    enrol(ix, 1, 0, WALL);
    assert_int_equal(renew(ix, 1, 7199 * S), DI_OK);
    assert_int_equal(look(ix, 1, 7199 * S, WALL).ttl_s, 7200);
    /* Not expired by a call yet, but over. */
    assert_int_equal(renew(ix, 1, 14399 * S), DI_CLOSED);
    assert_false(look(ix, 1, 14399 * S, WALL).active);
    (void)peer_index_expire(ix, 14399 * S, WALL, NULL, NULL);
    assert_int_equal(renew(ix, 1, 14399 * S), DI_CLOSED);

    assert_true(enrol(ix, 1, 14400 * S, WALL).active);
    assert_int_equal(leave(ix, 1, 14400 * S), DI_OK);
    assert_int_equal(leave(ix, 1, 14400 * S), DI_OK);
    assert_int_equal(renew(ix, 1, 14400 * S), DI_CLOSED);
    assert_int_equal(peer_index_active(ix), 0);
    assert_int_equal(enrol(ix, 1, 14401 * S, WALL).peer, 1);
    peer_index_free(ix);
}

static void a_server_that_lost_its_cookie_takes_its_address_over(void **state)
{
    struct peer_index *ix = make(10);
    struct sha256 cookie = cookie_of(2);
    struct addr addr = addr_of(1);
    struct peer_record r;

    (void)state;
    enrol(ix, 1, 0, WALL);
    enrol(ix, 3, 0, WALL);
    assert_int_equal(peer_index_find_addr(ix, &addr, 0, WALL, &r), DI_OK);
    assert_int_equal(r.peer, 1);
    assert_int_equal(peer_index_register(ix, &cookie, &addr, "", "", 0, WALL, &r), DI_OK);
    assert_int_equal(r.peer, 3);
    assert_int_equal(peer_index_find_addr(ix, &addr, 0, WALL, &r), DI_OK);
    assert_int_equal(r.peer, 3);
    assert_false(look(ix, 1, 0, WALL).active);
    assert_true(look(ix, 3, 0, WALL).active);
    assert_int_equal(peer_index_active(ix), 2);
    /* A record that moves there does the same. */
    cookie = cookie_of(3);
    assert_int_equal(peer_index_register(ix, &cookie, &addr, "", "", 0, WALL, &r), DI_OK);
    assert_false(look(ix, 2, 0, WALL).active);
    /* And its old address is free. */
    addr = addr_of(3);
    assert_int_equal(peer_index_find_addr(ix, &addr, 0, WALL, &r), DI_NOT_FOUND);
    cookie = cookie_of(1);
    assert_int_equal(peer_index_register(ix, &cookie, &addr, "", "", 0, WALL, &r), DI_OK);
    assert_true(look(ix, 3, 0, WALL).active);
    peer_index_free(ix);
}

/* ---- restoring ------------------------------------------------------------------------------- */

static void records_are_restored_as_they_were(void **state)
{
    struct peer_index *a = make(10), *b = make(10);
    struct peer_stamp stamps[PEER_STAMPS_MAX];
    struct sha256 cookie = cookie_of(1);

    (void)state;
    for (int i = 0; i < 300; i++)
        enrol(a, 1, 0, WALL + i * 3600);

    int64_t wall = WALL + 300 * 3600;
    struct peer_record r = look(a, 1, 100 * S, wall), restored;
    size_t count = peer_index_stamps(a, &cookie, stamps);

    r.expires_us = 12345; /* of another boot */
    assert_int_equal(peer_index_restore(b, &r, stamps, count, 1000000 * S), DI_OK);
    assert_int_equal(peer_index_restore(b, &r, stamps, count, 1000000 * S), DI_EXISTS);
    restored = look(b, 1, 1000000 * S, wall);
    assert_int_equal(restored.ttl_s, 7100);
    assert_true(restored.expires_us == 1007100 * S);
    for (int64_t w = wall; w < wall + 40 * DAY; w += DAY / 3)
        assert_int_equal(look(b, 1, 0, w).registrations, look(a, 1, 0, w).registrations);
    assert_string_equal(restored.name, "host");
    /* New ids go on after the restored ones. */
    r.cookie = cookie_of(9);
    r.peer = 70;
    r.active = false;
    assert_int_equal(peer_index_restore(b, &r, NULL, 0, 0), DI_OK);
    assert_int_equal(enrol(b, 2, 0, WALL).peer, 71);
    r.peer = 0;
    r.cookie = cookie_of(10);
    assert_int_equal(peer_index_restore(b, &r, NULL, 0, 0), DI_INVALID);
    peer_index_free(a);
    peer_index_free(b);
}

static void restored_ttls_are_clamped_and_addresses_are_one_peers(void **state)
{
    struct peer_index *ix = make(10);
    struct peer_record r = {.peer = 1,
                            .cookie = cookie_of(1),
                            .addr = addr_of(1),
                            .active = true,
                            .ttl_s = UINT32_MAX,
                            .last_registered_s = WALL};

    (void)state;
    assert_int_equal(peer_index_restore(ix, &r, NULL, 0, 50 * S), DI_OK);
    assert_int_equal(look(ix, 1, 50 * S, WALL).ttl_s, 7200);
    assert_false(look(ix, 1, 7250 * S, WALL).active);
    r.peer = 2;
    r.cookie = cookie_of(2);
    r.last_registered_s = WALL - 1; /* earlier: it lost the address */
    assert_int_equal(peer_index_restore(ix, &r, NULL, 0, 50 * S), DI_OK);
    assert_true(look(ix, 1, 50 * S, WALL).active);
    assert_false(look(ix, 2, 50 * S, WALL).active);
    r.peer = 3;
    r.cookie = cookie_of(3);
    r.last_registered_s = WALL + 1;
    assert_int_equal(peer_index_restore(ix, &r, NULL, 0, 50 * S), DI_OK);
    assert_false(look(ix, 1, 50 * S, WALL).active);
    assert_true(look(ix, 3, 50 * S, WALL).active);
    r.peer = 4;
    r.cookie = cookie_of(4);
    r.addr = addr_of(4);
    r.ttl_s = 0;
    assert_int_equal(peer_index_restore(ix, &r, NULL, 0, 50 * S), DI_OK);
    assert_false(look(ix, 4, 50 * S, WALL).active);
    assert_int_equal(peer_index_active(ix), 1);
    assert_int_equal(walk(ix, PEER_WALK_ALL, 50 * S), 4);
    for (uint32_t i = 0; i < 4; i++)
        assert_int_equal(seen.at[i].peer, i + 1);
    peer_index_free(ix);
}

/* ---- eviction -------------------------------------------------------------------------------- */

static void a_full_table_drops_who_has_been_away_for_longest(void **state)
{
    struct peer_index *ix = make(3);
    struct sha256 cookie = cookie_of(4);
    struct addr addr = addr_of(4);
    struct peer_record r;

    (void)state;
    for (uint32_t n = 1; n <= 3; n++)
        enrol(ix, n, 0, WALL);
    assert_int_equal(peer_index_register(ix, &cookie, &addr, "", "", 0, WALL, &r), DI_LIMIT);
    assert_int_equal(peer_index_known(ix), 3);
    assert_int_equal(leave(ix, 3, 0), DI_OK);
    assert_int_equal(leave(ix, 1, 0), DI_OK);
    assert_int_equal(peer_index_register(ix, &cookie, &addr, "", "", 0, WALL, &r), DI_OK);
    assert_int_equal(r.peer, 4);
    cookie = cookie_of(3);
    assert_int_equal(peer_index_find(ix, &cookie, 0, WALL, &r), DI_NOT_FOUND);
    assert_false(look(ix, 1, 0, WALL).active);
    /* Who is known comes back in any case, and an own address is taken over. */
    assert_int_equal(enrol(ix, 1, 0, WALL).peer, 1);
    cookie = cookie_of(5);
    assert_int_equal(peer_index_register(ix, &cookie, &addr, "", "", 0, WALL, &r), DI_OK);
    assert_int_equal(peer_index_known(ix), 3);
    assert_int_equal(peer_index_active(ix), 3);
    peer_index_free(ix);
}

static void whom_others_replace_leaves_no_hole(void **state)
{
    struct peer_index *ix = make(20);

    (void)state;
    for (uint32_t n = 1; n <= 1000; n++) {
        assert_int_equal(enrol(ix, n, 0, WALL).peer, n);
        assert_int_equal(peer_index_known(ix), n < 20 ? n : 20);
        if (n % 20 != 0) /* these stay */
            assert_int_equal(leave(ix, n, 0), DI_OK);
        assert_int_equal(walk(ix, PEER_WALK_ALL, 0), n < 20 ? n : 20);
        for (size_t i = 1; i < seen.count; i++)
            assert_true(seen.at[i].peer > seen.at[i - 1].peer);
        if (peer_index_active(ix) > 10)
            for (uint32_t m = 20; m < n; m += 20)
                (void)leave(ix, m, 0);
    }
    peer_index_free(ix);
}

/* Restored ones were never told of as departed, but they lie among those that were. */
static void the_departed_are_bounded_after_a_restart_too(void **state)
{
    struct peer_index *ix = make(10000);
    char version[CHANGES_VERSION_SIZE], start[CHANGES_VERSION_SIZE];

    (void)state;
    for (uint32_t n = 1; n <= 2000; n++) {
        bool active = n <= 2;
        struct peer_record r = {.peer = n,
                                .cookie = cookie_of(n),
                                .addr = addr_of(active ? 1 : n),
                                .active = active,
                                .ttl_s = 100,
                                .last_registered_s = n};

        assert_int_equal(peer_index_restore(ix, &r, NULL, 0, 0), DI_OK);
    }
    peer_index_version(ix, version);
    peer_index_version(ix, start);
    for (uint32_t n = 3001; n <= 5000; n++)
        enrol(ix, n, 0, WALL);
    for (uint32_t n = 3001; n <= 5000; n++) {
        assert_int_equal(leave(ix, n, 0), DI_OK);
        if (n == 4000) {
            assert_true(walk_since(ix, version, 0));
            assert_int_equal(seen.count, 2000);
            peer_index_version(ix, version);
        }
    }
    assert_true(walk_since(ix, version, 0));
    assert_int_equal(seen.count, 1000);
    assert_false(walk_since(ix, start, 0));
    assert_int_equal(peer_index_known(ix), 4000);
    peer_index_free(ix);
}

static void restoring_more_than_fits_keeps_the_active_ones(void **state)
{
    struct peer_index *ix = make(2);

    (void)state;
    for (uint32_t n = 1; n <= 4; n++) {
        struct peer_record r = {
            .peer = n, .cookie = cookie_of(n), .addr = addr_of(n), .active = n == 2, .ttl_s = 100};

        assert_int_equal(peer_index_restore(ix, &r, NULL, 0, 0), DI_OK);
    }
    assert_int_equal(walk(ix, PEER_WALK_ALL, 0), 2);
    assert_int_equal(seen.at[0].peer, 2);
    assert_int_equal(seen.at[1].peer, 4);
    peer_index_free(ix);
}

/* ---- deltas and samples ---------------------------------------------------------------------- */

static void renewals_are_no_change_and_departures_are(void **state)
{
    struct peer_index *ix = make(10);
    char version[CHANGES_VERSION_SIZE], later[CHANGES_VERSION_SIZE];

    (void)state;
    enrol(ix, 1, 0, WALL);
    enrol(ix, 2, 0, WALL);
    peer_index_version(ix, version);
    assert_int_equal(renew(ix, 1, 10 * S), DI_OK);
    peer_index_version(ix, later);
    assert_string_equal(version, later);
    assert_true(walk_since(ix, version, 10 * S));
    assert_int_equal(seen.count, 0);
    (void)peer_index_expire(ix, 7200 * S, WALL, NULL, NULL);
    assert_true(walk_since(ix, version, 7200 * S));
    assert_int_equal(seen.count, 1);
    assert_int_equal(seen.at[0].peer, 2);
    assert_false(seen.at[0].active);
    assert_int_equal(seen.at[0].ttl_s, 0);
    assert_false(walk_since(ix, "000000000000002b.1", 0));
    peer_index_free(ix);
}

static void a_delta_is_never_much_longer_than_a_whole_answer(void **state)
{
    struct peer_index *ix = make(10000);
    char before[CHANGES_VERSION_SIZE], after[CHANGES_VERSION_SIZE];

    (void)state;
    for (uint32_t n = 1; n <= 2500; n++)
        enrol(ix, n, 0, WALL);
    peer_index_version(ix, before);
    for (uint32_t n = 1; n <= 1500; n++)
        assert_int_equal(leave(ix, n, 0), DI_OK);
    assert_true(walk_since(ix, before, 0));
    assert_int_equal(seen.count, 1500);
    peer_index_version(ix, after);
    for (uint32_t n = 1501; n <= 2500; n++)
        assert_int_equal(leave(ix, n, 0), DI_OK);
    assert_false(walk_since(ix, before, 0));
    assert_true(walk_since(ix, after, 0));
    assert_int_equal(seen.count, 1000);
    /* They are all known still, and come back. */
    assert_int_equal(walk(ix, PEER_WALK_ALL, 0), 2500);
    for (uint32_t n = 1; n <= 2500; n++)
        assert_int_equal(enrol(ix, n, 0, WALL).peer, n);
    assert_true(walk_since(ix, after, 0));
    assert_int_equal(seen.count, 2500);
    for (uint32_t n = 2500; n >= 1; n--) {
        assert_int_equal(leave(ix, n, 0), DI_OK);
        if (n == 1026)
            peer_index_version(ix, before);
        if (n == 1025)
            peer_index_version(ix, after);
    }
    assert_false(walk_since(ix, before, 0));
    assert_true(walk_since(ix, after, 0));
    assert_int_equal(seen.count, 1024);
    peer_index_free(ix);
}

static void samples_are_fair_distinct_and_leave_one_out(void **state)
{
    struct peer_index *ix = make(100);
    unsigned drawn[21] = {0};
    enum { ROUNDS = 4000, N = 5 };

    (void)state;
    for (uint32_t n = 1; n <= 20; n++)
        enrol(ix, n, 0, WALL);
    for (uint64_t seed = 0; seed < ROUNDS; seed++) {
        unsigned in_this[21] = {0};

        seen.count = 0;
        seen.limit = 0;
        peer_index_sample(ix, N, 7, seed, 0, WALL, see, &seen);
        assert_int_equal(seen.count, N);
        for (size_t i = 0; i < N; i++) {
            assert_int_equal(in_this[seen.at[i].peer]++, 0);
            drawn[seen.at[i].peer]++;
        }
    }
    for (uint32_t n = 1; n <= 20; n++) {
        if (n == 7)
            assert_int_equal(drawn[n], 0);
        else /* 1053 expected, 28 the standard deviation */
            assert_in_range(drawn[n], 900, 1200);
    }
    seen.count = 0;
    peer_index_sample(ix, 1000, 0, 1, 0, WALL, see, &seen);
    assert_int_equal(seen.count, 20);
    seen.count = 0;
    peer_index_sample(ix, 5, 0, 1, 7200 * S, WALL, see, &seen);
    assert_int_equal(seen.count, 0);
    peer_index_free(ix);
}

/* ---- lack of memory -------------------------------------------------------------------------- */

static void without_memory_a_registration_has_not_happened(void **state)
{
    struct peer_index *ix = make(1000);
    struct addr taken = addr_of(11);
    struct peer_record r;

    (void)state;
    failing_alloc_at(1);

    struct peer_index *none = NULL;

    assert_int_equal(peer_index_new(1, 10, &none), DI_NOMEM);
    assert_true(failing_alloc_off());
    /*
     * New ones that make tables grow, at an address that is taken, and old ones with other names.
     */
    for (uint32_t n = 0; n < 120; n++) {
        bool is_new = n % 2 == 0;
        struct sha256 cookie = cookie_of(is_new ? n : n - 1);
        struct addr addr = n == 60 ? taken : addr_of(is_new ? n : n - 1);
        enum di_err err = DI_NOMEM;
        char before[CHANGES_VERSION_SIZE], after[CHANGES_VERSION_SIZE];
        int fails = 0;

        enrol(ix, 11, 0, WALL);
        peer_index_version(ix, before);
        for (int k = 1; err != DI_OK; k++) {
            failing_alloc_at(k);
            err = peer_index_register(ix, &cookie, &addr, is_new ? "a" : "bb", "", 0, WALL, &r);
            if (!failing_alloc_off())
                break;
            fails++;
            assert_int_equal(err, DI_NOMEM);
            peer_index_version(ix, after);
            assert_string_equal(before, after);
            assert_true(look(ix, 11, 0, WALL).active);
        }
        assert_int_equal(err, DI_OK);
        assert_true(fails > 0);
        assert_int_equal(r.registrations, is_new ? 1 : 2);
    }
    assert_int_equal(peer_index_known(ix), 61);
    peer_index_free(ix);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_record_holds_what_was_registered),
        cmocka_unit_test(a_ttl_runs_from_7200_to_1_and_then_the_peer_is_inactive),
        cmocka_unit_test(expiry_takes_what_ran_out_and_says_when_to_come_back),
        cmocka_unit_test(nothing_but_a_registration_revives),
        cmocka_unit_test(a_server_that_lost_its_cookie_takes_its_address_over),
        cmocka_unit_test(records_are_restored_as_they_were),
        cmocka_unit_test(restored_ttls_are_clamped_and_addresses_are_one_peers),
        cmocka_unit_test(a_full_table_drops_who_has_been_away_for_longest),
        cmocka_unit_test(whom_others_replace_leaves_no_hole),
        cmocka_unit_test(the_departed_are_bounded_after_a_restart_too),
        cmocka_unit_test(restoring_more_than_fits_keeps_the_active_ones),
        cmocka_unit_test(renewals_are_no_change_and_departures_are),
        cmocka_unit_test(a_delta_is_never_much_longer_than_a_whole_answer),
        cmocka_unit_test(samples_are_fair_distinct_and_leave_one_out),
        cmocka_unit_test(without_memory_a_registration_has_not_happened),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
