/*
 * Whole screens against stored ones (tests/tui/golden/). GOLDEN=update in the environment writes them
 * anew; "test_tui_golden show NAME" puts a scene on the terminal that it is started from.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>

#include "vt.h"

#define SCREEN_BYTES 65536

static void screen_text(struct vt *v, char out[SCREEN_BYTES])
{
    size_t n = 0;
    char row[VT_LINE];

    for (int y = 0; y < v->rows; y++) {
        vt_row(v, y, row);
        n += (size_t)snprintf(out + n, SCREEN_BYTES - n, "%s\n", row);
    }
}

static bool read_golden(const char *path, char out[SCREEN_BYTES])
{
    FILE *f = fopen(path, "r");

    if (f == NULL)
        return false;
    out[fread(out, 1, SCREEN_BYTES - 1, f)] = '\0';
    fclose(f);
    return true;
}

static bool equals(struct vt *v, void *arg)
{
    char now[SCREEN_BYTES];

    screen_text(v, now);
    return strcmp(now, arg) == 0;
}

/* wait: a text that is there when the screen is as it should be. */
static void check(struct vt *v, const char *name, const char *wait)
{
    char path[256], golden[SCREEN_BYTES], now[SCREEN_BYTES];
    const char *update = getenv("GOLDEN");

    vt_wait(v, wait);
    vt_send(v, "\014"); /* any key takes away what is said at the bottom */
    while (vt_read(v, update != NULL ? 300 : 0))
        ;
    snprintf(path, sizeof(path), "tests/tui/golden/%s", name);
    if (update != NULL && strcmp(update, "update") == 0) {
        FILE *f = fopen(path, "w");

        assert_non_null(f);
        screen_text(v, now);
        fputs(now, f);
        fclose(f);
        return;
    }
    if (!read_golden(path, golden))
        fail_msg("%s is missing: make check T=tui/test_tui_golden with GOLDEN=update", path);
    vt_wait_for(v, path, equals, golden);
}

static void the_peers_dashboard(void **state)
{
    static const struct {
        int rows, cols;
        const char *name;
    } sizes[] = {{24, 80, "peer-80x24"},
                 {12, 40, "peer-40x12"},
                 {60, 200, "peer-200x60"},
                 {24, 103, "peer-103x24"}};
    struct vt v;

    (void)state;
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        vt_start(&v, SCENE_PEER, sizes[i].rows, sizes[i].cols, "xterm-256color", "C.UTF-8", NULL);
        check(&v, sizes[i].name, "8586");
        vt_stop(&v);
    }
}

static void the_peers_dashboard_in_ascii(void **state)
{
    struct vt v;

    (void)state;
    vt_start(&v, SCENE_PEER, 24, 80, "vt100", "C", NULL);
    check(&v, "peer-ascii-80x24", "8586");
    vt_stop(&v);
}

static void nobody_there(void **state)
{
    struct vt v;

    (void)state;
    vt_start(&v, SCENE_EMPTY, 24, 80, "xterm-256color", "C.UTF-8", NULL);
    check(&v, "peer-empty-80x24", "not registered");
    vt_stop(&v);
}

static void the_servers_dashboard(void **state)
{
    static const struct {
        int rows, cols;
        const char *name;
    } sizes[] = {{24, 80, "rs-80x24"}, {12, 40, "rs-40x12"}, {60, 200, "rs-200x60"}};
    struct vt v;

    (void)state;
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        vt_start(&v, SCENE_RS, sizes[i].rows, sizes[i].cols, "xterm-256color", "C.UTF-8", NULL);
        check(&v, sizes[i].name, "Peers (200)");
        vt_stop(&v);
    }
}

static void a_peers_last_requests(void **state)
{
    struct vt v;

    (void)state;
    vt_start(&v, SCENE_RS, 24, 80, "xterm-256color", "C.UTF-8", NULL);
    vt_wait(&v, "Peers (200)");
    vt_send(&v, "jj\r");
    check(&v, "rs-requests-80x24", "3 Peer 3: last requests");
    vt_stop(&v);
}

static void the_help(void **state)
{
    struct vt v;

    (void)state;
    vt_start(&v, SCENE_PEER, 60, 100, "xterm-256color", "C.UTF-8", NULL);
    vt_wait(&v, "8586");
    vt_send(&v, "?");
    check(&v, "help-100x60", "quit, from anywhere");
    vt_stop(&v);
}

static void the_reader(void **state)
{
    struct vt v;

    (void)state;
    vt_start(&v, SCENE_PEER, 30, 80, "xterm-256color", "C.UTF-8", NULL);
    vt_wait(&v, "8586");
    vt_send(&v, "\r");
    check(&v, "reader-80x30", "A Document Made for Reading");
    vt_send(&v, "t");
    check(&v, "reader-contents-80x30", "go there");
    vt_stop(&v);
}

static int show(const char *name)
{
    static struct model_shared shared;
    char why[256];
    bool rs = strncmp(name, "rs", 2) == 0;

    atomic_store(&shared.now_us, MODEL_NOW_US);
    atomic_store(&shared.scene, strcmp(name, "rs-many") == 0   ? SCENE_RS_MANY
                                : rs                           ? SCENE_RS
                                : strcmp(name, "hostile") == 0 ? SCENE_HOSTILE
                                : strcmp(name, "idle") == 0    ? SCENE_IDLE
                                                               : SCENE_PEER);
    if (model_run(&shared, rs ? TUI_RS : TUI_PEER, eventfd(0, EFD_NONBLOCK), why) == DI_OK)
        return 0;
    fprintf(stderr, "%s\n", why);
    return 1;
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_peers_dashboard),
        cmocka_unit_test(the_peers_dashboard_in_ascii),
        cmocka_unit_test(nobody_there),
        cmocka_unit_test(the_servers_dashboard),
        cmocka_unit_test(a_peers_last_requests),
        cmocka_unit_test(the_help),
        cmocka_unit_test(the_reader),
    };

    if (argc == 3 && strcmp(argv[1], "show") == 0)
        return show(argv[2]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
