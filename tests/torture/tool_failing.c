/*
 * The program, whose own calls (not those of libraries) fail: of the memory, of files, of the network,
 * of threads. Used by test_failing_calls.sh.
 *
 * A place is where in our code a function is called. FAILING_STATE names a file that keeps which places
 * have failed, over as many runs as it takes: each fails once, at its first call (FAILING_SKIP=n: after n
 * that succeed). FAILING_STAY=1: only one place that has not failed yet fails in a run, at each of its
 * calls. FAILING_ONLY="malloc read" lets only these functions fail, FAILING_ONE_IN=n FAILING_SEED=s only a
 * random one of n places. The file begins with how many places failed so far, as a 32-bit number; without
 * FAILING_STATE nothing fails, and programs that this one starts do not fail. FAILING_LOG names a file
 * that gets a line for each: the function, and where for `addr2line -e`.
 *
 * FAILING_CALL=k instead of places: the k-th call of all that are meant fails; FAILING_STAY=1: and those
 * after it.
 */
/* ld: -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc,--wrap=reallocarray,--wrap=strdup,--wrap=strndup */
/* ld: -Wl,--wrap=open,--wrap=openat,--wrap=fopen,--wrap=fdopen,--wrap=opendir,--wrap=fdopendir */
/* ld: -Wl,--wrap=read,--wrap=__read_chk,--wrap=pread,--wrap=__pread_chk,--wrap=write,--wrap=pwrite */
/* ld: -Wl,--wrap=fsync,--wrap=fdatasync,--wrap=syncfs,--wrap=ftruncate,--wrap=rename,--wrap=renameat */
/* ld: -Wl,--wrap=mkdir,--wrap=mkdtemp,--wrap=fstat,--wrap=stat,--wrap=fstatat,--wrap=flock,--wrap=link,--wrap=fcntl */
/* ld: -Wl,--wrap=socket,--wrap=connect,--wrap=bind,--wrap=listen,--wrap=accept4,--wrap=getsockname */
/* ld: -Wl,--wrap=setsockopt,--wrap=getsockopt,--wrap=recv,--wrap=send,--wrap=sendmsg,--wrap=sendfile */
/* ld: -Wl,--wrap=epoll_create1,--wrap=epoll_ctl,--wrap=epoll_wait,--wrap=poll,--wrap=ppoll,--wrap=eventfd,--wrap=pipe2 */
/* ld: -Wl,--wrap=inotify_init1,--wrap=inotify_add_watch,--wrap=memfd_create,--wrap=signalfd */
/* ld: -Wl,--wrap=pthread_create,--wrap=fork,--wrap=posix_spawn,--wrap=EVP_MD_fetch,--wrap=EVP_MD_CTX_new */
/* ld: -Wl,--wrap=EVP_DigestInit_ex2,--wrap=ZSTD_createCCtx,--wrap=ZSTD_createDCtx,--wrap=deflateInit2_ */
/* ld: -Wl,--wrap=sqlite3_open_v2,--wrap=sqlite3_prepare_v3,--wrap=sqlite3_step,--wrap=sqlite3_exec,--wrap=newpad */
#include "../../src/cli/main.c"

#include <curses.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <poll.h>
#include <pthread.h>
#include <spawn.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <zlib.h>
#include <zstd.h>

#define PLACES_MAX ((size_t)64 << 20)

struct places {
    _Atomic(uint32_t) failed;
    _Atomic(unsigned char) calls[]; /* by where in the program; sparse */
};

extern char __executable_start[];

static struct places *places;
static uint64_t skip, one_in, seed, call;
static _Atomic(uint64_t) called;
static bool stay;
static const char *only;
static int log_fd = -1;
static _Atomic(uintptr_t) staying;

static bool is_meant(const char *function)
{
    size_t n = strlen(function);

    for (const char *at = only; at != NULL && (at = strstr(at, function)) != NULL; at++)
        if ((at == only || at[-1] == ' ') && (at[n] == ' ' || at[n] == '\0'))
            return true;
    return only == NULL;
}

static void tell(const char *function, uintptr_t at)
{
    char line[100];
    int n = snprintf(line, sizeof(line), "%s %#zx\n", function, (size_t)at - 1);

    if (log_fd >= 0)
        (void)!syscall(SYS_write, log_fd, line, (size_t)n);
}

