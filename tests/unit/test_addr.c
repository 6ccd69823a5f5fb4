/* Addresses: what is read, what is refused, and that text and value go there and back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "p2pdi/base/addr.h"
#include "p2pdi/base/random.h"

static void assert_text(const struct addr *a, const char *want)
{
    char text[ADDR_TEXT_SIZE];

    addr_format(a, text);
    assert_string_equal(text, want);
}

static void both_families_go_there_and_back(void **state)
{
    static const char *const texts[] = {
        "192.0.2.7:40001",
        "0.0.0.0:0",
        "255.255.255.255:65535",
        "[::1]:80",
        "[::]:0",
        "[2001:db8::1]:65535",
        "[1:2:3:4:5:6:7:8]:1",
        "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct addr a;

        assert_true(addr_parse(slice_of(texts[i]), &a));
        assert_text(&a, texts[i]);
    }
}

static void random_addresses_go_there_and_back(void **state)
{
    struct prng p;

    (void)state;
    prng_seed(&p, 7);
    for (int i = 0; i < 20000; i++) {
        struct addr a = {.port = (uint16_t)prng_next(&p)}, b;
        char text[ADDR_TEXT_SIZE];
        size_t from = prng_below(&p, 2) == 0 ? 12 : 0;

        if (from > 0)
            a = addr_ipv4(0, 0, 0, 0, a.port);
        for (size_t k = from; k < 16; k++)
            a.ip[k] = prng_below(&p, 3) == 0 ? 0 : (uint8_t)prng_next(&p);
        addr_format(&a, text);
        assert_true(addr_parse(slice_of(text), &b));
        assert_true(addr_equal(&a, &b));
    }
}

static void mapped_ipv6_is_ipv4(void **state)
{
    struct addr a;

    (void)state;
    assert_true(addr_parse(SLICE("[::ffff:192.0.2.1]:5"), &a));
    assert_true(addr_is_ipv4(&a));
    assert_text(&a, "192.0.2.1:5");
}

static void what_is_not_an_address_is_refused(void **state)
{
    static const char *const bad[] = {
        "",
        ":",
        "1.2.3.4",
        "1.2.3.4:",
        "1.2.3.4:65536",
        "1.2.3.4:-1",
        "1.2.3:80",
        "1.2.3.256:8",
        "01.2.3.4:80",
        " 1.2.3.4:80",
        "1.2.3.4:80 ",
        "1.2.3.4:+8",
        "::1:80:",
        "::1",
        "2001:db8::1:80",
        "[::1]",
        "[::1]80",
        "[::1:80",
        "[1.2.3.4]:80",
        "[]:80",
        "[fe80::1%lo]:8",
        "example:80",
        "[1::2::3]:8",
        "1.2.3.4:000080",
        "[12345::]:1",
        "1.2.3.4:8a",
        "0x7f.1:80",
    };
    struct addr a = addr_ipv4(9, 9, 9, 9, 9);

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        if (addr_parse(slice_of(bad[i]), &a))
            fail_msg("\"%s\" was taken for an address", bad[i]);
    }
    assert_false(addr_parse((struct slice){"1.2.3.4\0:80", 11}, &a));
    assert_text(&a, "9.9.9.9:9");
}

static void hosts_come_with_and_without_brackets(void **state)
{
    struct addr a = {.port = 77}, b = {.port = 77};
    char host[ADDR_HOST_SIZE];

    (void)state;
    assert_true(addr_parse_host(SLICE("2001:db8::1"), &a));
    assert_true(addr_parse_host(SLICE("[2001:DB8:0::0:1]"), &b));
    assert_true(addr_equal(&a, &b));
    assert_int_equal(a.port, 77);
    addr_format_host(&a, host);
    assert_string_equal(host, "2001:db8::1");
    assert_true(addr_parse_host(SLICE("10.0.0.1"), &a));
    assert_int_equal(a.port, 77);
    addr_format_host(&a, host);
    assert_string_equal(host, "10.0.0.1");
    assert_false(addr_parse_host(SLICE("localhost"), &a));
    assert_false(addr_parse_host(SLICE("[10.0.0.1]"), &a));
    assert_false(addr_parse_host(SLICE("["), &a));
    assert_false(addr_parse_host(SLICE(""), &a));
}

static void kinds_are_told_apart(void **state)
{
    struct addr any6 = {{0}, 1}, one6 = {.ip = {[15] = 1}};
    struct addr any4 = addr_ipv4(0, 0, 0, 0, 1), lo = addr_ipv4(127, 8, 0, 1, 1);
    struct addr far = addr_ipv4(128, 0, 0, 1, 1);

    (void)state;
    assert_true(addr_is_any(&any6) && addr_is_any(&any4));
    assert_false(addr_is_any(&one6) || addr_is_any(&lo));
    assert_true(addr_is_loopback(&one6) && addr_is_loopback(&lo));
    assert_false(addr_is_loopback(&any6) || addr_is_loopback(&any4) || addr_is_loopback(&far));
    assert_true(addr_is_ipv4(&any4));
    assert_false(addr_is_ipv4(&any6));
}

static void order_is_total_and_by_host_then_port(void **state)
{
    struct addr a = addr_ipv4(10, 0, 0, 1, 5), b = addr_ipv4(10, 0, 0, 1, 300);
    struct addr c = addr_ipv4(10, 0, 0, 2, 1);

    (void)state;
    assert_int_equal(addr_compare(&a, &a), 0);
    assert_int_equal(addr_compare(&a, &b), -1);
    assert_int_equal(addr_compare(&b, &a), 1);
    assert_int_equal(addr_compare(&b, &c), -1);
    assert_true(addr_same_host(&a, &b));
    assert_false(addr_equal(&a, &b));
    assert_false(addr_same_host(&b, &c));
}

static void split_takes_every_form_of_an_option(void **state)
{
    static const struct {
        const char *text, *host;
        int port; /* -1: untouched */
    } good[] = {
        {"", "", -1},
        {"rs.example", "rs.example", -1},
        {"rs.example:65423", "rs.example", 65423},
        {":0", "", 0},
        {"10.0.0.1:80", "10.0.0.1", 80},
        {"::1", "::1", -1},
        {"::", "::", -1},
        {"2001:db8::1", "2001:db8::1", -1},
        {"[::1]", "::1", -1},
        {"[::1]:65535", "::1", 65535},
    };
    static const char *const bad[] = {"h:65536", "h:",     "h:x",      ":",
                                      "[::1",    "[::1]x", "[::1]:",   "[]:80",
                                      "h:-1",    "h: 80",  "h:000080", "[::1]:99999"};

    (void)state;
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        struct slice host = SLICE("?");
        uint16_t port = 4711;

        assert_true(addr_split(slice_of(good[i].text), &host, &port));
        assert_true(slice_equal(host, slice_of(good[i].host)));
        assert_int_equal(port, good[i].port < 0 ? 4711 : good[i].port);
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct slice host;
        uint16_t port = 4711;

        if (addr_split(slice_of(bad[i]), &host, &port))
            fail_msg("\"%s\" was split", bad[i]);
        assert_int_equal(port, 4711);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_families_go_there_and_back),
        cmocka_unit_test(random_addresses_go_there_and_back),
        cmocka_unit_test(mapped_ipv6_is_ipv4),
        cmocka_unit_test(what_is_not_an_address_is_refused),
        cmocka_unit_test(hosts_come_with_and_without_brackets),
        cmocka_unit_test(kinds_are_told_apart),
        cmocka_unit_test(order_is_total_and_by_host_then_port),
        cmocka_unit_test(split_takes_every_form_of_an_option),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
