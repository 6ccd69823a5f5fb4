/*
 * For tests of the wire parsers: feeds a message in pieces to the framing, keeping between the pieces
 * only what a connection keeps, and each time in memory that ends where the bytes end.
 */
#ifndef WIRE_PIECES_H
#define WIRE_PIECES_H

#include "p2pdi/wire/message.h"

#include <stdlib.h>
#include <string.h>

typedef enum wire_verdict wire_frame_fn(struct wire_frame *f, const char *data, size_t len);

static inline enum wire_verdict wire_feed(wire_frame_fn *frame, struct wire_frame *f,
                                          const char *data, size_t len)
{
    char *exact = malloc(len > 0 ? len : 1);
    enum wire_verdict v;

    if (exact == NULL)
        abort();
    if (len > 0)
        memcpy(exact, data, len);
    *f = (struct wire_frame){.scanned = f->scanned};
    v = frame(f, exact, len);
    free(exact);
    return v;
}

/*
 * All of it; then cut in two at every byte (of long ones at every 61st); then byte by byte. false: not
 * always the same.
 */
static inline bool wire_feed_all_ways(wire_frame_fn *frame, struct wire_frame *f, const char *data,
                                      size_t len, enum wire_verdict *verdict)
{
    struct wire_frame g;
    enum wire_verdict v;

    *f = (struct wire_frame){0};
    *verdict = wire_feed(frame, f, data, len);
    for (size_t cut = 0; cut <= len + 1; cut += len < 1024 || cut + 128 > len ? 1 : 61) {
        g = (struct wire_frame){0};
        v = WIRE_MORE;
        if (cut <= len) {
            v = wire_feed(frame, &g, data, cut);
            if (v == WIRE_MORE)
                v = wire_feed(frame, &g, data, len);
        } else {
            for (size_t n = 1; n <= len && v == WIRE_MORE; n++)
                v = wire_feed(frame, &g, data, n);
        }
        if (v != *verdict || g.scanned != f->scanned || g.head_len != f->head_len ||
            g.body_len != f->body_len || (len > 0 && g.form != f->form) ||
            g.fault.status != f->fault.status || strcmp(g.fault.text, f->fault.text) != 0)
            return false;
    }
    return true;
}

#endif
