/*
 * A peer's RFC index: for each (RFC, holder) number, title, address, TTL, size, SHA-256; merge,
 * age, who has what. Time comes as argument: no clock, no I/O, no lock. The caller serialises;
 * visitors must not call back into the index. Documents whose holders disagree about the content
 * are kept as editions (same number, other size or SHA-256) side by side.
 *
 * Ageing goes by whole seconds of monotonic time. Whatever takes now_us first drops what ran out by
 * then.
 */
#ifndef P2PDI_INDEX_RFC_INDEX_H
#define P2PDI_INDEX_RFC_INDEX_H

#include "p2pdi/base/addr.h"
#include "p2pdi/base/err.h"
#include "p2pdi/base/sha256.h"
#include "p2pdi/index/changes.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RFC_TTL_S 7200
#define RFC_TITLE_SIZE 256
#define RFC_HOLDER_ENTRIES_MAX 100000 /* ten times what there is */

struct rfc_index;

/* One row, as a copy or as seen by visitors (then title is valid during the call only). */
struct rfc_entry {
    uint32_t rfc;   /* not 0 */
    bool own;       /* held by this peer: holder is not set, never ages */
    bool withdrawn; /* only in deltas: it is gone, ttl_s is 0 */
    uint32_t ttl_s; /* own: 7200 */
    struct addr holder;
    uint64_t size_bytes;
    struct sha256 sha256;
    const char *title; /* copied on the way in; clean UTF-8, shorter than RFC_TITLE_SIZE; one for
                            each edition: ours, else the first one heard */
};

/* entries_max bounds learned entries, half of it those heard at second hand. */
enum di_err rfc_index_new(uint64_t run, size_t entries_max, struct rfc_index **out) DI_MUST_CHECK;
void rfc_index_free(struct rfc_index *ix);

/*
 * What this peer itself holds: added, replaced (same number), withdrawn. DI_INVALID (number 0),
 * DI_NOMEM.
 */
enum di_err rfc_index_own_put(struct rfc_index *ix, const struct rfc_entry *row) DI_MUST_CHECK;
void rfc_index_own_drop(struct rfc_index *ix, uint32_t rfc);

/*
 * One row learned from another peer, first hand if it is about that peer itself. TTL as given
 * (capped at 7200), from now on it ages. withdrawn or ttl_s 0 takes the entry out. A row replaces
 * what was known of that (RFC, holder), but what comes at second hand only if its TTL is longer,
 * and not at all while the holder's own word is known: nobody else takes back or changes what it
 * said. DI_OK also for a row that is ignored thus; DI_INVALID (number 0), DI_NOMEM; DI_LIMIT: the
 * index is full, or the holder has RFC_HOLDER_ENTRIES_MAX in it; the row is not in.
 */
enum di_err rfc_index_learn(struct rfc_index *ix, const struct rfc_entry *row, bool first_hand,
                            int64_t now_us) DI_MUST_CHECK;
/*
 * A whole (not delta) answer of a holder: begin, learn each of its own rows, end: rows not named
 * again go. If it broke off, leave the end out.
 */
void rfc_index_full_begin(struct rfc_index *ix, const struct addr *holder);
void rfc_index_full_end(struct rfc_index *ix, const struct addr *holder);
/*
 * The holder said that nothing changed, or only what its delta names: its first-hand entries start
 * at 7200 again. For a delta, call it before or after the rows.
 */
void rfc_index_renew(struct rfc_index *ix, const struct addr *holder, int64_t now_us);
/* The holder left or is shunned: its entries go. */
void rfc_index_drop_holder(struct rfc_index *ix, const struct addr *holder);
/* Drops what ran out by now; returns when the next one will, or earlier (INT64_MAX: none). */
int64_t rfc_index_expire(struct rfc_index *ix, int64_t now_us);

size_t rfc_index_documents(const struct rfc_index *ix); /* distinct numbers */
size_t rfc_index_entries(const struct rfc_index *ix);   /* own and learned */
size_t rfc_index_owned(const struct rfc_index *ix);
bool rfc_index_has_own(const struct rfc_index *ix, uint32_t rfc);
/*
 * Is that holder known to hold that edition (size, SHA-256) of that number? What was learned at
 * second hand should be acted on only if so: it may have been ignored, because the holder itself
 * says otherwise.
 */
bool rfc_index_knows(const struct rfc_index *ix, const struct rfc_entry *row);

enum rfc_scope { RFC_SCOPE_ALL, RFC_SCOPE_OWN };
/* Version for that scope; a version of the other scope is not known. */
void rfc_index_version(const struct rfc_index *ix, enum rfc_scope scope,
                       char out[CHANGES_VERSION_SIZE]);
/* All rows in ascending order of number, own before learned; until visit returns false. */
void rfc_index_walk(struct rfc_index *ix, enum rfc_scope scope, int64_t now_us,
                    bool (*visit)(void *arg, const struct rfc_entry *e), void *arg);
/*
 * Rows that changed after version, withdrawn ones too, in the order of their last change; false:
 * version not known. A renewal is no change.
 */
bool rfc_index_walk_since(struct rfc_index *ix, enum rfc_scope scope, struct slice version,
                          int64_t now_us, bool (*visit)(void *arg, const struct rfc_entry *e),
                          void *arg);
/* The rows of one number (own first). */
void rfc_index_find(struct rfc_index *ix, uint32_t rfc, int64_t now_us,
                    bool (*visit)(void *arg, const struct rfc_entry *e), void *arg);

#endif
