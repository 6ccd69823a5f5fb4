/* What a screen asks of a peer besides looking: the text of a document, and to let one go. */
#include "internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static enum di_err read_file(int fd, char *bytes, size_t len)
{
    for (size_t have = 0; have < len;) {
        ssize_t n = pread(fd, bytes + have, len - have, (off_t)have);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n == 0 ? DI_IO : di_err_from_errno(errno);
        have += (size_t)n;
    }
    return DI_OK;
}

static enum di_err read_held(struct library *lib, const struct library_doc *doc, char **bytes)
{
    struct library_file *file = NULL;
    enum di_err err = library_file_open(lib, doc, &file);
    if (err != DI_OK)
        return err;
    *bytes = malloc((size_t)doc->size_bytes + 1);
    if (*bytes == NULL)
        err = DI_NOMEM;
    else if (library_file_bytes(file) != NULL)
        memcpy(*bytes, library_file_bytes(file), (size_t)doc->size_bytes);
    else
        err = read_file(library_file_fd(file), *bytes, (size_t)doc->size_bytes);
    library_file_release(file);
    if (err != DI_OK) {
        free(*bytes);
        *bytes = NULL;
    }
    return err;
}

enum di_err peer_read(struct peer *p, uint32_t rfc, char **bytes, size_t *len)
{
    struct library *lib = p->library;
    const struct library_doc *doc = lib == NULL ? NULL : library_get(lib, rfc, LIBRARY_TXT);
    *bytes = NULL;
    if (doc == NULL)
        return DI_NOT_FOUND;
    *len = (size_t)doc->size_bytes;
    enum di_err err = read_held(lib, doc, bytes);
    library_doc_unref(doc);
    return err;
}

void peer_drop(struct peer *p, uint32_t rfc)
{
    downloads_refuse(p->downloads, rfc);
    downloads_drop(p->downloads, rfc);
    peer_emit(p, (struct peer_event){.kind = PEER_EV_DROPPED, .rfc = rfc});
    gets_forgo(p->gets, rfc);
}
