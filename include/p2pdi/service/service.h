/*
 * What the RS and a peer have in common as servers: the glue between net (when is a message there)
 * and wire (what does it say), answers of one piece, and long polls. Includes wire, net, base;
 * included by rs and peer.
 */
#ifndef P2PDI_SERVICE_SERVICE_H
#define P2PDI_SERVICE_SERVICE_H

#include "p2pdi/net/server.h"
#include "p2pdi/wire/message.h"

/* Callbacks for struct net_service. Listener or worker thread; pure. */
enum net_verdict service_frame(void *ctx, struct net_frame *f, const char *data, size_t len);
void service_refuse(void *ctx, enum net_refusal why, const char *data, size_t len, struct buf *out);

/* Worker. The error answer in the request's form; closes where PROTOCOL.md "Statuses" says so. */
void service_send_fault(struct net_conn *c, const struct wire_request *r,
                        const struct wire_fault *f);
/* Worker. A whole 200 answer to an HTTP GET or HEAD; takes the memory of body. A body that failed
 * (buf_status) becomes a 500. */
void service_send_page(struct net_conn *c, const struct wire_request *r, const char *type,
                       struct buf *body);
/* Honours `Connection: close` of the request: call it after the answer is queued. */
void service_close_if_asked(struct net_conn *c, const struct wire_request *r);
/* Appends `Connection: close` when the request asked for it. */
void service_connection_field(struct buf *head, const struct wire_request *r);

/* Appends a message as it may be shown: the values of Cookie fields masked. */
void service_mask_cookies(struct buf *out, const char *bytes, size_t len);

/* HTML: appends text with & < > " escaped. */
void service_append_html(struct buf *out, const char *text);

/* ---- long polls ------------------------------------------------------------------------------ */

/* Parked requests that wait for a change or their deadline, one a connection; slots bounds
 * net_token.slot. */
struct waiters;
enum di_err waiters_new(size_t slots, struct waiters **out) DI_MUST_CHECK;
/* Frees the requests that still wait, too. */
void waiters_free(struct waiters *w);
/* Any thread. Does nobody wait? Who adds itself after this was true looks for changes afterwards.
 */
bool waiters_is_empty(const struct waiters *w);
/* Worker, right after net_conn_park. request (heap memory) is taken on success only. DI_LIMIT,
 * DI_NOMEM. */
enum di_err waiters_add(struct waiters *w, struct net_token token, int64_t deadline_us,
                        void *request) DI_MUST_CHECK;
/* Listener (dropped callback). The connection is gone: forget it. */
void waiters_drop(struct waiters *w, struct net_token token);
/*
 * Listener (tick callback). Offers each waiting request to decide: true takes it out (decide has
 * answered by net_server_answer), false leaves it waiting. expired: its deadline has come. decide
 * must not call waiters_*.
 */
void waiters_offer(struct waiters *w, int64_t now_us,
                   bool (*decide)(void *arg, struct net_token token, void *request, bool expired),
                   void *arg);

#endif
