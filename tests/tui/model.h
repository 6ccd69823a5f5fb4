/*
 * What the screen shows in tests: boards made by a generator, the same each time, on a clock that
 * stands still unless the test moves it. Runs in the child of vt_start; memory shared with the test.
 */
#ifndef TESTS_TUI_MODEL_H
#define TESTS_TUI_MODEL_H

#include "p2pdi/tui/tui.h"

#include <stdatomic.h>

#define MODEL_NOW_US INT64_C(1000000000) /* where the clock starts */
#define MODEL_COMMANDS 32
#define MODEL_OVERFLOW (-1)       /* the stack of the screen's thread is used up */
#define MODEL_OTHER_OVERFLOW (-2) /* that of another one */

enum model_scene {
    SCENE_PEER,    /* transfers under way */
    SCENE_IDLE,    /* the same, all done */
    SCENE_SENDING, /* as SCENE_IDLE, but others download */
    SCENE_EMPTY,   /* nobody there */
    SCENE_HOSTILE, /* titles from a bad dream */
    SCENE_MOVED,   /* as SCENE_PEER; more peers, more bytes, a line of log */
    SCENE_RS,
    SCENE_RS_MANY, /* 100,000 records */
    SCENE_NOTHING  /* no memory for anything to show */
};

/* Shared by the test and its child. */
struct model_shared {
    _Atomic(int64_t) now_us;
    _Atomic(int) scene;
    _Atomic(bool) stop;
    _Atomic(int) crash;          /* a signal to raise at the next look, or one of those below */
    _Atomic(uint32_t) snapshots; /* how often they were asked for */
    _Atomic(size_t) command_count;
    char commands[MODEL_COMMANDS][256];
    _Atomic(uint32_t) cancelled;
    _Atomic(uint32_t) removed; /* that RFC cannot be opened any more */
};

/* Fills b with a scene. */
void model_fill(struct snap_board *b, enum model_scene scene, int64_t now_us);
/* Runs the screen until its end, as the child; returns what tui_run returns. */
enum di_err model_run(struct model_shared *shared, enum tui_kind kind, int wake_fd, char why[256]);

#endif
