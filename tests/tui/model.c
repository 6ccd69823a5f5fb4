/* Generated peers, documents, transfers, records. One thread. */
#include "model.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "p2pdi/base/clock.h"
#include "p2pdi/base/random.h"
#include "p2pdi/base/thread.h"

#define WALL_S INT64_C(1790000000)

static const char *const titles[] = {
    "CCNx Messages in TLV Format",
    "Algorithm Implementation Requirements and Usage Guidance for DNSSEC",
    "Ethernet Traffic Parameters with Availability Information",
    "Mathematical Mesh 3.0 Part II: Uniform Data Fingerprint",
    "Session Initiation Protocol (SIP) Digest Access Authentication Scheme",
    "IANA Registration for the Cryptographic Algorithm Object Identifier Range",
    "The \"leaptofrogans\" URI Scheme",
    "OAuth 2.0 Device Authorization Grant",
};

/* Already through text_clean, as all strings of snapshots are: what is left to do harm. */
static const char *const hostile[] = {
    "wide 漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字",
    "combining e\xcc\x81\xcc\x82\xcc\x83\xcc\x84\xcc\x85\xcc\x86\xcc\x87\xcc\x88 end",
    "\xcc\x81\xcc\x81 starts with accents",
    "zero\xe2\x80\x8bwidth\xe2\x80\x8djoin \xef\xb8\x8f selector",
    "soft\xc2\xadhyphen and emoji 👩‍👩‍👧 family 🇩🇪 flag",
    "replacement \xef\xbf\xbd sign",
    "",
    "                                             far right",
};

static struct shared_text *text(const char *s)
{
    char clean[512];
    size_t n = text_clean(clean, sizeof(clean), slice_of(s));

    return shared_text_new((struct slice){clean, n});
}

static void add_peer(struct snap_board *b, uint32_t id, int64_t now_us)
{
    struct snap_peer *p = rows_append(&b->content.peers);

    *p = (struct snap_peer){
        .peer = id,
        .documents = id == 7    ? 60
                     : id == 21 ? 0
                                : 12,
        .asked = id != 21,
        .failed = id == 12,
        .addr = addr_ipv4(192, 168, 1, (uint8_t)(40 + id), (uint16_t)(40000 + id)),
        .reachable = id == 15 ? SNAP_REACHABLE_NO : SNAP_REACHABLE_YES,
        .expires_us = now_us + (7200 - 31 * (int64_t)id) * CLOCK_US_PER_S,
        .down_bps = id == 7 ? 3100000 : 0,
    };
}

static void add_rfc(struct snap_board *b, uint32_t i, bool bad)
{
    struct snap_rfc *r = rows_append(&b->content.rfcs);
    bool two = i % 3 == 1;

    *r = (struct snap_rfc){
        .rfc = 8586 + i,
        .state = i < 41   ? SNAP_RFC_HELD
                 : i < 49 ? SNAP_RFC_WANTED
                          : SNAP_RFC_KNOWN,
        .size_bytes = 20000 + 1713 * i,
        .holders = two ? 2 : 1,
        .holder = {7, two ? 9 : 0},
        .title = text(bad ? hostile[i % 8] : titles[i % 8]),
    };
}

static void add_transfer(struct snap_board *b, uint32_t i, int64_t now_us, bool all_done,
                         uint64_t more)
{
    struct snap_transfer *t = rows_append(&b->content.transfers);
    int64_t begin = now_us - 2 * CLOCK_US_PER_S;
    uint64_t size = 20000 + 1713 * i;

    *t = (struct snap_transfer){
        .rfc = 8586 + i,
        .from = i % 3 == 1 ? 9 : 7,
        .addr = addr_ipv4(192, 168, 1, i % 3 == 1 ? 49 : 47, 40007),
        .state = SNAP_TRANSFER_DONE,
        .size_bytes = size,
        .have_bytes = size,
        .wire_bytes = size * 10 / 36,
        .start_us = begin + i * 30000,
    };
    t->end_us = t->start_us + 14000 + 700 * i;
    if (i >= 41 && !all_done) {
        t->state = i < 49   ? SNAP_TRANSFER_ACTIVE
                   : i < 52 ? SNAP_TRANSFER_QUEUED
                            : SNAP_TRANSFER_FAILED;
        t->have_bytes = i < 49 ? size * (i - 40) / 10 + more : 0;
        t->wire_bytes = t->have_bytes * 10 / 36;
        t->start_us = i < 49 || i >= 52 ? now_us - 40000 + 1000 * i : 0;
        t->end_us = i >= 52 ? t->start_us + 3000 : 0;
        t->why = i >= 52 ? text("connection refused") : NULL;
        t->word = i >= 52 ? "refused" : NULL;
    }
}

