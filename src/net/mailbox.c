/* The listener's mailbox. A post costs a system call only if the listener sleeps. */
#include "mailbox.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum di_err net_mailbox_init(struct net_mailbox *b)
{
    *b = (struct net_mailbox){.event_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)};
    if (b->event_fd < 0)
        return di_err_from_errno(errno);
    b->end = &b->first;
    lock_init(&b->lock);
    return DI_OK;
}

void net_mail_free(struct net_mail *m)
{
    if (m == NULL)
        return;
    buf_fini(&m->answer);
    for (size_t i = 0; i < m->count; i++)
        m->piece[i].release(m->piece[i].arg);
    free(m);
}

void net_mailbox_fini(struct net_mailbox *b)
{
    while (b->first != NULL) {
        struct net_mail *m = b->first;

        b->first = m->next;
        net_mail_free(m);
    }
    lock_fini(&b->lock);
    close(b->event_fd);
}

/* Releases the lock. */
static void unlock_and_signal(struct net_mailbox *b)
{
    bool signal = b->asleep;

    b->asleep = false;
    lock_release(&b->lock);
    /* It cannot fail: only the first after a sleep writes, so the counter is far from its limit. */
    if (signal)
        (void)!eventfd_write(b->event_fd, 1);
}

bool net_mailbox_post(struct net_mailbox *b, struct net_mail *m)
{
    lock_acquire(&b->lock);
    if (b->closed) {
        lock_release(&b->lock);
        return false;
    }
    m->next = NULL;
    *b->end = m;
    b->end = &m->next;
    unlock_and_signal(b);
    return true;
}

void net_mailbox_tick(struct net_mailbox *b)
{
    lock_acquire(&b->lock);
    b->tick = true;
    unlock_and_signal(b);
}

void net_mailbox_wake(struct net_mailbox *b)
{
    lock_acquire(&b->lock);
    unlock_and_signal(b);
}

struct net_post net_mailbox_take(struct net_mailbox *b)
{
    lock_acquire(&b->lock);
    struct net_post post = {.mail = b->first, .tick = b->tick};

    b->first = NULL;
    b->end = &b->first;
    b->tick = false;
    lock_release(&b->lock);
    return post;
}

bool net_mailbox_sleep(struct net_mailbox *b)
{
    lock_acquire(&b->lock);
    b->asleep = b->first == NULL && !b->tick;

    bool asleep = b->asleep;

    lock_release(&b->lock);
    return asleep;
}

void net_mailbox_woken(struct net_mailbox *b, bool signalled)
{
    eventfd_t count;

    if (signalled)
        (void)!eventfd_read(b->event_fd, &count);
    lock_acquire(&b->lock);
    b->asleep = false;
    lock_release(&b->lock);
}

void net_mailbox_close(struct net_mailbox *b)
{
    lock_acquire(&b->lock);
    b->closed = true;
    lock_release(&b->lock);
}
