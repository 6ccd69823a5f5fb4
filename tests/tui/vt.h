/* A terminal for tests: libvterm at one end of a real pseudo-terminal, the screen at the other. */
#ifndef TESTS_TUI_VT_H
#define TESTS_TUI_VT_H

#include "model.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>
#include <termios.h>
#include <vterm.h>

#define VT_LINE 2048

struct vt {
    int master, slave, wake;
    pid_t child;
    int status; /* of the child, once it ended */
    bool ended;
    int rows, cols;
    VTerm *term;
    VTermScreen *screen;
    struct model_shared *shared;
    size_t bytes;          /* that the child wrote */
    struct termios before; /* of the terminal, before the child */
    bool alternate, cursor_hidden;
    char tail[256]; /* the last bytes written */
    size_t tail_len;
};

/* term: TERM of the child; locale: LC_ALL; extra: another variable as "NAME=value", or NULL. */
void vt_start(struct vt *v, enum model_scene scene, int rows, int cols, const char *term,
              const char *locale, const char *extra);
/* In an ordinary terminal; the screen is there. */
void vt_open(struct vt *v, enum model_scene scene, int rows, int cols, const char *extra);
/* The child of any program instead. argv as for execv. */
void vt_start_program(struct vt *v, const char *const argv[], int rows, int cols, const char *term);
void vt_stop(struct vt *v);

void vt_send(struct vt *v, const char *keys);
void vt_resize(struct vt *v, int rows, int cols);
/* Another scene, and the screen told. */
void vt_scene(struct vt *v, enum model_scene scene);
void vt_tick(struct vt *v, int64_t us);
/* Reads what there is to read for at most ms; false: nothing came. */
bool vt_read(struct vt *v, int ms);

/* A row as UTF-8, trailing blanks cut. */
void vt_row(struct vt *v, int row, char out[VT_LINE]);
/* The row in which a text stands, -1: none. */
int vt_find(struct vt *v, const char *text);
/* Until the text is (not) on the screen; fails the test with the screen printed after a minute. */
void vt_wait(struct vt *v, const char *text);
void vt_wait_gone(struct vt *v, const char *text);
/* Until condition(arg) holds. */
void vt_wait_for(struct vt *v, const char *what, bool (*condition)(struct vt *v, void *arg),
                 void *arg);
/* Until the child has been given that command. */
void vt_wait_command(struct vt *v, const char *line);
/* Until the child ended; returns the status of waitpid. */
int vt_wait_end(struct vt *v);
/* All that is shown in reverse: the row at the cursor. */
void vt_reversed(struct vt *v, char out[VT_LINE]);
void vt_wait_reversed(struct vt *v, const char *text);
/* Cell of the screen. */
VTermScreenCell vt_cell(struct vt *v, int row, int col);
void vt_print(struct vt *v);

#endif
