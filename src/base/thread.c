/*
 * Threads, locks and condition variables over pthreads. What can only fail through a bug of ours
 * aborts; starting a thread can fail for good reasons and says so.
 */
#include "p2pdi/base/thread.h"

#include "p2pdi/base/clock.h"

#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define SPARE_BYTES ((size_t)32 << 10)

static void must(int rc)
{
    if (rc != 0)
        abort();
}

/* Its address is different in every thread. */
static _Thread_local char self_mark;

static uintptr_t self(void)
{
    return (uintptr_t)&self_mark;
}

static void *thread_main(void *arg)
{
    struct thread *t = arg;
    /*
     * A handler of SIGSEGV needs room even where the stack is used up: at the stack's other end, that is
     * here, there is some. A sanitizer brings its own.
     */
    char spare[SPARE_BYTES];
    stack_t alternate = {.ss_sp = spare, .ss_size = sizeof(spare)}, there;
    bool ours = sigaltstack(NULL, &there) == 0 && (there.ss_flags & SS_DISABLE) != 0 &&
                sigaltstack(&alternate, NULL) == 0;

    pthread_setname_np(pthread_self(), t->name);
    t->run(t->arg);
    if (ours) {
        alternate.ss_flags = SS_DISABLE;
        must(sigaltstack(&alternate, NULL));
    }
    return NULL;
}

enum di_err thread_start(struct thread *t, const char *name, void (*run)(void *arg), void *arg)
{
    static const int own[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGTRAP, SIGSYS};
    sigset_t all, before;

    *t = (struct thread){.run = run, .arg = arg};
    snprintf(t->name, sizeof(t->name), "%s", name);

    /* A thread inherits the mask: there is no moment at which it could take a signal. */
    sigfillset(&all);
    /* What a thread brings upon itself kills it anyway; blocked, no handler could clean up before. */
    for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++)
        sigdelset(&all, own[i]);
    must(pthread_sigmask(SIG_SETMASK, &all, &before));
    int rc = pthread_create(&t->id, NULL, thread_main, t);
    must(pthread_sigmask(SIG_SETMASK, &before, NULL));

    if (rc != 0)
        return rc == EAGAIN ? DI_LIMIT : di_err_from_errno(rc);
    t->started = true;
    return DI_OK;
}

void thread_join(struct thread *t)
{
    if (!t->started)
        return;
    must(pthread_join(t->id, NULL));
    t->started = false;
}

void lock_init(struct lock *l)
{
    must(pthread_mutex_init(&l->mutex, NULL));
    atomic_init(&l->owner, 0);
}

void lock_fini(struct lock *l)
{
    assert(atomic_load_explicit(&l->owner, memory_order_relaxed) == 0);
    must(pthread_mutex_destroy(&l->mutex));
}

static void set_owner(struct lock *l, uintptr_t owner)
{
    atomic_store_explicit(&l->owner, owner, memory_order_relaxed);
}

void lock_acquire(struct lock *l)
{
    assert(atomic_load_explicit(&l->owner, memory_order_relaxed) != self());
    must(pthread_mutex_lock(&l->mutex));
    set_owner(l, self());
}

void lock_release(struct lock *l)
{
    lock_assert_held(l);
    set_owner(l, 0);
    must(pthread_mutex_unlock(&l->mutex));
}

void lock_assert_held(struct lock *l)
{
    assert(atomic_load_explicit(&l->owner, memory_order_relaxed) == self());
    (void)l;
}

void cond_init(struct cond *c)
{
    pthread_condattr_t attr;

    must(pthread_condattr_init(&attr));
    must(pthread_condattr_setclock(&attr, CLOCK_MONOTONIC));
    must(pthread_cond_init(&c->cond, &attr));
    must(pthread_condattr_destroy(&attr));
}

void cond_fini(struct cond *c)
{
    must(pthread_cond_destroy(&c->cond));
}

void cond_signal(struct cond *c)
{
    must(pthread_cond_signal(&c->cond));
}

void cond_broadcast(struct cond *c)
{
    must(pthread_cond_broadcast(&c->cond));
}

void cond_wait(struct cond *c, struct lock *l)
{
    lock_assert_held(l);
    set_owner(l, 0);
    must(pthread_cond_wait(&c->cond, &l->mutex));
    set_owner(l, self());
}

bool cond_wait_until(struct cond *c, struct lock *l, int64_t deadline_us)
{
    if (deadline_us < 0)
        deadline_us = 0;

    struct timespec deadline = {
        .tv_sec = (time_t)(deadline_us / CLOCK_US_PER_S),
        .tv_nsec = (long)(deadline_us % CLOCK_US_PER_S) * 1000,
    };

    lock_assert_held(l);
    set_owner(l, 0);
    int rc = pthread_cond_timedwait(&c->cond, &l->mutex, &deadline);
    set_owner(l, self());
    if (rc != ETIMEDOUT)
        must(rc);
    return rc == 0;
}
