/*
 * What the files of a peer know of each other. Each file keeps its own state behind its own lock;
 * this header names what they ask of one another.
 *
 * Locks: catalog, dictionaries, listings, neighbours, rs_client, registrar, downloads, gets,
 * sink. None is held while
 * another of these is taken, but for listings, under which the catalog is walked: so the order
 * is listings, catalog. A listing's own is held alone. None is held across I/O. The sink's is held
 * during its callbacks, which must not call back.
 *
 * Threads: "peer" listener and workers (net: serve, http, listing), "library" and its publisher
 * (store: catalog_own_*, downloads' on_published), "registrar", "seeker" (seek.c), "fetch N"
 * (download.c), "ask N" (query.c), "asking" (get.c), and whoever calls peer.h.
 */
#ifndef P2PDI_PEER_INTERNAL_H
#define P2PDI_PEER_INTERNAL_H

#include "p2pdi/base/buf.h"
#include "p2pdi/base/clock.h"
#include "p2pdi/base/coding.h"
#include "p2pdi/base/thread.h"
#include "p2pdi/index/rfc_index.h"
#include "p2pdi/net/server.h"
#include "p2pdi/net/stream.h"
#include "p2pdi/peer/peer.h"
#include "p2pdi/sched/turns.h"
#include "p2pdi/store/frames.h"
#include "p2pdi/store/library.h"
#include "p2pdi/wire/message.h"
#include "p2pdi/wire/rows.h"

#define PEER_PORT_MIN                                                                              \
    1024 /* a peer has an unprivileged port; third parties' services have others */
#define PEER_PROMPT_US CLOCK_US_PER_S      /* by then an answer has begun, most often */
#define PEER_CALL_US (10 * CLOCK_US_PER_S) /* one request and its answer */
#define PEER_BODY_MAX ((size_t)64 << 20)   /* of a table that others send */
#define PEER_PAGE_MAX ((size_t)256 << 20)  /* of a table that we send */
#define PEER_IDLE_US (60 * CLOCK_US_PER_S)
#define PEER_CONNECTIONS 16384
#define PEER_FRAMES_BYTES ((size_t)64 << 20) /* compressed documents at hand */

struct catalog;
struct dictionaries;
struct listings;
struct neighbours;
struct rs_client;
struct registrar;
struct downloads;
struct gets;
struct seeker;
struct numbers;
struct offer;
struct pool;
struct waiters;

/* Where events and traced messages go. */
struct sink {
    peer_event_fn *on_event; /* may be NULL */
    peer_trace_fn *trace;    /* may be NULL */
    void *arg;
    struct lock lock; /* held during the callbacks: one at a time */
};

struct peer {
    /* Set before threads start, constant afterwards. */
    struct peer_config cfg;
    char *library_dir; /* what cfg.library points to */
    struct addr addr;
    struct net_server *server;
    struct net_waker *waker; /* ends all waiting for others once cancelled */
    struct net_limit *down;  /* of what is received; NULL: none */
    struct catalog *catalog;
    struct frames *frames;
    struct dictionaries *dictionaries;
    struct listings *listings;
    struct waiters *waiters;
    struct neighbours *neighbours;
    struct rs_client *rs;
    struct registrar *registrar;
    struct downloads *downloads;
    struct seeker *seeker;
    struct gets *gets;

    struct lock turns_lock;
    struct turns *turns; /* guarded by turns_lock */

    _Atomic(struct library *) library; /* NULL while starting: the port answers already */
    _Atomic(bool) listening;           /* server is set and not stopped */
    _Atomic(bool) cancelled;
    _Atomic(int64_t) stopped_by_us; /* when all is to be over, once cancelled */
    _Atomic(bool) scanned;
    _Atomic(int) cannot_store; /* why (enum di_err): told, and nothing has been stored since */
    struct stats_counters stats;
    struct sink sink;
};

/* For who stops a cancelled peer. */
static inline int64_t peer_stopped_by_us(const struct peer *p)
{
    return p->stopped_by_us;
}
static inline bool peer_is_cancelled(const struct peer *p)
{
    return p->cancelled;
}

