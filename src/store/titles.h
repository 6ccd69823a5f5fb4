/* A document's title from its own head. Pure. */
#ifndef P2PDI_STORE_TITLES_H
#define P2PDI_STORE_TITLES_H

#include "p2pdi/base/text.h"
#include "p2pdi/store/library.h"

#include <stdbool.h>

#define TITLE_HEAD_BYTES 4096 /* so much of the beginning is enough */

/* head: the first bytes of a .txt document. False (and "") if no title can be made out. */
bool title_from_head(struct slice head, char out[LIBRARY_TITLE_SIZE]);

#endif
