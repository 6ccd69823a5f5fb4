/* Options from the command line, the environment and configuration files. Main thread, at the start. */
#include "options.h"

#include "config.h"
#include "nearest.h"

#include "p2pdi/base/addr.h"
#include "p2pdi/peer/peer.h"
#include "p2pdi/stats/experiment.h"

#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ANYWHERE true
#define LINE false

static const struct command_info commands_[] = {
#define X(ID, name, arguments, fewest, most, summary, one, two)                                    \
    {name, arguments, fewest, most, summary, {one, two}},
    COMMAND_MAP(X)
#undef X
};

static const struct option_info options_[] = {
#define X(ID, letter, name, kind, value, deflt, where, commands, help)                             \
    {name, letter, KIND_##kind, value, deflt, where, commands, help},
    OPTION_MAP(X)
#undef X
};

const struct command_info *command_info(enum command c)
{
    return &commands_[c];
}

const struct option_info *option_info(enum option_id o)
{
    return &options_[o];
}

void option_environment_name(enum option_id o, char out[OPTION_ENVIRONMENT_SIZE])
{
    snprintf(out, OPTION_ENVIRONMENT_SIZE, "P2PDI_%s", options_[o].name);
    for (char *c = out; *c != '\0'; c++) {
        if (*c == '-')
            *c = '_';
        else
            *c = (char)toupper((unsigned char)*c);
    }
}

void problem_set(struct problem *p, const char *hint, const char *why, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(p->what, sizeof(p->what), fmt, ap);
    va_end(ap);
    snprintf(p->why, sizeof(p->why), "%s", why);
    snprintf(p->hint, sizeof(p->hint), "%s", hint);
}

/* ---- values -------------------------------------------------------------------------------------- */

/* "yes" or "no" of a flag's value in any spelling we take. Pure. */
static bool parse_flag(const char *text, bool *out)
{
    static const struct {
        const char *word;
        bool yes;
    } words[] = {{"yes", true}, {"true", true},   {"on", true},   {"1", true},
                 {"no", false}, {"false", false}, {"off", false}, {"0", false}};

    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (strcmp(text, words[i].word) == 0) {
            *out = words[i].yes;
            return true;
        }
    }
    return false;
}

bool options_parse_compress(const char *text, enum peer_compress *out)
{
    static const char *const words[] = {[PEER_COMPRESS_AUTO] = "auto",
                                        [PEER_COMPRESS_ALWAYS] = "always",
                                        [PEER_COMPRESS_NEVER] = "never"};

    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (strcmp(text, words[i]) == 0) {
            *out = (enum peer_compress)i;
            return true;
        }
    }
    return false;
}

static bool is_number(const char *text, uint64_t least, uint64_t most)
{
    uint64_t n = 0;
    return text_parse_u64(slice_of(text), most, &n) && n >= least;
}

/* Who gets less than 1,000 bytes a second takes the other for dead. */
static bool is_rate(const char *text)
{
    uint64_t n = 0;
    return text_parse_size(slice_of(text), &n) && (n == 0 || n >= 1000);
}

static bool is_server(struct slice s)
{
    struct slice host = {0};
    uint16_t port = 1;
    return addr_split(s, &host, &port) && host.n > 0 && port > 0;
}

static bool is_listen(struct slice s)
{
    struct slice host = {0};
    uint16_t port = 0;
    return s.n > 0 && addr_split(s, &host, &port);
}

static bool are_servers(const char *text, const char **need)
{
    struct slice rest = slice_of(text);
    size_t count = 0;

    while (rest.p != NULL) {
        struct slice word = slice_trim(slice_split(rest, ',', &rest));
        if (!is_server(word)) {
            *need = word.n > 0 && memchr(word.p, ':', word.n) != NULL
                        ? "HOST or HOST:PORT with a port from 1 to 65535"
                        : "HOST or HOST:PORT, or several between commas";
            return false;
        }
        count++;
    }
    *need = "a list of at most 8 servers";
    return count <= PEER_RS_MAX;
}

