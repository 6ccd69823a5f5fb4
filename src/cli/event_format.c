/* Events, errors and traced messages as text and as JSON. Pure: they append to a buffer. */
#include "events.h"

#include "p2pdi/base/json.h"

#include <inttypes.h>
#include <string.h>

static const char *or_empty(const char *text)
{
    return text == NULL ? "" : text;
}

/* ---- JSON ---------------------------------------------------------------------------------------- */

void event_json_begin(struct buf *out, const char *name, int64_t since_start_us)
{
    json_object_begin(out, NULL);
    json_u64(out, "v", 1);
    json_text(out, "event", name);
    json_seconds(out, "t", since_start_us < 0 ? 0 : since_start_us);
}

void event_json_end(struct buf *out)
{
    json_object_end(out);
    buf_append_char(out, '\n');
}

static void json_addr(struct buf *out, const char *key, const struct addr *a)
{
    char text[ADDR_TEXT_SIZE];
    addr_format(a, text);
    json_text(out, key, text);
}

static void json_host_port(struct buf *out, const struct addr *a)
{
    char host[ADDR_HOST_SIZE];
    addr_format_host(a, host);
    json_text(out, "host", host);
    json_u64(out, "port", a->port);
}

static void json_peer_row(struct buf *out, const struct wire_peer_row *row)
{
    char when[TEXT_RFC3339_SIZE];

    json_object_begin(out, NULL);
    json_host_port(out, &row->addr);
    json_u64(out, "peer", row->peer);
    json_bool(out, "active", row->active);
    json_u64(out, "ttl", row->ttl_s);
    json_u64(out, "registrations", row->registrations);
    text_format_rfc3339(row->last_registered_s, when);
    json_text(out, "last_registered", when);
    json_text(out, "reachable", wire_reachable_word(row->reachable));
    json_object_end(out);
}

static void json_transfer(struct buf *out, const struct peer_event *ev)
{
    char hex[SHA256_HEX_SIZE];

    json_u64(out, "rfc", ev->rfc);
    json_addr(out, "from", &ev->addr);
    json_u64(out, "bytes", ev->bytes);
    json_u64(out, "wire_bytes", ev->wire_bytes);
    json_i64(out, "us", ev->us);
    sha256_format(&ev->sha256, hex);
    json_text(out, "sha256", hex);
}

static void json_tried(struct buf *out, const struct peer_event *ev)
{
    json_u64(out, "rfc", ev->rfc);
    json_array_begin(out, "tried");
    for (size_t i = 0; i < ev->count; i++) {
        json_object_begin(out, NULL);
        json_addr(out, "from", &ev->tried[i].holder);
        json_text(out, "why", sched_why_text(ev->tried[i].why));
        json_object_end(out);
    }
    json_array_end(out);
}

static const char *const names[] = {
    [PEER_EV_LISTENING] = "listening", [PEER_EV_REGISTERED] = "registered",
    [PEER_EV_LEFT] = "left",           [PEER_EV_PEERS] = "peers",
    [PEER_EV_INDEX] = "index",         [PEER_EV_START] = "start",
    [PEER_EV_DONE] = "done",           [PEER_EV_FAILED] = "failed",
    [PEER_EV_DROPPED] = "dropped",     [PEER_EV_COMPLETE] = "complete",
    [PEER_EV_ERROR] = "error",
};

void event_format_json(struct buf *out, const struct peer_event *ev, int64_t start_us)
{
    event_json_begin(out, names[ev->kind], ev->at_us - start_us);
    switch (ev->kind) {
    case PEER_EV_LISTENING:
        json_host_port(out, &ev->addr);
        break;
    case PEER_EV_REGISTERED:
        json_u64(out, "peer", ev->peer_id);
        json_u64(out, "ttl", ev->ttl_s);
        json_text(out, "reachable", wire_reachable_word(ev->reachable));
        break;
    case PEER_EV_LEFT:
        break;
    case PEER_EV_PEERS:
        json_u64(out, "count", ev->count);
        json_array_begin(out, "peers");
        for (size_t i = 0; i < ev->count; i++)
            json_peer_row(out, &ev->rows[i]);
        json_array_end(out);
        break;
    case PEER_EV_INDEX:
        json_u64(out, "rfcs", ev->documents);
        json_u64(out, "entries", ev->entries);
        break;
    case PEER_EV_START:
    case PEER_EV_DONE:
        json_transfer(out, ev);
        break;
    case PEER_EV_FAILED:
        json_tried(out, ev);
        break;
    case PEER_EV_DROPPED:
        json_u64(out, "rfc", ev->rfc);
        break;
    case PEER_EV_COMPLETE:
        json_u64(out, "files", ev->files);
        json_u64(out, "bytes", ev->bytes);
        json_i64(out, "us", ev->us);
        break;
    case PEER_EV_ERROR:
        json_text(out, "what", or_empty(ev->what));
        json_text(out, "why", or_empty(ev->why));
        json_text(out, "hint", or_empty(ev->hint));
        break;
    }
    event_json_end(out);
}

/* ---- text ---------------------------------------------------------------------------------------- */

