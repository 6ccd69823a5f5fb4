/* A server without memory for a moment: who it said is registered is there after a restart. */
/* ld: -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc,--wrap=strndup */
#include "../support/failing_alloc.h"

#include "p2pdi/base/clock.h"
#include "p2pdi/base/log.h"
#include "p2pdi/net/stream.h"
#include "p2pdi/rs/rs.h"

#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define SOON (clock_mono_us() + 20 * CLOCK_US_PER_S)
#define PLACE "REGISTER P2P-DI/1.0\r\nHost: %s\r\nPort: 40001\r\nConnection: close\r\n\r\n"

static char dir[64];

static void ignore_line(void *arg, enum log_level level, const char *line)
{
    (void)arg;
    (void)level;
    (void)line;
}

static bool count_one(void *arg, const struct peer_record *r)
{
    (void)r;
    ++*(size_t *)arg;
    return true;
}

/* Takes the registry's lock: whoever tells of a message must not hold it. */
static void look_around(void *arg, bool received, const struct addr *remote, const char *bytes,
                        size_t len)
{
    (void)received;
    (void)remote;
    (void)bytes;
    (void)len;
    size_t count = 0;
    rs_walk(*(struct rs **)arg, count_one, &count);
}

static struct rs *start(void)
{
    static struct rs *rs;
    struct rs_config cfg = {
        .listen = addr_ipv4(127, 0, 0, 1, 0),
        .state = dir,
        .workers = 1,
        .trace = look_around,
        .trace_arg = &rs,
    };
    char why[256] = "";
    if (rs_start(&cfg, &rs, why) != DI_OK)
        fail_msg("rs_start: %s", why);
    return rs;
}

/* One request over a connection of its own; what came until its end, if anything came. */
static void ask(struct rs *rs, const char *request, char *answer, size_t size)
{
    struct net_stream *stream = NULL;
    size_t len = 0, got = 0;
    assert_int_equal(net_stream_open(rs_addr(rs), SOON, NULL, &stream), DI_OK);
    if (net_stream_send(stream, request, strlen(request), SOON) == DI_OK)
        while (len + 1 < size &&
               net_stream_recv(stream, answer + len, size - 1 - len, &got, SOON) == DI_OK)
            len += got;
    answer[len] = '\0';
    net_stream_close(stream);
}

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
    (void)st;
    (void)flag;
    (void)ftw;
    return remove(path);
}

static void who_was_registered_is_not_forgotten_for_one_that_was_not(void **state)
{
    (void)state;
    char request[200], answer[4096];
    int failures = 0, refused = 0;
    log_set_sink(ignore_line, NULL);
    for (int n = 1;; n++) {
        snprintf(dir, sizeof(dir), "%s", "/tmp/test_rs_nomem.XXXXXX");
        assert_non_null(mkdtemp(dir));
        struct rs *rs = start();
        snprintf(request, sizeof(request), PLACE, "first");
        ask(rs, request, answer, sizeof(answer));
        assert_non_null(strstr(answer, " 200 "));

        snprintf(request, sizeof(request), PLACE, "second");
        struct net_stream *stream = NULL;
        assert_int_equal(net_stream_open(rs_addr(rs), SOON, NULL, &stream), DI_OK);
        failing_alloc_at(n);
        size_t got = 0;
        answer[0] = '\0';
        assert_int_equal(net_stream_send(stream, request, strlen(request), SOON), DI_OK);
        if (net_stream_recv(stream, answer, sizeof(answer) - 1, &got, SOON) == DI_OK)
            answer[got] = '\0';
        bool failed = failing_alloc_off();
        net_stream_close(stream);
        rs_stop(rs);
        failures += failed;
        refused += strstr(answer, " 200 ") == NULL;

        rs = start();
        const char *now = strstr(answer, " 200 ") != NULL ? "second" : "first";
        ask(rs, "PQUERY P2P-DI/1.0\r\nConnection: close\r\n\r\n", answer, sizeof(answer));
        if (strstr(answer, "\t40001\t") == NULL)
            fail_msg("without allocation %d: nobody is at the port any more: %s", n, answer);
        if (strcmp(now, "second") == 0)
            assert_null(strstr(answer, "first"));
        rs_stop(rs);
        nftw(dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
        if (!failed)
            break;
    }
    assert_true(failures > 3);
    assert_true(refused > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_was_registered_is_not_forgotten_for_one_that_was_not),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
