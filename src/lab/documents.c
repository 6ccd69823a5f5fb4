/* Documents on disk. The lab's thread. */
#include "documents.h"

#include "p2pdi/base/random.h"
#include "p2pdi/base/text.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define DOCUMENT_BYTES_MAX (64u << 20)
#define DIR_SHOWN 60 /* the end of a long path tells more than its start */

static enum di_err read_file(const char *path, struct buf *out)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = 1;

    if (fd < 0)
        return di_err_from_errno(errno);
    while (n != 0) {
        char *room = buf_reserve(out, 65536);

        if (room == NULL)
            break;
        n = read(fd, room, 65536);
        if (n > 0)
            buf_commit(out, (size_t)n);
        else if (n < 0 && errno != EINTR)
            break;
    }
    close(fd);
    return n < 0 ? di_err_from_errno(errno) : buf_status(out);
}

static enum di_err write_file(const char *path, const struct buf *b)
{
    const char *bytes = buf_bytes(b);
    size_t left = b->len;
    enum di_err err = DI_OK;
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);

    if (fd < 0)
        return di_err_from_errno(errno);
    while (left > 0 && err == DI_OK) {
        ssize_t n = write(fd, bytes, left);

        if (n >= 0) {
            bytes += n;
            left -= (size_t)n;
        } else if (errno != EINTR) {
            err = di_err_from_errno(errno);
        }
    }
    if (close(fd) != 0 && err == DI_OK)
        err = di_err_from_errno(errno);
    return err;
}

static void path_of(char path[4200], const char *dir, uint32_t number)
{
    snprintf(path, 4200, "%s/rfc%u.txt", dir, number);
}

static enum di_err hash_document(const char *path, struct document *doc)
{
    struct buf b;
    enum di_err err;

    buf_init(&b, DOCUMENT_BYTES_MAX);
    err = read_file(path, &b);
    if (err == DI_OK) {
        doc->bytes = b.len;
        err = sha256_of(buf_bytes(&b), b.len, &doc->sha256);
    }
    buf_fini(&b);
    return err;
}

/* "rfc8586.txt", not "rfc-index.txt" and not "rfc0010.txt": numbers as the lab itself writes them. */
static bool number_of(const char *name, uint32_t *number)
{
    struct slice s = slice_of(name);
    uint64_t n;

    if (s.n < 8 || memcmp(s.p, "rfc", 3) != 0 || memcmp(s.p + s.n - 4, ".txt", 4) != 0 ||
        s.p[3] == '0' || !text_parse_u64((struct slice){s.p + 3, s.n - 7}, 9999999, &n))
        return false;
    *number = (uint32_t)n;
    return true;
}

static int by_number(const void *a, const void *b)
{
    const struct document *x = a, *y = b;

    return (x->number > y->number) - (x->number < y->number);
}

/* The numbers in dir, ascending; readdir's order is not the same twice. */
static enum di_err list_directory(const char *dir, struct document **list, size_t *count)
{
    DIR *stream = opendir(dir);
    struct dirent *entry;
    size_t cap = 0;

    *list = NULL;
    *count = 0;
    if (stream == NULL)
        return di_err_from_errno(errno);
    while ((entry = readdir(stream)) != NULL) {
        uint32_t number;

        if (!number_of(entry->d_name, &number))
            continue;
        if (*count == cap) {
            size_t grown = cap == 0 ? 64 : 2 * cap;
            struct document *more = realloc(*list, grown * sizeof(*more));

            if (more == NULL) {
                closedir(stream);
                return DI_NOMEM;
            }
            *list = more;
            cap = grown;
        }
        (*list)[(*count)++] = (struct document){.number = number};
    }
    closedir(stream);
    if (*count > 0)
        qsort(*list, *count, sizeof(**list), by_number);
    return DI_OK;
}

/* The first d->count of a shuffle, in groups; the rest is forgotten. */
static void choose(struct documents *d, size_t available, uint64_t seed)
{
    struct prng p;

    prng_seed(&p, seed);
    for (size_t i = 0; i < d->count; i++) {
        size_t k = i + prng_below(&p, available - i);
        struct document swap = d->list[i];

        d->list[i] = d->list[k];
        d->list[k] = swap;
    }
    for (size_t i = 0; i < d->count; i += d->group_size)
        qsort(d->list + i, d->group_size, sizeof(*d->list), by_number);
}

static enum di_err take_from_directory(struct documents *d, const struct lab_config *cfg,
                                       char why[512])
{
    size_t available;
    enum di_err err = list_directory(cfg->rfcs, &d->list, &available);

    if (err != DI_OK) {
        snprintf(why, 512, "cannot read the directory %.300s: %s", cfg->rfcs, di_err_text(err));
        return err;
    }
    if (available < d->count) {
        snprintf(why, 512,
                 "%.300s holds %zu documents named rfcN.txt, %zu are needed; use fewer --peers or "
                 "--files, or leave out --rfcs to have documents generated",
                 cfg->rfcs, available, d->count);
        return DI_NOT_FOUND;
    }
    snprintf(d->dir, sizeof(d->dir), "%s", cfg->rfcs);
    choose(d, available, cfg->seed);
    return DI_OK;
}

