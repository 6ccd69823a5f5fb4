/*
 * The library: its life, its table and its thread. The thread "library" scans, hashes, watches,
 * publishes and tells; lookups run in whatever thread asks.
 */
#include "library_impl.h"

#include "p2pdi/base/clock.h"
#include "p2pdi/base/log.h"
#include "p2pdi/store/state.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>
#include <utlist.h>

#define FLUSH_ROWS 1024
#define FLUSH_US CLOCK_US_PER_S

/* A row on its way to the hash cache. */
struct pending_row {
    struct hash_row row;
    struct pending_row *prev, *next;
    char text[]; /* name NUL title NUL */
};

/* ---- table ---------------------------------------------------------------------------------- */

static struct doc *find_locked(struct library *lib, uint32_t key)
{
    lock_assert_held(&lib->lock);
    struct doc *d = NULL;
    HASH_FIND(hh, lib->docs, &key, sizeof key, d);
    return d;
}

struct doc *library_peek(struct library *lib, uint32_t key)
{
    lock_acquire(&lib->lock);
    struct doc *d = find_locked(lib, key);
    lock_release(&lib->lock);
    return d;
}

static struct library_file *unlist_locked(struct library *lib, struct doc *d)
{
    HASH_DELETE(hh, lib->docs, d);
    d->listed = false;
    return file_cache_drop_locked(&lib->files, d);
}

/* What landed is what was offered: nothing new to anybody. */
static bool is_told(const struct doc *old, const struct doc *d)
{
    return old != NULL && old->landing && sha256_equal(&old->shown.sha256, &d->shown.sha256) &&
           strcmp(old->shown.title, d->shown.title) == 0;
}

void library_put(struct library *lib, struct doc *d)
{
    struct library_file *file = NULL;
    lock_acquire(&lib->lock);
    struct doc *old = find_locked(lib, d->key);
    if (old != NULL)
        file = unlist_locked(lib, old);
    HASH_ADD(hh, lib->docs, key, sizeof d->key, d);
    d->listed = hash_was_added(d);
    d->seen = lib->scans;
    lock_release(&lib->lock);

    library_file_release(file);
    bool text = d->shown.format == LIBRARY_TXT;
    if (!d->listed)
        log_write(LOG_ERROR, "out of memory: %s is not offered", d->name);
    if (text && d->listed && !is_told(old, d))
        lib->events.added(lib->arg, &d->shown);
    else if (text && !d->listed && old != NULL)
        lib->events.removed(lib->arg, old->shown.rfc);
    if (old != NULL)
        library_doc_unref(&old->shown);
    if (!d->listed)
        library_doc_unref(&d->shown);
}

void library_remove(struct library *lib, uint32_t key)
{
    struct library_file *file = NULL;
    lock_acquire(&lib->lock);
    struct doc *d = find_locked(lib, key);
    if (d != NULL)
        file = unlist_locked(lib, d);
    lock_release(&lib->lock);

    library_file_release(file);
    if (d == NULL)
        return;
    if (d->shown.format == LIBRARY_TXT)
        lib->events.removed(lib->arg, d->shown.rfc);
    library_doc_unref(&d->shown);
}

const struct library_doc *library_get(struct library *lib, uint32_t rfc, enum library_format f)
{
    if (rfc == 0 || rfc > NAME_RFC_MAX)
        return NULL;
    uint32_t key = doc_key(rfc, f);
    lock_acquire(&lib->lock);
    struct doc *d = find_locked(lib, key);
    if (d != NULL)
        (void)doc_ref(d);
    lock_release(&lib->lock);
    return d == NULL ? NULL : &d->shown;
}

size_t library_count(struct library *lib)
{
    lock_acquire(&lib->lock);
    size_t n = HASH_COUNT(lib->docs);
    lock_release(&lib->lock);
    return n;
}

void library_title(struct library *lib, const char *name, uint32_t rfc, const char *own,
                   char out[LIBRARY_TITLE_SIZE])
{
    const char *title = rfc_titles_find(lib->titles, rfc);
    if (title == NULL && own[0] != '\0')
        title = own;
    if (title != NULL)
        (void)text_clean(out, LIBRARY_TITLE_SIZE, slice_of(title));
    else if (!name_title(name, out))
        (void)snprintf(out, LIBRARY_TITLE_SIZE, "RFC %u", rfc);
}

