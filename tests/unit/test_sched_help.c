/* Large documents: links without work of their own bring ranges, from the back. */
#include "sched_help.h"

#define LARGE (UINT64_C(1024) * 1024)
#define PIECE (LARGE / 16)

static struct sched *make_helping(void)
{
    struct sched_config cfg = {.window_max = 4, .links_per_holder_max = 1, .help = true};
    struct sched *s = NULL;

    assert_int_equal(sched_new(&cfg, 1, &s), DI_OK);
    return s;
}

static void offer_large(struct sched *s, uint32_t rfc, unsigned holder, uint64_t size)
{
    struct addr a = addr_of(holder);
    struct sha256 sha = {{1}};

    assert_int_equal(sched_on_offer(s, rfc, &a, size, &sha), DI_OK);
}

/* A large document that so many holders offer is asked for at 0; its first quarter came in a second. */
static struct sched_request begin_of(struct sched *s, unsigned holders, uint64_t size,
                                     struct opened *front)
{
    want(s, 1);
    for (unsigned i = 1; i <= holders; i++)
        offer_large(s, 1, i, size);
    *front = up_at(s, 0);

    struct sched_request q = next_at(s, *front, 0);

    assert_int_equal(q.len, size);
    sched_on_progress(s, front->link, q.id, size / 4, S);
    return q;
}

static struct sched_request help_at(struct sched *s, struct opened o, int64_t now_us)
{
    struct sched_request q;

    assert_false(has_next(s, o, now_us));
    assert_true(sched_help(s, o.link, now_us, &q));
    return q;
}

static bool has_help(struct sched *s, struct opened o, int64_t now_us)
{
    struct sched_request q;

    return sched_help(s, o.link, now_us, &q);
}

static void came(struct sched *s, struct opened o, struct sched_request q, int64_t now_us)
{
    sched_help_ended(s, o.link, q.id, true, now_us);
}

static bool is_late(struct sched *s, struct opened o, int64_t now_us)
{
    int64_t again_us;

    return sched_is_late(s, o.link, now_us, &again_us);
}

static void others_bring_pieces_from_the_back_until_the_front_meets_them(void **state)
{
    struct sched *s = make_helping();
    struct opened front;
    struct sched_request q = begin_of(s, 3, LARGE, &front);
    struct opened one = up_at(s, S), two = up_at(s, S);
    uint64_t from = LARGE;
    (void)state;

    assert_int_not_equal(one.holder, front.holder);
    assert_int_not_equal(two.holder, front.holder);
    assert_int_not_equal(two.holder, one.holder);
    assert_int_equal(open_at(s, S).holder, 0);
    assert_true(sched_rest_from(s, front.link, q.id) == UINT64_MAX);
    for (unsigned i = 0; i < 6; i++) {
        struct opened o = i % 2 == 0 ? one : two;
        struct sched_request piece = help_at(s, o, S);

        assert_int_equal(piece.rfc, 1);
        assert_int_equal(piece.size_bytes, LARGE);
        assert_int_equal(piece.len, PIECE);
        assert_int_equal(piece.offset + piece.len, from);
        assert_false(has_help(s, o, S)); /* one at a time */
        from = piece.offset;
        came(s, o, piece, S);
        assert_true(sched_rest_from(s, front.link, q.id) == from);
    }
    sched_on_progress(s, front.link, q.id, from, S);
    sched_on_progress(s, front.link, q.id, LARGE, S);
    sched_on_done(s, front.link, q.id, S);
    assert_int_equal(sched_pending(s), 0);
    assert_false(has_help(s, one, S));
    sched_free(s);
}

static void a_piece_that_is_missing_in_between_is_brought_by_somebody_else(void **state)
{
    struct sched *s = make_helping();
    struct opened front;
    struct sched_request q = begin_of(s, 3, LARGE, &front);
    struct opened one = up_at(s, S), two = up_at(s, S);
    struct sched_request last = help_at(s, one, S), before = help_at(s, two, S);
    (void)state;

    came(s, two, before, S);
    assert_true(sched_rest_from(s, front.link, q.id) == UINT64_MAX);
    sched_link_closed(s, one.link, SCHED_CLOSED, S);

    struct sched_request again = help_at(s, two, S);

    assert_int_equal(again.offset, last.offset);
    came(s, two, again, S);
    assert_true(sched_rest_from(s, front.link, q.id) == before.offset);
    sched_free(s);
}

