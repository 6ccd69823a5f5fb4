/* What --help, --version, --print-config, `p2pdi completion` and `p2pdi man` print: all from the tables. */
#ifndef P2PDI_CLI_HELP_H
#define P2PDI_CLI_HELP_H

#include "options.h"

#include "p2pdi/base/buf.h"

/* `p2pdi --help`: the commands. */
void help_program(struct buf *out);
/* `p2pdi COMMAND --help`: fits 80 x 24, ends with two examples. */
void help_command(struct buf *out, enum command c);
/* A line for each command of the batch language, two where its arguments are long. */
void help_batch_commands(struct buf *out);
/* `p2pdi help batch`: how to give commands, and which. */
void help_batch(struct buf *out);
void help_version(struct buf *out);
/* What holds and where it came from, as a configuration file. Values that are worked out come as arguments. */
void help_settings(struct buf *out, const struct options *o);
/* A completion script for bash, zsh or fish; false: no such shell. */
bool help_completion(struct buf *out, const char *shell);
/* p2pdi(1) in mdoc. */
void help_man(struct buf *out);

#endif
