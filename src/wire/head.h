/*
 * What the parsers of requests and of responses share: lines, fields and their values (PROTOCOL.md,
 * "Framed messages"). Private to wire. Pure.
 */
#ifndef P2PDI_WIRE_HEAD_H
#define P2PDI_WIRE_HEAD_H

#include "p2pdi/wire/message.h"

/* Every field that has a meaning to us: X(enumerator, name on the wire). */
#define HEAD_FIELD_MAP(X)                                                                          \
    X(ACCEPT_ENCODING, "Accept-Encoding")                                                          \
    X(ACTIVE_PEERS, "Active-Peers")                                                                \
    X(CONNECTION, "Connection")                                                                    \
    X(CONTENT_ENCODING, "Content-Encoding")                                                        \
    X(CONTENT_LENGTH, "Content-Length")                                                            \
    X(CONTENT_RANGE, "Content-Range")                                                              \
    X(COOKIE, "Cookie")                                                                            \
    X(DELTA, "Delta")                                                                              \
    X(DICTIONARY, "Dictionary")                                                                    \
    X(HOST, "Host")                                                                                \
    X(IF_MATCH, "If-Match")                                                                        \
    X(IF_NONE_MATCH, "If-None-Match")                                                              \
    X(IF_RANGE, "If-Range")                                                                        \
    X(INDEX_VERSION, "Index-Version")                                                              \
    X(LIMIT, "Limit")                                                                              \
    X(LOCATION, "Location")                                                                        \
    X(NONCE, "Nonce")                                                                              \
    X(OS, "OS")                                                                                    \
    X(PEER, "Peer")                                                                                \
    X(PORT, "Port")                                                                                \
    X(RANGE, "Range")                                                                              \
    X(REACHABLE, "Reachable")                                                                      \
    X(RETRY_AFTER, "Retry-After")                                                                  \
    X(SCOPE, "Scope")                                                                              \
    X(SHA256, "SHA-256")                                                                           \
    X(SINCE, "Since")                                                                              \
    X(TRANSFER_ENCODING, "Transfer-Encoding")                                                      \
    X(TTL, "TTL")                                                                                  \
    X(WAIT, "Wait")

enum head_field {
#define X(name, word) HEAD_##name,
    HEAD_FIELD_MAP(X)
#undef X
        HEAD_FIELD_COUNT /* also: none of these */
};
_Static_assert(HEAD_FIELD_COUNT <= 32, "fields seen are kept as bits of a uint32_t");

const char *head_field_name(enum head_field id);

/* The first line of a request, taken apart. */
struct head_first {
    enum wire_form form;
    unsigned http_minor;
    struct slice words; /* all before the space and the version */
};

/* 0, or 400 or 505 with fault set; first->form is set in every case. */
int head_parse_first(struct slice line, struct head_first *first, struct wire_fault *fault);

/* "P2P-DI/1.0 code phrase" of a response; line may go on behind its end. false: fault is set. */
bool head_parse_status(struct slice line, int *status, struct wire_fault *fault);

/* Takes the line at the front of *rest, without its CRLF. What is left of *rest follows it. */
struct slice head_take_line(struct slice *rest);

/* Not empty, and only characters that a name or a method may have. */
bool head_is_token(struct slice s);

/*
 * "name: value" taken apart, the value without blanks at its ends; names other than those in known (bits)
 * are HEAD_FIELD_COUNT. false: fault is set (400).
 */
struct head_line {
    enum head_field id;
    struct slice value;
};
bool head_parse_field(struct slice line, uint32_t known, struct head_line *out,
                      struct wire_fault *fault);

/*
 * Fields one after another, up to the empty line: counts them, and refuses a second one of those that
 * may stand once. Start with rest behind the first line and the remainder zeroed. false: the end, or
 * fault->status is set (400, 431).
 */
struct head_walk {
    struct slice rest;
    unsigned count;
    uint32_t seen;
};
bool head_walk_next(struct head_walk *w, uint32_t known, struct head_line *out,
                    struct wire_fault *fault);
#define HEAD_BIT(id) (UINT32_C(1) << (unsigned)(id))

/* Does a comma-separated list name this token? Case does not count. */
bool head_list_has(struct slice list, const char *token);
/* Accept-Encoding into WIRE_ZSTD | WIRE_GZIP; q=0 takes out. */
unsigned head_parse_accept(struct slice list);
/* false: no valid single range. Open and suffix ranges are HTTP's only. */
bool head_parse_range(struct slice value, enum wire_form form, struct wire_range *out);

#endif