/* ---- open files ----------------------------------------------------------------------------- */

/* Reads the file into memory and offers the bytes to the cache. */
static void keep_bytes(struct library *lib, struct library_file *f)
{
    char *bytes = malloc(f->size_bytes);
    if (bytes == NULL)
        return;
    struct library_file *gone = NULL;
    bool kept = false;
    if (file_read(f, bytes)) {
        lock_acquire(&lib->lock);
        kept = file_cache_keep_bytes_locked(&lib->files, f, bytes, &gone);
        lock_release(&lib->lock);
    }
    library_file_release(gone);
    if (!kept)
        free(bytes);
}

static enum di_err open_file(struct library *lib, const struct doc *d, int *fd, struct file_id *id)
{
    char name[NAME_PLAIN_SIZE];
    enum di_err err = beneath_open(lib->dir_fd, d->name, fd, id);
    if (err == DI_NOT_FOUND && d->landing) {
        name_format_plain(d->shown.rfc, d->shown.format, name);
        err = beneath_open(lib->dir_fd, name, fd, id);
    }
    if (err == DI_INVALID)
        return DI_NOT_FOUND;
    if (err == DI_OK && !doc_is_file(d, id)) {
        (void)close(*fd);
        return DI_NOT_FOUND;
    }
    return err;
}

enum di_err library_file_open(struct library *lib, const struct library_doc *doc,
                              struct library_file **out)
{
    struct doc *d = doc_of(doc);
    lock_acquire(&lib->lock);
    bool listed = d->listed;
    struct library_file *f = file_cache_get_locked(&lib->files, d);
    bool wants_bytes = f != NULL && file_cache_wants_bytes_locked(&lib->files, f);
    lock_release(&lib->lock);
    if (f != NULL) {
        if (wants_bytes)
            keep_bytes(lib, f);
        *out = f;
        return DI_OK;
    }
    if (!listed && !d->landing) /* what was landing has its own name now */
        return DI_NOT_FOUND;

    int fd = -1;
    struct file_id id;
    enum di_err err = open_file(lib, d, &fd, &id);
    if (err != DI_OK)
        return err;
    f = file_new(d, fd, &id);
    if (f == NULL)
        return DI_NOMEM;
    struct library_file *gone = NULL;
    lock_acquire(&lib->lock);
    if (d->listed && d->file == NULL)
        gone = file_cache_put_locked(&lib->files, d, f);
    lock_release(&lib->lock);
    library_file_release(gone);
    *out = f;
    return DI_OK;
}

/* ---- hash cache ----------------------------------------------------------------------------- */

static int by_name(const struct pending_row *a, const struct pending_row *b)
{
    return strcmp(a->row.name, b->row.name);
}

static void flush_rows(struct library *lib)
{
    struct pending_row *rows = lib->rows, *r = NULL, *next = NULL;
    lib->rows = NULL;
    lib->row_count = 0;
    if (rows == NULL)
        return;
    /*
     * In the table's order each of its pages is written once, not once for each row; rows of one
     * name stay in the order in which they came, so that the last one holds.
     */
    /* cppcheck-suppress nullPointer ; it is the macro that sets rows to NULL, on the way to a new head */
    DL_SORT(rows, by_name);
    enum di_err err = lib->cache == NULL ? DI_IO : hash_cache_begin(lib->cache);
    bool begun = err == DI_OK;
    DL_FOREACH_SAFE (rows, r, next) {
        if (err == DI_OK)
            err = hash_cache_put(lib->cache, &r->row);
        free(r);
    }
    if (begun)
        err = hash_cache_end(lib->cache, err);
    if (err != DI_OK && lib->cache != NULL)
        log_write(LOG_WARN, "hash cache: %s; some documents will be hashed again next time",
                  di_err_text(err));
}

