/*
 * The loop of a run: lines of the children become facts, ends of children are told apart from
 * failures, progress is shown. The lab's thread.
 */
#include "watch.h"

#include "event.h"

#include "p2pdi/base/clock.h"
#include "p2pdi/base/text.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>

#define TICK_US (50 * CLOCK_US_PER_MS)
#define PROGRESS_US (33 * CLOCK_US_PER_MS)
#define INTERRUPT ((size_t)2 * CHILDREN) /* the descriptor behind those of the children */

const char *run_name(size_t i, char out[16])
{
    if (i == RS)
        snprintf(out, 16, "the RS");
    else
        snprintf(out, 16, "P%zu", i);
    return out;
}

size_t run_peers(const struct run *r)
{
    return r->lab->cfg.peers;
}

/* ---- progress ------------------------------------------------------------------------------------ */

static void show(struct run *r, bool now)
{
    const struct lab_config *cfg = &r->lab->cfg;
    int64_t at = clock_mono_us();

    if (cfg->on_progress == NULL || (!now && (!r->changed || at - r->shown_us < PROGRESS_US)))
        return;
    r->changed = false;
    r->shown_us = at;
    r->progress.elapsed_us = r->start_us == 0 ? 0 : at - r->start_us;
    cfg->on_progress(cfg->arg, &r->progress);
}

void run_enter_phase(struct run *r, enum experiment_phase phase)
{
    r->progress.phase = phase;
    show(r, true);
}

/* ---- what children say ---------------------------------------------------------------------------- */

static void on_start(struct run *r, size_t i, const struct lab_event *ev)
{
    const struct document *doc = documents_find(&r->lab->docs, ev->rfc);

    if (i != RS && doc != NULL)
        r->told[i].start_t_us[doc - r->lab->docs.list] = ev->t_us;
}

static enum di_err on_done(struct run *r, size_t i, const struct lab_event *ev)
{
    struct experiment_peer *peer = &r->out->peer[i];
    const struct document *doc = documents_find(&r->lab->docs, ev->rfc);
    size_t holder = 0;

    while (holder < run_peers(r) && !addr_equal(&r->told[holder].addr, &ev->addr))
        holder++;
    if (doc == NULL || holder == run_peers(r) || peer->count == r->lab->cfg.files) {
        snprintf(r->why, 512, "P%zu says it has RFC %u, which it was not asked to get%s", i,
                 ev->rfc, holder == run_peers(r) ? " or not from there" : "");
        return DI_PROTOCOL;
    }
    if (!sha256_equal(&ev->sha256, &doc->sha256)) {
        snprintf(r->why, 512, "P%zu took RFC %u from P%zu with a wrong SHA-256", i, ev->rfc,
                 holder);
        return DI_MISMATCH;
    }
    int64_t start_t_us = r->told[i].start_t_us[doc - r->lab->docs.list];

    /* On the peer's own clock: see run.c, settle_times. */
    peer->files[peer->count++] =
        (struct experiment_file){.rfc = ev->rfc,
                                 .holder = (uint32_t)holder,
                                 .bytes = ev->bytes,
                                 .wire_bytes = ev->wire_bytes,
                                 .us = ev->us,
                                 .at_us = start_t_us == 0 ? ev->t_us : start_t_us + ev->us,
                                 .published_us = ev->t_us};
    r->progress.peer[i].done = peer->count;
    r->progress.peer[i].bytes += ev->bytes;
    r->progress.peer[holder].sent += ev->bytes;
    return DI_OK;
}

static enum di_err on_event(struct run *r, size_t i, const struct lab_event *ev)
{
    struct told *t = &r->told[i];
    int64_t offset = clock_mono_us() - ev->t_us;
    char name[16];

    if (!t->has_offset || offset < t->clock_offset_us)
        t->clock_offset_us = offset;
    t->has_offset = true;
    r->changed = true;
    switch (ev->kind) {
    case LAB_EV_LISTENING:
        t->listening = true;
        t->addr = ev->addr;
        break;
    case LAB_EV_REGISTERED:
        r->progress.registered += i != RS && !t->registered;
        t->registered = true;
        break;
    case LAB_EV_PEERS:
        t->peers = ev->count;
        break;
    case LAB_EV_INDEX:
        t->rfcs = ev->count;
        break;
    case LAB_EV_START:
        on_start(r, i, ev);
        break;
    case LAB_EV_DONE:
        return i == RS ? DI_OK : on_done(r, i, ev);
    case LAB_EV_COMPLETE:
        t->completes++;
        t->last_complete_t_us = ev->t_us;
        break;
    case LAB_EV_FAILED:
        snprintf(r->why, 512, "%s could not get %s", run_name(i, name), ev->text);
        return DI_PROTOCOL;
    case LAB_EV_ERROR:
        snprintf(t->complaint, sizeof(t->complaint), "%s", ev->text);
        break;
    case LAB_EV_OTHER:
        break;
    }
    return DI_OK;
}

