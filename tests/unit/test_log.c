/* Log lines: levels, cleaning, length, the sink and standard error. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <unistd.h>

#include "p2pdi/base/log.h"

static char last[2000];
static enum log_level last_level;
static int lines;

static void keep(void *arg, enum log_level level, const char *line)
{
    assert_ptr_equal(arg, &lines);
    strncpy(last, line, sizeof(last) - 1);
    last_level = level;
    lines++;
}

static int set_up(void **state)
{
    (void)state;
    lines = 0;
    log_set_level(LOG_WARN);
    log_set_sink(keep, &lines);
    return 0;
}

static void lines_above_the_level_are_dropped(void **state)
{
    (void)state;
    log_write(LOG_INFO, "no");
    assert_int_equal(lines, 0);
    log_write(LOG_WARN, "port %d is in use", 65423);
    assert_int_equal(lines, 1);
    assert_string_equal(last, "port 65423 is in use");
    assert_int_equal(last_level, LOG_WARN);
    log_set_level(LOG_DEBUG);
    log_write(LOG_DEBUG, "yes");
    assert_int_equal(lines, 2);
}

static void text_from_outside_cannot_forge_a_line(void **state)
{
    (void)state;
    log_write(LOG_ERROR, "title: %s", "x\nerror: forged \x1b[2J");
    assert_string_equal(last, "title: x error: forged  [2J");
}

static void long_lines_are_cut(void **state)
{
    char word[3001];

    (void)state;
    memset(word, 'w', 3000);
    word[3000] = '\0';
    log_write(LOG_ERROR, "%s", word);
    assert_int_equal(strlen(last), 1000);
}

static void without_a_sink_lines_go_to_standard_error(void **state)
{
    int saved = dup(STDERR_FILENO), ends[2];
    char text[200] = "";

    (void)state;
    assert_int_equal(pipe(ends), 0);
    log_set_sink(NULL, NULL);
    dup2(ends[1], STDERR_FILENO);
    log_write(LOG_ERROR, "disk full");
    log_write(LOG_WARN, "half a\nline");
    dup2(saved, STDERR_FILENO);
    close(saved);
    close(ends[1]);
    assert_true(read(ends[0], text, sizeof(text) - 1) > 0);
    close(ends[0]);
    assert_string_equal(text, "p2pdi: error: disk full\np2pdi: warning: half a line\n");
    assert_int_equal(lines, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(lines_above_the_level_are_dropped, set_up),
        cmocka_unit_test_setup(text_from_outside_cannot_forge_a_line, set_up),
        cmocka_unit_test_setup(long_lines_are_cut, set_up),
        cmocka_unit_test_setup(without_a_sink_lines_go_to_standard_error, set_up),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
