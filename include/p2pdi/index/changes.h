/*
 * What changed since: an intrusive list of entries in the order of their last change, so that a delta costs what
 * changed, not what exists. Versions are "<run>.<sequence>" and opaque to others (PROTOCOL.md, "Changes").
 * Not thread-safe; pure.
 */
#ifndef P2PDI_INDEX_CHANGES_H
#define P2PDI_INDEX_CHANGES_H

#include "p2pdi/base/text.h"

#include <stdbool.h>
#include <stdint.h>

#define CHANGES_VERSION_SIZE 40

struct change {
    struct change *prev, *next; /* by sequence, oldest first */
    uint64_t sequence;          /* 0: not in a list */
};

struct changes {
    struct change head; /* ring */
    uint64_t run;       /* random per process: versions of another run are not known */
    uint64_t sequence;  /* of the last change */
    uint64_t forgotten; /* changes up to here can no longer be told apart */
};

void changes_init(struct changes *c, uint64_t run);
/* The entry changed now: it moves to the end. */
void changes_touch(struct changes *c, struct change *e);
/* The entry goes for good: deltas from before its last change are no longer possible. */
void changes_forget(struct changes *c, struct change *e);
/* Takes the entry out although nothing is lost (it never was told to anyone since `forgotten`). */
void changes_version(const struct changes *c, char out[CHANGES_VERSION_SIZE]);
/* true: *after is the sequence to tell changes from (> after). false: unknown, send everything. */
bool changes_since(const struct changes *c, struct slice version, uint64_t *after);
/* The first entry whose sequence is > after, NULL if none; walk on with changes_next. */
struct change *changes_first_after(const struct changes *c, uint64_t after);
struct change *changes_next(const struct changes *c, const struct change *e);

#endif
