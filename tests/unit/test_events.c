/* Events, errors and traces as lines; what goes to which stream. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../src/cli/events.h"
#include "../../src/cli/progress.h"
#include "../../src/cli/table.h"

#include "p2pdi/base/log.h"

/* Ends a buffer as a string. */
static const char *text_of(struct buf *b)
{
    buf_append_char(b, '\0');
    assert_int_equal(buf_status(b), DI_OK);
    return buf_bytes(b);
}

static void assert_json(struct peer_event ev, const char *want)
{
    struct buf b;
    buf_init(&b, 65536);
    ev.at_us = 3250000;
    event_format_json(&b, &ev, 2000000);
    assert_string_equal(text_of(&b), want);
    buf_fini(&b);
}

static void assert_text(struct peer_event ev, const char *want)
{
    struct buf b;
    buf_init(&b, 65536);
    event_format_text(&b, &ev);
    assert_string_equal(text_of(&b), want);
    buf_fini(&b);
}

static void json_events_have_the_fields_of_the_contract(void **state)
{
    struct wire_peer_row row = {.addr = addr_ipv4(10, 0, 0, 1, 40001),
                                .peer = 7,
                                .active = true,
                                .ttl_s = 7100,
                                .registrations = 2,
                                .last_registered_s = 0,
                                .reachable = WIRE_REACHABLE_YES};
    struct sched_tried tried[2] = {{addr_ipv4(10, 0, 0, 1, 1), SCHED_REFUSED},
                                   {addr_ipv4(10, 0, 0, 2, 2), SCHED_MISMATCH}};
    struct addr here = addr_ipv4(127, 0, 0, 1, 40000);

    (void)state;
    assert_json((struct peer_event){.kind = PEER_EV_LISTENING, .addr = here},
                "{\"v\":1,\"event\":\"listening\",\"t\":1.250000,\"host\":\"127.0.0.1\","
                "\"port\":40000}\n");
    assert_json((struct peer_event){.kind = PEER_EV_REGISTERED, .peer_id = 12, .ttl_s = 7200},
                "{\"v\":1,\"event\":\"registered\",\"t\":1.250000,\"peer\":12,\"ttl\":7200,"
                "\"reachable\":\"unknown\"}\n");
    assert_json((struct peer_event){.kind = PEER_EV_LEFT},
                "{\"v\":1,\"event\":\"left\",\"t\":1.250000}\n");
    assert_json((struct peer_event){.kind = PEER_EV_PEERS},
                "{\"v\":1,\"event\":\"peers\",\"t\":1.250000,\"count\":0,\"peers\":[]}\n");
    assert_json((struct peer_event){.kind = PEER_EV_PEERS, .rows = &row, .count = 1},
                "{\"v\":1,\"event\":\"peers\",\"t\":1.250000,\"count\":1,\"peers\":[{\"host\":"
                "\"10.0.0.1\",\"port\":40001,\"peer\":7,\"active\":true,\"ttl\":7100,"
                "\"registrations\":2,\"last_registered\":\"1970-01-01T00:00:00Z\",\"reachable\":"
                "\"yes\"}]}\n");
    assert_json((struct peer_event){.kind = PEER_EV_INDEX, .documents = 60, .entries = 61},
                "{\"v\":1,\"event\":\"index\",\"t\":1.250000,\"rfcs\":60,\"entries\":61}\n");
    assert_json((struct peer_event){.kind = PEER_EV_DONE,
                                    .rfc = 8609,
                                    .addr = here,
                                    .bytes = 100,
                                    .wire_bytes = 40,
                                    .us = 1234,
                                    .sha256 = {{0xab}}},
                "{\"v\":1,\"event\":\"done\",\"t\":1.250000,\"rfc\":8609,\"from\":"
                "\"127.0.0.1:40000\",\"bytes\":100,\"wire_bytes\":40,\"us\":1234,\"sha256\":"
                "\"ab00000000000000000000000000000000000000000000000000000000000000\"}\n");
    assert_json((struct peer_event){.kind = PEER_EV_FAILED, .rfc = 5, .tried = tried, .count = 2},
                "{\"v\":1,\"event\":\"failed\",\"t\":1.250000,\"rfc\":5,\"tried\":[{\"from\":"
                "\"10.0.0.1:1\",\"why\":\"connection refused\"},{\"from\":\"10.0.0.2:2\",\"why\":"
                "\"content did not match its SHA-256\"}]}\n");
    assert_json(
        (struct peer_event){.kind = PEER_EV_COMPLETE, .files = 2, .bytes = 3, .us = 4},
        "{\"v\":1,\"event\":\"complete\",\"t\":1.250000,\"files\":2,\"bytes\":3,\"us\":4}\n");
    assert_json(
        (struct peer_event){.kind = PEER_EV_ERROR, .what = "a\"b", .why = "c", .hint = NULL},
        "{\"v\":1,\"event\":\"error\",\"t\":1.250000,\"what\":\"a\\\"b\",\"why\":\"c\","
        "\"hint\":\"\"}\n");
}

