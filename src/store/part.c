/*
 * Downloads on their way in: hidden files in the library's directory, named after number and
 * digest. Run by whoever downloads; a part belongs to one thread at a time.
 */
#include "part.h"

#include "library_impl.h"
#include "titles.h"

#include "p2pdi/base/clock.h"
#include "p2pdi/base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#define OLD_S (INT64_C(7) * 24 * 3600)
#define BLOCK_BYTES ((size_t)128 << 10)
#define OPEN_TRIES 8

/* What the name stands for now. DI_NOT_FOUND: not for the file that was opened any more: another
 * owner has published or deleted that. */
static enum di_err look_again(int dir_fd, const char *name, const struct file_id *opened,
                              struct file_id *now)
{
    struct stat st;
    if (fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
        return di_err_from_errno(errno);
    file_id_from_stat(&st, now);
    return now->inode == opened->inode ? DI_OK : DI_NOT_FOUND;
}

/* id is as of the lock: until then another owner may have appended. */
static enum di_err open_locked(int dir_fd, const char *name, int *out_fd, struct file_id *id)
{
    for (int i = 0; i < OPEN_TRIES; i++) {
        int fd = -1;
        struct file_id opened;
        enum di_err err = beneath_open_write(dir_fd, name, &fd, &opened);
        if (err != DI_OK)
            return err;
        if (flock(fd, LOCK_EX | LOCK_NB) != 0)
            err = errno == EWOULDBLOCK ? DI_IN_USE : di_err_from_errno(errno);
        else
            err = look_again(dir_fd, name, &opened, id);
        if (err == DI_OK) {
            *out_fd = fd;
            return DI_OK;
        }
        (void)close(fd);
        if (err != DI_NOT_FOUND)
            return err;
    }
    return DI_IN_USE;
}

void part_close(struct library_part *p)
{
    if (p->expected)
        publish_expect_no_more(p->lib);
    if (p->fd >= 0)
        (void)close(p->fd);
    sha256_stream_free(p->hash);
    free(p);
}

enum di_err library_part_reset(struct library_part *p)
{
    p->verified = false;
    p->have_bytes = 0;
    sha256_stream_free(p->hash);
    p->hash = NULL;
    p->text = NULL;
    return ftruncate(p->fd, 0) == 0 ? DI_OK : di_err_from_errno(errno);
}

static enum di_err hash_more(struct library_part *p, const void *bytes, size_t len)
{
    enum di_err err = p->hash == NULL ? sha256_stream_new(&p->hash) : DI_OK;
    return err == DI_OK ? sha256_stream_update(p->hash, bytes, len) : err;
}

/* Feeds what is there already to the hash. */
static enum di_err hash_prefix(struct library_part *p, uint64_t len)
{
    char *block = malloc(BLOCK_BYTES);
    if (block == NULL)
        return DI_NOMEM;
    enum di_err err = DI_OK;
    while (p->have_bytes < len && err == DI_OK) {
        ssize_t n = pread(p->fd, block, BLOCK_BYTES, (off_t)p->have_bytes);
        if (n > 0) {
            err = hash_more(p, block, (size_t)n);
            p->have_bytes += (uint64_t)n;
        } else if (n == 0) {
            err = DI_IO;
        } else if (errno != EINTR) {
            err = di_err_from_errno(errno);
        }
    }
    free(block);
    return err;
}

enum di_err library_part_open(struct library *lib, uint32_t rfc, const struct sha256 *edition,
                              uint64_t size_bytes, struct library_part **out, uint64_t *have)
{
    if (rfc == 0 || rfc > NAME_RFC_MAX || size_bytes > LIBRARY_DOCUMENT_MAX)
        return DI_INVALID;
    struct library_part *p = calloc(1, sizeof *p);
    if (p == NULL)
        return DI_NOMEM;
    p->lib = lib;
    p->rfc = rfc;
    p->edition = *edition;
    p->size_bytes = size_bytes;
    p->fd = -1;
    name_format_part(rfc, edition, p->name);
    struct file_id id;
    enum di_err err = open_locked(lib->dir_fd, p->name, &p->fd, &id);
    if (err == DI_OK)
        err = id.size_bytes > size_bytes ? library_part_reset(p) : hash_prefix(p, id.size_bytes);
    if (err != DI_OK) {
        part_close(p);
        return err;
    }
    p->expected = true;
    publish_expect(lib);
    *out = p;
    *have = p->have_bytes;
    return DI_OK;
}

/* Behind what is there. */
static enum di_err write_more(struct library_part *p, const char *bytes, size_t len)
{
    size_t written = 0;
    while (written < len) {
        ssize_t n = pwrite(p->fd, bytes + written, len - written, (off_t)(p->have_bytes + written));
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0) {
            enum di_err err = n == 0 ? DI_IO : di_err_from_errno(errno);
            /* What the hash has not seen must not be there when the part is opened again. */
            if (ftruncate(p->fd, (off_t)p->have_bytes) != 0)
                (void)unlinkat(p->lib->dir_fd, p->name, 0);
            return err;
        }
        written += (size_t)n;
    }
    p->have_bytes += len;
    return DI_OK;
}

