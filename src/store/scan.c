/*
 * Comparing the directory with the table: as a whole, with hashing by several threads, or one
 * name at a time. Run by the library's thread, which goes on publishing while others hash.
 */
#include "hash_pool.h"
#include "library_impl.h"
#include "listing.h"
#include "part.h"

#include "p2pdi/base/clock.h"
#include "p2pdi/base/log.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SCAN_AGAIN_US (5 * CLOCK_US_PER_S)
#define INDEX_FILE_NAME "rfc-index.txt"
#define INDEX_FILE_MAX ((uint64_t)32 << 20)

struct scan {
    struct library *lib;
    struct listing files;
    struct known *known; /* from the hash cache */
    struct hash_job *jobs;
    size_t job_count;
};

/* ---- what an earlier run knew --------------------------------------------------------------- */

struct known {
    struct file_id id;
    struct sha256 sha256;
    UT_hash_handle hh;
    bool valid; /* its file is there unchanged */
    const char *title;
    char text[]; /* name NUL title NUL */
};

static void on_known(void *arg, const struct hash_row *row)
{
    struct scan *s = arg;
    size_t name_size = strlen(row->name) + 1;
    size_t title_size = strlen(row->title) + 1;
    struct known *k = malloc(sizeof *k + name_size + title_size);
    if (k == NULL)
        return; /* it is hashed then */
    k->valid = false;
    k->id = row->id;
    k->sha256 = row->sha256;
    memcpy(k->text, row->name, name_size);
    memcpy(k->text + name_size, row->title, title_size);
    k->title = k->text + name_size;
    HASH_ADD_KEYPTR(hh, s->known, k->text, name_size - 1, k);
    if (!hash_was_added(k))
        free(k);
}

static struct known *find_known(struct scan *s, const char *name)
{
    struct known *k = NULL;
    HASH_FIND(hh, s->known, name, strlen(name), k);
    return k;
}

static void free_known(struct scan *s)
{
    struct known *k = s->known;
    HASH_CLEAR(hh, s->known);
    while (k != NULL) {
        struct known *next = k->hh.next;
        free(k);
        k = next;
    }
}

/* ---- listing documents ---------------------------------------------------------------------- */

static void list_document(struct library *lib, const char *name, const struct file_id *id,
                          const struct sha256 *sha256, const char *own_title)
{
    struct doc_name parsed;
    char title[LIBRARY_TITLE_SIZE];
    if (!name_parse_document(name, &parsed))
        return;
    library_title(lib, name, parsed.rfc, own_title, title);
    struct doc *d = doc_new(name, &parsed, id, sha256, title);
    if (d != NULL)
        library_put(lib, d);
    else
        log_write(LOG_ERROR, "out of memory: %s is not offered", name);
}

static void list_hashed(struct library *lib, const char *name, const struct hashed *h)
{
    library_remember(lib, name, &h->id, &h->sha256, h->title);
    list_document(lib, name, &h->id, &h->sha256, h->title);
}

/* For want of descriptors or memory, say, or because it is being written. */
static void on_unreadable(struct library *lib, const char *name, enum di_err err)
{
    if (err == DI_NOT_FOUND)
        return;
    if (err != DI_IN_USE) /* that comes again when it is closed */
        log_write(LOG_WARN, "%s is not offered: %s", name, di_err_text(err));
    lib->incomplete = true;
}

void library_look(struct library *lib, const char *name)
{
    struct doc_name parsed;
    struct file_id id;
    if (!name_parse_document(name, &parsed))
        return;
    struct doc *now = library_peek(lib, doc_key(parsed.rfc, parsed.format));
    if (now != NULL && now->landing)
        return; /* it settles soon */
    bool there = beneath_stat(lib->dir_fd, name, &id) == DI_OK;
    if (now != NULL && strcmp(now->name, name) != 0) {
        lib->rivals = lib->rivals || there;
        if (!there || name_compare(now->rank, now->name, parsed.rank, name) < 0)
            return;
    }
    if (there && now != NULL && strcmp(now->name, name) == 0 && file_id_equal(&now->id, &id))
        return;
    struct hashed hashed;
    enum di_err err =
        there ? hasher_run(&lib->hasher, lib->dir_fd, name, parsed.format, &hashed) : DI_NOT_FOUND;
    if (err == DI_OK) {
        list_hashed(lib, name, &hashed);
        return;
    }
    on_unreadable(lib, name, err);
    if (now != NULL && strcmp(now->name, name) == 0) {
        library_remove(lib, now->key);
        lib->rescan = lib->rescan || lib->rivals; /* another one may take its place */
    }
}

