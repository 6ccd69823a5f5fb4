/* The batch interpreter. Main thread; it alone waits for the peer. */
#include "script.h"

#include "help.h"
#include "signals.h"
#include "table.h"

#include "p2pdi/base/clock.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define RS_TIMEOUT_US (10 * CLOCK_US_PER_S)
#define PEER_TIMEOUT_US (10 * CLOCK_US_PER_S)

static enum cli_exit tell(struct script *s, enum cli_exit code, const struct problem *p)
{
    events_problem(s->events, p);
    return code;
}

/* After a signal nothing else counts. */
static enum cli_exit interrupted_or(enum cli_exit code)
{
    int by_signal = signals_exit_code();
    return by_signal != 0 ? (enum cli_exit)by_signal : code;
}

/* The peer has told why. */
static enum cli_exit code_of(enum di_err err)
{
    switch (err) {
    case DI_OK:
        return CLI_EXIT_OK;
    case DI_NOT_FOUND: /* it is not registered */
        return interrupted_or(CLI_EXIT_USAGE);
    case DI_NOMEM:
    case DI_LIMIT: /* it is not the RS */
        return interrupted_or(CLI_EXIT_INCOMPLETE);
    default:
        return interrupted_or(CLI_EXIT_RS);
    }
}

/* ---- looking --------------------------------------------------------------------------------------- */

static int64_t since_start_us(const struct script *s)
{
    return clock_mono_us() - s->events->start_us;
}

static enum cli_exit print(struct script *s, struct buf *out, bool complete)
{
    struct problem p;

    if (complete && buf_status(out) == DI_OK) {
        events_result(s->events, out);
        return CLI_EXIT_OK;
    }
    problem_set(&p, "", di_err_text(DI_NOMEM), "the table cannot be printed");
    return tell(s, CLI_EXIT_INCOMPLETE, &p);
}

static enum cli_exit run_peers(struct script *s, struct buf *out)
{
    struct peer_table t = {0};

    peer_walk_peers(s->peer, peer_table_add, &t);
    if (s->events->json)
        peer_table_json(&t, out, since_start_us(s));
    else
        peer_table_text(&t, out);
    enum cli_exit code = print(s, out, !t.failed);
    peer_table_fini(&t);
    return code;
}

static bool look_for_others(void *arg, const struct rfc_entry *e)
{
    bool *found = arg;

    *found = !e->own;
    return e->own;
}

static bool others_are_known(struct script *s)
{
    bool found = false;

    peer_walk_index(s->peer, look_for_others, &found);
    return found;
}

/* In the words of `ls`. A question that finds nothing has not failed: a script goes on. */
static void say_nothing_listed(struct script *s, struct slice pattern, bool peers)
{
    const char *why = "the active peers hold nothing like it";

    if (!peers && s->listed)
        why = "no peer is active";
    else if (!s->queried && !others_are_known(s))
        why = "no peer was asked what it holds: rfcquery does";
    if (pattern.n > 0)
        events_say(s->events, "nobody has %.*s: %s", pattern.n < 100 ? (int)pattern.n : 100,
                   pattern.p, why);
    else
        events_say(s->events, "nothing to list: %s", why);
}

static enum cli_exit run_index(struct script *s, struct slice pattern, struct buf *out)
{
    size_t documents = 0;
    struct index_table t;
    struct peer_table peers = {0};

    index_table_init(&t, pattern);
    peer_walk_index(s->peer, index_table_add, &t);
    peer_walk_peers(s->peer, peer_table_add, &peers);
    if (s->events->json)
        documents = index_table_json(&t, out, since_start_us(s));
    else
        documents = index_table_text(&t, &peers, out);
    if (documents == 0 && !s->events->json)
        buf_clear(out);
    enum cli_exit code = print(s, out, !t.failed && !peers.failed);
    if (code == CLI_EXIT_OK && documents == 0)
        say_nothing_listed(s, pattern, peers.count > 0);
    peer_table_fini(&peers);
    index_table_fini(&t);
    return code;
}

static enum cli_exit run_transfers(struct script *s, struct buf *out)
{
    struct transfer_lines l = {out, s->events->json, since_start_us(s)};

    transfer_lines_head(&l);
    peer_walk_transfers(s->peer, transfer_lines_add, &l);
    return print(s, out, true);
}

