/*
 * When an answer goes out compressed, and how hard. Worker threads.
 *
 * Over HTTP who asks for a coding gets it. Between peers it is a matter of time: a frame that is
 * there already is sent, but not to this very machine, where bytes cost less than decoding them; a
 * new one is made if the compressor is faster than what the link was last seen to take.
 */
#include "internal.h"

#include "p2pdi/sched/sched.h"

#define LEVEL_DUE 3
#define LEVEL_GZIP 6 /* zlib's own scale */

_Static_assert((int)CODING_ZSTD == (int)WIRE_ZSTD && (int)CODING_GZIP == (int)WIRE_GZIP &&
                   (int)CODING_DCZ == (int)WIRE_DCZ,
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
    const struct stats_counters *s = &j->peer->stats;
    int64_t links = STATS_GET(s, connections_open) - STATS_GET(s, connections_parked);
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

/* NULL: the link is faster, or it does not pay. */
static struct frame *make(const struct job *j, const struct library_doc *doc,
                          const struct library_file *file, enum coding c, struct coding_dict *dict)
{
    struct frame *f = NULL;
    int level = c == CODING_GZIP ? LEVEL_GZIP : level_for(j);
    if (level == 0 && is_due(j))
        level = LEVEL_DUE;
    if (level == 0 || frames_make(j->peer->frames, doc, file, c, dict, level, &f) != DI_OK)
        return NULL;
    return f;
}

/* The dictionary that the asker named, if it is to be used. */
static struct coding_dict *named(const struct job *j, const struct library_doc *doc)
{
    const struct wire_request *w = j->wire;
    if (!w->has_dictionary || !(w->accept & WIRE_ZSTD) ||
        doc->size_bytes > SCHED_DICTIONARY_FOR_MAX)
        return NULL;
    return dictionary_get(j->peer->dictionaries, w->dictionary_rfc, &w->dictionary, true);
}

struct frame *coded_document(const struct job *j, const struct library_doc *doc,
                             const struct library_file *file, enum coding *c)
{
    struct frames *frames = j->peer->frames;
    struct frame *f = NULL;
    *c = accepted(j);
    if (!coded_may_be(j, doc->format))
        return NULL;
    struct coding_dict *dict = named(j, doc);
    if (dict != NULL)
        f = frames_get(frames, &doc->sha256, CODING_DCZ, dict);
    /* One that came without a dictionary is handed on, too, rather than made anew. */
    if (f != NULL)
        *c = CODING_DCZ;
    else
        f = frames_get(frames, &doc->sha256, *c, NULL);
    if (f == NULL) {
        if (dict != NULL)
            *c = CODING_DCZ;
        f = make(j, doc, file, *c, dict);
    }
    coding_dict_unref(dict);
    return f;
}

void coded_fields(struct buf *head, enum wire_form form, enum coding c)
{
    if (c != CODING_IDENTITY)
        wire_head_field(head, "Content-Encoding", coding_name(c));
    if (form == WIRE_HTTP)
        wire_head_field(head, "Vary", "Accept-Encoding");
}