enum di_err library_part_append(struct library_part *p, const void *bytes, size_t len)
{
    if (len > p->size_bytes - p->have_bytes)
        return DI_LIMIT;
    enum di_err err = write_more(p, bytes, len);
    return err == DI_OK ? hash_more(p, bytes, len) : err;
}

enum di_err library_part_fill(struct library_part *p, const char *text)
{
    if (p->have_bytes > 0)
        return DI_INVALID;
    enum di_err err = write_more(p, text, (size_t)p->size_bytes);
    p->text = err == DI_OK ? text : NULL;
    return err;
}

static enum di_err digest_of(struct library_part *p, struct sha256 *out)
{
    if (p->text != NULL)
        return sha256_of(p->text, (size_t)p->size_bytes, out);
    /* Nothing may have come: there are empty documents. */
    enum di_err err = hash_more(p, "", 0);
    return err == DI_OK ? sha256_stream_finish(p->hash, out) : err;
}

static void take_title(struct library_part *p)
{
    size_t head = p->size_bytes < TITLE_HEAD_BYTES ? (size_t)p->size_bytes : TITLE_HEAD_BYTES;
    (void)title_from_head((struct slice){p->text, head}, p->own_title);
}

enum di_err library_part_verify(struct library_part *p)
{
    struct sha256 digest;
    if (p->verified)
        return DI_OK;
    if (p->have_bytes != p->size_bytes)
        return DI_MISMATCH;
    enum di_err err = digest_of(p, &digest);
    if (err != DI_OK)
        return err;
    p->verified = sha256_equal(&digest, &p->edition);
    if (p->verified && p->text != NULL)
        take_title(p);
    p->text = NULL;
    return p->verified ? DI_OK : DI_MISMATCH;
}

void library_part_keep(struct library_part *p)
{
    if (p == NULL)
        return;
    /* An empty one is not worth keeping. */
    if (p->have_bytes == 0)
        (void)unlinkat(p->lib->dir_fd, p->name, 0);
    part_close(p);
}

void library_part_discard(struct library_part *p)
{
    if (p == NULL)
        return;
    (void)unlinkat(p->lib->dir_fd, p->name, 0);
    part_close(p);
}

void part_clean(struct library *lib, const char *name)
{
    uint32_t rfc;
    struct sha256 edition;
    struct stat st;
    struct file_id ignored;
    int fd = -1;
    if (!lib->write || !name_parse_part(name, &rfc, &edition) ||
        fstatat(lib->dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
        return;
    const struct doc *held = library_peek(lib, doc_key(rfc, LIBRARY_TXT));
    bool old = clock_wall_s() - st.st_mtim.tv_sec > OLD_S;
    if (!old && (held == NULL || !sha256_equal(&held->shown.sha256, &edition)))
        return;
    if (open_locked(lib->dir_fd, name, &fd, &ignored) != DI_OK)
        return;
    if (unlinkat(lib->dir_fd, name, 0) == 0)
        log_write(LOG_INFO, "deleted the unfinished download %s", name);
    (void)close(fd);
}
