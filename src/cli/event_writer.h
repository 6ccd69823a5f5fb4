/*
 * Standard output and error, written by a thread of their own ("output"): a pipe that nobody reads, or a
 * terminal that was told to stop, holds up nobody who has something to say, as long as the queue has room.
 * Any thread, but for the first and the last call.
 */
#ifndef P2PDI_CLI_EVENT_WRITER_H
#define P2PDI_CLI_EVENT_WRITER_H

#include "p2pdi/base/thread.h"

#include <stddef.h>

#define EVENT_WRITER_MAX ((size_t)4 << 20) /* more waits, until it is alone */

struct event_text;

struct event_writer {
    struct thread thread; /* not started: who speaks writes */
    struct lock lock;     /* guards what follows */
    struct cond more;     /* the thread has something to do */
    struct cond less;     /* and has done it */
    struct event_text *first, *last;
    size_t bytes; /* of all of them */
    bool hurry;   /* something of it may not wait, or somebody waits for it */
    bool closing, ended;
    bool broken; /* standard output cannot be written any more */
    bool gone;   /* its reader went away */
    _Atomic(bool) gave_up;
};

void event_writer_init(struct event_writer *w);
/*
 * Copies. The text goes out as one, behind all that came before; without hurry some milliseconds after what
 * was written last, together with what has come by then. Where the queue is full it waits; half a
 * second after a signal asked to end nobody waits any more, and what is left is dropped.
 */
void event_writer_put(struct event_writer *w, int fd, const char *text, size_t len, bool hurry);
/* Standard output lacks something that should have been there. */
void event_writer_break(struct event_writer *w);
/* Waits until all is written, as above. */
void event_writer_flush(struct event_writer *w);
/* The same, at the end. false: standard output could not be written, and its reader has not gone away. */
bool event_writer_fini(struct event_writer *w) DI_MUST_CHECK;

#endif
