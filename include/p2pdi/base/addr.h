/* Numeric transport addresses as values: no sockets, no names. IPv4 is kept IPv4-mapped. Pure. */
#ifndef P2PDI_BASE_ADDR_H
#define P2PDI_BASE_ADDR_H

#include "p2pdi/base/text.h"

#include <stdbool.h>
#include <stdint.h>

struct addr {
    uint8_t ip[16]; /* network order; ::ffff:a.b.c.d for IPv4 */
    uint16_t port;  /* host order */
};
/* No padding: an address may be hashed and compared as bytes. */
_Static_assert(sizeof(struct addr) == 18, "struct addr has padding");

#define ADDR_HOST_SIZE 46 /* longest numeric host and NUL */
#define ADDR_TEXT_SIZE 56 /* "[host]:65535" and NUL */

struct addr addr_ipv4(uint8_t a, uint8_t b, uint8_t c, uint8_t d, uint16_t port);
bool addr_is_ipv4(const struct addr *a);
bool addr_is_loopback(const struct addr *a);
bool addr_is_any(const struct addr *a);
bool addr_equal(const struct addr *a, const struct addr *b);
bool addr_same_host(const struct addr *a, const struct addr *b);
int addr_compare(const struct addr *a, const struct addr *b); /* total order, by bytes */

/* Host alone: "192.0.2.7" or "2001:db8::1". */
void addr_format_host(const struct addr *a, char out[ADDR_HOST_SIZE]);
/* "192.0.2.7:40001" or "[2001:db8::1]:40001". */
void addr_format(const struct addr *a, char out[ADDR_TEXT_SIZE]);
/* A numeric host (IPv4 or IPv6, IPv6 with or without brackets) into a->ip; a->port untouched. */
bool addr_parse_host(struct slice s, struct addr *a);
/* "host:port", "[v6]:port"; the port is needed. */
bool addr_parse(struct slice s, struct addr *a);
/*
 * Splits "HOST", "HOST:PORT", "[V6]", "[V6]:PORT", ":PORT", bare IPv6: *host may be empty, *port is
 * untouched where there is none. false if the port is not 0..65535. The host may be a name.
 */
bool addr_split(struct slice s, struct slice *host, uint16_t *port);

#endif
