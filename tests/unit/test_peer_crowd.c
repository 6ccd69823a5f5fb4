/*
 * A peer among many: whom it knows of, asks and listens to does not grow with their number. The
 * crowd is one thread with a listening socket for each of them; it holds nothing, counts who is
 * asked how often, and holds long polls back for as long as they allow.
 */
#include "peer_world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "p2pdi/base/clock.h"
#include "p2pdi/base/text.h"

#include <arpa/inet.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define CROWD 300
#define OPEN_MAX 256
#define NEAR 8    /* NEAR_MAX of src/peer/neighbours.h */
#define FIRST 56  /* near ones, and those asked once at the start of a get */
#define BESIDES 4 /* asked in turn in each round */

struct visitor {
    int fd;
    int64_t until_us; /* when its long poll is over; 0: nothing has come yet */
};

static struct {
    struct pollfd at[CROWD + OPEN_MAX];
    struct visitor visitor[OPEN_MAX];
    size_t visitors;
    uint16_t port[CROWD];
    struct thread thread;

    struct lock lock;
    struct cond was_asked;
    /* guarded by lock */
    unsigned asked[CROWD];
    unsigned rounds; /* how often the one was asked that was asked most */
    bool stop;
} crowd;

static void listen_at(size_t i)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t len = sizeof(a);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_true(fd >= 0 && bind(fd, (struct sockaddr *)&a, sizeof(a)) == 0 && listen(fd, 16) == 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &len), 0);
    crowd.at[i] = (struct pollfd){.fd = fd, .events = POLLIN};
    crowd.port[i] = ntohs(a.sin_port);
}

static void leave(size_t i)
{
    (void)close(crowd.visitor[i].fd);
    crowd.visitor[i] = crowd.visitor[--crowd.visitors];
}

/* Answers, or keeps what wants to wait. Requests are small: they come whole. */
static void hear(size_t i, int64_t now_us)
{
    static const char rows[] = "RFC\tTitle\tHostname\tPort\tTTL\tSize\tSHA-256\n";
    char text[2048];
    ssize_t n = recv(crowd.visitor[i].fd, text, sizeof(text) - 1, 0);

    if (n > 0 && crowd.visitor[i].until_us == 0) {
        text[n] = '\0';
        if (strstr(text, "Wait: ") != NULL) {
            crowd.visitor[i].until_us = now_us + 2 * CLOCK_US_PER_S;
            return;
        }
        if (strstr(text, "Since: ") != NULL)
            n = snprintf(text, sizeof(text),
                         "P2P-DI/1.0 304 Not Modified\r\nIndex-Version: 1\r\n\r\n");
        else
            n = snprintf(text, sizeof(text),
                         "P2P-DI/1.0 200 OK\r\nIndex-Version: 1\r\nContent-Length: %zu\r\n\r\n%s",
                         sizeof(rows) - 1, rows);
        (void)!send(crowd.visitor[i].fd, text, (size_t)n, MSG_NOSIGNAL);
    }
    leave(i);
}

static void count_question(size_t i)
{
    lock_acquire(&crowd.lock);
    crowd.asked[i]++;
    if (crowd.asked[i] > crowd.rounds)
        crowd.rounds = crowd.asked[i];
    cond_signal(&crowd.was_asked);
    lock_release(&crowd.lock);
}

static bool shall_stop(void)
{
    lock_acquire(&crowd.lock);
    bool stop = crowd.stop;
    lock_release(&crowd.lock);
    return stop;
}

static void serve(void *arg)
{
    (void)arg;
    while (!shall_stop()) {
        for (size_t i = 0; i < crowd.visitors; i++)
            crowd.at[CROWD + i] = (struct pollfd){.fd = crowd.visitor[i].fd, .events = POLLIN};

        size_t visitors = crowd.visitors;
        int some = poll(crowd.at, CROWD + visitors, 50);
        int64_t now_us = clock_mono_us();

        for (size_t i = visitors; i-- > 0;) {
            if (some > 0 && crowd.at[CROWD + i].revents != 0) {
                hear(i, now_us);
            } else if (crowd.visitor[i].until_us != 0 && now_us >= crowd.visitor[i].until_us) {
                static const char same[] =
                    "P2P-DI/1.0 304 Not Modified\r\nIndex-Version: 1\r\n\r\n";

                (void)!send(crowd.visitor[i].fd, same, sizeof(same) - 1, MSG_NOSIGNAL);
                leave(i);
            }
        }
        for (size_t i = 0; i < CROWD && some > 0; i++) {
            if (crowd.at[i].revents == 0 || crowd.visitors == OPEN_MAX)
                continue;
            crowd.visitor[crowd.visitors++] =
                (struct visitor){.fd = accept(crowd.at[i].fd, NULL, NULL)};
            count_question(i);
        }
    }
}

