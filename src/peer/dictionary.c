/*
 * Documents that others are compressed against (PROTOCOL.md, "Dictionaries"): read from the library
 * when first asked for, a few are kept. Which one is named is the scheduler's choice. Worker and
 * fetch threads.
 */
#include "internal.h"

#include "p2pdi/sched/sched.h"

#include <stdlib.h>
#include <string.h>

/* More than one only while those who ask do not know yet what there is. */
#define KEPT 4

struct dictionaries {
    struct peer *peer;
    struct lock lock;
    struct coding_dict *kept[KEPT]; /* used last first; guarded by lock */
};

enum di_err dictionaries_new(struct peer *p, struct dictionaries **out)
{
    struct dictionaries *d = calloc(1, sizeof(*d));
    if (d == NULL)
        return DI_NOMEM;
    d->peer = p;
    lock_init(&d->lock);
    *out = d;
    return DI_OK;
}

void dictionaries_free(struct dictionaries *d)
{
    if (d == NULL)
        return;
    for (size_t i = 0; i < KEPT; i++)
        coding_dict_unref(d->kept[i]);
    lock_fini(&d->lock);
    free(d);
}

static struct coding_dict *load(struct library *lib, const struct library_doc *doc)
{
    struct coding_dict *dict = NULL;
    struct library_file *file = NULL;
    const void *text = NULL;
    void *owned = NULL;
    if (library_file_open(lib, doc, &file) != DI_OK)
        return NULL;
    enum di_err err = library_file_text(doc, file, &text, &owned);
    if (err == DI_OK)
        err = coding_dict_new(text, (size_t)doc->size_bytes, &doc->sha256, &dict);
    free(owned);
    library_file_release(file);
    return err == DI_OK ? dict : NULL;
}

static struct coding_dict *load_held(struct peer *p, uint32_t rfc, const struct sha256 *edition)
{
    struct coding_dict *dict = NULL;
    struct library *lib = p->library;
    const struct library_doc *doc = lib != NULL ? library_get(lib, rfc, LIBRARY_TXT) : NULL;
    if (doc == NULL)
        return NULL;
    if (sha256_equal(&doc->sha256, edition) && doc->size_bytes >= SCHED_DICTIONARY_MIN &&
        doc->size_bytes <= SCHED_DICTIONARY_MAX)
        dict = load(lib, doc);
    library_doc_unref(doc);
    return dict;
}

/* A reference for the caller; it is the first one now. */
static struct coding_dict *find_locked(struct dictionaries *d, const struct sha256 *edition)
{
    lock_assert_held(&d->lock);
    for (size_t i = 0; i < KEPT && d->kept[i] != NULL; i++) {
        struct coding_dict *found = d->kept[i];
        if (!sha256_equal(coding_dict_id(found), edition))
            continue;
        memmove(&d->kept[1], &d->kept[0], i * sizeof(struct coding_dict *));
        d->kept[0] = found;
        return coding_dict_ref(found);
    }
    return NULL;
}

struct coding_dict *dictionary_get(struct dictionaries *d, uint32_t rfc,
                                   const struct sha256 *edition)
{
    lock_acquire(&d->lock);
    struct coding_dict *dict = find_locked(d, edition);
    lock_release(&d->lock);
    if (dict != NULL || (dict = load_held(d->peer, rfc, edition)) == NULL)
        return dict;
    lock_acquire(&d->lock);
    struct coding_dict *other = find_locked(d, edition), *gone = dict;
    if (other == NULL) {
        gone = d->kept[KEPT - 1];
        memmove(&d->kept[1], &d->kept[0], (KEPT - 1) * sizeof(struct coding_dict *));
        d->kept[0] = coding_dict_ref(dict);
        other = dict;
    }
    lock_release(&d->lock);
    coding_dict_unref(gone);
    return other;
}
