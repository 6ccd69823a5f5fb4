/* Whose turn it is to be served. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "p2pdi/sched/turns.h"

#define S INT64_C(1000000)

static struct turns *make(void)
{
    struct turns *t = NULL;

    assert_int_equal(turns_new(&t), DI_OK);
    return t;
}

/* 0: it is served; else the host that it is pointed to. */
static unsigned ask_for(struct turns *t, unsigned host, uint16_t port, uint32_t rfc, bool is_whole,
                        int64_t now_us)
{
    struct addr a = addr_ipv4(10, 2, (uint8_t)(host >> 8), (uint8_t)host, port), other;

    return turns_take(t, &a, rfc, is_whole, now_us, &other)
               ? 0
               : (unsigned)other.ip[14] << 8 | other.ip[15];
}

static unsigned ask(struct turns *t, unsigned peer, uint32_t rfc, int64_t now_us)
{
    return ask_for(t, peer, 40000, rfc, true, now_us);
}

/* As many peers as there are turns and places, all at one address; how many of them are served? */
static unsigned ask_from_many_ports(struct turns *t, unsigned host, uint32_t rfc, int64_t now_us)
{
    unsigned served = 0;

    for (uint16_t port = 20000; port < 20072; port++)
        served += ask_for(t, host, port, rfc, true, now_us) == 0;
    return served;
}

static void a_few_are_served_whatever_they_ask_for(void **state)
{
    struct turns *t = make();

    (void)state;
    for (int64_t now_us = S; now_us < 10 * S; now_us += S / 10)
        for (unsigned peer = 1; peer <= TURNS_AT_A_TIME; peer++)
            assert_int_equal(ask(t, peer, 7, now_us), 0);
    turns_free(t);
}

static void who_has_no_turn_is_pointed_to_who_got_it(void **state)
{
    struct turns *t = make();

    (void)state;
    for (unsigned peer = 1; peer <= TURNS_AT_A_TIME; peer++)
        assert_int_equal(ask(t, peer, 100 + peer, S), 0);
    for (unsigned peer = 1; peer <= TURNS_AT_A_TIME; peer++)
        assert_int_equal(ask(t, 50, 100 + peer, S), peer);
    /* What nobody has got here has to come from here. */
    assert_int_equal(ask(t, 50, 200, S), 0);
    assert_int_equal(ask(t, 51, 200, S), 50);
    /* Nobody is pointed to itself. */
    assert_int_equal(ask(t, 50, 200, S), 0);
    turns_free(t);
}

static void a_turn_ends_when_nothing_is_asked_for(void **state)
{
    struct turns *t = make();

    (void)state;
    for (unsigned peer = 1; peer <= TURNS_AT_A_TIME; peer++)
        assert_int_equal(ask(t, peer, 7, S), 0);
    for (unsigned peer = 2; peer <= TURNS_AT_A_TIME; peer++)
        assert_int_equal(ask(t, peer, 7, S + TURNS_REST_US - 1), 0);
    assert_int_not_equal(ask(t, 50, 7, S + TURNS_REST_US - 1), 0);
    assert_int_equal(ask(t, 50, 7, S + TURNS_REST_US), 0);
    assert_int_equal(ask(t, 1, 7, S + TURNS_REST_US), 50);
    turns_free(t);
}

static void who_keeps_asking_keeps_its_place(void **state)
{
    struct turns *t = make();
    const int64_t step_us = TURNS_REST_US * 4 / 5;
    int64_t now_us = S;

    (void)state;
    for (int i = 0; i < 3; i++, now_us += step_us) {
        for (unsigned peer = 1; peer <= TURNS_AT_A_TIME; peer++)
            assert_int_equal(ask(t, peer, 7, now_us), 0);
        assert_int_not_equal(ask(t, 50, 7, now_us), 0);
        if (i > 0)
            assert_int_not_equal(ask(t, 51, 7, now_us), 0);
    }
    /* One turn is free: it is that of who has waited for longer. */
    for (unsigned peer = 2; peer <= TURNS_AT_A_TIME; peer++)
        assert_int_equal(ask(t, peer, 7, now_us), 0);
    now_us += step_us;
    assert_int_not_equal(ask(t, 51, 7, now_us), 0);
    assert_int_equal(ask(t, 50, 7, now_us), 0);
    turns_free(t);
}

/* Twenty that never stop asking for what all have got: each has its turn, and nobody waits for long. */
static void everyone_has_its_turn(void **state)
{
    struct turns *t = make();
    int64_t served_us[21] = {0}, longest_us = 0;
    int64_t back_us[21] = {0};

    (void)state;
    for (int64_t now_us = S; now_us < 60 * S; now_us += 10000) {
        for (unsigned peer = 1; peer <= 20; peer++) {
            if (now_us < back_us[peer])
                continue;
            if (ask(t, peer, 7, now_us) != 0) {
                back_us[peer] = now_us + TURNS_REST_US;
                continue;
            }
            if (served_us[peer] != 0 && now_us - served_us[peer] > longest_us)
                longest_us = now_us - served_us[peer];
            served_us[peer] = now_us;
        }
    }
    for (unsigned peer = 1; peer <= 20; peer++)
        assert_true(served_us[peer] > 50 * S);
    assert_true(longest_us < 10 * S);
    turns_free(t);
}

