/* Publishing by a process that is killed: nothing reported is lost, nothing partial is visible. */
#include "store_help.h"

#include "p2pdi/base/log.h"
#include "p2pdi/base/random.h"

#include "../../src/store/names.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static char dir[256], state_dir[256];
static struct help_library h;

struct report {
    int fd;
    uint32_t rfc;
};

static void on_done_report(void *arg, enum di_err err)
{
    struct report *r = arg;
    if (err != DI_OK || write(r->fd, &r->rfc, sizeof r->rfc) != (ssize_t)sizeof r->rfc)
        _exit(3);
    free(r);
}

/* The document of a number is the same in every run. */
static size_t document_text(uint32_t rfc, char *out, size_t size)
{
    size_t len = 2000 + rfc * 37 % 60000;
    assert_true(len < size);
    for (size_t i = 0; i < len; i++)
        out[i] = (char)('a' + (i * 7 + rfc) % 26);
    return len;
}

static void publish_for_ever(int fd, uint32_t first)
{
    static char text[65536];
    struct library *lib = NULL;
    char why[256];
    struct library_config cfg = {.dir = dir, .state = state_dir, .write = true};
    if (library_open(&cfg, &help_ignore_events, NULL, &lib, why) != DI_OK)
        _exit(2);
    library_wait_scanned(lib);
    for (uint32_t rfc = first;; rfc++) {
        struct sha256 digest;
        struct library_part *p = NULL;
        uint64_t have = 0;
        size_t len = document_text(rfc, text, sizeof text);
        struct report *r = malloc(sizeof *r);
        if (r == NULL || sha256_of(text, len, &digest) != DI_OK ||
            library_part_open(lib, rfc, &digest, len, &p, &have) != DI_OK)
            _exit(4);
        while (have < len) {
            size_t piece = len - have < 10000 ? len - (size_t)have : 10000;
            if (library_part_append(p, text + have, piece) != DI_OK)
                _exit(5);
            have += piece;
        }
        if (library_part_verify(p) != DI_OK)
            _exit(6);
        *r = (struct report){fd, rfc};
        library_publish(lib, p, "", on_done_report, r);
    }
}

static void assert_whole(const char *name)
{
    static char expect[65536], bytes[65536];
    char path[512];
    (void)snprintf(path, sizeof path, "%s/%s", dir, name);
    size_t len = document_text((uint32_t)strtoul(name + 3, NULL, 10), expect, sizeof expect);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    ssize_t n = read(fd, bytes, sizeof bytes);
    assert_int_equal(close(fd), 0);
    if (n != (ssize_t)len || memcmp(bytes, expect, len) != 0)
        fail_msg("%s is not whole", name);
}

static void kills_lose_nothing_reported_and_show_nothing_partial(void **state)
{
    (void)state;
    struct prng r;
    uint64_t seed = 0;
    random_secret(&seed, sizeof seed);
    print_message("seed %llu\n", (unsigned long long)seed);
    prng_seed(&r, seed);
    help_make_dir(dir, "lib");
    help_make_dir(state_dir, "state");
    log_set_level(LOG_ERROR);
    uint32_t next = 1;
    for (int round = 0; round < 12; round++) {
        int fds[2];
        assert_int_equal(pipe(fds), 0);
        pid_t pid = fork();
        assert_true(pid >= 0);
        if (pid == 0) {
            (void)close(fds[0]);
            publish_for_ever(fds[1], next);
        }
        (void)close(fds[1]);
        uint32_t reported[4096], rfc = 0;
        size_t count = 0;
        uint64_t stop_after = 1 + prng_below(&r, 150);
        while (count < stop_after && read(fds[0], &rfc, sizeof rfc) == (ssize_t)sizeof rfc)
            reported[count++] = rfc;
        assert_int_equal(kill(pid, SIGKILL), 0);
        while (count < 4096 && read(fds[0], &rfc, sizeof rfc) == (ssize_t)sizeof rfc)
            reported[count++] = rfc;
        (void)close(fds[0]);
        int status = 0;
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(WIFSIGNALED(status));
        for (size_t i = 0; i < count; i++) {
            char name[NAME_PLAIN_SIZE];
            name_format_plain(reported[i], LIBRARY_TXT, name);
            if (!help_exists(dir, name))
                fail_msg("%s was reported and is not there", name);
            next = reported[i] >= next ? reported[i] + 1 : next;
        }
        DIR *d = opendir(dir);
        assert_non_null(d);
        for (const struct dirent *e; (e = readdir(d)) != NULL;)
            if (strncmp(e->d_name, "rfc", 3) == 0)
                assert_whole(e->d_name);
        (void)closedir(d);
    }
    print_message("%u documents\n", next - 1);
    help_library_open(&h, dir, state_dir);
    assert_true(library_count(h.lib) >= next - 1);
    help_library_close(&h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(kills_lose_nothing_reported_and_show_nothing_partial),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
