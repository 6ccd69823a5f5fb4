/*
 * Each key of the table of keys, pressed on a real pseudo-terminal, does something that can be seen.
 * The last test fails if the table has a row that none of the others pressed.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../src/tui/keys.h"
#include "vt.h"

static bool pressed[256];

static void press(struct vt *v, enum key_action action, const char *bytes)
{
    pressed[action] = true;
    vt_send(v, bytes);
}

static void moving_in_a_table(void **state)
{
    struct vt v;

    (void)state;
    vt_open(&v, SCENE_PEER, 24, 80, NULL);
    vt_wait_reversed(&v, "8586");
    press(&v, KEY_DO_DOWN, "j");
    vt_wait_reversed(&v, "8587");
    press(&v, KEY_DO_DOWN, "\033OB");
    vt_wait_reversed(&v, "8588");
    press(&v, KEY_DO_UP, "k");
    vt_wait_reversed(&v, "8587");
    press(&v, KEY_DO_UP, "\033OA");
    vt_wait_reversed(&v, "8586");
    press(&v, KEY_DO_PAGE_DOWN, "\033[6~");
    vt_wait_reversed(&v, "8597");
    press(&v, KEY_DO_PAGE_DOWN, "\006");
    vt_wait_reversed(&v, "8608");
    press(&v, KEY_DO_PAGE_UP, "\002");
    vt_wait_reversed(&v, "8597");
    press(&v, KEY_DO_PAGE_UP, "\033[5~");
    vt_wait_reversed(&v, "8586");
    press(&v, KEY_DO_BOTTOM, "G");
    vt_wait_reversed(&v, "8645");
    press(&v, KEY_DO_TOP, "g");
    vt_wait_reversed(&v, "8586");
    press(&v, KEY_DO_BOTTOM, "\033OF");
    vt_wait_reversed(&v, "8645");
    press(&v, KEY_DO_TOP, "\033OH");
    vt_wait_reversed(&v, "8586");
    vt_stop(&v);
}

static void moving_between_panes(void **state)
{
    struct vt v;

    (void)state;
    vt_open(&v, SCENE_PEER, 24, 80, NULL);
    press(&v, KEY_DO_PANE_1, "1");
    vt_wait_reversed(&v, "192.168.1.47");
    press(&v, KEY_DO_PANE_3, "3");
    vt_wait_reversed(&v, "8634");
    press(&v, KEY_DO_PANE_4, "4");
    vt_wait(&v, "4 Log");
    vt_wait_reversed(&v, "RFC 8638");
    press(&v, KEY_DO_PANE_2, "2");
    vt_wait_gone(&v, "4 Log");
    press(&v, KEY_DO_PANE_NEXT, "\t");
    vt_wait_reversed(&v, "8634");
    press(&v, KEY_DO_PANE_PREV, "\033[Z");
    vt_wait_reversed(&v, "8586");
    press(&v, KEY_DO_RIGHT, "\033OC"); /* columns first, then the pane there */
    vt_send(&v, "\033OC\033OC\033OC\033OC\033OC");
    vt_wait_reversed(&v, "86");
    press(&v, KEY_DO_LEFT, "h");
    vt_send(&v, "\033OD\033OD\033OD\033OD\033OD\033OD");
    vt_wait_reversed(&v, "192.168.1.47");
    vt_send(&v, "2");
    press(&v, KEY_DO_ZOOM, "z");
    vt_wait_gone(&v, "Cumulative");
    vt_wait(&v, "Session Initiation Protocol (SIP) Digest");
    press(&v, KEY_DO_ZOOM, "z");
    vt_wait(&v, "Cumulative");
    vt_stop(&v);

    vt_open(&v, SCENE_RS, 24, 80, NULL);
    vt_wait(&v, "last registration");
    press(&v, KEY_DO_RIGHT_TOO, "l");
    vt_wait_gone(&v, "address ");
    press(&v, KEY_DO_LEFT, "h");
    vt_wait(&v, "address ");
    vt_stop(&v);
}

