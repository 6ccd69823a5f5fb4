/* Which document others are compressed against: it comes first, and is named once it is here. */
#include "sched_help.h"

#define FIT SCHED_DICTIONARY_MIN

static struct sha256 digest(uint8_t byte)
{
    return (struct sha256){{byte}};
}

static void offer_as(struct sched *s, uint32_t rfc, unsigned holder, uint64_t size, uint8_t byte)
{
    struct addr a = addr_of(holder);
    struct sha256 sha = digest(byte);

    assert_int_equal(sched_on_offer(s, rfc, &a, size, &sha), DI_OK);
}

static void have(struct sched *s, uint32_t rfc, uint64_t size, uint8_t byte)
{
    struct sha256 sha = digest(byte);

    sched_have(s, rfc, size, &sha);
}

static void assert_names(const struct sched_request *q, uint32_t rfc, uint8_t byte)
{
    struct sha256 sha = digest(byte);

    assert_int_equal(q->dictionary_rfc, rfc);
    if (rfc != 0)
        assert_memory_equal(&q->dictionary, &sha, sizeof(sha));
}

/* Wanted, each held by that one: RFC n of n times 10. */
static struct sched *make_wanting(uint32_t count, unsigned holder)
{
    struct sched *s = make_with(16, 1, false, 1);

    for (uint32_t rfc = 1; rfc <= count; rfc++) {
        want(s, rfc);
        offer_as(s, rfc, holder, FIT + rfc, (uint8_t)(10 * rfc));
    }
    return s;
}

static void done(struct sched *s, struct opened o, uint32_t id)
{
    sched_on_done(s, o.link, id, 0);
}

static void the_least_digest_comes_first_and_is_named_from_then_on(void **state)
{
    struct sched *s = make_wanting(20, 1);

    (void)state;
    offer_as(s, 7, 1, FIT, 3); /* corrected: the least of all */

    struct opened o = up_at(s, 0);
    struct sched_request q = next_at(s, o, 0), other = next_at(s, o, 0);

    assert_int_equal(q.rfc, 7);
    assert_names(&q, 0, 0);
    assert_names(&other, 0, 0);
    done(s, o, q.id);
    q = next_at(s, o, 0);
    assert_names(&q, 7, 3);
    /* Those after it have greater ones: it stays. */
    done(s, o, other.id);
    done(s, o, q.id);
    q = next_at(s, o, 0);
    assert_names(&q, 7, 3);
    sched_free(s);
}

static void only_documents_of_its_size_are_considered(void **state)
{
    struct sched *s = make_with(16, 1, false, 1);

    (void)state;
    for (uint32_t rfc = 1; rfc <= 4; rfc++)
        want(s, rfc);
    offer_as(s, 1, 1, SCHED_DICTIONARY_MIN - 1, 1);
    offer_as(s, 2, 1, SCHED_DICTIONARY_MAX + 1, 2);
    offer_as(s, 3, 1, SCHED_DICTIONARY_MAX, 3);
    offer_as(s, 4, 1, SCHED_DICTIONARY_MIN, 4);
    have(s, 90, SCHED_DICTIONARY_MIN - 1, 0);
    have(s, 91, SCHED_DICTIONARY_MAX + 1, 0);

    struct opened o = up_at(s, 0);
    struct sched_request q = next_at(s, o, 0);

    assert_int_equal(q.rfc, 3);
    done(s, o, q.id);
    q = next_at(s, o, 0);
    assert_names(&q, 3, 3);
    sched_free(s);
}

static void one_that_is_here_is_named_at_once(void **state)
{
    struct sched *s = make_wanting(3, 1);
    struct sched_request q;

    (void)state;
    have(s, 90, FIT, 5);
    have(s, 91, FIT, 6); /* greater */

    struct opened o = up_at(s, 0);

    q = next_at(s, o, 0);
    assert_names(&q, 90, 5);
    /* A better one appears: it comes first, and until then none is named, as others will not name that one. */
    want(s, 50);
    offer_as(s, 50, 1, FIT, 1);
    q = next_at(s, o, 0);
    assert_int_equal(q.rfc, 50);
    assert_names(&q, 0, 0);
    done(s, o, q.id);
    q = next_at(s, o, 0);
    assert_names(&q, 50, 1);
    sched_free(s);
}

static void long_documents_name_none(void **state)
{
    struct sched *s = make_with(16, 1, false, 1);

    (void)state;
    have(s, 90, FIT, 5);
    want(s, 1);
    want(s, 2);
    offer_as(s, 1, 1, SCHED_DICTIONARY_FOR_MAX, 10);
    offer_as(s, 2, 1, SCHED_DICTIONARY_FOR_MAX + 1, 20);

    struct opened o = up_at(s, 0);

    for (int i = 0; i < 2; i++) {
        struct sched_request q = next_at(s, o, 0);

        assert_names(&q, q.rfc == 1 ? 90 : 0, 5);
    }
    sched_free(s);
}

static void one_that_does_not_come_gives_way_to_the_next(void **state)
{
    struct sched *s = make_wanting(3, 1);

    (void)state;
    want(s, 50);
    offer_as(s, 50, 2, FIT, 1); /* whom nothing else is to be had from */
    struct addr gone = addr_of(2);
    struct sched_tried tried[4];

    sched_on_holder_gone(s, &gone);
    pop_one(s, 50, tried, 4);

    struct opened o = up_at(s, 0);
    struct sched_request q = next_at(s, o, 0);

    assert_int_equal(q.rfc, 1);
    sched_drop(s, 1);
    /* Dropped under way: it is the first until its end. */
    q = next_at(s, o, 0);
    assert_names(&q, 0, 0);
    sched_free(s);
}

/* Else anybody could keep the others from ever having one. */
static void an_edition_that_few_have_is_not_considered(void **state)
{
    struct sched *s = make_with(16, 1, false, 1);

    (void)state;
    for (uint32_t rfc = 1; rfc <= 3; rfc++) {
        want(s, rfc);
        for (unsigned holder = 1; holder <= 2; holder++)
            offer_as(s, rfc, holder, FIT, (uint8_t)(10 * rfc));
    }
    for (uint32_t rfc = 2; rfc <= 3; rfc++)
        offer_as(s, rfc, 3, FIT, 1);

    struct opened o = open_at(s, 0);

    while (o.holder == 3)
        o = open_at(s, 0);
    sched_link_up(s, o.link);
    assert_int_equal(next_at(s, o, 0).rfc, 1);
    sched_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_least_digest_comes_first_and_is_named_from_then_on),
        cmocka_unit_test(only_documents_of_its_size_are_considered),
        cmocka_unit_test(one_that_is_here_is_named_at_once),
        cmocka_unit_test(long_documents_name_none),
        cmocka_unit_test(one_that_does_not_come_gives_way_to_the_next),
        cmocka_unit_test(an_edition_that_few_have_is_not_considered),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
