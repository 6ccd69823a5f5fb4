/*
 * How fast documents become durable and visible: threads download N generated documents of the
 * RFCs' sizes through parts and publish them, each verified, synced, renamed. Beside it, in the
 * same run: the same files merely written, by one thread, neither verified nor synced (what cp
 * would do).
 *
 *   bench_publish [DOCUMENTS [THREADS [ROUNDS]]]
 *
 * The directories are made below $TMPDIR and deleted only at the end: ext4 makes files slowly in
 * a block group where many were deleted in the last five minutes (it does not use their inodes
 * again so soon, and looks at each).
 */
#include "p2pdi/base/clock.h"
#include "p2pdi/base/random.h"
#include "p2pdi/base/text.h"
#include "p2pdi/base/thread.h"
#include "p2pdi/store/library.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <math.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#define CHUNK_BYTES 65536
#define THREADS_MAX 64
#define ROUNDS_MAX 15
#define MEDIAN_BYTES 38000.0 /* of RFC texts; the mean comes out at about 52,000 */
#define SPREAD 0.8

struct document {
    size_t size;
    struct sha256 digest;
};

static struct document *docs;
static size_t doc_count;
static char *content; /* every document is a stretch of it */
static size_t content_size;

static atomic_size_t next_doc;
static struct lock lock;
static struct cond all_done;
static size_t done_count;
static enum di_err failure;

static void die(const char *what, enum di_err err)
{
    (void)fprintf(stderr, "bench_publish: %s: %s\n", what, di_err_text(err));
    _Exit(1);
}

static const char *bytes_of(size_t i)
{
    return content + i % 4096;
}

static void make_documents(void)
{
    struct prng r;
    prng_seed(&r, 1);
    content_size = (size_t)2 << 20;
    content = malloc(content_size);
    docs = calloc(doc_count, sizeof *docs);
    if (content == NULL || docs == NULL)
        die("documents", DI_NOMEM);
    for (size_t i = 0; i < content_size; i++)
        content[i] = (char)('a' + prng_below(&r, 26));
    for (size_t i = 0; i < doc_count; i++) {
        double normal = 0;
        for (int k = 0; k < 12; k++)
            normal += prng_unit(&r);
        double size = MEDIAN_BYTES * exp(SPREAD * (normal - 6));
        docs[i].size = size < 1000 ? 1000 : size > 1.5e6 ? 1500000 : (size_t)size;
        if (sha256_of(bytes_of(i), docs[i].size, &docs[i].digest) != DI_OK)
            die("digest", DI_NOMEM);
    }
}

static void on_done(void *arg, enum di_err err)
{
    (void)arg;
    lock_acquire(&lock);
    done_count++;
    if (err != DI_OK)
        failure = err;
    if (done_count == doc_count)
        cond_signal(&all_done);
    lock_release(&lock);
}

static void download(void *arg)
{
    struct library *lib = arg;
    size_t i;
    while ((i = atomic_fetch_add(&next_doc, 1)) < doc_count) {
        struct library_part *p = NULL;
        uint64_t have = 0;
        enum di_err err =
            library_part_open(lib, 90000 + (uint32_t)i, &docs[i].digest, docs[i].size, &p, &have);
        for (size_t at = 0; err == DI_OK && at < docs[i].size; at += CHUNK_BYTES) {
            size_t left = docs[i].size - at;
            err = library_part_append(p, bytes_of(i) + at, left < CHUNK_BYTES ? left : CHUNK_BYTES);
        }
        if (err == DI_OK)
            err = library_part_verify(p);
        if (err != DI_OK)
            die("part", err);
        library_publish(lib, p, "", on_done, NULL);
    }
}

static void on_added(void *arg, const struct library_doc *doc)
{
    (void)arg;
    (void)doc;
}

static void on_removed(void *arg, uint32_t rfc)
{
    (void)arg;
    (void)rfc;
}

static void on_scanned(void *arg, size_t documents)
{
    (void)arg;
    (void)documents;
}