static void fill_peer(struct snap_board *b, enum model_scene scene, int64_t now_us)
{
    static const uint32_t ids[] = {7, 9, 12, 15, 21, 33, 34, 35};
    struct snap_peer_status *s = &b->content.peer;
    bool moved = scene == SCENE_MOVED, done = scene == SCENE_IDLE || scene == SCENE_SENDING;

    *s = (struct snap_peer_status){
        .peer = scene == SCENE_EMPTY ? 0 : 12,
        .addr = addr_ipv4(192, 168, 1, 31, 40117),
        .rs = addr_ipv4(192, 168, 1, 20, 65423),
        .registered = scene != SCENE_EMPTY,
        .reachable = SNAP_REACHABLE_YES,
        .expires_us = now_us + 7188 * CLOCK_US_PER_S,
    };
    if (scene == SCENE_EMPTY)
        return;
    for (size_t i = 0; i < (moved ? 8U : 5U); i++)
        add_peer(b, ids[i], MODEL_NOW_US);
    for (uint32_t i = 0; i < 60; i++)
        add_rfc(b, i, scene == SCENE_HOSTILE);
    for (uint32_t i = 0; i < 54; i++)
        add_transfer(b, i, MODEL_NOW_US, done, moved ? 900 : 0);
    for (int i = 0; i < 90; i++) {
        snap_history_push(&s->down, (i * 37 % 100) * 31000);
        snap_history_push(&s->up, scene == SCENE_IDLE && i == 89 ? 0 : (i * 17 % 60) * 9000);
    }
    s->known = 60;
    s->held = 41;
    s->active = done ? 0 : 8;
    s->queued = done ? 0 : 3;
    s->done = done ? 54 : 41;
    s->failed = done ? 0 : 2;
    s->run_start_us = MODEL_NOW_US - 2 * CLOCK_US_PER_S;
    s->run_end_us = done ? MODEL_NOW_US : 0;
    s->sum_us = 1148000;
    snap_board_log(b, SNAP_INFO, WALL_S, SLICE("registered as peer 12, TTL 7200"));
    snap_board_log(b, SNAP_WARN, WALL_S + 1, SLICE("peer 15 is not reachable"));
    snap_board_log(b, SNAP_ERROR, WALL_S + 2,
                   scene == SCENE_HOSTILE ? SLICE("bad \033[2Jname\202\033]0;x\007 \xe2\x80\xae"
                                                  "evil")
                                          : SLICE("RFC 8638: connection refused by 192.168.1.55"));
    if (moved) {
        snap_board_log(b, SNAP_WARN, WALL_S + 3, SLICE("three more peers"));
        snap_board_log(b, SNAP_INFO, WALL_S + 3, SLICE("RFC 8630 from 192.168.1.47: 95K in 1.0s"));
    }
}

