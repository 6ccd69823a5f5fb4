/* The experiment as a whole: checks the configuration, runs task after task, cleans up. */
#include "p2pdi/lab/lab.h"

#include "documents.h"
#include "run.h"
#include "tempdir.h"

#include "p2pdi/base/clock.h"
#include "p2pdi/base/text.h"

#include <errno.h> /* program_invocation_name */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#define PEERS_DEFAULT 6
#define FILES_EACH 10 /* that one peer gets from one other */
#define TIMEOUT_S_DEFAULT 600
#define DEMO_FILES_EACH 20
#define DEMO_CENTRALISED_S 8

_Static_assert(sizeof(((struct lab *)0)->dir) == TEMPDIR_SIZE, "a lab's directory fits");

void lab_config_init(struct lab_config *cfg)
{
    *cfg = (struct lab_config){.tasks = EXPERIMENT_ALL, .seed = 1, .interrupt_fd = -1};
}

void lab_config_init_demo(struct lab_config *cfg)
{
    lab_config_init(cfg);
    cfg->tasks = EXPERIMENT_BIT(EXPERIMENT_CENTRALISED) | EXPERIMENT_BIT(EXPERIMENT_BEST) |
                 EXPERIMENT_BIT(EXPERIMENT_SWARM);
    cfg->files = (size_t)DEMO_FILES_EACH * (PEERS_DEFAULT - 1);
    cfg->centralised_s = DEMO_CENTRALISED_S;
}

/* This very program; where no /proc is mounted, by the name it was called by. */
static const char *own_program(void)
{
    static const char exe[] = "/proc/self/exe";
    return access(exe, X_OK) == 0 ? exe : program_invocation_name;
}

/* Fills in defaults; refuses what cannot be. */
static enum di_err settle(const struct lab_config *given, struct lab_config *cfg, char why[512])
{
    *cfg = *given;
    if (cfg->peers == 0)
        cfg->peers = PEERS_DEFAULT;
    if (cfg->timeout_s <= 0)
        cfg->timeout_s = TIMEOUT_S_DEFAULT;
    if (cfg->program == NULL)
        cfg->program = own_program();
    if ((cfg->tasks & EXPERIMENT_ALL) == 0) {
        snprintf(why, 512, "no task to run");
        return DI_INVALID;
    }
    if (cfg->peers < 2 || cfg->peers > EXPERIMENT_PEERS_MAX) {
        snprintf(why, 512, "%zu peers are not possible: take 2 to %d", cfg->peers,
                 EXPERIMENT_PEERS_MAX);
        return DI_INVALID;
    }

    size_t others = cfg->peers - 1;

    if (cfg->files == 0)
        cfg->files = FILES_EACH * others;
    if (cfg->files % others != 0 || cfg->files > 1000000) {
        snprintf(why, 512,
                 "%zu files cannot come in equal shares from %zu other peers: take a multiple of "
                 "%zu, such as %zu",
                 cfg->files, others, others, FILES_EACH * others);
        return DI_INVALID;
    }
    return DI_OK;
}

/* "Linux 6.1.0 x86_64, 2 CPUs (Intel ...)" */
static void describe_machine(char *out, size_t size)
{
    struct utsname u = {0};
    FILE *f = fopen("/proc/cpuinfo", "re");
    char line[300], model[100] = "", whole[400];

    while (f != NULL && model[0] == '\0' && fgets(line, sizeof(line), f) != NULL) {
        struct slice value;
        struct slice key = slice_split(slice_of(line), ':', &value);

        if (slice_equal(slice_trim(key), SLICE("model name"))) {
            value = slice_trim(value);
            if (value.n > 0 && value.p[value.n - 1] == '\n')
                value.n--;
            text_clean(model, sizeof(model), value);
        }
    }
    if (f != NULL)
        fclose(f);
    uname(&u);
    snprintf(whole, sizeof(whole), "%s %s %s, %ld CPUs%s%s", u.sysname, u.release, u.machine,
             sysconf(_SC_NPROCESSORS_ONLN), model[0] == '\0' ? "" : ": ", model);
    text_clean(out, size, slice_of(whole));
}

