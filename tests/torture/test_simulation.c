/*
 * The whole program in a made-up world (tests/sim/world.h): 10,000 worlds with FULL=1, else some.
 *
 *     make torture T=simulation          10,000 from a seed that is drawn; SEED=n: from n on
 *     test_simulation SEED [PLANT]       one world, and what happens in it
 *
 * Processes share the worlds among them; each world is one thread.
 */
/* ld: -Wl,--wrap=thread_start -Wl,--wrap=thread_join -Wl,--wrap=lock_init -Wl,--wrap=lock_fini */
/* ld: -Wl,--wrap=lock_acquire -Wl,--wrap=lock_release -Wl,--wrap=lock_assert_held */
/* ld: -Wl,--wrap=cond_init -Wl,--wrap=cond_fini -Wl,--wrap=cond_signal -Wl,--wrap=cond_broadcast */
/* ld: -Wl,--wrap=cond_wait -Wl,--wrap=cond_wait_until */
/* ld: -Wl,--wrap=epoll_create1 -Wl,--wrap=epoll_ctl -Wl,--wrap=epoll_wait -Wl,--wrap=poll */
/* ld: -Wl,--wrap=ppoll -Wl,--wrap=eventfd -Wl,--wrap=eventfd_read -Wl,--wrap=eventfd_write */
/* ld: -Wl,--wrap=socket -Wl,--wrap=setsockopt -Wl,--wrap=getsockopt -Wl,--wrap=bind */
/* ld: -Wl,--wrap=listen -Wl,--wrap=connect -Wl,--wrap=accept4 -Wl,--wrap=getsockname */
/* ld: -Wl,--wrap=shutdown -Wl,--wrap=ioctl -Wl,--wrap=recv -Wl,--wrap=send -Wl,--wrap=sendmsg */
/* ld: -Wl,--wrap=sendfile -Wl,--wrap=close -Wl,--wrap=read -Wl,--wrap=__read_chk */
/* ld: -Wl,--wrap=write -Wl,--wrap=pread -Wl,--wrap=__pread_chk -Wl,--wrap=pwrite */
/* ld: -Wl,--wrap=open -Wl,--wrap=openat -Wl,--wrap=syscall -Wl,--wrap=fstat -Wl,--wrap=fstatat */
/* ld: -Wl,--wrap=stat -Wl,--wrap=faccessat -Wl,--wrap=fsync -Wl,--wrap=fdatasync */
/* ld: -Wl,--wrap=syncfs -Wl,--wrap=sync_file_range -Wl,--wrap=ftruncate -Wl,--wrap=flock */
/* ld: -Wl,--wrap=rename -Wl,--wrap=renameat -Wl,--wrap=unlink -Wl,--wrap=unlinkat */
/* ld: -Wl,--wrap=mkdir -Wl,--wrap=fdopendir -Wl,--wrap=readdir -Wl,--wrap=closedir */
/* ld: -Wl,--wrap=inotify_init1 -Wl,--wrap=inotify_add_watch */
/* ld: -Wl,--wrap=clock_gettime -Wl,--wrap=getrandom -Wl,--wrap=getrlimit -Wl,--wrap=sysconf */
/* ld: -Wl,--wrap=sched_getaffinity -Wl,--wrap=gethostname -Wl,--wrap=uname */
/* ld: -Wl,--wrap=malloc_trim */
/* ld: -Wl,--wrap=library_part_verify -Wl,--wrap=peer_index_register -Wl,--wrap=peer_index_renew */
/* ld: -Wl,--wrap=random_cookie -Wl,--wrap=downloads_holder_gone -Wl,--wrap=gets_on_failed */
/* ld: -Wl,--wrap=net_stream_close -Wl,--wrap=neighbours_filter */
/* ld: -Wl,--wrap=catalog_drop_holder */
/* ld: -Wl,-u,__wrap_write -Wl,-u,__wrap_uname -Wl,-u,__wrap_library_part_verify */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysinfo.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "p2pdi/base/text.h"

#include "../sim/world.h"

#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/lsan_interface.h>
#define WHILE_BROKEN(on) ((on) ? __lsan_disable() : __lsan_enable())
#else
#define WHILE_BROKEN(on) ((void)(on))
#endif

#define SHORT_WORLDS 60
#define FULL_WORLDS 10000
#define PLANT_WORLDS 150 /* in which an error must be found */
#define REPLAYS 3
#define JOBS_MAX 64

static uint64_t seed;
static bool is_full;

/* Sanitizers are slow, and what they look for is in every world. */
static unsigned scaled(unsigned count)
{
    const char *variant = getenv("VARIANT");

    return variant == NULL || strcmp(variant, "release") == 0 ? count : count / 6 + 1;
}

