/* What a hostile peer is, between tool_hostile.c (connections) and hostile.c (the ways of being one). */
#ifndef P2PDI_TESTS_TORTURE_HOSTILE_H
#define P2PDI_TESTS_TORTURE_HOSTILE_H

#include "p2pdi/base/random.h"
#include "p2pdi/wire/message.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DOCUMENTS_MAX 4096

struct document {
    uint32_t rfc;
    char *bytes;
    size_t len;
    struct sha256 sha256;
};

/* One connection that somebody made to one of us. */
struct conn {
    int fd;
    struct hostile *self;
    struct prng random;
    struct wire_request request;
};

struct hostile {
    const struct behaviour *does;
    int listener;
    uint16_t port;
};

struct behaviour {
    const char *name;
    /* The rows of its table; NULL: the truth. */
    void (*rows)(struct conn *c, struct buf *out);
    /* Answers GET RFC n, from byte `first` on; false: the connection ends. */
    bool (*document)(struct conn *c, const struct document *d, size_t first);
    /* Instead of any answer at all; NULL: behaves until it is asked for a document. */
    void (*connection)(struct conn *c);
    bool always_new; /* its table has changed whenever it is asked for */
};

extern const struct behaviour behaviours[];
extern const size_t behaviour_count;

extern struct document documents[DOCUMENTS_MAX];
extern size_t document_count;

void die(const char *what);
void pause_ms(int64_t ms);
/* false: the other side is gone. */
bool put(struct conn *c, const void *bytes, size_t len);
/* An answer's head up to its own fields, and the rest of it. */
void head(struct buf *out, int status, uint64_t len);
bool finish(struct conn *c, struct buf *out, const void *body, size_t len);
void true_rows(struct conn *c, struct buf *out);
/* Once, before the first connection. */
void make_bomb(void);

#endif
