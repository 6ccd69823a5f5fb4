/* Hashing many files with several threads: "hash-0", "hash-1" ... take jobs in order; results go
 * through a list. */
#include "hash_pool.h"

#include "p2pdi/base/thread.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#define THREADS_MAX 16

struct hash_worker {
    struct hash_pool *pool;
    struct hasher hasher;
    struct thread thread;
};

struct hash_pool {
    int dir_fd;
    struct hash_job *jobs;
    size_t count;
    atomic_size_t next;
    atomic_bool stop;
    void (*wake)(void *arg);
    void *arg;
    struct hash_worker workers[THREADS_MAX];

    struct lock lock;
    /* guarded by lock */
    struct hash_job *done;
};

static void run_job(struct hash_pool *p, struct hasher *h, struct hash_job *job)
{
    job->hashed = malloc(sizeof *job->hashed);
    job->err = job->hashed == NULL ? DI_NOMEM
                                   : hasher_run(h, p->dir_fd, job->name, job->format, job->hashed);
    if (job->err != DI_OK) {
        free(job->hashed);
        job->hashed = NULL;
    }
    lock_acquire(&p->lock);
    bool first = p->done == NULL;
    job->next = p->done;
    p->done = job;
    lock_release(&p->lock);
    if (first)
        p->wake(p->arg);
}

static void run(void *arg)
{
    struct hash_worker *w = arg;
    struct hash_pool *p = w->pool;
    size_t i;
    while (!atomic_load(&p->stop) && (i = atomic_fetch_add(&p->next, 1)) < p->count)
        run_job(p, &w->hasher, &p->jobs[i]);
}

static enum di_err start_worker(struct hash_pool *p, unsigned i)
{
    struct hash_worker *w = &p->workers[i];
    char name[16];
    (void)snprintf(name, sizeof name, "hash-%u", i);
    w->pool = p;
    enum di_err err = hasher_init(&w->hasher);
    return err == DI_OK ? thread_start(&w->thread, name, run, w) : err;
}

enum di_err hash_pool_start(int dir_fd, struct hash_job *jobs, size_t count, unsigned threads,
                            void (*wake)(void *arg), void *arg, struct hash_pool **out)
{
    struct hash_pool *p = calloc(1, sizeof *p);
    if (p == NULL)
        return DI_NOMEM;
    p->dir_fd = dir_fd;
    p->jobs = jobs;
    p->count = count;
    p->wake = wake;
    p->arg = arg;
    lock_init(&p->lock);
    enum di_err err = DI_OK;
    unsigned started = 0;
    for (unsigned i = 0; i < threads && i < THREADS_MAX && i < count && err == DI_OK; i++) {
        err = start_worker(p, i);
        started += err == DI_OK;
    }
    if (started == 0) { /* one is enough */
        hash_pool_stop(p);
        return err == DI_OK ? DI_INVALID : err;
    }
    *out = p;
    return DI_OK;
}

struct hash_job *hash_pool_take(struct hash_pool *p)
{
    lock_acquire(&p->lock);
    struct hash_job *done = p->done;
    p->done = NULL;
    lock_release(&p->lock);
    return done;
}

void hash_pool_stop(struct hash_pool *p)
{
    if (p == NULL)
        return;
    atomic_store(&p->stop, true);
    for (size_t i = 0; i < THREADS_MAX; i++) {
        thread_join(&p->workers[i].thread);
        hasher_fini(&p->workers[i].hasher);
    }
    lock_fini(&p->lock);
    free(p);
}