static void add(struct world_result *to, const struct world_result *r)
{
    to->steps += r->steps;
    to->virtual_s += r->virtual_s;
    to->crashes += r->crashes;
    to->cuts += r->cuts;
    to->resets += r->resets;
    to->halves += r->halves;
    to->jumps += r->jumps;
    to->repeats += r->repeats;
    to->stops += r->stops;
    to->registered += r->registered;
    to->done += r->done;
    to->failed += r->failed;
    to->lost_writes += r->lost_writes;
}

static void complain(uint64_t of, const struct world_result *r)
{
    printf("seed %ju: step %ju, after %.6f s: %s\n  again: SEED=%ju make check "
           "T=torture/test_simulation; what happens: test_simulation %ju\n",
           (uintmax_t)of, (uintmax_t)r->steps, r->virtual_s, r->broken, (uintmax_t)of,
           (uintmax_t)of);
    (void)fflush(stdout);
}

/* What became of some of the worlds. */
struct share {
    struct world_result sum;
    unsigned bad;
};

/* Every jobs-th world from `from` on. */
static void run_share(uint64_t from, unsigned count, unsigned jobs, struct share *s)
{
    *s = (struct share){0};
    for (unsigned i = 0; i < count && s->bad < 5; i += jobs) {
        struct world_config cfg = {.seed = from + i};
        struct world_result r;

        if (!world_run(&cfg, &r)) {
            complain(cfg.seed, &r);
            s->bad++;
        }
        add(&s->sum, &r);
    }
}

/* In a process of its own, which writes its share to *out. */
static void start_share(uint64_t from, unsigned count, unsigned jobs, FILE **out)
{
    int ends[2];

    (void)fflush(stdout);
    assert_int_equal(pipe(ends), 0);
    pid_t pid = fork();
    assert_true(pid >= 0);
    FILE *reader = fdopen(ends[0], "r"), *writer = fdopen(ends[1], "w");
    assert_true(reader != NULL && writer != NULL);
    if (pid == 0) {
        struct share s;

        run_share(from, count, jobs, &s);
        _exit(fwrite(&s, sizeof(s), 1, writer) == 1 && fflush(writer) == 0 ? 0 : 1);
    }
    assert_int_equal(fclose(writer), 0);
    *out = reader;
}

static void every_world_keeps_what_must_hold(void **state)
{
    unsigned count = is_full ? FULL_WORLDS : scaled(SHORT_WORLDS);
    unsigned jobs = (unsigned)get_nprocs() < JOBS_MAX ? (unsigned)get_nprocs() : JOBS_MAX;
    struct share all = {0};
    FILE *from[JOBS_MAX] = {NULL};

    (void)state;
    for (unsigned j = 0; j < jobs; j++)
        start_share(seed + j, count - j, jobs, &from[j]);
    for (unsigned j = 0; j < jobs; j++) {
        struct share s;
        int status = 0;

        /* One that died says nothing. */
        assert_int_equal(fread(&s, sizeof(s), 1, from[j]), 1);
        assert_int_equal(fclose(from[j]), 0);
        assert_true(wait(&status) > 0 && status == 0);
        all.bad += s.bad;
        add(&all.sum, &s.sum);
    }
    const struct world_result *sum = &all.sum;
    /* Otherwise the worlds test less than they seem to; of a few nothing can be said. */
    if (count >= SHORT_WORLDS)
        assert_true(sum->crashes > count / 2 && sum->resets > count / 4 && sum->cuts > count / 8 &&
                    sum->jumps > count / 8 && sum->repeats > count / 8 && sum->stops > count / 8 &&
                    sum->halves > count / 8 && sum->registered > count && sum->done > count &&
                    sum->lost_writes > count / 8);
    char figures[400];
    (void)snprintf(
        figures, sizeof(figures),
        "%u worlds from seed %ju: %u broke an invariant; %.0f million steps, %.0f virtual "
        "hours, %u crashes, %u sectors or names lost, %u stops, %u cuts, %u resets, %u "
        "gone silent, %u clock jumps, %u requests repeated; %u registrations, %u documents "
        "done, %u given up",
        count, (uintmax_t)seed, all.bad, (double)sum->steps / 1e6, sum->virtual_s / 3600,
        sum->crashes, sum->lost_writes, sum->stops, sum->cuts, sum->resets, sum->halves, sum->jumps,
        sum->repeats, sum->registered, sum->done, sum->failed);
    printf("%s%s\n", is_full ? "row: simulation: " : "", figures);
    assert_int_equal(all.bad, 0);
}

