/* The send queue: order, partial sends at every byte, files, and giving back what was borrowed. */
#include "../../src/net/output.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

/* A sink that takes a few bytes at a time and says "full" in between. */
struct sink {
    char got[100000];
    size_t len;
    size_t bite; /* bytes taken by one call */
    bool full;   /* the next call is told to come again */
    bool never_full;
    unsigned more, calls; /* calls with more set; all */
    bool last_more;
    enum net_io_status say;
};

static enum net_io_status sink_sendv(struct net_io *io, struct iovec *v, int count, bool more,
                                     size_t *sent)
{
    struct sink *s = io->session;
    size_t room = s->bite;

    s->calls++;
    s->more += more;
    s->last_more = more;
    if (s->say != NET_IO_OK)
        return s->say;
    if (s->full && !s->never_full) {
        s->full = false;
        return NET_IO_WANT_WRITE;
    }
    s->full = true;
    *sent = 0;
    for (int i = 0; i < count && room > 0; i++) {
        size_t n = v[i].iov_len < room ? v[i].iov_len : room;

        assert_true(n > 0);
        assert_true(s->len + n <= sizeof(s->got));
        memcpy(s->got + s->len, v[i].iov_base, n);
        s->len += n;
        *sent += n;
        room -= n;
    }
    return NET_IO_OK;
}

static enum net_io_status sink_sendfile(struct net_io *io, int fd, uint64_t offset, size_t len,
                                        size_t *sent)
{
    char bytes[64];
    ssize_t n = pread(fd, bytes, len < sizeof(bytes) ? len : sizeof(bytes), (off_t)offset);
    struct iovec v = {.iov_base = bytes, .iov_len = (size_t)n};

    assert_true(n >= 0);
    *sent = 0;
    return n == 0 ? NET_IO_OK : sink_sendv(io, &v, 1, false, sent);
}

static const struct net_io_ops dry_ops = {
    .short_means_dry = true, .sendv = sink_sendv, .sendfile = sink_sendfile};
static const struct net_io_ops no_sendfile_ops = {.sendv = sink_sendv};

static int released;

static void release(void *arg)
{
    int *order = arg;

    *order = ++released;
}

static int temporary_file(const char *text)
{
    char path[] = "/tmp/p2pdi-test-XXXXXX";
    int fd = mkstemp(path);

    assert_true(fd >= 0);
    unlink(path);
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    return fd;
}

static enum net_io_status flush_all(struct net_output *o, struct net_io *io, uint64_t *sent)
{
    enum net_io_status status = NET_IO_WANT_WRITE;

    for (int i = 0; i < 1000000 && status == NET_IO_WANT_WRITE; i++)
        status = net_output_flush(o, io, UINT64_MAX, sent);
    return status;
}

static void pieces_arrive_in_order_whatever_the_bite(void **state)
{
    static const char want[] = "copied, also copied, taken, shared, file, end";
    int fd = temporary_file("xx file, xx");

    (void)state;
    for (int with_sendfile = 0; with_sendfile < 2; with_sendfile++) {
        for (size_t bite = 1; bite < sizeof(want) + 1; bite++) {
            struct sink *s = calloc(1, sizeof(*s));
            struct net_io io = {.ops = with_sendfile ? &dry_ops : &no_sendfile_ops, .session = s};
            struct net_output *o = net_output_new();
            struct buf b;
            int order[2] = {0};
            uint64_t sent = 0;

            assert_non_null(s);
            assert_non_null(o);
            s->bite = bite;
            released = 0;
            buf_init(&b, 100);
            buf_append_str(&b, "-taken, ");
            buf_consume(&b, 1);
            net_output_copy(o, "copied, ", 8);
            net_output_copy(o, "also copied, ", 13);
            net_output_take(o, &b);
            net_output_share(o, "shared, ", 8, release, &order[0]);
            net_output_share(o, "", 0, NULL, NULL);
            net_output_file(o, fd, 3, 6, release, &order[1]);
            net_output_copy(o, "end", 3);
            assert_int_equal(o->size, sizeof(want) - 1);
            assert_int_equal(flush_all(o, &io, &sent), NET_IO_OK);
            assert_true(net_output_is_empty(o));
            assert_int_equal(sent, sizeof(want) - 1);
            assert_int_equal(s->len, sizeof(want) - 1);
            assert_memory_equal(s->got, want, s->len);
            assert_int_equal(order[0], 1);
            assert_int_equal(order[1], 2);
            net_output_free(o);
            buf_fini(&b);
            free(s);
        }
    }
    close(fd);
}

static void many_pieces_leave_in_few_calls(void **state)
{
    enum { N = 1000 };
    struct sink *s = calloc(1, sizeof(*s));
    struct net_io io = {.ops = &dry_ops, .session = s};
    struct net_output *o = net_output_new();
    int order[N];
    uint64_t sent = 0;

    (void)state;
    assert_non_null(s);
    assert_non_null(o);
    s->bite = SIZE_MAX;
    s->never_full = true;
    released = 0;
    for (int i = 0; i < N; i++) {
        net_output_copy(o, "abcdefgh", 8); /* more than the inner store holds, in the end */
        net_output_share(o, "12", 2, release, &order[i]);
    }
    assert_int_equal(net_output_flush(o, &io, UINT64_MAX, &sent), NET_IO_OK);
    assert_int_equal(sent, 10 * N);
    for (int i = 0; i < N; i++) {
        assert_memory_equal(s->got + 10 * (size_t)i, "abcdefgh12", 10);
        assert_int_equal(order[i], i + 1);
    }
    assert_in_range(s->calls, 1, 2 * N / 60 + 1);
    net_output_free(o);
    free(s);
}