/* ---- events.c: the sink. Any thread, no lock held. ------------------------------------------- */

/* Sets at_us, and why nothing can be stored here. */
void peer_emit(struct peer *p, struct peer_event ev);
void peer_emit_error(struct peer *p, const char *what, const char *why, const char *hint);
/* Something failed here, not at others: with a hint for such an err. */
void peer_emit_trouble(struct peer *p, const char *what, enum di_err err);
/* A document cannot be written here: told once, until another one could. */
void peer_emit_unstored(struct peer *p, enum di_err err);
/* Traces a message, head and body (may be NULL). Quick if nobody traces. */
void sink_trace(struct sink *s, bool received, const struct addr *remote, const char *head,
                size_t head_len, const char *body, size_t body_len);

/* ---- catalog.c: the RFC index, shared -------------------------------------------------------- */

struct catalog_counts {
    size_t documents, entries, owned;
};

enum di_err catalog_new(struct peer *p, struct catalog **out) DI_MUST_CHECK;
void catalog_free(struct catalog *c);
void catalog_count(struct catalog *c, struct catalog_counts *out);
bool catalog_has(struct catalog *c, uint32_t rfc);
void catalog_own_put(struct catalog *c, const struct library_doc *doc);
void catalog_own_drop(struct catalog *c, uint32_t rfc);
/* Waits until n are held: DI_TIMEOUT, DI_CANCELLED. */
enum di_err catalog_wait_owned(struct catalog *c, size_t n, int64_t deadline_us) DI_MUST_CHECK;
void catalog_wake(struct catalog *c);

/*
 * An answer of one holder: begin (full: its rows that are not named again go), add, end. If it
 * broke off, leave the end out.
 */
void catalog_merge_begin(struct catalog *c, const struct addr *holder, bool full);
/* believed[i]: that row is in the index; one at second hand is not if its holder says otherwise. */
enum di_err catalog_merge_add(struct catalog *c, const struct rfc_entry *rows, size_t count,
                              const struct addr *holder, bool *believed) DI_MUST_CHECK;
void catalog_merge_end(struct catalog *c, const struct addr *holder, bool full);
void catalog_renew(struct catalog *c, const struct addr *holder);
void catalog_drop_holder(struct catalog *c, const struct addr *holder);

void catalog_version(struct catalog *c, enum rfc_scope scope, char out[CHANGES_VERSION_SIZE]);
/* Under the lock: visit is quick and calls nothing of the peer. version: of what was seen. */
void catalog_walk(struct catalog *c, enum rfc_scope scope, char version[CHANGES_VERSION_SIZE],
                  bool (*visit)(void *arg, const struct rfc_entry *e), void *arg);
bool catalog_walk_since(struct catalog *c, enum rfc_scope scope, struct slice since,
                        char version[CHANGES_VERSION_SIZE],
                        bool (*visit)(void *arg, const struct rfc_entry *e), void *arg);
void catalog_find(struct catalog *c, uint32_t rfc,
                  bool (*visit)(void *arg, const struct rfc_entry *e), void *arg);
/* The title, from whichever row has one; empty if none. */
void catalog_title(struct catalog *c, uint32_t rfc, char out[RFC_TITLE_SIZE]);

/* ---- listing.c: the catalog as text ---------------------------------------------------------- */

enum listing_kind { LISTING_ROWS, LISTING_OWN_ROWS, LISTING_JSON, LISTING_HTML, LISTING_KINDS };

/* A body, made once for all who ask the same. */
struct listing {
    _Atomic(unsigned) refs;
    bool delta; /* only what changed since a version; without text: nothing did */
    char version[CHANGES_VERSION_SIZE];
    struct buf text;

    struct lock lock;
    struct buf coded[CODING_GZIP + 1]; /* guarded by lock until it has a length: then constant */
};

enum di_err listings_new(struct peer *p, struct listings **out) DI_MUST_CHECK;
void listings_free(struct listings *l);
/* local: the address the asker reached us at. DI_NOMEM, DI_LIMIT. */
enum di_err listing_get(struct listings *l, enum listing_kind kind, const struct addr *local,
                        struct listing **out) DI_MUST_CHECK;