static void text_events_are_sentences(void **state)
{
    struct sched_tried tried[1] = {{addr_ipv4(10, 0, 0, 1, 1), SCHED_NOT_FOUND}};
    struct sched_tried here[2] = {{addr_ipv4(10, 0, 0, 1, 1), SCHED_LOCAL},
                                  {addr_ipv4(10, 0, 0, 2, 2), SCHED_REFUSED}};

    (void)state;
    assert_text((struct peer_event){.kind = PEER_EV_LISTENING, .addr = addr_ipv4(127, 0, 0, 1, 9)},
                "listening 127.0.0.1:9\n");
    assert_text((struct peer_event){.kind = PEER_EV_PEERS}, "no peer is active\n");
    assert_text((struct peer_event){.kind = PEER_EV_PEERS, .count = 1}, "1 peer is active\n");
    assert_text((struct peer_event){.kind = PEER_EV_FAILED, .rfc = 5, .tried = tried, .count = 1},
                "p2pdi: RFC 5 failed: 10.0.0.1:1 does not have it\n");
    assert_text((struct peer_event){.kind = PEER_EV_FAILED, .rfc = 5},
                "p2pdi: RFC 5 failed: nobody has it\n");
    assert_text((struct peer_event){.kind = PEER_EV_FAILED, .rfc = 5, .tried = here, .count = 1},
                "p2pdi: RFC 5 could not be stored here\n");
    assert_text((struct peer_event){.kind = PEER_EV_FAILED,
                                    .rfc = 5,
                                    .tried = here,
                                    .count = 2,
                                    .why = "no space left on the device"},
                "p2pdi: RFC 5 could not be stored here: no space left on the device; "
                "10.0.0.2:2 connection refused\n");
    assert_text(
        (struct peer_event){.kind = PEER_EV_ERROR, .what = "a \033[1mb", .why = "c", .hint = "d"},
        "p2pdi: a  [1mb: c\n  try: d\n");
}

static void a_trace_is_a_header_and_the_indented_message(void **state)
{
    static const char message[] =
        "P2P-DI/1.0 200 OK\r\nContent-Length: 9\r\n\r\nA\tB\n\033[2J\x01\n";
    struct addr from = addr_ipv4(127, 0, 0, 1, 40001);
    struct buf b;

    (void)state;
    buf_init(&b, 65536);
    trace_format(&b, true, &from, message, sizeof(message) - 1);
    trace_format(&b, false, &from, "x", 1);
    assert_string_equal(text_of(&b), "<- 127.0.0.1:40001\n   P2P-DI/1.0 200 OK\n"
                                     "   Content-Length: 9\n\n   A B\n    [2J \n"
                                     "-> 127.0.0.1:40001\n   x\n");
    buf_fini(&b);
}

/* ---- streams --------------------------------------------------------------------------------------- */

static int saved[2];
static char name[2][40];

/* From here on what goes to the two streams is caught. */
static void catch_streams(void)
{
    fflush(NULL);
    for (int i = 0; i < 2; i++) {
        snprintf(name[i], sizeof(name[i]), "./test_events.XXXXXX");
        int fd = mkstemp(name[i]);
        assert_true(fd >= 0);
        saved[i] = dup(i + 1);
        dup2(fd, i + 1);
        close(fd);
    }
}

static void release_streams(char text[2][4096])
{
    for (int i = 0; i < 2; i++) {
        dup2(saved[i], i + 1);
        close(saved[i]);
        FILE *f = fopen(name[i], "r");
        assert_non_null(f);
        text[i][fread(text[i], 1, 4095, f)] = '\0';
        fclose(f);
        unlink(name[i]);
    }
}

