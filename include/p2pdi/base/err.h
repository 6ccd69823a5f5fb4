/* Errors that p2pdi's functions return. One list makes the enum and the words. */
#ifndef P2PDI_BASE_ERR_H
#define P2PDI_BASE_ERR_H

#define DI_MUST_CHECK __attribute__((warn_unused_result))
#define DI_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))

#define DI_ERR_MAP(X)                                                                              \
    X(OK, "no error")                                                                              \
    X(NOMEM, "out of memory")                                                                      \
    X(INVALID, "invalid value")                                                                    \
    X(NOT_FOUND, "not found")                                                                      \
    X(EXISTS, "already there")                                                                     \
    X(DIRECTORY, "it is a directory")                                                              \
    X(IO, "input/output error")                                                                    \
    X(NO_SPACE, "no space left on the device")                                                     \
    X(ACCESS, "permission denied")                                                                 \
    X(READ_ONLY, "read-only file system")                                                          \
    X(IN_USE, "already in use")                                                                    \
    X(LIMIT, "limit reached")                                                                      \
    X(TIMEOUT, "timed out")                                                                        \
    X(CLOSED, "closed by the other side")                                                          \
    X(REFUSED, "connection refused")                                                               \
    X(UNREACHABLE, "host unreachable")                                                             \
    X(PROTOCOL, "protocol violation")                                                              \
    X(BUSY, "too busy to answer now")                                                              \
    X(REMOTE, "error at the other side")                                                           \
    X(MISMATCH, "content did not match its SHA-256")                                               \
    X(CORRUPT, "stored state is damaged")                                                          \
    X(CANCELLED, "cancelled")

enum di_err {
#define X(name, text) DI_##name,
    DI_ERR_MAP(X)
#undef X
};

/* A constant sentence fragment for err, such as "timed out". Any thread. */
const char *di_err_text(enum di_err err);

/* What a failed system call's errno means to us; DI_IO where nothing fits better. Any thread. */
enum di_err di_err_from_errno(int errnum);

#endif
