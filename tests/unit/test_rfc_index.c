/* The RFC index: merging, ageing, deltas, bounds, lack of memory. */
/* ld: -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc,--wrap=strndup */
#include "rfc_index_help.h"

#include "../support/failing_alloc.h"

/* ---- merging --------------------------------------------------------------------------------- */

static void rows_come_in_ascending_order_own_before_learned(void **state)
{
    static const uint32_t numbers[] = {90001, 5, 8650, 12, 10000, 7, 1, 99999999};
    struct rfc_index *ix = make(100);

    (void)state;
    for (size_t i = 0; i < 8; i++) {
        learn(ix, numbers[i], 1, 1, 7200, 0);
        learn(ix, numbers[i], 2, 2, 7200, 0);
        own(ix, numbers[i], 1);
        /* In order after each addition, not just at the end. */
        assert_int_equal(walk(ix, RFC_SCOPE_ALL, 0), 3 * (i + 1));
        for (size_t j = 0; j < seen.count; j++) {
            assert_int_equal(seen.at[j].own, j % 3 == 0);
            assert_true(j == 0 || seen.at[j].rfc >= seen.at[j - 1].rfc);
        }
    }
    assert_int_equal(walk(ix, RFC_SCOPE_OWN, 0), 8);
    assert_int_equal(rfc_index_documents(ix), 8);
    assert_int_equal(rfc_index_entries(ix), 24);
    assert_int_equal(rfc_index_owned(ix), 8);
    rfc_index_own_drop(ix, 5);
    rfc_index_own_drop(ix, 6);
    assert_false(rfc_index_has_own(ix, 5));
    assert_true(rfc_index_has_own(ix, 7));
    assert_int_equal(find(ix, 5, 0), 2);
    assert_int_equal(find(ix, 6, 0), 0);
    seen.count = 0;
    rfc_index_walk(ix, RFC_SCOPE_ALL, 0, see_one, &seen);
    assert_int_equal(seen.count, 1);
    rfc_index_free(ix);
    rfc_index_free(NULL);
}

static void editions_stand_side_by_side(void **state)
{
    struct rfc_index *ix = make(100);

    (void)state;
    learn(ix, 1, 1, 10, 7200, 0);
    learn(ix, 1, 2, 20, 7200, 0);
    learn(ix, 1, 3, 10, 7200, 0);
    assert_int_equal(find(ix, 1, 0), 3);
    assert_int_equal(seen.at[0].sha256.byte[0], 10);
    assert_int_equal(seen.at[1].sha256.byte[0], 20);
    assert_int_equal(seen.at[2].sha256.byte[0], 10);
    learn(ix, 1, 1, 20, 7200, 0);
    assert_int_equal(find(ix, 1, 0), 3);
    assert_int_equal(seen.at[0].sha256.byte[0], 20);
    assert_int_equal(seen.at[0].size_bytes, 1020);
    rfc_index_free(ix);
}

static void second_hand_only_wins_with_a_longer_ttl(void **state)
{
    struct rfc_index *ix = make(100);

    (void)state;
    hear(ix, 1, 1, 10, 100, 0);
    hear(ix, 1, 1, 20, 100, 0);
    hear(ix, 1, 1, 20, 99, 0);
    assert_int_equal(find(ix, 1, 0), 1);
    assert_int_equal(seen.at[0].sha256.byte[0], 10);
    hear(ix, 1, 1, 20, 101, 0);
    assert_int_equal(find(ix, 1, 0), 1);
    assert_int_equal(seen.at[0].sha256.byte[0], 20);
    assert_int_equal(seen.at[0].ttl_s, 101);
    hear(ix, 1, 1, 20, 100, 2 * S);
    assert_int_equal(find(ix, 1, 2 * S), 1);
    assert_int_equal(seen.at[0].ttl_s, 100);
    rfc_index_free(ix);
}

