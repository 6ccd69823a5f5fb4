/* The titles in the RFC Editor's rfc-index.txt. Immutable once parsed; pure. */
#ifndef P2PDI_STORE_RFC_INDEX_TXT_H
#define P2PDI_STORE_RFC_INDEX_TXT_H

#include "p2pdi/base/err.h"
#include "p2pdi/base/text.h"

#include <stddef.h>
#include <stdint.h>

struct rfc_titles;

/* Reads both forms (2020: "0001 Title. Author. Date.", 2026: "1 Title. ..."); what is not an
 * entry is passed over, so any text gives a table, maybe an empty one. DI_NOMEM. */
enum di_err rfc_titles_parse(struct slice text, struct rfc_titles **out) DI_MUST_CHECK;
void rfc_titles_free(struct rfc_titles *t);
/* NULL: not in it, or not issued. Valid until the table is freed. t may be NULL. */
const char *rfc_titles_find(const struct rfc_titles *t, uint32_t rfc);
size_t rfc_titles_count(const struct rfc_titles *t);

#endif
