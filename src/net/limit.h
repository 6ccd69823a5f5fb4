/* What a stream does with the limit it shares. The thread that runs the stream. */
#ifndef P2PDI_NET_LIMIT_H
#define P2PDI_NET_LIMIT_H

#include "p2pdi/net/stream.h"

/* n more bytes came. Returns when the next may be received. joined: a stream's, false at first. */
int64_t net_limit_take(struct net_limit *l, bool *joined, uint64_t n);
/* The stream has nothing to receive now. */
void net_limit_leave(struct net_limit *l, bool *joined);
/* How much to receive at a time. */
uint64_t net_limit_portion(const struct net_limit *l);

#endif
