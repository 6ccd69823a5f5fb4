/* What is told of a server that could not be asked. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "../../src/cli/setup.h"

static void only_a_refused_connection_lacks_a_server(void **state)
{
    (void)state;
    assert_non_null(strstr(setup_server_hint(DI_REFUSED), "p2pdi rs"));
    assert_null(strstr(setup_server_hint(DI_TIMEOUT), "p2pdi rs"));
    assert_null(strstr(setup_server_hint(DI_UNREACHABLE), "p2pdi rs"));
    assert_string_equal(setup_server_trouble(DI_TIMEOUT), di_err_text(DI_TIMEOUT));
}

static void another_program_there_is_told_as_such(void **state)
{
    (void)state;
    assert_string_equal(setup_server_trouble(DI_PROTOCOL),
                        "what answers there is not a registration server");
    assert_string_equal(setup_server_hint(DI_PROTOCOL), "check --rs");
    assert_string_equal(setup_server_hint(DI_CLOSED),
                        "check --rs"); /* such as one that wants TLS */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_a_refused_connection_lacks_a_server),
        cmocka_unit_test(another_program_there_is_told_as_such),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