struct listing *listing_ref(struct listing *l);
void listing_unref(void *listing); /* NULL is fine */
/* The body so encoded, made by the first who asks; the text itself if that fails or does not pay
 * (then *c says so). Lives as long as the listing. */
const struct buf *listing_coded(struct listing *l, enum coding *c);
/* Only the rows that changed since; not kept. DI_NOT_FOUND: that version is not known, or so much changed
 * that the whole is due. DI_NOMEM. */
enum di_err listing_since(struct peer *p, enum rfc_scope scope, struct slice since,
                          const struct addr *local, struct listing **out) DI_MUST_CHECK;

/* ---- serve*.c, document.c, http.c: the port -------------------------------------------------- */

/* One request under way. Worker thread. */
struct job {
    struct peer *peer;
    struct net_conn *conn;
    const struct wire_request *wire;
};

extern const struct net_service peer_service;
/* The catalog changed: whoever polls for that gets an answer soon. */
void serve_on_change(struct peer *p);
void job_send_error(struct job *j, int status, const char *text);
/* Take head's memory, and a reference to the listing, of which body is the text or an encoding. */
void job_send_head(struct job *j, struct buf *head);
void job_send_listing(struct job *j, struct buf *head, struct listing *l, const struct buf *body);
/* document.c: GET RFC n, and its HTTP forms. */
void serve_document(struct job *j, uint32_t rfc, enum library_format format);
void serve_index(struct job *j);
void serve_index_offer(struct peer *p, int64_t now_us);
void serve_http(struct job *j);

/* ---- coded.c: when an answer is compressed --------------------------------------------------- */

#define CODED_MIN ((size_t)1280) /* of a table: less is one packet either way */
/* The coding that a table goes out in. */
enum coding coded_table(const struct job *j);
/*
 * The compressed document for this asker, in coding *c, to be given to frame_unref; NULL: send it as
 * it is.
 */
struct frame *coded_document(const struct job *j, const struct library_doc *doc,
                             const struct library_file *file, enum coding *c);
/* Could a document of that format go out compressed to somebody (HTTP's Vary), or to this one? */
bool coded_may_vary(enum library_format f);
bool coded_may_be(const struct job *j, enum library_format f);
/* Content-Encoding; over HTTP also Vary. */
void coded_fields(struct buf *head, enum wire_form form, enum coding c);

/* ---- dictionary.c ---------------------------------------------------------------------------- */

enum di_err dictionaries_new(struct peer *p, struct dictionaries **out) DI_MUST_CHECK;
void dictionaries_free(struct dictionaries *d);
/*
 * A reference to that edition of a document as a dictionary; NULL: it is not held, or does not fit.
 * for_others: named by somebody who asks us; also NULL while others are in use that somebody named
 * before. Reads it from the disk for who comes first.
 */
struct coding_dict *dictionary_get(struct dictionaries *d, uint32_t rfc,
                                   const struct sha256 *edition, bool for_others);

/* ---- client.c: asking others ----------------------------------------------------------------- */

/* How long a question may take. */
struct patience {
    int64_t deadline_us;
    int64_t
        first_us; /* connected, and its answer has begun; 0: deadline_us, most often (query.c) */
    struct net_waker *waker; /* ends it early: DI_CANCELLED. May be NULL */
    unsigned wait_s;         /* how long the other side may hold back a "nothing new" (long poll) */
    int64_t linger_us;       /* how long the waker leaves it for its answer once it was sent */
};

/* A connection to another program with a buffer of what came. One thread at a time. */
struct client;
#define CLIENT_BUFFER ((size_t)256 << 10) /* of one that may bring documents */
enum di_err client_open(struct sink *sink, const struct addr *to, size_t cap,
                        struct net_waker *waker, int64_t deadline_us, struct client **out)
    DI_MUST_CHECK;
/* What it receives counts there, and waits for it. NULL is fine. */
void client_limit(struct client *c, struct net_limit *limit);
void client_close(struct client *c);
const struct addr *client_remote(const struct client *c);
bool client_is_idle_alive(struct client *c);
/* Sends a message made by wire_request_format. */
enum di_err client_send(struct client *c, const struct buf *message, int64_t deadline_us)
    DI_MUST_CHECK;
