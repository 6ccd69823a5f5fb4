/*
 * The state word under contention, and connections whose reading and sending is not plain TCP: as
 * an encrypted one, they hold input that epoll cannot see and must read before they can send.
 */
#include "../../src/net/server_impl.h"
#include "../support/line_service.h"

#include "p2pdi/base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

/* ---- the word ---- */

/*
 * Two threads act as the listener and a worker. The listener makes things happen and tells; who owns
 * the connection takes in all that happened. In the end nothing may be left that nobody looked at.
 */
struct race {
    struct net_conn conn;
    _Atomic(unsigned) happened; /* the outside world: what a recv() would find */
    unsigned seen;              /* the owner's */
    _Atomic(bool) queued;       /* handed to the worker */
    _Atomic(bool) over;
};

static void own(struct race *r)
{
    do {
        net_conn_hear(&r->conn);
        r->seen = atomic_load(&r->happened);
    } while (!net_conn_release(&r->conn));
}

static void race_worker(void *arg)
{
    struct race *r = arg;

    while (!atomic_load(&r->over))
        if (atomic_exchange(&r->queued, false))
            own(r);
}

static void no_news_are_lost_and_there_is_one_owner(void **state)
{
    enum { EVENTS = 50000, BUSY = 2 };
    struct race *r = calloc(1, sizeof(*r));
    struct thread worker;
    unsigned noted = 0;

    (void)state;
    assert_non_null(r);
    atomic_store(&r->conn.word, (uint64_t)7 << 32 | BUSY);
    assert_true(net_conn_release(&r->conn));
    assert_int_equal(thread_start(&worker, "worker", race_worker, r), DI_OK);
    for (unsigned i = 1; i <= EVENTS; i++) {
        atomic_store(&r->happened, i);
        switch (net_conn_claim(&r->conn, 7, NEWS_INPUT)) {
        case CLAIM_OWNED:
            /* The sanitizer would see `seen` written by two at once. */
            if (i % 2 == 0)
                own(r);
            else
                atomic_store(&r->queued, true);
            break;
        case CLAIM_NOTED:
            noted++;
            break;
        case CLAIM_STALE:
            fail();
        }
    }
    WAIT_UNTIL(net_conn_claim(&r->conn, 7, 0) == CLAIM_OWNED);
    assert_int_equal(r->seen, EVENTS);
    atomic_store(&r->over, true);
    thread_join(&worker);
    print_message("%u of %d events met a busy connection\n", noted, EVENTS);
    free(r);
}

static void another_generation_is_stale(void **state)
{
    struct net_conn *c = calloc(1, sizeof(*c));

    (void)state;
    assert_non_null(c);
    assert_int_equal(net_conn_claim(c, 0, NEWS_INPUT), CLAIM_STALE); /* free */
    atomic_store(&c->word, (uint64_t)7 << 32 | 1);
    assert_int_equal(net_conn_claim(c, 6, NEWS_INPUT), CLAIM_STALE);
    assert_int_equal(net_conn_claim(c, 7, 0), CLAIM_OWNED);
    assert_int_equal(net_conn_claim(c, 7, NEWS_ROOM), CLAIM_NOTED);
    assert_false(net_conn_release(c));
    net_conn_hear(c);
    assert_true(net_conn_release(c));
    free(c);
}

/* ---- another door ---- */

/*
 * Takes all there is from the socket at once, but hands out three bytes a call. A '#' is the other
 * side's leave to send; it is kept from the application. Each send needs one.
 */
struct veil {
    char held[65536];
    size_t len;
    unsigned leaves;
};

static struct veil *veil_of(struct net_io *io)
{
    if (io->session == NULL)
        io->session = calloc(1, sizeof(struct veil));
    return io->session;
}

static enum net_io_status fill(struct net_io *io, struct veil *v)
{
    char bytes[4096];
    size_t n = 0;
    enum net_io_status status = net_io_plain.recv(io, bytes, sizeof(bytes), &n);

    for (size_t i = 0; status == NET_IO_OK && i < n; i++) {
        if (bytes[i] == '#')
            v->leaves++;
        else if (v->len < sizeof(v->held))
            v->held[v->len++] = bytes[i];
    }
    return status;
}

static enum net_io_status veil_recv(struct net_io *io, void *bytes, size_t cap, size_t *got)
{
    struct veil *v = veil_of(io);

    while (v->len == 0) {
        enum net_io_status status = fill(io, v);

        if (status != NET_IO_OK)
            return status;
    }
    *got = v->len < 3 ? v->len : 3;
    if (*got > cap)
        *got = cap;
    memcpy(bytes, v->held, *got);
    v->len -= *got;
    memmove(v->held, v->held + *got, v->len);
    return NET_IO_OK;
}

