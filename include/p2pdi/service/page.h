/*
 * A body that many are answered with: made once, shared, encoded once for each coding that somebody asks
 * for (PROTOCOL.md "HTTP", "Compressed bodies").
 */
#ifndef P2PDI_SERVICE_PAGE_H
#define P2PDI_SERVICE_PAGE_H

#include "p2pdi/base/buf.h"
#include "p2pdi/net/server.h"
#include "p2pdi/wire/message.h"

#include <stdatomic.h>

/* Reference-counted; immutable. Any thread. */
struct service_page;

/*
 * Takes the memory of text, which must not have failed (buf_status), and leaves it empty. *alive (may be
 * NULL; it outlives the page) is more by the bytes of text as long as the page lives. NULL: out of
 * memory, text is as it was.
 */
struct service_page *service_page_new(struct buf *text, _Atomic(uint64_t) *alive);
struct service_page *service_page_ref(struct service_page *p);
void service_page_unref(void *page); /* NULL is fine */
const struct buf *service_page_text(const struct service_page *p);

/* Worker. The answer to an HTTP GET or HEAD, in a coding that it accepts. Takes the reference. */
void service_page_send(struct net_conn *c, const struct wire_request *r, const char *type,
                       struct service_page *p);

#endif
