/*
 * `p2pdi doctor`: what usually goes wrong, tried out one thing after the other, each with its fix. It joins
 * as a peer of its own with nothing to share, whose cookie is kept: the server has one record of it, however
 * often it comes. Main thread.
 */
#include "commands.h"
#include "setup.h"
#include "signals.h"

#include "p2pdi/base/clock.h"
#include "p2pdi/base/json.h"
#include "p2pdi/peer/ask.h"
#include "p2pdi/tui/tui.h"

#include <errno.h>
#include <inttypes.h>
#include <langinfo.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define ASK_US (5 * CLOCK_US_PER_S)
#define FREE_LEAST (UINT64_C(100) << 20)
#define FREE_FULL (UINT64_C(1) << 20) /* not even a few documents fit */
#define CLOCK_MOST_S 60

/* note: good to know, stops nothing. */
enum verdict { VERDICT_OK, VERDICT_NOTE, VERDICT_FAILED };

struct doctor {
    const struct options *options;
    struct events *events;
    struct asker *asker;
    struct peer *peer;      /* NULL: could not be started */
    struct state_dir state; /* lock_fd -1: could not be opened */
    struct addr servers[PEER_RS_MAX];
    size_t server_count;
    const struct addr *answered; /* one of the servers; NULL: none */
    enum cli_exit code;
};

/* 6 before 3, as the manual says. */
static void fail_with(struct doctor *d, enum cli_exit code)
{
    if (d->code != CLI_EXIT_OPEN)
        d->code = code;
}

static void print(struct doctor *d, enum verdict v, const char *name, const char *what,
                  const char *hint)
{
    static const char *const words[] = {"ok", "note", "failed"};
    struct buf out;

    if (signals_exit_code() != 0)
        return; /* the signal is why it failed */
    buf_init(&out, EVENTS_RESULT_MAX);
    if (d->events->json) {
        event_json_begin(&out, "check", clock_mono_us() - d->events->start_us);
        json_text(&out, "name", name);
        json_text(&out, "result", words[v]);
        json_text(&out, "what", what);
        json_text(&out, "hint", hint);
        event_json_end(&out);
    } else {
        buf_printf(&out, "%-7s %-10s %s\n", words[v], name, what);
        if (*hint != '\0')
            buf_printf(&out, "%18s try: %s\n", "", hint);
    }
    if (d->events->json)
        events_result(d->events, &out);
    else
        events_prose(d->events, &out);
    buf_fini(&out);
}

static void print_problem(struct doctor *d, const char *name, const struct problem *p)
{
    char what[sizeof(p->what) + sizeof(p->why) + 2];

    snprintf(what, sizeof(what), "%s: %s", p->what, p->why);
    print(d, VERDICT_FAILED, name, what, p->hint);
}

/* ---- here ------------------------------------------------------------------------------------------- */

/* One for each server: a cookie is shown to none but whom it came from. */
/* Below least bytes it is noted. */
static void check_room(struct doctor *d, const char *name, enum option_id option, const char *path,
                       uint64_t least)
{
    struct problem p;
    struct statvfs fs;
    char what[512], human[TEXT_HUMAN_SIZE];

    if (statvfs(path, &fs) != 0) {
        print(d, VERDICT_OK, name, path, "");
        return;
    }
    uint64_t bytes = (uint64_t)fs.f_bavail * fs.f_frsize;
    bool names = fs.f_files == 0 || fs.f_favail > 0; /* 0: it does not count them */
    text_human_bytes(bytes, human);
    snprintf(what, sizeof(what), "%.200s, %s free%s", path, human,
             !names              ? ", but not for one more file"
             : bytes < FREE_FULL ? ": too little"
                                 : "");
    setup_hint_directory(d->options, option, DI_NO_SPACE, path, &p);
    bool full = bytes < FREE_FULL || !names;
    if (bytes >= least && !full)
        print(d, VERDICT_OK, name, what, "");
    else
        print(d, full ? VERDICT_FAILED : VERDICT_NOTE, name, what, p.hint);
    if (full)
        fail_with(d, CLI_EXIT_OPEN);
}

static void check_state(struct doctor *d)
{
    struct problem p;
    char peer[40], name[48];

    enum cli_exit code = CLI_EXIT_OPEN;
    enum di_err err = state_peer_name(options_text(d->options, OPT_RS), "/", peer);
    if (err != DI_OK) {
        problem_set(&p, "", di_err_text(err), "no place to keep state");
    } else {
        snprintf(name, sizeof(name), "doctor-%s", peer);
        code = setup_state(d->options, name, &d->state, &p);
    }
    if (code != CLI_EXIT_OK) {
        print_problem(d, "state", &p);
        fail_with(d, code);
        return;
    }
    check_room(d, "state", OPT_STATE, options_text(d->options, OPT_STATE), FREE_FULL);
}

