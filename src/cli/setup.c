/* Starts what the commands need. Main thread. */
#include "setup.h"

#include "signals.h"

#include "p2pdi/net/stream.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define RS_PORT 65423

/* Numbers without asking anyone; names by the resolver, first address first. */
static enum di_err resolve(struct slice host, uint16_t port, struct addr *out, size_t max,
                           size_t *count)
{
    char name[256];

    if (addr_parse_host(host, out)) {
        out->port = port;
        *count = 1;
        return DI_OK;
    }
    if (host.n >= sizeof(name))
        return DI_INVALID;
    memcpy(name, host.p, host.n);
    name[host.n] = '\0';
    return net_resolve(name, port, out, max, count);
}

enum cli_exit setup_servers(const struct options *o, struct addr out[PEER_RS_MAX], size_t *count,
                            struct problem *p)
{
    struct slice rest = slice_of(options_text(o, OPT_RS));

    *count = 0;
    while (rest.p != NULL && *count < PEER_RS_MAX) {
        struct slice host = {0};
        struct slice word = slice_trim(slice_split(rest, ',', &rest));
        uint16_t port = RS_PORT;
        size_t found = 0;
        if (!addr_split(word, &host, &port))
            continue; /* was checked with the options */
        enum di_err err = resolve(host, port, out + *count, PEER_RS_MAX - *count, &found);
        if (err != DI_OK || found == 0) {
            problem_set(p, "", "its name does not resolve",
                        "registration server %.*s is unreachable", (int)word.n, word.p);
            snprintf(p->hint, sizeof(p->hint), "getent hosts %.*s", (int)host.n, host.p);
            return CLI_EXIT_RS;
        }
        *count += found;
    }
    return CLI_EXIT_OK;
}

const char *setup_server_trouble(enum di_err err)
{
    return err == DI_PROTOCOL ? "what answers there is not a registration server"
                              : di_err_text(err);
}

const char *setup_server_hint(enum di_err err)
{
    switch (err) {
    case DI_REFUSED:
        return "p2pdi rs, or --rs with where one runs";
    case DI_PROTOCOL:
    case DI_CLOSED:
        return "check --rs";
    case DI_BUSY:
        return "ask again in a while";
    case DI_REMOTE:
        return "look into its log: it may be out of memory or disk space";
    case DI_NOMEM:
    case DI_LIMIT:
        return "see ulimit -a: memory or some limit is short";
    default:
        return "check --rs, and that the network lets TCP through";
    }
}

enum cli_exit setup_listen(const struct options *o, struct addr *out, struct problem *p)
{
    const char *text = options_text(o, OPT_LISTEN);
    uint16_t port = o->command == COMMAND_RS ? RS_PORT : 0;
    struct slice host = {0};
    size_t count = 0;

    *out = (struct addr){.port = port};
    if (!addr_split(slice_of(text), &host, &port))
        return CLI_EXIT_USAGE; /* was checked with the options */
    out->port = port;
    if (host.n == 0 || resolve(host, port, out, 1, &count) == DI_OK)
        return CLI_EXIT_OK;
    problem_set(p, "ip address",
                "it is no address of this machine, nor a name that resolves to one",
                "cannot listen on %s", text);
    return CLI_EXIT_OPEN;
}

/* The part of path that is there, for `ls` or `df` to be given. */
static void existing_part(const char *path, char out[STATE_PATH_SIZE])
{
    struct stat st;

    snprintf(out, STATE_PATH_SIZE, "%s", path);
    while (lstat(out, &st) != 0) {
        char *slash = strrchr(out, '/');
        if (slash == NULL || slash == out) {
            snprintf(out, STATE_PATH_SIZE, "%s", slash == NULL ? "." : "/");
            return;
        }
        *slash = '\0';
    }
}

static bool is_of_directory(enum di_err err)
{
    return err == DI_ACCESS || err == DI_READ_ONLY || err == DI_NO_SPACE;
}

void setup_hint_directory(const struct options *o, enum option_id option, enum di_err err,
                          const char *path, struct problem *p)
{
    const char *command = command_info(o->command)->name;
    char part[STATE_PATH_SIZE];

    existing_part(path, part);
    if (err == DI_READ_ONLY)
        snprintf(p->hint, sizeof(p->hint), "p2pdi %s --%s OTHER-DIR", command,
                 option_info(option)->name);
    else if (err == DI_NO_SPACE)
        snprintf(p->hint, sizeof(p->hint), "df -h '%.100s', and make room, or --%s OTHER-DIR", part,
                 option_info(option)->name);
    else
        snprintf(p->hint, sizeof(p->hint), "ls -ld '%.200s'", part);
}

enum cli_exit setup_state(const struct options *o, const char *name, struct state_dir *out,
                          struct problem *p)
{
    const char *root = options_text(o, OPT_STATE);
    const char *command = command_info(o->command)->name;
    char why[256] = "";

