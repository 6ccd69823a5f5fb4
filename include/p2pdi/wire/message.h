/*
 * Requests and responses as values, and the pure functions between them and bytes (PROTOCOL.md).
 * No descriptor, no lock, no clock. Slices in parsed messages point into the bytes that were parsed.
 *
 * One port answers three request forms; the first line tells which. The one-line form of the
 * original is not parsed yet: its first lines get a framed 400.
 */
#ifndef P2PDI_WIRE_MESSAGE_H
#define P2PDI_WIRE_MESSAGE_H

#include "p2pdi/base/buf.h"
#include "p2pdi/base/sha256.h"
#include "p2pdi/base/text.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WIRE_HEAD_MAX 8192
#define WIRE_FIELDS_MAX 32
#define WIRE_REQUEST_BODY_MAX (UINT64_C(1) << 20)
#define WIRE_RFC_MAX 99999999u
#define WIRE_WAIT_MAX_S 60
#define WIRE_TTL_MAX_S 7200
#define WIRE_RETRY_AFTER_S 1 /* what 429 and 503 ask for */

enum wire_form { WIRE_FRAMED, WIRE_HTTP };

/* X(enumerator, words on the wire) */
#define WIRE_METHOD_MAP(X)                                                                         \
    X(REGISTER, "REGISTER")                                                                        \
    X(LEAVE, "LEAVE")                                                                              \
    X(KEEP_ALIVE, "KEEP-ALIVE")                                                                    \
    X(PQUERY, "PQUERY")                                                                            \
    X(GET_INDEX, "GET RFC-Index")                                                                  \
    X(GET_RFC, "GET RFC")                                                                          \
    X(PROBE, "PROBE")                                                                              \
    X(HTTP_GET, "GET")                                                                             \
    X(HTTP_HEAD, "HEAD")

enum wire_method {
#define X(name, words) WIRE_##name,
    WIRE_METHOD_MAP(X)
#undef X
        WIRE_METHOD_COUNT
};
const char *wire_method_words(enum wire_method m);

#define WIRE_STATUS_MAP(X)                                                                         \
    X(200, "OK")                                                                                   \
    X(204, "No Active Peers")                                                                      \
    X(206, "Partial Content")                                                                      \
    X(302, "Found")                                                                                \
    X(304, "Not Modified")                                                                         \
    X(400, "Bad Request")                                                                          \
    X(401, "Unauthorized")                                                                         \
    X(404, "Not Found")                                                                            \
    X(405, "Method Not Allowed")                                                                   \
    X(408, "Request Timeout")                                                                      \
    X(409, "Conflict")                                                                             \
    X(413, "Content Too Large")                                                                    \
    X(416, "Range Not Satisfiable")                                                                \
    X(429, "Too Many Requests")                                                                    \
    X(431, "Request Header Fields Too Large")                                                      \
    X(500, "Internal Server Error")                                                                \
    X(503, "Service Unavailable")                                                                  \
    X(505, "Version Not Supported")

/* "OK" for 200 and so on; "Unknown" for a code that is not in the table. */
const char *wire_status_phrase(int status);
/* After 400, 408, 413, 431, 503 and 505 the connection closes. */
bool wire_status_closes(int status);

/* What was wrong with what: the one-line body of an error answer. Never contains remote bytes. */
struct wire_fault {
    int status; /* 0: nothing wrong */
    char text[120];
};

/* ---- where a request ends ------------------------------------------------------------------ */

enum wire_verdict {
    WIRE_MORE,  /* not all of the head is there */
    WIRE_WHOLE, /* frame.head_len and frame.body_len are set */
    WIRE_BAD    /* fault says why; answer it and close */
};

/*
 * Progress of one head; zero it before each message. Cutting the input anywhere changes no verdict.
 * scanned is all that must be kept between calls: a caller may zero the rest and put it back.
 */
struct wire_frame {
    size_t scanned;
    size_t head_len; /* up to and including the empty line */
    uint64_t
        body_len; /* bytes that follow; no request's body means anything, so they are skipped */
    enum wire_form form; /* to answer in; with WIRE_MORE (408, 503) as far as can be told */
    struct wire_fault fault;
};

/* data starts at the message's first byte and grows from call to call; len may hold more messages. */
enum wire_verdict wire_request_frame(struct wire_frame *f, const char *data, size_t len);
/* The same for responses (client side): the body is not skipped but body_len is known. */
enum wire_verdict wire_response_frame(struct wire_frame *f, const char *data, size_t len);

/* ---- requests ------------------------------------------------------------------------------ */

