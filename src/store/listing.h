/* What lies in the library's directory: one file for each number and format, and the downloads on
 * their way in. */
#ifndef P2PDI_STORE_LISTING_H
#define P2PDI_STORE_LISTING_H

#include "beneath.h"
#include "names.h"

#include "p2pdi/base/buf.h"

struct listed_file {
    const char *name; /* in names */
    struct doc_name parsed;
    struct file_id id;
};

struct listing {
    struct listed_file *file; /* in ascending order of number, then format */
    size_t count;
    const char **part;
    size_t part_count;
    size_t rivals;     /* files left out because another one has their number and format */
    const char *rival; /* one of them */

    struct buf names; /* each with its NUL */
};

/* Regular files of a permitted size only. On failure the listing is empty; listing_free in any
 * case. */
enum di_err listing_read(int dir_fd, struct listing *out) DI_MUST_CHECK;
void listing_free(struct listing *l);

#endif
