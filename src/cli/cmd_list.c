/* `p2pdi ls` and `p2pdi peers`: one query each, without joining. Main thread; "ask N" for many indexes at once. */
#include "commands.h"
#include "setup.h"
#include "signals.h"
#include "table.h"

#include "p2pdi/base/clock.h"
#include "p2pdi/peer/ask.h"

#include <stdio.h>

#define ASK_US (10 * CLOCK_US_PER_S)
#define ASKERS 8

static void cancel(void *arg)
{
    asker_cancel(arg);
}

/* ---- peers ------------------------------------------------------------------------------------------ */

static enum cli_exit ask_peers(const struct options *o, struct events *e, struct asker *a,
                               struct peer_table *out)
{
    struct addr servers[PEER_RS_MAX];
    char name[ADDR_TEXT_SIZE] = "";
    struct problem p;
    size_t count = 0;
    enum di_err err = DI_NOT_FOUND;

    enum cli_exit code = setup_servers(o, servers, &count, &p);
    for (size_t i = 0; i < count && err != DI_OK && code == CLI_EXIT_OK; i++) {
        out->count = 0;
        addr_format(&servers[i], name);
        err = asker_peers(a, &servers[i], clock_mono_us() + ASK_US, peer_table_add, out);
    }
    if (code == CLI_EXIT_OK && err == DI_OK)
        return code;
    if (code == CLI_EXIT_OK)
        problem_set(&p, setup_server_hint(err), setup_server_trouble(err),
                    "registration server %s cannot be asked", name);
    if (signals_exit_code() != 0)
        return (enum cli_exit)signals_exit_code();
    events_problem(e, &p);
    return CLI_EXIT_RS;
}

static enum cli_exit print(struct events *e, struct buf *out, bool complete)
{
    struct problem p;

    if (complete && buf_status(out) == DI_OK) {
        events_result(e, out);
        return CLI_EXIT_OK;
    }
    problem_set(&p, "", di_err_text(DI_NOMEM), "the table cannot be printed");
    events_problem(e, &p);
    return CLI_EXIT_INCOMPLETE;
}

static enum cli_exit list_peers(const struct options *o, struct events *e, struct asker *a)
{
    struct peer_table t = {0};
    struct buf out;

    buf_init(&out, EVENTS_RESULT_MAX);
    enum cli_exit code = ask_peers(o, e, a, &t);
    if (code == CLI_EXIT_OK) {
        if (e->json)
            peer_table_json(&t, &out, clock_mono_us() - e->start_us);
        else if (t.count > 0)
            peer_table_text(&t, &out);
        else
            events_say(e, "no peer is active");
        code = print(e, &out, !t.failed);
    }
    peer_table_fini(&t);
    buf_fini(&out);
    return code;
}

/* ---- ls --------------------------------------------------------------------------------------------- */

struct survey {
    struct lock lock; /* guards next and all */
    size_t next;      /* peer to ask */
    struct index_table all;
    size_t silent;         /* peers that did not answer */
    struct events *events; /* the rest is constant */
    struct asker *asker;
    const struct peer_table *peers;
};

static bool add_row(void *arg, const struct wire_index_row *row)
{
    struct survey *s = arg;
    lock_acquire(&s->lock);
    bool more = index_table_add_row(&s->all, row);
    lock_release(&s->lock);
    return more;
}

static void ask_indexes(void *arg)
{
    struct survey *s = arg;

    for (;;) {
        lock_acquire(&s->lock);
        size_t i = s->next++;
        lock_release(&s->lock);
        if (i >= s->peers->count || signals_exit_code() != 0)
            return;
        const struct addr *peer = &s->peers->rows[i].addr;
        enum di_err err = asker_index(s->asker, peer, clock_mono_us() + ASK_US, add_row, s);
        if (err == DI_OK)
            continue;
        char name[ADDR_TEXT_SIZE];
        addr_format(peer, name);
        events_say(s->events, "p2pdi: %s does not tell what it holds: %s", name, di_err_text(err));
        lock_acquire(&s->lock);
        s->silent++;
        lock_release(&s->lock);
    }
}

