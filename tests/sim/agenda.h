/*
 * What happens when, in virtual time: a heap of events, those of the same moment in the order in
 * which they were entered. For simulators; runs out of memory by abort.
 */
#ifndef P2PDI_TESTS_SIM_AGENDA_H
#define P2PDI_TESTS_SIM_AGENDA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct agenda_event {
    int64_t at_us;
    uint64_t order;
    uint32_t kind, who, other; /* mean what the simulator says */
    uint32_t generation;
    uint32_t amount;
};

/* Zeroed: empty. */
struct agenda {
    struct agenda_event *heap;
    size_t count, room;
    uint64_t order;
};

void agenda_fini(struct agenda *a);
/* e's order is set here. */
void agenda_add(struct agenda *a, struct agenda_event e);
/* false: nothing will happen any more. */
bool agenda_next(struct agenda *a, struct agenda_event *out);

#endif
