/* The subcommands: each is given checked options and says how it went. Main thread. */
#ifndef P2PDI_CLI_COMMANDS_H
#define P2PDI_CLI_COMMANDS_H

#include "cli.h"
#include "events.h"
#include "options.h"

enum cli_exit cmd_rs(const struct options *o, struct events *e) DI_MUST_CHECK;
enum cli_exit cmd_peer(const struct options *o, struct events *e) DI_MUST_CHECK;
enum cli_exit cmd_get(const struct options *o, struct events *e) DI_MUST_CHECK;
enum cli_exit cmd_ls(const struct options *o, struct events *e) DI_MUST_CHECK;
enum cli_exit cmd_peers(const struct options *o, struct events *e) DI_MUST_CHECK;
enum cli_exit cmd_experiment(const struct options *o, struct events *e) DI_MUST_CHECK;
enum cli_exit cmd_demo(const struct options *o, struct events *e) DI_MUST_CHECK;
enum cli_exit cmd_doctor(const struct options *o, struct events *e) DI_MUST_CHECK;

#endif
