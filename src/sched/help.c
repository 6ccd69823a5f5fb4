/*
 * Ranges of a large document from several holders. One link brings it from the front, as every
 * document; links that have nothing of their own to do bring pieces of it from the back, until the
 * front meets them:
 *
 *     0         have -->          <-- here             size
 *     | front    |                 |####|asked|########|
 *
 * The front goes on whatever becomes of the others: a piece that fails is brought by somebody else
 * or by the front itself. When no other is left, pieces are asked for that somebody brings already,
 * at last the one that the front is in: whoever is there first ends it, so that nobody is needed for
 * the end. What is brought twice is at most a piece for each link. Pure, under the caller's lock.
 */
#include "internal.h"

#include <utlist.h>

#define PIECES_MAX 64u
#define PIECE_MIN (UINT64_C(64) * 1024)
/* What the front brings so soon it may bring. */
#define SOON_US INT64_C(100000)
/* Nothing came at the front for so long: it cannot be told when it will. */
#define STALL_US INT64_C(500000)
/* A holder that failed to bring a piece is not asked for another one for a while. */
#define PAUSE_US INT64_C(2000000)

static uint64_t piece_bytes(const struct edition *ed)
{
    uint64_t least = (ed->size_bytes + PIECES_MAX - 1) / PIECES_MAX;

    return least > PIECE_MIN ? least : PIECE_MIN;
}

static unsigned piece_count(const struct edition *ed)
{
    uint64_t each = piece_bytes(ed);

    return (unsigned)((ed->size_bytes + each - 1) / each);
}

static uint64_t piece_end(const struct edition *ed, unsigned piece)
{
    uint64_t end = (piece + 1) * piece_bytes(ed);

    return end < ed->size_bytes ? end : ed->size_bytes;
}

void help_note_progress(struct request *r, int64_t now_us)
{
    r->progress_us = now_us;
    if (now_us - r->mark_us < STALL_US)
        return;
    r->lately_us = now_us - r->mark_us;
    r->lately = r->have - r->mark;
    r->mark_us = now_us;
    r->mark = r->have;
}

/* Does the front take its time to get through to that byte? */
static bool is_far(const struct link *front, const struct request *r, uint64_t end, int64_t now_us)
{
    int64_t us = now_us - late_turn_us(front, r);
    uint64_t got = r->have > r->offset ? r->have - r->offset : 0;

    if (us < SOON_US)
        return false;
    if (r->lately_us > 0) {
        us = r->lately_us;
        got = r->lately;
    }
    if (got == 0 || now_us - r->progress_us >= STALL_US)
        return true;
    return (double)(end - r->have) * (double)us / (double)got > (double)SOON_US;
}

/* The last piece that is not among the taken and that the front will not bring soon; -1: none. */
static int pick_untaken(const struct link *front, uint64_t taken, int64_t now_us)
{
    const struct request *r = front->requests;

    for (unsigned i = piece_count(r->edition); i-- > 0;) {
        if (piece_end(r->edition, i) <= r->have)
            break;
        if ((taken >> i & 1) == 0)
            return is_far(front, r, piece_end(r->edition, i), now_us) ? (int)i : -1;
    }
    return -1;
}

/* One that nobody brings; if there is none, one that only one other brings. */
static int pick(const struct link *front, int64_t now_us)
{
    const struct help_map *m = &front->requests->edition->help;
    int piece = pick_untaken(front, m->here | m->asked, now_us);

    return piece >= 0 ? piece : pick_untaken(front, m->here | m->twice, now_us);
}

/* Is there something that others could help with? Not if it is known that somebody lied about it. */
static bool is_front(const struct link *l)
{
    const struct request *r = l->requests;

    return r != NULL && !r->doc->is_dropped && r->edition->size_bytes >= SCHED_HELP_MIN &&
           !r->edition->is_suspect;
}

static bool can_help(const struct offer *o, const struct link *front)
{
    return o->is_live && o->edition == front->requests->edition && o->holder != front->holder;
}

/* ---- who helps ------------------------------------------------------------------------------- */

static int64_t free_at_us(const struct holder *h)
{
    int64_t at_us = h->not_before_us;

    if (at_us < h->busy_until_us)
        at_us = h->busy_until_us;
    return at_us < h->no_help_until_us ? h->no_help_until_us : at_us;
}

struct holder *help_holder(struct sched *s, int64_t now_us, int64_t *retry_us)
{
    struct holder *found = NULL;
    unsigned ties = 0;
    const struct offer *o;

    for (const struct link *l = s->links; l != NULL; l = l->hh.next) {
        if (!is_front(l))
            continue;

        int64_t from_us = pick(l, now_us) >= 0 ? now_us : now_us + SOON_US;

        DL_FOREACH2(l->requests->doc->offers, o, doc_next)
        {
            int64_t at_us = free_at_us(o->holder);

            if (!can_help(o, l) || o->holder->links > 0)
                continue;
            if (at_us < from_us)
                at_us = from_us;
            if (at_us <= now_us && prng_below(&s->prng, ++ties) == 0)
                found = o->holder;
            else if (at_us > now_us && at_us < *retry_us)
                *retry_us = at_us;
        }
    }
    return found;
}