static uint64_t bytes_of_all(const struct documents *docs)
{
    uint64_t bytes = 0;

    for (size_t i = 0; i < docs->count; i++)
        bytes += docs->list[i].bytes;
    return bytes;
}

/* What each peer may send a second: as given, or such that P0 serves all others within that time. */
static uint64_t up_limit(const struct lab *lab)
{
    uint64_t others = lab->cfg.peers - 1;

    if (lab->cfg.up_bps != 0 || lab->cfg.centralised_s <= 0)
        return lab->cfg.up_bps;
    /* Each of them takes all but one share. */
    return 1 + bytes_of_all(&lab->docs) * others / lab->cfg.peers * others /
                   (uint64_t)lab->cfg.centralised_s;
}

/*
 * What limited links need for the slowest arrangement, and as much again: holder after holder sends
 * its share to all others. A rate that makes that long is no reason to give up.
 */
static int64_t links_s(const struct lab *lab)
{
    if (lab->up_bps == 0)
        return 0;
    return (int64_t)(2 * bytes_of_all(&lab->docs) * (lab->cfg.peers - 1) / lab->up_bps);
}

static enum di_err run_all(struct lab *lab, struct experiment *out, char why[512])
{
    enum di_err err = DI_OK;

    for (enum experiment_task t = 0; t < EXPERIMENT_TASKS; t++)
        lab->runs += (lab->cfg.tasks & EXPERIMENT_BIT(t)) != 0;
    for (enum experiment_task t = 0; t < EXPERIMENT_TASKS && err == DI_OK; t++) {
        if ((lab->cfg.tasks & EXPERIMENT_BIT(t)) == 0)
            continue;
        out->runs[t] = calloc(1, sizeof(*out->runs[t]));
        if (out->runs[t] == NULL)
            return DI_NOMEM;
        lab->run++;
        err = run_task(lab, t, out->runs[t], why);
        if (err != DI_OK)
            experiment_drop_run(out, t);
    }
    return err;
}

enum di_err lab_experiment(const struct lab_config *cfg, struct experiment *out, char why[512])
{
    struct lab lab = {0};
    struct sigaction ignore = {.sa_handler = SIG_IGN}, before;
    enum di_err err;

    *out = (struct experiment){0};
    why[0] = '\0';
    err = settle(cfg, &lab.cfg, why);
    if (err != DI_OK)
        return err;

    /* A child may be gone while we write to it; its end is noticed and explained elsewhere. */
    sigaction(SIGPIPE, &ignore, &before);
    err = tempdir_make(lab.dir);
    if (err != DI_OK) {
        snprintf(why, 512, "cannot make a temporary directory: %s; set TMPDIR", di_err_text(err));
        goto out;
    }
    err = documents_open(&lab.docs, &lab.cfg, lab.cfg.peers, lab.cfg.files, lab.dir, why);
    if (err != DI_OK)
        goto out;

    lab.up_bps = up_limit(&lab);
    lab.cfg.timeout_s += links_s(&lab);
    out->up_bps = lab.up_bps;
    out->peers = lab.cfg.peers;
    out->files = lab.cfg.files;
    out->seed = lab.cfg.seed;
    out->started_s = clock_wall_s();
    snprintf(out->version, sizeof(out->version), "%s", P2PDI_VERSION);
    snprintf(out->documents, sizeof(out->documents), "%s", lab.docs.text);
    describe_machine(out->machine, sizeof(out->machine));
    err = run_all(&lab, out, why);
out:
    documents_close(&lab.docs);
    tempdir_remove(lab.dir);
    sigaction(SIGPIPE, &before, NULL);
    return err;
}
