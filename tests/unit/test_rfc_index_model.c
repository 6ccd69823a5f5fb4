/* Random histories of the RFC index against a naive model, and clients that follow by deltas. */
#include "rfc_index_help.h"

#include "p2pdi/base/random.h"

/* ---- against a naive model ------------------------------------------------------------------- */

#define DOCS 12
#define HOLDERS 5
#define OWN 0 /* in the place of a holder */

struct model {
    bool live[DOCS][HOLDERS], first_hand[DOCS][HOLDERS], named[DOCS][HOLDERS];
    uint8_t edition[DOCS][HOLDERS];
    int64_t expires_s[DOCS][HOLDERS];
};

static bool has_word(const struct model *m, unsigned h)
{
    for (unsigned d = 1; d < DOCS; d++)
        if (m->live[d][h] && m->first_hand[d][h])
            return true;
    return false;
}

static void model_learn(struct model *m, unsigned d, unsigned h, uint8_t edition, uint32_t ttl_s,
                        bool first_hand, int64_t now_s)
{
    ttl_s = ttl_s < 7200 ? ttl_s : 7200;
    if (!first_hand && has_word(m, h))
        return;
    if (ttl_s == 0) {
        m->live[d][h] = false;
        return;
    }
    if (!first_hand && m->live[d][h] && m->expires_s[d][h] - now_s >= ttl_s)
        return;
    m->live[d][h] = true;
    m->named[d][h] |= first_hand;
    m->first_hand[d][h] = first_hand;
    m->edition[d][h] = edition;
    m->expires_s[d][h] = now_s + ttl_s;
}

static unsigned holder_at(const struct rfc_entry *e)
{
    return e->own ? OWN : e->holder.ip[15];
}

static void check_model(struct rfc_index *ix, const struct model *m, int64_t now_us)
{
    size_t entries = 0, documents = 0, owned = 0;

    for (unsigned d = 1; d < DOCS; d++) {
        size_t here = 0;

        for (unsigned h = 0; h < HOLDERS; h++)
            here += m->live[d][h];
        entries += here;
        documents += here > 0;
        owned += m->live[d][OWN];
        assert_int_equal(rfc_index_has_own(ix, d), m->live[d][OWN]);
        assert_int_equal(find(ix, d, now_us), here);
    }
    assert_int_equal(rfc_index_entries(ix), entries);
    assert_int_equal(rfc_index_documents(ix), documents);
    assert_int_equal(rfc_index_owned(ix), owned);
    assert_int_equal(walk(ix, RFC_SCOPE_OWN, now_us), owned);
    assert_int_equal(walk(ix, RFC_SCOPE_ALL, now_us), entries);
    for (size_t i = 0; i < seen.count; i++) {
        const struct rfc_entry *e = &seen.at[i];
        unsigned h = holder_at(e);

        assert_true(m->live[e->rfc][h] && !e->withdrawn);
        assert_int_equal(e->sha256.byte[0], m->edition[e->rfc][h]);
        assert_int_equal(e->ttl_s, h == OWN ? 7200 : m->expires_s[e->rfc][h] - now_us / S);
        assert_true(i == 0 || e->rfc >= seen.at[i - 1].rfc);
    }
}

/* A client that takes whole answers and deltas. */
struct replica {
    enum rfc_scope scope;
    char version[CHANGES_VERSION_SIZE];
    uint8_t edition[DOCS][HOLDERS]; /* 0: none */
};

static void follow(struct rfc_index *ix, struct replica *c, int64_t now_us)
{
    if (!walk_since(ix, c->scope, c->version, now_us)) {
        memset(c->edition, 0, sizeof(c->edition));
        (void)walk(ix, c->scope, now_us);
    }
    for (size_t i = 0; i < seen.count; i++)
        c->edition[seen.at[i].rfc][holder_at(&seen.at[i])] =
            seen.at[i].withdrawn ? 0 : seen.at[i].sha256.byte[0];
    rfc_index_version(ix, c->scope, c->version);
}

