/* The real program as a child of the test: started on a free port, ended by its process id. */
#ifndef DIALOGUE_PROGRAM_H
#define DIALOGUE_PROGRAM_H

#include "dialogues.h"

#include <stdint.h>
#include <sys/types.h>

struct program {
    pid_t pid;
    int in, out; /* its standard input and output */
    uint16_t port;
};

/*
 * Runs $P2PDI as that server, in a new directory below $TMPDIR in which a peer finds the documents, and
 * waits until it listens (and, for a peer, has seen them all). false: why says what went wrong.
 */
bool program_start(struct program *p, enum dialogue_server server,
                   const struct dialogue_document *documents, size_t count, char why[200]);
/* Ends it by SIGTERM. false: it did not end as the manual promises. */
bool program_stop(struct program *p, char why[200]);

#endif