/* The next answer's head; out's slices are valid until the next call. */
enum di_err client_head(struct client *c, struct wire_response *out, int64_t deadline_us)
    DI_MUST_CHECK;
/* At least one, at most max of the bytes that follow, in the buffer: valid until the next call. */
enum di_err client_bytes(struct client *c, uint64_t max, const char **bytes, size_t *len,
                         int64_t deadline_us) DI_MUST_CHECK;
/* Reads len bytes away. */
enum di_err client_skip(struct client *c, uint64_t len, int64_t deadline_us) DI_MUST_CHECK;
/* Is something in the buffer that was not looked at? */
bool client_has_bytes(const struct client *c);

/* An answer of one piece. */
struct reply {
    struct client *client; /* keeps what head's slices point to */
    struct wire_response head;
    struct buf body;
};
/*
 * Opens, sends, receives all, closes with reply_fini. On failure there is nothing to fini.
 *
 * kept (may be NULL) is a connection to the same place from reply_keep, opened with the same waker,
 * or NULL: it is taken, and used if it still lives. DI_CLOSED: it may only have had its time.
 */
enum di_err client_call(struct sink *sink, const struct addr *to,
                        const struct wire_request *request, const struct patience *patience,
                        struct client **kept, struct reply *out) DI_MUST_CHECK;
void reply_fini(struct reply *r);
/* Its connection, which is the caller's now: what head's slices point to goes with it. NULL: closed. */
struct client *reply_release(struct reply *r);
/* The same, but the connection is kept for the next call, unless the answer closed it. */
void reply_keep(struct reply *r, struct client **kept);
/* What an answer says that is not one to the question: DI_BUSY, DI_REMOTE, else DI_PROTOCOL. */
enum di_err reply_fault(const struct reply *r);

/* ---- rs_client.c: asking the RS -------------------------------------------------------------- */

enum di_err rs_client_new(struct peer *p, struct rs_client **out) DI_MUST_CHECK;
void rs_client_free(struct rs_client *c);
/* The peer was cancelled. */
void rs_client_wake(struct rs_client *c);
/*
 * Asks whatever it is with our cookie and port: addresses in order, patience with 503 and 429.
 * DI_BUSY: until the deadline; or what the last address tried failed with.
 */
enum di_err rs_call(struct rs_client *c, struct wire_request *request,
                    const struct patience *patience, struct reply *out) DI_MUST_CHECK;
/* Sets rs and rs_silent. */
void rs_client_status(struct rs_client *c, struct peer_status *out);
/* Reports a failed exchange as an event; returns err. */
enum di_err rs_report(struct rs_client *c, const char *what, enum di_err err);

/* ---- registrar.c: our registration ----------------------------------------------------------- */

enum di_err registrar_new(struct peer *p, struct registrar **out) DI_MUST_CHECK;
enum di_err registrar_start(struct registrar *r) DI_MUST_CHECK;
/* Ends the thread; then leaves if registered. */
void registrar_stop(struct registrar *r);
void registrar_free(struct registrar *r);
/* The cookie, if there is one. */
void registrar_sign(struct registrar *r, struct wire_request *request);
/* Somebody's question had no answer: a keep-alive shall find out soon, and go on until there is one. */
void registrar_on_silence(struct registrar *r);
/* The RS does not know the cookie of that request: forget it, register anew if that was wanted. */
enum di_err registrar_on_unknown(struct registrar *r, uint64_t cookie, int64_t deadline_us)
    DI_MUST_CHECK;
/*
 * What a PQUERY that began at asked_us says of us (PROTOCOL.md "PQUERY"): so many seconds are left; 0: our record is
 * inactive or lists another port, and is registered again if it is wanted.
 */
void registrar_on_listed(struct registrar *r, uint32_t ttl_s, int64_t asked_us);
/* Has the registrar's thread register while the caller goes on; what came of it: registrar_await. */
void registrar_begin(struct registrar *r);
enum di_err registrar_await(struct registrar *r, int64_t deadline_us) DI_MUST_CHECK;
/* Sets all that is about the registration. */
void registrar_status(struct registrar *r, struct peer_status *out);
void registrar_wake(struct registrar *r);

