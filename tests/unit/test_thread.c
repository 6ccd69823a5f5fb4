/* Threads, locks, condition variables. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>

#include "p2pdi/base/clock.h"
#include "p2pdi/base/thread.h"

/* ld: -Wl,--wrap=pthread_create */

int __real_pthread_create(pthread_t *id, const pthread_attr_t *attr, void *(*run)(void *),
                          void *arg);
int __wrap_pthread_create(pthread_t *id, const pthread_attr_t *attr, void *(*run)(void *),
                          void *arg);
static bool refuse_threads;

int __wrap_pthread_create(pthread_t *id, const pthread_attr_t *attr, void *(*run)(void *),
                          void *arg)
{
    return refuse_threads ? EAGAIN : __real_pthread_create(id, attr, run, arg);
}

struct seen {
    char name[16];
    bool int_blocked, term_blocked;
};

static void look_around(void *arg)
{
    struct seen *seen = arg;
    sigset_t mask;

    pthread_getname_np(pthread_self(), seen->name, sizeof(seen->name));
    pthread_sigmask(SIG_BLOCK, NULL, &mask);
    seen->int_blocked = sigismember(&mask, SIGINT) == 1;
    seen->term_blocked = sigismember(&mask, SIGTERM) == 1;
}

static void a_thread_has_its_name_and_takes_no_signals(void **state)
{
    struct thread t;
    struct seen seen = {0};
    sigset_t mask;

    (void)state;
    assert_int_equal(thread_start(&t, "a rather long name", look_around, &seen), DI_OK);
    thread_join(&t);
    assert_string_equal(seen.name, "a rather long n");
    assert_true(seen.int_blocked && seen.term_blocked);
    pthread_sigmask(SIG_BLOCK, NULL, &mask);
    assert_int_equal(sigismember(&mask, SIGINT), 0);
}

static void a_refused_thread_is_an_error_and_joins_at_once(void **state)
{
    struct thread t, never = {0};
    sigset_t mask;

    (void)state;
    refuse_threads = true;
    assert_int_equal(thread_start(&t, "x", look_around, NULL), DI_LIMIT);
    refuse_threads = false;
    assert_false(t.started);
    thread_join(&t);
    thread_join(&never);
    pthread_sigmask(SIG_BLOCK, NULL, &mask);
    assert_int_equal(sigismember(&mask, SIGINT), 0);
}

struct shared {
    struct lock lock;
    struct cond cond;
    int turn; /* guarded by lock */
    long count;
};

static void count_up(void *arg)
{
    struct shared *s = arg;

    for (int i = 0; i < 20000; i++) {
        lock_acquire(&s->lock);
        lock_assert_held(&s->lock);
        s->count++;
        lock_release(&s->lock);
    }
}

static void a_lock_excludes(void **state)
{
    struct shared s = {0};
    struct thread t[4];

    (void)state;
    lock_init(&s.lock);
    for (int i = 0; i < 4; i++)
        assert_int_equal(thread_start(&t[i], "count", count_up, &s), DI_OK);
    for (int i = 0; i < 4; i++)
        thread_join(&t[i]);
    assert_int_equal(s.count, 80000);
    lock_fini(&s.lock);
}

static void answer(void *arg)
{
    struct shared *s = arg;

    lock_acquire(&s->lock);
    for (int i = 0; i < 1000; i++) {
        while (s->turn != 1)
            cond_wait(&s->cond, &s->lock);
        lock_assert_held(&s->lock);
        s->turn = 0;
        cond_signal(&s->cond);
    }
    lock_release(&s->lock);
}

static void two_threads_take_turns(void **state)
{
    struct shared s = {0};
    struct thread t;

    (void)state;
    lock_init(&s.lock);
    cond_init(&s.cond);
    assert_int_equal(thread_start(&t, "answer", answer, &s), DI_OK);
    lock_acquire(&s.lock);
    for (int i = 0; i < 1000; i++) {
        s.turn = 1;
        cond_broadcast(&s.cond);
        while (s.turn != 0)
            assert_true(cond_wait_until(&s.cond, &s.lock, clock_mono_us() + 10 * CLOCK_US_PER_S));
    }
    lock_release(&s.lock);
    thread_join(&t);
    cond_fini(&s.cond);
    lock_fini(&s.lock);
}

static void a_deadline_ends_the_wait_with_the_lock_held(void **state)
{
    struct shared s = {0};

    (void)state;
    lock_init(&s.lock);
    cond_init(&s.cond);
    lock_acquire(&s.lock);
    int64_t deadline = clock_mono_us() + 20 * CLOCK_US_PER_MS;
    while (cond_wait_until(&s.cond, &s.lock, deadline))
        ;
    assert_true(clock_mono_us() >= deadline);
    lock_assert_held(&s.lock);
    assert_false(cond_wait_until(&s.cond, &s.lock, clock_mono_us() - 1));
    assert_false(cond_wait_until(&s.cond, &s.lock, INT64_MIN));
    lock_release(&s.lock);
    cond_fini(&s.cond);
    lock_fini(&s.lock);
}

static void monotonic_time_does_not_go_back(void **state)
{
    int64_t before = clock_mono_us();

    (void)state;
    for (int i = 0; i < 10000; i++) {
        int64_t now = clock_mono_us();

        assert_true(now >= before);
        before = now;
    }
    assert_true(clock_wall_s() > 1767225600); /* 2026 */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_thread_has_its_name_and_takes_no_signals),
        cmocka_unit_test(a_refused_thread_is_an_error_and_joins_at_once),
        cmocka_unit_test(a_lock_excludes),
        cmocka_unit_test(two_threads_take_turns),
        cmocka_unit_test(a_deadline_ends_the_wait_with_the_lock_held),
        cmocka_unit_test(monotonic_time_does_not_go_back),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
