/*
 * Commands and options, each in one table: they make option parsing, help, configuration keys,
 * environment variables, completions and the manual. Main thread only.
 */
#ifndef P2PDI_CLI_OPTIONS_H
#define P2PDI_CLI_OPTIONS_H

#include "cli.h"

#include "p2pdi/base/err.h"
#include "p2pdi/peer/peer.h"
#include "p2pdi/store/state.h"

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

/* X(ID, name, arguments, fewest, most, summary, first example, second example) */
#define COMMAND_MAP(X)                                                                             \
    X(RS, "rs", "", 0, 0, "Runs a registration server.", "p2pdi rs",                               \
      "p2pdi rs --listen 127.0.0.1:0 --state /tmp/rs --json")                                      \
    X(PEER, "peer", "[FILE]", 0, 1, "Runs a peer: serves, finds and downloads RFCs.",              \
      "p2pdi peer --rs rs.example.org --share ~/rfcs",                                             \
      "p2pdi peer -c 'wait peers 1; get 8609 8620-8650; hold'")                                    \
    X(GET, "get", "N... | A-B | all", 1, INT_MAX,                                                  \
      "Joins, downloads those RFCs, verifies, leaves.", "p2pdi get 8609 8620-8650",                \
      "p2pdi get all --rs rs.example.org --share ~/rfcs")                                          \
    X(LS, "ls", "[N... | A-B | WORD...]", 0, INT_MAX,                                              \
      "Lists who has what: by number or words of titles.", "p2pdi ls 8609 8620-8650",              \
      "p2pdi ls caching architecture")                                                             \
    X(PEERS, "peers", "", 0, 0, "Lists who is there.", "p2pdi peers",                              \
      "p2pdi peers --rs rs.example.org --json")                                                    \
    X(EXPERIMENT, "experiment", "", 0, 0, "Compares one server with peers, on this machine.",      \
      "p2pdi experiment", "p2pdi experiment --up 1m --rfcs ~/rfcs --out results")                  \
    X(DEMO, "demo", "", 0, 0, "Shows a server and six peers at work, here.", "p2pdi demo",         \
      "p2pdi demo --seed 7")                                                                       \
    X(DOCTOR, "doctor", "", 0, 0, "Checks what usually goes wrong, each with its fix.",            \
      "p2pdi doctor", "p2pdi doctor --rs rs.example.org --listen :40001 --share ~/rfcs")

enum command {
#define X(ID, name, arguments, fewest, most, summary, one, two) COMMAND_##ID,
    COMMAND_MAP(X)
#undef X
        COMMAND_COUNT
};

struct command_info {
    const char *name;
    const char *arguments;
    int fewest, most;
    const char *summary;
    const char *examples[2];
};
const struct command_info *command_info(enum command c);

/* What an option's value may be. */
enum option_kind {
    KIND_FLAG,    /* yes or no; on the command line also without a value */
    KIND_THREADS, /* 1 .. 256 */
    KIND_COUNTED, /* 1 .. 100,000 */
    KIND_SEED,    /* 64 bits */
    KIND_RATE,    /* bytes a second: 500k, 2m, 1g; 0: no limit */
    KIND_SERVERS, /* HOST[:PORT],... */
    KIND_LISTEN,  /* [ADDR][:PORT] */
    KIND_DIR,
    KIND_TASK,
    KIND_COMPRESS,
    KIND_SCRIPT
};

#define ON(ID) (1U << COMMAND_##ID)
#define ON_ALL ((1U << COMMAND_COUNT) - 1U)
#define ON_RUN (ON(RS) | ON(PEER) | ON(GET))
#define ON_ASK (ON(PEER) | ON(GET) | ON(LS) | ON(PEERS) | ON(DOCTOR))
#define ON_OPEN (ON_RUN | ON(DOCTOR))
#define ON_LAB (ON(EXPERIMENT) | ON(DEMO))
#define ON_MESSAGE (ON_RUN | ON_ASK)

/*
 * X(ID, letter, name, kind, value, default, where, commands, help)
 *   default  NULL: worked out, or none; the help says so
 *   where    ANYWHERE: environment P2PDI_NAME and configuration files too; LINE: command line only
 */
