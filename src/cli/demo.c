/*
 * The demo on a terminal: the laboratory runs in a thread of its own, "lab", and tells here where it
 * stands; the main thread draws. Children die with the thread that started them, so it stays to the end.
 */
#include "demo.h"

#include "signals.h"

#include "p2pdi/base/clock.h"
#include "p2pdi/base/thread.h"
#include "p2pdi/stats/snapshot.h"
#include "p2pdi/tui/tui.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define RATE_US (500 * CLOCK_US_PER_MS) /* between two looks at what has been sent */

/* What had come and gone at the last look. */
struct counted {
    uint64_t down, up;
};

struct demo {
    struct lab_config cfg;
    struct experiment *out;
    const char *program;
    char *why;
    enum di_err err;
    int wake;      /* the screen */
    int interrupt; /* the lab */
    struct thread thread;

    struct lock lock;
    struct snap_board board; /* guarded by lock, as all below */
    struct counted before[EXPERIMENT_PEERS_MAX];
    int64_t counted_at_us;
    bool over;
};

static void tell(struct demo *d)
{
    (void)eventfd_write(d->wake, 1); /* fails only if it is readable anyway */
}

static const char *doing(enum experiment_phase phase)
{
    return phase == EXPERIMENT_PREPARING ? "peers are starting"
           : phase == EXPERIMENT_RUNNING ? "downloading"
                                         : "checking every file";
}

/* ---- the lab's thread -------------------------------------------------------------------------- */

/* The run before, if there was one, is over: what it took stays. */
static void begin_run_locked(struct demo *d, const struct experiment_progress *p)
{
    struct snap_demo *s = &d->board.content.demo;

    lock_assert_held(&d->lock);
    rows_clear(&d->board.content.transfers);
    d->board.content.peer.run_start_us = 0;
    memset(d->before, 0, sizeof(d->before));
    d->counted_at_us = 0;
    memset(s->peer, 0, sizeof(s->peer));
    s->start_us = 0;
    s->task = p->task;
    s->run = p->run;
    s->runs = p->runs;
    s->peers = p->peers;
    s->files = p->files;
    s->up_limit_bps = p->up_bps;
}

/* A point of the peer's curve for each document that has come since. */
static void put_documents_locked(struct demo *d, size_t peer, size_t more, int64_t at_us)
{
    lock_assert_held(&d->lock);
    for (; more > 0; more--) {
        struct snap_transfer *t = rows_append(&d->board.content.transfers);

        if (t == NULL)
            return; /* only the plot suffers */
        t->from = (uint32_t)peer;
        t->state = SNAP_TRANSFER_DONE;
        t->end_us = at_us;
    }
}

static void put_rates_locked(struct demo *d, const struct experiment_progress *p, int64_t now_us)
{
    int64_t us = now_us - d->counted_at_us;

    lock_assert_held(&d->lock);
    if (us < RATE_US)
        return;
    for (size_t i = 0; i < p->peers; i++) {
        struct snap_demo_peer *to = &d->board.content.demo.peer[i];
        struct counted *was = &d->before[i];

        to->down_bps = (p->peer[i].bytes - was->down) * CLOCK_US_PER_S / (uint64_t)us;
        to->up_bps = (p->peer[i].sent - was->up) * CLOCK_US_PER_S / (uint64_t)us;
        *was = (struct counted){p->peer[i].bytes, p->peer[i].sent};
    }
    d->counted_at_us = now_us;
}