/* ---- neighbours.c: the peers we know of ------------------------------------------------------ */

enum di_err neighbours_new(struct peer *p, struct neighbours **out) DI_MUST_CHECK;
void neighbours_free(struct neighbours *n);
/* PQUERY. *changed: the list did. Emits PEER_EV_PEERS if it did, or if always. */
enum di_err neighbours_ask(struct neighbours *n, const struct patience *patience, bool always,
                           bool *changed) DI_MUST_CHECK;
/* The downloads' lots: our own number, or that of another one, changed. */
void neighbours_tell_company(struct neighbours *n);
size_t neighbours_active(struct neighbours *n);
/* There are more than one can know of: the list is a sample, and changes of it are not told. */
bool neighbours_is_crowd(struct neighbours *n);
/* The next PQUERY asks for everyone all the same. */
void neighbours_want_whole(struct neighbours *n);
/* A user named this address: it may be asked and downloaded from though the RS did not list it. */
void neighbours_add_named(struct neighbours *n, const struct addr *a);
/*
 * Heap array of addresses that may be asked: those near, which stay the same as long as they answer
 * (at most 8, and those named by the user), then so many others whose turn it is. DI_NOMEM.
 */
enum di_err neighbours_list(struct neighbours *n, size_t others, struct addr **out, size_t *count)
    DI_MUST_CHECK;
/* The same with all of them whose answer, when they were asked last, did not come or was no use. */
enum di_err neighbours_list_unheard(struct neighbours *n, struct addr **out, size_t *count)
    DI_MUST_CHECK;
/* Was each that may be asked, asked since? */
bool neighbours_all_asked(struct neighbours *n, int64_t since_us);
/* Is there one whose answer, when it was asked last, did not come or could not be taken in? */
bool neighbours_any_unheard(struct neighbours *n);
/*
 * Claims the right to ask that peer now. *since gets the version of its own rows that we have;
 * *silent: it did not answer last time.
 * DI_IN_USE: somebody is at it. DI_ACCESS: it must not be asked.
 */
enum di_err neighbours_claim(struct neighbours *n, const struct addr *a,
                             char since[CHANGES_VERSION_SIZE], bool *silent) DI_MUST_CHECK;
void neighbours_unclaim(struct neighbours *n, const struct addr *a, enum di_err outcome,
                        const char *version);
/* Is it still one to be asked and downloaded from? */
bool neighbours_may_ask(struct neighbours *n, const struct addr *a);
struct sent {
    struct addr to;
    uint64_t bytes;
};
/* So many bytes of documents are being sent to the one at that address; counted if it is known. */
void neighbours_on_sent(struct neighbours *n, const struct addr *to, uint64_t bytes);
/* To whom any were sent, the first max; returns how many there are. */
size_t neighbours_sent(struct neighbours *n, struct sent *out, size_t max);
/* Who was asked for an index, and what came of it. How many; at most max are copied. */
size_t neighbours_asked(struct neighbours *n, struct sched_tried *out, size_t max);
/* It sent what it had not announced: nothing that it says is believed any more. */
void neighbours_shun(struct neighbours *n, const struct addr *a);
/* We are reachable at that address. */
void neighbours_note_self(struct neighbours *n, const struct addr *local);
bool neighbours_is_self(struct neighbours *n, const struct addr *a);

/* ---- query.c: RFCQuery ----------------------------------------------------------------------- */

/*
 * Asks one for its own documents or all it knows, merges, offers to the downloads. How it went is
 * also kept with the neighbour, for those who only go on with what there is. DI_IN_USE: somebody
 * else asks it just now. DI_ACCESS: it must not be asked.
 */
enum di_err query_one(struct peer *p, const struct addr *from, enum rfc_scope scope,
                      const struct patience *patience, bool *changed);
/*
 * Those near and so many others, in parallel. Patience is for each of them, from when it is asked: who is
 * silent takes no time from those behind. The first error if all failed.
 */
