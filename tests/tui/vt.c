/* Drives a child through a pseudo-terminal and looks at what it drew. One thread. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "vt.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "p2pdi/base/clock.h"

#define PATIENCE_US (60 * CLOCK_US_PER_S)

static int on_property(VTermProp prop, VTermValue *value, void *user)
{
    struct vt *v = user;

    if (prop == VTERM_PROP_ALTSCREEN)
        v->alternate = value->boolean;
    if (prop == VTERM_PROP_CURSORVISIBLE)
        v->cursor_hidden = !value->boolean;
    return 1;
}

static const VTermScreenCallbacks callbacks = {.settermprop = on_property};

static void open_terminal(struct vt *v, int rows, int cols)
{
    struct winsize size = {.ws_row = (unsigned short)rows, .ws_col = (unsigned short)cols};

    *v = (struct vt){.rows = rows, .cols = cols};
    v->master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (v->master < 0) {
        print_message("skipped: no pseudo-terminal is to be had: mount devpts on /dev/pts\n");
        skip();
    }
    assert_int_equal(grantpt(v->master), 0);
    assert_int_equal(unlockpt(v->master), 0);
    v->slave = open(ptsname(v->master), O_RDWR | O_NOCTTY | O_CLOEXEC);
    assert_true(v->slave >= 0);
    assert_int_equal(ioctl(v->master, TIOCSWINSZ, &size), 0);
    assert_int_equal(tcgetattr(v->slave, &v->before), 0);
    v->term = vterm_new(rows, cols);
    vterm_set_utf8(v->term, 1);
    v->screen = vterm_obtain_screen(v->term);
    vterm_screen_enable_altscreen(v->screen, 1);
    vterm_screen_set_callbacks(v->screen, &callbacks, v);
    vterm_screen_reset(v->screen, 1);
    v->wake = eventfd(0, EFD_NONBLOCK);
    v->shared =
        mmap(NULL, sizeof(*v->shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_true(v->shared != MAP_FAILED);
}

/* In the child: the terminal is its own, and that of a session. */
static void become_foreground(struct vt *v)
{
    static const int caught[] = {SIGSEGV, SIGABRT, SIGBUS, SIGFPE, SIGILL};

    /* What cmocka or a sanitizer would do on them is not what is tested. */
    for (size_t i = 0; i < sizeof(caught) / sizeof(caught[0]); i++)
        signal(caught[i], SIG_DFL);
    signal(SIGHUP, SIG_IGN);
    close(v->master);
    setsid();
    ioctl(v->slave, TIOCSCTTY, 0);
    dup2(v->slave, STDIN_FILENO);
    dup2(v->slave, STDOUT_FILENO);
}

void vt_start(struct vt *v, enum model_scene scene, int rows, int cols, const char *term,
              const char *locale, const char *extra)
{
    char why[256] = "";

    open_terminal(v, rows, cols);
    atomic_store(&v->shared->now_us, MODEL_NOW_US);
    atomic_store(&v->shared->scene, (int)scene);
    fflush(NULL); /* or the child's exit writes it again */
    v->child = fork();
    assert_true(v->child >= 0);
    if (v->child > 0)
        return;

    become_foreground(v);
    setenv("TERM", term, 1);
    setenv("LC_ALL", locale, 1);
    setenv("TZ", "UTC", 1);
    unsetenv("NO_COLOR");
    unsetenv("LINES");
    unsetenv("COLUMNS");
    if (extra != NULL)
        putenv(strdup(extra));

    enum tui_kind kind = scene == SCENE_RS || scene == SCENE_RS_MANY ? TUI_RS : TUI_PEER;
    enum di_err err = model_run(v->shared, kind, v->wake, why);

    if (err != DI_OK) {
        fprintf(stdout, "%s\n", why);
        fflush(stdout);
    }
    exit((int)err); /* not _exit: leaks are looked for, and coverage kept */
}

