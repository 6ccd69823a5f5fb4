/* Between the system's socket addresses and struct addr. Pure. */
#ifndef P2PDI_NET_SOCKADDR_H
#define P2PDI_NET_SOCKADDR_H

#include "p2pdi/base/addr.h"

#include <sys/socket.h>

/* In the family that fits: IPv4-mapped addresses become AF_INET. Returns the length. */
socklen_t sockaddr_from_addr(const struct addr *a, struct sockaddr_storage *out);
/* False for a family that is neither IPv4 nor IPv6; scopes of link-local addresses are lost. */
bool sockaddr_to_addr(const struct sockaddr_storage *sa, struct addr *out);

#endif
