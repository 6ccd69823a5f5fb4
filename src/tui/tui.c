/*
 * The screen's thread: sleeps in poll on keyboard, news and signals, fetches snapshots, draws. What a
 * key changed is drawn at once, what others changed at most ten times a second, clocks once a second.
 */
#include "p2pdi/tui/tui.h"

#include "app.h"
#include "p2pdi/base/clock.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#define FRAME_US (100 * CLOCK_US_PER_MS)
#define FIRST_US (3 * CLOCK_US_PER_S) /* without anything to show */

static int64_t now_us(const struct app *a)
{
    return a->cfg->mono_us != NULL ? a->cfg->mono_us(a->cfg->ctx) : clock_mono_us();
}

/* Words for `:`: a first word is a command, the others are its arguments, peers, or RFCs. */
static const char *next_word(void *arg, const char *before, size_t i)
{
    static _Thread_local char number[24];
    const struct app *a = arg;
    const struct snap_content *s = a->moment.content;
    const char *statement = strrchr(before, ';');
    const char *const *list;
    size_t count = 0;

    statement = statement == NULL ? before : statement + 1;

    bool first = statement[strspn(statement, " ")] == '\0';

    list = first ? a->cfg->commands : a->cfg->arguments;
    while (list != NULL && list[count] != NULL)
        count++;
    if (i < count)
        return list[i];
    i -= count;
    if (first || a->cfg->kind != TUI_PEER)
        return NULL;
    if (i < s->peers.count) {
        snprintf(number, sizeof(number), "%u",
                 ((const struct snap_peer *)rows_at(&s->peers, i))->peer);
        return number;
    }
    i -= s->peers.count;
    if (i < s->rfcs.count) {
        snprintf(number, sizeof(number), "%u",
                 ((const struct snap_rfc *)rows_at(&s->rfcs, i))->rfc);
        return number;
    }
    return NULL;
}

/* true: something changed since the one that is shown. */
static bool fetch(struct app *a)
{
    struct snapshot *s = a->cfg->snapshot(a->cfg->ctx);

    a->moment.now_us = now_us(a);
    if (s == NULL)
        return false;
    if (a->snapshot != NULL && s->version == a->snapshot->version) {
        snapshot_unref(s);
        return false;
    }

    struct snapshot *old = a->snapshot;

    a->snapshot = s;
    a->moment.content = &s->content;
    dash_update(&a->dash, a->moment.content, a->moment.now_us);
    snapshot_unref(old); /* no table looks at it any more */
    return true;
}

static void drain(int fd)
{
    char bytes[256];

    while (read(fd, bytes, sizeof(bytes)) == (ssize_t)sizeof(bytes))
        ;
}

static void on_signals(struct app *a, int fd)
{
    struct signalfd_siginfo si;

    while (read(fd, &si, sizeof(si)) == (ssize_t)sizeof(si)) {
        if (si.ssi_signo == SIGTSTP) {
            act_suspend(a);
        } else if (si.ssi_signo == SIGCONT) {
            /* Somebody else had the terminal. */
            screen_leave();
            screen_return();
        }
        screen_fit();
        a->dirty = true;
    }
}

/* false: the terminal is gone. */
static bool on_keys(struct app *a)
{
    uint32_t ch;
    int key;

    while (!a->over && (key = screen_key(&ch)) != -1) {
        if (key == -2)
            return false;
        app_key(a, key, ch);
    }
    return true;
}

enum source { FROM_KEYS, FROM_SIGNALS, FROM_WAKE, SOURCES };

static enum di_err loop(struct app *a, int signals)
{
    int64_t began_us = clock_mono_us();
    int64_t drawn_us = 0, looked_us = 0; /* last frame; last look at the snapshot */
    bool news = true;                    /* something to fetch */

