/* Parser of the batch language. Any thread; no I/O. */
#include "batch.h"

#include "nearest.h"

#include "p2pdi/base/clock.h"
#include "p2pdi/wire/message.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const struct batch_info verbs[] = {
#define X(ID, word, arguments, help) {word, arguments, help},
    BATCH_MAP(X)
#undef X
};

const struct batch_info *batch_info(enum batch_verb v)
{
    return &verbs[v];
}

/* ---- words --------------------------------------------------------------------------------------- */

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

static struct slice trim(struct slice s)
{
    while (s.n > 0 && is_blank(s.p[0])) {
        s.p++;
        s.n--;
    }
    while (s.n > 0 && is_blank(s.p[s.n - 1]))
        s.n--;
    return s;
}

/* The next word, empty at the end. */
static struct slice next_word(struct slice *rest)
{
    struct slice s = trim(*rest);
    struct slice word = {s.p, 0};

    while (word.n < s.n && !is_blank(s.p[word.n]))
        word.n++;
    *rest = (struct slice){s.p + word.n, s.n - word.n};
    return word;
}

/* The same where a comma separates, too. */
static struct slice next_item(struct slice *rest)
{
    while (rest->n > 0 && (is_blank(rest->p[0]) || rest->p[0] == ',')) {
        rest->p++;
        rest->n--;
    }
    struct slice item = next_word(rest);
    const char *comma = item.n > 0 ? memchr(item.p, ',', item.n) : NULL;
    if (comma == NULL)
        return item;
    rest->n += (size_t)(rest->p - comma);
    rest->p = comma;
    item.n = (size_t)(comma - item.p);
    return item;
}

static bool is(struct slice word, const char *text)
{
    return slice_equal(word, slice_of(text));
}

bool batch_text_next(struct batch_text *t, struct slice *command)
{
    for (;;) {
        while (t->line.n > 0) {
            struct slice rest = {0};
            *command = trim(slice_split(t->line, ';', &rest));
            t->line = rest;
            if (command->n > 0)
                return true;
        }
        if (t->rest.p == NULL || t->rest.n == 0)
            return false;
        t->line = slice_split(t->rest, '\n', &t->rest);
        const char *comment = memchr(t->line.p, '#', t->line.n);
        if (comment != NULL)
            t->line.n = (size_t)(comment - t->line.p);
        t->number++;
    }
}

/* ---- values -------------------------------------------------------------------------------------- */

/* N, also as people and files write it: RFC8650, rfc8650.txt. */
static bool parse_number(struct slice word, uint64_t *out)
{
    static const char prefix[] = "rfc", suffix[] = ".txt";
    size_t before = sizeof(prefix) - 1, after = sizeof(suffix) - 1;

    if (word.n > before && strncasecmp(word.p, prefix, before) == 0) {
        word = (struct slice){word.p + before, word.n - before};
        if (word.n > after && strncasecmp(word.p + word.n - after, suffix, after) == 0)
            word.n -= after;
    }
    return text_parse_u64(word, WIRE_RFC_MAX, out);
}

/* N or A-B. */
static bool parse_range(struct slice word, struct peer_range *out)
{
    struct slice last = {0};
    struct slice first = slice_split(word, '-', &last);
    uint64_t a = 0, b = 0;

    if (!parse_number(first, &a))
        return false;
    if (last.p == NULL)
        b = a;
    else if (!parse_number(last, &b))
        return false;
    *out = (struct peer_range){(uint32_t)a, (uint32_t)b};
    return a >= 1 && a <= b;
}

/* "2", "0.5": at most a hundred days. */
static bool parse_seconds(struct slice word, int64_t *out_us)
{
    struct slice fraction = {0};
    struct slice whole = slice_split(word, '.', &fraction);
    uint64_t s = 0, us = 0;

    if (!text_parse_u64(whole, UINT64_C(8640000), &s))
        return false;
    if (fraction.p != NULL) {
        if (fraction.n > 6 || !text_parse_u64(fraction, 999999, &us))
            return false;
        for (size_t i = fraction.n; i < 6; i++)
            us *= 10;
    }
    *out_us = (int64_t)s * CLOCK_US_PER_S + (int64_t)us;
    return true;
}

