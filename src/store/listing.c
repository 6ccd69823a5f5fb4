/* What lies in the library's directory. Run by the library's thread. */
#include "listing.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define NAMES_MAX ((size_t)256 << 20)

static enum di_err read_names(int dir_fd, struct buf *names)
{
    /* Opened anew: a descriptor that was read before stands at its end. */
    int fd = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return di_err_from_errno(errno);
    DIR *dir = fdopendir(fd);
    if (dir == NULL) {
        (void)close(fd);
        return DI_NOMEM;
    }
    const struct dirent *e;
    errno = 0;
    while ((e = readdir(dir)) != NULL) {
        struct doc_name doc;
        uint32_t rfc;
        struct sha256 edition;
        if ((e->d_type == DT_REG || e->d_type == DT_UNKNOWN) &&
            (name_parse_document(e->d_name, &doc) || name_parse_part(e->d_name, &rfc, &edition)))
            buf_append(names, e->d_name, strlen(e->d_name) + 1);
        errno = 0;
    }
    enum di_err err = errno != 0 ? di_err_from_errno(errno) : buf_status(names);
    (void)closedir(dir);
    return err;
}

static size_t count_names(const struct buf *names)
{
    size_t n = 0;
    for (size_t i = 0; i < names->len; i++)
        n += buf_bytes(names)[i] == '\0';
    return n;
}

static void sort_out(struct listing *l)
{
    const char *name = buf_bytes(&l->names);
    const char *end = name + l->names.len;
    for (; name < end; name += strlen(name) + 1) {
        struct doc_name parsed;
        if (name_parse_document(name, &parsed))
            l->file[l->count++] = (struct listed_file){.name = name, .parsed = parsed};
        else
            l->part[l->part_count++] = name;
    }
}

static int compare_claims(const void *a, const void *b)
{
    const struct listed_file *x = a;
    const struct listed_file *y = b;
    if (x->parsed.rfc != y->parsed.rfc)
        return x->parsed.rfc < y->parsed.rfc ? -1 : 1;
    if (x->parsed.format != y->parsed.format)
        return x->parsed.format < y->parsed.format ? -1 : 1;
    return name_compare(x->parsed.rank, x->name, y->parsed.rank, y->name);
}

/* Keeps the first usable file of each number and format. */
static void settle(int dir_fd, struct listing *l)
{
    size_t kept = 0;
    for (size_t i = 0; i < l->count; i++) {
        struct listed_file *f = &l->file[i];
        const struct listed_file *last = kept > 0 ? &l->file[kept - 1] : NULL;
        if (last != NULL && last->parsed.rfc == f->parsed.rfc &&
            last->parsed.format == f->parsed.format) {
            l->rivals++;
            l->rival = f->name;
        } else if (beneath_stat(dir_fd, f->name, &f->id) == DI_OK) {
            l->file[kept++] = *f;
        }
    }
    l->count = kept;
}

enum di_err listing_read(int dir_fd, struct listing *out)
{
    *out = (struct listing){0};
    buf_init(&out->names, NAMES_MAX);
    enum di_err err = read_names(dir_fd, &out->names);
    if (err != DI_OK)
        return err;
    size_t n = count_names(&out->names);
    out->file = calloc(n + 1, sizeof *out->file);
    out->part = calloc(n + 1, sizeof *out->part);
    if (out->file == NULL || out->part == NULL)
        return DI_NOMEM;
    sort_out(out);
    qsort(out->file, out->count, sizeof *out->file, compare_claims);
    settle(dir_fd, out);
    return DI_OK;
}

void listing_free(struct listing *l)
{
    buf_fini(&l->names);
    free(l->file);
    free(l->part);
    *l = (struct listing){0};
}
