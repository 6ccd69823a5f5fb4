/* Reads the two clocks. Any thread. */
#include "p2pdi/base/clock.h"

#include <time.h>

int64_t clock_mono_us(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * CLOCK_US_PER_S + now.tv_nsec / 1000;
}

int64_t clock_wall_s(void)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec;
}

void clock_nap(void)
{
    struct timespec t = {.tv_nsec = 20000000};
    (void)nanosleep(&t, NULL);
}
