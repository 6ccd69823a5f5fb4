/* How fast a connection's link is, by what the kernel knows of it. The connection's owner. */
#include "conn.h"

/* Not <netinet/tcp.h>: its struct tcp_info ends before the rates. */
#include <linux/tcp.h>
#include <netinet/in.h>
#include <stddef.h>
#include <sys/socket.h>

uint64_t net_conn_rate(const struct net_conn *c)
{
    struct tcp_info info = {0};
    socklen_t len = sizeof(info);

    if (getsockopt(c->io.fd, IPPROTO_TCP, TCP_INFO, &info, &len) != 0 ||
        len < offsetof(struct tcp_info, tcpi_delivery_rate) + sizeof(info.tcpi_delivery_rate))
        return 0;
    return info.tcpi_delivery_rate;
}
