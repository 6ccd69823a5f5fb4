/*
 * A run, step by step: start, meet, download in rounds, check, end. A step is a set of commands and
 * a condition that the children's events bring about. The lab's thread.
 */
#include "run.h"

#include "plan.h"
#include "tempdir.h"
#include "watch.h"

#include "p2pdi/base/clock.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#define START_LIMIT_S 60 /* for starting, meeting and ending: nothing there takes long */

static bool all_peers(const struct run *r, bool (*is)(const struct run *r, const struct told *t))
{
    for (size_t i = 0; i < run_peers(r); i++) {
        if (!is(r, &r->told[i]))
            return false;
    }
    return true;
}

static bool is_listening(const struct run *r, const struct told *t)
{
    (void)r;
    return t->listening;
}

static bool is_registered(const struct run *r, const struct told *t)
{
    (void)r;
    return t->registered;
}

static bool knows_peers(const struct run *r, const struct told *t)
{
    return t->peers >= run_peers(r) - 1;
}

static bool knows_documents(const struct run *r, const struct told *t)
{
    return t->rfcs >= r->lab->docs.count;
}

static bool is_through(const struct run *r, const struct told *t)
{
    (void)r;
    return t->completes >= t->expected;
}

static bool has_ended(const struct run *r, const struct told *t)
{
    (void)r;
    return t->child.ended;
}

static bool rs_listening(const struct run *r)
{
    return r->told[RS].listening;
}

static bool rs_ended(const struct run *r)
{
    return r->told[RS].child.ended;
}

static bool all_listening(const struct run *r)
{
    return all_peers(r, is_listening);
}

static bool all_registered(const struct run *r)
{
    return all_peers(r, is_registered);
}

static bool all_know_peers(const struct run *r)
{
    return all_peers(r, knows_peers);
}

static bool all_know_documents(const struct run *r)
{
    return all_peers(r, knows_documents);
}

static bool all_through(const struct run *r)
{
    return all_peers(r, is_through);
}

static bool all_ended(const struct run *r)
{
    return all_peers(r, has_ended);
}

/* ---- the steps -------------------------------------------------------------------------------------- */

static enum di_err make_dir(struct run *r, const char *path)
{
    if (mkdir(path, 0700) == 0)
        return DI_OK;

    enum di_err err = di_err_from_errno(errno);

    snprintf(r->why, 512, "cannot make the directory %.300s: %s", path, di_err_text(err));
    return err;
}

static enum di_err start_child(struct run *r, size_t i, const char *const argv[])
{
    char log[640], name[16];
    enum di_err err;

    snprintf(log, sizeof(log), "%s/%zu.log", r->dir, i);
    err = child_start(&r->told[i].child, r->lab->cfg.program, argv, log);
    if (err != DI_OK)
        snprintf(r->why, 512, "cannot start %s: %s", run_name(i, name), di_err_text(err));
    return err;
}

static enum di_err start_rs(struct run *r)
{
    char state[640];
    const char *argv[] = {"p2pdi",   "rs",  "--listen", "127.0.0.1:0",
                          "--state", state, "--json",   NULL};
    enum di_err err;

    snprintf(state, sizeof(state), "%s/rs", r->dir);
    err = make_dir(r, state);
    if (err == DI_OK)
        err = start_child(r, RS, argv);
    if (err == DI_OK)
        err = run_wait(r, rs_listening, START_LIMIT_S, "starting the RS");
    if (err == DI_OK)
        addr_format(&r->told[RS].addr, r->rs);
    return err;
}

/* The peer's directories, the documents that it has from the start, and its process. */
static enum di_err start_peer(struct run *r, size_t i)
{
    struct told *t = &r->told[i];
    struct plan_share share = plan_share(r->task, i, run_peers(r), r->lab->docs.group_size);
    char state[640];
    char up[24];
    /* No limit is said, too: a configuration file or the environment may hold one, of which no
     * report would know. */
    const char *argv[] = {"p2pdi",   "peer",     "--batch",     "--json",  "--rs",
                          r->rs,     "--listen", "127.0.0.1:0", "--share", t->library,
                          "--state", state,      "--up",        up,        "--down",
                          "0",       NULL};
    enum di_err err;