void vt_open(struct vt *v, enum model_scene scene, int rows, int cols, const char *extra)
{
    vt_start(v, scene, rows, cols, "xterm-256color", "C.UTF-8", extra);
    vt_wait(v, scene == SCENE_RS ? "Peers (200)" : "Peers (5)");
}

void vt_start_program(struct vt *v, const char *const argv[], int rows, int cols, const char *term)
{
    open_terminal(v, rows, cols);
    v->child = fork();
    assert_true(v->child >= 0);
    if (v->child > 0)
        return;
    become_foreground(v);
    setenv("TERM", term, 1);
    setenv("LC_ALL", "C.UTF-8", 1);
    setenv("TZ", "UTC", 1);
    execv(argv[0], (char *const *)(uintptr_t)argv);
    _exit(127);
}

void vt_stop(struct vt *v)
{
    if (!v->ended) {
        uint64_t one = 1;

        atomic_store(&v->shared->stop, true);
        assert_int_equal(write(v->wake, &one, sizeof(one)), sizeof(one));
        vt_wait_end(v);
    }
    vterm_free(v->term);
    munmap(v->shared, sizeof(*v->shared));
    close(v->wake);
    if (v->slave >= 0)
        close(v->slave);
    if (v->master >= 0)
        close(v->master);
}

static void tell(struct vt *v)
{
    uint64_t one = 1;

    assert_int_equal(write(v->wake, &one, sizeof(one)), sizeof(one));
}

void vt_send(struct vt *v, const char *keys)
{
    size_t len = strlen(keys);

    while (len > 0) {
        ssize_t n = write(v->master, keys, len);

        assert_true(n > 0);
        keys += n;
        len -= (size_t)n;
    }
}

void vt_resize(struct vt *v, int rows, int cols)
{
    struct winsize size = {.ws_row = (unsigned short)rows, .ws_col = (unsigned short)cols};

    v->rows = rows;
    v->cols = cols;
    vterm_set_size(v->term, rows, cols);
    assert_int_equal(ioctl(v->master, TIOCSWINSZ, &size), 0);
}

void vt_scene(struct vt *v, enum model_scene scene)
{
    atomic_store(&v->shared->scene, (int)scene);
    tell(v);
}

void vt_tick(struct vt *v, int64_t us)
{
    atomic_fetch_add(&v->shared->now_us, us);
    tell(v);
}

bool vt_read(struct vt *v, int ms)
{
    struct pollfd fd = {.fd = v->master, .events = POLLIN};
    char bytes[4096];

    if (poll(&fd, 1, ms) <= 0)
        return false;

    ssize_t n = read(v->master, bytes, sizeof(bytes));

    if (n <= 0)
        return false;
    v->bytes += (size_t)n;
    vterm_input_write(v->term, bytes, (size_t)n);
    vterm_screen_flush_damage(v->screen);

    size_t keep = (size_t)n < sizeof(v->tail) ? (size_t)n : sizeof(v->tail);

    memcpy(v->tail, bytes + n - keep, keep);
    v->tail_len = keep;
    return true;
}

VTermScreenCell vt_cell(struct vt *v, int row, int col)
{
    VTermScreenCell cell = {0};

    vterm_screen_get_cell(v->screen, (VTermPos){.row = row, .col = col}, &cell);
    return cell;
}

static size_t put_utf8(char *out, uint32_t c)
{
    if (c < 0x80) {
        out[0] = (char)c;
        return 1;
    }
    if (c < 0x800) {
        out[0] = (char)(0xc0 | c >> 6);
        out[1] = (char)(0x80 | (c & 0x3f));
        return 2;
    }
    if (c < 0x10000) {
        out[0] = (char)(0xe0 | c >> 12);
        out[1] = (char)(0x80 | (c >> 6 & 0x3f));
        out[2] = (char)(0x80 | (c & 0x3f));
        return 3;
    }
    out[0] = (char)(0xf0 | c >> 18);
    out[1] = (char)(0x80 | (c >> 12 & 0x3f));
    out[2] = (char)(0x80 | (c >> 6 & 0x3f));
    out[3] = (char)(0x80 | (c & 0x3f));
    return 4;
}

