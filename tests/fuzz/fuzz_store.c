/*
 * What the library reads of files from anywhere: names, heads of documents, rfc-index.txt. The
 * first byte says which. Titles are clean and bounded, whatever they came from.
 */
#include "../../src/store/names.h"
#include "../../src/store/rfc_index_txt.h"
#include "../../src/store/titles.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
    if (!holds)
        abort();
}

static void check_title(const char *title)
{
    char again[LIBRARY_TITLE_SIZE];
    size_t len = strlen(title);
    must(len < LIBRARY_TITLE_SIZE);
    must(text_clean(again, sizeof again, slice_of(title)) == len && strcmp(again, title) == 0);
}

static void try_name(const char *name)
{
    struct doc_name parsed;
    char title[LIBRARY_TITLE_SIZE];
    uint32_t rfc = 0;
    struct sha256 edition;
    bool document = name_parse_document(name, &parsed);
    must(!document || (parsed.rfc >= 1 && parsed.rfc <= NAME_RFC_MAX));
    must(!name_title(name, title) || (document && title[0] != '\0'));
    check_title(title);
    if (name_parse_part(name, &rfc, &edition)) {
        char part[NAME_PART_SIZE];
        must(!document && rfc >= 1 && rfc <= NAME_RFC_MAX);
        name_format_part(rfc, &edition, part);
        must(strlen(part) <= strlen(name)); /* the name may have leading zeros */
    }
}

static void try_head(struct slice head)
{
    char title[LIBRARY_TITLE_SIZE];
    must(title_from_head(head, title) == (title[0] != '\0'));
    check_title(title);
}

static void try_index(struct slice text)
{
    struct rfc_titles *t = NULL;
    if (rfc_titles_parse(text, &t) != DI_OK)
        return;
    for (uint32_t rfc = 0; rfc < 100; rfc++) {
        const char *title = rfc_titles_find(t, rfc);
        if (title != NULL)
            check_title(title);
    }
    rfc_titles_free(t);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    /* Copied exactly, so that a read beyond the end is seen. */
    size_t len = size - 1;
    char *text = malloc(len + 1);
    must(text != NULL);
    memcpy(text, data + 1, len);
    text[len] = '\0';
    if (data[0] == 'n')
        try_name(text);
    else if (data[0] == 'h')
        try_head((struct slice){text, len});
    else
        try_index((struct slice){text, len});
    free(text);
    return 0;
}
