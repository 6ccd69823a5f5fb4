/*
 * Each allocation and each system call of a server fails once, the first, the second and so on,
 * until none is left to fail. The one connection may suffer from it; the server may not.
 */
#include "../support/line_service.h"

#include "p2pdi/base/clock.h"

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

/* ld: -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc,--wrap=epoll_create1,--wrap=epoll_ctl,--wrap=eventfd,--wrap=socket,--wrap=accept4,--wrap=recv,--wrap=send,--wrap=sendmsg,--wrap=pthread_create */

void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t size);

/* Counts down to the one that fails. */
static _Atomic(int) left;
/* The client, too, calls what is made to fail here. */
static _Thread_local bool is_client;

static bool fails(void)
{
    return !is_client && atomic_fetch_sub(&left, 1) == 1;
}

#define FAILING(type, name, args, pass, error)                                                     \
    type __real_##name args;                                                                       \
    type __wrap_##name args;                                                                       \
    type __wrap_##name args                                                                        \
    {                                                                                              \
        if (!fails())                                                                              \
            return __real_##name pass;                                                             \
        errno = (error);                                                                           \
        return -1;                                                                                 \
    }
FAILING(int, epoll_create1, (int flags), (flags), EMFILE)
FAILING(int, epoll_ctl, (int ep, int op, int fd, struct epoll_event *ev), (ep, op, fd, ev), ENOMEM)
FAILING(int, eventfd, (unsigned count, int flags), (count, flags), EMFILE)
FAILING(int, socket, (int family, int type, int protocol), (family, type, protocol), EMFILE)
FAILING(int, accept4, (int fd, struct sockaddr *sa, socklen_t *len, int flags),
        (fd, sa, len, flags), EMFILE)
FAILING(ssize_t, recv, (int fd, void *p, size_t n, int flags), (fd, p, n, flags), ECONNRESET)
FAILING(ssize_t, send, (int fd, const void *p, size_t n, int flags), (fd, p, n, flags), ECONNRESET)
FAILING(ssize_t, sendmsg, (int fd, const struct msghdr *m, int flags), (fd, m, flags), EPIPE)

int __real_pthread_create(pthread_t *t, const pthread_attr_t *a, void *(*run)(void *), void *arg);
int __wrap_pthread_create(pthread_t *t, const pthread_attr_t *a, void *(*run)(void *), void *arg);

int __wrap_pthread_create(pthread_t *t, const pthread_attr_t *a, void *(*run)(void *), void *arg)
{
    return fails() ? EAGAIN : __real_pthread_create(t, a, run, arg);
}

void *__wrap_malloc(size_t size)
{
    return fails() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t n, size_t size)
{
    return fails() ? NULL : __real_calloc(n, size);
}

void *__wrap_realloc(void *p, size_t size)
{
    return fails() ? NULL : __real_realloc(p, size);
}

static void never_fail(void)
{
    atomic_store(&left, 0);
}

/* Sends (unless ""), if the other side lets it, and reads until text has come or the end. */
static void try_dialogue(int fd, const char *request, const char *until)
{
    static char got[300000];
    size_t len = 0;
    ssize_t n = *request == '\0' ? 1 : send(fd, request, strlen(request), MSG_NOSIGNAL);

    while (n > 0 && len < sizeof(got)) {
        n = recv(fd, got + len, sizeof(got) - len, 0);
        if (n < 0 && errno == EAGAIN)
            fail_msg("neither \"%s\" nor the end ever came", until);
        len += n > 0 ? (size_t)n : 0;
        if (len >= strlen(until) && memcmp(got + len - strlen(until), until, strlen(until)) == 0)
            return;
    }
}

static void answer_when_parked(struct line_service *ls, int fd)
{
    char byte;

    /* Either it gets there, or its connection breaks on the way. */
    for (;;) {
        lock_acquire(&ls->lock);
        unsigned parked = ls->parked;

        lock_release(&ls->lock);
        if (parked > 0) {
            line_service_answer(ls, 0, "answer\n");
            return;
        }
        if (recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) >= 0 || errno != EAGAIN)
            return;
        line_nap();
    }
}

static void dialogues(struct line_service *ls)
{
    static char many[64 * 12 + 1];
    const struct addr *to = net_server_addr(ls->server);
    int fd = line_connect_narrow(to);

    try_dialogue(fd, "echo a\nzeros 200000\nclose b\n", "b\n");
    close(fd);

    fd = line_connect(to);
    line_send(fd, "echo half");
    try_dialogue(fd, " a line\n", "half a line\n");
    for (int i = 0; i < 64; i++)
        memcpy(many + i * (ptrdiff_t)12, "local\necho \n", 12);
    try_dialogue(fd, many, "\n");
    close(fd);

    fd = line_connect(to);
    try_dialogue(fd, "!", "bad\n");
    close(fd);

    fd = line_connect(to);
    line_send(fd, "park\n");
    answer_when_parked(ls, fd);
    try_dialogue(fd, "", "answer\n");
    try_dialogue(fd, "echo after\n", "after\n");
    close(fd);

    fd = line_connect(to);
    try_dialogue(fd, "self\n", "self\n");
    close(fd);
}

static void the_server_survives_each_failure(void **state)
{
    bool failed = true;
    int n;

    (void)state;
    is_client = true;
    for (n = 1; failed; n++) {
        struct net_server_config cfg = line_config();

        cfg.idle_us = 200 * CLOCK_US_PER_MS; /* and so it sweeps often */

        struct line_service *ls = line_service_start(&cfg);

        atomic_store(&left, n);
        dialogues(ls);
        failed = atomic_load(&left) <= 0;
        never_fail();
        /* Having failed to accept it may turn away the next one. */
        WAIT_UNTIL(line_gets_an_answer(net_server_addr(ls->server)));
        WAIT_UNTIL(STATS_GET(&ls->stats, connections_open) == 0);
        line_service_stop(ls);
    }
    print_message("%d calls failed\n", n - 2);
    assert_true(n > 10);
}

static enum net_verdict frame(void *ctx, struct net_frame *f, const char *data, size_t len)
{
    (void)ctx;
    (void)f;
    (void)data;
    (void)len;
    return NET_BAD;
}

static void starting_fails_cleanly(void **state)
{
    struct net_service service = {.frame = frame};
    struct stats_counters stats = {0};
    unsigned before = line_count_fds();
    enum di_err err = DI_NOMEM;
    int n;

    (void)state;
    is_client = false;
    for (n = 1; err != DI_OK; n++) {
        struct net_server_config cfg = line_config();
        struct net_server *server = NULL;
        char why[160] = "";

        atomic_store(&left, n);
        err = net_server_start(&cfg, &service, NULL, &stats, &server, why);
        never_fail();
        if (err == DI_OK) {
            net_server_stop(server, 0);
            net_server_free(server);
        } else {
            assert_true(err == DI_NOMEM || err == DI_LIMIT);
            assert_null(server);
            assert_non_null(strstr(why, "cannot"));
        }
        assert_int_equal(line_count_fds(), before);
    }
    assert_true(n > 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_server_survives_each_failure),
        cmocka_unit_test(starting_fails_cleanly),
    };

    signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
