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

/* The one of highest rank that is neither in nor out yet. */
static struct view_part *next_part(struct view_part *parts, size_t count, uint64_t seen)
{
    struct view_part *best = NULL;

    for (size_t i = 0; i < count; i++)
        if ((seen >> i & 1) == 0 && parts[i].text[0] != '\0' &&
            (best == NULL || parts[i].rank % AT_THE_END > best->rank % AT_THE_END))
            best = &parts[i];
    return best;
}

void view_draw_parts(struct rect r, struct view_part *parts, size_t count, int gap)
{
    struct view_part *part;
    uint64_t seen = 0;
    int used = 0;

    while ((part = next_part(parts, count, seen)) != NULL) {
        int w = text_cells(part->text) + (seen != 0 ? gap : 0);

        seen |= UINT64_C(1) << (part - parts);
        if (used > 0 && used + w > r.w)
            part->text[0] = '\0';
        else
            used += w;
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