static void fill_rs(struct snap_board *b, uint32_t count)
{
    static const char *const systems[] = {"Linux 6.1", "Windows 10", "Darwin 22", "FreeBSD 13"};
    struct snap_rs_status *s = &b->content.rs;
    struct shared_text *os[4];
    struct prng prng;

    prng_seed(&prng, 8609);
    for (size_t i = 0; i < 4; i++)
        os[i] = text(systems[i]);
    for (uint32_t i = 1; i <= count; i++) {
        struct snap_record *r = rows_append(&b->content.records);
        uint64_t dice = prng_next(&prng);
        char name[48];

        snprintf(name, sizeof(name), "host-%05u.lab.example.net", (unsigned)(dice >> 40) % 100000);
        *r = (struct snap_record){
            .peer = i,
            .registrations = 1 + (uint32_t)(dice % 9),
            .addr = addr_ipv4(10, (uint8_t)(dice >> 8), (uint8_t)(dice >> 16), (uint8_t)i,
                              (uint16_t)(30000 + dice % 20000)),
            .active = dice % 5 != 0,
            .reachable = (enum snap_reachable)(dice % 3),
            .expires_us = MODEL_NOW_US + (int64_t)(dice % 7200) * CLOCK_US_PER_S,
            .last_registered_s = WALL_S - (int64_t)(dice % 86400),
            .name = text(name),
            .os = shared_text_ref(os[dice % 4]),
        };
        if (i == 4 &&
            !addr_parse(SLICE("[2001:db8:1234:5678:9abc:def0:1234:5678]:40004"), &r->addr))
            abort();
    }
    for (size_t i = 0; i < 4; i++)
        shared_text_unref(os[i]);
    for (uint32_t i = 0; i < 400; i++) {
        struct snap_request *r = rows_append(&b->content.requests);

        *r = (struct snap_request){.at_s = WALL_S - 400 + i,
                                   .peer = 1 + i % 20,
                                   .addr = addr_ipv4(10, 0, 0, (uint8_t)(1 + i % 20), 50000),
                                   .kind = (enum snap_request_kind)(i % 4),
                                   .status = i % 17 == 3 ? 403 : 200};
    }
    *s = (struct snap_rs_status){
        .addr = addr_ipv4(192, 168, 1, 20, 65423),
        .start_us = MODEL_NOW_US - 754 * CLOCK_US_PER_S,
        .active = count * 4 / 5,
        .known = count,
        .requests = {412, 6120, 3011, 77, 12, 0},
        .errors = 9,
        .connections = 31,
        .store_bytes = 1234567,
        .store = text("/var/lib/p2pdi/rs.db"),
    };
    for (int i = 0; i < SNAP_SAMPLES; i++) {
        for (int k = 0; k < SNAP_REQUEST_KINDS; k++)
            snap_history_push(&s->rate[k],
                              k == SNAP_REQUEST_OTHER ? 0 : i * (7 + k) % (20 + 9 * k));
        snap_history_push(&s->error_rate, i % 40 == 0);
    }
    for (int i = 0; i < 60; i++)
        snap_history_push(&s->registrations, i * 5 % 13);
    snap_board_log(b, SNAP_INFO, WALL_S, SLICE("listening on 192.168.1.20:65423"));
}

void model_fill(struct snap_board *b, enum model_scene scene, int64_t now_us)
{
    if (scene == SCENE_RS || scene == SCENE_RS_MANY)
        fill_rs(b, scene == SCENE_RS ? 200 : 100000);
    else
        fill_peer(b, scene, now_us);
}

/* ---- the child ---------------------------------------------------------------------------------- */

struct child {
    struct model_shared *shared;
    struct snap_board board;
    int scene;
    uint64_t version;
};

/* Calls itself until there is no room. */
static void use_up_the_stack(void *arg)
{
    volatile char room[4096];

    room[0] = *(volatile char *)arg;
    if (room[0] != 0)
        use_up_the_stack((void *)(uintptr_t)room);
    room[1] = room[0]; /* not a tail call */
}

static void crash_elsewhere(void *arg)
{
    static struct thread t;

    if (thread_start(&t, "victim", use_up_the_stack, arg) == DI_OK)
        thread_join(&t);
}

static struct snapshot *child_snapshot(void *ctx)
{
    struct child *c = ctx;
    int scene = atomic_load(&c->shared->scene), crash = atomic_load(&c->shared->crash);