void library_remember(struct library *lib, const char *name, const struct file_id *id,
                      const struct sha256 *sha256, const char *own_title)
{
    size_t name_size = strlen(name) + 1;
    size_t title_size = strlen(own_title) + 1;
    struct pending_row *r = malloc(sizeof *r + name_size + title_size);
    if (r == NULL)
        return; /* hashed again next time */
    memcpy(r->text, name, name_size);
    memcpy(r->text + name_size, own_title, title_size);
    r->row = (struct hash_row){
        .name = r->text, .id = *id, .sha256 = *sha256, .title = r->text + name_size};
    if (lib->row_count == 0)
        lib->flush_us = clock_mono_us() + FLUSH_US;
    DL_APPEND(lib->rows, r);
    if (++lib->row_count >= FLUSH_ROWS)
        flush_rows(lib);
}

/* ---- the thread ----------------------------------------------------------------------------- */

bool library_stopping(struct library *lib)
{
    lock_acquire(&lib->lock);
    bool stop = lib->stop;
    lock_release(&lib->lock);
    return stop;
}

void library_wake(void *arg)
{
    struct library *lib = arg;
    uint64_t one = 1;
    ssize_t n = write(lib->wake_fd, &one, sizeof one);
    (void)n; /* full means that a wake-up is due already */
}

void library_sleep(struct library *lib, int64_t until_us, bool watching)
{
    int timeout_ms = -1;
    if (until_us != INT64_MAX) {
        int64_t left_us = until_us - clock_mono_us();
        timeout_ms = left_us <= 0 ? 0 : (int)((left_us + 999) / 1000);
    }
    struct pollfd fds[2] = {{.fd = lib->wake_fd, .events = POLLIN},
                            {.fd = watching ? lib->watch_fd : -1, .events = POLLIN}};
    int ready = poll(fds, 2, timeout_ms);
    if (ready < 0 && errno != EINTR)
        clock_nap();
    if (ready > 0 && (fds[0].revents & POLLIN) != 0) {
        uint64_t count;
        ssize_t n = read(lib->wake_fd, &count, sizeof count);
        (void)n;
    }
}

static void report_scanned(struct library *lib)
{
    if (library_stopping(lib))
        return; /* it may have ended early */
    lib->events.scanned(lib->arg, library_count(lib));
    lock_acquire(&lib->lock);
    lib->scanned = true;
    cond_broadcast(&lib->scanned_cond);
    lock_release(&lib->lock);
}

/* Where nothing tells of changes, or something could not be read, time has to. */
static bool scans_again(const struct library *lib)
{
    return !lib->gone && (lib->watch_fd < 0 || lib->incomplete);
}

static int64_t next_due_us(struct library *lib)
{
    int64_t due_us = publish_due_us(lib);
    if (lib->check_us < due_us)
        due_us = lib->check_us;
    if (scans_again(lib) && lib->next_scan_us < due_us)
        due_us = lib->next_scan_us;
    if (lib->row_count > 0 && lib->flush_us < due_us)
        due_us = lib->flush_us;
    return due_us;
}

static void run(void *arg)
{
    struct library *lib = arg;
    if (hash_cache_open(lib->state_path, &lib->cache) != DI_OK)
        log_write(LOG_WARN, "no hash cache in %s: documents are hashed at every start",
                  lib->state_path);
    watch_start(lib); /* before the scan, so that nothing falls between */
    library_load_titles(lib);
    library_scan(lib);
    report_scanned(lib);

    while (!library_stopping(lib)) {
        publish_queued(lib);
        watch_read(lib);
        int64_t now_us = clock_mono_us();
        if (now_us >= lib->check_us)
            watch_check_directory(lib);
        if (lib->rescan || (scans_again(lib) && now_us >= lib->next_scan_us))
            library_scan(lib);
        if (lib->row_count > 0 && now_us >= lib->flush_us)
            flush_rows(lib);
        library_sleep(lib, next_due_us(lib), true);
    }
    publish_stop(lib);
    flush_rows(lib);
}

/* ---- life ----------------------------------------------------------------------------------- */

