/* Draws what `get` has done so far. Thread "progress"; counts come from the peer's threads. */
#include "progress.h"

#include "p2pdi/base/clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define REDRAW_US (100 * CLOCK_US_PER_MS)

bool progress_is_wanted(void)
{
    const char *term = getenv("TERM");
    return isatty(STDERR_FILENO) == 1 && term != NULL && strcmp(term, "dumb") != 0;
}

void progress_terminal_size(size_t *columns, size_t *rows)
{
    struct winsize w;
    bool known = ioctl(STDERR_FILENO, TIOCGWINSZ, &w) == 0 && w.ws_col > 0 && w.ws_row > 0;

    *columns = known ? w.ws_col : 80;
    *rows = known ? w.ws_row : 24;
}

/* Whole seconds, or minutes: more would only flicker. */
static void format_eta(char out[TEXT_HUMAN_SIZE], int64_t left_us)
{
    int64_t left_s = (left_us + CLOCK_US_PER_S - 1) / CLOCK_US_PER_S;
    if (left_s < 60)
        snprintf(out, TEXT_HUMAN_SIZE, "%ds", (int)left_s);
    else
        text_human_duration_us(left_s * CLOCK_US_PER_S, out);
}

void progress_format(char out[PROGRESS_LINE_SIZE], size_t columns, size_t finished, size_t total,
                     uint64_t bytes, int64_t elapsed_us)
{
    char size[TEXT_HUMAN_SIZE], rate[TEXT_HUMAN_SIZE], eta[TEXT_HUMAN_SIZE] = "-";
    double seconds = elapsed_us > 0 ? (double)elapsed_us / 1e6 : 1e-6;

    if (total == 0) {
        snprintf(out, PROGRESS_LINE_SIZE, "%.*s", columns > 1 ? (int)columns - 1 : 0,
                 "looking for holders");
        return;
    }
    text_human_bytes(bytes, size);
    text_human_bytes((uint64_t)((double)bytes / seconds), rate);
    if (finished > 0)
        format_eta(eta,
                   (int64_t)((double)elapsed_us * (double)(total - finished) / (double)finished));
    int used = snprintf(out, PROGRESS_LINE_SIZE, "%zu/%zu files  %s  %s/s  eta %s  ", finished,
                        total, size, rate, eta);
    size_t end = used < 0 ? 0 : (size_t)used;
    size_t most = columns > 0 && columns < PROGRESS_LINE_SIZE ? columns - 1 : 79;
    if (end + 12 <= most) {
        size_t room = most - end - 2;
        size_t filled = room * finished / total;
        out[end++] = '[';
        memset(out + end, '#', filled);
        memset(out + end + filled, '.', room - filled);
        end += room;
        out[end++] = ']';
    }
    out[end < most ? end : most] = '\0';
}

static bool add_running(void *arg, const struct peer_transfer *t)
{
    uint64_t *bytes = arg;
    if (!t->done)
        *bytes += t->have_bytes;
    return true;
}

uint64_t progress_bytes(struct progress *p, uint64_t running)
{
    lock_acquire(&p->lock);
    uint64_t bytes = p->bytes + running;
    lock_release(&p->lock);
    if (bytes > p->shown)
        p->shown = bytes;
    return p->shown;
}

static void draw(struct progress *p)
{
    char line[PROGRESS_LINE_SIZE];
    struct peer_status status;
    uint64_t running = 0;
    size_t columns = 0, rows = 0;

    peer_status(p->peer, &status);
    peer_walk_transfers(p->peer, add_running, &running);
    uint64_t bytes = progress_bytes(p, running);
    lock_acquire(&p->lock);
    size_t finished = p->finished;
    lock_release(&p->lock);
    /* What is verified and being published is neither pending nor finished: the largest sum is right. */
    if (finished + status.pending > p->total)
        p->total = finished + status.pending;
    progress_terminal_size(&columns, &rows);
    progress_format(line, columns, finished, p->total, bytes, clock_mono_us() - p->start_us);
    events_bar(p->events, slice_of(line));
}

static void run(void *arg)
{
    struct progress *p = arg;
    bool stop = false;

    while (!stop) {
        draw(p);
        int64_t next_us = clock_mono_us() + REDRAW_US;
        lock_acquire(&p->lock);
        while (!p->stop && cond_wait_until(&p->wake, &p->lock, next_us))
            ;
        stop = p->stop;
        lock_release(&p->lock);
    }
}

void progress_init(struct progress *p, struct events *e)
{
    *p = (struct progress){.events = e};
    lock_init(&p->lock);
    cond_init(&p->wake);
}

enum di_err progress_start(struct progress *p, struct peer *peer)
{
    p->peer = peer;
    p->start_us = clock_mono_us();
    return thread_start(&p->thread, "progress", run, p);
}

void progress_stop(struct progress *p)
{
    lock_acquire(&p->lock);
    p->stop = true;
    cond_signal(&p->wake);
    lock_release(&p->lock);
    thread_join(&p->thread);
    events_bar(p->events, (struct slice){"", 0});
}

void progress_fini(struct progress *p)
{
    cond_fini(&p->wake);
    lock_fini(&p->lock);
}

void progress_on_event(struct progress *p, const struct peer_event *ev)
{
    if (ev->kind != PEER_EV_DONE && ev->kind != PEER_EV_FAILED)
        return;
    lock_acquire(&p->lock);
    p->finished++;
    if (ev->kind == PEER_EV_DONE)
        p->bytes += ev->bytes;
    lock_release(&p->lock);
}
