/* Opening files of the library's directory: beneath it, regular ones only, no link followed. */
#ifndef P2PDI_STORE_BENEATH_H
#define P2PDI_STORE_BENEATH_H

#include "p2pdi/base/err.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

/* What tells one state of a file from another without reading it. */
struct file_id {
    uint64_t inode;
    uint64_t size_bytes;
    int64_t mtime_ns;
    int64_t ctime_ns;
};

bool file_id_equal(const struct file_id *a, const struct file_id *b);
void file_id_from_stat(const struct stat *st, struct file_id *out);

/* Opens for reading. DI_INVALID: not a regular file, or a link. id (may be NULL) as of the
 * opening. */
enum di_err beneath_open(int dir_fd, const char *name, int *out_fd, struct file_id *id)
    DI_MUST_CHECK;
/* Opens or makes for reading and writing; the same errors. */
enum di_err beneath_open_write(int dir_fd, const char *name, int *out_fd, struct file_id *id)
    DI_MUST_CHECK;
/* The state of the file without opening it; the same errors, and DI_LIMIT if too large. */
enum di_err beneath_stat(int dir_fd, const char *name, struct file_id *id) DI_MUST_CHECK;

/* Puts the names in that directory on the disk; in the one that path itself stands in. */
enum di_err beneath_sync(const char *path) DI_MUST_CHECK;
enum di_err beneath_sync_parent(const char *path) DI_MUST_CHECK;

#endif
