/* Temporary directories that are gone afterwards. */
#ifndef P2PDI_LAB_TEMPDIR_H
#define P2PDI_LAB_TEMPDIR_H

#include "p2pdi/base/err.h"

#define TEMPDIR_SIZE 512

/* Makes a directory of our own below $TMPDIR, else /tmp. */
enum di_err tempdir_make(char path[TEMPDIR_SIZE]) DI_MUST_CHECK;
/* Removes path and all below it, following no links; what resists is left. Nothing if path is "". */
void tempdir_remove(const char *path);

#endif
