/* The documents of an experiment: chosen by name, laid out in libraries, checked byte by byte. */
#include "../../src/lab/documents.h"
#include "store_help.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char dir[256];

static int make_dir(void **state)
{
    (void)state;
    help_make_dir(dir, "documents");
    return 0;
}

/* Two peers, so as many documents are needed as twice the files. */
static enum di_err open_from(struct documents *d, const char *from, size_t files, char why[512])
{
    struct lab_config cfg;
    lab_config_init(&cfg);
    cfg.rfcs = from;
    cfg.seed = 1;
    why[0] = '\0';
    return documents_open(d, &cfg, 2, files, dir, why);
}

static void only_names_as_the_lab_writes_them_count(void **state)
{
    (void)state;
    static const char *const others[] = {
        "rfc.txt",     "rfc0010.txt",   "rfcx.txt",        "rfc7.pdf", "rfc7.txt.gz",
        "notrfc7.txt", "rfc-index.txt", "rfc99999999.txt", "a",
    };
    struct documents d;
    char why[512];
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        help_write_text(dir, others[i], "not this one");
    help_write_text(dir, "rfc7.txt", "seven");
    help_write_text(dir, "rfc9999999.txt", "large");
    assert_int_equal(open_from(&d, dir, 1, why), DI_OK);
    assert_int_equal(d.count, 2);
    assert_non_null(documents_find(&d, 7));
    assert_non_null(documents_find(&d, 9999999));
    assert_null(documents_find(&d, 8));
    documents_close(&d);
    assert_int_equal(open_from(&d, dir, 2, why), DI_NOT_FOUND);
    assert_non_null(strstr(why, "holds 2 documents named rfcN.txt, 4 are needed"));
}

static void a_directory_of_many_documents_is_taken_and_its_end_shown(void **state)
{
    (void)state;
    struct documents d;
    char deep[512], name[32], why[512];
    (void)snprintf(deep, sizeof deep, "%s/%0100d", dir, 7);
    assert_int_equal(mkdir(deep, 0700), 0);
    for (unsigned n = 1; n <= 200; n++) {
        (void)snprintf(name, sizeof name, "rfc%u.txt", n);
        help_write_text(deep, name, name);
    }
    assert_int_equal(open_from(&d, deep, 100, why), DI_OK);
    assert_int_equal(d.count, 200);
    assert_non_null(strstr(d.text, "200 RFCs from ..."));
    assert_non_null(strstr(d.text, "0007, "));
    documents_close(&d);
}

static void a_directory_that_is_not_there_is_named(void **state)
{
    (void)state;
    struct documents d;
    char none[512], why[512];
    (void)snprintf(none, sizeof none, "%s/none", dir);
    assert_int_equal(open_from(&d, none, 1, why), DI_NOT_FOUND);
    assert_non_null(strstr(why, none));
    /* Nor can any be made there. */
    struct lab_config cfg;
    lab_config_init(&cfg);
    assert_int_not_equal(documents_open(&d, &cfg, 2, 1, none, why), DI_OK);
}

static void a_document_that_cannot_be_read_is_named(void **state)
{
    (void)state;
    struct documents d;
    char name[512], why[512];
    help_write_text(dir, "rfc7.txt", "seven");
    (void)snprintf(name, sizeof name, "%s/rfc8.txt", dir);
    assert_int_equal(mkdir(name, 0700), 0);
    assert_int_not_equal(open_from(&d, dir, 1, why), DI_OK);
    assert_non_null(strstr(why, "cannot read "));
    assert_non_null(strstr(why, "rfc8.txt"));
}

static void a_library_is_laid_out_and_checked(void **state)
{
    (void)state;
    struct documents d;
    char library[512], none[600], why[512];
    help_write_text(dir, "rfc7.txt", "seven");
    help_write_text(dir, "rfc8.txt", "eight");
    assert_int_equal(open_from(&d, dir, 1, why), DI_OK);
    (void)snprintf(library, sizeof library, "%s/library", dir);
    (void)snprintf(none, sizeof none, "%s/none", dir);
    assert_int_equal(mkdir(library, 0700), 0);

    const struct document *seven = documents_find(&d, 7);
    assert_int_not_equal(documents_check(seven, library, why), DI_OK);
    assert_non_null(strstr(why, "was reported done, but"));
    assert_int_equal(documents_lay_out(&d, 0, 2, library, why), DI_OK);
    assert_int_equal(documents_check(seven, library, why), DI_OK);
    /* They are there: not written over. */
    assert_int_equal(documents_lay_out(&d, 0, 2, library, why), DI_EXISTS);
    assert_int_not_equal(documents_lay_out(&d, 0, 2, none, why), DI_OK);
    assert_non_null(strstr(why, "cannot copy to "));

    char copy[600];
    (void)snprintf(copy, sizeof copy, "%s/rfc7.txt", library);
    assert_int_equal(unlink(copy), 0);
    help_write_text(library, "rfc7.txt", "Seven");
    assert_int_equal(documents_check(seven, library, why), DI_MISMATCH);
    help_write_text(library, "rfc7.txt", "seven, and more");
    assert_int_equal(documents_check(seven, library, why), DI_MISMATCH);
    assert_non_null(strstr(why, "15 bytes of 5"));
    documents_close(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(only_names_as_the_lab_writes_them_count, make_dir),
        cmocka_unit_test_setup(a_directory_of_many_documents_is_taken_and_its_end_shown, make_dir),
        cmocka_unit_test_setup(a_directory_that_is_not_there_is_named, make_dir),
        cmocka_unit_test_setup(a_document_that_cannot_be_read_is_named, make_dir),
        cmocka_unit_test_setup(a_library_is_laid_out_and_checked, make_dir),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
