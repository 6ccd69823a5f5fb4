/*
 * Signals, taken by one thread with sigwait; everybody else has them blocked. The first SIGINT, SIGTERM
 * or SIGHUP asks to end: leave, close, exit 130 or 143. The second one ends the process at once.
 */
#ifndef P2PDI_CLI_SIGNALS_H
#define P2PDI_CLI_SIGNALS_H

#include "p2pdi/base/err.h"

/* Call before any other thread starts. SIGPIPE is ignored from now on; SIGHUP only if nohup did not say so. */
enum di_err signals_start(void) DI_MUST_CHECK;
void signals_stop(void);

/* 0, or the exit code of the signal that came: 130, 143. Any thread. */
int signals_exit_code(void);
/* Readable from the first signal on; never read it. */
int signals_fd(void);
/* fn(arg) is called once, by the signal thread, when the first signal comes, or now if it has. fn must be
 * quick. NULL: nobody; then none is running any more when this returns. Main thread. */
void signals_notify(void (*fn)(void *arg), void *arg);

#endif
