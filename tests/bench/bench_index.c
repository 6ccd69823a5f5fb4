/*
 * The registry with a million peers, the RFC index with ten holders of 9,823 documents, the
 * scheduler with 10,000 documents of five holders: what their calls cost, in CPU time of this one
 * thread. No I/O.
 */
#include "p2pdi/base/random.h"
#include "p2pdi/index/peer_index.h"
#include "p2pdi/index/rfc_index.h"
#include "p2pdi/sched/sched.h"

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define S INT64_C(1000000)
#define WALL INT64_C(1790000000)
#define PEERS 1000000u
#define DOCS 9823u
#define ROUNDS 5

static size_t seen;

static int64_t cpu_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static double ms_since(int64_t start_ns)
{
    return (double)(cpu_ns() - start_ns) / 1e6;
}

static size_t heap_bytes(void)
{
    struct mallinfo2 m = mallinfo2();

    return m.uordblks + m.hblkhd;
}

static void must(enum di_err err)
{
    if (err != DI_OK) {
        fprintf(stderr, "bench_index: %s\n", di_err_text(err));
        exit(1);
    }
}

/* ---- registry -------------------------------------------------------------------------------- */

static struct sha256 cookie_of(uint32_t n)
{
    uint64_t spread = n * UINT64_C(0x9e3779b97f4a7c15);
    struct sha256 cookie = {{0}};

    memcpy(cookie.byte, &spread, sizeof(spread));
    return cookie;
}

static bool count_peer(void *arg, const struct peer_record *r)
{
    (void)arg;
    seen += r->peer != 0;
    return true;
}

static void measure_registry(void)
{
    struct peer_index *ix = NULL;
    struct peer_record r;
    char version[CHANGES_VERSION_SIZE];
    size_t before = heap_bytes();
    double worst_ms = 0;
    int64_t start_ns, all_ns;

    must(peer_index_new(1, PEERS, &ix));
    all_ns = cpu_ns();
    for (uint32_t i = 0; i < PEERS; i++) {
        struct sha256 cookie = cookie_of(i);
        struct addr addr = addr_ipv4(10, (uint8_t)(i >> 16), (uint8_t)(i >> 8), (uint8_t)i, 40000);

        start_ns = cpu_ns();
        must(peer_index_register(ix, &cookie, &addr, "", "", 0, WALL, &r));
        if (ms_since(start_ns) > worst_ms)
            worst_ms = ms_since(start_ns);
    }
    /* malloc spends 32 bytes on the two empty strings. */
    printf(
        "registry: 1,000,000 REGISTERs        %6.0f ms, worst %.1f ms, %zu bytes a peer beyond its "
        "strings\n",
        ms_since(all_ns), worst_ms, (heap_bytes() - before) / PEERS - 32);

    start_ns = cpu_ns();
    for (uint32_t i = 0; i < PEERS; i++) {
        struct sha256 cookie = cookie_of(i);

        must(peer_index_renew(ix, &cookie, 60 * S, WALL, &r));
    }
    printf("registry: a renewal                  %6.0f ns\n", ms_since(start_ns) * 1e6 / PEERS);

    peer_index_version(ix, version);
    for (uint32_t i = 0; i < 100; i++) {
        struct sha256 cookie = cookie_of(i);

        must(peer_index_leave(ix, &cookie, 60 * S, WALL, &r));
    }
    seen = 0;
    start_ns = cpu_ns();
    (void)peer_index_walk_since(ix, slice_of(version), 60 * S, WALL, count_peer, NULL);
    printf("registry: a delta of %zu             %8.3f ms\n", seen, ms_since(start_ns));
    seen = 0;
    start_ns = cpu_ns();
    peer_index_sample(ix, 50, 0, 1, 60 * S, WALL, count_peer, NULL);
    printf("registry: a sample of %zu             %8.3f ms\n", seen, ms_since(start_ns));
    start_ns = cpu_ns();
    (void)peer_index_expire(ix, 8000 * S, WALL, NULL, NULL);
    printf("registry: all run out in one second  %6.0f ms\n", ms_since(start_ns));
    peer_index_free(ix);
}

/* ---- RFC index ------------------------------------------------------------------------------- */

static bool count_row(void *arg, const struct rfc_entry *e)
{
    (void)arg;
    seen += e->rfc != 0;
    return true;
}

