/* Documents and their references. Any thread. */
#include "doc.h"

#include <stdlib.h>
#include <string.h>

struct doc *doc_new(const char *name, const struct doc_name *parsed, const struct file_id *id,
                    const struct sha256 *sha256, const char *title)
{
    size_t title_size = strlen(title) + 1;
    size_t name_size = strlen(name) + 1;
    struct doc *d = calloc(1, sizeof *d + title_size + name_size);
    if (d == NULL)
        return NULL;
    memcpy(d->text, title, title_size);
    memcpy(d->text + title_size, name, name_size);
    d->shown = (struct library_doc){
        .rfc = parsed->rfc,
        .format = parsed->format,
        .size_bytes = id->size_bytes,
        .mtime_s = id->mtime_ns / INT64_C(1000000000),
        .sha256 = *sha256,
        .title = d->text,
    };
    d->refs = 1;
    d->key = doc_key(parsed->rfc, parsed->format);
    d->rank = parsed->rank;
    d->id = *id;
    d->name = d->text + title_size;
    return d;
}

struct doc *doc_ref(struct doc *d)
{
    (void)atomic_fetch_add_explicit(&d->refs, 1, memory_order_relaxed);
    return d;
}

bool doc_is_file(const struct doc *d, const struct file_id *id)
{
    struct file_id renamed = *id;
    renamed.ctime_ns = d->id.ctime_ns;
    return file_id_equal(d->landing ? &renamed : id, &d->id);
}

void library_doc_unref(const struct library_doc *doc)
{
    if (doc == NULL)
        return;
    struct doc *d = doc_of(doc);
    if (atomic_fetch_sub_explicit(&d->refs, 1, memory_order_acq_rel) == 1)
        free(d);
}
