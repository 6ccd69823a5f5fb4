/* Log lines for people, on standard error or where a sink sends them. Text from outside is cleaned first. */
#ifndef P2PDI_BASE_LOG_H
#define P2PDI_BASE_LOG_H

#include "p2pdi/base/err.h"

enum log_level { LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG };

/* Lines above this level are dropped; LOG_WARN at the start. */
void log_set_level(enum log_level level);
/* Where lines go instead of standard error; NULL: back. The sink is called under the log's lock. */
void log_set_sink(void (*sink)(void *arg, enum log_level level, const char *line), void *arg);
/* One line, without the newline, at most 1,000 bytes; control characters become spaces. Any thread. */
void log_write(enum log_level level, const char *fmt, ...) DI_PRINTF(2, 3);

#endif
