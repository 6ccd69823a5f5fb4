/* Ends waits early: an eventfd, and a flag for those who do not wait. */
#include "waker.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct net_waker {
    int fd;
    atomic_bool awake;
};

enum di_err net_waker_new(struct net_waker **out)
{
    struct net_waker *w = malloc(sizeof(*w));

    if (w == NULL)
        return DI_NOMEM;
    w->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (w->fd < 0) {
        enum di_err err = di_err_from_errno(errno);

        free(w);
        return err;
    }
    atomic_init(&w->awake, false);
    *out = w;
    return DI_OK;
}

void net_waker_free(struct net_waker *w)
{
    if (w == NULL)
        return;
    close(w->fd);
    free(w);
}

void net_waker_wake(struct net_waker *w)
{
    int saved = errno;
    const uint64_t one = 1;

    atomic_store(&w->awake, true);
    /* It fails only if the counter is full, and then it is readable. */
    (void)!write(w->fd, &one, sizeof(one));
    errno = saved;
}

void net_waker_reset(struct net_waker *w)
{
    uint64_t count;

    (void)!read(w->fd, &count, sizeof(count));
    atomic_store(&w->awake, false);
}

int net_waker_fd(const struct net_waker *w)
{
    return w->fd;
}

bool net_waker_is_awake(const struct net_waker *w)
{
    return atomic_load(&w->awake);
}
