/* Reading a file once for SHA-256 and title. Run by the library's thread and its hashers. */
#include "hash_file.h"

#include "titles.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#define BLOCK_BYTES ((size_t)256 << 10)

enum di_err hasher_init(struct hasher *h)
{
    *h = (struct hasher){0};
    h->block = malloc(BLOCK_BYTES);
    if (h->block == NULL)
        return DI_NOMEM;
    enum di_err err = sha256_stream_new(&h->stream);
    if (err != DI_OK)
        hasher_fini(h);
    return err;
}

void hasher_fini(struct hasher *h)
{
    sha256_stream_free(h->stream);
    free(h->block);
    *h = (struct hasher){0};
}

/* Fills the block as far as the file goes. */
static enum di_err read_block(int fd, char *block, size_t *len)
{
    *len = 0;
    while (*len < BLOCK_BYTES) {
        ssize_t n = read(fd, block + *len, BLOCK_BYTES - *len);
        if (n == 0)
            break;
        if (n < 0 && errno != EINTR)
            return di_err_from_errno(errno);
        if (n > 0)
            *len += (size_t)n;
    }
    return DI_OK;
}

static enum di_err hash_open_file(struct hasher *h, int fd, enum library_format format,
                                  struct hashed *out)
{
    uint64_t total = 0;
    size_t len = 0;
    out->title[0] = '\0';
    do {
        enum di_err err = read_block(fd, h->block, &len);
        if (err != DI_OK)
            return err;
        if (total == 0 && format == LIBRARY_TXT) {
            size_t head = len < TITLE_HEAD_BYTES ? len : TITLE_HEAD_BYTES;
            (void)title_from_head((struct slice){h->block, head}, out->title);
        }
        err = sha256_stream_update(h->stream, h->block, len);
        if (err != DI_OK)
            return err;
        total += len;
        if (total > out->id.size_bytes)
            return DI_IN_USE;
    } while (len == BLOCK_BYTES);

    struct stat st;
    struct file_id after;
    if (fstat(fd, &st) != 0)
        return di_err_from_errno(errno);
    file_id_from_stat(&st, &after);
    return total == after.size_bytes && file_id_equal(&after, &out->id) ? DI_OK : DI_IN_USE;
}

enum di_err hasher_run(struct hasher *h, int dir_fd, const char *name, enum library_format format,
                       struct hashed *out)
{
    int fd = -1;
    enum di_err err = beneath_open(dir_fd, name, &fd, &out->id);
    if (err != DI_OK)
        return err;
    err = out->id.size_bytes > LIBRARY_DOCUMENT_MAX ? DI_LIMIT : hash_open_file(h, fd, format, out);
    /* Also after a failure: the stream must start anew. */
    enum di_err finished = sha256_stream_finish(h->stream, &out->sha256);
    (void)close(fd);
    return err != DI_OK ? err : finished;
}
