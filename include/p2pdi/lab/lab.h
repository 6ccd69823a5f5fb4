/*
 * The laboratory: one RS and N peers as real processes of this program on loopback, driven through
 * their batch interface, measured by their events. Everything runs in the calling thread.
 */
#ifndef P2PDI_LAB_LAB_H
#define P2PDI_LAB_LAB_H

#include "p2pdi/base/buf.h"
#include "p2pdi/base/err.h"
#include "p2pdi/stats/experiment.h"

#include <stddef.h>
#include <stdint.h>

struct lab_config {
    unsigned tasks;   /* EXPERIMENT_BITs */
    const char *rfcs; /* a directory with rfcN.txt; NULL: documents are generated from the seed */
    size_t peers;     /* 2 to EXPERIMENT_PEERS_MAX; 0: 6 */
    size_t files;  /* each peer downloads, a multiple of peers - 1; 0: ten from each other peer */
    uint64_t seed; /* of documents and of their distribution over the peers */
    int64_t timeout_s; /* of a run, besides what limited links need; 0: 600 */
    uint64_t up_bps;   /* each peer sends at most so many bytes a second; 0: any amount, or: */
    /* Peers send no faster than a centralised run of so many seconds needs; 0: as fast as they can. */
    int64_t centralised_s;
    const char *program; /* what to run as `PROGRAM rs ...`; NULL: this program */
    int interrupt_fd;    /* readable (never read): stop and clean up; -1: none */
    /* Called when something has changed, at most 30 times a second; may be NULL. */
    void (*on_progress)(void *arg, const struct experiment_progress *p);
    void *arg;
};

/* A configuration with the defaults above, all tasks. */
void lab_config_init(struct lab_config *cfg);
/*
 * That of the demo: generated documents, enough of them and slow enough to watch; centralised,
 * distributed, swarm.
 */
void lab_config_init_demo(struct lab_config *cfg);

/*
 * Runs the tasks and fills *out (experiment_fini, also after a failure: then the tasks before it are
 * there). On failure why says what went wrong and what to do about it. No process and no temporary file is left on any path.
 * DI_INVALID: the configuration; DI_NOT_FOUND: too few documents; DI_MISMATCH: a peer published
 * something that is not the source's; DI_CANCELLED: interrupt_fd; DI_TIMEOUT; DI_PROTOCOL: a child
 * failed or said something unexpected; DI_IO and others of the system.
 */
enum di_err lab_experiment(const struct lab_config *cfg, struct experiment *out, char why[512])
    DI_MUST_CHECK;

/* A number for generated documents that no RFC has: the first one. */
#define LAB_RFC_FIRST 90001
/*
 * Appends a document of an RFC's shape (58 lines a page, headers, footers, form feeds, a table of
 * contents) and, over many numbers, of the real ones' sizes (median 45 KB, 5 KB to 500 KB). The
 * same seed and number give the same bytes anywhere. Errors stick in out.
 */
void lab_generate_rfc(uint64_t seed, uint32_t number, struct buf *out);

#endif
