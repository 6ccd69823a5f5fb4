/*
 * What the program says: results on standard output, everything else on standard error; with --json
 * every event as a line on standard output. Any thread; whole lines, never interleaved, in the order in which
 * they were said. A thread writes them (event_writer.h).
 */
#ifndef P2PDI_CLI_EVENTS_H
#define P2PDI_CLI_EVENTS_H

#include "cli.h"
#include "event_writer.h"

#include "p2pdi/base/buf.h"
#include "p2pdi/base/log.h"
#include "p2pdi/base/thread.h"
#include "p2pdi/peer/peer.h"

#include <stdbool.h>
#include <stdint.h>

#define EVENTS_RESULT_MAX ((size_t)1 << 30)

/* Takes a line instead of the streams; called under the lock of events. */
typedef void events_line_fn(void *arg, enum log_level level, struct slice line);

enum events_level { EVENTS_QUIET, EVENTS_NORMAL, EVENTS_VERBOSE };

/* Downloads that failed one after another: where a holder goes, all that it should have sent fails at once. */
struct event_failures {
    size_t told;   /* in full */
    size_t untold; /* only counted */
    unsigned whys; /* told so far, a bit each */
    int64_t last_us;
};

struct events {
    struct event_writer writer;
    struct lock lock;     /* guards what follows */
    struct buf bar;       /* shown in the last lines of the terminal; empty: none */
    events_line_fn *line; /* NULL: the streams */
    void *line_arg;
    size_t peers, rfcs; /* as last told in text, SIZE_MAX: not yet */
    struct event_failures failures;
    bool json; /* the rest is constant */
    enum events_level level;
    int64_t start_us;
};

/* Plain text; from now on log lines go through it too. */
void events_init(struct events *e, int64_t start_us);
/* Before there is a second thread. */
void events_configure(struct events *e, bool json, enum events_level level);
/* false: standard output could not be written, for another reason than a reader that went away. */
bool events_fini(struct events *e) DI_MUST_CHECK;

/* From now on all that would be written goes there, line by line: a screen has the terminal. NULL: back. */
void events_redirect(struct events *e, events_line_fn *line, void *arg);

/* A peer's sinks; arg is the struct events. */
void events_peer(void *arg, const struct peer_event *ev);
void events_trace(void *arg, bool received, const struct addr *remote, const char *bytes,
                  size_t len);

void events_listening(struct events *e, const struct addr *addr);
void events_problem(struct events *e, const struct problem *p);
/* Result text, or lines made with event_json_begin, onto standard output. */
void events_result(struct events *e, const struct buf *text);
/* The same for sentences, which a terminal gets broken at words. */
void events_prose(struct events *e, const struct buf *text);
/* A line for people on standard error, unless -q. */
void events_say(struct events *e, const char *fmt, ...) DI_PRINTF(2, 3);
/* Shows lines (no newline at the end) below all others on a terminal, replacing those before; n 0: takes them away. */
void events_bar(struct events *e, struct slice lines);

/* ---- pure ---------------------------------------------------------------------------------------- */

/* {"v":1,"event":NAME,"t":SECONDS, to be followed by fields and event_json_end. */
void event_json_begin(struct buf *out, const char *name, int64_t since_start_us);
void event_json_end(struct buf *out);
/* One line each. */
void event_format_json(struct buf *out, const struct peer_event *ev, int64_t start_us);
void event_format_text(struct buf *out, const struct peer_event *ev);
/* So many failures beyond those that were told. */
void event_format_untold(struct buf *out, size_t n);
/* A header line with direction and address, then the message, indented, control characters taken out. */
void trace_format(struct buf *out, bool received, const struct addr *remote, const char *bytes,
                  size_t len);

#endif
