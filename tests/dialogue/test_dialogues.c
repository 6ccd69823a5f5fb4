/* The runner of dialogues itself: it must notice what is not as written. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "dialogues.h"
#include "pattern.h"

#define BEGIN "text\n```dialogue rs\n"
#define ASKED "> LEAVE P2P-DI/1.0\n>\n"
#define GIVEN "< P2P-DI/1.0 200 OK\n<\n"

static void dialogues_are_taken_out_of_the_text(void **state)
{
    static const char text[] = "# Title\n"
                               "```\n> not this\n```\n"
                               "```document rfc1.txt\nline 1\n\nline 3\n```\n"
                               "```dialogue peer slow\n> a\n2>| b\\\n< c\n<|\n* closes\n```\n";
    struct dialogues s;
    char why[200];

    (void)state;
    assert_true(dialogues_read(&s, SLICE(text), why));
    assert_int_equal(s.document_count, 1);
    assert_true(slice_equal(s.documents[0].name, SLICE("rfc1.txt")));
    assert_true(slice_equal(s.documents[0].text, SLICE("line 1\n\nline 3\n")));
    assert_int_equal(s.dialogue_count, 1);
    assert_int_equal(s.dialogues[0].server, DIALOGUE_PEER);
    assert_true(s.dialogues[0].slow);
    assert_int_equal(s.dialogues[0].count, 5);
    assert_true(slice_equal(s.dialogues[0].lines[0].text, SLICE("a")));
    assert_int_equal(s.dialogues[0].lines[1].connection, 1);
    assert_true(s.dialogues[0].lines[1].body && s.dialogues[0].lines[1].open_end);
    assert_true(slice_equal(s.dialogues[0].lines[1].text, SLICE("b")));
    assert_int_equal(s.dialogues[0].lines[2].kind, DIALOGUE_EXPECT);
    assert_int_equal(s.dialogues[0].lines[2].number, 13);
    assert_int_equal(s.dialogues[0].lines[4].kind, DIALOGUE_CLOSES);
    dialogues_free(&s);
}

static void what_cannot_be_played_is_named(void **state)
{
    static const struct {
        const char *text;
        const char *why;
    } cases[] = {
        {"", "line 1: there is no dialogue in the document"},
        {"text\n", "line 2: there is no dialogue in the document"},
        {"```\n> x\n```\n", "line 4: there is no dialogue in the document"},
        {BEGIN ASKED "<", "line 2: the block has no end"},
        {BEGIN ASKED "```\n", "line 2: nothing is asked, or nothing answered"},
        {BEGIN GIVEN "```\n", "line 2: nothing is asked, or nothing answered"},
        {BEGIN "```\n", "line 2: nothing is asked, or nothing answered"},
        {BEGIN ASKED "what?\n" GIVEN "```\n", "line 5: this line of a dialogue is not understood"},
        {BEGIN ASKED "\n" GIVEN "```\n", "line 5: this line of a dialogue is not understood"},
        {BEGIN ">x\n" GIVEN "```\n", "line 3: this line of a dialogue is not understood"},
        {BEGIN "1> x\n" GIVEN "```\n", "line 3: this line of a dialogue is not understood"},
        {BEGIN ASKED GIVEN "* close\n```\n", "line 7: this line of a dialogue is not understood"},
        {"```dialogue ftp\n" ASKED GIVEN "```\n",
         "line 1: a dialogue is with rs or peer, and may be slow"},
        {"```dialogue rs fast\n" ASKED GIVEN "```\n",
         "line 1: a dialogue is with rs or peer, and may be slow"},
        {"```dialogue\n" ASKED GIVEN "```\n", "line 1: is this meant to be a dialogue?"},
        {"```dialog rs\n" ASKED GIVEN "```\n", "line 1: is this meant to be a dialogue?"},
        /* The second fence ends the first block. */
        {"```\n" BEGIN, "line 4: there is no dialogue in the document"},
        {"```document x\ntext\n", "line 1: the block has no end"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct dialogues s;
        char why[200] = "";

        assert_false(dialogues_read(&s, slice_of(cases[i].text), why));
        assert_string_equal(why, cases[i].why);
        dialogues_free(&s);
    }
}

static void values_stay_what_they_were(void **state)
{
    static const struct {
        const char *pattern;
        const char *text;
        bool match;
    } cases[] = {
        {"Peer: 1", "Peer: 1", true},
        {"Peer: 1", "Peer: 10", false},
        {"Peer: 1", "Peer:", false},
        {"", "", true},
        {"", "x", false},
        {"Cookie: {c}", "Cookie: 5", true},
        {"Cookie: {c}", "Cookie: 5", true},
        {"Cookie: {c}", "Cookie: 55", false},
        {"Cookie: {c}", "Cookie: 6", false},
        {"Cookie: {d}", "Cookie: ", false},
        {"{any}\t{any}", "a\tb\tc", true},
        {"{any}", "", false},
        {"{any}", "x", true},
        {"{any}", "y", true},
        {"a{x}b{y}c", "a1b2b3c", true},
        {"{x}{y}", "12b3", true},
        {"{x}", "2", false},
        {"{x", "1", false},
    };
    struct pattern_values v = {0};

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        size_t bound = v.count;
        if (pattern_match(slice_of(cases[i].pattern), slice_of(cases[i].text), &v) !=
            cases[i].match)
            fail_msg("\"%s\" against \"%s\"", cases[i].pattern, cases[i].text);
        if (!cases[i].match)
            assert_int_equal(v.count, bound);
    }
}

static void lines_are_written_out(void **state)
{
    static const struct {
        const char *text;
        const char *out; /* NULL: cannot be */
    } cases[] = {
        {"Cookie: {c}.", "Cookie: 76."},
        {"{4*ab}", "abababab"},
        {"{2*X: y\\x0d\\x0a}", "X: y\r\nX: y\r\n"},
        {"{0*a}", ""},
        {"a\\x09b", "a\tb"},
        {"{unknown}", NULL},
        {"{x*y}", NULL},
        {"{c", NULL},
        {"\\n", NULL},
        {"\\x0", NULL},
        {"\\xzz", NULL},
        {"\\x0g", NULL},
    };
    struct pattern_values v = {0};

    (void)state;
    assert_true(pattern_bind(&v, SLICE("c"), SLICE("76")));
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct buf out;
        buf_init(&out, 1000);
        assert_int_equal(pattern_expand(slice_of(cases[i].text), &v, &out), cases[i].out != NULL);
        if (cases[i].out != NULL) {
            buf_append_char(&out, '\0');
            assert_string_equal(buf_bytes(&out), cases[i].out);
        }
        buf_fini(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(dialogues_are_taken_out_of_the_text),
        cmocka_unit_test(what_cannot_be_played_is_named),
        cmocka_unit_test(values_stay_what_they_were),
        cmocka_unit_test(lines_are_written_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
