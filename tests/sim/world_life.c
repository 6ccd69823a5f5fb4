/*
 * Who lives in the world and what befalls them: hosts with an RS and peers that start, stop and
 * crash, cut networks, broken connections, clocks that jump. Then calm: everything must come to its
 * end. In the world's one thread.
 */
#include "world_impl.h"

#include "p2pdi/base/hash.h"
#include "p2pdi/base/log.h"
#include "p2pdi/rs/rs.h"

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CALM_US (400 * SECOND) /* by then all has been fetched that can be */

/* Eight seconds are more than LEAVE may take and what a server grants its clients. */
static void must_have_ended(void *arg)
{
    const struct proc *p = arg;

    CHECK(p->has_ended || p->is_ghost, "host %u: told to end 8 s ago, and still there: %s",
          p->host->at, p->doing);
}

void proc_stop(struct proc *p)
{
    if (!p->stop)
        world_at(w.now_us + 8 * SECOND, must_have_ended, p);
    p->stop = true;
    task_wake(&p->stop);
}

bool proc_sleep(struct proc *p, int64_t us)
{
    int64_t until_us = w.now_us + us;
    bool was_calm = w.is_calm; /* it wakes who sleeps */

    while (!p->stop && w.now_us < until_us && w.is_calm == was_calm)
        (void)task_wait(&p->stop, NULL, until_us);
    return !p->stop;
}

static void proc_ended(struct proc *p)
{
    rules_on_end(p);
    p->has_ended = true;
    if (p->is_ghost) {
        disk_free(p->disk);
        p->disk = NULL;
    } else {
        p->host->proc = NULL;
    }
}

/* ---- the RS ---------------------------------------------------------------------------------- */

static void rs_main(void *arg)
{
    struct proc *p = arg;
    char why[256] = "";
    struct rs *rs = NULL;
    struct rs_config cfg = {
        .listen = p->host->ip, .state = "/state", .workers = (unsigned)between(1, 3)};

    cfg.listen.port = RS_PORT;

    enum di_err err = rs_start(&cfg, &rs, why);

    CHECK(err == DI_OK || p->is_ghost, "the RS does not start: %s", why);
    if (err == DI_OK) {
        p->rs = rs;
        if (!p->is_ghost)
            records_on_start(p);
        while (proc_sleep(p, between(100 * MS, w.is_long ? 200 * SECOND : 3 * SECOND)))
            records_look(p);
        rs_stop(rs);
        if (!p->is_ghost)
            records_on_crash(p);
    }
}

static void proc_main(void *arg)
{
    struct proc *p = arg;

    if (p->host->at == 0)
        rs_main(p);
    else
        peer_main(p);
    proc_ended(p);
}

/* ---- starting and crashing ------------------------------------------------------------------- */

static void start(void *arg)
{
    struct host *h = arg;

    if (w.is_ending || (h->proc != NULL && !h->proc->stop))
        return;
    if (h->proc != NULL) {
        world_at(w.now_us + SECOND, start, h);
        return;
    }

    struct proc *p = must(calloc(1, sizeof(*p)));

    h->is_up = true;
    h->proc = p;
    p->host = h;
    p->disk = h->disk;
    p->next = w.procs;
    w.procs = p;
    if (!w.is_calm && chance(250)) {
        p->crash_in = (int)between(1, chance(500) ? 30 : 400);
        p->crash_power = chance(600);
    }
    world_tell("host %u starts", h->at);
    (void)task_start(p, "main", proc_main, p);
}

static int64_t pause_us(void)
{
    if (w.is_calm)
        return between(10 * MS, SECOND);
    if (w.is_long && chance(200))
        return between(SECOND, 9000 * SECOND);
    return between(10 * MS, 15 * SECOND);
}

void world_crash(struct proc *p, bool power)
{
    struct host *h = p->host;

    p->crash_in = 0;
    if (p->is_ghost || h->proc != p)
        return;
    world_tell("host %u: %s", h->at, power ? "no power" : "its process is killed");
    world_note(0xdead + h->at);
    w.result->crashes++;
    h->disk = disk_after(p->disk, power);
    net_crash(p, power);
    p->is_ghost = true;
    h->proc = NULL;
    h->is_up = !power;
    if (h->at == 0)
        records_on_crash(p);
    rules_on_disk(h);
    proc_stop(p);
    world_at(w.now_us + pause_us(), start, h);
}

