/* A server that says what it was told to, whoever asks: for tests of what clients make of odd answers. */
#ifndef TESTS_UNIT_CANNED_H
#define TESTS_UNIT_CANNED_H

#include "p2pdi/base/thread.h"
#include "p2pdi/net/server.h"
#include "p2pdi/wire/message.h"

#define CANNED_ANSWERS 4

struct canned {
    struct net_server *server;
    struct stats_counters stats;
    struct addr addr;
    struct lock lock;
    struct cond was_asked;
    /* Guarded by lock. For each method, in turn, the last one for good: bytes as sent. NULL: the connection is closed. */
    const char *says[WIRE_METHOD_COUNT][CANNED_ANSWERS];
    size_t len[WIRE_METHOD_COUNT]; /* of the answers, if NULs are in them; 0: none are */
    _Atomic(size_t) asked[WIRE_METHOD_COUNT];
};

/* All answers are unset: who asks is hung up on. */
void canned_start(struct canned *c);
void canned_stop(struct canned *c);
/* From now on; up to CANNED_ANSWERS, then NULL. */
void canned_say(struct canned *c, enum wire_method method, const char *first, const char *second);
/* The same with one answer of len bytes. */
void canned_say_bytes(struct canned *c, enum wire_method method, const char *bytes, size_t len);
/* Waits until it was asked that so often, since it was told what to say. */
void canned_wait(struct canned *c, enum wire_method method, size_t times);

/* Pieces of answers. */
#define P "P2P-DI/1.0 "
#define E "\r\n"
#define REGISTERED P "200 OK" E "Cookie: 76" E "Peer: 3" E "TTL: 7200" E "Reachable: unknown" E E
#define OK P "200 OK" E E
#define UNKNOWN P "401 Unauthorized" E E
#define FAILURE P "500 Internal Server Error" E E
#define NOBODY P "204 No Active Peers" E "Active-Peers: 0" E "Index-Version: a.1" E E
#define PEERS_HEADER                                                                               \
    "Hostname\tPeer\tActive\tTTL\tPort\tRegistrations\tLast-Registered\tReachable\n"

#endif
