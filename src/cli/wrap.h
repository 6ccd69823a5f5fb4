/* Lines that are too long for a terminal are broken at words. Any thread. */
#ifndef P2PDI_CLI_WRAP_H
#define P2PDI_CLI_WRAP_H

#include "p2pdi/base/buf.h"
#include "p2pdi/base/text.h"

#include <stddef.h>

/*
 * Appends text, with lines of at most so many characters, but for words that are longer. What is broken off
 * goes on below the last column of its line, that is, what stands behind two spaces. Pure.
 */
void wrap_append(struct buf *out, struct slice text, size_t columns);
/* How many fd has; SIZE_MAX if it is no terminal. */
size_t wrap_columns(int fd);

#endif
