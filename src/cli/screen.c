/*
 * The dashboards. The main thread draws; "command" carries out lines of the batch language one after
 * another, "command 2" to "command 4" those that take long (get, wait), so that a key is not stuck
 * behind a download. What is said goes to the log pane.
 */
#include "screen.h"

#include "batch.h"
#include "input.h"
#include "log_file.h"
#include "script.h"
#include "signals.h"

#include "p2pdi/base/clock.h"
#include "p2pdi/stats/snapshot.h"
#include "p2pdi/tui/tui.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>
#include <utlist.h>

#define WORKERS 4 /* the first one for what is quick */
#define LINES_MAX 256

struct line {
    struct line *prev, *next;
    bool asked; /* by the user */
    char text[];
};

struct worker {
    struct screen *screen;
    struct thread thread;
};

struct screen {
    struct events *events;
    struct peer_view *view; /* of a peer */
    struct peer *peer;
    struct rs *rs;
    int wake;
    _Atomic(bool) quit;  /* by a command */
    struct log_file log; /* guarded by the lock of events */
    struct worker workers[WORKERS];

    struct lock lock;
    struct cond work;
    struct line *quick, *slow; /* guarded by lock, as all below */
    size_t lines;
    bool stop;
};

bool screen_is_wanted(const struct options *o, const struct events *e)
{
    (void)o;
    return !e->json && isatty(STDIN_FILENO) == 1 && isatty(STDOUT_FILENO) == 1;
}

enum cli_exit screen_check(const struct options *o, struct problem *p)
{
    char why[256] = "";

    if (tui_is_usable(STDIN_FILENO, STDOUT_FILENO, why))
        return CLI_EXIT_OK;
    problem_set(p, "", why, "the dashboard cannot be shown");
    snprintf(p->hint, sizeof(p->hint), "p2pdi %s </dev/null, which needs no screen",
             command_info(o->command)->name);
    return CLI_EXIT_USAGE;
}

/* What this thread says is the answer to a line of the user's, who may not see the log. */
static _Thread_local bool answering;

/* ---- news -------------------------------------------------------------------------------------- */

void screen_on_news(void *arg)
{
    struct screen *s = arg;

    (void)eventfd_write(s->wake, 1); /* fails only if it is readable anyway */
}

void screen_on_event(void *arg, const struct peer_event *ev)
{
    struct screen *s = arg;

    peer_view_on_event(s->view, ev);
    events_peer(s->events, ev);
}

void screen_on_trace(void *arg, bool received, const struct addr *remote, const char *bytes,
                     size_t len)
{
    events_trace(((struct screen *)arg)->events, received, remote, bytes, len);
}

static enum snap_level level_of(enum log_level level)
{
    static const enum snap_level levels[] = {[LOG_ERROR] = SNAP_ERROR,
                                             [LOG_WARN] = SNAP_WARN,
                                             [LOG_INFO] = SNAP_INFO,
                                             [LOG_DEBUG] = SNAP_DEBUG};

    return level == LOG_INFO && answering ? SNAP_ANSWER : levels[level];
}

static void on_peer_line(void *arg, enum log_level level, struct slice line)
{
    struct screen *s = arg;

    peer_view_log(s->view, (int)level_of(level), line);
    log_file_write(&s->log, level, line);
}

static void on_rs_line(void *arg, enum log_level level, struct slice line)
{
    struct screen *s = arg;

    rs_view_log(s->rs, (int)level_of(level), line);
    log_file_write(&s->log, level, line);
}

/* From now on lines go to the pane and, if it can be written, to the file; which says where it is. */
static void take_lines(struct screen *s, const char *dir, events_line_fn *line)
{
    enum di_err err = log_file_open(&s->log, dir);

    events_redirect(s->events, line, s);
    if (err == DI_OK)
        events_say(s->events, "this log is kept in %s", s->log.path);
    else
        log_write(LOG_WARN, "no log file in %s: %s", dir, di_err_text(err));
}

static void on_signal(void *arg)
{
    struct screen *s = arg;

    if (s->peer != NULL)
        peer_cancel(s->peer);
    screen_on_news(s);
}

/* ---- commands ---------------------------------------------------------------------------------- */

/* Numbers are told when they change; who asks for them is told in any case. */
static void forget_numbers(struct events *e)
{
    lock_acquire(&e->lock);
    e->peers = e->rfcs = SIZE_MAX;
    lock_release(&e->lock);
}

/* In a script what goes well may go without a word. */
static void tell_done(struct screen *s, enum batch_verb verb, bool was_registered)
{
    struct peer_status status;

    if (verb == BATCH_KEEPALIVE) {
        peer_status(s->peer, &status);
        events_say(s->events, "registration renewed, TTL %u:%02u:%02u", status.ttl_s / 3600,
                   status.ttl_s / 60 % 60, status.ttl_s % 60);
    } else if (verb == BATCH_SYNC) {
        peer_status(s->peer, &status);
        events_say(s->events, status.syncing ? "sync is on: s turns it off"
                              : status.pending == 0
                                  ? "sync is off"
                                  : "sync is off; what it wanted still comes (x cancels)");
    } else if (verb == BATCH_LEAVE && !was_registered) {
        events_say(s->events, "not registered: nothing to leave");
    } else if (verb == BATCH_HELP) {
        events_say(s->events, "the commands are listed in the log: 4 shows it");
    }
}

