/* The counters and their Prometheus text. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "p2pdi/base/thread.h"
#include "p2pdi/stats/counters.h"

static void bump(void *arg)
{
    struct stats_counters *s = arg;

    for (int i = 0; i < 10000; i++) {
        STATS_ADD(s, requests_total, 1);
        STATS_ADD(s, connections_open, i % 2 == 0 ? 1 : -1);
    }
}

static void threads_lose_no_count(void **state)
{
    struct stats_counters s = {0};
    struct thread t[4];

    (void)state;
    for (int i = 0; i < 4; i++)
        assert_int_equal(thread_start(&t[i], "bump", bump, &s), DI_OK);
    for (int i = 0; i < 4; i++)
        thread_join(&t[i]);
    assert_int_equal(STATS_GET(&s, requests_total), 40000);
    assert_int_equal(STATS_GET(&s, connections_open), 0);
    STATS_SET(&s, connections_open, 3);
    assert_int_equal(STATS_GET(&s, connections_open), 3);
}

static void text_has_help_type_and_value_of_each(void **state)
{
    struct stats_counters s = {0};
    struct buf out;
    size_t names = 0, lines = 0;

    (void)state;
    buf_init(&out, 1u << 16);
    STATS_SET(&s, peers_active, 5);
    STATS_SET(&s, bytes_sent_total, INT64_MAX);
    stats_format_prometheus(&out, &s, "rs");
    assert_int_equal(buf_status(&out), DI_OK);
    buf_append_char(&out, '\0');

    const char *text = buf_bytes(&out);

    assert_non_null(strstr(text, "# HELP p2pdi_peers_active Peers active now\n"
                                 "# TYPE p2pdi_peers_active gauge\n"
                                 "p2pdi_peers_active{role=\"rs\"} 5\n"));
    assert_non_null(strstr(text, "\np2pdi_bytes_sent_total{role=\"rs\"} 9223372036854775807\n"));
#define X(name, kind, help) names++;
    STATS_MAP(X)
#undef X
    for (const char *c = text; *c != '\0'; c++)
        lines += *c == '\n';
    assert_int_equal(lines, 3 * names);
    buf_fini(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(threads_lose_no_count),
        cmocka_unit_test(text_has_help_type_and_value_of_each),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
