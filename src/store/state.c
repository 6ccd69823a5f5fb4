/* The state directory and the cookie in it. Main thread; the cookie functions: one thread at a
 * time. */
#include "p2pdi/store/state.h"

#include "beneath.h"

#include "p2pdi/base/sha256.h"
#include "p2pdi/base/text.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define LOCK_NAME "lock"
#define COOKIE_NAME "cookie"
#define COOKIE_NEW "cookie.new"
#define COOKIE_MAX ((uint64_t)INT64_MAX)
#define COOKIE_SIZE 32 /* its decimal text, a newline, and room to notice what is too long */

static enum di_err join(char out[STATE_PATH_SIZE], const char *dir, const char *name)
{
    int n = snprintf(out, STATE_PATH_SIZE, "%s/%s", dir, name);
    return n < 0 || n >= STATE_PATH_SIZE ? DI_LIMIT : DI_OK;
}

enum di_err state_default_root(char out[STATE_PATH_SIZE])
{
    const char *xdg = getenv("XDG_STATE_HOME");
    const char *home = getenv("HOME");
    if (xdg != NULL && xdg[0] == '/') /* relative ones are to be ignored (XDG Base Directory) */
        return join(out, xdg, "p2pdi");
    if (home == NULL || home[0] == '\0')
        return DI_NOT_FOUND;
    return join(out, home, ".local/state/p2pdi");
}

enum di_err state_make_directory(const char *path, unsigned mode)
{
    if (mkdir(path, (mode_t)mode) != 0)
        return di_err_from_errno(errno);
    enum di_err err = beneath_sync_parent(path);
    return err == DI_ACCESS ? DI_OK : err; /* where one may make names, but not read them */
}

/* Makes path and what is missing above it. */
static enum di_err make_directories(const char *path)
{
    char part[STATE_PATH_SIZE];
    size_t len = strlen(path);
    if (len == 0 || len >= sizeof part)
        return len == 0 ? DI_INVALID : DI_LIMIT;
    for (size_t i = 1; i <= len; i++) {
        if (path[i] != '/' && path[i] != '\0')
            continue;
        memcpy(part, path, i);
        part[i] = '\0';
        struct stat st;
        /* EROFS and EACCES come before EEXIST on some systems: what is there needs no making. */
        enum di_err err = state_make_directory(part, 0700);
        if (err != DI_OK && err != DI_EXISTS && stat(part, &st) != 0)
            return err;
    }
    return DI_OK;
}

/* Why it could not be made. */
static const char *why_not_made(const char *root, enum di_err err)
{
    struct stat st;
    bool there = stat(root, &st) == 0;

    if (there && !S_ISDIR(st.st_mode))
        return "there is a file in its place";
    if (!there && errno == ENOTDIR)
        return "a part of its path is a file";
    return err == DI_LIMIT || err == DI_INVALID ? "its name is too long" : di_err_text(err);
}

static enum di_err lock_directory(const char *path, int *out_fd, char why[256])
{
    char name[STATE_PATH_SIZE];
    enum di_err err = join(name, path, LOCK_NAME);
    if (err != DI_OK)
        return err;
    int fd = open(name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0) {
        err = di_err_from_errno(errno);
        (void)snprintf(why, 256, "its lock cannot be opened: %s", strerror(errno));
        return err;
    }
    if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        err = errno == EWOULDBLOCK ? DI_IN_USE : di_err_from_errno(errno);
        if (err == DI_IN_USE)
            (void)snprintf(why, 256, "another p2pdi is using it");
        else
            (void)snprintf(why, 256, "it cannot be locked: %s", strerror(errno));
        (void)close(fd);
        return err;
    }
    *out_fd = fd;
    return DI_OK;
}