static enum cli_exit run_status(struct script *s, struct buf *out)
{
    struct peer_status status;

    peer_status(s->peer, &status);
    if (s->events->json)
        status_json(&status, out, since_start_us(s));
    else
        status_text(&status, out);
    return print(s, out, true);
}

/* With --json standard output is for objects alone. */
static enum cli_exit run_help(struct script *s, struct buf *out)
{
    help_batch_commands(out);
    if (!s->events->json)
        return print(s, out, true);
    events_say(s->events, "%.*s", (int)out->len - 1, buf_bytes(out)); /* its last newline comes */
    return CLI_EXIT_OK;
}

static enum cli_exit run_print(struct script *s, const struct batch_command *c)
{
    struct buf out;
    enum cli_exit code = CLI_EXIT_OK;

    buf_init(&out, EVENTS_RESULT_MAX);
    if (c->verb == BATCH_PEERS)
        code = run_peers(s, &out);
    else if (c->verb == BATCH_INDEX)
        code = run_index(s, c->pattern, &out);
    else if (c->verb == BATCH_TRANSFERS)
        code = run_transfers(s, &out);
    else if (c->verb == BATCH_HELP)
        code = run_help(s, &out);
    else
        code = run_status(s, &out);
    buf_fini(&out);
    return code;
}

/* ---- downloading ------------------------------------------------------------------------------------ */

/* Is anything that was asked for in the index? own: and here. */
struct search {
    const struct batch_command *get;
    bool own;
    bool found;
};

static bool look_for(void *arg, const struct rfc_entry *e)
{
    struct search *q = arg;

    for (size_t i = 0; i < q->get->count && !q->found; i++)
        q->found = e->rfc >= q->get->ranges[i].first && e->rfc <= q->get->ranges[i].last &&
                   (e->own || !q->own);
    return !q->found;
}

static bool is_known(struct script *s, const struct batch_command *c, bool own)
{
    struct search q = {c, own, false};
    peer_walk_index(s->peer, look_for, &q);
    return q.found;
}

/* The manual: 5 if a document ended on a mismatch, 4 if nothing that was asked for had a holder, else 1. */
static enum cli_exit tell_failures(struct script *s, const struct batch_command *c,
                                   const struct peer_result *r)
{
    struct problem p;

    if (r->mismatch > 0) {
        problem_set(&p, "p2pdi peers", di_err_text(DI_MISMATCH), "%zu of %zu RFCs failed",
                    r->failed, r->failed + r->done);
        return tell(s, CLI_EXIT_MISMATCH, &p);
    }
    if (r->done == 0 && r->nobody == r->failed && !is_known(s, c, true)) {
        problem_set(&p, "p2pdi ls", "none of the active peers that answer has it",
                    "nothing to download");
        return tell(s, CLI_EXIT_NOBODY, &p);
    }
    problem_set(&p, r->local > 0 ? "p2pdi doctor, with the same --share" : "p2pdi peers",
                r->local > 0 ? "they could not be stored here"
                             : "every holder failed, or there was none",
                "%zu of %zu RFCs failed", r->failed, r->failed + r->done);
    return tell(s, CLI_EXIT_INCOMPLETE, &p);
}

static enum cli_exit tell_unknown_peer(struct script *s, struct slice word)
{
    struct problem p;

    problem_set(&p, "p2pdi peers", "it is neither the id of an active peer nor HOST:PORT",
                "there is no peer '%.*s'", (int)(word.n < 80 ? word.n : 80), word.p);
    return tell(s, CLI_EXIT_INCOMPLETE, &p);
}

/* A peer id means something only once the list is here. */
static enum di_err find_peer(struct script *s, struct slice word, struct addr *out)
{
    enum di_err err = peer_resolve(s->peer, word, out);
    if (err != DI_NOT_FOUND || memchr(word.p, ':', word.n) != NULL)
        return err;
    err = peer_pquery(s->peer, RS_TIMEOUT_US);
    return err == DI_OK ? peer_resolve(s->peer, word, out) : err;
}

