/*
 * Connections without work, kept for when their holders have something again: so it does not cost a
 * round trip, nor begin at the pace of a new one. Guarded by whoever owns them; nothing here waits
 * or closes: what has to go is handed back, to be closed without a lock.
 */
#ifndef P2PDI_PEER_SPARES_H
#define P2PDI_PEER_SPARES_H

#include "internal.h"

#define SPARES_MAX 32
#define SPARES_IDLE_US (10 * CLOCK_US_PER_S) /* that long */

struct spares {
    size_t count;
    struct {
        struct client *client;
        int64_t until_us;
    } a[SPARES_MAX]; /* oldest first */
};

/* The one to that holder, NULL if there is none. It may be dead by now. */
struct client *spares_take(struct spares *s, const struct addr *holder);
/* Takes c (may be NULL). Returns one that there is no room for, or NULL. */
struct client *spares_put(struct spares *s, struct client *c, int64_t now_us) DI_MUST_CHECK;
/* Takes out one whose time is over, NULL if there is none. */
struct client *spares_expire(struct spares *s, int64_t now_us) DI_MUST_CHECK;
/* When there will be one; INT64_MAX: there are none. */
int64_t spares_when(const struct spares *s);

#endif
