/* The log file of the dashboards: bounded, appended to line by line, with one write each. */
#include "log_file.h"

#include "p2pdi/base/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define LINE_BYTES 8192

static int open_path(const char *path)
{
    return open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
}

enum di_err log_file_open(struct log_file *f, const char *dir)
{
    struct stat st;
    int n = snprintf(f->path, sizeof(f->path), "%s/log", dir);

    f->bytes = 0;
    f->fd = n > 0 && (size_t)n < sizeof(f->path) ? open_path(f->path) : -1;
    if (f->fd < 0)
        return n > 0 && (size_t)n < sizeof(f->path) ? di_err_from_errno(errno) : DI_LIMIT;
    if (fstat(f->fd, &st) == 0 && st.st_size > 0)
        f->bytes = (size_t)st.st_size;
    return DI_OK;
}

void log_file_close(struct log_file *f)
{
    if (f->fd >= 0)
        close(f->fd);
    f->fd = -1;
}

static void turn_over(struct log_file *f)
{
    char old[sizeof(f->path) + 2];

    log_file_close(f);
    snprintf(old, sizeof(old), "%s.1", f->path);
    if (rename(f->path, old) != 0)
        (void)unlink(f->path); /* better none than one that grows */
    f->bytes = 0;
    f->fd = open_path(f->path);
}

void log_file_write(struct log_file *f, enum log_level level, struct slice line)
{
    char text[LINE_BYTES], clean[LINE_BYTES - 64], at[TEXT_RFC3339_SIZE];

    if (f->fd < 0)
        return;
    text_format_rfc3339(clock_wall_s(), at);
    text_clean(clean, sizeof(clean), line);
    size_t n = (size_t)snprintf(text, sizeof(text), "%s %c %s\n", at, "EWID"[level & 3], clean);
    if (f->bytes + n > LOG_FILE_MAX)
        turn_over(f);
    if (f->fd >= 0 && write(f->fd, text, n) == (ssize_t)n)
        f->bytes += n;
}
