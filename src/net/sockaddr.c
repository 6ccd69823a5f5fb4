/* Between the system's socket addresses and struct addr. Pure. */
#include "sockaddr.h"

#include <netinet/in.h>
#include <string.h>

socklen_t sockaddr_from_addr(const struct addr *a, struct sockaddr_storage *out)
{
    if (addr_is_ipv4(a)) {
        struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(a->port)};

        memcpy(&in.sin_addr, a->ip + 12, 4);
        memcpy(out, &in, sizeof(in));
        return sizeof(in);
    }

    struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_port = htons(a->port)};

    memcpy(&in6.sin6_addr, a->ip, 16);
    memcpy(out, &in6, sizeof(in6));
    return sizeof(in6);
}

bool sockaddr_to_addr(const struct sockaddr_storage *sa, struct addr *out)
{
    if (sa->ss_family == AF_INET) {
        struct sockaddr_in in;

        memcpy(&in, sa, sizeof(in));
        *out = addr_ipv4(0, 0, 0, 0, ntohs(in.sin_port));
        memcpy(out->ip + 12, &in.sin_addr, 4);
        return true;
    }
    if (sa->ss_family == AF_INET6) {
        struct sockaddr_in6 in6;

        memcpy(&in6, sa, sizeof(in6));
        out->port = ntohs(in6.sin6_port);
        memcpy(out->ip, &in6.sin6_addr, 16);
        return true;
    }
    return false;
}
