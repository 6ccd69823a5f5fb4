/* Reports of experiments: tables that add up, CSV and JSON that parse back, SVG that is well-formed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../support/experiment_sample.h"
#include "p2pdi/base/buf.h"
#include "p2pdi/report/report.h"

static struct experiment sample;
static struct buf out;

static int set_up(void **state)
{
    (void)state;
    buf_init(&out, 16u << 20);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    buf_fini(&out);
    experiment_fini(&sample);
    return 0;
}

/* What is in the buffer as a string. */
static const char *text(void)
{
    assert_int_equal(buf_status(&out), DI_OK);
    buf_append_char(&out, '\0');
    return buf_bytes(&out);
}

/* Two peers that took two files from each other: small enough to check by eye. */
static void make_small(void)
{
    sample = (struct experiment){.machine = "machine",
                                 .version = "0.1.0",
                                 .documents = "4 RFCs",
                                 .started_s = 0,
                                 .seed = 7,
                                 .peers = 2,
                                 .files = 2};
    for (enum experiment_task t = 0; t <= EXPERIMENT_BEST; t++) {
        sample.runs[t] = calloc(1, sizeof(*sample.runs[t]));
        assert_non_null(sample.runs[t]);
        for (size_t i = t == EXPERIMENT_CENTRALISED ? 1 : 0; i < 2; i++) {
            struct experiment_peer *p = &sample.runs[t]->peer[i];

            p->files = calloc(2, sizeof(*p->files));
            assert_non_null(p->files);
            p->count = 2;
            p->files[0] =
                (struct experiment_file){8586, 1 - (uint32_t)i, 30000, 9000, 1500, 1600, 1700};
            p->files[1] =
                (struct experiment_file){8587, 1 - (uint32_t)i, 70000, 20000, 2500, 4200, 4200};
            p->elapsed_us = t == EXPERIMENT_CENTRALISED ? 10000 : 4200 - (int64_t)i;
        }
    }
}

static void the_report_of_a_small_run_reads_as_it_should(void **state)
{
    static const char want[] =
        "P2P-DI experiment: 2 peers, 2 files each\n"
        "Documents  4 RFCs\n"
        "Machine    machine\n"
        "Links      no link was limited\n"
        "Program    p2pdi 0.1.0, seed 7, 1970-01-01T00:00:00Z\n"
        "\n"
        "Task 1, centralised\n"
        "P0 holds everything; all others take it from P0 at the same time, file by file.\n"
        "\n"
        "Peer   No.    RFC  From      Bytes     On wire       Time  Cumulative      Clock\n"
        "P1       1   8586  P0        30000        9000   0.001500    0.001500   0.001600\n"
        "P1       2   8587  P0        70000       20000   0.002500    0.004000   0.004200\n"
        "\n"
        "Peer       Time    Elapsed  Files  Bytes\n"
        "P1     0.004000   0.010000      2   100K\n"
        "\n"
        "Task 2, distributed, best case\n"
        "Each holds a share; at any time every peer serves exactly one other.\n"
        "\n"
        "Peer   No.    RFC  From      Bytes     On wire       Time  Cumulative      Clock\n"
        "P0       1   8586  P1        30000        9000   0.001500    0.001500   0.001600\n"
        "P0       2   8587  P1        70000       20000   0.002500    0.004000   0.004200\n"
        "P1       1   8586  P0        30000        9000   0.001500    0.001500   0.001600\n"
        "P1       2   8587  P0        70000       20000   0.002500    0.004000   0.004200\n"
        "\n"
        "Time        P0        P1     Total    Elapsed\n"
        "P0           0  0.004000  0.004000   0.004200\n"
        "P1    0.004000         0  0.004000   0.004199\n"
        "\n"
        "Seconds                                   Slowest peer   Sum of all times\n"
        "Task 1, centralised                  P1       0.010000           0.004000\n"
        "Task 2, distributed, best case       P0       0.004200           0.008000\n"
        "\n"
        "Distributed (best case) was faster than centralised: the slowest peer took\n"
        "  0.004200 s (P0), not 0.010000 s (P1): 2.38 times as fast, 0.005800 s less.\n"
        "No link was limited: on one machine this compares processors, disk and waiting,\n"
        "  not networks. With an uplink for each peer: p2pdi experiment --up 1m\n";

    (void)state;
    make_small();
    report_text(&out, &sample, true);
    assert_string_equal(text(), want);
}

