/*
 * The lab with actors in place of the program: what it measures, and that whatever they do it says
 * why, leaves no process and no file.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../support/fake_p2pdi.h"
#include "p2pdi/base/clock.h"
#include "p2pdi/lab/lab.h"

static struct experiment result;
static struct lab_config cfg;
static char why[512];
static char temp[] = "/tmp/p2pdi-test-XXXXXX";
static char source[64];

static int set_up(void **state)
{
    (void)state;
    memcpy(temp + sizeof(temp) - 7, "XXXXXX", 6);
    assert_non_null(mkdtemp(temp));
    snprintf(source, sizeof(source), "%s-source", temp);
    setenv("TMPDIR", temp, 1);
    setenv("FAKE_PEERS", "4", 1);
    unsetenv("FAKE_FAULT");
    unsetenv("FAKE_UP");
    lab_config_init(&cfg);
    cfg.peers = 4;
    cfg.files = 6;
    return 0;
}

/* Nothing is left: rmdir only takes an empty directory, and waitpid has nobody to wait for. */
static int tear_down(void **state)
{
    (void)state;
    experiment_fini(&result);
    assert_int_equal(rmdir(temp), 0);
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
    assert_int_equal(errno, ECHILD);
    return 0;
}

static void every_task_gives_every_peer_what_it_lacks(void **state)
{
    (void)state;
    assert_int_equal(lab_experiment(&cfg, &result, why), DI_OK);
    assert_int_equal(result.peers, 4);
    assert_int_equal(result.files, 6);
    for (enum experiment_task t = 0; t < EXPERIMENT_TASKS; t++) {
        bool distributed = t == EXPERIMENT_BEST || t == EXPERIMENT_WORST;

        assert_non_null(result.runs[t]);
        assert_int_equal(result.runs[t]->task, t);
        for (size_t i = 0; i < 4; i++) {
            const struct experiment_peer *p = &result.runs[t]->peer[i];
            unsigned from[4] = {0};
            int64_t at = 0;

            assert_int_equal(p->count, i > 0 || distributed ? 6 : 0);
            for (size_t k = 0; k < p->count; k++) {
                from[p->files[k].holder]++;
                assert_true(p->files[k].at_us >= at);
                assert_true(p->files[k].us > 0 && p->files[k].us <= p->files[k].at_us);
                assert_true(p->files[k].published_us >= p->files[k].at_us);
                assert_true(p->elapsed_us >= p->files[k].published_us);
                assert_true(p->files[k].bytes > 4000);
                at = p->files[k].at_us;
            }
            assert_true(p->elapsed_us >= at);
            for (size_t holder = 0; holder < 4 && p->count > 0; holder++)
                assert_int_equal(from[holder],
                                 distributed ? (holder == i ? 0 : 2) : (holder == 0 ? 6 : 0));
        }
    }
}

/* The same six documents in task 1 as in task 2, in whatever order. */
static void centralised_and_distributed_fetch_the_same_documents(void **state)
{
    (void)state;
    assert_int_equal(lab_experiment(&cfg, &result, why), DI_OK);
    for (size_t i = 1; i < 4; i++) {
        for (enum experiment_task t = EXPERIMENT_BEST; t < EXPERIMENT_TASKS; t++) {
            for (size_t k = 0; k < 6; k++) {
                uint32_t rfc = result.runs[EXPERIMENT_CENTRALISED]->peer[i].files[k].rfc;
                size_t found = 0;

                for (size_t m = 0; m < 6; m++)
                    found += result.runs[t]->peer[i].files[m].rfc == rfc;
                assert_int_equal(found, 1);
            }
        }
    }
}

/* In the best case every peer serves one other in every round; in the worst all ask the same. */
static void rounds_follow_their_arrangement(void **state)
{
    (void)state;
    assert_int_equal(lab_experiment(&cfg, &result, why), DI_OK);
    for (size_t i = 0; i < 4; i++) {
        for (size_t round = 0; round < 3; round++) {
            const struct experiment_file *best =
                &result.runs[EXPERIMENT_BEST]->peer[i].files[2 * round];
            const struct experiment_file *worst =
                &result.runs[EXPERIMENT_WORST]->peer[i].files[2 * round];

            assert_int_equal(best[0].holder, (i + round + 1) % 4);
            assert_int_equal(best[1].holder, best[0].holder);
            assert_int_equal(worst[0].holder, round < i ? round : round + 1);
        }
    }
}