/* ---- commands ------------------------------------------------------------------------------------ */

/* What parsing needs to say what is wrong. */
struct parse {
    struct batch_command *out;
    struct slice rest;
    char *why;
};

static enum di_err wrong(struct parse *p, const char *fmt, ...) DI_PRINTF(2, 3);
static enum di_err wrong(struct parse *p, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(p->why, BATCH_WHY_SIZE, fmt, ap);
    va_end(ap);
    return DI_INVALID;
}

static int shown(struct slice word)
{
    return (int)(word.n < 60 ? word.n : 60);
}

static enum di_err parse_end(struct parse *p)
{
    struct slice word = next_word(&p->rest);
    if (word.n > 0)
        return wrong(p, "'%.*s' is one word too many", shown(word), word.p);
    return DI_OK;
}

static enum di_err add_range(struct parse *p, struct peer_range range, size_t *room)
{
    struct batch_command *c = p->out;

    if (c->count == *room) {
        size_t more = *room == 0 ? 8 : *room * 2;
        struct peer_range *grown = realloc(c->ranges, more * sizeof(*grown));
        if (grown == NULL)
            return DI_NOMEM;
        c->ranges = grown;
        *room = more;
    }
    c->ranges[c->count++] = range;
    return DI_OK;
}

static enum di_err parse_get(struct parse *p)
{
    struct batch_command *c = p->out;
    size_t room = 0;

    for (;;) {
        struct peer_range range = {0};
        struct slice word = next_item(&p->rest);
        if (word.n == 0)
            break;
        if (is(word, "all") || is(word, "missing")) {
            c->all = true;
        } else if (is(word, "serial")) {
            c->serial = true;
        } else if (is(word, "from")) {
            c->from = next_word(&p->rest);
            if (c->from.n == 0)
                return wrong(p, "'from' needs a peer: its id or HOST:PORT");
        } else if (parse_range(word, &range)) {
            enum di_err err = add_range(p, range, &room);
            if (err != DI_OK)
                return err;
        } else if (range.first > range.last && range.last > 0) {
            return wrong(p, "'%.*s' runs backwards", shown(word), word.p);
        } else {
            return wrong(p, "'%.*s' is no RFC number, range A-B, 'all' or 'missing'", shown(word),
                         word.p);
        }
    }
    if (c->all && c->count > 0)
        return wrong(p, "numbers do not go with 'all' or 'missing'");
    if (!c->all && c->count == 0)
        return wrong(p, "which RFCs? give numbers, ranges A-B, 'all' or 'missing'");
    return DI_OK;
}

static enum di_err parse_wait(struct parse *p)
{
    struct batch_command *c = p->out;
    struct slice what = next_word(&p->rest);

    if (!is(what, "peers") && !is(what, "rfcs"))
        return wrong(p, "'wait' needs 'peers N' or 'rfcs N'");
    c->rfcs = is(what, "rfcs");
    struct slice number = next_word(&p->rest);
    if (!text_parse_u64(number, UINT32_MAX, &c->number))
        return wrong(p, "'wait %.*s' needs a number", shown(what), what.p);
    struct slice word = next_word(&p->rest);
    if (word.n == 0)
        return DI_OK;
    if (!is(word, "timeout"))
        return wrong(p, "'%.*s' is not 'timeout'", shown(word), word.p);
    if (!parse_seconds(next_word(&p->rest), &c->time_us))
        return wrong(p, "'timeout' needs seconds");
    return parse_end(p);
}

static enum di_err parse_sync(struct parse *p)
{
    struct slice word = next_word(&p->rest);

