/*
 * When a peer registered, within the last 30 days: the latest inline, the older ones on the heap,
 * since most have none and there may be a million records. All zero but for last_s = STAMPS_NEVER
 * at first. Pure.
 */
#ifndef P2PDI_SRC_INDEX_STAMPS_H
#define P2PDI_SRC_INDEX_STAMPS_H

#include "p2pdi/index/peer_index.h"

#define STAMPS_NEVER INT64_MIN

struct older_stamps {
    size_t count;
    struct peer_stamp at[]; /* ascending */
};

struct stamps {
    struct older_stamps *older; /* NULL: none */
    int64_t last_s;             /* counts once */
};

void stamps_fini(struct stamps *s);
/* Takes over what was stored, at least one. DI_NOMEM. */
enum di_err stamps_set(struct stamps *s, const struct peer_stamp *stored, size_t count)
    DI_MUST_CHECK;
/* Room for one more, so that stamps_add cannot fail. DI_NOMEM. */
enum di_err stamps_reserve(struct stamps *s) DI_MUST_CHECK;
void stamps_add(struct stamps *s, int64_t wall_s);
/* How many in the 30 days that end at wall_s; a registration exactly 30 days ago is out. */
uint32_t stamps_count(const struct stamps *s, int64_t wall_s);
size_t stamps_copy(const struct stamps *s, struct peer_stamp out[PEER_STAMPS_MAX]);

#endif
