/* Hands lines to $PAGER, outside of curses. In the thread of tui_run. */
#ifndef P2PDI_TUI_PAGER_H
#define P2PDI_TUI_PAGER_H

#include "document.h"

#include <stdbool.h>

/*
 * Runs $PAGER (or less) on the document until it ends, or until should_stop says so: it is asked each
 * time wake_fd becomes readable (-1: never). The terminal has been left before. DI_IO: no pager ran.
 */
enum di_err pager_run(const struct document *d, int wake_fd, bool (*should_stop)(void *arg),
                      void *arg) DI_MUST_CHECK;

#endif