/* Nobody begins a round before everybody has ended the one before. */
static void rounds_are_separated_for_all_peers(void **state)
{
    (void)state;
    assert_int_equal(lab_experiment(&cfg, &result, why), DI_OK);
    for (size_t round = 1; round < 3; round++) {
        for (size_t i = 0; i < 4; i++) {
            for (size_t k = 0; k < 4; k++)
                assert_true(result.runs[EXPERIMENT_BEST]->peer[i].files[2 * round].at_us >
                            result.runs[EXPERIMENT_BEST]->peer[k].files[2 * round - 1].at_us);
        }
    }
}

static void assert_fails(const char *fault, enum di_err want, const char *word)
{
    enum di_err err;

    setenv("FAKE_FAULT", fault, 1);
    err = lab_experiment(&cfg, &result, why);
    if (err != want || strstr(why, word) == NULL)
        fail_msg("%s: %s (%s)", fault, di_err_text(err), why);
    experiment_fini(&result);
}

static void faults_are_found_and_named(void **state)
{
    (void)state;
    cfg.tasks = EXPERIMENT_BIT(EXPERIMENT_BEST);
    assert_fails("wrong bytes", DI_MISMATCH, "p1/rfc");
    assert_fails("wrong hash", DI_MISMATCH, "P1 took RFC 9000");
    assert_fails("garbage", DI_PROTOCOL, "P1 wrote what is no event:  [2J oops");
    assert_fails("dies", DI_PROTOCOL,
                 "P1 ended too early (exit code 6): p2pdi: error: disk on fire");
    assert_fails("forgets", DI_PROTOCOL, "P1 reported 3 files done, not 6");
    assert_fails("bad end", DI_PROTOCOL, "P1 ended (exit code 1)");
}

static void a_peer_that_hangs_is_given_up(void **state)
{
    (void)state;
    cfg.tasks = EXPERIMENT_BIT(EXPERIMENT_WORST);
    cfg.timeout_s = 1;
    assert_fails("hangs", DI_TIMEOUT, "downloading took too long");
}

static void each_peer_is_told_what_it_may_send(void **state)
{
    (void)state;
    cfg.tasks = EXPERIMENT_BIT(EXPERIMENT_CENTRALISED);
    setenv("FAKE_UP", "0", 1);
    assert_int_equal(lab_experiment(&cfg, &result, why), DI_OK);
    assert_int_equal(result.up_bps, 0);
    experiment_fini(&result);

    setenv("FAKE_UP", "50000", 1);
    cfg.up_bps = 50000;
    cfg.centralised_s = 1; /* what is asked for goes before what is worked out */
    assert_int_equal(lab_experiment(&cfg, &result, why), DI_OK);
    assert_int_equal(result.up_bps, 50000);
}

/* Otherwise a slow link would make an experiment impossible instead of long. */
static void slow_links_are_given_the_time_they_need(void **state)
{
    (void)state;
    cfg.tasks = EXPERIMENT_BIT(EXPERIMENT_WORST);
    cfg.timeout_s = 1;
    cfg.up_bps = 500000; /* all eight documents to three peers: some seconds */

    int64_t before_us = clock_mono_us();

    assert_fails("hangs", DI_TIMEOUT, "downloading took too long");
    assert_true(clock_mono_us() - before_us >= 2 * CLOCK_US_PER_S);
}

static void an_interrupt_ends_it_at_once(void **state)
{
    int ends[2];

    (void)state;
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    cfg.interrupt_fd = ends[0];
    setenv("FAKE_FAULT", "hangs", 1);
    assert_int_equal(write(ends[1], "x", 1), 1);
    assert_int_equal(lab_experiment(&cfg, &result, why), DI_CANCELLED);
    assert_int_equal(experiment_runs(&result), 0); /* no half one */
    close(ends[0]);
    close(ends[1]);
}

struct seen {
    unsigned calls, last_run;
    size_t most;
};

static void watch(void *arg, const struct experiment_progress *p)
{
    struct seen *seen = arg;

    seen->calls++;
    assert_true(p->run >= seen->last_run && p->run <= p->runs);
    assert_int_equal(p->runs, 2);
    assert_int_equal(p->peers, 4);
    seen->last_run = (unsigned)p->run;
    for (size_t i = 0; i < p->peers; i++) {
        assert_true(p->peer[i].done <= p->files);
        seen->most = p->peer[i].done > seen->most ? p->peer[i].done : seen->most;
    }
}

static void progress_is_told(void **state)
{
    struct seen seen = {0};

    (void)state;
    cfg.tasks = EXPERIMENT_BIT(EXPERIMENT_CENTRALISED) | EXPERIMENT_BIT(EXPERIMENT_WORST);
    cfg.on_progress = watch;
    cfg.arg = &seen;
    assert_int_equal(lab_experiment(&cfg, &result, why), DI_OK);
    assert_int_equal(seen.last_run, 2);
    assert_int_equal(seen.most, 6); /* told at the latest when the checking begins */
    assert_true(seen.calls >= 6);
    assert_null(result.runs[EXPERIMENT_SWARM]);
}