static void searching(void **state)
{
    struct vt v;

    (void)state;
    vt_open(&v, SCENE_PEER, 24, 80, NULL);
    press(&v, KEY_DO_SEARCH, "/");
    vt_send(&v, "frog");
    vt_wait(&v, "/frog");
    vt_wait_reversed(&v, "8592"); /* as typed */
    vt_send(&v, "\r");
    vt_wait(&v, "/frog: 1 of 7");
    press(&v, KEY_DO_SEARCH_NEXT, "n");
    vt_wait_reversed(&v, "8600");
    vt_wait(&v, "/frog: 2 of 7");
    press(&v, KEY_DO_SEARCH_PREV, "N");
    vt_wait_reversed(&v, "8592");
    vt_send(&v, "N");
    vt_wait_reversed(&v, "8640"); /* around the end */
    vt_wait(&v, "/frog: 7 of 7");
    vt_send(&v, "/8610");
    vt_wait_reversed(&v, "8610");
    vt_send(&v, "\033"); /* dropped: back to where one was, and to the word before */
    vt_wait_reversed(&v, "8640");
    vt_send(&v, "n");
    vt_wait_reversed(&v, "8592");
    vt_send(&v, "/no such thing\r");
    vt_wait(&v, "not found: no such thing");
    vt_stop(&v);
}

static void filtering(void **state)
{
    struct vt v;

    (void)state;
    vt_open(&v, SCENE_PEER, 24, 80, NULL);
    press(&v, KEY_DO_FILTER, "\\");
    vt_send(&v, "OAUTH");
    vt_wait(&v, "8593 OAuth");
    vt_wait_gone(&v, "8586");
    vt_send(&v, "\r");
    vt_wait(&v, "\\OAUTH: 7");
    press(&v, KEY_DO_BACK, "\033");
    vt_wait(&v, "8586");
    vt_send(&v, "\\zzz");
    vt_wait(&v, "nothing matches");
    vt_send(&v, "\033"); /* dropped: as before */
    vt_wait(&v, "8586");
    vt_stop(&v);
}

static void sorting(void **state)
{
    struct vt v;

    (void)state;
    vt_open(&v, SCENE_PEER, 24, 80, NULL);
    vt_wait(&v, "rfc↑");
    press(&v, KEY_DO_SORT_RIGHT, ">");
    vt_wait(&v, "title↑");
    vt_wait(&v, "8587 Algorithm");
    press(&v, KEY_DO_SORT_LEFT, "<");
    vt_wait(&v, "rfc↑");
    press(&v, KEY_DO_SORT_REVERSE, "!");
    vt_wait(&v, "rfc↓");
    vt_wait(&v, "8645");
    vt_stop(&v);
}

static void marks_and_downloads(void **state)
{
    struct vt v;

    (void)state;
    vt_open(&v, SCENE_PEER, 24, 80, NULL);
    vt_send(&v, "G");
    vt_wait_reversed(&v, "8645");
    press(&v, KEY_DO_GET, "d");
    vt_wait_command(&v, "get 8645");
    vt_send(&v, "kkk");
    vt_wait_reversed(&v, "8642");
    press(&v, KEY_DO_MARK, " ");
    vt_wait(&v, "1 marked");
    vt_send(&v, " ");
    vt_wait(&v, "2 marked");
    vt_send(&v, "d");
    vt_wait_command(&v, "get 8642 8643");
    vt_wait_gone(&v, "marked");
    vt_send(&v, "1d");
    vt_wait_command(&v, "get missing from 7");
    vt_send(&v, " ");
    press(&v, KEY_DO_RFCQUERY, "i");
    vt_wait_command(&v, "rfcquery 7");
    vt_send(&v, "i");
    vt_wait_command(&v, "rfcquery all");
    vt_send(&v, "3");
    vt_wait_reversed(&v, "8634");
    press(&v, KEY_DO_CANCEL, "x");
    vt_wait(&v, "1 download cancelled");
    assert_int_equal(atomic_load(&v.shared->cancelled), 8634);
    vt_send(&v, "Gx");
    vt_wait(&v, "nothing to cancel here");
    vt_send(&v, "2gx");
    vt_wait_reversed(&v, "8586");
    vt_wait(&v, "nothing to cancel here");
    assert_int_equal(atomic_load(&v.shared->cancelled), 8634);
    vt_stop(&v);
}