static enum di_err read_lines(struct run *r, size_t i)
{
    char *line;
    char name[16], clean[200];

    while ((line = child_line(&r->told[i].child)) != NULL) {
        struct lab_event ev;
        enum di_err err = lab_event_parse(line, &ev);

        if (err != DI_OK) {
            text_clean(clean, sizeof(clean), slice_of(line));
            snprintf(r->why, 512, "%s wrote what is no event: %s", run_name(i, name), clean);
            return err;
        }
        err = on_event(r, i, &ev);
        if (err != DI_OK)
            return err;
    }
    return DI_OK;
}

/* A child that is gone: as it was told, or too early. */
static enum di_err on_end(struct run *r, size_t i)
{
    struct told *t = &r->told[i];
    char name[16], words[200], how[48];
    int code = WIFEXITED(t->child.status) ? WEXITSTATUS(t->child.status) : -1;

    /* The RS is ended by SIGTERM, for which it has an exit code after closing cleanly. */
    if (t->may_end && (code == 0 || (i == RS && code == 128 + SIGTERM)))
        return DI_OK;
    child_last_words(&t->child, words);
    if (code >= 0)
        snprintf(how, sizeof(how), "exit code %d", code);
    else
        snprintf(how, sizeof(how), "signal %d", WTERMSIG(t->child.status));
    snprintf(r->why, 512, "%s ended %s(%s)%s%s", run_name(i, name), t->may_end ? "" : "too early ",
             how, t->complaint[0] != '\0' || words[0] != '\0' ? ": " : "",
             t->complaint[0] != '\0' ? t->complaint : words);
    return DI_PROTOCOL;
}

/* ---- the loop ------------------------------------------------------------------------------------- */

static enum di_err handle_all(struct run *r, const struct pollfd *fds)
{
    for (size_t i = 0; i < CHILDREN; i++) {
        struct told *t = &r->told[i];
        enum di_err err;

        if (t->child.pid == 0)
            continue;
        err = child_handle(&t->child, &fds[2 * i]);
        if (err == DI_OK)
            err = read_lines(r, i);
        if (err == DI_OK && child_reap(&t->child))
            err = on_end(r, i);
        if (err != DI_OK)
            return err;
    }
    return DI_OK;
}

static bool someone_closed(const struct run *r)
{
    for (size_t i = 0; i < CHILDREN; i++) {
        if (r->told[i].child.pid > 0 && r->told[i].child.out < 0)
            return true;
    }
    return false;
}

/* Until done(r), within limit_s. */
enum di_err run_wait(struct run *r, bool (*done)(const struct run *r), int64_t limit_s,
                     const char *what)
{
    struct pollfd fds[INTERRUPT + 1];
    int64_t deadline = clock_mono_us() + limit_s * CLOCK_US_PER_S;

    if (deadline > r->deadline_us)
        deadline = r->deadline_us;
    while (!done(r)) {
        int64_t now = clock_mono_us();

        if (now >= deadline) {
            snprintf(r->why, 512, "%s took too long", what);
            return DI_TIMEOUT;
        }
        for (size_t i = 0; i < CHILDREN; i++)
            child_poll(&r->told[i].child, &fds[2 * i]);
        fds[INTERRUPT] = (struct pollfd){.fd = r->lab->cfg.interrupt_fd, .events = POLLIN};

        /* The end of a process makes no descriptor readable: look often while one is due. */
        int64_t wait_us = someone_closed(r) ? 2 * CLOCK_US_PER_MS : TICK_US;
        int n = poll(fds, INTERRUPT + 1, (int)(wait_us / CLOCK_US_PER_MS));

        if (n < 0 && errno != EINTR)
            return di_err_from_errno(errno);
        if (n > 0 && fds[INTERRUPT].revents != 0)
            return DI_CANCELLED;
        if (n >= 0) {
            enum di_err err = handle_all(r, fds);

            if (err != DI_OK)
                return err;
        }
        if (n == 0 && r->progress.phase == EXPERIMENT_RUNNING)
            r->changed = true; /* the clock goes on */
        show(r, false);
    }
    return DI_OK;
}
