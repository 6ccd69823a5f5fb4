/* Names into addresses. Blocks: only for the start of the program. */
#include "sockaddr.h"

#include "p2pdi/net/stream.h"

#include <errno.h>
#include <netdb.h>
#include <string.h>
#include <strings.h>

static enum di_err error_of(int rc)
{
    switch (rc) {
    case EAI_MEMORY:
        return DI_NOMEM;
    case EAI_AGAIN:
        return DI_UNREACHABLE; /* the name server, that is */
    case EAI_SYSTEM:
        return di_err_from_errno(errno);
    default:
        return DI_NOT_FOUND;
    }
}

static bool is_in(const struct addr *a, const struct addr *list, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (addr_equal(a, &list[i]))
            return true;
    return false;
}

enum di_err net_resolve(const char *host, uint16_t port, struct addr *out, size_t max,
                        size_t *count)
{
    struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    struct addrinfo *found;
    struct addr a = {.port = port};

    *count = 0;
    if (max == 0)
        return DI_INVALID;
    if (addr_parse_host(slice_of(host), &a)) {
        out[(*count)++] = a;
        return DI_OK;
    }

    int rc = getaddrinfo(host, NULL, &hints, &found);

    /* RFC 6761, 6.3: this machine, even where nobody wrote it into a table. */
    if (rc != 0 && strcasecmp(host, "localhost") == 0) {
        out[(*count)++] = addr_ipv4(127, 0, 0, 1, port);
        return DI_OK;
    }
    if (rc != 0)
        return error_of(rc);
    for (const struct addrinfo *i = found; i != NULL && *count < max; i = i->ai_next) {
        struct sockaddr_storage sa = {0};

        if (i->ai_addrlen > sizeof(sa))
            continue;
        memcpy(&sa, i->ai_addr, i->ai_addrlen);
        if (!sockaddr_to_addr(&sa, &a))
            continue;
        a.port = port;
        if (!is_in(&a, out, *count))
            out[(*count)++] = a;
    }
    freeaddrinfo(found);
    return *count > 0 ? DI_OK : DI_NOT_FOUND;
}
