/* For the tests of store: directories with files, and a library whose events are counted. */
#ifndef TESTS_UNIT_STORE_HELP_H
#define TESTS_UNIT_STORE_HELP_H

#include "p2pdi/base/thread.h"
#include "p2pdi/store/library.h"

#include <stddef.h>
#include <stdint.h>

/* A new directory below $TMPDIR, left for the runner to delete. */
void help_make_dir(char out[256], const char *name);
void help_write_file(const char *dir, const char *name, const void *bytes, size_t len);
void help_write_text(const char *dir, const char *name, const char *text);
/* A document of RFC shape: header, title, text; rfc and seed decide its bytes. free() it. */
char *help_document(uint32_t rfc, const char *title, uint64_t seed, size_t size, size_t *len);
bool help_exists(const char *dir, const char *name);

struct help_event {
    enum { HELP_ADDED, HELP_REMOVED, HELP_SCANNED } kind;
    uint32_t rfc;
    struct sha256 sha256;
    char title[LIBRARY_TITLE_SIZE];
};

/* A library with the events it reported. */
struct help_library {
    struct library *lib;
    char dir[256];
    char state[256];

    struct lock lock;
    struct cond cond;
    /* guarded by lock */
    struct help_event *event;
    size_t count;
};

/* Events that nobody looks at. */
extern const struct library_events help_ignore_events;

/* Opens dir (see help_make_dir) and waits until it is scanned. */
void help_library_open(struct help_library *h, const char *dir, const char *state);
void help_library_close(struct help_library *h);
/* Waits (30 s at most, then fails) until an event of that kind and number is at index from or
 * later. Its index. */
size_t help_wait_event(struct help_library *h, int kind, uint32_t rfc, size_t from);
size_t help_event_count(struct help_library *h);
/* A copy of that event, which must have come. */
struct help_event help_event_at(struct help_library *h, size_t i);

/* Downloads bytes through a part and publishes them; waits for done and returns what it said. */
enum di_err help_publish(struct library *lib, uint32_t rfc, const void *bytes, size_t len,
                         const char *title);

/* The corpus `name` of ../shared/corpus unpacked, or NULL if it is not there; reason says why. */
const char *help_corpus(const char *set, char out[256]);

#endif