bool option_value_is_good(enum option_kind kind, const char *text, const char **need)
{
    bool ignored = false;
    unsigned tasks = 0;
    enum peer_compress compress = PEER_COMPRESS_AUTO;

    switch (kind) {
    case KIND_FLAG:
        *need = "yes or no";
        return parse_flag(text, &ignored);
    case KIND_THREADS:
        *need = "a number from 1 to 256";
        return is_number(text, 1, 256);
    case KIND_COUNTED:
        *need = "a number from 1 to 100000";
        return is_number(text, 1, 100000);
    case KIND_SEED:
        *need = "a number";
        return is_number(text, 0, UINT64_MAX);
    case KIND_RATE:
        *need = "bytes a second, such as 500k, 2m or 1g: at least 1k, or 0 for no limit";
        return is_rate(text);
    case KIND_SERVERS:
        return are_servers(text, need);
    case KIND_LISTEN:
        *need = "ADDR, :PORT or ADDR:PORT with a port up to 65535";
        return is_listen(slice_of(text));
    case KIND_TASK:
        *need = "1, 2, 2worst, 3 or all";
        return experiment_parse_tasks(slice_of(text), &tasks);
    case KIND_COMPRESS:
        *need = "auto, always or never";
        return options_parse_compress(text, &compress);
    case KIND_DIR:
        *need = "the name of a directory";
        return *text != '\0';
    case KIND_SCRIPT:
        break;
    }
    *need = "batch commands";
    return true;
}

const char *options_text(const struct options *o, enum option_id id)
{
    return o->set[id].value;
}

bool options_flag(const struct options *o, enum option_id id)
{
    bool yes = false;
    return o->set[id].value != NULL && parse_flag(o->set[id].value, &yes) && yes;
}

uint64_t options_number(const struct options *o, enum option_id id)
{
    uint64_t n = 0;
    if (o->set[id].value != NULL && !text_parse_u64(slice_of(o->set[id].value), UINT64_MAX, &n))
        return 0;
    return n;
}

uint64_t options_rate(const struct options *o, enum option_id id)
{
    uint64_t n = 0;
    if (o->set[id].value != NULL && !text_parse_size(slice_of(o->set[id].value), &n))
        return 0;
    return n;
}

/* ---- where values come from ---------------------------------------------------------------------- */

/* Takes a value unless an earlier source had one; in one file "rs.workers" goes before "workers". */
static enum di_err take(struct options *o, enum option_id id, struct setting s, const char *where,
                        struct problem *p)
{
    const struct setting *had = &o->set[id];
    const char *need = NULL;

    if (!option_value_is_good(options_[id].kind, s.value, &need)) {
        problem_set(p, "", "", "%s", where);
        snprintf(p->why, sizeof(p->why), "'%.60s' is not %s", s.value, need);
        snprintf(p->hint, sizeof(p->hint), "p2pdi %s --help", commands_[o->command].name);
        return DI_INVALID;
    }
    if (had->source == SOURCE_NONE || (had->source == s.source && (s.own || !had->own)))
        o->set[id] = s;
    return DI_OK;
}

static bool applies(const struct options *o, size_t id)
{
    return (options_[id].commands >> o->command & 1U) != 0;
}

/* The nearest option that this command takes. */
static const char *nearest_option(const struct options *o, const char *name)
{
    const char *candidates[OPTION_COUNT];
    size_t count = 0;

    for (size_t i = 0; i < OPTION_COUNT; i++)
        if (applies(o, i))
            candidates[count++] = options_[i].name;
    return nearest_word(slice_of(name), candidates, count);
}

