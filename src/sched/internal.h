/*
 * What the scheduler knows, between its files: plan.c (documents, editions, offers: what could be
 * asked of whom), choose.c (which of it is asked), link.c (links, requests and their outcomes),
 * late.c (what takes too long), help.c (who brings ranges of it), sched.c (the public events).
 *
 *     doc 8609 --- edition a1b2 --- offer of 192.0.2.7 --- in that holder's ready list
 *         |                    \--- offer of 192.0.2.9 --- in that holder's ready list
 *         \------- edition ffff --- offer of 192.0.2.8     (fewer offer it: tried later)
 *
 * A document is in one of these states:
 *
 *     listed       offers of its current edition are in their holders' ready lists
 *     under way    it has a request; none of its offers is ready
 *     exhausted    every offer failed, or there is none: in the list of those, until popped or offered
 *     dropped      not wanted any more, but a request is still under way
 */
#ifndef P2PDI_SRC_SCHED_INTERNAL_H
#define P2PDI_SRC_SCHED_INTERNAL_H

#include "p2pdi/base/hash.h"
#include "p2pdi/base/random.h"
#include "p2pdi/sched/sched.h"

#include "ready.h"

/* Failures without progress in between, until it is given up: a holder, or one document of it. */
#define FAILURES_MAX 4
/* Refusals to serve in a row, until a holder is given up. */
#define BUSY_MAX 12
/* Pointings elsewhere in a row. */
#define RESTS_MAX 40
/* How often a holder may change its mind about what it offers. */
#define EDITIONS_MAX 8
/*
 * More holders of one document than that bring nothing; the others are heard of again when some
 * fail.
 */
#define OFFERS_MAX 64
/* A transfer that brought so much was worth it, even if it broke off. */
#define PROGRESS_BYTES (UINT64_C(64) * 1024)
/*
 * A connection that is being made for a document is given so long before another holder is tried
 * too.
 */
#define CLAIM_US INT64_C(300000)
#define BACKOFF_MIN_US INT64_C(250000)
#define BACKOFF_MAX_US INT64_C(30000000)
#define RETRY_AFTER_MAX_US INT64_C(60000000)
/* Rarity and turn together are a bucket of the ready lists, behind that of the dictionary. */
#define TURN_MAX 3u
#define RARE_MAX ((READY_BUCKETS - 1) / (TURN_MAX + 1))
/*
 * Requests under way on a fresh link; then as many as are answered in a round trip and
 * WINDOW_AHEAD_US, which keeps holder and link busy. What is asked for earlier than that cannot be
 * asked of others any more, and of several who ask one holder none hears in time what others got.
 */
#define WINDOW_START 2u
#define WINDOW_AHEAD_US INT64_C(10000)

/* Whose bytes the kept ones are. */
enum kept_from { KEPT_UNKNOWN, KEPT_ONE_HOLDER };

/* Pieces of a document that others bring while a request brings it from the front: a bit each. */
struct help_map {
    uint64_t asked, twice, here; /* twice: of two holders */
    int64_t used_us;             /* when one was asked for or came last */
    uint32_t epoch;              /* what was asked for in another one is of no use; 0: of none */
};

struct edition {
    struct sha256 sha256;
    uint64_t size_bytes;
    uint64_t have; /* kept bytes, from the start */
    enum kept_from kept_from;
    struct addr kept_holder;
    bool is_suspect; /* bytes of several made a mismatch: from now on each holder starts at 0 */
    unsigned live;   /* offers that did not fail */
    struct help_map help;
    struct edition *next;
};

struct offer {
    struct doc *doc;
    struct holder *holder;
    struct edition *edition;
    struct ready_place ready;
    bool is_live;
    enum sched_why why; /* if not */
    unsigned failures;
    uint64_t reached;                        /* bytes of it that its holder once brought */
    unsigned editions;                       /* that this holder ever offered */
    struct offer *doc_prev, *doc_next;       /* of the same document */
    struct offer *holder_prev, *holder_next; /* of the same holder */
};

struct doc {
    UT_hash_handle hh;
    uint32_t rfc;
    bool has_only;
    bool is_dropped;
    bool is_hopeless; /* it failed by our own fault */
    bool is_listed;
    bool is_exhausted; /* in the list of those */
    bool is_first;     /* s->first */
    struct addr only;
    struct edition *editions;
    struct edition *current; /* the one that is asked for; NULL before the first offer */
    struct offer *offers;
    struct request *request;
    unsigned turn;            /* so many others should take it before us; at most TURN_MAX */
    size_t order_at;          /* in the order asked for */
    int64_t claimed_until_us; /* a link is being opened for it */
    struct doc *prev, *next;  /* among the exhausted */
};

enum holder_state { HOLDER_GOOD, HOLDER_GONE, HOLDER_SHUNNED };

struct holder {
    UT_hash_handle hh;
    struct addr addr;
    enum holder_state state;
    struct offer *offers;
    size_t offer_count;
    struct ready ready;
    unsigned links, requests;
    bool is_connecting;
    unsigned failures, busies, rests; /* in a row */
    unsigned lates;                   /* broken off since it brought a document */
    int64_t not_before_us;            /* no new link until then */
    int64_t busy_until_us;            /* no request on any link until then */
    int64_t no_help_until_us;
    bool is_fast; /* one link cannot hold as many requests as it answers soon */
};

