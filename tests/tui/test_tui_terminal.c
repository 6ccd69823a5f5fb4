/* The terminal is taken and given back: at the end, on a stop, on crashes; how fast, for how many bytes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "p2pdi/base/clock.h"
#include "vt.h"

static void assert_restored(struct vt *v)
{
    struct termios now;

    assert_int_equal(tcgetattr(v->slave, &now), 0);
    assert_int_equal(now.c_lflag, v->before.c_lflag);
    assert_int_equal(now.c_iflag, v->before.c_iflag);
    assert_int_equal(now.c_oflag, v->before.c_oflag);
    assert_false(v->alternate);
    assert_false(v->cursor_hidden);
}

static void a_stop_restores_it(void **state)
{
    struct vt v;

    (void)state;
    vt_start(&v, SCENE_PEER, 24, 80, "xterm-256color", "C.UTF-8", NULL);
    vt_wait(&v, "Peers (5)");
    assert_true(v.alternate);
    assert_true(v.cursor_hidden);
    atomic_store(&v.shared->stop, true);
    vt_tick(&v, 0);
    assert_int_equal(vt_wait_end(&v), 0);
    assert_restored(&v);
    vt_stop(&v);
}

static void crashes_restore_it(void **state)
{
    static const int signals[] = {SIGSEGV, SIGABRT, SIGBUS,         SIGFPE,
                                  SIGILL,  SIGQUIT, MODEL_OVERFLOW, MODEL_OTHER_OVERFLOW};
    struct vt v;

    (void)state;
    for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++) {
        vt_start(&v, SCENE_PEER, 24, 80, "xterm-256color", "C.UTF-8", NULL);
        vt_wait(&v, "Peers (5)");
        vt_send(&v, "m");
        vt_wait(&v, "mouse on");
        atomic_store(&v.shared->crash, signals[i]);
        vt_tick(&v, 0);
        vt_wait_end(&v);
        assert_true(WIFSIGNALED(v.status));
        assert_int_equal(WTERMSIG(v.status), signals[i] > 0 ? signals[i] : SIGSEGV);
        assert_restored(&v);
        vt_stop(&v);
    }
}

/* It waits for memory, but does not run in circles, and not for ever. */
static void without_memory_for_the_first_picture_it_ends(void **state)
{
    struct vt v;

    (void)state;
    vt_start(&v, SCENE_NOTHING, 24, 80, "xterm-256color", "C.UTF-8", NULL);
    vt_wait_end(&v);
    assert_true(WIFEXITED(v.status));
    assert_int_equal(WEXITSTATUS(v.status), DI_NOMEM);
    assert_in_range(atomic_load(&v.shared->snapshots), 1, 60);
    assert_restored(&v);
    vt_stop(&v);
}

static void a_terminal_that_is_gone_ends_it(void **state)
{
    struct vt v;

    (void)state;
    vt_start(&v, SCENE_PEER, 24, 80, "xterm-256color", "C.UTF-8", NULL);
    vt_wait(&v, "Peers (5)");
    close(v.slave);
    close(v.master);
    v.master = -1;
    v.slave = -1;

    /* SIGHUP is ignored there: it has to find out by itself. */
    int64_t until = clock_mono_us() + 10 * CLOCK_US_PER_S;

    while (waitpid(v.child, &v.status, WNOHANG) != v.child) {
        struct timespec pause = {.tv_nsec = 1000000};

        assert_true(clock_mono_us() < until);
        nanosleep(&pause, NULL);
    }
    v.ended = true;
    assert_int_equal(WEXITSTATUS(v.status), DI_CLOSED);
    vt_stop(&v);
}

static void an_unknown_terminal_is_refused_in_words(void **state)
{
    static const char *const terminals[][2] = {
        {"no-such-terminal", "is not known"}, {"dumb", "cannot move"}, {"", "TERM is not set"}};
    struct vt v;

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        vt_start(&v, SCENE_PEER, 24, 80, terminals[i][0], "C.UTF-8", NULL);
        vt_wait(&v, terminals[i][1]);
        vt_wait_end(&v);
        assert_int_equal(WEXITSTATUS(v.status), DI_INVALID);
        assert_restored(&v);
        vt_stop(&v);
    }
}

static bool prompt_closed(struct vt *v, void *arg)
{
    (void)arg;
    return v->cursor_hidden;
}

static bool prompt_open(struct vt *v, void *arg)
{
    (void)arg;
    return !v->cursor_hidden;
}

