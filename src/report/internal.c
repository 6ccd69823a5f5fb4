/* Sums, rounding and seconds for the reports. Pure. */
#include "internal.h"

#include "p2pdi/base/text.h"

#include <stdio.h>

void peer_name(size_t peer, char out[PEER_NAME_SIZE])
{
    snprintf(out, PEER_NAME_SIZE, "P%u", (unsigned)(peer % 10000));
}

/* Microseconds in one unit of the last decimal. */
static int64_t unit_us(unsigned decimals)
{
    int64_t unit = 1;

    for (unsigned i = decimals; i < 6; i++)
        unit *= 10;
    return unit;
}

int64_t seconds_round(int64_t us, unsigned decimals)
{
    int64_t unit = unit_us(decimals);

    return (us + unit / 2) / unit * unit;
}

void seconds_format(int64_t us, unsigned decimals, char out[SECONDS_SIZE])
{
    int64_t rounded = seconds_round(us, decimals);
    long long whole = rounded / 1000000, rest = rounded % 1000000 / unit_us(decimals);

    if (decimals == 0)
        snprintf(out, SECONDS_SIZE, "%lld", whole);
    else
        snprintf(out, SECONDS_SIZE, "%lld.%0*lld", whole, (int)decimals, rest);
}

void seconds_format_short(int64_t us, char out[SECONDS_SIZE])
{
    long long tenths_ms = (us + 50) / 100, ms = (us + 500) / 1000,
              hundredths_s = (us + 5000) / 10000;

    if (us < 1000)
        snprintf(out, SECONDS_SIZE, "%lld us", (long long)us);
    else if (tenths_ms < 1000)
        snprintf(out, SECONDS_SIZE, "%lld.%lld ms", tenths_ms / 10, tenths_ms % 10);
    else if (ms < 1000)
        snprintf(out, SECONDS_SIZE, "%lld ms", ms);
    else
        snprintf(out, SECONDS_SIZE, "%lld.%02lld s", hundredths_s / 100, hundredths_s % 100);
}

void ratio_format(int64_t a, int64_t b, char out[SECONDS_SIZE])
{
    long long hundredths = (a / b) * 100 + ((a % b) * 100 + b / 2) / b;

    snprintf(out, SECONDS_SIZE, "%lld.%02lld", hundredths / 100, hundredths % 100);
}

void links_format(const struct experiment *e, char out[LINKS_SIZE])
{
    char rate[TEXT_HUMAN_SIZE];

    text_human_bytes(e->up_bps, rate);
    if (e->up_bps == 0)
        snprintf(out, LINKS_SIZE, "no link was limited");
    else
        snprintf(out, LINKS_SIZE, "each peer sends at most %s/s", rate);
}

int64_t peer_sum_us(const struct experiment_peer *p)
{
    int64_t sum = 0;

    for (size_t i = 0; i < p->count; i++)
        sum += p->files[i].us;
    return sum;
}

int64_t peer_sum_from_us(const struct experiment_peer *p, size_t holder)
{
    int64_t sum = 0;

    for (size_t i = 0; i < p->count; i++)
        sum += p->files[i].holder == holder ? p->files[i].us : 0;
    return sum;
}

struct run_totals run_totals(const struct experiment *e, enum experiment_task task)
{
    const struct experiment_run *run = e->runs[task];
    struct run_totals t = {0};

    for (size_t i = 0; i < e->peers; i++) {
        const struct experiment_peer *p = &run->peer[i];

        if (p->count == 0)
            continue;
        t.downloaders++;
        t.files += p->count;
        t.sum_us += peer_sum_us(p);
        for (size_t k = 0; k < p->count; k++) {
            t.bytes += p->files[k].bytes;
            t.wire_bytes += p->files[k].wire_bytes;
        }
        if (p->elapsed_us > t.slowest_us || t.downloaders == 1) {
            t.slowest = i;
            t.slowest_us = p->elapsed_us;
        }
    }
    return t;
}

int64_t nice_step(int64_t max, int64_t count)
{
    static const int64_t factor[] = {1, 2, 5};

    for (int64_t power = 1; power <= INT64_MAX / 100; power *= 10) {
        for (size_t i = 0; i < sizeof(factor) / sizeof(factor[0]); i++) {
            if (max / (factor[i] * power) <= count)
                return factor[i] * power;
        }
    }
    return INT64_MAX;
}

unsigned step_decimals(int64_t step_us)
{
    unsigned decimals = 0;

    while (decimals < 6 && step_us % unit_us(decimals) != 0)
        decimals++;
    return decimals;
}
