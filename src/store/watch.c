/* What happens in the directory, by inotify. Run by the library's thread. */
#include "library_impl.h"

#include "p2pdi/base/clock.h"
#include "p2pdi/base/log.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_EVENTS (IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE | IN_ATTRIB)
#define SELF_EVENTS (IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR)
#define CHECK_US CLOCK_US_PER_S

void watch_start(struct library *lib)
{
    lib->watch_fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    char path[64];
    /* By descriptor: the directory that we have open, whatever has its name now. */
    (void)snprintf(path, sizeof path, "/proc/self/fd/%d/.", lib->dir_fd);
    if (lib->watch_fd >= 0 &&
        (inotify_add_watch(lib->watch_fd, path, FILE_EVENTS | SELF_EVENTS) >= 0 ||
         inotify_add_watch(lib->watch_fd, lib->path, FILE_EVENTS | SELF_EVENTS) >= 0))
        return;
    log_write(LOG_WARN,
              "%s cannot be watched (%s): it is looked through every 5 seconds instead; see "
              "fs.inotify.max_user_watches",
              lib->path, strerror(errno));
    if (lib->watch_fd >= 0)
        (void)close(lib->watch_fd);
    lib->watch_fd = -1;
}

static void on_gone(struct library *lib)
{
    if (lib->gone)
        return;
    lib->gone = true;
    lib->rescan = true; /* takes all documents out */
    log_write(
        LOG_ERROR,
        "the library %s was deleted or moved away: its documents are no longer offered; put it "
        "back and start again",
        lib->path);
}

void watch_check_directory(struct library *lib)
{
    struct stat st;
    lib->check_us = INT64_MAX;
    if (fstat(lib->dir_fd, &st) == 0 && st.st_nlink == 0)
        on_gone(lib);
}

static void on_event(struct library *lib, const struct inotify_event *ev)
{
    if ((ev->mask & IN_Q_OVERFLOW) != 0) {
        log_write(LOG_INFO, "%s: too many changes at once, looking through it again", lib->path);
        lib->rescan = true;
    } else if (ev->len > 0) {
        /* Our descriptor keeps a deleted directory in being, so that it causes no event itself;
         * but its files go first. */
        if ((ev->mask & (IN_DELETE | IN_MOVED_FROM)) != 0)
            lib->check_us = clock_mono_us() + CHECK_US;
        if (strcmp(ev->name, "rfc-index.txt") == 0)
            library_load_titles(lib);
        else
            library_look(lib, ev->name);
    } else if ((ev->mask & (IN_MOVE_SELF | IN_DELETE_SELF | IN_UNMOUNT)) != 0) {
        on_gone(lib);
    }
}

void watch_read(struct library *lib)
{
    if (lib->watch_fd < 0)
        return;
    if (lib->gone) { /* it may go on elsewhere: no longer of interest */
        (void)close(lib->watch_fd);
        lib->watch_fd = -1;
        return;
    }
    union {
        char bytes[16384];
        struct inotify_event align;
    } buf;
    ssize_t n = read(lib->watch_fd, &buf, sizeof buf);
    for (size_t at = 0; n > 0 && at < (size_t)n && !lib->gone;) {
        const struct inotify_event *ev = (const void *)(buf.bytes + at);
        on_event(lib, ev);
        at += sizeof *ev + ev->len;
    }
}
