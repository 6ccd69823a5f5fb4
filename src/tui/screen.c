/*
 * Takes the terminal and gives it back: at the end, for a shell or pager, and from a crash. The crash
 * handler runs in whichever thread crashed and uses only write and tcsetattr with bytes saved before.
 */
#include "screen.h"

#include "cells.h"
#include "p2pdi/tui/tui.h"

#include <fcntl.h>
#include <langinfo.h>
#include <locale.h>
#include <ncurses.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <term.h>
#include <termios.h>
#include <unistd.h>

#define ESCAPE_DELAY_MS 20

static const int crash_signals[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGQUIT};
#define CRASH_SIGNALS (sizeof(crash_signals) / sizeof(crash_signals[0]))

/* Signals for which curses installs handlers of its own, although they are blocked; ours stay. */
static const int curses_signals[] = {SIGINT, SIGTERM, SIGTSTP, SIGWINCH};
#define CURSES_SIGNALS (sizeof(curses_signals) / sizeof(curses_signals[0]))

static struct {
    SCREEN *screen;
    WINDOW *input; /* a pad: reading from it refreshes nothing */
    FILE *in, *out;
    int out_fd;
    int curses_fd; /* what curses writes to; a duplicate of out_fd */
    int null_fd;   /* where its words go once somebody else has restored the terminal */
    locale_t locale, locale_before;
    struct glyphs glyphs;
    /* What the crash handler needs: set before it is installed. */
    struct termios before;
    char restore[256];
    size_t restore_len;
    _Atomic(bool) taken; /* the terminal: there is something to restore */
    /* Once and for all: the process ends, and the descriptors used for it stay open. */
    _Atomic(bool) restoring;
    struct sigaction old[CRASH_SIGNALS];
    stack_t stack_before;
} self;

static void use_lines(struct glyphs *g, bool utf8)
{
    g->utf8 = utf8;
    g->horizontal = utf8 ? "─" : "-";
    g->vertical = utf8 ? "│" : "|";
    g->top_left = utf8 ? "┌" : "+";
    g->top_right = utf8 ? "┐" : "+";
    g->bottom_left = utf8 ? "└" : "+";
    g->bottom_right = utf8 ? "┘" : "+";
    g->up = utf8 ? "↑" : "^";
    g->down = utf8 ? "↓" : "v";
}

static void use_blocks(struct glyphs *g, bool fine)
{
    static const char *const bar[2][9] = {{".", ".", ".", ".", "-", "-", "-", "-", "#"},
                                          {" ", "▏", "▎", "▍", "▌", "▋", "▊", "▉", "█"}};
    static const char *const spark[2][8] = {{"_", ".", ",", "-", "=", "+", "*", "#"},
                                            {"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"}};

    g->fine = fine;
    g->ellipsis = fine ? "…" : "~";
    g->held = fine ? "●" : "H";
    g->wanted = fine ? "◐" : "W";
    g->known = fine ? "○" : "K";
    g->mark = fine ? "▸" : "*";
    memcpy(g->bar, bar[fine], sizeof(g->bar));
    memcpy(g->spark, spark[fine], sizeof(g->spark));
}

void tui_restore(void)
{
    /* In this order; screen_end has it the other way round, so one of us sees the other. */
    atomic_store(&self.restoring, true);
    if (!atomic_load(&self.taken))
        return;
    /* The thread of the screen may be within a frame, or taking the terminal back after SIGCONT. */
    dup3(self.null_fd, self.curses_fd, O_CLOEXEC);

    const char *p = self.restore;
    size_t left = self.restore_len;

    while (left > 0) {
        ssize_t n = write(self.out_fd, p, left);

        if (n <= 0)
            break;
        p += n;
        left -= (size_t)n;
    }
    tcsetattr(self.out_fd, TCSANOW, &self.before);
}

static void on_crash(int sig)
{
    tui_restore();

    /* Whoever was there before (a sanitizer, or the default) has the last word. */
    for (size_t i = 0; i < CRASH_SIGNALS; i++)
        if (crash_signals[i] == sig)
            sigaction(sig, &self.old[i], NULL);
    raise(sig);
}