/* What there is to say about it: empty if it can be read and written, or could be made. */
static enum di_err library_trouble(const char *path, bool *missing, char why[160])
{
    struct stat st;
    enum di_err err = DI_OK;

    why[0] = '\0';
    *missing = mkdir(path, 0777) == 0;
    if (*missing) {
        (void)rmdir(path);
    } else if (errno != EEXIST) {
        err = di_err_from_errno(errno);
        snprintf(why, 160, "cannot be made: %s", di_err_text(err));
    } else if (stat(path, &st) == 0 && !S_ISDIR(st.st_mode)) {
        err = DI_INVALID;
        snprintf(why, 160, "is no directory");
    } else if (access(path, R_OK | W_OK | X_OK) != 0) {
        err = di_err_from_errno(errno);
        snprintf(why, 160, "cannot be read and written: %s", di_err_text(err));
    }
    return err;
}

static void check_library(struct doctor *d)
{
    const char *path = options_text(d->options, OPT_SHARE);
    struct problem p;
    char what[512], why[160];
    bool missing = false;

    enum di_err err = library_trouble(path, &missing, why);
    if (err != DI_OK) {
        snprintf(what, sizeof(what), "%.200s %s", path, why);
        setup_hint_directory(d->options, OPT_SHARE, err, path, &p);
        print(d, VERDICT_FAILED, "library", what, p.hint);
        fail_with(d, CLI_EXIT_OPEN);
    } else if (missing) {
        snprintf(what, sizeof(what), "%.200s is not there: nothing to serve yet", path);
        snprintf(p.hint, sizeof(p.hint), "mkdir -p '%.200s'", path);
        print(d, VERDICT_NOTE, "library", what, p.hint);
    } else {
        check_room(d, "library", OPT_SHARE, path, FREE_LEAST);
    }
}

/* Its library is its state directory, in which there are no documents. */
static void check_listen(struct doctor *d)
{
    if (d->state.lock_fd < 0) {
        print(d, VERDICT_NOTE, "listen", "not tried: that needs a state directory", "");
        return;
    }

    struct peer_config cfg = {.library = d->state.path,
                              .state = &d->state,
                              .workers = 1,
                              .downloads = 1,
                              .trace = options_flag(d->options, OPT_TRACE) ? events_trace : NULL,
                              .arg = d->events};
    struct problem p;
    char why[256] = "", name[ADDR_TEXT_SIZE];

    memcpy(cfg.rs, d->servers, sizeof(cfg.rs));
    cfg.rs_count = d->server_count;
    enum cli_exit code = setup_listen(d->options, &cfg.listen, &p);
    if (code == CLI_EXIT_OK) {
        enum di_err err = peer_start(&cfg, &d->peer, why);
        if (err != DI_OK)
            code = setup_failed(d->options, err, why, &p);
    }
    if (code != CLI_EXIT_OK) {
        print_problem(d, "listen", &p);
        fail_with(d, code);
        return;
    }
    addr_format(peer_addr(d->peer), name);
    print(d, VERDICT_OK, "listen", name, "");
}

/* ---- the server ------------------------------------------------------------------------------------- */

struct census {
    uint32_t peer; /* whose row is looked for; 0: nobody's */
    bool found;
    size_t active;
    int64_t last_registered_s;
};

static bool count_row(void *arg, const struct wire_peer_row *row)
{
    struct census *c = arg;

    c->active++;
    if (c->peer != 0 && row->peer == c->peer) {
        c->found = true;
        c->last_registered_s = row->last_registered_s;
    }
    return true;
}

static void resolve_servers(struct doctor *d)
{
    struct problem p;
    enum cli_exit code = setup_servers(d->options, d->servers, &d->server_count, &p);

    if (code != CLI_EXIT_OK) {
        print_problem(d, "server", &p);
        fail_with(d, code);
    }
}

static void check_servers(struct doctor *d)
{
    char name[ADDR_TEXT_SIZE], what[256];

    for (size_t i = 0; i < d->server_count; i++) {
        struct census c = {0};
        addr_format(&d->servers[i], name);
        enum di_err err =
            asker_peers(d->asker, &d->servers[i], clock_mono_us() + ASK_US, count_row, &c);
        if (err != DI_OK) {
            snprintf(what, sizeof(what), "%s: %s", name, setup_server_trouble(err));
            print(d, VERDICT_FAILED, "server", what, setup_server_hint(err));
            fail_with(d, CLI_EXIT_RS);
            continue;
        }
        if (d->answered == NULL)
            d->answered = &d->servers[i];
        snprintf(what, sizeof(what), "%s, %zu %s active", name, c.active,
                 c.active == 1 ? "peer is" : "peers are");
        print(d, VERDICT_OK, "server", what, "");
    }
}

