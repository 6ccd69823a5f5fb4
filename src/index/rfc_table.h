/*
 * What the RFC index is made of, and how it is found and freed:
 *
 *     document 8609 --- entry (own)
 *         |        \--- entry --- holder 192.0.2.7:40001
 *         |        \--- entry --- holder 192.0.2.9:40001
 *      edition (size, SHA-256, title), shared by the entries that agree
 *
 * Lists through the entries: those of a document, of a holder, on the wheel; the withdrawn ones.
 * Documents, editions and holders live as long as an entry refers to them. Pure.
 */
#ifndef P2PDI_SRC_INDEX_RFC_TABLE_H
#define P2PDI_SRC_INDEX_RFC_TABLE_H

#include "p2pdi/index/rfc_index.h"

#include "expiry.h"
#include "table.h"

struct edition {
    struct rfc_edition_key {
        uint64_t size_bytes;
        struct sha256 sha256;
        uint32_t rfc;
        uint32_t zero; /* no padding: hashed as bytes */
    } key;
    uint32_t refs;
    char *title;
};

struct holder {
    struct addr addr;
    uint32_t refs;         /* entries, withdrawn ones too */
    uint32_t live;         /* of them not withdrawn */
    uint32_t first_hand;   /* of the live ones */
    uint32_t round;        /* of whole answers */
    struct entry *entries; /* not withdrawn */
};

struct document {
    uint32_t rfc;
    uint32_t live;         /* entries that are not withdrawn */
    size_t order_at;       /* in the ascending order */
    struct entry *entries; /* learned ones */
    struct own_entry *own; /* NULL, or perhaps withdrawn */
};

struct entry {
    struct document *document;
    struct holder *holder; /* NULL: own */
    struct edition *edition;
    struct change all;
    struct expiry_node expiry;
    struct entry *prev, *next;         /* of the same holder; once withdrawn, among the withdrawn */
    struct entry *doc_prev, *doc_next; /* of the same document */
    uint32_t round;                    /* of the whole answer that named it last */
    bool first_hand;
    bool withdrawn;
};

struct own_entry {
    struct entry entry; /* first */
    struct change own;
};

struct rfc_table {
    struct table documents, editions, holders, entries;
    struct document **order; /* ascending but for what came since; NULL where one went */
    size_t order_count, order_room;
    bool is_ordered;
};

void rfc_table_init(struct rfc_table *t);
/* Frees everything, entries included. */
void rfc_table_fini(struct rfc_table *t);

struct document *rfc_table_document(const struct rfc_table *t, uint32_t rfc);
struct holder *rfc_table_holder(const struct rfc_table *t, const struct addr *addr);
struct entry *rfc_table_entry(const struct rfc_table *t, const struct document *d,
                              const struct holder *h);

/*
 * An entry of that row that is new or the one that is there: with document, holder (NULL for an own
 * one) and edition. New ones are withdrawn and in no list but the table's. DI_NOMEM: nothing is
 * changed.
 */
enum di_err rfc_table_put(struct rfc_table *t, const struct rfc_entry *row, struct entry **out,
                          bool *is_other) DI_MUST_CHECK;
/* Frees an entry that is in no list but the table's, and what nothing refers to any more. */
void rfc_table_remove(struct rfc_table *t, struct entry *e);
/* Makes order ascending, without holes. */
void rfc_table_sort(struct rfc_table *t);

#endif
