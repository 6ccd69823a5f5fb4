/*
 * 100,000 peers that register over real sockets with the real program. Its dashboard filters while they
 * come; then it scrolls, sorts, filters and searches among all of them. How long each took is printed.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "crowd.h"
#include "p2pdi/base/clock.h"
#include "vt.h"

#define AGAIN 1000 /* of them come once more */

static struct vt rs;
static size_t crowd = 100000;

static const char *program(void)
{
    const char *p = getenv("P2PDI");

    return p != NULL && access(p, X_OK) == 0 ? p : NULL;
}

static void start(void)
{
    static char state[300];
    const char *tmp = getenv("TMPDIR");
    const char *argv[] = {program(), "rs", "--listen", "127.0.0.1:0", "--state", state, NULL};

    snprintf(state, sizeof(state), "%s/crowd-%d", tmp != NULL ? tmp : "/tmp", (int)getpid());
    vt_start_program(&rs, argv, 40, 120, "xterm-256color");
    vt_wait(&rs, "0 active");
}

static void stop(void)
{
    vt_send(&rs, "q");
    vt_wait_end(&rs);
    assert_true(WIFEXITED(rs.status));
    assert_int_equal(WEXITSTATUS(rs.status), 0);
    vt_stop(&rs);
}

/* A process of its own registers them; the dashboard says where. */
static pid_t send_crowd(size_t count)
{
    char row[VT_LINE];

    vt_row(&rs, 0, row);

    const char *at = strstr(row, "127.0.0.1:");
    pid_t child = fork();

    assert_non_null(at);
    assert_true(child >= 0);
    if (child == 0)
        _exit(crowd_register((uint16_t)strtoul(at + strlen("127.0.0.1:"), NULL, 10), count) == count
                  ? 0
                  : 1);
    return child;
}

/* Have all been answered? */
static bool has_come(pid_t child)
{
    int status = 0;

    if (waitpid(child, &status, WNOHANG) != child)
        return false;
    assert_int_equal(status, 0);
    return true;
}

/* Keys, and how long it takes until the text is seen. */
static int64_t press(const char *what, const char *keys, const char *text)
{
    int64_t begin_us = clock_mono_us();

    vt_send(&rs, keys);
    vt_wait(&rs, text);

    int64_t us = clock_mono_us() - begin_us;

    if (what != NULL)
        print_message("%-28s %8lld us\n", what, (long long)us);
    return us;
}

/* Filters for another one each time, until all have come. */
static void filter_while_they_come(pid_t child)
{
    int64_t slowest_us = 0;
    unsigned times = 0;
    char keys[32], text[64];

    do {
        snprintf(keys, sizeof(keys), "\\host-%05u", times % 100);
        snprintf(text, sizeof(text), "%s: ", keys);

        int64_t us = press(NULL, keys, text);

        slowest_us = us > slowest_us ? us : slowest_us;
        vt_send(&rs, "\033");
        vt_wait_gone(&rs, text);
        times++;
    } while (!has_come(child));
    print_message("%u filters while they came, slowest %lld us\n", times, (long long)slowest_us);
}

static void look_around(void)
{
    char last[64], all[64];

    snprintf(last, sizeof(last), "%zu/%zu", crowd, crowd);
    snprintf(all, sizeof(all), " 1/%zu", crowd);
    press("to the end", "G", last);
    press("to the start", "g", all + 1);
    press("a page", "\006", "/");
    press("sort by address", "g>", "address\xe2\x86\x91");
    press("sort by name", ">>>>>>", "name\xe2\x86\x91");
    press("the other way round", "!", "name\xe2\x86\x93");
    press("filter by name", "\\host-00777", "\\host-00777: 1 ");
    press("no filter", "\033", last + strlen(last) / 2);
    press("filter by address", "\\127.0.2.5:1030", "\\127.0.2.5:1030: 1 ");
    press("no filter", "\033", last + strlen(last) / 2);
    press("search", "/host-00042\r", "host-00042 ");
    vt_send(&rs, "\033");
}

static void registered_over_sockets(void **state)
{
    char text[64];

    (void)state;
    if (program() == NULL)
        skip();
    start();

    int64_t begin_us = clock_mono_us();

    filter_while_they_come(send_crowd(crowd));
    print_message("%zu came within %lld ms\n", crowd,
                  (long long)((clock_mono_us() - begin_us) / 1000));
    snprintf(text, sizeof(text), "%zu active", crowd);
    vt_wait(&rs, text);
    snprintf(text, sizeof(text), "/%zu", crowd);
    vt_wait(&rs, text);
    look_around();

    /* Whoever comes to the address of another one takes its place: the other one is seen to go. */
    press("filter by state", "\\gone\r", "\\gone: 0 ");

    pid_t child = send_crowd(AGAIN);

    while (!has_come(child))
        vt_read(&rs, 20);
    snprintf(text, sizeof(text), "\\gone: %d ", AGAIN);
    vt_wait(&rs, text);
    stop();
}

int main(void)
{
    const char *variant = getenv("VARIANT");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(registered_over_sockets),
    };

    if (variant != NULL && strcmp(variant, "release") != 0)
        crowd = 5000; /* sanitizers cost what they cost */
    return cmocka_run_group_tests(tests, NULL, NULL);
}
