/*
 * Which document next, from whom: retry, back-off, rarest first, fail-over. A machine of events in
 * and actions out: no I/O, no clock, no threads; the download threads carry its actions out, the
 * caller serialises. Time and seed come as arguments, so the same policy runs in the simulator.
 *
 * The world as it sees it: documents that are wanted, holders that offer them, and links. A link is
 * one connection to one holder that one thread works on; it may have several requests under way,
 * which are answered in order. A thread's life:
 *
 *     sched_link_open        connect; failed: sched_link_closed(why)
 *     sched_link_up
 *     sched_next ...         send; again for each request that fits into the window
 *     sched_on_progress      bytes were stored
 *     sched_on_done / sched_on_failed, sched_next again
 *     sched_help             there is nothing more: does somebody else's document take long?
 *     sched_link_closed      when sched_next has nothing more and nothing is under way, or it broke
 *
 * Each event may give other threads something to do: wake those that wait after every call but
 * sched_next, sched_on_progress and a sched_on_done that says no, or let them ask again at retry_us.
 */
#ifndef P2PDI_SCHED_SCHED_H
#define P2PDI_SCHED_SCHED_H

#include "p2pdi/base/addr.h"
#include "p2pdi/base/err.h"
#include "p2pdi/base/sha256.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sched;

/* Why a holder did not deliver: in a word for tables, in a text for people and the `failed` event. */
#define SCHED_WHY_MAP(X)                                                                           \
    X(REFUSED, "refused", "connection refused")                                                    \
    X(UNREACHABLE, "no route", "unreachable")                                                      \
    X(TIMEOUT, "no answer", "no answer in time")                                                   \
    X(CLOSED, "closed", "closed the connection")                                                   \
    X(NOT_FOUND, "not there", "does not have it")                                                  \
    X(ELSEWHERE, "elsewhere", "pointed to another holder")                                         \
    X(BUSY, "busy", "busy")                                                                        \
    X(PROTOCOL, "bad answer", "answered wrongly")                                                  \
    X(MISMATCH, "bad hash", "content did not match its SHA-256")                                   \
    X(CHANGED, "changed", "document changed meanwhile")                                            \
    X(LEFT, "left", "left")                                                                        \
    X(SLOW, "too slow", "took too long, others have it")                                           \
    X(LOCAL, "not stored", "could not be stored here")                                             \
    X(SHUNNED, "shunned", "not asked: delivered wrong content before")

enum sched_why {
#define X(name, word, text) SCHED_##name,
    SCHED_WHY_MAP(X)
#undef X
};
const char *sched_why_text(enum sched_why why);
const char *sched_why_word(enum sched_why why); /* at most 10 columns */

struct sched_config {
    unsigned window_max; /* requests under way on one link, if it takes so many; 0 counts as 1 */
    unsigned links_per_holder_max; /* to one that is worth more than one; 0 counts as 1 */
    bool serial; /* one document at a time, in the order asked for; window_max is not looked at */
    bool help;   /* links without work of their own bring ranges of large documents: sched_help */
};

enum di_err sched_new(const struct sched_config *cfg, uint64_t seed, struct sched **out)
    DI_MUST_CHECK;
void sched_free(struct sched *s);

/* ---- events: the caller tells ---------------------------------------------------------------- */

/*
 * This document is wanted; `only` (may be NULL) is the one holder it may come from. Wanting twice
 * is fine: the later `only` holds. Tell the offers afterwards: those for what is not wanted are not
 * kept. DI_NOMEM.
 */
enum di_err sched_want(struct sched *s, uint32_t rfc, const struct addr *only) DI_MUST_CHECK;
/*
 * It is no longer wanted (cancelled, or appeared here by other means). A request under way goes on
 * to its end, which must be told as ever.
 */
void sched_drop(struct sched *s, uint32_t rfc);
/*
 * A holder offers a wanted document; ignored for others. Repeats are fine: what failed for good
 * stays failed, unless the holder offers another edition of it (a few times), was gone and came
 * back, or is forgiven. DI_NOMEM.
 */
