/* The real program on a pseudo-terminal: a whole session of a peer, and the RS watching it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "vt.h"

#define DOCUMENTS 12

static char base[200];
static char rs_address[64];

static void path(char out[300], const char *name)
{
    snprintf(out, 300, "%s/%s", base, name);
}

static void make_documents(void)
{
    char file[340], dir[300];

    path(dir, "full");
    assert_int_equal(mkdir(dir, 0700), 0);
    for (int i = 1; i <= DOCUMENTS; i++) {
        snprintf(file, sizeof(file), "%s/rfc%d.txt", dir, 90000 + i);

        FILE *f = fopen(file, "w");

        assert_non_null(f);
        fprintf(f,
                "Network Working Group                          A. Author\n"
                "Request for Comments: %d                        Nobody\n\n"
                "                    The Title of Number %d\n\n"
                "1.  Introduction\n\n   See RFC 90002 and RFC 77777.\n",
                90000 + i, i);
        for (int k = 0; k < 200; k++)
            fprintf(f, "   Line %d of document %d.\n", k, i);
        fclose(f);
    }
}

static const char *program(void)
{
    const char *p = getenv("P2PDI");

    return p != NULL && access(p, X_OK) == 0 ? p : NULL;
}

/* The address on the screen: "RS 127.0.0.1:40123". */
static void read_address(struct vt *v)
{
    char row[VT_LINE];

    vt_row(v, 0, row);

    const char *at = strstr(row, "127.0.0.1:");

    assert_non_null(at);
    snprintf(rs_address, sizeof(rs_address), "%.*s", (int)strcspn(at, " "), at);
}

static void start_rs_at(struct vt *v, const char *address)
{
    char state[300];
    const char *argv[] = {program(), "rs", "--listen", address, "--state", state, NULL};

    path(state, "rs-state");
    vt_start_program(v, argv, 24, 100, "xterm-256color");
    vt_wait(v, " active");
}

static void start_rs(struct vt *v)
{
    start_rs_at(v, "127.0.0.1:0");
    read_address(v);
}

static void start_peer(struct vt *v, const char *library, const char *state_name)
{
    char share[300], state[300];
    const char *argv[] = {program(), "peer", "--rs",    rs_address, "--listen", "127.0.0.1:0",
                          "--share", share,  "--state", state,      NULL};

    path(share, library);
    path(state, state_name);
    vt_start_program(v, argv, 30, 100, "xterm-256color");
}

/* Does the log file of that state directory have a line with the text? */
static bool is_logged(const char *state_name, const char *text)
{
    char command[700], state[300];

    path(state, state_name);
    snprintf(command, sizeof(command), "grep -q -F \"%s\" '%s'/*/log", text, state);
    return system(command) == 0;
}

static void end(struct vt *v)
{
    vt_send(v, "q");
    vt_wait_end(v);
    assert_true(WIFEXITED(v->status));
    assert_int_equal(WEXITSTATUS(v->status), 0);
    assert_false(v->alternate);
    vt_stop(v);
}

static void a_whole_session(void **state)
{
    struct vt rs, holder, peer;

    (void)state;
    if (program() == NULL)
        skip();
    start_rs(&rs);
    start_peer(&holder, "full", "holder-state");
    vt_wait(&holder, "12 here");
    vt_wait(&holder, "registered  TTL");
    vt_wait(&rs, "1 active");

    start_peer(&peer, "empty", "peer-state");
    vt_wait(&peer, "registered  TTL");
    vt_wait(&rs, "2 active");
    vt_send(&peer, "l");
    vt_wait(&peer, "not registered");
    vt_wait(&rs, "gone");
    vt_send(&peer, "r");
    vt_wait(&peer, "registered  TTL");
    vt_send(&peer, "p");
    vt_wait(&peer, "1 Peers (1)");
    vt_send(&peer, "i");
    vt_wait(&peer, "(12 known, 0 here)");
    vt_send(&peer, "\\Number 7\r");
    vt_wait(&peer, "\\Number 7: 1");
    vt_send(&peer, "d");
    vt_wait(&peer, "1 done");
    vt_wait(&peer, "1 here");
    vt_send(&peer, "\r");
    vt_wait(&peer, "The Title of Number 7");
    vt_wait(&peer, "See RFC 90002");
    vt_send(&peer, "\t\r");
    vt_wait(&peer, "RFC 90002 is not here. Fetch it?");
    vt_send(&peer, "y");
    vt_wait(&peer, "1 file, ");
    vt_send(&peer, "\r");
    vt_wait(&peer, "The Title of Number 2");
    vt_send(&peer, "q");
    vt_wait(&peer, "2 here");
    vt_send(&peer, "l");
    vt_wait(&peer, "not registered");
    end(&peer);
    end(&holder);
    end(&rs);
}

