/* The help screen, made of the table of keys. In the thread of tui_run. */
#ifndef P2PDI_TUI_HELP_H
#define P2PDI_TUI_HELP_H

#include "keys.h"
#include "screen.h"

struct help {
    bool open;
    size_t top, page, found;  /* found: the line that search went to last */
    enum key_context context; /* where it was called: keys that hold there come bold */
    char search[128];
};

bool help_key(struct help *h, enum key_action action);
bool help_search(struct help *h, bool forward, bool from_here);
void help_matches(const struct help *h, size_t *at, size_t *of);
void help_draw(struct help *h, struct rect r);

#endif
