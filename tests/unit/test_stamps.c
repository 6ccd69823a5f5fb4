/* The sliding window of registrations, to the second. */
#include "peer_index_help.h"

#include "p2pdi/base/random.h"

/* ---- the window ------------------------------------------------------------------------------ */

static void the_window_slides_to_the_second(void **state)
{
    struct peer_index *ix = make(10);

    (void)state;
    enrol(ix, 1, 0, WALL);
    enrol(ix, 1, 0, WALL + 10);
    assert_int_equal(enrol(ix, 1, 0, WALL + 11).registrations, 3);
    assert_int_equal(look(ix, 1, 0, WALL + 30 * DAY - 1).registrations, 3);
    assert_int_equal(look(ix, 1, 0, WALL + 30 * DAY).registrations, 2);
    assert_int_equal(look(ix, 1, 0, WALL + 30 * DAY + 9).registrations, 2);
    assert_int_equal(look(ix, 1, 0, WALL + 30 * DAY + 10).registrations, 1);
    assert_int_equal(look(ix, 1, 0, WALL + 30 * DAY + 11).registrations, 0);
    assert_true(look(ix, 1, 0, WALL + 90 * DAY).last_registered_s == WALL + 11);
    assert_int_equal(enrol(ix, 1, 0, WALL + 30 * DAY + 10).registrations, 2);
    peer_index_free(ix);
}

static void the_window_is_exact_up_to_its_places(void **state)
{
    struct peer_index *ix = make(10);
    struct prng prng;
    int64_t at[PEER_STAMPS_MAX], wall = WALL;

    (void)state;
    prng_seed(&prng, 5);
    for (size_t i = 0; i < PEER_STAMPS_MAX; i++) {
        at[i] = wall;
        enrol(ix, 1, 0, wall);
        wall += (int64_t)prng_below(&prng, 3 * DAY / 10);
    }
    for (int64_t w = wall; w < wall + 31 * DAY; w += 997) {
        uint32_t expected = 0;

        for (size_t i = 0; i < PEER_STAMPS_MAX; i++)
            expected += at[i] > w - PEER_WINDOW_S;
        assert_int_equal(look(ix, 1, 0, w).registrations, expected);
    }
    peer_index_free(ix);
}

static void beyond_its_places_the_window_errs_little(void **state)
{
    struct peer_index *ix = make(10);
    enum { N = 5000 };
    int64_t step = 2 * PEER_WINDOW_S / N, wall = WALL;
    struct peer_stamp stamps[PEER_STAMPS_MAX];

    (void)state;
    for (int i = 0; i < N; i++, wall += step)
        enrol(ix, 1, 0, wall);
    assert_in_range(look(ix, 1, 0, wall).registrations, N / 2 - 1, N / 2 + N / 50);

    struct sha256 cookie = cookie_of(1);
    size_t count = peer_index_stamps(ix, &cookie, stamps);

    assert_true(count <= PEER_STAMPS_MAX && count > PEER_STAMPS_MAX / 2);
    for (size_t i = 1; i < count; i++)
        assert_true(stamps[i].at_s >= stamps[i - 1].at_s);
    peer_index_free(ix);
}

static void a_clock_set_back_neither_loses_nor_keeps_for_ever(void **state)
{
    struct peer_index *ix = make(10);
    struct sha256 cookie = cookie_of(1);
    struct peer_stamp stamps[PEER_STAMPS_MAX];

    (void)state;
    enrol(ix, 1, 0, WALL + 1000 * DAY);
    enrol(ix, 1, 0, WALL + 1000 * DAY + 1);
    assert_int_equal(enrol(ix, 1, 0, WALL).registrations, 3);
    assert_int_equal(peer_index_stamps(ix, &cookie, stamps), 3);
    for (size_t i = 0; i < 3; i++)
        assert_true(stamps[i].at_s == WALL);
    assert_int_equal(look(ix, 1, 0, WALL + 30 * DAY - 1).registrations, 3);
    assert_int_equal(look(ix, 1, 0, WALL + 30 * DAY).registrations, 0);
    peer_index_free(ix);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_window_slides_to_the_second),
        cmocka_unit_test(the_window_is_exact_up_to_its_places),
        cmocka_unit_test(beyond_its_places_the_window_errs_little),
        cmocka_unit_test(a_clock_set_back_neither_loses_nor_keeps_for_ever),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