static void fetched_from_the_reader(void **state)
{
    struct vt rs, holder, peer;

    (void)state;
    if (program() == NULL)
        skip();
    start_rs(&rs);
    start_peer(&holder, "full", "holder-state");
    vt_wait(&holder, "registered  TTL");
    start_peer(&peer, "empty", "peer-state");
    vt_wait(&peer, "(12 known");
    vt_send(&peer, "D");
    vt_wait(&peer, "12 here");
    vt_wait(&peer, " files, "); /* the log has said all it has to say */
    vt_send(&peer, "g\r");
    vt_wait(&peer, "See RFC 90002");
    vt_send(&peer, "\t\r");
    vt_wait(&peer, "The Title of Number 2");
    vt_send(&peer, "\177");
    vt_wait(&peer, "The Title of Number 1");
    vt_send(&peer, "qx:bogus\r");
    vt_send(&peer, "4");
    vt_wait(&peer, "there is no batch command 'bogus'");
    assert_true(is_logged("peer-state", "there is no batch command 'bogus'; try: "));
    assert_false(is_logged("peer-state", "that command"));
    vt_send(&peer, ":xyzzy\r");
    vt_wait(&peer, "there is no batch command 'xyzzy'; try: help");
    vt_send(&peer, ":help\r");
    vt_wait(&peer, "the commands are listed in the log");
    assert_true(is_logged("peer-state", "hold "));
    assert_true(is_logged("peer-state", "wait peers N"));
    kill(peer.child, SIGTERM);
    vt_wait_end(&peer);
    assert_int_equal(WEXITSTATUS(peer.status), 143);
    assert_false(peer.alternate);
    vt_stop(&peer);
    vt_wait(&rs, "1 active");
    end(&holder);
    end(&rs);
}

static void press(struct vt *peer, const char *key, const char *answer)
{
    vt_send(peer, key);
    vt_wait(peer, answer);
    vt_send(peer, "\033"); /* takes it away again */
    vt_wait_gone(peer, answer);
}

static void who_asks_is_answered_though_nothing_changed(void **state)
{
    struct vt rs, holder, peer;

    (void)state;
    if (program() == NULL)
        skip();
    start_rs(&rs);
    start_peer(&peer, "empty", "peer-state");
    vt_resize(&peer, 24, 80); /* no room for the log */
    vt_wait(&peer, "registered  TTL");
    for (int i = 0; i < 2; i++)
        press(&peer, "p", "no peer is active");
    press(&peer, "K", "registration renewed, TTL ");
    start_peer(&holder, "full", "holder-state");
    vt_wait(&rs, "2 active");
    for (int i = 0; i < 2; i++)
        press(&peer, "p", "1 peer is active");
    for (int i = 0; i < 2; i++)
        press(&peer, "i", " copies");
    assert_int_equal(vt_find(&peer, "Transfers, sync"), -1);
    press(&peer, "s", "sync is on");
    vt_wait(&peer, "3 Transfers, sync");
    press(&peer, "s", "sync is off");
    vt_wait_gone(&peer, "3 Transfers, sync");
    press(&peer, "l", "left");
    press(&peer, "l", "not registered: nothing to leave");
    end(&peer);
    end(&holder);
    end(&rs);
}

