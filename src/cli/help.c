/* Help, version and settings for people. Main thread. Pure: they append to a buffer. */
#include "help.h"

#include "batch.h"

#include <stdio.h>
#include <string.h>

#define COLUMN 29 /* where explanations start */

static void explain(struct buf *out, const char *left, const char *right)
{
    buf_printf(out, "  %-*s%s\n", COLUMN - 2, left, right);
}

void help_version(struct buf *out)
{
    buf_append_str(out, "p2pdi " P2PDI_VERSION "\n");
}

void help_program(struct buf *out)
{
    buf_append_str(out, "Usage: p2pdi COMMAND [OPTION]... [ARGUMENT]...\n"
                        "Shares RFCs between peers that find each other through a registration "
                        "server.\n\n");
    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        const struct command_info *c = command_info((enum command)i);
        char left[64];
        snprintf(left, sizeof(left), "%s %s", c->name, c->arguments);
        explain(out, left, c->summary);
    }
    buf_append_str(out, "\n`p2pdi help COMMAND` lists its options, `p2pdi help batch` the "
                        "batch language.\n\nExamples:\n  p2pdi demo\n  p2pdi get 8609\n");
}

/* Of what the manual says the first clause. */
static void explain_batch(struct buf *out, const struct batch_info *b)
{
    char left[80], right[80];

    snprintf(left, sizeof(left), "%s %s", b->word, b->arguments);
    snprintf(right, sizeof(right), "%.*s", (int)strcspn(b->help, ";."), b->help);
    if (strlen(left) + 2 < COLUMN) {
        explain(out, left, right);
    } else {
        buf_printf(out, "  %s\n", left);
        explain(out, "", right);
    }
}

void help_batch_commands(struct buf *out)
{
    for (size_t i = 0; i < BATCH_VERBS; i++)
        explain_batch(out, batch_info((enum batch_verb)i));
}

void help_batch(struct buf *out)
{
    buf_append_str(out, "Usage: p2pdi peer -c 'CMD; CMD' | p2pdi peer --batch [FILE]\n"
                        "Commands, one a line or with ; between them. # starts a comment. One "
                        "that fails\nends the script, unless it has a - before it.\n\n");
    help_batch_commands(out);
    buf_append_str(out, "\nExamples:\n  p2pdi peer -c 'rfcquery; index caching'\n"
                        "  p2pdi peer -c 'wait peers 1; get 8609 8620-8650; hold'\n");
}

#define PART_SIZE 80

static void help_parts(const struct option_info *o, char left[PART_SIZE], char right[PART_SIZE])
{
    char letter[8] = "";

    if (o->letter != 0)
        snprintf(letter, sizeof(letter), "-%c, ", o->letter);
    snprintf(left, PART_SIZE, "%s--%s%s%s", letter, o->name, o->value == NULL ? "" : " ",
             o->value == NULL ? "" : o->value);
    bool show = o->value != NULL && o->deflt != NULL;
    snprintf(right, PART_SIZE, "%s%s%s%s", o->help, show ? " (" : "", show ? o->deflt : "",
             show ? ")" : "");
}

/* next: one that shares the line, or NULL. */
static void help_option(struct buf *out, const struct option_info *o,
                        const struct option_info *next)
{
    char left[PART_SIZE], right[PART_SIZE], left2[PART_SIZE], right2[PART_SIZE];
    char both[2 * PART_SIZE + 2], both2[2 * PART_SIZE + 2];

    help_parts(o, left, right);
    if (next == NULL) {
        explain(out, left, right);
        return;
    }
    help_parts(next, left2, right2);
    snprintf(both, sizeof(both), "%s; %s", left, left2);
    snprintf(both2, sizeof(both2), "%s; %s", right, right2);
    explain(out, both, both2);
}

/* Pairs share a line, since a screen has only so many: flags with letters, and rates. */
static bool share_a_line(const struct option_info *a, const struct option_info *b)
{
    if (a->value == NULL && b->value == NULL)
        return a->letter != 0 && b->letter != 0;
    return a->kind == KIND_RATE && b->kind == KIND_RATE;
}

void help_command(struct buf *out, enum command c)
{
    const struct command_info *info = command_info(c);

    buf_printf(out, "Usage: p2pdi %s [OPTION]...%s%s\n%s\n\n", info->name,
               *info->arguments == '\0' ? "" : " ", info->arguments, info->summary);
    for (size_t i = 0; i < OPTION_COUNT; i++) {
        const struct option_info *o = option_info((enum option_id)i);
        const struct option_info *next = NULL;
        if ((o->commands >> c & 1U) == 0)
            continue;
        if (i + 1 < OPTION_COUNT)
            next = option_info((enum option_id)(i + 1));
        if (next != NULL && ((next->commands >> c & 1U) == 0 || !share_a_line(o, next)))
            next = NULL;
        help_option(out, o, next);
        if (next != NULL)
            i++;
    }
    buf_printf(out, "\nExamples:\n  %s\n  %s\n", info->examples[0], info->examples[1]);
}

void help_settings(struct buf *out, const struct options *o)
{
    for (size_t i = 0; i < OPTION_COUNT; i++) {
        const struct setting *s = &o->set[i];
        const char *name = option_info((enum option_id)i)->name;
        char environment[OPTION_ENVIRONMENT_SIZE];

        if (!option_info((enum option_id)i)->anywhere || s->value == NULL)
            continue;
        buf_printf(out, "%s = %s  # ", name, s->value);
        switch (s->source) {
        case SOURCE_LINE:
            buf_printf(out, "--%s\n", name);
            break;
        case SOURCE_ENVIRONMENT:
            option_environment_name((enum option_id)i, environment);
            buf_printf(out, "%s\n", environment);
            break;
        case SOURCE_USER:
        case SOURCE_SYSTEM:
            buf_printf(out, "%s:%u\n", o->path[s->source == SOURCE_USER ? 0 : 1], s->line);
            break;
        case SOURCE_NONE:
        case SOURCE_DEFAULT:
            buf_append_str(out, "default\n");
            break;
        }
    }
}