static int save_char(int c)
{
    if (self.restore_len < sizeof(self.restore))
        self.restore[self.restore_len++] = (char)c;
    return c;
}

/* terminfo says -1 for what a terminal never has. */
static bool has(const char *capability)
{
    return capability != NULL && (intptr_t)capability != -1;
}

static void save_capability(const char *bytes)
{
    if (has(bytes))
        tputs(bytes, 1, save_char);
}

static void save_restore_bytes(void)
{
    self.restore_len = 0;
    save_capability(keypad_local);
    save_capability(exit_attribute_mode);
    save_capability(cursor_normal);
    save_capability(exit_ca_mode);
    /* Mouse reports of both kinds off; terminals without them ignore it as an unknown mode. */
    if (has(key_mouse))
        save_capability("\033[?1006;1000l");
    save_char('\r');
    save_char('\n');
}

static void catch_crashes(void)
{
    static char stack[(size_t)32 << 10];
    struct sigaction sa = {.sa_handler = on_crash, .sa_flags = SA_ONSTACK};
    stack_t alternate = {.ss_sp = stack, .ss_size = sizeof(stack)};

    /* For a stack that is used up; the other threads have brought such a one with them. */
    if (sigaltstack(NULL, &self.stack_before) == 0 &&
        (self.stack_before.ss_flags & SS_DISABLE) != 0)
        sigaltstack(&alternate, NULL);
    atomic_store(&self.taken, true);
    sigemptyset(&sa.sa_mask);
    for (size_t i = 0; i < CRASH_SIGNALS; i++)
        sigaction(crash_signals[i], &sa, &self.old[i]);
}

static void release_crashes(void)
{
    atomic_store(&self.taken, false);
    for (size_t i = 0; i < CRASH_SIGNALS; i++)
        sigaction(crash_signals[i], &self.old[i], NULL);
    if ((self.stack_before.ss_flags & SS_DISABLE) != 0)
        sigaltstack(&self.stack_before, NULL);
}

bool screen_is_usable(int in_fd, int out_fd, char why[256])
{
    const char *term = getenv("TERM");
    int err;

    if (!isatty(in_fd) || !isatty(out_fd)) {
        snprintf(why, 256, "this is not a terminal");
        return false;
    }
    if (term == NULL || term[0] == '\0') {
        snprintf(why, 256, "TERM is not set; try TERM=xterm");
        return false;
    }
    if (setupterm(term, out_fd, &err) != OK) {
        snprintf(why, 256, "the terminal '%.60s' (TERM) is not known here; try TERM=xterm", term);
        return false;
    }

    bool can = has(cursor_address);

    del_curterm(cur_term);
    if (!can)
        snprintf(why, 256, "the terminal '%.60s' (TERM) cannot move its cursor; try TERM=xterm",
                 term);
    return can;
}

static void use_locale(void)
{
    /* For this thread alone: nobody else's functions change their ways. */
    self.locale = newlocale(LC_CTYPE_MASK, "", (locale_t)0);
    if (self.locale != (locale_t)0)
        self.locale_before = uselocale(self.locale);

    /* The console of Linux has letters and lines, but its font ends at 256 or 512 signs. */
    const char *term = getenv("TERM");
    bool console = term != NULL && strcmp(term, "linux") == 0;
    bool utf8 = strcmp(nl_langinfo(CODESET), "UTF-8") == 0;

    use_lines(&self.glyphs, utf8);
    use_blocks(&self.glyphs, utf8 && !console);
}

static void drop_locale(void)
{
    if (self.locale != (locale_t)0) {
        uselocale(self.locale_before);
        freelocale(self.locale);
        self.locale = (locale_t)0;
    }
}

enum di_err screen_start(int in_fd, int out_fd, char why[256])
{
    struct sigaction kept[CURSES_SIGNALS];
    const char *no_color = getenv("NO_COLOR");

