/* The words for errors, and errno in our terms. Any thread. */
#include "p2pdi/base/err.h"

#include <errno.h>
#include <stddef.h>

const char *di_err_text(enum di_err err)
{
    static const char *const text[] = {
#define X(name, words) [DI_##name] = (words),
        DI_ERR_MAP(X)
#undef X
    };
    size_t i = (size_t)err;

    return i < sizeof(text) / sizeof(text[0]) ? text[i] : "unknown error";
}

enum di_err di_err_from_errno(int errnum)
{
    switch (errnum) {
    case 0:
        return DI_OK;
    case ENOMEM:
    case ENOBUFS:
        return DI_NOMEM;
    case EINVAL:
    case ENAMETOOLONG:
        return DI_INVALID;
    case ENOENT:
    case ENOTDIR:
        return DI_NOT_FOUND;
    case EEXIST:
        return DI_EXISTS;
    case EISDIR:
        return DI_DIRECTORY;
    case ENOSPC:
    case EDQUOT:
        return DI_NO_SPACE;
    case EACCES:
    case EPERM:
        return DI_ACCESS;
    case EROFS:
        return DI_READ_ONLY;
    case EADDRINUSE:
    case EBUSY:
        return DI_IN_USE;
    case EMFILE:
    case ENFILE:
    case EFBIG:
        return DI_LIMIT;
    case ETIMEDOUT:
        return DI_TIMEOUT;
    case ECONNRESET:
    case ECONNABORTED:
    case EPIPE:
        return DI_CLOSED;
    case ECONNREFUSED:
        return DI_REFUSED;
    case EHOSTUNREACH:
    case ENETUNREACH:
    case EHOSTDOWN:
    case ENETDOWN:
    case EADDRNOTAVAIL:
        return DI_UNREACHABLE;
    case ECANCELED:
        return DI_CANCELLED;
    default:
        return DI_IO;
    }
}