/* ---- the whole directory -------------------------------------------------------------------- */

/* Lists what needs no hashing, notes the rest as jobs. */
static void compare(struct scan *s)
{
    struct library *lib = s->lib;
    for (size_t i = 0; i < s->files.count; i++) {
        const struct listed_file *f = &s->files.file[i];
        struct doc *now = library_peek(lib, doc_key(f->parsed.rfc, f->parsed.format));
        if (now != NULL)
            now->seen = lib->scans;
        if (now != NULL && now->landing)
            continue;
        if (now != NULL && file_id_equal(&now->id, &f->id) && strcmp(now->name, f->name) == 0)
            continue;
        struct known *k = find_known(s, f->name);
        if (k != NULL)
            k->valid = file_id_equal(&k->id, &f->id);
        if (k != NULL && k->valid)
            list_document(lib, f->name, &f->id, &k->sha256, k->title);
        else
            s->jobs[s->job_count++] =
                (struct hash_job){.name = f->name, .format = f->parsed.format};
    }
}

static void remove_unseen(struct library *lib)
{
    struct doc *d = NULL, *next = NULL;
    /* Without the lock: only this thread changes the table. */
    HASH_ITER (hh, lib->docs, d, next)
        if (d->seen != lib->scans && !d->landing)
            library_remove(lib, d->key);
}

/* The file may have changed, or a better name may have been published, since the job was noted. */
static void finish_job(struct library *lib, const struct hash_job *job)
{
    struct doc_name parsed;
    struct file_id id;
    if (!name_parse_document(job->name, &parsed))
        return;
    struct doc *now = library_peek(lib, doc_key(parsed.rfc, parsed.format));
    if (now != NULL && now->landing)
        return;
    bool other = now != NULL && strcmp(now->name, job->name) != 0;
    if (other && beneath_stat(lib->dir_fd, now->name, &id) == DI_OK &&
        name_compare(now->rank, now->name, parsed.rank, job->name) < 0)
        return;
    if (job->err != DI_OK)
        on_unreadable(lib, job->name, job->err);
    else if (beneath_stat(lib->dir_fd, job->name, &id) == DI_OK &&
             file_id_equal(&id, &job->hashed->id))
        list_hashed(lib, job->name, job->hashed);
    else
        library_look(lib, job->name);
    now = library_peek(lib, doc_key(parsed.rfc, parsed.format));
    if (job->err != DI_OK && now != NULL)
        library_look(lib, now->name);
}

static void hash(struct scan *s)
{
    struct library *lib = s->lib;
    struct hash_pool *pool = NULL;
    size_t left = s->job_count;
    if (left == 0)
        return;
    enum di_err err =
        hash_pool_start(lib->dir_fd, s->jobs, left, lib->hashers, library_wake, lib, &pool);
    if (err != DI_OK) {
        log_write(LOG_ERROR, "%s cannot be hashed: %s", lib->path, di_err_text(err));
        lib->incomplete = true;
        return;
    }
    while (left > 0 && !library_stopping(lib)) {
        struct hash_job *job = hash_pool_take(pool);
        if (job == NULL)
            library_sleep(lib, publish_due_us(lib), false);
        for (; job != NULL; job = job->next, left--) {
            finish_job(lib, job);
            free(job->hashed);
            job->hashed = NULL;
        }
        publish_queued(lib);
    }
    hash_pool_stop(pool);
    for (size_t i = 0; i < s->job_count; i++)
        free(s->jobs[i].hashed);
}

