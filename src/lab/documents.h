/* The documents of an experiment: chosen or generated, hashed, laid out in libraries, checked. */
#ifndef P2PDI_LAB_DOCUMENTS_H
#define P2PDI_LAB_DOCUMENTS_H

#include "p2pdi/base/err.h"
#include "p2pdi/base/sha256.h"
#include "p2pdi/lab/lab.h"

#include <stddef.h>
#include <stdint.h>

struct document {
    uint32_t number;
    uint64_t bytes;
    struct sha256 sha256;
};

/*
 * In groups of group_size, one for each peer, ascending within a group. Files are dir/rfcN.txt, as
 * file names in dir say (they may have leading zeros).
 */
struct documents {
    char dir[4096];
    struct document *list;
    size_t count, group_size;
    char text[256]; /* what they are, for the report */
};

/*
 * Chooses as many as cfg asks for out of cfg->rfcs by its seed, or generates them below tempdir.
 * DI_NOT_FOUND: too few.
 */
enum di_err documents_open(struct documents *d, const struct lab_config *cfg, size_t peers,
                           size_t files, const char *tempdir, char why[512]) DI_MUST_CHECK;
void documents_close(struct documents *d);

/* Puts the count documents from first on into dir as rfcN.txt: linked where possible, else copied. */
enum di_err documents_lay_out(const struct documents *d, size_t first, size_t count,
                              const char *dir, char why[512]) DI_MUST_CHECK;
/* DI_MISMATCH unless dir holds doc under its name with exactly the source's bytes. */
enum di_err documents_check(const struct document *doc, const char *dir, char why[512])
    DI_MUST_CHECK;
/* The document of that number; NULL if it is none of them. */
const struct document *documents_find(const struct documents *d, uint32_t number);

#endif
