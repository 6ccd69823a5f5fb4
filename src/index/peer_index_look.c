/* The RS's registry as others see it: copies, walks, deltas, samples. Pure; under the RS's lock. */
#include "p2pdi/base/clock.h"
#include "p2pdi/base/random.h"

#include "peer_record.h"

#include <string.h>

bool peer_record_is_active(const struct record *r, int64_t now_us)
{
    return r->active_at != INACTIVE && expiry_left_s(&r->expiry, now_us) > 0;
}

void peer_record_copy(const struct record *r, int64_t now_us, int64_t wall_s,
                      struct peer_record *out)
{
    bool active = peer_record_is_active(r, now_us);
    size_t name_size = strlen(r->names) + 1;

    *out = (struct peer_record){
        .peer = r->peer,
        .cookie = r->cookie,
        .addr = r->addr,
        .active = active,
        .ttl_s = active ? expiry_left_s(&r->expiry, now_us) : 0,
        .expires_us = active ? r->expiry.at_s * CLOCK_US_PER_S : 0,
        .registrations = stamps_count(&r->stamps, wall_s),
        .last_registered_s = r->stamps.last_s != STAMPS_NEVER ? r->stamps.last_s : 0,
    };
    memcpy(out->name, r->names, name_size);
    memcpy(out->os, r->names + name_size, strlen(r->names + name_size) + 1);
}

enum di_err peer_index_find(struct peer_index *ix, const struct sha256 *cookie, int64_t now_us,
                            int64_t wall_s, struct peer_record *out)
{
    const struct record *r = peer_record_find(ix, cookie);

    if (r == NULL)
        return DI_NOT_FOUND;
    peer_record_copy(r, now_us, wall_s, out);
    return DI_OK;
}

enum di_err peer_index_find_addr(struct peer_index *ix, const struct addr *addr, int64_t now_us,
                                 int64_t wall_s, struct peer_record *out)
{
    const struct record *r = peer_record_find_addr(ix, addr);

    if (r == NULL)
        return DI_NOT_FOUND;
    peer_record_copy(r, now_us, wall_s, out);
    return DI_OK;
}

size_t peer_index_active(const struct peer_index *ix)
{
    return ix->active_count;
}

size_t peer_index_known(const struct peer_index *ix)
{
    return ix->by_cookie.count;
}

void peer_index_version(const struct peer_index *ix, char out[CHANGES_VERSION_SIZE])
{
    changes_version(&ix->changes, out);
}

size_t peer_index_stamps(struct peer_index *ix, const struct sha256 *cookie,
                         struct peer_stamp out[PEER_STAMPS_MAX])
{
    const struct record *r = peer_record_find(ix, cookie);

    return r != NULL ? stamps_copy(&r->stamps, out) : 0;
}

void peer_index_walk(struct peer_index *ix, enum peer_walk which, int64_t now_us, int64_t wall_s,
                     bool (*visit)(void *arg, const struct peer_record *r), void *arg)
{
    struct record **of = which == PEER_WALK_ALL ? ix->all : ix->active;
    size_t count = which == PEER_WALK_ALL ? ix->all_count : ix->active_count;

    for (size_t i = 0; i < count; i++) {
        struct peer_record copy;

        if (of[i] == NULL || (which == PEER_WALK_ACTIVE && !peer_record_is_active(of[i], now_us)))
            continue;
        peer_record_copy(of[i], now_us, wall_s, &copy);
        if (!visit(arg, &copy))
            return;
    }
}

bool peer_index_walk_since(struct peer_index *ix, struct slice version, int64_t now_us,
                           int64_t wall_s, bool (*visit)(void *arg, const struct peer_record *r),
                           void *arg)
{
    uint64_t after = 0;

    if (!changes_since(&ix->changes, version, &after))
        return false;
    for (struct change *c = changes_first_after(&ix->changes, after); c != NULL;
         c = changes_next(&ix->changes, c)) {
        const struct record *r =
            (struct record *)(void *)((char *)c - offsetof(struct record, change));
        struct peer_record copy;

        peer_record_copy(r, now_us, wall_s, &copy);
        if (!visit(arg, &copy))
            break;
    }
    return true;
}

void peer_index_sample(struct peer_index *ix, size_t n, uint32_t but, uint64_t seed, int64_t now_us,
                       int64_t wall_s, bool (*visit)(void *arg, const struct peer_record *r),
                       void *arg)
{
    struct prng prng;

    prng_seed(&prng, seed);
    /* A shuffle that stops when enough have come to the front; the array has no order to lose. */
    for (size_t i = 0; i < ix->active_count && n > 0; i++) {
        size_t j = i + prng_below(&prng, ix->active_count - i);
        struct record *r = ix->active[j];
        struct peer_record copy;

        ix->active[j] = ix->active[i];
        ix->active[j]->active_at = (uint32_t)j;
        ix->active[i] = r;
        r->active_at = (uint32_t)i;
        if (r->peer == but || !peer_record_is_active(r, now_us))
            continue;
        peer_record_copy(r, now_us, wall_s, &copy);
        if (!visit(arg, &copy))
            return;
        n--;
    }
}
