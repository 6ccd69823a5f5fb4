/*
 * What a peer's user does: joins, asks, downloads, leaves, in an order drawn from the seed; and,
 * once it is calm, whatever it takes to have everything. In the world's one thread.
 */
#include "world_impl.h"

#include "p2pdi/peer/peer.h"
#include "p2pdi/store/state.h"

#include <string.h>

#define CALL_US (5 * SECOND)

static void on_event(void *arg, const struct peer_event *ev)
{
    rules_on_event(arg, ev);
}

/* Makes waiting calls return when the process is to end, and looks around until then. */
static void watch(void *arg)
{
    struct proc *p = arg;

    while (proc_sleep(p, between(100 * MS, w.is_long ? 300 * SECOND : 4 * SECOND)))
        rules_look_at_peer(p);
    peer_cancel(p->peer);
}

static struct peer_range draw_range(void)
{
    uint32_t first = RFC_FIRST + (uint32_t)prng_below(&w.prng, w.rfcs);

    return (struct peer_range){first, chance(500) ? first : RFC_FIRST + w.rfcs - 1};
}

static void get(struct proc *p, const struct peer_get *what)
{
    struct peer_result result = {0};
    unsigned before = p->failed_events;

    if (what->has_from)
        rules_contact(p, &what->from)->is_named = true;

    enum di_err err = peer_get(p->peer, what, &result);

    CHECK(p->is_ghost || result.failed <= p->failed_events - before,
          "host %u: %zu downloads failed, %u with a reason", p->host->at, result.failed,
          p->failed_events - before);
    CHECK(p->is_ghost || err != DI_CANCELLED || p->stop, "host %u: get ended for no reason",
          p->host->at);
}

static void get_some(struct proc *p)
{
    struct peer_range ranges[2] = {draw_range(), draw_range()};
    struct peer_get what = {.ranges = ranges, .count = 1 + chance(300), .serial = chance(150)};

    if (chance(400)) {
        what.count = 0;
        what.all = true;
    } else if (chance(150) && p->contacts > 0) {
        what.has_from = true;
        what.from = p->contact[prng_below(&w.prng, p->contacts)].addr;
    }
    get(p, &what);
}

static void act(struct proc *p)
{
    enum di_err err = DI_OK;

    switch (prng_below(&w.prng, 12)) {
    case 0:
        p->doing = "register";
        err = peer_register(p->peer, CALL_US);
        break;
    case 1:
        p->doing = "leave";
        err = peer_leave(p->peer, CALL_US);
        break;
    case 2:
        p->doing = "keepalive";
        err = peer_keepalive(p->peer, CALL_US);
        break;
    case 3:
    case 4:
        p->doing = "pquery";
        err = peer_pquery(p->peer, CALL_US);
        break;
    case 5:
    case 6:
        p->doing = "rfcquery";
        err = peer_rfcquery(p->peer, NULL, CALL_US);
        break;
    case 7:
        p->doing = "wait";
        err = peer_wait_peers(p->peer, (size_t)between(1, 3), between(0, CALL_US));
        break;
    case 8:
        p->doing = "sync";
        if (chance(200))
            err = peer_sync(p->peer);
        break;
    default:
        p->doing = "get";
        get_some(p);
    }
    (void)err; /* in such a world anything may fail */
    /* It would not be woken any more. */
    if (w.is_calm)
        return;
    p->doing = "sleep";
    (void)proc_sleep(p, between(0, w.is_long ? 1500 * SECOND : 5 * SECOND));
}

/* Everybody finds everybody, and all documents arrive. */
static bool converge(struct proc *p)
{
    struct peer_get all = {.all = true};
    struct peer_status status;

    p->doing = "register";
    if (peer_register(p->peer, CALL_US) != DI_OK)
        return false;
    p->doing = "pquery";
    if (peer_pquery(p->peer, CALL_US) != DI_OK)
        return false;
    peer_status(p->peer, &status);
    if (status.peers < w.hosts - 2) {
        p->doing = "waiting for the others";
        return false;
    }
    p->doing = "rfcquery";
    if (peer_rfcquery(p->peer, NULL, CALL_US) != DI_OK)
        return false;
    p->doing = "get all";
    get(p, &all);
    return w.has_liars || rules_has_all(p->host);
}

static void live(struct proc *p)
{
    if (chance(700))
        (void)!peer_register(p->peer, CALL_US);
    while (!p->stop && !w.is_calm)
        act(p);
    while (!p->stop && !converge(p))
        (void)proc_sleep(p, SECOND);
    if (p->stop)
        return;
    world_tell("host %u is finished", p->host->at);
    p->doing = "nothing any more";
    p->is_finished = true;
    /* A LEAVE or a REGISTER of long ago, at another port, may arrive only now. */
    while (proc_sleep(p, 60 * SECOND))
        (void)!peer_register(p->peer, CALL_US);
}

void peer_main(void *arg)
{
    struct proc *p = arg;
    struct state_dir state;
    struct task *watcher;
    char why[256] = "";
    struct peer_config cfg = {
        .listen = p->host->ip,
        .library = "/lib",
        .state = &state,
        .workers = (unsigned)between(1, 3),
        .downloads = (unsigned)between(1, 4),
        .compress = (enum peer_compress)prng_below(&w.prng, 3),
        .seed = prng_next(&w.prng),
        .on_event = on_event,
        .arg = p,
        .rs_count = 1,
    };

    cfg.rs[0] = w.host[0].ip;
    cfg.rs[0].port = RS_PORT;
    cfg.listen.port = chance(800) ? PEER_PORT : 0;
    p->doing = "starting";

    enum di_err err = state_dir_open("/state", "peer", &state, why);

    if (err == DI_OK)
        err = peer_start(&cfg, &p->peer, why);
    CHECK(err == DI_OK || p->is_ghost, "host %u does not start: %s", p->host->at, why);
    if (err == DI_OK) {
        watcher = task_start(p, "watch", watch, p);
        live(p);
        task_join(watcher);
        p->doing = "stopping";

        struct peer *peer = p->peer;

        p->peer = NULL;
        peer_stop(peer);
    }
    state_dir_close(&state);
}
