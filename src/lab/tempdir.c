/* Temporary directories. The lab's thread. */
#include "tempdir.h"

#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>

#define NAME "p2pdi-lab-XXXXXX"

enum di_err tempdir_make(char path[TEMPDIR_SIZE])
{
    const char *base = getenv("TMPDIR");

    if (base == NULL || base[0] != '/')
        base = "/tmp";

    int n = snprintf(path, TEMPDIR_SIZE, "%s/%s", base, NAME);

    if (n < 0 || n >= TEMPDIR_SIZE || mkdtemp(path) == NULL) {
        path[0] = '\0';
        return n < TEMPDIR_SIZE ? di_err_from_errno(errno) : DI_INVALID;
    }
    return DI_OK;
}

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *where)
{
    (void)st;
    (void)type;
    (void)where;
    remove(path);
    return 0;
}

void tempdir_remove(const char *path)
{
    if (path[0] != '\0')
        nftw(path, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}
