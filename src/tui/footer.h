/*
 * The line at the bottom: the keys that do something here, as many as there is room for. Which key it
 * is comes from the table of keys. In the thread of tui_run.
 */
#ifndef P2PDI_TUI_FOOTER_H
#define P2PDI_TUI_FOOTER_H

#include "screen.h"

enum footer_place {
    FOOTER_PEERS = 1, /* of the peer */
    FOOTER_INDEX = 2,
    FOOTER_TRANSFERS = 4,
    FOOTER_LOG = 8,
    FOOTER_RECORDS = 16, /* of the RS */
    FOOTER_RATES = 32,
    FOOTER_REQUESTS = 64,
    FOOTER_RS_LOG = 128,
    FOOTER_READER = 256,
    FOOTER_CONTENTS = 512,
    FOOTER_DEMO = 1024, /* which has no help: all its keys stand here */
    FOOTER_DEMO_SCROLLS = 2048
};

/* place: one, or several. alone: other panes are not to be seen, so that the key to them matters more. */
void footer_draw(struct rect r, unsigned place, bool alone);

#endif
