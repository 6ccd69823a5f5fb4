/* Threads with names, locks that know whether they are held, condition variables on monotonic time. */
#ifndef P2PDI_BASE_THREAD_H
#define P2PDI_BASE_THREAD_H

#include "p2pdi/base/err.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

struct thread {
    pthread_t id;
    bool started;
    char name[16];
    void (*run)(void *arg);
    void *arg;
};

/*
 * Starts run(arg) in a thread of that name (15 characters). t must outlive it. All signals are blocked
 * but those that a fault of its own raises.
 */
enum di_err thread_start(struct thread *t, const char *name, void (*run)(void *arg), void *arg)
    DI_MUST_CHECK;
/* Waits for the end; nothing if it never started. */
void thread_join(struct thread *t);

struct lock {
    pthread_mutex_t mutex;
    _Atomic(uintptr_t) owner;
};
#define LOCK_INITIALIZER                                                                           \
    {                                                                                              \
        .mutex = PTHREAD_MUTEX_INITIALIZER                                                         \
    } /* for locks of static storage */
void lock_init(struct lock *l);
void lock_fini(struct lock *l);
void lock_acquire(struct lock *l);
void lock_release(struct lock *l);
/* Asserts that the calling thread holds l. */
void lock_assert_held(struct lock *l);

struct cond {
    pthread_cond_t cond;
};
void cond_init(struct cond *c);
void cond_fini(struct cond *c);
void cond_signal(struct cond *c);
void cond_broadcast(struct cond *c);
/* The lock is held before and after. Spurious wake-ups happen: wait in a loop. */
void cond_wait(struct cond *c, struct lock *l);
/* Until then at the latest (clock_mono_us); false when the time has come. */
bool cond_wait_until(struct cond *c, struct lock *l, int64_t deadline_us);

#endif
