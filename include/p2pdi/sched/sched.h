/*
 * Which document next, from whom: retry, back-off, rarest first, fail-over. A machine of events in and actions out:
 * no I/O, no clock, no threads; the download threads carry its actions out, the caller serialises. Time and seed
 * come as arguments, so the same policy runs in the simulator.
 *
 * The world as it sees it: documents that are wanted, holders, and links. A link is one connection to one holder
 * that some thread works on; it may have several requests under way.
 */
#ifndef P2PDI_SCHED_SCHED_H
#define P2PDI_SCHED_SCHED_H

#include "p2pdi/base/addr.h"
#include "p2pdi/base/sha256.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sched;

/* Why a holder did not deliver; words for people and for the `failed` event. */
#define SCHED_WHY_MAP(X)                                                                           \
    X(REFUSED, "connection refused")                                                               \
    X(UNREACHABLE, "unreachable")                                                                  \
    X(TIMEOUT, "no answer in time")                                                                \
    X(CLOSED, "closed the connection")                                                             \
    X(NOT_FOUND, "does not have it")                                                               \
    X(BUSY, "busy")                                                                                \
    X(PROTOCOL, "answered wrongly")                                                                \
    X(MISMATCH, "content did not match its SHA-256")                                               \
    X(CHANGED, "document changed meanwhile")                                                       \
    X(LEFT, "left")                                                                                \
    X(LOCAL, "could not be stored here")

enum sched_why {
#define X(name, text) SCHED_##name,
    SCHED_WHY_MAP(X)
#undef X
};
const char *sched_why_text(enum sched_why why);

struct sched_config {
    unsigned window_max;     /* requests under way on one link; 1 with serial */
    unsigned links_per_holder_max;
    bool serial;             /* one document at a time, in the order asked for */
};

enum di_err sched_new(const struct sched_config *cfg, uint64_t seed, struct sched **out) DI_MUST_CHECK;
void sched_free(struct sched *s);

/* ---- events: the caller tells ------------------------------------------------------------------- */

/* This document is wanted; `only` (may be NULL) is the one holder it may come from. Wanting twice is fine. */
enum di_err sched_want(struct sched *s, uint32_t rfc, const struct addr *only) DI_MUST_CHECK;
/* It is no longer wanted (cancelled, or appeared here by other means). */
void sched_drop(struct sched *s, uint32_t rfc);
/* have bytes of that edition are here already from an earlier run. */
void sched_on_partial(struct sched *s, uint32_t rfc, const struct sha256 *edition, uint64_t have);
/* A holder offers a wanted document. Repeats are fine; a holder that failed for good stays failed for it until it
 * offers another edition or sched_forgive. */
enum di_err sched_on_offer(struct sched *s, uint32_t rfc, const struct addr *holder,
                           uint64_t size_bytes, const struct sha256 *edition) DI_MUST_CHECK;
/* The holder is gone: its requests are as failed. */
void sched_on_holder_gone(struct sched *s, const struct addr *holder);

/* ---- actions: threads ask ----------------------------------------------------------------------- */

/* A thread is free: which holder should it open (or keep) a link to? DI_NOT_FOUND: none now; *retry_us says when
 * asking again makes sense without a new event (INT64_MAX: not before one). */
enum di_err sched_link_open(struct sched *s, int64_t now_us, struct addr *holder,
                            uint32_t *link, int64_t *retry_us) DI_MUST_CHECK;
/* The link's end, however it came; requests still under way on it are as failed with why. */
void sched_link_closed(struct sched *s, uint32_t link, enum sched_why why, int64_t now_us);
/* Connecting worked. */
void sched_link_up(struct sched *s, uint32_t link);

struct sched_request {
    uint32_t id;
    uint32_t rfc;
    uint64_t size_bytes;
    struct sha256 edition;
    uint64_t offset; /* from the byte where it stopped */
    uint64_t len;
};
/* What to ask for next on that link; false: nothing now (window full or nothing this holder has). */
bool sched_next(struct sched *s, uint32_t link, int64_t now_us, struct sched_request *out);

/* ---- outcomes ----------------------------------------------------------------------------------- */

/* More bytes of that request are stored. */
void sched_on_progress(struct sched *s, uint32_t link, uint32_t id, uint64_t bytes, int64_t now_us);
/* Whole and verified; being published. */
void sched_on_done(struct sched *s, uint32_t link, uint32_t id, int64_t now_us);
/* Failed: another holder, or this one again later (BUSY: after retry_after_us). kept: bytes stored so far that
 * stay good; 0 after a MISMATCH. fault_is_ours: a resumed file was wrong, the holder is not to blame. */
void sched_on_failed(struct sched *s, uint32_t link, uint32_t id, enum sched_why why, uint64_t kept,
                     int64_t retry_after_us, int64_t now_us);

/* ---- state -------------------------------------------------------------------------------------- */

struct sched_tried {
    struct addr holder;
    enum sched_why why;
};
/* Takes out one wanted document that cannot come any more from anyone known: every holder failed, or there is none.
 * Copies at most max of who was tried (count gets the true number; 0: nobody has it). false: no such document. */
bool sched_pop_exhausted(struct sched *s, int64_t now_us, uint32_t *rfc, struct sched_tried *tried,
                         size_t max, size_t *count);
/* Wanted and not done. */
size_t sched_pending(const struct sched *s);
/* Is there any request under way or link open? */
bool sched_is_busy(const struct sched *s);

#endif
