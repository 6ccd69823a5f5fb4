/* Where lines go, besides the log pane, while a screen has the terminal. Called under one lock. */
#ifndef P2PDI_CLI_LOG_FILE_H
#define P2PDI_CLI_LOG_FILE_H

#include "p2pdi/base/err.h"
#include "p2pdi/base/log.h"
#include "p2pdi/base/text.h"

#include <stddef.h>

#define LOG_FILE_MAX ((size_t)1 << 20) /* then it becomes PATH.1, and a new one begins */

struct log_file {
    int fd; /* -1: none */
    size_t bytes;
    char path[4096];
};

/* Opens DIR/log to append to it. As errno says; then nothing is written. */
enum di_err log_file_open(struct log_file *f, const char *dir) DI_MUST_CHECK;
void log_file_close(struct log_file *f);
/* One line, with time and level; cleaned. What cannot be written is lost: there is nowhere to say so. */
void log_file_write(struct log_file *f, enum log_level level, struct slice line);

#endif