static void events_go_to_the_right_stream(void **state)
{
    struct peer_event error = {.kind = PEER_EV_ERROR, .what = "w", .why = "y", .hint = "h"};
    struct peer_event left = {.kind = PEER_EV_LEFT};
    struct addr from = addr_ipv4(127, 0, 0, 1, 40001);
    char text[2][4096];
    struct events e;

    (void)state;
    catch_streams();
    events_init(&e, 0);
    events_peer(&e, &left);
    events_peer(&e, &error);
    events_configure(&e, false, EVENTS_QUIET);
    events_peer(&e, &left);
    events_say(&e, "not said");
    events_peer(&e, &error);
    bool good = events_fini(&e);
    release_streams(text);
    assert_true(good);
    assert_string_equal(text[0], "");
    assert_string_equal(text[1], "left\np2pdi: w: y\n  try: h\np2pdi: w: y\n  try: h\n");

    catch_streams();
    events_init(&e, 0);
    events_configure(&e, true, EVENTS_NORMAL);
    events_peer(&e, &left);
    events_peer(&e, &error);
    events_trace(&e, true, &from, "x", 1);
    log_write(LOG_WARN, "%s", "a warning");
    good = events_fini(&e);
    release_streams(text);
    assert_true(good);
    assert_string_equal(text[0], "{\"v\":1,\"event\":\"left\",\"t\":0.000000}\n"
                                 "{\"v\":1,\"event\":\"error\",\"t\":0.000000,\"what\":\"w\","
                                 "\"why\":\"y\",\"hint\":\"h\"}\n");
    assert_string_equal(text[1], "p2pdi: w: y\n  try: h\n<- 127.0.0.1:40001\n   x\n"
                                 "p2pdi: warning: a warning\n");
}

static void numbers_that_stay_are_told_once(void **state)
{
    struct peer_event peers = {.kind = PEER_EV_PEERS, .count = 0};
    char text[2][4096];
    struct events e;

    (void)state;
    catch_streams();
    events_init(&e, 0);
    events_peer(&e, &peers);
    events_peer(&e, &peers);
    peers.count = 2;
    events_peer(&e, &peers);
    peers.count = 0;
    events_peer(&e, &peers);
    bool good = events_fini(&e);
    release_streams(text);
    assert_true(good);
    assert_string_equal(text[1], "no peer is active\n2 peers are active\nno peer is active\n");
}

static void fail_one(struct events *e, uint32_t rfc, enum sched_why why, int64_t at_us)
{
    struct sched_tried tried = {addr_ipv4(10, 0, 0, 1, 1), why};
    struct peer_event ev = {
        .kind = PEER_EV_FAILED, .rfc = rfc, .at_us = at_us, .tried = &tried, .count = 1};

    events_peer(e, &ev);
}

/* A holder that goes with a hundred documents unsent is a few lines, not a hundred. */
static void failures_beyond_the_first_are_counted(void **state)
{
    static const char five[] = "p2pdi: RFC 1 failed: 10.0.0.1:1 connection refused\n"
                               "p2pdi: RFC 2 failed: 10.0.0.1:1 connection refused\n"
                               "p2pdi: RFC 3 failed: 10.0.0.1:1 connection refused\n"
                               "p2pdi: RFC 4 failed: 10.0.0.1:1 connection refused\n"
                               "p2pdi: RFC 5 failed: 10.0.0.1:1 connection refused\n";
    static const char other[] = "p2pdi: RFC 92 failed: 10.0.0.1:1 does not have it\n";
    struct peer_event peers = {.kind = PEER_EV_PEERS, .at_us = 1000};
    struct peer_event complete = {.kind = PEER_EV_COMPLETE, .at_us = 2000};
    char text[2][4096], want[4096];
    struct events e;

    (void)state;
    catch_streams();
    events_init(&e, 0);
    for (uint32_t rfc = 1; rfc <= 91; rfc++)
        fail_one(&e, rfc, SCHED_REFUSED, 1000);
    events_peer(&e, &peers);
    fail_one(&e, 92, SCHED_NOT_FOUND, 1000); /* another reason is news */
    fail_one(&e, 93, SCHED_NOT_FOUND, 1000);
    events_peer(&e, &complete);
    for (uint32_t rfc = 1; rfc <= 6; rfc++) /* a row of its own; its end is the program's */
        fail_one(&e, rfc, SCHED_REFUSED, 3000);
    bool good = events_fini(&e);
    release_streams(text);
    assert_true(good);
    snprintf(want, sizeof(want),
             "%sno peer is active\n%sp2pdi: 87 more RFCs failed in the same way; -v tells each\n"
             "0 files, 0B, in 0us\n%sp2pdi: 1 more RFC failed in the same way; -v tells each\n",
             five, other, five);
    assert_string_equal(text[1], want);
}

