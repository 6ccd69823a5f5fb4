/*
 * Errors that the program can be made to have, by functions of its own that are replaced at link
 * time: a simulation that does not find them would be worth nothing. Without one they change
 * nothing. In the world's one thread.
 */
#include "world_impl.h"

#include "p2pdi/index/peer_index.h"
#include "p2pdi/net/stream.h"

#include "../../src/peer/internal.h"
#include "../../src/store/part.h"

enum di_err __real_library_part_verify(struct library_part *p);
enum di_err __wrap_library_part_verify(struct library_part *p);
enum di_err __real_peer_index_register(struct peer_index *ix, const struct sha256 *cookie,
                                       const struct addr *addr, const char *name, const char *os,
                                       int64_t now_us, int64_t wall_s, struct peer_record *out);
enum di_err __wrap_peer_index_register(struct peer_index *ix, const struct sha256 *cookie,
                                       const struct addr *addr, const char *name, const char *os,
                                       int64_t now_us, int64_t wall_s, struct peer_record *out);
enum di_err __real_peer_index_renew(struct peer_index *ix, const struct sha256 *cookie,
                                    int64_t now_us, int64_t wall_s, struct peer_record *out);
enum di_err __wrap_peer_index_renew(struct peer_index *ix, const struct sha256 *cookie,
                                    int64_t now_us, int64_t wall_s, struct peer_record *out);
uint64_t __real_random_cookie(void);
uint64_t __wrap_random_cookie(void);
void __real_downloads_holder_gone(struct downloads *d, const struct addr *holder);
void __wrap_downloads_holder_gone(struct downloads *d, const struct addr *holder);
size_t __real_neighbours_filter(struct neighbours *n, struct offer *offers, size_t count);
size_t __wrap_neighbours_filter(struct neighbours *n, struct offer *offers, size_t count);
void __real_catalog_drop_holder(struct catalog *c, const struct addr *holder);
void __wrap_catalog_drop_holder(struct catalog *c, const struct addr *holder);
void __real_gets_on_failed(struct gets *g, const struct pool *pool, uint32_t rfc, bool nobody,
                           bool mismatch);
void __wrap_gets_on_failed(struct gets *g, const struct pool *pool, uint32_t rfc, bool nobody,
                           bool mismatch);
void __real_net_stream_close(struct net_stream *s);
void __wrap_net_stream_close(struct net_stream *s);

enum di_err __wrap_library_part_verify(struct library_part *p)
{
    enum di_err err = __real_library_part_verify(p);

    if (w.cfg->plant != PLANT_UNVERIFIED || err != DI_MISMATCH)
        return err;
    p->verified = true;
    return DI_OK;
}

enum di_err __wrap_peer_index_register(struct peer_index *ix, const struct sha256 *cookie,
                                       const struct addr *addr, const char *name, const char *os,
                                       int64_t now_us, int64_t wall_s, struct peer_record *out)
{
    enum di_err err = __real_peer_index_register(ix, cookie, addr, name, os, now_us, wall_s, out);

    if (w.cfg->plant == PLANT_TTL && chance(300))
        out->ttl_s += 1;
    return err;
}

enum di_err __wrap_peer_index_renew(struct peer_index *ix, const struct sha256 *cookie,
                                    int64_t now_us, int64_t wall_s, struct peer_record *out)
{
    enum di_err err = __real_peer_index_renew(ix, cookie, now_us, wall_s, out);

    if (w.cfg->plant != PLANT_REVIVE || err != DI_CLOSED)
        return err;

    struct addr addr = out->addr;

    return __real_peer_index_register(ix, cookie, &addr, "", "", now_us, wall_s, out);
}

uint64_t __wrap_random_cookie(void)
{
    return w.cfg->plant == PLANT_COOKIE ? 1 + prng_below(&w.prng, 3) : __real_random_cookie();
}

void __wrap_downloads_holder_gone(struct downloads *d, const struct addr *holder)
{
    if (w.cfg->plant != PLANT_STALE)
        __real_downloads_holder_gone(d, holder);
}

size_t __wrap_neighbours_filter(struct neighbours *n, struct offer *offers, size_t count)
{
    return w.cfg->plant == PLANT_STALE ? count : __real_neighbours_filter(n, offers, count);
}

void __wrap_catalog_drop_holder(struct catalog *c, const struct addr *holder)
{
    if (w.cfg->plant != PLANT_STALE)
        __real_catalog_drop_holder(c, holder);
}

void __wrap_gets_on_failed(struct gets *g, const struct pool *pool, uint32_t rfc, bool nobody,
                           bool mismatch)
{
    if (w.cfg->plant != PLANT_HANG)
        __real_gets_on_failed(g, pool, rfc, nobody, mismatch);
}

void __wrap_net_stream_close(struct net_stream *s)
{
    if (w.cfg->plant != PLANT_LEAK || !chance(20))
        __real_net_stream_close(s);
}