/* It ends as it should, and comes back. */
static void stop_some(void *arg)
{
    struct host *h = arg;

    if (h->proc == NULL || h->proc->stop)
        return;
    world_tell("host %u is stopped", h->at);
    w.result->stops++;
    proc_stop(h->proc);
    world_at(w.now_us + 4 * SECOND + pause_us(), start, h);
}

/* ---- faults ---------------------------------------------------------------------------------- */

static void heal(void *arg)
{
    (void)arg;
    world_tell("the network is whole again");
    memset(w.cut, 0, sizeof(w.cut));
}

static void cut(void)
{
    bool side[HOSTS_MAX];

    for (unsigned h = 0; h < w.hosts; h++)
        side[h] = chance(500);
    for (unsigned a = 0; a < w.hosts; a++)
        for (unsigned b = 0; b < w.hosts; b++)
            w.cut[a][b] = side[a] != side[b];
    world_tell("the network is cut");
    w.result->cuts++;
    world_at(w.now_us + between(100 * MS, w.is_long && chance(300) ? 8000 * SECOND : 40 * SECOND),
             heal, NULL);
}

static void jump(struct host *h)
{
    h->wall_offset_s += between(-86400, 86400);
    h->jumps++;
    w.result->jumps++;
    world_tell("the clock of host %u jumps", h->at);
}

static void fault(void *arg)
{
    struct host *h = &w.host[prng_below(&w.prng, w.hosts)];

    (void)arg;
    if (w.is_calm)
        return;
    switch (prng_below(&w.prng, 9)) {
    case 0:
        cut();
        break;
    case 1:
        jump(h);
        break;
    case 2:
        if (h->proc != NULL)
            world_crash(h->proc, chance(600));
        break;
    case 3:
        stop_some(h);
        break;
    case 4:
    case 5:
        rules_repeat(&w.host[between(1, (int64_t)w.hosts - 1)]);
        break;
    default:
        net_fault();
    }
    world_at(w.now_us + between(50 * MS, w.is_long ? 900 * SECOND : 4 * SECOND), fault, NULL);
}

/* ---- the end --------------------------------------------------------------------------------- */

static bool are_peers(bool (*is_so)(const struct host *h))
{
    for (unsigned h = 1; h < w.hosts; h++)
        if (!is_so(&w.host[h]))
            return false;
    return true;
}

static bool is_finished(const struct host *h)
{
    return h->proc != NULL && h->proc->is_finished;
}

static bool is_stopped(const struct host *h)
{
    return h->proc == NULL;
}

static bool are_ended(void)
{
    for (const struct proc *p = w.procs; p != NULL; p = p->next)
        if (!p->has_ended)
            return false;
    return true;
}

static void watch_end(void *arg)
{
    static int stage;
    static int64_t calm_us;

    if (arg == NULL) { /* the first time */
        stage = 0;
        calm_us = w.now_us;
        arg = &stage;
    }
    if (w.now_us - calm_us > CALM_US) {
        for (unsigned h = 0; h < w.hosts; h++)
            if (h > 0 && stage < 2 && !is_finished(&w.host[h]))
                world_broken("host %u does not come to its end: %s", h,
                             w.host[h].proc == NULL ? "not running" : w.host[h].proc->doing);
        world_broken("some process does not end");
        return;
    }
    if (stage == 0 && are_peers(is_finished)) {
        stage = 1;
        w.is_ending = true;
        for (unsigned h = 1; h < w.hosts; h++)
            proc_stop(w.host[h].proc);
    } else if (stage == 1 && are_peers(is_stopped)) {
        stage = 2;
        if (w.host[0].proc != NULL)
            proc_stop(w.host[0].proc);
    } else if (stage == 2 && are_ended()) {
        w.is_over = true;
        return;
    }
    world_at(w.now_us + 100 * MS, watch_end, arg);
}

static void calm(void *arg)
{
    (void)arg;
    world_tell("calm");
    w.is_calm = true;
    heal(NULL);
    for (unsigned h = 0; h < w.hosts; h++)
        world_at(w.now_us + 5 * SECOND + pause_us(), start, &w.host[h]);
    for (struct proc *p = w.procs; p != NULL; p = p->next) {
        p->crash_in = 0;
        task_wake(&p->stop);
    }
    watch_end(NULL);
}

/* ---- making ---------------------------------------------------------------------------------- */