    snprintf(up, sizeof(up), "%" PRIu64, r->lab->up_bps);
    snprintf(t->library, sizeof(t->library), "%s/p%zu", r->dir, i);
    snprintf(state, sizeof(state), "%s/state%zu", r->dir, i);
    err = make_dir(r, t->library);
    if (err == DI_OK)
        err = make_dir(r, state);
    if (err == DI_OK)
        err = documents_lay_out(&r->lab->docs, share.first, share.count, t->library, r->why);
    if (err == DI_OK)
        err = start_child(r, i, argv);
    if (err == DI_OK && share.count > 0)
        child_send(&t->child, "wait rfcs %zu timeout %d", share.count, START_LIMIT_S);
    return err;
}

/* Every peer has seen its own documents, then all others, then all their documents. */
static enum di_err meet(struct run *r)
{
    static const struct {
        const char *command;
        bool (*done)(const struct run *r);
        const char *what;
    } steps[] = {
        {"register", all_registered, "registering the peers"},
        {"pquery", all_know_peers, "asking for the peers"},
        {"rfcquery all", all_know_documents, "asking for the indexes"},
    };
    enum di_err err = run_wait(r, all_listening, START_LIMIT_S, "starting the peers");

    for (size_t k = 0; k < sizeof(steps) / sizeof(steps[0]) && err == DI_OK; k++) {
        for (size_t i = 0; i < run_peers(r); i++)
            child_send(&r->told[i].child, "%s", steps[k].command);
        err = run_wait(r, steps[k].done, START_LIMIT_S, steps[k].what);
    }
    return err;
}

static void send_get(struct run *r, size_t i, const struct plan_get *get)
{
    struct told *t = &r->told[i];
    const struct documents *docs = &r->lab->docs;
    char from[ADDR_TEXT_SIZE];

    buf_append_str(&t->child.to, "get");
    for (size_t k = 0; k < docs->count; k++) {
        size_t group = k / docs->group_size;

        if (get->only_group == PLAN_ALL_BUT_OWN ? group != i : group == get->only_group)
            buf_printf(&t->child.to, " %u", docs->list[k].number);
    }
    if (get->from != PLAN_ANYONE) {
        addr_format(&r->told[get->from].addr, from);
        buf_printf(&t->child.to, " from %s serial", from);
    }
    buf_append_char(&t->child.to, '\n');
    t->expected++;
}

static enum di_err download(struct run *r)
{
    int64_t limit_s = r->lab->cfg.timeout_s;
    enum di_err err = DI_OK;

    r->start_us = clock_mono_us();
    for (size_t round = 0; round < plan_rounds(r->task, run_peers(r)) && err == DI_OK; round++) {
        for (size_t i = 0; i < run_peers(r); i++) {
            struct plan_get get;

            if (plan_get(r->task, round, i, run_peers(r), &get))
                send_get(r, i, &get);
        }
        err = run_wait(r, all_through, limit_s, "downloading");
    }
    return err;
}

static int by_arrival(const void *a, const void *b)
{
    const struct experiment_file *x = a, *y = b;

    return (x->at_us > y->at_us) - (x->at_us < y->at_us);
}

/* From each child's clock to time since the run's start, in order of arrival. */
static void settle_times(struct run *r)
{
    for (size_t i = 0; i < run_peers(r); i++) {
        struct told *t = &r->told[i];
        struct experiment_peer *peer = &r->out->peer[i];
        int64_t offset = t->clock_offset_us - r->start_us;

        if (peer->count == 0)
            continue;
        for (size_t k = 0; k < peer->count; k++) {
            struct experiment_file *f = &peer->files[k];

            /* An event is written a little after what it tells of: never later than the end. */
            f->at_us = f->at_us < f->published_us ? f->at_us + offset : f->published_us + offset;
            f->published_us += offset;
        }
        qsort(peer->files, peer->count, sizeof(*peer->files), by_arrival);
        peer->elapsed_us = t->last_complete_t_us + offset;
    }
}