static void nobody_contradicts_what_a_holder_said_itself(void **state)
{
    struct rfc_index *ix = make(100);

    (void)state;
    learn(ix, 1, 1, 10, 100, 0);
    hear(ix, 1, 1, 66, 7200, 0); /* another edition */
    hear(ix, 2, 1, 66, 7200, 0); /* something it did not say */

    struct rfc_entry said = row(1, 1, 10, 0), heard = row(1, 1, 66, 0), other = row(2, 1, 66, 0);

    assert_true(rfc_index_knows(ix, &said));
    assert_false(rfc_index_knows(ix, &heard));
    assert_false(rfc_index_knows(ix, &other));
    other = row(1, 2, 10, 0);
    assert_false(rfc_index_knows(ix, &other));
    hear(ix, 1, 1, 10, 0, 0); /* that it is gone */
    assert_int_equal(rfc_index_entries(ix), 1);
    assert_int_equal(find(ix, 1, 0), 1);
    assert_int_equal(seen.at[0].sha256.byte[0], 10);
    assert_int_equal(seen.at[0].ttl_s, 100);
    /* It may itself, also with a shorter TTL. */
    learn(ix, 1, 1, 11, 50, 0);
    assert_int_equal(find(ix, 1, 0), 1);
    assert_int_equal(seen.at[0].sha256.byte[0], 11);
    assert_int_equal(seen.at[0].ttl_s, 50);
    /* Its word is over with its age. */
    hear(ix, 2, 1, 66, 30, 50 * S);
    assert_int_equal(find(ix, 2, 50 * S), 1);
    hear(ix, 2, 1, 66, 0, 50 * S);
    assert_int_equal(find(ix, 2, 50 * S), 0);
    rfc_index_free(ix);
}

static void first_hand_replaces_what_was_heard(void **state)
{
    struct rfc_index *ix = make(100);

    (void)state;
    hear(ix, 1, 1, 66, 7200, 0);
    hear(ix, 2, 1, 66, 7200, 0);
    learn(ix, 1, 1, 10, 5, 0);
    assert_int_equal(find(ix, 1, 0), 1);
    assert_int_equal(seen.at[0].sha256.byte[0], 10);
    assert_int_equal(seen.at[0].ttl_s, 5);
    assert_int_equal(find(ix, 2, 0), 1);
    rfc_index_free(ix);
}

static void titles_are_kept_once_and_ours_rule(void **state)
{
    struct rfc_index *ix = make(100);
    struct rfc_entry e = row(1, 1, 10, 7200);
    char longest[RFC_TITLE_SIZE + 50];

    (void)state;
    e.title = NULL;
    assert_int_equal(rfc_index_learn(ix, &e, true, 0), DI_OK);
    find(ix, 1, 0);
    assert_string_equal(seen.title, "");
    e = row(1, 2, 10, 7200);
    e.title = "heard first";
    assert_int_equal(rfc_index_learn(ix, &e, true, 0), DI_OK);
    e.title = "heard later";
    assert_int_equal(rfc_index_learn(ix, &e, true, 0), DI_OK);
    find(ix, 1, 0);
    assert_string_equal(seen.title, "heard first");
    e.title = "ours";
    assert_int_equal(rfc_index_own_put(ix, &e), DI_OK);
    find(ix, 1, 0);
    assert_string_equal(seen.title, "ours");
    memset(longest, 'x', sizeof(longest));
    longest[sizeof(longest) - 1] = '\0';
    e.title = longest;
    assert_int_equal(rfc_index_own_put(ix, &e), DI_OK);
    find(ix, 1, 0);
    assert_int_equal(strlen(seen.title), RFC_TITLE_SIZE - 1);
    rfc_index_free(ix);
}

static void number_zero_is_no_document(void **state)
{
    struct rfc_index *ix = make(100);
    struct rfc_entry e = row(0, 1, 1, 7200);

    (void)state;
    assert_int_equal(rfc_index_learn(ix, &e, true, 0), DI_INVALID);
    assert_int_equal(rfc_index_own_put(ix, &e), DI_INVALID);
    rfc_index_own_drop(ix, 0);
    assert_int_equal(rfc_index_entries(ix), 0);
    rfc_index_free(ix);
}

/* ---- ageing ---------------------------------------------------------------------------------- */

