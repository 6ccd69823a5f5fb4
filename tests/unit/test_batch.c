/* The batch language: what is a command, what is not, and what is said about it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../src/cli/batch.h"

static char why[BATCH_WHY_SIZE];
static const char *hint;

static struct batch_command good(const char *text)
{
    struct batch_command c;
    assert_int_equal(batch_command_parse(slice_of(text), &c, why, &hint), DI_OK);
    return c;
}

static void assert_bad(const char *text, const char *part_of_why)
{
    struct batch_command c;
    why[0] = '\0';
    assert_int_equal(batch_command_parse(slice_of(text), &c, why, &hint), DI_INVALID);
    batch_command_fini(&c);
    if (strstr(why, part_of_why) == NULL)
        fail_msg("'%s': '%s' does not say '%s'", text, why, part_of_why);
}

static void assert_slice(struct slice s, const char *want)
{
    assert_int_equal(s.n, strlen(want));
    assert_memory_equal(s.p, want, s.n);
}

static void sync_is_turned_on_and_off(void **state)
{
    (void)state;
    struct batch_command on = good("sync"), off = good("sync  off");
    assert_false(on.off);
    assert_true(off.off);
    batch_command_fini(&on);
    batch_command_fini(&off);
}

static void every_verb_of_the_table_is_known(void **state)
{
    static const char *const arguments[BATCH_VERBS] = {
        [BATCH_GET] = " 1", [BATCH_WAIT] = " peers 1", [BATCH_SLEEP] = " 1"};
    (void)state;
    for (size_t i = 0; i < BATCH_VERBS; i++) {
        char text[64];
        snprintf(text, sizeof(text), " \t%s%s ", batch_info((enum batch_verb)i)->word,
                 arguments[i] == NULL ? "" : arguments[i]);
        struct batch_command c = good(text);
        assert_int_equal(c.verb, i);
        assert_false(c.forgiven);
        batch_command_fini(&c);
    }
}

static void minus_forgives(void **state)
{
    (void)state;
    assert_true(good("-register").forgiven);
    assert_int_equal(good("- leave").verb, BATCH_LEAVE);
    assert_true(good("- leave").forgiven);
    assert_bad("--leave", "no batch command '-leave'");
}

static void get_takes_numbers_and_ranges(void **state)
{
    (void)state;
    struct batch_command c =
        good("get 1 2 3-5 8650 99999999 10 11 12 13-14 serial from 127.0.0.1:40001");
    assert_int_equal(c.count, 9);
    assert_int_equal(c.ranges[2].first, 3);
    assert_int_equal(c.ranges[2].last, 5);
    assert_int_equal(c.ranges[4].first, 99999999);
    assert_int_equal(c.ranges[8].last, 14);
    assert_true(c.serial);
    assert_false(c.all);
    assert_slice(c.from, "127.0.0.1:40001");
    batch_command_fini(&c);
    assert_true(good("get all").all);
    assert_true(good("get missing serial").all);
    c = good("get all from 7");
    assert_slice(c.from, "7");
}

static void assert_ranges(const char *text, const struct peer_range *want, size_t count)
{
    struct batch_command c = good(text);

    assert_int_equal(c.count, count);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(c.ranges[i].first, want[i].first);
        assert_int_equal(c.ranges[i].last, want[i].last);
    }
    batch_command_fini(&c);
}

/* As people write them, and as a shell completes file names. */
static void get_takes_names_and_commas(void **state)
{
    static const struct peer_range want[] = {{1, 1}, {20, 29}, {3, 3}};

    (void)state;
    assert_ranges("get rfc1 RFC20-Rfc29 rfc3.txt", want, 3);
    assert_ranges("get 1,20-29,3", want, 3);
    assert_ranges("get 1, rfc20-29 ,RFC3.TXT, serial", want, 3);
    assert_slice(good("get all, from 127.0.0.1:40001").from, "127.0.0.1:40001");
}

