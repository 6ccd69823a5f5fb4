/*
 * Compressed documents, kept in memory so that each is compressed once: who first needs one makes
 * it, who receives one keeps it and hands it on as it came. Bounded, least recently used first
 * out; what nobody has used for half a minute goes, so that a peer at rest is small.
 *
 * Frames are immutable and reference-counted. Any thread; getting one takes a short lock. A thread
 * of its own ("frames") lets the unused go; it has nothing to wake for while there are none.
 */
#ifndef P2PDI_STORE_FRAMES_H
#define P2PDI_STORE_FRAMES_H

#include "p2pdi/base/coding.h"
#include "p2pdi/base/err.h"
#include "p2pdi/base/sha256.h"
#include "p2pdi/store/library.h"

#include <stddef.h>
#include <stdint.h>

#define FRAMES_DOCUMENT_MAX ((uint64_t)8 << 20) /* larger ones are sent as they are */

struct frames;
struct frame;

/* max_bytes: of memory for all of them. DI_NOMEM, DI_LIMIT (no thread). */
enum di_err frames_new(size_t max_bytes, struct frames **out) DI_MUST_CHECK;
/* Frames that are still referenced stay valid until unref. NULL is fine. */
void frames_free(struct frames *f);

const void *frame_bytes(const struct frame *f);
size_t frame_size(const struct frame *f);
void frame_unref(void *frame); /* takes void * so that it serves as a net release callback */

/*
 * A reference to the frame of that document, NULL if there is none. dict: with CODING_DCZ the one that
 * it needs, else NULL; so below.
 */
struct frame *frames_get(struct frames *f, const struct sha256 *document, enum coding c,
                         const struct coding_dict *dict);

/*
 * The same; if there is none, compresses the document, which file (see library_file_open) is open
 * for. If another thread is at that very document, waits for it: that is the time one CPU needs for
 * at most a megabyte, never I/O on a socket. DI_NOT_FOUND: it is not to be had (compressing does
 * not pay, another is at a large one, the file changed): send the document as it is. DI_NOMEM.
 */
enum di_err frames_make(struct frames *f, const struct library_doc *doc,
                        const struct library_file *file, enum coding c, struct coding_dict *dict,
                        int level, struct frame **out) DI_MUST_CHECK;

/*
 * Keeps (a copy of) the zstd frame, or with dict the dcz one, of a document of size_bytes that was
 * received and decoded to what its SHA-256 says. Not kept if it saves nothing or memory is short: then it is made again some day.
 */
void frames_put(struct frames *f, const struct sha256 *document, uint64_t size_bytes,
                const struct coding_dict *dict, const void *bytes, size_t len);

/*
 * How hard a frame should be compressed for a link that takes link_rate bytes a second (0: not
 * known), one of links that share this machine; 0: the link is faster than the compressor, so not
 * at all. By the speeds that were measured here while compressing.
 */
int frames_level(const struct frames *f, uint64_t link_rate, unsigned links);

struct frames_stats {
    size_t count, bytes;
    uint64_t made; /* documents compressed here, ever */
    uint64_t kept; /* received ones kept, ever */
};
void frames_stats(struct frames *f, struct frames_stats *out);

#endif
