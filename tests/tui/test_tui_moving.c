/*
 * Moving in the reader, in its table of contents and in the help; searching there; each column as the one to
 * sort by; lines edited by keys. On a real pseudo-terminal.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "vt.h"

#define LEFT "\033OD"
#define RIGHT "\033OC"
#define PAGE_UP "\033[5~"
#define PAGE_DOWN "\033[6~"

/* The terminal of the running test; its teardown stops it. */
static struct vt *start(void **state, enum model_scene scene, int rows, int cols, const char *extra)
{
    static struct vt v;

    vt_open(&v, scene, rows, cols, extra);
    *state = &v;
    return &v;
}

static struct vt *start_reader(void **state, const char *extra)
{
    struct vt *v = start(state, SCENE_PEER, 24, 80, extra);

    vt_send(v, "\r");
    vt_wait(v, "Internet Engineering");
    return v;
}

static struct vt *start_contents(void **state)
{
    struct vt *v = start_reader(state, NULL);

    vt_send(v, "t");
    vt_wait_reversed(v, "contents");
    return v;
}

static int stop(void **state)
{
    if (*state != NULL)
        vt_stop(*state);
    return 0;
}

static void the_reader_moves_by_each_key(void **state)
{
    struct vt *v = start_reader(state, NULL);

    vt_send(v, "k"); /* there is nothing above */
    vt_send(v, "j");
    vt_wait_gone(v, "Internet Engineering");
    vt_send(v, "k");
    vt_wait(v, "Internet Engineering");
    vt_send(v, "G");
    vt_wait(v, "More text, line 59.");
    vt_send(v, "jj"); /* nor below the end */
    vt_send(v, PAGE_DOWN);
    vt_wait(v, "More text, line 59.");
    vt_send(v, "k");
    vt_wait_gone(v, "More text, line 59.");
    vt_send(v, "G");
    vt_wait(v, "More text, line 59.");
    vt_send(v, PAGE_UP);
    vt_wait_gone(v, "More text, line 59.");
    vt_send(v, PAGE_UP PAGE_UP PAGE_UP PAGE_UP PAGE_UP PAGE_UP);
    vt_wait(v, "Internet Engineering");
    vt_send(v, RIGHT);
    vt_wait_gone(v, "Internet Eng");
    vt_wait(v, "Engineering Task Force");
    vt_send(v, "l");
    vt_wait_gone(v, "Engineering Task Force");
    vt_send(v, LEFT);
    vt_wait(v, "Engineering Task Force");
    vt_send(v, LEFT LEFT);
    vt_wait(v, "Internet Engineering");
}

static void the_reader_searches_both_ways(void **state)
{
    struct vt *v = start_reader(state, NULL);

    vt_send(v, "n");
    vt_wait(v, "search for something first");
    vt_send(v, "\r");
    vt_wait(v, "Tab chooses a reference first");
    vt_send(v, "/line 5\r");
    vt_wait_reversed(v, "line 5");
    vt_wait(v, "More text, line 5.");
    vt_send(v, "n");
    vt_wait(v, "More text, line 50.");
    vt_send(v, "N");
    vt_wait(v, "More text, line 5.");
    vt_send(v, "N"); /* around the beginning */
    vt_wait(v, "More text, line 59.");
    vt_send(v, "/no such thing\r");
    vt_wait(v, "not found: no such thing");
    vt_send(v, "\033"); /* first the search goes, then the reader */
    vt_send(v, "\033");
    vt_wait(v, "Peers (5)");
}

static void the_contents_move_by_each_key(void **state)
{
    struct vt *v = start_contents(state);

    vt_send(v, "G");
    vt_wait_reversed(v, "2.  Security Considerations");
    vt_send(v, "k");
    vt_wait_reversed(v, "1.1.  Terms");
    vt_send(v, "j");
    vt_wait_reversed(v, "2.  Security Considerations");
    vt_send(v, "g");
    vt_wait_reversed(v, "Abstract");
    vt_send(v, PAGE_DOWN);
    vt_wait_reversed(v, "2.  Security Considerations");
    vt_send(v, PAGE_UP);
    vt_wait_reversed(v, "Abstract");
    vt_send(v, "t");
    vt_wait(v, "Internet Engineering");
    vt_send(v, "t");
    vt_wait_reversed(v, "contents");
    vt_send(v, "\033");
    vt_wait(v, "Internet Engineering");
}