    if (!screen_is_usable(in_fd, out_fd, why))
        return DI_INVALID;
    self.in = fdopen(dup(in_fd), "r");
    self.out = fdopen(dup(out_fd), "w");
    self.out_fd = out_fd;
    self.null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (self.in == NULL || self.out == NULL || self.null_fd < 0 ||
        tcgetattr(out_fd, &self.before) != 0)
        goto fail_files;
    self.curses_fd = fileno(self.out);
    use_locale();

    for (size_t i = 0; i < CURSES_SIGNALS; i++)
        sigaction(curses_signals[i], NULL, &kept[i]);
    self.screen = newterm(NULL, self.out, self.in);
    for (size_t i = 0; i < CURSES_SIGNALS; i++)
        sigaction(curses_signals[i], &kept[i], NULL);
    if (self.screen == NULL)
        goto fail_locale;
    self.input = newpad(1, 1);
    if (self.input == NULL)
        goto fail_screen;

    save_restore_bytes();
    catch_crashes();
    raw(); /* ^C and ^Z come as keys: in a prompt too they are ours */
    noecho();
    nonl();
    set_escdelay(ESCAPE_DELAY_MS);
    keypad(self.input, TRUE);
    nodelay(self.input, TRUE);
    mouseinterval(0);
    leaveok(stdscr, FALSE);
    cells_start(has_colors() && (no_color == NULL || no_color[0] == '\0'));
    screen_cursor(-1, 0);
    /*
     * As newterm leaves it, curses 6.4 flushes after each movement of the cursor: dozens of writes a frame.
     * Once it has come back from a shell it does so no more.
     */
    screen_leave();
    reset_prog_mode();
    return DI_OK;

fail_screen:
    endwin();
    delscreen(self.screen);
    self.screen = NULL;
fail_locale:
    drop_locale();
fail_files:
    if (self.in != NULL)
        fclose(self.in);
    if (self.out != NULL)
        fclose(self.out);
    if (self.null_fd >= 0)
        close(self.null_fd);
    snprintf(why, 256, "the terminal could not be set up");
    return DI_INVALID;
}

void screen_end(void)
{
    screen_set_mouse(false);
    screen_cursor(0, 0);
    /* Where there is no second screen, what comes next is written over the last line. */
    move(LINES - 1, 0);
    clrtoeol();
    refresh();
    endwin();
    release_crashes();
    delwin(self.input);
    delscreen(self.screen);
    fclose(self.in);
    if (!atomic_load(&self.restoring)) {
        fclose(self.out);
        close(self.null_fd);
    }
    drop_locale();
    self.screen = NULL;
}

void screen_leave(void)
{
    def_prog_mode();
    endwin();
}

void screen_return(void)
{
    reset_prog_mode();
    screen_fit();
    screen_repaint();
}

bool screen_fit(void)
{
    struct winsize ws;

    if (ioctl(self.out_fd, TIOCGWINSZ, &ws) != 0 || ws.ws_row == 0 || ws.ws_col == 0)
        return false;
    if (ws.ws_row == LINES && ws.ws_col == COLS)
        return false;
    resizeterm(ws.ws_row, ws.ws_col);
    return true;
}

void screen_repaint(void)
{
    clearok(curscr, TRUE);
}

void screen_show(void)
{
    wnoutrefresh(stdscr);
    doupdate();
}

bool screen_set_mouse(bool on)
{
    /* However short we say that clicks are, quick ones come as double or triple clicks. */
    mmask_t got = mousemask(on ? ALL_MOUSE_EVENTS : 0, NULL);

    return on && got != 0;
}

int screen_rows(void)
{
    return LINES;
}

int screen_cols(void)
{
    return COLS;
}

const struct glyphs *screen_glyphs(void)
{
    return &self.glyphs;
}

int screen_key(uint32_t *ch)
{
    wint_t c;
    int rc = wget_wch(self.input, &c);

    *ch = 0;
    if (rc == ERR)
        return feof(self.in) || ferror(self.in) ? -2 : -1;
    if (rc == KEY_CODE_YES)
        return (int)c;
    *ch = (uint32_t)c;
    return c < 0x80 ? (int)c : KEY_CHARACTER;
}
