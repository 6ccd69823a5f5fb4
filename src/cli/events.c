/* What is said, and where: any thread may speak. The lock is held until the queue of what is to be written takes it. */
#include "events.h"

#include "wrap.h"

#include "p2pdi/base/clock.h"
#include "p2pdi/base/json.h"
#include "p2pdi/base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define LINE_MAX_BYTES ((size_t)64 << 20)
#define STDERR_MAX (4 * LINE_MAX_BYTES)
#define BAR_MAX ((size_t)64 << 10)
#define FAILURES_TOLD 5                         /* in full, of a row of them */
#define FAILURES_APART_US (10 * CLOCK_US_PER_S) /* later ones are another row */

/* An error with its hint is one line on a screen, which knows whose errors it shows. */
static void redirect_error_locked(struct events *e, enum log_level level, struct slice text)
{
    static const char us[] = "p2pdi: ";
    size_t skip = sizeof(us) - 1;
    struct buf line;
    struct slice rest = text;

    if (text.n >= skip && memcmp(text.p, us, skip) == 0)
        rest = (struct slice){text.p + skip, text.n - skip};
    buf_init(&line, LINE_MAX_BYTES);
    while (rest.p != NULL && rest.n > 0) {
        struct slice part = slice_trim(slice_split(rest, '\n', &rest));
        if (line.len > 0 && part.n > 0)
            buf_append_str(&line, "; ");
        buf_append(&line, part.p, part.n);
    }
    if (line.len > 0)
        e->line(e->line_arg, level, (struct slice){buf_bytes(&line), line.len});
    buf_fini(&line);
}

/* true: a screen took it. */
static bool redirect_locked(struct events *e, enum log_level level, const struct buf *text)
{
    struct slice rest = {buf_bytes(text), text->len};

    if (e->line == NULL)
        return false;
    if (level == LOG_ERROR) {
        redirect_error_locked(e, level, rest);
        return true;
    }
    while (rest.p != NULL && rest.n > 0) {
        struct slice line = slice_split(rest, '\n', &rest);
        if (line.n > 0)
            e->line(e->line_arg, level, line);
    }
    return true;
}

void events_redirect(struct events *e, events_line_fn *line, void *arg)
{
    lock_acquire(&e->lock);
    e->line = line;
    e->line_arg = arg;
    lock_release(&e->lock);
    event_writer_flush(&e->writer);
}

static void write_out(struct events *e, const struct buf *text, bool hurry)
{
    lock_acquire(&e->lock);
    if (!redirect_locked(e, LOG_INFO, text)) {
        if (buf_status(text) == DI_OK)
            event_writer_put(&e->writer, STDOUT_FILENO, buf_bytes(text), text->len, hurry);
        else
            event_writer_break(&e->writer);
    }
    lock_release(&e->lock);
}

/* Brings the cursor to where the bar starts, and takes it away. */
static void append_erase_locked(struct events *e, struct buf *out)
{
    const char *bytes = buf_bytes(&e->bar);
    size_t above = 0;

    if (e->bar.len == 0)
        return;
    for (size_t i = 0; i < e->bar.len; i++)
        if (bytes[i] == '\n')
            above++;
    buf_append_char(out, '\r');
    if (above > 0)
        buf_printf(out, "\033[%zuA", above);
    buf_append_str(out, "\033[J");
}

/* The bar, if there is one, makes room and comes back below: all in one write. */
static void write_err(struct events *e, enum log_level level, const struct buf *text)
{
    struct buf whole;
    buf_init(&whole, STDERR_MAX);
    lock_acquire(&e->lock);
    if (!redirect_locked(e, level, text)) {
        append_erase_locked(e, &whole);
        buf_append(&whole, buf_bytes(text), text->len);
        buf_append(&whole, buf_bytes(&e->bar), e->bar.len);
        event_writer_put(&e->writer, STDERR_FILENO, buf_bytes(&whole), whole.len, true);
    }
    lock_release(&e->lock);
    buf_fini(&whole);
}

