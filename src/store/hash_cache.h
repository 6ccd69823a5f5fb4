/*
 * What is known of files from earlier runs: digest and own title, keyed by name and valid while
 * size, times and inode are as they were. Only a cache: damaged, it is made anew. One thread at a
 * time.
 */
#ifndef P2PDI_STORE_HASH_CACHE_H
#define P2PDI_STORE_HASH_CACHE_H

#include "beneath.h"

#include "p2pdi/base/sha256.h"

struct hash_cache;

struct hash_row {
    const char *name;
    struct file_id id;
    struct sha256 sha256;
    const char *title; /* from the document itself, "" if it has none */
};

/* Opens or makes state_dir/hashes.db; what is not usable is deleted and made anew. */
enum di_err hash_cache_open(const char *state_dir, struct hash_cache **out) DI_MUST_CHECK;
void hash_cache_close(struct hash_cache *hc);

/* Shows all rows, valid during the call only. DI_CORRUPT: damaged and made anew; forget what was
 * shown. */
enum di_err hash_cache_load(struct hash_cache *hc,
                            void (*visit)(void *arg, const struct hash_row *row), void *arg)
    DI_MUST_CHECK;

/* Changes are gathered in a transaction between begin and end. */
enum di_err hash_cache_begin(struct hash_cache *hc) DI_MUST_CHECK;
enum di_err hash_cache_put(struct hash_cache *hc, const struct hash_row *row) DI_MUST_CHECK;
enum di_err hash_cache_drop(struct hash_cache *hc, const char *name) DI_MUST_CHECK;
/* Commits if all went well so far, else takes the changes back; returns the first error of both. */
enum di_err hash_cache_end(struct hash_cache *hc, enum di_err so_far) DI_MUST_CHECK;

#endif