static void failures_long_apart_are_told(void **state)
{
    char text[2][4096];
    struct events e;

    (void)state;
    catch_streams();
    events_init(&e, 0);
    for (uint32_t rfc = 1; rfc <= 7; rfc++)
        fail_one(&e, rfc, SCHED_REFUSED, rfc * INT64_C(60000000));
    bool good = events_fini(&e);
    release_streams(text);
    assert_true(good);
    assert_non_null(strstr(text[1], "RFC 7 failed"));
    assert_null(strstr(text[1], "more"));
}

static void verbose_and_json_leave_out_no_failure(void **state)
{
    char text[2][4096];
    struct events e;

    (void)state;
    for (int json = 0; json < 2; json++) {
        catch_streams();
        events_init(&e, 0);
        events_configure(&e, json != 0, json != 0 ? EVENTS_NORMAL : EVENTS_VERBOSE);
        for (uint32_t rfc = 1; rfc <= 9; rfc++)
            fail_one(&e, rfc, SCHED_REFUSED, 1000);
        bool good = events_fini(&e);
        release_streams(text);
        assert_true(good);
        assert_non_null(strstr(text[json != 0 ? 0 : 1], json != 0 ? "\"rfc\":9" : "RFC 9 failed"));
        assert_null(strstr(text[1], "more"));
    }
}

static void lines_go_above_the_bar(void **state)
{
    struct peer_event left = {.kind = PEER_EV_LEFT};
    char text[2][4096];
    struct events e;

    (void)state;
    catch_streams();
    events_init(&e, 0);
    events_bar(&e, slice_of("one\ntwo"));
    events_bar(&e, slice_of("one\ntwo"));
    events_peer(&e, &left);
    bool good = events_fini(&e);
    release_streams(text);
    assert_true(good);
    assert_string_equal(text[1], "one\ntwo\r\033[1A\033[Jleft\none\ntwo\r\033[1A\033[J");
}

static void a_full_disk_is_noticed(void **state)
{
    struct events e;
    struct buf b;

    (void)state;
    if (access("/dev/full", W_OK) != 0)
        skip();
    fflush(NULL);
    int before = dup(1);
    FILE *full = fopen("/dev/full", "w");
    assert_non_null(full);
    dup2(fileno(full), 1);
    fclose(full);
    events_init(&e, 0);
    buf_init(&b, 100);
    buf_append_str(&b, "result\n");
    events_result(&e, &b);
    buf_fini(&b);
    bool good = events_fini(&e);
    dup2(before, 1);
    close(before);
    assert_false(good);
}

/* ---- tables ---------------------------------------------------------------------------------------- */

static void the_peer_table_is_the_originals(void **state)
{
    struct wire_peer_row rows[2] = {{.addr = addr_ipv4(192, 168, 1, 47, 40001),
                                     .peer = 76,
                                     .active = true,
                                     .ttl_s = 6174,
                                     .registrations = 3,
                                     .last_registered_s = 1569962033},
                                    {.addr = addr_ipv4(10, 0, 0, 1, 40000), .peer = 30}};
    struct peer_table t = {0};
    struct buf b;

    (void)state;
    setenv("TZ", "UTC", 1);
    assert_true(peer_table_add(&t, &rows[0]));
    assert_true(peer_table_add(&t, &rows[1]));
    buf_init(&b, 65536);
    peer_table_text(&t, &b);
    assert_string_equal(
        text_of(&b),
        "Hostname        Peer  Active Flag    TTL  Listening Port  Registrations  Most Recent "
        "Registration\n"
        "10.0.0.1          30  Inactive         0           40000              0  Thu Jan  1 "
        "00:00:00 1970\n"
        "192.168.1.47      76  Active        6174           40001              3  Tue Oct  1 "
        "20:33:53 2019\n");
    buf_fini(&b);
    peer_table_fini(&t);
}

