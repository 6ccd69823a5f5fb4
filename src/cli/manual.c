/* p2pdi(1) in mdoc. Main thread. Pure: it appends to a buffer. */
#include "batch.h"
#include "help.h"

#include "p2pdi/tui/tui.h"

#include <string.h>

#define LINE_MOST 72

/* Where to break: after a sentence, or before the line gets too long. */
static bool ends_line(const char *space, size_t column)
{
    return space[-1] == '.' || column + 1 + strcspn(space + 1, " ") > LINE_MOST;
}

/* Running text: mdoc takes a leading '.' or '\'' for a request. */
static void text_line(struct buf *out, const char *text)
{
    size_t column = 0;

    if (*text == '.' || *text == '\'')
        buf_append_str(out, "\\&");
    for (const char *c = text; *c != '\0'; c++, column++) {
        if (*c == ' ' && c > text && ends_line(c, column)) {
            buf_append_char(out, '\n');
            column = 0;
        } else if (*c == '\\') {
            buf_append_str(out, "\\e");
        } else if (*c == '-') {
            buf_append_str(out, "\\-");
        } else {
            buf_append_char(out, *c);
        }
    }
    buf_append_char(out, '\n');
}

/* A macro argument. */
static void quoted(struct buf *out, const char *text)
{
    buf_append_char(out, '"');
    for (; *text != '\0'; text++) {
        if (*text == '\'')
            buf_append_str(out, "\\(aq");
        else
            buf_append_char(out, *text);
    }
    buf_append_char(out, '"');
}

static void commands(struct buf *out)
{
    buf_append_str(out, ".Bl -tag -width Ds\n");
    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        const struct command_info *c = command_info((enum command)i);
        buf_printf(out, ".It Nm Cm %s%s", c->name, *c->arguments == '\0' ? "" : " Ar ");
        if (*c->arguments != '\0')
            quoted(out, c->arguments);
        buf_append_char(out, '\n');
        text_line(out, c->summary);
    }
    buf_append_str(out, ".El\n");
}

static void options(struct buf *out)
{
    buf_append_str(out, ".Sh OPTIONS\nAfter each option: the commands that take it.\n"
                        ".Bl -tag -width Ds\n");
    for (size_t i = 0; i < OPTION_COUNT; i++) {
        const struct option_info *o = option_info((enum option_id)i);
        buf_append_str(out, ".It ");
        if (o->letter != 0)
            buf_printf(out, "Fl %c , ", o->letter);
        buf_printf(out, "Fl -%s", o->name);
        if (o->value != NULL) {
            buf_append_str(out, " Ar ");
            quoted(out, o->value);
        }
        buf_append_char(out, '\n');
        text_line(out, o->help);
        if (o->value != NULL && o->deflt != NULL) {
            buf_append_str(out, ".Pq default: ");
            quoted(out, o->deflt);
            buf_append_char(out, '\n');
        }
        const char *before = ".Pq Em ";
        if (o->commands == ON_ALL)
            buf_append_str(out, ".Pq Em \"all commands\"");
        for (size_t c = 0; c < COMMAND_COUNT && o->commands != ON_ALL; c++) {
            if ((o->commands >> c & 1U) == 0)
                continue;
            buf_printf(out, "%s%s", before, command_info((enum command)c)->name);
            before = " ";
        }
        buf_append_char(out, '\n');
    }
    buf_append_str(out, ".El\n");
}

static void batch(struct buf *out)
{
    buf_append_str(
        out,
        ".Sh BATCH LANGUAGE\n"
        "A command a line, or several with\n.Ql \\&;\nbetween them;\n.Ql #\n"
        "starts a comment.\n"
        "A command that fails ends the script with its exit code, unless\n.Ql \\-\n"
        "stands before it.\nA\n.Ic wait\nthat times out fails with 1.\n"
        ".Pp\nCommands come from\n.Fl c ,\nfrom the file that is named with\n.Fl -batch ,\n"
        "or with\n.Fl -batch\nalone from standard input, where a command runs as "
        "soon as\nits line is there.\n"
        "Without these and without a terminal a peer is a daemon: it does not read\n"
        "standard input, but registers (unless\n.Fl -manual\nis given) and serves until a signal "
        "comes.\n"
        ".Bl -tag -width Ds\n");
    for (size_t i = 0; i < BATCH_VERBS; i++) {
        const struct batch_info *b = batch_info((enum batch_verb)i);
        buf_printf(out, ".It Ic %s", b->word);
        if (*b->arguments != '\0') {
            buf_append_str(out, " Ar ");
            quoted(out, b->arguments);
        }
        buf_append_char(out, '\n');
        text_line(out, b->help);
    }
    buf_append_str(out, ".El\n");
}

