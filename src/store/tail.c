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
    uint64_t size_bytes;
    int fd;
    atomic_uint refs;
    _Atomic(uint64_t) came, used;
};

/* For a while its bytes are there twice: that must not be what fills the disk. */
static bool has_room(const struct library *lib, uint64_t size_bytes)
{
    struct statvfs fs;
    return fstatvfs(lib->dir_fd, &fs) == 0 && (uint64_t)fs.f_bavail * fs.f_frsize / 2 > size_bytes;
}

struct library_tail *library_tail_new(struct library *lib, uint64_t size_bytes)
{
    if (!has_room(lib, size_bytes))
        return NULL;
    struct library_tail *t = calloc(1, sizeof *t);
    if (t == NULL)
        return NULL;
    t->size_bytes = size_bytes;
    atomic_init(&t->refs, 1);
    t->fd = openat(lib->dir_fd, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (t->fd >= 0)
        return t;
    free(t);
    return NULL;
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
    (void)close(t->fd);
    free(t);
    return unused;
}

enum di_err library_tail_write(struct library_tail *t, uint64_t at, const void *bytes, size_t len)
{
    enum di_err err = DI_OK;
    if (at > t->size_bytes || len > t->size_bytes - at)
        return DI_LIMIT;
    for (size_t done = 0; done < len && err == DI_OK;) {
        ssize_t n = pwrite(t->fd, (const char *)bytes + done, len - done, (off_t)(at + done));
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
    enum di_err err = block != NULL ? DI_OK : DI_NOMEM;
    *took = 0;
    while (p->have_bytes < p->size_bytes && err == DI_OK) {
        ssize_t n = pread(t->fd, block, BLOCK_BYTES, (off_t)p->have_bytes);
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
