/*
 * How long swarms take in virtual time (pipes.h). Without arguments what `make check` runs;
 *
 *     test_pipes NAME=VALUE...     one line of figures a run, for tests/bench/bench_sim.sh:
 *         peers docs task rate first last (Mbit/s) near window alone patient seed runs dir (of documents)
 */
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include <cmocka.h>

#include "p2pdi/base/coding.h"
#include "p2pdi/base/text.h"

#include "pipes.h"

#define MBIT 1e6

static struct pipes_result run(struct pipes_config c)
{
    struct pipes_result r;

    pipes_run(&c, &r);
    if (r.complete != r.wanting)
        printf("seed %ju, %u peers: %u of %u complete\n", (uintmax_t)c.seed, c.peers, r.complete,
               r.wanting);
    return r;
}

static const struct pipes_config lab = {
    .seed = 1, .peers = 6, .docs = 600, .task = 1, .rate_bps = 100 * MBIT};

/* ---- what `make check` holds the policy to --------------------------------------------------- */

static void documents_leave_their_first_holder_little_more_than_once(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 3; seed++) {
        struct pipes_config c = lab;

        c.seed = seed;
        assert_true(run(c).left_first < 1.25);
        c.rate_bps = 20 * MBIT;
        assert_true(run(c).left_first < 1.25);
    }
}

/* Who begins together with others and does not know of them takes the same as they do. */
static void lots_are_worth_their_while(void **state)
{
    double with = 0, without = 0;

    (void)state;
    for (uint64_t seed = 1; seed <= 5; seed++) {
        struct pipes_config c = lab;

        c.seed = seed;
        with += run(c).left_first - 1;
        c.is_alone = true;
        without += run(c).left_first - 1;
    }
    assert_true(with < 0.8 * without);
}

static void nobody_is_much_later_than_the_others(void **state)
{
    (void)state;
    for (unsigned task = 1; task <= 2; task++) {
        struct pipes_config c = lab;
        struct pipes_result r;

        c.task = task;
        c.rate_bps = 20 * MBIT;
        r = run(c);
        assert_true(r.last_s < 1.2 * r.median_s);
        c.peers = 21;
        r = run(c);
        assert_true(r.last_s < 1.2 * r.median_s);
    }
}

static void twenty_receivers_take_little_longer_than_five(void **state)
{
    struct pipes_config c = lab;
    double five_s, twenty_s;

    (void)state;
    c.rate_bps = 20 * MBIT;
    five_s = run(c).last_s;
    c.peers = 21;
    twenty_s = run(c).last_s;
    assert_true(twenty_s < 1.4 * five_s);
}

static void turns_are_worth_their_while(void **state)
{
    struct pipes_config c = lab;
    double with_s = 0, without_s = 0;

    (void)state;
    c.rate_bps = 20 * MBIT;
    c.peers = c.near = 21;
    for (c.seed = 1; c.seed <= 3; c.seed++) {
        c.is_patient = false;
        with_s += run(c).last_s;
        c.is_patient = true;
        without_s += run(c).last_s;
    }
    assert_true(with_s < 0.9 * without_s);
}

/* A thousand take as long as a hundred, and none of them meets more than a constant number. */
static void time_and_neighbours_do_not_grow_with_the_swarm(void **state)
{
    struct pipes_config c = lab;
    struct pipes_result hundred, thousand;

    (void)state;
    c.docs = 30;
    c.rate_bps = 20 * MBIT;
    c.peers = 100;
    hundred = run(c);
    c.peers = 1000;
    thousand = run(c);
    assert_int_equal(thousand.complete, 999);
    assert_true(thousand.last_s < 1.5 * hundred.last_s);
    assert_true(thousand.met_max <= 8 + 48 + 4 * (thousand.last_s / 2 + 1));
    assert_true(thousand.news_bytes < 1.5 * hundred.news_bytes);
}

static void a_slow_first_holder_is_the_limit_and_one_slow_receiver_is_not(void **state)
{
    struct pipes_config c = lab;
    struct pipes_result even = run(c), r;

    (void)state;
    c.rate_last_bps = 10 * MBIT;
    r = run(c);
    assert_true(r.median_s < 1.4 * even.median_s);
    c = lab;
    c.rate_first_bps = 10 * MBIT;
    assert_true(run(c).left_first < 1.15);
}

/* ---- figures for the report ------------------------------------------------------------------ */

/* The documents of a directory, as frames of level 9. */
static struct pipes_doc *load(const char *path, unsigned *count)
{
    struct pipes_doc *doc = NULL;
    struct dirent *e;
    DIR *d = opendir(path);