/* Printed, and asserted only far above: machines stall. */
static void escape_reacts_soon(void **state)
{
    int64_t best_us = INT64_MAX;
    struct vt v;

    (void)state;
    vt_start(&v, SCENE_IDLE, 24, 80, "xterm-256color", "C.UTF-8", NULL);
    vt_wait(&v, "Peers (5)");
    for (int i = 0; i < 10; i++) {
        vt_send(&v, ":");
        vt_wait_for(&v, "the prompt", prompt_open, NULL);

        int64_t begin_us = clock_mono_us();

        vt_send(&v, "\033");
        vt_wait_for(&v, "no prompt", prompt_closed, NULL);

        int64_t took_us = clock_mono_us() - begin_us;

        best_us = took_us < best_us ? took_us : best_us;
    }
    print_message("escape to screen: %lld us\n", (long long)best_us);
    assert_true(best_us < 250000);
    vt_stop(&v);
}

/* What moves is what is written: counted over a second of the clock, a row, a change of data. */
static void frames_are_small(void **state)
{
    struct vt v;
    size_t before;

    (void)state;
    vt_start(&v, SCENE_IDLE, 60, 200, "xterm-256color", "C.UTF-8", NULL);
    vt_wait(&v, "Peers (5)");
    while (vt_read(&v, 300))
        ;
    print_message("whole screen 200x60: %zu bytes\n", v.bytes);
    before = v.bytes;
    vt_send(&v, "j");
    vt_wait_reversed(&v, "8587");
    print_message("a row down: %zu bytes\n", v.bytes - before);
    assert_true(v.bytes - before < 2000);
    while (vt_read(&v, 200))
        ;
    before = v.bytes;
    vt_tick(&v, CLOCK_US_PER_S);
    vt_wait(&v, "1:59:47");
    while (vt_read(&v, 200))
        ;
    print_message("a second of the clocks: %zu bytes\n", v.bytes - before);
    assert_true(v.bytes - before < 500);
    vt_stop(&v);
}

static bool ticked_thrice(struct vt *v, void *arg)
{
    return atomic_load(&v->shared->snapshots) >= *(uint32_t *)arg + 3;
}

/* Write calls of the child so far; 0: the kernel does not count them. */
static unsigned long writes_of(struct vt *v)
{
    char path[64], line[128];
    unsigned long count = 0;

    snprintf(path, sizeof(path), "/proc/%d/io", (int)v->child);

    FILE *f = fopen(path, "r");

    while (f != NULL && fgets(line, sizeof(line), f) != NULL)
        if (strncmp(line, "syscw: ", 7) == 0)
            count = strtoul(line + 7, NULL, 10);
    if (f != NULL)
        fclose(f);
    return count;
}

/* A terminal at the other end of a slow line does not see halves of it, and it costs one call. */
static void a_frame_is_one_write(void **state)
{
    unsigned long before;
    struct vt v;

    (void)state;
    vt_start(&v, SCENE_PEER, 24, 103, "xterm-256color", "C.UTF-8", NULL);
    vt_wait(&v, "8586");
    before = writes_of(&v);
    if (before == 0) {
        vt_stop(&v);
        skip();
    }
    vt_send(&v, "?");
    vt_wait(&v, "Moving");
    vt_send(&v, "q");
    vt_wait(&v, "8586");
    print_message("two frames: %lu write calls\n", writes_of(&v) - before);
    assert_true(writes_of(&v) - before <= 6);
    vt_stop(&v);
}

static void nothing_is_drawn_when_nothing_changed(void **state)
{
    struct vt v;
    uint32_t asked;
    size_t before;

    (void)state;
    vt_start(&v, SCENE_IDLE, 24, 80, "xterm-256color", "C.UTF-8", NULL);
    vt_wait(&v, "Peers (5)");
    while (vt_read(&v, 300))
        ;
    before = v.bytes;
    asked = atomic_load(&v.shared->snapshots);

    int64_t begin_us = clock_mono_us();

    /* The clock stands still: three of its own wake-ups draw nothing. */
    vt_wait_for(&v, "three looks", ticked_thrice, &asked);
    assert_int_equal(v.bytes, before);
    assert_true(clock_mono_us() - begin_us > 1500000);
    vt_stop(&v);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_stop_restores_it),
        cmocka_unit_test(crashes_restore_it),
        cmocka_unit_test(without_memory_for_the_first_picture_it_ends),
        cmocka_unit_test(a_terminal_that_is_gone_ends_it),
        cmocka_unit_test(an_unknown_terminal_is_refused_in_words),
        cmocka_unit_test(escape_reacts_soon),
        cmocka_unit_test(frames_are_small),
        cmocka_unit_test(a_frame_is_one_write),
        cmocka_unit_test(nothing_is_drawn_when_nothing_changed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
