/* The dialogues of a document (docs/PROTOCOL.md says how they are written), taken out of its text. */
#ifndef DIALOGUES_H
#define DIALOGUES_H

#include "p2pdi/base/text.h"

#include <stdbool.h>
#include <stddef.h>

#define DIALOGUE_CONNECTIONS 9

enum dialogue_kind { DIALOGUE_SEND, DIALOGUE_EXPECT, DIALOGUE_CLOSES };

struct dialogue_line {
    enum dialogue_kind kind;
    unsigned connection; /* 0 .. DIALOGUE_CONNECTIONS - 1 */
    bool body;           /* ends in LF, not CRLF */
    bool open_end;       /* ends in nothing */
    struct slice text;
    unsigned number; /* in the document */
};

enum dialogue_server { DIALOGUE_RS, DIALOGUE_PEER };

struct dialogue {
    enum dialogue_server server;
    bool slow;       /* takes seconds */
    unsigned number; /* of the line where its block begins */
    const struct dialogue_line *lines;
    size_t count;
};

/* A file that peers hold. */
struct dialogue_document {
    struct slice name;
    struct slice text;
};

struct dialogues {
    struct dialogue *dialogues;
    size_t dialogue_count;
    struct dialogue_document *documents;
    size_t document_count;
    struct dialogue_line *lines;
    size_t line_count;
};

/* Slices point into text. false: why says which line is not understood. Free it in both cases. */
bool dialogues_read(struct dialogues *s, struct slice text, char why[200]);
void dialogues_free(struct dialogues *s);

#endif
