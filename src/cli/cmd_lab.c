/* `p2pdi experiment` and `p2pdi demo`: the laboratory with its reports. Main thread. */
#include "commands.h"
#include "demo.h"
#include "progress.h"
#include "signals.h"

#include "p2pdi/base/clock.h"
#include "p2pdi/lab/lab.h"
#include "p2pdi/report/report.h"
#include "p2pdi/sched/sched.h"
#include "p2pdi/tui/tui.h"

#include <errno.h> /* program_invocation_name */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BARS_MAX ((size_t)64 << 10)

/* At most as many lines as the terminal has, less one. */
static void draw_bars(void *arg, const struct experiment_progress *progress)
{
    struct events *e = arg;
    struct buf text;
    size_t columns = 0, rows = 0, lines = 0, len = 0;

    buf_init(&text, BARS_MAX);
    progress_terminal_size(&columns, &rows);
    (void)report_progress(&text, progress, columns);
    const char *bytes = buf_bytes(&text);
    for (size_t i = 0; i < text.len && lines + 1 < rows; i++) {
        if (bytes[i] == '\n' || i + 1 == text.len) {
            lines++;
            len = bytes[i] == '\n' ? i : i + 1;
        }
    }
    if (buf_status(&text) == DI_OK)
        events_bar(e, (struct slice){bytes, len});
    buf_fini(&text);
}

static enum cli_exit code_of(enum di_err err)
{
    if (signals_exit_code() != 0)
        return (enum cli_exit)signals_exit_code();
    switch (err) {
    case DI_OK:
        return CLI_EXIT_OK;
    case DI_INVALID:
    case DI_NOT_FOUND:
        return CLI_EXIT_USAGE;
    case DI_MISMATCH:
        return CLI_EXIT_MISMATCH;
    case DI_ACCESS:
    case DI_READ_ONLY:
    case DI_IN_USE:
    case DI_NO_SPACE:
    case DI_IO:
    case DI_DIRECTORY:
        return CLI_EXIT_OPEN;
    default:
        return CLI_EXIT_INCOMPLETE;
    }
}

/* Full, missing or read-only: help where the laboratory works (lab/tempdir.h). */
static void hint_at_place(const struct options *o, enum di_err err, const char *why,
                          struct problem *p)
{
    static const char unmade[] = "cannot make a temporary directory";
    const char *command = command_info(o->command)->name;
    const char *dir = getenv("TMPDIR");

    /* Peers that run out of room there say so in their own words. */
    if (err == DI_NO_SPACE || strstr(why, sched_why_text(SCHED_LOCAL)) != NULL)
        snprintf(p->hint, sizeof(p->hint), "df -h '%.150s', or TMPDIR=OTHER-DIR p2pdi %s",
                 dir != NULL && *dir == '/' ? dir : "/tmp", command);
    else if (err == DI_READ_ONLY || strncmp(why, unmade, strlen(unmade)) == 0)
        snprintf(p->hint, sizeof(p->hint), "TMPDIR=OTHER-DIR p2pdi %s", command);
    else
        snprintf(p->hint, sizeof(p->hint), "p2pdi %s --help", command);
}

static enum cli_exit tell(const struct options *o, struct events *e, enum di_err err,
                          const char *why, const char *what)
{
    struct problem p;

    problem_set(&p, "", *why != '\0' ? why : di_err_text(err), "%s", what);
    hint_at_place(o, err, why, &p);
    events_problem(e, &p);
    return code_of(err);
}

/* What the command line says beyond the defaults of the laboratory. */
static void configure(const struct options *o, struct events *e, struct lab_config *cfg)
{
    if (options_text(o, OPT_RFCS) != NULL)
        cfg->rfcs = options_text(o, OPT_RFCS);
    if (options_text(o, OPT_PEERS) != NULL)
        cfg->peers = (size_t)options_number(o, OPT_PEERS);
    if (options_text(o, OPT_FILES) != NULL)
        cfg->files = (size_t)options_number(o, OPT_FILES);
    cfg->seed = options_number(o, OPT_SEED);
    cfg->up_bps = options_rate(o, OPT_UP);
    cfg->interrupt_fd = signals_fd();
    if (!e->json && e->level != EVENTS_QUIET && progress_is_wanted()) {
        cfg->on_progress = draw_bars;
        cfg->arg = e;
    }
}

