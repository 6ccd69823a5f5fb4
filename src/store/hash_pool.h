/* Hashing many files with several threads while the caller goes on. The caller starts it, takes
 * results, ends it. */
#ifndef P2PDI_STORE_HASH_POOL_H
#define P2PDI_STORE_HASH_POOL_H

#include "hash_file.h"

#include <stddef.h>

struct hash_pool;

struct hash_job {
    const char *name;
    enum library_format format;
    enum di_err err;
    struct hashed *hashed; /* NULL if err; free() */
    struct hash_job *next;
};

/* Hashes jobs[0 .. count-1] with that many threads. wake(arg) is called by them when results
 * wait. The jobs stay the caller's and must outlive the pool. */
enum di_err hash_pool_start(int dir_fd, struct hash_job *jobs, size_t count, unsigned threads,
                            void (*wake)(void *arg), void *arg, struct hash_pool **out)
    DI_MUST_CHECK;
/* What has finished since the last call, as a list; NULL: nothing new. Every job comes once. */
struct hash_job *hash_pool_take(struct hash_pool *p);
/* Ends early if jobs are left, waits for the threads, frees. */
void hash_pool_stop(struct hash_pool *p);

#endif
