/* File names in the library. Pure. */
#include "names.h"

#include "p2pdi/base/text.h"

#include <stdio.h>
#include <string.h>

static const struct {
    const char *suffix;
    const char *mime;
} formats[LIBRARY_FORMATS] = {
    [LIBRARY_TXT] = {"txt", "text/plain; charset=utf-8"},
    [LIBRARY_PDF] = {"pdf", "application/pdf"},
    [LIBRARY_XML] = {"xml", "application/xml"},
    [LIBRARY_HTML] = {"html", "text/html; charset=utf-8"},
};

const char *library_format_suffix(enum library_format f)
{
    return formats[f].suffix;
}

const char *library_format_mime(enum library_format f)
{
    return formats[f].mime;
}

static bool parse_number(struct slice digits, uint32_t *out)
{
    uint64_t n = 0;
    if (!text_parse_u64(digits, NAME_RFC_MAX, &n) || n == 0)
        return false;
    *out = (uint32_t)n;
    return true;
}

/* Splits name at its last dot into *stem and the format that the suffix names. */
static bool split_suffix(const char *name, struct slice *stem, enum library_format *format)
{
    const char *dot = strrchr(name, '.');
    if (dot == NULL)
        return false;
    for (int f = 0; f < LIBRARY_FORMATS; f++) {
        if (strcmp(dot + 1, formats[f].suffix) == 0) {
            *stem = (struct slice){name, (size_t)(dot - name)};
            *format = (enum library_format)f;
            return true;
        }
    }
    return false;
}

bool name_parse_document(const char *name, struct doc_name *out)
{
    struct slice stem;
    if (!split_suffix(name, &stem, &out->format))
        return false;
    if (stem.n > 3 && memcmp(stem.p, "rfc", 3) == 0) {
        out->rank = stem.p[3] == '0' ? NAME_PADDED : NAME_PLAIN;
        return parse_number((struct slice){stem.p + 3, stem.n - 3}, &out->rfc);
    }
    struct slice title;
    struct slice digits = slice_split(stem, '_', &title);
    out->rank = NAME_TITLED;
    return title.p != NULL && title.n > 0 && parse_number(digits, &out->rfc);
}

bool name_title(const char *name, char out[LIBRARY_TITLE_SIZE])
{
    struct doc_name parsed;
    struct slice stem, title;
    out[0] = '\0';
    if (!name_parse_document(name, &parsed) || parsed.rank != NAME_TITLED ||
        !split_suffix(name, &stem, &parsed.format))
        return false;
    (void)slice_split(stem, '_', &title);
    char spaced[LIBRARY_TITLE_SIZE];
    size_t len = title.n < sizeof spaced ? title.n : sizeof spaced;
    memcpy(spaced, title.p, len);
    for (size_t i = 0; i < len; i++)
        if (spaced[i] == '_')
            spaced[i] = ' ';
    return text_clean(out, LIBRARY_TITLE_SIZE, slice_trim((struct slice){spaced, len})) > 0;
}

void name_format_plain(uint32_t rfc, enum library_format f, char out[NAME_PLAIN_SIZE])
{
    (void)snprintf(out, NAME_PLAIN_SIZE, "rfc%u.%s", rfc, formats[f].suffix);
}

int name_compare(enum name_rank a_rank, const char *a, enum name_rank b_rank, const char *b)
{
    return a_rank != b_rank ? (int)a_rank - (int)b_rank : strcmp(a, b);
}

void name_format_part(uint32_t rfc, const struct sha256 *edition, char out[NAME_PART_SIZE])
{
    char hex[SHA256_HEX_SIZE];
    sha256_format(edition, hex);
    (void)snprintf(out, NAME_PART_SIZE, ".rfc%u.%s.part", rfc, hex);
}

bool name_parse_part(const char *name, uint32_t *rfc, struct sha256 *edition)
{
    if (strncmp(name, ".rfc", 4) != 0)
        return false;
    struct slice hex, tail;
    struct slice digits = slice_split(slice_of(name + 4), '.', &hex);
    if (hex.p == NULL)
        return false;
    hex = slice_split(hex, '.', &tail);
    return tail.p != NULL && slice_equal(tail, SLICE("part")) && parse_number(digits, rfc) &&
           sha256_parse(hex, edition);
}
