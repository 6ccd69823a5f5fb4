/*
 * Between download.c (the pool and its scheduler, behind the lock) and fetch.c (one link's I/O,
 * without it). Only these two include it.
 */
#ifndef P2PDI_PEER_DOWNLOAD_H
#define P2PDI_PEER_DOWNLOAD_H

#include "internal.h"

#define FETCH_WINDOW 16 /* requests under way on one link */

/* One document on its way from one holder. fetch.c's; the list and `have` are download.c's. */
struct flight {
    struct sched_request request;
    struct addr holder;
    struct library_part *part;
    uint64_t have; /* bytes that are stored */
    uint64_t came; /* of them, in this flight */
    uint64_t wire; /* bytes of bodies that brought them */
    bool resumed;  /* some were stored by an earlier one */
    int64_t start_us;
    struct flight *prev, *next;
};

/* A connection's worth of work for one holder, as the scheduler knows it. */
struct link {
    struct pool *pool;
    struct peer *peer;
    struct addr holder;
    uint32_t id;
};

/*
 * Takes from that holder while it has something that is wanted, then closes the link. kept: the
 * calling thread's connection from an earlier link (may be NULL), and what it has for the next one.
 */
void fetch_run(struct link *l, struct client **kept);

bool link_next(struct link *l, struct sched_request *out);
void link_up(struct link *l);
void link_closed(struct link *l, enum sched_why why);
/* It is asked for now, and shows among the transfers. */
void link_takes_off(struct link *l, struct flight *f);
void link_progress(struct link *l, struct flight *f, size_t bytes);
/* What was stored is thrown away. */
void link_restarts(struct link *l, struct flight *f);
/* Verified; takes the part and f. */
void link_done(struct link *l, struct flight *f);
/* Takes f, whose part is closed already. retry_after_us: with SCHED_BUSY. */
void link_failed(struct link *l, struct flight *f, enum sched_why why, uint64_t kept,
                 int64_t retry_after_us);
/* It fails with its link: takes f, whose part is closed already. */
void link_drops(struct link *l, struct flight *f);
/* It is here already, by other means. */
void link_needless(struct link *l, const struct sched_request *r);

#endif
