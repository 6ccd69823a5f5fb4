/* Styles and their colours: set up by the screen. */
#ifndef P2PDI_TUI_CELLS_H
#define P2PDI_TUI_CELLS_H

#include <stdbool.h>

void cells_start(bool colours);

#endif
