/* File names in the library: which are documents, which are downloads on their way in. Pure. */
#ifndef P2PDI_STORE_NAMES_H
#define P2PDI_STORE_NAMES_H

#include "p2pdi/base/sha256.h"
#include "p2pdi/store/library.h"

#include <stdbool.h>
#include <stdint.h>

#define NAME_RFC_MAX 99999999
#define NAME_PLAIN_SIZE 24 /* "rfc99999999.html" and NUL */
#define NAME_PART_SIZE 88  /* ".rfc99999999.<64 hex>.part" and NUL */

/* Where several files claim one number and format the lowest rank wins, then the lowest name. */
enum name_rank {
    NAME_PLAIN,  /* rfc10.txt: also what publishing writes */
    NAME_PADDED, /* rfc0010.txt */
    NAME_TITLED, /* 10_Title_words.txt */
};

struct doc_name {
    uint32_t rfc;
    enum library_format format;
    enum name_rank rank;
};

/* False if it is not the name of a document. */
bool name_parse_document(const char *name, struct doc_name *out);
/* "10_Title_words.txt" into "Title words"; false (and "") if the name carries no title. */
bool name_title(const char *name, char out[LIBRARY_TITLE_SIZE]);
void name_format_plain(uint32_t rfc, enum library_format f, char out[NAME_PLAIN_SIZE]);
/* < 0 if a (of rank a_rank) wins over b. */
int name_compare(enum name_rank a_rank, const char *a, enum name_rank b_rank, const char *b);

void name_format_part(uint32_t rfc, const struct sha256 *edition, char out[NAME_PART_SIZE]);
bool name_parse_part(const char *name, uint32_t *rfc, struct sha256 *edition);

#endif
