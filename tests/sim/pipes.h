/*
 * How long a swarm takes: N peers with the real scheduler and the real turns behind links of limited
 * rate, in virtual time, in one thread, from one seed. Nobody fails here (swarm.h is for that); what
 * counts is bytes: each link sends its connections' answers in turn, piece by piece, and what several
 * send to one peer queues at its link. Compression, processors and disks are but numbers.
 */
#ifndef P2PDI_TESTS_SIM_PIPES_H
#define P2PDI_TESTS_SIM_PIPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A document: its bytes, and those that stand for it on the wire. */
struct pipes_doc {
    uint64_t size_bytes, wire_bytes;
};

/* 0 stands for a default where one is named. */
struct pipes_config {
    uint64_t seed;
    unsigned peers, docs;
    unsigned task;                        /* 1: peer 0 has all. 2: each has its share */
    const struct pipes_doc *doc;          /* docs of them; NULL: made up, like RFCs */
    double rate_bps;                      /* of a link, both ways, heads of frames included */
    double rate_first_bps, rate_last_bps; /* peer 0's and the last peer's; 0: like the others */
    unsigned near;                        /* neighbours that a peer listens to; 0: the product's */
    unsigned window_max;                  /* 0: the product's */
    bool is_alone;                        /* nobody knows who else wants the same */
    bool is_patient;                      /* everybody is served at once, however many */
};

struct pipes_result {
    unsigned wanting, complete;
    double first_s, median_s, last_s; /* when those who want something had all */
    double left_first;                /* times that the bytes of peer 0 left it */
    /* Of a peer, on average: */
    double document_bytes, news_bytes, news_messages, rows;
    double met, met_max; /* others that a peer ever asked or linked to */
    double clients_max;  /* most links that a peer had to serve at a time */
    uint64_t events;
};

void pipes_run(const struct pipes_config *cfg, struct pipes_result *out);

#endif
