/* Which documents are meant, and who is known to hold them, as the catalog knows it. Any thread. */
#include "internal.h"

#include "p2pdi/sched/sched.h"

#include <stdlib.h>

#define FEW 32 /* documents looked up one by one rather than by a walk over all */

void numbers_add(struct numbers *s, uint32_t n)
{
    if (s->err != DI_OK)
        return;
    if (s->count == s->cap) {
        size_t cap = s->cap == 0 ? 64 : 2 * s->cap;
        uint32_t *more = realloc(s->n, cap * sizeof(*more));
        if (more == NULL) {
            s->err = DI_NOMEM;
            return;
        }
        s->n = more;
        s->cap = cap;
    }
    s->n[s->count++] = n;
}

int numbers_compare(const void *a, const void *b)
{
    const uint32_t *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

enum di_err numbers_sorted(const struct numbers *s, struct numbers *out)
{
    size_t kept = 0;
    for (size_t i = 0; i < s->count; i++)
        numbers_add(out, s->n[i]);
    if (out->count > 0)
        qsort(out->n, out->count, sizeof(*out->n), numbers_compare);
    for (size_t i = 0; i < out->count; i++)
        if (kept == 0 || out->n[kept - 1] != out->n[i])
            out->n[kept++] = out->n[i];
    out->count = kept;
    return out->err;
}

void numbers_remove(struct numbers *s, const struct numbers *those)
{
    size_t kept = 0;
    for (size_t i = 0; i < s->count && those->count > 0; i++)
        if (bsearch(&s->n[i], those->n, those->count, sizeof(s->n[i]), numbers_compare) == NULL)
            s->n[kept++] = s->n[i];
    if (those->count > 0)
        s->count = kept;
}

void numbers_fini(struct numbers *s)
{
    free(s->n);
    *s = (struct numbers){0};
}

/* ---- documents ------------------------------------------------------------------------------- */

/* Which rows of the index a range means. */
struct selection {
    struct numbers *numbers;
    uint32_t first, last;
    const struct addr *from; /* NULL: whoever */
    uint32_t own;            /* our own row of a number comes before those of others */
    uint32_t seen, known;    /* the last number that has rows; how many of the range have */
};

static bool select_row(void *arg, const struct rfc_entry *e)
{
    struct selection *s = arg;
    if (e->rfc > s->last)
        return false;
    if (e->own)
        s->own = e->rfc;
    if (e->rfc >= s->first && e->rfc != s->seen)
        s->known++;
    s->seen = e->rfc;
    bool wanted = e->rfc >= s->first && e->rfc != s->own &&
                  (s->from == NULL || addr_equal(s->from, &e->holder));
    size_t count = s->numbers->count;
    if (wanted && (count == 0 || s->numbers->n[count - 1] != e->rfc))
        numbers_add(s->numbers, e->rfc);
    return s->numbers->err == DI_OK;
}

enum di_err select_known(struct peer *p, uint32_t first, uint32_t last, const struct addr *from,
                         struct numbers *out)
{
    char version[CHANGES_VERSION_SIZE];
    struct selection s = {.numbers = out, .first = first, .last = last, .from = from};
    catalog_walk(p->catalog, RFC_SCOPE_ALL, version, select_row, &s);
    return out->err;
}

bool select_is_final(struct peer *p, const struct peer_get *what)
{
    for (size_t i = 0; i < what->count && !what->all; i++) {
        if (what->ranges[i].first == what->ranges[i].last)
            continue;
        char version[CHANGES_VERSION_SIZE];
        struct numbers numbers = {0};
        struct selection s = {
            .numbers = &numbers, .first = what->ranges[i].first, .last = what->ranges[i].last};
        catalog_walk(p->catalog, RFC_SCOPE_ALL, version, select_row, &s);
        bool known = numbers.err == DI_OK && s.known == s.last - s.first + 1;
        numbers_fini(&numbers);
        if (!known)
            return false;
    }
    return !what->all;
}

enum di_err select_wanted(struct peer *p, const struct peer_get *what, struct numbers *out)
{
    const struct addr *from = what->has_from ? &what->from : NULL;
    if (what->all)
        return select_known(p, 1, WIRE_RFC_MAX, from, out);
    for (size_t i = 0; i < what->count && out->err == DI_OK; i++) {
        const struct peer_range *r = &what->ranges[i];
        if (r->first != r->last)
            select_known(p, r->first, r->last, from, out);
        else if (!catalog_has(p->catalog, r->first))
            numbers_add(out, r->first);
    }
    return out->err;
}

/* ---- the dictionary -------------------------------------------------------------------------- */

static bool take_least(void *arg, const struct rfc_entry *e)
{
    struct offer *least = arg;
    if (sched_is_better_dictionary(e->size_bytes, &e->sha256,
                                   least->rfc != 0 ? &least->sha256 : NULL))
        *least = (struct offer){.rfc = e->rfc, .size_bytes = e->size_bytes, .sha256 = e->sha256};
    return true;
}

bool select_dictionary(struct peer *p, struct offer *out)
{
    char version[CHANGES_VERSION_SIZE];
    *out = (struct offer){0};
    catalog_walk(p->catalog, RFC_SCOPE_OWN, version, take_least, out);
    return out->rfc != 0;
}

/* ---- offers ---------------------------------------------------------------------------------- */

struct collection {
    const struct numbers *of; /* ascending */
    struct offer *offers;
    size_t count, cap;
    enum di_err err;
};

static bool collect_row(void *arg, const struct rfc_entry *e)
{
    struct collection *c = arg;
    if (e->own || bsearch(&e->rfc, c->of->n, c->of->count, sizeof(e->rfc), numbers_compare) == NULL)
        return true;
    if (c->count == c->cap) {
        size_t cap = c->cap == 0 ? 64 : 2 * c->cap;
        struct offer *more = realloc(c->offers, cap * sizeof(*more));
        if (more == NULL) {
            c->err = DI_NOMEM;
            return false;
        }
        c->offers = more;
        c->cap = cap;
    }
    c->offers[c->count++] = (struct offer){
        .rfc = e->rfc, .holder = e->holder, .size_bytes = e->size_bytes, .sha256 = e->sha256};
    return true;
}

enum di_err select_offers(struct peer *p, const struct numbers *of, struct offer **out,
                          size_t *count)
{
    char version[CHANGES_VERSION_SIZE];
    struct collection c = {.of = of};
    if (of->count > FEW)
        catalog_walk(p->catalog, RFC_SCOPE_ALL, version, collect_row, &c);
    for (size_t i = 0; of->count <= FEW && i < of->count; i++)
        catalog_find(p->catalog, of->n[i], collect_row, &c);
    if (c.err != DI_OK) {
        free(c.offers);
        return c.err;
    }
    *out = c.offers;
    *count = c.count;
    return DI_OK;
}