enum di_err query_all(struct peer *p, enum rfc_scope scope, size_t others,
                      const struct patience *patience);
/* Once more those that were not heard. Patience is for all together: whose turn does not come is not asked. */
enum di_err query_unheard(struct peer *p, enum rfc_scope scope, const struct patience *patience);
/* Polls the near ones in the background, each again as long as it has news, until wait_s are over.
 * NULL: no memory. */
struct listening;
struct listening *query_listen_begin(struct peer *p, const struct patience *patience);
/* Waits for the end; wake the waker to have it at once. */
void query_listen_end(struct listening *l);

/* ---- download.c, fetch.c --------------------------------------------------------------------- */

/* Somebody holds something. */
struct offer {
    uint32_t rfc;
    struct addr holder;
    uint64_t size_bytes;
    struct sha256 sha256;
};
/* Leaves only those whose holder may be downloaded from (neighbours.c). */
size_t neighbours_filter(struct neighbours *n, struct offer *offers, size_t count);

/* A pool of threads with a scheduler: one for all, and one for each serial get. */
struct pool;

enum di_err downloads_new(struct peer *p, struct downloads **out) DI_MUST_CHECK;
void downloads_stop(struct downloads *d);
void downloads_free(struct downloads *d);
/* The common pool, its threads started. */
enum di_err downloads_pool(struct downloads *d, struct pool **out) DI_MUST_CHECK;
/* One of its own with one thread, one document at a time. End it with pool_end. */
enum di_err downloads_serial_pool(struct downloads *d, struct pool **out) DI_MUST_CHECK;
void downloads_serial_pool_end(struct downloads *d, struct pool *pool);
/* A connection to that holder without work, NULL if there is none; it may be dead by now. */
struct client *downloads_borrow(struct downloads *d, const struct addr *holder);
/* Takes c (may be NULL): for the next who has something to ask that holder for. */
void downloads_keep(struct downloads *d, struct client *c);
/* Closes what was kept if nothing was ever downloaded: then no thread would, when its time is over. */
void downloads_close_unused(struct downloads *d);
/* To every pool; unwanted ones, and holders that must not be used, are ignored. Reorders offers. */
void downloads_offer(struct downloads *d, struct offer *offers, size_t count);
void downloads_holder_gone(struct downloads *d, const struct addr *holder);
/* It registered anew: what it failed for by connection troubles may be tried again. */
void downloads_holder_back(struct downloads *d, const struct addr *holder);
/* Who else may want the same (sched_set_company), by the RS's numbers. */
void downloads_set_company(struct downloads *d, const struct sched_company *company);
void downloads_drop(struct downloads *d, uint32_t rfc);
/* sync shall not want it, until a get does. */
void downloads_refuse(struct downloads *d, uint32_t rfc);
void downloads_allow(struct downloads *d, const struct numbers *rfcs);
void downloads_leave_out_refused(struct downloads *d, struct numbers *rfcs);
size_t downloads_pending(struct downloads *d);
/* Is anything wanted that nobody known can deliver? */
bool downloads_lack_holders(struct downloads *d);
/* A round begins: whoever is stuck by now has what it can do for them. */
void downloads_on_round(struct downloads *d);
/* Does a pool have nothing to try although something is wanted, by what came after the last round began? */
bool downloads_are_stuck(struct downloads *d);
/* Which of those are wanted and not done. */
void downloads_wanted(struct downloads *d, const uint32_t *rfcs, size_t count, bool *out);
void downloads_wake(struct downloads *d);
/*
 * The pool wants those (only: from that holder; may be NULL). Tell the offers that are known before
 * pool_plan_end, which has to follow whatever came of it: in between, the pool does not take what
 * has no holder for stuck.
 */
enum di_err pool_plan_begin(struct pool *pool, const struct numbers *rfcs, const struct addr *only)
    DI_MUST_CHECK;
void pool_plan_end(struct pool *pool);
/* That is here already, and may be the dictionary. */
void pool_have(struct pool *pool, const struct offer *own);
/* Takes out what cannot come from anyone known, and reports each (event, gets_on_failed). */
void downloads_give_up(struct downloads *d);

