/*
 * What the bodies of answers become: decoded, kept compressed as they came, brought into the library's
 * parts. A downloader's thread has one for all its links, one after another; fetch.c works with it.
 */
#ifndef P2PDI_PEER_INTAKE_H
#define P2PDI_PEER_INTAKE_H

#include "download.h"

struct intake {
    struct link *link;
    struct decoder *decoder; /* made when the first compressed document comes */

    /* the body that comes, or came last */
    struct flight *flight;
    bool coded, needs_dict;
    enum di_err local; /* what came could not be stored: not the holder's fault */
    bool gathers;      /* the document, in text; else it goes into its part as it comes */
    struct buf frame;  /* if coded: the body as it came */
    char *text;        /* GATHER_MAX bytes, or NULL */
    size_t text_len;
    int64_t gather_until_us;
};

/* A body begins, whose head was checked. */
void intake_begin(struct intake *in, struct flight *f, const struct wire_response *head);
/* The next bytes of it. DI_PROTOCOL: no frame of that document. What is our own fault is in local. */
enum di_err intake_take(struct intake *in, const char *bytes, size_t len) DI_MUST_CHECK;
/* When gathering has taken long enough; from then on it goes into the part. INT64_MAX: it does. */
int64_t intake_due_us(const struct intake *in);
enum di_err intake_on_time(struct intake *in, int64_t now_us) DI_MUST_CHECK; /* as above */
/* All of it is there. Errors as above. */
enum di_err intake_end(struct intake *in) DI_MUST_CHECK;
/* It breaks off: what has come goes into the part, as far as that can be. */
void intake_break(struct intake *in);
/* The document is what it should be: its frame is handed on as it came. */
void intake_keep_frame(struct intake *in);
/* The body is done with. */
void intake_drop(struct intake *in);
/* Frees what it holds; it may be used again. */
void intake_fini(struct intake *in);

#endif