static void commands_of_a_peer(void **state)
{
    static const struct {
        enum key_action action;
        const char *key, *command;
    } keys[] = {
        {KEY_DO_REGISTER, "r", "register"}, {KEY_DO_PQUERY, "p", "pquery"},
        {KEY_DO_GET_ALL, "D", "get all"},   {KEY_DO_KEEPALIVE, "K", "keepalive"},
        {KEY_DO_SYNC, "s", "sync"},
    };
    struct vt v;

    (void)state;
    vt_open(&v, SCENE_PEER, 24, 80, NULL);
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        press(&v, keys[i].action, keys[i].key);
        vt_wait_command(&v, keys[i].command);
    }
    press(&v, KEY_DO_LEAVE, "l");
    vt_wait(&v, "leave the RS during downloads?");
    vt_send(&v, "n");
    vt_wait_gone(&v, "leave the RS");
    vt_send(&v, "ly");
    vt_wait_command(&v, "leave");
    assert_int_equal(atomic_load(&v.shared->command_count), sizeof(keys) / sizeof(keys[0]) + 1);
    vt_stop(&v);

    vt_open(&v, SCENE_IDLE, 24, 80, NULL);
    vt_send(&v, "l");
    vt_wait_command(&v, "leave");
    vt_stop(&v);
}

/* In a prompt each letter is text: none of these is a command. */
static void input_is_modal(void **state)
{
    struct vt v;

    (void)state;
    vt_open(&v, SCENE_IDLE, 24, 80, NULL);
    press(&v, KEY_DO_COMMAND, ":");
    vt_send(&v, "qrlpidDx?jk1234mz");
    vt_wait(&v, ":qrlpidDx?jk1234mz");
    vt_send(&v, "\025status\r"); /* ^U takes it away */
    vt_wait_command(&v, "status");
    assert_int_equal(atomic_load(&v.shared->command_count), 1);
    assert_int_equal(atomic_load(&v.shared->cancelled), 0);
    vt_stop(&v);
}

static void editing_a_line(void **state)
{
    struct vt v;

    (void)state;
    vt_open(&v, SCENE_IDLE, 24, 80, NULL);
    vt_send(&v, ":get 86O9\177\17709 859\033OD\033OD\033[3~8\033OF3\033OH");
    vt_wait(&v, ":get 8609 8893");
    vt_send(&v, "\033OF\177\177\177\1778593\r");
    vt_wait_command(&v, "get 8609 8593");
    vt_send(&v, ":pquery\r");
    vt_wait_command(&v, "pquery");
    vt_send(&v, ":\033OA\033OA");
    vt_wait(&v, ":get 8609 8593");
    vt_send(&v, "\033OB");
    vt_wait(&v, ":pquery");
    vt_send(&v, "\025g\303\244\346\274\242x\177\177y"); /* an umlaut, a wide character */
    vt_wait(&v, ":gäy");
    vt_send(&v, "\033");
    vt_wait_gone(&v, ":gäy");
    vt_stop(&v);
}