static void a_world_replays_to_the_last_step(void **state)
{
    uint64_t last = 0;

    (void)state;
    for (uint64_t i = 0; i < REPLAYS; i++) {
        struct world_config cfg = {.seed = seed + i}, between = {.seed = seed + 1000 + i};
        struct world_result a, b, other;

        assert_true(world_run(&cfg, &a));
        (void)world_run(&between, &other); /* what it leaves behind must not matter */
        assert_true(world_run(&cfg, &b));
        assert_int_equal(a.steps, b.steps);
        assert_true(a.digest == b.digest);
        assert_true(a.digest != last);
        last = a.digest;
    }
}

static const char *const words[] = {[PLANT_NONE] = "",
#define X(name, word, breaks) [PLANT_##name] = (word),
                                    WORLD_PLANT_MAP(X)
#undef X
};

static const char *const broken[] = {[PLANT_NONE] = "",
#define X(name, word, breaks) [PLANT_##name] = (breaks),
                                     WORLD_PLANT_MAP(X)
#undef X
};

static void planted_errors_are_found(void **state)
{
    (void)state;
    for (enum world_plant plant = PLANT_NONE + 1; plant < PLANT_COUNT; plant++) {
        struct world_config cfg = {.seed = seed, .plant = plant};
        struct world_result r = {.steps = 0};
        unsigned worlds = 0;

        WHILE_BROKEN(true); /* such a world is left as it stands */
        while (worlds < PLANT_WORLDS && strstr(r.broken, broken[plant]) == NULL) {
            (void)world_run(&cfg, &r);
            worlds++;
            cfg.seed++;
        }
        WHILE_BROKEN(false);
        if (strstr(r.broken, broken[plant]) == NULL)
            fail_msg("%s: not found in %u worlds", words[plant], worlds);
        printf("%s: found in world %u: %s\n", words[plant], worlds, r.broken);
    }
}

static int tell_one(const char *number, const char *word)
{
    struct world_config cfg = {.is_told = true};
    struct world_result r;
    bool is_known = word == NULL;

    for (enum world_plant plant = PLANT_NONE + 1; plant < PLANT_COUNT && word != NULL; plant++) {
        if (strcmp(words[plant], word) == 0) {
            cfg.plant = plant;
            is_known = true;
        }
    }
    if (!is_known || !text_parse_u64(slice_of(number), UINT64_MAX, &cfg.seed)) {
        fprintf(stderr, "usage: test_simulation [SEED [PLANT]]; PLANT:");
        for (enum world_plant plant = PLANT_NONE + 1; plant < PLANT_COUNT; plant++)
            fprintf(stderr, " %s", words[plant]);
        fprintf(stderr, "\n");
        return 2;
    }
    bool good = world_run(&cfg, &r);
    printf("seed %ju: %ju steps, %.6f s, digest %016jx: %s\n", (uintmax_t)cfg.seed,
           (uintmax_t)r.steps, r.virtual_s, (uintmax_t)r.digest, good ? "holds" : r.broken);
    return good ? 0 : 1;
}

#if defined(__SANITIZE_THREAD__)
#define NOT_HERE "one thread: ThreadSanitizer has nothing to see, and cannot follow its stacks"
#elif defined(COVERAGE)
#define NOT_HERE "the counts of branches would be written to the disk of the simulation"
#endif

#ifdef NOT_HERE
static void the_simulation_is_run_without_this_tool(void **state)
{
    (void)state;
    printf(NOT_HERE "\n");
    skip();
}
#endif

int main(int argc, char **argv)
{
    const char *given = getenv("SEED");
    const char *full = getenv("FULL");
#ifdef NOT_HERE
    const struct CMUnitTest none[] = {cmocka_unit_test(the_simulation_is_run_without_this_tool)};

    int failures = cmocka_run_group_tests(none, NULL, NULL);
    fflush(stdout);
    _exit(failures); /* past what would write those counts */
#endif
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_world_replays_to_the_last_step),
        cmocka_unit_test(planted_errors_are_found),
        cmocka_unit_test(every_world_keeps_what_must_hold),
    };

    if (argc > 1)
        return tell_one(argv[1], argc > 2 ? argv[2] : NULL);
    is_full = full != NULL && full[0] != '\0';
    if (given != NULL && text_parse_u64(slice_of(given), UINT64_MAX / 2, &seed))
        printf("seed %ju, as wished\n", (uintmax_t)seed);
    else
        printf("seed %ju\n", (uintmax_t)(seed = (uint64_t)time(NULL) % 1000000 * 1000));
    return cmocka_run_group_tests(tests, NULL, NULL);
}