static enum net_io_status veil_sendv(struct net_io *io, struct iovec *vec, int count, bool more,
                                     size_t *sent)
{
    struct veil *v = veil_of(io);

    while (v->leaves == 0) {
        enum net_io_status status = fill(io, v);

        if (status != NET_IO_OK)
            return status;
    }
    v->leaves--;
    return net_io_plain.sendv(io, vec, count, more, sent);
}

static void veil_end(struct net_io *io)
{
    net_io_plain.end(io);
}

static void veil_close(struct net_io *io)
{
    free(io->session);
    net_io_plain.close(io);
}

static const struct net_io_ops veil_ops = {
    .recv = veil_recv,
    .sendv = veil_sendv,
    .end = veil_end,
    .close = veil_close,
};

static struct line_service *start_veiled(void)
{
    struct net_server_config cfg = line_config();
    struct line_service *ls = line_service_start(&cfg);

    /* The listener takes this lock before it accepts. */
    lock_acquire(&ls->server->box.lock);
    ls->server->io_ops = &veil_ops;
    lock_release(&ls->server->box.lock);
    return ls;
}

static void sending_may_wait_for_reading(void **state)
{
    struct line_service *ls = start_veiled();
    int fd = line_connect(net_server_addr(ls->server));
    char byte;

    (void)state;
    for (int i = 0; i < 100; i++) {
        line_send(fd, "echo something longer than three bytes\n");
        WAIT_UNTIL(STATS_GET(&ls->stats, requests_total) == i + 1);
        assert_int_equal(recv(fd, &byte, 1, MSG_DONTWAIT), -1);
        line_send(fd, "#");
        line_expect(fd, "something longer than three bytes\n");
    }
    close(fd);
    line_service_stop(ls);
}

/* Both requests arrive together; of the second epoll never tells. */
static void input_that_epoll_cannot_see_is_served(void **state)
{
    struct line_service *ls = start_veiled();
    int fd = line_connect(net_server_addr(ls->server));

    (void)state;
    for (int i = 0; i < 100; i++) {
        line_send(fd, "####echo one\nclosed?\nbody 5\n12345park\necho two\n");
        line_service_wait_parked(ls, (unsigned)i + 1);
        line_service_answer(ls, (unsigned)i, "parked\n");
        line_send(fd, "####");
        line_expect(fd, "one\nwhat?\nok\nparked\ntwo\n");
    }
    close(fd);
    line_service_stop(ls);
}

static void a_file_is_sent_without_sendfile(void **state)
{
    struct line_service *ls = start_veiled();
    char path[] = "/tmp/p2pdi-test-XXXXXX";
    char leaves[1024];
    int fd;

    (void)state;
    ls->file_fd = mkstemp(path);
    assert_true(ls->file_fd >= 0);
    unlink(path);
    ls->file_len = 3000000;
    assert_int_equal(ftruncate(ls->file_fd, (off_t)ls->file_len), 0);
    fd = line_connect(net_server_addr(ls->server));
    memset(leaves, '#', sizeof(leaves));
    line_send_bytes(fd, leaves, sizeof(leaves));
    line_send(fd, "file\n");
    line_expect(fd, "file:");
    line_expect_zeros(fd, ls->file_len);
    line_expect(fd, "\n");
    close(fd);
    line_service_stop(ls);
}

/* ---- the last packet ---- */

static _Atomic(int) held;

static void count_hold(struct net_io *io)
{
    net_io_plain.hold(io);
    atomic_fetch_add(&held, 1);
}

static void only_the_last_answer_is_held_for_the_end(void **state)
{
    struct net_server_config cfg = line_config();
    struct line_service *ls = line_service_start(&cfg);
    struct net_io_ops ops = net_io_plain;
    int fd;

    (void)state;
    ops.hold = count_hold;
    /* The listener takes this lock before it accepts. */
    lock_acquire(&ls->server->box.lock);
    ls->server->io_ops = &ops;
    lock_release(&ls->server->box.lock);
    atomic_store(&held, 0);

    fd = line_connect(net_server_addr(ls->server));
    line_send(fd, "echo one\n");
    line_expect(fd, "one\n");
    assert_int_equal(atomic_load(&held), 0);
    /* Parked, though it is to close: what was answered before does not wait. */
    line_send(fd, "echo two\nself\n");
    line_expect(fd, "two\nself\n");
    line_expect_end(fd, false);
    assert_int_equal(atomic_load(&held), 1);
    close(fd);

    fd = line_connect(net_server_addr(ls->server));
    line_send(fd, "close three\n");
    line_expect(fd, "three\n");
    line_expect_end(fd, false);
    assert_int_equal(atomic_load(&held), 2);
    close(fd);
    line_service_stop(ls);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_news_are_lost_and_there_is_one_owner),
        cmocka_unit_test(another_generation_is_stale),
        cmocka_unit_test(sending_may_wait_for_reading),
        cmocka_unit_test(input_that_epoll_cannot_see_is_served),
        cmocka_unit_test(a_file_is_sent_without_sendfile),
        cmocka_unit_test(only_the_last_answer_is_held_for_the_end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