/* ---- select.c: what is meant, and who has it ------------------------------------------------- */

/* Numbers of RFCs on the heap. Zeroed: none. */
struct numbers {
    uint32_t *n;
    size_t count, cap;
    enum di_err err;
};
void numbers_fini(struct numbers *s);
/* One more; err says if one did not fit into memory. */
void numbers_add(struct numbers *s, uint32_t n);
/* For qsort and bsearch. */
int numbers_compare(const void *a, const void *b);
/* Leaves out those that stand in `those`, which are ascending. */
void numbers_remove(struct numbers *s, const struct numbers *those);
/* The same, ascending, each once; out is empty before. */
enum di_err numbers_sorted(const struct numbers *s, struct numbers *out) DI_MUST_CHECK;
/* Adds those from first to last that are known of and not here; from: only that holder's. */
enum di_err select_known(struct peer *p, uint32_t first, uint32_t last, const struct addr *from,
                         struct numbers *out);
/* Can nothing more be meant by it, whatever rows are still to come? */
bool select_is_final(struct peer *p, const struct peer_get *what);
/* What a get means, in the order asked for. */
enum di_err select_wanted(struct peer *p, const struct peer_get *what, struct numbers *out)
    DI_MUST_CHECK;
/* Heap array of what is known about who holds those (ascending). */
enum di_err select_offers(struct peer *p, const struct numbers *of, struct offer **out,
                          size_t *count) DI_MUST_CHECK;

/* Which of the documents here would be the dictionary (sched_have); false: none. */
bool select_dictionary(struct peer *p, struct offer *out);

/* ---- seek.c: looking for holders ------------------------------------------------------------- */

enum di_err seeker_new(struct peer *p, struct seeker **out) DI_MUST_CHECK;
enum di_err seeker_start(struct seeker *s) DI_MUST_CHECK;
void seeker_stop(struct seeker *s);
void seeker_free(struct seeker *s);
void seeker_wake(struct seeker *s);
/* Somebody begins (more) or ends to need what is wanted. */
void seeker_need(struct seeker *s, bool more);
/* From now on everything is wanted that appears, or no more. */
void seeker_sync(struct seeker *s, bool on);
bool seeker_is_syncing(struct seeker *s);
/* From now on it listens for news although nothing is wanted. */
void seeker_watch(struct seeker *s);
/* A round is due now. */
void seeker_look(struct seeker *s);
/* A pool has nothing left to try (downloads_are_stuck): the same, unless that is over meanwhile. */
void seeker_on_stuck(struct seeker *s);
/* Wants those (sorted: the same, ascending) and offers what is known of them. */
enum di_err seeker_plan(struct seeker *s, struct pool *pool, const struct numbers *order,
                        const struct numbers *sorted, const struct addr *only) DI_MUST_CHECK;
/* A holder offers these (may be filtered in place): the downloads are told; under sync they are wanted. */
void seeker_on_offers(struct seeker *s, struct offer *offers, size_t count);

/* ---- get.c: who waits for what --------------------------------------------------------------- */

enum di_err gets_new(struct peer *p, struct gets **out) DI_MUST_CHECK;
void gets_free(struct gets *g);
void gets_wake(struct gets *g);
/* Others have told what they hold. */
void gets_on_offers(struct gets *g);
/* Nobody shall wait for it any more: it was let go, or is here by other means. */
void gets_forgo(struct gets *g, uint32_t rfc);
/* DI_CANCELLED, or DI_OK when the time has come. */
enum di_err gets_sleep(struct gets *g, int64_t until_us) DI_MUST_CHECK;
void gets_on_done(struct gets *g, uint32_t rfc, uint64_t bytes);
/* Why a document did not come. */
struct failure {
    bool nobody;   /* had no holder */
    bool mismatch; /* some sent wrong content */
    bool local;    /* could not be written here */
};
/* Of gets in that pool (NULL: in any). */
void gets_on_failed(struct gets *g, const struct pool *pool, uint32_t rfc, struct failure why);
/* Does a get wait for that document, from that pool (NULL: any)? */
bool gets_wait_for(struct gets *g, const struct pool *pool, uint32_t rfc);

#endif
