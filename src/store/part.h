/* A document on its way in, as publish.c takes it over from part.c. */
#ifndef P2PDI_STORE_PART_H
#define P2PDI_STORE_PART_H

#include "names.h"

#include "p2pdi/base/sha256.h"
#include "p2pdi/store/library.h"

#include <stdbool.h>

struct library_part {
    struct library *lib;
    uint32_t rfc;
    struct sha256 edition;
    uint64_t size_bytes; /* of the whole document */
    uint64_t have_bytes;
    int fd;                     /* locked (flock): one owner in all processes */
    struct sha256_stream *hash; /* made with the first piece */
    const char *text;           /* all of it, if it came so; whoever brought it has it */
    bool verified;
    bool expected; /* by the publisher */
    char name[NAME_PART_SIZE];
    char own_title[LIBRARY_TITLE_SIZE]; /* from its head, else from the index; "": not looked at */

    /* once handed to library_publish */
    struct library_part *next;
    char title[LIBRARY_TITLE_SIZE]; /* from the index */
    bool is_offered;
    bool replaces; /* something of that number was listed before */
    void (*done)(void *arg, enum di_err err);
    void *arg;
    enum di_err err;
    bool doubtful; /* a sync failed: nobody knows what is on the disk */
};

/* In the order of their coming. */
struct part_queue {
    struct library_part *first, *last; /* last means nothing if first is NULL */
};

/* Closes and frees; the file stays whatever it is. */
void part_close(struct library_part *p);
/* Deletes the part of that name if it is older than a week, or its document is held, and nobody
 * works on it. */
void part_clean(struct library *lib, const char *name);

#endif
