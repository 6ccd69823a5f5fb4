/* ld: -Wl,--wrap=fsync */
/* The state directory: made, locked, and the cookie in it. */
#include "store_help.h"

#include "p2pdi/store/state.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char root[256];

static int make_root(void **state)
{
    (void)state;
    help_make_dir(root, "state");
    return 0;
}

static void open_one(struct state_dir *d)
{
    char why[256];
    assert_int_equal(state_dir_open(root, "rs", d, why), DI_OK);
}

static void it_is_made_for_the_owner_alone(void **state)
{
    (void)state;
    char why[256], deep[512];
    struct state_dir d;
    struct stat st;
    (void)snprintf(deep, sizeof deep, "%s/a/b", root);
    assert_int_equal(state_dir_open(deep, "rs", &d, why), DI_OK);
    assert_int_equal(stat(d.path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0700);
    state_dir_close(&d);
}

static ino_t synced[8];
static size_t synced_count;

int __real_fsync(int fd);
int __wrap_fsync(int fd);
int __wrap_fsync(int fd)
{
    struct stat st;
    if (fstat(fd, &st) == 0 && S_ISDIR(st.st_mode) && synced_count < 8)
        synced[synced_count++] = st.st_ino;
    return __real_fsync(fd);
}

static void a_new_directory_is_on_the_disk_by_its_name(void **state)
{
    (void)state;
    char name[512];
    struct stat st;
    synced_count = 0;
    (void)snprintf(name, sizeof name, "%s/new/", root);
    assert_int_equal(state_make_directory(name, 0700), DI_OK);
    assert_int_equal(stat(root, &st), 0);
    assert_int_equal(synced_count, 1);
    assert_int_equal(synced[0], st.st_ino);
    assert_int_equal(state_make_directory(name, 0700), DI_EXISTS);
    assert_int_equal(chdir(root), 0);
    assert_int_equal(state_make_directory("beside", 0700), DI_OK);
    assert_int_equal(synced_count, 2);
    assert_int_equal(synced[1], st.st_ino);
}

static void a_path_that_is_too_long_is_refused(void **state)
{
    (void)state;
    static char deep[2 * STATE_PATH_SIZE];
    char why[256];
    struct state_dir d;
    memset(deep, 'x', sizeof deep - 1);
    deep[0] = '/';
    assert_int_equal(state_dir_open(deep, "rs", &d, why), DI_LIMIT);
    assert_string_equal(why, "its name is too long");
    assert_int_equal(d.lock_fd, -1);
    deep[STATE_PATH_SIZE - 3] = '\0'; /* with its name it would be one byte too long */
    assert_int_equal(state_dir_open(deep, "rs", &d, why), DI_LIMIT);
}

static void a_second_one_is_refused_until_the_first_closes(void **state)
{
    (void)state;
    char why[256];
    struct state_dir a, b;
    open_one(&a);
    assert_int_equal(state_dir_open(root, "rs", &b, why), DI_IN_USE);
    assert_non_null(strstr(why, "another p2pdi"));
    assert_int_equal(state_dir_open(root, "peer-x", &b, why), DI_OK);
    state_dir_close(&b);
    state_dir_close(&a);
    open_one(&b);
    state_dir_close(&b);
}

static void what_stands_in_the_way_is_named(void **state)
{
    (void)state;
    char why[256];
    struct state_dir d;
    help_write_text(root, "rs", "a file");
    assert_int_not_equal(state_dir_open(root, "rs", &d, why), DI_OK);
    assert_string_equal(why, "its lock cannot be opened: Not a directory");

    char path[512];
    (void)snprintf(path, sizeof path, "%s/rs", root);
    assert_int_not_equal(state_dir_open(path, "peer-x", &d, why), DI_OK);
    assert_string_equal(why, "there is a file in its place");
    (void)snprintf(path, sizeof path, "%s/rs/below", root);
    assert_int_not_equal(state_dir_open(path, "peer-x", &d, why), DI_OK);
    assert_string_equal(why, "a part of its path is a file");
}

static void a_cookie_comes_back_as_it_was_kept(void **state)
{
    (void)state;
    struct state_dir d;
    struct stat st;
    char path[512];
    uint64_t cookie = 0;
    open_one(&d);
    assert_int_equal(state_cookie_load(&d, &cookie), DI_NOT_FOUND);
    assert_int_equal(state_cookie_save(&d, 1), DI_OK);
    assert_int_equal(state_cookie_save(&d, INT64_MAX), DI_OK);
    assert_int_equal(state_cookie_load(&d, &cookie), DI_OK);
    assert_true(cookie == INT64_MAX);
    (void)snprintf(path, sizeof path, "%s/rs/cookie", root);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_false(help_exists(d.path, "cookie.new"));
    assert_int_equal(state_cookie_forget(&d), DI_OK);
    assert_int_equal(state_cookie_load(&d, &cookie), DI_NOT_FOUND);
    assert_int_equal(state_cookie_forget(&d), DI_OK);
    state_dir_close(&d);
}

static void a_damaged_cookie_is_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {"",
                                      "\n",
                                      "12",
                                      "12 \n",
                                      "-1\n",
                                      "0\n",
                                      "0x1\n",
                                      "1\n2\n",
                                      "9223372036854775808\n",
                                      "00000000000000000000000000000000000000000001\n"};
    struct state_dir d;
    uint64_t cookie = 0;
    open_one(&d);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        help_write_text(d.path, "cookie", bad[i]);
        assert_int_equal(state_cookie_load(&d, &cookie), DI_CORRUPT);
    }
    assert_int_equal(state_cookie_save(&d, 0), DI_INVALID);
    assert_int_equal(state_cookie_save(&d, UINT64_C(1) << 63), DI_INVALID);
    state_dir_close(&d);
}