static void what_the_network_was_is_said(void **state)
{
    (void)state;
    make_small();
    sample.up_bps = 4100000;
    report_text(&out, &sample, false);
    assert_non_null(strstr(text(), "\nLinks      each peer sends at most 4.1M/s\n"));
    assert_null(strstr(text(), "limited"));
    buf_clear(&out);
    report_svg_run(&out, &sample, EXPERIMENT_BEST);
    assert_non_null(strstr(text(), "; each peer sends at most 4.1M/s; "));
    buf_clear(&out);
    report_svg_totals(&out, &sample);
    assert_non_null(strstr(text(), "; each peer sends at most 4.1M/s."));
    buf_clear(&out);
    report_json(&out, &sample);
    assert_non_null(strstr(text(), "\"up_bytes_per_s\":4100000,"));

    buf_clear(&out);
    sample.up_bps = 0;
    report_svg_totals(&out, &sample);
    assert_non_null(strstr(text(), "; no link was limited."));
    buf_clear(&out);
    report_json(&out, &sample);
    assert_non_null(strstr(text(), "\"up_bytes_per_s\":0,"));
}

/* Where nothing was compared, there is nothing to explain either. */
static void a_run_alone_needs_no_word_on_what_was_compared(void **state)
{
    (void)state;
    for (enum experiment_task t = 0; t <= EXPERIMENT_BEST; t++) {
        make_small();

        struct experiment_run *hidden = sample.runs[t];

        sample.runs[t] = NULL;
        buf_clear(&out);
        report_text(&out, &sample, false);
        assert_non_null(strstr(text(), "\nLinks      no link was limited\n"));
        assert_null(strstr(text(), "this compares"));
        sample.runs[t] = hidden;
        experiment_fini(&sample);
    }
}

static void the_demo_ends_with_commands_that_work_from_here(void **state)
{
    (void)state;
    make_small();
    report_demo(&out, &sample, "./p2pdi");
    assert_non_null(strstr(text(), "Peers fetched 2 documents each (of 4 RFCs):\n"));
    /* By what name the sentences call a task is told with what it was. */
    assert_non_null(strstr(buf_bytes(&out),
                           "\nTask 1, centralised: 10.0 ms until the last peer had everything\n"
                           "P0 holds everything;"));
    assert_non_null(strstr(buf_bytes(&out),
                           "\nTask 2, distributed, best case: 4.2 ms until the last peer had "
                           "everything\nEach holds a share;"));
    assert_non_null(strstr(buf_bytes(&out), "\n\nDistributed (best case) was faster than"));
    assert_non_null(strstr(buf_bytes(&out), "\n  ./p2pdi experiment --up 1m --out R "));
    /* Not the library of the peer beside it, which is in use. */
    assert_non_null(strstr(buf_bytes(&out), "\n  ./p2pdi get 90001 --share mine "));
}

static void a_demo_left_early_tells_what_is_known(void **state)
{
    (void)state;
    make_small();
    experiment_drop_run(&sample, EXPERIMENT_BEST);
    assert_int_equal(experiment_runs(&sample), 1);
    report_demo(&out, &sample, "./p2pdi");
    assert_non_null(strstr(text(), "\nTask 1, centralised: 10.0 ms until"));
    assert_null(strstr(buf_bytes(&out), "Task 2"));
    assert_null(strstr(buf_bytes(&out), "faster"));
    assert_null(strstr(buf_bytes(&out), "\n\n\n"));
    assert_non_null(strstr(buf_bytes(&out), "What to try next"));
}

static void whichever_side_wins_is_named(void **state)
{
    (void)state;
    make_small();
    sample.runs[EXPERIMENT_CENTRALISED]->peer[1].elapsed_us = 4000;
    report_sentences(&out, &sample);
    assert_string_equal(
        text(), "Centralised was faster than distributed (best case): the slowest peer took\n"
                "  0.004000 s (P1), not 0.004200 s (P0): 1.05 times as fast, 0.000200 s less.\n");
    buf_clear(&out);
    sample.runs[EXPERIMENT_CENTRALISED]->peer[1].elapsed_us = 4200;
    report_sentences(&out, &sample);
    assert_string_equal(text(),
                        "Distributed (best case) and centralised were equally fast: 0.004200 s.\n");
}

static void a_run_alone_is_compared_with_nothing(void **state)
{
    (void)state;
    make_small();
    free(sample.runs[EXPERIMENT_CENTRALISED]->peer[1].files);
    free(sample.runs[EXPERIMENT_CENTRALISED]);
    sample.runs[EXPERIMENT_CENTRALISED] = NULL;
    report_sentences(&out, &sample);
    assert_int_equal(out.len, 0);
    report_text(&out, &sample, false);
    assert_null(strstr(text(), "faster"));
}