void events_bar(struct events *e, struct slice lines)
{
    struct buf text;
    buf_init(&text, STDERR_MAX);
    lock_acquire(&e->lock);
    if (!slice_equal(lines, (struct slice){buf_bytes(&e->bar), e->bar.len})) {
        append_erase_locked(e, &text);
        buf_clear(&e->bar);
        buf_append(&e->bar, lines.p, lines.n);
        buf_append(&text, buf_bytes(&e->bar), e->bar.len);
        event_writer_put(&e->writer, STDERR_FILENO, buf_bytes(&text), text.len, true);
    }
    lock_release(&e->lock);
    buf_fini(&text);
}

/* ---- failures ------------------------------------------------------------------------------------ */

static unsigned whys_of(const struct peer_event *ev)
{
    unsigned whys = ev->count == 0 ? 1U : 0;

    for (size_t i = 0; i < ev->count; i++)
        whys |= 2U << ev->tried[i].why;
    return whys;
}

/* The first few are told, then those with a reason that none of them had: a hundred times the same helps nobody. */
static bool is_failure_told(struct events *e, const struct peer_event *ev)
{
    struct event_failures *f = &e->failures;
    unsigned whys = whys_of(ev);

    lock_acquire(&e->lock);
    bool told = e->level == EVENTS_VERBOSE || f->told < FAILURES_TOLD || (whys & ~f->whys) != 0;
    if (told)
        f->told++;
    else
        f->untold++;
    f->whys |= whys;
    f->last_us = ev->at_us;
    lock_release(&e->lock);
    return told;
}

static bool ends_failures(const struct peer_event *ev, int64_t last_us)
{
    return ev->kind == PEER_EV_COMPLETE || ev->kind == PEER_EV_LEFT || ev->kind == PEER_EV_ERROR ||
           ev->at_us - last_us > FAILURES_APART_US;
}

/* Tells how many more there were, once the row of them is over. ev NULL: it is. */
static void end_failures(struct events *e, const struct peer_event *ev)
{
    struct buf text;
    size_t n = 0;

    lock_acquire(&e->lock);
    if (ev == NULL || ends_failures(ev, e->failures.last_us)) {
        n = e->failures.untold;
        e->failures = (struct event_failures){0};
    }
    lock_release(&e->lock);
    if (n == 0)
        return;
    buf_init(&text, LINE_MAX_BYTES);
    event_format_untold(&text, n);
    write_err(e, LOG_ERROR, &text);
    buf_fini(&text);
}

/* ---- start and end ------------------------------------------------------------------------------- */

static void on_log(void *arg, enum log_level level, const char *line)
{
    static const char *const prefix[] = {
        [LOG_ERROR] = "error: ", [LOG_WARN] = "warning: ", [LOG_INFO] = "", [LOG_DEBUG] = ""};
    struct events *e = arg;
    struct buf text;

    lock_acquire(&e->lock);
    bool screen = e->line != NULL; /* which shows levels in its own way */
    lock_release(&e->lock);
    buf_init(&text, LINE_MAX_BYTES);
    if (screen)
        buf_printf(&text, "%s\n", line);
    else
        buf_printf(&text, "p2pdi: %s%s\n", prefix[level], line);
    write_err(e, level, &text);
    buf_fini(&text);
}

void events_init(struct events *e, int64_t start_us)
{
    *e = (struct events){.start_us = start_us, .peers = SIZE_MAX, .rfcs = SIZE_MAX};
    lock_init(&e->lock);
    event_writer_init(&e->writer);
    buf_init(&e->bar, BAR_MAX);
    events_configure(e, false, EVENTS_NORMAL);
    log_set_sink(on_log, e);
}

void events_configure(struct events *e, bool json, enum events_level level)
{
    static const enum log_level levels[] = {
        [EVENTS_QUIET] = LOG_ERROR, [EVENTS_NORMAL] = LOG_WARN, [EVENTS_VERBOSE] = LOG_DEBUG};

    e->json = json;
    e->level = level;
    log_set_level(levels[level]);
}

