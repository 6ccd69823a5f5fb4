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

struct library_file *file_new(const struct doc *d, int fd, const struct file_id *id)
{
    struct library_file *f = calloc(1, sizeof *f);
    if (f == NULL) {
        (void)close(fd);
        return NULL;
    }
    f->refs = 1;
    f->fd = fd;
    f->size_bytes = id->size_bytes;
    f->mtime_ns = id->mtime_ns;
    f->ctime_ns = d->landing ? 0 : id->ctime_ns;
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

/* Looked at after reading: what is read must not be handed on under the digest of what was there. */
static bool is_as_opened(const struct library_file *f)
{
    struct stat st;
    struct file_id id;
    if (fstat(f->fd, &st) != 0)
        return false;
    file_id_from_stat(&st, &id);
    return id.size_bytes == f->size_bytes && id.mtime_ns == f->mtime_ns &&
           (f->ctime_ns == 0 || id.ctime_ns == f->ctime_ns);
}

bool file_read(const struct library_file *f, char *out)
{
    size_t got = 0;
    while (got < f->size_bytes) {
        ssize_t n = pread(f->fd, out + got, f->size_bytes - got, (off_t)got);
        if (n > 0)
            got += (size_t)n;
        else if (n == 0 || errno != EINTR)
            return false;
    }
    return is_as_opened(f);
}

enum di_err library_file_text(const struct library_file *f, const void **text, void **owned)
{
    *owned = NULL;
    *text = library_file_bytes(f);
    if (*text != NULL)
        return DI_OK;
    char *bytes = malloc(f->size_bytes);
    if (bytes == NULL)
        return DI_NOMEM;
    if (!file_read(f, bytes)) {
        free(bytes);
        return DI_NOT_FOUND;
    }
    *text = *owned = bytes;
    return DI_OK;
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