    p->out->off = is(word, "off");
    if (word.n > 0 && !p->out->off)
        return wrong(p, "'%.*s' is not 'off'", shown(word), word.p);
    return parse_end(p);
}

static enum di_err parse_arguments(struct parse *p)
{
    struct batch_command *c = p->out;

    switch (c->verb) {
    case BATCH_GET:
        return parse_get(p);
    case BATCH_WAIT:
        return parse_wait(p);
    case BATCH_SLEEP:
        if (!parse_seconds(next_word(&p->rest), &c->time_us))
            return wrong(p, "'sleep' needs seconds");
        break;
    case BATCH_RFCQUERY:
        c->from = next_word(&p->rest);
        if (is(c->from, "all"))
            c->from.n = 0;
        break;
    case BATCH_SYNC:
        return parse_sync(p);
    case BATCH_INDEX:
        c->pattern = trim(p->rest);
        return DI_OK;
    default:
        break;
    }
    return parse_end(p);
}

enum di_err batch_command_parse(struct slice text, struct batch_command *out,
                                char why[BATCH_WHY_SIZE], const char **hint)
{
    struct parse p = {.out = out, .rest = trim(text), .why = why};

    *out = (struct batch_command){.time_us = -1};
    *hint = BATCH_HINT;
    if (p.rest.n > 0 && p.rest.p[0] == '-') {
        out->forgiven = true;
        p.rest.p++;
        p.rest.n--;
    }
    struct slice word = next_word(&p.rest);
    if (is(word, "?"))
        word = slice_of(verbs[BATCH_HELP].word);
    for (size_t i = 0; i < BATCH_VERBS; i++) {
        if (is(word, verbs[i].word)) {
            out->verb = (enum batch_verb)i;
            return parse_arguments(&p);
        }
    }
    const char *words[BATCH_VERBS];
    for (size_t i = 0; i < BATCH_VERBS; i++)
        words[i] = verbs[i].word;
    const char *nearest = nearest_word(word, words, BATCH_VERBS);
    if (nearest != NULL)
        *hint = nearest;
    return wrong(&p, "there is no batch command '%.*s'", shown(word), word.p);
}

void batch_command_fini(struct batch_command *c)
{
    free(c->ranges);
    c->ranges = NULL;
    c->count = 0;
}

enum di_err batch_text_check(struct slice text, unsigned *line, char why[BATCH_WHY_SIZE],
                             const char **hint)
{
    struct batch_text t = {.rest = text};
    struct slice s = {0};
    enum di_err err = DI_OK;

    while (err == DI_OK && batch_text_next(&t, &s)) {
        struct batch_command c;
        err = batch_command_parse(s, &c, why, hint);
        batch_command_fini(&c);
    }
    *line = t.number;
    return err;
}

/* ---- patterns ------------------------------------------------------------------------------------ */

static bool has_word(const char *title, struct slice word)
{
    for (; *title != '\0'; title++)
        if (strncasecmp(title, word.p, word.n) == 0)
            return true;
    return false;
}

/* Has it nothing but numbers and ranges? Then *inside: rfc is one of them. */
static bool is_of_numbers(struct slice pattern, uint32_t rfc, bool *inside)
{
    size_t count = 0;

    *inside = false;
    for (struct slice item = next_item(&pattern); item.n > 0; item = next_item(&pattern)) {
        struct peer_range range = {0};
        if (!parse_range(item, &range))
            return false;
        *inside = *inside || (rfc >= range.first && rfc <= range.last);
        count++;
    }
    return count > 0;
}

bool batch_pattern_fits(struct slice pattern, uint32_t rfc, const char *title)
{
    bool inside = false;

    if (is_of_numbers(pattern, rfc, &inside))
        return inside;
    for (struct slice word = next_item(&pattern); word.n > 0; word = next_item(&pattern))
        if (!has_word(title, word))
            return false;
    return true;
}
