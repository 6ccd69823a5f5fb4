/*
 * The sink: events and traced messages to whoever runs the peer, one at a time. Any thread. The
 * lock is held during the callback: that is what makes "one at a time", and why it is the last in
 * the order and the callback must not call back.
 */
#include "internal.h"

#include "p2pdi/service/service.h"

#include <stdatomic.h>
#include <stdio.h>

void peer_emit(struct peer *p, struct peer_event ev)
{
    struct sink *s = &p->sink;
    if (s->on_event == NULL)
        return;
    ev.at_us = clock_mono_us();
    enum di_err err = (enum di_err)atomic_load(&p->cannot_store);
    if (ev.kind == PEER_EV_FAILED && err != DI_OK)
        ev.why = di_err_text(err);
    lock_acquire(&s->lock);
    s->on_event(s->arg, &ev);
    lock_release(&s->lock);
}

void peer_emit_error(struct peer *p, const char *what, const char *why, const char *hint)
{
    struct peer_event ev = {.kind = PEER_EV_ERROR, .what = what, .why = why, .hint = hint};
    peer_emit(p, ev);
}

#define HINT_SIZE 300

static const char *hint_for(const struct peer *p, enum di_err err, char room[HINT_SIZE])
{
    switch (err) {
    case DI_NOMEM:
        return "memory is short: end other programs, or raise its limit (ulimit -v)";
    case DI_LIMIT:
        return "some limit of this process is too low: see ulimit -a";
    case DI_NO_SPACE:
        snprintf(room, HINT_SIZE, "df -h '%.200s', and make room there", p->library_dir);
        return room;
    case DI_READ_ONLY:
        return "mount the library's file system for writing, or name another one with --share";
    case DI_ACCESS:
    case DI_NOT_FOUND:
        snprintf(room, HINT_SIZE, "ls -ld '%.200s'", p->library_dir);
        return room;
    default:
        return "check the library: p2pdi doctor, with the same --share";
    }
}

void peer_emit_trouble(struct peer *p, const char *what, enum di_err err)
{
    char room[HINT_SIZE];
    peer_emit_error(p, what, di_err_text(err), hint_for(p, err, room));
}

void peer_emit_unstored(struct peer *p, enum di_err err)
{
    if (atomic_exchange(&p->cannot_store, (int)err) == DI_OK)
        peer_emit_trouble(p, "a download cannot be stored", err);
}

void sink_trace(struct sink *s, bool received, const struct addr *remote, const char *head,
                size_t head_len, const char *body, size_t body_len)
{
    if (s->trace == NULL)
        return;
    struct buf shown;
    buf_init(&shown, head_len + body_len + WIRE_HEAD_MAX);
    service_mask_cookies(&shown, head, head_len);
    if (body_len > 0)
        buf_append(&shown, body, body_len);
    if (buf_status(&shown) == DI_OK) {
        lock_acquire(&s->lock);
        s->trace(s->arg, received, remote, buf_bytes(&shown), shown.len);
        lock_release(&s->lock);
    }
    buf_fini(&shown);
}