static struct rfc_entry row_of(uint32_t rfc, unsigned holder)
{
    struct rfc_entry e = {.rfc = rfc,
                          .ttl_s = RFC_TTL_S,
                          .holder = addr_ipv4(10, 0, 0, (uint8_t)holder, 40000),
                          .size_bytes = rfc * 10,
                          .title = "Content-Centric Networking (CCNx) Messages in TLV Format"};

    memcpy(e.sha256.byte, &rfc, sizeof(rfc));
    return e;
}

static void measure_index(void)
{
    struct rfc_index *ix = NULL;
    size_t before = heap_bytes();
    int64_t start_ns = cpu_ns();

    must(rfc_index_new(1, 1000000, &ix));
    for (unsigned holder = 1; holder <= 10; holder++) {
        for (uint32_t rfc = 1; rfc <= DOCS; rfc++) {
            struct rfc_entry e = row_of(rfc, holder);

            must(rfc_index_learn(ix, &e, true, 0));
        }
    }
    printf("index: learning a row                %6.0f ns, %.1f MB for 10 holders of %u\n",
           ms_since(start_ns) * 1e6 / (10 * DOCS), (double)(heap_bytes() - before) / 1e6, DOCS);
    start_ns = cpu_ns();
    rfc_index_walk(ix, RFC_SCOPE_ALL, 0, count_row, NULL);
    printf("index: walking all                 %8.2f ms\n", ms_since(start_ns));

    struct addr holder = row_of(1, 1).holder;

    start_ns = cpu_ns();
    rfc_index_renew(ix, &holder, 60 * S);
    printf("index: renewing a holder           %8.2f ms\n", ms_since(start_ns));
    start_ns = cpu_ns();
    rfc_index_drop_holder(ix, &holder);
    printf("index: dropping a holder           %8.2f ms\n", ms_since(start_ns));
    rfc_index_free(ix);
}

/* ---- scheduler ------------------------------------------------------------------------------- */

/* Eight threads take what is there, as fast as they can. */
static void drain(struct sched *s)
{
    struct {
        uint32_t link;
        struct sched_request queue[16];
        size_t queued;
    } task[8];
    size_t tasks = 0;
    struct addr addr;
    int64_t retry_us;

    while (sched_pending(s) > 0) {
        while (tasks < 8 && sched_link_open(s, 0, &addr, &task[tasks].link, &retry_us) == DI_OK) {
            sched_link_up(s, task[tasks].link);
            task[tasks++].queued = 0;
        }
        for (size_t i = 0; i < tasks; i++) {
            while (sched_next(s, task[i].link, 0, &task[i].queue[task[i].queued]))
                task[i].queued++;
            if (task[i].queued == 0) {
                sched_link_closed(s, task[i].link, SCHED_CLOSED, 0);
                task[i--] = task[--tasks];
                continue;
            }
            sched_on_done(s, task[i].link, task[i].queue[0].id, 0);
            task[i].queued--;
            memmove(task[i].queue, task[i].queue + 1, task[i].queued * sizeof(task[i].queue[0]));
        }
    }
}

static int compare_doubles(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

static void measure_sched(unsigned docs, unsigned holders, bool serial)
{
    struct sched_config cfg = {.window_max = 16, .links_per_holder_max = 4, .serial = serial};
    double ms[ROUNDS];

    for (int round = 0; round < ROUNDS; round++) {
        struct sched *s = NULL;
        int64_t start_ns = cpu_ns();

        must(sched_new(&cfg, 1, &s));
        for (uint32_t rfc = 1; rfc <= docs; rfc++)
            must(sched_want(s, rfc, NULL));
        for (unsigned holder = 1; holder <= holders; holder++) {
            for (uint32_t rfc = 1; rfc <= docs; rfc++) {
                struct rfc_entry e = row_of(rfc, holder);

                must(sched_on_offer(s, rfc, &e.holder, e.size_bytes, &e.sha256));
            }
        }
        drain(s);
        sched_free(s);
        ms[round] = ms_since(start_ns);
    }
    qsort(ms, ROUNDS, sizeof(ms[0]), compare_doubles);
    printf("sched: get of %u from %2u holders%s %6.1f ms (median of %d)\n", docs, holders,
           serial ? ", serial" : "        ", ms[ROUNDS / 2], ROUNDS);
}

int main(void)
{
    measure_registry();
    measure_index();
    measure_sched(10000, 5, false);
    measure_sched(10000, 5, true);
    measure_sched(10000, 20, false);
    return 0;
}