/* Else "0 files" looks as if something had gone wrong. */
static void say_why_nothing(struct script *s, const struct batch_command *c, bool unheard)
{
    struct peer_status status;
    bool others = others_are_known(s);
    const char *why = "no other peer holds anything";
    peer_status(s->peer, &status);
    if (!c->all)
        why = "it is here already";
    else if (others)
        why = unheard ? "what those hold who answer is here already; not every peer does"
                      : "what others hold is here already";
    else if (status.peers == 0)
        why = "no other peer is active";
    else if (unheard)
        why = "not every peer answers, and those who do hold nothing";
    events_say(s->events, "nothing to download: %s", why);
}

static enum cli_exit run_get(struct script *s, const struct batch_command *c)
{
    struct peer_get get = {
        .ranges = c->ranges, .count = c->count, .all = c->all, .serial = c->serial};
    struct peer_result result = {0};

    if (c->from.n > 0) {
        enum di_err err = find_peer(s, c->from, &get.from);
        if (err == DI_NOT_FOUND)
            return tell_unknown_peer(s, c->from);
        if (err != DI_OK)
            return code_of(err);
        get.has_from = true;
    }
    enum di_err err = peer_get(s->peer, &get, &result);
    if (err != DI_OK)
        return code_of(err);
    if (result.failed > 0)
        return tell_failures(s, c, &result);
    if (result.done == 0 && c->count > 0 && !is_known(s, c, false))
        return tell_failures(s, c, &result); /* a range in which nothing is known */
    if (result.done == 0)
        say_why_nothing(s, c, result.unheard);
    return CLI_EXIT_OK;
}

/* As `get` does: without the list there is nobody to ask, and "0 RFCs known" would be all one hears. */
static enum di_err know_peers(struct script *s)
{
    struct peer_status status;

    peer_status(s->peer, &status);
    return s->listed || status.peers > 0 ? DI_OK : peer_pquery(s->peer, RS_TIMEOUT_US);
}

static enum cli_exit run_rfcquery(struct script *s, const struct batch_command *c)
{
    struct addr from;

    if (c->from.n > 0) {
        enum di_err err = find_peer(s, c->from, &from);
        if (err == DI_NOT_FOUND)
            return tell_unknown_peer(s, c->from);
        if (err != DI_OK)
            return code_of(err);
    } else {
        enum di_err err = know_peers(s);
        if (err != DI_OK)
            return code_of(err);
    }
    enum di_err err = peer_rfcquery(s->peer, c->from.n > 0 ? &from : NULL, PEER_TIMEOUT_US);
    return err == DI_OK ? CLI_EXIT_OK : interrupted_or(CLI_EXIT_INCOMPLETE); /* the peer has told */
}

/* ---- waiting ---------------------------------------------------------------------------------------- */

static enum cli_exit run_wait(struct script *s, const struct batch_command *c)
{
    struct peer_status status;
    struct problem p;
    enum di_err err = c->rfcs ? peer_wait_rfcs(s->peer, c->number, c->time_us)
                              : peer_wait_peers(s->peer, c->number, c->time_us);
    if (err == DI_OK)
        return CLI_EXIT_OK;
    if (err != DI_TIMEOUT)
        return code_of(err);
    peer_status(s->peer, &status);
    problem_set(&p, "p2pdi peers", di_err_text(err), "wait: %zu of %" PRIu64 " %s are there",
                c->rfcs ? status.held : status.peers, c->number, c->rfcs ? "RFCs" : "peers");
    return tell(s, CLI_EXIT_INCOMPLETE, &p);
}

static enum cli_exit tell_input(struct script *s)
{
    struct problem p;

    problem_set(&p, "p2pdi peer --batch FILE", "too much is waiting there",
                "standard input cannot be read");
    return tell(s, CLI_EXIT_USAGE, &p);
}

/* What has been asked for after such a command. */
static void note_asked(struct script *s, const struct batch_command *c)
{
    bool gets = c->verb == BATCH_GET || c->verb == BATCH_SYNC;
    bool queries = c->verb == BATCH_RFCQUERY;

    s->listed = s->listed || gets || c->verb == BATCH_PQUERY || (queries && c->from.n == 0) ||
                (c->verb == BATCH_WAIT && !c->rfcs);
    s->queried = s->queried || gets || queries;
}

enum cli_exit script_run_command(struct script *s, const struct batch_command *c)
{
    enum cli_exit code = CLI_EXIT_OK;

