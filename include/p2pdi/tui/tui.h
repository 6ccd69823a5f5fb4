/*
 * The full-screen dashboards. tui_run owns the terminal and every curses call, in the thread that
 * calls it, and draws immutable snapshots. It sleeps in poll on keyboard, wake_fd and its own signals.
 */
#ifndef P2PDI_TUI_TUI_H
#define P2PDI_TUI_TUI_H

#include "p2pdi/base/buf.h"
#include "p2pdi/base/err.h"
#include "p2pdi/stats/snapshot.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum tui_kind { TUI_PEER, TUI_RS, TUI_DEMO };

/*
 * All callbacks come from the thread of tui_run. NULL where not said otherwise: the keys that need it
 * say so on the screen.
 */
struct tui_config {
    enum tui_kind kind;
    int in_fd, out_fd; /* the terminal */
    /*
     * Readable when there is something new (the screen reads it empty, without blocking): a snapshot,
     * or that it shall stop. -1: none; then it looks once a second.
     */
    int wake_fd;
    void *ctx; /* of all callbacks */
    /* The newest snapshot, with a reference for the screen; NULL: none yet. Needed. Must be quick. */
    struct snapshot *(*snapshot)(void *ctx);
    /* Shall the screen end? Asked after each wake-up. */
    bool (*stopping)(void *ctx);
    /*
     * A line of the batch language, from a key or `:`. Must not wait: it is carried out elsewhere, and
     * what comes of it shows in the snapshots. `quit` never comes here.
     */
    void (*command)(void *ctx, const char *line);
    /* A download that shall not go on. */
    void (*cancel)(void *ctx, uint32_t rfc);
    /* The text of a document that is here, for free(). DI_NOT_FOUND if it is not. */
    enum di_err (*open)(void *ctx, uint32_t rfc, char **bytes, size_t *len);
    /* Words for completion in `:`, first words and the others; NULL-terminated. */
    const char *const *commands;
    const char *const *arguments;
    /* Clocks; NULL: the real ones. Tests bring their own. */
    int64_t (*mono_us)(void *ctx);
};

/*
 * Runs until the user quits or stopping() says so (DI_OK), quits by ^C (DI_CANCELLED), or the terminal
 * is gone (DI_CLOSED).
 * DI_INVALID with a sentence in why: this terminal cannot do it; then nothing was written to it. The
 * caller has blocked SIGWINCH, SIGCONT and SIGTSTP in every thread and leaves them alone.
 */
enum di_err tui_run(const struct tui_config *cfg, char why[256]) DI_MUST_CHECK;

/*
 * Gives the terminal back as it was, for one who ends the process while tui_run runs; does nothing
 * otherwise. What the screen still writes goes nowhere from then on. Only dup3, write and tcsetattr
 * with what was kept: any thread, and any signal handler.
 */
void tui_restore(void);

/* Is this a terminal that tui_run can use? why gets a sentence if not. */
bool tui_is_usable(int in_fd, int out_fd, char why[256]);

/* The table of keys as a section of a manual page (mdoc). Pure. */
void tui_format_keys_mdoc(struct buf *out);

#endif
