/*
 * Which link takes too long for what it brings now. A holder that stalls, trickles or is gone without
 * a word looks like one that is slow: all that can be told is how long such a document usually takes,
 * and whether somebody else has it. What came is kept, so breaking off too early costs a connection.
 * Pure, under the caller's lock.
 */
#include "internal.h"

#include <utlist.h>

/* Connections, queues and loss may cost that in any case. */
#define LATE_US INT64_C(500000)
/* So many times the usual is late. */
#define LATE_TIMES 3u
/* Nobody has brought anything yet: then only silence of so long is. */
#define SILENT_US INT64_C(2000000)
#define AGAIN_US INT64_C(250000)
/* Where others bring a part of it: its end may be there at any moment. */
#define AGAIN_HELPED_US INT64_C(20000)

int64_t late_turn_us(const struct link *l, const struct request *r)
{
    return l->answered_us > r->asked_us ? l->answered_us : r->asked_us;
}

/* Sums, of which an eighth goes with each document: long ones count for more. */
void late_learn(struct sched *s, const struct link *l, const struct request *r, int64_t now_us)
{
    int64_t took_us = now_us - late_turn_us(l, r);

    s->usual_bytes = s->usual_bytes / 8 * 7 + r->edition->size_bytes - r->offset;
    s->usual_us = s->usual_us / 8 * 7 + (took_us > 0 ? (uint64_t)took_us : 0);
}

/* So long after its turn bytes are late; INT64_MAX: it is not known what is usual. */
static int64_t allowed_us(const struct sched *s, uint64_t bytes)
{
    if (s->usual_bytes == 0)
        return INT64_MAX;
    return LATE_US +
           (int64_t)((double)s->usual_us / (double)s->usual_bytes * (double)bytes * LATE_TIMES);
}

static int64_t due_us(const struct sched *s, const struct link *l, const struct request *r)
{
    int64_t us = allowed_us(s, r->edition->size_bytes - r->offset);

    if (us < INT64_MAX)
        return late_turn_us(l, r) + us;
    return r->have > r->offset ? INT64_MAX : late_turn_us(l, r) + SILENT_US;
}

/* Could somebody else bring it now? */
static bool has_other(const struct request *r, const struct holder *than, int64_t now_us)
{
    const struct offer *o;

    DL_FOREACH2(r->doc->offers, o, doc_next)
    {
        const struct holder *h = o->holder;

        if (o->is_live && o->edition == r->edition && h != than && h->not_before_us <= now_us &&
            h->busy_until_us <= now_us)
            return true;
    }
    return false;
}

bool sched_is_late(const struct sched *s, uint32_t link, int64_t now_us, int64_t *again_us)
{
    const struct link *l = link_find(s, link);
    const struct request *r = l != NULL ? l->requests : NULL;

    *again_us = INT64_MAX;
    if (l != NULL && l->help.piece >= 0) {
        *again_us = now_us + AGAIN_US;
        return help_is_needless(s, l) || now_us - l->help.asked_us > allowed_us(s, l->help.len);
    }
    if (r == NULL)
        return false;

    const struct help_map *help = &r->edition->help;
    int64_t at_us = due_us(s, l, r);
    int64_t soon_us = now_us + ((help->asked | help->here) != 0 ? AGAIN_HELPED_US : AGAIN_US);

    *again_us = at_us > now_us && at_us < soon_us ? at_us : soon_us;
    return at_us <= now_us && !help_is_at_work(r->edition, now_us) &&
           has_other(r, l->holder, now_us);
}
