/*
 * Compressed documents: a bounded cache with the right to make an entry given to one thread at a
 * time. Any thread, and "frames", which drops what is not used.
 */
#include "p2pdi/store/frames.h"

#include "p2pdi/base/clock.h"
#include "p2pdi/base/hash.h"
#include "p2pdi/base/thread.h"

#include <malloc.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <utlist.h>

#define UNUSED_US (30 * CLOCK_US_PER_S)
#define SWEEP_US (10 * CLOCK_US_PER_S)
/* Nobody waits for a larger document: one core needs milliseconds for a megabyte. */
#define WAIT_BYTES_MAX ((uint64_t)1 << 20)
/* A frame longer than that part of the document is not worth the trouble of decoding. */
#define WORTH_NUM 15
#define WORTH_DEN 16
/* Smaller ones say nothing about the compressor's speed. */
#define RATE_BYTES_MIN 4096
/*
 * A level is good for a link if the compressor keeps it full with less than a core: RFCs shrink about
 * four times, so a byte on the wire is four compressed. Links that share a card look twice as fast
 * together as they are, so it is half a core then.
 */
#define MARGIN 4

/* Where ratio and speed part: ARCHITECTURE.md has the measurement. Fastest first. */
static const int levels[] = {1, 3, 6, 9};
static const unsigned costs[] = {2, 3, 8, 11}; /* in time, about, as compared to each other */
#define LEVELS (sizeof(levels) / sizeof(levels[0]))
#define UNMEASURED 1 /* of them, until something was measured */

/* No padding: it is hashed as bytes. */
struct key {
    struct sha256 document;
    struct sha256 dictionary; /* zeros: none */
    uint32_t coding;
};

struct frame {
    _Atomic(unsigned) refs; /* the cache's own one included */
    struct key key;
    int64_t used_us;           /* guarded by the lock, as the links */
    struct frame *prev, *next; /* most recently used first */
    UT_hash_handle hh;
    size_t len; /* 0: it was tried, and does not pay */
    char bytes[];
};

/* Somebody compresses that document: on the stack of the thread that does. */
struct making {
    struct key key;
    struct making *prev, *next;
};

struct frames {
    size_t max_bytes;
    _Atomic(uint64_t) rate[LEVELS]; /* bytes of document a second of CPU; 0: not known */
    struct thread sweeper;

    struct lock lock;
    struct cond made;  /* a making ended */
    struct cond sweep; /* there is something to watch, or stop */
    /* guarded by lock */
    struct frame *table;
    struct frame *used; /* list */
    struct making *makings;
    struct frames_stats stats;
    bool stop;
};

const void *frame_bytes(const struct frame *f)
{
    return f->bytes;
}

size_t frame_size(const struct frame *f)
{
    return f->len;
}

void frame_unref(void *frame)
{
    struct frame *f = frame;
    if (f != NULL && atomic_fetch_sub_explicit(&f->refs, 1, memory_order_acq_rel) == 1)
        free(f);
}

static struct key key_of(const struct sha256 *document, enum coding c,
                         const struct coding_dict *dict)
{
    struct key key = {.document = *document, .coding = (uint32_t)c};
    if (dict != NULL)
        key.dictionary = *coding_dict_id(dict);
    return key;
}

static struct frame *frame_new(const struct key *key, const void *bytes, size_t len)
{
    struct frame *f = malloc(sizeof(*f) + len);
    if (f == NULL)
        return NULL;
    *f = (struct frame){.key = *key, .len = len};
    atomic_init(&f->refs, 1);
    if (len > 0)
        memcpy(f->bytes, bytes, len);
    return f;
}

/* ---- the cache ------------------------------------------------------------------------------- */

static size_t memory_of(const struct frame *fr)
{
    return sizeof(*fr) + fr->len;
}

static struct frame *find_locked(struct frames *f, const struct key *key)
{
    struct frame *fr = NULL;
    lock_assert_held(&f->lock);
    HASH_FIND(hh, f->table, key, sizeof(*key), fr);
    return fr;
}

static void drop_locked(struct frames *f, struct frame *fr)
{
    lock_assert_held(&f->lock);
    HASH_DEL(f->table, fr);
    DL_DELETE(f->used, fr);
    f->stats.count--;
    f->stats.bytes -= memory_of(fr);
    frame_unref(fr);
}

/* Another reference, for the caller. */
static struct frame *use_locked(struct frames *f, struct frame *fr)
{
    lock_assert_held(&f->lock);
    fr->used_us = clock_mono_us();
    if (f->used != fr) {
        DL_DELETE(f->used, fr);
        DL_PREPEND(f->used, fr);
    }
    (void)atomic_fetch_add_explicit(&fr->refs, 1, memory_order_relaxed);
    return fr;
}

