/* Reads standard input. Main thread. */
#include "input.h"

#include "signals.h"

#include "p2pdi/base/clock.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#define READ_BYTES ((size_t)64 << 10)

void input_init(struct input *in, bool keep)
{
    *in = (struct input){.keep = keep};
    buf_init(&in->held, INPUT_MAX);
}

void input_fini(struct input *in)
{
    buf_fini(&in->held);
}

/* Until there is something to read, a signal, or the deadline. LINE: read now. */
static enum input_event wait_readable(bool input, int64_t deadline_us)
{
    for (;;) {
        struct pollfd fds[2] = {{.fd = signals_fd(), .events = POLLIN},
                                {.fd = STDIN_FILENO, .events = POLLIN}};
        int timeout_ms = -1;
        if (deadline_us != INT64_MAX) {
            int64_t left_us = deadline_us - clock_mono_us();
            if (left_us <= 0)
                return INPUT_TIMEOUT;
            int64_t left_ms = (left_us + CLOCK_US_PER_MS - 1) / CLOCK_US_PER_MS;
            timeout_ms = left_ms > 3600000 ? 3600000 : (int)left_ms;
        }
        int n = poll(fds, input ? 2 : 1, timeout_ms);
        /* Waiting that fails is no end of the input: who only holds on would be back at once. */
        if (n < 0 && signals_exit_code() != 0)
            return INPUT_SIGNAL;
        if (n < 0 && errno != EINTR)
            clock_nap();
        if (n > 0 && fds[0].revents != 0)
            return INPUT_SIGNAL;
        if (n > 0 && input && fds[1].revents != 0)
            return INPUT_LINE;
    }
}

/* Reads what is there; waits if nothing is. LINE: something came. */
static enum input_event read_more(struct input *in)
{
    static char waste[READ_BYTES];
    enum input_event ev = wait_readable(true, INT64_MAX);
    if (ev != INPUT_LINE)
        return ev;
    char *room = in->keep ? buf_reserve(&in->held, READ_BYTES) : waste;
    if (room == NULL)
        return INPUT_TOO_LONG;
    ssize_t n = read(STDIN_FILENO, room, READ_BYTES);
    if (n < 0 && (errno == EINTR || errno == EAGAIN))
        return INPUT_LINE;
    if (n <= 0) {
        in->ended = true;
        return INPUT_END;
    }
    if (in->keep)
        buf_commit(&in->held, (size_t)n);
    return INPUT_LINE;
}

enum input_event input_line(struct input *in, struct slice *line)
{
    for (;;) {
        struct slice held = {buf_bytes(&in->held), in->held.len};
        const char *end = memchr(held.p, '\n', held.n);
        if (end != NULL || (in->ended && held.n > 0)) {
            *line = (struct slice){held.p, end == NULL ? held.n : (size_t)(end - held.p)};
            buf_consume(&in->held, line->n + (end == NULL ? 0 : 1));
            return INPUT_LINE;
        }
        if (in->ended)
            return INPUT_END;
        enum input_event ev = read_more(in);
        if (ev != INPUT_LINE && ev != INPUT_END)
            return ev;
    }
}

static bool is_dev_null(void)
{
    struct stat st;
    return fstat(STDIN_FILENO, &st) == 0 && S_ISCHR(st.st_mode) && st.st_rdev == makedev(1, 3);
}

enum input_event input_wait_end(struct input *in)
{
    if (is_dev_null())
        return wait_readable(false, INT64_MAX);
    while (!in->ended) {
        enum input_event ev = read_more(in);
        if (ev == INPUT_SIGNAL || ev == INPUT_TOO_LONG)
            return ev;
    }
    return INPUT_END;
}

enum input_event input_sleep(int64_t us)
{
    int64_t now_us = clock_mono_us();
    return wait_readable(false, us > INT64_MAX - 1 - now_us ? INT64_MAX - 1 : now_us + us);
}