static void get_refuses_what_is_no_rfc(void **state)
{
    (void)state;
    assert_bad("get", "which RFCs?");
    assert_bad("get serial", "which RFCs?");
    assert_bad("get 0", "'0' is no RFC number");
    assert_bad("get 5-1", "'5-1' runs backwards");
    assert_bad("get 5-0", "'5-0' is no RFC number");
    assert_bad("get 5-3", "'5-3'");
    assert_bad("get 0-3", "'0-3'");
    assert_bad("get -3", "'-3'");
    assert_bad("get 3-", "'3-'");
    assert_bad("get 1-2-3", "'1-2-3'");
    assert_bad("get 100000000", "'100000000'");
    assert_bad("get 18446744073709551617", "'18446744073709551617'");
    assert_bad("get 0x10", "'0x10'");
    assert_bad("get rfc", "'rfc' is no RFC number");
    assert_bad("get rfc0", "'rfc0' is no RFC number");
    assert_bad("get rfc8650.pdf", "'rfc8650.pdf' is no RFC number");
    assert_bad("get 8650.txt", "'8650.txt' is no RFC number");
    assert_bad("get 1,abc,2", "'abc' is no RFC number");
    assert_bad("get ,", "which RFCs?");
    assert_bad("get 1 from", "'from' needs a peer");
    assert_bad("get all 5", "do not go with");
}

static void wait_takes_a_number_and_a_timeout(void **state)
{
    (void)state;
    struct batch_command c = good("wait peers 5");
    assert_false(c.rfcs);
    assert_int_equal(c.number, 5);
    assert_int_equal(c.time_us, -1);
    c = good("wait rfcs 60 timeout 2.5");
    assert_true(c.rfcs);
    assert_int_equal(c.number, 60);
    assert_int_equal(c.time_us, 2500000);
    assert_int_equal(good("wait peers 0 timeout 0").time_us, 0);
    assert_bad("wait", "'peers N' or 'rfcs N'");
    assert_bad("wait peer 5", "'peers N' or 'rfcs N'");
    assert_bad("wait peers", "needs a number");
    assert_bad("sync on", "'on' is not 'off'");
    assert_bad("sync off now", "now");
    assert_bad("wait peers many", "needs a number");
    assert_bad("wait peers 1 timeout", "needs seconds");
    assert_bad("wait peers 1 for 5", "'for' is not 'timeout'");
    assert_bad("wait peers 1 timeout 5 6", "'6' is one word too many");
}

static void seconds_may_have_a_fraction(void **state)
{
    (void)state;
    assert_int_equal(good("sleep 0.000001").time_us, 1);
    assert_int_equal(good("sleep 12").time_us, 12000000);
    assert_int_equal(good("sleep 1.5").time_us, 1500000);
    assert_bad("sleep", "needs seconds");
    assert_bad("sleep 1.", "needs seconds");
    assert_bad("sleep .5", "needs seconds");
    assert_bad("sleep 1.0000001", "needs seconds");
    assert_bad("sleep -1", "needs seconds");
    assert_bad("sleep 99999999999999999999", "needs seconds");
}

static void queries_take_a_peer_or_all(void **state)
{
    (void)state;
    struct batch_command c = good("rfcquery 12");
    assert_slice(c.from, "12");
    assert_int_equal(good("rfcquery all").from.n, 0);
    assert_int_equal(good("rfcquery").from.n, 0);
    assert_bad("rfcquery 1 2", "'2' is one word too many");
    c = good("index  datagram  congestion ");
    assert_slice(c.pattern, "datagram  congestion");
    assert_bad("register now", "'now' is one word too many");
}

static void misspelt_words_get_a_hint(void **state)
{
    (void)state;
    assert_bad("regsiter", "no batch command 'regsiter'");
    assert_string_equal(hint, "register");
    assert_bad("rfcq", "no batch command");
    assert_string_equal(hint, "rfcquery");
    assert_bad("xyzzy", "no batch command");
    assert_string_equal(hint, "p2pdi help batch");
    assert_bad("hlep", "no batch command");
    assert_string_equal(hint, "help");
    assert_bad("GET 1", "no batch command 'GET'");
}

