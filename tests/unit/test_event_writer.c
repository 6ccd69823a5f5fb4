/* What is said while nobody reads it, or slowly: standard output is a pipe here. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <poll.h>

#include <signal.h>

#include "../../src/cli/events.h"
#include "../../src/cli/signals.h"

#include "p2pdi/base/clock.h"

#define PATIENCE_S 30 /* for what would wait for ever */
#define LINE_BYTES ((size_t)100)

static int read_fd, saved_fd;
static struct events e;
static struct thread helper;
static size_t lines; /* read, or said: the helper's until it is joined */
static bool in_order;

static int start(void **state)
{
    int fds[2];

    (void)state;
    alarm(PATIENCE_S);
    assert_int_equal(pipe(fds), 0);
    fflush(NULL);
    saved_fd = dup(STDOUT_FILENO);
    assert_true(saved_fd >= 0);
    assert_int_equal(dup2(fds[1], STDOUT_FILENO), STDOUT_FILENO);
    close(fds[1]);
    read_fd = fds[0];
    lines = 0;
    in_order = true;
    events_init(&e, 0);
    events_configure(&e, true, EVENTS_QUIET);
    return 0;
}

static void put_back(void)
{
    fflush(NULL);
    (void)dup2(saved_fd, STDOUT_FILENO);
    close(saved_fd);
    alarm(0);
}

/* Lines that begin with their number. */
static void say(size_t first, size_t count)
{
    struct buf text;

    buf_init(&text, EVENTS_RESULT_MAX);
    for (size_t i = 0; i < count; i++)
        buf_printf(&text, "%08zu %*s\n", first + i, (int)LINE_BYTES - 10, "");
    assert_int_equal(buf_status(&text), DI_OK);
    events_result(&e, &text);
    buf_fini(&text);
}

/* To the end: what it says, little at a time. */
static void read_lines(void *arg)
{
    char line[LINE_BYTES];
    size_t have = 0;

    (void)arg;
    for (;;) {
        ssize_t n = read(read_fd, line + have, sizeof(line) - have);
        if (n <= 0)
            return;
        have += (size_t)n;
        if (have < sizeof(line))
            continue;
        line[8] = '\0';
        in_order = in_order && line[LINE_BYTES - 1] == '\n' && strtoul(line, NULL, 10) == lines;
        lines++;
        have = 0;
    }
}

static void a_pipe_that_nobody_reads_holds_up_nobody(void **state)
{
    struct peer_event left = {.kind = PEER_EV_LEFT};

    (void)state;
    for (int i = 0; i < 10000; i++)
        events_peer(&e, &left);
    close(read_fd);
    bool good = events_fini(&e);
    put_back();
    assert_true(good);
}

static void all_comes_in_its_order_to_who_reads_slowly(void **state)
{
    const size_t many = 2 * EVENT_WRITER_MAX / LINE_BYTES;

    (void)state;
    assert_int_equal(thread_start(&helper, "reader", read_lines, NULL), DI_OK);
    for (size_t i = 0; i < many; i++)
        say(i, 1);
    say(many, many); /* larger than the queue */
    say(2 * many, 1);
    bool good = events_fini(&e);
    put_back();
    thread_join(&helper);
    close(read_fd);
    assert_true(good);
    assert_int_equal(lines, 2 * many + 1);
    assert_true(in_order);
}

static _Atomic(size_t) said;

static void say_for_ever(void *arg)
{
    (void)arg;
    for (size_t i = 0; signals_exit_code() == 0; i++) {
        say(i, 1);
        said = i + 1;
    }
    say(0, 1);
}

/* Nobody reads: from now on who speaks waits. */
static void wait_until_full(void)
{
    int64_t deadline_us = clock_mono_us() + 60 * CLOCK_US_PER_S;
    size_t bytes = 0;

    while (bytes + LINE_BYTES <= EVENT_WRITER_MAX && clock_mono_us() < deadline_us) {
        (void)poll(NULL, 0, 1);
        lock_acquire(&e.writer.lock);
        bytes = e.writer.bytes;
        lock_release(&e.writer.lock);
    }
    assert_true(bytes + LINE_BYTES > EVENT_WRITER_MAX);
}

/* The last test: the signal comes once. */
static void who_is_asked_to_end_waits_for_no_reader(void **state)
{
    int64_t began_us;

    (void)state;
    assert_int_equal(signals_start(), DI_OK);
    assert_int_equal(thread_start(&helper, "speaker", say_for_ever, NULL), DI_OK);
    wait_until_full();
    assert_in_range(said * LINE_BYTES, EVENT_WRITER_MAX / 2, 2 * EVENT_WRITER_MAX);
    began_us = clock_mono_us();
    assert_int_equal(kill(getpid(), SIGTERM), 0);
    thread_join(&helper);
    bool good = events_fini(&e);
    signals_stop();
    int64_t took_us = clock_mono_us() - began_us;
    put_back();
    close(read_fd);
    assert_true(good);
    assert_true(took_us < 2 * CLOCK_US_PER_S);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_pipe_that_nobody_reads_holds_up_nobody, start),
        cmocka_unit_test_setup(all_comes_in_its_order_to_who_reads_slowly, start),
        cmocka_unit_test_setup(who_is_asked_to_end_waits_for_no_reader, start),
    };

    (void)signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