/* Says what is wrong with an option that getopt does not know for this command. */
static void problem_unknown(const struct options *o, const char *word, struct problem *p)
{
    const char *command = commands_[o->command].name;
    const char *nearest = NULL;
    char name[64];

    snprintf(name, sizeof(name), "%.*s", (int)strcspn(word + strspn(word, "-"), "="),
             word + strspn(word, "-"));
    problem_set(p, "", "there is no such option", "%s: %.80s", command, word);
    for (size_t i = 0; i < OPTION_COUNT; i++) {
        if (strcmp(options_[i].name, name) == 0)
            snprintf(p->why, sizeof(p->why), "`p2pdi %s` has no such option, other commands have",
                     command);
    }
    if (strncmp(word, "--", 2) == 0)
        nearest = nearest_option(o, name);
    if (nearest != NULL)
        snprintf(p->hint, sizeof(p->hint), "p2pdi %s --%s", command, nearest);
    else
        snprintf(p->hint, sizeof(p->hint), "p2pdi %s --help", command);
}

/* Several -c are one script. */
static enum di_err add_script(struct options *o, const char *commands)
{
    char *joined = NULL;

    if (asprintf(&joined, "%s%s%s", o->script == NULL ? "" : o->script,
                 o->script == NULL ? "" : "\n", commands) < 0)
        return DI_NOMEM;
    free(o->script);
    o->script = joined;
    o->set[OPT_COMMAND] = (struct setting){.value = joined, .source = SOURCE_LINE};
    return DI_OK;
}

static enum di_err load_line(struct options *o, int argc, char **argv, struct problem *p)
{
    struct option longs[OPTION_COUNT + 1];
    char shorts[2 * OPTION_COUNT + 2] = ":";
    size_t long_count = 0, short_count = 1;

    for (size_t i = 0; i < OPTION_COUNT; i++) {
        if (!applies(o, i))
            continue;
        /* A flag takes "=no" too, so that the command line can undo a configuration file. */
        bool flag = options_[i].value == NULL;
        longs[long_count++] = (struct option){
            options_[i].name, flag ? optional_argument : required_argument, NULL, 256 + (int)i};
        if (options_[i].letter != 0) {
            shorts[short_count++] = options_[i].letter;
            if (!flag)
                shorts[short_count++] = ':';
        }
    }
    longs[long_count] = (struct option){0};

    opterr = 0;
    optind = 0; /* glibc: start anew */
    for (;;) {
        char where[64];
        int c = getopt_long(argc, argv, shorts, longs, NULL);
        if (c == -1)
            break;
        if (c == '?' || c == ':') {
            char letter[3] = {'-', (char)optopt, '\0'};
            bool is_short = optopt > 0 && optopt < 256;
            const char *word = is_short ? letter : argv[optind - 1];
            if (c == '?') {
                problem_unknown(o, word, p);
            } else {
                problem_set(p, "", "it needs a value", "%s: %.80s", argv[0], word);
                snprintf(p->hint, sizeof(p->hint), "p2pdi %s --help", argv[0]);
            }
            return DI_INVALID;
        }
        size_t id = 0;
        if (c >= 256)
            id = (size_t)c - 256;
        else
            while (options_[id].letter != c)
                id++;
        enum di_err err = DI_OK;
        snprintf(where, sizeof(where), "--%s", options_[id].name);
        if (id == OPT_COMMAND)
            err = add_script(o, optarg);
        else
            err = take(
                o, (enum option_id)id,
                (struct setting){.value = optarg == NULL ? "yes" : optarg, .source = SOURCE_LINE},
                where, p);
        if (err != DI_OK)
            return err;
    }
    o->args = argv + optind;
    o->arg_count = argc - optind;
    return DI_OK;
}

static enum di_err load_environment(struct options *o, struct problem *p)
{
    for (size_t i = 0; i < OPTION_COUNT; i++) {
        char name[OPTION_ENVIRONMENT_SIZE];
        if (!applies(o, i) || !options_[i].anywhere)
            continue;
        option_environment_name((enum option_id)i, name);
        const char *value = getenv(name);
        if (value == NULL || *value == '\0')
            continue;
        enum di_err err =
            take(o, (enum option_id)i,
                 (struct setting){.value = value, .source = SOURCE_ENVIRONMENT}, name, p);
        if (err != DI_OK)
            return err;
    }
    return DI_OK;
}

