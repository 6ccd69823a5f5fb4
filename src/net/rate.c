/* How fast a connection's link is, by what the kernel knows of it. The connection's owner. */
#include "conn.h"

#include "p2pdi/base/clock.h"

/* Not <netinet/tcp.h>: its struct tcp_info ends before the rates. */
#include <linux/tcp.h>
#include <netinet/in.h>
#include <stddef.h>
#include <sys/socket.h>

/*
 * Shapers let the first bytes after a pause pass at once, so a sample from the beginning may be a
 * hundred times too high, and so may the last one of a link that is idle now and then.
 */
#define ENOUGH_BYTES (UINT64_C(128) << 10)

uint64_t net_conn_rate(const struct net_conn *c)
{
    struct tcp_info info = {0};
    socklen_t len = sizeof(info);

    if (getsockopt(c->io.fd, IPPROTO_TCP, TCP_INFO, &info, &len) != 0 ||
        len < offsetof(struct tcp_info, tcpi_busy_time) + sizeof(info.tcpi_busy_time) ||
        info.tcpi_bytes_acked < ENOUGH_BYTES || info.tcpi_busy_time == 0)
        return 0;

    uint64_t so_far = info.tcpi_bytes_acked * CLOCK_US_PER_S / info.tcpi_busy_time;

    return so_far < info.tcpi_delivery_rate ? so_far : info.tcpi_delivery_rate;
}