enum di_err sched_on_offer(struct sched *s, uint32_t rfc, const struct addr *holder,
                           uint64_t size_bytes, const struct sha256 *edition) DI_MUST_CHECK;
/*
 * The holder is gone, until it offers something again: nothing more is asked of it. What is under
 * way on its links goes on to its end, which may even be a good one.
 */
void sched_on_holder_gone(struct sched *s, const struct addr *holder);
/*
 * The holder can be reached again (it registered anew): what it failed for by connection troubles
 * may be tried again. Wrong content is never forgiven. Whoever forgives again and again may wait
 * for ever.
 */
void sched_forgive(struct sched *s, const struct addr *holder);

/*
 * The document that others are compressed against (PROTOCOL.md, "Dictionaries"): of those that are
 * here or wanted, and of a fitting size, the one with the least SHA-256, so that all who want the same
 * agree. It is asked for before all others.
 */
#define SCHED_DICTIONARY_MIN (UINT64_C(32) * 1024)
#define SCHED_DICTIONARY_MAX (UINT64_C(128) * 1024)
/* Longer documents hardly get shorter by one: 2 to 3%. */
#define SCHED_DICTIONARY_FOR_MAX (UINT64_C(256) * 1024)
/* Would that one be a better one than `than` (NULL: none)? */
bool sched_is_better_dictionary(uint64_t size_bytes, const struct sha256 *edition,
                                const struct sha256 *than);
/* That document is here already; it need not fit. */
void sched_have(struct sched *s, uint32_t rfc, uint64_t size_bytes, const struct sha256 *edition);

/* Peers by numbers that all of them know each other by. */
#define SCHED_COMPANY_MAX 16
struct sched_company {
    uint32_t self;
    uint32_t others[SCHED_COMPANY_MAX];
    size_t count;
};
/*
 * Who else may want the same: so that those who begin at the same moment do not all ask the first
 * holder for the same documents, each takes of equally rare ones first what falls to it by a lot
 * that all of them draw alike. With more of them than fit any will do. Copies.
 */
void sched_set_company(struct sched *s, const struct sched_company *company);

/* ---- actions: threads ask -------------------------------------------------------------------- */

/*
 * A thread is free: which holder should it open a link to? Even if connecting fails, close the
 * link. DI_NOT_FOUND: none now, DI_NOMEM: no memory for it; *retry_us says when asking again makes
 * sense without a new event (INT64_MAX: not before one).
 */
enum di_err sched_link_open(struct sched *s, int64_t now_us, struct addr *holder, uint32_t *link,
                            int64_t *retry_us) DI_MUST_CHECK;
/* Connecting worked. Until then the holder gets no second link. */
void sched_link_up(struct sched *s, uint32_t link);
/*
 * The link's end, however it came; requests still under way on it are as failed with why: the first
 * of them, that is; those behind it had no chance. why means nothing if it was up and none were
 * under way.
 */
void sched_link_closed(struct sched *s, uint32_t link, enum sched_why why, int64_t now_us);

struct sched_request {
    uint32_t id;
    uint32_t rfc;
    uint64_t size_bytes; /* of the whole document */
    struct sha256 edition;
    uint64_t offset; /* from the byte where it stopped; what is stored beyond must be thrown away */
    uint64_t len;    /* up to the end; 0 with offset > 0: all is here, it only needs verifying */
    uint32_t dictionary_rfc; /* is here: to be named; 0: none */
    struct sha256 dictionary;
};
/*
 * What to ask for next on that link; false: nothing now (window full, nothing that this holder has,
 * it is busy or gone).
 */
bool sched_next(struct sched *s, uint32_t link, int64_t now_us, struct sched_request *out);

/* Smaller documents come from one holder. */
#define SCHED_HELP_MIN (UINT64_C(256) * 1024)
/*
 * With cfg.help, for a link with nothing under way that sched_next gave nothing: a range of a large
 * document that another link brings too slowly, from its back. It is to be kept beside what that
 * link stores. One at a time on a link; its end is told by sched_help_ended. false: nothing now.
 */
