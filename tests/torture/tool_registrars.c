/*
 * A thousand registrars as peers have them, without the rest of the peers: each has its thread, cookie and back-off. It
 * records when the server answered them.
 *
 *   tool_registrars COUNT PORT STATE-DIR SEED
 *
 * Commands on standard input, each answered by one line that begins with its word:
 *   go      all of them register or renew now; until all were answered
 *   lose    the same, while there is no server: "lose ANSWERED" once each has failed
 *   return  waits until all were answered: "return seconds mean_per_s peak_per_s", in steps of a second
 *   leave   all leave
 */
#include "../../src/peer/internal.h"

#include "p2pdi/base/log.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#define COUNT_MAX 4000
#define SECONDS_MAX 600
#define PORT_FIRST 2000

struct member {
    struct peer peer;
    struct state_dir state;
    int64_t answered_us; /* guarded by lock; 0: not yet */
};

static struct member *members;
static size_t count;

static struct lock lock = LOCK_INITIALIZER;
static struct cond changed;
/* guarded by lock */
static size_t answered;

static void die(const char *what, const char *why)
{
    (void)fprintf(stderr, "tool_registrars: %s: %s\n", what, why);
    _Exit(1);
}

static void on_trace(void *arg, bool received, const struct addr *remote, const char *bytes,
                     size_t len)
{
    static const char good[] = "P2P-DI/1.0 200 ";
    struct member *m = arg;
    (void)remote;
    if (!received || len < sizeof(good) || memcmp(bytes, good, sizeof(good) - 1) != 0)
        return;
    lock_acquire(&lock);
    answered += m->answered_us == 0;
    if (m->answered_us == 0)
        m->answered_us = clock_mono_us();
    cond_broadcast(&changed);
    lock_release(&lock);
}

static void start(struct member *m, size_t i, uint16_t port, const char *root, uint64_t seed)
{
    char name[32], why[256] = "";
    struct peer *p = &m->peer;
    (void)snprintf(name, sizeof(name), "peer-%zu", i);
    if (state_dir_open(root, name, &m->state, why) != DI_OK)
        die(name, why);
    p->cfg.rs[0] = addr_ipv4(127, 0, 0, 1, port);
    p->cfg.rs_count = 1;
    p->cfg.state = &m->state;
    p->cfg.seed = seed * COUNT_MAX + i + 1;
    p->addr = addr_ipv4(127, 0, 0, 1, (uint16_t)(PORT_FIRST + i));
    p->sink = (struct sink){.trace = on_trace, .arg = m};
    lock_init(&p->sink.lock);
    /* The latter two are told of its number. */
    if (net_waker_new(&p->waker) != DI_OK || rs_client_new(p, &p->rs) != DI_OK ||
        registrar_new(p, &p->registrar) != DI_OK || neighbours_new(p, &p->neighbours) != DI_OK ||
        downloads_new(p, &p->downloads) != DI_OK || registrar_start(p->registrar) != DI_OK)
        die(name, "cannot be started");
}

/* All at once; until each has had its turn, well or not. */
static void begin(void)
{
    lock_acquire(&lock);
    for (size_t i = 0; i < count; i++)
        members[i].answered_us = 0;
    answered = 0;
    lock_release(&lock);
    for (size_t i = 0; i < count; i++)
        registrar_begin(members[i].peer.registrar);
    for (size_t i = 0; i < count; i++)
        (void)!registrar_await(members[i].peer.registrar, clock_mono_us() + 60 * CLOCK_US_PER_S);
}

static void await_answers(void)
{
    lock_acquire(&lock);
    while (answered < count)
        cond_wait(&changed, &lock);
    lock_release(&lock);
}

/* How the answers spread over the time from the first to the last. */
static void print_return(void)
{
    static unsigned by_second[SECONDS_MAX + 1];
    int64_t first_us = INT64_MAX, last_us = 0;
    unsigned peak = 0;

    memset(by_second, 0, sizeof(by_second));
    lock_acquire(&lock);
    for (size_t i = 0; i < count; i++) {
        int64_t at_us = members[i].answered_us;
        first_us = at_us < first_us ? at_us : first_us;
        last_us = at_us > last_us ? at_us : last_us;
    }
    for (size_t i = 0; i < count; i++) {
        int64_t s = (members[i].answered_us - first_us) / CLOCK_US_PER_S;
        unsigned n = ++by_second[s < SECONDS_MAX ? s : SECONDS_MAX];
        peak = n > peak ? n : peak;
    }
    lock_release(&lock);
    double seconds = (double)(last_us - first_us + 1) / (double)CLOCK_US_PER_S;
    (void)printf("return %.1f %.1f %u\n", seconds, (double)count / seconds, peak);
}

static void leave(void)
{
    for (size_t i = 0; i < count; i++) {
        struct peer *p = &members[i].peer;
        p->stopped_by_us = clock_mono_us() + 60 * CLOCK_US_PER_S;
        registrar_stop(p->registrar);
        registrar_free(p->registrar);
        rs_client_free(p->rs);
        neighbours_free(p->neighbours);
        downloads_free(p->downloads);
        net_waker_free(p->waker);
        lock_fini(&p->sink.lock);
        state_dir_close(&members[i].state);
    }
    (void)printf("leave\n");
}

int main(int argc, char **argv)
{
    struct rlimit limit;
    char word[16];

    if (argc != 5 || getrlimit(RLIMIT_NOFILE, &limit) != 0)
        die("usage", "tool_registrars COUNT PORT STATE-DIR SEED");
    limit.rlim_cur = limit.rlim_max;
    (void)setrlimit(RLIMIT_NOFILE, &limit);
    count = strtoul(argv[1], NULL, 10);
    members = calloc(count, sizeof(*members));
    if (count == 0 || count > COUNT_MAX || members == NULL)
        die("COUNT", "too many or none");
    cond_init(&changed);
    for (size_t i = 0; i < count; i++)
        start(&members[i], i, (uint16_t)strtoul(argv[2], NULL, 10), argv[3],
              strtoull(argv[4], NULL, 10));
    (void)setvbuf(stdout, NULL, _IOLBF, 0);
    while (scanf("%15s", word) == 1) {
        if (strcmp(word, "go") == 0) {
            begin();
            await_answers();
            (void)printf("go\n");
        } else if (strcmp(word, "lose") == 0) {
            begin();
            lock_acquire(&lock);
            (void)printf("lose %zu\n", answered);
            lock_release(&lock);
        } else if (strcmp(word, "return") == 0) {
            await_answers();
            print_return();
        } else if (strcmp(word, "leave") == 0) {
            leave();
        } else {
            die(word, "is no command");
        }
    }
    free(members);
    return 0;
}
