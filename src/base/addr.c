/* Addresses in and out of text. inet_pton and inet_ntop do the digits. Pure. */
#include "p2pdi/base/addr.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

struct addr addr_ipv4(uint8_t a, uint8_t b, uint8_t c, uint8_t d, uint16_t port)
{
    struct addr out = {.port = port};

    memcpy(out.ip, mapped, sizeof(mapped));
    out.ip[12] = a;
    out.ip[13] = b;
    out.ip[14] = c;
    out.ip[15] = d;
    return out;
}

bool addr_is_ipv4(const struct addr *a)
{
    return memcmp(a->ip, mapped, sizeof(mapped)) == 0;
}

bool addr_is_loopback(const struct addr *a)
{
    static const uint8_t one[16] = {[15] = 1};

    return addr_is_ipv4(a) ? a->ip[12] == 127 : memcmp(a->ip, one, sizeof(one)) == 0;
}

bool addr_is_any(const struct addr *a)
{
    static const uint8_t zero[16];
    size_t from = addr_is_ipv4(a) ? sizeof(mapped) : 0;

    return memcmp(a->ip + from, zero, sizeof(zero) - from) == 0;
}

bool addr_same_host(const struct addr *a, const struct addr *b)
{
    return memcmp(a->ip, b->ip, sizeof(a->ip)) == 0;
}

bool addr_equal(const struct addr *a, const struct addr *b)
{
    return addr_same_host(a, b) && a->port == b->port;
}

int addr_compare(const struct addr *a, const struct addr *b)
{
    int hosts = memcmp(a->ip, b->ip, sizeof(a->ip));

    if (hosts != 0)
        return hosts < 0 ? -1 : 1;
    return (a->port > b->port) - (a->port < b->port);
}

void addr_format_host(const struct addr *a, char out[ADDR_HOST_SIZE])
{
    if (addr_is_ipv4(a))
        inet_ntop(AF_INET, a->ip + sizeof(mapped), out, ADDR_HOST_SIZE);
    else
        inet_ntop(AF_INET6, a->ip, out, ADDR_HOST_SIZE);
}

void addr_format(const struct addr *a, char out[ADDR_TEXT_SIZE])
{
    char host[ADDR_HOST_SIZE];

    addr_format_host(a, host);
    snprintf(out, ADDR_TEXT_SIZE, addr_is_ipv4(a) ? "%s:%u" : "[%s]:%u", host, (unsigned)a->port);
}

bool addr_parse_host(struct slice s, struct addr *a)
{
    char text[ADDR_HOST_SIZE];
    uint8_t ip[16];
    bool bracketed = s.n >= 2 && s.p[0] == '[' && s.p[s.n - 1] == ']';

    if (bracketed)
        s = (struct slice){s.p + 1, s.n - 2};
    if (s.n == 0 || s.n >= sizeof(text) || memchr(s.p, '\0', s.n) != NULL)
        return false;
    memcpy(text, s.p, s.n);
    text[s.n] = '\0';

    if (inet_pton(AF_INET6, text, ip) == 1) {
        memcpy(a->ip, ip, sizeof(ip));
        return true;
    }
    if (!bracketed && inet_pton(AF_INET, text, ip) == 1) {
        *a = addr_ipv4(ip[0], ip[1], ip[2], ip[3], a->port);
        return true;
    }
    return false;
}

static bool parse_port(struct slice s, uint16_t *out)
{
    uint64_t port;

    if (s.n > 5 || !text_parse_u64(s, UINT16_MAX, &port))
        return false;
    *out = (uint16_t)port;
    return true;
}

bool addr_split(struct slice s, struct slice *host, uint16_t *port)
{
    struct slice rest;

    if (s.n > 0 && s.p[0] == '[') {
        struct slice inside = slice_split((struct slice){s.p + 1, s.n - 1}, ']', &rest);

        if (rest.p == NULL || inside.n == 0)
            return false;
        if (rest.n > 0 &&
            (rest.p[0] != ':' || !parse_port((struct slice){rest.p + 1, rest.n - 1}, port)))
            return false;
        *host = inside;
        return true;
    }

    struct slice before = slice_split(s, ':', &rest);

    if (rest.p == NULL || (rest.n > 0 && memchr(rest.p, ':', rest.n) != NULL)) {
        *host = s; /* No colon: no port. More than one: an IPv6 address, which has none either. */
        return true;
    }
    if (!parse_port(rest, port))
        return false;
    *host = before;
    return true;
}

bool addr_parse(struct slice s, struct addr *a)
{
    struct slice host;
    struct addr out = {0};
    size_t colon = s.n;

    /* The port follows the last colon; an IPv6 address before it has to stand in brackets. */
    while (colon > 0 && s.p[colon - 1] != ':')
        colon--;
    if (colon == 0 || !parse_port((struct slice){s.p + colon, s.n - colon}, &out.port))
        return false;
    host = (struct slice){s.p, colon - 1};
    if (host.n == 0 || (host.p[0] != '[' && memchr(host.p, ':', host.n) != NULL))
        return false;
    if (!addr_parse_host(host, &out))
        return false;
    *a = out;
    return true;
}