static void a_ttl_is_capped_runs_down_and_ends(void **state)
{
    struct rfc_index *ix = make(100);
    int64_t start = 3 * S + 999999;

    (void)state;
    assert_true(rfc_index_expire(ix, 0) == INT64_MAX);
    learn(ix, 1, 1, 1, UINT32_MAX, start);
    learn(ix, 2, 1, 1, 1, start);
    learn(ix, 3, 1, 1, 0, start);
    own(ix, 4, 1);
    assert_int_equal(walk(ix, RFC_SCOPE_ALL, start), 3);
    assert_int_equal(seen.at[0].ttl_s, 7200);
    assert_int_equal(seen.at[1].ttl_s, 1);
    assert_int_equal(seen.at[2].ttl_s, 7200);
    assert_true(rfc_index_expire(ix, start) == 4 * S);
    assert_true(rfc_index_expire(ix, 4 * S) == 7203 * S);
    assert_int_equal(rfc_index_documents(ix), 2);
    assert_int_equal(find(ix, 1, 7203 * S - 1), 1);
    assert_int_equal(seen.at[0].ttl_s, 1);
    assert_int_equal(find(ix, 1, 7203 * S), 0);
    assert_true(rfc_index_expire(ix, 1000000 * S) == INT64_MAX);
    assert_int_equal(walk(ix, RFC_SCOPE_ALL, 1000000 * S), 1);
    assert_int_equal(seen.at[0].ttl_s, 7200);
    rfc_index_free(ix);
}

static void a_renewal_is_for_first_hand_rows_of_that_holder(void **state)
{
    struct rfc_index *ix = make(100);

    (void)state;
    hear(ix, 3, 1, 1, 500, 0);
    learn(ix, 1, 1, 1, 500, 0);
    learn(ix, 2, 2, 1, 500, 0);

    struct addr a = addr_of(1), nobody = addr_of(9);

    rfc_index_renew(ix, &nobody, 499 * S);
    rfc_index_renew(ix, &a, 499 * S);
    assert_int_equal(walk(ix, RFC_SCOPE_ALL, 499 * S), 3);
    assert_int_equal(seen.at[0].ttl_s, 7200);
    assert_int_equal(seen.at[1].ttl_s, 1);
    assert_int_equal(seen.at[2].ttl_s, 1);
    /* What ran out is not revived. */
    rfc_index_renew(ix, &a, (499 + 7200) * S);
    assert_int_equal(walk(ix, RFC_SCOPE_ALL, (499 + 7200) * S), 0);
    rfc_index_free(ix);
}

static void a_whole_answer_sweeps_what_it_does_not_name(void **state)
{
    struct rfc_index *ix = make(100);
    struct addr a = addr_of(1), b = addr_of(2);

    (void)state;
    rfc_index_full_begin(ix, &a);
    hear(ix, 5, 1, 1, 7200, 0);
    learn(ix, 1, 1, 1, 7200, 0);
    learn(ix, 2, 1, 1, 7200, 0);
    learn(ix, 1, 2, 1, 7200, 0);
    rfc_index_full_end(ix, &a);
    assert_int_equal(rfc_index_entries(ix), 3); /* 5 was not its own word */

    rfc_index_full_begin(ix, &a);
    learn(ix, 3, 1, 1, 7200, 0); /* breaks off here */
    assert_int_equal(rfc_index_entries(ix), 4);

    rfc_index_full_begin(ix, &a);
    learn(ix, 2, 1, 1, 7200, 0);
    rfc_index_full_end(ix, &a);
    assert_int_equal(walk(ix, RFC_SCOPE_ALL, 0), 2);
    assert_int_equal(seen.at[0].rfc, 1);
    assert_true(addr_equal(&seen.at[0].holder, &b));
    assert_int_equal(seen.at[1].rfc, 2);

    /* Nothing at all is an answer too. */
    rfc_index_full_begin(ix, &a);
    rfc_index_full_end(ix, &a);
    assert_int_equal(walk(ix, RFC_SCOPE_ALL, 0), 1);
    rfc_index_free(ix);
}

static void what_a_holder_had_goes_with_it(void **state)
{
    struct rfc_index *ix = make(100);
    struct addr a = addr_of(1);

    (void)state;
    for (uint32_t rfc = 1; rfc <= 10; rfc++) {
        learn(ix, rfc, 1, 1, 7200, 0);
        learn(ix, rfc, 2, 1, 7200, 0);
    }
    rfc_index_drop_holder(ix, &a);
    rfc_index_drop_holder(ix, &a);
    assert_int_equal(rfc_index_entries(ix), 10);
    assert_int_equal(rfc_index_documents(ix), 10);
    rfc_index_free(ix);
}

/* ---- changes --------------------------------------------------------------------------------- */

