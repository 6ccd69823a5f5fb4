/* Calls for files, in place of the system's. In the world's one thread. */
#include "world_fd.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/syscall.h>
#include <unistd.h>

/* What the linker puts in place of the system's. */
int __wrap_close(int fd);
ssize_t __wrap_read(int fd, void *bytes, size_t len);
ssize_t __wrap___read_chk(int fd, void *bytes, size_t len, size_t room);
ssize_t __wrap_write(int fd, const void *bytes, size_t len);
ssize_t __wrap_pread(int fd, void *bytes, size_t len, off_t at);
ssize_t __wrap___pread_chk(int fd, void *bytes, size_t len, off_t at, size_t room);
ssize_t __wrap_pwrite(int fd, const void *bytes, size_t len, off_t at);
int __wrap_open(const char *path, int flags, ...);
int __wrap_openat(int dir, const char *name, int flags, ...);
long __wrap_syscall(long number, ...);
int __wrap_fstat(int fd, struct stat *st);
int __wrap_fstatat(int dir, const char *name, struct stat *st, int flags);
int __wrap_stat(const char *path, struct stat *st);
int __wrap_faccessat(int dir, const char *name, int mode, int flags);
int __wrap_fsync(int fd);
int __wrap_fdatasync(int fd);
int __wrap_syncfs(int fd);
int __wrap_sync_file_range(int fd, off_t at, off_t len, unsigned flags);
int __wrap_ftruncate(int fd, off_t size);
int __wrap_flock(int fd, int how);
int __wrap_rename(const char *from, const char *to);
int __wrap_renameat(int dir, const char *from, int other, const char *to);
int __wrap_unlink(const char *path);
int __wrap_unlinkat(int dir, const char *name, int flags);
int __wrap_mkdir(const char *path, mode_t mode);
DIR *__wrap_fdopendir(int fd);
struct dirent *__wrap_readdir(DIR *dir);
int __wrap_closedir(DIR *dir);
ssize_t __real_write(int fd, const void *bytes, size_t len);
int __wrap_inotify_init1(int flags);
int __wrap_inotify_add_watch(int fd, const char *path, uint32_t mask);

int __wrap_close(int fd)
{
    fd_free(fd);
    return 0;
}

ssize_t __wrap_read(int fd, void *bytes, size_t len)
{
    struct fd *f = fd_of(fd);

    if (f != NULL && f->kind == FD_EVENT) {
        eventfd_t count;

        if (eventfd_read(fd, &count) != 0)
            return -1;
        memcpy(bytes, &count, sizeof(count));
        return sizeof(count);
    }
    f = fd_must(fd, FD_FILE);

    ssize_t n = inode_read(f->inode, bytes, len, f->at);

    f->at += n > 0 ? (uint64_t)n : 0;
    return n;
}

ssize_t __wrap___read_chk(int fd, void *bytes, size_t len, size_t room)
{
    (void)room;
    return __wrap_read(fd, bytes, len);
}

ssize_t __wrap_write(int fd, const void *bytes, size_t len)
{
    struct fd *f = fd_of(fd);

    if (fd == STDERR_FILENO)
        return __real_write(fd, bytes, len);
    if (f != NULL && f->kind == FD_EVENT) {
        eventfd_t count;

        memcpy(&count, bytes, sizeof(count));
        return eventfd_write(fd, count) == 0 ? (ssize_t)sizeof(count) : -1;
    }
    f = fd_must(fd, FD_FILE);

    uint64_t at = f->at;

    f->at += len;
    return inode_write(f->inode, bytes, len, at);
}

ssize_t __wrap_pread(int fd, void *bytes, size_t len, off_t at)
{
    return inode_read(fd_must(fd, FD_FILE)->inode, bytes, len, (uint64_t)at);
}

ssize_t __wrap___pread_chk(int fd, void *bytes, size_t len, off_t at, size_t room)
{
    (void)room;
    return __wrap_pread(fd, bytes, len, at);
}

ssize_t __wrap_pwrite(int fd, const void *bytes, size_t len, off_t at)
{
    if (chance(50))
        task_yield();
    return inode_write(fd_must(fd, FD_FILE)->inode, bytes, len, (uint64_t)at);
}

static int give(struct inode *i)
{
    if (i == NULL)
        return -1;

    int fd = fd_new(FD_FILE);

    fd_must(fd, FD_FILE)->inode = i;
    return fd;
}

int __wrap_open(const char *path, int flags, ...)
{
    va_list ap;
    mode_t mode = 0;

    if ((flags & O_CREAT) != 0) {
        va_start(ap, flags);
        mode = va_arg(ap, mode_t);
        va_end(ap);
    }
    if (strcmp(path, "/dev/null") == 0)
        return fd_new(FD_NULL);
    return give(file_open(path, flags, mode));
}