/* All of them register over one connection. */
/* The first so many are gone then, but are listed all the same. */
static void crowd_start(const struct world *w, size_t gone)
{
    struct buf text;
    size_t len = 0;

    buf_init(&text, (size_t)1 << 20);
    for (size_t i = 0; i < CROWD; i++) {
        listen_at(i);
        buf_printf(&text, "REGISTER P2P-DI/1.0\r\nPort: %u\r\n%s\r\n", (unsigned)crowd.port[i],
                   i + 1 == CROWD ? "Connection: close\r\n" : "");
    }
    buf_append(&text, "", 1);

    char *answers = raw_exchange(&w->rs_addr, buf_bytes(&text), &len);
    size_t good = 0;

    for (const char *at = answers; (at = strstr(at, " 200 OK")) != NULL; at++)
        good++;
    assert_int_equal(good, CROWD);
    free(answers);
    buf_fini(&text);
    lock_init(&crowd.lock);
    cond_init(&crowd.was_asked);
    crowd.stop = false;
    crowd.rounds = 0;
    memset(crowd.asked, 0, sizeof(crowd.asked));
    for (size_t i = 0; i < gone; i++) {
        assert_int_equal(close(crowd.at[i].fd), 0);
        crowd.at[i].fd = -1;
    }
    assert_int_equal(thread_start(&crowd.thread, "crowd", serve, NULL), DI_OK);
}

static void crowd_stop(void)
{
    lock_acquire(&crowd.lock);
    crowd.stop = true;
    lock_release(&crowd.lock);
    thread_join(&crowd.thread);
    while (crowd.visitors > 0)
        leave(0);
    for (size_t i = 0; i < CROWD; i++)
        (void)close(crowd.at[i].fd);
    cond_fini(&crowd.was_asked);
    lock_fini(&crowd.lock);
}

/* How many were asked at least so often. */
static size_t asked_often_locked(unsigned times)
{
    size_t count = 0;

    lock_assert_held(&crowd.lock);
    for (size_t i = 0; i < CROWD; i++)
        count += crowd.asked[i] >= times;
    return count;
}

static void who_is_listened_to_does_not_grow_with_the_swarm(void **state)
{
    struct world w;
    struct node n;
    int64_t end_us = clock_mono_us() + 60 * CLOCK_US_PER_S;

    (void)state;
    world_start(&w);
    crowd_start(&w, 0);
    node_init(&n, "one");
    node_start(&n, &w);
    assert_int_equal(peer_sync(n.peer), DI_OK);
    /* A round and a long poll each time: so the near ones have been asked again and again. */
    lock_acquire(&crowd.lock);
    while (crowd.rounds < 7 && cond_wait_until(&crowd.was_asked, &crowd.lock, end_us))
        continue;

    unsigned rounds = crowd.rounds;
    size_t often = asked_often_locked(5), once = asked_often_locked(1);

    lock_release(&crowd.lock);
    assert_true(rounds >= 7);
    assert_in_range(often, NEAR / 2, NEAR);
    assert_in_range(once, NEAR, FIRST + BESIDES * rounds);
    node_stop(&n);
    node_fini(&n);
    crowd_stop();
    world_stop(&w);
}

/* Nobody near has it, and the RS's sample need not name who does. */
static void what_nobody_near_holds_is_found_all_the_same(void **state)
{
    struct world w;
    struct node holder, n;

    (void)state;
    world_start(&w);
    node_init(&holder, "holder");
    node_write(&holder, 8609, 1, 30000);
    node_start(&holder, &w);
    assert_int_equal(peer_register(holder.peer, WORLD_WAIT_US), DI_OK);
    crowd_start(&w, 0);
    node_init(&n, "one");
    node_start(&n, &w);

    struct peer_result r = node_get(&n, 8609, NULL);

    assert_int_equal(r.done, 1);
    assert_true(node_holds(&n, 8609, 1, 30000));
    /* And what nobody has, is given up after all were asked that can be known of. */
    r = node_get(&n, 8610, NULL);
    assert_int_equal(r.nobody, 1);
    node_stop(&n);
    node_fini(&n);
    node_stop(&holder);
    node_fini(&holder);
    crowd_stop();
    world_stop(&w);
}

/* Everyone else has been heard, and all have their turn: else the rounds have never asked all. */
static void one_that_is_gone_does_not_keep_a_search_from_its_end(void **state)
{
    struct world w;
    struct node n;
    (void)state;
    world_start(&w);
    crowd_start(&w, 1);
    node_init(&n, "one");
    node_start(&n, &w);
    for (uint32_t rfc = 8610; rfc < 8613; rfc++)
        assert_int_equal(node_get(&n, rfc, NULL).nobody, 1);
    node_fini(&n);
    crowd_stop();
    world_stop(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_that_is_gone_does_not_keep_a_search_from_its_end),
        cmocka_unit_test(who_is_listened_to_does_not_grow_with_the_swarm),
        cmocka_unit_test(what_nobody_near_holds_is_found_all_the_same),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
