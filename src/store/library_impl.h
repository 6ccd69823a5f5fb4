/*
 * The inside of struct library, shared by the files that make it up: library.c (life, table,
 * thread), scan.c, watch.c, part.c, publish.c. Not for other modules.
 *
 * One thread, "library", changes the table and calls every event; lookups come from any thread. So
 * events come one at a time without a lock. Another one, "publisher", waits for the disk. What we
 * publish ourselves is in the table, as landing, before its inotify event is read.
 */
#ifndef P2PDI_STORE_LIBRARY_IMPL_H
#define P2PDI_STORE_LIBRARY_IMPL_H

#include "doc.h"
#include "file_cache.h"
#include "hash_cache.h"
#include "hash_file.h"
#include "part.h"
#include "rfc_index_txt.h"

#include "p2pdi/base/thread.h"

struct pending_row;

struct library {
    char *path; /* for messages */
    int dir_fd;
    int wake_fd; /* eventfd: publish, hashing finished, stop */
    bool write;
    unsigned hashers;
    struct library_events events;
    void *arg;
    char *state_path;
    struct thread thread, publisher;

    /* the library thread's own */
    int watch_fd;              /* inotify, -1: none, the directory is scanned now and then */
    bool gone;                 /* the directory was deleted or moved away */
    int64_t check_us;          /* when to see whether it was */
    bool rescan;               /* something was missed */
    bool incomplete;           /* some files could not be read; others may */
    int64_t next_scan_us;      /* if incomplete, or where there is no inotify */
    bool rivals;               /* files were seen that claim a number another one holds */
    uint32_t scans;            /* so far */
    struct rfc_titles *titles; /* rfc-index.txt */
    struct hash_cache *cache;  /* NULL: could not be opened, we do without */
    struct pending_row *rows;  /* to be written to it */
    size_t row_count;
    int64_t flush_us;     /* when, if row_count > 0 */
    struct hasher hasher; /* for what is hashed one by one */
    int64_t offer_us;     /* no offers before */

    size_t publish_max; /* set once */

    struct lock lock;
    /* guarded by lock */
    struct doc *docs; /* by key; each holds a reference */
    struct file_cache files;
    struct part_queue to_offer, to_commit, to_settle;
    size_t publish_count; /* in all of them and under way between */
    size_t offer_count;   /* in to_offer, or just being offered */
    size_t commit_count;  /* in to_commit */
    size_t coming;        /* parts that are open and not handed over: more to publish soon */
    int64_t commit_us;    /* the last commit began */
    struct cond publish_room;
    struct cond commit_cond; /* for the publisher */
    bool publisher_stop;
    bool stop;
    bool scanned;
    struct cond scanned_cond;
};

/* ---- library.c: the table; library thread --------------------------------------------------- */

/* Lists d (takes it) in place of what holds its key, and tells. */
void library_put(struct library *lib, struct doc *d);
/* Takes the document of that key out, and tells; nothing if there is none. */
void library_remove(struct library *lib, uint32_t key);
/* The document of that key without a reference: only this thread takes it away. */
struct doc *library_peek(struct library *lib, uint32_t key);
/* The title under which a document is shown: rfc-index.txt, its own, its file's name, "RFC n". */
void library_title(struct library *lib, const char *name, uint32_t rfc, const char *own,
                   char out[LIBRARY_TITLE_SIZE]);
/* Remembers for the hash cache. */
void library_remember(struct library *lib, const char *name, const struct file_id *id,
                      const struct sha256 *sha256, const char *own_title);
bool library_stopping(struct library *lib);
void library_wake(void *arg); /* the library; any thread */
/* Sleeps until woken, an inotify event comes (if watching), or until_us; INT64_MAX: no limit. */
void library_sleep(struct library *lib, int64_t until_us, bool watching);

/* ---- scan.c --------------------------------------------------------------------------------- */

/* Compares the whole directory with the table. */
void library_scan(struct library *lib);
/* Looks at one file name again: listed, replaced or removed as it lies there. */
void library_look(struct library *lib, const char *name);
void library_load_titles(struct library *lib);

/* ---- watch.c -------------------------------------------------------------------------------- */

void watch_start(struct library *lib);
/* Reads what has come and acts on it. */
void watch_read(struct library *lib);
/* Due at check_us: was the directory deleted? */
void watch_check_directory(struct library *lib);

/* ---- publish.c ------------------------------------------------------------------------------ */

enum di_err publish_start(struct library *lib) DI_MUST_CHECK;
/* All that is queued settles; then the publisher's thread has ended. */
void publish_stop(struct library *lib);
/* Settles what is committed, offers what has come. */
void publish_queued(struct library *lib);
/* When to call it again though nobody wakes the library; INT64_MAX: not for now. */
int64_t publish_due_us(struct library *lib);
/* A part was opened; it is closed without having been published. Any thread. */
void publish_expect(struct library *lib);
void publish_expect_no_more(struct library *lib);

#endif
