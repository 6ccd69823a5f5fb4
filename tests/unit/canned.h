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
    /* Guarded by lock. For each method, in turn, the last one for good: bytes as sent. NULL: the connection is closed. */
    const char *says[WIRE_METHOD_COUNT][CANNED_ANSWERS];
    _Atomic(size_t) asked[WIRE_METHOD_COUNT];
};

/* All answers are unset: who asks is hung up on. */
void canned_start(struct canned *c);
void canned_stop(struct canned *c);
/* From now on; up to CANNED_ANSWERS, then NULL. */
void canned_say(struct canned *c, enum wire_method method, const char *first, const char *second);

#endif
