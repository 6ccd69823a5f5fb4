/* A screen in this process, for tests of what is drawn where: nobody reads its terminal; its cells are looked at. */
#ifndef TESTS_TUI_SHEET_H
#define TESTS_TUI_SHEET_H

#define SHEET_LINE 1024

/* Skips the test if there is no pseudo-terminal. locale as LC_ALL. */
void sheet_open(int rows, int cols, const char *locale);
void sheet_close(void);
/* A row as UTF-8, trailing blanks cut. */
const char *sheet_row(int row);
/* How many rows are not blank. */
int sheet_used(void);

#endif