static void contents_longer_than_the_screen_scroll(void **state)
{
    struct vt *v = start_contents(state);

    vt_resize(v, 4, 60);
    vt_send(v, "G");
    vt_wait_reversed(v, "2.  Security");
    vt_send(v, "g");
    vt_wait_reversed(v, "Abstract");
}

static void the_help_moves_and_searches(void **state)
{
    struct vt *v = start(state, SCENE_PEER, 24, 80, NULL);

    vt_send(v, "?");
    vt_wait(v, "Moving");
    vt_send(v, "k"); /* there is nothing above */
    vt_send(v, "jj");
    vt_wait_gone(v, "Moving");
    vt_send(v, "kk");
    vt_wait(v, "Moving");
    vt_send(v, PAGE_DOWN);
    vt_wait_gone(v, "a row up");
    vt_send(v, PAGE_UP);
    vt_wait(v, "a row up");
    vt_send(v, "G");
    vt_wait(v, "quit, from anywhere");
    vt_send(v, "j" PAGE_DOWN);
    vt_send(v, "g");
    vt_wait(v, "a row up");
    vt_send(v, "n");
    vt_wait(v, "search for something first");
    vt_send(v, "/PAGER\r");
    vt_wait(v, "read it in $PAGER");
    vt_send(v, "/Space\r");
    vt_wait(v, "/Space: 1 of 3");
    vt_send(v, "n");
    vt_wait(v, "/Space: 2 of 3");
    vt_send(v, "N");
    vt_wait(v, "/Space: 1 of 3");
    vt_send(v, "/no such key\r");
    vt_wait(v, "not found: no such key");
    vt_send(v, "q");
    vt_wait(v, "Peers (5)");
}

/* Is it the column that is sorted by, either way round? */
static bool is_sorted_by(struct vt *v, void *arg)
{
    char up[64], down[64];

    snprintf(up, sizeof(up), "%s↑", (const char *)arg);
    snprintf(down, sizeof(down), "%s↓", (const char *)arg);
    return vt_find(v, up) >= 0 || vt_find(v, down) >= 0;
}

/* Goes to the column by key, and turns the order round and back. */
static void sort_by(struct vt *v, const char *key, const char *name)
{
    vt_send(v, key);
    vt_wait_for(v, name, is_sorted_by, (void *)(uintptr_t)name);

    char first[64], second[64];

    snprintf(first, sizeof(first), "%s↑", name);
    snprintf(second, sizeof(second), "%s↓", name);

    bool up = vt_find(v, first) >= 0;

    vt_send(v, "!");
    vt_wait(v, up ? second : first);
    vt_send(v, "!");
    vt_wait(v, up ? first : second);
}

static void each_column_can_be_sorted_by(void **state)
{
    static const char *const peers[] = {"address", "ttl", "reach", "rfcs", "in/s"};
    static const char *const index[] = {"title", "size", "peers"};
    static const char *const transfers_left[] = {"size", "from", "rfc"};
    static const char *const transfers_right[] = {"from", "size", "progress", "wire",
                                                  "rate", "time", "total"};
    struct vt *v = start(state, SCENE_PEER, 60, 200, NULL);

    vt_send(v, "1");
    for (size_t i = 0; i < sizeof(peers) / sizeof(peers[0]); i++)
        sort_by(v, ">", peers[i]);
    vt_send(v, "2");
    for (size_t i = 0; i < sizeof(index) / sizeof(index[0]); i++)
        sort_by(v, ">", index[i]);
    vt_send(v, "3");
    for (size_t i = 0; i < sizeof(transfers_left) / sizeof(transfers_left[0]); i++)
        sort_by(v, "<", transfers_left[i]);
    for (size_t i = 0; i < sizeof(transfers_right) / sizeof(transfers_right[0]); i++)
        sort_by(v, ">", transfers_right[i]);
}

static void each_column_of_the_server_can_be_sorted_by(void **state)
{
    static const char *const peers[] = {"address",           "state", "ttl", "reach", "regs",
                                        "last registration", "name",  "os"};
    struct vt *v = start(state, SCENE_RS, 60, 200, NULL);

    for (size_t i = 0; i < sizeof(peers) / sizeof(peers[0]); i++)
        sort_by(v, ">", peers[i]);
}

