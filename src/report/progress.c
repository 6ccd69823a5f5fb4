/* Bars that show where a run stands. Pure. */
#include "internal.h"

#include "p2pdi/base/text.h"
#include "p2pdi/report/report.h"

#include <stdio.h>

#define BAR_MAX 50

static const char *phase_text(enum experiment_phase phase)
{
    switch (phase) {
    case EXPERIMENT_PREPARING:
        return "peers are starting";
    case EXPERIMENT_RUNNING:
        return "downloading";
    case EXPERIMENT_CHECKING:
        break;
    }
    return "checking every file";
}

static void put_bar(struct buf *out, size_t done, size_t all, size_t width)
{
    size_t filled = all == 0 ? 0 : width * (done < all ? done : all) / all;

    buf_append_char(out, '[');
    for (size_t i = 0; i < width; i++)
        buf_append_char(out, i < filled ? '#' : '.');
    buf_append_char(out, ']');
}

size_t report_progress(struct buf *out, const struct experiment_progress *p, size_t columns)
{
    char duration[TEXT_HUMAN_SIZE] = "", line[256];
    size_t lines = 1;

    if (p->phase == EXPERIMENT_RUNNING)
        text_human_duration_us(p->elapsed_us, duration);

    int n = snprintf(line, sizeof(line), "[%zu/%zu] %s: %s %s", p->run, p->runs,
                     experiment_task_title(p->task), phase_text(p->phase), duration);
    size_t len = n < 0 ? 0 : (size_t)n;

    buf_append(out, line, len < columns ? len : columns);
    buf_append_char(out, '\n');

    /* Name, brackets, "9999/9999", bytes: 22 columns beside the bar. */
    size_t width = columns > 22 + BAR_MAX ? BAR_MAX : (columns > 32 ? columns - 22 : 10);

    for (size_t i = 0; i < p->peers; i++) {
        char name[PEER_NAME_SIZE], bytes[TEXT_HUMAN_SIZE];

        if (!p->peer[i].downloads)
            continue;
        peer_name(i, name);
        text_human_bytes(p->peer[i].bytes, bytes);
        buf_printf(out, "%-3s ", name);
        put_bar(out, p->peer[i].done, p->files, width);
        buf_printf(out, " %4zu/%-4zu %5s\n", p->peer[i].done, p->files, bytes);
        lines++;
    }
    return lines;
}
