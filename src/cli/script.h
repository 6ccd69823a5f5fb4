/* Carries out batch commands with a peer. Main thread. */
#ifndef P2PDI_CLI_SCRIPT_H
#define P2PDI_CLI_SCRIPT_H

#include "batch.h"
#include "cli.h"
#include "events.h"
#include "input.h"

#define SCRIPT_OPTION "-c" /* the name of a text that stood on the command line */

struct script {
    struct peer *peer;
    struct events *events;
    struct input *input; /* what `hold` watches */
    bool quit;           /* the command was `quit` */
    bool listed;         /* the RS has been asked for the peers */
    bool queried;        /* and peers for what they hold */
};

/* One command. What fails is told as an event. */
enum cli_exit script_run_command(struct script *s, const struct batch_command *c) DI_MUST_CHECK;
/*
 * All commands of a text, until one fails. name: of the file, or SCRIPT_OPTION; NULL: errors do not say where.
 * line: of the text's first line.
 */
enum cli_exit script_run_text(struct script *s, const char *name, unsigned line, struct slice text)
    DI_MUST_CHECK;
/* Commands from standard input, each as soon as its line is there. */
enum cli_exit script_run_input(struct script *s) DI_MUST_CHECK;
/* Is the whole text right? Otherwise a problem is told. */
enum cli_exit script_check(struct events *e, const char *name, struct slice text) DI_MUST_CHECK;

#endif
