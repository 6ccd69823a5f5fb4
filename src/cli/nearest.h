/* Which word was meant? For hints after a misspelling. Pure. */
#ifndef P2PDI_CLI_NEAREST_H
#define P2PDI_CLI_NEAREST_H

#include "p2pdi/base/text.h"

#include <stddef.h>

/* The candidate that differs least from word, NULL if none is near enough to be what was meant. */
const char *nearest_word(struct slice word, const char *const *candidates, size_t count);

#endif
