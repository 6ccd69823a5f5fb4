/* What waits to be written, and the thread "output" that writes it. The lock is not held meanwhile. */
#include "event_writer.h"

#include "signals.h"

#include "p2pdi/base/clock.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LOOK_US (50 * CLOCK_US_PER_MS) /* so often it is looked whether a signal came */
#define GRACE_US (500 * CLOCK_US_PER_MS)
#define KICK_US (20 * CLOCK_US_PER_MS)
#define KICK_SIGNAL SIGUSR2
/* What may wait goes out with what follows, so long after the last: not a wake-up and a write for each. */
#define GATHER_US (5 * CLOCK_US_PER_MS)
#define PIECE_SIZE ((size_t)4 << 10) /* at least */

/* Some lines, to be written as one. */
struct event_text {
    struct event_text *next;
    int fd;
    size_t len, size;
    char bytes[];
};

/* 0 or an errno. */
static int write_all(struct event_writer *w, int fd, const char *bytes, size_t len)
{
    while (len > 0 && !w->gave_up) {
        ssize_t n = write(fd, bytes, len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return errno;
        bytes += n;
        len -= (size_t)n;
    }
    return 0;
}

static void note_locked(struct event_writer *w, int fd, int errnum)
{
    if (errnum == 0 || fd != STDOUT_FILENO || w->broken)
        return;
    w->broken = true;
    w->gone = errnum == EPIPE;
}

static void write_first_locked(struct event_writer *w)
{
    struct event_text *t = w->first;
    int errnum = 0;

    w->first = t->next; /* nobody adds to it any more */
    if (w->first == NULL) {
        w->last = NULL;
        w->hurry = false;
    }
    if (t->fd != STDOUT_FILENO || !w->broken) {
        lock_release(&w->lock);
        errnum = write_all(w, t->fd, t->bytes, t->len);
        lock_acquire(&w->lock);
    }
    note_locked(w, t->fd, errnum);
    w->bytes -= t->len;
    free(t);
    cond_broadcast(&w->less);
}

static void run(void *arg)
{
    struct event_writer *w = arg;
    sigset_t kick;

    sigemptyset(&kick);
    sigaddset(&kick, KICK_SIGNAL);
    (void)pthread_sigmask(SIG_UNBLOCK, &kick, NULL);
    int64_t due_us = 0;
    lock_acquire(&w->lock);
    while (!w->gave_up && (w->first != NULL || !w->closing)) {
        if (w->first == NULL) {
            cond_wait(&w->more, &w->lock);
        } else if (!w->hurry && !w->closing && clock_mono_us() < due_us) {
            (void)cond_wait_until(&w->more, &w->lock, due_us);
        } else {
            write_first_locked(w);
            if (w->first == NULL)
                due_us = clock_mono_us() + GATHER_US;
        }
    }
    w->ended = true;
    cond_broadcast(&w->less);
    lock_release(&w->lock);
}

/* For the thread to get on. *until_us is 0 at first; false: it is not waited for any more. */
static bool wait_locked(struct event_writer *w, int64_t *until_us)
{
    int64_t now_us = clock_mono_us();

    if (*until_us == 0 && signals_exit_code() != 0)
        *until_us = now_us + GRACE_US;
    if (*until_us != 0 && now_us >= *until_us)
        w->gave_up = true;
    if (w->gave_up)
        return false;
    w->hurry = true;
    cond_signal(&w->more);
    (void)cond_wait_until(&w->less, &w->lock, now_us + LOOK_US);
    return true;
}

/* Where len bytes for fd have room behind all that waits; NULL: no memory. */
static struct event_text *room_locked(struct event_writer *w, int fd, size_t len)
{
    struct event_text *t = w->last;

    if (t != NULL && t->fd == fd && t->size - t->len >= len)
        return t;
    size_t size = len > PIECE_SIZE ? len : PIECE_SIZE;
    t = malloc(sizeof(*t) + size);
    if (t == NULL)
        return NULL;
    *t = (struct event_text){.fd = fd, .size = size};
    if (w->last != NULL)
        w->last->next = t;
    else
        w->first = t;
    w->last = t;
    return t;
}

static void append_locked(struct event_writer *w, int fd, const char *text, size_t len, bool hurry)
{
    bool first = w->first == NULL;
    struct event_text *t = room_locked(w, fd, len);

    if (t == NULL) {
        note_locked(w, fd, ENOMEM);
        return;
    }
    memcpy(t->bytes + t->len, text, len);
    t->len += len;
    w->bytes += len;
    if (first || (hurry && !w->hurry))
        cond_signal(&w->more);
    w->hurry = w->hurry || hurry;
}

void event_writer_put(struct event_writer *w, int fd, const char *text, size_t len, bool hurry)
{
    int64_t until_us = 0;

    lock_acquire(&w->lock);
    while (w->bytes > 0 && w->bytes + len > EVENT_WRITER_MAX && wait_locked(w, &until_us))
        ;
    bool is_wanted = len > 0 && !w->gave_up && !(fd == STDOUT_FILENO && w->broken);
    if (is_wanted && w->thread.started)
        append_locked(w, fd, text, len, hurry);
    else if (is_wanted)
        note_locked(w, fd, write_all(w, fd, text, len));
    lock_release(&w->lock);
}

void event_writer_break(struct event_writer *w)
{
    lock_acquire(&w->lock);
    note_locked(w, STDOUT_FILENO, ENOMEM);
    lock_release(&w->lock);
}

void event_writer_flush(struct event_writer *w)
{
    int64_t until_us = 0;

    lock_acquire(&w->lock);
    while (w->bytes > 0 && wait_locked(w, &until_us))
        ;
    lock_release(&w->lock);
}

void event_writer_init(struct event_writer *w)
{
    *w = (struct event_writer){.first = NULL};
    lock_init(&w->lock);
    cond_init(&w->more);
    cond_init(&w->less);
    if (thread_start(&w->thread, "output", run, w) != DI_OK)
        w->thread.started = false;
}

static void wake(int sig)
{
    (void)sig;
}

/* A write that nobody takes anything from returns for a signal: again, if it had not begun yet. */
static void kick_locked(struct event_writer *w)
{
    struct sigaction a = {.sa_handler = wake};

    sigemptyset(&a.sa_mask);
    (void)sigaction(KICK_SIGNAL, &a, NULL);
    while (!w->ended) {
        (void)pthread_kill(w->thread.id, KICK_SIGNAL);
        (void)cond_wait_until(&w->less, &w->lock, clock_mono_us() + KICK_US);
    }
}

bool event_writer_fini(struct event_writer *w)
{
    int64_t until_us = 0;

    lock_acquire(&w->lock);
    w->closing = true;
    cond_signal(&w->more);
    while (w->thread.started && !w->ended && wait_locked(w, &until_us))
        ;
    if (w->thread.started && !w->ended)
        kick_locked(w);
    lock_release(&w->lock);
    thread_join(&w->thread);
    while (w->first != NULL) {
        struct event_text *t = w->first;
        w->first = t->next;
        free(t);
    }
    cond_fini(&w->less);
    cond_fini(&w->more);
    lock_fini(&w->lock);
    return !w->broken || w->gone || w->gave_up;
}
