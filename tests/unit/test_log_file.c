/* The dashboards' log file: what is in it, and how large it gets. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../../src/cli/log_file.h"

static char dir[200];

static int prepare(void **state)
{
    const char *tmp = getenv("TMPDIR");

    (void)state;
    snprintf(dir, sizeof(dir), "%s/log-XXXXXX", tmp != NULL ? tmp : "/tmp");
    return mkdtemp(dir) == NULL ? -1 : 0;
}

static int clean(void **state)
{
    char path[300];

    (void)state;
    snprintf(path, sizeof(path), "%s/log", dir);
    (void)unlink(path);
    snprintf(path, sizeof(path), "%s/log.1", dir);
    (void)unlink(path);
    return rmdir(dir);
}

static void read_log(char out[1000])
{
    char path[300];

    snprintf(path, sizeof(path), "%s/log", dir);

    FILE *f = fopen(path, "r");

    assert_non_null(f);
    out[fread(out, 1, 999, f)] = '\0';
    fclose(f);
}

static void lines_are_appended_clean(void **state)
{
    struct log_file f;
    char text[1000];
    struct stat st;

    (void)state;
    assert_int_equal(log_file_open(&f, dir), DI_OK);
    log_file_write(&f, LOG_ERROR, SLICE("bad\033]0;title\007\xe2\x80\xaename\nnext"));
    log_file_close(&f);
    assert_int_equal(log_file_open(&f, dir), DI_OK);
    log_file_write(&f, LOG_INFO, SLICE("second"));
    assert_int_equal(fstat(f.fd, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    log_file_close(&f);
    log_file_write(&f, LOG_INFO, SLICE("too late"));

    read_log(text);
    assert_non_null(strstr(text, "Z E bad ]0;title name next\n"));
    assert_non_null(strstr(text, "Z I second\n"));
    assert_null(strstr(text, "too late"));
}

static void it_turns_over_before_it_is_too_large(void **state)
{
    struct log_file f;
    char line[4000], path[300];
    struct stat st;

    (void)state;
    memset(line, 'x', sizeof(line));
    assert_int_equal(log_file_open(&f, dir), DI_OK);
    for (int i = 0; i < 1000; i++)
        log_file_write(&f, LOG_INFO, (struct slice){line, sizeof(line)});
    assert_int_equal(fstat(f.fd, &st), 0);
    assert_in_range(st.st_size, sizeof(line), LOG_FILE_MAX);
    log_file_close(&f);
    snprintf(path, sizeof(path), "%s/log.1", dir);
    assert_int_equal(stat(path, &st), 0);
    assert_in_range(st.st_size, LOG_FILE_MAX - 2 * sizeof(line), LOG_FILE_MAX);
}

static void a_directory_that_is_not_there_is_an_error(void **state)
{
    struct log_file f;

    (void)state;
    assert_int_equal(log_file_open(&f, "/nowhere/at/all"), DI_NOT_FOUND);
    log_file_write(&f, LOG_INFO, SLICE("lost"));
    log_file_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_are_appended_clean),
        cmocka_unit_test(it_turns_over_before_it_is_too_large),
        cmocka_unit_test(a_directory_that_is_not_there_is_an_error),
    };

    return cmocka_run_group_tests(tests, prepare, clean);
}