/* Rows of files that are gone. */
static void forget_gone(struct scan *s)
{
    struct library *lib = s->lib;
    if (lib->cache == NULL || s->known == NULL || hash_cache_begin(lib->cache) != DI_OK)
        return;
    struct known *k = NULL, *next = NULL;
    struct file_id id;
    enum di_err err = DI_OK;
    HASH_ITER (hh, s->known, k, next)
        if (err == DI_OK && !k->valid && beneath_stat(lib->dir_fd, k->text, &id) == DI_NOT_FOUND)
            err = hash_cache_drop(lib->cache, k->text);
    if (hash_cache_end(lib->cache, err) != DI_OK)
        log_write(LOG_INFO, "hash cache: rows of deleted files stay for now");
}

void library_scan(struct library *lib)
{
    struct scan s = {.lib = lib};
    lib->scans++;
    lib->rescan = false;
    lib->incomplete = false;
    lib->next_scan_us = clock_mono_us() + SCAN_AGAIN_US;
    if (!lib->gone) {
        enum di_err err = listing_read(lib->dir_fd, &s.files);
        s.jobs = calloc(s.files.count + 1, sizeof *s.jobs);
        if (err != DI_OK || s.jobs == NULL) {
            log_write(LOG_ERROR, "%s cannot be looked through: %s", lib->path,
                      di_err_text(err == DI_OK ? DI_NOMEM : err));
            lib->incomplete = true;
            goto out; /* what was listed stays */
        }
    }
    if (lib->cache != NULL && hash_cache_load(lib->cache, on_known, &s) != DI_OK)
        free_known(&s);
    if (s.files.rivals > 0 && !lib->rivals)
        log_write(LOG_WARN,
                  "%s: %zu files claim a number that another file has, such as %s; rfcN.txt goes "
                  "before rfc0N.txt before N_title.txt",
                  lib->path, s.files.rivals, s.files.rival);
    lib->rivals = s.files.rivals > 0;
    compare(&s);
    remove_unseen(lib);
    hash(&s);
    for (size_t i = 0; i < s.files.part_count; i++)
        part_clean(lib, s.files.part[i]);
    if (lib->scans == 1)
        forget_gone(&s);
out:
    free_known(&s);
    free(s.jobs);
    listing_free(&s.files);
}

/* ---- rfc-index.txt -------------------------------------------------------------------------- */

static enum di_err read_titles(struct library *lib, struct rfc_titles **out)
{
    int fd = -1;
    struct file_id id;
    char *text = NULL;
    enum di_err err = beneath_open(lib->dir_fd, INDEX_FILE_NAME, &fd, &id);
    if (err != DI_OK)
        return err;
    if (id.size_bytes > INDEX_FILE_MAX)
        err = DI_LIMIT;
    else if ((text = malloc(id.size_bytes + 1)) == NULL)
        err = DI_NOMEM;
    ssize_t n = err == DI_OK ? pread(fd, text, id.size_bytes, 0) : 0;
    if (err == DI_OK)
        err = n < 0 ? DI_IO : rfc_titles_parse((struct slice){text, (size_t)n}, out);
    free(text);
    (void)close(fd);
    return err;
}

/* Documents that the index names differently are listed again under that title. */
static void retitle(struct library *lib)
{
    struct doc *d = NULL, *next = NULL;
    HASH_ITER (hh, lib->docs, d, next) {
        const char *title = rfc_titles_find(lib->titles, d->shown.rfc);
        if (title != NULL && strcmp(title, d->shown.title) != 0)
            list_document(lib, d->name, &d->id, &d->shown.sha256, d->shown.title);
    }
}

void library_load_titles(struct library *lib)
{
    struct rfc_titles *titles = NULL;
    enum di_err err = read_titles(lib, &titles);
    if (err != DI_OK && err != DI_NOT_FOUND)
        log_write(LOG_WARN, "%s is not used: %s", INDEX_FILE_NAME, di_err_text(err));
    rfc_titles_free(lib->titles);
    lib->titles = titles;
    retitle(lib);
}