/* What has a pane is shown there. */
static void commands_that_look(void **state)
{
    struct vt v;

    (void)state;
    vt_open(&v, SCENE_IDLE, 24, 80, NULL);
    vt_send(&v, ":peers\r");
    vt_wait_reversed(&v, "192.168.1.47");
    vt_send(&v, ":index oauth\r");
    vt_wait(&v, "\\oauth: 7");
    vt_send(&v, ":transfers\r");
    vt_wait_reversed(&v, "8639");
    assert_int_equal(atomic_load(&v.shared->command_count), 0);
    /* What has no pane is printed into the log, and that is shown: at its end, all of it. */
    vt_send(&v, "4\\peer\rg2:status\r");
    vt_wait_command(&v, "status");
    vt_wait(&v, "4 Log ─");
    vt_wait_reversed(&v, "RFC 8638: conn");
    vt_send(&v, "2:get 8600; peers\r");
    vt_wait_command(&v, "get 8600; peers");
    vt_wait(&v, "4 Log ─");
    vt_stop(&v);
}

static void completion(void **state)
{
    struct vt v;

    (void)state;
    vt_open(&v, SCENE_IDLE, 24, 80, NULL);
    vt_send(&v, ":ge\tmi\tfr\t2\t");
    vt_wait(&v, ":get missing from 21");
    vt_send(&v, "\025r\t");
    vt_wait(&v, "register  rfcquery");
    vt_send(&v, "\025get 860\t");
    vt_wait(&v, "8600  8601  8602");
    vt_send(&v, "\025peers; sta\t\r");
    vt_wait_command(&v, "peers; status ");
    vt_stop(&v);
}

static void reading(void **state)
{
    struct vt v;

    (void)state;
    vt_open(&v, SCENE_PEER, 24, 80, NULL);
    press(&v, KEY_DO_OPEN, "\r");
    vt_wait(&v, "A Document Made for Reading");
    press(&v, KEY_DO_PAGE_SPACE, " ");
    vt_wait(&v, "More text, line 9.");
    vt_send(&v, "g/needle\r");
    vt_wait(&v, "A needle is hidden");
    vt_wait_reversed(&v, "needle");
    vt_send(&v, "g");
    press(&v, KEY_DO_CONTENTS, "t");
    vt_wait_reversed(&v, "contents");
    vt_send(&v, "jjjj");
    vt_wait_reversed(&v, "2.  Security Considerations");
    vt_send(&v, "\r");
    vt_wait_gone(&v, "Abstract");
    vt_send(&v, "g");
    vt_wait(&v, "RFC 8610 would say");
    press(&v, KEY_DO_LINK_NEXT, "\t");
    vt_wait_reversed(&v, "RFC 8610");
    vt_send(&v, "\t");
    vt_wait_reversed(&v, "RFC 1");
    press(&v, KEY_DO_LINK_PREV, "\033[Z");
    vt_wait_reversed(&v, "RFC 8610");
    press(&v, KEY_DO_FOLLOW, "\r");
    vt_wait(&v, "Request for Comments: 8610");
    press(&v, KEY_DO_RETURN, "\177");
    vt_wait(&v, "Request for Comments: 8586");
    vt_send(&v, "\t\t");
    vt_wait_reversed(&v, "RFC 1");
    vt_send(&v, "\r");
    vt_wait(&v, "RFC 1 is not here. Fetch it?");
    vt_send(&v, "y");
    vt_wait_command(&v, "get 1");
    press(&v, KEY_DO_CLOSE, "q");
    vt_wait(&v, "Peers (5)");
    vt_stop(&v);
}

static void who_cannot_go_back_keeps_what_is_open(void **state)
{
    struct vt v;

    (void)state;
    vt_open(&v, SCENE_PEER, 24, 80, NULL);
    vt_send(&v, "\r");
    vt_wait(&v, "Request for Comments: 8586");
    vt_send(&v, "\t\r");
    vt_wait(&v, "Request for Comments: 8610");
    v.shared->removed = 8586;
    vt_send(&v, "\177");
    vt_wait(&v, "RFC 8586 is not here. Fetch it?");
    vt_send(&v, "n");
    vt_wait_gone(&v, "Fetch it?");
    vt_wait(&v, "Request for Comments: 8610");
    vt_stop(&v);
}

