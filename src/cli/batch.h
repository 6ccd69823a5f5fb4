/*
 * The batch language: text in, commands out. Pure. One table makes words, help and manual;
 * `p2pdi get` and the dashboard's prompt take the same words.
 */
#ifndef P2PDI_CLI_BATCH_H
#define P2PDI_CLI_BATCH_H

#include "p2pdi/base/err.h"
#include "p2pdi/base/text.h"
#include "p2pdi/peer/peer.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* X(ID, word, arguments, help) */
#define BATCH_MAP(X)                                                                               \
    X(REGISTER, "register", "", "register with the registration server")                           \
    X(LEAVE, "leave", "", "leave it")                                                              \
    X(KEEPALIVE, "keepalive", "", "renew the registration")                                        \
    X(PQUERY, "pquery", "", "get the list of active peers")                                        \
    X(RFCQUERY, "rfcquery", "[PEER | all]",                                                        \
      "get indexes and merge them; all asks for the list of peers first if there was none yet")    \
    X(GET, "get", "N... | A-B | all | missing [from PEER] [serial]",                               \
      "download; serial: one at a time. Asks for peers and indexes if there are none, and again "  \
      "every second while unfinished. Ends when all are here, or when every holder failed and a "  \
      "fresh query brings no new one. A-B, all and missing mean what is known of")                 \
    X(SYNC, "sync", "[off]", "from now on download whatever appears; off: no more")                \
    X(PEERS, "peers", "", "print the active peers")                                                \
    X(INDEX, "index", "[PATTERN]",                                                                 \
      "print who has what; PATTERN: numbers and ranges A-B, or words in the title")                \
    X(TRANSFERS, "transfers", "", "print downloads, running and done")                             \
    X(STATUS, "status", "", "print how this peer is")                                              \
    X(WAIT, "wait", "peers N | rfcs N [timeout SECONDS]",                                          \
      "wait until so many others are known or RFCs held")                                          \
    X(SLEEP, "sleep", "SECONDS", "wait")                                                           \
    X(HOLD, "hold", "", "serve until standard input ends or a signal comes")                       \
    X(HELP, "help", "", "list these commands; so does ?")                                          \
    X(QUIT, "quit", "", "leave and end; also what the end of the commands does")

enum batch_verb {
#define X(ID, word, arguments, help) BATCH_##ID,
    BATCH_MAP(X)
#undef X
        BATCH_VERBS
};

struct batch_info {
    const char *word, *arguments, *help;
};
const struct batch_info *batch_info(enum batch_verb v);

/* Slices point into the text that was parsed. */
struct batch_command {
    enum batch_verb verb;
    bool forgiven;             /* "-": may fail without ending the script */
    struct peer_range *ranges; /* get; owned */
    size_t count;
    bool all;             /* get all, get missing */
    bool serial;          /* get */
    bool off;             /* sync */
    struct slice from;    /* get ... from PEER, rfcquery PEER; n 0: none, all */
    struct slice pattern; /* index; n 0: all */
    bool rfcs;            /* wait rfcs; else peers */
    uint64_t number;      /* wait */
    int64_t time_us;      /* sleep; timeout of wait, -1: none */
};

#define BATCH_WHY_SIZE 200
#define BATCH_HINT "p2pdi help batch" /* where no better one is known */

/* One command, without separators. DI_INVALID: why says what is wrong with which word, hint (constant or the nearest
 * word) what was perhaps meant. DI_NOMEM. batch_command_fini in any case. */
enum di_err batch_command_parse(struct slice text, struct batch_command *out,
                                char why[BATCH_WHY_SIZE], const char **hint) DI_MUST_CHECK;
void batch_command_fini(struct batch_command *c);

/* Walks a text: a command a line, or between ';'; '#' starts a comment. Start with rest set, all else zero. */
struct batch_text {
    struct slice rest;
    struct slice line;
    unsigned number; /* of the line that the last command stood in */
};
bool batch_text_next(struct batch_text *t, struct slice *command);

/* Parses every command of a text and throws them away: the first that is wrong is told as in batch_command_parse. */
enum di_err batch_text_check(struct slice text, unsigned *line, char why[BATCH_WHY_SIZE],
                             const char **hint) DI_MUST_CHECK;

/* Does an RFC fit the PATTERN of `index` and `ls`? Numbers and ranges A-B, or words that its title has. */
bool batch_pattern_fits(struct slice pattern, uint32_t rfc, const char *title);

#endif