static enum cli_exit run_command(struct screen *s, struct script *script, struct slice text)
{
    struct batch_command c;
    char wrong[BATCH_WHY_SIZE];
    const char *hint = NULL;
    bool registered = peer_is_registered(s->peer);

    if (batch_command_parse(text, &c, wrong, &hint) != DI_OK)
        c.verb = BATCH_VERBS; /* the interpreter says it better */
    if (c.verb == BATCH_PQUERY || c.verb == BATCH_RFCQUERY)
        forget_numbers(s->events);
    enum cli_exit code = script_run_text(script, NULL, 1, text);
    if (code == CLI_EXIT_OK && !c.forgiven)
        tell_done(s, c.verb, registered);
    if (c.verb == BATCH_PQUERY) /* whoever has asked once wants to know */
        peer_watch(s->peer);
    batch_command_fini(&c);
    return code;
}

/* Up to the first command that fails, which has been told. */
static void run_line(struct screen *s, struct script *script, const struct line *l)
{
    struct batch_text t = {.rest = slice_of(l->text)};
    struct slice one;
    enum cli_exit code = CLI_EXIT_OK;

    answering = l->asked;
    while (code == CLI_EXIT_OK && !script->quit && batch_text_next(&t, &one))
        code = run_command(s, script, one);
    answering = false;
}

/* Carries out lines of one of the lists until the end. */
static void work(void *arg)
{
    struct worker *w = arg;
    struct screen *s = w->screen;
    struct line **list = w == &s->workers[0] ? &s->quick : &s->slow;
    struct input input;
    struct script script = {.peer = s->peer, .events = s->events, .input = &input};

    input_init(&input, false);
    lock_acquire(&s->lock);
    while (!s->stop) {
        struct line *l = *list;

        if (l == NULL) {
            cond_wait(&s->work, &s->lock);
            continue;
        }
        DL_DELETE(*list, l);
        s->lines--;
        lock_release(&s->lock);
        run_line(s, &script, l); /* what fails, the next line is tried all the same */
        free(l);
        if (script.quit) {
            atomic_store(&s->quit, true);
            screen_on_news(s);
        }
        lock_acquire(&s->lock);
    }
    lock_release(&s->lock);
    input_fini(&input);
}

/* Does a line take long? false with why: it has no place on a screen. */
static bool classify(struct slice text, bool *slow, const char **why)
{
    struct batch_text t = {.rest = text};
    struct slice one;

    *slow = false;
    while (batch_text_next(&t, &one)) {
        struct batch_command c;
        char wrong[BATCH_WHY_SIZE];
        const char *hint = NULL;
        enum di_err err = batch_command_parse(one, &c, wrong, &hint);
        enum batch_verb verb = c.verb;
        bool joins = verb == BATCH_GET || verb == BATCH_WAIT || (verb == BATCH_SYNC && !c.off);

        batch_command_fini(&c);
        if (err != DI_OK)
            return true; /* the interpreter says it better */
        *slow = *slow || joins;
        if (verb == BATCH_HOLD || verb == BATCH_SLEEP) {
            *why = "hold and sleep are for scripts: the screen stays until q";
            return false;
        }
    }
    return true;
}

static void answer(struct screen *s, const char *text)
{
    answering = true;
    events_say(s->events, "%s", text);
    answering = false;
}

static void put_line(struct screen *s, const char *text, bool asked)
{
    const char *why = NULL;
    bool slow = false;
    size_t len = strlen(text);

    if (!classify(slice_of(text), &slow, &why)) {
        answer(s, why);
        return;
    }
    struct line *l = malloc(sizeof(*l) + len + 1);
    if (l == NULL)
        return;
    memcpy(l->text, text, len + 1);
    l->asked = asked;
    lock_acquire(&s->lock);
    bool full = s->lines >= LINES_MAX;
    if (!full) {
        s->lines++;
        if (slow)
            DL_APPEND(s->slow, l);
        else
            DL_APPEND(s->quick, l);
        cond_broadcast(&s->work);
    }
    lock_release(&s->lock);
    if (full) {
        free(l);
        answer(s, "too many commands are waiting");
    }
}

static void on_command(void *ctx, const char *text)
{
    put_line(ctx, text, true);
}

