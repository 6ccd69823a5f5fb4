/* Log lines: formatted and cleaned by the calling thread, one write or one call of the sink each. */
#include "p2pdi/base/log.h"

#include "p2pdi/base/text.h"
#include "p2pdi/base/thread.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define LINE_MAX_BYTES 1000

static _Atomic(enum log_level) max_level = LOG_WARN;

static struct lock sink_lock = LOCK_INITIALIZER;
static void (*sink_fn)(void *arg, enum log_level level, const char *line);
static void *sink_arg;

void log_set_level(enum log_level level)
{
    atomic_store_explicit(&max_level, level, memory_order_relaxed);
}

void log_set_sink(void (*sink)(void *arg, enum log_level level, const char *line), void *arg)
{
    lock_acquire(&sink_lock);
    sink_fn = sink;
    sink_arg = arg;
    lock_release(&sink_lock);
}

static void write_stderr(enum log_level level, const char *line)
{
    static const char *const prefix[] = {
        [LOG_ERROR] = "error: ", [LOG_WARN] = "warning: ", [LOG_INFO] = "", [LOG_DEBUG] = ""};
    char out[LINE_MAX_BYTES + 32];
    int n = snprintf(out, sizeof(out), "p2pdi: %s%s\n", prefix[level], line);

    if (n > 0 && write(STDERR_FILENO, out, (size_t)n) < 0)
        return; /* There is nowhere left to say so. */
}

void log_write(enum log_level level, const char *fmt, ...)
{
    char raw[LINE_MAX_BYTES + 1];
    char line[LINE_MAX_BYTES + 1];
    va_list ap;

    if (level > atomic_load_explicit(&max_level, memory_order_relaxed))
        return;
    va_start(ap, fmt);
    int n = vsnprintf(raw, sizeof(raw), fmt, ap);
    va_end(ap);
    if (n < 0)
        return;
    text_clean(line, sizeof(line), slice_of(raw));

    lock_acquire(&sink_lock);
    bool taken = sink_fn != NULL;
    if (taken)
        sink_fn(sink_arg, level, line);
    lock_release(&sink_lock);
    if (!taken)
        write_stderr(level, line);
}
