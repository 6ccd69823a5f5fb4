/* Reads fenced blocks marked dialogue or document. Runs in tests, one thread. */
#include "dialogues.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool starts_with(struct slice s, const char *prefix)
{
    size_t n = strlen(prefix);
    return s.n >= n && memcmp(s.p, prefix, n) == 0;
}

static struct slice skip(struct slice s, size_t n)
{
    return (struct slice){s.p + n, s.n - n};
}

static bool wrong(char why[200], unsigned number, const char *what)
{
    (void)snprintf(why, 200, "line %u: %s", number, what);
    return false;
}

/* "rs", "peer slow" */
static bool read_info(struct slice info, struct dialogue *d)
{
    struct slice rest;
    struct slice server = slice_split(info, ' ', &rest);

    if (slice_equal(server, SLICE("rs")))
        d->server = DIALOGUE_RS;
    else if (slice_equal(server, SLICE("peer")))
        d->server = DIALOGUE_PEER;
    else
        return false;
    d->slow = slice_equal(rest, SLICE("slow"));
    return rest.p == NULL || d->slow;
}

/* "> text", ">| text", "2< text", "* closes" */
static bool read_line(struct slice s, struct dialogue_line *line)
{
    if (s.n > 1 && s.p[0] >= '2' && s.p[0] <= '0' + DIALOGUE_CONNECTIONS) {
        line->connection = (unsigned)(s.p[0] - '1');
        s = skip(s, 1);
    }
    if (slice_equal(s, SLICE("* closes"))) {
        line->kind = DIALOGUE_CLOSES;
        return true;
    }
    if (starts_with(s, ">"))
        line->kind = DIALOGUE_SEND;
    else if (starts_with(s, "<"))
        line->kind = DIALOGUE_EXPECT;
    else
        return false;
    s = skip(s, 1);
    if (starts_with(s, "|")) {
        line->body = true;
        s = skip(s, 1);
    }
    if (s.n > 0 && s.p[0] != ' ')
        return false;
    if (s.n > 0)
        s = skip(s, 1);
    if (s.n > 0 && s.p[s.n - 1] == '\\') {
        line->open_end = true;
        s.n--;
    }
    line->text = s;
    return true;
}

/* What a client says comes first, and an answer must be there. */
static bool is_playable(const struct dialogue *d)
{
    bool answered = false;

    for (size_t i = 0; i < d->count; i++)
        answered |= d->lines[i].kind == DIALOGUE_EXPECT;
    return answered && d->lines[0].kind == DIALOGUE_SEND;
}

static bool add_dialogue(struct dialogues *s, struct slice *rest, struct slice info,
                         unsigned *number, char why[200])
{
    struct dialogue *d = &s->dialogues[s->dialogue_count];

    *d = (struct dialogue){.number = *number, .lines = s->lines + s->line_count};
    if (!read_info(info, d))
        return wrong(why, *number, "a dialogue is with rs or peer, and may be slow");
    while (rest->p != NULL) {
        struct slice text = slice_split(*rest, '\n', rest);
        struct dialogue_line *line = &s->lines[s->line_count];

        ++*number;
        if (starts_with(text, "```")) {
            if (!is_playable(d))
                return wrong(why, d->number, "nothing is asked, or nothing answered");
            s->dialogue_count++;
            return true;
        }
        *line = (struct dialogue_line){.number = *number};
        if (!read_line(text, line))
            return wrong(why, *number, "this line of a dialogue is not understood");
        s->line_count++;
        d->count++;
    }
    return wrong(why, d->number, "the block has no end");
}

static bool add_document(struct dialogues *s, struct slice *rest, struct slice name,
                         unsigned *number, char why[200])
{
    unsigned begin = *number;
    const char *start = rest->p;

    while (rest->p != NULL) {
        struct slice text = slice_split(*rest, '\n', rest);

        ++*number;
        if (starts_with(text, "```")) {
            s->documents[s->document_count++] =
                (struct dialogue_document){name, {start, (size_t)(text.p - start)}};
            return true;
        }
    }
    return wrong(why, begin, "the block has no end");
}

/* Any other block is passed over, so that what it shows is not taken for one of ours. */
static bool pass_block(struct slice *rest, unsigned *number, char why[200])
{
    unsigned begin = *number;

    while (rest->p != NULL) {
        ++*number;
        if (starts_with(slice_split(*rest, '\n', rest), "```"))
            return true;
    }
    return wrong(why, begin, "the block has no end");
}

bool dialogues_read(struct dialogues *s, struct slice text, char why[200])
{
    struct slice rest = text;
    size_t room = 1;
    unsigned number = 0;
    bool ok = true;

    for (size_t i = 0; i < text.n; i++)
        room += text.p[i] == '\n';
    *s = (struct dialogues){
        .dialogues = calloc(room, sizeof(*s->dialogues)),
        .documents = calloc(room, sizeof(*s->documents)),
        .lines = calloc(room, sizeof(*s->lines)),
    };
    if (s->dialogues == NULL || s->documents == NULL || s->lines == NULL)
        return wrong(why, 0, "no memory");

    while (ok && rest.p != NULL) {
        struct slice line = slice_split(rest, '\n', &rest);

        number++;
        if (starts_with(line, "```dialogue "))
            ok = add_dialogue(s, &rest, skip(line, 12), &number, why);
        else if (starts_with(line, "```document "))
            ok = add_document(s, &rest, skip(line, 12), &number, why);
        else if (starts_with(line, "```dia"))
            ok = wrong(why, number, "is this meant to be a dialogue?");
        else if (starts_with(line, "```"))
            ok = pass_block(&rest, &number, why);
    }
    if (ok && s->dialogue_count == 0)
        return wrong(why, number, "there is no dialogue in the document");
    return ok;
}

void dialogues_free(struct dialogues *s)
{
    free(s->dialogues);
    free(s->documents);
    free(s->lines);
}
