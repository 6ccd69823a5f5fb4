/* Options: sources and their order, checks, and everything that is made from the table. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../src/cli/help.h"
#include "../../src/cli/options.h"

static struct problem problem;

/* Loads "peer --x y ..." with configuration files of these contents (NULL: none). */
static enum di_err load(struct options *o, enum command c, const char *user, const char *system,
                        const char *const *argv)
{
    static char words[8][64];
    static char *pointers[9]; /* options keep pointers into it */
    char name[2][64] = {"./test_options_user.XXXXXX", "./test_options_system.XXXXXX"};
    const char *text[2] = {user, system};
    int argc = 0;

    for (size_t i = 0; i < 2; i++) {
        if (text[i] == NULL)
            continue;
        int fd = mkstemp(name[i]);
        assert_true(fd >= 0);
        assert_int_equal(write(fd, text[i], strlen(text[i])), strlen(text[i]));
        close(fd);
    }
    for (argc = 0; argv[argc] != NULL; argc++) {
        assert_true(argc < 8);
        snprintf(words[argc], sizeof(words[argc]), "%s", argv[argc]);
        pointers[argc] = words[argc];
    }
    pointers[argc] = NULL;
    problem = (struct problem){0};
    enum di_err err = options_load(o, c, argc, pointers, user == NULL ? NULL : name[0],
                                   system == NULL ? NULL : name[1], &problem);
    for (size_t i = 0; i < 2; i++)
        if (text[i] != NULL)
            unlink(name[i]);
    return err;
}

#define ARGV(...) ((const char *const[]){__VA_ARGS__, NULL})

static void assert_says(const char *text, const char *part)
{
    if (strstr(text, part) == NULL)
        fail_msg("'%s' does not say '%s'", text, part);
}

static int clear_environment(void **state)
{
    (void)state;
    for (size_t i = 0; i < OPTION_COUNT; i++) {
        char name[OPTION_ENVIRONMENT_SIZE];
        option_environment_name((enum option_id)i, name);
        unsetenv(name);
    }
    return 0;
}

static void defaults_are_those_of_the_contract(void **state)
{
    struct options o;

    (void)state;
    setenv("XDG_STATE_HOME", "/s", 1);
    assert_int_equal(load(&o, COMMAND_PEER, NULL, NULL, ARGV("peer")), DI_OK);
    assert_string_equal(options_text(&o, OPT_RS), "127.0.0.1:65423");
    assert_string_equal(options_text(&o, OPT_LISTEN), ":0");
    assert_string_equal(options_text(&o, OPT_SHARE), "./rfcs");
    assert_string_equal(options_text(&o, OPT_STATE), "/s/p2pdi");
    assert_int_equal(options_number(&o, OPT_DOWNLOADS), 8);
    assert_true(options_number(&o, OPT_WORKERS) >= 4);
    assert_false(options_flag(&o, OPT_JSON));
    assert_null(options_text(&o, OPT_COMMAND));
    options_fini(&o);
    assert_int_equal(load(&o, COMMAND_RS, NULL, NULL, ARGV("rs")), DI_OK);
    assert_string_equal(options_text(&o, OPT_LISTEN), ":65423");
    options_fini(&o);
}

static void the_first_source_wins(void **state)
{
    static const char user[] = "downloads = 3\nworkers=30\nshare = /user\n";
    static const char system[] = "downloads = 4\nworkers = 40\nshare = /system\nrs = system\n";
    struct options o;

    (void)state;
    setenv("P2PDI_DOWNLOADS", "2", 1);
    setenv("P2PDI_WORKERS", "20", 1);
    assert_int_equal(load(&o, COMMAND_PEER, user, system, ARGV("peer", "--downloads", "1")), DI_OK);
    assert_int_equal(options_number(&o, OPT_DOWNLOADS), 1);
    assert_int_equal(o.set[OPT_DOWNLOADS].source, SOURCE_LINE);
    assert_int_equal(options_number(&o, OPT_WORKERS), 20);
    assert_int_equal(o.set[OPT_WORKERS].source, SOURCE_ENVIRONMENT);
    assert_string_equal(options_text(&o, OPT_SHARE), "/user");
    assert_int_equal(o.set[OPT_SHARE].line, 3);
    assert_string_equal(options_text(&o, OPT_RS), "system");
    assert_int_equal(o.set[OPT_RS].source, SOURCE_SYSTEM);
    options_fini(&o);
}