/* Takes the caller's reference; without memory for the table the frame goes. */
static void add_locked(struct frames *f, struct frame *fr)
{
    lock_assert_held(&f->lock);
    size_t need = memory_of(fr);
    while (f->used != NULL && f->stats.bytes + need > f->max_bytes)
        drop_locked(f, f->used->prev);
    if (need <= f->max_bytes && find_locked(f, &fr->key) == NULL)
        HASH_ADD(hh, f->table, key, sizeof(fr->key), fr);
    if (fr->hh.tbl == NULL) {
        frame_unref(fr);
        return;
    }
    if (f->used == NULL)
        cond_signal(&f->sweep);
    fr->used_us = clock_mono_us();
    DL_PREPEND(f->used, fr);
    f->stats.count++;
    f->stats.bytes += need;
}

struct frame *frames_get(struct frames *f, const struct sha256 *document, enum coding c,
                         const struct coding_dict *dict)
{
    struct key key = key_of(document, c, dict);
    lock_acquire(&f->lock);
    struct frame *fr = find_locked(f, &key);
    if (fr != NULL)
        fr = fr->len > 0 ? use_locked(f, fr) : NULL;
    lock_release(&f->lock);
    return fr;
}

static bool is_worth_it(uint64_t size_bytes, uint64_t len)
{
    return len > 0 && len <= size_bytes / WORTH_DEN * WORTH_NUM;
}

void frames_put(struct frames *f, const struct sha256 *document, uint64_t size_bytes,
                const struct coding_dict *dict, const void *bytes, size_t len)
{
    struct key key = key_of(document, dict != NULL ? CODING_DCZ : CODING_ZSTD, dict);
    if (!is_worth_it(size_bytes, len) || size_bytes > FRAMES_DOCUMENT_MAX)
        return;
    struct frame *fr = frame_new(&key, bytes, len);
    if (fr == NULL)
        return;
    lock_acquire(&f->lock);
    if (find_locked(f, &key) == NULL) {
        f->stats.kept++;
        add_locked(f, fr);
        fr = NULL;
    }
    lock_release(&f->lock);
    frame_unref(fr);
}

void frames_stats(struct frames *f, struct frames_stats *out)
{
    lock_acquire(&f->lock);
    *out = f->stats;
    lock_release(&f->lock);
}

/* ---- making ---------------------------------------------------------------------------------- */

