/* The lab believes a child's line if it holds what the manual promises, and no other. */
#include "../../src/lab/event.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#define T "\"v\":1,\"t\":1.5,"
#define SHA "\"sha256\":\"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\""

static void lines_with_all_that_is_promised_are_events(void **state)
{
    static const struct {
        const char *line;
        enum lab_event_kind kind;
    } cases[] = {
        {"{" T "\"event\":\"listening\",\"host\":\"127.0.0.1\",\"port\":5}", LAB_EV_LISTENING},
        {"{" T "\"event\":\"registered\"}", LAB_EV_REGISTERED},
        {"{" T "\"event\":\"peers\",\"count\":7}", LAB_EV_PEERS},
        {"{" T "\"event\":\"index\",\"rfcs\":7}", LAB_EV_INDEX},
        {"{" T "\"event\":\"start\",\"rfc\":7,\"from\":\"10.0.0.1:5\"}", LAB_EV_START},
        {"{" T "\"event\":\"done\",\"rfc\":7,\"from\":\"10.0.0.1:5\",\"bytes\":9,\"wire_bytes\":8,"
         "\"us\":3," SHA "}",
         LAB_EV_DONE},
        {"{" T "\"event\":\"complete\",\"files\":7}", LAB_EV_COMPLETE},
        {"{" T "\"event\":\"failed\",\"rfc\":7,\"tried\":[]}", LAB_EV_FAILED},
        {"{" T "\"event\":\"error\",\"what\":\"a\",\"why\":\"b\"}", LAB_EV_ERROR},
        {"{" T "\"event\":\"of another year\",\"x\":[{}]}", LAB_EV_OTHER},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct lab_event ev;

        if (lab_event_parse(cases[i].line, &ev) != DI_OK)
            fail_msg("not taken: %s", cases[i].line);
        assert_int_equal(ev.kind, cases[i].kind);
        assert_int_equal(ev.t_us, 1500000);
    }
}

static void what_lines_say_arrives(void **state)
{
    struct lab_event ev;

    (void)state;
    assert_int_equal(lab_event_parse("{" T "\"event\":\"done\",\"rfc\":7,\"from\":\"10.0.0.1:5\","
                                     "\"bytes\":9,\"wire_bytes\":8,\"us\":3," SHA "}",
                                     &ev),
                     DI_OK);
    assert_int_equal(ev.rfc, 7);
    assert_int_equal(ev.addr.port, 5);
    assert_int_equal(ev.bytes, 9);
    assert_int_equal(ev.wire_bytes, 8);
    assert_int_equal(ev.us, 3);
    assert_int_equal(ev.sha256.byte[31], 0xef);
    assert_int_equal(
        lab_event_parse("{" T "\"event\":\"failed\",\"rfc\":7,\"tried\":[{\"from\":\"10.0.0.1:5\","
                        "\"why\":\"b\\u001b[2Jusy\"},{\"why\":5},3]}",
                        &ev),
        DI_OK);
    assert_string_equal(ev.text, "RFC 7: 10.0.0.1:5 b [2Jusy; ? ?; ? ?");
    assert_int_equal(lab_event_parse("{" T "\"event\":\"failed\",\"rfc\":7,\"tried\":[]}", &ev),
                     DI_OK);
    assert_string_equal(ev.text, "RFC 7: nobody has it");
    assert_int_equal(
        lab_event_parse("{" T "\"event\":\"error\",\"what\":\"a\",\"why\":\"b\"}", &ev), DI_OK);
    assert_string_equal(ev.text, "a: b");
}

static void lines_that_lack_something_are_none(void **state)
{
    static const char *const lines[] = {
        "",
        "oops",
        "[]",
        "{",
        "{" T "\"event\":\"registered\"",
        "{\"event\":\"registered\"}",
        "{\"t\":\"1\",\"event\":\"registered\"}",
        "{" T "\"event\":5}",
        "{" T "\"e\":1}",
        "{" T "\"t\":2,\"event\":\"registered\"}",
        "{" T "\"event\":\"listening\",\"port\":5}",
        "{" T "\"event\":\"listening\",\"host\":5,\"port\":5}",
        "{" T "\"event\":\"listening\",\"host\":\"x\",\"port\":5}",
        "{" T "\"event\":\"listening\",\"host\":\"127.0.0.1\"}",
        "{" T "\"event\":\"listening\",\"host\":\"127.0.0.1\",\"port\":65536}",
        "{" T "\"event\":\"listening\",\"host\":\"127.0.0.1\",\"port\":-1}",
        "{" T "\"event\":\"listening\",\"host\":\"127.0.0.1\",\"port\":5.5}",
        "{" T "\"event\":\"peers\"}",
        "{" T "\"event\":\"index\",\"rfcs\":\"7\"}",
        "{" T "\"event\":\"start\",\"from\":\"10.0.0.1:5\"}",
        "{" T "\"event\":\"start\",\"rfc\":7}",
        "{" T "\"event\":\"start\",\"rfc\":7,\"from\":\"10.0.0.1\"}",
        "{" T "\"event\":\"done\",\"rfc\":7,\"from\":\"10.0.0.1\"}",
        "{" T
        "\"event\":\"done\",\"rfc\":7,\"from\":\"10.0.0.1:5\",\"bytes\":9,\"wire_bytes\":8," SHA
        "}",
        "{" T "\"event\":\"done\",\"rfc\":7,\"from\":\"10.0.0.1:5\",\"us\":9,\"wire_bytes\":8," SHA
        "}",
        "{" T "\"event\":\"done\",\"rfc\":7,\"from\":\"10.0.0.1:5\",\"us\":9,\"bytes\":8," SHA "}",
        "{" T "\"event\":\"done\",\"rfc\":7,\"from\":\"10.0.0.1:5\",\"us\":9,\"bytes\":8,"
        "\"wire_bytes\":8}",
        "{" T "\"event\":\"done\",\"rfc\":7,\"from\":\"10.0.0.1:5\",\"us\":9,\"bytes\":8,"
        "\"wire_bytes\":8,\"sha256\":\"00\"}",
        "{" T "\"event\":\"failed\",\"rfc\":7}",
        "{" T "\"event\":\"failed\",\"tried\":[]}",
        "{" T "\"event\":\"failed\",\"rfc\":7,\"tried\":{}}",
        "{" T "\"event\":\"complete\"}",
        "{" T "\"event\":\"error\",\"what\":\"a\"}",
        "{" T "\"event\":\"error\",\"why\":\"a\"}",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        struct lab_event ev;

        if (lab_event_parse(lines[i], &ev) != DI_PROTOCOL)
            fail_msg("taken: %s", lines[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_with_all_that_is_promised_are_events),
        cmocka_unit_test(what_lines_say_arrives),
        cmocka_unit_test(lines_that_lack_something_are_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