static void what_is_remembered_is_bounded(void **state)
{
    struct turns *t = make();

    (void)state;
    for (uint32_t rfc = 1; rfc <= 2 * TURNS_SERVED_MAX; rfc++)
        assert_int_equal(ask(t, 1, rfc, S), 0);
    for (unsigned peer = 2; peer <= TURNS_AT_A_TIME; peer++)
        assert_int_equal(ask(t, peer, 0, S), 0);
    assert_int_equal(ask(t, 50, 2 * TURNS_SERVED_MAX, S), 1);
    assert_int_equal(ask(t, 50, 1, S), 0); /* forgotten */
    turns_free(t);
}

static void who_got_a_part_has_not_got_the_document(void **state)
{
    struct turns *t = make();

    (void)state;
    for (unsigned peer = 1; peer <= TURNS_AT_A_TIME; peer++)
        assert_int_equal(ask_for(t, peer, 40000, 7, false, S), 0);
    assert_int_equal(ask(t, 50, 7, S), 0);
    assert_int_equal(ask_for(t, 51, 40000, 7, false, S), 50);
    turns_free(t);
}

static void one_address_alone_has_all_turns(void **state)
{
    struct turns *t = make();

    (void)state;
    assert_int_equal(ask_for(t, 9, 40000, 7, true, S), 0);
    for (int64_t now_us = S; now_us < 4 * S; now_us += S / 4)
        assert_in_range(ask_from_many_ports(t, 1, 7, now_us), TURNS_AT_A_TIME - 2, TURNS_AT_A_TIME);
    turns_free(t);
}

static void one_address_with_many_ports_keeps_nobody_out(void **state)
{
    struct turns *t = make();

    (void)state;
    (void)ask_from_many_ports(t, 1, 7, S);
    for (int64_t now_us = S; now_us < 10 * S; now_us += S / 10) {
        (void)ask_from_many_ports(t, 1, 7, now_us);
        for (unsigned peer = 2; peer < 2 + TURNS_AT_A_TIME * 3 / 4; peer++)
            assert_int_equal(ask(t, peer, 7, now_us), 0);
    }
    turns_free(t);
}

/* It never takes a turn that is its own, so as to keep its places before all others. */
static void one_address_cannot_keep_turns_unused(void **state)
{
    struct turns *t = make();

    (void)state;
    for (unsigned peer = 11; peer < 11 + TURNS_AT_A_TIME; peer++)
        assert_int_equal(ask(t, peer, 7, S), 0);
    (void)ask_from_many_ports(t, 1, 7, S + 1);
    for (unsigned peer = 21; peer < 21 + TURNS_AT_A_TIME; peer++)
        assert_int_not_equal(ask(t, peer, 7, S + 2), 0);
    for (unsigned peer = 21; peer < 21 + TURNS_AT_A_TIME * 3 / 4; peer++)
        assert_int_equal(ask(t, peer, 7, S + TURNS_REST_US + 2), 0);
    turns_free(t);
}

/* Peers at a few addresses, more than have a turn: all of them come to it all the same. */
static void all_behind_a_few_addresses_have_their_turn(void **state)
{
    struct turns *t = make();
    int64_t served_us[4][5] = {{0}}, back_us[4][5] = {{0}};

    (void)state;
    for (int64_t now_us = S; now_us < 60 * S; now_us += 10000)
        for (unsigned i = 0; i < 20; i++) {
            if (now_us < back_us[i % 4][i / 4])
                continue;
            if (ask_for(t, 1 + i % 4, (uint16_t)(40000 + i / 4), 7, true, now_us) == 0)
                served_us[i % 4][i / 4] = now_us;
            else
                back_us[i % 4][i / 4] = now_us + TURNS_REST_US;
        }
    for (unsigned i = 0; i < 20; i++)
        assert_true(served_us[i % 4][i / 4] > 50 * S);
    turns_free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_few_are_served_whatever_they_ask_for),
        cmocka_unit_test(who_has_no_turn_is_pointed_to_who_got_it),
        cmocka_unit_test(a_turn_ends_when_nothing_is_asked_for),
        cmocka_unit_test(who_keeps_asking_keeps_its_place),
        cmocka_unit_test(everyone_has_its_turn),
        cmocka_unit_test(what_is_remembered_is_bounded),
        cmocka_unit_test(who_got_a_part_has_not_got_the_document),
        cmocka_unit_test(one_address_alone_has_all_turns),
        cmocka_unit_test(one_address_with_many_ports_keeps_nobody_out),
        cmocka_unit_test(one_address_cannot_keep_turns_unused),
        cmocka_unit_test(all_behind_a_few_addresses_have_their_turn),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