static void check_replica(const struct replica *c, const struct model *m)
{
    for (unsigned d = 1; d < DOCS; d++)
        for (unsigned h = 0; h < HOLDERS; h++)
            if (h == OWN || c->scope == RFC_SCOPE_ALL)
                assert_int_equal(c->edition[d][h], m->live[d][h] ? m->edition[d][h] : 0);
}

static void operate(struct rfc_index *ix, struct model *m, struct prng *prng, int64_t now_us)
{
    unsigned d = 1 + (unsigned)prng_below(prng, DOCS - 1);
    unsigned h = 1 + (unsigned)prng_below(prng, HOLDERS - 1);
    uint8_t edition = (uint8_t)(1 + prng_below(prng, 3));
    uint32_t ttl_s = (uint32_t)prng_below(prng, 9000);
    struct addr holder = addr_of(h);
    bool first_hand = prng_below(prng, 2) == 0;

    switch (prng_below(prng, 8)) {
    case 0:
        own(ix, d, edition);
        m->live[d][OWN] = true;
        m->edition[d][OWN] = edition;
        break;
    case 1:
        rfc_index_own_drop(ix, d);
        m->live[d][OWN] = false;
        break;
    case 2:
        rfc_index_renew(ix, &holder, now_us);
        for (d = 1; d < DOCS; d++)
            if (m->first_hand[d][h])
                m->expires_s[d][h] = now_us / S + 7200;
        break;
    case 3:
        rfc_index_drop_holder(ix, &holder);
        for (d = 1; d < DOCS; d++)
            m->live[d][h] = false;
        break;
    case 4:
        rfc_index_full_begin(ix, &holder);
        for (unsigned i = 1; i < DOCS; i++)
            m->named[i][h] = false;
        for (unsigned i = 1; i < DOCS; i += 1 + (unsigned)prng_below(prng, 4)) {
            learn(ix, i, h, edition, 7200, now_us);
            model_learn(m, i, h, edition, 7200, true, now_us / S);
        }
        rfc_index_full_end(ix, &holder);
        for (unsigned i = 1; i < DOCS; i++)
            m->live[i][h] = m->live[i][h] && m->first_hand[i][h] && m->named[i][h];
        break;
    default: {
        struct rfc_entry e = row(d, h, edition, prng_below(prng, 6) == 0 ? 0 : ttl_s);

        assert_int_equal(rfc_index_learn(ix, &e, first_hand, now_us), DI_OK);
        model_learn(m, d, h, edition, e.ttl_s, first_hand, now_us / S);
        break;
    }
    }
}

static void random_histories_agree_with_a_naive_model(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 60; seed++) {
        struct rfc_index *ix = make(1000);
        struct model m = {0};
        struct replica clients[4] = {{.scope = RFC_SCOPE_ALL},
                                     {.scope = RFC_SCOPE_OWN},
                                     {.scope = RFC_SCOPE_ALL},
                                     {.scope = RFC_SCOPE_OWN}};
        struct prng prng;
        int64_t now_us = 0;

        prng_seed(&prng, seed);
        for (int step = 0; step < 500; step++) {
            now_us += (int64_t)prng_below(&prng, prng_below(&prng, 8) == 0 ? 3000 * S : 40 * S);
            for (unsigned d = 1; d < DOCS; d++)
                for (unsigned h = 1; h < HOLDERS; h++)
                    m.live[d][h] = m.live[d][h] && m.expires_s[d][h] > now_us / S;
            /* Whatever comes first drops what ran out; half of the time that is the operation. */
            if (prng_below(&prng, 2) == 0)
                (void)rfc_index_expire(ix, now_us);
            operate(ix, &m, &prng, now_us);
            (void)rfc_index_expire(ix, now_us);
            check_model(ix, &m, now_us);

            struct replica *c = &clients[prng_below(&prng, 4)];

            follow(ix, c, now_us);
            check_replica(c, &m);
        }
        rfc_index_free(ix);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_histories_agree_with_a_naive_model),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