static enum di_err open_directory(const struct library_config *cfg, int *out_fd, char why[256])
{
    enum di_err err = state_make_directory(cfg->dir, 0755);
    if (err != DI_OK && err != DI_EXISTS && errno != EROFS) {
        (void)snprintf(why, 256, "cannot make the directory %.120s: %s", cfg->dir, strerror(errno));
        return err;
    }
    int fd = open(cfg->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        err = errno == ENOTDIR ? DI_INVALID : di_err_from_errno(errno);
        (void)snprintf(why, 256, "cannot open the directory %.120s: %s", cfg->dir, strerror(errno));
        return err;
    }
    if (cfg->write && faccessat(fd, ".", W_OK | X_OK, AT_EACCESS) != 0) {
        err = di_err_from_errno(errno);
        (void)snprintf(why, 256, "cannot write into the directory %.120s: %s", cfg->dir,
                       di_err_text(err));
        (void)close(fd);
        return err;
    }
    *out_fd = fd;
    return DI_OK;
}

static void destroy(struct library *lib)
{
    /* Nobody else is left: no lock. */
    struct doc *d = NULL, *next = NULL;
    HASH_ITER (hh, lib->docs, d, next) {
        library_file_release(unlist_locked(lib, d));
        library_doc_unref(&d->shown);
    }
    hash_cache_close(lib->cache);
    rfc_titles_free(lib->titles);
    hasher_fini(&lib->hasher);
    if (lib->watch_fd >= 0)
        (void)close(lib->watch_fd);
    if (lib->wake_fd >= 0)
        (void)close(lib->wake_fd);
    (void)close(lib->dir_fd);
    cond_fini(&lib->publish_room);
    cond_fini(&lib->commit_cond);
    cond_fini(&lib->scanned_cond);
    lock_fini(&lib->lock);
    free(lib->path);
    free(lib->state_path);
    free(lib);
}

enum di_err library_open(const struct library_config *cfg, const struct library_events *events,
                         void *arg, struct library **out, char why[256])
{
    int dir_fd = -1;
    enum di_err err = open_directory(cfg, &dir_fd, why);
    if (err != DI_OK)
        return err;
    struct library *lib = calloc(1, sizeof *lib);
    if (lib == NULL) {
        (void)close(dir_fd);
        (void)snprintf(why, 256, "out of memory");
        return DI_NOMEM;
    }
    lib->dir_fd = dir_fd;
    lib->watch_fd = -1;
    lib->check_us = INT64_MAX;
    lib->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    lib->write = cfg->write;
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    lib->hashers = cfg->hashers > 0 ? cfg->hashers : cores > 0 ? (unsigned)cores : 1;
    lib->events = *events;
    lib->arg = arg;
    lock_init(&lib->lock);
    cond_init(&lib->scanned_cond);
    cond_init(&lib->publish_room);
    cond_init(&lib->commit_cond);
    file_cache_init(&lib->files);
    lib->path = strdup(cfg->dir);
    lib->state_path = strdup(cfg->state);
    err = lib->wake_fd < 0 ? di_err_from_errno(errno) : hasher_init(&lib->hasher);
    if (err == DI_OK && (lib->path == NULL || lib->state_path == NULL))
        err = DI_NOMEM;
    bool publishing = false;
    if (err == DI_OK) {
        err = publish_start(lib);
        publishing = err == DI_OK;
    }
    if (err == DI_OK)
        err = thread_start(&lib->thread, "library", run, lib);
    if (err != DI_OK) {
        if (publishing)
            publish_stop(lib);
        (void)snprintf(why, 256, "cannot start the library's threads: %s", di_err_text(err));
        destroy(lib);
        return err;
    }
    *out = lib;
    return DI_OK;
}

void library_close(struct library *lib)
{
    if (lib == NULL)
        return;
    lock_acquire(&lib->lock);
    lib->stop = true;
    cond_broadcast(&lib->scanned_cond);
    lock_release(&lib->lock);
    library_wake(lib);
    thread_join(&lib->thread);
    destroy(lib);
}

void library_wait_scanned(struct library *lib)
{
    lock_acquire(&lib->lock);
    while (!lib->scanned && !lib->stop)
        cond_wait(&lib->scanned_cond, &lib->lock);
    lock_release(&lib->lock);
}