    switch (c->verb) {
    case BATCH_REGISTER:
        code = code_of(peer_register(s->peer, RS_TIMEOUT_US));
        break;
    case BATCH_LEAVE:
        code = code_of(peer_leave(s->peer, RS_TIMEOUT_US));
        break;
    case BATCH_KEEPALIVE:
        code = code_of(peer_keepalive(s->peer, RS_TIMEOUT_US));
        break;
    case BATCH_PQUERY:
        code = code_of(peer_pquery(s->peer, RS_TIMEOUT_US));
        break;
    case BATCH_RFCQUERY:
        code = run_rfcquery(s, c);
        break;
    case BATCH_GET:
        code = run_get(s, c);
        break;
    case BATCH_SYNC:
        if (c->off)
            peer_sync_end(s->peer);
        else
            code = code_of(peer_sync(s->peer));
        break;
    case BATCH_PEERS:
    case BATCH_INDEX:
    case BATCH_TRANSFERS:
    case BATCH_STATUS:
    case BATCH_HELP:
        code = run_print(s, c);
        break;
    case BATCH_WAIT:
        code = run_wait(s, c);
        break;
    case BATCH_SLEEP:
        (void)input_sleep(c->time_us);
        break;
    case BATCH_HOLD:
        if (input_wait_end(s->input) == INPUT_TOO_LONG)
            code = tell_input(s);
        break;
    case BATCH_QUIT:
        s->quit = true;
        break;
    case BATCH_VERBS:
        break;
    }
    code = interrupted_or(code);
    if (code != CLI_EXIT_RS)
        note_asked(s, c);
    return c->forgiven && signals_exit_code() == 0 ? CLI_EXIT_OK : code;
}

/* ---- scripts ---------------------------------------------------------------------------------------- */

static enum cli_exit tell_wrong(struct events *e, const char *name, unsigned line, const char *why,
                                const char *hint)
{
    struct problem p;

    if (name == NULL) /* at a prompt */
        problem_set(&p, strcmp(hint, BATCH_HINT) == 0 ? "help" : hint, "", "%s", why);
    else if (line == 1 && strcmp(name, SCRIPT_OPTION) == 0)
        problem_set(&p, hint, why, "%s", name); /* mostly it has one line */
    else
        problem_set(&p, hint, why, "%.150s:%u", name, line);
    events_problem(e, &p);
    return CLI_EXIT_USAGE;
}

enum cli_exit script_run_text(struct script *s, const char *name, unsigned line, struct slice text)
{
    struct batch_text t = {.rest = text};
    struct slice command = {0};
    enum cli_exit code = CLI_EXIT_OK;

    while (code == CLI_EXIT_OK && !s->quit && batch_text_next(&t, &command)) {
        struct batch_command c;
        char why[BATCH_WHY_SIZE] = "";
        const char *hint = "";
        enum di_err err = batch_command_parse(command, &c, why, &hint);
        if (err == DI_OK)
            code = script_run_command(s, &c);
        else
            code = tell_wrong(s->events, name, line + t.number - 1,
                              *why != '\0' ? why : di_err_text(err), hint);
        batch_command_fini(&c);
    }
    return code;
}

enum cli_exit script_run_input(struct script *s)
{
    enum cli_exit code = CLI_EXIT_OK;

    for (unsigned number = 1; code == CLI_EXIT_OK && !s->quit; number++) {
        struct slice line = {0};
        struct buf copy; /* `hold` reads on while the line is in use */

        switch (input_line(s->input, &line)) {
        case INPUT_LINE:
            buf_init(&copy, INPUT_MAX);
            buf_append(&copy, line.p, line.n);
            code = script_run_text(s, "standard input", number,
                                   (struct slice){buf_bytes(&copy), copy.len});
            buf_fini(&copy);
            break;
        case INPUT_TOO_LONG:
            return tell_input(s);
        default:
            return interrupted_or(code);
        }
    }
    return code;
}

enum cli_exit script_check(struct events *e, const char *name, struct slice text)
{
    char why[BATCH_WHY_SIZE] = "";
    const char *hint = "";
    unsigned line = 0;
    enum di_err err = batch_text_check(text, &line, why, &hint);

    if (err == DI_OK)
        return CLI_EXIT_OK;
    return tell_wrong(e, name, line, *why != '\0' ? why : di_err_text(err), hint);
}
