/*
 * When an answer goes out compressed, and how hard. Worker threads.
 *
 * Over HTTP who asks for a coding gets it. Between peers it is a matter of time: a frame that is
 * there already is sent, but not to this very machine, where bytes cost less than decoding them; a
 * new one is made if the compressor is faster than what the link was last seen to take.
 */
#include "internal.h"

#define LEVEL_DUE 3
#define LEVEL_GZIP 6 /* zlib's own scale */

_Static_assert((int)CODING_ZSTD == (int)WIRE_ZSTD && (int)CODING_GZIP == (int)WIRE_GZIP,
               "one is cast to the other");

static enum coding accepted(const struct job *j)
{
    if (j->peer->cfg.compress == PEER_COMPRESS_NEVER)
        return CODING_IDENTITY;
    if (j->wire->accept & WIRE_ZSTD)
        return CODING_ZSTD;
    return j->wire->form == WIRE_HTTP && j->wire->accept & WIRE_GZIP ? CODING_GZIP
                                                                     : CODING_IDENTITY;
}

/* Not a matter of speed. */
static bool is_due(const struct job *j)
{
    return j->wire->form == WIRE_HTTP || j->peer->cfg.compress == PEER_COMPRESS_ALWAYS;
}

static bool is_local(const struct job *j)
{
    const struct addr *remote = net_conn_remote(j->conn);
    return addr_is_loopback(remote) || addr_same_host(remote, net_conn_local(j->conn));
}

/* For zstd; 0: the link is faster. */
static int level_for(const struct job *j)
{
    int64_t links = STATS_GET(&j->peer->stats, connections_open);
    return frames_level(j->peer->frames, net_conn_rate(j->conn), links > 1 ? (unsigned)links : 1);
}

enum coding coded_table(const struct job *j)
{
    enum coding c = accepted(j);
    if (c != CODING_IDENTITY && !is_due(j) && (is_local(j) || level_for(j) == 0))
        return CODING_IDENTITY;
    return c;
}

bool coded_may_vary(enum library_format f)
{
    return f != LIBRARY_PDF;
}

bool coded_may_be(const struct job *j, enum library_format f)
{
    return accepted(j) != CODING_IDENTITY && coded_may_vary(f) && (is_due(j) || !is_local(j));
}

struct frame *coded_document(const struct job *j, const struct library_doc *doc,
                             const struct library_file *file, enum coding *c)
{
    struct frames *frames = j->peer->frames;
    struct frame *f = NULL;
    *c = accepted(j);
    if (!coded_may_be(j, doc->format))
        return NULL;
    f = frames_get(frames, &doc->sha256, *c);
    if (f != NULL)
        return f;
    int level = *c == CODING_GZIP ? LEVEL_GZIP : level_for(j);
    if (level == 0 && is_due(j))
        level = LEVEL_DUE;
    if (level == 0 || frames_make(frames, doc, file, *c, level, &f) != DI_OK)
        return NULL;
    return f;
}

void coded_fields(struct buf *head, enum wire_form form, enum coding c)
{
    if (c != CODING_IDENTITY)
        wire_head_field(head, "Content-Encoding", coding_name(c));
    if (form == WIRE_HTTP)
        wire_head_field(head, "Vary", "Accept-Encoding");
}