static void whoever_fails_to_help_is_not_blamed_and_not_asked_at_once(void **state)
{
    struct sched *s = make_helping();
    struct opened front;
    (void)state;

    begin_of(s, 2, LARGE, &front);

    struct opened one = up_at(s, S);
    struct sched_request piece = help_at(s, one, S);

    sched_help_ended(s, one.link, piece.id, false, S);
    assert_false(has_help(s, one, S));
    sched_link_closed(s, one.link, SCHED_CLOSED, S);

    struct opened none = open_at(s, S);

    assert_int_equal(none.holder, 0);
    assert_true(none.retry_us > S && none.retry_us < 10 * S);
    assert_int_equal(up_at(s, none.retry_us).holder, one.holder);
    sched_free(s);
}

static void nobody_helps_over_a_link_that_is_not_up(void **state)
{
    struct sched *s = make_helping();
    struct opened front;

    (void)state;
    (void)begin_of(s, 2, LARGE, &front);

    struct opened o = open_at(s, S);

    assert_int_not_equal(o.holder, 0);
    assert_false(has_help(s, o, S));
    sched_link_up(s, o.link);
    assert_true(has_help(s, o, S));
    o.link += 100; /* nor over none */
    assert_false(has_help(s, o, S));
    sched_free(s);
}

static void what_is_small_or_comes_soon_is_not_helped(void **state)
{
    struct sched *s = make_helping();
    struct opened front;
    (void)state;

    begin_of(s, 2, SCHED_HELP_MIN - 1, &front);
    assert_int_equal(open_at(s, 9 * S).holder, 0);
    assert_true(open_at(s, 9 * S).retry_us == INT64_MAX);
    sched_free(s);

    s = make_helping();

    struct sched_request q = begin_of(s, 2, LARGE, &front);

    sched_on_progress(s, front.link, q.id, LARGE - 1, S);
    assert_int_equal(open_at(s, S).holder, 0);
    assert_true(open_at(s, S).retry_us < 2 * S);
    sched_free(s);
}

static void the_last_bytes_of_a_front_that_stalls_are_brought_too(void **state)
{
    struct sched *s = make_helping();
    struct opened front;
    struct sched_request q = begin_of(s, 2, LARGE, &front);
    (void)state;

    sched_on_progress(s, front.link, q.id, LARGE - 1000, S);

    struct opened one = up_at(s, 2 * S);
    struct sched_request piece = help_at(s, one, 2 * S);

    assert_int_equal(piece.offset, LARGE - 1000);
    assert_int_equal(piece.len, 1000);
    assert_false(is_late(s, front, 60 * S)); /* it is being helped */
    came(s, one, piece, 2 * S);
    assert_true(sched_rest_from(s, front.link, q.id) <= LARGE - 1000);
    sched_free(s);
}

static void what_one_brings_already_is_asked_of_another_when_nothing_else_is_left(void **state)
{
    struct sched *s = make_helping();
    struct opened front;
    struct sched_request q = begin_of(s, 4, LARGE, &front);
    struct opened one = up_at(s, S), two = up_at(s, S), three = up_at(s, S);
    struct sched_request piece = help_at(s, one, S), again;
    (void)state;

    for (unsigned i = 0; i < 11; i++)
        came(s, two, help_at(s, two, S), S);
    again = help_at(s, two, S);
    assert_int_equal(again.offset, piece.offset);
    assert_false(has_help(s, three, S)); /* two are enough */
    assert_false(is_late(s, one, S));
    came(s, two, again, S);
    assert_true(is_late(s, one, S));
    assert_true(sched_rest_from(s, front.link, q.id) == LARGE - 12 * PIECE);
    /* Too late, but not to blame. */
    came(s, one, piece, S);
    assert_true(sched_rest_from(s, front.link, q.id) == LARGE - 12 * PIECE);
    sched_free(s);
}

