/* `p2pdi demo` on a terminal: the laboratory's runs on the screen. */
#ifndef P2PDI_CLI_DEMO_H
#define P2PDI_CLI_DEMO_H

#include "p2pdi/lab/lab.h"
#include "p2pdi/report/report.h"

/*
 * Runs cfg's experiment (its on_progress and interrupt_fd are replaced) while the screen shows it, until
 * the user quits. program: how the user called us. As lab_experiment, besides: DI_CANCELLED if the user
 * quit before the end, DI_INVALID with a sentence in why if the terminal cannot show it. Main thread.
 */
enum di_err demo_show(const struct lab_config *cfg, const char *program, struct experiment *out,
                      char why[512]) DI_MUST_CHECK;

#endif