static void text_transfer(struct buf *out, const struct peer_event *ev)
{
    char from[ADDR_TEXT_SIZE], size[TEXT_HUMAN_SIZE], time[TEXT_HUMAN_SIZE];

    addr_format(&ev->addr, from);
    if (ev->kind == PEER_EV_START) {
        buf_printf(out, "RFC %" PRIu32 " from %s: started\n", ev->rfc, from);
        return;
    }
    text_human_bytes(ev->bytes, size);
    text_human_duration_us(ev->us, time);
    buf_printf(out, "RFC %" PRIu32 " from %s: %s in %s\n", ev->rfc, from, size, time);
}

static bool failed_here(const struct peer_event *ev)
{
    for (size_t i = 0; i < ev->count; i++)
        if (ev->tried[i].why == SCHED_LOCAL)
            return true;
    return false;
}

/* What could not be stored here is no holder's fault: none is named with it. */
static void text_failed(struct buf *out, const struct peer_event *ev)
{
    bool here = failed_here(ev);
    const char *gap = here ? "; " : "";

    buf_printf(out, "p2pdi: RFC %" PRIu32 " %s", ev->rfc,
               here ? "could not be stored here" : "failed: ");
    if (here && ev->why != NULL)
        buf_printf(out, ": %s", ev->why);
    if (ev->count == 0)
        buf_append_str(out, "nobody has it");
    for (size_t i = 0; i < ev->count; i++) {
        char from[ADDR_TEXT_SIZE];
        if (ev->tried[i].why == SCHED_LOCAL)
            continue;
        addr_format(&ev->tried[i].holder, from);
        buf_printf(out, "%s%s %s", gap, from, sched_why_text(ev->tried[i].why));
        gap = ", ";
    }
    buf_append_char(out, '\n');
}

void event_format_untold(struct buf *out, size_t n)
{
    buf_printf(out, "p2pdi: %zu more %s failed in the same way; -v tells each\n", n,
               n == 1 ? "RFC" : "RFCs");
}

static void text_problem(struct buf *out, const char *what, const char *why, const char *hint)
{
    char clean[1024];

    text_clean(clean, sizeof(clean), slice_of(what));
    buf_printf(out, "p2pdi: %s", clean);
    text_clean(clean, sizeof(clean), slice_of(why));
    buf_printf(out, "%s%s\n", *clean == '\0' ? "" : ": ", clean);
    text_clean(clean, sizeof(clean), slice_of(hint));
    if (*clean != '\0')
        buf_printf(out, "  try: %s\n", clean);
}

void event_format_text(struct buf *out, const struct peer_event *ev)
{
    char text[ADDR_TEXT_SIZE], size[TEXT_HUMAN_SIZE];

    switch (ev->kind) {
    case PEER_EV_LISTENING:
        addr_format(&ev->addr, text);
        buf_printf(out, "listening %s\n", text);
        break;
    case PEER_EV_REGISTERED:
        buf_printf(out, "registered as peer %" PRIu32 " for %" PRIu32 " s, reachable: %s\n",
                   ev->peer_id, ev->ttl_s, wire_reachable_word(ev->reachable));
        break;
    case PEER_EV_LEFT:
        buf_append_str(out, "left\n");
        break;
    case PEER_EV_PEERS:
        if (ev->count == 0)
            buf_append_str(out, "no peer is active\n");
        else
            buf_printf(out, "%zu %s active\n", ev->count, ev->count == 1 ? "peer is" : "peers are");
        break;
    case PEER_EV_INDEX:
        buf_printf(out, "%zu RFCs known, %zu copies\n", ev->documents, ev->entries);
        break;
    case PEER_EV_START:
    case PEER_EV_DONE:
        text_transfer(out, ev);
        break;
    case PEER_EV_FAILED:
        text_failed(out, ev);
        break;
    case PEER_EV_DROPPED:
        buf_printf(out, "RFC %" PRIu32 " cancelled\n", ev->rfc);
        break;
    case PEER_EV_COMPLETE:
        text_human_bytes(ev->bytes, size);
        text_human_duration_us(ev->us, text);
        buf_printf(out, "%zu %s, %s, in %s\n", ev->files, ev->files == 1 ? "file" : "files", size,
                   text);
        break;
    case PEER_EV_ERROR:
        text_problem(out, or_empty(ev->what), or_empty(ev->why), or_empty(ev->hint));
        break;
    }
}

/* ---- trace --------------------------------------------------------------------------------------- */

void trace_format(struct buf *out, bool received, const struct addr *remote, const char *bytes,
                  size_t len)
{
    char from[ADDR_TEXT_SIZE];
    struct slice rest = {bytes, len};

    addr_format(remote, from);
    buf_printf(out, "%s %s\n", received ? "<-" : "->", from);
    while (rest.p != NULL && rest.n > 0) {
        struct slice line = slice_split(rest, '\n', &rest);
        if (line.n > 0 && line.p[line.n - 1] == '\r')
            line.n--;
        if (line.n == 0) {
            buf_append_char(out, '\n');
            continue;
        }
        buf_append_str(out, "   ");
        /* Cleaning never makes a line more than three times longer. */
        char *clean = buf_reserve(out, 3 * line.n + 1);
        if (clean == NULL)
            return;
        buf_commit(out, text_clean(clean, 3 * line.n + 1, line));
        buf_append_char(out, '\n');
    }
}
