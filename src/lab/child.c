/* Child processes and their pipes. The lab's thread; nothing here waits. */
#include "child.h"

#include "p2pdi/base/text.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define LINE_BYTES_MAX (4u << 20)

void child_init(struct child *c)
{
    *c = (struct child){.in = -1, .out = -1};
    buf_init(&c->to, LINE_BYTES_MAX);
    buf_init(&c->from, LINE_BYTES_MAX);
}

/* Between fork and exec of a process that may have threads: only calls that are safe there. */
static void become(const char *program, const char *const argv[], const int fds[3], pid_t parent)
{
    union {
        const char *const *given;
        char *const *wanted; /* execv promises not to write, but cannot say so */
    } args = {argv};
    sigset_t none;

    /* A group of its own: an interrupt from the keyboard is for the lab, which ends its children. */
    setpgid(0, 0);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(127);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    signal(SIGPIPE, SIG_DFL);
    for (int i = 0; i < 3; i++) {
        if (dup2(fds[i], i) < 0)
            _exit(127);
    }
    execvp(program, args.wanted);
    _exit(127);
}

static void close_pair(int fds[2])
{
    for (int i = 0; i < 2; i++) {
        if (fds[i] >= 0)
            close(fds[i]);
    }
}

enum di_err child_start(struct child *c, const char *program, const char *const argv[],
                        const char *log)
{
    int in[2] = {-1, -1}, out[2] = {-1, -1}, err_fd = -1;
    enum di_err err = DI_OK;
    pid_t parent = getpid();

    snprintf(c->log, sizeof(c->log), "%s", log);
    if (pipe2(in, O_CLOEXEC) != 0 || pipe2(out, O_CLOEXEC) != 0)
        goto failed;
    err_fd = open(log, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0600);
    if (err_fd < 0 || fcntl(in[1], F_SETFL, O_NONBLOCK) != 0 ||
        fcntl(out[0], F_SETFL, O_NONBLOCK) != 0)
        goto failed;

    c->pid = fork();
    if (c->pid == 0)
        become(program, argv, (int[]){in[0], out[1], err_fd}, parent);
    if (c->pid < 0) {
        c->pid = 0;
        goto failed;
    }
    c->in = in[1];
    c->out = out[0];
    in[1] = out[0] = -1;
    goto done;
failed:
    err = di_err_from_errno(errno);
done:
    close_pair(in);
    close_pair(out);
    if (err_fd >= 0)
        close(err_fd);
    return err;
}

static void close_fd(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

void child_fini(struct child *c)
{
    close_fd(&c->in);
    close_fd(&c->out);
    if (c->pid > 0) {
        kill(c->pid, SIGKILL);
        while (waitpid(c->pid, &c->status, 0) < 0 && errno == EINTR)
            ;
        c->pid = 0;
    }
    buf_fini(&c->to);
    buf_fini(&c->from);
}

void child_send(struct child *c, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    buf_vprintf(&c->to, fmt, ap);
    va_end(ap);
    buf_append_char(&c->to, '\n');
}

void child_close_input(struct child *c)
{
    c->closing = true;
    if (c->to.len == 0)
        close_fd(&c->in);
}

void child_poll(const struct child *c, struct pollfd fds[2])
{
    fds[0] = (struct pollfd){.fd = c->to.len > 0 ? c->in : -1, .events = POLLOUT};
    fds[1] = (struct pollfd){.fd = c->out, .events = POLLIN};
}

/* SIGPIPE is ignored or blocked by the lab; a child that reads no more ends soon, with its reason. */
static enum di_err write_some(struct child *c)
{
    ssize_t n = write(c->in, buf_bytes(&c->to), c->to.len);

    if (n > 0)
        buf_consume(&c->to, (size_t)n);
    else if (n < 0 && errno == EPIPE)
        buf_clear(&c->to);
    else if (n < 0 && errno != EAGAIN && errno != EINTR)
        return di_err_from_errno(errno); /* it would wait for ever for what it was not told */
    if (c->to.len == 0 && c->closing)
        close_fd(&c->in);
    return DI_OK;
}

static enum di_err read_some(struct child *c)
{
    char *room = buf_reserve(&c->from, 65536);
    ssize_t n;

    if (room == NULL)
        return buf_status(&c->from);
    n = read(c->out, room, 65536);
    if (n > 0)
        buf_commit(&c->from, (size_t)n);
    else if (n == 0)
        close_fd(&c->out);
    else if (errno != EAGAIN && errno != EINTR)
        return di_err_from_errno(errno);
    return DI_OK;
}

enum di_err child_handle(struct child *c, const struct pollfd fds[2])
{
    if (buf_status(&c->to) != DI_OK)
        return buf_status(&c->to);
    enum di_err err = c->in >= 0 && fds[0].revents != 0 ? write_some(c) : DI_OK;
    if (err != DI_OK)
        return err;
    return c->out >= 0 && fds[1].revents != 0 ? read_some(c) : DI_OK;
}

bool child_reap(struct child *c)
{
    if (c->ended)
        return true;
    if (c->pid <= 0 || c->out >= 0 || waitpid(c->pid, &c->status, WNOHANG) != c->pid)
        return false;
    c->pid = 0;
    c->ended = true;
    close_fd(&c->in);
    return true;
}

char *child_line(struct child *c)
{
    char *line = c->from.data + c->from.start;
    char *end = c->from.len == 0 ? NULL : memchr(line, '\n', c->from.len);

    if (end == NULL)
        return NULL;
    *end = '\0';
    buf_consume(&c->from, (size_t)(end - line) + 1);
    return line;
}

void child_last_words(const struct child *c, char out[200])
{
    char tail[1024];
    int fd = open(c->log, O_RDONLY | O_CLOEXEC);
    ssize_t n = 0;

    out[0] = '\0';
    if (fd < 0)
        return;

    off_t size = lseek(fd, 0, SEEK_END);

    n = pread(fd, tail, sizeof(tail), size > (off_t)sizeof(tail) ? size - (off_t)sizeof(tail) : 0);
    close(fd);
    while (n > 0 && tail[n - 1] == '\n')
        n--;

    ssize_t start = n;

    while (start > 0 && tail[start - 1] != '\n')
        start--;
    text_clean(out, 200, (struct slice){tail + start, (size_t)(n - start)});
}
