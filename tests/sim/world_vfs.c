/*
 * SQLite on the world's disks: a VFS of its own, since the library's calls cannot be replaced. It
 * never lets another task go on, because SQLite's own locks are real. In the world's one thread.
 */
#include "world_impl.h"

#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define REGIONS_MAX 8

struct vfs_file {
    sqlite3_file base;
    struct inode *inode;
    char path[128];
    bool is_temporary; /* to be deleted on close */
    bool is_new;       /* a journal whose name is not synced yet: goes with its first sync */
    void *region[REGIONS_MAX];
};

static struct vfs_file *file_of(sqlite3_file *f)
{
    return (struct vfs_file *)f;
}

static int unmap(sqlite3_file *f, int delete)
{
    (void)delete;
    for (int i = 0; i < REGIONS_MAX; i++) {
        free(file_of(f)->region[i]);
        file_of(f)->region[i] = NULL;
    }
    return SQLITE_OK;
}

static int close_file(sqlite3_file *f)
{
    (void)unmap(f, 0);
    inode_unref(file_of(f)->inode);
    if (file_of(f)->is_temporary)
        (void)file_unlink(file_of(f)->path);
    return SQLITE_OK;
}

static int read_file(sqlite3_file *f, void *bytes, int len, sqlite3_int64 at)
{
    ssize_t n = inode_read(file_of(f)->inode, bytes, (size_t)len, (uint64_t)at);

    if (n == len)
        return SQLITE_OK;
    if (n < 0)
        return SQLITE_IOERR_READ;
    memset((char *)bytes + n, 0, (size_t)(len - n));
    return SQLITE_IOERR_SHORT_READ;
}

static int write_file(sqlite3_file *f, const void *bytes, int len, sqlite3_int64 at)
{
    return inode_write(file_of(f)->inode, bytes, (size_t)len, (uint64_t)at) == len
               ? SQLITE_OK
               : SQLITE_IOERR_WRITE;
}

static int truncate_file(sqlite3_file *f, sqlite3_int64 size)
{
    return inode_truncate(file_of(f)->inode, (uint64_t)size) == 0 ? SQLITE_OK
                                                                  : SQLITE_IOERR_TRUNCATE;
}

static int sync_file(sqlite3_file *f, int flags)
{
    (void)flags;
    w.now_us += between(0, 2 * MS);
    if (w.cfg->plant == PLANT_FORGETFUL && strstr(file_of(f)->path, "records.db-wal") != NULL)
        return SQLITE_OK;
    if (inode_sync(file_of(f)->inode) != 0)
        return SQLITE_IOERR_FSYNC;
    if (file_of(f)->is_new && file_sync_directory(file_of(f)->path) != 0)
        return SQLITE_IOERR_DIR_FSYNC;
    file_of(f)->is_new = false;
    return SQLITE_OK;
}

static int size_of_file(sqlite3_file *f, sqlite3_int64 *size)
{
    *size = (sqlite3_int64)inode_size(file_of(f)->inode);
    return SQLITE_OK;
}

/* One connection a file, and the state directory's lock sees to that. */
static int lock_file(sqlite3_file *f, int level)
{
    (void)f;
    (void)level;
    return SQLITE_OK;
}

static int is_reserved(sqlite3_file *f, int *out)
{
    (void)f;
    *out = 0;
    return SQLITE_OK;
}

static int control(sqlite3_file *f, int op, void *arg)
{
    (void)f;
    (void)op;
    (void)arg;
    return SQLITE_NOTFOUND;
}

static int sector_size(sqlite3_file *f)
{
    (void)f;
    return 4096;
}

static int traits(sqlite3_file *f)
{
    (void)f;
    return 0;
}

static int map(sqlite3_file *f, int at, int size, int extend, void volatile **out)
{
    struct vfs_file *file = file_of(f);

    *out = NULL;
    if (at >= REGIONS_MAX)
        return SQLITE_FULL;
    if (file->region[at] == NULL && extend)
        file->region[at] = must(calloc(1, (size_t)size));
    *out = file->region[at];
    return SQLITE_OK;
}