static enum cli_exit run(const struct options *o, struct events *e, const struct lab_config *cfg,
                         struct experiment *x)
{
    char why[512] = "";
    enum di_err err = lab_experiment(cfg, x, why);

    events_bar(e, SLICE(""));
    if (err == DI_OK || signals_exit_code() != 0)
        return code_of(err);
    return tell(o, e, err, why, "the experiment failed");
}

/* The report's object is an event but for the time, which goes where it is in every other event. */
static void format_json(struct buf *out, const struct experiment *x, int64_t since_start_us)
{
    static const char start[] = "{\"v\":1,\"event\":\"experiment\"";
    struct buf report;

    buf_init(&report, EVENTS_RESULT_MAX);
    report_json(&report, x);
    if (report.len > sizeof(start) && strncmp(buf_bytes(&report), start, sizeof(start) - 1) == 0) {
        event_json_begin(out, "experiment", since_start_us);
        buf_consume(&report, sizeof(start) - 1);
    }
    buf_append(out, buf_bytes(&report), report.len);
    buf_fini(&report);
}

static enum cli_exit tell_no_report(struct events *e, const char *why)
{
    struct problem p;

    problem_set(&p, "p2pdi experiment --out DIR", why, "the report could not be written");
    events_problem(e, &p);
    return CLI_EXIT_OPEN;
}

enum cli_exit cmd_experiment(const struct options *o, struct events *e)
{
    struct experiment x = {0};
    struct lab_config cfg;
    struct buf out;
    const char *dir = options_text(o, OPT_OUT);
    char why[512] = "";
    bool made = false;

    lab_config_init(&cfg);
    if (!experiment_parse_tasks(slice_of(options_text(o, OPT_TASK)), &cfg.tasks))
        return CLI_EXIT_USAGE; /* was checked with the options */
    if (dir != NULL && report_prepare(dir, &made, why) != DI_OK)
        return tell_no_report(e, why);
    configure(o, e, &cfg);
    enum cli_exit code = run(o, e, &cfg, &x);
    if (code != CLI_EXIT_OK && made)
        (void)rmdir(dir);
    if (code == CLI_EXIT_OK) {
        buf_init(&out, EVENTS_RESULT_MAX);
        if (e->json)
            format_json(&out, &x, clock_mono_us() - e->start_us);
        else
            report_text(&out, &x, e->level == EVENTS_VERBOSE);
        events_result(e, &out);
        buf_fini(&out);
        if (dir != NULL && report_write(&x, dir, why) != DI_OK)
            code = tell_no_report(e, why);
        else if (dir != NULL)
            events_say(e, "report, tables and plots are in %s", dir);
    }
    experiment_fini(&x);
    return code;
}

/* A person at a terminal that can show it; anybody else gets the same as text. */
static bool is_shown(const struct events *e)
{
    char why[256];

    return !e->json && e->level != EVENTS_QUIET && tui_is_usable(STDIN_FILENO, STDOUT_FILENO, why);
}

static enum cli_exit run_on_screen(const struct options *o, struct events *e,
                                   const struct lab_config *cfg, struct experiment *x)
{
    char why[512] = "";
    enum di_err err = demo_show(cfg, program_invocation_name, x, why);

    if (err == DI_CANCELLED && signals_exit_code() == 0) {
        /* The user has seen enough; what was seen to its end is told. */
        events_say(e, "left before the end; tasks done: %zu", experiment_runs(x));
        return CLI_EXIT_OK;
    }
    if (err == DI_OK || signals_exit_code() != 0)
        return code_of(err);
    return tell(o, e, err, why, "the demo failed");
}

enum cli_exit cmd_demo(const struct options *o, struct events *e)
{
    struct experiment x = {0};
    struct lab_config cfg;
    struct buf out;

    lab_config_init_demo(&cfg);
    configure(o, e, &cfg);
    enum cli_exit code = is_shown(e) ? run_on_screen(o, e, &cfg, &x) : run(o, e, &cfg, &x);
    if (code == CLI_EXIT_OK && experiment_runs(&x) > 0) {
        buf_init(&out, EVENTS_RESULT_MAX);
        if (e->json) {
            format_json(&out, &x, clock_mono_us() - e->start_us);
            events_result(e, &out);
        } else {
            report_demo(&out, &x, program_invocation_name);
            events_prose(e, &out);
        }
        buf_fini(&out);
    }
    experiment_fini(&x);
    return code;
}