static enum di_err generate(struct documents *d, const struct lab_config *cfg, const char *tempdir,
                            char why[512])
{
    struct buf b;
    enum di_err err = DI_OK;
    char path[4200];

    snprintf(d->dir, sizeof(d->dir), "%s/source", tempdir);
    d->list = calloc(d->count, sizeof(*d->list));
    if (d->list == NULL)
        return DI_NOMEM;
    if (mkdir(d->dir, 0700) != 0)
        return di_err_from_errno(errno);
    buf_init(&b, DOCUMENT_BYTES_MAX);
    for (size_t i = 0; i < d->count && err == DI_OK; i++) {
        d->list[i].number = LAB_RFC_FIRST + (uint32_t)i;
        buf_clear(&b);
        lab_generate_rfc(cfg->seed, d->list[i].number, &b);
        path_of(path, d->dir, d->list[i].number);
        err = buf_status(&b) == DI_OK ? write_file(path, &b) : buf_status(&b);
    }
    buf_fini(&b);
    if (err != DI_OK)
        snprintf(why, 512, "cannot write documents below %.300s: %s", tempdir, di_err_text(err));
    else
        choose(d, d->count, cfg->seed);
    return err;
}

enum di_err documents_open(struct documents *d, const struct lab_config *cfg, size_t peers,
                           size_t files, const char *tempdir, char why[512])
{
    enum di_err err;
    uint64_t bytes = 0;
    char path[4200], human[TEXT_HUMAN_SIZE];

    *d = (struct documents){.group_size = files / (peers - 1)};
    d->count = d->group_size * peers;
    err = cfg->rfcs != NULL ? take_from_directory(d, cfg, why) : generate(d, cfg, tempdir, why);
    for (size_t i = 0; i < d->count && err == DI_OK; i++) {
        path_of(path, d->dir, d->list[i].number);
        err = hash_document(path, &d->list[i]);
        bytes += d->list[i].bytes;
        if (err != DI_OK)
            snprintf(why, 512, "cannot read %.300s: %s", path, di_err_text(err));
    }
    if (err != DI_OK) {
        documents_close(d);
        return err;
    }
    text_human_bytes(bytes, human);
    if (cfg->rfcs == NULL) {
        snprintf(d->text, sizeof(d->text), "%zu generated documents, %s", d->count, human);
    } else {
        struct slice dir = slice_of(cfg->rfcs);
        char shown[DIR_SHOWN + 1];
        bool cut = dir.n > DIR_SHOWN;

        if (cut)
            dir = (struct slice){dir.p + dir.n - DIR_SHOWN, DIR_SHOWN};
        text_clean(shown, sizeof(shown), dir);
        snprintf(d->text, sizeof(d->text), "%zu RFCs from %s%s, %s", d->count, cut ? "..." : "",
                 shown, human);
    }
    return DI_OK;
}

void documents_close(struct documents *d)
{
    free(d->list);
    d->list = NULL;
    d->count = 0;
}

static enum di_err copy_file(const char *from, const char *to)
{
    struct buf b;
    enum di_err err;

    buf_init(&b, DOCUMENT_BYTES_MAX);
    err = read_file(from, &b);
    if (err == DI_OK)
        err = write_file(to, &b);
    buf_fini(&b);
    return err;
}

enum di_err documents_lay_out(const struct documents *d, size_t first, size_t count,
                              const char *dir, char why[512])
{
    for (size_t i = first; i < first + count; i++) {
        char from[4200], to[4200];
        enum di_err err = DI_OK;

        path_of(from, d->dir, d->list[i].number);
        path_of(to, dir, d->list[i].number);
        /* Not every file system and not every owner allows a link. */
        if (link(from, to) != 0)
            err = copy_file(from, to);
        if (err != DI_OK) {
            snprintf(why, 512, "cannot copy to %.300s: %s", to, di_err_text(err));
            return err;
        }
    }
    return DI_OK;
}

enum di_err documents_check(const struct document *doc, const char *dir, char why[512])
{
    struct document there = {.number = doc->number};
    char path[4200];
    enum di_err err;

    path_of(path, dir, doc->number);
    err = hash_document(path, &there);
    if (err != DI_OK)
        snprintf(why, 512, "%.300s was reported done, but: %s", path, di_err_text(err));
    else if (there.bytes != doc->bytes || !sha256_equal(&there.sha256, &doc->sha256))
        snprintf(why, 512, "%.300s is not what the source holds: %llu bytes of %llu", path,
                 (unsigned long long)there.bytes, (unsigned long long)doc->bytes);
    else
        return DI_OK;
    return DI_MISMATCH;
}

const struct document *documents_find(const struct documents *d, uint32_t number)
{
    for (size_t i = 0; i < d->count; i++) {
        if (d->list[i].number == number)
            return &d->list[i];
    }
    return NULL;
}