/* A printed number of seconds in microseconds, without going through floating point. */
static long long printed_us(const char *word)
{
    char *end;
    long long us = strtoll(word, &end, 10) * 1000000, digit = 100000;

    if (*end == '.') {
        for (end++; *end >= '0' && *end <= '9'; end++, digit /= 10)
            us += (*end - '0') * digit;
    }
    return us;
}

static void totals_are_the_sum_of_the_cells_as_printed(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 60; seed++) {
        size_t peers = 2 + seed % 11;
        unsigned rows = 0;
        char *save_line = NULL, *save_word = NULL;

        experiment_sample(&sample, seed, peers, 1 + seed % 7);
        buf_clear(&out);
        report_matrix(&out, &sample, EXPERIMENT_SWARM);
        buf_append_char(&out, '\0');

        char *copy = strdup(buf_bytes(&out));

        assert_non_null(copy);
        strtok_r(copy, "\n", &save_line);
        for (char *line; (line = strtok_r(NULL, "\n", &save_line)) != NULL; rows++) {
            long long sum = 0;

            strtok_r(line, " ", &save_word);
            for (size_t i = 0; i < peers; i++)
                sum += printed_us(strtok_r(NULL, " ", &save_word));
            assert_int_equal(printed_us(strtok_r(NULL, " ", &save_word)), sum);
            assert_non_null(strtok_r(NULL, " ", &save_word)); /* elapsed */
            assert_null(strtok_r(NULL, " ", &save_word));
        }
        assert_int_equal(rows, peers - 1);
        free(copy);
        experiment_fini(&sample);
    }
}

static void six_peers_fit_the_screen(void **state)
{
    (void)state;
    experiment_sample(&sample, 5, 6, 10);
    report_text(&out, &sample, true);

    const char *at = text();

    while (*at != '\0') {
        size_t n = strcspn(at, "\n");

        if (n > 80)
            fail_msg("%zu columns: %.*s", n, (int)n, at);
        at += n + (at[n] == '\n');
    }
}

static void csv_of_files_parses_back(void **state)
{
    char *save = NULL;
    size_t rows = 0, peer = 99;
    long long cumulative = 0;

    (void)state;
    experiment_sample(&sample, 3, 4, 5);
    report_csv_files(&out, &sample);

    char *copy = strdup(text());

    assert_non_null(copy);
    assert_string_equal(
        strtok_r(copy, "\n", &save),
        "task,peer,order,rfc,holder,bytes,wire_bytes,us,cumulative_us,at_us,published_us");
    for (char *line; (line = strtok_r(NULL, "\n", &save)) != NULL; rows++) {
        char task[40];
        size_t i, order;
        unsigned rfc, holder;
        long long bytes, wire, us, sum, at, published;

        assert_int_equal(sscanf(line, "%39[^,],P%zu,%zu,%u,P%u,%lld,%lld,%lld,%lld,%lld,%lld", task,
                                &i, &order, &rfc, &holder, &bytes, &wire, &us, &sum, &at,
                                &published),
                         11);
        cumulative = order == 1 ? us : cumulative + us;
        assert_int_equal(sum, cumulative);
        assert_true(order == 1 || i == peer);
        peer = i;
        for (enum experiment_task t = 0; t < EXPERIMENT_TASKS; t++) {
            if (strcmp(task, experiment_task_name(t)) != 0)
                continue;

            const struct experiment_file *f = &sample.runs[t]->peer[i].files[order - 1];

            assert_int_equal(f->rfc, rfc);
            assert_int_equal(f->holder, holder);
            assert_int_equal(f->bytes, bytes);
            assert_int_equal(f->wire_bytes, wire);
            assert_int_equal(f->at_us, at);
            assert_int_equal(f->published_us, published);
        }
    }
    assert_int_equal(rows, 15 * (3 + 4 + 4 + 3));
    free(copy);
}

