/* Hints: words of their own, keys from the table of keys. In the thread of tui_run. */
#include "footer.h"

#include "keys.h"
#include "views.h"

#include <stdio.h>
#include <string.h>

#define PEER_TABLES (FOOTER_PEERS | FOOTER_INDEX | FOOTER_TRANSFERS)
#define PEER (PEER_TABLES | FOOTER_LOG)
#define RS_TABLES (FOOTER_RECORDS | FOOTER_REQUESTS | FOOTER_RS_LOG)
#define RS (RS_TABLES | FOOTER_RATES)
#define TEXTS (FOOTER_READER | FOOTER_CONTENTS)

/* Where only one pane is seen, the way to the others comes before all but the help. */
#define RANK_PANE_ALONE 89

static const struct hint {
    enum key_action action, also; /* also: KEY_NONE or a second one in the same brackets */
    unsigned places;
    int rank; /* the lowest goes first */
    const char *word;
} hints[] = {
    {KEY_DO_REGISTER, 0, PEER, 50, "register"},
    {KEY_DO_LEAVE, 0, PEER, 40, "leave"},
    {KEY_DO_PQUERY, 0, PEER, 60, "pquery"},
    {KEY_DO_RFCQUERY, 0, PEER, 70, "indexes"},
    {KEY_DO_GET, 0, PEER_TABLES, 80, "download"},
    {KEY_DO_GET_ALL, 0, PEER_TABLES, 65, "Download all"},
    {KEY_DO_CANCEL, 0, FOOTER_TRANSFERS, 78, "cancel"},
    {KEY_DO_SEARCH, 0, PEER, 45, "search"},
    {KEY_DO_OPEN, 0, FOOTER_INDEX | FOOTER_TRANSFERS, 75, "read"},
    {KEY_DO_OPEN, 0, FOOTER_PEERS, 75, "its index"},
    {KEY_DO_OPEN, 0, FOOTER_LOG | FOOTER_RS_LOG, 75, "whole line"},
    {KEY_DO_OPEN, 0, FOOTER_RECORDS, 70, "details"},
    {KEY_DO_BACK, 0, FOOTER_REQUESTS, 78, "all peers"},
    {KEY_DO_COMMAND, 0, PEER, 55, "command"},
    {KEY_DO_SEARCH, 0, RS_TABLES, 80, "search"},
    {KEY_DO_FILTER, 0, RS_TABLES, 72, "filter"},
    {KEY_DO_FILTER, 0, PEER, 30, "filter"},
    {KEY_DO_SORT_LEFT, KEY_DO_SORT_RIGHT, PEER_TABLES, 20, "sort"},
    {KEY_DO_SORT_LEFT, KEY_DO_SORT_RIGHT, RS_TABLES, 60, "sort"},
    {KEY_DO_PANE_NEXT, 0, PEER, 42, "pane"},
    {KEY_DO_PANE_NEXT, 0, RS, 50, "pane"},
    {KEY_DO_ZOOM, 0, RS, 40, "zoom"},
    {KEY_DO_CLOSE, 0, FOOTER_READER, 85, "close"},
    {KEY_DO_FOLLOW, 0, FOOTER_CONTENTS, 80, "go there"},
    {KEY_DO_CONTENTS, 0, FOOTER_READER, 70, "contents"},
    {KEY_DO_CONTENTS, 0, FOOTER_CONTENTS, 70, "back to the text"},
    {KEY_DO_SEARCH, 0, FOOTER_READER, 75, "search"},
    {KEY_DO_LINK_NEXT, 0, FOOTER_READER, 65, "reference"},
    {KEY_DO_FOLLOW, 0, FOOTER_READER, 60, "follow"},
    {KEY_DO_RETURN, 0, FOOTER_READER, 50, "back"},
    {KEY_DO_PAGER, 0, FOOTER_READER, 40, "Pager"},
    {KEY_DO_UP, KEY_DO_DOWN, FOOTER_DEMO_SCROLLS, 80, "scroll"},
    {KEY_DO_PAGE_UP, KEY_DO_PAGE_DOWN, FOOTER_DEMO_SCROLLS, 70, "page"},
    {KEY_DO_TOP, KEY_DO_BOTTOM, FOOTER_DEMO_SCROLLS, 60, "ends"},
    {KEY_DO_REPAINT, 0, FOOTER_DEMO, 30, "repaint"},
    {KEY_DO_SUSPEND, 0, FOOTER_DEMO, 40, "shell"},
    {KEY_DO_QUIT, 0, FOOTER_DEMO, 90, "quit"},
    {KEY_DO_HELP, 0, PEER | RS | TEXTS, 90, "help"},
    {KEY_DO_QUIT, 0, RS, 85, "quit"},
};
#define HINTS (sizeof(hints) / sizeof(hints[0]))

/* The first of its keys: "?" of "? F1". */
static int key_of(enum key_action action, const char **key)
{
    *key = action == KEY_NONE ? "" : keys_row(action)->shown;
    return (int)strcspn(*key, " ");
}

/* "[d]ownload", "[Enter]read": the letter stands for itself where it can. */
static void format(const struct hint *h, char out[sizeof(((struct view_part *)0)->text)])
{
    const char *key, *also, *word = h->word;
    int key_len = key_of(h->action, &key), also_len = key_of(h->also, &also);

    if (key_len == 1 && also_len == 0 && key[0] == word[0])
        word++;
    snprintf(out, sizeof(((struct view_part *)0)->text), "[%.*s%s%.*s]%s", key_len, key,
             key_len > 1 && also_len > 0 ? " " : "", also_len, also, word);
}

void footer_draw(struct rect r, unsigned place, bool alone)
{
    struct view_part parts[HINTS];
    size_t n = 0;

    for (size_t i = 0; i < HINTS; i++) {
        if ((hints[i].places & place) == 0)
            continue;
        parts[n] = (struct view_part){.rank = hints[i].rank, .style = STYLE_TEXT};
        if (alone && hints[i].action == KEY_DO_PANE_NEXT)
            parts[n].rank = RANK_PANE_ALONE;
        format(&hints[i], parts[n++].text);
    }
    view_draw_parts(r, parts, n, 1);
}