static int lock_map(sqlite3_file *f, int at, int n, int flags)
{
    (void)f;
    (void)at;
    (void)n;
    (void)flags;
    return SQLITE_OK;
}

static void barrier(sqlite3_file *f)
{
    (void)f;
}

static const sqlite3_io_methods methods = {
    .iVersion = 2,
    .xClose = close_file,
    .xRead = read_file,
    .xWrite = write_file,
    .xTruncate = truncate_file,
    .xSync = sync_file,
    .xFileSize = size_of_file,
    .xLock = lock_file,
    .xUnlock = lock_file,
    .xCheckReservedLock = is_reserved,
    .xFileControl = control,
    .xSectorSize = sector_size,
    .xDeviceCharacteristics = traits,
    .xShmMap = map,
    .xShmLock = lock_map,
    .xShmBarrier = barrier,
    .xShmUnmap = unmap,
};

static int open_file(sqlite3_vfs *v, const char *path, sqlite3_file *f, int flags, int *out)
{
    struct vfs_file *file = file_of(f);
    static unsigned temporary;
    char name[64];

    (void)v;
    if (path == NULL) {
        (void)snprintf(name, sizeof(name), "/state/temporary-%u", ++temporary);
        path = name;
    }
    *file = (struct vfs_file){0};
    (void)snprintf(file->path, sizeof(file->path), "%s", path);
    file->is_temporary = (flags & SQLITE_OPEN_DELETEONCLOSE) != 0;
    /* As SQLite's own VFS for Unix does it. */
    file->is_new = (flags & SQLITE_OPEN_CREATE) != 0 &&
                   (flags & (SQLITE_OPEN_WAL | SQLITE_OPEN_MAIN_JOURNAL)) != 0;
    file->inode = file_open(path, (flags & SQLITE_OPEN_CREATE) != 0 ? O_CREAT : 0, 0600);
    if (file->inode == NULL)
        return SQLITE_CANTOPEN;
    file->base.pMethods = &methods;
    if (out != NULL)
        *out = flags;
    return SQLITE_OK;
}

static int delete_file(sqlite3_vfs *v, const char *path, int sync)
{
    (void)v;
    if (file_unlink(path) != 0)
        return errno == ENOENT ? SQLITE_IOERR_DELETE_NOENT : SQLITE_IOERR_DELETE;
    return sync == 0 || file_sync_directory(path) == 0 ? SQLITE_OK : SQLITE_IOERR_DIR_FSYNC;
}

static int access_file(sqlite3_vfs *v, const char *path, int what, int *out)
{
    struct stat st;

    (void)v;
    (void)what;
    *out = file_stat(path, &st) == 0 && st.st_size > 0;
    return SQLITE_OK;
}

static int full_path(sqlite3_vfs *v, const char *path, int size, char *out)
{
    (void)v;
    (void)snprintf(out, (size_t)size, "%s", path);
    return SQLITE_OK;
}

static int randomness(sqlite3_vfs *v, int len, char *out)
{
    (void)v;
    for (int i = 0; i < len; i++)
        out[i] = (char)prng_next(&w.prng);
    return len;
}

static int nap(sqlite3_vfs *v, int us)
{
    (void)v;
    w.now_us += us;
    return us;
}

static int now(sqlite3_vfs *v, double *out)
{
    (void)v;
    *out = 2440587.5 + (double)(WALL_S + w.now_us / SECOND) / 86400.0;
    return SQLITE_OK;
}

static int last_error(sqlite3_vfs *v, int len, char *out)
{
    (void)v;
    (void)len;
    (void)out;
    return 0;
}

static sqlite3_vfs vfs = {
    .iVersion = 1,
    .szOsFile = sizeof(struct vfs_file),
    .mxPathname = 127,
    .zName = "world",
    .xOpen = open_file,
    .xDelete = delete_file,
    .xAccess = access_file,
    .xFullPathname = full_path,
    .xRandomness = randomness,
    .xSleep = nap,
    .xCurrentTime = now,
    .xGetLastError = last_error,
};

void vfs_install(void)
{
    if (sqlite3_vfs_register(&vfs, 1) != SQLITE_OK)
        abort();
    /* Its generator is seeded anew, from the world's. */
    sqlite3_randomness(0, NULL);
}
