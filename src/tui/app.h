/* What the files of tui_run share. */
#ifndef P2PDI_TUI_APP_H
#define P2PDI_TUI_APP_H

#include "dash.h"
#include "help.h"
#include "prompt.h"
#include "reader.h"

/* What a question is about. */
enum app_question { ASK_NOTHING, ASK_QUIT, ASK_LEAVE, ASK_FETCH };

struct app {
    const struct tui_config *cfg;
    struct snapshot *snapshot;
    struct grid_moment moment;
    struct dash dash;
    struct reader reader;
    struct help help;
    struct prompt prompt;
    enum app_question question;
    uint32_t question_rfc;
    char before[GRID_WORD_SIZE]; /* filter or search, should the prompt be dropped, */
    size_t place_before;         /* and where one was */
    char message[GRID_TEXT_SIZE];
    enum snap_level message_level;
    int64_t message_until_us;
    uint64_t log_seen; /* lines, plus one; 0: none looked at yet */
    bool mouse, over, dirty;
    bool interrupted; /* the last key that was no answer or text was ^C */
    int64_t click_us; /* when and where the mouse was pressed last */
    int click_y, click_x;
};

/* At the bottom, for a while. */
void app_say(struct app *a, const char *fmt, ...) DI_PRINTF(2, 3);
void app_key(struct app *a, int key, uint32_t ch);
void app_draw(struct app *a);
/* Enter: what that does depends on the pane. */
void app_open_row(struct app *a);
/* ---- mouse.c */
void app_mouse(struct app *a);

/* ---- act.c: what keys do in the dashboards ------------------------------------------------------- */

void act_command(struct app *a, const char *line);
void act_open(struct app *a, uint32_t rfc);
/* Goes back to a place in a document; if that cannot be had, what is open stays. */
void act_return(struct app *a, const struct reader_place *place);
bool act_peer(struct app *a, enum key_action action);
void act_pager(struct app *a);
void act_suspend(struct app *a);
void act_mouse(struct app *a);

#endif