static enum di_err start_workers(struct screen *s)
{
    for (size_t i = 0; i < WORKERS; i++) {
        char name[16];

        s->workers[i].screen = s;
        snprintf(name, sizeof(name), i == 0 ? "command" : "command %zu", i + 1);
        enum di_err err = thread_start(&s->workers[i].thread, name, work, &s->workers[i]);
        if (err != DI_OK)
            return err;
    }
    return DI_OK;
}

static void stop_workers(struct screen *s)
{
    struct line *l = NULL, *next = NULL;

    lock_acquire(&s->lock);
    s->stop = true;
    cond_broadcast(&s->work);
    lock_release(&s->lock);
    if (s->peer != NULL)
        peer_cancel(s->peer);
    for (size_t i = 0; i < WORKERS; i++)
        thread_join(&s->workers[i].thread);
    DL_FOREACH_SAFE (s->quick, l, next)
        free(l);
    DL_FOREACH_SAFE (s->slow, l, next)
        free(l);
    s->quick = s->slow = NULL;
}

/* ---- the screen -------------------------------------------------------------------------------- */

static struct snapshot *peer_screen(void *ctx)
{
    struct screen *s = ctx;

    return peer_view_snapshot(s->view, s->peer);
}

static struct snapshot *rs_screen(void *ctx)
{
    return rs_snapshot(((struct screen *)ctx)->rs);
}

static bool is_stopping(void *ctx)
{
    return signals_exit_code() != 0 || atomic_load(&((struct screen *)ctx)->quit);
}

static void on_cancel(void *ctx, uint32_t rfc)
{
    peer_drop(((struct screen *)ctx)->peer, rfc);
}

static enum di_err on_open(void *ctx, uint32_t rfc, char **bytes, size_t *len)
{
    return peer_read(((struct screen *)ctx)->peer, rfc, bytes, len);
}

static const char *const commands[] = {
#define X(ID, word, arguments, help) word,
    BATCH_MAP(X)
#undef X
        NULL};
static const char *const arguments[] = {"all",   "missing", "from",    "serial",
                                        "peers", "rfcs",    "timeout", NULL};

static const char *const rs_commands[] = {"peers", "quit", NULL};

static enum cli_exit run(struct screen *s, struct tui_config *cfg)
{
    char why[256] = "";
    struct problem p;

    cfg->in_fd = STDIN_FILENO;
    cfg->out_fd = STDOUT_FILENO;
    cfg->wake_fd = s->wake;
    cfg->ctx = s;
    cfg->stopping = is_stopping;
    signals_notify(on_signal, s);
    enum di_err err = tui_run(cfg, why);
    events_redirect(s->events, NULL, NULL);
    if (err == DI_CANCELLED)
        return CLI_EXIT_INTERRUPTED;
    if (err == DI_OK || err == DI_CLOSED)
        return (enum cli_exit)signals_exit_code();
    problem_set(&p, "", why, "the dashboard cannot be shown");
    events_problem(s->events, &p);
    return CLI_EXIT_USAGE;
}

enum cli_exit screen_run_rs(struct screen *s, struct rs *rs, const char *state)
{
    struct tui_config cfg = {.kind = TUI_RS, .snapshot = rs_screen, .commands = rs_commands};

    s->rs = rs;
    take_lines(s, state, on_rs_line);
    enum cli_exit code = run(s, &cfg);
    signals_notify(NULL, NULL);
    return code;
}

enum cli_exit screen_run_peer(struct screen *s, struct peer *peer, const char *state,
                              const char *first)
{
    struct tui_config cfg = {.kind = TUI_PEER,
                             .snapshot = peer_screen,
                             .command = on_command,
                             .cancel = on_cancel,
                             .open = on_open,
                             .commands = commands,
                             .arguments = arguments};
    struct problem p;

    s->peer = peer;
    enum di_err err = start_workers(s);
    if (err != DI_OK) {
        stop_workers(s);
        problem_set(&p, "", di_err_text(err), "the dashboard cannot be shown");
        events_problem(s->events, &p);
        return CLI_EXIT_USAGE;
    }
    take_lines(s, state, on_peer_line);
    if (first != NULL)
        put_line(s, first, false);
    enum cli_exit code = run(s, &cfg);
    stop_workers(s);
    return code;
}

enum di_err screen_new(struct events *e, struct screen **out)
{
    struct screen *s = calloc(1, sizeof(*s));

    if (s == NULL)
        return DI_NOMEM;
    s->events = e;
    s->log.fd = -1;
    s->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    lock_init(&s->lock);
    cond_init(&s->work);
    enum di_err err =
        s->wake < 0 ? di_err_from_errno(errno) : peer_view_new(screen_on_news, s, &s->view);
    if (err != DI_OK) {
        screen_free(s);
        return err;
    }
    *out = s;
    return DI_OK;
}

void screen_free(struct screen *s)
{
    if (s == NULL)
        return;
    log_file_close(&s->log);
    peer_view_free(s->view);
    if (s->wake >= 0)
        close(s->wake);
    cond_fini(&s->work);
    lock_fini(&s->lock);
    free(s);
}
