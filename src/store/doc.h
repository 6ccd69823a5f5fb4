/* A document of the library: what library.h shows of it and what only the library knows. */
#ifndef P2PDI_STORE_DOC_H
#define P2PDI_STORE_DOC_H

#include "beneath.h"
#include "names.h"

#include "p2pdi/base/hash.h"
#include "p2pdi/store/library.h"

#include <stdatomic.h>

struct library_file;

/* Immutable but for what the library's lock guards, freed with the last reference. */
struct doc {
    struct library_doc shown; /* first: outsiders hold a pointer to it */
    atomic_uint refs;
    uint32_t key; /* of the table: doc_key */
    enum name_rank rank;
    struct file_id id;
    const char *name;
    bool landing; /* its file still has the hidden name of a part; about to be renamed */

    uint32_t seen; /* the last scan that saw it; library thread only */

    /* guarded by library.lock */
    bool listed;               /* in the table now */
    struct library_file *file; /* kept open; only while listed */
    UT_hash_handle hh;

    char text[]; /* title NUL name NUL */
};

static inline uint32_t doc_key(uint32_t rfc, enum library_format f)
{
    return rfc << 2 | (uint32_t)f;
}
_Static_assert(LIBRARY_FORMATS <= 4 && NAME_RFC_MAX < UINT32_MAX >> 2, "doc_key does not fit");

static inline struct doc *doc_of(const struct library_doc *shown)
{
    union {
        const struct library_doc *shown;
        struct doc *whole;
    } d = {.shown = shown};
    return d.whole;
}

/* A document with one reference; name and title are copied. NULL: out of memory. */
struct doc *doc_new(const char *name, const struct doc_name *parsed, const struct file_id *id,
                    const struct sha256 *sha256, const char *title);
struct doc *doc_ref(struct doc *d);
/* Is that the file that was listed, untouched? Renaming has changed the ctime of what was landing. */
bool doc_is_file(const struct doc *d, const struct file_id *id);

#endif
