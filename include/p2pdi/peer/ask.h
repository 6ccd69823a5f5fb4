/*
 * Questions asked by someone who is no peer: nothing listens, nothing registers, nothing is kept. The
 * calling thread waits, until the deadline at most.
 */
#ifndef P2PDI_PEER_ASK_H
#define P2PDI_PEER_ASK_H

#include "p2pdi/base/addr.h"
#include "p2pdi/base/err.h"
#include "p2pdi/net/stream.h"
#include "p2pdi/peer/peer.h"
#include "p2pdi/wire/rows.h"

#include <stdbool.h>
#include <stdint.h>

struct asker;

/* trace (may be NULL) as in struct peer_config. Questions may then be asked from several threads. */
enum di_err asker_new(peer_trace_fn *trace, void *trace_arg, struct asker **out) DI_MUST_CHECK;
void asker_free(struct asker *a);
/* Makes every question return DI_CANCELLED from now on. Any thread. */
void asker_cancel(struct asker *a);

/* PQUERY without a cookie: all active peers. visit until it returns false. */
enum di_err asker_peers(struct asker *a, const struct addr *rs, int64_t deadline_us,
                        bool (*visit)(void *arg, const struct wire_peer_row *row), void *arg)
    DI_MUST_CHECK;
/* GET RFC-Index of what that peer itself holds; the holder of each row is set to it. */
enum di_err asker_index(struct asker *a, const struct addr *peer, int64_t deadline_us,
                        bool (*visit)(void *arg, const struct wire_index_row *row), void *arg)
    DI_MUST_CHECK;

#endif