static void a_front_that_trickles_is_known_by_what_it_brought_lately(void **state)
{
    struct sched *s = make_helping();
    struct opened front;
    struct sched_request q = begin_of(s, 2, LARGE, &front);
    (void)state;

    sched_on_progress(s, front.link, q.id, LARGE - 2000, S + S / 10);
    assert_int_equal(open_at(s, S + S / 10).holder, 0);
    for (unsigned i = 0; i < 10; i++)
        sched_on_progress(s, front.link, q.id, LARGE - 2000 + i, 2 * S + i * S / 5);
    assert_int_equal(help_at(s, up_at(s, 4 * S), 4 * S).offset, LARGE - 2000 + 9);
    sched_free(s);
}

static void help_that_is_of_no_use_any_more_is_broken_off(void **state)
{
    struct sched *s = make_helping();
    struct opened front;
    struct sched_request q = begin_of(s, 2, LARGE, &front);
    struct opened one = up_at(s, S);
    (void)state;

    help_at(s, one, S);
    assert_false(is_late(s, one, S));
    sched_on_done(s, front.link, q.id, S);
    assert_true(is_late(s, one, S));
    /* Whatever becomes of it then, nobody minds. */
    sched_link_closed(s, one.link, SCHED_SLOW, S);
    assert_false(is_exhausted(s));
    sched_free(s);
}

static void a_piece_that_takes_too_long_is_left_to_others(void **state)
{
    struct sched *s = make_helping();
    struct opened front, one;
    struct sched_request q;
    (void)state;

    want(s, 7);
    offer(s, 7, 3);
    one = up_at(s, 0);
    q = next_at(s, one, 0);
    sched_on_done(s, one.link, q.id, S / 10); /* that is the usual */
    sched_link_closed(s, one.link, SCHED_CLOSED, S / 10);

    begin_of(s, 2, LARGE, &front);
    one = up_at(s, S);
    help_at(s, one, S);
    assert_false(is_late(s, one, S + S / 10));
    assert_true(is_late(s, one, 3 * S));
    sched_free(s);
}

static void the_next_front_goes_on_with_what_others_brought(void **state)
{
    struct sched *s = make_helping();
    struct opened front;
    struct sched_request q = begin_of(s, 2, LARGE, &front), rest;
    struct opened one = up_at(s, S);
    struct sched_request piece = help_at(s, one, S);
    (void)state;

    failed(s, front, q, SCHED_CLOSED, LARGE / 4, S);
    came(s, one, piece, S);
    rest = next_at(s, one, S);
    assert_int_equal(rest.offset, LARGE / 4);
    assert_true(sched_rest_from(s, one.link, rest.id) == piece.offset);
    /* Its bytes are lost: nobody knows what the others' are worth. */
    failed(s, one, rest, SCHED_CLOSED, 0, S);
    assert_true(sched_rest_from(s, one.link, next_at(s, one, S).id) == UINT64_MAX);
    sched_free(s);
}

static void what_others_brought_and_is_lost_is_brought_again(void **state)
{
    struct sched *s = make_helping();
    struct opened front;
    struct sched_request q = begin_of(s, 3, LARGE, &front);
    struct opened one = up_at(s, S), two = up_at(s, S);
    struct sha256 sha = {{1}}, other = {{2}};
    (void)state;

    assert_false(sched_is_helped(s, 1, LARGE, &sha));

    struct sched_request last = help_at(s, one, S);

    assert_true(sched_is_helped(s, 1, LARGE, &sha)); /* it is on its way */
    came(s, one, last, S);
    assert_true(sched_is_helped(s, 1, LARGE, &sha));
    assert_false(sched_is_helped(s, 1, LARGE, &other));
    assert_false(sched_is_helped(s, 1, LARGE - 1, &sha));
    assert_false(sched_is_helped(s, 2, LARGE, &sha));
    assert_true(sched_rest_from(s, front.link, q.id) == last.offset);

    struct sched_request before = help_at(s, two, S);

    sched_on_help_lost(s, 1, LARGE, &other);
    sched_on_help_lost(s, 2, LARGE, &sha);
    assert_true(sched_rest_from(s, front.link, q.id) == last.offset);
    sched_on_help_lost(s, 1, LARGE, &sha);
    assert_false(sched_is_helped(s, 1, LARGE, &sha));
    assert_true(sched_rest_from(s, front.link, q.id) == UINT64_MAX);
    assert_int_equal(help_at(s, one, S).offset, last.offset);
    /* It went where nobody looks any more. */
    came(s, two, before, S);
    assert_int_equal(help_at(s, two, S).offset, before.offset);
    sched_free(s);
}

