/* The real program on a terminal where it takes no screen: progress of get and experiment, the doctor. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../unit/canned.h"
#include "../unit/peer_world.h"
#include "vt.h"

static char base[256];

/* Runs "p2pdi ARGUMENTS", standard error on the terminal too; settings come before it. Skips without it. */
static void run(struct vt *v, const char *settings, const char *arguments)
{
    const char *program = getenv("P2PDI");
    char command[1500];
    const char *argv[] = {"/bin/sh", "-c", command, NULL};

    if (program == NULL || access(program, X_OK) != 0)
        skip();
    snprintf(command, sizeof(command), "%s exec '%s' %s 2>&1", settings, program, arguments);
    vt_start_program(v, argv, 24, 120, "xterm-256color");
}

static void end(struct vt *v, int code)
{
    vt_wait_end(v);
    assert_true(WIFEXITED(v->status));
    if (WEXITSTATUS(v->status) != code) {
        vt_print(v);
        fail_msg("ended with %d, not %d", WEXITSTATUS(v->status), code);
    }
    vt_stop(v);
}

/* ---- get --------------------------------------------------------------------------------------- */

static struct node holder;

static void start_holder(uint64_t up_rate)
{
    world_start(&world);
    node_init(&holder, "lines-holder");
    node_write(&holder, 8601, 1, 300000);
    holder.up_rate = up_rate;
    node_start(&holder, &world);
    assert_int_equal(peer_wait_rfcs(holder.peer, 1, WORLD_WAIT_US), DI_OK);
    assert_int_equal(peer_register(holder.peer, WORLD_WAIT_US), DI_OK);
}

static void stop_holder(void)
{
    node_fini(&holder);
    world_stop(&world);
}

static void get(struct vt *v, const char *settings, const char *options)
{
    char arguments[1000], rs[ADDR_TEXT_SIZE];

    addr_format(&world.rs_addr, rs);
    snprintf(arguments, sizeof(arguments),
             "get 8601 --rs %s --share '%s/got' --state '%s/state' %s", rs, base, base, options);
    run(v, settings, arguments);
}

static void forget(void)
{
    char path[300];

    snprintf(path, sizeof(path), "%s/got/rfc8601.txt", base);
    assert_int_equal(unlink(path), 0);
}

static void a_get_shows_how_far_it_is(void **state)
{
    struct vt v;

    (void)state;
    help_make_dir(base, "lines");
    start_holder(100000);
    get(&v, "", "");
    vt_wait(&v, "0/1 files");
    vt_wait(&v, "eta");
    vt_wait(&v, "1 file"); /* what it says at the end, where the bar was */
    end(&v, 0);
    assert_true(vt_find(&v, "eta") < 0);
    forget();
    stop_holder();
}

static void where_no_line_can_be_drawn_again_none_is(void **state)
{
    static const char *const cases[][2] = {
        {"TERM=dumb", ""}, {"unset TERM;", ""}, {"", "--quiet"}, {"", "--json"}, {"", "-v"}};

    (void)state;
    help_make_dir(base, "lines");
    start_holder(0);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct vt v;

        get(&v, cases[i][0], cases[i][1]);
        end(&v, 0);
        assert_true(vt_find(&v, "0/1 files") < 0);
        assert_true(vt_find(&v, "looking for holders") < 0);
        forget();
    }
    stop_holder();
}

/* ---- experiment -------------------------------------------------------------------------------- */

static void an_experiment_shows_how_far_its_peers_are(void **state)
{
    struct vt v;

    (void)state;
    run(&v, "", "experiment --task 1 --peers 3 --files 40");
    vt_wait(&v, "/40");
    end(&v, 0);
}

static void bars_that_do_not_fit_are_cut(void **state)
{
    struct vt v;

    (void)state;
    run(&v, "stty rows 3;", "experiment --task 1 --peers 5 --files 40");
    vt_resize(&v, 3, 120);
    vt_wait(&v, "/40");
    end(&v, 0);
}

/* ---- doctor ------------------------------------------------------------------------------------ */