static void the_pager(void **state)
{
    struct vt v;

    (void)state;
    vt_open(&v, SCENE_PEER, 24, 80, "PAGER=tail -2; head -c1 /dev/tty");
    vt_send(&v, "\r");
    vt_wait(&v, "A Document Made for Reading");
    press(&v, KEY_DO_PAGER, "P");
    vt_wait(&v, "More text, line 59.");
    vt_send(&v, "\n");
    vt_wait(&v, "A Document Made for Reading");
    vt_stop(&v);
}

static void the_help(void **state)
{
    struct vt v;

    (void)state;
    vt_open(&v, SCENE_PEER, 24, 80, NULL);
    press(&v, KEY_DO_HELP, "?");
    vt_wait(&v, "P2P-DI: keys");
    vt_send(&v, "G");
    vt_wait(&v, "quit, from anywhere");
    vt_send(&v, "q");
    vt_wait(&v, "Peers (5)");
    vt_send(&v, "\033OP");
    vt_wait(&v, "P2P-DI: keys");
    vt_send(&v, "\033");
    vt_wait(&v, "Peers (5)");
    vt_stop(&v);
}

static void the_mouse(void **state)
{
    struct vt v;

    (void)state;
    vt_open(&v, SCENE_PEER, 24, 80, NULL);
    press(&v, KEY_DO_MOUSE, "m");
    vt_wait(&v, "mouse on");
    press(&v, KEY_DO_MOUSE, "m");
    vt_wait(&v, "mouse off");
    vt_stop(&v);
}

static bool wrote_much(struct vt *v, void *arg)
{
    return v->bytes > *(size_t *)arg;
}

static void repainting(void **state)
{
    struct vt v;

    (void)state;
    vt_open(&v, SCENE_IDLE, 24, 80, NULL);
    while (vt_read(&v, 200))
        ;

    size_t more = v.bytes + 1000;

    press(&v, KEY_DO_REPAINT, "\014");
    vt_wait_for(&v, "a whole screen", wrote_much, &more);
    vt_stop(&v);
}

static bool is_stopped(struct vt *v, void *arg)
{
    (void)arg;
    return waitpid(v->child, &v->status, WNOHANG | WUNTRACED) == v->child && WIFSTOPPED(v->status);
}

static void suspending(void **state)
{
    struct vt v;
    struct termios now;

    (void)state;
    vt_open(&v, SCENE_PEER, 24, 80, NULL);
    assert_true(v.alternate);
    press(&v, KEY_DO_SUSPEND, "\032");
    vt_wait_for(&v, "the child to stop", is_stopped, NULL);
    while (vt_read(&v, 50))
        ;
    assert_false(v.alternate);
    assert_int_equal(tcgetattr(v.slave, &now), 0);
    assert_int_equal(now.c_lflag, v.before.c_lflag);
    vterm_screen_reset(v.screen, 1); /* what a shell would have left */
    kill(v.child, SIGCONT);
    vt_wait(&v, "Peers (5)");
    vt_send(&v, "j");
    vt_wait_reversed(&v, "8587");
    vt_stop(&v);
}