int __wrap_openat(int dir, const char *name, int flags, ...)
{
    va_list ap;
    mode_t mode = 0;

    if ((flags & O_CREAT) != 0) {
        va_start(ap, flags);
        mode = va_arg(ap, mode_t);
        va_end(ap);
    }
    return give(file_open_at(fd_must(dir, FD_FILE)->inode, name, flags, mode));
}

long __wrap_syscall(long number, ...)
{
    va_list ap;

    CHECK(number == SYS_openat2, "a system call that is not known here");
    va_start(ap, number);

    int dir = va_arg(ap, int);
    const char *name = va_arg(ap, const char *);
    const struct open_how *how = va_arg(ap, const struct open_how *);

    va_end(ap);
    return give(
        file_open_at(fd_must(dir, FD_FILE)->inode, name, (int)how->flags, (mode_t)how->mode));
}

int __wrap_fstat(int fd, struct stat *st)
{
    inode_stat(fd_must(fd, FD_FILE)->inode, st);
    return 0;
}

int __wrap_fstatat(int dir, const char *name, struct stat *st, int flags)
{
    (void)flags;
    return file_stat_at(fd_must(dir, FD_FILE)->inode, name, st);
}

int __wrap_stat(const char *path, struct stat *st)
{
    return file_stat(path, st);
}

int __wrap_faccessat(int dir, const char *name, int mode, int flags)
{
    (void)fd_must(dir, FD_FILE);
    (void)name;
    (void)mode;
    (void)flags;
    return 0;
}

int __wrap_fsync(int fd)
{
    task_yield();
    w.now_us += between(0, MS);
    if (w.cfg->plant == PLANT_DIRECTORY && inode_is_directory(fd_must(fd, FD_FILE)->inode))
        return 0;
    return inode_sync(fd_must(fd, FD_FILE)->inode);
}

int __wrap_fdatasync(int fd)
{
    task_yield();
    w.now_us += between(0, MS);
    if (w.cfg->plant == PLANT_UNSYNCED)
        return 0;
    return inode_sync(fd_must(fd, FD_FILE)->inode);
}

int __wrap_syncfs(int fd)
{
    (void)fd_must(fd, FD_FILE);
    task_yield();
    return w.cfg->plant == PLANT_UNSYNCED ? 0 : file_sync_all();
}

/* It begins writing back and promises nothing. */
int __wrap_sync_file_range(int fd, off_t at, off_t len, unsigned flags)
{
    (void)fd_must(fd, FD_FILE);
    (void)at;
    (void)len;
    (void)flags;
    return 0;
}

int __wrap_ftruncate(int fd, off_t size)
{
    return inode_truncate(fd_must(fd, FD_FILE)->inode, (uint64_t)size);
}

int __wrap_flock(int fd, int how)
{
    CHECK(how == (LOCK_EX | LOCK_NB), "another flock");
    if (inode_lock(fd_must(fd, FD_FILE)->inode, (const void *)(uintptr_t)fd))
        return 0;
    errno = EWOULDBLOCK;
    return -1;
}

int __wrap_rename(const char *from, const char *to)
{
    return file_rename(from, to);
}

int __wrap_renameat(int dir, const char *from, int other, const char *to)
{
    CHECK(dir == other, "a rename between directories");
    return file_rename_at(fd_must(dir, FD_FILE)->inode, from, to);
}

int __wrap_unlink(const char *path)
{
    return file_unlink(path);
}

int __wrap_unlinkat(int dir, const char *name, int flags)
{
    (void)flags;
    return file_unlink_at(fd_must(dir, FD_FILE)->inode, name);
}

int __wrap_mkdir(const char *path, mode_t mode)
{
    (void)mode;
    return file_make_directory(path);
}

/* The library is looked through every five seconds instead. */
int __wrap_inotify_init1(int flags)
{
    (void)flags;
    errno = ENOSYS;
    return -1;
}

int __wrap_inotify_add_watch(int fd, const char *path, uint32_t mask)
{
    (void)fd;
    (void)path;
    (void)mask;
    errno = ENOSYS;
    return -1;
}

/* ---- directories ----------------------------------------------------------------------------- */

struct listing {
    int fd;
    size_t at;
    struct dirent entry;
};

DIR *__wrap_fdopendir(int fd)
{
    struct listing *l = must(calloc(1, sizeof(*l)));

    l->fd = fd;
    return (DIR *)l;
}

struct dirent *__wrap_readdir(DIR *dir)
{
    struct listing *l = (struct listing *)dir;
    const char *name = inode_name(fd_must(l->fd, FD_FILE)->inode, l->at++);

    if (name == NULL)
        return NULL;
    l->entry.d_type = DT_UNKNOWN;
    (void)snprintf(l->entry.d_name, sizeof(l->entry.d_name), "%s", name);
    return &l->entry;
}

int __wrap_closedir(DIR *dir)
{
    struct listing *l = (struct listing *)dir;

    fd_free(l->fd);
    free(l);
    return 0;
}
