/*
 * What comes of a document from its back, while its part grows from the front. It lies in a file
 * without a name, so that nothing of it is left whatever becomes of us, and no hole is ever taken for
 * data: the part holds what it always held, all bytes up to some one, and what is hashed is what is
 * written there. Any thread.
 */
#include "library_impl.h"
#include "part.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define BLOCK_BYTES ((size_t)128 << 10)

struct library_tail {
    struct library *lib;
    uint64_t size_bytes;
    atomic_uint refs;
    atomic_int fd; /* -1 before the first bytes */
    _Atomic(uint64_t) came, used;
};

struct library_tail *library_tail_new(struct library *lib, uint64_t size_bytes)
{
    struct library_tail *t = calloc(1, sizeof *t);
    if (t == NULL)
        return NULL;
    t->lib = lib;
    t->size_bytes = size_bytes;
    atomic_init(&t->refs, 1);
    atomic_init(&t->fd, -1);
    return t;
}

struct library_tail *library_tail_ref(struct library_tail *t)
{
    if (t != NULL)
        atomic_fetch_add(&t->refs, 1);
    return t;
}

uint64_t library_tail_unref(struct library_tail *t)
{
    if (t == NULL || atomic_fetch_sub(&t->refs, 1) != 1)
        return 0;
    uint64_t unused = atomic_load(&t->came) - atomic_load(&t->used);
    int fd = atomic_load(&t->fd);
    if (fd >= 0)
        (void)close(fd);
    free(t);
    return unused;
}

/* For a while its bytes are there twice: that must not be what fills the disk. */
static bool has_room(const struct library_tail *t)
{
    struct statvfs fs;
    return fstatvfs(t->lib->dir_fd, &fs) == 0 &&
           (uint64_t)fs.f_bavail * fs.f_frsize / 2 > t->size_bytes;
}

static enum di_err open_file(struct library_tail *t, int *out)
{
    int none = -1;
    *out = atomic_load(&t->fd);
    if (*out >= 0)
        return DI_OK;
    if (!has_room(t))
        return DI_NO_SPACE;
    int fd = openat(t->lib->dir_fd, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (fd < 0)
        return di_err_from_errno(errno);
    *out = fd;
    if (!atomic_compare_exchange_strong(&t->fd, &none, fd)) {
        (void)close(fd); /* somebody else was sooner */
        *out = none;
    }
    return DI_OK;
}

enum di_err library_tail_write(struct library_tail *t, uint64_t at, const void *bytes, size_t len)
{
    int fd = -1;
    if (at > t->size_bytes || len > t->size_bytes - at)
        return DI_LIMIT;
    enum di_err err = open_file(t, &fd);
    for (size_t done = 0; done < len && err == DI_OK;) {
        ssize_t n = pwrite(fd, (const char *)bytes + done, len - done, (off_t)(at + done));
        if (n > 0)
            done += (size_t)n;
        else if (n == 0 || errno != EINTR)
            err = n == 0 ? DI_IO : di_err_from_errno(errno);
    }
    if (err == DI_OK)
        atomic_fetch_add(&t->came, len);
    return err;
}

enum di_err library_part_take_tail(struct library_part *p, struct library_tail *t, uint64_t *took)
{
    char *block = malloc(BLOCK_BYTES);
    int fd = atomic_load(&t->fd);
    enum di_err err = block != NULL ? DI_OK : DI_NOMEM;
    *took = 0;
    while (p->have_bytes < p->size_bytes && err == DI_OK) {
        ssize_t n = pread(fd, block, BLOCK_BYTES, (off_t)p->have_bytes);
        if (n > 0) {
            err = library_part_append(p, block, (size_t)n);
            *took += err == DI_OK ? (uint64_t)n : 0;
        } else if (n == 0 || errno != EINTR) {
            err = n == 0 ? DI_IO : di_err_from_errno(errno);
        }
    }
    atomic_fetch_add(&t->used, *took);
    free(block);
    return err;
}
