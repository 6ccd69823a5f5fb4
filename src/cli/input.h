/* Standard input, line by line as it comes, without missing a signal. Main thread. */
#ifndef P2PDI_CLI_INPUT_H
#define P2PDI_CLI_INPUT_H

#include "p2pdi/base/buf.h"
#include "p2pdi/base/text.h"

#include <stdbool.h>
#include <stdint.h>

#define INPUT_MAX ((size_t)16 << 20)

struct input {
    struct buf held; /* what came and was not used yet */
    bool keep;       /* lines are commands; otherwise what comes is thrown away */
    bool ended;
};

enum input_event {
    INPUT_LINE,
    INPUT_END,
    INPUT_SIGNAL,
    INPUT_TIMEOUT,
    INPUT_TOO_LONG /* more than INPUT_MAX waits to be used */
};

void input_init(struct input *in, bool keep);
void input_fini(struct input *in);
/* Waits for the next line, without its end: valid until the next call. The last one needs no newline. */
enum input_event input_line(struct input *in, struct slice *line);
/* Waits for the end of the input, which never comes from /dev/null. Lines that come are kept. */
enum input_event input_wait_end(struct input *in);
/* Waits for a signal alone. */
enum input_event input_sleep(int64_t us);

#endif