bool events_fini(struct events *e)
{
    end_failures(e, NULL);
    events_bar(e, (struct slice){"", 0});
    log_set_sink(NULL, NULL);
    bool good = event_writer_fini(&e->writer);
    buf_fini(&e->bar);
    lock_fini(&e->lock);
    return good;
}

/* ---- events -------------------------------------------------------------------------------------- */

/* Is it worth a line on standard error? Numbers that have not changed are not. */
static bool is_told(struct events *e, const struct peer_event *ev)
{
    bool changed = true;

    switch (ev->kind) {
    case PEER_EV_LISTENING:
    case PEER_EV_ERROR:
        return true;
    case PEER_EV_FAILED:
        return is_failure_told(e, ev);
    case PEER_EV_START:
        return e->level == EVENTS_VERBOSE;
    case PEER_EV_PEERS:
    case PEER_EV_INDEX:
        lock_acquire(&e->lock);
        if (ev->kind == PEER_EV_PEERS) {
            changed = e->peers != ev->count;
            e->peers = ev->count;
        } else {
            changed = e->rfcs != ev->documents;
            e->rfcs = ev->documents;
        }
        lock_release(&e->lock);
        return e->level == EVENTS_VERBOSE || (e->level == EVENTS_NORMAL && changed);
    default:
        return e->level != EVENTS_QUIET;
    }
}

void events_peer(void *arg, const struct peer_event *ev)
{
    struct events *e = arg;
    struct buf text;

    end_failures(e, ev);
    buf_init(&text, LINE_MAX_BYTES);
    if (e->json) {
        event_format_json(&text, ev, e->start_us);
        /* Of documents there are hundreds a second. */
        write_out(e, &text, ev->kind != PEER_EV_START && ev->kind != PEER_EV_DONE);
        buf_clear(&text);
    }
    /* Errors are for people too, even if a program reads the events. */
    if (e->json ? ev->kind == PEER_EV_ERROR : is_told(e, ev)) {
        event_format_text(&text, ev);
        write_err(e, ev->kind == PEER_EV_ERROR || ev->kind == PEER_EV_FAILED ? LOG_ERROR : LOG_INFO,
                  &text);
    }
    buf_fini(&text);
}

void events_trace(void *arg, bool received, const struct addr *remote, const char *bytes,
                  size_t len)
{
    struct events *e = arg;
    struct buf text;

    buf_init(&text, STDERR_MAX);
    trace_format(&text, received, remote, bytes, len);
    write_err(e, LOG_DEBUG, &text);
    buf_fini(&text);
}

void events_listening(struct events *e, const struct addr *addr)
{
    struct peer_event ev = {.kind = PEER_EV_LISTENING, .at_us = clock_mono_us(), .addr = *addr};
    events_peer(e, &ev);
}

void events_problem(struct events *e, const struct problem *p)
{
    struct peer_event ev = {.kind = PEER_EV_ERROR,
                            .at_us = clock_mono_us(),
                            .what = p->what,
                            .why = p->why,
                            .hint = p->hint};
    events_peer(e, &ev);
}

void events_result(struct events *e, const struct buf *text)
{
    write_out(e, text, true);
}

void events_prose(struct events *e, const struct buf *text)
{
    struct buf wrapped;

    buf_init(&wrapped, EVENTS_RESULT_MAX);
    wrap_append(&wrapped, (struct slice){buf_bytes(text), text->len}, wrap_columns(STDOUT_FILENO));
    if (buf_status(text) == DI_OK && buf_status(&wrapped) == DI_OK)
        write_out(e, &wrapped, true);
    else
        write_out(e, text, true);
    buf_fini(&wrapped);
}

void events_say(struct events *e, const char *fmt, ...)
{
    struct buf text;
    va_list ap;

    if (e->level == EVENTS_QUIET)
        return;
    buf_init(&text, LINE_MAX_BYTES);
    va_start(ap, fmt);
    buf_vprintf(&text, fmt, ap);
    va_end(ap);
    buf_append_char(&text, '\n');
    write_err(e, LOG_INFO, &text);
    buf_fini(&text);
}
