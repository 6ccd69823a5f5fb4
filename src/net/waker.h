/* What a waiting thread polls to be woken. */
#ifndef P2PDI_NET_WAKER_H
#define P2PDI_NET_WAKER_H

#include "p2pdi/net/stream.h"

/* Readable once woken. */
int net_waker_fd(const struct net_waker *w);
bool net_waker_is_awake(const struct net_waker *w);

#endif