static void quitting(void **state)
{
    struct vt v;

    (void)state;
    vt_open(&v, SCENE_PEER, 24, 80, NULL);
    press(&v, KEY_DO_QUIT, "q");
    vt_wait(&v, "8 downloads are under way, 3 waiting. Quit?");
    vt_send(&v, "n");
    vt_wait_gone(&v, "Quit?");
    press(&v, KEY_DO_QUIT_TOO, "\033[21~");
    vt_wait(&v, "Quit?");
    vt_send(&v, "y");
    assert_int_equal(vt_wait_end(&v), 0);
    vt_stop(&v);

    vt_open(&v, SCENE_PEER, 24, 80, NULL); /* who insists gets out */
    press(&v, KEY_DO_QUIT_TOO, "\003");
    vt_wait(&v, "Quit?");
    vt_send(&v, "\003");
    vt_wait_end(&v);
    assert_int_equal(WEXITSTATUS(v.status), DI_CANCELLED);
    vt_stop(&v);

    vt_open(&v, SCENE_PEER, 24, 80, NULL);
    vt_send(&v, "\003");
    vt_wait(&v, "Quit?");
    vt_send(&v, "y"); /* the answer to an interrupt */
    vt_wait_end(&v);
    assert_int_equal(WEXITSTATUS(v.status), DI_CANCELLED);
    vt_stop(&v);

    vt_open(&v, SCENE_PEER, 24, 80, NULL);
    vt_send(&v, "\003");
    vt_wait(&v, "Quit?");
    vt_send(&v, "n"); /* taken back: what comes later is no interrupt */
    vt_wait_gone(&v, "Quit?");
    vt_send(&v, ":quit\r");
    assert_int_equal(vt_wait_end(&v), 0);
    vt_stop(&v);

    vt_open(&v, SCENE_IDLE, 24, 80, NULL);
    vt_send(&v, "q");
    assert_int_equal(vt_wait_end(&v), 0);
    assert_false(v.alternate);
    assert_false(v.cursor_hidden);
    vt_stop(&v);

    vt_open(&v, SCENE_SENDING, 24, 80, NULL);
    vt_send(&v, "q");
    vt_wait(&v, "others are downloading from here. Quit?");
    vt_send(&v, "y");
    assert_int_equal(vt_wait_end(&v), 0);
    vt_stop(&v);
}

static void the_servers_keys(void **state)
{
    struct vt v;

    (void)state;
    vt_open(&v, SCENE_RS, 24, 80, NULL);
    vt_send(&v, "\\windows\r");
    vt_wait(&v, "\\windows: ");
    vt_send(&v, "\033G");
    vt_wait_reversed(&v, "200");
    vt_send(&v, "gjj\r");
    vt_wait(&v, "3 Peer 3: last requests");
    vt_wait(&v, "3 registrations in 30 days");
    vt_send(&v, "\033");
    vt_wait_gone(&v, "Last requests");
    vt_send(&v, "d:");
    vt_send(&v, "\033q");
    assert_int_equal(vt_wait_end(&v), 0);
    vt_stop(&v);
}

/* The selection stays with its row when rows come in before it. */
static void the_selection_stays_with_its_row(void **state)
{
    struct vt v;

    (void)state;
    vt_open(&v, SCENE_PEER, 24, 80, NULL);
    vt_send(&v, "1!jj");
    vt_wait_reversed(&v, "192.168.1.52");
    vt_scene(&v, SCENE_MOVED);
    vt_wait(&v, "Peers (8)");
    vt_wait_reversed(&v, "192.168.1.52");
    vt_wait(&v, "three more peers");
    vt_stop(&v);
}

static void all_keys_were_pressed(void **state)
{
    size_t count;
    const struct key_row *rows = keys_table(&count);

    (void)state;
    for (size_t i = 0; i < count; i++)
        if (!pressed[rows[i].action])
            fail_msg("no test presses %s (%s)", rows[i].shown, rows[i].what);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(moving_in_a_table),
        cmocka_unit_test(moving_between_panes),
        cmocka_unit_test(searching),
        cmocka_unit_test(filtering),
        cmocka_unit_test(sorting),
        cmocka_unit_test(marks_and_downloads),
        cmocka_unit_test(commands_of_a_peer),
        cmocka_unit_test(input_is_modal),
        cmocka_unit_test(editing_a_line),
        cmocka_unit_test(commands_that_look),
        cmocka_unit_test(completion),
        cmocka_unit_test(reading),
        cmocka_unit_test(who_cannot_go_back_keeps_what_is_open),
        cmocka_unit_test(the_pager),
        cmocka_unit_test(the_help),
        cmocka_unit_test(the_mouse),
        cmocka_unit_test(repainting),
        cmocka_unit_test(suspending),
        cmocka_unit_test(quitting),
        cmocka_unit_test(the_servers_keys),
        cmocka_unit_test(the_selection_stays_with_its_row),
        cmocka_unit_test(all_keys_were_pressed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
