/* The signal thread ("signals"). */
#include "signals.h"

#include "p2pdi/base/thread.h"
#include "p2pdi/tui/tui.h"

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/eventfd.h>
#include <unistd.h>

static sigset_t awaited;
static struct thread waiter;
static int event_fd = -1;
static _Atomic(int) exit_code;

static struct lock notify_lock = LOCK_INITIALIZER;
static void (*notify_fn)(void *arg);
static void *notify_arg;
static bool notifying; /* notify_fn is running: its arg must stay */
static struct cond notified;

static void notify(void)
{
    lock_acquire(&notify_lock);
    void (*fn)(void *arg) = notify_fn;
    void *arg = notify_arg;
    notify_fn = NULL;
    notifying = true;
    lock_release(&notify_lock);
    if (fn != NULL)
        fn(arg);
    lock_acquire(&notify_lock);
    notifying = false;
    cond_broadcast(&notified);
    lock_release(&notify_lock);
}

static void wait_for_signals(void *arg)
{
    (void)arg;
    for (;;) {
        int sig = 0;
        if (sigwait(&awaited, &sig) != 0)
            continue;
        if (sig == SIGUSR1)
            return; /* signals_stop */
        int code = sig == SIGINT ? 130 : 143;
        int none = 0;
        if (!atomic_compare_exchange_strong(&exit_code, &none, code)) {
            tui_restore(); /* who asks twice does not want to wait, but wants the terminal */
            _exit(code);
        }
        if (eventfd_write(event_fd, 1) != 0)
            _exit(code); /* cannot happen with a counter at 0 */
        notify();
    }
}

enum di_err signals_start(void)
{
    struct sigaction hup;

    cond_init(&notified);
    (void)signal(SIGPIPE, SIG_IGN);
    (void)signal(SIGXFSZ, SIG_IGN); /* beyond ulimit -f: an error, as on a full disk */
    sigemptyset(&awaited);
    sigaddset(&awaited, SIGINT);
    sigaddset(&awaited, SIGTERM);
    sigaddset(&awaited, SIGUSR1);
    /* Shells start background jobs with SIGINT ignored, yet `kill -INT` means us; nohup is to be heeded. */
    if (sigaction(SIGHUP, NULL, &hup) == 0 && hup.sa_handler != SIG_IGN)
        sigaddset(&awaited, SIGHUP);
    if (pthread_sigmask(SIG_BLOCK, &awaited, NULL) != 0)
        return DI_INVALID;
    /* POSIX lets the system drop an ignored signal before sigwait sees it; blocked they are already. */
    (void)signal(SIGINT, SIG_DFL);
    (void)signal(SIGTERM, SIG_DFL);
    event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (event_fd < 0)
        return di_err_from_errno(errno);
    return thread_start(&waiter, "signals", wait_for_signals, NULL);
}

void signals_stop(void)
{
    if (waiter.started)
        (void)pthread_kill(waiter.id, SIGUSR1);
    thread_join(&waiter);
    if (event_fd >= 0)
        close(event_fd);
    event_fd = -1;
    cond_fini(&notified);
}

int signals_exit_code(void)
{
    return atomic_load(&exit_code);
}

int signals_fd(void)
{
    return event_fd;
}

void signals_notify(void (*fn)(void *arg), void *arg)
{
    lock_acquire(&notify_lock);
    while (notifying)
        cond_wait(&notified, &notify_lock);
    notify_fn = fn;
    notify_arg = arg;
    bool late = signals_exit_code() != 0;
    lock_release(&notify_lock);
    if (late)
        notify();
}
