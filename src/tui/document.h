/* An RFC's text made readable: no page breaks, a table of contents, references to others. Pure. */
#ifndef P2PDI_TUI_DOCUMENT_H
#define P2PDI_TUI_DOCUMENT_H

#include "p2pdi/base/err.h"

#include <stddef.h>
#include <stdint.h>

struct document_heading {
    size_t line;
    int depth; /* 0: outermost */
};

struct document {
    uint32_t rfc;
    char **lines; /* clean UTF-8 */
    size_t count, cap;
    struct document_heading *headings;
    size_t heading_count, heading_cap;
};

/* Reads the text of a document, which comes from outside; bytes are not needed afterwards. DI_NOMEM. */
enum di_err document_new(uint32_t rfc, const char *bytes, size_t len, struct document **out)
    DI_MUST_CHECK;
void document_free(struct document *d);

/* A reference to an RFC in a line: bytes from..to. */
struct document_link {
    size_t from, to;
    uint32_t rfc;
};
/*
 * The references of a line, at most max of them; such a one as "RFC" at the end of the line before and
 * the number here counts, and so does each number of "RFCs 793, 879 and 1122" and of "Updates: 5961". References to the document itself are left out.
 */
size_t document_links(const struct document *d, size_t line, struct document_link *out, size_t max);

#endif
