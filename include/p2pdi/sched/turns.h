/*
 * Whose turn it is to be served, while more ask than the link can serve quickly. A few at a time get
 * their documents soon, and then serve the others; many at a time all get them late. Who has no turn
 * is pointed to one that has just got what it asks for; if there is none, it is served.
 *
 * A turn lasts as long as its peer asks, and at most TURNS_LONG_US while others want one. A peer is
 * whoever says that it serves at some port, so one host can be as many as it likes: while those at
 * other addresses want turns or places to wait, one address has at most a quarter of either.
 *
 * Pure: time is an argument, the caller serialises; so the same policy runs in the simulator.
 */
#ifndef P2PDI_SCHED_TURNS_H
#define P2PDI_SCHED_TURNS_H

#include "p2pdi/base/addr.h"
#include "p2pdi/base/err.h"

#include <stdbool.h>
#include <stdint.h>

#define TURNS_AT_A_TIME 8
#define TURNS_LONG_US INT64_C(2000000)
/* Who asks for nothing for so long has no turn any more. Who is pointed elsewhere comes back then. */
#define TURNS_REST_US INT64_C(500000)
/* That many documents are remembered, those served last. */
#define TURNS_SERVED_MAX 4096

struct turns;

enum di_err turns_new(struct turns **out) DI_MUST_CHECK;
void turns_free(struct turns *t);
/*
 * That peer, by the address it serves at, is to be sent that document now, the whole or a part. true:
 * serve it. false: *other has got the whole document here not long ago.
 */
bool turns_take(struct turns *t, const struct addr *peer, uint32_t rfc, bool is_whole,
                int64_t now_us, struct addr *other);

#endif