    *count = 0;
    while (d != NULL && (e = readdir(d)) != NULL) {
        char name[600];
        struct buf whole, frame;
        char piece[65536];
        size_t n;
        FILE *f;

        snprintf(name, sizeof(name), "%s/%s", path, e->d_name);
        f = strstr(e->d_name, ".txt") != NULL ? fopen(name, "r") : NULL;
        if (f == NULL)
            continue;
        buf_init(&whole, (size_t)64 << 20);
        buf_init(&frame, (size_t)64 << 20);
        while ((n = fread(piece, 1, sizeof(piece), f)) > 0)
            buf_append(&whole, piece, n);
        fclose(f);
        doc = realloc(doc, (*count + 1) * sizeof(*doc));
        if (doc == NULL ||
            coding_encode(CODING_ZSTD, 9, buf_bytes(&whole), whole.len, &frame) != DI_OK)
            abort();
        doc[(*count)++] = (struct pipes_doc){whole.len, frame.len};
        buf_fini(&whole);
        buf_fini(&frame);
    }
    if (d != NULL)
        closedir(d);
    return doc;
}

static void print(const struct pipes_config *c, const struct pipes_result *r)
{
    struct rusage u;

    (void)getrusage(RUSAGE_SELF, &u);
    printf(
        "last %.3f median %.3f first %.3f complete %u/%u left %.2f news_bytes %.0f messages %.0f "
        "document_bytes %.0f rows %.0f met %.1f met_max %.0f clients_max %.0f events %ju cpu %.1f "
        "memory %.0f\n",
        r->last_s, r->median_s, r->first_s, r->complete, r->wanting, r->left_first, r->news_bytes,
        r->news_messages, r->document_bytes, r->rows, r->met, r->met_max, r->clients_max,
        (uintmax_t)r->events, (double)u.ru_utime.tv_sec + (double)u.ru_utime.tv_usec / 1e6,
        (double)u.ru_maxrss * 1024 / c->peers);
}

static bool is(struct slice name, const char *word)
{
    return slice_equal(name, slice_of(word));
}

static bool set(struct pipes_config *c, struct slice name, uint64_t n)
{
    if (is(name, "peers"))
        c->peers = (unsigned)n;
    else if (is(name, "docs"))
        c->docs = (unsigned)n;
    else if (is(name, "task"))
        c->task = (unsigned)n;
    else if (is(name, "rate"))
        c->rate_bps = (double)n * MBIT;
    else if (is(name, "first"))
        c->rate_first_bps = (double)n * MBIT;
    else if (is(name, "last"))
        c->rate_last_bps = (double)n * MBIT;
    else if (is(name, "near"))
        c->near = (unsigned)n;
    else if (is(name, "window"))
        c->window_max = (unsigned)n;
    else if (is(name, "alone"))
        c->is_alone = n != 0;
    else if (is(name, "patient"))
        c->is_patient = n != 0;
    else if (is(name, "seed"))
        c->seed = n;
    else
        return false;
    return true;
}

static int figures(int argc, char **argv)
{
    struct pipes_config c = lab;
    struct pipes_result r;
    struct pipes_doc *doc = NULL;
    uint64_t runs = 1;

    for (int i = 1; i < argc; i++) {
        char *value = strchr(argv[i], '=');
        struct slice name = {argv[i], value != NULL ? (size_t)(value - argv[i]) : strlen(argv[i])};
        uint64_t n = 0;

        if (value != NULL && is(name, "dir")) {
            doc = load(value + 1, &c.docs);
            c.doc = doc;
        } else if (value == NULL || !text_parse_u64(slice_of(value + 1), UINT32_MAX, &n) ||
                   !(is(name, "runs") ? (runs = n) > 0 : set(&c, name, n))) {
            fprintf(stderr,
                    "%s: peers docs task rate first last near window alone patient seed runs "
                    "dir, each with =VALUE\n",
                    argv[i]);
            return 2;
        }
    }
    if (c.docs == 0 || c.peers < 2 || c.peers > 65535)
        return 2;
    for (; runs > 0; runs--, c.seed++) {
        pipes_run(&c, &r);
        print(&c, &r);
    }
    free(doc);
    return 0;
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(documents_leave_their_first_holder_little_more_than_once),
        cmocka_unit_test(lots_are_worth_their_while),
        cmocka_unit_test(nobody_is_much_later_than_the_others),
        cmocka_unit_test(twenty_receivers_take_little_longer_than_five),
        cmocka_unit_test(turns_are_worth_their_while),
        cmocka_unit_test(time_and_neighbours_do_not_grow_with_the_swarm),
        cmocka_unit_test(a_slow_first_holder_is_the_limit_and_one_slow_receiver_is_not),
    };

    if (argc > 1)
        return figures(argc, argv);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
