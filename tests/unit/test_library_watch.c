/* What happens in the library's directory while the library is open. */
#include "store_help.h"

#include "p2pdi/base/log.h"
#include "p2pdi/base/sha256.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>
#include <fcntl.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utime.h>

static char top[256], dir[300], state_dir[256];
static struct help_library h;

static int open_library(void **state)
{
    (void)state;
    help_make_dir(top, "lib");
    help_make_dir(state_dir, "state");
    (void)snprintf(dir, sizeof dir, "%s/library", top);
    log_set_level(LOG_ERROR);
    help_library_open(&h, dir, state_dir);
    return 0;
}

static int close_library(void **state)
{
    (void)state;
    help_library_close(&h);
    return 0;
}

static void rename_file(const char *from, const char *to)
{
    char a[512], b[512];
    (void)snprintf(a, sizeof a, "%s/%s", dir, from);
    (void)snprintf(b, sizeof b, "%s/%s", dir, to);
    assert_int_equal(rename(a, b), 0);
}

static void remove_file(const char *name)
{
    char path[512];
    (void)snprintf(path, sizeof path, "%s/%s", dir, name);
    assert_int_equal(unlink(path), 0);
}

/* Waits for the document to be added with that content; the index of the event. */
static size_t wait_content(uint32_t rfc, const char *text, size_t from)
{
    struct sha256 expect;
    assert_int_equal(sha256_of(text, strlen(text), &expect), DI_OK);
    for (;;) {
        from = help_wait_event(&h, HELP_ADDED, rfc, from);
        struct help_event e = help_event_at(&h, from);
        if (sha256_equal(&e.sha256, &expect))
            return from;
        from++;
    }
}

static void assert_title(size_t at, const char *title)
{
    struct help_event e = help_event_at(&h, at);
    assert_string_equal(e.title, title);
}

static sem_t logged;
static const char *awaited_log;

static void on_log(void *arg, enum log_level level, const char *line)
{
    (void)arg;
    (void)level;
    if (strstr(line, awaited_log) != NULL)
        (void)sem_post(&logged);
}

static void files_that_come_change_and_go_are_noticed(void **state)
{
    (void)state;
    help_write_text(dir, "rfc1.txt", "new");
    size_t at = wait_content(1, "new", 0);
    help_write_text(dir, "rfc1.txt", "changed");
    at = wait_content(1, "changed", at + 1);
    remove_file("rfc1.txt");
    (void)help_wait_event(&h, HELP_REMOVED, 1, at + 1);
    assert_null(library_get(h.lib, 1, LIBRARY_TXT));
    assert_int_equal(library_count(h.lib), 0);
}

static void renaming_moves_the_document(void **state)
{
    (void)state;
    help_write_text(dir, "rfc1.txt", "text");
    (void)wait_content(1, "text", 0);
    rename_file("rfc1.txt", "rfc2.txt");
    size_t at = wait_content(2, "text", 0);
    (void)help_wait_event(&h, HELP_REMOVED, 1, 0);
    rename_file("rfc2.txt", "something-else");
    (void)help_wait_event(&h, HELP_REMOVED, 2, at);
    rename_file("something-else", "0003_title.txt");
    at = wait_content(3, "text", 0);
    assert_title(at, "title");
}

static void a_file_touched_is_still_offered(void **state)
{
    (void)state;
    char path[512];
    struct library_file *f = NULL;
    help_write_text(dir, "rfc1.txt", "text");
    size_t at = wait_content(1, "text", 0);
    (void)snprintf(path, sizeof path, "%s/rfc1.txt", dir);
    struct utimbuf times = {.actime = 1000000000, .modtime = 1000000000};
    assert_int_equal(utime(path, &times), 0);
    (void)wait_content(1, "text", at + 1);
    const struct library_doc *d = library_get(h.lib, 1, LIBRARY_TXT);
    assert_int_equal(d->mtime_s, 1000000000);
    assert_int_equal(library_file_open(h.lib, d, &f), DI_OK);
    library_file_release(f);
    library_doc_unref(d);
}

