/* What several views need: formats of cells, and the lines at the top and bottom. */
#include "views.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

void view_format_ttl(char *out, int64_t left_us)
{
    /* Rounded up: what runs out in half a second has not run out. */
    int64_t s = left_us <= 0 ? 0 : (left_us + 999999) / 1000000;

    snprintf(out, GRID_CELL_SIZE, "%lld:%02d:%02d", (long long)(s / 3600), (int)(s / 60 % 60),
             (int)(s % 60));
}

void view_format_rate(char *out, uint64_t bytes_per_s)
{
    out[0] = '\0';
    if (bytes_per_s > 0)
        text_human_bytes(bytes_per_s, out);
}

void view_format_clock(char *out, int64_t wall_s, bool date)
{
    time_t t = (time_t)wall_s;
    struct tm tm;

    out[0] = '\0';
    if (wall_s > 0 && localtime_r(&t, &tm) != NULL)
        strftime(out, GRID_CELL_SIZE, date ? "%Y-%m-%d %H:%M:%S" : "%H:%M:%S", &tm);
}

void view_format_own(char *out, const struct addr *a)
{
    if (addr_is_any(a))
        snprintf(out, ADDR_TEXT_SIZE, "port %u", a->port);
    else
        addr_format(a, out);
}

const char *view_reachable(enum snap_reachable r)
{
    return r == SNAP_REACHABLE_YES ? "yes" : r == SNAP_REACHABLE_NO ? "no" : "?";
}

#define AT_THE_END 1000

void view_draw_parts(struct rect r, struct view_part *parts, size_t count, int gap)
{
    int needed = -gap;

    for (size_t i = 0; i < count; i++)
        if (parts[i].text[0] != '\0')
            needed += text_cells(parts[i].text) + gap;
    while (needed > r.w) {
        struct view_part *worst = NULL;
        size_t left = 0;

        for (size_t i = 0; i < count; i++)
            if (parts[i].text[0] != '\0') {
                left++;
                if (worst == NULL || parts[i].rank % AT_THE_END < worst->rank % AT_THE_END)
                    worst = &parts[i];
            }
        if (left <= 1)
            break;
        needed -= text_cells(worst->text) + gap;
        worst->text[0] = '\0';
    }

    int x = r.x, end = r.x + r.w;

    for (size_t i = count; i-- > 0;)
        if (parts[i].rank > AT_THE_END && parts[i].text[0] != '\0') {
            end -= text_cells(parts[i].text);
            draw_text(r.y, end < r.x ? r.x : end, r.w, parts[i].style, parts[i].text);
            end -= gap;
        }
    for (size_t i = 0; i < count; i++)
        if (parts[i].rank <= AT_THE_END && parts[i].text[0] != '\0')
            x += draw_text(r.y, x, r.x + r.w - x, parts[i].style, parts[i].text) + gap;
}
