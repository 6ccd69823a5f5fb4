/*
 * Values that stand in options, configuration and rows: numbers, durations, sizes, times, addresses,
 * digests; and whole configuration files. The first byte says which. What is believed can be said again.
 */
#include "../../src/cli/config.h"

#include "p2pdi/base/addr.h"
#include "p2pdi/base/sha256.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
    if (!holds)
        abort();
}

static void try_numbers(struct slice s)
{
    uint64_t n = 0, bytes = 0;

    if (text_parse_u64(s, 1000, &n)) {
        must(n <= 1000);
        must(text_parse_size(s, &bytes) && bytes == n); /* a number is a size */
    }
    (void)text_parse_size(s, &bytes);
}

static void try_time(struct slice s)
{
    char text[TEXT_RFC3339_SIZE];
    int64_t wall_s = 0, again_s = 0;

    if (!text_parse_rfc3339(s, &wall_s))
        return;
    text_format_rfc3339(wall_s, text);
    must(text_parse_rfc3339(slice_of(text), &again_s) && again_s == wall_s);
}

static void try_address(struct slice s)
{
    struct addr a = {.port = 1}, again = {.port = 2};
    char text[ADDR_TEXT_SIZE], host[ADDR_HOST_SIZE];
    struct slice name = {0};
    uint16_t port = 0;

    if (addr_parse(s, &a)) {
        addr_format(&a, text);
        must(addr_parse(slice_of(text), &again) && addr_equal(&a, &again));
        must(addr_split(s, &name, &port) && port == a.port);
    }
    if (addr_parse_host(s, &a)) {
        addr_format_host(&a, host);
        must(addr_parse_host(slice_of(host), &again) && addr_same_host(&a, &again));
    }
    if (addr_split(s, &name, &port))
        must(name.n <= s.n && (name.n == 0 || (name.p >= s.p && name.p + name.n <= s.p + s.n)));
}

static void try_digest(struct slice s)
{
    char hex[SHA256_HEX_SIZE];
    struct sha256 digest, again;

    if (!sha256_parse(s, &digest))
        return;
    sha256_format(&digest, hex);
    must(s.n == strlen(hex) && sha256_parse(slice_of(hex), &again) &&
         sha256_equal(&digest, &again));
    must(slice_equal_nocase(s, slice_of(hex)));
}

static void try_config(struct slice s)
{
    char *text = malloc(s.n + 1);

    must(text != NULL);
    memcpy(text, s.p, s.n);
    text[s.n] = '\0';

    const char *end = text + strlen(text);
    size_t lines = 0;

    for (char *rest = text; rest != NULL; lines++) {
        char *key = NULL, *value = NULL;

        if (config_line_next(&rest, &key, &value) != CONFIG_SETTING)
            continue;
        must(key >= text && key + strlen(key) <= end && key[0] != '\0');
        must(value > key && value + strlen(value) <= end);
        must(strpbrk(key, "\n=") == NULL && strchr(value, '\n') == NULL);
        must(slice_trim(slice_of(key)).n == strlen(key));
    }
    must(lines <= s.n + 1);
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static void (*const tries[])(struct slice s) = {try_numbers, try_time, try_address, try_digest,
                                                    try_config};

    if (size > 0)
        tries[data[0] % (sizeof(tries) / sizeof(tries[0]))](
            (struct slice){(const char *)data + 1, size - 1});
    return 0;
}