/* The main thread asks too, so that it works without any other. */
static void ask_all(struct survey *s)
{
    struct thread threads[ASKERS - 1] = {0};
    size_t started = 0;

    while (started < ASKERS - 1 && started + 1 < s->peers->count) {
        char name[16];
        snprintf(name, sizeof(name), "ask %zu", started);
        if (thread_start(&threads[started], name, ask_indexes, s) != DI_OK)
            break;
        started++;
    }
    ask_indexes(s);
    for (size_t i = 0; i < started; i++)
        thread_join(&threads[i]);
}

/* The arguments are one pattern: nobody has to quote words. */
static struct slice pattern_of(const struct options *o, struct buf *text)
{
    for (int i = 0; i < o->arg_count; i++) {
        if (i > 0)
            buf_append_char(text, ' ');
        buf_append_str(text, o->args[i]);
    }
    return (struct slice){buf_bytes(text), text->len};
}

static enum cli_exit tell_nobody(struct events *e, struct slice pattern, const char *why)
{
    struct problem p;

    problem_set(&p, "p2pdi peers", why, "nobody has %.*s", pattern.n < 100 ? (int)pattern.n : 100,
                pattern.p);
    events_problem(e, &p);
    return CLI_EXIT_NOBODY;
}

static enum cli_exit list_documents(const struct options *o, struct events *e, struct asker *a)
{
    struct peer_table peers = {0};
    struct survey s = {.events = e, .asker = a, .peers = &peers};
    struct buf out, text;
    size_t documents = 0;

    lock_init(&s.lock);
    buf_init(&out, EVENTS_RESULT_MAX);
    buf_init(&text, EVENTS_RESULT_MAX);
    struct slice pattern = pattern_of(o, &text);
    index_table_init(&s.all, pattern);
    enum cli_exit code = ask_peers(o, e, a, &peers);
    if (code == CLI_EXIT_OK) {
        ask_all(&s);
        if (signals_exit_code() != 0)
            code = (enum cli_exit)signals_exit_code();
    }
    if (code == CLI_EXIT_OK) {
        if (e->json)
            documents = index_table_json(&s.all, &out, clock_mono_us() - e->start_us);
        else
            documents = index_table_text(&s.all, &peers, &out);
        if (documents == 0 && !e->json)
            buf_clear(&out);
        code = print(e, &out, !s.all.failed && !peers.failed && buf_status(&text) == DI_OK);
    }
    if (code == CLI_EXIT_OK && documents == 0) {
        const char *why = peers.count == 0          ? "no peer is active"
                          : s.silent == peers.count ? "no peer told what it holds"
                                                    : "the active peers hold nothing like it";
        if (o->arg_count > 0)
            code = tell_nobody(e, pattern, why);
        else
            events_say(e, "nothing to list: %s", why);
    }
    index_table_fini(&s.all);
    peer_table_fini(&peers);
    buf_fini(&text);
    buf_fini(&out);
    lock_fini(&s.lock);
    return code;
}

/* ---- both ------------------------------------------------------------------------------------------- */

static enum cli_exit with_asker(const struct options *o, struct events *e,
                                enum cli_exit (*list)(const struct options *o, struct events *e,
                                                      struct asker *a))
{
    struct asker *a = NULL;
    struct problem p;

    enum di_err err = asker_new(options_flag(o, OPT_TRACE) ? events_trace : NULL, e, &a);
    if (err != DI_OK) {
        enum cli_exit failed = setup_failed(o, err, "", &p);
        events_problem(e, &p);
        return failed;
    }
    signals_notify(cancel, a);
    enum cli_exit code = list(o, e, a);
    signals_notify(NULL, NULL);
    asker_free(a);
    return code;
}

enum cli_exit cmd_peers(const struct options *o, struct events *e)
{
    return with_asker(o, e, list_peers);
}

enum cli_exit cmd_ls(const struct options *o, struct events *e)
{
    return with_asker(o, e, list_documents);
}
