/* The ageing wheel of both indexes. Pure. */
#include "expiry.h"

#include "p2pdi/base/clock.h"

_Static_assert((EXPIRY_SLOTS & (EXPIRY_SLOTS - 1)) == 0, "slots are found by masking");
_Static_assert(EXPIRY_SLOTS > EXPIRY_TTL_MAX_S, "two seconds would share a slot");

static struct expiry_node **slot_of(struct expiry *x, int64_t at_s)
{
    return &x->slots[(uint64_t)at_s & (EXPIRY_SLOTS - 1)];
}

void expiry_clear(struct expiry *x, struct expiry_node *n)
{
    if (n->link == NULL)
        return;
    *n->link = n->next;
    if (n->next != NULL)
        n->next->link = n->link;
    n->link = NULL;
    x->count--;
}

void expiry_set(struct expiry *x, struct expiry_node *n, uint32_t ttl_s, int64_t now_us)
{
    int64_t at_s = now_us / CLOCK_US_PER_S + (ttl_s < EXPIRY_TTL_MAX_S ? ttl_s : EXPIRY_TTL_MAX_S);

    if (n->link != NULL && n->at_s == at_s)
        return;
    expiry_clear(x, n);
    n->at_s = at_s;
    if (x->count == 0 || n->at_s < x->soonest_s)
        x->soonest_s = n->at_s;

    struct expiry_node **slot = slot_of(x, n->at_s);

    n->next = *slot;
    n->link = slot;
    if (n->next != NULL)
        n->next->link = &n->next;
    *slot = n;
    x->count++;
}

struct expiry_node *expiry_pop(struct expiry *x, int64_t now_us)
{
    int64_t now_s = now_us / CLOCK_US_PER_S;

    for (; x->count > 0 && x->soonest_s <= now_s; x->soonest_s++) {
        struct expiry_node *n = *slot_of(x, x->soonest_s);

        /*
         * A slot holds one second only, unless nobody popped for longer than a turn of the wheel.
         */
        while (n != NULL && n->at_s > now_s)
            n = n->next;
        if (n != NULL) {
            expiry_clear(x, n);
            return n;
        }
    }
    return NULL;
}

int64_t expiry_next_us(struct expiry *x)
{
    if (x->count == 0)
        return INT64_MAX;
    while (*slot_of(x, x->soonest_s) == NULL)
        x->soonest_s++;
    return x->soonest_s * CLOCK_US_PER_S;
}

uint32_t expiry_left_s(const struct expiry_node *n, int64_t now_us)
{
    int64_t left_s = n->at_s - now_us / CLOCK_US_PER_S;

    if (n->link == NULL || left_s <= 0)
        return 0;
    return left_s < EXPIRY_TTL_MAX_S ? (uint32_t)left_s : EXPIRY_TTL_MAX_S;
}