static void csv_of_the_matrix_adds_up(void **state)
{
    char *save = NULL, *save_word = NULL;
    size_t rows = 0;

    (void)state;
    experiment_sample(&sample, 3, 4, 5);
    report_csv_matrix(&out, &sample);

    char *copy = strdup(text());

    assert_non_null(copy);
    assert_string_equal(strtok_r(copy, "\n", &save), "task,peer,P0,P1,P2,P3,total,elapsed");
    for (char *line; (line = strtok_r(NULL, "\n", &save)) != NULL; rows++) {
        long long sum = 0;

        strtok_r(line, ",", &save_word);
        strtok_r(NULL, ",", &save_word);
        for (int i = 0; i < 4; i++)
            sum += strtoll(strtok_r(NULL, ",", &save_word), NULL, 10);
        assert_int_equal(strtoll(strtok_r(NULL, ",", &save_word), NULL, 10), sum);
        assert_true(strtoll(strtok_r(NULL, ",", &save_word), NULL, 10) > 0);
    }
    assert_int_equal(rows, 3 + 4 + 4 + 3);
    free(copy);
}

static void json_is_read_by_another_parser(void **state)
{
    (void)state;
    experiment_sample(&sample, 9, 3, 4);
    report_json(&out, &sample);
    assert_int_equal(buf_bytes(&out)[out.len - 1], '\n');

    json_t *root = json_loadb(buf_bytes(&out), out.len, JSON_REJECT_DUPLICATES, NULL);

    assert_non_null(root);
    assert_string_equal(json_string_value(json_object_get(root, "documents")), sample.documents);

    json_t *runs = json_object_get(root, "runs");

    assert_int_equal(json_array_size(runs), EXPERIMENT_TASKS);
    for (size_t t = 0; t < EXPERIMENT_TASKS; t++) {
        json_t *run = json_array_get(runs, t), *peers = json_object_get(run, "peers");
        json_int_t sum = 0, slowest = 0;
        size_t i;
        json_t *peer;

        json_array_foreach(peers, i, peer)
        {
            json_int_t elapsed = json_integer_value(json_object_get(peer, "elapsed_us"));

            sum += json_integer_value(json_object_get(peer, "sum_us"));
            slowest = elapsed > slowest ? elapsed : slowest;
            assert_int_equal(json_array_size(json_object_get(peer, "files")), 8);
        }
        assert_int_equal(json_integer_value(json_object_get(run, "sum_us")), sum);
        assert_int_equal(json_integer_value(json_object_get(run, "slowest_us")), slowest);
    }
    json_decref(root);
}

/*
 * Well-formed as far as these documents use XML: tags nest, attributes are quoted, entities are
 * known, no stray < or &.
 */
static void assert_well_formed(const char *xml)
{
    char open[16][16];
    size_t depth = 0;
    const char *at = xml;

    assert_memory_equal(at, "<?xml ", 6);
    at = strstr(at, "?>") + 2;
    while (*at != '\0') {
        if (*at == '&') {
            size_t n = strcspn(at, ";");

            assert_true(n == 3 || n == 4 || n == 5);
            assert_true(strncmp(at, "&lt;", 4) == 0 || strncmp(at, "&gt;", 4) == 0 ||
                        strncmp(at, "&amp;", 5) == 0 || strncmp(at, "&quot;", 6) == 0);
            at += n + 1;
        } else if (*at != '<') {
            at++;
        } else if (at[1] == '/') {
            size_t n = strcspn(at + 2, ">");

            assert_true(depth > 0);
            depth--;
            assert_int_equal(strlen(open[depth]), n);
            assert_memory_equal(open[depth], at + 2, n);
            at += n + 3;
        } else {
            size_t n = strcspn(at + 1, " >/");

            assert_true(n > 0 && n < 16 && depth < 16);
            memcpy(open[depth], at + 1, n);
            open[depth][n] = '\0';
            at += 1 + n;
            while (*at == ' ') { /* name="value" */
                at += 1 + strcspn(at + 1, "=");
                assert_memory_equal(at, "=\"", 2);
                n = strcspn(at + 2, "\"<&");
                assert_int_equal(at[2 + n], '"');
                at += 3 + n;
            }
            if (*at == '/')
                at++;
            else
                depth++;
            assert_int_equal(*at, '>');
            at++;
        }
    }
    assert_int_equal(depth, 0);
}

/* Every polyline goes right and never down; returns how many there are. */
static unsigned count_rising_curves(const char *svg)
{
    unsigned count = 0;

    for (const char *at = svg; (at = strstr(at, "<polyline ")) != NULL; count++) {
        double x = -1, y = 1e9;
        int points = 0;

        at = strstr(at, "points=\"") + 8;
        for (; *at != '"'; points++) {
            char *end;
            double px = strtod(at, &end);
            double py = strtod(end + 1, &end);

            assert_true(px >= x);
            assert_true(py <= y);
            x = px;
            y = py;
            at = end + (*end == ' ');
        }
        assert_true(points > 1);
    }
    return count;
}

