/* The dashboards of `rs` and `peer`: the screen in the main thread, commands in threads of their own. */
#ifndef P2PDI_CLI_SCREEN_H
#define P2PDI_CLI_SCREEN_H

#include "cli.h"
#include "events.h"
#include "options.h"

#include "p2pdi/peer/peer.h"
#include "p2pdi/rs/rs.h"

#include <stdbool.h>

/* Is there a person at a terminal, who did not ask for lines? */
bool screen_is_wanted(const struct options *o, const struct events *e);
/* May it be shown? Otherwise a problem. */
enum cli_exit screen_check(const struct options *o, struct problem *p) DI_MUST_CHECK;

struct screen;

/* Before rs or peer, whose news wake it. DI_NOMEM, DI_LIMIT. */
enum di_err screen_new(struct events *e, struct screen **out) DI_MUST_CHECK;
void screen_free(struct screen *s);

/* For rs_config. arg: the screen. */
void screen_on_news(void *arg);
/* For setup_peer_open instead of events_peer and events_trace. arg: the screen. */
void screen_on_event(void *arg, const struct peer_event *ev);
void screen_on_trace(void *arg, bool received, const struct addr *remote, const char *bytes,
                     size_t len);

/* Show it until the user quits or a signal comes. state: the directory for the log file. */
enum cli_exit screen_run_rs(struct screen *s, struct rs *rs, const char *state) DI_MUST_CHECK;
/* first: commands to begin with, NULL: none. */
enum cli_exit screen_run_peer(struct screen *s, struct peer *peer, const char *state,
                              const char *first) DI_MUST_CHECK;

#endif