static void the_index_groups_holders_and_splits_editions(void **state)
{
    struct wire_peer_row peer = {.addr = addr_ipv4(10, 0, 0, 1, 1), .peer = 7};
    struct peer_table peers = {.rows = &peer, .count = 1};
    struct rfc_entry e = {.rfc = 2, .own = true, .ttl_s = 7200, .size_bytes = 10, .title = "Two"};
    struct index_table t;
    struct buf b;

    (void)state;
    index_table_init(&t, slice_of(""));
    e.own = false;
    e.holder = addr_ipv4(10, 0, 0, 2, 2);
    assert_true(index_table_add(&t, &e));
    e.holder = peer.addr;
    assert_true(index_table_add(&t, &e));
    e.own = true;
    assert_true(index_table_add(&t, &e));
    e.own = false;
    e.sha256.byte[0] = 1;
    assert_true(index_table_add(&t, &e));
    e.rfc = 1;
    e.title = "One";
    assert_true(index_table_add(&t, &e));
    e.withdrawn = true;
    e.rfc = 3;
    assert_true(index_table_add(&t, &e));
    buf_init(&b, 65536);
    assert_int_equal(index_table_text(&t, &peers, &b), 2);
    assert_string_equal(text_of(&b), "     RFC   Size  Held by peers   Title\n"
                                     "       1    10B  7               One\n"
                                     "       2    10B  here,7,10.0.0.2:2  Two\n"
                                     "       2    10B  7               Two\n");
    buf_clear(&b);
    assert_int_equal(index_table_json(&t, &b, 0), 2);
    const char *text = text_of(&b);
    assert_non_null(strstr(text, "{\"v\":1,\"event\":\"entry\",\"t\":0.000000,\"rfc\":1,\"title\":"
                                 "\"One\",\"from\":\"10.0.0.1:1\",\"own\":false,\"ttl\":7200,"
                                 "\"bytes\":10,\"sha256\":\"01"));
    assert_non_null(strstr(text, "\"rfcs\":2,\"entries\":5}\n"));
    buf_fini(&b);
    index_table_fini(&t);
}

static void the_pattern_filters_the_index(void **state)
{
    struct rfc_entry e = {.rfc = 1, .title = "Host Software"};
    struct index_table t;

    (void)state;
    index_table_init(&t, slice_of("software"));
    assert_true(index_table_add(&t, &e));
    e.title = "Other";
    assert_true(index_table_add(&t, &e));
    assert_int_equal(t.count, 1);
    index_table_fini(&t);
}

static void the_progress_line_fits(void **state)
{
    char line[PROGRESS_LINE_SIZE];

    (void)state;
    progress_format(line, 80, 15, 60, 1000000, 500000);
    assert_true(strlen(line) <= 79);
    assert_non_null(strstr(line, "15/60 files"));
    assert_non_null(strstr(line, "/s  eta 2s  [#"));
    progress_format(line, 80, 0, 0, 0, 0);
    assert_string_equal(line, "looking for holders");
    for (size_t columns = 0; columns < 400; columns++) {
        progress_format(line, columns, 7, 9, UINT64_MAX, 1);
        if (columns > 0)
            assert_true(strlen(line) < (columns < 256 ? columns : 256) || columns == 1);
    }
}

/* What came of a document that failed has come. */
static void the_bytes_of_progress_never_fall(void **state)
{
    struct peer_event failed = {.kind = PEER_EV_FAILED};
    struct peer_event done = {.kind = PEER_EV_DONE, .bytes = 500};
    struct progress p;

    (void)state;
    progress_init(&p, NULL);
    assert_int_equal(progress_bytes(&p, 403), 403);
    progress_on_event(&p, &failed);
    assert_int_equal(progress_bytes(&p, 361), 403);
    progress_on_event(&p, &done);
    assert_int_equal(progress_bytes(&p, 0), 500);
    progress_fini(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(json_events_have_the_fields_of_the_contract),
        cmocka_unit_test(text_events_are_sentences),
        cmocka_unit_test(a_trace_is_a_header_and_the_indented_message),
        cmocka_unit_test(events_go_to_the_right_stream),
        cmocka_unit_test(numbers_that_stay_are_told_once),
        cmocka_unit_test(failures_beyond_the_first_are_counted),
        cmocka_unit_test(failures_long_apart_are_told),
        cmocka_unit_test(verbose_and_json_leave_out_no_failure),
        cmocka_unit_test(lines_go_above_the_bar),
        cmocka_unit_test(a_full_disk_is_noticed),
        cmocka_unit_test(the_peer_table_is_the_originals),
        cmocka_unit_test(the_index_groups_holders_and_splits_editions),
        cmocka_unit_test(the_pattern_filters_the_index),
        cmocka_unit_test(the_progress_line_fits),
        cmocka_unit_test(the_bytes_of_progress_never_fall),
    };
    const char *dir = getenv("TMPDIR");
    if (dir != NULL && chdir(dir) != 0)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