/* Two signals at once: the second one ends the process on the spot, and the terminal is as it was all the same. */
static void two_signals_leave_the_terminal_in_order(void **state)
{
    struct termios now;
    struct vt rs;

    (void)state;
    if (program() == NULL)
        skip();
    for (int i = 0; i < 10; i++) {
        start_rs(&rs);
        kill(rs.child, SIGSTOP);
        kill(rs.child, SIGTERM);
        kill(rs.child, SIGINT);
        kill(rs.child, SIGCONT);
        vt_wait_end(&rs);
        assert_true(WIFEXITED(rs.status));
        assert_true(WEXITSTATUS(rs.status) == 143 || WEXITSTATUS(rs.status) == 130);
        assert_false(rs.alternate);
        assert_false(rs.cursor_hidden);
        assert_int_equal(tcgetattr(rs.slave, &now), 0);
        assert_int_equal(now.c_lflag, rs.before.c_lflag);
        vt_stop(&rs);
    }
}

static void control_c_is_an_interrupt(void **state)
{
    struct vt rs, peer;

    (void)state;
    if (program() == NULL)
        skip();
    start_rs(&rs);
    start_peer(&peer, "empty", "peer-state");
    vt_wait(&peer, "registered  TTL");
    vt_send(&peer, "\003");
    vt_wait_end(&peer);
    assert_int_equal(WEXITSTATUS(peer.status), 130);
    vt_stop(&peer);
    vt_wait(&rs, "0 active"); /* it has left */
    vt_send(&rs, "\003");
    vt_wait_end(&rs);
    assert_int_equal(WEXITSTATUS(rs.status), 130);
    vt_stop(&rs);
}

static void a_registration_server_that_is_gone_is_told(void **state)
{
    struct vt rs, peer;

    (void)state;
    if (program() == NULL)
        skip();
    start_rs(&rs);
    start_peer(&peer, "empty", "peer-state");
    vt_wait(&peer, "registered  TTL");
    assert_int_equal(vt_find(&peer, "RS does not answer"), -1);
    end(&rs);
    vt_send(&peer, "p");
    vt_wait(&peer, "the peer list could not be had");
    vt_wait(&peer, "RS does not answer");
    start_rs_at(&rs, rs_address); /* the keep-alives that have begun find it again */
    vt_wait(&peer, "registered  TTL");
    vt_wait_gone(&peer, "RS does not answer");
    end(&peer);
    end(&rs);
}

static void an_unknown_terminal_is_told(void **state)
{
    char state_dir[300];
    const char *argv[] = {program(), "rs", "--listen", "127.0.0.1:0", "--state", state_dir, NULL};
    struct vt v;

    (void)state;
    if (program() == NULL)
        skip();
    path(state_dir, "other-state");
    vt_start_program(&v, argv, 24, 100, "no-such-terminal");
    vt_wait_end(&v);
    assert_int_equal(WEXITSTATUS(v.status), 2);
    vt_stop(&v);
}

static int prepare(void **state)
{
    const char *tmp = getenv("TMPDIR");

    (void)state;
    snprintf(base, sizeof(base), "%s/session-XXXXXX", tmp != NULL ? tmp : "/tmp");
    if (mkdtemp(base) == NULL)
        return -1;
    make_documents();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_whole_session),
        cmocka_unit_test(fetched_from_the_reader),
        cmocka_unit_test(who_asks_is_answered_though_nothing_changed),
        cmocka_unit_test(two_signals_leave_the_terminal_in_order),
        cmocka_unit_test(control_c_is_an_interrupt),
        cmocka_unit_test(a_registration_server_that_is_gone_is_told),
        cmocka_unit_test(an_unknown_terminal_is_told),
    };

    return cmocka_run_group_tests(tests, prepare, NULL);
}