static void a_better_name_takes_over_and_gives_back(void **state)
{
    (void)state;
    help_write_text(dir, "7_title.txt", "titled");
    size_t at = wait_content(7, "titled", 0);
    help_write_text(dir, "rfc7.txt", "plain");
    at = wait_content(7, "plain", at + 1);
    help_write_text(dir, "rfc0007.txt", "padded, and no better");
    help_write_text(dir, "rfc8.txt", "a mark that the one before was seen");
    (void)help_wait_event(&h, HELP_ADDED, 8, at);
    assert_int_equal(library_count(h.lib), 2);
    remove_file("rfc7.txt");
    at = wait_content(7, "padded, and no better", at + 1);
    remove_file("rfc0007.txt");
    (void)wait_content(7, "titled", at + 1);
}

static void what_could_not_be_read_is_tried_again(void **state)
{
    (void)state;
    struct rlimit before, none;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    help_write_text(dir, "x", "text");
    none = before;
    none.rlim_cur = 3;
    assert_int_equal(sem_init(&logged, 0, 0), 0);
    awaited_log = "rfc1.txt is not offered";
    log_set_level(LOG_WARN);
    log_set_sink(on_log, NULL);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    rename_file("x", "rfc1.txt");
    assert_int_equal(sem_wait(&logged), 0);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    log_set_sink(NULL, NULL);
    (void)wait_content(1, "text", 0);
}

static void an_index_that_comes_later_gives_titles(void **state)
{
    (void)state;
    help_write_text(dir, "rfc1.txt", "text");
    size_t at = wait_content(1, "text", 0);
    assert_title(at, "RFC 1");
    help_write_text(dir, "rfc-index.txt",
                    "0001 Host Software. S. Crocker. April 1969. (Format: TXT)\n");
    at = wait_content(1, "text", at + 1);
    assert_title(at, "Host Software");
    help_write_text(dir, "rfc-index.txt",
                    "1 Better Software. S. Crocker. April 1969. (Format: TXT)\n");
    at = wait_content(1, "text", at + 1);
    assert_title(at, "Better Software");
}

static void hidden_and_other_files_are_no_events(void **state)
{
    (void)state;
    size_t before = help_event_count(&h);
    help_write_text(dir, ".rfc1.txt", "hidden");
    help_write_text(dir, "rfc1.txt.tmp", "temporary");
    help_write_text(dir, "README", "other");
    help_write_text(dir, "rfc2.pdf", "another format");
    help_write_text(dir, "rfc3.txt", "mark");
    size_t at = help_wait_event(&h, HELP_ADDED, 3, 0);
    assert_int_equal(at, before);
    const struct library_doc *pdf = library_get(h.lib, 2, LIBRARY_PDF);
    assert_non_null(pdf);
    library_doc_unref(pdf);
}

static void our_own_files_are_reported_once(void **state)
{
    (void)state;
    size_t before = help_event_count(&h);
    assert_int_equal(help_publish(h.lib, 1, "published", 9, ""), DI_OK);
    help_write_text(dir, "rfc2.txt", "mark"); /* its event comes after those of our file */
    (void)help_wait_event(&h, HELP_ADDED, 2, 0);
    assert_int_equal(help_event_count(&h), before + 2);
    assert_int_equal(help_event_at(&h, before).rfc, 1);
    assert_int_equal(help_event_at(&h, before + 1).rfc, 2);
}

static void a_deleted_directory_takes_its_documents_with_it(void **state)
{
    (void)state;
    help_write_text(dir, "rfc1.txt", "text");
    help_write_text(dir, "rfc2.pdf", "text");
    (void)wait_content(1, "text", 0);
    assert_int_equal(sem_init(&logged, 0, 0), 0);
    awaited_log = "was deleted or moved away";
    log_set_sink(on_log, NULL);
    remove_file("rfc1.txt");
    remove_file("rfc2.pdf");
    assert_int_equal(rmdir(dir), 0);
    assert_int_equal(sem_wait(&logged), 0);
    log_set_sink(NULL, NULL);
    (void)help_wait_event(&h, HELP_REMOVED, 1, 0);
    while (library_count(h.lib) > 0)
        (void)sched_yield();
    /* What is published now fails and says so. */
    struct library_part *p = NULL;
    struct sha256 digest = {{1}};
    uint64_t have;
    assert_int_equal(library_part_open(h.lib, 3, &digest, 5, &p, &have), DI_NOT_FOUND);
}