void vt_row(struct vt *v, int row, char out[VT_LINE])
{
    size_t n = 0;

    for (int col = 0; col < v->cols && n < VT_LINE - 32; col++) {
        VTermScreenCell cell = vt_cell(v, row, col);

        if (cell.chars[0] == (uint32_t)-1)
            continue; /* the right half of a wide one */
        if (cell.chars[0] == 0)
            out[n++] = ' ';
        for (size_t i = 0; i < VTERM_MAX_CHARS_PER_CELL && cell.chars[i] != 0; i++)
            n += put_utf8(out + n, cell.chars[i]);
    }
    while (n > 0 && out[n - 1] == ' ')
        n--;
    out[n] = '\0';
}

int vt_find(struct vt *v, const char *text)
{
    char row[VT_LINE];

    for (int y = 0; y < v->rows; y++) {
        vt_row(v, y, row);
        if (strstr(row, text) != NULL)
            return y;
    }
    return -1;
}

void vt_print(struct vt *v)
{
    char row[VT_LINE];

    for (int y = 0; y < v->rows; y++) {
        vt_row(v, y, row);
        print_message("|%s\n", row);
    }
}

void vt_wait_for(struct vt *v, const char *what, bool (*condition)(struct vt *v, void *arg),
                 void *arg)
{
    int64_t until = clock_mono_us() + PATIENCE_US;

    while (!condition(v, arg)) {
        if (clock_mono_us() > until) {
            vt_print(v);
            fail_msg("waited in vain: %s", what);
        }
        vt_read(v, 20);
    }
}

static bool has_text(struct vt *v, void *arg)
{
    return vt_find(v, arg) >= 0;
}

static bool lacks_text(struct vt *v, void *arg)
{
    return vt_find(v, arg) < 0;
}

void vt_wait(struct vt *v, const char *text)
{
    vt_wait_for(v, text, has_text, (void *)(uintptr_t)text);
}

void vt_wait_gone(struct vt *v, const char *text)
{
    vt_wait_for(v, text, lacks_text, (void *)(uintptr_t)text);
}

static bool has_command(struct vt *v, void *arg)
{
    size_t n = atomic_load(&v->shared->command_count);

    for (size_t i = 0; i < n; i++)
        if (strcmp(v->shared->commands[i], arg) == 0)
            return true;
    return false;
}

void vt_wait_command(struct vt *v, const char *line)
{
    vt_wait_for(v, line, has_command, (void *)(uintptr_t)line);
}

static bool has_ended(struct vt *v, void *arg)
{
    (void)arg;
    if (!v->ended && waitpid(v->child, &v->status, WNOHANG) == v->child)
        v->ended = true;
    return v->ended;
}

int vt_wait_end(struct vt *v)
{
    vt_wait_for(v, "the end of the child", has_ended, NULL);
    while (vt_read(v, 0))
        ;
    return v->status;
}

void vt_reversed(struct vt *v, char out[VT_LINE])
{
    size_t n = 0;

    for (int y = 0; y < v->rows; y++) {
        for (int x = 0; x < v->cols && n < VT_LINE - 32; x++) {
            VTermScreenCell cell = vt_cell(v, y, x);

            if (!cell.attrs.reverse || cell.chars[0] == (uint32_t)-1)
                continue;
            n += put_utf8(out + n, cell.chars[0] == 0 ? ' ' : cell.chars[0]);
        }
    }
    out[n] = '\0';
}

static bool has_reversed(struct vt *v, void *arg)
{
    char row[VT_LINE];

    vt_reversed(v, row);
    return strstr(row, arg) != NULL;
}

void vt_wait_reversed(struct vt *v, const char *text)
{
    vt_wait_for(v, text, has_reversed, (void *)(uintptr_t)text);
}