static void files_hold_keys_values_and_comments(void **state)
{
    static const char text[] = "# p2pdi\n\n  rs =  a.example:1, b.example \t# two\r\nshare=/a#b\n"
                               "json = yes";
    struct options o;

    (void)state;
    assert_int_equal(load(&o, COMMAND_PEER, text, NULL, ARGV("peer")), DI_OK);
    assert_string_equal(options_text(&o, OPT_RS), "a.example:1, b.example");
    assert_string_equal(options_text(&o, OPT_SHARE), "/a#b");
    assert_true(options_flag(&o, OPT_JSON));
    options_fini(&o);
}

static void a_key_may_be_for_one_command(void **state)
{
    static const char text[] =
        "rs.listen = :1\nlisten = :2\nget.listen = :3\nexperiment.seed = 4\n";
    struct options o;

    (void)state;
    assert_int_equal(load(&o, COMMAND_RS, text, NULL, ARGV("rs")), DI_OK);
    assert_string_equal(options_text(&o, OPT_LISTEN), ":1");
    options_fini(&o);
    assert_int_equal(load(&o, COMMAND_PEER, text, NULL, ARGV("peer")), DI_OK);
    assert_string_equal(options_text(&o, OPT_LISTEN), ":2");
    options_fini(&o);
    assert_int_equal(load(&o, COMMAND_PEER, "ls.listen = :3", NULL, ARGV("peer")), DI_INVALID);
    options_fini(&o);
    assert_int_equal(load(&o, COMMAND_PEER, "sl.rs = x", NULL, ARGV("peer")), DI_INVALID);
    options_fini(&o);
}

static void errors_in_files_name_the_line(void **state)
{
    struct options o;

    (void)state;
    assert_int_equal(load(&o, COMMAND_PEER, "rs = x\n\nworker = 3\n", NULL, ARGV("peer")),
                     DI_INVALID);
    assert_says(problem.what, "./test_options_user.");
    assert_says(problem.what, ":3: worker");
    assert_says(problem.hint, "workers = ");
    options_fini(&o);
    assert_int_equal(load(&o, COMMAND_PEER, NULL, "workers = 0\n", ARGV("peer")), DI_INVALID);
    assert_says(problem.what, ":1: workers");
    assert_says(problem.why, "'0' is not a number from 1 to 256");
    options_fini(&o);
    assert_int_equal(load(&o, COMMAND_PEER, "\nrs x\n", NULL, ARGV("peer")), DI_INVALID);
    assert_says(problem.what, ":2");
    options_fini(&o);
    assert_int_equal(load(&o, COMMAND_PEER, "= x\n", NULL, ARGV("peer")), DI_INVALID);
    options_fini(&o);
    assert_int_equal(load(&o, COMMAND_PEER, "batch = yes\n", NULL, ARGV("peer")), DI_INVALID);
    options_fini(&o);
}

static void a_directory_is_no_configuration_file(void **state)
{
    struct options o;
    char peer[] = "peer";
    char *argv[] = {peer, NULL};

    (void)state;
    assert_int_equal(options_load(&o, COMMAND_PEER, 1, argv, "/nonexistent/x", "/tmp", &problem),
                     DI_INVALID);
    assert_says(problem.what, "cannot read /tmp");
    assert_says(problem.why, "a directory");
    options_fini(&o);
}