static const char events[] =
    ".Sh EVENTS\n"
    "With\n.Fl -json\neach line of standard output is an object with the members\n"
    ".Va v\n.Pq 1 ,\n.Va event ,\n.Va t\n.Pq seconds since the start\nand those of the event:\n"
    ".Bl -tag -width Ds\n"
    ".It Cm listening\n.Va host , port\n"
    ".It Cm registered\n.Va peer , ttl , reachable\n"
    ".It Cm left\n"
    ".It Cm peers\n.Va count , peers :\nall others active, each with\n"
    ".Va host , port , peer , active , ttl , registrations , last_registered , reachable\n"
    ".It Cm index\n.Va rfcs , entries\n"
    ".It Cm start , done\n.Va rfc , from , bytes , wire_bytes , us , sha256\n"
    ".It Cm failed\n.Va rfc , tried :\neach with\n.Va from , why\n"
    ".It Cm complete\n.Va files , bytes , us\n"
    ".It Cm error\n.Va what , why , hint\n"
    ".It Cm entry\n.Va rfc , title , from , own , ttl , bytes , sha256 :\n"
    "a line of\n.Ic index\nor\n.Cm ls\n"
    ".It Cm transfer\n.Va rfc , from , bytes , have , us , finished :\na line of\n.Ic transfers\n"
    ".It Cm check\n.Va name , result , what , hint :\na line of\n.Cm doctor\n"
    ".It Cm status\n"
    ".Va registered , peer , rs , ttl , reachable , peers , rfcs , held , pending , scanned\n"
    ".El\n";

static const char files[] =
    ".Sh ENVIRONMENT\n"
    "Each option that is not for the command line alone can be set by\n.Ev P2PDI_NAME ,\n"
    "such as\n.Ev P2PDI_RS .\n"
    ".Bl -tag -width Ds\n"
    ".It Ev XDG_CONFIG_HOME , XDG_STATE_HOME , HOME\nwhere configuration and state are found\n"
    ".El\n"
    ".Sh FILES\n"
    "The first that names an option wins: command line, environment, the user\\(aqs\n"
    "file, the system\\(aqs file.\n"
    "Lines are\n.Ql key = value ,\nwhere key is the name of an option, or\n.Ql COMMAND.name\n"
    "for one command;\n.Ql #\nstarts a comment.\n"
    "A directory may begin with\n.Ql \\(ti/ ,\nwhich stands for\n.Ev HOME .\n"
    ".Bl -tag -width Ds\n"
    ".It Pa $XDG_CONFIG_HOME/p2pdi/config\nthe user\\(aqs\n"
    ".It Pa /etc/p2pdi.conf\nthe system\\(aqs\n"
    ".It Pa $XDG_STATE_HOME/p2pdi\ncookies, hashes, the registry; what a\n"
    "dashboard logs, in\n.Pa log\nof the directory of each peer and RS\n"
    ".El\n";

void help_man(struct buf *out)
{
    buf_append_str(out, ".Dd $Mdocdate$\n.Dt P2PDI 1\n.Os\n.Sh NAME\n.Nm p2pdi\n"
                        ".Nd share RFCs between peers with a distributed index\n.Sh SYNOPSIS\n"
                        ".Nm\n.Ar command\n.Op Ar option ...\n.Op Ar argument ...\n"
                        ".Sh DESCRIPTION\n"
                        "Peers that need a set of documents get them from each other.\n"
                        "A registration server knows who is there; each peer knows what it holds, "
                        "learns\nwhat others hold, and serves and downloads at the same time.\n"
                        "The commands are:\n");
    commands(out);
    options(out);
    batch(out);
    buf_append_str(out, ".Sh DASHBOARDS\nOn a terminal\n.Nm\n.Cm rs\nand\n.Nm\n.Cm peer\n"
                        "without batch commands fill the screen.\nThe keys are:\n");
    tui_format_keys_mdoc(out);
    buf_append_str(out, events);
    buf_append_str(out, files);
    buf_append_str(out, ".Sh EXIT STATUS\n.Bl -tag -width Ds\n");
#define X(name, code, meaning) buf_printf(out, ".It %d\n%s\n", code, meaning);
    CLI_EXIT_MAP(X)
#undef X
    buf_append_str(out, ".El\n.Pp\n"
                        "Where several apply: interruption, then 2, 6, 3; else 5, 4, 1.\n"
                        ".Sh EXAMPLES\n.Bd -literal\n");
    for (size_t i = 0; i < COMMAND_COUNT; i++)
        for (size_t j = 0; j < 2; j++)
            text_line(out, command_info((enum command)i)->examples[j]);
    buf_append_str(out, ".Ed\n");
}