    while (!a->over) {
        int64_t now = clock_mono_us();
        bool running = a->moment.content != NULL &&
                       (a->moment.content->peer.active > 0 || a->moment.content->demo.running);

        if (news && now - looked_us >= FRAME_US) {
            a->dirty = fetch(a) || a->dirty;
            looked_us = now;
            news = false;
        }
        /* Clocks: TTLs each second, the timers of running transfers each frame. */
        if (now - drawn_us >= (running ? FRAME_US : CLOCK_US_PER_S)) {
            if (!news && now - looked_us >= (running ? FRAME_US : CLOCK_US_PER_S)) {
                a->dirty = fetch(a) || a->dirty;
                looked_us = now;
            }
            a->dirty = true;
        }
        if (a->dirty && a->snapshot != NULL) {
            a->moment.now_us = now_us(a);
            app_draw(a);
            drawn_us = clock_mono_us();
        }

        int64_t next = drawn_us + (running ? FRAME_US : CLOCK_US_PER_S);

        if (a->snapshot == NULL || (news && looked_us + FRAME_US < next))
            next = looked_us + FRAME_US;

        int64_t wait_us = next - clock_mono_us();
        struct pollfd fds[SOURCES] = {
            [FROM_KEYS] = {.fd = a->snapshot == NULL ? -1 : a->cfg->in_fd, .events = POLLIN},
            [FROM_SIGNALS] = {.fd = signals, .events = POLLIN},
            /* While news wait for their frame, more of them are of no interest. */
            [FROM_WAKE] = {.fd = news ? -1 : a->cfg->wake_fd, .events = POLLIN},
        };

        if (poll(fds, SOURCES, wait_us <= 0 ? 0 : (int)(wait_us / 1000) + 1) < 0 && errno != EINTR)
            return DI_IO;
        if (fds[FROM_WAKE].revents != 0) {
            drain(a->cfg->wake_fd);
            news = true;
        }
        if (a->cfg->stopping != NULL && a->cfg->stopping(a->cfg->ctx))
            return DI_OK;
        if (fds[FROM_SIGNALS].revents != 0)
            on_signals(a, signals);
        if (a->snapshot == NULL) {
            if (clock_mono_us() - began_us >= FIRST_US)
                return DI_NOMEM;
            news = true;
        } else if (fds[FROM_KEYS].revents != 0) {
            a->moment.now_us = now_us(a);
            if (!on_keys(a) || (fds[FROM_KEYS].revents & (POLLHUP | POLLERR)) != 0)
                return DI_CLOSED;
        }
    }
    return a->interrupted ? DI_CANCELLED : DI_OK;
}

enum di_err tui_run(const struct tui_config *cfg, char why[256])
{
    struct app *a = calloc(1, sizeof(*a));
    sigset_t mine, before;
    enum di_err err = DI_NOMEM;

    snprintf(why, 256, "out of memory");
    if (a == NULL)
        return err;
    a->cfg = cfg;
    sigemptyset(&mine);
    sigaddset(&mine, SIGWINCH);
    sigaddset(&mine, SIGCONT);
    sigaddset(&mine, SIGTSTP);
    pthread_sigmask(SIG_BLOCK, &mine, &before);

    int signals = signalfd(-1, &mine, SFD_NONBLOCK | SFD_CLOEXEC);

    if (signals < 0)
        goto out;
    err = screen_start(cfg->in_fd, cfg->out_fd, why);
    if (err != DI_OK)
        goto out;
    dash_init(&a->dash, cfg->kind);
    reader_init(&a->reader);
    prompt_init(&a->prompt, next_word, a);
    a->help.page = 1;
    screen_fit();
    err = loop(a, signals);
    snprintf(why, 256, "%s", di_err_text(err));
    screen_end();
    prompt_fini(&a->prompt);
    reader_fini(&a->reader);
    dash_fini(&a->dash);
    snapshot_unref(a->snapshot);
out:
    if (signals >= 0)
        close(signals);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    free(a);
    return err;
}

bool tui_is_usable(int in_fd, int out_fd, char why[256])
{
    return screen_is_usable(in_fd, out_fd, why);
}
