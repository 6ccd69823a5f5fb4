/* The library: what is listed, under which title, what can be opened. */
#include "store_help.h"

#include "p2pdi/base/sha256.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void every_kind_of_name_is_listed(void **state)
{
    (void)state;
    char dir[256], st[256];
    struct help_library h;
    help_make_dir(dir, "lib");
    help_make_dir(st, "state");
    help_write_text(dir, "rfc8609.txt", "one");
    help_write_text(dir, "rfc0010.txt", "two");
    help_write_text(dir, "11_Some_title.txt", "three");
    help_write_text(dir, "rfc12.pdf", "four");
    help_write_text(dir, "rfc99999999.txt", "five");
    help_write_text(dir, "rfc100000000.txt", "too large a number");
    help_write_text(dir, "rfc0.txt", "no number");
    help_write_text(dir, "notes.txt", "no document");
    help_library_open(&h, dir, st);
    assert_int_equal(library_count(h.lib), 5);
    struct sha256 expect;
    const struct library_doc *d = library_get(h.lib, 10, LIBRARY_TXT);
    assert_non_null(d);
    assert_int_equal(d->size_bytes, 3);
    assert_int_equal(sha256_of("two", 3, &expect), DI_OK);
    assert_true(sha256_equal(&d->sha256, &expect));
    assert_string_equal(d->title, "RFC 10");
    library_doc_unref(d);
    d = library_get(h.lib, 11, LIBRARY_TXT);
    assert_string_equal(d->title, "Some title");
    library_doc_unref(d);
    assert_null(library_get(h.lib, 12, LIBRARY_TXT));
    d = library_get(h.lib, 12, LIBRARY_PDF);
    assert_non_null(d);
    library_doc_unref(d);
    help_library_close(&h);
}

static void a_published_document_is_listed_and_readable(void **state)
{
    (void)state;
    char dir[256], st[256], bytes[64] = "";
    struct help_library h;
    size_t len = 0;
    help_make_dir(dir, "lib");
    help_make_dir(st, "state");
    help_library_open(&h, dir, st);
    char *doc = help_document(77, "A Fine Title", 1, 4000, &len);
    assert_int_equal(help_publish(h.lib, 77, doc, len, ""), DI_OK);
    size_t at = help_wait_event(&h, HELP_ADDED, 77, 0);
    assert_string_equal(h.event[at].title, "A Fine Title");
    const struct library_doc *d = library_get(h.lib, 77, LIBRARY_TXT);
    struct library_file *f = NULL;
    assert_int_equal(library_file_open(h.lib, d, &f), DI_OK);
    assert_int_equal(pread(library_file_fd(f), bytes, 32, 0), 32);
    assert_memory_equal(bytes, doc, 32);
    library_file_release(f);
    library_doc_unref(d);
    free(doc);
    help_library_close(&h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_kind_of_name_is_listed),
        cmocka_unit_test(a_published_document_is_listed_and_readable),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
