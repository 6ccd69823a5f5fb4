/* Makes up an experiment: times as a transfer of so many bytes would take, with noise. */
#include "experiment_sample.h"

#include "p2pdi/base/random.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

static size_t holder_of(enum experiment_task task, size_t peer, size_t k, size_t peers, size_t each,
                        struct prng *p)
{
    size_t round = k / each + 1;

    switch (task) {
    case EXPERIMENT_BEST:
        return (peer + round) % peers;
    case EXPERIMENT_WORST:
        return round - 1 < peer ? round - 1 : round;
    case EXPERIMENT_SWARM: {
        size_t other = prng_below(p, peers);

        return other == peer ? 0 : other;
    }
    case EXPERIMENT_CENTRALISED:
    case EXPERIMENT_TASKS:
        break;
    }
    return 0;
}

void experiment_sample(struct experiment *e, uint64_t seed, size_t peers, size_t each)
{
    struct prng p;
    static const unsigned slowness[] = {10, 4, 9, 5};

    prng_seed(&p, seed);
    *e = (struct experiment){.machine = "Linux 6.1 x86_64, 2 CPUs",
                             .version = "0.1.0",
                             .documents = "60 RFCs from <here & there>",
                             .started_s = 1767323045,
                             .seed = seed,
                             .peers = peers,
                             .files = each * (peers - 1)};
    for (enum experiment_task t = 0; t < EXPERIMENT_TASKS; t++) {
        struct experiment_run *run = calloc(1, sizeof(*run));

        assert(run != NULL);
        e->runs[t] = run;
        run->task = t;
        for (size_t i = 0; i < peers; i++) {
            struct experiment_peer *peer = &run->peer[i];
            int64_t clock = 0;

            if (i == 0 && (t == EXPERIMENT_CENTRALISED || t == EXPERIMENT_SWARM))
                continue;
            peer->files = calloc(e->files, sizeof(*peer->files));
            assert(peer->files != NULL);
            peer->count = e->files;
            for (size_t k = 0; k < e->files; k++) {
                struct experiment_file *f = &peer->files[k];

                f->rfc = (uint32_t)(8586 + k);
                f->holder = (uint32_t)holder_of(t, i, k, peers, each, &p);
                f->bytes = 5000 + prng_below(&p, 200000);
                f->wire_bytes = f->bytes / 4;
                f->us = (int64_t)((200 + f->bytes / 20) * slowness[t] / 10 + prng_below(&p, 3000));
                clock += t == EXPERIMENT_SWARM ? f->us / 4 : f->us;
                f->at_us = clock;
                f->published_us = clock + 1000;
            }
            peer->elapsed_us = clock + 1000;
        }
    }
}