static void examine(struct vt *v, const struct addr *rs, const char *settings)
{
    char arguments[1000], name[ADDR_TEXT_SIZE];

    addr_format(rs, name);
    snprintf(arguments, sizeof(arguments),
             "doctor --rs %s --listen 127.0.0.1:0 --share '%s' --state '%s/doctor'", name, base,
             base);
    run(v, settings, arguments);
}

static void the_doctor_knows_what_the_terminal_can_show(void **state)
{
    struct vt v;

    (void)state;
    help_make_dir(base, "lines");
    world_start(&world);
    examine(&v, &world.rs_addr, "");
    vt_wait(&v, "xterm-256color");
    vt_wait(&v, "nothing that stands in the way");
    end(&v, 0);
    examine(&v, &world.rs_addr, "LC_ALL=C");
    vt_wait(&v, "no UTF-8");
    vt_wait(&v, "export LC_ALL=C.UTF-8");
    end(&v, 0);
    world_stop(&world);
}

#define ENROLLED(reachable)                                                                        \
    P "200 OK" E "Cookie: 76" E "Peer: 3" E "TTL: 7200" E "Reachable: " reachable E E

static void the_doctor_tells_what_the_server_says(void **state)
{
    static const struct {
        const char *registered, *row, *says[2];
        int code;
    } cases[] = {
        {ENROLLED("yes"),
         "3\t1\t7200\t4000\t1\t2020-01-01T00:00:00Z\tyes\n",
         {"only for peers on this machine", "s ahead of the server's"},
         0},
        {ENROLLED("unknown"),
         "3\t1\t7200\t4000\t1\t2099-01-01T00:00:00Z\tyes\n",
         {"only for peers on this machine", "s behind the server's"},
         0},
        {ENROLLED("no"),
         "4\t1\t7200\t4000\t1\t2020-01-01T00:00:00Z\tyes\n",
         {"the server does not reach port", "does not tell its time"},
         3},
        {FAILURE,
         "3\t1\t7200\t4000\t1\t2020-01-01T00:00:00Z\tyes\n",
         {"1 peer is active", "registering failed: error at the other side"},
         3},
    };
    struct canned rs;

    (void)state;
    help_make_dir(base, "lines");
    canned_start(&rs);
    canned_say(&rs, WIRE_LEAVE, OK, NULL);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char list[600];
        struct vt v;

        snprintf(list, sizeof(list),
                 P "200 OK" E "Index-Version: a.1" E "Active-Peers: 1" E
                   "Content-Length: %zu" E E PEERS_HEADER "192.0.2.1\t%s",
                 strlen(PEERS_HEADER) + strlen("192.0.2.1\t") + strlen(cases[i].row), cases[i].row);
        canned_say(&rs, WIRE_REGISTER, cases[i].registered, NULL);
        canned_say(&rs, WIRE_PQUERY, list, NULL);
        examine(&v, &rs.addr, "");
        vt_wait(&v, cases[i].says[0]);
        vt_wait(&v, cases[i].says[1]);
        end(&v, cases[i].code);
        canned_say(&rs, WIRE_PQUERY, NULL, NULL);
    }
    canned_stop(&rs);
}

static void a_server_that_says_nothing_of_peers_fails_the_check(void **state)
{
    struct canned rs;
    struct vt v;

    (void)state;
    help_make_dir(base, "lines");
    canned_start(&rs); /* hangs up */
    examine(&v, &rs.addr, "");
    vt_wait(&v, "try: check --rs");
    end(&v, 3);
    canned_stop(&rs);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_get_shows_how_far_it_is),
        cmocka_unit_test(where_no_line_can_be_drawn_again_none_is),
        cmocka_unit_test(an_experiment_shows_how_far_its_peers_are),
        cmocka_unit_test(bars_that_do_not_fit_are_cut),
        cmocka_unit_test(the_doctor_knows_what_the_terminal_can_show),
        cmocka_unit_test(the_doctor_tells_what_the_server_says),
        cmocka_unit_test(a_server_that_says_nothing_of_peers_fails_the_check),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
