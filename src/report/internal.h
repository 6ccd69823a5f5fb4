/* What the files of report share: sums, rounding, seconds as text. Pure. */
#ifndef P2PDI_REPORT_INTERNAL_H
#define P2PDI_REPORT_INTERNAL_H

#include "p2pdi/base/buf.h"
#include "p2pdi/stats/experiment.h"

#include <stddef.h>
#include <stdint.h>

#define PEER_NAME_SIZE 8
#define SECONDS_SIZE 32
#define LINKS_SIZE 48

/* "P0" */
void peer_name(size_t peer, char out[PEER_NAME_SIZE]);

/* us to the nearest unit that so many decimals of a second show; 0 to 6. */
int64_t seconds_round(int64_t us, unsigned decimals);
/* Rounded, with so many decimals: "1.051502". */
void seconds_format(int64_t us, unsigned decimals, char out[SECONDS_SIZE]);
/* With about three digits and the unit: "12.3 ms", "1.05 s". */
void seconds_format_short(int64_t us, char out[SECONDS_SIZE]);

/* a / b with two decimals; b > 0. Nothing here goes through printf's %f, which follows the locale. */
void ratio_format(int64_t a, int64_t b, char out[SECONDS_SIZE]);

/* What the network was, inside a sentence: "each peer sends at most 4.1M/s", "no link was limited". */
void links_format(const struct experiment *e, char out[LINKS_SIZE]);

/* Of one peer: its files' own times summed; those from one holder. */
int64_t peer_sum_us(const struct experiment_peer *p);
int64_t peer_sum_from_us(const struct experiment_peer *p, size_t holder);

/* What a run comes down to. */
struct run_totals {
    size_t downloaders;
    size_t slowest; /* peer */
    int64_t slowest_us;
    int64_t sum_us; /* of all files' own times */
    uint64_t bytes, wire_bytes;
    size_t files;
};
struct run_totals run_totals(const struct experiment *e, enum experiment_task task);

/* 1, 2 or 5 times a power of ten, such that max / step is at most count; at least 1. */
int64_t nice_step(int64_t max, int64_t count);
/* Decimals of a second that step_us needs. */
unsigned step_decimals(int64_t step_us);

#endif