/* The front that this link's holder could help and that has most before it. */
static const struct link *neediest(const struct sched *s, const struct link *helper, int64_t now_us)
{
    const struct link *found = NULL;
    uint64_t most = 0;

    for (const struct link *l = s->links; l != NULL; l = l->hh.next) {
        const struct request *r = l->requests;

        if (!is_front(l) || r->edition->size_bytes - r->have <= most || pick(l, now_us) < 0)
            continue;

        const struct offer *o = plan_find_offer(r->doc, helper->holder);

        if (o == NULL || !can_help(o, l))
            continue;
        found = l;
        most = r->edition->size_bytes - r->have;
    }
    return found;
}

bool sched_help(struct sched *s, uint32_t link, int64_t now_us, struct sched_request *out)
{
    struct link *l = link_find(s, link);

    if (!s->cfg.help || l == NULL || !l->is_up || l->requests != NULL || l->help.piece >= 0 ||
        free_at_us(l->holder) > now_us)
        return false;

    const struct link *front = neediest(s, l, now_us);

    if (front == NULL)
        return false;

    const struct request *r = front->requests;
    struct help_map *m = &r->edition->help;
    unsigned piece = (unsigned)pick(front, now_us);
    uint64_t from = piece * piece_bytes(r->edition);

    /* The front is in it already. */
    if (from < r->have)
        from = r->have;
    if ((m->asked | m->here) == 0)
        m->epoch = ++s->last_epoch;
    m->twice |= m->asked & UINT64_C(1) << piece;
    m->asked |= UINT64_C(1) << piece;
    m->used_us = now_us;
    l->help = (struct help){
        .id = ++s->last_request,
        .rfc = r->doc->rfc,
        .epoch = m->epoch,
        .piece = (int)piece,
        .end = piece_end(r->edition, piece),
        .len = piece_end(r->edition, piece) - from,
        .asked_us = now_us,
    };
    *out = (struct sched_request){
        .id = l->help.id,
        .rfc = r->doc->rfc,
        .size_bytes = r->edition->size_bytes,
        .edition = r->edition->sha256,
        .offset = from,
        .len = l->help.len,
    };
    return true;
}

/* ---- how it ends ----------------------------------------------------------------------------- */

/* What the link brings a piece of; NULL if that is of no use any more. */
static struct edition *helped(const struct sched *s, const struct link *l, struct doc **of)
{
    struct edition *ed;

    *of = plan_doc(s, l->help.rfc);
    ed = *of != NULL ? (*of)->editions : NULL;
    while (ed != NULL && ed->help.epoch != l->help.epoch)
        ed = ed->next;
    return ed;
}

void help_end(struct sched *s, struct link *l, bool came, int64_t now_us)
{
    struct doc *d;
    struct edition *ed;

    if (l->help.piece < 0)
        return;
    ed = helped(s, l, &d);
    if (ed != NULL) {
        uint64_t bit = UINT64_C(1) << l->help.piece;

        ed->help.asked &= ~bit;
        ed->help.twice &= ~bit;
        ed->help.here |= came ? bit : 0;
        ed->help.used_us = now_us;
        if (!came)
            l->holder->no_help_until_us = now_us + PAUSE_US;
    }
    l->help.piece = -1;
}

void sched_help_ended(struct sched *s, uint32_t link, uint32_t id, bool came, int64_t now_us)
{
    struct link *l = link_find(s, link);

    if (l != NULL && l->help.id == id)
        help_end(s, l, came, now_us);
}

void help_forget(struct edition *ed)
{
    ed->help = (struct help_map){0};
}

static struct edition *edition_of(const struct sched *s, uint32_t rfc, uint64_t size_bytes,
                                  const struct sha256 *sha256)
{
    const struct doc *d = plan_doc(s, rfc);

    return d != NULL ? plan_find_edition(d, size_bytes, sha256) : NULL;
}

bool sched_is_helped(const struct sched *s, uint32_t rfc, uint64_t size_bytes,
                     const struct sha256 *edition)
{
    const struct edition *ed = edition_of(s, rfc, size_bytes, edition);

    return ed != NULL && (ed->help.asked | ed->help.here) != 0;
}

void sched_on_help_lost(struct sched *s, uint32_t rfc, uint64_t size_bytes,
                        const struct sha256 *edition)
{
    struct edition *ed = edition_of(s, rfc, size_bytes, edition);

    if (ed != NULL)
        help_forget(ed);
}

bool help_is_at_work(const struct edition *ed, int64_t now_us)
{
    return ed->help.asked != 0 || (ed->help.here != 0 && now_us - ed->help.used_us < STALL_US);
}

bool help_is_needless(const struct sched *s, const struct link *l)
{
    struct doc *d;
    const struct edition *ed = helped(s, l, &d);

    if (ed == NULL || d->is_dropped || (ed->help.here >> l->help.piece & 1) != 0)
        return true;
    return d->request != NULL && d->request->edition == ed && d->request->have >= l->help.end;
}

uint64_t sched_rest_from(const struct sched *s, uint32_t link, uint32_t id)
{
    const struct link *l = link_find(s, link);
    const struct request *r = l != NULL ? link_request(l, id) : NULL;

    if (r == NULL || r->edition->help.here == 0)
        return UINT64_MAX;

    unsigned first = piece_count(r->edition);

    while (first > 0 && (r->edition->help.here >> (first - 1) & 1) != 0)
        first--;
    return first < piece_count(r->edition) ? first * piece_bytes(r->edition) : UINT64_MAX;
}