static void unknown_options_get_the_nearest_as_hint(void **state)
{
    struct options o;

    (void)state;
    assert_int_equal(load(&o, COMMAND_PEER, NULL, NULL, ARGV("peer", "--shrae", "x")), DI_INVALID);
    assert_says(problem.what, "--shrae");
    assert_string_equal(problem.hint, "p2pdi peer --share");
    options_fini(&o);
    assert_int_equal(load(&o, COMMAND_LS, NULL, NULL, ARGV("ls", "--downloads=1")), DI_INVALID);
    assert_says(problem.why, "other commands have");
    options_fini(&o);
    assert_int_equal(load(&o, COMMAND_PEER, NULL, NULL, ARGV("peer", "-x")), DI_INVALID);
    assert_says(problem.what, "-x");
    assert_string_equal(problem.hint, "p2pdi peer --help");
    options_fini(&o);
    assert_int_equal(load(&o, COMMAND_PEER, NULL, NULL, ARGV("peer", "--rs")), DI_INVALID);
    assert_says(problem.why, "needs a value");
    options_fini(&o);
    assert_int_equal(load(&o, COMMAND_RS, NULL, NULL, ARGV("rs", "extra")), DI_INVALID);
    assert_says(problem.what, "extra");
    options_fini(&o);
    assert_int_equal(load(&o, COMMAND_GET, NULL, NULL, ARGV("get")), DI_INVALID);
    assert_string_equal(problem.what, "get");
    assert_says(problem.why, "which RFCs?");
    options_fini(&o);
    assert_int_equal(load(&o, COMMAND_GET, NULL, NULL, ARGV("get", "--print-config")), DI_OK);
    options_fini(&o);
}

static void values_are_checked(void **state)
{
    static const struct {
        enum option_kind kind;
        const char *text;
        bool good;
    } cases[] = {
        {KIND_THREADS, "1", true},
        {KIND_THREADS, "256", true},
        {KIND_THREADS, "0", false},
        {KIND_THREADS, "257", false},
        {KIND_THREADS, "-1", false},
        {KIND_THREADS, "4x", false},
        {KIND_THREADS, "", false},
        {KIND_THREADS, "18446744073709551617", false},
        {KIND_SEED, "18446744073709551615", true},
        {KIND_SEED, "18446744073709551616", false},
        {KIND_SERVERS, "h", true},
        {KIND_SERVERS, "h:1,[::1]:2, 10.0.0.1", true},
        {KIND_SERVERS, "h:0", false},
        {KIND_SERVERS, "h:65536", false},
        {KIND_SERVERS, ":1", false},
        {KIND_SERVERS, "", false},
        {KIND_SERVERS, "a,,b", false},
        {KIND_SERVERS, "1,2,3,4,5,6,7,8", true},
        {KIND_SERVERS, "1,2,3,4,5,6,7,8,9", false},
        {KIND_LISTEN, ":0", true},
        {KIND_LISTEN, "127.0.0.1", true},
        {KIND_LISTEN, "[::1]:7000", true},
        {KIND_LISTEN, ":70000", false},
        {KIND_LISTEN, "", false},
        {KIND_TASK, "2worst", true},
        {KIND_TASK, "all", true},
        {KIND_TASK, "4", false},
        {KIND_COMPRESS, "auto", true},
        {KIND_COMPRESS, "never", true},
        {KIND_COMPRESS, "yes", false},
        {KIND_DIR, "", false},
        {KIND_FLAG, "off", true},
        {KIND_FLAG, "maybe", false},
    };
    const char *need = NULL;

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        if (option_value_is_good(cases[i].kind, cases[i].text, &need) != cases[i].good)
            fail_msg("'%s' of kind %d", cases[i].text, (int)cases[i].kind);
    assert_false(option_value_is_good(KIND_SERVERS, "h:x", &need));
    assert_says(need, "a port from 1 to 65535");
    assert_false(option_value_is_good(KIND_SERVERS, "a,,b", &need));
    assert_says(need, "between commas");
    assert_false(option_value_is_good(KIND_SERVERS, "1,2,3,4,5,6,7,8,9", &need));
    assert_says(need, "at most 8");
}

