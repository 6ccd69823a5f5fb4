/*
 * The RS's records in SQLite: how fast a full registry is read back after a start, and how many
 * puts a second become durable, in groups of as many as wait at once.
 *
 *   bench_records [RECORDS [ROUNDS]]
 */
#include "p2pdi/base/clock.h"
#include "p2pdi/base/random.h"
#include "p2pdi/base/text.h"
#include "p2pdi/base/thread.h"
#include "p2pdi/store/records.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define NOW_S INT64_C(1700000000)
#define ROUNDS_MAX 15
#define DURABLE_S 2
#define IN_FLIGHT 64

static struct lock lock;
static struct cond less;
static size_t in_flight;
static size_t durable_count;

static void die(const char *what, enum di_err err)
{
    (void)fprintf(stderr, "bench_records: %s: %s\n", what, di_err_text(err));
    _Exit(1);
}

static void make_record(struct stored_record *r, struct prng *random, uint32_t peer)
{
    memset(r, 0, sizeof *r);
    for (size_t i = 0; i < sizeof r->record.cookie.byte; i += 8) {
        uint64_t n = prng_next(random);
        memcpy(r->record.cookie.byte + i, &n, 8);
    }
    r->record.peer = peer;
    r->record.addr =
        addr_ipv4(10, (uint8_t)(peer >> 16), (uint8_t)(peer >> 8), (uint8_t)peer, 40000);
    r->record.active = true;
    r->record.ttl_s = PEER_TTL_S;
    r->record.last_registered_s = NOW_S;
    (void)snprintf(r->record.name, sizeof r->record.name, "host-%u.example.org", peer);
    (void)snprintf(r->record.os, sizeof r->record.os, "Linux 6.1.0");
    r->stamps[0] = (struct peer_stamp){NOW_S, 1};
    r->stamps[1] = (struct peer_stamp){NOW_S - 86400, 1};
    r->stamp_count = 2;
}

static void on_durable(void *arg, enum di_err err)
{
    (void)arg;
    if (err != DI_OK)
        die("durable", err);
    lock_acquire(&lock);
    in_flight--;
    durable_count++;
    cond_signal(&less);
    lock_release(&lock);
}

/* At most so many wait for their word at once, as connections would. */
static void put_waiting(struct record_store *s, const struct stored_record *r, size_t flight_max)
{
    lock_acquire(&lock);
    while (in_flight >= flight_max)
        cond_wait(&less, &lock);
    in_flight++;
    lock_release(&lock);
    enum di_err err = s->ops->put(s, r, 1, NOW_S, on_durable, NULL);
    if (err != DI_OK)
        die("put", err);
}

static struct record_store *open_store(const char *path)
{
    struct record_store *s = NULL;
    char why[256];
    enum di_err err = record_store_open_sqlite(path, &s, why);
    if (err != DI_OK)
        die(why, err);
    return s;
}

static enum di_err count(void *arg, const struct stored_record *r)
{
    (void)r;
    ++*(size_t *)arg;
    return DI_OK;
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;
    return (x > y) - (x < y);
}

static size_t argument(int argc, char **argv, int i, uint64_t max, size_t otherwise)
{
    uint64_t n = 0;
    return argc > i && text_parse_u64(slice_of(argv[i]), max, &n) && n > 0 ? (size_t)n : otherwise;
}

static double since(int64_t start_us)
{
    return (double)(clock_mono_us() - start_us) / 1e6;
}

int main(int argc, char **argv)
{
    size_t records = argument(argc, argv, 1, 10000000, 1000000);
    size_t rounds = argument(argc, argv, 2, ROUNDS_MAX, 5);
    const char *tmp = getenv("TMPDIR");
    char dir[256], path[300], command[320];
    double seconds[ROUNDS_MAX];
    struct stored_record r;
    struct prng random;
    prng_seed(&random, 1);
    lock_init(&lock);
    cond_init(&less);
    (void)snprintf(dir, sizeof dir, "%s/bench_records.XXXXXX", tmp != NULL ? tmp : "/tmp");
    if (mkdtemp(dir) == NULL)
        die(dir, DI_IO);
    (void)snprintf(path, sizeof path, "%s/records.db", dir);

    struct record_store *s = open_store(path);
    int64_t start_us = clock_mono_us();
    for (uint32_t i = 1; i <= records; i++) {
        make_record(&r, &random, i);
        put_waiting(s, &r, 32768);
    }
    s->ops->close(s);
    printf("records: %zu put in %.1f s\n", records, since(start_us));

    for (size_t i = 0; i < rounds; i++) {
        size_t seen = 0;
        start_us = clock_mono_us();
        s = open_store(path);
        enum di_err err = s->ops->load(s, NOW_S, 10000000, count, &seen);
        seconds[i] = since(start_us);
        if (err != DI_OK || seen != records)
            die("load", err);
        if (i + 1 < rounds)
            s->ops->close(s);
    }
    qsort(seconds, rounds, sizeof *seconds, compare);
    printf("records: %zu read back in %.2f s (median of %zu), %.0f MB on disk\n", records,
           seconds[rounds / 2], rounds, (double)s->ops->size_bytes(s) / 1e6);

    durable_count = 0;
    start_us = clock_mono_us();
    while (since(start_us) < DURABLE_S) {
        make_record(&r, &random, (uint32_t)records + 1);
        put_waiting(s, &r, IN_FLIGHT);
    }
    printf("records: %.0f durable puts/s with %d in flight\n",
           (double)durable_count / since(start_us), IN_FLIGHT);
    s->ops->close(s);
    (void)snprintf(command, sizeof command, "rm -rf '%s'", dir);
    return system(command) == 0 ? 0 : 1;
}
