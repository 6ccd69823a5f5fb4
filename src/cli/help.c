/* Help, version and settings for people. Main thread. Pure: they append to a buffer. */
#include "help.h"

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
    buf_append_str(out, "\n`p2pdi COMMAND --help` lists its options, `man p2pdi` the batch "
                        "language.\n\nExamples:\n  p2pdi demo\n  p2pdi get 8609\n");
}

static void help_option(struct buf *out, const struct option_info *o)
{
    char left[64];
    char right[128];

    if (o->letter != 0 && o->value != NULL)
        snprintf(left, sizeof(left), "-%c, --%s %s", o->letter, o->name, o->value);
    else if (o->letter != 0)
        snprintf(left, sizeof(left), "-%c, --%s", o->letter, o->name);
    else
        snprintf(left, sizeof(left), "--%s%s%s", o->name, o->value == NULL ? "" : " ",
                 o->value == NULL ? "" : o->value);
    bool show = o->value != NULL && o->deflt != NULL;
    snprintf(right, sizeof(right), "%s%s%s%s", o->help, show ? " (" : "", show ? o->deflt : "",
             show ? ")" : "");
    explain(out, left, right);
}

static bool is_lettered_flag(const struct option_info *o)
{
    return o->letter != 0 && o->value == NULL;
}

/* Two in one line: a screen has only so many. */
static void help_two_flags(struct buf *out, const struct option_info *a,
                           const struct option_info *b)
{
    char left[64];
    char right[128];

    snprintf(left, sizeof(left), "-%c, --%s; -%c, --%s", a->letter, a->name, b->letter, b->name);
    snprintf(right, sizeof(right), "%s; %s", a->help, b->help);
    explain(out, left, right);
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
        if (next != NULL && (next->commands >> c & 1U) != 0 && is_lettered_flag(o) &&
            is_lettered_flag(next)) {
            help_two_flags(out, o, next);
            i++;
        } else {
            help_option(out, o);
        }
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