struct request {
    uint32_t id;
    struct doc *doc;
    struct edition *edition;
    uint64_t offset;
    uint64_t have;
    int64_t asked_us;
    int64_t progress_us; /* bytes came last */
    int64_t mark_us;     /* there it had `mark`; it is set anew now and then */
    uint64_t mark, lately;
    int64_t lately_us;  /* in which `lately` came, between the last two marks; 0: not known */
    bool is_answerable; /* all bytes are from this holder: it is to blame for a mismatch */
    struct request *prev, *next;
};

/* A piece that a link brings of somebody else's document. */
struct help {
    uint32_t id, rfc, epoch;
    int piece; /* -1: none */
    uint64_t end, len;
    int64_t asked_us;
};

struct link {
    UT_hash_handle hh;
    uint32_t id;
    struct holder *holder;
    bool is_up;
    bool is_faulted; /* what broke it has been told by sched_on_failed */
    unsigned window;
    unsigned under_way;
    size_t delivered;
    int64_t answered_us;      /* the last answer's end */
    int64_t round_trip_us;    /* least time from a request to its answer's end; 0: not known */
    int64_t answer_us;        /* what an answer takes, those before it apart; on average */
    uint32_t claim;           /* the document it is opened for */
    struct request *requests; /* oldest first: answers come in this order */
    struct help help;         /* while there are none */
};

struct sched {
    struct sched_config cfg;
    struct prng prng;
    struct doc *docs;
    struct holder *holders;
    struct link *links;
    struct doc *exhausted;
    size_t pending; /* docs that are not dropped */
    size_t listed;  /* docs that are listed */
    size_t links_up, requests;
    uint64_t usual_bytes, usual_us; /* what a link brought lately, and how long it took */
    struct doc **order;             /* as asked for; NULL where one went */
    size_t order_count, order_room;
    size_t order_from; /* none before this one is listed */
    uint32_t last_link, last_request, last_epoch;
    struct sched_company company;
    struct doc *first; /* would be a better dictionary than the one that is here; NULL: none */
    uint32_t dictionary_rfc; /* the best that is here; 0: none */
    struct sha256 dictionary;
};

/* ---- late.c ---------------------------------------------------------------------------------- */

/* Since when the link works on that one, its first request. */
int64_t late_turn_us(const struct link *l, const struct request *r);
/* It is done now: so long it takes. */
void late_learn(struct sched *s, const struct link *l, const struct request *r, int64_t now_us);

/* ---- help.c ---------------------------------------------------------------------------------- */

/*
 * Who could be linked to for help now; NULL: nobody, or not before *retry_us, which is only made
 * sooner.
 */
struct holder *help_holder(struct sched *s, int64_t now_us, int64_t *retry_us);
/* Nothing happens if the link does not help. */
void help_end(struct sched *s, struct link *l, bool came, int64_t now_us);
/* The front brought bytes. */
void help_note_progress(struct request *r, int64_t now_us);
/* Is somebody at it, or will be in a moment? */
bool help_is_at_work(const struct edition *ed, int64_t now_us);
bool help_is_needless(const struct sched *s, const struct link *l);
/* What others brought or bring is of no use: it is lost, or the front lost what it had. */
void help_forget(struct edition *ed);

/* ---- plan.c ---------------------------------------------------------------------------------- */

struct doc *plan_doc(const struct sched *s, uint32_t rfc);
enum di_err plan_want(struct sched *s, uint32_t rfc, struct doc **out) DI_MUST_CHECK;
/* NULL: nobody ever offered it. */
struct edition *plan_find_edition(const struct doc *d, uint64_t size_bytes,
                                  const struct sha256 *sha256);
/* Frees the document and all that was known of it. It has no request. */
void plan_forget(struct sched *s, struct doc *d);
void plan_limit(struct sched *s, struct doc *d, const struct addr *only);
enum di_err plan_offer(struct sched *s, struct doc *d, const struct addr *holder,
                       uint64_t size_bytes, const struct sha256 *sha256) DI_MUST_CHECK;
struct offer *plan_find_offer(const struct doc *d, const struct holder *h);
/* The offer failed for good. */
void plan_fail_offer(struct sched *s, struct offer *o, enum sched_why why);
/* It may be tried again. */
void plan_revive_offer(struct sched *s, struct offer *o);
/* All offers of the holder fail. */
void plan_fail_holder(struct sched *s, struct holder *h, enum sched_why why);
/* Puts the document where it belongs now: listed with its best edition, exhausted, or neither. */
void plan_settle(struct sched *s, struct doc *d);
/* The company changed: whose turn is it? */
void plan_draw_lots(struct sched *s);
/* The listed document that was asked for first; NULL if there is none. */
struct doc *plan_first(struct sched *s);

struct holder *plan_holder(const struct sched *s, const struct addr *addr);
/* Frees the holder if nothing is left that is worth remembering. */
void plan_holder_release(struct sched *s, struct holder *h);

static inline struct offer *offer_of(struct ready_place *p)
{
    return (struct offer *)(void *)((char *)p - offsetof(struct offer, ready));
}

/* ---- link.c ---------------------------------------------------------------------------------- */

struct link *link_find(const struct sched *s, uint32_t id);
struct request *link_request(const struct link *l, uint32_t id);
/* A connection to it was of no use: a back-off, and after some of them an end. */
void link_holder_failed(struct sched *s, struct holder *h, enum sched_why why, unsigned weight,
                        int64_t now_us);
/* All bytes of it are this holder's. */
void link_answer_for_all(struct request *r, const struct holder *h);

#endif
