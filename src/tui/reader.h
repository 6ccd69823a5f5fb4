/* The reader: one document on the screen, and the way back to those read before. In tui_run's thread. */
#ifndef P2PDI_TUI_READER_H
#define P2PDI_TUI_READER_H

#include "document.h"
#include "grid.h"
#include "keys.h"
#include "screen.h"

#define READER_STACK 64

/* A place that was read. */
struct reader_place {
    uint32_t rfc;
    size_t top;
};

struct reader {
    struct document *document; /* NULL: closed */
    size_t top, page;
    int shift;
    size_t link_line;  /* the chosen reference, */
    size_t link_index; /* of those of its line */
    bool has_link;
    size_t found_line; /* that search went to last */
    bool has_found;
    bool contents; /* the table of contents is open */
    size_t contents_at, contents_top;
    char search[GRID_WORD_SIZE];
    struct reader_place stack[READER_STACK];
    size_t depth;
    struct rect body; /* of the last drawing */
};

void reader_init(struct reader *r);
void reader_fini(struct reader *r);
/* Shows a document (taken over); remembers where the one before was left, if there was one. */
void reader_show(struct reader *r, struct document *d);
/* Shows a document (taken over) that one has come back to, from that line on. */
void reader_show_again(struct reader *r, struct document *d, size_t top);
/* The place to go back to; false: none. */
bool reader_back(struct reader *r, struct reader_place *out);
void reader_close(struct reader *r);
/* What moves within the document; false: not such a key. */
bool reader_key(struct reader *r, enum key_action action);
/* The reference that is chosen; false: none. */
bool reader_link(const struct reader *r, uint32_t *rfc);
/* The next line with r->search, from the one found last if that is to be seen; false: none. */
bool reader_search(struct reader *r, bool forward, bool from_here);
/* Lines with r->search, and the how manieth of them the one found last is. */
void reader_matches(const struct reader *r, size_t *at, size_t *of);
/* At a place of the screen: chooses the reference there (true), or goes where the contents say. */
bool reader_click(struct reader *r, int y, int x);
void reader_draw(struct reader *r, struct rect header, struct rect body, struct rect footer);

#endif
