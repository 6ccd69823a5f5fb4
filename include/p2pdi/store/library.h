/*
 * The library on disk: a directory of rfcN.txt and relatives (ARCHITECTURE.md, "A download"),
 * scanned with titles and SHA-256, watched by inotify, written only by publishing verified files.
 *
 * Threads: library_open starts one thread ("library") that scans, watches and tells, and one that
 * waits for the disk ("publisher", if it writes); while much is to be hashed there are helpers.
 * Documents are immutable and reference-counted;
 * looking one up takes a short lock and no system call.
 */
#ifndef P2PDI_STORE_LIBRARY_H
#define P2PDI_STORE_LIBRARY_H

#include "p2pdi/base/err.h"
#include "p2pdi/base/sha256.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LIBRARY_TITLE_SIZE 256
#define LIBRARY_DOCUMENT_MAX (UINT64_C(256) << 20) /* larger files are not documents */

struct library;

enum library_format { LIBRARY_TXT, LIBRARY_PDF, LIBRARY_XML, LIBRARY_HTML, LIBRARY_FORMATS };
const char *library_format_suffix(enum library_format f); /* "txt" */
const char *library_format_mime(enum library_format f);   /* "text/plain; charset=utf-8" */

/* A document as it lies there. Immutable once seen; if the file changes, a new one takes its
 * place. */
struct library_doc {
    uint32_t rfc;
    enum library_format format;
    uint64_t size_bytes;
    int64_t mtime_s; /* wall clock, for Last-Modified */
    struct sha256 sha256;
    /* Clean UTF-8, shorter than LIBRARY_TITLE_SIZE, as long-lived as the document; "RFC 8609" if
     * none could be found. */
    const char *title;
};

struct library_config {
    const char *dir;   /* made if missing */
    const char *state; /* directory for hashes.db (hash cache); exists */
    bool write;        /* will publish into it: must be writable */
    unsigned hashers;  /* threads for hashing at the first scan; 0: number of cores */
};

/* Called from the library's thread, one at a time, under no lock; must not block. */
struct library_events {
    /* New or replaced, also if it is being published and not yet on the disk; removed: gone, or
     * publishing it failed. Only of .txt: what the index lists. */
    void (*added)(void *arg, const struct library_doc *doc);
    void (*removed)(void *arg, uint32_t rfc);
    /* The first scan is complete. */
    void (*scanned)(void *arg, size_t documents);
};

/* Opens the directory, starts scanning in the background. why gets a sentence on failure:
 * DI_ACCESS, DI_NOT_FOUND, DI_IO … */
enum di_err library_open(const struct library_config *cfg, const struct library_events *events,
                         void *arg, struct library **out, char why[256]) DI_MUST_CHECK;
/* Stops the thread, flushes the hash cache, closes. Documents still referenced stay valid until
 * unref. */
void library_close(struct library *lib);
/* Waits until the first scan is complete and reported (or library_close is called). Not from the
 * callbacks. */
void library_wait_scanned(struct library *lib);

/* A reference to the document, NULL if it is not held. Any thread. */
const struct library_doc *library_get(struct library *lib, uint32_t rfc, enum library_format f);
void library_doc_unref(const struct library_doc *doc);
size_t library_count(struct library *lib);
/* The descriptor of its file, opened beneath the directory without following links and kept in a
 * bounded cache; DI_NOT_FOUND if the file has changed or gone since. Valid until
 * library_file_release. Any thread. */
struct library_file;
enum di_err library_file_open(struct library *lib, const struct library_doc *doc,
                              struct library_file **out) DI_MUST_CHECK;
int library_file_fd(const struct library_file *f);
/* Small documents kept in memory (bounded for the whole library): NULL if this one is not. Valid
 * until release. */
const void *library_file_bytes(const struct library_file *f);
/* The whole document, read if it is not in memory: *text, valid until release; *owned is to be freed then,
 * too. DI_NOT_FOUND: it was written to since it was opened, as its size or time of change tells (a store through
 * a mapping may not show), or cannot be read. DI_NOMEM. */
enum di_err library_file_text(const struct library_file *f, const void **text, void **owned)
    DI_MUST_CHECK;
/* Takes void * so that it serves as a release callback of net. */
void library_file_release(void *file);

/* ---- downloads ------------------------------------------------------------------------------ */

/*
 * A document on its way in: a temporary file in the directory (hidden name, never served), named
 * after number and digest so that a later run can go on where this one was killed.
 */
struct library_part;

/* Opens or continues the part of that edition; *have bytes of it are there already. One owner at
 * a time: DI_IN_USE. DI_INVALID: no such number, or too large. DI_NO_SPACE, DI_ACCESS, DI_IO, DI_NOMEM. */
enum di_err library_part_open(struct library *lib, uint32_t rfc, const struct sha256 *edition,
                              uint64_t size_bytes, struct library_part **out, uint64_t *have)
    DI_MUST_CHECK;
/* Appends at the end and hashes. DI_LIMIT beyond size_bytes, DI_NO_SPACE, DI_IO. */
enum di_err library_part_append(struct library_part *p, const void *bytes, size_t len)
    DI_MUST_CHECK;
/*
 * All of an empty part's bytes at once, cheaper than _append. They stay the caller's, and must stay until
 * _verify. DI_NO_SPACE, DI_IO; DI_INVALID: it is not empty.
 */
enum di_err library_part_fill(struct library_part *p, const char *text) DI_MUST_CHECK;
/* All bytes are there: is the digest right? DI_MISMATCH, DI_NOMEM. */
enum di_err library_part_verify(struct library_part *p) DI_MUST_CHECK;
/* Throws the bytes away, starts at 0 (after a mismatch). */
enum di_err library_part_reset(struct library_part *p) DI_MUST_CHECK;
/* Closes; the file stays for a later part_open. */
void library_part_keep(struct library_part *p);
/* Closes and deletes. */
void library_part_discard(struct library_part *p);

/*
 * Bytes of a document that come before it is their turn, beside its part: those who bring them share
 * it, each with a reference. It has a descriptor, and is gone with its last reference or the process.
 */
struct library_tail;
/* NULL: there cannot be one, above all since the document would fit on the disk once, but not twice. */
struct library_tail *library_tail_new(struct library *lib, uint64_t size_bytes);
struct library_tail *library_tail_ref(struct library_tail *t);
/* NULL is fine. How many bytes came and were of no use, if it was the last reference; else 0. */
uint64_t library_tail_unref(struct library_tail *t);
/* Several may write at a time, but not to the same place. */
enum di_err library_tail_write(struct library_tail *t, uint64_t at, const void *bytes, size_t len)
    DI_MUST_CHECK;
/* Appends to the part all that follows what it has: that was written, up to the end. *took: as many
 * bytes; also if it failed. */
enum di_err library_part_take_tail(struct library_part *p, struct library_tail *t, uint64_t *took)
    DI_MUST_CHECK;

/*
 * Publishes a verified part. It can be looked up at once (events.added) by those who want its bytes;
 * then it becomes visible and safe in the directory: sync, rename to rfcN.txt, sync the directory;
 * batched with others. Then the library's thread calls done(arg, err); if that failed, after
 * events.removed. Takes p, whatever happens. title: from the index, may be empty. Waits while too
 * many wait to be published (each holds a descriptor); so not to be called from the callbacks.
 */
void library_publish(struct library *lib, struct library_part *p, const char *title,
                     void (*done)(void *arg, enum di_err err), void *arg);

#endif