static void a_head_waits_for_its_file(void **state)
{
    struct sink s = {.bite = SIZE_MAX, .never_full = true};
    struct net_io io = {.ops = &dry_ops, .session = &s};
    struct net_output *o = net_output_new();
    int fd = temporary_file("body");
    uint64_t sent = 0;

    (void)state;
    assert_non_null(o);
    net_output_copy(o, "head", 4);
    net_output_file(o, fd, 0, 4, NULL, NULL);
    assert_int_equal(net_output_flush(o, &io, UINT64_MAX, &sent), NET_IO_OK);
    assert_int_equal(s.calls, 2);
    assert_int_equal(s.more, 1);
    net_output_free(o);
    close(fd);
}

static void a_budget_ends_the_turn(void **state)
{
    struct sink s = {.bite = 10, .never_full = true};
    struct net_io io = {.ops = &no_sendfile_ops, .session = &s};
    struct net_output *o = net_output_new();
    char bytes[100] = {0};
    uint64_t sent = 0;

    (void)state;
    assert_non_null(o);
    net_output_share(o, bytes, sizeof(bytes), NULL, NULL);
    assert_int_equal(net_output_flush(o, &io, 25, &sent), NET_IO_OK);
    assert_int_equal(o->size, 75);
    assert_int_equal(net_output_flush(o, &io, 0, &sent), NET_IO_OK);
    assert_int_equal(o->size, 75);
    assert_int_equal(net_output_flush(o, &io, 1000, &sent), NET_IO_OK);
    assert_int_equal(sent, 100);
    net_output_free(o);
}

/* Of all kinds of pieces not one byte more; and none waits for what is held back by the budget. */
static void a_budget_is_kept_to_the_byte(void **state)
{
    static const char want[] = "copied, shared, from a file, end";
    int fd = temporary_file("xxfrom a file, xx");

    (void)state;
    for (int with_sendfile = 0; with_sendfile < 2; with_sendfile++) {
        for (uint64_t budget = 1; budget < sizeof(want); budget++) {
            struct sink *s = calloc(1, sizeof(*s));
            struct net_io io = {.ops = with_sendfile ? &dry_ops : &no_sendfile_ops, .session = s};
            struct net_output *o = net_output_new();
            uint64_t sent = 0;

            assert_non_null(s);
            assert_non_null(o);
            s->bite = sizeof(want);
            s->never_full = true;
            net_output_copy(o, "copied, ", 8);
            net_output_share(o, "shared, ", 8, NULL, NULL);
            net_output_file(o, fd, 2, 13, NULL, NULL);
            net_output_copy(o, "end", 3);
            while (o->size > 0) {
                uint64_t due = o->size < budget ? sizeof(want) - 1 : sent + budget;

                assert_int_equal(net_output_flush(o, &io, budget, &sent), NET_IO_OK);
                assert_int_equal(sent, due);
                assert_false(s->last_more);
            }
            assert_memory_equal(s->got, want, sizeof(want) - 1);
            net_output_free(o);
            free(s);
        }
    }
    close(fd);
}

static void a_file_that_ends_early_is_an_error(void **state)
{
    int fd = temporary_file("short");

    (void)state;
    for (int with_sendfile = 0; with_sendfile < 2; with_sendfile++) {
        struct sink s = {.bite = SIZE_MAX, .never_full = true};
        struct net_io io = {.ops = with_sendfile ? &dry_ops : &no_sendfile_ops, .session = &s};
        struct net_output *o = net_output_new();
        int order = 0;
        uint64_t sent = 0;

        assert_non_null(o);
        net_output_file(o, fd, 0, 100, release, &order);
        assert_int_equal(net_output_flush(o, &io, UINT64_MAX, &sent), NET_IO_ERROR);
        assert_int_equal(sent, 5);
        assert_int_equal(order, 0);
        released = 0;
        net_output_free(o);
        assert_int_equal(order, 1);
    }
    close(fd);
}

static void what_the_door_says_is_passed_on(void **state)
{
    static const enum net_io_status says[] = {NET_IO_WANT_READ, NET_IO_WANT_WRITE, NET_IO_ERROR};

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        struct sink s = {.say = says[i]};
        struct net_io io = {.ops = &dry_ops, .session = &s};
        struct net_output *o = net_output_new();
        uint64_t sent = 0;

        assert_non_null(o);
        net_output_copy(o, "x", 1);
        assert_int_equal(net_output_flush(o, &io, UINT64_MAX, &sent), says[i]);
        assert_int_equal(sent, 0);
        net_output_free(o);
    }
}

static void a_broken_buffer_breaks_the_output(void **state)
{
    struct sink s = {.bite = SIZE_MAX};
    struct net_io io = {.ops = &dry_ops, .session = &s};
    struct net_output *o = net_output_new();
    struct buf b;
    uint64_t sent = 0;

    (void)state;
    assert_non_null(o);
    buf_init(&b, 3);
    buf_append_str(&b, "four");
    net_output_take(o, &b);
    assert_false(net_output_is_empty(o));
    assert_int_equal(net_output_flush(o, &io, UINT64_MAX, &sent), NET_IO_ERROR);
    assert_int_equal(s.len, 0);
    net_output_free(o);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pieces_arrive_in_order_whatever_the_bite),
        cmocka_unit_test(many_pieces_leave_in_few_calls),
        cmocka_unit_test(a_head_waits_for_its_file),
        cmocka_unit_test(a_budget_ends_the_turn),
        cmocka_unit_test(a_budget_is_kept_to_the_byte),
        cmocka_unit_test(a_file_that_ends_early_is_an_error),
        cmocka_unit_test(what_the_door_says_is_passed_on),
        cmocka_unit_test(a_broken_buffer_breaks_the_output),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
