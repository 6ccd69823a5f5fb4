/* What the commands share: exit codes, and a failure as what, why and hint. Included by all of cli. */
#ifndef P2PDI_CLI_CLI_H
#define P2PDI_CLI_CLI_H

#include "p2pdi/base/err.h"

/* X(name, code, meaning) */
#define CLI_EXIT_MAP(X)                                                                            \
    X(OK, 0, "all done")                                                                           \
    X(INCOMPLETE, 1, "some downloads failed")                                                      \
    X(USAGE, 2, "wrong usage or configuration")                                                    \
    X(RS, 3, "registration server unreachable")                                                    \
    X(NOBODY, 4, "nobody has it")                                                                  \
    X(MISMATCH, 5, "content did not match its SHA-256")                                            \
    X(OPEN, 6, "could not bind or open")                                                           \
    X(INTERRUPTED, 130, "interrupted (SIGINT), after leaving and closing cleanly")                 \
    X(TERMINATED, 143, "terminated (SIGTERM or SIGHUP), after leaving and closing cleanly")

enum cli_exit {
#define X(name, code, meaning) CLI_EXIT_##name = (code),
    CLI_EXIT_MAP(X)
#undef X
};

/* What failed, the likely cause, and the next command to try (may be empty). */
struct problem {
    char what[256];
    char why[512];
    char hint[256];
};

void problem_set(struct problem *p, const char *hint, const char *why, const char *fmt, ...)
    DI_PRINTF(4, 5);

#endif
