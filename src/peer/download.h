/*
 * Between download.c (pools and their schedulers: threads, what others tell), landing.c (what
 * becomes of requests), fetch.c (one link's I/O, without any lock) and intake.c (what bodies become).
 * Only these include it.
 */
#ifndef P2PDI_PEER_DOWNLOAD_H
#define P2PDI_PEER_DOWNLOAD_H

#include "internal.h"
#include "spares.h"

#include "p2pdi/base/hash.h"

#define FETCH_WINDOW 16     /* requests under way on one link */
#define TRANSFERS_KEPT 1024 /* finished ones that can be looked at */

/*
 * One document on its way from one holder, or a range of it that helps another flight. It belongs to
 * its link's thread (fetch.c); the list, of those that do not help, and `have` are guarded by downloads.lock (landing.c).
 */
struct flight {
    struct sched_request request;
    struct addr holder;
    bool helps; /* another flight has the part */
    struct library_part *part;
    struct library_tail *tail; /* what those bring that help; NULL: nobody can */
    uint64_t have;             /* bytes that are stored */
    bool met;                  /* the rest is in the tail */
    bool unwanted;             /* dropped meanwhile */
    struct coding_dict *dict;  /* that was named; NULL: none */
    uint64_t came;             /* of them, in this flight */
    uint64_t wire;             /* bytes of bodies that brought them */
    bool resumed;              /* some were stored by an earlier one */
    int64_t start_us;
    struct flight *prev, *next;
};

/* Is it the seeker's turn? */
enum pool_turn {
    POOL_STIRRED, /* not yet known: since something happened nobody has looked what there is to try */
    POOL_STUCK,   /* yes: nothing although something is wanted, and a round may bring it */
    POOL_ASKED,   /* it is at it: nothing has happened since a round began */
};

/* A scheduler and the threads that carry out what it decides. */
struct pool {
    struct downloads *owner;
    struct sched *sched;
    struct cond work;
    bool serial;
    bool stop;
    unsigned plans; /* being made */
    enum pool_turn turn;
    size_t thread_count;
    struct thread *threads;
    struct flight *flights;
    struct flight *tails; /* that failed, for what others brought: the next one goes on with it */
    struct pool *prev, *next;
};

/* A document that is verified and not yet visible: on its way through the library's publisher. */
struct landing {
    uint32_t rfc; /* key */
    struct peer *peer;
    struct addr holder;
    uint64_t bytes, wire_bytes;
    int64_t us;
    struct sha256 sha256;
    UT_hash_handle hh;
};

/* What is remembered of a document that is not here, for `sync`, which wants all again and again. */
struct remark {
    uint32_t rfc; /* key */
    bool failed;  /* it could not be had, and that was told */
    bool dropped; /* the user does not want it */
    UT_hash_handle hh;
};

struct downloads {
    struct peer *peer;

    struct lock lock;
    struct pool *pools;  /* guarded by lock, as all below and everything in pools */
    struct pool *common; /* of pools; NULL before the first use */
    struct cond made;
    bool making; /* somebody makes the common one */
    struct spares spares;
    uint64_t seed;
    struct sched_company company;
    struct peer_transfer *finished; /* ring */
    size_t finished_count;          /* ever */
    struct cond landed;
    struct landing *landings; /* table */
    struct remark *remarks;   /* table */
};

/* Something happened that may make more possible. */
void pool_stir_locked(struct pool *pool);
bool downloads_is_landing_locked(struct downloads *d, uint32_t rfc);

/* A connection's worth of work for one holder, as the scheduler knows it. */
struct link {
    struct pool *pool;
    struct peer *peer;
    struct addr holder;
    uint32_t id;
};

struct intake;
/*
 * Takes from that holder while it has something that is wanted, then closes the link. in: the thread's.
 * kept: a connection to it from an earlier link (may be NULL), and what is left for the next one.
 */
void fetch_run(struct link *l, struct intake *in, struct client **kept);

bool link_next(struct link *l, struct sched_request *out);
void link_up(struct link *l);
void link_closed(struct link *l, enum sched_why why);
/* Does its first request take so long that somebody else should bring it? If not: when to ask again. */
bool link_is_late(struct link *l, int64_t *again_us);
/*
 * What others brought for a flight of the same edition that failed; NULL: nothing. It belongs to the caller,
 * who takes off with it.
 */
struct library_tail *link_kept_tail(struct link *l, const struct sched_request *r);
/* It ends before it is asked for: we cannot store it. retry_after_us: with SCHED_BUSY. */
void link_cannot(struct link *l, const struct sched_request *r, enum sched_why why,
                 int64_t retry_after_us);
/* It is asked for now, with its part open, and shows among the transfers. */
void link_takes_off(struct link *l, struct flight *f);
void link_progress(struct link *l, struct flight *f, size_t bytes);
/* Have others brought the rest, is it wanted no more? Sets f->met, f->unwanted. */
void link_look(struct link *l, struct flight *f);
/* There is nothing else: a range to help with, and where to put it. */
bool link_help(struct link *l, struct sched_request *out, struct library_tail **tail);
/* Nobody goes on with that document: what failed flights left of it is moved to gone. */
void pool_drop_tails_locked(struct pool *pool, uint32_t rfc, struct flight **gone);
void flights_free(struct peer *p, struct flight *list);
/* Takes f, which helped. */
void link_helped(struct link *l, struct flight *f, bool came);
/* What was stored is thrown away. */
void link_restarts(struct link *l, struct flight *f);
/* Verified; takes the part and f. */
void link_done(struct link *l, struct flight *f);
/* Takes f, whose part is closed already. retry_after_us: with SCHED_BUSY. */
void link_failed(struct link *l, struct flight *f, enum sched_why why, uint64_t kept,
                 int64_t retry_after_us);
/* Nobody wants it any more: takes f, whose part is closed already. */
void link_forgoes(struct link *l, struct flight *f, uint64_t kept);
/* It fails with its link: takes f, whose part is closed already. */
void link_drops(struct link *l, struct flight *f);
/* It is here already, by other means. */
void link_needless(struct link *l, const struct sched_request *r);

#endif