/* "workers", or "rs.workers" for one command alone. false: no such key, or one for the command line only. */
static bool find_key(char *key, size_t *id, unsigned *commands)
{
    char *dot = strchr(key, '.');
    const char *name = dot == NULL ? key : dot + 1;

    *commands = ON_ALL;
    if (dot != NULL) {
        *commands = 0;
        for (size_t c = 0; c < COMMAND_COUNT; c++)
            if (strlen(commands_[c].name) == (size_t)(dot - key) &&
                strncmp(commands_[c].name, key, (size_t)(dot - key)) == 0)
                *commands = 1U << c;
    }
    for (*id = 0; *id < OPTION_COUNT; (*id)++)
        if (options_[*id].anywhere && strcmp(options_[*id].name, name) == 0)
            return (*commands & options_[*id].commands) != 0;
    return false;
}

static void problem_key(const struct options *o, const char *where, const char *key,
                        struct problem *p)
{
    const char *candidates[OPTION_COUNT];
    size_t count = 0;

    for (size_t i = 0; i < OPTION_COUNT; i++)
        if (options_[i].anywhere)
            candidates[count++] = options_[i].name;
    const char *nearest = nearest_word(slice_of(key), candidates, count);
    problem_set(p, "", "there is no such key", "%s", where);
    if (nearest != NULL)
        snprintf(p->hint, sizeof(p->hint), "%s = ...", nearest);
    else
        snprintf(p->hint, sizeof(p->hint), "p2pdi %s --help: keys are options without --",
                 commands_[o->command].name);
}

static enum di_err load_file(struct options *o, enum setting_source source, const char *path,
                             struct problem *p)
{
    size_t slot = source == SOURCE_USER ? 0 : 1;
    unsigned line = 0;

    enum di_err err = config_file_read(path, CONFIG_FILE_MAX, &o->text[slot]);
    if (err == DI_NOT_FOUND)
        return DI_OK;
    if (err != DI_OK) {
        problem_set(p, "", err == DI_LIMIT ? "it is too large" : di_err_text(err),
                    "cannot read %.200s", path);
        snprintf(p->hint, sizeof(p->hint), "ls -ld '%.200s'", path);
        return DI_INVALID;
    }
    o->path[slot] = strdup(path);
    if (o->path[slot] == NULL)
        return DI_NOMEM;

    for (char *text = o->text[slot]; text != NULL;) {
        char *key = NULL, *value = NULL;
        char where[256];
        unsigned commands = 0;
        size_t id = 0;

        line++;
        enum config_line what = config_line_next(&text, &key, &value);
        if (what == CONFIG_NOTHING)
            continue;
        snprintf(where, sizeof(where), "%.200s:%u: %.40s", path, line,
                 what == CONFIG_BAD ? "" : key);
        if (what == CONFIG_BAD) {
            problem_set(p, "", "this is not `key = value`", "%.200s:%u", path, line);
            snprintf(p->hint, sizeof(p->hint), "p2pdi %s --help: keys are options without --",
                     commands_[o->command].name);
            return DI_INVALID;
        }
        if (!find_key(key, &id, &commands)) {
            problem_key(o, where, key, p);
            return DI_INVALID;
        }
        if ((commands >> o->command & 1U) == 0 || !applies(o, id))
            continue;
        err = take(o, (enum option_id)id,
                   (struct setting){
                       .value = value, .source = source, .line = line, .own = commands != ON_ALL},
                   where, p);
        if (err != DI_OK)
            return err;
    }
    return DI_OK;
}

static enum di_err check_arguments(const struct options *o, struct problem *p)
{
    const struct command_info *c = &commands_[o->command];