enum wire_range_kind { WIRE_RANGE_NONE, WIRE_RANGE_FROM_TO, WIRE_RANGE_FROM, WIRE_RANGE_SUFFIX };
struct wire_range {
    enum wire_range_kind kind;
    uint64_t first; /* FROM_TO, FROM */
    uint64_t last;  /* FROM_TO: inclusive; SUFFIX: how many of the last bytes */
};

/* Bits in accept, but for dcz: that is acceptable to whoever names a dictionary. */
enum wire_encoding { WIRE_IDENTITY = 0, WIRE_ZSTD = 1, WIRE_GZIP = 2, WIRE_DCZ = 4 };

struct wire_request {
    enum wire_form form;
    enum wire_method method;
    unsigned http_minor;   /* WIRE_HTTP: 0 or 1 */
    bool close;            /* Connection: close, or HTTP/1.0 */
    uint32_t rfc;          /* WIRE_GET_RFC */
    struct slice target;   /* WIRE_HTTP: path as sent, begins with '/' , query cut off */
    struct slice host, os; /* empty: not sent. Not cleaned yet: text_clean before showing */
    bool has_port;
    uint16_t port; /* 1..65535 */
    bool has_cookie;
    uint64_t cookie;    /* 0 .. 2^63-1 */
    struct slice since; /* p NULL: not sent */
    unsigned wait_s;    /* 0 .. 60; larger values on the wire are capped */
    uint64_t limit;     /* 0: not sent */
    bool scope_own;
    unsigned accept; /* WIRE_ZSTD | WIRE_GZIP */
    bool has_dictionary;
    uint32_t dictionary_rfc; /* the asker has that document */
    struct sha256 dictionary;
    struct wire_range range;
    bool has_if_none_match, has_if_match;
    bool if_none_match_any, if_match_any; /* "*" */
    struct slice if_none_match, if_match; /* the field's value; wire_etag_matches */
    struct slice nonce;
};

/*
 * Parses one whole head (as framed). 0, or the status to answer with fault filled in: 400, 405
 * (framed method unknown), 431, 505. Unknown fields are ignored. HTTP methods other than GET and HEAD: 405.
 * out->form and out->close are right in every case. REGISTER without Port and PROBE without Nonce are 400
 * here; a missing Cookie is the handler's 401, like a wrong one.
 */
int wire_request_parse(const char *head, size_t len, struct wire_request *out,
                       struct wire_fault *fault) DI_MUST_CHECK;
/* Does an If-None-Match/If-Match value (a list, weak or strong) name this digest? */
bool wire_etag_matches(struct slice field, const struct sha256 *digest);
/* Appends a framed request; slices go out as they are (callers pass clean values). Never WIRE_HTTP. */
void wire_request_format(struct buf *out, const struct wire_request *r);

/* ---- responses ----------------------------------------------------------------------------- */

struct wire_response {
    int status;
    bool close;
    bool has_content_length;
    uint64_t content_length;
    bool has_cookie;
    uint64_t cookie;
    bool has_peer;
    uint32_t peer;
    bool has_ttl;
    uint32_t ttl_s;         /* at most WIRE_TTL_MAX_S: more is a protocol violation */
    struct slice reachable; /* "yes", "no", "unknown" */
    bool has_active_peers;
    uint64_t active_peers;
    struct slice index_version;
    bool delta;
    bool has_sha256;
    struct sha256 sha256;
    bool has_content_range;
    uint64_t range_first, range_last, range_total;
    enum wire_encoding encoding;
    struct slice location; /* 302: host:port */
    bool has_retry_after;
    uint32_t retry_after_s;
    struct slice nonce;
};

/* Parses one whole response head of the framed form. DI_PROTOCOL, with what was wrong in fault->text. */
enum di_err wire_response_parse(const char *head, size_t len, struct wire_response *out,
                                struct wire_fault *fault) DI_MUST_CHECK;

/* Status line of the form asked for, then fields one by one, then the empty line. */
void wire_head_begin(struct buf *out, enum wire_form form, int status);
void wire_head_field(struct buf *out, const char *name, const char *value);
void wire_head_field_u64(struct buf *out, const char *name, uint64_t value);
void wire_head_end(struct buf *out);
/* A whole error answer: status line, Content-Type, Content-Length, Connection: close where due, one line. */
void wire_error_format(struct buf *out, enum wire_form form, const struct wire_fault *fault);
/* Sets status and text. */
void wire_fault_set(struct wire_fault *f, int status, const char *fmt, ...) DI_PRINTF(3, 4);

/*
 * Turns a Range into offsets of a body of total bytes. 200: the whole; 206: *first, *len set;
 * 416: nothing of it is there.
 */
int wire_range_apply(const struct wire_range *r, uint64_t total, uint64_t *first, uint64_t *len);

#endif
