/* Random lives of peers against a naive model, and clients that follow by deltas. */
#include "peer_index_help.h"

#include "p2pdi/base/random.h"

/* ---- against a naive model ------------------------------------------------------------------- */

#define PEERS 25

struct model {
    bool known, active;
    uint32_t peer, addr;
    int64_t expires_s;
    uint32_t registrations;
};

static void model_expire(struct model m[PEERS], int64_t now_s)
{
    for (size_t i = 0; i < PEERS; i++)
        if (m[i].active && m[i].expires_s <= now_s)
            m[i].active = false;
}

static void check_model(struct peer_index *ix, const struct model m[PEERS], int64_t now_us)
{
    size_t active = 0, known = 0;

    for (uint32_t n = 0; n < PEERS; n++) {
        if (!m[n].known)
            continue;

        struct peer_record r = look(ix, n, now_us, WALL);
        struct addr addr = addr_of(m[n].addr);

        known++;
        active += m[n].active;
        assert_int_equal(r.peer, m[n].peer);
        assert_int_equal(r.active, m[n].active);
        assert_int_equal(r.ttl_s, m[n].active ? m[n].expires_s - now_us / S : 0);
        assert_int_equal(r.registrations, m[n].registrations);
        assert_true(addr_equal(&r.addr, &addr));
    }
    assert_int_equal(peer_index_active(ix), active);
    assert_int_equal(peer_index_known(ix), known);
    assert_int_equal(walk(ix, PEER_WALK_ACTIVE, now_us), active);
    assert_int_equal(walk(ix, PEER_WALK_ALL, now_us), known);
    for (size_t i = 1; i < seen.count; i++)
        assert_true(seen.at[i].peer > seen.at[i - 1].peer);
}

/* What a client that took a whole answer and then deltas believes to be active. */
struct replica {
    char version[CHANGES_VERSION_SIZE];
    bool active[PEERS + 1];
};

static void follow(struct peer_index *ix, struct replica *c, int64_t now_us)
{
    if (!walk_since(ix, c->version, now_us)) {
        memset(c->active, 0, sizeof(c->active));
        (void)walk(ix, PEER_WALK_ACTIVE, now_us);
    }
    for (size_t i = 0; i < seen.count; i++)
        c->active[seen.at[i].peer] = seen.at[i].active;
    peer_index_version(ix, c->version);
}

static void random_lives_agree_with_a_naive_model(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 30; seed++) {
        struct peer_index *ix = make(100);
        struct model m[PEERS] = {{0}};
        struct replica clients[3] = {{{0}, {0}}};
        struct prng prng;
        int64_t now_us = 0;
        uint32_t peers = 0;

        prng_seed(&prng, seed);
        for (int step = 0; step < 600; step++) {
            uint32_t n = (uint32_t)prng_below(&prng, PEERS);

            now_us += (int64_t)prng_below(&prng, prng_below(&prng, 10) == 0 ? 4000 * S : 100 * S);
            (void)peer_index_expire(ix, now_us, WALL, NULL, NULL);
            model_expire(m, now_us / S);
            switch (prng_below(&prng, 4)) {
            case 0: {
                struct sha256 cookie = cookie_of(n);
                uint32_t at = (uint32_t)prng_below(&prng, PEERS);
                struct addr addr = addr_of(at);
                struct peer_record r;

                assert_int_equal(peer_index_register(ix, &cookie, &addr, "", "", now_us, WALL, &r),
                                 DI_OK);
                for (size_t i = 0; i < PEERS; i++)
                    if (m[i].active && m[i].addr == at)
                        m[i].active = false;
                if (!m[n].known)
                    m[n].peer = ++peers;
                m[n].known = true;
                m[n].active = true;
                m[n].addr = at;
                m[n].expires_s = now_us / S + 7200;
                m[n].registrations++;
                break;
            }
            case 1:
                assert_int_equal(renew(ix, n, now_us), !m[n].known   ? DI_NOT_FOUND
                                                       : m[n].active ? DI_OK
                                                                     : DI_CLOSED);
                if (m[n].active)
                    m[n].expires_s = now_us / S + 7200;
                break;
            case 2:
                assert_int_equal(leave(ix, n, now_us), m[n].known ? DI_OK : DI_NOT_FOUND);
                m[n].active = false;
                break;
            default:
                peer_index_sample(ix, 3, 0, prng_next(&prng), now_us, WALL, see, &seen);
                break;
            }
            check_model(ix, m, now_us);

            struct replica *c = &clients[prng_below(&prng, 3)];

            follow(ix, c, now_us);
            for (size_t i = 0; i < PEERS; i++)
                assert_int_equal(m[i].known && c->active[m[i].peer], m[i].active);
        }
        peer_index_free(ix);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_lives_agree_with_a_naive_model),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
