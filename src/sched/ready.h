/*
 * What a holder can be asked for now: its offers in one array, parted into buckets by how rare the
 * document is, so that adding, taking and moving between neighbouring buckets cost the same however
 * many there are, and any of the rarest can be drawn at random.
 *
 *     at:  [bucket 0: one holder ...][bucket 1: two holders ...] ... [last bucket]
 *          0                         end[0]                  end[1]  ...           end[last]
 */
#ifndef P2PDI_SRC_SCHED_READY_H
#define P2PDI_SRC_SCHED_READY_H

#include "p2pdi/base/err.h"

#include <stdbool.h>
#include <stddef.h>

#define READY_BUCKETS 32
#define READY_LAST (READY_BUCKETS - 1)
#define READY_NOT ((size_t)-1)

/* Embedded in each offer; at READY_NOT at the start. */
struct ready_place {
    size_t at;
    unsigned bucket;
};

struct ready {
    struct ready_place **at;
    size_t room;
    size_t end[READY_BUCKETS];
};

/* Room for so many in all. DI_NOMEM. */
enum di_err ready_reserve(struct ready *r, size_t count) DI_MUST_CHECK;
void ready_fini(struct ready *r);
static inline size_t ready_count(const struct ready *r)
{
    return r->end[READY_LAST];
}
static inline bool ready_has(const struct ready_place *p)
{
    return p->at != READY_NOT;
}
/* Puts p into that bucket, or moves it there. Room was reserved. */
void ready_put(struct ready *r, struct ready_place *p, unsigned bucket);
/* Takes p out if it is in. */
void ready_take(struct ready *r, struct ready_place *p);

#endif