#define OPTION_MAP(X)                                                                              \
    X(RS, 0, "rs", SERVERS, "HOST[:PORT][,...]", "127.0.0.1:65423", ANYWHERE, ON_ASK,              \
      "registration server(s)")                                                                    \
    X(LISTEN, 0, "listen", LISTEN, "[ADDR][:PORT]", NULL, ANYWHERE, ON_OPEN,                       \
      "where to serve; port 0: any (peer :0, rs :65423)")                                          \
    X(SHARE, 0, "share", DIR, "DIR", "./rfcs", ANYWHERE, ON(PEER) | ON(GET) | ON(DOCTOR),          \
      "the library, read and written")                                                             \
    X(STATE, 0, "state", DIR, "DIR", NULL, ANYWHERE, ON_OPEN,                                      \
      "what is remembered (~/.local/state/p2pdi)")                                                 \
    X(WORKERS, 0, "workers", THREADS, "N", NULL, ANYWHERE, ON_RUN,                                 \
      "serving threads (2 a core, at least 4)")                                                    \
    X(DOWNLOADS, 0, "downloads", THREADS, "N", "8", ANYWHERE, ON(PEER) | ON(GET),                  \
      "downloading threads")                                                                       \
    X(COMPRESS, 0, "compress", COMPRESS, "WHEN", "auto", ANYWHERE, ON(PEER) | ON(GET),             \
      "for peers: auto, always or never")                                                          \
    X(UP, 0, "up", RATE, "RATE", NULL, ANYWHERE, ON(PEER) | ON(GET) | ON(EXPERIMENT),              \
      "bytes/s a peer may send: 2m")                                                               \
    X(DOWN, 0, "down", RATE, "RATE", NULL, ANYWHERE, ON(PEER) | ON(GET), "bytes/s taken at most")  \
    X(BATCH, 0, "batch", FLAG, NULL, "no", LINE, ON(PEER),                                         \
      "commands from FILE, or standard input")                                                     \
    X(COMMAND, 'c', "command", SCRIPT, "'CMD; CMD'", NULL, LINE, ON(PEER),                         \
      "batch commands, see p2pdi help batch")                                                      \
    X(MANUAL, 0, "manual", FLAG, NULL, "no", ANYWHERE, ON(PEER), "do not register at the start")   \
    X(TASK, 0, "task", TASK, "TASK", "all", ANYWHERE, ON(EXPERIMENT), "1, 2, 2worst, 3 or all")    \
    X(RFCS, 0, "rfcs", DIR, "DIR", NULL, ANYWHERE, ON_LAB,                                         \
      "documents to use (generated from the seed)")                                                \
    X(PEERS, 0, "peers", COUNTED, "N", NULL, ANYWHERE, ON_LAB, "how many peers (6)")               \
    X(FILES, 0, "files", COUNTED, "N", NULL, ANYWHERE, ON_LAB,                                     \
      "files for each peer (10 from each other one)")                                              \
    X(SEED, 0, "seed", SEED, "N", "1", ANYWHERE, ON_LAB, "of generated documents and order")       \
    X(OUT, 0, "out", DIR, "DIR", NULL, ANYWHERE, ON(EXPERIMENT),                                   \
      "write CSV, JSON and SVG plots there")                                                       \
    X(JSON, 0, "json", FLAG, NULL, "no", ANYWHERE, ON_ALL,                                         \
      "one JSON object a line on standard output")                                                 \
    X(TRACE, 0, "trace", FLAG, NULL, "no", ANYWHERE, ON_MESSAGE,                                   \
      "print every message on standard error")                                                     \
    X(QUIET, 'q', "quiet", FLAG, NULL, "no", ANYWHERE, ON_ALL, "less on standard error")           \
    X(VERBOSE, 'v', "verbose", FLAG, NULL, "no", ANYWHERE, ON_ALL, "more on standard error")       \
    X(PRINT_CONFIG, 0, "print-config", FLAG, NULL, "no", LINE, ON_ALL,                             \
      "print what holds and where it came from, end")                                              \
    X(HELP, 'h', "help", FLAG, NULL, "no", LINE, ON_ALL, "print this, end")                        \
    X(VERSION, 'V', "version", FLAG, NULL, "no", LINE, ON_ALL, "print the version, end")

enum option_id {
#define X(ID, letter, name, kind, value, deflt, where, commands, help) OPT_##ID,
    OPTION_MAP(X)
#undef X
        OPTION_COUNT
};

struct option_info {
    const char *name;
    char letter; /* 0: none */
    enum option_kind kind;
    const char *value; /* NULL: a flag */
    const char *deflt;
    bool anywhere;
    unsigned commands; /* bit per command */
    const char *help;
};
const struct option_info *option_info(enum option_id o);
/* "P2PDI_PRINT_CONFIG" */
#define OPTION_ENVIRONMENT_SIZE 40
void option_environment_name(enum option_id o, char out[OPTION_ENVIRONMENT_SIZE]);

enum setting_source {
    SOURCE_NONE,
    SOURCE_LINE,
    SOURCE_ENVIRONMENT,
    SOURCE_USER,   /* $XDG_CONFIG_HOME/p2pdi/config */
    SOURCE_SYSTEM, /* /etc/p2pdi.conf */
    SOURCE_DEFAULT
};

struct setting {
    const char *value; /* NULL: not set */
    enum setting_source source;
    unsigned line; /* in a configuration file */
    bool own;      /* there it stood for this command alone: "rs.workers" */
};

/* Values may point into it: not to be copied. */
struct options {
    enum command command;
    struct setting set[OPTION_COUNT];
    char **args; /* what is not an option; borrowed from argv */
    int arg_count;
    char *path[2];                           /* of the configuration files: user's, system's */
    char *text[2];                           /* their contents, which values point into */
    char *script;                            /* all -c together */
    char *expanded[OPTION_COUNT];            /* directories that began with "~/" in a file */
    char workers[8], state[STATE_PATH_SIZE]; /* defaults that are worked out */
};

/*
 * argv[0] is the command's name. The first source that names an option wins: command line, environment,
 * user's file, system's file (NULL: none), default. Every value is checked. DI_INVALID with a problem.
 * options_fini in any case.
 */
enum di_err options_load(struct options *o, enum command c, int argc, char **argv,
                         const char *user_file, const char *system_file, struct problem *p)
    DI_MUST_CHECK;
void options_fini(struct options *o);

/* Checked values. Text may be NULL where there is no default. */
const char *options_text(const struct options *o, enum option_id id);
bool options_flag(const struct options *o, enum option_id id);
uint64_t options_number(const struct options *o, enum option_id id);
uint64_t options_rate(const struct options *o, enum option_id id); /* bytes/s; 0: no limit */

/* Does text fit that kind? If not, need says what is needed: "a number from 1 to 256". Pure. */
bool option_value_is_good(enum option_kind kind, const char *text, const char **need);
/* "auto", "always", "never". Pure. */
bool options_parse_compress(const char *text, enum peer_compress *out);

#endif