static void put_file(const char *name, const char *text)
{
    char path[128];
    FILE *f;

    snprintf(path, sizeof(path), "%s/%s", source, name);
    f = fopen(path, "we");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
}

static void documents_of_a_directory_are_chosen_and_left_alone(void **state)
{
    char name[32], path[128];
    struct stat st;
    bool used[20] = {false};
    unsigned distinct = 0;

    (void)state;
    assert_int_equal(mkdir(source, 0700), 0);
    for (unsigned i = 1; i < 20; i++) {
        snprintf(name, sizeof(name), "rfc%u.txt", i);
        put_file(name, name);
    }
    put_file("rfc-index.txt", "no document");
    put_file("rfc7.pdf", "no text");
    cfg.rfcs = source;
    cfg.tasks = EXPERIMENT_BIT(EXPERIMENT_WORST);
    assert_int_equal(lab_experiment(&cfg, &result, why), DI_OK);
    for (size_t i = 0; i < 4; i++) {
        for (size_t k = 0; k < 6; k++)
            used[result.runs[EXPERIMENT_WORST]->peer[i].files[k].rfc] = true;
    }
    for (size_t i = 0; i < 20; i++)
        distinct += used[i];
    assert_int_equal(distinct, 8);

    cfg.files = 18; /* 24 documents would be needed */
    experiment_fini(&result);
    assert_int_equal(lab_experiment(&cfg, &result, why), DI_NOT_FOUND);
    assert_non_null(strstr(why, "holds 19 documents"));
    assert_non_null(strstr(why, "24 are needed"));

    for (unsigned i = 1; i < 20; i++) {
        snprintf(path, sizeof(path), "%s/rfc%u.txt", source, i);
        assert_int_equal(stat(path, &st), 0);
        assert_int_equal(st.st_nlink, 1);
        unlink(path);
    }
    snprintf(path, sizeof(path), "%s/rfc-index.txt", source);
    unlink(path);
    snprintf(path, sizeof(path), "%s/rfc7.pdf", source);
    unlink(path);
    assert_int_equal(rmdir(source), 0);
}

static void what_cannot_be_is_refused_with_advice(void **state)
{
    (void)state;
    cfg.files = 7;
    assert_int_equal(lab_experiment(&cfg, &result, why), DI_INVALID);
    assert_non_null(strstr(why, "multiple of 3"));
    cfg.files = 0;
    cfg.peers = 1;
    assert_int_equal(lab_experiment(&cfg, &result, why), DI_INVALID);
    cfg.peers = EXPERIMENT_PEERS_MAX + 1;
    assert_int_equal(lab_experiment(&cfg, &result, why), DI_INVALID);
    cfg.peers = 4;
    cfg.tasks = 0;
    assert_int_equal(lab_experiment(&cfg, &result, why), DI_INVALID);
    cfg.tasks = EXPERIMENT_ALL;
    cfg.rfcs = "/nowhere";
    assert_int_equal(lab_experiment(&cfg, &result, why), DI_NOT_FOUND);
    assert_non_null(strstr(why, "/nowhere"));
    cfg.rfcs = NULL;
    cfg.program = "/nowhere/p2pdi";
    assert_int_equal(lab_experiment(&cfg, &result, why), DI_PROTOCOL);
    assert_non_null(strstr(why, "the RS ended too early (exit code 127)"));
    experiment_fini(&result);
    setenv("TMPDIR", "/nowhere", 1);
    assert_int_equal(lab_experiment(&cfg, &result, why), DI_NOT_FOUND);
    assert_non_null(strstr(why, "TMPDIR"));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        TEST(every_task_gives_every_peer_what_it_lacks),
        TEST(centralised_and_distributed_fetch_the_same_documents),
        TEST(rounds_follow_their_arrangement),
        TEST(rounds_are_separated_for_all_peers),
        TEST(faults_are_found_and_named),
        TEST(a_peer_that_hangs_is_given_up),
        TEST(each_peer_is_told_what_it_may_send),
        TEST(slow_links_are_given_the_time_they_need),
        TEST(an_interrupt_ends_it_at_once),
        TEST(progress_is_told),
        TEST(documents_of_a_directory_are_chosen_and_left_alone),
        TEST(what_cannot_be_is_refused_with_advice),
    };

    if (argc > 1 && (strcmp(argv[1], "rs") == 0 || strcmp(argv[1], "peer") == 0))
        return fake_p2pdi(argc, argv);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
