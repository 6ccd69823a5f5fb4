/* p2pdi: finds the subcommand, loads its options, runs it. Main thread. */
#include "commands.h"
#include "events.h"
#include "help.h"
#include "nearest.h"
#include "options.h"
#include "signals.h"

#include "p2pdi/base/clock.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#define SYSTEM_CONFIG "/etc/p2pdi.conf"

static enum cli_exit (*const run[])(const struct options *o, struct events *e) = {
    [COMMAND_RS] = cmd_rs,     [COMMAND_PEER] = cmd_peer,     [COMMAND_GET] = cmd_get,
    [COMMAND_LS] = cmd_ls,     [COMMAND_PEERS] = cmd_peers,   [COMMAND_EXPERIMENT] = cmd_experiment,
    [COMMAND_DEMO] = cmd_demo, [COMMAND_DOCTOR] = cmd_doctor,
};

/*
 * A descriptor of ours must never be taken for a standard stream that was closed. What is written to
 * one is lost, and fails as on a full disk.
 */
static void open_standard_streams(void)
{
    int fd = 0;
    do
        fd = open("/dev/null", O_RDONLY);
    while (fd >= 0 && fd <= STDERR_FILENO);
    if (fd > STDERR_FILENO)
        close(fd);
}

static void raise_descriptor_limit(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
        limit.rlim_cur = limit.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &limit);
    }
}

/* An error in the options is an event too, if any of them asks for events. */
static bool wants_json(int argc, char **argv)
{
    for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++)
        if (strcmp(argv[i], "--json") == 0)
            return true;
    return false;
}

/* $XDG_CONFIG_HOME/p2pdi/config; NULL without a home. */
static const char *user_config(char *out, size_t size)
{
    const char *xdg = getenv("XDG_CONFIG_HOME");
    const char *home = getenv("HOME");
    int n = -1;

    if (xdg != NULL && *xdg == '/')
        n = snprintf(out, size, "%s/p2pdi/config", xdg);
    else if (home != NULL && *home != '\0')
        n = snprintf(out, size, "%s/.config/p2pdi/config", home);
    return n > 0 && (size_t)n < size ? out : NULL;
}

static enum cli_exit run_command(struct events *e, enum command c, int argc, char **argv)
{
    struct options o;
    struct problem p = {0};
    struct buf text;
    char path[4096];
    enum cli_exit code = CLI_EXIT_OK;

    buf_init(&text, EVENTS_RESULT_MAX);
    enum di_err err =
        options_load(&o, c, argc, argv, user_config(path, sizeof(path)), SYSTEM_CONFIG, &p);
    if (err != DI_OK) {
        if (*p.why == '\0')
            problem_set(&p, "", di_err_text(err), "%s", command_info(c)->name);
        events_problem(e, &p);
        code = CLI_EXIT_USAGE;
    } else if (options_flag(&o, OPT_HELP)) {
        help_command(&text, c);
    } else if (options_flag(&o, OPT_VERSION)) {
        help_version(&text);
    } else if (options_flag(&o, OPT_PRINT_CONFIG)) {
        help_settings(&text, &o);
    } else {
        events_configure(e, options_flag(&o, OPT_JSON),
                         options_flag(&o, OPT_QUIET)     ? EVENTS_QUIET
                         : options_flag(&o, OPT_VERBOSE) ? EVENTS_VERBOSE
                                                         : EVENTS_NORMAL);
        code = run[c](&o, e);
    }
    if (text.len > 0)
        events_result(e, &text);
    buf_fini(&text);
    options_fini(&o);
    return code;
}

/* Words that are no subcommand of COMMAND_MAP. */
static enum cli_exit run_other(struct events *e, int argc, char **argv)
{
    static const char *const hidden[] = {"completion", "man"};
    const char *names[COMMAND_COUNT];
    const char *word = argc > 1 ? argv[1] : "";
    struct buf text;
    struct problem p;
    enum cli_exit code = CLI_EXIT_OK;

    buf_init(&text, EVENTS_RESULT_MAX);
    if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0) {
        help_program(&text);
    } else if (strcmp(word, "--version") == 0 || strcmp(word, "-V") == 0) {
        help_version(&text);
    } else if (strcmp(word, hidden[1]) == 0) {
        help_man(&text);
    } else if (strcmp(word, "batch") == 0 && argc > 2 && strcmp(argv[2], "--help") == 0) {
        help_batch(&text); /* `p2pdi help batch`: its commands are not ours */
    } else if (strcmp(word, hidden[0]) == 0) {
        if (argc != 3 || !help_completion(&text, argv[2])) {
            problem_set(&p, "p2pdi completion bash", "it needs one of bash, zsh, fish",
                        "completion");
            events_problem(e, &p);
            code = CLI_EXIT_USAGE;
        }
    } else {
        for (size_t i = 0; i < COMMAND_COUNT; i++)
            names[i] = command_info((enum command)i)->name;
        const char *nearest = nearest_word(slice_of(word), names, COMMAND_COUNT);
        problem_set(&p, "p2pdi --help", argc < 2 ? "" : "there is no such command",
                    argc < 2 ? "a command is missing" : "%.80s", word);
        if (nearest != NULL)
            snprintf(p.hint, sizeof(p.hint), "p2pdi %s", nearest);
        events_problem(e, &p);
        code = CLI_EXIT_USAGE;
    }
    if (text.len > 0)
        events_result(e, &text);
    buf_fini(&text);
    return code;
}

int main(int argc, char **argv)
{
    struct events e;
    int64_t start_us = clock_mono_us();
    size_t command = 0;
    char flag[] = "--help";
    char *asked[] = {argv[0], argc > 2 ? argv[2] : flag, argc > 2 ? flag : NULL, NULL};

    /* `help get` is `get --help`, as with other programs. */
    if (argc > 1 && strcmp(argv[1], "help") == 0) {
        argc = argc > 2 ? 3 : 2;
        argv = asked;
    }

    open_standard_streams();
    raise_descriptor_limit();
    events_init(&e, start_us);
    e.json = wants_json(argc, argv);
    enum cli_exit code = CLI_EXIT_OPEN;
    enum di_err err = signals_start();
    if (err != DI_OK) {
        struct problem p;
        problem_set(&p, "ulimit -a", di_err_text(err), "cannot start");
        events_problem(&e, &p);
    } else {
        while (command < COMMAND_COUNT &&
               (argc < 2 || strcmp(argv[1], command_info((enum command)command)->name) != 0))
            command++;
        code = command < COMMAND_COUNT ? run_command(&e, (enum command)command, argc - 1, argv + 1)
                                       : run_other(&e, argc, argv);
    }
    if (!events_fini(&e)) {
        (void)!write(STDERR_FILENO, "p2pdi: standard output cannot be written\n", 41);
        if (code == CLI_EXIT_OK)
            code = CLI_EXIT_INCOMPLETE;
    }
    if (code == CLI_EXIT_OK) /* it came while the last was written */
        code = (enum cli_exit)signals_exit_code();
    signals_stop();
    return (int)code;
}
