/* What serve() may do with the connection it was given. A worker runs it. */
#include "server_impl.h"
#include "sockaddr.h"

#include <assert.h>

const struct addr *net_conn_remote(const struct net_conn *c)
{
    return &c->remote;
}

const struct addr *net_conn_local(struct net_conn *c)
{
    struct sockaddr_storage sa;
    socklen_t len = sizeof(sa);

    if (c->local.port == 0 && getsockname(c->io.fd, (struct sockaddr *)&sa, &len) == 0)
        (void)sockaddr_to_addr(&sa, &c->local);
    return &c->local;
}

void net_conn_send(struct net_conn *c, const void *bytes, size_t len)
{
    net_output_copy(c->out, bytes, len);
}

void net_conn_send_buf(struct net_conn *c, struct buf *b)
{
    net_output_take(c->out, b);
}

void net_conn_send_shared(struct net_conn *c, const void *bytes, size_t len,
                          void (*release)(void *arg), void *arg)
{
    net_output_share(c->out, bytes, len, release, arg);
}

void net_conn_send_file(struct net_conn *c, int fd, uint64_t offset, uint64_t len,
                        void (*release)(void *arg), void *arg)
{
    net_output_file(c->out, fd, offset, len, release, arg);
}

void net_conn_close_after(struct net_conn *c)
{
    if (c->ending == ENDING_NONE)
        c->ending = ENDING_CLOSE;
}

struct net_token net_conn_park(struct net_conn *c)
{
    assert(!c->parked);
    c->parked = true;
    STATS_ADD(c->server->stats, connections_parked, 1);
    return (struct net_token){
        .slot = net_conn_slot(c, c->server->conns),
        .generation = net_conn_generation(c),
    };
}
