/* `p2pdi peer`: a peer that takes batch commands, or serves until a signal comes. Main thread. */
#include "commands.h"
#include "config.h"
#include "screen.h"
#include "script.h"
#include "setup.h"
#include "signals.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Where commands come from. */
struct source {
    const char *name;
    const char *text; /* NULL: none, or standard input */
    char *owned;
    bool input; /* standard input */
};

static enum cli_exit wrong_use(struct problem *p, const char *why, const char *what)
{
    problem_set(p, "p2pdi peer --help", why, "%s", what);
    return CLI_EXIT_USAGE;
}

static enum cli_exit choose_source(const struct options *o, struct source *out, struct problem *p)
{
    const char *file = o->arg_count > 0 ? o->args[0] : NULL;
    bool batch = options_flag(o, OPT_BATCH);

    *out = (struct source){.name = SCRIPT_OPTION, .text = options_text(o, OPT_COMMAND)};
    if (out->text != NULL && file != NULL)
        return wrong_use(p, "each says where the commands are", "-c and a file together");
    if (out->text != NULL)
        return CLI_EXIT_OK;
    if (file != NULL && !batch)
        return wrong_use(p, "a file of commands needs --batch", file);
    if (!batch)
        return CLI_EXIT_OK;
    if (file == NULL || strcmp(file, "-") == 0) {
        out->input = true;
        return CLI_EXIT_OK;
    }
    enum di_err err = config_file_read(file, INPUT_MAX, &out->owned);
    if (err != DI_OK) {
        problem_set(p, "", di_err_text(err), "cannot read %.200s", file);
        if (err == DI_DIRECTORY || err == DI_NOT_FOUND)
            snprintf(p->hint, sizeof(p->hint), "p2pdi peer --batch FILE");
        else
            snprintf(p->hint, sizeof(p->hint), "ls -l '%.200s'", file);
        return err == DI_INVALID ? CLI_EXIT_USAGE : CLI_EXIT_OPEN;
    }
    out->name = file;
    out->text = out->owned;
    return CLI_EXIT_OK;
}

/*
 * Without commands: register, serve until a signal comes. Whoever starts it first need not wait for
 * the server: the registrar goes on trying.
 */
static enum cli_exit serve(struct script *s, const struct options *o)
{
    struct batch_command c = {.verb = BATCH_REGISTER};
    enum cli_exit code = CLI_EXIT_OK;

    if (!options_flag(o, OPT_MANUAL))
        code = script_run_command(s, &c);
    if (code != CLI_EXIT_OK && code != CLI_EXIT_RS)
        return code;
    if (code == CLI_EXIT_RS)
        events_say(s->events, "serving without it; trying again");
    (void)input_sleep(INT64_MAX);
    return (enum cli_exit)signals_exit_code();
}

enum cli_exit cmd_peer(const struct options *o, struct events *e)
{
    struct problem p;
    struct source source;
    struct setup_peer own;
    struct input input;

    enum cli_exit code = choose_source(o, &source, &p);
    if (code != CLI_EXIT_OK) {
        events_problem(e, &p);
        return code;
    }
    /* What is wrong in a script is said before anything is started. */
    if (source.text != NULL)
        code = script_check(e, source.name, slice_of(source.text));
    if (code != CLI_EXIT_OK)
        goto free_source;

    struct screen *screen = NULL;
    bool shows = !source.input && source.text == NULL && screen_is_wanted(o, e);
    if (shows)
        code = screen_check(o, &p);
    if (code == CLI_EXIT_OK && shows && screen_new(e, &screen) != DI_OK) {
        problem_set(&p, "", di_err_text(DI_NOMEM), "the dashboard cannot be shown");
        code = CLI_EXIT_OPEN;
    }
    if (code == CLI_EXIT_OK)
        code = screen != NULL
                   ? setup_peer_open(o, screen_on_event, screen_on_trace, screen, &own, &p)
                   : setup_peer_open(o, events_peer, events_trace, e, &own, &p);
    if (code != CLI_EXIT_OK) {
        events_problem(e, &p);
        goto free_screen;
    }
    if (own.made != NULL && screen == NULL)
        events_say(e, "made the library %s, it is empty", own.made);
    input_init(&input, source.input);
    struct script s = {.peer = own.peer, .events = e, .input = &input};
    if (source.input)
        code = script_run_input(&s);
    else if (source.text != NULL)
        code = script_run_text(&s, source.name, 1, slice_of(source.text));
    else if (screen != NULL)
        code = screen_run_peer(screen, own.peer, own.state.path,
                               options_flag(o, OPT_MANUAL) ? NULL : "register; pquery; rfcquery");
    else
        code = serve(&s, o);
    input_fini(&input);
    setup_peer_close(&own);
    if (signals_exit_code() != 0)
        code = (enum cli_exit)signals_exit_code();
free_screen:
    screen_free(screen);
free_source:
    free(source.owned);
    return code;
}