static enum di_err check(struct run *r)
{
    for (size_t i = 0; i < run_peers(r); i++) {
        const struct experiment_peer *peer = &r->out->peer[i];
        size_t want = plan_downloads(r->task, i) ? r->lab->cfg.files : 0;

        if (peer->count != want) {
            snprintf(r->why, 512, "P%zu reported %zu files done, not %zu", i, peer->count, want);
            return DI_PROTOCOL;
        }
        for (size_t k = 0; k < peer->count; k++) {
            const struct document *doc = documents_find(&r->lab->docs, peer->files[k].rfc);
            enum di_err err;

            for (size_t other = 0; other < k; other++) {
                if (peer->files[other].rfc == peer->files[k].rfc) {
                    snprintf(r->why, 512, "P%zu reported RFC %u done twice", i, doc->number);
                    return DI_PROTOCOL;
                }
            }
            err = documents_check(doc, r->told[i].library, r->why);
            if (err != DI_OK)
                return err;
        }
    }
    return DI_OK;
}

static enum di_err end(struct run *r)
{
    enum di_err err;

    for (size_t i = 0; i < run_peers(r); i++) {
        r->told[i].may_end = true;
        child_close_input(&r->told[i].child);
    }
    err = run_wait(r, all_ended, START_LIMIT_S, "ending the peers");
    if (err != DI_OK)
        return err;
    r->told[RS].may_end = true;
    kill(r->told[RS].child.pid, SIGTERM);
    return run_wait(r, rs_ended, START_LIMIT_S, "ending the RS");
}

static enum di_err go(struct run *r)
{
    enum di_err err = make_dir(r, r->dir);

    if (err == DI_OK)
        err = start_rs(r);
    for (size_t i = 0; i < run_peers(r) && err == DI_OK; i++)
        err = start_peer(r, i);
    if (err == DI_OK)
        err = meet(r);
    if (err != DI_OK)
        return err;
    run_enter_phase(r, EXPERIMENT_RUNNING);
    err = download(r);
    if (err != DI_OK)
        return err;
    settle_times(r);
    run_enter_phase(r, EXPERIMENT_CHECKING);
    err = check(r);
    return err == DI_OK ? end(r) : err;
}

enum di_err run_task(const struct lab *lab, enum experiment_task task, struct experiment_run *out,
                     char why[512])
{
    struct run *r = calloc(1, sizeof(*r));
    enum di_err err = DI_OK;

    if (r == NULL)
        return DI_NOMEM;
    r->lab = lab;
    r->task = task;
    r->out = out;
    r->why = why;
    r->deadline_us = clock_mono_us() + lab->cfg.timeout_s * CLOCK_US_PER_S;
    r->progress = (struct experiment_progress){.task = task,
                                               .run = lab->run,
                                               .runs = lab->runs,
                                               .peers = lab->cfg.peers,
                                               .files = lab->cfg.files,
                                               .up_bps = lab->up_bps};
    snprintf(r->dir, sizeof(r->dir), "%s/%s", lab->dir, experiment_task_name(task));
    out->task = task;
    for (size_t i = 0; i < CHILDREN; i++)
        child_init(&r->told[i].child);
    for (size_t i = 0; i < lab->cfg.peers && err == DI_OK; i++) {
        r->progress.peer[i].downloads = plan_downloads(task, i);
        r->told[i].start_t_us = calloc(lab->docs.count, sizeof(*r->told[i].start_t_us));
        out->peer[i].files = calloc(lab->cfg.files, sizeof(*out->peer[i].files));
        if (r->told[i].start_t_us == NULL || out->peer[i].files == NULL)
            err = DI_NOMEM;
    }
    if (err == DI_OK) {
        run_enter_phase(r, EXPERIMENT_PREPARING);
        err = go(r);
    }
    for (size_t i = 0; i < CHILDREN; i++) {
        child_fini(&r->told[i].child);
        free(r->told[i].start_t_us);
    }
    tempdir_remove(r->dir);
    free(r);
    return err;
}
