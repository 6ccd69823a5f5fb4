/*
 * What changed since: an intrusive ring of entries in the order of their last change, so that a
 * delta costs what changed, not what exists. Versions are "<run>.<sequence>" and opaque to others
 * (PROTOCOL.md, "Changes"). Not thread-safe; pure; allocates nothing.
 *
 *     oldest change                                   newest change
 *     [sequence 3] <-> [sequence 7] <-> ... <-> [sequence 41]
 *      forgotten <= 2                            sequence = 41
 */
#ifndef P2PDI_INDEX_CHANGES_H
#define P2PDI_INDEX_CHANGES_H

#include "p2pdi/base/text.h"

#include <stdbool.h>
#include <stdint.h>

#define CHANGES_VERSION_SIZE 40

/* Lives in the entry it tells of, which must not move or be freed while it is in a ring. */
struct change {
    struct change *prev, *next;
    uint64_t sequence; /* 0: not in a ring */
};

struct changes {
    struct change head; /* of the ring: next is the oldest, prev the newest */
    uint64_t run;       /* random for each process: versions of another run are not known */
    uint64_t sequence;  /* of the last change */
    uint64_t forgotten; /* deltas from before this change are no longer possible */
};

/* An empty ring. c must not move afterwards. */
void changes_init(struct changes *c, uint64_t run);
/* The entry changed now: it moves to the end. A new one starts with sequence 0. */
void changes_touch(struct changes *c, struct change *e);
/*
 * Takes the entry out for good; whoever has not yet heard of its last change must be sent
 * everything.
 */
void changes_forget(struct changes *c, struct change *e);
/* The version as of now. */
void changes_version(const struct changes *c, char out[CHANGES_VERSION_SIZE]);
/* true: *after is what changes_first_after takes. false: not a version of ours, or too old. */
bool changes_since(const struct changes *c, struct slice version, uint64_t *after);
/* The first entry that changed after that; NULL if none. Costs as much as there is to tell. */
struct change *changes_first_after(const struct changes *c, uint64_t after);
/* The entry that changed next; NULL after the last. */
struct change *changes_next(const struct changes *c, const struct change *e);

#endif
