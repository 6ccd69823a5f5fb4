/* `p2pdi get`: joins, downloads, leaves. Main thread; events come from the peer's. */
#include "commands.h"
#include "progress.h"
#include "script.h"
#include "setup.h"

#include <string.h>

struct get {
    struct events *events;
    struct progress progress;
    bool bar;
};

static void on_event(void *arg, const struct peer_event *ev)
{
    struct get *g = arg;

    progress_on_event(&g->progress, ev);
    if (!g->events->json && g->events->level != EVENTS_VERBOSE) {
        if (ev->kind == PEER_EV_LISTENING || ev->kind == PEER_EV_REGISTERED ||
            ev->kind == PEER_EV_LEFT || ev->kind == PEER_EV_INDEX)
            return; /* of no interest to who wants documents */
        if (ev->kind == PEER_EV_DONE && g->bar)
            return;
    }
    events_peer(g->events, ev);
}

static void on_trace(void *arg, bool received, const struct addr *remote, const char *bytes,
                     size_t len)
{
    struct get *g = arg;
    events_trace(g->events, received, remote, bytes, len);
}

/* The arguments are those of the batch command. */
static enum cli_exit parse(const struct options *o, struct buf *text, struct batch_command *c,
                           struct problem *p)
{
    char why[BATCH_WHY_SIZE] = "";
    const char *hint = NULL;

    buf_append_str(text, "get");
    for (int i = 0; i < o->arg_count; i++) {
        buf_append_char(text, ' ');
        buf_append_str(text, o->args[i]);
    }
    enum di_err err = buf_status(text);
    if (err == DI_OK)
        err = batch_command_parse((struct slice){buf_bytes(text), text->len}, c, why, &hint);
    if (err == DI_OK)
        return CLI_EXIT_OK;
    problem_set(p, "p2pdi get --help", *why != '\0' ? why : di_err_text(err), "get");
    return CLI_EXIT_USAGE;
}

static enum cli_exit download(struct get *g, struct peer *peer, const struct batch_command *c)
{
    struct script s = {.peer = peer, .events = g->events};
    struct batch_command join = {.verb = BATCH_REGISTER};

    enum cli_exit code = script_run_command(&s, &join);
    if (code != CLI_EXIT_OK)
        return code;
    if (g->bar && progress_start(&g->progress, peer) != DI_OK)
        g->bar = false;
    code = script_run_command(&s, c);
    if (g->bar)
        progress_stop(&g->progress);
    return code;
}

enum cli_exit cmd_get(const struct options *o, struct events *e)
{
    struct get g = {.events = e,
                    .bar = !e->json && e->level == EVENTS_NORMAL && progress_is_wanted()};
    struct batch_command c = {0};
    struct setup_peer own;
    struct problem p;
    struct buf text;

    progress_init(&g.progress, e);
    buf_init(&text, INPUT_MAX);
    enum cli_exit code = parse(o, &text, &c, &p);
    if (code == CLI_EXIT_OK)
        code = setup_peer_open(o, on_event, on_trace, &g, &own, &p);
    if (code != CLI_EXIT_OK) {
        events_problem(e, &p);
    } else {
        code = download(&g, own.peer, &c);
        setup_peer_close(&own);
    }
    batch_command_fini(&c);
    buf_fini(&text);
    progress_fini(&g.progress);
    return code;
}