static void check_reachable(struct doctor *d, const struct peer_status *status)
{
    char what[160];
    unsigned port = peer_addr(d->peer)->port;

    /* The server tells others the address that we came from. */
    if (addr_is_loopback(&status->rs) && status->reachable != WIRE_REACHABLE_NO) {
        print(d, VERDICT_NOTE, "reachable", "by loopback: only for peers on this machine",
              "for others, --rs with this machine's address");
        return;
    }
    switch (status->reachable) {
    case WIRE_REACHABLE_YES:
        snprintf(what, sizeof(what), "the server reaches port %u here", port);
        print(d, VERDICT_OK, "reachable", what, "");
        break;
    case WIRE_REACHABLE_NO:
        snprintf(what, sizeof(what), "the server does not reach port %u here", port);
        print(d, VERDICT_FAILED, "reachable", what,
              "let TCP in at one port, and p2pdi peer --listen :PORT");
        fail_with(d, CLI_EXIT_RS);
        break;
    case WIRE_REACHABLE_UNKNOWN:
        print(d, VERDICT_NOTE, "reachable", "the server does not say whether it reaches us",
              "curl http://THIS-HOST:PORT/ of a running peer, from elsewhere");
        break;
    }
}

/* Its clock by when it says that we registered. Only what is shown depends on either. */
static void check_clock(struct doctor *d, const struct addr *rs, uint32_t peer)
{
    struct census c = {.peer = peer};
    char what[160];

    enum di_err err = asker_peers(d->asker, rs, clock_mono_us() + ASK_US, count_row, &c);
    if (err != DI_OK || !c.found) {
        print(d, VERDICT_NOTE, "clock", "the server does not tell its time", "");
        return;
    }
    int64_t ahead_s = clock_wall_s() - c.last_registered_s;
    bool good = ahead_s <= CLOCK_MOST_S && ahead_s >= -CLOCK_MOST_S;
    if (good)
        snprintf(what, sizeof(what), "agrees with the server's");
    else
        snprintf(what, sizeof(what), "%" PRId64 " s %s the server's",
                 ahead_s < 0 ? -ahead_s : ahead_s, ahead_s < 0 ? "behind" : "ahead of");
    print(d, good ? VERDICT_OK : VERDICT_NOTE, "clock", what,
          good ? "" : "timedatectl set-ntp true, here or there");
}

static void check_as_peer(struct doctor *d)
{
    struct peer_status status;

    enum di_err err = peer_register(d->peer, ASK_US);
    if (err != DI_OK) {
        char what[160];
        snprintf(what, sizeof(what), "registering failed: %s", di_err_text(err));
        print(d, VERDICT_FAILED, "reachable", what, "p2pdi doctor --trace");
        fail_with(d, CLI_EXIT_RS);
        return;
    }
    peer_status(d->peer, &status);
    check_reachable(d, &status);
    check_clock(d, &status.rs, status.peer_id);
}

/* ---- the screen ------------------------------------------------------------------------------------- */

static void check_terminal(struct doctor *d)
{
    char why[256] = "";

    if (!tui_is_usable(STDIN_FILENO, STDOUT_FILENO, why)) {
        char what[300];
        snprintf(what, sizeof(what), "no dashboard here: %s", why);
        print(d, VERDICT_NOTE, "terminal", what, "");
        return;
    }
    (void)setlocale(LC_CTYPE, "");
    bool utf8 = strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
    (void)setlocale(LC_CTYPE, "C");
    print(d, utf8 ? VERDICT_OK : VERDICT_NOTE, "terminal",
          utf8 ? getenv("TERM") : "no UTF-8: bars and plots in ASCII",
          utf8 ? "" : "export LC_ALL=C.UTF-8");
}

static void cancel(void *arg)
{
    struct doctor *d = arg;

    asker_cancel(d->asker);
    if (d->peer != NULL)
        peer_cancel(d->peer);
}

enum cli_exit cmd_doctor(const struct options *o, struct events *e)
{
    struct doctor d = {.options = o, .events = e, .state = {.lock_fd = -1}};
    struct problem p;

    enum di_err err = asker_new(options_flag(o, OPT_TRACE) ? events_trace : NULL, e, &d.asker);
    if (err != DI_OK) {
        enum cli_exit code = setup_failed(o, err, "", &p);
        events_problem(e, &p);
        return code;
    }
    check_state(&d);
    check_library(&d);
    resolve_servers(&d);
    check_listen(&d);
    signals_notify(cancel, &d); /* from now on d.peer stays */
    check_servers(&d);
    if (d.peer != NULL && d.answered != NULL)
        check_as_peer(&d);
    check_terminal(&d);

    signals_notify(NULL, NULL);
    if (d.peer != NULL)
        peer_stop(d.peer);
    if (d.state.lock_fd >= 0)
        state_dir_close(&d.state);
    asker_free(d.asker);
    if (signals_exit_code() != 0)
        return (enum cli_exit)signals_exit_code();
    if (d.code == CLI_EXIT_OK)
        events_say(e, "nothing that stands in the way");
    return d.code;
}
