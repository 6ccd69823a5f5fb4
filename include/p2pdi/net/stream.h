/*
 * The client side: a TCP connection for a thread that may wait, but never beyond an absolute
 * deadline and never past a wake-up. Names are resolved once, at the start; everything else is
 * numeric.
 */
#ifndef P2PDI_NET_STREAM_H
#define P2PDI_NET_STREAM_H

#include "p2pdi/base/addr.h"
#include "p2pdi/base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Ends waits early, from any thread (signal-safe): an eventfd. Stays set until reset. */
struct net_waker;
enum di_err net_waker_new(struct net_waker **out) DI_MUST_CHECK;
void net_waker_free(struct net_waker *w);
void net_waker_wake(struct net_waker *w);
void net_waker_reset(struct net_waker *w);

/*
 * Host (name or number) into at most max addresses with that port. Blocks: only at the start.
 * DI_NOT_FOUND; DI_UNREACHABLE (no name server answers). "localhost" needs no resolver.
 */
enum di_err net_resolve(const char *host, uint16_t port, struct addr *out, size_t max,
                        size_t *count) DI_MUST_CHECK;

/*
 * How much may be received in a second, by all streams that share it. Any thread. Streams take turns
 * of 10 ms of it, and leave the rest in the system's buffers, by which TCP slows the senders down.
 */
struct net_limit;
/* Bytes a second; 0: *out is NULL, which is no limit. */
enum di_err net_limit_new(uint64_t rate, struct net_limit **out) DI_MUST_CHECK;
/* After all streams that share it. NULL is fine. */
void net_limit_free(struct net_limit *l);
/*
 * So many bytes came without waiting (an answer that others wait for): the streams wait for them
 * instead, though at most five seconds. NULL is fine.
 */
void net_limit_spend(struct net_limit *l, uint64_t n);

struct net_stream;

/*
 * Connects. cancel may be NULL; it ends all waits of the stream, which then return DI_CANCELLED.
 * DI_REFUSED, DI_UNREACHABLE, DI_TIMEOUT, DI_CANCELLED, DI_LIMIT, DI_NOMEM.
 */
enum di_err net_stream_open(const struct addr *to, int64_t deadline_us, struct net_waker *cancel,
                            struct net_stream **out) DI_MUST_CHECK;
void net_stream_close(struct net_stream *s);
/*
 * From now on what it receives counts in the limit, and in no other any more. Time that it waits for
 * its turn is none of a deadline's. NULL is fine.
 */
void net_stream_limit(struct net_stream *s, struct net_limit *l);
/* The waker ends its waits no more. */
void net_stream_uncancel(struct net_stream *s);
const struct addr *net_stream_remote(const struct net_stream *s);
/* Sends all of it. DI_CLOSED, DI_TIMEOUT, DI_CANCELLED, DI_IO. */
enum di_err net_stream_send(struct net_stream *s, const void *bytes, size_t len,
                            int64_t deadline_us) DI_MUST_CHECK;
/* Receives what is there, at least one byte. End of stream: DI_CLOSED. */
enum di_err net_stream_recv(struct net_stream *s, void *bytes, size_t cap, size_t *got,
                            int64_t deadline_us) DI_MUST_CHECK;
/* Is a kept connection still good (no end of stream, nothing unasked waiting)? Does not wait. */
bool net_stream_is_idle_alive(struct net_stream *s);

#endif
