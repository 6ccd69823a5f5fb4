/* Words for errors; errno in our terms. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>

#include "p2pdi/base/err.h"

static void every_error_has_words_of_its_own(void **state)
{
    static const enum di_err all[] = {
#define X(name, text) DI_##name,
        DI_ERR_MAP(X)
#undef X
    };
    size_t count = sizeof(all) / sizeof(all[0]);

    (void)state;
    assert_int_equal(DI_OK, 0);
    for (size_t i = 0; i < count; i++) {
        assert_true(strlen(di_err_text(all[i])) > 3);
        for (size_t k = 0; k < i; k++)
            assert_string_not_equal(di_err_text(all[i]), di_err_text(all[k]));
    }
    assert_string_equal(di_err_text((enum di_err)999), "unknown error");
}

static void errno_keeps_its_meaning(void **state)
{
    (void)state;
    assert_int_equal(di_err_from_errno(ENOSPC), DI_NO_SPACE);
    assert_int_equal(di_err_from_errno(EISDIR), DI_DIRECTORY);
    assert_int_equal(di_err_from_errno(EACCES), DI_ACCESS);
    assert_int_equal(di_err_from_errno(EROFS), DI_READ_ONLY);
    assert_int_equal(di_err_from_errno(ECONNREFUSED), DI_REFUSED);
    assert_int_equal(di_err_from_errno(EADDRINUSE), DI_IN_USE);
    assert_int_equal(di_err_from_errno(ENOENT), DI_NOT_FOUND);
    assert_int_equal(di_err_from_errno(EMFILE), DI_LIMIT);
    assert_int_equal(di_err_from_errno(EPIPE), DI_CLOSED);
    assert_int_equal(di_err_from_errno(EIO), DI_IO);
    assert_int_equal(di_err_from_errno(123456), DI_IO);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_error_has_words_of_its_own),
        cmocka_unit_test(errno_keeps_its_meaning),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
