/*
 * Many peers that register with a real RS, over real sockets. The registry keeps one active record for
 * an address, so each has its own: ports from 1024 up on the addresses of 127.0.2.0/24.
 */
#ifndef TESTS_TUI_CROWD_H
#define TESTS_TUI_CROWD_H

#include <stddef.h>
#include <stdint.h>

/*
 * Registers count peers as host-00000 and up with the RS at that port of 127.0.0.1, pipelined over
 * many connections. Returns how many were answered with 200.
 */
size_t crowd_register(uint16_t port, size_t count);

#endif