static void every_pane_can_be_filtered_by_what_it_says(void **state)
{
    struct vt *v = start(state, SCENE_PEER, 60, 200, NULL);

    vt_send(v, "3\\refused\r");
    vt_wait(v, "8639");
    vt_wait_gone(v, "8634     7  102K");
    vt_send(v, "\033");
    vt_wait(v, "8634     7  102K");
    vt_send(v, "2\\wanted\r");
    vt_wait(v, "8634");
    vt_send(v, "\033");
    vt_send(v, "1\\192.168.1.52\r");
    vt_wait_gone(v, "192.168.1.49");
    vt_send(v, "\033");
    vt_wait(v, "192.168.1.49");
    vt_send(v, "4");
    vt_wait(v, "4 Log");
    vt_send(v, "\\8638\r");
    vt_wait_reversed(v, "RFC 8638");
}

static void lines_are_edited_as_in_a_shell(void **state)
{
    struct vt *v = start(state, SCENE_IDLE, 24, 80, NULL);

    vt_send(v, ":get one  two\027"); /* ^W: a word back */
    vt_wait_gone(v, "two");
    vt_send(v, "\027\027");
    vt_wait_gone(v, ":get");
    vt_send(v, "abcdef\001" RIGHT RIGHT "\013"); /* ^A, right, ^K: the rest goes */
    vt_wait_gone(v, ":abc");
    vt_wait(v, ":ab");
    vt_send(v, "\006\002X\005Y"); /* ^F at the end, ^B, ^E */
    vt_wait(v, ":aXbY");
    vt_send(v, "\004\001\004"); /* ^D at the end does nothing, at the start it takes one */
    vt_wait(v, ":XbY");
    vt_send(v, "\005\025\360\237\230\200z\tq\t"); /* beyond the first plane; nothing to complete */
    vt_wait(v, "zq");
    vt_send(v, "\025\177"); /* a backspace in nothing closes */
    vt_wait_gone(v, "zq");
    vt_send(v, "j");
    vt_wait_reversed(v, "8587");
    /* Nothing before the first line of the history, nothing behind the last. */
    vt_send(v, ":status\r");
    vt_wait_command(v, "status");
    vt_send(v, ":status\r:\033OA\033OA\033OA");
    vt_wait(v, ":status");
    vt_send(v, "\033OB\033OBx");
    vt_wait_gone(v, ":status");
    vt_wait(v, ":x");
}

static void a_line_longer_than_its_room_shows_its_end(void **state)
{
    struct vt *v = start(state, SCENE_IDLE, 24, 80, NULL);

    vt_send(v, ":");
    for (int i = 0; i < 40; i++)
        vt_send(v, "0123456789");
    vt_send(v, "\001start \005end");
    vt_wait(v, "789end");
    vt_send(v, "\001");
    vt_wait(v, ":start 0123");
}

static void a_question_takes_its_answers_only(void **state)
{
    struct vt *v = start(state, SCENE_PEER, 24, 80, NULL);

    vt_send(v, "q");
    vt_wait(v, "Quit? (y/n)");
    vt_send(v, "jx?");
    vt_wait(v, "Quit? (y/n)");
    vt_send(v, "N");
    vt_wait_gone(v, "Quit?");
    vt_send(v, "q");
    vt_wait(v, "Quit? (y/n)");
    vt_send(v, "\033");
    vt_wait_gone(v, "Quit?");
    vt_send(v, "q");
    vt_wait(v, "Quit? (y/n)");
    vt_send(v, "Y");
    vt_wait_end(v);
}

static void a_failed_pager_is_told(void **state)
{
    struct vt *v = start_reader(state, "PAGER=/nonexistent/pager");

    vt_send(v, "P");
    vt_wait(v, "$PAGER could not be run");
}

int main(void)
{
#define MOVING_TEST(f) cmocka_unit_test_teardown(f, stop)
    const struct CMUnitTest tests[] = {
        MOVING_TEST(the_reader_moves_by_each_key),
        MOVING_TEST(the_reader_searches_both_ways),
        MOVING_TEST(the_contents_move_by_each_key),
        MOVING_TEST(contents_longer_than_the_screen_scroll),
        MOVING_TEST(the_help_moves_and_searches),
        MOVING_TEST(each_column_can_be_sorted_by),
        MOVING_TEST(each_column_of_the_server_can_be_sorted_by),
        MOVING_TEST(every_pane_can_be_filtered_by_what_it_says),
        MOVING_TEST(lines_are_edited_as_in_a_shell),
        MOVING_TEST(a_line_longer_than_its_room_shows_its_end),
        MOVING_TEST(a_question_takes_its_answers_only),
        MOVING_TEST(a_failed_pager_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
