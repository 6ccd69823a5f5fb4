/* Opening files of the library's directory. Any thread. */
#include "beneath.h"

#include "p2pdi/store/library.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdatomic.h>
#include <stddef.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

bool file_id_equal(const struct file_id *a, const struct file_id *b)
{
    return a->inode == b->inode && a->size_bytes == b->size_bytes && a->mtime_ns == b->mtime_ns &&
           a->ctime_ns == b->ctime_ns;
}

static int64_t to_ns(const struct timespec *t)
{
    return (int64_t)t->tv_sec * INT64_C(1000000000) + t->tv_nsec;
}

void file_id_from_stat(const struct stat *st, struct file_id *out)
{
    out->inode = st->st_ino;
    out->size_bytes = (uint64_t)st->st_size;
    out->mtime_ns = to_ns(&st->st_mtim);
    out->ctime_ns = to_ns(&st->st_ctim);
}

/* Kernels before 5.6, and sandboxes, answer ENOSYS; then O_NOFOLLOW has to do. */
static int open_beneath(int dir_fd, const char *name, int flags, mode_t mode)
{
    static atomic_bool lacking;
    if (!atomic_load_explicit(&lacking, memory_order_relaxed)) {
        struct open_how how = {
            .flags = (unsigned)flags,
            .mode = mode,
            .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS,
        };
        int fd = (int)syscall(SYS_openat2, dir_fd, name, &how, sizeof how);
        if (fd >= 0 || errno != ENOSYS)
            return fd;
        atomic_store_explicit(&lacking, true, memory_order_relaxed);
    }
    return openat(dir_fd, name, flags, mode);
}

static enum di_err open_regular(int dir_fd, const char *name, int flags, int *out_fd,
                                struct file_id *id)
{
    /* O_NONBLOCK: a FIFO of that name must not hold us up before we see what it is. */
    int fd = open_beneath(dir_fd, name, flags | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | O_NOCTTY,
                          (flags & O_CREAT) != 0 ? 0644 : 0);
    if (fd < 0)
        return errno == ELOOP || errno == ENXIO ? DI_INVALID : di_err_from_errno(errno);
    struct stat st;
    enum di_err err = DI_OK;
    if (fstat(fd, &st) != 0)
        err = di_err_from_errno(errno);
    else if (!S_ISREG(st.st_mode))
        err = DI_INVALID;
    if (err != DI_OK) {
        (void)close(fd);
        return err;
    }
    if (id != NULL)
        file_id_from_stat(&st, id);
    *out_fd = fd;
    return DI_OK;
}

enum di_err beneath_open(int dir_fd, const char *name, int *out_fd, struct file_id *id)
{
    return open_regular(dir_fd, name, O_RDONLY, out_fd, id);
}

enum di_err beneath_open_write(int dir_fd, const char *name, int *out_fd, struct file_id *id)
{
    return open_regular(dir_fd, name, O_RDWR | O_CREAT, out_fd, id);
}

enum di_err beneath_stat(int dir_fd, const char *name, struct file_id *id)
{
    struct stat st;
    if (fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
        return di_err_from_errno(errno);
    if (!S_ISREG(st.st_mode))
        return DI_INVALID;
    if ((uint64_t)st.st_size > LIBRARY_DOCUMENT_MAX)
        return DI_LIMIT;
    file_id_from_stat(&st, id);
    return DI_OK;
}

enum di_err beneath_sync_parent(const char *path)
{
    char dir[PATH_MAX];
    size_t len = strlen(path);
    while (len > 1 && path[len - 1] == '/')
        len--;
    while (len > 0 && path[len - 1] != '/')
        len--;
    if (len >= sizeof dir)
        return DI_LIMIT;
    memcpy(dir, len > 0 ? path : ".", len > 0 ? len : 1);
    dir[len > 0 ? len : 1] = '\0';
    return beneath_sync(dir);
}

enum di_err beneath_sync(const char *path)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return di_err_from_errno(errno);
    enum di_err err = fsync(fd) == 0 ? DI_OK : di_err_from_errno(errno);
    (void)close(fd);
    return err;
}