    atomic_fetch_add(&c->shared->snapshots, 1);
    if (crash > 0)
        raise(crash);
    else if (crash == MODEL_OVERFLOW)
        use_up_the_stack(&crash);
    else if (crash == MODEL_OTHER_OVERFLOW)
        crash_elsewhere(&crash);
    if (scene == SCENE_NOTHING)
        return NULL;
    if (scene != c->scene) {
        uint64_t version = c->version + 1000000; /* other than all of the board before */

        if (c->scene >= 0)
            snap_board_fini(&c->board);
        snap_board_init(&c->board);
        c->board.content.peers.version = version;
        c->board.content.rfcs.version = version;
        c->board.content.transfers.version = version;
        c->board.content.records.version = version;
        c->board.content.log.version = version;
        c->version = version;
        model_fill(&c->board, (enum model_scene)scene, MODEL_NOW_US);
        c->scene = scene;
    }
    return snap_board_snapshot(&c->board);
}

static bool child_stopping(void *ctx)
{
    return atomic_load(&((struct child *)ctx)->shared->stop);
}

static void child_command(void *ctx, const char *line)
{
    struct model_shared *s = ((struct child *)ctx)->shared;
    size_t n = atomic_load(&s->command_count);

    if (n < MODEL_COMMANDS) {
        snprintf(s->commands[n], sizeof(s->commands[n]), "%s", line);
        atomic_store(&s->command_count, n + 1);
    }
}

static void child_cancel(void *ctx, uint32_t rfc)
{
    atomic_store(&((struct child *)ctx)->shared->cancelled, rfc);
}

static const char document[] =
    "Internet Engineering Task Force (IETF)                         M. Mosko\n"
    "Request for Comments: %u                                    PARC, Inc.\n"
    "Category: Experimental                                         July 2019\n"
    "\n\n"
    "                    A Document Made for Reading\n"
    "\n"
    "Abstract\n"
    "\n"
    "   This text stands where RFC 8610 would say more, and RFC 1 less.\n"
    "   It goes over a page break in the middle of\n"
    "\n\n"
    "Mosko                         Experimental                      [Page 1]\n"
    "\f\n"
    "RFC %u                         Reading                        July 2019\n"
    "\n\n"
    "   a sentence.\n"
    "\n"
    "Table of Contents\n"
    "\n"
    "   1.  Introduction  . . . . . . . . . . . . . . . . . . . . . . . .   3\n"
    "\n"
    "1.  Introduction\n"
    "\n"
    "   First words of the introduction.\n"
    "\n"
    "1.1.  Terms\n"
    "\n"
    "   A needle is hidden here.\n"
    "\n"
    "2.  Security Considerations\n"
    "\n"
    "   None, see [RFC 8605].\n";

static enum di_err child_open(void *ctx, uint32_t rfc, char **bytes, size_t *len)
{
    if (rfc < 8586 || rfc >= 8586 + 41 || rfc == ((struct child *)ctx)->shared->removed)
        return DI_NOT_FOUND;

    size_t size = sizeof(document) + 4096;

    *bytes = malloc(size);
    if (*bytes == NULL)
        return DI_NOMEM;
    *len = (size_t)snprintf(*bytes, size, document, rfc, rfc);
    for (int i = 0; i < 60; i++)
        *len += (size_t)snprintf(*bytes + *len, size - *len, "   More text, line %d.\n", i);
    return DI_OK;
}

static int64_t child_clock(void *ctx)
{
    return atomic_load(&((struct child *)ctx)->shared->now_us);
}

enum di_err model_run(struct model_shared *shared, enum tui_kind kind, int wake_fd, char why[256])
{
    static const char *const commands[] = {"register", "leave", "keepalive", "pquery", "rfcquery",
                                           "get",      "sync",  "peers",     "status", NULL};
    static const char *const arguments[] = {"all", "missing", "from", "serial", NULL};
    struct child child = {.shared = shared, .scene = -1};
    struct tui_config cfg = {
        .kind = kind,
        .in_fd = STDIN_FILENO,
        .out_fd = STDOUT_FILENO,
        .wake_fd = wake_fd,
        .ctx = &child,
        .snapshot = child_snapshot,
        .stopping = child_stopping,
        .command = kind == TUI_PEER ? child_command : NULL,
        .cancel = child_cancel,
        .open = kind == TUI_PEER ? child_open : NULL,
        .commands = commands,
        .arguments = arguments,
        .mono_us = child_clock,
    };
    enum di_err err = tui_run(&cfg, why);

    if (child.scene >= 0)
        snap_board_fini(&child.board);
    return err;
}