static void plots_are_well_formed_and_rise(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 20; seed++) {
        size_t peers = seed == 20 ? EXPERIMENT_PEERS_MAX : 2 + seed % 12;

        experiment_sample(&sample, seed, peers, 1 + seed % 9);
        for (enum experiment_task t = 0; t < EXPERIMENT_TASKS; t++) {
            bool all = t == EXPERIMENT_BEST || t == EXPERIMENT_WORST;

            buf_clear(&out);
            report_svg_run(&out, &sample, t);

            const char *svg = text();
            unsigned curves = count_rising_curves(svg);

            assert_well_formed(svg);
            curves -= strstr(svg, "class=\"ref\"") != NULL;
            assert_int_equal(curves, all ? peers : peers - 1);
            assert_non_null(strstr(svg, "&lt;here &amp; there&gt;"));
        }
        buf_clear(&out);
        report_svg_totals(&out, &sample);
        assert_well_formed(text());
        experiment_fini(&sample);
    }
}

static void extreme_times_do_not_break_a_plot(void **state)
{
    static const int64_t times[] = {0, 1, 3600 * INT64_C(1000000), 86400 * 365 * INT64_C(1000000),
                                    INT64_MAX / 1000};

    (void)state;
    for (size_t k = 0; k < sizeof(times) / sizeof(times[0]); k++) {
        make_small();
        for (size_t i = 0; i < 2; i++) {
            struct experiment_peer *p = &sample.runs[EXPERIMENT_BEST]->peer[i];

            for (size_t f = 0; f < 2; f++)
                p->files[f].us = p->files[f].at_us = times[k];
            p->elapsed_us = times[k];
        }
        buf_clear(&out);
        report_svg_run(&out, &sample, EXPERIMENT_BEST);
        assert_true(count_rising_curves(text()) >= 2);
        buf_clear(&out);
        report_svg_totals(&out, &sample);
        assert_well_formed(text());
        report_text(&out, &sample, true);
        assert_int_equal(buf_status(&out), DI_OK);
        experiment_fini(&sample);
    }
}

static void all_files_are_written_and_named_in_errors(void **state)
{
    static const char *const names[] = {"report.txt",
                                        "files.csv",
                                        "matrix.csv",
                                        "report.json",
                                        "task2-best.svg",
                                        "task2-worst.svg",
                                        "task1-centralised.svg",
                                        "task3-swarm.svg",
                                        "totals.svg"};
    char dir[] = "/tmp/p2pdi-report-XXXXXX", inside[64], path[128], why[512];

    (void)state;
    experiment_sample(&sample, 1, 3, 2);
    assert_non_null(mkdtemp(dir));
    snprintf(inside, sizeof(inside), "%s/R", dir);
    assert_int_equal(report_write(&sample, inside, why), DI_OK);
    assert_int_equal(report_write(&sample, inside, why), DI_OK); /* over the old ones */
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        snprintf(path, sizeof(path), "%s/%s", inside, names[i]);
        assert_int_equal(unlink(path), 0);
    }
    assert_int_equal(rmdir(inside), 0); /* and nothing else */
    assert_int_equal(rmdir(dir), 0);

    assert_int_equal(report_write(&sample, inside, why), DI_NOT_FOUND);
    assert_non_null(strstr(why, inside));
    assert_int_equal(report_write(&sample, "/dev/null", why), DI_NOT_FOUND);
    assert_string_equal(why, "/dev/null is no directory");
}

static bool is_there(const char *dir, const char *name)
{
    char path[128];

    snprintf(path, sizeof(path), "%s/%s", dir, name);
    return access(path, F_OK) == 0;
}

