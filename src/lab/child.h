/*
 * A child process with a pipe to its standard input and one from its standard output; its standard
 * error goes to a file. It dies with the thread that started it.
 */
#ifndef P2PDI_LAB_CHILD_H
#define P2PDI_LAB_CHILD_H

#include "p2pdi/base/buf.h"
#include "p2pdi/base/err.h"

#include <poll.h>
#include <stdbool.h>
#include <sys/types.h>

struct child {
    pid_t pid;   /* 0: not running (never started, or reaped) */
    int in, out; /* our ends, non-blocking; -1: closed */
    struct buf to, from;
    bool closing; /* in is closed as soon as to is empty */
    bool ended;
    int status;     /* of waitpid; valid once ended */
    char log[4200]; /* where its standard error goes */
};

/* Starts program with argv. The caller's storage; child_fini in any case. */
enum di_err child_start(struct child *c, const char *program, const char *const argv[],
                        const char *log) DI_MUST_CHECK;
/* A child that was never started may be finished too. */
void child_init(struct child *c);
/* Kills it if it runs, reaps it, closes everything. */
void child_fini(struct child *c);

/* Queues a line for its standard input (printf's way, without the newline). */
void child_send(struct child *c, const char *fmt, ...) DI_PRINTF(2, 3);
/* End of its input once everything queued is written. */
void child_close_input(struct child *c);

/* The two entries (in, out) that poll needs; child_handle takes what poll said. */
void child_poll(const struct child *c, struct pollfd fds[2]);
/* Writes and reads what is possible. DI_NOMEM, DI_LIMIT (a line without end), and what either failed with. */
enum di_err child_handle(struct child *c, const struct pollfd fds[2]) DI_MUST_CHECK;
/* True when its output has ended and it has been reaped: c->status says how. Never waits. */
bool child_reap(struct child *c);
/* The next whole line of its output without newline, NUL-terminated, valid until the next call. */
char *child_line(struct child *c);
/* The last line that it wrote to its standard error, cleaned; "" if none. */
void child_last_words(const struct child *c, char out[200]);

#endif
