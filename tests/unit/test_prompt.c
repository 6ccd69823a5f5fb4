/* The line at the bottom of a screen: editing, history, completion, questions. Nothing is drawn. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <ncurses.h>
#include <stdio.h>
#include <string.h>

#include "../../src/tui/keys.h"
#include "../../src/tui/prompt.h"
#include "../../src/tui/screen.h"

static struct prompt p;

static const char *words(void *arg, const char *before, size_t i)
{
    static const char *const verbs[] = {"get", "gather", "peers"};

    (void)arg;
    return strcmp(before, "") == 0 && i < 3 ? verbs[i] : NULL;
}

static int start(void **state)
{
    (void)state;
    prompt_init(&p, words, NULL);
    prompt_open(&p, PROMPT_COMMAND, ":");
    return 0;
}

static int stop(void **state)
{
    (void)state;
    prompt_fini(&p);
    return 0;
}

static enum prompt_outcome press(int key)
{
    return prompt_key(&p, key, 0);
}

static void type(const char *text)
{
    for (; *text != '\0'; text++)
        assert_int_equal(prompt_key(&p, *text, (uint32_t)*text), PROMPT_CHANGED);
}

static const char *text(void)
{
    static char out[PROMPT_SIZE];

    prompt_text(&p, out);
    return out;
}

static void keys_that_edit_nothing_change_nothing(void **state)
{
    static const int keys[] = {
        KEY_LEFT,      KEY_CTRL('b'), KEY_RIGHT,     KEY_CTRL('f'), KEY_HOME, KEY_END, KEY_DC,
        KEY_CTRL('u'), KEY_CTRL('k'), KEY_CTRL('w'), KEY_CTRL('d'), KEY_F(5), KEY_UP,  KEY_DOWN};

    (void)state;
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
        assert_int_equal(press(keys[i]), PROMPT_MORE);
    /* Nor do characters that are none: C1 controls, DEL as a character. */
    assert_int_equal(prompt_key(&p, KEY_CHARACTER, 0x85), PROMPT_MORE);
    assert_int_equal(prompt_key(&p, KEY_CHARACTER, 0x7f), PROMPT_MORE);
    assert_string_equal(text(), "");
    assert_int_equal(p.kind, PROMPT_COMMAND);
}

static void both_keys_for_a_movement_do_the_same(void **state)
{
    (void)state;
    type("abcd");
    press(KEY_CTRL('a'));
    press(KEY_CTRL('f'));
    type("1");
    press(KEY_HOME);
    press(KEY_RIGHT);
    press(KEY_RIGHT);
    assert_int_equal(press(KEY_DC), PROMPT_CHANGED);
    assert_string_equal(text(), "a1cd");
    press(KEY_END);
    press(KEY_LEFT);
    assert_int_equal(press(8), PROMPT_CHANGED);
    assert_string_equal(text(), "a1d");
    press(KEY_CTRL('e'));
    press(KEY_CTRL('b'));
    assert_int_equal(press(KEY_CTRL('d')), PROMPT_CHANGED);
    assert_int_equal(press(KEY_BACKSPACE), PROMPT_CHANGED);
    assert_string_equal(text(), "a");
    assert_int_equal(press(127), PROMPT_CHANGED);
    /* Backspace in an empty line closes it, whatever code it comes as. */
    static const int backspaces[] = {KEY_BACKSPACE, 127, 8};

    for (size_t i = 0; i < 3; i++) {
        prompt_open(&p, PROMPT_COMMAND, ":");
        assert_int_equal(press(backspaces[i]), PROMPT_DROPPED);
        assert_int_equal(p.kind, PROMPT_CLOSED);
    }
}

static void a_line_is_as_long_as_it_may_be(void **state)
{
    (void)state;
    for (int i = 0; i < PROMPT_CHARS; i++)
        type("x");
    (void)prompt_key(&p, 'y', 'y');
    assert_int_equal(p.len, PROMPT_CHARS);
    assert_int_equal(strlen(text()), PROMPT_CHARS);
    assert_null(strchr(text(), 'y'));
}

