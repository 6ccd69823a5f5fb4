/*
 * The table of keys. It makes the dispatch, the help screen and the section of the manual page, so
 * none of them can say something else. Pure.
 */
#ifndef P2PDI_TUI_KEYS_H
#define P2PDI_TUI_KEYS_H

#include <stddef.h>

/* Where a key holds. */
enum key_context {
    KEY_IN_PEER = 1, /* the peer's dashboard */
    KEY_IN_RS = 2,   /* the RS's dashboard */
    KEY_IN_READER = 4,
    KEY_IN_HELP = 8,
    KEY_IN_DEMO = 16
};
#define KEY_IN_DASH (KEY_IN_PEER | KEY_IN_RS)
#define KEY_IN_TEXT (KEY_IN_READER | KEY_IN_HELP)
#define KEY_IN_ANY (KEY_IN_DASH | KEY_IN_TEXT)

#define KEY_CTRL(c) ((c)&0x1f)
#define KEY_ESC 27

/* X(ACTION, section, contexts, code, code, code, as shown, what it does); code 0: none. */
#define KEYS_MAP(X)                                                                                \
    X(UP, MOVE, KEY_IN_ANY | KEY_IN_DEMO, 'k', KEY_UP, 0, "Up k", "a row up")                      \
    X(DOWN, MOVE, KEY_IN_ANY | KEY_IN_DEMO, 'j', KEY_DOWN, 0, "Down j", "a row down")              \
    X(LEFT, MOVE, KEY_IN_ANY, 'h', KEY_LEFT, 0, "Left h", "sideways; the pane to the left")        \
    X(RIGHT, MOVE, KEY_IN_ANY, KEY_RIGHT, 0, 0, "Right", "sideways; the pane to the right")        \
    X(RIGHT_TOO, MOVE, KEY_IN_RS | KEY_IN_TEXT, 'l', 0, 0, "l",                                    \
      "as Right (a peer leaves with it)")                                                          \
    X(PAGE_UP, MOVE, KEY_IN_ANY | KEY_IN_DEMO, KEY_PPAGE, KEY_CTRL('b'), 0, "PgUp ^B",             \
      "a page up")                                                                                 \
    X(PAGE_DOWN, MOVE, KEY_IN_ANY | KEY_IN_DEMO, KEY_NPAGE, KEY_CTRL('f'), 0, "PgDn ^F",           \
      "a page down")                                                                               \
    X(TOP, MOVE, KEY_IN_ANY | KEY_IN_DEMO, 'g', KEY_HOME, 0, "Home g", "to the first row")         \
    X(BOTTOM, MOVE, KEY_IN_ANY | KEY_IN_DEMO, 'G', KEY_END, 0, "End G", "to the last row")         \
    X(PANE_NEXT, MOVE, KEY_IN_DASH, '\t', 0, 0, "Tab", "the next pane")                            \
    X(PANE_PREV, MOVE, KEY_IN_DASH, KEY_BTAB, 0, 0, "Shift-Tab", "the pane before")                \
    X(PANE_1, MOVE, KEY_IN_DASH, '1', 0, 0, "1", "pane 1: peers")                                  \
    X(PANE_2, MOVE, KEY_IN_DASH, '2', 0, 0, "2", "pane 2: index (RS: rates)")                      \
    X(PANE_3, MOVE, KEY_IN_DASH, '3', 0, 0, "3", "pane 3: transfers (RS: last requests)")          \
    X(PANE_4, MOVE, KEY_IN_DASH, '4', 0, 0, "4", "pane 4: log")                                    \
    X(ZOOM, MOVE, KEY_IN_DASH, 'z', 0, 0, "z", "this pane alone, and back")                        \
    X(SEARCH, TABLE, KEY_IN_ANY, '/', 0, 0, "/", "search as you type")                             \
    X(SEARCH_NEXT, TABLE, KEY_IN_ANY, 'n', 0, 0, "n", "the next one found")                        \
    X(SEARCH_PREV, TABLE, KEY_IN_ANY, 'N', 0, 0, "N", "the one found before")                      \
    X(FILTER, TABLE, KEY_IN_DASH, '\\', 0, 0, "\\", "show only rows that contain a text")          \
    X(SORT_LEFT, TABLE, KEY_IN_DASH, '<', 0, 0, "<", "sort by the column to the left")             \
    X(SORT_RIGHT, TABLE, KEY_IN_DASH, '>', 0, 0, ">", "sort by the column to the right")           \
    X(SORT_REVERSE, TABLE, KEY_IN_DASH, '!', 0, 0, "!", "turn the order round")                    \
    X(MARK, TABLE, KEY_IN_DASH, ' ', 0, 0, "Space", "mark the row, or take the mark off")          \
    X(OPEN, TABLE, KEY_IN_DASH, '\r', '\n', KEY_ENTER, "Enter",                                    \
      "read an RFC, get a peer's index; RS: details; log: all of a line")                          \
    X(REGISTER, PEER, KEY_IN_PEER, 'r', 0, 0, "r", "register with the RS")                         \
    X(LEAVE, PEER, KEY_IN_PEER, 'l', 0, 0, "l", "leave the RS")                                    \
    X(PQUERY, PEER, KEY_IN_PEER, 'p', 0, 0, "p", "ask the RS for the peers")                       \
    X(RFCQUERY, PEER, KEY_IN_PEER, 'i', 0, 0, "i", "get the indexes: of marked peers, or of all")  \
    X(GET, PEER, KEY_IN_PEER, 'd', 0, 0, "d", "download the marked RFCs, or this one")             \
    X(GET_ALL, PEER, KEY_IN_PEER, 'D', 0, 0, "D", "download all that is known of")                 \
    X(CANCEL, PEER, KEY_IN_PEER, 'x', 0, 0, "x", "cancel the marked downloads, or this one")       \
    X(KEEPALIVE, PEER, KEY_IN_PEER, 'K', 0, 0, "K", "send a keep-alive now")                       \
    X(SYNC, PEER, KEY_IN_PEER, 's', 0, 0, "s",                                                     \
      "from now on download whatever appears; or no more")                                         \
    X(LINK_NEXT, READER, KEY_IN_READER, '\t', 0, 0, "Tab", "the next reference to an RFC")         \
    X(LINK_PREV, READER, KEY_IN_READER, KEY_BTAB, 0, 0, "Shift-Tab", "the reference before")       \
    X(FOLLOW, READER, KEY_IN_READER, '\r', '\n', KEY_ENTER, "Enter",                               \
      "open the RFC referred to, or fetch it")                                                     \
    X(RETURN, READER, KEY_IN_READER, KEY_BACKSPACE, 127, 8, "Backspace", "back to the RFC before") \
    X(CONTENTS, READER, KEY_IN_READER, 't', 0, 0, "t", "table of contents, to jump by")            \
    X(PAGE_SPACE, READER, KEY_IN_TEXT, ' ', 0, 0, "Space", "a page down")                          \
    X(PAGER, READER, KEY_IN_READER, 'P', 0, 0, "P", "read it in $PAGER")                           \
    X(CLOSE, READER, KEY_IN_TEXT, 'q', 0, 0, "q", "close reader or help")                          \
    X(COMMAND, ALL, KEY_IN_DASH, ':', 0, 0, ":",                                                   \
      "a command of the batch language (Tab completes)")                                           \
    X(BACK, ALL, KEY_IN_ANY, KEY_ESC, 0, 0, "Esc", "back: closes, clears filter, marks, search")   \
    X(MOUSE, ALL, KEY_IN_ANY, 'm', 0, 0, "m", "mouse on or off")                                   \
    X(HELP, ALL, KEY_IN_ANY, '?', KEY_F(1), 0, "? F1", "this help")                                \
    X(REPAINT, ALL, KEY_IN_ANY | KEY_IN_DEMO, KEY_CTRL('l'), 0, 0, "^L", "paint the screen again") \
    X(SUSPEND, ALL, KEY_IN_ANY | KEY_IN_DEMO, KEY_CTRL('z'), 0, 0, "^Z",                           \
      "to the shell; fg comes back")                                                               \
    X(QUIT, ALL, KEY_IN_DASH | KEY_IN_DEMO, 'q', 0, 0, "q", "quit (asks while downloads run)")     \
    X(QUIT_TOO, ALL, KEY_IN_ANY | KEY_IN_DEMO, KEY_F(10), KEY_CTRL('c'), 0, "F10 ^C",              \
      "quit, from anywhere")

/* X(SECTION, title) */
#define KEY_SECTION_MAP(X)                                                                         \
    X(MOVE, "Moving")                                                                              \
    X(TABLE, "Tables")                                                                             \
    X(PEER, "What a peer does")                                                                    \
    X(READER, "The reader")                                                                        \
    X(ALL, "Everywhere")

enum key_action {
    KEY_NONE,
#define X(action, section, contexts, a, b, c, shown, what) KEY_DO_##action,
    KEYS_MAP(X)
#undef X
};

enum key_section {
#define X(section, title) KEY_SECTION_##section,
    KEY_SECTION_MAP(X)
#undef X
        KEY_SECTIONS
};

struct key_row {
    enum key_action action;
    enum key_section section;
    unsigned contexts;
    int code[3];
    const char *shown, *what;
};

/* What a key means there; KEY_NONE: nothing. */
enum key_action keys_find(int code, enum key_context context);
/* The row of an action that is not KEY_NONE. */
const struct key_row *keys_row(enum key_action action);
/* The table, in order; *count gets its length. */
const struct key_row *keys_table(size_t *count);
const char *keys_section_title(enum key_section section);

#endif