/* Plots of two experiments side by side would look like those of one. */
static void of_an_earlier_report_nothing_stays_but_what_is_not_ours(void **state)
{
    static const char *const left[] = {"report.txt",  "files.csv",       "matrix.csv",
                                       "report.json", "task2-best.svg",  "task1-centralised.svg",
                                       "totals.svg",  "task2-worst.old", "mine.svg"};
    char dir[] = "/tmp/p2pdi-report-XXXXXX", path[128], why[512];

    (void)state;
    assert_non_null(mkdtemp(dir));
    experiment_sample(&sample, 1, 3, 2);
    assert_int_equal(report_write(&sample, dir, why), DI_OK);
    assert_true(is_there(dir, "task3-swarm.svg"));
    for (size_t i = 7; i < 9; i++) {
        snprintf(path, sizeof(path), "%s/%s", dir, left[i]);
        assert_int_equal(mkdir(path, 0700), 0);
    }
    experiment_fini(&sample);
    make_small(); /* without the worst case and the swarm */
    assert_int_equal(report_write(&sample, dir, why), DI_OK);
    assert_false(is_there(dir, "task2-worst.svg"));
    assert_false(is_there(dir, "task3-swarm.svg"));

    /* One that cannot be removed, and would not be written either. */
    snprintf(path, sizeof(path), "%s/task3-swarm.svg", dir);
    assert_int_equal(mkdir(path, 0700), 0);
    assert_int_not_equal(report_write(&sample, dir, why), DI_OK);
    assert_non_null(strstr(why, "cannot remove the earlier "));
    assert_non_null(strstr(why, path));
    assert_int_equal(rmdir(path), 0);

    assert_int_equal(report_write(&sample, dir, why), DI_OK);
    for (size_t i = 0; i < sizeof(left) / sizeof(left[0]); i++) {
        snprintf(path, sizeof(path), "%s/%s", dir, left[i]);
        assert_int_equal(remove(path), 0);
    }
    assert_int_equal(rmdir(dir), 0);
}

static void progress_has_a_bar_for_each_downloading_peer(void **state)
{
    struct experiment_progress p = {.task = EXPERIMENT_SWARM,
                                    .phase = EXPERIMENT_RUNNING,
                                    .run = 2,
                                    .runs = 3,
                                    .peers = 3,
                                    .files = 50,
                                    .elapsed_us = 1050000};

    (void)state;
    p.peer[1].downloads = p.peer[2].downloads = true;
    p.peer[1].done = 25;
    p.peer[1].bytes = 1100000;
    p.peer[2].done = 50;
    assert_int_equal(report_progress(&out, &p, 42), 3);
    assert_string_equal(text(), "[2/3] Task 3, swarm: downloading 1.05s\n"
                                "P1  [##########..........]   25/50    1.1M\n"
                                "P2  [####################]   50/50      0B\n");
    for (size_t columns = 0; columns < 200; columns++) {
        buf_clear(&out);
        assert_int_equal(report_progress(&out, &p, columns), 3);
        for (const char *at = text(); *at != '\0'; at += strcspn(at, "\n") + 1)
            assert_true(strcspn(at, "\n") <= (columns < 32 ? 32 : columns));
    }
}

static void tasks_are_read_as_the_option_writes_them(void **state)
{
    unsigned bits = 0;

    (void)state;
    assert_true(experiment_parse_tasks(SLICE("all"), &bits));
    assert_int_equal(bits, EXPERIMENT_ALL);
    assert_true(experiment_parse_tasks(SLICE("2worst"), &bits));
    assert_int_equal(bits, EXPERIMENT_BIT(EXPERIMENT_WORST));
    assert_true(experiment_parse_tasks(SLICE("1,3"), &bits));
    assert_int_equal(bits,
                     EXPERIMENT_BIT(EXPERIMENT_CENTRALISED) | EXPERIMENT_BIT(EXPERIMENT_SWARM));
    assert_false(experiment_parse_tasks(SLICE(""), &bits));
    assert_false(experiment_parse_tasks(SLICE("4"), &bits));
    assert_false(experiment_parse_tasks(SLICE("1,"), &bits));
    assert_false(experiment_parse_tasks(SLICE("1 2"), &bits));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_report_of_a_small_run_reads_as_it_should),
        TEST(what_the_network_was_is_said),
        TEST(a_run_alone_needs_no_word_on_what_was_compared),
        TEST(the_demo_ends_with_commands_that_work_from_here),
        TEST(a_demo_left_early_tells_what_is_known),
        TEST(whichever_side_wins_is_named),
        TEST(a_run_alone_is_compared_with_nothing),
        TEST(totals_are_the_sum_of_the_cells_as_printed),
        TEST(six_peers_fit_the_screen),
        TEST(csv_of_files_parses_back),
        TEST(csv_of_the_matrix_adds_up),
        TEST(json_is_read_by_another_parser),
        TEST(plots_are_well_formed_and_rise),
        TEST(extreme_times_do_not_break_a_plot),
        TEST(all_files_are_written_and_named_in_errors),
        TEST(of_an_earlier_report_nothing_stays_but_what_is_not_ours),
        TEST(progress_has_a_bar_for_each_downloading_peer),
        TEST(tasks_are_read_as_the_option_writes_them),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