static void history_keeps_the_latest_lines(void **state)
{
    char line[16];

    (void)state;
    for (int i = 0; i < PROMPT_HISTORY + 3; i++) {
        prompt_open(&p, PROMPT_COMMAND, ":");
        snprintf(line, sizeof(line), "%d", i);
        type(line);
        assert_int_equal(press(i % 2 == 0 ? '\r' : KEY_ENTER), PROMPT_DONE);
    }
    /* An empty line, and the same once more, are not kept. */
    prompt_open(&p, PROMPT_COMMAND, ":");
    assert_int_equal(press('\n'), PROMPT_DONE);
    prompt_open(&p, PROMPT_COMMAND, ":");
    type(line);
    assert_int_equal(press('\n'), PROMPT_DONE);
    assert_int_equal(p.history_count[PROMPT_COMMAND], PROMPT_HISTORY);
    prompt_open(&p, PROMPT_COMMAND, ":");
    assert_int_equal(press(KEY_UP), PROMPT_CHANGED);
    assert_string_equal(text(), line);
    for (int i = 1; i < PROMPT_HISTORY; i++)
        assert_int_equal(press(KEY_CTRL('p')), PROMPT_CHANGED);
    assert_string_equal(text(), "3");
    assert_int_equal(press(KEY_UP), PROMPT_MORE);
    assert_int_equal(press(KEY_CTRL('n')), PROMPT_CHANGED);
    assert_string_equal(text(), "4");
    /* That of another kind is another one. */
    prompt_open(&p, PROMPT_SEARCH, "/");
    assert_int_equal(press(KEY_UP), PROMPT_MORE);
}

static void words_are_completed_as_far_as_they_agree(void **state)
{
    (void)state;
    type("g");
    assert_int_equal(press('\t'), PROMPT_CHANGED);
    assert_string_equal(text(), "g");
    assert_string_equal(p.hint, "get  gather");
    type("e");
    assert_string_equal(p.hint, "");
    assert_int_equal(press('\t'), PROMPT_CHANGED);
    assert_string_equal(text(), "get ");
    assert_int_equal(press('\t'), PROMPT_MORE);
    /* Behind a semicolon a command begins; what nothing fits is left alone. */
    type("1;zz");
    assert_int_equal(press('\t'), PROMPT_MORE);
    assert_string_equal(text(), "get 1;zz");
    prompt_open(&p, PROMPT_SEARCH, "/");
    type("g");
    assert_int_equal(press('\t'), PROMPT_MORE);
    prompt_fini(&p);
    prompt_init(&p, NULL, NULL);
    prompt_open(&p, PROMPT_COMMAND, ":");
    type("g");
    assert_int_equal(press('\t'), PROMPT_MORE);
}

static void a_question_is_answered_by_yes_or_no(void **state)
{
    static const struct {
        int key;
        enum prompt_outcome outcome;
    } cases[] = {
        {'y', PROMPT_DONE},
        {'Y', PROMPT_DONE},
        {'n', PROMPT_DROPPED},
        {'N', PROMPT_DROPPED},
        {'q', PROMPT_DROPPED},
        {KEY_ESC, PROMPT_DROPPED},
        {'x', PROMPT_MORE},
        {KEY_CTRL('c'), PROMPT_DROPPED},
        {KEY_CTRL('g'), PROMPT_DROPPED},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        prompt_open(&p, PROMPT_QUESTION, "Sure?");
        assert_int_equal(press(cases[i].key), cases[i].outcome);
        assert_int_equal(p.kind == PROMPT_CLOSED, cases[i].outcome != PROMPT_MORE);
    }
    assert_int_equal(p.history_count[PROMPT_QUESTION], 0);
}

int main(void)
{
#define PROMPT_TEST(f) cmocka_unit_test_setup_teardown(f, start, stop)
    const struct CMUnitTest tests[] = {
        PROMPT_TEST(keys_that_edit_nothing_change_nothing),
        PROMPT_TEST(both_keys_for_a_movement_do_the_same),
        PROMPT_TEST(a_line_is_as_long_as_it_may_be),
        PROMPT_TEST(history_keeps_the_latest_lines),
        PROMPT_TEST(words_are_completed_as_far_as_they_agree),
        PROMPT_TEST(a_question_is_answered_by_yes_or_no),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