static void versions_of_one_scope_mean_nothing_in_the_other(void **state)
{
    struct rfc_index *ix = make(100);
    char own_version[CHANGES_VERSION_SIZE], all[CHANGES_VERSION_SIZE], now[CHANGES_VERSION_SIZE];

    (void)state;
    own(ix, 1, 1);
    rfc_index_version(ix, RFC_SCOPE_OWN, own_version);
    rfc_index_version(ix, RFC_SCOPE_ALL, all);
    assert_false(walk_since(ix, RFC_SCOPE_ALL, own_version, 0));
    assert_false(walk_since(ix, RFC_SCOPE_OWN, all, 0));
    /* Who follows the own ones is not woken by others. */
    learn(ix, 2, 1, 1, 7200, 0);
    rfc_index_version(ix, RFC_SCOPE_OWN, now);
    assert_string_equal(now, own_version);
    assert_true(walk_since(ix, RFC_SCOPE_OWN, own_version, 0));
    assert_int_equal(seen.count, 0);
    assert_true(walk_since(ix, RFC_SCOPE_ALL, all, 0));
    assert_int_equal(seen.count, 1);
    rfc_index_free(ix);
}

static void only_changes_are_changes(void **state)
{
    struct rfc_index *ix = make(100);
    struct addr a = addr_of(1);
    char before[CHANGES_VERSION_SIZE], after[CHANGES_VERSION_SIZE];

    (void)state;
    own(ix, 1, 1);
    learn(ix, 1, 1, 1, 7200, 0);
    rfc_index_version(ix, RFC_SCOPE_ALL, before);
    own(ix, 1, 1);
    learn(ix, 1, 1, 1, 7200, 10 * S);
    rfc_index_renew(ix, &a, 20 * S);
    rfc_index_own_drop(ix, 2);
    rfc_index_version(ix, RFC_SCOPE_ALL, after);
    assert_string_equal(before, after);
    own(ix, 1, 2);
    learn(ix, 1, 1, 2, 7200, 20 * S);
    assert_true(walk_since(ix, RFC_SCOPE_ALL, before, 20 * S));
    assert_int_equal(seen.count, 2);
    assert_true(walk_since(ix, RFC_SCOPE_ALL, before, 20 * S + 7200 * S));
    assert_int_equal(seen.count, 2);
    assert_true(seen.at[1].withdrawn && seen.at[1].ttl_s == 0 && !seen.at[1].own);
    rfc_index_free(ix);
}

static void the_withdrawn_are_bounded_for_each_scope(void **state)
{
    struct rfc_index *ix = make(10000);
    struct addr a = addr_of(1);
    char start[CHANGES_VERSION_SIZE], own_start[CHANGES_VERSION_SIZE];

    (void)state;
    own(ix, 9999, 1);
    rfc_index_version(ix, RFC_SCOPE_OWN, own_start);
    own(ix, 9998, 1);
    rfc_index_own_drop(ix, 9998);
    rfc_index_version(ix, RFC_SCOPE_ALL, start);
    for (int round = 0; round < 5; round++) {
        for (uint32_t rfc = 1; rfc <= 600; rfc++)
            learn(ix, rfc + 600u * (uint32_t)round, 1, 1, 7200, 0);
        rfc_index_drop_holder(ix, &a);
        assert_int_equal(walk_since(ix, RFC_SCOPE_ALL, start, 0), round == 0);
    }
    /* What others do does not cost those who follow the own ones. */
    assert_true(walk_since(ix, RFC_SCOPE_OWN, own_start, 0));
    assert_int_equal(seen.count, 1);
    assert_true(seen.at[0].withdrawn && seen.at[0].own && seen.at[0].rfc == 9998);
    assert_int_equal(rfc_index_documents(ix), 1);
    rfc_index_free(ix);
}

/* ---- bounds ---------------------------------------------------------------------------------- */

