/* Time. Inside the process it is monotonic microseconds; wall-clock seconds are only shown or stored. */
#ifndef P2PDI_BASE_CLOCK_H
#define P2PDI_BASE_CLOCK_H

#include <stdint.h>

#define CLOCK_US_PER_S INT64_C(1000000)
#define CLOCK_US_PER_MS INT64_C(1000)

/* Monotonic time in microseconds. Any thread. */
int64_t clock_mono_us(void);

/* Seconds since 1970, UTC. Any thread. */
int64_t clock_wall_s(void);

/* After a wait that failed: 20 ms, so that trying again leaves others the processor. Any thread. */
void clock_nap(void);

#endif