    /* What holds does not depend on arguments. */
    int fewest = options_flag(o, OPT_PRINT_CONFIG) ? 0 : c->fewest;
    if (o->arg_count >= fewest && o->arg_count <= c->most)
        return DI_OK;
    if (o->arg_count < fewest) /* `get` alone needs any */
        problem_set(p, "", "which RFCs? give numbers, ranges A-B or 'all'", "%s", c->name);
    else
        problem_set(p, "", c->most == 0 ? "this command takes only options" : "one too many",
                    "%s: %.80s", c->name, o->args[c->most]);
    snprintf(p->hint, sizeof(p->hint), "p2pdi %s --help", c->name);
    return DI_INVALID;
}

/* In a file no shell does it. */
static enum di_err expand_home(struct options *o, enum option_id id, struct problem *p)
{
    struct setting *s = &o->set[id];
    const char *home = getenv("HOME");

    if (home == NULL || *home == '\0') {
        problem_set(p, "", "HOME is not set", "%.180s:%u: %s",
                    o->path[s->source == SOURCE_USER ? 0 : 1], s->line, options_[id].name);
        snprintf(p->hint, sizeof(p->hint), "p2pdi %s --%s DIR", commands_[o->command].name,
                 options_[id].name);
        return DI_INVALID;
    }
    if (asprintf(&o->expanded[id], "%s%s", home, s->value + 1) < 0) {
        o->expanded[id] = NULL;
        return DI_NOMEM;
    }
    s->value = o->expanded[id];
    return DI_OK;
}

static enum di_err expand_homes(struct options *o, struct problem *p)
{
    enum di_err err = DI_OK;

    for (size_t i = 0; i < OPTION_COUNT && err == DI_OK; i++) {
        const struct setting *s = &o->set[i];
        if (options_[i].kind == KIND_DIR &&
            (s->source == SOURCE_USER || s->source == SOURCE_SYSTEM) &&
            (strcmp(s->value, "~") == 0 || strncmp(s->value, "~/", 2) == 0))
            err = expand_home(o, (enum option_id)i, p);
    }
    return err;
}

/* The default as text, NULL where there is none. */
static const char *default_of(struct options *o, enum option_id id)
{
    if (id == OPT_LISTEN)
        return o->command == COMMAND_RS ? ":65423" : ":0";
    if (id == OPT_STATE)
        return state_default_root(o->state) == DI_OK ? o->state : NULL;
    if (id == OPT_WORKERS) {
        long cores = sysconf(_SC_NPROCESSORS_ONLN);
        long workers = cores < 2 ? 4 : cores > 128 ? 256 : 2 * cores;
        snprintf(o->workers, sizeof(o->workers), "%ld", workers);
        return o->workers;
    }
    return options_[id].deflt;
}

static void load_defaults(struct options *o)
{
    for (size_t i = 0; i < OPTION_COUNT; i++) {
        if (!applies(o, i) || o->set[i].source != SOURCE_NONE)
            continue;
        const char *value = default_of(o, (enum option_id)i);
        if (value != NULL)
            o->set[i] = (struct setting){.value = value, .source = SOURCE_DEFAULT};
    }
}

enum di_err options_load(struct options *o, enum command c, int argc, char **argv,
                         const char *user_file, const char *system_file, struct problem *p)
{
    *o = (struct options){.command = c};
    enum di_err err = load_line(o, argc, argv, p);
    if (err != DI_OK || options_flag(o, OPT_HELP) || options_flag(o, OPT_VERSION))
        return err;
    err = check_arguments(o, p);
    if (err == DI_OK)
        err = load_environment(o, p);
    if (err == DI_OK && user_file != NULL)
        err = load_file(o, SOURCE_USER, user_file, p);
    if (err == DI_OK && system_file != NULL)
        err = load_file(o, SOURCE_SYSTEM, system_file, p);
    if (err == DI_OK)
        err = expand_homes(o, p);
    if (err == DI_OK)
        load_defaults(o);
    return err;
}

void options_fini(struct options *o)
{
    for (size_t i = 0; i < 2; i++) {
        free(o->path[i]);
        free(o->text[i]);
    }
    for (size_t i = 0; i < OPTION_COUNT; i++)
        free(o->expanded[i]);
    free(o->script);
    *o = (struct options){.command = o->command};
}