static void a_full_index_refuses_and_second_hand_rows_get_half(void **state)
{
    struct rfc_index *ix = make(10);
    struct rfc_entry e;

    (void)state;
    for (uint32_t rfc = 1; rfc <= 5; rfc++)
        hear(ix, rfc, 1, 1, 7200, 0);
    e = row(6, 1, 1, 7200);
    assert_int_equal(rfc_index_learn(ix, &e, false, 0), DI_LIMIT);
    for (uint32_t rfc = 1; rfc <= 5; rfc++)
        learn(ix, rfc, 2, 1, 7200, 0);
    e = row(6, 2, 1, 7200);
    assert_int_equal(rfc_index_learn(ix, &e, true, 0), DI_LIMIT);
    /* What is there can be renewed and withdrawn, and own ones are not counted. */
    learn(ix, 5, 2, 3, 7200, 0);
    for (uint32_t rfc = 1; rfc <= 100; rfc++)
        own(ix, rfc, 1);
    e.rfc = 5;
    e.withdrawn = true;
    assert_int_equal(rfc_index_learn(ix, &e, true, 0), DI_OK);
    learn(ix, 6, 2, 1, 7200, 0);
    assert_int_equal(rfc_index_entries(ix), 110);
    rfc_index_free(ix);
}

static void one_holder_does_not_fill_the_index(void **state)
{
    struct rfc_index *ix = make(10000000);
    struct rfc_entry e = row(RFC_HOLDER_ENTRIES_MAX + 1, 1, 1, 7200);

    (void)state;
    for (uint32_t rfc = 1; rfc <= RFC_HOLDER_ENTRIES_MAX; rfc++)
        learn(ix, rfc, 1, 1, 7200, 0);
    assert_int_equal(rfc_index_learn(ix, &e, true, 0), DI_LIMIT);
    learn(ix, RFC_HOLDER_ENTRIES_MAX + 1, 2, 1, 7200, 0);
    rfc_index_free(ix);
}

/* ---- lack of memory -------------------------------------------------------------------------- */

static void without_memory_nothing_is_learned_and_nothing_lost(void **state)
{
    struct rfc_index *ix = make(1000), *none = NULL;

    (void)state;
    failing_alloc_at(1);
    assert_int_equal(rfc_index_new(1, 10, &none), DI_NOMEM);
    assert_true(failing_alloc_off());
    for (uint32_t n = 1; n <= 200; n++) {
        bool is_own = n % 3 == 0;
        struct rfc_entry e = row(1 + n / 2, n % 7, (uint8_t)(1 + n % 4), 7200);
        enum di_err err = DI_NOMEM;
        size_t entries = rfc_index_entries(ix);
        char before[CHANGES_VERSION_SIZE], after[CHANGES_VERSION_SIZE];

        if (is_own && n % 2 == 0)
            e.title = "another title";
        rfc_index_version(ix, RFC_SCOPE_ALL, before);
        for (int k = 1; err != DI_OK; k++) {
            failing_alloc_at(k);
            err = is_own ? rfc_index_own_put(ix, &e) : rfc_index_learn(ix, &e, true, 0);
            if (!failing_alloc_off())
                break;
            assert_int_equal(err, DI_NOMEM);
            rfc_index_version(ix, RFC_SCOPE_ALL, after);
            assert_string_equal(before, after);
            assert_int_equal(rfc_index_entries(ix), entries);
            assert_int_equal(walk(ix, RFC_SCOPE_ALL, 0), entries);
        }
        assert_int_equal(err, DI_OK);
        assert_int_equal(rfc_index_entries(ix), entries + 1);
    }
    rfc_index_free(ix);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_come_in_ascending_order_own_before_learned),
        cmocka_unit_test(editions_stand_side_by_side),
        cmocka_unit_test(second_hand_only_wins_with_a_longer_ttl),
        cmocka_unit_test(nobody_contradicts_what_a_holder_said_itself),
        cmocka_unit_test(first_hand_replaces_what_was_heard),
        cmocka_unit_test(titles_are_kept_once_and_ours_rule),
        cmocka_unit_test(number_zero_is_no_document),
        cmocka_unit_test(a_ttl_is_capped_runs_down_and_ends),
        cmocka_unit_test(a_renewal_is_for_first_hand_rows_of_that_holder),
        cmocka_unit_test(a_whole_answer_sweeps_what_it_does_not_name),
        cmocka_unit_test(what_a_holder_had_goes_with_it),
        cmocka_unit_test(versions_of_one_scope_mean_nothing_in_the_other),
        cmocka_unit_test(only_changes_are_changes),
        cmocka_unit_test(the_withdrawn_are_bounded_for_each_scope),
        cmocka_unit_test(a_full_index_refuses_and_second_hand_rows_get_half),
        cmocka_unit_test(one_holder_does_not_fill_the_index),
        cmocka_unit_test(without_memory_nothing_is_learned_and_nothing_lost),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