static void a_file_may_name_directories_below_home(void **state)
{
    static const char user[] = "share = ~/x\nget.share = ~\nrs = ~/h\n";
    struct options o;

    (void)state;
    setenv("HOME", "/h", 1);
    assert_int_equal(load(&o, COMMAND_PEER, user, "state = ~/y\nshare = ~/z", ARGV("peer")), DI_OK);
    assert_string_equal(options_text(&o, OPT_SHARE), "/h/x");
    assert_string_equal(options_text(&o, OPT_STATE), "/h/y");
    assert_string_equal(options_text(&o, OPT_RS), "~/h"); /* no directory */
    options_fini(&o);
    assert_int_equal(load(&o, COMMAND_GET, user, NULL, ARGV("get", "1")), DI_OK);
    assert_string_equal(options_text(&o, OPT_SHARE), "/h");
    options_fini(&o);
    /* Elsewhere that is the shell's business, and ~name nobody's. */
    assert_int_equal(load(&o, COMMAND_PEER, "state = ~user", NULL, ARGV("peer", "--share", "~/x")),
                     DI_OK);
    assert_string_equal(options_text(&o, OPT_SHARE), "~/x");
    assert_string_equal(options_text(&o, OPT_STATE), "~user");
    options_fini(&o);
    unsetenv("HOME");
    assert_int_equal(load(&o, COMMAND_PEER, user, NULL, ARGV("peer")), DI_INVALID);
    assert_says(problem.what, ":1: share");
    assert_says(problem.why, "HOME");
    options_fini(&o);
}

static void flags_can_be_taken_back(void **state)
{
    struct options o;

    (void)state;
    assert_int_equal(load(&o, COMMAND_PEER, "json = yes", NULL, ARGV("peer", "--json=no", "-qv")),
                     DI_OK);
    assert_false(options_flag(&o, OPT_JSON));
    assert_true(options_flag(&o, OPT_QUIET));
    assert_true(options_flag(&o, OPT_VERBOSE));
    options_fini(&o);
}

static void several_scripts_are_one(void **state)
{
    struct options o;

    (void)state;
    assert_int_equal(
        load(&o, COMMAND_PEER, NULL, NULL, ARGV("peer", "-c", "register", "--command", "hold")),
        DI_OK);
    assert_string_equal(options_text(&o, OPT_COMMAND), "register\nhold");
    options_fini(&o);
}

static void arguments_are_what_is_left(void **state)
{
    struct options o;

    (void)state;
    assert_int_equal(
        load(&o, COMMAND_GET, NULL, NULL, ARGV("get", "1", "--json", "2-3", "--", "-4")), DI_OK);
    assert_int_equal(o.arg_count, 3);
    assert_string_equal(o.args[2], "-4");
    options_fini(&o);
}

static void help_comes_before_complaints(void **state)
{
    struct options o;

    (void)state;
    assert_int_equal(load(&o, COMMAND_GET, "nonsense", NULL, ARGV("get", "--help")), DI_OK);
    assert_true(options_flag(&o, OPT_HELP));
    options_fini(&o);
}

/* Ends a buffer as a string. */
static const char *text_of(struct buf *b)
{
    buf_append_char(b, '\0');
    assert_int_equal(buf_status(b), DI_OK);
    return buf_bytes(b);
}

