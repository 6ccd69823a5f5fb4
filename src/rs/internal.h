/*
 * The registration server's inside, shared by its files only.
 *
 * Locks: rs.lock guards the index. Under it only memory is touched: store calls queue and return.
 * Lock order: the lock under which a list is made (lists.c), rs.lock, then the lists' and those inside
 * store, waiters and net, and the view's (their functions may be called with rs.lock held; none of them
 * calls back here under a lock).
 */
#ifndef P2PDI_RS_INTERNAL_H
#define P2PDI_RS_INTERNAL_H

#include "p2pdi/base/clock.h"
#include "p2pdi/base/thread.h"
#include "p2pdi/index/peer_index.h"
#include "p2pdi/net/server.h"
#include "p2pdi/rs/rs.h"
#include "p2pdi/service/page.h"
#include "p2pdi/service/service.h"
#include "p2pdi/store/records.h"
#include "p2pdi/wire/message.h"
#include "p2pdi/wire/rows.h"

#define RS_CONNECTIONS_MAX 16384
#define RS_IDLE_US (300 * CLOCK_US_PER_S)
#define RS_PAGE_MAX ((size_t)256 << 20)

struct rs_view;
struct rs_lists;

struct rs {
    struct net_server *server;
    struct record_store *store;
    struct waiters *waiters;
    struct rs_lists *lists;
    struct stats_counters stats;
    int64_t started_us;
    rs_trace_fn *trace;
    void *trace_arg;
    struct lock trace_lock; /* one trace call at a time */
    struct rs_view *view;   /* NULL: no screen */

    struct lock lock;
    struct peer_index *index; /* guarded by lock */
    /* What is being queued for the store: the one whose place a record takes, the one that is
     * forgotten for it, the record. */
    struct stored_record scratch[3]; /* guarded by lock */
    size_t scratch_count;            /* guarded by lock */
};

/* One request under way. Worker thread. */
struct rs_request {
    struct rs *rs;
    struct net_conn *conn;
    const struct wire_request *wire;
    int64_t now_us;
    int64_t wall_s;
    /* For the screen: who it turned out to be (0: unknown), how it was answered. */
    uint32_t peer;
    int status;
};

/* Answers with head (and body, may be NULL), traced. Takes both. */
void rs_send(struct rs_request *q, struct buf *head, struct buf *body);
void rs_send_error(struct rs_request *q, int status, const char *text);
void rs_trace(struct rs *rs, bool received, const struct addr *remote, const char *bytes,
              size_t len);

/* handlers.c: PROTOCOL.md "Peer to RS". */
void rs_on_register(struct rs_request *q);
void rs_on_leave(struct rs_request *q);
void rs_on_keep_alive(struct rs_request *q);
/* pquery.c */
void rs_on_pquery(struct rs_request *q);
/* Listener: answers the long polls for which there is news, or whose time is up. */
void rs_offer_news(struct rs *rs, int64_t now_us);
/* pages.c: PROTOCOL.md "HTTP". */
void rs_on_http(struct rs_request *q);

/* ---- lists.c: who is registered, as text, shared by all who ask ------------------------------- */

enum rs_list_kind { RS_LIST_ROWS, RS_LIST_JSON, RS_LIST_HTML, RS_LISTS };

/* Immutable, reference-counted. */
struct rs_list;

/* held_max: with so many bytes of lists of one form that are not the newest any more, and still being
 * read, no further one is made. */
enum di_err rs_lists_new(uint64_t held_max, struct rs_lists **out) DI_MUST_CHECK;
/* The lists themselves live as long as somebody has them, but not longer than rs. */
void rs_lists_free(struct rs_lists *lists);
/* Listener, once a second: what will not do any more need not be kept. */
void rs_lists_forget_old(struct rs_lists *lists, int64_t now_us);
/*
 * A reference to the list as things stand; with 1,000 rows or more it may be a second old, and where too many
 * older ones are still being read it is the newest that there is. Not with rs.lock held. DI_LIMIT: there is
 * none. DI_NOMEM.
 */
enum di_err rs_list_get(struct rs *rs, enum rs_list_kind kind, struct rs_list **out) DI_MUST_CHECK;
/*
 * What changed since, departed peers too, as RS_LIST_ROWS; not kept. DI_NOT_FOUND: that version is not known,
 * or there are more than max rows. DI_NOMEM. Holding rs->lock.
 */
enum di_err rs_list_since_locked(struct rs *rs, const char *since, size_t max, int64_t now_us,
                                 int64_t wall_s, struct rs_list **out) DI_MUST_CHECK;
struct rs_list *rs_list_ref(struct rs_list *l);
void rs_list_unref(struct rs_list *l);
/* The registry's, of which it is. */
const char *rs_list_version(const struct rs_list *l);
/* Borrowed. */
struct service_page *rs_list_page(const struct rs_list *l);
/* RS_LIST_ROWS, all but the row of that peer (0: all): what is before it and behind it; either may be
 * empty, and lives as long as the page. */
struct rs_list_part {
    size_t count; /* rows */
    struct slice part[2];
};
void rs_list_but(const struct rs_list *l, uint32_t but, struct rs_list_part *out);
/* Answers with head, which it takes, and parts of the page. */
void rs_send_parts(struct rs_request *q, struct buf *head, struct service_page *page,
                   const struct rs_list_part *parts);
/* Why there is no list. */
void rs_list_fault(struct wire_fault *fault, enum di_err err);
void rs_send_list_error(struct rs_request *q, enum di_err err);
/* pquery.c: a record as it is shown. */
void rs_row_of(const struct peer_record *r, struct wire_peer_row *row);

/* snapshot.c: what a screen shows. All do nothing without one. */
enum di_err rs_view_start(struct rs *rs, const struct rs_config *cfg) DI_MUST_CHECK;
void rs_view_free(struct rs *rs);
/* A record changed. Holding rs->lock. */
void rs_view_put(struct rs *rs, const struct peer_record *r);
/* A request was answered, or parked. */
void rs_view_note(const struct rs_request *q, bool understood);

/* Time has passed: deactivates what ran out. Holding rs->lock. */
void rs_expire_locked(struct rs *rs, int64_t now_us, int64_t wall_s);
/*
 * TTL 7200 for the owner of the request's cookie; its digest and record come out. DI_NOT_FOUND: no
 * such cookie, or none sent. DI_CLOSED: the record (filled in) is inactive, or lists another port than
 * the request says, and stays so.
 */
enum di_err rs_renew(struct rs_request *q, struct sha256 *digest, struct peer_record *r)
    DI_MUST_CHECK;

#endif
