/*
 * A scrollable table over a snapshot's rows: columns that go when it gets narrow, sorting, filter,
 * search, marks, a selection that stays with its row from snapshot to snapshot. Drawing costs what is
 * visible; order and filter are worked out anew only when rows changed, and seldom if that is dear.
 * In the thread of tui_run.
 */
#ifndef P2PDI_TUI_GRID_H
#define P2PDI_TUI_GRID_H

#include "p2pdi/stats/snapshot.h"
#include "screen.h"

#define GRID_CELL_SIZE 512
#define GRID_TEXT_SIZE 1024
#define GRID_WORD_SIZE 128

/* What cells are drawn with, besides their row. */
struct grid_moment {
    int64_t now_us;
    const struct snap_content *content;
};

/* One column: a number (key) or a text decides the order. */
struct grid_column {
    const char *title;
    int width; /* in cells */
    int most;  /* of what is left over it takes its share up to this width; 0: nothing */
    int rank;  /* the column of the lowest rank goes first when it gets narrow */
    bool right;
    bool falling; /* the largest first, when sorted by it */
    void (*format)(const struct grid_moment *m, const void *row, char out[GRID_CELL_SIZE]);
    unsigned (*style)(const void *row); /* NULL: as the row */
    void (*draw)(const struct grid_moment *m, const void *row, int y, int x, int w,
                 unsigned style); /* NULL: format is drawn */
    uint64_t (*key)(const void *row);
    const char *(*text)(const void *row);
};
#define GRID_FLEX_MIN 12 /* of texts that can be cut */
#define GRID_ALL 10000

struct grid_type {
    const struct grid_column *columns;
    size_t column_count;
    size_t sort;      /* column at the start; column_count: as the rows come */
    const char *hint; /* stands where there are no rows */
    bool headless;    /* no row of titles */
    bool at_bottom;   /* starts at the end, and stays there */
    /* Names a row for good; NULL: by its number of arrival. */
    uint64_t (*identity)(const void *row);
    /* What search and filter look at. */
    size_t (*describe)(const void *row, char out[GRID_TEXT_SIZE]);
    unsigned (*style)(const void *row);                 /* NULL: plain */
    bool (*wanted)(const void *row, uint64_t argument); /* NULL: all rows */
};

struct grid {
    const struct grid_type *type;
    const struct rows *rows; /* of the current snapshot */
    /* Positions on the screen to rows: by order[], or as they come if that is NULL. */
    uint32_t *order;
    size_t order_cap, shown;
    uint64_t ordered_version, ordered_first;
    size_t ordered_count;
    int64_t ordered_at_us, order_cost_us;
    bool stale;

    size_t cursor, top; /* positions */
    int page;           /* rows that were visible at the last drawing */
    struct rect drawn;  /* where that was */
    uint64_t cursor_id;
    bool pinned; /* to the first row, or the last if at_bottom, instead of to a row */

    size_t sort;
    bool reverse;
    uint64_t argument; /* of wanted */
    char filter[GRID_WORD_SIZE];
    char search[GRID_WORD_SIZE];
    uint64_t *marks; /* ascending */
    size_t mark_count, mark_cap;
    int shift;   /* columns scrolled away to the left, after the first */
    bool narrow; /* columns were left out at the last drawing */
};

void grid_init(struct grid *t, const struct grid_type *type);
void grid_fini(struct grid *t);

/* Looks at new rows (of a snapshot that lives until the next call); cheap if nothing changed. */
void grid_update(struct grid *t, const struct rows *rows, int64_t now_us);
/* The row at the cursor, NULL: the table is empty. */
const void *grid_selected(struct grid *t);
const void *grid_shown(const struct grid *t, size_t position);

void grid_move(struct grid *t, int64_t by);
void grid_move_to(struct grid *t, size_t position);
/* Sideways; false: nothing more there. */
bool grid_shift(struct grid *t, int by);
void grid_sort_by(struct grid *t, int by); /* the column that many to the right */
void grid_sort_reverse(struct grid *t);
void grid_set_filter(struct grid *t, const char *word);
void grid_set_argument(struct grid *t, uint64_t argument);
/* The next row with t->search after (before) the cursor, around the end; false: none. */
bool grid_search(struct grid *t, bool forward, bool from_here);
/* Rows with t->search, and the how manieth of them the one at the cursor is. */
void grid_matches(const struct grid *t, size_t *at, size_t *of);
void grid_mark(struct grid *t);
void grid_marks_clear(struct grid *t);
/* Calls visit for each marked row; false: no row is marked. */
bool grid_walk_marked(const struct grid *t, void (*visit)(void *arg, const void *row), void *arg);

void grid_draw(struct grid *t, struct rect r, bool focused, const struct grid_moment *m);
/* Where the cursor is, for the lower edge of the frame; "" if all rows are visible. */
void grid_position_text(const struct grid *t, char out[48]);
/* The position at a screen row of the last drawing; false: none. */
bool grid_position_at(const struct grid *t, int y, size_t *position);

/* ---- order.c ---------------------------------------------------------------------------------- */

/* Works out order and shown by filter and sort. DI_NOMEM: as they were. */
enum di_err grid_order(struct grid *t) DI_MUST_CHECK;
uint64_t grid_identity(const struct grid *t, size_t row);
/* For describe: appends a number, an address, a word and a blank; returns the new length. */
size_t describe_u64(char *out, size_t n, uint64_t value);
size_t describe_addr(char *out, size_t n, const struct addr *a);
size_t describe_word(char *out, size_t n, const char *word);

#endif