bool sched_help(struct sched *s, uint32_t link, int64_t now_us, struct sched_request *out);
/* came: all of it is here. If not, its holder is not blamed, but not asked for help for a while. */
void sched_help_ended(struct sched *s, uint32_t link, uint32_t id, bool came, int64_t now_us);
/* Has somebody brought a range of that edition, or is one on its way? The next request may go on with it. */
bool sched_is_helped(const struct sched *s, uint32_t rfc, uint64_t size_bytes,
                     const struct sha256 *edition);
/* What others brought of that edition is gone, and what they are bringing has no place any more. */
void sched_on_help_lost(struct sched *s, uint32_t rfc, uint64_t size_bytes,
                        const struct sha256 *edition);
/*
 * From which byte on others have brought the document that this request (of sched_next) brings: once
 * it has come so far, all is here. UINT64_MAX: they have not brought its end.
 */
uint64_t sched_rest_from(const struct sched *s, uint32_t link, uint32_t id);

/* ---- outcomes: of requests that sched_next gave to that link --------------------------------- */

/*
 * have bytes of the document are here from an earlier run, more than it was to begin at: what the holder brings
 * are those behind them, and it does not answer for the others. Before its first progress.
 */
void sched_on_resumed(struct sched *s, uint32_t link, uint32_t id, uint64_t have);
/*
 * have bytes of the document are stored now, counted from its start. Fewer than the request's
 * offset: it was started again from the first byte, and the holder answers for all of it.
 */
void sched_on_progress(struct sched *s, uint32_t link, uint32_t id, uint64_t have, int64_t now_us);
/*
 * Is the document that this link brings now (the first of its requests) late: does it take much
 * longer than such a one takes elsewhere, and somebody else offers it too? Then break the link off
 * with SLOW: what came is kept. If not: ask again at again_us.
 *
 * Of a link that helps: is that of no use any more, or does it take too long? Then break it off.
 */
bool sched_is_late(const struct sched *s, uint32_t link, int64_t now_us, int64_t *again_us);
/*
 * Whole and verified; being published. It is wanted no longer. true: this holder answers more than
 * its links can hold, as was not so before: a thread that rests may open another.
 */
bool sched_on_done(struct sched *s, uint32_t link, uint32_t id, int64_t now_us);
/*
 * Failed: another holder, or this one again later (BUSY, ELSEWHERE: not before retry_after_us have passed;
 * SLOW: not at once, and it is never given up for that).
 *
 * kept: how many bytes of the document are stored and stay good, from its start; 0 after a
 * MISMATCH.
 *
 * MISMATCH: the holder is shunned for everything, if all the bytes came from it in this run. If not
 * (a resumed part), nobody is; it starts at 0 again, and from then on no holder goes on where
 * another one stopped, so that the next mismatch has somebody to blame.
 *
 * LOCAL: no other holder could do better; the document is exhausted.
 */
void sched_on_failed(struct sched *s, uint32_t link, uint32_t id, enum sched_why why, uint64_t kept,
                     int64_t retry_after_us, int64_t now_us);
/* Its document is not wanted any more (sched_drop): ends, and nobody is to blame. kept: as above. */
void sched_on_unwanted(struct sched *s, uint32_t link, uint32_t id, uint64_t kept, int64_t now_us);

/* ---- state ----------------------------------------------------------------------------------- */

struct sched_tried {
    struct addr holder;
    enum sched_why why;
};
/*
 * Takes out one wanted document that cannot come any more from anyone known: every holder failed,
 * or there is none. It is wanted no longer. Copies at most max of who was tried (*count gets the
 * true number; 0: nobody has it). false: no such document. Tell all known offers before calling
 * this.
 */
bool sched_pop_exhausted(struct sched *s, uint32_t *rfc, struct sched_tried *tried, size_t max,
                         size_t *count);
bool sched_has_exhausted(const struct sched *s);
/* Wanted and neither done nor taken out. */
size_t sched_pending(const struct sched *s);
bool sched_is_wanted(const struct sched *s, uint32_t rfc);
/* Is there any request under way or link open? */
bool sched_is_busy(const struct sched *s);

#endif
