/* See canned.h. */
#include "canned.h"

#include "p2pdi/base/clock.h"
#include "p2pdi/service/service.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

static void serve(void *ctx, struct net_conn *conn, const char *message, size_t len)
{
    struct canned *c = ctx;
    struct wire_request q = {0};
    struct wire_fault fault = {0};
    const char *answer = NULL;
    size_t bytes = 0;

    lock_acquire(&c->lock);
    if (wire_request_parse(message, len, &q, &fault) == 0) {
        const char **says = c->says[q.method];
        size_t at = c->asked[q.method]++, last = 0;

        while (last + 1 < CANNED_ANSWERS && says[last + 1] != NULL)
            last++;
        answer = says[at < last ? at : last];
        bytes = answer == NULL || c->len[q.method] > 0 ? c->len[q.method] : strlen(answer);
        cond_broadcast(&c->was_asked);
    }
    if (answer != NULL)
        net_conn_send(conn, answer, bytes);
    else
        net_conn_close_after(conn);
    lock_release(&c->lock);
}

void canned_say(struct canned *c, enum wire_method method, const char *first, const char *second)
{
    lock_acquire(&c->lock);
    c->says[method][0] = first;
    c->says[method][1] = second;
    c->len[method] = 0;
    c->asked[method] = 0;
    lock_release(&c->lock);
}

void canned_say_bytes(struct canned *c, enum wire_method method, const char *bytes, size_t len)
{
    lock_acquire(&c->lock);
    c->says[method][0] = bytes;
    c->says[method][1] = NULL;
    c->len[method] = len;
    c->asked[method] = 0;
    lock_release(&c->lock);
}

void canned_wait(struct canned *c, enum wire_method method, size_t times)
{
    int64_t end_us = clock_mono_us() + 60 * CLOCK_US_PER_S;

    lock_acquire(&c->lock);
    while (c->asked[method] < times)
        if (!cond_wait_until(&c->was_asked, &c->lock, end_us))
            fail_msg("not asked %zu times", times);
    lock_release(&c->lock);
}

void canned_start(struct canned *c)
{
    static const struct net_service service = {
        .frame = service_frame,
        .serve = serve,
        .refuse = service_refuse,
    };
    struct net_server_config cfg = {
        .listen = addr_ipv4(127, 0, 0, 1, 0),
        .workers = 2,
        .message_max = WIRE_HEAD_MAX,
        .name = "canned",
    };
    char why[160];

    *c = (struct canned){0};
    lock_init(&c->lock);
    cond_init(&c->was_asked);
    assert_int_equal(net_server_start(&cfg, &service, c, &c->stats, &c->server, why), DI_OK);
    c->addr = *net_server_addr(c->server);
}

void canned_stop(struct canned *c)
{
    net_server_stop(c->server, 0);
    net_server_free(c->server);
    cond_fini(&c->was_asked);
    lock_fini(&c->lock);
}
