/* `p2pdi demo` on a pseudo-terminal: watched to its end, at several sizes, and left in the middle. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "p2pdi/base/clock.h"
#include "vt.h"

#define PATIENCE_US (60 * CLOCK_US_PER_S) /* a run is slowed down on purpose */

static struct vt v;

static int start(void **state)
{
    static const char *argv[] = {NULL, "demo", "--peers", "3", "--files", "8", NULL};

    argv[0] = getenv("P2PDI");
    *state = NULL;
    if (argv[0] == NULL || access(argv[0], X_OK) != 0)
        return -1;
    vt_start_program(&v, argv, 30, 100, "xterm-256color");
    return 0;
}

static void await(const char *text)
{
    int64_t until = clock_mono_us() + PATIENCE_US;

    while (vt_find(&v, text) < 0 && clock_mono_us() < until)
        vt_read(&v, 20);
    vt_wait(&v, text);
}

/* What the lab made is gone: documents, libraries, state. */
static void assert_nothing_left(void)
{
    const char *tmp = getenv("TMPDIR");
    DIR *dir = opendir(tmp != NULL ? tmp : "/tmp");
    struct dirent *e;

    assert_non_null(dir);
    while (tmp != NULL && (e = readdir(dir)) != NULL)
        assert_null(strstr(e->d_name, "p2pdi-lab"));
    closedir(dir);
}

static void end(int code)
{
    vt_wait_end(&v);
    assert_true(WIFEXITED(v.status));
    assert_int_equal(WEXITSTATUS(v.status), code);
    assert_false(v.alternate);
    assert_nothing_left();
    vt_stop(&v);
}

static void watched_to_its_end(void **state)
{
    static const int sizes[][2] = {{60, 200}, {12, 40}, {1, 1}, {5, 20}};

    (void)state;
    await("1 of 3: Task 1, centralised");
    await("downloading");
    await("holds everything and serves");
    await("3 peers registered");
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        vt_resize(&v, sizes[i][0], sizes[i][1]);
        await(sizes[i][1] > 80 ? "P2P-DI demo" : sizes[i][1] > 12 ? "q quit" : "…");
    }
    /* All peers can be scrolled to, however low it is. */
    assert_int_equal(vt_find(&v, "P2 "), -1);
    vt_send(&v, "G");
    await("P2 ");
    vt_send(&v, "g");
    await("RS ");
    vt_resize(&v, 24, 80);
    await("2 of 3: ");
    await("Until the last peer had everything");
    await("3 of 3: ");
    await("holds everything and serves"); /* beside a column more */
    await("who was faster");
    await("What you saw");
    /* At 80x24 the end has to be scrolled to, and is told to be there. */
    await("[Up Down]scroll");
    assert_int_equal(vt_find(&v, "get 90001"), -1);
    vt_send(&v, "\033OB\033OB\033OA");
    vt_wait_gone(&v, "What you saw");
    vt_send(&v, "G");
    await("get 90001");
    vt_send(&v, "g");
    await("What you saw");
    vt_resize(&v, 40, 120);
    await("What to try next");
    vt_send(&v, "q");
    vt_wait_end(&v);
    assert_true(vt_find(&v, "What to try next") >= 0); /* on the usual screen */
    end(0);
}

static void left_in_the_middle(void **state)
{
    (void)state;
    await("2 of 3: ");
    await("downloading");
    vt_send(&v, "q");
    vt_wait_end(&v);
    /* What was seen to its end is told, and nothing of the rest. */
    assert_true(vt_find(&v, "Task 1, centralised: ") >= 0);
    assert_true(vt_find(&v, "What to try next") >= 0);
    assert_int_equal(vt_find(&v, "Task 2"), -1);
    end(0);
}

static void left_by_control_c(void **state)
{
    (void)state;
    await("1 of 3");
    vt_send(&v, "\003");
    vt_wait_end(&v);
    assert_int_equal(vt_find(&v, "What you saw"), -1);
    end(0);
}

static void ended_by_a_signal(void **state)
{
    (void)state;
    await("downloading");
    kill(v.child, SIGTERM);
    end(143);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(watched_to_its_end, start),
        cmocka_unit_test_setup(left_in_the_middle, start),
        cmocka_unit_test_setup(left_by_control_c, start),
        cmocka_unit_test_setup(ended_by_a_signal, start),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
