/*
 * Documents that others are compressed against (PROTOCOL.md, "Dictionaries"): read from the library
 * when first asked for; one or two are kept. Which one is named is the scheduler's choice. Worker and
 * fetch threads.
 */
#include "internal.h"

#include "p2pdi/sched/sched.h"

#include <stdlib.h>

/* More than one only while those who ask do not know yet what there is: some 2.5 MB each. */
#define KEPT 2
/*
 * So long one that is used stays, whatever others name: else who names another one in each request
 * would have each document compressed anew.
 */
#define HOLD_US (10 * CLOCK_US_PER_S)

struct dictionaries {
    struct peer *peer;
    struct lock lock;
    struct kept {
        struct coding_dict *dict; /* NULL: none */
        int64_t used_us;
    } kept[KEPT]; /* guarded by lock */
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
        coding_dict_unref(d->kept[i].dict);
    lock_fini(&d->lock);
    free(d);
}

static struct coding_dict *load(struct library *lib, const struct library_doc *doc)
{
    struct coding_dict *dict = NULL;
    struct library_file *file = NULL;
    const void *text = NULL;
    void *owned = NULL;
    struct sha256 is;
    if (library_file_open(lib, doc, &file) != DI_OK)
        return NULL;
    enum di_err err = library_file_text(file, &text, &owned);
    /* What is compressed against wrong bytes is wrong, and others would be blamed for it. */
    if (err == DI_OK)
        err = sha256_of(text, (size_t)doc->size_bytes, &is);
    if (err == DI_OK && !sha256_equal(&is, &doc->sha256))
        err = DI_MISMATCH;
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
    if (sha256_equal(&doc->sha256, edition) &&
        sched_is_better_dictionary(doc->size_bytes, edition, NULL))
        dict = load(lib, doc);
    library_doc_unref(doc);
    return dict;
}

/* A reference for the caller. */
static struct coding_dict *find_locked(struct dictionaries *d, const struct sha256 *edition,
                                       int64_t now_us)
{
    lock_assert_held(&d->lock);
    for (struct kept *k = d->kept; k < d->kept + KEPT; k++) {
        if (k->dict == NULL || !sha256_equal(coding_dict_id(k->dict), edition))
            continue;
        k->used_us = now_us;
        return coding_dict_ref(k->dict);
    }
    return NULL;
}

/* Where another one may be kept; NULL: nowhere yet. */
static struct kept *place_locked(struct dictionaries *d, bool for_others, int64_t now_us)
{
    struct kept *oldest = d->kept;
    lock_assert_held(&d->lock);
    for (struct kept *k = d->kept; k < d->kept + KEPT; k++) {
        if (k->dict == NULL)
            return k;
        if (k->used_us < oldest->used_us)
            oldest = k;
    }
    return for_others && now_us - oldest->used_us < HOLD_US ? NULL : oldest;
}

struct coding_dict *dictionary_get(struct dictionaries *d, uint32_t rfc,
                                   const struct sha256 *edition, bool for_others)
{
    int64_t now_us = clock_mono_us();
    lock_acquire(&d->lock);
    struct coding_dict *found = find_locked(d, edition, now_us);
    bool has_place = place_locked(d, for_others, now_us) != NULL;
    lock_release(&d->lock);
    if (found != NULL || !has_place)
        return found;

    struct coding_dict *loaded = load_held(d->peer, rfc, edition), *gone = loaded;
    if (loaded == NULL)
        return NULL;
    lock_acquire(&d->lock);
    found = find_locked(d, edition, now_us); /* somebody else was at it, too */
    struct kept *place = found == NULL ? place_locked(d, for_others, now_us) : NULL;
    if (place != NULL) {
        gone = place->dict;
        *place = (struct kept){loaded, now_us};
        found = coding_dict_ref(loaded);
    }
    lock_release(&d->lock);
    coding_dict_unref(gone);
    return found;
}