static bool fails(const char *function, const void *caller)
{
    uintptr_t at = (uintptr_t)caller - (uintptr_t)__executable_start;

    if (places == NULL || at >= PLACES_MAX - sizeof(*places) || !is_meant(function))
        return false;
    if (call > 0) {
        uint64_t n = atomic_fetch_add(&called, 1) + 1;
        if (n < call || (n > call && !stay))
            return false;
        atomic_fetch_add(&places->failed, 1);
        tell(function, at);
        return true;
    }
    if (atomic_load(&staying) == at)
        return true;
    if (atomic_load(&places->calls[at]) > skip)
        return false;

    if (one_in > 1 && (((at ^ seed) * UINT64_C(0x9e3779b97f4a7c15)) >> 40) % one_in != 0)
        return false;

    uintptr_t none = 0;
    if (stay && !atomic_compare_exchange_strong(&staying, &none, at))
        return false;
    if (atomic_fetch_add(&places->calls[at], 1) != skip)
        return false;
    atomic_fetch_add(&places->failed, 1);
    tell(function, at);
    return true;
}

static uint64_t number(const char *variable)
{
    const char *s = getenv(variable);

    return s == NULL ? 0 : strtoull(s, NULL, 10);
}

static __attribute__((constructor)) void begin(void)
{
    const char *name = getenv("FAILING_STATE");
    int fd = name == NULL ? -1 : open(name, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

    if (fd < 0 || ftruncate(fd, (off_t)PLACES_MAX) != 0)
        return;
    unsetenv("FAILING_STATE");
    skip = number("FAILING_SKIP");
    call = number("FAILING_CALL");
    one_in = number("FAILING_ONE_IN");
    seed = number("FAILING_SEED");
    stay = getenv("FAILING_STAY") != NULL;
    only = getenv("FAILING_ONLY");

    if (getenv("FAILING_LOG") != NULL)
        log_fd = open(getenv("FAILING_LOG"), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);

    void *p = mmap(NULL, PLACES_MAX, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    places = p == MAP_FAILED ? NULL : p;
}

/* Before counts of coverage are written, which is not our own code. */
static __attribute__((destructor)) void end(void)
{
    places = NULL;
}

#define FAILING(type, name, args, pass, result, error)                                             \
    type __real_##name args;                                                                       \
    type __wrap_##name args;                                                                       \
    type __wrap_##name args                                                                        \
    {                                                                                              \
        if (!fails(#name, __builtin_return_address(0)))                                            \
            return __real_##name pass;                                                             \
        errno = (error);                                                                           \
        return (result);                                                                           \
    }

/* ---- memory ---------------------------------------------------------------------------------- */

FAILING(void *, malloc, (size_t n), (n), NULL, ENOMEM)
FAILING(void *, calloc, (size_t n, size_t size), (n, size), NULL, ENOMEM)
FAILING(void *, realloc, (void *p, size_t n), (p, n), NULL, ENOMEM)
FAILING(void *, reallocarray, (void *p, size_t n, size_t size), (p, n, size), NULL, ENOMEM)
FAILING(char *, strdup, (const char *s), (s), NULL, ENOMEM)
FAILING(char *, strndup, (const char *s, size_t n), (s, n), NULL, ENOMEM)

/* ---- files ----------------------------------------------------------------------------------- */

int __real_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...);
int __real_openat(int dir, const char *path, int flags, ...);
int __wrap_openat(int dir, const char *path, int flags, ...);
int __real_fcntl(int fd, int command, ...);
int __wrap_fcntl(int fd, int command, ...);

int __wrap_open(const char *path, int flags, ...)
{
    va_list ap;
    va_start(ap, flags);
    unsigned mode = (flags & (O_CREAT | O_TMPFILE)) != 0 ? va_arg(ap, unsigned) : 0;
    va_end(ap);
    if (!fails("open", __builtin_return_address(0)))
        return __real_open(path, flags, mode);
    errno = EMFILE;
    return -1;
}

int __wrap_openat(int dir, const char *path, int flags, ...)
{
    va_list ap;
    va_start(ap, flags);
    unsigned mode = (flags & (O_CREAT | O_TMPFILE)) != 0 ? va_arg(ap, unsigned) : 0;
    va_end(ap);
    if (!fails("openat", __builtin_return_address(0)))
        return __real_openat(dir, path, flags, mode);
    errno = EMFILE;
    return -1;
}

int __wrap_fcntl(int fd, int command, ...)
{
    va_list ap;
    va_start(ap, command);
    long arg = va_arg(ap, long);
    va_end(ap);
    if (!fails("fcntl", __builtin_return_address(0)))
        return __real_fcntl(fd, command, arg);
    errno = EMFILE;
    return -1;
}

FAILING(FILE *, fopen, (const char *path, const char *mode), (path, mode), NULL, EMFILE)
FAILING(FILE *, fdopen, (int fd, const char *mode), (fd, mode), NULL, ENOMEM)
FAILING(DIR *, opendir, (const char *path), (path), NULL, EMFILE)
FAILING(DIR *, fdopendir, (int fd), (fd), NULL, ENOMEM)
FAILING(ssize_t, read, (int fd, void *p, size_t n), (fd, p, n), -1, EIO)
FAILING(ssize_t, __read_chk, (int fd, void *p, size_t n, size_t room), (fd, p, n, room), -1, EIO)
FAILING(ssize_t, pread, (int fd, void *p, size_t n, off_t at), (fd, p, n, at), -1, EIO)
FAILING(ssize_t, __pread_chk, (int fd, void *p, size_t n, off_t at, size_t room),
        (fd, p, n, at, room), -1, EIO)
/* Eight bytes are a count that wakes a thread up: there is always room for it. */
ssize_t __real_write(int fd, const void *p, size_t n);
ssize_t __wrap_write(int fd, const void *p, size_t n);
ssize_t __wrap_write(int fd, const void *p, size_t n)
{
    if (n == sizeof(uint64_t) || !fails("write", __builtin_return_address(0)))
        return __real_write(fd, p, n);
    errno = ENOSPC;
    return -1;
}
FAILING(ssize_t, pwrite, (int fd, const void *p, size_t n, off_t at), (fd, p, n, at), -1, ENOSPC)
FAILING(int, fsync, (int fd), (fd), -1, EIO)
FAILING(int, fdatasync, (int fd), (fd), -1, EIO)
FAILING(int, syncfs, (int fd), (fd), -1, EIO)
FAILING(int, ftruncate, (int fd, off_t n), (fd, n), -1, EIO)
FAILING(int, rename, (const char *from, const char *to), (from, to), -1, EIO)
FAILING(int, renameat, (int fd, const char *from, int to_fd, const char *to), (fd, from, to_fd, to),
        -1, EIO)
FAILING(int, mkdir, (const char *path, mode_t mode), (path, mode), -1, ENOSPC)
FAILING(char *, mkdtemp, (char *path), (path), NULL, ENOSPC)
FAILING(int, fstat, (int fd, struct stat *st), (fd, st), -1, EIO)
FAILING(int, stat, (const char *path, struct stat *st), (path, st), -1, EIO)
FAILING(int, fstatat, (int fd, const char *path, struct stat *st, int flags), (fd, path, st, flags),
        -1, EIO)
FAILING(int, flock, (int fd, int how), (fd, how), -1, ENOLCK)
FAILING(int, link, (const char *from, const char *to), (from, to), -1, EIO)

/* ---- network and waiting --------------------------------------------------------------------- */

FAILING(int, socket, (int family, int type, int protocol), (family, type, protocol), -1, EMFILE)
FAILING(int, connect, (int fd, const struct sockaddr *sa, socklen_t n), (fd, sa, n), -1,
        ENETUNREACH)
FAILING(int, bind, (int fd, const struct sockaddr *sa, socklen_t n), (fd, sa, n), -1, EADDRINUSE)
FAILING(int, listen, (int fd, int n), (fd, n), -1, EADDRINUSE)
FAILING(int, accept4, (int fd, struct sockaddr *sa, socklen_t *n, int flags), (fd, sa, n, flags),
        -1, EMFILE)
FAILING(int, getsockname, (int fd, struct sockaddr *sa, socklen_t *n), (fd, sa, n), -1, ENOBUFS)
FAILING(int, setsockopt, (int fd, int level, int name, const void *p, socklen_t n),
        (fd, level, name, p, n), -1, ENOBUFS)
FAILING(int, getsockopt, (int fd, int level, int name, void *p, socklen_t *n),
        (fd, level, name, p, n), -1, ENOBUFS)
FAILING(ssize_t, recv, (int fd, void *p, size_t n, int flags), (fd, p, n, flags), -1, ECONNRESET)
FAILING(ssize_t, send, (int fd, const void *p, size_t n, int flags), (fd, p, n, flags), -1,
        ECONNRESET)
FAILING(ssize_t, sendmsg, (int fd, const struct msghdr *m, int flags), (fd, m, flags), -1, EPIPE)
FAILING(ssize_t, sendfile, (int to, int from, off_t *at, size_t n), (to, from, at, n), -1, EIO)
FAILING(int, epoll_create1, (int flags), (flags), -1, EMFILE)
FAILING(int, epoll_ctl, (int ep, int op, int fd, struct epoll_event *ev), (ep, op, fd, ev), -1,
        ENOMEM)
/* Once: a signal came between. From then on: a system without memory for waiting. */
#define NO_WAIT (stay ? ENOMEM : EINTR)

FAILING(int, epoll_wait, (int ep, struct epoll_event *ev, int n, int ms), (ep, ev, n, ms), -1,
        NO_WAIT)
FAILING(int, poll, (struct pollfd * fds, nfds_t n, int ms), (fds, n, ms), -1, NO_WAIT)
FAILING(int, ppoll,
        (struct pollfd * fds, nfds_t n, const struct timespec *until, const sigset_t *set),
        (fds, n, until, set), -1, NO_WAIT)
FAILING(int, eventfd, (unsigned count, int flags), (count, flags), -1, EMFILE)
FAILING(int, pipe2, (int fds[2], int flags), (fds, flags), -1, EMFILE)
FAILING(int, inotify_init1, (int flags), (flags), -1, EMFILE)
FAILING(int, inotify_add_watch, (int fd, const char *path, uint32_t mask), (fd, path, mask), -1,
        ENOSPC)
FAILING(int, memfd_create, (const char *name, unsigned flags), (name, flags), -1, EMFILE)
FAILING(int, signalfd, (int fd, const sigset_t *set, int flags), (fd, set, flags), -1, EMFILE)

/* ---- threads, processes, libraries ----------------------------------------------------------- */

FAILING(int, pthread_create,
        (pthread_t * t, const pthread_attr_t *a, void *(*fn)(void *), void *arg), (t, a, fn, arg),
        EAGAIN, EAGAIN)
FAILING(pid_t, fork, (void), (), -1, EAGAIN)
FAILING(int, posix_spawn,
        (pid_t * pid, const char *path, const posix_spawn_file_actions_t *actions,
         const posix_spawnattr_t *attr, char *const argv[], char *const envp[]),
        (pid, path, actions, attr, argv, envp), EAGAIN, EAGAIN)
FAILING(EVP_MD *, EVP_MD_fetch, (OSSL_LIB_CTX * ctx, const char *name, const char *what),
        (ctx, name, what), NULL, ENOMEM)
FAILING(EVP_MD_CTX *, EVP_MD_CTX_new, (void), (), NULL, ENOMEM)
FAILING(int, EVP_DigestInit_ex2, (EVP_MD_CTX * ctx, const EVP_MD *md, const OSSL_PARAM params[]),
        (ctx, md, params), 0, ENOMEM)
FAILING(ZSTD_CCtx *, ZSTD_createCCtx, (void), (), NULL, ENOMEM)
FAILING(ZSTD_DCtx *, ZSTD_createDCtx, (void), (), NULL, ENOMEM)
FAILING(int, deflateInit2_,
        (z_streamp z, int level, int method, int bits, int memory, int strategy,
         const char *version, int size),
        (z, level, method, bits, memory, strategy, version, size), Z_MEM_ERROR, ENOMEM)
FAILING(int, sqlite3_open_v2, (const char *name, sqlite3 **db, int flags, const char *vfs),
        (name, db, flags, vfs), SQLITE_CANTOPEN, EMFILE)
FAILING(int, sqlite3_prepare_v3,
        (sqlite3 * db, const char *sql, int n, unsigned flags, sqlite3_stmt **out,
         const char **tail),
        (db, sql, n, flags, out, tail), SQLITE_NOMEM, ENOMEM)
FAILING(int, sqlite3_step, (sqlite3_stmt * stmt), (stmt), SQLITE_IOERR, EIO)
FAILING(int, sqlite3_exec,
        (sqlite3 * db, const char *sql, int (*each)(void *, int, char **, char **), void *arg,
         char **why),
        (db, sql, each, arg, why), SQLITE_FULL, ENOSPC)
FAILING(WINDOW *, newpad, (int rows, int cols), (rows, cols), NULL, ENOMEM)
