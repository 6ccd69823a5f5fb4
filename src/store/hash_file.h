/* Reading a file once for SHA-256 and title. Each hasher is used by one thread at a time. */
#ifndef P2PDI_STORE_HASH_FILE_H
#define P2PDI_STORE_HASH_FILE_H

#include "beneath.h"

#include "p2pdi/base/sha256.h"
#include "p2pdi/store/library.h"

struct hasher {
    struct sha256_stream *stream;
    char *block;
};

struct hashed {
    struct file_id id;
    struct sha256 sha256;
    char title[LIBRARY_TITLE_SIZE]; /* the document's own; "" if none, or not text */
};

enum di_err hasher_init(struct hasher *h) DI_MUST_CHECK;
void hasher_fini(struct hasher *h);
/* DI_IN_USE: it changed while it was read; DI_LIMIT: too large; DI_INVALID: no regular file. */
enum di_err hasher_run(struct hasher *h, int dir_fd, const char *name, enum library_format format,
                       struct hashed *out) DI_MUST_CHECK;

#endif