static void a_directory_moved_away_takes_its_documents_with_it(void **state)
{
    (void)state;
    char away[512];
    help_write_text(dir, "rfc1.txt", "text");
    help_write_text(dir, "rfc2.txt", "more");
    (void)wait_content(1, "text", 0);
    (void)wait_content(2, "more", 0);
    (void)snprintf(away, sizeof away, "%s/away", top);
    assert_int_equal(rename(dir, away), 0);
    (void)help_wait_event(&h, HELP_REMOVED, 1, 0);
    (void)help_wait_event(&h, HELP_REMOVED, 2, 0);
    assert_int_equal(library_count(h.lib), 0);
}

/* ---- more changes than the kernel keeps ----------------------------------------------------- */

static sem_t in_callback, go_on;

static void block_once(void *arg, const struct library_doc *doc)
{
    (void)arg;
    if (doc->rfc == 1) {
        (void)sem_post(&in_callback);
        (void)sem_wait(&go_on);
    } else if (doc->rfc == 3) {
        (void)sem_post(&in_callback);
    }
}

static size_t queue_length(void)
{
    size_t n = 16384;
    FILE *f = fopen("/proc/sys/fs/inotify/max_queued_events", "re");
    char text[32] = "";
    if (f != NULL && fgets(text, sizeof text, f) != NULL)
        n = strtoul(text, NULL, 10);
    if (f != NULL)
        (void)fclose(f);
    return n;
}

static void after_an_overflow_everything_is_looked_through(void **state)
{
    (void)state;
    struct library_events events = help_ignore_events;
    events.added = block_once;
    struct library *lib = NULL;
    char why[256];
    size_t events_max = queue_length();
    if (events_max > 100000) {
        print_message("fs.inotify.max_queued_events is too large to be filled here\n");
        skip();
    }
    assert_int_equal(sem_init(&in_callback, 0, 0), 0);
    assert_int_equal(sem_init(&go_on, 0, 0), 0);
    struct library_config cfg = {.dir = dir, .state = state_dir, .write = true};
    help_library_close(&h);
    assert_int_equal(library_open(&cfg, &events, NULL, &lib, why), DI_OK);
    library_wait_scanned(lib);
    help_write_text(dir, "rfc1.txt", "the first blocks the library's thread");
    assert_int_equal(sem_wait(&in_callback), 0);
    for (size_t i = 0; i <= events_max / 2; i++) { /* alternating: like ones are taken together */
        help_write_text(dir, "x", "");
        help_write_text(dir, "y", "");
    }
    help_write_text(dir, "rfc3.txt", "its event is lost");
    assert_int_equal(sem_post(&go_on), 0);
    assert_int_equal(sem_wait(&in_callback), 0);
    library_close(lib);
    help_library_open(&h, dir, state_dir);
}

int main(void)
{
#define WATCH_TEST(f) cmocka_unit_test_setup_teardown(f, open_library, close_library)
    const struct CMUnitTest tests[] = {
        WATCH_TEST(files_that_come_change_and_go_are_noticed),
        WATCH_TEST(renaming_moves_the_document),
        WATCH_TEST(a_file_touched_is_still_offered),
        WATCH_TEST(a_better_name_takes_over_and_gives_back),
        WATCH_TEST(what_could_not_be_read_is_tried_again),
        WATCH_TEST(an_index_that_comes_later_gives_titles),
        WATCH_TEST(hidden_and_other_files_are_no_events),
        WATCH_TEST(our_own_files_are_reported_once),
        WATCH_TEST(a_deleted_directory_takes_its_documents_with_it),
        WATCH_TEST(a_directory_moved_away_takes_its_documents_with_it),
        WATCH_TEST(after_an_overflow_everything_is_looked_through),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