static void make_edition(unsigned rfc, unsigned e)
{
    struct edition *d = &w.edition[rfc][e];
    size_t size = (size_t)(chance(150) ? between(30000, 200000) : between(200, 8000));
    size_t len;

    d->text = must(malloc(size + 200));
    len =
        (size_t)sprintf(d->text, "Request for Comments: %u\n\n     Title of RFC %u, edition %u\n\n",
                        RFC_FIRST + rfc, RFC_FIRST + rfc, e);
    while (len < size)
        len += (size_t)sprintf(d->text + len, "line %ju\n", (uintmax_t)prng_below(&w.prng, 100000));
    d->len = len;
    if (sha256_of(d->text, len, &d->sha) != DI_OK)
        abort();
}

static void give(unsigned host, unsigned rfc, unsigned e)
{
    char path[32];

    (void)snprintf(path, sizeof(path), "/lib/rfc%u.txt", RFC_FIRST + rfc);
    disk_put(w.host[host].disk, path, w.edition[rfc][e].text, w.edition[rfc][e].len);
    rules_on_given(host, rfc);
}

static void make_hosts(void)
{
    for (unsigned h = 0; h < w.hosts; h++) {
        w.host[h] = (struct host){
            .at = h, .ip = addr_ipv4(10, 0, 0, (uint8_t)(h + 1), 0), .next_port = 20000};
        w.host[h].disk = disk_new(&w.host[h]);
        disk_make_directory(w.host[h].disk, "");
        disk_make_directory(w.host[h].disk, "/state");
        disk_make_directory(w.host[h].disk, "/state/peer");
        disk_make_directory(w.host[h].disk, "/lib");
    }
    /* One of them may serve wrong bytes, if it is not the only one to have something. */
    w.has_liars = w.hosts > 3 && chance(250);
    w.host[w.hosts - 1].is_liar = w.has_liars;
    for (unsigned rfc = 0; rfc < w.rfcs; rfc++) {
        bool two = chance(100);

        make_edition(rfc, 0);
        if (two)
            make_edition(rfc, 1);
        give((unsigned)between(1, (int64_t)w.hosts - 1 - w.has_liars), rfc, 0);
        for (unsigned h = 1; h < w.hosts; h++)
            if (chance(200))
                give(h, rfc, two && chance(500));
    }
}

static void free_all(void)
{
    fds_free();
    net_free();
    records_free();
    rules_free();
    while (w.procs != NULL) {
        struct proc *p = w.procs;

        w.procs = p->next;
        if (p->is_ghost)
            disk_free(p->disk);
        free(p);
    }
    for (unsigned h = 0; h < w.hosts; h++)
        disk_free(w.host[h].disk);
    for (unsigned rfc = 0; rfc < w.rfcs; rfc++)
        for (int e = 0; e < 2; e++)
            free(w.edition[rfc][e].text);
    world_tasks_free();
}

static void hear(void *arg, enum log_level level, const char *line)
{
    (void)arg;
    if (level <= LOG_WARN)
        world_tell("log of host %u: %s", w.current == NULL ? 99 : task_proc()->host->at, line);
}

bool world_run(const struct world_config *cfg, struct world_result *out)
{
    static bool was_here;

    *out = (struct world_result){.digest = UINT64_C(0xcbf29ce484222325)};
    w = (struct world){.cfg = cfg, .result = out, .now_us = 1000 * SECOND, .next_due_us = NEVER};
    prng_seed(&w.prng, cfg->seed);
    if (!was_here) {
        /* What is drawn once in a process must not be drawn from a seed's numbers. */
        (void)hash_bytes("", 0);
        prng_seed(&w.prng, cfg->seed);
        log_set_sink(hear, NULL);
        /* Large blocks that are hardly touched must cost nothing. */
        (void)mallopt(M_PERTURB, 0);
        (void)mallopt(M_MMAP_THRESHOLD, 256 << 10);
        was_here = true;
    }
    vfs_install();
    w.is_long = chance(50);
    w.hosts = (unsigned)between(3, 6);
    w.rfcs = (unsigned)between(2, 10);
    make_hosts();
    for (unsigned h = 0; h < w.hosts; h++)
        world_at(w.now_us + between(0, 2 * SECOND), start, &w.host[h]);
    world_at(w.now_us + between(SECOND, 5 * SECOND), fault, NULL);
    world_at(w.now_us + (w.is_long ? between(7500, 12000) : between(5, 60)) * SECOND, calm, NULL);
    world_loop();
    out->virtual_s = (double)(w.now_us - 1000 * SECOND) / (double)SECOND;
    if (out->broken[0] == '\0' && !w.has_liars)
        for (unsigned h = 1; h < w.hosts; h++)
            CHECK(rules_has_all(&w.host[h]), "host %u does not have it all at the end", h);
    free_all();
    return out->broken[0] == '\0';
}