static void help_is_a_command(void **state)
{
    (void)state;
    assert_int_equal(good("help").verb, BATCH_HELP);
    assert_int_equal(good(" ? ").verb, BATCH_HELP);
    assert_bad("help get", "'get' is one word too many");
}

static void text_is_cut_into_commands(void **state)
{
    static const char text[] = "# a comment; quit\n"
                               "register;; pquery ; # rest is not read; quit\r\n"
                               "\n"
                               "  get 1 2\n"
                               ";\n"
                               "hold";
    static const struct {
        unsigned line;
        const char *command;
    } want[] = {{2, "register"}, {2, "pquery"}, {4, "get 1 2"}, {6, "hold"}};
    struct batch_text t = {.rest = slice_of(text)};
    struct slice s;

    (void)state;
    for (size_t i = 0; i < 4; i++) {
        assert_true(batch_text_next(&t, &s));
        assert_slice(s, want[i].command);
        assert_int_equal(t.number, want[i].line);
    }
    assert_false(batch_text_next(&t, &s));
    assert_false(batch_text_next(&t, &s));
}

static void check_names_the_first_wrong_line(void **state)
{
    unsigned line = 0;

    (void)state;
    assert_int_equal(batch_text_check(slice_of("register\nget 1; quit\n"), &line, why, &hint),
                     DI_OK);
    assert_int_equal(
        batch_text_check(slice_of("register\n\nget 1; gte 2\nnonsense"), &line, why, &hint),
        DI_INVALID);
    assert_int_equal(line, 3);
    assert_string_equal(hint, "get");
    assert_int_equal(batch_text_check(slice_of(""), &line, why, &hint), DI_OK);
}

static void patterns_are_numbers_ranges_or_words(void **state)
{
    (void)state;
    assert_true(batch_pattern_fits(slice_of("8609"), 8609, "CCNx Messages in TLV Format"));
    assert_false(batch_pattern_fits(slice_of("860"), 8609, "CCNx Messages in TLV Format"));
    assert_true(batch_pattern_fits(slice_of("8600-8650"), 8609, "x"));
    assert_false(batch_pattern_fits(slice_of("8610-8650"), 8609, "x"));
    assert_true(batch_pattern_fits(slice_of("rfc8609"), 8609, "x"));
    assert_true(batch_pattern_fits(slice_of("RFC8609.txt"), 8609, "x"));
    assert_false(batch_pattern_fits(slice_of("rfc8609"), 8610, "Updates RFC8609"));
    assert_true(batch_pattern_fits(slice_of(" 1, 8600-8609 "), 8609, "x"));
    assert_true(batch_pattern_fits(slice_of("1 8609"), 8609, "x"));
    assert_false(batch_pattern_fits(slice_of("1,8608"), 8609, "x"));
    assert_true(batch_pattern_fits(slice_of("802 lan"), 8609, "802 LAN"));
    assert_true(batch_pattern_fits(slice_of("tlv ccnx"), 8609, "CCNx Messages in TLV Format"));
    assert_false(batch_pattern_fits(slice_of("tlv ipv6"), 8609, "CCNx Messages in TLV Format"));
    assert_true(batch_pattern_fits(slice_of(""), 1, ""));
    assert_false(batch_pattern_fits(slice_of("x"), 1, ""));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_verb_of_the_table_is_known),
        cmocka_unit_test(sync_is_turned_on_and_off),
        cmocka_unit_test(minus_forgives),
        cmocka_unit_test(get_takes_numbers_and_ranges),
        cmocka_unit_test(get_takes_names_and_commas),
        cmocka_unit_test(get_refuses_what_is_no_rfc),
        cmocka_unit_test(wait_takes_a_number_and_a_timeout),
        cmocka_unit_test(seconds_may_have_a_fraction),
        cmocka_unit_test(queries_take_a_peer_or_all),
        cmocka_unit_test(misspelt_words_get_a_hint),
        cmocka_unit_test(help_is_a_command),
        cmocka_unit_test(text_is_cut_into_commands),
        cmocka_unit_test(check_names_the_first_wrong_line),
        cmocka_unit_test(patterns_are_numbers_ranges_or_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
