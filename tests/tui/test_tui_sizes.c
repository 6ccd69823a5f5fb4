/* Any size from 1x1 to 300x100, storms of resizes, what comes out of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "p2pdi/base/random.h"
#include "vt.h"

static const enum model_scene scenes[] = {SCENE_PEER, SCENE_HOSTILE, SCENE_EMPTY, SCENE_RS};
#define SCENES (sizeof(scenes) / sizeof(scenes[0]))

static const char *const keys[] = {
    "j",           "G", "\t",     "1",    "2",  "3",    "4",    "z",    "/a\033",
    "\\b\033",     ">", "!",      " ",    "\r", "t",    "?",    "\033", "\033",
    ":get \t\033", "h", "\033OC", "\006", "g",  "\033", "\033", "\033"};
#define KEYS (sizeof(keys) / sizeof(keys[0]))

static bool asked(struct vt *v, void *arg)
{
    return atomic_load(&v->shared->snapshots) > *(uint32_t *)arg;
}

/* The screen has looked at a snapshot since: it lives, and has handled what came before. */
static void wait_alive(struct vt *v)
{
    uint32_t before = atomic_load(&v->shared->snapshots);

    vt_tick(v, 0);
    vt_wait_for(v, "a sign of life", asked, &before);
}

static void it_starts_at_any_size(void **state)
{
    static const int sizes[][2] = {{1, 1},  {1, 80},  {24, 1},  {2, 2},   {3, 10},  {4, 24},
                                   {5, 40}, {12, 40}, {24, 79}, {23, 80}, {60, 20}, {100, 300}};
    struct vt v;

    (void)state;
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
        for (size_t s = 0; s < SCENES; s++) {
            vt_start(&v, scenes[s], sizes[i][0], sizes[i][1], "xterm-256color", "C.UTF-8", NULL);
            wait_alive(&v);
            for (size_t k = 0; k < KEYS; k++)
                vt_send(&v, keys[k]);
            wait_alive(&v);
            vt_stop(&v);
            assert_int_equal(v.status, 0);
        }
}

static bool read_file(const char *path, char *out, size_t size)
{
    FILE *f = fopen(path, "r");

    if (f == NULL)
        return false;
    out[fread(out, 1, size - 1, f)] = '\0';
    fclose(f);
    return true;
}

static bool is_golden(struct vt *v, void *arg)
{
    const char *p = arg;
    char row[VT_LINE];

    for (int y = 0; y < v->rows; y++) {
        size_t len = strcspn(p, "\n");

        vt_row(v, y, row);
        if (strlen(row) != len || strncmp(row, p, len) != 0)
            return false;
        p += len + (p[len] == '\n');
    }
    return true;
}

/* After any storm, the screen at 80x24 is what it is when started at 80x24: no garbage stays. */
static void a_storm_of_resizes_leaves_no_garbage(void **state)
{
    static char golden[65536];
    struct prng prng;
    struct vt v;

    (void)state;
    assert_true(read_file("tests/tui/golden/peer-80x24", golden, sizeof(golden)));
    prng_seed(&prng, 2026);
    vt_start(&v, SCENE_PEER, 24, 80, "xterm-256color", "C.UTF-8", NULL);
    vt_wait(&v, "Peers (5)");
    for (int i = 0; i < 150; i++) {
        vt_resize(&v, 1 + (int)prng_below(&prng, 100), 1 + (int)prng_below(&prng, 300));
        vt_send(&v, i % 2 == 0 ? "j" : "k");
        vt_read(&v, 0);
    }
    vt_resize(&v, 1, 1);
    wait_alive(&v);
    vt_resize(&v, 100, 300);
    vt_wait(&v, "4 Log");
    vt_resize(&v, 24, 80);
    vt_send(&v, "2gz\033\014");
    vt_wait_for(&v, "the screen as at the start", is_golden, golden);
    vt_stop(&v);
}

static void a_resize_is_drawn_at_once(void **state)
{
    struct vt v;

    (void)state;
    vt_start(&v, SCENE_IDLE, 24, 80, "xterm-256color", "C.UTF-8", NULL);
    vt_wait(&v, "Peers (5)");
    vt_resize(&v, 40, 120);
    vt_wait(&v, "4 Log");
    vt_resize(&v, 12, 40);
    vt_wait_gone(&v, "Transfers");
    vt_wait(&v, "RFC index");
    vt_stop(&v);
}

/* At the usual size, with as much to say as there can be. */
static void numbers_in_titles_are_not_cut(void **state)
{
    struct vt v;

    (void)state;
    vt_open(&v, SCENE_PEER, 24, 80, NULL);
    vt_wait(&v, " 3:  8 active 41 done 2 failed 3 queued ");
    vt_wait(&v, " 2 RFC index (60 known, 41 here) ");
    vt_send(&v, " ");
    vt_wait(&v, " 2:  1 marked (60 known, 41 here) ");
    vt_send(&v, "3 ");
    vt_wait(&v, " 3:  1 marked  8 act 41 done 2 fail 3 ");
    vt_resize(&v, 24, 120);
    vt_wait(&v, " 3 Transfers  1 marked  8 active 41 done 2 failed 3 queued ");
    vt_stop(&v);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_starts_at_any_size),
        cmocka_unit_test(a_storm_of_resizes_leaves_no_garbage),
        cmocka_unit_test(a_resize_is_drawn_at_once),
        cmocka_unit_test(numbers_in_titles_are_not_cut),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
