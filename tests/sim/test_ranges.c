/*
 * One large document from several holders in virtual time: the scheduler's decisions, and holders
 * that send at a rate, stall, trickle or vanish.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "p2pdi/sched/sched.h"

#define HOLDERS 4u
#define SIZE (UINT64_C(8) << 20)
#define RATE (UINT64_C(1) << 20) /* bytes a second, of each */
#define STEP_US INT64_C(5000)
#define END_US INT64_C(600000000)

/* What becomes of holder `who` once it has sent so many bytes: `rate` from then on. */
struct trouble {
    unsigned who; /* 0: of nobody; holder 1 is the one that is asked first */
    uint64_t after, rate;
    bool vanishes;
    bool is_half; /* it and the next ones, half of all */
};

struct holder {
    uint32_t link;
    bool is_open, is_helping, is_gone;
    struct sched_request q;
    uint64_t at, sent;
};

struct world {
    struct sched *sched;
    struct holder holder[HOLDERS + 1];
    const struct trouble *trouble;
    int64_t now_us;
};

static void open_links(struct world *w)
{
    struct addr a;
    uint32_t link;
    int64_t retry_us;

    while (sched_link_open(w->sched, w->now_us, &a, &link, &retry_us) == DI_OK) {
        struct holder *h = &w->holder[a.ip[15]];

        if (h->is_gone) {
            sched_link_closed(w->sched, link, SCHED_REFUSED, w->now_us);
            continue;
        }
        *h = (struct holder){.link = link, .is_open = true, .sent = h->sent};
        sched_link_up(w->sched, link);
    }
}

static void close_link(struct world *w, struct holder *h, enum sched_why why)
{
    sched_link_closed(w->sched, h->link, why, w->now_us);
    h->is_open = false;
    h->q.len = 0;
}

static bool is_troubled(const struct world *w, unsigned who)
{
    const struct trouble *t = w->trouble;
    unsigned behind = (who + HOLDERS - t->who) % HOLDERS;

    return t->who != 0 && behind < (t->is_half ? HOLDERS / 2 : 1) &&
           w->holder[who].sent >= t->after;
}

static uint64_t bytes_of(const struct world *w, unsigned who)
{
    const struct trouble *t = w->trouble;

    return (is_troubled(w, who) ? t->rate : RATE) * (uint64_t)STEP_US / 1000000;
}

/* false: the document is whole. */
static bool step(struct world *w, unsigned who)
{
    struct holder *h = &w->holder[who];
    int64_t again_us;

    if (h->q.len == 0) {
        h->is_helping = false;
        if (!sched_next(w->sched, h->link, w->now_us, &h->q)) {
            h->is_helping = sched_help(w->sched, h->link, w->now_us, &h->q);
            if (!h->is_helping) {
                close_link(w, h, SCHED_CLOSED);
                return true;
            }
        }
        h->at = h->q.offset;
    }

    uint64_t left = h->q.offset + h->q.len - h->at, come = bytes_of(w, who);

    come = come < left ? come : left;
    h->at += come;
    h->sent += come;
    if (w->trouble->vanishes && is_troubled(w, who)) {
        h->is_gone = true;
        close_link(w, h, SCHED_CLOSED);
    } else if (h->is_helping && come == left) {
        sched_help_ended(w->sched, h->link, h->q.id, true, w->now_us);
        h->q.len = 0;
    } else if (sched_is_late(w->sched, h->link, w->now_us, &again_us)) {
        close_link(w, h, SCHED_SLOW);
    } else if (!h->is_helping) {
        if (come > 0)
            sched_on_progress(w->sched, h->link, h->q.id, h->at, w->now_us);
        return h->at < SIZE && h->at < sched_rest_from(w->sched, h->link, h->q.id);
    }
    return true;
}

/* Seconds until the document is whole; *twice: bytes that were of no use. */
static double run(unsigned holders, const struct trouble *trouble, uint64_t *twice)
{
    struct sched_config cfg = {.window_max = 16, .links_per_holder_max = 1, .help = true};
    struct sha256 edition = {{1}};
    struct world w = {.trouble = trouble};
    bool is_whole = false;

    assert_int_equal(sched_new(&cfg, 1, &w.sched), DI_OK);
    assert_int_equal(sched_want(w.sched, 1, NULL), DI_OK);
    for (unsigned i = 1; i <= holders; i++) {
        struct addr a = addr_ipv4(10, 0, 0, (uint8_t)i, 4000);

        assert_int_equal(sched_on_offer(w.sched, 1, &a, SIZE, &edition), DI_OK);
        open_links(&w);
        if (i == 1)
            is_whole = !step(&w, 1);
    }
    for (; !is_whole && w.now_us < END_US; w.now_us += STEP_US) {
        open_links(&w);
        for (unsigned i = 1; i <= holders && !is_whole; i++)
            if (w.holder[i].is_open)
                is_whole = !step(&w, i);
    }
    assert_true(is_whole);
    *twice = 0;
    for (unsigned i = 1; i <= holders; i++)
        *twice += w.holder[i].sent;
    *twice -= SIZE;
    sched_free(w.sched);
    return (double)w.now_us / 1e6;
}

static const struct trouble none = {0};

static void holders_share_the_work(void **state)
{
    uint64_t twice;
    double alone_s = run(1, &none, &twice);

    (void)state;
    assert_int_equal(twice, 0);
    for (unsigned n = 2; n <= HOLDERS; n++) {
        double s = run(n, &none, &twice);

        /* The front alone for a moment, and what the last pieces take. */
        assert_true(s < alone_s / n + 0.5);
        /* At most a piece from each, most of which is not lost. */
        assert_true(twice <= (n - 1) * (SIZE / 64));
    }
}

static void whatever_becomes_of_one_the_end_is_not_held_up(void **state)
{
    uint64_t twice;
    double clean_s = run(HOLDERS, &none, &twice);
    struct trouble t = {.is_half = false};

    (void)state;
    for (t.who = 1; t.who <= HOLDERS; t.who++)
        for (t.after = 0; t.after < SIZE / HOLDERS; t.after += SIZE / HOLDERS / 20 + 1) {
            t.vanishes = false;
            t.rate = 0;
            assert_true(run(HOLDERS, &t, &twice) < 1.5 * clean_s + 0.6);
            t.rate = 1000;
            assert_true(run(HOLDERS, &t, &twice) < 1.5 * clean_s + 0.6);
            t.vanishes = true;
            assert_true(run(HOLDERS, &t, &twice) < 1.5 * clean_s + 0.6);
        }
}

static void half_of_the_holders_may_vanish_at_once(void **state)
{
    uint64_t twice;
    double two_s = run(HOLDERS / 2, &none, &twice);
    struct trouble t = {.vanishes = true, .is_half = true};

    (void)state;
    for (t.who = 1; t.who <= HOLDERS; t.who++)
        for (t.after = 0; t.after < SIZE / HOLDERS; t.after += SIZE / HOLDERS / 20 + 1)
            assert_true(run(HOLDERS, &t, &twice) < 1.5 * two_s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(holders_share_the_work),
        cmocka_unit_test(half_of_the_holders_may_vanish_at_once),
        cmocka_unit_test(whatever_becomes_of_one_the_end_is_not_held_up),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
