/* The JSON emitter: commas, escapes, and that another program's parser reads it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <jansson.h>

#include "p2pdi/base/json.h"
#include "p2pdi/base/random.h"

static struct buf out;

static int set_up(void **state)
{
    (void)state;
    buf_init(&out, 1u << 20);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    buf_fini(&out);
    return 0;
}

static void assert_json(const char *want)
{
    assert_int_equal(buf_status(&out), DI_OK);
    buf_append_char(&out, '\0');
    assert_string_equal(buf_bytes(&out), want);
}

static void commas_stand_between_values_only(void **state)
{
    (void)state;
    json_object_begin(&out, NULL);
    json_u64(&out, "v", 1);
    json_array_begin(&out, "peers");
    json_array_end(&out);
    json_array_begin(&out, "rows");
    json_object_begin(&out, NULL);
    json_object_end(&out);
    json_object_begin(&out, NULL);
    json_bool(&out, "a", true);
    json_i64(&out, "b", 0);
    json_object_end(&out);
    json_i64(&out, NULL, -5);
    json_array_end(&out);
    json_text(&out, "end", "");
    json_object_end(&out);
    assert_json("{\"v\":1,\"peers\":[],\"rows\":[{},{\"a\":true,\"b\":0},-5],\"end\":\"\"}");
}

static void strings_that_end_like_structure_do_not_mislead(void **state)
{
    (void)state;
    json_array_begin(&out, NULL);
    json_text(&out, NULL, "{");
    json_text(&out, NULL, ",");
    json_text(&out, NULL, ":\n");
    json_u64(&out, NULL, 0);
    json_array_end(&out);
    assert_json("[\"{\",\",\",\":\\u000a\",0]");
}

static void lines_start_anew(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        json_object_begin(&out, NULL);
        json_object_end(&out);
        buf_append_char(&out, '\n');
    }
    assert_json("{}\n{}\n");
}

static void numbers_keep_all_digits(void **state)
{
    (void)state;
    json_array_begin(&out, NULL);
    json_u64(&out, NULL, UINT64_MAX);
    json_i64(&out, NULL, INT64_MIN);
    json_i64(&out, NULL, INT64_MAX);
    json_seconds(&out, NULL, 0);
    json_seconds(&out, NULL, 1051502);
    json_seconds(&out, NULL, 7);
    json_seconds(&out, NULL, -1500000);
    json_seconds(&out, NULL, INT64_MIN);
    json_array_end(&out);
    assert_json("[18446744073709551615,-9223372036854775808,9223372036854775807,0.000000,1.051502,"
                "0.000007,-1.500000,-9223372036854.775808]");
}

static void special_characters_are_escaped(void **state)
{
    (void)state;
    json_array_begin(&out, NULL);
    json_text(&out, NULL, "\"\\/\b\x1f\x7f\xc3\xb6");
    json_slice(&out, NULL, (struct slice){"a\0b", 3});
    json_text(&out, NULL,
              "\xff"
              "a\xe2\x82");
    json_array_end(&out);
    assert_json("[\"\\\"\\\\/\\u0008\\u001f\\u007f\xc3\xb6\",\"a\\u0000b\","
                "\"\xef\xbf\xbd"
                "a\xef\xbf\xbd\"]");
}

static void random_strings_are_read_back_by_another_parser(void **state)
{
    struct prng p;

    (void)state;
    prng_seed(&p, 2);
    for (int i = 0; i < 5000; i++) {
        char in[32];
        size_t n = prng_below(&p, sizeof(in));

        for (size_t k = 0; k < n; k++)
            in[k] = (char)(1 + prng_below(&p, i % 2 == 0 ? 127 : 255));
        buf_clear(&out);
        json_object_begin(&out, NULL);
        json_slice(&out, "s", (struct slice){in, n});
        json_slice(&out, "t", (struct slice){in, n});
        json_object_end(&out);

        json_t *root = json_loadb(buf_bytes(&out), out.len, 0, NULL);
        assert_non_null(root);
        if (i % 2 == 0) { /* ASCII comes back as it was; other bytes only have to be valid */
            in[n] = '\0';
            assert_string_equal(json_string_value(json_object_get(root, "t")), in);
        }
        json_decref(root);
    }
}

static void a_full_buffer_says_so_at_the_end(void **state)
{
    struct buf small;

    (void)state;
    buf_init(&small, 10);
    json_object_begin(&small, NULL);
    json_text(&small, "key", "a long value");
    json_object_end(&small);
    assert_int_equal(buf_status(&small), DI_LIMIT);
    buf_fini(&small);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(commas_stand_between_values_only, set_up, tear_down),
        cmocka_unit_test_setup_teardown(strings_that_end_like_structure_do_not_mislead, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(lines_start_anew, set_up, tear_down),
        cmocka_unit_test_setup_teardown(numbers_keep_all_digits, set_up, tear_down),
        cmocka_unit_test_setup_teardown(special_characters_are_escaped, set_up, tear_down),
        cmocka_unit_test_setup_teardown(random_strings_are_read_back_by_another_parser, set_up,
                                        tear_down),
        cmocka_unit_test(a_full_buffer_says_so_at_the_end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
