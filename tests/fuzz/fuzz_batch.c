/* The batch language and its patterns on arbitrary bytes: no crash, and no command outside its bounds. */
#include "../../src/cli/batch.h"

#include "p2pdi/wire/message.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(int good)
{
    if (!good)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice all = {(const char *)data, size};
    struct batch_text t = {.rest = all};
    struct slice text = {0};

    while (batch_text_next(&t, &text)) {
        struct batch_command c;
        char why[BATCH_WHY_SIZE] = "";
        const char *hint = NULL;
        check(text.n > 0 && text.p >= all.p && text.p + text.n <= all.p + all.n);
        enum di_err err = batch_command_parse(text, &c, why, &hint);
        check(err == DI_OK || (why[0] != '\0' && hint != NULL));
        for (size_t i = 0; i < c.count; i++)
            check(c.ranges[i].first >= 1 && c.ranges[i].first <= c.ranges[i].last &&
                  c.ranges[i].last <= WIRE_RFC_MAX);
        check(err != DI_OK || c.verb != BATCH_GET || c.all != (c.count > 0));
        batch_command_fini(&c);
        (void)batch_pattern_fits(text, 8609, "CCNx Messages in TLV Format");
    }
    return 0;
}
