/* ld: -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc,--wrap=strndup */
/* The registration server without memory: what it acknowledged before is not lost by what it refuses. */
#include "../support/failing_alloc.h"
#include "store_help.h"

#include "p2pdi/rs/rs.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

static void start(const char *dir, struct rs **out)
{
    struct rs_config cfg = {.listen = addr_ipv4(127, 0, 0, 1, 0), .state = dir, .workers = 1};
    char why[256] = "";
    if (rs_start(&cfg, out, why) != DI_OK)
        fail_msg("rs_start: %s", why);
}

/* One connection, one request; the whole answer, or what came of it. Asks for no memory. */
static void exchange(const struct rs *rs, const char *request, char answer[2000])
{
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons(rs_addr(rs)->port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    size_t len = 0;
    ssize_t n = 0;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof(to)), 0);
    assert_int_equal(send(fd, request, strlen(request), MSG_NOSIGNAL), strlen(request));
    while (len < 1999 && (n = recv(fd, answer + len, 1999 - len, 0)) > 0)
        len += (size_t)n;
    answer[len] = '\0';
    assert_int_equal(close(fd), 0);
}

#define REGISTER "REGISTER P2P-DI/1.0\r\nPort: 40001\r\nConnection: close\r\n\r\n"
#define PQUERY "PQUERY P2P-DI/1.0\r\nConnection: close\r\n\r\n"

static void a_failed_register_leaves_the_one_before_at_its_address(void **state)
{
    char dir[256], answer[2000];
    struct rs *rs = NULL;
    int refused = 0;
    bool failed = true;
    (void)state;
    help_make_dir(dir, "rs");
    for (int n = 1; failed; n++) {
        start(dir, &rs);
        exchange(rs, REGISTER, answer);
        assert_memory_equal(answer, "P2P-DI/1.0 200", 14);
        failing_alloc_at(n);
        exchange(rs, REGISTER, answer);
        failed = failing_alloc_off();
        refused += strncmp(answer, "P2P-DI/1.0 200", 14) != 0;
        rs_stop(rs);

        start(dir, &rs);
        exchange(rs, PQUERY, answer);
        assert_memory_equal(answer, "P2P-DI/1.0 200", 14);
        assert_non_null(strstr(answer, "\t40001\t"));
        assert_non_null(strstr(answer, "Active-Peers: 1\r\n"));
        rs_stop(rs);
    }
    assert_true(refused > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_failed_register_leaves_the_one_before_at_its_address),
    };
    return cmocka_run_group_tests_name("rs_nomem", tests, NULL, NULL);
}
