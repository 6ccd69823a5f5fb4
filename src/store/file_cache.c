/* Open files of hot documents. Any thread, under the library's lock where the name says so. */
#include "file_cache.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>
#include <utlist.h>

#define COUNT_MAX 4096
#define COUNT_MIN 8

size_t file_quarter(size_t least, size_t most)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur / 4 < least)
        return least;
    return limit.rlim_cur / 4 < most ? limit.rlim_cur / 4 : most;
}

void file_cache_init(struct file_cache *fc)
{
    *fc = (struct file_cache){.count_max = file_quarter(COUNT_MIN, COUNT_MAX)};
}

struct library_file *file_new(int fd, size_t size_bytes)
{
    struct library_file *f = calloc(1, sizeof *f);
    if (f == NULL) {
        (void)close(fd);
        return NULL;
    }
    f->refs = 1;
    f->fd = fd;
    f->size_bytes = size_bytes;
    return f;
}

static struct library_file **list_of(struct file_cache *fc, const struct library_file *f)
{
    return f->bytes != NULL ? &fc->in_memory : &fc->plain;
}

struct library_file *file_cache_get_locked(struct file_cache *fc, struct doc *d)
{
    struct library_file *f = d->file;
    if (f == NULL)
        return NULL;
    f->hits++;
    struct library_file **list = list_of(fc, f);
    if (*list != f) {
        DL_DELETE(*list, f);
        DL_PREPEND(*list, f);
    }
    (void)atomic_fetch_add_explicit(&f->refs, 1, memory_order_relaxed);
    return f;
}

struct library_file *file_cache_drop_locked(struct file_cache *fc, struct doc *d)
{
    struct library_file *f = d->file;
    if (f == NULL)
        return NULL;
    struct library_file **list = list_of(fc, f);
    DL_DELETE(*list, f);
    fc->count--;
    if (f->bytes != NULL)
        fc->bytes -= f->size_bytes;
    f->doc = NULL;
    d->file = NULL;
    return f;
}

struct library_file *file_cache_put_locked(struct file_cache *fc, struct doc *d,
                                           struct library_file *f)
{
    struct library_file *gone = NULL;
    if (fc->count >= fc->count_max) {
        struct library_file *list = fc->plain != NULL ? fc->plain : fc->in_memory;
        gone = file_cache_drop_locked(fc, list->prev->doc);
    }
    (void)atomic_fetch_add_explicit(&f->refs, 1, memory_order_relaxed);
    f->doc = d;
    f->hits = 1;
    d->file = f;
    DL_PREPEND(fc->plain, f);
    fc->count++;
    return gone;
}

static bool has_room(const struct file_cache *fc, const struct library_file *f)
{
    return fc->bytes + f->size_bytes <= FILE_CACHE_BYTES_MAX;
}

bool file_cache_wants_bytes_locked(const struct file_cache *fc, const struct library_file *f)
{
    if (f->doc == NULL || f->bytes != NULL || f->size_bytes == 0 ||
        f->size_bytes > FILE_CACHE_SMALL_BYTES)
        return false;
    return f->hits >= 2 && (has_room(fc, f) || f->hits / 2 > fc->in_memory->prev->hits);
}

bool file_cache_keep_bytes_locked(struct file_cache *fc, struct library_file *f, void *bytes,
                                  struct library_file **gone)
{
    *gone = NULL;
    if (f->doc == NULL || f->bytes != NULL)
        return false;
    if (!has_room(fc, f)) {
        /* Twice as often as the one longest unused, or it keeps its place and has to earn it
         * again: so a scan over everything does not turn the memory over. */
        struct library_file *victim = fc->in_memory->prev;
        if (f->hits / 2 > victim->hits) {
            *gone = file_cache_drop_locked(fc, victim->doc);
        } else {
            victim->hits /= 2;
            DL_DELETE(fc->in_memory, victim);
            DL_PREPEND(fc->in_memory, victim);
        }
        if (!has_room(fc, f))
            return false;
    }
    DL_DELETE(fc->plain, f);
    f->bytes = bytes;
    DL_PREPEND(fc->in_memory, f);
    fc->bytes += f->size_bytes;
    return true;
}

int library_file_fd(const struct library_file *f)
{
    return f->fd;
}

const void *library_file_bytes(const struct library_file *f)
{
    return f->bytes;
}

enum di_err library_file_text(const struct library_doc *doc, const struct library_file *file,
                              const void **text, void **owned)
{
    size_t size = (size_t)doc->size_bytes;
    struct sha256 digest;
    *owned = NULL;
    *text = library_file_bytes(file);
    if (*text == NULL) {
        char *bytes = malloc(size);
        size_t got = 0;
        if (bytes == NULL)
            return DI_NOMEM;
        *owned = bytes;
        *text = bytes;
        while (got < size) {
            ssize_t n = pread(library_file_fd(file), bytes + got, size - got, (off_t)got);
            if (n > 0)
                got += (size_t)n;
            else if (n == 0 || errno != EINTR)
                return DI_NOT_FOUND;
        }
    }
    /* A file that was written to in place must not be handed on under the old digest. */
    enum di_err err = sha256_of(*text, size, &digest);
    if (err == DI_OK && !sha256_equal(&digest, &doc->sha256))
        err = DI_NOT_FOUND;
    return err;
}

void library_file_release(void *file)
{
    struct library_file *f = file;
    if (f == NULL || atomic_fetch_sub_explicit(&f->refs, 1, memory_order_acq_rel) != 1)
        return;
    (void)close(f->fd);
    free(f->bytes);
    free(f);
}