static void where_several_made_a_mismatch_nobody_helps_again(void **state)
{
    struct sched *s = make_helping();
    struct opened front;
    struct sched_request q = begin_of(s, 2, LARGE, &front);
    struct opened one = up_at(s, S);
    (void)state;

    came(s, one, help_at(s, one, S), S);
    sched_on_progress(s, front.link, q.id, LARGE, S);
    sched_on_progress(s, front.link, q.id, 0, S);
    assert_true(sched_rest_from(s, front.link, q.id) == UINT64_MAX);
    sched_on_progress(s, front.link, q.id, 1, 9 * S);
    assert_false(has_help(s, one, 20 * S));
    /* The next mismatch has one to blame. */
    failed(s, front, q, SCHED_MISMATCH, 0, 20 * S);
    sched_link_closed(s, front.link, SCHED_MISMATCH, 20 * S);

    struct sched_request whole = next_at(s, one, 20 * S);

    assert_int_equal(whole.len, LARGE);
    sched_on_done(s, one.link, whole.id, 21 * S);
    sched_free(s);
}

static void what_may_come_from_one_holder_only_is_helped_by_nobody(void **state)
{
    struct sched *s = make_helping();
    struct addr only = addr_of(1);
    (void)state;

    assert_int_equal(sched_want(s, 1, &only), DI_OK);
    offer_large(s, 1, 1, LARGE);
    offer_large(s, 1, 2, LARGE);
    next_at(s, up_at(s, 0), 0);
    assert_int_equal(open_at(s, 9 * S).holder, 0);
    sched_free(s);
}

/* Every document has at most as many pieces as fit, and they cover it. */
static void pieces_cover_documents_of_any_size(void **state)
{
    static const uint64_t sizes[] = {SCHED_HELP_MIN, SCHED_HELP_MIN + 1, 5 * LARGE - 1,
                                     UINT64_C(256) * LARGE};
    (void)state;

    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        struct sched *s = make_helping();
        struct opened front, one;
        uint64_t from = sizes[i];
        unsigned pieces = 0;

        want(s, 1);
        offer_large(s, 1, 1, sizes[i]);
        offer_large(s, 1, 2, sizes[i]);
        front = up_at(s, 0);
        next_at(s, front, 0);
        one = up_at(s, S);
        for (; from > 0; pieces++) {
            struct sched_request piece = help_at(s, one, S);

            assert_true(piece.offset + piece.len == from);
            from = piece.offset;
            came(s, one, piece, S);
        }
        assert_in_range(pieces, 4, 64);
        assert_false(has_help(s, one, S));
        sched_free(s);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(others_bring_pieces_from_the_back_until_the_front_meets_them),
        cmocka_unit_test(a_piece_that_is_missing_in_between_is_brought_by_somebody_else),
        cmocka_unit_test(whoever_fails_to_help_is_not_blamed_and_not_asked_at_once),
        cmocka_unit_test(nobody_helps_over_a_link_that_is_not_up),
        cmocka_unit_test(what_is_small_or_comes_soon_is_not_helped),
        cmocka_unit_test(the_last_bytes_of_a_front_that_stalls_are_brought_too),
        cmocka_unit_test(what_one_brings_already_is_asked_of_another_when_nothing_else_is_left),
        cmocka_unit_test(a_front_that_trickles_is_known_by_what_it_brought_lately),
        cmocka_unit_test(help_that_is_of_no_use_any_more_is_broken_off),
        cmocka_unit_test(a_piece_that_takes_too_long_is_left_to_others),
        cmocka_unit_test(the_next_front_goes_on_with_what_others_brought),
        cmocka_unit_test(what_others_brought_and_is_lost_is_brought_again),
        cmocka_unit_test(where_several_made_a_mismatch_nobody_helps_again),
        cmocka_unit_test(what_may_come_from_one_holder_only_is_helped_by_nobody),
        cmocka_unit_test(pieces_cover_documents_of_any_size),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
