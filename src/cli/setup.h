/* From options to a running peer: names resolved, state locked, port open. Main thread. */
#ifndef P2PDI_CLI_SETUP_H
#define P2PDI_CLI_SETUP_H

#include "cli.h"
#include "options.h"

#include "p2pdi/base/addr.h"
#include "p2pdi/peer/peer.h"
#include "p2pdi/store/state.h"

#include <stddef.h>

/* --rs as addresses, in order. CLI_EXIT_OK, or the exit code to end with and a problem. */
enum cli_exit setup_servers(const struct options *o, struct addr out[PEER_RS_MAX], size_t *count,
                            struct problem *p) DI_MUST_CHECK;
/* Why a server could not be asked, for people. */
const char *setup_server_trouble(enum di_err err);
/* The next thing to do about it. */
const char *setup_server_hint(enum di_err err);
/* --listen as an address. */
enum cli_exit setup_listen(const struct options *o, struct addr *out, struct problem *p)
    DI_MUST_CHECK;
/* Opens and locks root/name of --state. */
enum cli_exit setup_state(const struct options *o, const char *name, struct state_dir *out,
                          struct problem *p) DI_MUST_CHECK;
/* The next thing to do about the directory path, which is the value of that option. */
void setup_hint_directory(const struct options *o, enum option_id option, enum di_err err,
                          const char *path, struct problem *p);
/* How a failure to listen or open is told. */
enum cli_exit setup_failed(const struct options *o, enum di_err err, const char *why,
                           struct problem *p) DI_MUST_CHECK;

/* A peer with its locked state. */
struct setup_peer {
    struct state_dir state;
    struct peer *peer;
    const char *made; /* library that was not there before; NULL: it was */
};
/* trace is used with --trace only. From now on a signal cancels what the peer waits for. */
enum cli_exit setup_peer_open(const struct options *o, peer_event_fn *on_event,
                              peer_trace_fn *trace, void *arg, struct setup_peer *out,
                              struct problem *p) DI_MUST_CHECK;
/* Leaves, closes, unlocks. */
void setup_peer_close(struct setup_peer *s);

#endif
