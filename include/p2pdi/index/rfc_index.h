/*
 * A peer's RFC index: for each (RFC, holder) number, title, address, TTL, size, SHA-256; merge, age, who has what.
 * Time comes as argument: no clock, no I/O, no lock. The caller serialises. Documents whose holders disagree about
 * the content are kept as editions (same number, other SHA-256) side by side.
 */
#ifndef P2PDI_INDEX_RFC_INDEX_H
#define P2PDI_INDEX_RFC_INDEX_H

#include "p2pdi/base/addr.h"
#include "p2pdi/base/sha256.h"
#include "p2pdi/index/changes.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RFC_TTL_S 7200
#define RFC_TITLE_SIZE 256

struct rfc_index;

/* One row, as a copy or as seen by visitors (then title is valid during the call only). */
struct rfc_entry {
    uint32_t rfc;
    bool own;            /* held by this peer: holder is not set, never ages */
    bool withdrawn;      /* only in deltas: it is gone */
    uint32_t ttl_s;
    struct addr holder;
    uint64_t size_bytes;
    struct sha256 sha256;
    const char *title;   /* copied on the way in; clean UTF-8, shorter than RFC_TITLE_SIZE */
};

/* entries_max bounds learned entries, holder_entries_max those of one holder: DI_LIMIT beyond. */
enum di_err rfc_index_new(uint64_t run, size_t entries_max, struct rfc_index **out) DI_MUST_CHECK;
void rfc_index_free(struct rfc_index *ix);

/* What this peer itself holds: added, replaced (same number), withdrawn. DI_NOMEM. */
enum di_err rfc_index_own_put(struct rfc_index *ix, const struct rfc_entry *e) DI_MUST_CHECK;
void rfc_index_own_drop(struct rfc_index *ix, uint32_t rfc);

/*
 * One row learned from another peer: TTL as given (capped at 7200), from now on it ages. A row about the
 * same (RFC, holder) replaces the older one; for rows not first hand only if its TTL is longer. withdrawn or ttl_s 0 takes it out.
 */
enum di_err rfc_index_learn(struct rfc_index *ix, const struct rfc_entry *e, bool first_hand,
                            int64_t now_us) DI_MUST_CHECK;
/* A whole (not delta) answer of a holder: begin, learn each of its own rows, end: rows not named again go. */
void rfc_index_full_begin(struct rfc_index *ix, const struct addr *holder);
void rfc_index_full_end(struct rfc_index *ix, const struct addr *holder);
/* The holder said nothing changed: its first-hand entries start at 7200 again. */
void rfc_index_renew(struct rfc_index *ix, const struct addr *holder, int64_t now_us);
/* The holder left or is shunned: its entries go. */
void rfc_index_drop_holder(struct rfc_index *ix, const struct addr *holder);
/* Drops what ran out by now; returns when the next one will (INT64_MAX: none). */
int64_t rfc_index_expire(struct rfc_index *ix, int64_t now_us);

size_t rfc_index_documents(const struct rfc_index *ix); /* distinct numbers */
size_t rfc_index_entries(const struct rfc_index *ix);   /* own and learned */
size_t rfc_index_owned(const struct rfc_index *ix);
bool rfc_index_has_own(const struct rfc_index *ix, uint32_t rfc);

enum rfc_scope { RFC_SCOPE_ALL, RFC_SCOPE_OWN };
/* Version for that scope. */
void rfc_index_version(const struct rfc_index *ix, enum rfc_scope scope,
                       char out[CHANGES_VERSION_SIZE]);
/* All rows in ascending order of number, own before learned; until visit returns false. */
void rfc_index_walk(struct rfc_index *ix, enum rfc_scope scope, int64_t now_us,
                    bool (*visit)(void *arg, const struct rfc_entry *e), void *arg);
/* Rows that changed after version, withdrawn ones too; false: version not known. A renewal is no change. */
bool rfc_index_walk_since(struct rfc_index *ix, enum rfc_scope scope, struct slice version,
                          int64_t now_us, bool (*visit)(void *arg, const struct rfc_entry *e),
                          void *arg);
/* The rows of one number (own first). */
void rfc_index_find(struct rfc_index *ix, uint32_t rfc, int64_t now_us,
                    bool (*visit)(void *arg, const struct rfc_entry *e), void *arg);

#endif
