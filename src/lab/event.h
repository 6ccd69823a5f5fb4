/* A line of a child's `--json` output, parsed. Pure but for jansson's allocations. */
#ifndef P2PDI_LAB_EVENT_H
#define P2PDI_LAB_EVENT_H

#include "p2pdi/base/addr.h"
#include "p2pdi/base/err.h"
#include "p2pdi/base/sha256.h"

#include <stdint.h>

enum lab_event_kind {
    LAB_EV_OTHER, /* one that the lab has no use for */
    LAB_EV_LISTENING,
    LAB_EV_REGISTERED,
    LAB_EV_PEERS,
    LAB_EV_INDEX,
    LAB_EV_START,
    LAB_EV_DONE,
    LAB_EV_FAILED,
    LAB_EV_COMPLETE,
    LAB_EV_ERROR
};

struct lab_event {
    enum lab_event_kind kind;
    int64_t t_us;     /* since the child's start */
    struct addr addr; /* listening: its own; start, done: the holder */
    uint64_t count;   /* peers: others active; index: RFCs known; complete: files */
    uint32_t rfc;
    uint64_t bytes, wire_bytes;
    int64_t us;
    struct sha256 sha256;
    char text[300]; /* failed, error: for people, cleaned */
};

/* DI_PROTOCOL: not an event, or one that lacks what the manual promises. */
enum di_err lab_event_parse(const char *line, struct lab_event *ev) DI_MUST_CHECK;

#endif