static void help_fits_the_screen_and_ends_with_two_examples(void **state)
{
    (void)state;
    for (size_t c = 0; c <= COMMAND_COUNT + 1; c++) {
        struct buf b;
        size_t lines = 0, column = 0;

        buf_init(&b, 65536);
        if (c < COMMAND_COUNT)
            help_command(&b, (enum command)c);
        else if (c == COMMAND_COUNT)
            help_program(&b);
        else
            help_batch(&b);
        const char *text = text_of(&b);
        for (const char *p = text; *p != '\0'; p++) {
            column = *p == '\n' ? 0 : column + 1;
            lines += *p == '\n';
            if (column > 79)
                fail_msg("too wide: %s", text);
        }
        if (lines > 23 && c <= COMMAND_COUNT)
            fail_msg("%zu lines: %s", lines, text);
        const char *examples = strstr(text, "\nExamples:\n  p2pdi ");
        assert_non_null(examples);
        const char *second = strstr(examples + 20, "\n  p2pdi ");
        assert_non_null(second);
        assert_null(strstr(second + 5, "\n  "));
        buf_fini(&b);
    }
}

static void settings_can_be_read_back(void **state)
{
    struct options o, again;
    struct buf b;

    (void)state;
    setenv("P2PDI_DOWNLOADS", "2", 1);
    assert_int_equal(load(&o, COMMAND_PEER, "share = /a b\n", NULL, ARGV("peer", "--rs=h:1")),
                     DI_OK);
    buf_init(&b, 65536);
    help_settings(&b, &o);
    const char *text = text_of(&b);
    assert_says(text, "rs = h:1  # --rs\n");
    assert_says(text, "downloads = 2  # P2PDI_DOWNLOADS\n");
    assert_says(text, "listen = :0  # default\n");
    assert_says(text, "share = /a b  # ./test_options_user.");
    assert_int_equal(load(&again, COMMAND_PEER, text, NULL, ARGV("peer")), DI_OK);
    assert_string_equal(options_text(&again, OPT_SHARE), "/a b");
    assert_string_equal(options_text(&again, OPT_RS), "h:1");
    options_fini(&again);
    options_fini(&o);
    buf_fini(&b);
}

static void completions_and_manual_name_every_option(void **state)
{
    static const char *const shells[] = {"bash", "zsh", "fish", NULL};

    (void)state;
    for (size_t s = 0; s < 4; s++) {
        struct buf b;
        buf_init(&b, 1 << 20);
        if (shells[s] != NULL)
            assert_true(help_completion(&b, shells[s]));
        else
            help_man(&b);
        const char *text = text_of(&b);
        for (size_t i = 0; i < OPTION_COUNT; i++)
            assert_says(text, option_info((enum option_id)i)->name);
        for (size_t i = 0; i < COMMAND_COUNT; i++)
            assert_says(text, command_info((enum command)i)->name);
        buf_fini(&b);
    }
    struct buf b;
    buf_init(&b, 100);
    assert_false(help_completion(&b, "cmd.exe"));
    buf_fini(&b);
}

static void environment_names_follow_the_options(void **state)
{
    char name[OPTION_ENVIRONMENT_SIZE];

    (void)state;
    option_environment_name(OPT_RS, name);
    assert_string_equal(name, "P2PDI_RS");
    option_environment_name(OPT_PRINT_CONFIG, name);
    assert_string_equal(name, "P2PDI_PRINT_CONFIG");
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup(f, clear_environment)
    const struct CMUnitTest tests[] = {
        TEST(defaults_are_those_of_the_contract),
        TEST(the_first_source_wins),
        TEST(files_hold_keys_values_and_comments),
        TEST(a_key_may_be_for_one_command),
        TEST(errors_in_files_name_the_line),
        TEST(a_directory_is_no_configuration_file),
        TEST(unknown_options_get_the_nearest_as_hint),
        TEST(values_are_checked),
        TEST(a_file_may_name_directories_below_home),
        TEST(flags_can_be_taken_back),
        TEST(several_scripts_are_one),
        TEST(arguments_are_what_is_left),
        TEST(help_comes_before_complaints),
        TEST(help_fits_the_screen_and_ends_with_two_examples),
        TEST(settings_can_be_read_back),
        TEST(completions_and_manual_name_every_option),
        TEST(environment_names_follow_the_options),
    };
    const char *dir = getenv("TMPDIR");
    if (dir != NULL && chdir(dir) != 0)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