enum di_err state_dir_open(const char *root, const char *name, struct state_dir *out, char why[256])
{
    out->lock_fd = -1;
    why[0] = '\0';
    enum di_err err = join(out->path, root, name);
    if (err == DI_OK)
        err = make_directories(out->path);
    if (err != DI_OK) {
        (void)snprintf(why, 256, "%s", why_not_made(root, err));
        return err;
    }
    return lock_directory(out->path, &out->lock_fd, why);
}

void state_dir_close(struct state_dir *d)
{
    if (d->lock_fd >= 0)
        (void)close(d->lock_fd);
    d->lock_fd = -1;
}

enum di_err state_peer_name(const char *rs, const char *library, char out[40])
{
    char *real = realpath(library, NULL);
    if (real == NULL)
        return di_err_from_errno(errno);
    struct sha256_stream *s = NULL;
    struct sha256 digest;
    enum di_err err = sha256_stream_new(&s);
    if (err == DI_OK) /* with the NUL: no two pairs run together */
        err = sha256_stream_update(s, rs, strlen(rs) + 1);
    if (err == DI_OK)
        err = sha256_stream_update(s, real, strlen(real));
    if (err == DI_OK)
        err = sha256_stream_finish(s, &digest);
    sha256_stream_free(s);
    free(real);
    if (err != DI_OK)
        return err;
    char hex[SHA256_HEX_SIZE];
    sha256_format(&digest, hex);
    (void)snprintf(out, 40, "peer-%.32s", hex);
    return DI_OK;
}

/* ---- the cookie ----------------------------------------------------------------------------- */

enum di_err state_cookie_load(const struct state_dir *d, uint64_t *cookie)
{
    char path[STATE_PATH_SIZE];
    enum di_err err = join(path, d->path, COOKIE_NAME);
    if (err != DI_OK)
        return err;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return errno == ENOENT ? DI_NOT_FOUND : di_err_from_errno(errno);
    char text[COOKIE_SIZE];
    ssize_t n = read(fd, text, sizeof text);
    int errnum = errno;
    (void)close(fd);
    if (n < 0)
        return di_err_from_errno(errnum);
    if (n < 2 || text[n - 1] != '\n' ||
        !text_parse_u64((struct slice){text, (size_t)n - 1}, COOKIE_MAX, cookie) || *cookie == 0)
        return DI_CORRUPT;
    return DI_OK;
}

static enum di_err write_synced(const char *path, const char *text, size_t len)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return di_err_from_errno(errno);
    ssize_t n = write(fd, text, len);
    enum di_err err = DI_OK;
    if (n < 0 || fsync(fd) != 0)
        err = di_err_from_errno(errno);
    else if ((size_t)n < len)
        err = DI_NO_SPACE;
    if (close(fd) != 0 && err == DI_OK)
        err = di_err_from_errno(errno);
    return err;
}

enum di_err state_cookie_save(const struct state_dir *d, uint64_t cookie)
{
    char path[STATE_PATH_SIZE], fresh[STATE_PATH_SIZE], text[COOKIE_SIZE];
    if (cookie == 0 || cookie > COOKIE_MAX)
        return DI_INVALID;
    enum di_err err = join(path, d->path, COOKIE_NAME);
    if (err == DI_OK)
        err = join(fresh, d->path, COOKIE_NEW);
    if (err != DI_OK)
        return err;
    int len = snprintf(text, sizeof text, "%llu\n", (unsigned long long)cookie);
    err = write_synced(fresh, text, (size_t)len);
    if (err == DI_OK && rename(fresh, path) != 0)
        err = di_err_from_errno(errno);
    if (err != DI_OK) {
        (void)unlink(fresh);
        return err;
    }
    return beneath_sync(d->path);
}

enum di_err state_cookie_forget(const struct state_dir *d)
{
    char path[STATE_PATH_SIZE];
    enum di_err err = join(path, d->path, COOKIE_NAME);
    if (err != DI_OK)
        return err;
    if (unlink(path) != 0)
        return errno == ENOENT ? DI_OK : di_err_from_errno(errno);
    return beneath_sync(d->path);
}