static void on_progress(void *arg, const struct experiment_progress *p)
{
    struct demo *d = arg;
    struct snap_demo *s = &d->board.content.demo;
    int64_t now_us = clock_mono_us();

    lock_acquire(&d->lock);
    if (s->run != p->run)
        begin_run_locked(d, p);
    s->running = p->phase == EXPERIMENT_RUNNING;
    s->registered = p->registered;
    snprintf(s->doing, sizeof(s->doing), "%s", doing(p->phase));
    if (s->running && s->start_us == 0) {
        s->start_us = now_us - p->elapsed_us;
        d->board.content.peer.run_start_us = s->start_us;
        d->counted_at_us = s->start_us;
    }
    for (size_t i = 0; i < p->peers; i++) {
        struct snap_demo_peer *to = &s->peer[i];

        put_documents_locked(d, i, p->peer[i].done - to->done, s->start_us + p->elapsed_us);
        to->downloads = p->peer[i].downloads;
        to->done = p->peer[i].done;
        if (to->downloads && to->done >= p->files && to->end_us == 0)
            to->end_us = p->elapsed_us;
        if (to->end_us > s->took_us[p->task] && p->phase != EXPERIMENT_RUNNING)
            s->took_us[p->task] = to->end_us;
        if (!s->running)
            to->down_bps = to->up_bps = 0;
    }
    if (s->running)
        put_rates_locked(d, p, now_us);
    snap_board_touch(&d->board);
    lock_release(&d->lock);
    tell(d);
}

static void run_lab(void *arg)
{
    struct demo *d = arg;
    struct buf text;

    d->err = lab_experiment(&d->cfg, d->out, d->why);
    buf_init(&text, (size_t)64 << 10);
    if (d->err == DI_OK)
        report_demo(&text, d->out, d->program);
    lock_acquire(&d->lock);
    struct snap_demo *s = &d->board.content.demo;
    if (d->err == DI_OK)
        s->text = shared_text_new((struct slice){buf_bytes(&text), text.len});
    s->running = false;
    d->over = d->err != DI_OK; /* what went wrong is said below the screen */
    snap_board_touch(&d->board);
    lock_release(&d->lock);
    buf_fini(&text);
    tell(d);
}

/* ---- the main thread --------------------------------------------------------------------------- */

static struct snapshot *snapshot(void *ctx)
{
    struct demo *d = ctx;

    lock_acquire(&d->lock);
    struct snapshot *s = snap_board_snapshot(&d->board);
    lock_release(&d->lock);
    return s;
}

static bool stopping(void *ctx)
{
    struct demo *d = ctx;

    lock_acquire(&d->lock);
    bool over = d->over;
    lock_release(&d->lock);
    return over || signals_exit_code() != 0;
}

static void on_signal(void *arg)
{
    struct demo *d = arg;

    (void)eventfd_write(d->interrupt, 1);
    tell(d);
}

enum di_err demo_show(const struct lab_config *cfg, const char *program, struct experiment *out,
                      char why[512])
{
    struct demo *d = calloc(1, sizeof(*d));
    struct tui_config screen = {.kind = TUI_DEMO,
                                .in_fd = STDIN_FILENO,
                                .out_fd = STDOUT_FILENO,
                                .ctx = d,
                                .snapshot = snapshot,
                                .stopping = stopping};
    char trouble[256] = "";

    if (d == NULL)
        return DI_NOMEM;
    d->cfg = *cfg;
    d->out = out;
    d->program = program;
    d->why = why;
    d->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    d->interrupt = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    lock_init(&d->lock);
    snap_board_init(&d->board);

    enum di_err err = d->wake < 0 || d->interrupt < 0 ? DI_LIMIT : DI_OK;

    d->cfg.on_progress = on_progress;
    d->cfg.arg = d;
    d->cfg.interrupt_fd = d->interrupt;
    screen.wake_fd = d->wake;
    if (err == DI_OK)
        err = thread_start(&d->thread, "lab", run_lab, d);
    if (err == DI_OK) {
        signals_notify(on_signal, d);
        err = tui_run(&screen, trouble);
        signals_notify(NULL, NULL);
        (void)eventfd_write(d->interrupt, 1); /* nobody looks any more */
        thread_join(&d->thread);
        if (err == DI_INVALID)
            snprintf(why, 512, "%s", trouble);
        else
            err = d->err;
    }
    snap_board_fini(&d->board);
    lock_fini(&d->lock);
    if (d->wake >= 0)
        close(d->wake);
    if (d->interrupt >= 0)
        close(d->interrupt);
    free(d);
    return err;
}
