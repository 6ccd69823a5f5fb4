/* The mouse, once it is switched on: its reports go in as xterm sends them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "vt.h"

/* Button 1, at the first cell of a text. */
static void click_on(struct vt *v, const char *text)
{
    char row[VT_LINE], keys[96];
    int y = vt_find(v, text);

    assert_true(y >= 0);
    vt_row(v, y, row);

    int x = (int)(strstr(row, text) - row) + 1;

    snprintf(keys, sizeof(keys), "\033[<0;%d;%dM\033[<0;%d;%dm", x, y + 1, x, y + 1);
    vt_send(v, keys);
}

static void it_selects_opens_follows_and_scrolls(void **state)
{
    struct vt v;

    (void)state;
    vt_start(&v, SCENE_PEER, 24, 80, "xterm-256color", "C.UTF-8", NULL);
    vt_wait(&v, "Peers (5)");
    vt_send(&v, "m");
    vt_wait(&v, "mouse on");
    vt_send(&v, "\033[<0;5;15M\033[<0;5;15m"); /* button 1 at column 5, row 15 */
    vt_wait_reversed(&v, "8589");
    vt_send(&v, "\033[<0;5;16M"); /* elsewhere, that it is no double click */
    vt_wait_reversed(&v, "8590");
    vt_send(&v, "\033[<0;5;16mjj"); /* letting go keeps no key back */
    vt_wait_reversed(&v, "8592");
    vt_send(&v, "\033[<65;5;15M");
    vt_wait_reversed(&v, "8595");

    /* In a prompt it changes nothing, not even with a double click on another pane. */
    vt_send(&v, "\\Session");
    vt_wait_reversed(&v, "8638");
    vt_send(&v, "\033[<0;5;4M\033[<0;5;4m\033[<0;5;4M\033[<0;5;4mx");
    vt_wait(&v, "\\Sessionx");
    vt_send(&v, "\033");
    vt_wait_reversed(&v, "8638");

    /* A double click opens; a click follows a reference; the wheel scrolls. */
    vt_send(&v, "g");
    vt_wait_reversed(&v, "8586");
    vt_send(&v, "\033[<0;5;13M\033[<0;5;13m\033[<0;5;13M\033[<0;5;13m");
    vt_wait(&v, "A Document Made for Reading");
    vt_wait(&v, "Request for Comments: 8587");
    vt_send(&v, "\033[<65;5;15M");
    vt_wait_gone(&v, "Request for Comments");
    vt_send(&v, "\033[<64;5;15M");
    vt_wait(&v, "Request for Comments");
    click_on(&v, "RFC 8610");
    vt_wait(&v, "Request for Comments: 8610");
    vt_send(&v, "t");
    vt_wait(&v, "[Enter]go there");
    click_on(&v, "1.1.  Terms");
    vt_wait(&v, "RFC 8610  1.1.  Terms");
    vt_send(&v, "q?");
    vt_wait(&v, "Moving");
    vt_send(&v, "\033[<65;5;15M");
    vt_wait_gone(&v, "Moving");
    vt_send(&v, "q");
    vt_send(&v, "m");
    vt_wait(&v, "mouse off");
    vt_stop(&v);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_selects_opens_follows_and_scrolls),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
