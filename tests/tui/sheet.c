/* See sheet.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sheet.h"

#include "../../src/tui/screen.h"

#include <fcntl.h>
#include <ncurses.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <wchar.h>

static int master, slave;

void sheet_open(int rows, int cols, const char *locale)
{
    struct winsize size = {.ws_row = (unsigned short)rows, .ws_col = (unsigned short)cols};
    char why[256];

    master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (master < 0) {
        print_message("skipped: no pseudo-terminal is to be had: mount devpts on /dev/pts\n");
        skip();
    }
    assert_int_equal(grantpt(master), 0);
    assert_int_equal(unlockpt(master), 0);
    slave = open(ptsname(master), O_RDWR | O_NOCTTY | O_CLOEXEC);
    assert_true(slave >= 0);
    assert_int_equal(ioctl(master, TIOCSWINSZ, &size), 0);
    setenv("TERM", "xterm-256color", 1);
    setenv("LC_ALL", locale, 1);
    unsetenv("LINES");
    unsetenv("COLUMNS");
    if (screen_start(slave, slave, why) != DI_OK)
        fail_msg("%s", why);
    assert_int_equal(screen_rows(), rows);
    assert_int_equal(screen_cols(), cols);
    screen_erase();
}

void sheet_close(void)
{
    screen_end();
    close(slave);
    close(master);
}

const char *sheet_row(int row)
{
    static char text[SHEET_LINE];
    wchar_t wide[SHEET_LINE / 4];
    size_t n;

    assert_true(mvinnwstr(row, 0, wide, SHEET_LINE / 4 - 1) != ERR);
    n = wcstombs(text, wide, sizeof(text) - 1);
    assert_true(n != (size_t)-1);
    while (n > 0 && text[n - 1] == ' ')
        n--;
    text[n] = '\0';
    return text;
}

int sheet_used(void)
{
    int used = 0;

    for (int y = 0; y < screen_rows(); y++)
        used += *sheet_row(y) != '\0';
    return used;
}
