/* Completion scripts for bash, zsh and fish. Main thread. Pure: they append to a buffer. */
#include "help.h"

#include <string.h>

/* What an option's value can be, where that is a few words. */
static const char *words_of(enum option_kind k)
{
    return k == KIND_TASK ? "1 2 2worst 3 all" : k == KIND_COMPRESS ? "auto always never" : NULL;
}

static bool takes(enum command c, size_t option)
{
    return (option_info((enum option_id)option)->commands >> c & 1U) != 0;
}

/* What may follow `p2pdi get` and the like; NULL: nothing to offer. */
static const char *argument_words(enum command c)
{
    return c == COMMAND_GET ? "all missing from serial" : NULL;
}

static void complete_bash(struct buf *out)
{
    buf_append_str(out, "# bash completion for p2pdi\n_p2pdi()\n{\n"
                        "    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]}\n"
                        "    local words=''\n    COMPREPLY=()\n"
                        "    if ((COMP_CWORD == 1)); then\n        words='");
    for (size_t c = 0; c < COMMAND_COUNT; c++)
        buf_printf(out, "%s ", command_info((enum command)c)->name);
    buf_append_str(out,
                   "--help --version'\n        COMPREPLY=($(compgen -W \"$words\" -- \"$cur\"))\n"
                   "        return\n    fi\n    case $prev in\n");
    for (size_t i = 0; i < OPTION_COUNT; i++) {
        const struct option_info *o = option_info((enum option_id)i);
        if (o->kind == KIND_DIR)
            buf_printf(out, "    --%s) COMPREPLY=($(compgen -d -- \"$cur\")); return ;;\n",
                       o->name);
        else if (words_of(o->kind) != NULL)
            buf_printf(out,
                       "    --%s) COMPREPLY=($(compgen -W '%s' -- \"$cur\")); "
                       "return ;;\n",
                       o->name, words_of(o->kind));
        else if (o->value != NULL)
            buf_printf(out, "    --%s) return ;;\n", o->name);
    }
    buf_append_str(out, "    esac\n    case ${COMP_WORDS[1]} in\n");
    for (size_t c = 0; c < COMMAND_COUNT; c++) {
        buf_printf(out, "    %s) words='", command_info((enum command)c)->name);
        for (size_t i = 0; i < OPTION_COUNT; i++)
            if (takes((enum command)c, i))
                buf_printf(out, "--%s ", option_info((enum option_id)i)->name);
        if (argument_words((enum command)c) != NULL)
            buf_append_str(out, argument_words((enum command)c));
        buf_append_str(out, "' ;;\n");
    }
    buf_append_str(out, "    esac\n    COMPREPLY=($(compgen -W \"$words\" -- \"$cur\"))\n}\n"
                        "complete -o default -F _p2pdi p2pdi\n");
}

/* Text for inside '...' of zsh's _arguments and fish's -d. */
static void append_quoted(struct buf *out, const char *text, const char *special)
{
    for (; *text != '\0'; text++) {
        if (*text == '\'')
            buf_append_str(out, "'\\'");
        else if (strchr(special, *text) != NULL)
            buf_append_char(out, '\\');
        buf_append_char(out, *text);
    }
}

static void complete_zsh(struct buf *out)
{
    buf_append_str(out, "#compdef p2pdi\nlocal -a commands\ncommands=(\n");
    for (size_t c = 0; c < COMMAND_COUNT; c++) {
        buf_printf(out, "  '%s:", command_info((enum command)c)->name);
        append_quoted(out, command_info((enum command)c)->summary, ":");
        buf_append_str(out, "'\n");
    }
    buf_append_str(out, ")\nif ((CURRENT == 2)); then\n  _describe command commands\n  return\nfi\n"
                        "shift words\n((CURRENT--))\ncase $words[1] in\n");
    for (size_t c = 0; c < COMMAND_COUNT; c++) {
        buf_printf(out, "%s) _arguments", command_info((enum command)c)->name);
        for (size_t i = 0; i < OPTION_COUNT; i++) {
            const struct option_info *o = option_info((enum option_id)i);
            if (!takes((enum command)c, i))
                continue;
            buf_printf(out, " \\\n  '--%s[", o->name);
            append_quoted(out, o->help, "[]:\\");
            buf_append_char(out, ']');
            if (o->value != NULL) {
                buf_append_char(out, ':');
                append_quoted(out, o->value, "[]:\\");
                if (words_of(o->kind) != NULL)
                    buf_printf(out, ":(%s)", words_of(o->kind));
                else
                    buf_append_str(out, o->kind == KIND_DIR ? ":_files -/" : ":");
            }
            buf_append_char(out, '\'');
        }
        if (argument_words((enum command)c) != NULL)
            buf_printf(out, " \\\n  '*:word:(%s)'", argument_words((enum command)c));
        else if (c == COMMAND_PEER)
            buf_append_str(out, " \\\n  '1:file:_files'");
        buf_append_str(out, " ;;\n");
    }
    buf_append_str(out, "esac\n");
}

static void complete_fish(struct buf *out)
{
    buf_append_str(out, "# fish completion for p2pdi\ncomplete -c p2pdi -f\n");
    for (size_t c = 0; c < COMMAND_COUNT; c++) {
        buf_printf(out, "complete -c p2pdi -n __fish_use_subcommand -a %s -d '",
                   command_info((enum command)c)->name);
        append_quoted(out, command_info((enum command)c)->summary, "");
        buf_append_str(out, "'\n");
    }
    for (size_t i = 0; i < OPTION_COUNT; i++) {
        const struct option_info *o = option_info((enum option_id)i);
        buf_append_str(out, "complete -c p2pdi -n '__fish_seen_subcommand_from");
        for (size_t c = 0; c < COMMAND_COUNT; c++)
            if (takes((enum command)c, i))
                buf_printf(out, " %s", command_info((enum command)c)->name);
        buf_printf(out, "' -l %s", o->name);
        if (o->letter != 0)
            buf_printf(out, " -s %c", o->letter);
        if (o->kind == KIND_DIR)
            buf_append_str(out, " -x -a '(__fish_complete_directories)'");
        else if (words_of(o->kind) != NULL)
            buf_printf(out, " -x -a '%s'", words_of(o->kind));
        else if (o->value != NULL)
            buf_append_str(out, " -x");
        buf_append_str(out, " -d '");
        append_quoted(out, o->help, "");
        buf_append_str(out, "'\n");
    }
    for (size_t c = 0; c < COMMAND_COUNT; c++)
        if (argument_words((enum command)c) != NULL)
            buf_printf(out, "complete -c p2pdi -n '__fish_seen_subcommand_from %s' -a '%s'\n",
                       command_info((enum command)c)->name, argument_words((enum command)c));
    buf_append_str(out, "complete -c p2pdi -n '__fish_seen_subcommand_from peer' -F\n");
}

bool help_completion(struct buf *out, const char *shell)
{
    static const struct {
        const char *name;
        void (*write)(struct buf *out);
    } shells[] = {{"bash", complete_bash}, {"zsh", complete_zsh}, {"fish", complete_fish}};

    for (size_t i = 0; i < sizeof(shells) / sizeof(shells[0]); i++) {
        if (strcmp(shell, shells[i].name) == 0) {
            shells[i].write(out);
            return true;
        }
    }
    return false;
}
