/*
 * Open files of hot documents, and the bytes of small ones that are asked for again and again.
 * The library's lock guards the cache; the functions marked _locked are called under it and make
 * no system call: files that leave the cache are returned, to be released (library_file_release)
 * after unlocking.
 */
#ifndef P2PDI_STORE_FILE_CACHE_H
#define P2PDI_STORE_FILE_CACHE_H

#include "doc.h"

#include <stddef.h>

/* Larger ones are never kept in memory: sendfile() hands on the pages of the system's cache, where
 * from here they are copied. For less than this its own call costs more than the copy. */
#define FILE_CACHE_SMALL_BYTES ((size_t)16 << 10)
#define FILE_CACHE_BYTES_MAX ((size_t)8 << 20)

struct library_file {
    atomic_uint refs; /* users, and the cache while doc is set */
    int fd;
    size_t size_bytes;
    int64_t mtime_ns;      /* when it was opened as what its document says */
    int64_t ctime_ns;      /* 0: it was landing, and gets another one with its name */
    _Atomic(void *) bytes; /* set once, under library.lock */

    /* guarded by library.lock */
    struct doc *doc; /* not referenced: it holds us while listed; NULL: no longer in the cache */
    unsigned hits;
    struct library_file *prev, *next;
};

/* A file is in one of two lists, each with the most recently used first. */
struct file_cache {
    struct library_file *plain;
    struct library_file *in_memory; /* those with bytes */
    size_t count;                   /* of both */
    size_t count_max;
    size_t bytes;
};

/* A quarter of the descriptors that the process may have open, within these bounds. */
size_t file_quarter(size_t least, size_t most);
/* Sets the bound from the limit on descriptors. */
void file_cache_init(struct file_cache *fc);
/* A file of d with one reference; takes fd, whose state is id. NULL: out of memory, fd is closed. */
struct library_file *file_new(const struct doc *d, int fd, const struct file_id *id);
/* All of it, into out. False: it cannot be read, or was written to since it was opened. */
bool file_read(const struct library_file *f, char *out);
/* The cached file of d with a reference for the caller, or NULL. */
struct library_file *file_cache_get_locked(struct file_cache *fc, struct doc *d);
/* Makes f the cached file of d, which has none. Returns what had to go for it (may be NULL). */
struct library_file *file_cache_put_locked(struct file_cache *fc, struct doc *d,
                                           struct library_file *f) DI_MUST_CHECK;
/* Takes d's file out and returns it (may be NULL). */
struct library_file *file_cache_drop_locked(struct file_cache *fc, struct doc *d) DI_MUST_CHECK;
/* Is it time to read f into memory? */
bool file_cache_wants_bytes_locked(const struct file_cache *fc, const struct library_file *f);
/*
 * Offers f's bytes (malloc). They are taken if f is cached, has none, and there is room or a less
 * used file to make room: that one is returned in *gone (else NULL). False: the caller keeps the
 * bytes.
 */
bool file_cache_keep_bytes_locked(struct file_cache *fc, struct library_file *f, void *bytes,
                                  struct library_file **gone) DI_MUST_CHECK;

#endif
