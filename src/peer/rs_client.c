/*
 * Asking the registration server, whatever the question: its addresses in turn, patience with one that is
 * busy, and the words for what went wrong. Any thread; the lock is never held while waiting.
 */
#include "internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/utsname.h>
#include <unistd.h>

#define TRY_US (3 * CLOCK_US_PER_S) /* for one of several addresses */
#define NAME_SIZE 64

struct rs_client {
    struct peer *peer;
    char host[NAME_SIZE]; /* how we call ourselves: only shown */
    char os[NAME_SIZE];

    struct lock lock;
    struct cond woken;
    size_t at;   /* of cfg.rs, the one that answered last */
    bool silent; /* the last call had no answer */
};

static void name_ourselves(struct rs_client *c)
{
    struct utsname u;
    char host[NAME_SIZE] = "";
    if (gethostname(host, sizeof(host) - 1) != 0)
        host[0] = '\0';
    (void)text_clean(c->host, sizeof(c->host), slice_of(host));
    if (uname(&u) == 0) {
        char os[2 * NAME_SIZE];
        snprintf(os, sizeof(os), "%.40s %.40s", u.sysname, u.release);
        (void)text_clean(c->os, sizeof(c->os), slice_of(os));
    }
}

enum di_err rs_client_new(struct peer *p, struct rs_client **out)
{
    struct rs_client *c = calloc(1, sizeof(*c));
    if (c == NULL)
        return DI_NOMEM;
    c->peer = p;
    lock_init(&c->lock);
    cond_init(&c->woken);
    name_ourselves(c);
    *out = c;
    return DI_OK;
}

void rs_client_free(struct rs_client *c)
{
    if (c == NULL)
        return;
    cond_fini(&c->woken);
    lock_fini(&c->lock);
    free(c);
}

void rs_client_wake(struct rs_client *c)
{
    lock_acquire(&c->lock);
    cond_broadcast(&c->woken);
    lock_release(&c->lock);
}

void rs_client_status(struct rs_client *c, struct peer_status *out)
{
    lock_acquire(&c->lock);
    out->rs_silent = c->silent;
    if (c->peer->cfg.rs_count > 0)
        out->rs = c->peer->cfg.rs[c->at];
    lock_release(&c->lock);
}

static bool is_transport(enum di_err err)
{
    return err == DI_REFUSED || err == DI_UNREACHABLE || err == DI_TIMEOUT || err == DI_CLOSED;
}

/* Each address in turn, the one that answered last first. */
static enum di_err try_all(struct rs_client *c, const struct wire_request *request,
                           const struct patience *patience, struct reply *out)
{
    struct peer *p = c->peer;
    size_t count = p->cfg.rs_count;
    lock_acquire(&c->lock);
    size_t first = c->at;
    lock_release(&c->lock);
    int64_t prompt_us = patience->first_us - clock_mono_us(); /* for each of them */

    enum di_err err = DI_UNREACHABLE;
    for (size_t i = 0; i < count; i++) {
        size_t at = (first + i) % count;
        struct patience until = *patience;
        int64_t soon_us = clock_mono_us() + TRY_US + request->wait_s * CLOCK_US_PER_S;
        if (i + 1 < count && soon_us < until.deadline_us)
            until.deadline_us = soon_us;
        if (patience->first_us != 0)
            until.first_us = clock_mono_us() + prompt_us;
        err = client_call(&p->sink, &p->cfg.rs[at], request, &until, NULL, out);
        bool silent = is_transport(err);
        lock_acquire(&c->lock);
        c->silent = silent;
        if (err == DI_OK)
            c->at = at;
        lock_release(&c->lock);
        if (err == DI_OK)
            net_limit_spend(p->down, out->head.content_length);
        if (!silent)
            break;
        registrar_on_silence(p->registrar);
    }
    return err;
}

/* Sleeps; false if there is no point in going on. */
static bool pause_until(struct rs_client *c, int64_t until_us)
{
    lock_acquire(&c->lock);
    while (!peer_is_cancelled(c->peer) && cond_wait_until(&c->woken, &c->lock, until_us))
        continue;
    bool go_on = !peer_is_cancelled(c->peer);
    lock_release(&c->lock);
    return go_on;
}

enum di_err rs_call(struct rs_client *c, struct wire_request *request,
                    const struct patience *patience, struct reply *out)
{
    request->form = WIRE_FRAMED;
    request->host = slice_of(c->host);
    request->os = slice_of(c->os);
    request->has_port = true;
    request->port = c->peer->addr.port;
    for (;;) {
        registrar_sign(c->peer->registrar, request);
        enum di_err err = try_all(c, request, patience, out);
        if (err != DI_OK || reply_fault(out) != DI_BUSY)
            return err;
        bool later = out->head.has_retry_after && out->head.retry_after_s > 1; /* at once: never */
        int64_t again_us =
            clock_mono_us() + CLOCK_US_PER_S * (later ? (int64_t)out->head.retry_after_s : 1);
        reply_fini(out);
        if (again_us >= patience->deadline_us)
            return DI_BUSY;
        if (!pause_until(c, again_us))
            return DI_CANCELLED;
    }
}

static const char *words_for(enum di_err err)
{
    if (err == DI_NOT_FOUND)
        return "not registered there";
    return err == DI_PROTOCOL ? "what answers there is not a registration server"
                              : di_err_text(err);
}

static const char *hint_for(enum di_err err)
{
    switch (err) {
    case DI_REFUSED:
        return "start one there with `p2pdi rs`, or check --rs";
    case DI_PROTOCOL:
        return "check --rs";
    case DI_NOT_FOUND:
        return "register first";
    case DI_BUSY:
        return "it has too many requests to answer: try again in a while";
    case DI_REMOTE:
        return "its log says why: it may be out of memory or disk space";
    default:
        return is_transport(err) ? "check --rs and the network: `p2pdi peers` asks it alone"
                                 : "check --rs: `p2pdi peers` asks it alone";
    }
}

enum di_err rs_report(struct rs_client *c, const char *what, enum di_err err)
{
    if (err == DI_OK || err == DI_CANCELLED)
        return err;
    char name[ADDR_TEXT_SIZE] = "no registration server";
    char why[160];
    struct peer_status status = {0};
    rs_client_status(c, &status);
    if (c->peer->cfg.rs_count > 0)
        addr_format(&status.rs, name);
    snprintf(why, sizeof(why), "%s: %s", name, words_for(err));
    peer_emit_error(c->peer, what, why, hint_for(err));
    return err;
}
