/*
 * A service of one-line requests for tests of net, and a client that waits no longer than a test
 * may.
 *
 *   echo TEXT   TEXT                      hold        blocks the worker until line_service_let_go()
 *   zeros N     N bytes from memory       park        parked; its token goes to the list
 *   file        the file set by the test  self        parked, and answered before serve() returns
 *   close TEXT  TEXT, then closes         local       the address that it came in on
 *   last        as hold, then closes
 *   body N      "ok"; N bytes that follow are skipped
 *   stall       as hold, but blocks who asks where the message ends
 *   name TEXT   TEXT before a refusal     slow        "slow", after 10 ms of the worker's time
 *   slows       how many of these there were
 *
 * A line that begins with '!' is bad. Refusals are "bad", "timeout" and "busy".
 */
#ifndef TESTS_LINE_SERVICE_H
#define TESTS_LINE_SERVICE_H

#include "p2pdi/base/thread.h"
#include "p2pdi/net/server.h"

#define LINE_MAX_BYTES 1000
#define TOKENS_MAX 4096

struct line_service {
    struct net_server *server;
    struct stats_counters stats;
    int file_fd;
    uint64_t file_len;
    _Atomic(bool) no_more_answers; /* for a test's own thread */
    char *zeros;
    size_t zeros_len;

    struct lock lock;
    /* Below: under lock. */
    struct cond changed;
    struct net_token tokens[TOKENS_MAX];
    unsigned parked, dropped, ticks;
    unsigned holding;
    unsigned slow;     /* such answers made */
    unsigned released; /* pieces given back by the server */
    unsigned borrowed; /* pieces given to it */
    bool let_go;
};

/* Defaults: 127.0.0.1, any port, 2 workers, lines of LINE_MAX_BYTES. */
struct net_server_config line_config(void);
/* Fails the test if the server does not start. */
struct line_service *line_service_start(const struct net_server_config *cfg);
/* Stops, with a second of grace, and frees. */
void line_service_stop(struct line_service *ls);
/* The same in its own thread, without freeing: for tests that look on. Ten seconds of grace. */
void line_service_stop_in_thread(struct line_service *ls, struct thread *t);
/* Frees what was stopped; asserts that all connections are closed and borrowed pieces came back. */
void line_service_free(struct line_service *ls);

/* Wait until it is so; fail the test after ten seconds. */
void line_service_wait_parked(struct line_service *ls, unsigned n);
void line_service_wait_dropped(struct line_service *ls, unsigned n);
void line_service_wait_holding(struct line_service *ls, unsigned n);
void line_service_let_go(struct line_service *ls);
/* Answers the n-th parked request. */
void line_service_answer(struct line_service *ls, unsigned n, const char *text);
/* The same with a text behind it that is borrowed, not copied. */
void line_service_answer_shared(struct line_service *ls, unsigned n, const char *head,
                                const char *shared);

/* Waits until the expression holds; fails the test after ten seconds. */
#define WAIT_UNTIL(expression)                                                                     \
    do {                                                                                           \
        int64_t wait_until_end_ = clock_mono_us() + 10 * CLOCK_US_PER_S;                           \
        while (!(expression)) {                                                                    \
            if (clock_mono_us() > wait_until_end_)                                                 \
                fail_msg("never became true: %s", #expression);                                    \
            line_nap();                                                                            \
        }                                                                                          \
    } while (0)
void line_nap(void);

/* ---- client: a blocking socket; every wait ends after ten seconds and fails the test ---- */

int line_connect(const struct addr *to);
/* -1: nobody listens any more. */
int line_try_connect(const struct addr *to);
/* With a small receive buffer, so that little of a big answer goes out unread. */
int line_connect_narrow(const struct addr *to);
void line_send(int fd, const char *text);
void line_send_bytes(int fd, const void *bytes, size_t len);
/* Reads exactly what is expected. */
void line_expect(int fd, const char *text);
/* Reads n bytes that are zero. */
void line_expect_zeros(int fd, uint64_t n);
/* The server closes without another byte; a reset counts if may_reset. */
void line_expect_end(int fd, bool may_reset);
/* Is a request on a new connection served? */
bool line_gets_an_answer(const struct addr *to);
/* Reads until the end; returns how many bytes came. */
uint64_t line_drain(int fd);
/* Open descriptors of this process. */
unsigned line_count_fds(void);

#endif