static double publish_all(const char *dir, unsigned threads)
{
    static const struct library_events events = {on_added, on_removed, on_scanned};
    struct thread thread[THREADS_MAX];
    struct library *lib = NULL;
    char why[256], lib_dir[512], state[512];
    (void)snprintf(lib_dir, sizeof lib_dir, "%s/library", dir);
    (void)snprintf(state, sizeof state, "%s/state", dir);
    if (mkdir(state, 0700) != 0)
        die(state, DI_IO);
    struct library_config cfg = {.dir = lib_dir, .state = state, .write = true};
    enum di_err err = library_open(&cfg, &events, NULL, &lib, why);
    if (err != DI_OK)
        die(why, err);
    library_wait_scanned(lib);
    next_doc = 0;
    done_count = 0;
    int64_t start_us = clock_mono_us();
    for (unsigned i = 0; i < threads; i++)
        if (thread_start(&thread[i], "download", download, lib) != DI_OK)
            die("thread", DI_LIMIT);
    lock_acquire(&lock);
    while (done_count < doc_count)
        cond_wait(&all_done, &lock);
    lock_release(&lock);
    double seconds = (double)(clock_mono_us() - start_us) / 1e6;
    for (unsigned i = 0; i < threads; i++)
        thread_join(&thread[i]);
    if (failure != DI_OK)
        die("publish", failure);
    library_close(lib);
    return seconds;
}

static double write_all(const char *dir)
{
    int64_t start_us = clock_mono_us();
    for (size_t i = 0; i < doc_count; i++) {
        char path[512];
        (void)snprintf(path, sizeof path, "%s/rfc%zu.txt", dir, 90000 + i);
        int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
        if (fd < 0 || write(fd, bytes_of(i), docs[i].size) != (ssize_t)docs[i].size)
            die(path, DI_IO);
        (void)close(fd);
    }
    return (double)(clock_mono_us() - start_us) / 1e6;
}

/* Asks ext4 to put each subdirectory into a block group of its own, away from what was deleted. */
static void spread(const char *dir)
{
    int flags = 0;
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0 && ioctl(fd, FS_IOC_GETFLAGS, &flags) == 0) {
        flags |= FS_TOPDIR_FL;
        (void)ioctl(fd, FS_IOC_SETFLAGS, &flags);
    }
    if (fd >= 0)
        (void)close(fd);
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

int main(int argc, char **argv)
{
    doc_count = argument(argc, argv, 1, 1000000, 8660);
    unsigned threads = (unsigned)argument(argc, argv, 2, THREADS_MAX, 8);
    size_t rounds = argument(argc, argv, 3, ROUNDS_MAX, 5);
    const char *tmp = getenv("TMPDIR");
    char top[256], dir[320], command[320];
    double ours[ROUNDS_MAX], plain[ROUNDS_MAX];
    lock_init(&lock);
    cond_init(&all_done);
    (void)snprintf(top, sizeof top, "%s/bench_publish.XXXXXX", tmp != NULL ? tmp : "/tmp");
    if (mkdtemp(top) == NULL)
        die(top, DI_IO);
    spread(top);
    make_documents();
    double total = 0;
    for (size_t i = 0; i < doc_count; i++)
        total += (double)docs[i].size;
    for (size_t i = 0; i < rounds; i++) {
        (void)snprintf(dir, sizeof dir, "%s/plain%zu", top, i);
        if (mkdir(dir, 0755) != 0)
            die(dir, DI_IO);
        plain[i] = write_all(dir);
        sync();
        (void)snprintf(dir, sizeof dir, "%s/ours%zu", top, i);
        if (mkdir(dir, 0755) != 0)
            die(dir, DI_IO);
        ours[i] = publish_all(dir, threads);
        printf("round %zu: written %.3f s, published %.3f s\n", i + 1, plain[i], ours[i]);
    }
    qsort(ours, rounds, sizeof *ours, compare);
    qsort(plain, rounds, sizeof *plain, compare);
    double s = ours[rounds / 2];
    printf("publish: %zu documents, %.0f MB, %u threads, median of %zu: %.3f s, %.0f documents/s, "
           "%.0f MB/s, %.2f x the time of writing them unsynced\n",
           doc_count, total / 1e6, threads, rounds, s, (double)doc_count / s, total / 1e6 / s,
           s / plain[rounds / 2]);
    (void)snprintf(command, sizeof command, "rm -rf '%s'", top);
    return system(command) == 0 ? 0 : 1;
}
