/* The pager reads cleaned text from a file in memory, and its keys from the terminal. */
#include "pager.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static bool write_all(int fd, const char *bytes, size_t len)
{
    while (len > 0) {
        ssize_t n = write(fd, bytes, len);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        bytes += n;
        len -= (size_t)n;
    }
    return true;
}

static int text_file(const struct document *d)
{
    int fd = memfd_create("document", MFD_CLOEXEC);

    if (fd < 0)
        return -1;
    for (size_t i = 0; i < d->count; i++)
        if (!write_all(fd, d->lines[i], strlen(d->lines[i])) || !write_all(fd, "\n", 1)) {
            close(fd);
            return -1;
        }
    if (lseek(fd, 0, SEEK_SET) != 0) {
        close(fd);
        return -1;
    }
    return fd;
}

static bool start(const char *pager, int text, pid_t *pid)
{
    const char *argv[] = {"sh", "-c", pager, NULL};
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attr;
    sigset_t none, all;

    /* Our threads block all signals; the pager must not. */
    sigemptyset(&none);
    sigfillset(&all);
    posix_spawnattr_init(&attr);
    posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    posix_spawnattr_setsigmask(&attr, &none);
    posix_spawnattr_setsigdefault(&attr, &all);
    posix_spawn_file_actions_init(&files);
    posix_spawn_file_actions_adddup2(&files, text, STDIN_FILENO);

    int rc = posix_spawn(pid, "/bin/sh", &files, &attr, (char *const *)(void *)argv, environ);

    posix_spawn_file_actions_destroy(&files);
    posix_spawnattr_destroy(&attr);
    return rc == 0;
}

enum di_err pager_run(const struct document *d, int wake_fd, bool (*should_stop)(void *arg),
                      void *arg)
{
    const char *pager = getenv("PAGER");
    int text = text_file(d);
    pid_t pid;
    int status = 0;

    if (text < 0)
        return DI_IO;
    if (pager == NULL || pager[0] == '\0')
        pager = "less 2>/dev/null || more";
    if (!start(pager, text, &pid)) {
        close(text);
        return DI_IO;
    }
    close(text);

    int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);

    while (pidfd >= 0) {
        struct pollfd fds[2] = {{.fd = pidfd, .events = POLLIN}, {.fd = wake_fd, .events = POLLIN}};

        /* What wakes stays readable until the screen is back: look at it once a second then. */
        if (poll(fds, 2, -1) < 0 && errno != EINTR)
            break;
        if (fds[0].revents != 0)
            break;
        if (should_stop(arg))
            kill(pid, SIGTERM);
        poll(fds, 1, 1000);
    }
    if (pidfd >= 0)
        close(pidfd);
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    return WIFEXITED(status) && WEXITSTATUS(status) != 127 ? DI_OK : DI_IO;
}
