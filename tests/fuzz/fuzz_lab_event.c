/* A child's line as the lab reads it: no crash, no leak, and what it says for people is clean. */
#include "../../src/lab/event.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *line = malloc(size + 1);
    struct lab_event ev;
    char again[sizeof(ev.text)];

    if (line == NULL)
        abort();
    memcpy(line, data, size);
    line[size] = '\0';
    if (lab_event_parse(line, &ev) == DI_OK &&
        (text_clean(again, sizeof(again), slice_of(ev.text)) != strlen(ev.text) ||
         strcmp(again, ev.text) != 0))
        abort();
    free(line);
    return 0;
}
