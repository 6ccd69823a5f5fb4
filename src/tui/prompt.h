/*
 * The line at the bottom in which everything typed is text: commands, searches, filters; and questions
 * that are answered by y or n. History and completion. In the thread of tui_run.
 */
#ifndef P2PDI_TUI_PROMPT_H
#define P2PDI_TUI_PROMPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PROMPT_CHARS 512
#define PROMPT_SIZE (4 * PROMPT_CHARS + 1) /* its text as UTF-8 */
#define PROMPT_HISTORY 100

enum prompt_kind { PROMPT_CLOSED, PROMPT_COMMAND, PROMPT_SEARCH, PROMPT_FILTER, PROMPT_QUESTION };
#define PROMPT_KINDS 5

enum prompt_outcome {
    PROMPT_MORE,    /* nothing of interest */
    PROMPT_CHANGED, /* the text is another one */
    PROMPT_DONE,    /* Enter, or yes; it is closed */
    PROMPT_DROPPED  /* Escape, or no; it is closed */
};

/* The i-th word that may stand after `before` (the line up to the word); NULL: no more. */
typedef const char *prompt_words_fn(void *arg, const char *before, size_t i);

struct prompt {
    enum prompt_kind kind;
    char label[160];
    uint32_t text[PROMPT_CHARS];
    size_t len, at;
    char *history[PROMPT_KINDS][PROMPT_HISTORY]; /* newest last */
    size_t history_count[PROMPT_KINDS];
    size_t history_at; /* == count: the line being typed */
    char hint[512];    /* what Tab could have meant */
    prompt_words_fn *words;
    void *words_arg;
};

void prompt_init(struct prompt *p, prompt_words_fn *words, void *arg);
void prompt_fini(struct prompt *p);
void prompt_open(struct prompt *p, enum prompt_kind kind, const char *label);
/* A key as screen_key gives it. */
enum prompt_outcome prompt_key(struct prompt *p, int key, uint32_t ch);
void prompt_text(const struct prompt *p, char out[PROMPT_SIZE]);
/* On screen row y; what Tab could have meant goes above it. Sets the cursor. */
void prompt_draw(const struct prompt *p, int y, int w);

#endif
