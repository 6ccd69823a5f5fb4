/* The table of keys, looked up, and as a section of the manual page. Pure. */
#include "keys.h"

#include "p2pdi/tui/tui.h"

#include <ncurses.h>

static const struct key_row rows[] = {
#define X(action, section, contexts, a, b, c, shown, what)                                         \
    {KEY_DO_##action, KEY_SECTION_##section, (contexts), {(a), (b), (c)}, shown, what},
    KEYS_MAP(X)
#undef X
};

const struct key_row *keys_table(size_t *count)
{
    *count = sizeof(rows) / sizeof(rows[0]);
    return rows;
}

const struct key_row *keys_row(enum key_action action)
{
    return &rows[action - 1];
}

const char *keys_section_title(enum key_section section)
{
    static const char *const titles[] = {
#define X(name, title) title,
        KEY_SECTION_MAP(X)
#undef X
    };

    return titles[section];
}

enum key_action keys_find(int code, enum key_context context)
{
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        if ((rows[i].contexts & context) != 0 && code != 0 &&
            (rows[i].code[0] == code || rows[i].code[1] == code || rows[i].code[2] == code))
            return rows[i].action;
    return KEY_NONE;
}

/* Backslashes are escapes in roff, and a dot or quote at the start of a line is a request. */
static void append_roff(struct buf *out, const char *text)
{
    for (const char *p = text; *p != '\0'; p++) {
        if (*p == '\\')
            buf_append_str(out, "\\e");
        else if (*p == '^')
            buf_append_str(out, "\\(ha");
        else
            buf_append_char(out, *p);
    }
}

void tui_format_keys_mdoc(struct buf *out)
{
    for (size_t s = 0; s < KEY_SECTIONS; s++) {
        buf_printf(out, ".Ss %s\n.Bl -tag -width Shift-Tab -compact\n",
                   keys_section_title((enum key_section)s));
        for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
            if (rows[i].section != s)
                continue;
            buf_append_str(out, ".It Sy \\&");
            append_roff(out, rows[i].shown);
            buf_append_str(out, "\n\\&");
            append_roff(out, rows[i].what);
            buf_append_char(out, '\n');
        }
        buf_append_str(out, ".El\n");
    }
}