static int64_t cpu_ns(void)
{
    struct timespec t = {0};
    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* CPU time and not the clock's: what else the machine does says nothing about the compressor. */
static void note_rate(struct frames *f, int level, uint64_t bytes, int64_t ns)
{
    if (bytes < RATE_BYTES_MIN || ns <= 0)
        return;
    uint64_t now = bytes * 1000000000 / (uint64_t)ns;
    for (size_t i = 0; i < LEVELS; i++) {
        if (levels[i] != level)
            continue;
        /* Two threads at once may lose one of two measurements: there are more. */
        uint64_t was = atomic_load_explicit(&f->rate[i], memory_order_relaxed);
        atomic_store_explicit(&f->rate[i], was == 0 ? now : (7 * was + now) / 8,
                              memory_order_relaxed);
    }
}

/* What level i does; until it is measured, what it should do by the first that was. 0: none was. */
static uint64_t rate_of(const struct frames *f, size_t i)
{
    uint64_t rate = atomic_load_explicit(&f->rate[i], memory_order_relaxed);
    for (size_t j = 0; rate == 0 && j < LEVELS; j++)
        rate = atomic_load_explicit(&f->rate[j], memory_order_relaxed) * costs[j] / costs[i];
    return rate;
}

int frames_level(const struct frames *f, uint64_t link_rate, unsigned links)
{
    uint64_t fastest = rate_of(f, 0);
    if (link_rate == 0 || fastest == 0)
        return levels[UNMEASURED];
    if (link_rate > fastest)
        return 0;
    for (size_t i = LEVELS - 1; i > 0; i--)
        if (rate_of(f, i) / MARGIN >= link_rate * (links > 0 ? links : 1))
            return levels[i];
    return levels[0];
}

/* A frame of length 0 if it does not pay. */
static enum di_err compress(struct frames *f, const struct key *key, const struct library_doc *doc,
                            const struct library_file *file, struct coding_dict *dict, int level,
                            struct frame **out)
{
    const void *text = NULL;
    void *owned = NULL;
    struct buf coded;
    buf_init(&coded, (size_t)(doc->size_bytes / WORTH_DEN * WORTH_NUM));
    enum di_err err = library_file_text(file, &text, &owned);
    if (err == DI_OK) {
        int64_t start_ns = cpu_ns();
        size_t size = (size_t)doc->size_bytes;
        err = dict != NULL ? coding_encode_dcz(dict, level, text, size, &coded)
                           : coding_encode((enum coding)key->coding, level, text, size, &coded);
        if (err == DI_OK && key->coding != CODING_GZIP)
            note_rate(f, level, doc->size_bytes, cpu_ns() - start_ns);
    }
    if (err == DI_OK || err == DI_LIMIT) {
        *out = frame_new(key, buf_bytes(&coded), coded.len);
        err = *out == NULL ? DI_NOMEM : DI_OK;
    }
    buf_fini(&coded);
    free(owned);
    return err;
}

static struct making *find_making_locked(struct frames *f, const struct key *key)
{
    struct making *m = NULL;
    lock_assert_held(&f->lock);
    DL_FOREACH (f->makings, m)
        if (memcmp(&m->key, key, sizeof(*key)) == 0)
            break;
    return m;
}

enum di_err frames_make(struct frames *f, const struct library_doc *doc,
                        const struct library_file *file, enum coding c, struct coding_dict *dict,
                        int level, struct frame **out)
{
    struct making mine = {.key = key_of(&doc->sha256, c, dict)};
    struct frame *fr = NULL;
    if (doc->size_bytes == 0 || doc->size_bytes > FRAMES_DOCUMENT_MAX)
        return DI_NOT_FOUND;

    lock_acquire(&f->lock);
    while ((fr = find_locked(f, &mine.key)) == NULL && find_making_locked(f, &mine.key) != NULL) {
        if (doc->size_bytes > WAIT_BYTES_MAX) {
            lock_release(&f->lock);
            return DI_NOT_FOUND;
        }
        cond_wait(&f->made, &f->lock);
    }
    if (fr != NULL) {
        *out = fr->len > 0 ? use_locked(f, fr) : NULL;
        lock_release(&f->lock);
        return *out != NULL ? DI_OK : DI_NOT_FOUND;
    }
    /* cppcheck-suppress autoVariables ; it is off the list again before this returns */
    DL_APPEND(f->makings, &mine);
    lock_release(&f->lock);

    enum di_err err = compress(f, &mine.key, doc, file, dict, level, &fr);

    lock_acquire(&f->lock);
    DL_DELETE(f->makings, &mine);
    if (err == DI_OK) {
        f->stats.made++;
        /* One reference for the caller, one for the cache. */
        (void)atomic_fetch_add_explicit(&fr->refs, 1, memory_order_relaxed);
        add_locked(f, fr);
    }
    cond_broadcast(&f->made);
    lock_release(&f->lock);
    if (err == DI_OK && fr->len == 0) {
        frame_unref(fr);
        err = DI_NOT_FOUND;
    }
    if (err == DI_OK)
        *out = fr;
    return err;
}

/* ---- what is not used goes ------------------------------------------------------------------- */

static void sweep(void *arg)
{
    struct frames *f = arg;
    lock_acquire(&f->lock);
    while (!f->stop) {
        if (f->used == NULL) {
            cond_wait(&f->sweep, &f->lock);
            continue;
        }
        (void)cond_wait_until(&f->sweep, &f->lock, clock_mono_us() + SWEEP_US);
        int64_t old_us = clock_mono_us() - UNUSED_US;
        bool some = false;
        while (f->used != NULL && f->used->prev->used_us < old_us) {
            drop_locked(f, f->used->prev);
            some = true;
        }
        if (some) {
            /* Many small blocks: without being asked the heap would keep them. */
            lock_release(&f->lock);
            (void)malloc_trim(0);
            lock_acquire(&f->lock);
        }
    }
    lock_release(&f->lock);
}

enum di_err frames_new(size_t max_bytes, struct frames **out)
{
    struct frames *f = calloc(1, sizeof(*f));
    if (f == NULL)
        return DI_NOMEM;
    f->max_bytes = max_bytes;
    lock_init(&f->lock);
    cond_init(&f->made);
    cond_init(&f->sweep);
    enum di_err err = thread_start(&f->sweeper, "frames", sweep, f);
    if (err != DI_OK) {
        frames_free(f);
        return err;
    }
    *out = f;
    return DI_OK;
}

void frames_free(struct frames *f)
{
    if (f == NULL)
        return;
    lock_acquire(&f->lock);
    f->stop = true;
    cond_signal(&f->sweep);
    lock_release(&f->lock);
    thread_join(&f->sweeper);
    lock_acquire(&f->lock);
    while (f->used != NULL)
        drop_locked(f, f->used);
    lock_release(&f->lock);
    cond_fini(&f->sweep);
    cond_fini(&f->made);
    lock_fini(&f->lock);
    free(f);
}
