#include "store_help.h"

#include "p2pdi/base/clock.h"
#include "p2pdi/base/random.h"
#include "p2pdi/base/sha256.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

void help_make_dir(char out[256], const char *name)
{
    const char *tmp = getenv("TMPDIR");
    (void)snprintf(out, 256, "%s/%s.XXXXXX", tmp != NULL ? tmp : "/tmp", name);
    assert_non_null(mkdtemp(out));
}

void help_write_file(const char *dir, const char *name, const void *bytes, size_t len)
{
    char path[512];
    (void)snprintf(path, sizeof path, "%s/%s", dir, name);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, bytes, len), (ssize_t)len);
    assert_int_equal(close(fd), 0);
}

void help_write_text(const char *dir, const char *name, const char *text)
{
    help_write_file(dir, name, text, strlen(text));
}

char *help_document(uint32_t rfc, const char *title, uint64_t seed, size_t size, size_t *len)
{
    char *doc = malloc(size + 512);
    assert_non_null(doc);
    int n =
        snprintf(doc, 512,
                 "\n\n\nNetwork Working Group                                         A. Author\n"
                 "Request for Comments: %u                                       May 2026\n\n\n"
                 "                  %s\n\nAbstract\n\n",
                 rfc, title);
    struct prng r;
    prng_seed(&r, seed ^ rfc);
    size_t at = (size_t)n;
    while (at < size)
        doc[at++] = (char)('a' + prng_below(&r, 26));
    *len = at;
    return doc;
}

bool help_exists(const char *dir, const char *name)
{
    char path[512];
    (void)snprintf(path, sizeof path, "%s/%s", dir, name);
    return access(path, F_OK) == 0;
}

/* ---- events --------------------------------------------------------------------------------- */

static void add_event(struct help_library *h, const struct help_event *e)
{
    lock_acquire(&h->lock);
    h->event = realloc(h->event, (h->count + 1) * sizeof *h->event);
    if (h->event == NULL)
        abort();
    h->event[h->count++] = *e;
    cond_broadcast(&h->cond);
    lock_release(&h->lock);
}

static void on_added(void *arg, const struct library_doc *doc)
{
    struct help_event e = {.kind = HELP_ADDED, .rfc = doc->rfc, .sha256 = doc->sha256};
    (void)snprintf(e.title, sizeof e.title, "%s", doc->title);
    add_event(arg, &e);
}

static void on_removed(void *arg, uint32_t rfc)
{
    add_event(arg, &(struct help_event){.kind = HELP_REMOVED, .rfc = rfc});
}

static void on_scanned(void *arg, size_t documents)
{
    add_event(arg, &(struct help_event){.kind = HELP_SCANNED, .rfc = (uint32_t)documents});
}

static void ignore_doc(void *arg, const struct library_doc *doc)
{
    (void)arg;
    (void)doc;
}

static void ignore_number(void *arg, uint32_t rfc)
{
    (void)arg;
    (void)rfc;
}

static void ignore_count(void *arg, size_t documents)
{
    (void)arg;
    (void)documents;
}

const struct library_events help_ignore_events = {ignore_doc, ignore_number, ignore_count};

void help_library_open(struct help_library *h, const char *dir, const char *state)
{
    static const struct library_events events = {on_added, on_removed, on_scanned};
    char why[256] = "";
    *h = (struct help_library){0};
    (void)snprintf(h->dir, sizeof h->dir, "%s", dir);
    (void)snprintf(h->state, sizeof h->state, "%s", state);
    lock_init(&h->lock);
    cond_init(&h->cond);
    struct library_config cfg = {.dir = h->dir, .state = h->state, .write = true};
    enum di_err err = library_open(&cfg, &events, h, &h->lib, why);
    if (err != DI_OK)
        fail_msg("library_open: %s", why);
    library_wait_scanned(h->lib);
}

void help_library_close(struct help_library *h)
{
    library_close(h->lib);
    free(h->event);
    cond_fini(&h->cond);
    lock_fini(&h->lock);
}

size_t help_wait_event(struct help_library *h, int kind, uint32_t rfc, size_t from)
{
    int64_t deadline_us = clock_mono_us() + 30 * CLOCK_US_PER_S;
    bool in_time = true;
    lock_acquire(&h->lock);
    size_t i = from;
    for (;;) {
        while (i < h->count && ((int)h->event[i].kind != kind || h->event[i].rfc != rfc))
            i++;
        if (i < h->count || !in_time)
            break;
        in_time = cond_wait_until(&h->cond, &h->lock, deadline_us);
    }
    bool found = i < h->count;
    lock_release(&h->lock);
    if (!found)
        fail_msg("no event of kind %d for %u came within 30 s", kind, rfc);
    return i;
}

size_t help_event_count(struct help_library *h)
{
    lock_acquire(&h->lock);
    size_t n = h->count;
    lock_release(&h->lock);
    return n;
}

struct help_event help_event_at(struct help_library *h, size_t i)
{
    lock_acquire(&h->lock);
    assert_true(i < h->count);
    struct help_event e = h->event[i];
    lock_release(&h->lock);
    return e;
}

/* ---- publishing ----------------------------------------------------------------------------- */

struct waiter {
    struct lock lock;
    struct cond cond;
    bool done;
    enum di_err err;
};

static void on_done(void *arg, enum di_err err)
{
    struct waiter *w = arg;
    lock_acquire(&w->lock);
    w->done = true;
    w->err = err;
    cond_signal(&w->cond);
    lock_release(&w->lock);
}

enum di_err help_publish(struct library *lib, uint32_t rfc, const void *bytes, size_t len,
                         const char *title)
{
    struct sha256 digest;
    struct library_part *p = NULL;
    uint64_t have = 0;
    assert_int_equal(sha256_of(bytes, len, &digest), DI_OK);
    assert_int_equal(library_part_open(lib, rfc, &digest, len, &p, &have), DI_OK);
    assert_int_equal(library_part_append(p, (const char *)bytes + have, len - have), DI_OK);
    assert_int_equal(library_part_verify(p), DI_OK);
    struct waiter w = {.done = false};
    lock_init(&w.lock);
    cond_init(&w.cond);
    library_publish(lib, p, title, on_done, &w);
    lock_acquire(&w.lock);
    while (!w.done)
        cond_wait(&w.cond, &w.lock);
    lock_release(&w.lock);
    cond_fini(&w.cond);
    lock_fini(&w.lock);
    return w.err;
}

const char *help_corpus(const char *set, char out[256])
{
    static const char unpack[] = "../shared/corpus/unpack.sh";
    char command[640];
    if (access(unpack, R_OK) != 0)
        return NULL;
    help_make_dir(out, "corpus");
    (void)snprintf(command, sizeof command, "bash %s %s '%s' >/dev/null", unpack, set, out);
    return system(command) == 0 ? out : NULL;
}