    if (root == NULL) {
        problem_set(p, "", "neither XDG_STATE_HOME nor HOME is set", "no place to keep state");
        snprintf(p->hint, sizeof(p->hint), "p2pdi %s --state DIR", command);
        return CLI_EXIT_OPEN;
    }
    enum di_err err = state_dir_open(root, name, out, why);
    if (err == DI_OK)
        return CLI_EXIT_OK;
    bool is_peer = o->command == COMMAND_PEER || o->command == COMMAND_GET;
    if (err == DI_IN_USE && is_peer) /* its directory is named after server and library */
        problem_set(p, "", "another p2pdi shares it, with the same server",
                    "cannot use library %.150s", options_text(o, OPT_SHARE));
    else
        problem_set(p, "", *why != '\0' ? why : di_err_text(err),
                    "cannot use state directory %.150s", root);
    if (err == DI_IN_USE)
        snprintf(p->hint, sizeof(p->hint), "p2pdi %s --%s OTHER-DIR, or end the other process",
                 command, is_peer ? "share" : "state");
    else
        setup_hint_directory(o, OPT_STATE, err, out->path, p);
    return CLI_EXIT_OPEN;
}

enum cli_exit setup_failed(const struct options *o, enum di_err err, const char *why,
                           struct problem *p)
{
    const char *command = command_info(o->command)->name;
    bool is_rs = o->command == COMMAND_RS;
    const char *dir = options_text(o, is_rs ? OPT_STATE : OPT_SHARE); /* NULL: it needs none */
    bool listening = strncmp(why, "cannot listen", strlen("cannot listen")) == 0;

    problem_set(p, "", *why != '\0' ? why : di_err_text(err), "%s cannot start", command);
    if (listening && err == DI_IN_USE)
        snprintf(p->hint, sizeof(p->hint), "ss -ltnp to see by whom, or p2pdi %s --listen :0",
                 command);
    else if (listening)
        snprintf(p->hint, sizeof(p->hint), "p2pdi %s --listen :0", command);
    else if (dir != NULL && is_of_directory(err))
        setup_hint_directory(o, is_rs ? OPT_STATE : OPT_SHARE, err, dir, p);
    else if (err == DI_NOMEM || err == DI_LIMIT)
        snprintf(p->hint, sizeof(p->hint), "see ulimit -a: memory or some limit is short");
    else if ((err == DI_NOT_FOUND || err == DI_INVALID) && !is_rs)
        snprintf(p->hint, sizeof(p->hint), "p2pdi %s --share OTHER-DIR", command);
    else
        snprintf(p->hint, sizeof(p->hint), "p2pdi doctor, with the same options");
    return CLI_EXIT_OPEN;
}

static void cancel_peer(void *arg)
{
    peer_cancel(arg);
}

/* A directory that was made for nothing goes again. */
static void release(struct setup_peer *s)
{
    if (s->made != NULL)
        (void)rmdir(s->made);
    state_dir_close(&s->state);
}

enum cli_exit setup_peer_open(const struct options *o, peer_event_fn *on_event,
                              peer_trace_fn *trace, void *arg, struct setup_peer *out,
                              struct problem *p)
{
    struct peer_config cfg = {.library = options_text(o, OPT_SHARE),
                              .workers = (unsigned)options_number(o, OPT_WORKERS),
                              .downloads = (unsigned)options_number(o, OPT_DOWNLOADS),
                              .up_rate = options_rate(o, OPT_UP),
                              .down_rate = options_rate(o, OPT_DOWN),
                              .on_event = on_event,
                              .trace = options_flag(o, OPT_TRACE) ? trace : NULL,
                              .arg = arg};
    char name[40];
    char why[256] = "";

    if (!options_parse_compress(options_text(o, OPT_COMPRESS), &cfg.compress))
        return CLI_EXIT_USAGE; /* was checked with the options */
    *out = (struct setup_peer){.state = {.lock_fd = -1}};
    enum cli_exit code = setup_servers(o, cfg.rs, &cfg.rs_count, p);
    if (code == CLI_EXIT_OK)
        code = setup_listen(o, &cfg.listen, p);
    if (code != CLI_EXIT_OK)
        return code;

    /* Its real path names the state, so it must be there. */
    enum di_err err = state_make_directory(cfg.library, 0777);
    if (err == DI_OK)
        out->made = cfg.library;
    if (err == DI_OK || err == DI_EXISTS)
        err = state_peer_name(options_text(o, OPT_RS), cfg.library, name);
    if (err != DI_OK) {
        problem_set(p, "", di_err_text(err), "cannot open library %.150s", cfg.library);
        if (is_of_directory(err))
            setup_hint_directory(o, OPT_SHARE, err, cfg.library, p);
        else
            snprintf(p->hint, sizeof(p->hint), "p2pdi %s --share OTHER-DIR",
                     command_info(o->command)->name);
        return CLI_EXIT_OPEN;
    }
    code = setup_state(o, name, &out->state, p);
    if (code == CLI_EXIT_OK) {
        cfg.state = &out->state;
        err = peer_start(&cfg, &out->peer, why);
        if (err != DI_OK)
            code = setup_failed(o, err, why, p);
    }
    if (code == CLI_EXIT_OK)
        signals_notify(cancel_peer, out->peer);
    else
        release(out);
    return code;
}

void setup_peer_close(struct setup_peer *s)
{
    signals_notify(NULL, NULL);
    peer_stop(s->peer);
    release(s);
}