static void the_default_root_follows_the_environment(void **state)
{
    (void)state;
    char path[STATE_PATH_SIZE];
    assert_int_equal(setenv("XDG_STATE_HOME", "/x/y", 1), 0);
    assert_int_equal(state_default_root(path), DI_OK);
    assert_string_equal(path, "/x/y/p2pdi");
    assert_int_equal(setenv("XDG_STATE_HOME", "relative", 1), 0);
    assert_int_equal(setenv("HOME", "/home/u", 1), 0);
    assert_int_equal(state_default_root(path), DI_OK);
    assert_string_equal(path, "/home/u/.local/state/p2pdi");
    assert_int_equal(unsetenv("XDG_STATE_HOME"), 0);
    assert_int_equal(unsetenv("HOME"), 0);
    assert_int_equal(state_default_root(path), DI_NOT_FOUND);
}

static void a_peer_is_named_after_rs_and_real_library(void **state)
{
    (void)state;
    char a[40], b[40], c[40], dotted[512];
    (void)snprintf(dotted, sizeof dotted, "%s/./", root);
    assert_int_equal(state_peer_name("127.0.0.1:65423", root, a), DI_OK);
    assert_int_equal(state_peer_name("127.0.0.1:65423", dotted, b), DI_OK);
    assert_int_equal(state_peer_name("127.0.0.1:65424", root, c), DI_OK);
    assert_string_equal(a, b);
    assert_string_not_equal(a, c);
    assert_int_equal(state_peer_name("127.0.0.1:65423", "/nowhere/at/all", a), DI_NOT_FOUND);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(it_is_made_for_the_owner_alone, make_root),
        cmocka_unit_test_setup(a_new_directory_is_on_the_disk_by_its_name, make_root),
        cmocka_unit_test_setup(a_path_that_is_too_long_is_refused, make_root),
        cmocka_unit_test_setup(a_second_one_is_refused_until_the_first_closes, make_root),
        cmocka_unit_test_setup(what_stands_in_the_way_is_named, make_root),
        cmocka_unit_test_setup(a_cookie_comes_back_as_it_was_kept, make_root),
        cmocka_unit_test_setup(a_damaged_cookie_is_refused, make_root),
        cmocka_unit_test_setup(the_default_root_follows_the_environment, make_root),
        cmocka_unit_test_setup(a_peer_is_named_after_rs_and_real_library, make_root),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
